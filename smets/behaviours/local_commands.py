"""What becomes of a user interface command: its outcome in the Event Log, an alert, a report.

Source: SMETS event codes 8161 and 8162 (reference: smets-esme 8).
"""

from __future__ import annotations

from ..eventlog import occur
from ..work import Work

DONE, NOT_DONE = 0x8161, 0x8162


def told(work: Work, refusal: str, what: str, rule: str) -> None:
    """Log and say that a command was carried out, or why not; `refusal` is '' where it was."""
    occur(work, NOT_DONE if refusal else DONE)
    work.report("refused" if refusal else "done", f"{what}: {refusal}" if refusal else what, rule)
