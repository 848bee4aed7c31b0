"""Steps that sense, press, enter, make tokens and include: what is read, and errors with key and line."""

from pathlib import Path
from typing import Any

import pytest

from gbcs.security.utrn import ValueClass
from gbcs.time import Utc
from hil.reading import difference
from hil.scenario import Scenario, ScenarioError, parse_scenario
from hil.scenario_events import NAMES, SENSED
from hil.scenario_model import Hands, Token
from smets.esme.screens import Press
from smets.events import Metrology
from smets.sensing import Attack, AttackSensed, PhaseSupply
from tests.hil.homes import HOME, METER, READ, command, step
from tests.hil.test_scenario import check

WHOLE = HOME + METER
TOKEN = step(token='"ten"', pounds="10", **{"from": '"supplier"'}, to='"meter"')


def parsed(*steps: str) -> Scenario:
    return parse_scenario(WHOLE + "".join(steps), "x.toml")


# -- what is read ---------------------------------------------------------------------------


def test_what_is_sensed() -> None:
    attack, phase, energy = parsed(
        step(sense='{ event = "attack sensed", what = "meter cover", present = true }', to='"meter"'),
        step(sense='{ event = "phase supply", phase = 2, present = false }', to='"meter"', title='"gone"'),
        step(sense='{ event = "metrology", import_wh = 5, voltage_v = [230, 231] }', to='"meter"'),
    ).steps
    assert attack.event == AttackSensed(Attack.METER_COVER, True)
    assert attack.what == "attack sensed what meter cover, present True"
    assert (phase.event, phase.what) == (PhaseSupply(2, False), "gone")
    assert energy.event == Metrology(import_wh=5, voltage_v=(230, 231))


def test_every_event_that_is_sensed_has_a_name() -> None:
    assert list(NAMES.values()) == list(SENSED)
    assert {"power lost", "power restored", "condition sensed", "diagnosed", "controller failed"} <= set(
        NAMES
    )


def test_what_a_person_does() -> None:
    show, choose, enter, press, look = parsed(
        step(show='"balance"', to='"meter"', display='"GBP 0.00"'),
        step(choose='"pair a device"', enter='["00DB123456789012", ""]', to='"meter"', expect='"refused"'),
        step(enter='"1234"', to='"meter"'),
        step(press='["next", "home"]', to='"meter"', display='["import", "0.000 kWh"]'),
        step(display="[]", to='"meter"', alerts="[]"),
    ).steps
    assert (show.hands, show.display, show.what) == (Hands(show="balance"), "GBP 0.00", "show balance")
    assert choose.hands == Hands(choose="pair a device", enter=("00DB123456789012", ""))
    assert (choose.expect, choose.what) == ("refused", "choose pair a device")
    assert enter.hands == Hands(enter=("1234",))
    assert press.hands == Hands(press=(Press.NEXT, Press.HOME))
    assert press.display == ("import", "0.000 kWh")
    assert (look.hands, look.display, look.alerts) == (Hands(), (), ())


def test_tokens_and_values_by_name() -> None:
    token, top_up, typed, named, told, until = parsed(
        TOKEN,
        command("CS01a", values='["token:ten"]'),
        step(choose='"top up"', enter='"token:ten"', to='"meter"'),
        command("ECS38", set="{ RandomisedOffsetLimit = 600 }", reads="{ A = 2026-01-01T00:00:00Z }"),
        step(wait="1", told="{ 8f0a = { Time = 2026-01-01T01:00:00+01:00 } }"),
        step(wait="2026-01-02T00:00:00Z"),
    ).steps
    assert token.token == Token("ten", ValueClass.POUNDS, 10)
    assert token.what == "token ten of 10 pounds"
    assert top_up.values == ("token:ten",)
    assert typed.hands == Hands(choose="top up", enter=("token:ten",))
    assert named.named == {"RandomisedOffsetLimit": 600}
    assert named.reads == {"A": "2026-01-01T00:00:00Z"}
    assert told.told == {"8F0A": {"Time": "2026-01-01T00:00:00Z"}}
    assert (until.until, until.wait) == (Utc.of(2026, 1, 2), 0.0)


