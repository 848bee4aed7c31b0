"""Top-up tokens, 20 digits: parsing them raises nothing."""

from collections.abc import Sequence
from random import Random

from gbcs.ids import Role
from gbcs.security.utrn import Ptut, TopUpKey, ValueClass, check_digit, make_token, parse_token
from tests.fuzz.harness import Target, damaged_octets
from tests.gbcs import generated


def seeds() -> list[bytes]:
    random = Random(0)
    made = []
    for _ in range(50):
        key = TopUpKey(random.randbytes(32), generated.PARTIES[Role.SUPPLIER], generated.UNKNOWN)
        counter, value = random.getrandbits(32) << 32, random.randrange(1 << 13)
        made.append(make_token(key, counter, random.choice(tuple(ValueClass)), value).encode())
    return made


def one(octets: bytes) -> bool:
    token = parse_token(octets)
    assert parse_token(octets.decode("ascii", "replace")) == token
    if isinstance(token, Ptut):
        assert token.digits.encode() == octets
        return True
    return False


def mutate(random: Random, sound: Sequence[bytes]) -> bytes:
    """Damaged, or other digits under a check digit that is right."""
    if random.random() < 0.5:
        return damaged_octets(random, sound)
    digits = (
        f"{random.randrange(10**19):019}" if random.random() < 0.3 else random.choice(sound).decode()[:19]
    )
    at = random.randrange(19)
    digits = digits[:at] + random.choice("0123456789") + digits[at + 1 :]
    return (digits + check_digit(digits)).encode()


TARGET = Target("utrn", seeds, one, (), mutate)
