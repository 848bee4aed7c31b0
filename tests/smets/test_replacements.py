"""CS02b and CS02g on a meter and a hub: what stands in the cells afterwards, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.asn1.credentials import CellIdentifier, StatusCode
from gbcs.asn1.replacement import CANCEL, CounterChange, Replacement
from gbcs.errors import Check, SecurityError
from gbcs.ids import Cra, EntityId, KeyUsage, Role
from gbcs.message import parse_message
from gbcs.party import RemoteParty
from gbcs.security.anchors import ROOT_CELL, cells_of
from gbcs.security.replacement import ReplacementSettings
from gbcs.security.replacement_rows import MODES, ModeRow, mode_of
from gbcs.security.signature import with_signature
from gbcs.usecases import by_code
from smets.credential_settings import CredentialSettings
from smets.events import ArmStoreFault, Happened, PowerLost, RemotePartyMessage, SendMessage, TimerDue
from smets.settings import DEFAULT_SETTINGS, DeviceSettings
from tests.gbcs.test_replacement_root import CONTINGENCY_KEY, GOOD_ROOT, SYMMETRIC
from tests.gbcs.trust import (
    BROKER,
    CONTINGENCY,
    ENTITIES,
    FIRST,
    NEW_ROOT,
    NOW,
    PKI,
    ROOT,
    SECOND,
    STRANGE_ROOT,
    made,
    row_of,
    targets,
)
from tests.smets.trusted import (
    CHF,
    DEVICE,
    ESME,
    Rig,
    alerts_in,
    keys_of,
    parties_of,
    replacement_alerts,
)

DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
SUPPLIER, TRANSCOS = ENTITIES[Role.SUPPLIER], ENTITIES[Role.TRANSITIONAL_COS]
NEXT_SUPPLIER = EntityId(bytes.fromhex("90B3D51F3001AAAA"))
UPDATED, SUCCEEDED, FAILED = 0x8F70, 0x8F66, 0x8F67
HOUR = 3600


def having(*kinds: Any, contingency: bool = False) -> list[Any]:
    """The modes of the kinds of device; that of contingency has tests of its own."""
    return [
        pytest.param(row, kind, id=f"{row.mode}-{kind.name}")
        for row in MODES
        for kind in kinds
        if mode_of(row.code, kind) is row and (row.mode != 9 or contingency)
    ]


def new_of(cell: CellIdentifier) -> Any:
    return NEW_ROOT if cell == ROOT_CELL else SECOND[cell]


def next_supplier() -> dict[CellIdentifier, Any]:
    found = PKI.organisation(Role.SUPPLIER, NEXT_SUPPLIER)
    return {CellIdentifier(Role.SUPPLIER, c.usage, c.cell_usage): c for c in found}


def change_of_supplier() -> tuple[Replacement, ...]:
    return tuple(Replacement(c.der, cell) for cell, c in next_supplier().items())


# -- at once -----------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "kind"), having(ESME, CHF))
def test_a_command_replaces_its_cells_and_no_other(row: ModeRow, kind: Any) -> None:
    rig = Rig(kind)
    before = {cell: rig.cell(cell) for cell in cells_of(kind)}
    answer = rig.run(row)
    assert answer.response is not None, answer.effects
    assert not answer.response.mac_header
    assert answer.response.date_time is not None
    assert answer.statuses == [StatusCode.SUCCESS] * len(targets(row, kind))
    for cell, held in before.items():
        assert rig.cell(cell) == (new_of(cell).der if cell in targets(row, kind) else held), cell
    assert rig.counter_of(row.role) == rig.counter
    assert rig.logged().count(UPDATED) == 1
    rig.restart()
    assert rig.counter_of(row.role) == rig.counter
    for cell in targets(row, kind):
        assert rig.cell(cell) == new_of(cell).der
    if Role.ACCESS_CONTROL_BROKER in row.targets:
        rig.keys = keys_of(SECOND.values())
    told = rig.read_out(row.role)
    assert told.counter == rig.counter_of(row.role)
    assert {cell.key_id for cell in told.cells} <= {c.key_id for c in (*SECOND.values(), *FIRST.values())}


@pytest.mark.parametrize(("row", "kind"), having(ESME, CHF))
def test_the_form_of_a_command_is_that_of_its_mode(row: ModeRow, kind: Any) -> None:
    rig = Rig(kind)
    command = rig.command(row)
    before = rig.held
    for signed, maced in ((True, True), (True, False), (False, True)):
        if (signed, maced) != (row.signed, row.maced):
            answer = rig.deliver(rig.message(row, command, signed=signed, maced=maced))
            assert answer.check in (Check.SIGNATURE, Check.MAC)
    assert {key for key in rig.held if key.startswith(("cell/", "counter/0"))} == {
        key for key in before if key.startswith(("cell/", "counter/0"))
    }
    assert rig.deliver(rig.message(row, command)).response is not None


def test_afterwards_the_new_keys_count_and_the_old_do_not() -> None:
    rig = Rig()
    assert rig.read("ECS52").response is not None
    assert rig.run(row_of(2, ESME)).response is not None
    with pytest.raises(SecurityError):  # the device MACs for the certificate that is in the cell
        rig.read("ECS52")
    assert rig.run(row_of(2, ESME)).check is Check.SIGNATURE
    rig.keys = keys_of(made(Role.SUPPLIER, 1).values())
    assert rig.read("ECS52").response is not None
    assert rig.run(row_of(2, ESME)).response is not None


def test_the_brokers_new_key_makes_the_macs() -> None:
    rig = Rig()
    assert rig.run(row_of(4, ESME)).response is not None
    assert rig.read("ECS52").check is Check.MAC
    rig.keys = keys_of(made(Role.ACCESS_CONTROL_BROKER, 1).values())
    assert rig.read("ECS52").response is not None


# -- what else changes -------------------------------------------------------------------


def test_floors_are_set_and_told() -> None:
    rig = Rig()
    answer = rig.run(row_of(2, ESME), new_floor=0, new_prepayment=7 << 32)
    assert answer.outcome is not None
    assert answer.outcome.changes == (CounterChange(Role.SUPPLIER, 0, 7 << 32),)
    assert rig.counter_of(Role.SUPPLIER) == 0
    assert rig.counter_of(Role.SUPPLIER, specialist=True) == 7 << 32
    assert rig.value("test/floors") == (7 << 32,)
    rig.keys = keys_of(made(Role.SUPPLIER, 1).values())
    again = rig.run(row_of(2, ESME), sequence=1, new_prepayment=7 << 32)
    assert again.response is not None
    assert rig.counter_of(Role.SUPPLIER) == 1
    assert rig.value("test/floors") == (7 << 32, 7 << 32)  # the same floor once more is one once more


def test_a_change_of_supplier() -> None:
    rig = Rig()
    floors = (CounterChange(Role.SUPPLIER, 40, 3 << 32),)
    answer = rig.run(row_of(7, ESME), replacements=change_of_supplier(), others=floors)
    assert answer.statuses == [0, 0, 0]
    assert answer.outcome is not None
    assert {cell.existing.entity for cell in answer.outcome.cells} == {SUPPLIER}
    assert {cell.replacing.entity for cell in answer.outcome.cells} == {NEXT_SUPPLIER}
    assert rig.value("test/suppliers") == (bytes(SUPPLIER), bytes(NEXT_SUPPLIER))
    assert rig.value("test/floors") == (3 << 32,)
    assert rig.counter_of(Role.SUPPLIER) == 40
    assert rig.counter_of(Role.TRANSITIONAL_COS) == rig.counter
    assert rig.read("ECS52").check is Check.ORIGINATOR
    rig.keys = keys_of(next_supplier().values())
    rig.counter = 40
    assert rig.read("ECS52", NEXT_SUPPLIER).response is not None
    told = rig.read_out(Role.SUPPLIER)
    assert {cell.subject for cell in told.cells} == {NEXT_SUPPLIER}
    assert rig.run(row_of(7, ESME), by=TRANSCOS, sequence=41).check is Check.COUNTER


def test_new_certificates_of_the_same_supplier_are_no_change_of_supplier() -> None:
    rig = Rig()
    rig.run(row_of(2, ESME))
    assert rig.value("test/suppliers") is None
    assert rig.value("test/floors") is None


@pytest.mark.parametrize("counts", [False, True])
def test_the_broker_hands_the_supplier_its_cells_over(counts: bool) -> None:
    """Before, the broker stands in the supplier's cells, and acts as the supplier."""
    broker = made(Role.ACCESS_CONTROL_BROKER)
    placeholders = [
        replace(broker[CellIdentifier(Role.ACCESS_CONTROL_BROKER, usage)], role=Role.SUPPLIER)
        for usage in (DS, KA)
    ]
    others = [c for c in parties_of(ESME) if c.role is not Role.SUPPLIER]
    settings = DeviceSettings(credentials=CredentialSettings(hand_over_is_change=counts))
    rig = Rig(settings=settings, anchors=(ROOT, *others, *placeholders))
    replacements = tuple(Replacement(c.der, cell) for cell, c in FIRST.items() if cell.role is Role.SUPPLIER)
    answer = rig.run(row_of(2, ESME), by=BROKER, replacements=replacements, new_floor=0)
    assert answer.statuses == [0, 0, 0]
    assert rig.counter_of(Role.SUPPLIER) == 0
    assert rig.value("test/suppliers") == ((bytes(BROKER), bytes(SUPPLIER)) if counts else None)
    assert rig.read("ECS52").response is not None
    assert rig.run(row_of(2, ESME), by=BROKER).check is Check.SIGNATURE


