"""What a scenario says of real devices: which files it takes, and that errors name key and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gbcs.ids import EntityId, KeyUsage
from gbcs.pki import TestPki
from gbcs.security.folder import write_folder
from gbcs.time import Utc
from hil.han_choice import HanChoice
from hil.home import Home
from hil.homes import on_radio
from hil.monikers import Moniker, MonikerError
from hil.scenario import Scenario, ScenarioError, emulated, load_scenario, parse_scenario
from smets.han.install_code import InstallCode
from smets.han.suites import Suite
from smets.han.test_ca import TestCa
from tests.hil.homes import METER, READ, step
from tests.hil.real import HUB_ID, INSTALL_CODE, METER_ID, device_side, hub_text


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the home's scenario lies, and besides files that are wrong in it."""
    folder = tmp_path_factory.mktemp("real")
    device_side(folder)
    known = folder / "known"
    start, other = Utc.of(2026, 1, 1), EntityId.parse("00-DB-12-34-56-78-00-09")
    pki = TestPki.create(b"other", start)
    pki.device(other)
    write_folder(pki.store, known / "other")
    (known / "signing.der").write_bytes(_der(known / "signing.pem"))
    (known / "text").write_text("nothing")
    (known / "none").mkdir()
    (known / "long").write_bytes(bytes(70_000))
    hub = EntityId.parse(HUB_ID)
    for name, credential in (
        ("one.cbke", TestCa(Suite.SUITE_1, b"x", start).issue(hub)),
        ("other.cbke", TestCa(Suite.SUITE_2, b"x", start).issue(other)),
    ):
        (known / name).write_text(credential.text(), encoding="ascii")
    mine, others = ((known / f"{who}.cbke").read_text("ascii").splitlines() for who in ("hub", "device"))
    mine[2] = others[2]  # the private key
    (known / "mixed.cbke").write_text("\n".join(mine), encoding="ascii")
    public = known / "public"
    public.mkdir()
    for path in (known / "keys").glob("*.pem"):
        (public / path.name).write_bytes(path.read_bytes())
    return known


def _der(path: Path) -> bytes:
    from gbcs.security.certificates import read_certificate

    return read_certificate(path.read_bytes()).der


def test_what_is_read(known: Path) -> None:
    text = hub_text(join=120, answer=2.5) + READ
    scenario = parse_scenario(text, "x.toml", known)
    (meter,) = scenario.devices
    assert meter.real is not None
    assert scenario.is_real
    assert meter.install_code == bytes.fromhex(INSTALL_CODE)
    assert (meter.real.join_seconds, meter.real.answer_seconds) == (120, 2.5)
    assert meter.real.signing.usage is KeyUsage.DIGITAL_SIGNATURE
    assert meter.real.agreement.usage is KeyUsage.KEY_AGREEMENT
    assert scenario.hub.cbke is not None
    assert scenario.hub.cbke.subject == scenario.hub.gpf == EntityId.parse(HUB_ID)
    shown = repr(scenario)
    assert INSTALL_CODE.lower() not in shown.lower()
    assert str(scenario.hub.cbke.private) not in shown
    assert repr(meter.install_code) not in shown


def test_a_file_is_looked_for_beside_the_scenario(known: Path) -> None:
    path = known / "beside.toml"
    path.write_text(hub_text() + READ, encoding="utf-8")
    real = load_scenario(path).devices[0].real
    assert real is not None
    assert real.signing.der == _der(known / "signing.pem")
    assert real.agreement.der == _der(known / "key-agreement.pem")


def test_a_certificate_in_der_and_an_install_code_with_its_crc(known: Path) -> None:
    label = InstallCode(bytes.fromhex(INSTALL_CODE)).label()
    (meter,) = parse_scenario(hub_text(signing="signing.der", code=label), "x", known).devices
    assert meter.install_code == bytes.fromhex(INSTALL_CODE)
    assert meter.real is not None
    assert meter.real.signing.der == _der(known / "signing.pem")


