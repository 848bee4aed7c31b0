"""The electricity meter (ESME): tables, behaviours and servers wired into a device profile.

Source: SMETS2 section 5 (reference: smets-esme). Variants: single element, twin element,
polyphase; auxiliary controllers and boost are capabilities of any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from gbcs.dlms.objects import model
from gbcs.firmware import FirmwareSettings
from gbcs.ids import DeviceType, EntityId, Payload, Role
from gbcs.time import Utc

from ..asn1_server import Asn1Server
from ..behaviours.activation import FutureDated, TogetherCheck
from ..behaviours.alert_settings import AlertSettings, alert_is_on, event_is_on
from ..behaviours.auxiliary import Auxiliary, AuxiliarySettings
from ..behaviours.billing import Billing, BillingSettings
from ..behaviours.boost import Boost, BoostSettings
from ..behaviours.clock import Clock, ClockSettings, set_clock
from ..behaviours.credentials import Replacements
from ..behaviours.device_log import holds
from ..behaviours.firmware import Firmware
from ..behaviours.han_access import HanAccess
from ..behaviours.history import History, HistorySettings
from ..behaviours.joining import Joining, JoinSettings
from ..behaviours.load_limit import LoadLimit, LoadLimitSettings
from ..behaviours.metering import Metering, MeteringSettings, profile_parts
from ..behaviours.outage import Outage, OutageSettings
from ..behaviours.pairing import Pairing
from ..behaviours.payment import Payment
from ..behaviours.payment_settings import PaymentSettings
from ..behaviours.power_events import PowerEvents, PowerEventSettings
from ..behaviours.privacy_pin import PinSettings, PrivacyPin
from ..behaviours.randomised_offset import randomised_offset
from ..behaviours.resets import Resets
from ..behaviours.supply import SupplySettings
from ..behaviours.tamper import Tamper
from ..behaviours.tariff import Tariff, TariffSettings
from ..behaviours.timed_charges import TimedCharges, TimedChargeSettings
from ..behaviours.topup import TopUp
from ..behaviours.voltage import Voltage, VoltageSettings
from ..chance import seeded
from ..credentials_server import CredentialsServer
from ..device import Device
from ..dlms_server import DlmsServer, alert_payload
from ..firmware_server import FirmwareServer
from ..han.ota_firmware import hash_in_store
from ..join_server import JoinServer
from ..own_credentials_server import OwnCredentialsServer
from ..profile import Behaviour, Hooks, Profile
from ..replacement_server import ReplacementServer
from ..settings import DEFAULT_SETTINGS, DeviceSettings
from ..store import Store
from ..values import Value, pack
from ..work import ITEM, Work
from .credit_charge import PaymentControl, mismatch_of, suspensions_of
from .items import absent_flags, items
from .messages import Messages
from .new_supplier import NewSupplier
from .refusals import RefusalSettings
from .switching_table import PREFIXES, incomplete


@dataclass(frozen=True, slots=True)
class EsmeOptions:
    """What kind of ESME: variant, and flags of the object table it does without.

    `clock_tolerance` in seconds (SMETS 5.5.1).
    """

    variant: str = "single"
    without: frozenset[str] = frozenset()
    clock_tolerance: int = 10
    auxiliary: AuxiliarySettings = field(default_factory=AuxiliarySettings)
    boost: BoostSettings = field(default_factory=BoostSettings)
    joins: JoinSettings = field(default_factory=JoinSettings)
    pin: PinSettings = field(default_factory=PinSettings)
    clock: ClockSettings = field(default_factory=ClockSettings)
    tariff: TariffSettings = field(default_factory=TariffSettings)
    billing: BillingSettings = field(default_factory=BillingSettings)
    metering: MeteringSettings = field(default_factory=MeteringSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    load_limit: LoadLimitSettings = field(default_factory=LoadLimitSettings)
    voltage: VoltageSettings = field(default_factory=VoltageSettings)
    outage: OutageSettings = field(default_factory=OutageSettings)
    power_events: PowerEventSettings = field(default_factory=PowerEventSettings)
    payment: PaymentSettings = field(default_factory=PaymentSettings)
    supply: SupplySettings = field(default_factory=SupplySettings)
    firmware: FirmwareSettings = field(default_factory=FirmwareSettings)
    refusals: RefusalSettings = field(default_factory=RefusalSettings)
    timed_charges: TimedChargeSettings = field(default_factory=TimedChargeSettings)


class Identification(Behaviour):
    """Data items that follow from what the device is."""

    name = "identification"

    def reads(self) -> dict[str, Callable[[Work], Value]]:
        """Entity Identifier and randomised offset."""
        return {
            "EntityIdentifier": lambda work: work.get("own/entity"),
            "RandomisedOffset": randomised_offset,
        }


def esme_profile(options: EsmeOptions = EsmeOptions()) -> Profile:
    """The profile of an ESME."""
    rows = items(options.variant, options.without, options.refusals)
    by_name = {item.name: item for item in rows}
    objects = model(DeviceType.ESME, absent_flags(options.variant) | options.without)
    twin, polyphase = options.variant == "twin", options.variant == "polyphase"
    payment = Payment(suspensions_of(twin), options.payment, options.supply)
    top_up = TopUp(payment)
    tariff = Tariff(payment.charge, twin, options.tariff)
    future_dated = FutureDated(objects, _checks(twin, options.refusals))
    billing = Billing(twin, options.billing)
    replacements = Replacements(DeviceType.ESME, NewSupplier(billing, top_up))
    firmware = Firmware(options.firmware, hash_in_store(options.firmware.boundary))
    joining, partners = _partners(by_name, options)
    behaviours: tuple[Behaviour, ...] = (
        Identification(),
        Clock(options.clock_tolerance, options.clock),
        AlertSettings(),
        History(options.history),
        Metering(twin, (tariff.consume,), options.metering),
        tariff,
        billing,
        payment.supply,
        payment,
        TimedCharges(payment, options.timed_charges),
        top_up,
        LoadLimit(payment.supply, options.load_limit),
        Voltage(polyphase, options.voltage),
        Outage(polyphase, options.outage),
        Tamper(payment.supply),
        PowerEvents(polyphase, options.power_events),
        Resets(future_dated, by_name),
        Messages(),
        PaymentControl(twin, options.refusals.array_follows_mode),
        future_dated,
        PrivacyPin(options.pin),
        Pairing(joining),
        HanAccess(),
        *partners,
        replacements,
        firmware,
    )
    hooks = Hooks(behaviours)
    future_dated.bind(hooks)

    def acceptable(name: str, value: Value) -> bool:
        return not by_name[name].refusal(value)

    dlms = DlmsServer(objects, hooks, acceptable, future_dated.instruct, twin)
    asn1 = Asn1Server(
        CredentialsServer(DeviceType.ESME),
        ReplacementServer(replacements),
        OwnCredentialsServer(),
        FirmwareServer(firmware),
        JoinServer(joining),
    )
    return Profile(
        DeviceType.ESME,
        Payload.DLMS,
        {Payload.DLMS: dlms, Payload.ASN1: asn1},
        behaviours,
        {item.name: item.default for item in rows},
        {item.name: item.capacity for item in rows if item.capacity},
        (Role.SUPPLIER, Role.NETWORK_OPERATOR),
        alert_payload,
        alert_is_on,
        event_is_on,
        profile_parts(twin),
    )


def make_esme(
    store: Store,
    now: Utc,
    options: EsmeOptions = EsmeOptions(),
    settings: DeviceSettings = DEFAULT_SETTINGS,
) -> Device:
    """An ESME on a provisioned store."""
    return Device(esme_profile(options), store, now, settings)


def manufactured(random: Callable[[int], bytes], firmware: bytes = b"\0\0\0\1") -> dict[str, bytes]:
    """What manufacture writes into a store beside keys: randomised offset number, versions, a seed."""
    number = 1 + int.from_bytes(random(8), "big") % 10_000
    values: dict[str, Value] = {"RandomisedOffsetNumber": number, "FirmwareVersion": firmware}
    return {ITEM + name: pack(value) for name, value in values.items()} | seeded(random)


def commission(work: Work, time: Utc) -> None:
    """Leave the device as an installer does: its clock set."""
    set_clock(work, time)


def _partners(items: Collection[str], options: EsmeOptions) -> tuple[Joining, tuple[Behaviour, ...]]:
    """The device log, and with it boost and the auxiliary controllers the meter has the items of."""
    if "aux" in options.without:
        joining = Joining(DeviceType.ESME, options.joins)
        return joining, (joining,)
    auxiliary = Auxiliary(items, _is_switch, options.auxiliary)
    joining = Joining(DeviceType.ESME, options.joins, (auxiliary.heard,))
    if "boost" in options.without:
        return joining, (joining, auxiliary)
    return joining, (joining, Boost(auxiliary, options.boost), auxiliary)


def _checks(twin: bool, settings: RefusalSettings) -> dict[str, TogetherCheck]:
    """What has to fit together to become active, by the item of the activation time."""
    found: dict[str, TogetherCheck] = {"PaymentMode.ActivationTime": lambda values: mismatch_of(values, twin)}
    if settings.checks_switching_table:
        found |= {f"{prefix}TariffSwitchingTable.ActivationTime": incomplete for prefix in PREFIXES}
    return found


def _is_switch(work: Work, station: EntityId) -> bool:
    return holds(work, station, DeviceType.HCALCS)


def entity_of(store: Store) -> EntityId:
    """The Entity Identifier a store was provisioned with."""
    return EntityId(store.get("own/entity") or b"")
