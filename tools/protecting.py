"""What `smets build`, `sign` and `mac` share: the key folder, and protecting messages one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import inputs
from .text import complain

if TYPE_CHECKING:
    from gbcs import Keys
    from gbcs.message import Message


def key_store(folder: str | None, broker: str | None = None) -> Keys | None:
    """The keys of a folder, None without one. Raises KeyStoreError, or BuildError for no identifier."""
    if folder is None:
        return None
    from gbcs import Keys
    from gbcs.ids import EntityId
    from gbcs.security.folder import FolderKeyStore

    return Keys(FolderKeyStore(folder), None if broker is None else EntityId.parse(broker))


def each_message(paths: tuple[str, ...], change: Callable[[Message], Message]) -> int:
    """Print what `change` makes of every message, a line of hex each; the exit status."""
    from gbcs.errors import BuildError, KeyUnavailable, ParseError
    from gbcs.message import parse_message

    status = 0
    for file in inputs.files(paths or (inputs.STDIN,)):
        try:
            if isinstance(file, inputs.UnreadableInput):
                raise file
            found = inputs.messages(inputs.read_file(file))
        except inputs.UnreadableInput as error:
            complain(str(error))
            status = 2
            continue
        for line, octets in found:
            where = file if line is None else f"{file}:{line}"
            try:
                if isinstance(octets, ParseError):
                    raise octets
                print(change(parse_message(octets)).octets.hex().upper())
            except (BuildError, KeyUnavailable, ParseError) as error:
                complain(f"{where}: {error}")
                status = max(status, 1)
    return status