BROKEN: list[tuple[str, str, str, str]] = [
    # what is replaced, by what, the line's text, the rest of the message
    ('"signing.pem"', '"none.pem"', "signing_c", "device.signing_certificate: none.pem: No such file or dir"),
    ('"signing.pem"', '"none"', "signing_c", "device.signing_certificate: none: Is a directory"),
    ('"signing.pem"', '"text"', "signing_c", "device.signing_certificate: text: "),
    ('"signing.pem"', '"long"', "signing_c", "device.signing_certificate: long: longer than 65536 octets"),
    (
        '"signing.pem"',
        '"key-agreement.pem"',
        "signing_c",
        "device.signing_certificate: key-agreement.pem: a certificate for key agreement, not for digital sig",
    ),
    (
        '"signing.pem"',
        '"other/00db123456780009-ds.pem"',
        "signing_c",
        "device.signing_certificate: other/00db123456780009-ds.pem: the certificate of 00DB123456780009, no",
    ),
    (
        '"signing.pem"',
        '"keys/90b3d51f00000011-ds.pem"',
        "signing_c",
        "device.signing_certificate: keys/90b3d51f00000011-ds.pem: the certificate of 90B3D51F00000011, not ",
    ),
    ('signing_certificate = "signing.pem"', "", "[[device]]", "device.signing_certificate: is missing"),
    ("key_agreement_certificate", "certificate", "[[device]]", "device.key_agreement_certificate: is missin"),
    ('"keys"', '"nowhere"', "keys = ", "device.keys: "),
    ('"keys"', '"none"', "keys = ", "device.keys: "),
    ('"keys"', '"public"', "keys = ", "device.keys: the key agreement key of broker is not there: no comm"),
    ('"keys"', '"other"', "keys = ", "device.keys: the key agreement key of broker is not there: no comma"),
    ('keys = "keys"', "", "[[device]]", "device.keys: is missing"),
    (
        'role = "supplier"',
        'role = "loadController"',
        "keys = ",
        "device.keys: supplier is loadController in this file, supplier there",
    ),
    ("join_seconds = 60", "join_seconds = 0", "join_seconds = 0", "device.join_seconds: 1 to 3600"),
    ("join_seconds = 60", "join_seconds = 3601", "join_sec", "device.join_seconds: 1 to 3600"),
    ("answer_seconds = 20", "answer_seconds = 0", "answer_s", "device.answer_seconds: more than 0, at most"),
    ("answer_seconds = 20", "answer_seconds = nan", "answer_s", "device.answer_seconds: more than 0"),
    (f'install_code = "{INSTALL_CODE}"', "", "[[device]]", "device.install_code: is missing"),
    (INSTALL_CODE, INSTALL_CODE + "0000", "install_code", "device.install_code: the CRC does not fit"),
    (INSTALL_CODE, INSTALL_CODE[2:], "install_code", "device.install_code: 16 octets are needed, or as many"),
    (
        'kind = "real"',
        'kind = "real"\nradio = "tcp:x:1"',
        "radio = ",
        "device.radio: a real device has its own",
    ),
    ('kind = "real"\n', "", "signing_c", "device.signing_certificate: is not a key of this table"),
    ('"tcp:127.0.0.1:9"', '"virtual:"', 'kind = "real"', "device.kind: real devices need a hub on a stick"),
    ('type = "ESME"', 'type = "GSME"', 'type = "GSME"', "device.type: GSME is not built yet"),
    ('"hub.cbke"', '"none.cbke"', "cbke = ", "hub.cbke: none.cbke: No such file or directory"),
    ('"hub.cbke"', '"text"', "cbke = ", "hub.cbke: text: CA Pub Key: missing"),
    ('"hub.cbke"', '"long"', "cbke = ", "hub.cbke: long: longer than 65536 octets"),
    ('"hub.cbke"', '"one.cbke"', "cbke = ", "hub.cbke: one.cbke: of suite 1, but the home area network"),
    (
        '"hub.cbke"',
        '"other.cbke"',
        "cbke = ",
        "hub.cbke: other.cbke: issued to 00DB123456780009, not to",
    ),
    ('"hub.cbke"', '"device.cbke"', "cbke = ", f"hub.cbke: device.cbke: issued to {METER_ID}, not to"),
    ('"hub.cbke"', '"mixed.cbke"', "cbke = ", "hub.cbke: mixed.cbke: certificate, private key and CA key do"),
]


