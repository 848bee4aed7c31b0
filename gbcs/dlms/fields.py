"""DLMS payloads as JSON-able fields, and back by building from the fields.

Every node names its type. What the octets do not settle alone is kept beside the value: a
length form, a boolean octet, padding bits. `name`, `meaning` and `plaintext` are remarks for
the reader, from the tables of objects and alerts; they are not read back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import BuildError
from ..jsonvalue import hex_text, maybe, unhex, want
from ..lengths import MAX_FORM
from .apdu import (
    AccessRequest,
    AccessResponse,
    Apdu,
    Choice,
    DataNotification,
    RequestItem,
    ResponseItem,
    result_name,
)
from .axdr import (
    FIXED,
    MAX_DEPTH,
    NULL,
    NUMBERS,
    STRINGS,
    BitString,
    CompactArray,
    Data,
    Tag,
    TypeDescription,
)
from .meanings import remark
from .names import ln_octets, ln_text
from .notation import SELECTION
from .types import parse_type
from .wire import Array, Compact, Octets, Structure, TypeMismatch, WireType

Fields = dict[str, Any]
Unseal = Callable[[bytes], Data | None]
_TAGS = {tag.spec_name: tag for tag in Tag}
_NAMES = {int(tag): tag.spec_name for tag in Tag}
_CHOICES = {choice.name.lower().replace("_", "-"): choice for choice in Choice}
_CHOICE_NAMES = {int(choice): name for name, choice in _CHOICES.items()}
_WIDE = frozenset((Tag.LONG64, Tag.LONG64_UNSIGNED))
_DECIMAL = re.compile(r"-?[0-9]{1,20}", re.ASCII)
# what a compact-array may be made of: types that always have octets
_ELEMENTS = frozenset((*NUMBERS, *STRINGS, *FIXED, Tag.BOOLEAN, Tag.BIT_STRING))
_WITH_LENGTH = frozenset((*STRINGS, Tag.ARRAY, Tag.STRUCTURE, Tag.BIT_STRING, Tag.COMPACT_ARRAY))
PROTECTED_HEADER = bytes.fromhex("3100000000")
PROTECTED_TAG = 12


class ItemType(NamedTuple):
    """What an item is: its name, the type of its datum, and that of protected contents in it."""

    name: str | None
    wire: WireType | None = None
    contents: WireType | None = None


UNKNOWN_ITEM = ItemType(None)
_SELECTION = parse_type(SELECTION)


class Renderer:
    """Turns APDUs into fields; counts protected parts met and opened.

    `unseal` gives the plaintext node of a protected value, or None without the key.
    """

    def __init__(self, unseal: Unseal | None = None) -> None:
        self._unseal = unseal
        self.protected = 0
        self.opened = 0
        self._contents: WireType | None = None

    def apdu(self, apdu: Apdu, items: Sequence[ItemType] = (), alert: WireType | None = None) -> Fields:
        """The fields of an APDU; `items` says what its items are, `alert` what a notification is."""
        fields: Fields = {"apdu": _APDU_NAMES[type(apdu)], "invoke_id": f"{apdu.invoke_id:08X}"}
        if apdu.date_time:
            fields["date_time"] = hex_text(apdu.date_time)
        if isinstance(apdu, DataNotification):
            fields["body"] = self.node(apdu.body, alert)
            return fields
        if apdu.forms:
            fields["length_forms"] = dict(apdu.forms)
        padded = [*items, *([UNKNOWN_ITEM] * (len(apdu.items) - len(items)))]
        if isinstance(apdu, AccessRequest):
            fields["items"] = [self._request_item(i, n) for i, n in zip(apdu.items, padded, strict=False)]
        else:
            fields["items"] = [self._response_item(i, n) for i, n in zip(apdu.items, padded, strict=False)]
        return fields

    def _request_item(self, item: RequestItem, known: ItemType) -> Fields:
        fields: Fields = {
            "choice": _CHOICE_NAMES[item.choice],
            "class_id": item.class_id,
            "logical_name": ln_text(item.logical_name),
            "member": item.member,
        }
        if known.name:
            fields["name"] = known.name
        if item.selection is not None:
            fields["selector"] = item.selector
            fields["selection"] = self.node(item.selection, _SELECTION)
        fields["data"] = self.node(item.data, known.wire)
        return fields

    def _response_item(self, item: ResponseItem, known: ItemType) -> Fields:
        fields: Fields = {"choice": _CHOICE_NAMES[item.choice], "result": item.result}
        if known.name:
            fields["name"] = known.name
        meaning = result_name(item.choice, item.result)
        if meaning is not None:
            fields["meaning"] = meaning
        self._contents = known.contents
        fields["data"] = self.node(item.data, known.wire)
        return fields

    def node(self, data: Data, wire: WireType | None = None) -> Fields:
        """The fields of a Data node; `wire` names its elements and says what they mean."""
        tag, value, form = data
        name = _NAMES[tag]
        if wire is not None:
            wire = fitting(wire, data)
        if tag in (Tag.ARRAY, Tag.STRUCTURE):
            fields: Fields = {"type": name, "value": self._children(value, wire)}
        elif tag == Tag.COMPACT_ARRAY:
            inner = wire.item if isinstance(wire, Compact) else None
            fields = {
                "type": name,
                "of": _type_fields(value.description),
                "value": [self.node(entry, inner) for entry in value.entries],
            }
        elif tag == Tag.NULL:
            return {"type": name}
        elif tag == Tag.BIT_STRING:
            fields = {"type": name, **_bit_fields(value)}
        elif tag in (Tag.VISIBLE_STRING, Tag.UTF8_STRING):
            fields = {"type": name, **_text_fields(tag, value)}
        elif isinstance(value, bytes):
            fields = {"type": name, "value": hex_text(value)}
        elif tag in _WIDE:
            fields = {"type": name, "value": str(value)}
        else:
            fields = {"type": name, "value": value}
        if form:
            fields["octet" if tag == Tag.BOOLEAN else "length_form"] = form
        said = None if wire is None else _remark(wire, data)
        if said is not None:
            fields["meaning"] = said
        return fields

    def _children(self, nodes: tuple[Data, ...], wire: WireType | None) -> list[Fields]:
        if isinstance(wire, Array):
            item = wire.item
            return [self.node(node, item) for node in nodes]
        if isinstance(wire, Structure):
            children = []
            for index, (node, name, inner) in enumerate(zip(nodes, wire.names, wire.items, strict=True)):
                sealed = index and is_protected(nodes[index - 1], node)
                shown = self._protected(node) if sealed else self.node(node, inner)
                children.append({"name": name, **shown})
            return children
        children = []
        for index, node in enumerate(nodes):
            if index and is_protected(nodes[index - 1], node):
                children.append(self._protected(node))
            else:
                children.append(self.node(node))
        return children

    def _protected(self, node: Data) -> Fields:
        octets: bytes = node.value
        self.protected += 1
        plain = self._unseal(octets) if self._unseal else None
        self.opened += plain is not None
        fields: Fields = {
            "type": "protected",
            "security_header": hex_text(octets[: len(PROTECTED_HEADER)]),
            "ciphertext": hex_text(octets[len(PROTECTED_HEADER) : -PROTECTED_TAG]),
            "tag": hex_text(octets[-PROTECTED_TAG:]),
        }
        if node.form:
            fields["length_form"] = node.form
        fields["plaintext"] = None if plain is None else Renderer().node(plain, self._contents)
        return fields


def fitting(wire: WireType, data: Data) -> WireType | None:
    """The alternative of a type that a node looks like, by tag and count; None if it is none of them."""
    for choice in wire.options:
        if isinstance(choice, Structure):
            if data.tag == Tag.STRUCTURE and len(data.value) == len(choice.items):
                return choice
        elif isinstance(choice, Compact):
            if data.tag == Tag.COMPACT_ARRAY and data.value.description == choice.description():
                return choice
        elif isinstance(choice, Octets):
            if data.tag == Tag.OCTET_STRING and choice.lo <= len(data.value) <= choice.hi:
                return choice
        elif choice.node_tag == data.tag:
            return choice
    return None


def _remark(wire: WireType, data: Data) -> str | None:
    meaning: str = getattr(wire, "meaning", "")
    if not meaning:
        return None
    try:
        return remark(meaning, wire.decode(data))
    except (TypeMismatch, BuildError):
        return None


def is_protected(before: Data, node: Data) -> bool:
    """Whether a node is the protected value that follows its protection structure."""
    return (
        node.tag == Tag.OCTET_STRING
        and len(node.value) >= len(PROTECTED_HEADER) + PROTECTED_TAG
        and node.value.startswith(PROTECTED_HEADER)
        and before.tag == Tag.ARRAY
        and bool(before.value)
        and before.value[0].tag == Tag.STRUCTURE
        and len(before.value[0].value) == 2
        and before.value[0].value[0].tag == Tag.ENUM
        and before.value[0].value[0].value == 2
    )


def build_apdu(fields: Any, path: str = "payload") -> Apdu:
    """The APDU of fields. Raises BuildError with the path of what is wrong."""
    kind = want(fields, "apdu", str, path)
    invoke = int.from_bytes(unhex(want(fields, "invoke_id", str, path), f"{path}.invoke_id", 4), "big")
    date_time = unhex(maybe(fields, "date_time", str, path) or "", f"{path}.date_time")
    if len(date_time) not in (0, 12):
        raise BuildError(f"12 octets needed, {len(date_time)} given", f"{path}.date_time")
    if kind == "data-notification":
        body = build_node(want(fields, "body", dict, path), f"{path}.body")
        return DataNotification(invoke, body, date_time)
    if kind not in ("access-request", "access-response"):
        raise BuildError(f"no APDU is called {kind!r}", f"{path}.apdu")
    items = want(fields, "items", list, path)
    forms = build_forms(fields, path, ("specifications", "data"))
    if kind == "access-request":
        built = tuple(_build_request_item(item, f"{path}.items[{i}]") for i, item in enumerate(items))
        return AccessRequest(invoke, built, date_time, forms)
    answers = tuple(_build_response_item(item, f"{path}.items[{i}]") for i, item in enumerate(items))
    return AccessResponse(invoke, answers, date_time, forms)


def build_forms(fields: Any, path: str, known: Collection[str]) -> tuple[tuple[str, int], ...]:
    """The `length_forms` of fields, of which these are known. Raises BuildError."""
    forms: Mapping[str, Any] = maybe(fields, "length_forms", dict, path) or {}
    path = f"{path}.length_forms".lstrip(".")
    for name in forms:
        if name not in known:
            raise BuildError(f"no length is called {name!r}", path)
    return tuple((name, _ranged(forms, name, 2, MAX_FORM, path)) for name in forms)


def build_node(fields: Any, path: str, depth: int = 0) -> Data:
    """The Data node of fields. Raises BuildError."""
    name = want(fields, "type", str, path)
    if name == "protected":
        octets = b"".join(
            unhex(want(fields, key, str, path), f"{path}.{key}", length)
            for key, length in (
                ("security_header", len(PROTECTED_HEADER)),
                ("ciphertext", None),
                ("tag", PROTECTED_TAG),
            )
        )
        return Data(int(Tag.OCTET_STRING), octets, _form(fields, Tag.OCTET_STRING, octets, path))
    tag = _TAGS.get(name)
    if tag is None:
        raise BuildError(f"no type is called {name!r}", f"{path}.type")
    if tag is Tag.NULL:
        return NULL
    value = _build_value(tag, fields, path, depth)
    return Data(int(tag), value, _form(fields, tag, value, path))


def _form(fields: Any, tag: Tag, value: Any, path: str) -> int:
    """The form of a node: octets of its length, or the octet of a true."""
    if tag is Tag.BOOLEAN:
        if maybe(fields, "octet", int, path) is None:
            return 0
        octet = _ranged(fields, "octet", 1, 0xFF, path)
        if not value:
            raise BuildError("only true has several octets", f"{path}.octet")
        return octet
    if maybe(fields, "length_form", int, path) is None:
        return 0
    if tag not in _WITH_LENGTH:
        raise BuildError(f"{tag.spec_name} has no length", f"{path}.length_form")
    return _ranged(fields, "length_form", 2, MAX_FORM, path)


def _build_value(tag: Tag, fields: Any, path: str, depth: int) -> Any:
    if tag in (Tag.ARRAY, Tag.STRUCTURE, Tag.COMPACT_ARRAY):
        if depth >= MAX_DEPTH:
            raise BuildError(f"nested deeper than {MAX_DEPTH} levels", path)
        nodes = tuple(
            build_node(node, f"{path}.value[{i}]", depth + 1)
            for i, node in enumerate(want(fields, "value", list, path))
        )
        if tag is not Tag.COMPACT_ARRAY:
            return nodes
        return CompactArray(_build_type(fields.get("of"), f"{path}.of", depth + 1), nodes)
    if tag is Tag.BOOLEAN:
        return want(fields, "value", bool, path)
    if tag in NUMBERS:
        return _build_number(tag, fields, path)
    if tag is Tag.BIT_STRING:
        return _build_bits(fields, path)
    if tag in (Tag.VISIBLE_STRING, Tag.UTF8_STRING):
        octets = maybe(fields, "hex", str, path)
        if octets is not None:
            return unhex(octets, f"{path}.hex")
        try:
            return want(fields, "value", str, path).encode(_CODECS[tag])
        except UnicodeEncodeError:
            raise BuildError("a character that cannot stand here", f"{path}.value") from None
    return unhex(want(fields, "value", str, path), f"{path}.value", FIXED.get(tag))


def _build_number(tag: Tag, fields: Any, path: str) -> int:
    width, signed = NUMBERS[tag]
    if tag in _WIDE:
        text = want(fields, "value", str, path)
        if not _DECIMAL.fullmatch(text):
            raise BuildError("not a decimal number", f"{path}.value")
        number = int(text)
    else:
        number = want(fields, "value", int, path)
    bits = 8 * width
    low, high = (-1 << bits - 1, (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if not low <= number <= high:
        raise BuildError(f"{tag.spec_name} goes from {low} to {high}", f"{path}.value")
    return number


def _build_bits(fields: Any, path: str) -> BitString:
    bits = maybe(fields, "bits", int, path)
    if bits is None:
        text = want(fields, "value", str, path)
        if set(text) - {"0", "1"}:
            raise BuildError("only 0 and 1 may stand here", f"{path}.value")
        return BitString.of(text)
    octets = unhex(want(fields, "hex", str, path), f"{path}.hex")
    if bits < 0 or len(octets) != (bits + 7) // 8:
        raise BuildError(f"{bits} bits do not take {len(octets)} octets", f"{path}.bits")
    return BitString(bits, octets)


_CODECS: dict[int, str] = {Tag.VISIBLE_STRING: "ascii", Tag.UTF8_STRING: "utf-8"}
_APDU_NAMES: dict[type, str] = {
    AccessRequest: "access-request",
    AccessResponse: "access-response",
    DataNotification: "data-notification",
}


def _bit_fields(value: BitString) -> Fields:
    if BitString.of(value.text) == value:
        return {"value": value.text}
    return {"bits": value.bits, "hex": hex_text(value.octets)}


def _text_fields(tag: int, octets: bytes) -> Fields:
    try:
        return {"value": octets.decode(_CODECS[tag])}
    except UnicodeDecodeError:
        return {"hex": hex_text(octets)}


def _type_fields(description: TypeDescription) -> Any:
    if description.tag == Tag.ARRAY:
        return {"array": description.length, "of": _type_fields(description.items[0])}
    if description.tag == Tag.STRUCTURE:
        return {"structure": [_type_fields(item) for item in description.items]}
    return _NAMES[description.tag]


def _build_type(fields: Any, path: str, depth: int) -> TypeDescription:
    if depth > MAX_DEPTH:
        raise BuildError(f"nested deeper than {MAX_DEPTH} levels", path)
    if isinstance(fields, str):
        tag = _TAGS.get(fields)
        if tag not in _ELEMENTS:
            raise BuildError(f"no element type is called {fields!r}", path)
        return TypeDescription(int(tag))
    if maybe(fields, "array", int, path) is not None:
        length = _ranged(fields, "array", 1, 0xFFFF, path)
        return TypeDescription(
            int(Tag.ARRAY), length, (_build_type(fields.get("of"), f"{path}.of", depth + 1),)
        )
    types = want(fields, "structure", list, path)
    if not types:
        raise BuildError("at least one type is needed", f"{path}.structure")
    items = tuple(_build_type(item, f"{path}.structure[{i}]", depth + 1) for i, item in enumerate(types))
    return TypeDescription(int(Tag.STRUCTURE), 0, items)


def _ranged(fields: Any, key: str, low: int, high: int, path: str) -> int:
    value = want(fields, key, int, path)
    if not low <= value <= high:
        raise BuildError(f"a number from {low} to {high} is needed", f"{path}.{key}")
    return value


def _choice(fields: Any, path: str) -> Choice:
    name = want(fields, "choice", str, path)
    if name not in _CHOICES:
        raise BuildError(f"no choice is called {name!r}", f"{path}.choice")
    return _CHOICES[name]


def _build_request_item(fields: Any, path: str) -> RequestItem:
    choice = _choice(fields, path)
    try:
        name = ln_octets(want(fields, "logical_name", str, path))
    except BuildError as error:
        raise error if error.path else BuildError(str(error), f"{path}.logical_name") from None
    selector, selection = 0, maybe(fields, "selection", dict, path)
    if choice >= Choice.GET_WITH_SELECTION:
        selector = _ranged(fields, "selector", 0, 0xFF, path)
        selection = want(fields, "selection", dict, path)
    elif selection is not None or fields.get("selector") is not None:
        raise BuildError("this choice has no selection", f"{path}.choice")
    return RequestItem(
        int(choice),
        _ranged(fields, "class_id", 0, 0xFFFF, path),
        name,
        _ranged(fields, "member", 0, 0xFF, path),
        build_node(want(fields, "data", dict, path), f"{path}.data"),
        selector,
        None if selection is None else build_node(selection, f"{path}.selection"),
    )


def _build_response_item(fields: Any, path: str) -> ResponseItem:
    choice = _choice(fields, path)
    if choice > Choice.ACTION:
        raise BuildError("a response has get, set and action only", f"{path}.choice")
    result = _ranged(fields, "result", 0, 0xFF, path)
    return ResponseItem(int(choice), result, build_node(want(fields, "data", dict, path), f"{path}.data"))
