"""Which configurable codes are alerted, sounded and logged: the mask-and-action strings of ECS25.

Bit n, counted from the last, stands for code 8100 + n of the supplier and 8000 + n of the
network operator; a mask bit of 0 keeps the setting (reference: dlms-payloads 7.6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..profile import Behaviour
from ..values import Value
from ..work import Work

BITS = 256
SETTINGS = (
    "SupplierWANAlerts",
    "SupplierHANAlerts",
    "SupplierAlarms",
    "SupplierLogging",
    "NetworkOperatorWANAlerts",
    "NetworkOperatorLogging",
)
_WAN = {0x81: "SupplierWANAlerts", 0x80: "NetworkOperatorWANAlerts"}
_HAN = {0x81: "SupplierHANAlerts"}
_ALARMS = {0x81: "SupplierAlarms"}
_LOGGING = {0x81: "SupplierLogging", 0x80: "NetworkOperatorLogging"}


class AlertSettings(Behaviour):
    """Merges a mask and action into the setting it is for."""

    name = "alert settings"

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """One reaction a setting."""
        return {f"{name}.MaskAndActions": _merge(name) for name in SETTINGS}


def alert_is_on(work: Work, code: int) -> bool:
    """Whether a configurable code is sent to the WAN."""
    return _is_on(work, _WAN, code)


def han_alert_is_on(work: Work, code: int) -> bool:
    """Whether a configurable code is told on the home area network."""
    return _is_on(work, _HAN, code)


def alarm_is_on(work: Work, code: int) -> bool:
    """Whether a configurable code sounds the alarm; only the supplier's can."""
    return code >> 8 in _ALARMS and _ALARMS[code >> 8] in work.defaults and _is_on(work, _ALARMS, code)


def event_is_on(work: Work, code: int) -> bool:
    """Whether a configurable code is logged."""
    return _is_on(work, _LOGGING, code)


def _is_on(work: Work, settings: Mapping[int, str], code: int) -> bool:
    name = settings.get(code >> 8)
    held = work.item(name) if name is not None else None
    return not isinstance(held, str) or held[BITS - 1 - (code & 0xFF)] == "1"


def _merge(name: str) -> Callable[[Work, Value], None]:
    def merge(work: Work, value: Value) -> None:
        held = work.item(name)
        if isinstance(value, str) and isinstance(held, str):
            mask, action = value[:BITS], value[BITS:]
            merged = (a if m == "1" else h for m, a, h in zip(mask, action, held, strict=True))
            work.set_item(name, "".join(merged))

    return merge
