"""The device's end of its tunnel."""

from copy import deepcopy

import pytest

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
from smets.han.tunnel_server import TunnelServer

NOW = Utc.of(2026, 1, 1)
OWN = Address(EntityId.parse("00-DB-12-34-56-78-00-01"))
HUB = Address(EntityId.parse("00-DB-12-34-56-78-00-03"))
OTHER = Address(EntityId.parse("00-DB-12-34-56-78-00-04"))


class Line:
    """A server and the time."""

    def __init__(self) -> None:
        self.server = TunnelServer(OWN)
        self.now = NOW

    def hears(
        self, command: TunnelCommand, source: Address = HUB, encrypted: bool = True
    ) -> tuple[bytes | None, TunnelCommand | None]:
        octets, answer = self.server.receive(Frame(source, OWN, command, encrypted), self.now)
        assert answer is None or (answer.source, answer.destination) == (OWN, source)
        return octets, None if answer is None else answer.command

    def rejects(self, command: TunnelCommand, source: Address = HUB) -> bool:
        return self.server.rejects(Frame(source, OWN, command), self.now)

    def opened(self, source: Address = HUB) -> int:
        octets, answer = self.hears(RequestTunnel(), source)
        assert octets is None
        assert isinstance(answer, RequestTunnelResponse)
        assert answer == RequestTunnelResponse(answer.tunnel_id, TunnelStatus.SUCCESS, MAX_TRANSFER)
        return answer.tunnel_id

    def sends(self, octets: bytes) -> Frame | None:
        return self.server.send(octets, self.now)


def test_what_is_rejected_is_known_before() -> None:
    """Requests to open by the status they get, those to close by whether they close anything."""
    line = Line()
    asked = (
        RequestTunnel(),
        RequestTunnel(protocol=1),
        RequestTunnel(manufacturer=1),
        RequestTunnel(6, 0xFFFF, True),
    )
    for opened in (False, True):
        if opened:
            line.opened()
        for source in (HUB, OTHER):
            for request in asked:
                rejected = line.rejects(request, source)
                server, line.server = line.server, deepcopy(line.server)
                _, answer = line.hears(request, source)
                line.server = server
                assert isinstance(answer, RequestTunnelResponse)
                assert rejected is (answer.status is not TunnelStatus.SUCCESS)
            for number in (NO_TUNNEL, 1, 2):
                before = deepcopy(line.server)
                rejected = line.rejects(CloseTunnel(number), source)
                line.hears(CloseTunnel(number), source)
                assert rejected is (line.server == before)
                line.server = before
    assert not line.rejects(TransferData(7, b""))
    assert not line.server.rejects(Frame(OTHER, OWN, CloseTunnel(1), False), NOW)
    assert not line.server.rejects(Frame(OTHER, HUB, CloseTunnel(1)), NOW)
    line.now = NOW.plus(INACTIVITY_SECONDS)
    assert not line.rejects(RequestTunnel(), OTHER)  # the tunnel has closed by itself


def test_the_same_client_gets_the_same_tunnel_again() -> None:
    line = Line()
    first = line.opened()
    assert first != NO_TUNNEL
    assert line.opened() == first
    line.now = NOW.plus(INACTIVITY_SECONDS - 1)
    assert line.opened() == first


def test_asking_again_resets_the_inactivity_timer() -> None:
    line = Line()
    first = line.opened()
    line.now = NOW.plus(INACTIVITY_SECONDS - 1)
    line.opened()
    line.now = line.now.plus(INACTIVITY_SECONDS - 1)
    assert line.hears(TransferData(first, b"x")) == (b"x", None)
    line.now = line.now.plus(INACTIVITY_SECONDS - 1)
    assert line.sends(b"y") is not None


