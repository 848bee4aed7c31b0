"""Ambient feedback: whether the power taken now is low, medium or high.

A read model for displays; nothing is stored. Source: SMETS 5.7.4.24, 5.7.4.29, ECS34 (reference:
smets-esme 9). Thresholds nobody set are 0 W, which any power reaches.
"""

from __future__ import annotations

from enum import Enum

from ..work import Work


class Ambient(Enum):
    """The three levels."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


def ambient(work: Work) -> Ambient:
    """The level of active power import: below the first threshold, below the second, or neither."""
    thresholds = work.item("LowMediumHighPowerThresholds")
    power = work.int_item("ActivePowerImport")
    if not isinstance(thresholds, tuple):
        return Ambient.HIGH
    for level, threshold in zip((Ambient.LOW, Ambient.MEDIUM), thresholds, strict=True):
        if isinstance(threshold, int) and power < threshold:
            return level
    return Ambient.HIGH
