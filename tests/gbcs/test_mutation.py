"""The shared test of every use case and kind: round trip, every truncation, mutations, forgeries.

Two changes of octets leave a message as authentic as it was, as nothing covers them: how long
the length before the MAC's part is written (GBCS 7.2.5: only what follows is covered; gbcs-messages
5.2), and the other signature of the same octets (r, n - s). Neither says anything else than the
original, so neither is a forgery.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from random import Random
from unittest.mock import patch

import pytest

import gbcs
from gbcs.building import build_again
from gbcs.errors import BuildError, GbcsError, ParseError
from gbcs.fields import build_message, checked_fields
from gbcs.ids import Cra, KeyUsage, Kind, Payload
from gbcs.message import Message, parse_message
from gbcs.named import dlms
from gbcs.named.common import Place, Values
from gbcs.named.dlms_direct import read_direct
from gbcs.protect import protection
from gbcs.security.signature import signature_is_valid
from gbcs.security.verify import Verdict
from gbcs.usecases import UseCase, by_code
from gbcs.values import json_form
from tests.gbcs import generated
from tests.gbcs.generated import COMMANDS, Made
from tests.gbcs.mutation import damaged, mutated, swapped_payload

ROWS = tuple(generated.rows())
IDS = [f"{use_case.name}-{use_case.code:04X}-{kind.value}" for use_case, kind in ROWS]
every_row = pytest.mark.parametrize(("use_case", "kind"), ROWS, ids=IDS)
# in all 10^4 and 10^6 mutated messages
EACH, LONG_EACH = 20, 2_000
TRUNCATIONS = 20
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Genuine:
    """What the parties really protected: the octets their signatures and MACs cover."""

    def __init__(self, messages: Iterable[Message]) -> None:
        messages = tuple(messages)
        self.signed = {m.signed_octets for m in messages if m.signature is not None}
        self.maced = {m.maced_octets for m in messages if m.mac is not None}

    def check(self, message: Message) -> bool:
        """Whether all that the message needs is valid; nothing may be that was not made."""
        verdicts = generated.keyring().verifier.verify(message)
        if verdicts.signature is Verdict.VALID:
            assert message.signed_octets in self.signed, "a forged signature"
        if verdicts.mac is Verdict.VALID:
            assert message.maced_octets in self.maced, "a forged MAC"
        use_case = by_code(message.code)
        if use_case is None or message.kind not in use_case.kinds or message.kind is Kind.PRECOMMAND:
            return False
        try:
            wanted = protection(message, use_case, message.recipient == generated.BROKER)
        except BuildError:
            return False
        assert any(wanted)  # nothing but a pre-command goes without
        # an invalid MAC beside a valid signature is refused as well (gbcs-messages 4.1)
        return verdicts == tuple(Verdict.VALID if needed else Verdict.ABSENT for needed in wanted)


def bare(message: Message) -> Message:
    """The message without protection, its lengths as they usually are."""
    return replace(
        message, signature=None, mac=None, mac_header=False, has_signature_length=False, length_forms=()
    ).encoded()


def judge(octets: bytes, genuine: Genuine) -> str:
    """Parse, verify and decode whatever this is; how far it came. Raises nothing of its own."""
    try:
        message = parse_message(octets)
    except ParseError:
        return "no message"
    accepted = genuine.check(message)
    return f"{'accepted, ' if accepted else ''}{read(message)}"


def read(message: Message) -> str:
    """Read the payload by name and as a tree of fields; what is read must build the same octets."""
    keys, verifier = generated.keyring().keys, generated.keyring().verifier
    try:
        fields = checked_fields(message, verifier)
    except ParseError:
        with pytest.raises(ParseError):  # both readings agree on what cannot be read at all
            decode_or_raise(message)
        return "no payload"
    assert build_message(json.loads(json.dumps(fields))).octets == message.octets
    try:
        decoded = gbcs.decode(message, keys)
    except ParseError:
        assert "opaque" in fields["payload"]  # whose family only the use case tells
        return "no payload"
    if decoded.irregular is not None:
        return "irregular"
    assert str(decoded.values).startswith("{")  # every value can be shown
    check_direct(message, decoded.values)
    given = json.loads(json.dumps(json_form(decoded.values)))
    assert build_again(message, given, keys).octets == bare(message).octets
    return "regular"


def check_direct(message: Message, values: Values) -> None:
    """What is read without a tree is what is read with one."""
    if message.payload[0] in (0xD9, 0xDA, 0x0F) and read_direct(message) is not None:
        place = Place(message, lambda octets: generated.keyring().keys.unseal(message, octets))
        with patch.object(dlms, "read_direct", lambda _: None):
            assert dlms.read(place) == values


def decode_or_raise(message: Message) -> None:
    """Decode; what is irregular before its payload is looked at counts as not read."""
    decoded = gbcs.decode(message, generated.keyring().keys)
    if decoded.irregular is not None:
        raise ParseError(decoded.irregular)


# -- the shared test ------------------------------------------------------------------------------


def check_row(use_case: UseCase, kind: Kind, count: int, cuts: int, seed: int) -> Counter[str]:
    """Round trip, truncations and mutations of messages of one row and kind."""
    random = Random(f"{use_case.code} {kind.value} {seed}")
    forms = generated.cases(use_case, kind)
    made = [generated.make(case, random) for case in forms]
    made += [generated.make(random.choice(forms), random) for _ in range(2)]
    other = generated.make(random.choice(generated.all_cases()), random)
    genuine = Genuine(one.message for one in (*made, other))
    tally: Counter[str] = Counter()
    for one in made:
        check_round_trip(one, genuine)
        check_truncations(one.message, cuts, random)
    for index in range(count):
        one = made[index % len(made)]
        with_whom = random.choice((other, *made)).message
        octets = mutated(random, one.message, with_whom)
        tally[check_mutant(octets, one, with_whom, genuine)] += 1
    return tally


def check_round_trip(one: Made, genuine: Genuine) -> None:
    accepted = "" if one.case.kind is Kind.PRECOMMAND else "accepted, "
    assert judge(one.message.octets, genuine) == f"{accepted}regular"


def check_truncations(message: Message, cuts: int, random: Random) -> None:
    """Every truncation (or so many, and those at the joints) is no message."""
    octets, end = message.octets, message.payload_offset + len(message.payload)
    joints = {0, 1, message.header_offset, message.payload_offset, end - 1, len(octets) - 1}
    some = range(len(octets)) if cuts >= len(octets) else random.sample(range(len(octets)), cuts)
    # without its protection it is a message of another form, which `judge` looks at
    for size in {*some, *joints} - {end, end + 1}:
        if not message.mac_header and size >= end:
            continue
        with pytest.raises(ParseError):
            parse_message(octets[:size])


def check_mutant(octets: bytes, one: Made, other: Message, genuine: Genuine) -> str:
    outcome = judge(octets, genuine)
    if outcome.startswith("accepted"):
        # only what was really sent: the same fields, whatever the form of the uncovered length
        forms = tuple(f for f in parse_message(octets).length_forms if f[0] != "ciphered_service")
        same = replace(parse_message(octets), length_forms=forms).encoded()
        assert same.octets in (one.message.octets, other.octets), octets.hex()
    return outcome


@every_row
def test_mutated_messages(use_case: UseCase, kind: Kind) -> None:
    check_row(use_case, kind, EACH, TRUNCATIONS, 1)


@pytest.mark.long
@every_row
def test_mutated_messages_long(use_case: UseCase, kind: Kind) -> None:
    for seed in range(10):
        check_row(use_case, kind, LONG_EACH // 10, 0 if seed else MANY_CUTS, 100 + seed)


MANY_CUTS = 10_000  # more than most messages have octets


def test_the_payload_of_another_kind_has_no_values() -> None:
    """An access-response in a command, say, is read as a tree of fields but not by name."""
    for case in generated.all_cases()[::3]:
        if generated.family(case) is Payload.DLMS:
            message = generated.make(case, Random(case.id)).message
            for cra in set(Cra) - {message.cra}:
                assert read(replace(message, cra=cra).encoded()) != "regular"


@pytest.mark.parametrize("kind", [0x02, 0x40, 0x4C, 0xFE])
def test_an_attribute_of_another_type_has_no_value_by_name(kind: int) -> None:
    case = next(c for c in generated.all_cases() if c.use_case.name == "GCS46" and c.kind is Kind.RESPONSE)
    message = generated.make(case, Random(1)).message
    # attribute, status SUCCESS, type, value
    at = message.payload.rindex(bytes.fromhex("0703 00")) + 3
    payload = message.payload[:at] + bytes((kind,)) + message.payload[at + 1 :]
    assert read(replace(message, payload=payload).encoded()) in ("irregular", "no payload")
    assert read(message) == "regular"


@pytest.mark.parametrize("start", ["D9", "DA"])
def test_a_generic_alert_that_carries_a_command_has_no_values(start: str) -> None:
    """Its first octet tells the family, here as in the tree of fields."""
    case = next(c for c in generated.all_cases() if c.code == 0x1000)
    message = generated.make(case, Random(1)).message
    invoked = message.counter.to_bytes(8, "big")[-3:]
    payload = bytes.fromhex(f"{start}20") + invoked + bytes(3 if start == "D9" else 4)
    other = replace(message, payload=payload).encoded()
    assert "apdu" in checked_fields(other)["payload"]
    assert read(other) == "irregular"


def test_mutations_get_to_every_depth() -> None:
    tally: Counter[str] = Counter()
    for use_case, kind in ROWS[::10]:
        tally += check_row(use_case, kind, 40, 0, 3)
    assert set(tally) >= {"no message", "no payload", "irregular", "regular", "accepted, regular"}
    for outcome in ("no message", "no payload", "irregular", "regular"):
        assert tally[outcome] > 150, tally
    assert tally["accepted, regular"] > 10, tally  # wider lengths, or nothing changed after all


# -- authentic, but wrong inside --------------------------------------------------------------------


def check_authentic(use_case: UseCase, kind: Kind, count: int, seed: int) -> Counter[str]:
    """Damaged payloads and plaintexts under good keys: valid, and read or refused as what they are."""
    random = Random(f"{use_case.code} {kind.value} {seed}")
    keys = generated.keyring().keys
    forms = generated.cases(use_case, kind)
    tally: Counter[str] = Counter()
    for _ in range(count):
        case = random.choice(forms)
        one = generated.make(case, random)
        payload = damaged_plaintext(one, random) if random.random() < 0.5 else damaged_payload(one, random)
        draft = replace(one.bare, payload=payload).encoded()
        try:
            message = draft if kind is Kind.PRECOMMAND else keys.protect(draft)
        except BuildError:
            continue  # CS02a whose protection its payload no longer tells
        tally[judge(message.octets, Genuine((message,)))] += 1
    return tally


def damaged_payload(one: Made, random: Random) -> bytes:
    try:
        return (
            swapped_payload(random, one.bare) if random.random() < 0.3 else damaged(random, one.bare.payload)
        )
    except GbcsError:
        return b""


def damaged_plaintext(one: Made, random: Random) -> bytes:
    """The payload built anew by keys that damage what they seal; damaged itself where nothing is sealed."""
    keys = Spoiler(random)
    built = build_again(one.bare, one.given, keys)  # type: ignore[arg-type]
    return built.payload if keys.used else damaged_payload(one, random)


class Spoiler:
    """Seals with the right key what an accident happened to."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.used = False

    def seal(self, draft: Message, plaintext: bytes) -> bytes:
        self.used = True
        return generated.keyring().keys.seal(draft, damaged(self._random, plaintext))


