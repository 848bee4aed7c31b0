"""The store fault a test arms: the next command fails at one item with one code, once."""

from __future__ import annotations

from .work import Work

FAULT = "fault"


def arm_fault(work: Work, index: int, code: int) -> None:
    """Let the item at a 0-based index of the next command fail with a code."""
    work.set_value(FAULT, (index, code))


def armed_fault(work: Work) -> tuple[int, int] | None:
    """The fault armed for this command, which it uses up."""
    held = work.value(FAULT)
    if not isinstance(held, tuple) or len(held) != 2:
        return None
    work.put(FAULT, None)
    index, code = held
    return (index, code) if isinstance(index, int) and isinstance(code, int) else None
