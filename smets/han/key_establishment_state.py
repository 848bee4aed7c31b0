"""What a node remembers of key establishment, and what a row of its table is looked up for.

Inner parts of `key_establishment`. Source: SE standard Annex C (reference: se-security 8).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gbcs.ids import EntityId
from gbcs.time import Utc

from .compute import Computed
from .credential import CbkeCredential
from .ecmqv import Agreement, Ephemeral
from .ecqv import Certificate
from .key_establishment_frames import MAX_SECONDS, Command, Initiate
from .link import Address


@dataclass(slots=True)
class Attempts:
    """Attempts with a peer: when the next is due, how many failed, what it supports."""

    peer: Address
    due: Utc
    suites: int | None
    asks: bool
    failed: int = 0


@dataclass(slots=True)
class Exchange:
    """The running exchange. `transaction`: that of the last request, either way."""

    peer: Address
    initiator: bool
    chosen: CbkeCredential | None = None
    transaction: int = 0
    peer_times: tuple[int, int] = (0, 0)
    certificate: Certificate | None = None
    own: Ephemeral | None = None
    peer_ephemeral: bytes = b""
    peer_mac: bytes = field(default=b"", repr=False)
    agreed: Agreement | None = None

    @property
    def credential(self) -> CbkeCredential:
        """The own credential; it is chosen before anything is sent."""
        assert self.chosen is not None
        return self.chosen

    @property
    def agreement(self) -> Agreement:
        """What both agreed, once it is computed."""
        assert self.agreed is not None
        return self.agreed


@dataclass(frozen=True, slots=True)
class Cause:
    """Who or what asks for a row: a message, a result, or the time.

    `initiate` and `certificate` are None where the message is none, or cannot be split; the
    properties are for rows behind those that ask so.
    """

    source: Address | None
    now: Utc
    message: Command | None = None
    octets: bytes = b""
    initiate: Initiate | None = None
    certificate: Certificate | None = None
    computed: Computed | None = None
    suites: int | None = None

    @property
    def address(self) -> Address:
        """The sender, or the station it is about."""
        assert self.source is not None
        return self.source

    @property
    def station(self) -> EntityId:
        """The station of `address`."""
        return self.address.station

    @property
    def command(self) -> Command:
        """The message."""
        assert self.message is not None
        return self.message

    @property
    def said(self) -> Initiate:
        """The payload of Initiate."""
        assert self.initiate is not None
        return self.initiate

    @property
    def shown(self) -> Certificate:
        """The certificate of Initiate."""
        assert self.certificate is not None
        return self.certificate

    @property
    def has_bad_time(self) -> bool:
        """Whether a generate time is FF."""
        return max(self.said.ephemeral_time, self.said.confirm_time) > MAX_SECONDS

    @property
    def result(self) -> object:
        """What was computed."""
        return self.computed.result if self.computed else None

    @property
    def ephemeral(self) -> Ephemeral:
        """The ephemeral key that was computed."""
        assert isinstance(self.result, Ephemeral)
        return self.result

    @property
    def agreement(self) -> Agreement:
        """The agreement that was computed."""
        assert isinstance(self.result, Agreement)
        return self.result
