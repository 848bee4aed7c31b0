"""Partner link keys: how two devices that are not the Trust Centre get a key with each other.

A asks B by a ZDO Bind Request for cluster 0800, then the Trust Centre by APS Request Key; the
Trust Centre sends a random key to both, if both went through key establishment with it. Where
an NCP hands keys out itself, the host lets it only while `KeyDistributor.grants` says so.
Source: SE 1.4a 5.4.7.4 (reference: se-security 9.3, 10).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import NamedTuple

from gbcs.ids import EntityId
from gbcs.time import Utc

from .mmo import SIZE
from .suites import Random

APPLICATION_LINK_KEY = 0x02
"""Key type of an APS Request Key; others are not for partners."""


class BindStatus(IntEnum):
    """ZDO statuses in the answer to the Bind Request."""

    SUCCESS = 0x00
    NOT_SUPPORTED = 0x84
    TABLE_FULL = 0x8C
    NOT_AUTHORIZED = 0x8D


@dataclass(frozen=True, slots=True)
class PartnerKeySettings:
    """Settings of partner link keys."""

    bind_timeout: int = 5
    """Seconds to wait for the Bind Response. Gap: no value in se-security 9.3."""

    key_timeout: int = 5
    """Seconds to wait for the key. Gap: about 5 in se-security 9.3."""

    capacity: int = 16
    """Keys with partners at most; then TABLE_FULL. Gap: the maker's; the dongle's key table bounds it."""


@dataclass(frozen=True, slots=True)
class WantKey:
    """Get a link key with a partner."""

    partner: EntityId


@dataclass(frozen=True, slots=True)
class BindAsked:
    """A Bind Request for cluster 0800 whose destination is its own sender arrived."""

    partner: EntityId


@dataclass(frozen=True, slots=True)
class BindAnswered:
    """The partner's Bind Response."""

    partner: EntityId
    status: int


@dataclass(frozen=True, slots=True)
class KeyArrived:
    """A Transport Key with an application link key came from the Trust Centre, protected."""

    partner: EntityId
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TimeDue:
    """The deadline has come."""


PartnerKeyEvent = WantKey | BindAsked | BindAnswered | KeyArrived | TimeDue


@dataclass(frozen=True, slots=True)
class AskPartner:
    """Send a ZDO Bind Request for cluster 0800 to the partner, with this node as destination."""

    partner: EntityId


