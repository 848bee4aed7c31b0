"""The hub's end of a tunnel: its table of transitions, its timers, its queue."""

from random import Random

import pytest

from chts.tunnels import (
    BUSY_SECONDS,
    QUEUE,
    RETRY_SECONDS,
    TRANSITIONS,
    State,
    Trigger,
    Tunnels,
)
from gbcs.time import Utc
from smets.han.link import (
    INACTIVITY_SECONDS,
    NO_TUNNEL,
    Address,
    CloseTunnel,
    Frame,
    RequestTunnel,
    RequestTunnelResponse,
    Sent,
    TransferData,
    TransferDataError,
    TransferStatus,
    TunnelCommand,
    TunnelStatus,
)
from smets.han.tunnel_server import TunnelServer
from tests.chts.rig import GPF, METER, device_id

NOW = Utc.of(2026, 1, 1)
HUB = Address(GPF)
DEVICE = Address(METER)
SUCCESS = TunnelStatus.SUCCESS


class Line:
    """The tunnels of a hub, one device, and the time."""

    def __init__(self) -> None:
        self.tunnels = Tunnels(HUB)
        self.now = NOW

    def up(self) -> list[TunnelCommand]:
        return [f.command for f in self.tunnels.link_up(DEVICE, self.now)]

    def open(self, tunnel_id: int = 7) -> None:
        self.up()
        assert self.hears(RequestTunnelResponse(tunnel_id, SUCCESS)) == (None, [])

    def hears(
        self, command: TunnelCommand, source: Address = DEVICE, encrypted: bool = True
    ) -> tuple[bytes | None, list[TunnelCommand]]:
        octets, frames = self.tunnels.receive(Frame(source, HUB, command, encrypted), self.now)
        assert all(f.source == HUB and f.destination == DEVICE and f.aps_encrypted for f in frames)
        return octets, [f.command for f in frames]

    def sends(self, octets: bytes) -> tuple[list[TunnelCommand], str]:
        frames, refusal = self.tunnels.send(METER, octets, self.now)
        return [f.command for f in frames], refusal

    def after(self, seconds: int) -> list[TunnelCommand]:
        """What is sent when its own deadline comes, which must be in so many seconds."""
        assert self.tunnels.next_deadline == self.now.plus(seconds)
        self.now = self.now.plus(seconds, us=-1)
        assert self.tunnels.due(self.now) == []
        self.now = self.now.plus(us=1)
        return [f.command for f in self.tunnels.due(self.now)]

    @property
    def state(self) -> State:
        return self.tunnels.state(METER)


def test_the_table_has_one_row_a_state_and_trigger() -> None:
    keys = [(row.before, row.trigger) for row in TRANSITIONS]
    assert len(keys) == len(set(keys))
    for row in TRANSITIONS:
        # nothing waits for ever: but for a device out of reach there is always a time to ask
        assert (row.again is None) == (row.after is State.DOWN), row
        assert not row.asks or row.again == RETRY_SECONDS, row
    assert {row.trigger for row in TRANSITIONS} == set(Trigger)
    reached = {row.after for row in TRANSITIONS if row.before is not row.after}
    assert reached == set(State)


def test_asking_until_it_is_given() -> None:
    line = Line()
    assert line.up() == [RequestTunnel(6, 0xFFFF, False, 1500)]
    for _ in range(3):
        assert line.after(RETRY_SECONDS) == [RequestTunnel()]
    assert line.hears(RequestTunnelResponse(7, SUCCESS)) == (None, [])
    assert line.state is State.OPEN
    assert line.sends(b"x") == ([TransferData(7, b"x")], "")


def test_a_tunnel_is_renewed_and_stays_open_meanwhile() -> None:
    line = Line()
    line.open()
    assert line.after(INACTIVITY_SECONDS) == [RequestTunnel()]
    assert line.state is State.OPEN
    assert line.sends(b"x") == ([TransferData(7, b"x")], "")
    assert line.after(RETRY_SECONDS) == [RequestTunnel()]
    assert line.hears(RequestTunnelResponse(7, SUCCESS)) == (None, [])  # the same id
    assert line.sends(b"y") == ([TransferData(7, b"y")], "")
    assert line.after(INACTIVITY_SECONDS) == [RequestTunnel()]
    line.hears(RequestTunnelResponse(8, SUCCESS))  # another one
    assert line.sends(b"z") == ([TransferData(8, b"z")], "")


@pytest.mark.parametrize(
    "status",
    [
        TunnelStatus.BUSY,
        TunnelStatus.NO_MORE_TUNNEL_IDS,
        TunnelStatus.PROTOCOL_NOT_SUPPORTED,
        TunnelStatus.FLOW_CONTROL_NOT_SUPPORTED,
    ],
)
def test_refused_means_three_minutes(status: TunnelStatus) -> None:
    line = Line()
    line.up()
    assert line.hears(RequestTunnelResponse(NO_TUNNEL, status)) == (None, [])
    assert line.state is State.BUSY
    assert line.sends(b"x") == ([], "")  # waits, and does not make it ask earlier
    line.now = line.now.plus(60)
    line.hears(RequestTunnelResponse(NO_TUNNEL, status))  # a double does not make it wait longer
    line.now = NOW
    assert line.after(BUSY_SECONDS) == [RequestTunnel()]
    assert line.hears(RequestTunnelResponse(7, SUCCESS)) == (None, [TransferData(7, b"x")])


