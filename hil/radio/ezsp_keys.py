"""Link keys in a dongle: given after key establishment, compared and given again after a restart.

Giving a key sets its frame counters to zero, so that a partner takes what follows for
repeats; a key the dongle still has is left alone (se-security 9.5). Source: radio-stack 8.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from gbcs.ids import EntityId

from .ezsp_core import Core, plain
from .ezsp_link import Values, is_ok, status_name
from .ezsp_values import (
    NO_INDEX,
    NOBODY,
    eui64,
    key,
    key_octets,
    tc_link_context,
)
from .interface import KeyTableFull, NoLinkKey, Refused
from .settings import TrustCenterKey

FULL: Final = frozenset({"FULL", "TABLE_FULL", "KEY_TABLE_FULL", "NO_MORE_RESOURCE", "INVALID_INDEX"})
IMPORTS_FROM = 13  # importLinkKey; before, addOrUpdateKeyTableEntry
ESTABLISHED: Final = frozenset({"APP_LINK_KEY_ESTABLISHED"})
UNDER_WAY: Final = frozenset({"TC_APP_KEY_SENT_TO_REQUESTER", "TC_RECEIVED_FIRST_APP_KEY_REQUEST"})


class Keys:
    """The key table of the dongle of the moment."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._order = asyncio.Lock()  # a row that is free now must still be so when it is written
        self._asked: dict[EntityId, asyncio.Future[str]] = {}

    async def give(self, station: EntityId, link_key: bytes) -> None:
        """Store a key. Raises KeyTableFull, Refused."""
        async with self._order:
            await self._put(station, link_key)
        self._core.keys[station] = link_key

    async def _put(self, station: EntityId, link_key: bytes) -> None:
        choice = self._core.settings.trust_center_key
        if self._is_trust_center(station) and choice is not TrustCenterKey.KEY_TABLE:
            await self._core.demand("importKey", tc_link_context(station), key(link_key))
            if choice is TrustCenterKey.TC_LINK:
                return
        if self._core.up.version < IMPORTS_FROM:
            answer = await self._core.command("addOrUpdateKeyTableEntry", eui64(station), True, key(link_key))
        else:
            row = await self._row(station)
            answer = await self._core.command("importLinkKey", row, eui64(station), key(link_key))
        if not is_ok(answer["status"]):
            status = plain(status_name(answer["status"]))
            if status in FULL:
                raise KeyTableFull("the dongle holds no more link keys", status)
            raise Refused(f"no link key for {station}", status)

    def _is_trust_center(self, station: EntityId) -> bool:
        network = self._core.network
        return network is not None and not self._core.is_hub and station == network.trust_center

    async def _row(self, station: EntityId) -> int:
        """The station's row, or a free one: the search for no address finds it, or the dongle does."""
        row = await self._own_row(station)
        return await self._own_row(NOBODY) if row == NO_INDEX else row

    async def take(self, station: EntityId) -> None:
        """Erase a key, if there is one."""
        self._core.keys.pop(station, None)
        async with self._order:
            row = await self._own_row(station)
            if row != NO_INDEX:
                await self._core.command("eraseKeyTableEntry", row)

    async def _own_row(self, station: EntityId) -> int:
        return int(await self._core.only("findKeyTableEntry", eui64(station), True))

    async def read(self, station: EntityId) -> bytes | None:
        """The key the dongle has: b"" if it does not tell, None if it has none."""
        row = await self._own_row(station)
        if row == NO_INDEX:
            return None
        if self._core.up.version < IMPORTS_FROM:
            answer = await self._core.command("getKeyTableEntry", row)
            return key_octets(answer["keyStruct"].key) if is_ok(answer["status"]) else b""
        answer = await self._core.command("exportLinkKeyByEui", eui64(station))
        return key_octets(answer["plaintext_key"]) if is_ok(answer["status"]) else b""

    async def restore(self, wanted: dict[EntityId, bytes]) -> tuple[EntityId, ...]:
        """Give the dongle the keys it lacks or has otherwise; whose they are.

        A dongle that has a key and does not tell it is taken at its word.
        """
        reset = []
        async with self._order:
            for station, link_key in wanted.items():
                if (
                    self._is_trust_center(station)
                    and self._core.settings.trust_center_key is TrustCenterKey.TC_LINK
                ):
                    continue  # not in the key table, but kept with the network
                if await self.read(station) not in (link_key, b""):
                    await self._put(station, link_key)
                    reset.append(station)
        self._core.keys = dict(wanted)
        return tuple(reset)

    # --- partner link keys from the trust centre

    async def ask(self, partner: EntityId) -> bytes:
        """A link key with a partner, from the trust centre. Raises NoLinkKey."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked[partner] = future
        try:
            await self._core.demand("requestLinkKey", eui64(partner))
            async with asyncio.timeout(self._core.settings.network_timeout):
                status = await future
        except TimeoutError:
            raise NoLinkKey(f"the trust centre sent no key for {partner}") from None
        finally:
            self._asked.pop(partner, None)
            future.cancel()
        if status not in ESTABLISHED:
            raise NoLinkKey(f"no key with {partner}", status)
        return await self.learn(partner)

    async def learn(self, partner: EntityId) -> bytes:
        """The trust centre gave the dongle a key with a partner. Raises NoLinkKey."""
        found = await self.read(partner)
        if not found:
            raise NoLinkKey(f"the dongle does not tell its key with {partner}")
        self._core.keys[partner] = found
        return found

    def established(self, values: Values, partner: EntityId) -> bool:
        """zigbeeKeyEstablishmentHandler; whether a key came that nobody had asked for."""
        status: Any = status_name(values["status"])
        future = self._asked.get(partner)
        if future is not None and not future.done():
            if status not in UNDER_WAY:
                future.set_result(status)
            return False
        return status in ESTABLISHED

    def lost(self) -> None:
        """The line is lost."""
        for future in self._asked.values():
            if not future.done():
                future.set_result("line lost")
