"""Whom a certificate or a signing request names, in one line for the reader. A remark, not a check."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import ParseError
from ..lengths import read_length

_COMMON_NAME = bytes.fromhex("550403")
_UNIT = bytes.fromhex("55040B")
_UNIQUE_IDENTIFIER = bytes.fromhex("55042D")
_ALTERNATIVE_NAME = bytes.fromhex("551D11")
_EXTENSION_REQUEST = bytes.fromhex("2A864886F70D01090E")
_SET, _SEQUENCE, _OBJECT, _OCTETS, _VERSION, _CONTEXT_0, _CONTEXT_3 = 0x31, 0x30, 0x06, 0x04, 0x02, 0xA0, 0xA3

_Part = tuple[int, bytes]


def subject_remark(octets: bytes) -> str | None:
    """`CN Name, OU 02, id 90B3D51F30010000` of a certificate or request, None where it names nobody."""
    try:
        return _remark(octets)
    except (ParseError, ValueError, IndexError):
        return None


def _remark(octets: bytes) -> str | None:
    body = list(_parts(_inside(_inside(octets))))
    if body[:1] and body[0][0] == _CONTEXT_0:
        del body[0]
    request = body[:1] and body[0][0] == _VERSION and body[1:2] and body[1][0] == _SEQUENCE
    if request and len(body) <= 4:
        # PKCS#10: version, subject, key, attributes
        subject, rest = body[1][1], body[3:]
    else:
        # X.509 after its version: serial, algorithm, issuer, validity, subject, key, ...
        if len(body) < 6:
            return None
        subject, rest = body[4][1], body[6:]
    named = _names(subject)
    if not named:
        named = [f"device {serial.hex().upper()}" for tag, value in rest for serial in _serials(tag, value)]
    return ", ".join(named) or None


def _names(subject: bytes) -> list[str]:
    found = []
    for _, relative in _parts(subject):
        for _, pair in _parts(relative):
            (_, kind), (_, value) = list(_parts(pair))[:2]
            if kind == _COMMON_NAME:
                found.append(f"CN {value.decode('utf-8')}")
            elif kind == _UNIT:
                found.append(f"OU {value.decode('utf-8')}")
            elif kind == _UNIQUE_IDENTIFIER:
                found.append(f"id {value[1:].hex().upper()}")
    return found


def _serials(tag: int, value: bytes) -> Iterator[bytes]:
    """The serial numbers of hardwareModuleName in the extensions, or in an attribute that asks for them."""
    if tag == _CONTEXT_3:
        yield from _alternative(_inside(value))
    elif tag == _CONTEXT_0:
        for _, attribute in _parts(value):
            (_, kind), (_, asked) = list(_parts(attribute))[:2]
            if kind == _EXTENSION_REQUEST:
                yield from _alternative(_inside(asked))


def _alternative(extensions: bytes) -> Iterator[bytes]:
    for _, extension in _parts(extensions):
        parts = list(_parts(extension))
        if parts[0] != (_OBJECT, _ALTERNATIVE_NAME) or parts[-1][0] != _OCTETS:
            continue
        for name_tag, name in _parts(_inside(parts[-1][1])):
            pieces = list(_parts(name)) if name_tag == _CONTEXT_0 else []
            if len(pieces) == 2 and pieces[1][0] == _CONTEXT_0:
                yield from (octets for kind, octets in _parts(_inside(pieces[1][1])) if kind == _OCTETS)


def _inside(octets: bytes) -> bytes:
    """The contents of the first element."""
    return next(_parts(octets), (0, b""))[1]


def _parts(octets: bytes) -> Iterator[_Part]:
    """Tag and contents of the elements one after another. Raises ParseError."""
    at = 0
    while at < len(octets):
        length, start, _ = read_length(octets, at + 1)
        if start + length > len(octets):
            raise ParseError("cut short", at)
        yield octets[at], octets[start : start + length]
        at = start + length