def test_a_tariff() -> None:
    (tariff,) = parsed(command("ECS01a") + TARIFF).steps
    assert tariff.named is not None
    assert tariff.named["CurrencyUnit"] == 1


TARIFF = """
[step.tariff]
currency = "GBP"
standing_charge = "0"
tou_prices = { 1 = "0.20" }
thresholds = { 1 = [1000] }
seasons = [{ name = "all", start = "*-01-01", week = 1 }]
weeks = [{ name = 1, days = [1, 1, 1, 1, 1, 1, 1] }]
days = [{ id = 1, switches = ["00:00:00 TOU 1"] }]
special_days = []
activation = 2026-01-08T12:00:00Z
"""


def test_included_steps(tmp_path: Path) -> None:
    (tmp_path / "more.toml").write_bytes(b"spec = 1\r\n\r\n[[step]]\r\nwait = 5\r\n" + TOKEN.encode())
    text = (
        WHOLE
        + READ
        + step(include='"more.toml"')
        + step(choose='"top up"', enter='"token:ten"', to='"meter"')
    )
    steps = parse_scenario(text, "x.toml", tmp_path).steps
    assert [(one.number, one.file) for one in steps] == [(1, ""), (2, "more.toml"), (3, "more.toml"), (4, "")]
    assert steps[1].place == "more.toml line 3"
    assert steps[3].place == f"line {steps[3].line}"
    assert text.splitlines()[steps[3].line - 1] == "[[step]]"


@pytest.mark.parametrize("name", ["prepayment", "tariff"])
def test_steps_that_come_with_the_package(name: str) -> None:
    steps = parsed(step(include=f'"{name}"')).steps
    assert {one.file for one in steps} == {name}
    assert len(steps) > 20


# -- what is wrong --------------------------------------------------------------------------

