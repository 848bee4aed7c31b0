"""`smets sign`: sign messages with the key of their originator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .protecting import each_message, key_store

if TYPE_CHECKING:
    from gbcs.message import Message

EPILOG = """\b
Each PATH is a file or a folder of messages as in smets decode, or - for stdin, which is
the default. A pre-command becomes the command as its originator hands it to the broker;
smets mac then adds the broker's MAC.

\b
Exit status: 0 all signed, 1 one could not be, 2 a path or the key folder cannot be read.
"""


@click.command("sign", epilog=EPILOG)
@click.option("--keys", metavar="DIR", required=True, help="Folder of certificates and private keys (PEM).")
@click.option("--again", is_flag=True, help="Replace a signature that is there.")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
def command(keys: str, again: bool, paths: tuple[str, ...]) -> int:
    """Sign messages with the key of their originator, one line of hex a message."""
    from gbcs.errors import BuildError

    held = key_store(keys)
    assert held is not None

    def change(message: Message) -> Message:
        if message.mac_header:
            raise BuildError("has a MAC, which would cover another signature", "signature")
        if message.signature is not None and not again:
            raise BuildError("is signed already (--again replaces it)", "signature")
        return held.sign(message)

    return each_message(paths, change)
