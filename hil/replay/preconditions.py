"""States a command needs before it can succeed, by use case (replay contract).

Rows are read from the use case alone, never from a file or a response. Items are data items
of the device, raw keys those of its store; what a variant does not have is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chts.device_log import LOG as DEVICE_LOG
from chts.device_log import Entry
from gbcs.asn1.joins import CS07, Method, read_unjoin_command
from gbcs.dlms.apdu import AccessRequest, parse_apdu
from gbcs.dlms.axdr import Tag
from gbcs.dlms.objects import by_item
from gbcs.dlms.types import Compact
from gbcs.ids import EntityId
from gbcs.message import Message
from smets.behaviours.charging import PREPAYMENT_MODE
from smets.behaviours.device_log import Entry as Partner
from smets.behaviours.device_log import put
from smets.behaviours.firmware import HELD
from smets.behaviours.supply import REASONS, Reason, State
from smets.values import Value
from smets.work import Work

from .der import image_hash_of

IMAGE_VERSION = bytes((0, 0, 0, 2))
ANY_TYPE = 0  # an ESME in class 104; the log does not care
ANY_PARTNER = EntityId(bytes(range(1, 9)))


@dataclass(frozen=True, slots=True)
class Precondition:
    """Why, and the items, raw values and logs (one entry each, stamped now) that make it so.

    `registered`: the devices whose identifiers the command carries stand in the device log. `image`:
    the firmware image it names is held. `joined`: the device it names, any for one that names none,
    joined by this method.
    """

    why: str
    items: Mapping[str, Value] = field(default_factory=dict)
    raw: Mapping[str, Value] = field(default_factory=dict)
    logs: tuple[str, ...] = ()
    registered: bool = False
    image: bool = False
    joined: Method | None = None

    def bring_about(self, work: Work, twin: bool, command: Message) -> None:
        """Write it into a device; `twin` decides the form of log entries."""
        if self.registered:
            for entity in _entities(command):
                work.set_value(f"{DEVICE_LOG}{entity}", Entry(entity, ANY_TYPE, bytes(16)).value())
        if self.joined is not None:
            partner = ANY_PARTNER if command.code == CS07 else read_unjoin_command(command.payload)
            put(work, Partner(partner, ANY_TYPE, self.joined, work.time.seconds))
        digest = image_hash_of(command) if self.image else None
        if digest is not None:
            work.set_value(HELD, (digest, IMAGE_VERSION))
        for name, value in self.items.items():
            if name in work.defaults:
                work.set_item(name, value)
        for key, value in self.raw.items():
            work.set_value(key, value)
        for name in self.logs:
            wire = by_item(name).wire(twin)
            if name in work.log_sizes and isinstance(wire, Compact):
                entry = wire.item.default()
                rest = entry[1:] if isinstance(entry, tuple) else ()
                work.log(name, work.time.seconds, *rest)


def _entities(command: Message) -> tuple[EntityId, ...]:
    """The data of a DLMS command that have the length of an identifier."""
    apdu = parse_apdu(command.payload)
    items = apdu.items if isinstance(apdu, AccessRequest) else ()
    data = [item.data for item in items if item.data.tag == Tag.OCTET_STRING]
    return tuple(EntityId(node.value) for node in data if len(node.value) == 8)


def _logs(*names: str) -> Precondition:
    return Precondition("the log has an entry", logs=names)


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
# these can take every state a command may ask for, input and steps between included
PROPORTIONAL_CONTROLLERS = Precondition(
    "five auxiliary proportional controllers are configured",
    {f"AuxiliaryController{n}.TypeAndIdentifier": b"\xff" for n in range(1, 6)},
)
VOLTAGE_LOGS = _logs(*(f"AverageRMSVoltageProfileDataLog.Phase{n}" for n in (1, 2, 3)))

REGISTERED = Precondition("the device is in the device log", registered=True)

PRECONDITIONS: Mapping[str, Precondition] = {
    "CCS02": REGISTERED,
    "CS04AC": Precondition("the device joined by method A", joined=Method.A_INITIATOR),
    "CS04B": Precondition("the device joined by method B", joined=Method.B),
    "CS06": Precondition("the image is held", image=True),
    "CS07": Precondition("a device is in the device log", joined=Method.B),
    "ECS02": IN_CREDIT,
    "ECS03": IN_CREDIT,
    "ECS09": EMERGENCY_CREDIT,
    "ECS20a": _logs("BillingDataLog.PaymentDebtPayments"),
    "ECS20b": _logs("BillingDataLog.ModeOrTariffChange"),
    "ECS20c": _logs("BillingDataLog.CalendarRegisters", "BillingDataLog.CalendarPrepayment"),
    "ECS20d": _logs("BillingDataLog.PrepaymentCredits"),
    "ECS21a": _logs("DailyReadLog.Import"),
    "ECS21b": _logs("PrepaymentDailyReadLog"),
    "ECS21c": _logs("DailyReadLog.Export"),
    "ECS22a": _logs("ProfileDataLog.Export"),
    "ECS22b": _logs("ProfileDataLog.ActiveImport"),
    "ECS22c": _logs("ProfileDataLog.ReactiveImport"),
    "ECS23": VOLTAGE_LOGS,
    "ECS23b": VOLTAGE_LOGS,
    "ECS35a": _logs("EventLog"),
    "ECS35b": _logs("SecurityLog"),
    "ECS35e": _logs("PowerEventLog"),
    "ECS35f": _logs("AuxiliaryControllerEventLog"),
    "ECS35g": _logs("AuxiliaryControllerEventLog"),
    "ECS42": SUPPLY_DISABLED,
    "ECS44": SUPPLY_DISABLED,
    "ECS46a": CONTROLLERS,
    "ECS47": PROPORTIONAL_CONTROLLERS,
    "ECS47a": PROPORTIONAL_CONTROLLERS,
    "ECS47e": PROPORTIONAL_CONTROLLERS,
    "ECS61a": CONTROLLERS,
    "ECS61c": _logs("BoostFunctionEventLog"),
    "ECS61d": CONTROLLERS,
    "ECS61e": CONTROLLERS,
    "ECS62": CONTROLLERS,
    "ECS66": _logs("DailyConsumptionLog"),
}
