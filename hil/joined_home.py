"""A hub and a meter joined, for tests to send commands to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from gbcs.ids import EntityId

from .han_choice import HanChoice
from .home import Home
from .homes import open_home
from .runner import Result, Runner
from .scenario import Scenario, parse_scenario

HUB, METER = "hub", "meter"
GPF_ID = "00-DB-12-34-56-78-00-03"
METER_ID = "00-DB-12-34-56-78-00-01"
_HEAD = "spec = 1\n"
_HOME = """
[home]
name = "a hub and a meter under test"
seed = "joined home"
start = 2026-01-01T00:00:00Z
radio = "memory:"

[hub]
name = "hub"
chf = "00-DB-12-34-56-78-00-02"
gpf = "{gpf}"

[[party]]
name = "supplier"
role = "supplier"
id = "90-B3-D5-1F-00-00-00-11"

[[party]]
name = "network operator"
role = "networkOperator"
id = "90-B3-D5-1F-00-00-00-12"

[[party]]
name = "broker"
role = "accessControlBroker"
id = "90-B3-D5-1F-00-00-00-13"

[[party]]
name = "recovery"
role = "recovery"
id = "90-B3-D5-1F-00-00-00-14"

[[party]]
name = "change of supplier"
role = "transitionalCoS"
id = "90-B3-D5-1F-00-00-00-15"

[[party]]
name = "wan provider"
role = "wanProvider"
id = "90-B3-D5-1F-00-00-00-16"

[[device]]
name = "meter"
type = "ESME"
id = "{meter}"
"""


class JoinedHome:
    """A home with `hub` and `meter`, and what carries out steps in it.

    Its parties are `supplier`, `network operator`, `broker`, `recovery`, `change of supplier` and
    `wan provider`. It stays as a test leaves it for the next one.
    """

    def __init__(self, scenario: Scenario, home: Home, text: str) -> None:
        self.scenario = scenario
        self.home = home
        self.runner = Runner(scenario, home)
        self._text = text

    @property
    def meter(self) -> EntityId:
        """The id of the meter."""
        return self.scenario.devices[0].entity

    def run(self, steps: str) -> list[Result]:
        """Carry out the `[[step]]` tables of a scenario, the first on line 2. Raises ScenarioError."""
        parsed = parse_scenario(f"{_HEAD}{steps}\n{self._text}", "steps")
        return [self.runner.run(step) for step in parsed.steps]

    def expect(self, steps: str) -> list[Result]:
        """As `run`; AssertionError with the reasons where something is not as expected."""
        results = self.run(steps)
        wrong = [f"{result.step.what}: {result.why}" for result in results if not result.passed]
        if wrong:
            raise AssertionError("\n".join(wrong))
        return results


@contextmanager
def open_joined_home(choice: HanChoice) -> Iterator[JoinedHome]:
    """Bring one up on a choice of links. Sticks decide the ids of gas proxy function and meter.

    Raises LocalError where it cannot come up.
    """
    text = _HOME.format(gpf=GPF_ID, meter=METER_ID)
    scenario = choice.on(parse_scenario(_HEAD + text, "joined home"))
    if choice.sticks:
        ids = stick_ids(choice)
        text = _HOME.format(gpf=ids[HUB], meter=ids[METER])
        scenario = choice.on(parse_scenario(_HEAD + text, "joined home"))
    with open_home(scenario) as home:
        made = JoinedHome(scenario, home, text)
        made.runner.bring_up()
        yield made


def stick_ids(choice: HanChoice) -> dict[str, EntityId]:
    """The EUI-64 of each stick by its node's name. Raises RadioError."""
    from .radios import stick_id

    async def read() -> dict[str, EntityId]:
        return {name: await stick_id(moniker) for name, moniker in choice.sticks}

    return asyncio.run(read())
