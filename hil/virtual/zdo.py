"""The ZigBee device object: what a node answers about itself without asking its host.

Source: ZigBee specification (053474r20/r21) 2.4; radio-stack 6.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gbcs.errors import ParseError
from gbcs.layout import Layout, u8, u16le, u32le, u64le

from .aps import ApsMessage
from .aps_frames import Delivery
from .children import capability_of
from .mac_frames import MacAddress
from .node_events import IdConflict, StackStatus
from .node_types import (
    AddressEntry,
    ApsFrame,
    Binding,
    Config,
    Endpoint,
    NodeType,
    OutgoingType,
    Status,
    ZdoFlag,
)
from .nwk import BROADCAST_FLOOR, TO_RX_ON
from .scan import channels_of
from .state import Network

if TYPE_CHECKING:
    from .stack import Stack

RESPONSE = 0x8000
NWK_ADDR, IEEE_ADDR, NODE_DESC, POWER_DESC, SIMPLE_DESC, ACTIVE_EP, MATCH_DESC = range(7)
DEVICE_ANNCE = 0x0013
BIND, UNBIND = 0x0021, 0x0022
MGMT_LQI, MGMT_RTG, MGMT_BIND, MGMT_LEAVE, MGMT_PERMIT, MGMT_UPDATE = 0x31, 0x32, 0x33, 0x34, 0x36, 0x38
UPDATE_NOTIFY = 0x8038

SUCCESS, BAD_REQUEST, NOT_FOUND_HERE, BAD_ENDPOINT, INACTIVE = 0x00, 0x80, 0x81, 0x82, 0x83
NOT_SUPPORTED, NO_MATCH, NO_ENTRY, TABLE_FULL = 0x84, 0x86, 0x88, 0x8C

SEQUENCE = Layout("ZDO", u8("sequence"))
BY_ID = Layout("ZDO", u16le("node id"))
BY_EUI = Layout("ZDO", u64le("EUI-64"))
EXTENDED_REQUEST = Layout("ZDO", u8("kind"), u8("start"))
ENDPOINT = Layout("ZDO", u8("endpoint"))
MATCH = Layout("ZDO", u16le("node id"), u16le("profile"), u8("count"))
CLUSTER = Layout("ZDO", u16le("cluster"))
ANNCE = Layout("ZDO", u16le("node id"), u64le("EUI-64"), u8("capability"))
LEAVE = Layout("ZDO", u64le("EUI-64"), u8("options"))
PERMIT = Layout("ZDO", u8("seconds"), u8("TC significance"))
UPDATE = Layout("ZDO", u32le("channels"), u8("duration"))
NODE_DESCRIPTOR = Layout(
    "node descriptor",
    u16le("flags"),
    u8("capability"),
    u16le("manufacturer"),
    u8("buffer"),
    u16le("incoming"),
    u16le("server"),
    u16le("outgoing"),
    u8("features"),
)
SIMPLE = Layout("simple descriptor", u8("endpoint"), u16le("profile"), u16le("device"), u8("version"))
BIND_SOURCE = Layout("bind", u64le("source"), u8("endpoint"), u16le("cluster"), u8("mode"))
BIND_UNICAST = Layout("bind", u64le("destination"), u8("endpoint"))
LQI_ROW = Layout(
    "neighbour",
    u64le("extended PAN id"),
    u64le("EUI-64"),
    u16le("node id"),
    u8("relationship"),
    u8("permit"),
    u8("depth"),
    u8("lqi"),
)
ROUTE_ROW = Layout("route", u16le("destination"), u8("status"), u16le("next hop"))

LOGICAL = {NodeType.COORDINATOR: 0, NodeType.ROUTER: 1}  # others are end devices: 2
BAND_2_4_GHZ = 0x4000
SERVER_TRUST_CENTER, SERVER_REVISION_21 = 0x0001, 21 << 9
BUFFER, TRANSFER = 82, 255
MAINS, BATTERY = 0xC110, 0xC441  # full; always on and mains, or on when stimulated and disposable
CHILD, SIBLING, PARENT = 1, 2, 0
ROWS = 3  # of a table in one response
TO_NODE = 3  # a binding's address mode
TO_GROUP = 1
REJOIN = 0x80
ENERGY_SCAN_MAX = 5  # larger durations mean a change of channel or manager
FROM_DBM = 100  # an energy of 0..255 from dBm: the specification leaves it open


class Zdo:
    """One node's ZDO server, and the announcements it makes."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._sequence = 0
        self._handlers: dict[int, Callable[[bytes, ApsMessage], bytes | None]] = {
            NWK_ADDR: self._nwk_addr,
            IEEE_ADDR: self._ieee_addr,
            NODE_DESC: self._node_desc,
            POWER_DESC: self._power_desc,
            SIMPLE_DESC: self._simple_desc,
            ACTIVE_EP: self._active_ep,
            MATCH_DESC: self._match_desc,
            BIND: self._bind,
            UNBIND: self._unbind,
            MGMT_LQI: self._mgmt_lqi,
            MGMT_RTG: self._mgmt_rtg,
            MGMT_BIND: self._mgmt_bind,
            MGMT_LEAVE: self._mgmt_leave,
            MGMT_PERMIT: self._mgmt_permit,
            MGMT_UPDATE: self._mgmt_update,
        }

    def stop(self) -> None:
        """A reset."""
        self._sequence = 0

    # --- sending

    def _send(self, to: int, cluster: int, sequence: int, body: bytes) -> None:
        aps = ApsFrame(0, cluster, 0, 0)
        payload = SEQUENCE.pack(sequence) + body
        if to >= BROADCAST_FLOOR:
            self._stack.aps.send_group(aps, to, 0, payload)
            return
        # Under the network key, as all ZDO traffic (se-security 9.2)
        self._stack.aps.send_unicast(OutgoingType.DIRECT, to, to, aps, 0, payload, report=False)

    def _next(self) -> int:
        self._sequence = (self._sequence + 1) & 0xFF
        return self._sequence

    def announce(self) -> None:
        """Device_annce."""
        network = self._stack.core.network
        if network is not None:
            body = ANNCE.pack(network.node_id, self._stack.core.state.eui64, capability_of(network.node_type))
            self._send(TO_RX_ON, DEVICE_ANNCE, self._next(), body)

    def ask_energy(self, target: int, channels: int, duration: int, count: int) -> Status:
        """Mgmt_NWK_Update_req; the answer comes as a message."""
        network = self._stack.core.network
        if network is None:
            return Status.NETWORK_DOWN
        body = UPDATE.pack(channels, duration) + (
            bytes((count,)) if duration <= ENERGY_SCAN_MAX else bytes((network.parameters.update_id,))
        )
        self._send(target, MGMT_UPDATE, self._next(), body)
        return Status.OK

    # --- receiving

    def handle(self, message: ApsMessage) -> bool:
        """A message for the ZDO: answer it if it is this node's to answer. True if the host is to see it.

        Raises ParseError.
        """
        cluster = message.header.cluster
        (sequence,) = SEQUENCE.unpack(message.payload)
        body = message.payload[SEQUENCE.size :]
        if cluster & RESPONSE:
            return True
        if cluster == DEVICE_ANNCE:
            self._announced(body, message)
            return True
        flags = self._stack.core.config[Config.APPLICATION_ZDO_FLAGS]
        handler = self._handlers.get(cluster)
        unicast = message.header.delivery is Delivery.UNICAST
        if handler is None:
            if flags & ZdoFlag.APP_HANDLES_UNSUPPORTED_REQUESTS:
                return True
            if unicast:
                self._send(message.source, cluster | RESPONSE, sequence, bytes((NOT_SUPPORTED,)))
            return False
        host_answers = (
            flags & ZdoFlag.APP_HANDLES_ENDPOINT_REQUESTS and cluster in (SIMPLE_DESC, ACTIVE_EP, MATCH_DESC)
        ) or (flags & ZdoFlag.APP_HANDLES_BINDING_REQUESTS and cluster in (BIND, UNBIND))
        if host_answers:
            return True
        answer = handler(body, message)
        if answer is not None:
            self._send(message.source, cluster | RESPONSE, sequence, answer)
        return bool(flags & ZdoFlag.APP_RECEIVES_SUPPORTED_REQUESTS)

    def _announced(self, body: bytes, message: ApsMessage) -> None:
        """Somebody has an address now: learn it; two of the same address is a conflict."""
        node_id, eui64, _ = ANNCE.unpack(body)
        stack, nodes = self._stack, self._stack.core.state.nodes
        network = stack.core.network
        if network is None or node_id >= BROADCAST_FLOOR or eui64 == stack.core.state.eui64:
            return
        if node_id == network.node_id:
            self._own_conflict(network)
            return
        if nodes.get(node_id, eui64) != eui64:
            stack.core.emit(IdConflict(node_id))
        for stale in [n for n, e in nodes.items() if e == eui64 and n != node_id]:
            del nodes[stale]
            child = stack.children.of_id(stale)
            if child is not None:
                stack.children.remove(child, tell=False)
        nodes[node_id] = eui64
        stack.trust.proven(eui64)
        for place, row in enumerate(stack.addresses):
            if row.eui64 == eui64:
                stack.addresses[place] = AddressEntry(node_id, eui64, row.extended_timeout)
        moved = stack.children.of_eui64(eui64)
        if moved is not None and message.heard.hop.value != node_id:
            stack.mac.drop_indirect(MacAddress(stack.mac.pan_id, node_id))
            stack.children.remove(moved, tell=False)

    def _own_conflict(self, network: Network) -> None:
        """Another has this node's address: take a new one (the coordinator keeps its own)."""
        stack = self._stack
        if network.node_type is NodeType.COORDINATOR:
            return
        stack.core.state.nodes.pop(network.node_id, None)
        if not stack.nwk.is_router:  # its parent gives addresses
            stack.joiner.rejoin(True, 0)
            return
        network.node_id = stack.core.random.randrange(1, 0xFFF8)
        stack.tune(network)
        stack.core.state.nodes[network.node_id] = stack.core.state.eui64
        stack.core.emit(StackStatus(Status.NODE_ID_CHANGED))
        self.announce()

    # --- addresses and descriptors

    def _mine(self, node_id: int) -> bool:
        return node_id == self._stack.nwk.me

    def _nwk_addr(self, body: bytes, message: ApsMessage) -> bytes | None:
        (eui64,) = BY_EUI.unpack(body)
        kind, _ = EXTENDED_REQUEST.unpack(body, BY_EUI.size)
        child = self._stack.children.of_eui64(eui64)
        if eui64 == self._stack.core.state.eui64:
            return self._address(self._stack.nwk.me, eui64, kind)
        if child is not None:
            return self._address(child.node_id, eui64, 0)
        if message.header.delivery is not Delivery.UNICAST:
            return None
        return bytes((NOT_FOUND_HERE,)) + BY_EUI.pack(eui64) + BY_ID.pack(0xFFFF)

    def _ieee_addr(self, body: bytes, message: ApsMessage) -> bytes | None:
        (node_id,) = BY_ID.unpack(body)
        kind, _ = EXTENDED_REQUEST.unpack(body, BY_ID.size)
        child = self._stack.children.of_id(node_id)
        if self._mine(node_id):
            return self._address(node_id, self._stack.core.state.eui64, kind)
        if child is not None:
            return self._address(node_id, child.eui64, 0)
        return bytes((NOT_FOUND_HERE,)) + BY_EUI.pack(0) + BY_ID.pack(node_id)

    def _address(self, node_id: int, eui64: int, kind: int) -> bytes:
        answer = bytes((SUCCESS,)) + BY_EUI.pack(eui64) + BY_ID.pack(node_id)
        if kind == 1:
            ids = [child.node_id for child in self._stack.children]
            answer += bytes((len(ids), 0)) + b"".join(BY_ID.pack(n) for n in ids[:20])
        return answer

    def _node_desc(self, body: bytes, message: ApsMessage) -> bytes | None:
        (node_id,) = BY_ID.unpack(body)
        network = self._stack.core.network
        if network is None or not self._mine(node_id):
            return bytes((NOT_FOUND_HERE,)) + BY_ID.pack(node_id)
        server = SERVER_REVISION_21
        server |= SERVER_TRUST_CENTER if self._stack.keys.is_trust_center else 0
        descriptor = NODE_DESCRIPTOR.pack(
            LOGICAL.get(network.node_type, 2) | BAND_2_4_GHZ,
            capability_of(network.node_type),
            self._stack.manufacturer_code,
            BUFFER,
            TRANSFER,
            server,
            TRANSFER,
            0,
        )
        return bytes((SUCCESS,)) + BY_ID.pack(node_id) + descriptor

    def _power_desc(self, body: bytes, message: ApsMessage) -> bytes | None:
        (node_id,) = BY_ID.unpack(body)
        if not self._mine(node_id):
            return bytes((NOT_FOUND_HERE,)) + BY_ID.pack(node_id)
        network = self._stack.core.network
        sleepy = network is not None and network.node_type is NodeType.SLEEPY_END_DEVICE
        power = BATTERY if sleepy else MAINS
        return bytes((SUCCESS,)) + BY_ID.pack(node_id) + BY_ID.pack(power)

    def _simple_desc(self, body: bytes, message: ApsMessage) -> bytes | None:
        (node_id,) = BY_ID.unpack(body)
        (number,) = ENDPOINT.unpack(body, BY_ID.size)
        failed = BY_ID.pack(node_id) + b"\x00"
        if not self._mine(node_id):
            return bytes((NOT_FOUND_HERE,)) + failed
        if not 0 < number <= 254:
            return bytes((BAD_ENDPOINT,)) + failed
        found = next((e for e in self._stack.endpoints if e.number == number), None)
        if found is None:
            return bytes((INACTIVE,)) + failed
        descriptor = _simple(found)
        return bytes((SUCCESS,)) + BY_ID.pack(node_id) + bytes((len(descriptor),)) + descriptor

    def _active_ep(self, body: bytes, message: ApsMessage) -> bytes | None:
        (node_id,) = BY_ID.unpack(body)
        if not self._mine(node_id):
            return bytes((NOT_FOUND_HERE,)) + BY_ID.pack(node_id) + b"\x00"
        numbers = bytes(e.number for e in self._stack.endpoints)
        return bytes((SUCCESS,)) + BY_ID.pack(node_id) + bytes((len(numbers),)) + numbers

    def _match_desc(self, body: bytes, message: ApsMessage) -> bytes | None:
        node_id, profile, inputs = MATCH.unpack(body)
        offset = MATCH.size
        servers = {CLUSTER.unpack(body, offset + 2 * i)[0] for i in range(inputs)}
        offset += 2 * inputs
        (outputs,) = ENDPOINT.unpack(body, offset)
        clients = {CLUSTER.unpack(body, offset + 1 + 2 * i)[0] for i in range(outputs)}
        if not self._mine(node_id) and node_id < BROADCAST_FLOOR:
            return bytes((NOT_FOUND_HERE,)) + BY_ID.pack(node_id) + b"\x00"
        numbers = bytes(
            e.number
            for e in self._stack.endpoints
            if e.profile == profile and (servers & set(e.input_clusters) or clients & set(e.output_clusters))
        )
        if not numbers and message.header.delivery is not Delivery.UNICAST:
            return None
        return bytes((SUCCESS,)) + BY_ID.pack(self._stack.nwk.me) + bytes((len(numbers),)) + numbers

    # --- bindings

    def _binding(self, body: bytes) -> Binding:
        source, endpoint, cluster, mode = BIND_SOURCE.unpack(body)
        if source != self._stack.core.state.eui64:
            raise ParseError("of another node", 0, "bind")
        if mode == TO_NODE:
            eui64, remote = BIND_UNICAST.unpack(body, BIND_SOURCE.size)
            return Binding(1, endpoint, cluster, remote, eui64)
        if mode != TO_GROUP:
            raise ParseError(f"address mode {mode}", BIND_SOURCE.size - 1, "bind")
        (group,) = BY_ID.unpack(body, BIND_SOURCE.size)
        return Binding(3, endpoint, cluster, 0, group)

    def _bind(self, body: bytes, message: ApsMessage) -> bytes | None:
        binding, rows = self._binding(body), self._stack.bindings
        if binding in rows:
            return bytes((SUCCESS,))
        free = next((i for i, row in enumerate(rows) if row.kind == 0), None)
        if free is not None:
            rows[free] = binding
        elif len(rows) < self._stack.core.config[Config.BINDING_TABLE_SIZE]:
            rows.append(binding)
        else:
            return bytes((TABLE_FULL,))
        return bytes((SUCCESS,))

    def _unbind(self, body: bytes, message: ApsMessage) -> bytes | None:
        binding, rows = self._binding(body), self._stack.bindings
        if binding not in rows:
            return bytes((NO_ENTRY,))
        rows[rows.index(binding)] = Binding()
        return bytes((SUCCESS,))

    # --- management

    def _table(self, body: bytes, rows: list[bytes]) -> bytes:
        (start,) = ENDPOINT.unpack(body)
        shown = rows[start : start + ROWS]
        return bytes((SUCCESS, len(rows), start, len(shown))) + b"".join(shown)

    def _mgmt_lqi(self, body: bytes, message: ApsMessage) -> bytes | None:
        stack = self._stack
        network = stack.core.network
        if network is None:
            return None
        pan, rows = network.parameters.extended_pan_id, []
        for child in stack.children:
            on = child.node_type is not NodeType.SLEEPY_END_DEVICE
            flags = 2 | int(on) << 2 | CHILD << 4
            rows.append(LQI_ROW.pack(pan, child.eui64, child.node_id, flags, 2, network.depth + 1, 255))
        for near in stack.nwk.routing.rows():
            kind = int(near.node_id != 0)
            parent = near.node_id == network.parent_id
            flags = kind | 1 << 2 | (PARENT if parent else SIBLING) << 4
            rows.append(
                LQI_ROW.pack(pan, near.eui64, near.node_id, flags, 2, 0 if kind == 0 else 1, near.average_lqi)
            )
        return self._table(body, rows)

    def _mgmt_rtg(self, body: bytes, message: ApsMessage) -> bytes | None:
        rows = [
            ROUTE_ROW.pack(route.destination, route.status, route.next_hop)
            for route in self._stack.nwk.routing.routes()
        ]
        return self._table(body, rows)

    def _mgmt_bind(self, body: bytes, message: ApsMessage) -> bytes | None:
        own = self._stack.core.state.eui64
        rows = []
        for row in self._stack.bindings:
            mode = TO_NODE if row.kind == 1 else TO_GROUP
            head = BIND_SOURCE.pack(own, row.local_endpoint, row.cluster, mode)
            if row.kind == 1:
                rows.append(head + BIND_UNICAST.pack(row.address, row.remote_endpoint))
            elif row.kind:
                rows.append(head + BY_ID.pack(row.address))
        return self._table(body, rows)

    def _mgmt_leave(self, body: bytes, message: ApsMessage) -> bytes | None:
        eui64, options = LEAVE.unpack(body)
        stack, rejoin = self._stack, bool(options & REJOIN)
        if eui64 in (0, stack.core.state.eui64):
            # the response goes first
            stack.core.after(stack.core.settings.frame_wait_us, lambda: stack.leave(rejoin))
            return bytes((SUCCESS,))
        child = stack.children.of_eui64(eui64)
        if child is None:
            return bytes((NOT_FOUND_HERE,))
        stack.ask_to_leave(child.node_id, rejoin)
        return bytes((SUCCESS,))

    def _mgmt_permit(self, body: bytes, message: ApsMessage) -> bytes | None:
        seconds, _ = PERMIT.unpack(body)
        if message.source == self._stack.nwk.me and message.header.delivery is not Delivery.UNICAST:
            return None
        status = self._stack.permit(seconds)
        if message.header.delivery is not Delivery.UNICAST:
            return None
        return bytes((SUCCESS if status is Status.OK else NOT_SUPPORTED,))

    def _mgmt_update(self, body: bytes, message: ApsMessage) -> bytes | None:
        channels, duration = UPDATE.unpack(body)
        numbers = channels_of(channels)
        if duration > ENERGY_SCAN_MAX or not numbers:
            return bytes((NOT_SUPPORTED,)) + b"\x00" * 9
        (sequence,) = SEQUENCE.unpack(message.payload)
        energy = self._stack.scanner.energy
        values = bytes(min(255, max(0, 2 * (energy(n) + FROM_DBM))) for n in numbers)
        counters = self._stack.core.counters
        answer = (
            bytes((SUCCESS,))
            + channels.to_bytes(4, "little")
            + counters[3].to_bytes(2, "little")
            + counters[5].to_bytes(2, "little")
            + bytes((len(values),))
            + values
        )
        self._send(message.source, UPDATE_NOTIFY, sequence, answer)
        return None


def _simple(endpoint: Endpoint) -> bytes:
    head = SIMPLE.pack(endpoint.number, endpoint.profile, endpoint.device_id, endpoint.device_version & 0xF)
    for clusters in (endpoint.input_clusters, endpoint.output_clusters):
        head += bytes((len(clusters),)) + b"".join(CLUSTER.pack(c) for c in clusters)
    return head
