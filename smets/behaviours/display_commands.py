"""What a joined prepayment display asks of a meter, and how that is logged.

The commands come over the home area network, without a GBCS message of their own; Message Codes are
given to them for the Event Log. Source: PECS01 to PECS03 (reference: gbcs-messages 4.5 and 12,
smets-esme 13).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..eventlog import occur
from ..events import ProfileEvent
from ..work import Work

TOP_UP = 0x0116
SELECT_EMERGENCY_CREDIT = 0x0117
ENABLE_SUPPLY = 0x0118
DONE, NOT_DONE = 0x8154, 0x8155


@dataclass(frozen=True, slots=True)
class DisplayCommand(ProfileEvent):
    """A display asks for what a Message Code stands for; `digits` is the token of a top-up."""

    code: int
    digits: str = ""


def answered(work: Work, command: DisplayCommand, refusal: str) -> None:
    """Log and say that a command was carried out, or why not; `refusal` is '' where it was."""
    occur(work, NOT_DONE if refusal else DONE, command.code.to_bytes(2, "big"))
    text = f"{command.code:04X} of a display"
    work.report("refused" if refusal else "done", f"{text}: {refusal}" if refusal else text, "smets-esme 13")
