"""One link and the path to the trust anchor."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from gbcs.errors import Check, ParseError, SecurityError
from gbcs.ids import KeyUsage, Role
from gbcs.security.certificates import (
    check_certificate,
    check_path,
    profile_faults,
    read_certificate,
)
from gbcs.security.folder import FolderKeyStore
from gbcs.security.store import Credential
from gbcs.time import Utc
from tests.gbcs.crafted import (
    EVER,
    ISS,
    KEY,
    LATER,
    METER_DS,
    METER_KA,
    ORG,
    PARTY,
    PKI,
    START,
    SUPPLIER,
    SUPPLIER_DS,
    SUPPLIER_KA,
    SUPPLIER_PP,
    aki,
    craft,
    organisation,
    replaced,
    ski,
    unique_id,
    unit,
    usage,
)

# --- one link --------------------------------------------------------------------------


def refused(credential: Credential, issuer: Credential, at: Utc | None = LATER) -> str:
    with pytest.raises(SecurityError) as caught:
        check_certificate(credential, issuer, at)
    assert caught.value.check is Check.CERTIFICATE
    return caught.value.reason


def test_links_of_both_hierarchies_hold() -> None:
    for credential in (SUPPLIER_DS, SUPPLIER_KA, SUPPLIER_PP):
        check_certificate(credential, PKI.organisation_issuing, LATER)
    for credential in (METER_DS, METER_KA):
        check_certificate(credential, PKI.device_issuing, LATER)
    check_certificate(PKI.organisation_issuing, PKI.organisation_root, LATER)
    check_certificate(PKI.device_issuing, PKI.device_root, LATER)
    check_certificate(PKI.organisation_root, PKI.organisation_root, LATER)


def test_validity_counts_its_first_and_last_second() -> None:
    end = Utc.of(2034, 2, 28, 23, 59, 59)
    for at in (START, end, end.plus(us=999_999)):
        check_certificate(SUPPLIER_DS, PKI.organisation_issuing, at)
    assert refused(SUPPLIER_DS, PKI.organisation_issuing, START.plus(us=-1)) == "not valid yet"
    assert refused(SUPPLIER_DS, PKI.organisation_issuing, end.plus(1)) == "expired"


def test_time_checks_can_be_left_out() -> None:
    check_certificate(SUPPLIER_DS, PKI.organisation_issuing, None)
    assert refused(SUPPLIER_DS, PKI.device_issuing, None)


def test_a_device_certificate_never_expires() -> None:
    check_certificate(METER_DS, PKI.device_issuing, Utc.of(9999, 12, 31, 23, 59, 59))


def test_only_an_authority_issues() -> None:
    assert "no certification authority" in refused(SUPPLIER_KA, SUPPLIER_DS)


def test_an_authority_must_be_meant_for_certificates() -> None:
    extensions = replaced(ISS, usage("digital_signature"))
    signer = read_certificate(craft([unit("07"), unique_id(SUPPLIER)], extensions, end=EVER))
    leaf = craft(PARTY, replaced(ORG, aki(signer.key_id), False), issuer=signer, signer=KEY)
    assert "no certification authority" in refused(read_certificate(leaf), signer)


def test_the_issuers_name_must_match() -> None:
    name = PKI.organisation_root.certificate.subject
    assert "another name" in refused(
        read_certificate(organisation(issuer_name=name)), PKI.organisation_issuing
    )
    # The same text in another string type is another name.
    issuer_name = PKI.organisation_issuing.certificate.subject
    utf8 = x509.Name([x509.NameAttribute(a.oid, a.value, _ASN1Type.UTF8String) for a in issuer_name])
    assert "another name" in refused(
        read_certificate(organisation(issuer_name=utf8)), PKI.organisation_issuing
    )


def test_the_authority_key_identifier_must_match() -> None:
    other = read_certificate(organisation(replaced(ORG, aki(bytes(8)))))
    assert "key identifier" in refused(other, PKI.organisation_issuing)
    none = replaced(ORG, None, kind=x509.AuthorityKeyIdentifier)
    assert "key identifier" in refused(read_certificate(organisation(none)), PKI.organisation_issuing)


def test_a_self_signed_root_may_leave_the_identifier_out() -> None:
    name = [unit("00")]
    extensions = replaced(ISS, None, kind=x509.AuthorityKeyIdentifier)
    root = read_certificate(craft(name, extensions, issuer_name=x509.Name(name), signer=KEY))
    check_certificate(root, root, LATER)


def test_the_signature_must_be_the_issuers() -> None:
    assert refused(read_certificate(organisation(signer=KEY)), PKI.organisation_issuing) == (
        "signature not by the issuer"
    )
    assert "SHA-256" in refused(read_certificate(organisation(digest=SHA384())), PKI.organisation_issuing)
    # One bit of the signed part: the last octet of the entity identifier.
    der = bytearray(SUPPLIER_DS.der)
    der[SUPPLIER_DS.der.rindex(SUPPLIER) + 7] ^= 1
    assert refused(read_certificate(bytes(der)), PKI.organisation_issuing) == "signature not by the issuer"


def test_the_inner_signature_algorithm_is_not_another() -> None:
    oid = bytes.fromhex("06082A8648CE3D0403")
    der = bytearray(SUPPLIER_DS.der)
    der[SUPPLIER_DS.der.index(oid) + len(oid)] = 3  # ecdsa-with-SHA384 inside only
    assert refused(read_certificate(bytes(der)), PKI.organisation_issuing) == "signature not by the issuer"


# --- paths -----------------------------------------------------------------------------


def authority(
    number: int, issuer: Credential, signer: Any, path_length: int | None
) -> tuple[Credential, Any]:
    key = ec.derive_private_key(1000 + number, ec.SECP256R1())
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (usage("key_cert_sign", "crl_sign"), True),
        (x509.BasicConstraints(True, path_length), True),
        (ski(key), False),
        (aki(issuer.key_id), False),
    ]
    subject = [unit("07"), x509.NameAttribute(NameOID.COMMON_NAME, f"N{number}")]
    der = craft(subject, extensions, key=key, issuer=issuer, signer=signer)
    return read_certificate(der), key


def chain(root_limit: int | None, length: int) -> tuple[Credential, list[Credential], Credential]:
    """An end certificate, its `length` authorities from below, and the root."""
    name = [unit("00")]
    extensions = replaced(ISS, x509.BasicConstraints(True, root_limit))
    root = read_certificate(craft(name, extensions, issuer_name=x509.Name(name), signer=KEY))
    issuer, signer, path = root, KEY, []
    for number in range(length):
        issuer, signer = authority(number, issuer, signer, None)
        path.insert(0, issuer)
    end = organisation(replaced(ORG, aki(issuer.key_id), False), issuer=issuer, signer=signer)
    return read_certificate(end), path, root


def path_refused(*arguments: Any) -> str:
    with pytest.raises(SecurityError) as caught:
        check_path(*arguments)
    assert caught.value.check is Check.CERTIFICATE
    return caught.value.reason


def test_a_path_leads_to_the_root() -> None:
    check_path(SUPPLIER_DS, [PKI.organisation_issuing], PKI.organisation_root, LATER)
    check_path(METER_DS, [PKI.organisation_issuing, PKI.device_issuing], PKI.device_root, LATER)
    check_path(PKI.organisation_issuing, [], PKI.organisation_root, LATER)
    check_path(PKI.organisation_root, [], PKI.organisation_root, LATER)


def test_an_issuing_authority_may_be_the_anchor() -> None:
    check_path(SUPPLIER_DS, [], PKI.organisation_issuing, LATER)
    check_path(SUPPLIER_DS, [PKI.organisation_issuing], PKI.organisation_issuing, LATER)


def test_no_path() -> None:
    assert path_refused(SUPPLIER_DS, [], PKI.organisation_root, LATER) == "no path to the trust anchor"
    assert path_refused(SUPPLIER_DS, [PKI.organisation_issuing], PKI.device_root, LATER) == (
        "no path to the trust anchor"
    )
    # A self-signed authority in the path leads nowhere, and not for ever.
    path = [PKI.organisation_issuing, PKI.organisation_root]
    assert path_refused(SUPPLIER_DS, path, PKI.device_root, LATER) == "no path to the trust anchor"


@pytest.mark.parametrize(
    ("limit", "length", "good"), [(None, 4, True), (2, 2, True), (2, 3, False), (0, 1, False)]
)
def test_the_path_length_limit(limit: int | None, length: int, good: bool) -> None:
    end, path, root = chain(limit, length)
    if good:
        check_path(end, path, root, LATER)
        check_path(end, path[::-1], root, LATER)
    else:
        assert "longer" in path_refused(end, path, root, LATER)


def test_every_link_of_a_path_is_checked() -> None:
    end, path, root = chain(None, 2)
    for place in range(2):
        der = bytearray(path[place].der)
        der[-1] ^= 1  # the low octet of s
        broken = [*path]
        broken[place] = read_certificate(bytes(der))
        assert path_refused(end, broken, root, LATER) == "signature not by the issuer"
    assert path_refused(end, path, root, START.plus(-1)) == "not valid yet"


def test_a_wrong_anchor_with_the_right_identifier_is_refused() -> None:
    forged = dataclasses.replace(PKI.device_root, key_id=PKI.organisation_root.key_id)
    assert "another name" in path_refused(SUPPLIER_DS, [PKI.organisation_issuing], forged, LATER)


# --- the reference -----------------------------------------------------------------------


def embedded(octets: bytes) -> Iterator[Credential]:
    """Every certificate inside a message, wherever it stands."""
    for place in range(len(octets) - 4):
        if octets[place : place + 2] == b"\x30\x82":
            length = 4 + int.from_bytes(octets[place + 2 : place + 4], "big")
            with contextlib.suppress(ParseError):
                yield read_certificate(octets[place : place + length])


def test_reference_certificates_come_from_the_issuing_authority_in_its_messages(reference: Path) -> None:
    messages = reference / "rtds" / "messages"
    found = [
        credential
        for path in sorted(messages.glob("*CS02bACBByACB*/*_SUCCESS_COMMAND_GBCS.HEX"))
        for credential in embedded(bytes.fromhex(path.read_text().strip()))
    ]
    issuing = [c for c in found if c.usage is KeyUsage.KEY_CERT_SIGN]
    replacements = [c for c in found if c.usage is not KeyUsage.KEY_CERT_SIGN]
    assert issuing
    assert replacements
    anchor, at = issuing[0], Utc.of(2020, 1, 1)
    assert (anchor.role, profile_faults(anchor)) == (Role.ISSUING_AUTHORITY, ())
    held = [c for c in FolderKeyStore(reference / "rtds" / "keystore").all() if c.role is not None]
    refusals = set()
    for credential in [*held, *replacements]:
        try:
            check_path(credential, issuing, anchor, at)
        except SecurityError:
            refusals.add(str(credential.entity))
    # Only the load controller's, made by hand, are not its work.
    assert refusals == {"90B3D51F30010008"}
    assert len(held) == 15
    for credential in held:
        with pytest.raises(SecurityError):
            check_path(credential, issuing, anchor, Utc.of(2015, 1, 1))
