"""A line that says how far long work is, on a terminal only."""

from __future__ import annotations

import sys
import time

INTERVAL = 0.1  # seconds between two looks of the line


class Progress:
    """Counts steps on stderr; silent where stderr is no terminal or stdout is one."""

    __slots__ = ("_done", "_due", "_shown", "_total", "_what")

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        # output that scrolls by is progress enough
        active = total > 1 and sys.stderr.isatty() and not sys.stdout.isatty()
        self._due = time.monotonic() + INTERVAL if active else float("inf")
        self._shown = False

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + INTERVAL
        self._shown = True
        print(f"\r{self._what} {self._done} of {self._total}\x1b[K", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away, before something else is written or at the end."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False
