"""What an ESME shows of its state in the clusters of the home area network.

Registers are in Wh and W, money in millipence, so that unit and divisor follow. Attributes the
meter's state has nothing for are left out, prices and blocks among them. Source: the clusters of
an ESME (reference: han-clusters; the items behind the attributes as in gas-zcl-objects).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gbcs.errors import BuildError

from ..behaviours.charging import PREPAYMENT_MODE, payment_mode
from ..behaviours.history import History
from ..behaviours.supply import STATE, State
from ..device import Device
from ..han.cluster_values import (
    MAINS_SINGLE_PHASE,
    MAINS_THREE_PHASE,
    BasicSettings,
    DeviceValues,
    Source,
    ValueRow,
    common_rows,
    constant,
    item,
)
from ..han.endpoints import METER, PREPAYMENT, PRICE
from ..work import Work
from .han_commands import esme_commands
from .han_guard import Tell
from .han_history import history_rows
from .han_price import currency
from .han_settings import PublishSettings

UNIT_KWH = 0x00
ELECTRIC = 0x00  # MeteringDeviceType
WH_IN_KWH = 1000
SUPPLY = {State.DISABLED: 0x00, State.ARMED: 0x01, State.ENABLED: 0x02}  # SupplyStatus
POLYPHASE = b"C"  # MeterVariant
TIERS = 4  # those the cluster table has


@dataclass(frozen=True, slots=True)
class MeteringSettings:
    """Settings of how metering is shown. Raises BuildError."""

    formatting: int = 0xBB
    """SummationFormatting: 3 digits behind the point, 7 before it, no leading zeros, which a register of
    32 bits in Wh needs. Gap: han-clusters does not give the layout; bits 0 to 2, 3 to 6, 7 as in ZSE."""
    disconnected: int = 0x40
    """The bit of Status for a supply that is not enabled. Gap: han-clusters does not give the bits; this
    is ZSE's for electricity. What the others report this meter does not sense: they are clear."""

    def __post_init__(self) -> None:
        """Ranges."""
        if not (0 <= self.formatting <= 0xFF and 0 <= self.disconnected <= 0xFF):
            raise BuildError("one octet", "Metering")


def esme_values(
    device: Device,
    suites: Callable[[], int],
    basic: BasicSettings | None = None,
    metering: MeteringSettings = MeteringSettings(),
    publish: PublishSettings | None = None,
    tell: Tell | None = None,
) -> DeviceValues:
    """The values of a meter, and its answers to commands; `suites` are those of its key establishment.

    `basic` None: the defaults, and the power source of its variant. `tell`: see `esme_commands`.
    """
    if basic is None:
        polyphase = device.profile.defaults["MeterVariant"] == POLYPHASE
        basic = BasicSettings(power_source=MAINS_THREE_PHASE if polyphase else MAINS_SINGLE_PHASE)
    histories = [one for one in device.profile.behaviours if isinstance(one, History)]
    rows = (
        *common_rows(basic, suites),
        *_metering(metering),
        *PREPAYMENT_ROWS,
        *(row for history in histories for row in history_rows(history)),
    )
    return DeviceValues(rows, device.observe, esme_commands(publish or PublishSettings(), tell))


def _metering(settings: MeteringSettings) -> tuple[ValueRow, ...]:
    return (
        ValueRow(METER, "CurrentSummationDelivered", item("ActiveImportRegister")),
        ValueRow(METER, "CurrentSummationReceived", item("ActiveExportRegister")),
        ValueRow(METER, "SupplyStatus", lambda work: SUPPLY[_state(work)]),
        *(ValueRow(METER, f"CurrentTier{n}SummationDelivered", _tier(n)) for n in range(1, TIERS + 1)),
        ValueRow(
            METER,
            "Status",
            lambda work: 0 if _state(work) is State.ENABLED else settings.disconnected,
        ),
        ValueRow(METER, "UnitOfMeasure", constant(UNIT_KWH)),
        ValueRow(METER, "Multiplier", constant(1)),
        ValueRow(METER, "Divisor", constant(WH_IN_KWH)),
        ValueRow(METER, "SummationFormatting", constant(settings.formatting)),
        ValueRow(METER, "MeteringDeviceType", constant(ELECTRIC)),
        ValueRow(METER, "SiteID", item("MeterPointAdministrationNumber.Import")),
        ValueRow(METER, "CustomerIDNumber", item("CustomerIdentificationNumber")),
        ValueRow(METER, "InstantaneousDemand", item("ActivePowerImport")),
    )


def _state(work: Work) -> State:
    return State(work.int_item(STATE))


def _tier(number: int) -> Source:
    return item(f"TariffTOURegisterMatrix.TOU{number}")


def _credit(work: Work) -> object:
    """The balance of a meter in prepayment mode; in credit mode it is money due, no credit."""
    return work.item("MeterBalance") if payment_mode(work) == PREPAYMENT_MODE else None


def _cut_off(work: Work) -> object:
    thresholds = work.item("DisablementThreshold")
    return thresholds[0] if isinstance(thresholds, tuple) and thresholds else None


PREPAYMENT_ROWS = (
    ValueRow(PREPAYMENT, "CreditRemaining", _credit),
    ValueRow(PREPAYMENT, "EmergencyCreditRemaining", item("EmergencyCreditBalance")),
    ValueRow(PREPAYMENT, "AccumulatedDebt", item("AccumulatedDebtRegister")),
    ValueRow(PREPAYMENT, "EmergencyCreditLimit", item("EmergencyCreditLimit")),
    ValueRow(PREPAYMENT, "EmergencyCreditThreshold", item("EmergencyCreditThreshold")),
    ValueRow(PREPAYMENT, "MaxCreditLimit", item("MaximumMeterBalance")),
    ValueRow(PREPAYMENT, "MaxCreditPerTopUp", item("MaximumCreditThreshold")),
    ValueRow(PREPAYMENT, "LowCreditWarning", item("LowCreditThreshold")),
    ValueRow(PREPAYMENT, "CutOffValue", _cut_off),
    ValueRow(PREPAYMENT, "DebtAmount#1", item("TimeDebtRegister1")),
    ValueRow(PREPAYMENT, "DebtAmount#2", item("TimeDebtRegister2")),
    ValueRow(PREPAYMENT, "DebtAmount#3", item("PaymentDebtRegister")),
    ValueRow(PREPAYMENT, "DebtRecoveryTopUpPercentage#3", item("DebtRecoveryPerPayment")),
    ValueRow(PRICE, "Currency", currency),
)
