"""What the items of an access-request or access-response are, as far as the tables tell."""

from __future__ import annotations

from functools import cache

from ..layout import Layout, octets, u8, u16, u64
from .apdu import AccessRequest, AccessResponse, Apdu, Choice
from .axdr import Data, Tag
from .fields import UNKNOWN_ITEM, ItemType
from .objects import Member, MemberKind, member
from .protection_rows import protected_read
from .templates import Component, Template, templates
from .wire import OneOf, Structure, WireType

_EXECUTED = Layout(
    "executed", u16("message code"), u64("counter"), u16("class_id"), octets("logical_name", 6), u8("member")
)
_ANSWERED = {int(Choice.GET_WITH_SELECTION): int(Choice.GET)}  # a get with selection is answered as a get


def answered_as(choice: int) -> int:
    """The choice by which a device answers a choice."""
    return _ANSWERED.get(choice, choice)


def member_of(component: Component) -> Member | None:
    """The row of the object table that a component addresses, or None."""
    kind = MemberKind.METHOD if component.choice == Choice.ACTION else MemberKind.ATTRIBUTE
    return member(component.class_id, component.ln, kind, component.member)


def fitting_templates(code: int, choices: tuple[int, ...]) -> tuple[Template, ...]:
    """The templates of a Message Code whose full list is answered by these choices."""
    return tuple(
        template
        for template in templates(code)
        if tuple(answered_as(c.choice) for c in template.components) == choices
    )


@cache
def contents_wire(method: Member) -> WireType | None:
    """The plaintext of a protected read: one structure of the contents, in its single or twin form."""
    row = protected_read(method.logical_name)
    if row is None:
        return None
    names = tuple(content.item for content in row.contents)
    forms = [Structure(tuple(c.wire(twin) for c in row.contents), names) for twin in (False, True)]
    return forms[0] if forms[0] == forms[1] else OneOf(tuple(forms))


@cache
def _asked(component: Component) -> ItemType:
    row = member_of(component)
    if row is None:
        return UNKNOWN_ITEM
    return ItemType(f"{row.item} ({row.name})", row.any_wire())


@cache
def _answered(component: Component) -> ItemType:
    row = member_of(component)
    if row is None:
        return UNKNOWN_ITEM
    name = f"{row.item} ({row.name})"
    if row.kind is MemberKind.ATTRIBUTE:
        return ItemType(name, row.any_wire())
    if not row.result_type:
        return ItemType(name)
    return ItemType(name, row.result_wire(), contents_wire(row))


def item_types(code: int, apdu: Apdu) -> tuple[ItemType, ...]:
    """What the items of an APDU are called and made of; empty for a notification."""
    if isinstance(apdu, AccessRequest):
        return tuple(_asked(Component(*item[:4])) for item in apdu.items)
    if not isinstance(apdu, AccessResponse):
        return ()
    fitting = fitting_templates(code, tuple(item.choice for item in apdu.items))
    answers = ([_answered(component) for component in template.components] for template in fitting)
    # a response does not repeat what was asked: where variants differ, there is no telling
    return tuple(known[0] if len(set(known)) == 1 else UNKNOWN_ITEM for known in zip(*answers, strict=True))


def executed_target(data: Data) -> str | None:
    """What the alert of a future-dated command executed: attribute or method, use case and counter."""
    if data.tag != Tag.OCTET_STRING or len(data.value) != _EXECUTED.size:
        return None
    code, counter, class_id, ln, number = _EXECUTED.unpack(data.value)
    for kind in (MemberKind.ATTRIBUTE, MemberKind.METHOD):
        row = member(class_id, ln, kind, number)
        if row is not None:
            return f"{row.item} ({row.name}) by {code:04X} of counter {counter:016X}"
    return None
