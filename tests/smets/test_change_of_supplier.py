"""A change of supplier on a whole meter: keys, counters, tokens, billing data, and what stays as it was."""

from __future__ import annotations

from typing import Any

import pytest

from gbcs.asn1.credentials import CellIdentifier
from gbcs.asn1.replacement import (
    CounterChange,
    Replacement,
    ReplacementCommand,
    command_octets,
    read_response,
)
from gbcs.errors import Check
from gbcs.ids import EntityId, KeyUsage, Role
from gbcs.time import Utc
from smets.behaviours.topup import TokenEntered
from smets.events import TimerDue
from tests.smets.homes import (
    ENTITIES,
    PKI,
    STRANGER,
    STRANGER_CERTIFICATES,
    SUPPLIER,
    Home,
    Reply,
    alerts_in,
    token,
)

TRANSCOS = ENTITIES[Role.TRANSITIONAL_COS]
NOT_AUTHENTIC, UPDATED = 0x8F63, 0x8F70
FLOOR = 20 << 32
LATE = 30 << 32
STATE = {
    "PaymentMode": (2, 2),
    "MeterBalance": 500_000,
    "AccumulatedDebtRegister": 70_000,
    "ActiveImportRegister": 123_456,
    "MaximumCreditThreshold": 10_000_000,
    "MaximumMeterBalance": 10_000_000,
}


def change(home: Home, at: Utc | None = None, **more: Any) -> Reply:
    """The TransCoS puts the new supplier's certificates into the meter."""
    cells = [CellIdentifier(Role.SUPPLIER, c.usage, c.cell_usage) for c in STRANGER_CERTIFICATES]
    home.counter += 1
    command = ReplacementCommand(
        mode=7,
        sequence=home.counter,
        replacements=tuple(
            Replacement(c.der, cell) for c, cell in zip(STRANGER_CERTIFICATES, cells, strict=True)
        ),
        path=(PKI.organisation_issuing.der,),
        at=at,
        authorising=CellIdentifier(Role.TRANSITIONAL_COS, KeyUsage.DIGITAL_SIGNATURE),
        others=(CounterChange(Role.SUPPLIER, 0, FLOOR),),
    )
    reply = home.run("0107", payload=command_octets(command), counter=home.counter, **more)
    assert reply.response is not None, reply.effects
    outcome = read_response(reply.response.payload)
    assert (outcome is None) == (at is not None)
    return reply


def log(home: Home, name: str) -> list[tuple[Any, ...]]:
    return list(home.work.log_entries(name))


def codes(home: Home) -> list[Any]:
    return [entry[1] for entry in log(home, "SecurityLog")]


def credited(home: Home, supplier: EntityId, counter: int) -> bool:
    """Whether a token of a supplier that is keyed in is worth something."""
    before = len(log(home, "BillingDataLog.PrepaymentCredits"))
    home.handle(TokenEntered(token(counter, supplier=supplier)))
    return len(log(home, "BillingDataLog.PrepaymentCredits")) > before


@pytest.mark.parametrize("later", [False, True])
def test_the_meter_changes_hands(later: bool) -> None:
    home = Home.new(items=STATE)
    if later:
        change(home, home.now.plus(600))
        assert not log(home, "BillingDataLog.ModeOrTariffChange")
        home.wait(600)
        home.restart()
        told = [a for a in alerts_in(home.handle(TimerDue())) if a.message.code == 0x00CB]
        assert [(a.code, a.message.recipient) for a in told] == [(0x8F66, TRANSCOS)]
    else:
        change(home)
    # one snapshot for the bill of the old supplier, and one entry in the security log
    ((time, *values),) = log(home, "BillingDataLog.ModeOrTariffChange")
    assert time == home.now.seconds
    assert STATE["MeterBalance"] in values
    assert codes(home).count(UPDATED) == 1
    # what the meter measured and owes stays
    for name, value in STATE.items():
        assert home.item(name) == value, name
    assert home.run("ECS38", [1], by=SUPPLIER).happened.check is Check.ORIGINATOR
    # the new supplier begins to count anew
    reply = home.run("ECS38", [60], by=STRANGER, counter=1)
    assert reply.results == [0]
    assert home.run("ECS38", [1], by=STRANGER, counter=1).happened.check is Check.COUNTER
    assert home.item("RandomisedOffsetLimit") == 60


def test_tokens_of_the_old_supplier_are_worth_nothing() -> None:
    home = Home.new(items=STATE)
    assert credited(home, SUPPLIER, 5 << 32)
    balance = home.item("MeterBalance")
    change(home)
    for counter in (6 << 32, LATE):
        assert not credited(home, SUPPLIER, counter)
    assert codes(home).count(NOT_AUTHENTIC) == 2
    assert not credited(home, STRANGER, FLOOR)  # not above the floor
    assert home.item("MeterBalance") == balance
    assert credited(home, STRANGER, FLOOR + (1 << 32))
    assert credited(home, STRANGER, LATE)
    assert not credited(home, STRANGER, LATE)


def test_remote_tokens_of_the_new_supplier() -> None:
    home = Home.new(items=STATE)
    change(home)
    digits = token(LATE, supplier=STRANGER).encode()
    assert home.run("CS01a", [digits], by=STRANGER, counter=LATE).results == [0]
    assert home.run("CS01a", [digits], by=SUPPLIER, counter=LATE).happened.check is Check.ORIGINATOR


def test_the_new_supplier_gets_the_alerts() -> None:
    home = Home.new(items=STATE)
    change(home)
    home.wait(1)
    reply = home.run("ECS04a", [-600_000], by=STRANGER, counter=1)
    assert reply.results == [0]
    assert {a.message.recipient for a in reply.alerts} == {STRANGER}


def test_a_restart_before_or_after_changes_nothing() -> None:
    plain, cut = Home.new(items=STATE), Home.new(items=STATE)
    for home in (plain, cut):
        if home is cut:
            home.restart()
        change(home)
        if home is cut:
            home.restart()
        assert home.run("ECS38", [9], by=STRANGER, counter=1).results == [0]
    assert plain.held == cut.held
