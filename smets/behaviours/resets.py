"""Methods that only change data items: zero a counter, add to a register, clear a log.

One row a method. Source: GBCS use cases ECS05, ECS07, ECS15a, ECS15c, ECS28b, ECS29, ECS57
(reference: smets-esme 6, 7, 9, 11.8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from gbcs.dlms.activation import table as activations

from ..eventlog import write
from ..profile import Behaviour
from ..values import Value
from ..work import Work
from .activation import FutureDated
from .payment import added

EVENT_LOG_CLEARED = 0x8F52


class What(Enum):
    """What a method does to its target."""

    ZERO = "set to zero"
    ZERO_AND_STAMP = "set to zero, remember when"
    ADD = "add a signed amount, not below zero"
    CLEAR = "forget the entries of a log"


class Row(NamedTuple):
    """One method: its item name, what it does, to which data item."""

    method: str
    what: What
    target: str


# fmt: off
ROWS: tuple[Row, ...] = (
    Row("LoadLimitCounter.reset", What.ZERO, "LoadLimitCounter"),
    Row("AverageRMSUnderVoltageCounter.Phase1.reset", What.ZERO, "AverageRMSUnderVoltageCounter.Phase1"),
    Row("AverageRMSOverVoltageCounter.Phase1.reset", What.ZERO, "AverageRMSOverVoltageCounter.Phase1"),
    Row("AverageRMSUnderVoltageCounter.Phase2.reset", What.ZERO, "AverageRMSUnderVoltageCounter.Phase2"),
    Row("AverageRMSOverVoltageCounter.Phase2.reset", What.ZERO, "AverageRMSOverVoltageCounter.Phase2"),
    Row("AverageRMSUnderVoltageCounter.Phase3.reset", What.ZERO, "AverageRMSUnderVoltageCounter.Phase3"),
    Row("AverageRMSOverVoltageCounter.Phase3.reset", What.ZERO, "AverageRMSOverVoltageCounter.Phase3"),
    Row("MaximumDemandActivePowerImport.reset", What.ZERO_AND_STAMP, "MaximumDemandActivePowerImport"),
    Row("MaximumDemandConfigurableTimeActivePowerImport.reset", What.ZERO_AND_STAMP,
        "MaximumDemandConfigurableTimeActivePowerImport"),
    Row("MaximumDemandActivePowerExport.reset", What.ZERO_AND_STAMP, "MaximumDemandActivePowerExport"),
    Row("TimeDebtRegister1.adjust", What.ADD, "TimeDebtRegister1"),
    Row("TimeDebtRegister2.adjust", What.ADD, "TimeDebtRegister2"),
    Row("PaymentDebtRegister.adjust", What.ADD, "PaymentDebtRegister"),
    Row("EventLog.clear", What.CLEAR, "EventLog"),
    Row("AuxiliaryControllerEventLog.clear", What.CLEAR, "AuxiliaryControllerEventLog"),
)
# fmt: on


class Resets(Behaviour):
    """Binds the rows whose target the device has, and the methods that activate passive values."""

    name = "resets"

    def __init__(self, future_dated: FutureDated, targets: Iterable[str]) -> None:
        held = frozenset(targets)
        self._rows = tuple(row for row in ROWS if row.target in held)
        self._future_dated = future_dated

    def methods(self) -> Mapping[str, Callable[[Work, Value], Value]]:
        """One method a row."""
        bound: dict[str, Callable[[Work, Value], Value]] = {row.method: _method(row) for row in self._rows}
        for activation in activations():
            if not activation.dated:

                def activate(work: Work, value: Value, row=activation) -> Value:  # type: ignore[no-untyped-def]
                    self._future_dated.apply(work, row)
                    return None

                bound[activation.member.item] = activate
        return bound


def _method(row: Row) -> Callable[[Work, Value], Value]:
    def method(work: Work, value: Value) -> Value:
        if row.what is What.ADD:
            work.set_item(row.target, max(0, added(work.int_item(row.target), value)))
        elif row.what is What.CLEAR:
            work.clear_log(row.target)
            if row.target == "EventLog":
                write(work, "SecurityLog", EVENT_LOG_CLEARED)
        else:
            work.set_item(row.target, work.defaults[row.target])
            if row.what is What.ZERO_AND_STAMP:
                work.set_item(f"{row.target}.LastReset", work.time.to_cosem())
                work.set_item(f"{row.target}.CaptureTime", work.defaults[f"{row.target}.CaptureTime"])
        return None

    return method
