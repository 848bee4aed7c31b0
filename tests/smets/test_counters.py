"""Counters by role, octet-identical repeats, and answers kept for them."""

from __future__ import annotations

import pytest

from gbcs.errors import Check
from gbcs.ids import Role
from gbcs.usecases import UseCase
from smets.device import REFUSAL_WRITES
from smets.events import Actuate, Happened, SendMessage
from smets.settings import DeviceSettings
from tests.smets.homes import ENTITIES, Home, dlms_use_cases
from tests.smets.test_hostile import kept

SENDERS = (Role.SUPPLIER, Role.NETWORK_OPERATOR, Role.ACCESS_CONTROL_BROKER, Role.LOAD_CONTROLLER)
ROLES = {role: next(u for u in dlms_use_cases() if u.role_counted and role in u.roles) for role in SENDERS}


def counter(home: Home, role: Role) -> int:
    return home.work.number(f"counter/{int(role):03d}/role")


@pytest.mark.parametrize(
    "use_case", [pytest.param(u, id=u.name) for u in dlms_use_cases() if u.name not in ("ECS09",)]
)
def test_only_protected_commands_move_the_counter_and_only_forwards(use_case: UseCase) -> None:
    home = Home.new()
    first = home.make(use_case, counter=500)
    assert home.deliver(first).response is not None
    used = [role for role in ROLES if counter(home, role)]
    if use_case.role_counted:
        (role,) = used
        assert counter(home, role) == 500
        for old in (1, 499, 500):
            before = kept(home)
            reply = home.run(use_case, counter=old)
            repeated = reply.command.octets == first.octets  # no value in it was drawn anew
            assert repeated or reply.happened.check is Check.COUNTER
            assert kept(home) == before
        assert home.run(use_case, counter=501).response is not None
        assert counter(home, role) == 501
    else:
        assert not used
        for any_counter in (1, 499, 2**63):
            assert home.run(use_case, counter=any_counter).response is not None
        assert not [role for role in ROLES if counter(home, role)]


def test_every_role_has_a_counter_of_its_own() -> None:
    home = Home.new()
    for offset, (role, name) in enumerate(ROLES.items()):
        number = 900 - offset  # each lower than the one before: another role's counter plays no part
        assert home.run(name, by=ENTITIES[role], counter=number).response is not None
        assert counter(home, role) == number
    assert [counter(home, role) for role in ROLES] == [900, 899, 898, 897]
    for role, name in ROLES.items():
        assert home.run(name, by=ENTITIES[role], counter=890).response is None


# -- repeats ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ECS43", "ECS10", "ECS17b", "ECS23", "CS02a", "ECS04a"])
@pytest.mark.parametrize("restart", [False, True])
def test_an_identical_repeat_gets_the_stored_answer_and_does_nothing(name: str, restart: bool) -> None:
    home = Home.new()
    command = home.make(name)
    first = home.deliver(command)
    before = home.held
    home.wait(100)
    if restart:
        home.restart()
    again = home.deliver(command)
    assert again.response is not None
    assert first.response is not None
    assert again.response.octets == first.response.octets
    assert home.held == before
    assert not any(isinstance(e, Actuate) for e in again.effects)
    assert [e.verdict for e in again.effects if isinstance(e, Happened)] == ["repeated"]


@pytest.mark.parametrize("kept_answers", [0, 1, 3, 8])
def test_only_the_last_answers_are_kept(kept_answers: int) -> None:
    home = Home.new(settings=DeviceSettings(answer_repeats=kept_answers))
    commands = [home.make(name) for name in ("ECS43", "ECS42") * 6]
    for command in commands:
        home.deliver(command)
    for age, command in enumerate(reversed(commands)):
        reply = home.deliver(command)
        assert (reply.response is not None) == (age < kept_answers)
        if age >= kept_answers:
            assert reply.happened.check is Check.COUNTER
            assert not any(isinstance(e, Actuate) for e in reply.effects)


def test_a_repeat_beyond_the_kept_ones_is_executed_where_nothing_is_protected() -> None:
    home = Home.new(settings=DeviceSettings(answer_repeats=1))
    read = home.make("ECS23")
    assert home.deliver(read).happened.verdict == "executed"
    assert home.deliver(read).happened.verdict == "repeated"
    assert home.run("ECS43").response is not None
    assert home.deliver(read).happened.verdict == "executed"
    assert home.run("ECS23").happened.verdict == "executed"  # a new counter


def test_a_refused_command_is_not_kept_and_may_come_again() -> None:
    home = Home.new()
    late, early = home.make("ECS42", counter=50), home.make("ECS43", counter=60)
    assert home.deliver(early).response is not None
    for _ in range(2):
        assert home.deliver(late).happened.check is Check.COUNTER


def test_the_stored_answer_goes_to_nobody_else() -> None:
    """One changed bit makes it another command."""
    home = Home.new()
    command = home.make("ECS43")
    home.deliver(command)
    before = kept(home)
    for other in (home.make("ECS43", counter=command.counter), home.make("ECS42", counter=command.counter)):
        reply = home.deliver(other)
        if other.octets != command.octets:
            assert reply.happened.check is Check.COUNTER
            assert not any(isinstance(e, SendMessage) for e in reply.effects)
    assert kept(home) == before
    assert all(key.startswith(REFUSAL_WRITES) or key in before for key in home.held)
