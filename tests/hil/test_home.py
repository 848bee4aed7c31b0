"""Homes: many devices, variants, bad links, power, joining, and carrying on with an old store."""

from collections.abc import Callable, Iterable

import pytest

from gbcs.errors import LocalError
from hil.home import Home
from hil.runner import Runner
from hil.scenario import Scenario, parse_scenario
from hil.sqlite_store import SqliteDatabase
from hil.transcript import Line
from smets.store import MemoryStore
from tests.hil.homes import DEFAULT, HOME, METER, READ, command, failures, meter, run, runner, step

STEPS = len(parse_scenario(DEFAULT, "test").steps)


class Stores(dict[str, MemoryStore]):
    """The memory of a home's entities, which outlives the home."""

    def store(self, name: str) -> MemoryStore:
        return self.setdefault(name, MemoryStore())

    def held(self) -> dict[str, dict[str, bytes]]:
        return {name: store.snapshot() for name, store in self.items()}


# -- what a home can be made of ------------------------------------------------------------


@pytest.mark.parametrize(("variant", "letter"), [("single", "A"), ("twin", "B"), ("polyphase", "C")])
def test_variants(variant: str, letter: str) -> None:
    text = DEFAULT.replace('variant = "single"', f'variant = "{variant}"')
    text = text.replace('MeterVariant = "text:A"', f'MeterVariant = "text:{letter}"')
    if variant == "twin":  # a secondary register beside the others
        for single in ("300, [0, 32]", "820542600, 1250", "820544400, 0"):
            text = text.replace(f"{single}]", f"{single}, 0]")
    _, results = run(text)
    assert failures(results) == []


def test_fifteen_devices_each_with_its_tunnel() -> None:
    text = HOME + "".join(
        meter(n, f'variant = "{("single", "twin", "polyphase")[n % 3]}"\n') for n in range(15)
    )
    text += "".join(command("ECS52", to=f"meter {n}") for n in range(15))
    text += command("CCS06", to="hub", sender="broker")
    made, results = run(text)
    assert failures(results) == []
    assert len(made.home.hub.tunnels.stations) == 15


def test_a_device_the_log_has_no_place_for() -> None:
    made = runner(HOME + "".join(meter(n) for n in range(15)))
    made.bring_up()
    text = HOME + "".join(meter(n) for n in range(14)) + METER
    other = parse_scenario(text, "x").devices[-1]
    with pytest.raises(
        LocalError, match=r"^meter could not be added to the device log: results \[250, 250, 250\]"
    ):
        made.home.bring_up(other)


def test_a_party_the_hub_has_no_cell_for_cannot_add_devices() -> None:
    text = HOME.replace(
        '[[party]]\nname = "broker"',
        '[[party]]\nname = "other broker"\nrole = "accessControlBroker"\nid = "90-B3-D5-1F-00-00-00-77"\n'
        '[[party]]\nname = "broker"',
    )
    made = runner(text + METER + command("CCS06", to="hub", sender="broker", expect='"refused"'))
    assert failures(list(made)) == []  # the first of a role fills the cells


# -- joining and leaving --------------------------------------------------------------------


def add(code: str, seconds: int = 90, entity: str = "00DB123456780001") -> str:
    return command(
        "CCS01", to="hub", sender="broker", values=f'[["hex:{entity}", 1, "hex:{code}", 0], {seconds}]'
    )


REMOVE = command("CCS02", to="hub", sender="broker", values='["hex:00DB123456780001"]', alerts='["8F12"]')
RIGHT = "00112233445566778899AABBCCDDEEFF"
GONE = READ + 'expect = "undeliverable"\n'


def test_a_device_that_is_removed_and_added_comes_back() -> None:
    _, results = run(HOME + METER + READ + REMOVE + GONE + add(RIGHT) + step(wait="1") + READ)
    assert failures(results) == []


def test_a_device_with_another_install_code_does_not_come_up() -> None:
    _, results = run(HOME + METER + REMOVE + add("00" * 16) + step(wait="60") + GONE)
    assert failures(results) == []


def test_a_removed_device_keeps_its_alerts_until_it_is_back() -> None:
    text = HOME + METER + command("ECS43") + REMOVE
    text += step(metrology="{ import_wh = 1 }", to='"meter"', alerts="[]") + add(RIGHT) + READ
    assert failures(run(text)[1]) == []


