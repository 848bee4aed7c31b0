"""Event logs on the home area network: GetEventLog and what answers it.

Source: ZSE (reference: gbz-payloads 8 for the octet with log and control, chts-hub 10.1 for the
numbers of logs, gas-zcl-objects for the fields). Entries go out oldest first, as in GBCS messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..work import Work
from .cluster_commands import Answer, Asked, CommandRow, in_parts

GENERAL, SECURITY = 0x3, 0x4  # log ids: the low half of the octet
WITH_DATA = 0x10
ANY_EVENT = 0x0000
LOGS: Mapping[int, str] = {GENERAL: "EventLog", SECURITY: "SecurityLog"}
"""The logs of a device. Gap: the reference numbers those of GPF and GSME only; those of other devices
have the same numbers here."""


def event_log_row(held: Callable[[Asked], bool] = lambda asked: True) -> CommandRow:
    """GetEventLog over a device's logs. `held`: whether they are those of the endpoint asked."""

    def answer(asked: Asked) -> Answer:
        values = asked.values
        control = int(values["EventControlLogId"])
        log = control & 0x0F
        name = LOGS.get(log)
        if name is None or not held(asked):
            return ()
        chosen = [
            entry
            for entry in _entries(asked.work, name)
            if values["EventId"] in (ANY_EVENT, entry[1])
            and values["StartTime"] <= entry[0] <= values["EndTime"]
        ]
        offset, most = values["EventOffset"], values["NumberOfEvents"] or len(chosen)
        told = [
            {
                "LogId": log,
                "EventId": code,
                "EventTime": time,
                "EventData": other if control & WITH_DATA else b"",
            }
            for time, code, other in chosen[offset : offset + most]
        ]
        common = {"TotalNumberOfEvents": len(chosen), "LogPayloadControl": 0}
        return in_parts("PublishEventLog", common, told, asked.room) if told else ()

    return CommandRow("GetEventLog", answer)


def _entries(work: Work, name: str) -> list[tuple[int, int, bytes]]:
    """Time, code and other information, which only some logs have."""
    found = []
    for time, code, *other in work.log_entries(name):
        data = other[0] if other and isinstance(other[0], bytes) else b""
        if isinstance(time, int) and isinstance(code, int):
            found.append((time, code, data))
    return found
