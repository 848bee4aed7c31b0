"""The network layer of one node: frames, their security, broadcasts, relaying.

Routes are in `routing`, joining in `join`. Source: ZigBee specification (053474r20/r21) 3.6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from gbcs.errors import GbcsError, ParseError

from .children import Children
from .core import Core, Counter, Timer
from .mac import Done, Mac
from .mac_frames import BROADCAST, MacAddress, MacFrame, MacType
from .node_types import NodeType, Status
from .nwk_frames import (
    NetworkStatus,
    NwkCommand,
    NwkFrame,
    NwkType,
    command,
    parse_command,
)
from .routing import Routing
from .security import Auxiliary, KeyKind, open_sealed, protect
from .state import Network, NetworkKey

BROADCAST_FLOOR = 0xFFF8
TO_ALL = 0xFFFF
TO_RX_ON = 0xFFFD
TO_ROUTERS = 0xFFFC
DEFAULT_RADIUS = 30
RELAY_JITTER_US = 2_000


@dataclass(frozen=True, slots=True)
class Heard:
    """How a frame came: from which radio, how well, and whether under the network key."""

    hop: MacAddress
    lqi: int
    rssi: int
    secured: bool
    hop_eui64: int | None = None
    broadcast: bool = False


class NwkUser(Protocol):
    """What the layer above is told."""

    def nwk_data(self, frame: NwkFrame, heard: Heard) -> None: ...
    def nwk_command(self, kind: NwkCommand, body: bytes, frame: NwkFrame, heard: Heard) -> None: ...
    def nwk_proven(self, node_id: int) -> None:
        """A newcomer sent something secured."""
        ...

    def nwk_switched(self, sequence: int) -> None:
        """A frame came under the next network key: it is the current one now."""
        ...


@dataclass(slots=True)
class BroadcastRecord:
    """A broadcast this node knows: who was heard repeating it, how often it went out here."""

    frame: NwkFrame
    heard: set[int] = field(default_factory=set)
    transmissions: int = 0
    timer: Timer | None = None


class Nwk:
    """One node's network layer."""

    def __init__(self, core: Core, mac: Mac, children: Children, user: NwkUser) -> None:
        self._core = core
        self._mac = mac
        self._user = user
        self.children = children
        self.routing = Routing(core, self)
        self._sequence = core.random.randrange(256)
        self._broadcasts: dict[tuple[int, int], BroadcastRecord] = {}
        self._incoming: dict[tuple[int, int], int] = {}  # EUI-64 and key sequence: lowest counter accepted

    # --- state

    @property
    def network(self) -> Network | None:
        """The network, if there is one and the stack is up."""
        return self._core.network

    @property
    def is_router(self) -> bool:
        """Whether this node relays."""
        network = self.network
        return network is not None and network.node_type in (NodeType.COORDINATOR, NodeType.ROUTER)

    @property
    def me(self) -> int:
        """This node's id."""
        return self.network.node_id if self.network is not None else 0xFFFE

    def stop(self) -> None:
        """Forget what is not persistent."""
        self._broadcasts.clear()
        self._incoming.clear()
        self.routing.stop()

    def next_sequence(self) -> int:
        """For a new frame."""
        self._sequence = (self._sequence + 1) & 0xFF
        return self._sequence

    # --- security

    def keys(self) -> list[NetworkKey]:
        """The network keys there are, the current one first."""
        network = self.network
        if network is None or not network.current.key:
            return []
        return [network.current] + ([network.alternate] if network.alternate is not None else [])

    def secure(self, frame: NwkFrame) -> bytes:
        """The octets of a frame, under the current network key if it is to be secured."""
        header = frame.header()
        if not frame.secured:
            return header + frame.payload
        key = self.keys()[0]
        state = self._core.state
        auxiliary = Auxiliary(KeyKind.NETWORK, state.nwk_counter, state.eui64, key.sequence)
        state.nwk_counter += 1
        return header + protect(key.key, header, auxiliary, state.eui64, frame.payload)

    def _open(self, buffer: bytes, frame: NwkFrame, offset: int) -> tuple[NwkFrame, int]:
        """The frame with its payload, and the EUI-64 of the radio it came from. Raises GbcsError."""
        auxiliary, start = Auxiliary.parse(buffer, offset)
        if auxiliary.kind is not KeyKind.NETWORK or auxiliary.source is None:
            raise ParseError("not secured with a network key", offset, "auxiliary header")
        key = next((k for k in self.keys() if k.sequence == auxiliary.sequence), None)
        if key is None:
            self._core.count(Counter.NWK_DECRYPTION_FAILURE)
            raise ParseError(f"unknown network key {auxiliary.sequence}", offset, "auxiliary header")
        mark = (auxiliary.source, auxiliary.sequence)
        if auxiliary.counter < self._incoming.get(mark, 0):
            self._core.count(Counter.NWK_FRAME_COUNTER_FAILURE)
            raise ParseError("an old frame counter", offset, "auxiliary header")
        try:
            payload = open_sealed(key.key, frame.header(), auxiliary, auxiliary.source, buffer[start:])
        except GbcsError:
            self._core.count(Counter.NWK_DECRYPTION_FAILURE)
            raise
        self._incoming[mark] = auxiliary.counter + 1
        if key is not self.keys()[0] and self._is_next(key):
            self._user.nwk_switched(key.sequence)
        return replace(frame, payload=payload), auxiliary.source

    def _is_next(self, key: NetworkKey) -> bool:
        current = self.keys()[0]
        return self._core.settings.switch_on_use and (key.sequence - current.sequence) & 0xFF < 0x80

    def forget_counters(self, eui64: int) -> None:
        """A node begins anew: its counters may too."""
        for mark in [mark for mark in self._incoming if mark[0] == eui64]:
            del self._incoming[mark]

    # --- sending

    def send(
        self,
        destination: int,
        payload: bytes,
        done: Done | None = None,
        kind: NwkType = NwkType.DATA,
        radius: int = DEFAULT_RADIUS,
        secured: bool = True,
        destination_eui64: int | None = None,
        source_eui64: int | None = None,
        hop: int | None = None,
    ) -> None:
        """A new frame of this node. `done` hears OK, or why it could not go; `hop`: over which node."""
        frame = NwkFrame(
            kind,
            destination,
            self.me,
            radius,
            self.next_sequence(),
            payload,
            secured,
            kind is NwkType.DATA and destination < BROADCAST_FLOOR,
            destination_eui64,
            source_eui64,
        )
        if destination >= BROADCAST_FLOOR:
            self.broadcast(frame, done)
        else:
            self.unicast(frame, done, hop=hop)

    def send_command(
        self,
        destination: int,
        kind: NwkCommand,
        body: bytes,
        done: Done | None = None,
        radius: int = 1,
        hop: int | None = None,
    ) -> None:
        """A command frame with both EUI-64s as far as they are known."""
        eui64 = self._core.state.nodes.get(destination) if destination < BROADCAST_FLOOR else None
        self.send(
            destination,
            command(kind, body),
            done,
            NwkType.COMMAND,
            radius,
            destination_eui64=eui64,
            source_eui64=self._core.state.eui64,
            hop=hop,
        )

    def unicast(self, frame: NwkFrame, done: Done | None, again: bool = True, hop: int | None = None) -> None:
        """Send or relay a unicast to its next hop, after a route discovery if need be."""
        if hop is None and frame.source == self.me:
            frame, hop = self.routing.by_source_route(frame)
        if hop is None:
            hop = self.routing.next_hop(frame)
        if hop is None:
            if frame.secured and self.is_router:
                waiting = frame
                self.routing.discover(frame.destination, lambda found: self._discovered(waiting, done, found))
            elif done is not None:
                done(Status.DELIVERY_FAILED)
            return
        to, sent = hop, frame
        self._to_hop(to, sent, lambda status: self._sent(to, sent, done, again, status))

    def _discovered(self, frame: NwkFrame, done: Done | None, found: bool) -> None:
        if found:
            self.unicast(frame, done, again=False)
            return
        if frame.source != self.me:
            self._report(frame, NetworkStatus.NO_ROUTE)
        if done is not None:
            done(Status.DELIVERY_FAILED)

    def _to_hop(self, hop: int, frame: NwkFrame, done: Done | None) -> None:
        """Hand a frame to the MAC, for one radio."""
        network = self.network
        if network is None:
            if done is not None:
                done(Status.NETWORK_DOWN)
            return
        to = MacAddress(self._mac.pan_id, hop)
        mac = MacFrame(MacType.DATA, to, MacAddress(self._mac.pan_id, self.me), ack_request=True)
        if self.is_router and self.children.is_sleepy(hop):
            self._mac.queue_indirect(to, mac, self._maker(frame), done)
        else:
            self._mac.send(mac, self._maker(frame), done)

    def _maker(self, frame: NwkFrame) -> Callable[[], bytes]:
        return lambda: self.secure(frame)

    def _sent(self, hop: int, frame: NwkFrame, done: Done | None, again: bool, status: Status) -> None:
        if status is Status.MAC_NO_ACK and self.is_router:
            own = self.children.of_id(hop) is not None or self.children.newcomer(hop) is not None
            if not own:
                self.routing.lost(hop)
                if again and frame.relays is None:
                    self.unicast(frame, done, again=False)
                    return
            if frame.source != self.me:
                source_routed = frame.relays is not None
                self._report(
                    frame,
                    NetworkStatus.SOURCE_ROUTE_FAILURE
                    if source_routed
                    else NetworkStatus.NON_TREE_LINK_FAILURE,
                )
        if done is not None:
            done(Status.DELIVERY_FAILED if status is Status.MAC_NO_ACK else status)

    def _report(self, frame: NwkFrame, code: NetworkStatus) -> None:
        """Tell the source of a relayed frame that it went no further."""
        if frame.source < BROADCAST_FLOOR and frame.kind is NwkType.DATA:
            body = bytes((code,)) + frame.destination.to_bytes(2, "little")
            self.send_command(frame.source, NwkCommand.NETWORK_STATUS, body, radius=DEFAULT_RADIUS)

    # --- broadcasts

    def broadcast(self, frame: NwkFrame, done: Done | None = None) -> None:
        """Send a broadcast of this node: an end device gives it to its parent, once."""
        record = self._remember(frame)
        if not self.is_router:
            network = self.network
            if network is not None:
                self._to_hop(network.parent_id, frame, done)
            elif done is not None:
                done(Status.NETWORK_DOWN)
            return
        self._to_sleepy(frame, None)
        self._transmit(record, done)

    def _remember(self, frame: NwkFrame) -> BroadcastRecord:
        key = (frame.source, frame.sequence)
        record = BroadcastRecord(frame)
        self._broadcasts[key] = record
        self._core.after(self._core.settings.broadcast_memory_us, lambda: self._forget(key, record))
        return record

    def _forget(self, key: tuple[int, int], record: BroadcastRecord) -> None:
        if self._broadcasts.get(key) is record:
            del self._broadcasts[key]

    def _transmit(self, record: BroadcastRecord, done: Done | None = None) -> None:
        record.transmissions += 1
        to = MacAddress(self._mac.pan_id, BROADCAST)
        mac = MacFrame(MacType.DATA, to, MacAddress(self._mac.pan_id, self.me))
        self._mac.send(mac, self._maker(record.frame), done)
        if record.frame.radius <= 1 or record.transmissions >= self._core.settings.broadcast_transmissions:
            return
        wait = self._core.settings.passive_ack_us + self._core.random.randrange(RELAY_JITTER_US)
        record.timer = self._core.after(wait, lambda: self._unproven(record))

    def _unproven(self, record: BroadcastRecord) -> None:
        """Repeat a broadcast unless every router around was heard repeating it (passive acknowledgement)."""
        if self.network is None:
            return
        routers = set(self.routing.neighbours())
        listeners = any(c.node_type is NodeType.END_DEVICE for c in self.children)
        if not routers or listeners or routers - record.heard:
            self._transmit(record)

    def _to_sleepy(self, frame: NwkFrame, sender: int | None) -> None:
        """A broadcast to all waits for each sleepy child."""
        if frame.destination != TO_ALL:
            return
        for child in self.children:
            if child.node_type is NodeType.SLEEPY_END_DEVICE and child.node_id not in (sender, frame.source):
                self._to_hop(child.node_id, frame, None)

    def _is_for_me(self, destination: int) -> bool:
        network = self.network
        if network is None:
            return False
        if destination == TO_ALL:
            return True
        if destination == TO_RX_ON:
            return network.node_type is not NodeType.SLEEPY_END_DEVICE
        return destination == TO_ROUTERS and self.is_router

    # --- receiving

    def receive(self, mac: MacFrame, lqi: int, rssi: int) -> None:
        """A MAC data frame. Raises GbcsError for what is not right; the caller drops it."""
        if mac.source is None or mac.destination is None or self.network is None:
            return
        frame, offset = NwkFrame.parse(mac.payload)
        broadcast = not mac.destination.extended and mac.destination.value == BROADCAST
        if not frame.secured:
            frame = replace(frame, payload=mac.payload[offset:])
            heard = Heard(mac.source, lqi, rssi, False, None, broadcast)
            if frame.destination == self.me:
                self._deliver(frame, heard)
            return
        frame, hop_eui64 = self._open(mac.payload, frame, offset)
        heard = Heard(mac.source, lqi, rssi, True, hop_eui64, broadcast)
        self._learn(frame, heard)
        if frame.source == self.me and frame.destination < BROADCAST_FLOOR:
            return
        if frame.destination >= BROADCAST_FLOOR:
            self._broadcast_heard(frame, heard)
        elif frame.destination == self.me:
            self._deliver(frame, heard)
        elif self.is_router:
            self._relay(frame)

    def _learn(self, frame: NwkFrame, heard: Heard) -> None:
        hop = heard.hop.value
        if heard.hop.extended or heard.hop_eui64 is None:
            return
        nodes = self._core.state.nodes
        nodes[hop] = heard.hop_eui64
        if frame.source_eui64 is not None and frame.source < BROADCAST_FLOOR:
            nodes[frame.source] = frame.source_eui64
        if self.children.newcomer(hop) is not None:
            self.children.proven(hop)
            self._user.nwk_proven(hop)
        self.children.heard(hop)
        if self.children.of_id(hop) is None:
            self.routing.heard(hop, heard.hop_eui64, heard.lqi)

    def _broadcast_heard(self, frame: NwkFrame, heard: Heard) -> None:
        record = self._broadcasts.get((frame.source, frame.sequence))
        if record is not None:
            record.heard.add(heard.hop.value)
            return
        if frame.source == self.me:  # of before a reset
            return
        record = self._remember(frame)
        record.heard.add(heard.hop.value)
        kind = frame.payload[:1]
        request = frame.kind is NwkType.COMMAND and kind == bytes((NwkCommand.ROUTE_REQUEST,))
        if self._is_for_me(frame.destination):
            self._deliver(frame, heard)
        if not self.is_router or self.network is None:
            return
        self._to_sleepy(frame, heard.hop.value)
        if frame.radius > 1 and not request:  # a route request goes on with its new cost
            record.frame = replace(frame, radius=frame.radius - 1)
            self._core.after(
                self._core.random.randrange(RELAY_JITTER_US), lambda: self._relay_broadcast(record)
            )

    def relay_request(self, frame: NwkFrame, payload: bytes) -> None:
        """Send a route request on, with what this hop adds."""
        record = self._broadcasts.get((frame.source, frame.sequence))
        if record is not None and frame.radius > 1:
            record.frame = replace(frame, radius=frame.radius - 1, payload=payload)
            self._relay_broadcast(record)

    def _relay_broadcast(self, record: BroadcastRecord) -> None:
        if self.network is not None:
            self._transmit(record)

    def _relay(self, frame: NwkFrame) -> None:
        if frame.radius <= 1:
            return
        frame = replace(frame, radius=frame.radius - 1)
        if frame.relays is not None:
            frame, hop = self.routing.relayed(frame)
            self.unicast(frame, None, hop=hop)
            return
        if frame.kind is NwkType.COMMAND and frame.payload[:1] == bytes((NwkCommand.ROUTE_RECORD,)):
            frame = self.routing.recorded(frame)
        self.unicast(frame, None)

    def _deliver(self, frame: NwkFrame, heard: Heard) -> None:
        if frame.kind is NwkType.DATA:
            self._user.nwk_data(frame, heard)
            return
        kind, body = parse_command(frame.payload)
        if heard.secured and self.routing.command(kind, body, frame, heard.hop.value, heard.lqi):
            return
        self._user.nwk_command(kind, body, frame, heard)
