"""The hub's tunnels: one for each device it has in its log, opened by the hub.

A state machine for each device: closed, requested, open; a message that comes while the
tunnel is not open waits in a bounded queue. Source: GBCS 10.2.2.1 (reference: chts-hub 7.2).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.han.link import (
    INACTIVITY_SECONDS,
    MAX_TRANSFER,
    NO_TUNNEL,
    Address,
    CloseTunnel,
    Frame,
    RequestTunnel,
    RequestTunnelResponse,
    TransferData,
    TransferDataError,
    TransferStatus,
    TunnelCommand,
    TunnelStatus,
)

BUSY_SECONDS = 180
RETRY_SECONDS = 10  # ours: a maker's hub looks for devices without a tunnel that often
QUEUE = 5  # ours: messages waiting for one tunnel


class State(Enum):
    """Where a tunnel stands."""

    DOWN = "link down"
    CLOSED = "closed"
    REQUESTED = "requested"
    BUSY = "busy, ask later"
    OPEN = "open"


@dataclass(slots=True)
class Tunnel:
    """The tunnel to one device."""

    peer: Address
    state: State = State.DOWN
    tunnel_id: int = NO_TUNNEL
    ask_again: Utc | None = None
    waiting: deque[bytes] = field(default_factory=deque)


class Tunnels:
    """The hub's end of every tunnel. Volatile: at power on it asks for all of them again."""

    def __init__(self, own: Address) -> None:
        self._own = own
        self._tunnels: dict[EntityId, Tunnel] = {}

    @property
    def next_deadline(self) -> Utc | None:
        """When a tunnel is to be asked for again."""
        times = [t.ask_again for t in self._tunnels.values() if t.ask_again is not None]
        return min(times, default=None)

    @property
    def stations(self) -> tuple[EntityId, ...]:
        """The stations that came up."""
        return tuple(self._tunnels)

    def state(self, station: EntityId) -> State:
        """Where the tunnel to a station stands."""
        found = self._tunnels.get(station)
        return found.state if found is not None else State.DOWN

    def link_up(self, peer: Address, now: Utc) -> list[Frame]:
        """A device of the log can be reached: ask for its tunnel."""
        tunnel = self._tunnels.setdefault(peer.station, Tunnel(peer))
        tunnel.peer = peer
        return self._request(tunnel, now)

    def link_down(self, station: EntityId) -> None:
        """A device cannot be reached; its messages wait."""
        tunnel = self._tunnels.get(station)
        if tunnel is not None:
            tunnel.state, tunnel.tunnel_id, tunnel.ask_again = State.DOWN, NO_TUNNEL, None

    def forget(self, station: EntityId) -> list[Frame]:
        """A device left the log: close its tunnel, drop what waits."""
        tunnel = self._tunnels.pop(station, None)
        if tunnel is None or tunnel.state is not State.OPEN:
            return []
        return [self._frame(tunnel, CloseTunnel(tunnel.tunnel_id))]

    def due(self, now: Utc) -> list[Frame]:
        """Ask again for the tunnels whose time has come."""
        frames = []
        for tunnel in self._tunnels.values():
            if tunnel.ask_again is not None and tunnel.ask_again <= now:
                frames += self._request(tunnel, now)
        return frames

    def send(self, station: EntityId, octets: bytes, now: Utc) -> tuple[list[Frame], str]:
        """Send octets, or let them wait; the frames, and why the octets were refused ('' if not)."""
        if len(octets) > MAX_TRANSFER:
            return [], f"{len(octets)} octets need General Block Transfer, which is not built yet"
        tunnel = self._tunnels.get(station)
        if tunnel is None:
            return [], "the device never came up on the home area network"
        if tunnel.state is State.OPEN:
            return [self._frame(tunnel, TransferData(tunnel.tunnel_id, octets))], ""
        if len(tunnel.waiting) >= QUEUE:
            return [], f"{QUEUE} messages already wait for the tunnel"
        tunnel.waiting.append(octets)
        return (self._request(tunnel, now) if tunnel.state is State.CLOSED else []), ""

    def receive(self, frame: Frame, now: Utc) -> tuple[bytes | None, list[Frame]]:
        """What a frame from a device brings, and what is sent because of it."""
        tunnel = self._tunnels.get(frame.source.station)
        if tunnel is None or not frame.aps_encrypted or frame.destination != self._own:
            return None, []
        command = frame.command
        if isinstance(command, RequestTunnelResponse):
            return None, self._answered(tunnel, command, now)
        if isinstance(command, TransferData):
            if tunnel.state is State.OPEN and command.tunnel_id == tunnel.tunnel_id:
                return command.data, []
            error = TransferDataError(command.tunnel_id, TransferStatus.NO_SUCH_TUNNEL)
            return None, [self._frame(tunnel, error)]
        if isinstance(command, TransferDataError) and command.status is TransferStatus.NO_SUCH_TUNNEL:
            tunnel.state = State.CLOSED
            return None, self._request(tunnel, now)
        return None, []

    def _answered(self, tunnel: Tunnel, answer: RequestTunnelResponse, now: Utc) -> list[Frame]:
        if answer.status is TunnelStatus.SUCCESS:
            tunnel.state, tunnel.tunnel_id = State.OPEN, answer.tunnel_id
            tunnel.ask_again = now.plus(INACTIVITY_SECONDS)
            frames = [self._frame(tunnel, TransferData(tunnel.tunnel_id, m)) for m in tunnel.waiting]
            tunnel.waiting.clear()
            return frames
        tunnel.state, tunnel.tunnel_id = State.BUSY, NO_TUNNEL
        tunnel.ask_again = now.plus(BUSY_SECONDS)
        return []

    def _request(self, tunnel: Tunnel, now: Utc) -> list[Frame]:
        if tunnel.state is not State.OPEN:
            tunnel.state = State.REQUESTED
        tunnel.ask_again = now.plus(RETRY_SECONDS)
        return [self._frame(tunnel, RequestTunnel())]

    def _frame(self, tunnel: Tunnel, command: TunnelCommand) -> Frame:
        return Frame(self._own, tunnel.peer, command)
