"""The three APDUs of a GBCS DLMS payload, both ways: access-request, access-response, data-notification.

Source: DLMS Green Book access service as profiled by GBCS (reference: dlms-payloads,
sections 1 to 3 and 8). One payload is exactly one APDU.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from ..errors import BuildError, ParseError
from ..layout import Layout, octets, u8, u16, u32
from ..lengths import length_octets, read_length
from .axdr import NULL, Data, read_data, write_data

TAG_ACCESS_REQUEST = 0xD9
TAG_ACCESS_RESPONSE = 0xDA
TAG_DATA_NOTIFICATION = 0x0F
INVOKE_PRIORITY = 0x20000000  # break on error, unconfirmed, normal priority
OTHER_REASON = 250

_HEAD = Layout("apdu", u8("tag"), u32("long-invoke-id-and-priority"), u8("date-time length"))
_SPECIFICATION = Layout(
    "access-request-specification", u8("choice"), u16("class_id"), octets("logical_name", 6), u8("member")
)


class Choice(IntEnum):
    """Choices of an access-request-specification."""

    GET = 1
    SET = 2
    ACTION = 3
    GET_WITH_SELECTION = 4
    SET_WITH_SELECTION = 5


RESULTS = {
    0: "success",
    1: "hardware-fault",
    2: "temporary-failure",
    3: "read-write-denied",
    4: "object-undefined",
    9: "object-class-inconsistent",
    11: "object-unavailable",
    12: "type-unmatched",
    13: "scope-of-access-violated",
    14: "data-block-unavailable",
    15: "long-get-aborted",
    16: "no-long-get-in-progress",
    17: "long-set-aborted",
    18: "no-long-set-in-progress",
    19: "data-block-number-invalid",
    OTHER_REASON: "other-reason",
}
ACTION_RESULTS = {
    **{code: name for code, name in RESULTS.items() if code < 15 or code == OTHER_REASON},
    15: "long-action-aborted",
    16: "no-long-action-in-progress",
}


def result_name(choice: int, result: int) -> str | None:
    """The name of a data-access-result or action-result; None for an unknown one."""
    return (ACTION_RESULTS if choice == Choice.ACTION else RESULTS).get(result)


class RequestItem(NamedTuple):
    """One item of an access-request: its specification and its datum.

    `selector` and `selection` are 0 and None unless the choice is one with selection.
    """

    choice: int
    class_id: int
    logical_name: bytes
    member: int
    data: Data
    selector: int = 0
    selection: Data | None = None


class ResponseItem(NamedTuple):
    """One item of an access-response: choice (get, set or action), result code, datum."""

    choice: int
    result: int
    data: Data


class Fault(NamedTuple):
    """What a device answers for a failing item: its index, from 0, and the code."""

    index: int  # type: ignore[assignment]  # nobody searches a fault: the field may hide tuple.index
    code: int


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """An access-request. `forms` names lengths longer than they need be."""

    invoke_id: int
    items: tuple[RequestItem, ...]
    date_time: bytes = b""
    forms: tuple[tuple[str, int], ...] = ()

    def octets(self) -> bytes:
        """The whole APDU. Raises BuildError."""
        forms = dict(self.forms)
        out = bytearray(_head(TAG_ACCESS_REQUEST, self.invoke_id, self.date_time))
        out += length_octets(len(self.items), forms.get("specifications", 0), "length_forms.specifications")
        for index, item in enumerate(self.items):
            out += _SPECIFICATION.pack(item.choice, item.class_id, item.logical_name, item.member)
            if not 1 <= item.choice <= 5:
                raise BuildError(f"{item.choice} is no choice", f"items[{index}].choice")
            if item.choice >= Choice.GET_WITH_SELECTION:
                if item.selection is None:
                    raise BuildError("needs a selection", f"items[{index}]")
                if not 0 <= item.selector <= 0xFF:
                    raise BuildError(f"{item.selector} is no selector", f"items[{index}].selector")
                out.append(item.selector)
                write_data(item.selection, out, f"items[{index}].selection")
            elif item.selection is not None:
                raise BuildError("this choice has no selection", f"items[{index}]")
        out += length_octets(len(self.items), forms.get("data", 0), "length_forms.data")
        for index, item in enumerate(self.items):
            write_data(item.data, out, f"items[{index}].data")
        return bytes(out)


@dataclass(frozen=True, slots=True)
class AccessResponse:
    """An access-response. `forms` names lengths longer than they need be."""

    invoke_id: int
    items: tuple[ResponseItem, ...]
    date_time: bytes = b""
    forms: tuple[tuple[str, int], ...] = ()

    def octets(self) -> bytes:
        """The whole APDU. Raises BuildError."""
        forms = dict(self.forms)
        out = bytearray(_head(TAG_ACCESS_RESPONSE, self.invoke_id, self.date_time))
        out.append(0)
        out += length_octets(len(self.items), forms.get("data", 0), "length_forms.data")
        for index, item in enumerate(self.items):
            write_data(item.data, out, f"items[{index}].data")
        out += length_octets(len(self.items), forms.get("specifications", 0), "length_forms.specifications")
        for index, item in enumerate(self.items):
            if not (1 <= item.choice <= 3 and 0 <= item.result <= 0xFF):
                raise BuildError(f"choice {item.choice}, result {item.result}", f"items[{index}]")
            out += bytes((item.choice, item.result))
        return bytes(out)

    @property
    def fault(self) -> Fault | None:
        """The first failing item, or None."""
        for index, item in enumerate(self.items):
            if item.result:
                return Fault(index, item.result)
        return None


@dataclass(frozen=True, slots=True)
class DataNotification:
    """A data-notification: for GBCS a structure of alert code, time stamp and more."""

    invoke_id: int
    body: Data
    date_time: bytes = b""

    def octets(self) -> bytes:
        """The whole APDU. Raises BuildError."""
        out = bytearray(_head(TAG_DATA_NOTIFICATION, self.invoke_id, self.date_time))
        write_data(self.body, out, "body")
        return bytes(out)


Apdu = AccessRequest | AccessResponse | DataNotification


def invoke_id(counter: int) -> int:
    """long-invoke-id-and-priority of a message with this Originator Counter."""
    return INVOKE_PRIORITY | (counter & 0xFFFFFF)


def parse_apdu(payload: bytes) -> Apdu:
    """Read a payload that is one APDU, every octet of it. Raises ParseError."""
    tag, invoke, dt_length = _HEAD.unpack(payload)
    offset = _HEAD.size + dt_length
    if dt_length not in (0, 12) or offset > len(payload):
        raise ParseError(f"a date-time of {dt_length} octets", _HEAD.size - 1, "apdu.date-time")
    date_time = payload[_HEAD.size : offset]
    apdu: Apdu
    if tag == TAG_ACCESS_REQUEST:
        apdu, offset = _parse_request(payload, offset, invoke, date_time)
    elif tag == TAG_ACCESS_RESPONSE:
        apdu, offset = _parse_response(payload, offset, invoke, date_time)
    elif tag == TAG_DATA_NOTIFICATION:
        body, offset = read_data(payload, offset, "body")
        apdu = DataNotification(invoke, body, date_time)
    else:
        raise ParseError(f"{tag:02X} is no APDU of GBCS", 0, "apdu")
    if offset != len(payload):
        raise ParseError(f"{len(payload) - offset} octets left over", offset, "apdu")
    return apdu


def _head(tag: int, invoke: int, date_time: bytes) -> bytes:
    if len(date_time) not in (0, 12):
        raise BuildError(f"0 or 12 octets needed, {len(date_time)} given", "date_time")
    return _HEAD.pack(tag, invoke, len(date_time)) + date_time


def _parse_request(payload: bytes, offset: int, invoke: int, date_time: bytes) -> tuple[AccessRequest, int]:
    forms: tuple[tuple[str, int], ...] = ()
    count, offset, form = read_length(payload, offset, "access-request-specification")
    if form:
        forms = (("specifications", form),)
    if count * 11 > len(payload) - offset:
        raise ParseError(f"{count} items cannot be here", offset, "access-request-specification")
    specifications: list[tuple[int, int, bytes, int, int, Data | None]] = []
    for index in range(count):
        choice, class_id, name, member = _SPECIFICATION.unpack(payload, offset)
        if not 1 <= choice <= 5:
            raise ParseError(f"{choice:02X} is no choice", offset, f"items[{index}].choice")
        offset += _SPECIFICATION.size
        selector, selection = 0, None
        if choice >= 4:
            if offset >= len(payload):
                raise ParseError("the selector is missing", offset, f"items[{index}].selector")
            selector = payload[offset]
            selection, offset = read_data(payload, offset + 1, f"items[{index}].selection")
        specifications.append((choice, class_id, name, member, selector, selection))
    count_again, offset, form = read_length(payload, offset, "access-request-list-of-data")
    if form:
        forms += (("data", form),)
    if count_again != count:
        raise ParseError(f"{count} items but {count_again} data", offset, "access-request-list-of-data")
    items: list[RequestItem] = []
    for index, (choice, class_id, name, member, selector, selection) in enumerate(specifications):
        data, offset = read_data(payload, offset, f"items[{index}].data")
        items.append(RequestItem(choice, class_id, name, member, data, selector, selection))
    return AccessRequest(invoke, tuple(items), date_time, forms), offset


def _parse_response(payload: bytes, offset: int, invoke: int, date_time: bytes) -> tuple[AccessResponse, int]:
    forms: tuple[tuple[str, int], ...] = ()
    if payload[offset : offset + 1] != b"\x00":
        raise ParseError("00 expected (no specification)", offset, "access-request-specification")
    count, offset, form = read_length(payload, offset + 1, "access-response-list-of-data")
    if form:
        forms = (("data", form),)
    if count * 3 > len(payload) - offset:
        raise ParseError(f"{count} items cannot be here", offset, "access-response-list-of-data")
    data: list[Data] = []
    for index in range(count):
        node, offset = read_data(payload, offset, f"items[{index}].data")
        data.append(node)
    count_again, offset, form = read_length(payload, offset, "access-response-specification")
    if form:
        forms += (("specifications", form),)
    if count_again != count:
        raise ParseError(f"{count} data but {count_again} results", offset, "access-response-specification")
    end = offset + 2 * count
    if end > len(payload):
        raise ParseError("the results are cut short", offset, "access-response-specification")
    items = tuple(
        ResponseItem(payload[offset + 2 * i], payload[offset + 2 * i + 1], node)
        for i, node in enumerate(data)
    )
    for index, item in enumerate(items):
        if not 1 <= item.choice <= 3:
            raise ParseError(f"{item.choice:02X} is no choice", offset + 2 * index, f"items[{index}].choice")
    return AccessResponse(invoke, items, date_time, forms), end


__all__ = [
    "INVOKE_PRIORITY",
    "NULL",
    "OTHER_REASON",
    "AccessRequest",
    "AccessResponse",
    "Apdu",
    "Choice",
    "DataNotification",
    "Fault",
    "RequestItem",
    "ResponseItem",
    "invoke_id",
    "parse_apdu",
]
