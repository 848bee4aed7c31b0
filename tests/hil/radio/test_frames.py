"""Frames of the device object and inter-PAN frames, and what a radio takes from anybody."""

import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from gbcs.errors import ParseError
from gbcs.ids import EntityId
from hil.radio import zdo_frames as zdo
from hil.radio.addresses import Addresses
from hil.radio.interface import InterPanMessage, NetworkSettings, Unreachable
from hil.radio.interpan_frames import inter_pan_octets, parse_inter_pan
from hil.radio.streams import Stream, StreamEnded

METER = EntityId.parse("00-DB-12-34-56-78-00-01")
HUB = EntityId.parse("00-DB-12-34-56-78-00-03")


def test_zdo_requests() -> None:
    """Octets by ZigBee specification 2.4.3 and 2.4.4."""
    assert zdo.nwk_request(5, METER).hex() == "05010078563412db000000"
    assert zdo.ieee_request(5, 0x1234).hex() == "0534120000"
    assert zdo.match_request(5, 0x1234, 0x0109, 0x0800, True).hex() == "053412090101000800"
    assert zdo.match_request(5, 0x1234, 0x0109, 0x0800, False).hex() == "053412090100010008"
    assert zdo.leave_request(5, METER).hex() == "05010078563412db0000"
    assert zdo.permit_request(5, 180).hex() == "05b401"
    request = zdo.bind_request(5, METER, 1, 0x0800, HUB, 2)
    assert request.hex() == "05010078563412db0001000803030078563412db0002"
    assert zdo.binding(request) == zdo.Binding(5, METER, 1, 0x0800, HUB, 2)


def test_zdo_answers() -> None:
    assert zdo.address_response(bytes.fromhex("0500010078563412DB003412")) == (METER, 0x1234)
    assert zdo.address_response(bytes.fromhex("0581")) is None
    assert zdo.announcement(bytes.fromhex("053412010078563412DB0080")) == (0x1234, METER, True)
    assert zdo.announcement(bytes.fromhex("053412010078563412DB008E")) == (0x1234, METER, False)
    assert zdo.match_response(bytes.fromhex("05003412020107")) == b"\x01\x07"
    assert zdo.match_response(bytes.fromhex("0586341200")) is None
    with pytest.raises(ParseError):
        zdo.match_response(bytes.fromhex("050034120301"))


@pytest.mark.parametrize("parse", [zdo.transaction_of, zdo.status_of, zdo.announcement, zdo.binding])
def test_short_frames_are_refused(parse: Callable[[bytes], Any]) -> None:
    with pytest.raises(ParseError):
        parse(b"")


def test_inter_pan_octets() -> None:
    message = InterPanMessage(METER, HUB, 0x0109, 0x0800, b"\x01\x02")
    octets = inter_pan_octets(message, 9)
    assert octets.hex() == ("21cc09ffff030078563412db00ffff010078563412db000b0003000809010102")
    assert parse_inter_pan(octets) == message
    broadcast = InterPanMessage(METER, None, 0x0109, 0x0800, b"", destination_pan=0x1A62, lqi=9, rssi=-70)
    octets = inter_pan_octets(broadcast, 9)
    assert octets.hex() == "01c809621affffffff010078563412db000b000b00080901"
    assert parse_inter_pan(octets, 9, -70) == broadcast


def test_inter_pan_with_one_pan_id() -> None:
    octets = bytes.fromhex("61cc09ffff030078563412db00010078563412db000b0003000809010102")
    assert parse_inter_pan(octets) == InterPanMessage(METER, HUB, 0x0109, 0x0800, b"\x01\x02")


def test_anything_may_arrive() -> None:
    chance = random.Random(1)
    good = inter_pan_octets(InterPanMessage(METER, HUB, 0x0109, 0x0800, b"\x01\x02"), 9)
    for _ in range(3000):
        octets = bytearray(good[: chance.randrange(len(good) + 1)])
        if octets:
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        for parse in (
            parse_inter_pan,
            zdo.announcement,
            zdo.binding,
            zdo.match_response,
            zdo.address_response,
        ):
            try:
                parse(bytes(octets))
            except ParseError:
                continue


def test_a_key_is_not_shown() -> None:
    assert bytes(16).hex() not in repr(NetworkSettings(network_key=bytes(16)))


async def nobody(asked: Any) -> None:
    return None


def finish(work: Any) -> Any:
    """Run what never waits."""
    with pytest.raises(StopIteration) as ended:
        work.send(None)
    return ended.value.value


def test_addresses_move() -> None:
    known = Addresses(nobody, nobody)
    known.learn(METER, 1, sleepy=True)
    known.learn(HUB, 1)
    assert (known.known(1), known.known_nwk(METER)) == (HUB, None)
    known.learn(METER, 2)
    known.learn(METER, 3)
    assert (known.known(2), known.known(3), METER in known.sleepy) == (None, METER, True)
    assert finish(known.nwk_of(METER)) == 3
    known.forget(METER)
    with pytest.raises(Unreachable):
        known.nwk_of(METER).send(None)
    with pytest.raises(Unreachable):
        known.eui_of(3).send(None)


def test_a_stream_is_bounded_and_ends() -> None:
    stream: Stream[int] = Stream(2)
    assert [stream.put(number) for number in range(3)] == [True, True, False]
    assert finish(stream.get()) == 0
    stream.end()
    assert not stream.put(9)
    assert finish(stream.get()) == 1
    with pytest.raises(StreamEnded):
        stream.get().send(None)


BLOCKED = """
import asyncio, sys
for name in ("bellows", "zigpy", "serialx"):
    sys.modules[name] = None
import hil.radio.interface, hil.radio.shared, hil.radio.fragments
from hil.radio.opening import open_coordinator, open_radio
for opening in (open_radio, open_coordinator):
    try:
        asyncio.run(opening("/dev/null"))
    except hil.radio.interface.RadioMissing as error:
        print(error)
"""


def test_without_the_libraries_the_interface_says_so() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.count("is not installed: pip install 'smets[radio]'") == 2
