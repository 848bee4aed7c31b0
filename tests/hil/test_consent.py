"""A consumer's device is paired only for one that has verified who the consumer is (seed decision S57)."""

import pytest

from chts.device_log import DEVICE_TYPES, find
from gbcs.ids import DeviceType, EntityId
from hil.scenario import ScenarioError, parse_scenario
from hil.scenario_model import Step
from smets.behaviours.device_log import entries
from tests.hil.homes import HOME, METER, READ, command, failures, run
from tests.hil.test_scenario import check

WHOLE = HOME + METER
READER = "00DB1234567900FF"
NOT_VERIFIED = "step.verified: a consumer's device is paired by one that has verified who the consumer is"
TYPE2 = [code for code, kind in DEVICE_TYPES.items() if kind is DeviceType.TYPE2]
OTHERS = [code for code, kind in DEVICE_TYPES.items() if kind is not DeviceType.TYPE2]


def join(kind: str = "type2", sender: str = "supplier", **keys: str) -> str:
    values = (
        f'{{ joinMethodAndRole = "methodB", otherDeviceEntityIdentifier = "{READER}", '
        f'otherDeviceType = "{kind}" }}'
    )
    return command("CS03B", sender=sender, set=values, **keys)


def add(kind: int, **keys: str) -> str:
    values = f'[["hex:{READER}", 1, "hex:{"00" * 16}", {kind}], 90]'
    return command("CCS01", to="hub", sender="broker", values=values, **keys)


@pytest.mark.parametrize("sender", ["supplier", "broker"])
@pytest.mark.parametrize("keys", [{}, {"verified": "false"}])
def test_a_meter_is_not_asked_to_pair_for_anybody(sender: str, keys: dict[str, str]) -> None:
    """Whoever asks, nothing is sent: the scenario does not begin."""
    line = "verified" if keys else "[[step]]"
    check(WHOLE + READ + join(sender=sender, **keys), line, NOT_VERIFIED)


@pytest.mark.parametrize("kind", TYPE2)
def test_the_hub_is_not_asked_to_add_for_anybody(kind: int) -> None:
    check(WHOLE + READ + add(kind), "[[step]]", NOT_VERIFIED)


def test_with_the_flag_both_are_paired() -> None:
    made, results = run(WHOLE + add(TYPE2[0], verified="true") + join(verified="true"))
    assert failures(results) == []
    station = EntityId.parse(READER)
    work = made.home.stations["meter"].device.observe(made.home.now)
    assert [entry.station for entry in entries(work)] == [station]
    assert find(made.home.hub.chf.observe(made.home.now), station) is not None


def test_other_devices_are_paired_without() -> None:
    steps = [*map(add, OTHERS), join("type1HANConnectedAuxiliaryLoadControlSwitch"), join("gSME")]
    assert len(parse_scenario(WHOLE + "".join(steps), "x.toml").steps) == len(steps)


def test_removing_needs_no_flag() -> None:
    unjoin = command("CS04B", set=f'{{ deviceID = "{READER}" }}')
    gone = command("CCS02", to="hub", sender="broker", values=f'["hex:{READER}"]')
    assert len(parse_scenario(WHOLE + unjoin + gone, "x.toml").steps) == 2


@pytest.mark.parametrize("text", [READ, add(OTHERS[0]), join("gSME")])
def test_it_is_said_nowhere_else(text: str) -> None:
    check(WHOLE + READ + text + "verified = true\n", "verified", "step.verified: only said where")


def test_the_flag_is_true_or_false() -> None:
    check(WHOLE + join(verified='"yes"'), "verified", "step.verified: a bool is needed")
    check(WHOLE + READ + "verified = 1\n", "verified", "step.verified: a bool is needed")
    check(WHOLE + "[[step]]\nwait = 5\nverified = true\n", "verified", "step.verified: is not a key")


def test_a_step_that_comes_from_elsewhere_is_blocked_too() -> None:
    """A program that makes steps itself gets no further: nothing goes out."""
    from dataclasses import replace

    made, _ = run(WHOLE + add(OTHERS[0]))
    step: Step = replace(parse_scenario(WHOLE + join(verified="true"), "x.toml").steps[0], verified=False)
    before = len(made.home.transcript.lines)
    with pytest.raises(ScenarioError, match="has verified who the consumer is"):
        made.run(step)
    assert len(made.home.transcript.lines) == before
