"""`python -m tests.mutants [--modules NAME...] [--seconds N]`: change cryptography, see if tests notice.

On demand, never a part of the check. One line a module, then each change that no test noticed. The reference
messages are not looked at unless SMETS_REFERENCE names them. Exit status: 0 at least `--least` percent of
the changes that make a difference were noticed, 1 less.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.modules import MODULES
from tests.mutants.runner import Bench, Outcome, copy_tree

LEAST = 90.0  # percent


class Score(Counter[Outcome]):
    """How many changes came to which end; `equivalent` ones are counted apart."""

    equivalent: int = 0

    def percent(self) -> float:
        """Noticed among those that make a difference."""
        noticed = self[Outcome.KILLED] + self[Outcome.TIMED_OUT]
        count = noticed + self[Outcome.SURVIVED]
        return 100 * noticed / count if count else 100.0

    def __str__(self) -> str:
        return (
            f"{self.percent():6.1f} %  {self[Outcome.KILLED]:4} killed {self[Outcome.TIMED_OUT]:3} timed out "
            f"{self[Outcome.SURVIVED]:3} survived {self.equivalent:3} equivalent"
        )


def measured(bench: Bench, scopes: Sequence[str], deadline: float, lines: range) -> Score:
    """Try the changes of one module until the deadline, and print what survived."""
    score = Score()
    judged = {row.key for row in EQUIVALENT if row.path == bench.path}
    bench.measure()
    for site in bench.sites:
        if site.line not in lines or (scopes and site.scope not in scopes):
            continue
        if site.key in judged:
            score.equivalent += 1
            continue
        if time.monotonic() > deadline:
            print(f"  {bench.path}: out of time at line {site.line}", flush=True)
            break
        outcome = bench.outcome(site)
        score[outcome] += 1
        if outcome is not Outcome.KILLED:
            print(f"  {outcome.value} {bench.path}:{site}", flush=True)
    return score


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the changes and print the scores."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    names = ", ".join(MODULES)
    parser.add_argument("--modules", nargs="+", metavar="NAME", help=f"of {names} (default: all)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="time for all (default: no end)")
    parser.add_argument("--lines", metavar="FIRST-LAST", help="only changes of these lines")
    parser.add_argument("--least", type=float, default=LEAST, help="percent (default: %(default)s)")
    given = parser.parse_args(arguments)
    chosen = given.modules or list(MODULES)
    for name in chosen:
        if name not in MODULES:
            parser.error(f"{name}: not one of {names}")
    first, _, last = (given.lines or "1-100000").partition("-")
    lines = range(int(first), int(last or first) + 1)
    deadline = time.monotonic() + given.seconds
    _load()
    total, scores = Score(), {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("SMETS_REFERENCE", str(Path(folder, "none")))
        tree = copy_tree(Path(folder))
        for name in chosen:
            module = MODULES[name]
            scores[name] = score = measured(
                Bench(tree, module.path, module.tests), module.scopes, deadline, lines
            )
            print(f"{score}  {module.path}", flush=True)
            total.update(score)
            total.equivalent += score.equivalent
    print(f"{total}  total")
    return 1 if total.percent() < given.least else 0


def _load() -> None:
    """What every run needs and no change touches, once: forked processes have it."""
    import construct
    import cryptography.hazmat.primitives.asymmetric.ec
    import cryptography.hazmat.primitives.ciphers.aead
    import cryptography.x509
    import hypothesis
    import pytest

    assert all((construct, cryptography, hypothesis, pytest, sys))


if __name__ == "__main__":
    raise SystemExit(main())
