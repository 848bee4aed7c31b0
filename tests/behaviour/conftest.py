"""The behaviour suite runs on the link `--han` names, and without it on all that need no hardware."""

import pytest

LINKS = ("memory:", "virtual:")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One run of each test on each link."""
    if "han" in metafunc.fixturenames and not metafunc.config.getoption("han"):
        metafunc.parametrize("han", LINKS, indirect=True, scope="session")