def test_a_hub_follows_nobody() -> None:
    rig = Rig(CHF)
    rig.run(row_of(5, CHF))
    assert rig.value("test/suppliers") is None


# -- refused, and cell by cell -----------------------------------------------------------


def unchanged(rig: Rig, before: dict[str, bytes]) -> bool:
    """Whether nothing but the log and the count of alerts moved."""
    moved = ("log/", "limiter/", "counter/own")
    return {k: v for k, v in rig.held.items() if not k.startswith(moved)} == {
        k: v for k, v in before.items() if not k.startswith(moved)
    }


@pytest.mark.parametrize(
    ("values", "check"),
    [
        ({"mode": 3}, Check.TEMPLATE),
        ({"replacements": ()}, Check.TEMPLATE),
        ({"authorising": CellIdentifier(Role.TRANSITIONAL_COS, DS)}, Check.AUTHORITY),
        ({"others": (CounterChange(Role.NETWORK_OPERATOR, 9),)}, Check.TEMPLATE),
        ({"symmetric_key": bytes(16)}, Check.TEMPLATE),
    ],
)
def test_a_command_that_is_refused_changes_nothing(values: dict[str, Any], check: Check) -> None:
    rig = Rig()
    before = rig.held
    answer = rig.run(row_of(2, ESME), **values)
    assert answer.check is check
    assert unchanged(rig, before)
    assert rig.run(row_of(2, ESME)).response is not None


