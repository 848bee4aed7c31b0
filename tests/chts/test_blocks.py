"""Messages longer than one transfer between hub and device, over links good and bad."""

import heapq
from collections import Counter
from dataclasses import replace

import pytest

from chts.events import SendWan, Undeliverable, WanMessage
from gbcs.gbt import is_block, parse_block
from gbcs.ids import Cra, EntityId
from gbcs.message import Message, OtherInformation
from gbcs.party import RemoteParty
from gbcs.time import Utc
from gbcs.usecases import table
from hil.memory_link import NO_FAULTS, LinkOptions, MemoryLink
from smets.events import Effect, Event, Happened, PowerLost, PowerRestored, TimerDue
from smets.han.blocks import TUNNEL_BLOCKS
from smets.han.link import Address, Frame, LinkDown, LinkEvent, LinkUp, TransferData
from smets.han.station import Station
from tests.chts.rig import HUB_ADDRESS, METER, SUPPLIER, Rig, device_id, message, to_wan
from tests.chts.test_tunnel_pair import Deliver, Echo

BAD = LinkOptions(loss=0.2, duplicate=0.2, delay_ms=20, jitter_ms=900)
OTHER = device_id(2)
REPLACES = next(row for row in table() if row.name == "CS02b")


def long_command(rig: Rig, size: int = 3700) -> bytes:
    """A critical command as large as one that replaces credentials, signed and MACed."""
    rig.counter += 1
    party = RemoteParty(SUPPLIER, rig.store)
    payload = bytes((7 * n + rig.counter) & 0xFF for n in range(size))
    draft = party.precommand(REPLACES, METER, rig.counter, payload)
    return rig.broker.mac(party.sign(draft)).octets


def long_answer(counter: int, size: int = 16_384, originator: EntityId = METER) -> bytes:
    """An answer as long as a profile of months."""
    payload = bytes((11 * n + counter) & 0xFF for n in range(size))
    return (
        Message(Cra.RESPONSE, counter, originator, SUPPLIER, OtherInformation(0x0033), payload)
        .encoded()
        .octets
    )


class Line:
    """A hub and a station with a link between them, and the time."""

    def __init__(self, options: LinkOptions = NO_FAULTS, seed: str = "") -> None:
        self.rig = Rig()
        self.rig.add(METER)
        self.device = Echo()
        self.station = Station(self.device, Address(METER))  # type: ignore[arg-type]
        self.link = MemoryLink(NO_FAULTS, seed)
        self.air: list[tuple[int, int, Frame]] = []
        self.sent: list[bytes] = []
        self.wan: list[bytes] = []
        self.told: list[str] = []
        self.lose: set[int] = set()  # which of the following data frames are lost
        self.hub(LinkUp(Address(METER)))
        self.run(1)
        self.link = MemoryLink(options, seed)
        self.sent.clear()

    @property
    def now(self) -> Utc:
        return self.rig.now

    def hub(self, event: Event | LinkEvent | WanMessage) -> None:
        effects = self.rig.handle(event)
        self.wan += to_wan(effects)
        self.told += [e.reason for e in effects if isinstance(e, Undeliverable)]
        self._carry(effects)  # type: ignore[arg-type]

    def meter(self, event: Event | LinkEvent) -> None:
        self._carry(self.station.handle(event, self.now))

    def _carry(self, effects: tuple[Effect | Frame, ...]) -> None:
        for effect in effects:
            if isinstance(effect, Happened):
                self.told.append(f"{effect.verdict}: {effect.text}")
            if not isinstance(effect, Frame):
                continue
            if isinstance(effect.command, TransferData):
                self.sent.append(effect.command.data)
                if len(self.sent) in self.lose:
                    continue
            for delay in self.link.arrivals():
                heapq.heappush(self.air, (self.now.us + delay, len(self.sent), effect))

    def run(self, seconds: int) -> None:
        until = self.now.plus(seconds)
        while True:
            times = [Utc(self.air[0][0])] if self.air else []
            times += [t for t in (self.rig.hub.next_deadline, self.station.next_deadline) if t is not None]
            if not times or min(times) > until:
                break
            self.rig.now = max(self.now, min(times))
            if self.air and self.air[0][0] <= self.now.us:
                frame = heapq.heappop(self.air)[2]
                (self.hub if frame.destination == HUB_ADDRESS else self.meter)(frame)
                continue
            for deadline, handle in (
                (self.rig.hub.next_deadline, self.hub),
                (self.station.next_deadline, self.meter),
            ):
                if deadline is not None and deadline <= self.now:
                    handle(TimerDue())
        self.rig.now = until

    def from_meter(self, *messages: bytes) -> None:
        for octets in messages:
            self.meter(Deliver(octets))

    @property
    def transfers(self) -> int:
        """Everything kept at either end, for sending and receiving."""
        ends = [self.station._transfers, *(t.transfers for t in self.rig.hub.tunnels._tunnels.values())]
        return sum(len(end.senders) + len(end.receiver.transfers) for end in ends)


