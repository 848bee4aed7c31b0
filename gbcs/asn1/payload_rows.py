"""The GBCS ASN.1 module as declarations, and which Message Code carries what.

Order, tags and values are those of the wire. The names of structures and fields are those
of the module as far as the reference knows them; the part before the dot of a payload's name
follows its use case. Source: GBCS ASN.1 module (reference: gbcs-messages 8).
"""

from __future__ import annotations

from ..ids import Kind
from .schema import (
    Asn1Type,
    BitString,
    Choice,
    Field,
    GeneralizedTime,
    Integer,
    Null,
    OctetString,
    Opaque,
    Sequence,
    SequenceOf,
)


def _optional(name: str, declared: Asn1Type, context: int | None = None) -> Field:
    return Field(name, declared, context, True)


def _numbered(*names: str) -> tuple[tuple[str, int], ...]:
    """Names of the numbers from 0."""
    return tuple((name, number) for number, name in enumerate(names))


# -- shared types (8.1) ---------------------------------------------------------------

REMOTE_PARTY_ROLE = Integer(
    "RemotePartyRole",
    (
        *_numbered(
            "root",
            "recovery",
            "supplier",
            "networkOperator",
            "accessControlBroker",
            "transitionalCoS",
            "wanProvider",
            "issuingAuthority",
            "loadController",
        ),
        ("other", 127),
    ),
)
KEY_USAGE = BitString(
    "KeyUsage", (("digitalSignature", 0), ("keyAgreement", 4), ("keyCertSign", 5), ("cRLSign", 6))
)
CELL_USAGE = Integer("CellUsage", _numbered("management", "prePaymentTopUp"))
STATUS_CODE = Integer(
    "StatusCode",
    (
        ("success", 0),
        ("badCertificate", 5),
        ("noTrustAnchor", 10),
        ("insufficientMemory", 17),
        ("trustAnchorNotFound", 25),
        ("resourcesBusy", 30),
        ("other", 127),
    ),
    enumerated=True,
)
# The number of a SAPC is not known: it shows as a number.
DEVICE_TYPE = Integer(
    "DeviceType",
    _numbered(
        "gSME",
        "eSME",
        "communicationsHubCommunicationsHubFunction",
        "communicationsHubGasProxyFunction",
        "type1HANConnectedAuxiliaryLoadControlSwitch",
        "type1PrepaymentInterfaceDevice",
        "type2",
    ),
)
SEQ_NUMBER = Integer("SeqNumber", (), 0, 2**63 - 1, 16)
# The header's Originator Counter once more: 64 bits without a sign.
ORIGINATOR_COUNTER = Integer("OriginatorCounter", (), 0, 2**64 - 1, 16)
# Ours: two octets, as alert codes have everywhere else.
ALERT_CODE = Integer("AlertCode", (), 0, 0xFFFF, 4)
ENTITY_ID = OctetString("OCTET STRING (8)", 8, 8)
KEY_ID = OctetString("OCTET STRING (8)", 8, 8)
HASH = OctetString("OCTET STRING (32)", 32, 32)
FIRMWARE_VERSION = OctetString("OCTET STRING (4)", 4, 4)
TIME = GeneralizedTime("GeneralizedTime")
NOTHING = Null("NULL")
CERTIFICATE = Opaque("Certificate")
CERTIFICATION_REQUEST = Opaque("CertificationRequest")

TRUST_ANCHOR_CELL_IDENTIFIER = Sequence(
    "TrustAnchorCellIdentifier",
    (
        Field("trustAnchorCellRemotePartyRole", REMOTE_PARTY_ROLE),
        Field("trustAnchorCellKeyUsage", KEY_USAGE),
        Field("trustAnchorCellUsage", CELL_USAGE, None, True, 0),
    ),
)
SPECIALIST_SEQ_NUMBER = Sequence(
    "SpecialistSeqNumber",
    (
        Field("seqNumberUsage", Integer("SeqNumberUsage", _numbered("prepaymentTopUp"))),
        Field("seqNumber", SEQ_NUMBER),
    ),
)
SPECIALIST_SEQ_NUMBERS = SequenceOf("SEQUENCE OF SpecialistSeqNumber", SPECIALIST_SEQ_NUMBER)
REMOTE_PARTY_SEQ_NUMBER_CHANGE = Sequence(
    "RemotePartySeqNumberChange",
    (
        Field("otherRemotePartyRole", REMOTE_PARTY_ROLE),
        Field("otherRemotePartyFloorSeqNumber", SEQ_NUMBER),
        _optional("otherRemotePartySpecialistFloorSeqNumber", SPECIALIST_SEQ_NUMBERS),
    ),
)
REMOTE_PARTY_SEQ_NUMBER_CHANGES = SequenceOf(
    "SEQUENCE OF RemotePartySeqNumberChange", REMOTE_PARTY_SEQ_NUMBER_CHANGE
)
DEVICE_LOG_ENTRY = Sequence(
    "DeviceLogEntry", (Field("deviceID", ENTITY_ID), Field("deviceType", DEVICE_TYPE))
)
DEVICE_LOG_ENTRIES = SequenceOf("SEQUENCE OF DeviceLogEntry", DEVICE_LOG_ENTRY)

