"""`python -m tests.bring_up stick MONIKER`, `... keys HUB METER`: experiments on sticks (docs/hardware.md).

`stick` prints what one stick is and takes. `keys` makes one stick the hub and another the device, gives
both a link key as key establishment would, and prints what arrives under it, for each way to give it.
Monikers are `serial:/dev/...` or `tcp:HOST:PORT`. Sticks leave the network they are in.
Exit status: 0 the experiment ran, whatever it found; 1 it broke off; 2 wrong use.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from gbcs.errors import LocalError
from gbcs.ids import EntityId
from hil.monikers import STICKS, Moniker, MonikerError

if TYPE_CHECKING:
    from hil.radio.interface import Radio
    from hil.radio.settings import TrustCenterKey

LIBRARIES = {0x06: "CBKE 163k1", 0x0D: "CBKE 283k1", 0x0F: "CBKE core", 0x0B: "install codes"}
PRESENT = 0x80
WAYS = ("KEY_TABLE", "TC_LINK", "BOTH")
KEY_TABLE_SIZES = (20, 16, 12, 8, 4)
ARRIVAL_SECONDS = 5.0
TUNNELING = 0x0704
PAYLOAD_HEAD = bytes((0x01, 0x01, 0x02))  # a ZCL frame of a client to a tunnel's server


def say(what: str, found: object) -> None:
    """One line of the record."""
    print(f"{what}: {found}", flush=True)


def stick_of(text: str) -> Moniker:
    """A moniker of a stick. Raises MonikerError."""
    moniker = Moniker.parse(text)
    if moniker.scheme not in STICKS:
        raise MonikerError(f"{moniker.scheme}: is no stick, known are {', '.join(f'{s}:' for s in STICKS)}")
    return moniker


async def stick(moniker: Moniker) -> None:
    """What a stick is and takes."""
    import zigpy.config
    from bellows.ezsp import EZSP
    from bellows.types import EzspConfigId

    flow = moniker.option("flow", "none")
    device = {
        "path": moniker.path.replace("socket://", "tcp://"),
        "baudrate": int(moniker.option("baud", "115200")),
        "flow_control": None if flow == "none" else flow,
    }
    ezsp = EZSP(zigpy.config.SCHEMA_DEVICE(device))
    start = time.monotonic()
    await ezsp.connect(use_thread=False)
    try:
        say("reset and version, seconds", f"{time.monotonic() - start:.2f}")
        say("EZSP version", ezsp.ezsp_version)
        (eui64,) = await ezsp.getEui64()
        say("EUI-64", EntityId(bytes(reversed(eui64.serialize()))))
        for number, name in LIBRARIES.items():
            (status,) = await ezsp.getLibraryStatus(number)
            present = "present" if int(status) & PRESENT else "absent"
            say(f"library {name}", f"{present} (status {int(status):02X})")
        (length,) = await ezsp.maximumPayloadLength()
        say("longest payload without fragments", int(length))
        for size in KEY_TABLE_SIZES:
            answer = await ezsp.setConfigurationValue(EzspConfigId.CONFIG_KEY_TABLE_SIZE, size)
            say(f"key table of {size}", answer[0].name)
    finally:
        await ezsp.disconnect()


async def keys(hub_stick: Moniker, meter_stick: Moniker, chosen: str) -> None:
    """What arrives under link keys given by the host, for each way to give them to a device."""
    from hil.radio.settings import TrustCenterKey

    for way in [TrustCenterKey[chosen]] if chosen else TrustCenterKey:
        say(f"{way.name}", way.value)
        await _keys(hub_stick, meter_stick, way)


async def _keys(hub_stick: Moniker, meter_stick: Moniker, way: TrustCenterKey) -> None:
    from hil.radio.interface import NetworkSettings, NodeType, RadioError
    from hil.radio.settings import RadioSettings
    from hil.radios import open_stick
    from smets.han.link_keys import LinkKeys

    # what the stick itself does is to be seen, so messages under the install code's key count as well
    settings = RadioSettings(
        require_authorised=False,
        trust_center_key=way,
        find_again=False,
        allow_rejoin=True,
    )
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(await open_stick(hub_stick, settings, "hub", LinkKeys()))
        meter = await stack.enter_async_context(await open_stick(meter_stick, settings, "ESME", LinkKeys()))
        for radio in (hub, meter):
            with suppress(RadioError):
                await radio.resume()
                await radio.leave()
        join_key, link_key, other_key = os.urandom(16), os.urandom(16), os.urandom(16)
        network = await hub.form(NetworkSettings.seeded(os.urandom))
        await hub.permit(meter.eui64, join_key, 60)
        start = time.monotonic()
        await meter.join(join_key, NodeType.ROUTER, extended_pan_id=network.extended_pan_id)
        say("joined after seconds", f"{time.monotonic() - start:.2f}")

        async def both(when: str) -> None:
            say(f"{when}, meter to hub", await arrives(meter, hub))
            say(f"{when}, hub to meter", await arrives(hub, meter))

        async def step(when: str, *work: Callable[[], Awaitable[object]]) -> None:
            for one in work:
                try:
                    await one()
                except RadioError as error:
                    say(when, f"failed: {error}")
                    return
            await both(when)

        await both("install code's key")
        await step(
            "new key on both sides",
            lambda: hub.set_link_key(meter.eui64, link_key),
            lambda: meter.set_link_key(hub.eui64, link_key),
        )
        await step("after a secured rejoin", lambda: meter.rejoin(secured=True))
        await step("after a trust centre rejoin", lambda: meter.rejoin(secured=False))
        await step("another key on the hub only", lambda: hub.set_link_key(meter.eui64, other_key))
        await step("and on the meter", lambda: meter.set_link_key(hub.eui64, other_key))


async def arrives(sender: Radio, receiver: Radio) -> str:
    """Whether an encrypted message arrives, as words."""
    from hil.radio.interface import RadioError
    from smets.han.zcl import ApsMessage

    sent = ApsMessage(TUNNELING, 1, 1, PAYLOAD_HEAD + os.urandom(20))
    try:
        await sender.send(receiver.eui64, sent)
        async with asyncio.timeout(ARRIVAL_SECONDS):
            async for got in receiver.messages:
                if got.message.payload == sent.payload:
                    return f"arrived, {'encrypted' if got.message.encrypted else 'not encrypted'}"
    except RadioError as error:
        return f"not delivered: {error}"
    except TimeoutError:
        return "acknowledged, but it did not arrive"
    return "the radio ended"


def main(arguments: list[str]) -> int:
    """Run an experiment."""
    parser = argparse.ArgumentParser(prog="python -m tests.bring_up", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="experiment", required=True)
    commands.add_parser("stick").add_argument("sticks", nargs=1, metavar="MONIKER")
    of_keys = commands.add_parser("keys")
    of_keys.add_argument("sticks", nargs=2, metavar="MONIKER")
    of_keys.add_argument("--way", default="", choices=WAYS, help="only this row of TrustCenterKey")
    given = parser.parse_args(arguments)
    try:
        sticks = [stick_of(text) for text in given.sticks]
    except MonikerError as error:
        parser.error(str(error))
    try:
        asyncio.run(stick(*sticks) if given.experiment == "stick" else keys(*sticks, given.way))
    except (LocalError, OSError, TimeoutError) as error:
        print(f"broken off: {error or type(error).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
