"""Checks of DER payloads: repeated counters, replacement modes, join methods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..ids import Cra
from .context import Context
from .rules import RULES
from .spans import Finding

# Message Code of the update of credentials -> replacement mode (reference: gbcs-messages 8.3)
MODES = {**{0x0100 + mode: mode for mode in range(10)}, 0x0125: 10, 0x0126: 11}
# replacement mode -> role of the cell that authorises; none is named in mode 4
AUTHORISERS = {0: 2, 1: 6, 2: 2, 3: 3, 5: 6, 6: 5, 7: 5, 8: 1, 9: 0, 10: 8, 11: 2}
# Message Code of a join -> the methods it may have (reference: gbcs-messages 8.5)
JOINS = {0x000D: (0, 1), 0x00AB: (0, 1), 0x000E: (2,), 0x00AF: (3,)}
_CONTROL = "payload.authorisingRemotePartyControl"
_COUNTERS = {
    0x0012: ("payload.originatorCounter",),
    **dict.fromkeys(
        MODES,
        (
            f"{_CONTROL}.authorisingRemotePartySeqNumber",
            "payload.executionOutcome.authorisingRemotePartySeqNumber",
        ),
    ),
}


def _at(values: Any, *names: str) -> Any:
    for name in names:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def check_repeated_counter(context: Context) -> Iterator[Finding]:
    """A counter in the payload that repeats the header's is the same."""
    if context.message.cra is Cra.ALERT or context.element is None:
        return
    for path in _COUNTERS.get(context.message.code, ()):
        given = _at(context.values, *path.split(".")[1:])
        span = context.value_span(path)
        if given is not None and span is not None and given != context.message.counter:
            expected = f"{context.message.counter:016X}"
            reason = f"{given:016X} is not the Originator Counter of the header"
            yield context.wrong("repeated counter", span, reason, RULES["counters"], expected)


def check_mode(context: Context) -> Iterator[Finding]:
    """The replacement mode is that of the Message Code."""
    wanted = MODES.get(context.message.code)
    if wanted is None or context.element is None:
        return
    for parent in (_CONTROL, "payload.executionOutcome"):
        path = f"{parent}.credentialsReplacementMode"
        given, span = _at(context.values, *path.split(".")[1:]), context.value_span(path)
        if given is not None and span is not None and given != wanted:
            reason = f"mode {given} under Message Code {context.message.code:04X}"
            yield context.wrong("replacement mode", span, reason, RULES["credentials-mode"], f"{wanted:02X}")


def check_authorising_cell(context: Context) -> Iterator[Finding]:
    """The cell that authorises an update is one of the role that the mode names."""
    path = f"{_CONTROL}.authorisingRemotePartyTACellIdentifier"
    mode = MODES.get(context.message.code)
    if mode is None or context.element is None or context.message.cra is not Cra.COMMAND:
        return
    role = _at(context.values, *path.split(".")[1:], "trustAnchorCellRemotePartyRole")
    wanted = AUTHORISERS.get(mode)
    rule = RULES["credentials-mode"]
    if wanted is None and role is not None:
        yield context.finding("authorising cell", path, f"mode {mode} names no cell", rule, "nothing")
    elif wanted is not None and role is not None and role != wanted:
        span = context.value_span(f"{path}.trustAnchorCellRemotePartyRole")
        if span is not None:
            reason = f"role {role} does not authorise mode {mode}"
            yield context.wrong("authorising cell", span, reason, rule, f"{wanted:02X}")


def check_join_method(context: Context) -> Iterator[Finding]:
    """The join method is one of those of the Message Code."""
    allowed = JOINS.get(context.message.code)
    if allowed is None or context.element is None or context.message.cra is not Cra.COMMAND:
        return
    path = "payload.joinMethodAndRole"
    given, span = _at(context.values, "joinMethodAndRole"), context.value_span(path)
    if given is not None and span is not None and given not in allowed:
        expected = " or ".join(f"{method:02X}" for method in allowed)
        reason = f"method {given} under Message Code {context.message.code:04X}"
        yield context.wrong("join method", span, reason, RULES["join-method"], expected)


def check_response_outcome(context: Context) -> Iterator[Finding]:
    """A role whose credentials are given has its counter and cells; one that failed has neither."""
    if context.message.code not in (0x0008, 0x011B) or context.message.cra is not Cra.RESPONSE:
        return
    values = context.values
    for index, details in enumerate(values if isinstance(values, list) else ()):
        given = [name for name in ("currentSeqNumber", "trustAnchorCellsDetails") if name in details]
        path = f"payload[{index}]"
        if details["statusCode"] == 0 and len(given) < 2:
            reason = "success without counter and cells"
            yield context.finding("outcome", f"{path}.statusCode", reason, RULES["asn1"])
        elif details["statusCode"] and given:
            reason = "a role that failed has a counter or cells"
            yield context.finding("outcome", f"{path}.{given[0]}", reason, RULES["asn1"], "nothing")
