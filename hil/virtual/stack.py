"""One ZigBee stack: the layers tied together, and the life of the node on its network.

Procedures have files of their own: `join` (this node joins), `parent` (others join through it),
`trust` (it is the trust centre), `zdo` (it is asked about itself).
"""

from __future__ import annotations

from random import Random

from gbcs.errors import GbcsError

from .aps import Aps, ApsMessage, ApsOrder
from .aps_frames import Delivery
from .children import Children
from .core import Core, Timer
from .join import Joiner
from .keyring import KeyRing
from .mac import Mac
from .mac_frames import MacAddress, MacCommand, MacFrame
from .node_events import (
    IncomingMessage,
    MacPassthrough,
    Poll,
    PollComplete,
    RouteError,
    StackStatus,
    SwitchNetworkKey,
)
from .node_types import (
    COORDINATOR_ID,
    AddressEntry,
    ApsFrame,
    ApsOption,
    Binding,
    Child,
    Decision,
    DeviceUpdate,
    Endpoint,
    IncomingType,
    MulticastEntry,
    NodeType,
    PassthroughFlag,
    Policy,
    Status,
)
from .nwk import Heard, Nwk
from .nwk_frames import LEAVE, LEAVE_REJOIN, LEAVE_REQUEST, NETWORK_STATUS, NwkCommand, NwkFrame, NwkType
from .parent import Parent
from .scan import Scanner
from .settings import StackSettings
from .state import Network, Persistent
from .trust import TrustCenter
from .zdo import Zdo

INTERPAN_MASK = 0x03
ZDO_ENDPOINT = 0
EVERY_ENDPOINT = 0xFF