def test_no_more_ids_closes_the_one_that_may_be_ours() -> None:
    line = Line()
    line.open(7)
    line.up()  # it rejoined
    full = RequestTunnelResponse(NO_TUNNEL, TunnelStatus.NO_MORE_TUNNEL_IDS)
    assert line.hears(full) == (None, [CloseTunnel(7)])
    assert line.after(RETRY_SECONDS) == [RequestTunnel()]
    assert line.hears(full) == (None, [])  # nothing left to close
    assert line.after(BUSY_SECONDS) == [RequestTunnel()]


def test_the_queue_is_bounded_and_goes_out_in_order() -> None:
    line = Line()
    line.up()
    for number in range(QUEUE):
        assert line.sends(bytes((number,))) == ([], "")
    assert line.sends(b"x") == ([], "5 messages already wait for the tunnel")
    octets, commands = line.hears(RequestTunnelResponse(7, SUCCESS))
    assert octets is None
    assert commands == [TransferData(7, bytes((number,))) for number in range(QUEUE)]
    assert line.hears(RequestTunnelResponse(7, SUCCESS)) == (None, [])  # a double sends nothing again


def test_out_of_reach() -> None:
    line = Line()
    line.open()
    line.tunnels.link_down(METER, line.now)
    assert line.state is State.DOWN
    assert line.tunnels.next_deadline is None
    assert line.sends(b"x") == ([], "")
    for late in (
        RequestTunnelResponse(7, SUCCESS),
        TransferData(7, b"late"),
        TransferDataError(7, TransferStatus.NO_SUCH_TUNNEL),
    ):
        assert line.hears(late) == (None, [])
        assert line.state is State.DOWN
    assert line.up() == [RequestTunnel()]
    assert line.hears(RequestTunnelResponse(8, SUCCESS)) == (None, [TransferData(8, b"x")])
    line.tunnels.link_down(device_id(9), line.now)  # nobody


def test_coming_back_forgets_the_tunnel() -> None:
    line = Line()
    line.open()
    assert line.up() == [RequestTunnel()]
    assert line.state is State.ASKED
    assert line.sends(b"x") == ([], "")


@pytest.mark.parametrize("status", [TransferStatus.NO_SUCH_TUNNEL, TransferStatus.WRONG_DEVICE])
def test_a_device_that_knows_no_such_tunnel_is_asked_at_once(status: TransferStatus) -> None:
    line = Line()
    line.open()
    assert line.hears(TransferDataError(7, status)) == (None, [RequestTunnel()])
    assert line.state is State.ASKED
    assert line.hears(TransferDataError(7, status)) == (None, [])  # a double


def test_errors_about_other_tunnels_or_sizes_change_nothing() -> None:
    line = Line()
    line.open()
    for error in (
        TransferDataError(6, TransferStatus.NO_SUCH_TUNNEL),
        TransferDataError(7, TransferStatus.DATA_OVERFLOW),
    ):
        assert line.hears(error) == (None, [])
        assert line.state is State.OPEN


def test_data_of_another_tunnel_is_an_error_and_ends_in_one_both_know() -> None:
    line = Line()
    line.open()
    error = TransferDataError(6, TransferStatus.NO_SUCH_TUNNEL)
    assert line.hears(TransferData(6, b"x")) == (None, [error])
    assert line.state is State.CLOSED
    assert line.hears(RequestTunnelResponse(6, SUCCESS)) == (None, [])  # overtaken by the error
    assert line.state is State.CLOSED
    assert line.after(RETRY_SECONDS) == [RequestTunnel()]


def test_a_message_makes_a_closed_tunnel_be_asked_for_at_once() -> None:
    line = Line()
    line.open()
    line.hears(TransferData(6, b"x"))
    assert line.sends(b"y") == ([RequestTunnel()], "")
    assert line.hears(RequestTunnelResponse(9, SUCCESS)) == (None, [TransferData(9, b"y")])


def test_data_may_overtake_the_answer() -> None:
    line = Line()
    line.up()
    assert line.hears(TransferData(7, b"early")) == (b"early", [])
    line.hears(RequestTunnelResponse(7, SUCCESS))
    assert line.hears(TransferData(7, b"next")) == (b"next", [])


def test_what_is_not_secured_or_not_for_us_is_dropped() -> None:
    line = Line()
    line.open()
    data = TransferData(7, b"x")
    assert line.hears(data, encrypted=False) == (None, [])
    assert line.hears(data, source=Address(METER, 2)) == (None, [])  # another endpoint
    assert line.hears(data, source=Address(device_id(9))) == (None, [])
    assert line.tunnels.receive(Frame(DEVICE, Address(GPF, 2), data), line.now) == (None, [])
    for command in (RequestTunnel(), CloseTunnel(7)):  # a client's, and we are the client
        assert line.hears(command) == (None, [])
    assert line.state is State.OPEN
    assert line.hears(data) == (b"x", [])


