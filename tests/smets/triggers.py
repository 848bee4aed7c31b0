"""What makes a meter raise a code, as a value (see `test_every_alert`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from gbcs.ids import EntityId
from smets.events import Effect, TimerDue
from smets.values import Value
from tests.smets.homes import Home

Run = Callable[[Home], Iterable[Effect]]


@dataclass(frozen=True)
class Trigger:
    """What raises a code: `run` on a meter with `items`; `to` where the table names no party of it."""

    run: Run
    items: Mapping[str, Value] = field(default_factory=dict)
    variant: str = "single"
    times: int = 1
    to: frozenset[EntityId] | None = None


def then(*steps: object) -> Run:
    """Events one after the other; a number is seconds that pass, to whatever is due then."""

    def run(home: Home) -> Iterable[Effect]:
        effects: list[Effect] = []
        for step in steps:
            if isinstance(step, int):
                home.wait(step)
            effects += home.handle(TimerDue() if isinstance(step, int) else step)
        return effects

    return run


def commands(*asked: tuple[str, list[Value] | None]) -> Run:
    """Commands one second after the other, each of them carried out."""

    def run(home: Home) -> Iterable[Effect]:
        effects: list[Effect] = []
        for name, values in asked:
            home.wait(1)
            reply = home.run(name, values)
            assert not any(reply.results), (name, reply.results)
            effects += reply.effects
        return effects

    return run


def bad(*faults: Callable[[Home], object]) -> Run:
    """Commands that are refused."""
    return lambda home: [e for make in faults for e in home.deliver(make(home)).effects]  # type: ignore[arg-type]
