"""Update Security Credentials, CS02b (0100 to 0109) and CS02g (0125, 0126): command, response, alert.

Source: GBCS ASN.1 module (reference: gbcs-messages 8.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import ParseError
from ..ids import Role
from ..time import Utc
from .codec import ROOT, decode, element_of, encode, plain
from .credentials import CellIdentifier, cell_values, read_cell
from .payload_rows import UPDATE_CREDENTIALS_ALERT, UPDATE_CREDENTIALS_COMMAND, UPDATE_CREDENTIALS_RESPONSE

CANCEL = Utc.of(9999, 12, 31, 23, 59, 59)
"""The executionDateTime that takes a stored instruction back."""

PREPAYMENT_TOP_UP = 0  # the one SeqNumberUsage there is
APPLY, DISAPPLY = 0, 1

_CONTROL = "authorisingRemotePartyControl"
_AUTHORISING = "authorisingRemotePartyTACellIdentifier"
_OTHERS = "otherRemotePartySeqNumberChanges"
_SPECIALIST = "newRemotePartySpecialistFloorSeqNumber"


class CounterChange(NamedTuple):
    """RemotePartySeqNumberChange: the new counter of a role, and its prepayment top-up floor if given."""

    role: Role
    floor: int
    prepayment: int | None = None


class Replacement(NamedTuple):
    """TrustAnchorReplacement: a certificate in DER and the cell it is for."""

    certificate: bytes
    cell: CellIdentifier


@dataclass(frozen=True, slots=True)
class ReplacementCommand:
    """The command. `path` are certificates in DER; `at` None is now, `CANCEL` takes back.

    The fields up to `others` are authorisingRemotePartyControl in its order: mode, [0], [1],
    [2], [3], [4], [5], [6].
    """

    mode: int
    sequence: int
    replacements: tuple[Replacement, ...]
    path: tuple[bytes, ...] = ()
    at: Utc | None = None
    symmetric_key: bytes | None = field(default=None, repr=False)
    time_checks: bool = True
    authorising: CellIdentifier | None = None
    new_floor: int | None = None
    new_prepayment: int | None = None
    others: tuple[CounterChange, ...] = ()

    @property
    def tags(self) -> frozenset[int]:
        """The context tags its control has, as `command_octets` writes them."""
        there = {
            0: self.symmetric_key is not None,
            1: not self.time_checks,
            2: self.authorising is not None,
            3: True,
            4: self.new_floor is not None,
            5: self.new_prepayment is not None,
            6: bool(self.others),
        }
        return frozenset(tag for tag, present in there.items() if present)


class Subject(NamedTuple):
    """Whose certificate a cell holds: subject identifier and subject key identifier, 8 octets each."""

    entity: bytes
    key_id: bytes


NOBODY = Subject(bytes(8), bytes(8))
"""Ours: what an empty cell reports, as the fields are not optional."""


class CellOutcome(NamedTuple):
    """ReplacementOutcome; where the status is no success `replacing` repeats `existing`."""

    cell: CellIdentifier
    status: int
    existing: Subject
    replacing: Subject


class ExecutionOutcome(NamedTuple):
    """ExecutionOutcome: what a command did to counters and cells."""

    sequence: int
    mode: int
    changes: tuple[CounterChange, ...]
    cells: tuple[CellOutcome, ...]


class ReplacementAlert(NamedTuple):
    """The alert of a future-dated command: code, time of execution, outcome."""

    code: int
    at: Utc
    outcome: ExecutionOutcome


def read_command(payload: bytes) -> ReplacementCommand:
    """Read the command's payload; certificates stay unread. Raises ParseError."""
    values = plain(decode(UPDATE_CREDENTIALS_COMMAND, payload))
    control, path = values[_CONTROL], f"{ROOT}.{_CONTROL}"
    checks = control.get("applyTimeBasedCPVChecks", APPLY)
    if checks not in (APPLY, DISAPPLY):
        raise ParseError(f"neither apply nor disapply: {checks}", 0, f"{path}.applyTimeBasedCPVChecks")
    authorising = control.get(_AUTHORISING)
    return ReplacementCommand(
        mode=control["credentialsReplacementMode"],
        sequence=control["authorisingRemotePartySeqNumber"],
        replacements=tuple(
            Replacement(
                row["replacementCertificate"],
                read_cell(row["targetTrustAnchorCell"], f"{ROOT}.replacements[{at}].targetTrustAnchorCell"),
            )
            for at, row in enumerate(values["replacements"])
        ),
        path=tuple(values["certificationPathCertificates"]),
        at=values.get("executionDateTime"),
        symmetric_key=control.get("plaintextSymmetricKey"),
        time_checks=checks == APPLY,
        authorising=None if authorising is None else read_cell(authorising, f"{path}.{_AUTHORISING}"),
        new_floor=control.get("newRemotePartyFloorSeqNumber"),
        new_prepayment=_read_specialist(control.get(_SPECIALIST), f"{path}.{_SPECIALIST}"),
        others=_read_changes(control.get(_OTHERS, ()), f"{path}.{_OTHERS}"),
    )


