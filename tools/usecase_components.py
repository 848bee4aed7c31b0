"""What the commands of a use case are made of: items of a DLMS request, components of a GBZ payload."""

from __future__ import annotations

from typing import Any

from gbcs.ids import Payload
from gbcs.usecases import UseCase

Rows = list[dict[str, Any]]


def templates(row: UseCase) -> list[dict[str, Any]]:
    """Each form of the command: its variant or None, and its items in their order."""
    if row.code is None:
        return []
    if row.payload is Payload.DLMS:
        from gbcs.dlms.templates import templates as dlms

        return [{"variant": one.variant or None, "items": _items(one)} for one in dlms(row.code)]
    if row.payload is Payload.GBZ:
        from gbcs.zcl.templates import template as gbz

        found = gbz(row.code)
        return [] if found is None else [{"variant": None, "items": _slots(found)}]
    return []


def _items(template: Any) -> Rows:
    from gbcs.dlms.apdu import Choice
    from gbcs.dlms.items import member_of
    from gbcs.named.dlms_plan import Source, plan

    found = []
    for position, step in enumerate(plan(template)):
        component = step.component
        row = member_of(component)
        reads = component.choice in (Choice.GET, Choice.GET_WITH_SELECTION)
        fixed = step.constant if step.source is Source.CONSTANT and not reads else None
        found.append(
            {
                "component": str(component),
                "name": None if row is None else f"{row.item} ({row.name})",
                "type": None if row is None or reads else row.type,
                "optional": position in template.optional,
                "fixed": fixed if isinstance(fixed, int) else None,
            }
        )
    return found


def _slots(template: Any) -> Rows:
    from gbcs.named.gbz_plan import plan
    from gbcs.named.parts import span
    from gbcs.zcl.clusters import CLUSTER_NAMES
    from gbcs.zcl.templates import MANY

    found = []
    for step in plan(template):
        slot = step.slot
        name = f"{CLUSTER_NAMES[slot.cluster]} {step.declared.name}"
        if step.attributes:
            name += f" ({', '.join(plain for plain, _ in step.attributes)})"
        found.append(
            {
                "component": f"{slot.cluster:04X} {slot.frame_control:02X} {slot.command:02X}",
                "name": name,
                "count": f"{slot.lo} or more" if slot.hi == MANY else span(slot.lo, slot.hi),
                "from_date_time": step.declared.from_date_time if slot.dated else None,
                "answer": step.answer_name,
                "answer_encrypted": slot.sealed,
                "optional": slot.lo == 0,
            }
        )
    return found


def item_text(item: dict[str, Any]) -> str:
    """An item or a component in one line, without its number."""
    text = str(item["name"] or "(not in the object table)")
    if item.get("fixed") is not None:
        text += f" = {item['fixed']}"
    if item.get("count", "1") != "1":
        text = f"{item['count']} times {text}"
    if item.get("from_date_time"):
        text += f", behind a From Date Time ({item['from_date_time']})"
    if "answer" in item:
        text += f", answered by {item['answer']}{', encrypted' if item['answer_encrypted'] else ''}"
    return text + (" [optional]" if item["optional"] else "")
