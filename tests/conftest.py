"""What all tests share: the reference messages and the amount of generated examples."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("default", deadline=None, max_examples=100, derandomize=True, print_blob=True)
settings.register_profile(
    "long", deadline=None, max_examples=5000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)


def pytest_configure(config: pytest.Config) -> None:
    """More examples where the long tests are chosen, unless --hypothesis-profile says otherwise."""
    if not config.getoption("--hypothesis-profile", default=None):
        settings.load_profile("long" if config.getoption("-m") == "long" else "default")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder with the reference messages (`rtds/`) and tables (`reference/`)."""
    setting = os.environ.get("SMETS_REFERENCE")
    folder = Path(setting) if setting else ROOT.parent / "shared"
    if not (folder / "rtds").is_dir():
        source = "SMETS_REFERENCE" if setting else "the default; SMETS_REFERENCE names another"
        pytest.skip(f"no reference messages: {folder}/rtds is not there ({source})")
    return folder
