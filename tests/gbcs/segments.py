"""The octets of decoded fields, written a second time and piece by piece.

Shares no code with the project: from the JSON of a message to (path, role, octets), where
joining the octets gives the message. Changing one value must change the pieces of its path
and the lengths around it, and nothing else.
"""

from typing import Any, NamedTuple

from tests.gbcs.asn1_segments import asn1_pieces
from tests.gbcs.zcl_segments import gbz_pieces

WIDTHS = {
    "double-long": 4,
    "double-long-unsigned": 4,
    "bcd": 1,
    "integer": 1,
    "long": 2,
    "unsigned": 1,
    "long-unsigned": 2,
    "long64": 8,
    "long64-unsigned": 8,
    "enum": 1,
}
SIGNED = {"double-long", "integer", "long", "long64"}
TAGS = {
    "null": 0,
    "array": 1,
    "structure": 2,
    "boolean": 3,
    "bit-string": 4,
    "double-long": 5,
    "double-long-unsigned": 6,
    "octet-string": 9,
    "visible-string": 10,
    "utf8-string": 12,
    "bcd": 13,
    "integer": 15,
    "long": 16,
    "unsigned": 17,
    "long-unsigned": 18,
    "compact-array": 19,
    "long64": 20,
    "long64-unsigned": 21,
    "enum": 22,
    "float32": 23,
    "float64": 24,
    "date-time": 25,
    "date": 26,
    "time": 27,
}
MOMENT = "year month day day_of_week hour minute second hundredths deviation status".split()
CHOICES = {"get": 1, "set": 2, "action": 3, "get-with-selection": 4, "set-with-selection": 5}


class Segment(NamedTuple):
    """A piece: `value` of the leaf at path, `length` of what is below path, or `fixed`."""

    path: str
    role: str
    octets: bytes


def joined(pieces: list[Segment]) -> bytes:
    """The octets of pieces."""
    return b"".join(piece.octets for piece in pieces)


def message_segments(fields: dict[str, Any]) -> list[Segment]:
    """The pieces of a message."""
    forms = fields.get("length_forms", {})
    cra = {"precommand": 1, "command": 1, "response": 2, "alert": 3}[fields["kind"]]
    head = [
        _fixed("DF09"),
        Segment("kind", "value", bytes((cra,))),
        _hex(fields, "counter"),
        _fixed("08"),
        _hex(fields, "originator"),
        _fixed("08"),
        _hex(fields, "recipient"),
    ]
    moment = fields["date_time"]
    if moment is None:
        head.append(Segment("date_time", "length", b"\0"))
    else:
        head.append(Segment("date_time", "length", b"\x0c"))
        for name in MOMENT:
            wide = 2 if name in ("year", "deviation") else 1
            head.append(Segment(f"date_time.{name}", "value", moment[name].to_bytes(wide, "big")))
    supplementary = fields["supplementary"] or {}
    other = [_hex(fields, "message_code")]
    for name in ("remote_party_id", "remote_party_counter", "originator_counter", "certificate"):
        if name in supplementary:
            other.append(_hex(supplementary, name, "supplementary."))
    head += _measured("supplementary", other, forms.get("other_information"))
    payload = fields["payload"]
    if "gbz" in payload:
        content = [Segment(*piece) for piece in gbz_pieces(payload)]
    elif "opaque" in payload:
        content = [_hex(payload, "opaque", "payload.")]
    elif "asn1" in payload:
        content = [Segment(*piece) for piece in asn1_pieces(payload)]
    else:
        content = _apdu(payload)
    body = [*head, *_measured("payload", content, forms.get("content"))]
    if fields["signature_length"]:
        if fields["signature_hex"] is None:
            body.append(Segment("signature_hex", "length", b"\0"))
        else:
            body += [Segment("signature_hex", "length", b"\x40"), _hex(fields, "signature_hex")]
    if not fields["mac_header"]:
        return body
    inner = [_fixed("1100000000"), *body, _hex(fields, "mac_hex")]
    return [_fixed("DD000000000000"), *_measured("", inner, forms.get("ciphered_service"))]


def _fixed(digits: str) -> Segment:
    return Segment("", "fixed", bytes.fromhex(digits))


def _hex(fields: dict[str, Any], key: str, before: str = "") -> Segment:
    return Segment(before + key, "value", bytes.fromhex(fields[key]))


def _length(number: int, octets: int | None) -> bytes:
    """A length in a given count of octets, the least by default."""
    if octets is None:
        octets = 1 if number < 0x80 else 1 + len(f"{number:x}") // 2 + len(f"{number:x}") % 2
    return bytes((number,)) if octets == 1 else bytes((0x7F + octets,)) + number.to_bytes(octets - 1, "big")


def _measured(path: str, inside: list[Segment], form: int | None) -> list[Segment]:
    return [Segment(path, "length", _length(len(joined(inside)), form)), *inside]


