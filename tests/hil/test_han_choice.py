"""What `--han` can say, and what is said of what it cannot."""

from pathlib import Path

import pytest

from gbcs.errors import GbcsError
from hil import han_choice
from hil.han_choice import HanChoice
from hil.homes import MISSING
from hil.monikers import Moniker, MonikerError
from hil.scenario import parse_scenario
from tests.hil.homes import HOME, METER, meter

HUB_STICK, METER_STICK = "hub=serial:/dev/hub", "meter=tcp:127.0.0.1:9000"


@pytest.mark.parametrize(
    ("texts", "scheme", "sticks"),
    [
        (["memory:"], "memory", []),
        (["memory:?loss=0.1"], "memory", []),
        (["virtual:"], "virtual", []),
        (["virtual:loss=0.2,paced"], "virtual", []),
        ([HUB_STICK, METER_STICK], "serial", ["hub", "meter"]),
        (["one hub=serial:/dev/a?baud=460800"], "serial", ["one hub"]),
    ],
)
def test_choices(texts: list[str], scheme: str, sticks: list[str]) -> None:
    choice = HanChoice.parse(texts)
    assert choice.home.scheme == scheme
    assert [name for name, _ in choice.sticks] == sticks
    assert str(choice) == " ".join(texts)


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (["zigbee:"], "is no link, known are memory:, virtual:, serial:, tcp:"),
        (["nonsense"], "is no link"),
        ([], "one link for the whole home is needed"),
        (["memory:", "virtual:"], "one link for the whole home is needed"),
        (["memory:", HUB_STICK], "one link for the whole home is needed"),
        (["serial:/dev/hub"], "each node needs a stick, for instance hub=serial:"),
        (["memory:?speed=1"], "has no option 'speed'"),
        (["virtual:speed=1"], "'speed=1' is not one of"),
        (["hub=memory:"], "hub: memory: is for the whole home"),
        (["hub=serial:/dev/a", "meter=serial:/dev/a"], "meter and hub cannot share one stick"),
        (["hub=serial:/dev/a", "hub=serial:/dev/b"], "every node has a name, and one stick"),
        (["=serial:/dev/a"], "every node has a name"),
        (["hub=serial:"], "takes the path of a port"),
    ],
)
def test_what_is_no_choice(texts: list[str], why: str) -> None:
    with pytest.raises(GbcsError, match=why) as error:
        HanChoice.parse(texts)
    assert len(str(error.value).splitlines()) == 1


def test_each_node_of_a_scenario_gets_its_stick() -> None:
    scenario = HanChoice.parse([HUB_STICK, METER_STICK]).on(parse_scenario(HOME + METER, "test"))
    assert scenario.radio == scenario.hub.radio == Moniker("serial", "/dev/hub")
    assert [device.radio for device in scenario.devices] == [Moniker("tcp", "127.0.0.1:9000")]


@pytest.mark.parametrize(
    ("home", "why"),
    [(meter(1), "no node is called 'meter', only hub, meter 1"), (METER + meter(1), "meter 1 has")],
)
def test_the_nodes_have_to_be_those_of_the_scenario(home: str, why: str) -> None:
    with pytest.raises(MonikerError, match=why):
        HanChoice.parse([HUB_STICK, METER_STICK]).on(parse_scenario(HOME + home, "test"))


def test_a_scenario_keeps_what_it_says_of_its_links() -> None:
    bad = parse_scenario(HOME.replace("memory:", "memory:?loss=0.5") + METER, "test")
    assert HanChoice.parse(["memory:"]).on(bad) is bad
    assert HanChoice.parse(["memory:?loss=0.1"]).on(bad).devices[0].link.loss == 0.1
    assert HanChoice.parse(["virtual:"]).on(bad).radio == Moniker("virtual")


def test_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(han_choice, "find_spec", lambda name: object())
    stick = tmp_path / "stick"
    stick.touch()
    there = HanChoice.parse([f"hub=serial:{stick}"])
    assert there.lacks() == ""
    gone = HanChoice.parse([f"hub=serial:{stick}", f"meter=serial:{tmp_path}/none"])
    assert gone.lacks() == (
        f"no stick of meter at {tmp_path}/none: plug it in and name the path `smets dongles` shows"
    )
    monkeypatch.setattr(han_choice, "find_spec", lambda name: None)
    assert HanChoice.parse(["memory:"]).lacks() == ""
    for choice in (there, HanChoice.parse(["virtual:"])):
        assert choice.lacks() == f"{choice.home.scheme}: {MISSING}"
