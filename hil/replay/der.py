"""What replaying needs to know of ASN.1 messages: what failed, what waits, who issued certificates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gbcs.asn1.codec import decode, plain, spans
from gbcs.asn1.credentials import read_response as read_details
from gbcs.asn1.payloads import payload_type
from gbcs.asn1.replacement import CANCEL, ExecutionOutcome, read_alert, read_command
from gbcs.asn1.replacement import read_response as read_outcome
from gbcs.asn1.schema import Integer
from gbcs.dlms.apdu import Fault
from gbcs.errors import ParseError
from gbcs.firmware import Activation, DatedOutcome
from gbcs.ids import KeyUsage, Kind
from gbcs.message import Message
from gbcs.security.certificates import read_certificate
from gbcs.security.replacement_rows import CODES, MODES
from gbcs.security.store import KeyStore

CS06, CS02D = 0x0012, 0x000B
READ_OUTS = frozenset((0x0008, 0x011B))
CS06_ALERT = 0x00CA
REPLACEMENT_ALERTS = frozenset((0x00CB, 0x0124))
_CODES = ("ResponseCode", "ResponsePayload", "Status")  # how types of status codes are called


class Result(NamedTuple):
    """What an alert says of a future-dated command: alert code, the command, what failed."""

    alert: int
    code: int
    counter: int
    fault: Fault | None


def der_result(message: Message) -> Result | None:
    """What a future-dated result alert says, or None for any other message. Raises ParseError."""
    if message.code == CS06_ALERT:
        told = DatedOutcome.parse(message.payload)
        fault = Fault(0, told.outcome.code) if told.outcome.code else None
        return Result(told.alert_code, CS06, told.counter, fault)
    if message.code in REPLACEMENT_ALERTS:
        alert = read_alert(message.payload)
        code = next((row.code for row in MODES if row.mode == alert.outcome.mode), 0)
        return Result(alert.code, code, alert.outcome.sequence, _failed_cell(alert.outcome))
    return None


def der_fault(response: Message) -> Fault | None:
    """The first failure a response reports. Raises ParseError."""
    if response.code in READ_OUTS:
        statuses = [details.status for details in read_details(response.payload)]
        return next((Fault(i, status) for i, status in enumerate(statuses) if status), None)
    if response.code in CODES:
        outcome = read_outcome(response.payload)
        return None if outcome is None else _failed_cell(outcome)
    return next((Fault(0, code) for _, code in status_codes(response) if code), None)


def status_codes(message: Message) -> Iterator[tuple[str, int]]:
    """The numbers in a response that say how something went, with their paths. Raises ParseError."""
    declared = payload_type(message.code, Kind.RESPONSE)
    if declared is None:
        return
    for span in spans(decode(declared, message.payload)):
        leaf = span.element.type
        if isinstance(leaf, Integer) and leaf.values and leaf.name.endswith(_CODES):
            yield span.path, span.element.value


def is_dated(command: Message) -> bool:
    """Whether a command has a time to be carried out at."""
    declared = payload_type(command.code, Kind.COMMAND)
    if declared is None:
        return False
    try:
        values = plain(decode(declared, command.payload))
    except ParseError:
        return False
    at = values.get("executionDateTime") if isinstance(values, dict) else None
    return at is not None and at != CANCEL


def issuing_authority(commands: Iterable[Message]) -> bytes | None:
    """The certificate that most replacements bring as their path, in DER.

    It stands in for the root where that is in no key store.
    """
    found: Counter[bytes] = Counter()
    for message in commands:
        if message.code in CODES:
            try:
                found.update(read_command(message.payload).path)
            except ParseError:
                continue
    for octets, _ in found.most_common():
        try:
            if read_certificate(octets).usage is KeyUsage.KEY_CERT_SIGN:
                return octets
        except ParseError:
            continue
    return None


def image_hash_of(command: Message) -> bytes | None:
    """The hash of the image a CS06 wants to run; None for another command."""
    try:
        return Activation.parse(command.payload).hash if command.code == CS06 else None
    except ParseError:
        return None


def needs_key_of(command: Message, keys: KeyStore) -> bool:
    """Whether a CS02d brings a certificate whose private key the device had, and nobody has now."""
    if command.code != CS02D:
        return False
    try:
        point = read_certificate(command.payload).point
    except ParseError:
        return False
    return not any(c.point == point and keys.private_key(c) is not None for c in keys.all())


def _failed_cell(outcome: ExecutionOutcome) -> Fault | None:
    return next((Fault(i, cell.status) for i, cell in enumerate(outcome.cells) if cell.status), None)
