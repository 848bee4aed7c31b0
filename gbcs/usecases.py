"""THE table of use cases: what a Message Code is, who may send it, how it is protected.

Source: GBCS mapping table and use-case pages (section 19 and following), one row per
use case in Message Code order. Parser, builder, device, command line and documents read
the same rows. Uncertain columns say so: `replay_basis` and `devices_inferred`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from .errors import BuildError
from .ids import DeviceType, Kind, Payload, Role

_TOP_UPS = frozenset((0x0007, 0x0097))  # CS01a and CS01b


@dataclass(frozen=True, slots=True)
class UseCase:
    """One row of the table.

    `code` is None where a use case has no message. `devices` is empty for the two
    generic alerts, which any device may send. `roles` are the Business Originators
    allowed to send the command; `from_ppmid` marks the HAN-only PPMID to GSME commands.
    """

    name: str
    code: int | None
    title: str
    service_references: tuple[str, ...]
    devices: tuple[DeviceType, ...]
    payload: Payload
    payload_by_device: bool
    roles: tuple[Role, ...]
    from_ppmid: bool
    kinds: tuple[Kind, ...]
    flags: frozenset[str]

    @property
    def critical(self) -> bool:
        """Commands carry the originator's signature, responses and alerts the device's."""
        return "critical" in self.flags

    @property
    def replay_protected(self) -> bool:
        """The Originator Counter must exceed the stored one (GBCS 4.3.1)."""
        return "replay" in self.flags

    @property
    def role_counted(self) -> bool:
        """Protected by the counter of the originator's role; a top-up is by that of its token.

        Token counters are a sequence apart (reference: gbcs-messages 3 and 3.1, gbcs-crypto 10 and 18.4).
        """
        return self.replay_protected and self.code not in _TOP_UPS

    @property
    def replay_basis(self) -> str:
        """Where the replay column comes from: table, expert or analogy."""
        return "expert" if "expert" in self.flags else "analogy" if "analogy" in self.flags else "table"

    @property
    def future_datable(self) -> bool:
        """The command may carry an activation time."""
        return "future" in self.flags

    @property
    def response_has_date_time(self) -> bool:
        """The Grouping Header of the response carries a date-time."""
        return "time" in self.flags

    @property
    def response_encrypted(self) -> bool:
        """Some content of the response or alert is encrypted."""
        return "encrypted" in self.flags or "partly-encrypted" in self.flags

    @property
    def superseded(self) -> bool:
        """Replaced or withdrawn in later GBCS; decoded, not generated without asking."""
        return "superseded" in self.flags

    @property
    def devices_inferred(self) -> bool:
        """The device types are partly inferred, not read from the mapping table."""
        return "devices-inferred" in self.flags

    @property
    def command_signed(self) -> bool:
        """A command of this code carries a signature."""
        return self.critical and "mac-only" not in self.flags

    @property
    def command_maced(self) -> bool:
        """A command of this code carries the Access Control Broker's MAC."""
        return "signature-only" not in self.flags

    @property
    def signed_or_maced(self) -> bool:
        """The command itself chooses: MAC both ways or signature both ways (CS02a, CS02f)."""
        return "mac-or-signature" in self.flags

    @property
    def response_signed(self) -> bool:
        """The response is signed by the device instead of carrying a MAC."""
        return self.critical

    def alert_signed(self) -> bool:
        """An alert of this code is signed by the device instead of carrying a MAC."""
        return self.critical


_ROLES = {
    "S": Role.SUPPLIER,
    "N": Role.NETWORK_OPERATOR,
    "A": Role.ACCESS_CONTROL_BROKER,
    "L": Role.LOAD_CONTROLLER,
    "W": Role.WAN_PROVIDER,
    "T": Role.TRANSITIONAL_COS,
    "V": Role.RECOVERY,
    "R": Role.ROOT,
}
_KINDS = {"P": Kind.PRECOMMAND, "C": Kind.COMMAND, "R": Kind.RESPONSE, "A": Kind.ALERT}
FLAGS = frozenset(
    "critical replay expert analogy future time encrypted partly-encrypted behalf "
    "behalf-certificate tap-off superseded dual-band devices-inferred gsme-supplier-only "
    "mac-or-signature mac-only signature-only".split()
)


def row(
    name: str,
    code: int | None,
    title: str,
    service_references: str,
    devices: str,
    payload: str,
    roles: str,
    kinds: str,
    flags: str = "",
) -> UseCase:
    """Make one row from its compact form; an unknown letter or flag raises KeyError."""
    words = frozenset(flags.split())
    if words - FLAGS:
        raise KeyError(f"{name}: unknown flags {sorted(words - FLAGS)}")
    return UseCase(
        name,
        code,
        title,
        tuple(service_references.split()),
        tuple(DeviceType(d) for d in devices.split() if d != "any"),
        Payload(payload.split("/")[0]),
        "/" in payload,
        tuple(_ROLES[r] for r in roles if r != "P"),
        "P" in roles,
        tuple(_KINDS[k] for k in kinds),
        words,
    )


@cache
def table() -> tuple[UseCase, ...]:
    """Every row, in the specification's order."""
    from .usecase_rows import ROWS  # noqa: PLC0415  (kept out of `import gbcs`)

    return tuple(row(*r) for r in ROWS)


@cache
def _by_code() -> dict[int, UseCase]:
    return {u.code: u for u in table() if u.code is not None}


@cache
def _by_name() -> dict[str, tuple[UseCase, ...]]:
    found: dict[str, tuple[UseCase, ...]] = {}
    for u in table():
        found[u.name.lower()] = (*found.get(u.name.lower(), ()), u)
    return found


def by_code(code: int) -> UseCase | None:
    """The row of a Message Code, or None."""
    return _by_code().get(code)


def by_name(name: str) -> UseCase:
    """The row of a name or of a Message Code in hex.

    CS02b and CS02g have a row per replacement mode: give the Message Code there.
    Raises BuildError for an unknown or ambiguous name.
    """
    rows = _by_name().get(name.lower(), ())
    if len(rows) == 1:
        return rows[0]
    if rows:
        codes = " ".join(f"{u.code:04X}" for u in rows if u.code is not None)
        raise BuildError(f"{name} has several Message Codes, give one: {codes}")
    try:
        found = by_code(int(name, 16)) if len(name) == 4 else None
    except ValueError:
        found = None
    if found is None:
        raise BuildError(f"no use case is called {name!r}")
    return found


def names(rows: Iterable[UseCase]) -> str:
    """Names joined by spaces, for messages."""
    return " ".join(u.name for u in rows)