# -- CS02a, CS02f: what the trust anchor cells hold (8.2) -------------------------------

TRUST_ANCHOR_CELL_CONTENTS = Sequence(
    "TrustAnchorCellContents",
    (
        Field("trustAnchorCellKeyUsage", KEY_USAGE),
        Field("trustAnchorCellUsage", CELL_USAGE, None, True, 0),
        Field("existingSubjectUniqueID", ENTITY_ID),
        Field("existingSubjectKeyIdentifier", KEY_ID),
    ),
)
REMOTE_PARTY_DETAILS = Sequence(
    "RemotePartyDetails",
    (
        Field("remotePartyRole", REMOTE_PARTY_ROLE),
        Field("statusCode", STATUS_CODE),
        _optional("currentSeqNumber", SEQ_NUMBER),
        _optional(
            "trustAnchorCellsDetails",
            SequenceOf("SEQUENCE OF TrustAnchorCellContents", TRUST_ANCHOR_CELL_CONTENTS),
        ),
    ),
)
PROVIDE_CREDENTIALS_COMMAND = Sequence(
    "ProvideSecurityCredentialDetails.CommandPayload",
    (
        Field("authorisingRemotePartyTACellIdentifier", TRUST_ANCHOR_CELL_IDENTIFIER),
        Field(
            "remotePartyRolesCredentialsRequired",
            SequenceOf("SEQUENCE OF RemotePartyRole", REMOTE_PARTY_ROLE),
        ),
    ),
)
PROVIDE_CREDENTIALS_RESPONSE = SequenceOf(
    "ProvideSecurityCredentialDetails.ResponsePayload", REMOTE_PARTY_DETAILS
)

# -- CS02b, CS02g: replacing certificates in trust anchor cells (8.3) --------------------

REPLACEMENT_MODE = Integer(
    "CredentialsReplacementMode",
    _numbered(
        "rootBySupplier",
        "rootByWanProvider",
        "supplierBySupplier",
        "networkOperatorByNetworkOperator",
        "accessControlBrokerByACB",
        "wanProviderByWanProvider",
        "transCoSByTransCoS",
        "supplierByTransCoS",
        "anyExceptAbnormalRootByRecovery",
        "anyByContingency",
        "loadControllerByLoadController",
        "loadControllerBySupplier",
    ),
)
AUTHORISING_REMOTE_PARTY_CONTROL = Sequence(
    "AuthorisingRemotePartyControl",
    (
        Field("credentialsReplacementMode", REPLACEMENT_MODE),
        _optional("plaintextSymmetricKey", OctetString("OCTET STRING"), 0),
        Field(
            "applyTimeBasedCPVChecks",
            Integer("ApplyTimeBasedCPVChecks", _numbered("apply", "disapply")),
            1,
            True,
            0,
        ),
        _optional("authorisingRemotePartyTACellIdentifier", TRUST_ANCHOR_CELL_IDENTIFIER, 2),
        Field("authorisingRemotePartySeqNumber", SEQ_NUMBER, 3),
        _optional("newRemotePartyFloorSeqNumber", SEQ_NUMBER, 4),
        _optional("newRemotePartySpecialistFloorSeqNumber", SPECIALIST_SEQ_NUMBERS, 5),
        _optional("otherRemotePartySeqNumberChanges", REMOTE_PARTY_SEQ_NUMBER_CHANGES, 6),
    ),
)
TRUST_ANCHOR_REPLACEMENT = Sequence(
    "TrustAnchorReplacement",
    (
        Field("replacementCertificate", CERTIFICATE),
        Field("targetTrustAnchorCell", TRUST_ANCHOR_CELL_IDENTIFIER),
    ),
)
REPLACEMENT_OUTCOME = Sequence(
    "ReplacementOutcome",
    (
        Field("affectedTrustAnchorCell", TRUST_ANCHOR_CELL_IDENTIFIER),
        Field("statusCode", STATUS_CODE),
        Field("existingSubjectUniqueID", ENTITY_ID),
        Field("existingSubjectKeyIdentifier", KEY_ID),
        Field("replacingSubjectUniqueID", ENTITY_ID),
        Field("replacingSubjectKeyIdentifier", KEY_ID),
    ),
)
CREDENTIALS_EXECUTION_OUTCOME = Sequence(
    "UpdateSecurityCredentials.ExecutionOutcome",
    (
        Field("authorisingRemotePartySeqNumber", SEQ_NUMBER),
        Field("credentialsReplacementMode", REPLACEMENT_MODE),
        Field("remotePartySeqNumberChanges", REMOTE_PARTY_SEQ_NUMBER_CHANGES),
        Field("replacementOutcomes", SequenceOf("SEQUENCE OF ReplacementOutcome", REPLACEMENT_OUTCOME)),
    ),
)
UPDATE_CREDENTIALS_COMMAND = Sequence(
    "UpdateSecurityCredentials.CommandPayload",
    (
        Field("authorisingRemotePartyControl", AUTHORISING_REMOTE_PARTY_CONTROL),
        Field("replacements", SequenceOf("SEQUENCE OF TrustAnchorReplacement", TRUST_ANCHOR_REPLACEMENT)),
        Field("certificationPathCertificates", SequenceOf("SEQUENCE OF Certificate", CERTIFICATE)),
        _optional("executionDateTime", TIME),
    ),
)
UPDATE_CREDENTIALS_RESPONSE = Sequence(
    "UpdateSecurityCredentials.ResponsePayload",
    (
        Field("commandAccepted", NOTHING),
        _optional("executionOutcome", CREDENTIALS_EXECUTION_OUTCOME),
    ),
)
UPDATE_CREDENTIALS_ALERT = Sequence(
    "UpdateSecurityCredentials.AlertPayload",
    (
        Field("alertCode", ALERT_CODE),
        Field("executionDateTime", TIME),
        Field("executionOutcome", CREDENTIALS_EXECUTION_OUTCOME),
    ),
)