WRONG: list[tuple[str, str, str]] = [
    # a whole step, the line that is named, the message
    ('sense = { event = "smell" }\nto = "meter"', "sense", "step.sense.event: 'smell' is none of metrology"),
    ('sense = { what = "meter cover" }\nto = "meter"', "sense", "step.sense.event: is missing"),
    ('sense = 5\nto = "meter"', "sense", "step.sense: a table is needed"),
    (
        'sense = { event = "attack sensed", what = "lid", present = true }\nto = "meter"',
        "sense",
        "step.sense.what: one of meter cover, terminal cover,",
    ),
    (
        'sense = { event = "attack sensed", what = "meter cover" }\nto = "meter"',
        "sense",
        "step.sense.present: is missing",
    ),
    (
        'sense = { event = "attack sensed", what = "meter cover", present = 1 }\nto = "meter"',
        "sense",
        "step.sense.present: true or false is needed",
    ),
    (
        'sense = { event = "phase supply", phase = 4, present = true }\nto = "meter"',
        "sense",
        "step.sense.phase: whole numbers from 1 to 3 are needed",
    ),
    (
        'sense = { event = "phase supply", phase = 1, present = true, what = 1 }\nto = "meter"',
        "sense",
        "step.sense.what: is none of phase, present",
    ),
    (
        'sense = { event = "power lost", seconds = 5 }\nto = "meter"',
        "sense",
        "step.sense.seconds: power lost takes nothing",
    ),
    ('sense = { event = "power lost" }', "[[step]]", "step.to: is missing"),
    ('sense = { event = "power lost" }\nto = "moon"', "to = ", "step.to: no device is called 'moon'"),
    ('press = ["next", "A"]\nto = "meter"', "press", "step.press: 'A' is none of next, back, take, home"),
    ('press = "next"\nto = "meter"', "press", "step.press: a list is needed"),
    ('press = ["next"]\nto = "hub"', "to = ", "step.to: no device is called 'hub'"),
    ('press = ["next"]\nenter = "1"\nto = "meter"', "enter", "step.enter: is not a key of this table"),
    ('press = ["next"]\nexpect = "refused"\nto = "meter"', "expect", "step.expect: is not a key"),
    ('press = ["next"]\nshow = "balance"\nto = "meter"', "show", "step.show: a step has one of command"),
    ('choose = ""\nto = "meter"', "choose", "step.choose: one line of text is needed"),
    ('choose = "top up"\nto = "meter"\nexpect = "repeat"', "expect", "step.expect: 'repeat' is none of"),
    ('choose = "top up"\nenter = 5\nto = "meter"', "enter", "step.enter: a list is needed"),
    ('choose = "top up"\nenter = [5]\nto = "meter"', "enter", "step.enter: a list of texts is needed"),
    ('choose = "top up"\nenter = "token:x"\nto = "meter"', "enter", "step.enter: no token 'x' was made"),
    ('show = "balance"\ndisplay = 5\nto = "meter"', "display", "step.display: a list is needed"),
    ('display = "x"', "[[step]]", "step.to: is missing"),
    ('token = "x"\nto = "meter"\nfrom = "supplier"', "token", "step.token: a token is of pounds or pence"),
    (
        'token = "x"\npounds = 1\npence = 1\nto = "meter"\nfrom = "supplier"',
        "pounds",
        "step.pounds: a token is of pounds or pence",
    ),
    ('token = "x"\npounds = 8192\nto = "meter"\nfrom = "supplier"', "pounds", "step.pounds: 0 to 8191"),
    ('token = "x"\npounds = "1"\nto = "meter"\nfrom = "supplier"', "pounds", "step.pounds: a number"),
    ('token = "x"\npence = 1\nto = "meter"\nfrom = "broker"', "from", "step.from: broker is no supplier"),
    ('token = "x"\npence = 1\nto = "meter"\nfrom = "shop"', "from", "step.from: no party is called 'shop'"),
    ('token = "ten"\npence = 1\nto = "meter"\nfrom = "supplier"', "token", "step.token: ten is made already"),
    ('token = "x"\npence = 1\nto = "hub"\nfrom = "supplier"', "to", "step.to: no device is called 'hub'"),
    ('include = "nothing"', "include", "step.include: nothing.toml: No such file"),
    ('include = "nothing.toml"', "include", "step.include: nothing.toml: No such file"),
    ('include = "prepayment"\nwait = 5', "wait", "step.wait: is not a key of this table"),
    ("wait = 2026-01-01", "wait", "step.wait: a number is needed"),
    ("wait = 5\ntold = { 8F0A = 5 }", "told", "step.told.8F0A: a table is needed"),
    ("wait = 5\ntold = { 8F0B1 = { } }", "told", "step.told.8F0B1: no alert has that code"),
    ("wait = 5\ntold = { 8F0A = { A = 1.5 } }", "told", "step.told.8F0A: 1.5 cannot stand for a value"),
    ("wait = 5\nreads = { A = 1 }", "reads", "step.reads: is not a key of this table"),
]
COMMANDS: list[tuple[str, dict[str, str], str, str]] = [
    # a use case, keys of its step, the line that is named, the message
    ("CS01a", {"values": '["token:x"]'}, "values", "step.values: no token 'x' was made for meter before"),
    ("CS01a", {"set": '{ "PrepaymentCredit.add" = "token:x" }'}, "set", "step.set: no token 'x' was made"),
    ("ECS38", {"set": "{ Limit = 5 }"}, "set", "step.set: "),
    ("ECS38", {"set": "{ RandomisedOffsetLimit = 'x' }"}, "set", "step.set: RandomisedOffsetLimit"),
    ("ECS38", {"set": "{ keys = 5 }"}, "set", "step.set: ECS38 has no value keys"),
    ("ECS38", {"set": "{ }"}, "set", "step.set: "),
    (
        "ECS38",
        {"set": "{ RandomisedOffsetLimit = 5 }", "values": "[5]"},
        "set",
        "step.set: values by name go",
    ),
    ("ECS38", {"set": "5"}, "set", "step.set: a table is needed"),
    ("ECS38", {"tariff": "{ }"}, "tariff", "step.tariff: "),
    ("ECS01a", {"tariff": "{ currency = 'GBP' }"}, "tariff", "step.tariff: "),
    ("ECS01a", {"tariff": "{ currency = 1.5 }"}, "tariff", "step.tariff: 1.5 cannot stand for a value"),
    ("ECS52", {"reads": "{ A = 1.5 }"}, "reads", "step.reads: 1.5 cannot stand for a value"),
    ("ECS52", {"reads": "5"}, "reads", "step.reads: a table is needed"),
    ("CS03A1", {}, "[[step]]", "step.values: "),
]


