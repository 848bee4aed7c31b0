"""New certificates of parties and devices: once a meter took them, everybody speaks with them."""

import pytest

from gbcs.ids import CellUsage, EntityId, KeyUsage, Role
from hil.home import Home
from hil.runner import Result, Runner
from hil.scenario import ScenarioError, parse_scenario
from smets.store import MemoryStore
from tests.hil.homes import HOME, METER, READ, command, failures, run, step
from tests.hil.test_scenario import check

DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
SUPPLIER = EntityId.parse("90B3D51F00000011")
DEVICE = EntityId.parse("00DB123456780001")
OTHERS = """[[party]]
name = "other supplier"
role = "supplier"
id = "90-B3-D5-1F-00-00-00-21"
[[party]]
name = "change of supplier"
role = "transitionalCoS"
id = "90-B3-D5-1F-00-00-00-15"
"""
WHOLE = HOME + OTHERS + METER
ALL = ("digitalSignature", "keyAgreement", "prePaymentTopUp")
CRITICAL = command("ECS42")
SECRET = command("ECS19", equals="{ PrepaymentBalanceCollection = [0, 0, 0, 0, 0, 0] }")


def replacing(
    *uses: str, which: str = "new certificate:supplier", code: str = "0102", at: str = "", **keys: str
) -> str:
    """Update Security Credentials of the supplier's cells."""
    role = "transitionalCoS" if code == "0107" else "supplier"
    rows = []
    for use in uses:
        usage = "digitalSignature" if use == "digitalSignature" else "keyAgreement"
        target = cell("supplier", usage) + (f', trustAnchorCellUsage = "{use}"' if use == ALL[2] else "")
        rows.append(f'{{ replacementCertificate = "{which}/{use}", targetTrustAnchorCell = {{ {target} }} }}')
    authorising = f"{{ authorisingRemotePartyTACellIdentifier = {{ {cell(role, ALL[0])} }} }}"
    values = {
        "authorisingRemotePartyControl": authorising,
        "certificationPathCertificates": '["certificate:authority"]',
        "replacements": f"[{', '.join(rows)}]",
    }
    if at:
        values["executionDateTime"] = f'"{at}"'
    return command(code, set=f"{{ {', '.join(f'{k} = {v}' for k, v in values.items())} }}", **keys)


def cell(role: str, usage: str) -> str:
    return f'trustAnchorCellRemotePartyRole = "{role}", trustAnchorCellKeyUsage = "{usage}"'


def renewing(use: str) -> str:
    """A new key pair of the meter, and its certificate."""
    return command("CS02c", set=f'{{ keyUsage = "{use}" }}') + command(
        "CS02d", set=f'{{ certificate = "requested certificate:meter/{use}" }}'
    )


def keys_of(home: Home, entity: EntityId) -> list[bytes]:
    uses = ((DS, CellUsage.MANAGEMENT), (KA, CellUsage.MANAGEMENT), (KA, CellUsage.PREPAYMENT_TOP_UP))
    found = (home.keys.find(entity, *use) for use in uses)
    return [one.point for one in found if one is not None]


@pytest.mark.parametrize("uses", [ALL[:1], ALL[1:2], ALL], ids=["signature", "agreement", "all"])
def test_a_supplier_with_new_certificates(uses: tuple[str, ...]) -> None:
    made, results = run(WHOLE + replacing(*uses) + CRITICAL + SECRET + READ)
    assert failures(results) == []
    before, after = (keys_of(home, SUPPLIER) for home in (run(WHOLE)[0].home, made.home))
    assert [old != new for old, new in zip(before, after, strict=True)] == [use in uses for use in ALL]
    everything = [one.point for one in made.home.keys.all()]
    assert set(before) | set(after) <= set(everything)
    assert {c.entity for c in made.home.keys.with_role(Role.SUPPLIER, DS)} >= {SUPPLIER}


def test_a_token_of_a_new_key() -> None:
    top_up = (
        step(token='"one"', pounds="1", **{"from": '"supplier"'}, to='"meter"')
        + command("CS01a", values='["token:one"]')
        + command("ECS19", reads="{ PrepaymentBalanceCollection = { meter_balance = 100_000 } }")
    )
    _, results = run(WHOLE + replacing("prePaymentTopUp") + top_up)
    assert failures(results) == []


