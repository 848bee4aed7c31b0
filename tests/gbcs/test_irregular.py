"""Payloads that follow their family but not their use case: no values by name, and nothing is lost.

A row takes a message that reads by name and changes one thing in its payload.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import gbcs
from gbcs.dlms.apdu import (
    AccessRequest,
    AccessResponse,
    DataNotification,
    RequestItem,
    ResponseItem,
    invoke_id,
    parse_apdu,
)
from gbcs.dlms.axdr import NULL, BitString, Data, Tag, data_octets, number, octet_string, structure
from gbcs.dlms.protection import Parameters, protected_elements, protected_value
from gbcs.errors import BuildError
from gbcs.ids import Cra, Kind, Payload
from gbcs.message import Message, OtherInformation
from gbcs.named.common import Irregular, Place
from gbcs.named.describe import describe
from gbcs.named.payload import family_of, payload_of, read_values
from gbcs.protect import Keys
from gbcs.usecases import by_name, table
from gbcs.zcl.clusters import DEFAULT_RESPONSE, FAILURE
from gbcs.zcl.gbz import Alert, Component, Components, Sealed, parse_gbz
from gbcs.zcl.templates import ANY_COMMAND
from gbcs.zcl.types import BY_NAME, ENTRY, LIST, OPAQUE, Node
from tests.gbcs.test_build_refusals import ALERT, COMMAND, RESPONSE, built, values_of
from tests.vectors import make

INVOKE = invoke_id(1001)
FOREIGN = structure(number(Tag.UNSIGNED, 1))


def example(name: str, kind: Kind, **values: Any) -> Message:
    """A message that reads by name, from the examples of its use case."""
    message = built(name, kind, {**values_of(name, kind), **values})
    if kind is COMMAND:  # form C: not every use case has a pre-command
        message = Keys(make.store()).protect(message)
    assert gbcs.decode(message, Keys(make.store())).irregular is None
    return message


def check_irregular(message: Message, payload: bytes, reason: str) -> None:
    """The payload has no values by name, says why, and builds from its tree."""
    changed = replace(message, payload=payload).encoded()
    bare = replace(changed, signature=None, mac=None, mac_header=False, has_signature_length=False).encoded()
    decoded = gbcs.decode(changed, Keys(make.store()))
    assert decoded.irregular is not None
    assert reason in decoded.irregular
    assert decoded.values == {}
    assert gbcs.build_from(decoded.to_json()).octets == bare.octets


# -- DLMS ---------------------------------------------------------------------------------------


def at(index: int, **changes: Any) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Change one item."""
    return lambda items: tuple(
        item._replace(**changes) if position == index else item for position, item in enumerate(items)
    )


COMMANDS: list[tuple[str, Callable[[Any], Any], str]] = [
    ("ECS38", lambda items: (*items, *items), "no template"),
    ("ECS38", at(0, member=9), "no template"),
    ("ECS38", at(0, data=FOREIGN), ""),
    ("ECS42", at(0, data=FOREIGN), "another value than the one it always has"),
    ("ECS52", at(0, data=FOREIGN), "another value than the one it always has"),
    ("ECS35a", at(0, data=FOREIGN), "a get carries data"),
    ("ECS35a", at(0, selection=FOREIGN), ""),
    ("ECS35a", at(0, selector=9), ""),
    ("ECS17b", at(0, data=FOREIGN), ""),
    ("ECS21a", at(0, data=FOREIGN), ""),
    ("ECS16", at(0, data=Data(int(Tag.OCTET_STRING), b"1", 3)), "usual form"),
]


@pytest.mark.parametrize(("name", "edit", "reason"), COMMANDS)
def test_commands(name: str, edit: Callable[[Any], Any], reason: str) -> None:
    message = example(name, COMMAND)
    apdu = parse_apdu(message.payload)
    assert isinstance(apdu, AccessRequest)
    check_irregular(message, replace(apdu, items=edit(apdu.items)).octets(), reason)


@pytest.mark.parametrize("name", ["ECS17b", "ECS21a"])
def test_protected_reads_of_somebody_else(name: str) -> None:
    """The parameter of a protected read repeats the header; another counter in it does not."""
    message = example(name, COMMAND)
    other = built(name, COMMAND, values_of(name, COMMAND), counter=1002)
    apdu, another = parse_apdu(message.payload), parse_apdu(other.payload)
    assert isinstance(apdu, AccessRequest)
    assert isinstance(another, AccessRequest)
    mixed = replace(apdu, items=another.items).octets()
    check_irregular(message, mixed, "not the parameter of this protected read")


