"""Cutting and putting together of APS fragments, without any radio."""

import random

import pytest

from gbcs.errors import BuildError
from hil.radio.fragments import (
    MAX_FRAGMENTS,
    MAX_PARTIAL,
    Fragment,
    Reassembler,
    Source,
    Taken,
    acknowledgement_group,
    cut,
)

MESSAGE = bytes(range(250)) * 6
SOURCE = Source(0x1234, 7, 0x0109, 0x0704, 1, 1, True)


def assembler() -> Reassembler:
    return Reassembler(10.0, 1600)


def give(to: Reassembler, fragment: Fragment, now: float = 0.0, source: Source = SOURCE) -> Taken:
    return to.take(
        source, fragment.index, fragment.count if fragment.index == 0 else 0, fragment.payload, now
    )


@pytest.mark.parametrize(
    ("length", "count"), [(0, 1), (1, 1), (71, 1), (72, 2), (142, 2), (143, 3), (1500, 22)]
)
def test_cut(length: int, count: int) -> None:
    fragments = cut(MESSAGE[:length], 71)
    assert len(fragments) == count
    assert b"".join(fragment.payload for fragment in fragments) == MESSAGE[:length]
    assert [fragment.group for fragment in fragments] == [count << 8 | index for index in range(count)]
    assert all(len(fragment.payload) == 71 for fragment in fragments[:-1])


def test_what_cannot_be_cut() -> None:
    assert len(cut(bytes(MAX_FRAGMENTS), 1)) == MAX_FRAGMENTS
    with pytest.raises(BuildError):
        cut(bytes(MAX_FRAGMENTS + 1), 1)
    with pytest.raises(BuildError):
        cut(b"x", 0)


def test_acknowledgements_are_for_a_window_of_one() -> None:
    assert acknowledgement_group(0) == 0xFF00
    assert acknowledgement_group(3) == 0xFF03


@pytest.mark.parametrize("seed", range(20))
def test_any_order_with_duplicates_gives_the_message_once(seed: int) -> None:
    chance = random.Random(seed)
    fragments = [*cut(MESSAGE, 71)] * 2
    chance.shuffle(fragments)
    to = assembler()
    taken = [give(to, fragment) for fragment in fragments]
    assert all(one.acknowledge for one in taken)
    assert [one.message for one in taken if one.message is not None] == [MESSAGE]
    assert len(to) == 0


def test_nothing_is_handed_on_while_one_is_missing() -> None:
    to = assembler()
    for fragment in cut(MESSAGE, 71)[:-1]:
        assert give(to, fragment) == Taken(True)
    assert len(to) == 1


def test_protected_and_unprotected_fragments_are_never_one_message() -> None:
    to = assembler()
    first, second = cut(MESSAGE[:100], 71)
    assert give(to, first) == Taken(True)
    assert give(to, second, source=SOURCE._replace(encrypted=False)) == Taken(True)
    assert give(to, second) == Taken(True, MESSAGE[:100])


@pytest.mark.parametrize("field", Source._fields)
def test_messages_of_different_sources_do_not_mix(field: str) -> None:
    to = assembler()
    other = SOURCE._replace(**{field: not getattr(SOURCE, field) if field == "encrypted" else 99})
    first, second = cut(MESSAGE[:100], 71)
    give(to, first)
    give(to, first, source=other)
    assert give(to, second).message == MESSAGE[:100]
    assert give(to, second, source=other).message == MESSAGE[:100]


def test_another_message_under_the_same_sequence_starts_anew() -> None:
    to = assembler()
    old, new = cut(MESSAGE[:200], 71), cut(MESSAGE[200:400], 71)
    give(to, old[0])
    give(to, old[1])
    assert [give(to, fragment).message for fragment in new] == [None, None, MESSAGE[200:400]]
    # and after a finished one, too, within the time its repeats are known
    assert [give(to, fragment).message for fragment in old] == [None, None, MESSAGE[:200]]
    assert give(to, old[2]) == Taken(True)
    longer = cut(MESSAGE[:300], 71)
    assert [give(to, fragment).message for fragment in longer] == [None, None, None, None, MESSAGE[:300]]


def test_half_a_message_is_forgotten_in_time() -> None:
    to = assembler()
    first, second = cut(MESSAGE[:100], 71)
    give(to, first, 0.0)
    assert give(to, second, 9.9).message == MESSAGE[:100]
    assert give(to, first, 19.8) == Taken(True)  # a repeat
    assert give(to, first, 29.9).message is None  # forgotten: a new message
    assert len(to) == 1
    give(to, second, 50.0)
    assert len(to) == 1


def test_what_makes_no_sense_is_not_acknowledged() -> None:
    to = assembler()
    assert to.take(SOURCE, 0, 0, b"x", 0.0) == Taken(False)
    assert to.take(SOURCE, 5, 0, b"x", 0.0) == Taken(True)  # before index 0
    assert to.take(SOURCE, 0, 3, b"x", 0.0) == Taken(False)  # which tells that there is no fifth
    assert len(to) == 0


def test_no_message_grows_beyond_the_limit() -> None:
    to = Reassembler(10.0, 100)
    first, second = cut(MESSAGE[:140], 70)
    assert give(to, first).acknowledge
    assert give(to, second) == Taken(False)
    assert len(to) == 0


def test_memory_is_bounded() -> None:
    to = assembler()
    first, second = cut(MESSAGE[:100], 71)
    for sequence in range(MAX_PARTIAL + 1):
        give(to, first, source=SOURCE._replace(sequence=sequence))
    assert len(to) == MAX_PARTIAL
    assert give(to, second, source=SOURCE._replace(sequence=0)).message is None
    assert give(to, second, source=SOURCE._replace(sequence=MAX_PARTIAL)).message == MESSAGE[:100]


def test_anything_may_arrive() -> None:
    chance = random.Random(1)
    to = assembler()
    for step in range(3000):
        source = SOURCE._replace(sequence=chance.randrange(4))
        size = chance.choice((0, 1, 71))
        to.take(source, chance.randrange(256), chance.randrange(256), chance.randbytes(size), step / 10)
    assert len(to) <= MAX_PARTIAL
