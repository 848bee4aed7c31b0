"""The command `smets`: reads arguments and calls the family of commands they name.

Families are imported when used, so that help costs neither construct nor cryptography.
Every failure that is not a bug ends in one line on stderr and the exit status of the
contract: 0 all expectations held, 1 a check failed, 2 wrong use or unreadable input,
130 interrupted.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from gbcs.errors import GbcsError

from .text import complain

HELP = "Emulated smart meters, communications hub and home network for Great Britain."
# Name -> what it does, in the order of the help; module of the same name, command `command`.
COMMANDS = {
    "run": "Bring a home up, send it commands, judge the answers.",
    "device": "Be one device of a scenario on its own radio, until interrupted.",
    "meter": "Let an electricity meter live through days of half hours.",
    "days": "Print what a meter keeps of each day, for its consumer.",
    "decode": "Read messages, check and decrypt them, print what is in them.",
    "explain": "Explain each octet of messages, name the rules they break.",
    "encode": "Build messages from the JSON lines of decode --json.",
    "build": "Build messages of a use case from values by name.",
    "sign": "Sign messages with the key of their originator.",
    "mac": "Add the MAC of the broker or of the device.",
    "replay": "Let emulated devices execute reference commands, compare their answers.",
    "compare": "Compare two transcripts: first difference by message, octet, field, rule.",
    "utrn": "Make, check and take apart prepayment top-up tokens.",
    "pki": "Make, extend, show, check and convert test certificates and key stores.",
    "dongle": "Serve virtual ZigBee dongles on terminals and TCP ports.",
    "dongles": "List the serial sticks of this machine.",
    "sniff": "Write what a stick hears on a channel to a file for Wireshark.",
    "usecases": "Show the table of use cases, or the values of one.",
    "docs": "Write pages about use cases, alerts and settings.",
}
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f".{cmd_name}", __package__).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list for the help, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, help=HELP, context_settings=_SETTINGS)
@click.version_option(package_name="smets", message="%(package)s %(version)s")
def smets() -> None:
    """All commands; each returns its exit status."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line with these arguments (default: those of the process), then exit."""
    raise SystemExit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    _escape_what_the_terminal_cannot_show()
    try:
        status = smets.main(
            None if arguments is None else list(arguments), prog_name="smets", standalone_mode=False
        )
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "smets"
        return _complain(f"{error.format_message()} ({path} --help says more)")
    except click.ClickException as error:
        return _complain(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        return 130
    except GbcsError as error:
        return _complain(str(error))
    except OSError as error:
        if error.errno == errno.EPIPE:
            # The reader of our output has gone: say nothing, and nothing more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        name = f"{error.filename}: " if error.filename is not None else ""
        return _complain(f"{name}{error.strerror or error}")
    return status if isinstance(status, int) else 0


def _complain(text: str) -> int:
    complain(text)
    return 2


def _escape_what_the_terminal_cannot_show() -> None:
    """A value of a message must not end a command because the locale lacks its characters."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
