"""Future-dated commands: pending, replaced, cancelled, carried out, late, failing; their alerts."""

from __future__ import annotations

import pytest

from gbcs.dlms.activation import activation
from gbcs.dlms.objects import by_item
from gbcs.dlms.templates import templates
from gbcs.ids import Role
from gbcs.message import Message
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW, Utc
from gbcs.usecases import UseCase, by_name
from smets.behaviours.activation import FutureDated
from smets.behaviours.clock import set_clock
from smets.events import HubTime, PowerLost, PowerRestored, TimerDue
from smets.identity import Cell
from smets.profile import Refusal
from smets.values import Value, pack
from tests.smets.homes import (
    START,
    STRANGER_CERTIFICATES,
    SUPPLIER,
    Alert,
    Home,
    alerts_in,
    dlms_use_cases,
    set_clock_parameter,
)
from tests.smets.test_use_cases import first_fault, written

SUCCEEDED, FAILED = 0x8F66, 0x8F67
HOUR = 3600
FUTURE = [
    pytest.param(v, u, id=f"{v}-{u.name}")
    for v in ("single", "twin")
    for u in dlms_use_cases(v)
    if u.future_datable and first_fault(v, u) is None
]


def dates(use_case: UseCase) -> list[str]:
    """The activation attributes of a command, in its order."""
    found = []
    for c in templates(use_case.code or 0)[0].components:
        for row in [activation(m) for m in [_attribute(c.class_id, c.ln, c.member)] if m is not None]:
            if row is not None:
                found.append(row.member.item)
    return found


def waiting(use_case: UseCase) -> set[str]:
    """The active items a command of this use case changes only at its time."""
    components = templates(use_case.code or 0)[0].components
    written_to = {m.item for c in components if (m := _attribute(c.class_id, c.ln, c.member)) is not None}
    rows = [activation(by_item(item)) for item in dates(use_case)]
    return {pair.active.item for row in rows if row is not None for pair in row.pairs} - written_to


def _attribute(class_id: int, ln: bytes, number: int):  # type: ignore[no-untyped-def]
    from gbcs.dlms.objects import MemberKind, member

    return member(class_id, ln, MemberKind.ATTRIBUTE, number)


def content(command: Message, item: str) -> bytes:
    """The content of the alert about one activation attribute."""
    one = by_item(item)
    return (
        command.code.to_bytes(2, "big")
        + command.counter.to_bytes(8, "big")
        + one.class_id.to_bytes(2, "big")
        + one.logical_name
        + bytes((one.number,))
    )


def pending(home: Home) -> set[str]:
    return {key.removeprefix("pending/") for key in home.held if key.startswith("pending/")}


def due(home: Home) -> tuple[Alert, ...]:
    """Let the device's next deadline come; the alerts about future-dated commands."""
    deadline = home.device.next_deadline
    assert deadline is not None
    home.now = deadline
    return tuple(a for a in alerts_in(home.handle(TimerDue())) if a.code in (SUCCEEDED, FAILED))


@pytest.mark.parametrize(("variant", "use_case"), FUTURE)
def test_a_command_waits_for_its_time_and_tells_how_it_went(variant: str, use_case: UseCase) -> None:
    home = Home.new(variant)
    at = home.now.plus(20 * 60 + 7)
    values = home.values(use_case, at.to_cosem())
    before = {name: home.item(name) for name in written(home, use_case, values)}
    reply = home.run(use_case, values)
    assert not any(reply.results)
    assert not reply.alerts
    expected = written(home, use_case, values)
    for name, value in expected.items():
        assert home.item(name) == (before[name] if name in waiting(use_case) else value), name
    assert pending(home) == set(dates(use_case))
    home.wait(20 * 60 + 6)
    assert not alerts_in(home.handle(TimerDue()))
    home.restart()
    assert home.device.next_deadline == at
    alerts = due(home)
    assert home.now == at
    assert [a.content[0].value for a in alerts] == [content(reply.command, i) for i in dates(use_case)]
    assert {a.key for a in alerts} == {(SUCCEEDED, 0x00CC, SUPPLIER)}
    assert {a.time for a in alerts} == {at}
    counters = [a.message.counter for a in alerts]
    assert counters == list(range(counters[0], counters[0] + len(alerts)))
    assert not pending(home)
    for name, value in expected.items():
        assert home.item(name) == value, name


def test_the_counts_of_alerts_are_those_of_the_reference() -> None:
    counts = {u.values[1].name: len(dates(u.values[1])) for u in FUTURE}
    wanted = {"ECS01a": 6, "ECS01b": 2, "ECS02": 1, "ECS03": 2, "ECS08": 9, "ECS08a": 9, "ECS28a": 4}
    wanted |= {"ECS01c": 3, "ECS01d": 1, "ECS46c": 2, "ECS46d": 2}
    assert counts == wanted


