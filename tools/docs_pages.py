"""The pages of `smets docs`: Markdown from the tables of use cases, events and settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from gbcs.ids import Kind
from gbcs.usecases import UseCase, table

from .markdown import grid, page, plain
from .usecase_components import item_text, templates
from .usecase_facts import (
    Form,
    build_options,
    code_text,
    headings,
    protection,
    same_forms,
    senders,
    with_limits,
)

RECIPIENTS = {
    "S": "supplier",
    "N": "network-operator",
    "A": "broker",
    "W": "wan-provider",
    "O": "originator",
}
_WAN = ("no", "code and time", "with content")


def use_case_path(row: UseCase) -> str:
    """Where the page of a use case is; several of one name are told apart by their code."""
    name = row.name.replace("/", "-")
    if sum(other.name == row.name for other in table()) > 1:
        name += f"-{code_text(row)}"
    return f"use-cases/{name}.md"


def index_page() -> str:
    """All use cases in a table, and the other pages."""
    lines = [
        "# Use cases",
        "",
        "Every use case of GBCS that this version knows, in the order of the Message Codes. Also:",
        "[alerts and events](alerts.md), [data items of a meter](data-items.md),",
        "[its display](display.md), [state machines](machines.md), [settings](settings.md).",
        "",
        "`smets usecases NAME` says the same on a terminal, `smets build` builds the messages.",
        "",
    ]
    heads = ("code", "use case", "title", "devices", "payload", "critical", "sent by", "messages")
    return page([*lines, *grid(heads, map(_index_row, table()))])


def _index_row(row: UseCase) -> tuple[str, ...]:
    return (
        code_text(row),
        f"[{row.name}]({use_case_path(row)})" if row.kinds else row.name,
        row.title,
        " ".join(d.value for d in row.devices) or "any",
        row.payload.value,
        "yes" if row.critical else "no",
        ", ".join(senders(row)) or "-",
        ", ".join(kind.value for kind in row.kinds) or "none",
    )


def use_case_page(row: UseCase) -> str:
    """Everything about a use case."""
    lines = [f"# {row.name} {plain(row.title)}", "", "[All use cases](../index.md)", ""]
    lines += grid(("", ""), headings(row))
    lines += ["", "## Protection", ""]
    lines += grid(("message", "protected by"), ((k.value, protection(row, k).text) for k in row.kinds))
    for group, forms in same_forms(row, row.kinds):
        title = " and ".join(kind.value for kind in group).capitalize()
        lines += ["", f"## {title}"]
        for form in forms:
            lines += _form(row, group[-1], form)
    shown = templates(row)
    if shown:
        lines += ["", "## What the command consists of"]
    for template in shown:
        lines += ["", f"Variant `{template['variant']}`", ""] if template["variant"] else [""]
        items = ((str(n), f"`{i['component']}`", item_text(i)) for n, i in enumerate(template["items"], 1))
        lines += grid(("", "component", "what"), items)
    return page(lines)


def _form(row: UseCase, kind: Kind, form: Form) -> Iterator[str]:
    if form.variant:
        yield from ("", f"### {form.variant}")
    yield ""
    if not form.values:
        yield "No values."
        return
    heads = ("value", "what may be given", "needed", "remarks", "where")
    yield from grid(heads, (cells for part in form.values for cells in _part_rows(part, part.name)))
    if form.example is not None:
        options = build_options(row, kind)
        yield from ("", f"An example, for `smets build {_name(row)}{options} --values FILE`:", "", "```json")
        yield _compact(form.example)
        yield "```"


def _name(row: UseCase) -> str:
    return code_text(row) if sum(other.name == row.name for other in table()) > 1 else row.name


def _compact(example: dict[str, Any]) -> str:
    """An object as JSON, one value a line."""
    lines = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in example.items())
    return "{\n" + ",\n".join(lines) + "\n}" if example else "{}"


def _part_rows(part: Any, path: str) -> Iterator[tuple[str, ...]]:
    """The cells of a node and of what is below it, under the paths that smets build names them by."""
    needed = "yes" if part.required else "no"
    yield f"`{path}`", with_limits(part), needed, part.note, f"`{part.source}`" if part.source else ""
    yield from _below(part, path)


def _below(part: Any, path: str) -> Iterator[tuple[str, ...]]:
    from gbcs.named.parts import Shape

    if part.shape is Shape.OBJECT:
        for below in part.parts:
            yield from _part_rows(below, f"{path}.{below.name}")
    elif part.shape is Shape.LIST:
        entry = part.parts[0]
        if entry.shape is Shape.LEAF:
            if entry.limits:
                yield f"`{path}[]`", with_limits(entry), "yes", entry.note, ""
        elif entry.shape is Shape.OBJECT:
            yield from _below(entry, f"{path}[]")
        else:
            yield from _part_rows(entry, f"{path}[]")
    elif part.shape is Shape.ONE_OF and any(below.shape is not Shape.LEAF for below in part.parts):
        for below in part.parts:
            yield f"{below.name or 'either'}:", with_limits(below), "", below.note, ""
            yield from _below(below, path)


def alerts_page() -> str:
    """Every event and alert code."""
    from gbcs.event_rows import ROWS

    lines = [
        "# Alerts and events",
        "",
        "The event and alert codes of SMETS and GBCS. `inferred` marks a row that was partly concluded from",
        "codes of its kind. Configurable: a command may switch the alert on and off. The messages of alerts",
        "with content of their own are among the [use cases](index.md): "
        + ", ".join(f"[{row.name}]({use_case_path(row)})" for row in table() if Kind.ALERT in row.kinds)
        + ".",
        "",
    ]
    told = ("WAN alert", "HAN alert", "log", "to", "remark")
    heads = ("code", "name", "devices", "class", "configurable", *told)
    return page([*lines, *grid(heads, map(_event_row, ROWS))])


def _event_row(row: tuple[Any, ...]) -> tuple[str, ...]:
    code, name, devices, kind, configurable, wan, han, log, to, inferred = row
    return (
        f"{code:04X}",
        name,
        devices.replace(";", ", "),
        "event only" if kind == "none" else kind,
        "yes" if configurable else "no",
        _WAN[wan],
        "yes" if han else "",
        log if log != "-" else "",
        ", ".join(RECIPIENTS[letter] for letter in to),
        "inferred" if inferred else "",
    )


def settings_page() -> str:
    """Every setting where the specification is silent or unsure, with its default."""
    from .docs_settings import Group, groups

    lines = [
        "# Settings",
        "",
        "Where the specification is silent or unsure there is a setting with a default. `Gap` names what is",
        "open and where the project's reference says so; `Ours` marks what no specification asks for.",
    ]

    def section(group: Group) -> Iterable[str]:
        yield from ("", f"## {group.name}", "", f"`{group.module}.{group.name}`", "")
        yield from (*group.about, "")
        yield from grid(
            ("setting", "default", "what it is"), ((f"`{n}`", f"`{d}`", t) for n, d, t in group.rows)
        )

    return page([*lines, *(line for group in groups() for line in section(group))])
