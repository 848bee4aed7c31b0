"""Rows of the ESME data items (see `items`): defaults, limits and SMETS sections.

Columns: item of the COSEM object table, variants ('' for all), default, limits, section
of SMETS2 (numbering of the reference; '' where the item is GBCS's own). Items that
have no row of their own follow the rules of `items`.
"""

from __future__ import annotations

from typing import TypeAlias

from gbcs.time import ACTIVATE_NEVER, Utc

from ..behaviours.tariff_registers import (
    BLOCK_COUNTERS,
    BLOCK_REGISTERS,
    SECONDARY_TOU_REGISTERS,
    TOU_REGISTERS,
)
from ..values import Value
from .credit_charge import CONTROLS, array
from .limits import (
    DIGITS,
    DIGITS_AND_SPACES,
    ONE_OCTET,
    PRINTABLE,
    Among,
    At,
    CalendarDate,
    Characters,
    Each,
    Length,
    Limit,
    TimeOfDay,
    Within,
    between,
)

Row: TypeAlias = tuple[str, str, Value, tuple[Limit, ...], str]

EPOCH = Utc(0).to_cosem()
NONE_ON, ALL_ON = "0" * 256, "1" * 256
UNUSED = 0xFFFF_FFFF
PRICE_SCALE = -5
NO_COMMODITY: Value = (0, bytes(6), 0)
PRICE_INDEXES = (
    *range(1, 49),  # TOU 1..48
    *(16 * block + tou for block in range(10, 14) for tou in range(1, 9)),  # A1..A8 to D1..D8
)
IMPORT_REGISTER: Value = (3, bytes.fromhex("0100010800FF"), 2)
SECONDARY_REGISTER: Value = (3, bytes.fromhex("0114010800FF"), 2)
TARIFF_SCRIPTS = bytes.fromhex("00000A0064FF")
SUPPLY_SCRIPTS = bytes.fromhex("00000A006AFF")
AUXILIARY_SCRIPTS = bytes.fromhex("00000A0067FF")
DEMAND_SCRIPTS = bytes.fromhex("00000A8064FF")
NO_CHARGE: Value = ((0, PRICE_SCALE), NO_COMMODITY, ((b"", 0),))
EVERY_DAY = (bytes.fromhex("000001FFFF"), bytes.fromhex("FFFFFFFFFF"))


def _prices(register: Value, indexes: tuple[int, ...]) -> Value:
    return (3, PRICE_SCALE), register, tuple((bytes((index,)), 0) for index in indexes)


def _price_limits(register: Value, indexes: tuple[int, ...]) -> tuple[Limit, ...]:
    entries = tuple(At(2, At(n, At(0, Among((bytes((i,)),))))) for n, i in enumerate(indexes))
    return (At(0, At(0, Among((3,)))), At(1, Among((register,))), *entries)


def _daily_window(index: int) -> Value:
    return (index, True, DEMAND_SCRIPTS, index + 1, bytes(4), 0xFFFF, "1111111", "", *EVERY_DAY)


def _windows() -> tuple[Limit, ...]:
    fixed = ((1, True), (2, DEMAND_SCRIPTS), (5, 0xFFFF))
    start_and_end = tuple(
        At(n, At(place, Among((value,)))) for n in (0, 1) for place, value in ((0, n), (3, n + 1))
    )
    return (*(Each(At(place, Among((value,)))) for place, value in fixed), *start_and_end, *TIMES_AND_DATES)


def _days(*selectors: tuple[int, int]) -> tuple[Limit, ...]:
    actions = (
        Length(1, 48),
        Each(At(0, TimeOfDay())),
        Each(At(1, Among((TARIFF_SCRIPTS,)))),
        Each(At(2, Within(selectors))),
    )
    return (Length(1, 16), *(Each(At(1, limit)) for limit in actions))