# -- both ways ------------------------------------------------------------------------------


def test_a_long_command_arrives_whole_and_untouched() -> None:
    line = Line()
    octets = long_command(line.rig)
    assert 3000 < len(octets) < 4200
    line.hub(WanMessage(octets))
    line.run(1)
    assert line.device.heard == [octets]
    blocks = [block for block in map(parse_block, line.sent) if not block.is_acknowledgement]
    assert [len(block.data) for block in blocks] == [1200, 1200, 1200, len(octets) - 3600]
    assert b"".join(block.data for block in blocks) == octets


def test_a_long_answer_goes_to_its_party_whole_and_untouched() -> None:
    line = Line()
    octets = long_answer(5)
    assert len(octets) > 16_384
    line.from_meter(octets)
    line.run(1)
    assert line.wan == [octets]
    assert line.told == []


def test_nothing_is_routed_before_all_of_it_is_there() -> None:
    line = Line()
    octets = long_answer(5)
    line.lose = {3}  # never asked for, since neither end is called again
    line.from_meter(octets)
    while line.air:
        line.hub(heapq.heappop(line.air)[2])
        assert line.wan == []


@pytest.mark.parametrize("lost", range(1, 5))
@pytest.mark.parametrize("inward", [False, True], ids=["to the device", "to the hub"])
def test_any_one_lost_block_recovers(lost: int, inward: bool) -> None:
    line = Line()
    line.lose = {lost}
    octets = long_answer(5, 4000) if inward else long_command(line.rig)
    line.from_meter(octets) if inward else line.hub(WanMessage(octets))
    line.run(2 * TUNNEL_BLOCKS.ask_after)
    assert (line.wan if inward else line.device.heard) == [octets]


@pytest.mark.parametrize("seed", range(25))
def test_a_bad_link_both_ways_exactly_once(seed: int) -> None:
    line = Line(BAD, f"blocks {seed}")
    commands, answers = [long_command(line.rig) for _ in range(3)], [long_answer(n) for n in range(3)]
    for command, answer in zip(commands, answers, strict=True):
        line.hub(WanMessage(command))
        line.from_meter(answer)
        line.run(60)
    line.run(120)
    assert Counter(line.device.heard) == Counter(commands)
    assert Counter(line.wan) == Counter(answers)
    assert line.told == []


def test_several_at_once_do_not_mix() -> None:
    line = Line(replace(BAD, loss=0.0), "mixed")
    answers = [long_answer(n, 5000 + n) for n in range(TUNNEL_BLOCKS.transfers)]
    line.from_meter(*answers)
    line.run(30)
    assert Counter(line.wan) == Counter(answers)


def test_a_repeat_of_a_long_command_is_heard_again() -> None:
    line = Line()
    octets = long_command(line.rig)
    for _ in range(3):
        line.hub(WanMessage(octets))
        line.run(TUNNEL_BLOCKS.linger)
    assert line.device.heard == [octets] * 3


def test_a_long_message_waits_for_the_tunnel_as_one() -> None:
    line = Line()
    line.hub(LinkDown(Address(METER)))
    octets = [long_command(line.rig) for _ in range(5)]
    for command in octets:
        line.hub(WanMessage(command))
    line.hub(LinkUp(Address(METER)))
    line.run(1)
    assert line.device.heard == octets
    assert line.told == []


def test_a_transfer_outlives_its_tunnel() -> None:
    line = Line()
    octets = long_command(line.rig)
    line.lose = {2, 3, 4}
    line.hub(WanMessage(octets))
    line.run(1)
    line.hub(LinkUp(Address(METER)))  # it rejoined
    line.run(10)
    assert line.device.heard == [octets]


# -- what is not to be trusted ------------------------------------------------------------------


def test_the_inner_message_decides_where_it_goes_not_the_routing_header() -> None:
    line = Line()
    line.rig.add(OTHER)
    line.rig.come_up(OTHER)
    inner = long_answer(5, 2000)
    line.from_meter(inner)
    blocks = [parse_block(frame.command.data) for _, _, frame in line.air]  # type: ignore[union-attr]
    line.air.clear()
    for block in blocks:  # the header says it is a command for another device
        routing = block.routing._replace(cra=Cra.COMMAND, recipient=OTHER)
        effects = line.rig.from_device(METER, TransferData(1, replace(block, routing=routing).octets()))
    assert [e for e in effects if isinstance(e, SendWan)] == [SendWan(inner, SUPPLIER)]
    assert not any(isinstance(e, Frame) and e.destination.station == OTHER for e in effects)


