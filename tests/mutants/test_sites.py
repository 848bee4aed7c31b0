"""What is changed in a module, and that a change is made where it is said to be."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.modules import MODULES
from tests.mutants.sites import mutated, sites


def changes(source: str) -> set[tuple[str, str]]:
    return {(site.before, site.after) for site in sites(source)}


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        ("x = a < b", "a < b", "a <= b"),
        ("x = a < b", "a < b", "not a < b"),
        ("x = a is None", "a is None", "a is not None"),
        ("x = 0 <= a < 5", "0 <= a < 5", "0 <= a <= 5"),
        ("x = a and b", "a and b", "a or b"),
        ("x = not a", "not a", "a"),
        ("x = -a", "-a", "a"),
        ("x = a << 3", "a << 3", "a >> 3"),
        ("x = 7", "7", "8"),
        ("x = 7", "7", "6"),
        ("x = True", "True", "False"),
        ("x = b'\\x00a'", "b'\\x00a'", "b'\\x01a'"),
        ("x = bytes.fromhex('31')", "bytes.fromhex('31')", "bytes.fromhex('30')"),
        ("x = n.to_bytes(8, 'big')", "'big'", "'little'"),
        ("x = '0129'", "'0129'", "'0120'"),
        ("x = f(a, b)", "f(a, b)", "f(b, a)"),
        ("x = min(a, b)", "min(a, b)", "max(a, b)"),
        ("x = a[1:n]", "1:n", ":n"),
        ("x = [a for a in b if a]", "for if a", "for"),
        ("x = a if b else c", "a if b else c", "a if not b else c"),
        ("if a(): b()", "if a()", "if not a()"),
        ("a()", "a()", "pass"),
        ("a.b = c", "a.b = c", "pass"),
        ("def f(): return g()", "return g()", "return None"),
        ("raise E('x')", "raise E('x')", "pass"),
        ("while a: break", "break", "continue"),
    ],
)
def test_a_change_there_is(source: str, before: str, after: str) -> None:
    assert (before, after) in changes(source)


@pytest.mark.parametrize(
    "source",
    [
        "'a docstring'",
        "def f(x: Literal[5]) -> Literal[6]: 'a docstring'",
        "@decorated(5)\ndef f(): ''",
        "if TYPE_CHECKING: x = 5",
        "x = f'{5 + a}'",
        "x = 'text'",
        "x: Literal[5]",
        "x = f(a, a)",
    ],
)
def test_what_is_left_alone(source: str) -> None:
    assert not {before for before, _ in changes(source)} - {"x = f(a, a)"}


def test_an_error_is_raised_or_not_but_its_text_is_left_alone() -> None:
    assert changes("raise E('x', 5, a + 1)") == {("raise E('x', 5, a + 1)", "pass")}


def test_generators_return_nothing_anyway() -> None:
    source = "def f():\n    yield 1\n    return g(2)"
    assert "return None" not in {after for _, after in changes(source)}


def test_each_change_is_made_alone() -> None:
    """As many different modules as there are sites, none of them the one that was."""
    source = "def f(a, b):\n    if a < 5 and b[1:]:\n        g(a, b)\n    return a + 1\n"
    found = sites(source)
    made = {ast.unparse(mutated(source, site.number)) for site in found}
    assert len(made) == len(found) > 10
    assert source.strip() not in made
    assert [site.number for site in found] == list(range(len(found)))
    for site in found:
        if site.after not in ("pass", "if not a"):
            assert site.after in ast.unparse(mutated(source, site.number))


@pytest.mark.parametrize("name", MODULES)
def test_modules_and_their_tests_are_there(name: str, root: Path) -> None:
    module = MODULES[name]
    assert (root / module.path).is_file()
    assert module.tests
    assert all((root / test).is_file() for test in module.tests)


@pytest.mark.parametrize("path", sorted({row.path for row in EQUIVALENT}))
def test_what_is_judged_equivalent_is_still_there(path: str, root: Path) -> None:
    """A row whose code has gone would hide a change to come."""
    found = {site.key for site in sites((root / path).read_text())}
    rows = [row for row in EQUIVALENT if row.path == path]
    assert [row for row in rows if row.key not in found] == []
    assert all(row.reason for row in rows)