MODES = Among((1, 2))
# switch time, begin and end of a schedule entry
TIMES_AND_DATES: tuple[Limit, ...] = (
    Each(At(4, TimeOfDay())),
    Each(At(8, CalendarDate())),
    Each(At(9, CalendarDate())),
)
# a billing date: day of month 1..28, month 1..12, day of week 1..7, each of them or any
BILLING_DATES: tuple[Limit, ...] = (
    Length(1, 4),
    Each(At(0, TimeOfDay())),
    Each(At(1, CalendarDate(28, relative=False))),
)
DAILY_RESET: tuple[Limit, ...] = (Length(0, 1), Each(At(0, TimeOfDay())), Each(At(1, CalendarDate())))
SEASONS: tuple[Limit, ...] = (
    Length(1, 4),
    Each(At(1, CalendarDate())),
    Each(At(1, TimeOfDay(start=5))),
)
CHARGE: tuple[Limit, ...] = (At(0, At(0, Among((0,)))), At(1, Among((NO_COMMODITY,))))
SUPPLY_CALENDAR: tuple[Limit, ...] = (
    Length(1, 22),
    Each(At(2, Among((SUPPLY_SCRIPTS,)))),
    Each(At(3, Among((32, 33)))),
    *TIMES_AND_DATES,
)
AUXILIARY_CALENDAR: tuple[Limit, ...] = (
    Length(0, 120),
    Each(At(2, Among((AUXILIARY_SCRIPTS,)))),
    *TIMES_AND_DATES,
)


def _special_days(most: int) -> tuple[Limit, ...]:
    return (Length(0, most), Each(At(1, CalendarDate())))


def _mpan(most: int) -> tuple[Limit, ...]:
    """13 octets are 13 characters in UTF-8 where each of them is a character."""
    return (Length(13, most), Characters(ONE_OCTET))


