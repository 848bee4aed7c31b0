"""Key stores in JSON: texts with accidents of their octets or of their values."""

import json
from collections.abc import Sequence
from random import Random

from gbcs.errors import KeyStoreError
from gbcs.ids import KeyUsage
from gbcs.security.boxed import BoxedKeyStore
from tests.fuzz.harness import Target, damaged_json, damaged_octets
from tests.fuzz.pem import key_octets
from tests.gbcs import generated

USAGES = {KeyUsage.DIGITAL_SIGNATURE: "digitalSignature", KeyUsage.KEY_AGREEMENT: "keyAgreement"}


def seeds() -> list[bytes]:
    held = [c for c in generated.keyring().pki.store.all() if c.usage in USAGES]
    found = []
    for start in range(0, len(held), 3):
        tree: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
        for index, credential in enumerate(held[start : start + 3]):
            entry: dict[str, object] = {
                "certificate": credential.der.hex(),
                "privateKey": key_octets(credential).decode() if index else None,
                "role": credential.role,
                "name": "prepayment" if index else "",
            }
            usage = USAGES[credential.usage]
            tree.setdefault(credential.entity.pretty(), {}).setdefault(usage, {})[f"{index:x}"] = entry
        found.append(json.dumps(tree).encode())
    return found


def one(octets: bytes) -> bool:
    store = BoxedKeyStore(octets)
    assert all(note.isprintable() for note in store.notes)
    return True


def mutate(random: Random, sound: Sequence[bytes]) -> bytes:
    return (damaged_json if random.random() < 0.7 else damaged_octets)(random, sound)


TARGET = Target("boxed", seeds, one, (KeyStoreError,), mutate)
