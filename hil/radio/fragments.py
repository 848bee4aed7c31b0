"""APS fragments on the host: cut what is sent, put together what arrives. No input or output here.

Fragments share the APS sequence of the first; only index 0 tells how many there are. A
receiver acknowledges each, duplicates too, since it was the acknowledgement that got lost.
Source: radio-stack 7.4.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from gbcs.errors import BuildError

MAX_FRAGMENTS = 255
MAX_PARTIAL = 16  # ours: messages being put together at once
MAX_REMEMBERED = 64  # ours: finished messages whose repeats are known


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment to send."""

    index: int
    count: int
    payload: bytes

    @property
    def group(self) -> int:
        """Its groupId field for the dongle."""
        return self.count << 8 | self.index


def cut(payload: bytes, size: int) -> tuple[Fragment, ...]:
    """The fragments of a payload, each of `size` octets but the last. Raises BuildError."""
    if size < 1:
        raise BuildError("at least one octet", "fragment size")
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    if len(pieces) > MAX_FRAGMENTS:
        raise BuildError(f"{len(payload)} octets need more than {MAX_FRAGMENTS} fragments", "payload")
    return tuple(Fragment(index, len(pieces), piece) for index, piece in enumerate(pieces))


def acknowledgement_group(index: int) -> int:
    """The groupId field that acknowledges a fragment, for a window of one."""
    return 0xFF00 | index


class Source(NamedTuple):
    """What fragments of one message have in common."""

    sender: int
    sequence: int
    profile: int
    cluster: int
    source_endpoint: int
    destination_endpoint: int
    encrypted: bool


class Taken(NamedTuple):
    """What to do about a fragment: acknowledge it or not; hand on the message it completes."""

    acknowledge: bool
    message: bytes | None = None


@dataclass(slots=True)
class _Partial:
    since: float
    count: int | None = None
    pieces: dict[int, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces.values()))

    @property
    def complete(self) -> bool:
        return self.count is not None and len(self.pieces) == self.count

    def contradicts(self, index: int, count: int, payload: bytes) -> bool:
        """The fragment is of another message with the same sequence."""
        if index in self.pieces and self.pieces[index] != payload:
            return True
        if index == 0 and self.count not in (None, count):
            return True
        return self.count is not None and index >= self.count


class Reassembler:
    """Messages of many senders, put together.

    `timeout`: seconds after the last fragment until a message is given up, and a finished one
    forgotten. `limit`: octets of a message.
    """

    def __init__(self, timeout: float, limit: int) -> None:
        self._timeout = timeout
        self._limit = limit
        self._partial: OrderedDict[Source, _Partial] = OrderedDict()
        self._done: OrderedDict[Source, _Partial] = OrderedDict()

    def __len__(self) -> int:
        """Messages that are not complete."""
        return len(self._partial)

    def clear(self) -> None:
        """Forget everything."""
        self._partial.clear()
        self._done.clear()

    def take(self, source: Source, index: int, count: int, payload: bytes, now: float) -> Taken:
        """A fragment arrived. `count` counts for index 0 only. Time never goes back."""
        self._expire(now)
        done = self._done.get(source)
        if done is not None:
            if not done.contradicts(index, count, payload):
                done.since = now
                self._done.move_to_end(source)
                return Taken(True)
            del self._done[source]
        if index == 0 and count == 0:
            return Taken(False)
        partial = self._partial.get(source)
        if partial is not None and partial.contradicts(index, count, payload):
            partial = None
        if partial is None:
            partial = _Partial(now)
        partial.since = now
        if index == 0:
            partial.count = count
        partial.pieces[index] = payload
        if partial.size > self._limit or any(
            other >= (partial.count or MAX_FRAGMENTS) for other in partial.pieces
        ):
            self._partial.pop(source, None)
            return Taken(False)
        if not partial.complete:
            self._partial[source] = partial
            self._partial.move_to_end(source)
            while len(self._partial) > MAX_PARTIAL:
                self._partial.popitem(last=False)
            return Taken(True)
        self._partial.pop(source, None)
        self._done[source] = partial
        while len(self._done) > MAX_REMEMBERED:
            self._done.popitem(last=False)
        return Taken(True, b"".join(partial.pieces[number] for number in range(len(partial.pieces))))

    def _expire(self, now: float) -> None:
        for table in (self._partial, self._done):
            while table:
                source, oldest = next(iter(table.items()))
                if oldest.since + self._timeout > now:
                    break
                del table[source]
