"""Whatever the files and the key folder hold, every pair gets a verdict with its reason."""

from dataclasses import replace
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from gbcs.errors import ParseError
from gbcs.ids import EntityId, Role
from gbcs.message import Message, parse_message
from gbcs.party import RemoteParty
from gbcs.pki import TestPki
from gbcs.time import ACTIVATE_NOW, Utc
from hil.replay.pairs import collect
from hil.replay.run import Replayer
from hil.replay.verdicts import Verdict
from tests.hil.replay_home import LATER, SUPPLIER, Home, credentials, load_limit, log_read, protected

LETTERS = "ABCDEFG"


@cache
def home() -> Home:
    made = Home()
    made.pair("A", 0x00EE)
    made.pair("B", 0x0048, log_read(0x0048))
    made.pair("C", 0x0027, protected(0x0027, "ImportRegisterCollection.read"))
    made.pair("D", 0x0043, load_limit(ACTIVATE_NOW))
    made.pair("E", 0x003B, fault=(4, 1))
    made.pair("F", 0x0008, credentials())
    made.pair("G", 0x0043, load_limit(LATER.to_cosem()), alerts=True)
    return made


@st.composite
def changed(draw: st.DrawFn, octets: bytes) -> bytes:
    """Octets with up to three replaced, and perhaps cut short."""
    mutable = bytearray(octets)
    for _ in range(draw(st.integers(0, 3))):
        mutable[draw(st.integers(0, len(mutable) - 1))] = draw(st.integers(0, 255))
    return bytes(mutable[: draw(st.integers(1, len(mutable)))] if draw(st.integers(0, 9)) == 0 else mutable)


@st.composite
def messages(draw: st.DrawFn) -> list[tuple[str, Message]]:
    """The messages of one case, damaged in the envelope or in the payload alone."""
    case = draw(st.sampled_from(LETTERS))
    found = []
    for name, message in home().messages.items():
        if not name.startswith(case):
            continue
        if draw(st.booleans()):
            try:
                found.append((name, parse_message(draw(changed(message.octets)))))
            except ParseError:
                continue
        else:
            damaged = replace(message, payload=draw(changed(message.payload))).encoded()
            if damaged.signature is not None and damaged.originator == SUPPLIER:
                # signed again, so that the device gets to see the damage
                damaged = RemoteParty(SUPPLIER, home().store).sign(damaged)
            found.append((name, damaged))
    return found


@settings(max_examples=150)
@given(messages(), st.booleans())
def test_damaged_messages_get_a_verdict(damaged: list[tuple[str, Message]], inject: bool) -> None:
    for outcome in Replayer(home().store, collect(damaged), inject):
        assert outcome.why or outcome.verdict is Verdict.MATCH


def test_keys_of_strangers_leave_nothing_to_compare() -> None:
    pki = TestPki.create(b"strangers", Utc.of(2020, 1, 1))
    pki.organisation(Role.SUPPLIER, EntityId.parse("00-00-5E-00-53-00-00-77"))
    outcomes = list(Replayer(pki.store, home().collection(), True))
    assert len(outcomes) == len(LETTERS)
    for outcome in outcomes:
        assert outcome.verdict is Verdict.NEEDS_FOREIGN_KEY, outcome
        assert outcome.why
