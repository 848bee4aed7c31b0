"""What building by name refuses: each fault with the path of the value that is wrong and the reason.

A row takes the examples of a use case, which build, and spoils one thing.
"""

from __future__ import annotations

from typing import Any

import pytest

import gbcs
from gbcs.building import build, build_again, build_from
from gbcs.errors import BuildError
from gbcs.ids import EntityId, Kind
from gbcs.message import MAX_MESSAGE, Message, OtherInformation
from gbcs.named.describe import OUTCOME, describe
from gbcs.named.parts import example_values
from gbcs.protect import Keys
from gbcs.usecases import by_name
from tests.vectors import make

DATE_TIME = "2026-01-01T00:00:00Z"
OUT = object()  # leaves a value out


def values_of(name: str, kind: Kind, variant: str = "") -> dict[str, Any]:
    """Values of a use case that build."""
    parts = describe(by_name(name), kind, variant)
    return example_values([part for part in parts if part.name not in OUTCOME])


def built(name: str, kind: Kind, values: dict[str, Any], **header: Any) -> Message:
    """The message between the parties of the vectors."""
    parties = {"originator": make.SUPPLIER, "recipient": make.METER}
    if kind in (Kind.RESPONSE, Kind.ALERT):
        parties = {"originator": make.METER, "recipient": make.SUPPLIER}
    if kind is Kind.RESPONSE and by_name(name).response_has_date_time:
        header.setdefault("date_time", DATE_TIME)
    header = {"counter": 1001, "keys": Keys(make.store()), **parties, **header}
    return build(name, kind=kind, legacy=True, assumptions=list(gbcs.Assumption), **header, **values)