# -- CS02c, CS02d, CS02e: the device's own certificates (8.4) ----------------------------

ISSUE_CREDENTIALS_COMMAND = Sequence(
    "IssueSecurityCredentials.CommandPayload", (Field("keyUsage", KEY_USAGE),)
)
ISSUE_CREDENTIALS_RESPONSE = Choice(
    "IssueSecurityCredentials.ResponsePayload",
    (
        Field("certificationRequest", CERTIFICATION_REQUEST),
        Field(
            "responseCode",
            Integer(
                "IssueCredentialsResponseCode",
                (("invalidKeyUsage", 1), ("keyPairGenerationFailed", 2), ("cRProductionFailed", 3)),
            ),
        ),
    ),
)
UPDATE_DEVICE_CERTIFICATE_COMMAND = Opaque("UpdateDeviceCertificate.CommandPayload")
UPDATE_DEVICE_CERTIFICATE_RESPONSE = Integer(
    "UpdateDeviceCertificate.ResponsePayload",
    _numbered(
        "success",
        "invalidCertificate",
        "wrongDeviceIdentity",
        "invalidKeyUsage",
        "noCorrespondingKeyPairGenerated",
        "wrongPublicKey",
        "certificateStorageFailed",
        "privateKeyChangeFailed",
    ),
)
PROVIDE_DEVICE_CERTIFICATE_COMMAND = Sequence(
    "ProvideDeviceCertificate.CommandPayload", (Field("keyUsage", KEY_USAGE),)
)
PROVIDE_DEVICE_CERTIFICATE_RESPONSE = Choice(
    "ProvideDeviceCertificate.ResponsePayload",
    (
        Field("certificate", CERTIFICATE),
        Field(
            "responseCode",
            Integer(
                "ProvideDeviceCertificateResponseCode",
                (("invalidKeyUsage", 1), ("noCertificateHeld", 2), ("certificateRetrievalFailure", 3)),
            ),
        ),
    ),
)

# -- CS03, CS04, CS07: joins and the device log (8.5) ------------------------------------

