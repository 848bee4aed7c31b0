"""Days, weeks and months as displays read them."""

from __future__ import annotations

import pytest

from gbcs.time import Utc
from gbcs.zcl.clusters import attribute_by_name, attributes_of
from smets.behaviours.history import History, Period
from smets.esme.han_history import PERIODS
from smets.esme.han_values import esme_values
from smets.events import Metrology, TimerDue
from smets.han.endpoints import METER, PREPAYMENT, endpoints_of
from smets.values import Value
from tests.smets.homes import Home

ENDPOINT = endpoints_of("ESME")[1]
PRICES: Value = ((3, -5), (3, bytes.fromhex("0100010800FF"), 2), ((b"\x01", 20_000),))
NAMES = {
    METER: "AlternativeConsumptionDelivered",
    PREPAYMENT: "CostConsumptionDelivered",
}


def read(home: Home, cluster: int, which: str) -> object:
    known = attribute_by_name(cluster, which + NAMES[cluster])
    return esme_values(home.device, lambda: 2).read(known, ENDPOINT, home.now)


def shown(home: Home, cluster: int) -> list[int]:
    """The identifiers of the periods that there are."""
    values = esme_values(home.device, lambda: 2)
    found = [known for known in attributes_of(cluster) if known.name.endswith(NAMES[cluster])]
    return [known.id for known in found if values.read(known, ENDPOINT, home.now) is not None]


def lived(days: int) -> Home:
    """A meter that used as many Wh on each day as it lived days before it, and one."""
    home = Home.new()
    for day in range(days):
        home.handle(Metrology(import_wh=day + 1))
        home.wait(86_400)
        home.handle(TimerDue())
    return home


def test_the_identifiers_of_the_reference() -> None:
    """chts-hub 10.3: the first and the last of days, weeks and months."""
    found = {known.name: (known.id, known.type) for known in attributes_of(METER)}
    cost = {known.name: (known.id, known.type) for known in attributes_of(PREPAYMENT)}
    expected = {
        "Day": (0x0C01, 0x0C2C, 0x22),
        "Week": (0x0C30, 0x0C3A, 0x22),
        "Month": (0x0C40, 0x0C5A, 0x23),
    }
    costs = {"Day": (0x051C, 0x052C), "Week": (0x0530, 0x053A), "Month": (0x0540, 0x055A)}
    for name, last in PERIODS.values():
        first, end, kind = expected[name]
        assert found[f"Current{name}{NAMES[METER]}"] == (first, kind)
        assert found[f"Previous{name}{last}{NAMES[METER]}"] == (end, kind)
        assert cost[f"Current{name}{NAMES[PREPAYMENT]}"] == (costs[name][0], 0x25)
        assert cost[f"Previous{name}{last}{NAMES[PREPAYMENT]}"] == (costs[name][1], 0x25)
    assert found[f"PreviousDay{NAMES[METER]}"][0] == 0x0C03
    assert found[f"PreviousDay2{NAMES[METER]}"][0] == 0x0C20


def test_days_weeks_and_months() -> None:
    home = lived(45)  # from 1 January 2026, a Thursday, to 15 February, a Sunday
    assert read(home, METER, "CurrentDay") == 0
    days = [read(home, METER, f"PreviousDay{n}") for n in ("", 2, 3, 4, 5, 6, 7, 8)]
    assert days == [45, 44, 43, 42, 41, 40, 39, 38]
    assert read(home, METER, "CurrentWeek") == sum(range(40, 46))
    assert read(home, METER, "PreviousWeek") == sum(range(33, 40))
    assert read(home, METER, "PreviousMonth") == sum(range(1, 32))
    assert read(home, METER, "CurrentMonth") == sum(range(32, 46))
    assert read(home, METER, "PreviousMonth2") is None


def test_cost_is_what_the_tariff_says() -> None:
    home = Home.new(items={"TariffPriceMatrix": PRICES})
    home.handle(Metrology(import_wh=1000))
    cost = read(home, PREPAYMENT, "CurrentDay")
    assert isinstance(cost, int)
    history = next(one for one in home.device.profile.behaviours if isinstance(one, History))
    assert cost == history.used(home.work, Period.DAY)[0].cost


@pytest.mark.parametrize(
    ("restricted", "days"),
    [(Utc.of(2026, 2, 14), 2), (Utc.of(2026, 2, 14, 0, 0, 1), 1), (Utc.of(2026, 2, 15), 1), (Utc(0), 9)],
)
def test_nothing_from_before_the_tenancy_is_shown(restricted: Utc, days: int) -> None:
    home = lived(45)
    work = home.work
    work.set_item("RestrictDataDateTime", restricted.to_cosem())
    work.commit()
    for cluster, first in ((METER, 0x0C01), (PREPAYMENT, 0x051C)):
        last = first + 0x2B if cluster == METER else 0x052C
        assert sum(first <= number <= last for number in shown(home, cluster)) == days
    assert (read(home, METER, "CurrentMonth") is None) is (days < 9)
