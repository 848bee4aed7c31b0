"""Times and choices of the virtual stack, in microseconds; the defaults are those of a stick on air."""

from __future__ import annotations

from dataclasses import dataclass, replace

SYMBOL_US = 16
MAX_MPDU = 127  # aMaxPHYPacketSize, FCS included


@dataclass(frozen=True, slots=True)
class StackSettings:
    """What the specifications leave open, or give as a default. `fast()` shortens what is only waiting.

    mac_retries: macMaxFrameRetries. scan_limit_us: longest stay on a channel, None as the exponent says.
    association_wait_us: macResponseWaitTime. frame_wait_us: macMaxFrameTotalWaitTime.
    join_wait_us: how long a joiner waits for the network key (apsSecurityTimeOutPeriod is shorter; gap:
    no source gives what sticks do, radio-stack 7.1). join_poll_us: how often a sleepy joiner asks.
    unproven_child_us: a child that sends nothing secured is forgotten after it.
    aps_ack_wait_us: apsAckWaitDuration. aps_retries: apsMaxFrameRetries. duplicate_us: how long an APS
    counter is remembered, for the last `duplicate_count` of each sender.
    broadcast_transmissions: how often a broadcast goes out where nobody proves that it was heard;
    passive_ack_us: nwkPassiveAckTimeout; broadcast_memory_us: nwkBroadcastDeliveryTime.
    route_wait_us: nwkRouteDiscoveryTime. link_status_us: nwkLinkStatusPeriod, 0 for none.
    neighbour_age_us: a router not heard for so long is none any more.
    poll_failures: polls without acknowledgement after which the parent counts as lost, if the host
    names no limit. keep_alive_share: an end device that is not sleepy polls this often in its time-out.
    aps_extended_nonce: link-key frames name the sender's EUI-64 (8 octets less payload).
    join_key_for_data: an install-code key protects data too, as an NCP without the Smart Energy
    profile does (gap: se-security 9.2 and 10, KEY_IS_AUTHORIZED).
    host_key_is_tc_key: on a device, the key table's row of the trust centre is its trust centre link
    key (gap: radio-stack 8, the first thing to try on real sticks).
    forget_join_key: the trust centre drops a transient key when its device has a row in the key table.
    leave_after_deny: the trust centre tells a denied child to leave at once.
    announce_rejoin: Device_annce also after a rejoin.
    switch_on_use: a frame under the next network key makes it the current one (se-security 9.4).
    """

    mac_retries: int = 3
    scan_limit_us: int | None = None
    association_wait_us: int = 32 * 960 * SYMBOL_US
    frame_wait_us: int = 19_520
    join_wait_us: int = 5_000_000
    join_poll_us: int = 100_000
    unproven_child_us: int = 10_000_000
    aps_ack_wait_us: int = 1_600_000
    aps_retries: int = 3
    duplicate_us: int = 10_000_000
    duplicate_count: int = 64
    broadcast_transmissions: int = 3
    passive_ack_us: int = 500_000
    broadcast_memory_us: int = 9_000_000
    route_wait_us: int = 1_000_000
    link_status_us: int = 15_000_000
    neighbour_age_us: int = 60_000_000
    poll_failures: int = 4
    keep_alive_share: int = 3
    aps_extended_nonce: bool = False
    join_key_for_data: bool = True
    host_key_is_tc_key: bool = True
    forget_join_key: bool = False
    leave_after_deny: bool = True
    announce_rejoin: bool = True
    switch_on_use: bool = True

    @classmethod
    def fast(cls) -> StackSettings:
        """For an air without air time: nobody waits longer than answers take."""
        return replace(
            cls(),
            scan_limit_us=2_000,
            association_wait_us=2_000,
            join_wait_us=1_000_000,
            join_poll_us=5_000,
            aps_ack_wait_us=250_000,
            passive_ack_us=50_000,
            route_wait_us=100_000,
        )
