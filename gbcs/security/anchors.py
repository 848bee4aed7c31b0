"""Trust anchor cells as a value: who is trusted in which role, and the counters of the roles.

Source: GBCS 12 and 13 (reference: gbcs-crypto 10, 12). Nothing here is changed: a change
gives another value. A cell's role is a property of the cell, not of the certificate in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from ..asn1.credentials import CellIdentifier
from ..ids import CellUsage, DeviceType, EntityId, KeyUsage, Role
from .certificates import NO_ENTITY
from .store import Credential

_SIGN, _AGREE, _CERTIFY = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT, KeyUsage.KEY_CERT_SIGN

ROOT_CELL = CellIdentifier(Role.ROOT, _CERTIFY)
BROKER_AGREEMENT = CellIdentifier(Role.ACCESS_CONTROL_BROKER, _AGREE)


class CellRow(NamedTuple):
    """A cell and the device types that have it; of `inferred` the reference is not sure."""

    cell: CellIdentifier
    devices: str
    inferred: str = ""


# Gap: the cells of all but the ESME are inferred (gbcs-crypto 12 and 24); `inferred` are those
# marked with a question there. The load controller's are in newer meters only.
CELL_ROWS = (
    CellRow(ROOT_CELL, "ESME GSME GPF CHF PPMID HCALCS SAPC"),
    CellRow(CellIdentifier(Role.RECOVERY, _SIGN), "ESME GSME GPF CHF PPMID HCALCS SAPC"),
    CellRow(CellIdentifier(Role.SUPPLIER, _SIGN), "ESME GSME GPF HCALCS SAPC"),
    CellRow(CellIdentifier(Role.SUPPLIER, _AGREE), "ESME GSME GPF SAPC", "HCALCS"),
    CellRow(CellIdentifier(Role.SUPPLIER, _AGREE, CellUsage.PREPAYMENT_TOP_UP), "ESME GSME GPF"),
    CellRow(CellIdentifier(Role.NETWORK_OPERATOR, _SIGN), "ESME GSME GPF SAPC"),
    CellRow(CellIdentifier(Role.NETWORK_OPERATOR, _AGREE), "ESME GSME GPF SAPC"),
    CellRow(CellIdentifier(Role.ACCESS_CONTROL_BROKER, _SIGN), "CHF PPMID"),
    CellRow(BROKER_AGREEMENT, "ESME GSME GPF CHF PPMID HCALCS SAPC"),
    CellRow(CellIdentifier(Role.TRANSITIONAL_COS, _SIGN), "ESME GSME GPF HCALCS SAPC", "CHF PPMID"),
    CellRow(CellIdentifier(Role.WAN_PROVIDER, _SIGN), "CHF"),
    CellRow(CellIdentifier(Role.LOAD_CONTROLLER, _SIGN), "SAPC", "ESME"),
    CellRow(CellIdentifier(Role.LOAD_CONTROLLER, _AGREE), "SAPC", "ESME"),
)


@cache
def cells_of(device: DeviceType, inferred: bool = True) -> tuple[CellIdentifier, ...]:
    """The cells of a device type, in the order of the table; `inferred` counts the unsure ones in.

    ESME without `inferred` is a meter that knows no load controller.
    """
    name = device.name
    return tuple(
        row.cell
        for row in CELL_ROWS
        if name in row.devices.split() or (inferred and name in row.inferred.split())
    )


@dataclass(frozen=True, slots=True)
class Anchors:
    """The trust anchors of one device.

    `device` is its type, `places` the cells it has (by default those of its type), `held`
    what stands in them, `counters` the highest Originator Counter accepted from each role (0
    where none was), `prepayment` the floor of the supplier's token counter.
    """

    device: DeviceType
    held: Mapping[CellIdentifier, Credential] = field(default_factory=dict, repr=False)
    counters: Mapping[Role, int] = field(default_factory=dict)
    prepayment: int = 0
    places: frozenset[CellIdentifier] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Nobody else can change what is held here."""
        cells = sorted(self.held.items(), key=lambda item: _order(item[0]))
        object.__setattr__(self, "held", MappingProxyType(dict(cells)))
        object.__setattr__(self, "counters", MappingProxyType({r: n for r, n in self.counters.items() if n}))
        if self.places is None:
            object.__setattr__(self, "places", frozenset(cells_of(self.device)))

    def has(self, cell: CellIdentifier) -> bool:
        """Whether the device has the cell, filled or empty."""
        return cell in self.held or (self.places is not None and cell in self.places)

    def get(self, cell: CellIdentifier) -> Credential | None:
        """What a cell holds, or None."""
        return self.held.get(cell)

    def of_role(self, role: int) -> tuple[tuple[CellIdentifier, Credential], ...]:
        """The filled cells of a role, in order of key usage and cell usage."""
        return tuple((cell, credential) for cell, credential in self.held.items() if cell.role == role)

    def roles_of(self, entity: EntityId) -> tuple[Role, ...]:
        """The roles in whose cells an identifier stands, in order; authorities have none to stand for."""
        if entity == NO_ENTITY:
            return ()
        return tuple(dict.fromkeys(cell.role for cell, held in self.held.items() if held.entity == entity))

    def counter(self, role: int) -> int:
        """The counter of a role."""
        return next((number for held, number in self.counters.items() if held == role), 0)

    def with_cell(self, cell: CellIdentifier, credential: Credential) -> Anchors:
        """These anchors with another certificate in a cell."""
        return replace(self, held={**self.held, cell: credential})

    def with_counter(self, role: Role, counter: int) -> Anchors:
        """These anchors with another counter of a role."""
        return replace(self, counters={**self.counters, role: counter})

    def with_prepayment(self, floor: int) -> Anchors:
        """These anchors with another floor of the token counter."""
        return replace(self, prepayment=floor)


class AnchorChanges(NamedTuple):
    """What a store has to write: cells, role counters, token counter floor (None: as it was)."""

    cells: tuple[tuple[CellIdentifier, Credential], ...]
    counters: tuple[tuple[Role, int], ...]
    prepayment: int | None


def changes(before: Anchors, after: Anchors) -> AnchorChanges:
    """How two values differ. A floor set to what it was is no change here."""
    return AnchorChanges(
        tuple((cell, new) for cell, new in after.held.items() if before.get(cell) != new),
        tuple((role, after.counter(role)) for role in Role if after.counter(role) != before.counter(role)),
        after.prepayment if after.prepayment != before.prepayment else None,
    )


def _order(cell: CellIdentifier) -> tuple[int, int, int]:
    return cell.role, cell.usage.value, cell.cell_usage
