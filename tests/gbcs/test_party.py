"""The remote party's side: composing, signing, MACing, and which answers it believes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gbcs.dlms.apdu import AccessRequest, parse_apdu
from gbcs.dlms.axdr import Data
from gbcs.dlms.objects import MemberKind, member
from gbcs.dlms.selective import Range, read_selection
from gbcs.dlms.templates import match, table
from gbcs.errors import BuildError, Check, KeyUnavailable, ParseError, SecurityError
from gbcs.ids import Cra, EntityId, KeyUsage, Kind, Role
from gbcs.message import Message, OtherInformation, parse_message
from gbcs.party import AccessControlBroker, RemoteParty, Supplementary, compose
from gbcs.pki import TestPki
from gbcs.security.keys import SharedSecrets
from gbcs.security.mac import message_mac
from gbcs.security.signature import sign_octets
from gbcs.security.verify import Verdict, Verdicts, Verifier
from gbcs.time import Utc
from gbcs.usecases import UseCase, by_name

SUPPLIER = EntityId.parse("90-B3-D5-1F-30-0A-00-01")
BROKER = EntityId.parse("90-B3-D5-1F-30-0A-00-03")
READER = EntityId.parse("90-B3-D5-1F-30-0A-00-77")
METER = EntityId.parse("00-DB-12-34-56-78-AA-01")
PKI = TestPki.create(b"party", Utc.of(2024, 3, 1))
PKI.organisation(Role.SUPPLIER, SUPPLIER)
PKI.organisation(Role.ACCESS_CONTROL_BROKER, BROKER)
READER_AGREEMENT = PKI.organisation(Role.OTHER, READER)[1]
PKI.device(METER)
KEYS = PKI.store
CRITICAL, READ, REGISTERS = by_name("ECS43"), by_name("ECS10"), by_name("ECS23")


def command(use_case: UseCase = CRITICAL, counter: int = 9) -> Message:
    party = RemoteParty(SUPPLIER, KEYS)
    message = party.precommand(use_case, METER, counter, b"payload")
    if use_case.command_signed:
        message = party.sign(message)
    return AccessControlBroker(BROKER, KEYS).mac(message)


def answer(to: Message, use_case: UseCase = CRITICAL, **changes: object) -> Message:
    """A device's response, signed or MACed as the use case wants, after changes to its fields."""
    signed = use_case.response_signed
    draft = Message(
        Cra.RESPONSE,
        to.counter,
        METER,
        SUPPLIER,
        to.other,
        b"answer",
        bytes(12) if use_case.response_has_date_time else None,
        mac_header=not signed,
        has_signature_length=True,
    )
    draft = replace(draft, **changes).encoded()  # type: ignore[arg-type]
    if not draft.mac_header:
        own = KEYS.find(METER, KeyUsage.DIGITAL_SIGNATURE)
        assert own is not None
        key = KEYS.private_key(own)
        assert key is not None
        return replace(draft, signature=sign_octets(draft.signed_octets, key)).encoded()
    ours, theirs = KEYS.find(METER, KeyUsage.KEY_AGREEMENT), KEYS.find(SUPPLIER, KeyUsage.KEY_AGREEMENT)
    assert ours is not None
    assert theirs is not None
    return replace(draft, mac=message_mac(draft, SharedSecrets(KEYS).between(ours, theirs))).encoded()


# -- building -----------------------------------------------------------------------------


def test_the_three_forms_of_a_command() -> None:
    party = RemoteParty(SUPPLIER, KEYS)
    bare = party.precommand(CRITICAL, METER, 5, b"payload")
    assert parse_message(bare.octets).kind is Kind.PRECOMMAND
    signed = party.sign(bare)
    assert signed.octets[: len(bare.octets)] == bare.octets
    assert signed.octets[len(bare.octets)] == 64
    whole = AccessControlBroker(BROKER, KEYS).mac(signed)
    assert Verifier(KEYS).verify(whole) == Verdicts(Verdict.VALID, Verdict.VALID)
    assert parse_message(whole.octets) == whole
    assert whole.octets[whole.header_offset : -12] == signed.octets
    assert party.sign(bare).octets == signed.octets  # deterministic


def test_a_command_for_another_carries_him_and_his_certificate() -> None:
    broker = AccessControlBroker(BROKER, KEYS)
    for_him = Supplementary(READER, 44, READER_AGREEMENT.der)
    message = broker.precommand(REGISTERS, METER, 5, b"", for_him)
    assert message.other == OtherInformation(REGISTERS.code or 0, READER, 44, None, READER_AGREEMENT.der)
    assert parse_message(broker.mac(message).octets).other == message.other


def test_nobody_signs_or_macs_without_his_keys() -> None:
    certificates = tuple(c for c in KEYS.all() if c.entity in (SUPPLIER, METER))
    without = type(KEYS)(certificates, ())
    party = RemoteParty(SUPPLIER, without)
    message = party.precommand(CRITICAL, METER, 5, b"")
    with pytest.raises(KeyUnavailable, match="digital signature key"):
        party.sign(message)
    with pytest.raises(KeyUnavailable):
        AccessControlBroker(SUPPLIER, without).mac(message)
    with pytest.raises(KeyUnavailable, match="certificate"):
        RemoteParty(READER, without).sign(message)


