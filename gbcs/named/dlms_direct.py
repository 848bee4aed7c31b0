"""DLMS payloads of the usual form straight to values by name, without a tree between.

The specifications of a template and the results of a success are constant octets; only the
data between them are read (`dlms.direct`). Whatever is not so, as a failed item, a
protected read or an unusual length, gives None, and `dlms.read` looks at it in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from struct import Struct
from struct import error as StructError
from typing import Any

from ..dlms.alert_rows import BILLING_DATA_LOG, alert_structure
from ..dlms.apdu import (
    TAG_ACCESS_REQUEST,
    TAG_ACCESS_RESPONSE,
    TAG_DATA_NOTIFICATION,
    invoke_id,
)
from ..dlms.axdr import NULL, data_octets
from ..dlms.direct import Reader, Unusual, reader
from ..dlms.selective import SELECTOR, Range, selection
from ..dlms.templates import templates
from ..lengths import length_octets
from ..message import Message
from ..values import Moment
from .common import ACTIVATION_TIME, PERIOD, Values
from .dlms_plan import Source, Step, plan

_SPECIFICATION = Struct(">BH6sB")
_BOUNDS = Struct(">BIBI2s")
_NULL = data_octets(NULL)
_UNBOUNDED = (0, 0xFFFF_FFFF)


@dataclass(frozen=True, slots=True)
class _Datum:
    """One item: the octets it always has, or what reads it; both where a constant may differ."""

    name: str
    dated: bool
    constant: bytes
    read: Reader | None
    again: str


@dataclass(frozen=True, slots=True)
class _Layout:
    """A command or response of the usual form.

    `parts` are the constant octets between selections; `data` what follows them; `tail` what
    is at the end.
    """

    tag: int
    parts: tuple[bytes, ...]
    data: tuple[_Datum, ...]
    tail: bytes


def read_direct(message: Message) -> Values | None:
    """The values of a payload of the usual form, None for any other."""
    payload = message.payload
    invoked = invoke_id(message.counter).to_bytes(4, "big")
    if payload[1:5] != invoked or payload[5:6] != b"\0":
        return None
    try:
        if payload[0] == TAG_DATA_NOTIFICATION:
            return _alert(message.code, payload)
        layout = _layout(message.code, payload[0])
        return None if layout is None else _read(layout, payload)
    except (Unusual, IndexError, StructError):
        return None


def _alert(code: int, payload: bytes) -> Values | None:
    wire = alert_structure(code)
    if wire is None or code == BILLING_DATA_LOG:
        return None
    values: Values
    values, end = reader(wire)(payload, 6)
    return values if end == len(payload) else None


@cache
def _layout(code: int, tag: int) -> _Layout | None:
    """The layout of a Message Code with one template without optional or protected components."""
    found = templates(code)
    if len(found) != 1 or found[0].optional or tag not in (TAG_ACCESS_REQUEST, TAG_ACCESS_RESPONSE):
        return None
    steps = plan(found[0])
    if any(step.protected is not None for step in steps):
        return None
    count = length_octets(len(steps))
    if tag == TAG_ACCESS_RESPONSE:
        results = b"".join(bytes((step.answered, 0)) for step in steps)
        return _Layout(tag, (b"\0" + count,), tuple(map(_answer, steps)), count + results)
    parts = [count]
    for step in steps:
        parts[-1] += _SPECIFICATION.pack(*step.component)
        if step.source is Source.PERIOD:
            parts[-1] += bytes((SELECTOR,)) + data_octets(selection(Range(0, 0)))[: -_BOUNDS.size]
            parts.append(b"")
    parts[-1] += count
    return _Layout(tag, tuple(parts), tuple(map(_asked, steps)), b"")


def _asked(step: Step) -> _Datum:
    if step.source is Source.VALUE:
        return _Datum(step.name, step.dated, b"", reader(step.wire(False)), "")
    octets = data_octets(step.constant_data()) if step.source is Source.CONSTANT else _NULL
    return _Datum(step.name, False, octets, None, "")


def _answer(step: Step) -> _Datum:
    wire = step.answer_wire(False)
    if wire is None:
        return _Datum(step.name, False, _NULL, None, "")
    constant = data_octets(step.constant_data()) if step.constant is not None else b""
    name, number, _ = step.name.partition("#")
    return _Datum(step.name, False, constant, reader(wire), name if number else "")


def _read(layout: _Layout, payload: bytes) -> Values | None:
    offset, period = 6, None
    for index, part in enumerate(layout.parts):
        if index:
            bounds = _BOUNDS.unpack_from(payload, offset)
            if bounds[::2] != (6, 6, b"\x01\x00") or (period or bounds) != bounds:
                return None
            period = bounds
            offset += _BOUNDS.size
        if not payload.startswith(part, offset):
            return None
        offset += len(part)
    values: Values = {}
    dates: dict[str, Any] = {}
    for datum in layout.data:
        constant = datum.constant
        if constant and payload.startswith(constant, offset):
            offset += len(constant)
            continue
        if datum.read is None:
            return None
        value, offset = datum.read(payload, offset)
        if datum.dated:
            dates[datum.name] = value
        elif not datum.again or values.get(datum.again) != value:
            values[datum.name] = value
    if payload[offset:] != layout.tail:
        return None
    if dates:
        first = next(iter(dates.values()))
        if all(value == first for value in dates.values()):
            values[ACTIVATION_TIME] = first
        else:
            values.update(dates)
    if period is not None and period[1::2] != _UNBOUNDED:
        values[PERIOD] = {"From": Moment(period[1]), "To": Moment(period[3])}
    return values
