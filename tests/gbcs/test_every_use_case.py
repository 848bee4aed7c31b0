"""Every row of the use-case table builds and decodes for every kind it has, with drawn values."""

from __future__ import annotations

import json
from random import Random

import pytest

import gbcs
from gbcs.building import ASSUMED, build_again
from gbcs.errors import BuildError
from gbcs.fields import build_message, checked_fields
from gbcs.ids import Kind, Payload
from gbcs.message import Message, parse_message
from gbcs.named.describe import describe
from gbcs.protect import protection
from gbcs.usecases import UseCase, table
from gbcs.values import json_form
from tests.gbcs import generated
from tests.gbcs.generated import COMMANDS, Case, Made

ROWS = tuple(generated.rows())
IDS = [f"{use_case.name}-{use_case.code:04X}-{kind.value}" for use_case, kind in ROWS]
SUPERSEDED = [row for row in ROWS if row[0].superseded]
every_row = pytest.mark.parametrize(("use_case", "kind"), ROWS, ids=IDS)
DRAWS, LONG_DRAWS = 2, 100


def made(case: Case, draw: int) -> Made:
    return generated.make(case, Random(f"{case.id} {draw}"))


def check_every_form(use_case: UseCase, kind: Kind, draws: int) -> None:
    forms = generated.cases(use_case, kind)
    assert forms
    for case in forms:
        for draw in range(draws):
            check(made(case, draw))


def check(one: Made) -> None:
    """Values to octets and back, by every way there is."""
    message, case, keys = parse_message(one.message.octets), one.case, generated.keyring().keys
    assert message == one.message
    assert (message.code, message.kind) == (case.code, case.kind)
    check_header(one, message)
    decoded = gbcs.decode(message.octets, keys)
    assert (decoded.irregular, decoded.use_case) == (None, case.use_case)
    assert decoded.values == one.expected
    assert json_form(decoded.values) == json_form(one.expected)
    again = json.loads(json.dumps(decoded.to_json()))
    rebuilt = gbcs.build_from(again, keys, legacy=True, assumptions=tuple(gbcs.Assumption))
    assert rebuilt.octets == one.bare.octets
    assert build_again(message, decoded.values, keys).octets == one.bare.octets
    if case.kind is not Kind.PRECOMMAND:
        assert keys.protect(rebuilt).octets == message.octets
    if case.kind is Kind.COMMAND and Kind.PRECOMMAND not in case.use_case.kinds:
        unprotected = gbcs.decode(one.bare.octets, keys)
        assert (unprotected.kind, unprotected.irregular) == (Kind.COMMAND, None)
        assert unprotected.values == one.expected
        assert unprotected.to_json() == decoded.to_json()
    check_fields(one, message)
    check_without_keys(one, message)


def check_header(one: Made, message: Message) -> None:
    head = one.header
    assert (message.originator, message.recipient) == (head["originator"], head["recipient"])
    assert message.counter == head["counter"]
    assert message.date_time == head["date_time"]
    assert message.other == (head["supplementary"] or message.other)
    dated = one.case.kind is Kind.RESPONSE and one.case.use_case.response_has_date_time
    assert (message.date_time is not None) is dated


def check_fields(one: Made, message: Message) -> None:
    """Verdicts, and the tree of fields to the same octets."""
    fields = checked_fields(message, generated.keyring().verifier)
    to_broker = message.recipient == generated.BROKER
    wanted = (False, False)
    if one.case.kind is not Kind.PRECOMMAND:
        wanted = protection(message, one.case.use_case, to_broker)
    assert (fields["signature"] == "valid", fields["mac"] == "valid") == wanted
    assert (message.signature is not None, message.mac is not None) == wanted
    encrypted = one.case.kind not in COMMANDS and one.case.use_case.response_encrypted
    assert fields["encryption"] == ("valid" if fields["encrypted"] else "absent")
    assert encrypted or not fields["encrypted"]
    assert build_message(json.loads(json.dumps(fields))).octets == message.octets


def check_without_keys(one: Made, message: Message) -> None:
    """Protected content that stays closed is kept as it is."""
    decoded = gbcs.decode(message)
    assert decoded.irregular is None
    assert build_again(message, decoded.values).octets == one.bare.octets


@every_row
def test_values_to_octets_and_back(use_case: UseCase, kind: Kind) -> None:
    check_every_form(use_case, kind, DRAWS)


@pytest.mark.long
@every_row
def test_values_to_octets_and_back_long(use_case: UseCase, kind: Kind) -> None:
    check_every_form(use_case, kind, LONG_DRAWS)


