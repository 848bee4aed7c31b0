"""`smets usecases`: the table of use cases, and what one of them asks of a meter."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from gbcs.ids import DeviceType, Payload, Role
from gbcs.usecases import UseCase, table

from .text import complain

VERSION = 1
COLUMNS = ("code", "use case", "critical", "payload", "devices", "kinds", "roles", "title")
EPILOG = """\b
With a NAME (ECS02) or message code (0023) everything about it is printed, for DLMS
with the list of what a command addresses; otherwise a table of what the options leave.

\b
Exit status: 0 found, 1 nothing fits the options, 2 a name is unknown.
"""
_SHORT = {
    Role.ROOT: "root",
    Role.RECOVERY: "recovery",
    Role.SUPPLIER: "supplier",
    Role.NETWORK_OPERATOR: "network-operator",
    Role.ACCESS_CONTROL_BROKER: "broker",
    Role.TRANSITIONAL_COS: "transitional-cos",
    Role.WAN_PROVIDER: "wan-provider",
    Role.LOAD_CONTROLLER: "load-controller",
}


def _choice(names: Sequence[str]) -> click.Choice[str]:
    return click.Choice(tuple(names), case_sensitive=False)


@click.command("usecases", epilog=EPILOG)
@click.option("--device", type=_choice([d.value for d in DeviceType]), help="Only those of a device type.")
@click.option("--role", type=_choice(list(_SHORT.values())), help="Only those this party may send.")
@click.option("--payload", type=_choice([p.value for p in Payload]), help="Only those of a payload family.")
@click.option("--critical/--non-critical", default=None, help="Only those that are, or are not, critical.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a use case.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
def command(
    device: str | None,
    role: str | None,
    payload: str | None,
    critical: bool | None,
    as_json: bool,
    names: tuple[str, ...],
) -> int:
    """Show the table of use cases, or all about some of them."""
    rows = [row for name in names for row in _named(name)] if names else list(table())
    chosen = [
        row
        for row in rows
        if (device is None or device in [d.value for d in row.devices])
        and (role is None or role in [_SHORT[r] for r in row.roles])
        and (payload is None or row.payload is Payload(payload))
        and (critical is None or row.critical is critical)
    ]
    if not chosen:
        complain("no use case fits these options")
        return 1
    if as_json:
        for row in chosen:
            print(json.dumps(_fields(row)))
    elif names:
        for number, row in enumerate(chosen):
            print("\n" * bool(number) + "\n".join(_details(row)))
    else:
        _print_table(chosen)
    return 0


def _named(name: str) -> list[UseCase]:
    """The rows of a name, of one of several names joined by /, or of a message code. UsageError."""
    wanted = name.lower()
    found = [row for row in table() if wanted in (row.name.lower(), *row.name.lower().split("/"))]
    found = found or [row for row in table() if row.code is not None and wanted == f"{row.code:04x}"]
    if found:
        return found
    near = difflib.get_close_matches(wanted, {row.name.lower(): row for row in table()}, 3)
    names = [row.name for row in table() if row.name.lower() in near]
    hint = f"; near to it: {', '.join(dict.fromkeys(names))}" if names else ""
    raise click.UsageError(f"no use case is called {name!r}{hint}")


def _cells(row: UseCase) -> tuple[str, ...]:
    """The row in the order of COLUMNS."""
    return (
        _code(row),
        row.name,
        "yes" if row.critical else "no",
        row.payload.value + ("/..." if row.payload_by_device else ""),
        " ".join(d.value for d in row.devices) or "any",
        " ".join(kind.value for kind in row.kinds) or "-",
        " ".join(_senders(row)) or "-",
        row.title,
    )


def _print_table(rows: Sequence[UseCase]) -> None:
    cells = [_cells(row) for row in rows]
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(COLUMNS, *cells, strict=True)]
        for line in (COLUMNS, *cells):
            print("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, header_style="bold", pad_edge=False, row_styles=("", "dim"))
    for name in COLUMNS:
        shown.add_column(name, no_wrap=name in ("code", "use case"))
    for line in cells:
        shown.add_row(*line)
    Console(highlight=False, markup=False).print(shown)


def _fields(row: UseCase) -> dict[str, Any]:
    return {
        "v": VERSION,
        "use_case": row.name,
        "message_code": None if row.code is None else _code(row),
        "title": row.title,
        "service_references": list(row.service_references),
        "devices": [d.value for d in row.devices],
        "devices_inferred": row.devices_inferred,
        "payload": row.payload.value,
        "payload_by_device": row.payload_by_device,
        "roles": _senders(row),
        "kinds": [kind.value for kind in row.kinds],
        "critical": row.critical,
        "command_signed": row.command_signed,
        "command_maced": row.command_maced,
        "replay_protected": row.replay_protected,
        "replay_basis": row.replay_basis,
        "future_datable": row.future_datable,
        "response_has_date_time": row.response_has_date_time,
        "response_encrypted": row.response_encrypted,
        "superseded": row.superseded,
        "templates": _templates(row, _template_fields),
    }


def _details(row: UseCase) -> Iterator[str]:
    yield f"{row.name}  {row.title}"
    for key, value in _fields(row).items():
        if key in ("v", "use_case", "title", "templates"):
            continue
        if isinstance(value, list):
            value = " ".join(value) or "-"
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        yield f"  {key.replace('_', ' '):22}  {'-' if value is None else value}"
    for lines in _templates(row, _template_lines):
        yield from lines


def _templates(row: UseCase, show: Callable[[Any], Any]) -> list[Any]:
    """Each template of a DLMS use case as `show` has it."""
    if row.code is None:
        return []
    from gbcs.dlms.templates import templates

    return [show(template) for template in templates(row.code)]


def _template_fields(template: Any) -> dict[str, Any]:
    items = []
    for position, component in enumerate(template.components):
        member = _member(component)
        items.append(
            {
                "component": str(component),
                "name": None if member is None else f"{member.item} ({member.name})",
                "type": None if member is None or component.choice in (1, 4) else member.type,
                "optional": position in template.optional,
                "fixed": template.fixed_at(position),
            }
        )
    return {"variant": template.variant or None, "items": items}


def _template_lines(template: Any) -> list[str]:
    shown = _template_fields(template)
    lines = [f"  command {shown['variant'] or ''}".rstrip()]
    width = max(len(item["component"]) for item in shown["items"])
    for number, item in enumerate(shown["items"], 1):
        line = f"  {number:4}. {item['component']:{width}}  {item['name'] or '(not in the object table)'}"
        if item["type"] is not None:
            line += f"  {item['type']}"
        if item["fixed"] is not None:
            line += f" = {item['fixed']}"
        lines.append(line + ("  [optional]" if item["optional"] else ""))
    return lines


def _member(component: Any) -> Any:
    from gbcs.dlms.objects import MemberKind, member

    kind = MemberKind.METHOD if component.choice == 3 else MemberKind.ATTRIBUTE
    return member(component.class_id, component.ln, kind, component.member)


def _senders(row: UseCase) -> list[str]:
    return [_SHORT[role] for role in row.roles] + (["ppmid"] if row.from_ppmid else [])


def _code(row: UseCase) -> str:
    return "-" if row.code is None else f"{row.code:04X}"
