"""Where the hub sends messages: by target, between the two networks, untouched."""

from dataclasses import replace

import pytest

from chts.events import SendWan, Undeliverable, WanMessage
from gbcs.gbt import parse_block
from gbcs.ids import Cra, EntityId
from gbcs.message import parse_message
from smets.events import Happened, PowerLost, PowerRestored, TimerDue
from smets.han.blocks import TUNNEL_BLOCKS
from smets.han.link import (
    MAX_TRANSFER,
    Address,
    CloseTunnel,
    Frame,
    LinkDown,
    LinkUp,
    RequestTunnel,
    RequestTunnelResponse,
    TransferData,
    TransferDataError,
    TransferStatus,
    TunnelStatus,
)
from smets.settings import DEFAULT_SETTINGS
from tests.chts.rig import (
    BROKER,
    CHF,
    GPF,
    HUB_ADDRESS,
    METER,
    NOW,
    SUPPLIER,
    WAN_PROVIDER,
    Rig,
    alert_content,
    data_sent,
    device_id,
    message,
    refusals,
    sent,
    to_wan,
)

OTHER = device_id(2)


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.add(METER)
    made.add(OTHER)
    made.come_up(METER, OTHER)
    made.alerts.clear()
    return made


def test_a_command_goes_to_its_device_untouched(rig: Rig) -> None:
    octets = message(SUPPLIER, METER)
    (frame,) = rig.handle(WanMessage(octets))
    assert frame == Frame(HUB_ADDRESS, Address(METER), TransferData(7, octets), aps_encrypted=True)


@pytest.mark.parametrize("cra", [Cra.RESPONSE, Cra.ALERT])
def test_an_answer_goes_to_its_party_untouched(rig: Rig, cra: Cra) -> None:
    octets = message(METER, SUPPLIER, cra)
    assert rig.from_device(METER, TransferData(7, octets)) == (SendWan(octets, SUPPLIER),)


def test_a_message_between_devices_stays_in_the_home(rig: Rig) -> None:
    octets = message(OTHER, METER)
    effects = rig.from_device(OTHER, TransferData(7, octets))
    assert data_sent(effects) == [octets]
    assert to_wan(effects) == []
    answer = message(METER, OTHER, Cra.RESPONSE)
    assert data_sent(rig.from_device(METER, TransferData(7, answer))) == [answer]


def test_an_unknown_recipient_is_named(rig: Rig) -> None:
    octets = message(SUPPLIER, device_id(9))
    (effect,) = rig.handle(WanMessage(octets))
    assert effect == Undeliverable(octets, f"{device_id(9)} is not in the device log of {CHF}")


def test_the_gas_proxy_is_not_built_yet(rig: Rig) -> None:
    (reason,) = refusals(rig.handle(WanMessage(message(SUPPLIER, GPF))))
    assert "gas proxy function" in reason
    assert "not built" in reason
    (reason,) = refusals(rig.from_device(METER, TransferData(7, message(METER, GPF))))
    assert "gas proxy function" in reason


@pytest.mark.parametrize("cra", [Cra.RESPONSE, Cra.ALERT])
def test_only_commands_come_from_the_wan(rig: Rig, cra: Cra) -> None:
    (reason,) = refusals(rig.handle(WanMessage(message(SUPPLIER, METER, cra))))
    assert reason == f"a {'response' if cra is Cra.RESPONSE else 'alert'} from the wide area network"


def test_no_command_goes_to_the_wan(rig: Rig) -> None:
    effects = rig.from_device(METER, TransferData(7, message(METER, SUPPLIER, Cra.COMMAND)))
    assert to_wan(effects) == []
    (reason,) = refusals(effects)
    assert str(SUPPLIER) in reason


def test_a_device_cannot_command_the_hub(rig: Rig) -> None:
    effects = rig.from_device(METER, TransferData(7, message(METER, CHF)))
    assert [e.verdict for e in effects if isinstance(e, Happened)] == ["refused"]
    assert {(a.recipient, alert_content(a)[0]) for a in rig.alerts} == {
        (BROKER, 0x8F1E),
        (WAN_PROVIDER, 0x8F1E),
    }


@pytest.mark.parametrize("octets", [b"", b"\xdd", b"\xdd\x09" + bytes(60), bytes(200)])
def test_what_is_no_message_is_refused(rig: Rig, octets: bytes) -> None:
    (reason,) = refusals(rig.handle(WanMessage(octets)))
    assert reason.startswith("no GBCS message: ")
    effects = rig.from_device(METER, TransferData(7, octets))
    (reason,) = refusals(effects)
    assert reason.startswith(f"no GBCS message from {METER}: ")
    assert to_wan(effects) == []


def test_a_device_speaks_for_itself_only(rig: Rig) -> None:
    octets = message(OTHER, SUPPLIER, Cra.RESPONSE)
    effects = rig.from_device(METER, TransferData(7, octets))
    assert octets not in to_wan(effects)
    assert refusals(effects) == [f"{METER} sent a message of {OTHER}"]
    assert [(a.recipient, *alert_content(a)) for a in rig.alerts] == [
        (BROKER, 0x8F3E, []),
        (WAN_PROVIDER, 0x8F3E, []),
    ]
    log = list(rig.hub.chf.observe(rig.now).log_entries("SecurityLog"))
    assert log[-1] == (NOW.seconds, 0x8F3E)


