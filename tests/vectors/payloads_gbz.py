"""The GBZ payloads of the vectors, written octet by octet: framing big-endian, ZCL little-endian.

Lengths are counted here, which shares nothing with the project. Encrypted components are
made in `make.py`, which has the keys.
"""

from typing import NamedTuple

from gbcs.ids import Cra

COMMAND, RESPONSE, ALERT = Cra.COMMAND, Cra.RESPONSE, Cra.ALERT
CODE = 0x0FFF  # no use case has it: the profile identifier tells the family
MOMENT = "1C374A80"  # 2015-01-01, big-endian; little-endian below
UTC = "804A371C"


class Payload(NamedTuple):
    """A payload, and the message it is in."""

    code: int
    cra: Cra
    octets: bytes


def component(cluster: str, header: str, payload: str = "", date: str = "") -> str:
    """One component not marked as last: cluster, ZCL header, ZCL payload, From Date Time."""
    inside = bytes.fromhex(date + header + payload)
    return f"{0x10 if date else 0:02X} {cluster} {len(inside):04X} {inside.hex()}"


def sealed(cluster: str, header: str, value: bytes, counter: int = 0) -> str:
    """One encrypted component, not marked as last, around a protected value."""
    inside = bytes((0, counter)) + bytes.fromhex(header) + len(value).to_bytes(2, "big") + value
    return f"02 {cluster} {len(inside):04X} {inside.hex()}"


def gbz(*components: str) -> bytes:
    """A payload of components, the last of them marked."""
    parts = [bytearray.fromhex(text) for text in components]
    if parts:
        parts[-1][0] |= 1
    return bytes.fromhex("0109") + bytes((len(parts),)) + b"".join(parts)