def test_the_counter_stands_in_the_payload_once_more() -> None:
    rig = Rig()
    before = rig.held
    message = rig.message(row_of(2, ESME), rig.command(row_of(2, ESME)))
    party = RemoteParty(SUPPLIER, rig.keys)
    use_case = by_code(0x0102)
    assert use_case is not None
    other = party.sign(party.precommand(use_case, DEVICE, message.counter + 1, message.payload))
    assert rig.deliver(rig.broker.mac(other)).check is Check.COUNTER
    assert unchanged(rig, before)


@pytest.mark.parametrize(
    ("by", "mode", "check"),
    [
        pytest.param(ENTITIES[Role.NETWORK_OPERATOR], 2, Check.AUTHORITY, id="network operator 2"),
        pytest.param(TRANSCOS, 2, Check.AUTHORITY, id="transCoS 2"),
        pytest.param(SUPPLIER, 7, Check.AUTHORITY, id="supplier 7"),
        pytest.param(SUPPLIER, 8, Check.AUTHORITY, id="supplier 8"),
        pytest.param(SUPPLIER, 4, Check.AUTHORITY, id="supplier 4"),
        pytest.param(BROKER, 2, Check.SIGNATURE, id="broker 2"),
        pytest.param(ENTITIES[Role.OTHER], 2, Check.ORIGINATOR, id="stranger 2"),
        pytest.param(SUPPLIER, 9, Check.SIGNATURE, id="supplier 9"),
    ],
)
def test_each_mode_is_for_its_party_alone(by: EntityId, mode: int, check: Check) -> None:
    rig = Rig()
    before = rig.held
    assert rig.run(row_of(mode, ESME), by=by).check is check
    assert unchanged(rig, before)


