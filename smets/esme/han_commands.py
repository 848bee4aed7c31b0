"""What an ESME answers to commands of the clusters of the home area network, and what it refuses.

Everybody may read, and confirm a message; what a prepayment display may do comes with it. Source: the
clusters of an ESME (reference: han-clusters), with the values of gas-zcl-objects where those of
electricity are not said.
"""

from __future__ import annotations

from collections.abc import Callable

from gbcs.zcl.clusters import SUCCESS

from ..behaviours.tenancy import restricted_until
from ..events import Event
from ..han.cluster_commands import Answer, Asked, CommandRow, Told, refusing
from ..han.event_logs import event_log_row
from .han_calendar import calendar_rows
from .han_logs import log_rows
from .han_price import price_rows
from .han_settings import DELIVERED, FROM_NOW, PublishSettings
from .messages import MessageConfirmed

Tell = Callable[[Event], None]

ANY_DURATION = 0xFFFF
CLEAR_DATA = 0x0000_0200  # proposed tenancy change control
SHOW_NAME = 0x0000_1800  # provider change control


def esme_commands(settings: PublishSettings, tell: Tell | None = None) -> tuple[CommandRow, ...]:
    """The commands a meter takes.

    `tell`: lets something happen to it; without, what would change its state is refused.
    """
    return (
        *price_rows(settings),
        *log_rows(),
        refusing("LocalChangeSupply"),
        refusing("SelectAvailableEmergencyCredit"),
        refusing("ConsumerTopUp"),
        *_messaging(settings, tell),
        *calendar_rows(settings),
        *_device_management(settings),
        event_log_row(),
    )


def _messaging(settings: PublishSettings, tell: Tell | None) -> tuple[CommandRow, ...]:
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

    def confirm(asked: Asked, tell: Tell) -> Answer:
        values = asked.values
        if not asked.work.item("SupplierMessage") or values["MessageId"] != settings.message_id:
            return ()
        response = values.get("Response") or b""
        octets = response.encode() if isinstance(response, str) else bytes(response)
        control = values.get("ConfirmationControl", 0)
        tell(MessageConfirmed(values["MessageId"], values["ConfirmationTime"], control, octets))
        return SUCCESS

    name = "MessageConfirmation"
    confirmation = refusing(name) if tell is None else CommandRow(name, lambda asked: confirm(asked, tell))
    return CommandRow("GetLastMessage", last), confirmation


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
