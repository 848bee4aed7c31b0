"""Four electricity meters of one hub; meters that export and have no supplier (seed decisions S22, S23)."""

from __future__ import annotations

import pytest

from gbcs.ids import Role
from gbcs.message import parse_message
from hil.homes import on_radio, open_home
from hil.monikers import Moniker
from hil.runner import Runner
from hil.scenario import parse_scenario
from smets.events import Metrology
from smets.identity import CELL, Cell
from smets.work import ITEM
from tests.hil.homes import HOME, command, failures, meter, run, step
from tests.smets.homes import Home as Meter

VARIANTS = ("single", "twin", "polyphase", "single")  # one for supply, up to three for microgeneration
IMPORTED, EXPORTED = (5000, 10, 20, 30), (0, 1100, 2200, 3300)  # Wh in the first half hour
WINDOW = "[2026-01-01T00:00:00Z, 2026-01-01T01:00:00Z]"
NEXT_DAY = step(wait="2026-01-02T00:00:10Z")
SUPPLIER = """[[party]]
name = "supplier"
role = "supplier"
id = "90-B3-D5-1F-00-00-00-11"
"""
NO_SUPPLIER = HOME.replace(SUPPLIER, "")
OPERATOR, BROKER = "network operator", "broker"


def four(base: str = HOME) -> str:
    return base + "".join(meter(n, f'variant = "{variant}"\n') for n, variant in enumerate(VARIANTS))


def lived(n: int, export: int) -> str:
    """What a meter counts in a half hour."""
    counted = f"{{ import_wh = {IMPORTED[n]}, export_wh = {export}, export_varh = {n} }}"
    return step(metrology=counted, to=f'"meter {n}"')


def exports(n: int, export: int, on_behalf_of: str) -> str:
    """Export registers, half hours and day of a meter: what is read has to be its own."""
    to = f"meter {n}"
    half_hours = (
        f'[{{ time = "2026-01-01T00:30:00Z", active_export = {export}, reactive_export = {n} }}, '
        '{ time = "2026-01-01T01:00:00Z", active_export = 0, reactive_export = 0 }]'
    )
    profile = f'{{ "ProfileDataLog.Export" = {half_hours} }}'
    days = f'[{{ time = "2026-01-02T00:00:00Z", value = {export} }}]'
    registers = f"{{ ActiveExportRegister = {export}, ReactiveExportRegister = {n} }}"
    return (
        command("ECS17a", to, OPERATOR, reads=registers)
        + command("ECS22a", to, OPERATOR, within=WINDOW, reads=profile)
        + command(
            "ECS21c",
            to,
            BROKER,
            on_behalf_of=f'"{on_behalf_of}"',
            reads=f'{{ "DailyReadLog.Export" = {days} }}',
        )
    )


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_export_reads_of_four_meters_are_separate(order: tuple[int, ...]) -> None:
    text = four() + "".join(lived(n, EXPORTED[n]) for n in order) + NEXT_DAY
    text += "".join(exports(n, EXPORTED[n], OPERATOR) for n in reversed(order))
    made, results = run(text)
    assert failures(results) == []
    assert len(results) == 4 + 1 + 4 * 3
    for n in range(4):
        work = made.home.stations[f"meter {n}"].device.observe(made.home.now)
        assert (work.item("ActiveImportRegister"), work.item("ActiveExportRegister")) == (
            IMPORTED[n],
            EXPORTED[n],
        )


def test_export_reads_are_separate_on_the_air() -> None:
    pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")
    text = four() + "".join(lived(n, EXPORTED[n]) for n in range(4)) + NEXT_DAY
    text += "".join(exports(n, EXPORTED[n], OPERATOR) for n in (3, 1, 0, 2))
    scenario = on_radio(parse_scenario(text, "test"), Moniker("virtual"))
    with open_home(scenario) as home:
        assert failures(list(Runner(scenario, home))) == []


def test_what_one_is_told_the_others_do_not_take() -> None:
    """Export MPANs of their own; one meter's change and outage are not another's."""
    numbers = [f"10000000000{n}0" for n in range(4)]
    text = four()
    for n in range(4):
        keys = {"set": f'{{ "MeterPointAdministrationNumber.Export" = "{numbers[n]}" }}'}
        text += command("ECS39b", f"meter {n}", BROKER, on_behalf_of=f'"{OPERATOR}"', **keys)
    text += step(power='"lost"', to='"meter 2"')
    text += lived(1, 77)
    made, results = run(text)
    assert failures(results) == []
    for n in range(4):
        work = made.home.stations[f"meter {n}"].device.observe(made.home.now)
        assert work.item("MeterPointAdministrationNumber.Export") == numbers[n].encode()
        assert work.item("ActiveExportRegister") == (77 if n == 1 else 0)


# -- a meter that only exports, and has no supplier --------------------------------------------


def only_exports(n: int, export: int) -> str:
    return step(metrology=f"{{ export_wh = {export}, export_varh = {n}, power_w = -900 }}", to=f'"meter {n}"')


def test_export_meters_run_without_a_supplier() -> None:
    """Nobody has the supplier's role: they count, keep their logs, and are read by whom they know."""
    text = four(NO_SUPPLIER) + "".join(only_exports(n, 500 + n) for n in range(4)) + NEXT_DAY
    text += "".join(exports(n, 500 + n, OPERATOR) for n in range(4))
    made, results = run(text)
    assert failures(results) == []
    for n in range(4):
        device = made.home.stations[f"meter {n}"].device
        work = device.observe(made.home.now)
        assert {Cell.from_key(key).role for key, _ in work.scan(CELL)} & {Role.SUPPLIER} == set()
        assert work.item("ActiveImportRegister") == 0


def test_what_a_supplier_would_be_told_goes_to_nobody() -> None:
    """Outages and attacks are told to the operator alone, and logged; the meter goes on."""
    text = NO_SUPPLIER + meter(1) + step(power='"lost"', to='"meter 1"') + step(wait="200")
    text += step(power='"restored"', to='"meter 1"', alerts='["8F36"]')
    attack = '{ event = "attack sensed", what = "meter cover", present = true }'
    text += step(sense=attack, to='"meter 1"', alerts='["8F74"]')
    text += only_exports(1, 321)
    text += command("ECS17a", "meter 1", OPERATOR, reads="{ ActiveExportRegister = 321 }")
    made, results = run(text)
    assert failures(results) == []
    operator = made.home.parties[OPERATOR].entity
    sent = [parse_message(line.octets) for line in made.home.transcript.lines if line.layer == "alert"]
    assert {one.recipient for one in sent if one.originator == made.scenario.devices[0].entity} == {operator}
    log = made.home.stations["meter 1"].device.observe(made.home.now).log_entries("SecurityLog")
    assert 0x8F74 in [entry[1] for entry in log]


@pytest.mark.parametrize("use_case", ["ECS52", "ECS17b", "ECS42", "ECS04b", "ECS66"])
def test_whoever_says_he_is_its_supplier_may_do_nothing(use_case: str) -> None:
    home = Meter.new()
    cells = [key for key in home.held if key.startswith(CELL) and Cell.from_key(key).role is Role.SUPPLIER]
    assert cells
    home.store.commit(dict.fromkeys(cells))
    home.restart()
    before = {key: octets for key, octets in home.held.items() if key.startswith(ITEM)}
    reply = home.run(use_case)
    assert reply.response is None
    assert {key: octets for key, octets in home.held.items() if key.startswith(ITEM)} == before
    home.handle(Metrology(export_wh=9))
    assert home.item("ActiveExportRegister") == 9
