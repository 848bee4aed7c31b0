"""The CHF Device Log: CCS01, CCS02, CCS03, CCS06, CCS07, and the alert CS14."""

import pytest

from chts.device_log import CAPACITY, GPF_TYPE, HISTORIC_CAPACITY, STATIONS, DeviceLogSettings
from chts.events import LinkKeyMade, WanMessage
from gbcs.ids import EntityId
from gbcs.message import parse_message
from gbcs.usecases import by_name
from smets.events import TimerDue
from smets.han.link import TransferData
from tests.chts.rig import (
    BROKER,
    CODE,
    GPF,
    HASH,
    NOW,
    SUPPLIER,
    Rig,
    alert_content,
    device_id,
    message,
    to_wan,
    unpacked,
)

GPF_ENTITY = EntityId(GPF)
NOTHING_SPECIFIED = bytes.fromhex("FFFFFFFFFFFFFFFFFF8000FF")


def test_adding_logs_alerts_and_opens_joining() -> None:
    rig = Rig()
    assert rig.add(device_id(1), seconds=90) == [0, 0, 0]
    (alert,) = rig.alerts
    assert (alert.code, alert.recipient) == (0x0018, BROKER)
    assert alert.signature is None
    assert alert.mac is not None
    code, (backup,) = alert_content(alert)
    assert code == 0x8F12
    time, pan, devices = unpacked(backup)
    assert time == NOW.to_cosem()
    assert pan == GPF
    assert devices == {device_id(1): b""}  # no link key yet
    row = rig.log()[device_id(1)]
    assert len(row) == 14
    assert row[8] == NOTHING_SPECIFIED
    work = rig.hub.chf.observe(rig.now)
    assert work.item("DeviceLog.JoiningAllowed") is True


@pytest.mark.parametrize("seconds", [1, 90, 3600])
def test_joining_closes_at_its_deadline(seconds: int) -> None:
    rig = Rig()
    rig.add(device_id(1), seconds=seconds)
    end = NOW.plus(seconds)
    assert rig.hub.next_deadline == end
    rig.now = end.plus(us=-1)
    rig.handle(TimerDue())
    assert rig.hub.chf.observe(rig.now).item("DeviceLog.JoiningAllowed") is True
    rig.now = end
    rig.handle(TimerDue())
    assert rig.hub.chf.observe(rig.now).item("DeviceLog.JoiningAllowed") is False
    assert rig.hub.next_deadline is None


def test_a_second_window_replaces_the_first() -> None:
    rig = Rig()
    rig.add(device_id(1), seconds=90)
    rig.now = NOW.plus(60)
    rig.add(device_id(2), seconds=90)
    assert rig.hub.next_deadline == NOW.plus(150)


@pytest.mark.parametrize("seconds", [0, 3601, 65535])
def test_a_window_out_of_range_is_refused_and_opens_nothing(seconds: int) -> None:
    rig = Rig()
    assert rig.add(device_id(1), seconds=seconds) == [0, 250, 250]
    assert rig.hub.next_deadline is None
    assert rig.hub.chf.observe(rig.now).item("DeviceLog.JoiningAllowed") is False


def test_adding_again_keeps_what_is_there_and_opens_joining() -> None:
    rig = Rig()
    rig.add(device_id(1))
    rig.handle(LinkKeyMade(device_id(1), HASH))
    rig.now = NOW.plus(1000)
    rig.handle(TimerDue())
    before = rig.memory.get(f"devicelog/{device_id(1)}")
    rig.alerts.clear()
    assert rig.add(device_id(1), code=bytes(16), type_=13) == [0, 0, 0]
    assert rig.memory.get(f"devicelog/{device_id(1)}") == before
    assert rig.alerts == []
    assert rig.hub.next_deadline == NOW.plus(1090)


