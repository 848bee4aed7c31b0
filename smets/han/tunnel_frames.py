"""Tunnelling commands of the link contract as ZCL frames, and back (chts-hub 7.1)."""

from __future__ import annotations

from gbcs.errors import ParseError

from .link import (
    CloseTunnel,
    RequestTunnel,
    RequestTunnelResponse,
    TransferData,
    TransferDataError,
    TransferStatus,
    TunnelCommand,
    TunnelStatus,
)
from .zcl import ZclFrame, frame_of, parse_header, parse_zcl

TUNNELING = 0x0704


def tunnel_frame(command: TunnelCommand, sequence: int, from_server: bool) -> ZclFrame:
    """The frame of a command; `from_server` says which end of the tunnel sends it.

    Raises BuildError for a number that does not fit its field.
    """
    suffix = "ToClient" if from_server else ""
    if isinstance(command, RequestTunnel):
        values = {
            "ProtocolId": command.protocol,
            "ManufacturerCode": command.manufacturer,
            "FlowControlSupport": command.flow_control,
            "MaximumIncomingTransferSize": command.max_transfer,
        }
        return frame_of("RequestTunnel", sequence, values)
    if isinstance(command, RequestTunnelResponse):
        answer = {
            "TunnelId": command.tunnel_id,
            "TunnelStatus": int(command.status),
            "MaximumIncomingTransferSize": command.max_transfer,
        }
        return frame_of("RequestTunnelResponse", sequence, answer)
    tunnel = {"TunnelId": command.tunnel_id}
    if isinstance(command, TransferData):
        return frame_of(f"TransferData{suffix}", sequence, tunnel, command.data)
    if isinstance(command, TransferDataError):
        error = {**tunnel, "TransferDataStatus": int(command.status)}
        return frame_of(f"TransferDataError{suffix}", sequence, error)
    return frame_of("CloseTunnel", sequence, tunnel)


def tunnel_command(payload: bytes) -> TunnelCommand | None:
    """The command of an APS payload of the tunnelling cluster; None for one we have no use for.

    Raises ParseError.
    """
    frame = parse_zcl(TUNNELING, payload)
    known = frame.declared
    name = known.name.removesuffix("ToClient") if known is not None else ""
    if name not in _READERS:
        return None
    return _READERS[name](frame)


def from_server(payload: bytes) -> bool:
    """Whether the server of the tunnel sent an APS payload. Raises ParseError."""
    return parse_header(TUNNELING, payload).to_client


def _request(frame: ZclFrame) -> TunnelCommand:
    v = frame.values
    flow = v["FlowControlSupport"]
    return RequestTunnel(v["ProtocolId"], v["ManufacturerCode"], bool(flow), v["MaximumIncomingTransferSize"])


def _response(frame: ZclFrame) -> TunnelCommand:
    v = frame.values
    try:
        status = TunnelStatus(v["TunnelStatus"])
    except ValueError as error:
        raise ParseError(str(error), 5, "TunnelStatus") from None
    return RequestTunnelResponse(v["TunnelId"], status, v["MaximumIncomingTransferSize"])


def _data(frame: ZclFrame) -> TunnelCommand:
    return TransferData(frame.values["TunnelId"], frame.rest)


def _error(frame: ZclFrame) -> TunnelCommand:
    v = frame.values
    try:
        return TransferDataError(v["TunnelId"], TransferStatus(v["TransferDataStatus"]))
    except ValueError as error:
        raise ParseError(str(error), 5, "TransferDataStatus") from None


def _close(frame: ZclFrame) -> TunnelCommand:
    return CloseTunnel(frame.values["TunnelId"])


_READERS = {
    "RequestTunnel": _request,
    "RequestTunnelResponse": _response,
    "TransferData": _data,
    "TransferDataError": _error,
    "CloseTunnel": _close,
    "TunnelClosureNotification": _close,
}
