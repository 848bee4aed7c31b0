"""`smets utrn`: make a prepayment top-up token, check one, take one apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .text import complain

if TYPE_CHECKING:
    from gbcs.security.utrn import Ptut, Refusal, TopUpKey

VERSION = 1
EPILOG = """\b
A token (UTRN) is 20 digits; spaces and hyphens between them are left out. COUNTER is
the 64-bit token counter, whose low 32 bits are zero: 16 hex digits as decode prints
it, hex digits after 0x, or a decimal number of another length.

\b
Exit status: 0 made, or valid as far as it was checked; 1 not valid; 2 wrong use or
the key folder cannot be read.
"""
_KEYS = "Folder of certificates and private keys (PEM); one side's private key is enough."


@click.group("utrn", epilog=EPILOG)
def command() -> None:
    """Make, check and take apart prepayment top-up tokens."""


def _keyed(required: bool) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """The options that name the key of a token."""

    def add(function: Callable[..., int]) -> Callable[..., int]:
        for name, metavar, text in (
            ("counter", "COUNTER", "Counter of the token."),
            ("meter", "ID", "Entity identifier of the meter."),
            ("supplier", "ID", "Entity identifier of the supplier."),
            ("keys", "DIR", _KEYS),
        ):
            function = click.option(f"--{name}", metavar=metavar, required=required, help=text)(function)
        return function

    return add


@command.command("make", epilog=EPILOG)
@_keyed(required=True)
@click.option("--pence", type=int, metavar="N", help="Value in pence, 0 to 8191.")
@click.option("--pounds", type=int, metavar="N", help="Value in pounds, 0 to 8191.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def make(
    keys: str, supplier: str, meter: str, counter: str, pence: int | None, pounds: int | None, as_json: bool
) -> int:
    """Make a token with the supplier's prepayment key and print its digits."""
    if (pence is None) == (pounds is None):
        raise click.UsageError("one of --pence and --pounds is needed, and not both")
    from gbcs.security.utrn import Ptut, ValueClass, make_token, parse_token

    number = _counter(counter)
    key = _key(keys, supplier, meter)
    value_class, value = (ValueClass.PENCE, pence) if pounds is None else (ValueClass.POUNDS, pounds)
    assert value is not None
    digits = make_token(key, number, value_class, value)
    token = parse_token(digits)
    assert isinstance(token, Ptut)
    made = {"token": digits, "supplier": str(key.supplier), "meter": str(key.meter)}
    fields = {"v": VERSION, **made, "counter": f"{number:016X}", **_fields(token)}
    print(json.dumps(fields) if as_json else digits)
    return 0


@command.command("check", epilog=EPILOG)
@_keyed(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("token")
def check(
    keys: str | None,
    supplier: str | None,
    meter: str | None,
    counter: str | None,
    as_json: bool,
    token: str,
) -> int:
    """Check a token: its digits, and with a key folder and a counter its MAC."""
    from gbcs.security.utrn import Refusal, parse_token, truncated

    digits = _digits(token)
    key, number = None, None if counter is None else _counter(counter)
    if keys is not None:
        if supplier is None or meter is None or number is None:
            raise click.UsageError("--keys needs --supplier, --meter and --counter")
        key = _key(keys, supplier, meter)
    elif supplier is not None or meter is not None:
        raise click.UsageError("--supplier and --meter need --keys")
    ptut = parse_token(digits)
    mac = "unchecked"
    refusal: Refusal | None
    if isinstance(ptut, Refusal):
        refusal = ptut
    elif number is not None and truncated(number) != ptut.truncated_counter:
        refusal = Refusal.COUNTER
    elif key is not None and number is not None:
        refusal = None if ptut.is_authentic(key, number) else Refusal.MAC
        mac = "invalid" if refusal else "valid"
    else:
        refusal = None
    fields = {"v": VERSION, "token": digits, "valid": refusal is None, **_reason(refusal)}
    if number is not None:
        fields["counter"] = f"{number:016X}"
    if not isinstance(ptut, Refusal):
        fields |= _fields(ptut) | {"mac": mac}
    if as_json:
        print(json.dumps(fields))
    else:
        if not isinstance(ptut, Refusal):
            _print_fields(ptut, mac)
        print(f"not valid: {_text(refusal)}" if refusal else "valid" if key else "well formed, MAC unchecked")
    return int(refusal is not None)


@command.command("parse", epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("token")
def parse(as_json: bool, token: str) -> int:
    """Take a token apart and print what is in it."""
    from gbcs.security.utrn import Refusal, parse_token

    digits = _digits(token)
    ptut = parse_token(digits)
    if isinstance(ptut, Refusal):
        complain(f"{digits}: {_text(ptut)}")
        return 1
    if as_json:
        print(json.dumps({"v": VERSION, "token": digits, **_fields(ptut)}))
    else:
        _print_fields(ptut)
    return 0


def _digits(token: str) -> str:
    return re.sub(r"[\s-]", "", token)


def _counter(text: str) -> int:
    """A counter as it is given on the command line. Raises UsageError."""
    digits = text.removeprefix("0x").removeprefix("0X")
    is_hex = digits != text or len(text) == 16
    if not re.fullmatch(r"[0-9A-Fa-f]{1,16}" if is_hex else r"[0-9]{1,20}", digits, re.ASCII):
        raise click.UsageError(f"--counter: not 16 hex digits: {text!r}")
    return int(digits, 16 if is_hex else 10)


def _key(keys: str, supplier: str, meter: str) -> TopUpKey:
    from gbcs.ids import EntityId
    from gbcs.security.folder import FolderKeyStore
    from gbcs.security.utrn import TopUpKey

    parties = EntityId.parse(supplier), EntityId.parse(meter)
    return TopUpKey.of(FolderKeyStore(keys), *parties)


def _fields(token: Ptut) -> dict[str, Any]:
    return {
        "truncated_counter": token.truncated_counter,
        "value_class": token.value_class.name.lower(),
        "value": token.value,
        "ptut": token.octets.hex().upper(),
        "mac_hex": token.mac.hex().upper(),
    }


def _print_fields(token: Ptut, mac: str | None = None) -> None:
    print(f"PTUT     {token.octets.hex().upper()}, check digit {token.digits[-1]}")
    print(f"counter  bits 41 to 32: {token.truncated_counter}")
    print(f"value    {token.value} {token.value_class.name.lower()}")
    print(f"MAC      {token.mac.hex().upper()}" + (f", {mac}" if mac else ""))


def _reason(refusal: Refusal | None) -> dict[str, Any]:
    if refusal is None:
        return {"reason": None, "event": None}
    return {"reason": refusal.reason, "event": None if refusal.event is None else f"{refusal.event:04X}"}


def _text(refusal: Refusal) -> str:
    return refusal.reason + ("" if refusal.event is None else f" (event {refusal.event:04X})")
