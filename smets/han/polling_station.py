"""A device that sleeps, on its radio: it wakes, opens its tunnel, fetches messages and gives its own.

The state machine is the table `TRANSITIONS`; a trigger without a row for the state changes
nothing. While it is awake the device gives what it has to say (PUT), asks until nothing waits
at the hub (GET), and stays awake for what is missing of a long message. Source: GBCS
10.2.2.2, ZigBee Smart Energy tunnelling (reference: chts-hub 7.2, 7.3 and 9.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from gbcs.errors import BuildError, ParseError
from gbcs.gbt import GbtSettings
from gbcs.time import Utc

from ..device import POWER_LOST, Device
from ..events import Effect, Event, Happened, PowerLost, RemotePartyMessage, SendMessage, TimerDue
from .blocks import RULE as BLOCK_RULE
from .blocks import Step, Transfers
from .link import (
    GET,
    MAX_TRANSFER,
    NO_TUNNEL,
    Address,
    CloseTunnel,
    Frame,
    GetResponse,
    LinkDown,
    LinkEvent,
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
from .outbox import COPY_RULE, POLLED_BLOCKS, WAKE_SECONDS, Copies, Outbox, Parcel, leaving_room

RULE = "chts-hub 7.3"
FRAMING = 1  # octets of a PUT before its message


@dataclass(frozen=True, slots=True)
class PollingSettings:
    """Settings of a device that sleeps. Raises BuildError."""

    wake_seconds: int = WAKE_SECONDS
    """From one wake to the next; 30 minutes at most (chts-hub 9.2)."""

    answer_seconds: int = 10
    """Seconds for the answer to RequestTunnel or GET. Gap: no text."""

    put_seconds: int = 20
    """Seconds for the link's report on a PUT. Gap: no text; longer than a radio tries."""

    retries: int = 3
    """Times more that RequestTunnel, GET or PUT is sent in one wake, and that a tunnel the hub does not
    know is opened anew. Gap: no text."""

    pause_seconds: int = 3
    """Seconds until the next GET while blocks are missing or not confirmed. Gap: no text."""

    rounds: int = 8
    """GETs that bring nothing while blocks are missing, until it sleeps. Gap: no text."""

    speaks_at_once: bool = True
    """It wakes for what it has to say by itself, an alert; otherwise that waits for the next wake. Gap:
    chts-hub 9.2 has answers only."""

    waiting: int = 8
    """Messages kept until the hub has them. Ours."""

    copy_seconds: int = 2 * WAKE_SECONDS
    """Seconds in which octet-identical messages are copies and dropped; 0 for never. Gap: a GET-RESPONSE
    has no number (chts-hub 7.3)."""

    blocks: GbtSettings = POLLED_BLOCKS
    """Messages longer than a transfer. Gap: those of `GbtSettings`."""

    def __post_init__(self) -> None:
        """Times that pass."""
        if min(self.wake_seconds, self.answer_seconds, self.put_seconds, self.pause_seconds) < 1:
            raise BuildError("at least a second", "polling")
        if self.waiting < 1 or min(self.retries, self.rounds, self.copy_seconds) < 0:
            raise BuildError("waiting from 1, retries, rounds and seconds from 0", "polling")


POLLING_SETTINGS = PollingSettings()


class State(Enum):
    """What a device that sleeps is doing."""

    DOWN = "link down"
    CLOSED = "asleep without a tunnel"
    ASLEEP = "asleep"
    ASKED = "tunnel asked for"
    AWAKE = "waits for blocks"
    FETCHING = "GET sent"
    GIVING = "PUT sent"


class Trigger(Enum):
    """What may move it."""

    LINK_UP = "it joins, or comes back"
    LINK_DOWN = "the hub is out of reach"
    GIVEN = "RequestTunnelResponse: success"
    REFUSED = "RequestTunnelResponse: busy, or not possible"
    FULL = "RequestTunnelResponse: no more tunnel ids, and one is known that may be ours"
    GONE = "TransferDataError for this tunnel"
    ANSWERED = "GET-RESPONSE"
    TAKEN = "the PUT arrived"
    HOPELESS = "TransferDataError once too often"
    TIME = "the time of the state is over"
    SPENT = "the time of its last try is over"
    WANTED = "the device has something to say"
    HAS = "something is to be given"
    MORE = "the hub is to be asked"
    PAUSE = "blocks are missing"
    DONE = "nothing is left to do"


