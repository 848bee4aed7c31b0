"""The octets of decoded GBZ fields, written a second time and piece by piece (see `segments`)."""

from collections.abc import Iterator
from typing import Any

Piece = tuple[str, str, bytes]
# type: octet and, for what is of fixed size, octets of the value
SIZES = {
    **{f"data{8 * n}": (0x07 + n, n) for n in range(1, 9)},
    **{f"bitmap{8 * n}": (0x17 + n, n) for n in range(1, 9)},
    **{f"uint{8 * n}": (0x1F + n, n) for n in range(1, 9)},
    **{f"int{8 * n}": (0x27 + n, n) for n in range(1, 9)},
    "enum8": (0x30, 1),
    "enum16": (0x31, 2),
    "utc": (0xE2, 4),
    "cluster-id": (0xE8, 2),
    "attribute-id": (0xE9, 2),
    "bacnet-id": (0xEA, 4),
    "ieee-address": (0xF0, 8),
}
AS_ON_THE_WIRE = {
    "semi-float": 0x38,
    "single-float": 0x39,
    "double-float": 0x3A,
    "time-of-day": 0xE0,
    "date": 0xE1,
    "key-128": 0xF1,
}
STRINGS = {
    "octet-string": (0x41, 1),
    "char-string": (0x42, 1),
    "long-octet-string": (0x43, 2),
    "long-char-string": (0x44, 2),
}
COLLECTIONS = {"array": 0x48, "structure": 0x4C, "set": 0x50, "bag": 0x51}
OTHERS = {"no-data": 0x00, "boolean": 0x10, "unknown": 0xFF}
TYPES = {
    **{name: number for name, (number, _) in SIZES.items()},
    **AS_ON_THE_WIRE,
    **{name: number for name, (number, _) in STRINGS.items()},
    **COLLECTIONS,
    **OTHERS,
}


def gbz_pieces(payload: dict[str, Any]) -> Iterator[Piece]:
    """The pieces of a payload."""
    yield "", "fixed", b"\x01\x09"
    if payload["gbz"] == "components":
        components = payload["components"]
        yield "payload.components", "length", bytes((len(components),))
        for index, component in enumerate(components):
            yield from _component(component, f"payload.components[{index}]", component is components[-1])
        return
    content = list(_content(payload))
    yield "payload", "length", bytes((bool(content),))
    yield "payload.alert_code", "value", bytes.fromhex(payload["alert_code"])
    yield "payload.time.value", "value", payload["time"]["value"].to_bytes(4, "big")
    yield from content


def _content(payload: dict[str, Any]) -> Iterator[Piece]:
    if "executed" in payload:
        yield "", "fixed", b"\x0e"
        for name in ("message_code", "counter", "cluster", "frame_control", "command"):
            yield f"payload.executed.{name}", "value", bytes.fromhex(payload["executed"][name])
    elif "image_hash" in payload:
        yield "", "fixed", b"\x09\x20"
        yield "payload.image_hash", "value", bytes.fromhex(payload["image_hash"])
    elif "reason" in payload:
        yield "payload.reason.value", "value", payload["reason"]["value"].to_bytes(2, "big")
    elif "component" in payload:
        yield from _component(payload["component"], "payload.component", True)
    elif "opaque" in payload:
        yield "payload.opaque", "value", bytes.fromhex(payload["opaque"])


def _component(component: dict[str, Any], path: str, last: bool) -> Iterator[Piece]:
    control = last
    inside: list[Piece] = []
    if "from_date_time" in component:
        control |= 0x10
        moment = component["from_date_time"]["value"].to_bytes(4, "big")
        inside.append((f"{path}.from_date_time.value", "value", moment))
    if "protected" in component:
        control |= 0x02
        inside.append(("", "fixed", b"\0"))
        counter = bytes((component["protected"]["frame_counter"],))
        inside.append((f"{path}.protected.frame_counter", "value", counter))
    inside.append((f"{path}.frame_control", "value", bytes.fromhex(component["frame_control"])))
    if "manufacturer" in component:
        code = bytes.fromhex(component["manufacturer"])[::-1]
        inside.append((f"{path}.manufacturer", "value", code))
    inside.append((f"{path}.sequence", "value", bytes((component["sequence"],))))
    inside.append((f"{path}.command", "value", bytes.fromhex(component["command"])))
    if "protected" in component:
        sealed = f"{path}.protected"
        parts = [
            (f"{sealed}.{name}", "value", bytes.fromhex(component["protected"][name]))
            for name in ("security_header", "ciphertext", "tag")
        ]
        inside.append((sealed, "length", _size(parts).to_bytes(2, "big")))
        inside += parts
    else:
        for index, node in enumerate(component["fields"]):
            inside += _node(node, f"{path}.fields[{index}]")
    yield "", "fixed", bytes((control,))
    yield f"{path}.cluster", "value", bytes.fromhex(component["cluster"])
    yield path, "length", _size(inside).to_bytes(2, "big")
    yield from inside


def _size(pieces: list[Piece]) -> int:
    return sum(len(octets) for _, _, octets in pieces)


def _node(node: dict[str, Any], path: str) -> Iterator[Piece]:
    kind, value, where = node["type"], node.get("value"), f"{path}.value"
    if kind in ("list", "entry"):
        for index, inner in enumerate(value):
            yield from _node(inner, f"{where}[{index}]")
    elif kind == "typed":
        yield from _behind_its_type(value, where)
    elif kind == "opaque" or kind in AS_ON_THE_WIRE:
        yield where, "value", bytes.fromhex(value)
    elif kind in SIZES:
        size = SIZES[kind][1]
        if isinstance(value, str):
            yield where, "value", bytes.fromhex(value)[::-1]
        else:
            yield where, "value", value.to_bytes(size, "little", signed=kind.startswith("int"))
    elif kind == "boolean":
        name = "octet" if "octet" in node else "value"
        yield f"{path}.{name}", "value", bytes((node[name],))
    elif kind in STRINGS:
        yield from _string(node, path, STRINGS[kind][1])
    elif kind in COLLECTIONS:
        if kind != "structure":
            yield f"{path}.of", "value", bytes((TYPES[node["of"]],))
        yield path, "length", (0xFFFF if value is None else len(value)).to_bytes(2, "little")
        for index, inner in enumerate(value or ()):
            write = _behind_its_type if kind == "structure" else _node
            yield from write(inner, f"{where}[{index}]")
    else:
        assert kind in OTHERS


def _behind_its_type(node: dict[str, Any], path: str) -> Iterator[Piece]:
    yield f"{path}.type", "value", bytes((TYPES[node["type"]],))
    yield from _node(node, path)


def _string(node: dict[str, Any], path: str, width: int) -> Iterator[Piece]:
    if "hex" in node:
        name, octets = "hex", bytes.fromhex(node["hex"])
    elif node["value"] is None:
        yield path, "length", b"\xff" * width
        return
    else:
        name, value = "value", node["value"]
        octets = value.encode("utf-8") if "char" in node["type"] else bytes.fromhex(value)
    yield path, "length", len(octets).to_bytes(width, "little")
    yield f"{path}.{name}", "value", octets
