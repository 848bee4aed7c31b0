"""What the three payload families share: fields, refusals, and the header a payload belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import BuildError, PeerError
from ..message import Message

Values = dict[str, Any]
Unseal = Callable[[bytes], "bytes | None"]
Seal = Callable[[bytes], bytes]

ACTIVATION_TIME = "ActivationTime"
VARIANT = "Variant"
FAULT = "Fault"
PERIOD = "Period"
PROTECTED = "Protected"
ITEMS = "Items"


class Irregular(PeerError):
    """A payload that follows its family but not its use case, or not in the usual form.

    It has no values by name; the tree of its fields holds it without loss.
    """


@dataclass(frozen=True, slots=True)
class Field:
    """A value a message may have: its name, what may be given, its unit, and whether it must be there.

    `source` says where it stands in the payload.
    """

    name: str
    about: str
    unit: str = ""
    required: bool = True
    source: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a payload stands: the header, and what seals and opens protected content.

    `message` needs no payload of its own. `seal` is None where no key is at hand.
    """

    message: Message
    unseal: Unseal | None = None
    seal: Seal | None = None

    def sealed(self, plaintext: bytes, path: str) -> bytes:
        """The protected value of a plaintext. Raises BuildError without a key."""
        if self.seal is None:
            raise BuildError("protected content needs a key store with the keys of its reader", path)
        return self.seal(plaintext)


def lookup(given: Mapping[str, Any], name: str) -> Any:
    """The value of a name; a dot in it may be given as an underscore. `ABSENT` if there is none."""
    if name in given:
        return given[name]
    return given.get(name.replace(".", "_"), ABSENT)


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


def check_names(given: Mapping[str, Any], allowed: Mapping[str, Any] | set[str]) -> None:
    """Raise BuildError for a value whose name is none of those allowed."""
    known = {name.replace(".", "_") for name in allowed}
    for name in given:
        if name.replace(".", "_") not in known:
            raise BuildError("there is no such value here", name)
