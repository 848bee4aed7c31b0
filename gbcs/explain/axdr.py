"""A-XDR data, leaf by leaf: what is there decides how it is read, its type what it is called.

A wire type only names and judges: a datum of another type is read all the same, and is a finding.
"""

from __future__ import annotations

from typing import NamedTuple

from ..dlms.axdr import FIXED, MAX_DEPTH, NUMBERS, STRINGS, Tag, read_data
from ..dlms.meanings import remark
from ..dlms.objects import Member
from ..dlms.types import (
    MAX_LENGTH,
    Array,
    Bits,
    Boolean,
    Compact,
    Null,
    Number,
    Octets,
    OneOf,
    Structure,
    Text,
    TypeMismatch,
    WireType,
)
from ..errors import ParseError
from ..security.encryption import SECURITY_HEADER
from .rules import RULES, Rule
from .sealed import LEAST as SEALED_LEAST
from .sealed import sealed
from .spans import Pen
from .values import CLOCK, DATE, DATE_TIME, clock_text, date_text, date_time_text, ln_value

A_XDR = RULES["a-xdr"]
_TAGS: dict[type[WireType], int] = {
    Null: Tag.NULL,
    Boolean: Tag.BOOLEAN,
    Octets: Tag.OCTET_STRING,
    Bits: Tag.BIT_STRING,
    Structure: Tag.STRUCTURE,
    Array: Tag.ARRAY,
    Compact: Tag.COMPACT_ARRAY,
}
_KINDS = {
    Tag.DOUBLE_LONG: "i32",
    Tag.DOUBLE_LONG_UNSIGNED: "u32",
    Tag.BCD: "u8",
    Tag.INTEGER: "i8",
    Tag.LONG: "i16",
    Tag.UNSIGNED: "u8",
    Tag.LONG_UNSIGNED: "u16",
    Tag.LONG64: "i64",
    Tag.LONG64_UNSIGNED: "u64",
    Tag.ENUM: "enum",
}
# what an octet-string is, by the name of its element and its octets
_STRINGS: dict[tuple[str, int], str] = {
    ("transaction_id", 9): "transaction-id",
    ("key", 16): "key",
    ("hashed_tc_link_key", 16): "hash",
    ("ManufacturerImageHash", 32): "hash",
    ("extended_pan_id", 8): "eui-64",
}
# the type of a leaf by the meaning of its wire type
_KIND_OF_MEANING = {"entity": "eui-64", "event": "alert-code", "utc": "utc", "logical-name": "logical-name"}
# octet-strings that are several values one after the other (dlms-payloads 7 and 8)
LAYOUTS: dict[str, tuple[tuple[str, int, str], ...]] = {
    "date-time": DATE_TIME,
    "date": DATE,
    "time": CLOCK,
    "transaction-id": (("cra_flag", 1, "constant"), ("counter", 8, "counter")),
    "executed": (
        ("message_code", 2, "message-code"),
        ("originator_counter", 8, "counter"),
        ("class_id", 2, "u16"),
        ("logical_name", 6, "logical-name"),
        ("member", 1, "u8"),
    ),
    "refused": (("message_code", 2, "message-code"), ("originator_counter", 8, "counter")),
    "message-identity": (
        ("originator", 8, "eui-64"),
        ("target", 8, "eui-64"),
        ("cra", 1, "u8"),
        ("originator_counter", 8, "counter"),
    ),
}
_SIZES = {name: sum(part[1] for part in parts) for name, parts in LAYOUTS.items()}
_MOMENTS = {"date-time": date_time_text, "date": date_text, "time": clock_text}


