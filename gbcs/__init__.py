"""GBCS messages and the cryptography that protects them: octets to meaning and back.

decoded = gbcs.decode(octets, keys)           values by name
message = gbcs.build("ECS38", originator=..., recipient=..., counter=..., RandomisedOffsetLimit=600)
message = keys.protect(message)               signature and MAC, as the use case has them
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .building import Assumption, build, build_from
    from .decoding import Decoded, decode
    from .protect import Keys

__all__ = ["Assumption", "Decoded", "Keys", "build", "build_from", "decode"]

_HOMES = {
    "Assumption": "building",
    "Decoded": "decoding",
    "Keys": "protect",
    "build": "building",
    "build_from": "building",
    "decode": "decoding",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  (nothing here at the start)

    found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found  # asked for once
    return found