def test_every_row_with_a_message_is_there() -> None:
    kinds = {(row.code, kind) for row in table() for kind in row.kinds}
    assert {(use_case.code, kind) for use_case, kind in ROWS} == kinds
    assert {(case.code, case.kind) for case in generated.all_cases()} == kinds
    for row in table():  # what has no kind is no message of the wide area network
        assert bool(row.kinds) is (row.code is not None and row.payload is not Payload.NONE), row.name
    assert len({case.id for case in generated.all_cases()}) == len(generated.all_cases())


def test_the_same_seed_gives_the_same_octets() -> None:
    one, two = ([m.message.octets for m in generated.corpus(5)] for _ in range(2))
    other = [m.message.octets for m in generated.corpus(6)]
    assert one == two
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 20  # reads at a bound of the counter


@every_row
def test_values_given_are_among_those_listed(use_case: UseCase, kind: Kind) -> None:
    if use_case.payload_by_device:
        pytest.skip("the family decides which values there are")
    for case in generated.cases(use_case, kind):
        if case.words and case.words[0] in ("variant", "counted"):
            continue  # values of other variants, or none
        names = {part.name for part in describe(use_case, kind)}
        extra = {"Variant", "Fault", "Items", "Components", "Lengths"}
        one = made(case, 0)
        given = {name.partition("#")[0] for name in one.expected} - extra
        listed = {name.partition("#")[0] for name in names}
        if "ActivationTime" in listed:  # each may have its own
            given = {name for name in given if name in listed or not name.endswith("ActivationTime")}
        assert given <= listed


@pytest.mark.parametrize(("use_case", "kind"), SUPERSEDED)
def test_superseded_codes_are_built_only_when_asked_for(use_case: UseCase, kind: Kind) -> None:
    one = made(generated.cases(use_case, kind)[0], 0)
    keys, code = generated.keyring().keys, f"{one.case.code:04X}"
    with pytest.raises(BuildError, match="legacy"):
        gbcs.build(code, **one.header, keys=keys, **one.given)
    assert gbcs.build(code, **one.header, keys=keys, legacy=True, **one.given).octets == one.bare.octets


@pytest.mark.parametrize("code", sorted(ASSUMED), ids="{:04X}".format)
def test_what_nothing_settles_is_built_under_its_assumption(code: int) -> None:
    for case in [case for case in generated.all_cases() if case.code == code]:
        one, keys = made(case, 0), generated.keyring().keys
        needed = ASSUMED[code]
        others = [assumption for assumption in gbcs.Assumption if assumption is not needed]
        for granted in ((), others):
            with pytest.raises(BuildError, match=needed.value):
                gbcs.build(f"{code:04X}", **one.header, keys=keys, assumptions=granted, **one.given)
        built = gbcs.build(f"{code:04X}", **one.header, keys=keys, assumptions=[needed.value], **one.given)
        assert built.octets == one.bare.octets


def test_forms_of_other_information_all_come() -> None:
    sizes = {len(one.message.other.octets()) for one in generated.corpus(1)}
    assert {2, 10, 18, 26} < sizes
    assert max(sizes) > 400  # with a certificate


def test_encrypted_content_of_every_family_comes() -> None:
    opened = set()
    for one in generated.corpus(1):
        if checked_fields(one.message, generated.keyring().verifier)["encryption"] == "valid":
            opened.add((one.case.use_case.payload, one.case.kind))
    assert opened == {
        (Payload.DLMS, Kind.RESPONSE),
        (Payload.DLMS, Kind.ALERT),
        (Payload.GBZ, Kind.RESPONSE),
        (Payload.GBZ, Kind.ALERT),
    }


@pytest.mark.parametrize("more", [-1, 1])
def test_a_count_is_that_of_its_list(more: int) -> None:
    case = next(case for case in generated.all_cases() if case.use_case.name == "GCS01a")
    one, draw = made(case, 0), 0
    while len(one.expected["PublishDayProfile"][0]["DayScheduleEntries"]) < 2:
        draw += 1
        one = made(case, draw)
    profile = one.expected["PublishDayProfile"][0]
    wrong = {**profile, "TotalNumberOfScheduleEntries": len(profile["DayScheduleEntries"]) + more}
    values = {**one.expected, "PublishDayProfile": [wrong, *one.expected["PublishDayProfile"][1:]]}
    with pytest.raises(BuildError, match="TotalNumberOfScheduleEntries"):
        gbcs.build("GCS01a", **one.header, **values)
