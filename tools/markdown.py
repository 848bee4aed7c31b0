"""Markdown for the pages of `smets docs`: tables, and text that stays what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table."""
    yield _cells(heads)
    yield _cells(["---"] * len(heads))
    for row in rows:
        yield _cells([plain(cell) for cell in row])


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def plain(text: str) -> str:
    """Text for one cell or heading: in one line, and nothing that Markdown would take for its own."""
    escaped = "`".join(
        piece if index % 2 else piece.replace("*", r"\*").replace("<", "&lt;")
        for index, piece in enumerate(text.split("`"))
    )
    return " ".join(escaped.replace("|", r"\|").split())


def page(lines: Iterable[str]) -> str:
    """The text of a page."""
    return "\n".join(lines) + "\n"
