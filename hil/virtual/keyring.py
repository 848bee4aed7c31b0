"""The link keys of a node: which one protects what, and the counters that belong to them.

Rows of the key table come first; then, on a device, the trust centre link key, and on the
trust centre the transient key of a joiner or its one key for all. Source: se-security 1, 9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .core import Core, Timer
from .node_types import NO_INDEX, Config, NodeType, SecurityBit, Status, TransientKey
from .state import StoredKey

ANYBODY = 0xFFFFFFFFFFFFFFFF
NO_KEY = bytes(16)


@dataclass(slots=True, eq=False)
class _Transient:
    key: StoredKey
    expires: int
    timer: Timer | None = None


class KeyRing:
    """A node's link keys."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._transient: list[_Transient] = []

    def stop(self) -> None:
        """Transient keys do not survive a reset."""
        self._transient.clear()

    @property
    def is_trust_center(self) -> bool:
        """Whether this node is the trust centre of its network."""
        network = self._core.network
        return network is not None and network.node_type is NodeType.COORDINATOR

    # --- which key

    def for_data(self, partner: int) -> StoredKey | None:
        """The key that protects data between this node and a partner."""
        found = next(self._candidates(partner), None)
        if found is None or self._core.settings.join_key_for_data:
            return found
        return found if found in self._core.state.link_keys.values() else None

    def for_commands(self, partner: int) -> list[StoredKey]:
        """The keys that may protect an APS command, the best first."""
        return list(self._candidates(partner))

    def for_join(self, joiner: int, need_own: bool) -> StoredKey | None:
        """On the trust centre: the key under which a new device gets the network key."""
        own = self._transient_of(joiner)
        if own is not None:
            own.incoming = 0
            return own
        wildcard = self._transient_of(ANYBODY)
        if wildcard is not None and not need_own:
            return wildcard
        return None if need_own else self._global()

    def _candidates(self, partner: int) -> Iterator[StoredKey]:
        row = self.row(partner)
        if row is not None:
            yield row
        if self.is_trust_center:
            for transient in (self._transient_of(partner), self._transient_of(ANYBODY), self._global()):
                if transient is not None:
                    yield transient
            return
        network, own = self._core.network, self._core.state.tc_link_key
        if network is not None and own is not None and partner == network.trust_center:
            yield own

    def _global(self) -> StoredKey | None:
        network = self._core.network
        shared = SecurityBit.TRUST_CENTER_GLOBAL_LINK_KEY
        return self._core.state.tc_link_key if network is not None and network.security & shared else None

    def row(self, partner: int) -> StoredKey | None:
        """The key table's key of a partner."""
        return next((k for k in self._core.state.link_keys.values() if k.partner == partner), None)

    def index(self, partner: int) -> int:
        """The key table's row of a partner, or NO_INDEX."""
        return next((i for i, k in self._core.state.link_keys.items() if k.partner == partner), NO_INDEX)

    # --- counters

    def take_counter(self, key: StoredKey) -> int:
        """The counter for one more outgoing frame. Keys outside the table share one that never goes back."""
        if key in self._core.state.link_keys.values() or key is self._core.state.tc_link_key:
            counter = key.outgoing
            if key is self._core.state.tc_link_key and self.is_trust_center:
                counter = max(counter, self._core.state.aps_counter)
                self._core.state.aps_counter = counter + 1
            key.outgoing = counter + 1
            return counter
        self._core.state.aps_counter += 1
        return self._core.state.aps_counter - 1

    def accepts(self, key: StoredKey, sender: int, counter: int) -> bool:
        """Whether an incoming counter is new. A key shared by many keeps none."""
        return key.partner != sender or counter >= key.incoming

    def accepted(self, key: StoredKey, sender: int, counter: int) -> None:
        """A frame was right: its counter is used up."""
        if key.partner == sender:
            key.incoming = counter + 1

    # --- the table

    def put(self, index: int, partner: int, key: bytes) -> Status:
        """Store a key, its counters at 0; NO_INDEX finds the partner's row or a free one."""
        table, size = self._core.state.link_keys, self._core.config[Config.KEY_TABLE_SIZE]
        if index == NO_INDEX:
            index = self.index(partner)
            free = [i for i in range(size) if i not in table]
            if index == NO_INDEX and not free:
                return Status.TABLE_FULL
            index = free[0] if index == NO_INDEX else index
        if not 0 <= index < size:
            return Status.INVALID_INDEX
        for other in [i for i, k in table.items() if k.partner == partner and i != index]:
            del table[other]
        table[index] = StoredKey(partner, key)
        self._replace_tc_key(partner, key)
        if self.is_trust_center and self._core.settings.forget_join_key:
            self._drop([t for t in self._transient if t.key.partner == partner])
        return Status.OK

    def _replace_tc_key(self, partner: int, key: bytes) -> None:
        network = self._core.network
        if (
            self._core.settings.host_key_is_tc_key
            and network is not None
            and not self.is_trust_center
            and partner == network.trust_center
        ):
            self._core.state.tc_link_key = StoredKey(partner, key)

    def erase(self, index: int) -> Status:
        """Empty a row."""
        if not 0 <= index < self._core.config[Config.KEY_TABLE_SIZE]:
            return Status.INVALID_INDEX
        return Status.OK if self._core.state.link_keys.pop(index, None) is not None else Status.NOT_FOUND

    # --- transient keys

    def put_transient(self, partner: int, key: bytes) -> Status:
        """A key for joining, for TRANSIENT_KEY_TIMEOUT_S from now."""
        self._drop([t for t in self._transient if t.key.partner == partner])
        life = self._core.config[Config.TRANSIENT_KEY_TIMEOUT_S] * 1_000_000
        fresh = _Transient(StoredKey(partner, key), self._core.now + life)
        fresh.timer = self._core.after(life, lambda: self._drop([fresh]))
        self._transient.append(fresh)
        return Status.OK

    def transients(self) -> list[TransientKey]:
        """Those that are still good."""
        return [TransientKey(t.key.partner, t.key.key, t.expires) for t in self._transient]

    def clear_transients(self) -> None:
        """Forget them all."""
        self._drop(list(self._transient))

    def _drop(self, gone: list[_Transient]) -> None:
        for transient in gone:
            if transient.timer is not None:
                transient.timer.cancel()
            if transient in self._transient:
                self._transient.remove(transient)

    def _transient_of(self, partner: int) -> StoredKey | None:
        return next((t.key for t in self._transient if t.key.partner == partner), None)
