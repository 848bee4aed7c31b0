"""`smets docs`: pages about use cases, alerts, meters, state machines and settings, from the tables."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import NamedTuple

import click

from .progress import Progress
from .text import complain, one_line

VERSION = 1
MARKER = "<!-- Written by smets docs; changes here are lost. -->\n\n"
EPILOG = """\b
DIR gets index.md, alerts.md, data-items.md (what an electricity meter holds),
display.md (what it shows, and its buttons), machines.md (every state machine, with
a Mermaid diagram), settings.md, and in DIR/use-cases a page for each use case: what
it is, who may send it, how it is protected, the values of its messages with types,
limits and units, an example. The pages say what the tables of this version say,
and nothing else: running it again gives the same octets.

\b
A file that was there and is no page of this command is left alone, and nothing is
written. Exit status: 0 written, 2 DIR cannot be used.
"""


class Page(NamedTuple):
    """A file to be: its path below DIR, with / between the parts, and its text."""

    path: str
    text: str

    @property
    def octets(self) -> bytes:
        """What the file holds: the marker by which the command knows its pages, and the text."""
        return (MARKER + self.text).encode()


@click.command("docs", epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a page.")
@click.argument("directory", metavar="DIR")
def command(directory: str, as_json: bool) -> int:
    """Write pages about use cases, alerts, meters and settings, as Markdown."""
    found = list(_pages())
    foreign = [page.path for page in found if not _ours(os.path.join(directory, page.path))]
    if foreign:
        where = one_line(os.path.join(directory, foreign[0]))
        more = f" (and {len(foreign) - 1} more)" if len(foreign) > 1 else ""
        complain(f"{where}: exists and was not written by smets docs{more}; nothing was written")
        return 2
    for page in found:
        _write(os.path.join(directory, page.path), page.octets)
    _report(directory, found, as_json)
    return 0


def _pages() -> Iterator[Page]:
    """Every page, in the order of the index."""
    from gbcs.usecases import table

    from .docs_items import display_page, items_page
    from .docs_machines import machines_page
    from .docs_pages import alerts_page, index_page, settings_page, use_case_page, use_case_path

    yield Page("index.md", index_page())
    yield Page("alerts.md", alerts_page())
    yield Page("data-items.md", items_page())
    yield Page("display.md", display_page())
    yield Page("machines.md", machines_page())
    yield Page("settings.md", settings_page())
    rows = [row for row in table() if row.kinds]
    progress = Progress("page", len(rows))
    for row in rows:
        yield Page(use_case_path(row), use_case_page(row))
        progress.step()
    progress.clear()


def _ours(path: str) -> bool:
    """Whether a file may be written: there is none, or one of ours, whole or cut short. Raises OSError."""
    try:
        with open(path, "rb") as file:
            return MARKER.encode().startswith(file.read(len(MARKER)))
    except FileNotFoundError:
        return True


def _write(path: str, octets: bytes) -> None:
    """Write a page. Raises OSError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(octets)


def _report(directory: str, pages: list[Page], as_json: bool) -> None:
    if as_json:
        for page in pages:
            title = page.text.split("\n", 1)[0].removeprefix("# ")
            path = os.path.join(directory, page.path)
            print(json.dumps({"v": VERSION, "file": path, "title": title, "octets": len(page.octets)}))
        return
    for page in pages:
        if "/" not in page.path:
            print(one_line(os.path.join(directory, page.path)))
    below = sum("/" in page.path for page in pages)
    print(f"{one_line(os.path.join(directory, 'use-cases'))}: {below} pages")
