"""The plan of a DLMS template: for each component its name, its type, and where its value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache

from ..dlms.activation import activation
from ..dlms.apdu import Choice
from ..dlms.axdr import NULL, Data
from ..dlms.items import answered_as, member_of
from ..dlms.named import about
from ..dlms.objects import Member, MemberKind
from ..dlms.protection_rows import ProtectedRead, protected_read
from ..dlms.templates import Component, Template
from ..dlms.types import Value
from ..dlms.wire import WireType
from ..errors import BuildError
from .common import ACTIVATION_TIME, PERIOD, Field

_PASSIVE = ".Passive"


class Source(Enum):
    """Where the datum of a component of a command comes from."""

    NOTHING = "nothing"  # a get
    CONSTANT = "constant"
    VALUE = "value"
    PERIOD = "period"  # a get with selection
    PROTECTED = "protected"  # a protected read


@dataclass(frozen=True, slots=True)
class Step:
    """One component of a template.

    `name` is that of its value in a command, `answer` of its value in a response; both are
    the data item, without `.Passive`, and with `#2` where an item comes twice.
    """

    component: Component
    member: Member
    source: Source
    name: str
    optional: bool
    constant: Value
    dated: bool
    protected: ProtectedRead | None

    @property
    def answered(self) -> int:
        """The choice of its answer."""
        return answered_as(self.component.choice)

    def wire(self, twin: bool) -> WireType:
        """The type of its datum in a command."""
        return self.member.any_wire() if self.member.twin_type == "" else self.member.wire(twin)

    def answer_wire(self, twin: bool) -> WireType | None:
        """The type of the datum of a successful answer, None for null-data."""
        if self.component.choice == Choice.SET:
            return None
        if self.component.choice == Choice.ACTION:
            result = self.member.result_type
            return None if result in ("", "null") else self.member.result_wire()
        return self.wire(twin)

    def constant_data(self) -> Data:
        """The datum of a constant."""
        return NULL if self.constant is None else self.member.any_wire().encode(self.constant)


@cache
def plan(template: Template) -> tuple[Step, ...]:
    """The steps of a template, in its order."""
    taken: dict[str, int] = {}
    steps = []
    for position, component in enumerate(template.components):
        row = member_of(component)
        if row is None:
            raise BuildError(f"{component} is in no table", str(template))
        name = row.item.removesuffix(_PASSIVE)
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:
            name = f"{name}#{taken[name]}"
        fixed = template.fixed_at(position)
        constant = row.constant if fixed is None else fixed
        protected = protected_read(component.ln) if component.class_id == 30 else None
        activates = activation(row)
        steps.append(
            Step(
                component,
                row,
                _source(component, row, constant, protected),
                name,
                position in template.optional,
                constant,
                activates is not None and activates.dated and component.choice == Choice.SET,
                protected,
            )
        )
    return tuple(steps)


def _source(component: Component, row: Member, constant: Value, protected: ProtectedRead | None) -> Source:
    if component.choice == Choice.GET:
        return Source.NOTHING
    if component.choice == Choice.GET_WITH_SELECTION:
        return Source.PERIOD
    if protected is not None:
        return Source.PROTECTED
    if constant is not None or row.type == "null":
        return Source.CONSTANT
    return Source.VALUE


def command_fields(template: Template) -> tuple[Field, ...]:
    """The values a command of a template has."""
    found: dict[str, Field] = {}
    for step in plan(template):
        source = str(step.component)
        if step.source is Source.CONSTANT and step.optional:
            found[step.name] = Field(step.name, "true", "", False, source)
        elif step.source is Source.VALUE and step.dated:
            note = "when the new values become active"
            found.setdefault(
                ACTIVATION_TIME, Field(ACTIVATION_TIME, about(step.wire(False)), "", True, source, note)
            )
        elif step.source is Source.VALUE:
            text = about(step.member.any_wire())
            found[step.name] = Field(step.name, text, step.member.unit, not step.optional, source)
        elif step.source is Source.PERIOD or (step.protected is not None and step.protected.dated):
            text = "{From: date-time, To: date-time}"
            found.setdefault(PERIOD, Field(PERIOD, text, "", False, source, "all that there is, if left out"))
    return tuple(found.values())


def response_fields(template: Template) -> tuple[Field, ...]:
    """The values a successful response has."""
    found: dict[str, Field] = {}
    for step in plan(template):
        source = str(step.component)
        if step.protected is not None:
            for content in step.protected.contents:
                text = about(content.any_wire())
                found[content.item] = Field(content.item, text, content.unit, True, source, "encrypted")
            continue
        wire = step.answer_wire(False)
        if wire is not None:
            required = step.constant is None and "#" not in step.name
            text = about(step.member.any_wire() if step.member.kind is MemberKind.ATTRIBUTE else wire)
            found[step.name] = Field(step.name, text, step.member.unit, required, source)
    return tuple(found.values())
