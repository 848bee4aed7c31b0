"""What an OTA client keeps over a loss of power: the blocks of an image, and how far it came.

Everything is under keys that begin with `ota/` in the device's store; a block and the count of what
came change together. At most two images are there: one that waits for its activation, and one
that is being fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..store import Store, StoreError
from ..values import Value, pack, unpack
from .ota_image import ImageId
from .ota_rows import State

PREFIX = "ota/"
STATE_KEY = PREFIX + "state"

_RESTING = {State.ASKING: State.IDLE, State.ASKING_ANEW: State.WAITING}


class Fetching(NamedTuple):
    """An image on its way: its octets in all and those that came, and the slot they are in."""

    image: ImageId
    size: int
    octets: int
    slot: int


class Held(NamedTuple):
    """A whole image: its octets are in a slot. `hash`: of the manufacturer image."""

    image: ImageId
    size: int
    slot: int
    hash: bytes


class End(NamedTuple):
    """What the server is told, or was told last, of an image."""

    status: int
    image: ImageId


class Refusals(NamedTuple):
    """How often an image was refused."""

    image: ImageId
    times: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept. States that only wait for an answer are kept as the one they began from."""

    state: State = State.IDLE
    fetching: Fetching | None = None
    held: Held | None = None
    end: End | None = None
    refusals: Refusals | None = None

    def octets(self) -> bytes:
        """As the store has it."""
        state = _RESTING.get(self.state, self.state).name
        parts = self.fetching, self.held, self.end, self.refusals
        return pack((state, *(None if part is None else _plain(part) for part in parts)))

    @classmethod
    def parse(cls, octets: bytes) -> Kept:
        """Read what `octets` made. Raises StoreError."""
        try:
            name, *parts = _tuple(unpack(octets))
            fetching, held, end, refusals = map(_part, (Fetching, Held, End, Refusals), parts)
            kept = cls(State[name], fetching, held, end, refusals)
        except (TypeError, ValueError, KeyError) as error:
            raise StoreError(f"not the state of an OTA client: {error}") from None
        for needed, states in _NEEDED.items():
            if kept.state in states and getattr(kept, needed) is None:
                raise StoreError(f"not the state of an OTA client: {kept.state.name} without {needed}")
        return kept


_NEEDED = {
    "fetching": (State.RECEIVING,),
    "held": (State.ENDING, State.WAITING),
    "end": (State.ENDING, State.REFUSING),
}


def _plain(part: tuple[Any, ...]) -> Value:
    return tuple(tuple(value) if isinstance(value, tuple) else value for value in part)


def _tuple(value: Value) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        raise TypeError("no tuple")
    return value


def _part(kind: Callable[..., Any], value: Value) -> Any:
    if value is None:
        return None
    return kind(*(ImageId(*inner) if isinstance(inner, tuple) else inner for inner in _tuple(value)))


class OtaMemory:
    """The part of a store that is an OTA client's. Methods raise StoreError, and then change nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        octets = store.get(STATE_KEY)
        self.kept = Kept() if octets is None else Kept.parse(octets)

    def save(self, kept: Kept) -> None:
        """Keep something else; slots of which it says nothing any more are emptied."""
        self._commit(kept, {})

    def add(self, kept: Kept, slot: int, offset: int, data: bytes) -> None:
        """Keep a block, and something else with it."""
        self._commit(kept, {_key(slot, offset): data})

    def image(self, slot: int) -> bytes:
        """The octets in a slot."""
        return b"".join(self.blocks(slot))

    def blocks(self, slot: int) -> Iterator[bytes]:
        """The blocks in a slot, in their order."""
        return (data for _, data in self._store.scan(f"{PREFIX}{slot}/"))

    def _commit(self, kept: Kept, changes: dict[str, bytes | None]) -> None:
        for slot, _, _ in _contents(self.kept) - _contents(kept):
            changes = {**{key: None for key, _ in self._store.scan(f"{PREFIX}{slot}/")}, **changes}
        octets = kept.octets()
        if changes or octets != self.kept.octets():
            self._store.commit({**changes, STATE_KEY: octets})
        self.kept = kept


def _contents(kept: Kept) -> set[tuple[int, ImageId, int]]:
    """What is in which slot."""
    return {(part.slot, part.image, part.size) for part in (kept.fetching, kept.held) if part is not None}


def _key(slot: int, offset: int) -> str:
    return f"{PREFIX}{slot}/{offset:08X}"


def begun(kept: Kept, image: ImageId, size: int) -> Kept:
    """With an image to fetch: from where it was left if it is the same, else from its start.

    What had come of another is forgotten.
    """
    old = kept.fetching
    if old is not None and (old.image, old.size) == (image, size):
        return kept
    free = 1 if kept.held is not None and kept.held.slot == 0 else 0
    return replace(kept, fetching=Fetching(image, size, 0, free))
