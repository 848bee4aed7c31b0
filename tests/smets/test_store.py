"""Values in octets, the store in memory, the unit of work over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.ids import KeyUsage, Role
from gbcs.lengths import length_octets
from smets.device import Device
from smets.events import Event, Happened, RemotePartyMessage, UserAction
from smets.identity import CELL, Cell, CryptoCache, Identity
from smets.profile import Behaviour
from smets.settings import DEFAULT_SETTINGS
from smets.store import MemoryStore, StoreError
from smets.values import Value, pack, pack_all, unpack
from smets.work import Work
from tests.smets.homes import START, STRANGER, STRANGER_CERTIFICATES, SUPPLIER, Home, profile

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.binary(max_size=300), st.text(max_size=30))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=10)
CHANGES = st.dictionaries(st.text("ab/", max_size=3), st.one_of(st.none(), st.binary(max_size=2)), max_size=6)


@given(VALUES)
def test_a_value_is_read_as_it_was_written(value: Value) -> None:
    read = unpack(pack(value))
    assert read == value
    assert repr(read) == repr(value)  # True is not 1


@given(st.dictionaries(st.text(max_size=2), VALUES | st.lists(st.integers(), max_size=70).map(tuple)))
def test_many_values_are_packed_as_each_is(values: dict[str, Value]) -> None:
    packed, others = pack_all(values)
    assert packed == {key: pack(value) for key, value in values.items()}
    assert others == []


def test_what_is_not_plain_is_told() -> None:
    values: dict[str, Value] = {"one": Role.SUPPLIER, "two": (1, (Role.SUPPLIER,)), "three": 3}
    assert pack_all(values)[1] == ["one", "two"]


@given(st.lists(st.integers() | st.integers(-(2**63) - 2, 2**63 + 2), max_size=70).map(tuple))
def test_numbers_are_read_in_either_form(value: tuple[int, ...]) -> None:
    assert unpack(pack(value)) == value
    each = b"".join(pack((number, None))[2:-5] for number in value)
    assert unpack(checked(b"l" + length_octets(len(value)) + each)) == value


@given(VALUES, st.data())
def test_a_damaged_value_is_noticed(value: Value, data: st.DataObject) -> None:
    octets = pack(value)
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    flipped = bytearray(octets)
    flipped[bit // 8] ^= 1 << bit % 8
    for damaged in (bytes(flipped), octets[: bit // 8], octets + b"\0"):
        with pytest.raises(StoreError):
            unpack(damaged)


def checked(body: bytes) -> bytes:
    """Octets with the checksum they should have."""
    from zlib import crc32

    return body + crc32(body).to_bytes(4, "big")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"i",
        b"i\x05\x01",
        b"s\x01\xff",
        b"nn",
        b"l\x02n",
        b"o\x80",
        b"l\x01" * 5000,
        b"q\x01" + bytes(7),
        b"q\x88" + b"\xff" * 8,
    ],
)
def test_octets_that_are_no_value(body: bytes) -> None:
    with pytest.raises(StoreError):
        unpack(checked(body))


@given(st.lists(CHANGES, max_size=8), st.text("ab/", max_size=2))
def test_a_memory_store_holds_what_was_committed_in_key_order(
    commits: list[dict[str, bytes | None]], prefix: str
) -> None:
    store, held = MemoryStore({"a/b": b"1"}), {"a/b": b"1"}
    for changes in commits:
        store.commit(changes)
        for key, octets in changes.items():
            if octets is None:
                held.pop(key, None)
            else:
                held[key] = octets
        assert store.snapshot() == held
        assert list(store.scan(prefix)) == sorted((k, v) for k, v in held.items() if k.startswith(prefix))
        assert all(store.get(key) == held.get(key) for key in changes)


@given(CHANGES, CHANGES, st.text("ab/", max_size=2))
def test_a_unit_of_work_sees_its_own_changes_and_the_store_none(
    first: dict[str, bytes | None], second: dict[str, bytes | None], prefix: str
) -> None:
    store = MemoryStore({key: octets for key, octets in first.items() if octets is not None})
    before = store.snapshot()
    work = Work(store, START, {}, {}, DEFAULT_SETTINGS)
    after = dict(before)
    for key, octets in second.items():
        work.put(key, octets)
        if octets is None:
            after.pop(key, None)
        else:
            after[key] = octets
    assert list(work.scan(prefix)) == sorted((k, v) for k, v in after.items() if k.startswith(prefix))
    assert work.changed(prefix) == any(key.startswith(prefix) for key in second)
    assert store.snapshot() == before
    work.commit()
    assert store.snapshot() == after


def test_a_block_that_raises_leaves_nothing_behind() -> None:
    work = Home.new().work
    work.put("kept", b"1")
    work.alert(0x8F1E)

    def fail() -> None:
        with work.all_or_nothing():
            work.put("kept", b"2")
            work.put("lost", b"2")
            work.alert(0x8F3D)
            work.effect(Happened("", "", ""))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert work.get("kept") == b"1"
    assert work.get("lost") is None
    assert [request.code for request in work.alerts] == [0x8F1E]
    assert not work.effects
    with work.all_or_nothing():
        work.put("lost", b"2")
    assert work.get("lost") == b"2"


def test_an_item_nobody_has_is_not_written() -> None:
    work = Home.new().work
    with pytest.raises(KeyError):
        work.set_item("NoSuchItem", 1)
    with pytest.raises(KeyError):
        work.item("NoSuchItem")


# -- cells --------------------------------------------------------------------------------


class Handover(Behaviour):
    """Puts another supplier into the cells when the user says so."""

    def handle(self, work: Work, event: Event) -> None:
        if event == UserAction("hand over"):
            identity = Identity(work, CryptoCache())
            for credential in STRANGER_CERTIFICATES:
                identity.set_cell(
                    Cell(Role.SUPPLIER, credential.usage, credential.cell_usage), credential.der
                )
            assert identity.roles_of(STRANGER) == (Role.SUPPLIER,)  # before the commit, too


def test_new_cells_are_seen_at_once_and_old_parties_forgotten() -> None:
    home = Home.new()
    behaviours = (*profile().behaviours, Handover())
    home.device = Device(replace(profile(), behaviours=behaviours), home.store, START)
    assert home.run("ECS43").response is not None
    assert home.run("ECS43", by=STRANGER).response is None
    home.handle(UserAction("hand over"))
    assert home.run("ECS43", by=STRANGER).response is not None
    assert home.run("ECS43", by=SUPPLIER).response is None


@pytest.mark.parametrize(
    "raw",
    [
        {"own/ds/key": b"no key"},
        {"own/entity": b"short"},
        {Cell(Role.SUPPLIER, KeyUsage.DIGITAL_SIGNATURE).key: b"no certificate"},
        {f"{CELL}002/99/0": b""},
        {f"{CELL}nonsense": b""},
    ],
)
def test_a_damaged_identity_is_a_damaged_store(raw: dict[str, bytes]) -> None:
    def bad_command() -> None:
        home = Home.new(raw=raw)
        home.handle(RemotePartyMessage(home.make("ECS43").octets))

    with pytest.raises(StoreError):
        bad_command()


def test_an_alert_that_cannot_be_signed_for_a_damaged_key_is_not_passed_over() -> None:
    home = Home.new(raw={"own/ds/key": b"no key"})
    before = home.held
    with pytest.raises(StoreError):
        home.handle(RemotePartyMessage(b"no message"))
    assert home.held == before


WRITES: tuple[Callable[[Work], None], ...] = (
    lambda work: work.set_value("payment/mark", 7),
    lambda work: work.put("payment/mark", pack(7)),
    lambda work: work.set_item("MeterBalance", 7),
    lambda work: work.log("EventLog", 7, 7),
)


def seen(work: Work) -> tuple[object, ...]:
    return (
        work.value("payment/mark"),
        work.number("payment/mark"),
        work.item("MeterBalance"),
        work.int_item("MeterBalance"),
        list(work.log_entries("EventLog")),
    )


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("read_before", [False, True])
def test_who_looks_at_a_device_writes_for_himself_until_he_commits(
    write: Callable[[Work], None], read_before: bool
) -> None:
    home = Home.new()
    before = seen(Home.new().work)
    work = home.work
    if read_before:
        assert seen(home.work) == before
    write(work)
    assert seen(work) != before
    assert seen(home.work) == before
    after = seen(work)

    def fail() -> None:
        with work.all_or_nothing():
            write(work)
            work.set_item("MeterBalance", 8)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert seen(work) == after
    work.commit()
    assert seen(home.work) == after
    home.restart()
    assert seen(home.work) == after
