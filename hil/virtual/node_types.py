"""Values that cross the seam of a virtual dongle: statuses, masks, table rows.

Bit masks and types have the values of EZSP, statuses are names (radio-stack 6.1, 8; se-security 10).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum, IntFlag

COORDINATOR_ID = 0x0000
UNKNOWN_ID = 0xFFFF  # also "no such node": what EZSP calls the null node id
BROADCAST_ALL = 0xFFFF
BROADCAST_RX_ON = 0xFFFD
BROADCAST_ROUTERS = 0xFFFC
NO_INDEX = 0xFF
KEY_LENGTH = 16

MAX_PAYLOAD = 82  # ASDU of an unsecured unicast; what EZSP maximumPayloadLength answers
APS_SECURITY_OVERHEAD = 9  # auxiliary header 5, MIC 4
FRAGMENT_OVERHEAD = 2  # the extended header: a fragment holds 80 octets, 71 when encrypted
EUI64_OVERHEAD = 8  # each of SOURCE_EUI64, DESTINATION_EUI64


class Status(Enum):
    """Outcome of a command or of what it started; an EZSP side maps each to its two numbers."""

    OK = "ok"
    FAIL = "fail"
    INVALID_STATE = "invalid state"
    INVALID_PARAMETER = "invalid parameter"
    INVALID_INDEX = "invalid index"
    NOT_FOUND = "not found"
    NOT_JOINED = "not joined"
    NETWORK_BUSY = "network busy"
    NO_RESOURCES = "no resources"
    TABLE_FULL = "table full"
    TABLE_ENTRY_ERASED = "table entry erased"
    MESSAGE_TOO_LONG = "message too long"
    DELIVERY_FAILED = "delivery failed"
    NO_LINK_KEY = "no link key"
    MAC_NO_DATA = "mac no data"
    MAC_NO_ACK = "mac no ack received"
    MAC_INDIRECT_TIMEOUT = "mac indirect timeout"
    NO_BEACONS = "no beacons"
    NETWORK_UP = "network up"
    NETWORK_DOWN = "network down"
    NETWORK_OPENED = "network opened"
    NETWORK_CLOSED = "network closed"
    JOIN_FAILED = "join failed"
    MOVE_FAILED = "move failed"
    CANNOT_JOIN_AS_ROUTER = "cannot join as router"
    NODE_ID_CHANGED = "node id changed"
    PAN_ID_CHANGED = "pan id changed"
    CHANNEL_CHANGED = "channel changed"
    NO_NETWORK_KEY_RECEIVED = "no network key received"
    RECEIVED_KEY_IN_THE_CLEAR = "received key in the clear"
    NO_LINK_KEY_RECEIVED = "no link key received"
    PRECONFIGURED_KEY_REQUIRED = "preconfigured key required"
    KEY_NOT_AUTHORIZED = "key not authorized"
    SECURITY_STATE_NOT_SET = "security state not set"
    ADDRESS_CONFLICT = "address conflict"


class NodeType(IntEnum):
    """EmberNodeType."""

    UNKNOWN = 0
    COORDINATOR = 1
    ROUTER = 2
    END_DEVICE = 3
    SLEEPY_END_DEVICE = 4


class NetworkState(IntEnum):
    """EmberNetworkStatus."""

    NO_NETWORK = 0
    JOINING = 1
    JOINED = 2
    JOINED_NO_PARENT = 3
    LEAVING = 4


class OutgoingType(IntEnum):
    """EmberOutgoingMessageType."""

    DIRECT = 0
    VIA_ADDRESS_TABLE = 1
    VIA_BINDING = 2
    MULTICAST = 3
    MULTICAST_WITH_ALIAS = 4
    BROADCAST_WITH_ALIAS = 5
    BROADCAST = 6


class IncomingType(IntEnum):
    """EmberIncomingMessageType."""

    UNICAST = 0
    UNICAST_REPLY = 1
    MULTICAST = 2
    MULTICAST_LOOPBACK = 3
    BROADCAST = 4
    BROADCAST_LOOPBACK = 5
    MANY_TO_ONE_ROUTE_REQUEST = 6


class ApsOption(IntFlag):
    """EmberApsOption."""

    NONE = 0
    ENCRYPTION = 0x0020
    RETRY = 0x0040
    ENABLE_ROUTE_DISCOVERY = 0x0100
    FORCE_ROUTE_DISCOVERY = 0x0200
    SOURCE_EUI64 = 0x0400
    DESTINATION_EUI64 = 0x0800
    ENABLE_ADDRESS_DISCOVERY = 0x1000
    POLL_RESPONSE = 0x2000
    ZDO_RESPONSE_REQUIRED = 0x4000
    FRAGMENT = 0x8000


class SecurityBit(IntFlag):
    """EmberInitialSecurityBitmask and EmberCurrentSecurityBitmask."""

    STANDARD_SECURITY_MODE = 0x0000
    DISTRIBUTED_TRUST_CENTER_MODE = 0x0002
    TRUST_CENTER_GLOBAL_LINK_KEY = 0x0004
    PRECONFIGURED_NETWORK_KEY_MODE = 0x0008
    HAVE_TRUST_CENTER_LINK_KEY = 0x0010  # current security only
    HAVE_TRUST_CENTER_EUI64 = 0x0040
    TRUST_CENTER_USES_HASHED_LINK_KEY = 0x0084
    HAVE_PRECONFIGURED_KEY = 0x0100
    HAVE_NETWORK_KEY = 0x0200
    GET_LINK_KEY_WHEN_JOINING = 0x0400
    REQUIRE_ENCRYPTED_KEY = 0x0800
    NO_FRAME_COUNTER_RESET = 0x1000
    GET_PRECONFIGURED_KEY_FROM_INSTALL_CODE = 0x2000


class TrustCenterPolicy(IntFlag):
    """EzspDecisionBitmask of policy TRUST_CENTER_POLICY."""

    DEFAULT = 0x0000
    ALLOW_JOINS = 0x0001
    ALLOW_UNSECURED_REJOINS = 0x0002
    SEND_KEY_IN_CLEAR = 0x0004
    IGNORE_UNSECURED_REJOINS = 0x0008
    JOINS_USE_INSTALL_CODE_KEY = 0x0010
    DEFER_JOINS = 0x0020


class Policy(IntEnum):
    """EzspPolicyId: those that the stack itself obeys; others are kept and answered."""

    TRUST_CENTER = 0x00
    BINDING_MODIFICATION = 0x01
    UNICAST_REPLIES = 0x02
    POLL_HANDLER = 0x03
    MESSAGE_CONTENTS_IN_CALLBACK = 0x04
    TC_KEY_REQUEST = 0x05
    APP_KEY_REQUEST = 0x06
    PACKET_VALIDATE_LIBRARY = 0x07
    ZLL = 0x08
    TC_REJOINS_USING_WELL_KNOWN_KEY = 0x09


class Decision(IntEnum):
    """EzspDecisionId: values of the policies above."""

    DISALLOW_BINDING_MODIFICATION = 0x10
    ALLOW_BINDING_MODIFICATION = 0x11
    HOST_WILL_NOT_SUPPLY_REPLY = 0x20
    HOST_WILL_SUPPLY_REPLY = 0x21
    POLL_HANDLER_IGNORE = 0x30
    POLL_HANDLER_CALLBACK = 0x31
    MESSAGE_TAG_ONLY_IN_CALLBACK = 0x40
    MESSAGE_TAG_AND_CONTENTS_IN_CALLBACK = 0x41
    DENY_TC_KEY_REQUESTS = 0x50
    ALLOW_TC_KEY_REQUESTS_SEND_CURRENT_KEY = 0x51
    ALLOW_TC_KEY_REQUEST_GENERATE_NEW_KEY = 0x52
    DENY_APP_KEY_REQUESTS = 0x60
    ALLOW_APP_KEY_REQUESTS = 0x61


class Config(IntEnum):
    """EzspConfigId: those that the stack itself obeys; any other id is kept and answered."""

    NEIGHBOR_TABLE_SIZE = 0x02
    APS_UNICAST_MESSAGE_COUNT = 0x03
    BINDING_TABLE_SIZE = 0x04
    ADDRESS_TABLE_SIZE = 0x05
    MULTICAST_TABLE_SIZE = 0x06
    ROUTE_TABLE_SIZE = 0x07
    STACK_PROFILE = 0x0C
    SECURITY_LEVEL = 0x0D
    MAX_HOPS = 0x10
    MAX_END_DEVICE_CHILDREN = 0x11
    INDIRECT_TRANSMISSION_TIMEOUT = 0x12  # milliseconds
    END_DEVICE_POLL_TIMEOUT = 0x13  # 0: 10 s, n: 2**n minutes (End Device Timeout)
    KEY_TABLE_SIZE = 0x1E
    APPLICATION_ZDO_FLAGS = 0x2A
    TRANSIENT_KEY_TIMEOUT_S = 0x36


class ZdoFlag(IntFlag):
    """EmberZdoConfigurationFlags of APPLICATION_ZDO_FLAGS: what the host wants to see itself."""

    APP_RECEIVES_SUPPORTED_REQUESTS = 0x01
    APP_HANDLES_UNSUPPORTED_REQUESTS = 0x02
    APP_HANDLES_ENDPOINT_REQUESTS = 0x04
    APP_HANDLES_BINDING_REQUESTS = 0x08


class DeviceUpdate(IntEnum):
    """EmberDeviceUpdate: what a parent told the trust centre."""

    SECURED_REJOIN = 0
    UNSECURED_JOIN = 1
    LEFT = 2
    UNSECURED_REJOIN = 3


class JoinDecision(IntEnum):
    """EmberJoinDecision: what the trust centre did about it."""

    USE_PRECONFIGURED_KEY = 0
    SEND_KEY_IN_CLEAR = 1
    DENY = 2
    NO_ACTION = 3
    ALLOW_REJOINS_ONLY = 4


class KeyStatus(IntEnum):
    """EmberKeyStatus of a link-key exchange."""

    APP_LINK_KEY_ESTABLISHED = 1
    TRUST_CENTER_LINK_KEY_ESTABLISHED = 3
    KEY_ESTABLISHMENT_TIMEOUT = 4
    KEY_TABLE_FULL = 5
    TC_RESPONDED_TO_KEY_REQUEST = 6
    TC_APP_KEY_SENT_TO_REQUESTER = 7
    TC_RESPONSE_TO_KEY_REQUEST_FAILED = 8
    TC_REQUEST_KEY_TYPE_NOT_SUPPORTED = 9
    TC_NO_LINK_KEY_FOR_REQUESTER = 10
    TC_REQUESTER_EUI64_UNKNOWN = 11
    TC_RECEIVED_FIRST_APP_KEY_REQUEST = 12
    TC_TIMEOUT_WAITING_FOR_SECOND_APP_KEY_REQUEST = 13
    TC_NON_MATCHING_APP_KEY_REQUEST_RECEIVED = 14
    TC_FAILED_TO_SEND_APP_KEYS = 15
    TC_FAILED_TO_STORE_APP_KEY_REQUEST = 16
    TC_REJECTED_APP_KEY_REQUEST = 17


class PassthroughFlag(IntFlag):
    """EmberMacPassthroughType: MAC frames that go up as `MacPassthrough`."""

    NONE = 0x00
    SE_INTERPAN = 0x01
    EMBERNET = 0x02
    EMBERNET_SOURCE = 0x04
    APPLICATION = 0x08
    CUSTOM = 0x10


class ScanType(IntEnum):
    """EzspNetworkScanType."""

    ENERGY = 0
    ACTIVE = 1


@dataclass(frozen=True, slots=True)
class NetworkParameters:
    """EmberNetworkParameters. Forming chooses a PAN id of FFFF and an extended PAN id of 0 at random."""

    extended_pan_id: int
    pan_id: int
    channel: int
    tx_power: int = 8
    join_method: int = 0
    manager_id: int = 0
    update_id: int = 0
    channels: int = 0x07FFF800


@dataclass(frozen=True, slots=True)
class InitialSecurity:
    """EmberInitialSecurityState."""

    bitmask: SecurityBit
    preconfigured_key: bytes = field(default=bytes(KEY_LENGTH), repr=False)
    network_key: bytes = field(default=bytes(KEY_LENGTH), repr=False)
    network_key_sequence: int = 0
    trust_center: int = 0


@dataclass(frozen=True, slots=True)
class ApsFrame:
    """EmberApsFrame. Of a fragment, `group_id` is the number of fragments << 8 | its index."""

    profile: int
    cluster: int
    source_endpoint: int
    destination_endpoint: int
    options: ApsOption = ApsOption.NONE
    group_id: int = 0
    sequence: int = 0

    def with_sequence(self, sequence: int) -> ApsFrame:
        """The same with the sequence number the stack gave."""
        return replace(self, sequence=sequence)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What addEndpoint says: the simple descriptor."""

    number: int
    profile: int
    device_id: int
    device_version: int = 0
    input_clusters: tuple[int, ...] = ()
    output_clusters: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Child:
    """A row of the child table (getChildData)."""

    eui64: int
    node_id: int
    node_type: NodeType
    timeout_s: int  # the child ages out after it


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A row of the neighbour table (getNeighbor)."""

    node_id: int
    eui64: int
    average_lqi: int
    in_cost: int
    out_cost: int
    age: int


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the routing table (getRouteTableEntry). `status`: 0 active, 1 being discovered, 3 unused."""

    destination: int
    next_hop: int
    status: int
    age: int = 0


