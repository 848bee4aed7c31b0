"""The order of checks of an arriving command and what each failure leaves behind (gbcs-messages 11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from random import Random

import pytest

from gbcs.errors import BuildError, Check
from gbcs.ids import Cra, EntityId, KeyUsage, Role
from gbcs.message import Message, OtherInformation
from gbcs.party import Supplementary
from gbcs.usecases import by_name
from smets.device import REFUSAL_WRITES
from smets.events import Happened, RemotePartyMessage
from smets.identity import Cell
from smets.settings import ARRIVAL_CHECKS, DeviceSettings
from tests.gbcs.crafted import organisation
from tests.smets.homes import (
    ANCHORS,
    BROKER,
    ENTITIES,
    KEYS,
    METER,
    OTHER_METER,
    READER,
    READER_CERTIFICATES,
    STRANGER,
    SUPPLIER,
    Home,
    maced,
    protected_parameters,
    remade,
)

OPERATOR = ENTITIES[Role.NETWORK_OPERATOR]
INTEGRITY, AUTHORITY, AUTHENTICATION, FAILED = 0x8F1E, 0x8F30, 0x8F3D, 0x8F53
Maker = Callable[[Home], Message]


def _wrong_mac(home: Home) -> Message:
    return maced(home.make("ECS43"), bytes(32))


def _wrong_signature(home: Home) -> Message:
    message = home.make("ECS43")
    assert message.signature is not None
    broken = bytes((message.signature[0] ^ 1,)) + message.signature[1:]
    return maced(replace(message, signature=broken), _broker_secret())


def _broker_secret() -> bytes:
    from gbcs.security.keys import SharedSecrets

    ours = KEYS.find(METER, KeyUsage.KEY_AGREEMENT)
    theirs = KEYS.find(BROKER, KeyUsage.KEY_AGREEMENT)
    assert ours is not None
    assert theirs is not None
    return SharedSecrets(KEYS).between(ours, theirs)


def _unsigned(home: Home) -> Message:
    return maced(replace(home.make("ECS43"), signature=None), _broker_secret())


def _old_counter(home: Home) -> Message:
    assert home.run("ECS43").response is not None
    return home.make("ECS42", counter=home.counter)


def _no_certificate(home: Home) -> Message:
    return home.make("ECS21b", supplementary=Supplementary(READER, 5, b"no certificate"))


def _certificate_of_another(home: Home) -> Message:
    theirs = next(c for c in READER_CERTIFICATES if c.usage is KeyUsage.KEY_AGREEMENT)
    return home.make("ECS21b", supplementary=Supplementary(STRANGER, 5, theirs.der))


def _certificate_of_other_use(home: Home) -> Message:
    theirs = next(c for c in READER_CERTIFICATES if c.usage is KeyUsage.DIGITAL_SIGNATURE)
    return home.make("ECS21b", supplementary=Supplementary(READER, 5, theirs.der))


def _certificate_of_odd_shape(home: Home) -> Message:
    """A well-made organisation certificate without a key usage."""
    from cryptography import x509

    from tests.gbcs.crafted import ORG, replaced

    odd = organisation(replaced(ORG, None, kind=x509.KeyUsage))
    return home.make("ECS21b", supplementary=Supplementary(READER, 5, odd))


def _unsupported(home: Home) -> Message:
    return remade(home.make("ECS10"), other=OtherInformation(0x0070))


FAILURES: list[tuple[str, Maker, Check, int | None, int | None]] = [
    ("a response", lambda h: remade(h.make("ECS10"), cra=Cra.RESPONSE), Check.FRAMING, INTEGRITY, INTEGRITY),
    ("an alert", lambda h: remade(h.make("ECS10"), cra=Cra.ALERT), Check.FRAMING, INTEGRITY, INTEGRITY),
    (
        "a pre-command",
        lambda h: h.party(by_name("ECS43")).precommand(by_name("ECS43"), METER, 2000, b""),
        Check.FRAMING,
        INTEGRITY,
        INTEGRITY,
    ),
    (
        "a date-time in the header",
        lambda h: remade(h.make("ECS10"), date_time=bytes(12)),
        Check.FRAMING,
        INTEGRITY,
        INTEGRITY,
    ),
    (
        "other-information of a response",
        lambda h: remade(h.make("ECS23"), other=OtherInformation(0x0039, READER, 1, 2)),
        Check.FRAMING,
        INTEGRITY,
        INTEGRITY,
    ),
    ("another target", lambda h: h.make("ECS10", target=OTHER_METER), Check.TARGET, None, None),
    ("a stranger", lambda h: h.make("ECS43", by=STRANGER), Check.ORIGINATOR, FAILED, AUTHENTICATION),
    (
        "no party",
        lambda h: remade(h.make("ECS10"), originator=EntityId(bytes(8))),
        Check.ORIGINATOR,
        FAILED,
        AUTHENTICATION,
    ),
    ("a role that may not", lambda h: h.make("ECS43", by=OPERATOR), Check.AUTHORITY, FAILED, AUTHORITY),
    ("an old counter", _old_counter, Check.COUNTER, FAILED, None),
    ("a wrong MAC", _wrong_mac, Check.MAC, FAILED, AUTHENTICATION),
    (
        "no MAC",
        lambda h: replace(h.make("ECS43"), mac_header=False, mac=None).encoded(),
        Check.MAC,
        FAILED,
        AUTHENTICATION,
    ),
    ("a wrong signature", _wrong_signature, Check.SIGNATURE, FAILED, AUTHENTICATION),
    ("no signature", _unsigned, Check.SIGNATURE, FAILED, AUTHENTICATION),
    ("no certificate", _no_certificate, Check.CERTIFICATE, FAILED, AUTHENTICATION),
    ("a certificate of another", _certificate_of_another, Check.CERTIFICATE, FAILED, AUTHENTICATION),
    ("a certificate of other use", _certificate_of_other_use, Check.CERTIFICATE, FAILED, AUTHENTICATION),
    ("a certificate of odd shape", _certificate_of_odd_shape, Check.CERTIFICATE, FAILED, AUTHENTICATION),
    ("no template", lambda h: h.make("ECS43", payload=b"\xd9"), Check.TEMPLATE, INTEGRITY, INTEGRITY),
]


def security_codes(home: Home) -> list[int]:
    return [entry[1] for entry in home.work.log_entries("SecurityLog")]  # type: ignore[misc]


@pytest.mark.parametrize(("_", "make", "check", "log", "alert"), FAILURES, ids=[f[0] for f in FAILURES])
def test_outcome_of_a_failed_check(
    _: str, make: Maker, check: Check, log: int | None, alert: int | None
) -> None:
    home = Home.new()
    command = make(home)
    before, logged = home.held, security_codes(home)
    home.wait(5)
    reply = home.deliver(command)
    assert reply.response is None
    assert reply.happened.verdict == "refused"
    assert reply.happened.check is check
    assert security_codes(home) == logged + ([log] if log else [])
    assert [a.key for a in reply.alerts] == ([(alert, 0x1000, SUPPLIER)] if alert else [])
    assert all(a.time == home.now and not a.content for a in reply.alerts)
    changed = {key for key, octets in home.held.items() if before.get(key) != octets}
    assert all(key.startswith(REFUSAL_WRITES) for key in changed)
    assert before.keys() <= home.held.keys()


def test_octets_that_are_no_message_fail_framing() -> None:
    home = Home.new()
    whole = home.make("ECS43").octets
    for octets in (b"", b"\xdd", whole[:-1], whole + b"\0", bytes(100), whole * 40):
        effects = home.handle(RemotePartyMessage(octets))
        (happened,) = (e for e in effects if isinstance(e, Happened))
        assert happened.check is Check.FRAMING
    assert security_codes(home) == [INTEGRITY] * 6


# -- reordering ---------------------------------------------------------------------------


def spoilt(home: Home, *faults: str) -> Message:
    """A command that is wrong in every way named."""
    message = home.make(
        "ECS43",
        by=STRANGER if "originator" in faults else OPERATOR if "authority" in faults else None,
        counter=1 if "counter" in faults else None,
        payload=b"\xd9" if "template" in faults else None,
    )
    if "signature" in faults:
        message = maced(replace(message, signature=bytes(64)), _broker_secret())
    return maced(message, bytes(32)) if "mac" in faults else message


FAULTS = {
    "originator": Check.ORIGINATOR,
    "authority": Check.AUTHORITY,
    "counter": Check.COUNTER,
    "mac": Check.MAC,
    "signature": Check.SIGNATURE,
    "template": Check.TEMPLATE,
}


# a stranger has no role to be without authority in, and only the supplier's counter has moved
APART = [{"originator", "authority"}, {"originator", "counter"}, {"authority", "counter"}]
PAIRS = [pair for pair in permutations(FAULTS, 2) if set(pair) not in APART]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_order_only_chooses_which_code_a_doubly_wrong_message_gets(first: str, second: str) -> None:
    rest = [c for c in ARRIVAL_CHECKS if c not in (FAULTS[first], FAULTS[second])]
    home = Home.new(settings=DeviceSettings(check_order=(FAULTS[first], FAULTS[second], *rest)))
    assert home.run("ECS42").response is not None  # so that the counter 1 is an old one
    reply = home.deliver(spoilt(home, first, second))
    assert reply.happened.check is FAULTS[first]
    assert reply.response is None


@pytest.mark.parametrize("seed", range(60))
def test_any_order_lets_the_right_commands_in_and_no_wrong_one(seed: int) -> None:
    random = Random(seed)
    order = list(ARRIVAL_CHECKS)
    random.shuffle(order)
    home = Home.new(settings=DeviceSettings(check_order=tuple(order)))
    for name in ("ECS42", "ECS10", "ECS23", "CS02a", "ECS17b"):
        assert home.run(name).response is not None, order
    theirs = next(c for c in READER_CERTIFICATES if c.usage is KeyUsage.KEY_AGREEMENT)
    behalf = Supplementary(READER, 5, theirs.der)
    assert home.run("ECS21b", supplementary=behalf).response is not None
    before = {k: v for k, v in home.held.items() if not k.startswith(REFUSAL_WRITES)}
    for _, make, _, _, _ in FAILURES:
        if make is not _old_counter:
            assert home.deliver(make(home)).response is None, order
    for fault in FAULTS:
        assert home.deliver(spoilt(home, fault)).response is None, (order, fault)
    assert {k: v for k, v in home.held.items() if not k.startswith(REFUSAL_WRITES)} == before
    assert [a.code for a in home.deliver(_unsupported(home)).alerts] in ([0x8F85], [])


@pytest.mark.parametrize(
    "order", [ARRIVAL_CHECKS[1:], ARRIVAL_CHECKS * 2, (), (*ARRIVAL_CHECKS[1:], Check.FRAMING)]
)
def test_an_order_without_a_check_is_refused(order: tuple[Check, ...]) -> None:
    with pytest.raises(BuildError):
        DeviceSettings(check_order=order)


def test_a_party_in_the_cells_of_two_roles_may_what_either_may() -> None:
    """And the counter is the one of the role that may."""
    operators = [c for c in ANCHORS if c.entity == OPERATOR]
    raw = {Cell(Role.TRANSITIONAL_COS, c.usage).key: c.der for c in operators}
    raw |= {Cell(Role.SUPPLIER, c.usage).key: c.der for c in operators}
    for order in (ARRIVAL_CHECKS, ARRIVAL_CHECKS[::-1]):
        home = Home.new(settings=DeviceSettings(check_order=order), raw=raw)
        reply = home.run("ECS43", by=OPERATOR)
        assert reply.response is not None
        assert home.work.number("counter/002/role") == reply.command.counter
        assert home.work.number("counter/003/role") == 0


# -- unsupported codes --------------------------------------------------------------------


@pytest.mark.parametrize("code", [0x0009, 0x0070, 0x0B0B, 0xFFFF])
def test_an_unsupported_code_is_answered_after_authentication_only(code: int) -> None:
    home = Home.new()
    genuine = remade(home.make("ECS10"), other=OtherInformation(code))
    (alert,) = home.deliver(genuine).alerts
    assert alert.key == (0x8F85, 0x0120, SUPPLIER)
    (content,) = alert.content
    assert content.value == code.to_bytes(2, "big") + genuine.counter.to_bytes(8, "big")
    assert security_codes(home) == [INTEGRITY]
    assert home.work.number("counter/002/role") == 0
    for forged in (
        maced(genuine, bytes(32)),
        remade(genuine, originator=STRANGER),
        replace(genuine, mac_header=False, mac=None, signature=bytes(64)).encoded(),
    ):
        assert [a.code for a in home.deliver(forged).alerts] == [AUTHENTICATION]


def test_an_unsupported_command_on_behalf_of_another_names_him() -> None:
    home = Home.new()
    command = home.make("ECS23", supplementary=Supplementary(READER, 77))
    command = remade(command, other=OtherInformation(0x0B0B, READER, 77))
    (alert,) = home.deliver(command).alerts
    assert alert.key == (0x8F85, 0x0120, BROKER)
    assert alert.message.other == OtherInformation(0x0120, READER, 77)


def test_an_older_device_treats_an_unsupported_code_as_a_failed_check() -> None:
    home = Home.new(settings=DeviceSettings(answers_unsupported=False))
    reply = home.deliver(_unsupported(home))
    assert [a.key for a in reply.alerts] == [(INTEGRITY, 0x1000, SUPPLIER)]
    assert security_codes(home) == [INTEGRITY]
    assert reply.happened.check is Check.MESSAGE_CODE


# -- limits -------------------------------------------------------------------------------


def test_alerts_about_bad_commands_are_limited_and_many_raise_8f60() -> None:
    settings = DeviceSettings(alerts_per_code=3, unusual_commands=10, alert_window=600)
    home = Home.new(settings=settings)
    codes = []
    for _ in range(40):
        codes += [a.code for a in home.deliver(_wrong_mac(home)).alerts]
    assert codes == [AUTHENTICATION] * 3 + [0x8F60]
    assert security_codes(home).count(0x8F60) == 1
    sizes = len(home.held)
    for _ in range(200):
        assert not home.deliver(_wrong_mac(home)).alerts
    assert len(home.held) <= sizes + 100  # the ring of the security log
    # another code has its own limit, and the next window begins anew
    assert [a.code for a in home.deliver(home.make("ECS43", by=OPERATOR)).alerts] == [AUTHORITY]
    home.wait(600)
    assert [a.code for a in home.deliver(_wrong_mac(home)).alerts] == [AUTHENTICATION]


def test_messages_for_others_do_not_count() -> None:
    home = Home.new(settings=DeviceSettings(unusual_commands=2))
    for _ in range(5):
        assert not home.deliver(home.make("ECS10", target=OTHER_METER)).alerts
    assert not security_codes(home)


def test_a_command_asked_by_the_broker_for_an_unknown_party_needs_no_cell_of_his() -> None:
    home = Home.new()
    reply = home.run("ECS23", supplementary=Supplementary(READER, 77))
    assert reply.response is not None
    assert reply.response.other == OtherInformation(reply.command.code, READER, 77)
    # content for him cannot be encrypted without his certificate
    parameters = protected_parameters(by_name("ECS21b"), 2000, BROKER)
    reply = home.run("ECS21b", parameters, counter=2000, supplementary=Supplementary(READER, 78))
    assert reply.results == [250]
