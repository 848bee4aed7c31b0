"""DLMS payloads by name: the items of a template, the answers to them, and alerts.

A command has a value for each set and each method that takes one; activation times that are
all equal stand once, as `ActivationTime`, and so does the `Period` of log reads. A response has
the values read; `Fault` names the item that failed, after which nothing was executed
(reference: dlms-payloads 2, 3 and 8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..dlms.alert_rows import BILLING_DATA_LOG, HEADER, alert_structure, join_header, split_header
from ..dlms.apdu import (
    ACTION_RESULTS,
    OTHER_REASON,
    RESULTS,
    TAG_ACCESS_REQUEST,
    TAG_ACCESS_RESPONSE,
    TAG_DATA_NOTIFICATION,
    AccessRequest,
    AccessResponse,
    Choice,
    DataNotification,
    RequestItem,
    ResponseItem,
    invoke_id,
    parse_apdu,
)
from ..dlms.axdr import NULL, BitString, Data, Tag, data_octets, read_data
from ..dlms.items import fitting_templates
from ..dlms.named import data_of, named_value, typed
from ..dlms.protection import (
    answer_parameters,
    protected_elements,
    protected_value,
    protection_parameters,
    read_protected,
    read_protected_elements,
    request_parameters,
)
from ..dlms.protection_rows import ProtectedRead
from ..dlms.selective import SELECTOR, Range, read_selection, selection
from ..dlms.templates import Template, match, templates
from ..dlms.types import TypeMismatch
from ..dlms.wire import Structure, WireType
from ..errors import BuildError, ParseError
from ..ids import Cra
from ..time import ACTIVATE_NEVER, ACTIVATE_NOW
from ..values import DATE_TIME, MOMENT, DateTime, Moment, code_kind
from .common import (
    ABSENT,
    ACTIVATION_TIME,
    FAULT,
    ITEMS,
    PERIOD,
    PROTECTED,
    VARIANT,
    Irregular,
    Place,
    Values,
    check_names,
    lookup,
)
from .dlms_direct import read_direct
from .dlms_plan import Source, Step, plan

TWIN = "twin"
_RESULT = code_kind("result", RESULTS)
_ACTION_RESULT = code_kind("action-result", ACTION_RESULTS)
# Unbounded, for a selection and for protected reads (smets-esme 7: sentinels mean unbounded).
_ALL = Range(0, 0xFFFF_FFFF)
_EVER = (DateTime(ACTIVATE_NOW), DateTime(ACTIVATE_NEVER))
_TAGS = {
    Cra.COMMAND: bytes((TAG_ACCESS_REQUEST,)),
    Cra.RESPONSE: bytes((TAG_ACCESS_RESPONSE,)),
    Cra.ALERT: bytes((TAG_DATA_NOTIFICATION,)),
}


def read(place: Place) -> Values:
    """The values of a DLMS payload. Raises ParseError, or Irregular where it has none by name."""
    message = place.message
    expected = message.payload[:1] == _TAGS[message.cra]
    values = read_direct(message) if expected else None
    if values is not None:
        return values
    octets, header = split_header(message.code, message.payload)
    if header is not None:
        return {**read(replace(place, message=replace(message, payload=octets))), HEADER: header}
    apdu = parse_apdu(octets)
    if apdu.invoke_id != invoke_id(message.counter) or apdu.date_time:
        raise Irregular("the invoke id is not that of the counter, or there is a date-time")
    if not expected:
        raise Irregular(f"not the APDU of a {message.kind.value}")
    try:
        if isinstance(apdu, DataNotification):
            return _read_alert(place, apdu)
        if apdu.forms:
            raise Irregular("a count is longer than it need be")
        if isinstance(apdu, AccessRequest):
            return _read_command(place, apdu)
        return _read_response(place, apdu)
    except (TypeMismatch, BuildError) as error:
        raise Irregular(str(error)) from None


# -- commands ---------------------------------------------------------------------------


def _read_command(place: Place, apdu: AccessRequest) -> Values:
    items = apdu.items
    template = match(place.message.code, [item[:4] for item in items])
    if template is None:
        raise Irregular("the items are no template of this Message Code")
    positions = template.positions([item[:4] for item in items]) or ()
    steps = plan(template)
    values: Values = {VARIANT: template.variant} if template.variant else {}
    dates: dict[str, Any] = {}
    periods: list[dict[str, Any]] = []
    for position, item in zip(positions, items, strict=True):
        step, data = steps[position], item.data
        if step.source is Source.VALUE:
            value = _named(step.wire(False), data)
            (dates if step.dated else values)[step.name] = value
        elif step.source is Source.PERIOD:
            if data != NULL or item.selection is None:
                raise Irregular("a get carries data")
            _check_regular(item.selection)
            within = read_selection(item.selector, item.selection)
            periods.append({"From": Moment(within.first), "To": Moment(within.last)})
        elif step.protected is not None:
            periods += _read_request(place, step.protected, data)
        elif data != (NULL if step.source is Source.NOTHING else step.constant_data()):
            raise Irregular(f"{step.name} has another value than the one it always has")
        elif step.optional:
            values[step.name] = True
    _put_once(values, ACTIVATION_TIME, dates)
    if periods:
        if any(period != periods[0] for period in periods):
            raise Irregular("the periods differ")
        if tuple(periods[0].values()) not in (_ALL, _EVER):
            values[PERIOD] = periods[0]
    return values


def _put_once(values: Values, name: str, given: Mapping[str, Any]) -> None:
    """Put values that are all equal under one name, others under their own."""
    found = list(given.values())
    if found and all(value == found[0] for value in found):
        values[name] = found[0]
    else:
        values.update(given)


def _read_request(place: Place, row: ProtectedRead, data: Data) -> list[dict[str, Any]]:
    """The period of a protected read; empty where it has none."""
    _check_regular(data)
    wire = row.method.wire()
    value: Any = wire.decode(data)
    if not row.dated:
        if data != _request(place, row, None):
            raise Irregular("not the parameter of this protected read")
        return []
    dates = value[0][0][4][1]
    if data != _request(place, row, dates):
        raise Irregular("not the parameter of this protected read")
    return [{"From": DateTime(dates[0]), "To": DateTime(dates[1])}]


def _request(place: Place, row: ProtectedRead, dates: tuple[bytes, bytes] | None) -> Data:
    restriction = (0, None) if dates is None else (1, dates)
    objects = tuple((m.class_id, m.logical_name, m.number, 0, restriction) for m in row.contents)
    parameters: Any = row.method.wire()
    assert isinstance(parameters, Structure)
    protection = protection_parameters(*request_parameters(place.message))
    encoded = parameters.items[0].encode(objects)
    return Data(int(Tag.STRUCTURE), (encoded, Data(int(Tag.ARRAY), (protection,))))


def command_payload(place: Place, given: Mapping[str, Any]) -> bytes:
    """The payload of a command. Raises BuildError with the name of the value that is wrong."""
    template = _chosen(place.message.code, given)
    steps = plan(template)
    check_names(given, _command_names(steps))
    items = []
    for step in steps:
        item = _request_item(place, step, given)
        if item is not None:
            items.append(item)
    if not items:
        names = ", ".join(step.name for step in steps)
        raise BuildError(f"at least one of {names} is needed", "values")
    return AccessRequest(invoke_id(place.message.counter), tuple(items)).octets()


def _chosen(code: int, given: Mapping[str, Any]) -> Template:
    found = templates(code)
    if not found:
        raise BuildError(f"{code:04X} is no DLMS command", "use_case")
    variants = [template.variant for template in found]
    wanted = given.get(VARIANT)
    if wanted is not None:
        for template in found:
            if template.variant == str(wanted):
                return template
        raise BuildError(
            f"{wanted!r} is none of {', '.join(filter(None, variants)) or 'no variants'}", VARIANT
        )
    if len(found) == 1:
        return found[0]
    for template in found:
        names = {step.name.replace(".", "_") for step in plan(template) if step.source is Source.VALUE}
        if {name.replace(".", "_") for name in given} - {ACTIVATION_TIME} >= names and len(names) > 1:
            return template
    raise BuildError(f"one of {', '.join(variants)} is needed", VARIANT)


def _command_names(steps: Sequence[Step]) -> set[str]:
    names = {VARIANT} | {
        s.name for s in steps if s.source is Source.VALUE or (s.source is Source.CONSTANT and s.optional)
    }
    if any(step.dated for step in steps):
        names.add(ACTIVATION_TIME)
    if any(s.source is Source.PERIOD or (s.protected is not None and s.protected.dated) for s in steps):
        names.add(PERIOD)
    return names


def _request_item(place: Place, step: Step, given: Mapping[str, Any]) -> RequestItem | None:
    """The item of a step, None where an optional one is not given."""
    component = step.component
    if step.source is Source.NOTHING:
        return RequestItem(*component, NULL)
    if step.source is Source.PERIOD:
        return RequestItem(*component, NULL, SELECTOR, selection(_range(given)))
    if step.protected is not None:
        dates = _dates(given) if step.protected.dated else None
        return RequestItem(*component, _request(place, step.protected, dates))
    value = lookup(given, step.name)
    if step.source is Source.CONSTANT:
        if step.optional and value is not True:
            if value is not ABSENT and value is not False:
                raise BuildError("true is needed", step.name)
            return None
        return RequestItem(*component, step.constant_data())
    if value is ABSENT and step.dated:
        value = lookup(given, ACTIVATION_TIME)
    if value is ABSENT:
        if step.optional:
            return None
        raise BuildError("missing", ACTIVATION_TIME if step.dated else step.name)
    return RequestItem(*component, data_of(step.wire(False), value, step.name))


def _period(given: Mapping[str, Any]) -> Mapping[str, Any]:
    period = given.get(PERIOD, {})
    if not isinstance(period, Mapping) or set(period) - {"From", "To"}:
        raise BuildError("an object of From and To is needed", PERIOD)
    return period


def _range(given: Mapping[str, Any]) -> Range:
    period = _period(given)
    bounds = []
    for name, default in zip(("From", "To"), _ALL, strict=True):
        try:
            bounds.append(MOMENT.plain(period.get(name, default)))
        except ValueError as error:
            raise BuildError(str(error), f"{PERIOD}.{name}") from None
    return Range(*bounds)


def _dates(given: Mapping[str, Any]) -> tuple[bytes, bytes]:
    period = _period(given)
    bounds = []
    for name, default in zip(("From", "To"), _EVER, strict=True):
        try:
            bounds.append(DATE_TIME.plain(period.get(name, default)))
        except ValueError as error:
            raise BuildError(str(error), f"{PERIOD}.{name}") from None
    return bounds[0], bounds[1]


# -- responses ---------------------------------------------------------------------------


def _read_response(place: Place, apdu: AccessResponse) -> Values:
    items = apdu.items
    choices = tuple(item.choice for item in items)
    fitting = fitting_templates(place.message.code, choices)
    if not fitting:
        return _read_counted(place, items)
    steps = plan(fitting[0])
    # the first variant goes without saying; what only another one answers names it
    usual = fitting[0] is templates(place.message.code)[0]
    values: Values = {} if usual else {VARIANT: fitting[0].variant}
    fault = _fault(items)
    if len(fitting) > 1 and any(step.answer_wire(False) is not None for step in steps):
        raise Irregular("the variants of this use case answer differently")
    done = items if fault is None else items[:fault]
    try:
        values.update(_read_answers(place, steps, done, False))
    except TypeMismatch:
        if not usual:
            raise
        values = {VARIANT: TWIN, **_read_answers(place, steps, done, True)}
    if fault is not None:
        values[FAULT] = _fault_value(steps[fault].name, items[fault])
    return values


def _fault(items: Sequence[ResponseItem]) -> int | None:
    """The item that failed; what follows it must not have been executed (dlms-payloads 3)."""
    fault = next((index for index, item in enumerate(items) if item.result), None)
    if fault is None:
        return None
    if items[fault].data != NULL:
        raise Irregular("a failed item has a datum")
    for item in items[fault + 1 :]:
        if item.result != OTHER_REASON or item.data != NULL:
            raise Irregular("an item after the failed one was executed")
    return fault


def _fault_value(name: str | int, item: ResponseItem) -> dict[str, Any]:
    kind = _ACTION_RESULT if item.choice == Choice.ACTION else _RESULT
    return {"item": name, "result": kind.typed(item.result)}


def _read_answers(place: Place, steps: Sequence[Step], items: Sequence[ResponseItem], twin: bool) -> Values:
    values: Values = {}
    for step, item in zip(steps, items, strict=False):
        wire = step.answer_wire(twin)
        if wire is None:
            if item.data != NULL:
                raise Irregular(f"{step.name} answers with a datum")
        elif step.protected is not None:
            values.update(_read_contents(place, step.protected, item.data, twin))
        else:
            value = _named(wire, item.data)
            name, number, _ = step.name.partition("#")
            same = values.get(name) if number else _constant(step)
            if same is None or same != value:
                values[step.name] = value
    return values


def _constant(step: Step) -> Any:
    return None if step.constant is None else typed(step.member.any_wire())(step.constant)


def _read_contents(place: Place, row: ProtectedRead, data: Data, twin: bool) -> Values:
    found = read_protected(data)
    _check_regular(data)
    if found.parameters != answer_parameters(place.message):
        raise Irregular("the protection parameters are not those of the header")
    return _opened(place, row, found.octets, twin)


def _opened(place: Place, row: ProtectedRead, octets: bytes, twin: bool) -> Values:
    plaintext = None if place.unseal is None else place.unseal(octets)
    if plaintext is None:
        return {PROTECTED: octets}
    try:
        data, end = read_data(plaintext, 0, "plaintext")
    except ParseError as error:
        raise Irregular(str(error)) from None
    if end != len(plaintext) or data.tag != Tag.STRUCTURE or len(data.value) != len(row.contents):
        raise TypeMismatch("the plaintext is not the contents of this read")
    return {
        content.item: _named(content.wire(twin), node)
        for content, node in zip(row.contents, data.value, strict=True)
    }


def _read_counted(place: Place, items: Sequence[ResponseItem]) -> Values:
    """The response to a command with optional components, of which only the number is known."""
    template = _partly(place.message.code, items)
    fault = _fault(items)
    if template is None or any(item.data != NULL for item in items):
        raise Irregular("the items are those of no template of this Message Code")
    values: Values = {ITEMS: len(items)}
    if fault is not None:
        values[FAULT] = _fault_value(fault + 1, items[fault])
    return values


def _partly(code: int, items: Sequence[ResponseItem]) -> Template | None:
    for template in templates(code):
        left = len(template.components) - len(template.optional)
        if not left <= len(items) < len(template.components) or not items:
            continue
        if tuple(i.choice for i in items) == tuple(s.answered for s in _first(template, len(items))):
            return template
    return None


def _first(template: Template, count: int) -> tuple[Step, ...]:
    """So many steps of a template: all it needs, and the first of the optional ones."""
    spare = count - (len(template.components) - len(template.optional))
    steps = []
    for step in plan(template):
        if not step.optional:
            steps.append(step)
        elif spare > 0:
            steps.append(step)
            spare -= 1
    return tuple(steps)


def response_payload(place: Place, given: Mapping[str, Any]) -> bytes:
    """The payload of a response. Raises BuildError with the name of the value that is wrong."""
    found = templates(place.message.code)
    if not found:
        raise BuildError(f"{place.message.code:04X} is no DLMS command", "use_case")
    twin = given.get(VARIANT) == TWIN
    template = found[0] if twin or given.get(VARIANT) is None else _chosen(place.message.code, given)
    count = given.get(ITEMS)
    steps = plan(template)
    if count is not None:
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= len(steps):
            raise BuildError(f"a number from 1 to {len(steps)} is needed", ITEMS)
        steps = _first(template, count)
    fault, code = _given_fault(steps, given)
    names = {VARIANT, FAULT, ITEMS, PROTECTED}
    for step in steps:
        names |= {c.item for c in step.protected.contents} if step.protected is not None else {step.name}
    check_names(given, names)
    items = []
    for index, step in enumerate(steps):
        if fault is None or index < fault:
            items.append(ResponseItem(step.answered, 0, _answer(place, step, given, twin)))
        else:
            items.append(ResponseItem(step.answered, code if index == fault else OTHER_REASON, NULL))
    return AccessResponse(invoke_id(place.message.counter), tuple(items)).octets()


def _given_fault(steps: Sequence[Step], given: Mapping[str, Any]) -> tuple[int | None, int]:
    fault = given.get(FAULT)
    if fault is None:
        return None, 0
    if not isinstance(fault, Mapping) or set(fault) != {"item", "result"}:
        raise BuildError("an object of item and result is needed", FAULT)
    item = fault["item"]
    for index, step in enumerate(steps):
        if item == index + 1 or str(item).replace(".", "_") == step.name.replace(".", "_"):
            break
    else:
        raise BuildError(f"{item!r} is no item of this use case", f"{FAULT}.item")
    kind = _ACTION_RESULT if step.answered == Choice.ACTION else _RESULT
    try:
        code = kind.plain(fault["result"])
    except ValueError as error:
        raise BuildError(str(error), f"{FAULT}.result") from None
    if not 1 <= code <= 0xFF:
        raise BuildError("a result from 1 to 255 is needed", f"{FAULT}.result")
    return index, code


def _answer(place: Place, step: Step, given: Mapping[str, Any], twin: bool) -> Data:
    wire = step.answer_wire(twin)
    if wire is None:
        return NULL
    if step.protected is not None:
        octets = _given_contents(place, step.protected, given, twin)
        return protected_value(answer_parameters(place.message), octets)
    value = lookup(given, step.name)
    if value is ABSENT and "#" in step.name:
        value = lookup(given, step.name.partition("#")[0])
    if value is ABSENT and step.constant is not None:
        return step.constant_data()
    if value is ABSENT:
        raise BuildError("missing", step.name)
    return data_of(wire, value, step.name)


def _given_contents(place: Place, row: ProtectedRead, given: Mapping[str, Any], twin: bool) -> bytes:
    sealed = given.get(PROTECTED)
    if sealed is not None:
        try:
            return sealed if isinstance(sealed, bytes) else bytes.fromhex(sealed)
        except (TypeError, ValueError):
            raise BuildError("hex digits are needed", PROTECTED) from None
    nodes = []
    for content in row.contents:
        value = lookup(given, content.item)
        if value is ABSENT:
            raise BuildError("missing", content.item)
        nodes.append(data_of(content.wire(twin), value, content.item))
    return place.sealed(data_octets(Data(int(Tag.STRUCTURE), tuple(nodes))), row.contents[0].item)


# -- alerts ------------------------------------------------------------------------------


def _read_alert(place: Place, apdu: DataNotification) -> Values:
    wire = alert_structure(place.message.code)
    if wire is None:
        raise Irregular("no DLMS alert has this Message Code")
    _check_regular(apdu.body)
    if place.message.code != BILLING_DATA_LOG:
        value: Values = named_value(wire, apdu.body)
        return value
    wire.decode(apdu.body)
    head = apdu.body.value[:2]
    values: Values = {
        name: _named(item, node) for name, item, node in zip(wire.names, wire.items, head, strict=False)
    }
    found = read_protected_elements(apdu.body.value[2:])
    if found.parameters != answer_parameters(place.message):
        raise Irregular("the protection parameters are not those of the header")
    row = _billing_row()
    try:
        return values | _opened(place, row, found.octets, False)
    except TypeMismatch:
        return values | {VARIANT: TWIN} | _opened(place, row, found.octets, True)


def _billing_row() -> ProtectedRead:
    from ..dlms.protection_rows import table  # noqa: PLC0415  (kept out of importing this module)

    return next(row for row in table() if row.alert_only)


def alert_payload(place: Place, given: Mapping[str, Any]) -> bytes:
    """The payload of an alert. Raises BuildError with the name of the value that is wrong."""
    code = place.message.code
    wire = alert_structure(code)
    if wire is None:
        raise BuildError(f"no DLMS alert has the Message Code {code:04X}", "use_case")
    if code != BILLING_DATA_LOG:
        check_names(given, {*wire.names, HEADER})
        body = data_of(wire, {n: lookup(given, n) for n in wire.names if lookup(given, n) is not ABSENT})
        payload = DataNotification(invoke_id(place.message.counter), body).octets()
        header = given.get(HEADER)
        return payload if header is None else join_header(payload, header)
    row = _billing_row()
    check_names(given, {*wire.names[:2], VARIANT, PROTECTED, *(content.item for content in row.contents)})
    nodes = []
    for name, item in zip(wire.names[:2], wire.items[:2], strict=True):
        value = lookup(given, name)
        if value is ABSENT:
            raise BuildError("missing", name)
        nodes.append(data_of(item, value, name))
    octets = _given_contents(place, row, given, given.get(VARIANT) == TWIN)
    nodes += protected_elements(answer_parameters(place.message), octets)
    return DataNotification(invoke_id(place.message.counter), Data(int(Tag.STRUCTURE), tuple(nodes))).octets()


# -- shared ------------------------------------------------------------------------------


def _named(wire: WireType, data: Data) -> Any:
    _check_regular(data)
    return named_value(wire, data)


def _check_regular(data: Data) -> None:
    """Raise Irregular for a length, a boolean or padding in another form than the usual one."""
    tag, value, form = data
    if form:
        raise Irregular("a length or a boolean is not in its usual form")
    if tag in (Tag.ARRAY, Tag.STRUCTURE):
        for node in value:
            _check_regular(node)
    elif tag == Tag.COMPACT_ARRAY:
        for node in value.entries:
            _check_regular(node)
    elif tag == Tag.BIT_STRING and BitString.of(value.text) != value:
        raise Irregular("a bit-string is padded with ones")
