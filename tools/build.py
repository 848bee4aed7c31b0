"""`smets build`: messages of a use case from values by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .inputs import UnreadableInput, read_file
from .protecting import key_store
from .text import complain

if TYPE_CHECKING:
    from gbcs import Keys
    from gbcs.message import Message
    from gbcs.time import Utc

EPILOG = """\b
smets usecases USE_CASE lists the values a message takes. VALUE is JSON, or a text
where it is none: --set RandomisedOffsetLimit=600, --set ActivationTime=now.
FILE holds an object of values, or lines of decode --named --json, which may stand
without a USE_CASE; - is stdin. --set adds to it and goes before it.

\b
The message has neither signature nor MAC (for a critical command: the pre-command)
unless --protect is given.

\b
Exit status: 0 built, 1 a message cannot be built from these values, 2 wrong use, or
a file or key folder that cannot be read.
"""


@click.command("build", epilog=EPILOG)
@click.option("--from", "originator", metavar="ID", help="Business Originator, 16 hex digits.")
@click.option("--to", "recipient", metavar="ID", help="Business Target, 16 hex digits.")
@click.option("--counter", metavar="N", help="Originator Counter: a number, or 0x and hex digits.")
@click.option("--kind", metavar="KIND", help="command (default), precommand, response or alert.")
@click.option("--set", "settings", metavar="NAME=VALUE", multiple=True, help="One value; may be repeated.")
@click.option("--values", metavar="FILE", help="Values as JSON.")
@click.option("--tariff", metavar="FILE", help="A tariff as JSON, for the use cases that set one.")
@click.option("--time", metavar="TIME", help="When the message is made (default: now); names a gas tariff.")
@click.option("--date-time", metavar="TIME", help="Date-time of a response's header.")
@click.option("--for", "party", metavar="ID", help="Supplementary Remote Party, for whom the broker asks.")
@click.option("--for-counter", metavar="N", help="Its counter.")
@click.option("--for-certificate", metavar="FILE", help="Its key agreement certificate, PEM or DER.")
@click.option("--family", metavar="DLMS|GBZ", help="Payload family of a generic alert.")
@click.option("--keys", metavar="DIR", help="Folder of certificates and private keys (PEM).")
@click.option("--broker", metavar="ID", help="The Access Control Broker, if the folder has several.")
@click.option("--protect", is_flag=True, help="Sign and MAC as the use case has it; needs --keys.")
@click.option("--legacy", is_flag=True, help="Build superseded use cases too.")
@click.option("--assume", "assumptions", metavar="NAME", multiple=True, help="An assumption, by name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a message.")
@click.argument("use_case", metavar="[USE_CASE]", required=False)
def command(use_case: str | None, values: str | None, **options: Any) -> int:
    """Build messages of a use case from values by name, one line of hex a message."""
    from gbcs.errors import BuildError, KeyUnavailable

    keys = key_store(options["keys"], options["broker"])
    if options["protect"] and keys is None:
        raise click.UsageError("--protect needs --keys")
    status = 0
    for where, given in _given(values):
        try:
            message = _build(use_case, given, options, keys)
            if options["protect"] and keys is not None:
                message = keys.protect(message)
        except (BuildError, KeyUnavailable) as error:
            complain(f"{where}{error}")
            status = 1
        else:
            _print(message, options["as_json"])
    return status


def _build(
    use_case: str | None, given: Mapping[str, Any], options: Mapping[str, Any], keys: Keys | None
) -> Message:
    """The message of an object of values, or of a line that names everything. Raises BuildError."""
    from gbcs import build_from
    from gbcs.errors import BuildError

    whole = isinstance(given.get("values"), Mapping) or "payload" in given
    fields: dict[str, Any] = dict(given) if whole else {"values": dict(given)}
    if use_case is not None:
        fields.pop("message_code", None)
        fields["use_case"] = use_case
    for option, name in (("originator", "originator"), ("recipient", "recipient"), ("kind", "kind"),
                         ("date_time", "date_time"), ("family", "family")):  # fmt: skip
        if options[option] is not None:
            fields[name] = options[option]
    if options["counter"] is not None:
        fields["counter"] = _number(options["counter"], "counter")
    if options["party"] is not None:
        fields["supplementary"] = _supplementary(options)
    settings = dict(_setting(text) for text in options["settings"])
    if settings or options["tariff"] is not None:
        if "payload" in fields:
            raise BuildError("a message without values by name takes none", "values")
        tariff = _tariff(fields, options["tariff"], options["time"])
        fields["values"] = {**tariff, **fields["values"], **settings}
    return build_from(fields, keys, options["legacy"], options["assumptions"])


def _given(path: str | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects of a file: one, or one a line. Raises UnreadableInput."""
    if path is None:
        yield "", {}
        return
    octets = read_file(path)
    lines = [(number, line) for number, line in enumerate(octets.splitlines(), 1) if line.strip()]
    try:
        yield "", _object(path, json.loads(octets))
        return
    except ValueError as error:
        if len(lines) < 2:
            raise UnreadableInput(path, f"not JSON: {error}") from None
    for number, line in lines:
        where = f"{path}:{number}"
        try:
            found = json.loads(line)
        except ValueError as error:
            raise UnreadableInput(where, f"not JSON: {error}") from None
        yield f"{where}: ", _object(where, found)


