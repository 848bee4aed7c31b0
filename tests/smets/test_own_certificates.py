"""CS02c, CS02d and CS02e on a meter and a hub: key pairs made, replaced and shown, and power cuts between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key

from gbcs.asn1.own_credentials import (
    IssueCode,
    ProvideCode,
    UpdateCode,
    issue_command_octets,
    provide_command_octets,
    read_issue_response,
    read_provide_response,
    read_update_response,
    update_command_octets,
)
from gbcs.asn1.replacement import Replacement
from gbcs.errors import BuildError, Check, SecurityError
from gbcs.ids import EntityId, KeyUsage, Role
from gbcs.security.certificates import public_point
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.own_credentials import AnswerKey, OwnCredentialSettings
from gbcs.security.requests import SigningRequest, read_request
from gbcs.security.store import Credential
from smets.chance import SEED, SEED_OCTETS, draw, seeded
from smets.credential_settings import CredentialSettings
from smets.events import ArmStoreFault, PowerLost, PowerRestored, RemotePartyMessage
from smets.identity import USAGES
from smets.settings import DeviceSettings
from smets.store import MemoryStore, StoreError
from tests.gbcs.trust import BROKER, ENTITIES, NOW, PKI, row_of
from tests.smets.trusted import CHF, DEVICE, ESME, FIRST_KEYS, OWN, Answer, Rig, keys_of

DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
KINDS = (ESME, CHF)
LOGGED = {(DS, False): 0x8F4C, (DS, True): 0x8F4D, (KA, False): 0x8F4E, (KA, True): 0x8F4F}


def issued(rig: Rig, usage: KeyUsage) -> SigningRequest:
    """The request a device answers CS02c with, checked."""
    answer = read_issue_response(rig.signed("CS02c", issue_command_octets(usage)).payload)
    assert isinstance(answer, bytes)
    return read_request(answer)


def certified(request: SigningRequest, entity: EntityId = DEVICE) -> Credential:
    return PKI.certify_device(entity, request.usage, request.public_key, NOW)


def with_certificate(*new: Credential) -> MemoryKeyStore:
    """The keys of the parties, who know that the device has another certificate."""
    older = [c for c in OWN if c.usage not in {n.usage for n in new}]
    store = keys_of()
    others = [c for c in store.all() if c.entity != DEVICE]
    private = [k for c in others if (k := store.private_key(c)) is not None]
    return MemoryKeyStore([*others, *older, *new], private)


def updated(rig: Rig, certificate: bytes, keys: MemoryKeyStore | None = None) -> int:
    return read_update_response(rig.signed("CS02d", update_command_octets(certificate), keys=keys).payload)


def shown(rig: Rig, usage: KeyUsage) -> bytes | int:
    return read_provide_response(rig.signed("CS02e", provide_command_octets(usage)).payload)


def own_keys(held: Mapping[str, bytes]) -> dict[str, bytes]:
    return {key: octets for key, octets in held.items() if key.startswith("own/")}


# -- the way of a new certificate ---------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("usage", [DS, KA])
def test_a_new_pair_counts_from_its_certificate_on(kind: Any, usage: KeyUsage) -> None:
    rig = Rig(kind)
    old = {c.usage: c for c in OWN}
    assert shown(rig, usage) == old[usage].der
    request = issued(rig, usage)
    assert (request.entity, request.usage) == (DEVICE, usage)
    assert public_point(request.public_key) != old[usage].point
    rig.restart()
    assert rig.read("ECS52").response is not None  # the old pair is in use
    assert shown(rig, usage) == old[usage].der
    certificate = certified(request)
    renewed = with_certificate(certificate)
    assert updated(rig, certificate.der, renewed) == UpdateCode.SUCCESS
    rig.keys = renewed
    rig.restart()
    assert rig.read("ECS52").response is not None
    assert shown(rig, usage) == certificate.der
    assert not [key for key in rig.held if key.endswith("/pending")]
    if kind is ESME:
        assert rig.logged().count(LOGGED[usage, True]) == 1
    if usage is KA:
        rig.keys = FIRST_KEYS
        assert rig.read("ECS52").check is Check.MAC


@pytest.mark.parametrize("which", AnswerKey)
def test_which_key_signs_the_answer_is_a_setting(which: AnswerKey) -> None:
    own = OwnCredentialSettings(update_signed_with=which)
    rig = Rig(settings=DeviceSettings(credentials=CredentialSettings(own=own)))
    certificate = certified(issued(rig, DS))
    old, new = FIRST_KEYS, with_certificate(certificate)
    right, wrong = (new, old) if which is AnswerKey.NEW else (old, new)
    message = rig.broker.mac(_signed_update(rig, certificate.der))
    effects = rig.handle(RemotePartyMessage(message.octets))
    Answer(message, effects, right)
    with pytest.raises(SecurityError):
        Answer(message, effects, wrong)


def _signed_update(rig: Rig, certificate: bytes) -> Any:
    from gbcs.party import RemoteParty
    from gbcs.usecases import by_name

    rig.counter += 1
    party = RemoteParty(ENTITIES[Role.SUPPLIER], rig.keys)
    payload = update_command_octets(certificate)
    return party.sign(party.precommand(by_name("CS02d"), DEVICE, rig.counter, payload))


def test_both_pairs_one_after_the_other() -> None:
    rig = Rig()
    requests = [issued(rig, usage) for usage in (DS, KA)]
    assert public_point(requests[0].public_key) != public_point(requests[1].public_key)
    new = [certified(request) for request in requests]
    assert updated(rig, new[1].der, with_certificate(new[1])) == UpdateCode.SUCCESS
    rig.keys = with_certificate(new[1])
    assert updated(rig, new[0].der, with_certificate(*new)) == UpdateCode.SUCCESS
    rig.keys = with_certificate(*new)
    assert rig.read("ECS52").response is not None


# -- codes ---------------------------------------------------------------------------------


def key_usage_payload(bit: str) -> bytes:
    """A CS02c or CS02e command that asks for some usage."""
    return bytes.fromhex("30040302") + bytes.fromhex(bit)


@pytest.mark.parametrize("bits", ["0204", "0640"])  # keyCertSign, nonRepudiation
def test_a_usage_a_device_has_not(bits: str) -> None:
    rig = Rig()
    before = own_keys(rig.held)
    answer = rig.signed("CS02c", key_usage_payload(bits))
    assert read_issue_response(answer.payload) == IssueCode.INVALID_KEY_USAGE
    answer = rig.signed("CS02e", key_usage_payload(bits))
    assert read_provide_response(answer.payload) == ProvideCode.INVALID_KEY_USAGE
    assert own_keys(rig.held) == before


@pytest.mark.parametrize("code", [IssueCode.KEY_PAIR_GENERATION_FAILED, IssueCode.CR_PRODUCTION_FAILED])
def test_a_device_that_cannot_make_a_pair(code: IssueCode) -> None:
    rig = Rig()
    issued(rig, KA)
    pending = rig.held["own/ka/pending"]
    rig.handle(ArmStoreFault(0, code))
    assert read_issue_response(rig.signed("CS02c", issue_command_octets(KA)).payload) == code
    assert rig.held["own/ka/pending"] == pending  # what waited waits on


def test_without_random_octets_no_pair_is_made() -> None:
    rig = Rig()
    rig.store.commit({SEED: None})
    answer = rig.signed("CS02c", issue_command_octets(DS))
    assert read_issue_response(answer.payload) == IssueCode.KEY_PAIR_GENERATION_FAILED


def other_device() -> bytes:
    return PKI.device(EntityId(bytes(7) + b"\x09"))[0].der


UPDATES = {
    UpdateCode.INVALID_CERTIFICATE: (lambda rig: b"\x30\x03\x02\x01\x00", None),
    UpdateCode.WRONG_DEVICE_IDENTITY: (lambda rig: other_device(), DS),
    UpdateCode.NO_CORRESPONDING_KEY_PAIR_GENERATED: (lambda rig: OWN[0].der, DS),
    UpdateCode.WRONG_PUBLIC_KEY: (lambda rig: (issued(rig, KA), OWN[1].der)[1], KA),
}


@pytest.mark.parametrize("code", UPDATES)
def test_a_certificate_that_does_not_fit(code: UpdateCode) -> None:
    make, usage = UPDATES[code]
    rig = Rig()
    certificate = make(rig)
    before = own_keys(rig.held)
    assert updated(rig, certificate) == code
    assert own_keys(rig.held) == before
    assert rig.read("ECS52").response is not None
    assert [c for c in rig.logged() if 0x8F4C <= c <= 0x8F4F] == ([LOGGED[usage, False]] if usage else [])


def test_an_organisations_certificate_is_of_no_device() -> None:
    supplier = PKI.organisation(Role.SUPPLIER, ENTITIES[Role.SUPPLIER])[0]
    assert updated(Rig(), supplier.der) == UpdateCode.WRONG_DEVICE_IDENTITY


@pytest.mark.parametrize(
    "code", [UpdateCode.CERTIFICATE_STORAGE_FAILED, UpdateCode.PRIVATE_KEY_CHANGE_FAILED]
)
def test_memory_that_fails_leaves_the_old_pair(code: UpdateCode) -> None:
    rig = Rig()
    certificate = certified(issued(rig, DS))
    before = own_keys(rig.held)
    rig.handle(ArmStoreFault(0, code))
    assert updated(rig, certificate.der) == code
    assert own_keys(rig.held) == before
    assert updated(rig, certificate.der, with_certificate(certificate)) == UpdateCode.SUCCESS


def test_a_log_code_for_certificates_of_no_usage() -> None:
    rig = Rig(settings=DeviceSettings(credentials=CredentialSettings(unreadable_update_log=0x8F4C)))
    updated(rig, b"\x30\x03\x02\x01\x00")
    assert rig.logged()[-1] == 0x8F4C


def test_certificates_that_are_not_there_or_cannot_be_read() -> None:
    rig = Rig()
    rig.handle(ArmStoreFault(0, ProvideCode.CERTIFICATE_RETRIEVAL_FAILURE))
    assert shown(rig, KA) == ProvideCode.CERTIFICATE_RETRIEVAL_FAILURE
    rig.store.commit({"own/ka/certificate": None})
    rig.restart()
    assert shown(rig, KA) == ProvideCode.NO_CERTIFICATE_HELD
    assert shown(rig, DS) == OWN[0].der


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_ask(kind: Any) -> None:
    rig = Rig(kind)
    stranger = ENTITIES[Role.TRANSITIONAL_COS]
    answer = rig.signed("CS02c", issue_command_octets(DS), by=stranger)
    assert answer.check is Check.AUTHORITY
    if kind is CHF:
        strict = Rig(CHF, settings=DeviceSettings())
        assert strict.signed("CS02c", issue_command_octets(DS), by=BROKER).check is Check.AUTHORITY


# -- chance ----------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_pairs_and_each_pair_is_another() -> None:
    one, other = Rig(), Rig()
    points = []
    for usage in (DS, DS, KA):
        request = issued(one, usage)
        other.restart()
        assert public_point(request.public_key) == public_point(issued(other, usage).public_key)
        points.append(public_point(request.public_key))
    assert len(set(points)) == 3


def test_what_was_drawn_cannot_be_drawn_again() -> None:
    store = MemoryStore(seeded(bytes))
    rig = Rig()
    rig.store.commit({SEED: store.get(SEED)})
    work = rig.device.observe(NOW)
    seeds, drawn = {work.get(SEED)}, set()
    for count in (0, 1, 64, 65, 200):
        octets = draw(work, count)
        assert len(octets) == count
        drawn.add(octets)
        seeds.add(work.get(SEED))
    assert len(seeds) == 6
    assert all(seed is not None and len(seed) == SEED_OCTETS for seed in seeds)
    assert len(drawn) == 5
    work.put(SEED, None)
    with pytest.raises(BuildError):
        draw(work, 1)


# -- power cuts and secrets -------------------------------------------------------------------


class Recording(MemoryStore):
    """Remembers what it held after each commit; fails the commits it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[dict[str, bytes]] = []
        self.failing = False

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        if self.failing:
            raise StoreError("no power")
        super().commit(changes)
        self.states.append(self.snapshot())


