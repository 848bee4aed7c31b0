"""Templates of DLMS commands, the activation table, protected reads and selective access."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.dlms import activation, protection_rows, templates
from gbcs.dlms.activation import Way, activated_by
from gbcs.dlms.objects import Member, MemberKind, by_item, ln_octets, members, model
from gbcs.dlms.selective import RESTRICTING_OBJECT, Range, read_selection, selection
from gbcs.dlms.templates import Component, component, match
from gbcs.dlms.types import TypeMismatch
from gbcs.errors import BuildError
from gbcs.ids import DeviceType, Kind, Payload
from gbcs.usecases import by_code
from gbcs.usecases import table as use_cases
from tests.gbcs.reference_dlms import requests


def parts(*texts: str) -> list[Component]:
    return [component(text) for text in texts]


def test_every_dlms_command_of_the_use_case_table_has_a_template_and_the_other_way_round() -> None:
    wanted = {
        (row.code, row.name)
        for row in use_cases()
        if row.payload is Payload.DLMS and Kind.COMMAND in row.kinds and not row.payload_by_device
    }
    assert {(t.code, t.use_case) for t in templates.table()} == wanted


def test_every_component_is_a_member_and_may_be_accessed_so() -> None:
    find = model().find
    used = set()
    for template in templates.table():
        assert len(set(template.components)) == len(template.components) or template.use_case == "ECS26a"
        row = by_code(template.code)
        assert row is not None
        for part in template.components:
            found = find(*part)
            assert isinstance(found, Member), (str(template), str(part))
            # a stand-alone controller has objects of the ESME; the table does not list it
            devices = set(row.devices) - {DeviceType.SAPC}
            assert set(found.devices) >= devices, (str(template), found.item)
            used.add(found)
    left = {m for m in members() if m not in used and "protected" not in m.access}
    assert {m.item for m in left} == {"BillingDataLog.CalendarRegisters.alert"}


def test_fixed_parameters_are_of_the_members_type() -> None:
    fixed = {}
    for template in templates.table():
        for position, value in template.fixed:
            found = model().find(*template.components[position])
            assert isinstance(found, Member)
            assert found.wire().fits(value)
            assert template.fixed_at(position) == value
            fixed[template.use_case] = value
    assert fixed == {"ECS05": 99, "ECS42": 51, "ECS43": 52, "ECS44": 54}
    assert templates.templates(0x0055)[0].fixed_at(1) is None


def test_the_list_must_be_the_template() -> None:
    exact = parts(
        "get 3/1-0:2.8.0.255/2", "get 3/1-0:2.8.0.255/3", "get 3/1-0:4.8.0.255/2", "get 3/1-0:4.8.0.255/3"
    )
    assert str(match(0x0026, exact)) == "ECS17a"
    assert match(0x0026, [tuple(part) for part in exact]) is match(0x0026, exact)
    assert match(0x0026, []) is None
    assert match(0x0026, exact[:3]) is None
    assert match(0x0026, exact[1:] + exact[:1]) is None
    assert match(0x0026, [*exact, exact[0]]) is None
    assert match(0x0027, exact) is None
    assert match(0xFFFF, exact) is None
    assert templates.templates(0x0002)
    assert templates.templates(0x0003 << 8) == ()


def test_a_choice_is_part_of_a_component() -> None:
    assert match(0x004B, parts("set 1/0-0:94.44.0.1/2"))
    assert match(0x004B, parts("get 1/0-0:94.44.0.1/2")) is None
    assert match(0x0048, parts("select 7/0-0:99.98.0.255/2"))
    assert match(0x0048, parts("get 7/0-0:99.98.0.255/2")) is None


LABELS = parts(*(f"set 1/0-0:94.44.0.{n}/2" for n in range(11, 16)))
RESETS = parts(*(f"action 4/1-0:{ln}.255/1" for ln in ("1.6.0", "1.6.1", "2.6.0")))
CONTROLLERS = parts(*(f"set 1/0-0:94.44.0.{n}/2" for n in range(21, 26)))
CALENDAR = parts(
    "set 11/0-1:11.0.3.255/2",
    "set 10/0-1:12.0.2.255/2",
    "set 9000/0-0:94.44.128.26/6",
    "set 9000/0-0:94.44.128.35/6",
)


@given(st.lists(st.sampled_from(range(9)), max_size=10))
def test_a_subset_in_order_matches_where_components_are_optional(chosen: list[int]) -> None:
    for code, whole, needed in (
        (0x0053, LABELS, 0),
        (0x005A, RESETS, 0),
        (0x0054, CONTROLLERS + CALENDAR, 4),
    ):
        picked = [whole[i] for i in chosen if i < len(whole)]
        indexes = [i for i in chosen if i < len(whole)]
        legal = indexes == sorted(set(indexes)) and bool(indexes)
        legal = legal and set(range(len(whole) - needed, len(whole))) <= set(indexes)
        template = match(code, picked)
        assert (template is not None) == legal, (code, indexes)
        if template is not None:
            assert template.positions(picked) == tuple(indexes)


def test_one_controller_at_a_time() -> None:
    for code, method, starts in ((0x011E, "9/0-0:10.0.103.255/1", 1), (0x011F, "9/0-0:10.0.107.255/1", 3)):
        for controller in range(1, 6):
            period = [f"set 1/0-0:94.44.{116 + controller}.{starts + i}/2" for i in (0, 1)]
            template = match(code, parts(*period, f"action {method}"))
            assert template is not None
            assert template.variant == str(controller)
            assert match(code, parts(period[0], f"action {method}")) is None
        mixed = parts(
            f"set 1/0-0:94.44.117.{starts}/2", f"set 1/0-0:94.44.118.{starts + 1}/2", f"action {method}"
        )
        assert match(code, mixed) is None
    legacy = "action 9/0-0:10.0.103.255/1"
    assert str(match(0x0055, parts("set 1/0-0:94.44.119.2/2", legacy))) == "ECS47 reset 3"
    assert str(match(0x0055, parts(legacy))) == "ECS47 resume"


@pytest.mark.parametrize(
    "text", ["", "get", "read 1/0-0:1.0.0.1/2", "get 1/0-0:1.0.0.1", "get x/0-0:1.0.0.1/2"]
)
def test_what_is_no_component_is_refused(text: str) -> None:
    with pytest.raises(BuildError):
        component(text)
    assert str(component("select 7/0-0:99.98.0.255/2")) == "select 7/0-0:99.98.0.255/2"


# -- future dating ------------------------------------------------------------------------


def test_every_passive_member_and_activation_time_is_in_the_activation_table() -> None:
    passive = {m.item for m in members() if m.item.endswith(".Passive")}
    assert {pair.passive.item for row in activation.table() for pair in row.pairs} == passive
    times = {m.item for m in members() if m.item.endswith(".ActivationTime")}
    assert {row.member.item for row in activation.table() if row.dated} == times
    undated = [row.member.item for row in activation.table() if not row.dated]
    assert undated == ["DebtRecoveryRates1.activate", "DebtRecoveryRates2.activate"]


def test_a_passive_value_becomes_a_value_of_the_active_member() -> None:
    for row in activation.table():
        for pair in row.pairs:
            assert pair.active.item == pair.passive.item.removesuffix(".Passive")
            assert "get" in pair.active.access
            for twin in (False, True):
                value = pair.passive.wire(twin).default()
                assert pair.active.wire(twin).fits(pair.active_value(value)), pair
            assert activation.activation(row.member) is row
            assert activated_by(pair.passive) is row
    assert activated_by(by_item("Time")) is None
    assert activation.activation(by_item("Time")) is None


def test_the_ways_of_a_passive_value() -> None:
    pairs = {pair.active.item: pair for row in activation.table() for pair in row.pairs}
    assert pairs["TariffThresholdMatrix.TOU1"].active_value((7,)) == (7, 0xFFFFFFFF, 0xFFFFFFFF)
    assert pairs["TariffThresholdMatrix.TOU8"].active_value((7, 8, 9)) == (7, 8, 9)
    assert pairs["DisablementThreshold"].active_value(-5) == (-5,)
    assert pairs["PaymentMode"].active_value((2, 1)) == (2, 2)
    assert pairs["LoadLimitSupplyState"].active_value(True) is True
    assert {pair.way for pair in pairs.values()} == set(Way)
    with pytest.raises(BuildError):
        pairs["LoadLimitPeriod"].active_value(-1)


# -- protected reads and selective access -----------------------------------------------------


def test_class_30_objects_and_their_contents() -> None:
    methods = [m for m in members() if m.class_id == 30]
    assert sorted(methods, key=str) == sorted((row.method for row in protection_rows.table()), key=str)
    contents = {content for row in protection_rows.table() for content in row.contents}
    assert contents == {m for m in members() if "protected" in m.access}
    for row in protection_rows.table():
        assert protection_rows.protected_read(row.method.logical_name) is row
        case = by_code(row.code)
        assert case is not None
        assert (case.name, case.response_encrypted) == (row.use_case, True)
        if row.alert_only:
            continue
        (template,) = templates.templates(row.code)
        assert template.components == ((3, 30, row.method.logical_name, 1),)
        assert row.dated == all(content.class_id == 7 for content in row.contents)
        listed, _ = row.method.wire().default()  # type: ignore[misc]
        assert len(listed) == len(row.contents)  # type: ignore[arg-type]
    assert protection_rows.protected_read(ln_octets("0-0:43.2.12.255")) is None


def test_selective_access_both_ways() -> None:
    wanted = Range(0x1C35F900, 0x1C374A80)
    data = selection(wanted)
    assert read_selection(1, data) == wanted
    assert (wanted.first in wanted, wanted.last in wanted) == (True, True)
    assert (wanted.first - 1 in wanted, wanted.last + 1 in wanted, "x" in wanted) == (False, False, False)
    with pytest.raises(BuildError):
        selection(Range(-1, 0))
    for selector, node in ((2, data), (1, None), (1, data.value[0])):
        with pytest.raises(TypeMismatch):
            read_selection(selector, node)
    other = data._replace(value=(data.value[0]._replace(value=data.value[0].value[:2] * 2), *data.value[1:]))
    with pytest.raises(TypeMismatch):
        read_selection(1, other)
    assert ln_octets("0-0:94.44.100.255") == RESTRICTING_OBJECT[1]


def test_another_restricting_object_is_refused() -> None:
    data = selection(Range(0, 1))
    restricting = data.value[0]
    changed = (restricting.value[0], restricting.value[1]._replace(value=bytes(6)), *restricting.value[2:])
    with pytest.raises(TypeMismatch, match="another object"):
        read_selection(1, data._replace(value=(restricting._replace(value=changed), *data.value[1:])))


# -- against the reference --------------------------------------------------------------


def _composition(reference: Path) -> dict[tuple[int, str, str], list[dict[str, str]]]:
    found: dict[tuple[int, str, str], list[dict[str, str]]] = {}
    with (reference / "reference" / "use-case-composition.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if (row["payload"], row["direction"]) == ("DLMS", "command"):
                key = (int(row["message_code"], 16), row["variant"], row["source"])
                found.setdefault(key, []).append(row)
    return found


def test_templates_are_the_compositions_of_the_reference(reference: Path) -> None:
    codes = set()
    for (code, variant, _), rows in _composition(reference).items():
        codes.add(code)
        if variant == "spec":
            targets = {f"{r['object_or_cluster']}/{r['member_or_command'].split()[1]}" for r in rows}
            known = {str(c).split()[1] for t in templates.templates(code) for c in t.components}
            assert targets <= known
            continue
        listed = [
            Component(
                int(r["operation_or_component"].split()[0]),
                int(r["object_or_cluster"].split("/")[0]),
                ln_octets(r["object_or_cluster"].split("/")[1]),
                int(r["member_or_command"].split()[1]),
            )
            for r in rows
        ]
        template = match(code, listed)
        assert template is not None, (hex(code), variant)
        if variant == "-":
            assert template.components == tuple(listed)
            assert not template.optional
    assert codes == {template.code for template in templates.table()}


def test_the_activations_of_a_use_case_are_those_the_reference_reports(reference: Path) -> None:
    reported: dict[str, set[str]] = {}
    with (reference / "reference" / "use-case-composition.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if (row["payload"], row["direction"]) == ("DLMS", "future-dated alert"):
                number = row["member_or_command"].split()[1]
                reported.setdefault(row["use_case"], set()).add(f"{row['object_or_cluster']}/{number}")
    assert reported
    for use_case, expected in reported.items():
        (template,) = (t for t in templates.table() if t.use_case == use_case)
        found = [model().find(*part) for part in template.components]
        dated = [m for m in found if isinstance(m, Member) and activation.activation(m)]
        assert {str(m) for m in dated} == expected, use_case


def test_every_reference_command_follows_a_template(reference: Path) -> None:
    for where, message, apdu in requests(reference):
        components = [item[:4] for item in apdu.items]
        template = match(message.code, components)
        assert template is not None, where
        positions = template.positions(components)
        assert positions is not None
        for position, item in zip(positions, apdu.items, strict=True):
            fixed = template.fixed_at(position)
            assert fixed is None or item.data.value == fixed, where
            if item.choice == 4:
                bounds = read_selection(item.selector, item.selection)
                assert bounds.first <= bounds.last, where
                assert selection(bounds) == item.selection
            if item.class_id == 30:
                row = protection_rows.protected_read(item.logical_name)
                assert row is not None
                listed = item.data.value[0].value
                contents = [(e.value[0].value, e.value[1].value, e.value[2].value) for e in listed]
                assert contents == [(m.class_id, m.logical_name, m.number) for m in row.contents], where
                assert all(e.value[4].value[0].value == int(row.dated) for e in listed), where
    assert all(m.kind is MemberKind.METHOD for m in members() if m.class_id == 30)
