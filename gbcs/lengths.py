"""Length octets of A-XDR and BER as GBCS uses them: short, 81 nn, 82 nn nn, up to FE nn ... nn.

Readers accept longer forms and say how many octets were used where fewer would do, so
that a message can be rebuilt octet for octet. Source: GBCS 7.2.5, IEC 62056-6-2 A-XDR.
"""

from __future__ import annotations

from .errors import BuildError, ParseError

MAX_FORM = 127  # octets of the longest form: 80 is the indefinite length, FF is reserved


def read_length(buffer: bytes, offset: int, path: str = "length") -> tuple[int, int, int]:
    """The (length, next offset, form) at an offset.

    `form` is 0 for a minimal length, else the count of octets it took.
    Raises ParseError when octets are missing or the form is indefinite.
    """
    try:
        first = buffer[offset]
    except IndexError:
        raise ParseError("a length octet is missing", offset, path) from None
    if first < 0x80:
        return first, offset + 1, 0
    count = first & 0x7F
    if not 1 <= count <= MAX_FORM - 1:
        raise ParseError(f"length form {first:02X} is not used", offset, path)
    end = offset + 1 + count
    if end > len(buffer):
        raise ParseError("the length is cut short", offset, path)
    value = int.from_bytes(buffer[offset + 1 : end], "big")
    minimal = 1 if value < 0x80 else 1 + (value.bit_length() + 7) // 8
    return value, end, 0 if minimal == count + 1 else count + 1


def length_octets(length: int, form: int = 0, path: str = "") -> bytes:
    """A length as octets, minimal unless `form` asks for that many octets. Raises BuildError."""
    if not form:
        if length < 0x80:
            return bytes((length,))
        width = (length.bit_length() + 7) // 8
    else:
        width = form - 1
    if not 1 <= width <= MAX_FORM - 1 or length >> (8 * width):
        raise BuildError(f"{length} does not fit a length of {form or 5} octets", path)
    return bytes((0x80 | width,)) + length.to_bytes(width, "big")