@pytest.mark.parametrize(
    "when", [ACTIVATE_NOW, START.to_cosem(), START.plus(-1).to_cosem(), Utc(0).to_cosem()]
)
@pytest.mark.parametrize(("variant", "use_case"), FUTURE)
def test_now_and_the_past_act_at_once_without_an_alert(variant: str, use_case: UseCase, when: bytes) -> None:
    home = Home.new(variant)
    values = home.values(use_case, when)
    reply = home.run(use_case, values)
    assert not any(reply.results)
    assert not [a for a in reply.alerts if a.code in (SUCCEEDED, FAILED)]
    assert not pending(home)
    for name, value in written(home, use_case, values).items():
        assert home.item(name) == value, name


@pytest.mark.parametrize(("variant", "use_case"), FUTURE)
def test_a_cancelled_command_leaves_no_trace(variant: str, use_case: UseCase) -> None:
    home = Home.new(variant)
    assert not any(home.run(use_case, when=ACTIVATE_NEVER).results)  # nothing pending: still a success
    values = home.values(use_case, home.now.plus(HOUR).to_cosem())
    active = {name: home.item(name) for name in waiting(use_case)}
    home.run(use_case, values)
    assert pending(home)
    home.wait(60)
    reply = home.run(use_case, when=ACTIVATE_NEVER)
    assert not any(reply.results)
    assert not reply.alerts
    assert not pending(home)
    home.wait(2 * HOUR)
    assert not alerts_in(home.handle(TimerDue()))
    assert {name: home.item(name) for name in active} == active


def test_a_later_command_takes_the_place_of_the_pending_one() -> None:
    home = Home.new()
    first = home.make("ECS28a", _limits(home, 1, home.now.plus(HOUR)))
    second = home.make("ECS28a", _limits(home, 2, home.now.plus(2 * HOUR)))
    home.deliver(first)
    home.deliver(second)
    home.wait(HOUR)
    assert not alerts_in(home.handle(TimerDue()))
    home.wait(HOUR)
    alerts = alerts_in(home.handle(TimerDue()))
    assert [a.content[0].value for a in alerts] == [content(second, i) for i in dates(by_name("ECS28a"))]
    assert home.item("LoadLimitPeriod") == 2


def test_an_immediate_command_takes_the_place_of_the_pending_one() -> None:
    home = Home.new()
    home.run("ECS28a", _limits(home, 1, home.now.plus(HOUR)))
    assert not home.run("ECS28a", _limits(home, 2, None)).alerts
    assert not pending(home)
    assert home.item("LoadLimitPeriod") == 2
    home.wait(2 * HOUR)
    assert not alerts_in(home.handle(TimerDue()))
    assert home.item("LoadLimitPeriod") == 2


def test_commands_that_share_an_object_share_its_place() -> None:
    """ECS01a and ECS01b: the price matrix is pending once, from the later of the two."""
    home = Home.new()
    whole = home.run("ECS01a", when=home.now.plus(HOUR).to_cosem()).command
    part = home.run("ECS01b", when=home.now.plus(HOUR).to_cosem()).command
    home.wait(HOUR)
    alerts = alerts_in(home.handle(TimerDue()))
    shared = dates(by_name("ECS01b"))
    rest = [item for item in dates(by_name("ECS01a")) if item not in shared]
    assert [a.content[0].value for a in alerts] == [
        *(content(whole, item) for item in rest),
        *(content(part, item) for item in shared),
    ]


def _limits(home: Home, period: int, at: Utc | None) -> list[Value]:
    """Values for ECS28a with a chosen period."""
    values = home.values(by_name("ECS28a"), ACTIVATE_NOW if at is None else at.to_cosem())
    components = templates(by_name("ECS28a").code or 0)[0].components
    names = [m.item for c in components if (m := _attribute(c.class_id, c.ln, c.member)) is not None]
    values[names.index("LoadLimitPeriod.Passive")] = period
    return values


# -- late ---------------------------------------------------------------------------------


def test_what_came_due_without_power_is_done_at_power_up_and_stamped_then() -> None:
    home = Home.new()
    home.run("ECS28a", when=home.now.plus(HOUR).to_cosem())
    home.handle(PowerLost())
    assert home.device.next_deadline is None
    home.wait(3 * HOUR + 60)
    assert not home.handle(TimerDue())
    outage, *alerts = alerts_in(home.handle(PowerRestored()))
    assert outage.code == 0x8F36
    assert [a.code for a in alerts] == [SUCCEEDED] * 4
    assert {a.time for a in alerts} == {home.now}


def test_what_came_due_while_no_process_ran_is_done_when_it_runs_again() -> None:
    home = Home.new()
    home.run("ECS28a", when=home.now.plus(HOUR).to_cosem())
    home.wait(3 * HOUR + 60)
    home.restart()
    assert home.device.next_deadline == home.now
    alerts = alerts_in(home.handle(TimerDue()))
    assert [a.code for a in alerts] == [SUCCEEDED] * 4
    assert {a.time for a in alerts} == {home.now}


