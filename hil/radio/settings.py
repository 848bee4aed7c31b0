"""Settings of a radio: times, limits, and choices the specifications leave open. Seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from gbcs.errors import BuildError
from smets.han.protection import ProtectionSettings

PREFERRED_CHANNELS = (11, 14, 15, 19, 20, 24, 25)


class TrustCenterKey(Enum):
    """How a device gives its dongle the key it has with the trust centre."""

    KEY_TABLE = "importLinkKey for the trust centre's EUI-64"
    TC_LINK = "importKey of type TC_LINK"
    BOTH = "both, the key table last"


@dataclass(frozen=True, slots=True)
class RadioSettings:
    """Settings of a radio. Raises BuildError.

    baudrate, flow_control: of a serial port; None, "hardware" or "software" (radio-stack 11).
    key_table_size: link keys the dongle is asked to hold (radio-stack 8).
    tx_power: dBm. connect_timeout: to open the line and reset the dongle. command_timeout: for one
    command. network_timeout: to form, join, rejoin or leave. send_timeout, sleepy_timeout: for a message
    to a peer that listens, or sleeps. zdo_timeout: for an answer of the device object.
    in_flight: messages the dongle is given at once; per_peer: of them to one peer (one keeps their order).
    fragment_overhead: octets a fragment holds less than an unfragmented message: its header.
    fragment_retries: how often a fragment but the first goes to the dongle again, which repeats it, too.
    max_message: octets of a message, sent or put together. fragment_timeout: for the next fragment.
    backlog: messages and events that wait to be read.
    back_off, back_off_limit: the first pause before connecting again, doubled up to the limit.
    watchdog: how often a silent dongle is asked whether it is there; None: never.
    scan_exponent: a channel is listened to for 15.36 ms times 2 to it, and one.
    join_attempts: scans and associations until joining fails, unless the hub refuses the key.
    permit_step: a permit is given to the stack for so long, and again until its time is up.
    fast_poll: how often a sleepy node asks while it waits for an acknowledgement.
    slow_poll: how often it asks otherwise; None: only when told to.
    """

    baudrate: int = 115200
    flow_control: str | None = None
    key_table_size: int = 20
    tx_power: int = 8
    connect_timeout: float = 15.0
    command_timeout: float = 10.0
    network_timeout: float = 20.0
    send_timeout: float = 15.0
    sleepy_timeout: float = 60.0
    zdo_timeout: float = 5.0
    in_flight: int = 8
    per_peer: int = 1
    fragment_overhead: int = 2
    fragment_retries: int = 1
    max_message: int = 1600
    fragment_timeout: float = 10.0
    backlog: int = 1024
    back_off: float = 0.1
    back_off_limit: float = 5.0
    watchdog: float | None = 10.0
    scan_exponent: int = 3
    join_attempts: int = 3
    permit_step: int = 180
    fast_poll: float = 0.1
    slow_poll: float | None = None
    find_again: bool = True
    """An end device that lost its parent looks for the network by itself. Gap: none says whose task it is."""

    preferred_channels: tuple[int, ...] = PREFERRED_CHANNELS
    """Channels among which forming chooses. Gap: chts-hub 3, unverified."""

    allow_rejoin: bool = False
    """While nobody is permitted to join, devices may still do a trust centre rejoin. Gap: radio-stack 8
    closes the policy altogether, se-security 9.4 needs it for a device that missed a network key."""

    trust_center_key: TrustCenterKey = TrustCenterKey.KEY_TABLE
    """Gap: radio-stack 8, the first thing to try on real sticks."""

    require_authorised: bool = True
    """Take encrypted messages only under keys given by `set_link_key`, not under that of an install code.
    Gap: dongles without the Smart Energy profile do not tell them apart (se-security 10)."""

    answer_unprotected: bool = True
    """Answer a frame that lacks the link key with a Default Response FAILURE (se-security 9.2)."""

    protection: ProtectionSettings = field(default_factory=ProtectionSettings)

    handle_bind_requests: bool = False
    """Bind requests come to the host, as partner link keys need it (se-security 9.3)."""

    def __post_init__(self) -> None:
        """Limits that make sense."""
        if self.flow_control not in (None, "hardware", "software"):
            raise BuildError("hardware, software or none", "flow control")
        if (
            min(
                self.in_flight,
                self.per_peer,
                self.backlog,
                self.max_message,
                self.permit_step,
                self.join_attempts,
            )
            < 1
        ):
            raise BuildError("at least one", "radio settings")
        if not 0 <= self.scan_exponent <= 14:
            raise BuildError("0 to 14", "scan exponent")
        if self.permit_step > 254:
            raise BuildError("254 at most", "permit step")
