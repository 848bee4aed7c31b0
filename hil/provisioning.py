"""What a home is made with: certificates of its parties and devices, and what devices leave the factory with.

A test PKI of the scenario's seed makes them. Where the scenario has real devices, the key
folders of these come first: parties in them have the certificates and keys found there.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from chts.chf import make_chf
from chts.chf import manufactured as manufactured_chf
from chts.device_log import DeviceLogSettings
from gbcs.errors import LocalError
from gbcs.ids import EntityId, KeyUsage, Role
from gbcs.pki import ROLE_USES, TestPki
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.requests import SigningRequest
from gbcs.security.store import Credential
from gbcs.time import Utc
from smets.behaviours.clock import STATUS, Status
from smets.device import Device
from smets.esme.meter import EsmeOptions, make_esme
from smets.esme.meter import manufactured as manufactured_esme
from smets.han.suites import Suite
from smets.han.test_ca import TestCa
from smets.identity import provision
from smets.store import Store
from smets.values import pack

from .scenario import DeviceEntry, HubEntry, Party, Scenario

MADE = "home/made"
VALID_BEFORE = -86_400  # seconds from the start of a scenario to that of its certificates
ROLES_IN_CELLS = (
    Role.RECOVERY,
    Role.SUPPLIER,
    Role.NETWORK_OPERATOR,
    Role.ACCESS_CONTROL_BROKER,
    Role.TRANSITIONAL_COS,
    Role.LOAD_CONTROLLER,
)
_CHF_ROLES = (
    Role.RECOVERY,
    Role.ACCESS_CONTROL_BROKER,
    Role.TRANSITIONAL_COS,
    Role.WAN_PROVIDER,
)


class Provisioning:
    """The certificates of a scenario; its devices, made on their stores. Raises BuildError."""

    def __init__(self, scenario: Scenario) -> None:
        self._seed = scenario.seed
        self._pki = TestPki.create(scenario.seed.encode(), scenario.start.plus(VALID_BEFORE))
        self._folders = _of_real_devices(scenario)
        self._anchors: dict[Role, tuple[Credential, ...]] = {Role.ROOT: self._roots()}
        for party in scenario.parties:
            self._anchors.setdefault(party.role, self._certificates(party))

    @property
    def keys(self) -> MemoryKeyStore:
        """Everything made and given so far."""
        held = self._folders
        if not held.all():
            return self._pki.store
        private = (held.private_key(credential) for credential in held.all())
        return self._pki.store.with_added(held.all(), (key for key in private if key is not None))

    @property
    def authority(self) -> Credential:
        """The authority that issues the certificates of parties."""
        return self._pki.organisation_issuing

    def renewed(self, party: Party, generation: int) -> tuple[Credential, ...]:
        """Certificates of a party with new keys. Raises LocalError for one whose keys are in a key folder."""
        if any(self._folders.find(party.entity, *use) is not None for use in ROLE_USES[party.role]):
            raise LocalError(f"the certificates of {party.name} come from a key folder")
        return self._pki.organisation(party.role, party.entity, party.name, generation)

    def certified(self, request: SigningRequest, now: Utc) -> Credential:
        """The certificate of a device that asked for it. Raises BuildError."""
        return self._pki.certify_device(request.entity, request.usage, request.public_key, now)

    def random(self, label: str) -> Callable[[int], bytes]:
        """Octets derived from the seed; every label has its own."""

        def octets(count: int) -> bytes:
            return sha256(f"{self._seed} {label}".encode()).digest()[:count]

        return octets

    def outsider(self, entity: EntityId) -> None:
        """Make certificates of a device that the home does not have."""
        self._pki.device(entity)

    def chf(self, entry: HubEntry, store: Store, now: Utc) -> Device:
        """The communications hub function. Raises LocalError for a store of another home."""
        self._pki.device(entry.chf)
        if self._is_new(entry.name, store, entry.chf):
            cells = self._cells(_CHF_ROLES)
            extra = manufactured_chf(entry.gpf, self.random(f"{entry.name} seed"))
            provision(store, entry.chf, self._pki.store, cells, extra | self._mark(entry.chf))
        return make_chf(store, now, log=DeviceLogSettings(lists_gpf=entry.gpf_in_log))

    def device(self, entry: DeviceEntry, store: Store, now: Utc) -> Device:
        """An emulated device. Raises LocalError for a store of another home."""
        self._pki.device(entry.entity)
        if self._is_new(entry.name, store, entry.entity):
            extra = manufactured_esme(self.random(entry.name))
            extra[STATUS] = pack(int(Status.RELIABLE))  # as an installer leaves it
            extra |= self._mark(entry.entity)
            provision(store, entry.entity, self._pki.store, self._cells(ROLES_IN_CELLS), extra)
        return make_esme(store, now, EsmeOptions(entry.variant))

    def _roots(self) -> tuple[Credential, ...]:
        return self._folders.with_role(Role.ROOT, KeyUsage.KEY_CERT_SIGN)[:1] or (
            self._pki.organisation_root,
        )

    def _certificates(self, party: Party) -> tuple[Credential, ...]:
        """A party's certificates: those of the key folders, if they have any, else new ones."""
        found = (self._folders.find(party.entity, *use) for use in ROLE_USES[party.role])
        given = tuple(credential for credential in found if credential is not None)
        return given or self._pki.organisation(party.role, party.entity, party.name)

    def _cells(self, roles: tuple[Role, ...]) -> list[Credential]:
        """What fills trust anchor cells: the first party of each role."""
        return [c for role in (Role.ROOT, *roles) for c in self._anchors.get(role, ())]

    def _mark(self, entity: EntityId) -> dict[str, bytes]:
        """The certificate a device leaves the factory with: it tells whose store this is, whatever comes."""
        certificate = self._pki.store.find(entity, KeyUsage.DIGITAL_SIGNATURE)
        return {MADE: b"" if certificate is None else certificate.der}

    def _is_new(self, name: str, store: Store, entity: EntityId) -> bool:
        """Whether a store holds nothing yet. Raises LocalError for one of another home."""
        if store.get("own/entity") is None:
            return True
        if (store.get(MADE) or store.get("own/ds/certificate")) != self._mark(entity)[MADE]:
            raise LocalError(f"the store of {name} is another home's: its seed, start or identifiers differ")
        return False


def cbke_authority(scenario: Scenario, issuer: bytes | None = None) -> TestCa:
    """The CA of key establishment that goes with the certificates of a scenario."""
    return TestCa(Suite.SUITE_2, scenario.seed.encode(), scenario.start.plus(VALID_BEFORE), issuer)


def _of_real_devices(scenario: Scenario) -> MemoryKeyStore:
    """Certificates of the real devices, and what their key folders hold of parties and authorities."""
    parties = {party.entity for party in scenario.parties}
    credentials: list[Credential] = []
    private = []
    for device in scenario.devices:
        if device.real is None:
            continue
        keys = device.real.keys
        credentials += (device.real.signing, device.real.agreement)
        for credential in keys.all():
            if credential.entity in parties or credential.usage is KeyUsage.KEY_CERT_SIGN:
                credentials.append(credential)
                key = keys.private_key(credential)
                private += [] if key is None else [key]
    return MemoryKeyStore(credentials, private)


def stream(random: Callable[[str], Callable[[int], bytes]], label: str) -> Callable[[int], bytes]:
    """Octets from the seed that never come twice."""
    count = 0

    def octets(wanted: int) -> bytes:
        nonlocal count
        made = b""
        while len(made) < wanted:
            count += 1
            made += random(f"{label} {count}")(32)
        return made[:wanted]

    return octets
