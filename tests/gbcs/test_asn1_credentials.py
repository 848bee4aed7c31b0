"""DER nodes and the payloads of CS02a: both ways, and nothing but ParseError for other octets."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.asn1.credentials import (
    CellContents,
    CellIdentifier,
    CredentialsCommand,
    RoleDetails,
    command_octets,
    read_command,
    read_response,
    response_octets,
)
from gbcs.asn1.der import MAX_DEPTH, SEQUENCE, Node, der_octets, parse_der
from gbcs.errors import ParseError
from gbcs.ids import CellUsage, Cra, KeyUsage, Role
from gbcs.message import parse_message

CELLS = st.builds(
    CellContents,
    st.sampled_from(KeyUsage),
    st.sampled_from(CellUsage),
    st.binary(min_size=8, max_size=8),
    st.binary(min_size=8, max_size=8),
)
NUMBERS = st.integers(0, 2**63 - 1)
DETAILS = st.one_of(
    st.tuples(st.integers(0, 127), st.integers(0, 127)),
    st.tuples(st.integers(0, 127), st.just(0), NUMBERS, st.lists(CELLS, max_size=5).map(tuple)),
).map(lambda row: RoleDetails(*row))
COMMANDS = st.builds(
    CredentialsCommand,
    st.builds(CellIdentifier, st.sampled_from(Role), st.sampled_from(KeyUsage), st.sampled_from(CellUsage)),
    st.lists(st.integers(0, 127), min_size=1, max_size=9).map(tuple),
)
CONTENTS = st.tuples(st.sampled_from([2, 3, 4, 5, 10, 0x80]), st.binary(max_size=300)).map(
    lambda pair: Node(*pair)
)
NODES = st.recursive(
    CONTENTS,
    lambda inner: st.tuples(st.sampled_from([0x30, 0x31, 0xA0]), st.lists(inner, max_size=4)).map(
        lambda pair: Node(pair[0], b"", tuple(pair[1]))
    ),
    max_leaves=12,
)


@given(COMMANDS)
def test_a_command_is_read_as_it_was_written(command: CredentialsCommand) -> None:
    assert read_command(command_octets(command)) == command


@given(st.lists(DETAILS, min_size=1, max_size=9).map(tuple), st.booleans())
def test_a_response_is_read_as_it_was_written(details: tuple[RoleDetails, ...], wide: bool) -> None:
    assert read_response(response_octets(details, wide)) == details


@given(NODES, st.booleans())
def test_nodes_are_read_as_they_were_written(node: Node, wide: bool) -> None:
    octets = der_octets(node, wide)
    assert der_octets(parse_der(octets)) == octets
    if not wide:
        assert parse_der(octets) == node


@pytest.mark.parametrize(
    "octets",
    ["", "30", "3001", "300500", "3080", "3085", "1f8101", "0500ff", "30030201", "02820001"],
)
def test_octets_that_are_no_element(octets: str) -> None:
    with pytest.raises(ParseError):
        parse_der(bytes.fromhex(octets))


def test_depth_is_bounded() -> None:
    def nested(depth: int) -> Node:
        node = Node(5)
        for _ in range(depth):
            node = Node(SEQUENCE, b"", (node,))
        return node

    assert parse_der(der_octets(nested(MAX_DEPTH)))
    with pytest.raises(ParseError):
        parse_der(der_octets(nested(MAX_DEPTH + 1)))
    with pytest.raises(ParseError):
        parse_der(b"\x30\x80" * 5000)


@pytest.mark.parametrize(
    "octets",
    [
        "3000",  # nothing
        "30083006020104030203",  # cut short
        "300c300702010403020308" + "0201ff",  # roles are no sequence
        "300b3006020104030203ff" + "3000",  # no key usage
        "300e300a0201040302030802010230" + "00",  # no cell usage
        "300b300702010403020308" + "3000",  # no roles
        "300e300702016303020308" + "3003020102",  # no role
        "0500",
    ],
)
def test_payloads_that_are_no_command(octets: str) -> None:
    with pytest.raises(ParseError):
        read_command(bytes.fromhex(octets))


def bend(octets: bytes, random: Random) -> bytes:
    out = bytearray(octets)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(out))
        match random.randrange(3):
            case 0:
                out[at] = random.randrange(256)
            case 1:
                del out[at]
            case _:
                out.insert(at, random.randrange(256))
    return bytes(out)


@pytest.mark.parametrize("read", [read_command, read_response, parse_der])
def test_bent_octets_raise_parse_error_only(read) -> None:  # type: ignore[no-untyped-def]
    random = Random(1)
    cell = CellContents(KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP, bytes(8), bytes(8))
    command = CredentialsCommand(CellIdentifier(Role.SUPPLIER, KeyUsage.KEY_AGREEMENT), (1, 2, 3))
    whole = (command_octets(command), response_octets((RoleDetails(2, 0, 5, (cell, cell)),), True))
    refused = 0
    for _ in range(3_000):
        octets = random.randbytes(random.randrange(40))
        if random.random() < 0.8:
            octets = bend(random.choice(whole), random)
        try:
            read(octets)
        except ParseError:
            refused += 1
    assert refused > 1_000


def test_the_reference_payloads_are_read_and_written_octet_for_octet(reference: Path) -> None:
    seen = 0
    for path in sorted((reference / "rtds" / "messages").rglob("*")):
        if not path.is_file() or ("CS02a" not in path.name and "CS02f" not in path.name):
            continue
        try:
            message = parse_message(bytes.fromhex("".join(path.read_text().split())))
        except (ParseError, ValueError, UnicodeDecodeError):
            continue
        if message.cra is Cra.COMMAND:
            assert command_octets(read_command(message.payload)) == message.payload
        else:
            wide = response_octets(read_response(message.payload), True)
            narrow = response_octets(read_response(message.payload), False)
            assert message.payload in (wide, narrow)
        seen += 1
    assert seen > 5
