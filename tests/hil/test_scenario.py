"""Scenario files: what is read, and that every error names the key and the line."""

import datetime
import re
import tomllib

import pytest

from gbcs.ids import DeviceType, EntityId, Role
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW, Utc
from hil.memory_link import LinkOptions
from hil.monikers import Moniker
from hil.scenario import ScenarioError, load_scenario, parse_scenario
from hil.scenario_file import key_lines
from smets.events import Metrology, PowerLost, UserAction
from tests.hil.homes import DEFAULT, HOME, METER, READ, ROOT, SHIPPED, command, meter, step

WHOLE = HOME + METER + READ


def test_the_default_scenario() -> None:
    scenario = load_scenario(None)
    assert scenario == parse_scenario(SHIPPED, "default scenario")
    assert scenario.radio == Moniker("virtual")
    assert len(scenario.steps) >= 25
    for one in scenario.steps:
        text = (
            DEFAULT if not one.file else (ROOT / f"hil/scenarios/{one.file}.toml").read_text(encoding="utf-8")
        )
        assert text.splitlines()[one.line - 1] == "[[step]]"
    assert {one.file for one in scenario.steps} == {"", "prepayment", "tariff"}
    assert [one.number for one in scenario.steps] == list(range(1, len(scenario.steps) + 1))


def test_what_is_read() -> None:
    text = WHOLE.replace('radio = "memory:"', 'radio = "memory:?loss=0.1"') + "".join(
        (
            meter(
                1, 'radio = "memory:"\nvariant = "twin"\ninstall_code = "30313233343536373839414243444546"\n'
            ),
            step(wait="1.5"),
            step(metrology="{ import_wh = 5, voltage_v = [230, 231, 232], power_w = -7 }", to='"meter"'),
            step(metrology="{ secondary_wh = 6, power_w = 9, secondary_power_w = 8 }", to='"meter"'),
            step(action='"enable supply"', to='"meter"', alerts='["8f32"]'),
            step(power='"lost"', to='"hub"'),
            command(
                "ECS16",
                values='["hex:00FF", "text:A", "plain", "now", "never", "null", true, 5]',
                tamper='"repeat"',
            ),
            command("0037", within="[2026-01-01T00:00:00Z, 820542600]", equals="{ A = [1, [2]] }"),
            command("ECS52", to="00-DB-12-34-56-78-00-99", expect='"undeliverable"'),
            command("ECS38", values="[1]", expect="[250, 0]"),
        )
    )
    scenario = parse_scenario(text, "x.toml")
    assert scenario.name == "x.toml"
    assert scenario.start == Utc.of(2026, 1, 1)
    assert scenario.hub.name == "hub"
    assert [party.role for party in scenario.parties][:2] == [Role.SUPPLIER, Role.NETWORK_OPERATOR]
    first, second = scenario.devices
    assert (first.type, first.variant, first.link.loss) == (DeviceType.ESME, "single", 0.1)
    assert (second.variant, second.link, second.install_code[:4]) == ("twin", LinkOptions(), b"0123")
    assert scenario.outsiders == (EntityId.parse("00-DB-12-34-56-78-00-99"),)
    read, wait, metrology, twin, action, power, values, within, _, codes = scenario.steps
    assert (read.what, read.alerts, read.expect) == (
        "ECS52 Read ESME/SAPC/Comms Hub Firmware Version",
        None,
        "success",
    )
    assert (wait.wait, wait.what) == (1.5, "wait 1.5 s")
    assert metrology.event == Metrology(import_wh=5, power_w=-7, voltage_v=(230, 231, 232))
    assert twin.event == Metrology(secondary_wh=6, power_w=9, secondary_power_w=8)
    assert (action.event, action.alerts) == (UserAction("enable supply"), ("8F32",))
    assert power.event == PowerLost()
    assert values.values == (b"\0\xff", b"A", "plain", ACTIVATE_NOW, ACTIVATE_NEVER, None, True, 5)
    assert within.within == (820540800, 820542600)
    assert within.equals == {"A": (1, (2,))}
    assert codes.expect == (250, 0)


