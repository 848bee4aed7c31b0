"""A dongle's network: scan, form, join, rejoin, leave, go on after a reset. Source: radio-stack 6."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from gbcs.ids import EntityId

from .ezsp_core import NETWORK_DOWN, NETWORK_UP, Core, plain
from .ezsp_link import Values, is_ok, status_name
from .ezsp_values import (
    NOBODY,
    beacon_of,
    channel_mask,
    entity,
    form_parameters,
    hub_security,
    join_parameters,
    joiner_security,
    network_of,
)
from .interface import (
    Beacon,
    JoinError,
    LinkLost,
    Network,
    NetworkClosed,
    NetworkSettings,
    NetworkTimeout,
    NoBeacons,
    NodeType,
    NoNetwork,
    NoNetworkKey,
    Refused,
)

# EmberNetworkStatus
NO_NETWORK, JOINING, JOINED, JOINED_NO_PARENT, LEAVING = range(5)
ENERGY, ACTIVE = 0, 1  # EzspNetworkScanType
ZIGBEE_PRO = 2  # stack profile
REJOIN_REASON = 0  # none in particular

# What ends an attempt to join or rejoin, besides NETWORK_UP
NO_ANSWER: Final = frozenset({"NO_BEACONS"})
NO_KEY: Final = frozenset(
    {
        "NO_NETWORK_KEY_RECEIVED",
        "RECEIVED_KEY_IN_THE_CLEAR",
        "NO_LINK_KEY_RECEIVED",
        "PRECONFIGURED_KEY_REQUIRED",
    }
)
NOT_YET: Final = frozenset({"NETWORK_OPENED", "NETWORK_CLOSED", "CHANNEL_CHANGED", "PAN_ID_CHANGED"})


class Networking:
    """The network of the dongle of the moment."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._scanning = asyncio.Lock()
        self._found: list[Values] | None = None
        self._scanned: asyncio.Future[str] | None = None

    # --- scans

    async def scan(self, channels: Sequence[int]) -> tuple[Beacon, ...]:
        """Networks heard, the best first."""
        found = await self._scan(ACTIVE, channels)
        best: dict[tuple[int, int, EntityId], Beacon] = {}
        for beacon in map(beacon_of, found):
            at = (beacon.channel, beacon.pan_id, beacon.extended_pan_id)
            old = best.get(at)
            if old is None or (beacon.permits, beacon.lqi) > (old.permits, old.lqi):
                best[at] = beacon
        return tuple(sorted(best.values(), key=lambda beacon: -beacon.lqi))

    async def energy(self, channels: Sequence[int]) -> dict[int, int]:
        """The strongest signal by channel, dBm. Some dongles report only a part at a time."""
        left, loudest = set(channels), dict[int, int]()
        for _ in range(len(left)):
            for values in await self._scan(ENERGY, tuple(left)):
                channel, rssi = int(values["channel"]), int(values["maxRssiValue"])
                loudest[channel] = max(rssi, loudest.get(channel, rssi))
            left -= loudest.keys()
            if not left:
                break
        return dict(sorted(loudest.items()))

    async def _scan(self, kind: int, channels: Sequence[int]) -> list[Values]:
        async with self._scanning:
            found: list[Values] = []
            self._found = found
            self._scanned = done = asyncio.get_running_loop().create_future()
            try:
                await self._core.demand(
                    "startScan", kind, channel_mask(channels), self._core.settings.scan_exponent
                )
                async with asyncio.timeout(self._core.settings.network_timeout):
                    status = await done
            except TimeoutError:
                raise NetworkTimeout("the scan did not end in time") from None
            finally:
                self._found = self._scanned = None
                done.cancel()
            if status not in ("OK", "SUCCESS"):
                raise Refused("the scan failed", status)
            return found

    def scan_result(self, values: Values) -> None:
        """networkFoundHandler, energyScanResultHandler."""
        if self._found is not None:
            self._found.append(values)

    def scan_complete(self, values: Values) -> None:
        """scanCompleteHandler."""
        if self._scanned is not None and not self._scanned.done():
            self._scanned.set_result(status_name(values["status"]))

    def lost(self, reason: str) -> None:
        """The line is lost."""
        if self._scanned is not None and not self._scanned.done():
            self._scanned.set_exception(LinkLost(reason))

    # --- networks

    async def state(self) -> int:
        """EmberNetworkStatus."""
        return int(await self._core.only("networkState"))

    async def resume(self) -> bool:
        """Bring up the network that the dongle keeps; False if it keeps none."""
        if await self.state() in (JOINED, JOINED_NO_PARENT):
            return True
        with self._core.expecting(but=NOT_YET) as future:
            status = await self._core.up.helper("initialize_network")
            if plain(status_name(status)) == "NOT_JOINED":
                return False
            if not is_ok(status):
                raise Refused("the network does not come up", plain(status_name(status)))
            await self._up(future, "going on")
        return True

    async def form(self, settings: NetworkSettings, random_key: bytes, link_key: bytes) -> None:
        """Form a network."""
        channel = settings.channel
        if channel is None:
            loudness = await self.energy(self._core.settings.preferred_channels)
            channel = min(loudness, key=lambda number: (loudness[number], number))
        own = self._core.eui64
        await self._core.demand(
            "setInitialSecurityState", hub_security(link_key, settings.network_key or random_key, own)
        )
        parameters = form_parameters(settings, channel, own, self._core.settings.tx_power)
        with self._core.expecting(but=NOT_YET) as future:
            await self._core.demand("formNetwork", parameters)
            await self._up(future, "forming")

    async def join(
        self,
        link_key: bytes,
        node_type: NodeType,
        channels: Sequence[int],
        extended_pan_id: EntityId | None,
    ) -> None:
        """Scan, and try networks until one takes this device; the error is the last one's.

        A beacon or an association may get lost, so that all but a refusal is tried again.
        """
        for left in reversed(range(self._core.settings.join_attempts)):
            try:
                await self._attempt(link_key, node_type, channels, extended_pan_id)
                return
            except NoNetworkKey:
                raise
            except JoinError:
                if not left:
                    raise

    async def _attempt(
        self,
        link_key: bytes,
        node_type: NodeType,
        channels: Sequence[int],
        extended_pan_id: EntityId | None,
    ) -> None:
        heard = await self.scan(channels)
        wanted = [
            beacon
            for beacon in heard
            if beacon.stack_profile == ZIGBEE_PRO and extended_pan_id in (None, beacon.extended_pan_id)
        ]
        if not wanted:
            other = f", only {len(heard)} other networks" if heard else ""
            raise NoBeacons(f"no network was heard{other}", "NO_BEACONS")
        failure: JoinError = NetworkClosed(f"{len(wanted)} networks heard, none lets anybody join")
        for beacon in (beacon for beacon in wanted if beacon.permits):
            await self._core.demand("setInitialSecurityState", joiner_security(link_key))
            try:
                with self._core.expecting(but=NOT_YET) as future:
                    await self._core.demand(
                        "joinNetwork",
                        int(node_type),
                        join_parameters(beacon, self._core.settings.tx_power),
                    )
                    await self._up(future, "joining")
                return
            except JoinError as error:
                failure = error
        raise failure

    async def rejoin(self, secured: bool) -> None:
        """Look for the network again. Raises JoinError, NoNetwork."""
        if await self.state() == NO_NETWORK:
            raise NoNetwork("there is no network to go back to")
        network = self._core.network
        channels = int(channel_mask(() if network is None else (network.channel,)))
        arguments: list[Any] = [secured, channels]
        if self._core.up.version >= 14:
            kind = await self._core.demand("getNetworkParameters")
            arguments += [REJOIN_REASON, kind["nodeType"]]
        with self._core.expecting(but=NOT_YET | {NETWORK_DOWN}) as future:
            await self._core.demand("findAndRejoinNetwork", *arguments)
            await self._up(future, "rejoining")

    async def leave(self) -> None:
        """Leave. Raises NoNetwork."""
        with self._core.expecting(NETWORK_DOWN) as future:
            status = await self._core.up.helper("leave_network")
            if not is_ok(status):
                name = plain(status_name(status))
                if name in ("NOT_JOINED", "INVALID_STATE", "INVALID_CALL", "NETWORK_DOWN"):
                    raise NoNetwork("there is no network to leave", name)
                raise Refused("leaving failed", name)
            await self._core.within(future, "leaving")

    async def read(self) -> Network:
        """The network as the dongle knows it."""
        parameters = await self._core.demand("getNetworkParameters")
        node_id = int(await self._core.only("getNodeId"))
        security = await self._core.demand("getCurrentSecurityState")
        trust_center = entity(security["state"].trustCenterLongAddress)
        if trust_center == NOBODY and int(parameters["nodeType"]) == NodeType.COORDINATOR:
            trust_center = self._core.eui64
        return network_of(parameters, node_id, trust_center)

    async def must_be_free(self) -> None:
        """Raises Refused where there is a network."""
        if await self.state() != NO_NETWORK:
            raise Refused("the radio is in a network already", "INVALID_STATE")

    async def _up(self, future: asyncio.Future[str], what: str) -> None:
        """Wait until the network is up, or it is clear that it will not be."""
        status = await self._core.within(future, what)
        if status == NETWORK_UP:
            return
        if status in NO_KEY:
            raise NoNetworkKey("the network key did not come", status)
        if status in NO_ANSWER:
            raise NetworkClosed("nobody answered, as when nobody may join", status)
        raise JoinError(f"{what} failed", status)
