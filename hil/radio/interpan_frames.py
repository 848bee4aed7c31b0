"""Frames between nodes of no common network: MAC, stub NWK and stub APS header around a payload.

Source: ZigBee Smart Energy, annex on inter-PAN; IEEE 802.15.4 (reference: radio-stack 7.6).
"""

from __future__ import annotations

from gbcs.errors import ParseError
from gbcs.layout import Layout, u8, u16le, u64le

from .interface import InterPanMessage
from .zdo_frames import entity, number_of

BROADCAST = 0xFFFF
# Frame control: data, no acknowledgement asked of a broadcast; long source, two PAN ids
DATA = 0x0001
ACKNOWLEDGE = 0x0020
SHORT_DESTINATION = 0x0800
LONG_DESTINATION = 0x0C00
LONG_SOURCE = 0xC000
ADDRESSES = 0xCC00
TYPE = 0x0007
SECURED = 0x0008
COMPRESSED = 0x0040

NWK_STUB = 0x000B  # inter-PAN, protocol version 2
APS_UNICAST = 0x03  # inter-PAN frame, unicast
APS_BROADCAST = 0x0B
APS_MASK = 0x0F

_HEAD = (u16le("frame control"), u8("sequence"), u16le("destination PAN"))
_LONG, _SHORT = u64le("destination"), u16le("destination")
_PAN, _SOURCE = u16le("source PAN"), u64le("source")
_NAME = "inter-PAN MAC"
# by whether the destination is long, and whether the source has a PAN id of its own
_LAYOUTS = {
    (True, True): Layout(_NAME, *_HEAD, _LONG, _PAN, _SOURCE),
    (True, False): Layout(_NAME, *_HEAD, _LONG, _SOURCE),
    (False, True): Layout(_NAME, *_HEAD, _SHORT, _PAN, _SOURCE),
    (False, False): Layout(_NAME, *_HEAD, _SHORT, _SOURCE),
}
_CONTROL = Layout("inter-PAN MAC", u16le("frame control"))
_STUB = Layout("inter-PAN stub", u16le("NWK"), u8("APS"), u16le("cluster"), u16le("profile"))


def inter_pan_octets(message: InterPanMessage, sequence: int) -> bytes:
    """The MPDU without its check sequence. Raises BuildError."""
    source = (message.source_pan, number_of(message.source))
    if message.destination is None:
        control = DATA | SHORT_DESTINATION | LONG_SOURCE
        head = _LAYOUTS[False, True].pack(control, sequence, message.destination_pan, BROADCAST, *source)
    else:
        control = DATA | ACKNOWLEDGE | LONG_DESTINATION | LONG_SOURCE
        target = number_of(message.destination)
        head = _LAYOUTS[True, True].pack(control, sequence, message.destination_pan, target, *source)
    kind = APS_BROADCAST if message.destination is None else APS_UNICAST
    return head + _STUB.pack(NWK_STUB, kind, message.cluster, message.profile) + message.payload


def parse_inter_pan(mpdu: bytes, lqi: int = 0, rssi: int = 0) -> InterPanMessage:
    """Read an MPDU without its check sequence. Raises ParseError."""
    (control,) = _CONTROL.unpack(mpdu)
    addresses = control & ADDRESSES
    if control & TYPE != DATA or control & SECURED:
        raise ParseError("no inter-PAN data", 0, "inter-PAN MAC.frame control")
    if addresses not in (LONG_DESTINATION | LONG_SOURCE, SHORT_DESTINATION | LONG_SOURCE):
        raise ParseError("other addresses than inter-PAN ones", 0, "inter-PAN MAC.frame control")
    unicast = addresses & LONG_DESTINATION == LONG_DESTINATION
    layout = _LAYOUTS[unicast, not control & COMPRESSED]
    _, _, destination_pan, target, *source_pan, source = layout.unpack(mpdu)
    nwk, aps, cluster, profile = _STUB.unpack(mpdu, layout.size)
    if nwk != NWK_STUB or aps & APS_MASK not in (APS_UNICAST, APS_BROADCAST):
        raise ParseError("no inter-PAN stub", layout.size, _STUB.name)
    return InterPanMessage(
        entity(source),
        entity(target) if unicast else None,
        profile,
        cluster,
        mpdu[layout.size + _STUB.size :],
        source_pan[0] if source_pan else destination_pan,
        destination_pan,
        lqi,
        rssi,
    )
