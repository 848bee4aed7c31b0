"""A meter that is real to its home: `smets device` as a process of its own, on a dongle of another."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hil.homes import open_home
from hil.runner import Result, Runner
from hil.scenario import Scenario, load_scenario
from hil.transcript import Line
from tests.hil.dongles import LIMIT, ROOT
from tests.hil.homes import HOME, METER
from tests.tools.cli import smets

HUB_ID, METER_ID = "00DB123456780003", "00DB123456780001"  # the hub's radio has the id of its GPF
INSTALL_CODE = "00112233445566778899AABBCCDDEEFF"
ENTRY = """[[device]]
name = "meter"
kind = "real"
type = "ESME"
id = "00-DB-12-34-56-78-00-01"
install_code = "{code}"
signing_certificate = "{signing}"
key_agreement_certificate = "{agreement}"
keys = "keys"
join_seconds = {join}
answer_seconds = {answer}
"""


def device_side(folder: Path) -> Path:
    """The scenario of the meter, and beside it, in `known`, what its home has to know."""
    path = folder / "device.toml"
    path.write_text((HOME + METER).replace('seed = "s"', 'seed = "of the device"'), encoding="utf-8")
    done = smets("device", str(path), "meter", "--export", str(folder / "known"))
    assert (done.status, done.err) == (0, "")
    return path


def hub_text(radio: str = "tcp:127.0.0.1:9", code: str = INSTALL_CODE, **more: Any) -> str:
    """The scenario of the home, to lie beside what was exported."""
    values = {"signing": "signing.pem", "agreement": "key-agreement.pem", "join": 60, "answer": 20}
    text = HOME.replace('radio = "memory:"', f'radio = "{radio}"').replace(
        "[hub]", '[hub]\ncbke = "hub.cbke"'
    )
    return text + ENTRY.format(code=code, **{**values, **more})


def hub_side(folder: Path, steps: str, radio: str, **more: Any) -> Scenario:
    """The scenario of the home."""
    path = folder / "known" / "home.toml"
    path.write_text(hub_text(radio, **more) + steps, encoding="utf-8")
    return load_scenario(path)


def run(scenario: Scenario) -> tuple[list[Result], list[Line]]:
    """Run the home's side to its end."""
    with open_home(scenario) as home:
        return list(Runner(scenario, home)), list(home.transcript.lines)


class Meter:
    """The process, and what it said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []

    def texts(self) -> list[str]:
        return [line["decoded"]["text"] for line in self.said]


@contextmanager
def device(scenario: Path, *options: str) -> Iterator[Meter]:
    """Run `smets device` once it is at its radio; at the end `said` has all its lines."""
    command = [sys.executable, "-m", "smets.tools.main", "device", str(scenario), "meter", "--json", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        watch = threading.Timer(LIMIT, process.kill)
        watch.start()
        try:
            assert process.stdout is not None
            made = Meter(process)
            made.said.append(json.loads(process.stdout.readline()))
            yield made
        finally:
            watch.cancel()
            process.terminate()
            rest, _ = process.communicate(timeout=LIMIT)
    made.said += map(json.loads, rest.splitlines())
    assert process.returncode == 130
