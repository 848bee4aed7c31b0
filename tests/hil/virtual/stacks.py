"""Nodes on an air, driven by their own clock: a hub that is trust centre, and devices that join it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hil.virtual.air import Air, Link
from hil.virtual.node import Node
from hil.virtual.node_api import (
    ApsFrame,
    ApsOption,
    Endpoint,
    Event,
    IncomingMessage,
    InitialSecurity,
    MessageSent,
    NetworkParameters,
    NodeType,
    OutgoingType,
    Policy,
    SecurityBit,
    StackStatus,
    Status,
    TrustCenterPolicy,
)
from hil.virtual.settings import StackSettings
from hil.virtual.state import Persistent
from hil.virtual.world import Member, World

SECOND = 1_000_000
CHANNEL = 15
HUB = 0x00DB123456780003
EPID = HUB
SE = 0x0109
TUNNELING = 0x0704
HUB_SECURITY = InitialSecurity(
    SecurityBit.HAVE_PRECONFIGURED_KEY
    | SecurityBit.HAVE_NETWORK_KEY
    | SecurityBit.REQUIRE_ENCRYPTED_KEY
    | SecurityBit.NO_FRAME_COUNTER_RESET
    | SecurityBit.HAVE_TRUST_CENTER_EUI64,
    bytes(range(16)),
    bytes(range(0x40, 0x50)),
    0,
    HUB,
)
DEVICE_BITS = SecurityBit.HAVE_PRECONFIGURED_KEY | SecurityBit.REQUIRE_ENCRYPTED_KEY
OPEN = int(TrustCenterPolicy.ALLOW_JOINS | TrustCenterPolicy.JOINS_USE_INSTALL_CODE_KEY)
SEALED = ApsOption.RETRY | ApsOption.ENCRYPTION


def install_key(eui64: int) -> bytes:
    """A key as an install code would give it, another for each device."""
    return eui64.to_bytes(8, "big") * 2


@dataclass
class Unit:
    """A node with everything it told."""

    home: Home
    member: Member
    events: list[Event] = field(default_factory=list)

    @property
    def node(self) -> Node:
        return self.member.node

    def call(self, command: Callable[[Node, int], object]) -> object:
        """Give a command at the present time."""
        result = command(self.node, self.home.world.now)
        self.home.world.flush(self.member)
        return result

    def of(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def statuses(self) -> list[Status]:
        return [event.status for event in self.events if isinstance(event, StackStatus)]

    def messages(self, cluster: int = TUNNELING) -> list[IncomingMessage]:
        return [e for e in self.events if isinstance(e, IncomingMessage) and e.aps.cluster == cluster]

    def sent(self) -> list[MessageSent]:
        return [event for event in self.events if isinstance(event, MessageSent)]

    def send(
        self,
        to: int,
        payload: bytes,
        options: ApsOption = ApsOption.RETRY,
        tag: int = 0,
        cluster: int = TUNNELING,
        group: int = 0,
        sequence: int = 0,
    ) -> tuple[Status, int]:
        aps = ApsFrame(SE, cluster, 1, 1, options, group, sequence)
        return self.call(  # type: ignore[return-value]
            lambda node, now: node.send_unicast(now, OutgoingType.DIRECT, to, aps, tag, payload)
        )

    def restart(self) -> None:
        """A power cut: the same memory, everything else new; endpoints are added as a host does."""
        self.node.reset(self.home.world.now)
        self.events.clear()
        configure(self.node)
        if self.node.state.network is not None and self.node.state.network.node_id == 0:
            self.node.set_policy(Policy.TRUST_CENTER, OPEN)
        assert self.call(lambda node, now: node.network_init(now)) is Status.OK


def configure(node: Node) -> None:
    node.add_endpoint(Endpoint(1, SE, 0x0500, 0, (TUNNELING,), (0x0700,)))
    node.set_config(0x1E, 32)  # KEY_TABLE_SIZE


class Home:
    """A hub that has formed a network, and devices."""

    def __init__(
        self,
        seed: int = 0,
        link: Link | None = None,
        paced: bool = False,
        settings: StackSettings | None = None,
        form: bool = True,
    ) -> None:
        self.seed = seed
        self.settings = settings or (StackSettings() if paced else StackSettings.fast())
        self.air = Air(seed, link, paced)
        self.capture: list[tuple[int, int, bytes]] = []
        self.air.taps.append(lambda channel, time, mpdu: self.capture.append((channel, time, mpdu)))
        self.world = World(self.air)
        self.keys: dict[int, bytes] = {}
        self.hub = self.unit(HUB)
        if form:
            self.hub.node.set_policy(Policy.TRUST_CENTER, OPEN)
            self.hub.node.set_initial_security(HUB_SECURITY)
            wanted = NetworkParameters(EPID, 0x1A62, CHANNEL)
            assert self.hub.call(lambda node, now: node.form(now, wanted)) is Status.OK

    def unit(self, eui64: int, state: Persistent | None = None) -> Unit:
        node = Node(state or Persistent(eui64), self.settings, self.seed, self.air.energy)
        configure(node)
        unit = Unit(self, Member(node, None))
        unit.member = self.world.add(node, unit.events.append)
        return unit

    def run(self, seconds: float) -> None:
        self.world.run_until(self.world.now + round(seconds * SECOND))

    def wait(self, condition: Callable[[], bool], seconds: float = 60) -> bool:
        """Let time pass until something holds."""
        return self.world.run_while(lambda: not condition(), round(seconds * SECOND))

    def permit(self, seconds: int = 60, by: Unit | None = None) -> None:
        (by or self.hub).call(lambda node, now: node.permit(now, seconds))

    def allow(self, eui64: int, key: bytes | None = None) -> None:
        """The hub is given the key of a device's install code."""
        given = key or install_key(eui64)
        self.hub.call(lambda node, now: node.import_transient_key(now, eui64, given))

    def start_join(self, unit: Unit, node_type: NodeType, key: bytes | None = None) -> None:
        security = InitialSecurity(DEVICE_BITS, key or install_key(unit.node.eui64))
        assert unit.node.set_initial_security(security) is Status.OK
        wanted = NetworkParameters(EPID, 0x1A62, CHANNEL)
        assert unit.call(lambda node, now: node.join(now, node_type, wanted)) is Status.OK

    def join(self, eui64: int, node_type: NodeType = NodeType.ROUTER, attempts: int = 5) -> Unit:
        """A new device, joined; on a bad air after some attempts, as a host would."""
        unit = self.unit(eui64)
        self.permit()
        for _ in range(attempts):
            self.allow(eui64)
            self.start_join(unit, node_type)
            assert self.wait(lambda: bool(unit.statuses()))
            if unit.statuses()[-1] is Status.NETWORK_UP:
                return unit
            unit.events.clear()
        raise AssertionError("it did not join")

    def give_keys(self, unit: Unit, key: bytes) -> None:
        """What key establishment ends with, on both sides."""
        self.hub.node.import_link_key(0xFF, unit.node.eui64, key)
        unit.node.import_link_key(0xFF, HUB, key)
        self.keys[unit.node.eui64] = key

    def link_all(self, unit: Unit, link: Link) -> None:
        """How a unit and everybody else hear each other."""
        for other in [m.node for m in self.world._members if m.node is not unit.node]:
            self.air.set_link(unit.node, other, link)


def no_reach(link: Link | None = None) -> Link:
    return replace(link or Link(), reach=False)
