"""Vectors of key establishment: `name = hex` lines, the project's own and those of the reference."""

import re
from functools import cache
from pathlib import Path

import pytest

from smets.han.suites import Suite

OWN = Path(__file__).resolve().parents[2] / "vectors" / "cbke"
_LINE = re.compile(r"^([A-Za-z].*?)\s*=\s*([0-9a-fA-F]+)\s*(?:->.*)?$", re.MULTILINE)

Vectors = dict[str, bytes]


def values(text: str) -> Vectors:
    """Each `name = hex` line of a text; an odd number of digits gets a zero before it."""
    found = {}
    for name, digits in _LINE.findall(text):
        assert name not in found, name
        found[name] = bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))
    assert found
    return found


def own(suite: Suite) -> Vectors:
    """The project's own vectors of a suite."""
    return values((OWN / f"suite{suite.bit_length()}.txt").read_text("utf-8"))


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


def document(folder: Path) -> str:
    """The security document of the reference, or skip."""
    path = folder / "reference" / "se-security.md"
    if not path.is_file():
        pytest.skip(f"no reference document: {path} is not there")
    return _text(path)


def section(text: str, number: str) -> str:
    """A section by its number, up to the next heading of its level or above."""
    match = re.search(
        rf"^(#+) {re.escape(number)}\.? .*?\n(.*?)(?=^#{{2,3}} |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert match, number
    return match[2]


def published(folder: Path, suite: Suite) -> Vectors:
    """The published vectors of a suite, with everything computed from them."""
    return values(section(document(folder), f"12.{suite.bit_length()}"))
