"""The Randomised Offset: by how much this meter switches later than its calendars say."""

from __future__ import annotations

from ..work import Work


def randomised_offset(work: Work) -> int:
    """Number x limit / 10000 in whole seconds, half up (SMETS 5.7.5.28)."""
    product = work.int_item("RandomisedOffsetNumber") * work.int_item("RandomisedOffsetLimit")
    return (product + 5_000) // 10_000
