"""Rules by name: document, section, what it says (see `rules`)."""

from __future__ import annotations

GREEN_BOOK = "DLMS Green Book"
# fmt: off
ROWS: tuple[tuple[str, str, str, str], ...] = (
    # the envelope
    ("mac-header", "GBCS", "7.2 general-ciphering (reference: gbcs-messages 2.2)", "The MAC Header is DD, five empty fields and no key-info, then security control 11 and an invocation counter of zero."),
    ("grouping-header", "GBCS", "7.2 general-signing (reference: gbcs-messages 2.3)", "The Grouping Header is DF, the transaction-id, both identifiers, date-time, other-information and content."),
    ("identity", "GBCS", "7.2.7 (reference: gbcs-messages 2.3)", "The transaction-id is the CRA Flag and the Originator Counter; with both identifiers it makes a message unique."),
    ("length", "GBCS", "7.2.5, IEC 62056-6-2 A-XDR (reference: gbcs-messages 2.1)", "A length takes one octet up to 7F, else 81 nn or 82 nn nn, and no more octets than it needs."),
    ("header-date-time", "GBCS", "9.1 (reference: gbcs-messages 2.5)", "Only responses of some use cases carry a date-time: UTC, no day of week, no hundredths, deviation 8000."),
    ("other-information", "GBCS", "7.2.7 (reference: gbcs-messages 2.4)", "other-information is the Message Code, then a supplementary party, its counter, and a counter or a certificate."),
    ("envelope", "GBCS", "7.2 (reference: gbcs-messages 2)", "A message is MAC Header, Grouping Header, payload, signature and MAC, and nothing after it."),
    ("signature", "GBCS", "5.3 (reference: gbcs-messages 5.1)", "The signature is ECDSA P-256 with SHA-256 over the Grouping Header after its tag and the payload: r and s, 64 octets."),
    ("mac", "GBCS", "5.4 (reference: gbcs-messages 5.2)", "The MAC is the 12 octets of AES-128-GCM over 11 0000000000, Grouping Header, payload and signature."),
    ("encryption", "GBCS", "5.5 (reference: gbcs-messages 5.3)", "A protected value is 31 00000000, the ciphertext and a tag of 12 octets, under the key of device and reader."),
    ("protection", "GBCS", "4.2 (reference: gbcs-messages 4.1)", "Critical commands are signed and MACed, critical responses and alerts signed, all others MACed."),
    ("block-transfer", "GBCS", "general block transfer (reference: gbcs-messages 9)", "DD 09 begins a fragment of a message, not a message."),
    ("use-case-table", "GBCS", "mapping table, section 19 and following (reference: gbcs-messages 0)", "A Message Code belongs to one use case, which has the kinds of message of its row."),
    ("counters", "GBCS", "4.3.1 (reference: gbcs-messages 3)", "Originator Counters grow; a use case that repeats the counter in its payload repeats that of the header."),
    ("future-dating", "GBCS", "9.2.2 (reference: gbcs-messages 10)", "All activation times of a command are equal."),
    ("alert", "GBCS", "use-case pages of alerts (reference: gbcs-messages 6.3, 7.2 and 12)", "An alert carries its code, the time, and what its use case adds."),
    ("component", "GBCS", "use-case mapping tables", "A payload has the components of its use case, in their order."),
    # DLMS
    ("apdu", GREEN_BOOK, "access service as profiled by GBCS (reference: dlms-payloads 1)", "A payload is one access-request, access-response or data-notification, whole."),
    ("invoke-id", GREEN_BOOK, "access service as profiled by GBCS (reference: dlms-payloads 1.1)", "long-invoke-id-and-priority is 20 and the low 24 bits of the Originator Counter."),
    ("access-request", GREEN_BOOK, "access-request (reference: dlms-payloads 2)", "As many specifications as data; a get has null-data."),
    ("access-response", GREEN_BOOK, "access-response (reference: dlms-payloads 3)", "As many data as results; only success has data; after a failure every item is 250."),
    ("data-notification", GREEN_BOOK, "data-notification (reference: dlms-payloads 8)", "The body is a structure of alert code, time stamp and what the use case adds."),
    ("a-xdr", GREEN_BOOK, "A-XDR Data, IEC 62056-6-2 (reference: dlms-payloads 4)", "A datum is its tag, the length or count where the type has one, and the value."),
    ("compact-array", GREEN_BOOK, "compact-array (reference: dlms-payloads 4.1)", "A type description, the octets of the contents, the entries without tags."),
    ("selective-access", "DLMS Blue Book", "class 7 range_descriptor (reference: dlms-payloads 5)", "Access selector 1 restricts by the clock; both bounds belong to the range."),
    ("data-protection", "DLMS Blue Book", "class 30 Data protection (reference: dlms-payloads 6)", "Protection parameters name 04 and the counter, originator and recipient of the message."),
    ("date-time", GREEN_BOOK, "date-time, date and time as octet-strings (reference: dlms-payloads 7)", "year, month, day, day of week, hour, minute, second, hundredths, deviation, status."),
    # GBZ
    ("gbz", "GBCS", "7.2 GBZ payload (reference: gbz-payloads 2)", "Profile 0109, the number of components, the components."),
    ("extended-header", "GBCS", "7.2 GBZ extended header (reference: gbz-payloads 2.1)", "Bit 0 marks the last component, bit 1 an encrypted one, bit 4 a From Date Time; the length is that of what follows."),
    ("additional-header", "GBCS", "7.2 GBZ additional header (reference: gbz-payloads 2.3)", "Control 00 and a frame counter that counts the encrypted components from 0."),
    ("from-date-time", "GBCS", "7.2 GBZ From Date Time (reference: gbz-payloads 2.2)", "Big-endian UTC seconds since 2000, in commands only."),
    ("gbz-alert", "GBCS", "7.2 GBZ alert (reference: gbz-payloads 7)", "Profile 0109, 00 or 01, alert code, UTC seconds, content."),
    ("zcl-header", "ZigBee Cluster Library", "ZCL header (reference: gbz-payloads 2.3)", "Frame control, transaction sequence number, command; components of a command count from 0, an answer repeats the number."),
    ("zcl-general", "ZigBee Cluster Library", "general commands (reference: gbz-payloads 3)", "Attribute records to the end of the payload; little-endian."),
    ("zcl-type", "ZigBee Cluster Library", "data types (reference: gbz-payloads 1 and 3)", "Numbers are little-endian, strings have a length octet."),
    # ASN.1
    ("asn1", "GBCS ASN.1 module", "payloads (reference: gbcs-messages 8)", "The elements of the module in their order, with their tags."),
    ("der", "ITU-T X.690", "DER (reference: gbcs-messages 8.0)", "Tag, least length, contents; numbers have the least octets."),
    ("der-bits", "ITU-T X.690", "11.2.2 (reference: gbcs-messages 8.0)", "Named bits have no zeros at their end."),
    ("der-time", "ITU-T X.690", "GeneralizedTime (reference: gbcs-messages 8.0)", "YYYYMMDDHHMMSSZ, 15 characters, UTC."),
    ("der-default", "ITU-T X.690", "DEFAULT (reference: gbcs-messages 8.0)", "A component that has its default value is left out."),
    ("certificate", "RFC 5280", "Certificate", "An X.509 certificate in DER, whole."),
    ("certification-request", "PKCS #10", "CertificationRequest", "A signing request in DER, whole."),
    ("credentials-mode", "GBCS", "use cases CS02b and CS02g (reference: gbcs-messages 8.3)", "The Message Code says the replacement mode, the mode says who authorises and how it is protected."),
    ("join-method", "GBCS", "use case CS03 (reference: gbcs-messages 8.5)", "The Message Code says the join methods it may have."),
    ("unknown", "smets", "nothing", "No rule of the tables covers these octets."),
)
# fmt: on
