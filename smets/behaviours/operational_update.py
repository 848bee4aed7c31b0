"""ECS200: a proportional controller's state is told to the supplier, and meant for the load controller.

Source: ECS200 (reference: smets-alerts-events 8F88, gbcs-messages 2.4 and 6.3).
"""

from __future__ import annotations

from typing import Any

from gbcs.dlms.axdr import Data, Tag
from gbcs.ids import EntityId, KeyUsage, Role

from ..identity import Cell, CryptoCache, Identity
from ..work import Work

OPERATIONAL_UPDATE = 0x8F88
ECS200 = 0x0123


def load_controller(work: Work, cache: CryptoCache) -> EntityId | None:
    """Who stands in the load controller's cells, if anybody does. Raises StoreError."""
    identity = Identity(work, cache)
    for usage in (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT):
        held = identity.cell(Cell(Role.LOAD_CONTROLLER, usage))
        if held is not None:
            return held.entity
    return None


def operational_update(work: Work, state: str, controller: EntityId | None) -> None:
    """Ask for the alert with a state as JSON text, naming the load controller if there is one."""
    content: Any = Data(int(Tag.UTF8_STRING), state.encode())
    named = None if controller is None else (controller, None)
    work.alert(OPERATIONAL_UPDATE, content, message_code=ECS200, supplementary=named)