def keys_for(held: Mapping[str, bytes]) -> MemoryKeyStore:
    """The parties' keys with whatever certificates a device has."""
    from gbcs.security.certificates import read_certificate

    return with_certificate(*(read_certificate(held[f"own/{name}/certificate"]) for name in USAGES.values()))


def test_wherever_power_fails_the_device_has_usable_pairs() -> None:
    store = Recording()
    rig = Rig(store=store)
    for usage in (DS, KA, DS):
        certificate = certified(issued(rig, usage))
        kept = [c for c in rig.keys.all() if c.entity == DEVICE and c.usage is not usage]
        renewed = with_certificate(certificate, *kept)
        assert updated(rig, certificate.der, renewed) == UpdateCode.SUCCESS
        rig.keys = renewed
    began = next(n for n, state in enumerate(store.states) if "started" in state)
    seen = set()
    for state in store.states[began:]:
        rig.store = MemoryStore(state)
        rig.device = type(rig.device)(rig.device.profile, rig.store, rig.now)
        rig.keys = keys_for(state)
        for usage, name in USAGES.items():
            own = load_der_private_key(state[f"own/{name}/key"], None)
            (held,) = (c for c in rig.keys.all() if c.entity == DEVICE and c.usage is usage)
            assert public_point(own.public_key()) == held.point  # type: ignore[arg-type]
            seen.add(held.point)
        assert rig.read("ECS52").response is not None
        assert shown(rig, DS) == state["own/ds/certificate"]
    assert len(seen) == 5


