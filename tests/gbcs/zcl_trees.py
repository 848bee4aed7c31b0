"""Strategies for ZCL values, for commands of the table and for whole GBZ payloads."""

from typing import Any

from hypothesis import strategies as st

from gbcs.zcl.clusters import Command, commands
from gbcs.zcl.fieldlist import Field, FieldList, Guard, Repeat
from gbcs.zcl.gbz import Alert, Component, Components, Executed, ImageHash, Integrity, Sealed
from gbcs.zcl.types import ENTRY, LIST, OPAQUE, TYPED, TYPES, Elements, Node

SIMPLE_TYPES = tuple(t.id for t in TYPES.values() if t.form not in ("elements", "structure"))
WITH_OCTETS = tuple(kind for kind in SIMPLE_TYPES if TYPES[kind].form != "nothing")
COLLECTIONS = tuple(t.id for t in TYPES.values() if t.form == "elements")


def simple(kind: int) -> st.SearchStrategy[Node]:
    """A value of a type without parts."""
    known = TYPES[kind]
    if known.is_number:
        low, high = known.limits
        return st.integers(low, high).map(lambda value: Node(kind, value))
    if known.form == "octets":
        return st.binary(min_size=known.size, max_size=known.size).map(lambda value: Node(kind, value))
    if known.form == "nothing":
        return st.just(Node(kind, None))
    return st.one_of(st.none(), st.binary(max_size=9)).map(lambda value: Node(kind, value))


def _elements(kind: int) -> st.SearchStrategy[Node]:
    def of(inner: int) -> st.SearchStrategy[Node]:
        some = st.lists(simple(inner), max_size=3).map(tuple)
        nodes: st.SearchStrategy[Any] = st.one_of(st.none(), some)
        return nodes.map(lambda items: Node(kind, Elements(inner, items)))

    return st.sampled_from(WITH_OCTETS).flatmap(of)


_flat = st.one_of(
    st.sampled_from(SIMPLE_TYPES).flatmap(simple), st.sampled_from(COLLECTIONS).flatmap(_elements)
)
_collection = st.sampled_from(COLLECTIONS)
values = st.recursive(
    _flat,
    lambda inner: st.one_of(
        st.one_of(st.none(), st.lists(inner, max_size=4).map(tuple)).map(lambda items: Node(0x4C, items)),
        st.builds(
            lambda kind, structures: Node(kind, Elements(0x4C, tuple(structures))),
            _collection,
            st.lists(st.lists(inner, max_size=2).map(lambda items: Node(0x4C, tuple(items))), max_size=2),
        ),
    ),
    max_leaves=8,
)


@st.composite
def _nodes(draw: st.DrawFn, fields: FieldList) -> tuple[Node, ...]:
    """Fields as they are read: counts are those of the entries, conditions are kept."""
    nodes: list[Node] = []
    places: dict[str, int] = {}
    for element in fields.elements:
        if isinstance(element, Guard):
            if (nodes[places[element.field]].value == element.value) is not element.equal:
                break
            continue
        if isinstance(element, Field) and element.optional and draw(st.booleans()):
            break
        places[element.name] = len(nodes)
        if isinstance(element, Repeat):
            entries = draw(st.lists(_entry(element), max_size=3))
            if element.count:
                count = nodes[places[element.count]]
                nodes[places[element.count]] = Node(count.type, len(entries))
            nodes.append(Node(LIST, tuple(entries)))
        elif element.type == TYPED:
            nodes.append(Node(TYPED, draw(values)))
        else:
            guards = [g.value for g in fields.elements if isinstance(g, Guard) and g.field == element.name]
            node = draw(simple(element.type))
            # a condition that fails ends the fields only in an entry: at the top the rest is opaque
            nodes.append(Node(element.type, guards[0]) if guards and draw(st.booleans()) else node)
    return tuple(nodes)


def _entry(repeat: Repeat) -> st.SearchStrategy[Node]:
    if repeat.single:
        return _nodes(repeat.items).map(lambda nodes: nodes[0])
    return _nodes(repeat.items).map(lambda nodes: Node(ENTRY, nodes))


def body(command: Command) -> st.SearchStrategy[tuple[Node, ...]]:
    """The fields of a command whose layout is known."""
    assert command.fields is not None
    return _nodes(command.fields)


DECLARED = tuple(c for c in commands() if c.fields is not None)
_u8, _u16, _u32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)


@st.composite
def _plain(draw: st.DrawFn) -> Component:
    command = draw(st.sampled_from(DECLARED))
    cluster = command.cluster if command.cluster is not None else draw(_u16)
    control = 0 if command.cluster is None else 0x09 if command.to_client else 0x01
    control |= draw(st.sampled_from((0x00, 0x10)))
    date = draw(st.one_of(st.none(), _u32))
    return Component(cluster, control, draw(_u8), command.id, draw(body(command)), date)


_seal = st.builds(
    Sealed,
    _u8,
    st.binary(min_size=5, max_size=5),
    st.binary(max_size=20),
    st.binary(min_size=12, max_size=12),
)
_sealed = st.builds(
    Component,
    _u16,
    _u8.filter(lambda control: not control & 0x04),
    _u8,
    _u8,
    _seal,
    st.none(),
    st.none(),
)
_special = st.builds(
    lambda code, octets: Component(0x0702, 0x05, 0, 0, (Node(OPAQUE, octets),), None, code),
    _u16,
    st.binary(min_size=1, max_size=9),
)
component = st.one_of(_plain(), _sealed, _special)
_content = st.one_of(
    st.none(),
    st.builds(Executed, _u16, st.integers(0, 2**64 - 1), _u16, _u8, _u8),
    st.builds(ImageHash, st.binary(min_size=32, max_size=32)),
    st.builds(Integrity, _u16),
    component,
    st.binary(min_size=1, max_size=20),
)
payloads = st.one_of(
    st.lists(component, max_size=4).map(lambda items: Components(tuple(items))),
    st.builds(Alert, _u16, _u32, _content),
)
