"""Joining and unjoining other devices: the rules, the key agreement of a pair, what is logged.

A join by method A is answered when the key agreement of the pair has ended. What that takes is
asked for as an effect, and its end is an event (`smets.han.join_keys`). Which device may join by which
method is the table `JOINS`. Source: GBCS CS03, CS04 (reference: chts-hub 6, gbcs-messages 8.5, gbcs-crypto
17, smets-esme 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gbcs.asn1.joins import (
    CS03A1,
    CS03A2,
    CS03B,
    CS03C,
    CS04AC,
    CS04B,
    DEVICE_TYPES,
    JoinCode,
    JoinCommand,
    Method,
    UnjoinCode,
    join_response_octets,
)
from gbcs.errors import BuildError, ParseError
from gbcs.ids import DeviceType, EntityId, KeyUsage
from gbcs.security.certificates import read_certificate
from gbcs.time import Utc

from ..eventlog import occur
from ..events import Event, Metrology, ProfileEffect, ProfileEvent
from ..profile import Behaviour
from ..work import Work
from .device_log import Entry, device_type_of, entries, find, put, remove

PENDING = "joining/"
JOIN_FAILED, JOINED, UNJOIN_FAILED, UNJOINED = 0x8F48, 0x8F49, 0x8F4A, 0x8F4B
JOINED_SMHAN = 0x8183
RULE = "chts-hub 6"
SUCCESS = JoinCode.SUCCESS


@dataclass(frozen=True, slots=True)
class AgreeKey(ProfileEffect):
    """Get a partner link key with a station, and establish a key with it under that one."""

    station: EntityId


@dataclass(frozen=True, slots=True)
class ForgetKey(ProfileEffect):
    """The pair has no key any more; an agreement that runs ends."""

    station: EntityId


@dataclass(frozen=True, slots=True)
class KeyAgreed(ProfileEvent):
    """The key agreement with a station succeeded; this is the link key of the pair."""

    station: EntityId
    link_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyNotAgreed(ProfileEvent):
    """The key agreement with a station failed; `code` says why."""

    station: EntityId
    code: JoinCode


class Join(NamedTuple):
    """One row: a device of a kind, how it takes part, and the other's kind."""

    device: DeviceType
    method: Method
    other: DeviceType


# fmt: off
JOINS: tuple[Join, ...] = (
    Join(DeviceType.ESME, Method.A_INITIATOR, DeviceType.HCALCS),
    Join(DeviceType.ESME, Method.A_INITIATOR, DeviceType.PPMID),
    Join(DeviceType.ESME, Method.B, DeviceType.TYPE2),
    Join(DeviceType.GSME, Method.B, DeviceType.GPF),
    Join(DeviceType.GSME, Method.B, DeviceType.TYPE2),
    Join(DeviceType.GSME, Method.C, DeviceType.PPMID),
    Join(DeviceType.GPF, Method.B, DeviceType.GSME),
    Join(DeviceType.GPF, Method.B, DeviceType.PPMID),
    Join(DeviceType.GPF, Method.B, DeviceType.TYPE2),
    Join(DeviceType.HCALCS, Method.A_RESPONDER, DeviceType.ESME),
    Join(DeviceType.PPMID, Method.A_RESPONDER, DeviceType.ESME),
    Join(DeviceType.PPMID, Method.C, DeviceType.GSME),
)
# fmt: on
METHODS: dict[int, tuple[Method, ...]] = {
    CS03A1: (Method.A_INITIATOR, Method.A_RESPONDER),
    CS03A2: (Method.A_INITIATOR, Method.A_RESPONDER),
    CS03B: (Method.B,),
    CS03C: (Method.C,),
    CS04AC: (Method.A_INITIATOR, Method.A_RESPONDER, Method.C),
    CS04B: (Method.B,),
}
"""The methods of each Message Code, of joins and of unjoins."""


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """Where the reference is unsure about joins. Raises BuildError."""

    capacity: int = 16
    """Devices in the log at most. Gap: smets-esme 3 gives none; a hub has places for so many."""

    type_1: int = 7
    """HCALCS and PPMIDs at most. Gap: smets-esme 3 has up to 7 from the service interface."""

    agreement_timeout: int = 120
    """Seconds for the key agreement of a pair; then noCBKEResponse. Gap: none in chts-hub 6; attempts of
    key establishment take about half a minute each (se-security 8.3)."""

    other_method: UnjoinCode = UnjoinCode.OTHER_FAILURE
    """What CS04 answers on a device that joined by a method of the other use case. Gap: gbcs-messages 8.5."""

    def __post_init__(self) -> None:
        """Ranges."""
        if not (1 <= self.capacity <= 256 and 0 <= self.type_1 <= self.capacity):
            raise BuildError("1 to 256 devices, those of type 1 among them", "capacity, type_1")
        if not 1 <= self.agreement_timeout <= 3600:
            raise BuildError("1 to 3600 seconds", "agreement_timeout")


