"""What DLMS alerts carry, by Message Code: the structure of their data-notification.

Source: GBCS alert use cases (reference: dlms-payloads 8.1, gbcs-messages 6.3, chts-hub 17.6).
Every one begins with the Alert Code and the time; the rows name what follows. The names of
what follows are ours where GBCS gives only the contents.
"""

from __future__ import annotations

from functools import cache

from ..errors import BuildError
from . import notation as N
from .types import parse_type
from .wire import Structure

ALERT_CODE, TIME = "AlertCode", "Time"
HEADER = "Header"
# The alert code F of class 30 content is not wrapped in a structure of its own (ECS68).
BILLING_DATA_LOG = 0x0061
FAILURE_TO_DELIVER = 0x00D5
FUTURE_DATED_OUTCOME = 0x00CC

# fmt: off
ROWS: tuple[tuple[int, str, str], ...] = (
    (0x0018, "CS14", f"DeviceLog:{N.PAN_BACKUP}"),
    (BILLING_DATA_LOG, "ECS68", f"ProtectionParameters:{N.PROTECTION},ProtectedAttributes:oct(18..)"),
    (0x0067, "ECS80", "Interruption:oct(12)@date-time,Restoration:oct(12)@date-time"),
    (FUTURE_DATED_OUTCOME, "future-dated outcome", "Executed:oct(19)@executed"),
    (0x00CE, "firmware distribution receipt", "ManufacturerImageHash:oct(32)"),
    # two octets of header, as in DBCH10; no reference message shows them (gbcs-messages 6.3)
    (FAILURE_TO_DELIVER, "failure to deliver", "Undelivered:oct(25)@message-identity"),
    (0x00F0, "meter integrity", "Reason:oct(2)@integrity"),
    (0x0110, "DBCH06", "Device:oct(8)@entity"),
    (0x0111, "DBCH07", "Channel:struct(ChannelMask:bits(32),Trigger:oct(1))"),
    (0x0112, "DBCH08", "Assessment:struct(Outcome:oct(1),Trigger:oct(1))"),
    (0x0113, "DBCH09", f"Settings:{N.SUB_GHZ_SETTINGS}"),
    (0x0114, "DBCH10", "Discarded:oct(25)@message-identity"),
    (0x0115, "DBCH11", "Device:oct(8)@entity"),
    (0x0120, "ECS100", "Refused:oct(10)@refused"),
    (0x0121, "ECS101", "Controller:u8,Start:oct(12)@date-time,End:oct(12)@date-time,Level:u8"),
    (0x0122, "ECS102", "Controller:u8,Level:u8"),
    (0x0123, "ECS200", "State:utf8"),
    (0x1000, "generic critical", ""),
    (0x1001, "generic non-critical", ""),
)
# fmt: on


_DELIVERY_AT = 25  # the header stands after tag, invoke id, date-time, structure, code and time
_DELIVERY_HEADER = b"\x09\x19"
_OTHER_HEADER = b"\x30\x19"


def split_header(code: int, payload: bytes) -> tuple[bytes, str | None]:
    """The payload of an alert with an octet-string where it has another header, and that header.

    Only the failure to deliver has one: public parsers know its two octets as 30 19, no
    reference message shows them (gbcs-messages 6.3, dlms-payloads 8.1).
    """
    if code != FAILURE_TO_DELIVER or payload[_DELIVERY_AT : _DELIVERY_AT + 2] != _OTHER_HEADER:
        return payload, None
    usual = payload[:_DELIVERY_AT] + _DELIVERY_HEADER + payload[_DELIVERY_AT + 2 :]
    return usual, _OTHER_HEADER.hex()


def join_header(payload: bytes, header: str) -> bytes:
    """The payload with that header again. Raises BuildError for any other."""
    if header != _OTHER_HEADER.hex() or payload[_DELIVERY_AT : _DELIVERY_AT + 2] != _DELIVERY_HEADER:
        raise BuildError(f"only {_OTHER_HEADER.hex()}, in an alert of a failure to deliver", HEADER)
    return payload[:_DELIVERY_AT] + _OTHER_HEADER + payload[_DELIVERY_AT + 2 :]


@cache
def alert_structure(code: int) -> Structure | None:
    """The structure of the alert of a Message Code, None where no DLMS alert has it."""
    for row, _, content in ROWS:
        if row == code:
            text = f"struct({ALERT_CODE}:u16@event,{TIME}:oct(12)@date-time{',' if content else ''}{content})"
            wire = parse_type(text)
            assert isinstance(wire, Structure)
            return wire
    return None
