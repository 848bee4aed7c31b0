"""The unit of work: what one event reads and writes, committed as a whole or not at all.

Behaviours and servers see the device's state only through this. Nothing reaches the
store before `commit`, and no effect leaves before that returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gbcs.errors import Check
from gbcs.ids import EntityId
from gbcs.message import Message
from gbcs.time import Utc

from .events import Effect, Happened
from .logs import Part
from .store import Store
from .values import Value, pack, pack_all, unpack

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
_NO_PARTS: Final[Mapping[str, Part]] = {}
_NOTHING: Final[Mapping[str, Value]] = {}
Cache: TypeAlias = dict[str, "Value | _Absent"]
"""Values by key, so that they need not be unpacked again: those in the store, those a unit of work has
written, defaults of items that never were; entries of logs are not among them."""


def _is_entry(key: str) -> bool:
    """Whether a key is that of an entry of a log: there are too many to keep."""
    return key.startswith(LOG) and not key.endswith(_COUNT)


class _ItemKeys(dict[str, str]):
    """The keys of data items, by name."""

    def __missing__(self, name: str) -> str:
        key = self[name] = ITEM + name
        return key


class _LogKeys(dict[str, tuple[str, str]]):
    """The beginning of the keys of a log's entries, and the key of its count, by its name."""

    def __missing__(self, name: str) -> tuple[str, str]:
        keys = self[name] = (f"{LOG}{name}/", f"{LOG}{name}{_COUNT}")
        return keys


class Items:
    """The names of data items that are read together, two at least."""

    __slots__ = ("names", "of")

    def __init__(self, *names: str) -> None:
        self.names = names
        self.of = itemgetter(*(ITEM + name for name in names))


