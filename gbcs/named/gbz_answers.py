"""GBZ responses by name: what each component of the command was answered with.

See `gbz`, which reads and builds the other payloads of this family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import BuildError, ParseError
from ..values import code_kind
from ..zcl.clusters import CLUSTER_NAMES, DEFAULT_RESPONSE, FAILURE, NOT_FOUND, SUCCESS
from ..zcl.gbz import Component, Components, Sealed
from ..zcl.meanings import CODES
from ..zcl.named import attribute_kind, body_of, named_body, plain_value
from ..zcl.templates import ANY_COMMAND, Slot, Template
from ..zcl.types import ATTRIBUTE_ID, BY_NAME, ENTRY, LIST, TYPED, Node, octets_of
from .common import ABSENT, FAULT, PROTECTED, Irregular, Place, Values, check_names, lookup
from .gbz_plan import COMPONENTS, STATUS, Step, found_template, plan

_STATUS = code_kind("status", CODES["status"])
_UINT8, _ENUM8 = BY_NAME["uint8"].id, BY_NAME["enum8"].id


def read_response(place: Place, found: Template, components: Sequence[Component]) -> Values:
    """The values of the components of a response. Raises Irregular."""
    positions = found.answer_positions(components)
    if positions is None:
        raise Irregular("the components answer no template of this Message Code")
    reader = _Answers(place, plan(found))
    start = 0
    while start < len(components):
        end = start + 1
        while end < len(components) and components[end].sequence == components[start].sequence:
            end += 1
        reader.take(positions[start], components[start:end])
        start = end
    return reader.done()


class _Answers:
    """Reads the answers of a response, one group of components after the other."""

    def __init__(self, place: Place, steps: Sequence[Step]) -> None:
        self._place = place
        self._steps = steps
        self._values: Values = {}
        self._counts = [0] * len(steps)
        self._failed = False
        self._number = 0
        self._sealed = 0

    def take(self, position: int, group: Sequence[Component]) -> None:
        """One group: the answers to one component of the command."""
        step = self._steps[position]
        if group[0].sequence != self._number & 0xFF:
            raise Irregular("the sequence numbers do not count from 0")
        self._number += 1
        self._counts[position] += 1
        if any(component.manufacturer is not None for component in group):
            raise Irregular("an answer of a manufacturer")
        refused = self._refused(step, group)
        if refused is not None:
            self._refuse(step, position, refused)
        elif self._failed:
            raise Irregular("a component after the failed one was executed")
        elif step.reads:
            self._attributes(step, group[0])
        else:
            found = [self._answer(step, component) for component in group]
            self._put(step, found if step.slot.answers > 1 else found[0])

    def done(self) -> Values:
        """The values, with what only the counts tell."""
        counts = {}
        for step, count in zip(self._steps, self._counts, strict=True):
            if count != step.slot.lo and (step.defaulted or self._failed or not step.single):
                counts[step.name] = count
        if counts:
            self._values[COMPONENTS] = counts
        return self._values

    def _refused(self, step: Step, group: Sequence[Component]) -> tuple[int, int] | None:
        """Command and status of a Default Response, None for a specific answer."""
        first = group[0]
        if first.command != DEFAULT_RESPONSE or first.frame_control & 0x03:
            return None
        if isinstance(first.body, Sealed) or len(first.body) != 2:
            raise Irregular("a Default Response with more or less than command and status")
        number, status = (node.value for node in first.body)
        return number, status

    def _refuse(self, step: Step, position: int, refused: tuple[int, int]) -> None:
        number, status = refused
        if self._failed:
            if refused != (ANY_COMMAND, FAILURE):
                raise Irregular("a component after the failed one was executed")
            return
        if number != step.slot.command:
            raise Irregular("a Default Response to another command")
        if status == SUCCESS and step.defaulted:
            return
        if status == NOT_FOUND and not step.defaulted and not step.reads:
            self._put(step, {STATUS: _STATUS.typed(status)})
            return
        if status == SUCCESS:
            raise Irregular("success without the answer of the use case")
        self._failed = True
        item = step.name if step.single else f"{step.name}#{self._place_of(position)}"
        self._values[FAULT] = {"item": item, STATUS: _STATUS.typed(status)}

    def _place_of(self, position: int) -> int:
        """Which component of its name the last one is, from 1."""
        name = self._steps[position].name
        return sum(count for step, count in zip(self._steps, self._counts, strict=True) if step.name == name)

    def _put(self, step: Step, value: Any) -> None:
        if step.single:
            self._values[step.answer_name] = value
        else:
            self._values.setdefault(step.answer_name, []).append(value)

    def _attributes(self, step: Step, component: Component) -> None:
        body = self._body(step, component)
        if body is None:
            self._values[_sealed_name(step)] = component.body.octets  # type: ignore[union-attr]
            return
        if len(body) != 1 or body[0].type != LIST or len(body[0].value) != len(step.attributes):
            raise Irregular("other attributes than those asked for")
        for (name, row), entry in zip(step.attributes, body[0].value, strict=True):
            number, status, *rest = entry.value
            if number.value != row.id:
                raise Irregular("other attributes than those asked for")
            if status.value:
                self._failed = True
                self._values[name] = {STATUS: _STATUS.typed(status.value)}
                continue
            (value,) = rest
            if value.type != TYPED or value.value.type != row.type:
                raise Irregular(f"{name} has another type than the one declared")
            self._values[name] = attribute_kind(row).typed(value.value.value)

    def _answer(self, step: Step, component: Component) -> Any:
        body = self._body(step, component)
        if body is None:
            return {PROTECTED: component.body.octets}  # type: ignore[union-attr]
        fields = step.answered.fields
        assert fields is not None
        value = named_body(fields, body)
        if value is None:
            raise Irregular(f"{step.answer_name} has other fields than those declared")
        return value

    def _body(self, step: Step, component: Component) -> tuple[Node, ...] | None:
        """The plain body of an answer, None for an encrypted one without the key."""
        body = component.body
        if not isinstance(body, Sealed):
            return body
        if body.frame_counter != self._sealed & 0xFF:
            raise Irregular("the frame counters do not count from 0")
        self._sealed += 1
        plaintext = None if self._place.unseal is None else self._place.unseal(body.octets)
        if plaintext is None:
            return None
        try:
            return component.opened(plaintext)
        except ParseError as error:
            raise Irregular(str(error)) from None


def _sealed_name(step: Step) -> str:
    """The name of an encrypted answer to a read of attributes, where there is no key."""
    return f"{PROTECTED}.{CLUSTER_NAMES[step.slot.cluster].replace(' ', '')}"


def response_payload(place: Place, given: Mapping[str, Any]) -> bytes:
    """The payload of a response. Raises BuildError with the name of the value that is wrong."""
    steps = plan(found_template(place))
    names = {FAULT, COMPONENTS}
    for step in steps:
        names |= (
            {name for name, _ in step.attributes} | {_sealed_name(step)} if step.reads else {step.answer_name}
        )
    check_names(given, names)
    return _ResponseBuilder(place, steps, given).octets()


class _ResponseBuilder:
    """Builds the answers of a response, one component of the command after the other."""

    def __init__(self, place: Place, steps: Sequence[Step], given: Mapping[str, Any]) -> None:
        self._place = place
        self._steps = steps
        self._given = given
        self._counts = _given_counts(steps, given)
        self._fault = _given_fault(given)
        self._failed = False
        self._sealed = 0
        self._taken: dict[str, int] = {}
        self._components: list[Component] = []

    def octets(self) -> bytes:
        """The whole payload. Raises BuildError."""
        number = 0
        done: dict[str, int] = {}
        for step in self._steps:
            for _ in range(self._count(step)):
                done[step.name] = done.get(step.name, 0) + 1
                names = {f"{step.name}#{done[step.name]}"} | ({step.name} if step.single else set())
                self._one(step, number & 0xFF, names)
                number += 1
        if self._fault is not None and not self._failed:
            raise BuildError(f"{self._fault[0]!r} is no component of this use case", f"{FAULT}.item")
        return Components(tuple(self._components)).octets()

    def _count(self, step: Step) -> int:
        """How many components of a step the command had."""
        if step.name in self._counts:
            return self._counts[step.name]
        if step.slot.lo == step.slot.hi or step.defaulted or step.reads:
            return step.slot.lo
        value = lookup(self._given, step.answer_name)
        return len(value) if isinstance(value, list | tuple) else step.slot.lo

    def _one(self, step: Step, sequence: int, names: set[str]) -> None:
        slot = step.slot
        if self._failed:
            self._default(slot, sequence, ANY_COMMAND, FAILURE)
        elif self._fault is not None and self._fault[0] in names:
            self._failed = True
            self._default(slot, sequence, slot.command, self._fault[1])
        elif step.reads:
            self._attributes(step, sequence)
        elif step.defaulted:
            self._default(slot, sequence, slot.command, SUCCESS)
        else:
            self._answers(step, sequence)

    def _default(self, slot: Slot, sequence: int, number: int, status: int) -> None:
        body = (Node(_UINT8, number), Node(_ENUM8, status))
        head = (slot.cluster, slot.default_frame_control, sequence, DEFAULT_RESPONSE)
        self._components.append(Component(*head, body))

    def _attributes(self, step: Step, sequence: int) -> None:
        sealed = lookup(self._given, _sealed_name(step))
        if sealed is not ABSENT:
            self._add(step, sequence, sealed_octets(sealed, _sealed_name(step)))
            return
        entries = []
        for name, row in step.attributes:
            value = lookup(self._given, name)
            if value is ABSENT:
                raise BuildError("missing", name)
            status = _status_of(value, name)
            nodes = [Node(ATTRIBUTE_ID, row.id), Node(_ENUM8, status or SUCCESS)]
            if status is None:
                plain = plain_value(row.type, row.meaning, value, name)
                nodes.append(Node(TYPED, Node(row.type, plain)))
            else:
                self._failed = True
            entries.append(Node(ENTRY, tuple(nodes)))
        self._add(step, sequence, (Node(LIST, tuple(entries)),))

    def _answers(self, step: Step, sequence: int) -> None:
        path = step.answer_name
        value = lookup(self._given, path)
        if value is ABSENT:
            raise BuildError("missing", path)
        if not step.single:
            index = self._taken.get(path, 0)
            self._taken[path] = index + 1
            if not isinstance(value, list | tuple) or index >= len(value):
                raise BuildError(f"a list of at least {index + 1} is needed", path)
            value, path = value[index], f"{path}[{index}]"
        status = _status_of(value, path)
        if status is not None:
            self._default(step.slot, sequence, step.slot.command, status)
            return
        if step.slot.answers > 1:
            if not isinstance(value, list | tuple) or not 1 <= len(value) <= step.slot.answers:
                raise BuildError(f"a list of 1 to {step.slot.answers} is needed", path)
            for index, one in enumerate(value):
                self._answer(step, sequence, one, f"{path}[{index}]")
        else:
            self._answer(step, sequence, value, path)

    def _answer(self, step: Step, sequence: int, value: Any, path: str) -> None:
        if isinstance(value, Mapping) and set(value) == {PROTECTED}:
            self._add(step, sequence, sealed_octets(value[PROTECTED], path))
            return
        fields = step.answered.fields
        assert fields is not None
        self._add(step, sequence, body_of(fields, value, path))

    def _add(self, step: Step, sequence: int, body: tuple[Node, ...] | bytes) -> None:
        slot = step.slot
        head = (slot.cluster, slot.answer_frame_control, sequence, slot.answer_command)
        if not slot.sealed and not isinstance(body, bytes):
            self._components.append(Component(*head, body))
            return
        if not isinstance(body, bytes):
            body = self._place.sealed(octets_of(body), step.answer_name)
        self._components.append(Component(*head, sealed_body(body, self._sealed & 0xFF)))
        self._sealed += 1


def _given_counts(steps: Sequence[Step], given: Mapping[str, Any]) -> dict[str, int]:
    counts = given.get(COMPONENTS, {})
    if not isinstance(counts, Mapping):
        raise BuildError("an object of numbers is needed", COMPONENTS)
    slots = {step.name: step.slot for step in steps}
    for name, count in counts.items():
        path = f"{COMPONENTS}.{name}"
        if name not in slots:
            raise BuildError("there is no such component here", path)
        lo, hi = slots[name].lo, slots[name].hi
        if isinstance(count, bool) or not isinstance(count, int) or not lo <= count <= hi:
            raise BuildError(f"a number from {lo} to {hi} is needed", path)
    return dict(counts)


def _given_fault(given: Mapping[str, Any]) -> tuple[str, int] | None:
    fault = given.get(FAULT)
    if fault is None:
        return None
    if not isinstance(fault, Mapping) or set(fault) != {"item", STATUS}:
        raise BuildError("an object of item and status is needed", FAULT)
    status = _status_of({STATUS: fault[STATUS]}, FAULT)
    if not status:
        raise BuildError("a status other than SUCCESS is needed", f"{FAULT}.{STATUS}")
    return str(fault["item"]), status


def _status_of(value: Any, path: str) -> int | None:
    """The status of `{"status": ...}`, None for anything else."""
    if not isinstance(value, Mapping) or set(value) != {STATUS}:
        return None
    try:
        number: int = _STATUS.plain(value[STATUS])
    except ValueError as error:
        raise BuildError(str(error), f"{path}.{STATUS}") from None
    if not 0 <= number <= 0xFF:
        raise BuildError("a status from 0 to 255 is needed", f"{path}.{STATUS}")
    return number


def sealed_octets(given: Any, path: str) -> bytes:
    """A protected value given in place of its contents. Raises BuildError."""
    try:
        octets = given if isinstance(given, bytes) else bytes.fromhex(given)
    except (TypeError, ValueError):
        raise BuildError("hex digits are needed", path) from None
    if len(octets) < 17:
        raise BuildError("too short for a protected value", path)
    return octets


def sealed_body(octets: bytes, frame_counter: int) -> Sealed:
    """The body of an encrypted component from its protected value."""
    return Sealed(frame_counter, octets[:5], octets[5:-12], octets[-12:])
