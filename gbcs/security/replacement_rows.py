"""The modes of Update Security Credentials (CS02b, CS02g), one row each; two where the hub differs.

Source: gbcs-messages 4.3 and 8.3, gbcs-crypto 15. Modes 0 and 1 are in no sample: their
rows follow the others by analogy.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import NamedTuple

from ..asn1.credentials import CellIdentifier
from ..ids import DeviceType, KeyUsage, Role
from .anchors import cells_of

CS02B_ALERT = 0x00CB
CS02G_ALERT = 0x0124


class RootRule(Enum):
    """What a new root needs. Only contingency may bring one that the old root knows nothing of."""

    NEVER = "never"
    CHAINED = "issued under the old root"
    ABNORMAL = "signed by itself"


class ModeRow(NamedTuple):
    """One mode.

    `authorising` is the cell whose party gives the command; `signed` and `maced` the form of the
    command; `targets` the roles whose cells it may replace; `root` the rule for a new root.
    `tags` are those of authorisingRemotePartyControl: with `!` it has to be there, with `?`
    it may, any other may not. `devices` narrows the types, which otherwise follow from the
    cells a type has. `alert` is the Message Code of its alert.
    """

    mode: int
    name: str
    code: int
    authorising: CellIdentifier
    signed: bool
    maced: bool
    targets: frozenset[Role]
    root: RootRule
    tags: str
    devices: str
    alert: int

    @property
    def role(self) -> Role:
        """The role that authorises."""
        return self.authorising.role

    @property
    def required(self) -> frozenset[int]:
        """The tags that have to be there."""
        return _tags(self.tags, "!")

    @property
    def allowed(self) -> frozenset[int]:
        """The tags that may be there."""
        return self.required | _tags(self.tags, "?")


_ROLES = {
    "O": Role.ROOT,
    "V": Role.RECOVERY,
    "S": Role.SUPPLIER,
    "N": Role.NETWORK_OPERATOR,
    "A": Role.ACCESS_CONTROL_BROKER,
    "T": Role.TRANSITIONAL_COS,
    "W": Role.WAN_PROVIDER,
    "L": Role.LOAD_CONTROLLER,
}
_USES = {
    "DS": KeyUsage.DIGITAL_SIGNATURE,
    "KA": KeyUsage.KEY_AGREEMENT,
    "CS": KeyUsage.KEY_CERT_SIGN,
}
_ROOTS = {"": RootRule.NEVER, "chained": RootRule.CHAINED, "abnormal": RootRule.ABNORMAL}

# Mode; name; Message Code; authorising cell; form of the command; roles it may replace; a new root; tags; devices.
_ROWS = (
    (0, "rootBySupplier", 0x0100, "S DS", "signed maced", "O", "chained", "1? 2! 3! 4? 6?", ""),
    (1, "rootByWanProvider", 0x0101, "W DS", "signed maced", "O", "chained", "1? 2! 3! 4? 6?", ""),
    (2, "supplierBySupplier", 0x0102, "S DS", "signed maced", "S", "", "1? 2! 3! 4? 5?", ""),
    (3, "networkOperatorByNetworkOperator", 0x0103, "N DS", "signed maced", "N", "", "1? 2! 3! 4?", ""),
    (4, "accessControlBrokerByACB", 0x0104, "A DS", "signed maced", "A", "", "1? 2! 3! 4?", "CHF"),
    (
        4,
        "accessControlBrokerByACB",
        0x0104,
        "A KA",
        "maced",
        "A",
        "",
        "1? 3! 4?",
        "ESME GSME GPF PPMID HCALCS SAPC",
    ),
    (5, "wanProviderByWanProvider", 0x0105, "W DS", "signed maced", "W", "", "1? 2! 3! 4?", ""),
    (6, "transCoSByTransCoS", 0x0106, "T DS", "signed maced", "T", "", "1? 2! 3! 4?", ""),
    (7, "supplierByTransCoS", 0x0107, "T DS", "signed maced", "S", "", "1? 2! 3! 4? 6?", ""),
    (
        8,
        "anyExceptAbnormalRootByRecovery",
        0x0108,
        "V DS",
        "signed",
        "O V S N A T W L",
        "chained",
        "1? 2! 3! 4? 6?",
        "",
    ),
    # Gap: its command is in no sample. That [2] names the root's cell follows from "always present" (gbcs-crypto 15).
    (9, "anyByContingency", 0x0109, "O CS", "signed", "O V S N A T W L", "abnormal", "0! 1? 2! 3! 4? 6?", ""),
    (10, "loadControllerByLoadController", 0x0125, "L DS", "signed maced", "L", "", "1? 2! 3! 4?", ""),
    (11, "loadControllerBySupplier", 0x0126, "S DS", "signed maced", "L", "", "1? 2! 3! 4? 6?", ""),
)


def _row(
    mode: int, name: str, code: int, cell: str, form: str, targets: str, root: str, tags: str, devices: str
) -> ModeRow:
    role, use = cell.split()
    return ModeRow(
        mode,
        name,
        code,
        CellIdentifier(_ROLES[role], _USES[use]),
        "signed" in form.split(),
        "maced" in form.split(),
        frozenset(_ROLES[letter] for letter in targets.split()),
        _ROOTS[root],
        tags,
        devices,
        CS02B_ALERT if code < 0x0110 else CS02G_ALERT,
    )


def _tags(text: str, mark: str) -> frozenset[int]:
    return frozenset(int(tag[:-1]) for tag in text.split() if tag.endswith(mark))


MODES: tuple[ModeRow, ...] = tuple(_row(*row) for row in _ROWS)
CODES: frozenset[int] = frozenset(row.code for row in MODES)
"""The Message Codes of CS02b and CS02g."""


@cache
def mode_of(code: int, device: DeviceType) -> ModeRow | None:
    """The row of a Message Code on a device type; None where the type has no such command.

    A type has it where it has the authorising cell and one to replace.
    """
    cells = cells_of(device)
    for row in MODES:
        if row.code != code or (row.devices and device.name not in row.devices.split()):
            continue
        if row.authorising in cells and any(cell.role in row.targets for cell in cells):
            return row
    return None


def devices_of(code: int) -> tuple[DeviceType, ...]:
    """The device types that have a command, in the order of `DeviceType`."""
    return tuple(device for device in DeviceType if mode_of(code, device) is not None)
