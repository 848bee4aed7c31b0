"""Texts in steps that stand for something made while the scenario runs.

    token:NAME                         the digits of a top-up token made before
    certificate:PARTY/USE              a certificate of a party, in hex
    certificate:authority              that of the authority that issues those of parties
    new certificate:PARTY/USE          one with a new key, which the party uses once a device took it
    requested certificate:DEVICE/USE   one of the key that a device asked for a certificate of (CS02c)

USE is digitalSignature, keyAgreement or, of a supplier, prePaymentTopUp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from gbcs.ids import CellUsage, KeyUsage
from gbcs.security.utrn import DIGITS

from .scenario_model import Step

TOKEN, CERTIFICATE = "token", "certificate"
NEW, REQUESTED = "new certificate", "requested certificate"
AUTHORITY = "authority"
PLACEHOLDERS = {TOKEN: "0" * DIGITS, CERTIFICATE: "3000", NEW: "3000", REQUESTED: "3000"}
USES: Mapping[str, tuple[KeyUsage, CellUsage]] = {
    "digitalSignature": (KeyUsage.DIGITAL_SIGNATURE, CellUsage.MANAGEMENT),
    "keyAgreement": (KeyUsage.KEY_AGREEMENT, CellUsage.MANAGEMENT),
    "prePaymentTopUp": (KeyUsage.KEY_AGREEMENT, CellUsage.PREPAYMENT_TOP_UP),
}


class Reference(NamedTuple):
    """What a text stands for: its kind, and the rest of the text."""

    kind: str
    name: str

    @property
    def owner(self) -> str:
        """Whose certificate it is."""
        return self.name.rpartition("/")[0]

    @property
    def use(self) -> str:
        """What for."""
        return self.name.rpartition("/")[2]


def reference(text: str) -> Reference | None:
    """What a text stands for; None for one that stands for itself."""
    kind, colon, name = text.partition(":")
    return Reference(kind, name) if colon and kind in PLACEHOLDERS else None


def references(given: Any) -> Iterator[Reference]:
    """All in values or codes."""
    if isinstance(given, str):
        found = reference(given)
        if found is not None:
            yield found
    elif isinstance(given, Mapping):
        for inner in given.values():
            yield from references(inner)
    elif isinstance(given, list | tuple):
        for inner in given:
            yield from references(inner)


def placeholder(found: Reference) -> str:
    """Something of the same form, for as long as there is no home."""
    return PLACEHOLDERS[found.kind]


def filled(step: Step, of: Callable[[Reference], str]) -> Step:
    """The step with what they stand for: octets in values of items, texts elsewhere."""
    hands = step.hands
    if hands is not None:
        hands = replace(hands, enter=_filled(hands.enter, of))
    values = _filled(step.values, lambda found: of(found).encode())
    return replace(step, values=values, named=_filled(step.named, of), hands=hands)


def _filled(given: Any, of: Callable[[Reference], Any]) -> Any:
    if isinstance(given, str):
        found = reference(given)
        return given if found is None else of(found)
    if isinstance(given, Mapping):
        return {key: _filled(inner, of) for key, inner in given.items()}
    if isinstance(given, list | tuple):
        return type(given)(_filled(inner, of) for inner in given)
    return given