def test_cells_are_judged_one_by_one() -> None:
    rig = Rig()
    row = row_of(2, ESME)
    cells = targets(row, ESME)
    before = {cell: rig.cell(cell) for cell in cells}
    rig.handle(ArmStoreFault(1, StatusCode.INSUFFICIENT_MEMORY))
    answer = rig.run(row, new_floor=0)
    assert answer.statuses == [0, StatusCode.INSUFFICIENT_MEMORY, 0]
    assert answer.outcome is not None
    kept = answer.outcome.cells[1]
    assert kept.existing == kept.replacing
    assert [rig.cell(cell) for cell in cells] == [
        new_of(cells[0]).der,
        before[cells[1]],
        new_of(cells[2]).der,
    ]
    assert rig.counter_of(Role.SUPPLIER) == 0


@pytest.mark.parametrize("logs", [True, False])
def test_nothing_replaced(logs: bool) -> None:
    settings = DeviceSettings(credentials=CredentialSettings(logs_failed_replacement=logs))
    rig = Rig(settings=settings)
    answer = rig.run(row_of(2, ESME), path=())
    assert answer.statuses == [StatusCode.NO_TRUST_ANCHOR] * 3
    assert rig.logged().count(UPDATED) == logs
    assert rig.read("ECS52").response is not None


def test_what_the_settings_of_replacing_say_counts() -> None:
    strict = ReplacementSettings(root_by_party=False)
    rig = Rig(settings=DeviceSettings(credentials=CredentialSettings(replacement=strict)))
    assert rig.run(row_of(0, ESME)).check is Check.MESSAGE_CODE
    assert Rig().run(row_of(0, ESME)).statuses == [0]


def test_the_same_octets_again_get_the_same_answer_and_do_nothing() -> None:
    rig = Rig()
    message = rig.message(row_of(2, ESME), rig.command(row_of(2, ESME), new_prepayment=1 << 32))
    first = rig.deliver(message)
    rig.restart()
    before = rig.held
    again = rig.deliver(message)
    assert again.payload == first.payload
    assert rig.held == before
    assert rig.value("test/floors") == (1 << 32,)


# -- recovery and contingency -----------------------------------------------------------


def test_recovery_refreshes_everybody() -> None:
    rig = Rig()
    others = (CounterChange(Role.SUPPLIER, 3, 2 << 32), CounterChange(Role.NETWORK_OPERATOR, 4))
    answer = rig.run(row_of(8, ESME), others=others, new_floor=1, time_checks=False)
    assert set(answer.statuses) == {0}
    assert rig.counter_of(Role.RECOVERY) == 1
    assert rig.counter_of(Role.SUPPLIER) == 3
    assert rig.counter_of(Role.NETWORK_OPERATOR) == 4
    rig.keys = keys_of(SECOND.values())
    rig.counter = 10
    assert rig.read("ECS52").response is not None


def by_contingency(rig: Rig, key: Any = CONTINGENCY_KEY, **more: Any) -> Any:
    row = row_of(9, rig.kind)
    values = {"symmetric_key": SYMMETRIC, "replacements": (Replacement(STRANGE_ROOT.der, ROOT_CELL),)}
    command = rig.command(row, **{**values, **more})
    draft = rig.message(row, command, by=CONTINGENCY, signed=False, maced=False)
    return rig.deliver(with_signature(draft, key))


@pytest.mark.parametrize("kind", [ESME, CHF])
def test_contingency_brings_a_root_of_its_own(kind: Any) -> None:
    rig = Rig(kind, anchors=(GOOD_ROOT, *parties_of(kind)))
    answer = by_contingency(rig)
    assert answer.response is not None, answer.effects
    assert answer.response.recipient == CONTINGENCY
    assert answer.statuses == [0]
    assert rig.cell(ROOT_CELL) == STRANGE_ROOT.der
    assert rig.counter_of(Role.ROOT) == rig.counter
    assert by_contingency(rig).check is Check.SIGNATURE  # the new root carries no such key


