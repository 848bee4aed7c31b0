"""The endpoints that devices of the home area network show: device id and clusters by side.

Numbers of endpoints are ours; a peer finds clusters by match descriptor. Source: the cluster
lists by device type (reference: han-clusters), which name no endpoint numbers and leave open
which endpoint has what where it says "any".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gbcs.errors import BuildError

from .link import DEFAULT_ENDPOINT
from .zcl import PROFILE_SE

FIRST, LAST = 1, 240

# Device ids of the Smart Energy profile
ESI = 0x0500
METERING = 0x0501
DISPLAY = 0x0502
LOAD_CONTROL = 0x0504
PREPAYMENT_TERMINAL = 0x0506
REMOTE_COMMUNICATIONS = 0x0508

# Clusters
BASIC = 0x0000
POWER_CONFIGURATION = 0x0001
IDENTIFY = 0x0003
ALARMS = 0x0009
TIME = 0x000A
COMMISSIONING = 0x0015
OTA = 0x0019
KEEP_ALIVE = 0x0025
PRICE = 0x0700
DRLC = 0x0701
METER = 0x0702
MESSAGING = 0x0703
TUNNELING = 0x0704
PREPAYMENT = 0x0705
ENERGY_MANAGEMENT = 0x0706
CALENDAR = 0x0707
DEVICE_MANAGEMENT = 0x0708
EVENTS = 0x0709
MDU_PAIRING = 0x070A
SUB_GHZ = 0x070B
KEY_ESTABLISHMENT = 0x0800


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of a node: its simple descriptor. Raises BuildError.

    `servers` are the input clusters, `clients` the output clusters.
    """

    number: int
    device_id: int
    servers: tuple[int, ...] = ()
    clients: tuple[int, ...] = ()
    profile: int = PROFILE_SE
    version: int = 0

    def __post_init__(self) -> None:
        """Numbers that exist."""
        if not FIRST <= self.number <= LAST:
            raise BuildError(f"{FIRST} to {LAST}", "endpoint")
        for cluster in (self.profile, self.device_id, *self.servers, *self.clients):
            if not 0 <= cluster <= 0xFFFF:
                raise BuildError("two octets", "endpoint")


class EndpointRow(NamedTuple):
    """An endpoint of a device type, without its number."""

    device_id: int
    servers: tuple[int, ...]
    clients: tuple[int, ...]


EVERYWHERE = (BASIC, KEY_ESTABLISHMENT)
AT_HUB = (TIME, KEEP_ALIVE, OTA)  # what a device asks the hub for
SHOWN = (PRICE, MESSAGING, CALENDAR, DEVICE_MANAGEMENT, EVENTS)

# The endpoint of the tunnel comes first, since it has the default number; a hub is CHF and GPF
# behind one radio. Sub-GHz is for dual band devices only (han-clusters) and left out.
ROWS: dict[str, tuple[EndpointRow, ...]] = {
    "hub": (
        EndpointRow(
            REMOTE_COMMUNICATIONS, (*EVERYWHERE, IDENTIFY, TUNNELING, EVENTS), (KEY_ESTABLISHMENT, TUNNELING)
        ),
        EndpointRow(ESI, (*EVERYWHERE, *AT_HUB, *SHOWN), (KEY_ESTABLISHMENT, METER)),
        EndpointRow(METERING, (*EVERYWHERE, METER, PREPAYMENT), (KEY_ESTABLISHMENT, METER, PREPAYMENT)),
    ),
    "ESME": (
        EndpointRow(REMOTE_COMMUNICATIONS, (*EVERYWHERE, TUNNELING), (KEY_ESTABLISHMENT,)),
        EndpointRow(METERING, (*EVERYWHERE, IDENTIFY, METER), (KEY_ESTABLISHMENT, *AT_HUB)),
        EndpointRow(ESI, (*EVERYWHERE, *SHOWN, DRLC), (KEY_ESTABLISHMENT,)),
        EndpointRow(PREPAYMENT_TERMINAL, (*EVERYWHERE, PREPAYMENT), (KEY_ESTABLISHMENT,)),
    ),
    "GSME": (
        EndpointRow(REMOTE_COMMUNICATIONS, EVERYWHERE, (KEY_ESTABLISHMENT, TUNNELING)),
        EndpointRow(
            METERING, (*EVERYWHERE, IDENTIFY, METER, PREPAYMENT, EVENTS), (KEY_ESTABLISHMENT, *AT_HUB)
        ),
    ),
    "PPMID": (
        EndpointRow(REMOTE_COMMUNICATIONS, (*EVERYWHERE, TUNNELING), (KEY_ESTABLISHMENT,)),
        EndpointRow(
            DISPLAY, (*EVERYWHERE, IDENTIFY), (KEY_ESTABLISHMENT, *AT_HUB, METER, PREPAYMENT, *SHOWN)
        ),
    ),
    "HCALCS": (
        EndpointRow(REMOTE_COMMUNICATIONS, (*EVERYWHERE, TUNNELING), (KEY_ESTABLISHMENT,)),
        EndpointRow(LOAD_CONTROL, (*EVERYWHERE, IDENTIFY), (KEY_ESTABLISHMENT, *AT_HUB, DRLC)),
    ),
    "IHD": (
        EndpointRow(
            DISPLAY, (*EVERYWHERE, IDENTIFY), (KEY_ESTABLISHMENT, TIME, KEEP_ALIVE, METER, PREPAYMENT, *SHOWN)
        ),
    ),
    "HHT": (EndpointRow(REMOTE_COMMUNICATIONS, EVERYWHERE, (KEY_ESTABLISHMENT, TUNNELING)),),
}
ROWS["CAD"] = ROWS["IHD"]


def endpoints_of(device: str, numbers: Sequence[int] | None = None) -> tuple[Endpoint, ...]:
    """The endpoints of a device type, numbered from the default one on or as given. Raises BuildError."""
    rows = ROWS.get(device)
    if rows is None:
        raise BuildError(f"no endpoints for {device!r}, only for {', '.join(ROWS)}", "device type")
    chosen = range(DEFAULT_ENDPOINT, DEFAULT_ENDPOINT + len(rows)) if numbers is None else tuple(numbers)
    if len(chosen) != len(rows) or len(set(chosen)) != len(rows):
        raise BuildError(f"{len(rows)} different numbers needed", "endpoints")
    return tuple(Endpoint(number, *row) for number, row in zip(chosen, rows, strict=True))


def serving(endpoints: Iterable[Endpoint], cluster: int) -> Iterator[Endpoint]:
    """Those that are server of a cluster."""
    return (endpoint for endpoint in endpoints if cluster in endpoint.servers)


def renumbered(endpoint: Endpoint, number: int) -> Endpoint:
    """The same under another number. Raises BuildError."""
    return replace(endpoint, number=number)