class Stack:
    """The layers and procedures of one node."""

    def __init__(self, state: Persistent, settings: StackSettings, random: Random) -> None:
        self.core = Core(state, settings, random)
        self.mac = Mac(self.core, self)
        self.keys = KeyRing(self.core)
        self.children = Children(self.core, self._child_gone)
        self.nwk = Nwk(self.core, self.mac, self.children, self)
        self.aps = Aps(self.core, self.nwk, self.keys, self)
        self.scanner = Scanner(self)
        self.joiner = Joiner(self)
        self.parent = Parent(self)
        self.trust = TrustCenter(self)
        self.zdo = Zdo(self)
        self.endpoints: list[Endpoint] = []
        self.addresses: list[AddressEntry] = []
        self.multicasts: list[MulticastEntry] = []
        self.bindings: list[Binding] = []
        self.policies: dict[int, int] = {}
        self.extended: set[int] = set()
        self.passthrough = PassthroughFlag.NONE
        self.manufacturer_code = 0
        self.orphan = False  # on a network, without a parent
        self._permit: Timer | None = None
        self._permitting = False
        self._poll_timer: Timer | None = None
        self._alive_timer: Timer | None = None
        self._poll_limit = 0
        self._poll_failures = 0
        self._poll_interval = 0

    # --- up and down

    def stop(self) -> None:
        """A reset: what is not persistent is forgotten."""
        self.core.forget()
        for layer in (self.mac, self.nwk, self.aps, self.keys, self.children, self.trust, self.zdo):
            layer.stop()
        self.scanner.stop()
        self.joiner.stop()
        self.endpoints.clear()
        self.addresses.clear()
        self.multicasts.clear()
        self.bindings.clear()
        self.policies.clear()
        self.extended.clear()
        self.passthrough = PassthroughFlag.NONE
        self.orphan = self._permitting = False
        self._permit = self._poll_timer = self._alive_timer = None

    def tune(self, network: Network) -> None:
        """Put the radio on a network."""
        self.mac.channel = network.parameters.channel
        self.mac.pan_id = network.parameters.pan_id
        self.mac.short = network.node_id
        self.mac.rx_on = network.node_type is not NodeType.SLEEPY_END_DEVICE

    def go_up(self, network: Network, tell: bool = True) -> None:
        """The node is on its network."""
        self.core.candidate = None
        self.core.state.network = network
        self.core.up = True
        self.orphan = False
        self.core.state.nodes[network.node_id] = self.core.state.eui64
        if network.trust_center:
            self.core.state.nodes[COORDINATOR_ID] = network.trust_center
        if network.parent_eui64:
            self.core.state.nodes[network.parent_id] = network.parent_eui64
        self.tune(network)
        self.children.start()
        self.nwk.routing.start()
        self._keep_alive()
        if tell:
            self.core.emit(StackStatus(Status.NETWORK_UP))

    def go_down(self, forget: bool, status: Status = Status.NETWORK_DOWN) -> None:
        """The node is off its network."""
        self.aps.abandon()
        if self.scanner.running:
            self.scanner.halt()
        self.core.candidate = None
        self.core.up = False
        self.orphan = False
        self._close()
        if self._poll_timer is not None:
            self._poll_timer.cancel()
        self.mac.stop()
        self.nwk.stop()
        self.aps.stop()
        self.children.stop()
        if forget:
            self.core.state.forget_network()
        self.core.emit(StackStatus(status))

    # --- permit

    @property
    def permitting(self) -> bool:
        """Whether others may join through this node."""
        return self._permitting

    def permit(self, seconds: int) -> Status:
        """Open for joiners; 0 closes, 255 is for ever."""
        if not self.core.up or not self.nwk.is_router:
            return Status.INVALID_STATE
        if self._permit is not None:
            self._permit.cancel()
            self._permit = None
        if seconds == 0:
            self._close()
            return Status.OK
        if not self._permitting:
            self._permitting = True
            self.core.emit(StackStatus(Status.NETWORK_OPENED))
        if seconds != 0xFF:
            self._permit = self.core.after(seconds * 1_000_000, self._close)
        return Status.OK

    def _close(self) -> None:
        if self._permit is not None:
            self._permit.cancel()
            self._permit = None
        if self._permitting:
            self._permitting = False
            self.core.emit(StackStatus(Status.NETWORK_CLOSED))

    # --- leaving

    def leave(self, rejoin: bool = False) -> None:
        """Say so, then go; with `rejoin` come back at once."""
        network = self.core.network
        if network is None or not self.core.up:
            return
        if network.node_type is NodeType.COORDINATOR:
            self.core.after(0, lambda: self._left(rejoin))
            return
        to = 0xFFFD if self.nwk.is_router else network.parent_id
        body = LEAVE.pack(LEAVE_REJOIN if rejoin else 0)
        self.nwk.send_command(to, NwkCommand.LEAVE, body, lambda _: self._left(rejoin))

    def _left(self, rejoin: bool) -> None:
        if not self.core.up:
            return
        if rejoin:
            self.joiner.rejoin(True, 0)
        else:
            self.go_down(forget=True)

    def ask_to_leave(self, node_id: int, rejoin: bool = False) -> None:
        """Tell a child or neighbour to leave."""
        body = LEAVE.pack(LEAVE_REQUEST | (LEAVE_REJOIN if rejoin else 0))
        self.nwk.send_command(node_id, NwkCommand.LEAVE, body, hop=node_id)

    def _leave_heard(self, body: bytes, frame: NwkFrame) -> None:
        (options,) = LEAVE.unpack(body)
        network = self.core.network
        if network is None:
            return
        if options & LEAVE_REQUEST:
            if frame.destination == network.node_id and network.node_type is not NodeType.COORDINATOR:
                self.leave(bool(options & LEAVE_REJOIN))
            return
        eui64 = frame.source_eui64 or self.core.state.nodes.get(frame.source)
        if frame.source == network.parent_id and not self.nwk.is_router:
            self.orphaned()
        self.forget_node(frame.source, eui64, bool(options & LEAVE_REJOIN))

    def forget_node(self, node_id: int, eui64: int | None, comes_back: bool = False) -> None:
        """A node is gone from here."""
        child = self.children.of_id(node_id)
        self.nwk.routing.forget(node_id)
        self.mac.drop_indirect(MacAddress(self.mac.pan_id, node_id))
        if child is not None:
            self.children.remove(child)
        elif eui64 is not None and not comes_back:
            self.parent.tell_trust_center(eui64, node_id, DeviceUpdate.LEFT)

    def _child_gone(self, child: Child) -> None:
        self.mac.drop_indirect(MacAddress(self.mac.pan_id, child.node_id))
        self.parent.tell_trust_center(child.eui64, child.node_id, DeviceUpdate.LEFT)

    def orphaned(self) -> None:
        """The parent is lost: the host decides about a rejoin."""
        if self.core.up and not self.orphan:
            self.orphan = True
            self.core.emit(StackStatus(Status.NETWORK_DOWN))

    # --- polls of an end device

    def poll(self, interval_us: int, failure_limit: int) -> Status:
        """Poll now, and again each interval."""
        network = self.core.network
        if network is None or not self.core.up or self.nwk.is_router:
            return Status.INVALID_STATE
        if self._poll_timer is not None:
            self._poll_timer.cancel()
            self._poll_timer = None
        self._poll_interval = interval_us
        self._poll_limit = failure_limit or self.core.settings.poll_failures
        self._poll_failures = 0
        self._poll_now()
        return Status.OK

    def _poll_now(self) -> None:
        network = self.core.network
        if network is None or not self.core.up:
            return
        if self._poll_interval:
            self._poll_timer = self.core.after(self._poll_interval, self._poll_now)
        if not self.mac.polling:
            parent = MacAddress(self.mac.pan_id, network.parent_id)
            self.mac.poll(parent, self.mac.me, self._polled)

    def _polled(self, status: Status) -> None:
        self.core.emit(PollComplete(status))
        self._count_poll(status)

    def _count_poll(self, status: Status) -> None:
        if status is not Status.MAC_NO_ACK:
            self._poll_failures = 0
            return
        self._poll_failures += 1
        if self._poll_failures >= (self._poll_limit or self.core.settings.poll_failures):
            self._poll_failures = 0
            if self._poll_timer is not None:
                self._poll_timer.cancel()
                self._poll_timer = None
            self.orphaned()

    def _keep_alive(self) -> None:
        """An end device that is not sleepy polls by itself, so that its parent keeps it."""
        network = self.core.network
        if network is None or network.node_type is not NodeType.END_DEVICE:
            return
        period = self.parent.own_timeout_us // max(1, self.core.settings.keep_alive_share)
        if self._alive_timer is not None:
            self._alive_timer.cancel()
        self._alive_timer = self.core.after(period, self._keep_alive_now)

    def _keep_alive_now(self) -> None:
        network = self.core.network
        if network is None or not self.core.up or network.node_type is not NodeType.END_DEVICE:
            return
        if not self.mac.polling:
            parent = MacAddress(self.mac.pan_id, network.parent_id)
            self.mac.poll(parent, self.mac.me, self._count_poll)
        self._keep_alive()

    # --- what the MAC tells

    def mac_data(self, frame: MacFrame, lqi: int, rssi: int) -> None:
        """A data frame: inter-PAN for the host, or one of the network."""
        if frame.payload[0] & INTERPAN_MASK == NwkType.INTERPAN:
            if self.passthrough & PassthroughFlag.SE_INTERPAN:
                mpdu = frame.octets()[:-2]
                self.core.emit(MacPassthrough(PassthroughFlag.SE_INTERPAN, lqi, rssi, mpdu))
            return
        try:
            self.nwk.receive(frame, lqi, rssi)
        except GbcsError:  # whatever is wrong with a frame of the air, it is dropped
            return

    def mac_command(self, command: MacCommand, body: bytes, frame: MacFrame) -> None:
        """A MAC command."""
        if command is MacCommand.BEACON_REQUEST:
            self.parent.beacon_requested()
        elif command is MacCommand.ASSOCIATION_REQUEST:
            self.parent.association_requested(body, frame)
        elif command is MacCommand.ASSOCIATION_RESPONSE:
            self.joiner.association_answered(body, frame)

    def mac_beacon(self, frame: MacFrame, lqi: int, rssi: int) -> None:
        """A beacon during a scan."""
        self.scanner.beacon(frame, lqi, rssi)

    def mac_polled(self, child: MacAddress, pending: bool) -> None:
        """A child asked for its data."""
        if child.extended or not self.core.up:
            return
        self.children.heard(child.value)
        if self.mac_is_stranger(child):
            self.ask_to_leave(child.value, rejoin=True)
        elif self.policies.get(Policy.POLL_HANDLER) == Decision.POLL_HANDLER_CALLBACK:
            self.core.emit(Poll(child.value, pending))

    def mac_is_stranger(self, sender: MacAddress) -> bool:
        """One that believes to be a child, and is none: it is told to rejoin."""
        return (
            self.core.up
            and self.nwk.is_router
            and not sender.extended
            and sender.pan == self.mac.pan_id
            and self.children.of_id(sender.value) is None
        )

    # --- what the network layer tells

    def nwk_data(self, frame: NwkFrame, heard: Heard) -> None:
        """Data for the layer above."""
        self.aps.receive(frame, heard)

    def nwk_command(self, kind: NwkCommand, body: bytes, frame: NwkFrame, heard: Heard) -> None:
        """A command that is not about routes."""
        if kind is NwkCommand.REJOIN_RESPONSE:
            self.joiner.rejoin_answered(body, frame, heard)
        elif kind is NwkCommand.REJOIN_REQUEST:
            self.parent.rejoin_requested(body, frame, heard)
        elif heard.secured and kind is NwkCommand.LEAVE:
            self._leave_heard(body, frame)
        elif heard.secured and kind is NwkCommand.TIMEOUT_REQUEST:
            self.parent.timeout_requested(body, frame)
        elif heard.secured and kind is NwkCommand.NETWORK_STATUS:
            code, target = NETWORK_STATUS.unpack(body)
            self.nwk.routing.forget_route(target)
            self.core.emit(RouteError(code, target))

    def nwk_proven(self, node_id: int) -> None:
        """A newcomer has the network key."""
        self.trust.proven(self.core.state.nodes.get(node_id))

    def nwk_switched(self, sequence: int) -> None:
        """Somebody uses the next network key already."""
        self.switch_key(sequence)

    def switch_key(self, sequence: int) -> None:
        """The next network key becomes the current one."""
        network = self.core.network
        if network is None or network.alternate is None or network.alternate.sequence != sequence:
            return
        network.current, network.alternate = network.alternate, network.current
        self.core.emit(SwitchNetworkKey(sequence))

    # --- what the APS layer tells and asks

    def aps_command(self, order: ApsOrder) -> None:
        """An APS command: for the joiner, the parent, or the trust centre."""
        if not (self.joiner.aps_command(order) or self.parent.aps_command(order)):
            self.trust.aps_command(order)

    def has_endpoint(self, endpoint: int) -> bool:
        """Whether unicasts to an endpoint are taken."""
        return endpoint in (ZDO_ENDPOINT, EVERY_ENDPOINT) or any(e.number == endpoint for e in self.endpoints)

    def in_group(self, group: int) -> bool:
        """Whether an endpoint of this node is in a group."""
        return any(row.endpoint and row.group_id == group for row in self.multicasts)

    def extended_timeout(self, eui64: int) -> bool:
        """Whether a node is answered for slowly."""
        return eui64 in self.extended or any(
            row.extended_timeout and row.eui64 == eui64 for row in self.addresses
        )

    def aps_message(self, message: ApsMessage) -> None:
        """Data: to the ZDO if it is for it, and to the host."""
        header = message.header
        if header.destination_endpoint == ZDO_ENDPOINT and header.profile == 0:
            if header.delivery is not Delivery.GROUP and not self.zdo.handle(message):
                return
        elif header.delivery is not Delivery.UNICAST and not self.endpoints:
            return
        self.core.emit(self._incoming(message))

    def _incoming(self, message: ApsMessage) -> IncomingMessage:
        header = message.header
        options = ApsOption.NONE
        options |= ApsOption.ENCRYPTION if header.secured else ApsOption.NONE
        options |= ApsOption.RETRY if header.ack_request else ApsOption.NONE
        group = header.group
        if header.block is not None:
            options |= ApsOption.FRAGMENT
            group = header.block.number << 8 if header.block.first else header.block.number
        kinds = {
            Delivery.UNICAST: IncomingType.UNICAST,
            Delivery.BROADCAST: IncomingType.BROADCAST,
            Delivery.GROUP: IncomingType.MULTICAST,
        }
        aps = ApsFrame(
            header.profile,
            header.cluster,
            header.source_endpoint,
            header.destination_endpoint,
            options,
            group,
            header.counter,
        )
        return IncomingMessage(
            kinds[header.delivery],
            aps,
            message.source,
            message.source_eui64,
            message.payload,
            message.heard.lqi,
            message.heard.rssi,
            timestamp=self.core.now // 1000 & 0xFFFFFFFF,
        )
