"""Makes the token vectors without the project's token code: `python -m tests.vectors.utrn_tokens`.

Of the project only the test PKI is used; keys are derived by `check.py`, the tag is that of
AES-GCM in cryptography, the check digit is computed in the dihedral group of the pentagon.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gbcs.ids import EntityId, Role
from gbcs.pki import TestPki
from gbcs.security.memory import MemoryKeyStore
from gbcs.time import Utc
from tests.vectors import check

FILE = Path(__file__).resolve().parent / "utrn" / "tokens.json"
SUPPLIER = EntityId.parse("90-B3-D5-1F-30-AC-00-01")
NEXT_SUPPLIER = EntityId.parse("90-B3-D5-1F-30-AC-00-02")
ELECTRICITY = EntityId.parse("00-DB-12-34-56-78-AC-01")
GAS = EntityId.parse("00-DB-12-34-56-78-AC-02")
OFFSET = 7394156990786306048
TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)

# supplier, meter, high half of the counter, value class, value
TOKENS = (
    (SUPPLIER, ELECTRICITY, 1, 0, 1250),
    (SUPPLIER, ELECTRICITY, 2, 1, 10),
    (SUPPLIER, ELECTRICITY, 2, 0, 1000),
    (SUPPLIER, GAS, 2, 1, 10),
    (NEXT_SUPPLIER, ELECTRICITY, 2, 1, 10),
    (SUPPLIER, ELECTRICITY, 0, 0, 0),
    (SUPPLIER, ELECTRICITY, 1023, 0, 8191),
    (SUPPLIER, ELECTRICITY, 1024, 1, 8191),
    (SUPPLIER, ELECTRICITY, 1026, 1, 10),
    (SUPPLIER, GAS, 0x5A5A5A5A, 1, 1),
    (SUPPLIER, GAS, 0xFFFFFFFF, 1, 8191),
)


@cache
def store() -> MemoryKeyStore:
    """Certificates and private keys of the parties."""
    made = TestPki.create(b"utrn", Utc.of(2024, 3, 1))
    for supplier in (SUPPLIER, NEXT_SUPPLIER):
        made.organisation(Role.SUPPLIER, supplier)
    for meter in (ELECTRICITY, GAS):
        made.device(meter)
    return made.store


def secret(supplier: EntityId, meter: EntityId) -> bytes:
    """The shared secret, by plain ECDH from the meter's side."""
    (own,) = (c for c in store().all() if c.entity == meter and c.usage.name == "KEY_AGREEMENT")
    (peer,) = (c for c in store().all() if c.entity == supplier and c.cell_usage == 1)
    private = store().private_key(own)
    assert private is not None
    return private.exchange(ec.ECDH(), peer.certificate.public_key())


def composed(one: int, other: int) -> int:
    """Two of the ten symmetries of a pentagon, one after the other: 0 to 4 turn, 5 to 9 flip."""
    turn, flip = one % 5, one >= 5
    added = (turn - other if flip else turn + other) % 5
    return added + 5 * (flip != (other >= 5))


def check_digit(number: str) -> str:
    """The digit that makes the twenty compose to nothing; the first place has four turns."""
    (digit,) = (last for last in "0123456789" if not _composition(number + last))
    return digit


def _composition(digits: str) -> int:
    state = 0
    for place, text in enumerate(digits, 4):
        digit = int(text)
        for _ in range(place % 8):
            digit = TURN[digit]
        state = composed(state, digit)
    return state


def token(shared: bytes, supplier: bytes, meter: bytes, counter: int, high: int) -> tuple[bytes, bytes, str]:
    """Derived key, whole tag and the 20 digits of a counter and a high word."""
    octets = counter.to_bytes(8, "big")
    key = check.key_of(shared, supplier, 1, octets, meter)
    cipher = Cipher(algorithms.AES(key), modes.GCM(supplier + bytes(4))).encryptor()
    word = high.to_bytes(4, "big")
    cipher.authenticate_additional_data(b"\x11" + bytes(5) + supplier + meter + b"\x01" + octets + word)
    cipher.finalize()
    number = str(OFFSET + int.from_bytes(word + cipher.tag[12:], "big"))
    return key, cipher.tag, number + check_digit(number)


def vectors() -> list[dict[str, Any]]:
    """One object a token."""
    made = []
    for supplier, meter, number, value_class, value in TOKENS:
        high = (number % 1024 * 4 + value_class) * 8192 + value
        key, tag, digits = token(secret(supplier, meter), supplier, meter, number << 32, high)
        made.append(
            {
                "supplier": str(supplier),
                "meter": str(meter),
                "counter": f"{number << 32:016X}",
                "value_class": value_class,
                "value": value,
                "high": f"{high:08X}",
                "key": key.hex().upper(),
                "tag": tag.hex().upper(),
                "token": digits,
            }
        )
    return made


def read() -> list[dict[str, Any]]:
    """The vectors on disk."""
    return list(json.loads(FILE.read_text("ascii")))


def main() -> None:
    """Write the file."""
    made = vectors()
    FILE.write_text(json.dumps(made, indent=1) + "\n", "ascii")
    print(f"{len(made)} tokens")


if __name__ == "__main__":
    main()
