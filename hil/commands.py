"""The payload of the command a step sends, and the results in its answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chts.device_log import DEVICE_TYPES as HUB_TYPES
from gbcs.asn1.credentials import (
    CellIdentifier,
    CredentialsCommand,
    StatusCode,
    command_octets,
    read_response,
)
from gbcs.asn1.joins import CS03B, read_join_command
from gbcs.asn1.joins import DEVICE_TYPES as TYPES
from gbcs.building import build
from gbcs.decoding import decode
from gbcs.dlms.apdu import AccessRequest, AccessResponse, Choice, parse_apdu
from gbcs.dlms.axdr import Tag
from gbcs.dlms.protection import protected_request
from gbcs.dlms.protection_rows import protected_read
from gbcs.dlms.templates import templates
from gbcs.errors import BuildError
from gbcs.ids import DeviceType, EntityId, KeyUsage, Payload, Role
from gbcs.message import Message
from gbcs.party import compose
from gbcs.usecases import UseCase

if TYPE_CHECKING:
    from gbcs.dlms.selective import Range

    from .scenario import Step

CCS01 = 0x0001
_NOT_VERIFIED = "a consumer's device is paired by one that has verified who the consumer is: verified = true"
_ONLY_THERE = "only said where a consumer's device is paired"
CREDENTIALS_DETAILS = (0x0008, 0x011B)  # CS02a, CS02f
ROLES = {role.spec_name: role for role in Role}


def payload(
    step: Step, use_case: UseCase, counter: int, sender: EntityId, device: EntityId, always: Range
) -> bytes:
    """The octets. `always` is the range of a read by dates that names none. Raises BuildError.

    A consumer's device is paired only by one that has verified who the consumer is (reference:
    seed-decisions, S57). What is removed does not say what it is: nobody is asked there.
    """
    octets = _payload(step, use_case, counter, sender, device, always)
    if pairs_consumer_device(use_case, octets) is not step.verified:
        raise BuildError(_ONLY_THERE if step.verified else _NOT_VERIFIED, "verified")
    return octets


def pairs_consumer_device(use_case: UseCase, octets: bytes) -> bool:
    """Whether a payload asks for a consumer's device (type 2) to be paired: with a meter, or with the hub.

    Raises ParseError.
    """
    if use_case.code == CS03B:
        return TYPES[read_join_command(octets).device_type] is DeviceType.TYPE2
    if use_case.code != CCS01:
        return False
    apdu = parse_apdu(octets)
    items = apdu.items if isinstance(apdu, AccessRequest) else ()
    added = [item.data for item in items if item.choice == Choice.ACTION and item.data.tag == Tag.STRUCTURE]
    return any(data.value and HUB_TYPES.get(data.value[-1].value) is DeviceType.TYPE2 for data in added)


def _payload(
    step: Step, use_case: UseCase, counter: int, sender: EntityId, device: EntityId, always: Range
) -> bytes:
    if use_case.code in CREDENTIALS_DETAILS and step.named is None:
        return _credentials_details(step)
    if step.roles:
        raise BuildError(f"{use_case.name} takes none", "roles")
    if step.named is not None or use_case.payload is Payload.ASN1:
        return _by_name(step, use_case, counter, sender, device)
    found = [t for t in templates(use_case.code or 0) if step.variant in ("", t.variant)]
    if use_case.payload is not Payload.DLMS or not found:
        raise BuildError(f"{use_case.name} {step.variant} is not built yet".replace("  ", " "), "command")
    values: list[Any] = list(step.values)
    protected = protected_read(found[0].components[0].ln)
    if protected is not None:
        if values:
            raise BuildError(f"{use_case.name} takes none", "values")
        within = (step.within or always) if protected.dated else step.within
        values = [protected_request(protected, counter, sender, device, within)]
        return compose(use_case.code or 0, counter, values, step.variant)
    return compose(use_case.code or 0, counter, values, step.variant, step.within)


def results(answer: Message, use_case: UseCase) -> list[int]:
    """The result of each item of a response, 0 for success. Raises BuildError or ParseError."""
    if use_case.code in CREDENTIALS_DETAILS:
        return [int(d.status != StatusCode.SUCCESS) and d.status for d in read_response(answer.payload)]
    if use_case.payload is Payload.ASN1:
        return list(_codes(decode(answer).values))
    apdu = parse_apdu(answer.payload)
    if not isinstance(apdu, AccessResponse):
        raise BuildError("no access-response", "payload")
    return [item.result for item in apdu.items]


def _by_name(step: Step, use_case: UseCase, counter: int, sender: EntityId, device: EntityId) -> bytes:
    """A payload from values by name, as `gbcs.build` takes them."""
    if step.values or step.within or step.variant:
        raise BuildError("values by name go alone", "set")
    named = {name.replace(".", "_"): value for name, value in (step.named or {}).items()}
    if taken := named.keys() & _TAKEN:
        raise BuildError(f"{use_case.name} has no value {min(taken)}", "set")
    code = f"{use_case.code or 0:04X}"
    return build(code, originator=sender, recipient=device, counter=counter, **named).payload


_TAKEN = frozenset(build.__kwdefaults__ or ()) | {"use_case", "originator", "recipient", "counter"}


def _codes(values: Any) -> Iterator[int]:
    """The codes in the answer of an ASN.1 command; 0 where it has none, as one that asks for something."""
    found = [code for name, code in values.items() if name.lower().endswith("responsecode")]
    outcomes = values.get("executionOutcome", {}).get("replacementOutcomes", ())
    found += [outcome["statusCode"] for outcome in outcomes]
    yield from map(int, found or (0,))


def _credentials_details(step: Step) -> bytes:
    if step.values or step.within or step.variant:
        raise BuildError("only roles are taken", "command")
    unknown = [name for name in step.roles if name not in ROLES]
    if unknown or not step.roles:
        raise BuildError(f"no role is called {unknown[0]!r}" if unknown else "roles are needed", "roles")
    cell = CellIdentifier(Role.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)
    return command_octets(CredentialsCommand(cell, tuple(int(ROLES[name]) for name in step.roles)))
