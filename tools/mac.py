"""`smets mac`: put messages into the MAC Header, with the MAC of the broker or of the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .protecting import each_message, key_store

if TYPE_CHECKING:
    from gbcs.message import Message

EPILOG = """\b
Each PATH is a file or a folder of messages as in smets decode, or - for stdin, which is
the default. Commands get the MAC of the Access Control Broker, everything else that of its
originator; a MAC that is there is replaced.

\b
Exit status: 0 all done, 1 one could not be, 2 a path or the key folder cannot be read.
"""


@click.command("mac", epilog=EPILOG)
@click.option("--keys", metavar="DIR", required=True, help="Folder of certificates and private keys (PEM).")
@click.option("--broker", metavar="ID", help="The Access Control Broker, if the folder has several.")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
def command(keys: str, broker: str | None, paths: tuple[str, ...]) -> int:
    """Put messages into the MAC Header with their MAC, one line of hex a message."""
    from gbcs.errors import BuildError
    from gbcs.ids import Cra
    from gbcs.usecases import by_code

    held = key_store(keys, broker)
    assert held is not None

    def change(message: Message) -> Message:
        row = by_code(message.code)
        signed = row is not None and row.command_signed and not row.signed_or_maced
        if row is not None and signed and message.cra is Cra.COMMAND and message.signature is None:
            raise BuildError(f"a command of {row.name} is signed first", "signature")
        return held.mac(message)

    return each_message(paths, change)
