"""The hub's tunnels: one for each device it has in its log, opened by the hub.

The state machine of a tunnel is the table `TRANSITIONS`; a trigger without a row for the
state changes nothing. A message that comes while the tunnel is not open waits in a bounded
queue; one that is longer than a transfer travels in blocks. On a link that reports what became
of its frames a message also waits until it arrived, one after the other, and what did not
arrive is sent again through the next tunnel. Source: GBCS 10.2.2.1, ZigBee Smart Energy
tunnelling (reference: chts-hub 7).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from gbcs.errors import BuildError, ParseError
from gbcs.gbt import GbtSettings
from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.han.blocks import TUNNEL_BLOCKS, Step, Transfers
from smets.han.link import (
    INACTIVITY_SECONDS,
    MAX_TRANSFER,
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
from smets.han.outbox import Outbox, Parcel

BUSY_SECONDS = 180
RETRY_SECONDS = 10  # ours: a maker's hub looks for devices without a tunnel that often
QUEUE = 5  # ours: messages waiting for one tunnel
ERROR_SECONDS = 5  # ours: a TransferDataError so soon after a message means that one


class State(Enum):
    """Where a tunnel stands."""

    DOWN = "link down"
    CLOSED = "closed"
    ASKED = "asked for"
    BUSY = "refused"
    OPEN = "open"


class Trigger(Enum):
    """What may move a tunnel."""

    LINK_UP = "the device joins or comes back"
    LINK_DOWN = "the device is out of reach"
    GIVEN = "RequestTunnelResponse: success"
    REFUSED = "RequestTunnelResponse: busy, or not possible"
    FULL = "RequestTunnelResponse: no more tunnel ids, and one is known that may be ours"
    GONE = "TransferDataError for this tunnel"
    STRANGE = "data through another tunnel"
    UNHEARD = "the device did not acknowledge a message"
    WANTED = "a message for the device comes"
    TIME = "the time to ask has come"


class Transition(NamedTuple):
    """One row: from, trigger, to, whether to ask for the tunnel, when to ask next (seconds)."""

    before: State
    trigger: Trigger
    after: State
    asks: bool
    again: int | None


TRANSITIONS: tuple[Transition, ...] = (
    *(Transition(state, Trigger.LINK_UP, State.ASKED, True, RETRY_SECONDS) for state in State),
    *(Transition(state, Trigger.LINK_DOWN, State.DOWN, False, None) for state in State),
    Transition(State.CLOSED, Trigger.WANTED, State.ASKED, True, RETRY_SECONDS),
    Transition(State.CLOSED, Trigger.TIME, State.ASKED, True, RETRY_SECONDS),
    Transition(State.ASKED, Trigger.GIVEN, State.OPEN, False, INACTIVITY_SECONDS),
    Transition(State.ASKED, Trigger.REFUSED, State.BUSY, False, BUSY_SECONDS),
    Transition(State.ASKED, Trigger.FULL, State.CLOSED, False, RETRY_SECONDS),
    Transition(State.ASKED, Trigger.TIME, State.ASKED, True, RETRY_SECONDS),
    Transition(State.BUSY, Trigger.GIVEN, State.OPEN, False, INACTIVITY_SECONDS),
    Transition(State.BUSY, Trigger.TIME, State.ASKED, True, RETRY_SECONDS),
    Transition(State.OPEN, Trigger.GIVEN, State.OPEN, False, INACTIVITY_SECONDS),
    Transition(State.OPEN, Trigger.REFUSED, State.BUSY, False, BUSY_SECONDS),
    Transition(State.OPEN, Trigger.FULL, State.CLOSED, False, RETRY_SECONDS),
    Transition(State.OPEN, Trigger.GONE, State.ASKED, True, RETRY_SECONDS),
    Transition(State.OPEN, Trigger.UNHEARD, State.ASKED, True, RETRY_SECONDS),
    # not at once: the error the device is sent makes it close the tunnel it would give again
    Transition(State.OPEN, Trigger.STRANGE, State.CLOSED, False, RETRY_SECONDS),
    # renewed; what is open stays so meanwhile
    Transition(State.OPEN, Trigger.TIME, State.OPEN, True, RETRY_SECONDS),
)
_TABLE = {(row.before, row.trigger): row for row in TRANSITIONS}


@dataclass(slots=True)
class Tunnel:
    """The tunnel to one device. `tunnel_id` is the last one given that may still be ours.

    Block transfers outlive the tunnel they began in: what was lost with it is asked for.
    `flying` is a piece whose fate the link has yet to report, `handed_at` when the last one arrived.
    """

    peer: Address
    transfers: Transfers
    state: State = State.DOWN
    tunnel_id: int = NO_TUNNEL
    ask_again: Utc | None = None
    outbox: Outbox = field(init=False)
    flying: TransferData | None = None
    handed_at: Utc | None = None

    def __post_init__(self) -> None:
        """Nothing waits."""
        self.outbox = Outbox(self.transfers)

    @property
    def waiting(self) -> tuple[bytes, ...]:
        """The messages that wait."""
        return tuple(parcel.octets for parcel in self.outbox.parcels)


class Tunnels:
    """The hub's end of every tunnel. Volatile: at power on it asks for all of them again.

    `confirmed`: the link reports what became of each frame (`sent`).
    """

    def __init__(self, own: Address, blocks: GbtSettings = TUNNEL_BLOCKS, confirmed: bool = False) -> None:
        self._own = own
        self._blocks = blocks
        self._confirmed = confirmed
        self._tunnels: dict[EntityId, Tunnel] = {}
        self._lost: list[str] = []

    @property
    def next_deadline(self) -> Utc | None:
        """When a tunnel is to be asked for again, or a block, or a transfer given up."""
        times = [t for u in self._tunnels.values() for t in (u.ask_again, u.transfers.next_deadline)]
        return min((time for time in times if time is not None), default=None)

    @property
    def stations(self) -> tuple[EntityId, ...]:
        """The stations that came up."""
        return tuple(self._tunnels)

    def state(self, station: EntityId) -> State:
        """Where the tunnel to a station stands."""
        found = self._tunnels.get(station)
        return found.state if found is not None else State.DOWN

    def link_up(self, peer: Address, now: Utc) -> list[Frame]:
        """A device of the log joined or came back: ask for its tunnel, whatever was before."""
        tunnel = self._tunnels.setdefault(peer.station, Tunnel(peer, Transfers(self._blocks)))
        tunnel.peer = peer
        return self._move(tunnel, Trigger.LINK_UP, now)

    def link_down(self, station: EntityId, now: Utc) -> None:
        """A device cannot be reached; its messages wait."""
        tunnel = self._tunnels.get(station)
        if tunnel is not None:
            self._move(tunnel, Trigger.LINK_DOWN, now)

    def forget(self, station: EntityId) -> tuple[list[Frame], tuple[bytes, ...]]:
        """A device left the log: what closes its tunnel, and the messages that waited for it.

        Block transfers are dropped, both ways.
        """
        tunnel = self._tunnels.pop(station, None)
        if tunnel is None:
            return [], ()
        frames = [self._close(tunnel)] if tunnel.state is State.OPEN else []
        return frames, tunnel.waiting

    def waiting(self) -> list[tuple[EntityId, bytes]]:
        """Every message that waits, and for whom."""
        return [(station, octets) for station, t in self._tunnels.items() for octets in t.waiting]

    def due(self, now: Utc) -> list[Frame]:
        """Ask again for the tunnels and the blocks whose time has come."""
        frames = []
        for station, tunnel in self._tunnels.items():
            if tunnel.ask_again is not None and tunnel.ask_again <= now:
                frames += self._move(tunnel, Trigger.TIME, now)
            deadline = tunnel.transfers.next_deadline
            if deadline is not None and deadline <= now:
                frames += self._of_step(station, tunnel, tunnel.transfers.due(now))
        return frames

    def take_lost(self) -> list[str]:
        """Which messages in blocks were given up since the last call, and why."""
        lost, self._lost = self._lost, []
        return lost

    def send(self, station: EntityId, octets: bytes, now: Utc) -> tuple[list[Frame], str]:
        """Send octets, or let them wait; the frames, and why the octets were refused ('' if not)."""
        tunnel = self._tunnels.get(station)
        if tunnel is None:
            return [], "the device never came up on the home area network"
        if tunnel.state is State.OPEN and not self._confirmed:
            return self._cut(tunnel, octets, now)
        if len(tunnel.outbox.parcels) >= QUEUE:
            return [], f"{QUEUE} messages already wait for the tunnel"
        tunnel.outbox.parcels.append(Parcel(octets))
        if tunnel.state is State.OPEN:
            return self._next(tunnel, now), ""
        return self._move(tunnel, Trigger.WANTED, now), ""

    def sent(self, report: Sent, now: Utc) -> list[Frame]:
        """What became of a frame; one with a message that did not arrive is sent once more, later."""
        tunnel = self._tunnels.get(report.frame.destination.station)
        if tunnel is None or tunnel.flying is None or report.frame.command != tunnel.flying:
            return []
        piece, tunnel.flying = tunnel.flying.data, None
        if not report.arrived:
            return self._move(tunnel, Trigger.UNHEARD, now) or self._next(tunnel, now)
        tunnel.outbox.taken(piece)
        tunnel.handed_at = now
        return self._next(tunnel, now)

    def receive(self, frame: Frame, now: Utc) -> tuple[bytes | None, list[Frame]]:
        """What a frame from a device brings, and what is sent because of it.

        Frames without APS encryption are dropped: the cluster demands it.
        """
        tunnel = self._tunnels.get(frame.source.station)
        if tunnel is None or not frame.aps_encrypted or frame.destination != self._own:
            return None, []
        if tunnel.state is State.DOWN or frame.source != tunnel.peer:
            return None, []
        command = frame.command
        if isinstance(command, RequestTunnelResponse):
            return None, self._answered(tunnel, command, now)
        if isinstance(command, TransferData):
            return self._data(tunnel, command, now)
        if isinstance(command, TransferDataError) and command.status is not TransferStatus.DATA_OVERFLOW:
            return None, self._gone(tunnel, command.tunnel_id, now)
        return None, []

    def put_together(self, station: EntityId, data: bytes, now: Utc) -> tuple[bytes | None, list[Frame]]:
        """What the octets `receive` gave make whole, and what is sent because of it.

        A block before the last one that is missing makes nothing whole. Raises ParseError
        for one that cannot be a block.
        """
        tunnel = self._tunnels.get(station)
        if tunnel is None:
            return data, []
        step = tunnel.transfers.incoming(data, now)
        return step.message, self._of_step(station, tunnel, step)

    def _of_step(self, station: EntityId, tunnel: Tunnel, step: Step) -> list[Frame]:
        """The frames of a step. Without a tunnel there are none: it is asked once more later."""
        self._lost += [f"{station}: {text}" for text in step.lost]
        if tunnel.state is not State.OPEN:
            return []
        return [self._frame(tunnel, TransferData(tunnel.tunnel_id, octets)) for octets in step.send]

    def _cut(self, tunnel: Tunnel, octets: bytes, now: Utc) -> tuple[list[Frame], str]:
        """A message as one transfer or several; why it cannot be sent ('' if it can)."""
        try:
            pieces = tunnel.transfers.outgoing(octets, now)
        except (BuildError, ParseError) as error:
            return [], f"{len(octets)} octets cannot be cut in blocks: {error}"
        return [self._frame(tunnel, TransferData(tunnel.tunnel_id, piece)) for piece in pieces], ""

    def _data(self, tunnel: Tunnel, command: TransferData, now: Utc) -> tuple[bytes | None, list[Frame]]:
        # while the answer is on its way the device may use the tunnel already
        if tunnel.state is State.ASKED or (
            tunnel.state is State.OPEN and command.tunnel_id == tunnel.tunnel_id
        ):
            if len(command.data) <= MAX_TRANSFER:
                return command.data, []
            return None, [self._error(tunnel, command, TransferStatus.DATA_OVERFLOW)]
        error = self._error(tunnel, command, TransferStatus.NO_SUCH_TUNNEL)
        return None, [error, *self._move(tunnel, Trigger.STRANGE, now)]

    def _answered(self, tunnel: Tunnel, answer: RequestTunnelResponse, now: Utc) -> list[Frame]:
        if answer.status is TunnelStatus.SUCCESS:
            if (tunnel.state, Trigger.GIVEN) not in _TABLE:
                return []  # an answer to an earlier request, long overtaken
            tunnel.tunnel_id = answer.tunnel_id
            self._move(tunnel, Trigger.GIVEN, now)
            return self._next(tunnel, now)
        if answer.status is TunnelStatus.NO_MORE_TUNNEL_IDS and tunnel.tunnel_id != NO_TUNNEL:
            close = self._close(tunnel)
            tunnel.tunnel_id = NO_TUNNEL
            return [close, *self._move(tunnel, Trigger.FULL, now)]
        return self._move(tunnel, Trigger.REFUSED, now)

    def _next(self, tunnel: Tunnel, now: Utc) -> list[Frame]:
        """Send what waits: all of it, or one piece where the link will report what became of it."""
        frames: list[Frame] = []
        while tunnel.state is State.OPEN and tunnel.flying is None:
            piece = tunnel.outbox.first(now)
            self._lost += [f"{tunnel.peer.station}: {why}" for _, why in tunnel.outbox.unsendable]
            tunnel.outbox.unsendable.clear()
            if piece is None:
                break
            command = TransferData(tunnel.tunnel_id, piece)
            frames.append(self._frame(tunnel, command))
            if self._confirmed:
                tunnel.flying = command
            else:
                tunnel.outbox.taken(piece)
        return frames

    def _gone(self, tunnel: Tunnel, tunnel_id: int, now: Utc) -> list[Frame]:
        """The device knows no such tunnel: what came through it lately was not taken."""
        if self._confirmed:
            if tunnel.handed_at is None or tunnel.handed_at.plus(ERROR_SECONDS) <= now:
                tunnel.outbox.handed.clear()
            tunnel.outbox.refused()
        if tunnel_id == tunnel.tunnel_id:
            return self._move(tunnel, Trigger.GONE, now)
        return self._next(tunnel, now) if self._confirmed else []

    def _move(self, tunnel: Tunnel, trigger: Trigger, now: Utc) -> list[Frame]:
        row = _TABLE.get((tunnel.state, trigger))
        if row is None:
            return []
        tunnel.state = row.after
        tunnel.ask_again = None if row.again is None else now.plus(row.again)
        return [self._frame(tunnel, RequestTunnel())] if row.asks else []

    def _close(self, tunnel: Tunnel) -> Frame:
        return self._frame(tunnel, CloseTunnel(tunnel.tunnel_id))

    def _error(self, tunnel: Tunnel, command: TransferData, status: TransferStatus) -> Frame:
        return self._frame(tunnel, TransferDataError(command.tunnel_id, status))

    def _frame(self, tunnel: Tunnel, command: TunnelCommand) -> Frame:
        return Frame(self._own, tunnel.peer, command)