def test_an_idle_tunnel_closes() -> None:
    line = Line()
    first = line.opened()
    line.now = NOW.plus(INACTIVITY_SECONDS)
    assert line.sends(b"x") is None
    error = TransferDataError(first, TransferStatus.NO_SUCH_TUNNEL)
    assert line.hears(TransferData(first, b"x")) == (None, error)
    assert line.opened() != first
    line = Line()
    line.opened()
    line.now = NOW.plus(INACTIVITY_SECONDS)
    assert line.opened(OTHER)  # free for another


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (RequestTunnel(protocol=1), TunnelStatus.PROTOCOL_NOT_SUPPORTED),
        (RequestTunnel(manufacturer=0x1234), TunnelStatus.PROTOCOL_NOT_SUPPORTED),
        (RequestTunnel(flow_control=True), TunnelStatus.FLOW_CONTROL_NOT_SUPPORTED),
    ],
)
def test_what_is_not_supported(request_: RequestTunnel, status: TunnelStatus) -> None:
    line = Line()
    assert line.hears(request_) == (None, RequestTunnelResponse(NO_TUNNEL, status))
    assert line.sends(b"x") is None


def test_a_smaller_transfer_size_is_taken() -> None:
    octets, answer = Line().hears(RequestTunnel(max_transfer=300))
    assert octets is None
    assert isinstance(answer, RequestTunnelResponse)
    assert answer.status is TunnelStatus.SUCCESS


def test_one_client_at_a_time() -> None:
    line = Line()
    first = line.opened()
    full = RequestTunnelResponse(NO_TUNNEL, TunnelStatus.NO_MORE_TUNNEL_IDS)
    assert line.hears(RequestTunnel(), OTHER) == (None, full)
    wrong = TransferDataError(first, TransferStatus.WRONG_DEVICE)
    assert line.hears(TransferData(first, b"x"), OTHER) == (None, wrong)
    for command in (CloseTunnel(first), TransferDataError(first, TransferStatus.NO_SUCH_TUNNEL)):
        assert line.hears(command, OTHER) == (None, None)
        assert line.sends(b"x") == Frame(OWN, HUB, TransferData(first, b"x"))
    line.server.lose(OTHER.station)
    assert line.sends(b"x") is not None
    line.server.lose(HUB.station)
    assert line.sends(b"x") is None
    assert line.opened(OTHER) != first


@pytest.mark.parametrize("status", [TransferStatus.NO_SUCH_TUNNEL, TransferStatus.WRONG_DEVICE])
def test_a_client_that_knows_no_such_tunnel_has_none(status: TransferStatus) -> None:
    line = Line()
    first = line.opened()
    assert line.hears(TransferDataError(first + 1, status)) == (None, None)
    assert line.hears(TransferDataError(first, TransferStatus.DATA_OVERFLOW)) == (None, None)
    assert line.sends(b"x") is not None
    assert line.hears(TransferDataError(first, status)) == (None, None)
    assert line.sends(b"x") is None


def test_closing() -> None:
    line = Line()
    first = line.opened()
    assert line.hears(CloseTunnel(first + 1)) == (None, None)
    assert line.sends(b"x") is not None
    assert line.hears(CloseTunnel(first)) == (None, None)
    assert line.sends(b"x") is None
    assert line.hears(CloseTunnel(NO_TUNNEL)) == (None, None)
    error = TransferDataError(first, TransferStatus.NO_SUCH_TUNNEL)
    assert line.hears(TransferData(first, b"x")) == (None, error)


def test_the_limit_of_a_transfer() -> None:
    line = Line()
    first = line.opened()
    assert line.hears(TransferData(first, bytes(MAX_TRANSFER))) == (bytes(MAX_TRANSFER), None)
    error = TransferDataError(first, TransferStatus.DATA_OVERFLOW)
    assert line.hears(TransferData(first, bytes(MAX_TRANSFER + 1))) == (None, error)
    assert line.sends(bytes(MAX_TRANSFER)) is not None
    assert line.sends(bytes(MAX_TRANSFER + 1)) is None


def test_what_is_not_secured_or_not_for_us_is_dropped() -> None:
    line = Line()
    assert line.hears(RequestTunnel(), encrypted=False) == (None, None)
    assert line.server.receive(Frame(HUB, Address(OWN.station, 9), RequestTunnel()), NOW) == (None, None)
    assert line.sends(b"x") is None
    assert line.hears(RequestTunnelResponse(1, TunnelStatus.SUCCESS)) == (None, None)


def test_ids_run_through_all_and_never_through_the_reserved_one() -> None:
    line = Line()
    seen = []
    for _ in range(NO_TUNNEL + 2):
        seen.append(line.opened())
        line.server.lose(HUB.station)
    assert len(set(seen)) == NO_TUNNEL - 1
    assert NO_TUNNEL not in seen
