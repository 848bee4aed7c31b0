"""The OTA client of a device, without I/O: it asks the hub for images, fetches them, hands them on.

What moves it is the table of `ota_rows`; what it keeps over a loss of power is in `ota_memory`, so
that it asks on from where it was. It never runs an image: the activation is a command of its own
(CS06). Source: ZigBee OTA Upgrade, GBCS 11 (reference: chts-hub 16).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from gbcs.errors import ParseError
from gbcs.ids import EntityId
from gbcs.ota import OtaHeader, begun_header, image_hash, manufacturer_image
from gbcs.time import Utc
from gbcs.zcl.clusters import DEFAULT_RESPONSE, FAILURE, MALFORMED, SUCCESS, UNSUP_CLUSTER_COMMAND

from ..events import PowerLost, TimerDue
from ..store import Store
from .endpoints import OTA
from .link import Address, LinkDown, LinkUp
from .ota_events import (
    DEFAULT_CLIENT,
    Activated,
    Arrived,
    ImageArrived,
    ImageRefused,
    OtaClientSettings,
    OtaEffect,
    OtaEvent,
    OtaIdentity,
    Progressed,
    SendOta,
)
from .ota_frames import (
    ImageBlock,
    ImageBlockRequest,
    ImageNotify,
    NoBlock,
    OtaCommand,
    QueryNextImageRequest,
    QueryNextImageResponse,
    UpgradeEndRequest,
    UpgradeEndResponse,
    WaitForData,
    ota_command,
    ota_frame,
)
from .ota_image import ImageId, misfit
from .ota_memory import End, Fetching, Held, Kept, OtaMemory, Refusals, begun
from .ota_rows import Action, State, Trigger, row_of
from .suites import Random
from .zcl import ApsMessage, ZclFrame, default_response, parse_header, parse_zcl, wants_default_response

ALL_ENDPOINTS = 0xFF
MOST_JITTER = 100  # of Image Notify


def _is_genuine(header: OtaHeader, image: bytes) -> bool:
    return True


class _Cause(NamedTuple):
    """What a row is looked up for, and what its action needs."""

    trigger: Trigger
    offer: QueryNextImageResponse | None = None
    data: bytes = b""
    seconds: int = 0
    why: str = ""
    hash: bytes | None = None


class OtaClient:
    """An OTA client on its store. `handle` everything that happens; at `next_deadline`, a TimerDue.

    `endpoint`: its own, with the cluster. `running`: the file version that runs. `genuine`: the maker's
    own check of a whole image; gap: GBCS does not fix its signature (chts-hub 16.1). Making one
    raises StoreError if the store holds something else.
    """

    def __init__(
        self,
        address: Address,
        hub: EntityId,
        identity: OtaIdentity,
        running: Callable[[], int],
        store: Store,
        random: Random,
        settings: OtaClientSettings = DEFAULT_CLIENT,
        genuine: Callable[[OtaHeader, bytes], bool] = _is_genuine,
    ) -> None:
        self.address = address
        self.hub = hub
        self.identity = identity
        self.running = running
        self.settings = settings
        self._store = store
        self._random = random
        self._genuine = genuine
        self._sequence = 0
        self._load()

    def _load(self) -> None:
        """What is volatile at its beginning, the rest from the store."""
        self._memory = OtaMemory(self._store)
        self.state = self._memory.kept.state
        self._server: Address | None = None
        self._due: Utc | None = None
        self._asked: dict[int, int] = {}  # sequence numbers of the running request, and its command
        self._tries = 0
        self._period = self.settings.period
        self._header_seen = False
        self._announces = self.state is State.ENDING

    # -- what can be seen -------------------------------------------------------------

    @property
    def next_deadline(self) -> Utc | None:
        """When it wants to be told that time is due."""
        return self._due

    @property
    def held(self) -> Held | None:
        """The image that waits for its activation."""
        return self._kept.held

    @property
    def fetching(self) -> Fetching | None:
        """The image that is on its way, also while the client rests."""
        return self._kept.fetching

    @property
    def period(self) -> int:
        """Milliseconds between block requests."""
        return self._period

    def image(self) -> bytes | None:
        """The OTA file that waits for its activation."""
        return None if self.held is None else self._memory.image(self.held.slot)

    @property
    def _kept(self) -> Kept:
        return self._memory.kept

    # -- what happens -----------------------------------------------------------------

    def handle(self, event: OtaEvent, now: Utc) -> tuple[OtaEffect, ...]:
        """Everything an event causes. Raises StoreError if the store fails; nothing is changed then."""
        if isinstance(event, PowerLost):
            self._load()
            return ()
        if isinstance(event, LinkDown):
            if event.peer.station == self.hub:
                self._server, self._due = None, None
            return ()
        if isinstance(event, LinkUp):
            return self._link_up(event, now)
        if isinstance(event, Activated):
            return tuple(self._move(_Cause(Trigger.ACTIVATED), now))
        if isinstance(event, TimerDue):
            if self._due is None or now < self._due:
                return ()
            return tuple(self._move(_Cause(self._of_time()), now))
        if isinstance(event, Arrived):
            return tuple(self._arrived(event, now))
        return ()

    def _link_up(self, event: LinkUp, now: Utc) -> tuple[OtaEffect, ...]:
        if event.peer.station != self.hub:
            return ()
        self._server = event.peer
        out: list[OtaEffect] = []
        if self._announces and self.held is not None:
            out.append(ImageArrived(self.held.image, self._memory.image(self.held.slot), self.held.hash))
        self._announces = False
        return (*out, *self._move(_Cause(Trigger.LINK_UP), now))

    def _of_time(self) -> Trigger:
        """What it means that a deadline has come."""
        if not self._asked:
            return Trigger.TURN
        return Trigger.EXHAUSTED if self._tries >= self.settings.tries else Trigger.OVERDUE

    def _arrived(self, event: Arrived, now: Utc) -> list[OtaEffect]:
        """A message of the hub; anything else is dropped."""
        message = event.message
        ours = (self.address.endpoint, ALL_ENDPOINTS) if event.broadcast else (self.address.endpoint,)
        if event.station != self.hub or message.cluster != OTA or message.destination_endpoint not in ours:
            return []
        try:
            head = parse_header(OTA, message.payload)
        except ParseError:
            return []
        if not head.to_client:
            return []
        if head.is_general:
            is_default = head.command == DEFAULT_RESPONSE and not event.broadcast
            return self._move(self._of_default(message), now) if is_default else []
        if not head.is_of_cluster or not (message.encrypted or event.broadcast):
            return []
        status = SUCCESS
        out: list[OtaEffect] = []
        try:
            command = ota_command(message.payload, self.settings.wire)
        except ParseError:
            status = MALFORMED
        else:
            if command is None or isinstance(
                command, QueryNextImageRequest | ImageBlockRequest | UpgradeEndRequest
            ):
                status = UNSUP_CLUSTER_COMMAND
            elif isinstance(command, ImageNotify):
                out = self._move(self._of_notice(command, event.broadcast), now)
            elif message.encrypted and not event.broadcast and message.source_endpoint == self._endpoint:
                out = self._move(self._of_answer(command, head), now)
        if not event.broadcast and wants_default_response(head):
            out.insert(0, self._reply(message, default_response(head, status)))
        return out

    @property
    def _endpoint(self) -> int | None:
        return None if self._server is None else self._server.endpoint

    # -- what it means ----------------------------------------------------------------

    def _of_notice(self, notice: ImageNotify, broadcast: bool) -> _Cause | None:
        """Whether a notice means this client; of a broadcast one the jitter lets some ask at once."""
        if self._server is None:
            return None
        known = {self.running(), *(() if self.held is None else (self.held.image.file_version,))}
        if notice.manufacturer not in (None, self.identity.manufacturer):
            return None
        if notice.image_type not in (None, self.identity.image_type) or notice.file_version in known:
            return None
        if broadcast and 1 + self._draw(MOST_JITTER) > notice.jitter:
            return None
        return _Cause(Trigger.NOTIFIED)

    def _of_default(self, message: ApsMessage) -> _Cause | None:
        """What a Default Response to the running request means.

        One without the link key says that the request lacked it, nothing else (se-security 9.2).
        """
        try:
            frame = parse_zcl(OTA, message.payload)
            command, status = frame.values["CommandId"], frame.values["Status"]
        except ParseError:
            return None
        if self._asked.get(frame.sequence) != command or message.source_endpoint != self._endpoint:
            return None
        if not message.encrypted and status != FAILURE:
            return None
        if self.state in (State.ENDING, State.REFUSING):
            return _Cause(Trigger.ANSWERED)
        return None if status == SUCCESS else _Cause(Trigger.REFUSED)

    def _of_answer(self, command: OtaCommand, head: ZclFrame) -> _Cause | None:
        """What an answer means; one to a request of long ago means nothing."""
        current = head.sequence in self._asked
        fetching = self.fetching
        if isinstance(command, QueryNextImageResponse):
            asking = self.state in (State.ASKING, State.ASKING_ANEW)
            return self._of_offer(command) if current and asking else None
        if isinstance(command, UpgradeEndResponse):
            end = self._kept.end
            return _Cause(Trigger.ANSWERED) if current or (end and end.image == command.image) else None
        if self.state is not State.RECEIVING or fetching is None:
            return None
        if isinstance(command, ImageBlock):
            # the answer to an earlier request for the same octets is as good
            if (command.image, command.offset) != (fetching.image, fetching.octets):
                return None
            if not 0 < len(command.data) <= min(self.settings.most_data, fetching.size - fetching.octets):
                return None
            return self._of_block(fetching, command.data)
        if not current:
            return None
        if isinstance(command, WaitForData):
            self._period = max(self.settings.period, command.period)
            seconds = min(max(0, command.request - command.current), self.settings.most_wait)
            return _Cause(Trigger.WAIT, seconds=seconds)
        why = f"status {command.status:02X}" if isinstance(command, NoBlock) else ""
        return _Cause(Trigger.ABORTED, why=why)

    def _of_offer(self, offer: QueryNextImageResponse) -> _Cause:
        """Whether the image that is offered is one to fetch."""
        image = offer.image
        if image is None or (image.manufacturer, image.image_type) != self.identity[:2]:
            return _Cause(Trigger.NOTHING)
        if image.file_version == self.running() or (self.held is not None and image == self.held.image):
            return _Cause(Trigger.NOTHING)
        refusals = self._kept.refusals
        if refusals is not None and refusals.image == image and refusals.times >= self.settings.most_refusals:
            return _Cause(Trigger.NOTHING)
        if not 0 < offer.size <= self.settings.most_octets:
            why = f"{offer.size} octets, at most {self.settings.most_octets} are taken"
            return _Cause(Trigger.UNFIT, offer, why=why)
        return _Cause(Trigger.OFFERED, offer)

    def _of_block(self, fetching: Fetching, data: bytes) -> _Cause:
        """Whether an image is sound so far, and whether it is whole."""
        try:
            why = self._misfit(fetching, data)
            if why:
                return _Cause(Trigger.BAD, why=why)
            if fetching.octets + len(data) < fetching.size:
                return _Cause(Trigger.BLOCK, data=data)
            octets = self._memory.image(fetching.slot) + data
            image = manufacturer_image(octets, self.settings.boundary)
        except ParseError as error:
            return _Cause(Trigger.BAD, why=str(error))
        found = image_hash(image)
        if not self._genuine(OtaHeader.parse(octets)[0], image):
            return _Cause(Trigger.BAD, why="it is not genuine", hash=found)
        return _Cause(Trigger.WHOLE, data=data, hash=found)

    def _misfit(self, fetching: Fetching, data: bytes) -> str:
        """Why the header, once it is there, is not that of the image that was offered to this device."""
        whole = fetching.octets + len(data) == fetching.size
        if self._header_seen and not whole:
            return ""
        header = begun_header(self._memory.image(fetching.slot) + data)
        if header is None:
            return "its header is cut short" if whole else ""
        self._header_seen = True
        if ImageId.of(header) != fetching.image:
            return f"{ImageId.of(header)} in the file"
        if header.total_size != fetching.size:
            return f"{header.total_size} octets in the file"
        return misfit(header, self.address.station, self.identity.hardware, False)

    # -- what is done -----------------------------------------------------------------

    def _move(self, cause: _Cause | None, now: Utc) -> list[OtaEffect]:
        """Follow the row of a cause, if there is one: first the store, then the rest."""
        row = None if cause is None else row_of(self.state, cause.trigger, self.held is not None)
        if cause is None or row is None:
            return []
        before, fetching = self.state, self.fetching
        kept = replace(self._kept, state=row.after)
        action = row.action
        out: list[OtaEffect] = []
        if action is Action.BEGIN and cause.offer is not None and cause.offer.image is not None:
            self._memory.save(begun(kept, cause.offer.image, cause.offer.size))
            self._header_seen = False
        elif action is Action.KEEP and fetching is not None:
            out.append(self._store_block(kept, fetching, cause.data))
        elif action is Action.FINISH and fetching is not None and cause.hash is not None:
            out += self._store_last(kept, fetching, cause.data, cause.hash)
        elif action is Action.REFUSE and fetching is not None:
            kept = _refused(replace(kept, fetching=None), fetching.image, self.settings.wire.invalid_image)
            self._memory.save(kept)
            out.append(ImageRefused(fetching.image, cause.why, cause.hash))
        elif action is Action.DECLINE and cause.offer is not None and cause.offer.image is not None:
            self._memory.save(_refused(kept, cause.offer.image, self.settings.wire.abort))
            out.append(ImageRefused(cause.offer.image, cause.why))
        elif action is Action.DROP and fetching is not None:
            self._memory.save(replace(kept, fetching=None))
            out.append(ImageRefused(fetching.image, f"the server ended it: {cause.why}"))
        elif action is Action.TIDY:
            self._memory.save(replace(kept, held=None))
        else:
            self._memory.save(kept)
        self.state = row.after
        return out + self._go_on(action, cause, before, now)

    def _go_on(self, action: Action, cause: _Cause, before: State, now: Utc) -> list[OtaEffect]:
        """Ask, or rest, after what was stored."""
        if cause.trigger is not Trigger.OVERDUE and action is not Action.TIDY:
            self._asked, self._tries = {}, 0
        settings = self.settings
        if action is Action.PLAN:
            self._due = now.plus(self._draw(settings.start_seconds + 1))
        elif action is Action.REST:
            self._rest(now, settings.query_seconds)
        elif action in (Action.RETRY, Action.DROP) or (action is Action.TIDY and before is State.ENDING):
            self._rest(now, settings.retry_seconds)
        elif action is Action.PAUSE:
            self._due = now.plus(max(1, cause.seconds), us=self._period * 1000)
        elif action is Action.KEEP and self._period:
            self._due = now.plus(us=self._period * 1000)
        elif action is not Action.TIDY:
            return self._ask(now)
        return []

    def _rest(self, now: Utc, seconds: int) -> None:
        """Nothing is asked until then, and not by all at once."""
        self._asked, self._tries = {}, 0
        self._due = now.plus(seconds + self._draw(self.settings.start_seconds + 1))

    def _ask(self, now: Utc) -> list[OtaEffect]:
        """The request of the state, as often as it is asked for; the next answers it, or time is up."""
        command = self._request()
        if command is None or self._server is None:
            return []
        self._sequence = (self._sequence + 1) & 0xFF
        # without a Default Response a request that lacks the link key goes unanswered
        frame = ota_frame(command, self._sequence, self.settings.wire, default_response=True)
        self._asked[frame.sequence] = frame.command
        settings = self.settings
        wait = min(
            settings.answer_seconds << self._tries, max(settings.answer_seconds, settings.most_back_off)
        )
        self._tries += 1
        self._due = now.plus(wait)
        message = ApsMessage(OTA, self.address.endpoint, self._server.endpoint, frame.octets())
        return [SendOta(self.hub, message)]

    def _request(self) -> OtaCommand | None:
        kept, identity, settings = self._kept, self.identity, self.settings
        if self.state in (State.ENDING, State.REFUSING):
            return None if kept.end is None else UpgradeEndRequest(*kept.end)
        if self.state is State.RECEIVING and kept.fetching is not None:
            image, size, octets, _ = kept.fetching
            most = min(settings.most_data, size - octets)
            return ImageBlockRequest(
                image, octets, most, period=self._period if settings.reports_period else None
            )
        current = ImageId(identity.manufacturer, identity.image_type, self.running())
        return QueryNextImageRequest(current, identity.hardware if settings.states_hardware else None)

    def _store_block(self, kept: Kept, fetching: Fetching, data: bytes) -> OtaEffect:
        came = fetching._replace(octets=fetching.octets + len(data))
        self._memory.add(replace(kept, fetching=came), fetching.slot, fetching.octets, data)
        return Progressed(came.image, came.octets, came.size)

    def _store_last(self, kept: Kept, fetching: Fetching, data: bytes, found: bytes) -> list[OtaEffect]:
        image, size, octets, slot = fetching
        kept = replace(
            kept, fetching=None, held=Held(image, size, slot, found), end=End(SUCCESS, image), refusals=None
        )
        self._memory.add(kept, slot, octets, data)
        return [Progressed(image, size, size), ImageArrived(image, self._memory.image(slot), found)]

    def _reply(self, message: ApsMessage, frame: ZclFrame) -> OtaEffect:
        back = ApsMessage(
            OTA,
            self.address.endpoint,
            message.source_endpoint,
            frame.octets(),
            encrypted=message.encrypted,
        )
        return SendOta(self.hub, back)

    def _draw(self, limit: int) -> int:
        """A number below a limit."""
        return int.from_bytes(self._random(4), "big") % limit


def _refused(kept: Kept, image: ImageId, status: int) -> Kept:
    """After an image was not taken: once more, if it is the same as before."""
    old = kept.refusals
    times = old.times if old is not None and old.image == image else 0
    return replace(kept, end=End(status, image), refusals=Refusals(image, times + 1))
