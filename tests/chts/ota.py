"""Both ends of OTA Upgrade in one process: a hub's server, a device's client, and the way between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chts.ota_server import OtaServer, OtaServerSettings
from gbcs.time import Utc
from smets.events import PowerLost, PowerRestored, TimerDue
from smets.han.link import LinkUp
from smets.han.ota_client import OtaClient
from smets.han.ota_events import (
    Arrived,
    ImageArrived,
    ImageRefused,
    OtaEffect,
    OtaEvent,
    Progressed,
    SendOta,
)
from smets.han.zcl import ApsMessage
from tests.smets.han.ota_hand import (
    HUB,
    NOW,
    make_client,
)


@dataclass
class Pair:
    """A client and a server; `copies`: for each message that arrives, after how many microseconds."""

    server: OtaServer = field(default_factory=lambda: OtaServer(HUB.endpoint, OtaServerSettings()))
    client: OtaClient = field(default_factory=make_client)
    now: Utc = NOW
    copies: Callable[[], tuple[int, ...]] = lambda: (0,)
    told: list[OtaEffect] = field(default_factory=list)
    sent: int = 0
    _air: list[tuple[Utc, int, bool, ApsMessage]] = field(default_factory=list)

    def happens(self, event: OtaEvent) -> None:
        """Let something happen to the client, and take what it does."""
        for effect in self.client.handle(event, self.now):
            if isinstance(effect, SendOta):
                assert effect.station == HUB.station
                self._send(True, effect.message)
            else:
                self.told.append(effect)

    def _send(self, to_hub: bool, message: ApsMessage) -> None:
        self.sent += 1
        for delay in self.copies():
            self._air.append((self.now.plus(us=delay), len(self._air) + self.sent * 100, to_hub, message))

    def link_up(self) -> None:
        self.happens(LinkUp(HUB))

    def power_cut(self) -> None:
        """What was on its way to the client is lost."""
        self.happens(PowerLost())
        self._air = [one for one in self._air if one[2]]
        self.happens(PowerRestored())
        self.link_up()

    def step(self, until: Utc | None = None) -> bool:
        """The next thing that happens; False where nothing does, or nothing before a time."""
        due = self.client.next_deadline
        first = min(self._air, default=None)
        times = [time for time in (due, first and first[0]) if time is not None]
        if not times or (until is not None and min(times) > until):
            return False
        self.now = max(self.now, min(times))
        if first is not None and (due is None or first[0] <= due):
            self._air.remove(first)
            _, _, to_hub, message = first
            if to_hub:
                for answer in self.server.receive(self.client.address.station, message, self.now):
                    self._send(False, answer)
            else:
                self.happens(Arrived(HUB.station, message))
        else:
            self.happens(TimerDue())
        return True

    def run(self, seconds: int) -> None:
        """Let so much time pass."""
        until = self.now.plus(seconds)
        while self.step(until):
            pass
        self.now = until

    @property
    def arrived(self) -> list[ImageArrived]:
        return [one for one in self.told if isinstance(one, ImageArrived)]

    @property
    def refused(self) -> list[ImageRefused]:
        return [one for one in self.told if isinstance(one, ImageRefused)]

    @property
    def progress(self) -> list[int]:
        return [one.octets for one in self.told if isinstance(one, Progressed)]
