"""Whatever is given for a leaf value is taken or refused with a ValueError, in every kind there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gbcs import values
from gbcs.asn1.payloads import payload_types
from gbcs.asn1.schema import Asn1Type, Choice, Leaf, Sequence, SequenceOf
from gbcs.dlms.meanings import kinds as dlms_kinds
from gbcs.errors import BuildError
from gbcs.named import asn1
from gbcs.values import Kind, json_form
from gbcs.zcl.named import kind_of
from gbcs.zcl.named import kinds as zcl_kinds
from gbcs.zcl.types import TYPES
from tests.fuzz.harness import LEAVES

OTHERS: tuple[Any, ...] = (
    b"", b"\0" * 12, b"\xff" * 8, object(), (), (0,), {1.5}, ["8100", None], [None], 10**5000,
    {1: 2}, {None: True}, {"8F0F": True}, {"8100": 1},
    {"mask": 0, "action": []}, {"mask": [], "action": [""]}, {"mask": "0", "action": "1"},
    "9" * 5000, "1" * 256, "8100 something", " ", "/", "T", "-", "-/1", "T/", "1-1-1T1:1Z/0", "*/*", "1/",
    "::", "0.0",
)  # fmt: skip


def all_kinds() -> Iterator[tuple[str, Kind]]:
    yield from ((f"dlms {name}", kind) for name, kind in dlms_kinds().items())
    yield from ((f"zcl {name}", kind) for name, kind in zcl_kinds().items())
    yield from ((f"zcl type {number:02X}", kind_of(number)) for number in TYPES)
    for kind in vars(values).values():
        if isinstance(kind, Kind):
            yield f"values {kind.name}", kind


KINDS = dict(all_kinds())


@pytest.mark.parametrize("name", KINDS)
def test_anything_given_is_taken_or_refused(name: str) -> None:
    kind = KINDS[name]
    refused = 0
    for given in (*LEAVES, *OTHERS):
        try:
            plain = kind.plain(given)
        except ValueError:
            refused += 1
            continue
        hash(plain)  # plain values are numbers, octets, texts
    assert refused or kind.plain(None) is None


def leaves(declared: Asn1Type) -> Iterator[Leaf]:
    if isinstance(declared, Leaf):
        yield declared
    elif isinstance(declared, SequenceOf):
        yield from leaves(declared.item)
    elif isinstance(declared, Sequence | Choice):
        for row in declared.fields if isinstance(declared, Sequence) else declared.alternatives:
            yield from leaves(row.type)


LEAF_TYPES = list(dict.fromkeys(leaf for declared in payload_types() for leaf in leaves(declared)))


@pytest.mark.parametrize("leaf", LEAF_TYPES, ids=lambda leaf: leaf.name)
def test_anything_given_for_an_asn1_leaf_is_taken_or_refused(leaf: Leaf) -> None:
    wanted: Any = SequenceOf("some", leaf)
    for given in (*LEAVES, *OTHERS):
        try:
            element = asn1._assembled(wanted, [given], "")
        except BuildError:
            continue
        (below,) = element.value
        again = asn1._assembled(wanted, [json_form(asn1._typed(leaf, below.value))], "")
        assert again == element