@dataclass(frozen=True, slots=True)
class AnswerBind:
    """Answer a Bind Request; no binding is made."""

    partner: EntityId
    status: BindStatus


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Send APS Request Key (application link key) to the Trust Centre, under the own link key."""

    partner: EntityId


@dataclass(frozen=True, slots=True)
class InstallKey:
    """Install the link key with a partner, frame counters at zero."""

    partner: EntityId
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoKey:
    """There is no key; the caller may want it again. `status`: of the partner, None for a time-out."""

    partner: EntityId
    status: int | None


PartnerKeyEffect = AskPartner | AnswerBind | RequestKey | InstallKey | NoKey


class Phase(Enum):
    """Where a wish for a key stands."""

    NONE = "none"
    ASKING = "the partner was asked"
    REQUESTING = "the Trust Centre was asked"


class Cause(Enum):
    """What may move a wish."""

    WANTED = "a key is wanted"
    AGREED = "Bind Response SUCCESS"
    REFUSED = "Bind Response of another status"
    ARRIVED = "the key arrived"
    TIMEOUT = "time is up"


class Row(NamedTuple):
    """One row of the table."""

    before: Phase
    cause: Cause
    after: Phase
    effect: type[AskPartner | RequestKey | InstallKey | NoKey]


TRANSITIONS: tuple[Row, ...] = (
    Row(Phase.NONE, Cause.WANTED, Phase.ASKING, AskPartner),
    Row(Phase.ASKING, Cause.AGREED, Phase.REQUESTING, RequestKey),
    Row(Phase.ASKING, Cause.REFUSED, Phase.NONE, NoKey),
    Row(Phase.ASKING, Cause.TIMEOUT, Phase.NONE, NoKey),
    Row(Phase.REQUESTING, Cause.TIMEOUT, Phase.NONE, NoKey),
    # The other side's wish, or one of the Trust Centre's own accord: it vouches for the key
    Row(Phase.NONE, Cause.ARRIVED, Phase.NONE, InstallKey),
    Row(Phase.ASKING, Cause.ARRIVED, Phase.NONE, InstallKey),
    Row(Phase.REQUESTING, Cause.ARRIVED, Phase.NONE, InstallKey),
)
_ROWS = {(row.before, row.cause): row for row in TRANSITIONS}


class _Wish(NamedTuple):
    phase: Phase
    until: Utc


class PartnerKeys:
    """A device's side. A cause without a row for the phase changes nothing.

    `willing`: whether this device has anything to do with a partner; `held`: how many keys
    with partners it has.
    """

    def __init__(
        self,
        willing: Callable[[EntityId], bool],
        held: Callable[[], int],
        settings: PartnerKeySettings | None = None,
    ) -> None:
        self._willing = willing
        self._held = held
        self._settings = settings or PartnerKeySettings()
        self._wishes: dict[EntityId, _Wish] = {}

    @property
    def next_deadline(self) -> Utc | None:
        """When it wants to be called."""
        return min((wish.until for wish in self._wishes.values()), default=None)

    def handle(self, event: PartnerKeyEvent, now: Utc) -> tuple[PartnerKeyEffect, ...]:
        """Everything an event causes."""
        out: list[PartnerKeyEffect] = []
        for partner, wish in sorted(self._wishes.items()):
            if wish.until <= now:
                out += self._move(partner, Cause.TIMEOUT, now)
        if isinstance(event, WantKey):
            out += self._move(event.partner, Cause.WANTED, now)
        elif isinstance(event, BindAsked):
            out.append(AnswerBind(event.partner, self._answer(event.partner)))
        elif isinstance(event, BindAnswered):
            agreed = event.status == BindStatus.SUCCESS
            cause = Cause.AGREED if agreed else Cause.REFUSED
            out += self._move(event.partner, cause, now, status=event.status)
        elif isinstance(event, KeyArrived) and len(event.key) == SIZE:
            out += self._move(event.partner, Cause.ARRIVED, now, key=event.key)
        return tuple(out)

    def _answer(self, partner: EntityId) -> BindStatus:
        if not self._willing(partner):
            return BindStatus.NOT_AUTHORIZED
        return BindStatus.SUCCESS if self._held() < self._settings.capacity else BindStatus.TABLE_FULL

    def _move(
        self, partner: EntityId, cause: Cause, now: Utc, status: int | None = None, key: bytes = b""
    ) -> list[PartnerKeyEffect]:
        wish = self._wishes.get(partner)
        row = _ROWS.get((wish.phase if wish else Phase.NONE, cause))
        if row is None:
            return []
        if row.after is Phase.NONE:
            self._wishes.pop(partner, None)
        else:
            asking = row.after is Phase.ASKING
            seconds = self._settings.bind_timeout if asking else self._settings.key_timeout
            self._wishes[partner] = _Wish(row.after, now.plus(seconds))
        if row.effect is InstallKey:
            return [InstallKey(partner, key)]
        if row.effect is NoKey:
            return [NoKey(partner, status)]
        return [AskPartner(partner) if row.effect is AskPartner else RequestKey(partner)]


@dataclass(frozen=True, slots=True)
class TransportKey:
    """Send a partner link key to a device under its key-load key."""

    recipient: EntityId
    partner: EntityId
    key: bytes = field(repr=False)
    initiator: bool


class KeyDistributor:
    """The Trust Centre's side. `authenticated`: whether a device holds a key from key establishment."""

    def __init__(self, own: EntityId, authenticated: Callable[[EntityId], bool], random: Random) -> None:
        self._own = own
        self._authenticated = authenticated
        self._random = random

    def grants(self, requester: EntityId, partner: EntityId) -> bool:
        """Whether a key for the two is made; if not, the Trust Centre stays silent."""
        return (
            self._own not in (requester, partner)
            and requester != partner
            and self._authenticated(requester)
            and self._authenticated(partner)
        )

    def request(
        self, requester: EntityId, partner: EntityId, key_type: int = APPLICATION_LINK_KEY
    ) -> tuple[TransportKey, ...]:
        """An APS Request Key arrived under the requester's link key: a new key for both, or nothing."""
        if key_type != APPLICATION_LINK_KEY or not self.grants(requester, partner):
            return ()
        key = bytes(self._random(SIZE))
        return (
            TransportKey(requester, partner, key, initiator=True),
            TransportKey(partner, requester, key, initiator=False),
        )
