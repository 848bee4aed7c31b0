"""Which packages are shipped; everything else is in pyproject.toml.

The folder `tools` is installed as `smets.tools`, its subfolders below that.
"""

from setuptools import find_packages, setup

ROOMS = ["gbcs*", "smets*", "chts*", "hil*"]

setup(
    packages=[
        *find_packages(include=ROOMS),
        "smets.tools",
        *(f"smets.tools.{name}" for name in find_packages("tools")),
    ],
    package_dir={"smets.tools": "tools"},
)
