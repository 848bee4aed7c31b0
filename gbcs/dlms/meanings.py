"""What the leaves of COSEM data mean: the `@name` of the type notation, each a `Kind`.

Source: DLMS Blue Book units and enumerations as GBCS uses them (reference: dlms-payloads 4
to 7), SMETS names and units (reference: smets-esme 6 and 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from .. import values
from ..events import EVENT, NETWORK_OPERATOR_BASE, SUPPLIER_BASE, EventCode, bits_of, codes_of
from ..values import Flags, Kind, code_kind, quantity_kind

# numbers with names
CODES: dict[str, dict[int, str]] = {
    "unit": {
        7: "s",
        27: "W",
        29: "var",
        30: "Wh",
        32: "varh",
        35: "V",
        254: "other",
        255: "count",
    },
    "payment-mode": {1: "credit", 2: "prepayment"},
    "account-status": {1: "new", 2: "active", 3: "closed"},
    "supply-state": {0: "disabled", 1: "enabled", 2: "armed"},
    "clock-base": {
        0: "not defined",
        1: "internal crystal",
        2: "mains 50 Hz",
        3: "mains 60 Hz",
        4: "GPS",
        5: "radio controlled",
    },
    "protection-type": {2: "authentication and encryption"},
    "key-info-type": {2: "agreed key"},
    "restriction-type": {0: "none", 1: "by date"},
    "tariff-script": {
        99: "reset block counters",
        **{n: f"TOU {n}" for n in range(1, 49)},
        **{100 + n: f"block tariff TOU {n}" for n in range(1, 9)},
        **{200 + n: f"secondary TOU {n}" for n in range(1, 5)},
    },
    "supply-script": {
        32: "start non-disablement",
        33: "end non-disablement",
        51: "enable",
        52: "disable",
        54: "arm",
    },
    "integrity": {
        0: "other",
        1: "non-volatile memory",
        2: "program execution",
        3: "program storage",
        4: "RAM",
        5: "unexpected hardware reset",
        6: "watchdog",
        7: "metrology firmware verification",
        8: "measurement fault",
        9: "unspecified operational integrity error",
    },
    "cra": {1: "command", 2: "response", 3: "alert"},
}
# booleans with names: for false, for true
FLAGS: dict[str, tuple[str, str]] = {
    "locked": ("unlocked", "locked"),
    "currency": ("ECB", "GBP"),
    "load-limit-state": ("unchanged", "disable"),
}
# numbers of units: unit, base unit, power of ten that leads to it
UNITS: dict[str, tuple[str, str, int]] = {
    "Wh": ("Wh", "kWh", -3),
    "varh": ("varh", "kvarh", -3),
    "W": ("W", "kW", -3),
    "V": ("V", "V", 0),
    "s": ("s", "s", 0),
    "min": ("min", "min", 0),
    "count": ("count", "count", 0),
    "millipence": ("millipence", "currency units", -5),
    "price": ("millipence/kWh", "currency units/kWh", -5),
    "currency-units": ("currency units", "currency units", 0),
    "per-payment": ("hundredths of a percent", "of a payment", -4),
}


class ControllerScript(Flags):
    """What an auxiliary controller shall do (reference: dlms-payloads 7.3).

    Bits 15 to 12 say output or input, 11 to 8 the controller, the low octet the level, to
    which a calendar adds 80. Other numbers are those of superseded commands.
    """

    __slots__ = ()

    def __str__(self) -> str:
        direction = {1: "output", 2: "input"}.get(self >> 12)
        level = self & 0x7F
        if direction is None or level > 100:
            return f"{int(self):04X}"
        calendar = " by calendar" if self & 0x80 else ""
        return f"{direction} {self >> 8 & 0x0F} at {level} %{calendar}"


def packed_kind(name: str, about: str, parts: tuple[tuple[str, int, Kind], ...]) -> Kind:
    """A kind for octets that hold several values one after another: name, octets, kind of each."""
    size = sum(length for _, length, _ in parts)

    def typed(octets: bytes) -> Any:
        if len(octets) != size:
            return octets
        found, at = {}, 0
        for part, length, kind in parts:
            found[part] = kind.typed(octets[at : at + length])
            at += length
        return found

    def plain(given: Any) -> bytes:
        if not isinstance(given, Mapping):
            return values.accept_octets(given, size)
        names = [part for part, _, _ in parts]
        if set(given) != set(names):
            raise ValueError(f"{', '.join(names)} are needed")
        return b"".join(kind.plain(given[part]) for part, _, kind in parts)

    return Kind(name, about, typed, plain)


def _big_endian(kind: Kind, size: int) -> Kind:
    """A kind for a number that stands as octets."""

    def plain(given: Any) -> bytes:
        number: int = kind.plain(given)
        if not 0 <= number < 1 << 8 * size:
            raise ValueError(f"a number of {size} octets is needed")
        return number.to_bytes(size, "big")

    return Kind(kind.name, kind.about, lambda octets: kind.typed(int.from_bytes(octets, "big")), plain)


class MessageCode(int):
    """A Message Code; prints as 4 hex digits."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{int(self):04X}"


