"""What a display tells a meter of the supplier's message: that it was confirmed.

The meter says so by an event (81A6, reference: smets-ppmid-hcalcs-ihd 4), keeps the last confirmation of
the message it holds, and forgets it with the next message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..eventlog import occur
from ..events import Event, Metrology, ProfileEvent, TimerDue
from ..profile import Behaviour
from ..values import Value
from ..work import Work

CONFIRMED = "messages/confirmed"
ACKNOWLEDGED = 0x81A6
RULE = "han-clusters"


@dataclass(frozen=True, slots=True)
class MessageConfirmed(ProfileEvent):
    """A display says when its user confirmed a message, in seconds since 2000, and what was answered."""

    message_id: int
    time: int
    control: int = 0
    response: bytes = b""


class Messages(Behaviour):
    """Keeps what was confirmed."""

    name = "messages"
    ignores = (Metrology, TimerDue)

    def handle(self, work: Work, event: Event) -> None:
        """Keep a confirmation instead of the one before."""
        if isinstance(event, MessageConfirmed):
            held = (event.message_id, event.time, event.control, event.response)
            work.set_value(CONFIRMED, held)
            occur(work, ACKNOWLEDGED)
            work.report("confirmed", f"message {event.message_id:08X}", RULE)

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """A new message has not been confirmed."""
        return {"SupplierMessage": lambda work, value: work.put(CONFIRMED, None)}


def confirmed(work: Work) -> MessageConfirmed | None:
    """The last confirmation of the message that the meter holds."""
    held = work.value(CONFIRMED)
    return MessageConfirmed(*held) if isinstance(held, tuple) else None  # type: ignore[arg-type]
