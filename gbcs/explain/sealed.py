"""A protected value: its security header, its ciphertext with what is in it, its tag."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ParseError, PeerError, SecurityError
from ..security.encryption import SECURITY_HEADER, TAG_LENGTH
from .rules import RULES
from .spans import Pen, mark

LEAST = len(SECURITY_HEADER) + TAG_LENGTH


def sealed(pen: Pen, size: int, path: str, walk: Callable[[Pen], None]) -> None:
    """Write a protected value of so many octets; `walk` reads the plaintext where there is a key."""
    rule, start = RULES["encryption"], pen.at
    octets = pen.octets[start : start + size]
    pen.constant(SECURITY_HEADER[:1], f"{path}.security_control", rule)
    pen.constant(SECURITY_HEADER[1:], f"{path}.invocation_counter", rule)
    inside = size - len(SECURITY_HEADER) - TAG_LENGTH
    pen.take(inside, f"{path}.ciphertext", "ciphertext", rule)
    place = len(pen.spans) - 1
    pen.take(TAG_LENGTH, f"{path}.tag", "mac", rule)
    if pen.unseal is None or not inside:
        return
    try:
        plaintext = pen.unseal(octets)
    except PeerError as error:
        reason = error.reason if isinstance(error, ParseError | SecurityError) else str(error)
        pen.find("decryption", start + len(SECURITY_HEADER), f"{path}.ciphertext", reason, rule)
        return
    if plaintext is None:
        return
    inner = Pen(plaintext)
    inner.guarded(len(plaintext), "plaintext", lambda: walk(inner))
    pen.spans[place] = pen.spans[place]._replace(
        plaintext=mark(inner.spans, inner.findings), opened=plaintext
    )
    for finding in inner.findings:
        # the place is counted in the plaintext; the message has only its ciphertext there
        reason = f"octet {finding.offset} of the plaintext: {finding.reason}"
        pen.findings.append(finding._replace(offset=start + len(SECURITY_HEADER), reason=reason))
