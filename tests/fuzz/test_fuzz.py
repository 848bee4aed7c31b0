"""Every target for a while: 10^4 inputs in all, 10^6 in the long run."""

from __future__ import annotations

from pathlib import Path

import pytest

from gbcs.errors import ParseError
from tests.fuzz import __main__ as driver
from tests.fuzz import harness
from tests.fuzz.harness import SHARES, Escape, Target, attempt, case, run, share, target

every_target = pytest.mark.parametrize("name", SHARES)


@every_target
def test_nothing_escapes(name: str) -> None:
    tally = run(name, share(name, 10_000), 1)
    assert tally.refused
    assert tally.accepted or name in ("certificate", "request")


@pytest.mark.long
@every_target
def test_nothing_escapes_long(name: str) -> None:
    tally = run(name, share(name, 1_000_000), 2)
    assert tally.refused
    assert tally.accepted


@every_target
def test_sound_inputs_are_accepted(name: str) -> None:
    seeds = target(name).seeds()
    assert len(seeds) == len(target(name).seeds())
    step = max(1, len(seeds) // 100)
    for index, octets in enumerate(seeds[::step]):
        assert attempt(name, octets, f"seed {index * step}")


@every_target
def test_an_input_is_made_again_by_its_number(name: str) -> None:
    inputs = [case(name, 5, index) for index in range(20)]
    assert [case(name, 5, index) for index in (19, 3)] == [inputs[19], inputs[3]]
    assert len(set(inputs)) > 10


def test_every_module_with_a_target_has_a_share() -> None:
    folder = Path(harness.__file__).parent
    found = {path.stem for path in folder.glob("*.py") if "\nTARGET = " in path.read_text("utf-8")}
    assert found == set(SHARES)


def careless(octets: bytes) -> bool:
    """Refuses what is short as it should, and trips over a zero."""
    if len(octets) < 4:
        raise ParseError("too short")
    return bool(1 // octets[0])


@pytest.fixture
def careless_target(monkeypatch: pytest.MonkeyPatch) -> str:
    made = Target("careless", lambda: [b"\x01" * 8], careless, (ParseError,))
    monkeypatch.setattr(harness, "target", lambda name: made)
    monkeypatch.setattr(harness, "_seeds", lambda name: made.seeds())
    monkeypatch.setitem(SHARES, "careless", 1)
    return made.name


def test_what_escapes_is_found_and_can_be_tried_again(careless_target: str) -> None:
    with pytest.raises(Escape, match="careless, seed 1, case ") as caught:
        run(careless_target, 10_000, 1)
    octets = bytes.fromhex(str(caught.value).splitlines()[-1])
    assert octets[0] == 0
    with pytest.raises(Escape, match="ZeroDivisionError"):
        attempt(careless_target, octets)


def test_the_driver_says_what_escaped(careless_target: str, capsys: pytest.CaptureFixture[str]) -> None:
    # whatever the name, the target is the careless one here
    assert driver.main(["axdr", "--input", "00" * 8]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert driver.main(["axdr", "--input", "01" * 8]) == 0
    assert driver.main(["axdr", "--input", "00"]) == 0
    assert capsys.readouterr().out == "axdr: accepted\naxdr: refused\n"
    assert driver.main(["careless", "--count", "10000"]) == 1
    assert "careless, seed 0, case " in capsys.readouterr().err


def test_the_driver_knows_its_targets() -> None:
    with pytest.raises(SystemExit) as caught:
        driver.main(["nothing"])
    assert caught.value.code == 2


def test_the_driver_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert driver.main(["utrn", "--count", "1500", "--seed", "3"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("utrn: 1500 inputs, ")
    assert "nothing escaped" in line
