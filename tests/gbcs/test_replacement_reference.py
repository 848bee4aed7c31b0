"""CS02b and CS02g of the reference set, executed: every outcome and alert as it is there.

The root of the set is in no file. The issuing authority most commands bring stands in for it.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gbcs.asn1.replacement import (
    ExecutionOutcome,
    alert_octets,
    command_octets,
    read_alert,
    read_command,
    read_response,
    response_octets,
)
from gbcs.ids import DeviceType, Kind, Role
from gbcs.message import Message, parse_message
from gbcs.security.anchors import ROOT_CELL, Anchors, cells_of
from gbcs.security.certificates import read_certificate
from gbcs.security.folder import FolderKeyStore
from gbcs.security.replacement import Header, carry_out, replace, verification_key
from gbcs.security.replacement_rows import CODES, CS02B_ALERT, CS02G_ALERT, devices_of, mode_of
from gbcs.security.signature import signature_is_valid
from gbcs.security.store import Credential
from gbcs.time import Utc
from tests.gbcs.reference_messages import octets

# all certificates of the set are valid then
RECEIVED = Utc.of(2020, 1, 1)


class Pair(NamedTuple):
    """A command, its response, and the alert where it was future dated."""

    command: Message
    response: Message
    alert: Message | None

    @property
    def outcome(self) -> ExecutionOutcome | None:
        if self.alert is not None:
            return read_alert(self.alert.payload).outcome
        return read_response(self.response.payload)


@cache
def messages(folder: Path) -> tuple[Message, ...]:
    return tuple(parse_message(message) for message in octets(folder).values())


def pairs(folder: Path) -> list[Pair]:
    responses = {
        (m.code, m.recipient, m.originator, m.counter): m
        for m in messages(folder)
        if m.code in CODES and m.kind is Kind.RESPONSE
    }
    alerts = {}
    for m in messages(folder):
        if m.code in (CS02B_ALERT, CS02G_ALERT) and m.kind is Kind.ALERT:
            outcome = read_alert(m.payload).outcome
            alerts[m.originator, m.recipient, outcome.mode, outcome.sequence] = m
    found = []
    for m in messages(folder):
        if m.code not in CODES or m.kind is not Kind.COMMAND or not m.has_signature_length:
            continue
        response = responses.get((m.code, m.originator, m.recipient, m.counter))
        if response is None:
            continue
        mode = read_command(m.payload).mode
        found.append(Pair(m, response, alerts.get((m.recipient, m.originator, mode, m.counter))))
    return found


def known(folder: Path, store: FolderKeyStore) -> dict[bytes, Credential]:
    """The certificates of the set by key identifier: those of the key store and those commands bring."""
    found = {credential.key_id: credential for credential in store.all()}
    for message in messages(folder):
        if message.code in CODES and message.kind is Kind.COMMAND:
            for row in read_command(message.payload).replacements:
                credential = read_certificate(row.certificate, row.cell.cell_usage)
                found.setdefault(credential.key_id, credential)
    return found


def anchors_before(
    pair: Pair, device: DeviceType, store: FolderKeyStore, by_key: dict[bytes, Credential], root: Credential
) -> Anchors:
    """What the answer says was held, and for other cells whatever the key store has for them."""
    held = {ROOT_CELL: root}
    for cell in cells_of(device):
        for credential in store.with_role(cell.role, cell.usage):
            if credential.cell_usage is cell.cell_usage:
                held.setdefault(cell, credential)
    for row in pair.outcome.cells if pair.outcome is not None else ():
        held[row.cell] = by_key[row.existing.key_id]
    return Anchors(device, held, {role: 1 for role in Role if role is not Role.OTHER})


def device_of(command: Message) -> DeviceType:
    """What the replacing needs to know of the recipient: a type that has the mode in this form."""
    form = (command.signature is not None, command.mac_header)
    for device in devices_of(command.code):
        row = mode_of(command.code, device)
        if device is not DeviceType.GSME and row is not None and (row.signed, row.maced) == form:
            return device
    raise AssertionError(f"no device has {command.code:04X} in this form")


def test_every_reference_pair_has_the_outcome_it_has_there(reference: Path) -> None:
    store = FolderKeyStore(reference / "rtds" / "keystore")
    found = pairs(reference)
    issuers = Counter(der for pair in found for der in read_command(pair.command.payload).path)
    by_key = known(reference, store)
    root = read_certificate(issuers.most_common(1)[0][0])
    modes = set()
    for command, response, alert in found:
        asked = read_command(command.payload)
        assert command_octets(asked) == command.payload
        modes.add(asked.mode)
        pair = Pair(command, response, alert)
        anchors = anchors_before(pair, device_of(command), store, by_key, root)
        key = verification_key(anchors, command.code, asked)
        signed = command.signature is not None
        assert signed == (key is not None)
        assert key is None or signature_is_valid(command, key)
        header = Header(command.code, command.originator, command.counter, signed, command.mac_header)
        outcome = replace(anchors, asked, header, RECEIVED)
        assert response_octets(outcome.execution, True) == response.payload
        if alert is not None:
            assert outcome.pending is not None
            done = carry_out(outcome.anchors, outcome.pending, outcome.pending.due)
            assert (done.message_code, done.recipient) == (alert.code, alert.recipient)
            assert alert_octets(done.alert, True) == alert.payload
    assert len(found) > 12
    assert modes >= {2, 3, 4, 5, 6, 7, 8, 10, 11}


def test_every_reference_answer_is_read_and_written(reference: Path) -> None:
    """Those of commands that are not in the set as well: contingency."""
    seen = 0
    for message in messages(reference):
        if message.code in CODES and message.kind is Kind.RESPONSE:
            assert response_octets(read_response(message.payload), True) == message.payload
        elif message.code in (CS02B_ALERT, CS02G_ALERT):
            assert alert_octets(read_alert(message.payload), True) == message.payload
        else:
            continue
        seen += 1
    assert seen > 15
