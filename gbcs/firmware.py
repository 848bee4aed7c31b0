"""Firmware of a device: what it runs and holds, and what CS06 does with it.

Pure: the firmware is an immutable state, each step gives the next one and what to
send; time is passed in. Source: GBCS 11 (reference: gbcs-crypto 19, gbcs-messages 8.6 and 10,
chts-hub 16.3). The file an image comes in is that of `ota`. The alerts CCS08 and CS09 and the
answer of CS08 are plain ASN.1 (`asn1.payload_rows`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

from .asn1.codec import decode, element_of, encode, plain
from .asn1.payload_rows import (
    ACTIVATE_FIRMWARE_ALERT,
    ACTIVATE_FIRMWARE_COMMAND,
    ACTIVATE_FIRMWARE_RESPONSE,
)
from .asn1.replacement import CANCEL
from .dlms.apdu import DataNotification, invoke_id
from .dlms.axdr import Tag, number, octet_string, structure
from .errors import BuildError, Check, SecurityError
from .ids import EntityId
from .ota import ImageBoundary, OtaHeader, image_hash, manufacturer_image
from .time import Utc
from .zcl.gbz import Alert, ImageHash

HASH_LENGTH = 32
VERSION_LENGTH = 4
ACTIVATED, NOT_ACTIVATED = 0x8F66, 0x8F67  # alert codes of a dated activation
VERIFIED, REFUSED = 0x8F72, 0x8F1C  # alert codes of a receipt


@dataclass(frozen=True, slots=True)
class FirmwareSettings:
    """What the specification leaves open about firmware."""

    boundary: ImageBoundary = ImageBoundary.AFTER_HEADER
    """What is hashed. Gap: that the OTA header is left out is stated, the exact boundary is not
    (gbcs-crypto 19 and 24)."""

    keeps_image: bool = False
    """Whether an image stays held once it runs, so that it can be activated again. Gap: no text
    (gbcs-messages 8.6)."""

    past_answers_outcome: bool = False
    """Whether a command dated in the past is answered with the outcome like one without a date,
    instead of NULL and an alert at once. Gap: gbcs-messages 8.6 against 10 (the past counts as now)."""


DEFAULT_SETTINGS = FirmwareSettings()


# -- CS06: activation ------------------------------------------------------------------


class ActivateCode(IntEnum):
    """activateImageResponseCode."""

    SUCCESS = 0
    NO_IMAGE_HELD = 1
    HASH_MISMATCH = 2
    ACTIVATION_FAILURE = 3


class Activation(NamedTuple):
    """The command: which image, the header's counter once more, when. None is now, `CANCEL` takes back."""

    hash: bytes
    counter: int
    at: Utc | None = None

    @classmethod
    def parse(cls, payload: bytes) -> Activation:
        """Read the payload of the command. Raises ParseError."""
        values = plain(decode(ACTIVATE_FIRMWARE_COMMAND, payload))
        return cls(
            values["manufacturerImageHash"], values["originatorCounter"], values.get("executionDateTime")
        )

    def octets(self) -> bytes:
        """The payload of the command. Raises BuildError."""
        values = {
            "manufacturerImageHash": self.hash,
            "originatorCounter": self.counter,
            "executionDateTime": self.at,
        }
        return encode(element_of(ACTIVATE_FIRMWARE_COMMAND, values))


class Outcome(NamedTuple):
    """ExecutionOutcome: how it went, and the version that runs now.

    Gap: that the version is the one after the attempt is not stated (gbcs-crypto 19).
    """

    code: int
    version: bytes


class Answer(NamedTuple):
    """The response: an outcome, or None for a command that is dated or a cancellation."""

    outcome: Outcome | None

    @classmethod
    def parse(cls, payload: bytes) -> Answer:
        """Read the payload of the response. Raises ParseError."""
        values = plain(decode(ACTIVATE_FIRMWARE_RESPONSE, payload))
        return cls(_read_outcome(values["executionOutcome"]) if "executionOutcome" in values else None)

    def octets(self) -> bytes:
        """The payload of the response. Raises BuildError."""
        if self.outcome is None:
            return encode(element_of(ACTIVATE_FIRMWARE_RESPONSE, {"commandAccepted": None}))
        values = {"executionOutcome": _outcome_values(self.outcome)}
        return encode(element_of(ACTIVATE_FIRMWARE_RESPONSE, values))


