"""CS02b and CS02g: now, later or never, what a stored command does at its time, and counters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.asn1.credentials import CellIdentifier, StatusCode
from gbcs.asn1.replacement import (
    CANCEL,
    CounterChange,
    Replacement,
)
from gbcs.errors import Check, SecurityError
from gbcs.ids import DeviceType, Role
from gbcs.security.anchors import ROOT_CELL, Anchors, changes
from gbcs.security.replacement import (
    FAILED,
    SUCCEEDED,
    Decision,
    Moment,
    Pending,
    ReplacementSettings,
    Statuses,
    carry_out,
    decide,
)
from gbcs.security.replacement_rows import (
    ModeRow,
)
from tests.gbcs.trust import (
    AFTER_ALL,
    COUNTER,
    DS,
    ENTITIES,
    EVERY,
    FIRST,
    ISSUER,
    NEW_ROOT,
    NOW,
    OLD_COUNTER,
    SECOND,
    START,
    STRANGE_ROOT,
    anchors_of,
    cells,
    command_of,
    row_of,
    run,
)

ESME, CHF = DeviceType.ESME, DeviceType.CHF
SUPPLIER_DS = CellIdentifier(Role.SUPPLIER, DS)
RECOVERY_DS = CellIdentifier(Role.RECOVERY, DS)
LATER = NOW.plus(3600)


# -- time --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "time_checks", "settings", "status"),
    [
        (NOW, True, ReplacementSettings(), 0),
        (AFTER_ALL, True, ReplacementSettings(), 10),
        (START.plus(-1), True, ReplacementSettings(), 10),
        (AFTER_ALL, False, ReplacementSettings(), 0),
        (AFTER_ALL, True, ReplacementSettings(time_checks=False), 0),
        (
            AFTER_ALL,
            True,
            ReplacementSettings(statuses=Statuses(not_valid_now=StatusCode.BAD_CERTIFICATE)),
            5,
        ),
    ],
)
def test_validity_counts_unless_disapplied(
    now: Any, time_checks: bool, settings: ReplacementSettings, status: int
) -> None:
    outcome = run(row_of(2, ESME), ESME, settings, now=now, time_checks=time_checks)
    assert {cell.status for cell in cells(outcome)} == {status}


@pytest.mark.parametrize(
    ("at", "past_is_immediate", "decision"),
    [
        (None, True, Decision.IMMEDIATE),
        (CANCEL, True, Decision.CANCEL),
        (CANCEL, False, Decision.CANCEL),
        (LATER, True, Decision.FUTURE),
        (NOW, True, Decision.IMMEDIATE),
        (START, True, Decision.IMMEDIATE),
        (START, False, Decision.FUTURE),
    ],
)
def test_now_later_or_never(at: Any, past_is_immediate: bool, decision: Decision) -> None:
    settings = ReplacementSettings(past_is_immediate=past_is_immediate)
    before = anchors_of(ESME)
    outcome = run(row_of(2, ESME), ESME, settings, at=at, new_floor=3)
    assert outcome.decision is decision is decide(command_of(row_of(2, ESME), ESME, at=at), NOW, settings)
    if decision is Decision.IMMEDIATE:
        assert outcome.execution is not None
        assert outcome.pending is None
        return
    assert outcome.execution is None
    assert changes(before, outcome.anchors) == ((), ((Role.SUPPLIER, COUNTER),), None)
    assert (outcome.pending is not None) == (decision is Decision.FUTURE)
    if outcome.pending is not None:
        assert outcome.pending[:4] == (0x0102, ENTITIES[Role.SUPPLIER], NOW, at)


def stored(row: ModeRow, device: DeviceType = ESME, **more: Any) -> tuple[Anchors, Pending]:
    outcome = run(row, device, at=LATER, **more)
    assert outcome.pending is not None
    return outcome.anchors, outcome.pending


@pytest.mark.parametrize(("row", "device"), EVERY)
def test_a_stored_command_is_carried_out_with_an_alert(row: ModeRow, device: DeviceType) -> None:
    anchors, pending = stored(row, device)
    at_once = run(row, device)
    done = carry_out(anchors, pending, LATER.plus(us=5))
    assert done.anchors == at_once.anchors
    assert done.alert == (SUCCEEDED, LATER, at_once.execution)
    assert done.message_code == row.alert
    assert done.recipient == pending.originator


def test_a_stored_command_does_not_take_a_counter_back() -> None:
    anchors, pending = stored(row_of(2, ESME))
    anchors = anchors.with_counter(Role.SUPPLIER, COUNTER + 40)
    assert carry_out(anchors, pending, LATER).anchors.counter(Role.SUPPLIER) == COUNTER + 40
    anchors, pending = stored(row_of(2, ESME), new_floor=3, new_prepayment=4 << 32)
    done = carry_out(anchors.with_counter(Role.SUPPLIER, COUNTER + 40), pending, LATER).anchors
    assert (done.counter(Role.SUPPLIER), done.prepayment) == (3, 4 << 32)


@pytest.mark.parametrize(
    ("settings", "code"),
    [(ReplacementSettings(), FAILED), (ReplacementSettings(partial_is_failure=False), SUCCEEDED)],
)
def test_the_alert_of_a_partial_success(settings: ReplacementSettings, code: int) -> None:
    anchors, pending = stored(row_of(2, ESME))
    assert carry_out(anchors, pending, LATER, settings, {0: 30}).alert.code == code
    every = dict.fromkeys(range(3), 30)
    assert carry_out(anchors, pending, LATER, settings, every).alert.code == FAILED
    assert carry_out(anchors, pending, LATER, settings).alert.code == SUCCEEDED


@pytest.mark.parametrize(("valid_at", "code"), [(Moment.RECEIPT, SUCCEEDED), (Moment.EXECUTION, FAILED)])
def test_when_certificates_of_a_stored_command_have_to_be_valid(valid_at: Moment, code: int) -> None:
    anchors, pending = stored(row_of(2, ESME))
    assert carry_out(anchors, pending, AFTER_ALL, ReplacementSettings(valid_at=valid_at)).alert.code == code


def test_what_is_judged_at_the_time_is_what_is_held_then() -> None:
    anchors, pending = stored(row_of(2, ESME))
    anchors = anchors.with_cell(ROOT_CELL, STRANGE_ROOT)
    alert = carry_out(anchors, pending, LATER).alert
    assert {cell.status for cell in alert.outcome.cells} == {StatusCode.NO_TRUST_ANCHOR}


def test_nothing_can_be_stored_for_a_mode_a_device_has_not() -> None:
    _, pending = stored(row_of(2, ESME))
    with pytest.raises(SecurityError) as caught:
        carry_out(anchors_of(CHF), pending, LATER)
    assert caught.value.check is Check.MESSAGE_CODE


# -- counters ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "values", "listed", "counters", "prepayment"),
    [
        (6, {}, (), {5: COUNTER}, None),
        (3, {"new_floor": 0}, ((3, 0, None),), {3: 0}, None),
        (2, {"new_floor": 4, "new_prepayment": 5}, ((2, 4, 5),), {2: 4}, 5),
        (2, {"new_prepayment": 5}, ((2, COUNTER, 5),), {2: COUNTER}, 5),
        (2, {"new_floor": 4}, ((2, 4, None),), {2: 4}, None),
        (4, {"new_floor": 4}, ((4, 4, None),), {4: 4}, None),
        (7, {"others": (CounterChange(Role.SUPPLIER, 0, 0),)}, ((2, 0, 0),), {5: COUNTER, 2: 0}, 0),
        (7, {}, (), {5: COUNTER}, None),
        (
            11,
            {"others": (CounterChange(Role.LOAD_CONTROLLER, 1),)},
            ((8, 1, None),),
            {2: COUNTER, 8: 1},
            None,
        ),
        (
            8,
            {
                "new_floor": 9,
                "others": (CounterChange(Role.NETWORK_OPERATOR, 8), CounterChange(Role.SUPPLIER, 7, 6)),
            },
            ((1, 9, None), (3, 8, None), (2, 7, 6)),
            {1: 9, 3: 8, 2: 7},
            6,
        ),
        (
            9,
            {"new_floor": 0, "others": (CounterChange(Role.SUPPLIER, 0, 0), CounterChange(Role.RECOVERY, 2))},
            ((0, 0, None), (2, 0, 0), (1, 2, None)),
            {0: 0, 2: 0, 1: 2},
            0,
        ),
    ],
)
def test_counters_after_a_command(
    mode: int, values: dict[str, Any], listed: Any, counters: dict[int, int], prepayment: int | None
) -> None:
    before = anchors_of(ESME)
    outcome = run(row_of(mode, ESME), ESME, **values)
    assert outcome.execution is not None
    assert outcome.execution.changes == listed
    for role in Role:
        assert outcome.anchors.counter(role) == counters.get(role, before.counter(role))
    assert outcome.anchors.prepayment == (before.prepayment if prepayment is None else prepayment)


def test_floors_may_depend_on_a_replacement() -> None:
    values: dict[str, Any] = {
        "replacements": (
            Replacement(SECOND[SUPPLIER_DS].der, SUPPLIER_DS),
            Replacement(b"\x30\x00", RECOVERY_DS),
        ),
        "new_floor": 0,
        "others": (CounterChange(Role.SUPPLIER, 1, 2), CounterChange(Role.NETWORK_OPERATOR, 3)),
    }
    row = row_of(8, ESME)
    outcome = run(row, ESME, **values).execution
    assert outcome is not None
    assert outcome.changes == ((1, 0, None), (2, 1, 2), (3, 3, None))
    strict = run(row, ESME, ReplacementSettings(floors_without_success=False), **values)
    assert strict.execution is not None
    assert strict.execution.changes == ((2, 1, 2),)
    assert strict.anchors.counter(Role.RECOVERY) == COUNTER
    assert strict.anchors.counter(Role.NETWORK_OPERATOR) == OLD_COUNTER


# -- whatever is given -------------------------------------------------------------------

ITEMS = st.builds(
    Replacement,
    st.sampled_from([b"\x30\x00", ISSUER.der, NEW_ROOT.der, STRANGE_ROOT.der])
    | st.sampled_from([c.der for c in (*FIRST.values(), *SECOND.values())]),
    st.sampled_from([ROOT_CELL, *FIRST]),
)


@given(
    st.sampled_from(EVERY),
    st.lists(ITEMS, min_size=1, max_size=6),
    st.dictionaries(st.integers(0, 5), st.sampled_from([17, 30, 127])),
)
def test_only_a_success_changes_a_cell(every: Any, items: list[Replacement], faults: dict[int, int]) -> None:
    row, device = every.values
    before = anchors_of(device)
    outcome = run(row, device, replacements=tuple(items), faults=faults)
    found = cells(outcome)
    assert [cell.cell for cell in found] == [item.cell for item in items]
    for cell in found:
        assert cell.status in {*StatusCode}
        assert cell.status == StatusCode.SUCCESS or cell.replacing == cell.existing
        assert cell.status != StatusCode.SUCCESS or cell.cell.role in row.targets
    taken = {cell.cell for cell in found if cell.status == StatusCode.SUCCESS}
    assert {cell for cell, _ in changes(before, outcome.anchors).cells} <= taken
    assert {*outcome.anchors.held} == {*before.held} | taken