Listener = Callable[[Work, EntityId, DeviceType | None], None]


class Joining(Behaviour):
    """Holds the device log. `listeners` hear of a device and its type; of type None when it left."""

    name = "joining"
    ignores = (Metrology,)

    def __init__(
        self,
        device: DeviceType,
        settings: JoinSettings = JoinSettings(),
        listeners: tuple[Listener, ...] = (),
    ) -> None:
        self._device = device
        self._settings = settings
        self._listeners = listeners

    def handle(self, work: Work, event: Event) -> None:
        """Hear how key agreements ended; end those nobody speaks of."""
        if isinstance(event, KeyAgreed):
            self._agreed(work, event.station, SUCCESS, event.link_key)
        elif isinstance(event, KeyNotAgreed):
            self._agreed(work, event.station, event.code)
        until = work.value(f"{PENDING}until")
        if isinstance(until, int) and until <= work.now.us:
            for station, held in list(_pending(work)):
                if held.until <= work.now.us:
                    work.effect(ForgetKey(station))
                    self._agreed(work, station, JoinCode.NO_CBKE_RESPONSE)

    def deadline(self, work: Work) -> Utc | None:
        """When the first key agreement has taken too long."""
        until = work.value(f"{PENDING}until")
        return Utc(until) if isinstance(until, int) else None

    # -- commands ---------------------------------------------------------------------

    def join(self, work: Work, code: int, own: EntityId, command: JoinCommand, reply: str) -> JoinCode | None:
        """Carry out CS03; None where the answer follows, by the name `reply`."""
        refusal = self._refusal(work, code, own, command)
        if refusal is not None:
            occur(work, JOIN_FAILED)
            return refusal
        if command.method not in (Method.A_INITIATOR, Method.A_RESPONDER):
            self._write(
                work, command.station, command.device_type, command.method, command.certificate or b""
            )
            return SUCCESS
        until = work.now.plus(self._settings.agreement_timeout).us
        work.set_value(
            f"{PENDING}{command.station}", (until, command.device_type, int(command.method), reply)
        )
        _plan(work)
        work.effect(AgreeKey(command.station))
        return None

    def unjoin(self, work: Work, code: int, station: EntityId) -> UnjoinCode:
        """Carry out CS04."""
        entry = find(work, station)
        outcome = UnjoinCode.SUCCESS
        if entry is None:
            outcome = UnjoinCode.NOT_IN_DEVICE_LOG
        elif entry.method not in METHODS[code]:
            outcome = self._settings.other_method
        if outcome is UnjoinCode.SUCCESS:
            self._forget(work, station)
        else:
            occur(work, UNJOIN_FAILED)
        return outcome

    def add_reader(self, work: Work, station: EntityId) -> JoinCode:
        """Join a Type 2 device that a person told of at the device itself (local pairing)."""
        command = JoinCommand(Method.B, station, _number(DeviceType.TYPE2))
        refusal = self._refusal(work, CS03B, EntityId(bytes(8)), command)
        if refusal is not None:
            occur(work, JOIN_FAILED)
            return refusal
        self._write(work, station, command.device_type, Method.B, b"")
        return SUCCESS

    def remove_reader(self, work: Work, station: EntityId) -> UnjoinCode:
        """Unjoin a Type 2 device from the device itself."""
        return self.unjoin(work, CS04B, station)

    # -- rules ------------------------------------------------------------------------

    def _refusal(self, work: Work, code: int, own: EntityId, command: JoinCommand) -> JoinCode | None:
        """Why a device may not join, the first reason in this order; None if it may (begin to)."""
        if command.method not in METHODS[code]:
            return JoinCode.INVALID_MESSAGE_CODE
        other = device_type_of(command.device_type)
        if command.station == own or not any(
            row.device is self._device and row.method == command.method and row.other is other
            for row in JOINS
        ):
            return JoinCode.INVALID_METHOD_AND_ROLE
        if not _certificate_fits(command):
            return JoinCode.INVALID_OR_MISSING_CERTIFICATE
        if _held(work, command.station) is not None:
            return JoinCode.NO_RESOURCES  # a key agreement with it runs already
        entry = find(work, command.station)
        if entry is not None:
            same = (entry.device_type, entry.method) == (command.device_type, command.method)
            return None if same else JoinCode.INCOMPATIBLE_WITH_EXISTING_ENTRY
        return None if self._has_room(work, command) else JoinCode.DEVICE_LOG_FULL

    def _has_room(self, work: Work, command: JoinCommand) -> bool:
        """Devices whose key agreement runs have their places already."""
        held = {entry.station: entry for entry in entries(work)}
        for station, pending in _pending(work):
            held.setdefault(station, Entry(station, pending.device_type, pending.method, 0))
        held.pop(command.station, None)
        if len(held) >= self._settings.capacity:
            return False
        acting = sum(entry.is_type_1 for entry in held.values())
        wanted = Entry(command.station, command.device_type, command.method, 0)
        return not wanted.is_type_1 or acting < self._settings.type_1

    def _agreed(self, work: Work, station: EntityId, code: JoinCode, key: bytes = b"") -> None:
        """A key agreement ended: answer the command it was for; nobody's end changes nothing."""
        held = _held(work, station)
        if held is None:
            work.report("ignored", f"key agreement with {station}", RULE)
            return
        work.put(f"{PENDING}{station}", None)
        _plan(work)
        if code is SUCCESS:
            self._write(work, station, held.device_type, held.method, key)
        else:
            occur(work, JOIN_FAILED)
        work.answer(held.reply, join_response_octets(code))

    def _write(self, work: Work, station: EntityId, device_type: int, method: int, key: bytes) -> None:
        put(work, Entry(station, device_type, method, work.time.seconds, key))
        occur(work, JOINED)
        occur(work, JOINED_SMHAN, bytes(station))
        for listener in self._listeners:
            listener(work, station, device_type_of(device_type))

    def _forget(self, work: Work, station: EntityId) -> None:
        remove(work, station)
        occur(work, UNJOINED)
        for listener in self._listeners:
            listener(work, station, None)
        work.effect(ForgetKey(station))