@pytest.mark.parametrize("name", ["CS02c", "CS02d"])
def test_a_store_that_fails_keeps_what_it_held(name: str) -> None:
    store = Recording()
    rig = Rig(store=store)
    certificate = certified(issued(rig, DS))
    before = store.snapshot()
    payload = issue_command_octets(DS) if name == "CS02c" else update_command_octets(certificate.der)
    store.failing = True
    with pytest.raises(StoreError):
        rig.signed(name, payload)
    assert store.snapshot() == before
    store.failing = False
    rig.restart()
    keys = FIRST_KEYS if name == "CS02c" else with_certificate(certificate)
    assert rig.signed(name, payload, keys=keys).response is not None


def test_power_cuts_lose_no_pending_pair() -> None:
    rig = Rig()
    request = issued(rig, KA)
    rig.handle(PowerLost())
    rig.restart()
    rig.now = NOW.plus(86_400)
    rig.handle(PowerRestored())
    certificate = certified(request)
    assert updated(rig, certificate.der, with_certificate(certificate)) == UpdateCode.SUCCESS


def test_private_keys_show_in_no_text_and_no_effect() -> None:
    rig = Rig()
    effects: list[Any] = []
    for usage in (DS, KA):
        effects += rig.signed("CS02c", issue_command_octets(usage)).effects
    secrets = []
    for name in USAGES.values():
        for part in ("key", "pending"):
            pkcs8 = rig.held[f"own/{name}/{part}"]
            number = load_der_private_key(pkcs8, None).private_numbers().private_value  # type: ignore[union-attr]
            secrets += [number.to_bytes(32, "big"), pkcs8]
    secrets.append(rig.held[SEED])
    told = repr(effects) + repr(rig.identity.own()) + repr(rig.device) + repr(rig.device._cache)
    for secret in secrets:
        assert secret.hex() not in told.lower()
        assert repr(secret)[2:-1] not in told
        assert not [e for e in effects if secret in getattr(e, "octets", b"")]


def test_a_change_of_supplier_leaves_the_devices_pairs() -> None:
    rig = Rig()
    before = own_keys(rig.held)
    new = PKI.organisation(Role.SUPPLIER, EntityId(bytes.fromhex("90B3D51F3001AAAA")))
    from gbcs.asn1.credentials import CellIdentifier

    replacements = tuple(
        Replacement(c.der, CellIdentifier(Role.SUPPLIER, c.usage, c.cell_usage)) for c in new
    )
    assert rig.run(row_of(7, ESME), replacements=replacements).response is not None
    assert own_keys(rig.held) == before
