"""What happens to key establishment and what it does, and its settings.

Source: SE standard Annex C (reference: se-security 7, 8).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from gbcs.time import Utc

from .compute import Compute, Computed
from .key_establishment_frames import MAX_SECONDS, Status
from .key_establishment_rows import Choice, Transition
from .link import Address
from .suites import Suite


@dataclass(frozen=True, slots=True)
class KeyEstablishmentSettings:
    """Settings of key establishment. Raises BuildError for a time that cannot be sent."""

    suites: int = Suite.SUITE_2
    """Suites offered and accepted, as a bitmap. Gap: se-security 14.1; GB uses suite 2 only."""

    reads_suites: bool = False
    """Read the partner's KeyEstablishmentSuite before the first attempt; else it is taken to have
    ours. Gap: se-security 8.1 allows both."""

    ephemeral_time: int = 5
    confirm_time: int = 10
    """Seconds advertised for the two calculations. Gap: se-security 8.3, the maker's choice."""

    initiate_timeout: int = 5
    """T1, seconds. Gap: se-security 8.3, at least 2."""

    allowance: int = 5
    """Seconds for transmission in T2 and T3. Gap: se-security 8.3, at least 2."""

    poll_interval: int = 0
    """Seconds a sleepy side adds to each time-out. Gap: se-security 8.3."""

    wait_time: int = 10
    """Seconds asked for in a Terminate. Gap: no value in se-security 7."""

    attempts: int = 10
    pause: int | None = 900
    """Failed attempts in a row before a pause of so many seconds; None: no more attempts after
    them. Gap: se-security 8.3, from public code."""

    leaves_on_unknown_issuer: bool = True
    """A joiner the Trust Centre does not know the issuer of leaves. Gap: se-security 7, 8.3."""

    checks_validity: bool = False
    """Compare validity dates of suite 2 with the clock. Gap: se-security 4.2, 14.6."""

    ignores_repeats: bool = True
    """An octet-identical repeat of a message is passed over instead of answered with BAD_MESSAGE.
    Gap: se-security 8.2 does not speak of repeats."""

    matches_transactions: bool = True
    """Pass over a response with another transaction number than the request, as a late one of an
    attempt given up. Gap: se-security 7 says they are the same, not what follows if not."""

    restarts: bool = False
    """A responder takes a new Initiate Request of its partner as a new beginning instead of
    answering BAD_MESSAGE. Gap: se-security 8.2 does not tell them apart."""

    subject_mismatch: Status = Status.BAD_MESSAGE
    """Status where the certificate is another device's. Gap: se-security 8.2 (*), 14.3."""

    unlisted: Status = Status.NO_RESOURCES
    """Status by which the Trust Centre refuses a device that is not in its log. Gap: none given
    in se-security 8.2."""

    invalid_point: Status = Status.BAD_KEY_CONFIRM
    """Status where a point of the partner is not valid. Gap: se-security 8.2 gives it for the
    responder only."""

    def __post_init__(self) -> None:
        """Times are octets, and FF is none."""
        for name in ("ephemeral_time", "confirm_time", "wait_time"):
            if not 0 <= getattr(self, name) <= MAX_SECONDS:
                raise BuildError("0 to 254 seconds", name)
        if self.attempts < 1:
            raise BuildError("at least one", "attempts")

    def status(self, status: Status | Choice | None) -> Status | None:
        """The status of a row."""
        if isinstance(status, Choice):
            chosen: Status = getattr(self, status.value)
            return chosen
        return status


@dataclass(frozen=True, slots=True)
class Start:
    """Establish a key with a peer, with attempts until it is done or has no prospect.

    `suites`: those the peer is known to support, None if not known.
    """

    peer: Address
    suites: int | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """No more attempts with a station; a running exchange with it ends, nothing is sent."""

    station: EntityId


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """A message to a station was not acknowledged."""

    station: EntityId


@dataclass(frozen=True, slots=True)
class Received:
    """A ZCL frame of the cluster arrived, without APS security."""

    source: Address
    octets: bytes


@dataclass(frozen=True, slots=True)
class PartnerSuites:
    """The answer to `ReadSuites`: the peer's bitmap, None if it has none to read."""

    station: EntityId
    suites: int | None


@dataclass(frozen=True, slots=True)
class TimeDue:
    """The deadline has come."""


KeyEstablishmentEvent = Start | Cancel | NotDelivered | Received | PartnerSuites | TimeDue | Computed


@dataclass(frozen=True, slots=True)
class Send:
    """Send a ZCL frame of the cluster, APS acknowledged and without APS security."""

    destination: Address
    octets: bytes


@dataclass(frozen=True, slots=True)
class ReadSuites:
    """Read attribute 0000 of the peer's cluster."""

    peer: Address


@dataclass(frozen=True, slots=True)
class Established:
    """Install the link key for the station, frame counters at zero, authorised."""

    station: EntityId
    link_key: bytes = field(repr=False)
    suite: Suite
    initiator: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """An exchange ended without a key. `status` None: time-out or loss; retry None: no more attempts.

    `by_partner`: the partner terminated; `status` may then be a number without a name.
    """

    station: EntityId
    initiator: bool
    status: int | None
    by_partner: bool
    retry: Utc | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A message outside any exchange with its sender was answered with Terminate."""

    station: EntityId
    status: Status


@dataclass(frozen=True, slots=True)
class LeaveNetwork:
    """The Trust Centre will never establish a key with this device: leave."""


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the table was followed; for transcripts. `station` None: nobody's."""

    station: EntityId | None
    row: Transition


KeyEstablishmentEffect = Send | ReadSuites | Compute | Established | Failed | Refused | LeaveNetwork | Step
