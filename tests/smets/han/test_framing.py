"""The octets with which a sleepy meter fetches and gives messages (chts-hub 7.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError, ParseError
from smets.han.link import GET, GetResponse, parse_put, put_octets

MESSAGE = bytes.fromhex("DF09")


def test_the_octets() -> None:
    assert GET == b"\x01"
    assert GetResponse(0, None).octets() == b"\x02\x00"
    assert GetResponse(0, MESSAGE).octets() == b"\x02\x00" + MESSAGE
    assert GetResponse(4, MESSAGE).octets() == b"\x02\x04" + MESSAGE
    assert put_octets(MESSAGE) == b"\x03" + MESSAGE


def test_nothing_and_the_last_message_differ_by_length_only() -> None:
    assert GetResponse.parse(b"\x02\x00") == GetResponse(0, None)
    assert GetResponse.parse(b"\x02\x00" + MESSAGE) == GetResponse(0, MESSAGE)


@given(st.integers(0, 255), st.binary(min_size=1, max_size=40))
def test_there_and_back(remaining: int, message: bytes) -> None:
    assert GetResponse.parse(GetResponse(remaining, message).octets()) == GetResponse(remaining, message)
    assert parse_put(put_octets(message)) == message


@pytest.mark.parametrize("octets", [b"", b"\x02", b"\x01\x00", b"\x03\x00" + MESSAGE, b"\x02\x01"])
def test_what_is_no_get_response(octets: bytes) -> None:
    with pytest.raises(ParseError):
        GetResponse.parse(octets)


@pytest.mark.parametrize("octets", [b"", b"\x03", b"\x01", b"\x02" + MESSAGE])
def test_what_is_no_put(octets: bytes) -> None:
    with pytest.raises(ParseError):
        parse_put(octets)


@pytest.mark.parametrize(
    "response",
    [GetResponse(256, MESSAGE), GetResponse(-1, MESSAGE), GetResponse(1, None), GetResponse(0, b"")],
)
def test_what_cannot_be_said(response: GetResponse) -> None:
    with pytest.raises(BuildError):
        response.octets()


def test_a_put_needs_a_message() -> None:
    with pytest.raises(BuildError):
        put_octets(b"")


@given(st.binary(max_size=60))
def test_arbitrary_octets(octets: bytes) -> None:
    for read in (GetResponse.parse, parse_put):
        try:
            read(octets)
        except ParseError:
            continue
        assert octets[0] in (2, 3)