# fmt: off
ROWS: tuple[Row, ...] = (
    # constant data
    ("FirmwareVersion", "", bytes(4), (), "5.7.5.17"),
    ("ManufacturerIdentifier", "", b"0000", (), "5.7.1.2"),
    ("ModelType", "", b"00000000", (), "5.7.1.3"),
    ("EntityIdentifier", "", bytes(8), (), "5.7.1.1"),
    ("MeterVariant", "single", b"A", (Among((b"A",)),), "5.7.1.4"),
    ("MeterVariant", "twin", b"B", (Among((b"B",)),), "5.7.1.4"),
    ("MeterVariant", "polyphase", b"C", (Among((b"C",)),), "5.7.1.4"),
    ("RandomisedOffsetNumber", "", 1, (between(1, 10000),), "5.7.1.5"),
    ("BoostFunctionAvailability", "", False, (), "5.26.1.1"),
    # clock
    ("Time", "", EPOCH, (), "5.5.1"),
    ("Time.Status", "", 1, (between(0, 2),), "5.5.1"),
    ("Time.ClockBase", "", 5, (Among((5,)),), ""),
    # identity and texts
    ("MeterPointAdministrationNumber.Import", "single polyphase", b"0" * 13, _mpan(13), "5.7.4.28"),
    ("MeterPointAdministrationNumber.Import", "twin", b"0" * 13, _mpan(26), "5.7.4.28"),
    ("MeterPointAdministrationNumber.Export", "", b"0" * 13, _mpan(13), "5.7.4.28"),
    ("CustomerIdentificationNumber", "", b"0000", (Characters(DIGITS),), "5.7.4.10"),
    ("SupplierMessage", "", b"", (Length(1, 116), Characters(PRINTABLE)), "5.7.4.43"),
    ("ContactDetails.Name", "", b"", (Characters(PRINTABLE),), "5.7.4.8"),
    ("ContactDetails.TelephoneNumber", "", b"", (Characters(DIGITS_AND_SPACES),), "5.7.4.8"),
    ("DisablePrivacyPinProtection", "", b"", (), ""),
    ("RestrictDataDateTime", "", EPOCH, (), ""),
    # alerts and events; the mask and action strings leave the setting they carry elsewhere
    ("SupplierWANAlerts", "", NONE_ON, (), "5.7.4.1"),
    ("SupplierHANAlerts", "", ALL_ON, (), "5.7.4.1"),
    ("SupplierAlarms", "", NONE_ON, (), "5.7.4.51"),
    ("SupplierLogging", "", ALL_ON, (), "5.7.4.51"),
    ("NetworkOperatorWANAlerts", "", NONE_ON, (), "5.7.4.1"),
    ("NetworkOperatorLogging", "", ALL_ON, (), "5.7.4.51"),
    # auxiliary controllers
    *((f"AuxiliaryController{n}.Description", "", "", (Characters(PRINTABLE),), "5.7.4.3") for n in range(1, 6)),
    *((f"AuxiliaryController{n}.TypeAndIdentifier", "", b"", (), "5.7.5.38") for n in range(1, 6)),
    *((f"AuxiliaryController{n}.State", "", "{}", (), "5.7.5.37") for n in range(1, 6)),
    *((f"AuxiliaryController{n}.OutputState", "", False, (), "5.7.5.37") for n in range(1, 6)),
    *((f"AuxiliaryController{n}.SettingPeriodStart", "", ACTIVATE_NEVER, (), "") for n in range(1, 6)),
    *((f"AuxiliaryController{n}.SettingPeriodEnd", "", ACTIVATE_NEVER, (), "") for n in range(1, 6)),
    *((f"AuxiliaryController{n}.LimitPeriodStart", "", ACTIVATE_NEVER, (), "") for n in range(1, 6)),
    *((f"AuxiliaryController{n}.LimitPeriodEnd", "", ACTIVATE_NEVER, (), "") for n in range(1, 6)),
    ("AuxiliaryControllerCalendar", "", (), AUXILIARY_CALENDAR, "5.7.4.2"),
    ("AuxiliaryControllerCalendar.SpecialDays", "", (), _special_days(20), "5.7.4.2"),
    *((f"BoostFunctionControl{n}", "", False, (), "5.26.2.1") for n in range(1, 6)),
    ("RandomisedOffset", "", 0, (between(0, 1799),), "5.7.5.28"),
    ("RandomisedOffsetLimit", "", 0, (between(0, 1799),), "5.7.4.33"),
    # registers, demand and collections
    ("ActiveExportRegister", "", 0, (), "5.7.5.2"),
    ("ReactiveExportRegister", "", 0, (), "5.7.5.29"),
    ("ImportRegisterCollection", "", (0, (0, 30), 0, (0, 32)), (), "5.7.5.3"),
    ("ImportRegisterCollection", "twin", (0, (0, 30), 0, (0, 32), 0), (), "5.13.2.11"),
    ("PowerImportCollection", "", (0, (0, 27), 0), (), "5.7.5.4"),
    ("TariffTOURegisterCollection", "", ((0,) * 48,), (), "5.7.5.34"),
    ("TariffTOURegisterCollection", "twin", ((0,) * 48, (0,) * 4), (), "5.13.2.10"),
    ("TariffBlockTOURegisterCollection", "", ((0,) * 64,), (), "5.7.5.35"),
    ("PrepaymentBalanceCollection", "", (0, 0, 0, 0, 0, 0), (), ""),
    ("MaximumDemandActivePowerImport", "", 0, (), "5.7.5.19"),
    ("MaximumDemandActivePowerImport.CaptureTime", "", EPOCH, (), "5.7.5.19"),
    ("MaximumDemandActivePowerImport.LastReset", "", EPOCH, (), "5.7.5.19"),
    ("MaximumDemandConfigurableTimeActivePowerImport", "", 0, (), "5.7.5.20"),
    ("MaximumDemandConfigurableTimeActivePowerImport.CaptureTime", "", EPOCH, (), "5.7.5.20"),
    ("MaximumDemandConfigurableTimeActivePowerImport.LastReset", "", EPOCH, (), "5.7.5.20"),
    ("MaximumDemandActivePowerExport", "", 0, (), "5.7.5.21"),
    ("MaximumDemandActivePowerExport.CaptureTime", "", EPOCH, (), "5.7.5.21"),
    ("MaximumDemandActivePowerExport.LastReset", "", EPOCH, (), "5.7.5.21"),
    ("MaximumDemandConfigurableTimePeriod", "", (_daily_window(0), _daily_window(1)), _windows(), "5.7.4.26"),
    ("LowMediumHighPowerThresholds", "", (0, 0), (), "5.7.4.24, 5.7.4.29"),
    # supply and load limiting; a limit of 0 W would act at once
    ("SupplyState", "", 1, (between(0, 2),), "5.7.5.32"),
    ("SupplyTamperState", "", False, (), "5.7.4.44"),
    ("LoadLimitCounter", "", 0, (), "5.7.5.18"),
    ("LoadLimitPowerThreshold", "", 0xFFFF_FFFF, (), "5.7.4.20"),
    ("LoadLimitPeriod", "", 0, (), "5.7.4.19"),
    ("LoadLimitRestorationPeriod", "", 0, (), "5.7.4.21"),
    ("LoadLimitSupplyState", "", False, (), "5.7.4.22"),
    ("NonDisablementCalendar", "", (), SUPPLY_CALENDAR, "5.7.4.30"),
    ("NonDisablementCalendar.SpecialDays", "", (), _special_days(20), "5.7.4.30"),
    # tariff
    ("ActiveTariffPrice", "", 0, (), "5.7.5.5"),
    ("SecondaryActiveTariffPrice", "", 0, (), "5.13.2.9"),
    ("CurrencyUnit", "", True, (), "5.7.4.9"),
    ("TariffPriceMatrix", "", _prices(IMPORT_REGISTER, PRICE_INDEXES), _price_limits(IMPORT_REGISTER, PRICE_INDEXES), "5.7.4.47, 5.7.4.50"),
    ("SecondaryTariffPriceMatrix", "", _prices(SECONDARY_REGISTER, (1, 2, 3, 4)), _price_limits(SECONDARY_REGISTER, (1, 2, 3, 4)), "5.13.1.1"),
    ("StandingCharge", "", NO_CHARGE, CHARGE, "5.7.4.42"),
    ("TariffSwitchingTable.Seasons", "", (), SEASONS, "5.7.4.48"),
    ("TariffSwitchingTable.Weeks", "", (), (Length(1, 4),), "5.7.4.48"),
    ("TariffSwitchingTable.Days", "", (), _days((1, 48), (101, 108)), "5.7.4.48"),
    ("TariffSwitchingTable.SpecialDays", "", (), _special_days(50), "5.7.4.48"),
    ("SecondaryTariffSwitchingTable.Seasons", "", (), SEASONS, "5.13.1.2"),
    ("SecondaryTariffSwitchingTable.Weeks", "", (), (Length(1, 4),), "5.13.1.2"),
    ("SecondaryTariffSwitchingTable.Days", "", (), _days((201, 204)), "5.13.1.2"),
    ("SecondaryTariffSwitchingTable.SpecialDays", "", (), _special_days(50), "5.13.1.2"),
    *((f"TariffThresholdMatrix.TOU{n}", "", (UNUSED,) * 3, (Length(1, 3),), "5.7.4.49") for n in range(1, 9)),
    ("TariffBlockCounterMatrix.DailyResetting", "", (), DAILY_RESET, "5.7.4.7"),
    ("BillingCalendar", "", (), BILLING_DATES, "5.7.4.7"),
    # payment
    ("PaymentMode", "", (1, 2), (At(0, MODES), At(1, Among((2,)))), "5.7.4.31"),
    ("PaymentMode.Passive", "", (1, 1), (At(0, MODES), At(1, Among((1,)))), "5.7.4.31"),
    *(
        (
            "CreditChargeConfiguration",
            variant,
            array(CONTROLS[0], variant == "twin"),
            (Among(tuple(array(control, variant == "twin") for control in CONTROLS)),),
            "5.7.4.45, 5.7.4.46",
        )
        for variant in ("single", "twin", "polyphase")
    ),
    ("MeterBalance", "", 0, (), "5.7.5.22"),
    ("LowCreditThreshold", "", 0, (), "5.7.4.23"),
    ("EmergencyCreditLimit", "", 0, (), "5.7.4.16"),
    ("EmergencyCreditThreshold", "", 0, (), "5.7.4.17"),
    ("DisablementThreshold", "", (0,), (), "5.7.4.15"),
    ("MaximumCreditThreshold", "", 0, (), "5.7.4.25"),
    ("MaximumMeterBalance", "", 0, (), "5.7.4.27"),
    ("DebtRecoveryRateCap.Amount", "", 0, (), "5.7.4.13"),
    ("DebtRecoveryRateCap.Period", "", 604800, (Among((604800,)),), "5.7.4.13"),
    ("DebtRecoveryPerPayment", "", 0, (between(0, 10000),), "5.7.4.11"),
    *((f"DebtRecoveryRates{n}", "", NO_CHARGE, CHARGE, "5.7.4.12") for n in (1, 2)),
    *((f"DebtRecoveryRates{n}.Period", "", 86400, (Among((3600, 86400)),), "5.7.4.12") for n in (1, 2)),
    # voltage; zero thresholds would be passed all the time, these are the typical values
    *((f"AverageRMSOverVoltageThreshold.Phase{n}", "", 264, (), "5.7.4.4, 5.19.1.1") for n in (1, 2, 3)),
    *((f"AverageRMSUnderVoltageThreshold.Phase{n}", "", 200, (), "5.7.4.5, 5.19.1.2") for n in (1, 2, 3)),
    *((f"AverageRMSOverVoltageCounter.Phase{n}", "", 0, (), "5.7.5.7, 5.19.2.1") for n in (1, 2, 3)),
    *((f"AverageRMSUnderVoltageCounter.Phase{n}", "", 0, (), "5.7.5.8, 5.19.2.2") for n in (1, 2, 3)),
    *((f"AverageRMSVoltageMeasurementPeriod.Phase{n}", "", 1800, (between(1, UNUSED),), "5.7.4.6, 5.19.1.3") for n in (1, 2, 3)),
    ("RMSExtremeOverVoltageThreshold", "", 287, (), "5.7.4.35"),
    ("RMSExtremeOverVoltageMeasurementPeriod", "", 30, (), "5.7.4.34"),
    ("RMSExtremeUnderVoltageThreshold", "", 180, (), "5.7.4.37"),
    ("RMSExtremeUnderVoltageMeasurementPeriod", "", 30, (), "5.7.4.36"),
    ("RMSVoltageSagThreshold", "", 216, (), "5.7.4.40"),
    ("RMSVoltageSagMeasurementPeriod", "", 30, (), "5.7.4.38"),
    ("RMSVoltageSwellThreshold", "", 253, (), "5.7.4.41"),
    ("RMSVoltageSwellMeasurementPeriod", "", 30, (), "5.7.4.39"),
)

