"""What the layers of a node share: the time, timers, chance, what is kept, and what goes up."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from random import Random

from .node_events import Event
from .node_types import Config
from .settings import StackSettings
from .state import Network, Persistent

COUNTER_COUNT = 41


class Counter(IntEnum):
    """EmberCounterType: rows of readCounters that this stack counts."""

    MAC_RX_BROADCAST = 0
    MAC_TX_BROADCAST = 1
    MAC_RX_UNICAST = 2
    MAC_TX_UNICAST_SUCCESS = 3
    MAC_TX_UNICAST_RETRY = 4
    MAC_TX_UNICAST_FAILED = 5
    APS_DATA_RX_BROADCAST = 6
    APS_DATA_TX_BROADCAST = 7
    APS_DATA_RX_UNICAST = 8
    APS_DATA_TX_UNICAST_SUCCESS = 9
    APS_DATA_TX_UNICAST_RETRY = 10
    APS_DATA_TX_UNICAST_FAILED = 11
    ROUTE_DISCOVERY_INITIATED = 12
    NEIGHBOR_ADDED = 13
    NEIGHBOR_REMOVED = 14
    JOIN_INDICATION = 16
    CHILD_REMOVED = 17
    NWK_FRAME_COUNTER_FAILURE = 21
    APS_FRAME_COUNTER_FAILURE = 22
    APS_LINK_KEY_NOT_AUTHORIZED = 24
    NWK_DECRYPTION_FAILURE = 25
    APS_DECRYPTION_FAILURE = 26
    ALLOCATE_PACKET_BUFFER_FAILURE = 27


# What getConfigurationValue answers before anything is set (defaults of the vendor's NCP)
DEFAULT_CONFIG: dict[int, int] = {
    Config.NEIGHBOR_TABLE_SIZE: 26,
    Config.APS_UNICAST_MESSAGE_COUNT: 10,
    Config.BINDING_TABLE_SIZE: 16,
    Config.ADDRESS_TABLE_SIZE: 8,
    Config.MULTICAST_TABLE_SIZE: 8,
    Config.ROUTE_TABLE_SIZE: 16,
    Config.STACK_PROFILE: 2,
    Config.SECURITY_LEVEL: 5,
    Config.MAX_HOPS: 30,
    Config.MAX_END_DEVICE_CHILDREN: 32,
    Config.INDIRECT_TRANSMISSION_TIMEOUT: 7680,
    Config.END_DEVICE_POLL_TIMEOUT: 8,
    Config.KEY_TABLE_SIZE: 12,
    Config.APPLICATION_ZDO_FLAGS: 0,
    Config.TRANSIENT_KEY_TIMEOUT_S: 300,
}


@dataclass(slots=True)
class Timer:
    """Something to happen at a time, unless it is cancelled."""

    due: int
    action: Callable[[], None] | None

    def cancel(self) -> None:
        """Nothing happens any more."""
        self.action = None


class Core:
    """One node's clock and belongings. `now` is set by whoever calls the node."""

    def __init__(self, state: Persistent, settings: StackSettings, random: Random) -> None:
        self.state = state
        self.settings = settings
        self.random = random
        self.now = 0
        self.events: list[Event] = []
        self.counters = [0] * COUNTER_COUNT
        self.config: dict[int, int] = dict(DEFAULT_CONFIG)
        self.up = False  # the stack runs on the network of `state`
        self.candidate: Network | None = None  # the one that is being joined
        self._heap: list[tuple[int, int, Timer]] = []
        self._order = 0

    @property
    def network(self) -> Network | None:
        """The network that this node is on, or about to be."""
        return self.candidate or (self.state.network if self.up else None)

    def emit(self, event: Event) -> None:
        """Something for the host."""
        self.events.append(event)

    def count(self, counter: Counter, amount: int = 1) -> None:
        """One more of it (16 bits, as EZSP shows them)."""
        self.counters[counter] = min(0xFFFF, self.counters[counter] + amount)

    def at(self, due: int, action: Callable[[], None]) -> Timer:
        """Do it at a time; what is due is done in the order it was asked for."""
        timer = Timer(max(due, self.now), action)
        heapq.heappush(self._heap, (timer.due, self._order, timer))
        self._order += 1
        return timer

    def after(self, delay: int, action: Callable[[], None]) -> Timer:
        """Do it in so many microseconds."""
        return self.at(self.now + delay, action)

    @property
    def next_deadline(self) -> int | None:
        """When something is to be done."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run_due(self) -> None:
        """Do everything that is due by now."""
        while (due := self.next_deadline) is not None and due <= self.now:
            timer = heapq.heappop(self._heap)[2]
            action, timer.action = timer.action, None
            if action is not None:
                action()

    def forget(self) -> None:
        """A reset: no timers, no events, default configuration."""
        self.up = False
        self.candidate = None
        self._heap.clear()
        self.events.clear()
        self.counters[:] = [0] * COUNTER_COUNT
        self.config = dict(DEFAULT_CONFIG)
