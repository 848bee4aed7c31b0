"""CS02b and CS02g: every mode, what is refused as a whole, cell by cell, counters, time, the root."""

from __future__ import annotations

from typing import Any

import pytest

from gbcs.asn1.credentials import CellIdentifier, StatusCode
from gbcs.asn1.replacement import (
    NOBODY,
    CellOutcome,
    CounterChange,
    Replacement,
    Subject,
)
from gbcs.errors import Check, SecurityError
from gbcs.ids import CellUsage, DeviceType, KeyUsage, Role
from gbcs.security.anchors import ROOT_CELL, Anchors, changes
from gbcs.security.replacement import (
    Decision,
    Header,
    Outcome,
    ReplacementSettings,
    Statuses,
    check_command,
    replace,
)
from gbcs.security.replacement_rows import (
    CODES,
    MODES,
    ModeRow,
    RootRule,
    devices_of,
)
from tests.gbcs.crafted import ORG, craft, replaced, unique_id, unit, usage
from tests.gbcs.trust import (
    COUNTER,
    DS,
    ENTITIES,
    EVERY,
    FIRST,
    ISSUER,
    KA,
    NEW_ROOT,
    NOW,
    OLD_COUNTER,
    PKI,
    ROOT,
    SECOND,
    STRANGE_PKI,
    STRANGE_ROOT,
    TOP_UP,
    anchors_of,
    cells,
    command_of,
    header_of,
    made,
    row_of,
    run,
    targets,
)

ESME, CHF = DeviceType.ESME, DeviceType.CHF
SUPPLIER_DS = CellIdentifier(Role.SUPPLIER, DS)
SUPPLIER_KA = CellIdentifier(Role.SUPPLIER, KA)
SUPPLIER_PP = CellIdentifier(Role.SUPPLIER, KA, TOP_UP)
RECOVERY_DS = CellIdentifier(Role.RECOVERY, DS)


def only(mode: int, replacement: Replacement, device: DeviceType = ESME, **more: Any) -> tuple[int, Outcome]:
    """A command of a mode with one replacement: its status and all else."""
    outcome = run(row_of(mode, device), device, replacements=(replacement,), **more)
    (cell,) = cells(outcome)
    return cell.status, outcome


# -- the table ---------------------------------------------------------------------------


def test_the_table_has_every_mode() -> None:
    assert sorted({row.mode for row in MODES}) == [*range(12)]
    for row in MODES:
        assert row.code == (0x0100 + row.mode if row.mode < 10 else 0x0125 + row.mode - 10)
        assert row.alert == (0x00CB if row.mode < 10 else 0x0124)
        assert 3 in row.required
        assert (0 in row.allowed) == (row.mode == 9)
        assert row.signed or row.maced
        assert row.maced == (row.mode not in (8, 9))
    assert {row.code for row in MODES} == CODES


@pytest.mark.parametrize(
    ("code", "devices"),
    [
        (0x0100, "GSME ESME GPF HCALCS SAPC"),
        (0x0101, "CHF"),
        (0x0102, "GSME ESME GPF HCALCS SAPC"),
        (0x0103, "GSME ESME GPF SAPC"),
        (0x0104, "GSME ESME CHF GPF HCALCS PPMID SAPC"),
        (0x0105, "CHF"),
        (0x0106, "GSME ESME CHF GPF HCALCS PPMID SAPC"),
        (0x0107, "GSME ESME GPF HCALCS SAPC"),
        (0x0108, "GSME ESME CHF GPF HCALCS PPMID SAPC"),
        (0x0109, "GSME ESME CHF GPF HCALCS PPMID SAPC"),
        (0x0125, "ESME SAPC"),
        (0x0126, "ESME SAPC"),
        (0x0008, ""),
    ],
)
def test_devices_have_the_modes_their_cells_allow(code: int, devices: str) -> None:
    assert [device.name for device in devices_of(code)] == devices.split()


def test_the_broker_signs_on_a_hub_only() -> None:
    hub, meter = row_of(4, CHF), row_of(4, ESME)
    assert (hub.signed, hub.maced, hub.authorising.usage, 2 in hub.required) == (True, True, DS, True)
    assert (meter.signed, meter.maced, meter.authorising.usage, 2 in meter.allowed) == (
        False,
        True,
        KA,
        False,
    )


