"""`smets dongle` as a process of its own, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
LIMIT = 180  # seconds, on a machine with much else to do


class Served:
    """The process, and what it said of its dongles."""

    def __init__(self, process: subprocess.Popen[str], dongles: list[dict[str, Any]]) -> None:
        self.process = process
        self.dongles = dongles

    def path(self, index: int = 0) -> str:
        return str(self.dongles[index]["path"])


@contextmanager
def served(*options: str) -> Iterator[Served]:
    """Run it; killed if a test has not ended by the limit."""
    count = options.count("--tcp") + options.count("--pty")
    command = [sys.executable, "-m", "smets.tools.main", "dongle", "--json", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        watch = threading.Timer(LIMIT, process.kill)
        watch.start()
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(count)]
            yield Served(process, [json.loads(line) for line in lines])
        finally:
            watch.cancel()
            process.terminate()
            process.wait(LIMIT)
