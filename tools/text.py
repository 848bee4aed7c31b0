"""How the commands speak: one line on stderr, nothing a terminal could take for a command."""

from __future__ import annotations

import sys

from gbcs.ids import Role

ROLE_NAMES = {
    Role.SUPPLIER: "supplier",
    Role.NETWORK_OPERATOR: "network-operator",
    Role.ACCESS_CONTROL_BROKER: "broker",
    Role.TRANSITIONAL_COS: "transitional-cos",
    Role.WAN_PROVIDER: "wan-provider",
    Role.RECOVERY: "recovery",
    Role.LOAD_CONTROLLER: "load-controller",
    Role.OTHER: "other",
    Role.ROOT: "root",
    Role.ISSUING_AUTHORITY: "issuing-authority",
}
"""How the commands call the roles of remote parties."""


def one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c in "\n\r\t" else "?" for c in text)


def complain(text: str) -> None:
    """One line on stderr, with the name of the program."""
    print(f"smets: {one_line(text)}", file=sys.stderr)
