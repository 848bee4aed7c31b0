"""States a command needs before it can succeed, by use case (replay contract).

Rows are read from the use case alone, never from a file or a response. Items are data items
of the device; keys are raw values of its store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from smets.behaviours.payment import PREPAYMENT_MODE
from smets.behaviours.supply import REASONS, Reason, State
from smets.values import Value


@dataclass(frozen=True, slots=True)
class Precondition:
    """Why, and the items and raw values that make it so."""

    why: str
    items: Mapping[str, Value] = field(default_factory=dict)
    raw: Mapping[str, Value] = field(default_factory=dict)


SUPPLY_DISABLED = Precondition(
    "the supply is disabled", {"SupplyState": int(State.DISABLED)}, {REASONS: (Reason.REMOTE.value,)}
)
EMERGENCY_CREDIT = Precondition(
    "emergency credit is available",
    {
        "PaymentMode": (PREPAYMENT_MODE, 2),
        "MeterBalance": 1,
        "EmergencyCreditLimit": 500_000,
        "EmergencyCreditBalance": 500_000,
        "EmergencyCreditThreshold": 100_000,
    },
)
IN_CREDIT = Precondition("the meter is in credit", {"MeterBalance": 1_000_000})
CONTROLLERS = Precondition(
    "five auxiliary controllers are configured",
    {f"AuxiliaryController{n}.TypeAndIdentifier": bytes(8) for n in range(1, 6)},
)

PRECONDITIONS: Mapping[str, Precondition] = {
    "ECS02": IN_CREDIT,
    "ECS03": IN_CREDIT,
    "ECS09": EMERGENCY_CREDIT,
    "ECS42": SUPPLY_DISABLED,
    "ECS44": SUPPLY_DISABLED,
    "ECS46a": CONTROLLERS,
    "ECS47": CONTROLLERS,
    "ECS47a": CONTROLLERS,
    "ECS47e": CONTROLLERS,
    "ECS61a": CONTROLLERS,
    "ECS61d": CONTROLLERS,
    "ECS61e": CONTROLLERS,
    "ECS62": CONTROLLERS,
}
