"""Keys between a gas meter and a prepayment display: joins, both directions, counters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.asn1.codec import decode, element_of, encode
from gbcs.asn1.payload_rows import DEVICE_TYPE, JOIN_COMMAND
from gbcs.asn1.payloads import payload_type
from gbcs.errors import Check, KeyUnavailable, ParseError, SecurityError
from gbcs.ids import Cra, DeviceType, EntityId, KeyUsage, Kind, Role
from gbcs.message import Message, OtherInformation, parse_message
from gbcs.pki import TestPki
from gbcs.security.certificates import check_certificate
from gbcs.security.device_keys import (
    COMMANDS,
    DeviceKeySettings,
    Join,
    JoinCode,
    JoinMethod,
    Peer,
    Peers,
    needs_certificate,
)
from gbcs.security.keys import SharedSecrets, derive_key
from gbcs.security.mac import mac_is_valid
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.signature import with_signature
from gbcs.security.store import Credential
from gbcs.security.verify import Verdict, Verifier
from gbcs.time import Utc
from gbcs.usecases import by_code
from tests.gbcs.reference_messages import octets as reference_octets
from tests.vectors import check

GSME_ID = EntityId.parse("00-DB-12-34-56-78-AE-01")
PPMID_ID = EntityId.parse("00-DB-12-34-56-78-AE-02")
OTHER_ID = EntityId.parse("00-DB-12-34-56-78-AE-03")
SUPPLIER = EntityId.parse("90-B3-D5-1F-30-AE-00-01")
START = Utc.of(2024, 3, 1)
PKI = TestPki.create(b"device keys", START)
GSME_DS, GSME = PKI.device(GSME_ID)
PPMID_DS, PPMID = PKI.device(PPMID_ID)
PPMID_NEW = PKI.device(PPMID_ID, 1)[1]
OTHER = PKI.device(OTHER_ID)[1]
SUPPLIER_KA = PKI.organisation(Role.SUPPLIER, SUPPLIER)[1]
SECRETS = SharedSecrets(PKI.store)
COUNTER = 0x2710
GSME_TYPE, PPMID_TYPE = 0, 5

BY_GSME = Join(JoinMethod.METHOD_C, PPMID_ID, PPMID_TYPE, PPMID.der)  # what the gas meter is told
BY_PPMID = Join(JoinMethod.METHOD_C, GSME_ID, GSME_TYPE, GSME.der)


def with_gsme(peer: Credential) -> bytes:
    return SECRETS.between(GSME, peer)


def with_ppmid(peer: Credential) -> bytes:
    return SECRETS.between(PPMID, peer)


AT_GSME = Peers().joined(DeviceType.GSME, BY_GSME).peers
AT_PPMID = Peers().joined(DeviceType.PPMID, BY_PPMID).peers


def command(counter: int = COUNTER, code: int = 0x009B, originator: EntityId = PPMID_ID) -> Message:
    other = OtherInformation(code)
    return Message.plain(Cra.COMMAND, counter, originator, GSME_ID, other, b"\x01\x09\x00")


def response(to: Message) -> Message:
    return Message.plain(Cra.RESPONSE, to.counter, to.recipient, to.originator, to.other, b"\x01\x09\x00")


SENT = AT_PPMID.protect(command(), with_ppmid)

# -- joins -----------------------------------------------------------------------------


def test_the_numbers_of_device_types() -> None:
    """Only a gas meter and a prepayment display need a certificate, each about the other, in method C."""
    names = [DEVICE_TYPE.name_of(number) for number in range(7)]
    assert (names[GSME_TYPE], names[PPMID_TYPE]) == ("gSME", "type1PrepaymentInterfaceDevice")
    needing = {
        (own, join.method, join.device_type)
        for own, method, number in product(DeviceType, range(-1, 5), range(-1, 9))
        if needs_certificate(own, join := Join(method, OTHER_ID, number))
    }
    assert needing == {(DeviceType.GSME, 3, PPMID_TYPE), (DeviceType.PPMID, 3, GSME_TYPE)}


def test_a_join_teaches_a_key() -> None:
    peers, code = Peers().joined(DeviceType.GSME, BY_GSME)
    assert code == JoinCode.SUCCESS
    assert peers == Peers((Peer(PPMID, 0),))
    assert peers.find(PPMID_ID) == Peer(PPMID)
    assert peers.find(OTHER_ID) is None
    both = peers.joined(DeviceType.GSME, BY_GSME._replace(entity=OTHER_ID, certificate=OTHER.der)).peers
    assert [peer.credential for peer in both.known] == [PPMID, OTHER]


REFUSED = [
    BY_GSME._replace(certificate=None),
    BY_GSME._replace(certificate=b""),
    BY_GSME._replace(certificate=b"\x30\x82\x00\x01\x00"),
    BY_GSME._replace(certificate=PPMID_DS.der),
    BY_GSME._replace(certificate=OTHER.der),
    BY_GSME._replace(entity=SUPPLIER, certificate=SUPPLIER_KA.der),
    BY_GSME._replace(device_type=1),
    BY_GSME._replace(device_type=99),
    BY_GSME._replace(method=JoinMethod.METHOD_B),
]


@pytest.mark.parametrize("join", REFUSED, ids=range(len(REFUSED)))
def test_a_join_with_the_wrong_certificate_or_none(join: Join) -> None:
    """Code 11, and what was known before stays."""
    for peers in (Peers(), AT_GSME):
        assert peers.joined(DeviceType.GSME, join) == (peers, 11)


def test_joins_without_a_certificate() -> None:
    """Methods A and B, and pairs without such keys, teach nothing."""
    for own, join in (
        (DeviceType.ESME, Join(JoinMethod.METHOD_A_INITIATOR, PPMID_ID, PPMID_TYPE)),
        (DeviceType.GSME, Join(JoinMethod.METHOD_B, OTHER_ID, 3)),
        (DeviceType.GSME, Join(JoinMethod.METHOD_B, PPMID_ID, PPMID_TYPE)),
    ):
        assert Peers().joined(own, join) == (Peers(), 0)
    lenient = DeviceKeySettings(refuses_spare_certificate=False)
    spare = BY_GSME._replace(method=JoinMethod.METHOD_B)
    assert Peers().joined(DeviceType.GSME, spare, settings=lenient) == (Peers(), 0)


def test_more_may_be_asked_of_a_certificate() -> None:
    def issued_here(credential: Credential) -> None:
        check_certificate(credential, PKI.device_issuing, START)

    def issued_elsewhere(credential: Credential) -> None:
        check_certificate(credential, PKI.organisation_issuing, START)

    assert Peers().joined(DeviceType.GSME, BY_GSME, issued_here) == (AT_GSME, 0)
    assert Peers().joined(DeviceType.GSME, BY_GSME, issued_elsewhere) == (Peers(), 11)


def test_joining_again() -> None:
    """With the same key the counter stays, unless a setting says so; with another it starts at 0."""
    used = AT_GSME.accept_command(SENT, GSME_ID, with_gsme)
    assert used.joined(DeviceType.GSME, BY_GSME).peers == used == Peers((Peer(PPMID, COUNTER),))
    forgetful = DeviceKeySettings(keeps_counter=False)
    assert used.joined(DeviceType.GSME, BY_GSME, settings=forgetful).peers == AT_GSME
    other_key = used.joined(DeviceType.GSME, BY_GSME._replace(certificate=PPMID_NEW.der)).peers
    assert other_key == Peers((Peer(PPMID_NEW, 0),))
    with pytest.raises(SecurityError) as caught:
        other_key.accept_command(SENT, GSME_ID, with_gsme)
    assert caught.value.check is Check.MAC


def test_an_unjoin_forgets_certificate_and_counter() -> None:
    used = AT_GSME.accept_command(SENT, GSME_ID, with_gsme)
    gone = used.unjoined(PPMID_ID)
    assert gone == Peers()
    assert gone.unjoined(PPMID_ID) == Peers()
    assert used.unjoined(OTHER_ID) == used
    with pytest.raises(SecurityError) as caught:
        gone.accept_command(AT_PPMID.protect(command(COUNTER + 1), with_ppmid), GSME_ID, with_gsme)
    assert caught.value.check is Check.ORIGINATOR
    assert gone.joined(DeviceType.GSME, BY_GSME).peers == AT_GSME


@given(
    st.integers(0, 3),
    st.binary(min_size=8, max_size=8).map(EntityId),
    st.integers(0, 9),
    st.sampled_from((None, PPMID.der)),
)
def test_join_commands_are_read(method: int, entity: EntityId, number: int, der: bytes | None) -> None:
    values = {
        "joinMethodAndRole": method,
        "otherDeviceEntityIdentifier": bytes(entity),
        "otherDeviceType": number,
        "otherDeviceCertificate": der,
    }
    assert Join.parse(encode(element_of(JOIN_COMMAND, values))) == (method, entity, number, der)


@given(st.binary(max_size=40))
def test_any_octets_are_a_join_or_a_parse_error(octets: bytes) -> None:
    try:
        join = Join.parse(octets)
    except ParseError:
        return
    assert len(join.entity) == 8


# -- commands and responses ------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(COMMANDS))
def test_both_directions(code: int) -> None:
    """The display's command and the meter's response, by a second opinion as well."""
    sent = AT_PPMID.protect(command(code=code), with_ppmid)
    assert (sent.mac_header, sent.signature, sent.kind) == (True, None, Kind.COMMAND)
    arrived = parse_message(sent.octets)
    after = AT_GSME.accept_command(arrived, GSME_ID, with_gsme)
    assert after == Peers((Peer(PPMID, COUNTER),))
    answer = parse_message(after.protect(response(arrived), with_gsme).octets)
    AT_PPMID.check_response(sent, answer, with_ppmid)
    secret = with_gsme(PPMID)
    assert secret == with_ppmid(GSME)
    assert check.mac_holds(sent.octets, secret)
    assert check.mac_holds(answer.octets, secret)
    private = PKI.store.private_key(GSME)
    assert private is not None
    verifier = Verifier(MemoryKeyStore((GSME, PPMID), (private,)))
    assert [verifier.verify(message).mac for message in (sent, answer)] == [Verdict.VALID] * 2


def test_the_keys_of_the_two_directions_differ() -> None:
    """T is 01 in the command's key and 02 in the response's (reference: gbcs-crypto 17)."""
    secret = with_gsme(PPMID)
    keys = {
        derive_key(secret, PPMID_ID, 1, COUNTER, GSME_ID),
        derive_key(secret, GSME_ID, 2, COUNTER, PPMID_ID),
    }
    assert len(keys) == 2
    turned = replace(response(SENT), mac_header=True, mac=SENT.mac).encoded()
    assert not mac_is_valid(turned, secret)


def test_counters_have_to_rise() -> None:
    """Each device has its own, from 0; a command at fault moves none."""
    peers = AT_GSME.joined(DeviceType.GSME, BY_GSME._replace(entity=OTHER_ID, certificate=OTHER.der)).peers
    first = AT_PPMID.protect(command(1), with_ppmid)
    later = AT_PPMID.protect(command(9), with_ppmid)
    peers = peers.accept_command(later, GSME_ID, with_gsme)
    for old in (first, later, AT_PPMID.protect(command(8), with_ppmid)):
        with pytest.raises(SecurityError) as caught:
            peers.accept_command(old, GSME_ID, with_gsme)
        assert caught.value.check is Check.COUNTER
    forged = replace(AT_PPMID.protect(command(10), with_ppmid), mac=bytes(12)).encoded()
    with pytest.raises(SecurityError) as caught:
        peers.accept_command(forged, GSME_ID, with_gsme)
    assert caught.value.check is Check.MAC
    assert peers.find(PPMID_ID) == Peer(PPMID, 9)
    by_other = AT_PPMID.protect(command(1, originator=OTHER_ID), lambda peer: SECRETS.between(OTHER, peer))
    assert peers.accept_command(by_other, GSME_ID, with_gsme).find(OTHER_ID) == Peer(OTHER, 1)
    with pytest.raises(SecurityError):
        AT_GSME.accept_command(AT_PPMID.protect(command(0), with_ppmid), GSME_ID, with_gsme)


def _signed(message: Message) -> Message:
    key = PKI.store.private_key(PPMID_DS)
    assert key is not None
    return with_signature(message, key)


BAD_COMMANDS: list[tuple[Check, Callable[[], Message]]] = [
    (Check.FRAMING, command),
    (Check.FRAMING, lambda: _signed(command())),
    (Check.FRAMING, lambda: AT_PPMID.protect(_signed(command()), with_ppmid)),
    (Check.FRAMING, lambda: AT_GSME.protect(response(command()), with_gsme)),
    (Check.MESSAGE_CODE, lambda: AT_PPMID.protect(command(code=0x0070), with_ppmid)),
    (Check.ORIGINATOR, lambda: AT_PPMID.protect(command(originator=OTHER_ID), with_ppmid)),
    (Check.MAC, lambda: replace(SENT, payload=b"\x01\x09\x01").encoded()),
    (Check.MAC, lambda: AT_PPMID.protect(command(), lambda peer: SECRETS.between(OTHER, peer))),
]


@pytest.mark.parametrize(("failed", "make"), BAD_COMMANDS, ids=range(len(BAD_COMMANDS)))
def test_commands_that_are_refused(failed: Check, make: Callable[[], Message]) -> None:
    with pytest.raises(SecurityError) as caught:
        AT_GSME.accept_command(make(), GSME_ID, with_gsme)
    assert caught.value.check is failed


def test_a_command_for_somebody_else() -> None:
    with pytest.raises(SecurityError) as caught:
        AT_GSME.accept_command(SENT, OTHER_ID, with_gsme)
    assert caught.value.check is Check.TARGET


ANSWER = AT_GSME.protect(response(SENT), with_gsme)
BAD_RESPONSES: list[tuple[Check, Message]] = [
    (Check.FRAMING, SENT),
    (Check.FRAMING, response(SENT)),
    (Check.FRAMING, AT_GSME.protect(_signed(response(SENT)), with_gsme)),
    (Check.TARGET, replace(ANSWER, originator=OTHER_ID).encoded()),
    (Check.MESSAGE_CODE, replace(ANSWER, other=OtherInformation(0x0090)).encoded()),
    (Check.COUNTER, AT_GSME.protect(response(command(COUNTER + 1)), with_gsme)),
    (Check.MAC, replace(ANSWER, mac=bytes(12)).encoded()),
]


@pytest.mark.parametrize(("failed", "answer"), BAD_RESPONSES, ids=range(len(BAD_RESPONSES)))
def test_responses_that_are_refused(failed: Check, answer: Message) -> None:
    with pytest.raises(SecurityError) as caught:
        AT_PPMID.check_response(SENT, answer, with_ppmid)
    assert caught.value.check is failed


def test_without_a_join_there_is_no_key() -> None:
    with pytest.raises(KeyUnavailable):
        Peers().protect(command(), with_ppmid)
    with pytest.raises(SecurityError) as caught:
        Peers().check_response(SENT, ANSWER, with_ppmid)
    assert caught.value.check is Check.ORIGINATOR


def test_secrets_do_not_show() -> None:
    text = repr(AT_GSME)
    assert with_gsme(PPMID).hex() not in text
    assert "PRIVATE" not in text.upper()


# -- the reference set -----------------------------------------------------------------


def test_the_codes_are_those_of_the_use_case_table() -> None:
    rows = [by_code(code) for code in COMMANDS]
    assert {row.name for row in rows if row is not None} == {"PCS01", "PCS02"}


def test_reference_joins_are_answered_as_there(reference: Path) -> None:
    """Method C joins: success with the other's certificate, 11 without."""
    messages = [parse_message(octets) for octets in reference_octets(reference).values()]
    answers = {(m.recipient, m.counter): m for m in messages if (m.code, m.kind) == (0x00AF, Kind.RESPONSE)}
    seen = set()
    for message in messages:
        if (message.code, message.kind) != (0x00AF, Kind.COMMAND):
            continue
        join = Join.parse(message.payload)
        own = DeviceType.PPMID if join.device_type == GSME_TYPE else DeviceType.GSME
        peers, code = Peers().joined(own, join)
        answer = answers[message.originator, message.counter].payload
        declared = payload_type(0x00AF, Kind.RESPONSE)
        assert declared is not None
        assert decode(declared, answer).value == code
        if code == JoinCode.SUCCESS:
            peer = peers.find(join.entity)
            assert peer is not None
            assert peer.credential.usage is KeyUsage.KEY_AGREEMENT
        seen.add(code)
    assert seen == {JoinCode.SUCCESS, JoinCode.INVALID_OR_MISSING_CERTIFICATE}


def test_reference_commands_between_devices_have_this_form(reference: Path) -> None:
    """Their MACs cannot be checked without a private key; everything before that holds."""
    messages = [parse_message(octets) for octets in reference_octets(reference).values()]
    found = [m for m in messages if m.code in COMMANDS]
    assert {m.kind for m in found} == {Kind.COMMAND, Kind.RESPONSE}
    for message in found:
        assert message.mac_header
        assert message.signature is None
        if message.kind is Kind.COMMAND:
            key = PKI.certify_device(message.originator, KeyUsage.KEY_AGREEMENT, PPMID.public_key)
            join = Join(JoinMethod.METHOD_C, message.originator, PPMID_TYPE, key.der)
            with pytest.raises(SecurityError) as caught:
                Peers().joined(DeviceType.GSME, join).peers.accept_command(
                    message, message.recipient, with_gsme
                )
            assert caught.value.check is Check.MAC