@pytest.mark.parametrize(("old", "new", "line", "message"), BROKEN, ids=[b[1] or b[0] for b in BROKEN])
def test_a_broken_scenario(known: Path, old: str, new: str, line: str, message: str) -> None:
    text = hub_text() + READ
    assert old in text
    text = text.replace(old, new, 1)
    if old == 'type = "ESME"':
        text = text.replace("ESME", "GSME")
    check(text, known, line, message)


def check(text: str, folder: Path, line: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "x.toml", folder)
    match = re.fullmatch(r"x\.toml line (\d+): (.*)", str(caught.value))
    assert match, str(caught.value)
    assert match[2].startswith(message), match[2]
    assert text.splitlines()[int(match[1]) - 1].startswith(line), match[0]


@pytest.mark.parametrize(
    "what",
    [
        {"power": '"lost"'},
        {"metrology": "{ import_wh = 1 }"},
        {"action": '"enable supply"'},
        {"fault": "[1, 250]"},
    ],
    ids=str,
)
def test_nothing_but_commands_is_done_to_a_real_device(known: Path, what: dict[str, str]) -> None:
    text = hub_text() + step(**what, to='"meter"')
    check(text, known, 'to = "meter"', "step.to: meter is real: what happens to it is not in our hands")


# -- radios -------------------------------------------------------------------------------


@pytest.fixture
def scenario(known: Path) -> Scenario:
    return parse_scenario(hub_text() + METER.replace("00-01", "00-A1").replace('"m', '"own m'), "x", known)


def test_a_real_device_needs_no_stick(scenario: Scenario) -> None:
    chosen = HanChoice.parse(["hub=serial:/dev/one", "own meter=serial:/dev/two"]).on(scenario)
    assert [d.radio for d in chosen.devices] == [scenario.devices[0].radio, Moniker("serial", "/dev/two")]
    with pytest.raises(MonikerError, match="no node is called 'meter', only hub, own meter"):
        HanChoice.parse(["hub=serial:/dev/one", "own meter=serial:/dev/two", "meter=serial:/dev/3"]).on(
            scenario
        )


@pytest.mark.parametrize("radio", ["memory:", "virtual:"])
def test_no_simulated_radio_reaches_it(scenario: Scenario, radio: str) -> None:
    with pytest.raises(MonikerError, match="reaches no real device"):
        on_radio(scenario, Moniker.parse(radio))


def test_an_emulated_device_by_its_name(scenario: Scenario) -> None:
    assert emulated(scenario, "own meter") is scenario.devices[1]
    with pytest.raises(ScenarioError, match="meter is real: nothing is emulated of it"):
        emulated(scenario, "meter")
    with pytest.raises(ScenarioError, match="no emulated device is called 'x', only own meter"):
        emulated(scenario, "x")


# -- keys ---------------------------------------------------------------------------------


def test_the_key_folder_comes_first(scenario: Scenario) -> None:
    """Its parties have its certificates in the cells of all; what it does not hold is made."""
    real = scenario.devices[0].real
    assert real is not None
    home = Home(scenario)
    assert set(home.stations) == {"own meter"}
    for party in scenario.parties:
        held = home.keys.find(party.entity, KeyUsage.DIGITAL_SIGNATURE)
        assert held is not None
        assert held == real.keys.find(party.entity, KeyUsage.DIGITAL_SIGNATURE)
        assert home.keys.private_key(held) is not None
    assert home.keys.find(EntityId.parse(METER_ID), KeyUsage.DIGITAL_SIGNATURE) == real.signing
    assert home.keys.private_key(real.signing) is None
    cells = [der for key, der in home.stations["own meter"].device.observe(home.now).scan("cell/")]
    known = {credential.der for credential in real.keys.all()}
    assert cells
    assert set(cells) <= known
