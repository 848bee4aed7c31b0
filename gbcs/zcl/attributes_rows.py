"""Attributes of the ZCL clusters.

Columns as in `clusters.attribute_row`: cluster, id, name, ZCL type (and the list of its
meanings), unit, data items, access.
"""
# fmt: off

from __future__ import annotations

Row = tuple[int, int, str, str, str, str, str]


def _history(cluster: int, what: str, unit: str, periods: dict[str, tuple[str, tuple[int, ...]]]) -> tuple[Row, ...]:
    """Attributes of the current period and those before it: by name of the period its type and identifiers."""
    return tuple(
        (cluster, number, f"{_period(name, n)}{what}ConsumptionDelivered", kind, unit, "", "")
        for name, (kind, numbers) in periods.items()
        for n, number in enumerate(numbers)
    )


def _period(name: str, n: int) -> str:
    return f"Current{name}" if n == 0 else f"Previous{name}{'' if n == 1 else n}"


# days, weeks and months (chts-hub 10.3); the names are those of the ZigBee dissectors of Wireshark 4.0
_CONSUMPTION = {
    "Day": ("uint24", (0x0C01, 0x0C03, *range(0x0C20, 0x0C2E, 2))),
    "Week": ("uint24", tuple(range(0x0C30, 0x0C3C, 2))),
    "Month": ("uint32", tuple(range(0x0C40, 0x0C5C, 2))),
}
_COST = {
    "Day": ("uint48", tuple(range(0x051C, 0x052E, 2))),
    "Week": ("uint48", tuple(range(0x0530, 0x053C, 2))),
    "Month": ("uint48", tuple(range(0x0540, 0x055C, 2))),
}

