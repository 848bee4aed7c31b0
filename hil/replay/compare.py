"""Whether a device's answer equals a reference answer: same shape, values may differ.

The rules are those of the replay contract; each difference names the field it was found in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gbcs.asn1.der import ENUMERATED, Node, parse_der
from gbcs.dlms.apdu import AccessRequest, AccessResponse, Choice, RequestItem, parse_apdu
from gbcs.dlms.axdr import Data, Tag, read_data
from gbcs.dlms.fields import is_protected
from gbcs.dlms.objects import MemberKind, member
from gbcs.dlms.protection_rows import protected_read
from gbcs.dlms.types import WireType
from gbcs.errors import ParseError
from gbcs.ids import Payload
from gbcs.message import Message

from .der import status_codes
from .shapes import agreed, shape_of, undeclared

# what lists in DER hold is state, as arrays of DLMS: by Message Code and path
STATE_LISTS = {0x0013: frozenset(("payload[1]",))}

Unseal = Callable[[Message, bytes], bytes]
Opened = tuple[Data, Data | None]  # what an item gave; where it is protected its parameters, its plaintext


def compare_headers(reference: Message, answer: Message) -> list[str]:
    """What differs outside the payload."""
    differences = []
    for name in ("code", "cra", "counter", "originator", "recipient", "mac_header"):
        wanted, found = getattr(reference, name), getattr(answer, name)
        if wanted != found:
            differences.append(f"header {name}: {_text(wanted)} expected, {_text(found)} given")
    for name in ("date_time", "signature"):
        wanted, found = getattr(reference, name), getattr(answer, name)
        if (wanted is None) != (found is None):
            differences.append(f"header {name}: {_presence(wanted)} expected, {_presence(found)} given")
    if reference.has_signature_length != answer.has_signature_length:
        differences.append("header signature length: present in one only")
    # the Supplementary Originator Counter is the device's own: both forms are in use
    for name in ("party", "party_counter", "certificate"):
        if getattr(reference.other, name) != getattr(answer.other, name):
            differences.append(f"other-information {name}: not that of the reference")
    return differences


def compare_payloads(
    family: Payload, command: Message, reference: Message, answer: Message, unseal: tuple[Unseal, Unseal]
) -> list[str]:
    """What differs in the payload. `unseal` opens content of the reference and of the answer.

    Raises ParseError for a reference that is not of the family, SecurityError or
    KeyUnavailable for content that cannot be opened.
    """
    if family is Payload.DLMS:
        return _compare_dlms(command, reference, answer, unseal)
    if family is Payload.ASN1:
        return _compare_der(reference, answer)
    return [f"{family.value} payloads are not compared yet"]


def _text(value: object) -> str:
    return f"{value:X}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _presence(value: object) -> str:
    return "none" if value is None else "one"


# -- DLMS -----------------------------------------------------------------------------


def _compare_dlms(
    command: Message, reference: Message, answer: Message, unseal: tuple[Unseal, Unseal]
) -> list[str]:
    request, wanted, given = (parse_apdu(m.payload) for m in (command, reference, answer))
    if not isinstance(request, AccessRequest):
        return ["the command is no access-request"]
    if not isinstance(wanted, AccessResponse) or not isinstance(given, AccessResponse):
        return ["no access-response"]
    if not len(wanted.items) == len(given.items) == len(request.items):
        return [f"{len(wanted.items)} items expected, {len(given.items)} given"]
    differences = []
    if wanted.invoke_id != given.invoke_id:
        differences.append(f"invoke-id: {wanted.invoke_id:08X} expected, {given.invoke_id:08X} given")
    if bool(wanted.date_time) != bool(given.date_time):
        differences.append("apdu date-time: present in one only")
    for index, (item, left, right) in enumerate(zip(request.items, wanted.items, given.items, strict=True)):
        path = f"items[{index}]"
        if left.choice != right.choice:
            differences.append(f"{path} choice: {left.choice} expected, {right.choice} given")
        if left.result != right.result:
            differences.append(f"{path} result: {left.result} expected, {right.result} given")
        else:
            opened = _opened(left.data, reference, unseal[0]), _opened(right.data, answer, unseal[1])
            differences += _item_differences(item, right.result, *opened, path)
    return differences


def _opened(data: Data, message: Message, unseal: Unseal) -> Opened:
    """A protected answer as its parameters and its plaintext; anything else as it is."""
    if data.tag != Tag.STRUCTURE or len(data.value) != 2 or not is_protected(*data.value):
        return data, None
    plaintext, end = read_data(octets := unseal(message, data.value[1].value))
    if end != len(octets):
        raise ParseError("octets left over after the plaintext", end, "plaintext")
    return data.value[0], plaintext


def _item_differences(item: RequestItem, result: int, wanted: Opened, given: Opened, path: str) -> list[str]:
    if (wanted[1] is None) != (given[1] is None):
        return [f"{path}: protected in one only"]
    if wanted[1] is None or given[1] is None:
        return _tree_differences(None if result else _declared(item), wanted[0], given[0], path)
    plain = f"{path} plaintext"
    differences = _tree_differences(None, wanted[0], given[0], path)
    differences += _tree_differences(None, wanted[1], given[1], plain)
    row = protected_read(item.logical_name)
    if differences or row is None:
        return differences
    if wanted[1].tag != Tag.STRUCTURE or len(wanted[1].value) != len(row.contents):
        return [f"{plain}: {len(row.contents)} values declared"]
    for index, content in enumerate(row.contents):
        left, right = wanted[1].value[index], given[1].value[index]
        differences += _tree_differences(content.any_wire(), left, right, f"{plain}[{index}]")
    return differences


def _declared(item: RequestItem) -> WireType | None:
    """The type of what a successful item gives: of an attribute read, or of a method's result."""
    if item.choice == Choice.ACTION:
        method = member(item.class_id, item.logical_name, MemberKind.METHOD, item.member)
        return None if method is None else method.result_wire()
    if item.choice not in (Choice.GET, Choice.GET_WITH_SELECTION):
        return None
    attribute = member(item.class_id, item.logical_name, MemberKind.ATTRIBUTE, item.member)
    return None if attribute is None else attribute.any_wire()


