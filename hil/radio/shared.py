"""What every radio has, whatever is below it: streams, keys, tasks, turns, and the gate for what arrives."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any

from gbcs.ids import EntityId
from smets.han.endpoints import Endpoint
from smets.han.protection import is_acceptable, refusal
from smets.han.zcl import PROFILE_SE, ApsMessage

from .interface import (
    Admitted,
    Dropped,
    DropReason,
    Event,
    InterPanMessage,
    JoinRefused,
    KeyRow,
    LinkLost,
    Network,
    NoLinkKey,
    NoNetwork,
    RadioError,
    Received,
    SendTimeout,
)
from .settings import RadioSettings
from .streams import Stream

LOG = logging.getLogger(__name__)
ALL_ENDPOINTS = 0xFF


class Shared:
    """The state that the parts of one radio share, and its tasks."""

    def __init__(self, settings: RadioSettings, endpoints: Sequence[Endpoint] = ()) -> None:
        self.settings = settings
        self.endpoints = tuple(endpoints)
        self._numbers = frozenset(endpoint.number for endpoint in endpoints)
        self.messages: Stream[Received] = Stream(settings.backlog)
        self.events: Stream[Event] = Stream(settings.backlog)
        self.inter_pan: Stream[InterPanMessage] = Stream(settings.backlog)
        self.closed = False
        self.eui64 = EntityId(bytes(8))
        self.network: Network | None = None
        self.member = False  # of a network, also while the line or the network has to come back
        self.keys: dict[EntityId, bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: dict[EntityId, asyncio.Semaphore] = {}

    def emit(self, event: Event) -> None:
        """Tell the caller. What strangers can cause at will takes half of the room at most."""
        if (
            isinstance(event, Dropped | JoinRefused | Admitted)
            and len(self.events) > self.settings.backlog // 2
        ):
            return
        if not self.events.put(event):
            LOG.warning("event lost, nobody reads: %s", event)

    def end(self) -> None:
        """Nothing comes any more."""
        for stream in (self.messages, self.events, self.inter_pan):
            stream.end()

    def in_network(self) -> Network:
        """The network. Raises NoNetwork, and LinkLost where it comes back with a line that was lost."""
        if self.network is None:
            if self.member:
                raise LinkLost("the line was lost, the network is not up again")
            raise NoNetwork("the radio is in no network")
        return self.network

    # --- out

    def must_have_key(self, station: EntityId, message: ApsMessage) -> None:
        """Raises NoLinkKey where a message would go out under the key of an install code."""
        if message.encrypted and self.settings.require_authorised and station not in self.keys:
            raise NoLinkKey(f"no link key with {station}")

    @contextlib.asynccontextmanager
    async def turn(self, station: EntityId, within: float) -> AsyncIterator[None]:
        """When it is its turn at a station, for so long. Raises SendTimeout."""
        turns = self._turns.get(station)
        if turns is None:
            turns = self._turns[station] = asyncio.Semaphore(self.settings.per_peer)
        try:
            async with asyncio.timeout(within), turns:
                yield
        except TimeoutError:
            raise SendTimeout(f"{station} did not answer in time") from None

    # --- in

    def deliver(self, received: Received, answer: Callable[[EntityId, ApsMessage], None]) -> bool:
        """Hand on a message that has the protection it needs; `answer` sends a refusal.

        Without endpoints of its own a radio takes what goes to any.
        """
        station, message, settings = received.eui64, received.message, self.settings
        target = message.destination_endpoint
        if self._numbers and target != ALL_ENDPOINTS and target not in self._numbers:
            return True
        if not is_acceptable(message, received.broadcast, settings.protection):
            self.emit(Dropped(station, message.cluster, DropReason.UNPROTECTED))
            response = refusal(message) if settings.answer_unprotected and not received.broadcast else None
            if response is not None:
                answer(station, response)
            return False
        if (
            message.encrypted
            and message.profile == PROFILE_SE
            and settings.require_authorised
            and station not in self.keys
        ):
            self.emit(Dropped(station, message.cluster, DropReason.JOIN_KEY))
            return False
        if not self.messages.put(received):
            self.emit(Dropped(station, message.cluster, DropReason.OVERFLOW))
        return True

    # --- tasks

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something on the side; what goes wrong at the radio then is not the caller's affair."""
        if self.closed:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, RadioError):
            LOG.debug("on the side: %s", error)
        elif error is not None:
            LOG.error("on the side", exc_info=error)

    def spawn_call(self, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """The same for a timer."""
        if not self.closed:
            self.spawn(call())

    async def stop_tasks(self) -> None:
        """End them all."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class KeyBook:
    """Link keys that a dongle should have: the caller's store, and what was set since."""

    def __init__(self, store: Iterable[KeyRow]) -> None:
        self._store = store
        self._changed: dict[EntityId, bytes | None] = {}

    def set(self, station: EntityId, key: bytes | None) -> None:
        """A key from now on; None: no key."""
        self._changed[station] = key

    @contextlib.contextmanager
    def changing(self, station: EntityId, key: bytes) -> Iterator[None]:
        """A key from now on, also if the line is lost meanwhile; as it was if the dongle refuses it."""
        missing = object()
        former = self._changed.get(station, missing)
        self._changed[station] = key
        try:
            yield
        except LinkLost:
            raise
        except RadioError:
            if former is missing:
                del self._changed[station]
            else:
                self._changed[station] = former  # type: ignore[assignment]
            raise

    def clear(self) -> None:
        """Nothing was set."""
        self._changed.clear()

    def wanted(self) -> dict[EntityId, bytes]:
        """The keys by station; that of an install code is given to no dongle again."""
        wanted = {row.station: row.key for row in self._store if row.authorised}
        for station, key in self._changed.items():
            if key is None:
                wanted.pop(station, None)
            else:
                wanted[station] = key
        return wanted
