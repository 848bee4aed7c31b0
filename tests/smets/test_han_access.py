"""What a meter turns away at its interface to the home area network."""

from __future__ import annotations

import pytest

from gbcs.ids import EntityId
from smets.behaviours.han_access import AccessRefused
from smets.device import REFUSAL_WRITES
from smets.events import Effect, PowerLost
from smets.han.link import (
    INACTIVITY_SECONDS,
    Address,
    CloseTunnel,
    Frame,
    RequestTunnel,
    RequestTunnelResponse,
    TransferData,
    TunnelCommand,
)
from smets.han.station import Station
from tests.smets.homes import METER, SUPPLIER, Home, alerts_in

HERE = Address(METER)
HUB = Address(EntityId.parse("00-DB-12-34-56-78-90-01"))
ELSE = Address(EntityId.parse("00-DB-12-34-56-78-90-02"))
OPEN_REJECTED, CLOSE_REJECTED, UNAUTHORISED = 0x81BA, 0x81A4, 0x8F3E


class Line:
    """A meter at its radio."""

    def __init__(self) -> None:
        self.home = Home.new()
        self.station = Station(self.home.device, HERE)

    def hears(self, command: TunnelCommand, source: Address = HUB) -> tuple[Effect | Frame, ...]:
        return self.station.handle(Frame(source, HERE, command), self.home.now)

    @property
    def logged(self) -> list[object]:
        return [entry[1] for entry in self.home.work.log_entries("EventLog")]


def test_rejected_requests_for_the_tunnel_are_logged() -> None:
    line = Line()
    (answer,) = line.hears(RequestTunnel())
    assert isinstance(answer, Frame)
    assert isinstance(answer.command, RequestTunnelResponse)
    tunnel = answer.command.tunnel_id
    line.hears(RequestTunnel())  # the same one again
    assert line.logged == []
    answers = line.hears(RequestTunnel(), ELSE)
    assert sum(isinstance(effect, Frame) for effect in answers) == 1  # it is answered all the same
    assert line.logged == [OPEN_REJECTED]
    line.hears(RequestTunnel(protocol=1))
    line.hears(CloseTunnel(tunnel), ELSE)
    line.hears(CloseTunnel(tunnel + 1))
    line.hears(TransferData(tunnel + 1, b"\0"))
    assert line.logged == [OPEN_REJECTED, OPEN_REJECTED, CLOSE_REJECTED, CLOSE_REJECTED]
    line.hears(CloseTunnel(tunnel))
    assert line.logged[4:] == []
    line.hears(CloseTunnel(tunnel))
    assert line.logged[4:] == [CLOSE_REJECTED]


def test_a_tunnel_that_closed_by_itself_cannot_be_closed() -> None:
    line = Line()
    line.hears(RequestTunnel())
    line.home.wait(INACTIVITY_SECONDS)
    line.hears(CloseTunnel(1))
    assert line.logged == [CLOSE_REJECTED]


def test_without_power_nothing_is_rejected() -> None:
    line = Line()
    line.station.handle(PowerLost(), line.home.now)
    assert line.hears(CloseTunnel(1)) == ()
    assert line.logged == []


@pytest.mark.parametrize("restarts", [False, True])
def test_alerts_of_refused_access_have_bounds(restarts: bool) -> None:
    """The log has every attempt, as of bad messages; nothing else changes."""
    home = Home.new()
    before = home.held
    limit, sent = home.device.settings.alerts_per_code, list[int]()
    for _ in range(limit + 3):
        home.wait(1)
        found = alerts_in(home.handle(AccessRefused(ELSE.station, "ConsumerTopUp")))
        assert {alert.key for alert in found} <= {(UNAUTHORISED, 0x1000, SUPPLIER)}
        sent.append(len(found))
        if restarts:
            home.restart()
    assert sent == [1] * limit + [0] * 3
    assert [e[1] for e in home.work.log_entries("SecurityLog")] == [UNAUTHORISED] * (limit + 3)
    changed = {key for key, octets in home.held.items() if before.get(key) != octets}
    assert all(key.startswith(REFUSAL_WRITES) for key in changed)
    home.wait(home.device.settings.alert_window)
    assert len(alerts_in(home.handle(AccessRefused(ELSE.station, "ConsumerTopUp")))) == 1
