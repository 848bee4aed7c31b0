"""Trust anchor cells as a value, which device has which, and what CS02a and CS02f tell of them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.asn1.credentials import (
    CellContents,
    CellIdentifier,
    CredentialsCommand,
    RoleDetails,
    StatusCode,
    read_command,
    read_response,
    response_octets,
)
from gbcs.errors import Check, SecurityError
from gbcs.ids import CellUsage, DeviceType, EntityId, KeyUsage, Kind, Role
from gbcs.message import Message, parse_message
from gbcs.security.anchors import (
    BROKER_AGREEMENT,
    CELL_ROWS,
    ROOT_CELL,
    Anchors,
    cells_of,
    changes,
)
from gbcs.security.certificates import NO_ENTITY
from gbcs.security.folder import FolderKeyStore
from gbcs.security.readout import (
    CS02A,
    CS02F,
    Form,
    ReadOutSettings,
    check_read_out,
    form_of,
    read_out,
)
from tests.gbcs.reference_messages import octets
from tests.gbcs.trust import BROKER, DS, ENTITIES, FIRST, KA, OLD_COUNTER, ROOT, SECOND, TOP_UP, anchors_of

SUPPLIER_DS = CellIdentifier(Role.SUPPLIER, DS)
SUPPLIER_KA = CellIdentifier(Role.SUPPLIER, KA)
SUPPLIER_PP = CellIdentifier(Role.SUPPLIER, KA, TOP_UP)
ESME = anchors_of(DeviceType.ESME)
ROLES = st.sampled_from(Role)
CELLS = st.builds(CellIdentifier, ROLES, st.sampled_from(KeyUsage), st.sampled_from(CellUsage))


# -- which device has which cell ---------------------------------------------------------


@pytest.mark.parametrize("device", [DeviceType.ESME, DeviceType.GSME, DeviceType.GPF])
def test_meters_have_the_nine_cells(device: DeviceType) -> None:
    nine = {
        ROOT_CELL,
        CellIdentifier(Role.RECOVERY, DS),
        SUPPLIER_DS,
        SUPPLIER_KA,
        SUPPLIER_PP,
        CellIdentifier(Role.NETWORK_OPERATOR, DS),
        CellIdentifier(Role.NETWORK_OPERATOR, KA),
        BROKER_AGREEMENT,
        CellIdentifier(Role.TRANSITIONAL_COS, DS),
    }
    assert set(cells_of(device, inferred=False)) == nine
    newer = {CellIdentifier(Role.LOAD_CONTROLLER, use) for use in (DS, KA)}
    assert set(cells_of(device)) == nine | (newer if device is DeviceType.ESME else set())


@pytest.mark.parametrize(
    ("device", "sure", "inferred"),
    [
        (DeviceType.CHF, 5, 6),
        (DeviceType.PPMID, 4, 5),
        (DeviceType.HCALCS, 5, 6),
        (DeviceType.SAPC, 10, 10),
        (DeviceType.TYPE2, 0, 0),
    ],
)
def test_the_cells_of_other_devices(device: DeviceType, sure: int, inferred: int) -> None:
    assert len(cells_of(device, inferred=False)) == sure
    assert len(cells_of(device)) == inferred
    assert set(cells_of(device, inferred=False)) <= set(cells_of(device))


def test_the_table_names_devices_and_orders_cells() -> None:
    names = {device.name for device in DeviceType}
    for row in CELL_ROWS:
        named = [*row.devices.split(), *row.inferred.split()]
        assert set(named) <= names
        assert len(named) == len(set(named))
    cells = [row.cell for row in CELL_ROWS]
    assert cells == sorted(cells, key=lambda c: (c.role, c.usage.value, c.cell_usage))
    assert len(set(cells)) == len(cells)


# -- the value ---------------------------------------------------------------------------


def test_a_change_leaves_the_value_it_came_from() -> None:
    before = anchors_of(DeviceType.ESME)
    after = (
        before.with_cell(SUPPLIER_DS, SECOND[SUPPLIER_DS]).with_counter(Role.SUPPLIER, 9).with_prepayment(1)
    )
    assert before == anchors_of(DeviceType.ESME)
    assert (before.get(SUPPLIER_DS), after.get(SUPPLIER_DS)) == (FIRST[SUPPLIER_DS], SECOND[SUPPLIER_DS])
    assert (before.counter(Role.SUPPLIER), after.counter(Role.SUPPLIER)) == (OLD_COUNTER, 9)
    assert (before.prepayment, after.prepayment) == (99 << 32, 1)
    with pytest.raises(TypeError):
        after.held[SUPPLIER_DS] = FIRST[SUPPLIER_DS]  # type: ignore[index]
    with pytest.raises(TypeError):
        after.counters[Role.SUPPLIER] = 3  # type: ignore[index]


def test_what_was_given_can_be_changed_without_effect() -> None:
    held, counters = {ROOT_CELL: ROOT}, {Role.ROOT: 1}
    anchors = Anchors(DeviceType.ESME, held, counters)
    held.clear()
    counters[Role.ROOT] = 2
    assert anchors.get(ROOT_CELL) == ROOT
    assert anchors.counter(Role.ROOT) == 1


def test_an_empty_cell_is_a_cell() -> None:
    anchors = Anchors(DeviceType.CHF)
    wan = CellIdentifier(Role.WAN_PROVIDER, DS)
    assert anchors.has(wan)
    assert anchors.get(wan) is None
    assert not anchors.has(SUPPLIER_DS)
    assert anchors.with_cell(SUPPLIER_DS, FIRST[SUPPLIER_DS]).has(SUPPLIER_DS)
    assert not Anchors(DeviceType.CHF, places=frozenset()).has(wan)


def test_a_party_is_known_by_its_cells_in_their_roles() -> None:
    anchors = anchors_of(
        DeviceType.GPF, held={SUPPLIER_DS: FIRST[CellIdentifier(Role.ACCESS_CONTROL_BROKER, DS)]}
    )
    assert anchors.roles_of(BROKER) == (Role.SUPPLIER, Role.ACCESS_CONTROL_BROKER)
    assert anchors.roles_of(ENTITIES[Role.WAN_PROVIDER]) == ()
    assert anchors.roles_of(NO_ENTITY) == ()
    assert ROOT.entity == NO_ENTITY
    assert [cell for cell, _ in anchors.of_role(2)] == [SUPPLIER_DS, SUPPLIER_KA, SUPPLIER_PP]
    assert anchors.of_role(99) == ()


@given(
    st.dictionaries(CELLS, st.sampled_from([*FIRST.values()]), max_size=9),
    st.dictionaries(ROLES, st.integers(0, 9)),
)
def test_a_store_that_writes_the_changes_holds_the_same(held: dict, counters: dict) -> None:  # type: ignore[type-arg]
    after = ESME
    for cell, credential in held.items():
        after = after.with_cell(cell, credential)
    for role, counter in counters.items():
        after = after.with_counter(role, counter)
    after = after.with_prepayment(len(counters))
    told = changes(ESME, after)
    again = ESME
    for cell, credential in told.cells:
        assert credential != ESME.get(cell)
        again = again.with_cell(cell, credential)
    for role, counter in told.counters:
        again = again.with_counter(role, counter)
    assert told.prepayment is not None
    assert again.with_prepayment(told.prepayment) == after
    assert changes(after, after) == ((), (), None)


# -- read-out ----------------------------------------------------------------------------


def test_every_role_is_told_in_the_order_asked() -> None:
    roles = (8, 2, 6, 0, 2)
    details = read_out(ESME, CS02A, roles)
    assert [row.role for row in details] == [*roles]
    assert (
        details[1]
        == details[4]
        == RoleDetails(
            2,
            StatusCode.SUCCESS,
            OLD_COUNTER,
            tuple(
                CellContents(cell.usage, cell.cell_usage, FIRST[cell].entity, FIRST[cell].key_id)
                for cell in (SUPPLIER_DS, SUPPLIER_KA, SUPPLIER_PP)
            ),
        )
    )
    assert details[2] == RoleDetails(6, StatusCode.TRUST_ANCHOR_NOT_FOUND)
    assert details[3].cells[0].subject == bytes(8)


@pytest.mark.parametrize(
    ("code", "settings", "status"),
    [
        (CS02A, ReadOutSettings(), 25),
        (CS02F, ReadOutSettings(), 127),
        (CS02A, ReadOutSettings(missing_role=127), 127),
        (CS02F, ReadOutSettings(missing_role=127), 127),
        (CS02F, ReadOutSettings(missing_role_cs02f=25), 25),
    ],
)
def test_the_status_of_a_missing_role(code: int, settings: ReadOutSettings, status: int) -> None:
    assert read_out(ESME, code, (6, 127), settings) == (RoleDetails(6, status), RoleDetails(127, status))


def test_a_fault_takes_the_place_of_an_entry() -> None:
    details = read_out(ESME, CS02A, (2, 3, 6), faults={1: StatusCode.RESOURCES_BUSY, 2: 17})
    assert [row.status for row in details] == [0, 30, 17]
    assert details[1] == RoleDetails(3, 30)


@pytest.mark.parametrize("parts", list(itertools.product(Role, KeyUsage, CellUsage)))
def test_the_cell_named_decides_the_form(parts: tuple[Role, KeyUsage, CellUsage]) -> None:
    cell = CellIdentifier(*parts)
    if cell == BROKER_AGREEMENT:
        assert form_of(cell) is Form.MAC
    elif cell.usage is DS:
        assert form_of(cell) is Form.SIGNATURE
    else:
        with pytest.raises(SecurityError) as caught:
            form_of(cell)
        assert caught.value.check is Check.TEMPLATE


@pytest.mark.parametrize(
    ("cell", "originator", "form", "fits"),
    [
        (BROKER_AGREEMENT, BROKER, Form.MAC, True),
        (BROKER_AGREEMENT, BROKER, Form.SIGNATURE, False),
        (BROKER_AGREEMENT, ENTITIES[Role.NETWORK_OPERATOR], Form.MAC, False),
        (SUPPLIER_DS, ENTITIES[Role.SUPPLIER], Form.SIGNATURE, True),
        (SUPPLIER_DS, ENTITIES[Role.SUPPLIER], Form.MAC, False),
        (SUPPLIER_DS, ENTITIES[Role.RECOVERY], Form.SIGNATURE, False),
        (SUPPLIER_KA, ENTITIES[Role.SUPPLIER], Form.MAC, False),
        (CellIdentifier(Role.WAN_PROVIDER, DS), ENTITIES[Role.WAN_PROVIDER], Form.SIGNATURE, False),
    ],
)
def test_the_authorising_cell_has_to_hold_the_originator(
    cell: CellIdentifier, originator: EntityId, form: Form, fits: bool
) -> None:
    command = CredentialsCommand(cell, (2,))
    if fits:
        check_read_out(ESME, command, originator, form)
        return
    with pytest.raises(SecurityError) as caught:
        check_read_out(ESME, command, originator, form)
    assert caught.value.check is Check.TEMPLATE


# -- the reference set -------------------------------------------------------------------


def test_the_reference_read_outs_are_answered_octet_for_octet(reference: Path) -> None:
    store = FolderKeyStore(reference / "rtds" / "keystore")
    by_key = {(c.key_id, c.cell_usage): c for c in store.all()}
    messages = [parse_message(message) for message in octets(reference).values()]
    answers = {
        (m.code, m.recipient, m.originator, m.counter): m
        for m in messages
        if m.code in (CS02A, CS02F) and m.kind is Kind.RESPONSE
    }
    seen = 0
    for message in messages:
        if message.code not in (CS02A, CS02F) or message.kind is not Kind.COMMAND:
            continue
        answer = answers[message.code, message.originator, message.recipient, message.counter]
        wanted = read_response(answer.payload)
        command = read_command(message.payload)
        held = {
            CellIdentifier(Role(row.role), cell.usage, cell.cell_usage): by_key[cell.key_id, cell.cell_usage]
            for row in wanted
            for cell in row.cells
            if (cell.key_id, cell.cell_usage) in by_key
        }
        authoriser = store.find(message.originator, command.authorising.usage)
        # a role the answer denies stays denied, although it authorises the command
        denied = {row.role for row in wanted if row.status}
        if authoriser is not None and command.authorising.role not in denied:
            held.setdefault(command.authorising, authoriser)
        counters = {Role(row.role): row.counter for row in wanted if row.counter is not None}
        anchors = Anchors(DeviceType.ESME, held, counters)
        if command.authorising.role not in denied:
            check_read_out(anchors, command, message.originator, _form(message))
        details = read_out(anchors, message.code, command.roles)
        if any(row.role == Role.ROOT for row in wanted):
            continue  # the root of the set is in no file
        assert response_octets(details, True) == answer.payload
        assert _form(answer) is _form(message) is form_of(command.authorising)
        seen += 1
    assert seen > 5


def _form(message: Message) -> Form:
    return Form.MAC if message.mac_header else Form.SIGNATURE
