"""What a device turns away at its interface to the home area network, and how that is logged.

Requests for its tunnel that it rejects, and devices that ask for what only others may. Alerts of the
latter are critical and cannot be switched off: so many go out in a window, as of bad messages. Source:
event codes 81A4, 81BA, 8F3E (reference: chts-hub 7.2 and 20, gbcs-messages 11).
"""

from __future__ import annotations

from dataclasses import dataclass

from gbcs.ids import EntityId

from ..eventlog import occur, write
from ..events import Event, Metrology, ProfileEvent, TimerDue
from ..limiter import counted
from ..profile import Behaviour
from ..work import Work

REQUEST_REJECTED, CLOSE_REJECTED = 0x81BA, 0x81A4
UNAUTHORISED = 0x8F3E
TUNNEL_RULE, ACCESS_RULE = "chts-hub 7.2", "smets-ppmid-hcalcs-ihd 1"


@dataclass(frozen=True, slots=True)
class TunnelRejected(ProfileEvent):
    """A request to open the device's tunnel was rejected, or one to close it (`closing`)."""

    closing: bool = False


@dataclass(frozen=True, slots=True)
class AccessRefused(ProfileEvent):
    """A station asked by a command for what it may not have; `command` is the name."""

    station: EntityId
    command: str


class HanAccess(Behaviour):
    """Logs and tells of it."""

    name = "han access"
    ignores = (Metrology, TimerDue)

    def handle(self, work: Work, event: Event) -> None:
        """Each rejection counts; of refused access the log has all, alerts are limited."""
        if isinstance(event, TunnelRejected):
            occur(work, CLOSE_REJECTED if event.closing else REQUEST_REJECTED)
            what = "close" if event.closing else "open"
            work.report("refused", f"a request to {what} the tunnel", TUNNEL_RULE)
        elif isinstance(event, AccessRefused):
            write(work, "SecurityLog", UNAUTHORISED)
            if counted(work, f"{UNAUTHORISED:04X}") <= work.settings.alerts_per_code:
                work.alert(UNAUTHORISED)
            work.report("refused", f"{event.command} of {event.station}", ACCESS_RULE)
