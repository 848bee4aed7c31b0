"""The application support sublayer of one node: data with acknowledgements and repeats, link-key security.

Fragments are passed as they are: the host cuts, joins and acknowledges them, this layer repeats
what is not acknowledged. Source: ZigBee specification (053474r20/r21) 2.2; radio-stack 6.3, 7.4.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from gbcs.errors import GbcsError, ParseError

from .aps_frames import ApsCommand, ApsHeader, ApsType, Block, Delivery, parse_command
from .core import Core, Counter, Timer
from .keyring import KeyRing
from .mac_frames import BROADCAST_PAN, MacAddress
from .node_events import MessageSent
from .node_types import (
    APS_SECURITY_OVERHEAD,
    EUI64_OVERHEAD,
    FRAGMENT_OVERHEAD,
    MAX_PAYLOAD,
    ApsFrame,
    ApsOption,
    Config,
    OutgoingType,
    Status,
)
from .nwk import BROADCAST_FLOOR, DEFAULT_RADIUS, Heard, Nwk
from .nwk_frames import NwkFrame
from .security import Auxiliary, KeyKind, open_sealed, protect
from .state import StoredKey

WINDOW = 8  # blocks an acknowledgement of fragments speaks of


@dataclass(frozen=True, slots=True)
class ApsMessage:
    """Data that arrived."""

    header: ApsHeader
    source: int
    source_eui64: int | None
    destination: int
    payload: bytes
    heard: Heard


@dataclass(frozen=True, slots=True)
class ApsOrder:
    """A command that arrived. `key`: which kind of link key protected it, None if none did."""

    kind: ApsCommand
    body: bytes
    source: int
    source_eui64: int | None
    key: KeyKind | None
    link_key: StoredKey | None
    heard: Heard


class ApsUser(Protocol):
    """What the layer above is told."""

    def aps_message(self, message: ApsMessage) -> None: ...
    def aps_command(self, order: ApsOrder) -> None: ...
    def has_endpoint(self, endpoint: int) -> bool: ...
    def extended_timeout(self, eui64: int) -> bool: ...
    def in_group(self, group: int) -> bool: ...


@dataclass(slots=True, eq=False)
class Unicast:
    """A unicast under way."""

    kind: OutgoingType
    given: int  # the destination as the host named it
    node_id: int
    aps: ApsFrame
    tag: int
    payload: bytes
    report: bool = True
    attempts: int = 0
    timer: Timer | None = None
    done: Callable[[Status], None] | None = None


@dataclass(slots=True)
class Seen:
    """A counter that arrived lately, and the acknowledgement of the fragment it was."""

    mark: tuple[int, int, bytes]
    until: int


class Aps:
    """One node's APS."""

    def __init__(self, core: Core, nwk: Nwk, keys: KeyRing, user: ApsUser) -> None:
        self._core = core
        self._nwk = nwk
        self._keys = keys
        self._user = user
        self._counter = core.random.randrange(256)
        self._pending: list[Unicast] = []
        self._seen: dict[int, deque[Seen]] = {}
        self._fragment_acks: dict[tuple[int, int], ApsHeader] = {}

    def stop(self) -> None:
        """Forget what is under way; nobody is told."""
        self._pending.clear()
        self._seen.clear()
        self._fragment_acks.clear()

    def next_counter(self) -> int:
        """For a new frame."""
        self._counter = (self._counter + 1) & 0xFF
        return self._counter

    def maximum_payload(self, options: ApsOption) -> int:
        """Octets of a unicast with these options."""
        room = MAX_PAYLOAD
        if options & ApsOption.ENCRYPTION:
            room -= APS_SECURITY_OVERHEAD
            room -= EUI64_OVERHEAD if self._core.settings.aps_extended_nonce else 0
        room -= FRAGMENT_OVERHEAD if options & ApsOption.FRAGMENT else 0
        for option in (ApsOption.SOURCE_EUI64, ApsOption.DESTINATION_EUI64):
            room -= EUI64_OVERHEAD if options & option else 0
        return room

    # --- sending

    def send_unicast(
        self,
        kind: OutgoingType,
        given: int,
        node_id: int,
        aps: ApsFrame,
        tag: int,
        payload: bytes,
        report: bool = True,
        done: Callable[[Status], None] | None = None,
    ) -> tuple[Status, int]:
        """Start a unicast; MessageSent follows if `report`. Returns the APS counter."""
        error = self._send_error(node_id, aps, payload)
        if error is not Status.OK:
            return error, 0
        keep = aps.options & ApsOption.FRAGMENT and aps.group_id & 0xFF
        sequence = aps.sequence if keep else self.next_counter()
        unicast = Unicast(kind, given, node_id, aps.with_sequence(sequence), tag, payload, report, done=done)
        self._pending.append(unicast)
        if node_id == self._nwk.me:
            self._core.after(0, lambda: self._loop_back(unicast))
        else:
            self._attempt(unicast)
        return Status.OK, sequence

    def _send_error(self, node_id: int, aps: ApsFrame, payload: bytes) -> Status:
        if self._nwk.network is None or not self._nwk.keys():
            return Status.NETWORK_DOWN
        if node_id >= BROADCAST_FLOOR:
            return Status.INVALID_PARAMETER
        if len(payload) > self.maximum_payload(aps.options):
            return Status.MESSAGE_TOO_LONG
        if sum(u.report for u in self._pending) >= self._core.config[Config.APS_UNICAST_MESSAGE_COUNT]:
            return Status.NETWORK_BUSY
        if aps.options & ApsOption.ENCRYPTION and node_id != self._nwk.me:
            eui64 = self.eui64_of(node_id)
            if eui64 is None or self._keys.for_data(eui64) is None:
                return Status.NO_LINK_KEY
        return Status.OK

    def send_reply(self, node_id: int, aps: ApsFrame, payload: bytes) -> Status:
        """A unicast with a given counter; with FRAGMENT the acknowledgement of a fragment."""
        if not aps.options & ApsOption.FRAGMENT:
            error = self._send_error(node_id, aps, payload)
            if error is Status.OK:
                unicast = Unicast(OutgoingType.DIRECT, node_id, node_id, aps, 0, payload, report=False)
                self._pending.append(unicast)
                self._attempt(unicast)
            return error
        if self._nwk.network is None or not self._nwk.keys():
            return Status.NETWORK_DOWN
        number = aps.group_id & 0xFF
        header = ApsHeader(
            ApsType.ACK,
            Delivery.UNICAST,
            aps.sequence,
            aps.destination_endpoint,
            0,
            aps.cluster,
            aps.profile,
            aps.source_endpoint,
            bool(aps.options & ApsOption.ENCRYPTION),
            block=Block(number == 0, number, aps.group_id >> 8 & 0xFF),
        )
        if node_id != self._nwk.me:
            self._fragment_acks[node_id, aps.sequence] = header
            self._send_ack(node_id, header)
        return Status.OK

    def send_group(self, aps: ApsFrame, destination: int, radius: int, payload: bytes) -> tuple[Status, int]:
        """A broadcast, or with a group id in a multicast; returns the APS counter."""
        if self._nwk.network is None or not self._nwk.keys():
            return Status.NETWORK_DOWN, 0
        if len(payload) > self.maximum_payload(ApsOption.NONE) - (1 if aps.group_id else 0):
            return Status.MESSAGE_TOO_LONG, 0
        counter = self.next_counter()
        header = ApsHeader(
            ApsType.DATA,
            Delivery.GROUP if aps.group_id else Delivery.BROADCAST,
            counter,
            aps.destination_endpoint,
            aps.group_id,
            aps.cluster,
            aps.profile,
            aps.source_endpoint,
        )
        self._core.count(Counter.APS_DATA_TX_BROADCAST)
        self._nwk.send(destination, header.octets() + payload, radius=radius or DEFAULT_RADIUS)
        return Status.OK, counter

    def send_command(
        self,
        node_id: int,
        payload: bytes,
        key: StoredKey | None = None,
        kind: KeyKind = KeyKind.DATA,
        nwk_secured: bool = True,
        done: Callable[[Status], None] | None = None,
    ) -> None:
        """An APS command, under a link key if one is given; `done` hears whether it left."""
        header = ApsHeader(ApsType.COMMAND, counter=self.next_counter(), secured=key is not None)
        octets = self.command_octets(header, payload, key, kind)
        if node_id >= BROADCAST_FLOOR:
            header = replace(header, delivery=Delivery.BROADCAST)
            octets = self.command_octets(header, payload, key, kind)
        self._nwk.send(node_id, octets, done, secured=nwk_secured)

    def command_octets(
        self, header: ApsHeader, payload: bytes, key: StoredKey | None, kind: KeyKind
    ) -> bytes:
        """The octets of a command, for the network layer or a tunnel."""
        if key is None:
            return header.octets() + payload
        return self._sealed(header, payload, key, kind, extended=True)

    def _sealed(
        self, header: ApsHeader, payload: bytes, key: StoredKey, kind: KeyKind, extended: bool
    ) -> bytes:
        eui64 = self._core.state.eui64
        auxiliary = Auxiliary(kind, self._keys.take_counter(key), eui64 if extended else None)
        head = header.octets()
        return head + protect(key.key, head, auxiliary, eui64, payload)

    def _attempt(self, unicast: Unicast) -> None:
        unicast.attempts += 1
        aps = unicast.aps
        block: Block | None = None
        if aps.options & ApsOption.FRAGMENT:
            index = aps.group_id & 0xFF
            block = Block(index == 0, aps.group_id >> 8 if index == 0 else index)
        header = ApsHeader(
            ApsType.DATA,
            Delivery.UNICAST,
            aps.sequence,
            aps.destination_endpoint,
            0,
            aps.cluster,
            aps.profile,
            aps.source_endpoint,
            bool(aps.options & ApsOption.ENCRYPTION),
            bool(aps.options & ApsOption.RETRY),
            block,
        )
        octets = self._data_octets(header, unicast.payload, unicast.node_id)
        if octets is None:
            self._finish(unicast, Status.NO_LINK_KEY)
            return
        options = aps.options
        attempt = unicast.attempts
        self._nwk.send(
            unicast.node_id,
            octets,
            lambda status: self._left(unicast, attempt, status),
            destination_eui64=self.eui64_of(unicast.node_id)
            if options & ApsOption.DESTINATION_EUI64
            else None,
            source_eui64=self._core.state.eui64 if options & ApsOption.SOURCE_EUI64 else None,
        )

    def _data_octets(self, header: ApsHeader, payload: bytes, node_id: int) -> bytes | None:
        if not header.secured:
            return header.octets() + payload
        eui64 = self.eui64_of(node_id)
        key = self._keys.for_data(eui64) if eui64 is not None else None
        if key is None:
            return None
        return self._sealed(header, payload, key, KeyKind.DATA, self._core.settings.aps_extended_nonce)

    def _left(self, unicast: Unicast, attempt: int, status: Status) -> None:
        """A unicast left this node for the next hop, or could not."""
        if unicast not in self._pending or attempt != unicast.attempts:
            return
        if not unicast.aps.options & ApsOption.RETRY or status is Status.MESSAGE_TOO_LONG:
            self._finish(unicast, status)
            return
        if status is Status.MAC_INDIRECT_TIMEOUT:  # a sleepy child that never came: no use in repeating
            self._finish(unicast, Status.DELIVERY_FAILED)
            return
        wait = self._core.settings.aps_ack_wait_us
        eui64 = self.eui64_of(unicast.node_id)
        if eui64 is not None and self._user.extended_timeout(eui64):
            wait += self._core.config[Config.INDIRECT_TRANSMISSION_TIMEOUT] * 1000
        unicast.timer = self._core.after(wait, lambda: self._unanswered(unicast))

    def _unanswered(self, unicast: Unicast) -> None:
        if unicast not in self._pending:
            return
        if unicast.attempts <= self._core.settings.aps_retries:
            self._core.count(Counter.APS_DATA_TX_UNICAST_RETRY)
            self._attempt(unicast)
        else:
            self._finish(unicast, Status.DELIVERY_FAILED)

    def _finish(self, unicast: Unicast, status: Status) -> None:
        if unicast not in self._pending:
            return
        self._pending.remove(unicast)
        if unicast.timer is not None:
            unicast.timer.cancel()
        ok = status is Status.OK
        self._core.count(Counter.APS_DATA_TX_UNICAST_SUCCESS if ok else Counter.APS_DATA_TX_UNICAST_FAILED)
        if unicast.done is not None:
            unicast.done(status)
        if unicast.report:
            self._core.emit(
                MessageSent(unicast.kind, unicast.given, unicast.aps, unicast.tag, status, unicast.payload)
            )

    def abandon(self) -> None:
        """The network is gone: everything under way has failed."""
        for unicast in list(self._pending):
            self._finish(unicast, Status.DELIVERY_FAILED)

    def _loop_back(self, unicast: Unicast) -> None:
        self._finish(unicast, Status.OK)
        aps = unicast.aps
        header = ApsHeader(
            ApsType.DATA,
            Delivery.UNICAST,
            aps.sequence,
            aps.destination_endpoint,
            0,
            aps.cluster,
            aps.profile,
            aps.source_endpoint,
            bool(aps.options & ApsOption.ENCRYPTION),
        )
        heard = Heard(MacAddress(BROADCAST_PAN, self._nwk.me), 255, 0, True)
        me = self._nwk.me
        self._user.aps_message(ApsMessage(header, me, self._core.state.eui64, me, unicast.payload, heard))

    # --- receiving

    def eui64_of(self, node_id: int) -> int | None:
        """The EUI-64 of a node, if it is known."""
        if node_id == self._nwk.me:
            return self._core.state.eui64
        return self._core.state.nodes.get(node_id)

    def receive(self, frame: NwkFrame, heard: Heard) -> None:
        """An NWK data frame. Raises GbcsError for what is not right."""
        header, offset = ApsHeader.parse(frame.payload)
        source_eui64 = frame.source_eui64 or self.eui64_of(frame.source)
        if header.kind is ApsType.COMMAND:
            self._command(header, frame, offset, source_eui64, heard)
            return
        if not heard.secured:
            raise ParseError("data without network security", 0, "APS header")
        payload = frame.payload[offset:]
        if header.secured:
            payload = self._opened(header, frame, offset, source_eui64)
        if header.kind is ApsType.ACK:
            self._acknowledged(header, frame.source)
        else:
            self._data(ApsMessage(header, frame.source, source_eui64, frame.destination, payload, heard))

    def _opened(self, header: ApsHeader, frame: NwkFrame, offset: int, sender: int | None) -> bytes:
        """The payload of a secured data frame or acknowledgement. Raises GbcsError."""
        auxiliary, start = Auxiliary.parse(frame.payload, offset)
        sender = auxiliary.source or sender
        key = self._keys.for_data(sender) if sender is not None else None
        if auxiliary.kind is not KeyKind.DATA or sender is None or key is None:
            self._core.count(Counter.APS_DECRYPTION_FAILURE)
            raise ParseError("no link key for it", offset, "APS auxiliary header")
        if not self._keys.accepts(key, sender, auxiliary.counter):
            self._core.count(Counter.APS_FRAME_COUNTER_FAILURE)
            raise ParseError("an old frame counter", offset, "APS auxiliary header")
        try:
            head = frame.payload[:offset]
            payload = open_sealed(key.key, head, auxiliary, sender, frame.payload[start:])
        except GbcsError:
            self._core.count(Counter.APS_DECRYPTION_FAILURE)
            raise
        self._keys.accepted(key, sender, auxiliary.counter)
        return payload

    def _command(
        self, header: ApsHeader, frame: NwkFrame, offset: int, sender: int | None, heard: Heard
    ) -> None:
        payload, used, kind = frame.payload[offset:], None, None
        if header.secured:
            auxiliary, start = Auxiliary.parse(frame.payload, offset)
            sender = auxiliary.source or sender
            kind = auxiliary.kind
            if sender is None:
                raise ParseError("from nobody known", offset, "APS auxiliary header")
            payload, used = self._try_keys(auxiliary, frame.payload[:offset], sender, frame.payload[start:])
        order, body = parse_command(payload)
        self._user.aps_command(ApsOrder(order, body, frame.source, sender, kind, used, heard))

    def _try_keys(
        self, auxiliary: Auxiliary, head: bytes, sender: int, sealed: bytes
    ) -> tuple[bytes, StoredKey]:
        for key in self.command_keys(sender):
            try:
                payload = open_sealed(key.key, head, auxiliary, sender, sealed)
            except GbcsError:
                continue
            if not self._keys.accepts(key, sender, auxiliary.counter):
                self._core.count(Counter.APS_FRAME_COUNTER_FAILURE)
                raise ParseError("an old frame counter", len(head), "APS auxiliary header")
            self._keys.accepted(key, sender, auxiliary.counter)
            return payload, key
        self._core.count(Counter.APS_DECRYPTION_FAILURE)
        raise ParseError("no link key opens it", len(head), "APS auxiliary header")

    def command_keys(self, sender: int) -> list[StoredKey]:
        """Keys that may protect a command; a joiner knows its trust centre only by its key."""
        keys = self._keys.for_commands(sender)
        own = self._core.state.tc_link_key
        network = self._core.network
        if own is not None and own not in keys and network is not None and not network.trust_center:
            keys.append(own)
        return keys

    def _acknowledged(self, header: ApsHeader, source: int) -> None:
        for unicast in list(self._pending):
            aps = unicast.aps
            if unicast.node_id != source or aps.sequence != header.counter:
                continue
            if bool(aps.options & ApsOption.FRAGMENT) != (header.block is not None):
                continue
            if header.block is not None:
                place = (aps.group_id & 0xFF) - header.block.number
                if not 0 <= place < WINDOW or not (header.block.acknowledged or 0) >> place & 1:
                    continue
            elif (header.cluster, header.source_endpoint) != (aps.cluster, aps.destination_endpoint):
                continue
            self._finish(unicast, Status.OK)

    def _data(self, message: ApsMessage) -> None:
        header = message.header
        unicast = header.delivery is Delivery.UNICAST
        if unicast and not self._user.has_endpoint(header.destination_endpoint):
            return
        if header.delivery is Delivery.GROUP and not self._user.in_group(header.group):
            return
        repeated = self._is_repeat(message)
        if unicast and header.ack_request:
            self._answer(message, repeated)
        if repeated:
            return
        self._core.count(Counter.APS_DATA_RX_UNICAST if unicast else Counter.APS_DATA_RX_BROADCAST)
        self._user.aps_message(message)

    def _is_repeat(self, message: ApsMessage) -> bool:
        """The same counter with the same octets, lately, from the same node.

        A counter alone wraps within a second on a fast air; with the octets, and for the last few
        only, a frame is taken for another's repeat no more.
        """
        header = message.header
        number = -1 if header.block is None else header.block.number << 1 | header.block.first
        mark = (header.counter, number, message.payload)
        seen = self._seen.get(message.source)
        if seen is None:
            seen = self._seen[message.source] = deque(maxlen=self._core.settings.duplicate_count)
        while seen and seen[0].until <= self._core.now:
            seen.popleft()
        if any(entry.mark == mark for entry in seen):
            return True
        if header.block is not None and header.block.first:
            self._fragment_acks.pop((message.source, header.counter), None)
        seen.append(Seen(mark, self._core.now + self._core.settings.duplicate_us))
        return False

    def _answer(self, message: ApsMessage, repeated: bool) -> None:
        header = message.header
        if header.block is not None:  # the host acknowledges fragments; what it said is said again
            before = self._fragment_acks.get((message.source, header.counter))
            if not repeated or before is None or before.block is None:
                return
            index = 0 if header.block.first else header.block.number
            place = index - before.block.number
            if 0 <= place < WINDOW and (before.block.acknowledged or 0) >> place & 1:
                self._send_ack(message.source, before)
            elif index < before.block.number:
                earlier = replace(before, block=Block(index == 0, index, 1))
                self._send_ack(message.source, earlier)
            return
        answer = ApsHeader(
            ApsType.ACK,
            Delivery.UNICAST,
            header.counter,
            header.source_endpoint,
            0,
            header.cluster,
            header.profile,
            header.destination_endpoint,
            header.secured,
        )
        self._send_ack(message.source, answer)

    def _send_ack(self, node_id: int, header: ApsHeader) -> None:
        octets = self._data_octets(header, b"", node_id)
        if octets is not None:
            self._nwk.send(node_id, octets)
