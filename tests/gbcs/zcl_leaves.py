"""Other values for each value of decoded GBZ fields, and whether they can be built (see `leaves`)."""

from collections.abc import Iterator
from typing import Any

from tests.gbcs.zcl_segments import AS_ON_THE_WIRE, COLLECTIONS, SIZES, STRINGS

# Types with the same layout: where the type is on the wire, its octet changes and nothing else.
TWINS = {
    "array": "set",
    "set": "bag",
    "bag": "array",
    "data8": "bitmap8",
    "bitmap8": "data8",
    "uint8": "enum8",
    "enum8": "uint8",
    "uint16": "enum16",
    "enum16": "uint16",
    "uint32": "utc",
    "utc": "uint32",
    "cluster-id": "attribute-id",
    "attribute-id": "cluster-id",
    "data64": "ieee-address",
    "ieee-address": "bitmap64",
    "time-of-day": "date",
    "date": "time-of-day",
    "no-data": "unknown",
    "unknown": "no-data",
}
COUNTS = frozenset(
    (
        "NumberOfTiersInUse",
        "NumberOfSamples",
        "TotalNumberOfScheduleEntries",
        "NumberOfEvents",
        "NumberOfLabels",
    )
)
GUARDS = frozenset(("SnapshotPayloadType", "ConfigurationControl"))
HEX = frozenset(n for n in SIZES if n.startswith(("data", "bitmap")) or n.endswith(("id", "address")))
WIDE = frozenset(("uint56", "uint64", "int56", "int64"))


def other_gbz(keys: tuple[Any, ...], parents: list[Any], value: Any) -> Iterator[tuple[Any, bool]]:
    """The other values of a leaf; `keys` and `parents` begin at the payload."""
    key, parent = keys[-1], parents[-1]
    if key == "gbz":
        yield "no-such-payload", False
        yield ("alert" if value == "components" else "components"), False
    elif key == "type":
        yield "no-such-type", False
        twin = TWINS.get(value)
        if twin is not None:
            yield twin, _type_is_written(keys, parents)
    elif key == "of":
        yield "no-such-type", False
        yield ("uint24" if value != "uint24" else "int24"), not parent["value"]
        yield "no-data", False
    elif key == "cluster" and "fields" in parent:
        general = not int(parent["frame_control"], 16) & 3
        yield "7FFF", general or _opaque(parent)
        yield value + "00", False
    elif key == "command" and "fields" in parent:
        yield "F7", _opaque(parent)
        yield "0", False
    elif key == "frame_control":
        yield f"{int(value, 16) ^ 0x10:02X}", True
        if "sequence" in parent:
            yield f"{int(value, 16) ^ 0x04:02X}", False
        yield value + "00", False
    elif key in ("sequence", "frame_counter"):
        yield value ^ 1, True
        yield 256, False
        yield -1, False
    elif key == "value" and "type" in parent:
        yield from _other_values(keys, parents, value)
    elif key == "value":
        yield value ^ 1, True
        yield 2**32, False
        yield -1, False
    elif key == "octet":
        yield value ^ 2, True
        yield 1, False
        yield 256, False
    elif key == "hex":
        yield value[:-2] + ("FE" if value.endswith("FF") else "FF"), True
        yield value + "FF", True
    elif key in ("ciphertext", "opaque"):
        if value:
            yield flip(value), True
        yield value + "00", True
        yield value + "0", False
    else:
        fixed = "alert_code image_hash message_code counter cluster command manufacturer security_header tag"
        assert key in fixed.split(), keys
        yield flip(value), True
        yield value + "00", False


def _other_values(keys: tuple[Any, ...], parents: list[Any], value: Any) -> Iterator[tuple[Any, bool]]:
    parent = parents[-1]
    kind = parent["type"]
    if value is None:
        yield ([] if kind in COLLECTIONS else "x" if "char" in kind else "00"), True
    elif kind == "opaque":
        yield flip(value), True
        yield value + "00", True
    elif kind in HEX or kind in WIDE or kind in AS_ON_THE_WIRE:
        yield flip(value), True
        yield value + "00", False
    elif kind in SIZES:
        number = value ^ 1
        yield number, _may_change(keys, parents, number)
        yield 2**64, False
        yield -(2**63) - 1, False
        yield str(value), False
    elif kind == "boolean":
        yield not value, True
        yield "true", False
    else:
        assert kind in STRINGS, kind
        most = 254 if STRINGS[kind][1] == 1 else 65534
        if "char" in kind:
            if value:
                yield ("y" if value[0] == "x" else "x") + value[1:], True
            yield value + "x", True
            yield "x" * (most + 1), False
            return
        if value:
            yield flip(value), True
        yield value + "00", len(value) < 2 * most
        yield value + "0", False
        yield "00" * (most + 1), False


def _may_change(keys: tuple[Any, ...], parents: list[Any], number: int) -> bool:
    """Whether nothing else hangs on a number: it is no count, and no condition that changes."""
    siblings = parents[-2] if isinstance(parents[-2], list) else []
    place = keys[-2]
    name = parents[-1].get("name", "")
    if name in GUARDS:
        return False
    if name == "Selector":
        return False
    if name == "Status" and len(parents) > 4 and parents[-3].get("type") == "entry":
        return bool(number) == bool(number ^ 1)
    followed = [node["type"] for node in siblings[place + 1 :]] if siblings else []
    return not (name in COUNTS and "list" in followed)


def _opaque(component: dict[str, Any]) -> bool:
    return all(node["type"] == "opaque" for node in component["fields"])


def _type_is_written(keys: tuple[Any, ...], parents: list[Any]) -> bool:
    """Whether the octet of a type is on the wire: behind `typed` and in a structure."""
    if keys[-2] == "value":
        return bool(parents[-2].get("type") == "typed")
    return len(parents) > 3 and bool(isinstance(keys[-2], int) and parents[-3].get("type") == "structure")


def flip(digits: str) -> str:
    """Hex digits with the last bit changed."""
    return digits[:-1] + f"{int(digits[-1], 16) ^ 1:X}"