def _packed() -> tuple[Kind, ...]:
    """The octet-strings of alerts (reference: dlms-payloads 8.1, 8.2)."""
    number = Kind("number", "a number", int, values.accept_number)
    code = _big_endian(Kind("message-code", "4 hex digits", MessageCode, values.digits), 2)
    counter = _big_endian(values.COUNTER, 8)
    cra = _big_endian(code_kind("cra", CODES["cra"]), 1)
    refused = (("message_code", 2, code), ("originator_counter", 8, counter))
    return (
        packed_kind("refused", "Message Code and Originator Counter", refused),
        packed_kind(
            "executed",
            "command and attribute that was executed",
            (
                *refused,
                ("class_id", 2, _big_endian(number, 2)),
                ("logical_name", 6, values.LOGICAL_NAME),
                ("member", 1, _big_endian(number, 1)),
            ),
        ),
        packed_kind(
            "message-identity",
            "originator, target, CRA Flag and counter of a message",
            (
                ("originator", 8, values.ENTITY),
                ("target", 8, values.ENTITY),
                ("cra", 1, cra),
                ("originator_counter", 8, counter),
            ),
        ),
    )


def _flag(names: Kind) -> Kind:
    """A named boolean."""
    return Kind(
        names.name,
        names.about,
        names.typed,
        lambda given: bool(names.plain(int(given) if isinstance(given, bool) else given)),
    )


def _codes(base: int) -> Kind:
    def plain(given: Any) -> str:
        if isinstance(given, str):
            return given
        if not isinstance(given, list | tuple):
            raise ValueError("a list of codes is needed")
        return bits_of(map(EVENT.plain, given), base)

    about = f"codes from {base:04X} to {base + 255:04X} that are on"
    return Kind(f"codes-{base:04X}", about, lambda bits: codes_of(bits, base), plain)


def _settings(base: int) -> Kind:
    """Mask and action: which codes are switched, on or off. Action bits without a mask are kept."""

    def typed(bits: str) -> Any:
        half = len(bits) // 2
        mask, action = codes_of(bits[:half], base), codes_of(bits[half:], base)
        if not set(action) <= set(mask):
            return {"mask": mask, "action": action}
        return {code: code in action for code in mask}

    def plain(given: Any) -> str:
        if isinstance(given, str):
            return given
        if not isinstance(given, Mapping):
            raise ValueError("codes with true or false are needed")
        if set(given) == {"mask", "action"}:
            return "".join(_codes(base).plain(given[half]) for half in ("mask", "action"))
        switched = {EVENT.plain(code): on for code, on in given.items()}
        if any(not isinstance(on, bool) for on in switched.values()):
            raise ValueError("a code is switched on or off by true or false")
        return bits_of(switched, base) + bits_of((code for code, on in switched.items() if on), base)

    about = f"codes from {base:04X} to {base + 255:04X}, each true or false"
    return Kind(f"settings-{base:04X}", about, typed, plain)


def _integrity(names: Kind) -> Kind:
    """The two octets of other information in an integrity warning."""

    def plain(given: Any) -> bytes:
        if isinstance(given, bytes):
            return bytes(given)
        octets: bytes = _big_endian(names, 2).plain(given)
        return octets

    return Kind(names.name, names.about, lambda octets: names.typed(int.from_bytes(octets, "big")), plain)


@cache
def kinds() -> dict[str, Kind]:
    """Every kind of the notation by name."""
    found = {name: code_kind(name, names) for name, names in CODES.items()}
    found["integrity"] = _integrity(found["integrity"])
    for name, (off, on) in FLAGS.items():
        found[name] = _flag(code_kind(name, {0: off, 1: on}))
    found["controller-script"] = Kind(
        "controller-script",
        "4 hex digits: 1 output or 2 input, controller, level",
        ControllerScript,
        values.digits,
    )
    for name, (unit, base, exponent) in UNITS.items():
        found[name] = quantity_kind(name, unit, base, exponent)
    for kind in (values.DATE_TIME, values.DATE, values.TIME, values.LOGICAL_NAME, values.TEXT,
                 values.MOMENT, values.ENTITY, values.COUNTER, *_packed()):  # fmt: skip
        found[kind.name] = kind
    found["event"] = EVENT
    found["supplier-codes"] = _codes(SUPPLIER_BASE)
    found["network-codes"] = _codes(NETWORK_OPERATOR_BASE)
    found["supplier-settings"] = _settings(SUPPLIER_BASE)
    found["network-settings"] = _settings(NETWORK_OPERATOR_BASE)
    return found


def remark(meaning: str, value: Any) -> str | None:
    """What a plain value of a meaning says to a reader, None where it says nothing more."""
    kind = kinds().get(meaning)
    if kind is None:
        return None
    typed = kind.typed(value)
    if isinstance(typed, dict):
        if "mask" in typed:
            return f"mask {_listed(typed['mask'])}; action {_listed(typed['action'])}"
        if all(isinstance(on, bool) for on in typed.values()):
            return "; ".join(f"{code}: {'on' if on else 'off'}" for code, on in typed.items()) or "nothing"
        return ", ".join(f"{name} {value}" for name, value in typed.items())
    if isinstance(typed, tuple):
        return _listed(typed)
    if isinstance(typed, values.RawText):
        return None
    return str(typed)


def _listed(codes: tuple[EventCode, ...]) -> str:
    return "; ".join(map(str, codes)) or "none"
