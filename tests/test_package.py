"""What is shipped: the wheel holds every room and its data, and nothing else; README and CI agree."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOMS = {"gbcs": "gbcs", "smets": "smets", "chts": "chts", "hil": "hil", "tools": "smets/tools"}
NOT_SOURCE = shutil.ignore_patterns(
    ".*", "__pycache__", "build", "dist", "*.egg-info", "tests", "venv"
)  # a stale build/ would end up in the wheel


@pytest.fixture(scope="session")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the tree as it is, built without network."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(root, source, ignore=NOT_SOURCE)
    (source / "tests").mkdir()  # must not be found by the build
    (source / "tests" / "__init__.py").touch()
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "-w", str(folder), str(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def content(wheel: Path) -> set[str]:
    """The names in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_module_is_shipped(root: Path, content: set[str]) -> None:
    """A folder without __init__.py is no package, and would be left out."""
    expected = {
        f"{target}/{path.relative_to(root / room).as_posix()}"
        for room, target in ROOMS.items()
        for path in (root / room).rglob("*.py")
    }
    assert len(expected) > len(ROOMS)
    assert expected == {name for name in content if name.endswith(".py")}


def test_data_is_shipped(root: Path, content: set[str]) -> None:
    expected = {f"{room}/py.typed" for room in ("gbcs", "smets", "chts", "hil")}
    for folder, pattern in (("scenarios", "*.toml"), ("templates", "*")):
        expected |= {
            f"hil/{folder}/{path.name}" for path in (root / "hil" / folder).glob(pattern) if path.is_file()
        }
    data = {name for name in content if not name.endswith(".py") and ".dist-info/" not in name}
    assert data == expected


def test_only_the_rooms_are_installed(content: set[str]) -> None:
    tops = {name.partition("/")[0] for name in content}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gbcs", "smets", "chts", "hil"}


def test_names_and_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (information,) = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        entry_points = archive.read(f"{information}/entry_points.txt").decode()
        metadata = archive.read(f"{information}/METADATA").decode()
        assert f"{information}/licenses/LICENSE" in archive.namelist()
    assert "smets = smets.tools.main:main" in entry_points
    assert "License-Expression: GPL-3.0-or-later" in metadata
    assert "Requires-Python: >=3.11" in metadata


def test_the_command_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(wheel)!r})\n"
        "import smets.tools.main as command\n"
        f"assert command.__file__.startswith({str(wheel)!r}), command.__file__\n"
        "command.main(['--help'])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: smets" in done.stdout


def test_readme_and_ci_run_the_same_command(root: Path) -> None:
    commands = re.findall(r"^ *(python3 -m venv .*)$", (root / "README.md").read_text("utf-8"), re.MULTILINE)
    ci = [line for line in (root / ".ci" / "run").read_text("utf-8").splitlines() if "-m venv" in line]
    assert len(commands) == 2
    (test,) = [command for command in commands if command.endswith(" -m tests")]
    assert ci == [test]
    assert (root / ".ci" / "run").stat().st_mode & 0o111
