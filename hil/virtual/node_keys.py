"""Commands of a node about keys: network key, trust centre link key, key table, transient keys."""

from __future__ import annotations

from .node_types import KEY_LENGTH, NO_INDEX, LinkKey, NetworkKeyInfo, Status, TransientKey
from .stack import Stack
from .state import Persistent, StoredKey


class KeyCommands:
    """The part of `node.Node` that deals with keys."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def _at(self, now: int) -> Stack:
        core = self._stack.core
        core.now = max(now, core.now)
        return self._stack

    @property
    def state(self) -> Persistent:
        """What this node keeps over a reset."""
        return self._stack.core.state

    @property
    def network_key(self) -> NetworkKeyInfo | None:
        """The network key, the other one, and the outgoing counter."""
        network = self._stack.core.network
        if network is None or not self._stack.core.up:
            return None
        other = network.alternate
        return NetworkKeyInfo(
            network.current.key,
            network.current.sequence,
            other.key if other is not None else None,
            other.sequence if other is not None else 0,
            self.state.nwk_counter,
        )

    @property
    def tc_link_key(self) -> LinkKey | None:
        """The trust centre link key."""
        key = self.state.tc_link_key
        return key.row() if key is not None else None

    def set_tc_link_key(self, key: bytes) -> Status:
        """Replace it; its counters start at 0. A row of the key table for the trust centre goes with it."""
        network = self._stack.core.network
        if network is None or not self._stack.core.up:
            return Status.INVALID_STATE
        if len(key) != KEY_LENGTH:
            return Status.INVALID_PARAMETER
        self.state.tc_link_key = StoredKey(network.trust_center, key)
        index = self._stack.keys.index(network.trust_center)
        if index != NO_INDEX:
            self.state.link_keys[index] = StoredKey(network.trust_center, key)
        return Status.OK

    def set_frame_counters(self, nwk: int | None = None, aps: int | None = None) -> None:
        """Outgoing counters, after a restore."""
        self.state.nwk_counter = self.state.nwk_counter if nwk is None else nwk
        self.state.aps_counter = self.state.aps_counter if aps is None else aps

    def link_key_at(self, index: int) -> LinkKey | None:
        """A row of the key table."""
        key = self.state.link_keys.get(index)
        return key.row(index) if key is not None else None

    def link_key_of(self, eui64: int) -> LinkKey | None:
        """The row of a partner."""
        index = self._stack.keys.index(eui64)
        return self.link_key_at(index) if index != NO_INDEX else None

    def import_link_key(self, index: int, eui64: int, key: bytes) -> Status:
        """Store a link key; its counters start at 0."""
        return self._stack.keys.put(index, eui64, key) if len(key) == KEY_LENGTH else Status.INVALID_PARAMETER

    def erase_link_key(self, index: int) -> Status:
        """Empty a row of the key table."""
        return self._stack.keys.erase(index)

    def clear_link_keys(self) -> Status:
        """Empty the key table."""
        self.state.link_keys.clear()
        return Status.OK

    def import_transient_key(self, now: int, eui64: int, key: bytes) -> Status:
        """A key for a joiner."""
        if len(key) != KEY_LENGTH:
            return Status.INVALID_PARAMETER
        return self._at(now).keys.put_transient(eui64, key)

    @property
    def transient_keys(self) -> list[TransientKey]:
        """Keys for joiners."""
        return self._stack.keys.transients()

    def clear_transient_keys(self) -> None:
        """No more keys for joiners."""
        self._stack.keys.clear_transients()

    def request_link_key(self, now: int, partner: int) -> Status:
        """Ask the trust centre for a key with a partner."""
        return self._at(now).trust.ask_for_key(partner)

    def update_tc_link_key(self, now: int) -> Status:
        """Ask the trust centre for a new link key."""
        return self._at(now).trust.ask_for_tc_key()

    def broadcast_next_network_key(self, now: int, key: bytes) -> Status:
        """Give everybody the next network key."""
        stack = self._at(now)
        return stack.trust.send_next_key(key) if len(key) == KEY_LENGTH else Status.INVALID_PARAMETER

    def broadcast_network_key_switch(self, now: int) -> Status:
        """Everybody uses the next network key from now on."""
        return self._at(now).trust.send_switch()

    def unicast_network_key_update(self, now: int, node_id: int, eui64: int, key: bytes) -> Status:
        """Give one device the next network key."""
        stack = self._at(now)
        if len(key) != KEY_LENGTH:
            return Status.INVALID_PARAMETER
        return stack.trust.update_one(node_id, eui64, key)
