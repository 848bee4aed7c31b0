"""Scenarios as texts, and what comes of running them."""

from collections.abc import Callable
from pathlib import Path

from hil.home import Home
from hil.runner import Result, Runner
from hil.scenario import parse_scenario
from smets.store import Store

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = (ROOT / "hil/scenarios/default.toml").read_text(encoding="utf-8")
DEFAULT = SHIPPED.replace('radio = "virtual:"', 'radio = "memory:"')

HOME = """spec = 1
[home]
seed = "s"
start = 2026-01-01T00:00:00Z
radio = "memory:"
[hub]
chf = "00-DB-12-34-56-78-00-02"
gpf = "00-DB-12-34-56-78-00-03"
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
name = "wan provider"
role = "wanProvider"
id = "90-B3-D5-1F-00-00-00-16"
"""
METER = """[[device]]
name = "meter"
type = "ESME"
id = "00-DB-12-34-56-78-00-01"
"""
READ = """[[step]]
command = "ECS52"
from = "supplier"
to = "meter"
"""


def meter(number: int, more: str = "") -> str:
    """The n-th meter of a home of many."""
    entity = f"00-DB-12-34-56-79-00-{number:02X}"
    return f'[[device]]\nname = "meter {number}"\ntype = "ESME"\nid = "{entity}"\n{more}'


def step(**keys: str) -> str:
    """A step from TOML values."""
    return "[[step]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def command(use_case: str, to: str = "meter", sender: str = "supplier", **keys: str) -> str:
    """A step that sends a command."""
    return step(command=f'"{use_case}"', **{"from": f'"{sender}"'}, to=f'"{to}"', **keys)


def runner(text: str, store: Callable[[str], Store] | None = None) -> Runner:
    """A home that is not up yet, and what runs it."""
    scenario = parse_scenario(text, "test.toml")
    return Runner(scenario, Home(scenario, store))


def run(text: str) -> tuple[Runner, list[Result]]:
    """Run a scenario to its end."""
    made = runner(text)
    return made, list(made)


def failures(results: list[Result]) -> list[tuple[int, str]]:
    """Number and reason of what did not go as expected."""
    return [(result.step.number, result.why) for result in results if not result.passed]
