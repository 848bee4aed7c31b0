"""The table of what answers what, and answers cut into parts."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError
from gbcs.zcl.clusters import command_by_name, commands
from smets.han.cluster_commands import (
    ANSWERS,
    MAX_PARTS,
    CommandRow,
    CommandTable,
    frames_of,
    in_parts,
    nothing_held,
    refusing,
)

LOG = {"TotalNumberOfEvents": 9, "LogPayloadControl": 0}


def entry(number: int, size: int = 0) -> dict[str, object]:
    return {"LogId": 3, "EventId": number, "EventTime": number, "EventData": bytes(size)}


@pytest.mark.parametrize(("request_name", "answer_name"), ANSWERS.items())
def test_requests_go_to_a_server_and_answers_to_a_client(request_name: str, answer_name: str) -> None:
    request, answer = command_by_name(request_name), command_by_name(answer_name)
    assert request.cluster == answer.cluster
    assert (request.to_client, answer.to_client) == (False, True)


def test_everything_that_is_got_of_a_server_has_an_answer() -> None:
    got = [known.name for known in commands() if known.name.startswith("Get") and known.to_client is False]
    elsewhere = {"GetSupportedTunnelProtocols", "GetScheduledEvents"}  # orders go out by themselves
    assert set(got) - elsewhere == {name for name in ANSWERS if name.startswith("Get")}


@pytest.mark.parametrize("name", ["PublishPrice", "ReadAttributes", "GetWeather"])
def test_rows_are_of_commands_to_a_server(name: str) -> None:
    with pytest.raises(BuildError):
        CommandTable([refusing(name)])


def test_a_table_has_what_its_rows_name() -> None:
    table = CommandTable([nothing_held("GetSeasons"), CommandRow("GetCIN", lambda asked: ())])
    assert command_by_name("GetSeasons") in table
    assert command_by_name("GetCalendar") not in table


@given(st.lists(st.integers(0, 8), max_size=60), st.integers(20, 120))
def test_parts(sizes: list[int], room: int) -> None:
    entries = [entry(number, size) for number, size in enumerate(sizes)]
    parts = in_parts("PublishEventLog", LOG, entries, room)
    assert [e for part in parts for e in part.values["LogPayload"]] == entries
    for index, (part, frame) in enumerate(zip(parts, frames_of(parts, 7), strict=True)):
        assert (part.values["CommandIndex"], part.values["TotalCommands"]) == (index, len(parts))
        assert len(frame.octets()) <= room or len(part.values["LogPayload"]) == 1
    for part, after in pairwise(parts):  # no part is begun before it has to be
        joined = {**part.values, "LogPayload": (*part.values["LogPayload"], after.values["LogPayload"][0])}
        assert len(frames_of([part._replace(values=joined)], 7)[0].octets()) > room


def test_parts_have_an_end() -> None:
    parts = in_parts("PublishEventLog", LOG, [entry(number) for number in range(300)], 10)
    assert len(parts) == MAX_PARTS
    assert [part.values["CommandIndex"] for part in parts] == list(range(MAX_PARTS))
    assert len(frames_of(parts, 1)) == MAX_PARTS


@pytest.mark.parametrize("name", ["PublishPrice", "UpdateCIN", "RequestMirror", "PublishSnapshot"])
def test_not_every_command_has_parts(name: str) -> None:
    with pytest.raises(BuildError):
        in_parts(name, {}, (), 100)
