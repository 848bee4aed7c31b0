"""The command `smets`: reads arguments and calls the family of commands they name.

Families are imported when used, so that help costs neither construct nor cryptography.
"""

from __future__ import annotations

from collections.abc import Sequence

HELP = "Emulated smart meters, communications hub and home network for Great Britain."


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line with these arguments (default: those of the process).

    Exit status: 0 all expectations held, 1 a check failed, 2 wrong use, 130 interrupted.
    """
    import click  # 40 ms, and only the command line needs it

    @click.group(help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(package_name="smets", message="%(package)s %(version)s")
    def smets() -> None:
        pass

    smets.main(args=None if arguments is None else list(arguments), prog_name="smets")


if __name__ == "__main__":
    main()
