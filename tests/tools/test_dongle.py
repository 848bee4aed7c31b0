"""`smets dongle` on the command line: what it says, what it refuses, how it ends."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from hil.virtual import ash
from tests.hil.virtual.process import LIMIT, served
from tests.tools.cli import smets

RST = bytes([ash.CANCEL]) + ash.frame(ash.RST)
RSTACK = ash.frame(ash.RSTACK, b"\x02\x0b")


def address(path: str) -> tuple[str, int]:
    host, _, port = path.removeprefix("tcp://").rpartition(":")
    return host, int(port)


def read(line: socket.socket, length: int) -> bytes:
    octets = b""
    while len(octets) < length and (more := line.recv(length - len(octets))):
        octets += more
    return octets


def test_dongles_on_both_until_interrupted(tmp_path: Path) -> None:
    link = tmp_path / "stick"
    with served("--pty", str(link), "--tcp", "0", "--tcp", "127.0.0.1:0", "--version", "13") as running:
        assert [d["kind"] for d in running.dongles] == ["pty", "tcp", "tcp"]
        assert {d["version"] for d in running.dongles} == {13}
        assert len({d["eui64"] for d in running.dongles}) == 3
        assert link.is_symlink()
        for path in (running.path(1), running.path(2)):
            assert address(path)[0] == "127.0.0.1"
            with socket.create_connection(address(path), LIMIT) as line:
                line.sendall(RST)
                assert read(line, len(RSTACK)) == RSTACK
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(LIMIT) == 130
        assert not link.is_symlink()


def test_it_says_where_they_are(tmp_path: Path) -> None:
    with served("--pty", str(tmp_path / "stick")) as running:
        assert running.dongles == [
            {
                "v": 1,
                "kind": "pty",
                "path": str(tmp_path / "stick"),
                "eui64": running.dongles[0]["eui64"],
                "version": 14,
            }
        ]


def test_memory_outlives_the_process(tmp_path: Path) -> None:
    state = tmp_path / "memory.json"
    with served("--tcp", "0", "--state", str(state)) as running:
        first = running.dongles[0]["eui64"]
    assert json.loads(state.read_text())["dongles"][0]["eui64"] == int(first, 16)
    assert state.stat().st_mode & 0o777 == 0o600
    with served("--tcp", "0", "--state", str(state), "--seed", "7") as running:
        assert running.dongles[0]["eui64"] == first


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ([], "at least one --pty or --tcp is needed"),
        (["--tcp", "here"], "here: HOST:PORT or PORT is needed"),
        (["--tcp", "127.0.0.1:99999"], "127.0.0.1:99999: HOST:PORT or PORT is needed"),
        (["--tcp", "0", "--version", "15"], "'15' is not one of"),
        (["--tcp", "0", "--air", "mud=1"], "air: 'mud=1' is not one of"),
        (["--tcp", "0", "--loss", "1"], "loss_in: a share from 0 up to, but not including, 1"),
        (["--tcp", "0", "--piece", "-1"], "piece: not negative"),
        (["--pty", "/nowhere/stick"], "/nowhere/stick: No such file or directory"),
    ],
)
def test_wrong_use(options: list[str], complaint: str) -> None:
    done = smets("dongle", *options)
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert complaint in done.err


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = smets("dongle", "--tcp", str(taken.getsockname()[1]))
    assert done.status == 2
    assert done.err.startswith(f"smets: 127.0.0.1:{taken_port(done.err)}: ")


def taken_port(text: str) -> str:
    return text.split(":")[2]


@pytest.mark.parametrize("content", ["", "[]", '{"v": 2, "dongles": []}', '{"v": 1, "dongles": [{}]}'])
def test_a_memory_that_is_none(tmp_path: Path, content: str) -> None:
    state = tmp_path / "memory.json"
    state.write_text(content)
    done = smets("dongle", "--tcp", "0", "--state", str(state))
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert state.read_text() == content


def test_a_path_that_is_taken(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    done = smets("dongle", "--pty", str(taken))
    assert done == (2, "", f"smets: {taken}: exists already\n")
    assert os.listdir(tmp_path) == ["file"]