BROKEN: list[tuple[str, str, str, str]] = [
    # what is replaced, by what, the line's text, the rest of the message
    ("spec = 1", "spec = 2", "spec = 2", "spec: 2 is not read, only 1"),
    ("spec = 1\n", "", "[home]", "spec: is missing"),
    ("spec = 1", 'spec = "1"', 'spec = "1"', "spec: a number is needed"),
    ("spec = 1", "spec = true", "spec = true", "spec: a number is needed"),
    ("spec = 1", "spec = 1\ncolour = 2", "colour = 2", "colour: is not a key of this table"),
    ('seed = "s"', "seed = 5", "seed = 5", "home.seed: a text is needed"),
    ('seed = "s"', "speed = 5", "speed = 5", "home.speed: is not a key of this table"),
    ('seed = "s"', 'name = ""', 'name = ""', "home.name: one line of text is needed"),
    ('seed = "s"', 'name = "a\\nb"', 'name = "a\\nb"', "home.name: one line of text is needed"),
    ("00:00:00Z", "00:00:00", "start = 2026-01-01T00:00:00", "home.start: needs an offset, for instance Z"),
    ("2026-01-01T00:00:00Z", "2026-01-01", "start = 2026-01-01", "home.start: a date and time is needed"),
    ("2026-01", "0001-01", "start = 0001-01-01T00:00:00Z", "home.start: has to lie between"),
    ("2026-01", "9999-01", "start = 9999-01-01T00:00:00Z", "home.start: has to lie between"),
    ('"memory:"', '"memory:?loss=2"', 'radio = "memory:?loss=2"', "home.radio: loss is out of range: 2"),
    ('"memory:"', '"replay:x"', 'radio = "replay:x"', "home.radio: replay: is not built yet"),
    (
        "[hub]",
        '[hub]\nradio = "serial:/dev/ttyUSB0"',
        'radio = "serial:/dev/ttyUSB0"',
        "hub.radio: serial: and memory: do not hear each other",
    ),
    ('"memory:"', "5", "radio = 5", "home.radio: a text is needed"),
    ("chf = ", "fch = ", "[hub]", "hub.chf: is missing"),
    ("00-02", "00", 'chf = "00-DB-12-34-56-78-00"', "hub.chf: an entity identifier has 8 octets, not 7"),
    ("00-02", "00-zz", 'chf = "00-DB-12-34-56-78-00-zz"', "hub.chf: not an entity identifier"),
    ('0-03"', '0-02"', 'gpf = "00-DB-12-34-56-78-00-02"', "hub.gpf: the gas proxy function has another"),
    ("[hub]", '[hub]\nkind = "real"', 'kind = "real"', "hub.kind: a real hub is not built yet"),
    ("[hub]", '[hub]\nkind = "virtual"', 'kind = "virtual"', "hub.kind: 'virtual' is none of emulated, real"),
    ("[hub]", '[hub]\nradio = "memory:?loss=1"', 'radio = "memory:?loss=1"', "hub.radio: options belong"),
    ("[hub]", '[hub]\nname = "bench"', 'name = "bench"', "hub.name: bench stands for something else"),
    (
        'role = "supplier"',
        'role = "shop"',
        'role = "shop"',
        "party.role: 'shop' is none of recovery, supplier",
    ),
    ('role = "supplier"', 'role = "root"', 'role = "root"', "party.role: 'root' is none of"),
    ("accessControlBroker", "wanProvider", "spec = 1", "party: one with role accessControlBroker is missing"),
    ('name = "network operator"', 'name = "supplier"', 'name = "supplier"', "party.name: supplier stands"),
    ("00-00-00-12", "00-00-00-11", 'id = "90-B3-D5-1F-00-00-00-11"', "party.id: 90B3D51F00000011 stands"),
    ("00-00-00-12", "00-00-00", 'id = "90-B3-D5-1F-00-00-00"', "party.id: an entity identifier has 8"),
    ('type = "ESME"', 'type = "GSME"', 'type = "GSME"', "device.type: GSME is not built yet"),
    ('type = "ESME"', 'type = "esme"', 'type = "esme"', "device.type: 'esme' is none of GSME, ESME"),
    ('type = "ESME"', 'variant = "single"', "[[device]]", "device.type: is missing"),
    ('type = "ESME"', 'type = "ESME"\nvariant = "triple"', 'variant = "triple"', "device.variant: 'triple'"),
    ('type = "ESME"', 'type = "ESME"\nkind = "real"', 'kind = "real"', "device.kind: real devices need"),
    ('type = "ESME"', 'type = "ESME"\ninstall_code = "00"', 'install_code = "00"', "device.install_code: 16"),
    (
        'type = "ESME"',
        'type = "ESME"\ninstall_code = "x"',
        'install_code = "x"',
        "device.install_code: not hex",
    ),
    ('name = "meter"', 'name = "hub"', 'name = "hub"', "device.name: hub stands for something else already"),
    ('name = "meter"', 'name = "WAN"', 'name = "WAN"', "device.name: WAN stands for something else already"),
    ("78-00-01", "78-00-02", 'id = "00-DB-12-34-56-78-00-02"', "device.id: 00DB123456780002 stands for"),
    ("00-DB-12-34-56-78-00-01", "0000000000000000", 'id = "0000000000000000"', "device.id: 0000000000000000"),
    ('"ECS52"', '"ECS999"', 'command = "ECS999"', "step.command: no use case is called 'ECS999'"),
    ('"ECS52"', '"CS02b"', 'command = "CS02b"', "step.command: CS02b has several Message Codes"),
    ('"ECS52"', '"GCS13a"', 'command = "GCS13a"', "step.command: GCS13a is not built yet"),
    ('"ECS52"', '"CS05a"', 'command = "CS05a"', "step.command: CS05a is not built yet"),
    ('"ECS52"', '"0100"', 'command = "0100"', "step.command: CS02b (0100) needs the assumption"),
    ('"ECS52"', '"CS02a"', "[[step]]", "step.roles: roles are needed"),
    ('"ECS52"', "52", "command = 52", "step.command: a text is needed"),
    ('"ECS52"', '""', 'command = ""', "step.command: one line of text is needed"),
    ('command = "ECS52"', "", "[[step]]", "step: a step has one of command, wait, metrology, action, power"),
    ('from = "supplier"', 'from = "shop"', 'from = "shop"', "step.from: no party is called 'shop'"),
    ('from = "supplier"', "", "[[step]]", "step.from: is missing"),
    ('to = "meter"', 'to = "other"', 'to = "other"', "step.to: no device is called 'other'"),
    ('to = "meter"', 'to = "90B3D51F00000011"', 'to = "90B3D51F00000011"', "step.to: 90B3D51F00000011 is a"),
    ('to = "meter"', "", "[[step]]", "step.to: is missing"),
]
# added to the step, which then has the error
STEP: list[tuple[str, str]] = [
    ("wait = 5", "step.wait: a step has one of command, wait"),
    ('on_behalf_of = "shop"', "step.on_behalf_of: no party is called 'shop'"),
    ('variant = "x"', "step.command: ECS52 x is not built yet"),
    ("values = [1]", "step.values: more values than items"),
    ("values = 1", "step.values: a list is needed"),
    ("values = [1.5]", "step.values: 1.5 cannot stand for a value"),
    ('values = ["hex:0"]', "step.values: not hex digits: 'hex:0'"),
    ('values = ["text:é"]', "step.values: not ASCII: 'text:é'"),
    ("values = [{ a = 1 }]", "step.values: {'a': 1} cannot stand for a value"),
    ("within = [1]", "step.within: a list of two times is needed"),
    ("within = [1, 2, 3]", "step.within: a list of two times is needed"),
    ('within = ["a", "b"]', "step.within: a list of two times is needed"),
    ('roles = ["root"]', "step.roles: ECS52 takes none"),
    ("roles = [1]", "step.roles: a list of texts is needed"),
    ("roles = [[1]]", "step.roles: a list of texts is needed"),
    ("alerts = [8]", "step.alerts: a list of texts is needed"),
    ('alerts = "8F32"', "step.alerts: a list is needed"),
    ('tamper = "wrong"', "step.tamper: 'wrong' is none of repeat, old counter, wrong signature"),
    ('tamper = "wrong signature"', "step.tamper: ECS52 carries no signature"),
    ('expect = "failure"', "step.expect: success, refused, undeliverable, repeat or a list of result codes"),
    ('expect = ["a"]', "step.expect: success, refused"),
    ("expect = [true]", "step.expect: success, refused"),
    ("expect = { a = 1 }", "step.expect: success, refused"),
    ("equals = [1]", "step.equals: a table is needed"),
    ("equals = { A = 1.5 }", "step.equals: 1.5 cannot stand for a value"),
    ('title = ""', "step.title: one line of text is needed"),
    ('title = "a\\u001bb"', "step.title: one line of text is needed"),
    ("colour = 1", "step.colour: is not a key of this table"),
]
EVENTS: list[tuple[str, str, str]] = [
    # a whole step, the line that is named, the message
    ("wait = 0", "wait = 0", "step.wait: more than 0 seconds"),
    ("wait = -1", "wait = -1", "step.wait: more than 0 seconds"),
    ("wait = inf", "wait = inf", "step.wait: more than 0 seconds"),
    ("wait = nan", "wait = nan", "step.wait: more than 0 seconds"),
    ("wait = 1e300", "wait = 1e300", "step.wait: more than 0 seconds"),
    ('wait = "1"', 'wait = "1"', "step.wait: a number is needed"),
    ('wait = 1\nto = "meter"', 'to = "meter"', "step.to: is not a key of this table"),
    ('wait = 1\nfrom = "supplier"', 'from = "supplier"', "step.from: is not a key of this table"),
    ('metrology = { }\nto = "hub"', 'to = "hub"', "step.to: no device is called 'hub'"),
    ('metrology = { import_kwh = 1 }\nto = "meter"', "metrology = ", "step.metrology.import_kwh: is none of"),
    (
        'metrology = { import_wh = -1 }\nto = "meter"',
        "metrology = ",
        "step.metrology.import_wh: whole numbers",
    ),
    (
        'metrology = { import_wh = 1.5 }\nto = "meter"',
        "metrology = ",
        "step.metrology.import_wh: whole numbers",
    ),
    ('metrology = { power_w = "5" }\nto = "meter"', "metrology = ", "step.metrology.power_w: whole numbers"),
    (
        'metrology = { voltage_v = [] }\nto = "meter"',
        "metrology = ",
        "step.metrology.voltage_v: whole numbers",
    ),
    (
        'metrology = { voltage_v = [1, true] }\nto = "meter"',
        "metrology = ",
        "step.metrology.voltage_v: whole",
    ),
    ('metrology = 5\nto = "meter"', "metrology = 5", "step.metrology: a table is needed"),
    ('action = "dance"\nto = "meter"', 'action = "dance"', "step.action: 'dance' is none of enable supply"),
    ('action = "enable supply"', "[[step]]", "step.to: is missing"),
    ('action = "enable supply"\nto = "hub"', 'to = "hub"', "step.to: no device is called 'hub'"),
    ('action = "enable supply"\nto = "00DB123456780099"', 'to = "00DB', "step.to: no device is called"),
    ('fault = [1]\nto = "meter"', "fault = ", "step.fault: a list of an item"),
    ('fault = [1, 256]\nto = "meter"', "fault = ", "step.fault: a list of an item"),
    ('power = "low"\nto = "meter"', 'power = "low"', "step.power: 'low' is none of lost, restored"),
    ('power = "lost"\nto = "00DB123456780099"', 'to = "00DB', "step.to: no device is called"),
    ('power = "lost"\nto = "meter"\nexpect = "success"', "expect = ", "step.expect: is not a key"),
]


