"""Replaying commands about certificates and firmware: what has to be equal, and what is made ready."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.asn1.credentials import CellIdentifier
from gbcs.asn1.der import der_octets, parse_der
from gbcs.asn1.own_credentials import issue_command_octets, read_issue_response, update_command_octets
from gbcs.asn1.replacement import CANCEL, Replacement, ReplacementCommand, command_octets
from gbcs.errors import ParseError
from gbcs.firmware import Activation
from gbcs.ids import Cra, KeyUsage, Role
from gbcs.message import Message
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.requests import read_request
from gbcs.time import Utc
from hil.replay.der import der_fault, der_result, image_hash_of, is_dated, issuing_authority, needs_key_of
from hil.replay.run import Replayer
from hil.replay.verdicts import Verdict
from smets.behaviours.firmware import NewImage
from smets.chance import seeded
from smets.identity import Cell
from tests.hil.replay_home import LATER, METER, NOW, SUPPLIER, Home

CS02B, CS02C, CS02D, CS06 = 0x0102, 0x000A, 0x000B, 0x0012
HASH = bytes(range(32))
DS = KeyUsage.DIGITAL_SIGNATURE


def ready() -> Home:
    """A meter that was given random octets and a root."""
    home = Home()
    root = {Cell(Role.ROOT, KeyUsage.KEY_CERT_SIGN).key: home.pki.organisation_root.der}
    home.memory.commit(seeded(bytes) | root)
    home.device = home.device.reopened(NOW)
    return home


def replacing(home: Home, at: Utc | None = None, path: bool = True) -> Any:
    """The supplier's command for its own new certificates."""
    new = home.pki.organisation(Role.SUPPLIER, SUPPLIER, generation=1)

    def payload(counter: int) -> bytes:
        return command_octets(
            ReplacementCommand(
                mode=2,
                sequence=counter,
                replacements=tuple(
                    Replacement(c.der, CellIdentifier(Role.SUPPLIER, c.usage, c.cell_usage)) for c in new
                ),
                path=(home.pki.organisation_issuing.der,) if path else (),
                at=at,
                authorising=CellIdentifier(Role.SUPPLIER, DS),
            )
        )

    return payload


def verdicts(home: Home, inject: bool = False) -> list[tuple[Verdict, str]]:
    return [(o.verdict, o.why) for o in home.replay(inject)]


def coded(position: tuple[int, ...], contents: str) -> Any:
    """A response with other contents of one element."""

    def changed(node: Any, path: tuple[int, ...]) -> Any:
        if not path:
            return node._replace(contents=bytes.fromhex(contents))
        children = list(node.children)
        children[path[0]] = changed(children[path[0]], path[1:])
        return node._replace(children=tuple(children))

    def alter(message: Message) -> Message:
        return replace(message, payload=der_octets(changed(parse_der(message.payload), position))).encoded()

    return alter


def test_replacements_match_and_bring_their_root_if_no_key_store_has_it() -> None:
    home = ready()
    home.pair("NOW", CS02B, replacing(home))
    assert verdicts(home) == [(Verdict.MATCH, "")]
    rootless = MemoryKeyStore(
        [c for c in home.store.all() if c.usage is not KeyUsage.KEY_CERT_SIGN],
        [k for c in home.store.all() if (k := home.store.private_key(c)) is not None and c.role is not None],
    )
    (outcome,) = Replayer(rootless, home.collection())
    assert (outcome.verdict, outcome.why) == (Verdict.MATCH, "")


def test_a_cell_that_failed_needs_a_fault() -> None:
    home = ready()
    home.pair("FAILED", CS02B, replacing(home), fault=(1, 17))
    assert verdicts(home)[0][0] is Verdict.NEEDS_FAULT
    assert verdicts(home, inject=True) == [(Verdict.MATCH_INJECTED, "item 1 fails with 17")]


@pytest.mark.parametrize("path", [True, False])
def test_a_dated_replacement_has_the_alert_of_the_reference(path: bool) -> None:
    home = ready()
    home.pair("DATED", CS02B, replacing(home, LATER, path), alerts=True)
    (outcome,) = home.replay()
    assert (outcome.verdict, outcome.why) == (Verdict.MATCH, "")
    assert outcome.fails != path
    del home.messages[next(name for name in home.messages if "ALERT" in name and _is_result(home, name))]
    ((verdict, why),) = verdicts(home)
    assert verdict is Verdict.MISMATCH
    assert why.endswith("not expected")


