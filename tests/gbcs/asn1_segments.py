"""The octets of decoded ASN.1 fields, written a second time: the names decide the tags here too.

Shares no code with the project: what each name stands for is written down here once more, and
the order is that of the fields. A piece is (path, role, octets) as in `segments`.
"""

import re
from typing import Any

Piece = tuple[str, str, bytes]


def _from(*names: str) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


ROLES = _from(
    "root", "recovery", "supplier", "networkOperator", "accessControlBroker", "transitionalCoS",
    "wanProvider", "issuingAuthority", "loadController",
) | {"other": 127}  # fmt: skip
STATUS = {
    "success": 0, "badCertificate": 5, "noTrustAnchor": 10, "insufficientMemory": 17,
    "trustAnchorNotFound": 25, "resourcesBusy": 30, "other": 127,
}  # fmt: skip
DEVICES = _from(
    "gSME", "eSME", "communicationsHubCommunicationsHubFunction", "communicationsHubGasProxyFunction",
    "type1HANConnectedAuxiliaryLoadControlSwitch", "type1PrepaymentInterfaceDevice", "type2",
)  # fmt: skip
MODES = _from(
    "rootBySupplier", "rootByWanProvider", "supplierBySupplier", "networkOperatorByNetworkOperator",
    "accessControlBrokerByACB", "wanProviderByWanProvider", "transCoSByTransCoS", "supplierByTransCoS",
    "anyExceptAbnormalRootByRecovery", "anyByContingency", "loadControllerByLoadController",
    "loadControllerBySupplier",
)  # fmt: skip
JOINED = _from(
    "success", "invalidMessageCodeForJoinMethodAndRole", "invalidJoinMethodAndRole",
    "incompatibleWithExistingEntry", "deviceLogFull", "writeFailure", "keyAgreementNoResources",
    "keyAgreementUnknownIssuer", "keyAgreementUnsupportedSuite", "keyAgreementBadMessage",
    "keyAgreementBadKeyConfirm", "invalidOrMissingCertificate", "noPartnerLinkKeyReceived", "noCBKEResponse",
)  # fmt: skip
BITS = {"digitalSignature": 0, "keyAgreement": 4, "keyCertSign": 5, "cRLSign": 6}
USAGES = _from("management", "prePaymentTopUp")
WORKED = _from("success", "failure")

NAMED: dict[str, dict[str, int]] = {
    "trustAnchorCellRemotePartyRole": ROLES,
    "trustAnchorCellUsage": USAGES,
    "remotePartyRolesCredentialsRequired": ROLES,
    "remotePartyRole": ROLES,
    "otherRemotePartyRole": ROLES,
    "seqNumberUsage": _from("prepaymentTopUp"),
    "credentialsReplacementMode": MODES,
    "applyTimeBasedCPVChecks": _from("apply", "disapply"),
    "otherDeviceType": DEVICES,
    "deviceType": DEVICES,
    "joinMethodAndRole": _from("methodAInitiator", "methodAResponder", "methodB", "methodC"),
    "joinResponseCode": JOINED,
    "readLogResponseCode": _from("success", "readFailure"),
    "activateImageResponseCode": _from("success", "noImageHeld", "hashMismatch", "activationFailure"),
    "deviceTimeStatus": _from("reliable", "invalid", "unreliable"),
    "activateImage": WORKED,
    "IssueSecurityCredentials.ResponsePayload/responseCode": {
        "invalidKeyUsage": 1, "keyPairGenerationFailed": 2, "cRProductionFailed": 3,
    },
    "ProvideDeviceCertificate.ResponsePayload/responseCode": {
        "invalidKeyUsage": 1, "noCertificateHeld": 2, "certificateRetrievalFailure": 3,
    },
    "ReadFirmwareVersion.ResponsePayload/responseCode": WORKED,
    "FirmwareTransfer.AlertPayload/responseCode": _from(
        "success", "imageDiscarded", "hardwareVersionMismatch", "fileTransferFailure"
    ),
    "JoinDevice.ResponsePayload": JOINED,
    "UnjoinDevice.ResponsePayload": _from("success", "notInDeviceLog", "otherFailure"),
    "UpdateDeviceCertificate.ResponsePayload": _from(
        "success", "invalidCertificate", "wrongDeviceIdentity", "invalidKeyUsage",
        "noCorrespondingKeyPairGenerated", "wrongPublicKey", "certificateStorageFailed",
        "privateKeyChangeFailed",
    ),
}  # fmt: skip
COUNTERS = {
    "alertCode", "originatorCounter", "currentSeqNumber", "seqNumber", "otherRemotePartyFloorSeqNumber",
    "authorisingRemotePartySeqNumber", "newRemotePartyFloorSeqNumber",
}  # fmt: skip
KEY_USAGES = {"keyUsage", "trustAnchorCellKeyUsage"}
CHOICES = {
    "IssueSecurityCredentials.ResponsePayload", "ProvideDeviceCertificate.ResponsePayload",
    "ActivateFirmware.ResponsePayload",
}  # fmt: skip
# The context tags of AuthorisingRemotePartyControl.
CONTEXT = {
    "plaintextSymmetricKey": 0x80, "applyTimeBasedCPVChecks": 0x81,
    "authorisingRemotePartyTACellIdentifier": 0xA2, "authorisingRemotePartySeqNumber": 0x83,
    "newRemotePartyFloorSeqNumber": 0x84, "newRemotePartySpecialistFloorSeqNumber": 0xA5,
    "otherRemotePartySeqNumberChanges": 0xA6,
}  # fmt: skip


