"""What a replay says: one outcome a pair, and the figures over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from gbcs.ids import DeviceType, Payload


class Verdict(Enum):
    """Verdicts of the replay contract."""

    MATCH = "match"
    MATCH_INJECTED = "match-injected"
    MISMATCH = "mismatch"
    NEEDS_FAULT = "needs-fault"
    NEEDS_FOREIGN_KEY = "needs-foreign-key"
    NEEDS_ROOT = "needs-root"
    SUPERSEDED = "superseded"
    UNSUPPORTED = "unsupported"


MATCHES = frozenset((Verdict.MATCH, Verdict.MATCH_INJECTED))


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the replay: verdict, reason, and the device variant that was used.

    `devices` are the types the recipient may be, `family` that of the command's payload,
    `fails` whether the reference response reports a failed item.
    """

    case: str
    use_case: str
    verdict: Verdict
    why: str
    device: str
    devices: tuple[DeviceType, ...] = ()
    family: Payload = Payload.NONE
    fails: bool = False


class Figure(NamedTuple):
    """So many of so many pairs match."""

    matching: int
    pairs: int


class Tally:
    """The figures over outcomes. Pairs that succeed and pairs that fail an item are never added."""

    def __init__(self, outcomes: Iterable[Outcome] = ()) -> None:
        self.verdicts: Counter[Verdict] = Counter()
        self._matching: Counter[tuple[DeviceType, Payload, bool]] = Counter()
        self._pairs: Counter[tuple[DeviceType, Payload, bool]] = Counter()
        for outcome in outcomes:
            self.add(outcome)

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.verdicts[outcome.verdict] += 1
        for device in outcome.devices:
            key = device, outcome.family, outcome.fails
            self._pairs[key] += 1
            self._matching[key] += outcome.verdict in MATCHES

    def figure(self, device: DeviceType, family: Payload, fails: bool) -> Figure:
        """Matching pairs of a device type and payload family: those that succeed, or those that fail."""
        key = device, family, fails
        return Figure(self._matching[key], self._pairs[key])
