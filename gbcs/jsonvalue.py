"""Reading values out of JSON objects with one clear error: BuildError and the path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from .errors import BuildError

T = TypeVar("T")
_KINDS = {str: "a text", int: "a number", bool: "true or false", list: "a list", dict: "an object"}


def want(fields: Any, key: str, kind: type[T], path: str) -> T:
    """A value that must be there and of a kind. Raises BuildError."""
    value = maybe(fields, key, kind, path)
    if value is None:
        raise BuildError("missing", f"{path}.{key}".lstrip("."))
    return value


def maybe(fields: Any, key: str, kind: type[T], path: str) -> T | None:
    """A value of a kind, or None where it is null or absent. Raises BuildError."""
    if not isinstance(fields, Mapping):
        raise BuildError("an object is needed", path)
    value = fields.get(key)
    if value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BuildError(f"{_KINDS.get(kind, kind.__name__)} is needed", f"{path}.{key}".lstrip("."))
    return value


def unhex(text: Any, path: str, length: int | None = None) -> bytes:
    """Octets from hex digits, of one length if given. Raises BuildError."""
    if not isinstance(text, str):
        raise BuildError("hex digits are needed", path)
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        raise BuildError("not hex digits", path) from None
    if length is not None and len(octets) != length:
        raise BuildError(f"{length} octets needed, {len(octets)} given", path)
    return octets


def hex_text(octets: bytes) -> str:
    """Octets as upper-case hex digits."""
    return octets.hex().upper()
