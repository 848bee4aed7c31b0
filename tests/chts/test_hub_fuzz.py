"""Whatever arrives from either side, the hub raises nothing but our own errors and stays as it was."""

import random
from collections.abc import Iterator

import pytest

from chts.chf import chf_profile
from chts.events import WanMessage
from gbcs.errors import GbcsError
from gbcs.ids import Cra, EntityId, Payload
from gbcs.party import RemoteParty, compose
from gbcs.usecases import table
from smets.han.link import (
    Address,
    CloseTunnel,
    Frame,
    RequestTunnel,
    RequestTunnelResponse,
    TransferData,
    TransferDataError,
    TransferStatus,
    TunnelCommand,
    TunnelStatus,
)
from tests.chts.rig import BROKER, CHF, GPF, HUB_ADDRESS, METER, SUPPLIER, Rig, device_id, message
from tests.gbcs.fuzz import damaged

ENTITIES = (CHF, GPF, METER, BROKER, SUPPLIER, device_id(9), EntityId(bytes(8)))


def seeds(rig: Rig) -> list[bytes]:
    """Whole messages of every kind that reaches a hub."""
    return [
        *(rig.command(name).octets for name in ("ECS52", "CCS06")),
        rig.command("CCS01", [(bytes(device_id(9)), 1, bytes(16), 0), 90]).octets,
        rig.command("CCS02", [bytes(device_id(9))]).octets,
        rig.command("CCS03", [(bytes(8), ((bytes(device_id(9)), bytes(16)),))]).octets,
        rig.command("ECS52", device=METER).octets,
        message(METER, SUPPLIER, Cra.RESPONSE),
    ]


def spoilt(chance: random.Random, whole: list[bytes]) -> bytes:
    """Random octets, or a message with something changed, cut out, put in or cut off."""
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.randrange(200))
    if kind == 1:
        originator, recipient = chance.choice(ENTITIES), chance.choice(ENTITIES)
        return message(
            originator, recipient, chance.choice(list(Cra)), chance.randbytes(chance.randrange(60))
        )
    octets = bytearray(chance.choice(whole))
    at = chance.randrange(len(octets))
    if kind == 2:
        octets[at] ^= 1 << chance.randrange(8)
    elif kind == 3:
        del octets[at : at + chance.randrange(1, 20)]
    elif kind == 4:
        octets[at:at] = chance.randbytes(chance.randrange(1, 20))
    else:
        del octets[at:]
    return bytes(octets)


def commands(chance: random.Random, whole: list[bytes]) -> Iterator[TunnelCommand]:
    """Any command of the cluster with any content."""
    while True:
        tunnel_id = chance.choice((0, 1, 7, 0xFFFF, chance.randrange(0x10000)))
        yield chance.choice(
            (
                RequestTunnel(chance.randrange(256), chance.randrange(0x10000), chance.random() < 0.5),
                RequestTunnelResponse(tunnel_id, chance.choice(list(TunnelStatus))),
                TransferData(tunnel_id, spoilt(chance, whole)),
                TransferData(7, chance.randbytes(chance.choice((0, 1, 1500, 1501, 3000)))),
                TransferDataError(tunnel_id, chance.choice(list(TransferStatus))),
                CloseTunnel(tunnel_id),
            )
        )


def fuzz(count: int, seed: int) -> None:
    chance = random.Random(seed)
    rig = Rig()
    rig.add(METER)
    rig.come_up(METER)
    whole = seeds(rig)
    log = {k: v for k, v in rig.memory.snapshot().items() if k.startswith(("devicelog", "cell", "item"))}
    frames = commands(chance, whole)
    addresses = [Address(METER), Address(METER, 2), Address(device_id(9)), HUB_ADDRESS]
    for number in range(count):
        rig.now = rig.now.plus(us=chance.choice((0, 1, 1_000_000, 60_000_000)))
        if number % 2:
            event: WanMessage | Frame = WanMessage(spoilt(chance, whole))
        else:
            source, encrypted = chance.choice(addresses), chance.random() < 0.9
            event = Frame(source, chance.choice(addresses), next(frames), encrypted)
        try:
            rig.hub.handle(event, rig.now)
        except GbcsError as error:
            pytest.fail(f"{event}: {error!r}")
    held = rig.memory.snapshot()
    for key, octets in log.items():
        if key != f"devicelog/{METER}" and not key.startswith("item/DeviceLog.Joining"):
            assert held[key] == octets, key
    assert set(rig.log()) == {METER}
    assert len(held) < len(log) + 400, "what is refused fills the store"


def fuzz_payloads(count: int, seed: int) -> None:
    """Payloads of the broker itself: authentic, and anything but right."""
    chance = random.Random(seed)
    rig = Rig()
    party = RemoteParty(BROKER, rig.store)
    use_cases = [u for u in table() if chf_profile().supports(u) and u.code is not None]
    values: dict[str, list[object]] = {
        "CCS01": [(bytes(device_id(9)), 1, bytes(16), 0), 90],
        "CCS02": [bytes(device_id(9))],
        "CCS03": [(bytes(8), ((bytes(device_id(9)), bytes(16)),))],
        "CCS07": [None, None],
    }
    right = {
        u.name: b"" if u.payload is Payload.ASN1 else compose(u.code or 0, 1, values.get(u.name, []))
        for u in use_cases
    }
    for number in range(count):
        use_case = chance.choice(use_cases)
        payload = bytes(damaged(chance, chance.choice((right[use_case.name], *right.values()))))
        command = party.precommand(use_case, CHF, 1000 + number, payload)
        rig.counter = 1000 + number
        try:
            rig.hub.handle(WanMessage(rig.broker.mac(command).octets), rig.now)
        except GbcsError as error:
            pytest.fail(f"{payload.hex()}: {error!r}")
        rig.now = rig.now.plus(1)
    assert [item.result for item in rig.ask("ECS52")] == [0]


def test_arbitrary_payloads() -> None:
    fuzz_payloads(3_000, seed=3)


@pytest.mark.long
def test_many_arbitrary_payloads() -> None:
    fuzz_payloads(300_000, seed=4)


def test_arbitrary_input() -> None:
    fuzz(10_000, seed=1)


@pytest.mark.long
def test_much_arbitrary_input() -> None:
    fuzz(1_000_000, seed=2)
