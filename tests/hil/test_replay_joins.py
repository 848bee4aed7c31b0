"""Replaying joins, unjoins and reads of a device log: the other device agrees on a key, or is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gbcs.asn1.joins import (
    CS03A1,
    CS03B,
    CS04AC,
    CS04B,
    CS07,
    JoinCode,
    JoinCommand,
    LogEntry,
    Method,
    join_command_octets,
    join_response_octets,
    log_command_octets,
    log_response_octets,
    unjoin_command_octets,
    unjoin_response_octets,
)
from gbcs.ids import EntityId
from gbcs.message import Message, parse_message
from gbcs.party import RemoteParty
from hil.replay.verdicts import Outcome, Verdict
from smets.behaviours.joining import KeyAgreed, KeyNotAgreed
from smets.events import ArmStoreFault, RemotePartyMessage, SendMessage
from tests.hil.replay_home import METER, NOW, Home

OTHER = EntityId.parse("00-DB-12-34-56-78-90-97")
SWITCH, READER = 4, 6
JOIN = join_command_octets(JoinCommand(Method.A_INITIATOR, OTHER, SWITCH))
JOIN_B = join_command_octets(JoinCommand(Method.B, OTHER, READER))


def pair(home: Home, code: int, payload: bytes, event: object = None, answer: bytes | None = None) -> None:
    """A pair as a meter makes it that this event happens to; with another answer where one is given."""
    command = home.command(code, lambda counter: payload)
    effects = home.device.handle(RemotePartyMessage(command.octets), NOW)
    if event is not None:
        effects += home.device.handle(event, NOW)  # type: ignore[arg-type]
    (response,) = (parse_message(e.octets) for e in effects if isinstance(e, SendMessage))
    home.messages["CASE_COMMAND_X.HEX"] = command
    home.messages["CASE_RESPONSE_X.HEX"] = response if answer is None else signed(home, response, answer)


def signed(home: Home, response: Message, payload: bytes) -> Message:
    """The response with another payload, as the meter would sign it."""
    draft = replace(response, payload=payload).encoded()
    return (
        draft
        if draft.mac_header
        else RemoteParty(METER, home.store).sign(replace(draft, signature=None).encoded())
    )


def outcome(home: Home, inject: bool = False) -> Outcome:
    (found,) = home.replay(inject)
    return found


def test_a_join_whose_key_agreement_succeeds() -> None:
    home = Home()
    pair(home, CS03A1, JOIN, KeyAgreed(OTHER, bytes(16)))
    assert outcome(home).verdict is Verdict.MATCH


@pytest.mark.parametrize("code", [JoinCode.BAD_KEY_CONFIRM, JoinCode.NO_CBKE_RESPONSE])
def test_a_join_whose_key_agreement_fails_needs_a_fault(code: JoinCode) -> None:
    home = Home()
    pair(home, CS03A1, JOIN, KeyNotAgreed(OTHER, code))
    assert outcome(home).verdict is Verdict.NEEDS_FAULT
    found = outcome(home, inject=True)
    assert (found.verdict, found.why) == (Verdict.MATCH_INJECTED, f"item 0 fails with {int(code)}")


def test_a_join_that_a_meter_refuses_by_itself() -> None:
    home = Home()
    pair(home, CS03B, join_command_octets(JoinCommand(Method.B, OTHER, SWITCH)))
    assert outcome(home).verdict is Verdict.MATCH


@pytest.mark.parametrize(("code", "join"), [(CS04AC, JOIN), (CS04B, JOIN_B)])
def test_an_unjoin_of_a_device_that_is_there(code: int, join: bytes) -> None:
    home = Home()
    pair(
        home,
        CS03A1 if code == CS04AC else CS03B,
        join,
        KeyAgreed(OTHER, bytes(16)) if code == CS04AC else None,
    )
    home.messages.clear()
    pair(home, code, unjoin_command_octets(OTHER))
    assert outcome(home).verdict is Verdict.MATCH


def test_an_unjoin_that_fails_needs_a_fault() -> None:
    home = Home()
    pair(home, CS04AC, unjoin_command_octets(OTHER))  # it is not there
    assert outcome(home).verdict is Verdict.NEEDS_FAULT
    assert outcome(home, inject=True).verdict is Verdict.MATCH_INJECTED
    pair(home, CS04AC, unjoin_command_octets(OTHER), None, unjoin_response_octets(2))
    assert outcome(home, inject=True).verdict is Verdict.MATCH_INJECTED


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_log_may_hold_other_devices(length: int) -> None:
    home = Home()
    for n in range(length):
        one = JoinCommand(Method.B, EntityId(bytes(7) + bytes((n + 1,))), READER)
        pair(home, CS03B, join_command_octets(one))
    home.messages.clear()
    pair(home, CS07, log_command_octets())
    assert outcome(home).verdict is Verdict.MATCH


def test_a_log_that_cannot_be_read_needs_a_fault() -> None:
    home = Home()
    command = home.command(CS07, lambda counter: log_command_octets())
    home.device.handle(ArmStoreFault(0, 1), NOW)
    (response,) = home.send(command)
    assert response.payload == log_response_octets(1, None)
    home.messages = {"CASE_COMMAND_X.HEX": command, "CASE_RESPONSE_X.HEX": response}
    assert outcome(home).verdict is Verdict.NEEDS_FAULT
    assert outcome(home, inject=True).verdict is Verdict.MATCH_INJECTED


def test_entries_of_another_form_are_a_mismatch() -> None:
    home = Home()
    pair(home, CS07, log_command_octets())
    response = home.messages["CASE_RESPONSE_X.HEX"]
    wrong = log_response_octets(0, [LogEntry(OTHER, READER)]).replace(b"\x04\x08", b"\x0c\x08")
    home.messages["CASE_RESPONSE_X.HEX"] = replace(response, payload=wrong).encoded()
    found = outcome(home)
    assert found.verdict is Verdict.MISMATCH
    assert "payload[1][0][0]: tag 0C expected, 04 given" in found.why


def test_a_join_answered_by_something_else_is_a_mismatch() -> None:
    home = Home()
    pair(home, CS03B, JOIN_B)
    response = home.messages["CASE_RESPONSE_X.HEX"]
    enumerated = b"\x0a" + join_response_octets(0)[1:]
    home.messages["CASE_RESPONSE_X.HEX"] = replace(response, payload=enumerated).encoded()
    assert outcome(home).verdict is Verdict.MISMATCH
