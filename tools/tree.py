"""A message as an indented tree for people, made from its fields and nothing else.

The first column is the offset of what a line begins; the parts follow each other without
a gap, so that every octet is accounted for. Values are never shortened and lines never
wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import click

from gbcs.dlms.names import ln_text
from gbcs.dlms.objects import ln_known
from gbcs.message import MAC_LENGTH, Message
from gbcs.time import DEVIATION_NOT_SPECIFIED, CosemDateTime
from gbcs.usecases import by_code

Fields = dict[str, Any]
_COLOURS = {"valid": "green", "invalid": "red", "unchecked": "yellow"}
_LENGTH_NAMES = {
    "ciphered_service": "ciphered service",
    "other_information": "other-information",
    "content": "content",
    "specifications": "specifications",
    "data": "data",
}
_UNSEEN = re.compile(r"[^\x20-\x7e]")


def message_lines(name: str, message: Message, fields: Fields) -> Iterator[str]:
    """The lines of one message; `fields` are its `checked_fields`. Colours are ANSI codes."""
    octets = message.octets
    use_case = by_code(message.code)
    title = f"{use_case.name} {use_case.title}" if use_case else "unknown use case"
    yield click.style(f"{name}: {len(octets)} octets", bold=True)
    yield f"{title} ({fields['message_code']}), {fields['kind']}"
    if fields["encrypted"]:
        decrypted = f" ({fields['decrypted']} of {fields['encrypted']} parts decrypted)"
    else:
        decrypted = ""
    yield "signature {}, MAC {}, encryption {}{}".format(
        *(verdict(fields[key]) for key in ("signature", "mac", "encryption")), decrypted
    )
    start = message.header_offset
    if message.mac_header:
        yield _part(0, start, "MAC header")
    yield _part(start, message.payload_offset - start, "grouping header")
    yield from _indent(_header_lines(fields), 1)
    size = len(message.payload)
    yield _part(message.payload_offset, size, "payload")
    yield from _indent(_payload_lines(fields["payload"]), 1)
    end = message.payload_offset + size
    if message.has_signature_length:
        length = 0 if message.signature is None else len(message.signature)
        yield _part(end, 1 + length, f"signature length {length:02X}" + (", signature" if length else ""))
        if length:
            yield from _indent([f"{fields['signature_hex']} {verdict(fields['signature'])}"], 1)
    if message.mac is not None:
        yield _part(len(octets) - MAC_LENGTH, MAC_LENGTH, "MAC")
        yield from _indent([f"{fields['mac_hex']} {verdict(fields['mac'])}"], 1)


def verdict(word: str) -> str:
    """A verdict in its colour."""
    return click.style(word, fg=_COLOURS.get(word))


def _part(offset: int, size: int, name: str) -> str:
    return f"{offset:5}  " + click.style(name, bold=True) + f", {size} octets"


def _indent(lines: Iterator[str] | list[str], level: int) -> Iterator[str]:
    for line in lines:
        yield f"{'':7}{'  ' * level}{line}"


def _header_lines(fields: Fields) -> Iterator[str]:
    yield f"originator counter {fields['counter']}"
    yield f"originator {fields['originator']}"
    yield f"recipient {fields['recipient']}"
    moment = fields["date_time"]
    yield "date-time " + ("absent" if moment is None else date_time_text(CosemDateTime(**moment)))
    yield f"message code {fields['message_code']}"
    for key, value in (fields["supplementary"] or {}).items():
        yield f"supplementary {key.replace('_', ' ')} {value}"
    yield from _form_lines(fields)


def _form_lines(fields: Fields) -> Iterator[str]:
    for key, octets in fields.get("length_forms", {}).items():
        yield f"length of {_LENGTH_NAMES.get(key, key)} in {octets} octets, longer than it need be"


def _payload_lines(payload: Fields) -> Iterator[str]:
    if "gbz" in payload:
        yield from _gbz_lines(payload)
        return
    if "opaque" in payload:
        yield f"opaque {payload['opaque']}"
        return
    if "asn1" in payload:
        yield payload["asn1"]
        yield from _form_lines(payload)
        yield from _asn1_lines("", payload["value"], 0)
        return
    yield f"{payload['apdu']}, invoke id {payload['invoke_id']}"
    if "date_time" in payload:
        yield f"date-time {date_time_text(CosemDateTime.from_octets(bytes.fromhex(payload['date_time'])))}"
    yield from _form_lines(payload)
    if "body" in payload:
        yield from _node_lines(payload["body"], 0)
        return
    for number, item in enumerate(payload["items"], 1):
        name = click.style(f"  {item['name']}", fg="cyan") if "name" in item else ""
        if "class_id" in item:
            target = f"{item['class_id']}/{item['logical_name']}/{item['member']}"
            yield f"{number}. {item['choice']} {target}{name}"
            if "selection" in item:
                yield f"  selector {item['selector']}"
                yield from _node_lines(item["selection"], 2)
        else:
            result = f"result {item['result']}" if item["result"] else "success"
            if item["result"] and "meaning" in item:
                result += f" {item['meaning']}"
            yield f"{number}. {item['choice']}, {result}{name}"
        yield from _node_lines(item["data"], 1)


def _asn1_lines(name: str, value: Any, level: int) -> Iterator[str]:
    """The lines of a named ASN.1 value and of what is below it."""
    start = "  " * level + (f"{name} " if name else "")
    if isinstance(value, dict) and "der" in value:
        subject = _UNSEEN.sub(_escape, value.get("subject", ""))
        yield f"{start}{value['der']}" + (click.style(f"  = {subject}", fg="cyan") if subject else "")
    elif isinstance(value, dict | list):
        count = f"({len(value)})" if isinstance(value, list) else ""
        if name:
            yield f"{start}{count}".rstrip()
        elif count:
            yield count
        named = value.items() if isinstance(value, dict) else ((f"{n}.", v) for n, v in enumerate(value, 1))
        for below, part in named:
            yield from _asn1_lines(below, part, level + 1)
    else:
        yield start + ("null" if value is None else str(value) or "(empty)")


def _gbz_lines(payload: Fields) -> Iterator[str]:
    if payload["gbz"] == "components":
        yield f"GBZ components ({len(payload['components'])})"
        for number, component in enumerate(payload["components"], 1):
            yield from _component_lines(f"{number}. ", component)
        return
    yield f"GBZ alert, code {payload['alert_code']}, time {_with_remarks(payload['time'])}"
    for key, value in payload.get("executed", {}).items():
        text = click.style(value, fg="cyan") if key == "name" else value
        yield f"  executed {key.replace('_', ' ')} {text}"
    if "reason" in payload:
        yield f"  reason {_with_remarks(payload['reason'])}"
    for key in ("image_hash", "opaque"):
        if key in payload:
            yield f"  {key.replace('_', ' ')} {payload[key]}"
    if "component" in payload:
        yield from _indent(_component_lines("", payload["component"]), 0)


def _component_lines(start: str, component: Fields) -> Iterator[str]:
    name = click.style(f"  {component['name']}", fg="cyan") if "name" in component else ""
    code = f", manufacturer {component['manufacturer']}" if "manufacturer" in component else ""
    header = f"cluster {component['cluster']}, frame control {component['frame_control']}{code}"
    yield f"{start}{header}, sequence {component['sequence']}, command {component['command']}{name}"
    if "from_date_time" in component:
        yield f"  from date time {_with_remarks(component['from_date_time'])}"
    sealed = component.get("protected")
    if sealed is None:
        for node in component["fields"]:
            yield from _zcl_lines(node, 1)
        return
    yield f"  protected, frame counter {sealed['frame_counter']}, security header {sealed['security_header']}"
    yield f"    ciphertext {sealed['ciphertext'] or '(empty)'}"
    yield f"    tag {sealed['tag']}"
    if sealed["plaintext"] is None:
        yield "    not decrypted"
        return
    yield "    plaintext"
    for node in sealed["plaintext"]:
        yield from _zcl_lines(node, 3)


def _zcl_lines(node: Fields, level: int) -> Iterator[str]:
    """The lines of a ZCL value and of what is below it."""
    name = f"{node['name']} " if "name" in node else ""
    start = "  " * level + name + node["type"]
    value = node.get("value")
    if isinstance(value, list):
        of = f" of {node['of']}" if "of" in node else ""
        yield f"{start} ({len(value)}){of}"
        for inner in value:
            yield from _zcl_lines(inner, level + 1)
    elif isinstance(value, dict):
        yield start
        yield from _zcl_lines(value, level + 1)
    elif "octet" in node:
        yield f"{start} octet {node['octet']:02X}"
    elif "hex" in node:
        yield f"{start} not text: {node['hex']}"
    elif "value" in node:
        yield f"{start} {_with_remarks(node)}"
    else:
        yield start


def _with_remarks(node: Fields) -> str:
    """A value with its meaning, and with its name where the line does not begin with it."""
    value = node["value"]
    if value is None:
        text = "invalid"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif "char" in node.get("type", ""):
        text = quoted(value)
    else:
        text = str(value) or "(empty)"
    if "type" not in node and "name" in node:
        text = f"{text}, {node['name']}"
    return text + (click.style(f"  = {node['meaning']}", fg="cyan") if "meaning" in node else "")


def _node_lines(node: Fields, level: int) -> Iterator[str]:
    """The lines of a Data node and of what is below it."""
    indent = "  " * level + (f"{node['name']} " if "name" in node else "")
    kind = node["type"]
    if "length_form" in node:
        form = f"  [length in {node['length_form']} octets]"
    else:
        form = f"  [octet {node['octet']:02X}]" if "octet" in node else ""
    if "meaning" in node:
        form += click.style(f"  = {node['meaning']}", fg="cyan")
    if kind == "protected":
        yield f"{indent}protected, security header {node['security_header']}{form}"
        indent = "  " * level
        yield f"{indent}  ciphertext {node['ciphertext']}"
        yield f"{indent}  tag {node['tag']}"
        if node["plaintext"] is None:
            yield f"{indent}  not decrypted"
        else:
            yield f"{indent}  plaintext"
            yield from _node_lines(node["plaintext"], level + 2)
    elif isinstance(node.get("value"), list):
        of = f" of {_type_text(node['of'])}" if "of" in node else ""
        yield f"{indent}{kind} ({len(node['value'])}){of}{form}"
        for child in node["value"]:
            yield from _node_lines(child, level + 1)
    elif kind == "null":
        yield f"{indent}null"
    else:
        yield f"{indent}{kind} {_value_text(kind, node)}{form}"


def _value_text(kind: str, node: Fields) -> str:
    if "bits" in node:
        return f"of {node['bits']} bits {node['hex']}"
    if "hex" in node:
        return f"not text: {node['hex']}"
    value = node["value"]
    if kind in ("visible-string", "utf8-string"):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "octet-string":
        return (value or "(empty)") + ("" if "meaning" in node else _octets_remark(bytes.fromhex(value)))
    return str(value) or "(empty)"


def _octets_remark(octets: bytes) -> str:
    """What an octet-string of 6 or 12 octets may stand for."""
    if len(octets) == 6 and ln_known(octets):
        return click.style(f"  = {ln_text(octets)}", fg="cyan")
    if len(octets) == 12 and octets[9:11] == DEVIATION_NOT_SPECIFIED.to_bytes(2, "big"):
        return click.style(f"  = {date_time_text(CosemDateTime.from_octets(octets))}", fg="cyan")
    return ""


def _type_text(of: Any) -> str:
    if isinstance(of, str):
        return of
    if "array" in of:
        return f"array of {of['array']} {_type_text(of['of'])}"
    return f"structure ({', '.join(_type_text(item) for item in of['structure'])})"


def date_time_text(moment: CosemDateTime) -> str:
    """A date-time with every part; `*` where all bits are set."""

    def part(value: int, width: int, nothing: int) -> str:
        return "*" if value == nothing else f"{value:0{width}}"

    date = "-".join((part(moment.year, 4, 0xFFFF), part(moment.month, 2, 0xFF), part(moment.day, 2, 0xFF)))
    time = ":".join(part(value, 2, 0xFF) for value in (moment.hour, moment.minute, moment.second))
    hundredths = part(moment.hundredths, 2, 0xFF)
    weekday = part(moment.day_of_week, 1, 0xFF)
    return (
        f"{date} {time}.{hundredths}, day of week {weekday}, "
        f"deviation {moment.deviation:04X}, status {moment.status:02X}"
    )


def quoted(text: str) -> str:
    """Text in quotes; what is not printable, and backslash and quote, as escapes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_UNSEEN.sub(_escape, escaped)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
