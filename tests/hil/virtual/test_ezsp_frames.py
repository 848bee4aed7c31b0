"""Every frame of the virtual dongle against bellows' own serialisation, both ways, each version."""

import random
from typing import Any

import pytest

from hil.virtual.ezsp_rows import VERSIONS, Frame, frames, rows
from hil.virtual.ezsp_status_rows import STATUSES
from hil.virtual.node_types import Status

pytest.importorskip("bellows", reason="the radio extra is not installed: pip install -e '.[radio]'")

import bellows.types as t
from bellows.ezsp import EZSP

# Fields whose bellows type would refuse other numbers, or that stand for a count
LIST_OF = {"nwks": t.LVList[t.EmberNodeId], "u16s": t.List[t.uint16_t]}
TESTED = (13, 14, 19)  # the others differ from their neighbours in a few rows
CASES = [(version, name) for version in TESTED for name in frames(version).by_name]


def theirs(version: int) -> dict[str, Any]:
    return EZSP._BY_VERSION[version].COMMANDS


def value(kind: str, chance: random.Random, table: dict[str, str]) -> Any:
    """A random value of one of our types, by the name it has in a schema."""
    bare = kind.rstrip("?!")
    if bare in table:
        return {
            part.partition(":")[0]: value(part.partition(":")[2], chance, table)
            for part in table[bare].split()
        }
    if bare in ("ember", "ezsp", "sl", "ember8"):
        return Status.OK
    if bare.startswith("octets") or bare == "key":
        return chance.randbytes(int(bare.removeprefix("octets") or 16) if bare != "key" else 16)
    if bare in ("lv", "lv32"):
        return chance.randbytes(chance.randrange(40))
    if bare in ("nwks", "u16s"):
        return [chance.randrange(0x10000) for _ in range(chance.randrange(6))]
    if bare == "bool":
        return chance.random() < 0.5
    if bare == "i8":
        return chance.randrange(-128, 128)
    sizes = {"u8": 8, "u16": 16, "u32": 32, "nwk": 16, "eui64": 64, "tag": 8}
    return chance.randrange(1 << sizes[bare])


def values(text: str, chance: random.Random) -> dict[str, Any]:
    from hil.virtual.ezsp_rows import STRUCTURES

    found: dict[str, Any] = {}
    for part in text.split():
        name, _, kind = part.partition(":")
        kind, _, count = kind.partition("*")
        if count:
            found[count] = chance.randrange(5)
            found[name] = [value(kind, chance, STRUCTURES) for _ in range(found[count])]
        else:
            found[name] = value(kind, chance, STRUCTURES)
    return found


def rewritten(schema: Any, octets: bytes) -> tuple[bytes, int]:
    """What bellows makes of octets, and how many fields it found."""
    if isinstance(schema, dict):
        result, rest = t.deserialize_dict(octets, schema)
        assert rest == b""
        return t.serialize_dict((), result, schema), len(schema)
    if schema == ():
        return b"", 0
    result, rest = schema.deserialize(octets)
    assert rest == b""
    return result.serialize(), len(schema.fields)


@pytest.mark.parametrize(("version", "name"), CASES)
def test_bellows_reads_and_writes_the_same_octets(version: int, name: str) -> None:
    compare(version, name)


@pytest.mark.parametrize("version", [v for v in VERSIONS if v not in TESTED])
def test_the_versions_between(version: int) -> None:
    for name in frames(version).by_name:
        compare(version, name)


