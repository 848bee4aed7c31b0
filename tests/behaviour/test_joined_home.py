"""What a hub and a meter do, whatever carries their frames: `--han` names it, sticks included.

All tests share one home for each link, so each leaves the meter joined and with power.
"""

from collections import Counter

import pytest

from hil.joined_home import JoinedHome
from hil.runner import Result
from tests.hil.homes import READ, command, step

SUPPLY_IS_ENABLED = command("ECS45", equals="{ SupplyState = 1 }")


def verdicts(home: JoinedHome, name: str) -> Counter[str]:
    """How often a node said what it made of a message."""
    return Counter(line.verdict for line in home.home.transcript.lines if line.sender == name)


def found(results: list[Result]) -> list[str]:
    return [result.found for result in results]


def test_the_meter_is_joined(joined_home: JoinedHome) -> None:
    home = joined_home.home
    assert home.hub.knows(joined_home.meter, home.now)
    joined_home.expect(command("CCS06", to="hub", sender="broker") + READ)
    assert joined_home.meter in home.hub.tunnels.stations


def test_what_is_written_is_read_again(joined_home: JoinedHome) -> None:
    for limit in (600, 5):
        write = command("ECS38", values=f"[{limit}]")
        joined_home.expect(write + command("ECS26c", equals=f"{{ RandomisedOffsetLimit = {limit} }}"))


def test_metering_is_read_encrypted(joined_home: JoinedHome) -> None:
    joined_home.expect(
        step(metrology="{ import_wh = 1250, import_varh = 300 }", to='"meter"')
        + command("ECS17b", equals="{ ImportRegisterCollection = [1250, [0, 30], 300, [0, 32]] }")
    )


def test_a_wrong_signature_is_refused_and_reported(joined_home: JoinedHome) -> None:
    before = verdicts(joined_home, "meter")["executed"]
    spoilt = command("ECS43", tamper='"wrong signature"', expect='"refused"', alerts='["8F3D"]')
    joined_home.expect(spoilt)
    assert verdicts(joined_home, "meter")["executed"] == before
    joined_home.expect(SUPPLY_IS_ENABLED)


def test_a_repeat_is_answered_and_executed_once(joined_home: JoinedHome) -> None:
    before = verdicts(joined_home, "meter")
    once = command("ECS38", values="[7]")
    joined_home.expect(once + command("ECS38", values="[7]", tamper='"repeat"', expect='"repeat"'))
    after = verdicts(joined_home, "meter")
    assert after["executed"] == before["executed"] + 1
    assert after["repeated"] == before["repeated"] + 1


def test_an_alert_arrives(joined_home: JoinedHome) -> None:
    joined_home.expect(
        command("ECS52", tamper='"unknown use case"', expect='"refused"', alerts='["8F85"]')
        + command("ECS52", alerts="[]")
    )


def test_an_old_counter_is_refused(joined_home: JoinedHome) -> None:
    joined_home.expect(
        command("ECS42")
        + command("ECS43", tamper='"old counter"', expect='"refused"', alerts="[]")
        + SUPPLY_IS_ENABLED
    )


@pytest.mark.parametrize("name", ["meter", "hub"])
def test_power_comes_back(joined_home: JoinedHome, name: str) -> None:
    without = '"refused"' if name == "meter" else '"undeliverable"'
    joined_home.expect(
        step(power='"lost"', to=f'"{name}"')
        + command("ECS52", expect=without)
        + step(power='"restored"', to=f'"{name}"')
        + READ
    )


def test_a_removed_meter_cannot_be_reached_until_it_is_added_again(joined_home: JoinedHome) -> None:
    joined_home.expect(
        command("CCS02", to="hub", sender="broker", values=f'["hex:{bytes(joined_home.meter).hex()}"]')
        + command("ECS52", expect='"undeliverable"')
    )
    assert not joined_home.home.hub.knows(joined_home.meter, joined_home.home.now)
    joined_home.runner.bring_up()
    assert found(joined_home.expect(READ)) == ["success"]
