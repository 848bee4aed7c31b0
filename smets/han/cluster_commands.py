"""Commands of a cluster's own that its server answers: which command answers which, and from what.

`ANSWERS` is of the clusters. A `CommandRow` says where a device's answer comes from; a request no
row names is not supported. Source: reference, han-clusters, gas-zcl-objects, gbz-payloads 4; what
answers what where only the home network has it, by the names (han-clusters).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from gbcs.errors import BuildError
from gbcs.zcl.clusters import NOT_FOUND, Command, command_by_name
from gbcs.zcl.fieldlist import Repeat

from ..work import Work
from .endpoints import Endpoint
from .zcl import ZclFrame, frame_of

NOT_AUTHORISED = 0x7E  # ZCL status
MAX_PARTS = 0xFF  # what the count of commands can say

# request, what answers it
ANSWERS: Mapping[str, str] = {
    "GetCurrentPrice": "PublishPrice",
    "GetBillingPeriod": "PublishBillingPeriod",
    "GetSnapshot": "PublishSnapshot",
    "StartSampling": "StartSamplingResponse",
    "GetSampledData": "GetSampledDataResponse",
    "ChangeSupply": "SupplyStatusResponse",
    "GetLastMessage": "DisplayMessage",
    "ConsumerTopUp": "ConsumerTopUpResponse",
    "ChangePaymentMode": "ChangePaymentModeResponse",
    "GetPrepaySnapshot": "PublishPrepaySnapshot",
    "GetTopUpLog": "PublishTopUpLog",
    "GetDebtRepaymentLog": "PublishDebtLog",
    "GetCalendar": "PublishCalendar",
    "GetDayProfiles": "PublishDayProfile",
    "GetWeekProfiles": "PublishWeekProfile",
    "GetSeasons": "PublishSeasons",
    "GetSpecialDays": "PublishSpecialDays",
    "GetChangeOfTenancy": "PublishChangeOfTenancy",
    "GetChangeOfSupplier": "PublishChangeOfSupplier",
    "GetSiteID": "UpdateSiteID",
    "GetCIN": "UpdateCIN",
    "GetEventLog": "PublishEventLog",
    "ClearEventLogRequest": "ClearEventLogResponse",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its fields by name, the endpoint it went to, the state it is answered from.

    `values` are empty where the tables have no fields for it. `room`: octets a frame may have.
    """

    values: Mapping[str, Any]
    endpoint: Endpoint
    work: Work
    room: int


class Told(NamedTuple):
    """A command and its fields by name."""

    command: str
    values: Mapping[str, Any]


Answer: TypeAlias = Sequence[Told] | int
"""Commands, none for nothing that was found; or the status of a Default Response."""


class CommandRow(NamedTuple):
    """A request a server takes, and what its answer is made by."""

    request: str
    answer: Callable[[Asked], Answer]


class CommandTable:
    """Rows by their command. Raises BuildError for a name that is no command to a server."""

    def __init__(self, rows: Iterable[CommandRow] = ()) -> None:
        self._rows: dict[Command, CommandRow] = {}
        for row in rows:
            known = command_by_name(row.request)
            if known.cluster is None or known.to_client is not False:
                raise BuildError("no command to a server", row.request)
            self._rows[known] = row

    def __contains__(self, command: Command) -> bool:
        return command in self._rows

    def answer(self, command: Command, asked: Asked) -> Answer:
        """What answers a command that is in the table."""
        return self._rows[command].answer(asked)


def refusing(request: str, status: int = NOT_AUTHORISED) -> CommandRow:
    """A request that is known and always refused."""
    return CommandRow(request, lambda asked: status)


def nothing_held(request: str) -> CommandRow:
    """A request about what the device's state does not have."""
    return refusing(request, NOT_FOUND)


def frames_of(answer: Sequence[Told], sequence: int) -> tuple[ZclFrame, ...]:
    """The frames of an answer; they ask for no Default Response. Raises BuildError."""
    return tuple(frame_of(told.command, sequence, told.values) for told in answer)


def in_parts(command: str, common: Mapping[str, Any], entries: Sequence[Any], room: int) -> tuple[Told, ...]:
    """The same command as often as its entries need, as a part of so many. Raises BuildError.

    Its one list is the last field. Entries beyond the last part that can be counted are left out.
    """
    layout = command_by_name(command).fields
    names = [] if layout is None else [member.name for member in layout.members]
    if layout is None or not isinstance(layout.members[-1], Repeat) or "CommandIndex" not in names:
        raise BuildError("not a command in parts", command)
    total = names[names.index("CommandIndex") + 1]
    numbers = {"CommandIndex": 0, total: 0}
    groups: list[list[Any]] = [[]]
    free = left = room - _size(command, {**common, **numbers, names[-1]: ()})
    for entry in entries:
        size = _size(command, {**common, **numbers, names[-1]: (entry,)}) - (room - free)
        if size > left and groups[-1]:
            if len(groups) == MAX_PARTS:
                break
            groups.append([])
            left = free
        groups[-1].append(entry)
        left -= size
    return tuple(
        Told(command, {**common, "CommandIndex": index, total: len(groups), names[-1]: tuple(group)})
        for index, group in enumerate(groups)
    )


def _size(command: str, values: Mapping[str, Any]) -> int:
    return len(frame_of(command, 0, values).octets())


def fitting(command: str, values: Mapping[str, Any], each: int, room: int) -> int:
    """How many entries of `each` octets a frame has room for behind what else it has."""
    return max(0, room - _size(command, values)) // each
