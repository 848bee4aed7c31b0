"""What happens to a hub and what it does, beside what any device knows."""

from __future__ import annotations

from dataclasses import dataclass

from gbcs.ids import EntityId
from smets.events import ProfileEvent


@dataclass(frozen=True, slots=True)
class WanMessage:
    """A whole GBCS message came from the wide area network."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class SendWan:
    """Send a whole GBCS message to a remote party over the wide area network."""

    octets: bytes
    recipient: EntityId


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """A message the hub could not pass on, and why; nothing of it was kept."""

    octets: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class HanContact(ProfileEvent):
    """A device of the log was heard on the home area network."""

    entity: EntityId


@dataclass(frozen=True, slots=True)
class LinkKeyMade(ProfileEvent):
    """Key establishment with a device of the log made a link key: the hash of the key, 16 octets."""

    entity: EntityId
    hashed_key: bytes


@dataclass(frozen=True, slots=True)
class Retrieved(ProfileEvent):
    """A device that sleeps asked for a message with a Message Code; whether it arrived."""

    station: EntityId
    message_code: int
    arrived: bool


@dataclass(frozen=True, slots=True)
class NotRetrieved(ProfileEvent):
    """A message expired before a device that sleeps asked for it."""

    station: EntityId


@dataclass(frozen=True, slots=True)
class ForeignOriginator(ProfileEvent):
    """A device sent a message in another's name."""

    station: EntityId
