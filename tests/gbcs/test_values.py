"""Typed leaf values: what they print, what may be given for them, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs import values
from gbcs.events import EVENT, EventCode
from gbcs.ids import EntityId
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW, Utc
from gbcs.values import Kind

COLOUR = values.code_kind("colour", {0: "Red", 7: "Dark Blue"})
DOORS = values.flags_kind("doors", {1: "Front", 2: "Back", 12: "Garage"})
ENERGY = values.quantity_kind("energy", "Wh", "kWh", -3)
KINDS = {
    "colour": COLOUR,
    "doors": DOORS,
    "energy": ENERGY,
    "date-time": values.DATE_TIME,
    "date": values.DATE,
    "time": values.TIME,
    "zcl-date": values.ZCL_DATE,
    "logical-name": values.LOGICAL_NAME,
    "text": values.TEXT,
    "moment": values.MOMENT,
    "entity": values.ENTITY,
    "counter": values.COUNTER,
    "event": EVENT,
}
PARTY = EntityId.parse("90-B3-D5-1F-30-AB-00-01")

# kind, plain value, what it prints, its JSON form
FORMS: list[tuple[str, Any, str, Any]] = [
    ("colour", 7, "Dark Blue", "Dark Blue"),
    ("colour", 3, "unknown (3)", 3),
    ("doors", 0, "none", "0"),
    ("doors", 3, "Front, Back", "3"),
    ("doors", 12, "Garage", "C"),
    ("doors", 4, "unknown (4)", "4"),  # half a mask
    ("doors", 0x11, "Front, unknown (10)", "11"),
    ("energy", -1500, "-1500 Wh", -1500),
    ("date-time", ACTIVATE_NOW, "now", "now"),
    ("date-time", ACTIVATE_NEVER, "never", "never"),
    ("date-time", "07E80301FF0C0000008000FF", "2024-03-01T12:00:00Z", "2024-03-01T12:00:00Z"),
    ("date-time", "07E80301FF0C000000800004", "2024-03-01T12:00:00Z/04", "2024-03-01T12:00:00Z/04"),
    ("date-time", "FFFF03FFFF0CFF00008000FF", "*-03-*T12:*:00Z", "*-03-*T12:*:00Z"),
    ("date-time", "FFFFFFFFFFFFFFFF00800004", "*-*-*T*:*:*Z/04", "*-*-*T*:*:*Z/04"),
    ("date-time", "07E8021EFF0C0000008000FF", "07E8021EFF0C0000008000FF", "07E8021EFF0C0000008000FF"),
    ("date-time", "07E8030105" + "0C0000008000FF", "07E80301050C0000008000FF", "07E80301050C0000008000FF"),
    ("date-time", "07E80301FF0C0000018000FF", "07E80301FF0C0000018000FF", "07E80301FF0C0000018000FF"),
    ("date-time", "07E80301FF180000008000FF", "07E80301FF180000008000FF", "07E80301FF180000008000FF"),
    ("date-time", "07E80D01FF0C0000008000FF", "07E80D01FF0C0000008000FF", "07E80D01FF0C0000008000FF"),
    ("date", "07DF0501FF", "2015-05-01", "2015-05-01"),
    ("date", "FFFF0C1907", "*-12-25/7", "*-12-25/7"),
    ("date", "07DF05FFFF", "2015-05-*", "2015-05-*"),
    ("date", "07DFFF0101", "2015-*-01/1", "2015-*-01/1"),
    ("date", "07DF050100", "07DF050100", "07DF050100"),
    ("date", "07DF050108", "07DF050108", "07DF050108"),
    ("date", "07DF0520FF", "07DF0520FF", "07DF0520FF"),
    ("date", "07DF0500FF", "07DF0500FF", "07DF0500FF"),
    ("date", "00000501FF", "00000501FF", "00000501FF"),
    ("date", "27100501FF", "27100501FF", "27100501FF"),
    ("time", "070000" + "00", "07:00:00", "07:00:00"),
    ("time", "173B3B63", "23:59:59.99", "23:59:59.99"),
    ("time", "FFFF0005", "*:*:00.05", "*:*:00.05"),
    ("time", "07000064", "07000064", "07000064"),
    ("time", "073C0000", "073C0000", "073C0000"),
    ("zcl-date", "73050105", "2015-05-01/5", "2015-05-01/5"),
    ("zcl-date", "FF0C19FF", "*-12-25", "*-12-25"),
    ("zcl-date", "730D0105", "730D0105", "730D0105"),
    ("logical-name", "0100010800FF", "1-0:1.8.0.255", "1-0:1.8.0.255"),
    ("text", "414243", "ABC", "ABC"),
    ("text", "", "", ""),
    ("text", "41FE", "not text: 41FE", {"hex": "41FE"}),
    ("text", "1B5B", "not text: 1B5B", {"hex": "1B5B"}),
    ("moment", 0, "00000000", "00000000"),
    ("moment", 0xFFFFFFFE, "FFFFFFFE", "FFFFFFFE"),
    ("moment", 0xFFFFFFFF, "FFFFFFFF", "FFFFFFFF"),
    ("moment", 1, "2000-01-01T00:00:01Z", "2000-01-01T00:00:01Z"),
    ("entity", bytes(PARTY), str(PARTY), str(PARTY)),
    ("counter", 1003, "00000000000003EB", "00000000000003EB"),
]


def plain(given: Any) -> Any:
    """Octets of hex digits, numbers as they are."""
    return bytes.fromhex(given) if isinstance(given, str) else given


@pytest.mark.parametrize(("kind", "octets", "text", "form"), FORMS)
def test_a_value_prints_its_meaning_and_is_taken_back(kind: str, octets: Any, text: str, form: Any) -> None:
    """The typed value equals the plain one; the JSON form and the typed value lead back to it."""
    value = KINDS[kind].typed(plain(octets))
    assert str(value) == text
    assert value == plain(octets) or kind == "text"
    assert values.json_form(value) == form
    for given_back in (value, form):
        assert KINDS[kind].plain(given_back) == plain(octets)


# kind, what a person may write, the plain value
ALSO: list[tuple[str, Any, Any]] = [
    ("colour", "dark-blue", 7),
    ("colour", "DARKBLUE", 7),
    ("colour", 250, 250),
    ("doors", ["back", "GARAGE"], 14),
    ("doors", ("Front", "front"), 1),
    ("doors", [], 0),
    ("doors", "1f", 0x1F),
    ("doors", 5, 5),
    ("energy", "-20", -20),
    ("energy", "+7", 7),
    ("date-time", Utc.of(2024, 3, 1, 12), "07E80301FF0C0000008000FF"),
    ("date-time", " 2024-03-01T12:00:00Z ", "07E80301FF0C0000008000FF"),
    ("date-time", "2024-03-01T12:00:00Z/80", "07E80301FF0C000000800080"),
    ("date-time", bytearray(ACTIVATE_NOW), ACTIVATE_NOW.hex()),
    ("date-time", "*-*-*T12:30Z", "FFFFFFFFFF0C1E00008000FF"),
    ("date", "2015-5-1", "07DF0501FF"),
    ("date", "07df0501ff", "07DF0501FF"),
    ("time", "7:30", "071E0000"),
    ("time", "07:00:00.05", "07000005"),
    ("time", "0700000a", "0700000A"),
    ("zcl-date", "1900-01-01", "000101FF"),
    ("zcl-date", "2154-12-31/1", "FE0C1F01"),
    ("zcl-date", "73050105", "73050105"),
    ("logical-name", "0100010800ff", "0100010800FF"),
    ("text", b"\x00\xff", "00FF"),
    ("moment", Utc.from_seconds(77), 77),
    ("moment", "0000004d", 77),
    ("moment", 77, 77),
    ("entity", "90B3D51F30AB0001", bytes(PARTY)),
    ("entity", bytes(PARTY), bytes(PARTY)),
    ("counter", "3eb", 1003),
    ("event", "8F84", 0x8F84),
]


@pytest.mark.parametrize(("kind", "given_value", "wanted"), ALSO)
def test_other_ways_to_say_it(kind: str, given_value: Any, wanted: Any) -> None:
    assert KINDS[kind].plain(given_value) == plain(wanted)


# kind, what is refused, the reason
REFUSED: list[tuple[str, Any, str]] = [
    ("colour", "Green", "'Green' is none of Red, Dark Blue"),
    ("colour", True, "a number is needed"),
    ("colour", 1.0, "a number is needed"),
    ("colour", None, "a number is needed"),
    ("doors", ["Front", "Roof"], "'Roof' is none of Front, Back, Garage"),
    ("doors", "xyz", "hex digits or a number are needed"),
    ("doors", False, "a number is needed"),
    ("energy", "1.5", "a number is needed"),
    ("energy", "1" * 21, "a number is needed"),
    ("energy", "\u0661", "a number is needed"),  # a digit, but not one of ours
    ("date-time", "2024-02-30T12:00:00Z", "no date-time"),
    ("date-time", "2024-03-01T12:00:00Z/4", "no date-time"),
    ("date-time", "2024-03-01T12:00:00Z/", "no date-time"),
    ("date-time", "2024-03-01T12:00:00Z/GG", "no date-time"),
    ("date-time", "soon", "no date-time"),
    ("date-time", "*-13-01T00:00:00Z", "'13' is not a number from 1 to 12"),
    ("date-time", "*-01T00:00:00Z", "no date"),
    ("date-time", "*-01-01T12Z", "no time"),
    ("date-time", bytes(11), "12 octets are needed, 11 given"),
    ("date-time", 12, "octets are needed, not int"),
    ("date", "2015-05", "no date"),
    ("date", "0-05-01", "'0' is not a number from 1 to 9999"),
    ("date", "10000-05-01", "is not a number"),
    ("date", "2015-05-32", "'32' is not a number from 1 to 31"),
    ("date", "2015-05-01/0", "'0' is not a number from 1 to 7"),
    ("date", "2015-05-01/8", "'8' is not a number from 1 to 7"),
    ("date", bytes(4), "5 octets are needed"),
    ("time", "24:00:00", "'24' is not a number from 0 to 23"),
    ("time", "23:60", "'60' is not a number from 0 to 59"),
    ("time", "23:59:60", "'60' is not a number from 0 to 59"),
    ("time", "12", "no time"),
    ("time", "1:2:3:4", "no time"),
    ("time", "12:00:00.100", "'100' is not a number from 0 to 99"),
    ("zcl-date", "1899-12-31", "a year from 1900 to 2154"),
    ("zcl-date", "2155-01-01", "a year from 1900 to 2154"),
    ("zcl-date", bytes(5), "4 octets are needed"),
    ("logical-name", "1-0:1.8.0", "no logical name"),
    ("logical-name", "1-0:1.8.0.256", "no logical name"),
    ("logical-name", "1-0:1.8.0.007", "no logical name"),
    ("logical-name", bytes(5), "6 octets are needed"),
    ("logical-name", "1.8.0", "hex digits are needed"),
    ("text", "caf\u00e9", "only printable ASCII"),
    ("text", "\x1b", "only printable ASCII"),
    ("text", {"hex": "4"}, "hex digits are needed"),
    ("text", {"hex": "41", "more": 1}, "octets are needed, not dict"),
    ("text", 5, "octets are needed, not int"),
    ("moment", "soon", "not a date and time"),
    ("moment", None, "a number is needed"),
    ("entity", "90B3", "an entity identifier has 8 octets, not 2"),
    ("entity", bytes(7), "8 octets are needed"),
    ("counter", "3EG", "hex digits or a number are needed"),
    ("event", "alarm", "four hex digits are needed"),
]


@pytest.mark.parametrize(("kind", "given_value", "reason"), REFUSED)
def test_what_is_refused(kind: str, given_value: Any, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the reason is compared below
        KINDS[kind].plain(given_value)
    assert reason in str(caught.value)


def test_reprs_name_the_type_and_the_meaning() -> None:
    assert repr(COLOUR.typed(7)) == "<Colour 7: Dark Blue>"
    assert repr(DOORS.typed(18)) == "<Doors 12: Back, unknown (10)>"
    assert repr(ENERGY.typed(5)) == "<5 Wh>"
    assert repr(values.MOMENT.typed(1)) == "<2000-01-01T00:00:01Z>"
    assert repr(values.DATE.typed(bytes.fromhex("07DF0501FF"))) == "<Date 2015-05-01>"


def test_a_quantity_in_its_base_unit() -> None:
    assert str(ENERGY.typed(1500).amount) == "1.500"
    assert values.quantity_kind("plain", "V").typed(3).amount == 3


def test_moments_and_date_times_as_moments() -> None:
    """None for what is no single moment."""
    assert values.Moment(77).utc == Utc.from_seconds(77)
    assert [values.Moment(number).utc for number in (0, 0xFFFFFFFE, 0xFFFFFFFF)] == [None] * 3
    assert values.DateTime(Utc.of(2024, 3, 1).to_cosem()).utc == Utc.of(2024, 3, 1)
    assert values.DateTime(ACTIVATE_NEVER).utc is None


@pytest.mark.parametrize(
    ("made", "octets"),
    [(values.DateTime, b""), (values.Date, b"\x07"), (values.Time, b"\x07" * 3), (values.ZclDate, b"\1" * 5)],
)
def test_octets_of_another_length_print_as_hex(made: Any, octets: bytes) -> None:
    assert str(made(octets)) == octets.hex().upper()
    assert str(values.LogicalName(b"\x01")) == "01"


def test_json_forms_of_numbers_and_containers() -> None:
    """Numbers that not every JSON reader keeps are hex digits; keys that are numbers too."""
    assert values.json_form(2**53 - 1) == 2**53 - 1
    assert values.json_form(2**53) == "20000000000000"
    assert values.json_form(-(2**53)) == "-20000000000000"
    assert values.json_form({0x10: (1, [b"\x0a"]), "a": None}) == {"0010": [1, ["0A"]], "a": None}
    assert values.json_form(True) is True


def test_an_event_names_itself() -> None:
    assert values.json_form(EventCode(0x8F84)).startswith("8F84")
    assert str(EventCode(0xFFFF)) == "FFFF unknown"
    assert repr(EventCode(0xFFFF)) == "EventCode(0xFFFF)"


@pytest.mark.parametrize("kind", ["date-time", "date", "time", "zcl-date", "logical-name", "text"])
@given(chance=st.data())
def test_any_octets_come_back_from_their_text(kind: str, chance: st.DataObject) -> None:
    row: Kind = KINDS[kind]
    size = {"date-time": 12, "date": 5, "time": 4, "zcl-date": 4, "logical-name": 6, "text": 6}[kind]
    octets = chance.draw(st.binary(min_size=size, max_size=size))
    assert row.plain(values.json_form(row.typed(octets))) == octets


def test_tenths_of_a_second_are_no_hundredths() -> None:
    assert str(values.Time.of("07:00:00.5")) == "07:00:00.50"
    assert str(values.Time.of("07:00:00.05")) == "07:00:00.05"
    with pytest.raises(ValueError, match="123"):
        values.Time.of("07:00:00.123")
