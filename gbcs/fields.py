"""A message as JSON-able fields, and back by building from the fields (contract: decode --json, v 1).

Verdicts, names, counts and plaintexts are remarks for the reader. Everything else is read
back; 64-bit numbers are hex digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .asn1 import fields as asn1_fields
from .asn1.codec import decode as decode_asn1
from .asn1.payloads import payload_type
from .dlms import fields as dlms_fields
from .dlms.alert_rows import FUTURE_DATED_OUTCOME, alert_structure, join_header, split_header
from .dlms.apdu import DataNotification, parse_apdu
from .dlms.axdr import Data, Tag, read_data
from .dlms.items import executed_target, item_types
from .errors import BuildError, KeyUnavailable, ParseError, SecurityError
from .ids import Cra, EntityId, Kind, Payload
from .jsonvalue import hex_text, maybe, unhex, want
from .message import MAX_MESSAGE, Message, OtherInformation
from .time import CosemDateTime
from .usecases import by_code
from .zcl import fields as zcl_fields
from .zcl.gbz import parse_gbz

if TYPE_CHECKING:
    from .security.verify import Verifier

VERSION = 1
Fields = dict[str, Any]
Unseal = Callable[[bytes], "bytes | None"]
# the parts of a date-time with the greatest value of their octets
_DATE_TIME = {
    "year": 0xFFFF,
    "month": 0xFF,
    "day": 0xFF,
    "day_of_week": 0xFF,
    "hour": 0xFF,
    "minute": 0xFF,
    "second": 0xFF,
    "hundredths": 0xFF,
    "deviation": 0xFFFF,
    "status": 0xFF,
}
_GBZ_PROFILE = b"\x01\x09"
_LENGTHS = ("other_information", "content")


def payload_family(message: Message) -> Payload:
    """The payload family of a message: of its use case or, where that leaves it open, of its first octets.

    NONE where neither tells, as for an ASN.1 payload of an unknown use case.
    """
    use_case = by_code(message.code)
    if use_case is not None and not use_case.payload_by_device and use_case.payload is not Payload.NONE:
        return use_case.payload
    if message.payload[:1] in (b"\xd9", b"\xda", b"\x0f"):
        return Payload.DLMS
    return Payload.GBZ if message.payload.startswith(_GBZ_PROFILE) else Payload.NONE


class _Payload(NamedTuple):
    """The fields of a payload, and what became of its protected parts."""

    fields: Fields
    protected: int = 0
    opened: int = 0
    broken: bool = False


def message_fields(message: Message, unseal: Unseal | None = None) -> Fields:
    """The fields of a parsed message.

    `unseal` gives the plaintext of a protected value, or None without the key. Raises
    ParseError, with the offset in the message, where the payload does not follow its family.
    """
    return _fields_of(message, _payload(message, unseal))


def _payload(message: Message, unseal: Unseal | None) -> _Payload:
    """The fields of the payload of a message. Raises ParseError."""
    family = payload_family(message)
    try:
        if family is Payload.DLMS:
            return _dlms_payload(message, unseal)
        if family is Payload.GBZ:
            renderer = zcl_fields.Renderer(unseal)
            payload = renderer.gbz(parse_gbz(message.payload, message.cra, message.code))
            return _Payload(payload, renderer.protected, renderer.opened, renderer.broken)
        asn1_type = payload_type(message.code, message.kind) if family is Payload.ASN1 else None
        if asn1_type is not None:
            return _Payload(asn1_fields.payload_fields(decode_asn1(asn1_type, message.payload)))
    except ParseError as error:
        offset = message.payload_offset + error.offset
        raise ParseError(error.reason, offset, f"payload.{error.path}") from None
    return _Payload({"opaque": hex_text(message.payload)})


def _dlms_payload(message: Message, unseal: Unseal | None) -> _Payload:
    broken = False

    def open_node(octets: bytes) -> Data | None:
        nonlocal broken
        plaintext = None if unseal is None else unseal(octets)
        if plaintext is None:
            return None
        try:
            data, end = read_data(plaintext, 0, "plaintext")
        except ParseError:
            broken = True
            return None
        if end != len(plaintext):
            broken = True
            return None
        return data

    renderer = dlms_fields.Renderer(open_node)
    octets, header = split_header(message.code, message.payload)
    apdu = parse_apdu(octets)
    payload = renderer.apdu(apdu, item_types(message.code, apdu), alert_structure(message.code))
    if message.code == FUTURE_DATED_OUTCOME and isinstance(apdu, DataNotification):
        _name_executed(apdu.body, payload["body"])
    if header is not None:
        payload["header"] = header
    return _Payload(payload, renderer.protected, renderer.opened, broken)


def _name_executed(body: Data, fields: Fields) -> None:
    """Say what was executed, by the name of the attribute (dlms-payloads 8.2)."""
    for node, shown in zip(body.value, fields["value"], strict=True) if body.tag == Tag.STRUCTURE else ():
        target = executed_target(node)
        if target is not None:
            shown["meaning"] = target


def _fields_of(message: Message, payload: _Payload) -> Fields:
    use_case = by_code(message.code)
    fields: Fields = {
        "v": VERSION,
        "use_case": use_case.name if use_case else None,
        "message_code": f"{message.code:04X}",
        "kind": message.kind.value,
        "originator": str(message.originator),
        "recipient": str(message.recipient),
        "counter": f"{message.counter:016X}",
        "date_time": None if message.date_time is None else _date_time_fields(message.date_time),
        "supplementary": supplementary_fields(message.other),
        "mac_header": message.mac_header,
        "signature_length": message.has_signature_length,
        "signature_hex": None if message.signature is None else hex_text(message.signature),
        "mac_hex": None if message.mac is None else hex_text(message.mac),
        "encrypted": payload.protected,
        "decrypted": payload.opened,
        "payload": payload.fields,
    }
    if message.length_forms:
        fields["length_forms"] = dict(message.length_forms)
    return fields


def checked_fields(message: Message, verifier: Verifier | None = None) -> Fields:
    """The fields of a parsed message with the verdicts on it (contract: one line of decode --json).

    `signature`, `mac` and `encryption` are `valid`, `invalid`, `absent` or, without the
    key, `unchecked`. Raises ParseError.
    """
    if verifier is None:
        fields = message_fields(message)
        signature = "absent" if message.signature is None else "unchecked"
        mac = "absent" if message.mac is None else "unchecked"
        return _with_verdicts(fields, signature, mac, False)
    broken = False

    def unseal(octets: bytes) -> bytes | None:
        nonlocal broken
        try:
            return verifier.unseal(message, octets)
        except KeyUnavailable:
            return None
        except (ParseError, SecurityError):
            broken = True
            return None

    payload = _payload(message, unseal)
    fields = _fields_of(message, payload)
    verdicts = verifier.verify(message)
    return _with_verdicts(fields, verdicts.signature.value, verdicts.mac.value, broken or payload.broken)


def _with_verdicts(fields: Fields, signature: str, mac: str, broken: bool) -> Fields:
    """The fields with the verdicts in their place, before the octets they speak of."""
    if broken:
        encryption = "invalid"
    elif fields["encrypted"]:
        encryption = "valid" if fields["decrypted"] == fields["encrypted"] else "unchecked"
    else:
        encryption = "absent"
    verdicts = {"signature": signature, "mac": mac, "encryption": encryption}
    result: Fields = {}
    for name, value in fields.items():
        if name == "signature_length":
            result.update(verdicts)
        result[name] = value
    return result


def build_message(fields: Any) -> Message:
    """The message of fields, encoded. Raises BuildError with the path of what is wrong."""
    if want(fields, "v", int, "") != VERSION:
        raise BuildError(f"version {fields['v']} is not read, only {VERSION}", "v")
    try:
        kind = Kind(want(fields, "kind", str, ""))
    except ValueError:
        raise BuildError(f"no kind is called {fields['kind']!r}", "kind") from None
    signature = maybe(fields, "signature_hex", str, "")
    mac = maybe(fields, "mac_hex", str, "")
    date_time = maybe(fields, "date_time", dict, "")
    mac_header = want(fields, "mac_header", bool, "")
    signature_length = want(fields, "signature_length", bool, "")
    if not signature_length and (signature is not None or mac_header):
        raise BuildError("only a message without signature and MAC can do without", "signature_length")
    if mac_header != (mac is not None):
        raise BuildError("the MAC header and a MAC come together", "mac_hex")
    message = Message(
        _CRAS[kind],
        _number(fields, "counter"),
        EntityId(unhex(want(fields, "originator", str, ""), "originator", 8)),
        EntityId(unhex(want(fields, "recipient", str, ""), "recipient", 8)),
        _build_other(fields),
        _build_payload(want(fields, "payload", dict, "")),
        None if date_time is None else _build_date_time(date_time),
        mac_header,
        signature_length,
        None if signature is None else unhex(signature, "signature_hex", 64),
        None if mac is None else unhex(mac, "mac_hex", 12),
        dlms_fields.build_forms(fields, "", ("ciphered_service", *_LENGTHS) if mac_header else _LENGTHS),
    ).encoded()
    if message.kind is not kind:
        raise BuildError(f"this makes a {message.kind.value}: signature or MAC header decide", "kind")
    if len(message.octets) > MAX_MESSAGE:
        raise BuildError(f"longer than {MAX_MESSAGE} octets", "payload")
    return message


_CRAS = {
    Kind.PRECOMMAND: Cra.COMMAND,
    Kind.COMMAND: Cra.COMMAND,
    Kind.RESPONSE: Cra.RESPONSE,
    Kind.ALERT: Cra.ALERT,
}


def _number(fields: Any, key: str, path: str = "") -> int:
    return int.from_bytes(unhex(want(fields, key, str, path), f"{path}.{key}".lstrip("."), 8), "big")


def _maybe_number(fields: Any, key: str, path: str) -> int | None:
    return None if fields.get(key) is None else _number(fields, key, path)


def _date_time_fields(octets: bytes) -> Fields:
    moment = CosemDateTime.from_octets(octets)
    return {name: getattr(moment, name) for name in _DATE_TIME}


def _build_date_time(fields: Fields) -> bytes:
    values = []
    for name, greatest in _DATE_TIME.items():
        value = want(fields, name, int, "date_time")
        if not 0 <= value <= greatest:
            raise BuildError(f"a number from 0 to {greatest} is needed", f"date_time.{name}")
        values.append(value)
    return CosemDateTime(*values).octets()


def supplementary_fields(other: OtherInformation) -> Fields | None:
    """The supplementary fields of other-information, None where there are none."""
    if other.party is None:
        return None
    fields: Fields = {"remote_party_id": str(other.party)}
    if other.party_counter is not None:
        fields["remote_party_counter"] = f"{other.party_counter:016X}"
    if other.originator_counter is not None:
        fields["originator_counter"] = f"{other.originator_counter:016X}"
    if other.certificate is not None:
        fields["certificate"] = hex_text(other.certificate)
    return fields


def _build_other(fields: Fields) -> OtherInformation:
    code = int.from_bytes(unhex(want(fields, "message_code", str, ""), "message_code", 2), "big")
    return build_supplementary(code, maybe(fields, "supplementary", dict, ""))


def build_supplementary(code: int, given: Fields | None) -> OtherInformation:
    """other-information of a Message Code and supplementary fields. Raises BuildError."""
    if given is None:
        return OtherInformation(code)
    path = "supplementary"
    party = EntityId(unhex(want(given, "remote_party_id", str, path), f"{path}.remote_party_id", 8))
    certificate = maybe(given, "certificate", str, path)
    return OtherInformation(
        code,
        party,
        _maybe_number(given, "remote_party_counter", path),
        _maybe_number(given, "originator_counter", path),
        None if certificate is None else unhex(certificate, f"{path}.certificate"),
    )


def _build_payload(fields: Fields) -> bytes:
    if "gbz" in fields:  # first: an alert may have an "opaque" part
        return zcl_fields.build_gbz(fields).octets()
    if "opaque" in fields:
        return unhex(fields["opaque"], "payload.opaque")
    if "asn1" in fields:
        return asn1_fields.build_payload(fields)
    apdu = dlms_fields.build_apdu(fields)
    header = maybe(fields, "header", str, "payload")
    try:
        octets = apdu.octets()
        return octets if header is None else join_header(octets, header)
    except BuildError as error:
        reason = str(error).removeprefix(f"{error.path}: ")
        raise BuildError(reason, f"payload.{error.path}") from None