def agreeing(work: Work, station: EntityId) -> Method | None:
    """How a device takes part in the key agreement that runs with a station; None: none runs."""
    held = _held(work, station)
    return None if held is None else Method(held.method)


class _Held(NamedTuple):
    """A join whose key agreement runs: until when, what will be written, the answer's name."""

    until: int
    device_type: int
    method: int
    reply: str


def _held(work: Work, station: EntityId) -> _Held | None:
    match work.value(f"{PENDING}{station}"):
        case (int(until), int(device_type), int(method), str(reply)):
            return _Held(until, device_type, method, reply)
    return None


def _pending(work: Work) -> Iterator[tuple[EntityId, _Held]]:
    for key, _ in work.scan(PENDING):
        name = key.removeprefix(PENDING)
        if name != "until":
            station = EntityId.parse(name)
            held = _held(work, station)
            if held is not None:
                yield station, held


def _plan(work: Work) -> None:
    """Note when the first of the running key agreements has taken too long."""
    until = min((held.until for _, held in _pending(work)), default=None)
    if until is None:
        work.put(f"{PENDING}until", None)
    else:
        work.set_value(f"{PENDING}until", until)


def _certificate_fits(command: JoinCommand) -> bool:
    """A key agreement certificate of the other device with method C, else none."""
    if command.method != Method.C:
        return command.certificate is None
    if command.certificate is None:
        return False
    try:
        held = read_certificate(command.certificate)
    except ParseError:
        return False
    return held.entity == command.station and held.usage is KeyUsage.KEY_AGREEMENT


def _number(kind: DeviceType) -> int:
    return DEVICE_TYPES.index(kind)