@pytest.mark.parametrize("type_", [2, 3, 129, 131, 255])
def test_a_type_of_another_enumeration_is_refused(type_: int) -> None:
    rig = Rig()
    assert rig.add(device_id(1), type_=type_) == [250, 250, 250]
    assert rig.log() == {}
    assert rig.alerts == []
    assert rig.hub.next_deadline is None


@pytest.mark.parametrize("type_", [0, 1, 13, 128, 130, 132, 254])
def test_every_type_of_the_home_area_network_is_taken(type_: int) -> None:
    rig = Rig()
    assert rig.add(device_id(1), type_=type_) == [0, 0, 0]


@pytest.mark.parametrize("key_type", [0, 2])
def test_only_install_codes_are_keys(key_type: int) -> None:
    rig = Rig()
    items = rig.ask("CCS01", [(bytes(device_id(1)), key_type, CODE, 0), 90])
    assert [item.result for item in items] == [250, 250, 250]
    assert rig.log() == {}


@pytest.mark.parametrize("place", [0, 7, 15])
def test_fifteen_stations_and_the_gas_proxy_function_fill_the_log(place: int) -> None:
    rig = Rig()
    stations = [device_id(number) for number in range(STATIONS)]
    order = [*stations[:place], GPF_ENTITY, *stations[place:]]
    for entity in order:
        assert rig.add(entity, type_=GPF_TYPE if entity == GPF_ENTITY else 0) == [0, 0, 0]
    assert rig.add(device_id(99)) == [250, 250, 250]
    assert rig.add(device_id(0)) == [0, 0, 0]  # it is there already
    assert set(rig.log()) == set(order)
    assert len(rig.backups()[0][2]) == CAPACITY
    assert rig.remove(device_id(3)) == [0]
    assert rig.add(device_id(99)) == [0, 0, 0]


@pytest.mark.parametrize(
    ("settings", "stations"),
    [
        (DeviceLogSettings(), STATIONS),
        (DeviceLogSettings(keeps_place=False), CAPACITY),
        (DeviceLogSettings(lists_gpf=True), STATIONS),
        (DeviceLogSettings(lists_gpf=True, keeps_place=False), STATIONS),
    ],
)
def test_how_many_stations_a_log_takes(settings: DeviceLogSettings, stations: int) -> None:
    rig = Rig(settings)
    for number in range(stations):
        assert rig.add(device_id(number)) == [0, 0, 0]
    assert rig.add(device_id(99)) == [250, 250, 250]
    listed = {GPF_ENTITY} if settings.lists_gpf else set()
    assert set(rig.log()) == {device_id(number) for number in range(stations)} | listed


def test_the_gas_proxy_function_is_never_remembered() -> None:
    rig = Rig(DeviceLogSettings(lists_gpf=True))
    assert rig.remove(GPF_ENTITY) == [0]
    assert rig.log() == {}
    assert rig.backups()[1][2] == {}


def test_removing_alerts_and_one_that_is_not_there_is_refused() -> None:
    rig = Rig()
    rig.add(device_id(1))
    rig.add(device_id(2))
    rig.alerts.clear()
    assert rig.remove(device_id(1)) == [0]
    (alert,) = rig.alerts
    assert unpacked(alert_content(alert)[1][0])[2] == {device_id(2): b""}
    assert rig.remove(device_id(1)) == [250]
    assert len(rig.alerts) == 1
    assert rig.backups()[1][2] == {}  # no link key, nothing to remember


def test_a_new_link_key_alerts_once() -> None:
    rig = Rig()
    rig.add(device_id(1))
    rig.alerts.clear()
    for event in (LinkKeyMade(device_id(1), HASH), LinkKeyMade(device_id(1), HASH)):
        rig.handle(event)
    rig.handle(LinkKeyMade(device_id(2), HASH))  # not in the log
    (alert,) = rig.alerts
    assert unpacked(alert_content(alert)[1][0])[2] == {device_id(1): HASH}


