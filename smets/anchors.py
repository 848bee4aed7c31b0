"""The trust anchors in a device's store as a value, and back (see `gbcs.security.anchors`)."""

from __future__ import annotations

from gbcs.asn1.credentials import CellIdentifier
from gbcs.ids import DeviceType, Role
from gbcs.security.anchors import Anchors, changes

from .identity import Cell, Identity


def anchors_of(identity: Identity, device: DeviceType) -> Anchors:
    """The trust anchors in a device's store. Raises StoreError."""
    return Anchors(
        device,
        {CellIdentifier(cell.role, cell.usage, cell.cell_usage): held for cell, held in identity.cells()},
        {role: identity.counter(role) for role in Role},
        identity.counter(Role.SUPPLIER, specialist=True),
    )


def keep_anchors(identity: Identity, before: Anchors, after: Anchors) -> None:
    """Write what differs: certificates, counters, the floor of the token counter."""
    cells, counters, prepayment = changes(before, after)
    for cell, credential in cells:
        identity.set_cell(Cell(*cell), credential.der)
    for role, counter in counters:
        identity.set_counter(role, counter)
    if prepayment is not None:
        identity.set_counter(Role.SUPPLIER, prepayment, specialist=True)
