"""Pairs of reference messages: which command goes with which response and which alerts.

A file's name pairs `_COMMAND_` with `_RESPONSE_`; nothing else is read from it. Alerts are
found by what they say: the Message Code and counter of the command they report on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath

from gbcs.dlms.apdu import DataNotification, Fault, parse_apdu
from gbcs.dlms.axdr import Tag
from gbcs.errors import ParseError
from gbcs.ids import Cra, DeviceType, EntityId, Kind
from gbcs.message import Message
from gbcs.usecases import by_code

from .der import der_result, issuing_authority

FUTURE_DATED_ALERT = 0x00CC
RESULT_LENGTH = 19
COMMAND, RESPONSE = "_COMMAND_", "_RESPONSE_"


@dataclass(frozen=True, slots=True)
class FutureDatedResult:
    """What an alert about a future-dated command says: alert code, the command, the COSEM member.

    `fault` is what failed, where an ASN.1 alert tells.
    """

    alert: int
    code: int
    counter: int
    member: bytes
    fault: Fault | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Pair:
    """A command with its reference response. `case` is the file's name without the kind."""

    case: str
    command: Message
    response: Message


@dataclass(frozen=True, slots=True)
class Collection:
    """Everything that was read: pairs in name order, device types, alerts by originator.

    `unpaired` names the commands and responses without a partner; `authority` is the certificate of
    the issuing authority that replacement certificates come with.
    """

    pairs: tuple[Pair, ...]
    device_types: dict[EntityId, tuple[DeviceType, ...]]
    results: dict[EntityId, tuple[FutureDatedResult, ...]]
    unpaired: tuple[str, ...] = ()
    authority: bytes | None = None


def collect(messages: Iterable[tuple[str, Message]]) -> Collection:
    """Sort named messages into pairs; partners lie in the same folder."""
    given = {str(PurePath(name)): message for name, message in messages}
    pairs = []
    unpaired = []
    for name in sorted(given):
        path = PurePath(name)
        kind, other = (COMMAND, RESPONSE) if COMMAND in path.name else (RESPONSE, COMMAND)
        if kind not in path.name:
            continue
        partner = str(path.with_name(path.name.replace(kind, other)))
        if partner not in given:
            unpaired.append(name)
        elif kind == COMMAND:
            case = PurePath(path.name.replace(COMMAND, "_")).stem
            pairs.append(Pair(case, given[name], given[partner]))
    ordered = [given[name] for name in sorted(given)]
    results: dict[EntityId, tuple[FutureDatedResult, ...]] = {}
    for message in ordered:
        result = future_dated_result(message)
        if result is not None:
            results[message.originator] = (*results.get(message.originator, ()), result)
    authority = issuing_authority(message for message in ordered if message.kind is Kind.COMMAND)
    return Collection(tuple(pairs), _device_types(ordered), results, tuple(unpaired), authority)


def future_dated_result(message: Message) -> FutureDatedResult | None:
    """What a future-dated result alert says, or None for any other message."""
    if message.cra is not Cra.ALERT:
        return None
    try:
        found = der_result(message)
        if found is not None:
            return FutureDatedResult(found.alert, found.code, found.counter, b"", found.fault)
        if message.code != FUTURE_DATED_ALERT:
            return None
        apdu = parse_apdu(message.payload)
    except ParseError:
        return None
    if not isinstance(apdu, DataNotification) or apdu.body.tag != Tag.STRUCTURE or len(apdu.body.value) != 3:
        return None
    code, _, content = (node.value for node in apdu.body.value)
    if not isinstance(code, int) or not isinstance(content, bytes) or len(content) != RESULT_LENGTH:
        return None
    return FutureDatedResult(
        code, int.from_bytes(content[:2], "big"), int.from_bytes(content[2:10], "big"), content[10:]
    )


def _device_types(messages: Iterable[Message]) -> dict[EntityId, tuple[DeviceType, ...]]:
    """For each device the types that all the commands it gets allow."""
    found: dict[EntityId, tuple[DeviceType, ...]] = {}
    for message in messages:
        use_case = by_code(message.code)
        if use_case is None or not use_case.devices or message.kind is Kind.ALERT:
            continue
        device = message.recipient if message.cra is Cra.COMMAND else message.originator
        held = found.get(device, use_case.devices)
        common = tuple(kind for kind in held if kind in use_case.devices)
        found[device] = common or held
    return found