class DataWalk:
    """Reads data with a pen; `rule` is what fixes their values."""

    def __init__(self, pen: Pen) -> None:
        self.pen = pen
        self.rule: Rule = A_XDR

    def plaintext(self, inner: Pen) -> None:
        """Read a decrypted value: one datum."""
        DataWalk(inner).data(None, "plaintext")

    def data(
        self, wire: WireType | None, path: str, depth: int = 0, known: Member | None = None, before: int = 0
    ) -> None:
        """Read one datum: its tag, and what the tag says.

        `known` is the member whose datum it is, `before` the tag of the datum before it in its
        structure.
        """
        pen = self.pen
        tag = pen.peek(path, A_XDR, "a data tag is missing")
        wire = _chosen(wire, pen)
        wanted = None if wire is None else _tag_of(wire)
        if tag not in _READ:
            expected = None if wanted is None else f"{wanted:02X}"
            pen.stop("tag", path, f"{tag:02X} is no data tag", A_XDR, expected)
        if wanted is not None and tag != wanted:
            reason = f"{Tag(wanted).spec_name} expected, {Tag(tag).spec_name} given"
            pen.find("type", pen.at, path, reason, self.rule, f"{wanted:02X}")
            wire = None
        pen.take(1, path, "tag", A_XDR, Tag(tag).spec_name)
        if tag:
            self.value(tag, wire, path, depth, known, before)

    def value(
        self,
        tag: int,
        wire: WireType | None,
        path: str,
        depth: int = 0,
        known: Member | None = None,
        before: int = 0,
    ) -> None:
        """Read what follows a tag."""
        pen = self.pen
        if tag in NUMBERS:
            self._number(tag, wire, path, known)
        elif tag in STRINGS:
            size = self._size(wire, path, "octets")
            if size > pen.left:
                name = Tag(tag).spec_name
                pen.stop("length", path, f"{name} of {size} octets is cut short", A_XDR, _exact(wire))
            if tag == Tag.OCTET_STRING:
                self._octets(size, wire, path, before)
            else:
                pen.take(size, path, Tag(tag).spec_name, self.rule)
        elif tag in (Tag.ARRAY, Tag.STRUCTURE):
            self.sequence(wire, path, depth)
        elif tag == Tag.BOOLEAN:
            octet = pen.peek(path, A_XDR, "boolean is cut short")
            said = remark(getattr(wire, "meaning", ""), octet != 0)
            text = "true" if octet else "false"
            text += f" ({said})" if said else ""
            pen.take(1, path, "boolean", self.rule, text if octet in (0, 0xFF) else f"{text}, as {octet:02X}")
        elif tag == Tag.BIT_STRING:
            self._bits(self._size(wire, path, "bits"), wire, path)
        elif tag == Tag.COMPACT_ARRAY:
            self._compact(wire, path, depth)
        elif Tag(tag).spec_name in LAYOUTS:
            pen.parts(LAYOUTS[Tag(tag).spec_name], path, self.rule, {})
        else:
            pen.take(FIXED[tag], path, Tag(tag).spec_name, self.rule)

    def _number(self, tag: int, wire: WireType | None, path: str, known: Member | None) -> None:
        pen, (width, signed) = self.pen, NUMBERS[tag]
        octets = pen.octets[pen.at : min(pen.at + width, pen.end)]
        number = int.from_bytes(octets, "big", signed=signed)
        meaning = getattr(wire, "meaning", "")
        said = remark(meaning, number)
        if said is None and known is not None:
            said = known.unit or None
        text: str | None = f"{number} ({said})" if said and said != str(number) else str(number)
        kind = _KIND_OF_MEANING.get(meaning)
        if kind is not None:
            text = None
        if isinstance(wire, Number) and len(octets) == width and not wire.lo <= number <= wire.hi:
            pen.find("range", pen.at, path, f"{number} is outside {wire.lo}..{wire.hi}", self.rule)
        pen.take(width, path, kind or _KINDS[Tag(tag)], self.rule, text)

    def _size(self, wire: WireType | None, path: str, unit: str) -> int:
        """A length or count, within the limits of its type."""
        pen, at = self.pen, self.pen.at
        size = pen.length(path, A_XDR, "length" if unit != "elements" else "count")
        lo, hi = getattr(wire, "lo", 0), getattr(wire, "hi", MAX_LENGTH)
        if isinstance(wire, Structure):
            lo = hi = len(wire.items)
        if not lo <= size <= hi:
            wanted = f"{lo}" if lo == hi else f"{lo} to {hi}" if hi != MAX_LENGTH else f"at least {lo}"
            pen.find("size", at, path, f"{wanted} {unit} expected, {size} given", self.rule, _exact(wire))
        return size

    def _octets(self, size: int, wire: WireType | None, path: str, before: int) -> None:
        pen, rule = self.pen, self.rule
        octets = pen.octets[pen.at : pen.at + size]
        named = _last(path).replace("_", "").lower() == "protectedattributes"
        after_array = wire is None and before == Tag.ARRAY and octets[:1] == SECURITY_HEADER[:1]
        if size >= SEALED_LEAST and (named or after_array):
            sealed(pen, size, path, self.plaintext)
            return
        kind = _octets_kind(wire, _last(path), octets)
        if kind in LAYOUTS:
            text = _MOMENTS.get(kind)
            if text is not None:
                # the whole of it beside the length, for the reader
                last = pen.spans[-1]
                pen.spans[-1] = last._replace(value=f"{last.value}: {text(octets)}")
            pen.parts(LAYOUTS[kind], path, RULES["date-time"] if text else rule, {})
        elif kind == "logical-name":
            pen.take(size, path, kind, rule, ln_value(octets))
        elif kind == "integrity":
            pen.take(size, path, "enum", rule, f"{int.from_bytes(octets, 'big')} ({remark(kind, octets)})")
        else:
            pen.take(size, path, kind, rule)

    def sequence(self, wire: WireType | None, path: str, depth: int, first: WireType | None = None) -> None:
        """Read count and elements of an array or structure; `first` types those it begins with."""
        pen = self.pen
        if depth >= MAX_DEPTH:
            pen.stop("depth", path, f"nested deeper than {MAX_DEPTH} levels", A_XDR)
        at = pen.at
        count = self._size(wire, path, "elements")
        if count > pen.left:
            reason = f"{count} elements cannot be in {pen.left} octets"
            if not pen.findings or pen.findings[-1].offset != at:
                pen.stop("count", path, reason, A_XDR, _exact(wire))
            # what is wrong with the count has been said
            finding = pen.findings.pop()
            pen.stop(finding.check, path, finding.reason, finding.rule, finding.expected, at)
        before = 0
        for index in range(count):
            below, item = _element(wire or first, index)
            now = pen.octets[pen.at] if pen.left > 0 else 0
            self.data(item, f"{path}{below}", depth + 1, before=before)
            before = now

    def _bits(self, bits: int, wire: WireType | None, path: str) -> None:
        pen = self.pen
        size = (bits + 7) // 8
        if size > pen.left:
            pen.stop("length", path, f"bit-string of {bits} bits is cut short", A_XDR, _exact(wire))
        octets = pen.octets[pen.at : pen.at + size]
        text = f"{int.from_bytes(octets, 'big'):0{8 * size}b}"[:bits] if size else ""
        padding = (octets[-1] & (0xFF >> (bits % 8))) if bits % 8 else 0
        if padding:
            right = f"{octets[-1] & ~padding:02X}"
            pen.find("padding", pen.at + size - 1, path, "the padding bits are not 0", A_XDR, right)
        meaning = getattr(wire, "meaning", "")
        if meaning.endswith("-settings") and bits == 512:
            # a mask of the codes that change, and what becomes of each
            codes = meaning.replace("-settings", "-codes")
            for name, half in (("mask", text[:256]), ("action", text[256:])):
                pen.take(32, f"{path}.{name}", "bit-string", self.rule, remark(codes, half))
        else:
            pen.take(size, path, "bit-string", self.rule, remark(meaning, text) or text)

    def _compact(self, wire: WireType | None, path: str, depth: int) -> None:
        pen, rule = self.pen, RULES["compact-array"]
        at = pen.at
        described = self._description(f"{path}.of", depth + 1)
        item = wire.item if isinstance(wire, Compact) else None
        if isinstance(wire, Compact):
            options = [option for option in wire.item.options if _describes(described, option)]
            if not options:
                pen.find("type", at, f"{path}.of", f"entries are not described as {wire.item.text}", rule)
            item = options[0] if options else None
        length = pen.length(path, rule)
        if length > pen.left:
            pen.stop(
                "length", path, f"compact-array of {length} octets is cut short", rule, f"{pen.left:02X}"
            )
        with pen.part(pen.at + length):
            index = 0
            while pen.left:
                self._entry(described, item, f"{path}[{index}]", depth + 1)
                index += 1
        if isinstance(wire, Compact) and not wire.lo <= index <= wire.hi:
            pen.find("size", at, path, f"{wire.lo} to {wire.hi} entries expected, {index} given", self.rule)

    def _entry(self, described: _Described, wire: WireType | None, path: str, depth: int) -> None:
        """What a type description says, without tags."""
        tag, repeats, items = described
        if tag in (Tag.ARRAY, Tag.STRUCTURE):
            for index, item in enumerate(items * repeats if tag == Tag.ARRAY else items):
                below, inner = _element(wire, index)
                self._entry(item, inner, f"{path}{below}", depth + 1)
        else:
            self.value(tag, wire, path, depth)

    def _description(self, path: str, depth: int) -> _Described:
        pen, rule = self.pen, RULES["compact-array"]
        if depth > MAX_DEPTH:
            pen.stop("depth", path, f"nested deeper than {MAX_DEPTH} levels", rule)
        start = pen.at
        tag = pen.peek(path, rule, "a type tag is missing")
        simple = tag in NUMBERS or tag in STRINGS or tag in FIXED or tag in (Tag.BOOLEAN, Tag.BIT_STRING)
        if tag not in (Tag.ARRAY, Tag.STRUCTURE) and not simple:
            pen.stop("tag", path, f"{tag:02X} is no element type", rule)
        pen.take(1, path, "tag", rule, Tag(tag).spec_name)
        if simple:
            return _Described(tag, 0, ())
        items: list[_Described] = []
        if tag == Tag.ARRAY:
            count = pen.number(2, path, "count", rule)
            items.append(self._description(f"{path}[]", depth + 1))
        else:
            before = len(pen.findings)
            at = pen.at
            count = pen.length(path, rule, "count")
            if len(pen.findings) > before:
                # the parser takes no other form here
                broken = pen.findings.pop()
                pen.stop("length form", path, broken.reason, rule, broken.expected, at)
            if count > pen.left:
                pen.stop("count", path, f"{count} types cannot be in {pen.left} octets", rule)
            for index in range(count):
                items.append(self._description(f"{path}[{index}]", depth + 1))
        if not count:
            pen.stop("count", path, "an element type without octets", rule, None, start)
        return _Described(tag, count if tag == Tag.ARRAY else 0, tuple(items))


