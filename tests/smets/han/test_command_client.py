"""Requests to another node's clusters: which messages answer them, and when they have come to their end."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from gbcs.zcl.clusters import command_by_name
from smets.han.attribute_client import MAX_WAITING, AttributeClient, numbers
from smets.han.cluster_commands import Told, in_parts
from smets.han.command_client import MAX_ANSWERS, Answers, CommandClient, request_frame
from smets.han.endpoints import CALENDAR, EVENTS, PRICE
from smets.han.link import Address
from smets.han.zcl import ApsMessage, frame_of, parse_zcl

PEER = Address(EntityId(bytes(7) + b"\1"), 3)
HERE = 9
LOG: dict[str, Any] = {
    "EventControlLogId": 0x13,
    "EventId": 0,
    "StartTime": 0,
    "EndTime": 0xFFFF_FFFF,
    "NumberOfEvents": 0,
    "EventOffset": 0,
}
ENTRIES = [{"LogId": 3, "EventId": n, "EventTime": n, "EventData": b""} for n in range(20)]
PARTS = in_parts("PublishEventLog", {"TotalNumberOfEvents": 20, "LogPayloadControl": 0}, ENTRIES, 60)
WEEK = {
    "ProviderId": 0,
    "IssuerEventId": 0,
    "IssuerCalendarId": 0xFFFF_FFFF,
    **{f"DayIdRef{day}": 1 for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")},
    **{f"DayIdRef{day}": 2 for day in ("Saturday", "Sunday")},
}
WEEKS = {"ProviderId": 0, "IssuerCalendarId": 0xFFFF_FFFF, "StartWeekId": 1, "NumberOfWeeks": 0}


def ask(
    client: CommandClient, name: str, values: Mapping[str, Any] | bytes, **more: Any
) -> tuple[int, ApsMessage]:
    return client.request(PEER, name, values, HERE, **more)


def answer(number: int, told: Told, **changes: Any) -> ApsMessage:
    cluster = command_by_name(told.command).cluster
    assert cluster is not None
    payload = frame_of(told.command, number, told.values).octets()
    return ApsMessage(
        cluster, **{"source_endpoint": 3, "destination_endpoint": HERE, "payload": payload, **changes}
    )


def week(number: int) -> Told:
    return Told("PublishWeekProfile", {**WEEK, "WeekId": number})


def test_a_request() -> None:
    number, sent = ask(CommandClient(), "GetCurrentPrice", {"CommandOptions": 1})
    assert (sent.cluster, sent.source_endpoint, sent.destination_endpoint, sent.encrypted) == (
        PRICE,
        HERE,
        3,
        True,
    )
    assert sent.payload == bytes((0x01, number, 0x00, 0x01))
    assert not ask(CommandClient(), "GetCurrentPrice", b"\1", encrypted=False)[1].encrypted


def test_a_request_in_octets() -> None:
    assert request_frame("GetCIN", b"", 7).octets() == bytes((0x01, 7, 0x05))
    assert request_frame("GetCIN", b"\1\2", 7).octets() == bytes((0x01, 7, 0x05, 1, 2))
    for name in ("GetWeather", "PublishPrice", "ReadAttributes"):
        with pytest.raises(BuildError):
            request_frame(name, b"", 7)
    assert request_frame("GetCIN", {}, 7).octets() == bytes((0x01, 7, 0x05))
    with pytest.raises(BuildError):
        request_frame("RequestMirrorResponse", {}, 7)
    with pytest.raises(BuildError):
        request_frame("GetEventLog", {}, 7)


def test_one_answer() -> None:
    client = CommandClient()
    number, _ = ask(client, "GetWeekProfiles", WEEKS)
    found = client.receive(PEER.station, answer(number, week(1)))
    assert found is not None
    assert found[0] == number
    assert found[1] is not None
    assert found[1].whole
    assert [told.values["WeekId"] for told in found[1].commands] == [1]
    assert client.receive(PEER.station, answer(number, week(2))) is None  # it has come to its end


def test_as_many_as_are_wanted() -> None:
    client = CommandClient()
    number, _ = ask(client, "GetWeekProfiles", WEEKS, wanted=2)
    assert client.receive(PEER.station, answer(number, week(1))) == (number, None)
    assert client.receive(PEER.station, answer(number, week(1))) == (number, None)  # the same again
    found = client.receive(PEER.station, answer(number, week(2)))
    assert found is not None
    assert found[1] is not None
    assert [told.values["WeekId"] for told in found[1].commands] == [1, 2]


@given(st.permutations(range(len(PARTS))), st.integers(0, len(PARTS) - 1))
def test_parts_in_any_order(order: list[int], doubled: int) -> None:
    client = CommandClient()
    number, _ = ask(client, "GetEventLog", LOG)
    for place in (*order[:-1], *([doubled] if doubled != order[-1] else [])):
        assert client.receive(PEER.station, answer(number, PARTS[place])) == (number, None)
    found = client.receive(PEER.station, answer(number, PARTS[order[-1]]))
    assert found is not None
    assert found[1] is not None
    assert found[1].whole
    assert [told.values["CommandIndex"] for told in found[1].commands] == order


def test_what_has_come_so_far() -> None:
    client = CommandClient()
    number, _ = ask(client, "GetEventLog", LOG)
    client.receive(PEER.station, answer(number, PARTS[1]))
    some = client.forget(PEER.station, EVENTS, number)
    assert [told.values["CommandIndex"] for told in some.commands] == [1]
    assert not some.whole
    assert client.forget(PEER.station, EVENTS, number) == Answers()
    assert client.receive(PEER.station, answer(number, PARTS[0])) is None


@pytest.mark.parametrize("status", [0x00, 0x01, 0x8B])
def test_a_default_response_ends_it(status: int) -> None:
    client = CommandClient()
    number, _ = ask(client, "GetWeekProfiles", WEEKS)
    other = ApsMessage(CALENDAR, 3, HERE, bytes((0x18, number, 0x0B, 0x03, status)))
    assert client.receive(PEER.station, other) is None
    refused = ApsMessage(CALENDAR, 3, HERE, bytes((0x18, number, 0x0B, 0x02, status)))
    assert client.receive(PEER.station, refused) == (number, Answers((), status, False))
    assert client.receive(PEER.station, answer(number, week(1))) is None


def test_what_answers_nothing() -> None:
    client = CommandClient()
    number, sent = ask(client, "GetWeekProfiles", WEEKS)
    good = answer(number, week(1))
    wrong = (
        answer(number + 1, week(1)),
        answer(number, week(1), source_endpoint=4),
        answer(number, week(1), encrypted=False),
        answer(number, Told("PublishSeasons", {**WEEK_OF_NOTHING, "SeasonEntries": ()})),
        ApsMessage(CALENDAR, 3, HERE, good.payload[:9]),
        ApsMessage(CALENDAR, 3, HERE, b"\x01" + good.payload[1:]),
        ApsMessage(CALENDAR, 3, HERE, bytes((0x18, number, 0x01, 0, 0, 0x86))),
        ApsMessage(CALENDAR, 3, HERE, bytes((0x18, number, 0x0B, 0x02))),
        ApsMessage(CALENDAR, 3, HERE, bytes((0x19, number, 0x77))),
        ApsMessage(EVENTS, 3, HERE, good.payload),
        sent,
    )
    assert [client.receive(PEER.station, message) for message in wrong] == [None] * len(wrong)
    assert client.receive(EntityId(bytes(8)), good) is None
    assert client.receive(PEER.station, good) is not None


WEEK_OF_NOTHING = {
    "ProviderId": 0,
    "IssuerEventId": 0,
    "IssuerCalendarId": 0,
    "CommandIndex": 0,
    "TotalNumberOfCommands": 1,
}


def test_requests_and_answers_that_are_kept_have_an_end() -> None:
    client = CommandClient()
    asked = [ask(client, "GetWeekProfiles", WEEKS)[0] for _ in range(MAX_WAITING + 1)]
    taken = [client.receive(PEER.station, answer(number, week(1))) is not None for number in asked]
    assert taken == [False] + [True] * MAX_WAITING
    number, _ = ask(client, "GetWeekProfiles", WEEKS, wanted=10_000)
    for event in range(MAX_ANSWERS + 9):
        told = Told("PublishWeekProfile", {**WEEK, "WeekId": 1, "IssuerEventId": event})
        assert client.receive(PEER.station, answer(number, told)) == (number, None)
    assert len(client.forget(PEER.station, CALENDAR, number).commands) == MAX_ANSWERS


def test_clients_of_one_node_share_their_numbers() -> None:
    sequence = numbers()
    reads, commands = AttributeClient(sequence), CommandClient(sequence)
    got = [reads.request(PEER, PRICE, ["Currency"], HERE)[0], ask(commands, "GetCIN", b"")[0]]
    assert got == [1, 2]
    assert list(islice(sequence, 300))[250:256] == [253, 254, 255, 0, 1, 2]


@given(st.binary(max_size=60), st.sampled_from([0x09, 0x19, 0x18, 0x01]))
def test_arbitrary_answers(payload: bytes, control: int) -> None:
    client = CommandClient()
    number, _ = ask(client, "GetEventLog", LOG)
    found = client.receive(PEER.station, ApsMessage(EVENTS, 3, HERE, bytes((control, number)) + payload))
    assert found is None or found[0] == number
    assert parse_zcl(EVENTS, ask(client, "GetEventLog", LOG)[1].payload).values["EventId"] == 0
