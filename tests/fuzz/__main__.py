"""Run one fuzz target or all: `python -m tests.fuzz TARGET|all [--count N] [--seed S]`.

`--input HEX` tries one input again. Exit status: 0 nothing escaped, 1 something did.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
import warnings

from tests.fuzz.harness import SHARES, Escape, attempt, run, share

STEP = 1000


def main(arguments: list[str]) -> int:
    """Run what is asked for and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=[*SHARES, "all"])
    parser.add_argument("--count", type=int, default=10_000, help="inputs in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--input", type=bytes.fromhex, help="one input in hex, instead of drawing some")
    given = parser.parse_args(arguments)
    names = list(SHARES) if given.target == "all" else [given.target]
    warnings.simplefilter("error")  # as in the tests
    status = 0
    for name in names:
        try:
            if given.input is not None:
                print(f"{name}: {'accepted' if attempt(name, given.input) else 'refused'}")
            else:
                loop(name, given.count if len(names) == 1 else share(name, given.count), given.seed)
        except Escape as escape:
            status = 1
            print(f"{escape}\n", file=sys.stderr)
            traceback.print_exception(escape.__cause__)
    return status


def loop(name: str, count: int, seed: int) -> None:
    """Run a target in steps and print one line."""
    start = time.monotonic()
    accepted = done = 0
    while done < count:
        step = min(STEP, count - done)
        accepted += run(name, step, seed, done).accepted
        done += step
    spent = time.monotonic() - start
    print(f"{name}: {count} inputs, {accepted} accepted, nothing escaped, {spent:.1f} s", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