class Does(Enum):
    """What a transition sends, or has looked after."""

    NOTHING = "nothing"
    ASK = "RequestTunnel"
    CLOSE_AND_ASK = "CloseTunnel, RequestTunnel"
    GET = "GET"
    PUT = "PUT"
    CHOOSE = "whatever is next: HAS, MORE, PAUSE or DONE"


class Transition(NamedTuple):
    """One row."""

    before: State
    trigger: Trigger
    after: State
    does: Does


TRANSITIONS: tuple[Transition, ...] = (
    *(Transition(state, Trigger.LINK_UP, State.ASKED, Does.ASK) for state in State),
    *(Transition(state, Trigger.LINK_DOWN, State.DOWN, Does.NOTHING) for state in State),
    Transition(State.CLOSED, Trigger.TIME, State.ASKED, Does.ASK),
    Transition(State.CLOSED, Trigger.GIVEN, State.AWAKE, Does.CHOOSE),  # late
    Transition(State.ASLEEP, Trigger.TIME, State.AWAKE, Does.CHOOSE),
    Transition(State.ASLEEP, Trigger.WANTED, State.AWAKE, Does.CHOOSE),
    Transition(State.ASLEEP, Trigger.ANSWERED, State.AWAKE, Does.CHOOSE),  # late
    Transition(State.ASLEEP, Trigger.GONE, State.ASKED, Does.ASK),
    Transition(State.ASKED, Trigger.GIVEN, State.AWAKE, Does.CHOOSE),
    Transition(State.ASKED, Trigger.REFUSED, State.CLOSED, Does.NOTHING),
    Transition(State.ASKED, Trigger.FULL, State.ASKED, Does.CLOSE_AND_ASK),
    Transition(State.ASKED, Trigger.TIME, State.ASKED, Does.ASK),
    Transition(State.ASKED, Trigger.SPENT, State.CLOSED, Does.NOTHING),
    Transition(State.AWAKE, Trigger.HAS, State.GIVING, Does.PUT),
    Transition(State.AWAKE, Trigger.MORE, State.FETCHING, Does.GET),
    Transition(State.AWAKE, Trigger.PAUSE, State.AWAKE, Does.NOTHING),
    Transition(State.AWAKE, Trigger.DONE, State.ASLEEP, Does.NOTHING),
    Transition(State.AWAKE, Trigger.TIME, State.AWAKE, Does.CHOOSE),
    Transition(State.AWAKE, Trigger.WANTED, State.AWAKE, Does.CHOOSE),
    Transition(State.AWAKE, Trigger.ANSWERED, State.AWAKE, Does.CHOOSE),
    Transition(State.AWAKE, Trigger.GONE, State.ASKED, Does.ASK),
    Transition(State.FETCHING, Trigger.ANSWERED, State.AWAKE, Does.CHOOSE),
    Transition(State.FETCHING, Trigger.TIME, State.FETCHING, Does.GET),
    Transition(State.FETCHING, Trigger.SPENT, State.ASLEEP, Does.NOTHING),
    Transition(State.FETCHING, Trigger.GONE, State.ASKED, Does.ASK),
    Transition(State.GIVING, Trigger.TAKEN, State.AWAKE, Does.CHOOSE),
    Transition(State.GIVING, Trigger.TIME, State.GIVING, Does.PUT),
    Transition(State.GIVING, Trigger.SPENT, State.ASLEEP, Does.NOTHING),
    Transition(State.GIVING, Trigger.GONE, State.ASKED, Does.ASK),
    *(
        Transition(state, Trigger.HOPELESS, State.CLOSED, Does.NOTHING)
        for state in (State.ASLEEP, State.AWAKE, State.FETCHING, State.GIVING)
    ),
)
_TABLE = {(row.before, row.trigger): row for row in TRANSITIONS}
_TRIES = frozenset({State.ASKED, State.FETCHING, State.GIVING})
_SLEEPS = frozenset({State.CLOSED, State.ASLEEP})


