"""A use case as lines for a terminal: its row, its messages, and their values as indented trees."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import click

from gbcs.ids import Kind
from gbcs.usecases import UseCase

from .usecase_components import item_text, templates
from .usecase_facts import OUTCOMES, Form, build_options, headings, protection, same_forms, with_limits

WIDTH = 100  # of a page that is piped
_KEPT = "\N{NO-BREAK SPACE}"  # where a line is not to be broken
_NUMBERED = re.compile(r"((?:^|, |: )[0-9A-F.]+) (?=\w)")  # a number and its name
_EXAMPLE = 400  # characters of an example that is shown whole


def use_case_lines(row: UseCase, kinds: Sequence[Kind], width: int = WIDTH) -> Iterator[str]:
    """Everything about a use case; of its messages these kinds."""
    yield click.style(f"{row.name}  {row.title}", bold=True)
    pairs = headings(row) + [(kind.value, protection(row, kind).text) for kind in kinds]
    yield from _columns([(f"  {name}", text) for name, text in pairs], width)
    for group, forms in same_forms(row, kinds):
        for form in forms:
            yield ""
            yield from _form_lines(row, group, form, width)
    for template in templates(row) if set(kinds) - {Kind.RESPONSE, Kind.ALERT} else ():
        yield ""
        name = f"what the command consists of: {template['variant']}" if template["variant"] else ""
        yield click.style(name or "what the command consists of", bold=True)
        lines = enumerate(template["items"], 1)
        labels = [(f"  {number:3}. {item['component']}", item_text(item)) for number, item in lines]
        yield from _columns(labels, width)


def _form_lines(row: UseCase, group: Sequence[Kind], form: Form, width: int) -> Iterator[str]:
    name = ", ".join(kind.value for kind in group)
    yield click.style(f"{name}: {form.variant}" if form.variant else name, bold=True)
    if not form.values:
        yield "  no values"
        return
    yield from _columns([row for part in form.values for row in part_rows(part, 1)], width)
    if form.example is not None:
        yield from _example_lines(row, group[-1], form.example, width)


def part_rows(part: Any, depth: int, label: str = "") -> Iterator[tuple[str, str]]:
    """Name and text of a node and of what is below it."""
    if part.name in OUTCOMES:
        names = ", ".join(below.name for below in part.parts)
        text = part_text(part)
        yield "  " * depth + part.name, text.replace("object", f"object of {names}", 1)
        return
    yield "  " * depth + (part.name or label), part_text(part)
    yield from _below(part, depth + 1)


def _below(part: Any, depth: int) -> Iterator[tuple[str, str]]:
    from gbcs.named.parts import Shape

    if part.shape is Shape.OBJECT:
        for below in part.parts:
            yield from part_rows(below, depth)
    elif part.shape is Shape.LIST:
        entry = part.parts[0]
        if entry.shape is Shape.OBJECT:
            yield from _below(entry, depth)
        elif entry.shape is not Shape.LEAF:
            yield from part_rows(entry, depth, "each")
        elif entry.limits:
            yield "  " * depth + "each", "; ".join(entry.limits)
    elif part.shape is Shape.ONE_OF and any(below.shape is not Shape.LEAF for below in part.parts):
        for below in part.parts:
            yield from part_rows(below, depth, "either")


def part_text(part: Any) -> str:
    """What a node takes, whether it may be left out, what there is to remark, where it stands."""
    words = [_NUMBERED.sub(rf"\1{_KEPT}", with_limits(part))]
    if not part.required and "left out" not in part.note and part.note != "one of these":
        words.append("may be left out")
    if part.note:
        words.append(part.note)
    text = "; ".join(words)
    return f"{text} ({part.source.replace(' ', _KEPT)})" if part.source else text


def _columns(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Names and texts side by side; long texts go on under themselves."""
    edge = min(max((len(name) for name, _ in rows), default=0), width * 9 // 20) + 2
    for name, text in rows:
        lines = textwrap.wrap(text, max(width - edge, 30), break_long_words=False, break_on_hyphens=False)
        if len(name) > edge - 2:
            yield name
            name = ""
        for line in lines or [""]:
            yield f"{name:{edge}}{line}".replace(_KEPT, " ").rstrip()
            name = ""


def _example_lines(row: UseCase, kind: Kind, example: dict[str, Any], width: int) -> Iterator[str]:
    code = row.name if _alone(row) else f"{row.code:04X}"
    head = f"smets build {code}{build_options(row, kind)} --from ID --to ID --counter N"
    options = [f"--set {shlex.quote(f'{name}={_value(value)}')}" for name, value in example.items()]
    yield "  for example"
    if sum(map(len, options)) > _EXAMPLE:
        kinds = "" if kind is Kind.COMMAND else f" --kind {kind.value}"
        yield f"    smets usecases {code}{kinds} --example > values.json"
        yield f"    {head} --values values.json"
        return
    line = f"    {head}"
    for option in options:
        if len(line) + len(option) + 3 > width:
            yield f"{line} \\"
            line = f"      {option}"
        else:
            line += f" {option}"
    yield line


def _alone(row: UseCase) -> bool:
    from gbcs.usecases import table

    return sum(other.name == row.name for other in table()) == 1


def _value(value: Any) -> str:
    """A value as --set reads it: a text as it is, unless that would be read as something else."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value)
