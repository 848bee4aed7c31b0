"""Top-up tokens in replayed commands are re-made with the supplier's prepayment key."""

import pytest

from gbcs.dlms.apdu import AccessResponse, parse_apdu
from gbcs.errors import KeyUnavailable
from gbcs.ids import CellUsage
from gbcs.party import compose
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.utrn import TopUpKey, ValueClass, make_token, parse_token
from hil.replay.tokens import with_own_token
from hil.replay.verdicts import Verdict
from tests.hil.replay_home import METER, SUPPLIER, Home

CS01A = 0x0007
TOKEN_COUNTER = 5 << 32


def top_up(home: Home, case: str, digits: str, **more: object) -> None:
    home.counter = TOKEN_COUNTER - 1
    home.pair(case, CS01A, lambda counter: compose(CS01A, counter, [digits.encode()]), **more)  # type: ignore[arg-type]


def token(home: Home, pounds: int = 10) -> str:
    return make_token(TopUpKey.of(home.store, SUPPLIER, METER), TOKEN_COUNTER, ValueClass.POUNDS, pounds)


def results(home: Home, case: str) -> list[int]:
    apdu = parse_apdu(home.messages[f"{case}_RESPONSE_X.HEX"].payload)
    assert isinstance(apdu, AccessResponse)
    return [item.result for item in apdu.items]


def test_a_token_for_another_device_is_accepted_when_re_made() -> None:
    home = Home()
    top_up(home, "ACCEPTED", token(home))
    assert results(home, "ACCEPTED") == [0]
    (outcome,) = home.replay()
    assert (outcome.verdict, outcome.why) == (Verdict.MATCH, "")


def test_a_refused_token_needs_a_fault() -> None:
    home = Home()
    top_up(home, "REFUSED", token(home), fault=(0, 1))
    assert results(home, "REFUSED") == [1]
    assert home.replay()[0].verdict is Verdict.NEEDS_FAULT
    assert home.replay(inject=True)[0].verdict is Verdict.MATCH_INJECTED


def test_what_is_no_token_stays_as_it_is() -> None:
    home = Home()
    top_up(home, "WRONG", "0" * 20)
    assert results(home, "WRONG") == [1]
    (outcome,) = home.replay()
    assert (outcome.verdict, outcome.why) == (Verdict.MATCH, "")


def test_value_and_counter_stay() -> None:
    home = Home()
    top_up(home, "CASE", token(home, 77))
    command = home.messages["CASE_COMMAND_X.HEX"]
    home.pki.device(METER)
    made = with_own_token(command, home.store)
    found = parse_token(made.payload[-20:])
    assert found == parse_token(command.payload[-20:])
    assert (found.value, found.value_class) == (77, ValueClass.POUNDS)  # type: ignore[union-attr]


def test_without_the_suppliers_key_nobody_can_tell() -> None:
    home = Home()
    top_up(home, "CASE", token(home))
    others = [c for c in home.store.all() if c.cell_usage is not CellUsage.PREPAYMENT_TOP_UP]
    with pytest.raises(KeyUnavailable):
        with_own_token(home.messages["CASE_COMMAND_X.HEX"], MemoryKeyStore(others, []))
