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
from gbcs.ids import EntityId
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
    "GetBlockPeriod": "PublishBlockPeriod",
    "GetConversionFactor": "PublishConversionFactor",
    "GetCalorificValue": "PublishCalorificValue",
    "GetTariffInformation": "PublishTariffInformation",
    "GetPriceMatrix": "PublishPriceMatrix",
    "GetBlockThresholds": "PublishBlockThresholds",
    "GetTierLabels": "PublishTierLabels",
    "GetBillingPeriod": "PublishBillingPeriod",
    "GetConsolidatedBill": "PublishConsolidatedBill",
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
    "GetCalendarCancellation": "CancelCalendar",
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

    `room`: octets a frame may have. `requester`: the station that asks, known by the link key it shares
    with this one; None where the request has not that protection.
    """

    values: Mapping[str, Any]
    endpoint: Endpoint
    work: Work
    room: int
    requester: EntityId | None = None


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
    """Rows by their command. Raises BuildError for a name that is no command to a server with fields."""

    def __init__(self, rows: Iterable[CommandRow] = ()) -> None:
        self._rows: dict[Command, CommandRow] = {}
        for row in rows:
            known = command_by_name(row.request)
            if known.cluster is None or known.to_client is not False or known.fields is None:
                raise BuildError("no command to a server with known fields", row.request)
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
    numbers = {"CommandIndex": 0, _total(command): 0}
    groups: list[list[Any]] = [[]]
    free = left = room - _size(command, {**common, **numbers, names[-1]: ()})
    for entry in entries:
        size = _size(command, {**common, **numbers, names[-1]: (entry,)}) - (room - free)
        if size > left and groups[-1]:
            groups.append([])
            left = free
        groups[-1].append(entry)
        left -= size
    return numbered([Told(command, {**common, names[-1]: tuple(group)}) for group in groups])


def numbered(parts: Sequence[Told]) -> tuple[Told, ...]:
    """Commands as the parts of one answer, up to the last that can be counted. Raises BuildError."""
    kept = parts[:MAX_PARTS]
    return tuple(
        Told(name, {**values, "CommandIndex": index, _total(name): len(kept)})
        for index, (name, values) in enumerate(kept)
    )


def _total(command: str) -> str:
    """The field with the number of parts: that behind the index of a part."""
    layout = command_by_name(command).fields
    names = [] if layout is None else [member.name for member in layout.members]
    if "CommandIndex" not in names:
        raise BuildError("not a command in parts", command)
    return names[names.index("CommandIndex") + 1]


def _size(command: str, values: Mapping[str, Any]) -> int:
    return len(frame_of(command, 0, values).octets())


def fitting(command: str, values: Mapping[str, Any], each: int, room: int) -> int:
    """How many entries of `each` octets a frame has room for behind what else it has."""
    return max(0, room - _size(command, values)) // each
