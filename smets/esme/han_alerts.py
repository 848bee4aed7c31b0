"""How displays are told of an event: PublishEvent, and whom it goes to.

A HAN alert goes to the devices of the device log that show something. Source: reference,
smets-alerts-events (column `han_alert`), han-clusters (Events server of an ESME, optional), chts-hub 10.1.
"""

from __future__ import annotations

from gbcs.ids import DeviceType, EntityId

from ..behaviours.device_log import device_type_of, entries
from ..han.cluster_commands import Told
from ..han.event_logs import GENERAL
from ..local_alerts import HanAlert
from ..work import Work
from .han_settings import PublishSettings

SHOWING = frozenset((DeviceType.PPMID, DeviceType.TYPE2))


def displays(work: Work) -> tuple[EntityId, ...]:
    """The stations that are told, in order of identifier. Raises StoreError."""
    return tuple(e.station for e in entries(work) if device_type_of(e.device_type) in SHOWING)


def published(alert: HanAlert, settings: PublishSettings) -> Told:
    """The command that tells a display of an event."""
    values = {
        "LogId": GENERAL,
        "EventId": alert.code,
        "EventTime": alert.time.seconds,
        "EventControl": settings.event_control,
        "EventData": b"",
    }
    return Told("PublishEvent", values)