# -- every mode --------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "device"), EVERY)
def test_a_mode_replaces_its_cells(row: ModeRow, device: DeviceType) -> None:
    before = anchors_of(device)
    outcome = run(row, device) if row.root is not RootRule.ABNORMAL else run(row, device, symmetric_key=b"k")
    assert outcome.decision is Decision.IMMEDIATE
    assert outcome.pending is None
    assert outcome.execution is not None
    assert outcome.execution[:3] == (COUNTER, row.mode, ())
    wanted = {cell: NEW_ROOT if cell == ROOT_CELL else SECOND[cell] for cell in targets(row, device)}
    assert cells(outcome) == tuple(
        CellOutcome(
            cell,
            StatusCode.SUCCESS,
            Subject(before.held[cell].entity, before.held[cell].key_id),
            Subject(new.entity, new.key_id),
        )
        for cell, new in wanted.items()
    )
    changed = changes(before, outcome.anchors)
    assert dict(changed.cells) == wanted
    assert changed.counters == ((row.role, COUNTER),)
    assert changed.prepayment is None


@pytest.mark.parametrize(("row", "device"), EVERY)
def test_a_mode_leaves_the_cells_of_others(row: ModeRow, device: DeviceType) -> None:
    before = anchors_of(device)
    foreign = [cell for cell in before.held if cell.role not in row.targets]
    if not foreign:
        assert row.mode in (8, 9)
        return
    outcome = run(
        row,
        device,
        replacements=tuple(
            Replacement((NEW_ROOT if cell == ROOT_CELL else SECOND[cell]).der, cell) for cell in foreign
        ),
    )
    assert {cell.status for cell in cells(outcome)} == {StatusCode.OTHER}
    assert all(cell.replacing == cell.existing != NOBODY for cell in cells(outcome))
    assert changes(before, outcome.anchors).cells == ()


# -- refused as a whole ------------------------------------------------------------------


def refused(
    check: Check,
    row: ModeRow,
    device: DeviceType = ESME,
    header: Header | None = None,
    settings: ReplacementSettings | None = None,
    anchors: Anchors | None = None,
    **more: Any,
) -> str:
    with pytest.raises(SecurityError) as caught:
        replace(
            anchors or anchors_of(device),
            command_of(row, device, **more),
            header or header_of(row),
            NOW,
            settings or ReplacementSettings(),
        )
    assert caught.value.check is check
    return caught.value.reason


@pytest.mark.parametrize(("row", "device"), EVERY)
def test_what_every_mode_refuses(row: ModeRow, device: DeviceType) -> None:
    header = header_of(row)
    assert refused(Check.TEMPLATE, row, device, mode=(row.mode + 1) % 12)
    assert refused(Check.TEMPLATE, row, device, replacements=())
    assert refused(Check.COUNTER, row, device, sequence=COUNTER + 1)
    assert refused(Check.MAC, row, device, header._replace(maced=not row.maced))
    assert refused(Check.SIGNATURE, row, device, header._replace(signed=not row.signed))
    other = CellIdentifier(Role.OTHER, DS)
    if 2 in row.allowed:
        assert refused(Check.TEMPLATE, row, device, authorising=None)
        assert refused(Check.AUTHORITY, row, device, authorising=other)
    else:
        assert refused(Check.TEMPLATE, row, device, authorising=row.authorising)
    if row.mode == 9:
        assert refused(Check.TEMPLATE, row, device, symmetric_key=None)
        return
    assert refused(Check.TEMPLATE, row, device, symmetric_key=bytes(16))
    assert refused(Check.AUTHORITY, row, device, header._replace(originator=ENTITIES[Role.OTHER]))
    empty = Anchors(device, {ROOT_CELL: ROOT})
    assert refused(Check.AUTHORITY, row, device, anchors=empty)


def test_a_device_without_the_mode() -> None:
    for code in (0x0102, 0x0008, 0x0103):
        header = header_of(row_of(2, ESME), code=code)
        with pytest.raises(SecurityError) as caught:
            check_command(anchors_of(CHF), command_of(row_of(2, ESME), ESME), header)
        assert caught.value.check is Check.MESSAGE_CODE


