"""Heavy packages are imported where they are needed, not before; told from sys.modules, not from a watch."""

import json
import subprocess
import sys

import pytest

HEAVY = {"asyncio", "bellows", "click", "construct", "cryptography", "rich", "sqlite3", "zigpy"}


def loaded(code: str) -> set[str]:
    """The heavy packages in memory after running the code in a fresh interpreter."""
    report = f"import sys, json\n{code}\nprint()\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return HEAVY & set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "module", ["gbcs", "gbcs.errors", "gbcs.ids", "gbcs.time", "gbcs.usecases", "smets.store"]
)
def test_plain_modules_need_nothing_heavy(module: str) -> None:
    assert loaded(f"import {module}") == set()


@pytest.mark.parametrize("module", ["gbcs.message", "gbcs.layout", "gbcs.security.store"])
def test_messages_need_no_cryptography(module: str) -> None:
    assert loaded(f"import {module}") <= {"construct"}


def test_the_disk_store_loads_sqlite_when_used() -> None:
    assert loaded("import hil.sqlite_store") == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_is_light(arguments: list[str]) -> None:
    code = (
        "from smets.tools.main import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit as end: assert not end.code"
    )
    assert loaded(code) & {"construct", "cryptography", "asyncio", "zigpy", "bellows", "sqlite3"} == set()


def test_the_measure_sees_a_heavy_import() -> None:
    assert "cryptography" in loaded("from cryptography import x509")
