"""COSEM objects of class 7: profile buffers, that is logs.

Columns as in `objects.Row`: class_id, logical name, member, access, item, wire type, unit, flags, constant.
"""
# fmt: off

from __future__ import annotations

from . import notation as N
from .objects import Row

ROWS: tuple[Row, ...] = (
    # class 7
    (7, "0-0:94.44.10.3", "a2 buffer", "select", "SubGHzChannelLog", "compact(struct(time:u32@utc,code:u16@event,other_information:oct(0..8)),0..100)", "", "chf dual-band", None),
    (7, "0-0:98.1.0.255", "a2 buffer", "protected", "BillingDataLog.CalendarRegisters", f"compact({N.REGISTER_ENTRY},0..12) || compact({N.TWIN_REGISTER_ENTRY},0..12)", "Wh", "", None),
    (7, "0-0:98.1.1.255", "a2 buffer", "protected", "BillingDataLog.CalendarPrepayment", f"compact({N.PREPAYMENT_ENTRY},0..12)", "millipence", "", None),
    (7, "0-0:98.1.2.255", "a2 buffer", "protected", "BillingDataLog.ModeOrTariffChange", f"compact({N.CHANGE_ENTRY},0..12) || compact({N.TWIN_CHANGE_ENTRY},0..12)", "Wh, millipence", "", None),
    (7, "0-0:98.1.4.255", "a2 buffer", "select", "BillingDataLog.PaymentDebtPayments", f"compact({N.TIME_MONEY},0..10)", "millipence", "", None),
    (7, "0-0:98.1.5.255", "a2 buffer", "select", "BillingDataLog.PrepaymentCredits", f"compact({N.TIME_MONEY},0..5)", "millipence", "", None),
    (7, "0-0:98.1.8.255", "a2 buffer", "protected", "PrepaymentDailyReadLog", f"compact({N.PREPAYMENT_ENTRY},0..31)", "millipence", "", None),
    (7, "0-0:98.1.9.255", "a2 buffer", "protected", "DailyReadLog.Import", f"compact({N.REGISTER_ENTRY},0..31) || compact({N.TWIN_REGISTER_ENTRY},0..31)", "Wh", "", None),
    (7, "0-0:98.1.10.255", "a2 buffer", "select", "DailyReadLog.Export", f"compact({N.TIME_WH},0..31)", "Wh", "", None),
    (7, "0-0:99.1.0.255", "a2 buffer", "protected", "ProfileDataLog.ActiveImport", "compact(struct(time:u32@utc,primary:u32@Wh),0..19056) || compact(struct(time:u32@utc,primary:u32@Wh,secondary:u32@Wh),0..19056)", "Wh", "", None),
    (7, "0-0:99.1.1.255", "a2 buffer", "select", "ProfileDataLog.Export", "compact(struct(time:u32@utc,active_export:u32@Wh,reactive_export:u32@varh),0..4464)", "Wh, varh", "", None),
    (7, "0-0:99.1.2.255", "a2 buffer", "select", "ProfileDataLog.ReactiveImport", f"compact({N.TIME_VARH},0..4464)", "varh", "", None),
    (7, "0-0:99.1.3.255", "a2 buffer", "protected", "DailyConsumptionLog", f"compact({N.TIME_WH},0..731)", "Wh", "", None),
    (7, "0-0:99.98.0.255", "a2 buffer", "select", "EventLog", "compact(struct(time:u32@utc,code:u16@event,other_information:oct(0..8)),0..100)", "", "shared", None),
    (7, "0-0:99.98.0.255", "m1 reset", "action", "EventLog.clear", "i8 -> null", "", "", 0),
    (7, "0-0:99.98.1.255", "a2 buffer", "select", "SecurityLog", "compact(struct(time:u32@utc,code:u16@event),0..100)", "", "shared", None),
    (7, "0-0:99.98.4.255", "a2 buffer", "select", "PowerEventLog", "compact(struct(time:u32@utc,code:u16@event,other_information:u32),0..100)", "", "", None),
    (7, "0-0:99.98.20.255", "a2 buffer", "select", "BoostFunctionEventLog", "compact(struct(boost_start:u32@utc,boost_end:u32@utc),0..25)", "", "boost", None),
    (7, "0-17:99.98.2.255", "a2 buffer", "select", "AuxiliaryControllerEventLog", "compact(struct(time:u32@utc,switch_number_and_action:u16,outcome:enum,han_command_id:u32),0..100)", "", "aux", None),
    (7, "0-17:99.98.2.255", "m1 reset", "action", "AuxiliaryControllerEventLog.clear", "i8 -> null", "", "aux", 0),
    (7, "1-0:32.24.0.255", "a2 buffer", "select", "AverageRMSVoltageProfileDataLog.Phase1", f"compact({N.TIME_VOLTS},0..4320)", "V", "", None),
    (7, "1-0:32.24.0.255", "a4 capture_period", "get set", "AverageRMSVoltageMeasurementPeriod.Phase1", "u32", "s", "", None),
    (7, "1-0:52.24.0.255", "a2 buffer", "select", "AverageRMSVoltageProfileDataLog.Phase2", f"compact({N.TIME_VOLTS},0..4320)", "V", "polyphase", None),
    (7, "1-0:52.24.0.255", "a4 capture_period", "get set", "AverageRMSVoltageMeasurementPeriod.Phase2", "u32", "s", "polyphase", None),
    (7, "1-0:72.24.0.255", "a2 buffer", "select", "AverageRMSVoltageProfileDataLog.Phase3", f"compact({N.TIME_VOLTS},0..4320)", "V", "polyphase", None),
    (7, "1-0:72.24.0.255", "a4 capture_period", "get set", "AverageRMSVoltageMeasurementPeriod.Phase3", "u32", "s", "polyphase", None),
)
