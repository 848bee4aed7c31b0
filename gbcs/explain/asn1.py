"""The octets of a DER payload, leaf by leaf, by the declarations of the GBCS ASN.1 module."""

from __future__ import annotations

from typing import Any

from ..asn1.der import CONSTRUCTED, parse_der
from ..asn1.payloads import payload_type
from ..asn1.remarks import subject_remark
from ..asn1.schema import (
    Asn1Type,
    BitString,
    Choice,
    Fault,
    Field,
    GeneralizedTime,
    Integer,
    Leaf,
    Null,
    OctetString,
    Opaque,
    Sequence,
    SequenceOf,
)
from ..errors import ParseError
from ..ids import Kind
from ..lengths import length_octets, read_length
from .rules import RULES, Rule
from .spans import Pen
from .values import alert_code_text, string_text

_ASN1, _DER = RULES["asn1"], RULES["der"]
WIDE = 3  # octets of 82 00 nn, which responses and alerts of the reference set have
MAX_DEPTH = 16
_TIME = (("year", 4), ("month", 2), ("day", 2), ("hour", 2), ("minute", 2), ("second", 2), ("zone", 1))
# what an OCTET STRING is, by the end of its path
_STRINGS = {
    "manufacturerImageHash": "hash",
    "plaintextSymmetricKey": "key",
    "deviceID": "eui-64",
    "otherDeviceEntityIdentifier": "eui-64",
    "existingSubjectUniqueID": "eui-64",
    "replacingSubjectUniqueID": "eui-64",
    "existingSubjectKeyIdentifier": "key-identifier",
    "replacingSubjectKeyIdentifier": "key-identifier",
    "firmwareVersion": "firmware-version",
}


class Walk:
    """One payload; `wide` says whether 82 00 nn is a usual length in it."""

    def __init__(self, pen: Pen, wide: bool) -> None:
        self.pen = pen
        self.wide = wide

    def element(self, declared: Asn1Type, tags: tuple[int, ...], path: str, last: bool = False) -> None:
        """Read one element of a type; the last one of a part ends with it."""
        pen = self.pen
        expected = " or ".join(f"{tag:02X}" for tag in tags)
        if pen.left <= 0:
            pen.stop("missing", path, f"{declared.name} is missing", _ASN1, expected)
        tag = pen.octets[pen.at]
        if tag not in tags:
            reason = f"tag {expected} ({declared.name}) expected, {tag:02X} given"
            pen.stop("tag", path, reason, _ASN1, expected)
        if isinstance(declared, Choice):
            taken = next(row for row in declared.alternatives if tag in row.tags)
            self.element(taken.type, taken.tags, f"{path}.{taken.name}", last)
            return
        if isinstance(declared, Opaque):
            self._opaque(declared, path, last)
            return
        at = pen.at
        pen.take(1, path, "tag", _ASN1, declared.name)
        size = self._length(path, at, last, _exact(declared))
        with pen.part(pen.at + size):
            if isinstance(declared, Sequence):
                self._components(declared, path)
            elif isinstance(declared, SequenceOf):
                index = 0
                while pen.left:
                    self.element(declared.item, declared.item.tags, f"{path}[{index}]")
                    index += 1
            else:
                assert isinstance(declared, Leaf)
                self._leaf(declared, size, path)

    def _length(self, path: str, at: int, last: bool = False, exact: int | None = None) -> int:
        """The length of an element whose contents must be there; `exact` is the only one it may have."""
        pen, start = self.pen, self.pen.at
        try:
            size, stop, form = read_length(pen.octets, start, path)
        except ParseError as error:
            pen.stop("length", path, error.reason, _DER)
        if stop + size > pen.end:
            most = max(pen.end - stop, 0)
            reason = f"{size} octets run past the end"
            pen.pieces(min(stop, pen.end) - start, path, "length", _DER, str(size))
            pen.stop("length", path, reason, _DER, _length_text(exact, most, last), start)
        pen.pieces(stop - start, path, "length", _DER, str(size))
        if form and not (self.wide and form == WIDE and 128 <= size <= 255):
            reason = f"{size} in {form} octets, longer than it need be"
            pen.find("length form", start, path, reason, _DER, length_octets(size).hex().upper())
        return size

    def _components(self, declared: Sequence, path: str) -> None:
        pen = self.pen
        for row in declared.fields:
            if row.optional and (pen.left <= 0 or pen.octets[pen.at] not in row.tags):
                continue
            at = pen.at
            self.element(row.type, row.tags, f"{path}.{row.name}", row is declared.fields[-1])
            self._check_default(row, at, f"{path}.{row.name}")
        if pen.left:
            reason = f"{pen.left} octets left over in {declared.name}"
            pen.stop("left over", path, reason, _ASN1)

    def _check_default(self, row: Field, at: int, path: str) -> None:
        if row.default is None or not isinstance(row.type, Leaf):
            return
        octets = self.pen.octets
        try:
            size, start, _ = read_length(octets, at + 1, path)
            value = row.type.read(octets[start : start + size])
        except (ParseError, Fault):
            return
        if value == row.default:
            self.pen.find(
                "default", at, path, "present although it is the default", RULES["der-default"], "nothing"
            )

    def _opaque(self, declared: Opaque, path: str, last: bool) -> None:
        pen = self.pen
        try:
            size, start, _ = read_length(pen.octets, pen.at + 1, path)
        except ParseError as error:
            pen.stop("length", path, error.reason, _DER, None, error.offset)
        if start + size > pen.end:
            most = max(pen.end - start, 0)
            reason = f"{size} octets run past the end"
            pen.stop("length", path, reason, _DER, _length_text(None, most, last), pen.at + 1)
        request = declared.name == "CertificationRequest"
        rule = RULES["certification-request" if request else "certificate"]
        kind = "certificate-request" if request else "certificate"
        subject = declared.shown(pen.octets[pen.at : start + size]).get("subject", f"{declared.name}")
        pen.take(start + size - pen.at, path, kind, rule, subject)

    def _leaf(self, declared: Leaf, size: int, path: str) -> None:
        pen = self.pen
        at = pen.at
        contents = pen.octets[at : at + size]
        try:
            value: Any = declared.read(contents)
        except Fault as fault:
            rule, right = _leaf_fault(declared, contents)
            exact = _exact(declared)
            if exact is not None and size != exact:
                # the length is what is wrong
                span = next(s for s in reversed(pen.spans) if s.type == "length")
                pen.find("size", span.start, path, fault.reason, rule, f"{exact:02X}")
            else:
                pen.find("value", at, path, fault.reason, rule, right)
            pen.take(size, path, "unparsed" if size > 8 else "octet-string", rule)
            return
        if isinstance(declared, GeneralizedTime):
            text = contents.decode("ascii")
            for name, width in _TIME:
                pen.take(
                    width,
                    f"{path}.{name}",
                    name if name == "zone" else "digits",
                    RULES["der-time"],
                    text[:width],
                )
                text = text[width:]
        elif isinstance(declared, BitString):
            pen.take(1, f"{path}.unused_bits", "u8", RULES["der-bits"])
            names = {number: name for name, number in declared.bits}
            bits = "+".join(names.get(bit, str(bit)) for bit in value)
            pen.take(size - 1, path, "bit-string", _ASN1, bits)
        elif isinstance(declared, Integer):
            if size > 8:  # a number without a sign, whose first bit is set
                pen.take(size - 8, f"{path}.sign", "constant", _DER)
                size = 8
            pen.take(size, path, _integer_kind(declared), _ASN1, _integer_text(declared, value))
        elif isinstance(declared, OctetString):
            name = path.rpartition(".")[2].partition("[")[0]
            kind = _STRINGS.get(name, "eui-64" if declared.lo == declared.hi == 8 else "octet-string")
            text = string_text(contents) if kind == "octet-string" else contents.hex().upper()
            pen.take(size, path, kind, _ASN1, text)

    def anything(self, path: str, depth: int = 0) -> None:
        """Read elements nobody has declared, up to the end of the part."""
        pen, index, rule = self.pen, 0, RULES["unknown"]
        while pen.left:
            where = f"{path}[{index}]"
            index += 1
            tag = pen.octets[pen.at]
            if tag & 0x1F == 0x1F:
                pen.stop("tag", where, "tags of several octets are not used", _DER)
            at = pen.at
            pen.take(1, where, "tag", rule, f"{tag:02X}")
            size = self._length(where, at)
            if not tag & CONSTRUCTED:
                pen.take(size, where, "octet-string", rule)
                continue
            if depth >= MAX_DEPTH:
                pen.stop("depth", where, f"nested deeper than {MAX_DEPTH} levels", _DER)
            with pen.part(pen.at + size):
                self.anything(where, depth + 1)


