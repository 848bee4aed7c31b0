"""What the CHF Event Log says of messages that a gas meter has to fetch.

Source: reference chts-hub 2.2 and 7.4.
"""

from __future__ import annotations

from smets.eventlog import write
from smets.events import Event
from smets.profile import Behaviour
from smets.work import Work

from .events import NotRetrieved, Retrieved

ACTIONED, NOT_ACTIONED = 0x8154, 0x8155
NOT_RETRIEVED = 0x819D


class Deliveries(Behaviour):
    """Logs what was fetched, what did not arrive, what was never fetched.

    Gap: 819D is no more than a log entry in chts-hub 20; attributes of an alert are inferred in
    smets-alerts-events, so that none is sent.
    """

    name = "deliveries"

    def handle(self, work: Work, event: Event) -> None:
        """Write the log."""
        if isinstance(event, Retrieved):
            code = ACTIONED if event.arrived else NOT_ACTIONED
            write(work, "EventLog", code, event.message_code.to_bytes(2, "big"))
        elif isinstance(event, NotRetrieved):
            write(work, "EventLog", NOT_RETRIEVED)
