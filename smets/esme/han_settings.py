"""Settings of what an ESME publishes in the clusters of the home area network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gbcs.errors import BuildError
from gbcs.security.utrn import Refusal

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
    snapshot_by_tiers: bool = True
    """Whether the 32 block registers of a snapshot go tier by tier, as the identifiers of the attributes for
    them do, or block by block, as the meter's logs have them. Gap: gas-zcl-objects has the blocks of gas,
    which has no tiers of blocks, and no order."""
    snapshot_blocks: int = 0x83
    """How a snapshot counts its block registers: tiers in the high half, thresholds in the low one, as
    PublishBlockThresholds does. Gap: gas-zcl-objects does not say what the halves of the octet are."""
    any_calendar: int = 0xFF
    """A type that asks for calendars of any type. Gap: the reference has none; FF is no calendar's type."""
    top_up_accepted: int = 0x00  # as in the samples
    top_up_refused: int = 0x01  # as in the samples
    top_up_results: Mapping[Refusal, int] = field(default_factory=dict)
    """Results of refusals that have one of their own. Gap: the samples have one for all; no text lists
    others."""
    tells_of_readers: bool = False
    """Log and alert 8F3E also where a device of the device log asks for what only a prepayment display may.
    Gap: gbcs-messages 11 names stations that are not in the log; smets-ppmid-hcalcs-ihd 1 has a reader
    change nothing."""
    device_class: int = 0xFFFF
    """Classes of loads an order is for. Gap: the reference has no values; all of them, as the meter knows
    its switches by their stations."""
    event_control: int = 0x01
    """EventControl of an event displays are told of: it is for the home area network. Gap: the reference has
    the name of PublishEvent and no layout; that of the table, and this bit, are general knowledge."""
    criticality: int = 0x01
    """CriticalityLevel of an order. Gap: as above; the lowest."""

    tariff: TariffSettings = DEFAULT_TARIFF_SETTINGS
    """How the meter reads its switching table: as its own settings say."""

    def __post_init__(self) -> None:
        """Ranges."""
        for value in (self.provider_id, self.issuer_event_id or 0, self.message_id, self.tariff_id):
            if not 0 <= value <= 0xFFFF_FFFF:
                raise BuildError("four octets", "identifiers")
        if not 0 <= self.price_minutes <= 0xFFFF:
            raise BuildError("two octets", "price_minutes")
        if not (0 <= self.device_class <= 0xFFFF and 0 <= self.criticality <= 0xFF):
            raise BuildError("two octets, and one", "device_class, criticality")
        if not 0 <= self.event_control <= 0xFF:
            raise BuildError("one octet", "event_control")
        results = (self.top_up_accepted, self.top_up_refused, *self.top_up_results.values())
        if not all(0 <= value <= 0xFF for value in results):
            raise BuildError("one octet", "top_up_results")
        if not (0 <= self.block_scheme <= 0x0F and 0 <= self.any_calendar <= 0xFF):
            raise BuildError("half an octet, and an octet", "block_scheme, any_calendar")
        if not 0 <= self.snapshot_blocks <= 0xFF:
            raise BuildError("one octet", "snapshot_blocks")

    def event_id(self, work: Work) -> int:
        """The issuer event identifier of an answer."""
        return work.time.seconds if self.issuer_event_id is None else self.issuer_event_id

    def issued(self, work: Work) -> dict[str, int]:
        """The fields that say by whom and when something was issued."""
        return {"ProviderId": self.provider_id, "IssuerEventId": self.event_id(work)}