def _object(where: str, found: Any) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise UnreadableInput(where, "an object is needed")
    return found


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.UsageError(f"--set takes NAME=VALUE, not {text!r}")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def _tariff(fields: Mapping[str, Any], path: str | None, time: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    from gbcs.tariff.messages import tariff_values
    from gbcs.usecases import by_name

    try:
        given = json.loads(read_file(path))
    except ValueError as error:
        raise UnreadableInput(path, f"not JSON: {error}") from None
    use_case = by_name(str(fields.get("message_code") or fields.get("use_case")))
    return tariff_values(use_case.name, given, _moment(time))


def _moment(text: str | None) -> Utc:
    """A moment of a text, else now. Raises BuildError."""
    from gbcs.time import Utc

    if text is not None:
        return Utc.parse(text)
    return Utc.from_datetime(datetime.now(UTC)).floor(1)


def _supplementary(options: Mapping[str, Any]) -> dict[str, Any]:
    found = {"remote_party_id": options["party"]}
    if options["for_counter"] is not None:
        found["remote_party_counter"] = f"{_number(options['for_counter'], 'for_counter'):016X}"
    if options["for_certificate"] is not None:
        from gbcs.errors import ParseError
        from gbcs.security.certificates import read_certificate

        try:
            certificate = read_certificate(read_file(options["for_certificate"]))
        except ParseError as error:
            raise UnreadableInput(options["for_certificate"], str(error)) from None
        found["certificate"] = certificate.der.hex()
    return found


def _number(text: str, name: str) -> int:
    """A number in decimal or, after 0x, in hex."""
    try:
        number = int(text, 16) if text.lower().startswith("0x") else int(text)
    except ValueError:
        raise click.UsageError(f"--{name.replace('_', '-')} takes a number, not {text!r}") from None
    if not 0 <= number < 2**64:
        raise click.UsageError(f"--{name.replace('_', '-')} takes a number of 64 bits")
    return number


def _print(message: Message, as_json: bool) -> None:
    octets = message.octets.hex().upper()
    if not as_json:
        print(octets)
        return
    from gbcs.usecases import by_code

    row = by_code(message.code)
    print(
        json.dumps(
            {
                "v": 1,
                "use_case": row.name if row else None,
                "message_code": f"{message.code:04X}",
                "kind": message.kind.value,
                "originator": str(message.originator),
                "recipient": str(message.recipient),
                "counter": f"{message.counter:016X}",
                "signed": message.signature is not None,
                "maced": message.mac is not None,
                "octets": octets,
            }
        )
    )