@pytest.mark.parametrize(
    ("more", "check"),
    [
        ({"key": PKI.store.private_key(FIRST[CellIdentifier(Role.RECOVERY, DS)])}, Check.SIGNATURE),
        ({"symmetric_key": bytes(16)}, Check.SIGNATURE),
        ({"symmetric_key": b"short"}, Check.SIGNATURE),
        ({"sequence": 0}, Check.COUNTER),
    ],
)
def test_contingency_needs_the_key_the_root_carries(more: dict[str, Any], check: Check) -> None:
    rig = Rig(anchors=(GOOD_ROOT, *parties_of(ESME)))
    before = rig.held
    assert by_contingency(rig, **more).check is check
    assert unchanged(rig, before)
    assert by_contingency(rig).response is not None


def test_a_contingency_command_of_any_octets_is_refused() -> None:
    rig = Rig(anchors=(GOOD_ROOT, *parties_of(ESME)))
    use_case = by_code(0x0109)
    assert use_case is not None
    draft = RemoteParty(CONTINGENCY, rig.keys).precommand(use_case, DEVICE, 6000, b"\x30\x00")
    assert rig.deliver(with_signature(draft, CONTINGENCY_KEY)).check is Check.TEMPLATE


# -- later -------------------------------------------------------------------------------

LATER = NOW.plus(HOUR)


def due(rig: Rig) -> Any:
    """Let the time of what waits come; the alerts about it."""
    deadline = rig.device.next_deadline
    assert deadline is not None
    rig.now = deadline
    return replacement_alerts(rig.handle(TimerDue()), rig.keys)


@pytest.mark.parametrize(("row", "kind"), having(ESME, CHF))
def test_a_dated_command_waits_and_tells_how_it_went(row: ModeRow, kind: Any) -> None:
    rig = Rig(kind)
    before = {cell: rig.cell(cell) for cell in cells_of(kind)}
    answer = rig.run(row, at=LATER)
    assert answer.payload == bytes.fromhex("30020500")
    assert {cell: rig.cell(cell) for cell in cells_of(kind)} == before
    assert rig.counter_of(row.role) == rig.counter
    assert UPDATED not in rig.logged()
    rig.restart()
    while rig.device.next_deadline is not None and rig.device.next_deadline < LATER:
        assert not due(rig)
    assert rig.device.next_deadline == LATER
    ((code, recipient, alert),) = due(rig)
    assert (code, recipient) == (row.alert, ENTITIES[row.role])
    assert (alert.code, alert.at) == (SUCCEEDED, LATER)
    assert {cell.status for cell in alert.outcome.cells} == {0}
    for cell in targets(row, kind):
        assert rig.cell(cell) == new_of(cell).der
    assert rig.logged().count(UPDATED) == 1
    assert not [key for key in rig.held if key.startswith("credentials/pending/")]


@pytest.mark.parametrize("other", ["cancel", "now", "later"])
def test_a_later_command_takes_the_place_of_what_waits(other: str) -> None:
    rig = Rig()
    row = row_of(2, ESME)
    rig.run(row, at=LATER)
    at = {"cancel": CANCEL, "now": None, "later": LATER.plus(HOUR)}[other]
    answer = rig.run(row, at=at, new_floor=rig.counter)
    assert (answer.outcome is None) == (other != "now")
    rig.now = LATER
    assert not replacement_alerts(rig.handle(TimerDue()), rig.keys)
    rig.now = LATER.plus(HOUR)
    effects = rig.handle(TimerDue())
    assert len(replacement_alerts(effects, rig.keys)) == (other == "later")
    supplier = CellIdentifier(Role.SUPPLIER, DS)
    assert rig.cell(supplier) == (FIRST if other == "cancel" else SECOND)[supplier].der


def test_a_cancellation_with_nothing_waiting_succeeds() -> None:
    assert Rig().run(row_of(2, ESME), at=CANCEL).payload == bytes.fromhex("30020500")


def test_commands_of_one_time_are_carried_out_in_the_order_they_came() -> None:
    rig = Rig()
    rig.run(row_of(7, ESME), at=LATER, replacements=change_of_supplier())
    rig.run(row_of(2, ESME), at=LATER)
    rig.run(row_of(6, ESME), at=LATER)
    rig.restart()
    rig.now = LATER
    alerts = replacement_alerts(rig.handle(TimerDue()), rig.keys)
    assert [alert.outcome.mode for _, _, alert in alerts] == [7, 2, 6]
    # what the old supplier ordered stays in force, the change before it notwithstanding
    assert [alert.code for _, _, alert in alerts] == [SUCCEEDED] * 3
    assert rig.value("test/suppliers") == (
        bytes(SUPPLIER),
        bytes(NEXT_SUPPLIER),
        bytes(NEXT_SUPPLIER),
        bytes(SUPPLIER),
    )


