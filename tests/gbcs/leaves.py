"""Other values for each value of a decoded message, one at a time, and whether they can be built."""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.gbcs.asn1_segments import COUNTERS, KEY_USAGES, STATUS, names_of
from tests.gbcs.zcl_leaves import other_gbz

REMARKS = frozenset(
    "use_case name plaintext encrypted decrypted signature mac encryption file line subject meaning".split()
)
# Types with the same layout: a change of the one changes the tag and nothing else.
TWINS = {
    "unsigned": "enum",
    "enum": "unsigned",
    "bcd": "unsigned",
    "array": "structure",
    "structure": "array",
    "long-unsigned": "long",
    "long": "long-unsigned",
    "double-long-unsigned": "double-long",
    "double-long": "double-long-unsigned",
    "long64-unsigned": "long64",
    "long64": "long64-unsigned",
    "integer": "unsigned",
}
TWIN_CHOICES = {
    "get": "set",
    "set": "get",
    "action": "get",
    "get-with-selection": "set-with-selection",
    "set-with-selection": "get-with-selection",
}
MOMENT = dict.fromkeys(("month", "day", "day_of_week", "hour", "minute", "second", "hundredths", "status"), 1)
PARTY = "90B3D51F30AB0009"


class Change(NamedTuple):
    """One value changed: where, the fields with it, whether a message can be built from them."""

    path: str
    value: Any
    fields: dict[str, Any]
    builds: bool


def without_remarks(fields: Any) -> Any:
    """The fields that are read back."""
    if isinstance(fields, dict):
        return {key: without_remarks(value) for key, value in fields.items() if key not in REMARKS}
    if isinstance(fields, list):
        return [without_remarks(value) for value in fields]
    return fields


