"""Commands of OTA Upgrade as values, and back.

Source: ZigBee OTA Upgrade (reference: chts-hub 16.2). Gap: the reference has the names of the
fields, not which bits and payload types announce them, nor the statuses; see `OtaWireSettings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId
from gbcs.layout import Layout, octets, u16le, u32le
from gbcs.zcl.clusters import SUCCESS

from .endpoints import OTA
from .ota_image import ImageId
from .zcl import HEADER, ZclFrame, frame_of, parse_zcl

WAIT = 0xFFFF_FFFF  # UpgradeTime: do not run the image until told so
MOST_DATA = 0xFE  # octets of a block; one more stands for the invalid string

_NODE = Layout("request node address", octets("address", 8))
_PERIOD = Layout("minimum block period", u16le("milliseconds"))
_LATER = Layout("wait for data", u32le("current time"), u32le("request time"), u16le("minimum block period"))


@dataclass(frozen=True, slots=True)
class OtaWireSettings:
    """Numbers of OTA Upgrade that the reference does not give. Raises BuildError.

    Gap: chts-hub 16.2 and gbz-payloads 3 list none of them; the defaults are those of the ZCL, as zigpy
    has them.
    abort, invalid_image, wait_for_data, no_image, more_needed: statuses.
    hardware_bit: of the field control of a query; node_bit and period_bit: of a block request.
    notify_types: payload types of Image Notify with the jitter alone, and with one more field each.
    """

    abort: int = 0x95
    invalid_image: int = 0x96
    wait_for_data: int = 0x97
    no_image: int = 0x98
    more_needed: int = 0x99
    hardware_bit: int = 0x01
    node_bit: int = 0x01
    period_bit: int = 0x02
    notify_types: tuple[int, int, int, int] = (0, 1, 2, 3)

    def __post_init__(self) -> None:
        """Statuses that can be told apart, bits that are one."""
        statuses = self.abort, self.invalid_image, self.wait_for_data, self.no_image, self.more_needed
        if len({SUCCESS, *statuses}) != 1 + len(statuses) or not all(0 < s <= 0xFF for s in statuses):
            raise BuildError("different statuses of one octet are needed", "status")
        for bit in (self.hardware_bit, self.node_bit, self.period_bit):
            if not 0 < bit <= 0xFF or bit & (bit - 1):
                raise BuildError("one bit of an octet", "field control")
        if self.node_bit == self.period_bit:
            raise BuildError("different bits are needed", "field control")
        if len(set(self.notify_types)) != 4 or not all(0 <= kind <= 0xFF for kind in self.notify_types):
            raise BuildError("four different numbers of one octet are needed", "payload type")


DEFAULT_WIRE = OtaWireSettings()


@dataclass(frozen=True, slots=True)
class ImageNotify:
    """Server to client: there may be an image. Fields from the first None on are left out."""

    jitter: int
    manufacturer: int | None = None
    image_type: int | None = None
    file_version: int | None = None


@dataclass(frozen=True, slots=True)
class QueryNextImageRequest:
    """Client to server: what runs, and on which hardware."""

    current: ImageId
    hardware: int | None = None


@dataclass(frozen=True, slots=True)
class QueryNextImageResponse:
    """Server to client: the image to fetch and its octets, or why there is none."""

    status: int
    image: ImageId | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class ImageBlockRequest:
    """Client to server: octets of the image, as many as go. `period`: milliseconds between requests."""

    image: ImageId
    offset: int
    most: int
    node: EntityId | None = None
    period: int | None = None


@dataclass(frozen=True, slots=True)
class ImageBlock:
    """Server to client: octets of the image from an offset."""

    image: ImageId
    offset: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WaitForData:
    """Server to client: ask again at a time of the server's clock (UTC seconds)."""

    current: int
    request: int
    period: int


@dataclass(frozen=True, slots=True)
class NoBlock:
    """Server to client: there will be no octets."""

    status: int


@dataclass(frozen=True, slots=True)
class UpgradeEndRequest:
    """Client to server: what became of the image."""

    status: int
    image: ImageId


@dataclass(frozen=True, slots=True)
class UpgradeEndResponse:
    """Server to client: when to run it, in UTC seconds, or `WAIT`."""

    image: ImageId
    current: int
    upgrade: int = WAIT