def _exact(declared: Asn1Type) -> int | None:
    """The only number of octets the contents of a type may have."""
    if isinstance(declared, OctetString) and declared.lo == declared.hi:
        return declared.lo
    if isinstance(declared, Null):
        return 0
    return 15 if isinstance(declared, GeneralizedTime) else None


def _length_text(exact: int | None, most: int, last: bool) -> str:
    """The right length as its octets where it can be known, else how many there may be."""
    right = exact if exact is not None and exact <= most else most if last else None
    return f"{most} octets at most" if right is None else length_octets(right).hex().upper()


def _integer_kind(declared: Integer) -> str:
    if declared.digits == 4:
        return "alert-code"
    if declared.digits:
        return "counter"
    return "enum" if declared.enumerated or declared.values else "integer"


def _integer_text(declared: Integer, value: int) -> str:
    if declared.digits == 4:
        return alert_code_text(value)
    if declared.digits:
        return f"{value:0{declared.digits}X} ({value})"
    name = declared.name_of(value)
    return f"{value} ({name})" if name else str(value)


def _leaf_fault(declared: Leaf, contents: bytes) -> tuple[Rule, str | None]:
    """The rule a leaf breaks, and its octets as they should be where that can be known."""
    if isinstance(declared, Integer):
        number = int.from_bytes(contents, "big", signed=True)
        try:
            right = declared.write(number)
        except Fault:
            return _ASN1, None
        return _DER, right.hex().upper() if right != contents and contents else None
    if isinstance(declared, BitString):
        bits = tuple(
            8 * i + bit for i, octet in enumerate(contents[1:]) for bit in range(8) if octet & 0x80 >> bit
        )
        try:
            return RULES["der-bits"], declared.write(bits).hex().upper() if contents else None
        except Fault:
            return RULES["der-bits"], None
    if isinstance(declared, GeneralizedTime):
        return RULES["der-time"], None
    return _ASN1, None


def certificate_text(octets: bytes) -> str:
    """Whom a certificate names."""
    return subject_remark(octets) or "certificate"


def walk(pen: Pen, code: int, kind: Kind) -> None:
    """Write the spans of a payload. Raises Broken."""
    wide = kind in (Kind.RESPONSE, Kind.ALERT)
    declared = payload_type(code, kind)
    reader = Walk(pen, wide)
    if declared is not None:
        reader.element(declared, declared.tags, "payload", True)
        return
    try:
        parse_der(pen.octets[pen.at : pen.end])
    except ParseError:
        # nothing says that it is DER
        pen.rest("payload", RULES["unknown"], "octet-string")
    else:
        reader.anything("payload")