def _tree_differences(declared: WireType | None, wanted: Data, given: Data, path: str) -> list[str]:
    """Where the type trees differ from each other, in themselves, or from the declared type."""
    found: list[str] = []
    left, right = shape_of(wanted, f"reference {path}", found), shape_of(given, path, found)
    agreed(left, right, path, found)
    if declared is not None:
        found += undeclared(declared, wanted, f"reference {path}")
        found += undeclared(declared, given, path)
    return found


# -- DER ------------------------------------------------------------------------------


def _compare_der(reference: Message, answer: Message) -> list[str]:
    trees = parse_der(reference.payload), parse_der(answer.payload)
    differences = list(_der_differences(*trees, "payload", STATE_LISTS.get(reference.code, frozenset())))
    if differences:
        return differences
    pairs = zip(status_codes(reference), status_codes(answer), strict=True)
    return [
        f"payload {path}: code {wanted} expected, {given} given"
        for (path, wanted), (_, given) in pairs
        if wanted != given
    ]


def _der_differences(wanted: Node, given: Node, path: str, lists: frozenset[str]) -> Iterator[str]:
    """`lists`: the paths whose elements are compared with the first one of the reference, if it has any."""
    if wanted.tag != given.tag:
        yield f"{path}: tag {wanted.tag:02X} expected, {given.tag:02X} given"
    elif wanted.tag == ENUMERATED and wanted.contents != given.contents:
        yield f"{path}: status {wanted.contents.hex()} expected, {given.contents.hex()} given"
    elif path in lists:
        for index, element in enumerate(given.children if wanted.children else ()):
            yield from _der_differences(wanted.children[0], element, f"{path}[{index}]", lists)
    elif len(wanted.children) != len(given.children):
        yield f"{path}: {len(wanted.children)} elements expected, {len(given.children)} given"
    else:
        for index, (left, right) in enumerate(zip(wanted.children, given.children, strict=True)):
            yield from _der_differences(left, right, f"{path}[{index}]", lists)
