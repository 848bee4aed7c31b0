"""Tariffs as the data items of a meter."""

from __future__ import annotations

from typing import Any

from gbcs.dlms.named import plain_value
from gbcs.dlms.objects import by_item
from gbcs.tariff import electricity
from gbcs.tariff.messages import tariff_values
from gbcs.tariff.model import Action, ActionKind, Tariff
from smets.values import Value

UNUSED = 0xFFFF_FFFF


def tariff_items(use_case: str, tariff: Any) -> dict[str, Value]:
    """The active items a command with this tariff leaves behind, by their names."""
    if isinstance(tariff, Tariff):
        named = electricity.values(tariff, use_case, None)
    else:
        named = tariff_values(use_case, tariff)
    found: dict[str, Value] = {}
    for name, value in named.items():
        if name != "ActivationTime":
            plain: Any = plain_value(by_item(name).wire(), value, name)
            if "Threshold" in name:
                plain += (UNUSED,) * (3 - len(plain))
            found[name] = plain
    return found


def selector(action: Action | None, secondary: bool = False) -> int | None:
    """The selector of an action in the tariff script table."""
    if action is None:
        return None
    if action.kind is ActionKind.OTHER:
        return action.number
    base = 200 if secondary else 100 if action.kind is ActionKind.BLOCK else 0
    return base + action.number