# -- power ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["meter", "hub"])
def test_power_comes_and_goes(name: str) -> None:
    without = '"refused"' if name == "meter" else '"undeliverable"'
    text = HOME + METER + READ
    text += step(power='"lost"', to=f'"{name}"') + READ + f"expect = {without}\n" + step(wait="3600")
    text += step(power='"restored"', to=f'"{name}"') + READ + command("ECS38", values="[5]")
    made, results = run(text)
    assert failures(results) == []
    assert made.home.stations["meter"].waiting == 0


def test_a_meter_that_lost_power_gives_a_new_tunnel() -> None:
    text = (
        HOME
        + METER
        + "".join((step(power='"lost"', to='"meter"') + step(power='"restored"', to='"meter"') + READ) * 3)
    )
    made, results = run(text)
    assert failures(results) == []
    asked = [line for line in made.home.transcript.lines if line.code == "RequestTunnel"]
    assert len(asked) == 4


# -- bad links ------------------------------------------------------------------------------


LOSSY = "memory:?loss=0.2&duplicate=0.2&delay_ms=200&jitter_ms=400"


def executed(lines: Iterable[Line]) -> int:
    return sum(line.verdict == "executed" for line in lines if line.sender == "meter")


@pytest.mark.parametrize(
    ("radio", "seed"),
    [
        *((LOSSY, seed) for seed in "abcdef"),
        ("memory:?loss=1", "a"),
        ("memory:?duplicate=1", "a"),
        ("memory:?duplicate=1", "b"),
        ("memory:?delay_ms=60000", "a"),
    ],
)
def test_a_bad_link_ends_with_verdicts(radio: str, seed: str) -> None:
    text = DEFAULT.replace("memory:", radio).replace('seed = "default"', f'seed = "{seed}"')
    made, results = run(text)
    assert len(results) == STEPS
    for result in results:
        assert result.passed == (not result.why)
        if result.step.to == "hub" and result.step.alerts is None:
            assert result.passed, result  # the wide area network is not the link
    lines = made.home.transcript.lines
    lost = sum(1 for line in lines if line.verdict == "lost")
    doubled = sum(1 for line in lines if line.verdict == "doubled")
    if "loss=1" in radio:
        assert lost == sum(1 for line in lines if line.layer == "tunnel")
        # refusals are not taken for proven where nothing arrived
        passed = {r.step.number for r in results if r.passed and r.step.command and r.step.to == "meter"}
        assert passed <= {STEPS}
    elif "loss" in radio:
        assert lost > 5
        assert doubled > 5
        assert sum(r.passed for r in results) > STEPS * 4 // 5  # what goes out again is executed once
        good, _ = run(DEFAULT)
        assert executed(lines) <= executed(good.home.transcript.lines)
    else:
        assert lost == 0
        assert (doubled > 100) == ("duplicate" in radio)


def test_a_doubled_frame_is_executed_once() -> None:
    text = (HOME + METER).replace("memory:", "memory:?duplicate=1")
    text += command("ECS04a", values="[1000]") + command(
        "ECS19", equals="{ PrepaymentBalanceCollection = [1000, 0, 0, 0, 0, 0] }"
    )
    made, results = run(text)
    assert failures(results) == []
    repeated = [line for line in made.home.transcript.lines if line.verdict == "repeated"]
    assert len(repeated) == 2


def test_each_device_has_its_own_link() -> None:
    text = HOME + meter(1, 'radio = "memory:?loss=1"\n') + meter(2)
    _, results = run(text + command("ECS52", to="meter 1") + command("ECS52", to="meter 2"))
    assert failures(results) == [(1, "no answer came")]


# -- steps ------------------------------------------------------------------------------------


def test_a_repeat_without_anything_to_repeat_fails() -> None:
    text = HOME + METER + READ + 'tamper = "repeat"\nexpect = "repeat"\n' + READ
    assert failures(run(text)[1]) == [(1, "no command was answered yet")]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"equals": "{ Nothing = 1 }"}, "Nothing is not in the answer"),
        ({"equals": "{ FirmwareVersion = 1 }"}, r"FirmwareVersion is b'\x00\x00\x00\x01', not 1"),
        ({"expect": "[250]"}, "results [250] expected"),
        ({"expect": '"refused"'}, "refused was expected"),
        ({"expect": '"undeliverable"'}, "undeliverable was expected"),
        ({"alerts": '["8F32"]'}, "alerts ['8F32'] expected, [] came"),
        (
            {"tamper": '"wrong MAC"'},
            "no answer came, but alert 8F3D Trusted Source Authentication Failure",
        ),
        (
            {"tamper": '"unknown use case"', "expect": '"refused"', "alerts": "[]"},
            "alerts [] expected, ['8F85'] came",
        ),
    ],
)
def test_what_is_not_as_expected_fails(keys: dict[str, str], why: str) -> None:
    assert failures(run(HOME + METER + command("ECS52", **keys))[1]) == [(1, why)]


