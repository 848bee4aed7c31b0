"""The plugin of pytest, as tests of somebody else's project use it."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = '''
import pytest

COMMAND = """
[[step]]
command = "ECS38"
from = "supplier"
to = "meter"
values = [600]
"""


def test_a_command(joined_home):
    (result,) = joined_home.expect(COMMAND)
    assert result.found == "success"


def test_what_is_not_as_expected(joined_home):
    with pytest.raises(AssertionError, match="refused was expected"):
        joined_home.expect(COMMAND + 'expect = "refused"')


def test_a_scenario_of_my_own(scenario_runner, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(joined + COMMAND)
    assert [result.passed for result in scenario_runner(path)] == [True]


def test_the_choice(han):
    assert str(han) == "memory:"
'''
JOINED = '''
joined = """spec = 1
[hub]
chf = "00-DB-12-34-56-78-00-02"
gpf = "00-DB-12-34-56-78-00-03"
[[party]]
name = "supplier"
role = "supplier"
id = "90-B3-D5-1F-00-00-00-11"
[[party]]
name = "broker"
role = "accessControlBroker"
id = "90-B3-D5-1F-00-00-00-13"
[[device]]
name = "meter"
type = "ESME"
id = "00-DB-12-34-56-78-00-01"
"""
'''


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_mine.py").write_text(TESTS + JOINED)
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_fixtures_need_nothing_but_the_package(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_a_wrong_choice_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "--han=zigbee:")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = done.stderr.split("\n\n")[0].splitlines()
    assert line.startswith("ERROR: --han: 'zigbee:' is no link, known are memory:")
    assert "Traceback" not in done.stderr


def test_missing_sticks_are_skipped_with_the_reason(tmp_path: Path) -> None:
    pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")
    done = run(
        tmp_path, f"--han=hub=serial:{tmp_path}/a", f"--han=meter=serial:{tmp_path}/b", "-k", "not choice"
    )
    assert done.returncode == 0, done.stdout
    assert "3 skipped" in done.stdout
    assert f"no stick of hub at {tmp_path}/a: plug it in" in done.stdout


def test_sticks_for_other_nodes_fail_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")
    (tmp_path / "stick").touch()
    done = run(tmp_path, f"--han=hub=serial:{tmp_path}/stick", "-k", "a_command")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "meter has no stick: --han=meter=serial:...\n" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_plugin_imports_nothing_before_it_is_used() -> None:
    code = "import sys, hil.pytest_plugin\nprint(*sorted(m for m in sys.modules if m[:3] in ('gbc', 'hil')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["hil", "hil.pytest_plugin"]
