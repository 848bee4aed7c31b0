"""Every DLMS use case of the meter, from the tables.

It succeeds, sets are read back, and what must be refused is.
"""

from __future__ import annotations

from functools import cache

import pytest

from gbcs.dlms.activation import activated_by, activation
from gbcs.dlms.apdu import AccessRequest, RequestItem, parse_apdu
from gbcs.dlms.axdr import Data, Tag
from gbcs.dlms.objects import Member, MemberKind, member, model
from gbcs.dlms.templates import templates
from gbcs.ids import DeviceType, Payload
from gbcs.usecases import UseCase
from smets.esme.items import absent_flags, items
from smets.events import Happened
from smets.values import Value
from tests.smets.homes import VARIANTS, Home, dlms_use_cases, plaintext, profile, protected_parameters, remade
from tests.smets.sampled import illegal

CASES = [pytest.param(v, u, id=f"{v}-{u.name}-{u.code:04X}") for v in VARIANTS for u in dlms_use_cases(v)]
SETS = [
    pytest.param(v, u, id=f"{v}-{u.name}")
    for v in VARIANTS
    for u in dlms_use_cases(v)
    if any(c.choice == 2 for c in templates(u.code or 0)[0].components)
]
# what has to be there before the command can succeed
NEEDED: dict[str, dict[str, Value]] = {
    "ECS09": {"PaymentMode": (2, 2), "EmergencyCreditLimit": 500, "EmergencyCreditThreshold": 100},
    "ECS47": {"AuxiliaryController1.TypeAndIdentifier": bytes(8)},
    "ECS47a": {"AuxiliaryController1.TypeAndIdentifier": bytes(8)},
    "ECS47e": {"AuxiliaryController1.TypeAndIdentifier": b"\xff"},
}


def first_fault(variant: str, use_case: UseCase) -> tuple[int, int] | None:
    """The first item whose object the variant lacks, with the result code of the tables."""
    objects = model(DeviceType.ESME, absent_flags(variant))
    for index, c in enumerate(templates(use_case.code or 0)[0].components):
        found = objects.find(c.choice, c.class_id, c.ln, c.member)
        if isinstance(found, int):
            return index, found
    return None


def results(count: int, fault: tuple[int, int] | None) -> list[int]:
    if fault is None:
        return [0] * count
    index, code = fault
    return [0] * index + [code] + [250] * (count - index - 1)


@pytest.mark.parametrize(("variant", "use_case"), CASES)
def test_a_legal_command_is_answered_item_by_item(variant: str, use_case: UseCase) -> None:
    """And protected content opens; an item whose object the variant lacks fails as the table says."""
    home = Home.new(variant, items=NEEDED.get(use_case.name))
    reply = home.run(use_case)
    count = len(templates(use_case.code or 0)[0].components)
    fault = first_fault(variant, use_case)
    assert reply.results == results(count, fault)
    assert reply.happened == Happened(
        "executed", f"{use_case.name} {use_case.code:04X}", "gbcs-messages 11 steps 10 to 12"
    )
    if protected_parameters(use_case, 0, home.party(use_case).entity):
        assert plaintext(reply).tag == Tag.STRUCTURE
    else:
        reply.values(variant)  # every datum read is of its wire type
    counter = home.work.number("counter/002/role") or home.work.number("counter/003/role")
    if use_case.role_counted:
        assert reply.command.counter in (
            home.work.number(f"counter/{role:03d}/role") for role in map(int, use_case.roles)
        )
    else:
        assert counter == 0


def test_the_meters_differ_in_what_they_have() -> None:
    lacking = {v: {u.name for u in dlms_use_cases(v) if first_fault(v, u)} for v in VARIANTS}
    assert lacking["polyphase"] == {"ECS01c", "ECS01d", "ECS24b"}
    assert lacking["twin"] == {"ECS23b", "ECS26k", "ECS29b", "ECS29d", "ECS29f"}
    assert lacking["single"] == lacking["twin"] | lacking["polyphase"]
    assert all(len(dlms_use_cases(v)) >= 100 for v in VARIANTS)


# -- reading back -------------------------------------------------------------------------


@cache
def readers(variant: str) -> dict[str, UseCase]:
    """For each item a command reads plainly, one such use case."""
    found: dict[str, UseCase] = {}
    for use_case in dlms_use_cases(variant):
        components = templates(use_case.code or 0)[0].components
        for c in components:
            one = member(c.class_id, c.ln, MemberKind.ATTRIBUTE, c.member)
            plain = all(other.choice == 1 for other in components)
            if one is not None and plain and first_fault(variant, use_case) is None:
                found.setdefault(one.item, use_case)
    return found


