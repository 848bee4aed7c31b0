"""The DLMS messages of the reference set, read once."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from gbcs.dlms.apdu import AccessRequest, AccessResponse, parse_apdu
from gbcs.ids import Cra, Payload
from gbcs.message import Message, parse_message
from gbcs.usecases import by_code


class Request(NamedTuple):
    """A command or pre-command, and where it came from."""

    where: str
    message: Message
    apdu: AccessRequest


class Pair(NamedTuple):
    """A command and its answer."""

    where: str
    request: AccessRequest
    response: AccessResponse


@cache
def _messages(folder: Path) -> dict[str, Message]:
    found = {}
    for path in sorted((folder / "rtds" / "messages").glob("*/*")):
        if path.suffix.lower() == ".hex":
            found[path.name] = parse_message(bytes.fromhex(path.read_text()))
    return found


def _is_dlms(message: Message) -> bool:
    row = by_code(message.code)
    return row is not None and row.payload is Payload.DLMS and message.payload[:1] in (b"\xd9", b"\xda")


@cache
def requests(folder: Path) -> tuple[Request, ...]:
    """Every DLMS command and pre-command."""
    found = []
    for name, message in _messages(folder).items():
        if message.cra is Cra.COMMAND and _is_dlms(message):
            apdu = parse_apdu(message.payload)
            assert isinstance(apdu, AccessRequest)
            found.append(Request(name, message, apdu))
    assert found, "no DLMS command in the reference set"
    return tuple(found)


@cache
def pairs(folder: Path) -> tuple[Pair, ...]:
    """Every DLMS command with the answer of the same name."""
    messages = _messages(folder)
    found = []
    for name, message, request in requests(folder):
        answer = messages.get(name.replace("_COMMAND_", "_RESPONSE_"))
        if "_COMMAND_" in name and answer is not None and answer.code == message.code:
            response = parse_apdu(answer.payload)
            assert isinstance(response, AccessResponse)
            found.append(Pair(name, request, response))
    assert found, "no DLMS pair in the reference set"
    return tuple(found)
