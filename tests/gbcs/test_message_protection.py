"""Building, signing and MACing messages: each step gives what building from the fields gives."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError
from gbcs.ids import Cra, EntityId
from gbcs.message import Message, OtherInformation, parse_message
from gbcs.security.mac import mac_is_valid, message_mac, with_mac
from gbcs.security.signature import sign_octets, signature_is_valid, with_signature

ONE, OTHER = EntityId(b"\0\0\x5e\0\x53\0\0\x01"), EntityId(b"\0\0\x5e\0\x53\0\0\x02")
KEY = ec.derive_private_key(7, ec.SECP256R1())
SECRET = bytes(range(32))


def plain(counter: int = 5, payload: bytes = b"payload") -> Message:
    return Message.plain(Cra.COMMAND, counter, ONE, OTHER, OtherInformation(0x0019), payload)


def from_fields(message: Message) -> Message:
    return replace(message, octets=b"", header_offset=0, payload_offset=0).encoded()


@given(st.integers(0, 2**64 - 1), st.binary(max_size=300), st.booleans(), st.booleans())
def test_each_step_gives_what_the_fields_give(
    counter: int, payload: bytes, signed: bool, maced: bool
) -> None:
    message = plain(counter, payload)
    if signed:
        message = with_signature(message, KEY)
        assert signature_is_valid(message, KEY.public_key())
    if maced:
        message = with_mac(message, SECRET)
        assert message.mac == message_mac(message, SECRET)
        assert mac_is_valid(message, SECRET)
        assert not signed or signature_is_valid(message, KEY.public_key())
    for again in (from_fields(message), parse_message(message.octets), message.encoded()):
        assert again == message
        assert again.octets == message.octets
        assert again.signed_octets == message.signed_octets
        assert (again.header_offset, again.payload_offset) == (message.header_offset, message.payload_offset)


@pytest.mark.parametrize(
    "changes",
    [
        {"counter": 6},
        {"originator": OTHER},
        {"cra": Cra.RESPONSE},
        {"payload": b"longer than it was"},
        {"other": OtherInformation(0x0019, ONE, 3)},
        {"date_time": bytes(12)},
        {"length_forms": (("content", 3),)},
    ],
)
def test_a_changed_field_is_in_what_is_built_next(changes: dict[str, object]) -> None:
    for message in (plain(), with_signature(plain(), KEY), with_mac(with_signature(plain(), KEY), SECRET)):
        changed = replace(message, **changes)  # type: ignore[arg-type]
        assert changed.encoded().octets == from_fields(changed).octets != message.octets
        signed = with_signature(changed, KEY)
        assert signature_is_valid(signed, KEY.public_key())
        assert parse_message(signed.octets) == signed
        maced = with_mac(changed, SECRET)
        assert mac_is_valid(maced, SECRET)
        assert parse_message(maced.octets) == maced


def test_a_message_cannot_be_changed() -> None:
    for message in (plain(), plain().encoded(), parse_message(plain().octets)):
        assert type(message) is Message
        assert hash(message) == hash(from_fields(message))
        with pytest.raises(AttributeError):
            message.counter = 9  # type: ignore[misc]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(BuildError, match="12 octets"):
        replace(plain(), date_time=b"").encoded()
    with pytest.raises(BuildError, match="64 octets"):
        plain().signed(lambda _: b"short")
    with pytest.raises(BuildError, match="12 octets"):
        plain().maced(lambda _: b"short")
    with pytest.raises(BuildError, match="MAC header"):
        replace(plain(), mac=bytes(12)).encoded()
    with pytest.raises(BuildError):
        plain(counter=1 << 64)


class Pretender:
    """Signs with numbers given beforehand."""

    def __init__(self, r: int, s: int) -> None:
        self.numbers = r, s

    def sign(self, octets: bytes, algorithm: object) -> bytes:
        return encode_dss_signature(*self.numbers)


LARGEST = 2**256 - 1


@given(*[st.one_of(st.integers(1, LARGEST), st.sampled_from([1, 127, 128, 255, 256, LARGEST]))] * 2)
def test_a_signature_is_two_numbers_of_32_octets(r: int, s: int) -> None:
    expected = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert sign_octets(b"", Pretender(r, s)) == expected  # type: ignore[arg-type]


def test_signing_is_deterministic_and_verifies() -> None:
    signature = sign_octets(b"octets", KEY)
    assert signature == sign_octets(b"octets", KEY)
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    der = encode_dss_signature(r, s)
    assert decode_dss_signature(der) == (r, s)
    KEY.public_key().verify(der, b"octets", ec.ECDSA(SHA256()))
