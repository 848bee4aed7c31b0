"""What a meter tells of an event by itself, without a remote party: to displays, and by a sound.

Source: SMETS 5.7.4.1, 5.7.4.51 (reference: smets-esme 6, smets-alerts-events, column `han_alert`).
"""

from __future__ import annotations

from dataclasses import dataclass

from gbcs.time import Utc

from .events import ProfileEffect


@dataclass(frozen=True, slots=True)
class HanAlert(ProfileEffect):
    """Tell the displays on the home area network of an event, and when by the device's clock."""

    code: int
    time: Utc


@dataclass(frozen=True, slots=True)
class AudibleAlarm(ProfileEffect):
    """Sound the alarm for an event."""

    code: int
