"""Pairs of a communications hub function: the device is told by the use cases it is sent."""

import pytest

from chts.chf import make_chf, manufactured
from gbcs.ids import Cra, EntityId, Role
from gbcs.message import Message, parse_message
from gbcs.party import AccessControlBroker, compose
from gbcs.pki import TestPki
from gbcs.time import Utc
from gbcs.usecases import by_code
from hil.replay.pairs import collect
from hil.replay.run import Replayer
from hil.replay.verdicts import Verdict
from smets.events import RemotePartyMessage, SendMessage
from smets.identity import provision
from smets.store import MemoryStore

NOW = Utc.of(2020, 3, 4, 5, 6, 7)
BROKER = EntityId.parse("00-00-5E-00-53-00-00-03")
CHF = EntityId.parse("00-00-5E-00-53-00-01-02")
GPF = EntityId.parse("00-00-5E-00-53-00-01-03")
METER = bytes.fromhex("00005E0053000101")
ADD = (0x0001, ((METER, 1, bytes(16), 0), 90))


def pairs(*commands: tuple[int, tuple[object, ...]]) -> tuple[TestPki, dict[str, Message]]:
    """What a hub answers to commands of the broker, as files of a reference set."""
    pki = TestPki.create(b"hub", Utc.of(2020, 1, 1))
    anchors = pki.organisation(Role.ACCESS_CONTROL_BROKER, BROKER)
    pki.device(CHF)
    broker = AccessControlBroker(BROKER, pki.store)
    store = MemoryStore()
    provision(store, CHF, pki.store, anchors, manufactured(GPF))
    hub = make_chf(store, NOW)
    messages = {}
    for number, (code, values) in enumerate(commands, 1):
        use_case = by_code(code)
        assert use_case is not None
        payload = compose(code, number, values)  # type: ignore[arg-type]
        command = broker.mac(broker.precommand(use_case, CHF, number, payload))
        effects = hub.handle(RemotePartyMessage(command.octets), NOW)
        sent = [parse_message(e.octets) for e in effects if isinstance(e, SendMessage)]
        messages[f"{number}_COMMAND_X"] = command
        messages[f"{number}_RESPONSE_X"] = next(m for m in sent if m.cra is Cra.RESPONSE)
    return pki, messages


@pytest.mark.parametrize(
    "command",
    [ADD, (0x0002, (METER,)), (0x010F, ()), (0x00FE, (None, None)), (0x00FA, ())],
    ids=["CCS01", "CCS02", "CCS06", "CCS07", "ECS26n"],
)
def test_a_hub_answers_as_another_one(command: tuple[int, tuple[object, ...]]) -> None:
    """Removing needs the device in the log, which the replay brings about by itself."""
    pki, messages = pairs(ADD, command) if command != ADD else pairs(ADD)
    outcomes = list(Replayer(pki.store, collect(messages.items())))
    assert [outcome.verdict for outcome in outcomes] == [Verdict.MATCH] * len(outcomes), outcomes
    assert {outcome.device for outcome in outcomes} == {"CHF single band"}