def _is_result(home: Home, name: str) -> bool:
    return home.messages[name].code == 0x00CB


def test_a_cancellation_has_no_alert() -> None:
    home = ready()
    home.pair("CANCEL", CS02B, replacing(home, CANCEL), alerts=True)
    assert verdicts(home) == [(Verdict.MATCH, "")]


def test_a_signing_request_matches_one_of_another_device() -> None:
    home = ready()
    home.pair("ISSUE", CS02C, lambda counter: issue_command_octets(DS))
    assert verdicts(home) == [(Verdict.MATCH, "")]


def test_response_codes_are_compared() -> None:
    """The tags are the same whatever the code says."""
    home = ready()
    stranger = home.pki.organisation(Role.SUPPLIER, SUPPLIER)[0].der
    home.pair("CODE", CS02D, lambda counter: update_command_octets(stranger))
    assert verdicts(home) == [(Verdict.MATCH, "")]
    home = ready()
    home.pair("CODE", CS02D, lambda counter: update_command_octets(stranger), alter=coded((), "06"))
    assert verdicts(home)[0][0] is Verdict.NEEDS_FAULT
    ((verdict, why),) = verdicts(home, inject=True)
    assert verdict is Verdict.MISMATCH
    assert why == "payload value: code 6 expected, 2 given"


def test_a_certificate_for_a_key_nobody_has() -> None:
    home = ready()
    home.pair("ISSUE", CS02C, lambda counter: issue_command_octets(DS))
    answer = read_issue_response(home.messages["ISSUE_RESPONSE_X.HEX"].payload)
    assert isinstance(answer, bytes)
    certificate = home.pki.certify_device(METER, DS, read_request(answer).public_key, NOW)
    home.messages.clear()
    home.pair("UPDATE", CS02D, lambda counter: update_command_octets(certificate.der))
    assert verdicts(home) == [
        (Verdict.NEEDS_FOREIGN_KEY, "no private key of the certificate the command brings")
    ]


def activating(at: Utc | None = None, digest: bytes = HASH) -> Any:
    return lambda counter: Activation(digest, counter, at).octets()


@pytest.mark.parametrize("at", [None, LATER, CANCEL])
def test_an_image_is_held_for_who_activates_it(at: Utc | None) -> None:
    home = ready()
    home.device.handle(NewImage(HASH, bytes(4)), NOW)
    home.pair("FIRMWARE", CS06, activating(at), alerts=at is not None)
    assert verdicts(home) == [(Verdict.MATCH, "")]


@pytest.mark.parametrize("at", [None, LATER])
def test_an_activation_that_failed_needs_a_fault(at: Utc | None) -> None:
    home = ready()
    home.device.handle(NewImage(HASH, bytes(4)), NOW)
    home.pair("FIRMWARE", CS06, activating(at), fault=(0, 2), alerts=at is not None)
    assert verdicts(home)[0][0] is Verdict.NEEDS_FAULT
    assert verdicts(home, inject=True) == [(Verdict.MATCH_INJECTED, "item 0 fails with 2")]


# -- reading messages -----------------------------------------------------------------------


@given(
    st.sampled_from([0x0008, 0x000A, 0x000B, 0x000C, 0x0012, 0x0102, 0x0126, 0x00CA, 0x00CB, 0x0013]),
    st.binary(max_size=80),
)
def test_arbitrary_octets_raise_parse_errors_only(code: int, payload: bytes) -> None:
    from gbcs.message import OtherInformation

    for cra in (Cra.COMMAND, Cra.RESPONSE, Cra.ALERT):
        message = Message.plain(cra, 1, SUPPLIER, METER, OtherInformation(code), payload)
        for read in (der_result, der_fault):
            with suppress(ParseError):
                read(message)
        assert is_dated(message) in (True, False)
        assert image_hash_of(message) is None or len(payload) > 32
        assert issuing_authority([message]) is None
        assert needs_key_of(message, MemoryKeyStore()) in (True, False)


def test_the_authority_most_commands_bring_is_taken() -> None:
    home = ready()
    for number in range(3):
        home.pair(f"P{number}", CS02B, replacing(home, LATER, path=number != 1))
    assert home.collection().authority == home.pki.organisation_issuing.der
