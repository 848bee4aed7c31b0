"""Messages of every use case and kind with drawn values: the same seed gives the same octets.

A `Case` is one form of one row and kind: a template variant, a twin-element meter, a fault, a party
the broker speaks for. `make` draws the values of a case, builds the message and protects it
with keys that the project makes itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any, NamedTuple

from gbcs.building import Assumption, build
from gbcs.dlms.alert_rows import BILLING_DATA_LOG
from gbcs.dlms.templates import templates
from gbcs.ids import DeviceType, EntityId, Kind, Payload, Role
from gbcs.message import Message, OtherInformation
from gbcs.pki import TestPki
from gbcs.protect import Keys
from gbcs.security.verify import Verifier
from gbcs.time import Utc
from gbcs.usecases import UseCase, table
from gbcs.zcl.templates import template as gbz_template
from tests.gbcs import generated_asn1, generated_dlms, generated_gbz
from tests.gbcs.drawing import Drawn, number

SEED = b"generated messages"
START = Utc.of(2024, 3, 1)
COMMANDS = (Kind.PRECOMMAND, Kind.COMMAND)
ROLES = (
    Role.RECOVERY,
    Role.SUPPLIER,
    Role.NETWORK_OPERATOR,
    Role.ACCESS_CONTROL_BROKER,
    Role.TRANSITIONAL_COS,
    Role.WAN_PROVIDER,
    Role.LOAD_CONTROLLER,
    Role.OTHER,
)
PARTIES = {role: EntityId.parse(f"90-B3-D5-1F-30-AC-00-{role.value:02X}") for role in ROLES}
DEVICES = {kind: EntityId.parse(f"00-DB-12-34-56-78-AC-{n:02X}") for n, kind in enumerate(DeviceType)}
BROKER, UNKNOWN = PARTIES[Role.ACCESS_CONTROL_BROKER], PARTIES[Role.OTHER]
# alerts about what another party asked for name it (gbcs-messages 2.4)
NAMES_PARTY, NAMES_PARTY_AND_COUNTER = 0x0123, 0x0120


class Keyring(NamedTuple):
    """The keys of all parties, and what uses them."""

    pki: TestPki
    keys: Keys
    verifier: Verifier
    unknown_certificate: bytes
    certificates: tuple[bytes, ...]


@cache
def keyring() -> Keyring:
    """The keys of every party and device, made once."""
    pki = TestPki.create(SEED, START)
    made = [credential for role in ROLES for credential in pki.organisation(role, PARTIES[role])]
    for entity in DEVICES.values():
        made += pki.device(entity)
    unknown = next(c for c in made if c.entity == UNKNOWN and c.usage.value == 4)
    samples = tuple(credential.der for credential in (*made[:2], *made[-2:]))
    return Keyring(pki, Keys(pki.store), Verifier(pki.store), unknown.der, samples)


class Case(NamedTuple):
    """One form of a message. `form` holds words: a variant, `twin`, `fault`, `counted`, `minimal`, `DLMS`,
    `GBZ`, and what other-information has of a supplementary party (see `_parties`)."""

    use_case: UseCase
    kind: Kind
    form: str = ""

    @property
    def code(self) -> int:
        """The Message Code."""
        assert self.use_case.code is not None
        return self.use_case.code

    @property
    def words(self) -> list[str]:
        """The words of the form."""
        return self.form.split()

    @property
    def id(self) -> str:
        """A name for reports."""
        return f"{self.use_case.name}-{self.code:04X}-{self.kind.value}{'-' if self.form else ''}{self.form}"


class Made(NamedTuple):
    """A message, the values it was given, and those it must be read as."""

    case: Case
    given: dict[str, Any]
    expected: dict[str, Any]
    header: dict[str, Any]
    bare: Message
    message: Message


def rows() -> Iterator[tuple[UseCase, Kind]]:
    """Every row of the table with each of its kinds."""
    for use_case in table():
        for kind in use_case.kinds:
            yield use_case, kind


@cache
def cases(use_case: UseCase, kind: Kind) -> tuple[Case, ...]:
    """Every form a row has in a kind."""
    forms = []
    for content in _contents(use_case, kind):
        for party in _parties(use_case, kind):
            forms.append(f"{content} {party}".strip())
    return tuple(Case(use_case, kind, form) for form in forms)


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case there is."""
    return tuple(case for use_case, kind in rows() for case in cases(use_case, kind))


def _contents(use_case: UseCase, kind: Kind) -> list[str]:
    """The forms of a payload."""
    code = use_case.code
    assert code is not None
    if use_case.payload is Payload.ASN1:
        return [""] if kind in COMMANDS else ["", "minimal"]
    if kind is Kind.ALERT:
        if use_case.payload_by_device:
            return ["DLMS", "GBZ"]
        return ["", "twin"] if code == BILLING_DATA_LOG else [""]
    if use_case.payload is Payload.GBZ:
        return [""] if kind in COMMANDS else ["", "fault"]
    if kind in COMMANDS:
        return [f"variant {index}" if one.variant else "" for index, one in enumerate(templates(code))]
    found = []
    for index, one in enumerate(generated_dlms.response_templates(code)):
        variant = f"variant {index} " if index else ""
        found += [variant.strip(), f"{variant}fault"]
        if generated_dlms.has_twin(one):
            found += [f"{variant}twin", f"{variant}twin fault"]
    if any(one.optional for one in templates(code)):
        found += ["counted", "counted fault"]
    return found


