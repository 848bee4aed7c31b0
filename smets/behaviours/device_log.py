"""The Device Log of a device that is no hub: which others it may exchange data with, and how they joined.

Source: GBCS CS03, CS04, CS07 (reference: smets-esme 3, chts-hub 6, gbcs-messages 8.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gbcs.asn1.joins import DEVICE_TYPES, Method
from gbcs.ids import DeviceType, EntityId

from ..store import StoreError
from ..values import Value
from ..work import Work

LOG = "device-log/"
TYPE_1 = frozenset((DeviceType.HCALCS, DeviceType.PPMID))


class Entry(NamedTuple):
    """A device: type and method as numbers of the ASN.1 module, since when, the pair's link key or b''."""

    station: EntityId
    device_type: int
    method: int
    since: int
    link_key: bytes = b""

    def __repr__(self) -> str:
        """Without the key."""
        return f"Entry({self.station}, {self.device_type}, {self.method})"

    @property
    def is_type_1(self) -> bool:
        """Whether it is a device that may act, and not only read."""
        return device_type_of(self.device_type) in TYPE_1


def device_type_of(number: int) -> DeviceType | None:
    """The device type of a number; None for one the module as known here does not have."""
    return DEVICE_TYPES[number] if 0 <= number < len(DEVICE_TYPES) else None


def find(work: Work, station: EntityId) -> Entry | None:
    """A device of the log, or None. Raises StoreError."""
    return _entry(station, work.value(f"{LOG}{station}"))


def holds(work: Work, station: EntityId, *kinds: DeviceType) -> bool:
    """Whether a device is in the log, as one of some kinds if any are given."""
    entry = find(work, station)
    return entry is not None and (not kinds or device_type_of(entry.device_type) in kinds)


def entries(work: Work) -> Iterator[Entry]:
    """The devices in the log, in order of identifier. Raises StoreError."""
    for key, _ in work.scan(LOG):
        entry = _entry(EntityId.parse(key.removeprefix(LOG)), work.value(key))
        if entry is not None:
            yield entry


def put(work: Work, entry: Entry) -> None:
    """Write an entry, in place of an older one of the device."""
    work.set_value(f"{LOG}{entry.station}", (*map(int, entry[1:4]), entry.link_key))


def remove(work: Work, station: EntityId) -> None:
    """Forget a device."""
    work.put(f"{LOG}{station}", None)


def joined_by(entry: Entry, *methods: Method) -> bool:
    """Whether an entry came by one of some methods."""
    return entry.method in methods


def _entry(station: EntityId, value: Value) -> Entry | None:
    match value:
        case None:
            return None
        case (int(device_type), int(method), int(since), bytes(key)):
            return Entry(station, device_type, method, since, key)
    raise StoreError("the store holds no entry of the device log here")