def spoilt(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Values with changes; a path with dots leads into objects, OUT leaves out."""
    done = dict(values)
    for path, value in changes.items():
        name, _, rest = path.partition("/")
        if rest:
            done[name] = spoilt(done[name], {rest: value})
        elif value is OUT:
            del done[name]
        else:
            done[name] = value
    return done


COMMAND, RESPONSE, ALERT = Kind.COMMAND, Kind.RESPONSE, Kind.ALERT
UNDELIVERED = "Undelivered"

# use case, kind, changes to the example, path of the fault, part of the reason
DLMS: list[tuple[str, Kind, dict[str, Any], str, str]] = [
    ("ECS38", COMMAND, {"RandomisedOffsetLimit": OUT}, "RandomisedOffsetLimit", "missing"),
    ("ECS38", COMMAND, {"RandomisedOffsetLimit": True}, "RandomisedOffsetLimit", "a number is needed"),
    ("ECS38", COMMAND, {"RandomisedOffsetLimit": -1}, "RandomisedOffsetLimit", "outside"),
    ("ECS38", COMMAND, {"Variant": "single"}, "Variant", "'single' is none of no variants"),
    ("ECS38", COMMAND, {"ActivationTime": "now"}, "ActivationTime", "no such value"),
    ("ECS47", COMMAND, {"Variant": "set 9"}, "Variant", "'set 9' is none of set 1"),
    ("ECS47", COMMAND, {"Variant": OUT, "AuxiliaryController1.SettingPeriodStart": OUT}, "Variant",
     "one of set 1, reset 1"),
    ("ECS57", COMMAND, {"MaximumDemandActivePowerImport.reset": OUT}, "values", "at least one of"),
    ("ECS57", COMMAND, {"MaximumDemandActivePowerImport.reset": False}, "values", "at least one of"),
    ("ECS57", COMMAND, {"MaximumDemandActivePowerImport.reset": 1},
     "MaximumDemandActivePowerImport.reset", "true is needed"),
    ("ECS01d", COMMAND, {"ActivationTime": OUT}, "ActivationTime", "missing"),
    ("ECS01d", COMMAND, {"ActivationTime": "soon"}, "SecondaryTariffPriceMatrix.ActivationTime",
     "no date-time"),
    ("ECS17b", COMMAND, {"Period": {}}, "Period", "no such value"),
    ("ECS35a", COMMAND, {"Period": {"Since": 1}}, "Period", "an object of From and To"),
    ("ECS35a", COMMAND, {"Period": [1, 2]}, "Period", "an object of From and To"),
    ("ECS35a", COMMAND, {"Period": {"From": "soon"}}, "Period.From", "not a date and time"),
    ("ECS35a", COMMAND, {"Period": {"To": None}}, "Period.To", "a number is needed"),
    ("ECS21a", COMMAND, {"Period": {"From": "soon"}}, "Period.From", "no date-time"),
    ("ECS21a", COMMAND, {"Period": {"To": 5}}, "Period.To", "octets are needed"),
    ("ECS16", COMMAND, {"ContactDetails.Name": 7}, "ContactDetails.Name", "octets are needed"),
    ("ECS12", COMMAND, {"RestrictDataDateTime": 7}, "RestrictDataDateTime", "octets are needed"),
    ("ECS07", COMMAND, {"DebtRecoveryRates1": 5}, "DebtRecoveryRates1", "an object of"),
    ("ECS07", COMMAND, {"DebtRecoveryRates1": (1,)}, "DebtRecoveryRates1", "elements are needed, 1 given"),
    ("ECS08", COMMAND, {"NonDisablementCalendar.SpecialDays": 5}, "NonDisablementCalendar.SpecialDays",
     "a list is needed"),
    ("ECS08", COMMAND, {"NonDisablementCalendar.SpecialDays": [{"day": 1}]},
     "NonDisablementCalendar.SpecialDays[0]", "nothing called 'day'"),
    ("ECS08", COMMAND, {"NonDisablementCalendar.SpecialDays": [{}]},
     "NonDisablementCalendar.SpecialDays[0].index", "missing"),
    ("ECS52", RESPONSE, {"FirmwareVersion": OUT}, "FirmwareVersion", "missing"),
    ("ECS52", RESPONSE, {"FirmwareVersion": 5}, "FirmwareVersion", "octets are needed"),
    ("ECS52", RESPONSE, {"Items": 2}, "Items", "a number from 1 to 1"),
    ("ECS52", RESPONSE, {"Items": True}, "Items", "a number from 1 to 1"),
    ("ECS52", RESPONSE, {"Items": 0}, "Items", "a number from 1 to 1"),
    ("ECS52", RESPONSE, {"Fault": "broken"}, "Fault", "an object of item and result"),
    ("ECS52", RESPONSE, {"Fault": {"item": 1}}, "Fault", "an object of item and result"),
    ("ECS52", RESPONSE, {"Fault": {"item": 2, "result": 1}}, "Fault.item", "2 is no item"),
    ("ECS52", RESPONSE, {"Fault": {"item": "Nothing", "result": 1}}, "Fault.item", "is no item"),
    ("ECS52", RESPONSE, {"Fault": {"item": 1, "result": "odd"}}, "Fault.result", "is none of"),
    ("ECS52", RESPONSE, {"Fault": {"item": 1, "result": 0}}, "Fault.result", "a result from 1 to 255"),
    ("ECS52", RESPONSE, {"Fault": {"item": 1, "result": 256}}, "Fault.result", "a result from 1 to 255"),
    ("ECS17b", RESPONSE, {"Protected": 5}, "Protected", "hex digits are needed"),
    ("ECS17b", RESPONSE, {"Protected": "xyz"}, "Protected", "hex digits are needed"),
    ("CS14", ALERT, {"AlertCode": OUT}, "AlertCode", "missing"),
    ("CS14", ALERT, {"AlertCode": "alarm"}, "AlertCode", "four hex digits"),
    ("CS14", ALERT, {"Header": "3019"}, "Header", "only 3019"),
    ("00D5", ALERT, {"Header": "0919"}, "Header", "only 3019"),
    ("00D5", ALERT, {"Undelivered/cra": "message"}, "Undelivered", ""),
    ("ECS68", ALERT, {"Time": OUT}, "Time", "missing"),
    ("ECS68", ALERT, {"Nothing": 1}, "Nothing", "no such value"),
]  # fmt: skip
GBZ: list[tuple[str, Kind, dict[str, Any], str, str]] = [
    ("GCS32", COMMAND, {"ChangeSupply": OUT}, "ChangeSupply", "missing"),
    ("GCS32", COMMAND, {"ChangeSupply": 5}, "ChangeSupply", "an object is needed"),
    ("GCS32", COMMAND, {"ChangeSupply/ProviderId": OUT}, "ChangeSupply.ProviderId", "missing"),
    ("GCS32", COMMAND, {"ChangeSupply/Nothing": 1}, "ChangeSupply.Nothing", "no such field"),
    ("GCS32", COMMAND, {"ChangeSupply/ProviderId": 2**32}, "ChangeSupply.ProviderId", "goes from 0 to"),
    ("GCS32", COMMAND, {"ChangeSupply/ProviderId": "x"}, "ChangeSupply.ProviderId", "a number is needed"),
    ("GCS04", COMMAND, {"ChangeDebt": {}}, "ChangeDebt", "a list is needed"),
    ("GCS04", COMMAND, {"ChangeDebt": []}, "ChangeDebt", "3 are needed, 0 given"),
    ("GCS04", COMMAND, {"ChangeDebt": [{}]}, "ChangeDebt[0].IssuerEventId", "missing"),
    ("GCS04", COMMAND, {"ChangeDebt": [5, 5, 5]}, "ChangeDebt[0]", "an object is needed"),
    ("GCS20", COMMAND, {"SetEventConfiguration": []}, "SetEventConfiguration", "1 to 255 are needed"),
    ("GCS15d", COMMAND, {"GetDebtRepaymentLog": {}}, "GetDebtRepaymentLog.", "missing"),
    ("GCS15d", COMMAND, {"GetDebtRepaymentLog": 5}, "GetDebtRepaymentLog.", "missing"),
    ("GCS33", RESPONSE, {"Components": 5}, "Components", "an object of numbers"),
    ("GCS33", RESPONSE, {"Components": {"Nothing": 1}}, "Components.Nothing", "no such component"),
    ("GCS20", RESPONSE, {"Components": {"SetEventConfiguration": 0}},
     "Components.SetEventConfiguration", "a number from 1 to 255"),
    ("GCS20", RESPONSE, {"Components": {"SetEventConfiguration": True}},
     "Components.SetEventConfiguration", "a number from 1 to 255"),
    ("GCS32", RESPONSE, {"Fault": 1}, "Fault", "an object of item and status"),
    ("GCS32", RESPONSE, {"Fault": {"item": "ChangeSupply", "status": 0}}, "Fault.status", "other than"),
    ("GCS32", RESPONSE, {"Fault": {"item": "ChangeSupply", "status": "odd"}}, "Fault.status", "is none of"),
    ("GCS32", RESPONSE, {"Fault": {"item": "ChangeSupply", "status": 256}}, "Fault.status", "0 to 255"),
    ("GCS32", RESPONSE, {"Fault": {"item": "Nothing", "status": 1}}, "Fault.item", "is no component"),
    ("GCS32", RESPONSE, {"SupplyStatusResponse": OUT}, "SupplyStatusResponse", "missing"),
    ("GCS32", RESPONSE, {"SupplyStatusResponse": {"status": -1}}, "SupplyStatusResponse.status", "0 to 255"),
    ("GCS15c", RESPONSE, {"PublishSnapshot": {}}, "PublishSnapshot", "a list of at least 1"),
    ("GCS15c", RESPONSE, {"PublishSnapshot": []}, "PublishSnapshot", "a list of at least 1"),
    ("GCS21f", RESPONSE, {"PublishDayProfile": {}}, "PublishDayProfile", "a list of 1 to 4"),
    ("GCS21f", RESPONSE, {"PublishDayProfile": []}, "PublishDayProfile", "a list of 1 to 4"),
    ("GCS17", RESPONSE, {"GetSampledDataResponse": {"Protected": "xyz"}}, "GetSampledDataResponse",
     "hex digits are needed"),
    ("GCS17", RESPONSE, {"GetSampledDataResponse": {"Protected": "00" * 16}}, "GetSampledDataResponse",
     "too short"),
    ("GCS53", ALERT, {"PublishSnapshot": OUT}, "PublishSnapshot", "missing"),
    ("GCS53", ALERT, {"PublishSnapshot": OUT, "Protected": 5}, "Protected", "hex digits are needed"),
    ("GCS53", ALERT, {"AlertCode": 0x10000}, "AlertCode", "a number from 0 to FFFF"),
    ("GCS53", ALERT, {"AlertCode": "alarm"}, "AlertCode", "hex digits or a number"),
    ("GCS53", ALERT, {"Time": OUT}, "Time", "missing"),
    ("GCS53", ALERT, {"Time": -1}, "Time", "goes from 0"),
    ("00CD", ALERT, {"Executed": OUT}, "Executed", "missing"),
    ("00CD", ALERT, {"Executed": 5}, "Executed", "an object of MessageCode"),
    ("00CD", ALERT, {"Executed/Command": OUT}, "Executed", "an object of MessageCode"),
    ("00CD", ALERT, {"Executed/Command": 256}, "Executed.Command", "a number from 0 to FF"),
    ("00CD", ALERT, {"Executed/Cluster": "x"}, "Executed.Cluster", "hex digits or a number"),
    ("00CF", ALERT, {"ManufacturerImageHash": "00"}, "ManufacturerImageHash", "32 octets are needed"),
    ("00F2", ALERT, {"Reason": "bad luck"}, "Reason", "is none of"),
    ("00F2", ALERT, {"Nothing": 1}, "Nothing", "no such value"),
]  # fmt: skip
CELL = "authorisingRemotePartyTACellIdentifier"
ASN1: list[tuple[str, Kind, dict[str, Any], str, str]] = [
    ("CS02d", COMMAND, {"certificate": OUT}, "certificate", "missing"),
    ("CS02d", COMMAND, {"certificate": "3005"}, "certificate", ""),
    ("CS02d", COMMAND, {"Lengths": "wide"}, "Lengths", "minimal is needed"),
    ("CS02d", COMMAND, {"Nothing": 1}, "Nothing", "no such value"),
    ("CS02a", COMMAND, {"remotePartyRolesCredentialsRequired": 5}, "remotePartyRolesCredentialsRequired", ""),
    ("CS02a", COMMAND, {f"{CELL}/trustAnchorCellRemotePartyRole": "nobody"},
     f"{CELL}.trustAnchorCellRemotePartyRole", "is none of"),
    ("CS02a", COMMAND, {f"{CELL}/trustAnchorCellKeyUsage": "opening"}, f"{CELL}.trustAnchorCellKeyUsage", ""),
    ("CS02a", COMMAND, {CELL: OUT}, CELL, "missing"),
    ("CS02a", RESPONSE, {"remotePartyDetails": 7}, "remotePartyDetails", ""),
    ("CS02c", COMMAND, {"Nothing": 1}, "Nothing", "no such value"),
    ("CS03A1", COMMAND, {"Nothing": 1}, "Nothing", "no such value"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "changes", "path", "reason"), [*DLMS, *GBZ, *ASN1])
def test_a_wrong_value_is_named(
    name: str, kind: Kind, changes: dict[str, Any], path: str, reason: str
) -> None:
    right = values_of(name, kind)
    assert built(name, kind, right).octets
    with pytest.raises(BuildError) as caught:
        built(name, kind, spoilt(right, changes))
    assert caught.value.path.startswith(path)
    assert reason in str(caught.value)


# arguments of `build` for ECS38, path of the fault, part of the reason
HEADERS: list[tuple[dict[str, Any], str, str]] = [
    ({"counter": -1}, "counter", "a number of 64 bits"),
    ({"counter": 2**64}, "counter", "a number of 64 bits"),
    ({"counter": True}, "counter", "a number of 64 bits"),
    ({"counter": "1001"}, "counter", "a number of 64 bits"),
    ({"originator": "90B3"}, "originator", "8 octets"),
    ({"recipient": bytes(7)}, "recipient", "8 octets"),
    ({"kind": "letter"}, "kind", "no kind is called 'letter'"),
    ({"kind": Kind.ALERT}, "kind", "ECS38 has precommand, command, response"),
    ({"date_time": DATE_TIME}, "date_time", "a command of ECS38 has none"),
    ({"supplementary": OtherInformation(0x0059)}, "supplementary", "is of the Message Code 0059"),
    ({"assumptions": ["good-weather"]}, "assumptions", "good-weather"),
]


@pytest.mark.parametrize(("changes", "path", "reason"), HEADERS)
def test_a_wrong_header_is_named(changes: dict[str, Any], path: str, reason: str) -> None:
    right: dict[str, Any] = {"originator": make.SUPPLIER, "recipient": make.METER, "counter": 1001}
    assert build("ECS38", **right, RandomisedOffsetLimit=600).octets
    with pytest.raises(BuildError) as caught:
        build("ECS38", **{**right, **changes}, RandomisedOffsetLimit=600)
    assert caught.value.path == path
    assert reason in str(caught.value)


@pytest.mark.parametrize("counter", [0, 2**64 - 1])
def test_counters_of_64_bits_are_taken(counter: int) -> None:
    assert built("ECS38", COMMAND, {"RandomisedOffsetLimit": 600}, counter=counter).counter == counter


def test_parties_may_be_octets_or_texts() -> None:
    forms: tuple[tuple[EntityId | bytes | str, ...], ...] = (
        (make.SUPPLIER, make.METER),
        (bytes(make.SUPPLIER), bytes(make.METER)),
        (str(make.SUPPLIER), str(make.METER)),
    )
    octets = {
        build("ECS38", originator=one, recipient=other, counter=1001, RandomisedOffsetLimit=1).octets
        for one, other in forms
    }
    assert len(octets) == 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [(None, "a response of ECS17a has one"), ("soon", "no date-time"), (5, "octets are needed")],
)
def test_the_date_time_of_a_response(given: Any, reason: str) -> None:
    values = values_of("ECS17a", RESPONSE)
    assert built("ECS17a", RESPONSE, values).date_time is not None
    with pytest.raises(BuildError) as caught:
        built("ECS17a", RESPONSE, values, date_time=given)
    assert caught.value.path == "date_time"
    assert reason in str(caught.value)


@pytest.mark.parametrize("family", [None, "ASN1", "unheard-of"])
def test_generic_alerts_need_the_family_of_their_device(family: str | None) -> None:
    given = {"AlertCode": "8F66", "Time": DATE_TIME}
    assert built("1000", ALERT, given, family="DLMS").payload[:1] == b"\x0f"
    assert built("1000", ALERT, given, family="GBZ").payload[:1] != b"\x0f"
    with pytest.raises(BuildError, match="needs the family of its device") as caught:
        built("1000", ALERT, given, family=family)
    assert caught.value.path == "family"


def test_what_has_no_message_and_what_has_to_be_asked_for() -> None:
    header: dict[str, Any] = {"originator": make.SUPPLIER, "recipient": make.METER, "counter": 1}
    with pytest.raises(BuildError, match="PECS01 has no message"):
        build("PECS01", **header)
    with pytest.raises(BuildError, match="ECS30 is superseded"):
        build("ECS30", **header, BillingCalendar=values_of("ECS30", COMMAND)["BillingCalendar"])
    with pytest.raises(BuildError, match="needs the assumption root-replacement") as caught:
        build("0100", **header)
    assert caught.value.path == "assumptions"


def test_protected_content_needs_keys() -> None:
    values = values_of("ECS17b", RESPONSE)
    with pytest.raises(BuildError, match="needs a key store") as caught:
        built("ECS17b", RESPONSE, values, keys=None)
    assert caught.value.path in values


def test_a_message_may_not_grow_without_end() -> None:
    """The longest there may be, and one octet more."""
    size = MAX_MESSAGE - 128
    less = len(built("CS02d", COMMAND, certificate(size)).octets)
    right = size + MAX_MESSAGE - less
    assert len(built("CS02d", COMMAND, certificate(right)).octets) == MAX_MESSAGE
    with pytest.raises(BuildError, match="longer than") as caught:
        built("CS02d", COMMAND, certificate(right + 1))
    assert caught.value.path == "values"


def certificate(size: int) -> dict[str, Any]:
    """A SEQUENCE of so many octets that stands for a certificate."""
    return {"certificate": b"\x30\x83" + size.to_bytes(3, "big") + bytes(size)}


# -- build_from, build_again ---------------------------------------------------------------


def json_of(**changes: Any) -> dict[str, Any]:
    """What `decode` gives for ECS38, with changes."""
    message = built("ECS38", COMMAND, {"RandomisedOffsetLimit": 600})
    return spoilt(gbcs.decode(message).to_json(), changes)


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ({"counter": OUT}, "counter", "missing"),
        ({"counter": "x"}, "counter", "16 hex digits"),
        ({"counter": [1]}, "counter", "a number of 64 bits"),
        ({"originator": 5}, "originator", "a text is needed"),
        ({"recipient": OUT}, "recipient", "missing"),
        ({"message_code": OUT, "use_case": OUT}, "use_case", "missing"),
        ({"values": 5}, "values", "an object is needed"),
        ({"values": {"keys": 5}}, "values.keys", "there is no such value here"),
        ({"values": {"originator": 5}}, "values.originator", "there is no such value here"),
        ({"values": OUT}, "RandomisedOffsetLimit", "missing"),
        ({"kind": "alert"}, "kind", "ECS38 has"),
        ({"supplementary": 5}, "supplementary", "an object is needed"),
    ],
)
def test_a_json_object_that_is_wrong(changes: dict[str, Any], path: str, reason: str) -> None:
    assert build_from(json_of()) == built("ECS38", COMMAND, {"RandomisedOffsetLimit": 600})
    with pytest.raises(BuildError) as caught:
        build_from(json_of(**changes))
    assert caught.value.path == path
    assert reason in str(caught.value)


@pytest.mark.parametrize("given", [None, 5, "text", []])
def test_what_is_no_json_object(given: Any) -> None:
    with pytest.raises(BuildError, match="an object is needed"):
        build_from(given)


def test_names_and_numbers_a_person_writes() -> None:
    """Without the Message Code the name says it; a counter may be a number."""
    given = json_of(message_code=OUT, counter=1001)
    assert build_from(given).octets == build_from(json_of()).octets


def test_building_again_needs_a_use_case() -> None:
    message = built("ECS38", COMMAND, {"RandomisedOffsetLimit": 600})
    assert build_again(message, {"RandomisedOffsetLimit": 600}).octets == message.octets
    unknown = Message(message.cra, 1, message.originator, message.recipient, OtherInformation(0x0FFF), b"")
    with pytest.raises(BuildError, match="0FFF is no use case"):
        build_again(unknown, {})


@pytest.mark.parametrize("name", ["GCS33", "GCS21e", "ECS17b", "ECS23", "ECS68"])
def test_every_value_of_an_answer_is_needed(name: str) -> None:
    kind = ALERT if name == "ECS68" else RESPONSE
    right = values_of(name, kind)
    for value in right:
        with pytest.raises(BuildError, match="missing") as caught:
            built(name, kind, spoilt(right, {value: OUT}))
        assert caught.value.path == value


def test_a_variant_that_the_values_tell() -> None:
    for variant in ("set 1", "reset 3"):
        values = values_of("ECS47", COMMAND, variant)
        said = built("ECS47", COMMAND, {**values, "Variant": variant})
        assert built("ECS47", COMMAND, spoilt({**values, "Variant": variant}, {"Variant": OUT})) == said
