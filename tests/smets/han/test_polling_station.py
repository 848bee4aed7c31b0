"""A device that sleeps at its end of the tunnel: its table, its wakes, its tries."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError
from gbcs.gbt import GbtSettings, is_block, parse_block, split
from gbcs.ids import Cra, EntityId
from gbcs.message import Message, OtherInformation, parse_message
from gbcs.time import Utc
from smets.device import POWER_LOST
from smets.events import (
    Effect,
    Happened,
    Metrology,
    PowerLost,
    PowerRestored,
    ProfileEvent,
    RemotePartyMessage,
    SendMessage,
    TimerDue,
)
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
from smets.han.polling_station import (
    TRANSITIONS,
    Does,
    PollingSettings,
    PollingStation,
    State,
    Trigger,
)

NOW = Utc.of(2026, 1, 1)
OWN = Address(EntityId.parse("00-DB-12-34-56-78-00-04"))
HUB = Address(EntityId.parse("00-DB-12-34-56-78-00-03"))
SUPPLIER = EntityId.parse("90-B3-D5-1F-00-00-00-11")
SUCCESS = TunnelStatus.SUCCESS
SETTINGS = PollingSettings()


class Says(ProfileEvent):
    """Makes the device say something by itself."""

    def __init__(self, *octets: bytes) -> None:
        self.octets = octets


class Work:
    """What is seen of a device."""

    def __init__(self, powered: bool) -> None:
        self.powered = powered

    def get(self, key: str) -> bytes | None:
        return None if self.powered or key != POWER_LOST else b""


class Meter:
    """Keeps what it hears and answers each command with the same octets the other way."""

    def __init__(self, answers: bool = True) -> None:
        self.answers = answers
        self.heard: list[bytes] = []
        self.powered = True
        self.ticks = 0
        self.next_deadline: Utc | None = None

    def observe(self, now: Utc) -> Work:
        return Work(self.powered)

    def handle(self, event: object, now: Utc) -> tuple[Effect, ...]:
        if isinstance(event, PowerLost | PowerRestored):
            self.powered = isinstance(event, PowerRestored)
        elif isinstance(event, TimerDue):
            self.ticks += 1
            self.next_deadline = None
        elif isinstance(event, Says):
            return tuple(SendMessage(octets, SUPPLIER) for octets in event.octets)
        elif isinstance(event, RemotePartyMessage):
            self.heard.append(event.octets)
            if self.answers:
                return (SendMessage(answer_to(event.octets), SUPPLIER),)
        return ()


def message(number: int, size: int = 1, cra: Cra = Cra.COMMAND) -> bytes:
    ends = (SUPPLIER, OWN.station) if cra is Cra.COMMAND else (OWN.station, SUPPLIER)
    payload = bytes((number + n) & 0xFF for n in range(size))
    made = Message(cra, number, *ends, OtherInformation(0x0062), payload, mac_header=True, mac=bytes(12))
    return made.encoded().octets


def answer_to(octets: bytes) -> bytes:
    command = parse_message(octets)
    return message(command.counter, 1, Cra.RESPONSE)


class Line:
    """A station and the time, on a link that reports."""

    def __init__(
        self, settings: PollingSettings = SETTINGS, confirmed: bool = True, answers: bool = True
    ) -> None:
        self.meter = Meter(answers)
        self.station = PollingStation(self.meter, OWN, settings, confirmed)  # type: ignore[arg-type]
        self.now = NOW
        self.told: list[Happened] = []

    def commands(self, effects: Sequence[Effect | Frame]) -> list[TunnelCommand]:
        out: list[TunnelCommand] = []
        for effect in effects:
            if isinstance(effect, Frame):
                assert (effect.source, effect.destination, effect.aps_encrypted) == (OWN, HUB, True)
                out.append(effect.command)
            elif isinstance(effect, Happened):
                self.told.append(effect)
        return out

    def event(self, event: object) -> list[TunnelCommand]:
        return self.commands(self.station.handle(event, self.now))  # type: ignore[arg-type]

    def hears(self, command: TunnelCommand) -> list[TunnelCommand]:
        return self.event(Frame(HUB, OWN, command))

    def report(self, command: TunnelCommand, arrived: bool = True) -> list[TunnelCommand]:
        return self.event(Sent(Frame(OWN, HUB, command), arrived))

    def after(self, seconds: int) -> list[TunnelCommand]:
        """What is done when its deadline comes, which must be in so many seconds."""
        assert self.station.next_deadline == self.now.plus(seconds)
        self.now = self.now.plus(seconds)
        return self.event(TimerDue())

    def up(self) -> None:
        assert self.event(LinkUp(HUB)) == [RequestTunnel()]
        assert self.state is State.ASKED

    def open(self, tunnel_id: int = 7) -> None:
        """Up, with a tunnel, asleep."""
        self.up()
        assert self.hears(RequestTunnelResponse(tunnel_id, SUCCESS)) == [TransferData(tunnel_id, GET)]
        assert self.response(None) == []
        assert self.state is State.ASLEEP

    def response(self, octets: bytes | None, remaining: int = 0, tunnel_id: int = 7) -> list[TunnelCommand]:
        return self.hears(TransferData(tunnel_id, GetResponse(remaining, octets).octets()))

    @property
    def state(self) -> State:
        return self.station.state


def get(tunnel_id: int = 7) -> TransferData:
    return TransferData(tunnel_id, GET)


def put(octets: bytes, tunnel_id: int = 7) -> TransferData:
    return TransferData(tunnel_id, put_octets(octets))


# -- the table ------------------------------------------------------------------------------------


def test_the_table_has_one_row_a_state_and_trigger() -> None:
    keys = [(row.before, row.trigger) for row in TRANSITIONS]
    assert len(keys) == len(set(keys))
    assert {row.trigger for row in TRANSITIONS} == set(Trigger)
    assert {row.does for row in TRANSITIONS} == set(Does)
    assert {row.after for row in TRANSITIONS if row.before is not row.after} == set(State)
    timed = {row.before for row in TRANSITIONS if row.trigger is Trigger.TIME}
    assert timed == set(State) - {State.DOWN}  # nothing waits for ever but for the link
    for row in TRANSITIONS:
        assert (row.does is Does.CHOOSE) <= (row.after is State.AWAKE), row
        assert (row.does in (Does.ASK, Does.CLOSE_AND_ASK)) <= (row.after is State.ASKED), row


# -- the tunnel -----------------------------------------------------------------------------------


def test_it_asks_when_the_link_is_up_and_gives_up_until_the_next_wake() -> None:
    line = Line()
    line.up()
    for _ in range(SETTINGS.retries):
        assert line.after(SETTINGS.answer_seconds) == [RequestTunnel()]
    assert line.after(SETTINGS.answer_seconds) == []
    assert line.state is State.CLOSED
    assert not line.station.awake
    assert line.after(SETTINGS.wake_seconds - 40) == [RequestTunnel()]


def test_a_request_that_did_not_arrive_is_sent_again_at_once() -> None:
    line = Line()
    line.up()
    for _ in range(SETTINGS.retries):
        assert line.report(RequestTunnel(), False) == [RequestTunnel()]
    assert line.report(RequestTunnel(), False) == []
    assert line.state is State.CLOSED


@pytest.mark.parametrize("status", [s for s in TunnelStatus if s is not SUCCESS])
def test_refused_means_the_next_wake(status: TunnelStatus) -> None:
    line = Line()
    line.up()
    assert line.hears(RequestTunnelResponse(NO_TUNNEL, status)) == []
    assert line.state is State.CLOSED
    assert line.event(Says(message(1, cra=Cra.ALERT))) == []  # waits
    assert line.after(SETTINGS.wake_seconds) == [RequestTunnel()]
    assert line.hears(RequestTunnelResponse(7, SUCCESS)) == [put(message(1, cra=Cra.ALERT))]


def test_no_more_ids_closes_the_one_that_may_be_ours() -> None:
    line = Line()
    line.open(7)
    assert line.event(LinkUp(HUB)) == [RequestTunnel()]  # it rejoined
    full = RequestTunnelResponse(NO_TUNNEL, TunnelStatus.NO_MORE_TUNNEL_IDS)
    assert line.hears(full) == [CloseTunnel(7), RequestTunnel()]
    assert line.hears(full) == []
    assert line.state is State.CLOSED


def test_an_unknown_tunnel_is_opened_anew_but_not_for_ever() -> None:
    line = Line()
    line.open(7)
    assert line.after(SETTINGS.wake_seconds) == [get()]
    for tunnel_id in range(7, 7 + SETTINGS.retries):
        error = TransferDataError(tunnel_id, TransferStatus.NO_SUCH_TUNNEL)
        assert line.hears(error) == [RequestTunnel()]
        assert line.hears(RequestTunnelResponse(tunnel_id + 1, SUCCESS)) == [get(tunnel_id + 1)]
    assert line.hears(TransferDataError(10, TransferStatus.NO_SUCH_TUNNEL)) == []
    assert line.state is State.CLOSED
    assert line.after(SETTINGS.wake_seconds) == [RequestTunnel()]


@pytest.mark.parametrize(
    "command",
    [
        TransferDataError(8, TransferStatus.NO_SUCH_TUNNEL),
        TransferDataError(7, TransferStatus.DATA_OVERFLOW),
        CloseTunnel(8),
        RequestTunnel(),
    ],
)
def test_what_is_not_for_its_tunnel_changes_nothing(command: TunnelCommand) -> None:
    line = Line()
    line.open(7)
    line.after(SETTINGS.wake_seconds)
    assert line.hears(command) == []
    assert line.state is State.FETCHING


def test_data_of_another_tunnel_or_too_much_is_not_taken() -> None:
    line = Line()
    line.open(7)
    line.after(SETTINGS.wake_seconds)
    assert line.response(message(1), tunnel_id=8) == [TransferDataError(8, TransferStatus.NO_SUCH_TUNNEL)]
    too_much = TransferData(7, b"\x02\x00" + bytes(MAX_TRANSFER - 1))
    assert line.hears(too_much) == [TransferDataError(7, TransferStatus.DATA_OVERFLOW)]
    assert line.meter.heard == []


@pytest.mark.parametrize(
    "frame",
    [
        Frame(HUB, OWN, TransferData(7, b"\x02\x00" + message(1)), aps_encrypted=False),
        Frame(OWN, OWN, TransferData(7, b"\x02\x00" + message(1))),
        Frame(HUB, Address(OWN.station, 9), TransferData(7, b"\x02\x00" + message(1))),
    ],
)
def test_frames_without_protection_or_for_others_are_dropped(frame: Frame) -> None:
    line = Line()
    line.open()
    line.after(SETTINGS.wake_seconds)
    assert line.event(frame) == []
    assert line.meter.heard == []


# -- a wake ------------------------------------------------------------------------------------------


def test_a_wake_fetches_all_and_answers_each_before_the_next() -> None:
    line = Line()
    line.open()
    assert line.after(SETTINGS.wake_seconds) == [get()]
    for number in (1, 0):
        answer = put(message(number, cra=Cra.RESPONSE))
        assert line.response(message(number), number) == [answer]
        assert line.state is State.GIVING
        assert line.report(answer) == [get()]
    assert line.response(None) == []
    assert line.meter.heard == [message(1), message(0)]
    assert line.state is State.ASLEEP
    assert line.after(SETTINGS.wake_seconds) == [get()]


def test_a_wake_comes_every_thirty_minutes_from_the_last_one() -> None:
    line = Line(answers=False)
    line.open()
    for _ in range(3):
        assert line.after(SETTINGS.wake_seconds) == [get()]
        begin = line.now
        line.now = line.now.plus(5)
        assert line.response(None) == []
        assert line.station.next_deadline == begin.plus(SETTINGS.wake_seconds)
        line.now = begin


def test_a_get_without_answer_is_repeated_and_then_it_sleeps() -> None:
    line = Line()
    line.open()
    line.after(SETTINGS.wake_seconds)
    for _ in range(SETTINGS.retries):
        assert line.after(SETTINGS.answer_seconds) == [get()]
    assert line.after(SETTINGS.answer_seconds) == []
    assert line.state is State.ASLEEP
    assert line.after(SETTINGS.wake_seconds - 40) == [get()]
    assert line.report(get(), False) == [get()]  # known at once


def test_a_put_without_report_is_repeated_and_then_waits_for_the_next_wake() -> None:
    line = Line()
    line.open()
    alert = message(5, cra=Cra.ALERT)
    assert line.event(Says(alert)) == [put(alert)]
    assert line.after(SETTINGS.put_seconds) == [put(alert)]
    assert line.report(put(alert), False) == [put(alert)]
    assert line.report(put(alert), False) == [put(alert)]
    assert line.report(put(alert), False) == []
    assert line.state is State.ASLEEP
    assert line.station.waiting == 1
    assert line.after(SETTINGS.wake_seconds - 20) == [put(alert)]
    assert line.report(put(alert)) == [get()]
    assert line.station.waiting == 0


def test_a_put_into_a_tunnel_that_is_gone_is_given_again() -> None:
    line = Line()
    line.open()
    alert = message(5, cra=Cra.ALERT)
    line.event(Says(alert))
    assert line.report(put(alert)) == [get()]
    error = TransferDataError(7, TransferStatus.NO_SUCH_TUNNEL)
    assert line.hears(error) == [RequestTunnel()]
    assert line.hears(error) == []  # for the GET
    assert line.hears(RequestTunnelResponse(8, SUCCESS)) == [put(alert, 8)]
    assert line.report(put(alert, 8)) == [get(8)]
    assert line.response(None, tunnel_id=8) == []


@pytest.mark.parametrize("at_once", [True, False])
def test_what_it_has_to_say_by_itself(at_once: bool) -> None:
    line = Line(PollingSettings(speaks_at_once=at_once))
    line.open()
    alert = message(5, cra=Cra.ALERT)
    assert line.event(Says(alert)) == ([put(alert)] if at_once else [])
    if not at_once:
        assert line.after(SETTINGS.wake_seconds) == [put(alert)]


def test_it_can_be_woken() -> None:
    line = Line()
    assert line.commands(line.station.wake(line.now)) == []  # the link is down
    line.open()
    assert line.commands(line.station.wake(line.now)) == [get()]
    assert line.commands(line.station.wake(line.now)) == []  # it is awake


def test_a_copy_is_heard_once_and_later_it_is_a_message_again() -> None:
    line = Line(answers=False)
    line.open()
    for _ in range(2):
        line.after(SETTINGS.wake_seconds)
        assert line.response(message(1)) == []
    assert line.meter.heard == [message(1)]
    assert [told.verdict for told in line.told] == ["repeated"]
    line.now = line.now.plus(SETTINGS.copy_seconds)
    assert line.event(TimerDue()) == [get()]
    line.response(message(1))
    assert line.meter.heard == [message(1)] * 2


def test_a_hub_that_repeats_itself_does_not_keep_it_awake() -> None:
    line = Line(answers=False)
    line.open()
    line.after(SETTINGS.wake_seconds)
    assert line.response(message(1), 1) == [get()]
    for _ in range(SETTINGS.retries):
        assert line.response(message(1), 1) == [get()]
    assert line.response(message(1), 1) == []
    assert line.state is State.ASLEEP


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x03abc", b"\x02", b"\x02\x01"])
def test_what_is_no_get_response_is_refused(data: bytes) -> None:
    line = Line()
    line.open()
    line.after(SETTINGS.wake_seconds)
    assert line.hears(TransferData(7, data)) == []
    assert [told.verdict for told in line.told] == ["refused"]
    assert line.after(SETTINGS.answer_seconds) == [get()]


@given(st.lists(st.binary(max_size=60)), st.booleans())
def test_arbitrary_octets(many: list[bytes], confirmed: bool) -> None:
    line = Line(confirmed=confirmed, answers=False)
    line.open()
    line.after(SETTINGS.wake_seconds)
    for data in many:
        line.hears(TransferData(7, data))


# -- link and power -------------------------------------------------------------------------------------


def test_without_a_link_it_waits() -> None:
    line = Line()
    line.open()
    assert line.event(LinkDown(HUB)) == []
    alert = message(5, cra=Cra.ALERT)
    assert line.event(Says(alert)) == []
    assert line.station.next_deadline is None
    assert line.response(message(1)) == []
    assert line.event(LinkUp(HUB)) == [RequestTunnel()]
    assert line.hears(RequestTunnelResponse(9, SUCCESS)) == [put(alert, 9)]


def test_loss_of_power_forgets_tunnel_and_messages() -> None:
    line = Line()
    line.open()
    line.event(Says(message(5, cra=Cra.ALERT)))
    line.event(PowerLost())
    assert line.state is State.DOWN
    assert line.event(LinkUp(HUB)) == []
    assert line.commands(line.station.wake(line.now)) == []
    line.event(PowerRestored())
    assert line.station.waiting == 0
    line.open()


def test_too_many_messages_push_out_the_oldest_that_is_not_on_its_way() -> None:
    line = Line(PollingSettings(waiting=2))
    line.open()
    alerts = [message(n, cra=Cra.ALERT) for n in range(4)]
    assert line.event(Says(alerts[0])) == [put(alerts[0])]
    assert line.event(Says(*alerts[1:])) == []
    assert [told.verdict for told in line.told] == ["undeliverable"] * 2
    assert line.report(put(alerts[0])) == [put(alerts[3])]


def test_deadlines_of_the_device_are_its_own() -> None:
    line = Line()
    line.open()
    line.meter.next_deadline = line.now.plus(60)
    assert line.after(60) == []
    assert line.meter.ticks == 1
    line.meter.next_deadline = line.now.plus(SETTINGS.wake_seconds - 60)
    assert line.after(SETTINGS.wake_seconds - 60) == [get()]  # both at once
    assert line.meter.ticks == 2
    assert line.event(Metrology(import_wh=1)) == []


# -- longer than a transfer -------------------------------------------------------------------------------


def test_a_long_message_is_given_in_blocks_until_it_is_confirmed() -> None:
    line = Line()
    line.open()
    octets = message(5, 3000, Cra.ALERT)
    blocks = split(parse_message(octets), POLLED_BLOCKS)
    sent = line.event(Says(octets))
    for block in blocks:
        assert sent == [put(block)]
        sent = line.report(sent[0])
    assert sent == [get()]
    assert line.response(None) == []
    assert line.state is State.AWAKE  # nobody has confirmed
    for _ in range(SETTINGS.rounds):
        assert line.after(SETTINGS.pause_seconds) == [get()]
        assert line.response(None) == []
    assert line.state is State.ASLEEP


def test_a_long_message_is_fetched_and_what_is_missing_asked_for() -> None:
    line = Line(answers=False)
    line.open()
    octets = message(5, 3000)
    blocks = split(parse_message(octets), POLLED_BLOCKS)
    line.after(SETTINGS.wake_seconds)
    assert line.response(blocks[0], 2) == [get()]
    (question,) = line.response(blocks[2], 0)  # the second was lost
    assert isinstance(question, TransferData)
    assert parse_block(question.data[1:]).acknowledged == 1
    assert line.report(question) == [get()]
    (thanks,) = line.response(blocks[1], 1)
    assert isinstance(thanks, TransferData)
    assert parse_block(thanks.data[1:]).acknowledged == 3
    assert line.meter.heard == [octets]
    assert line.report(thanks) == [get()]
    assert line.response(blocks[2], 0) == []  # once more, as the sender sends all from the gap on
    assert line.state is State.ASLEEP


def test_a_last_block_that_is_lost_is_asked_for_while_it_is_awake() -> None:
    line = Line(answers=False)
    line.open()
    blocks = split(parse_message(message(5, 2000)), POLLED_BLOCKS)
    line.after(SETTINGS.wake_seconds)
    assert line.response(blocks[0], 0) == []
    assert line.state is State.AWAKE
    (question,) = line.after(POLLED_BLOCKS.ask_after)
    assert isinstance(question, TransferData)
    assert parse_block(question.data[1:]).acknowledged == 1


def test_a_bad_block_is_no_event_of_the_device() -> None:
    line = Line()
    line.open()
    line.after(SETTINGS.wake_seconds)
    assert line.response(b"\xdd\x09" + bytes(60)) == []
    assert [told.verdict for told in line.told] == ["refused"]
    assert line.meter.heard == []


@pytest.mark.parametrize("length", [MAX_TRANSFER - 1, MAX_TRANSFER])
def test_the_framing_counts(length: int) -> None:
    blocks = GbtSettings(threshold=MAX_TRANSFER, block_size=MAX_TRANSFER)
    line = Line(PollingSettings(blocks=blocks))
    line.open()
    octets = message(1, length - len(message(1, 300, Cra.ALERT)) + 300, Cra.ALERT)
    assert len(octets) == length
    (command,) = line.event(Says(octets))
    assert isinstance(command, TransferData)
    assert len(command.data) <= MAX_TRANSFER
    assert is_block(command.data[1:]) is (length == MAX_TRANSFER)


def test_what_is_no_message_and_too_long_is_dropped_and_said_so() -> None:
    line = Line()
    line.open()
    assert line.event(Says(bytes(2000))) == []
    assert [told.verdict for told in line.told] == ["undeliverable"]
    assert line.station.waiting == 0


def test_without_reports_what_is_given_is_taken() -> None:
    line = Line(confirmed=False)
    line.open()
    alerts = [message(n, cra=Cra.ALERT) for n in range(3)]
    assert line.event(Says(*alerts)) == [*map(put, alerts), get()]
    long = message(9, 200_000, Cra.ALERT)
    line.response(None)
    sent = line.event(Says(long))
    assert len(sent) == len(split(parse_message(long), POLLED_BLOCKS)) + 1


@pytest.mark.parametrize(
    "values",
    [{"wake_seconds": 0}, {"answer_seconds": 0}, {"retries": -1}, {"waiting": 0}],
    ids=lambda v: next(iter(v)),
)
def test_settings_that_make_no_sense(values: dict[str, int]) -> None:
    with pytest.raises(BuildError):
        PollingSettings(**values)
