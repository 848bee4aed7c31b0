"""The device's end of its tunnel to the hub: one tunnel, re-given to whoever asks again.

Source: GBCS 10.2.2, ZigBee Smart Energy tunnelling cluster (reference: chts-hub 7).
"""

from __future__ import annotations

from dataclasses import dataclass

from gbcs.ids import EntityId
from gbcs.time import Utc

from .link import (
    ANY_MANUFACTURER,
    INACTIVITY_SECONDS,
    MAX_TRANSFER,
    NO_TUNNEL,
    PROTOCOL_GB_HRGP,
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

FIRST_TUNNEL = 1  # ours: tunnel identifiers are the server's choice


@dataclass(slots=True)
class TunnelServer:
    """The tunnel a device serves. Volatile: after a restart the client asks again."""

    own: Address
    client: Address | None = None
    tunnel_id: int = NO_TUNNEL
    next_id: int = FIRST_TUNNEL
    idle_at: Utc | None = None

    def receive(self, frame: Frame, now: Utc) -> tuple[bytes | None, Frame | None]:
        """What a frame brings (octets of a message) and what is to be answered.

        Frames without APS encryption are dropped: the cluster demands it.
        """
        if not frame.aps_encrypted or frame.destination != self.own:
            return None, None
        self._close_if_idle(now)
        command = frame.command
        if isinstance(command, RequestTunnel):
            return None, self._reply(frame.source, self._open(frame.source, command, now))
        if isinstance(command, TransferData):
            refused = self._refusal(frame.source, command)
            if refused is not None:
                return None, self._reply(frame.source, TransferDataError(command.tunnel_id, refused))
            self._used(now)
            return command.data, None
        if isinstance(command, CloseTunnel | TransferDataError) and frame.source == self.client:
            unknown = isinstance(command, CloseTunnel) or command.status is not TransferStatus.DATA_OVERFLOW
            if unknown and command.tunnel_id == self.tunnel_id:
                self._close()
        return None, None

    def rejects(self, frame: Frame, now: Utc) -> bool:
        """Whether a request to open or to close the tunnel will be in vain; dropped frames are none."""
        if not frame.aps_encrypted or frame.destination != self.own:
            return False
        self._close_if_idle(now)
        command = frame.command
        if isinstance(command, RequestTunnel):
            return self._status(frame.source, command) is not TunnelStatus.SUCCESS
        if isinstance(command, CloseTunnel):
            return self.client is None or (frame.source, command.tunnel_id) != (self.client, self.tunnel_id)
        return False

    def is_open(self, now: Utc) -> bool:
        """Whether there is a tunnel."""
        self._close_if_idle(now)
        return self.client is not None

    def send(self, octets: bytes, now: Utc) -> Frame | None:
        """A frame with octets for the client; None while there is no tunnel or they are too many."""
        if not self.is_open(now) or self.client is None or len(octets) > MAX_TRANSFER:
            return None
        self._used(now)
        return self._reply(self.client, TransferData(self.tunnel_id, octets))

    def lose(self, station: EntityId) -> None:
        """The link to a station is down."""
        if self.client is not None and self.client.station == station:
            self._close()

    def _open(self, source: Address, request: RequestTunnel, now: Utc) -> RequestTunnelResponse:
        status = self._status(source, request)
        if status is not TunnelStatus.SUCCESS:
            return RequestTunnelResponse(NO_TUNNEL, status)
        if self.client is None:
            self.client, self.tunnel_id = source, self.next_id
            self.next_id = self.next_id % (NO_TUNNEL - 1) + 1
        self._used(now)
        return RequestTunnelResponse(self.tunnel_id, TunnelStatus.SUCCESS)

    def _status(self, source: Address, request: RequestTunnel) -> TunnelStatus:
        if request.protocol != PROTOCOL_GB_HRGP or request.manufacturer != ANY_MANUFACTURER:
            return TunnelStatus.PROTOCOL_NOT_SUPPORTED
        if request.flow_control:
            return TunnelStatus.FLOW_CONTROL_NOT_SUPPORTED
        if self.client is not None and self.client != source:
            return TunnelStatus.NO_MORE_TUNNEL_IDS
        return TunnelStatus.SUCCESS

    def _refusal(self, source: Address, command: TransferData) -> TransferStatus | None:
        if self.client is None or command.tunnel_id != self.tunnel_id:
            return TransferStatus.NO_SUCH_TUNNEL
        if source != self.client:
            return TransferStatus.WRONG_DEVICE
        return TransferStatus.DATA_OVERFLOW if len(command.data) > MAX_TRANSFER else None

    def _used(self, now: Utc) -> None:
        self.idle_at = now.plus(INACTIVITY_SECONDS)

    def _close_if_idle(self, now: Utc) -> None:
        """CloseTunnelTimeout; nobody has to be told."""
        if self.idle_at is not None and now >= self.idle_at:
            self._close()

    def _close(self) -> None:
        self.client, self.tunnel_id, self.idle_at = None, NO_TUNNEL, None

    def _reply(self, to: Address, command: TunnelCommand) -> Frame:
        return Frame(self.own, to, command)
