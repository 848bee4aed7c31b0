"""What kind of device a device is: its tables, its behaviours, its payload servers.

`Device` is the same for all; a profile tells an electricity meter from a hub.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gbcs.ids import DeviceType, Payload, Role
from gbcs.time import Utc
from gbcs.usecases import UseCase

from .arrival import Arrival
from .events import Event
from .logs import Part
from .values import Value
from .work import Work


class PayloadServer(Protocol):
    """Executes the commands of one payload family."""

    def supports(self, use_case: UseCase) -> bool:
        """Whether this device executes the use case."""

    def conform(self, arrival: Arrival) -> Any:
        """The parsed request, if it has the use case's template. Raises ParseError or SecurityError."""

    def execute(self, work: Work, arrival: Arrival) -> bytes | None:
        """Carry the command out, item by item, and give the response's payload.

        None: a behaviour gives it later (`Work.answer`).
        """


class Behaviour:
    """Something a device does by itself. Subclasses override what they need.

    `reads` computes data items, `writes` reacts to a written one, `methods` and `commands` carry
    out what a method names; all are called inside a unit of work.
    """

    name = ""
    ignores: tuple[type[Event], ...] = ()
    """Types of events that `handle` need not be called with: they change nothing."""
    follows: tuple[str, ...] = ()
    """Keys of the store that `deadline` reads, where they are always the same; else they are noted."""
    counts = False
    """Whether what metrology tells at the end of a period belongs to that period."""

    def start(self, work: Work) -> None:
        """Called once, when a device comes up on a store for the first time."""

    def handle(self, work: Work, event: Event) -> None:
        """React to an event. TimerDue: the deadline is there, or there are no deadlines."""

    def hears(self, kind: type[Event]) -> bool:
        """Whether `handle` need be called with events of a type."""
        return type(self).handle is not Behaviour.handle and not issubclass(kind, self.ignores)

    def deadline(self, work: Work) -> Utc | None:
        """When `handle` wants a TimerDue, in the shell's time.

        It follows from the store and the time alone, and stays what it is until it is past or
        something it read was written; without one it is asked for again within a day.
        """
        return None

    def reads(self) -> Mapping[str, Callable[[Work], Value]]:
        """Data items that are computed."""
        return {}

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """Called after a data item was written by a command."""
        return {}

    def methods(self) -> Mapping[str, Callable[[Work, Value], Value]]:
        """What methods do, by their item name."""
        return {}

    def commands(self) -> Mapping[str, Callable[[Work, Value, Arrival], Value]]:
        """Like `methods`, for those that have to know the command they come with."""
        return {}


class Hooks:
    """What the behaviours of a device bind to data items and methods, gathered once."""

    __slots__ = ("commands", "methods", "reads", "writes")

    def __init__(self, behaviours: Iterable[Behaviour]) -> None:
        self.reads: dict[str, Callable[[Work], Value]] = {}
        self.writes: dict[str, list[Callable[[Work, Value], None]]] = {}
        self.methods: dict[str, Callable[[Work, Value], Value]] = {}
        self.commands: dict[str, Callable[[Work, Value, Arrival], Value]] = {}
        for behaviour in behaviours:
            self.reads.update(behaviour.reads())
            self.methods.update(behaviour.methods())
            self.commands.update(behaviour.commands())
            for item, react in behaviour.writes().items():
                self.writes.setdefault(item, []).append(react)

    def read(self, work: Work, item: str) -> Value:
        """The value of a data item, computed or held."""
        compute = self.reads.get(item)
        return compute(work) if compute is not None else work.item(item)

    def write(self, work: Work, item: str, value: Value) -> None:
        """Write a data item and let the behaviours react."""
        if item in work.defaults:
            work.set_item(item, value)
        for react in self.writes.get(item, ()):
            react(work, value)


class Refusal(Exception):
    """An item of a command cannot be carried out; `code` is its result.

    What the item changed is undone, then `remains` is done. Never leaves the payload server.
    """

    def __init__(self, code: int, reason: str = "", remains: Callable[[Work], None] | None = None) -> None:
        super().__init__(reason or f"result {code}")
        self.code = code
        self.remains = remains


OTHER_REASON = 250


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of device.

    `alert_roles` are the parties it alerts, the first where the alert table names none;
    `alert_payload` puts counter, code, time and content into the device's payload family.
    `log_parts` are the logs among those of `log_sizes` that are held as parts of one.
    """

    device_type: DeviceType
    family: Payload
    servers: Mapping[Payload, PayloadServer]
    behaviours: tuple[Behaviour, ...]
    defaults: Mapping[str, Value]
    log_sizes: Mapping[str, int]
    alert_roles: tuple[Role, ...]
    alert_payload: Callable[[int, int, Utc, tuple[Any, ...]], bytes]
    alert_is_on: Callable[[Work, int], bool] = field(default=lambda work, code: True)
    event_is_on: Callable[[Work, int], bool] = field(default=lambda work, code: True)
    log_parts: Mapping[str, Part] = field(default_factory=dict)

    def supports(self, use_case: UseCase) -> bool:
        """Whether the device executes commands of a use case."""
        if self.device_type not in use_case.devices:
            return False
        server = self.servers.get(self._family(use_case))
        return server is not None and server.supports(use_case)

    def server(self, use_case: UseCase) -> PayloadServer:
        """The payload server of a supported use case."""
        return self.servers[self._family(use_case)]

    def _family(self, use_case: UseCase) -> Payload:
        return self.family if use_case.payload_by_device else use_case.payload
