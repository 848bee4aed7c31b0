"""The CHF Device Log: which devices may use the home area network, and the log of those that did.

Source: CHTS 4.4.2, GBCS use cases CCS01, CCS02, CCS03, CCS06, CCS07, CS14 (reference: chts-hub 2
and 4). Every change raises CS14 for the Access Control Broker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from gbcs.dlms.axdr import Data, array, octet_string, structure
from gbcs.ids import DeviceType, EntityId
from gbcs.time import ACTIVATE_NEVER, Utc
from smets.eventlog import write
from smets.events import Event, TimerDue
from smets.profile import OTHER_REASON, Behaviour, Refusal
from smets.values import Value
from smets.work import Work

from .events import ForeignOriginator, HanContact, LinkKeyMade

LOG = "devicelog/"
HISTORIC = "historic/"
JOINING_UNTIL = "joining-until"
EXTENDED_PAN_ID = "extended-pan-id"
GPF_ID = "gpf-id"
CAPACITY = 16
STATIONS = CAPACITY - 1  # one place is the gas proxy function's, which shares the hub's radio
HISTORIC_CAPACITY = 15
KEY_TYPE_INSTALL_CODE = 1
LOG_CHANGED = 0x8F12
CS14 = 0x0018
UNAUTHORISED_COMMUNICATION = 0x8F3E
UNAUTHORISED_COUNT = "limiter/unauthorised"
NEVER = ACTIVATE_NEVER  # a date-time of which nothing is specified: no contact yet

# class 104 device_type, not the DeviceType of the GBCS ASN.1 module (chts-hub 1)
GPF_TYPE = 254
DEVICE_TYPES: dict[int, DeviceType] = {
    0: DeviceType.ESME,
    1: DeviceType.GSME,
    13: DeviceType.HCALCS,
    128: DeviceType.TYPE2,
    130: DeviceType.TYPE2,
    132: DeviceType.PPMID,
    GPF_TYPE: DeviceType.GPF,
}


@dataclass(frozen=True, slots=True)
class DeviceLogSettings:
    """Settings of the device log."""

    lists_gpf: bool = False
    """Whether the log has an entry of the hub's own gas proxy function from manufacture on; otherwise it
    has one once CCS01 adds it. Gap: chts-hub 1, the log `may or may not list the GPF`."""
    keeps_place: bool = True
    """Whether a place stays free for the gas proxy function while it is not listed. Gap: chts-hub 2.1 has
    16 places and says that one is in effect the gas proxy's, not whether another may take it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One device: class 104 type, install code, when last heard (None: never), hash of its link key.

    The hash is empty until key establishment made a link key; a restored entry has neither
    type (None) nor install code.
    """

    entity: EntityId
    device_type: int | None
    install_code: bytes
    last_contact: int | None = None
    hashed_key: bytes = b""

    def value(self) -> Value:
        """What the store holds."""
        return (self.device_type, self.install_code, self.last_contact, self.hashed_key)


def entries(work: Work) -> Iterator[Entry]:
    """The devices in the log, in order of identifier."""
    for key, _ in work.scan(LOG):
        value = work.value(key)
        if isinstance(value, tuple) and len(value) == 4:
            yield Entry(EntityId.parse(key.removeprefix(LOG)), *value)  # type: ignore[arg-type]


def find(work: Work, entity: EntityId) -> Entry | None:
    """A device of the log, or None."""
    value = work.value(f"{LOG}{entity}")
    return Entry(entity, *value) if isinstance(value, tuple) and len(value) == 4 else None  # type: ignore[arg-type]


def own_gpf(work: Work) -> EntityId | None:
    """The hub's own gas proxy function; None on a store that does not say."""
    value = work.value(GPF_ID)
    return EntityId(value) if isinstance(value, bytes) and len(value) == 8 else None


