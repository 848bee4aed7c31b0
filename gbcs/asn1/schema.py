"""A small language for ASN.1 declarations, and what each leaf type reads and writes.

`payload_rows` holds the GBCS module in it; parser, builder, JSON and documents read the same
declarations. The plain values of the leaves: INTEGER and ENUMERATED int, BIT STRING the
numbers of the bits set, OCTET STRING bytes, GeneralizedTime `Utc`, NULL None, a
certificate its octets, header included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..errors import BuildError, ParseError
from ..jsonvalue import hex_text, unhex
from ..lengths import read_length
from ..time import Utc
from .der import (
    BIT_STRING,
    CONSTRUCTED,
    CONTEXT,
    ENUMERATED,
    GENERALIZED_TIME,
    INTEGER,
    NULL,
    OCTET_STRING,
    SEQUENCE,
)
from .remarks import subject_remark

# Ours: bounds where the module has none, so that a value fits the types of a JSON reader.
INTEGER_LEAST, INTEGER_MOST = -(2**31), 2**32 - 1
BITS_MOST = 64
MAX_LENGTH = 0xFFFF_FFFF  # ours: stands for "any length" in a range


class Fault(Exception):
    """What does not fit a declaration; `offset` and `parts` grow while it climbs."""

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset
        self.parts: list[str] = []

    def path(self, root: str) -> str:
        """The path of what is wrong, outermost first."""
        return root + "".join(reversed(self.parts))


@dataclass(frozen=True, slots=True)
class Asn1Type:
    """A type of the module; `name` is its name there, or that of the ASN.1 type."""

    name: str

    @property
    def tags(self) -> tuple[int, ...]:
        """The first octets an element of this type may have."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Leaf(Asn1Type):
    """A type without parts of its own."""

    def read(self, contents: bytes) -> Any:
        """The plain value of the octets after tag and length. Raises Fault."""
        raise NotImplementedError

    def write(self, value: Any) -> bytes:
        """The octets after tag and length. Raises Fault."""
        raise NotImplementedError

    def shown(self, value: Any) -> Any:
        """The JSON form of a plain value."""
        raise NotImplementedError

    def given(self, shown: Any) -> Any:
        """The plain value of a JSON form. Raises Fault."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Integer(Leaf):
    """INTEGER or ENUMERATED, with or without named values.

    Names do not limit the values: an unknown number is read, kept and shown as a number.
    `digits` shows it as hex digits (counters and alert codes) instead.
    """

    values: tuple[tuple[str, int], ...] = ()
    lo: int = INTEGER_LEAST
    hi: int = INTEGER_MOST
    digits: int = 0
    enumerated: bool = False
    _names: dict[int, str] = field(init=False, repr=False, compare=False)
    _numbers: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", {number: name for name, number in self.values})
        object.__setattr__(self, "_numbers", dict(self.values))

    @property
    def tags(self) -> tuple[int, ...]:
        return (ENUMERATED if self.enumerated else INTEGER,)

    def name_of(self, number: int) -> str | None:
        """The name of a value, None where it has none."""
        return self._names.get(number)

    def read(self, contents: bytes) -> int:
        if not contents:
            raise Fault("a number without octets")
        if len(contents) > 1 and contents[0] in (0, 0xFF) and not (contents[0] ^ contents[1]) & 0x80:
            raise Fault("a number longer than it need be")
        return self._ranged(int.from_bytes(contents, "big", signed=True))

    def write(self, value: Any) -> bytes:
        number = self._ranged(_of(value, int, "a number"))
        return number.to_bytes((number if number >= 0 else ~number).bit_length() // 8 + 1, "big", signed=True)

    def shown(self, value: Any) -> Any:
        if self.digits:
            return f"{value:0{self.digits}X}"
        return self._names.get(value, value)

    def given(self, shown: Any) -> int:
        if self.digits:
            return self._ranged(int.from_bytes(_unhex(shown, self.digits // 2), "big"))
        if not isinstance(shown, str):
            return self._ranged(_of(shown, int, "a name or a number" if self.values else "a number"))
        number = self._numbers.get(shown)
        if number is None:
            raise Fault(f"no value is called {shown!r}")
        return number

    def _ranged(self, number: int) -> int:
        if not self.lo <= number <= self.hi:
            raise Fault(f"not a number from {self.lo} to {self.hi}")
        return number


@dataclass(frozen=True, slots=True)
class BitString(Leaf):
    """BIT STRING with named bits; in JSON the names, or numbers, joined by `+`.

    Named bits have no zeros at their end in DER (X.690 11.2.2): others are refused.
    """

    bits: tuple[tuple[str, int], ...] = ()

    @property
    def tags(self) -> tuple[int, ...]:
        return (BIT_STRING,)

    def read(self, contents: bytes) -> tuple[int, ...]:
        if not contents:
            raise Fault("a BIT STRING without octets")
        unused, octets = contents[0], contents[1:]
        if len(octets) * 8 > BITS_MOST:
            raise Fault(f"more than {BITS_MOST} bits")
        found = tuple(
            8 * index + bit for index, octet in enumerate(octets) for bit in range(8) if octet & 0x80 >> bit
        )
        if self.write(found) != contents:
            raise Fault(f"not the least octets of these bits ({unused} unused)")
        return found

    def write(self, value: Any) -> bytes:
        bits = _of(value, tuple, "the numbers of bits")
        if not bits:
            return b"\0"
        for bit in bits:
            if not 0 <= _of(bit, int, "the number of a bit") < BITS_MOST:
                raise Fault(f"bits go from 0 to {BITS_MOST - 1}")
        if len(set(bits)) != len(bits):
            raise Fault("a bit named twice")
        last = max(bits)
        octets = bytearray(last // 8 + 1)
        for bit in bits:
            octets[bit // 8] |= 0x80 >> bit % 8
        return bytes((7 - last % 8,)) + bytes(octets)

    def shown(self, value: Any) -> str:
        names = {number: name for name, number in self.bits}
        return "+".join(names.get(bit, str(bit)) for bit in value)

    def given(self, shown: Any) -> tuple[int, ...]:
        names = dict(self.bits)
        found = []
        for name in _of(shown, str, "a text of bits").split("+") if shown else ():
            if name not in names and not re.fullmatch("[0-9]{1,3}", name, re.ASCII):
                raise Fault(f"no bit is called {name!r}")
            found.append(names[name] if name in names else int(name))
        self.write(tuple(found))
        return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class OctetString(Leaf):
    """OCTET STRING of `lo` to `hi` octets."""

    lo: int = 0
    hi: int = MAX_LENGTH

    @property
    def tags(self) -> tuple[int, ...]:
        return (OCTET_STRING,)

    def read(self, contents: bytes) -> bytes:
        return self._sized(contents)

    def write(self, value: Any) -> bytes:
        return self._sized(bytes(_of(value, bytes, "octets")))

    def shown(self, value: Any) -> str:
        return hex_text(value)

    def given(self, shown: Any) -> bytes:
        return self._sized(_unhex(shown))

    def _sized(self, octets: bytes) -> bytes:
        if not self.lo <= len(octets) <= self.hi:
            expected = f"{self.lo}" if self.lo == self.hi else f"{self.lo} to {self.hi}"
            raise Fault(f"{expected} octets expected, {len(octets)} given")
        return octets


@dataclass(frozen=True, slots=True)
class GeneralizedTime(Leaf):
    """GeneralizedTime as GBCS writes it: YYYYMMDDHHMMSSZ; in JSON YYYY-MM-DDTHH:MM:SSZ."""

    @property
    def tags(self) -> tuple[int, ...]:
        return (GENERALIZED_TIME,)

    def read(self, contents: bytes) -> Utc:
        if not re.fullmatch(rb"[0-9]{14}Z", contents):
            raise Fault("not 14 digits and Z")
        return _moment(contents.decode("ascii"))

    def write(self, value: Any) -> bytes:
        return re.sub("[-:T]", "", self.shown(_of(value, Utc, "a moment"))).encode("ascii")

    def shown(self, value: Any) -> str:
        if value.us % 1_000_000:
            raise Fault("a moment of whole seconds is needed")
        try:
            return f"{value.to_datetime():%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")
        except OverflowError:
            raise Fault("a year from 1 to 9999 is needed") from None

    def given(self, shown: Any) -> Utc:
        if not isinstance(shown, str) or not re.fullmatch(
            "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", shown, re.ASCII
        ):
            raise Fault("a text YYYY-MM-DDTHH:MM:SSZ is needed")
        return _moment(re.sub("[-:T]", "", shown))


@dataclass(frozen=True, slots=True)
class Null(Leaf):
    """NULL."""

    @property
    def tags(self) -> tuple[int, ...]:
        return (NULL,)

    def read(self, contents: bytes) -> None:
        if contents:
            raise Fault("a NULL with octets")

    def write(self, value: Any) -> bytes:
        if value is not None:
            raise Fault("null is needed")
        return b""

    def shown(self, value: Any) -> None:
        return None

    def given(self, shown: Any) -> None:
        self.write(shown)


@dataclass(frozen=True, slots=True)
class Opaque(Leaf):
    """A SEQUENCE of another standard, kept whole: an X.509 certificate or a PKCS#10 request.

    In JSON `der` and, as a remark for the reader, `subject`.
    """

    @property
    def tags(self) -> tuple[int, ...]:
        return (SEQUENCE,)

    def read(self, contents: bytes) -> bytes:
        return contents

    def write(self, value: Any) -> bytes:
        """The whole element, header included: what is kept is never taken apart."""
        octets = bytes(_of(value, bytes, "octets"))
        if not octets or octets[0] != SEQUENCE:
            raise Fault("not a SEQUENCE in DER")
        try:
            length, start, _ = read_length(octets, 1)
        except ParseError as error:
            raise Fault(error.reason) from None
        if start + length != len(octets):
            raise Fault(f"{length} octets announced, {len(octets) - start} given")
        return octets

    def shown(self, value: Any) -> dict[str, str]:
        remark = subject_remark(value)
        return {"der": hex_text(value)} | ({} if remark is None else {"subject": remark})

    def given(self, shown: Any) -> bytes:
        return self.write(_unhex(shown.get("der") if isinstance(shown, dict) else shown))


@dataclass(frozen=True, slots=True)
class Field:
    """A component of a SEQUENCE or an alternative of a CHOICE.

    `context` is the number of an IMPLICIT tag. `default` stands for an absent component; one
    that is there although it has this value is kept as it came.
    """

    name: str
    type: Asn1Type
    context: int | None = None
    optional: bool = False
    default: Any = None
    tags: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tags = self.type.tags
        if self.context is not None:
            if isinstance(self.type, Choice | Opaque):
                raise ValueError(f"{self.name}: no IMPLICIT tag over a {type(self.type).__name__}")
            tags = (CONTEXT | tags[0] & CONSTRUCTED | self.context,)
        object.__setattr__(self, "tags", tags)


@dataclass(frozen=True, slots=True)
class Sequence(Asn1Type):
    """SEQUENCE of named components."""

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        # an optional component must differ from all that may follow it in its place
        for index, row in enumerate(self.fields):
            if not row.optional:
                continue
            for later in self.fields[index + 1 :]:
                if set(row.tags) & set(later.tags):
                    raise ValueError(f"{self.name}: {row.name} and {later.name} look alike")
                if not later.optional:
                    break

    @property
    def tags(self) -> tuple[int, ...]:
        return (SEQUENCE,)


@dataclass(frozen=True, slots=True)
class SequenceOf(Asn1Type):
    """SEQUENCE OF one type."""

    item: Asn1Type

    @property
    def tags(self) -> tuple[int, ...]:
        return (SEQUENCE,)


@dataclass(frozen=True, slots=True)
class Choice(Asn1Type):
    """CHOICE between alternatives of different tags."""

    alternatives: tuple[Field, ...]

    def __post_init__(self) -> None:
        if len(set(self.tags)) != len(self.tags):
            raise ValueError(f"{self.name}: alternatives look alike")

    @property
    def tags(self) -> tuple[int, ...]:
        return tuple(tag for row in self.alternatives for tag in row.tags)


def _of(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Fault(f"{what} needed, {type(value).__name__} given")
    return value


def _unhex(shown: Any, length: int | None = None) -> bytes:
    try:
        return unhex(shown, "", length)
    except BuildError as error:
        raise Fault(str(error)) from None


def _moment(digits: str) -> Utc:
    parts = [int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2))]
    try:
        return Utc.of(*parts)
    except BuildError as error:
        raise Fault(str(error)) from None