def _apdu(payload: dict[str, Any]) -> list[Segment]:
    tags = {"access-request": 0xD9, "access-response": 0xDA, "data-notification": 0x0F}
    moment = bytes.fromhex(payload.get("date_time", ""))
    pieces = [
        Segment("payload.apdu", "value", bytes((tags[payload["apdu"]],))),
        _hex(payload, "invoke_id", "payload."),
        Segment("payload.date_time", "length", bytes((len(moment),))),
        Segment("payload.date_time", "value", moment),
    ]
    if payload["apdu"] == "data-notification":
        return pieces + _node(payload["body"], "payload.body")
    forms = payload.get("length_forms", {})
    items = [(f"payload.items[{index}]", item) for index, item in enumerate(payload["items"])]
    data = [piece for path, item in items for piece in _node(item["data"], f"{path}.data")]
    data.insert(0, Segment("payload.items", "length", _length(len(items), forms.get("data"))))
    rows: list[Segment] = [
        Segment("payload.items", "length", _length(len(items), forms.get("specifications")))
    ]
    for path, item in items:
        rows.append(Segment(f"{path}.choice", "value", bytes((CHOICES[item["choice"]],))))
        if payload["apdu"] == "access-response":
            rows.append(Segment(f"{path}.result", "value", bytes((item["result"],))))
            continue
        name = bytes(
            int(number) for number in item["logical_name"].replace("-", ".").replace(":", ".").split(".")
        )
        rows += [
            Segment(f"{path}.class_id", "value", item["class_id"].to_bytes(2, "big")),
            Segment(f"{path}.logical_name", "value", name),
            Segment(f"{path}.member", "value", bytes((item["member"],))),
        ]
        if "selection" in item:
            rows.append(Segment(f"{path}.selector", "value", bytes((item["selector"],))))
            rows += _node(item["selection"], f"{path}.selection")
    if payload["apdu"] == "access-response":
        return [*pieces, _fixed("00"), *data, *rows]
    return [*pieces, *rows, *data]


def _node(node: dict[str, Any], path: str, tagged: bool = True) -> list[Segment]:
    """The pieces of a datum; without its tag inside a compact-array."""
    kind = node["type"]
    if kind == "protected":
        parts = [_hex(node, name, f"{path}.") for name in ("security_header", "ciphertext", "tag")]
        return [_fixed("09"), *_measured(path, parts, node.get("length_form"))]
    start = [Segment(f"{path}.type", "value", bytes((TAGS[kind],)))] if tagged else []
    return start + _value(kind, node, path, tagged)


def _value(kind: str, node: dict[str, Any], path: str, tagged: bool) -> list[Segment]:
    form = node.get("length_form")
    where = f"{path}.value"
    if kind == "null":
        return []
    if kind in ("array", "structure"):
        below = [
            piece
            for index, child in enumerate(node["value"])
            for piece in _node(child, f"{where}[{index}]", tagged)
        ]
        count = [Segment(path, "length", _length(len(node["value"]), form))] if tagged else []
        return count + below
    if kind == "compact-array":
        entries = [
            piece
            for index, child in enumerate(node["value"])
            for piece in _node(child, f"{where}[{index}]", False)
        ]
        return _type(node["of"], f"{path}.of") + _measured(path, entries, form)
    if kind == "boolean":
        if "octet" in node:
            return [Segment(f"{path}.octet", "value", bytes((node["octet"],)))]
        return [Segment(where, "value", b"\xff" if node["value"] else b"\0")]
    if kind in WIDTHS:
        number = int(node["value"])
        return [Segment(where, "value", number.to_bytes(WIDTHS[kind], "big", signed=kind in SIGNED))]
    if kind == "bit-string":
        if "bits" in node:
            count = Segment(f"{path}.bits", "value", _length(node["bits"], form))
            return [count, _hex(node, "hex", f"{path}.")]
        bits = node["value"]
        octets = bytes(int(bits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(bits), 8))
        return [Segment(path, "length", _length(len(bits), form)), Segment(where, "value", octets)]
    if "hex" in node:
        return _measured(path, [_hex(node, "hex", f"{path}.")], form)
    if kind in ("visible-string", "utf8-string"):
        return _measured(path, [Segment(where, "value", node["value"].encode("utf-8"))], form)
    if kind == "octet-string":
        return _measured(path, [_hex(node, "value", f"{path}.")], form)
    return [_hex(node, "value", f"{path}.")]


def _type(of: Any, path: str) -> list[Segment]:
    if isinstance(of, str):
        return [Segment(path, "value", bytes((TAGS[of],)))]
    if "array" in of:
        count = Segment(f"{path}.array", "value", of["array"].to_bytes(2, "big"))
        return [_fixed("01"), count, *_type(of["of"], f"{path}.of")]
    below = [
        piece for i, item in enumerate(of["structure"]) for piece in _type(item, f"{path}.structure[{i}]")
    ]
    return [_fixed("02"), Segment(path, "length", _length(len(of["structure"]), None)), *below]
