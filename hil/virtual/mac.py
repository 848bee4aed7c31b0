"""The MAC sublayer of one radio: a queue, acknowledgements, repeats, the indirect queue, polls.

It knows addresses of one PAN and nothing of networks. Frames arrive through `receive`, leave
through `take`; the layer above hears of data, commands and beacons. Source: IEEE 802.15.4-2003 7.5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from gbcs.errors import BuildError, GbcsError, ParseError

from .core import Core, Counter, Timer
from .mac_frames import (
    ACK_REQUEST,
    BROADCAST,
    BROADCAST_PAN,
    FCS_LENGTH,
    HEADER,
    NO_SHORT,
    TYPE_MASK,
    MacAddress,
    MacCommand,
    MacFrame,
    MacType,
    ack,
    with_fcs,
)
from .node_api import Transmission
from .node_events import MfglibRx
from .node_types import Config, Status

Done = Callable[[Status], None]
REMEMBERED = 8  # frames of each sender, to tell repeats
NO_HANDLE = 0  # a frame whose fate nobody waits for
SHORT_AT, SHORT_END = 5, 7  # of a short destination address, after control, sequence and PAN
DESTINATION_MODE, SHORT_MODE = 0x0C, 0x08  # in the second octet of frame control
EVERYBODY = b"\xff\xff"


class MacUser(Protocol):
    """What the layer above is told."""

    def mac_data(self, frame: MacFrame, lqi: int, rssi: int) -> None: ...
    def mac_command(self, command: MacCommand, body: bytes, frame: MacFrame) -> None: ...
    def mac_beacon(self, frame: MacFrame, lqi: int, rssi: int) -> None: ...
    def mac_polled(self, child: MacAddress, pending: bool) -> None: ...
    def mac_is_stranger(self, sender: MacAddress) -> bool:
        """Whether one that is no child asks for data, and is to wait for what it is told."""
        ...


@dataclass(slots=True, eq=False)
class Outgoing:
    """A frame on its way. `make` gives the payload when it first leaves, so that counters are in order."""

    frame: MacFrame
    make: Callable[[], bytes] | None
    done: Done | None
    raw: bytes | None = None
    mpdu: bytes = b""
    sequence: int = 0
    attempts: int = 0
    handle: int = NO_HANDLE
    timer: Timer | None = None

    @property
    def ack_request(self) -> bool:
        """Whether an acknowledgement is due."""
        return self.frame.ack_request


@dataclass(slots=True, eq=False)
class Indirect:
    """A frame that waits until its child asks."""

    child: MacAddress
    frame: MacFrame
    make: Callable[[], bytes] | None
    done: Done | None
    timer: Timer
    sending: bool = False


@dataclass(slots=True)
class PollState:
    """A data request of ours and what has come of it."""

    done: Done
    parent: MacAddress
    source: MacAddress
    got_data: bool = False
    timer: Timer | None = None
    more: bool = False
    acknowledged: bool = False


class Mac:
    """One radio's MAC. `rx_on`: the receiver is on when idle."""

    def __init__(self, core: Core, user: MacUser) -> None:
        self._core = core
        self._user = user
        self.channel = 11
        self.pan_id = BROADCAST_PAN
        self.short = NO_SHORT
        self.rx_on = False
        self.accept_all_beacons = False
        self.sniffing = False
        self._sequence = core.random.randrange(256)
        self._handle = NO_HANDLE
        self._queue: deque[Outgoing] = deque()
        self._current: Outgoing | None = None
        self._indirect: list[Indirect] = []
        self._poll: PollState | None = None
        self._out: list[Transmission] = []
        self._heard: dict[tuple[int, int, bool], deque[tuple[int, bytes]]] = {}
        self._allowance = 0  # of the last transmission: how long an answer may take on this air

    # --- state

    @property
    def listening(self) -> bool:
        """Whether a frame on air is heard now."""
        return self.rx_on or self.sniffing or self._current is not None or self._poll is not None

    @property
    def polling(self) -> bool:
        """A data request is under way."""
        return self._poll is not None

    @property
    def allowance(self) -> int:
        """How long beyond its end an answer to the last frame could take."""
        return self._allowance

    def stop(self) -> None:
        """Forget everything under way; nobody is told. The receiver goes off."""
        self._queue.clear()
        if self._current is not None and self._current.timer is not None:
            self._current.timer.cancel()
        self._current = None
        for entry in self._indirect:
            entry.timer.cancel()
        self._indirect.clear()
        if self._poll is not None and self._poll.timer is not None:
            self._poll.timer.cancel()
        self._poll = None
        self._out.clear()
        self._heard.clear()
        self.pan_id, self.short = BROADCAST_PAN, NO_SHORT
        self.rx_on = self.accept_all_beacons = self.sniffing = False

    @property
    def me(self) -> MacAddress:
        """This node's address: the short one if it has one."""
        if self.short >= NO_SHORT:
            return self.my_eui64
        return MacAddress(self.pan_id, self.short)

    @property
    def my_eui64(self) -> MacAddress:
        """This node's extended address."""
        return MacAddress(self.pan_id, self._core.state.eui64, True)

    # --- sending

    def send(
        self,
        frame: MacFrame,
        make: Callable[[], bytes] | None = None,
        done: Done | None = None,
        front: bool = False,
    ) -> None:
        """Queue a frame; `done` hears OK, or MAC_NO_ACK."""
        outgoing = Outgoing(frame, make, done)
        if front:
            self._queue.appendleft(outgoing)
        else:
            self._queue.append(outgoing)
        self._next()

    def send_raw(self, body: bytes, done: Done | None, fcs: bool = True) -> None:
        """Queue octets as they are; with `fcs` the check sequence is put after them."""
        control, _ = HEADER.unpack(body)
        wants_ack = bool(control & ACK_REQUEST) and control & TYPE_MASK != MacType.ACK
        frame = MacFrame(MacType.DATA, None, None, ack_request=wants_ack)
        self._queue.append(Outgoing(frame, None, done, with_fcs(body) if fcs else body))
        self._next()

    def queue_indirect(
        self,
        child: MacAddress,
        frame: MacFrame,
        make: Callable[[], bytes] | None = None,
        done: Done | None = None,
    ) -> None:
        """Keep a frame until the child asks; `done` hears OK, or MAC_INDIRECT_TIMEOUT."""
        wait = self._core.config[Config.INDIRECT_TRANSMISSION_TIMEOUT] * 1000
        entry = Indirect(child, frame, make, done, self._core.after(wait, lambda: self._expire(entry)))
        self._indirect.append(entry)

    def has_indirect(self, child: MacAddress) -> bool:
        """Whether something waits for a child."""
        return any(entry.child == child for entry in self._indirect)

    def drop_indirect(self, child: MacAddress) -> None:
        """A child is gone: what waits for it has failed."""
        for entry in [e for e in self._indirect if e.child == child]:
            self._expire(entry)

    def _expire(self, entry: Indirect) -> None:
        if entry.sending:  # its last try decides
            entry.timer = self._core.after(self._core.settings.frame_wait_us, lambda: self._expire(entry))
            return
        if entry in self._indirect:
            entry.timer.cancel()
            self._indirect.remove(entry)
            if entry.done is not None:
                entry.done(Status.MAC_INDIRECT_TIMEOUT)

    def _next(self) -> None:
        while self._current is None and self._queue:
            outgoing = self._queue.popleft()
            try:
                self._prepare(outgoing)
            except GbcsError:  # what does not fit into a frame cannot be sent
                if outgoing.done is not None:
                    outgoing.done(Status.MESSAGE_TOO_LONG)
                continue
            self._current = outgoing
            self._transmit(outgoing)

    def _prepare(self, outgoing: Outgoing) -> None:
        if outgoing.raw is not None:
            outgoing.mpdu = outgoing.raw
            outgoing.sequence = outgoing.raw[2]
            return
        payload = outgoing.frame.payload if outgoing.make is None else outgoing.make()
        self._sequence = (self._sequence + 1) & 0xFF
        outgoing.sequence = self._sequence
        outgoing.mpdu = replace(outgoing.frame, sequence=self._sequence, payload=payload).octets()

    def _transmit(self, outgoing: Outgoing) -> None:
        outgoing.attempts += 1
        self._handle += 1
        outgoing.handle = self._handle
        self._out.append(Transmission(self._handle, self.channel, outgoing.mpdu))

    def take(self) -> list[Transmission]:
        """What is to go on air now."""
        taken, self._out = self._out, []
        return taken

    def on_air(self, handle: int, end: int, answer_by: int) -> None:
        """A frame of ours is on air until `end`."""
        outgoing = self._current
        if outgoing is None or handle != outgoing.handle:
            return
        self._allowance = max(0, answer_by - end)
        if outgoing.ack_request:
            outgoing.timer = self._core.at(answer_by, self._no_ack)
        else:
            self._core.count(Counter.MAC_TX_BROADCAST)
            outgoing.timer = self._core.at(end, lambda: self._finish(Status.OK))

    def _no_ack(self) -> None:
        outgoing = self._current
        if outgoing is None:
            return
        if outgoing.attempts <= self._core.settings.mac_retries:
            self._core.count(Counter.MAC_TX_UNICAST_RETRY)
            self._transmit(outgoing)
        else:
            self._core.count(Counter.MAC_TX_UNICAST_FAILED)
            self._finish(Status.MAC_NO_ACK)

    def _finish(self, status: Status) -> None:
        outgoing, self._current = self._current, None
        if outgoing is not None:
            if outgoing.timer is not None:
                outgoing.timer.cancel()
            if outgoing.done is not None:
                outgoing.done(status)
        self._next()

    # --- polling a parent

    def poll(self, parent: MacAddress, source: MacAddress, done: Done) -> None:
        """Ask a parent for data: OK, MAC_NO_DATA, or MAC_NO_ACK. One at a time."""
        if self._poll is not None:
            done(Status.NETWORK_BUSY)
            return
        self._poll = PollState(done, parent, source)
        self._ask()

    def _ask(self) -> None:
        poll = self._poll
        if poll is None:
            return
        poll.acknowledged = poll.more = False
        body = bytes((MacCommand.DATA_REQUEST,))
        frame = MacFrame(MacType.COMMAND, poll.parent, poll.source, body, ack_request=True)
        self.send(frame, done=self._poll_sent)

    def _poll_sent(self, status: Status) -> None:
        poll = self._poll
        if poll is None or poll.acknowledged:
            return
        if status is not Status.OK:
            self._poll_done(Status.OK if poll.got_data else status)

    def _poll_acknowledged(self, pending: bool) -> None:
        poll = self._poll
        if poll is None:
            return
        poll.acknowledged = True
        if poll.got_data:  # it overtook the acknowledgement of a repeated request
            self._fetched()
        elif not pending:
            self._poll_done(Status.MAC_NO_DATA)
        else:
            wait = self._core.settings.frame_wait_us + 4 * self._allowance
            poll.timer = self._core.after(wait, lambda: self._poll_done(Status.MAC_NO_DATA))

    def _poll_data(self, more: bool) -> None:
        poll = self._poll
        if poll is None:
            return
        poll.got_data = True
        poll.more = more
        if poll.acknowledged:
            self._fetched()

    def _fetched(self) -> None:
        poll = self._poll
        if poll is None:
            return
        if poll.timer is not None:
            poll.timer.cancel()
        if poll.more:
            self._poll = PollState(poll.done, poll.parent, poll.source)
            self._poll.done = _ended_well(poll.done)
            self._ask()
        else:
            self._poll_done(Status.OK)

    def _poll_done(self, status: Status) -> None:
        poll, self._poll = self._poll, None
        if poll is not None:
            if poll.timer is not None:
                poll.timer.cancel()
            poll.done(status)

    # --- receiving

    def receive(self, mpdu: bytes, lqi: int, rssi: int) -> None:
        """A frame of the air; whatever is wrong with it is dropped."""
        if self.sniffing:
            self._core.emit(MfglibRx(lqi, rssi, mpdu))
            return
        if self._is_elsewhere(mpdu):
            return
        try:
            frame = MacFrame.parse(mpdu)
            if frame.kind is MacType.ACK:
                self._acknowledged(frame)
            elif self._for_me(frame):
                self._take_in(frame, mpdu, lqi, rssi)
        except ParseError:
            return

    def _is_elsewhere(self, mpdu: bytes) -> bool:
        """Whether a frame is for another short address: what a radio's filter drops before anything else."""
        return (
            len(mpdu) > SHORT_END
            and mpdu[1] & DESTINATION_MODE == SHORT_MODE
            and mpdu[SHORT_AT:SHORT_END] not in (EVERYBODY, self.short.to_bytes(2, "little"))
        )

    def _acknowledged(self, frame: MacFrame) -> None:
        outgoing = self._current
        if (
            outgoing is None
            or not outgoing.ack_request
            or frame.sequence != outgoing.sequence
            or outgoing.timer is None
        ):
            return
        self._core.count(Counter.MAC_TX_UNICAST_SUCCESS)
        outgoing.timer.cancel()
        asked = outgoing.frame.kind is MacType.COMMAND and outgoing.frame.payload[:1] == bytes(
            (MacCommand.DATA_REQUEST,)
        )
        if asked:
            self._current = None
            self._poll_acknowledged(frame.pending)
            self._next()
        else:
            self._finish(Status.OK)

    def _for_me(self, frame: MacFrame) -> bool:
        to = frame.destination
        if to is None:  # a beacon, or for the PAN coordinator
            return frame.kind is MacType.BEACON and self.accept_all_beacons
        if to.pan not in (self.pan_id, BROADCAST_PAN):
            return False
        if to.extended:
            return to.value == self._core.state.eui64
        return to.value == BROADCAST or (to.value == self.short and self.short < NO_SHORT)

    def _take_in(self, frame: MacFrame, mpdu: bytes, lqi: int, rssi: int) -> None:
        to = frame.destination
        broadcast = to is None or (not to.extended and to.value == BROADCAST)
        repeated = self._repeated(frame, mpdu)
        asked = frame.kind is MacType.COMMAND and frame.payload[:1] == bytes((MacCommand.DATA_REQUEST,))
        pending = False
        if asked and frame.source is not None:
            pending = self.has_indirect(frame.source) or self._user.mac_is_stranger(frame.source)
        if frame.ack_request and not broadcast:
            self._out.append(Transmission(NO_HANDLE, self.channel, ack(frame.sequence, pending)))
        if repeated:
            if frame.kind is MacType.DATA and not broadcast:
                self._poll_data(frame.pending)
            return
        self._core.count(Counter.MAC_RX_BROADCAST if broadcast else Counter.MAC_RX_UNICAST)
        if asked:
            if frame.source is not None:
                self._serve(frame.source)
        elif frame.kind is MacType.BEACON:
            self._user.mac_beacon(frame, lqi, rssi)
        elif frame.kind is MacType.COMMAND:
            command, body = _command(frame.payload)
            self._user.mac_command(command, body, frame)
            if not broadcast:
                self._poll_data(frame.pending)
        elif frame.kind is MacType.DATA:
            if frame.payload:
                self._user.mac_data(frame, lqi, rssi)
            if not broadcast:
                self._poll_data(frame.pending)

    def _repeated(self, frame: MacFrame, mpdu: bytes) -> bool:
        """A frame that was heard before: same sender, same sequence number, same octets."""
        if frame.source is None:
            return False
        key = (frame.source.pan, frame.source.value, frame.source.extended)
        heard = self._heard.setdefault(key, deque(maxlen=REMEMBERED))
        mark = (frame.sequence, mpdu[-FCS_LENGTH:])
        if mark in heard:
            return True
        heard.append(mark)
        return False

    def _serve(self, child: MacAddress) -> None:
        """Send a child the next of what waits for it."""
        waiting = [entry for entry in self._indirect if entry.child == child]
        self._user.mac_polled(child, bool(waiting))
        if not waiting or any(entry.sending for entry in waiting):
            return
        entry = waiting[0]
        entry.sending = True
        frame = replace(entry.frame, pending=len(waiting) > 1)
        self.send(frame, entry.make, lambda status: self._served(entry, status), front=True)

    def _served(self, entry: Indirect, status: Status) -> None:
        entry.sending = False
        if status is Status.MAC_NO_ACK or entry not in self._indirect:
            return  # it stays until its time is over
        entry.timer.cancel()
        self._indirect.remove(entry)
        if entry.done is not None:
            entry.done(status)


def _ended_well(done: Done) -> Done:
    """Something was fetched already: that nothing more came is no failure."""
    return lambda status: done(Status.OK)


def _command(payload: bytes) -> tuple[MacCommand, bytes]:
    if not payload:
        raise ParseError("an empty command", 0, "MAC command")
    try:
        return MacCommand(payload[0]), payload[1:]
    except ValueError:
        raise ParseError(f"unknown command {payload[0]:02X}", 0, "MAC command") from None


def raw_error(body: bytes) -> Status:
    """Whether octets can be sent as a frame: long enough for a header, short enough for the air."""
    try:
        HEADER.unpack(body)
    except (ParseError, BuildError):
        return Status.INVALID_PARAMETER
    return Status.OK