# fmt: on

# Logs: SMETS sections; the sizes are the counts in the wire types of the object table.
LOG_SECTIONS: dict[str, str] = {
    "BillingDataLog.CalendarRegisters": "5.7.5.10",
    "BillingDataLog.CalendarPrepayment": "5.7.5.10",
    "BillingDataLog.ModeOrTariffChange": "5.7.5.10",
    "BillingDataLog.PaymentDebtPayments": "5.7.5.10",
    "BillingDataLog.PrepaymentCredits": "5.7.5.10",
    "PrepaymentDailyReadLog": "5.7.5.26",
    "DailyReadLog.Import": "5.7.5.13",
    "DailyReadLog.Export": "5.7.5.13",
    "ProfileDataLog.ActiveImport": "5.7.5.27",
    "ProfileDataLog.Export": "5.7.5.27",
    "ProfileDataLog.ReactiveImport": "5.7.5.27",
    "DailyConsumptionLog": "5.7.5.14",
    "EventLog": "5.7.5.16",
    "SecurityLog": "5.7.5.31",
    "PowerEventLog": "5.7.5.25",
    "BoostFunctionEventLog": "5.26.3.1",
    "AuxiliaryControllerEventLog": "5.7.5.6",
    "AverageRMSVoltageProfileDataLog.Phase1": "5.7.5.9, 5.19.2.3",
    "AverageRMSVoltageProfileDataLog.Phase2": "5.7.5.9, 5.19.2.3",
    "AverageRMSVoltageProfileDataLog.Phase3": "5.7.5.9, 5.19.2.3",
}

