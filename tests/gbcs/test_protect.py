"""What a message carries, and the keys of a store that make it: the bench's view."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gbcs.asn1.credentials import CellIdentifier, CredentialsCommand, command_octets
from gbcs.building import build
from gbcs.errors import BuildError, Check, KeyUnavailable, ParseError, SecurityError
from gbcs.ids import Cra, EntityId, KeyUsage, Kind, Role
from gbcs.message import Message, OtherInformation
from gbcs.pki import TestPki
from gbcs.protect import Keys, Protection, protection
from gbcs.security.keys import SharedSecrets
from gbcs.security.mac import mac_is_valid
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.signature import signature_is_valid
from gbcs.security.verify import Verdict, Verifier
from gbcs.time import Utc
from gbcs.usecases import by_name, table
from tests.vectors import make

ANOTHER = EntityId.parse("90-B3-D5-1F-30-AB-00-77")
SIGNED, MACED, BOTH = Protection(True, False), Protection(False, True), Protection(True, True)


def message(code: int, cra: Cra = Cra.COMMAND, payload: bytes = b"") -> Message:
    """A message with a header of its own and nothing that must fit the use case."""
    parties = (make.SUPPLIER, make.METER) if cra is Cra.COMMAND else (make.METER, make.SUPPLIER)
    return Message(cra, 1001, *parties, OtherInformation(code), payload).encoded()


def code(name: str) -> int:
    found = by_name(name).code
    assert found is not None
    return found


# use case, who answers or asks, what is carried (gbcs-messages 4.3)
WANTED = [
    ("ECS38", Cra.COMMAND, BOTH),  # critical
    ("ECS38", Cra.RESPONSE, SIGNED),
    ("ECS52", Cra.COMMAND, MACED),
    ("ECS52", Cra.RESPONSE, MACED),
]


@pytest.mark.parametrize(("name", "cra", "wanted"), WANTED)
def test_what_a_message_carries(name: str, cra: Cra, wanted: Protection) -> None:
    assert protection(message(code(name), cra), by_name(name)) == wanted


def test_alerts_carry_one_of_the_two() -> None:
    """An alert is signed where its use case is critical, else it has a MAC."""
    found = {
        row.alert_signed(): protection(message(row.code or 0, Cra.ALERT), row)
        for row in table()
        if Kind.ALERT in row.kinds
    }
    assert found == {True: SIGNED, False: MACED}


@pytest.mark.parametrize("name", ["CS02a", "CS02f"])
@pytest.mark.parametrize(
    ("usage", "wanted"), [(KeyUsage.DIGITAL_SIGNATURE, SIGNED), (KeyUsage.KEY_AGREEMENT, MACED)]
)
def test_a_command_that_chooses(name: str, usage: KeyUsage, wanted: Protection) -> None:
    """The usage of the authorising credential says how the command is protected."""
    command = CredentialsCommand(CellIdentifier(Role.SUPPLIER, usage), (Role.SUPPLIER,))
    asked = message(code(name), payload=command_octets(command))
    assert protection(asked, by_name(name)) == wanted
    assert protection(asked, by_name(name), to_broker=True, on_hub=True) == wanted


@pytest.mark.parametrize("name", ["CS02a", "CS02f"])
def test_an_answer_to_the_broker_has_a_mac(name: str) -> None:
    row = by_name(name)
    assert row.signed_or_maced
    answer = message(row.code or 0, Cra.RESPONSE)
    assert protection(answer, row, to_broker=True) == MACED
    assert protection(answer, row) == SIGNED


def test_the_hub_wants_the_brokers_signature_too() -> None:
    """Critical commands that only carry a MAC elsewhere are signed for a CHF as well."""
    rows = [r for r in table() if r.code and r.critical and not r.command_signed]
    rows = [r for r in rows if Kind.COMMAND in r.kinds and not r.signed_or_maced]
    assert rows
    for row in rows:
        assert protection(message(row.code or 0), row) == MACED
        assert protection(message(row.code or 0), row, on_hub=True) == BOTH
        keys = Keys(make.store())
        assert keys.protect(message(row.code or 0)).signature is None
        assert keys.protect(message(row.code or 0), on_hub=True).signature is not None
    row = by_name("ECS52")
    assert protection(message(row.code or 0), row, on_hub=True) == MACED


def test_a_payload_that_does_not_tell_is_refused() -> None:
    with pytest.raises(BuildError) as caught:
        protection(message(code("CS02a"), payload=b"\x30\x05"), by_name("CS02a"))
    assert caught.value.path.startswith("payload")


def limit() -> Message:
    return build("ECS38", originator=make.SUPPLIER, recipient=make.METER, counter=1001,
                 RandomisedOffsetLimit=600)  # fmt: skip


def test_a_command_is_signed_by_its_originator_and_maced_by_the_broker() -> None:
    store = make.store()
    done = Keys(store).protect(limit())
    signer = store.find(make.SUPPLIER, KeyUsage.DIGITAL_SIGNATURE)
    broker, meter = (store.find(one, KeyUsage.KEY_AGREEMENT) for one in (make.BROKER, make.METER))
    assert signer is not None
    assert broker is not None
    assert meter is not None
    assert signature_is_valid(done, signer.public_key)
    assert mac_is_valid(done, SharedSecrets(store).between(broker, meter))
    assert done.payload == limit().payload


def test_a_device_macs_its_own_messages_also_commands() -> None:
    """A PPMID's command needs no broker; nor does a response or an alert."""
    store = without(make.BROKER)
    meter, supplier = (store.find(one, KeyUsage.KEY_AGREEMENT) for one in (make.METER, make.SUPPLIER))
    assert meter is not None
    assert supplier is not None
    secret = SharedSecrets(store).between(meter, supplier)
    for cra in Cra:
        own = replace(message(0x0059, cra), originator=make.METER, recipient=make.SUPPLIER).encoded()
        assert mac_is_valid(Keys(store).mac(own), secret)


