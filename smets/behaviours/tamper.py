"""Tamper: what each kind of physical access raises when it begins and ends, and the locked supply.

Where Supply Tamper State is Locked, the beginning of any kind disables the supply and locks it
(81BE) until it is armed. A kind that goes on raises nothing again. Source: SMETS 5.7.4.44, ECS81
(reference: smets-esme 13 and 14).

While the device has no power it senses nothing; a shell says afterwards what is open then.
"""

from __future__ import annotations

from typing import NamedTuple

from ..eventlog import occur
from ..events import Event, Metrology, TimerDue
from ..profile import Behaviour
from ..sensing import Attack, AttackSensed
from ..store import StoreError
from ..work import Work
from .supply import Supply, Trigger

PRESENT = "tamper/present"


class Row(NamedTuple):
    """One kind: the codes of its beginning and end; None where there is none."""

    what: Attack
    begins: int
    ends: int | None


# A battery cover of an ESME has a code only for its end; the general one stands for the beginning.
ROWS: tuple[Row, ...] = (
    Row(Attack.METER_COVER, 0x8F74, 0x81B9),
    Row(Attack.TERMINAL_COVER, 0x8F76, 0x81C1),
    Row(Attack.SECOND_TERMINAL_COVER, 0x8F77, None),
    Row(Attack.BATTERY_COVER, 0x8F3F, 0x81A1),
    Row(Attack.MAGNETIC_FIELD, 0x8F75, 0x81BC),
    Row(Attack.OTHER, 0x8F78, None),
    Row(Attack.UNSPECIFIED, 0x8F3F, None),
)
_BY_KIND = {row.what: row for row in ROWS}


class Tamper(Behaviour):
    """Follows the switches; locks the supply where it is told to."""

    name = "tamper"
    ignores = (Metrology, TimerDue)

    def __init__(self, supply: Supply) -> None:
        self._supply = supply

    def handle(self, work: Work, event: Event) -> None:
        """React to the beginning or end of a kind of access."""
        if not isinstance(event, AttackSensed):
            return
        present = tampered(work)
        if event.present is (event.what in present):
            return
        row = _BY_KIND[event.what]
        changed = present ^ {event.what}
        work.set_value(PRESENT, tuple(sorted(kind.value for kind in changed)))
        if event.present:
            occur(work, row.begins)
            if work.item("SupplyTamperState") is True:
                self._supply.trigger(work, Trigger.TAMPER)
        elif row.ends is not None:
            occur(work, row.ends)


def tampered(work: Work) -> frozenset[Attack]:
    """The kinds of access that go on now. Raises StoreError."""
    held = work.value(PRESENT, ())
    try:
        return frozenset(Attack(name) for name in held) if isinstance(held, tuple) else frozenset()
    except ValueError as error:
        raise StoreError(f"{PRESENT}: {error}") from None