def test_backups_can_be_read() -> None:
    text = HOME + METER + command("CCS07", to="hub", sender="broker", values='["null", "null"]')
    assert failures(run(text)[1]) == []


# -- a home on an old store ---------------------------------------------------------------------


def final_state(
    scenario: Scenario, cuts: list[int], store: Callable[[], Stores]
) -> dict[str, dict[str, bytes]]:
    """What everything holds after all steps, with a restart of the whole home before each cut."""
    stores = store()
    made = Runner(scenario, Home(scenario, stores.store))
    made.bring_up()
    for one in scenario.steps:
        if one.number in cuts:
            made = Runner(scenario, Home(scenario, stores.store))
        result = made.run(one)
        assert result.passed, result
    return stores.held()


@pytest.mark.parametrize(
    "cuts", [[2], [10], [20, 21, 22], [34, 35], [38], list(range(40, STEPS + 1)), list(range(1, 39))]
)
def test_a_restart_in_the_middle_changes_nothing(cuts: list[int]) -> None:
    scenario = parse_scenario(DEFAULT, "x")
    whole = final_state(scenario, [], Stores)
    assert whole.keys() == {"", "hub", "meter"}
    again = final_state(scenario, cuts, Stores)
    assert again == whole


def test_time_goes_on() -> None:
    stores = Stores()
    scenario = parse_scenario(HOME + METER + READ, "x")
    made = Runner(scenario, Home(scenario, stores.store))
    list(made)
    made.home.advance(1000.5)
    again = Home(scenario, stores.store)
    assert again.now == made.home.now
    later = parse_scenario((HOME + METER + READ).replace("2026-01-01T00", "2026-01-01T09"), "x")
    with pytest.raises(LocalError):
        Home(later, stores.store)  # its certificates begin later, so they are others


def test_the_store_of_another_home_is_refused() -> None:
    stores = Stores()
    text = HOME + METER
    list(Runner(parse_scenario(text, "x"), Home(parse_scenario(text, "x"), stores.store)))
    before = stores.held()
    with pytest.raises(
        LocalError, match=r"^the store of hub is another home's: its seed, start or identifiers"
    ):
        Home(parse_scenario(text.replace('seed = "s"', 'seed = "t"'), "x"), stores.store)
    assert stores.held() == before


def test_on_disk(tmp_path: object) -> None:
    path = f"{tmp_path}/home.db"
    text = HOME + METER + command("ECS38", values="[5]")
    scenario = parse_scenario(text, "x")
    with SqliteDatabase(path) as database:
        assert failures(list(Runner(scenario, Home(scenario, database.store)))) == []
    read = parse_scenario(HOME + METER + command("ECS26c", equals="{ RandomisedOffsetLimit = 5 }"), "x")
    with SqliteDatabase(path) as database:
        made = Runner(read, Home(read, database.store))
        assert failures(list(made)) == []
        assert not [line for line in made.home.transcript.lines if line.code == "0001"]  # it is added already


@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_a_long_answer_comes_over_a_bad_link(seed: str) -> None:
    text = HOME.replace('radio = "memory:"', 'radio = "memory:?loss=0.2&duplicate=0.2&jitter_ms=300"')
    text = text.replace('seed = "s"', f'seed = "{seed}"')
    read = command("ECS22b", within="[2026-01-01T00:00:00Z, 2026-01-09T00:00:00Z]")
    made = runner(text + METER + step(wait="604800") + read + step(wait="60") * 3)
    made.bring_up()
    for one in made.scenario.steps:
        made.run(one)
    lines = made.home.transcript.lines
    answers = [line for line in lines if line.layer == "gbcs" and line.text == "ECS22b response"]
    blocks = [line for line in lines if line.layer == "tunnel" and "block" in line.text]
    assert len(answers) == 1
    assert len(answers[0].octets) > 2400
    assert {"block 1 of ECS22b response", "block 2 of ECS22b response"} <= {x.text for x in blocks}


def test_what_displays_are_told_is_in_the_transcript() -> None:
    at_work, _ = run(DEFAULT)
    lines = at_work.home.transcript.lines
    assert any(line.text.startswith("tells displays of 810D ") for line in lines)
