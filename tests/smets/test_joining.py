"""A meter's device log: joins, the key agreement of a pair, unjoins, reading (chts-hub 6)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gbcs.asn1.joins import (
    JoinCode,
    JoinCommand,
    LogEntry,
    Method,
    UnjoinCode,
    join_command_octets,
    log_command_octets,
    read_log_response,
    unjoin_command_octets,
)
from gbcs.errors import BuildError
from gbcs.ids import DeviceType, EntityId, KeyUsage
from smets.behaviours.auxiliary import AuxiliarySettings
from smets.behaviours.device_log import Entry, entries, find
from smets.behaviours.joining import (
    JOINS,
    METHODS,
    AgreeKey,
    ForgetKey,
    JoinSettings,
    KeyAgreed,
    KeyNotAgreed,
)
from smets.device import Device
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import (
    ArmStoreFault,
    PowerLost,
    PowerRestored,
    TimerDue,
)
from smets.store import StoreError
from smets.values import pack
from tests.smets.homes import BROKER, KEYS, METER, SUPPLIER, Home
from tests.smets.joins import (
    DISPLAY,
    ESME,
    KEY,
    READER,
    SWITCH,
    asked,
    code,
    join,
    join_a,
    join_b,
    later,
    logged,
    number,
    station,
    stations,
    unjoin,
)

# -- method A -----------------------------------------------------------------------------


@pytest.mark.parametrize(("station", "kind"), [(SWITCH, DeviceType.HCALCS), (DISPLAY, DeviceType.PPMID)])
def test_a_join_by_method_a_is_answered_when_the_key_is_there(station: EntityId, kind: DeviceType) -> None:
    home = Home.new()
    begun = join_a(home, station, kind)
    assert begun.response is None
    assert begun.happened.verdict == "accepted"
    assert asked(begun.effects) == [AgreeKey(station)]
    assert stations(home) == []
    home.wait(7)
    ended = later(home, begun.command, KeyAgreed(station, KEY))
    assert code(ended) is JoinCode.SUCCESS
    entry = Entry(station, number(kind), Method.A_INITIATOR, home.work.time.seconds, KEY)
    assert list(entries(home.work)) == [entry]
    assert logged(home) == [0x8F49]
    assert list(home.work.log_entries("EventLog")) == [(home.work.time.seconds, 0x8183, bytes(station))]
    assert later(home, begun.command, KeyAgreed(station, KEY)).response is None


@pytest.mark.parametrize("answer", [c for c in JoinCode if c is not JoinCode.SUCCESS])
def test_a_key_agreement_that_fails_is_told_and_nothing_is_kept(answer: JoinCode) -> None:
    home = Home.new()
    begun = join_a(home)
    assert code(later(home, begun.command, KeyNotAgreed(SWITCH, answer))) is answer
    assert stations(home) == []
    assert logged(home) == [0x8F48]
    assert logged(home, "EventLog") == []
    assert not [key for key in home.held if key.startswith(("joining/", "unanswered/"))]


def test_a_key_agreement_nobody_speaks_of_ends_by_itself() -> None:
    home = Home.new()
    begun = join_a(home)
    home.now = home.now.plus(119)
    assert later(home, begun.command, TimerDue()).response is None
    assert home.device.next_deadline == home.now.plus(1)
    home.wait(1)
    ended = later(home, begun.command, TimerDue())
    assert code(ended) is JoinCode.NO_CBKE_RESPONSE
    assert asked(ended.effects) == [ForgetKey(SWITCH)]


def test_a_power_cut_meanwhile_changes_nothing() -> None:
    home = Home.new()
    begun = join_a(home)
    home.restart()
    home.handle(PowerLost())
    home.handle(KeyAgreed(SWITCH, KEY))  # nobody is there to hear it
    home.wait(60)
    home.handle(PowerRestored())
    home.restart()
    assert code(later(home, begun.command, KeyAgreed(SWITCH, KEY))) is JoinCode.SUCCESS


def test_the_answer_is_kept_for_a_repeat() -> None:
    home = Home.new()
    begun = join_a(home)
    answer = later(home, begun.command, KeyAgreed(SWITCH, KEY)).response
    assert home.deliver(begun.command).response == answer


def test_while_a_key_agreement_runs_no_other_begins_with_the_same_device() -> None:
    home = Home.new()
    first = join_a(home)
    assert code(join_a(home)) is JoinCode.NO_RESOURCES
    assert code(join_b(home, SWITCH)) is JoinCode.NO_RESOURCES
    assert code(later(home, first.command, KeyAgreed(SWITCH, KEY))) is JoinCode.SUCCESS


def test_several_may_join_at_a_time() -> None:
    home = Home.new()
    first, second = join_a(home), join_a(home, DISPLAY, DeviceType.PPMID)
    assert code(later(home, second.command, KeyAgreed(DISPLAY, KEY))) is JoinCode.SUCCESS
    failed = KeyNotAgreed(SWITCH, JoinCode.UNKNOWN_ISSUER)
    assert code(later(home, first.command, failed)) is JoinCode.UNKNOWN_ISSUER
    assert stations(home) == [DISPLAY]


def test_a_join_again_makes_a_new_key_and_loses_nothing_if_there_is_none() -> None:
    home = Home.new()
    later(home, join_a(home).command, KeyAgreed(SWITCH, KEY))
    again = join_a(home)
    assert asked(again.effects) == [AgreeKey(SWITCH)]
    failed = KeyNotAgreed(SWITCH, JoinCode.BAD_MESSAGE)
    assert code(later(home, again.command, failed)) is JoinCode.BAD_MESSAGE
    entry = find(home.work, SWITCH)
    assert entry is not None
    assert entry.link_key == KEY


def test_no_key_is_shown() -> None:
    entry = Entry(SWITCH, 4, 0, 0, KEY)
    assert KEY.hex() not in f"{entry!r}{KeyAgreed(SWITCH, KEY)!r}"
    assert repr(KEY) not in f"{entry!r}{KeyAgreed(SWITCH, KEY)!r}"


# -- method B, unjoins, reading -------------------------------------------------------------


@pytest.mark.parametrize("by", [SUPPLIER, BROKER])
def test_a_reader_joins_at_once(by: EntityId) -> None:
    home = Home.new()
    reply = join_b(home, by=by)
    assert code(reply) is JoinCode.SUCCESS
    assert asked(reply.effects) == []
    assert code(join_b(home, by=by)) is JoinCode.SUCCESS
    assert stations(home) == [READER]
    assert logged(home) == [0x8F49, 0x8F49]


def test_an_alert_of_a_join_follows_its_configuration() -> None:
    home = Home.new(items={"SupplierWANAlerts": "1" * 256})
    assert [a.code for a in join_b(home).alerts] == [0x8183]
    assert join_b(Home.new()).alerts == ()


def test_unjoins() -> None:
    home = Home.new()
    later(home, join_a(home).command, KeyAgreed(SWITCH, KEY))
    join_b(home)
    assert unjoin(home, "CS04B", SWITCH) == UnjoinCode.OTHER_FAILURE
    assert unjoin(home, "CS04AC", READER) == UnjoinCode.OTHER_FAILURE
    assert unjoin(home, "CS04B", DISPLAY) == UnjoinCode.NOT_IN_DEVICE_LOG
    assert stations(home) == [SWITCH, READER]
    assert unjoin(home, "CS04AC", SWITCH) == UnjoinCode.SUCCESS
    assert unjoin(home, "CS04B", READER) == UnjoinCode.SUCCESS
    assert stations(home) == []
    assert unjoin(home, "CS04AC", SWITCH) == UnjoinCode.NOT_IN_DEVICE_LOG
    assert logged(home)[2:] == [0x8F4A] * 3 + [0x8F4B] * 2 + [0x8F4A]


def test_the_log_is_read() -> None:
    home = Home.new()
    later(home, join_a(home).command, KeyAgreed(SWITCH, KEY))
    join_b(home)
    for by in (SUPPLIER, BROKER):
        home.wait(1)
        reply = home.run("CS07", payload=log_command_octets(), by=by)
        assert reply.response is not None
        found = read_log_response(reply.response.payload)
        assert found == (0, (LogEntry(SWITCH, 4), LogEntry(READER, 6)))
        assert KEY not in reply.response.octets


@pytest.mark.parametrize("length", [0, 1, 15])
def test_a_log_of_any_length_is_read(length: int) -> None:
    home = Home.new()
    for n in range(length):
        join_b(home, EntityId(bytes(7) + bytes((n + 1,))))
    reply = home.run("CS07", payload=log_command_octets(), by=SUPPLIER)
    assert reply.response is not None
    outcome, found = read_log_response(reply.response.payload)
    assert outcome == 0
    assert found is not None
    assert len(found) == length


@pytest.mark.parametrize(
    ("name", "payload", "answer"),
    [
        ("CS03A1", join_command_octets(JoinCommand(Method.A_INITIATOR, SWITCH, 4)), "020105"),
        ("CS03B", join_command_octets(JoinCommand(Method.B, READER, 6)), "020105"),
        ("CS04AC", unjoin_command_octets(SWITCH), "020102"),
        ("CS04B", unjoin_command_octets(SWITCH), "020102"),
        ("CS07", log_command_octets(), "3003020101"),
    ],
)
def test_a_fault_of_the_store_is_answered(name: str, payload: bytes, answer: str) -> None:
    home = Home.new()
    last = bytes.fromhex(answer)[-1]
    home.handle(ArmStoreFault(0, last))
    reply = home.run(name, payload=payload, by=SUPPLIER)
    assert reply.response is not None
    assert reply.response.payload.hex() == answer
    assert stations(home) == []
    assert home.run("CS07", payload=log_command_octets(), by=SUPPLIER).response is not None


# -- what may not join ----------------------------------------------------------------------

CERTIFICATE = next(c for c in KEYS.all() if c.entity == METER and c.usage is KeyUsage.KEY_AGREEMENT).der


@dataclass(frozen=True)
class Wrong:
    name: str
    method: Method
    station: EntityId
    kind: DeviceType
    answer: JoinCode
    certificate: bytes | None = None


WRONG = [
    Wrong("CS03A1", Method.B, READER, DeviceType.TYPE2, JoinCode.INVALID_MESSAGE_CODE),
    Wrong("CS03A1", Method.C, DISPLAY, DeviceType.PPMID, JoinCode.INVALID_MESSAGE_CODE),
    Wrong("CS03B", Method.A_INITIATOR, SWITCH, DeviceType.HCALCS, JoinCode.INVALID_MESSAGE_CODE),
    Wrong("CS03A1", Method.A_RESPONDER, SWITCH, DeviceType.HCALCS, JoinCode.INVALID_METHOD_AND_ROLE),
    Wrong("CS03A1", Method.A_INITIATOR, READER, DeviceType.TYPE2, JoinCode.INVALID_METHOD_AND_ROLE),
    Wrong("CS03A1", Method.A_INITIATOR, READER, DeviceType.GPF, JoinCode.INVALID_METHOD_AND_ROLE),
    Wrong("CS03A1", Method.A_INITIATOR, METER, DeviceType.HCALCS, JoinCode.INVALID_METHOD_AND_ROLE),
    Wrong("CS03B", Method.B, DISPLAY, DeviceType.PPMID, JoinCode.INVALID_METHOD_AND_ROLE),
    Wrong("CS03B", Method.B, SWITCH, DeviceType.HCALCS, JoinCode.INVALID_METHOD_AND_ROLE),
    Wrong("CS03B", Method.B, READER, DeviceType.TYPE2, JoinCode.INVALID_OR_MISSING_CERTIFICATE, CERTIFICATE),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: f"{w.name}-{w.method.name}-{w.kind.value}")
def test_what_may_not_join_is_told_why(wrong: Wrong) -> None:
    home = Home.new()
    reply = join(home, wrong.name, wrong.method, wrong.station, wrong.kind, SUPPLIER, wrong.certificate)
    assert code(reply) is wrong.answer
    assert stations(home) == []
    assert asked(reply.effects) == []
    assert logged(home) == [0x8F48]


def test_a_type_the_module_does_not_have_may_not_join() -> None:
    home = Home.new()
    payload = join_command_octets(JoinCommand(Method.B, READER, 77))
    assert code(home.run("CS03B", payload=payload, by=SUPPLIER)) is JoinCode.INVALID_METHOD_AND_ROLE


def test_an_entry_of_another_kind_stands_in_the_way() -> None:
    home = Home.new()
    join_b(home, SWITCH)
    assert code(join_a(home)) is JoinCode.INCOMPATIBLE_WITH_EXISTING_ENTRY
    later(home, join_a(home, DISPLAY, DeviceType.PPMID).command, KeyAgreed(DISPLAY, KEY))
    assert code(join_a(home, DISPLAY)) is JoinCode.INCOMPATIBLE_WITH_EXISTING_ENTRY


def test_the_log_is_bounded_and_running_agreements_have_their_places() -> None:
    home = Home.new()
    begun = [join_a(home, station(n)) for n in range(1, 8)]
    assert all(one.response is None for one in begun)
    assert code(join_a(home, station(8))) is JoinCode.DEVICE_LOG_FULL
    for n in range(20, 29):
        assert code(join_b(home, station(n))) is JoinCode.SUCCESS
    assert code(join_b(home, station(29))) is JoinCode.DEVICE_LOG_FULL
    for n, one in enumerate(begun, 1):
        assert code(later(home, one.command, KeyAgreed(station(n), KEY))) is JoinCode.SUCCESS
    assert len(stations(home)) == 16
    assert code(join_b(home, station(20))) is JoinCode.SUCCESS  # it is there already
    unjoin(home, "CS04B", station(20))
    assert code(join_b(home, station(29))) is JoinCode.SUCCESS


def test_the_sizes_are_settings() -> None:
    home = Home.new()
    profile = esme_profile(EsmeOptions(joins=JoinSettings(capacity=2, type_1=0)))
    home.device = Device(profile, home.store, home.now)
    assert code(join_a(home)) is JoinCode.DEVICE_LOG_FULL
    assert [code(join_b(home, station(n))) for n in (1, 2, 3)] == [0, 0, JoinCode.DEVICE_LOG_FULL]
    for wrong in ({"capacity": 0}, {"capacity": 3, "type_1": 4}, {"agreement_timeout": 0}):
        with pytest.raises(BuildError):
            JoinSettings(**wrong)  # type: ignore[arg-type]


def test_no_row_of_the_table_stands_twice_and_each_method_has_a_code() -> None:
    assert len(set(JOINS)) == len(JOINS)
    assert {row.method for row in JOINS} == {m for methods in METHODS.values() for m in methods}
    assert {row.other for row in JOINS if row.device is ESME} == {
        DeviceType.HCALCS,
        DeviceType.PPMID,
        DeviceType.TYPE2,
    }


def test_a_damaged_entry_is_a_damaged_store() -> None:
    home = Home.new(raw={f"device-log/{SWITCH}": pack((1, 2))})
    with pytest.raises(StoreError):
        find(home.work, SWITCH)


# -- switches become controllers ------------------------------------------------------------


def types(home: Home) -> list[object]:
    return [home.item(f"AuxiliaryController{n}.TypeAndIdentifier") for n in range(1, 6)]


def test_a_switch_that_joins_takes_the_first_free_number_and_leaves_it() -> None:
    from smets.behaviours.load_control import CancelLoadControlEvent, LoadControlEvent

    home = Home.new(items={"AuxiliaryController1.TypeAndIdentifier": bytes(8)})
    joined = later(home, join_a(home).command, KeyAgreed(SWITCH, KEY))
    assert types(home) == [bytes(8), bytes(SWITCH), b"", b"", b""]
    assert [(e.station, e.on) for e in joined.effects if isinstance(e, LoadControlEvent)] == [(SWITCH, False)]
    home.wait(1)
    left = home.run("CS04AC", payload=unjoin_command_octets(SWITCH), by=SUPPLIER)
    assert types(home) == [bytes(8), b"", b"", b"", b""]
    kinds = [type(e) for e in left.effects if isinstance(e, CancelLoadControlEvent | ForgetKey)]
    assert kinds == [CancelLoadControlEvent, ForgetKey]


def test_whether_it_takes_a_number_is_a_setting() -> None:
    home = Home.new()
    options = EsmeOptions(auxiliary=AuxiliarySettings(assigns_joined=False))
    home.device = Device(esme_profile(options), home.store, home.now)
    later(home, join_a(home).command, KeyAgreed(SWITCH, KEY))
    assert types(home) == [b""] * 5
    with pytest.raises(BuildError):
        AuxiliarySettings(longest_minutes=0x1_0000)


def test_a_switch_that_finds_no_free_number_joins_all_the_same() -> None:
    home = Home.new(items={f"AuxiliaryController{n}.TypeAndIdentifier": bytes(8) for n in range(1, 6)})
    assert code(later(home, join_a(home).command, KeyAgreed(SWITCH, KEY))) is JoinCode.SUCCESS
    assert types(home) == [bytes(8)] * 5


def test_a_display_is_no_controller() -> None:
    home = Home.new()
    later(home, join_a(home, DISPLAY, DeviceType.PPMID).command, KeyAgreed(DISPLAY, KEY))
    assert types(home) == [b""] * 5