class _Described(NamedTuple):
    tag: int
    repeats: int
    items: tuple[_Described, ...]


_READ = frozenset(int(tag) for tag in Tag)


def _last(path: str) -> str:
    """The name of the innermost element, without its index."""
    return path.rpartition(".")[2].partition("[")[0]


def _exact(wire: WireType | None) -> str | None:
    """The only length a type may have, as its octet."""
    lo, hi = getattr(wire, "lo", 0), getattr(wire, "hi", -1)
    if isinstance(wire, Structure):
        lo = hi = len(wire.items)
    if lo != hi or isinstance(wire, Number):
        return None
    return f"{lo:02X}" if lo < 0x80 else str(lo)


def _element(wire: WireType | None, index: int) -> tuple[str, WireType | None]:
    """The piece of the path and the type of an element."""
    if isinstance(wire, Structure) and index < len(wire.items):
        name = wire.names[index]
        return f".{name}" if name else f"[{index}]", wire.items[index]
    return f"[{index}]", wire.item if isinstance(wire, Array) else None


def _tag_of(wire: WireType) -> int | None:
    if isinstance(wire, Number | Text):
        return wire.tag
    tag = _TAGS.get(type(wire))
    return None if tag is None else int(tag)


def _chosen(wire: WireType | None, pen: Pen) -> WireType | None:
    """Of alternatives the one that fits; where none does, the first with the tag that is there."""
    if not isinstance(wire, OneOf):
        return wire
    tag = pen.octets[pen.at]
    alike = [option for option in wire.options if _tag_of(option) == tag]
    if len(alike) > 1:
        try:
            node, _ = read_data(pen.octets[: pen.end], pen.at)
        except ParseError:
            return alike[0]
        for option in alike:
            try:
                option.decode(node)
            except TypeMismatch:
                continue
            return option
    return alike[0] if alike else wire.options[0]


def _describes(described: _Described, wire: WireType) -> bool:
    if isinstance(wire, Structure):
        pairs = zip(described.items, wire.items, strict=False)
        fits = len(described.items) == len(wire.items) and all(_describes(d, w) for d, w in pairs)
        return described.tag == Tag.STRUCTURE and fits
    if isinstance(wire, Array):
        same = described.tag == Tag.ARRAY and described.repeats == wire.lo
        return same and _describes(described.items[0], wire.item)
    return described.tag == _tag_of(wire)


def _octets_kind(wire: WireType | None, name: str, octets: bytes) -> str:
    """What an octet-string holds: a layout, or the type of a leaf."""
    size, meaning = len(octets), getattr(wire, "meaning", "")
    kind = _KIND_OF_MEANING.get(meaning, meaning)
    if kind == "integrity" and size == 2:
        return kind
    if _SIZES.get(kind) == size or (kind == "eui-64" and size == 8) or (kind == "logical-name" and size == 6):
        return kind
    if wire is None and size == 12 and octets[9:11] == b"\x80\x00":
        return "date-time"
    return _STRINGS.get((name, size), "octet-string")
