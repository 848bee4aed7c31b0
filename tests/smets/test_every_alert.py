"""Every row of the event table that names the ESME is raised, logged and masked as it says.

THE table is `TRIGGERS`: what makes a meter raise each code. To add one, write its row; an area with
many of them has a module of its own, as `power_triggers`. A
trigger begins with a fresh meter, everything configurable switched on, and its `run` gives the effects
of what it does; the code has to come `times` times in all, whatever else comes. Test ids of rows whose
attributes the reference infers from sibling codes say so.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from gbcs.asn1.credentials import CellIdentifier
from gbcs.asn1.own_credentials import issue_command_octets, read_issue_response, update_command_octets
from gbcs.asn1.replacement import Replacement, ReplacementCommand
from gbcs.asn1.replacement import command_octets as replacement_octets
from gbcs.firmware import Activation
from gbcs.ids import EntityId, KeyUsage, Role
from gbcs.message import OtherInformation
from gbcs.security.requests import read_request
from smets.alerts import AlertCode, alert_table
from smets.behaviours.alert_settings import BITS, SETTINGS
from smets.behaviours.clock import WAS_SET
from smets.behaviours.firmware import NewImage
from smets.behaviours.power_events import FAULTS
from smets.behaviours.tamper import ROWS as TAMPERS
from smets.events import (
    Effect,
    HubTime,
    RemotePartyMessage,
    TimerDue,
)
from smets.local_alerts import AudibleAlarm, HanAlert
from smets.sensing import Attack, Condition, Fault
from smets.values import Value
from tests.smets.homes import (
    ENTITIES,
    METER,
    PKI,
    STRANGER,
    SUPPLIER,
    Home,
    alerts_in,
    maced,
    remade,
    set_clock_parameter,
)
from tests.smets.partner_triggers import PARTNERS
from tests.smets.power_triggers import CURRENT, POWER
from tests.smets.prepayment_triggers import PREPAID
from tests.smets.triggers import Run, Trigger, bad, commands, then

GENERIC = {True: 0x1000, False: 0x1001}
LOGS = {"event": "EventLog", "security": "SecurityLog", "power": "PowerEventLog"}


# -- credit, clock, refused commands ------------------------------------------------------

PREPAYMENT: dict[str, Value] = {"PaymentMode": (2, 2), "MeterBalance": 1000}
EMERGENCY: dict[str, Value] = {
    **PREPAYMENT,
    "MeterBalance": 1,
    "EmergencyCreditLimit": 10,
    "EmergencyCreditBalance": 10,
    "EmergencyCreditThreshold": 5,
}


def hub_ahead(seconds: int) -> Run:
    """The hub's time differs from the meter's."""
    return lambda home: home.handle(HubTime(home.now.plus(seconds)))


def set_clock(seconds: int) -> Run:
    """Set Clock with an interval of a minute, the hub so many seconds ahead."""

    def run(home: Home) -> Iterable[Effect]:
        home.handle(HubTime(home.now.plus(seconds)))
        reply = home.run("ECS70", [set_clock_parameter(home.now)])
        assert not any(reply.results)
        return reply.effects

    return run


def never_set(home: Home) -> Iterable[Effect]:
    """The same, of a clock that nobody set before."""
    work = home.work
    work.put(WAS_SET, None)
    work.commit()
    return set_clock(60)(home)


def in_future(home: Home) -> Iterable[Effect]:
    """Four values that become active in an hour."""
    reply = home.run("ECS28a", when=home.now.plus(3600).to_cosem())
    assert not any(reply.results)
    home.wait(3600)
    return home.handle(TimerDue())


def wrong_mac(home: Home) -> object:
    return maced(home.make("ECS43"), bytes(32))


def unsupported(home: Home) -> object:
    return remade(home.make("ECS10"), other=OtherInformation(0x0B0B))


def without_template(home: Home) -> object:
    return remade(home.make("ECS10"), payload=home.make("ECS43").payload)


# -- credentials and firmware ---------------------------------------------------------------

DIGEST = bytes(32)
IMAGE, SPOILT = NewImage(DIGEST, bytes(4)), NewImage(DIGEST, bytes(4), genuine=False)


def asked(home: Home, name: str, payload: bytes) -> tuple[Effect, ...]:
    """A DER command; who asks does not look at the answer."""
    return home.handle(RemotePartyMessage(home.make(name, payload=payload).octets))


def not_certified(usage: KeyUsage) -> Run:
    """A certificate comes back that the meter made no new key for."""

    def run(home: Home) -> Iterable[Effect]:
        (own,) = (c for c in PKI.device(METER) if c.usage is usage)
        return asked(home, "CS02d", update_command_octets(own.der))

    return run


def certified(usage: KeyUsage) -> Run:
    """A key is made, and its certificate comes back."""

    def run(home: Home) -> Iterable[Effect]:
        reply = home.run("CS02c", payload=issue_command_octets(usage))
        assert reply.response is not None
        request = read_request(read_issue_response(reply.response.payload))  # type: ignore[arg-type]
        return asked(
            home, "CS02d", update_command_octets(PKI.certify_device(METER, usage, request.public_key).der)
        )

    return run


def refreshed(home: Home) -> Iterable[Effect]:
    """The supplier replaces its certificates."""
    new = PKI.organisation(Role.SUPPLIER, SUPPLIER, generation=1)
    cells = [CellIdentifier(Role.SUPPLIER, c.usage, c.cell_usage) for c in new]
    command = ReplacementCommand(
        2,
        home.counter + 1,
        tuple(Replacement(c.der, cell) for c, cell in zip(new, cells, strict=True)),
        (PKI.organisation_issuing.der,),
        authorising=cells[0],
    )
    return asked(home, "0102", replacement_octets(command))


def activated(home: Home) -> Iterable[Effect]:
    """An image comes and is activated."""
    home.handle(IMAGE)
    return asked(home, "CS06", Activation(DIGEST, home.counter + 1).octets())


def activated_without_image(home: Home) -> Iterable[Effect]:
    """An activation in an hour, when there is no image."""
    at = home.now.plus(3600)
    assert asked(home, "CS06", Activation(DIGEST, home.counter + 1, at).octets())
    home.wait(3600)
    return home.handle(TimerDue())


# -- the table ----------------------------------------------------------------------------

TRIGGERS: dict[int, Trigger] = {
    # voltage, power, tamper, load limiting, findings about itself
    **POWER,
    # joins, auxiliary controllers, user interface
    **PARTNERS,
    # credit, debt, tokens
    **PREPAID,
    # clock
    0x8145: Trigger(hub_ahead(5)),
    0x8F0C: Trigger(hub_ahead(60)),
    0x81C6: Trigger(set_clock(61)),
    0x8F69: Trigger(never_set),
    # supply and credit
    0x81AB: Trigger(commands(("ECS09", None)), EMERGENCY),
    0x8F0F: Trigger(commands(("ECS04a", [-1000])), PREPAYMENT),
    0x8F32: Trigger(commands(("ECS43", None), ("ECS44", None))),
    # billing
    0x8F0A: Trigger(then(86_400), {"BillingCalendar": ((bytes(4), b"\xff" * 5),)}),
    # credentials and firmware
    0x8F4C: Trigger(not_certified(KeyUsage.DIGITAL_SIGNATURE)),
    0x8F4D: Trigger(certified(KeyUsage.DIGITAL_SIGNATURE)),
    0x8F4E: Trigger(not_certified(KeyUsage.KEY_AGREEMENT)),
    0x8F4F: Trigger(certified(KeyUsage.KEY_AGREEMENT)),
    0x8F70: Trigger(refreshed),
    0x8F43: Trigger(activated),
    0x8F72: Trigger(then(IMAGE)),
    0x8F1C: Trigger(then(SPOILT)),
    0x8F67: Trigger(activated_without_image, to=frozenset({SUPPLIER})),
    # commands
    0x8F1E: Trigger(bad(without_template)),
    0x8F30: Trigger(bad(lambda home: home.make("ECS43", by=ENTITIES[Role.NETWORK_OPERATOR]))),
    0x8F3D: Trigger(bad(lambda home: home.make("ECS43", by=STRANGER))),
    0x8F52: Trigger(commands(("ECS15a", None))),
    0x8F53: Trigger(bad(wrong_mac)),
    0x8F60: Trigger(bad(*[wrong_mac] * 20)),
    0x8F66: Trigger(in_future, times=4, to=frozenset({SUPPLIER})),
    0x8F85: Trigger(bad(unsupported), to=frozenset({SUPPLIER})),
}


def row_of(code: int) -> AlertCode:
    return alert_table()[code]


def ident(code: int) -> str:
    return f"{code:04X}{'-inferred' if row_of(code).inferred else ''}"


def cases(codes: Iterable[int]) -> list[object]:
    return [pytest.param(code, id=ident(code)) for code in sorted(codes)]


EVERY = cases(TRIGGERS)
CONFIGURABLE = cases(code for code in TRIGGERS if row_of(code).configurable)
MANDATORY = cases(code for code in TRIGGERS if not row_of(code).configurable)
BLOCKS = {0x80: "NetworkOperator", 0x81: "Supplier"}


def masks(wan: str = "1" * BITS, logging: str = "1" * BITS) -> dict[str, Value]:
    """Settings of both parties: what is sent, what is logged."""
    return {name: logging if name.endswith("Logging") else wan for name in SETTINGS}


def all_but(code: int) -> str:
    """Everything on but the bit of a code, counted from the last."""
    bit = BITS - 1 - (code & 0xFF)
    return "1" * bit + "0" + "1" * (BITS - 1 - bit)


def raised(code: int, settings: Mapping[str, Value]) -> tuple[Home, list[object], dict[str, int]]:
    """The meter, the alerts of a code, and how often each log has it, after its trigger."""
    trigger = TRIGGERS[code]
    home = Home.new(trigger.variant, items={**settings, **trigger.items})
    alerts = [alert for alert in alerts_in(trigger.run(home)) if alert.code == code]
    work = home.work
    entries = {log: [e[1] for e in work.log_entries(log)].count(code) for log in LOGS.values()}
    return home, list(alerts), entries


def recipients(code: int) -> frozenset[EntityId]:
    """Whom the table names of the parties a meter alerts; the supplier where it names neither."""
    trigger, row = TRIGGERS[code], row_of(code)
    if trigger.to is not None:
        return trigger.to
    named = {"S": Role.SUPPLIER, "N": Role.NETWORK_OPERATOR}
    return frozenset(ENTITIES[r] for letter, r in named.items() if letter in row.recipients) or {SUPPLIER}


def logged(code: int) -> dict[str, int]:
    """How often each log should have it; other logs are not of events."""
    return {name: TRIGGERS[code].times * (row_of(code).log == log) for log, name in LOGS.items()}


def sent(code: int) -> int:
    """How many alerts there should be."""
    return TRIGGERS[code].times * len(recipients(code)) if row_of(code).wan else 0


@pytest.mark.parametrize("code", EVERY)
def test_it_is_sent_and_logged_as_its_row_says(code: int) -> None:
    row = row_of(code)
    _, alerts, entries = raised(code, masks())
    assert entries == logged(code)
    assert len(alerts) == sent(code)
    if alerts:
        assert {a.message.recipient for a in alerts} == recipients(code)
        generic = {a.message.code for a in alerts} == {GENERIC[row.critical]}
        assert generic is (row.wan == 1)
        assert all(bool(a.content) is (row.wan == 2) for a in alerts)


@pytest.mark.parametrize("code", EVERY)
def test_what_was_raised_is_still_in_its_log_after_a_restart(code: int) -> None:
    home, _, entries = raised(code, masks())
    home.restart()
    work = home.work
    assert {log: [e[1] for e in work.log_entries(log)].count(code) for log in entries} == logged(code)


@pytest.mark.parametrize("code", CONFIGURABLE)
def test_its_bit_alone_stops_the_alert_and_the_other_its_log(code: int) -> None:
    party = BLOCKS[code >> 8]
    _, alerts, entries = raised(code, masks() | {f"{party}WANAlerts": all_but(code)})
    assert not alerts
    assert entries == logged(code)
    _, alerts, entries = raised(code, masks() | {f"{party}Logging": all_but(code)})
    assert len(alerts) == sent(code)
    assert not any(entries.values())


@pytest.mark.parametrize("code", MANDATORY)
def test_nothing_switches_off_what_is_mandatory(code: int) -> None:
    _, alerts, entries = raised(code, masks("0" * BITS, "0" * BITS))
    assert len(alerts) == sent(code)
    assert entries == logged(code)


def local(code: int, settings: Mapping[str, Value]) -> tuple[int, int]:
    """How often displays are told of a code, and how often it sounds."""
    trigger = TRIGGERS[code]
    home = Home.new(trigger.variant, items={**settings, **trigger.items})
    effects = list(trigger.run(home))
    told = [effect for effect in effects if isinstance(effect, HanAlert) and effect.code == code]
    assert all(effect.time <= home.now for effect in told)
    return len(told), sum(effect == AudibleAlarm(code) for effect in effects)


@pytest.mark.parametrize("code", EVERY)
def test_displays_are_told_and_the_alarm_sounds_as_the_masks_say(code: int) -> None:
    """Displays are told what the reference says, all but mandatory codes by their bit; so with the alarm."""
    row, times = row_of(code), TRIGGERS[code].times
    sounds = row.configurable and code >> 8 == 0x81
    others = masks() | {"SupplierHANAlerts": all_but(code), "SupplierAlarms": all_but(code)}
    assert local(code, masks()) == (times * row.han, times * sounds)
    assert local(code, others) == (times * (row.han and not row.configurable), 0)


def test_what_displays_are_told_is_configurable_in_part() -> None:
    told = [row for row in alert_table().values() if row.han]
    assert {row.configurable for row in told} == {True, False}
    assert all(row.code >> 8 in (0x81, 0x8F) for row in told)


def test_every_row_that_names_the_esme_has_a_trigger() -> None:
    rows = {code for code, row in alert_table().items() if "ESME" in row.devices.replace("(", ";").split(";")}
    assert rows == TRIGGERS.keys()


def test_the_rows_are_those_of_the_reference(reference: Path) -> None:
    """Alerts and events that no alert goes with; whatever names the ESME, and nothing else."""
    with (reference / "reference" / "smets-alerts-events.csv").open(encoding="utf-8", newline="") as file:
        named = [row for row in csv.DictReader(file) if re.search(r"\bESME\b", row["device_types"])]
    assert {int(row["code"], 16) for row in named} == TRIGGERS.keys()
    for row in named:
        ours = row_of(int(row["code"], 16))
        assert ours.inferred is ("INFERRED" in row["source"])
        assert ours.han is (row["han_alert"] == "Y")
        assert ours.configurable is (row["mandatory_or_configurable"] == "configurable")


def test_every_kind_that_a_meter_senses_is_in_the_table() -> None:
    assert {what for what, _, _ in CURRENT.values()} == set(Condition)
    assert set(FAULTS) == set(Fault)
    assert {row.what for row in TAMPERS} == set(Attack)


@pytest.mark.parametrize("code", EVERY)
def test_a_trigger_is_of_a_variant_that_has_the_code(code: int) -> None:
    devices = row_of(code).devices
    if "(polyphase)" in devices:
        assert TRIGGERS[code].variant == "polyphase"
    if "(singlephase)" in devices:
        assert TRIGGERS[code].variant != "polyphase"