JOIN_RESPONSE_CODE = Integer(
    "JoinResponseCode",
    _numbered(
        "success",
        "invalidMessageCodeForJoinMethodAndRole",
        "invalidJoinMethodAndRole",
        "incompatibleWithExistingEntry",
        "deviceLogFull",
        "writeFailure",
        "keyAgreementNoResources",
        "keyAgreementUnknownIssuer",
        "keyAgreementUnsupportedSuite",
        "keyAgreementBadMessage",
        "keyAgreementBadKeyConfirm",
        "invalidOrMissingCertificate",
        "noPartnerLinkKeyReceived",
        "noCBKEResponse",
    ),
)
JOIN_COMMAND = Sequence(
    "JoinDevice.CommandPayload",
    (
        Field(
            "joinMethodAndRole",
            Integer(
                "JoinMethodAndRole", _numbered("methodAInitiator", "methodAResponder", "methodB", "methodC")
            ),
        ),
        Field("otherDeviceEntityIdentifier", ENTITY_ID),
        Field("otherDeviceType", DEVICE_TYPE),
        _optional("otherDeviceCertificate", CERTIFICATE),
    ),
)
JOIN_RESPONSE = Integer("JoinDevice.ResponsePayload", JOIN_RESPONSE_CODE.values)
UNJOIN_COMMAND = OctetString("UnjoinDevice.CommandPayload", 8, 8)
UNJOIN_RESPONSE = Integer(
    "UnjoinDevice.ResponsePayload", _numbered("success", "notInDeviceLog", "otherFailure")
)
READ_LOG_COMMAND = Null("ReadDeviceLog.CommandPayload")
READ_LOG_RESPONSE = Sequence(
    "ReadDeviceLog.ResponsePayload",
    (
        Field("readLogResponseCode", Integer("ReadLogResponseCode", _numbered("success", "readFailure"))),
        _optional("deviceLogEntries", DEVICE_LOG_ENTRIES),
    ),
)

# -- CS06: activating firmware (8.6) -----------------------------------------------------

FIRMWARE_EXECUTION_OUTCOME = Sequence(
    "ActivateFirmware.ExecutionOutcome",
    (
        Field(
            "activateImageResponseCode",
            Integer(
                "ActivateImageResponseCode",
                _numbered("success", "noImageHeld", "hashMismatch", "activationFailure"),
            ),
        ),
        Field("firmwareVersion", FIRMWARE_VERSION),
    ),
)
ACTIVATE_FIRMWARE_COMMAND = Sequence(
    "ActivateFirmware.CommandPayload",
    (
        Field("manufacturerImageHash", HASH),
        Field("originatorCounter", ORIGINATOR_COUNTER),
        _optional("executionDateTime", TIME),
    ),
)
ACTIVATE_FIRMWARE_RESPONSE = Choice(
    "ActivateFirmware.ResponsePayload",
    (Field("commandAccepted", NOTHING), Field("executionOutcome", FIRMWARE_EXECUTION_OUTCOME)),
)
ACTIVATE_FIRMWARE_ALERT = Sequence(
    "ActivateFirmware.AlertPayload",
    (
        Field("alertCode", ALERT_CODE),
        Field("executionDateTime", TIME),
        Field("originatorCounter", ORIGINATOR_COUNTER),
        Field("executionOutcome", FIRMWARE_EXECUTION_OUTCOME),
    ),
)

# -- the rest (8.7) ----------------------------------------------------------------------

SET_CLOCK_COMMAND = Sequence(
    "SetClock.CommandPayload", (Field("validityIntervalStart", TIME), Field("validityIntervalEnd", TIME))
)
SET_CLOCK_RESPONSE = Sequence(
    "SetClock.ResponsePayload",
    (
        Field("deviceTime", TIME),
        Field(
            "deviceTimeStatus", Integer("DeviceTimeStatus", _numbered("reliable", "invalid", "unreliable"))
        ),
    ),
)
RESTORE_LOG_COMMAND = Sequence(
    "RestoreGPFDeviceLog.CommandPayload", (Field("deviceLogEntries", DEVICE_LOG_ENTRIES),)
)
# The names of the two components of an outcome are ours: the reference gives only their types.
RESTORE_OUTCOME = Sequence(
    "RestoreOutcome",
    (Field("deviceLogEntry", DEVICE_LOG_ENTRY), Field("joinResponseCode", JOIN_RESPONSE_CODE)),
)
RESTORE_LOG_RESPONSE = Sequence(
    "RestoreGPFDeviceLog.ResponsePayload",
    (Field("restoreOutcomes", SequenceOf("SEQUENCE OF RestoreOutcome", RESTORE_OUTCOME)),),
)
BACKUP_LOG_ALERT = Sequence(
    "BackupGPFDeviceLog.AlertPayload",
    (
        Field("alertCode", ALERT_CODE),
        Field("backupDateTime", TIME),
        Field("deviceLogEntries", DEVICE_LOG_ENTRIES),
    ),
)
READ_FIRMWARE_VERSION_COMMAND = Null("ReadFirmwareVersion.CommandPayload")
READ_FIRMWARE_VERSION_RESPONSE = Sequence(
    "ReadFirmwareVersion.ResponsePayload",
    (
        Field("firmwareVersion", FIRMWARE_VERSION),
        Field("responseCode", Integer("ReadFirmwareResponseCode", _numbered("success", "failure"))),
    ),
)
FIRMWARE_ACTIVATION_ALERT = Sequence(
    "FirmwareActivation.AlertPayload",
    (
        Field("alertCode", ALERT_CODE),
        Field("executionDateTime", TIME),
        Field("firmwareVersion", FIRMWARE_VERSION),
        Field("activateImage", Integer("ActivateImage", _numbered("success", "failure"))),
    ),
)
FIRMWARE_TRANSFER_ALERT = Sequence(
    "FirmwareTransfer.AlertPayload",
    (
        Field("alertCode", ALERT_CODE),
        Field("executionDateTime", TIME),
        Field("deviceID", ENTITY_ID),
        Field("firmwareVersion", FIRMWARE_VERSION),
        Field(
            "responseCode",
            Integer(
                "FirmwareTransferResponseCode",
                _numbered("success", "imageDiscarded", "hardwareVersionMismatch", "fileTransferFailure"),
            ),
        ),
    ),
)

