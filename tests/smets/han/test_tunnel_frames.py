"""Tunnelling commands and ZCL frames on the home area network, both ways."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError, GbcsError, ParseError
from gbcs.zcl import clusters
from smets.han.link import (
    CloseTunnel,
    RequestTunnel,
    RequestTunnelResponse,
    TransferData,
    TransferDataError,
    TransferStatus,
    TunnelStatus,
)
from smets.han.tunnel_frames import TUNNELING, tunnel_command, tunnel_frame
from smets.han.zcl import default_response, frame_of, parse_zcl, wants_default_response

IDS = st.integers(0, 0xFFFF)
COMMANDS = st.one_of(
    st.builds(RequestTunnel, st.integers(0, 255), IDS, st.booleans(), IDS),
    st.builds(RequestTunnelResponse, IDS, st.sampled_from(TunnelStatus), IDS),
    st.builds(TransferData, IDS, st.binary(max_size=1500)),
    st.builds(TransferDataError, IDS, st.sampled_from(TransferStatus)),
    st.builds(CloseTunnel, IDS),
)


@given(COMMANDS, st.integers(0, 255), st.booleans())
def test_every_command_comes_back(command: object, sequence: int, from_server: bool) -> None:
    octets = tunnel_frame(command, sequence, from_server).octets()  # type: ignore[arg-type]
    assert tunnel_command(octets) == command
    assert parse_zcl(TUNNELING, octets).octets() == octets
    assert octets[1] == sequence


@pytest.mark.parametrize(
    ("command", "from_server", "octets"),
    [
        (RequestTunnel(), False, "11 07 00 06 FFFF 00 DC05"),
        (RequestTunnelResponse(0x1234, TunnelStatus.SUCCESS), True, "19 07 00 3412 00 DC05"),
        (TransferData(1, b"\xdd\x00"), False, "11 07 02 0100 DD00"),
        (TransferData(1, b"\xdd\x00"), True, "19 07 01 0100 DD00"),
        (TransferDataError(1, TransferStatus.NO_SUCH_TUNNEL), True, "19 07 02 0100 00"),
        (CloseTunnel(0x0102), False, "11 07 01 0201"),
    ],
)
def test_the_octets_are_those_of_the_cluster(command: object, from_server: bool, octets: str) -> None:
    assert tunnel_frame(command, 7, from_server).octets() == bytes.fromhex(octets)  # type: ignore[arg-type]


@given(st.binary(max_size=40))
def test_arbitrary_octets(octets: bytes) -> None:
    for cluster in (*clusters.CLUSTER_NAMES, 0x1234):
        try:
            frame = parse_zcl(cluster, octets)
        except GbcsError:
            continue
        assert frame.octets() == octets
    with contextlib.suppress(GbcsError):
        tunnel_command(octets)


def test_what_is_refused() -> None:
    assert tunnel_command(bytes.fromhex("190705 00")) is None  # nobody asked for protocols
    with pytest.raises(ParseError, match="TunnelStatus"):
        tunnel_command(bytes.fromhex("190700 0100 09 DC05"))
    with pytest.raises(ParseError):
        tunnel_command(bytes.fromhex("110702 01"))
    with pytest.raises(ParseError, match="manufacturer"):
        parse_zcl(TUNNELING, bytes.fromhex("15 3412 0700"))
    with pytest.raises(BuildError):
        tunnel_frame(CloseTunnel(0x10000), 0, False).octets()
    with pytest.raises(BuildError):
        frame_of("ReadAttributes", 0, {"AttributeIds": []})


def test_default_responses() -> None:
    asked = frame_of("RequestTunnel", 9, {"ProtocolId": 6, "ManufacturerCode": 0xFFFF,
                     "FlowControlSupport": False, "MaximumIncomingTransferSize": 1500},
                     default_response=True)  # fmt: skip
    assert wants_default_response(asked)
    answer = default_response(asked, 0x81)
    assert answer.octets() == bytes.fromhex("18 09 0B 00 81")
    assert not wants_default_response(answer)
    assert default_response(answer, 0).to_client is False