OtaCommand = (
    ImageNotify
    | QueryNextImageRequest
    | QueryNextImageResponse
    | ImageBlockRequest
    | ImageBlock
    | WaitForData
    | NoBlock
    | UpgradeEndRequest
    | UpgradeEndResponse
)


def ota_frame(
    command: OtaCommand,
    sequence: int,
    wire: OtaWireSettings = DEFAULT_WIRE,
    default_response: bool = False,
) -> ZclFrame:
    """The frame of a command. Raises BuildError for what no frame can carry."""
    name, values, rest = _parts(command, wire)
    return frame_of(name, sequence, values, rest, default_response)


def _parts(command: OtaCommand, wire: OtaWireSettings) -> tuple[str, dict[str, Any], bytes]:
    """Name, declared fields, and the octets behind them."""
    if isinstance(command, ImageNotify):
        return "ImageNotify", _notify_fields(command, wire), b""
    if isinstance(command, QueryNextImageRequest):
        control = 0 if command.hardware is None else wire.hardware_bit
        query = {"FieldControl": control, **_image_fields(command.current, "CurrentFileVersion")}
        if command.hardware is not None:
            query["HardwareVersion"] = command.hardware
        return "QueryNextImageRequest", query, b""
    if isinstance(command, QueryNextImageResponse):
        if (command.status == SUCCESS) is (command.image is None):
            raise BuildError("an image and success go together", "QueryNextImageResponse")
        offer = {} if command.image is None else {**_image_fields(command.image), "ImageSize": command.size}
        return "QueryNextImageResponse", {"Status": command.status, **offer}, b""
    if isinstance(command, ImageBlockRequest):
        control = (0 if command.node is None else wire.node_bit) | (
            0 if command.period is None else wire.period_bit
        )
        asked = {"FileOffset": command.offset, "MaximumDataSize": command.most}
        rest = b"" if command.node is None else _NODE.pack(command.node[::-1])
        rest += b"" if command.period is None else _PERIOD.pack(command.period)
        fields = {"FieldControl": control, **_image_fields(command.image), **asked}
        return "ImageBlockRequest", fields, rest
    if isinstance(command, ImageBlock):
        block = {"FileOffset": command.offset, "ImageData": command.data}
        return "ImageBlockResponse", {"Status": SUCCESS, **_image_fields(command.image), **block}, b""
    if isinstance(command, WaitForData):
        rest = _LATER.pack(command.current, command.request, command.period)
        return "ImageBlockResponse", {"Status": wire.wait_for_data}, rest
    if isinstance(command, NoBlock):
        if command.status in (SUCCESS, wire.wait_for_data):
            raise BuildError("a status that says there is none is needed", "ImageBlockResponse")
        return "ImageBlockResponse", {"Status": command.status}, b""
    if isinstance(command, UpgradeEndRequest):
        return "UpgradeEndRequest", {"Status": command.status, **_image_fields(command.image)}, b""
    times = {"CurrentTime": command.current, "UpgradeTime": command.upgrade}
    return "UpgradeEndResponse", {**_image_fields(command.image), **times}, b""


def _image_fields(image: ImageId, version: str = "FileVersion") -> dict[str, Any]:
    return {
        "ManufacturerCode": image.manufacturer,
        "ImageType": image.image_type,
        version: image.file_version,
    }


def _notify_fields(command: ImageNotify, wire: OtaWireSettings) -> dict[str, Any]:
    values = {
        "ManufacturerCode": command.manufacturer,
        "ImageType": command.image_type,
        "NewFileVersion": command.file_version,
    }
    given = list(values.values())
    count = given.index(None) if None in given else len(given)
    if any(value is not None for value in given[count:]):
        raise BuildError("nothing may follow a field that is left out", "ImageNotify")
    return {
        "PayloadType": wire.notify_types[count],
        "QueryJitter": command.jitter,
        **dict(list(values.items())[:count]),
    }


def ota_command(payload: bytes, wire: OtaWireSettings = DEFAULT_WIRE) -> OtaCommand | None:
    """The command of an APS payload of the cluster; None for one we have no use for. Raises ParseError."""
    frame = parse_zcl(OTA, payload)
    known = frame.declared
    reader = None if known is None or not frame.is_of_cluster else _READERS.get(known.name)
    return None if reader is None else reader(frame, frame.values, wire)


def _image(values: Mapping[str, Any], version: str = "FileVersion") -> ImageId:
    return ImageId(values["ManufacturerCode"], values["ImageType"], values[version])