class DatedOutcome(NamedTuple):
    """The alert of a dated activation (00CA), to the party that sent the command."""

    alert_code: int
    at: Utc
    counter: int
    outcome: Outcome

    @classmethod
    def parse(cls, payload: bytes) -> DatedOutcome:
        """Read the payload of the alert. Raises ParseError."""
        values = plain(decode(ACTIVATE_FIRMWARE_ALERT, payload))
        return cls(
            values["alertCode"],
            values["executionDateTime"],
            values["originatorCounter"],
            _read_outcome(values["executionOutcome"]),
        )

    def octets(self) -> bytes:
        """The payload of the alert. Raises BuildError."""
        values = {
            "alertCode": self.alert_code,
            "executionDateTime": self.at,
            "originatorCounter": self.counter,
            "executionOutcome": _outcome_values(self.outcome),
        }
        return encode(element_of(ACTIVATE_FIRMWARE_ALERT, values))


class HeldImage(NamedTuple):
    """An image that was received and verified: its hash then, and the version it is."""

    hash: bytes
    version: bytes

    @classmethod
    def of(cls, octets: bytes, settings: FirmwareSettings = DEFAULT_SETTINGS) -> HeldImage:
        """The image in the octets of an OTA file. Raises ParseError.

        The firmware version is the file version, most significant octet first. Gap: how the
        two belong together is not stated (chts-hub 22.2).
        """
        version = OtaHeader.parse(octets)[0].file_version.to_bytes(VERSION_LENGTH, "big")
        return cls(image_hash(manufacturer_image(octets, settings.boundary)), version)


class Pending(NamedTuple):
    """A dated activation: its command, and who is told."""

    hash: bytes
    counter: int
    at: Utc
    originator: EntityId


Start = Callable[[HeldImage], bool]
Rehash = Callable[[HeldImage], bytes]


class Instructed(NamedTuple):
    """A step after a command: the next state and the response."""

    state: FirmwareState
    answer: Answer


class Executed(NamedTuple):
    """A step at a time: the next state, and the alert with its recipient, if something was due."""

    state: FirmwareState
    alert: DatedOutcome | None = None
    recipient: EntityId | None = None


def _hash_held(image: HeldImage) -> bytes:
    return image.hash