# names are those of the tables, so these end
_ITEM_KEYS, _LOG_KEYS = _ItemKeys(), _LogKeys()
_INTS = {int}

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
    the capacity of every log, `log_parts` those that are parts of another one. `cache` is
    the device's, kept from one unit to the next; nobody else may change the store meanwhile.
    What is written goes there at once, so a unit that ends without `commit` has to be given
    up with `abandon`. `changed` is given what is committed.
    """

    __slots__ = (
        "_cache",
        "_changed",
        "_entries",
        "_event_is_on",
        "_octets",
        "_store",
        "_values",
        "alerts",
        "answers",
        "defaults",
        "effects",
        "log_parts",
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
        changed: list[Mapping[str, object]] | None = None,
        log_parts: Mapping[str, Part] = _NO_PARTS,
    ) -> None:
        self._store = store
        self._changed = changed
        self._cache = {} if cache is None else cache
        # what changed, each key in one of the three: octets as they are, values not packed yet, and
        # those of them that are entries of a log, too many to be kept in the cache
        self._octets: dict[str, bytes | None] = {}
        self._values: dict[str, Value] = {}
        self._entries: dict[str, Value] = {}
        self.now = now
        self.defaults = defaults
        self.log_sizes = log_sizes
        self.log_parts = log_parts
        self.settings = settings
        self._event_is_on = event_is_on
        self.effects: list[Effect] = []
        self.alerts: list[AlertRequest] = []
        self.answers: list[tuple[str, bytes]] = []

    # -- raw octets -------------------------------------------------------------------

    def get(self, key: str) -> bytes | None:
        """The octets under a key, changes of this unit included."""
        for made in (self._values, self._entries):
            if key in made:
                return pack(made[key])
        if key in self._octets:
            return self._octets[key]
        return self._store.get(key)

    def put(self, key: str, octets: bytes | None) -> None:
        """Write octets under a key; None deletes."""
        self._values.pop(key, None)
        self._entries.pop(key, None)
        self._cache.pop(key, None)
        self._octets[key] = octets

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Every (key, octets) under a prefix in key order, changes of this unit included."""
        changed = {k: v for k, v in self._octets.items() if k.startswith(prefix)}
        for made in (self._values, self._entries):
            changed |= {k: pack(v) for k, v in made.items() if k.startswith(prefix)}
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
        values = chain(self._values, self._entries)
        return self.put_under(prefix) or any(key.startswith(prefix) for key in values)

    def put_under(self, prefix: str | tuple[str, ...]) -> bool:
        """The same of keys that octets are `put` under, and no values."""
        return any(key.startswith(prefix) for key in self._octets) if self._octets else False

    def commit(self, also: Mapping[str, Value] = _NOTHING) -> None:
        """Make every change durable, and `also` values under keys that nobody reads by this.

        Raises StoreError, and then nothing changed in the store.
        """
        octets = self._octets
        packed, others = pack_all(self._values, self._entries, also)
        if octets:
            packed |= octets
        if not packed:
            return
        self._store.commit(packed)
        if self._changed is not None and (self._values or octets):
            self._changed.append(packed)
        for key in others:
            self._cache.pop(key, None)  # it is read again as what `unpack` gives
        self._octets, self._values, self._entries = {}, {}, {}

    def abandon(self) -> None:
        """Forget every change that is not committed."""
        for key in self._values:
            self._cache.pop(key, None)
        self._octets, self._values, self._entries = {}, {}, {}

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Forget every change, effect and alert of the block if it raises."""
        made = dict(self._octets), dict(self._values), dict(self._entries)
        effects, alerts, answers = len(self.effects), len(self.alerts), len(self.answers)
        try:
            yield
        except BaseException:
            self.abandon()
            self._octets, self._values, self._entries = made
            del self.effects[effects:]
            del self.alerts[alerts:]
            del self.answers[answers:]
            raise

    # -- values -----------------------------------------------------------------------

    def value(self, key: str, default: Value = None) -> Value:
        """The value under a key."""
        try:
            found = self._cache[key]
        except KeyError:
            found = self._kept(key)
        return default if found is _ABSENT else found

    def _kept(self, key: str) -> Value | _Absent:
        """What is under a key, wherever it is held."""
        for made in (self._values, self._entries):
            if key in made:
                return made[key]
        if key in self._octets:
            octets = self._octets[key]
            return _ABSENT if octets is None else unpack(octets)
        if key in self._cache:
            return self._cache[key]
        octets = self._store.get(key)
        found = _ABSENT if octets is None else unpack(octets)
        if not _is_entry(key) and not (found is _ABSENT and key.startswith(ITEM)):
            self._cache[key] = found
        return found

    def set_value(self, key: str, value: Value) -> None:
        """Write a value under a key."""
        if self._octets:
            self._octets.pop(key, None)
        self._values[key] = self._cache[key] = value

    def number(self, key: str, default: int = 0) -> int:
        """The number under a key."""
        try:
            value = self._cache[key]
        except KeyError:
            value = self._kept(key)
        return value if isinstance(value, int) else default

    # -- data items -------------------------------------------------------------------

    def item(self, name: str) -> Value:
        """A data item, its default if it was never written. Raises KeyError for an unknown one."""
        try:
            return self._cache[_ITEM_KEYS[name]]  # type: ignore[return-value]  # it has a default
        except KeyError:
            return self._item(_ITEM_KEYS[name], name)

    def int_item(self, name: str) -> int:
        """A data item that is a number."""
        try:
            value = self._cache[_ITEM_KEYS[name]]
        except KeyError:
            value = self._item(_ITEM_KEYS[name], name)
        if type(value) is int:
            return value
        return int(value) if isinstance(value, int) else 0

    def items(self, these: Items) -> tuple[Value, ...]:
        """Data items, in the order of their names."""
        try:
            values: tuple[Value, ...] = these.of(self._cache)
        except KeyError:
            values = tuple(map(self.item, these.names))
        return values

    def int_items(self, these: Items) -> tuple[int, ...]:
        """Data items that are numbers, in the order of their names."""
        try:
            values = these.of(self._cache)
        except KeyError:
            values = ()
        return values if set(map(type, values)) == _INTS else tuple(map(self.int_item, these.names))

    def _item(self, key: str, name: str) -> Value:
        """A data item that is not in the cache; its default goes there in its place."""
        found = self._kept(key)
        if found is not _ABSENT:
            return found
        value = self.defaults[name]
        if key not in self._octets:
            self._cache[key] = value
        return value

    def set_item(self, name: str, value: Value) -> None:
        """Write a data item. Raises KeyError for an unknown one."""
        if name not in self.defaults:
            raise KeyError(name)
        key = _ITEM_KEYS[name]
        if self._octets:
            self._octets.pop(key, None)
        self._values[key] = self._cache[key] = value

    # -- logs -------------------------------------------------------------------------

    def log(self, name: str, *entry: Value) -> None:
        """Append an entry, its time stamp first; the oldest goes when the log is full.

        That of a part alone has nothing for the other parts.
        """
        if name in self.log_parts:
            part = self.log_parts[name]
            name, entry = part.whole, part.alone(entry, self.log_parts)
        entries, counter = _LOG_KEYS[name]
        count = self.number(counter)
        key = f"{entries}{count % self.log_sizes[name]:05d}"
        if self._octets:
            self._octets.pop(key, None)
            self._octets.pop(counter, None)
        self._entries[key] = entry
        self._values[counter] = self._cache[counter] = count + 1

    def log_entries(self, name: str) -> Iterator[tuple[Value, ...]]:
        """The entries of a log, oldest first."""
        part = self.log_parts.get(name)
        whole = name if part is None else part.whole
        size, count = self.log_sizes[whole], self.log_count(name)
        for index in range(max(0, count - self.log_sizes[name]), count):
            held = self.value(f"{LOG}{whole}/{index % size:05d}")
            if isinstance(held, tuple):
                entry = held if part is None else part.of(held)
                if entry is not None:
                    yield entry

    def log_count(self, name: str) -> int:
        """How many entries a log ever had, a part as many as the whole one."""
        part = self.log_parts.get(name)
        return self.number(_LOG_KEYS[name if part is None else part.whole][1])

    def logs(self, code: int) -> bool:
        """Whether the logging of a configurable code is switched on."""
        return self._event_is_on is None or self._event_is_on(self, code)

    def clear_log(self, name: str) -> None:
        """Forget the entries of a log that is no part."""
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


class ObservingWork(Work):
    """A unit of work to look with. Whoever writes in it sees that alone, until it is committed."""

    __slots__ = ("_shared",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._shared: Cache | None = None

    def put(self, key: str, octets: bytes | None) -> None:
        """As ever, but in a cache of its own."""
        self._part()
        super().put(key, octets)

    def set_value(self, key: str, value: Value) -> None:
        """As ever, but in a cache of its own."""
        self._part()
        super().set_value(key, value)

    def set_item(self, name: str, value: Value) -> None:
        """As ever, but in a cache of its own."""
        self._part()
        super().set_item(name, value)

    def log(self, name: str, *entry: Value) -> None:
        """As ever, but in a cache of its own."""
        self._part()
        super().log(name, *entry)

    def commit(self, also: Mapping[str, Value] = _NOTHING) -> None:
        """As ever; what the device holds unpacked of it is unpacked again."""
        keys = (*self._octets, *self._values)  # entries are not in the cache
        super().commit(also)
        if self._shared is not None:
            for key in keys:
                self._shared.pop(key, None)

    def _part(self) -> None:
        if self._shared is None:
            self._shared = self._cache
            self._cache = dict(self._shared)


class NotingWork(Work):
    """A unit of work like another, as the store is; it notes the keys and prefixes that are read."""

    __slots__ = ("_like", "keys", "prefixes")

    def __init__(self, like: Work) -> None:
        # with a cache that stays empty, so that every read comes to `_kept`
        super().__init__(
            like._store, like.now, like.defaults, like.log_sizes, like.settings, like._event_is_on
        )
        self.log_parts = like.log_parts
        self._like = like
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
        return self._like._kept(key)

    def _item(self, key: str, name: str) -> Value:
        self.keys.add(key)
        return self._like._item(key, name)


def reply_name(message: Message) -> str:
    """By what an answer that follows is called: whose command it is for, and its counter."""
    return f"{message.originator}/{message.counter:016X}"
