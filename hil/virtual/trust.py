"""The trust centre: who gets the network key, link keys for pairs, new network keys; and its clients.

Source: ZigBee specification (053474r20/r21) 4.4, 4.6.3; policies: radio-stack 8, se-security 9.3, 9.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gbcs.errors import ParseError
from smets.han.mmo import hmac_mmo

from .aps import ApsOrder
from .aps_frames import (
    APP_LINK_KEY,
    CONFIRM_KEY,
    EUI,
    NETWORK_KEY,
    SWITCH_KEY,
    TC_LINK_KEY,
    UPDATE_DEVICE,
    VERIFY_KEY,
    ApsCommand,
    ApsHeader,
    ApsType,
    KeyType,
)
from .core import Timer
from .join import random_key
from .node_events import KeyEstablished, TrustCenterJoin
from .node_types import (
    NO_INDEX,
    Decision,
    DeviceUpdate,
    JoinDecision,
    KeyStatus,
    Policy,
    SecurityBit,
    Status,
    TrustCenterPolicy,
)
from .nwk import TO_ALL
from .security import KeyKind
from .state import NetworkKey, StoredKey

if TYPE_CHECKING:
    from .stack import Stack

KEY_TRANSPORTS = 3  # of one join, while nothing secured comes back
KEY_REQUEST_US = 5_000_000  # se-security 9.3: allow about 5 s
VERIFY_INPUT = b"\x03"


@dataclass(slots=True)
class _Transport:
    node_id: int
    parent: int
    key: StoredKey | None
    left: int
    timer: Timer | None = None


class TrustCenter:
    """The trust centre's side, and what a node asks of it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._transports: dict[int, _Transport] = {}
        self._waiting: dict[int, Timer] = {}  # partner of a key this node asked for
        self._verifying: StoredKey | None = None

    def stop(self) -> None:
        """A reset."""
        self._transports.clear()
        self._waiting.clear()
        self._verifying = None

    def _policy(self) -> int:
        return self._stack.policies.get(Policy.TRUST_CENTER, TrustCenterPolicy.DEFAULT)

    # --- joiners

    def device_update(self, eui64: int, node_id: int, update: DeviceUpdate, parent: int) -> None:
        """A parent says that a device came or went."""
        stack = self._stack
        nodes = stack.core.state.nodes
        if update is DeviceUpdate.LEFT:
            if nodes.get(node_id) == eui64 and stack.children.of_eui64(eui64) is None:
                stack.nwk.routing.forget(node_id)
        else:
            for stale in [n for n, e in nodes.items() if e == eui64 and n != node_id]:
                del nodes[stale]
            nodes[node_id] = eui64
        decision, key = self._decide(eui64, update)
        stack.core.emit(TrustCenterJoin(node_id, eui64, update, decision, parent))
        if decision in (JoinDecision.USE_PRECONFIGURED_KEY, JoinDecision.SEND_KEY_IN_CLEAR):
            self.proven(eui64)
            self._transports[eui64] = _Transport(node_id, parent, key, KEY_TRANSPORTS)
            self._transport(eui64)
        elif decision is JoinDecision.DENY and stack.core.settings.leave_after_deny:
            self._turn_away(eui64, parent)

    def _decide(self, eui64: int, update: DeviceUpdate) -> tuple[JoinDecision, StoredKey | None]:
        policy, keys = self._policy(), self._stack.keys
        if update in (DeviceUpdate.LEFT, DeviceUpdate.SECURED_REJOIN):
            return JoinDecision.NO_ACTION, None
        if update is DeviceUpdate.UNSECURED_REJOIN:
            if policy & TrustCenterPolicy.IGNORE_UNSECURED_REJOINS:
                return JoinDecision.NO_ACTION, None
            known = next(iter(keys.for_commands(eui64)), None)
            if not policy & TrustCenterPolicy.ALLOW_UNSECURED_REJOINS or known is None:
                return JoinDecision.DENY, None
            return JoinDecision.USE_PRECONFIGURED_KEY, known
        if not policy & TrustCenterPolicy.ALLOW_JOINS:
            return JoinDecision.DENY, None
        own = bool(policy & TrustCenterPolicy.JOINS_USE_INSTALL_CODE_KEY)
        key = keys.for_join(eui64, own)
        if key is not None:
            return JoinDecision.USE_PRECONFIGURED_KEY, key
        if policy & TrustCenterPolicy.SEND_KEY_IN_CLEAR:
            return JoinDecision.SEND_KEY_IN_CLEAR, None
        return JoinDecision.DENY, None

    def _transport(self, eui64: int) -> None:
        """Send the network key to a joiner, and again until it proves that it has it."""
        transport, stack = self._transports.get(eui64), self._stack
        network = stack.core.network
        if transport is None or network is None:
            return
        if not transport.left:
            del self._transports[eui64]
            return
        transport.left -= 1
        body = NETWORK_KEY.pack(network.current.key, network.current.sequence, eui64, stack.core.state.eui64)
        payload = bytes((ApsCommand.TRANSPORT_KEY, KeyType.NETWORK)) + body
        if transport.parent == network.node_id:
            stack.aps.send_command(
                transport.node_id, payload, transport.key, KeyKind.KEY_TRANSPORT, nwk_secured=False
            )
        else:
            header = ApsHeader(
                ApsType.COMMAND, counter=stack.aps.next_counter(), secured=transport.key is not None
            )
            inner = stack.aps.command_octets(header, payload, transport.key, KeyKind.KEY_TRANSPORT)
            tunnel = bytes((ApsCommand.TUNNEL,)) + EUI.pack(eui64) + inner
            stack.aps.send_command(transport.parent, tunnel)
        wait = stack.core.settings.join_wait_us // KEY_TRANSPORTS
        transport.timer = stack.core.after(wait, lambda: self._transport(eui64))

    def proven(self, eui64: int | None) -> None:
        """A joiner sent something under the network key."""
        transport = self._transports.pop(eui64, None) if eui64 is not None else None
        if transport is not None and transport.timer is not None:
            transport.timer.cancel()

    def _turn_away(self, eui64: int, parent: int) -> None:
        stack = self._stack
        if parent != stack.nwk.me:
            self._remove_by(parent, stack.core.state.nodes.get(parent), eui64)
            return
        newcomer = stack.children.newcomer_of_eui64(eui64)
        if newcomer is not None:
            stack.children.dismiss(newcomer)

    def remove(self, node_id: int, eui64: int, target: int) -> Status:
        """removeDevice: through the parent, or the device itself."""
        stack = self._stack
        if not stack.core.up or not stack.keys.is_trust_center:
            return Status.INVALID_STATE
        if stack.parent.remove(target):
            return Status.OK
        self._remove_by(node_id, eui64, target)
        return Status.OK

    def _remove_by(self, node_id: int, eui64: int | None, target: int) -> None:
        stack = self._stack
        payload = bytes((ApsCommand.REMOVE_DEVICE,)) + EUI.pack(target)
        key = next(iter(stack.keys.for_commands(eui64)), None) if eui64 is not None else None
        stack.aps.send_command(node_id, payload, key)

    # --- commands

    def aps_command(self, order: ApsOrder) -> None:
        """An APS command to or from the trust centre. Raises ParseError."""
        stack = self._stack
        network = stack.core.network
        if network is None or not stack.core.up:
            return
        if stack.keys.is_trust_center:
            if order.kind is ApsCommand.UPDATE_DEVICE and order.heard.secured:
                self._update_heard(order)
            elif order.kind is ApsCommand.REQUEST_KEY:
                self._key_requested(order)
            elif order.kind is ApsCommand.VERIFY_KEY and order.heard.secured:
                self._verify(order)
            return
        if order.kind is ApsCommand.TRANSPORT_KEY:
            self._key_came(order)
        elif order.kind is ApsCommand.SWITCH_KEY and order.heard.secured and order.source == 0:
            (sequence,) = SWITCH_KEY.unpack(order.body)
            stack.switch_key(sequence)
        elif order.kind is ApsCommand.CONFIRM_KEY and order.link_key is not None:
            status, _, destination = CONFIRM_KEY.unpack(order.body)
            if destination == stack.core.state.eui64 and self._verifying is not None:
                self._verifying = None
                self._established(
                    network.trust_center,
                    KeyStatus.KEY_ESTABLISHMENT_TIMEOUT
                    if status
                    else KeyStatus.TRUST_CENTER_LINK_KEY_ESTABLISHED,
                )

    def _update_heard(self, order: ApsOrder) -> None:
        eui64, node_id, status = UPDATE_DEVICE.unpack(order.body)
        try:
            update = DeviceUpdate(status)
        except ValueError:
            raise ParseError(f"unknown device status {status}", 0, "update device") from None
        self.device_update(eui64, node_id, update, order.source)

    def _key_came(self, order: ApsOrder) -> None:
        stack = self._stack
        network = stack.core.network
        if network is None or not order.body:
            return
        kind = order.body[0]
        if kind == KeyType.NETWORK:
            key, sequence, destination, source = NETWORK_KEY.unpack(order.body, 1)
            trusted = order.key is KeyKind.KEY_TRANSPORT or (
                order.heard.secured and order.source == 0 and order.link_key is None
            )
            mine = destination in (0, stack.core.state.eui64)
            if trusted and mine and source == network.trust_center:
                self._next_key(NetworkKey(key, sequence))
            return
        if order.key is not KeyKind.KEY_LOAD or order.source_eui64 != network.trust_center:
            return
        if kind == KeyType.APP_LINK:
            key, partner, _ = APP_LINK_KEY.unpack(order.body, 1)
            status = stack.keys.put(NO_INDEX, partner, key)
            self._established(
                partner,
                KeyStatus.APP_LINK_KEY_ESTABLISHED if status is Status.OK else KeyStatus.KEY_TABLE_FULL,
            )
        elif kind == KeyType.TC_LINK:
            key, destination, source = TC_LINK_KEY.unpack(order.body, 1)
            if destination == stack.core.state.eui64 and source == network.trust_center:
                self._new_tc_key(key)

    def _next_key(self, key: NetworkKey) -> None:
        network = self._stack.core.network
        if network is not None and key.sequence != network.current.sequence:
            network.alternate = key

    def _established(self, partner: int, status: KeyStatus) -> None:
        timer = self._waiting.pop(partner, None)
        if timer is not None:
            timer.cancel()
        self._stack.core.emit(KeyEstablished(partner, status))

    # --- link keys for pairs, and for the trust centre

    def ask_for_key(self, partner: int) -> Status:
        """Request Key for an application link key."""
        body = bytes((ApsCommand.REQUEST_KEY, KeyType.APP_MASTER)) + EUI.pack(partner)
        return self._ask(partner, body)

    def ask_for_tc_key(self) -> Status:
        """Request Key for a new trust centre link key."""
        network = self._stack.core.network
        if network is None:
            return Status.NETWORK_DOWN
        return self._ask(network.trust_center, bytes((ApsCommand.REQUEST_KEY, KeyType.TC_LINK)))

    def _ask(self, partner: int, payload: bytes) -> Status:
        stack = self._stack
        network = stack.core.network
        if network is None or not stack.core.up or stack.keys.is_trust_center:
            return Status.INVALID_STATE
        key = next(iter(stack.keys.for_commands(network.trust_center)), None)
        if key is None:
            return Status.NO_LINK_KEY
        if partner in self._waiting:
            return Status.INVALID_STATE
        self._waiting[partner] = stack.core.after(KEY_REQUEST_US, lambda: self._too_late(partner))
        stack.aps.send_command(0x0000, payload, key)
        return Status.OK

    def _too_late(self, partner: int) -> None:
        self._verifying = None
        self._established(partner, KeyStatus.KEY_ESTABLISHMENT_TIMEOUT)

    def _key_requested(self, order: ApsOrder) -> None:
        stack, asker = self._stack, order.source_eui64
        if not order.body or order.link_key is None or asker is None:
            return
        kind = order.body[0]
        if kind == KeyType.APP_MASTER:
            (partner,) = EUI.unpack(order.body, 1)
            decision = stack.policies.get(Policy.APP_KEY_REQUEST, Decision.DENY_APP_KEY_REQUESTS)
            if decision != Decision.ALLOW_APP_KEY_REQUESTS or partner == stack.core.state.eui64:
                self._tell(asker, KeyStatus.TC_REJECTED_APP_KEY_REQUEST)
            else:
                self._pair(asker, partner)
        elif kind == KeyType.TC_LINK:
            decision = stack.policies.get(Policy.TC_KEY_REQUEST, Decision.DENY_TC_KEY_REQUESTS)
            if decision != Decision.DENY_TC_KEY_REQUESTS:
                self._give_tc_key(asker, order, decision == Decision.ALLOW_TC_KEY_REQUEST_GENERATE_NEW_KEY)

    def _tell(self, eui64: int, status: KeyStatus) -> None:
        self._stack.core.emit(KeyEstablished(eui64, status))

    def _pair(self, asker: int, partner: int) -> None:
        """One fresh key for two devices, each under its own link key."""
        stack = self._stack
        ends = []
        for eui64 in (asker, partner):
            node_id = next((n for n, e in stack.core.state.nodes.items() if e == eui64), None)
            key = next(iter(stack.keys.for_commands(eui64)), None)
            if node_id is None or key is None:
                self._tell(asker, KeyStatus.TC_FAILED_TO_SEND_APP_KEYS)
                return
            ends.append((node_id, eui64, key))
        fresh = stack.core.random.randbytes(16)
        for node_id, eui64, key in ends:
            other = partner if eui64 == asker else asker
            body = APP_LINK_KEY.pack(fresh, other, int(eui64 == asker))
            payload = bytes((ApsCommand.TRANSPORT_KEY, KeyType.APP_LINK)) + body
            stack.aps.send_command(node_id, payload, key, KeyKind.KEY_LOAD)
        self._tell(asker, KeyStatus.TC_APP_KEY_SENT_TO_REQUESTER)

    def _give_tc_key(self, asker: int, order: ApsOrder, fresh: bool) -> None:
        stack = self._stack
        network, under = stack.core.network, order.link_key
        if network is None or under is None:
            return
        value = under.key
        if fresh:
            value = stack.core.random.randbytes(16)
        elif network.security & SecurityBit.TRUST_CENTER_USES_HASHED_LINK_KEY == (
            SecurityBit.TRUST_CENTER_USES_HASHED_LINK_KEY
        ):
            own = stack.core.state.tc_link_key
            value = hmac_mmo(own.key, EUI.pack(asker)) if own is not None else value
        body = TC_LINK_KEY.pack(value, asker, stack.core.state.eui64)
        payload = bytes((ApsCommand.TRANSPORT_KEY, KeyType.TC_LINK)) + body
        stack.aps.send_command(
            order.source,
            payload,
            under,
            KeyKind.KEY_LOAD,
            done=lambda status: self._keep(asker, value, status),
        )
        self._tell(asker, KeyStatus.TC_RESPONDED_TO_KEY_REQUEST)

    def _keep(self, asker: int, value: bytes, status: Status) -> None:
        """The key left for its device: from now on it is the one between us."""
        row = self._stack.keys.row(asker)
        if status is Status.OK and (row is None or row.key != value):
            self._stack.keys.put(NO_INDEX, asker, value)

    def _new_tc_key(self, value: bytes) -> None:
        """The trust centre gave this node a key: use it, and prove that it arrived."""
        stack = self._stack
        network = stack.core.network
        if network is None:
            return
        stack.core.state.tc_link_key = StoredKey(network.trust_center, value)
        index = stack.keys.index(network.trust_center)
        if index != NO_INDEX:
            stack.core.state.link_keys[index] = StoredKey(network.trust_center, value)
        self._verifying = stack.core.state.tc_link_key
        body = VERIFY_KEY.pack(KeyType.TC_LINK, stack.core.state.eui64, hmac_mmo(value, VERIFY_INPUT))
        stack.aps.send_command(0x0000, bytes((ApsCommand.VERIFY_KEY,)) + body)

    def _verify(self, order: ApsOrder) -> None:
        kind, eui64, digest = VERIFY_KEY.unpack(order.body)
        stack = self._stack
        key = stack.keys.row(eui64)
        if kind != KeyType.TC_LINK or key is None:
            return
        good = digest == hmac_mmo(key.key, VERIFY_INPUT)
        body = CONFIRM_KEY.pack(0 if good else 0xAD, KeyType.TC_LINK, eui64)
        stack.aps.send_command(order.source, bytes((ApsCommand.CONFIRM_KEY,)) + body, key if good else None)

    # --- a new network key

    def send_next_key(self, given: bytes) -> Status:
        """broadcastNextNetworkKey."""
        stack = self._stack
        network = stack.core.network
        if network is None or not stack.core.up or not stack.keys.is_trust_center:
            return Status.INVALID_STATE
        key = self._fresh(given)
        network.alternate = key
        body = NETWORK_KEY.pack(key.key, key.sequence, 0, stack.core.state.eui64)
        payload = bytes((ApsCommand.TRANSPORT_KEY, KeyType.NETWORK)) + body
        stack.aps.send_command(TO_ALL, payload)
        return Status.OK

    def _fresh(self, given: bytes) -> NetworkKey:
        core = self._stack.core
        sequence = core.network.current.sequence if core.network is not None else 0
        return NetworkKey(random_key(given, core.random.randbytes(16)), (sequence + 1) & 0xFF)

    def update_one(self, node_id: int, eui64: int, given: bytes) -> Status:
        """unicastNwkKeyUpdate: the next network key for one device, under its link key."""
        stack = self._stack
        network = stack.core.network
        if network is None or not stack.core.up or not stack.keys.is_trust_center:
            return Status.INVALID_STATE
        key = next(iter(stack.keys.for_commands(eui64)), None)
        if key is None:
            return Status.NO_LINK_KEY
        following = network.alternate
        if following is None or (following.sequence - network.current.sequence) & 0xFF != 1:
            following = network.alternate = self._fresh(given)
        elif any(given):
            following = network.alternate = NetworkKey(given, following.sequence)
        body = NETWORK_KEY.pack(following.key, following.sequence, eui64, stack.core.state.eui64)
        payload = bytes((ApsCommand.TRANSPORT_KEY, KeyType.NETWORK)) + body
        stack.aps.send_command(node_id, payload, key, KeyKind.KEY_TRANSPORT)
        return Status.OK

    def send_switch(self) -> Status:
        """broadcastNetworkKeySwitch; this node switches when its broadcast has been repeated."""
        stack = self._stack
        network = stack.core.network
        if network is None or not stack.core.up or not stack.keys.is_trust_center:
            return Status.INVALID_STATE
        if network.alternate is None:
            return Status.NOT_FOUND
        sequence = network.alternate.sequence
        stack.aps.send_command(TO_ALL, bytes((ApsCommand.SWITCH_KEY,)) + SWITCH_KEY.pack(sequence))
        settings = stack.core.settings
        wait = settings.passive_ack_us * (settings.broadcast_transmissions + 1)
        stack.core.after(wait, lambda: stack.switch_key(sequence))
        return Status.OK
