"""What an ESME shows of its state in the clusters of the home area network.

Registers are in Wh and W, money in millipence, so that unit and divisor follow. Of Metering and Prepayment
all is shown that the attribute table has for them, but for `NOT_HELD`. In credit mode the balance is
shown as the bill to date, in prepayment mode as the credit that remains. Of Price there are the standing
charge, and what prices and thresholds are counted in; prices and thresholds themselves are told by
commands (`han_price`). Gap: those of gas are of tiers or of blocks, an ESME has both and thresholds of
each tier, and han-clusters does not say which of them the attributes would be. Source: the clusters of an
ESME (reference: han-clusters; the items behind the attributes, units and meanings as in gas-zcl-objects).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gbcs.errors import BuildError

from ..behaviours.charging import BALANCE, CREDIT_MODE, DEBTS, PREPAYMENT_MODE, Kind, payment_mode
from ..behaviours.compiled import Compiled
from ..behaviours.history import History
from ..behaviours.supply import STATE, State
from ..behaviours.tariff_registers import BLOCK_COUNTERS, BLOCK_REGISTERS, TOU_REGISTERS
from ..behaviours.timed_charges import amount_of
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
from .credit_charge import Control, suspensions_of
from .han_commands import esme_commands
from .han_guard import Tell
from .han_history import history_rows
from .han_price import currency
from .han_settings import PublishSettings

UNIT_KWH = 0x00
INT32_MAX = 2**31 - 1
ELECTRIC = 0x00  # MeteringDeviceType
WH_IN_KWH = 1000
MILLIPENCE_DIGITS = 5  # behind the point of a pound
SUPPLY = {State.DISABLED: 0x00, State.ARMED: 0x01, State.ENABLED: 0x02}  # SupplyStatus
LOCKED, UNCHANGED = 0x00, 0x03  # SupplyTamperState, as in SetSupplyStatus
FREQUENCY = {3600: 0x00, 86_400: 0x01}  # DebtRecoveryFrequency by seconds, as in ChangeDebt
POLYPHASE, TWIN = b"C", b"B"  # MeterVariant
# PaymentControlConfiguration (smets-esme 11.1)
PAYMENT_CONTROL = {
    Control(CREDIT_MODE): 0x0C94,
    Control(PREPAYMENT_MODE, True, True): 0x0497,
    Control(PREPAYMENT_MODE, True, False): 0x0097,
    Control(PREPAYMENT_MODE, False, True): 0x0C97,
    Control(PREPAYMENT_MODE, False, False): 0x0897,
}
NOT_HELD = (
    # what only a gas meter has: battery, uncontrolled flow
    "RemainingBatteryLifeInDays",
    "SupplyDepletionState",
    "UncontrolledFlowThreshold",
    "UncontrolledFlowThresholdUnitOfMeasure",
    "UncontrolledFlowMultiplier",
    "UncontrolledFlowDivisor",
    "FlowStabilisationPeriod",
    "FlowMeasurementPeriod",
    # Gap: gas has its firmware version there; han-clusters does not name it for an ESME
    "CurrentMeterID",
)
"""Attributes of Metering and Prepayment that an ESME does not show."""


@dataclass(frozen=True, slots=True)
class MeteringSettings:
    """Settings of how metering is shown. Raises BuildError."""

    formatting: int = 0xBB
    """SummationFormatting: 3 digits behind the point, 7 before it, no leading zeros, which a register of
    32 bits in Wh needs. Gap: han-clusters does not give the layout; bits 0 to 2, 3 to 6, 7 as in ZSE."""
    disconnected: int = 0x40
    """The bit of Status for a supply that is not enabled. Gap: han-clusters does not give the bits; this
    is ZSE's for electricity. What the others report this meter does not sense: they are clear."""
    blocks_are_counters: bool = True
    """Whether blocks, of a tier or of none, are shown from the block counters, which begin anew with a
    billing period, or from the block registers, which never do. Gap: han-clusters says "block 0x0700..";
    gas-zcl-objects has the counters behind the blocks of gas. An ESME's blocks are always of a tier: what
    is shown of a block without one is the sum over all tiers."""
    bill_is_due: bool = True
    """Whether the bill to date is what is due: the balance, which falls with consumption, with its sign
    turned, and 0 for a balance above zero. False: the 32 bits of the balance as they are held. Gap:
    gas-zcl-objects has the balance, which has a sign, behind an attribute that has none."""

    def __post_init__(self) -> None:
        """Ranges."""
        if not (0 <= self.formatting <= 0xFF and 0 <= self.disconnected <= 0xFF):
            raise BuildError("one octet", "Metering")


@dataclass(frozen=True, slots=True)
class PrepaymentSettings:
    """Settings of how prepayment is shown. Raises BuildError."""

    debt_cap_unit: int = 1
    """What a whole unit of currency of the Debt Recovery Rate Cap is in OverallDebtCap: 1, or 100,000 to have
    it in millipence. Gap: gas-zcl-objects has the attribute in "currency", and all other money there in
    millipence."""

    def __post_init__(self) -> None:
        """Ranges."""
        if not 1 <= self.debt_cap_unit <= INT32_MAX:
            raise BuildError("1 or more, of 31 bits", "debt_cap_unit")


