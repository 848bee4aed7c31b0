"""The command line as a whole: help, exit status, one line for every failure."""

import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest
import smets.tools.main as module

from tests.tools.cli import smets


def test_help_lists_every_command() -> None:
    done = smets("--help")
    assert done.status == 0
    assert not done.err
    for name, text in module.COMMANDS.items():
        assert name in done.out
        assert text in " ".join(done.out.split())


@pytest.mark.parametrize("name", module.COMMANDS)
def test_each_command_has_help(name: str) -> None:
    done = smets(name, "-h")
    assert done.status == 0
    assert f"Usage: smets {name} " in done.out
    assert "Exit status:" in done.out


def test_the_list_is_written_without_importing_the_commands() -> None:
    """What the list says of a command is what its own help says first."""
    group = module.smets
    assert isinstance(group, click.Group)
    context = click.Context(group)
    assert group.list_commands(context) == list(module.COMMANDS)
    assert group.get_command(context, "no-such") is None
    for name in module.COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such"],
        ["--no-such"],
        ["decode", "--no-such"],
        ["decode", "--keys"],
        ["usecases", "--device", "toaster"],
        ["usecases", "--payload", ""],
        ["usecases", "no\nsuch"],
        ["decode", "no\nsuch"],
        ["decode", "--keys", "no such folder"],
        ["encode", "no such file"],
        ["encode", "\0"],
    ],
)
def test_wrong_use_is_one_line_and_status_2(arguments: list[str]) -> None:
    done = smets(*arguments)
    assert done.status == 2
    assert not done.out
    assert done.err.startswith("smets: ")
    assert done.err.count("\n") == 1
    assert done.err.rstrip("\n").isprintable()


def test_no_arguments_is_help_and_status_2() -> None:
    done = smets()
    assert done.status == 2
    assert "Usage: smets" in done.err


def test_an_interrupt_is_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(name: str) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("smets.tools.inputs.read_file", interrupt)
    done = smets("decode", "-")
    assert done.status == 130
    assert "Traceback" not in done.err


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("smets.tools.usecases._print_table", full)
    done = smets("usecases")
    assert (done.status, done.err) == (2, "smets: No space left on device\n")


def test_a_reader_that_leaves_is_no_error_to_talk_about() -> None:
    command = [sys.executable, "-c", "from smets.tools.main import main; main()", "usecases", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"{")
        process.stdout.close()
        errors = process.stderr.read()
    assert errors == b""
    assert process.returncode == 1


def test_help_is_fast(root: Path) -> None:
    """Under 300 ms of a processor, interpreter included; the best of five, since others share the machine."""
    command = [sys.executable, "-c", "from smets.tools.main import main; main()", "--help"]
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=root, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.3
