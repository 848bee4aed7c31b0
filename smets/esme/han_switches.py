"""Load switches on the home area network: the frames of what a meter orders, and what they ask and report.

What the frames carry is of `behaviours.load_control`. Only a switch of the meter's device log is listened
to. Source: HECS01, Demand Response and Load Control cluster (reference: smets-ppmid-hcalcs-ihd 3.2,
han-clusters; the fields: see the command table).
"""

from __future__ import annotations

from gbcs.zcl.clusters import NOT_FOUND, SUCCESS

from ..behaviours.load_control import (
    CancelLoadControlEvent,
    EventStatusReported,
    LoadControlEvent,
    ScheduledEventsAsked,
)
from ..han.cluster_commands import Answer, Asked, CommandRow, Told
from .han_guard import Tell, guarded
from .han_settings import PublishSettings

ON, OFF = 100, 0  # duty cycle, per cent
NO_OFFSET, NO_ADJUSTMENT, NO_SET_POINT = 0xFF, -128, -32768  # fields that are not used
EVERY_GROUP = 0x00
NOW = 0  # cancel control: no random delay


def switch_rows(settings: PublishSettings, tell: Tell | None) -> tuple[CommandRow, ...]:
    """The commands of switches."""
    does = {"GetScheduledEvents": _orders, "ReportEventStatus": _report}
    return tuple(guarded(name, act, tell, settings) for name, act in does.items())


def ordered(order: LoadControlEvent | CancelLoadControlEvent, settings: PublishSettings) -> Told:
    """The command that gives a switch an order, or takes it back."""
    common = {
        "IssuerEventId": order.event,
        "DeviceClass": settings.device_class,
        "UtilityEnrollmentGroup": EVERY_GROUP,
    }
    if isinstance(order, CancelLoadControlEvent):
        return Told("CancelLoadControlEvent", {**common, "CancelControl": NOW, "EffectiveTime": NOW})
    values = {
        **common,
        "StartTime": order.start.seconds,
        "DurationInMinutes": order.minutes,
        "CriticalityLevel": settings.criticality,
        "CoolingTemperatureOffset": NO_OFFSET,
        "HeatingTemperatureOffset": NO_OFFSET,
        "CoolingSetPoint": NO_SET_POINT,
        "HeatingSetPoint": NO_SET_POINT,
        "AverageLoadAdjustment": NO_ADJUSTMENT,
        "DutyCycle": ON if order.on else OFF,
        "EventControl": NOW,
    }
    return Told("LoadControlEvent", values)


def _orders(asked: Asked, tell: Tell) -> Answer:
    """The orders go out by themselves; a switch that has none hears so."""
    found = tell(ScheduledEventsAsked(asked.requester)) if asked.requester is not None else ()
    return SUCCESS if any(isinstance(effect, LoadControlEvent) for effect in found) else NOT_FOUND


def _report(asked: Asked, tell: Tell) -> Answer:
    if asked.requester is not None:
        values = asked.values
        tell(EventStatusReported(asked.requester, values["IssuerEventId"], values["EventStatus"]))
    return SUCCESS
