"""Whether the parts of a Tariff Switching Table name one another (reference: dlms-payloads 7.2).

Special days have an activation time of their own and are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..values import Value

PREFIXES = ("", "Secondary")


def incomplete(values: Mapping[str, Value]) -> str:
    """What a table that is to become active names and does not have; '' if nothing.

    Values by the items of one table: seasons, weeks and days.
    """
    parts: dict[str, Any] = {item.rpartition(".")[2]: value for item, value in values.items()}
    weeks = {name for name, *_ in parts["Weeks"]}
    days = {number for number, _ in parts["Days"]}
    for name, _, week in parts["Seasons"]:
        if week not in weeks:
            return f"season {name!r} has no week {week!r}"
    for name, *numbers in parts["Weeks"]:
        if missing := set(numbers) - days:
            return f"week {name!r} has no day {min(missing)}"
    return ""