def _no_more(frame: ZclFrame, name: str) -> None:
    if frame.rest:
        raise ParseError("octets behind its fields", len(frame.octets()) - len(frame.rest), name)


def _notify(frame: ZclFrame, values: Mapping[str, Any], wire: OtaWireSettings) -> OtaCommand:
    fields = [values.get(name) for name in ("ManufacturerCode", "ImageType", "NewFileVersion")]
    if values["PayloadType"] not in wire.notify_types:
        raise ParseError(f"{values['PayloadType']:02X}", HEADER, "ImageNotify.PayloadType")
    count = wire.notify_types.index(values["PayloadType"])
    if None in fields[:count]:
        raise ParseError("cut short", len(frame.octets()), "ImageNotify")
    if fields[count:] != [None] * (3 - count):
        raise ParseError("octets behind its fields", HEADER, "ImageNotify")
    _no_more(frame, "ImageNotify")
    return ImageNotify(values["QueryJitter"], *fields)


def _query(frame: ZclFrame, values: Mapping[str, Any], wire: OtaWireSettings) -> OtaCommand:
    hardware = values.get("HardwareVersion")
    if bool(values["FieldControl"] & wire.hardware_bit) is (hardware is None):
        raise ParseError("a bit and its field go together", HEADER, "QueryNextImageRequest.FieldControl")
    _no_more(frame, "QueryNextImageRequest")
    return QueryNextImageRequest(_image(values, "CurrentFileVersion"), hardware)


def _offer(frame: ZclFrame, values: Mapping[str, Any], wire: OtaWireSettings) -> OtaCommand:
    status = int(values["Status"])
    if status != SUCCESS:  # what may follow is of no use
        return QueryNextImageResponse(status)
    _no_more(frame, "QueryNextImageResponse")
    return QueryNextImageResponse(SUCCESS, _image(values), values["ImageSize"])


def _asked(frame: ZclFrame, values: Mapping[str, Any], wire: OtaWireSettings) -> OtaCommand:
    rest, offset = frame.rest, 0
    node: EntityId | None = None
    period: int | None = None
    if values["FieldControl"] & wire.node_bit:
        node = EntityId(_NODE.unpack(rest)[0][::-1])
        offset += _NODE.size
    if values["FieldControl"] & wire.period_bit:
        (period,) = _PERIOD.unpack(rest, offset)
        offset += _PERIOD.size
    if len(rest) != offset:
        raise ParseError("octets behind its fields", len(frame.octets()) - 1, "ImageBlockRequest")
    return ImageBlockRequest(_image(values), values["FileOffset"], values["MaximumDataSize"], node, period)


def _block(frame: ZclFrame, values: Mapping[str, Any], wire: OtaWireSettings) -> OtaCommand:
    status = int(values["Status"])
    if status == SUCCESS:
        _no_more(frame, "ImageBlockResponse")
        data = frame.body[-1].value  # octets, where the named value is a text
        if data is None:
            raise ParseError("no octets", HEADER, "ImageBlockResponse.ImageData")
        return ImageBlock(_image(values), values["FileOffset"], data)
    if status != wire.wait_for_data:
        return NoBlock(status)
    later = _LATER.unpack(frame.rest)
    if len(frame.rest) != _LATER.size:
        raise ParseError("octets behind its fields", len(frame.octets()) - 1, "ImageBlockResponse")
    return WaitForData(*later)


def _ended(frame: ZclFrame, values: Mapping[str, Any], wire: OtaWireSettings) -> OtaCommand:
    _no_more(frame, "UpgradeEndRequest")
    return UpgradeEndRequest(int(values["Status"]), _image(values))


def _released(frame: ZclFrame, values: Mapping[str, Any], wire: OtaWireSettings) -> OtaCommand:
    _no_more(frame, "UpgradeEndResponse")
    # a moment that is none, as `WAIT` is, is a number all the same
    current, upgrade = (node.value for node in frame.body[-2:])
    return UpgradeEndResponse(_image(values), current, upgrade)


_READERS = {
    "ImageNotify": _notify,
    "QueryNextImageRequest": _query,
    "QueryNextImageResponse": _offer,
    "ImageBlockRequest": _asked,
    "ImageBlockResponse": _block,
    "UpgradeEndRequest": _ended,
    "UpgradeEndResponse": _released,
}