def written(home: Home, use_case: UseCase, values: list[Value]) -> dict[str, Value]:
    """The items a successful command leaves with new values."""
    given = iter(values)
    found: dict[str, Value] = {}
    template = templates(use_case.code or 0)[0]
    for position, c in enumerate(template.components):
        kind = MemberKind.METHOD if c.choice == 3 else MemberKind.ATTRIBUTE
        one = member(c.class_id, c.ln, kind, c.member)
        assert one is not None
        if template.fixed_at(position) is not None or one.constant is not None or c.choice in (1, 4):
            continue
        value = next(given)
        if c.choice != 2 or one.item.endswith((".ActivationTime", ".MaskAndActions")):
            continue
        row = activated_by(one)
        if row is None:
            found[one.item] = value
            continue
        found[one.item] = value
        if any(activation(m) is row for m in _members(template.components)):
            pair = next(pair for pair in row.pairs if pair.passive is one)
            found[pair.active.item] = pair.active_value(value)
    return found


def _members(components: tuple[object, ...]) -> list[Member]:
    found = []
    for c in components:
        kind = MemberKind.METHOD if c.choice == 3 else MemberKind.ATTRIBUTE  # type: ignore[attr-defined]
        one = member(c.class_id, c.ln, kind, c.member)  # type: ignore[attr-defined]
        assert one is not None
        found.append(one)
    return found


@pytest.mark.parametrize(
    ("variant", "use_case"), [case for case in SETS if first_fault(*case.values) is None]
)
def test_what_was_set_is_held_and_read_back(variant: str, use_case: UseCase) -> None:
    home = Home.new(variant)
    values = home.values(use_case)
    assert home.run(use_case, values).response is not None
    expected = written(home, use_case, values)
    for name, value in expected.items():
        assert home.item(name) == value, name
    home.restart()
    for name in expected.keys() & readers(variant).keys():
        assert home.run(readers(variant)[name]).values(variant)[name] == expected[name], name


def test_most_of_what_can_be_set_can_be_read_back() -> None:
    for variant in VARIANTS:
        home = Home.new(variant)
        could = set()
        for use_case in dlms_use_cases(variant):
            sets = any(c.choice == 2 for c in templates(use_case.code or 0)[0].components)
            if sets and first_fault(variant, use_case) is None:
                could |= written(home, use_case, home.values(use_case)).keys()
        active = {name for name in could if not name.endswith(".Passive")}
        assert len(active & readers(variant).keys()) > 0.6 * len(active)


# -- refusing items -----------------------------------------------------------------------


def with_item(home: Home, use_case: UseCase, index: int, change: object) -> object:
    """The command with one item's fields replaced, protected anew."""
    command = home.make(use_case)
    request = parse_apdu(command.payload)
    assert isinstance(request, AccessRequest)
    changed = tuple(
        item._replace(**change) if i == index else item  # type: ignore[arg-type]
        for i, item in enumerate(request.items)
    )
    return remade(command, payload=AccessRequest(request.invoke_id, changed).octets())


WRONG = {"data": Data(int(Tag.FLOAT32), bytes(4))}


@pytest.mark.parametrize(("variant", "use_case"), SETS)
def test_a_wrong_type_answers_12_and_nothing_later_is_done(variant: str, use_case: UseCase) -> None:
    fault = first_fault(variant, use_case)
    components = templates(use_case.code or 0)[0].components
    for index in [i for i, c in enumerate(components) if c.choice == 2][:3]:
        if fault is not None and fault[0] <= index:
            continue
        home = Home.new(variant)
        reply = home.deliver(with_item(home, use_case, index, WRONG))  # type: ignore[arg-type]
        assert reply.results == results(len(components), (index, 12))
        untouched = {one.item for one in _members(components[index:])}
        assert not untouched & {key.removeprefix("item/") for key in home.held if key.startswith("item/")}