def test_a_flood_of_foreign_messages_causes_a_bounded_number_of_alerts(rig: Rig) -> None:
    octets = message(OTHER, SUPPLIER, Cra.RESPONSE)
    for _ in range(50):
        rig.from_device(METER, TransferData(7, octets))
    assert len(rig.alerts) == 2 * DEFAULT_SETTINGS.alerts_per_code
    rig.now = NOW.plus(DEFAULT_SETTINGS.alert_window)
    rig.from_device(METER, TransferData(7, octets))
    assert len(rig.alerts) == 2 * DEFAULT_SETTINGS.alerts_per_code + 2
    assert len(list(rig.hub.chf.observe(rig.now).log_entries("SecurityLog"))) == 53


def test_a_station_that_is_not_in_the_log_is_not_heard(rig: Rig) -> None:
    stranger = device_id(9)
    (effect,) = rig.handle(LinkUp(Address(stranger)))
    assert isinstance(effect, Happened)
    assert effect.verdict == "refused"
    effects = rig.from_device(stranger, TransferData(7, message(stranger, SUPPLIER, Cra.ALERT)))
    assert to_wan(effects) == []
    assert rig.hub.tunnels.stations == (METER, OTHER)


def test_removal_closes_the_tunnel_and_reports_what_waited(rig: Rig) -> None:
    effects = rig.handle(WanMessage(rig.command("CCS02", [bytes(METER)]).octets))
    assert sent(effects, CloseTunnel) == [CloseTunnel(7)]
    assert rig.hub.tunnels.stations == (OTHER,)
    rig.handle(LinkDown(Address(OTHER)))
    waiting = [message(SUPPLIER, OTHER, payload=bytes((n,))) for n in range(3)]
    for octets in waiting:
        assert rig.handle(WanMessage(octets)) == ()
    effects = rig.handle(WanMessage(rig.command("CCS02", [bytes(OTHER)]).octets))
    assert sent(effects, CloseTunnel) == []
    left = [e for e in effects if isinstance(e, Undeliverable)]
    assert [e.octets for e in left] == waiting
    assert {e.reason for e in left} == {f"{OTHER} left the device log"}
    assert refusals(rig.handle(WanMessage(waiting[0]))) == [f"{OTHER} is not in the device log of {CHF}"]


def test_a_device_that_never_came_up(rig: Rig) -> None:
    rig.add(device_id(3))
    (reason,) = refusals(rig.handle(WanMessage(message(SUPPLIER, device_id(3)))))
    assert reason == "the device never came up on the home area network"


def maced(payload: bytes) -> bytes:
    """A command in the MAC Header."""
    command = parse_message(message(SUPPLIER, METER, payload=payload))
    return replace(command, mac_header=True).encoded().octets


def test_what_is_too_long_for_a_transfer(rig: Rig) -> None:
    head = len(maced(bytes(400))) - 400
    fits, longer = (maced(bytes(TUNNEL_BLOCKS.threshold - head + more)) for more in (0, 1))
    assert data_sent(rig.handle(WanMessage(fits))) == [fits]
    blocks = data_sent(rig.handle(WanMessage(longer)))
    assert b"".join(parse_block(block).data for block in blocks) == longer
    assert len(blocks) == 2
    assert max(map(len, blocks)) <= MAX_TRANSFER
    overflow = TransferDataError(7, TransferStatus.DATA_OVERFLOW)
    effects = rig.from_device(METER, TransferData(7, bytes(MAX_TRANSFER + 1)))
    assert [effect.command for effect in effects] == [overflow]  # type: ignore[union-attr]


def test_a_hub_without_power_does_nothing_and_asks_again_afterwards(rig: Rig) -> None:
    rig.handle(PowerLost())
    assert rig.hub.next_deadline is None
    assert refusals(rig.handle(WanMessage(message(SUPPLIER, METER)))) == ["the hub has no power"]
    for event in (LinkUp(Address(METER)), LinkDown(Address(METER)), TimerDue()):
        assert rig.handle(event) == ()
    answer = message(METER, SUPPLIER, Cra.RESPONSE)
    assert rig.from_device(METER, TransferData(7, answer)) == ()
    rig.handle(PowerRestored())
    assert rig.hub.tunnels.stations == ()
    assert sent(rig.handle(LinkUp(Address(METER))), RequestTunnel) == [RequestTunnel()]
    rig.from_device(METER, RequestTunnelResponse(7, TunnelStatus.SUCCESS))
    assert to_wan(rig.from_device(METER, TransferData(7, answer))) == [answer]


def test_every_recipient_ends_somewhere(rig: Rig) -> None:
    """From either side, whatever the target: passed on, executed or refused with a reason."""
    for recipient in (CHF, GPF, METER, OTHER, SUPPLIER, device_id(9), EntityId(bytes(8))):
        for cra in Cra:
            octets = message(SUPPLIER, recipient, cra)
            assert rig.handle(WanMessage(octets)), (recipient, cra)
            octets = message(METER, recipient, cra)
            assert rig.from_device(METER, TransferData(7, octets)), (recipient, cra)
