"""What a node keeps over a reset, as a stick keeps its tokens; it can be written down and read again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from gbcs.errors import BuildError

from .node_types import NO_INDEX, Child, LinkKey, NetworkParameters, NodeType

VERSION = 1


@dataclass(slots=True)
class StoredKey:
    """A link key and its counters. `outgoing` is the next to use, `incoming` the lowest still accepted."""

    partner: int
    key: bytes = field(repr=False)
    outgoing: int = 0
    incoming: int = 0

    def row(self, index: int = NO_INDEX) -> LinkKey:
        """As the host sees it."""
        return LinkKey(index, self.partner, self.key, self.outgoing, self.incoming)


@dataclass(slots=True)
class NetworkKey:
    """A network key and its sequence number."""

    key: bytes = field(repr=False)
    sequence: int = 0


@dataclass(slots=True)
class Network:
    """The network a node belongs to."""

    node_type: NodeType
    parameters: NetworkParameters
    node_id: int
    trust_center: int
    security: int  # SecurityBit
    current: NetworkKey
    alternate: NetworkKey | None = None  # the next, or the one before
    parent_id: int = 0xFFFF
    parent_eui64: int = 0
    depth: int = 0


@dataclass(slots=True)
class Persistent:
    """A node's non-volatile memory.

    `nodes`: node ids with their EUI-64. Real sticks keep only part of it; without it a hub
    could not read a sleepy child's first secured message after a power cut.
    """

    eui64: int
    network: Network | None = None
    nwk_counter: int = 0
    aps_counter: int = 0
    tc_link_key: StoredKey | None = None
    link_keys: dict[int, StoredKey] = field(default_factory=dict)
    children: list[Child | None] = field(default_factory=list)
    nodes: dict[int, int] = field(default_factory=dict)
    tokens: dict[str, bytes] = field(default_factory=dict)

    def forget_network(self) -> None:
        """After a leave: no network, no keys; counters, EUI-64 and tokens stay."""
        self.network = None
        self.tc_link_key = None
        self.link_keys.clear()
        self.children.clear()
        self.nodes.clear()

    def dump(self) -> dict[str, Any]:
        """As JSON values. Holds secret keys."""
        return {"v": VERSION, **_plain(asdict(self))}

    @classmethod
    def load(cls, values: dict[str, Any]) -> Persistent:
        """Read what `dump` gave. Raises BuildError."""
        try:
            if values["v"] != VERSION:
                raise BuildError(f"version {values['v']!r} of a dongle's memory", "v")
            network = values["network"]
            return cls(
                values["eui64"],
                None if network is None else _network(network),
                values["nwk_counter"],
                values["aps_counter"],
                None if values["tc_link_key"] is None else _stored(values["tc_link_key"]),
                {int(index): _stored(key) for index, key in values["link_keys"].items()},
                [None if child is None else _child(child) for child in values["children"]],
                {int(node_id): eui64 for node_id, eui64 in values["nodes"].items()},
                {name: bytes.fromhex(octets) for name, octets in values["tokens"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BuildError(f"not a dongle's memory: {error}", "memory") from None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _stored(values: dict[str, Any]) -> StoredKey:
    return StoredKey(values["partner"], bytes.fromhex(values["key"]), values["outgoing"], values["incoming"])


def _network_key(values: dict[str, Any]) -> NetworkKey:
    return NetworkKey(bytes.fromhex(values["key"]), values["sequence"])


def _child(values: dict[str, Any]) -> Child:
    return Child(values["eui64"], values["node_id"], NodeType(values["node_type"]), values["timeout_s"])


def _network(values: dict[str, Any]) -> Network:
    return Network(
        NodeType(values["node_type"]),
        NetworkParameters(**values["parameters"]),
        values["node_id"],
        values["trust_center"],
        values["security"],
        _network_key(values["current"]),
        None if values["alternate"] is None else _network_key(values["alternate"]),
        values["parent_id"],
        values["parent_eui64"],
        values["depth"],
    )