def limited_items(variant: str) -> list[tuple[UseCase, int, Value]]:
    """Each settable item that has limits, with a value outside them."""
    home = Home.new(variant)
    by_item = {item.name: item for item in items(variant)}
    found, seen = [], set()
    for use_case in dlms_use_cases(variant):
        if first_fault(variant, use_case) is not None:
            continue
        for index, c in enumerate(templates(use_case.code or 0)[0].components):
            one = member(c.class_id, c.ln, MemberKind.ATTRIBUTE, c.member)
            if c.choice != 2 or one is None or one.item in seen:
                continue
            item = by_item[one.item]
            seen.add(one.item)
            found += [(use_case, index, v) for v in illegal(item.limits, item.wire, home.random)]
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_value_outside_the_limits_answers_250_and_is_not_stored(variant: str) -> None:
    cases = limited_items(variant)
    assert len(cases) > 60
    for use_case, index, value in cases:
        components = templates(use_case.code or 0)[0].components
        one = _members(components)[index]
        home = Home.new(variant)
        before = home.item(one.item)
        data = one.any_wire().encode(value)
        reply = home.deliver(with_item(home, use_case, index, {"data": data}))  # type: ignore[arg-type]
        assert reply.results == results(len(components), (index, 250)), (use_case.name, one.item, value)
        assert home.item(one.item) == before
        assert not home.work.changed("")


@pytest.mark.parametrize("when", [b"\x07\xee\x0d" + bytes(9), b"\x07\xee\x02\x1e" + bytes(8)])
def test_a_date_that_does_not_exist_answers_250_and_is_not_stored(when: bytes) -> None:
    home = Home.new()
    reply = home.run("ECS28a", when=when)
    assert reply.results == [0, 0, 0, 0, 250, 250, 250, 250]
    assert not [key for key in home.held if key.endswith(".ActivationTime")]
    assert not [key for key in home.held if key.startswith("pending/")]


def test_a_fixed_parameter_may_not_be_another() -> None:
    """A method's or an attribute's constant is the only value it takes."""
    home = Home.new()
    wrong = {"data": Data(int(Tag.LONG_UNSIGNED), 98)}
    assert home.deliver(with_item(home, _case("ECS05"), 0, wrong)).results == [250]  # type: ignore[arg-type]
    assert home.deliver(with_item(home, _case("ECS42"), 0, {"data": Data(0x12, 52)})).results == [250]  # type: ignore[arg-type]


def _case(name: str) -> UseCase:
    return next(u for u in dlms_use_cases() if u.name == name)


# -- lists that are not the template ------------------------------------------------------


def mangled(request: AccessRequest) -> list[tuple[RequestItem, ...]]:
    """Lists of items that are no template: other object, class, member, choice; more, fewer, other order."""
    first, *rest = request.items
    swapped = request.items[::-1] if len(request.items) > 1 else ()
    lists = [
        (first._replace(logical_name=bytes(6)), *rest),
        (first._replace(class_id=first.class_id + 1), *rest),
        (first._replace(member=first.member + 20), *rest),
        (*request.items, first),
        (),
        swapped,
    ]
    return [one for one in lists if one != request.items]


@pytest.mark.parametrize("use_case", [pytest.param(u, id=f"{u.name}-{u.code:04X}") for u in dlms_use_cases()])
def test_a_list_that_is_not_the_template_is_refused_and_not_counted(use_case: UseCase) -> None:
    home = Home.new()
    command = home.make(use_case)
    request = parse_apdu(command.payload)
    assert isinstance(request, AccessRequest)
    for wrong in mangled(request):
        if use_case.name in ("ECS46a", "ECS57") and 0 < len(wrong) < len(request.items):
            continue  # items may be absent there
        before = home.held
        payload = AccessRequest(request.invoke_id, wrong).octets()
        reply = home.deliver(remade(command, payload=payload))
        assert reply.response is None
        assert reply.happened.check is not None
        assert reply.happened.check.value == "template"
        assert {k for k in home.held if home.held[k] != before.get(k)} <= {
            k for k in home.held if k.startswith(("log/SecurityLog/", "limiter/", "counter/own"))
        }
    assert home.deliver(command).response is not None  # the counter did not move


def test_a_payload_of_another_kind_is_refused() -> None:
    home = Home.new()
    for payload in (b"", b"\xd9", bytes.fromhex("DA2000000000000000"), bytes.fromhex("0F200000000000")):
        reply = home.deliver(home.make("ECS10", payload=payload))
        assert reply.response is None
        assert [alert.code for alert in reply.alerts] in ([0x8F1E], [])


def test_the_families_of_the_meter() -> None:
    assert profile().servers.keys() == {Payload.DLMS, Payload.ASN1}
