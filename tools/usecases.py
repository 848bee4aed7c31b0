"""`smets usecases`: the table of use cases, and all about one of them."""

from __future__ import annotations

import difflib
import json
import shutil
import sys
from collections.abc import Sequence

import click

from gbcs.ids import DeviceType, Kind, Payload, Role
from gbcs.usecases import UseCase, table

from .text import ROLE_NAMES, complain
from .usecase_components import templates
from .usecase_facts import code_text, facts, forms, messages, senders
from .usecase_text import WIDTH, use_case_lines

COLUMNS = ("code", "use case", "critical", "payload", "devices", "kinds", "roles", "title")
EPILOG = """\b
With a NAME (ECS02) or message code (0023) everything about it is printed: who sends
it, how it is protected, the values of each kind of message with types, limits and
units; otherwise a table of what the options leave. --example prints an object of
values that smets build takes with --values.

\b
Exit status: 0 found, 1 nothing fits the options or there is no such message, 2 a name
is unknown.
"""


_SENDERS = [name for role, name in ROLE_NAMES.items() if role not in (Role.OTHER, Role.ISSUING_AUTHORITY)]


def _choice(names: Sequence[str]) -> click.Choice[str]:
    return click.Choice(tuple(names), case_sensitive=False)


@click.command("usecases", epilog=EPILOG)
@click.option("--device", type=_choice([d.value for d in DeviceType]), help="Only those of a device type.")
@click.option("--role", type=_choice(_SENDERS), help="Only those this party may send.")
@click.option("--payload", type=_choice([p.value for p in Payload]), help="Only those of a payload family.")
@click.option("--critical/--non-critical", default=None, help="Only those that are, or are not, critical.")
@click.option("--kind", type=_choice([k.value for k in Kind]), help="Of a NAME, only this kind of message.")
@click.option("--variant", metavar="NAME", help="With --example: which form of the command.")
@click.option("--example", is_flag=True, help="Print example values of a command, or of the --kind.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a use case.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
def command(
    device: str | None,
    role: str | None,
    payload: str | None,
    critical: bool | None,
    kind: str | None,
    variant: str | None,
    example: bool,
    as_json: bool,
    names: tuple[str, ...],
) -> int:
    """Show the table of use cases, or all about some of them."""
    if not names and (kind is not None or example):
        raise click.UsageError(f"--{'example' if example else 'kind'} needs the NAME of a use case")
    if variant is not None and not example:
        raise click.UsageError("--variant needs --example")
    rows = [row for name in names for row in _named(name)] if names else list(table())
    chosen = [
        row
        for row in rows
        if (device is None or device in [d.value for d in row.devices])
        and (role is None or role in [ROLE_NAMES[r] for r in row.roles])
        and (payload is None or row.payload is Payload(payload))
        and (critical is None or row.critical is critical)
    ]
    if not chosen:
        complain("no use case fits these options")
        return 1
    if example:
        return _print_example(chosen, Kind(kind or "command"), variant)
    if kind is not None and all(Kind(kind) not in row.kinds for row in chosen):
        complain(f"{chosen[0].name} has no {kind}")
        return 1
    if names:
        _print_details(chosen, None if kind is None else Kind(kind), as_json)
    elif as_json:
        for row in chosen:
            print(json.dumps({**facts(row), "templates": templates(row)}))
    else:
        _print_table(chosen)
    return 0


def _print_details(rows: Sequence[UseCase], kind: Kind | None, as_json: bool) -> None:
    """Everything about some use cases, or about one kind of their messages."""
    for number, row in enumerate(rows):
        kinds = [one for one in row.kinds if kind in (None, one)]
        if as_json:
            more = {"templates": templates(row), "messages": messages(row, kinds)}
            print(json.dumps({**facts(row), **more}))
            continue
        if number:
            print()
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
        for line in use_case_lines(row, kinds, width):
            click.echo(line)


def _print_example(rows: Sequence[UseCase], kind: Kind, variant: str | None) -> int:
    """Example values as JSON, for the first form or for a variant."""
    if len(rows) > 1:
        names = ", ".join(code_text(row) for row in rows)
        raise click.UsageError(f"--example needs one use case, not {names}")
    (row,) = rows
    if kind not in row.kinds:
        complain(f"{row.name} has no {kind.value}")
        return 1
    found = [form for form in forms(row, kind) if variant in (None, form.variant)]
    if not found:
        raise click.UsageError(f"{row.name} has no variant {variant!r}")
    if found[0].example is None:
        complain(f"{row.name} has no example that builds")
        return 1
    print(json.dumps(found[0].example, indent=1))
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
        code_text(row),
        row.name,
        "yes" if row.critical else "no",
        row.payload.value + ("/..." if row.payload_by_device else ""),
        " ".join(d.value for d in row.devices) or "any",
        " ".join(kind.value for kind in row.kinds) or "-",
        " ".join(senders(row)) or "-",
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