@every_row
def test_wrong_content_under_good_keys(use_case: UseCase, kind: Kind) -> None:
    check_authentic(use_case, kind, 4, 1)


@pytest.mark.long
@every_row
def test_wrong_content_under_good_keys_long(use_case: UseCase, kind: Kind) -> None:
    check_authentic(use_case, kind, 200, 2)


def test_wrong_content_is_accepted_and_refused() -> None:
    tally: Counter[str] = Counter()
    for use_case, kind in ROWS:
        if kind not in COMMANDS and use_case.response_encrypted:
            tally += check_authentic(use_case, kind, 6, 3)
    assert set(tally) <= {f"accepted, {outcome}" for outcome in ("regular", "irregular", "no payload")}
    assert len(tally) == 3


# -- what nothing covers ----------------------------------------------------------------------------


def test_the_length_before_the_mac_is_not_covered() -> None:
    one = next(one for one in generated.corpus(1) if one.message.mac is not None)
    wide = replace(one.message, length_forms=(("ciphered_service", 4),)).encoded()
    assert wide.octets != one.message.octets
    assert judge(wide.octets, Genuine((one.message,))) == "accepted, irregular"
    covered = replace(one.message, length_forms=(("content", 4),)).encoded()
    assert judge(covered.octets, Genuine((one.message,))) == "irregular"


def test_the_other_signature_says_the_same() -> None:
    one = next(one for one in generated.corpus(1) if one.message.signature is not None)
    message = one.message
    assert message.signature is not None
    r, s = message.signature[:32], int.from_bytes(message.signature[32:], "big")
    other = replace(message, signature=r + (P256_ORDER - s).to_bytes(32, "big")).encoded()
    signer = generated.keyring().keys.store.find(message.originator, KeyUsage.DIGITAL_SIGNATURE)
    assert signer is not None
    assert signature_is_valid(other, signer.public_key)
    assert other.signed_octets == message.signed_octets
