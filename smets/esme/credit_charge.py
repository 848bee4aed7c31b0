"""The ten legal credit_charge_configuration arrays: payment mode and debt suspension, coded.

An array is a key, its three bits are not computed with: any array that is not here is
refused, and so is one whose mode is not the Payment Mode that comes with it. Rows for the
accumulated debt are there when debt is suspended in emergency credit; the time-debt rows
carry 110 when it is suspended while the supply is disabled.
Source: reference dlms-payloads 7.4; the two arrays with disabled = False are derived, no
sample of them was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple, TypeAlias

from ..behaviours.charging import CREDIT_MODE, PREPAYMENT_MODE, Suspensions
from ..behaviours.compiled import Compiled
from ..profile import OTHER_REASON, Behaviour, Refusal
from ..values import Value
from ..work import Work

Array: TypeAlias = tuple[tuple[bytes, bytes, str], ...]

_CREDIT = ((0, 0), (0, 4))
_PREPAYMENT = ((0, 0), (0, 4), (0, 1), (0, 2), (0, 3), (1, 3), (1, 0), (1, 4), (1, 1), (1, 2))
_ACCUMULATED = ((2, 4), (2, 1), (2, 2))
_SUSPENDABLE = ((0, 1), (0, 2), (1, 1), (1, 2))
_TWIN = {CREDIT_MODE: ((0, 5),), PREPAYMENT_MODE: ((0, 5), (1, 5))}


class Control(NamedTuple):
    """What an array stands for. In credit mode the two suspensions have no meaning (False)."""

    mode: int
    suspend_emergency: bool = False
    suspend_disabled: bool = False


CONTROLS = (
    Control(CREDIT_MODE),
    Control(PREPAYMENT_MODE, True, True),
    Control(PREPAYMENT_MODE, True, False),
    Control(PREPAYMENT_MODE, False, True),
    Control(PREPAYMENT_MODE, False, False),
)


@cache
def array(control: Control, twin: bool) -> Array:
    """The array of a combination on a single or twin element meter."""
    if control.mode == CREDIT_MODE:
        pairs: tuple[tuple[int, int], ...] = _CREDIT
    else:
        pairs = _PREPAYMENT + (_ACCUMULATED if control.suspend_emergency else ())
    if twin:
        pairs += _TWIN[control.mode]
    return tuple(
        (
            bytes((0, 0, 19, 10, credit, 255)),
            bytes((0, 0, 19, 20, charge, 255)),
            "110" if control.suspend_disabled and (credit, charge) in _SUSPENDABLE else "111",
        )
        for credit, charge in pairs
    )


@cache
def arrays(twin: bool) -> dict[Array, Control]:
    """The five legal arrays of a meter, each with what it stands for."""
    return {array(control, twin): control for control in CONTROLS}


def suspensions_of(twin: bool) -> Callable[[Work], Suspensions]:
    """How to read from a meter what its payment mode suspends."""
    compiled = Compiled(lambda held: _suspensions(held, twin))
    return lambda work: compiled.of(work.item("CreditChargeConfiguration"))


def _suspensions(held: Value, twin: bool) -> Suspensions:
    control = next((found for key, found in arrays(twin).items() if key == held), CONTROLS[0])
    return Suspensions(control.suspend_emergency, control.suspend_disabled)


def mismatch(mode: Value, held: Value, twin: bool) -> str:
    """Why a Payment Mode and an array are none of the five combinations; '' if they are one.

    Source: reference smets-esme 11.1, dlms-payloads 7.4.
    """
    control = next((found for key, found in arrays(twin).items() if key == held), None)
    if control is None:
        return "none of the five arrays"
    if not isinstance(mode, tuple) or mode[:1] != (control.mode,):
        return "the array of another payment mode"
    return ""


def mismatch_of(values: Mapping[str, Value], twin: bool) -> str:
    """The same of values that are to become active, by their items."""
    return mismatch(values["PaymentMode"], values["CreditChargeConfiguration"], twin)


class PaymentControl(Behaviour):
    """Refuses an array of another mode than the Payment Mode set before it (`RefusalSettings`)."""

    name = "payment control"

    def __init__(self, twin: bool, array_follows_mode: bool) -> None:
        self._twin = twin
        self._follows = array_follows_mode

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """The array a command sets, after its mode."""
        return {"CreditChargeConfiguration.Passive": self._judge} if self._follows else {}

    def _judge(self, work: Work, value: Value) -> None:
        if reason := mismatch(work.item("PaymentMode.Passive"), value, self._twin):
            raise Refusal(OTHER_REASON, reason)
