"""Outcomes in EZSP: each status by name with its three numbers.

From version 14 on a status is an sl_Status (4 octets); before, an EmberStatus or, for the
configuration frames, an EzspStatus (1 octet each). Source: radio-stack 5.3, 6.1.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final

from .node_types import Status


class Refusal(Enum):
    """Outcomes that only the EZSP side knows; those of the stack are in `node_types.Status`."""

    INVALID_VALUE = "invalid value"
    INVALID_ID = "invalid id"
    INVALID_CALL = "invalid call"
    LIBRARY_NOT_PRESENT = "library not present"
    NOT_SUPPORTED = "not supported"
    BINDING_IS_ACTIVE = "binding is active"
    ADDRESS_TABLE_ENTRY_IS_ACTIVE = "address table entry is active"
    ADDRESS_TABLE_INDEX_OUT_OF_RANGE = "address table index out of range"
    SCANNING = "scanning"
    BAD_SCAN_DURATION = "bad scan duration"
    INCORRECT_SCAN_TYPE = "incorrect scan type"
    INVALID_CHANNEL_MASK = "invalid channel mask"
    INVALID_CHANNEL = "invalid channel"
    INVALID_POWER = "invalid power"
    SOURCE_ROUTE_FAILURE = "source route failure"
    MANY_TO_ONE_ROUTE_FAILURE = "many-to-one route failure"
    EZSP_ERROR = "EZSP error"


AnyStatus = Status | Refusal


class FrameError(IntEnum):
    """EzspStatus of `invalidCommand` before version 14: what is wrong with a frame itself."""

    VERSION_NOT_SET = 0x30
    INVALID_FRAME_ID = 0x31
    WRONG_DIRECTION = 0x32
    TRUNCATED = 0x33
    INVALID_VALUE = 0x36
    INVALID_ID = 0x37
    INVALID_CALL = 0x38
    UNSUPPORTED_CONTROL = 0x49


# status -> sl_Status, EmberStatus, EzspStatus. Where several share a number, the first is read back.
STATUSES: Final[dict[AnyStatus, tuple[int, int, int]]] = {
    Status.OK: (0x0000, 0x00, 0x00),
    Status.FAIL: (0x0001, 0x01, 0x38),
    Status.INVALID_STATE: (0x0002, 0x70, 0x38),
    Status.NETWORK_BUSY: (0x0004, 0xA1, 0x38),
    Refusal.LIBRARY_NOT_PRESENT: (0x000E, 0xB5, 0x38),
    Refusal.NOT_SUPPORTED: (0x000F, 0x70, 0x38),
    Status.NETWORK_UP: (0x0015, 0x90, 0x38),
    Status.NETWORK_DOWN: (0x0016, 0x91, 0x38),
    Status.NOT_JOINED: (0x0017, 0x93, 0x38),
    Status.JOIN_FAILED: (0x0017, 0x94, 0x38),
    Status.CANNOT_JOIN_AS_ROUTER: (0x0017, 0x98, 0x38),
    Status.NO_BEACONS: (0x0018, 0xAB, 0x38),
    Status.NO_RESOURCES: (0x0019, 0x18, 0x35),
    Status.TABLE_FULL: (0x001C, 0xB4, 0x35),
    Status.INVALID_PARAMETER: (0x0021, 0x02, 0x36),
    Refusal.INVALID_VALUE: (0x0021, 0x02, 0x36),
    Refusal.INVALID_ID: (0x0021, 0x02, 0x37),
    Refusal.INVALID_CALL: (0x0002, 0x70, 0x38),
    Status.INVALID_INDEX: (0x0027, 0xB1, 0x37),
    Refusal.ADDRESS_TABLE_INDEX_OUT_OF_RANGE: (0x0028, 0x6A, 0x37),
    Status.NOT_FOUND: (0x002D, 0x03, 0x37),
    Status.TABLE_ENTRY_ERASED: (0x002D, 0xB6, 0x37),
    Status.MESSAGE_TOO_LONG: (0x0038, 0x74, 0x36),
    Status.MAC_NO_DATA: (0x003F, 0x31, 0x38),
    Status.MAC_NO_ACK: (0x0040, 0x40, 0x38),
    Status.MAC_INDIRECT_TIMEOUT: (0x0041, 0x42, 0x38),
    Refusal.SCANNING: (0x004D, 0x3D, 0x38),
    Refusal.INCORRECT_SCAN_TYPE: (0x004E, 0x34, 0x36),
    Refusal.INVALID_CHANNEL_MASK: (0x004F, 0x35, 0x36),
    Refusal.BAD_SCAN_DURATION: (0x0050, 0x33, 0x36),
    Refusal.INVALID_CHANNEL: (0x0055, 0x8A, 0x36),
    Refusal.INVALID_POWER: (0x0056, 0x8B, 0x36),
    Status.DELIVERY_FAILED: (0x0C02, 0x66, 0x38),
    Refusal.BINDING_IS_ACTIVE: (0x0C04, 0x75, 0x38),
    Refusal.ADDRESS_TABLE_ENTRY_IS_ACTIVE: (0x0C05, 0x76, 0x38),
    Status.MOVE_FAILED: (0x0C06, 0x96, 0x38),
    Status.NODE_ID_CHANGED: (0x0C07, 0x99, 0x38),
    Status.ADDRESS_CONFLICT: (0x0C07, 0x99, 0x38),
    Status.NO_LINK_KEY: (0x0C0A, 0xA6, 0x38),
    Status.SECURITY_STATE_NOT_SET: (0x0C0B, 0xA8, 0x38),
    Status.KEY_NOT_AUTHORIZED: (0x0C0E, 0xBB, 0x38),
    Refusal.SOURCE_ROUTE_FAILURE: (0x0C13, 0xA9, 0x38),
    Refusal.MANY_TO_ONE_ROUTE_FAILURE: (0x0C14, 0xAA, 0x38),
    Status.PAN_ID_CHANGED: (0x0C16, 0x9A, 0x38),
    Status.CHANNEL_CHANGED: (0x0C17, 0x9B, 0x38),
    Status.NETWORK_OPENED: (0x0C18, 0x9C, 0x38),
    Status.NETWORK_CLOSED: (0x0C19, 0x9D, 0x38),
    Status.RECEIVED_KEY_IN_THE_CLEAR: (0x0C1A, 0xAC, 0x38),
    Status.NO_NETWORK_KEY_RECEIVED: (0x0C1B, 0xAD, 0x38),
    Status.NO_LINK_KEY_RECEIVED: (0x0C1C, 0xAE, 0x38),
    Status.PRECONFIGURED_KEY_REQUIRED: (0x0C1D, 0xAF, 0x38),
    Refusal.EZSP_ERROR: (0x0C1E, 0x01, 0x38),
}