def check(text: str, line: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "x.toml")
    said = str(caught.value)
    match = re.fullmatch(r"x\.toml line (\d+): (.*)", said)
    assert match, said
    assert match[2].startswith(message), said
    assert text.splitlines()[int(match[1]) - 1].startswith(line), said


@pytest.mark.parametrize(("old", "new", "line", "message"), BROKEN, ids=[b[1] or b[0] for b in BROKEN])
def test_a_broken_scenario(old: str, new: str, line: str, message: str) -> None:
    assert old in WHOLE
    head, _, tail = WHOLE.rpartition(old) if old.startswith(("type", "command")) else WHOLE.partition(old)
    check(head + new + tail, line, message)


@pytest.mark.parametrize(("added", "message"), STEP, ids=[s[0] for s in STEP])
def test_a_broken_step(added: str, message: str) -> None:
    line = "[[step]]" if message.startswith("step.command") else added
    line = 'command = "ECS52"' if message.startswith("step.command") else line
    check(WHOLE + added + "\n" + READ, line, message)


@pytest.mark.parametrize(("body", "line", "message"), EVENTS, ids=[e[0] for e in EVENTS])
def test_a_broken_event(body: str, line: str, message: str) -> None:
    check(HOME + METER + READ + "[[step]]\n" + body + "\n", line, message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[hub]", "[hub", "x.toml: Expected"),
        ("spec = 1", "spec = 1\nspec = 1", "x.toml: Cannot overwrite a value"),
        ("spec = 1", f"spec = {'9' * 5000}", "x.toml: "),
        ("spec = 1", "spec = " + "[" * 10_000, "x.toml: "),
        ("spec = 1", "spec = \x00", "x.toml: "),
    ],
)
def test_what_is_no_toml(old: str, new: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(WHOLE.replace(old, new), "x.toml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spec = 1\nhub = 5", "x.toml line 2: hub: a table is needed"),
        ("spec = 1\nhome = []\n[hub]", "x.toml line 2: home: a table is needed"),
        ("spec = 1\ndevice = [1]\n[hub]", "x.toml line 2: device: a table is needed"),
        ("spec = 1\n[hub]\n[device]", "x.toml line 3: device: a list is needed"),
        ("spec = 1", "x.toml line 1: hub: is missing"),
        ("", "x.toml line 1: spec: is missing"),
    ],
)
def test_what_is_no_table(text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(message)):
        parse_scenario(text, "x.toml")


