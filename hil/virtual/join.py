"""How this node gets onto a network: form, join, rejoin, and the network key that ends a join.

Source: ZigBee specification (053474r20/r21) 3.6.1.4 and 4.6.3; radio-stack 6.2; chts-hub 5.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from gbcs.errors import BuildError

from .aps import ApsOrder
from .aps_frames import NETWORK_KEY, ApsCommand, KeyType
from .children import capability_of, is_assigned
from .core import Timer
from .mac_frames import (
    ASSOCIATION_RESPONSE,
    BROADCAST_PAN,
    NO_SHORT,
    AssociationStatus,
    MacAddress,
    MacCommand,
    MacFrame,
    MacType,
)
from .node_events import StackStatus
from .node_types import (
    COORDINATOR_ID,
    InitialSecurity,
    NetworkParameters,
    NodeType,
    ScanType,
    SecurityBit,
    Status,
)
from .nwk import Heard
from .nwk_frames import REJOIN_RESPONSE, NwkCommand, NwkFrame, NwkType
from .nwk_frames import command as nwk_command
from .scan import HeardBeacon, channels_of
from .security import KeyKind
from .state import Network, NetworkKey, StoredKey

if TYPE_CHECKING:
    from .stack import Stack

SCAN_EXPONENT = 3
TRIES = 3  # parents tried, polls for an answer
NO_NODE = 0xFFFF
ALL_CHANNELS = 0x07FFF800


class Joiner:
    """The procedures that end with the node on a network, or with the reason why not."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.security: InitialSecurity | None = None
        self._node_type = NodeType.UNKNOWN
        self._wanted: NetworkParameters | None = None
        self._parents: list[HeardBeacon] = []
        self._parent: HeardBeacon | None = None
        self._timer: Timer | None = None
        self._rejoin: bool | None = None  # secure or not; None is an association
        self._old: Network | None = None
        self._answered = False
        self._polls = 0
        self._last = Status.JOIN_FAILED

    @property
    def running(self) -> bool:
        """Whether a join or rejoin is under way."""
        return self._wanted is not None

    def stop(self) -> None:
        """A reset."""
        self.security = None
        self._clear()

    def _clear(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._wanted = None
        self._parents = []
        self._parent = None
        self._old = None

    # --- forming

    def form(self, parameters: NetworkParameters) -> Status:
        """Start a network as its coordinator and trust centre."""
        core = self._stack.core
        if core.state.network is not None or self.running:
            return Status.INVALID_STATE
        if self.security is None:
            return Status.SECURITY_STATE_NOT_SET
        if not channels_of(1 << parameters.channel):
            return Status.INVALID_PARAMETER
        pan_id, extended = parameters.pan_id, parameters.extended_pan_id
        if pan_id == BROADCAST_PAN:
            pan_id = core.random.randrange(1, 0xFFFE)
        extended = extended or core.random.getrandbits(64) or 1
        bits = self.security.bitmask
        self._stack.core.state.children.clear()
        self._reset_counters(bits)
        given = bits & SecurityBit.HAVE_NETWORK_KEY
        key = self.security.network_key if given else core.random.randbytes(16)
        core.state.tc_link_key = None
        if bits & SecurityBit.HAVE_PRECONFIGURED_KEY:
            core.state.tc_link_key = StoredKey(core.state.eui64, self.security.preconfigured_key)
        network = Network(
            NodeType.COORDINATOR,
            replace(parameters, pan_id=pan_id, extended_pan_id=extended),
            COORDINATOR_ID,
            core.state.eui64,
            int(bits),
            NetworkKey(key, self.security.network_key_sequence if given else 0),
        )
        self._stack.go_up(network)
        return Status.OK

    def _reset_counters(self, bits: SecurityBit) -> None:
        if not bits & SecurityBit.NO_FRAME_COUNTER_RESET:
            self._stack.core.state.nwk_counter = 0
            self._stack.core.state.aps_counter = 0

    # --- joining

    def join(self, node_type: NodeType, parameters: NetworkParameters) -> Status:
        """Find a parent of a network on its channel, associate, wait for the network key."""
        core = self._stack.core
        if core.state.network is not None or self.running or self._stack.scanner.running:
            return Status.INVALID_STATE
        if self.security is None:
            return Status.SECURITY_STATE_NOT_SET
        if node_type not in (NodeType.ROUTER, NodeType.END_DEVICE, NodeType.SLEEPY_END_DEVICE):
            return Status.INVALID_PARAMETER
        if not channels_of(1 << parameters.channel):
            return Status.INVALID_PARAMETER
        if not self.security.bitmask & SecurityBit.HAVE_PRECONFIGURED_KEY:
            return Status.PRECONFIGURED_KEY_REQUIRED
        self._node_type, self._rejoin = node_type, None
        core.state.tc_link_key = StoredKey(0, self.security.preconfigured_key)
        self._search(parameters, [parameters.channel], self._suits_join)
        return Status.OK

    def _suits_join(self, heard: HeardBeacon) -> bool:
        beacon, wanted = heard.beacon, self._wanted
        if wanted is None or not beacon.permit:
            return False
        if wanted.extended_pan_id and beacon.extended_pan_id != wanted.extended_pan_id:
            return False
        if wanted.pan_id != BROADCAST_PAN and heard.source.pan != wanted.pan_id:
            return False
        return beacon.router_capacity if self._node_type is NodeType.ROUTER else beacon.end_device_capacity

    def _search(
        self, wanted: NetworkParameters, channels: list[int], suits: Callable[[HeardBeacon], bool]
    ) -> None:
        self._wanted = wanted
        self._parents = []
        self._last = Status.NO_BEACONS

        def found(heard: HeardBeacon) -> None:
            if suits(heard) and all(
                (p.source, p.channel) != (heard.source, heard.channel) for p in self._parents
            ):
                self._parents.append(heard)

        self._stack.scanner.run(ScanType.ACTIVE, channels, SCAN_EXPONENT, found, self._searched)

    def _searched(self) -> None:
        self._parents.sort(key=lambda p: (-p.lqi, p.beacon.depth))
        self._parents = self._parents[:TRIES]
        self._try_next()

    def _try_next(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._parents:
            self._fail(self._last)
            return
        self._parent = parent = self._parents.pop(0)
        mac = self._stack.mac
        mac.channel, mac.pan_id, mac.short, mac.rx_on = parent.channel, parent.source.pan, NO_SHORT, True
        self._answered = False
        self._polls = 0
        if self._rejoin is None:
            self._associate(parent)
        else:
            self._ask_rejoin(parent)

    def _associate(self, parent: HeardBeacon) -> None:
        mac = self._stack.mac
        me = MacAddress(BROADCAST_PAN, mac.my_eui64.value, True)
        body = bytes((MacCommand.ASSOCIATION_REQUEST, capability_of(self._node_type)))
        frame = MacFrame(MacType.COMMAND, parent.source, me, body, ack_request=True)
        mac.send(frame, done=self._requested)

    def _requested(self, status: Status) -> None:
        if self._parent is None:
            return
        if status is not Status.OK:
            self._last = Status.JOIN_FAILED
            self._try_next()
            return
        core = self._stack.core
        wait = core.settings.association_wait_us + self._stack.mac.allowance
        self._timer = core.after(wait, self._fetch)

    def _fetch(self) -> None:
        """Ask the parent for its answer."""
        if self._parent is None or self._answered:
            return
        mac = self._stack.mac
        self._polls += 1
        source = mac.my_eui64 if self._rejoin is None else mac.me
        mac.poll(self._parent.source, source, self._fetched)

    def _fetched(self, status: Status) -> None:
        if self._parent is None or self._answered:
            return
        if self._polls < TRIES:
            self._timer = self._stack.core.after(self._stack.core.settings.join_poll_us, self._fetch)
        else:
            self._last = Status.JOIN_FAILED
            self._try_next()

    def association_answered(self, body: bytes, frame: MacFrame) -> None:
        """The parent's association response."""
        if self._parent is None or self._rejoin is not None or self._answered:
            return
        node_id, status = ASSOCIATION_RESPONSE.unpack(body)
        self._answered = True
        if status != AssociationStatus.SUCCESS or not is_assigned(node_id):
            self._last = Status.JOIN_FAILED
            self._try_next()
            return
        parent_eui64 = frame.source.value if frame.source is not None and frame.source.extended else 0
        self._candidate(node_id, parent_eui64, NetworkKey(b""), 0)
        self._await_key()

    def _candidate(
        self, node_id: int, parent_eui64: int, key: NetworkKey, trust_center: int
    ) -> Network | None:
        parent, wanted, core = self._parent, self._wanted, self._stack.core
        if parent is None or wanted is None:
            return None
        bits = int(self.security.bitmask) if self.security is not None else 0
        if self._old is not None:
            bits = self._old.security
        network = Network(
            self._node_type,
            replace(
                wanted,
                pan_id=parent.source.pan,
                extended_pan_id=parent.beacon.extended_pan_id,
                channel=parent.channel,
                update_id=parent.beacon.update_id,
            ),
            node_id,
            trust_center,
            bits,
            key,
            None,
            parent.source.value,
            parent_eui64,
            parent.beacon.depth + 1,
        )
        core.candidate = network
        self._stack.tune(network)
        return network

    # --- the network key

    def _await_key(self) -> None:
        core = self._stack.core
        network = core.candidate
        if self._timer is not None:
            self._timer.cancel()
        self._timer = core.after(core.settings.join_wait_us, self._no_key)
        if network is not None and network.node_type is NodeType.SLEEPY_END_DEVICE:
            core.after(core.settings.join_poll_us, self._poll_for_key)

    def _no_key(self) -> None:
        self._fail(Status.NO_NETWORK_KEY_RECEIVED)

    def _poll_for_key(self) -> None:
        core, mac = self._stack.core, self._stack.mac
        network = core.candidate
        if network is None or not self.running:
            return
        if not mac.polling:
            mac.poll(MacAddress(mac.pan_id, network.parent_id), mac.me, lambda _: None)
        core.after(core.settings.join_poll_us, self._poll_for_key)

    def aps_command(self, order: ApsOrder) -> bool:
        """A Transport Key with the network key, while one is awaited."""
        core = self._stack.core
        network = core.candidate
        if network is None or not self.running or network.current.key:
            return False
        if order.kind is not ApsCommand.TRANSPORT_KEY or order.body[:1] != bytes((KeyType.NETWORK,)):
            return False
        key, sequence, destination, source = NETWORK_KEY.unpack(order.body, 1)
        if destination != core.state.eui64:
            return True
        if order.link_key is None and network.security & SecurityBit.REQUIRE_ENCRYPTED_KEY:
            self._fail(Status.RECEIVED_KEY_IN_THE_CLEAR)
            return True
        if order.link_key is not None and order.key is not KeyKind.KEY_TRANSPORT:
            return True
        network.current = NetworkKey(key, sequence)
        network.trust_center = source
        own = core.state.tc_link_key
        if own is not None and own.partner != source:
            own.partner = source
        self._complete(network)
        return True

    def _complete(self, network: Network) -> None:
        stack = self._stack
        rejoined = self._rejoin is not None
        changed = self._old is not None and self._old.node_id != network.node_id
        self._clear()
        stack.go_up(network)
        if changed:
            stack.core.emit(StackStatus(Status.NODE_ID_CHANGED))
        if not rejoined or stack.core.settings.announce_rejoin:
            stack.zdo.announce()
        if not stack.nwk.is_router:
            stack.parent.ask_for_timeout()
        if not rejoined and network.security & SecurityBit.GET_LINK_KEY_WHEN_JOINING:
            stack.trust.ask_for_tc_key()

    def _fail(self, status: Status) -> None:
        stack, old = self._stack, self._old
        self._clear()
        stack.core.candidate = None
        stack.mac.stop()
        if old is None:
            stack.core.state.tc_link_key = None
            stack.core.emit(StackStatus(status))
            return
        stack.tune(old)  # still on the network, without a parent
        stack.core.up = True
        stack.orphan = True
        stack.core.emit(StackStatus(Status.MOVE_FAILED if self._rejoin else status))

    # --- rejoining

    def rejoin(self, secure: bool, channels: int) -> Status:
        """Find the network again, wherever it is, and be let in with what this node knows."""
        core = self._stack.core
        old = core.state.network
        if old is None or self.running or self._stack.scanner.running:
            return Status.INVALID_STATE
        if old.node_type is NodeType.COORDINATOR:
            return Status.INVALID_STATE
        numbers = channels_of(channels) if channels else [old.parameters.channel]
        if not numbers:
            return Status.INVALID_PARAMETER
        self._stack.aps.abandon()
        self._stack.mac.stop()
        core.up = False
        self._node_type, self._rejoin, self._old = old.node_type, secure, old
        self._search(old.parameters, numbers, self._suits_rejoin)
        return Status.OK

    def _suits_rejoin(self, heard: HeardBeacon) -> bool:
        old, beacon = self._old, heard.beacon
        if old is None or beacon.extended_pan_id != old.parameters.extended_pan_id:
            return False
        known = heard.source.value == old.parent_id  # whose row for this node is still there
        return known or self._node_type is NodeType.ROUTER or beacon.end_device_capacity

    def _ask_rejoin(self, parent: HeardBeacon) -> None:
        old, stack = self._old, self._stack
        if old is None:
            return
        secure = bool(self._rejoin)
        key = old.current if secure else NetworkKey(b"")
        network = self._candidate(old.node_id, 0, key, old.trust_center)
        if network is None:
            return
        if secure:
            network.alternate = old.alternate
        stack.mac.rx_on = True
        eui64 = stack.core.state.eui64
        frame = NwkFrame(
            NwkType.COMMAND,
            parent.source.value,
            old.node_id,
            1,
            stack.nwk.next_sequence(),
            nwk_command(NwkCommand.REJOIN_REQUEST, bytes((capability_of(self._node_type),))),
            secured=secure,
            source_eui64=eui64,
        )
        stack.nwk.unicast(frame, self._rejoin_sent, again=False, hop=parent.source.value)

    def _rejoin_sent(self, status: Status) -> None:
        core = self._stack.core
        if self._parent is None or self._answered:
            return
        if status is not Status.OK:
            self._last = Status.JOIN_FAILED
            self._try_next()
            return
        wait = core.settings.association_wait_us + self._stack.mac.allowance
        sleepy = self._node_type is NodeType.SLEEPY_END_DEVICE
        self._timer = core.after(wait, self._fetch if sleepy else self._unanswered)

    def _unanswered(self) -> None:
        if self._parent is not None and not self._answered:
            self._last = Status.JOIN_FAILED
            self._try_next()

    def rejoin_answered(self, body: bytes, frame: NwkFrame, heard: Heard) -> None:
        """The parent's rejoin response. Raises ParseError."""
        core = self._stack.core
        network = core.candidate
        if network is None or self._rejoin is None or self._answered or self._parent is None:
            return
        if heard.hop.value != self._parent.source.value or (self._rejoin and not heard.secured):
            return
        if frame.destination_eui64 not in (None, core.state.eui64):
            return
        node_id, status = REJOIN_RESPONSE.unpack(body)
        self._answered = True
        if status or not is_assigned(node_id):
            self._last = Status.JOIN_FAILED
            self._try_next()
            return
        network.node_id = node_id
        network.parent_eui64 = frame.source_eui64 or heard.hop_eui64 or 0
        self._stack.tune(network)
        if self._rejoin:
            self._complete(network)
        else:
            self._await_key()


def random_key(given: bytes, fresh: bytes) -> bytes:
    """A key as the host gave it; zeros stand for a random one. Raises BuildError."""
    if len(given) != 16:
        raise BuildError(f"a key has 16 octets, not {len(given)}", "key")
    return given if any(given) else fresh