RESPONSES: list[tuple[str, Callable[[Any], Any], str]] = [
    ("ECS52", lambda items: (*items, *items), "no template"),
    ("ECS52", at(0, choice=2), "no template"),
    ("ECS52", at(0, data=FOREIGN), ""),
    ("ECS52", at(0, result=3), "a failed item has a datum"),
    ("ECS38", at(0, data=FOREIGN), "answers with a datum"),
    ("ECS16", at(0, result=3), "an item after the failed one was executed"),
    ("ECS47", at(0, data=FOREIGN), ""),
    ("ECS17b", at(0, data=FOREIGN), "not a protected value"),
    ("ECS17b", at(0, data=octet_string(b"1")), ""),
    ("ECS57", lambda items: (), ""),
    ("ECS57", at(0, data=FOREIGN), ""),
]


@pytest.mark.parametrize(("name", "edit", "reason"), RESPONSES)
def test_responses(name: str, edit: Callable[[Any], Any], reason: str) -> None:
    message = example(name, RESPONSE)
    apdu = parse_apdu(message.payload)
    assert isinstance(apdu, AccessResponse)
    check_irregular(message, replace(apdu, items=edit(apdu.items)).octets(), reason)


def test_the_failed_item_alone_has_its_code() -> None:
    """What follows the failed item has `other-reason` and no datum; anything else was executed."""
    message = example("ECS16", RESPONSE, Fault={"item": 1, "result": 3})
    assert gbcs.decode(message).values["Fault"]["item"] == "ContactDetails.TelephoneNumber"
    apdu = parse_apdu(message.payload)
    assert isinstance(apdu, AccessResponse)
    for edit in (at(1, result=0), at(1, result=3), at(1, data=FOREIGN)):
        items = edit(apdu.items)
        check_irregular(message, replace(apdu, items=items).octets(), "after the failed one was executed")


def test_a_response_may_answer_only_some_optional_items() -> None:
    """Only their number is known; with data nobody could tell whose they are."""
    message = example("ECS57", RESPONSE, Items=2)
    assert gbcs.decode(message).values == {"Items": 2}
    failed = example("ECS57", RESPONSE, Items=2, Fault={"item": 2, "result": 3})
    assert gbcs.decode(failed).values["Fault"]["item"] == 2
    apdu = parse_apdu(message.payload)
    assert isinstance(apdu, AccessResponse)
    check_irregular(message, replace(apdu, items=at(1, data=FOREIGN)(apdu.items)).octets(), "no template")


PARAMETERS = Parameters(1001, make.METER, make.SUPPLIER)


def sealed_response(plaintext: bytes, parameters: Any = PARAMETERS) -> tuple[Message, bytes]:
    """A response of ECS17b whose protected value holds this plaintext."""
    message = example("ECS17b", RESPONSE)
    value = protected_value(parameters, Keys(make.store()).seal(message, plaintext))
    return message, AccessResponse(INVOKE, (ResponseItem(3, 0, value),)).octets()


CONTENTS = [
    (b"", "plaintext"),
    (b"\x02", "plaintext"),
    (data_octets(FOREIGN), "structure expected"),
    (data_octets(structure()), "not the contents of this read"),
    (data_octets(NULL), "not the contents of this read"),
    (data_octets(structure(NULL, NULL)), "not the contents of this read"),
    (data_octets(FOREIGN) + b"\x00", "not the contents of this read"),
]


@pytest.mark.parametrize(("plaintext", "reason"), CONTENTS)
def test_protected_contents_that_are_others(plaintext: bytes, reason: str) -> None:
    check_irregular(*sealed_response(plaintext), reason)


def test_protection_parameters_of_another_message() -> None:
    for parameters in (
        Parameters(1002, make.METER, make.SUPPLIER),
        Parameters(1001, make.SUPPLIER, make.SUPPLIER),
        Parameters(1001, make.METER, make.METER),
    ):
        check_irregular(*sealed_response(b"", parameters), "not those of the header")


