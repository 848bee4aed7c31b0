"""What happens at a meter, and what somebody does at its buttons, whatever carries its frames.

All tests share one home for each link with the other tests of this folder, so each leaves the meter joined,
enabled, without a PIN and in credit mode.
"""

import pytest

from hil.joined_home import JoinedHome
from hil.runner import Result
from hil.scenario_events import NAMES
from tests.hil.homes import READ, command, step

PIN, OTHER = "1207", "0000"
TOKEN = step(token='"%s"', pounds="10", **{"from": '"supplier"'}, to='"meter"')


def at_meter(**keys: str) -> str:
    return step(**keys, to='"meter"')


def found(results: list[Result]) -> list[str]:
    return [result.found for result in results]


def why(results: list[Result]) -> list[str]:
    return [result.why for result in results]


SENSED = {
    "metrology": "import_wh = 0, voltage_v = [240]",
    "power lost": "",
    "power restored": "",
    "phase supply": "phase = 1, present = true",
    "condition sensed": 'what = "over current", present = false',
    "attack sensed": 'what = "meter cover", present = false',
    "diagnosed": 'what = "watchdog"',
    "controller failed": "controller = 1",
}


@pytest.mark.parametrize("name", NAMES)
def test_everything_can_be_sensed(joined_home: JoinedHome, name: str) -> None:
    fields = ", ".join(filter(None, (f'event = "{name}"', SENSED[name])))
    joined_home.expect(at_meter(sense=f"{{ {fields} }}") + at_meter(power='"restored"') + READ)


def test_an_attack_is_reported(joined_home: JoinedHome) -> None:
    opened = at_meter(sense='{ event = "attack sensed", what = "meter cover", present = true }')
    closed = opened.replace("true", "false")
    before = len(joined_home.home.transcript.lines)
    joined_home.expect(opened + closed + command("ECS42") + command("ECS45", equals="{ SupplyState = 1 }"))
    said = [line.text for line in joined_home.home.transcript.lines[before:] if line.layer == "alert"]
    assert any("Tamper" in text or "Cover" in text for text in said), said


def test_the_display_and_its_buttons(joined_home: JoinedHome) -> None:
    imported = joined_home.expect(at_meter(press='["home"]'))[0].found
    assert imported.startswith("import | ")
    joined_home.expect(
        at_meter(metrology="{ power_w = 700 }")
        + at_meter(show='"power now"', display='"700 W"')
        + at_meter(display='["power now", "700 W"]')
        + at_meter(press='["home", "take"]', display='["top up"]')
        + at_meter(press='["take", "next"]', display='["UTRN", "[1]"]')
        + step(wait="60")
        + at_meter(display=f'["import", "{imported.split(" | ")[1]}"]')
    )


def test_what_is_not_to_be_had_fails(joined_home: JoinedHome) -> None:
    results = joined_home.run(
        at_meter(show='"moon"')
        + at_meter(choose='"activate emergency credit"')
        + at_meter(press='["home"]')
        + at_meter(enter='"1"')
        + at_meter(choose='"top up"', enter='"12x"')
        + at_meter(press='["home"]', display='"x"')
        + at_meter(choose='"top up"', enter='"123"')
        + at_meter(choose='"top up"', enter='"12345678901234567890"')
        + at_meter(press='["home"]')
    )
    said = why(results)
    assert said[:2] == ["'moon' is not on the display", "'activate emergency credit' is not in the menu"]
    assert said[3:5] == ["nothing is asked for", "'x' cannot be entered"]
    assert said[5].startswith("'import | ")
    assert said[6] == "'UTRN | 123[0]' is still asked for"
    assert said[7].startswith("refused: add credit: ")
    assert said[2] == said[8] == ""


def test_a_privacy_pin(joined_home: JoinedHome) -> None:
    joined_home.expect(
        at_meter(choose='"set a PIN"', enter=f'"{PIN}"', display='"done: set a PIN"')
        + at_meter(press='["home"]')
        + at_meter(choose='"enter the PIN"', enter=f'"{OTHER}"', expect='"refused"')
        + at_meter(choose='"enter the PIN"', enter=f'"{PIN}"')
        + at_meter(choose='"clear the PIN"')
        + at_meter(press='["home"]')
    )


def test_a_reader_is_paired(joined_home: JoinedHome) -> None:
    reader = '"00DB12345678909F"'
    joined_home.expect(
        at_meter(choose='"pair a device"', enter=f'[{reader}, "12"]')
        + at_meter(show='"devices paired"', display='"1"')
        + at_meter(choose='"unpair a device"', enter=reader)
        + at_meter(show='"devices paired"', display='"0"')
    )


def test_tokens(joined_home: JoinedHome) -> None:
    """In credit mode the supplier's counts, and one from the keypad does not."""
    results = joined_home.expect(
        command("ECS04b")
        + TOKEN % "first"
        + command("CS01a", values='["token:first"]')
        + command("ECS19", reads="{ PrepaymentBalanceCollection = { meter_balance = 1_000_000 } }")
        + TOKEN % "second"
        + at_meter(choose='"top up"', enter='"token:second"', expect='"refused"')
        + command("CS01a", set='{ "PrepaymentCredit.add" = "token:second" }')
        + command("ECS04b")
    )
    digits = {found(results)[1], found(results)[4]}
    assert len(digits) == 2
    assert all(len(one) == 20 and one.isdigit() for one in digits)


def test_values_by_name_and_what_they_read(joined_home: JoinedHome) -> None:
    joined_home.expect(
        command("ECS38", set="{ RandomisedOffsetLimit = 60 }")
        + command("ECS26c", reads="{ RandomisedOffsetLimit = 60 }")
        + command("CS07", reads="{ readLogResponseCode = 'success', deviceLogEntries = [] }")
    )
    (wrong,) = joined_home.run(command("ECS26c", reads="{ RandomisedOffsetLimit = 61 }"))
    assert wrong.why == "RandomisedOffsetLimit is 60, not 61"


def test_what_alerts_say(joined_home: JoinedHome) -> None:
    unknown = {"tamper": '"unknown use case"', "expect": '"refused"'}
    joined_home.expect(
        command("ECS52", told='{ 8F85 = { AlertCode = "8F85 Command not supported by Device" } }', **unknown)
    )
    wrong, missing = joined_home.run(
        command("ECS52", told='{ 8F85 = { AlertCode = "x" } }', **unknown)
        + command("ECS52", told='{ 8F0A = { AlertCode = "x" } }')
    )
    assert wrong.why.startswith("alert 8F85: AlertCode is ")
    assert missing.why == "alert 8F0A did not come"


def test_waiting_for_a_moment_that_is_past_fails(joined_home: JoinedHome) -> None:
    (result,) = joined_home.run(step(wait="2025-12-31T00:00:00Z"))
    assert not result.passed
    assert "is past" in result.why
