"""Events that happened: the log their row names, whom they are told, whether they sound (see `alerts`)."""

from __future__ import annotations

from .alerts import alert_table
from .behaviours.alert_settings import alarm_is_on, han_alert_is_on
from .local_alerts import AudibleAlarm, HanAlert
from .work import Work

_LOGS = {"event": "EventLog", "security": "SecurityLog", "power": "PowerEventLog"}


def occur(
    work: Work,
    code: int,
    other: bytes = b"",
    content: tuple[bytes, ...] = (),
    message_code: int | None = None,
) -> None:
    """An event happened: write the log its row names, tell displays, sound, and ask for the alert it has.

    `other` is the log entry's other information, where that log has one; `content` and `message_code`
    are the alert's where it has its own.
    """
    row = alert_table()[code]
    name = _LOGS.get(row.log)
    if name is not None:
        write(work, name, code, other)
    if row.han and (not row.configurable or han_alert_is_on(work, code)):
        work.effect(HanAlert(code, work.time))
    if row.configurable and alarm_is_on(work, code):
        work.effect(AudibleAlarm(code))
    if row.wan:
        work.alert(code, *content, message_code=message_code)


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