def test_the_historic_log_keeps_the_fifteen_last_removed() -> None:
    rig = Rig()
    order = [device_id(number) for number in (5, 3, 9, 1, 15, 2, 16, 4, 10, 7, 14, 6, 12, 8, 13, 11)]
    rig.restore(*order)
    for entity in order[:HISTORIC_CAPACITY]:
        rig.remove(entity)
    assert set(rig.backups()[1][2]) == set(order[:HISTORIC_CAPACITY])
    rig.remove(order[HISTORIC_CAPACITY])
    assert set(rig.backups()[1][2]) == set(order[1:])  # the first removed had to go, not the lowest
    rig.restore(order[1], hashed=bytes(16))
    rig.remove(order[1])  # there already: updated in place, nobody else goes, and it is the newest now
    historic = rig.backups()[1][2]
    assert historic.pop(order[1]) == bytes(16)
    assert historic == dict.fromkeys(order[2:], HASH)
    rig.restore(device_id(77))
    rig.remove(device_id(77))
    assert set(rig.backups()[1][2]) == {order[1], *order[3:], device_id(77)}


def test_restoring_takes_the_log_and_the_pan_of_the_old_hub() -> None:
    rig = Rig()
    pan = bytes.fromhex("0000000000000140")
    assert rig.restore(device_id(1), device_id(2), pan=pan) == [0]
    (alert,) = rig.alerts
    assert alert_content(alert)[0] == 0x8F12
    now, historic = rig.backups()
    assert now == (NOW.to_cosem(), pan, {device_id(1): HASH, device_id(2): HASH})
    assert historic == (NOW.to_cosem(), pan, {})


def test_restoring_keeps_what_is_there_and_no_more_than_the_capacity() -> None:
    rig = Rig()
    rig.add(device_id(1))
    assert rig.restore(*(device_id(n) for n in range(2, 17)), device_id(1)) == [0]
    assert len(rig.log()) == CAPACITY
    before = rig.memory.snapshot()
    assert rig.restore(device_id(17), pan=bytes(8)) == [250]
    changed = {k for k, v in rig.memory.snapshot().items() if before.get(k) != v}
    assert not any(key.startswith(("devicelog", "extended")) for key in changed)
    assert rig.restore() == [250]  # at least one


def test_contact_is_noted() -> None:
    rig = Rig()
    rig.add(device_id(1))
    rig.come_up(device_id(1))
    rig.now = NOW.plus(61)
    rig.from_device(device_id(1), TransferData(7, message(device_id(1), SUPPLIER)))
    assert rig.log()[device_id(1)][8] == NOW.plus(61).to_cosem()


def test_what_is_logged() -> None:
    rig = Rig()
    rig.add(device_id(1))
    rig.now = NOW.plus(10)
    rig.remove(device_id(1))
    entries = list(rig.hub.chf.observe(rig.now).log_entries("SecurityLog"))
    assert entries == [(NOW.seconds, 0x8F12), (NOW.seconds + 10, 0x8F12)]


def test_the_log_outlives_the_hub() -> None:
    rig = Rig()
    rig.add(device_id(1))
    again = Rig()
    again.memory.commit(dict(rig.memory.snapshot()))
    again.hub.chf = again.hub.chf.reopened(NOW)
    again.counter = rig.counter
    assert set(again.log()) == {device_id(1)}
    assert again.hub.next_deadline == NOW.plus(90)


def test_a_repeat_gets_the_same_answer_and_adds_nothing() -> None:
    rig = Rig()
    command = rig.command("CCS01", [(bytes(device_id(1)), 1, CODE, 0), 90])
    first = to_wan(rig.handle(WanMessage(command.octets)))
    rig.alerts.clear()
    (second,) = to_wan(rig.handle(WanMessage(command.octets)))
    assert second in first
    assert rig.alerts == []
    rig.broker.check_answer(command, second, by_name("CCS01"))
    assert parse_message(second).recipient == BROKER
    assert isinstance(device_id(1), EntityId)
