"""What an ESME answers to commands of the clusters of the home area network, and what it refuses.

Everybody may read; what displays may do is in `han_display`. Source: the
clusters of an ESME (reference: han-clusters), with the values of gas-zcl-objects where those of
electricity are not said.
"""

from __future__ import annotations

from ..behaviours.tenancy import restricted_until
from ..han.cluster_commands import Answer, Asked, CommandRow, Told
from ..han.event_logs import event_log_row
from .han_calendar import calendar_rows
from .han_display import display_rows
from .han_guard import Tell
from .han_logs import log_rows
from .han_price import price_rows
from .han_settings import DELIVERED, FROM_NOW, PublishSettings
from .han_switches import switch_rows

ANY_DURATION = 0xFFFF
CLEAR_DATA = 0x0000_0200  # proposed tenancy change control
SHOW_NAME = 0x0000_1800  # provider change control


def esme_commands(settings: PublishSettings, tell: Tell | None = None) -> tuple[CommandRow, ...]:
    """The commands a meter takes. `tell`: see `Tell`; without, what would change its state is refused."""
    return (
        *price_rows(settings),
        *log_rows(settings),
        *display_rows(settings, tell),
        *switch_rows(settings, tell),
        _message(settings),
        *calendar_rows(settings),
        *_device_management(settings),
        event_log_row(),
    )


def _message(settings: PublishSettings) -> CommandRow:
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

    return CommandRow("GetLastMessage", last)


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
