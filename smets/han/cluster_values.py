"""A device's clusters from its state: rows of attributes and of commands, and where their values come from.

What no row names, or what a row gives None for, the node does not hold. Source: the attributes
that every Smart Energy endpoint has (reference: han-clusters).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from gbcs.time import Utc
from gbcs.zcl.clusters import Attribute, Command, attribute_by_name

from ..work import Work
from .cluster_commands import Answer, Asked, CommandRow, CommandTable
from .endpoints import BASIC, KEY_ESTABLISHMENT, TUNNELING, Endpoint
from .link import INACTIVITY_SECONDS

MAINS_SINGLE_PHASE, MAINS_THREE_PHASE = 0x01, 0x02  # PowerSource, by the ZCL
Source = Callable[[Work], Any]


class ValueRow(NamedTuple):
    """An attribute and its value, seen in a device's state; None: not held."""

    cluster: int
    attribute: str
    source: Source


@dataclass(frozen=True, slots=True)
class BasicSettings:
    """Settings of what a node says it is, on each of its endpoints. Raises BuildError."""

    zcl_version: int = 2
    """Gap: han-clusters lists ZCLVersion without its value; 2 is that of the ZCL before its seventh
    revision, on which the Smart Energy profile of these devices stands."""
    hardware_version: int = 0  # ours: the maker's
    power_source: int = MAINS_SINGLE_PHASE
    """Gap: han-clusters lists PowerSource without its values; these are the ZCL's."""

    def __post_init__(self) -> None:
        """Ranges."""
        for value in (self.zcl_version, self.hardware_version, self.power_source):
            if not 0 <= value <= 0xFF:
                raise BuildError("one octet", "Basic")


class DeviceValues:
    """What rows say, in the state `observe` shows at a time. Raises BuildError for unknown names."""

    def __init__(
        self,
        rows: Iterable[ValueRow],
        observe: Callable[[Utc], Work],
        commands: Iterable[CommandRow] = (),
    ) -> None:
        self._commands = CommandTable(commands)
        self._sources = {attribute_by_name(row.cluster, row.attribute): row.source for row in rows}
        self._observe = observe

    def read(self, attribute: Attribute, endpoint: Endpoint, now: Utc) -> Any:
        """The value, the same on all endpoints."""
        source = self._sources.get(attribute)
        return None if source is None else source(self._observe(now))

    def takes(self, command: Command) -> bool:
        """Whether there is a row for it."""
        return command in self._commands

    def answer(
        self,
        command: Command,
        values: Mapping[str, Any],
        endpoint: Endpoint,
        now: Utc,
        room: int,
        requester: EntityId | None,
    ) -> Answer:
        """What answers a command that is taken."""
        return self._commands.answer(command, Asked(values, endpoint, self._observe(now), room, requester))


def item(name: str) -> Source:
    """A data item as it is."""
    return lambda work: work.item(name)


def constant(value: Any) -> Source:
    """What the device's state does not change."""
    return lambda work: value


def common_rows(basic: BasicSettings, suites: Callable[[], int]) -> tuple[ValueRow, ...]:
    """What every device has. `suites`: see `KeyEstablishment.suites`."""
    return (
        ValueRow(BASIC, "ZCLVersion", constant(basic.zcl_version)),
        ValueRow(BASIC, "HWVersion", constant(basic.hardware_version)),
        ValueRow(BASIC, "ManufacturerName", item("ManufacturerIdentifier")),
        ValueRow(BASIC, "ModelIdentifier", item("ModelType")),
        ValueRow(BASIC, "PowerSource", constant(basic.power_source)),
        ValueRow(TUNNELING, "CloseTunnelTimeout", constant(INACTIVITY_SECONDS)),
        ValueRow(KEY_ESTABLISHMENT, "KeyEstablishmentSuite", lambda work: suites()),
    )