# Each command of the clusters: cluster, frame control, command, payload.
CLUSTER_COMMANDS = {
    "GetCurrentPrice": ("0700", "01", "00", "00"),
    "GetBlockPeriod": ("0700", "01", "03", f"{UTC} 01 00"),
    "GetConversionFactor": ("0700", "01", "04", f"{UTC} FFFFFFFF 01"),
    "GetCalorificValue": ("0700", "01", "05", f"{UTC} FFFFFFFF 01"),
    "GetTariffInformation": ("0700", "01", "06", f"{UTC} FFFFFFFF 01 00"),
    "GetPriceMatrix": ("0700", "01", "07", "01000000"),
    "GetBlockThresholds": ("0700", "01", "08", "01000000"),
    "GetTierLabels": ("0700", "01", "0A", "01000000"),
    "GetConsolidatedBill": ("0700", "01", "0C", f"{UTC} FFFFFFFF 01 00"),
    "GetBillingPeriod": ("0700", "01", "0B", "00000000 FFFFFFFF 01 00"),
    "PublishPrice": (
        "0700", "19", "00", f"00000000 05 4E69676874 {UTC} {UTC} 01 3A03 51 41 00000000 FFFF A0860100"
    ),
    "PublishBlockPeriod": ("0700", "09", "01", f"00000000 {UTC} {UTC} 010000 02 23 00 01"),
    "PublishConversionFactor": ("0700", "09", "02", f"{UTC} 00000000 9BA50100 50"),
    "PublishCalorificValue": ("0700", "09", "03", f"{UTC} 00000000 87010000 01 10"),
    "PublishTariffInformation": (
        "0700", "09", "04",
        f"00000000 {UTC} 01000000 FFFFFFFF 10 00 00 03 00 3A03 50 C1570000 FF 010000 E80300",
    ),
    "PublishPriceMatrix": (
        "0700", "09", "05", f"00000000 {UTC} 00000000 01000000 00 01 01 01 80250000 02 D8270000 03 FFFFFFFF"
    ),
    "PublishBlockThresholds": (
        "0700", "09", "06", f"00000000 {UTC} 00000000 01000000 00 01 01 02 40420F000000 FFFFFFFFFFFF"
    ),
    "PublishBillingPeriod": ("0700", "09", "09", f"00000000 {UTC} {UTC} 030000 23 00"),
    "PublishTierLabels": (
        "0700", "09", "08", f"00000000 {UTC} 01000000 00 01 02 01 03 446179 02 05 4E69676874"
    ),
    "PublishConsolidatedBill": (
        "0700", "09", "0A", f"00000000 {UTC} {UTC} 030000 23 00 40E20100 3A03 50"
    ),
    "GetSnapshot": ("0702", "01", "06", f"00000000 {UTC} 1E 08600000"),
    "StartSampling": ("0702", "01", "07", f"{UTC} 00000000 00 6801 2900"),
    "GetSampledData": ("0702", "01", "08", "0200 01000000 00 2900"),
    "ChangeSupply": ("0702", "01", "0B", f"00000000 {UTC} 00000000 00000000 01 01"),
    "LocalChangeSupply": ("0702", "01", "0C", "02"),
    "SetSupplyStatus": ("0702", "01", "0D", f"{UTC} 03 00 00 03"),
    "SetUncontrolledFlowThreshold": ("0702", "01", "0E", f"00000000 {UTC} 0A00 01 0100 1027 14 3C00"),
    "PublishSnapshot": (
        "0702", "19", "06",
        f"01000000 {UTC} 02 00 01 AA000000 06 393000000000 02 010000000000 FFFFFFFFFFFF 14"
        "020000000000 030000000000 040000000000 050000000000",
    ),
    "GetSampledDataResponse": ("0702", "19", "07", f"0000 {UTC} 00 0807 0300 010000 FFFFFF 000080"),
    "SupplyStatusResponse": ("0702", "09", "0C", f"00000000 {UTC} 00000000 01"),
    "StartSamplingResponse": ("0702", "09", "0D", "FFFF"),
    "GetLastMessage": ("0703", "01", "00", ""),
    "MessageConfirmation": ("0703", "01", "01", f"{UTC} {UTC} 01 03 796573"),
    "CancelMessage": ("0703", "09", "01", f"{UTC} 00"),
    "CancelAllMessages": ("0703", "09", "03", "00000000"),
    "DisplayMessage": ("0703", "09", "00", f"{UTC} 00 00000000 FFFF 06 C2A335206F6B"),
    "SelectAvailableEmergencyCredit": ("0705", "01", "00", "00000000 02"),
    "ChangeDebt": ("0705", "01", "02", f"{UTC} 00 FFFFFFFF 01 05 00000000 0000 01 00000080 1027"),
    "EmergencyCreditSetup": ("0705", "01", "03", f"{UTC} FFFFFFFF 88130000 F4010000"),
    "ConsumerTopUp": ("0705", "01", "04", "00 14" + "3132333435363738393031323334353637383930"),
    "CreditAdjustment": ("0705", "01", "05", f"{UTC} 00000000 03 18FCFFFF"),
    "ChangePaymentMode": ("0705", "01", "06", f"00000000 {UTC} {UTC} 940C FFFFFFFF"),
    "GetPrepaySnapshot": ("0705", "01", "07", f"00000000 {UTC} 00 02000000"),
    "SetMaximumCreditLimit": ("0705", "01", "0B", f"00000000 {UTC} 00000000 A0860100 50C30000"),
    "SetOverallDebtCap": ("0705", "01", "0C", f"00000000 {UTC} 00000000 E8030000"),
    "PublishPrepaySnapshot": (
        "0705", "19", "01",
        f"01000000 {UTC} 01 00 01 00400000 00 FEFFFFFF 79000000 DF000000 CA000000 32000000 00000080",
    ),
    "ChangePaymentModeResponse": ("0705", "19", "02", "01 02000000 88130000 F4010000"),
    "ConsumerTopUpResponse": ("0705", "09", "03", "00 E8030000 00 A0252600"),
    "PublishTopUpLog": (
        "0705", "19", "05",
        f"00 01 14 {'30' * 20} E8030000 {UTC} FF 00000000 00000000 03 FF00FF FFFFFFFF {UTC}",
    ),
    "PublishDebtLog": ("0705", "19", "06", f"00 01 {UTC} 64000000 02 E8030000 {UTC} C8000000 02 20030000"),
    "GetCalendar": ("0707", "01", "00", f"{UTC} FFFFFFFF 00 03 00000000"),
    "GetCalendarCancellation": ("0707", "01", "05", ""),
    "CancelCalendar": ("0707", "09", "05", f"00000000 {UTC} 03"),
    "GetDayProfiles": ("0707", "01", "01", "00000000 FFFFFFFF 01 00"),
    "GetWeekProfiles": ("0707", "01", "02", "00000000 FEFFFFFF 01 00"),
    "GetSeasons": ("0707", "01", "03", "00000000 FFFFFFFF"),
    "GetSpecialDays": ("0707", "01", "04", "00000000 00 03 00000000 FEFFFFFF"),
    "PublishCalendar": ("0707", "09", "00", f"00000000 {UTC} {UTC} FEFFFFFF 00 00 00 03 02 04"),
    "PublishDayProfile": ("0707", "09", "01", f"00000000 {UTC} {UTC} 01 02 00 01 03 0000 01 A405 00"),
    "PublishWeekProfile": ("0707", "09", "02", f"00000000 {UTC} {UTC} 01 01 01 01 01 01 02 02"),
    "PublishSeasons": ("0707", "09", "03", f"00000000 {UTC} {UTC} 00 01 72 09 17 FF 01 FF FD FE 07 02"),
    "PublishSpecialDays": (
        "0707", "09", "04", f"00000000 {UTC} {UTC} 00000000 00 02 00 01 FF 0C 19 FF 02 73 01 01 04 04"
    ),
    "GetChangeOfTenancy": ("0708", "01", "00", ""),
    "GetChangeOfSupplier": ("0708", "01", "01", ""),
    "GetSiteID": ("0708", "01", "03", ""),
    "GetCIN": ("0708", "01", "05", ""),
    "ReportEventConfiguration": ("0708", "01", "04", "00 01 0A81 0B 9F81 5B"),
    "PublishChangeOfTenancy": ("0708", "09", "00", f"00000000 {UTC} 00 {UTC} 00020000"),
    "PublishChangeOfSupplier": (
        "0708", "09", "01", f"00000000 {UTC} 00 00000000 00000000 00180000 04 41636D65 03 313132"
    ),
    "RequestNewPasswordResponse": ("0708", "09", "02", f"{UTC} 00000000 0000 02 00"),
    "UpdateSiteID": ("0708", "09", "03", f"{UTC} 00000000 00000000 0A 31323334353637383930"),
    "SetEventConfiguration": ("0708", "09", "04", f"{UTC} 00000000 1B 00 02 0A81 9F81"),
    "GetEventConfiguration": ("0708", "09", "05", "FF81"),
    "UpdateCIN": ("0708", "09", "06", f"{UTC} 00000000 00000000 03 434E31"),
    "GetEventLog": ("0709", "01", "00", "13 0000 00000000 FFFFFFFF 00 0000"),
    "ClearEventLogRequest": ("0709", "01", "01", "03"),
    "PublishEvent": ("0709", "19", "00", f"03 AB81 {UTC} 01 02 BEEF"),
    "PublishEventLog": ("0709", "19", "01", f"0200 00 01 02 03 0A81 {UTC} 00 07 9F81 FFFFFFFF 04 DEADBEEF"),
    "ClearEventLogResponse": ("0709", "09", "02", "08"),
}  # fmt: skip
# Of one data type each, behind attribute identifier and status.
TYPED = {
    "no-data": "00",
    "data8": "08 FF",
    "data64": "0F 0102030405060708",
    "boolean-true": "10 01",
    "boolean-false": "10 00",
    "boolean-invalid": "10 FF",
    "bitmap8": "18 50",
    "bitmap16": "19 940C",
    "bitmap64": "1F FFFFFFFFFFFFFFFF",
    "uint8": "20 FF",
    "uint16": "21 0102",
    "uint24": "22 E80300",
    "uint32": "23 FFFFFFFF",
    "uint40": "24 FFFFFFFFFF",
    "uint48": "25 393000000000",
    "uint56": "26 01020304050607",
    "uint64": "27 FFFFFFFFFFFFFFFF",
    "int8": "28 80",
    "int16": "29 0080",
    "int24": "2A FFFFFF",
    "int32": "2B 00000080",
    "int40": "2C FEFFFFFFFF",
    "int48": "2D 000000000080",
    "int56": "2E 00000000000080",
    "int64": "2F 0000000000000080",
    "enum8": "30 01",
    "enum16": "31 0100",
    "semi-float": "38 003C",
    "single-float": "39 0000C07F",
    "double-float": "3A 000000000000F03F",
    "octets-none": "41 00",
    "octets": "41 04 01020304",
    "octets-254": "41 FE" + "5A" * 254,
    "octets-invalid": "41 FF",
    "text": "42 03 C2A335",
    "text-none": "42 00",
    "text-no-utf8": "42 02 C080",
    "text-invalid": "42 FF",
    "long-octets": "43 0300 010203",
    "long-octets-256": "43 0001" + "5A" * 256,
    "long-octets-invalid": "43 FFFF",
    "long-text": "44 0200 6F6B",
    "long-text-invalid": "44 FFFF",
    "array": "48 21 0200 0100 FFFF",
    "array-none": "48 20 0000",
    "array-invalid": "48 20 FFFF",
    "array-of-arrays": "48 48 0200 20 0100 07 42 0100 01 78",
    "structure": "4C 0300 20 01 41 02 AABB 4C 0100 10 01",
    "structure-none": "4C 0000",
    "structure-invalid": "4C FFFF",
    "set": "50 30 0100 01",
    "bag": "51 23 0100 01000000",
    "time-of-day": "E0 0C1E0000",
    "date": "E1 73 FD FE FF",
    "utc": f"E2 {UTC}",
    "cluster-id": "E8 0207",
    "attribute-id": "E9 0203",
    "bacnet-id": "EA 01020304",
    "ieee-address": "F0 0102030405060708",
    "key-128": "F1" + "5A" * 16,
    "unknown": "FF",
    "no-type": "3F 010203",
    "array-of-no-type": "48 3F 0200 0102",
}
GENERAL = {
    "ReadAttributes": ("00", "00", "0203 0103 0003 0000"),
    "ReadAttributesResponse": ("18", "01", "0203 00 22 E80300 0103 86 0000 00 25 393000000000"),
    "WriteAttributes": ("00", "02", "0703 41 02 3132 FEFF 30 01"),
    "WriteAttributesUndivided": ("00", "03", "0703 41 FF"),
    "WriteAttributesResponse": ("08", "04", "86 0703 8D FEFF"),
    "WriteAttributesNoResponse": ("00", "05", "0703 41 00"),
    "ReportAttributes": ("08", "0A", "0000 25 393000000000 FEFF 30 01"),
    "DefaultResponse": ("08", "0B", "FF 01"),
    "DiscoverAttributes": ("00", "0C", "0003 08"),
    "DiscoverAttributesResponse": ("08", "0D", "01 0003 30 0103 22"),
    "ReadAttributesStructured": ("00", "0E", "0203 00 0703 02 0100 0200"),
    "WriteAttributesStructured": ("00", "0F", "0203 01 0100 20 05 0703 00 41 00"),
    "WriteAttributesStructuredResponse": ("08", "10", "86 0203 01 0100 8D 0703 00"),
}


