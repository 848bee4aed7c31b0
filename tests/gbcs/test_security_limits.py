"""The edges of the security room: defaults, bounds, all that is allowed at once, what reprs hide."""

from __future__ import annotations

import pytest
from cryptography import x509

from gbcs.asn1.credentials import StatusCode
from gbcs.asn1.payload_rows import JOIN_COMMAND
from gbcs.asn1.schema import Integer
from gbcs.building import build
from gbcs.errors import Check, KeyUnavailable, SecurityError
from gbcs.events import event_name
from gbcs.ids import Cra, DeviceType, EntityId, KeyUsage, Role
from gbcs.message import Message, OtherInformation
from gbcs.pki import TestPki
from gbcs.security.anchors import Anchors
from gbcs.security.content import ContentSealer, alert_draft
from gbcs.security.device_keys import JoinMethod
from gbcs.security.keys import SharedSecrets
from gbcs.security.mac import check_mac, with_mac
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.own_credentials import USAGES, OwnCredentials, OwnPair, signing_request
from gbcs.security.replacement import FAILED, SUCCEEDED, Decision, carry_out
from gbcs.security.signature import check_signature
from gbcs.security.store import Credential
from gbcs.security.verify import Verdict, Verifier
from gbcs.time import Utc
from tests.gbcs.trust import COUNTER, FIRST, ISSUER, NOW, ROOT, row_of, run
from tests.vectors import make

ESME = DeviceType.ESME


def agreement(entity: EntityId) -> Credential:
    found = make.store().find(entity, KeyUsage.KEY_AGREEMENT)
    assert found is not None
    return found


def test_the_cache_of_secrets_holds_as_many_pairs_as_it_may() -> None:
    """Three of four pairs stay; the first one goes."""
    secrets = SharedSecrets(make.store(), limit=3)
    parties = [agreement(one) for one in (make.METER, make.SUPPLIER, make.BROKER, make.UNKNOWN)]
    pairs = [(parties[0], other) for other in parties[1:]] + [(parties[1], parties[2])]
    found = [secrets.between(*pair) for pair in pairs]
    for pair, secret in zip(pairs[1:], found[1:], strict=True):
        assert secrets.between(*pair) is secret
        assert secrets.between(*pair[::-1]) is secret
    assert len(secrets._held) == 6
    again = secrets.between(*pairs[0])
    assert again == found[0]
    assert again is not found[0]


def test_what_is_not_there_is_called_so() -> None:
    """A message without a signature or a MAC is another fault than one with a wrong one."""
    bare = Message.plain(Cra.COMMAND, 1, make.SUPPLIER, make.METER, OtherInformation(0x0059), b"").encoded()
    with pytest.raises(SecurityError, match="the message carries no MAC"):
        check_mac(bare, bytes(32))
    with pytest.raises(SecurityError, match="the message carries no signature"):
        check_signature(bare, agreement(make.SUPPLIER).public_key)
    wrong = bare.maced(lambda _: bytes(12))
    with pytest.raises(SecurityError, match="not the one of this key") as caught:
        check_mac(wrong, bytes(32))
    assert caught.value.check is Check.MAC


def test_a_sealer_shows_neither_key_nor_draft() -> None:
    draft = alert_draft(make.METER, make.SUPPLIER, 7, OtherInformation(0x0061))
    sealer = ContentSealer.of(draft, bytes(range(32)))
    assert "draft" not in repr(sealer)
    assert "_key" not in repr(sealer)


def test_anchors_of_nothing() -> None:
    """Defaults: nothing held, no counter, a token counter of 0; counters of 0 are none."""
    anchors = Anchors(ESME)
    assert (dict(anchors.held), dict(anchors.counters), anchors.prepayment) == ({}, {}, 0)
    zero = Anchors(ESME, counters={Role.SUPPLIER: 0, Role.RECOVERY: 1})
    assert dict(zero.counters) == {Role.RECOVERY: 1}
    assert zero == Anchors(ESME, counters={Role.RECOVERY: 1})


def test_anchors_do_not_print_their_certificates() -> None:
    text = repr(Anchors(ESME, FIRST))
    assert "held" not in text
    assert "places" not in text


# -- replacement ----------------------------------------------------------------------------


def test_the_alert_codes_of_an_outcome() -> None:
    """8F66 and 8F67 of the event table: a future-dated command executed, or not."""
    assert (SUCCEEDED, FAILED) == (0x8F66, 0x8F67)
    assert str(event_name(SUCCEEDED)).endswith("Command Successfully Actioned")
    assert str(event_name(FAILED)).endswith("Command not Successfully Actioned")


def test_every_tag_a_mode_may_have_at_once() -> None:
    row = row_of(2, ESME)
    outcome = run(row, ESME, time_checks=False, new_floor=COUNTER + 1, new_prepayment=5 << 32)
    assert outcome.execution is not None
    assert outcome.anchors.counter(Role.SUPPLIER) == COUNTER + 1
    assert outcome.anchors.prepayment == 5 << 32


