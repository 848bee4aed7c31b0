"""Top-up tokens re-made for a device whose keys are ours: value and counter stay, the MAC is another."""

from __future__ import annotations

from dataclasses import replace

from gbcs.dlms.apdu import AccessRequest, parse_apdu
from gbcs.dlms.axdr import Tag
from gbcs.errors import ParseError
from gbcs.message import Message
from gbcs.security.store import KeyStore
from gbcs.security.utrn import Ptut, TopUpKey, parse_token

CS01A = 0x0007


def with_own_token(command: Message, keys: KeyStore) -> Message:
    """The command, its token made by the originator's prepayment key; one that has no token as it is.

    Raises KeyUnavailable where the store has not that key.
    """
    found = _token(command) if command.code == CS01A else None
    if found is None:
        return command
    digits, token = found
    key = TopUpKey.of(keys, command.originator, command.recipient)
    made = token.sealed(key, command.counter).digits.encode()
    return replace(command, payload=command.payload.replace(digits, made, 1)).encoded()


def _token(command: Message) -> tuple[bytes, Ptut] | None:
    """The first octet string of a command that is a token, and what is in it."""
    try:
        apdu = parse_apdu(command.payload)
    except ParseError:
        return None
    for item in apdu.items if isinstance(apdu, AccessRequest) else ():
        if item.data.tag == Tag.OCTET_STRING:
            token = parse_token(item.data.value)
            if isinstance(token, Ptut):
                return item.data.value, token
    return None
