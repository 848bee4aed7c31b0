"""What explanations find in messages whose payload was changed item by item, component by component."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gbcs.dlms.apdu import AccessRequest, AccessResponse, parse_apdu
from gbcs.dlms.axdr import NULL, Data, Tag, number, octet_string, structure
from gbcs.explain import explain
from gbcs.ids import Cra, Kind
from gbcs.message import Message, OtherInformation
from gbcs.zcl.gbz import Component, Components, Sealed, parse_gbz
from gbcs.zcl.types import BY_NAME, ENTRY, LIST, Node
from tests.gbcs.test_build_refusals import ALERT, COMMAND, RESPONSE, built, values_of
from tests.gbcs.test_explain import assert_covered
from tests.gbcs.test_irregular import at, default
from tests.vectors import make

FOREIGN = structure(number(Tag.UNSIGNED, 1))
Edit = Callable[[Any], Any]


def found(message: Message) -> list[tuple[str, str, str | None]]:
    """Check, path and what is expected, of everything found."""
    octets = message.encoded().octets
    explained = explain(octets)
    assert_covered(explained.spans, len(octets))
    assert all(finding.reason and finding.rule.document for finding in explained.findings)
    return [(finding.check, finding.path, finding.expected) for finding in explained.findings]


def dlms(name: str, kind: Kind, edit: Edit, **values: Any) -> Message:
    """A message whose items were edited."""
    message = built(name, kind, {**values_of(name, kind), **values})
    apdu = parse_apdu(message.payload)
    assert isinstance(apdu, AccessRequest | AccessResponse)
    return replace(message, payload=replace(apdu, items=edit(apdu.items)).octets())


def gbz(name: str, kind: Kind, edit: Edit, **values: Any) -> Message:
    """A message whose components were edited."""
    message = built(name, kind, {**values_of(name, kind), **values})
    components = parse_gbz(message.payload, message.cra, message.code)
    assert isinstance(components, Components)
    return replace(message, payload=Components(edit(components.components)).octets())


def selection(first: int, last: int) -> Edit:
    """The range of a selective read as two numbers."""

    def edit(items: Any) -> Any:
        old = items[0].selection
        bounds = [Data(int(Tag.DOUBLE_LONG_UNSIGNED), value) for value in (first, last)]
        return at(0, selection=structure(old.value[0], *bounds, *old.value[3:]))(items)

    return edit


SEALED = Sealed(0, b"\x31" + bytes(4), b"octets", bytes(12))
ITEM = "payload.items"
COMPONENT = "payload.components"

DLMS: list[tuple[str, Kind, Edit, str, str, str | None]] = [
    ("ECS02", COMMAND, lambda items: items[:2], "template", "payload.data", "set 111/0-1:19.0.0.255/13"),
    ("ECS52", COMMAND, lambda items: (*items, *items), "template", f"{ITEM}[1].choice", "nothing"),
    ("ECS52", RESPONSE, lambda items: (*items, *items), "template", f"{ITEM}[1].choice", "nothing"),
    ("ECS02", RESPONSE, lambda items: items[:2], "template", "payload.data", "03"),
    ("ECS57", COMMAND, lambda items: (*items, *items), "template", f"{ITEM}[1].logical_name", None),
    ("ECS38", RESPONSE, at(0, data=FOREIGN), "results", f"{ITEM}[0].data", "00"),
    ("ECS52", RESPONSE, at(0, data=NULL), "results", f"{ITEM}[0].data", None),
    ("ECS52", RESPONSE, at(0, result=3), "results", f"{ITEM}[0].data", "00"),
    ("ECS35a", COMMAND, selection(9, 3), "selection", f"{ITEM}[0].selection.to_value", None),
    ("ECS35a", COMMAND, at(0, selection=FOREIGN), "selection", f"{ITEM}[0].selection", None),
    ("ECS38", COMMAND, at(0, data=octet_string(b"12")), "type", f"{ITEM}[0].data", "12"),
]


@pytest.mark.parametrize(("name", "kind", "edit", "check", "path", "expected"), DLMS)
def test_items(name: str, kind: Kind, edit: Edit, check: str, path: str, expected: str | None) -> None:
    assert check not in [f[0] for f in found(dlms(name, kind, lambda items: items))]
    findings = [f for f in found(dlms(name, kind, edit)) if f[0] == check]
    assert findings
    assert findings[0][1].startswith(path)
    assert expected is None or findings[0][2] == expected


_UINT8 = BY_NAME["uint8"].id

GBZ: list[tuple[str, Kind, Edit, str, str, str | None]] = [
    ("GCS32", COMMAND, at(0, body=SEALED), "encryption", f"{COMPONENT}[0].control", None),
    ("GCS32", RESPONSE, at(0, from_date_time=7), "from date time", f"{COMPONENT}[0].control", None),
    ("GCS05", COMMAND, lambda found: found[:2], "template", COMPONENT, None),
    ("GCS05", COMMAND, lambda found: (found[1], found[0], *found[2:]), "template", f"{COMPONENT}[0]", None),
    ("GCS05", RESPONSE, lambda found: found[:2], "template", COMPONENT, None),
    ("GCS15d", COMMAND, at(0, from_date_time=None), "template", f"{COMPONENT}[0].control",
     "0705 GetDebtRepaymentLog, with a From Date Time"),
    ("GCS13a", RESPONSE, at(0, body=(Node(LIST, ()),)), "template", f"{COMPONENT}[0].control", None),
    ("GCS33", COMMAND, at(0, body=(Node(LIST, ()),)), "template", f"{COMPONENT}[0].control", None),
    ("GCS20", COMMAND, lambda found: (found[0]._replace(command=0x7F),), "template", f"{COMPONENT}[0]", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "edit", "check", "path", "expected"), GBZ)
def test_components(name: str, kind: Kind, edit: Edit, check: str, path: str, expected: str | None) -> None:
    assert check not in [f[0] for f in found(gbz(name, kind, lambda components: components))]
    findings = [f for f in found(gbz(name, kind, edit)) if f[0] == check]
    assert findings
    assert findings[0][1].startswith(path)
    assert expected is None or findings[0][2] == expected


def test_what_is_answered_after_a_failure() -> None:
    """Once a component failed, attributes, encrypted answers and successes are out of place."""
    failed = {"item": "ReadAttributes.Basic", "status": "FAILURE"}
    right = gbz("GCS21e", RESPONSE, lambda components: components)
    good = parse_gbz(right.payload, Cra.RESPONSE, right.code)
    assert isinstance(good, Components)
    assert "failures" not in [f[0] for f in found(gbz("GCS21e", RESPONSE, lambda c: c, Fault=failed))]
    for body in (None, SEALED, default(0, 0), default(0xFF, 2)):

        def edit(components: Any, body: Any = body) -> Any:
            second = good.components[1] if body is None else components[1]._replace(body=body)
            return (components[0], second, *components[2:])

        findings = found(gbz("GCS21e", RESPONSE, edit, Fault=failed))
        assert ("failures", f"{COMPONENT}[1].command", "Default Response FF 01") in findings


def test_an_attribute_that_failed_is_a_failure() -> None:
    def edit(components: Any) -> Any:
        first: Component = components[0]
        assert not isinstance(first.body, Sealed)
        number_, _, *_ = first.body[0].value[0].value
        entry = Node(ENTRY, (number_, Node(BY_NAME["enum8"].id, 0x86)))
        entries = Node(LIST, (entry, *first.body[0].value[1:]))
        return (first._replace(body=(entries,)), *components[1:])

    findings = found(gbz("GCS21e", RESPONSE, edit))
    assert ("failures", f"{COMPONENT}[1].command", "Default Response FF 01") in findings


# -- headers ------------------------------------------------------------------------------------

OTHERS: list[tuple[str, Kind, dict[str, Any], str, str | None]] = [
    ("ECS52", RESPONSE, {"party_counter": 7, "certificate": make.pki()[1][1].der},
     "header.supplementary.certificate", None),
    ("ECS52", COMMAND, {"party_counter": 7, "originator_counter": 8},
     "header.supplementary.originator_counter", None),
    ("ECS52", RESPONSE, {}, "header.other_information", "02 or 12"),
    ("ECS80", ALERT, {"party_counter": 7}, "header.other_information", "02"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "fields", "path", "expected"), OTHERS)
def test_supplementary_fields_where_none_belong(
    name: str, kind: Kind, fields: dict[str, Any], path: str, expected: str | None
) -> None:
    message = built(name, kind, values_of(name, kind))
    other = OtherInformation(message.code, make.UNKNOWN, **fields)
    assert ("supplementary", path, expected) in found(replace(message, other=other))
    assert "supplementary" not in [f[0] for f in found(message)]


CELL = "authorisingRemotePartyTACellIdentifier"


@pytest.mark.parametrize(("usage", "right"), [("digitalSignature", "08"), ("keyAgreement", None)])
def test_the_authorising_cell_says_how_a_command_is_protected(usage: str, right: str | None) -> None:
    values = values_of("CS02a", COMMAND)
    values[CELL] = {"trustAnchorCellRemotePartyRole": "supplier", "trustAnchorCellKeyUsage": usage}
    message = built("CS02a", COMMAND, values).maced(lambda _: bytes(12))
    findings = [f for f in found(message) if f[0] == "authorising cell"]
    path = f"payload.{CELL}.trustAnchorCellKeyUsage"
    assert findings == ([("authorising cell", path, right)] if right else [])


@pytest.mark.parametrize("both", [True, False])
def test_what_may_choose_has_one_of_both(both: bool) -> None:
    message = built("CS02a", RESPONSE, values_of("CS02a", RESPONSE))
    if both:
        message = message.signed(lambda _: bytes(64)).maced(lambda _: bytes(12))
    else:
        message = replace(message, has_signature_length=True)
    assert ("signature presence", "signature", "00" if both else "40") in found(message)


DETAILS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"remotePartyRole": "supplier", "statusCode": "success"}, "payload[0].statusCode", None),
    (
        {"remotePartyRole": "supplier", "statusCode": "other", "currentSeqNumber": "07"},
        "payload[0].currentSeqNumber",
        "nothing",
    ),
]


@pytest.mark.parametrize(("details", "path", "expected"), DETAILS)
def test_the_outcome_of_a_role(details: dict[str, Any], path: str, expected: str | None) -> None:
    message = built("CS02a", RESPONSE, {"remotePartyDetails": [details]})
    assert ("outcome", path, expected) in found(message)


# -- A-XDR octet by octet -----------------------------------------------------------------------


def raw(name: str, kind: Kind, data: str) -> Message:
    """A message of one item whose datum is these octets, sound or not."""
    message = built(name, kind, values_of(name, kind))
    octets = bytes.fromhex(data)
    if kind is COMMAND:
        apdu = parse_apdu(message.payload)
        assert isinstance(apdu, AccessRequest)
        head = replace(apdu, items=at(0, data=NULL)(apdu.items)).octets()[:-1]
        return replace(message, payload=head + octets)
    head, end = message.payload[:8], message.payload[-3:]  # invoke id, no date-time, one datum; its result
    return replace(message, payload=head + octets + end)


LOG = "13 02 03 06 12 09"  # a log of events: time, code, other information
DEEP = "0201" * 17

# use case, kind, octets of the datum, check, how the path goes on, what is expected
RAW: list[tuple[str, Kind, str, str, str, str | None]] = [
    ("ECS38", COMMAND, DEEP + "00", "depth", "", None),
    ("ECS38", COMMAND, "04 20 FFFF", "length", "", None),
    ("ECS38", COMMAND, "04 03 FF", "padding", "", "E0"),
    ("ECS38", COMMAND, "02 7F 00", "count", "", None),
    ("ECS38", COMMAND, "13 00 00", "tag", ".of", None),
    ("ECS38", COMMAND, "13 02 7F 11", "count", ".of", None),
    ("ECS38", COMMAND, "13 02 8101 11 00", "length form", ".of", "01"),
    ("ECS38", COMMAND, "13 02 00 00", "count", ".of", None),
    ("ECS38", COMMAND, "13 01 0000 11 00", "count", ".of", None),
    ("ECS38", COMMAND, "13" + "01 0001" * 18 + "11 00", "depth", ".of", None),
    ("ECS38", COMMAND, "13 11 05 01", "length", "", "01"),
    ("ECS38", COMMAND, "13", "cut short", "", None),
    ("ECS35a", RESPONSE, f"{LOG} 00", "", "", None),
    ("ECS35a", RESPONSE, f"{LOG} 08 00000001 8001 01 AA", "", "", None),
    ("ECS35a", RESPONSE, "13 02 02 06 12 06 00000001 8001", "type", ".of", None),
    ("ECS35a", RESPONSE, "13 11 01 05", "type", ".of", None),
    ("ECS35a", RESPONSE, f"{LOG} 8202C3 " + "00000001 8001 00" * 101, "size", "", None),
    ("ECS20d", RESPONSE, "13 02 02 06 05 30" + "00000001 00000001" * 6, "size", "", None),
]


@pytest.mark.parametrize(("name", "kind", "data", "check", "path", "expected"), RAW)
def test_data(name: str, kind: Kind, data: str, check: str, path: str, expected: str | None) -> None:
    findings = found(raw(name, kind, data))
    if not check:
        assert [finding for finding in findings if finding[0] != "MAC presence"] == []
        return
    mine = [finding for finding in findings if finding[0] == check]
    assert mine, findings
    assert mine[0][1].startswith(f"payload.items[0].data{path}")
    assert expected is None or mine[0][2] == expected


def test_an_integrity_warning_says_what_broke() -> None:
    for name in ("00F0", "00F2"):
        message = built(name, ALERT, {**values_of(name, ALERT), "Reason": "watchdog"})
        spans = explain(message.octets).spans
        assert any("watchdog" in span.value for span in spans)
