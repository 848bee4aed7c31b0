"""Who may join a hub's network and who has: permits, policies, what the trust centre tells.

The policy of the trust centre allows joins, with the key of the joiner only, as long as
somebody has a permit, and nothing otherwise. A device counts as joined when it announces
itself or sends something secured, not when the trust centre decides (radio-stack 4.4, 4.10, 8).
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from gbcs.errors import BuildError
from gbcs.ids import EntityId

from .addresses import Addresses
from .ezsp_core import Core, plain
from .ezsp_link import Values, is_ok, status_name
from .ezsp_values import (
    ALLOW_APP_KEY_REQUESTS,
    ALLOW_JOINS,
    ALLOW_UNSECURED_REJOINS,
    APP_KEY_REQUEST_POLICY,
    DENY_APP_KEY_REQUESTS,
    DENY_TC_KEY_REQUESTS,
    JOINS_USE_INSTALL_CODE_KEY,
    TC_KEY_REQUEST_POLICY,
    TRUST_CENTER_POLICY,
    entity,
    eui64,
    key,
)
from .ezsp_zdo import Zdo
from .interface import KEY_LENGTH, Admitted, Joined, JoinRefused, Left, Refused, SendError
from .zdo_frames import MGMT_PERMIT_JOINING, Announcement, permit_request

ROUTERS = 0xFFFC
# EmberDeviceUpdate
SECURED_REJOIN, UNSECURED_JOIN, LEFT, UNSECURED_REJOIN = range(4)
DENY = 2  # EmberJoinDecision


@dataclass(slots=True)
class _Permit:
    link_key: bytes = field(repr=False)
    until: float


class Admission:
    """The trust centre's door."""

    def __init__(self, core: Core, addresses: Addresses, zdo: Zdo) -> None:
        self._core = core
        self._addresses = addresses
        self._zdo = zdo
        self._permits: dict[EntityId, _Permit] = {}
        self._given: set[EntityId] = set()  # whose key the stack may still have
        self._order = asyncio.Lock()
        self._deciding: dict[EntityId, bool] = {}  # station -> whether it rejoins
        self._members: set[EntityId] = set()
        self._early: set[EntityId] = set()  # heard before they announced themselves
        self._timer: asyncio.TimerHandle | None = None
        self._partner_keys = False

    # --- permits

    async def permit(self, station: EntityId, link_key: bytes, seconds: float) -> None:
        """Let a device join. Raises BuildError."""
        if len(link_key) != KEY_LENGTH:
            raise BuildError(f"{KEY_LENGTH} octets", "link key")
        if seconds <= 0:
            raise BuildError("more than nothing", "permit")
        now = asyncio.get_running_loop().time()
        self._permits[station] = _Permit(link_key, now + seconds)
        await self.refresh()

    async def close(self, station: EntityId | None) -> None:
        """End a permit, or all."""
        if station is None:
            self._permits.clear()
        else:
            self._permits.pop(station, None)
        await self.refresh()

    async def refresh(self) -> None:
        """Bring the stack in line with the permits, and again when that is due."""
        async with self._order:
            await self._refresh()

    async def _refresh(self) -> None:
        self.stop()
        now = asyncio.get_running_loop().time()
        for station in [name for name, permit in self._permits.items() if permit.until <= now]:
            del self._permits[station]
        if self._given - self._permits.keys():
            # A key that is no longer good must not let its device in under the permit of another
            await self._core.command("clearTransientLinkKeys")
            self._given.clear()
        if not self._permits:
            await self._policy(self._rejoins)
            await self._open(0)
            return
        permits = dict(self._permits)
        for station, permit in permits.items():
            self._given.add(station)
            status = await self._core.up.helper(
                "add_transient_link_key", eui64(station), key(permit.link_key)
            )
            if not is_ok(status):
                raise Refused(f"no permit for {station}", plain(status_name(status)))
        await self._policy(ALLOW_JOINS | JOINS_USE_INSTALL_CODE_KEY | self._rejoins)
        longest = max(permit.until for permit in permits.values()) - now
        soonest = min(permit.until for permit in permits.values()) - now
        step = self._core.settings.permit_step
        await self._open(min(step, max(1, round(longest))))
        # Opened again before it closes by itself
        self._timer = asyncio.get_running_loop().call_later(
            min(soonest, step * 0.9), self._core.spawn_call, self.refresh
        )

    @property
    def _rejoins(self) -> int:
        return ALLOW_UNSECURED_REJOINS if self._core.settings.allow_rejoin else 0

    async def _policy(self, value: int) -> None:
        await self._core.demand("setPolicy", TRUST_CENTER_POLICY, value)

    async def _open(self, seconds: int) -> None:
        await self._core.demand("permitJoining", seconds)
        request = permit_request(self._zdo.next_number(), seconds)
        with contextlib.suppress(SendError, Refused):  # for routers; joining at the hub works without
            await self._zdo.tell(MGMT_PERMIT_JOINING, request, ROUTERS)

    def stop(self) -> None:
        """No more refreshing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- the trust centre

    async def take_office(self) -> None:
        """Policies of a hub, once its network is up. Who has a link key is a member."""
        self._members |= self._core.keys.keys()
        await self._core.demand("setPolicy", TC_KEY_REQUEST_POLICY, DENY_TC_KEY_REQUESTS)
        await self.allow_partner_keys(self._partner_keys)
        await self.refresh()

    async def allow_partner_keys(self, allow: bool) -> None:
        """Whether the stack hands out link keys for pairs of devices that ask."""
        self._partner_keys = allow
        decision = ALLOW_APP_KEY_REQUESTS if allow else DENY_APP_KEY_REQUESTS
        await self._core.demand("setPolicy", APP_KEY_REQUEST_POLICY, decision)

    def trust_center(self, values: Values) -> EntityId | None:
        """trustCenterJoinHandler; who begins anew, so that an old key with it is void."""
        station = entity(values["newNodeEui64"])
        update, decision = int(values["status"]), int(values["policyDecision"])
        if update == LEFT:
            self.left(station)
            return None
        if decision == DENY:
            self._core.emit(JoinRefused(station))
            return None
        self._deciding[station] = update != UNSECURED_JOIN
        self._early.discard(station)
        self._addresses.learn(station, int(values["newNodeId"]))
        if update != UNSECURED_JOIN:
            return None
        self._members.discard(station)
        self._core.emit(Admitted(station))
        return station

    def announced(self, announcement: Announcement) -> None:
        """A device says that it is there."""
        station = announcement.eui64
        if station in self._early and station not in self._deciding:
            self._early.discard(station)
            return
        rejoins = self._deciding.pop(station, True) and station in self._members
        self._members.add(station)
        self._core.emit(Joined(station, announcement.nwk, rejoins, announcement.sleepy))

    def heard(self, station: EntityId, nwk: int) -> None:
        """A secured message came from a device."""
        if station in self._deciding or station not in self._members:
            rejoins = self._deciding.pop(station, True) and station in self._members
            self._members.add(station)
            self._early.add(station)
            self._core.emit(Joined(station, nwk, rejoins, station in self._addresses.sleepy))

    def left(self, station: EntityId) -> None:
        """A device left or was removed."""
        self._deciding.pop(station, None)
        self._addresses.forget(station)
        if station in self._members:
            self._members.discard(station)
            self._core.emit(Left(station))

    def reset(self) -> None:
        """Another network."""
        self.stop()
        self._permits.clear()
        self._deciding.clear()
        self._members.clear()
        self._early.clear()
