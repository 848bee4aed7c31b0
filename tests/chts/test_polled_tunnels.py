"""The hub towards gas meters: tunnels it serves, messages it keeps, what its CHF logs of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chts.events import Undeliverable, WanMessage
from chts.hub import Hub, HubEffect
from chts.polled_tunnels import POLLED_SETTINGS, PolledSettings
from gbcs.dlms.objects import by_item
from gbcs.dlms.selective import Range
from gbcs.errors import BuildError
from gbcs.gbt import GbtSettings, is_block, parse_block, split
from gbcs.ids import Cra, EntityId
from gbcs.message import Message, OtherInformation, parse_message
from smets.events import Happened, PowerLost, TimerDue
from smets.han.link import (
    GET,
    MAX_TRANSFER,
    NO_TUNNEL,
    Address,
    CloseTunnel,
    Frame,
    GetResponse,
    LinkDown,
    LinkUp,
    RequestTunnel,
    RequestTunnelResponse,
    Sent,
    TransferData,
    TransferDataError,
    TransferStatus,
    TunnelCommand,
    TunnelStatus,
    put_octets,
)
from smets.han.outbox import POLLED_BLOCKS
from tests.chts.rig import HUB_ADDRESS, NOW, SUPPLIER, Rig, device_id, refusals, to_wan

GAS = device_id(1)
OTHER = device_id(2)
METER = device_id(3)
STRANGER = device_id(9)
GAS_TYPE = 1
CODE = 0x0059


def command(number: int, size: int = 1, target: EntityId = GAS) -> bytes:
    """A command nobody signed; enough to be passed on."""
    return sized(Cra.COMMAND, number, SUPPLIER, target, size)


def answer(number: int, size: int = 1, originator: EntityId = GAS) -> bytes:
    """What a device says to its supplier."""
    return sized(Cra.RESPONSE, number, originator, SUPPLIER, size)


def sized(cra: Cra, number: int, originator: EntityId, target: EntityId, size: int) -> bytes:
    payload = bytes((number + n) & 0xFF for n in range(size))
    made = Message(
        cra, number, originator, target, OtherInformation(CODE), payload, mac_header=True, mac=bytes(12)
    )
    return made.encoded().octets


def exactly(length: int) -> bytes:
    """A command of so many octets."""
    size = length - len(command(1, 300)) + 300
    made = command(1, size)
    assert len(made) == length
    return made


class Line:
    """A hub with gas meters in its log, on a link that reports."""

    def __init__(
        self, *gas: EntityId, settings: PolledSettings = POLLED_SETTINGS, confirmed: bool = True
    ) -> None:
        self.rig = Rig()
        self.rig.hub = Hub(self.rig.hub.chf, HUB_ADDRESS, polled=settings, confirmed=confirmed)
        self.ids: dict[EntityId, int] = {}
        self.last: Frame | None = None
        for entity in gas or (GAS,):
            self.rig.add(entity, type_=GAS_TYPE)
            self.open(entity)

    @property
    def hub(self) -> Hub:
        return self.rig.hub

    def open(self, entity: EntityId = GAS) -> int:
        (frame,) = self.frames(self.rig.from_device(entity, RequestTunnel()))
        assert isinstance(frame.command, RequestTunnelResponse)
        assert frame.command.status is TunnelStatus.SUCCESS
        self.ids[entity] = frame.command.tunnel_id
        return frame.command.tunnel_id

    @staticmethod
    def frames(effects: tuple[HubEffect, ...]) -> list[Frame]:
        return [effect for effect in effects if isinstance(effect, Frame)]

    def wan(self, octets: bytes) -> list[str]:
        """A message for a device; why it is refused. Nothing is sent before it is asked for."""
        effects = self.rig.handle(WanMessage(octets))
        assert self.frames(effects) == []
        return refusals(effects)

    def says(self, data: bytes, entity: EntityId = GAS) -> tuple[HubEffect, ...]:
        return self.rig.from_device(entity, TransferData(self.ids[entity], data))

    def asks(self, entity: EntityId = GAS) -> GetResponse | None:
        """GET; the answer, None if there is none yet."""
        return self.answered(self.says(GET, entity), entity)

    def answered(self, effects: tuple[HubEffect, ...], entity: EntityId = GAS) -> GetResponse | None:
        frames = self.frames(effects)
        if not frames:
            return None
        (frame,) = frames
        assert isinstance(frame.command, TransferData)
        assert (frame.source, frame.destination, frame.aps_encrypted) == (HUB_ADDRESS, Address(entity), True)
        assert frame.command.tunnel_id == self.ids[entity]
        assert len(frame.command.data) <= MAX_TRANSFER
        self.last = frame
        return GetResponse.parse(frame.command.data)

    def report(self, arrived: bool) -> tuple[HubEffect, ...]:
        """The link says what became of the last GET-RESPONSE."""
        assert self.last is not None
        return self.rig.handle(Sent(self.last, arrived))

    def fetch(self, entity: EntityId = GAS) -> GetResponse:
        """GET, and the answer arrives."""
        response = self.asks(entity)
        assert response is not None
        self.report(True)
        return response

    @property
    def log(self) -> list[tuple[int, bytes]]:
        entries = self.hub.chf.observe(self.rig.now).log_entries("EventLog")
        return [(code, other) for _, code, other in entries]  # type: ignore[misc]

    def after(self, seconds: int) -> tuple[HubEffect, ...]:
        """What its own deadline brings, which must be in so many seconds."""
        assert self.hub.polled.next_deadline == self.rig.now.plus(seconds)
        self.rig.now = self.rig.now.plus(seconds)
        return self.rig.handle(TimerDue())


# -- the tunnel ---------------------------------------------------------------------------------


def test_only_a_device_of_the_log_gets_a_tunnel() -> None:
    line = Line()
    effects = line.rig.from_device(STRANGER, RequestTunnel())
    assert line.frames(effects) == []
    assert [e.text for e in effects if isinstance(e, Happened)] == [f"{STRANGER} is not in the device log"]
    assert line.hub.polled.stations == (GAS,)


def test_asking_again_gives_the_same_tunnel_and_two_meters_two() -> None:
    line = Line(GAS, OTHER)
    first = dict(line.ids)
    assert first[GAS] != first[OTHER]
    assert {entity: line.open(entity) for entity in (GAS, OTHER)} == first


def test_the_hub_opens_no_tunnel_to_a_gas_meter_but_to_others() -> None:
    line = Line()
    assert line.frames(line.rig.handle(LinkUp(Address(GAS), sleepy=True))) == []
    line.rig.add(METER)
    (frame,) = line.frames(line.rig.handle(LinkUp(Address(METER))))
    assert frame.command == RequestTunnel()
    effects = line.rig.from_device(METER, RequestTunnel())
    assert line.frames(effects) == []  # it is the hub's to ask


@pytest.mark.parametrize("event", [LinkUp(Address(GAS)), LinkDown(Address(GAS))])
def test_after_a_rejoin_there_is_another_tunnel(event: LinkUp | LinkDown) -> None:
    line = Line()
    line.wan(command(1))
    old = line.ids[GAS]
    line.rig.handle(event)
    (frame,) = line.frames(line.says(GET))
    assert frame.command == TransferDataError(old, TransferStatus.NO_SUCH_TUNNEL)
    assert line.open() != old
    assert line.fetch() == GetResponse(0, command(1))


def test_a_closed_tunnel_carries_nothing() -> None:
    line = Line()
    line.rig.from_device(GAS, CloseTunnel(line.ids[GAS]))
    (frame,) = line.frames(line.says(put_octets(answer(1))))
    assert isinstance(frame.command, TransferDataError)


# -- fetching -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_remains_is_counted(count: int) -> None:
    line = Line()
    commands = [command(n) for n in range(count)]
    for octets in commands:
        assert line.wan(octets) == []
        assert line.hub.waits_for(GAS)
    got = [line.fetch() for _ in range(count)]
    assert got == [GetResponse(count - n - 1, octets) for n, octets in enumerate(commands)]
    assert not line.hub.waits_for(GAS)
    assert line.fetch() == GetResponse(0, None)
    assert line.log == [(0x8154, CODE.to_bytes(2, "big"))] * count


def test_what_did_not_arrive_stays_first_and_is_logged_once() -> None:
    line = Line()
    for n in range(2):
        line.wan(command(n))
    for _ in range(3):
        assert line.asks() == GetResponse(1, command(0))
        assert line.report(False) == ()
    assert line.fetch() == GetResponse(1, command(0))
    assert line.fetch() == GetResponse(0, command(1))
    assert [code for code, _ in line.log] == [0x8155, 0x8154, 0x8154]


def test_who_asks_before_the_report_is_answered_after_it() -> None:
    line = Line()
    for n in range(2):
        line.wan(command(n))
    assert line.asks() == GetResponse(1, command(0))
    assert line.asks() is None
    assert line.asks() is None
    assert line.answered(line.report(True)) == GetResponse(0, command(1))
    assert line.asks() is None
    assert line.answered(line.report(False)) == GetResponse(0, command(1))
    assert line.report(True) == ()
    assert line.report(True) == ()  # nobody reports twice
    assert line.fetch() == GetResponse(0, None)


def test_without_reports_sent_is_delivered() -> None:
    line = Line(confirmed=False)
    line.wan(command(0))
    assert line.asks() == GetResponse(0, command(0))
    assert line.asks() == GetResponse(0, None)
    assert [code for code, _ in line.log] == [0x8154]


@pytest.mark.parametrize("again", [True, False])
def test_an_error_before_the_next_get_means_the_message_was_not_taken(again: bool) -> None:
    line = Line()
    for n in range(2):
        line.wan(command(n))
    line.fetch()
    line.rig.now = line.rig.now.plus(60)
    if not again:
        line.asks()
    line.rig.from_device(GAS, TransferDataError(line.ids[GAS], TransferStatus.NO_SUCH_TUNNEL))
    line.open()
    assert line.fetch() == (GetResponse(1, command(0)) if again else GetResponse(0, command(1)))


def test_a_get_is_a_contact() -> None:
    line = Line()
    line.rig.now = line.rig.now.plus(77)
    line.asks()
    last = line.hub.chf.observe(line.rig.now).value(f"devicelog/{GAS}")
    assert last[2] == line.rig.now.us  # type: ignore[index]
    line.rig.now = line.rig.now.plus(77)
    frame = Frame(Address(GAS), HUB_ADDRESS, TransferData(line.ids[GAS], GET), aps_encrypted=False)
    assert line.rig.handle(frame) == ()
    assert line.hub.chf.observe(line.rig.now).value(f"devicelog/{GAS}") == last


# -- giving ---------------------------------------------------------------------------------------


def test_a_put_goes_to_its_party() -> None:
    line = Line()
    assert to_wan(line.says(put_octets(answer(1)))) == [answer(1)]


def test_a_put_in_anothers_name_does_not() -> None:
    line = Line()
    effects = line.says(put_octets(answer(1, originator=OTHER)))
    assert answer(1, originator=OTHER) not in to_wan(effects)
    assert refusals(effects) == [f"{GAS} sent a message of {OTHER}"]


def test_a_put_for_another_gas_meter_waits_for_it() -> None:
    line = Line(GAS, OTHER)
    octets = sized(Cra.COMMAND, 5, GAS, OTHER, 1)
    assert line.frames(line.says(put_octets(octets))) == []
    assert line.fetch(OTHER) == GetResponse(0, octets)


def test_a_put_given_twice_goes_once() -> None:
    line = Line()
    line.says(put_octets(answer(1)))
    line.says(put_octets(answer(2)))
    effects = line.says(put_octets(answer(1)))
    assert to_wan(effects) == []
    assert [e.verdict for e in effects if isinstance(e, Happened)] == ["repeated"]
    line.rig.now = line.rig.now.plus(POLLED_SETTINGS.copy_seconds)
    assert to_wan(line.says(put_octets(answer(1)))) == [answer(1)]


@pytest.mark.parametrize("data", [b"", b"\x03", b"\x02\x00", b"\x01\x00", b"\x04abc", b"\xdd\x09"])
def test_other_framing_is_refused(data: bytes) -> None:
    line = Line()
    effects = line.says(data)
    assert line.frames(effects) == to_wan(effects) == []
    (told,) = (e for e in effects if isinstance(e, Happened) and e.verdict == "refused")
    assert told.rule == "chts-hub 7.3"


@given(st.lists(st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(lambda b: b"\x03" + b))))
def test_arbitrary_octets(many: list[bytes]) -> None:
    line = Line()
    line.wan(command(1))
    for data in many:
        line.says(data)
    assert line.hub.waits_for(GAS)


@given(
    st.lists(
        st.one_of(
            st.builds(RequestTunnel, st.integers(0, 255), st.integers(0, 0xFFFF), st.booleans()),
            st.builds(TransferData, st.integers(0, 0xFFFF), st.sampled_from([GET, put_octets(answer(1))])),
            st.builds(TransferDataError, st.integers(0, 0xFFFF), st.sampled_from(TransferStatus)),
            st.builds(CloseTunnel, st.integers(0, 0xFFFF)),
            st.builds(RequestTunnelResponse, st.just(NO_TUNNEL), st.sampled_from(TunnelStatus)),
        ),
        max_size=8,
    )
)
def test_arbitrary_commands(commands: list[TunnelCommand]) -> None:
    line = Line()
    line.wan(command(1))
    for each in commands:
        line.rig.from_device(GAS, each)
    line.open()
    if line.last is not None:
        line.report(False)
    assert line.asks() == GetResponse(0, command(1))


# -- how much, and for how long ------------------------------------------------------------------------


def test_a_full_queue_refuses_clearly_and_keeps_what_it_has() -> None:
    line = Line(settings=PolledSettings(depth=2))
    assert [line.wan(command(n)) for n in range(3)] == [[], [], [f"2 messages already wait for {GAS}"]]
    assert [line.fetch().message for _ in range(2)] == [command(0), command(1)]
    assert line.wan(command(2)) == []


def test_before_it_ever_came_up_messages_wait() -> None:
    line = Line()
    line.rig.add(OTHER, type_=GAS_TYPE)
    assert line.wan(command(1, target=OTHER)) == []
    line.open(OTHER)
    assert line.fetch(OTHER) == GetResponse(0, command(1, target=OTHER))


def test_what_is_not_fetched_expires_and_is_logged() -> None:
    line = Line()
    line.wan(command(1))
    line.rig.now = line.rig.now.plus(100)
    line.wan(command(2))
    effects = line.after(86_300)
    assert refusals(effects) == [f"{GAS} did not fetch it in 86400 s"]
    assert [e.octets for e in effects if isinstance(e, Undeliverable)] == [command(1)]
    assert line.log == [(0x819D, b"")]
    line.open()  # the tunnel was idle for too long
    assert line.fetch() == GetResponse(0, command(2))


def test_what_is_on_its_way_does_not_expire_before_its_fate_is_known() -> None:
    for arrived in (True, False):
        line = Line(settings=PolledSettings(lifetime=60))
        line.wan(command(1))
        line.asks()
        line.rig.now = line.rig.now.plus(61)
        assert line.hub.polled.next_deadline is None
        assert refusals(line.rig.handle(TimerDue())) == []
        assert bool(refusals(line.report(arrived))) is not arrived
        codes = [code for code, _ in line.log]
        assert codes == ([0x8154] if arrived else [0x8155, 0x819D])
        assert line.fetch() == GetResponse(0, None)


def test_a_copy_is_not_taken() -> None:
    line = Line()
    assert line.wan(command(1)) == []
    assert line.wan(command(1)) == [f"the same message already waits for {GAS}"]
    line.fetch()
    assert line.wan(command(1)) == [f"{GAS} fetched the same message less than 3600 s ago"]
    line.rig.now = line.rig.now.plus(3600)
    assert line.wan(command(1)) == []
    line = Line(settings=PolledSettings(copy_seconds=0))
    assert [line.wan(command(1)) for _ in range(2)] == [[], []]


def test_a_device_that_leaves_the_log_and_a_hub_that_loses_power_say_what_waited() -> None:
    line = Line()
    line.wan(command(1))
    line.rig.remove(GAS)
    assert line.hub.polled.stations == ()
    line = Line()
    line.rig.add(METER)
    line.wan(command(1))
    line.rig.come_up(METER)
    line.rig.handle(LinkDown(Address(METER)))
    line.wan(command(2, target=METER))
    effects = line.rig.handle(PowerLost())
    assert refusals(effects) == [f"it waited for {e} when the hub lost its power" for e in (METER, GAS)]
    assert line.hub.polled.next_deadline is None


def test_a_restored_device_that_asks_for_a_tunnel_is_a_gas_meter() -> None:
    line = Line(OTHER)
    line.rig.restore(GAS)
    assert line.frames(line.rig.handle(LinkUp(Address(GAS)))) != []  # its type is not known yet
    line.rig.handle(WanMessage(command(1)))
    line.open()
    assert line.fetch() == GetResponse(0, command(1))
    assert line.frames(line.rig.handle(LinkUp(Address(GAS)))) == []


@pytest.mark.parametrize(
    "values", [{"depth": 0}, {"lifetime": 0}, {"copy_seconds": -1}], ids=lambda v: next(iter(v))
)
def test_settings_that_make_no_sense(values: dict[str, int]) -> None:
    with pytest.raises(BuildError):
        PolledSettings(**values)


# -- longer than a transfer ---------------------------------------------------------------------------


def test_a_long_command_is_fetched_block_by_block() -> None:
    line = Line()
    octets = command(1, 4000)
    line.wan(command(0))
    line.wan(octets)
    line.wan(command(2))
    responses = [line.fetch() for _ in range(6)]
    assert [r.remaining for r in responses] == [5, 4, 3, 2, 1, 0]
    blocks = [parse_block(r.message) for r in responses[1:5] if r.message is not None]
    assert b"".join(block.data for block in blocks) == octets
    assert [code for code, _ in line.log] == [0x8154] * 3  # one for each message


def test_a_long_answer_is_given_block_by_block_and_confirmed() -> None:
    line = Line()
    octets = answer(1, 3000)
    blocks = split(parse_message(octets), POLLED_BLOCKS)
    assert len(blocks) == 3
    for block in blocks[:-1]:
        assert to_wan(line.says(put_octets(block))) == []
    assert to_wan(line.says(put_octets(blocks[-1]))) == [octets]
    confirmation = line.fetch().message
    assert confirmation is not None
    assert parse_block(confirmation).acknowledged == 3
    assert line.log == []


def test_a_block_that_is_missing_is_asked_for_with_the_next_get() -> None:
    line = Line()
    octets = answer(1, 3000)
    blocks = split(parse_message(octets), POLLED_BLOCKS)
    line.says(put_octets(blocks[0]))
    line.says(put_octets(blocks[1]))  # the last one never comes
    assert line.fetch() == GetResponse(0, None)
    line.rig.now = line.rig.now.plus(POLLED_BLOCKS.ask_after)
    question = line.fetch().message
    assert question is not None
    assert parse_block(question).acknowledged == 2
    assert to_wan(line.says(put_octets(blocks[2]))) == [octets]


def test_an_answer_in_blocks_that_stops_is_given_up_after_two_wakes() -> None:
    line = Line()
    line.says(put_octets(split(parse_message(answer(1, 3000)), POLLED_BLOCKS)[0]))
    effects = line.after(3600)
    (told,) = (e for e in effects if isinstance(e, Happened))
    assert told.verdict == "given up"
    assert line.hub.polled.next_deadline is None


@pytest.mark.parametrize("length", [MAX_TRANSFER - 2, MAX_TRANSFER - 1, MAX_TRANSFER, MAX_TRANSFER + 1])
def test_the_framing_counts(length: int) -> None:
    whole = GbtSettings(threshold=MAX_TRANSFER, block_size=MAX_TRANSFER)
    line = Line(settings=PolledSettings(blocks=whole))
    line.wan(exactly(length))
    first = line.fetch().message  # which fits a transfer
    assert first is not None
    assert is_block(first) is (length > MAX_TRANSFER - 2)


def test_what_cannot_be_cut_is_said_so() -> None:
    line = Line(settings=PolledSettings(blocks=GbtSettings(threshold=100, block_size=50, max_blocks=2)))
    line.wan(command(1, 1000))
    line.wan(command(2))
    effects = line.says(GET)
    (reason,) = refusals(effects)
    assert "cannot be cut in blocks" in reason
    assert line.answered(effects) == GetResponse(0, command(2))


# -- both kinds of device behind one hub --------------------------------------------------------------


def test_a_listening_meter_gets_its_messages_one_after_the_other() -> None:
    line = Line()
    line.rig.add(METER)
    line.rig.come_up(METER)
    commands = [command(n, target=METER) for n in range(3)]
    (first,) = line.frames(line.rig.handle(WanMessage(commands[0])))
    for octets in commands[1:]:
        assert line.wan(octets) == []
    (second,) = line.frames(line.rig.handle(Sent(first, True)))
    assert second.command == TransferData(7, commands[1])
    (asked,) = line.frames(line.rig.handle(Sent(second, False)))  # out of reach
    assert asked.command == RequestTunnel()
    assert line.rig.handle(Sent(asked, False)) == ()
    assert [line.wan(command(n, target=METER)) for n in range(3, 7)] == [
        [],
        [],
        [],
        ["5 messages already wait for the tunnel"],
    ]
    got = []
    frames = line.frames(line.rig.from_device(METER, RequestTunnelResponse(8, TunnelStatus.SUCCESS)))
    while frames:
        (frame,) = frames
        assert isinstance(frame.command, TransferData)
        assert frame.command.tunnel_id == 8
        got.append(frame.command.data)
        frames = line.frames(line.rig.handle(Sent(frame, True)))
    assert got == [*commands[1:], *(command(n, target=METER) for n in range(3, 6))]


@pytest.mark.parametrize("later", [0, 10])
def test_a_listening_meter_that_lost_its_tunnel_gets_the_last_message_again(later: int) -> None:
    line = Line()
    line.rig.add(METER)
    line.rig.come_up(METER)
    (frame,) = line.frames(line.rig.handle(WanMessage(command(1, target=METER))))
    line.rig.handle(Sent(frame, True))
    line.rig.now = line.rig.now.plus(later)
    (asked,) = line.frames(line.rig.from_device(METER, TransferDataError(7, TransferStatus.NO_SUCH_TUNNEL)))
    assert asked.command == RequestTunnel()
    frames = line.frames(line.rig.from_device(METER, RequestTunnelResponse(9, TunnelStatus.SUCCESS)))
    assert [f.command for f in frames] == ([] if later else [TransferData(9, command(1, target=METER))])


def test_the_broker_reads_what_was_never_fetched() -> None:
    line = Line()
    line.wan(command(1))
    line.after(86_400)
    (item,) = line.rig.ask("ECS35c", within=Range(NOW.seconds, NOW.seconds + 100_000))
    assert by_item("EventLog").any_wire().decode(item.data) == ((line.rig.now.seconds, 0x819D, b""),)