def names_of(payload: str, name: str) -> dict[str, int] | None:
    """The named values of a field, None where it has none."""
    return NAMED.get(f"{payload}/{name}", NAMED.get(name))


def asn1_pieces(fields: dict[str, Any]) -> list[Piece]:
    """The pieces of a payload."""
    payload = fields["asn1"]
    forms = fields.get("length_forms", {})
    value, path = fields["value"], "payload.value"
    if payload in CHOICES:
        ((name, value),) = value.items()
        path = f"{path}.{name}"
        return _element(payload, name, value, path, forms, None)
    return _element(payload, payload, value, path, forms, None)


def _element(
    payload: str, name: str, value: Any, path: str, forms: dict[str, int], tag: int | None
) -> list[Piece]:
    """Tag, length and contents of a field."""
    if isinstance(value, dict) and "der" in value:
        return [(f"{path}.der", "value", bytes.fromhex(value["der"]))]
    natural, contents = _contents(payload, name, value, path, forms)
    form = forms.get(path.removeprefix("payload."))
    size = len(b"".join(piece[2] for piece in contents))
    if form is None:
        form = 1 if size < 128 else 1 + (size.bit_length() + 7) // 8
    length = bytes((size,)) if form == 1 else bytes((0x7F + form,)) + size.to_bytes(form - 1, "big")
    return [("", "fixed", bytes((tag or natural,))), (path, "length", length), *contents]


def _contents(
    payload: str, name: str, value: Any, path: str, forms: dict[str, int]
) -> tuple[int, list[Piece]]:
    if isinstance(value, dict):
        control = "credentialsReplacementMode" in value and "authorisingRemotePartySeqNumber" in value
        control = control and name == "authorisingRemotePartyControl"
        return 0x30, [
            piece
            for key, below in value.items()
            for piece in _element(
                payload, key, below, f"{path}.{key}", forms, CONTEXT.get(key) if control else None
            )
        ]
    if isinstance(value, list):
        return 0x30, [
            piece
            for index, below in enumerate(value)
            for piece in _element(payload, name, below, f"{path}[{index}]", forms, None)
        ]
    tag, octets = _leaf(payload, name, value)
    return tag, [(path, "value", octets)]


def _leaf(payload: str, name: str, value: Any) -> tuple[int, bytes]:
    if value is None:
        return 0x05, b""
    if name in KEY_USAGES:
        return 0x03, _bits([BITS[bit] if bit in BITS else int(bit) for bit in value.split("+") if bit])
    if name == "statusCode":
        return 0x0A, _number(STATUS.get(value, value))
    if name in COUNTERS:
        return 0x02, _number(int(value, 16))
    named = names_of(payload, name)
    if named is not None:
        return 0x02, _number(named.get(value, value))
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
        return 0x18, "".join(part for part in value if part not in "-:T").encode()
    return 0x04, bytes.fromhex(value)


def _number(value: int) -> bytes:
    for width in range(1, 10):
        if -(1 << 8 * width - 1) <= value < 1 << 8 * width - 1:
            return value.to_bytes(width, "big", signed=True)
    raise AssertionError(value)


def _bits(numbers: list[int]) -> bytes:
    if not numbers:
        return b"\0"
    text = "".join("1" if bit in numbers else "0" for bit in range(max(numbers) + 1))
    unused = -len(text) % 8
    return bytes((unused,)) + int(text + "0" * unused, 2).to_bytes((len(text) + unused) // 8, "big")