def compare(version: int, name: str) -> None:
    frame = frames(version).by_name[name]
    frame_id, request, response = theirs(version)[name]
    assert frame.id == frame_id
    chance = random.Random(name)
    for schema, their_schema in ((frame.request, request), (frame.response, response)):
        if schema is None:
            continue
        for _ in range(4):
            given = values(schema.text, chance)
            octets = schema.write(given)
            assert schema.read(octets) == (given, len(octets))
            if name == "addEndpoint" and schema is frame.request:
                continue  # bellows reads both lists into the first; see the test below
            back, fields = rewritten(their_schema, octets)
            assert back == octets
            assert fields == len(schema.fields)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_endpoint_as_bellows_writes_it(version: int) -> None:
    inputs, outputs = [0x0000, 0x0702, 0x0704], [0x000A]
    octets = t.serialize_dict(
        (1, 0x0109, 0x0501, 2, 3, 1, inputs, outputs), {}, theirs(version)["addEndpoint"][1]
    )
    request = frames(version).by_name["addEndpoint"].request
    assert request is not None
    read, end = request.read(octets)
    assert end == len(octets)
    assert (read["input_clusters"], read["output_clusters"]) == (inputs, outputs)
    assert (read["endpoint"], read["profile"], read["device_id"], read["device_version"]) == (
        1,
        0x109,
        0x501,
        2,
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_failed_token_read_has_no_value(version: int) -> None:
    response = frames(version).by_name["getTokenData"].response
    octets = response.write({"status": Status.NOT_FOUND, "data": b""})
    result, rest = theirs(version)["getTokenData"][2].deserialize(octets)
    assert rest == b""
    assert t.sl_Status.from_ember_status(result.status) == t.sl_Status.NOT_FOUND
    assert response.read(octets)[0]["data"] == b""


@pytest.mark.parametrize("version", VERSIONS)
def test_a_value_shows_at_the_place_bellows_reads_it(version: int) -> None:
    """Equal octets could still have two fields of one size swapped: compare by meaning."""
    aps = {
        "profile": 0x0109, "cluster": 0x0704, "source_endpoint": 1, "destination_endpoint": 2,
        "options": 0x0140, "group_id": 0x1234, "sequence": 0x56,
    }  # fmt: skip
    table = frames(version)
    incoming = table.by_name["incomingMessageHandler"].response.write(
        {
            "kind": 4, "aps": aps, "lqi": 200, "rssi": -50, "sender": 0xABCD, "eui64": 0x0011223344556677,
            "binding_index": 3, "address_index": 5, "timestamp": 99, "message": b"message",
        }
    )  # fmt: skip
    read, _ = t.deserialize_dict(incoming, theirs(version)["incomingMessageHandler"][2])
    their_aps = read.get("aps_frame", read.get("apsFrame"))
    assert (their_aps.profileId, their_aps.clusterId, their_aps.sequence) == (0x0109, 0x0704, 0x56)
    assert (their_aps.sourceEndpoint, their_aps.destinationEndpoint) == (1, 2)
    assert (their_aps.options, their_aps.groupId) == (0x0140, 0x1234)
    assert read.get("nwk", read.get("sender")) == 0xABCD
    assert read.get("lqi", read.get("lastHopLqi")) == 200
    assert read.get("rssi", read.get("lastHopRssi")) == -50
    assert read.get("binding_index", read.get("bindingIndex")) == 3
    assert read.get("address_index", read.get("addressIndex")) == 5
    if version >= 14:
        assert str(read["eui64"]) == "00:11:22:33:44:55:66:77"
        assert read["timestamp"] == 99


def test_every_row_differs_from_the_others() -> None:
    for version in VERSIONS:
        found = [r for r in rows() if r.since <= version <= r.until]
        assert len({r.name for r in found}) == len(found)
        assert len({r.id for r in found}) == len(found)


@pytest.mark.parametrize("status", STATUSES)
def test_each_number_of_a_status_means_the_same(status: Any) -> None:
    new, ember, ezsp = STATUSES[status]
    assert new in set(t.sl_Status)
    assert ember in set(t.EmberStatus)
    assert ezsp in set(t.EzspStatus)
    meant = t.sl_Status(new)
    assert t.sl_Status.from_ember_status(meant) == meant
    translated = t.sl_Status.from_ember_status(t.EmberStatus(ember))
    if translated != t.sl_Status.FAIL and status.name not in ("NOT_SUPPORTED", "ADDRESS_CONFLICT"):
        assert translated == meant


def test_rows_stand_for_one_direction_or_two() -> None:
    for version in VERSIONS:
        for frame in frames(version).by_id.values():
            assert isinstance(frame, Frame)
            assert (frame.request is None) == (
                frame.name.endswith("Handler") or frame.name in ("invalidCommand", "noCallbacks")
            )
