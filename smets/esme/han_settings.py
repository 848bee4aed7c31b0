"""Settings of what an ESME publishes in the clusters of the home area network."""

from __future__ import annotations

from dataclasses import dataclass

from gbcs.errors import BuildError

from ..behaviours.tariff import DEFAULT_TARIFF_SETTINGS, TariffSettings
from ..work import Work

FROM_NOW = 0x0000_0000
DELIVERED = 0x00  # tariff type


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """Settings of the commands a meter answers with. Raises BuildError."""

    provider_id: int = 0  # as in every GBCS message (gbz-payloads 6)
    issuer_event_id: int | None = None
    """None: the time of the answer. Gap: commands of an ESME carry none, so that its state has none; who
    sends GBZ commands takes the time (gbz-payloads 6)."""
    price_minutes: int = 0xFFFF
    """How long a price holds. Gap: gas-zcl-objects does not fix it; FFFF is what a message has, until it
    changes."""
    message_id: int = 1
    """Gap: a supplier's message comes to an ESME without an identifier."""
    tariff_id: int = 1  # as in every GBCS message (gbz-payloads 6)
    block_scheme: int = 3
    """Charging scheme of a tariff with blocks: blocks of each tier, with thresholds of its own, as the
    ZigBee dissectors of Wireshark 4.0 name it. Gap: gbz-payloads 6 has 1 for gas, which has no such tiers."""
    any_calendar: int = 0xFF
    """A type that asks for calendars of any type. Gap: the reference has none; FF is no calendar's type."""

    tariff: TariffSettings = DEFAULT_TARIFF_SETTINGS
    """How the meter reads its switching table: as its own settings say."""

    def __post_init__(self) -> None:
        """Ranges."""
        for value in (self.provider_id, self.issuer_event_id or 0, self.message_id, self.tariff_id):
            if not 0 <= value <= 0xFFFF_FFFF:
                raise BuildError("four octets", "identifiers")
        if not 0 <= self.price_minutes <= 0xFFFF:
            raise BuildError("two octets", "price_minutes")
        if not (0 <= self.block_scheme <= 0x0F and 0 <= self.any_calendar <= 0xFF):
            raise BuildError("half an octet, and an octet", "block_scheme, any_calendar")

    def event_id(self, work: Work) -> int:
        """The issuer event identifier of an answer."""
        return work.time.seconds if self.issuer_event_id is None else self.issuer_event_id

    def issued(self, work: Work) -> dict[str, int]:
        """The fields that say by whom and when something was issued."""
        return {"ProviderId": self.provider_id, "IssuerEventId": self.event_id(work)}
