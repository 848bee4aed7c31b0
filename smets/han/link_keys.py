"""The link keys of a node: with whom, from where, and what a new one replaced.

Source: SE standard 5.4 (reference: se-security 1, 9.1). Frame counters are the dongle's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from gbcs.time import Utc

from .mmo import SIZE, mmo
from .suites import Suite


class KeySource(Enum):
    """Where a link key comes from."""

    INSTALL_CODE = "install code"
    CBKE = "key establishment"
    PARTNER = "Trust Centre, for partners"


@dataclass(frozen=True, slots=True)
class LinkKey:
    """A link key with a station. Raises BuildError for another length."""

    station: EntityId
    key: bytes = field(repr=False)
    source: KeySource
    since: Utc
    suite: Suite | None = None

    def __post_init__(self) -> None:
        """Sixteen octets."""
        if len(self.key) != SIZE:
            raise BuildError(f"a link key has {SIZE} octets, not {len(self.key)}")

    @property
    def authorised(self) -> bool:
        """Whether application data may be sent under it: not under that of an install code."""
        return self.source is not KeySource.INSTALL_CODE

    @property
    def hashed(self) -> bytes:
        """What a replacement Trust Centre knows of it (se-security 9.6)."""
        return mmo(self.key)


class LinkKeys:
    """Link keys by station. The install code's is kept behind the one that replaced it, as the
    way back for a device that was reset; any other old one until the new is proven."""

    def __init__(self) -> None:
        self._current: dict[EntityId, LinkKey] = {}
        self._former: dict[EntityId, LinkKey] = {}
        self._preconfigured: dict[EntityId, LinkKey] = {}

    def put(self, key: LinkKey) -> None:
        """A new key takes the place of the current one."""
        former = self._current.get(key.station)
        if former is not None and former.authorised:
            self._former[key.station] = former
        self._current[key.station] = key
        if not key.authorised:
            self._preconfigured[key.station] = key
            self._former.pop(key.station, None)

    def get(self, station: EntityId) -> LinkKey | None:
        """The current key."""
        return self._current.get(station)

    def former(self, station: EntityId) -> LinkKey | None:
        """The key before, while nothing came under the current one (9.1 [?])."""
        return self._former.get(station)

    def proven(self, station: EntityId) -> None:
        """A frame came under the current key: what was before it is forgotten."""
        self._former.pop(station, None)

    def reset(self, station: EntityId) -> LinkKey | None:
        """A device that was reset joins again: back to the install code's key, None without one."""
        self._former.pop(station, None)
        self._current.pop(station, None)
        key = self._preconfigured.get(station)
        if key is not None:
            self._current[station] = key
        return key

    def forget(self, station: EntityId) -> None:
        """No key with this station any more."""
        for keys in (self._current, self._former, self._preconfigured):
            keys.pop(station, None)

    def is_authenticated(self, station: EntityId) -> bool:
        """Whether the station went through key establishment with this node."""
        key = self._current.get(station)
        return key is not None and key.source is KeySource.CBKE

    def has_partner_key(self, station: EntityId) -> bool:
        """Whether an authorised key is shared; then a non-TC device may ask for a refresh (9.3)."""
        key = self._current.get(station)
        return key is not None and key.authorised

    def __iter__(self) -> Iterator[LinkKey]:
        """The current keys."""
        return iter(tuple(self._current.values()))

    def __len__(self) -> int:
        return len(self._current)
