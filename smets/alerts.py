"""THE table of event and alert codes: what is logged, what is sent, to whom.

Source: SMETS event and alert codes (reference: smets-alerts-events). Attributes taken
from sibling codes are marked `inferred`. Message Codes of alerts: GBCS (reference:
gbcs-messages 12).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from gbcs.event_rows import ROWS
from gbcs.ids import Role

GENERIC_CRITICAL = 0x1000
GENERIC_NON_CRITICAL = 0x1001
FUTURE_DATED_DLMS = 0x00CC
UNSUPPORTED_COMMAND = 0x0120

# Message Codes of alerts that are MACed although their Alert Code is a critical one
MACED_MESSAGE_CODES = frozenset(
    (0x0018, 0x0110, 0x0111, 0x0112, 0x0113, 0x0114, 0x0115, 0x00F0, 0x00F2, 0x1001, 0x00B2)
)


@dataclass(frozen=True, slots=True)
class AlertCode:
    """One row. `wan` is 0 (no alert), 1 (code and time) or 2 (with content); `han`: told to displays."""

    code: int
    name: str
    devices: str
    critical: bool
    configurable: bool
    wan: int
    han: bool
    log: str
    recipients: str
    inferred: bool

    @property
    def message_code(self) -> int:
        """The Message Code of the alert where it has none of its own."""
        return GENERIC_CRITICAL if self.critical else GENERIC_NON_CRITICAL


_RECIPIENTS = {
    "S": Role.SUPPLIER,
    "N": Role.NETWORK_OPERATOR,
    "A": Role.ACCESS_CONTROL_BROKER,
    "W": Role.WAN_PROVIDER,
}


@cache
def alert_table() -> dict[int, AlertCode]:
    """Every row by code, in code order."""
    return {
        code: AlertCode(code, name, devices, kind == "critical", configurable, wan, han, log, to, inferred)
        for code, name, devices, kind, configurable, wan, han, log, to, inferred in ROWS
    }


def recipient_roles(code: int, parties: tuple[Role, ...]) -> tuple[Role, ...]:
    """Which of the parties a device alerts get this code; the first one if the table names none."""
    row = alert_table().get(code)
    named = tuple(_RECIPIENTS[letter] for letter in row.recipients if letter != "O") if row else ()
    return tuple(role for role in parties if role in named) or parties[:1]
