"""The CHF answers the use cases that are its own, and no others."""

import pytest

from chts.chf import chf_profile
from chts.events import WanMessage
from gbcs.dlms.objects import by_item
from gbcs.dlms.selective import Range
from gbcs.ids import DeviceType, Kind, Payload
from gbcs.message import parse_message
from gbcs.usecases import table
from smets.events import Happened
from tests.chts.rig import (
    BROKER,
    CHF,
    GPF,
    NOW,
    SUPPLIER,
    WAN_PROVIDER,
    Rig,
    alert_content,
    device_id,
    to_wan,
)

READS = ("ECS52", "ECS26n", "ECS35c", "ECS35d", "CCS06", "CCS07")


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("behalf", [None, SUPPLIER], ids=["known party", "for an unknown party"])
def test_reads(name: str, behalf: object) -> None:
    rig = Rig()
    rig.add(device_id(1))
    within = Range(0, 0xFFFF_FFFF) if name.startswith("ECS35") else None
    items = rig.ask(name, (None, None) if name == "CCS07" else (), within=within, behalf=behalf)
    assert [item.result for item in items] == [0] * len(items)


def test_what_the_reads_say() -> None:
    rig = Rig()
    rig.add(device_id(1))
    model, maker = rig.ask("ECS26n")
    assert (len(maker.data.value), len(model.data.value)) == (4, 8)
    (security,) = rig.ask("ECS35d", within=Range(0, 0xFFFF_FFFF))
    log = by_item("SecurityLog").any_wire()
    assert log.decode(security.data) == ((NOW.seconds, 0x8F12),)
    (none,) = rig.ask("ECS35d", within=Range(0, NOW.seconds - 1))
    assert log.decode(none.data) == ()


def test_the_profile_supports_what_the_table_gives_a_single_band_hub() -> None:
    profile = chf_profile()
    for use_case in table():
        if Kind.COMMAND not in use_case.kinds:
            continue
        own = DeviceType.CHF in use_case.devices and "dual-band" not in use_case.flags
        if use_case.payload is Payload.DLMS and not use_case.superseded:
            assert profile.supports(use_case) == own, use_case.name
    assert {u.name for u in table() if profile.supports(u) and u.payload is Payload.ASN1} >= {"CS02a"}


def test_what_it_does_not_know_is_logged_and_alerted_without_an_answer() -> None:
    rig = Rig()
    (happened,) = [e for e in rig.handle(WanMessage(rig.command("DBCH01").octets)) if isinstance(e, Happened)]
    assert happened.verdict == "refused"
    assert [(a.recipient, alert_content(a)[0]) for a in rig.alerts] == [
        (BROKER, 0x8F1E),
        (WAN_PROVIDER, 0x8F1E),
    ]
    assert all(a.signature is not None for a in rig.alerts)


def test_a_party_in_no_cell_gets_no_answer() -> None:
    rig = Rig()
    effects = rig.handle(WanMessage(rig.command("ECS52", originator=SUPPLIER).octets))
    assert all(parse_message(octets).kind is Kind.ALERT for octets in to_wan(effects))
    assert {alert_content(a)[0] for a in rig.alerts} == {0x8F3D}


def test_the_hub_is_two_entities() -> None:
    rig = Rig()
    assert rig.hub.chf.entity == CHF
    assert rig.hub.address.station == GPF
