"""One virtual ZigBee node: the commands of `node_api.NodeApi` on a `stack.Stack`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from .mac import raw_error
from .mac_frames import FCS_LENGTH
from .node_api import Transmission
from .node_events import Event, IncomingMessage, MessageSent, RawTransmitComplete
from .node_keys import KeyCommands
from .node_types import (
    KEY_LENGTH,
    UNKNOWN_ID,
    AddressEntry,
    ApsFrame,
    ApsOption,
    Binding,
    Child,
    Config,
    Endpoint,
    IncomingType,
    InitialSecurity,
    MulticastEntry,
    Neighbor,
    NetworkParameters,
    NetworkState,
    NodeType,
    OutgoingType,
    PassthroughFlag,
    Route,
    ScanType,
    SecurityBit,
    Status,
)
from .nwk import BROADCAST_FLOOR
from .scan import FIRST_CHANNEL, LAST_CHANNEL
from .settings import MAX_MPDU, StackSettings
from .stack import Stack
from .state import Persistent

NOBODY = 0xFFFE  # the id of a node without a network


class Node(KeyCommands):
    """A node on its non-volatile memory. `energy`: the strongest signal on a channel, in dBm."""

    def __init__(
        self,
        state: Persistent,
        settings: StackSettings | None = None,
        seed: int | str = 0,
        energy: Callable[[int], int] | None = None,
    ) -> None:
        super().__init__(Stack(state, settings or StackSettings(), Random(f"{seed}/{state.eui64}")))
        if energy is not None:
            self._stack.scanner.energy = energy
        self._mfglib = False

    # --- identity and life

    @property
    def settings(self) -> StackSettings:
        """The choices it was made with."""
        return self._stack.core.settings

    @property
    def eui64(self) -> int:
        """Its EUI-64."""
        return self.state.eui64

    @property
    def node_id(self) -> int:
        """Its node id; FFFE while not joined."""
        network = self._stack.core.network
        return network.node_id if network is not None and self._stack.core.up else NOBODY

    @property
    def node_type(self) -> NodeType:
        """What it is on its network."""
        network = self._stack.core.network
        return network.node_type if network is not None and self._stack.core.up else NodeType.UNKNOWN

    @property
    def network_state(self) -> NetworkState:
        """Whether it is on a network."""
        stack = self._stack
        if stack.joiner.running:
            return NetworkState.JOINING
        if not stack.core.up:
            return NetworkState.NO_NETWORK
        return NetworkState.JOINED_NO_PARENT if stack.orphan else NetworkState.JOINED

    @property
    def parameters(self) -> NetworkParameters | None:
        """Of its network."""
        network = self._stack.core.network
        return network.parameters if network is not None and self._stack.core.up else None

    def set_parameters(self, parameters: NetworkParameters) -> Status:
        """Rewrite power, manager, update id and channel mask of the network."""
        network = self._stack.core.network
        if network is None or not self._stack.core.up:
            return Status.NOT_JOINED
        old = network.parameters
        same = replace(
            parameters,
            tx_power=old.tx_power,
            manager_id=old.manager_id,
            update_id=old.update_id,
            channels=old.channels,
        )
        if same != old:
            return Status.INVALID_PARAMETER
        network.parameters = parameters
        return Status.OK

    @property
    def parent(self) -> tuple[int, int]:
        """Node id and EUI-64 of the parent."""
        network = self._stack.core.network
        if network is None or not self._stack.core.up or not network.parent_eui64:
            return UNKNOWN_ID, 0
        return network.parent_id, network.parent_eui64

    @property
    def tokens(self) -> dict[str, bytes]:
        """Named octets that survive a reset."""
        return self.state.tokens

    def set_eui64(self, eui64: int) -> Status:
        """Another EUI-64; only without a network."""
        if self.state.network is not None:
            return Status.INVALID_STATE
        self.state.eui64 = eui64
        return Status.OK

    def reset(self, now: int) -> None:
        """Forget what is not persistent; silent until network_init."""
        self._stack.core.now = max(now, self._stack.core.now)
        self._stack.stop()
        self._mfglib = False

    def factory_reset(self) -> None:
        """Forget network and keys. Counters go on: a key must not meet the same counter twice."""
        self._stack.stop()
        self.state.forget_network()

    # --- the air's side

    @property
    def channel(self) -> int:
        """Where the radio is tuned to."""
        return self._stack.mac.channel

    @property
    def listening(self) -> bool:
        """Whether the receiver is on."""
        return self._stack.mac.listening

    @property
    def sniffing(self) -> bool:
        """Whether it hears what is not for it."""
        return self._stack.mac.sniffing

    @property
    def next_deadline(self) -> int | None:
        """When `timer` is to be called."""
        return self._stack.core.next_deadline

    def timer(self, now: int) -> None:
        """Do what is due."""
        self._at(now).core.run_due()

    def receive(self, now: int, mpdu: bytes, lqi: int = 255, rssi: int = -40) -> None:
        """A frame of the air."""
        self._at(now).mac.receive(mpdu, lqi, rssi)

    def on_air(self, now: int, handle: int, end: int, answer_by: int) -> None:
        """A transmission is on air until `end`."""
        self._at(now).mac.on_air(handle, end, answer_by)

    def take_frames(self) -> list[Transmission]:
        """What goes on air now."""
        return self._stack.mac.take()

    def take_events(self) -> list[Event]:
        """What the host is told."""
        events, self._stack.core.events = self._stack.core.events, []
        return events

    # --- configuration

    def config(self, config_id: int) -> int:
        """A configuration value; 0 for what was never set."""
        return self._stack.core.config.get(config_id, 0)

    def set_config(self, config_id: int, value: int) -> Status:
        """Any value is kept; tables do not change their size while the network is up."""
        sizes = (Config.KEY_TABLE_SIZE, Config.ADDRESS_TABLE_SIZE, Config.BINDING_TABLE_SIZE)
        if self._stack.core.up and config_id in sizes:
            return Status.INVALID_STATE
        self._stack.core.config[config_id] = value
        return Status.OK

    def policy(self, policy_id: int) -> int:
        """A policy; 0 for what was never set."""
        return self._stack.policies.get(policy_id, 0)

    def set_policy(self, policy_id: int, decision: int) -> Status:
        """Any policy is kept."""
        self._stack.policies[policy_id] = decision
        return Status.OK

    @property
    def passthrough(self) -> PassthroughFlag:
        """Which MAC frames go up."""
        return self._stack.passthrough

    @passthrough.setter
    def passthrough(self, flags: PassthroughFlag) -> None:
        self._stack.passthrough = flags

    @property
    def manufacturer_code(self) -> int:
        """Of the node descriptor."""
        return self._stack.manufacturer_code

    @manufacturer_code.setter
    def manufacturer_code(self, code: int) -> None:
        self._stack.manufacturer_code = code

    def add_endpoint(self, endpoint: Endpoint) -> Status:
        """One more endpoint, before the network is up."""
        if self._stack.core.up:
            return Status.INVALID_STATE
        if not 0 < endpoint.number <= 254 or any(e.number == endpoint.number for e in self._stack.endpoints):
            return Status.INVALID_PARAMETER
        self._stack.endpoints.append(endpoint)
        return Status.OK

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order they were added."""
        return tuple(self._stack.endpoints)

    @property
    def counters(self) -> list[int]:
        """The counters; writable."""
        return self._stack.core.counters

    # --- network

    def set_initial_security(self, state: InitialSecurity) -> Status:
        """Keys and choices for the next form or join."""
        if self._stack.core.up:
            return Status.INVALID_STATE
        if len(state.preconfigured_key) != KEY_LENGTH or len(state.network_key) != KEY_LENGTH:
            return Status.INVALID_PARAMETER
        self._stack.joiner.security = state
        return Status.OK

    def current_security(self) -> tuple[Status, SecurityBit, int]:
        """Bit mask and trust centre of the network."""
        network = self._stack.core.network
        if network is None or not self._stack.core.up:
            return Status.NOT_JOINED, SecurityBit.STANDARD_SECURITY_MODE, 0
        bits = SecurityBit(network.security)
        if self.tc_link_key is not None:
            bits |= SecurityBit.HAVE_TRUST_CENTER_LINK_KEY
        return Status.OK, bits, network.trust_center

    def network_init(self, now: int) -> Status:
        """Back onto the network of before the reset."""
        stack = self._at(now)
        if stack.core.up:
            return Status.INVALID_STATE
        if self.state.network is None or self._mfglib:
            return Status.NOT_JOINED
        stack.go_up(self.state.network)
        return Status.OK

    def form(self, now: int, parameters: NetworkParameters) -> Status:
        """Start a network as its coordinator."""
        return self._at(now).joiner.form(parameters) if not self._mfglib else Status.INVALID_STATE

    def join(self, now: int, node_type: NodeType, parameters: NetworkParameters) -> Status:
        """Associate with a network."""
        stack = self._at(now)
        return stack.joiner.join(node_type, parameters) if not self._mfglib else Status.INVALID_STATE

    def rejoin(self, now: int, secure: bool, channels: int = 0) -> Status:
        """Find the network again."""
        stack = self._at(now)
        return stack.joiner.rejoin(secure, channels) if not self._mfglib else Status.INVALID_STATE

    def leave(self, now: int) -> Status:
        """Leave the network for good."""
        stack = self._at(now)
        if not stack.core.up:
            return Status.INVALID_STATE
        if stack.orphan:
            stack.go_down(forget=True)
        else:
            stack.leave()
        return Status.OK

    def permit(self, now: int, seconds: int) -> Status:
        """Let others join through this node."""
        return self._at(now).permit(seconds)

    def start_scan(self, now: int, kind: ScanType, channels: int, exponent: int) -> Status:
        """An energy or active scan."""
        stack = self._at(now)
        if self._mfglib or stack.joiner.running:
            return Status.INVALID_STATE
        return stack.scanner.start(kind, channels, exponent)

    def stop_scan(self, now: int) -> Status:
        """End a scan."""
        return self._at(now).scanner.halt()

    def poll(self, now: int, interval_us: int, failure_limit: int) -> Status:
        """Ask the parent for data, once or again and again."""
        return self._at(now).poll(interval_us, failure_limit)

    def remove_device(self, now: int, node_id: int, eui64: int, target: int) -> Status:
        """Make a device leave."""
        return self._at(now).trust.remove(node_id, eui64, target)

    def energy_scan_request(self, now: int, target: int, channels: int, duration: int, count: int) -> Status:
        """Ask another node for its energies."""
        return self._at(now).zdo.ask_energy(target, channels, duration, count)

    # --- messages

    def maximum_payload(self, options: ApsOption = ApsOption.NONE) -> int:
        """Octets of a unicast with these options."""
        return self._stack.aps.maximum_payload(options)

    def send_unicast(
        self, now: int, kind: OutgoingType, destination: int, aps: ApsFrame, tag: int, payload: bytes
    ) -> tuple[Status, int]:
        """A unicast to a node id, or to a row of the address or binding table."""
        stack = self._at(now)
        node_id = self._resolve(kind, destination)
        if node_id is None:
            return Status.INVALID_PARAMETER, 0
        return stack.aps.send_unicast(kind, destination, node_id, aps, tag, payload)

    def _resolve(self, kind: OutgoingType, destination: int) -> int | None:
        if kind is OutgoingType.DIRECT:
            return destination
        if kind is OutgoingType.VIA_ADDRESS_TABLE and destination < len(self.addresses):
            node_id = self.addresses[destination].node_id
        elif kind is OutgoingType.VIA_BINDING and destination < len(self.bindings):
            node_id = self.lookup_id(self.bindings[destination].address)
        else:
            return None
        return node_id if node_id < BROADCAST_FLOOR else None

    def send_broadcast(
        self, now: int, destination: int, aps: ApsFrame, radius: int, tag: int, payload: bytes
    ) -> tuple[Status, int]:
        """A broadcast; MessageSent follows, and the message itself as a loop-back."""
        stack = self._at(now)
        if destination < BROADCAST_FLOOR:
            return Status.INVALID_PARAMETER, 0
        return self._group(
            stack, OutgoingType.BROADCAST, replace(aps, group_id=0), destination, radius, tag, payload
        )

    def send_multicast(
        self, now: int, aps: ApsFrame, hops: int, non_member_radius: int, tag: int, payload: bytes
    ) -> tuple[Status, int]:
        """A message to a group, as an APS group addressed broadcast."""
        stack = self._at(now)
        return self._group(stack, OutgoingType.MULTICAST, aps, 0xFFFD, hops, tag, payload)

    def _group(
        self,
        stack: Stack,
        kind: OutgoingType,
        aps: ApsFrame,
        destination: int,
        radius: int,
        tag: int,
        payload: bytes,
    ) -> tuple[Status, int]:
        status, sequence = stack.aps.send_group(aps, destination, radius, payload)
        if status is not Status.OK:
            return status, 0
        sent = aps.with_sequence(sequence)
        given = destination if kind is OutgoingType.BROADCAST else aps.group_id
        stack.core.emit(MessageSent(kind, given, sent, tag, Status.OK, payload))
        loop = IncomingType.BROADCAST_LOOPBACK
        if kind is OutgoingType.MULTICAST:
            loop = IncomingType.MULTICAST_LOOPBACK
        if aps.profile and (kind is OutgoingType.BROADCAST or stack.in_group(aps.group_id)):
            stack.core.emit(IncomingMessage(loop, sent, stack.nwk.me, self.eui64, payload))
        return status, sequence

    def send_reply(self, now: int, sender: int, aps: ApsFrame, payload: bytes) -> Status:
        """A reply, or the acknowledgement of a fragment."""
        return self._at(now).aps.send_reply(sender, aps, payload)

    def send_raw(self, now: int, mpdu: bytes) -> Status:
        """An MPDU without FCS, as it is."""
        stack = self._at(now)
        if raw_error(mpdu) is not Status.OK or len(mpdu) + FCS_LENGTH > MAX_MPDU:
            return Status.INVALID_PARAMETER
        stack.mac.send_raw(mpdu, lambda status: stack.core.emit(RawTransmitComplete(mpdu, status)))
        return Status.OK

    def set_source_route(self, destination: int, relays: tuple[int, ...]) -> Status:
        """Relays of frames for a destination, nearest to it first."""
        self._stack.nwk.routing.set_source_route(destination, relays)
        return Status.OK

    def set_concentrator(self, now: int, on: bool, minimum_s: int, maximum_s: int, hops: int) -> Status:
        """Many-to-one route requests, now and each `maximum_s`."""
        self._at(now).nwk.routing.concentrate(on, maximum_s * 1_000_000)
        return Status.OK

    # --- tables

    @property
    def children(self) -> list[Child | None]:
        """The child table."""
        return list(self._stack.children.rows)

    @property
    def neighbors(self) -> list[Neighbor]:
        """The neighbour table: routers around."""
        return self._stack.nwk.routing.rows()

    @property
    def routes(self) -> list[Route]:
        """The routing table."""
        return self._stack.nwk.routing.routes()

    @property
    def addresses(self) -> list[AddressEntry]:
        """The address table, of the configured size; rows may be replaced."""
        rows, size = self._stack.addresses, self.config(Config.ADDRESS_TABLE_SIZE)
        rows.extend(AddressEntry() for _ in range(size - len(rows)))
        return rows

    @property
    def multicasts(self) -> list[MulticastEntry]:
        """The multicast table, of the configured size; rows may be replaced."""
        rows, size = self._stack.multicasts, self.config(Config.MULTICAST_TABLE_SIZE)
        rows.extend(MulticastEntry() for _ in range(size - len(rows)))
        return rows

    @property
    def bindings(self) -> list[Binding]:
        """The binding table, of the configured size; rows may be replaced."""
        rows, size = self._stack.bindings, self.config(Config.BINDING_TABLE_SIZE)
        rows.extend(Binding() for _ in range(size - len(rows)))
        return rows

    def set_child(self, index: int, child: Child) -> Status:
        """A row of the child table, as of a backup that is restored."""
        if index >= self.config(Config.MAX_END_DEVICE_CHILDREN):
            return Status.INVALID_INDEX
        rows = self._stack.children.rows
        rows.extend([None] * (index + 1 - len(rows)))
        rows[index] = child
        self.state.nodes[child.node_id] = child.eui64
        return Status.OK

    def lookup_id(self, eui64: int) -> int:
        """The node id of an EUI-64."""
        if eui64 == self.eui64 and self._stack.core.up:
            return self.node_id
        return next((n for n, e in self.state.nodes.items() if e == eui64), UNKNOWN_ID)

    def lookup_eui64(self, node_id: int) -> int | None:
        """The EUI-64 of a node id."""
        return self._stack.aps.eui64_of(node_id)

    def extended_timeout(self, eui64: int) -> bool:
        """Whether acknowledgements of a node may take long."""
        return self._stack.extended_timeout(eui64)

    def set_extended_timeout(self, eui64: int, on: bool) -> None:
        """A node answers slowly, or not."""
        (self._stack.extended.add if on else self._stack.extended.discard)(eui64)

    # --- manufacturing library

    def mfglib_start(self, now: int, receive: bool) -> Status:
        """Take the radio from the stack; with `receive` hear everything on the channel."""
        stack = self._at(now)
        if stack.core.up or stack.joiner.running or self._mfglib:
            return Status.INVALID_STATE
        self._mfglib = True
        stack.mac.sniffing = receive
        return Status.OK

    def mfglib_end(self, now: int) -> Status:
        """Give the radio back."""
        stack = self._at(now)
        if not self._mfglib:
            return Status.INVALID_STATE
        self._mfglib = False
        stack.mac.stop()
        return Status.OK

    def mfglib_set_channel(self, now: int, channel: int) -> Status:
        """Tune the radio."""
        stack = self._at(now)
        if not FIRST_CHANNEL <= channel <= LAST_CHANNEL:
            return Status.INVALID_PARAMETER
        if not self._mfglib:
            return Status.INVALID_STATE
        stack.mac.channel = channel
        return Status.OK

    @property
    def mfglib_channel(self) -> int:
        """Where it is tuned to."""
        return self._stack.mac.channel

    def mfglib_send(self, now: int, mpdu: bytes) -> Status:
        """Octets with their FCS."""
        stack = self._at(now)
        if not self._mfglib:
            return Status.INVALID_STATE
        if raw_error(mpdu) is not Status.OK or len(mpdu) > MAX_MPDU:
            return Status.INVALID_PARAMETER
        stack.mac.send_raw(mpdu, None, fcs=False)
        return Status.OK
