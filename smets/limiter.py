"""How often something happens: counts in a window of time, kept in the store, so that alerts have bounds.

Source: house rule; GBCS leaves the limiting of alerts about bad messages open (gbcs-messages 11).
"""

from __future__ import annotations

from .work import Work

LIMITER = "limiter/"


def counted(work: Work, name: str) -> int:
    """Count one more under a name in the window that runs; how many there are so far."""
    key, settings = f"{LIMITER}{name}", work.settings
    held = work.value(key)
    start, count = held if isinstance(held, tuple) and len(held) == 2 else (work.now.us, 0)
    if not isinstance(start, int) or not isinstance(count, int):
        start, count = work.now.us, 0
    if not 0 <= work.now.us - start < settings.alert_window * 1_000_000:
        start, count = work.now.us, 0
    ceiling = max(settings.alerts_per_code, settings.unusual_commands) + 1
    work.set_value(key, (start, min(count + 1, ceiling)))
    return count + 1