def leaves(fields: Any) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Each value that is no remark: its path as text and as keys."""
    yield from _leaves(fields, "", ())


def _leaves(fields: Any, path: str, keys: tuple[Any, ...]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if isinstance(fields, dict):
        for key, value in fields.items():
            if key not in REMARKS:
                yield from _leaves(value, f"{path}.{key}".lstrip("."), (*keys, key))
    elif isinstance(fields, list):
        for index, value in enumerate(fields):
            yield from _leaves(value, f"{path}[{index}]", (*keys, index))
    else:
        yield path, keys


def changes(fields: dict[str, Any], path: str, keys: tuple[Any, ...]) -> Iterator[Change]:
    """The other values of one leaf."""
    parents: list[Any] = [fields]
    for key in keys[:-1]:
        parents.append(parents[-1][key])
    value = parents[-1][keys[-1]]
    for other, builds in _others(fields, path, keys, parents, value):
        assert other != value
        changed = copy.deepcopy(fields)
        target: Any = changed
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = other
        yield Change(path, other, changed, builds)


def _others(
    fields: dict[str, Any], path: str, keys: tuple[Any, ...], parents: list[Any], value: Any
) -> Iterator[tuple[Any, bool]]:
    key, parent = keys[-1], parents[-1]
    compact = any(isinstance(p, dict) and p.get("type") == "compact-array" for p in parents[:-1])
    if keys[0] == "payload" and "asn1" in fields["payload"] and keys[1] != "length_forms":
        yield from _other_asn1(fields["payload"]["asn1"], keys[1:], value)
    elif keys[0] == "payload" and "gbz" in fields["payload"]:
        yield from other_gbz(keys[1:], parents[1:], value)
    elif ".of" in path:
        yield from _other_types(parents, value)
    elif len(keys) == 1:
        yield from _other_header(fields, key, value)
    elif keys[0] == "supplementary":
        yield _flip(value), True
        if key == "certificate":
            yield value + "00", True
    elif keys[0] == "date_time":
        yield value ^ 1, True
        yield value ^ 0x80, True
    elif "length_forms" in path or key == "length_form":
        yield value + 1 if value < 127 else value - 1, True
        yield 1, False
        yield 128, False
    elif key == "apdu":
        yield "access-no", False
    elif key == "type":
        yield "no-such-type", False
        twin = TWINS.get(value)
        if twin is not None:
            yield twin, not compact and _fits(twin, parent["value"])
    elif key == "choice":
        yield TWIN_CHOICES[value], True
        yield "no-such-choice", False
        if "class_id" in parent:
            yield ("get" if "selection" in parent else "get-with-selection"), False
        else:
            yield "get-with-selection", False
    elif key == "logical_name":
        a, last = value.rsplit(".", 1)
        yield f"{a}.{int(last) ^ 1}", True
        yield "0-0:1.2.3", False
    elif key in ("class_id", "member", "result", "selector"):
        yield value ^ 1, True
        yield -1, False
        yield 65536, False
    elif key == "octet":
        yield value ^ 2, True
        yield 0, False
        yield 256, False
    elif key == "bits":
        yield value + 1, True
        yield value + 8, False
    elif key == "hex" and "bits" in parent:
        yield _flip_first(value), True
        yield value + "00", False
    elif key == "hex":
        yield value[:-2] + ("FE" if value.endswith("FF") else "FF"), True
        yield value + "FF", True
    elif key in ("invoke_id", "date_time", "tag", "security_header"):
        yield _flip(value), True
        yield value + "00", False
    elif key in ("ciphertext", "opaque"):
        if value:
            yield _flip(value), True
        yield value + "00", True
    else:
        assert key == "value", path
        yield from _other_values(parent["type"], parent, value)


def _other_header(fields: dict[str, Any], key: str, value: Any) -> Iterator[tuple[Any, bool]]:
    kind, maced, length = fields["kind"], fields["mac_header"], fields["signature_length"]
    if key == "v":
        yield 2, False
    elif key == "kind":
        yield ("alert" if value == "response" else "response"), True
        yield "no-such-kind", False
        if value in ("command", "precommand"):
            yield ("command" if value == "precommand" else "precommand"), False
    elif key == "mac_header":
        yield not value, False
    elif key == "signature_length":
        yield not value, fields["signature_hex"] is None and not maced
    elif key == "signature_hex" and value is None:
        yield "5A" * 64, length and kind != "precommand"
        yield "5A" * 63, False
    elif key == "signature_hex":
        yield _flip(value), True
        yield None, kind != "command" or maced
    elif key == "mac_hex" and value is None:
        yield "5A" * 12, False
    elif key == "mac_hex":
        yield _flip(value), True
        yield None, False
    elif key == "date_time":
        yield {"year": 2024, **MOMENT, "deviation": 0x8000}, True
        yield {"year": 2024}, False
    elif key == "supplementary":
        yield {"remote_party_id": PARTY}, True
        yield {"remote_party_id": PARTY, "remote_party_counter": "0000000000000000"}, True
        yield {"remote_party_counter": "0000000000000001"}, False
    else:
        assert key in ("message_code", "counter", "originator", "recipient"), key
        yield _flip(value), True
        yield _flip_first(value), True
        yield value[2:], False


def _other_types(parents: list[Any], value: Any) -> Iterator[tuple[Any, bool]]:
    """Another description: it no longer fits the entries, if there are any."""
    array = next(p for p in reversed(parents) if isinstance(p, dict) and p.get("type") == "compact-array")
    empty = not array["value"]
    if isinstance(value, int):
        yield value + 1, empty
        yield 0, False
    else:
        yield ("boolean" if value != "boolean" else "enum"), empty
        yield "null", False


def _other_values(kind: str, node: dict[str, Any], value: Any) -> Iterator[tuple[Any, bool]]:
    if kind == "boolean":
        yield not value, "octet" not in node
        yield "true", False
    elif kind in ("long64", "long64-unsigned"):
        yield str(int(value) ^ 1), True
        yield int(value), False
        yield str(2**64), False
    elif isinstance(value, int):
        yield value ^ 1, True
        yield 2**32, False
        yield -(2**31) - 1, False
    elif kind == "bit-string":
        if value:
            yield value[:-1] + str(int(value[-1]) ^ 1), True
        yield value + "1", True
        yield value + "2", False
    elif kind in ("visible-string", "utf8-string"):
        if value:
            yield ("y" if value[0] == "x" else "x") + value[1:], True
        yield value + "x", True
    elif kind == "octet-string":
        if value:
            yield _flip(value), True
        yield value + "00", True
        yield value + "0", False
    else:
        yield _flip(value), True
        yield value + "00", False


def _other_asn1(payload: str, keys: tuple[Any, ...], value: Any) -> Iterator[tuple[Any, bool]]:
    if keys == ("asn1",):
        yield "NoSuch.Payload", False
        return
    name = next((key for key in reversed(keys[1:]) if isinstance(key, str)), payload)
    named = STATUS if name == "statusCode" else names_of(payload, name)
    if name == "der":
        yield _flip(value), True
        yield value + "00", False
        yield "31" + value[2:], False
    elif value is None:
        yield 1, False
    elif name in KEY_USAGES:
        yield ("keyCertSign" if value == "keyAgreement" else "keyAgreement"), True
        yield ("cRLSign+9" if value == "" else ""), True
        yield from ((other, False) for other in ("noUsage", "64", "keyAgreement+keyAgreement", "0+"))
    elif named is not None:
        yield from [(other, True) for other in named if other != value][:1]
        yield (98 if value == 99 else 99), True
        yield from ((other, False) for other in ("noSuchName", 2**32, 1.5, not value))
    elif name in COUNTERS:
        yield _flip(value), True
        yield value + "00", False
        yield int(value, 16), False
    elif value.endswith("Z"):
        yield value[:-2] + str(int(value[-2]) ^ 1) + "Z", True
        yield from ((other, False) for other in ("2023-02-29T00:00:00Z", "20240301120000Z", value + " "))
    else:
        yield _flip(value), True
        yield value + "0", False
        yield value + "00", name == "plaintextSymmetricKey"


def _fits(kind: str, value: Any) -> bool:
    if isinstance(value, list):
        return True
    bits = {"long": 16, "double-long": 32, "long64": 64, "long-unsigned": 16, "double-long-unsigned": 32}
    wide = bits.get(kind, 64 if kind == "long64-unsigned" else 8)
    signed = not kind.endswith("unsigned") and kind != "enum"
    low, high = (-(2 ** (wide - 1)), 2 ** (wide - 1)) if signed else (0, 2**wide)
    return low <= int(value) < high


def _flip(digits: str) -> str:
    """Hex digits with the last bit changed."""
    return digits[:-1] + f"{int(digits[-1], 16) ^ 1:X}"


def _flip_first(digits: str) -> str:
    return f"{int(digits[0], 16) ^ 1:X}" + digits[1:]