@pytest.mark.parametrize(("mode", "device"), [(0, ESME), (1, CHF)])
def test_root_by_party_can_be_left_out(mode: int, device: DeviceType) -> None:
    settings = ReplacementSettings(root_by_party=False)
    assert refused(Check.MESSAGE_CODE, row_of(mode, device), device, settings=settings)


def test_recovery_is_no_root_by_party() -> None:
    assert cells(run(row_of(8, ESME), ESME, ReplacementSettings(root_by_party=False)))


@pytest.mark.parametrize(("row", "device"), EVERY)
def test_tags_that_a_mode_has_not(row: ModeRow, device: DeviceType) -> None:
    given: dict[int, dict[str, Any]] = {
        1: {"time_checks": False},
        4: {"new_floor": 0},
        5: {"new_prepayment": 0},
    }
    for tag, values in given.items():
        if tag in row.allowed:
            assert run(row, device, **values).execution
        else:
            assert refused(Check.TEMPLATE, row, device, **values)
    others = [CounterChange(role, 0) for role in sorted(row.targets - {row.role})]
    if 6 in row.allowed:
        outcome = run(row, device, others=tuple(others)).execution
        assert outcome is not None
        assert outcome.changes == tuple(others)
    else:
        assert refused(Check.TEMPLATE, row, device, others=(CounterChange(Role.OTHER, 0),))


def test_unexpected_tags_can_be_accepted_where_they_make_sense() -> None:
    loose = ReplacementSettings(unexpected_tags=True)
    outcome = run(row_of(0, ESME), ESME, loose, new_prepayment=7).execution
    assert outcome is not None
    assert outcome.changes == (CounterChange(Role.SUPPLIER, COUNTER, 7),)
    assert refused(Check.TEMPLATE, row_of(3, ESME), settings=loose, new_prepayment=7)
    assert refused(
        Check.AUTHORITY, row_of(2, ESME), settings=loose, others=(CounterChange(Role.RECOVERY, 0),)
    )


@pytest.mark.parametrize(
    ("check", "mode", "others"),
    [
        (Check.AUTHORITY, 7, (CounterChange(Role.ACCESS_CONTROL_BROKER, 2**62),)),
        (Check.AUTHORITY, 7, (CounterChange(Role.TRANSITIONAL_COS, 0),)),
        (Check.AUTHORITY, 11, (CounterChange(Role.SUPPLIER, 0),)),
        (Check.AUTHORITY, 8, (CounterChange(Role.RECOVERY, 0),)),
        (Check.TEMPLATE, 8, (CounterChange(Role.NETWORK_OPERATOR, 0, 0),)),
        (Check.TEMPLATE, 8, (CounterChange(Role.SUPPLIER, 0), CounterChange(Role.SUPPLIER, 1))),
    ],
)
def test_whose_counters_a_mode_may_set(check: Check, mode: int, others: tuple[CounterChange, ...]) -> None:
    assert refused(check, row_of(mode, ESME), others=others)


# -- who stands in a cell ----------------------------------------------------------------


def test_the_broker_in_the_supplier_s_cells_hands_over() -> None:
    """The role is the cell's: a party in another's cells acts for it and gives them away."""
    broker = made(Role.ACCESS_CONTROL_BROKER)
    placeholder = {
        SUPPLIER_DS: broker[CellIdentifier(Role.ACCESS_CONTROL_BROKER, DS)],
        SUPPLIER_KA: broker[CellIdentifier(Role.ACCESS_CONTROL_BROKER, KA)],
        SUPPLIER_PP: broker[CellIdentifier(Role.ACCESS_CONTROL_BROKER, KA)],
    }
    anchors = anchors_of(DeviceType.GPF, held=placeholder)
    row = row_of(2, DeviceType.GPF)
    header = header_of(row, originator=ENTITIES[Role.ACCESS_CONTROL_BROKER])
    outcome = replace(anchors, command_of(row, DeviceType.GPF, new_floor=0, new_prepayment=0), header, NOW)
    assert [cell.status for cell in cells(outcome)] == [0, 0, 0]
    assert outcome.anchors.get(SUPPLIER_PP) == SECOND[SUPPLIER_PP]
    assert outcome.anchors.counter(Role.SUPPLIER) == 0
    assert outcome.anchors.counter(Role.ACCESS_CONTROL_BROKER) == OLD_COUNTER
    assert outcome.anchors.prepayment == 0


