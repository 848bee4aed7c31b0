"""A message as JSON-able fields, and back by building from the fields (contract: decode --json, v 1).

Verdicts, names, counts and plaintexts are remarks for the reader. Everything else is read
back; 64-bit numbers are hex digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .dlms import fields as dlms_fields
from .dlms.apdu import AccessRequest, AccessResponse, Apdu, parse_apdu
from .dlms.axdr import Data
from .dlms.objects import MemberKind, member
from .dlms.templates import templates
from .errors import BuildError
from .ids import Cra, EntityId, Kind, Payload
from .jsonvalue import hex_text, maybe, unhex, want
from .message import Message, OtherInformation
from .time import CosemDateTime
from .usecases import by_code

VERSION = 1
Fields = dict[str, Any]
_DATE_TIME = ("year month day day_of_week hour minute second hundredths deviation status").split()


def payload_family(message: Message) -> Payload:
    """The payload family of a message: of its use case or, where that leaves it open, of its first octet."""
    use_case = by_code(message.code)
    if use_case is not None and not use_case.payload_by_device and use_case.payload is not Payload.NONE:
        return use_case.payload
    first = message.payload[:1]
    if first in (b"\xd9", b"\xda", b"\x0f"):
        return Payload.DLMS
    return Payload.ASN1 if use_case is not None and use_case.payload is Payload.ASN1 else Payload.GBZ


def message_fields(
    message: Message, unseal: Callable[[bytes], Data | None] | None = None
) -> Fields:
    """The fields of a parsed message. Raises ParseError where the payload does not follow its family.

    `unseal` gives the plaintext of a protected value, or None without the key.
    """
    use_case = by_code(message.code)
    renderer = dlms_fields.Renderer(unseal)
    payload: Fields
    if payload_family(message) is Payload.DLMS:
        apdu = parse_apdu(message.payload)
        payload = renderer.apdu(apdu, item_names(message.code, apdu))
    else:
        payload = {"opaque": hex_text(message.payload)}
    fields: Fields = {
        "v": VERSION,
        "use_case": use_case.name if use_case else None,
        "message_code": f"{message.code:04X}",
        "kind": message.kind.value,
        "originator": str(message.originator),
        "recipient": str(message.recipient),
        "counter": f"{message.counter:016X}",
        "date_time": None if message.date_time is None else _date_time_fields(message.date_time),
        "supplementary": _supplementary_fields(message.other),
        "mac_header": message.mac_header,
        "signature_length": message.has_signature_length,
        "signature_hex": None if message.signature is None else hex_text(message.signature),
        "mac_hex": None if message.mac is None else hex_text(message.mac),
        "encrypted": renderer.protected,
        "decrypted": renderer.opened,
        "payload": payload,
    }
    if message.length_forms:
        fields["length_forms"] = dict(message.length_forms)
    return fields


def item_names(code: int, apdu: Apdu) -> tuple[str | None, ...]:
    """What the items of an access-request or of its response are called, as far as the tables tell."""
    if isinstance(apdu, AccessRequest):
        return tuple(_name(i.choice, i.class_id, i.logical_name, i.member) for i in apdu.items)
    if isinstance(apdu, AccessResponse):
        choices = [item.choice for item in apdu.items]
        for template in templates(code):
            if [_ANSWERED.get(c.choice, c.choice) for c in template.components] == choices:
                return tuple(_name(*component) for component in template.components)
    return ()


_ANSWERED = {4: 1}  # a get with selection is answered as a get


def _name(choice: int, class_id: int, ln: bytes, number: int) -> str | None:
    kind = MemberKind.METHOD if choice == 3 else MemberKind.ATTRIBUTE
    found = member(class_id, ln, kind, number)
    return f"{found.item} ({found.name})" if found is not None else None


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
    return Message(
        _CRAS[kind],
        _number(fields, "counter"),
        EntityId(unhex(want(fields, "originator", str, ""), "originator", 8)),
        EntityId(unhex(want(fields, "recipient", str, ""), "recipient", 8)),
        _build_other(fields),
        _build_payload(want(fields, "payload", dict, "")),
        None if date_time is None else _build_date_time(date_time),
        want(fields, "mac_header", bool, ""),
        want(fields, "signature_length", bool, ""),
        None if signature is None else unhex(signature, "signature_hex", 64),
        None if mac is None else unhex(mac, "mac_hex", 12),
        dlms_fields.build_forms(fields, ""),
    ).encoded()


_CRAS = {
    Kind.PRECOMMAND: Cra.COMMAND,
    Kind.COMMAND: Cra.COMMAND,
    Kind.RESPONSE: Cra.RESPONSE,
    Kind.ALERT: Cra.ALERT,
}


def _number(fields: Any, key: str, path: str = "") -> int:
    return int.from_bytes(unhex(want(fields, key, str, path), f"{path}.{key}".lstrip("."), 8), "big")


def _date_time_fields(octets: bytes) -> Fields:
    fields = CosemDateTime.from_octets(octets)
    return {name: getattr(fields, name) for name in _DATE_TIME}


def _build_date_time(fields: Fields) -> bytes:
    values = [want(fields, name, int, "date_time") for name in _DATE_TIME]
    try:
        return CosemDateTime(*values).octets()
    except (ValueError, OverflowError):
        raise BuildError("a value is out of its octets' range", "date_time") from None


def _supplementary_fields(other: OtherInformation) -> Fields | None:
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
    given = maybe(fields, "supplementary", dict, "")
    if given is None:
        return OtherInformation(code)
    path = "supplementary"
    party = EntityId(unhex(want(given, "remote_party_id", str, path), f"{path}.remote_party_id", 8))
    certificate = maybe(given, "certificate", str, path)
    return OtherInformation(
        code,
        party,
        _number(given, "remote_party_counter", path) if given.get("remote_party_counter") else None,
        _number(given, "originator_counter", path) if given.get("originator_counter") else None,
        None if certificate is None else unhex(certificate, f"{path}.certificate"),
    )


def _build_payload(fields: Fields) -> bytes:
    if "opaque" in fields:
        return unhex(fields["opaque"], "payload.opaque")
    return dlms_fields.build_apdu(fields).octets()
