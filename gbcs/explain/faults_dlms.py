"""Checks of DLMS payloads: templates, constants, results, protection parameters, activation times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from ..dlms.activation import activation
from ..dlms.apdu import (
    OTHER_REASON,
    TAG_ACCESS_REQUEST,
    TAG_ACCESS_RESPONSE,
    TAG_DATA_NOTIFICATION,
    AccessRequest,
    AccessResponse,
    Choice,
    RequestItem,
    invoke_id,
)
from ..dlms.names import ln_text
from ..dlms.objects import Member, MemberKind, member
from ..dlms.selective import read_selection
from ..dlms.templates import Component, Template, match, table, templates
from ..dlms.types import TypeMismatch
from ..ids import Cra
from ..usecases import by_code
from ..zcl.templates import template as gbz_template
from .context import Context
from .rules import RULES, use_case_rule
from .spans import Finding

_TAGS = {Cra.COMMAND: TAG_ACCESS_REQUEST, Cra.RESPONSE: TAG_ACCESS_RESPONSE, Cra.ALERT: TAG_DATA_NOTIFICATION}
_ANSWERED = {int(Choice.GET_WITH_SELECTION): int(Choice.GET)}
_WORDS = {1: "get", 2: "set", 3: "action", 4: "select", 5: "set with selection"}
Item: TypeAlias = tuple[int, int, bytes, int]
MANY_CODES = 4  # ours: more use cases than that say nothing
# elements of the protection parameters that are always the same (dlms-payloads 6)
_FIXED = {
    ".protection_type": "02",
    ".transaction_id.cra_flag": "04",
    ".key_info.key_info_type": "02",
    ".key_info_options.key_parameters": "02",
}


def check_apdu_kind(context: Context) -> Iterator[Finding]:
    """Commands carry access-requests, responses access-responses, alerts data-notifications."""
    if context.apdu is None:
        return
    given = context.message.payload[0]
    if given != _TAGS[context.message.cra]:
        # the payload is sound as what it says: the flag is wrong
        wanted = next(cra for cra, tag in _TAGS.items() if tag == given)
        reason = f"the payload is that of a {wanted.name.lower()}"
        yield context.finding("cra flag", "header.cra_flag", reason, RULES["identity"], f"{int(wanted):02X}")


def check_invoke_id(context: Context) -> Iterator[Finding]:
    """long-invoke-id-and-priority repeats the low 24 bits of the Originator Counter."""
    if context.apdu is None:
        return
    wanted = invoke_id(context.message.counter)
    if context.apdu.invoke_id != wanted:
        reason = f"{context.apdu.invoke_id:08X} is not 20 and the low 24 bits of the Originator Counter"
        yield context.finding("invoke id", "payload.invoke_id", reason, RULES["invoke-id"], f"{wanted:08X}")


def check_template(context: Context) -> Iterator[Finding]:
    """The items are those of a template of the Message Code, in its order."""
    code = context.message.code
    known = templates(code)
    if not known:
        return
    if isinstance(context.apdu, AccessRequest):
        items = [item[:4] for item in context.apdu.items]
        if match(code, items) is None:
            yield _misfit(context, items, known)
            yield from _other_code(context)
    elif isinstance(context.apdu, AccessResponse):
        yield from _response_misfit(context, context.apdu, known)


def fitting_use_cases(context: Context) -> dict[int, str]:
    """Message Code and use case of the templates that the items of a request follow."""
    if not isinstance(context.apdu, AccessRequest):
        return {}
    items = [item[:4] for item in context.apdu.items]
    return {t.code: t.use_case for t in table() if t.positions(items) is not None}


def _other_code(context: Context) -> Iterator[Finding]:
    """The items are those of another use case than that of the Message Code."""
    found = fitting_use_cases(context)
    if 1 <= len(found) <= MANY_CODES:
        reason = f"the items are those of {', '.join(found.values())}"
        expected = " or ".join(f"{code:04X}" for code in found)
        rule = RULES["use-case-table"]
        yield context.finding("message code", "header.message_code", reason, rule, expected)


def _misfit(context: Context, items: Sequence[Item], known: tuple[Template, ...]) -> Finding:
    """Where the items leave the template that they follow furthest."""
    place = 0
    expected: Component | str = ""
    for template in known:
        reached, wanted = _followed(template, items)
        if reached >= place or not expected:
            place, expected = reached, wanted
    rule = use_case_rule(context.message.code)
    if place >= len(items):
        reason = f"items are missing after {place}"
        return context.finding("template", "payload.data", reason, rule, str(expected))
    if isinstance(expected, str):
        reason = f"{_text(items[place])} does not stand here"
        return context.finding("template", f"payload.items[{place}].choice", reason, rule, expected)
    name, octets = _differing(items[place], expected)
    reason = f"{_text(items[place])} does not stand here, but {expected}"
    return context.finding("template", f"payload.items[{place}].{name}", reason, rule, octets)


def _text(item: Item) -> str:
    choice, class_id, name, number = item
    return f"{_WORDS.get(choice, choice)} {class_id}/{ln_text(name)}/{number}"


def _differing(item: Item, wanted: Item) -> tuple[str, str]:
    """The first field of an item that differs, and the octets it should have."""
    fields = (
        ("choice", f"{wanted[0]:02X}"),
        ("class_id", f"{wanted[1]:04X}"),
        ("logical_name", wanted[2].hex().upper()),
        ("member", f"{wanted[3]:02X}"),
    )
    return next(field for field, given, right in zip(fields, item, wanted, strict=True) if given != right)


def _followed(template: Template, items: Sequence[Item]) -> tuple[int, Component | str]:
    """How many items follow a template, and what it has after them."""
    position = 0
    for index, item in enumerate(items):
        skipped = position
        while skipped < len(template.components) and template.components[skipped] != item:
            if skipped not in template.optional:
                return index, template.components[skipped]
            skipped += 1
        if skipped == len(template.components):
            left = template.components[position:]
            return index, left[0] if left else "nothing"
        position = skipped + 1
    left = template.components[position:]
    return len(items), left[0] if left else "nothing"


def _response_misfit(
    context: Context, apdu: AccessResponse, known: tuple[Template, ...]
) -> Iterator[Finding]:
    choices = [item.choice for item in apdu.items]
    columns = [[_ANSWERED.get(c.choice, c.choice) for c in template.components] for template in known]
    if choices in columns:
        return
    if any(
        t.optional and len(choices) <= len(c) and set(choices) <= set(c)
        for t, c in zip(known, columns, strict=True)
    ):
        return
    rule, column = use_case_rule(context.message.code), columns[0]
    for index, choice in enumerate(choices):
        if index >= len(column) or choice != column[index]:
            expected = f"{column[index]:02X}" if index < len(column) else "nothing"
            reason = f"a result of {_WORDS.get(choice, choice)} does not stand here"
            yield context.finding("template", f"payload.items[{index}].choice", reason, rule, expected)
            return
    reason = f"{len(choices)} items, {len(column)} in the use case"
    yield context.finding("template", "payload.data", reason, rule, f"{len(column):02X}")


def _member(item: RequestItem | Component) -> Member | None:
    kind = MemberKind.METHOD if item.choice == Choice.ACTION else MemberKind.ATTRIBUTE
    return member(item[1], item[2], kind, item[3])


def check_constants(context: Context) -> Iterator[Finding]:
    """Parameters that a use case or a member fixes have that value."""
    if not isinstance(context.apdu, AccessRequest):
        return
    code = context.message.code
    items = context.apdu.items
    template = match(code, [item[:4] for item in items])
    positions = None if template is None else template.positions([item[:4] for item in items])
    for index, item in enumerate(items):
        known = _member(item)
        wanted: object = None
        if template is not None and positions is not None:
            wanted = template.fixed_at(positions[index])
        if wanted is None and known is not None and item.choice in (Choice.SET, Choice.ACTION):
            wanted = known.constant
        if wanted is None or known is None:
            continue
        try:
            given = known.any_wire().decode(item.data)
        except TypeMismatch:
            continue  # the walk has said so
        span = context.value_span(f"payload.items[{index}].data")
        if given != wanted and span is not None:
            size = span.end - span.start
            expected = f"{int(wanted):0{2 * size}X}" if isinstance(wanted, int) else f"{wanted!r}"
            yield context.wrong(
                "fixed value", span, f"{given!r} is not the fixed value", use_case_rule(code), expected
            )


def check_selection(context: Context) -> Iterator[Finding]:
    """A selection restricts by the clock, from a time to a later one."""
    if not isinstance(context.apdu, AccessRequest):
        return
    for index, item in enumerate(context.apdu.items):
        if item.choice != Choice.GET_WITH_SELECTION:
            continue
        path = f"payload.items[{index}]"
        if item.selector != 1:
            reason = f"access selector {item.selector} is not served"
            yield context.finding("selection", f"{path}.selector", reason, RULES["selective-access"], "01")
            continue
        try:
            wanted = read_selection(item.selector, item.selection)
        except TypeMismatch as error:
            where = f"{path}.selection" + error.path.removeprefix("selection")
            yield context.finding("selection", where, error.reason, RULES["selective-access"])
            continue
        if wanted.first > wanted.last:
            reason = "the range ends before it begins"
            yield context.finding(
                "selection", f"{path}.selection.to_value", reason, RULES["selective-access"]
            )


def check_results(context: Context) -> Iterator[Finding]:
    """After the first failure every item is 250 and has no data; only success has data."""
    if not isinstance(context.apdu, AccessResponse):
        return
    rule, failed = RULES["access-response"], False
    for index, item in enumerate(context.apdu.items):
        path = f"payload.items[{index}]"
        if failed and item.result != OTHER_REASON:
            reason = f"result {item.result} after an item that failed"
            yield context.finding("results", f"{path}.result", reason, rule, f"{OTHER_REASON:02X}")
        if item.result and item.data.tag:
            reason = "an item that failed has data"
            yield context.finding("results", f"{path}.data", reason, rule, "00")
        if not item.result and item.choice == Choice.SET and item.data.tag:
            yield context.finding("results", f"{path}.data", "a set has no data", rule, "00")
        if not item.result and item.choice == Choice.GET and not item.data.tag and not failed:
            yield context.finding("results", f"{path}.data", "a get that succeeded has a value", rule)
        failed = failed or bool(item.result)


def check_protection_parameters(context: Context) -> Iterator[Finding]:
    """Protection parameters name the counter and the two parties of the header, in its direction."""
    if context.apdu is None:
        return
    message, rule = context.message, RULES["data-protection"]
    wanted = {
        ".transaction_id.counter": message.counter.to_bytes(8, "big").hex().upper(),
        ".originator_system_title": str(message.originator),
        ".recipient_system_title": str(message.recipient),
        **_FIXED,
    }
    # a command on behalf of another party names that party (one message of the reference set)
    behalf = message.cra is Cra.COMMAND and message.other.party is not None
    requester = (str(message.other.party),) if behalf else ()
    for ending, expected in wanted.items():
        for span in context.leaves(ending):
            given = context.octets(span).hex().upper()
            if given in requester and ending == ".originator_system_title":
                continue
            if given != expected:
                name = ending.rpartition(".")[2].replace("_", " ")
                reason = f"{name} {given} is not that of the message"
                yield context.wrong("protection parameters", span, reason, rule, expected)


def check_activation_times(context: Context) -> Iterator[Finding]:
    """All activation times of a command are equal."""
    if not isinstance(context.apdu, AccessRequest):
        return
    first: bytes | None = None
    for index, item in enumerate(context.apdu.items):
        known = _member(item) if item.choice == Choice.SET else None
        found = None if known is None else activation(known)
        if found is None or not found.dated or not isinstance(item.data.value, bytes):
            continue
        first = item.data.value if first is None else first
        if item.data.value != first:
            path = f"payload.items[{index}].data"
            reason = "another activation time than the first of the command"
            where = context.at(f"{path}.year")
            yield Finding("activation time", where, path, reason, first.hex().upper(), RULES["future-dating"])


def check_alert_executed(context: Context) -> Iterator[Finding]:
    """The alert of a future-dated command names a use case that may be one, and an activation time of it."""
    for path in ("payload.body.Executed", "payload.executed"):
        span = context.value_span(f"{path}.message_code")
        if span is None:
            continue
        code = int.from_bytes(context.octets(span), "big")
        row = by_code(code)
        if row is None or not row.future_datable:
            reason = f"{code:04X} is no use case that can be dated in the future"
            yield context.wrong("executed", span, reason, RULES["future-dating"])
            continue
        parts = [context.value_span(f"{path}.{name}") for name in ("class_id", "logical_name", "member")]
        if all(part is not None for part in parts):
            class_id, name, number = (context.octets(part) for part in parts if part is not None)
            component = Component(2, int.from_bytes(class_id, "big"), name, number[0])
            yield from _not_of(context, path, component, _activating(code))
        yield from _gbz_not_of(context, path, code)


def _activating(code: int) -> list[Component]:
    """The items of a use case that carry an activation time."""
    found = []
    for component in (c for template in templates(code) for c in template.components):
        known = _member(component)
        row = None if known is None else activation(known)
        if row is not None and row.dated:
            found.append(component)
    return found


def _not_of(context: Context, path: str, given: Component, known: list[Component]) -> Iterator[Finding]:
    """An attribute that is no item of the use case: the field that differs from the nearest one."""
    if not known or given in known:
        return
    nearest = max(known, key=lambda c: sum(one == other for one, other in zip(c, given, strict=True)))
    name, octets = _differing(given, nearest)
    reason = f"{_text(given)} carries no activation time of the use case"
    yield context.finding("executed", f"{path}.{name}", reason, RULES["component"], octets)


def _gbz_not_of(context: Context, path: str, code: int) -> Iterator[Finding]:
    """A command that is no component of the use case. The frame control may be another."""
    found, spans = gbz_template(code), [context.value_span(f"{path}.{n}") for n in ("cluster", "command")]
    if found is None or any(span is None for span in spans):
        return
    cluster, number = (int.from_bytes(context.octets(span), "big") for span in spans if span is not None)
    pairs = [(slot.cluster, slot.command) for slot in found.slots]
    if (cluster, number) in pairs:
        return
    same = sorted({pair[1] for pair in pairs if pair[0] == cluster})
    reason = f"cluster {cluster:04X} command {number:02X} is no component of {found.use_case}"
    if same:
        expected, name = " or ".join(f"{command:02X}" for command in same), "command"
    else:
        clusters = sorted({pair[0] for pair in pairs if pair[1] == number} or {pair[0] for pair in pairs})
        expected, name = " or ".join(f"{other:04X}" for other in clusters), "cluster"
    yield context.finding("executed", f"{path}.{name}", reason, RULES["component"], expected)
