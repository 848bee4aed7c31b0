"""GBZ payloads by name: the components of a template, the answers to them, and alerts.

A command has a value for each ZCL command in it, by its name, with the fields of that
command; several of one name are a list. Log reads that ask alike for one entry after the other
are one value. A response has the attributes read, the commands it answers with, and
`{"status": ...}` for what was refused; `Components` says how many a component with a free
number had, `Fault` names the one that failed, after which nothing was executed
(reference: gbz-payloads 2 to 7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import BuildError, ParseError
from ..events import EventCode
from ..ids import Cra
from ..values import COUNTER, MOMENT, accept_octets, code_kind, digits, flags_kind
from ..zcl.clusters import Command, command
from ..zcl.gbz import (
    ALERT_CONTENTS,
    Alert,
    AlertContent,
    Component,
    Components,
    Executed,
    ImageHash,
    Integrity,
    Sealed,
    parse_gbz,
)
from ..zcl.meanings import CODES
from ..zcl.named import body_of, named_body, plain_value
from ..zcl.templates import Template, match, template
from ..zcl.types import ATTRIBUTE_ID, BY_NAME, LIST, Node, octets_of
from .common import ABSENT, PROTECTED, Field, Irregular, Place, Values, check_names, lookup
from .gbz_answers import read_response, sealed_body, sealed_octets
from .gbz_plan import Step, found_template, plan

_OFFSET = "SnapshotOffset"
_INTEGRITY = code_kind("integrity", CODES["integrity"])
_BITS = flags_kind("bitmap", {})
# the command in the alert of GCS53, and its header (gbz-payloads 7)
BILLING = (0x0702, 0x19, 0, 0x06)


def read(place: Place) -> Values:
    """The values of a GBZ payload. Raises ParseError, or Irregular where it has none by name."""
    message = place.message
    gbz = parse_gbz(message.payload, message.cra, message.code)
    try:
        if isinstance(gbz, Alert):
            return _read_alert(place, gbz)
        found = template(message.code)
        if found is None:
            raise Irregular("no GBZ command has this Message Code")
        if message.cra is Cra.COMMAND:
            return _read_command(found, gbz.components)
        return read_response(place, found, gbz.components)
    except BuildError as error:
        raise Irregular(str(error)) from None


# -- commands ---------------------------------------------------------------------------


def _read_command(found: Template, components: Sequence[Component]) -> Values:
    positions = match(found.code, components) and found.positions(components)
    if not positions:
        raise Irregular("the components are no template of this Message Code")
    steps = plan(found)
    values: Values = {}
    for number, (position, component) in enumerate(zip(positions, components, strict=True)):
        step = steps[position]
        if component.sequence != number & 0xFF:
            raise Irregular("the sequence numbers do not count from 0")
        if step.reads:
            continue
        value = _component_values(component, step.declared)
        if step.single:
            values[step.name] = value
        else:
            values.setdefault(step.name, []).append(value)
    for step in steps:
        if step.slot.lo > 1 and not step.shared:
            values[step.name] = _folded(values[step.name])
    return values


def _component_values(component: Component, known: Command) -> Values:
    if isinstance(component.body, Sealed) or component.manufacturer is not None or known.fields is None:
        raise Irregular("encrypted, or of a manufacturer")
    value = named_body(known.fields, component.body)
    if value is None:
        raise Irregular(f"{known.name} has other fields than those declared")
    if component.from_date_time is not None:
        if not known.from_date_time:
            raise Irregular("a From Date Time that means nothing here")
        value[known.from_date_time] = MOMENT.typed(component.from_date_time)
    return value


def _folded(found: list[Values]) -> Any:
    """Reads that differ in nothing but an offset that counts from 0, as one."""
    first = found[0]
    if _OFFSET not in first:
        return found
    if all(value == {**first, _OFFSET: index} for index, value in enumerate(found)):
        return {name: value for name, value in first.items() if name != _OFFSET}
    return found


def _unfolded(step: Step, given: Any) -> list[Any]:
    """The values of the components of a step, from one for all of them or from a list."""
    if step.single:
        return [given]
    if isinstance(given, Mapping) and step.slot.lo > 1:
        return [{_OFFSET: index, **given} for index in range(step.slot.lo)]
    if not isinstance(given, list | tuple):
        raise BuildError("a list is needed", step.name)
    return list(given)


def command_payload(place: Place, given: Mapping[str, Any]) -> bytes:
    """The payload of a command. Raises BuildError with the name of the value that is wrong."""
    found = found_template(place)
    steps = plan(found)
    check_names(given, {step.name for step in steps if not step.reads})
    components: list[Component] = []
    for step, value, path in _spread(steps, given):
        slot = step.slot
        head = (slot.cluster, slot.frame_control, len(components) & 0xFF, slot.command)
        if step.reads:
            body = (Node(LIST, tuple(Node(ATTRIBUTE_ID, number) for number in slot.attributes)),)
            components.append(Component(*head, body))
            continue
        moment, fields = _from_date_time(step, value, path)
        layout = step.declared.fields
        assert layout is not None
        components.append(Component(*head, body_of(layout, fields, path), moment))
    return Components(tuple(components)).octets()


def _spread(steps: Sequence[Step], given: Mapping[str, Any]) -> Iterator[tuple[Step, Any, str]]:
    """The components of a command in their order: step, value and path of each."""
    left: dict[str, list[Any]] = {}
    for index, step in enumerate(steps):
        if step.reads:
            yield step, None, step.name
            continue
        if step.name not in left:
            value = lookup(given, step.name)
            if value is ABSENT:
                if step.slot.lo:
                    raise BuildError("missing", step.name)
                continue
            left[step.name] = _unfolded(step, value)
        values = left[step.name]
        last = all(other.name != step.name for other in steps[index + 1 :])
        count = len(values) if last else step.slot.lo
        if not step.slot.lo <= count <= min(step.slot.hi, len(values)):
            raise BuildError(f"{_wanted(steps, step.name)} are needed, {len(values)} given", step.name)
        for number in range(count):
            yield step, values[number], step.name if step.single else f"{step.name}[{number}]"
        left[step.name] = values[count:]


def _wanted(steps: Sequence[Step], name: str) -> str:
    least = sum(step.slot.lo for step in steps if step.name == name)
    most = sum(step.slot.hi for step in steps if step.name == name)
    return str(least) if least == most else f"{least} to {most}"


def _from_date_time(step: Step, value: Any, path: str) -> tuple[int | None, Any]:
    """The From Date Time of a component, and its other fields."""
    name = step.declared.from_date_time
    if not step.slot.dated:
        return None, value
    if not isinstance(value, Mapping) or name not in value:
        raise BuildError("missing", f"{path}.{name}")
    moment = plain_value(BY_NAME["utc"].id, "", value[name], f"{path}.{name}")
    return moment, {key: inner for key, inner in value.items() if key != name}


# -- alerts ------------------------------------------------------------------------------


def _read_alert(place: Place, alert: Alert) -> Values:
    if place.message.code not in ALERT_CONTENTS:
        raise Irregular("no GBZ alert has this Message Code")
    values: Values = {"AlertCode": EventCode(alert.code), "Time": MOMENT.typed(alert.seconds)}
    content = alert.content
    if isinstance(content, Executed):
        values["Executed"] = {
            "MessageCode": _BITS.typed(content.message_code),
            "OriginatorCounter": COUNTER.typed(content.counter),
            "Cluster": _BITS.typed(content.cluster),
            "FrameControl": _BITS.typed(content.frame_control),
            "Command": _BITS.typed(content.command),
        }
    elif isinstance(content, ImageHash):
        values["ManufacturerImageHash"] = content.hash
    elif isinstance(content, Integrity):
        values["Reason"] = _INTEGRITY.typed(content.reason)
    elif isinstance(content, Component):
        values.update(_read_billing(place, content))
    return values


def _read_billing(place: Place, component: Component) -> Values:
    """The encrypted component of GCS53 (gbz-payloads 7)."""
    head = (*component[:3], component.command)
    known, body = component.declared, component.body
    if head != BILLING or not isinstance(body, Sealed) or body.frame_counter or known is None:
        raise Irregular("another component than that of this alert")
    plaintext = None if place.unseal is None else place.unseal(body.octets)
    if plaintext is None:
        return {PROTECTED: body.octets}
    try:
        nodes = component.opened(plaintext)
    except ParseError as error:
        raise Irregular(str(error)) from None
    value = None if known.fields is None else named_body(known.fields, nodes)
    if value is None:
        raise Irregular(f"{known.name} has other fields than those declared")
    return {known.name: value}


def alert_payload(place: Place, given: Mapping[str, Any]) -> bytes:
    """The payload of an alert. Raises BuildError with the name of the value that is wrong."""
    kind = ALERT_CONTENTS.get(place.message.code)
    if kind is None:
        raise BuildError(f"no GBZ alert has the Message Code {place.message.code:04X}", "use_case")
    names = _CONTENT_NAMES[kind]
    check_names(given, {"AlertCode", "Time", *names})
    code = _number(given, "AlertCode", 0xFFFF)
    time = plain_value(BY_NAME["utc"].id, "", _needed(given, "Time"), "Time")
    return Alert(code, time, _content(place, kind, given)).octets()


_CONTENT_NAMES: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "executed": ("Executed",),
    "hash": ("ManufacturerImageHash",),
    "reason": ("Reason",),
    "component": ("PublishSnapshot", PROTECTED),
}
EXECUTED = {
    "MessageCode": 0xFFFF,
    "OriginatorCounter": 2**64 - 1,
    "Cluster": 0xFFFF,
    "FrameControl": 0xFF,
    "Command": 0xFF,
}


def _content(place: Place, kind: str, given: Mapping[str, Any]) -> AlertContent:
    if kind == "executed":
        executed = _needed(given, "Executed")
        if not isinstance(executed, Mapping) or set(executed) != set(EXECUTED):
            raise BuildError(f"an object of {', '.join(EXECUTED)} is needed", "Executed")
        return Executed(*(_number(executed, name, most, "Executed.") for name, most in EXECUTED.items()))
    if kind == "hash":
        return ImageHash(_octets(given, "ManufacturerImageHash", 32))
    if kind == "reason":
        try:
            return Integrity(int(_INTEGRITY.plain(_needed(given, "Reason"))))
        except ValueError as error:
            raise BuildError(str(error), "Reason") from None
    if kind == "nothing":
        return None
    known = command(BILLING[0], BILLING[1], BILLING[3])
    assert known is not None
    assert known.fields is not None
    sealed = lookup(given, PROTECTED)
    if sealed is not ABSENT:
        octets = sealed_octets(sealed, PROTECTED)
    else:
        body = body_of(known.fields, _needed(given, known.name), known.name)
        octets = place.sealed(octets_of(body), known.name)
    return Component(*BILLING, sealed_body(octets, 0))


def alert_fields(code: int) -> tuple[Field, ...]:
    """The values an alert has."""
    abouts = {
        "Executed": "{" + ", ".join(f"{name}: hex digits" for name in EXECUTED) + "}",
        "ManufacturerImageHash": "octets (32) in hex",
        "Reason": _INTEGRITY.about,
        "PublishSnapshot": "the fields of the command, encrypted",
    }
    found = [Field("AlertCode", "an alert code of 4 hex digits"), Field("Time", MOMENT.about)]
    names = _CONTENT_NAMES[ALERT_CONTENTS[code]]
    return (*found, *(Field(name, abouts[name]) for name in names if name in abouts))


def _needed(given: Mapping[str, Any], name: str) -> Any:
    value = lookup(given, name)
    if value is ABSENT:
        raise BuildError("missing", name)
    return value


def _number(given: Mapping[str, Any], name: str, most: int, path: str = "") -> int:
    value = _needed(given, name)
    try:
        number = digits(value.split(" ", 1)[0] if isinstance(value, str) else value)
    except ValueError as error:
        raise BuildError(str(error), path + name) from None
    if not 0 <= number <= most:
        raise BuildError(f"a number from 0 to {most:X} (hex) is needed", path + name)
    return number


def _octets(given: Mapping[str, Any], name: str, size: int) -> bytes:
    try:
        return accept_octets(_needed(given, name), size)
    except ValueError as error:
        raise BuildError(str(error), name) from None
