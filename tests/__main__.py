"""Every check of the project, one after the other: `python -m tests [arguments for pytest]`.

Exit status: 0 all passed, 1 at least one failed (the others were still run).
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gbcs", "smets", "chts", "hil", "tools")


def steps(arguments: list[str]) -> list[tuple[str, list[str]]]:
    """The checks in order: a name and what is given to `python -m`."""
    return [
        ("ruff check", ["ruff", "check", "."]),
        ("ruff format", ["ruff", "format", "--check", "--quiet", "."]),
        ("mypy", ["mypy", *PACKAGES]),
        ("pytest", ["pytest", "-n", "auto", "--dist", "loadfile", "--durations=10", *arguments]),
    ]


def main(arguments: list[str]) -> int:
    """Run the checks and say which failed."""
    failed = []
    for name, command in steps(arguments):
        print(f"== {name}: {' '.join(command)}", flush=True)
        start = time.monotonic()
        status = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
        if status == 130:
            return 130
        if status:
            failed.append(name)
        print(
            f"== {name}: {'failed' if status else 'passed'} in {time.monotonic() - start:.1f} s\n", flush=True
        )
    print(f"== failed: {', '.join(failed)}" if failed else "== all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
