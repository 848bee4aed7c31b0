"""Commands of OTA Upgrade octet for octet, back and forth, and by the definitions of zigpy."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId
from gbcs.zcl.clusters import attributes_of
from smets.han.endpoints import OTA
from smets.han.ota_frames import (
    MOST_DATA,
    WAIT,
    ImageBlock,
    ImageBlockRequest,
    ImageNotify,
    NoBlock,
    OtaCommand,
    OtaWireSettings,
    QueryNextImageRequest,
    QueryNextImageResponse,
    UpgradeEndRequest,
    UpgradeEndResponse,
    WaitForData,
    ota_command,
    ota_frame,
)
from smets.han.ota_image import ImageId
from smets.han.zcl import parse_zcl, wants_default_response

IMAGE = ImageId(0x1234, 0x0005, 0x01020304)
NODE = EntityId.parse("00-DB-12-34-56-78-90-A1")
NAMED = "3412 0500 04030201"

VECTORS: dict[str, tuple[OtaCommand, str]] = {
    "notify": (ImageNotify(100), "19 07 00 00 64"),
    "notify a manufacturer": (ImageNotify(1, 0x1234), "19 07 00 01 01 3412"),
    "notify a type": (ImageNotify(1, 0x1234, 5), "19 07 00 02 01 3412 0500"),
    "notify a version": (ImageNotify(1, *IMAGE), f"19 07 00 03 01 {NAMED}"),
    "query": (QueryNextImageRequest(IMAGE), f"11 07 01 00 {NAMED}"),
    "query with hardware": (QueryNextImageRequest(IMAGE, 0x0102), f"11 07 01 01 {NAMED} 0201"),
    "offer": (QueryNextImageResponse(0, IMAGE, 0x010203), f"19 07 02 00 {NAMED} 03020100"),
    "no offer": (QueryNextImageResponse(0x98), "19 07 02 98"),
    "block request": (ImageBlockRequest(IMAGE, 0x30, 48), f"11 07 03 00 {NAMED} 30000000 30"),
    "block request with a node": (
        ImageBlockRequest(IMAGE, 0, 1, NODE),
        f"11 07 03 01 {NAMED} 00000000 01 A1907856 3412DB00",
    ),
    "block request with a period": (
        ImageBlockRequest(IMAGE, 0, 1, None, 0x0203),
        f"11 07 03 02 {NAMED} 00000000 01 0302",
    ),
    "block request with both": (
        ImageBlockRequest(IMAGE, 0, 1, NODE, 0x0203),
        f"11 07 03 03 {NAMED} 00000000 01 A1907856 3412DB00 0302",
    ),
    "block": (ImageBlock(IMAGE, 0x30, b"abc"), f"19 07 05 00 {NAMED} 30000000 03 616263"),
    "wait": (WaitForData(1, 0x0203, 4), "19 07 05 97 01000000 03020000 0400"),
    "abort": (NoBlock(0x95), "19 07 05 95"),
    "end": (UpgradeEndRequest(0, IMAGE), f"11 07 06 00 {NAMED}"),
    "end of what is not sound": (UpgradeEndRequest(0x96, IMAGE), f"11 07 06 96 {NAMED}"),
    "end answered": (UpgradeEndResponse(IMAGE, 1), f"19 07 07 {NAMED} 01000000 FFFFFFFF"),
}


@pytest.mark.parametrize("name", VECTORS)
def test_octets(name: str) -> None:
    command, octets = VECTORS[name]
    frame = ota_frame(command, 7)
    assert frame.octets().hex() == bytes.fromhex(octets).hex()
    assert not wants_default_response(frame)
    assert wants_default_response(ota_frame(command, 7, default_response=True))
    assert ota_command(bytes.fromhex(octets)) == command


@pytest.mark.parametrize("name", VECTORS)
def test_cut_short_or_with_octets_behind(name: str) -> None:
    command, text = VECTORS[name]
    octets = bytes.fromhex(text)
    for length in range(len(octets)):
        with pytest.raises(ParseError):
            ota_command(octets[:length])
    if isinstance(command, QueryNextImageResponse | NoBlock) and command.status:
        assert ota_command(octets + b"\0") == command  # a refusal has nothing that could be misread
    else:
        with pytest.raises(ParseError):
            ota_command(octets + b"\0")


OTHERS = {
    "page": f"01 07 04 00 {NAMED} 00000000 30 0002 0000",
    "specific file": "01 07 08 0000",
    "nobody's": "01 07 33",
    "general": "00 07 00 0000",
    "the other way round": f"09 07 01 00 {NAMED}",
    "reserved": "03 07 01",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_command_for_us(name: str) -> None:
    assert ota_command(bytes.fromhex(OTHERS[name])) is None


@pytest.mark.parametrize(
    "octets",
    [
        "19 07 00 04 01",  # a payload type nobody knows
        "19 07 00 00 01 3412",
        "19 07 00 03 01 3412",
        f"11 07 01 01 {NAMED}",
        f"11 07 01 00 {NAMED} 0201",
        f"19 07 05 00 {NAMED} 00000000 FF",  # the invalid string
        "15 3412 07 01",  # a manufacturer's frame
    ],
)
def test_what_cannot_be(octets: str) -> None:
    with pytest.raises(ParseError):
        ota_command(bytes.fromhex(octets))


@pytest.mark.parametrize(
    "command",
    [
        QueryNextImageResponse(0),
        QueryNextImageResponse(0x98, IMAGE, 1),
        NoBlock(0),
        NoBlock(0x97),
        ImageNotify(1, None, 5),
        ImageNotify(256),
        ImageBlock(IMAGE, 0, bytes(MOST_DATA + 1)),
        ImageBlockRequest(IMAGE, -1, 1),
        ImageBlockRequest(IMAGE, 0, 256),
        ImageBlockRequest(IMAGE, 0, 1, None, 0x10000),
        WaitForData(-1, 0, 0),
        UpgradeEndRequest(256, IMAGE),
        UpgradeEndResponse(IMAGE, 1 << 32),
        QueryNextImageRequest(ImageId(0x10000, 0, 0)),
    ],
    ids=str,
)
def test_what_no_frame_can_carry(command: OtaCommand) -> None:
    with pytest.raises(BuildError):
        ota_frame(command, 1)


U8, U16, U32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)
IMAGES = st.builds(ImageId, U16, U16, U32)
COMMANDS = st.one_of(
    st.builds(ImageNotify, U8, U16, U16, U32),
    st.builds(QueryNextImageRequest, IMAGES, st.none() | U16),
    st.builds(QueryNextImageResponse, st.just(0), IMAGES, U32),
    st.builds(
        ImageBlockRequest, IMAGES, U32, U8, st.none() | st.just(NODE), st.none() | U16
    ),
    st.builds(ImageBlock, IMAGES, U32, st.binary(max_size=MOST_DATA)),
    st.builds(WaitForData, U32, U32, U16),
    st.builds(NoBlock, st.integers(1, 0xFF).filter(lambda status: status != 0x97)),
    st.builds(UpgradeEndRequest, U8, IMAGES),
    st.builds(UpgradeEndResponse, IMAGES, U32, U32),
)  # fmt: skip


@given(COMMANDS, U8)
def test_a_command_is_read_as_it_was_built(command: OtaCommand, sequence: int) -> None:
    frame = ota_frame(command, sequence)
    assert ota_command(frame.octets()) == command
    assert parse_zcl(OTA, frame.octets()).octets() == frame.octets()


@given(st.sampled_from((0x01, 0x09, 0x11, 0x19)), st.integers(0, 9), st.binary(max_size=40))
def test_any_octets_are_a_command_or_a_parse_error(control: int, number: int, body: bytes) -> None:
    octets = bytes((control, 1, number)) + body
    try:
        command = ota_command(octets)
    except ParseError:
        return
    if command is not None and not (isinstance(command, QueryNextImageResponse | NoBlock) and command.status):
        assert ota_frame(command, 1).octets()[3:] == _defined(body, command)


def _defined(body: bytes, command: OtaCommand) -> bytes:
    """The body without the bits of a field control that mean nothing."""
    masks = {QueryNextImageRequest: 0x01, ImageBlockRequest: 0x03}
    mask = masks.get(type(command), 0xFF)
    return bytes((body[0] & mask,)) + body[1:]


def test_settings_are_on_the_wire() -> None:
    wire = OtaWireSettings(
        abort=0x01,
        wait_for_data=0x02,
        hardware_bit=0x80,
        node_bit=0x40,
        period_bit=0x20,
        notify_types=(9, 8, 7, 6),
    )
    commands: tuple[tuple[OtaCommand, str], ...] = (
        (ImageNotify(1), "19 01 00 09 01"),
        (QueryNextImageRequest(IMAGE, 1), f"11 01 01 80 {NAMED} 0100"),
        (ImageBlockRequest(IMAGE, 0, 1, None, 2), f"11 01 03 20 {NAMED} 00000000 01 0200"),
        (WaitForData(1, 2, 3), "19 01 05 02 01000000 02000000 0300"),
        (NoBlock(0x97), "19 01 05 97"),
    )
    for command, octets in commands:
        assert ota_frame(command, 1, wire).octets().hex() == bytes.fromhex(octets).hex()
        assert ota_command(bytes.fromhex(octets), wire) == command


@pytest.mark.parametrize(
    "wrong",
    [
        {"abort": 0},
        {"abort": 0x96},
        {"no_image": 256},
        {"hardware_bit": 0},
        {"hardware_bit": 3},
        {"period_bit": 1},
        {"notify_types": (0, 1, 2, 2)},
        {"notify_types": (0, 1, 2, 256)},
    ],
    ids=str,
)
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(BuildError):
        OtaWireSettings(**wrong)


# -- the independent definition -----------------------------------------------------------


def zigpy_ota() -> Any:
    pytest.importorskip("zigpy", reason="the radio extra is not installed: pip install -e '.[radio]'")
    from zigpy.zcl.clusters.general import Ota

    return Ota


@pytest.mark.parametrize("name", VECTORS)
def test_zigpy_reads_and_writes_the_same(name: str) -> None:
    _, octets = VECTORS[name]
    definitions = zigpy_ota()
    frame = parse_zcl(OTA, bytes.fromhex(octets))
    table = definitions.ClientCommandDefs if frame.to_client else definitions.ServerCommandDefs
    (definition,) = [known for known in table if known.id == frame.command]
    body = bytes.fromhex(octets)[3:]
    value, rest = definition.schema.deserialize(body)
    assert rest == b""
    assert value.serialize() == body


def test_attributes_have_the_types_of_zigpy() -> None:
    theirs = {known.id: known for known in zigpy_ota().AttributeDefs}
    ours = attributes_of(OTA)
    assert len(ours) == 11
    for attribute in ours:
        assert theirs[attribute.id].zcl_type == attribute.type, attribute.name


def test_never_is_the_last_moment() -> None:
    assert UpgradeEndResponse(IMAGE, 0).upgrade == WAIT == 0xFFFF_FFFF
