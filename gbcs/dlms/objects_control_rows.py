"""COSEM objects of classes 8 to 71 and 104: clock, scripts, calendars, thresholds, protection, HAN.

Columns as in `objects.Row`: class_id, logical name, member, access, item, wire type, unit, flags, constant.
"""
# fmt: off

from __future__ import annotations

from . import notation as N
from .objects import Row

ROWS: tuple[Row, ...] = (
    # class 8
    (8, "0-0:1.0.0.255", "a2 time", "get", "Time", N.DATE_TIME, "UTC", "", None),
    (8, "0-0:1.0.0.255", "a4 status", "get", "Time.Status", "u8", "", "", None),
    (8, "0-0:1.0.0.255", "a9 clock_base", "set", "Time.ClockBase", "enum@clock-base", "", "", 5),
    (8, "0-0:1.0.0.255", "m4 adjust_to_preset_time", "action", "Time.adjust", "i8 -> null", "", "", 0),
    (8, "0-0:1.0.0.255", "m5 preset_adjusting_time", "action", "Time.preset", "struct(preset_time:oct(12)@date-time,validity_interval_start:oct(12)@date-time,validity_interval_end:oct(12)@date-time) -> null", "", "", None),
    # class 9
    (9, "0-0:10.0.100.255", "m1 execute", "action", "TariffBlockCounterMatrix.reset", "u16@tariff-script -> null", "", "", 99),
    (9, "0-0:10.0.103.255", "m1 execute", "action", "AuxiliaryController.command", "u16@controller-script -> null", "", "aux", None),
    (9, "0-0:10.0.106.255", "m1 execute", "action", "SupplyState.control", "u16@supply-script -> null", "51 enable, 52 disable, 54 arm", "", None),
    (9, "0-0:10.0.107.255", "m1 execute", "action", "AuxiliaryController.limit", "u16@controller-script -> null", "", "aux apc", None),
    # class 10
    (10, "0-0:12.0.0.255", "a2 entries", "get set", "MaximumDemandConfigurableTimePeriod", f"arr({N.DAILY_WINDOW_ENTRY},2)", "", "", None),
    (10, "0-0:12.0.1.255", "a2 entries", "get", "NonDisablementCalendar", f"arr({N.SCHEDULE_ENTRY},0..22)", "", "", None),
    (10, "0-0:12.0.2.255", "a2 entries", "get", "AuxiliaryControllerCalendar", f"arr({N.SCHEDULE_ENTRY},0..120)", "", "aux", None),
    (10, "0-1:12.0.1.255", "a2 entries", "set", "NonDisablementCalendar.Passive", f"arr({N.SCHEDULE_ENTRY},0..22)", "", "", None),
    (10, "0-1:12.0.2.255", "a2 entries", "set", "AuxiliaryControllerCalendar.Passive", f"arr({N.SCHEDULE_ENTRY},0..120)", "", "aux", None),
    # class 11
    (11, "0-0:11.0.0.255", "a2 entries", "get", "TariffSwitchingTable.SpecialDays", f"arr({N.SPECIAL_DAY},0..50)", "", "", None),
    (11, "0-0:11.0.1.255", "a2 entries", "get", "SecondaryTariffSwitchingTable.SpecialDays", f"arr({N.SPECIAL_DAY},0..50)", "", "twin", None),
    (11, "0-0:11.0.2.255", "a2 entries", "get", "NonDisablementCalendar.SpecialDays", f"arr({N.SPECIAL_DAY},0..20)", "", "", None),
    (11, "0-0:11.0.3.255", "a2 entries", "get", "AuxiliaryControllerCalendar.SpecialDays", f"arr({N.SPECIAL_DAY},0..20)", "", "aux", None),
    (11, "0-1:11.0.0.255", "a2 entries", "set", "TariffSwitchingTable.SpecialDays.Passive", f"arr({N.SPECIAL_DAY},0..50)", "", "", None),
    (11, "0-1:11.0.1.255", "a2 entries", "set", "SecondaryTariffSwitchingTable.SpecialDays.Passive", f"arr({N.SPECIAL_DAY},0..50)", "", "twin", None),
    (11, "0-1:11.0.2.255", "a2 entries", "set", "NonDisablementCalendar.SpecialDays.Passive", f"arr({N.SPECIAL_DAY},0..20)", "", "", None),
    (11, "0-1:11.0.3.255", "a2 entries", "set", "AuxiliaryControllerCalendar.SpecialDays.Passive", f"arr({N.SPECIAL_DAY},0..20)", "", "aux", None),
    # class 20
    (20, "0-0:13.0.0.255", "a3 season_profile_active", "get", "TariffSwitchingTable.Seasons", N.SEASONS, "", "", None),
    (20, "0-0:13.0.0.255", "a4 week_profile_table_active", "get", "TariffSwitchingTable.Weeks", N.WEEKS, "", "", None),
    (20, "0-0:13.0.0.255", "a5 day_profile_table_active", "get", "TariffSwitchingTable.Days", N.DAYS, "", "", None),
    (20, "0-0:13.0.0.255", "a7 season_profile_passive", "set", "TariffSwitchingTable.Seasons.Passive", N.SEASONS, "", "", None),
    (20, "0-0:13.0.0.255", "a8 week_profile_table_passive", "set", "TariffSwitchingTable.Weeks.Passive", N.WEEKS, "", "", None),
    (20, "0-0:13.0.0.255", "a9 day_profile_table_passive", "set", "TariffSwitchingTable.Days.Passive", N.DAYS, "", "", None),
    (20, "0-0:13.0.0.255", "a10 activate_passive_calendar_time", "set", "TariffSwitchingTable.ActivationTime", N.DATE_TIME, "", "", None),
    (20, "0-0:13.0.1.255", "a3 season_profile_active", "get", "SecondaryTariffSwitchingTable.Seasons", N.SEASONS, "", "twin", None),
    (20, "0-0:13.0.1.255", "a4 week_profile_table_active", "get", "SecondaryTariffSwitchingTable.Weeks", N.WEEKS, "", "twin", None),
    (20, "0-0:13.0.1.255", "a5 day_profile_table_active", "get", "SecondaryTariffSwitchingTable.Days", N.DAYS, "", "twin", None),
    (20, "0-0:13.0.1.255", "a7 season_profile_passive", "set", "SecondaryTariffSwitchingTable.Seasons.Passive", N.SEASONS, "", "twin", None),
    (20, "0-0:13.0.1.255", "a8 week_profile_table_passive", "set", "SecondaryTariffSwitchingTable.Weeks.Passive", N.WEEKS, "", "twin", None),
    (20, "0-0:13.0.1.255", "a9 day_profile_table_passive", "set", "SecondaryTariffSwitchingTable.Days.Passive", N.DAYS, "", "twin", None),
    (20, "0-0:13.0.1.255", "a10 activate_passive_calendar_time", "set", "SecondaryTariffSwitchingTable.ActivationTime", N.DATE_TIME, "", "twin", None),
    # class 21
    (21, "0-0:16.0.0.255", "a2 thresholds", "get set", "LowMediumHighPowerThresholds", "arr(u32,2)", "W", "", None),
    (21, "0-0:16.0.1.255", "a2 thresholds", "get", "DisablementThreshold", "arr(i32,1)", "millipence", "", None),
    (21, "0-0:16.0.11.255", "a2 thresholds", "get", "TariffThresholdMatrix.TOU1", "arr(u32,3)", "Wh", "", None),
    (21, "0-0:16.0.12.255", "a2 thresholds", "get", "TariffThresholdMatrix.TOU2", "arr(u32,3)", "Wh", "", None),
    (21, "0-0:16.0.13.255", "a2 thresholds", "get", "TariffThresholdMatrix.TOU3", "arr(u32,3)", "Wh", "", None),
    (21, "0-0:16.0.14.255", "a2 thresholds", "get", "TariffThresholdMatrix.TOU4", "arr(u32,3)", "Wh", "", None),
    (21, "0-0:16.0.15.255", "a2 thresholds", "get", "TariffThresholdMatrix.TOU5", "arr(u32,3)", "Wh", "", None),
    (21, "0-0:16.0.16.255", "a2 thresholds", "get", "TariffThresholdMatrix.TOU6", "arr(u32,3)", "Wh", "", None),
    (21, "0-0:16.0.17.255", "a2 thresholds", "get", "TariffThresholdMatrix.TOU7", "arr(u32,3)", "Wh", "", None),
    (21, "0-0:16.0.18.255", "a2 thresholds", "get", "TariffThresholdMatrix.TOU8", "arr(u32,3)", "Wh", "", None),
    (21, "0-0:16.1.11.255", "a2 thresholds", "set", "TariffThresholdMatrix.TOU1.Passive", "arr(u32,1..3)", "Wh", "", None),
    (21, "0-0:16.1.12.255", "a2 thresholds", "set", "TariffThresholdMatrix.TOU2.Passive", "arr(u32,1..3)", "Wh", "", None),
    (21, "0-0:16.1.13.255", "a2 thresholds", "set", "TariffThresholdMatrix.TOU3.Passive", "arr(u32,1..3)", "Wh", "", None),
    (21, "0-0:16.1.14.255", "a2 thresholds", "set", "TariffThresholdMatrix.TOU4.Passive", "arr(u32,1..3)", "Wh", "", None),
    (21, "0-0:16.1.15.255", "a2 thresholds", "set", "TariffThresholdMatrix.TOU5.Passive", "arr(u32,1..3)", "Wh", "", None),
    (21, "0-0:16.1.16.255", "a2 thresholds", "set", "TariffThresholdMatrix.TOU6.Passive", "arr(u32,1..3)", "Wh", "", None),
    (21, "0-0:16.1.17.255", "a2 thresholds", "set", "TariffThresholdMatrix.TOU7.Passive", "arr(u32,1..3)", "Wh", "", None),
    (21, "0-0:16.1.18.255", "a2 thresholds", "set", "TariffThresholdMatrix.TOU8.Passive", "arr(u32,1..3)", "Wh", "", None),
    # class 22
    (22, "0-0:15.0.0.255", "a4 execution_time", "get set", "BillingCalendar", f"arr({N.EXECUTION_TIME},0..4)", "", "", None),
    (22, "0-0:15.1.0.255", "a4 execution_time", "set", "TariffBlockCounterMatrix.DailyResetting", f"arr({N.EXECUTION_TIME},0..1)", "", "", None),
    # class 30
    (30, "0-0:43.2.1.255", "m1 get_protected_attributes", "action", "PrepaymentBalanceCollection.read", f"{N.READ_VALUE} -> {N.PROTECTED}", "", "", None),
    (30, "0-0:43.2.2.255", "m1 get_protected_attributes", "action", "BillingDataLog.Calendar.read", f"{N.READ_TWO_DATES} -> {N.PROTECTED}", "", "", None),
    (30, "0-0:43.2.3.255", "m1 get_protected_attributes", "action", "BillingDataLog.ModeOrTariffChange.read", f"{N.READ_DATES} -> {N.PROTECTED}", "", "", None),
    (30, "0-0:43.2.4.255", "m1 get_protected_attributes", "action", "DailyConsumptionLog.read", f"{N.READ_DATES} -> {N.PROTECTED}", "", "", None),
    (30, "0-0:43.2.5.255", "m1 get_protected_attributes", "action", "DailyReadLog.Import.read", f"{N.READ_DATES} -> {N.PROTECTED}", "", "", None),
    (30, "0-0:43.2.6.255", "m1 get_protected_attributes", "action", "PrepaymentDailyReadLog.read", f"{N.READ_DATES} -> {N.PROTECTED}", "", "", None),
    (30, "0-0:43.2.7.255", "m1 get_protected_attributes", "action", "ProfileDataLog.ActiveImport.read", f"{N.READ_DATES} -> {N.PROTECTED}", "", "", None),
    (30, "0-0:43.2.8.255", "m1 get_protected_attributes", "action", "ImportRegisterCollection.read", f"{N.READ_VALUE} -> {N.PROTECTED}", "", "", None),
    (30, "0-0:43.2.9.255", "m1 get_protected_attributes", "action", "TariffTOURegisterCollection.read", f"{N.READ_VALUE} -> {N.PROTECTED}", "", "", None),
    (30, "0-0:43.2.10.255", "m1 get_protected_attributes", "action", "TariffBlockTOURegisterCollection.read", f"{N.READ_VALUE} -> {N.PROTECTED}", "", "", None),
    (30, "0-0:43.2.11.255", "m1 get_protected_attributes", "", "BillingDataLog.CalendarRegisters.alert", f"null -> {N.PROTECTED}", "contents of the ECS68 alert", "", None),
    # class 70
    (70, "0-0:96.3.10.255", "a3 control_state", "get", "SupplyState", "enum@supply-state", "0 disabled, 1 enabled, 2 armed", "", None),
    (70, "0-1:96.3.10.255", "a2 output_state", "get", "AuxiliaryController1.OutputState", "bool", "", "aux legacy", None),
    (70, "0-2:96.3.10.255", "a2 output_state", "get", "AuxiliaryController2.OutputState", "bool", "", "aux legacy", None),
    (70, "0-3:96.3.10.255", "a2 output_state", "get", "AuxiliaryController3.OutputState", "bool", "", "aux legacy", None),
    (70, "0-4:96.3.10.255", "a2 output_state", "get", "AuxiliaryController4.OutputState", "bool", "", "aux legacy", None),
    (70, "0-5:96.3.10.255", "a2 output_state", "get", "AuxiliaryController5.OutputState", "bool", "", "aux legacy", None),
    # class 71
    (71, "0-0:17.0.0.255", "a4 threshold_normal", "get", "LoadLimitPowerThreshold", "u32", "W", "", None),
    (71, "0-0:17.0.0.255", "a6 min_over_threshold_duration", "get", "LoadLimitPeriod", "u32", "s", "", None),
    (71, "0-0:17.0.0.255", "a7 min_under_threshold_duration", "get", "LoadLimitRestorationPeriod", "u32", "s", "", None),
    (71, "0-0:17.0.1.255", "a4 threshold_normal", "get set", "RMSExtremeOverVoltageThreshold", "u32", "V", "", None),
    (71, "0-0:17.0.1.255", "a6 min_over_threshold_duration", "get set", "RMSExtremeOverVoltageMeasurementPeriod", "u32", "s", "", None),
    (71, "0-0:17.0.2.255", "a4 threshold_normal", "get set", "RMSExtremeUnderVoltageThreshold", "u32", "V", "", None),
    (71, "0-0:17.0.2.255", "a6 min_over_threshold_duration", "get set", "RMSExtremeUnderVoltageMeasurementPeriod", "u32", "s", "", None),
    (71, "0-0:17.0.3.255", "a4 threshold_normal", "get set", "RMSVoltageSagThreshold", "u32", "V", "", None),
    (71, "0-0:17.0.3.255", "a6 min_over_threshold_duration", "get set", "RMSVoltageSagMeasurementPeriod", "u32", "s", "", None),
    (71, "0-0:17.0.4.255", "a4 threshold_normal", "get set", "RMSVoltageSwellThreshold", "u32", "V", "", None),
    (71, "0-0:17.0.4.255", "a6 min_over_threshold_duration", "get set", "RMSVoltageSwellMeasurementPeriod", "u32", "s", "", None),
    # class 104
    (104, "0-0:30.3.0.255", "a2 enable_disable_joining", "set", "DeviceLog.JoiningAllowed", "bool", "", "chf", True),
    (104, "0-0:30.3.0.255", "a3 join_timeout", "set", "DeviceLog.JoiningTimePeriod", "u16", "s", "chf", None),
    (104, "0-0:30.3.0.255", "a4 active_devices", "get", "DeviceLog.ActiveDevices", N.ACTIVE_DEVICES, "", "chf", None),
    (104, "0-0:30.3.0.255", "m1 register_device", "action", "DeviceLog.add", "struct(ieee_address:oct(8)@entity,key_type:enum,key:oct(16),device_type:enum) -> null", "", "chf", None),
    (104, "0-0:30.3.0.255", "m2 unregister_device", "action", "DeviceLog.remove", "oct(8)@entity -> null", "", "chf", None),
    (104, "0-0:30.3.0.255", "m4 backup_PAN", "action", "DeviceLog.backup", f"null -> {N.PAN_BACKUP}", "", "chf", None),
    (104, "0-0:30.3.0.255", "m5 restore_PAN", "action", "DeviceLog.restore", f"{N.PAN_RESTORE} -> null", "", "chf", None),
    (104, "0-0:30.3.1.255", "m4 backup_PAN", "action", "HistoricDeviceLog.backup", f"null -> {N.PAN_BACKUP}", "", "chf", None),
)