def test_several_that_are_late_are_done_in_the_order_of_their_times() -> None:
    home = Home.new()
    later = home.run("ECS28a", when=home.now.plus(2 * HOUR).to_cosem()).command
    earlier = home.run("ECS01b", when=home.now.plus(HOUR).to_cosem()).command
    home.wait(3 * HOUR)
    home.restart()
    codes = [a.content[0].value[:2] for a in alerts_in(home.handle(TimerDue()))]
    assert codes == [earlier.code.to_bytes(2, "big")] * 2 + [later.code.to_bytes(2, "big")] * 4


def test_a_clock_set_forward_over_the_time_carries_it_out() -> None:
    home = Home.new()
    home.run("ECS28a", when=home.now.plus(HOUR).to_cosem())
    shown = home.now.plus(HOUR + 1)
    home.handle(HubTime(shown))
    reply = home.run("ECS70", [set_clock_parameter(shown)])
    assert reply.response is not None
    assert [a.code for a in reply.alerts] == [SUCCEEDED] * 4
    assert {a.time for a in reply.alerts} == {shown}


def test_a_clock_set_back_lets_it_wait_longer() -> None:
    home = Home.new()
    at = home.now.plus(HOUR)
    home.run("ECS28a", when=at.to_cosem())
    home.wait(30 * 60)
    work = home.work
    set_clock(work, home.now.plus(-600))
    work.commit()
    home.restart()
    home.wait(30 * 60)
    assert not alerts_in(home.handle(TimerDue()))
    home.wait(599)
    assert not alerts_in(home.handle(TimerDue()))
    home.wait(1)
    alerts = alerts_in(home.handle(TimerDue()))
    assert {a.time for a in alerts} == {at}


# -- failing ------------------------------------------------------------------------------


def test_an_activation_that_fails_says_so_and_changes_nothing() -> None:
    home = Home.new()
    command = home.run("ECS03", when=home.now.plus(HOUR).to_cosem()).command
    home.store.commit({"item/CreditChargeConfiguration.Passive": pack("no configuration")})
    home.device = home.device.reopened(home.now)
    before = home.item("PaymentMode")
    home.wait(HOUR)
    alerts = alerts_in(home.handle(TimerDue()))
    outcomes = {a.content[0].value: a.code for a in alerts if a.content}
    assert outcomes == {
        content(command, "DisablementThreshold.ActivationTime"): SUCCEEDED,
        content(command, "PaymentMode.ActivationTime"): FAILED,
    }
    assert home.item("PaymentMode") == before
    assert not pending(home)


def test_a_method_that_activates_what_cannot_be_active_answers_250() -> None:
    """A meter that holds something else than a charge: neither register nor charge moves."""
    home = Home.new()
    values = home.values(by_name("ECS07"))
    work = home.work
    before = home.item("DebtRecoveryRates1")
    row = activation(by_item("DebtRecoveryRates1.activate"))
    assert row is not None
    future_dated = next(b for b in home.device.profile.behaviours if isinstance(b, FutureDated))
    work.put("item/DebtRecoveryRates1.Passive", pack("no charge"))
    with pytest.raises(Refusal):
        future_dated.apply(work, row)
    assert work.item("DebtRecoveryRates1") == before
    assert not any(home.run("ECS07", values).results)


def test_a_directly_set_value_is_not_overwritten_by_an_older_passive_one() -> None:
    """ECS08 sets the active maximum meter balance, and then its activation time."""
    home = Home.new()
    home.run("ECS08a", when=home.now.plus(HOUR).to_cosem())  # leaves a passive value
    for when in (ACTIVATE_NOW, home.now.plus(HOUR).to_cosem()):
        values = home.values(by_name("ECS08"), when)
        wanted = written(home, by_name("ECS08"), values)["MaximumMeterBalance"]
        assert not any(home.run("ECS08", values).results)
        assert home.item("MaximumMeterBalance") == wanted
        home.wait(2 * HOUR)
        home.handle(TimerDue())
        assert home.item("MaximumMeterBalance") == wanted


def test_the_alerts_go_to_who_sent_the_command_even_if_another_is_supplier_by_then() -> None:
    home = Home.new()
    home.run("ECS28a", when=home.now.plus(HOUR).to_cosem())
    work = home.work
    for credential in STRANGER_CERTIFICATES:
        work.put(Cell(Role.SUPPLIER, credential.usage, credential.cell_usage).key, credential.der)
    work.commit()
    home.restart()
    home.wait(HOUR)
    assert {a.message.recipient for a in alerts_in(home.handle(TimerDue()))} == {SUPPLIER}
