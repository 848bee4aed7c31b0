"""What raises the codes of joins, auxiliary controllers, switches and displays, and of the user interface."""

from __future__ import annotations

from collections.abc import Iterable

from gbcs.asn1.joins import JoinCode, JoinCommand, Method, join_command_octets, unjoin_command_octets
from gbcs.ids import EntityId
from smets.behaviours.auxiliary import ControllerFailed
from smets.behaviours.han_access import AccessRefused, TunnelRejected
from smets.behaviours.joining import KeyAgreed, KeyNotAgreed
from smets.behaviours.load_control import ScheduledEventsAsked
from smets.behaviours.privacy_pin import EnterPin, SetPin
from smets.esme.messages import MessageConfirmed
from smets.events import Effect, RemotePartyMessage
from smets.values import Value
from tests.smets.homes import SUPPLIER, Home
from tests.smets.triggers import Run, Trigger, commands, then

SWITCH = EntityId.parse("00-DB-12-34-56-78-90-97")
READER = EntityId.parse("00-DB-12-34-56-78-90-99")
JOIN_SWITCH = join_command_octets(JoinCommand(Method.A_INITIATOR, SWITCH, 4))
JOIN_READER = join_command_octets(JoinCommand(Method.B, READER, 6))
ALCS: dict[str, Value] = {"AuxiliaryController1.TypeAndIdentifier": bytes(8)}
APC: dict[str, Value] = {"AuxiliaryController1.TypeAndIdentifier": b"\xff"}


def asked(home: Home, name: str, payload: bytes) -> tuple[Effect, ...]:
    """A DER command of the supplier, whose answer may follow."""
    home.wait(1)
    return home.handle(RemotePartyMessage(home.make(name, payload=payload, by=SUPPLIER).octets))


def joining(*events: object) -> Run:
    """A join by method A, and what happens after it."""

    def run(home: Home) -> Iterable[Effect]:
        begun = asked(home, "CS03A1", JOIN_SWITCH)
        return [*begun, *then(*events)(home)]

    return run


def unjoining(*before: tuple[str, bytes]) -> Run:
    """An unjoin of a reader by method B, after other commands."""

    def run(home: Home) -> Iterable[Effect]:
        every = (*before, ("CS04B", unjoin_command_octets(READER)))
        return [effect for name, payload in every for effect in asked(home, name, payload)]

    return run


def one_after_the_other(*runs: Run) -> Run:
    return lambda home: [effect for run in runs for effect in run(home)]


AGREED = KeyAgreed(SWITCH, bytes(16))
PARTNERS: dict[int, Trigger] = {
    # joins
    0x8183: Trigger(joining(AGREED)),
    0x8F48: Trigger(joining(KeyNotAgreed(SWITCH, JoinCode.UNKNOWN_ISSUER))),
    0x8F49: Trigger(joining(AGREED)),
    0x8F4A: Trigger(unjoining()),
    0x8F4B: Trigger(unjoining(("CS03B", JOIN_READER))),
    # controllers
    0x811A: Trigger(one_after_the_other(commands(("ECS47a", None)), then(ControllerFailed(1))), ALCS),
    0x8F86: Trigger(commands(("ECS47e", None)), APC),
    0x8F87: Trigger(one_after_the_other(commands(("ECS47e", None)), then(3600)), APC),
    0x8F88: Trigger(commands(("ECS47a", None)), APC),
    # what others ask, what the consumer does
    0x8154: Trigger(joining(AGREED, ScheduledEventsAsked(SWITCH))),
    0x8155: Trigger(then(ScheduledEventsAsked(SWITCH))),
    0x8161: Trigger(then(SetPin("1234"))),
    0x8162: Trigger(then(EnterPin("1234"))),
    0x81A6: Trigger(then(MessageConfirmed(1, 0))),
    0x8F3E: Trigger(then(AccessRefused(READER, "ConsumerTopUp"))),
    # tunnels
    0x81A4: Trigger(then(TunnelRejected(closing=True))),
    0x81BA: Trigger(then(TunnelRejected())),
}