# Items no attribute gives out on its own: name, variants, type, section. Their default is zero.
INTERNAL: tuple[tuple[str, str, str, str], ...] = (
    ("ActiveImportRegister", "", "u32", "5.7.5.3"),
    ("ReactiveImportRegister", "", "u32", "5.7.5.30"),
    ("SecondaryActiveImportRegister", "twin", "u32", "5.13.2.11"),
    ("ActivePowerImport", "", "u32", "5.7.5.4"),
    ("PrimaryActivePowerImport", "", "u32", "5.13.2.5"),
    *((name, "", "u32", "5.7.5.34") for name in TOU_REGISTERS),
    *((name, "", "u32", "5.7.5.35") for row in BLOCK_REGISTERS for name in row),
    *((name, "", "u32", "5.7.5.33") for row in BLOCK_COUNTERS for name in row),
    *((name, "twin", "u32", "5.13.2.10") for name in SECONDARY_TOU_REGISTERS),
    ("EmergencyCreditBalance", "", "i32", "5.7.5.15"),
    ("AccumulatedDebtRegister", "", "i32", "5.7.5.1"),
    ("PaymentDebtRegister", "", "i32", "5.7.5.23"),
    ("TimeDebtRegister1", "", "i32", "5.7.5.36"),
    ("TimeDebtRegister2", "", "i32", "5.7.5.36"),
)

__all__ = ["INTERNAL", "LOG_SECTIONS", "ROWS", "Row"]
