"""`python -m tests.hil.dongles EUI64...`: virtual dongles with these ids on one air, in a process of its own.

Prints a JSON list of their TCP ports on the loopback interface, and ends when its input does.
"""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
LIMIT = 180  # seconds, on a machine with much else to do


@contextmanager
def dongles(*eui64s: str) -> Iterator[list[str]]:
    """The monikers of dongles with these ids; killed if a test has not ended by the limit."""
    command = [sys.executable, "-m", "tests.hil.dongles", *eui64s]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        watch = threading.Timer(LIMIT, process.kill)
        watch.start()
        try:
            assert process.stdout is not None
            yield [f"tcp:{LOOPBACK}:{port}" for port in json.loads(process.stdout.readline())]
        finally:
            watch.cancel()
            process.communicate("")


async def _serve(eui64s: list[str]) -> None:
    from hil.virtual.bench import Bench

    bench = Bench()
    try:
        ports = [await bench.add_tcp(LOOPBACK, 0, eui64=int(text, 16)) for text in eui64s]
        print(json.dumps([port.address[1] for port in ports]), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await bench.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1:]))