def payloads() -> dict[str, Payload]:
    """Every GBZ payload by name."""
    made = {f"typed-{name}": _one("0702", "080001", "0002 00" + text) for name, text in TYPED.items()}
    for name, (frame, command, text) in GENERAL.items():
        made[f"general-{name}"] = _one("0702", f"{frame} 05 {command}", text)
    for name, (cluster, frame, command, text) in CLUSTER_COMMANDS.items():
        made[f"command-{name}"] = _one(cluster, f"{frame} 05 {command}", text)
    price = CLUSTER_COMMANDS["PublishPrice"]
    message = CLUSTER_COMMANDS["DisplayMessage"]
    made |= {
        "dated-EarliestEntry": _one("0705", "01 00 08", "FEFFFFFF 05", MOMENT),
        "dated-EarliestDebt": _one("0705", "01 00 0A", "FEFFFFFF 0A 02", "00000000"),
        "dated-Activation": _one("0705", "01 00 09", "F4010000", "FFFFFFFF"),
        "dated-undeclared": _one("0702", "01 00 0C", "02", MOMENT),
        "not-dated": _one("0705", "01 00 09", "F4010000"),
        "none": Payload(CODE, COMMAND, gbz()),
        "several": Payload(CODE, COMMAND, gbz(
            component("0702", "00 00 00", "000A"), component("0705", "00 01 00", "0100"),
            component("0707", "01 02 03", "00000000FFFFFFFF"))),
        "several-answers": Payload(CODE, RESPONSE, gbz(
            component("0702", "08 00 0B", "0E00"), component("0702", "08 00 0B", "0DC0"),
            component("0702", "08 FF 0B", "FF01"))),
        "failed-attribute-last": _one("0702", "08 00 01", "000A 00 23 E0673500 010A C0"),
        "no-attributes": _one("0702", "00 00 00"),
        "write-success": _one("0702", "08 00 04", "00"),
        "unknown-attribute": _one("0702", "08 00 01", "CDAB 00 21 0100"),
        "unknown-cluster": _one("0FFF", "01 00 00", "0102"),
        "unknown-cluster-general": _one("0FFF", "08 00 01", "0000 00 20 01"),
        "unknown-command": _one("0702", "01 00 7F", "0102"),
        "unknown-command-empty": _one("0702", "01 00 7F"),
        "unknown-general": _one("0702", "00 00 7F", "0102"),
        "named-only": _one("0702", "09 00 0B", "02 0000 FFFFFFFF"),
        "other-direction": _one("0707", "01 00 04", "00000000 00 03 00000000 FEFFFFFF"),
        "manufacturer": _one("0702", "05 3412 00 06", "0102"),
        "reserved-frame-type": _one("0702", "03 00 00", "0102"),
        "reserved-frame-bits": _one("0702", "E0 00 00", "0000"),
        "behind-the-fields": _one("0702", "01 00 0C", "02 DEADBEEF"),
        "price-with-ratio": _one("0700", "19 00 00", price[3] + "FF"),
        "price-with-all": _one("0700", "19 00 00", price[3] + "FF FFFFFFFF FF FFFFFFFF 00 00" + "01" * 7),
        "price-with-more": _one("0700", "19 00 00", price[3] + "FF FFFFFFFF FF FFFFFFFF 00 00" + "01" * 8),
        "message-extended": _one("0703", "09 00 00", message[3] + "01"),
        "snapshot-other-type": _one("0702", "19 00 06", f"01000000 {UTC} 02 00 01 AA000000 07 DEADBEEF"),
        "snapshot-other-type-empty": _one("0705", "19 00 01", f"01000000 {UTC} 02 00 01 AA000000 01"),
        "events-by-group": _one("0708", "09 00 04", f"{UTC} 00000000 1B 01 FF81"),
        "samples-none": _one("0702", "19 00 07", f"0100 {UTC} 00 FFFF 0000"),
        "special-days-none": _one("0707", "09 00 04", f"00000000 {UTC} {UTC} 00000000 00 00 00 01"),
        "alert-generic": _alert(0x1000, "8F30"),
        "alert-generic-2": _alert(0x1001, "810E"),
        "alert-executed": _alert(0x00CD, "8F66", "0E 006F 00000000000003E9 0705 01 09"),
        "alert-executed-calendar": _alert(0x00CD, "8F67", "0E 006B FFFFFFFFFFFFFFFF 0707 01 00"),
        "alert-executed-unknown": _alert(0x00CD, "8F67", "0E 0FFF 0000000000000000 0FFF FF FF"),
        "alert-image-hash": _alert(0x00CF, "8F72", "09 20" + "A1" * 32),
        "alert-integrity": _alert(0x00F2, "81A0", "0005"),
        "alert-integrity-unknown": _alert(0x00F2, "81A0", "FFFF"),
        "alert-component": _alert(0x008B, "8F0A", "01" + component("0702", "19 00 0D", "0100")[2:]),
        "alert-unknown": _alert(CODE, "FFFF", "0102030405"),
        "alert-unknown-empty": _alert(CODE, "0000"),
    }  # fmt: skip
    return made


def _one(cluster: str, header: str, payload: str = "", date: str = "") -> Payload:
    cra = RESPONSE if int(header[:2], 16) & 0x18 else COMMAND
    return Payload(CODE, cra, gbz(component(cluster, header, payload, date)))


def _alert(code: int, alert: str, content: str = "") -> Payload:
    text = f"0109 {1 if content else 0:02X} {alert} {MOMENT} {content}"
    return Payload(code, ALERT, bytes.fromhex(text))
