"""What a hub answers to commands of the clusters of the home area network.

The logs of the CHF are given by its own endpoint. Of the gas proxy nothing is held yet: its energy
service interface finds nothing, its mirror fails as without a gas meter. Source: the clusters of CHF
and GPF (reference: han-clusters, chts-hub 10).
"""

from __future__ import annotations

from dataclasses import dataclass

from gbcs.errors import BuildError
from gbcs.zcl.clusters import FAILURE
from smets.han.cluster_commands import Asked, CommandRow, nothing_held, refusing
from smets.han.endpoints import REMOTE_COMMUNICATIONS
from smets.han.event_logs import event_log_row

PROXY = (
    "GetCurrentPrice",
    "GetBlockPeriod",
    "GetConversionFactor",
    "GetCalorificValue",
    "GetTariffInformation",
    "GetPriceMatrix",
    "GetBlockThresholds",
    "GetTierLabels",
    "GetBillingPeriod",
    "GetConsolidatedBill",
    "GetLastMessage",
    "MessageConfirmation",
    "GetCalendar",
    "GetDayProfiles",
    "GetWeekProfiles",
    "GetSeasons",
    "GetSpecialDays",
    "GetCalendarCancellation",
    "GetChangeOfTenancy",
    "GetChangeOfSupplier",
    "GetSiteID",
    "GetCIN",
)
MIRROR = ("GetSnapshot", "GetSampledData", "GetPrepaySnapshot", "GetTopUpLog", "GetDebtRepaymentLog")


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """Settings of a hub's mirror. Raises BuildError."""

    without_meter: int = FAILURE
    """Status of a request while no gas meter is mirrored. Gap: chts-hub 10.4 says it of commands in GBCS
    messages, not of those of the home area network."""

    def __post_init__(self) -> None:
        """One octet."""
        if not 0 <= self.without_meter <= 0xFF:
            raise BuildError("one octet", "status")


def hub_commands(mirror: MirrorSettings = MirrorSettings()) -> tuple[CommandRow, ...]:
    """The commands a hub takes."""
    return (
        *(nothing_held(name) for name in PROXY),
        *(refusing(name, mirror.without_meter) for name in MIRROR),
        event_log_row(_is_of_chf),
        refusing("ClearEventLogRequest"),
    )


def _is_of_chf(asked: Asked) -> bool:
    return asked.endpoint.device_id == REMOTE_COMMUNICATIONS