def test_the_sixteenth_device() -> None:
    text = HOME + "".join(meter(number) for number in range(15))
    assert len(parse_scenario(text, "x.toml").devices) == 15
    check(text + meter(15), "[[device]]", "device: a hub has room for 15 devices and its gas proxy function")


def test_lines_are_found_whatever_the_layout() -> None:
    text = WHOLE + (
        "values = [\n  [1],\n  [2],\n]\n# [home]\n'on_behalf_of' = '''\nbroker'''\nequals.A = 1.5\n"
        '\n[[ step ]] # another\ntitle = """\\\n  [[step]]\\\n  """\n  wait  =  "x"\n'
    )
    lines = key_lines(text)
    own = text.splitlines()
    assert own[lines[("step", 0, "values")] - 1] == "values = ["
    assert own[lines[("step", 0, "on_behalf_of")] - 1] == "'on_behalf_of' = '''"
    assert own[lines[("step", 0, "equals", "A")] - 1] == "equals.A = 1.5"
    assert own[lines[("step", 1)] - 1] == "[[ step ]] # another"
    assert own[lines[("step", 1, "wait")] - 1] == '  wait  =  "x"'
    assert ("step", 2) not in lines


def test_every_key_of_the_default_scenario_has_its_line() -> None:
    lines = key_lines(DEFAULT)
    own = DEFAULT.splitlines()
    for table in ("party", "device", "step"):
        for index, values in enumerate(tomllib.loads(DEFAULT)[table]):
            for key in values:
                assert own[lines[(table, index, key)] - 1].startswith(f"{key} = ")


def test_windows_line_ends() -> None:
    text = WHOLE.replace("\n", "\r\n")
    assert parse_scenario(text, "x") == parse_scenario(WHOLE, "x")


def test_a_date_in_values_is_a_date_time() -> None:
    text = HOME + METER + command("ECS28a", values="[true, 1, 1, 1" + ", 2026-01-01T02:00:00+01:00" * 4 + "]")
    values = parse_scenario(text, "x").steps[0].values
    moment = Utc.from_datetime(datetime.datetime(2026, 1, 1, 1, tzinfo=datetime.UTC))
    assert values[4] == moment.to_cosem()