def test_twice() -> None:
    made, results = run(WHOLE + (replacing(*ALL) + CRITICAL) * 2 + SECRET)
    assert failures(results) == []
    assert (
        len({tuple(keys_of(home, SUPPLIER)) for home in (made.home, run(WHOLE + replacing(*ALL))[0].home)})
        == 2
    )


def test_certificates_that_count_from_a_moment_on() -> None:
    text = (
        replacing(*ALL, at="2026-01-01T01:00:00Z")
        + CRITICAL
        + step(wait="2026-01-01T01:00:10Z", alerts='["8F66"]')
        + CRITICAL
        + SECRET
    )
    made, results = run(WHOLE + text)
    assert failures(results) == []
    assert keys_of(made.home, SUPPLIER) != keys_of(run(WHOLE)[0].home, SUPPLIER)


def test_a_change_of_supplier() -> None:
    by_change = {"which": "certificate:other supplier", "code": "0107", "sender": "change of supplier"}
    _, results = run(
        WHOLE
        + replacing(*ALL, **by_change)
        + CRITICAL.replace('"supplier"', '"other supplier"')
        + SECRET.replace('"supplier"', '"other supplier"')
        + command("ECS42", expect='"refused"')
    )
    assert failures(results) == []


@pytest.mark.parametrize("use", ALL[:2])
def test_a_meter_with_a_new_certificate(use: str) -> None:
    made, results = run(WHOLE + renewing(use) + CRITICAL + SECRET + READ + renewing(use) + READ)
    assert failures(results) == []
    before, after = (keys_of(home, DEVICE) for home in (run(WHOLE)[0].home, made.home))
    assert [old != new for old, new in zip(before, after, strict=True)] == [one == use for one in ALL[:2]]


def test_what_a_meter_refuses_is_not_learned() -> None:
    wrong = replacing("keyAgreement").replace('Role = "supplier"', 'Role = "networkOperator"')
    made, results = run(WHOLE + wrong + CRITICAL + SECRET + READ)
    assert not results[0].passed
    assert [result.passed for result in results[1:]] == [True] * 3
    assert keys_of(made.home, SUPPLIER) == keys_of(run(WHOLE)[0].home, SUPPLIER)


def test_a_certificate_nobody_asked_for() -> None:
    with pytest.raises(ScenarioError, match="asked for no such certificate"):
        run(WHOLE + command("CS02d", set='{ certificate = "requested certificate:meter/keyAgreement" }'))


def test_a_home_that_goes_on_knows_what_it_learned() -> None:
    stores: dict[str, MemoryStore] = {}

    def store(name: str) -> MemoryStore:
        return stores.setdefault(name, MemoryStore())

    def results(text: str) -> list[Result]:
        scenario = parse_scenario(WHOLE + text, "test.toml")
        return list(Runner(scenario, Home(scenario, store)))

    assert failures(results(replacing("keyAgreement") + renewing("digitalSignature"))) == []
    assert failures(results(CRITICAL + SECRET)) == []
    assert failures(results(replacing(*ALL) + CRITICAL + SECRET)) == []
    assert failures(results(CRITICAL + SECRET + READ)) == []


WRONG = [
    ("new certificate:shop/keyAgreement", "no party is called 'shop'"),
    (
        "new certificate:supplier/signing",
        "'signing' is none of digitalSignature, keyAgreement",
    ),
    ("certificate:supplier", "'supplier' is none of digitalSignature"),
    ("requested certificate:supplier/keyAgreement", "no device is called 'supplier'"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_certificate_that_cannot_be(text: str, message: str) -> None:
    step_text = command("CS02d", set=f'{{ certificate = "{text}" }}')
    check(WHOLE + step_text, "set = ", f"step.set: {message}")


def test_a_certificate_where_none_belongs() -> None:
    text = command("ECS16", values='["certificate:authority", "text:x"]')
    check(WHOLE + text, "values = ", "step.values: certificates stand in values by name, in set")