def _parties(use_case: UseCase, kind: Kind) -> list[str]:
    """The forms of other-information: the Message Code alone, or a supplementary party and what follows."""
    if kind is Kind.ALERT:
        names = {NAMES_PARTY: ["party"], NAMES_PARTY_AND_COUNTER: ["", "counter"]}
        return names.get(use_case.code or 0, [""])
    if "behalf-certificate" in use_case.flags:
        return ["", "certificate"] if kind in COMMANDS else ["", "counter", "own-counter"]
    return ["", "counter"] if "behalf" in use_case.flags else [""]


# -- drawing ------------------------------------------------------------------------------------


def values(case: Case, random: Random, counter: int) -> Drawn:
    """The values of a message in the form of a case."""
    code, words = case.code, case.words
    twin, fault = "twin" in words, "fault" in words
    if case.use_case.payload is Payload.ASN1:
        return _asn1_values(case, random, counter)
    if case.kind is Kind.ALERT:
        if family(case) is Payload.GBZ:
            return generated_gbz.alert(random, code)
        return generated_dlms.alert(random, code, twin)
    if case.use_case.payload is Payload.GBZ:
        found = gbz_template(code)
        assert found is not None
        if case.kind in COMMANDS:
            return generated_gbz.command(random, found)
        return generated_gbz.response(random, found, fault)
    index = int(words[words.index("variant") + 1]) if "variant" in words else 0
    if case.kind in COMMANDS:
        return generated_dlms.command(random, templates(code)[index])
    if "counted" in words:
        optional = next(one for one in templates(code) if one.optional)
        return generated_dlms.counted_response(random, optional, fault)
    return generated_dlms.response(random, generated_dlms.response_templates(code)[index], twin, fault)


def _asn1_values(case: Case, random: Random, counter: int) -> Drawn:
    samples = keyring().certificates
    drawn = generated_asn1.values(random, case.code, case.kind, counter, samples)
    return generated_asn1.minimal(case.code, case.kind, drawn) if "minimal" in case.words else drawn


def family(case: Case) -> Payload:
    """The payload family; of the two generic alerts that of the device."""
    if case.use_case.payload_by_device:
        return Payload.GBZ if "GBZ" in case.words else Payload.DLMS
    return case.use_case.payload


def header(case: Case, random: Random) -> dict[str, Any]:
    """Parties, counter, supplementary fields and date-time of a message, as `build` takes them."""
    use_case = case.use_case
    device = DEVICES[random.choice(use_case.devices or (DeviceType.ESME, DeviceType.GSME))]
    supplementary = _supplementary(case, random)
    if use_case.from_ppmid:
        party = DEVICES[DeviceType.PPMID]
    elif supplementary is not None and case.kind is not Kind.ALERT:
        party = BROKER
    else:
        roles = [role for role in use_case.roles if role in PARTIES]
        party = PARTIES[random.choice(roles)] if roles else PARTIES[Role.SUPPLIER]
    made: dict[str, Any] = {"kind": case.kind, "counter": number(random, 1, 2**64 - 1)}
    made["originator"], made["recipient"] = (party, device) if case.kind in COMMANDS else (device, party)
    made["supplementary"] = supplementary
    dated = case.kind is Kind.RESPONSE and use_case.response_has_date_time
    made["date_time"] = generated_dlms.date_time(random) if dated else None
    return made


def _supplementary(case: Case, random: Random) -> OtherInformation | None:
    """other-information, where it names a party the message is for."""
    form = case.words[-1] if case.words else ""
    if form not in ("party", "counter", "own-counter", "certificate"):
        return None
    counter = None if form == "party" else number(random, 0, 2**64 - 1)
    own = number(random, 0, 2**64 - 1) if form == "own-counter" else None
    certificate = keyring().unknown_certificate if form == "certificate" else None
    return OtherInformation(case.code, UNKNOWN, counter, own, certificate)


def make(case: Case, random: Random) -> Made:
    """Draw the values of a case, build the message of them and protect it."""
    head = header(case, random)
    drawn = values(case, random, head["counter"])
    keys = keyring().keys
    bare = build(
        f"{case.code:04X}",
        **head,
        keys=keys,
        legacy=case.use_case.superseded,
        assumptions=tuple(Assumption),
        family=family(case) if case.use_case.payload_by_device else None,
        **drawn.plain,
    )
    message = bare if case.kind is Kind.PRECOMMAND else keys.protect(bare)
    return Made(case, drawn.plain, drawn.typed, head, bare, message)


def corpus(seed: int, each: int = 1) -> list[Made]:
    """So many messages of every case."""
    random = Random(seed)
    return [make(case, random) for case in all_cases() for _ in range(each)]