def test_forgetting() -> None:
    line = Line()
    line.open()
    assert line.tunnels.forget(METER) == ([Frame(HUB, DEVICE, CloseTunnel(7))], ())
    assert line.tunnels.forget(METER) == ([], ())
    assert line.tunnels.stations == ()
    assert line.sends(b"x") == ([], "the device never came up on the home area network")
    line.up()
    line.sends(b"x")
    assert line.tunnels.forget(METER) == ([], (b"x",))


def test_one_tunnel_a_device() -> None:
    line = Line()
    line.open()
    other = Address(device_id(2))
    line.tunnels.link_up(other, line.now)
    line.tunnels.receive(Frame(other, HUB, RequestTunnelResponse(7, SUCCESS)), line.now)
    assert line.tunnels.stations == (METER, device_id(2))
    frames, _ = line.tunnels.send(device_id(2), b"x", line.now)
    assert frames == [Frame(HUB, other, TransferData(7, b"x"))]
    line.tunnels.link_down(METER, line.now)
    assert line.tunnels.state(device_id(2)) is State.OPEN


# -- on a link that reports ---------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_on_a_link_that_reports_all_arrives_once_and_in_order(seed: int) -> None:
    chance = Random(seed)
    now, number = NOW, 0
    tunnels = Tunnels(HUB, confirmed=True)
    server = TunnelServer(DEVICE)
    air = tunnels.link_up(DEVICE, now)
    heard: list[bytes] = []
    accepted: list[bytes] = []

    def arrive(frame: Frame) -> None:
        if frame.destination == HUB:
            air.extend(tunnels.receive(frame, now)[1])
            return
        octets, answer = server.receive(frame, now)
        heard.extend([] if octets is None else [octets])
        air.extend([] if answer is None else [answer])

    while len(accepted) < 50 or len(heard) < 50:
        if len(accepted) < 50 and chance.random() < 0.5:
            number += 1
            octets = number.to_bytes(2, "big")
            frames, refusal = tunnels.send(METER, octets, now)
            assert bool(refusal) == (len(accepted) - len(heard) >= QUEUE)
            accepted += [] if refusal else [octets]
            air += frames
        if not air and chance.random() < 0.1:  # the device restarts and joins again
            server = TunnelServer(DEVICE)
            air += tunnels.link_up(DEVICE, now)
        if air:
            frame = air.pop(0)
            arrived = frame.source == DEVICE or chance.random() > 0.3
            if arrived:
                arrive(frame)
            if frame.source == HUB:
                air += tunnels.sent(Sent(frame, arrived), now)
        elif tunnels.state(METER) is not State.OPEN:
            now = tunnels.next_deadline or now
            air += tunnels.due(now)
    assert heard == accepted
    for _ in range(5):
        while air:
            frame = air.pop(0)
            arrive(frame)
            air += tunnels.sent(Sent(frame, True), now) if frame.source == HUB else []
    assert tunnels.waiting() == []
    assert heard == accepted


def test_a_report_for_something_else_changes_nothing() -> None:
    line = Line()
    line.tunnels = Tunnels(HUB, confirmed=True)
    assert line.tunnels.sent(Sent(Frame(HUB, DEVICE, RequestTunnel()), False), NOW) == []
    line.open()
    assert line.sends(b"x") == ([TransferData(7, b"x")], "")
    for command in (RequestTunnel(), TransferData(7, b"y"), TransferData(8, b"x")):
        for arrived in (True, False):
            assert line.tunnels.sent(Sent(Frame(HUB, DEVICE, command), arrived), NOW) == []
    assert line.tunnels.waiting() == [(METER, b"x")]
    line.tunnels.link_down(METER, NOW)
    assert line.tunnels.sent(Sent(Frame(HUB, DEVICE, TransferData(7, b"x")), True), NOW) == []
    assert line.tunnels.waiting() == []


def test_each_error_brings_the_message_before_back() -> None:
    line = Line()
    line.tunnels = Tunnels(HUB, confirmed=True)
    line.open()
    sent = line.sends(b"1")[0]
    for octets in (b"2", b"3"):
        assert line.sends(octets) == ([], "")
    for _ in range(3):
        (command,) = sent
        sent = [f.command for f in line.tunnels.sent(Sent(Frame(HUB, DEVICE, command), True), NOW)]
    assert line.tunnels.waiting() == []
    error = TransferDataError(7, TransferStatus.NO_SUCH_TUNNEL)
    assert line.hears(error) == (None, [RequestTunnel()])
    assert line.hears(error) == (None, [])
    assert line.tunnels.waiting() == [(METER, b"2"), (METER, b"3")]
    assert line.hears(RequestTunnelResponse(8, SUCCESS)) == (None, [TransferData(8, b"2")])
    assert line.hears(error) == (None, [])  # of the tunnel before; the first message, too
    assert [octets for _, octets in line.tunnels.waiting()] == [b"1", b"2", b"3"]
