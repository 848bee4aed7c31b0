"""The children of a router or coordinator: who they are, who has yet to prove it, who is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from .core import Core, Counter, Timer
from .mac_frames import ALLOCATE_ADDRESS, FFD, MAINS_POWER, NO_SHORT, RX_ON_WHEN_IDLE
from .node_events import ChildJoin
from .node_types import NO_INDEX, Child, Config, NodeType

TEN_SECONDS = 10
DEFAULT_TIMEOUT = 8  # of the End Device Timeout enumeration: 256 minutes


def timeout_seconds(code: int) -> int:
    """A value of the End Device Timeout enumeration (053474r21 table 3-54): 10 s, then 2**n minutes."""
    return TEN_SECONDS if code == 0 else 60 << min(code, 14)


@dataclass(slots=True)
class Newcomer:
    """One that was given an address and has sent nothing secured yet; routers too."""

    node_id: int
    eui64: int
    node_type: NodeType
    timer: Timer


class Children:
    """End-device children by index (persistent), and newcomers of any type (not)."""

    def __init__(self, core: Core, gone: Callable[[Child], None]) -> None:
        self._core = core
        self._gone = gone
        self._newcomers: dict[int, Newcomer] = {}
        self._ages: dict[int, Timer] = {}

    @property
    def rows(self) -> list[Child | None]:
        """The table."""
        return self._core.state.children

    def stop(self) -> None:
        """Forget what is not persistent."""
        self._newcomers.clear()
        self._ages.clear()

    def start(self) -> None:
        """After a reset: every child's age begins anew."""
        for child in self:
            self._age(child)

    def __iter__(self) -> Iterator[Child]:
        return iter([child for child in self.rows if child is not None])

    def of_id(self, node_id: int) -> Child | None:
        """The child with a node id."""
        return next((c for c in self.rows if c is not None and c.node_id == node_id), None)

    def of_eui64(self, eui64: int) -> Child | None:
        """The child with an EUI-64."""
        return next((c for c in self.rows if c is not None and c.eui64 == eui64), None)

    def newcomer(self, node_id: int) -> Newcomer | None:
        """The newcomer with a node id."""
        return self._newcomers.get(node_id)

    def newcomer_of_eui64(self, eui64: int) -> Newcomer | None:
        """The newcomer with an EUI-64."""
        return next((n for n in self._newcomers.values() if n.eui64 == eui64), None)

    def is_sleepy(self, node_id: int) -> bool:
        """Whether frames for it have to wait until it asks."""
        child = self.of_id(node_id)
        return child is not None and child.node_type is NodeType.SLEEPY_END_DEVICE

    @property
    def has_room(self) -> bool:
        """Whether one more end device can be taken."""
        return len(list(self)) < self._core.config[Config.MAX_END_DEVICE_CHILDREN]

    def admit(self, eui64: int, node_type: NodeType, wanted: int | None = None) -> int | None:
        """An address for a newcomer, and for an end device a row; None if there is no room."""
        known = self.of_eui64(eui64)
        if node_type in (NodeType.END_DEVICE, NodeType.SLEEPY_END_DEVICE) and known is None:
            if not self.has_room:
                return None
        elif node_type is NodeType.ROUTER and known is not None:
            self.remove(known, tell=False)
            known = None
        old = self.newcomer_of_eui64(eui64)
        if old is not None:
            old.timer.cancel()
            del self._newcomers[old.node_id]
        node_id = self._address(eui64, wanted)
        for stale in [n for n, e in self._core.state.nodes.items() if e == eui64]:
            del self._core.state.nodes[stale]
        self._core.state.nodes[node_id] = eui64
        timer = self._core.after(self._core.settings.unproven_child_us, lambda: self._unproven(node_id))
        self._newcomers[node_id] = Newcomer(node_id, eui64, node_type, timer)
        if node_type is not NodeType.ROUTER:
            self._place(Child(eui64, node_id, node_type, timeout_seconds(self._poll_timeout)), known)
        return node_id

    @property
    def _poll_timeout(self) -> int:
        return self._core.config.get(Config.END_DEVICE_POLL_TIMEOUT, DEFAULT_TIMEOUT)

    def _address(self, eui64: int, wanted: int | None) -> int:
        """The wanted address or the one it had, if nobody else has it; else a free one by chance."""
        network = self._core.network
        taken = {n for n, e in self._core.state.nodes.items() if e != eui64}
        taken.add(network.node_id if network is not None else 0)
        before = [n for n, e in self._core.state.nodes.items() if e == eui64]
        for node_id in ([wanted] if wanted is not None else []) + before:
            if node_id not in taken and 0 < node_id < 0xFFF8:
                return node_id
        while True:
            node_id = self._core.random.randrange(1, 0xFFF8)
            if node_id not in taken:
                return node_id

    def _place(self, child: Child, known: Child | None) -> None:
        rows = self.rows
        if known is not None:
            rows[rows.index(known)] = child
        elif None in rows:
            rows[rows.index(None)] = child
        else:
            rows.append(child)
        self._age(child)

    def index(self, eui64: int) -> int:
        """The row of a child, NO_INDEX for others."""
        return next((i for i, c in enumerate(self.rows) if c is not None and c.eui64 == eui64), NO_INDEX)

    def proven(self, node_id: int) -> None:
        """It sent something secured: it is one of us."""
        newcomer = self._newcomers.pop(node_id, None)
        if newcomer is not None:
            newcomer.timer.cancel()

    def heard(self, node_id: int) -> None:
        """A child is alive."""
        child = self.of_id(node_id)
        if child is not None:
            self._age(child)

    def set_timeout(self, node_id: int, code: int) -> bool:
        """What a child asked for in an End Device Timeout Request; False if it is no child."""
        child = self.of_id(node_id)
        if child is None:
            return False
        aged = replace(child, timeout_s=timeout_seconds(code))
        self.rows[self.rows.index(child)] = aged
        self._age(aged)
        return True

    def _age(self, child: Child) -> None:
        old = self._ages.pop(child.eui64, None)
        if old is not None:
            old.cancel()
        self._ages[child.eui64] = self._core.after(
            child.timeout_s * 1_000_000, lambda: self._aged(child.eui64)
        )

    def _aged(self, eui64: int) -> None:
        child = self.of_eui64(eui64)
        if child is not None:
            self.remove(child)

    def _unproven(self, node_id: int) -> None:
        newcomer = self._newcomers.get(node_id)
        if newcomer is not None:
            self.dismiss(newcomer)

    def dismiss(self, newcomer: Newcomer) -> None:
        """A newcomer did not become one of us."""
        newcomer.timer.cancel()
        self._newcomers.pop(newcomer.node_id, None)
        child = self.of_eui64(newcomer.eui64)
        if child is not None:
            self.remove(child)
        self._core.state.nodes.pop(newcomer.node_id, None)

    def remove(self, child: Child, tell: bool = True) -> None:
        """A child is gone; the host is told."""
        index = self.index(child.eui64)
        timer = self._ages.pop(child.eui64, None)
        if timer is not None:
            timer.cancel()
        if index != NO_INDEX:
            self.rows[index] = None
        self._core.count(Counter.CHILD_REMOVED)
        if tell:
            self._gone(child)
            self._core.emit(ChildJoin(index, False, child.node_id, child.eui64, child.node_type))


def node_type_of(capability: int) -> NodeType:
    """The kind of node an association or rejoin request speaks for."""
    if capability & FFD:
        return NodeType.ROUTER
    return NodeType.END_DEVICE if capability & RX_ON_WHEN_IDLE else NodeType.SLEEPY_END_DEVICE


def capability_of(node_type: NodeType) -> int:
    """The capability information of a node."""
    if node_type is NodeType.SLEEPY_END_DEVICE:
        return ALLOCATE_ADDRESS
    awake = ALLOCATE_ADDRESS | MAINS_POWER | RX_ON_WHEN_IDLE
    return awake if node_type is NodeType.END_DEVICE else awake | FFD


def is_assigned(node_id: int) -> bool:
    """Whether it is a node's address, and neither a broadcast nor "none"."""
    return node_id < min(0xFFF8, NO_SHORT)