def test_a_use_case_without_a_message_is_no_command() -> None:
    nameless = replace(CRITICAL, code=None)
    with pytest.raises(BuildError):
        RemoteParty(SUPPLIER, KEYS).precommand(nameless, METER, 5, b"")


def test_a_party_says_who_it_is_and_not_what_it_knows() -> None:
    assert repr(RemoteParty(SUPPLIER, KEYS)) == f"RemoteParty({SUPPLIER})"
    assert repr(AccessControlBroker(BROKER, KEYS)) == f"AccessControlBroker({BROKER})"


# -- believing ----------------------------------------------------------------------------


@pytest.mark.parametrize("use_case", [CRITICAL, READ, REGISTERS], ids=lambda u: u.name)
def test_a_right_answer_is_believed(use_case: UseCase) -> None:
    asked = command(use_case)
    given = answer(asked, use_case)
    assert RemoteParty(SUPPLIER, KEYS).check_answer(asked, given.octets, use_case) == given


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"cra": Cra.ALERT}, Check.FRAMING),
        ({"cra": Cra.COMMAND}, Check.FRAMING),
        ({"counter": 10}, Check.COUNTER),
        ({"originator": BROKER}, Check.TARGET),
        ({"recipient": BROKER}, Check.TARGET),
        ({"other": OtherInformation(0x0021)}, Check.MESSAGE_CODE),
        ({"other": OtherInformation(CRITICAL.code or 0, READER)}, Check.FRAMING),
        ({"other": OtherInformation(CRITICAL.code or 0, READER, 5)}, Check.FRAMING),
        ({"date_time": bytes(12)}, Check.FRAMING),
        ({"mac_header": True}, Check.MAC),
    ],
)
def test_an_answer_to_something_else_is_not(changes: dict[str, object], check: Check) -> None:
    asked = command()
    with pytest.raises(SecurityError) as caught:
        RemoteParty(SUPPLIER, KEYS).check_answer(asked, answer(asked, **changes).octets, CRITICAL)
    assert caught.value.check is check


def test_a_missing_date_time_is_noticed() -> None:
    asked = command(REGISTERS)
    without = by_name("ECS17b")
    assert without.response_has_date_time
    with pytest.raises(SecurityError, match="date-time"):
        RemoteParty(SUPPLIER, KEYS).check_answer(asked, answer(asked, READ).octets, without)


@pytest.mark.parametrize("use_case", [CRITICAL, READ], ids=lambda u: u.name)
def test_no_bit_of_an_answer_may_change(use_case: UseCase) -> None:
    party, asked = RemoteParty(SUPPLIER, KEYS), command(use_case)
    octets = answer(asked, use_case).octets
    for bit in range(0, 8 * len(octets), 3):
        flipped = bytearray(octets)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises((SecurityError, ParseError)):
            party.check_answer(asked, bytes(flipped), use_case)


def test_a_signature_does_not_stand_for_a_mac() -> None:
    asked = command(READ)
    signed = answer(asked, READ, mac_header=False)
    party = RemoteParty(SUPPLIER, KEYS)
    with pytest.raises(SecurityError) as caught:
        party.check_answer(asked, signed.octets, READ)
    assert caught.value.check is Check.SIGNATURE
    party.check_protection(signed, signed=False, either=True)  # unless the command chose
    party.check_protection(answer(asked, READ), signed=True, either=True)


# -- composing ----------------------------------------------------------------------------


@pytest.mark.parametrize("template", table(), ids=lambda t: f"{t}-{t.code:04X}")
def test_a_composed_payload_follows_its_template(template) -> None:  # type: ignore[no-untyped-def]
    values = []
    for position, c in enumerate(template.components):
        kind = MemberKind.METHOD if c.choice == 3 else MemberKind.ATTRIBUTE
        one = member(c.class_id, c.ln, kind, c.member)
        assert one is not None
        if c.choice in (2, 3) and template.fixed_at(position) is None and one.constant is None:
            values.append(one.any_wire().default())
    payload = compose(template.code, 0x01020304, values, template.variant)
    request = parse_apdu(payload)
    assert isinstance(request, AccessRequest)
    assert request.invoke_id == 0x20020304
    assert match(template.code, [item[:4] for item in request.items]) is not None
    assert request.octets() == payload
    if values:
        with pytest.raises(BuildError):
            compose(template.code, 1, values[:-1], template.variant)
    with pytest.raises(BuildError):
        compose(template.code, 1, [*values, 0], template.variant)


def test_values_may_be_data_of_any_kind_so_that_a_device_can_be_tested_with_wrong_ones() -> None:
    request = parse_apdu(compose(0x0021, 1, [Data(0x11, 7)]))
    assert isinstance(request, AccessRequest)
    assert request.items[0].data == Data(0x11, 7)


def test_what_cannot_be_composed() -> None:
    for arguments in ((0x9999, 1), (0x0008, 1), (0x0019, 1, (), "no such variant"), (0x0021, 1, ["text"])):
        with pytest.raises(BuildError):
            compose(*arguments)  # type: ignore[arg-type]


def test_selective_reads_carry_their_dates() -> None:
    code = by_name("ECS22a").code
    assert code is not None
    for within in (None, Range(5, 10)):
        request = parse_apdu(compose(code, 1, within=within))
        assert isinstance(request, AccessRequest)
        ranges = [read_selection(item.selector, item.selection) for item in request.items if item.selection]
        assert ranges
        assert set(ranges) == {within or Range(0, 0xFFFF_FFFF)}
