"""Wire types of COSEM data: a text notation, and the way between Data nodes and plain values.

The object table says what a datum looks like in one line of this notation:

    u8 u16 u32 u64 i8 i16 i32 i64   numbers       enum bool null
    oct(12) oct(0..116)             octet-string  vis(22) visible-string  utf8(0..72000) utf8-string
    bits(512) bits(0..20)           bit-string    a range without parentheses is any length
    struct(time:u32, u16)           structure; element names are optional
    arr(u32, 48) arr(u32, 0..120)   array; any count when the range is left out
    compact(struct(...), 0..100)    compact-array of that entry type
    a | b                           either
    u32@utc oct(12)@date-time       what a leaf means: the name of a kind (see `meanings`)

Plain values: None, bool, int, bytes (octet-string), str (visible, utf8, and a bit-string
as '0' and '1', first bit first), tuple (array, structure, compact-array).
Source of the encodings: DLMS Green Book as profiled by GBCS (reference: dlms-payloads 4).
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from ..errors import BuildError
from .axdr import Tag
from .wire import (
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
    Value,
    WireType,
)

_SIMPLE: dict[str, WireType] = {
    "null": Null(),
    "bool": Boolean(),
    "enum": Number("enum", int(Tag.ENUM), 0, 0xFF),
    "u8": Number("u8", int(Tag.UNSIGNED), 0, 0xFF),
    "u16": Number("u16", int(Tag.LONG_UNSIGNED), 0, 0xFFFF),
    "u32": Number("u32", int(Tag.DOUBLE_LONG_UNSIGNED), 0, 0xFFFF_FFFF),
    "u64": Number("u64", int(Tag.LONG64_UNSIGNED), 0, 0xFFFF_FFFF_FFFF_FFFF),
    "i8": Number("i8", int(Tag.INTEGER), -0x80, 0x7F),
    "i16": Number("i16", int(Tag.LONG), -0x8000, 0x7FFF),
    "i32": Number("i32", int(Tag.DOUBLE_LONG), -0x8000_0000, 0x7FFF_FFFF),
    "i64": Number("i64", int(Tag.LONG64), -0x8000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF),
}
_TOKEN = re.compile(r"\s*(@[A-Za-z][A-Za-z-]*|[A-Za-z_][A-Za-z0-9_]*|\d+|\.\.|[(),:|])")


class _Parser:
    """Recursive descent over the notation."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        self.index = 0
        offset, end = 0, len(text.rstrip())
        while offset < end:
            match = _TOKEN.match(text, offset)
            if match is None:
                raise BuildError(f"{text[offset : offset + 10]!r} is no type notation", text)
            self.tokens.append(match.group(1))
            offset = match.end()

    def peek(self, ahead: int = 0) -> str:
        where = self.index + ahead
        return self.tokens[where] if where < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise BuildError(f"{expected or 'more'} expected at {token or 'the end'}", self.text)
        self.index += 1
        return token

    def number(self) -> int:
        token = self.take()
        if not token.isdigit():
            raise BuildError(f"a number expected at {token}", self.text)
        return int(token)

    def alternatives(self) -> WireType:
        choices = [self.single()]
        while self.peek() == "|":
            self.take()
            choices.append(self.single())
        return choices[0] if len(choices) == 1 else OneOf(tuple(choices))

    def single(self) -> WireType:
        wire = self.bare()
        if not self.peek().startswith("@"):
            return wire
        if not isinstance(wire, Boolean | Number | Octets | Text | Bits):
            raise BuildError("only a leaf has a meaning", self.text)
        return replace(wire, meaning=self.take()[1:])

    def bare(self) -> WireType:
        name = self.take()
        if name in _SIMPLE:
            return _SIMPLE[name]
        if name == "struct":
            return self.structure()
        if name in ("arr", "compact"):
            self.take("(")
            item = self.alternatives()
            lo, hi = 0, MAX_LENGTH
            if self.peek() == ",":
                self.take()
                lo, hi = self.limits()
            self.take(")")
            return Array(item, lo, hi) if name == "arr" else Compact(item, lo, hi)
        lo, hi = 0, MAX_LENGTH
        if self.peek() == "(":
            self.take()
            lo, hi = self.limits()
            self.take(")")
        if name == "oct":
            return Octets(lo, hi)
        if name == "bits":
            return Bits(lo, hi)
        if name == "vis":
            return Text("vis", int(Tag.VISIBLE_STRING), lo, hi)
        if name == "utf8":
            return Text("utf8", int(Tag.UTF8_STRING), lo, hi)
        raise BuildError(f"{name!r} is no type", self.text)

    def structure(self) -> WireType:
        items: list[WireType] = []
        names: list[str] = []
        self.take("(")
        while not items or self.peek() == ",":
            if items:
                self.take()
            named = self.peek(1) == ":"
            names.append(self.take() if named else "")
            if named:
                self.take(":")
            items.append(self.alternatives())
        self.take(")")
        return Structure(tuple(items), tuple(names))

    def limits(self) -> tuple[int, int]:
        lo = self.number()
        if self.peek() != "..":
            return lo, lo
        self.take()
        hi = self.number() if self.peek() != ")" else MAX_LENGTH
        if hi < lo:
            raise BuildError(f"{lo}..{hi} is no range", self.text)
        return lo, hi


@cache
def parse_type(text: str) -> WireType:
    """The type a notation stands for; equal texts give the same object. Raises BuildError."""
    parser = _Parser(text)
    wire = parser.alternatives()
    if parser.peek():
        raise BuildError(f"{parser.peek()!r} is left over", text)
    return wire


__all__ = [
    "MAX_LENGTH",
    "Array",
    "Bits",
    "Boolean",
    "Compact",
    "Null",
    "Number",
    "Octets",
    "OneOf",
    "Structure",
    "Text",
    "TypeMismatch",
    "Value",
    "WireType",
    "parse_type",
]