def command_octets(command: ReplacementCommand) -> bytes:
    """The command's payload; what has its default is left out. Raises BuildError."""
    control: dict[str, Any] = {"credentialsReplacementMode": command.mode}
    if command.symmetric_key is not None:
        control["plaintextSymmetricKey"] = command.symmetric_key
    if not command.time_checks:
        control["applyTimeBasedCPVChecks"] = DISAPPLY
    if command.authorising is not None:
        control[_AUTHORISING] = cell_values(command.authorising)
    control["authorisingRemotePartySeqNumber"] = command.sequence
    if command.new_floor is not None:
        control["newRemotePartyFloorSeqNumber"] = command.new_floor
    if command.new_prepayment is not None:
        control[_SPECIALIST] = _specialist(command.new_prepayment)
    if command.others:
        control[_OTHERS] = _changes(command.others)
    values: dict[str, Any] = {
        _CONTROL: control,
        "replacements": [
            {
                "replacementCertificate": row.certificate,
                "targetTrustAnchorCell": cell_values(row.cell),
            }
            for row in command.replacements
        ],
        "certificationPathCertificates": list(command.path),
    }
    if command.at is not None:
        values["executionDateTime"] = command.at
    return encode(element_of(UPDATE_CREDENTIALS_COMMAND, values))


def read_response(payload: bytes) -> ExecutionOutcome | None:
    """The outcome in a response's payload, None where the command was stored or a cancellation.

    Raises ParseError.
    """
    outcome = plain(decode(UPDATE_CREDENTIALS_RESPONSE, payload)).get("executionOutcome")
    return None if outcome is None else _read_outcome(outcome)


def response_octets(outcome: ExecutionOutcome | None, wide: bool) -> bytes:
    """The response's payload; `wide` as in `codec.encode`. Raises BuildError."""
    values: dict[str, Any] = {"commandAccepted": None}
    if outcome is not None:
        values["executionOutcome"] = _outcome(outcome)
    return encode(element_of(UPDATE_CREDENTIALS_RESPONSE, values), wide)


def read_alert(payload: bytes) -> ReplacementAlert:
    """Read the alert's payload. Raises ParseError."""
    values = plain(decode(UPDATE_CREDENTIALS_ALERT, payload))
    outcome = _read_outcome(values["executionOutcome"])
    return ReplacementAlert(values["alertCode"], values["executionDateTime"], outcome)


def alert_octets(alert: ReplacementAlert, wide: bool) -> bytes:
    """The alert's payload; `wide` as in `codec.encode`. Raises BuildError."""
    values = {
        "alertCode": alert.code,
        "executionDateTime": alert.at,
        "executionOutcome": _outcome(alert.outcome),
    }
    return encode(element_of(UPDATE_CREDENTIALS_ALERT, values), wide)


def _read_outcome(values: dict[str, Any]) -> ExecutionOutcome:
    path = f"{ROOT}.executionOutcome"
    return ExecutionOutcome(
        values["authorisingRemotePartySeqNumber"],
        values["credentialsReplacementMode"],
        _read_changes(values["remotePartySeqNumberChanges"], f"{path}.remotePartySeqNumberChanges"),
        tuple(
            CellOutcome(
                read_cell(
                    row["affectedTrustAnchorCell"],
                    f"{path}.replacementOutcomes[{at}].affectedTrustAnchorCell",
                ),
                row["statusCode"],
                Subject(row["existingSubjectUniqueID"], row["existingSubjectKeyIdentifier"]),
                Subject(row["replacingSubjectUniqueID"], row["replacingSubjectKeyIdentifier"]),
            )
            for at, row in enumerate(values["replacementOutcomes"])
        ),
    )


def _outcome(outcome: ExecutionOutcome) -> dict[str, Any]:
    return {
        "authorisingRemotePartySeqNumber": outcome.sequence,
        "credentialsReplacementMode": outcome.mode,
        "remotePartySeqNumberChanges": _changes(outcome.changes),
        "replacementOutcomes": [
            {
                "affectedTrustAnchorCell": cell_values(row.cell),
                "statusCode": int(row.status),
                "existingSubjectUniqueID": row.existing.entity,
                "existingSubjectKeyIdentifier": row.existing.key_id,
                "replacingSubjectUniqueID": row.replacing.entity,
                "replacingSubjectKeyIdentifier": row.replacing.key_id,
            }
            for row in outcome.cells
        ],
    }


def _read_changes(rows: Iterable[dict[str, Any]], path: str) -> tuple[CounterChange, ...]:
    found = []
    for at, row in enumerate(rows):
        try:
            role = Role(row["otherRemotePartyRole"])
        except ValueError as error:
            raise ParseError(str(error), 0, f"{path}[{at}].otherRemotePartyRole") from None
        name = "otherRemotePartySpecialistFloorSeqNumber"
        specialist = _read_specialist(row.get(name), f"{path}[{at}].{name}")
        found.append(CounterChange(role, row["otherRemotePartyFloorSeqNumber"], specialist))
    return tuple(found)


def _changes(changes: Iterable[CounterChange]) -> list[dict[str, Any]]:
    rows = []
    for change in changes:
        row: dict[str, Any] = {
            "otherRemotePartyRole": int(change.role),
            "otherRemotePartyFloorSeqNumber": change.floor,
        }
        if change.prepayment is not None:
            row["otherRemotePartySpecialistFloorSeqNumber"] = _specialist(change.prepayment)
        rows.append(row)
    return rows


def _read_specialist(rows: Sequence[dict[str, Any]] | None, path: str) -> int | None:
    """The prepayment top-up counter: the list has that one use and so that one element."""
    if rows is None:
        return None
    if len(rows) != 1 or rows[0]["seqNumberUsage"] != PREPAYMENT_TOP_UP:
        raise ParseError("not the counter of prepayment top-up alone", 0, path)
    number: int = rows[0]["seqNumber"]
    return number


def _specialist(number: int) -> list[dict[str, int]]:
    return [{"seqNumberUsage": PREPAYMENT_TOP_UP, "seqNumber": number}]
