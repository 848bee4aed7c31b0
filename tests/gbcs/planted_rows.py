"""Faults to plant in sound messages: one leaf each with other octets, and what has to be found."""
# fmt: off

from typing import NamedTuple

from tests.vectors import make


class Fault(NamedTuple):
    """A leaf of a sound message with other octets: what is found, where from its start, what is right."""

    message: str
    path: str
    type: str
    octets: str
    check: str
    expected: str | None
    at: str = ""  # another path whose first octet is named


FAULTS = (
    # envelope
    Fault("read version", "mac_header.key_info_presence", "constant", "01", "constant", "00"),
    Fault("read version", "mac_header.ciphered_service_length", "length", "48", "length", "47"),
    Fault("read version", "mac_header.ciphered_service_length", "length", "8147", "length form", "47"),
    Fault("read version", "mac_header.security_control", "constant", "31", "constant", "11"),
    Fault("read version", "mac_header.invocation_counter", "constant", "00000001", "constant", "00000000"),
    Fault("read version", "header.tag", "constant", "DE", "constant", "DF"),
    Fault("read version", "header.transaction_id_length", "constant", "08", "constant", "09"),
    Fault("read version", "header.recipient_system_title_length", "constant", "09", "constant", "08"),
    Fault("read version", "header.cra_flag", "cra-flag", "07", "cra flag", "01"),
    Fault("switch opened", "header.cra_flag", "cra-flag", "00", "cra flag", "02"),
    Fault("gas executed", "header.cra_flag", "cra-flag", "09", "cra flag", "03"),
    Fault("join", "header.cra_flag", "cra-flag", "81", "cra flag", "01"),
    Fault("read balance", "header.cra_flag", "cra-flag", "00", "cra flag", "01"),
    Fault("switch opened", "payload.items[0].choice", "choice", "06", "choice", "03"),
    Fault("read version", "header.date_time", "length", "0B", "length", "00"),
    Fault("read version", "header.other_information", "length", "04", "length", "02"),
    Fault("read version", "header.cra_flag", "cra-flag", "02", "cra flag", "01"),
    Fault("read balance", "header.cra_flag", "cra-flag", "02", "cra flag", "01"),
    Fault("balance", "header.cra_flag", "cra-flag", "03", "cra flag", "02"),
    Fault("join", "header.cra_flag", "cra-flag", "02", "cra flag", "01"),
    Fault("export registers", "header.date_time", "length", "00", "length", "0C"),
    Fault("read version", "header.other_information", "length", "0A", "length", "02"),
    Fault("read version", "payload.apdu", "tag", "DA", "tag", "D9"),
    Fault("read version", "payload", "length", "14", "content length", "13"),
    Fault("switch opened", "payload", "length", "0B", "content length", "0C"),
    Fault("switch opened", "payload", "length", "7F", "content length", "0C"),
    Fault("read version", "signature", "length", "05", "signature length", "00"),
    Fault("switch opened", "signature", "length", "41", "signature length", "40"),
    Fault("read version", "header.message_code", "message-code", "0FFF", "message code", "0059"),
    Fault("read version", "header.message_code", "message-code", "0067", "kind", "03", "header.cra_flag"),
    Fault("export registers", "header.date_time.hundredths", "date-part", "05", "date-time", "00"),
    Fault("export registers", "header.date_time.deviation", "deviation", "0000", "date-time", "8000"),
    Fault("top up", "header.originator_counter", "counter", "000007D000000001", "token counter", "000007D000000000"),
    # DLMS
    Fault("read version", "payload.apdu", "tag", "DB", "tag", "D9"),
    Fault("read version", "payload.invoke_id", "invoke-id", "200007D1", "invoke id", "200007D0"),
    Fault("read version", "payload.date_time", "length", "03", "length", "00"),
    Fault("read version", "payload.data", "count", "02", "count", "01"),
    Fault("read version", "payload.items", "count", "20", "count", "01 at most"),
    Fault("read version", "payload.items[0].choice", "choice", "07", "choice", "01"),
    Fault("read version", "payload.items[0].class_id", "u16", "0003", "template", "0001"),
    Fault("load limit", "payload.items[2].logical_name", "logical-name", "00005E2C8005", "template", "00005E2C8006"),
    Fault("open switch", "payload.items[0].member", "method", "02", "template", "01"),
    Fault("read version", "header.message_code", "message-code", "0069", "message code", "0059"),
    Fault("switch opened", "signature", "length", "00", "signature length", "40"),
    Fault("read version", "mac_header.tag", "constant", "D9", "constant", "DD"),
    Fault("switch opened", "header.tag", "constant", "DD", "constant", "DF"),
    Fault("executed", "payload.body.Executed.member", "u8", "0C", "executed", "0D"),
    Fault("gas executed", "payload.executed.command", "command", "07", "executed", "06"),
    Fault("switch opened", "payload.items[0].data", "tag", "01", "type", "00"),
    Fault("switch opened", "payload.items[0].choice", "choice", "02", "template", "03"),
    Fault("open switch", "payload.items[0].data", "tag", "10", "type", "12"),
    Fault("open switch", "payload.items[0].data", "tag", "FF", "tag", "12"),
    Fault("open switch", "payload.items[0].data", "u16", "0033", "fixed value", "0034"),
    Fault("read event log", "payload.items[0].selector", "u8", "02", "selection", "01"),
    Fault("credit mode", "payload.items[0].data", "count", "03", "size", "02"),
    Fault("credit mode", "payload.items[1].data[0].collection", "bit-string", "E1", "padding", "E0"),
    Fault("credit mode", "payload.items[1].data[0].credit", "length", "05", "size", "06"),
    Fault("export registers", "payload.items[0].result", "result", "01", "results", "00", "payload.items[0].data"),
    Fault("export registers", "payload.items[2].result", "result", "01", "results", "FA", "payload.items[3].result"),
    Fault(
        "load limit", "payload.items[5].data.hour", "date-part", "0A", "activation time",
        "07EE010FFF090000008000FF", "payload.items[5].data.year",
    ),
    Fault(
        "read imports",
        "payload.items[0].data.protection_parameters[0].protection_options.transaction_id.counter",
        "counter", "00000001000007D1", "protection parameters", "00000001000007D0",
    ),
    Fault(
        "imports",
        "payload.items[0].data.protection_parameters[0].protection_options.originator_system_title",
        "eui-64", str(make.SUPPLIER), "protection parameters", str(make.METER),
    ),
    Fault("imports", "payload.items[0].data.protected_attributes.security_control", "constant", "30", "constant", "31"),
    Fault("outage", "payload.body.AlertCode", "alert-code", "8F01", "alert code", "8F35 to 8F3C"),
    Fault("outage", "payload.body", "count", "03", "size", "04"),
    Fault("outage", "payload.body.Time.day_of_week", "date-part", "05", "date-time", "FF"),
    Fault("executed", "payload.body.Executed.message_code", "message-code", "0059", "executed", None),
    # GBZ
    Fault("read balance", "payload.profile", "constant", "0104", "constant", "0109"),
    Fault("read balance", "payload.components", "count", "03", "count", "02"),
    Fault("read balance", "payload.components[1].control", "control", "00", "last component", "01"),
    Fault("read balance", "payload.components[0].control", "control", "01", "last component", "00"),
    Fault("read balance", "payload.components[0].control", "control", "80", "control", "00"),
    Fault("read balance", "payload.components[1].length", "length", "0009", "length", "0005"),
    Fault("read balance", "payload.components[0].length", "length", "0007", "length", "0005"),
    Fault("gas prices", "payload.components[0].length", "length", "0126", "length", "0026"),
    Fault("read balance", "payload.components[1].sequence", "u8", "05", "sequence number", "01"),
    Fault("read balance", "payload.components[1].cluster", "cluster", "0702", "template", "0705"),
    Fault("read balance", "payload.components[1].frame_control", "frame-control", "08", "template", "00"),
    Fault("read balance", "payload.components[1].AttributeIds[0]", "attribute-id", "0200", "template", "0100"),
    Fault("balance", "payload.components[0].Records[0].Value", "type", "2B", "type", "23"),
    Fault("gas register", "payload.components[0].frame_counter", "u8", "01", "frame counter", "00"),
    Fault("gas register", "payload.components[0].additional_control", "constant", "07", "constant", "00"),
    Fault("gas register", "payload.components[0].ciphered_length", "length", "0030", "length", "002E"),
    Fault("gas prices", "payload.components[1].StartTime", "utc", "00000001", "activation time", "00000000"),
    Fault("gas executed", "payload.components", "count", "00", "count", "01"),
    Fault("gas executed", "payload.executed.length", "constant", "0F", "constant", "0E"),
    # DER
    Fault("activate firmware", "payload", "tag", "31", "tag", "30"),
    Fault("activate firmware", "payload.originatorCounter", "counter", "01000007D1", "repeated counter", "00000001000007D0"),
    Fault("activate firmware", "payload.originatorCounter", "counter", "00000007D0", "value", "07D0"),
    Fault("activate firmware", "payload.manufacturerImageHash", "length", "7F", "length", "20"),
    Fault("activate firmware", "payload.manufacturerImageHash", "length", "1F", "size", "20"),
    Fault("activate firmware", "payload.executionDateTime", "length", "1F", "length", "0F"),
    Fault("join", "payload.joinMethodAndRole", "enum", "02", "join method", "00 or 01"),
    Fault(
        "read credentials", "payload.authorisingRemotePartyTACellIdentifier.trustAnchorCellKeyUsage",
        "bit-string", "80", "value", "0780",
        "payload.authorisingRemotePartyTACellIdentifier.trustAnchorCellKeyUsage.unused_bits",
    ),
    Fault(
        "new supplier", "payload.authorisingRemotePartyControl.credentialsReplacementMode", "enum", "03",
        "replacement mode", "02",
    ),
    Fault(
        "new supplier",
        "payload.authorisingRemotePartyControl.authorisingRemotePartyTACellIdentifier.trustAnchorCellRemotePartyRole",
        "enum", "03", "authorising cell", "02",
    ),
)