ALERT_BODIES: list[tuple[str, Callable[[Data], Data], str]] = [
    ("ECS80", lambda body: NULL, ""),
    ("ECS80", lambda body: structure(*body.value, NULL), ""),
    ("ECS68", lambda body: structure(*body.value[:3], octet_string(bytes(5))), ""),
    ("ECS68", lambda body: structure(*body.value[:2], NULL, NULL), ""),
    ("ECS80", lambda body: structure(*body.value[:3], body.value[3]._replace(form=3)), "usual form"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edit", "reason"), ALERT_BODIES)
def test_alerts(name: str, edit: Callable[[Data], Data], reason: str) -> None:
    message = example(name, ALERT)
    apdu = parse_apdu(message.payload)
    assert isinstance(apdu, DataNotification)
    check_irregular(message, replace(apdu, body=edit(apdu.body)).octets(), reason)


def test_a_billing_alert_with_parameters_of_another_message() -> None:
    message = example("ECS68", ALERT)
    apdu = parse_apdu(message.payload)
    assert isinstance(apdu, DataNotification)
    sealed = apdu.body.value[3].value
    elements = protected_elements(Parameters(1, make.METER, make.SUPPLIER), sealed)
    body = structure(*apdu.body.value[:2], *elements)
    check_irregular(message, replace(apdu, body=body).octets(), "not those of the header")


def test_an_apdu_of_another_kind_or_counter() -> None:
    message = example("ECS52", RESPONSE)
    apdu = parse_apdu(message.payload)
    assert isinstance(apdu, AccessResponse)
    check_irregular(message, replace(apdu, invoke_id=INVOKE + 1).octets(), "invoke id")
    check_irregular(message, replace(apdu, date_time=bytes(12)).octets(), "date-time")
    check_irregular(message, replace(apdu, forms=(("data", 2),)).octets(), "a count is longer")
    request = AccessRequest(INVOKE, (RequestItem(1, 3, bytes(6), 2, NULL),)).octets()
    check_irregular(message, request, "not the APDU of a response")


def test_bits_padded_with_ones() -> None:
    """The same bits in another form; rebuilt from the tree as they were."""
    message = example("DBCH07", ALERT)
    apdu = parse_apdu(message.payload)
    assert isinstance(apdu, DataNotification)
    head, channel = apdu.body.value[:2], apdu.body.value[2]
    bits = Data(int(Tag.BIT_STRING), BitString(31, b"\xff\xff\xff\xff"))
    body = structure(*head, structure(bits, *channel.value[1:]))
    check_irregular(message, replace(apdu, body=body).octets(), "padded with ones")


# -- GBZ ----------------------------------------------------------------------------------------

_UINT8, _ENUM8 = BY_NAME["uint8"].id, BY_NAME["enum8"].id


def default(command: int, status: int) -> tuple[Node, ...]:
    return (Node(_UINT8, command), Node(_ENUM8, status))


def refusal(component: Component, command: int, status: int) -> Component:
    """A Default Response in place of an answer."""
    control = component.frame_control & ~0x03
    return component._replace(frame_control=control, command=DEFAULT_RESPONSE, body=default(command, status))


def more_octets(components: Any) -> Any:
    """An octet behind the declared fields."""
    first = components[0]
    return (first._replace(body=(*first.body, Node(OPAQUE, b"\0"))), *components[1:])


SEALED = Sealed(0, b"\x31" + bytes(4), b"octets", bytes(12))

GBZ: list[tuple[str, Kind, Callable[[Any], Any], str]] = [
    ("GCS32", COMMAND, lambda found: (*found, *found), "no template"),
    ("GCS32", COMMAND, at(0, command=0x7F), "no template"),
    ("GCS32", COMMAND, at(0, sequence=1), "do not count from 0"),
    ("GCS32", COMMAND, at(0, body=SEALED), ""),
    ("GCS32", COMMAND, at(0, from_date_time=5), ""),
    ("GCS32", COMMAND, more_octets, "ChangeSupply has other fields"),
    ("GCS32", RESPONSE, more_octets, "SupplyStatusResponse has other fields"),
    ("GCS06", RESPONSE, more_octets, "more or less than command and status"),
    ("GCS33", COMMAND, lambda found: (found[0]._replace(sequence=9),), "do not count from 0"),
    ("GCS32", RESPONSE, lambda found: (*found, *found), "answer no template"),
    ("GCS32", RESPONSE, at(0, sequence=1), "answer no template"),
    ("GCS32", RESPONSE, at(0, body=SEALED), ""),
    ("GCS32", RESPONSE, lambda found: (refusal(found[0], 0x7F, 1),), ""),
    ("GCS33", RESPONSE, lambda found: (found[0]._replace(body=()),), ""),
    ("GCS33", RESPONSE, lambda found: (found[0]._replace(body=(Node(LIST, ()),)),), "answer no template"),
    ("GCS40a", RESPONSE, lambda found: (found[0]._replace(body=default(0x7F, 0)),), ""),
]


@pytest.mark.parametrize(("name", "kind", "edit", "reason"), GBZ)
def test_components(name: str, kind: Kind, edit: Callable[[Any], Any], reason: str) -> None:
    message = example(name, kind)
    gbz = parse_gbz(message.payload, message.cra, message.code)
    assert isinstance(gbz, Components)
    check_irregular(message, Components(edit(gbz.components)).octets(), reason)


def entries_of(message: Message) -> tuple[Components, tuple[Node, ...]]:
    """The components of a response that reads attributes, and the entries of the first."""
    gbz = parse_gbz(message.payload, message.cra, message.code)
    assert isinstance(gbz, Components)
    first = gbz.components[0].body
    assert not isinstance(first, Sealed)
    return gbz, first[0].value


def test_attributes_in_another_order_or_type() -> None:
    message = example("GCS21e", RESPONSE)
    gbz, entries = entries_of(message)
    first, *others = gbz.components

    def octets(changed: tuple[Node, ...]) -> bytes:
        return Components((first._replace(body=(Node(LIST, changed),)), *others)).octets()

    assert octets(entries) == message.payload
    check_irregular(message, octets((*entries, *entries)), "answer no template")
    number, status, typed = entries[0].value
    another = typed._replace(value=Node(_UINT8, 1))
    wrong_type = (Node(ENTRY, (number, status, another)), *entries[1:])
    check_irregular(message, octets(wrong_type), "another type than the one declared")


def test_what_follows_a_failed_component() -> None:
    """After a failure every answer is the Default Response FAILURE to any command."""
    message = example("GCS05", RESPONSE, Fault={"item": "SetOverallDebtCap", "status": "FAILURE"})
    assert gbcs.decode(message).values["Fault"]["item"] == "SetOverallDebtCap"
    right, gbz = (parse_gbz(one.payload, one.cra, one.code) for one in (example("GCS05", RESPONSE), message))
    assert isinstance(gbz, Components)
    assert isinstance(right, Components)
    head, failed, third, *rest = gbz.components
    executed = Components((head, failed, right.components[2], *rest)).octets()
    check_irregular(message, executed, "a component after the failed one was executed")
    assert third.body == default(ANY_COMMAND, FAILURE)
    nothing_failed = Components((head, failed._replace(body=third.body), third, *rest)).octets()
    check_irregular(message, nothing_failed, "a Default Response to another command")
    unknown = Components((head, failed, third._replace(body=default(0x7E, 0)), *rest)).octets()
    check_irregular(message, unknown, "answer no template")


def test_reads_that_are_executed_after_a_failure() -> None:
    """An answer with attributes after a failed component."""
    message = example("GCS21e", RESPONSE, Fault={"item": "ReadAttributes.Basic", "status": "FAILURE"})
    right, gbz = (parse_gbz(one.payload, one.cra, one.code) for one in (example("GCS21e", RESPONSE), message))
    assert isinstance(gbz, Components)
    assert isinstance(right, Components)
    octets = Components((gbz.components[0], *right.components[1:])).octets()
    check_irregular(message, octets, "a component after the failed one was executed")


def test_success_is_no_answer_to_a_question() -> None:
    message = example("GCS32", RESPONSE)
    gbz = parse_gbz(message.payload, message.cra, message.code)
    asked = parse_gbz(example("GCS32", COMMAND).payload, Cra.COMMAND, message.code)
    assert isinstance(gbz, Components)
    assert isinstance(asked, Components)
    number = asked.components[0].command
    for status, reason in ((0, "success without the answer"), (0x8B, None)):
        control = example_of_default(message)
        component = Component(
            gbz.components[0].cluster, control, 0, DEFAULT_RESPONSE, default(number, status)
        )
        octets = Components((component,)).octets()
        if reason is not None:
            check_irregular(message, octets, reason)
        else:  # not found: nothing to tell, which is no failure
            decoded = gbcs.decode(replace(message, payload=octets).encoded())
            assert decoded.values == {"SupplyStatusResponse": {"status": 0x8B}}


def example_of_default(message: Message) -> int:
    """The frame control of a refusal of this use case."""
    failed = example("GCS32", RESPONSE, Fault={"item": "ChangeSupply", "status": "FAILURE"})
    gbz = parse_gbz(failed.payload, message.cra, message.code)
    assert isinstance(gbz, Components)
    return gbz.components[0].frame_control


def test_a_billing_alert_of_another_component() -> None:
    message = example("GCS53", ALERT)
    gbz = parse_gbz(message.payload, message.cra, message.code)
    assert isinstance(gbz, Alert)
    component = gbz.content
    assert isinstance(component, Component)
    assert isinstance(component.body, Sealed)
    keys = Keys(make.store())

    def octets(**changes: Any) -> bytes:
        return replace(gbz, content=component._replace(**changes)).octets()

    assert octets() == message.payload
    reason = "another component than that of this alert"
    check_irregular(message, octets(sequence=1), reason)
    check_irregular(message, octets(command=0x07), reason)
    check_irregular(message, octets(body=component.body._replace(frame_counter=1)), reason)
    for plaintext, why in ((b"", ""), (b"\x00", "")):
        sealed = keys.seal(message, plaintext)
        body = Sealed(0, sealed[:5], sealed[5:-12], sealed[-12:])
        check_irregular(message, octets(body=body), why)


# -- headers ------------------------------------------------------------------------------------


def check_header(message: Message, reason: str) -> None:
    decoded = gbcs.decode(message)
    assert decoded.irregular is not None
    assert reason in decoded.irregular
    assert gbcs.build_from(decoded.to_json()).octets == message.octets


def test_headers_that_building_by_name_would_not_give() -> None:
    answer = example("ECS52", RESPONSE)
    dated = example("ECS17a", RESPONSE)
    check_header(replace(answer, other=OtherInformation(0x0FFF)).encoded(), "not known")
    check_header(replace(answer, cra=Cra.ALERT).encoded(), "ECS52 has no alert")
    check_header(replace(answer, date_time=dated.date_time).encoded(), "has none date-time")
    check_header(replace(dated, date_time=None).encoded(), "needs a date-time")
    check_header(replace(answer, length_forms=(("content", 3),)).encoded(), "longer than it need be")


def test_an_unknown_use_case_has_no_family() -> None:
    """Neither reading nor building nor the fields know what it may hold."""
    assert family_of(0x0FFF, COMMAND) is Payload.NONE
    place = Place(Message(Cra.COMMAND, 1, make.SUPPLIER, make.METER, OtherInformation(0x0FFF), b""))
    with pytest.raises(Irregular, match="the use case is not known"):
        read_values(place)
    for family, reason in (
        (Payload.NONE, "has no payload"),
        (Payload.DLMS, "no DLMS command"),
        (Payload.GBZ, "no GBZ command"),
        (Payload.ASN1, "no ASN.1 "),
    ):
        with pytest.raises(BuildError, match=reason):
            payload_of(place, {}, family)
    alert = Place(replace(place.message, cra=Cra.ALERT))
    answer = Place(replace(place.message, cra=Cra.RESPONSE))
    for other in (alert, answer):
        for family in (Payload.DLMS, Payload.GBZ):
            with pytest.raises(BuildError, match="0FFF"):
                payload_of(other, {}, family)


def test_describing_what_a_use_case_has_not() -> None:
    with pytest.raises(BuildError, match="ECS38 has no alert"):
        describe(by_name("ECS38"), ALERT)
    with pytest.raises(BuildError, match="PECS01 has no command"):
        describe(by_name("PECS01"), COMMAND)
    with pytest.raises(BuildError, match="ECS47 has no variant set 9"):
        describe(by_name("ECS47"), COMMAND, "set 9")
    for generic in ("1000", "1001"):
        names = [field.name for field in describe(by_name(generic), ALERT)]
        assert names == ["AlertCode", "Time"]


def test_reads_of_several_logs_have_one_period() -> None:
    """Two periods in one command are no value of its own."""
    names = {row.code: row for row in table() if Kind.COMMAND in row.kinds and row.payload is Payload.DLMS}
    checked = 0
    for row in names.values():
        message = built(f"{row.code:04X}", COMMAND, values_of(f"{row.code:04X}", COMMAND))
        apdu = parse_apdu(message.payload)
        assert isinstance(apdu, AccessRequest)
        selected = [index for index, item in enumerate(apdu.items) if item.selection is not None]
        if len(selected) < 2:
            continue
        checked += 1
        selection = apdu.items[selected[1]].selection
        assert selection is not None
        bounds = [Data(int(Tag.DOUBLE_LONG_UNSIGNED), number) for number in (5, 6)]
        other = structure(selection.value[0], *bounds, selection.value[3])
        message = Keys(make.store()).protect(message)
        octets = replace(apdu, items=at(selected[1], selection=other)(apdu.items)).octets()
        check_irregular(message, octets, "the periods differ")
    assert checked