class DeviceLog(Behaviour):
    """Keeps the log and the joining window."""

    name = "device log"

    def __init__(self, settings: DeviceLogSettings = DeviceLogSettings()) -> None:
        self._settings = settings

    def start(self, work: Work) -> None:
        """List the gas proxy function, if that is how this hub is."""
        gpf = own_gpf(work)
        if self._settings.lists_gpf and gpf is not None:
            _put(work, Entry(gpf, GPF_TYPE, b""))

    def reads(self) -> Mapping[str, Callable[[Work], Value]]:
        """The communications store."""
        return {"DeviceLog.ActiveDevices": _active_devices}

    def writes(self) -> Mapping[str, Callable[[Work, Value], None]]:
        """Opening the joining window."""
        return {"DeviceLog.JoiningAllowed": _open_joining}

    def methods(self) -> Mapping[str, Callable[[Work, Value], Value]]:
        """Adding, removing, backing up and restoring."""
        return {
            "DeviceLog.add": partial(_add, self._settings),
            "DeviceLog.remove": _remove,
            "DeviceLog.restore": _restore,
            "DeviceLog.backup": lambda work, value: _plain(_backup(work)),
            "HistoricDeviceLog.backup": lambda work, value: _plain(_historic_backup(work)),
        }

    def deadline(self, work: Work) -> Utc | None:
        """The end of the joining window."""
        until = work.value(JOINING_UNTIL)
        return Utc(until) if isinstance(until, int) else None

    def handle(self, work: Work, event: Event) -> None:
        """Close the joining window; note who was heard."""
        if isinstance(event, TimerDue):
            until = work.value(JOINING_UNTIL)
            if isinstance(until, int) and until <= work.now.us:
                work.put(JOINING_UNTIL, None)
                work.set_item("DeviceLog.JoiningAllowed", False)
        elif isinstance(event, HanContact):
            entry = find(work, event.entity)
            if entry is not None:
                _put(work, replace(entry, last_contact=work.time.us))
        elif isinstance(event, LinkKeyMade):
            entry = find(work, event.entity)
            if entry is not None and entry.hashed_key != event.hashed_key:
                _put(work, replace(entry, hashed_key=event.hashed_key))
                _changed(work)
        elif isinstance(event, ForeignOriginator):
            write(work, "SecurityLog", UNAUTHORISED_COMMUNICATION)
            if _alert_allowed(work):
                work.alert(UNAUTHORISED_COMMUNICATION)


def _put(work: Work, entry: Entry) -> None:
    work.set_value(f"{LOG}{entry.entity}", entry.value())


def _alert_allowed(work: Work) -> bool:
    """Count an alert, which a device could cause without end; False beyond the limit of the settings."""
    start, count = work.now.us, 0
    held = work.value(UNAUTHORISED_COUNT)
    if isinstance(held, tuple) and isinstance(held[0], int) and isinstance(held[1], int):
        window = work.settings.alert_window * 1_000_000
        if 0 <= work.now.us - held[0] < window:
            start, count = held[0], held[1]
    if count >= work.settings.alerts_per_code:
        return False
    work.set_value(UNAUTHORISED_COUNT, (start, count + 1))
    return True


def _open_joining(work: Work, value: Value) -> None:
    if value is True:
        seconds = work.int_item("DeviceLog.JoiningTimePeriod")
        work.set_value(JOINING_UNTIL, work.now.plus(seconds).us)


def _is_full(settings: DeviceLogSettings, work: Work, entity: EntityId | None = None) -> str:
    """Why there is no place for one more device, for `entity` if it is given; empty where there is one."""
    held = [entry.entity for entry in entries(work)]
    gpf = own_gpf(work)
    if gpf is not None and settings.keeps_place and gpf not in held and entity != gpf:
        if len(held) < STATIONS:
            return ""
        return f"the device log holds {STATIONS} devices already, and a place for the gas proxy function"
    return "" if len(held) < CAPACITY else f"the device log holds {CAPACITY} devices already"


def _add(settings: DeviceLogSettings, work: Work, value: Value) -> Value:
    """Register a device; one that is there already keeps what it has."""
    if not isinstance(value, tuple) or len(value) != 4:
        raise Refusal(OTHER_REASON)
    address, key_type, key, device_type = value
    if key_type != KEY_TYPE_INSTALL_CODE or device_type not in DEVICE_TYPES:
        raise Refusal(OTHER_REASON, "no install code, or no device type of the home area network")
    if not isinstance(address, bytes) or not isinstance(key, bytes) or not isinstance(device_type, int):
        raise Refusal(OTHER_REASON)
    entity = EntityId(address)
    if find(work, entity) is not None:
        return None
    full = _is_full(settings, work, entity)
    if full:
        raise Refusal(OTHER_REASON, full)
    _put(work, Entry(entity, device_type, key))
    _changed(work)
    return None