def test_a_message_of_another_in_blocks_is_refused() -> None:
    line = Line()
    foreign = long_answer(5, 2000, OTHER)
    line.from_meter(foreign)
    line.run(1)
    assert foreign not in line.wan
    assert f"{METER} sent a message of {OTHER}" in line.told


def test_blocks_of_two_devices_do_not_meet() -> None:
    line = Line()
    line.rig.add(OTHER)
    line.rig.come_up(OTHER)
    line.from_meter(long_answer(5, 2000))
    first, second = (frame.command for _, _, frame in sorted(line.air))
    line.air.clear()
    line.rig.from_device(METER, first)
    assert to_wan(line.rig.from_device(OTHER, replace(second, tunnel_id=7))) == []  # type: ignore[type-var]


@pytest.mark.parametrize("inward", [False, True], ids=["to the device", "to the hub"])
def test_what_begins_like_a_block_and_is_none_is_refused(inward: bool) -> None:
    line = Line()
    octets = b"\xdd\x09" + bytes(60)
    if inward:
        line.hub(Frame(Address(METER), HUB_ADDRESS, TransferData(1, octets)))
    else:
        line.meter(Frame(HUB_ADDRESS, Address(METER), TransferData(1, octets)))
    assert line.device.heard == line.wan == line.sent == []
    (text,) = line.told
    assert "routing header.originator-system-title length at octet 11" in text


def test_blocks_do_not_come_from_the_wan() -> None:
    line = Line()
    octets = long_command(line.rig)
    line.hub(WanMessage(octets))
    block = line.sent[0]
    line.sent.clear()
    line.hub(WanMessage(block))
    assert line.sent == []
    assert "General Block Transfer fragment" in line.told[0]


# -- what is kept, and for how long ----------------------------------------------------------------


@pytest.mark.parametrize("inward", [False, True], ids=["to the device", "to the hub"])
def test_an_interrupted_transfer_is_given_up_and_said_so(inward: bool) -> None:
    line = Line()
    line.lose = set(range(3, 1000))
    line.from_meter(long_answer(5)) if inward else line.hub(WanMessage(long_command(line.rig)))
    line.run((TUNNEL_BLOCKS.rounds + 1) * TUNNEL_BLOCKS.ask_after + 1)
    (text,) = line.told
    assert text.startswith("given up: ")
    assert "2 of them came" in text
    assert line.transfers == 1  # the sender, who heard nothing
    line.run(TUNNEL_BLOCKS.give_up)
    assert line.transfers == 0
    assert line.wan == line.device.heard == []


def test_nothing_is_kept_once_it_arrived() -> None:
    line = Line()
    line.hub(WanMessage(long_command(line.rig)))
    line.from_meter(long_answer(5))
    line.run(TUNNEL_BLOCKS.linger + 1)
    assert line.transfers == 0


def test_a_device_that_leaves_the_log_takes_its_transfers_with_it() -> None:
    line = Line()
    line.lose = {2, 5}
    line.hub(WanMessage(long_command(line.rig)))
    line.from_meter(long_answer(5))
    while line.air:
        line.hub(heapq.heappop(line.air)[2])
    assert line.transfers > 1
    line.rig.remove(METER)
    assert line.rig.hub.tunnels.stations == ()
    assert line.rig.hub.tunnels.next_deadline is None


def test_loss_of_power_forgets_transfers() -> None:
    line = Line()
    line.lose = {2, 6}
    line.hub(WanMessage(long_command(line.rig)))
    line.from_meter(long_answer(5))
    line.run(1)
    line.meter(PowerLost())
    line.meter(PowerRestored())
    line.hub(PowerLost())
    line.hub(PowerRestored())
    assert line.transfers == 0


def test_memory_is_bounded() -> None:
    line = Line()
    for counter in range(20):
        line.hub(WanMessage(long_command(line.rig)))
        line.from_meter(long_answer(counter, 2000))
    line.air = line.air[::3]  # most is lost
    line.run(2)
    assert line.transfers <= 4 * TUNNEL_BLOCKS.transfers


def test_short_messages_are_no_blocks() -> None:
    line = Line()
    octets = message(SUPPLIER, METER)
    line.hub(WanMessage(octets))
    assert line.sent == [octets]
    assert not is_block(octets)


def test_a_device_that_sends_what_is_no_message_says_so() -> None:
    line = Line()
    line.from_meter(bytes(2000))
    assert line.sent == []
    (text,) = line.told
    assert text.startswith("undeliverable: 2000 octets cannot be cut in blocks: ")