# -- which message carries what ------------------------------------------------------------

_JOIN: tuple[Asn1Type, Asn1Type] = (JOIN_COMMAND, JOIN_RESPONSE)
_UNJOIN: tuple[Asn1Type, Asn1Type] = (UNJOIN_COMMAND, UNJOIN_RESPONSE)
_PROVIDE: tuple[Asn1Type, Asn1Type] = (PROVIDE_CREDENTIALS_COMMAND, PROVIDE_CREDENTIALS_RESPONSE)
_UPDATE: tuple[Asn1Type, Asn1Type] = (UPDATE_CREDENTIALS_COMMAND, UPDATE_CREDENTIALS_RESPONSE)

_COMMANDS: dict[int, tuple[Asn1Type, Asn1Type]] = {
    0x0008: _PROVIDE,
    0x000A: (ISSUE_CREDENTIALS_COMMAND, ISSUE_CREDENTIALS_RESPONSE),
    0x000B: (UPDATE_DEVICE_CERTIFICATE_COMMAND, UPDATE_DEVICE_CERTIFICATE_RESPONSE),
    0x000C: (PROVIDE_DEVICE_CERTIFICATE_COMMAND, PROVIDE_DEVICE_CERTIFICATE_RESPONSE),
    0x000D: _JOIN,
    0x000E: _JOIN,
    0x000F: _UNJOIN,
    0x0010: _UNJOIN,
    0x0012: (ACTIVATE_FIRMWARE_COMMAND, ACTIVATE_FIRMWARE_RESPONSE),
    0x0013: (READ_LOG_COMMAND, READ_LOG_RESPONSE),
    0x007F: (SET_CLOCK_COMMAND, SET_CLOCK_RESPONSE),
    0x008C: (RESTORE_LOG_COMMAND, RESTORE_LOG_RESPONSE),
    0x00AB: _JOIN,
    0x00AF: _JOIN,
    # modes 0 to 9; the command of 0109 and both kinds of 0100 and 0101 have no sample
    **dict.fromkeys(range(0x0100, 0x010A), _UPDATE),
    0x011B: _PROVIDE,
    0x0125: _UPDATE,
    0x0126: _UPDATE,
    0x0129: (READ_FIRMWARE_VERSION_COMMAND, READ_FIRMWARE_VERSION_RESPONSE),
}
_ALERTS: dict[int, Asn1Type] = {
    0x00B2: BACKUP_LOG_ALERT,
    0x00CA: ACTIVATE_FIRMWARE_ALERT,
    0x00CB: UPDATE_CREDENTIALS_ALERT,
    0x0124: UPDATE_CREDENTIALS_ALERT,
    0x0128: FIRMWARE_TRANSFER_ALERT,
    0x012B: FIRMWARE_ACTIVATION_ALERT,
}

PAYLOADS: dict[tuple[int, Kind], Asn1Type] = {
    **{(code, Kind.PRECOMMAND): command for code, (command, _) in _COMMANDS.items()},
    **{(code, Kind.COMMAND): command for code, (command, _) in _COMMANDS.items()},
    **{(code, Kind.RESPONSE): response for code, (_, response) in _COMMANDS.items()},
    **{(code, Kind.ALERT): alert for code, alert in _ALERTS.items()},
}
