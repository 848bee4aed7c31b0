"""Comparing transcripts: one planted fault a rule, what may differ, what came or did not, and damage."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.explain import explain
from gbcs.ids import Cra
from gbcs.message import parse_message
from gbcs.security.verify import Verifier
from hil.compare import Comparison, Difference, compare
from hil.compare_fields import ALLOWANCES
from hil.transcript import Line
from tests.hil import planted
from tests.hil.homes import DEFAULT, run
from tests.hil.planted import Numbered, honest, numbered, run_with
from tests.hil.planted_rows import VERDICTS, Verdict
from tests.hil.test_transcript import LINES


@cache
def verifier() -> Verifier:
    return Verifier(honest().keys)


def against(lines: Iterable[tuple[int, Line]], strict: bool = False, keys: bool = True) -> Comparison:
    """Lines compared with those of the honest home."""
    return compare(numbered(honest()), lines, verifier() if keys else None, strict)


def line_of(lines: Numbered, number: int) -> Line:
    return next(line for n, line in lines if n == number)


# -- faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: verdict.fault.name)
def test_each_fault_is_named_with_message_octet_field_and_rule(verdict: Verdict) -> None:
    lines = numbered(run_with(verdict.fault))
    found = against(lines)
    first = found.differences[0]
    assert (first.kind, first.path) == (verdict.kind, verdict.path), first
    assert first.rule.document == verdict.document
    assert first.rule.section.startswith(verdict.section), first.rule
    word = {Cra.RESPONSE: "response", Cra.ALERT: "alert"}[verdict.fault.cra]
    assert first.what.startswith(verdict.fault.use_case), first.what
    assert f" {word}" in first.what
    octet_is_right(first, lines)


def octet_is_right(first: Difference, lines: Numbered) -> None:
    """The lines named carry the message named, and the octet is that of the field."""
    for place, all_lines in ((first.a, numbered(honest())), (first.b, lines)):
        if place is None:
            continue
        octets = line_of(all_lines, place.line).octets
        assert line_of(all_lines, place.line).time == place.time
        assert octets
        if place.offset is None or place.value == "nothing":
            continue
        if first.path == "message":
            assert place.offset == 0
            continue
        spans = [s for s in explain(octets).spans if s.path.startswith(first.path)]
        assert any(span.start <= place.offset <= span.end for span in spans), (first, spans)
    if first.kind in ("field", "rule") and first.a is not None and first.b is not None:
        assert first.a.value != first.b.value


def test_there_are_faults_of_many_rules() -> None:
    rules = {(v.document, v.section, v.path) for v in VERDICTS}
    assert len(rules) >= 25
    assert len({(v.document, v.section) for v in VERDICTS}) >= 15


def test_without_keys_all_but_a_wrong_signature_and_what_is_encrypted_are_found() -> None:
    for verdict in VERDICTS:
        if verdict.fault.name in ("wrong signature", "wrong tag of what is encrypted"):
            continue
        found = against(numbered(run_with(verdict.fault)), keys=False)
        assert found.differences, verdict.fault.name


# -- what is no difference -------------------------------------------------------------------


def test_the_same_run_is_equal_and_strictly_so() -> None:
    for strict in (False, True):
        found = against(numbered(run_with(None)), strict)
        assert found.differences == ()
        assert found.left_out == ()
        assert found.matched > 30


def test_another_clock_is_no_difference_unless_strict() -> None:
    texts = [planted.HOME, planted.SCENARIO.removeprefix(planted.HOME)]
    later = texts[0].replace("2026-01-01", "2026-01-08") + texts[1].replace("2026-01-01", "2026-01-08")
    made, _ = run(later)
    found = compare(numbered(honest()), numbered(made.home))
    assert found.differences == ()
    assert compare(numbered(honest()), numbered(made.home), strict=True).differences != ()


def test_random_signatures_are_no_difference() -> None:
    changed = [(n, spoilt(line)) for n, line in numbered(honest())]
    assert against(changed, keys=False).differences == ()
    assert {one.path for one in against(changed).differences} == {"signature"}
    assert against(changed, strict=True, keys=False).differences != ()


def spoilt(line: Line) -> Line:
    """A line with another signature, if it has one and no MAC over it."""
    if not line.octets or line.sender == line.to:
        return line
    message = parse_message(line.octets)
    if message.signature is None or message.mac_header:
        return line
    other = replace(message, signature=planted.flipped(message.signature)).encoded()
    return replace(line, octets=other.octets)


def test_a_real_device_says_nothing_of_itself() -> None:
    heard = [(n, line) for n, line in numbered(honest()) if not (line.sender == line.to == "meter")]
    found = against(heard)
    assert found.differences == ()
    assert found.left_out
    assert all("meter" in text for text in found.left_out)
    assert against(heard, strict=True).differences != ()


def test_octets_of_tunnels_do_not_count_but_their_codes_do() -> None:
    lines = [
        (n, replace(line, octets=b"") if line.layer == "tunnel" else line) for n, line in numbered(honest())
    ]
    assert against(lines).differences == ()
    assert against(lines, strict=True).differences != ()
    other = [
        (n, replace(line, code="CloseTunnel") if line.code == "RequestTunnel" else line) for n, line in lines
    ]
    first = against(other).differences[0]
    assert (first.kind, first.path) == ("text", "text")
    assert "RequestTunnel" in (first.a.value if first.a else "")
    assert "CloseTunnel" in (first.b.value if first.b else "")


# -- what came and what did not ------------------------------------------------------------------


def test_a_command_that_was_not_sent() -> None:
    lines = numbered(honest())
    number = next(n for n, line in lines if line.text == "ECS17c command" and line.layer == "gbcs")
    left = [(n, line) for n, line in lines if n != number]
    first = against(left).differences[0]
    assert first.kind in ("missing", "extra")
    kinds = {(one.kind, one.what.split()[0], one.path) for one in against(left).differences}
    assert ("missing", "ECS17c", "message") in kinds


def test_a_whole_exchange_left_out_is_one_command_and_its_answers() -> None:
    lines = numbered(honest())
    gone = [n for n, line in lines if "ECS17c" in line.text]
    found = against([(n, line) for n, line in lines if n not in gone])
    assert [(d.kind, d.what.split()[:2]) for d in found.differences if d.path == "message"] == [
        ("missing", ["ECS17c", "command"]),
        ("missing", ["ECS17c", "response"]),
    ]


def test_an_answer_that_comes_later_than_the_next_command_is_still_its_own() -> None:
    lines = numbered(honest())
    texts = [line.text if line.layer == "gbcs" else "" for _, line in lines]
    place, later = texts.index("ECS52 response"), texts.index("ECS17c command")
    moved = [*lines[:place], *lines[place + 1 : later], lines[place], *lines[later:]]
    assert against(moved).differences == ()


def test_octets_that_are_no_message_are_a_difference() -> None:
    lines = [
        (n, replace(line, octets=line.octets[:-1]) if line.text == "ECS52 response" else line)
        for n, line in numbered(honest())
    ]
    first = against(lines).differences[0]
    assert first.rule.document == "GBCS"
    assert first.kind == "rule"


@given(st.lists(LINES, max_size=6), st.lists(LINES, max_size=6), st.booleans())
def test_any_lines_can_be_compared(a: list[Line], b: list[Line], strict: bool) -> None:
    one, other = list(enumerate(a, 1)), list(enumerate(b, 1))
    found = compare(one, other, None, strict)
    assert compare(one, one, None, strict).differences == ()
    assert all(difference.fields() for difference in found.differences)


@given(st.data())
def test_any_change_of_an_octet_is_found_when_strict(data: st.DataObject) -> None:
    lines = numbered(honest())
    candidates = [i for i, (_, line) in enumerate(lines) if line.octets]
    index = data.draw(st.sampled_from(candidates))
    number, line = lines[index]
    at = data.draw(st.integers(0, len(line.octets) - 1))
    changed = (
        line.octets[:at] + bytes((line.octets[at] ^ data.draw(st.integers(1, 255)),)) + line.octets[at + 1 :]
    )
    spoiled = [*lines[:index], (number, replace(line, octets=changed)), *lines[index + 1 :]]
    assert against(spoiled, strict=True, keys=False).differences != ()


def test_the_table_of_what_may_differ_says_when_and_why() -> None:
    assert all(row.condition and row.why for row in ALLOWANCES)
    assert all(row.path or row.type or "same" in row.condition for row in ALLOWANCES)


def test_the_default_scenario_with_another_seed_differs_in_what_follows_from_keys() -> None:
    made = [run(DEFAULT.replace('"default"', f'"{seed}"'))[0].home for seed in ("one", "two")]
    found = compare(*(numbered(home) for home in made))
    assert {one.path.rpartition(".")[2] for one in found.differences} >= {
        "mac",
        "existingSubjectKeyIdentifier",
    }
    assert not [one for one in found.differences if one.kind in ("rule", "missing", "extra", "order")]