ROWS: tuple[Row, ...] = (
    # Basic
    (0x0000, 0x0000, "ZCLVersion", "uint8", "", "", ""),
    (0x0000, 0x0003, "HWVersion", "uint8", "", "", "get"),
    (0x0000, 0x0004, "ManufacturerName", "char-string", "", "ManufacturerIdentifier: value", "get"),
    (0x0000, 0x0005, "ModelIdentifier", "char-string", "", "ModelType(SmartMeter): value", "get"),
    (0x0000, 0x0007, "PowerSource", "enum8", "", "", ""),
    (0x0000, 0x0011, "PhysicalEnvironment", "enum8", "", "", ""),
    # Time
    (0x000A, 0x0000, "Time", "utc", "", "", ""),
    (0x000A, 0x0001, "TimeStatus", "bitmap8", "", "", ""),
    (0x000A, 0x0008, "LastSetTime", "utc", "", "", ""),
    (0x000A, 0x0009, "ValidUntilTime", "utc", "", "", ""),
    # OTA Upgrade, on the client's side. Gap: chts-hub 16.2 has no types; these are those of zigpy
    (0x0019, 0x0000, "UpgradeServerID", "ieee-address", "", "", ""),
    (0x0019, 0x0001, "FileOffset", "uint32", "", "", ""),
    (0x0019, 0x0002, "CurrentFileVersion", "uint32", "", "", ""),
    (0x0019, 0x0004, "DownloadedFileVersion", "uint32", "", "", ""),
    (0x0019, 0x0006, "ImageUpgradeStatus", "enum8", "", "", ""),
    (0x0019, 0x0007, "ManufacturerID", "uint16", "", "", ""),
    (0x0019, 0x0008, "ImageTypeID", "uint16", "", "", ""),
    (0x0019, 0x0009, "MinimumBlockPeriod", "uint16", "", "", ""),
    (0x0019, 0x000A, "ImageStamp", "uint32", "", "", ""),
    (0x0019, 0x000B, "UpgradeActivationPolicy", "enum8", "", "", ""),
    (0x0019, 0x000C, "UpgradeTimeoutPolicy", "enum8", "", "", ""),
    # Keep-Alive
    (0x0025, 0x0000, "TCKeepAliveBase", "uint8", "min", "", ""),
    (0x0025, 0x0001, "TCKeepAliveJitter", "uint16", "s", "", ""),
    # Price
    (0x0700, 0x0100, "Block1Threshold", "uint48", "kWh x Multiplier/Divisor", "TariffThresholdMatrix[1]: thresholdCurrent", "get"),
    (0x0700, 0x0101, "Block2Threshold", "uint48", "kWh x Multiplier/Divisor", "TariffThresholdMatrix[2]: thresholdCurrent", "get"),
    (0x0700, 0x0102, "Block3Threshold", "uint48", "kWh x Multiplier/Divisor", "TariffThresholdMatrix[3]: thresholdCurrent", "get"),
    (0x0700, 0x0202, "ThresholdMultiplier", "uint24", "", "TariffThresholdMatrix[1..3]: scalerCurrentMultiplier", "get"),
    (0x0700, 0x0203, "ThresholdDivisor", "uint24", "", "TariffThresholdMatrix[1..3]: scalerCurrentDivisor", "get"),
    (0x0700, 0x0301, "StandingCharge", "uint32", "millipence/day", "StandingCharge: amountCurrent", "get"),
    (0x0700, 0x0302, "ConversionFactor", "uint32", "1/100000", "ConversionFactor: value", "get"),
    (0x0700, 0x0303, "ConversionFactorTrailingDigit", "bitmap8", "", "ConversionFactor: scale", "get"),
    (0x0700, 0x0304, "CalorificValue", "uint32", "0.1 MJ/m3", "CalorificValue: value", "get"),
    (0x0700, 0x0305, "CalorificValueUnit", "enum8@calorific-unit", "", "CalorificValue: unit", "get"),
    (0x0700, 0x0306, "CalorificValueTrailingDigit", "bitmap8", "", "CalorificValue: scale", "get"),
    (0x0700, 0x0400, "NoTierBlock1Price", "uint32", "millipence/kWh", "TariffBlockPriceMatrix[1]: valueCurrent", "get"),
    (0x0700, 0x0401, "NoTierBlock2Price", "uint32", "millipence/kWh", "TariffBlockPriceMatrix[2]: valueCurrent", "get"),
    (0x0700, 0x0402, "NoTierBlock3Price", "uint32", "millipence/kWh", "TariffBlockPriceMatrix[3]: valueCurrent", "get"),
    (0x0700, 0x0403, "NoTierBlock4Price", "uint32", "millipence/kWh", "TariffBlockPriceMatrix[4]: valueCurrent", "get"),
    (0x0700, 0x0410, "Tier1Block1Price", "uint32", "millipence/kWh", "TariffTOUPriceMatrix[1]: valueCurrent", "get"),
    (0x0700, 0x0420, "Tier2Block1Price", "uint32", "millipence/kWh", "TariffTOUPriceMatrix[2]: valueCurrent", "get"),
    (0x0700, 0x0430, "Tier3Block1Price", "uint32", "millipence/kWh", "TariffTOUPriceMatrix[3]: valueCurrent", "get"),
    (0x0700, 0x0440, "Tier4Block1Price", "uint32", "millipence/kWh", "TariffTOUPriceMatrix[4]: valueCurrent", "get"),
    (0x0700, 0x0615, "UnitOfMeasure", "enum8@unit", "", "TariffThresholdMatrix[1..3]: unit", "get"),
    (0x0700, 0x0616, "Currency", "uint16@currency", "", "AccumulatedDebtRegister: unit; EmergencyCreditBalance: unit; MeterBalance: unit; PaymentDebtRegister: unit; TimeDebtRegisters[1]: unit; TimeDebtRegisters[2]: unit; CurrencyUnit: valueCurrent", "get"),
    (0x0700, 0x0617, "PriceTrailingDigit", "bitmap8", "", "DebtRecoveryRates[1]: scalerCurrent; DebtRecoveryRates[2]: scalerCurrent; AccumulatedDebtRegister: scale; EmergencyCreditBalance: scale; PaymentDebtRegister: scale; TimeDebtRegisters[1]: scale; TimeDebtRegisters[2]: scale; TariffBlockPriceMatrixTOU: scalerCurrent", "get"),
    # Metering; tiers from the fifth on and blocks of tiers, which gas has not, as in Wireshark 4.0
    (0x0702, 0x0000, "CurrentSummationDelivered", "uint48", "m3 x Multiplier/Divisor", "ConsumptionRegister: value", "get"),
    (0x0702, 0x0001, "CurrentSummationReceived", "uint48", "", "", ""),
    (0x0702, 0x0014, "SupplyStatus", "enum8@supply", "", "SupplyState: value.output_state", "get"),
    (0x0702, 0x0100, "CurrentTier1SummationDelivered", "uint48", "m3 x Multiplier/Divisor", "TariffTOURegisterMatrix[1]: value", "get"),
    (0x0702, 0x0102, "CurrentTier2SummationDelivered", "uint48", "m3 x Multiplier/Divisor", "TariffTOURegisterMatrix[2]: value", "get"),
    (0x0702, 0x0104, "CurrentTier3SummationDelivered", "uint48", "m3 x Multiplier/Divisor", "TariffTOURegisterMatrix[3]: value", "get"),
    (0x0702, 0x0106, "CurrentTier4SummationDelivered", "uint48", "m3 x Multiplier/Divisor", "TariffTOURegisterMatrix[4]: value", "get"),
    *((0x0702, 0x0100 + 2 * (n - 1), f"CurrentTier{n}SummationDelivered", "uint48", "", "", "") for n in range(5, 49)),
    (0x0702, 0x0200, "Status", "bitmap8", "", "", ""),
    (0x0702, 0x0205, "RemainingBatteryLifeInDays", "uint16", "days", "RemainingBatteryCapacity: value", "get"),
    (0x0702, 0x0206, "CurrentMeterID", "octet-string", "", "FirmwareVersion: value", "get"),
    (0x0702, 0x0300, "UnitOfMeasure", "enum8@unit", "", "TariffTOURegisterMatrix[1..4]: unit; TariffBlockCounter[1..4]: unit; ConsumptionRegister: unit", "get"),
    (0x0702, 0x0301, "Multiplier", "uint24", "", "TariffTOURegisterMatrix[1..4]: scale; TariffBlockCounter[1..4]: multiplier; ConsumptionRegister: multiplier", "get"),
    (0x0702, 0x0302, "Divisor", "uint24", "", "TariffTOURegisterMatrix[1..4]: scale; TariffBlockCounter[1..4]: divisor; ConsumptionRegister: divisor", "get"),
    (0x0702, 0x0303, "SummationFormatting", "bitmap8", "", "", ""),
    (0x0702, 0x0306, "MeteringDeviceType", "bitmap8", "", "", ""),
    (0x0702, 0x0307, "SiteID", "octet-string", "", "MeterPointReferenceNumber: value", "get"),
    (0x0702, 0x0311, "CustomerIDNumber", "octet-string", "", "", ""),
    (0x0702, 0x0400, "InstantaneousDemand", "int24", "", "", ""),
    (0x0702, 0x0607, "SupplyTamperState", "enum8@lock", "", "SupplyTamperState: value", "get"),
    (0x0702, 0x0608, "SupplyDepletionState", "enum8", "", "SupplyDepletionState: value", "get"),
    (0x0702, 0x0700, "CurrentNoTierBlock1SummationDelivered", "uint48", "m3 x Multiplier/Divisor", "TariffBlockCounterMatrix[1]: value", "get"),
    (0x0702, 0x0701, "CurrentNoTierBlock2SummationDelivered", "uint48", "m3 x Multiplier/Divisor", "TariffBlockCounterMatrix[2]: value", "get"),
    (0x0702, 0x0702, "CurrentNoTierBlock3SummationDelivered", "uint48", "m3 x Multiplier/Divisor", "TariffBlockCounterMatrix[3]: value", "get"),
    (0x0702, 0x0703, "CurrentNoTierBlock4SummationDelivered", "uint48", "m3 x Multiplier/Divisor", "TariffBlockCounterMatrix[4]: value", "get"),
    *(
        (0x0702, 0x0700 + 16 * tier + block - 1, f"CurrentTier{tier}Block{block}SummationDelivered", "uint48", "", "", "")
        for tier in range(1, 9)
        for block in range(1, 5)
    ),
    (0x0702, 0x0A00, "BillToDateDelivered", "uint32", "millipence", "MeterBalance: value", "get"),
    (0x0702, 0x0B10, "UncontrolledFlowThreshold", "uint16", "m3 x Multiplier/Divisor", "UncontrolledGasFlowRate: value", "get"),
    (0x0702, 0x0B11, "UncontrolledFlowThresholdUnitOfMeasure", "enum8@unit", "", "UncontrolledGasFlowRate: unit", "get"),
    (0x0702, 0x0B12, "UncontrolledFlowMultiplier", "uint16", "", "UncontrolledGasFlowRate: scaleMultiplier", "get"),
    (0x0702, 0x0B13, "UncontrolledFlowDivisor", "uint16", "", "UncontrolledGasFlowRate: scaleDivisor", "get"),
    (0x0702, 0x0B14, "FlowStabilisationPeriod", "uint8", "0.1 s", "UncontrolledGasFlowRate: stabilisationPeriod", "get"),
    (0x0702, 0x0B15, "FlowMeasurementPeriod", "uint16", "s", "UncontrolledGasFlowRate: measurementPeriod", "get"),
    *_history(0x0702, "Alternative", "", _CONSUMPTION),
    # Tunneling
    (0x0704, 0x0000, "CloseTunnelTimeout", "uint16", "s", "", ""),
    # Prepayment
    (0x0705, 0x0000, "PaymentControlConfiguration", "bitmap16", "", "PaymentMode: value.PaymentMode; SuspendDebtDisabled / SuspendDebtEmergency / Payment Mode: value", "get"),
    (0x0705, 0x0001, "CreditRemaining", "int32", "millipence", "MeterBalance: valuePrepaymentMode", "get"),
    (0x0705, 0x0002, "EmergencyCreditRemaining", "int32", "millipence", "EmergencyCreditBalance: value", "get"),
    (0x0705, 0x0005, "AccumulatedDebt", "int32", "millipence", "AccumulatedDebtRegister: value", "get"),
    (0x0705, 0x0006, "OverallDebtCap", "int32", "currency", "DebtRecoveryRateCap: amountCurrent", "get"),
    (0x0705, 0x0010, "EmergencyCreditLimit", "uint32", "millipence", "EmergencyCreditLimit: amountCurrent", "get"),
    (0x0705, 0x0011, "EmergencyCreditThreshold", "uint32", "millipence", "EmergencyCreditThreshold: thresholdCurrent", "get"),
    (0x0705, 0x0021, "MaxCreditLimit", "uint32", "millipence", "PrepaymentCredit(MaxMeterBalance): valueCurrent", "get"),
    (0x0705, 0x0022, "MaxCreditPerTopUp", "uint32", "millipence", "PrepaymentCredit(MaximumCreditThreshold): valueCurrent", "get"),
    (0x0705, 0x0031, "LowCreditWarning", "uint32", "millipence", "LowCreditThreshold: thresholdCurrent", "get"),
    (0x0705, 0x0040, "CutOffValue", "int32", "millipence", "DisablementThreshold(MeterBalance): thresholdCurrent", "get"),
    (0x0705, 0x0211, "DebtAmount#1", "uint32", "millipence", "TimeDebtRegisters[1]: value", "get"),
    (0x0705, 0x0216, "DebtRecoveryFrequency#1", "enum8@frequency", "", "DebtRecoveryRates[1]: periodCurrent", "get"),
    (0x0705, 0x0217, "DebtRecoveryAmount#1", "uint32", "millipence", "DebtRecoveryRates[1]: amountCurrent", "get"),
    (0x0705, 0x0221, "DebtAmount#2", "uint32", "millipence", "TimeDebtRegisters[2]: value", "get"),
    (0x0705, 0x0226, "DebtRecoveryFrequency#2", "enum8@frequency", "", "DebtRecoveryRates[2]: periodCurrent", "get"),
    (0x0705, 0x0227, "DebtRecoveryAmount#2", "uint32", "millipence", "DebtRecoveryRates[2]: amountCurrent", "get"),
    (0x0705, 0x0231, "DebtAmount#3", "uint32", "millipence", "PaymentDebtRegister: value", "get"),
    (0x0705, 0x0239, "DebtRecoveryTopUpPercentage#3", "uint16", "0.01 %", "DebtRecoveryperPayment: percentage(ZSE Reading)", "get"),
    *_history(0x0705, "Cost", "", _COST),
    # Key Establishment
    (0x0800, 0x0000, "KeyEstablishmentSuite", "enum16", "", "", ""),
)
