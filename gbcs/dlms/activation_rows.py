"""Rows of the activation table (see `activation`), in the order of the reference.

Columns: activation member, then passive and active member with the way between them, all
by the item names of the object table. A method in the first column activates at once.
"""
# fmt: off

from __future__ import annotations

ROWS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    ("TariffSwitchingTable.ActivationTime", (
        ("TariffSwitchingTable.Seasons.Passive", "TariffSwitchingTable.Seasons", "copy"),
        ("TariffSwitchingTable.Weeks.Passive", "TariffSwitchingTable.Weeks", "copy"),
        ("TariffSwitchingTable.Days.Passive", "TariffSwitchingTable.Days", "copy"))),
    ("SecondaryTariffSwitchingTable.ActivationTime", (
        ("SecondaryTariffSwitchingTable.Seasons.Passive", "SecondaryTariffSwitchingTable.Seasons", "copy"),
        ("SecondaryTariffSwitchingTable.Weeks.Passive", "SecondaryTariffSwitchingTable.Weeks", "copy"),
        ("SecondaryTariffSwitchingTable.Days.Passive", "SecondaryTariffSwitchingTable.Days", "copy"))),
    ("TariffSwitchingTable.SpecialDays.ActivationTime", (
        ("TariffSwitchingTable.SpecialDays.Passive", "TariffSwitchingTable.SpecialDays", "copy"),)),
    ("SecondaryTariffSwitchingTable.SpecialDays.ActivationTime", (
        ("SecondaryTariffSwitchingTable.SpecialDays.Passive", "SecondaryTariffSwitchingTable.SpecialDays", "copy"),)),
    ("TariffThresholdMatrix.ActivationTime", (
        ("TariffThresholdMatrix.TOU1.Passive", "TariffThresholdMatrix.TOU1", "pad"),
        ("TariffThresholdMatrix.TOU2.Passive", "TariffThresholdMatrix.TOU2", "pad"),
        ("TariffThresholdMatrix.TOU3.Passive", "TariffThresholdMatrix.TOU3", "pad"),
        ("TariffThresholdMatrix.TOU4.Passive", "TariffThresholdMatrix.TOU4", "pad"),
        ("TariffThresholdMatrix.TOU5.Passive", "TariffThresholdMatrix.TOU5", "pad"),
        ("TariffThresholdMatrix.TOU6.Passive", "TariffThresholdMatrix.TOU6", "pad"),
        ("TariffThresholdMatrix.TOU7.Passive", "TariffThresholdMatrix.TOU7", "pad"),
        ("TariffThresholdMatrix.TOU8.Passive", "TariffThresholdMatrix.TOU8", "pad"))),
    ("TariffPriceMatrix.ActivationTime", (("TariffPriceMatrix.Passive", "TariffPriceMatrix", "copy"),)),
    ("StandingCharge.ActivationTime", (("StandingCharge.Passive", "StandingCharge", "copy"),)),
    ("SecondaryTariffPriceMatrix.ActivationTime", (
        ("SecondaryTariffPriceMatrix.Passive", "SecondaryTariffPriceMatrix", "copy"),)),
    ("CurrencyUnit.ActivationTime", (("CurrencyUnit.Passive", "CurrencyUnit", "copy"),)),
    ("PaymentMode.ActivationTime", (
        ("PaymentMode.Passive", "PaymentMode", "status"),
        ("CreditChargeConfiguration.Passive", "CreditChargeConfiguration", "copy"))),
    ("DisablementThreshold.ActivationTime", (("DisablementThreshold.Passive", "DisablementThreshold", "wrap"),)),
    ("MaximumCreditThreshold.ActivationTime", (("MaximumCreditThreshold.Passive", "MaximumCreditThreshold", "copy"),)),
    ("MaximumMeterBalance.ActivationTime", (("MaximumMeterBalance.Passive", "MaximumMeterBalance", "copy"),)),
    ("EmergencyCreditLimit.ActivationTime", (("EmergencyCreditLimit.Passive", "EmergencyCreditLimit", "copy"),)),
    ("EmergencyCreditThreshold.ActivationTime", (
        ("EmergencyCreditThreshold.Passive", "EmergencyCreditThreshold", "copy"),)),
    ("LowCreditThreshold.ActivationTime", (("LowCreditThreshold.Passive", "LowCreditThreshold", "copy"),)),
    ("DebtRecoveryRateCap.Amount.ActivationTime", (
        ("DebtRecoveryRateCap.Amount.Passive", "DebtRecoveryRateCap.Amount", "copy"),)),
    ("DebtRecoveryRateCap.Period.ActivationTime", (
        ("DebtRecoveryRateCap.Period.Passive", "DebtRecoveryRateCap.Period", "copy"),)),
    ("NonDisablementCalendar.ActivationTime", (("NonDisablementCalendar.Passive", "NonDisablementCalendar", "copy"),)),
    ("NonDisablementCalendar.SpecialDays.ActivationTime", (
        ("NonDisablementCalendar.SpecialDays.Passive", "NonDisablementCalendar.SpecialDays", "copy"),)),
    ("LoadLimitPeriod.ActivationTime", (("LoadLimitPeriod.Passive", "LoadLimitPeriod", "copy"),)),
    ("LoadLimitPowerThreshold.ActivationTime", (
        ("LoadLimitPowerThreshold.Passive", "LoadLimitPowerThreshold", "copy"),)),
    ("LoadLimitRestorationPeriod.ActivationTime", (
        ("LoadLimitRestorationPeriod.Passive", "LoadLimitRestorationPeriod", "copy"),)),
    ("LoadLimitSupplyState.ActivationTime", (("LoadLimitSupplyState.Passive", "LoadLimitSupplyState", "copy"),)),
    ("AuxiliaryControllerCalendar.ActivationTime", (
        ("AuxiliaryControllerCalendar.Passive", "AuxiliaryControllerCalendar", "copy"),)),
    ("AuxiliaryControllerCalendar.SpecialDays.ActivationTime", (
        ("AuxiliaryControllerCalendar.SpecialDays.Passive", "AuxiliaryControllerCalendar.SpecialDays", "copy"),)),
    ("DebtRecoveryRates1.activate", (("DebtRecoveryRates1.Passive", "DebtRecoveryRates1", "copy"),)),
    ("DebtRecoveryRates2.activate", (("DebtRecoveryRates2.Passive", "DebtRecoveryRates2", "copy"),)),
)
