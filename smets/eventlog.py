"""Writing events: the log their row names, and the alert it has (see `alerts`)."""

from __future__ import annotations

from .alerts import alert_table
from .work import Work

_LOGS = {"event": "EventLog", "security": "SecurityLog", "power": "PowerEventLog"}


def occur(work: Work, code: int, other: bytes = b"") -> None:
    """An event happened: write the log its row names and ask for the alert it has.

    `other` is the log entry's other information, where that log has one.
    """
    row = alert_table()[code]
    name = _LOGS.get(row.log)
    if name is not None:
        write(work, name, code, other)
    if row.wan:
        work.alert(code)


def write(work: Work, name: str, code: int, other: bytes = b"") -> None:
    """Write an entry into an event log, unless the code's logging is switched off."""
    row = alert_table().get(code)
    if name not in work.log_sizes or (row is not None and row.configurable and not work.logs(code)):
        return
    time = work.time.seconds
    if name == "EventLog":
        work.log(name, time, code, other)
    elif name == "PowerEventLog":
        work.log(name, time, code, int.from_bytes(other[:4], "big"))
    else:
        work.log(name, time, code)
