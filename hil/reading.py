"""Comparing what a message says, in the form of `smets decode --named --json`, with what a scenario expects.

Of a table the keys that are named count. A list has to have what is named, in that order, and nothing
behind it but zeros; so `tou = [300]` says that no other register has anything.
"""

from __future__ import annotations

from typing import Any


def difference(wanted: Any, given: Any, path: str = "") -> str:
    """The first difference, by its path; '' if what is given is as wanted."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        for key, inner in wanted.items():
            place = f"{path}.{key}".lstrip(".")
            if key not in given:
                return f"{place} is not there"
            if found := difference(inner, given[key], place):
                return found
        return ""
    if isinstance(wanted, list) and isinstance(given, list):
        for index, inner in enumerate(wanted):
            if index >= len(given):
                return f"{path} has {len(given)} elements, not {len(wanted)}"
            if found := difference(inner, given[index], f"{path}[{index}]"):
                return found
        rest = [n for n, one in enumerate(given) if n >= len(wanted) and (one != 0 or isinstance(one, bool))]
        return f"{path}[{rest[0]}] is {given[rest[0]]!r}, nothing is expected there" if rest else ""
    same = wanted == given and isinstance(wanted, bool) == isinstance(given, bool)
    return "" if same else f"{path} is {given!r}, not {wanted!r}"