def test_a_certificate_of_another_role_may_stand_in_a_cell() -> None:
    load_ds = CellIdentifier(Role.LOAD_CONTROLLER, DS)
    status, outcome = only(11, Replacement(SECOND[SUPPLIER_DS].der, load_ds))
    assert status == StatusCode.SUCCESS
    assert outcome.anchors.get(load_ds) == SECOND[SUPPLIER_DS]
    assert outcome.anchors.roles_of(ENTITIES[Role.SUPPLIER]) == (Role.SUPPLIER, Role.LOAD_CONTROLLER)


def test_the_prepayment_cell_remembers_what_it_is_for() -> None:
    _, outcome = only(2, Replacement(SECOND[SUPPLIER_KA].der, SUPPLIER_PP))
    held = outcome.anchors.get(SUPPLIER_PP)
    assert held is not None
    assert (held.der, held.cell_usage) == (SECOND[SUPPLIER_KA].der, CellUsage.PREPAYMENT_TOP_UP)


# -- status of a cell --------------------------------------------------------------------

DEVICE_DS, _ = PKI.device(ENTITIES[Role.SUPPLIER])
NON_REPUDIATION = craft(
    [unit("02"), unique_id(ENTITIES[Role.SUPPLIER])],
    [*replaced(ORG, usage("content_commitment"))[:3], (ORG[3][0], False)],
)
STRANGE = made(Role.SUPPLIER, 0, STRANGE_PKI)[SUPPLIER_DS]
BROKEN_ISSUER = ISSUER.der[:-1] + bytes((ISSUER.der[-1] ^ 1,))

FAILURES = [
    ("target_not_allowed", 127, Replacement(SECOND[RECOVERY_DS].der, RECOVERY_DS)),
    ("target_missing", 25, Replacement(SECOND[SUPPLIER_DS].der, CellIdentifier(Role.SUPPLIER, DS, TOP_UP))),
    ("target_missing", 25, Replacement(ISSUER.der, CellIdentifier(Role.SUPPLIER, KeyUsage.KEY_CERT_SIGN))),
    ("unreadable", 5, Replacement(b"\x30\x03\x02\x01\x01", SUPPLIER_DS)),
    ("unreadable", 5, Replacement(NON_REPUDIATION, SUPPLIER_DS)),
    ("unreadable", 5, Replacement(DEVICE_DS.der, SUPPLIER_DS)),
    ("wrong_usage", 5, Replacement(SECOND[SUPPLIER_KA].der, SUPPLIER_DS)),
    ("wrong_usage", 5, Replacement(SECOND[SUPPLIER_DS].der, SUPPLIER_PP)),
    ("wrong_usage", 5, Replacement(ISSUER.der, SUPPLIER_DS)),
    ("no_path", 10, Replacement(STRANGE.der, SUPPLIER_DS)),
]


@pytest.mark.parametrize(("kind", "status", "replacement"), FAILURES)
def test_a_failing_cell_keeps_what_it_holds(kind: str, status: int, replacement: Replacement) -> None:
    before = anchors_of(ESME)
    good = Replacement(SECOND[SUPPLIER_KA].der, SUPPLIER_KA)
    outcome = run(row_of(2, ESME), ESME, replacements=(replacement, good))
    failed, succeeded = cells(outcome)
    held = before.get(replacement.cell)
    existing = NOBODY if held is None else Subject(held.entity, held.key_id)
    assert failed == CellOutcome(replacement.cell, status, existing, existing)
    assert succeeded.status == StatusCode.SUCCESS
    assert changes(before, outcome.anchors).cells == ((SUPPLIER_KA, SECOND[SUPPLIER_KA]),)
    other = ReplacementSettings(statuses=Statuses(**{kind: StatusCode.RESOURCES_BUSY}))
    assert only(2, replacement, settings=other)[0] == StatusCode.RESOURCES_BUSY