@dataclass(frozen=True, slots=True)
class FirmwareState:
    """A device's firmware: the version that runs, the one image held, the one activation pending.

    What touches the image itself is given to the steps: `start` runs an image and says whether
    it does, `rehash` recomputes its hash, which by default is the one it was received with.
    Raises BuildError for a version or hash of another length.
    """

    running: bytes
    held: HeldImage | None = None
    pending: Pending | None = None

    def __post_init__(self) -> None:
        """The lengths are those of the messages."""
        versions = [self.running] + ([self.held.version] if self.held is not None else [])
        if any(len(version) != VERSION_LENGTH for version in versions):
            raise BuildError(f"a version has {VERSION_LENGTH} octets", "version")
        if any(len(row.hash) != HASH_LENGTH for row in (self.held, self.pending) if row is not None):
            raise BuildError(f"a hash has {HASH_LENGTH} octets", "hash")

    def received(self, image: HeldImage, genuine: bool, now: Utc) -> tuple[FirmwareState, Receipt]:
        """A whole image has arrived; `genuine` is what the device's own verification found.

        It takes the place of the one held before; one that is not genuine is not kept.
        """
        code = VERIFIED if genuine else REFUSED
        return replace(self, held=image if genuine else None), Receipt(code, now, image.hash)

    def instruct(
        self,
        command: Activation,
        header_counter: int,
        originator: EntityId,
        now: Utc,
        start: Start,
        rehash: Rehash = _hash_held,
        settings: FirmwareSettings = DEFAULT_SETTINGS,
    ) -> Instructed:
        """Carry out an authenticated command at once, store it, or take a stored one back.

        One activation is pending at most: each command takes the place of the one before, also a
        cancellation, which succeeds with nothing pending. Raises SecurityError(Check.COUNTER) where
        the counter is not the header's.
        """
        if command.counter != header_counter:
            reason = f"counter {command.counter:016X} in the payload, {header_counter:016X} in the header"
            raise SecurityError(Check.COUNTER, reason)
        state = replace(self, pending=None)
        if command.at == CANCEL:
            return Instructed(state, Answer(None))
        if command.at is None or (settings.past_answers_outcome and command.at <= now):
            state, outcome = state._execute(command.hash, start, rehash, settings)
            return Instructed(state, Answer(outcome))
        pending = Pending(command.hash, command.counter, command.at, originator)
        return Instructed(replace(self, pending=pending), Answer(None))

    @property
    def deadline(self) -> Utc | None:
        """When `due` has something to do, or None."""
        return None if self.pending is None else self.pending.at

    def due(
        self,
        now: Utc,
        start: Start,
        rehash: Rehash = _hash_held,
        settings: FirmwareSettings = DEFAULT_SETTINGS,
    ) -> Executed:
        """Carry out the pending activation if its time has come; the alert has the time it was done."""
        pending = self.pending
        if pending is None or now < pending.at:
            return Executed(self)
        state, outcome = replace(self, pending=None)._execute(pending.hash, start, rehash, settings)
        code = ACTIVATED if outcome.code == ActivateCode.SUCCESS else NOT_ACTIVATED
        alert = DatedOutcome(code, now.floor(1), pending.counter, outcome)
        return Executed(state, alert, pending.originator)

    def _execute(
        self, wanted: bytes, start: Start, rehash: Rehash, settings: FirmwareSettings
    ) -> tuple[FirmwareState, Outcome]:
        """The order of gbcs-messages 8.6: an image, its hash, whether it runs."""
        held = self.held
        if held is None:
            return self, Outcome(ActivateCode.NO_IMAGE_HELD, self.running)
        if rehash(held) != wanted:
            return self, Outcome(ActivateCode.HASH_MISMATCH, self.running)
        if not start(held):
            return self, Outcome(ActivateCode.ACTIVATION_FAILURE, self.running)
        state = replace(self, running=held.version, held=held if settings.keeps_image else None)
        return state, Outcome(ActivateCode.SUCCESS, state.running)


def _outcome_values(outcome: Outcome) -> dict[str, object]:
    return {"activateImageResponseCode": int(outcome.code), "firmwareVersion": outcome.version}


def _read_outcome(values: dict[str, object]) -> Outcome:
    return Outcome(values["activateImageResponseCode"], values["firmwareVersion"])  # type: ignore[arg-type]


# -- the receipt of an image -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receipt:
    """The Firmware Distribution Receipt Alert: whether an image was verified, when, and its hash.

    Signed, to the supplier; Message Code 00CE in DLMS, 00CF in GBZ.
    """

    alert_code: int
    at: Utc
    hash: bytes

    def dlms(self, counter: int) -> bytes:
        """The payload of the alert with this Originator Counter (00CE). Raises BuildError."""
        body = structure(
            number(Tag.LONG_UNSIGNED, self.alert_code),
            octet_string(self.at.to_cosem()),
            octet_string(_hash(self.hash)),
        )
        return DataNotification(invoke_id(counter), body).octets()

    def gbz(self) -> bytes:
        """The payload of the alert (00CF). Raises BuildError."""
        return Alert(self.alert_code, self.at.seconds, ImageHash(_hash(self.hash))).octets()


def _hash(octets: bytes) -> bytes:
    if len(octets) != HASH_LENGTH:
        raise BuildError(f"a hash has {HASH_LENGTH} octets", "hash")
    return octets
