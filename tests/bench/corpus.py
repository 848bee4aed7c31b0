"""What is measured on: the reference messages, or a set made here with the same mix.

Mix of the reference set: of 100 messages 62 carry a MAC and 39 a signature (commands both).
"""

import os
from dataclasses import dataclass
from pathlib import Path

from gbcs.message import Message, parse_message
from gbcs.security.folder import FolderKeyStore
from gbcs.security.store import KeyStore
from tests.hil.replay_home import Home, protected, values

ROOT = Path(__file__).resolve().parent.parent.parent
# read, array read, protected read, set without signature; two commands that are signed
MACED = ((0x00EE, None), (0x003B, None), (0x0027, protected(0x0027, "ImportRegisterCollection.read")))
SIGNED = ((0x0050, None), (0x0043, values(0x0043, True, 10, 5_000, 20, *[b"\0" * 9 + b"\x80\0\xff"] * 4)))


@dataclass(frozen=True)
class Corpus:
    """Messages as octets, and who they are between."""

    name: str
    octets: tuple[bytes, ...]
    keys: KeyStore

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages, parsed."""
        return tuple(parse_message(octets) for octets in self.octets)


def corpus(size: int | None = None) -> Corpus:
    """The reference messages where they are there, else some made here; not more than `size`."""
    folder = Path(os.environ.get("SMETS_REFERENCE") or ROOT.parent / "shared") / "rtds"
    if not folder.is_dir():
        return generated(size or 830)
    files = sorted((folder / "messages").rglob("*.HEX"))
    octets = tuple(bytes.fromhex(file.read_text()) for file in files)
    step = 1 if size is None else max(1, len(octets) // size)
    return Corpus("reference messages", octets[::step][:size], FolderKeyStore(folder / "keystore"))


def generated(size: int) -> Corpus:
    """Commands and answers of a home made here."""
    home = Home()
    octets: list[bytes] = []
    number = 0
    while len(octets) < size:
        # of 8 pairs 5 are MACed both ways; of 3 the command has both and the answer a signature
        code, payload = SIGNED[number % 2] if number % 8 in (1, 4, 7) else MACED[number % 3]
        home.pair("CASE", code, payload)
        octets += [message.octets for message in home.messages.values()]
        if number % 8 in (1, 4, 7):
            octets.append(home.precommand(code, payload).octets)
        number += 1
    return Corpus("messages made here", tuple(octets[:size]), home.store)
