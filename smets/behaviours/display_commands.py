"""What a joined prepayment display asks of a meter, and how that is logged.

The commands come over the home area network, without a GBCS message of their own; Message Codes are
given to them for the Event Log. Source: PECS01 to PECS03 (reference: gbcs-messages 4.5 and 12,
smets-esme 13).
"""

from __future__ import annotations

from dataclasses import dataclass

from gbcs.security.utrn import Refusal

from ..eventlog import occur
from ..events import ProfileEffect, ProfileEvent
from ..work import Work

TOP_UP = 0x0116
SELECT_EMERGENCY_CREDIT = 0x0117
ENABLE_SUPPLY = 0x0118
DONE, NOT_DONE = 0x8154, 0x8155
SUPPLY_ON = 0x02  # Proposed Supply Status


@dataclass(frozen=True, slots=True)
class DisplayCommand(ProfileEvent):
    """A display asks for what a Message Code stands for.

    `digits` is the token of a top-up, `supply` the status that a change of supply asks for.
    """

    code: int
    digits: str | bytes = ""
    supply: int = SUPPLY_ON


@dataclass(frozen=True, slots=True)
class TopUpResult:
    """What became of a token: why it was refused, or its value; the meter balance; millipence."""

    refusal: Refusal | None
    value: int
    balance: int


@dataclass(frozen=True, slots=True)
class DisplayAnswered(ProfileEffect):
    """Answer the display that asked: `refusal` is '' where its command was carried out."""

    code: int
    refusal: str
    top_up: TopUpResult | None = None


def answered(work: Work, command: DisplayCommand, refusal: str, top_up: TopUpResult | None = None) -> None:
    """Log and say that a command was carried out, or why not; `refusal` is '' where it was."""
    work.effect(DisplayAnswered(command.code, refusal, top_up))
    occur(work, NOT_DONE if refusal else DONE, command.code.to_bytes(2, "big"))
    text = f"{command.code:04X} of a display"
    work.report("refused" if refusal else "done", f"{text}: {refusal}" if refusal else text, "smets-esme 13")
