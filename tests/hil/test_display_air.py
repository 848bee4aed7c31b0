"""A paired display acts on a meter over the air, and is told of its events; another may not."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

from gbcs.errors import LocalError
from gbcs.ids import DeviceType, EntityId
from hil.capture import Capture, KeyFile
from hil.radio.interface import Received
from smets.esme.han_alerts import displays, published
from smets.esme.han_settings import PublishSettings
from smets.han.command_client import Answers
from smets.han.endpoints import EVENTS, endpoints_of
from smets.han.zcl import parse_zcl
from smets.local_alerts import HanAlert
from smets.values import Value
from tests.hil.radio.radios import JOIN_KEY, LINK_KEY, NETWORK
from tests.hil.test_command_air import PAIR_KEY, House, in_a_house
from tests.hil.test_radio_home import dissected
from tests.smets.han_asking import ENDPOINTS, REFUSED, acting, joined
from tests.smets.homes import Home, token

CREDIT: dict[str, Value] = {"PaymentMode": (2, 2), "MeterBalance": 0, "SupplyState": 2}
SUCCESS, NOT_AUTHORISED = 0x00, 0x7E


def serving(made: House) -> Home:
    """The meter, now one that may be acted on."""
    home = made.home
    work = home.work
    for name, value in CREDIT.items():
        work.set_item(name, value)
    work.commit()
    server = acting(home)
    made.meter.serve = lambda arrived: server.receive(
        arrived.message, home.now, arrived.broadcast, arrived.eui64
    )
    return home


def test_only_the_paired_display_acts() -> None:
    async def test(made: House) -> None:
        home, display = serving(made), made.display.address.station
        digits = token(1 << 32)
        for kind in (None, DeviceType.TYPE2):
            if kind is not None:
                joined(home, display, kind)
            for name in (*REFUSED,):
                if name != "MessageConfirmation":
                    assert await made.ask(made.display, name) == Answers((), NOT_AUTHORISED)
        assert home.item("SupplyState") == 2
        joined(home, display, DeviceType.PPMID)
        assert await made.ask(made.display, "LocalChangeSupply", encrypted=False) == Answers((), 0x01)
        assert home.item("SupplyState") == 2
        assert await made.ask(made.display, "LocalChangeSupply") == Answers((), SUCCESS)
        assert home.item("SupplyState") == 1
        values = {"OriginatingDevice": 2, "TopUpCode": digits}
        peer, own = await made.display.peer(made.meter.address.station, 0x0705, endpoints_of("PPMID"))
        (answer,) = (await made.display.request(peer, "ConsumerTopUp", values, own)).commands
        assert (answer.values["ResultType"], answer.values["CreditRemaining"]) == (0, 1_000_000)
        assert await made.ask(made.hub, "LocalChangeSupply") == Answers((), NOT_AUTHORISED)

    in_a_house(test)


def test_a_display_is_told_of_events_and_all_dissects(tmp_path: Path) -> None:
    air, keys = tmp_path / "air.pcapng", tmp_path / "keys"

    async def test(made: House) -> None:
        home, display = serving(made), made.display.address.station
        joined(home, display, DeviceType.PPMID)
        joined(home, EntityId(bytes(8)), DeviceType.HCALCS)
        assert displays(home.work) == (display,)
        heard = list[Received]()
        made.display.serve = lambda arrived: (heard.append(arrived), ())[1]
        told = published(HanAlert(0x81AB, home.now), PublishSettings())
        octets = await made.meter.publish(display, told, ENDPOINTS)
        values = {"OriginatingDevice": 2, "TopUpCode": token(1 << 32)}
        peer, own = await made.display.peer(made.meter.address.station, 0x0705, endpoints_of("PPMID"))
        await made.display.request(peer, "ConsumerTopUp", values, own)
        with pytest.raises(LocalError):
            await made.meter.publish(made.hub.address.station, told, ENDPOINTS)
        (event,) = [arrived for arrived in heard if arrived.message.cluster == EVENTS]
        assert event.message.encrypted
        assert event.message.payload == octets
        assert parse_zcl(EVENTS, octets).values == {
            "LogId": 3,
            "EventId": 0x81AB,
            "EventTime": home.now.seconds,
            "EventControl": 1,
            "EventData": "",
        }

    with closing(Capture(air)) as capture, closing(KeyFile(keys)) as file:
        assert NETWORK.network_key is not None
        for key in (NETWORK.network_key, JOIN_KEY, LINK_KEY, PAIR_KEY):
            file.add(key, "key")
        in_a_house(test, capture)
    fields = ("zbee_zcl_se.events.publish_event.event_id", "zbee_zcl_se.events.publish_event.event_control")
    rows = dissected(air, keys, "_ws.malformed", "_ws.expert.message", *fields, "_ws.col.Info")
    assert [row for row in rows if row[0] or row[1]] == []
    assert [(int(row[2], 0), int(row[3], 0)) for row in rows if row[2]] == [(0x81AB, 1)]
    assert any("Consumer Top Up Response" in row[-1] for row in rows)
