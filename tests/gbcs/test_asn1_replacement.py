"""The payloads of CS02b to CS02g: both ways, and nothing but ParseError for other octets."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.asn1 import own_credentials as own
from gbcs.asn1.credentials import CellIdentifier
from gbcs.asn1.replacement import (
    CANCEL,
    NOBODY,
    CellOutcome,
    CounterChange,
    ExecutionOutcome,
    Replacement,
    ReplacementAlert,
    ReplacementCommand,
    Subject,
    alert_octets,
    command_octets,
    read_alert,
    read_command,
    read_response,
    response_octets,
)
from gbcs.errors import BuildError, ParseError
from gbcs.ids import CellUsage, KeyUsage, Role
from gbcs.time import Utc

NUMBERS = st.integers(0, 2**63 - 1)
MOMENTS = st.integers(0, 2**32 - 1).map(Utc.from_seconds) | st.just(CANCEL)
ROLES = st.sampled_from(Role)
CELLS = st.builds(CellIdentifier, ROLES, st.sampled_from(KeyUsage), st.sampled_from(CellUsage))
CERTIFICATES = st.binary(max_size=100).map(lambda octets: bytes((0x30, len(octets))) + octets)
CHANGES = st.lists(st.builds(CounterChange, ROLES, NUMBERS, st.none() | NUMBERS), max_size=4).map(tuple)
COMMANDS = st.builds(
    ReplacementCommand,
    mode=st.integers(0, 20),
    sequence=NUMBERS,
    replacements=st.lists(st.builds(Replacement, CERTIFICATES, CELLS), max_size=4).map(tuple),
    path=st.lists(CERTIFICATES, max_size=3).map(tuple),
    at=st.none() | MOMENTS,
    symmetric_key=st.none() | st.binary(max_size=32),
    time_checks=st.booleans(),
    authorising=st.none() | CELLS,
    new_floor=st.none() | NUMBERS,
    new_prepayment=st.none() | NUMBERS,
    others=CHANGES,
)
OCTETS_8 = st.binary(min_size=8, max_size=8)
SUBJECTS = st.builds(Subject, OCTETS_8, OCTETS_8)
OUTCOMES = st.builds(
    ExecutionOutcome,
    NUMBERS,
    st.integers(0, 11),
    CHANGES,
    st.lists(st.builds(CellOutcome, CELLS, st.integers(0, 127), SUBJECTS, SUBJECTS), max_size=9).map(tuple),
)
ALERTS = st.builds(ReplacementAlert, st.sampled_from([0x8F66, 0x8F67]), MOMENTS, OUTCOMES)


@given(COMMANDS)
def test_a_command_is_read_as_it_was_written(command: ReplacementCommand) -> None:
    octets = command_octets(command)
    assert read_command(octets) == command
    present = {
        tag
        for tag, there in {
            0: command.symmetric_key is not None,
            1: not command.time_checks,
            2: command.authorising is not None,
            3: True,
            4: command.new_floor is not None,
            5: command.new_prepayment is not None,
            6: command.others != (),
        }.items()
        if there
    }
    assert command.tags == present


@given(st.none() | OUTCOMES, st.booleans())
def test_a_response_is_read_as_it_was_written(outcome: ExecutionOutcome | None, wide: bool) -> None:
    assert read_response(response_octets(outcome, wide)) == outcome


@given(ALERTS, st.booleans())
def test_an_alert_is_read_as_it_was_written(alert: ReplacementAlert, wide: bool) -> None:
    assert read_alert(alert_octets(alert, wide)) == alert


def test_a_stored_command_is_answered_with_null_alone() -> None:
    assert response_octets(None, True).hex() == "30020500"


def test_the_symmetric_key_shows_in_no_text() -> None:
    command = ReplacementCommand(9, 1, (), symmetric_key=b"opensesame")
    assert "opensesame" not in repr(command)
    assert b"opensesame".hex() not in repr(command)


COMMAND = ReplacementCommand(
    7,
    1000,
    (Replacement(b"\x30\x00", CellIdentifier(Role.SUPPLIER, KeyUsage.KEY_AGREEMENT)),),
    (b"\x30\x00",),
    CANCEL,
    None,
    False,
    CellIdentifier(Role.TRANSITIONAL_COS, KeyUsage.DIGITAL_SIGNATURE),
    5,
    6,
    (CounterChange(Role.SUPPLIER, 0, 1),),
)


@pytest.mark.parametrize(
    ("octets", "other", "where"),
    [
        ("810101", "810102", "applyTimeBasedCPVChecks"),
        ("a508300602010002010" + "6", "a508300602010102010" + "6", "newRemotePartySpecialistFloorSeqNumber"),
        ("02010202010030083006020100020101", "02010902010030083006020100020101", "otherRemotePartyRole"),
        ("02010202010030083006020100020101", "02010202010030083006020103020101", "Specialist"),
        ("020102030203", "020109030203", "targetTrustAnchorCell"),
        ("a20702010503020780", "a20702010503020640", "authorisingRemotePartyTACellIdentifier"),
    ],
)
def test_values_no_command_has(octets: str, other: str, where: str) -> None:
    whole = command_octets(COMMAND).hex()
    assert octets in whole
    assert read_command(bytes.fromhex(whole)) == COMMAND
    with pytest.raises(ParseError) as caught:
        read_command(bytes.fromhex(whole.replace(octets, other)))
    assert where in caught.value.path


def test_a_token_counter_stands_alone() -> None:
    once = "a5083006020100020106"
    whole = command_octets(ReplacementCommand(2, 1000, (), new_prepayment=6)).hex()
    assert once in whole
    for other, growth in (("a500", -8), ("a510" + 2 * once[4:], 8)):
        octets = bytearray.fromhex(whole.replace(once, other))
        octets[1] += growth
        octets[3] += growth
        with pytest.raises(ParseError) as caught:
            read_command(bytes(octets))
        assert caught.value.path.endswith("newRemotePartySpecialistFloorSeqNumber")


# -- own credentials ---------------------------------------------------------------------


@pytest.mark.parametrize("usage", [*KeyUsage])
def test_requests_name_a_usage(usage: KeyUsage) -> None:
    assert own.read_issue_command(own.issue_command_octets(usage)) is usage
    assert own.read_provide_command(own.provide_command_octets(usage)) is usage
    assert own.issue_command_octets(KeyUsage.DIGITAL_SIGNATURE).hex() == "300403020780"


@pytest.mark.parametrize("octets", ["300403020640", "300403020388", "3003030100"])
def test_a_usage_gbcs_has_not_is_no_parse_error(octets: str) -> None:
    assert own.read_issue_command(bytes.fromhex(octets)) is None
    assert own.read_provide_command(bytes.fromhex(octets)) is None


@pytest.mark.parametrize("answer", [b"\x30\x03\x02\x01\x05", 1, 2, 3, 99])
def test_answers_are_an_object_or_a_code(answer: bytes | int) -> None:
    assert own.read_issue_response(own.issue_response_octets(answer)) == answer
    assert own.read_provide_response(own.provide_response_octets(answer)) == answer


def test_a_certificate_stands_alone() -> None:
    assert own.update_command_octets(b"\x30\x00") == b"\x30\x00" == own.read_update_command(b"\x30\x00")
    for octets in (b"", b"\x31\x00", b"\x30\x01"):
        with pytest.raises(BuildError):
            own.update_command_octets(octets)
        with pytest.raises(ParseError):
            own.read_update_command(octets)


@pytest.mark.parametrize("code", [*own.UpdateCode])
def test_the_code_of_an_update(code: own.UpdateCode) -> None:
    assert own.update_response_octets(code) == bytes((2, 1, code))
    assert own.read_update_response(bytes((2, 1, code))) == code


# -- other octets ------------------------------------------------------------------------

OUTCOME = ExecutionOutcome(
    1,
    2,
    (CounterChange(Role.SUPPLIER, 0, 0),),
    (CellOutcome(COMMAND.replacements[0].cell, 10, NOBODY, NOBODY),),
)
READERS: list[tuple[Callable[[bytes], Any], bytes]] = [
    (read_command, command_octets(COMMAND)),
    (read_response, response_octets(OUTCOME, True)),
    (read_alert, alert_octets(ReplacementAlert(0x8F66, CANCEL, OUTCOME), False)),
    (own.read_issue_command, own.issue_command_octets(KeyUsage.KEY_AGREEMENT)),
    (own.read_issue_response, own.issue_response_octets(3)),
    (own.read_update_command, b"\x30\x03\x02\x01\x05"),
    (own.read_update_response, own.update_response_octets(3)),
    (own.read_provide_command, own.provide_command_octets(KeyUsage.KEY_AGREEMENT)),
    (own.read_provide_response, own.provide_response_octets(b"\x30\x00")),
]


@pytest.mark.parametrize(("read", "whole"), READERS)
def test_bent_octets_raise_parse_error_only(read: Callable[[bytes], Any], whole: bytes) -> None:
    random = Random(1)
    refused = 0
    for _ in range(1000):
        octets = bytearray(whole)
        for _ in range(random.randrange(1, 4)):
            if octets:
                octets[random.randrange(len(octets))] = random.randrange(256)
        if random.random() < 0.2:
            del octets[random.randrange(len(octets) + 1) :]
        try:
            read(bytes(octets))
        except ParseError:
            refused += 1
    assert refused > 100