def without(*entities: EntityId) -> MemoryKeyStore:
    """The store of the vectors without some parties' certificates."""
    store = make.store()
    kept = [c for c in store.all() if c.entity not in entities]
    keys = [key for c in kept if (key := store.private_key(c)) is not None]
    return MemoryKeyStore(kept, keys)


def certificates_only() -> MemoryKeyStore:
    return MemoryKeyStore(make.store().all())


def with_another_broker() -> MemoryKeyStore:
    pki = TestPki.create(b"another broker", Utc.of(2024, 3, 1))
    made = pki.organisation(Role.ACCESS_CONTROL_BROKER, ANOTHER)
    keys = [key for c in made if (key := pki.store.private_key(c)) is not None]
    return make.store().with_added(made, keys)


def test_the_broker_has_to_be_named_where_there_are_several() -> None:
    store = with_another_broker()
    with pytest.raises(KeyUnavailable, match="2 Access Control Brokers in the store: name one"):
        Keys(store).mac(limit())
    for broker in (make.BROKER, ANOTHER):
        sender, meter = (store.find(one, KeyUsage.KEY_AGREEMENT) for one in (broker, make.METER))
        assert sender is not None
        assert meter is not None
        done = Keys(store, broker).mac(limit())
        assert mac_is_valid(done, SharedSecrets(store).between(sender, meter))


def test_keys_that_are_not_there() -> None:
    """Each refusal says whose key it wants."""
    with pytest.raises(KeyUnavailable, match=f"no digital signature key of {make.SUPPLIER}"):
        Keys(without(make.SUPPLIER)).sign(limit())
    with pytest.raises(KeyUnavailable, match=f"no digital signature key of {make.SUPPLIER}"):
        Keys(certificates_only()).sign(limit())
    with pytest.raises(KeyUnavailable, match="0 Access Control Brokers"):
        Keys(without(make.BROKER)).mac(limit())
    with pytest.raises(KeyUnavailable, match=f"no key agreement certificate of {make.METER}"):
        Keys(without(make.METER)).mac(limit())
    with pytest.raises(KeyUnavailable, match=f"no key agreement certificate of {ANOTHER}"):
        Keys(make.store(), ANOTHER).mac(limit())
    with pytest.raises(KeyUnavailable, match="no private key"):
        Keys(certificates_only()).mac(limit())
    with pytest.raises(BuildError, match="0FFF is no use case"):
        Keys(make.store()).protect(message(0x0FFF))


def test_the_answer_to_the_broker_follows_the_recipient() -> None:
    """`protect` sees in the store that the recipient is the broker."""
    row = by_name("CS02a")
    assert row.code is not None
    keys = Keys(make.store())
    answer = message(row.code, Cra.RESPONSE)
    to_supplier = keys.protect(answer)
    assert (to_supplier.signature is not None, to_supplier.mac) == (True, None)
    to_broker = keys.protect(replace(answer, recipient=make.BROKER).encoded())
    assert (to_broker.signature, to_broker.mac is not None) == (None, True)
    assert Verifier(make.store()).verify(to_broker).mac is Verdict.VALID
    unknown = replace(answer, recipient=ANOTHER).encoded()
    assert keys.protect(unknown).signature is not None


def test_sealed_content_opens_with_the_keys_of_either_side() -> None:
    draft = message(0x0059, Cra.RESPONSE)
    keys = Keys(make.store())
    octets = keys.seal(draft, b"content")
    assert keys.unseal(draft, octets) == b"content"
    assert Verifier(make.store()).unseal(draft, octets) == b"content"
    with pytest.raises(SecurityError) as caught:
        keys.unseal(replace(draft, counter=1002).encoded(), octets)
    assert caught.value.check is Check.DECRYPTION
    with pytest.raises(ParseError):
        keys.unseal(draft, octets[:16])
    with pytest.raises(KeyUnavailable, match=f"of {make.METER}"):
        Keys(without(make.METER)).seal(draft, b"content")


def test_sealed_for_the_party_behind_the_broker() -> None:
    """The supplementary party reads, not the broker that asked for it."""
    other = OtherInformation(0x0059, make.UNKNOWN, 7, 8)
    draft = replace(message(0x0059, Cra.RESPONSE), recipient=make.BROKER, other=other).encoded()
    octets = Keys(without(make.BROKER)).seal(draft, b"content")
    assert Keys(make.store()).unseal(draft, octets) == b"content"
    with pytest.raises(KeyUnavailable, match=f"of {make.UNKNOWN}"):
        Keys(without(make.UNKNOWN)).unseal(draft, octets)


def test_keys_do_not_show() -> None:
    store = make.store()
    assert repr(Keys(store)) == f"Keys({store!r})"
    assert store.all()[0].der.hex() not in repr(Keys(store))