def esme_values(
    device: Device,
    suites: Callable[[], int],
    basic: BasicSettings | None = None,
    metering: MeteringSettings = MeteringSettings(),
    publish: PublishSettings | None = None,
    tell: Tell | None = None,
    prepayment: PrepaymentSettings = PrepaymentSettings(),
) -> DeviceValues:
    """The values of a meter, and its answers to commands; `suites` are those of its key establishment.

    `basic` None: the defaults, and the power source of its variant. `tell`: see `esme_commands`.
    """
    variant = device.profile.defaults["MeterVariant"]
    if basic is None:
        polyphase = variant == POLYPHASE
        basic = BasicSettings(power_source=MAINS_THREE_PHASE if polyphase else MAINS_SINGLE_PHASE)
    histories = [one for one in device.profile.behaviours if isinstance(one, History)]
    rows = (
        *common_rows(basic, suites),
        *_metering(metering),
        *_prepayment(prepayment, variant == TWIN),
        *_price(),
        *(row for history in histories for row in history_rows(history)),
    )
    return DeviceValues(rows, device.observe, esme_commands(publish or PublishSettings(), tell))


def _metering(settings: MeteringSettings) -> tuple[ValueRow, ...]:
    return (
        ValueRow(METER, "CurrentSummationDelivered", item("ActiveImportRegister")),
        ValueRow(METER, "CurrentSummationReceived", item("ActiveExportRegister")),
        ValueRow(METER, "SupplyStatus", lambda work: SUPPLY[_state(work)]),
        *(
            ValueRow(METER, f"CurrentTier{tier}SummationDelivered", item(register))
            for tier, register in enumerate(TOU_REGISTERS, 1)
        ),
        *_blocks(BLOCK_COUNTERS if settings.blocks_are_counters else BLOCK_REGISTERS),
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
        ValueRow(
            METER,
            "SupplyTamperState",
            lambda work: LOCKED if work.item("SupplyTamperState") is True else UNCHANGED,
        ),
        ValueRow(METER, "BillToDateDelivered", lambda work: _bill(work, settings.bill_is_due)),
    )


def _blocks(registers: Sequence[Sequence[str]]) -> tuple[ValueRow, ...]:
    """Blocks of no tier, and of each; `registers`: by block and tier."""
    return tuple(
        row
        for block, names in enumerate(registers, 1)
        for row in (
            ValueRow(METER, f"CurrentNoTierBlock{block}SummationDelivered", _sum(names)),
            *(
                ValueRow(METER, f"CurrentTier{tier}Block{block}SummationDelivered", item(name))
                for tier, name in enumerate(names, 1)
            ),
        )
    )


def _state(work: Work) -> State:
    return State(work.int_item(STATE))


def _sum(names: Sequence[str]) -> Source:
    return lambda work: sum(work.int_item(name) for name in names)


def _bill(work: Work, is_due: bool) -> object:
    """The balance of a meter in credit mode."""
    if payment_mode(work) == PREPAYMENT_MODE:
        return None
    balance = work.int_item(BALANCE)
    return max(0, -balance) if is_due else balance & 0xFFFF_FFFF


def _credit(work: Work) -> object:
    """The balance of a meter in prepayment mode; in credit mode it is money due, no credit."""
    return work.item(BALANCE) if payment_mode(work) == PREPAYMENT_MODE else None


def _cut_off(work: Work) -> object:
    thresholds = work.item("DisablementThreshold")
    return thresholds[0] if isinstance(thresholds, tuple) and thresholds else None


def _debt(number: int, register: str) -> tuple[ValueRow, ...]:
    """A time debt, and how it is collected."""
    rate, period = f"DebtRecoveryRates{number}", f"DebtRecoveryRates{number}.Period"
    amount = Compiled(lambda held: max(0, amount_of(held)))
    return (
        ValueRow(PREPAYMENT, f"DebtAmount#{number}", item(register)),
        ValueRow(
            PREPAYMENT,
            f"DebtRecoveryFrequency#{number}",
            lambda work: FREQUENCY.get(work.int_item(period)),
        ),
        ValueRow(PREPAYMENT, f"DebtRecoveryAmount#{number}", lambda work: amount.of(work.item(rate))),
    )


def _prepayment(settings: PrepaymentSettings, twin: bool) -> tuple[ValueRow, ...]:
    suspensions = suspensions_of(twin)

    def control(work: Work) -> object:
        mode = payment_mode(work)
        found = Control(mode) if mode == CREDIT_MODE else Control(mode, *suspensions(work))
        return PAYMENT_CONTROL[found]

    def cap(work: Work) -> object:
        return min(work.int_item("DebtRecoveryRateCap.Amount") * settings.debt_cap_unit, INT32_MAX)

    return (
        ValueRow(PREPAYMENT, "PaymentControlConfiguration", control),
        ValueRow(PREPAYMENT, "OverallDebtCap", cap),
        *_debt(1, DEBTS[Kind.DEBT_1].register),
        *_debt(2, DEBTS[Kind.DEBT_2].register),
        *PREPAYMENT_ROWS,
    )


def _price() -> tuple[ValueRow, ...]:
    standing = Compiled(lambda held: max(0, amount_of(held)))
    return (
        ValueRow(PRICE, "StandingCharge", lambda work: standing.of(work.item("StandingCharge"))),
        ValueRow(PRICE, "ThresholdMultiplier", constant(1)),
        ValueRow(PRICE, "ThresholdDivisor", constant(WH_IN_KWH)),
        ValueRow(PRICE, "UnitOfMeasure", constant(UNIT_KWH)),
        ValueRow(PRICE, "Currency", currency),
        ValueRow(PRICE, "PriceTrailingDigit", constant(MILLIPENCE_DIGITS << 4)),
    )


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
    ValueRow(PREPAYMENT, "DebtAmount#3", item("PaymentDebtRegister")),
    ValueRow(PREPAYMENT, "DebtRecoveryTopUpPercentage#3", item("DebtRecoveryPerPayment")),
)