def test_a_time_that_is_past_is_now() -> None:
    assert run(row_of(2, ESME), ESME, at=NOW).decision is Decision.IMMEDIATE
    assert run(row_of(2, ESME), ESME, at=NOW.plus(1)).decision is Decision.FUTURE


@pytest.mark.parametrize("late", [0, 1, 2, 3])
def test_the_alert_tells_the_second(late: int) -> None:
    outcome = run(row_of(2, ESME), ESME, at=NOW.plus(60))
    assert outcome.pending is not None
    at = NOW.plus(60 + late)
    assert carry_out(outcome.anchors, outcome.pending, at.plus(us=999_999)).alert.at == at


# -- joins ----------------------------------------------------------------------------------


def test_join_methods_are_those_of_the_asn_1_module() -> None:
    """joinMethodAndRole, from 0 (gbcs-messages 8.5)."""
    methods = {field.name: field.type for field in JOIN_COMMAND.fields}["joinMethodAndRole"]
    assert isinstance(methods, Integer)
    assert {name.lower(): number for name, number in methods.values} == {
        name.lower().replace("_", ""): method.value for name, method in JoinMethod.__members__.items()
    }


# -- own credentials, verdicts --------------------------------------------------------------


@pytest.mark.parametrize("usage", USAGES)
def test_a_request_asks_for_one_usage_and_no_other(usage: KeyUsage) -> None:
    private = make.store().private_key(agreement(make.METER))
    assert private is not None
    request = x509.load_der_x509_csr(signing_request(make.METER, usage, private))
    asked = request.extensions.get_extension_for_class(x509.KeyUsage).value
    flags = {
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign",
    }  # fmt: skip
    assert [flag for flag in sorted(flags) if getattr(asked, flag)] == [usage.name.lower()]
    if asked.key_agreement:
        assert (asked.encipher_only, asked.decipher_only) == (False, False)


def test_own_credentials_print_their_owner_alone() -> None:
    private = make.store().private_key(agreement(make.METER))
    assert private is not None
    pair = OwnPair(private, b"certificate")
    own = OwnCredentials(make.METER, {KeyUsage.KEY_AGREEMENT: pair}, {KeyUsage.KEY_AGREEMENT: private})
    assert repr(pair) == "OwnPair()"
    assert repr(own) == f"OwnCredentials(entity={make.METER!r})"


@pytest.mark.parametrize("missing", [make.METER, make.SUPPLIER])
def test_who_is_missing_to_open_content(missing: EntityId) -> None:
    store = make.store()
    kept = MemoryKeyStore([c for c in store.all() if c.entity != missing])
    answer = Message.plain(Cra.RESPONSE, 1, make.METER, make.SUPPLIER, OtherInformation(0x0059), b"")
    with pytest.raises(KeyUnavailable, match=f"no key agreement certificate of {missing}"):
        Verifier(kept).unseal(answer.encoded(), bytes(20))


def test_a_broken_copy_of_the_root_in_the_path() -> None:
    """Its signature is the root's own; a copy with another is refused, though the same key is in it."""
    broken = ROOT.der[:-1] + bytes((ROOT.der[-1] ^ 1,))
    for path, status in (((ISSUER.der, ROOT.der), 0), ((ISSUER.der, broken), StatusCode.NO_TRUST_ANCHOR)):
        outcome = run(row_of(2, ESME), ESME, path=path).execution
        assert outcome is not None
        assert {cell.status for cell in outcome.cells} == {status}


def test_one_broker_of_two_is_enough_for_a_mac() -> None:
    """A broker whose key nobody has is passed over; the next one is tried."""
    command = build("ECS52", originator=make.SUPPLIER, recipient=make.METER, counter=1)
    secret = SharedSecrets(make.store())
    stranger = TestPki.create(b"stranger", Utc.of(2024, 3, 1))
    for last in (0, 255):  # sorted before and behind the broker with a key
        entity = EntityId(bytes(make.BROKER[:7]) + bytes((last,)))
        made = stranger.organisation(Role.ACCESS_CONTROL_BROKER, entity)
        private = make.store().private_key(agreement(make.BROKER))
        assert private is not None
        store = MemoryKeyStore((*make.store().all(), *made), (private,))
        message = with_mac(command, secret.between(agreement(make.BROKER), agreement(make.METER)))
        assert Verifier(store).verify(message).mac is Verdict.VALID


def test_a_device_s_answer_is_not_maced_by_the_broker() -> None:
    """Who answers for a party that is known as a remote one has its own MAC."""
    answer = Message.plain(Cra.RESPONSE, 1, make.SUPPLIER, make.METER, OtherInformation(0x0059), b"")
    secrets = SharedSecrets(make.store())
    by_broker, by_itself = (
        with_mac(answer, secrets.between(agreement(one), agreement(make.METER)))
        for one in (make.BROKER, make.SUPPLIER)
    )
    verifier = Verifier(make.store())
    assert verifier.verify(by_broker).mac is Verdict.INVALID
    assert verifier.verify(by_itself).mac is Verdict.VALID
