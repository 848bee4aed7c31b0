"""Tunnels on the air: a station that sleeps, long messages, a link that goes and comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")

from chts.tunnels import QUEUE, State
from gbcs.gbt import is_block, parse_block
from gbcs.ids import Cra, EntityId
from gbcs.message import Message, OtherInformation, parse_message
from gbcs.time import Utc
from hil.radio.interface import NetworkDown
from smets.events import PowerLost, RemotePartyMessage, SendMessage
from smets.han.link import Frame, RequestTunnel, TransferData
from tests.chts.rig import NOW, SUPPLIER, Rig, device_id
from tests.chts.test_tunnel_pair import Deliver, Echo
from tests.hil.radio.radios import run
from tests.hil.tunnels_on_air import OnAir, Worker, on_air, soon
from tests.smets import homes

GAS = device_id(1)
CODE = 0x0062


def message(number: int, size: int = 40, cra: Cra = Cra.COMMAND, device: EntityId = GAS) -> bytes:
    ends = (SUPPLIER, device) if cra is Cra.COMMAND else (device, SUPPLIER)
    payload = bytes((number + n) & 0xFF for n in range(size))
    made = Message(cra, number, *ends, OtherInformation(CODE), payload, mac_header=True, mac=bytes(12))
    return made.encoded().octets


class Answering(Echo):
    """Answers each command once."""

    def handle(self, event: object, now: Utc) -> tuple[SendMessage, ...]:
        made = super().handle(event, now)
        if not isinstance(event, RemotePartyMessage):
            return made
        command = parse_message(event.octets)
        answer = message(command.counter, 40, Cra.RESPONSE, command.recipient)
        return (*made, SendMessage(answer, command.originator))


def answers(count: int, start: int = 0) -> list[bytes]:
    return [message(n, 40, Cra.RESPONSE) for n in range(start, start + count)]


# -- a station that sleeps ----------------------------------------------------------------------


async def exchange(count: int, air: str, seed: int) -> None:
    """Commands as fast as the hub takes them, and the answers to them."""
    device = Answering()
    async with on_air(device, GAS, air, seed=seed) as home:
        sent = [message(n) for n in range(count)]
        for octets in sent:
            await soon(lambda: len(home.rig.hub.polled.waiting()) < 5, home.hub)
            assert home.command(octets) == []
        await soon(lambda: len(home.wan) >= count, home.hub)
        await soon(lambda: not home.device.machine.awake, home.device)  # type: ignore[attr-defined]
        assert device.heard == sent
        assert home.wan == answers(count)
        assert not home.rig.hub.waits_for(GAS)


def test_nothing_is_lost_or_doubled_where_a_tenth_is_lost() -> None:
    run(exchange(100, "loss=0.1", 1), 120)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_nothing_of_a_thousand_messages_is_lost_or_doubled(seed: int) -> None:
    run(exchange(1000, "loss=0.1", seed), 1200)


def test_a_real_device_behind_it_executes_and_answers() -> None:
    async def test() -> None:
        meter = homes.Home.new(now=NOW)
        rig = Rig()
        async with on_air(meter.device, homes.METER, rig=rig) as home:
            commands = [meter.make(name) for name in ("ECS52", "ECS26a", "ECS52")]
            for command in commands:
                assert home.command(command.octets) == []
            await soon(lambda: len(responses(home)) == len(commands), home.hub)
            for command, octets in zip(commands, responses(home), strict=True):
                reply = meter.reply(command, (SendMessage(octets, command.originator),))
                assert set(reply.results) == {0}
            entries = list(rig.hub.chf.observe(home.hub.now).log_entries("EventLog"))
            assert [(e[1], e[2]) for e in entries] == [
                (0x8154, command.code.to_bytes(2, "big")) for command in commands
            ]

    run(test(), 60)


def responses(home: OnAir) -> list[bytes]:
    return [octets for octets in home.wan if parse_message(octets).cra is Cra.RESPONSE]


# -- longer than a transfer ------------------------------------------------------------------------


def losing(block: int) -> tuple[Callable[[Frame], bool], list[int]]:
    """Loses a block once, after the radio has acknowledged it; the numbers of those that came."""
    seen: list[int] = []

    def drop(frame: Frame) -> bool:
        command = frame.command
        if not isinstance(command, TransferData):
            return False
        for skip in (0, 1, 2):  # octets of framing
            octets = command.data[skip:]
            if is_block(octets):
                number = parse_block(octets)
                if number.is_acknowledgement:
                    return False
                seen.append(number.number)
                return number.number == block and seen.count(block) == 1
        return False

    return drop, seen


@pytest.mark.parametrize("block", [2, 4])
@pytest.mark.parametrize("sleepy", [True, False], ids=["sleeps", "listens"])
@pytest.mark.parametrize("inward", [True, False], ids=["to the hub", "to the device"])
def test_a_long_message_with_a_lost_block_arrives_whole(block: int, sleepy: bool, inward: bool) -> None:
    async def test() -> None:
        device = Echo()
        async with on_air(device, GAS, sleepy=sleepy) as home:
            worker = home.hub if inward else home.device
            worker.drop, seen = losing(block)
            if inward:
                octets = message(1, 4000, Cra.ALERT)
                home.device.happens(Deliver(octets))
                await soon(lambda: octets in home.wan, home.hub)
                assert home.wan.count(octets) == 1
            else:
                octets = message(1, 4000)
                assert home.command(octets) == []
                await soon(lambda: device.heard, home.device)
                assert device.heard == [octets]
            assert seen.count(block) > 1
            assert max(seen) == 4

    run(test(), 60)


# -- a link that goes --------------------------------------------------------------------------------


@pytest.mark.parametrize("restarts", [False, True], ids=["out of reach", "without power"])
@pytest.mark.parametrize("sleepy", [True, False], ids=["sleeps", "listens"])
def test_what_waits_while_the_link_is_lost_arrives_once_and_in_order(sleepy: bool, restarts: bool) -> None:
    async def test() -> None:
        device = Answering()
        async with on_air(device, GAS, sleepy=sleepy) as home:
            assert home.command(message(0)) == []
            await soon(lambda: home.wan == answers(1), home.hub)
            if sleepy:
                await soon(lambda: not home.device.machine.awake, home.device)  # type: ignore[attr-defined]
            home.out_of_reach(True)
            if restarts:
                home.device.happens(PowerLost())
            sent = [message(n) for n in range(1, QUEUE + 1)]
            assert [home.command(octets) for octets in sent] == [[]] * QUEUE
            (refusal,) = home.command(message(99))
            assert f"{QUEUE} messages already wait" in refusal
            if not sleepy:  # it has tried, in vain
                await soon(lambda: home.rig.hub.tunnels.state(GAS) is State.ASKED, home.hub)
            else:
                await soon(lambda: any(isinstance(e, NetworkDown) for e in home.device.events), home.device)
            assert device.heard == [message(0)]
            home.out_of_reach(False)
            await soon(lambda: len(home.wan) == QUEUE + 1, home.hub)
            assert device.heard == [message(0), *sent]
            assert home.wan == answers(QUEUE + 1)
            assert home.command(message(99)) == []
            await soon(lambda: len(home.wan) == QUEUE + 2, home.hub)

    run(test(), 60)


@pytest.mark.parametrize("sleepy", [True, False], ids=["sleeps", "listens"])
def test_after_a_rejoin_the_tunnel_is_opened_anew(sleepy: bool) -> None:
    async def test() -> None:
        device = Answering()
        async with on_air(device, GAS, sleepy=sleepy) as home:
            asking = home.device if sleepy else home.hub
            for number in range(3):
                assert home.command(message(number)) == []
                await soon(lambda n=number: home.wan == answers(n + 1), home.hub)  # type: ignore[misc]
                before = requests(asking)
                assert before > number
                assert home.device.node is not None
                await home.device.node.radio.rejoin()
                await soon(lambda n=before: requests(asking) > n, asking)  # type: ignore[misc]
            assert requests(home.hub if sleepy else home.device) == 0
            # the hub serves the one that sleeps and is client of the other
            assert (home.device.from_server, home.hub.from_server) == ({sleepy}, {not sleepy})
            assert device.heard == [message(number) for number in range(3)]

    run(test(), 60)


def requests(worker: Worker) -> int:
    return sum(isinstance(frame.command, RequestTunnel) for frame in worker.sent)
