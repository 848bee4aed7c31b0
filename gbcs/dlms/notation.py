"""Wire types that several rows of the object table share, in the notation of `types`.

Field names follow the GBCS mapping table. Lengths of season and week names and the
counts of calendars are those of SMETS 5.7.4.48 (reference: smets-esme 6). Least counts of 0
where SMETS says 1 are ours: an empty calendar must be readable; the device's limits for
setting it are with its data items.
"""

from __future__ import annotations

DATE_TIME = "oct(12)@date-time"
SCALER_UNIT = "struct(scaler:i8,unit:enum@unit)"
ZERO = 0  # the parameter of methods that take nothing meaningful

# schedules and calendars
_SCHEDULE = (
    "struct(index:u16,enable:bool,script_logical_name:oct(6)@logical-name,script_selector:u16,switch_time:oct(4)@time,"
    "validity_window:u16,exec_weekdays:bits(7),exec_specdays:bits({}),begin_date:oct(5)@date,end_date:oct(5)@date)"
)
SCHEDULE_ENTRY = _SCHEDULE.format("0..20")
DAILY_WINDOW_ENTRY = _SCHEDULE.format("0")
SPECIAL_DAY = "struct(index:u16,specialday_date:oct(5)@date,day_id:u8)"
SEASONS = (
    "arr(struct(season_profile_name:oct(0..8)@text,season_start:oct(12)@date-time,week_name:oct(0..4)),0..4)"
)
WEEKS = (
    "arr(struct(week_profile_name:oct(0..4),monday:u8,tuesday:u8,wednesday:u8,thursday:u8,"
    "friday:u8,saturday:u8,sunday:u8),0..4)"
)
DAYS = (
    "arr(struct(day_id:u8,day_schedule:"
    "arr(struct(start_time:oct(4)@time,script_logical_name:oct(6)@logical-name,script_selector:u16@tariff-script),0..48)),0..16)"
)
EXECUTION_TIME = "struct(time:oct(4)@time,date:oct(5)@date)"

# money
_UNIT_CHARGE = (
    "struct(charge_per_unit_scaling:struct(commodity_scale:i8,price_scale:i8),"
    "commodity_reference:struct(class_id:u16,logical_name:oct(6)@logical-name,attribute_index:i8),"
    "charge_table:arr(struct(index:oct({}),charge_per_unit:i16),{}))"
)
PRICE_MATRIX = _UNIT_CHARGE.format(1, 80)
SECONDARY_PRICE_MATRIX = _UNIT_CHARGE.format(1, 4)
SINGLE_CHARGE = _UNIT_CHARGE.format(0, 1)
MODE_AND_STATUS = "struct(payment_mode:enum@payment-mode,account_status:enum@account-status)"
CREDIT_CHARGE = "arr(struct(credit:oct(6)@logical-name,charge:oct(6)@logical-name,collection:bits(3)),0..15)"

# entries of profile buffers; the twin-element forms have the secondary element as well
_TIME_VALUE = "struct(time:u32@utc,value:u32@{})"
TIME_WH = _TIME_VALUE.format("Wh")
TIME_VARH = _TIME_VALUE.format("varh")
TIME_VOLTS = _TIME_VALUE.format("V")
TIME_MONEY = _TIME_VALUE.format("millipence")
_BLOCKS = "block1:arr(u32@Wh,8),block2:arr(u32@Wh,8),block3:arr(u32@Wh,8),block4:arr(u32@Wh,8)"
_REGISTERS = f"time:u32@utc,active_import:u32@Wh,tou:arr(u32@Wh,48),{_BLOCKS}"
_TWIN_REGISTERS = (
    "time:u32@utc,active_import:u32@Wh,secondary_active_import:u32@Wh,"
    f"tou:arr(u32@Wh,48),secondary_tou:arr(u32@Wh,4),{_BLOCKS}"
)
_BALANCES = (
    "emergency_credit_balance:i32@millipence,meter_balance:i32@millipence,payment_debt:i32@millipence,"
    "time_debt_1:i32@millipence,time_debt_2:i32@millipence,accumulated_debt:i32@millipence"
)
REGISTER_ENTRY = f"struct({_REGISTERS})"
TWIN_REGISTER_ENTRY = f"struct({_TWIN_REGISTERS})"
PREPAYMENT_ENTRY = f"struct(time:u32@utc,{_BALANCES})"
CHANGE_ENTRY = f"struct({_REGISTERS},{_BALANCES})"
TWIN_CHANGE_ENTRY = f"struct({_TWIN_REGISTERS},{_BALANCES})"

