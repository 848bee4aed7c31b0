"""The communications hub function as a device: its tables and behaviours.

Source: CHTS 4 (reference: chts-hub 2). The CHF has the time of the wide area network, which
is the shell's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from gbcs.dlms.objects import MemberKind, model
from gbcs.ids import DeviceType, EntityId, Payload, Role
from gbcs.time import Utc
from gbcs.usecases import table
from smets.asn1_server import Asn1Server
from smets.behaviours.clock import STATUS, Clock, Status
from smets.behaviours.credentials import Replacements
from smets.chance import seeded
from smets.credential_settings import CredentialSettings
from smets.credentials_server import CredentialsServer
from smets.device import Device
from smets.dlms_server import DlmsServer, alert_payload
from smets.own_credentials_server import OwnCredentialsServer
from smets.profile import Behaviour, Hooks, Profile
from smets.replacement_server import ReplacementServer
from smets.settings import DeviceSettings
from smets.store import Store
from smets.values import Value, pack

from .deliveries import Deliveries
from .device_log import EXTENDED_PAN_ID, GPF_ID, DeviceLog, DeviceLogSettings

SINGLE_BAND = frozenset({"dual-band"})
# ECS100 (8F85) is an alert of ESME and SAPC; other devices log and alert 8F1E (gbcs-messages 11)
CHF_SETTINGS = DeviceSettings(
    answers_unsupported=False,
    # a hub has no supplier's cell: its broker asks for its certificates
    credentials=CredentialSettings(own_certificates_from=(Role.ACCESS_CONTROL_BROKER,)),
)
LOG_SETTINGS = DeviceLogSettings()
# ours: GBCS leaves them to the maker
TEXTS: dict[str, Value] = {"ManufacturerIdentifier": b"0000", "ModelType": b"00000000"}


class Identification(Behaviour):
    """Data items that follow from what the hub is."""

    name = "identification"

    def reads(self) -> dict[str, Callable[..., Value]]:
        """The Entity Identifier."""
        return {"EntityIdentifier": lambda work: work.get("own/entity")}


@cache
def chf_profile(log: DeviceLogSettings = LOG_SETTINGS) -> Profile:
    """The profile of a single band CHF."""
    objects = model(DeviceType.CHF, SINGLE_BAND)
    attributes = [m for m in objects.members if m.kind is MemberKind.ATTRIBUTE]
    replacements = Replacements(DeviceType.CHF)
    behaviours: tuple[Behaviour, ...] = (
        Identification(),
        Clock(),
        DeviceLog(log),
        Deliveries(),
        replacements,
    )
    asn1 = Asn1Server(
        CredentialsServer(DeviceType.CHF), ReplacementServer(replacements), OwnCredentialsServer()
    )
    of_two_bands = frozenset(u.code for u in table() if "dual-band" in u.flags and u.code is not None)
    server = DlmsServer(objects, Hooks(behaviours), _acceptable, _not_future_dated, withheld=of_two_bands)
    defaults: dict[str, Value] = {}
    for member in attributes:
        constant = member.constant if "set" not in member.access else None
        defaults[member.item] = constant if constant is not None else member.wire().default()
    return Profile(
        DeviceType.CHF,
        Payload.DLMS,
        {Payload.DLMS: server, Payload.ASN1: asn1},
        behaviours,
        defaults | TEXTS,
        {m.item: m.entries for m in attributes if m.entries},
        (Role.ACCESS_CONTROL_BROKER, Role.WAN_PROVIDER),
        alert_payload,
    )


def make_chf(
    store: Store,
    now: Utc,
    settings: DeviceSettings = CHF_SETTINGS,
    log: DeviceLogSettings = LOG_SETTINGS,
) -> Device:
    """A CHF on a provisioned store."""
    return Device(chf_profile(log), store, now, settings)


def manufactured(gpf: EntityId, random: Callable[[int], bytes] | None = None) -> dict[str, bytes]:
    """What manufacture writes into a CHF's store beside keys: its GPF, Extended PAN ID, a right clock.

    Without `random` it can make no key pairs (CS02c).
    """
    values = {
        GPF_ID: pack(bytes(gpf)),
        EXTENDED_PAN_ID: pack(bytes(gpf)),
        STATUS: pack(int(Status.RELIABLE)),
    }
    return values if random is None else values | seeded(random)


def _acceptable(item: str, value: Value) -> bool:
    """CCS01 opens joining and never closes it; its window is 1 s to an hour."""
    if item == "DeviceLog.JoiningTimePeriod":
        return isinstance(value, int) and 1 <= value <= 3600
    return item != "DeviceLog.JoiningAllowed" or value is True


def _not_future_dated(*arguments: object) -> None:
    """No value of a CHF is future dated."""