def test_a_device_without_power_does_it_when_it_returns() -> None:
    rig = Rig()
    rig.run(row_of(2, ESME), at=LATER)
    effects = rig.cut_power(5 * HOUR)
    ((_, _, alert),) = replacement_alerts(effects, rig.keys)
    assert alert.code == SUCCEEDED
    assert alert.at == NOW.plus(5 * HOUR)


def test_a_dated_command_that_fails_says_so() -> None:
    rig = Rig()
    rig.run(row_of(2, ESME), at=LATER, path=())
    rig.now = LATER
    ((_, recipient, alert),) = replacement_alerts(rig.handle(TimerDue()), rig.keys)
    assert (recipient, alert.code) == (SUPPLIER, FAILED)
    assert {cell.status for cell in alert.outcome.cells} == {StatusCode.NO_TRUST_ANCHOR}
    assert rig.read("ECS52").response is not None


def test_the_devices_clock_decides_when() -> None:
    from smets.behaviours.clock import set_clock

    rig = Rig()
    work = rig.device.observe(rig.now)
    set_clock(work, NOW.plus(-600))
    work.commit()
    rig.restart()
    rig.run(row_of(2, ESME), at=LATER)
    rig.now = LATER
    assert not replacement_alerts(rig.handle(TimerDue()), rig.keys)
    rig.now = LATER.plus(600)
    ((_, _, alert),) = replacement_alerts(rig.handle(TimerDue()), rig.keys)
    assert alert.at == LATER


# -- hostile ------------------------------------------------------------------------------


@given(st.data())
def test_any_payload_of_an_authentic_command_is_answered_or_refused(data: st.DataObject) -> None:
    rig = Rig()
    row = row_of(data.draw(st.sampled_from([0, 2, 3, 4, 6, 7, 8, 10, 11])), ESME)
    good = rig.message(row, rig.command(row)).payload
    position = data.draw(st.integers(0, len(good) - 1))
    payload = data.draw(
        st.one_of(
            st.binary(max_size=60),
            st.just(good[:position]),
            st.integers(0, 255).map(lambda octet: good[:position] + bytes((octet,)) + good[position + 1 :]),
        )
    )
    use_case = by_code(row.code)
    assert use_case is not None
    party = RemoteParty(ENTITIES[row.role], rig.keys)
    message = party.precommand(use_case, DEVICE, rig.counter, payload)
    message = party.sign(message) if row.signed else message
    message = rig.broker.mac(message) if row.maced else message
    before = rig.held
    effects = rig.handle(RemotePartyMessage(message.octets))
    answers = [
        e for e in effects if isinstance(e, SendMessage) and parse_message(e.octets).cra is Cra.RESPONSE
    ]
    refused = [e for e in effects if isinstance(e, Happened) and e.check is not None]
    assert len(answers) + len(refused) == 1
    if refused:
        assert unchanged(rig, before)


def test_no_effect_or_text_shows_the_key_of_a_contingency_command() -> None:
    rig = Rig(anchors=(GOOD_ROOT, *parties_of(ESME)))
    answer = by_contingency(rig)
    assert SYMMETRIC.hex() not in repr(answer.effects)
    assert repr(SYMMETRIC) not in repr(answer.effects)


def test_what_waits_is_bounded() -> None:
    rig = Rig()
    for _ in range(3):
        for row in MODES:
            if mode_of(row.code, ESME) is row and row.mode != 9:
                assert rig.run(row, at=LATER).response is not None
    waiting = [key for key in rig.held if key.startswith("credentials/pending/")]
    assert len(waiting) == len(having(ESME))
    assert DEFAULT_SETTINGS.credentials.replacement.past_is_immediate
    rig.handle(PowerLost())
    assert rig.device.next_deadline is None
    assert not alerts_in(rig.handle(TimerDue()), rig.keys)
