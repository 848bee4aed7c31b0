"""Whether a device's answer equals a reference answer: same shape, values may differ.

The rules are those of the replay contract; each difference names the octet range or
field it was found in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gbcs.asn1.der import ENUMERATED, Node, parse_der
from gbcs.dlms.apdu import AccessRequest, AccessResponse, RequestItem, parse_apdu
from gbcs.dlms.axdr import Data, Tag, read_data
from gbcs.dlms.fields import is_protected
from gbcs.dlms.objects import Member, MemberKind, member
from gbcs.dlms.protection_rows import protected_read
from gbcs.dlms.types import TypeMismatch
from gbcs.errors import ParseError
from gbcs.ids import Payload
from gbcs.message import Message

Unseal = Callable[[Message, bytes], bytes]


def compare_headers(reference: Message, answer: Message) -> list[str]:
    """What differs outside the payload."""
    differences = []
    for name in ("code", "cra", "counter", "originator", "recipient", "mac_header"):
        wanted, found = getattr(reference, name), getattr(answer, name)
        if wanted != found:
            differences.append(f"header {name}: {wanted} expected, {found} given")
    for name in ("date_time", "signature"):
        if (getattr(reference, name) is None) != (getattr(answer, name) is None):
            differences.append(f"header {name}: present in one only")
    wanted_other, other = reference.other, answer.other
    if (wanted_other.party, wanted_other.party_counter) != (other.party, other.party_counter):
        differences.append("other-information: another supplementary party or counter")
    return differences


def compare_payloads(
    family: Payload, command: Message, reference: Message, answer: Message, unseal: tuple[Unseal, Unseal]
) -> list[str]:
    """What differs in the payload. `unseal` opens content of the reference and of the answer."""
    if family is Payload.DLMS:
        return _compare_dlms(command, reference, answer, unseal)
    return list(_der_differences(parse_der(reference.payload), parse_der(answer.payload), "payload"))


def _compare_dlms(
    command: Message, reference: Message, answer: Message, unseal: tuple[Unseal, Unseal]
) -> list[str]:
    request, wanted, given = (parse_apdu(m.payload) for m in (command, reference, answer))
    if not isinstance(request, AccessRequest):
        return ["the command is no access-request"]
    if not isinstance(wanted, AccessResponse) or not isinstance(given, AccessResponse):
        return ["no access-response"]
    if len(wanted.items) != len(given.items):
        return [f"{len(wanted.items)} items expected, {len(given.items)} given"]
    differences = []
    if wanted.invoke_id != given.invoke_id:
        differences.append(f"invoke-id: {wanted.invoke_id:08X} expected, {given.invoke_id:08X} given")
    for index, (item, left, right) in enumerate(zip(request.items, wanted.items, given.items, strict=True)):
        path = f"items[{index}]"
        if left.choice != right.choice:
            differences.append(f"{path}.choice: {left.choice} expected, {right.choice} given")
        if left.result != right.result:
            differences.append(f"{path}.result: {left.result} expected, {right.result} given")
        else:
            opened = (
                _opened(item, left.data, reference, unseal[0]),
                _opened(item, right.data, answer, unseal[1]),
            )
            differences += _item_differences(item, *opened, path)
    return differences


def _opened(item: RequestItem, data: Data, message: Message, unseal: Unseal) -> tuple[Data, Data | None]:
    """A protected answer as its parameters and its plaintext; anything else as it is."""
    if data.tag != Tag.STRUCTURE or len(data.value) != 2 or not is_protected(*data.value):
        return data, None
    plaintext, end = read_data(octets := unseal(message, data.value[1].value))
    if end != len(octets):
        raise ParseError("octets left over after the plaintext", end, "plaintext")
    return data.value[0], plaintext


def _item_differences(
    item: RequestItem, wanted: tuple[Data, Data | None], given: tuple[Data, Data | None], path: str
) -> list[str]:
    differences = list(_differences(wanted[0], given[0], path))
    if (wanted[1] is None) != (given[1] is None):
        return [*differences, f"{path}: protected in one only"]
    kind = MemberKind.METHOD if item.choice == 3 else MemberKind.ATTRIBUTE
    row = member(item.class_id, item.logical_name, kind, item.member)
    if wanted[1] is None or given[1] is None:
        if kind is MemberKind.ATTRIBUTE and row is not None and given[0].tag != Tag.NULL:
            differences += _type_differences((row,), (given[0],), path)
        return differences
    differences += _differences(wanted[1], given[1], f"{path}.plaintext")
    protected = protected_read(item.logical_name)
    if protected is not None and given[1].tag == Tag.STRUCTURE:
        differences += _type_differences(protected.contents, given[1].value, f"{path}.plaintext")
    return differences


def _type_differences(rows: Sequence[Member], nodes: Sequence[Data], path: str) -> list[str]:
    """Where nodes are not of the types the object table declares: element types, fixed lengths."""
    differences = []
    for row, node in zip(rows, nodes, strict=False):
        try:
            row.any_wire().decode(node)
        except TypeMismatch as mismatch:
            differences.append(f"{path} {row.item}: {mismatch}")
    return differences


def _differences(wanted: Data, given: Data, path: str) -> list[str]:
    """Where two trees differ in type: tags, structure counts, descriptions, bit-string lengths."""
    if wanted.tag != given.tag:
        return [f"{path}: tag {wanted.tag:02X} expected, {given.tag:02X} given"]
    if wanted.tag == Tag.COMPACT_ARRAY:
        if wanted.value.description != given.value.description:
            return [f"{path}: another compact-array type description"]
        return []
    if wanted.tag == Tag.BIT_STRING and wanted.value.bits != given.value.bits:
        return [f"{path}: {wanted.value.bits} bits expected, {given.value.bits} given"]
    if wanted.tag == Tag.STRUCTURE:
        if len(wanted.value) != len(given.value):
            return [f"{path}: {len(wanted.value)} elements expected, {len(given.value)} given"]
        return [
            found
            for index, (left, right) in enumerate(zip(wanted.value, given.value, strict=True))
            for found in _differences(left, right, f"{path}[{index}]")
        ]
    if wanted.tag == Tag.ARRAY and wanted.value:
        return [
            found
            for index, right in enumerate(given.value)
            for found in _differences(wanted.value[0], right, f"{path}[{index}]")
        ]
    return []


def _der_differences(wanted: Node, given: Node, path: str) -> list[str]:
    if wanted.tag != given.tag:
        return [f"{path}: tag {wanted.tag:02X} expected, {given.tag:02X} given"]
    if wanted.tag == ENUMERATED and wanted.contents != given.contents:
        return [f"{path}: status {wanted.contents.hex()} expected, {given.contents.hex()} given"]
    if len(wanted.children) != len(given.children):
        return [f"{path}: {len(wanted.children)} elements expected, {len(given.children)} given"]
    return [
        found
        for index, (left, right) in enumerate(zip(wanted.children, given.children, strict=True))
        for found in _der_differences(left, right, f"{path}[{index}]")
    ]
