"""The project as a plugin of pytest: the option `--han`, and fixtures for homes on what it names.

pytest loads this module in every run, so nothing of the project is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .han_choice import HanChoice
    from .joined_home import JoinedHome
    from .runner import Runner
    from .scenario import Scenario

DEFAULT = "memory:"
HELP = (
    "What carries the frames of a home: memory:, virtual:AIR (virtual dongles), or a stick for each node: "
    "--han=hub=serial:/dev/... --han=meter=tcp:HOST:PORT. Default: memory:"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--han`."""
    group = parser.getgroup("smets", "smart metering homes")
    group.addoption("--han", action="append", default=[], metavar="[NAME=]MONIKER", help=HELP)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a wrong choice before anything runs."""
    if config.getoption("han"):
        _choice(config.getoption("han"))


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what was chosen."""
    given = config.getoption("han")
    return f"han: {' '.join(given)}" if given else None


def _choice(texts: list[str]) -> HanChoice:
    from gbcs.errors import GbcsError

    from .han_choice import HanChoice

    try:
        return HanChoice.parse(texts)
    except GbcsError as error:
        raise pytest.UsageError(f"--han: {error}") from None


def _ready(choice: HanChoice) -> None:
    """Skip a test whose link cannot be had on this machine."""
    reason = choice.lacks()
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def han(request: pytest.FixtureRequest) -> HanChoice:
    """What `--han` chose; a test may choose itself by an indirect parameter, a moniker."""
    own = getattr(request, "param", None)
    return _choice([own] if own is not None else request.config.getoption("han") or [DEFAULT])


@pytest.fixture(scope="module")
def joined_home(han: HanChoice) -> Iterator[JoinedHome]:
    """A hub and a meter, joined: one for all tests of a module. Skips where the link is missing."""
    _ready(han)
    from gbcs.errors import LocalError

    from .joined_home import open_joined_home

    with ExitStack() as stack:
        try:
            home = stack.enter_context(open_joined_home(han))
        except LocalError as error:
            pytest.fail(str(error), pytrace=False)
        yield home


@pytest.fixture
def scenario_runner(han: HanChoice) -> Iterator[Callable[[Scenario | Path | str], Runner]]:
    """Opens the home of a scenario (a file or what was parsed) and gives its runner: iterate over it.

    Sticks have to have the ids of the scenario. Skips where the link is missing.
    """
    _ready(han)
    from .homes import open_home
    from .runner import Runner
    from .scenario import Scenario, load_scenario

    with ExitStack() as stack:

        def opened(scenario: Scenario | Path | str) -> Runner:
            loaded = scenario if isinstance(scenario, Scenario) else load_scenario(Path(scenario))
            chosen = han.on(loaded)
            return Runner(chosen, stack.enter_context(open_home(chosen)))

        yield opened
