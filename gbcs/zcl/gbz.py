"""GBZ payloads both ways: components of ZCL commands, and alerts.

Source: GBCS 7.2 and its GBZ extended headers (reference: gbz-payloads 2 to 7, gbcs-messages
7). The framing is big-endian, what is inside a ZCL frame little-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ..errors import BuildError, ParseError
from ..ids import Cra
from ..layout import Layout, const8, octets, u8, u16, u32, u64
from .clusters import MANUFACTURER_SPECIFIC, Command, command
from .fieldlist import read_body
from .types import Node, octets_of

PROFILE = 0x0109
LAST = 0x01
ENCRYPTED = 0x02
DATED = 0x10
ADDITIONAL_CONTROL = 0x00
SECURITY_HEADER_LENGTH = 5
TAG_LENGTH = 12

_HEAD = Layout("gbz", u16("profile"), u8("number of components"))
_COMPONENT = Layout("extended header", u8("control"), u16("cluster"), u16("length"))
_ALERT = Layout("alert", u16("alert code"), u32("time stamp"))
_EXECUTED = Layout(
    "executed", const8("length", 14), u16("message code"), u64("counter"), u16("cluster"),
    u8("frame control"), u8("command"),
)  # fmt: skip
_HASH = Layout("image hash", const8("tag", 0x09), const8("length", 0x20), octets("hash", 32))
_REASON = Layout("reason", u16("reason"))


class Sealed(NamedTuple):
    """An encrypted ZCL payload: the frame counter of the additional header, and the protected value."""

    frame_counter: int
    header: bytes
    ciphertext: bytes
    tag: bytes

    @property
    def octets(self) -> bytes:
        """The protected value as `Verifier.unseal` takes it."""
        return self.header + self.ciphertext + self.tag


class Component(NamedTuple):
    """One ZCL command in its extended header.

    `body` holds the fields of the ZCL payload, `from_date_time` ZigBee UTC seconds,
    `manufacturer` the code that only a manufacturer specific frame has.
    """

    cluster: int
    frame_control: int
    sequence: int
    command: int
    body: tuple[Node, ...] | Sealed
    from_date_time: int | None = None
    manufacturer: int | None = None

    @property
    def declared(self) -> Command | None:
        """What the table has for this command."""
        return command(self.cluster, self.frame_control, self.command)

    def opened(self, plaintext: bytes) -> tuple[Node, ...]:
        """The fields in the plaintext of an encrypted component. Raises ParseError."""
        known = self.declared
        return read_body(known.fields if known else None, plaintext, 0, len(plaintext))

    def octets(self, last: bool, path: str = "component") -> bytes:
        """The octets of the component, marked as the last one or not. Raises BuildError."""
        control = LAST if last else 0
        head = _header_octets(self, path)
        if isinstance(self.body, Sealed):
            if self.from_date_time is not None:
                raise BuildError("an encrypted component has none", f"{path}.from_date_time")
            if not 0 <= self.body.frame_counter <= 0xFF:
                raise BuildError("a number from 0 to 255 is needed", f"{path}.protected.frame_counter")
            value = _sealed_octets(self.body, f"{path}.protected")
            control |= ENCRYPTED
            head = bytes((ADDITIONAL_CONTROL, self.body.frame_counter)) + head
        else:
            value = octets_of(self.body, f"{path}.fields")
            if self.from_date_time is not None:
                control |= DATED
                head = _number(self.from_date_time, 4, "big", f"{path}.from_date_time") + head
        length = len(head) + len(value)
        if length > 0xFFFF:
            raise BuildError("longer than 65535 octets", path)
        return b"".join(
            (
                bytes((control,)),
                _number(self.cluster, 2, "big", f"{path}.cluster"),
                length.to_bytes(2, "big"),
                head,
                value,
            )
        )


class Executed(NamedTuple):
    """What the alert of a future-dated command reports: which command, and which component of it."""

    message_code: int
    counter: int
    cluster: int
    frame_control: int
    command: int


class ImageHash(NamedTuple):
    """What a firmware distribution receipt reports."""

    hash: bytes


class Integrity(NamedTuple):
    """What a meter integrity warning reports."""

    reason: int


AlertContent: TypeAlias = Executed | ImageHash | Integrity | Component | bytes | None


@dataclass(frozen=True, slots=True)
class Components:
    """The payload of a command or response."""

    components: tuple[Component, ...]

    def octets(self) -> bytes:
        """The whole payload. Raises BuildError with the path of what does not fit."""
        count = len(self.components)
        if count > 0xFF:
            raise BuildError("more than 255", "components")
        parts = [_HEAD.pack(PROFILE, count)]
        for index, component in enumerate(self.components):
            parts.append(component.octets(index == count - 1, f"components[{index}]"))
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Alert:
    """The payload of an alert: code, ZigBee UTC seconds, and what the use case adds.

    `content` is None for a generic alert and octets where the use case is not known.
    """

    code: int
    seconds: int
    content: AlertContent = None

    def octets(self) -> bytes:
        """The whole payload. Raises BuildError with the path of what does not fit."""
        content = _content_octets(self.content)
        head = _HEAD.pack(PROFILE, 1 if content else 0)
        return head + _ALERT.pack(self.code, self.seconds) + content


Gbz: TypeAlias = Components | Alert
# the content of an alert by its Message Code; nothing for the two generic ones (gbz-payloads 7)
ALERT_CONTENTS: dict[int, str] = {
    0x1000: "nothing",
    0x1001: "nothing",
    0x00CD: "executed",
    0x00CF: "hash",
    0x00F2: "reason",
    0x008B: "component",
}


def parse_gbz(payload: bytes, cra: Cra, code: int | None = None, base_offset: int = 0) -> Gbz:
    """Read a GBZ payload, every octet of it.

    `code` is the Message Code, which tells what an alert reports; without it, or with an
    unknown one, that is left as octets. Raises ParseError with the offset, counted from
    `base_offset`, and the path.
    """
    try:
        if cra is Cra.ALERT:
            return parse_alert(payload, ALERT_CONTENTS.get(code or 0, ""))
        return _parse_components(payload)
    except ParseError as error:
        if not base_offset:
            raise
        raise ParseError(error.reason, base_offset + error.offset, error.path) from None


def parse_alert(payload: bytes, kind: str) -> Alert:
    """Read the payload of an alert whose content is one of `ALERT_CONTENTS`, or '' for octets.

    Raises ParseError.
    """
    count = _read_head(payload)
    code, seconds = _ALERT.unpack(payload, _HEAD.size)
    offset = _HEAD.size + _ALERT.size
    if count != (offset < len(payload)):
        what = "is content" if offset < len(payload) else "is no content"
        raise ParseError(f"{count} components, but there {what}", 2, "alert.number of components")
    content: AlertContent = None
    if kind == "executed":
        content = Executed(*_EXECUTED.unpack(payload, offset))
        offset += _EXECUTED.size
    elif kind == "hash":
        content = ImageHash(*_HASH.unpack(payload, offset))
        offset += _HASH.size
    elif kind == "reason":
        content = Integrity(*_REASON.unpack(payload, offset))
        offset += _REASON.size
    elif kind == "component":
        content, offset = _read_component(payload, offset, True, "component")
    elif not kind:
        content, offset = payload[offset:] or None, len(payload)
    _at_end(payload, offset, "alert")
    return Alert(code, seconds, content)


def _parse_components(payload: bytes) -> Components:
    count = _read_head(payload)
    offset = _HEAD.size
    components: list[Component] = []
    for index in range(count):
        component, offset = _read_component(payload, offset, index == count - 1, f"components[{index}]")
        components.append(component)
    _at_end(payload, offset, "gbz")
    return Components(tuple(components))


def _read_head(payload: bytes) -> int:
    """The number of components."""
    profile, count = _HEAD.unpack(payload)
    if profile != PROFILE:
        raise ParseError(f"{PROFILE:04X} expected, {profile:04X} found", 0, "gbz.profile")
    return int(count)


def _at_end(payload: bytes, offset: int, path: str) -> None:
    if offset != len(payload):
        raise ParseError(f"{len(payload) - offset} octets left over", offset, path)


def _read_component(payload: bytes, offset: int, last: bool, path: str) -> tuple[Component, int]:
    """The component at an offset and the offset behind it."""
    try:
        control, cluster, length = _COMPONENT.unpack(payload, offset)
        start = offset + _COMPONENT.size
        end = start + length
        if control & ~(LAST | ENCRYPTED | DATED):
            raise ParseError(f"unknown bits in {control:02X}", offset, "extended header.control")
        if control & ENCRYPTED and control & DATED:
            raise ParseError("encrypted and with a From Date Time", offset, "extended header.control")
        if bool(control & LAST) is not last:
            what = "the last component is not marked" if last else "marked as last, but others follow"
            raise ParseError(what, offset, "extended header.control")
        if end > len(payload):
            raise ParseError("runs past the end of the payload", offset + 3, "extended header.length")
        return _read_inside(payload, start, end, control, cluster), end
    except ParseError as error:
        raise ParseError(error.reason, error.offset, f"{path}.{error.path}") from None


def _read_inside(payload: bytes, offset: int, end: int, control: int, cluster: int) -> Component:
    """What the length of the extended header covers."""
    from_date_time: int | None = None
    frame_counter = 0
    if control & ENCRYPTED:
        _need(2, offset, end, "additional header")
        if payload[offset] != ADDITIONAL_CONTROL:
            raise ParseError(f"{payload[offset]:02X} found, 00 expected", offset, "additional header.control")
        frame_counter = payload[offset + 1]
        offset += 2
    elif control & DATED:
        _need(4, offset, end, "from date time")
        from_date_time = int.from_bytes(payload[offset : offset + 4], "big")
        offset += 4
    _need(3, offset, end, "ZCL header")
    frame_control = payload[offset]
    manufacturer: int | None = None
    if frame_control & MANUFACTURER_SPECIFIC:
        _need(5, offset, end, "ZCL header")
        manufacturer = int.from_bytes(payload[offset + 1 : offset + 3], "little")
        offset += 2
    sequence, number = payload[offset + 1], payload[offset + 2]
    offset += 3
    body: tuple[Node, ...] | Sealed
    if control & ENCRYPTED:
        body = _read_sealed(payload, offset, end, frame_counter)
    else:
        known = command(cluster, frame_control, number)
        body = read_body(known.fields if known else None, payload, offset, end)
    return Component(cluster, frame_control, sequence, number, body, from_date_time, manufacturer)


def _read_sealed(payload: bytes, offset: int, end: int, frame_counter: int) -> Sealed:
    _need(2, offset, end, "ciphered information length")
    length = int.from_bytes(payload[offset : offset + 2], "big")
    start = offset + 2
    if length != end - start:
        reason = f"{length} octets, but {end - start} are there"
        raise ParseError(reason, offset, "ciphered information length")
    _need(SECURITY_HEADER_LENGTH + TAG_LENGTH, start, end, "ciphered information")
    inner, tag = start + SECURITY_HEADER_LENGTH, end - TAG_LENGTH
    return Sealed(frame_counter, payload[start:inner], payload[inner:tag], payload[tag:end])


def _need(count: int, offset: int, end: int, path: str) -> None:
    if offset + count > end:
        raise ParseError(f"{count} octets needed, {end - offset} left", offset, path)


def _header_octets(component: Component, path: str) -> bytes:
    """The ZCL header."""
    frame_control, manufacturer = component.frame_control, component.manufacturer
    if not 0 <= frame_control <= 0xFF:
        raise BuildError("a number from 0 to 255 is needed", f"{path}.frame_control")
    code = b""
    if (manufacturer is not None) is not bool(frame_control & MANUFACTURER_SPECIFIC):
        raise BuildError("a manufacturer code and bit 2 of the frame control come together", path)
    if manufacturer is not None:
        code = _number(manufacturer, 2, "little", f"{path}.manufacturer")
    for name, value in (("sequence", component.sequence), ("command", component.command)):
        if not 0 <= value <= 0xFF:
            raise BuildError("a number from 0 to 255 is needed", f"{path}.{name}")
    return bytes((frame_control,)) + code + bytes((component.sequence, component.command))


def _sealed_octets(sealed: Sealed, path: str) -> bytes:
    """The ciphered information with its length."""
    for name, value, length in (
        ("security_header", sealed.header, SECURITY_HEADER_LENGTH),
        ("tag", sealed.tag, TAG_LENGTH),
    ):
        if len(value) != length:
            raise BuildError(f"{length} octets needed, {len(value)} given", f"{path}.{name}")
    return _number(len(sealed.octets), 2, "big", f"{path}.ciphertext") + sealed.octets


def _content_octets(content: AlertContent) -> bytes:
    if content is None or isinstance(content, bytes):
        return content or b""
    if isinstance(content, Component):
        return content.octets(True)
    if isinstance(content, Executed):
        return _EXECUTED.pack(*content)
    return _HASH.pack(content.hash) if isinstance(content, ImageHash) else _REASON.pack(content.reason)


def _number(value: int, width: int, order: str, path: str) -> bytes:
    try:
        return value.to_bytes(width, "big" if order == "big" else "little")
    except OverflowError:
        raise BuildError(f"{value} does not fit {width} octets", path) from None
