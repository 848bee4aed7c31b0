"""Without the wide area network a consumer in prepayment keeps the supply, by each fallback (S45, S46).

Of those the decisions name, all but a visit are here: that needs a hand-held terminal.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gbcs.asn1.joins import DEVICE_TYPES, Method
from gbcs.ids import DeviceType
from gbcs.time import Utc
from hil.home import NO_WAN
from hil.homes import on_radio, open_home
from hil.monikers import Moniker
from hil.runner import Result, Runner
from hil.scenario import parse_scenario
from smets.behaviours.device_log import Entry, put
from smets.behaviours.display_commands import ENABLE_SUPPLY, SELECT_EMERGENCY_CREDIT, TOP_UP, DisplayCommand
from smets.behaviours.supply import State, state_of
from smets.esme.credit_charge import Control, array
from smets.values import Value
from smets.work import Work
from tests.hil.homes import HOME, METER, READ, command, failures, run, step
from tests.hil.test_scenario import check
from tests.smets.prepaid import non_disablement, price

WHOLE = HOME + METER
TOKEN = step(token='"ten"', pounds="10", **{"from": '"supplier"'}, to='"meter"')
LOST, RESTORED = step(wan='"lost"'), step(wan='"restored"')
UNREACHED = READ + 'expect = "undeliverable"\n'
POUND = 100_000
PREPAYMENT: dict[str, Value] = {
    "PaymentMode": (2, 2),
    "CreditChargeConfiguration": array(Control(2, False, False), False),
    "MeterBalance": POUND,
    "MaximumMeterBalance": 1000 * POUND,
    "MaximumCreditThreshold": 100 * POUND,
    "EmergencyCreditLimit": 5 * POUND,
    "EmergencyCreditBalance": 5 * POUND,
    "EmergencyCreditThreshold": POUND,
    **price(20),
}
USED = step(metrology="{ import_wh = 6000, power_w = 900 }", to='"meter"')  # 1.20 pounds
LOW = step(metrology="{ import_wh = 4000, power_w = 900 }", to='"meter"')  # 0.80 pounds
ENABLE = step(choose='"enable supply"', to='"meter"')


class Prepaid:
    """A home whose meter has a pound of credit, and a token of ten that was sold by telephone."""

    def __init__(self, made: Runner, **items: Value) -> None:
        self.made = made
        made.bring_up()
        made.home.advance(1)
        assert made.run(made.scenario.steps[0]).passed
        work = self.work
        for name, value in {**PREPAYMENT, **items}.items():
            work.set_item(name, value)
        work.commit()

    @property
    def work(self) -> Work:
        return self.made.home.stations["meter"].device.observe(self.made.home.now)

    @property
    def supply(self) -> State:
        return state_of(self.work)

    def do(self, *steps: str) -> list[Result]:
        _, *parsed = parse_scenario(WHOLE + TOKEN + "".join(steps), "test").steps
        results = [self.made.run(one) for one in parsed]
        assert failures(results) == []
        return results

    def runs_out(self) -> None:
        """The network fails, and credit is used up: nobody outside can help or hears of it."""
        self.do(LOST, UNREACHED)
        self.made.home.received.clear()
        self.do(USED)
        assert self.made.home.received == []


@pytest.fixture(name="home", params=["memory", "virtual"])
def _home(request: pytest.FixtureRequest) -> Iterator[Prepaid]:
    if request.param == "virtual":
        pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")
    scenario = on_radio(parse_scenario(WHOLE + TOKEN, "test"), Moniker(request.param))
    with open_home(scenario) as home:
        yield Prepaid(Runner(scenario, home))


def test_without_a_fallback_supply_ends(home: Prepaid) -> None:
    home.runs_out()
    assert home.supply is State.DISABLED
    with pytest.raises(AssertionError, match="enable supply"):
        home.do(ENABLE)


def test_a_non_disablement_period(home: Prepaid) -> None:
    """Supply stays on as long as the period lasts, the network down or not."""
    work = home.work
    work.set_item("NonDisablementCalendar", non_disablement(("00:00", 32), ("18:00", 33)))
    work.commit()
    home.made.home.advance(86_400)  # the calendar is in force
    home.do(LOST, UNREACHED, USED, step(wait="3600"))
    assert home.supply is State.ENABLED
    home.made.home.advance(18 * 3600)
    assert home.supply is State.DISABLED


def test_emergency_credit(home: Prepaid) -> None:
    home.do(LOST, UNREACHED, LOW, step(choose='"activate emergency credit"', to='"meter"'), USED)
    assert home.supply is State.ENABLED
    assert home.work.item("EmergencyCreditBalance") == 4 * POUND


def test_a_token_typed_by_two_buttons(home: Prepaid) -> None:
    home.runs_out()
    home.do(step(choose='"top up"', enter='"token:ten"', to='"meter"', alerts="[]"), ENABLE)
    assert home.supply is State.ENABLED
    assert home.work.item("MeterBalance") == 10 * POUND - POUND // 5
    home.do(UNREACHED)


def test_a_prepayment_display(home: Prepaid) -> None:
    """It tops up and enables: what a meter does where one asks."""
    home.runs_out()
    digits = home.made.home.made_token("ten").digits
    for asked in (DisplayCommand(TOP_UP, digits), DisplayCommand(ENABLE_SUPPLY)):
        home.made.home.event("meter", asked)
    assert home.supply is State.ENABLED
    assert home.work.item("MeterBalance") == 10 * POUND - POUND // 5
    home.do(UNREACHED)


def test_a_prepayment_display_selects_emergency_credit(home: Prepaid) -> None:
    home.do(LOST, UNREACHED, LOW)
    home.made.home.event("meter", DisplayCommand(SELECT_EMERGENCY_CREDIT))
    home.do(USED)
    assert home.supply is State.ENABLED


def test_a_prepayment_display_on_the_air() -> None:
    pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")
    from hil.radio_home import RadioHome

    scenario = on_radio(parse_scenario(WHOLE + TOKEN, "test"), Moniker("virtual"))
    with open_home(scenario) as opened:
        assert isinstance(opened, RadioHome)
        home = Prepaid(Runner(scenario, opened))
        work = home.work
        kind = DEVICE_TYPES.index(DeviceType.PPMID)
        put(work, Entry(opened.hub.address.station, kind, Method.A_INITIATOR, 0, bytes(16)))
        work.commit()
        home.runs_out()
        top_up = {"OriginatingDevice": 2, "TopUpCode": opened.made_token("ten").digits}
        (answer,) = opened.request("hub", "meter", "ConsumerTopUp", top_up).commands
        assert (answer.values["ResultType"], answer.values["TopUpValue"]) == (0, 10 * POUND)
        assert opened.request("hub", "meter", "LocalChangeSupply", {"ProposedSupplyStatus": 2}).status == 0
        assert home.supply is State.ENABLED


def test_when_it_returns_the_supplier_is_heard_again(home: Prepaid) -> None:
    home.runs_out()
    home.do(RESTORED, READ)
    home.do(command("CS01a", values='["token:ten"]'), ENABLE)
    assert home.supply is State.ENABLED


# -- the step --------------------------------------------------------------------------------


def test_what_is_sent_meanwhile_is_noted_and_lost() -> None:
    attack = '{ event = "attack sensed", what = "meter cover", present = true }'
    text = WHOLE + LOST + UNREACHED + step(sense=attack, to='"meter"', alerts="[]") + RESTORED + READ
    made, results = run(text)
    assert failures(results) == []
    assert [result.step.what for result in results if result.step.wan is not None] == [
        "the wide area network is lost",
        "the wide area network is restored",
    ]
    lost = [line for line in made.home.transcript.lines if line.text == NO_WAN]
    assert [(line.sender, line.verdict) for line in lost] == [
        ("supplier", "undeliverable"),
        ("hub", "undeliverable"),
        ("hub", "undeliverable"),
    ]
    assert made.home.now > Utc.of(2026, 1, 1)


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ('wan = "down"', "wan", "step.wan: 'down' is none of lost, restored"),
        ('wan = "lost"\nto = "meter"', "to = ", "step.to: is not a key of this table"),
        ('wan = "lost"\nwait = 5', "wan", "step.wan: a step has one of command"),
    ],
)
def test_a_wrong_step(body: str, line: str, message: str) -> None:
    check(WHOLE + READ + "[[step]]\n" + body + "\n", line, message)
