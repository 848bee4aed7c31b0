"""One side of a key establishment of suite 2: from Start to the link key, everything it computes."""

from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.han.compute import Compute
from smets.han.key_establishment import KeyEstablishment
from smets.han.key_establishment_events import (
    Established,
    KeyEstablishmentEffect,
    Received,
    Send,
    Start,
)
from smets.han.link import Address
from smets.han.suites import Suite
from smets.han.test_ca import TestCa
from tests.bench.timing import Timing, measure

NOW = Utc.of(2024, 6, 1)
METER, HUB = (Address(EntityId(bytes((0,) * 7 + (n,)))) for n in (1, 2))


def cbke(rounds: int) -> Timing:
    """The initiator's side: its ephemeral key, both points validated, ECQV, MQV, keys, confirmations.

    The responder's messages are recorded before; the machine is the real one.
    """
    ca = TestCa(Suite.SUITE_2, b"bench", NOW)
    held = {address: ca.issue(address.station) for address in (METER, HUB)}

    def node(own: Address) -> KeyEstablishment:
        return KeyEstablishment(
            own, [held[own]], lambda size: b"\x5a" * size, trust_centre=HUB.station, admits=lambda _: True
        )

    def run(meter: KeyEstablishment, effects: tuple[KeyEstablishmentEffect, ...]) -> bytes | None:
        """The effects of the initiator: what it computes is computed; its last message, if any."""
        said = None
        for effect in effects:
            if isinstance(effect, Compute):
                return run(meter, meter.handle(effect.run(), NOW))
            if isinstance(effect, Send):
                said = effect.octets
        return said

    answers: list[bytes] = []
    meter, hub = node(METER), node(HUB)
    said = run(meter, meter.handle(Start(HUB), NOW))
    while said is not None:
        answer = run(hub, hub.handle(Received(METER, said), NOW))
        assert answer is not None
        answers.append(answer)
        said = run(meter, meter.handle(Received(HUB, answer), NOW))
    assert len(answers) == 3

    def side() -> None:
        meter = node(METER)
        run(meter, meter.handle(Start(HUB), NOW))
        for answer in answers[:-1]:
            run(meter, meter.handle(Received(HUB, answer), NOW))
        effects = meter.handle(Received(HUB, answers[-1]), NOW)
        assert any(isinstance(effect, Established) for effect in effects)

    return measure(side, rounds)