@pytest.mark.parametrize(("body", "line", "message"), WRONG, ids=[w[0] for w in WRONG])
def test_a_wrong_step(body: str, line: str, message: str) -> None:
    check(WHOLE + TOKEN + READ + "[[step]]\n" + body + "\n", line, message)


@pytest.mark.parametrize(("use_case", "keys", "line", "message"), COMMANDS)
def test_a_wrong_command(use_case: str, keys: dict[str, str], line: str, message: str) -> None:
    check(WHOLE + READ + command(use_case, **keys), line, message)


def test_a_token_for_another_meter() -> None:
    other = METER.replace('"meter"', '"other"').replace("00-01", "00-09")
    text = WHOLE + other + TOKEN + step(choose='"top up"', enter='"token:ten"', to='"other"')
    check(text, 'enter = "token:ten"', "step.enter: no token 'ten' was made for other before")


@pytest.mark.parametrize(
    ("included", "message"),
    [
        ("spec = 2\n", "more.toml line 1: spec: 2 is not read, only 1"),
        ("", "more.toml line 1: spec: is missing"),
        ("spec = 1\n[hub]\n", "more.toml line 2: hub: is not a key of this table"),
        ("spec = 1\n[", "more.toml: "),
        (
            'spec = 1\n[[step]]\ninclude = "tariff"',
            "more.toml line 3: step.include: an included file includes",
        ),
        ("spec = 1\n[[step]]\nwait = 0", "more.toml line 3: step.wait: more than 0 seconds"),
        (
            'spec = 1\n[[step]]\nshow = "x"\nto = "moon"',
            "more.toml line 4: step.to: no device is called 'moon'",
        ),
    ],
)
def test_what_is_wrong_in_an_included_file(tmp_path: Path, included: str, message: str) -> None:
    (tmp_path / "more.toml").write_text(included, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(WHOLE + step(include='"more.toml"'), "x.toml", tmp_path)
    assert str(caught.value).startswith(message)


def test_an_included_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "more.toml").write_bytes(b"\xff")
    with pytest.raises(ScenarioError, match=r"step\.include: more\.toml: not UTF-8 text$"):
        parse_scenario(WHOLE + step(include='"more.toml"'), "x.toml", tmp_path)


# -- what is compared -----------------------------------------------------------------------

GIVEN = {"A": 5, "On": True, "List": [300, 0, 0], "Rows": [{"time": "x", "value": 7}], "Deep": {"B": "text"}}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, ""),
        ({"A": 5, "On": True, "Deep": {"B": "text"}}, ""),
        ({"List": [300]}, ""),
        ({"List": [300, 0]}, ""),
        ({"Rows": [{"value": 7}]}, ""),
        ({"A": 6}, "A is 5, not 6"),
        ({"A": True}, "A is 5, not True"),
        ({"On": 1}, "On is True, not 1"),
        ({"C": 1}, "C is not there"),
        ({"Deep": {"C": 1}}, "Deep.C is not there"),
        ({"Deep": 5}, "Deep is {'B': 'text'}, not 5"),
        ({"List": []}, "List[0] is 300, nothing is expected there"),
        ({"List": [300, 0, 0, 0]}, "List has 3 elements, not 4"),
        ({"List": [0]}, "List[0] is 300, not 0"),
        ({"Rows": []}, "Rows[0] is {'time': 'x', 'value': 7}, nothing is expected there"),
        ({"Rows": [{"value": 8}]}, "Rows[0].value is 7, not 8"),
    ],
)
def test_a_difference_is_named(wanted: Any, said: str) -> None:
    assert difference(wanted, GIVEN) == said
