"""Payloads of joins, unjoins and the device log (gbcs-messages 8.5, chts-hub 19)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.asn1 import joins
from gbcs.asn1.joins import (
    DEVICE_TYPES,
    JoinCode,
    JoinCommand,
    LogEntry,
    Method,
    ReadLogCode,
    UnjoinCode,
)
from gbcs.errors import BuildError, ParseError
from gbcs.ids import DeviceType, EntityId

STATION = EntityId(bytes(range(1, 9)))
IDS = st.binary(min_size=8, max_size=8).map(EntityId)
TYPES = st.integers(0, len(DEVICE_TYPES) - 1)


def test_a_join_on_the_wire() -> None:
    octets = bytes.fromhex("3010 020102 0408 0102030405060708 020103")
    command = JoinCommand(Method.B, STATION, DEVICE_TYPES.index(DeviceType.GPF))
    assert joins.join_command_octets(command) == octets
    assert joins.read_join_command(octets) == command


def test_an_unjoin_and_reading_the_log_on_the_wire() -> None:
    assert joins.unjoin_command_octets(STATION) == bytes.fromhex("0408 0102030405060708")
    assert joins.log_command_octets() == bytes.fromhex("0500")
    assert joins.log_response_octets(ReadLogCode.READ_FAILURE, None) == bytes.fromhex("3003 020101")
    entry = bytes.fromhex("300D 0408 0102030405060708 020106")
    whole = bytes.fromhex("3014 020100 300F") + entry
    assert joins.log_response_octets(ReadLogCode.SUCCESS, [LogEntry(STATION, 6)]) == whole


@given(st.sampled_from(Method), IDS, TYPES, st.none() | st.just(bytes.fromhex("3003020101")))
def test_joins_come_back(method: Method, station: EntityId, kind: int, certificate: bytes | None) -> None:
    command = JoinCommand(method, station, kind, certificate)
    assert joins.read_join_command(joins.join_command_octets(command)) == command


@given(st.none() | st.lists(st.builds(LogEntry, IDS, TYPES), max_size=16), st.booleans())
def test_logs_come_back(entries: list[LogEntry] | None, wide: bool) -> None:
    octets = joins.log_response_octets(0, entries, wide)
    assert joins.read_log_response(octets) == (0, None if entries is None else tuple(entries))


@pytest.mark.parametrize("code", JoinCode)
def test_codes_of_joins(code: JoinCode) -> None:
    assert joins.join_response_octets(code) == bytes((2, 1, code))
    assert joins.read_join_response(bytes((2, 1, code))) == code


@pytest.mark.parametrize("code", UnjoinCode)
def test_codes_of_unjoins(code: UnjoinCode) -> None:
    assert joins.read_unjoin_response(joins.unjoin_response_octets(code)) == code


@given(st.binary(max_size=40))
def test_arbitrary_octets_raise_parse_error_only(octets: bytes) -> None:
    for read in (
        joins.read_join_command,
        joins.read_join_response,
        joins.read_unjoin_command,
        joins.read_unjoin_response,
        joins.read_log_command,
        joins.read_log_response,
    ):
        with suppress(ParseError):
            read(octets)


def test_what_is_no_certificate_is_not_built() -> None:
    with pytest.raises(BuildError):
        joins.join_command_octets(JoinCommand(Method.C, STATION, 5, b"certificate"))
