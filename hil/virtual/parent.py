"""What a node does for others that join through it: beacons, association, rejoins, time-outs, tunnels.

Source: ZigBee specification (053474r20/r21) 3.6.1.4 to 3.6.1.6, 4.6.3; IEEE 802.15.4-2003 7.5.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .aps import ApsOrder
from .aps_frames import EUI, UPDATE_DEVICE, ApsCommand
from .children import node_type_of, timeout_seconds
from .core import Counter
from .mac_frames import (
    ASSOCIATION_RESPONSE,
    CAPABILITY,
    NO_SHORT,
    AssociationStatus,
    Beacon,
    MacAddress,
    MacCommand,
    MacFrame,
    MacType,
)
from .node_events import ChildJoin
from .node_types import Config, DeviceUpdate, NodeType, Status
from .nwk import Heard
from .nwk_frames import (
    DATA_POLL_KEEPS_ALIVE,
    REJOIN_REQUEST,
    REJOIN_RESPONSE,
    TIMEOUT_REQUEST,
    TIMEOUT_RESPONSE,
    NwkCommand,
    NwkFrame,
    NwkType,
)
from .nwk_frames import command as nwk_command

if TYPE_CHECKING:
    from .stack import Stack

REJOIN_DENIED = 2
TIMEOUT_SUCCESS, TIMEOUT_BAD = 0, 1
MAX_TIMEOUT_CODE = 14


class Parent:
    """The parent's side of joining."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    # --- beacons and association

    def beacon_requested(self) -> None:
        """Say what network this is."""
        stack = self._stack
        network = stack.core.network
        if network is None or not stack.core.up or not stack.nwk.is_router:
            return
        beacon = Beacon(
            network.parameters.extended_pan_id,
            network.node_type is NodeType.COORDINATOR,
            stack.permitting,
            True,
            stack.children.has_room,
            network.depth,
            stack.core.config[Config.STACK_PROFILE],
            network.parameters.update_id,
        )
        source = MacAddress(stack.mac.pan_id, network.node_id)
        stack.mac.send(MacFrame(MacType.BEACON, None, source, beacon.octets()))

    def association_requested(self, body: bytes, frame: MacFrame) -> None:
        """Let a newcomer in, or not; the answer waits until it asks. Raises ParseError."""
        (capability,) = CAPABILITY.unpack(body)
        stack, joiner = self._stack, frame.source
        if joiner is None or not joiner.extended or not stack.core.up or not stack.nwk.is_router:
            return
        node_type = node_type_of(capability)
        status, node_id = AssociationStatus.ACCESS_DENIED, None
        if stack.permitting:
            stack.nwk.forget_counters(joiner.value)
            node_id = stack.children.admit(joiner.value, node_type)
            status = AssociationStatus.PAN_AT_CAPACITY if node_id is None else AssociationStatus.SUCCESS
        to = MacAddress(stack.mac.pan_id, joiner.value, True)
        stack.mac.drop_indirect(to)
        answer = bytes((MacCommand.ASSOCIATION_RESPONSE,)) + ASSOCIATION_RESPONSE.pack(
            0xFFFF if node_id is None else node_id, status
        )
        response = MacFrame(MacType.COMMAND, to, stack.mac.my_eui64, answer, ack_request=True)

        def answered(outcome: Status) -> None:
            if node_id is not None:
                self._associated(joiner.value, node_id, node_type, outcome)

        stack.mac.queue_indirect(to, response, done=answered)

    def _associated(self, eui64: int, node_id: int, node_type: NodeType, outcome: Status) -> None:
        stack = self._stack
        newcomer = stack.children.newcomer(node_id)
        if newcomer is None:
            return
        if outcome is not Status.OK:
            stack.children.dismiss(newcomer)
            return
        stack.core.count(Counter.JOIN_INDICATION)
        index = stack.children.index(eui64)
        stack.core.emit(ChildJoin(index, True, node_id, eui64, node_type))
        self.tell_trust_center(eui64, node_id, DeviceUpdate.UNSECURED_JOIN)

    def tell_trust_center(self, eui64: int, node_id: int, update: DeviceUpdate) -> None:
        """Update Device to the trust centre, or straight to it if that is this node."""
        stack = self._stack
        network = stack.core.network
        if network is None or not stack.core.up or not stack.nwk.is_router:
            return
        if stack.keys.is_trust_center:
            stack.trust.device_update(eui64, node_id, update, network.node_id)
            return
        payload = bytes((ApsCommand.UPDATE_DEVICE,)) + UPDATE_DEVICE.pack(eui64, node_id, update)
        key = next(iter(stack.keys.for_commands(network.trust_center)), None)
        stack.aps.send_command(0x0000, payload, key)

    # --- rejoins

    def rejoin_requested(self, body: bytes, frame: NwkFrame, heard: Heard) -> None:
        """One that knew the network comes back. Raises ParseError."""
        (capability,) = REJOIN_REQUEST.unpack(body)
        stack = self._stack
        eui64 = frame.source_eui64 or heard.hop_eui64
        if not stack.core.up or not stack.nwk.is_router or eui64 is None:
            return
        if heard.hop.extended or heard.hop.value != frame.source:
            return
        node_type = node_type_of(capability)
        if not heard.secured:
            stack.nwk.forget_counters(eui64)
        node_id = stack.children.admit(eui64, node_type, frame.source)
        if heard.secured and node_id is not None:
            stack.children.proven(node_id)
            if node_type is NodeType.ROUTER:
                stack.nwk.routing.heard(node_id, eui64, heard.lqi)
        status = REJOIN_DENIED if node_id is None else 0
        answer = NwkFrame(
            NwkType.COMMAND,
            frame.source,
            stack.nwk.me,
            1,
            stack.nwk.next_sequence(),
            nwk_command(
                NwkCommand.REJOIN_RESPONSE,
                REJOIN_RESPONSE.pack(NO_SHORT if node_id is None else node_id, status),
            ),
            secured=heard.secured,
            destination_eui64=eui64,
            source_eui64=stack.core.state.eui64,
        )

        def answered(outcome: Status) -> None:
            if node_id is None or outcome is not Status.OK:
                return
            index = stack.children.index(eui64)
            stack.core.emit(ChildJoin(index, True, node_id, eui64, node_type))
            update = DeviceUpdate.SECURED_REJOIN if heard.secured else DeviceUpdate.UNSECURED_REJOIN
            self.tell_trust_center(eui64, node_id, update)

        stack.nwk.unicast(answer, answered, again=False, hop=frame.source)

    # --- ageing

    @property
    def own_timeout_us(self) -> int:
        """After what silence this node's parent would forget it."""
        return timeout_seconds(self._stack.core.config[Config.END_DEVICE_POLL_TIMEOUT]) * 1_000_000

    def ask_for_timeout(self) -> None:
        """An end device tells its parent how long it may be silent."""
        stack = self._stack
        network = stack.core.network
        if network is None:
            return
        code = min(stack.core.config[Config.END_DEVICE_POLL_TIMEOUT], MAX_TIMEOUT_CODE)
        stack.nwk.send_command(network.parent_id, NwkCommand.TIMEOUT_REQUEST, TIMEOUT_REQUEST.pack(code, 0))

    def timeout_requested(self, body: bytes, frame: NwkFrame) -> None:
        """A child's End Device Timeout Request. Raises ParseError."""
        code, _ = TIMEOUT_REQUEST.unpack(body)
        stack = self._stack
        good = code <= MAX_TIMEOUT_CODE and stack.children.set_timeout(frame.source, code)
        if stack.children.of_id(frame.source) is None:
            return
        answer = TIMEOUT_RESPONSE.pack(TIMEOUT_SUCCESS if good else TIMEOUT_BAD, DATA_POLL_KEEPS_ALIVE)
        stack.nwk.send_command(frame.source, NwkCommand.TIMEOUT_RESPONSE, answer)

    # --- on behalf of the trust centre

    def aps_command(self, order: ApsOrder) -> bool:
        """A tunnelled key for a newcomer, or a child to be removed. Raises ParseError."""
        stack = self._stack
        network = stack.core.network
        if network is None or not stack.core.up or not order.heard.secured:
            return False
        if order.kind is ApsCommand.TUNNEL:
            (target,) = EUI.unpack(order.body)
            newcomer = stack.children.newcomer_of_eui64(target)
            if newcomer is not None and stack.nwk.is_router and order.source == 0:
                stack.nwk.send(newcomer.node_id, order.body[EUI.size :], secured=False)
            return True
        if order.kind is ApsCommand.REMOVE_DEVICE:
            (target,) = EUI.unpack(order.body)
            if order.source_eui64 != network.trust_center:
                return True
            if target == stack.core.state.eui64:
                stack.leave()
            else:
                self.remove(target)
            return True
        return False

    def remove(self, target: int) -> bool:
        """Make a child, or a newcomer, leave; False if it is neither."""
        stack = self._stack
        newcomer = stack.children.newcomer_of_eui64(target)
        if newcomer is not None:
            stack.children.dismiss(newcomer)
            return True
        child = stack.children.of_eui64(target)
        node_id = child.node_id if child is not None else None
        if node_id is None:
            near = stack.nwk.routing.neighbours()
            node_id = next((n for n in near if stack.core.state.nodes.get(n) == target), None)
        if node_id is None:
            return False
        stack.ask_to_leave(node_id)
        return True
