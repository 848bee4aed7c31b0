"""The unit of work: what one event reads and writes, committed as a whole or not at all.

Behaviours and servers see the device's state only through this. Nothing reaches the
store before `commit`, and no effect leaves before that returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gbcs.errors import Check
from gbcs.ids import EntityId
from gbcs.message import Message
from gbcs.time import Utc

from .events import Effect, Happened
from .store import Store
from .values import Value, is_plain, pack, unpack

if TYPE_CHECKING:
    from gbcs.security.content import ContentSealer

    from .settings import DeviceSettings

ITEM = "item/"
LOG = "log/"
_CLOCK = "clock/offset"
_COUNT = "/count"


class _Absent(Enum):
    """What a cache holds of a key that the store does not."""

    ABSENT = 0


_ABSENT: Final = _Absent.ABSENT
Cache: TypeAlias = dict[str, "Value | _Absent"]
"""Values that are in the store, by key, so that they need not be unpacked again; logs are not among them."""


def _is_entry(key: str) -> bool:
    """Whether a key is that of an entry of a log: there are too many to keep."""
    return key.startswith(LOG) and not key.endswith(_COUNT)


Sealed: TypeAlias = "Callable[[ContentSealer], tuple[Any, ...]]"
"""Content of an alert, encrypted with the keys of the message that carries it."""


@dataclass(frozen=True, slots=True)
class AlertRequest:
    """An alert to be sent when the unit of work ends.

    `message_code` and `recipient` are None where the alert table decides; `content` is
    what follows code and time, in the device's payload family. `payload` is the whole of it
    where that is another family's. `sealed` makes the content that is for the recipient only.
    """

    code: int
    content: tuple[Value, ...] = ()
    message_code: int | None = None
    recipient: EntityId | None = None
    supplementary: tuple[EntityId, int | None] | None = None
    payload: bytes | None = None
    sealed: Sealed | None = None


class Work:
    """One unit of work over a store at one moment.

    `now` is the shell's time; `time` what the device's clock shows, which may differ.
    `defaults` holds the value of every data item that was never written, `log_sizes`
    the capacity of every log. `cache` is the device's, kept from one unit to the next; nobody
    else may change the store meanwhile. `changed` is given the keys of what is committed.
    """

    __slots__ = (
        "_cache",
        "_changed",
        "_event_is_on",
        "_octets",
        "_store",
        "_values",
        "alerts",
        "answers",
        "defaults",
        "effects",
        "log_sizes",
        "now",
        "settings",
    )

    def __init__(
        self,
        store: Store,
        now: Utc,
        defaults: Mapping[str, Value],
        log_sizes: Mapping[str, int],
        settings: DeviceSettings,
        event_is_on: Callable[[Work, int], bool] | None = None,
        cache: Cache | None = None,
        changed: set[str] | None = None,
    ) -> None:
        self._store = store
        self._changed = changed
        self._cache = {} if cache is None else cache
        # what changed, each key in one of the two: octets as they are, values not packed yet
        self._octets: dict[str, bytes | None] = {}
        self._values: dict[str, Value] = {}
        self.now = now
        self.defaults = defaults
        self.log_sizes = log_sizes
        self.settings = settings
        self._event_is_on = event_is_on
        self.effects: list[Effect] = []
        self.alerts: list[AlertRequest] = []
        self.answers: list[tuple[str, bytes]] = []

    # -- raw octets -------------------------------------------------------------------

    def get(self, key: str) -> bytes | None:
        """The octets under a key, changes of this unit included."""
        if key in self._values:
            return pack(self._values[key])
        if key in self._octets:
            return self._octets[key]
        return self._store.get(key)

    def put(self, key: str, octets: bytes | None) -> None:
        """Write octets under a key; None deletes."""
        self._values.pop(key, None)
        self._octets[key] = octets

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Every (key, octets) under a prefix in key order, changes of this unit included."""
        changed = {k: v for k, v in self._octets.items() if k.startswith(prefix)}
        changed |= {k: pack(v) for k, v in self._values.items() if k.startswith(prefix)}
        if not changed:
            yield from self._store.scan(prefix)
            return
        merged: dict[str, bytes | None] = {**dict(self._store.scan(prefix)), **changed}
        for key in sorted(merged):
            octets = merged[key]
            if octets is not None:
                yield key, octets

    def changed(self, prefix: str | tuple[str, ...]) -> bool:
        """Whether this unit has changes under a prefix, or one of them, that are not committed yet."""
        for made in (self._values, self._octets):
            for key in made:
                if key.startswith(prefix):
                    return True
        return False

    def commit(self) -> None:
        """Make every change durable. Raises StoreError, and then nothing changed."""
        octets, values, cache = self._octets, self._values, self._cache
        if not octets and not values:
            return
        packed: dict[str, bytes | None] = {key: pack(value) for key, value in values.items()}
        self._store.commit({**octets, **packed} if octets else packed)
        if self._changed is not None:
            self._changed.update(octets, values)
        for key in octets:
            cache.pop(key, None)
        for key, value in values.items():
            if type(value) is int:  # no entry of a log is one
                cache[key] = value
            elif not _is_entry(key):
                if is_plain(value):
                    cache[key] = value
                else:
                    cache.pop(key, None)
        self._octets, self._values = {}, {}

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Forget every change, effect and alert of the block if it raises."""
        octets, values = dict(self._octets), dict(self._values)
        effects, alerts, answers = len(self.effects), len(self.alerts), len(self.answers)
        try:
            yield
        except BaseException:
            self._octets, self._values = octets, values
            del self.effects[effects:]
            del self.alerts[alerts:]
            del self.answers[answers:]
            raise

    # -- values -----------------------------------------------------------------------

    def value(self, key: str, default: Value = None) -> Value:
        """The value under a key."""
        if key in self._values:
            return self._values[key]
        found = self._kept(key)
        return default if found is _ABSENT else found

    def _kept(self, key: str) -> Value | _Absent:
        """What is under a key that this unit has no value for."""
        if key in self._octets:
            octets = self._octets[key]
            return _ABSENT if octets is None else unpack(octets)
        if key in self._cache:
            return self._cache[key]
        octets = self._store.get(key)
        found = _ABSENT if octets is None else unpack(octets)
        if not _is_entry(key):
            self._cache[key] = found
        return found

    def set_value(self, key: str, value: Value) -> None:
        """Write a value under a key."""
        if self._octets:
            self._octets.pop(key, None)
        self._values[key] = value

    def number(self, key: str, default: int = 0) -> int:
        """The number under a key."""
        value = self._values[key] if key in self._values else self._kept(key)
        return value if isinstance(value, int) else default

    # -- data items -------------------------------------------------------------------

    def item(self, name: str) -> Value:
        """A data item, its default if it was never written. Raises KeyError for an unknown one."""
        key = ITEM + name
        if key in self._values:
            return self._values[key]
        found = self._kept(key)
        return self.defaults[name] if found is _ABSENT else found

    def int_item(self, name: str) -> int:
        """A data item that is a number."""
        value = self.item(name)
        if type(value) is int:
            return value
        return int(value) if isinstance(value, int) else 0

    def set_item(self, name: str, value: Value) -> None:
        """Write a data item. Raises KeyError for an unknown one."""
        if name not in self.defaults:
            raise KeyError(name)
        self.set_value(ITEM + name, value)

    # -- logs -------------------------------------------------------------------------

    def log(self, name: str, *entry: Value) -> None:
        """Append an entry, its time stamp first; the oldest goes when the log is full."""
        counter = f"{LOG}{name}{_COUNT}"
        count = self.number(counter)
        self.set_value(f"{LOG}{name}/{count % self.log_sizes[name]:05d}", entry)
        self.set_value(counter, count + 1)

    def log_entries(self, name: str) -> Iterator[tuple[Value, ...]]:
        """The entries of a log, oldest first."""
        size = self.log_sizes[name]
        count = self.number(f"{LOG}{name}{_COUNT}")
        for index in range(max(0, count - size), count):
            entry = self.value(f"{LOG}{name}/{index % size:05d}")
            if isinstance(entry, tuple):
                yield entry

    def logs(self, code: int) -> bool:
        """Whether the logging of a configurable code is switched on."""
        return self._event_is_on is None or self._event_is_on(self, code)

    def clear_log(self, name: str) -> None:
        """Forget the entries of a log."""
        for key, _ in list(self.scan(f"{LOG}{name}/")):
            self.put(key, None)

    # -- time -------------------------------------------------------------------------

    @property
    def time(self) -> Utc:
        """What the device's clock shows."""
        offset = self.number(_CLOCK)
        return self.now.plus(us=offset) if offset else self.now

    def shell_time(self, time: Utc) -> Utc:
        """When, in the shell's time, the device's clock will show a time."""
        return time.plus(us=-self.number(_CLOCK))

    # -- what leaves ------------------------------------------------------------------

    def effect(self, effect: Effect) -> None:
        """Let an effect leave after the commit."""
        self.effects.append(effect)

    def report(self, verdict: str, text: str, rule: str, check: Check | None = None) -> None:
        """Say what was made of the event."""
        self.effects.append(Happened(verdict, text, rule, check))

    def answer(self, name: str, payload: bytes) -> None:
        """Give the answer of a command that was executed without one (see `reply_name`)."""
        self.answers.append((name, payload))

    def alert(
        self,
        code: int,
        *content: Value,
        message_code: int | None = None,
        recipient: EntityId | None = None,
        supplementary: tuple[EntityId, int | None] | None = None,
        payload: bytes | None = None,
        sealed: Sealed | None = None,
    ) -> None:
        """Ask for an alert; the device decides whether and to whom it goes."""
        self.alerts.append(
            AlertRequest(code, content, message_code, recipient, supplementary, payload, sealed)
        )


class NotingWork(Work):
    """A unit of work like another, as the store is; it notes the keys and prefixes that are read."""

    __slots__ = ("keys", "prefixes")

    def __init__(self, like: Work) -> None:
        super().__init__(
            like._store,
            like.now,
            like.defaults,
            like.log_sizes,
            like.settings,
            like._event_is_on,
            like._cache,
        )
        self.keys: set[str] = set()
        self.prefixes: set[str] = set()

    def get(self, key: str) -> bytes | None:
        """Note the key."""
        self.keys.add(key)
        return super().get(key)

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Note the prefix."""
        self.prefixes.add(prefix)
        return super().scan(prefix)

    def _kept(self, key: str) -> Value | _Absent:
        self.keys.add(key)
        return super()._kept(key)


def reply_name(message: Message) -> str:
    """By what an answer that follows is called: whose command it is for, and its counter."""
    return f"{message.originator}/{message.counter:016X}"
