"""The plan of a GBZ template: for each slot the names of its values and of its answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ..errors import BuildError
from ..zcl.clusters import CLUSTER_NAMES, DEFAULT_RESPONSE, Attribute, Command, attribute, command
from ..zcl.named import about_fields, attribute_kind
from ..zcl.templates import Slot, Template, template
from .common import Field, Place

STATUS = "status"
COMPONENTS = "Components"


@dataclass(frozen=True, slots=True)
class Step:
    """One slot of a template with the names of its values.

    `name` is that of the command, `answer_name` that of the command it is answered with,
    `attributes` the attributes it reads with their names.
    """

    slot: Slot
    name: str
    answer_name: str
    attributes: tuple[tuple[str, Attribute], ...]
    shared: bool

    @property
    def reads(self) -> bool:
        """Whether it reads attributes."""
        return bool(self.slot.attributes)

    @property
    def single(self) -> bool:
        """Whether it is always one component, and the only one of its name."""
        return self.slot.lo == self.slot.hi == 1 and not self.shared

    @property
    def defaulted(self) -> bool:
        """Whether its answer is a Default Response."""
        return self.slot.answer_command == DEFAULT_RESPONSE

    @property
    def declared(self) -> Command:
        """What the table has for the command. Raises BuildError."""
        return _declared(self.slot.cluster, self.slot.frame_control, self.slot.command)

    @property
    def answered(self) -> Command:
        """What the table has for the answer. Raises BuildError."""
        return _declared(self.slot.cluster, self.slot.answer_frame_control, self.slot.answer_command)


def _declared(cluster: int, frame_control: int, number: int) -> Command:
    found = command(cluster, frame_control, number)
    if found is None or found.fields is None:
        raise BuildError(f"the fields of command {number:02X} of cluster {cluster:04X} are not known")
    return found


@cache
def plan(found: Template) -> tuple[Step, ...]:
    """The steps of a template, in its order."""
    names = [
        _declared(slot.cluster, slot.frame_control, slot.command).name if not slot.attributes else ""
        for slot in found.slots
    ]
    read = [attribute(slot.cluster, number) for slot in found.slots for number in slot.attributes]
    taken = [row.name for row in read if row is not None]
    steps = []
    for slot, name in zip(found.slots, names, strict=True):
        rows = []
        for number in slot.attributes:
            row = attribute(slot.cluster, number)
            if row is None:
                raise BuildError(f"attribute {number:04X} of cluster {slot.cluster:04X} is in no table")
            plain = row.name if taken.count(row.name) == 1 else f"{CLUSTER_NAMES[slot.cluster]}.{row.name}"
            rows.append((plain, row))
        answer = _declared(slot.cluster, slot.answer_frame_control, slot.answer_command).name
        name = name or f"ReadAttributes.{CLUSTER_NAMES[slot.cluster].replace(' ', '')}"
        steps.append(Step(slot, name, answer, tuple(rows), names.count(name) > 1))
    return tuple(steps)


def found_template(place: Place) -> Template:
    """The template of a message's code. Raises BuildError."""
    found = template(place.message.code)
    if found is None:
        raise BuildError(f"{place.message.code:04X} is no GBZ command", "use_case")
    return found


def command_fields(found: Template) -> tuple[Field, ...]:
    """The values a command of a template has."""
    fields: dict[str, Field] = {}
    for step in plan(found):
        layout = step.declared.fields
        if step.reads or layout is None:
            continue
        slots = [other.slot for other in plan(found) if other.name == step.name]
        least, most = sum(slot.lo for slot in slots), sum(slot.hi for slot in slots)
        dated = f"{step.declared.from_date_time}: utc, " if step.slot.dated else ""
        text = "{" + dated + about_fields(layout)[1:]
        if not step.single:
            count = str(least) if least == most else f"{least}..{most}"
            text = f"list of {count} {text}"
        cluster = CLUSTER_NAMES[step.slot.cluster]
        fields[step.name] = Field(step.name, text, "", least > 0, f"{cluster} cluster")
    return tuple(fields.values())


def response_fields(found: Template) -> tuple[Field, ...]:
    """The values a successful response has."""
    fields: dict[str, Field] = {}
    for step in plan(found):
        cluster = f"{CLUSTER_NAMES[step.slot.cluster]} cluster"
        note = "encrypted" if step.slot.sealed else ""
        for name, row in step.attributes:
            kind = attribute_kind(row)
            fields[name] = Field(name, kind.about, row.unit, True, f"{cluster} attribute {row.id:04X}", note)
        layout = step.answered.fields
        if step.reads or step.defaulted or layout is None:
            continue
        text = about_fields(layout)
        fields[step.answer_name] = Field(
            step.answer_name, text if step.single else f"list of {text}", "", True, cluster, note
        )
    return tuple(fields.values())
