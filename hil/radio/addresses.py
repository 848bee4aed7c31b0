"""Who has which short address, learnt from everything that is heard, and asked for otherwise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gbcs.ids import EntityId

from .interface import Unreachable


class Addresses:
    """Short addresses by EUI-64 and back. `ask_nwk` and `ask_eui` give None where nobody knows."""

    def __init__(
        self,
        ask_nwk: Callable[[EntityId], Awaitable[int | None]],
        ask_eui: Callable[[int], Awaitable[EntityId | None]],
    ) -> None:
        self._ask_nwk = ask_nwk
        self._ask_eui = ask_eui
        self._nwk: dict[EntityId, int] = {}
        self._eui: dict[int, EntityId] = {}
        self.sleepy: set[EntityId] = set()

    def clear(self) -> None:
        """The node left its network."""
        self._nwk.clear()
        self._eui.clear()
        self.sleepy.clear()

    def learn(self, eui64: EntityId, nwk: int, sleepy: bool | None = None) -> None:
        """A station has this address now, and nobody else."""
        if self._nwk.get(eui64) != nwk:
            self.forget(eui64)
            former = self._eui.get(nwk)
            if former is not None:
                self._nwk.pop(former, None)
            self._nwk[eui64] = nwk
            self._eui[nwk] = eui64
        if sleepy is not None:
            (self.sleepy.add if sleepy else self.sleepy.discard)(eui64)

    def forget(self, eui64: EntityId) -> None:
        """Its address may be another now."""
        nwk = self._nwk.pop(eui64, None)
        if nwk is not None and self._eui.get(nwk) == eui64:
            del self._eui[nwk]

    def known(self, nwk: int) -> EntityId | None:
        """Whose address it is, without asking."""
        return self._eui.get(nwk)

    def known_nwk(self, eui64: EntityId) -> int | None:
        """The address, without asking."""
        return self._nwk.get(eui64)

    async def nwk_of(self, eui64: EntityId) -> int:
        """Raises Unreachable."""
        nwk = self._nwk.get(eui64)
        if nwk is None:
            nwk = await self._ask_nwk(eui64)
            if nwk is None:
                raise Unreachable(f"nobody knows the address of {eui64}")
            self.learn(eui64, nwk)
        return nwk

    async def eui_of(self, nwk: int) -> EntityId:
        """Raises Unreachable."""
        eui64 = self._eui.get(nwk)
        if eui64 is None:
            eui64 = await self._ask_eui(nwk)
            if eui64 is None:
                raise Unreachable(f"nobody knows who {nwk:04X} is")
            self.learn(eui64, nwk)
        return eui64