@dataclass(frozen=True, slots=True)
class AddressEntry:
    """A row of the address table. `extended_timeout`: the APS layer waits longer for its acks."""

    node_id: int = UNKNOWN_ID
    eui64: int = 0
    extended_timeout: bool = False


@dataclass(frozen=True, slots=True)
class MulticastEntry:
    """A row of the multicast table; endpoint 0 is unused."""

    group_id: int = 0
    endpoint: int = 0
    network_index: int = 0


@dataclass(frozen=True, slots=True)
class Binding:
    """A row of the binding table. `kind`: 0 unused, 1 unicast, 3 multicast."""

    kind: int = 0
    local_endpoint: int = 0
    cluster: int = 0
    remote_endpoint: int = 0
    address: int = 0  # EUI-64, or the group id


@dataclass(frozen=True, slots=True)
class LinkKey:
    """A link key with the counters that belong to it.

    `index`: its row of the key table; NO_INDEX for the trust centre link key and transient keys.
    """

    index: int
    partner: int
    key: bytes = field(repr=False)
    outgoing_counter: int = 0
    incoming_counter: int = 0
    authorised: bool = True  # EmberKeyStructBitmask.KEY_IS_AUTHORIZED


@dataclass(frozen=True, slots=True)
class NetworkKeyInfo:
    """The network key, the one to come if there is one, and the outgoing counter."""

    key: bytes = field(repr=False)
    sequence: int = 0
    alternate_key: bytes | None = field(default=None, repr=False)
    alternate_sequence: int = 0
    frame_counter: int = 0


@dataclass(frozen=True, slots=True)
class TransientKey:
    """A key for joining that goes away by itself. Partner FFFFFFFFFFFFFFFF is anybody."""

    partner: int
    key: bytes = field(repr=False)
    expires: int = 0  # microseconds
