"""The certificate of an unknown remote party: what each policy demands."""

from __future__ import annotations

from typing import Any

import pytest

from gbcs.errors import Check, SecurityError
from gbcs.ids import EntityId
from gbcs.security.certificates import check_path
from gbcs.security.store import Credential
from gbcs.security.supplementary import Policy, accept_supplementary
from gbcs.time import Utc
from tests.gbcs.crafted import (
    ISSUER_KEY,
    LATER,
    METER,
    METER_KA,
    ORG,
    PKI,
    SUPPLIER,
    SUPPLIER_DS,
    SUPPLIER_KA,
    organisation,
    policies,
    replaced,
    usage,
)

AGREEMENT = replaced(ORG, usage("key_agreement"))
LOOSE = organisation(replaced(AGREEMENT, policies(), False))
STRANGE = organisation(AGREEMENT, signer=PKI.store.private_key(PKI.device_issuing))
EXPIRED = Utc.of(2035, 1, 1)
ISSUERS = (PKI.organisation_issuing,)


def accept(octets: bytes, party: EntityId | None = SUPPLIER, **more: Any) -> Credential:
    values = {"root": PKI.organisation_root, "issuers": ISSUERS, "at": LATER}
    return accept_supplementary(octets, party, **{**values, **more})


def refused(*given: Any, **more: Any) -> str:
    with pytest.raises(SecurityError) as caught:
        accept(*given, **more)
    assert caught.value.check is Check.CERTIFICATE
    return caught.value.reason


@pytest.mark.parametrize("policy", Policy)
def test_a_good_certificate_passes_every_policy(policy: Policy) -> None:
    assert accept(SUPPLIER_KA.der, policy=policy).der == SUPPLIER_KA.der


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize(
    ("octets", "party"),
    [
        (b"", SUPPLIER),
        (b"\x30\x03\x02\x01\x01", SUPPLIER),
        (SUPPLIER_DS.der, SUPPLIER),
        (SUPPLIER_KA.der, METER),
        (SUPPLIER_KA.der, None),
        (PKI.organisation_issuing.der, EntityId(bytes(8))),
    ],
)
def test_what_its_use_needs_is_always_checked(policy: Policy, octets: bytes, party: EntityId | None) -> None:
    assert refused(octets, party, policy=policy)


@pytest.mark.parametrize(
    ("octets", "party", "passes"),
    [
        (LOOSE, SUPPLIER, 1),
        (METER_KA.der, METER, 1),
        (STRANGE, SUPPLIER, 2),
        (organisation(AGREEMENT, signer=ISSUER_KEY), SUPPLIER, 3),
    ],
)
def test_each_policy_demands_more(octets: bytes, party: EntityId, passes: int) -> None:
    for index, policy in enumerate(Policy):
        if index < passes:
            accept(octets, party, policy=policy)
        else:
            assert refused(octets, party, policy=policy)


@pytest.mark.parametrize(
    "more", [{"root": None}, {"issuers": ()}, {"at": EXPIRED}, {"root": PKI.device_root}]
)
def test_a_path_needs_its_issuers_and_its_time(more: dict[str, Any]) -> None:
    assert accept(SUPPLIER_KA.der, policy=Policy.PROFILE, **more)
    assert refused(SUPPLIER_KA.der, policy=Policy.PATH, **more)


def test_validity_can_be_left_out() -> None:
    assert accept(SUPPLIER_KA.der, policy=Policy.PATH, at=None)
    check_path(SUPPLIER_KA, ISSUERS, PKI.organisation_root, None)