def _remove(work: Work, value: Value) -> Value:
    """Unregister a device; its link key's hash goes to the historic log."""
    entry = find(work, EntityId(value)) if isinstance(value, bytes) and len(value) == 8 else None
    if entry is None:
        raise Refusal(OTHER_REASON, "not in the device log")
    if entry.hashed_key:
        _remember(work, entry)
    work.put(f"{LOG}{entry.entity}", None)
    _changed(work)
    return None


def _remember(work: Work, entry: Entry) -> None:
    held = [key for key, _ in work.scan(HISTORIC)]
    key = f"{HISTORIC}{entry.entity}"
    if key not in held and len(held) >= HISTORIC_CAPACITY:
        work.put(min(held, key=lambda name: _order(work, name)), None)
    order = work.number("historic-order")
    work.set_value("historic-order", order + 1)
    work.set_value(key, (order, entry.hashed_key))


def _order(work: Work, key: str) -> int:
    value = work.value(key)
    return value[0] if isinstance(value, tuple) and isinstance(value[0], int) else 0


def _restore(work: Work, value: Value) -> Value:
    """Take over the log of the hub this one replaces."""
    if not isinstance(value, tuple) or not isinstance(value[1], tuple):
        raise Refusal(OTHER_REASON)
    pan, devices = value
    if not isinstance(devices, tuple) or not 1 <= len(devices) <= CAPACITY:
        raise Refusal(OTHER_REASON, f"1 to {CAPACITY} devices")
    work.set_value(EXTENDED_PAN_ID, pan)
    for device in devices:
        if isinstance(device, tuple) and isinstance(device[0], bytes) and isinstance(device[1], bytes):
            entity = EntityId(device[0])
            old = find(work, entity) or Entry(entity, None, b"")
            _put(work, replace(old, hashed_key=device[1]))
    # the old hub's log may have listed its own gas proxy function: no place is kept here
    if sum(1 for _ in entries(work)) > CAPACITY:
        raise Refusal(OTHER_REASON, f"more than {CAPACITY} devices with those that are there")
    _changed(work)
    return None


def _changed(work: Work) -> None:
    write(work, "SecurityLog", LOG_CHANGED)
    work.alert(LOG_CHANGED, _backup(work), message_code=CS14)


def _backup(work: Work) -> Data:
    devices = ((entry.entity, entry.hashed_key) for entry in entries(work))
    return _pan(work, devices)


def _historic_backup(work: Work) -> Data:
    found = []
    for key, _ in work.scan(HISTORIC):
        value = work.value(key)
        hashed = value[1] if isinstance(value, tuple) else b""
        found.append(
            (EntityId.parse(key.removeprefix(HISTORIC)), hashed if isinstance(hashed, bytes) else b"")
        )
    return _pan(work, iter(found))


def _pan(work: Work, devices: Iterator[tuple[EntityId, bytes]]) -> Data:
    pan = work.value(EXTENDED_PAN_ID)
    return structure(
        octet_string(work.time.to_cosem()),
        octet_string(pan if isinstance(pan, bytes) else bytes(8)),
        array(*(structure(octet_string(entity), octet_string(hashed)) for entity, hashed in devices)),
    )


def _plain(data: Data) -> Value:
    """The plain value of a tree of structures, arrays and octet-strings."""
    return tuple(_plain(node) for node in data.value) if isinstance(data.value, tuple) else bytes(data.value)


def _active_devices(work: Work) -> Value:
    """One row a device; what GBCS gives no meaning is zero."""
    rows: list[Value] = []
    for entry in entries(work):
        last = NEVER if entry.last_contact is None else Utc(entry.last_contact).to_cosem()
        rows.append((bytes(entry.entity), "0" * 8, 0, 0, 0, 0, 0, 0, last, 0, 0, 0, 0, 0))
    return tuple(rows)
