"""A device's firmware: images that arrive, which one runs, and its activation now or at a time (CS06).

The steps are those of `gbcs.firmware`; here they meet the store, the log and the alerts. The image's
octets are somebody else's (`han.ota_memory`). A restart changes nothing: what an activation was
answered with is stored with the version it gave, so the new image repeats the same response.
Source: GBCS 11 (reference: gbcs-crypto 19, gbcs-messages 8.6 and 10).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gbcs.errors import BuildError
from gbcs.firmware import (
    DEFAULT_SETTINGS,
    ActivateCode,
    Activation,
    Answer,
    FirmwareSettings,
    FirmwareState,
    HeldImage,
    Outcome,
    Pending,
)
from gbcs.ids import EntityId
from gbcs.time import Utc

from ..eventlog import occur, write
from ..events import Event, Metrology, ProfileEffect, ProfileEvent
from ..fault import armed_fault
from ..profile import Behaviour
from ..store import StoreError
from ..values import Value
from ..work import Work

VERSION = "FirmwareVersion"
HELD = "firmware/held"
PENDING = "firmware/pending"
CHANGED = 0x8F43
RECEIPT_DLMS = 0x00CE
ACTIVATION = 0x00CA


@dataclass(frozen=True, slots=True)
class NewImage(ProfileEvent):
    """A whole image is here. `genuine`: whether the device's own verification holds.

    `hash` is the SHA-256 of the Manufacturer Image, `version` has 4 octets.
    """

    hash: bytes
    version: bytes
    genuine: bool = True


@dataclass(frozen=True, slots=True)
class FirmwareChanged(ProfileEffect):
    """Another image runs from now on; the one that brought it is no longer held unless `keeps`."""

    hash: bytes
    version: bytes
    keeps: bool


Rehash = Callable[[Work, HeldImage], bytes]
"""The hash of the held image as it is in memory now."""


def _as_received(work: Work, image: HeldImage) -> bytes:
    return image.hash


class Firmware(Behaviour):
    """Holds the newest verified image, and activates it. `rehash` looks at its octets once more.

    `receipt` is the Message Code of the Firmware Distribution Receipt Alert.
    """

    name = "firmware"
    ignores = (Metrology,)

    def __init__(
        self,
        settings: FirmwareSettings = DEFAULT_SETTINGS,
        rehash: Rehash = _as_received,
        receipt: int = RECEIPT_DLMS,
    ) -> None:
        self._settings = settings
        self._rehash = rehash
        self._receipt = receipt

    def instruct(
        self, work: Work, command: Activation, originator: EntityId, fault: tuple[int, int] | None = None
    ) -> Answer:
        """Carry out an authenticated command, store it or take one back. `fault`: see `_Memory`."""
        memory = _Memory(work, self._rehash, fault)
        before = _state(work)
        instructed = before.instruct(
            command,
            command.counter,
            originator,
            work.time,
            memory.start,
            memory.rehash,
            self._settings,
        )
        self._keep(work, before, instructed.state)
        self._tell(work, before, instructed.answer.outcome)
        return instructed.answer

    def deadline(self, work: Work) -> Utc | None:
        """When the pending activation is due."""
        pending = _pending(work)
        return None if pending is None else work.shell_time(pending.at)

    def handle(self, work: Work, event: Event) -> None:
        """Take an image, and carry out an activation that is due."""
        if isinstance(event, NewImage):
            self._arrived(work, event)
        pending = _pending(work)
        if pending is None or work.time < pending.at:
            return
        before = _state(work)
        memory = _Memory(work, self._rehash, armed_fault(work))
        done = before.due(work.time, memory.start, memory.rehash, self._settings)
        self._keep(work, before, done.state)
        if done.alert is not None:
            work.alert(
                done.alert.alert_code,
                message_code=ACTIVATION,
                recipient=done.recipient,
                payload=done.alert.octets(),
            )
            self._tell(work, before, done.alert.outcome)

    def _arrived(self, work: Work, event: NewImage) -> None:
        """Tell the supplier of an image, once; a shell tells of the same one again after a loss of power."""
        before = _state(work)
        try:
            image = HeldImage(event.hash, event.version)
            if event.genuine and before.held == image:
                return
            FirmwareState(before.running, image)  # its lengths, also where it is not kept
            after, receipt = before.received(image, event.genuine, work.time)
        except BuildError as error:
            work.report("refused", f"not an image: {error}", "gbcs-crypto 19")
            return
        self._keep(work, before, after)
        write(work, "SecurityLog", receipt.alert_code)
        work.alert(receipt.alert_code, receipt.hash, message_code=self._receipt)

    def _keep(self, work: Work, before: FirmwareState, after: FirmwareState) -> None:
        if after.running != before.running:
            work.set_item(VERSION, after.running)
        if after.held != before.held:
            _put(work, HELD, None if after.held is None else (after.held.hash, after.held.version))
        if after.pending != before.pending:
            waiting = after.pending
            value = (
                None
                if waiting is None
                else (waiting.at.us, waiting.hash, waiting.counter, bytes(waiting.originator))
            )
            _put(work, PENDING, value)

    def _tell(self, work: Work, before: FirmwareState, outcome: Outcome | None) -> None:
        """Log a change of the executing version, and let the shell start the image."""
        if outcome is None or outcome.code != ActivateCode.SUCCESS or before.held is None:
            return
        occur(work, CHANGED)
        work.effect(FirmwareChanged(before.held.hash, before.held.version, self._settings.keeps_image))


class _Memory:
    """The held image as a step sees it; the code of a fault makes it broken, or not start."""

    def __init__(self, work: Work, rehash: Rehash, fault: tuple[int, int] | None) -> None:
        self._work = work
        self._rehash = rehash
        self._code = None if fault is None else fault[1]

    def start(self, image: HeldImage) -> bool:
        return self._code != ActivateCode.ACTIVATION_FAILURE

    def rehash(self, image: HeldImage) -> bytes:
        return b"" if self._code == ActivateCode.HASH_MISMATCH else self._rehash(self._work, image)


def _state(work: Work) -> FirmwareState:
    """What the store says. Raises StoreError."""
    running = work.item(VERSION)
    match work.value(HELD):
        case None:
            held = None
        case (bytes(digest), bytes(version)):
            held = HeldImage(digest, version)
        case _:
            raise StoreError("the store holds no image here")
    if not isinstance(running, bytes):
        raise StoreError("the store holds no firmware version")
    try:
        return FirmwareState(running, held, _pending(work))
    except BuildError as error:
        raise StoreError(f"the stored firmware: {error}") from None


def _pending(work: Work) -> Pending | None:
    match work.value(PENDING):
        case None:
            return None
        case (int(at), bytes(digest), int(counter), bytes(originator)) if len(originator) == 8:
            return Pending(digest, counter, Utc(at), EntityId(originator))
    raise StoreError("the store holds no activation here")


def _put(work: Work, key: str, value: Value) -> None:
    if value is None:
        work.put(key, None)
    else:
        work.set_value(key, value)
