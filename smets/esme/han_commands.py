"""What an ESME answers to commands of the clusters of the home area network, and what it refuses.

Everybody may only read; what a prepayment display may do comes with it. Source: the clusters of an
ESME (reference: han-clusters), with the values of gas-zcl-objects where those of electricity are
not said. Requests whose fields the reference does not give are answered by what is in force, but
only where the settings of the server let them (`ClusterSettings.unread_requests`).
"""

from __future__ import annotations

import datetime as _dt
from typing import Any

from gbcs.tariff.calendar import last_start, matches
from gbcs.time import Utc
from gbcs.values import Date, Time
from gbcs.zcl.clusters import SUCCESS

from ..han.cluster_commands import Answer, Asked, CommandRow, Told, refusing
from ..han.event_logs import event_log_row
from ..work import Work
from .han_calendar import calendar_rows
from .han_logs import log_rows, restricted_until
from .han_settings import PublishSettings

KWH = 0x00
GBP, EUR = 0x033A, 0x03D2
FROM_NOW = 0x0000_0000
DELIVERED = 0x00  # tariff type
DAYS = 0x21  # duration type: the high half is 2 in all of them
DAY = 86_400
LONGEST = 366  # days of a billing period, at most (smets-esme 6, 5.7.4.7)
ANY_DURATION = 0xFFFF
CLEAR_DATA = 0x0000_0200  # proposed tenancy change control
SHOW_NAME = 0x0000_1800  # provider change control


def esme_commands(settings: PublishSettings) -> tuple[CommandRow, ...]:
    """The commands a meter takes."""
    return (
        *_price(settings),
        *log_rows(),
        refusing("LocalChangeSupply"),
        refusing("SelectAvailableEmergencyCredit"),
        refusing("ConsumerTopUp"),
        *_messaging(settings),
        *calendar_rows(settings),
        *_device_management(settings),
        event_log_row(),
    )


def _price(settings: PublishSettings) -> tuple[CommandRow, ...]:
    def current(asked: Asked) -> Answer:
        """The active price; which tier it is of the meter's state does not say."""
        work = asked.work
        told = {
            **settings.issued(work),
            "RateLabel": b"",
            "CurrentTime": work.time.seconds,
            "UnitOfMeasure": KWH,
            "Currency": currency(work),
            "PriceTrailingDigitAndPriceTier": _trailing_digit(work),
            "NumberOfPriceTiersAndRegisterTier": 0,
            "StartTime": FROM_NOW,
            "DurationInMinutes": settings.price_minutes,
            "Price": work.item("ActiveTariffPrice"),
        }
        return (Told("PublishPrice", told),)

    def billing(asked: Asked) -> Answer:
        """The period in force now, or then if that is asked for, in days."""
        values, work = asked.values, asked.work
        period = billing_period(work, max(work.time.seconds, values["EarliestStartTime"]))
        if period is None or values["TariffType"] & 0x0F != DELIVERED:
            return ()
        told = {
            **settings.issued(work),
            "BillingPeriodStartTime": period[0],
            "BillingPeriodDuration": period[1],
            "BillingPeriodDurationType": DAYS,
            "TariffType": DELIVERED,
        }
        return (Told("PublishBillingPeriod", told),)

    return CommandRow("GetCurrentPrice", current), CommandRow("GetBillingPeriod", billing)


def currency(work: Work) -> int:
    """What money is counted in."""
    return GBP if work.item("CurrencyUnit") else EUR


def _trailing_digit(work: Work) -> int:
    """Digits behind the point, in the high half of the octet."""
    held = work.item("ActiveTariffPrice.ScalerUnit")
    scale = held[0] if isinstance(held, tuple) else 0
    return (-scale & 0x0F) << 4 if isinstance(scale, int) else 0


def billing_period(work: Work, seconds: int) -> tuple[int, int] | None:
    """Start and days of the billing period of a moment; None where the calendar does not say."""
    held: Any = work.item("BillingCalendar")
    moment = Utc.from_seconds(seconds).to_datetime()
    clock = (moment.hour, moment.minute, moment.second, 0)
    begun = [last_start(Date(date), Time(time), moment.date(), clock) for time, date in held]
    starts = [start for start in begun if start is not None]
    if not starts:
        return None
    day, at = max(starts)
    days = (day + _dt.timedelta(days=later) for later in range(1, LONGEST + 1))
    end = next((one for one in days if any(matches(Date(date), one) for _, date in held)), None)
    if end is None:
        return None
    midnight = Utc.of(day.year, day.month, day.day).seconds
    return midnight + 3600 * at[0] + 60 * at[1] + at[2], (end - day).days


def _messaging(settings: PublishSettings) -> tuple[CommandRow, ...]:
    def last(asked: Asked) -> Answer:
        message = asked.work.item("SupplierMessage")
        told = {
            "MessageId": settings.message_id,
            "MessageControl": 0,
            "StartTime": FROM_NOW,
            "DurationInMinutes": ANY_DURATION,
            "Message": message,
        }
        return (Told("DisplayMessage", told),) if message else ()

    return CommandRow("GetLastMessage", last), refusing("MessageConfirmation", SUCCESS)


def _device_management(settings: PublishSettings) -> tuple[CommandRow, ...]:
    def tenancy(asked: Asked) -> Answer:
        time = restricted_until(asked.work)
        told = {
            **settings.issued(asked.work),
            "TariffType": DELIVERED,
            "ImplementationDateTime": time,
            "ProposedTenancyChangeControl": CLEAR_DATA,
        }
        return (Told("PublishChangeOfTenancy", told),) if time else ()

    def supplier(asked: Asked) -> Answer:
        work = asked.work
        name, number = work.item("ContactDetails.Name"), work.item("ContactDetails.TelephoneNumber")
        told = {
            "CurrentProviderId": settings.provider_id,
            "IssuerEventId": settings.event_id(work),
            "TariffType": DELIVERED,
            "ProposedProviderId": settings.provider_id,
            "ProviderChangeImplementationTime": FROM_NOW,
            "ProviderChangeControl": SHOW_NAME,
            "ProposedProviderName": name,
            "ProposedProviderContactDetails": number,
        }
        return (Told("PublishChangeOfSupplier", told),) if name or number else ()

    def site(asked: Asked) -> Answer:
        told = {
            **settings.issued(asked.work),
            "SiteIdTime": FROM_NOW,
            "SiteID": asked.work.item("MeterPointAdministrationNumber.Import"),
        }
        return (Told("UpdateSiteID", told),)

    def customer(asked: Asked) -> Answer:
        told = {
            **settings.issued(asked.work),
            "CINImplementationTime": FROM_NOW,
            "CustomerIDNumber": asked.work.item("CustomerIdentificationNumber"),
        }
        return (Told("UpdateCIN", told),)

    return (
        CommandRow("GetChangeOfTenancy", tenancy),
        CommandRow("GetChangeOfSupplier", supplier),
        CommandRow("GetSiteID", site),
        CommandRow("GetCIN", customer),
    )