class PollingStation:
    """One emulated device behind one radio that sleeps. Events and effects are those of `Station`.

    Tunnel, block transfers and waiting messages are volatile: loss of power loses them.
    `confirmed`: the link reports with `Sent` what became of each frame; otherwise a PUT that is
    sent counts as taken.
    """

    def __init__(
        self,
        device: Device,
        address: Address,
        settings: PollingSettings = POLLING_SETTINGS,
        confirmed: bool = False,
    ) -> None:
        self.device = device
        self.address = address
        self._settings = settings
        self._confirmed = confirmed
        self._blocks = leaving_room(settings.blocks, FRAMING)
        self._reset()

    def _reset(self) -> None:
        self._state = State.DOWN
        self._hub: Address | None = None
        self._tunnel_id = NO_TUNNEL
        self._transfers = Transfers(self._blocks)
        self._outbox = Outbox(self._transfers)
        self._copies = Copies(self._settings.copy_seconds)
        self._until: Utc | None = None
        self._next_wake: Utc | None = None
        self._tries = self._opened = self._idle = self._repeats = 0
        self._more = False
        self._flying: TransferData | None = None
        self._piece = b""

    @property
    def state(self) -> State:
        """What it is doing."""
        return self._state

    @property
    def awake(self) -> bool:
        """Whether its radio has to listen."""
        return self._state not in _SLEEPS and self._state is not State.DOWN

    @property
    def waiting(self) -> int:
        """How many messages wait for the hub to take them."""
        return len(self._outbox.parcels)

    @property
    def next_deadline(self) -> Utc | None:
        """When the device, the state or a block wants `handle(TimerDue)`."""
        times = [self.device.next_deadline, self._until]
        if self.awake:
            times.append(self._transfers.next_deadline)
        return min((time for time in times if time is not None), default=None)

    # -- events ---------------------------------------------------------------------------

    def handle(self, event: Event | LinkEvent, now: Utc) -> tuple[Effect | Frame, ...]:
        """Everything an event or frame causes. Raises StoreError if the device's store fails."""
        out: list[Effect | Frame] = []
        if isinstance(event, Frame | LinkUp | LinkDown | Sent):
            if self.device.observe(now).get(POWER_LOST) is None:
                self._of_link(event, now, out)
        elif isinstance(event, TimerDue):
            if not self._due(now, out) or self._device_is_due(now):
                self._of_device(event, now, out)
        else:
            self._of_device(event, now, out)
        out += [Happened("undeliverable", why, BLOCK_RULE) for _, why in self._outbox.unsendable]
        self._outbox.unsendable.clear()
        if isinstance(event, PowerLost):
            self._reset()
        return tuple(out)

    def wake(self, now: Utc) -> tuple[Effect | Frame, ...]:
        """Wake before its time, as a user at its display makes it; nothing while it is awake."""
        out: list[Effect | Frame] = []
        if self._state in _SLEEPS and self.device.observe(now).get(POWER_LOST) is None:
            self._wake(now, out)
        return tuple(out)

    def _of_link(self, event: LinkEvent, now: Utc, out: list[Effect | Frame]) -> None:
        if isinstance(event, LinkUp):
            self._hub = event.peer
            self._begin(now)
            self._move(Trigger.LINK_UP, now, out)
        elif isinstance(event, LinkDown):
            self._move(Trigger.LINK_DOWN, now, out)
        elif isinstance(event, Sent):
            self._reported(event, now, out)
        else:
            self._arrived(event, now, out)

    def _of_device(self, event: Event, now: Utc, out: list[Effect | Frame]) -> None:
        """Let the device handle an event; what it wants to say waits for its turn."""
        spoke = False
        for effect in self.device.handle(event, now):
            if isinstance(effect, SendMessage):
                spoke = True
                self._outbox.parcels.append(Parcel(effect.octets))
                if len(self._outbox.parcels) > self._settings.waiting:
                    self._drop(out)
            else:
                out.append(effect)
        if spoke and (self._settings.speaks_at_once or self._state is State.AWAKE):
            if self._state is State.ASLEEP:
                self._begin(now)
            self._move(Trigger.WANTED, now, out)

    def _drop(self, out: list[Effect | Frame]) -> None:
        """Make room: the oldest message goes, but for one that is on its way."""
        flying = self._flying is not None and self._outbox.parcel_of(self._piece) is self._outbox.parcels[0]
        del self._outbox.parcels[1 if flying and len(self._outbox.parcels) > 1 else 0]
        out.append(Happened("undeliverable", "too many messages wait for the hub", "chts-hub 7.2"))

    def _device_is_due(self, now: Utc) -> bool:
        due = self.device.next_deadline
        return due is not None and due <= now

    def _due(self, now: Utc, out: list[Effect | Frame]) -> bool:
        """Do what the state or blocks are due for; whether anything was."""
        done = False
        blocks = self._transfers.next_deadline
        if self.awake and blocks is not None and blocks <= now:
            done = True
            self._of_step(self._transfers.due(now), out)
            if self._outbox.urgent:
                self._move(Trigger.WANTED, now, out)
        if self._until is not None and self._until <= now:
            done = True
            if self._state in _SLEEPS:
                self._wake(now, out)
            else:
                self._retry(now, out)
        return done

    # -- frames ---------------------------------------------------------------------------

    def _arrived(self, frame: Frame, now: Utc, out: list[Effect | Frame]) -> None:
        """A frame of the hub. One without APS encryption is dropped: the cluster demands it."""
        if not frame.aps_encrypted or frame.destination != self.address or frame.source != self._hub:
            return
        if self._state is State.DOWN:
            return
        command = frame.command
        if isinstance(command, RequestTunnelResponse):
            self._answered(command, now, out)
        elif isinstance(command, TransferData):
            if command.tunnel_id != self._tunnel_id or self._tunnel_id == NO_TUNNEL:
                out.append(self._frame(TransferDataError(command.tunnel_id, TransferStatus.NO_SUCH_TUNNEL)))
            elif len(command.data) > MAX_TRANSFER:
                out.append(self._frame(TransferDataError(command.tunnel_id, TransferStatus.DATA_OVERFLOW)))
            else:
                self._fetched(command.data, now, out)
        elif isinstance(command, TransferDataError | CloseTunnel) and command.tunnel_id == self._tunnel_id:
            overflow = isinstance(command, TransferDataError) and (
                command.status is TransferStatus.DATA_OVERFLOW
            )
            if not overflow:
                self._gone(now, out)

    def _answered(self, answer: RequestTunnelResponse, now: Utc, out: list[Effect | Frame]) -> None:
        if answer.status is TunnelStatus.SUCCESS:
            if (self._state, Trigger.GIVEN) in _TABLE:
                self._tunnel_id = answer.tunnel_id
                self._more = True
                self._move(Trigger.GIVEN, now, out)
        elif answer.status is TunnelStatus.NO_MORE_TUNNEL_IDS and self._tunnel_id != NO_TUNNEL:
            self._move(Trigger.FULL, now, out)
        else:
            self._move(Trigger.REFUSED, now, out)

    def _fetched(self, data: bytes, now: Utc, out: list[Effect | Frame]) -> None:
        try:
            response = GetResponse.parse(data)
        except ParseError as error:
            out.append(Happened("refused", str(error), RULE))
            return
        self._outbox.handed.clear()
        self._more = response.remaining > 0
        if response.message is not None and not self._take(response.message, now, out):
            self._repeats += 1
            self._more = self._more and self._repeats <= self._settings.retries
        else:
            self._repeats = 0
        if response.message is not None:
            self._idle = 0
        if self._state is State.ASLEEP:
            self._begin(now)
        self._move(Trigger.ANSWERED, now, out)

    def _take(self, octets: bytes, now: Utc, out: list[Effect | Frame]) -> bool:
        """Take a message or a block; False for a copy of a message."""
        try:
            step = self._transfers.incoming(octets, now)
        except ParseError as error:
            # nothing protects a block, so that a bad one is no event of the device
            out.append(Happened("refused", f"no block: {error}", BLOCK_RULE))
            return True
        self._of_step(step, out)
        if step.message is None:
            return True
        if self._copies.is_copy(step.message, now):
            out.append(Happened("repeated", "a copy of a message that is known", COPY_RULE))
            return False
        self._of_device(RemotePartyMessage(step.message), now, out)
        return True

    def _of_step(self, step: Step, out: list[Effect | Frame]) -> None:
        self._outbox.push(step.send)
        out += [Happened("given up", text, BLOCK_RULE) for text in step.lost]

    def _reported(self, report: Sent, now: Utc, out: list[Effect | Frame]) -> None:
        """What became of a frame. One of a state that is over tells nothing."""
        command = report.frame.command
        if self._flying is not None and command == self._flying:
            self._flying = None
            if report.arrived:
                self._outbox.taken(self._piece)
                self._given(now, out)
            elif self._state is State.GIVING:
                self._retry(now, out)
        elif not report.arrived and (
            (self._state is State.ASKED and isinstance(command, RequestTunnel))
            or (self._state is State.FETCHING and command == TransferData(self._tunnel_id, GET))
        ):
            self._retry(now, out)

    def _given(self, now: Utc, out: list[Effect | Frame]) -> None:
        self._idle = 0
        self._more = True  # a GET after it shows whether the hub knows the tunnel at all
        self._move(Trigger.TAKEN, now, out)

    def _gone(self, now: Utc, out: list[Effect | Frame]) -> None:
        """The hub knows no such tunnel: what was given through it last was not taken."""
        self._outbox.refused()
        self._flying = None
        self._tunnel_id = NO_TUNNEL
        if self._state is State.ASKED:  # for another already
            return
        self._opened += 1
        self._move(Trigger.GONE if self._opened <= self._settings.retries else Trigger.HOPELESS, now, out)

    # -- moving ---------------------------------------------------------------------------

    def _begin(self, now: Utc) -> None:
        """A wake begins."""
        self._tries = self._opened = self._idle = self._repeats = 0
        self._next_wake = now.plus(self._settings.wake_seconds)

    def _wake(self, now: Utc, out: list[Effect | Frame]) -> None:
        self._begin(now)
        self._more = True
        self._move(Trigger.TIME, now, out)

    def _retry(self, now: Utc, out: list[Effect | Frame]) -> None:
        """The time of a state is over, or what it sent is known not to have arrived."""
        if self._state is State.AWAKE:
            self._idle += 1
            self._more = True
        elif self._state in _TRIES:
            self._tries += 1
            if self._tries > self._settings.retries:
                self._move(Trigger.SPENT, now, out)
                return
        self._move(Trigger.TIME, now, out)

    def _move(self, trigger: Trigger, now: Utc, out: list[Effect | Frame]) -> None:
        row = _TABLE.get((self._state, trigger))
        if row is None:
            return
        if row.after is not self._state:
            self._tries = 0
        self._state = row.after
        self._until = self._end_of_state(now)
        if row.does is Does.CHOOSE:
            self._choose(now, out)
        elif row.does is Does.PUT:
            self._put(now, out)
        else:
            out += self._frames(row.does)

    def _end_of_state(self, now: Utc) -> Utc | None:
        settings = self._settings
        if self._state is State.DOWN:
            return None
        if self._state in _SLEEPS:
            wake = self._next_wake or now
            return wake if wake > now else now.plus(settings.wake_seconds)
        if self._state is State.AWAKE:
            return now.plus(settings.pause_seconds)
        return now.plus(settings.put_seconds if self._state is State.GIVING else settings.answer_seconds)

    def _frames(self, does: Does) -> list[Frame]:
        if does is Does.GET:
            self._more = False
            return [self._frame(TransferData(self._tunnel_id, GET))]
        if does is Does.ASK:
            return [self._frame(RequestTunnel())]
        if does is Does.CLOSE_AND_ASK:
            close = self._frame(CloseTunnel(self._tunnel_id))
            self._tunnel_id = NO_TUNNEL
            return [close, self._frame(RequestTunnel())]
        return []

    def _put(self, now: Utc, out: list[Effect | Frame]) -> None:
        """Give the first piece; all of them where no link reports."""
        while (piece := self._outbox.first(now)) is not None:
            command = TransferData(self._tunnel_id, put_octets(piece))
            out.append(self._frame(command))
            if self._confirmed:
                self._flying, self._piece = command, piece
                return
            self._outbox.taken(piece)
        self._given(now, out)

    def _choose(self, now: Utc, out: list[Effect | Frame]) -> None:
        """What is next for a device that is awake."""
        if self._outbox.first(now) is not None:
            self._move(Trigger.HAS, now, out)
        elif self._more:
            self._move(Trigger.MORE, now, out)
        elif self._unfinished and self._idle < self._settings.rounds:
            self._move(Trigger.PAUSE, now, out)
        else:
            self._move(Trigger.DONE, now, out)

    @property
    def _unfinished(self) -> bool:
        """Whether blocks are missing, or were not confirmed."""
        transfers = self._transfers
        return bool(transfers.senders) or any(not t.finished for _, t in transfers.receiver.transfers)

    def _frame(self, command: TunnelCommand) -> Frame:
        assert self._hub is not None
        return Frame(self.address, self._hub, command)
