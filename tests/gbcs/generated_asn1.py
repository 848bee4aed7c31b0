"""Values for every ASN.1 payload, drawn from its declaration."""

from __future__ import annotations

from random import Random
from typing import Any

from gbcs.asn1.codec import element_of, encode
from gbcs.asn1.payload_rows import ENTITY_ID, REMOTE_PARTY_ROLE
from gbcs.asn1.payloads import payload_type
from gbcs.asn1.schema import (
    Asn1Type,
    BitString,
    Choice,
    GeneralizedTime,
    Integer,
    Null,
    OctetString,
    Opaque,
    Sequence,
    SequenceOf,
)
from gbcs.events import EventCode
from gbcs.ids import EntityId, Kind
from gbcs.named.asn1 import LENGTHS, MINIMAL
from gbcs.time import Utc
from gbcs.values import Counter, code_kind
from tests.gbcs.drawing import Drawn, number, octets

# the payloads that are no SEQUENCE of named components, by what their one value is called
ALONE = {
    "UpdateDeviceCertificate.CommandPayload": "certificate",
    "UpdateDeviceCertificate.ResponsePayload": "responseCode",
    "JoinDevice.ResponsePayload": "responseCode",
    "UnjoinDevice.CommandPayload": "deviceID",
    "UnjoinDevice.ResponsePayload": "responseCode",
    "ProvideSecurityCredentialDetails.ResponsePayload": "remotePartyDetails",
}
PROVIDES = (0x0008, 0x011B)
_MOMENTS = (Utc.of(9999, 12, 31, 23, 59, 59), Utc.of(1, 1, 1), Utc.of(2026, 2, 28, 1, 2, 3))
Pair = tuple[Any, Any]  # plain, typed


def values(random: Random, code: int, kind: Kind, counter: int, certificates: tuple[bytes, ...]) -> Drawn:
    """The values of a payload in a message with this counter."""
    declared = payload_type(code, kind)
    assert declared is not None
    plain, named = _draw(random, declared, certificates)
    drawn = Drawn()
    if isinstance(declared, Sequence | Choice):
        drawn.plain, drawn.typed = plain, named
    elif not isinstance(declared, Null):
        drawn.put(ALONE[declared.name], plain, named)
    if kind in (Kind.PRECOMMAND, Kind.COMMAND):
        _repeat_header(random, drawn, code, counter)
    return drawn


def _repeat_header(random: Random, drawn: Drawn, code: int, counter: int) -> None:
    """What repeats the header, mostly as the header has it and then often left out."""
    if "originatorCounter" in drawn.plain and random.random() < 0.7:
        drawn.put("originatorCounter", counter, Counter(counter))
        if random.random() < 0.5:
            del drawn.plain["originatorCounter"]
    control = drawn.plain.get("authorisingRemotePartyControl")
    if control is not None and counter < 2**63 and random.random() < 0.7:
        typed = drawn.typed["authorisingRemotePartyControl"]
        control["authorisingRemotePartySeqNumber"] = counter
        typed["authorisingRemotePartySeqNumber"] = Counter(counter)
        if random.random() < 0.5:
            del control["authorisingRemotePartySeqNumber"]
    if code in PROVIDES:
        _make_readable(random, drawn)


def _make_readable(random: Random, drawn: Drawn) -> None:
    """What decides how CS02a and CS02f are protected, as a device must be able to read it."""
    name = "authorisingRemotePartyTACellIdentifier"
    bit, usage = random.choice(((0, "digitalSignature"), (4, "keyAgreement")))
    number = random.choice((2, 4, 5))
    typed = _named(REMOTE_PARTY_ROLE, number)
    for forms, role, bits in ((drawn.plain, number, (bit,)), (drawn.typed, typed, usage)):
        forms[name].update(trustAnchorCellRemotePartyRole=role, trustAnchorCellKeyUsage=bits)
        forms[name].pop("trustAnchorCellUsage", None)
        forms["remotePartyRolesCredentialsRequired"] = forms["remotePartyRolesCredentialsRequired"] or [role]


def minimal(code: int, kind: Kind, drawn: Drawn) -> Drawn:
    """The same values in the lengths of a command: for answers, which usually have others."""
    declared = payload_type(code, kind)
    assert declared is not None
    plain = {**drawn.plain, LENGTHS: MINIMAL}
    tree = drawn.plain if isinstance(declared, Sequence | Choice) else next(iter(drawn.plain.values()), None)
    element = element_of(declared, tree)
    if encode(element) == encode(element, True):  # nothing to tell them apart
        return Drawn(plain, drawn.typed)
    return Drawn(plain, {**drawn.typed, LENGTHS: MINIMAL})


def _draw(random: Random, declared: Asn1Type, certificates: tuple[bytes, ...]) -> Pair:
    """A value of a type: plain, and as it is read."""
    if isinstance(declared, Sequence):
        plain, named = {}, {}
        for row in declared.fields:
            if not row.optional or random.random() < 0.6:
                plain[row.name], named[row.name] = _draw(random, row.type, certificates)
        return plain, named
    if isinstance(declared, Choice):
        row = random.choice(declared.alternatives)
        plain, named = _draw(random, row.type, certificates)
        return {row.name: plain}, {row.name: named}
    if isinstance(declared, SequenceOf):
        found = [_draw(random, declared.item, certificates) for _ in range(random.choice((0, 1, 1, 2, 3)))]
        return [plain for plain, _ in found], [named for _, named in found]
    if isinstance(declared, Integer):
        return _integer(random, declared)
    if isinstance(declared, BitString):
        return _bits(random, declared)
    if isinstance(declared, GeneralizedTime):
        moment = random.choice(_MOMENTS)
        return moment, moment
    if isinstance(declared, OctetString):
        drawn = octets(random, declared.lo, declared.hi)
        return drawn, EntityId(drawn) if declared is ENTITY_ID else drawn
    if isinstance(declared, Opaque):
        drawn = random.choice((*certificates, _sequence(random)))
        return drawn, drawn
    assert isinstance(declared, Null)
    return None, None


def _integer(random: Random, declared: Integer) -> Pair:
    named = [number for _, number in declared.values]
    if named and random.random() < 0.7:
        drawn = random.choice(named)
    else:
        drawn = number(random, declared.lo, declared.hi)
    if declared.digits:
        return drawn, EventCode(drawn) if declared.digits == 4 else Counter(drawn)
    if declared.values:
        return drawn, _named(declared, drawn)
    return drawn, drawn


def _named(declared: Integer, drawn: int) -> Any:
    return code_kind(declared.name, {number: name for name, number in declared.values}).typed(drawn)


def _bits(random: Random, declared: BitString) -> Pair:
    names = {number: name for name, number in declared.bits}
    if random.random() < 0.8:
        bits = random.sample(sorted(names), random.randint(0, len(names)))
    else:
        bits = random.sample(range(64), random.randint(0, 4))
    bits.sort()
    return tuple(bits), "+".join(names.get(bit, str(bit)) for bit in bits)


def _sequence(random: Random) -> bytes:
    """A SEQUENCE that is no certificate."""
    contents = random.randbytes(random.choice((0, 1, 100, 127)))
    return bytes((0x30, len(contents))) + contents