# communications hub
_BACKED_UP = "arr(struct(mac_address:oct(8)@entity,hashed_tc_link_key:oct({})),0..16)"
# the hash is empty for a device that has no link key yet (CS14, CCS07)
PAN_BACKUP = (
    f"struct(date_time:oct(12)@date-time,extended_pan_id:oct(8),devices:{_BACKED_UP.format('0..16')})"
)
PAN_RESTORE = f"struct(extended_pan_id:oct(8),devices:{_BACKED_UP.format(16)})"
ACTIVE_DEVICES = (
    "arr(struct(mac_address:oct(8)@entity,status:bits(8),max_rssi:i8,average_rssi:i8,min_rssi:i8,max_lqi:u8,"
    "average_lqi:u8,min_lqi:u8,last_communication:oct(12)@date-time,number_of_hops:u8,transmission_failures:u8,"
    "transmission_successes:u8,application_version:u8,stack_version:u8),0..16)"
)
SUB_GHZ_SETTINGS = (
    "struct(page28_mask:bits(32),page29_mask:bits(32),page30_mask:bits(32),page31_mask:bits(32),"
    "normal_limited_duty_cycle_threshold:u16,limited_critical_duty_cycle_threshold:u16,"
    "channel_changes_per_week:u8,gsme_curfew:u16,quieter_decibels_limit:u8,noisier_decibels_limit:u8,"
    "non_gsme_poor_comms_percentage:u16,non_gsme_measurement_periods:u8,local_ch_noise_measurement_period:u16,"
    "local_ch_failure_percentage:u16,local_ch_retry_percentage:u16)"
)

# class 30: protection parameters, and method 1 with or without a restriction by dates
PROTECTION = (
    "arr(struct(protection_type:enum@protection-type,protection_options:struct(transaction_id:oct(9),"
    "originator_system_title:oct(8)@entity,recipient_system_title:oct(8)@entity,other_information:oct(0),"
    "key_info:struct(key_info_type:enum@key-info-type,key_info_options:"
    "struct(key_parameters:oct(1),key_ciphered_data:oct(0))))),1)"
)
_CONTENT = (
    "struct(class_id:u16,logical_name:oct(6)@logical-name,attribute_index:i8,data_index:u16,"
    "restriction:struct(restriction_type:enum@restriction-type,restriction_value:{}))"
)
_OBJECTS = "struct(object_list:arr({},{}),protection_parameters:" + PROTECTION + ")"
READ_VALUE = _OBJECTS.format(_CONTENT.format("null"), 1)
READ_DATES = _OBJECTS.format(_CONTENT.format("struct(from:oct(12)@date-time,to:oct(12)@date-time)"), 1)
READ_TWO_DATES = _OBJECTS.format(_CONTENT.format("struct(from:oct(12)@date-time,to:oct(12)@date-time)"), 2)
# 31 00000000, ciphertext, tag of 12 octets; a ciphertext cannot be empty
PROTECTED = f"struct(protection_parameters:{PROTECTION},protected_attributes:oct(18..))"
SELECTION = (
    "struct(restricting_object:struct(class_id:u16,logical_name:oct(6)@logical-name,attribute_index:i8,data_index:u16),"
    "from_value:u32@utc,to_value:u32@utc,selected_values:arr(null,0))"
)
