"""Two devices of a home that agree a key when one is told to join the other, with radios and without."""

from collections.abc import Iterator

import pytest

from gbcs.ids import EntityId
from hil.home import Home
from hil.homes import on_radio, open_home
from hil.monikers import Moniker
from hil.pairs import RULE
from hil.runner import Result, Runner
from hil.scenario import parse_scenario
from smets.behaviours.auxiliary import SetLevel
from smets.behaviours.device_log import find
from smets.behaviours.load_control import CancelLoadControlEvent, LoadControlEvent
from smets.behaviours.pairing import AdmitToNetwork
from tests.hil.homes import HOME, command, meter, run, step

A, B = "meter 0", "meter 1"
ID_A, ID_B = "00DB123456790000", "00DB123456790001"
ABSENT = "00DB1234567900FF"
TWO = HOME + meter(0) + meter(1)


def join(to: str, other: str, use_case: str = "CS03A1", **keys: str) -> str:
    """One meter is told of the other: as a load switch by method A, as a display of the consumer's by B."""
    kind, method = ("type1HANConnectedAuxiliaryLoadControlSwitch", "methodAInitiator")
    if use_case == "CS03B":
        kind, method = "type2", "methodB"
        keys = {"verified": "true", **keys}
    values = (
        f'{{ joinMethodAndRole = "{method}", otherDeviceEntityIdentifier = "{other}", '
        f'otherDeviceType = "{kind}" }}'
    )
    return command(use_case, to=to, set=values, **keys)


def unjoin(to: str, other: str, use_case: str = "CS04AC") -> str:
    return command(use_case, to=to, set=f'{{ deviceID = "{other}" }}')


REFUSED = {"expect": "[12]", "reads": '{ responseCode = "noPartnerLinkKeyReceived" }'}


@pytest.fixture(name="pair", params=["memory", "virtual"])
def _pair(request: pytest.FixtureRequest) -> Iterator[Runner]:
    """Two meters on the network."""
    if request.param == "virtual":
        pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")
    scenario = on_radio(parse_scenario(TWO, "test"), Moniker(request.param))
    with open_home(scenario) as home:
        made = Runner(scenario, home)
        made.bring_up()
        yield made


def expect(made: Runner, *steps: str) -> list[Result]:
    results = [made.run(one) for one in parse_scenario(TWO + "".join(steps), "test").steps]
    assert [(r.step.number, r.why) for r in results if not r.passed] == []
    return results


def held(home: Home, name: str, other: str) -> bytes | None:
    entry = find(home.stations[name].device.observe(home.now), EntityId.parse(other))
    return None if entry is None else entry.link_key


def said(made: Runner) -> list[str]:
    return [line.text for line in made.home.transcript.lines if line.layer == "cbke" and line.rule == RULE]


def test_a_join_leads_to_a_key(pair: Runner) -> None:
    expect(pair, join(B, ID_A, "CS03B"), join(A, ID_B), command("CS07", to=A, reads=LOG_OF_A))
    key = held(pair.home, A, ID_B)
    assert key is not None
    assert len(key) == 16
    assert said(pair) == ["key agreed"]
    assert key.hex() not in repr(pair.home.transcript.lines)
    expect(pair, join(A, ID_B))  # again: another key
    again = held(pair.home, A, ID_B)
    assert again not in (None, key)


SWITCH = "type1HANConnectedAuxiliaryLoadControlSwitch"
LOG_OF_A = f'{{ deviceLogEntries = [{{ deviceID = "{ID_B}", deviceType = "{SWITCH}" }}] }}'


def test_a_partner_that_does_not_know_it_gives_no_key(pair: Runner) -> None:
    expect(pair, join(A, ID_B, **REFUSED))
    assert held(pair.home, A, ID_B) is None
    assert said(pair) == ["no key agreed: no partner link key"]


def test_a_partner_that_is_not_there_gives_no_key(pair: Runner) -> None:
    expect(pair, join(A, ABSENT, **REFUSED))
    expect(
        pair,
        join(B, ID_A, "CS03B"),
        step(power='"lost"', to=f'"{B}"'),
        join(A, ID_B, **REFUSED),
        step(power='"restored"', to=f'"{B}"'),
        join(A, ID_B),
    )
    assert held(pair.home, A, ID_B) is not None


def test_an_unjoin_forgets_the_key(pair: Runner) -> None:
    expect(pair, join(B, ID_A, "CS03B"), join(A, ID_B), unjoin(A, ID_B))
    assert said(pair) == ["key agreed", "key forgotten"]
    expect(pair, unjoin(B, ID_A, "CS04B"), join(A, ID_B, **REFUSED))


def test_keys_follow_the_joins_on_radios() -> None:
    """What the device log holds is what the radios use."""
    pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")
    from hil.radio_home import RadioHome

    scenario = on_radio(parse_scenario(TWO, "test"), Moniker("virtual"))
    with open_home(scenario) as home:
        assert isinstance(home, RadioHome)
        made = Runner(scenario, home)
        made.bring_up()
        expect(made, join(B, ID_A, "CS03B"), join(A, ID_B))
        a, b = (home.link_keys(one).get(EntityId.parse(other)) for one, other in ((A, ID_B), (B, ID_A)))
        assert a is not None
        assert b is not None
        assert a.key == b.key == held(home, A, ID_B)
        assert home.read(A, B, 0x0702, ["Status"]).values == {"Status": 0}
        expect(made, unjoin(A, ID_B))
        assert home.link_keys(A).get(EntityId.parse(ID_B)) is None


def test_the_same_seed_makes_the_same_key() -> None:
    keys = set()
    for _ in range(2):
        scenario = parse_scenario(TWO, "test")
        with open_home(scenario) as home:
            made = Runner(scenario, home)
            made.bring_up()
            expect(made, join(B, ID_A, "CS03B"), join(A, ID_B))
            keys.add(held(home, A, ID_B))
    assert len(keys) == 1


# -- other effects of a meter ---------------------------------------------------------------


def test_what_crosses_no_memory_link_is_told() -> None:
    """Orders for load switches, and the wish to have a consumer's device admitted."""
    made, _ = run(TWO)
    home, switch = made.home, EntityId.parse(ID_B)
    orders = (
        LoadControlEvent(switch, 5, home.now, 30, True),
        CancelLoadControlEvent(EntityId.parse(ABSENT), 5),
        SetLevel(1, 2, 40),
        AdmitToNetwork(switch, "12345678"),
    )
    before = len(home.transcript.lines)
    for order in orders:
        home._effect(A, order)
    said = [(line.to, line.layer, line.code, line.text) for line in home.transcript.lines[before:]]
    nowhere = "no frame of a cluster crosses this link"
    admits = "the hub admits whom the broker adds (CCS01)"
    assert said == [
        (B, "zcl", "LoadControlEvent", f"event 5: on for 30 minutes from {home.now}; {nowhere}"),
        (ABSENT, "zcl", "CancelLoadControlEvent", f"event 5; {nowhere}"),
        (A, "ui", "", "controller 1 is set to 40 % input"),
        (
            B,
            "cbke",
            "",
            f"asks for it to be admitted to the network; {admits}",
        ),
    ]
    assert "12345678" not in repr(home.transcript.lines)