@pytest.mark.parametrize(
    "status", [StatusCode.INSUFFICIENT_MEMORY, StatusCode.RESOURCES_BUSY, StatusCode.OTHER]
)
def test_a_cell_that_cannot_be_written(status: int) -> None:
    before = anchors_of(ESME)
    outcome = run(row_of(2, ESME), ESME, faults={1: status})
    assert [cell.status for cell in cells(outcome)] == [0, status, 0]
    assert outcome.anchors.get(SUPPLIER_KA) == before.get(SUPPLIER_KA)
    assert outcome.anchors.get(SUPPLIER_PP) == SECOND[SUPPLIER_PP]


def test_a_fault_does_not_hide_why_a_certificate_is_refused() -> None:
    assert only(2, Replacement(STRANGE.der, SUPPLIER_DS), faults={0: 17})[0] == StatusCode.NO_TRUST_ANCHOR


@pytest.mark.parametrize(
    "path",
    [(), (BROKEN_ISSUER,), (b"\x30\x00",), (STRANGE_PKI.organisation_issuing.der,), (ROOT.der,)],
    ids=["none", "broken", "unreadable", "another", "root alone"],
)
def test_a_path_that_does_not_lead_to_the_root(path: tuple[bytes, ...]) -> None:
    outcome = run(row_of(2, ESME), ESME, path=path)
    assert {cell.status for cell in cells(outcome)} == {StatusCode.NO_TRUST_ANCHOR}


@pytest.mark.parametrize(
    "path",
    [(ISSUER.der, ROOT.der), (ROOT.der, STRANGE_ROOT.der, b"\x30\x00", ISSUER.der)],
)
def test_more_than_the_path_does_not_harm(path: tuple[bytes, ...]) -> None:
    assert {cell.status for cell in cells(run(row_of(2, ESME), ESME, path=path))} == {StatusCode.SUCCESS}


def test_a_device_without_a_root_trusts_nobody() -> None:
    held = {cell: credential for cell, credential in anchors_of(ESME).held.items() if cell != ROOT_CELL}
    outcome = run(row_of(2, ESME), ESME, anchors=Anchors(ESME, held))
    assert {cell.status for cell in cells(outcome)} == {StatusCode.NO_TRUST_ANCHOR}


def test_a_broken_copy_of_the_trusted_authority() -> None:
    """An issuing authority as trust anchor: its copy in the path has to be the real one."""
    anchors = anchors_of(ESME, held={ROOT_CELL: ISSUER})
    row = row_of(2, ESME)
    assert {c.status for c in cells(run(row, ESME, anchors=anchors))} == {StatusCode.SUCCESS}
    assert {c.status for c in cells(run(row, ESME, anchors=anchors, path=()))} == {StatusCode.SUCCESS}
    broken = run(row, ESME, anchors=anchors, path=(BROKEN_ISSUER,))
    assert {c.status for c in cells(broken)} == {StatusCode.NO_TRUST_ANCHOR}
    loose = ReplacementSettings(supplied_root=False)
    assert {c.status for c in cells(run(row, ESME, loose, anchors=anchors, path=(BROKEN_ISSUER,)))} == {0}


def test_an_empty_cell_is_filled() -> None:
    held = {cell: c for cell, c in anchors_of(ESME).held.items() if cell != SUPPLIER_PP}
    anchors = Anchors(ESME, held)
    replacement = Replacement(SECOND[SUPPLIER_PP].der, SUPPLIER_PP)
    status, outcome = only(2, replacement, anchors=anchors)
    assert status == StatusCode.SUCCESS
    assert cells(outcome)[0].existing == NOBODY
    strict = ReplacementSettings(empty_cells=False)
    assert only(2, replacement, anchors=anchors, settings=strict)[0] == StatusCode.TRUST_ANCHOR_NOT_FOUND


def test_a_cell_named_twice_holds_the_last() -> None:
    pair = (
        Replacement(SECOND[SUPPLIER_DS].der, SUPPLIER_DS),
        Replacement(FIRST[SUPPLIER_DS].der, SUPPLIER_DS),
    )
    outcome = run(row_of(2, ESME), ESME, replacements=pair)
    first, second = cells(outcome)
    assert second.existing == first.replacing
    assert outcome.anchors.get(SUPPLIER_DS) == FIRST[SUPPLIER_DS]
