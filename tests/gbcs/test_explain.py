"""Explanations: every octet is covered, every planted fault is named with its place and the right value."""

from pathlib import Path
from random import Random

import pytest

from gbcs.errors import ParseError
from gbcs.explain import Explanation, Finding, Span, explain
from gbcs.explain.faults import CHECKS
from gbcs.explain.rules import RULES
from gbcs.fields import message_fields
from gbcs.ids import Cra
from gbcs.message import parse_message
from gbcs.security.folder import FolderKeyStore
from gbcs.security.verify import Verdict, Verifier
from tests.gbcs import reference_messages
from tests.gbcs.explained import plain, sound
from tests.gbcs.fuzz import almost_messages, damaged
from tests.gbcs.planted_rows import FAULTS, Fault
from tests.vectors import make

VECTORS = make.files()
SOUND = tuple(sound())
# a leaf of more than 8 octets is one of these
LONG = frozenset(
    "octet-string visible-string utf8-string char-string bit-string certificate certificate-request "
    "hash key ciphertext signature mac".split()
)


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(make.store())


def assert_covered(spans: tuple[Span, ...], size: int) -> None:
    """The spans follow each other without a gap and end where the octets do."""
    at = 0
    for span in spans:
        assert span.start == at
        assert span.end > at
        assert span.path
        assert span.type
        assert span.value
        assert span.rule.document
        assert span.rule.section
        at = span.end
        if span.plaintext is not None:
            assert_covered(span.plaintext, len(span.opened))
    assert at == size


def long_leaves(spans: tuple[Span, ...]) -> list[Span]:
    """Leaves of more than 8 octets that should have been taken apart, those of plaintexts with them."""
    found = [span for span in spans if span.end - span.start > 8 and span.type not in LONG]
    for span in spans:
        found += long_leaves(span.plaintext or ())
    return found


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_message_has_no_finding(name: str, verifier: Verifier) -> None:
    octets = sound()[name]
    found = explain(octets, verifier)
    assert found.findings == ()
    assert found.verdicts is not None
    assert Verdict.VALID in found.verdicts
    assert Verdict.INVALID not in found.verdicts
    assert_covered(found.spans, len(octets))
    assert long_leaves(found.spans) == []


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_are_covered(name: str, verifier: Verifier) -> None:
    octets = VECTORS[name]
    for keys in (None, verifier):
        found = explain(octets, keys)
        assert_covered(found.spans, len(octets))
        unread = [span for span in long_leaves(found.spans) if span.type != "unparsed"]
        assert unread == []


def test_values_are_readable(verifier: Verifier) -> None:
    values = {
        (span.path, span.type): span.value
        for name in ("outage", "imports", "load limit", "balance", "activate firmware")
        for span in explain(sound()[name], verifier).spans
    }
    assert values["payload.body.AlertCode", "alert-code"].startswith("8F36 Supply Outage Restored")
    assert values["payload.body.Interruption", "length"] == "12: 2024-03-01 12:00:00"
    assert values["payload.body.Time.day_of_week", "date-part"] == "*"
    assert values["header.message_code", "message-code"].startswith("0012 CS06")
    assert values["payload.items[0].member", "attribute"] == "4 value_passive, LoadLimitSupplyState.Passive"
    assert (
        values["payload.components[0].Records[0].AttributeId", "attribute-id"] == "0A00 (BillToDateDelivered)"
    )
    assert values["payload.executionDateTime.year", "digits"] == "2030"
    assert values["payload.items[0].choice", "choice"] == "set"


def test_rules_name_what_fixes_an_octet() -> None:
    rules = {
        span.path: (span.rule.document, span.rule.section) for span in explain(sound()["load limit"]).spans
    }
    assert rules["header.originator_counter"][1].startswith("7.2.7")
    assert rules["payload.items[0].class_id"] == ("GBCS", "use case ECS28a")
    assert rules["mac"][1].startswith("5.4")
    assert all(rule.document and rule.section and rule.text for rule in RULES.values())


def test_a_plaintext_is_explained_with_keys(verifier: Verifier) -> None:
    assert all(span.plaintext is None for span in explain(sound()["imports"]).spans)
    (sealed,) = (span for span in explain(sound()["imports"], verifier).spans if span.plaintext)
    assert sealed.type == "ciphertext"
    inner = {(span.path, span.type): span.value for span in sealed.plaintext or ()}
    assert inner["plaintext.ImportRegisterCollection.active_import", "u32"] == "10 (10 Wh)"
    (sealed,) = (span for span in explain(sound()["gas register"], verifier).spans if span.plaintext)
    inner = {(span.path, span.type): span.value for span in sealed.plaintext or ()}
    assert inner["plaintext.Records[0].AttributeId", "attribute-id"] == "0302 (Divisor)"


def leaf(found: Explanation, path: str, kind: str = "") -> Span:
    """The leaf of a path, of a type."""
    return next(span for span in found.spans if span.path == path and kind in ("", span.type))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.message}-{fault.path}-{fault.check}")
def test_a_planted_fault_is_named(fault: Fault) -> None:
    """The finding stands where the octets were changed, and knows what was there."""
    octets = sound()[fault.message]
    before = explain(octets)
    span = leaf(before, fault.path, fault.type)
    spoilt = octets[: span.start] + bytes.fromhex(fault.octets) + octets[span.end :]
    after = explain(spoilt)
    offset = leaf(before, fault.at).start if fault.at else span.start
    found = [f for f in after.findings if (f.check, f.offset) == (fault.check, offset)]
    assert found, after.findings
    assert found[0].expected == fault.expected
    assert found[0].reason
    assert found[0].rule.document
    assert_covered(after.spans, len(spoilt))
    marked = [s for s in after.spans if s.start <= offset < s.end]
    assert all(s.failed for s in marked)


def found_in(octets: bytes, check: str, verifier: Verifier | None = None) -> Finding:
    """The only finding of a check."""
    found = explain(octets, verifier)
    assert_covered(found.spans, len(octets))
    (finding,) = (f for f in found.findings if f.check == check)
    return finding


def test_octets_after_the_end_are_named() -> None:
    octets = sound()["switch opened"]
    finding = found_in(octets + b"\0\1", "left over")
    assert (finding.offset, finding.expected) == (len(octets), "nothing")
    octets = sound()["open switch"]
    finding = found_in(octets + b"\0\1", "left over")
    assert (finding.offset, finding.expected) == (len(octets), "nothing")


def test_a_message_cut_short_is_named() -> None:
    octets = sound()["switch opened"]
    finding = found_in(octets[:-10], "cut short")
    assert finding.path == "signature"
    octets = sound()["open switch"][:-3]
    finding = found_in(octets, "cut short")
    assert (finding.offset, finding.path) == (len(octets), "message")


def test_a_block_transfer_fragment_is_named() -> None:
    assert found_in(bytes.fromhex("DD09") + bytes(40), "block transfer").offset == 1


def test_protection_that_is_missing_is_named() -> None:
    command = parse_message(sound()["open switch"])
    unsigned = plain(0x0050, Cra.COMMAND, command.payload).maced(lambda _: bytes(12)).octets
    finding = found_in(unsigned, "signature presence")
    assert (finding.offset, finding.expected) == (len(unsigned) - 13, "40")
    read = plain(0x0059, Cra.COMMAND, parse_message(sound()["read version"]).payload)
    signed = read.signed(lambda _: bytes(64)).octets
    assert found_in(signed, "MAC presence").expected == "DD 000000000000"
    assert found_in(signed, "signature presence").expected == "00"


def test_a_date_time_is_wanted_where_the_use_case_has_one() -> None:
    payload = parse_message(sound()["export registers"]).payload
    finding = found_in(plain(0x0026, Cra.RESPONSE, payload).octets, "header date-time")
    assert (finding.offset, finding.expected) == (29, "0C")
    dated = plain(0x0050, Cra.RESPONSE, parse_message(sound()["switch opened"]).payload, dated=True)
    assert found_in(dated.octets, "header date-time").expected == "00"


def test_items_that_are_missing_are_named() -> None:
    payload = bytes.fromhex("D9 200007D0 00 01 01 0003 0100020800FF 02 01 00")
    finding = found_in(plain(0x0026, Cra.COMMAND, payload).octets, "template")
    assert finding.expected == "get 3/1-0:2.8.0.255/3"


def test_lengths_of_der_take_no_octet_more() -> None:
    command = plain(0x000D, Cra.COMMAND, bytes.fromhex(f"308110 020100 0408{make.METER} 020101"))
    finding = found_in(command.octets, "length form")
    assert (finding.offset - command.payload_offset, finding.expected) == (1, "10")


def test_a_default_is_left_out() -> None:
    payload = bytes.fromhex("3014 300A 020104 03020308 020100 3006 020102 020103")
    finding = found_in(plain(0x0008, Cra.COMMAND, payload).octets, "default")
    assert finding.expected == "nothing"


def test_what_a_key_does_not_fit_is_named(verifier: Verifier) -> None:
    octets = bytearray(sound()["open switch"])
    octets[-1] ^= 1
    finding = found_in(bytes(octets), "MAC", verifier)
    assert finding.offset == len(octets) - 12
    assert f"Access Control Broker and {make.METER}" in finding.reason
    octets = bytearray(sound()["switch opened"])
    octets[-1] ^= 1
    finding = found_in(bytes(octets), "signature", verifier)
    assert finding.offset == len(octets) - 64
    assert str(make.METER) in finding.reason
    octets = bytearray(sound()["imports"])
    span = next(span for span in explain(bytes(octets)).spans if span.type == "ciphertext")
    octets[span.start] ^= 1
    assert found_in(bytes(octets), "decryption", verifier).offset == span.start


def test_every_check_has_a_name_of_its_own() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_any_octets_are_explained(verifier: Verifier) -> None:
    """Nothing is raised, every octet is covered, and what the parser refuses has a finding."""
    for octets in [b"", b"\xdd", *almost_messages(5, 1200)]:
        found = explain(octets, verifier)
        assert_covered(found.spans, len(octets))
        assert bool(found.findings) or not refused(octets)
        assert all(finding.check != "layout" for finding in found.findings)


def refused(octets: bytes) -> bool:
    try:
        message_fields(parse_message(octets))
    except ParseError:
        return True
    return False


def test_what_is_left_of_a_broken_payload_is_one_leaf() -> None:
    octets = sound()["read version"]
    at = next(span.start for span in explain(octets).spans if span.path == "payload.items[0].choice")
    spoilt = octets[:at] + b"\x07" + octets[at + 1 :]
    kinds = [span.type for span in explain(spoilt).spans]
    assert kinds.count("unparsed") == 1
    assert kinds[-3:] == ["unparsed", "length", "mac"]


def test_reference_messages_are_explained(reference: Path) -> None:
    """All octets covered, no leaf that should have been taken apart, nothing broken."""
    keys = Verifier(FolderKeyStore(str(reference / "rtds" / "keystore")))
    for name, octets in reference_messages.octets(reference).items():
        found = explain(octets, keys)
        assert_covered(found.spans, len(octets))
        assert (name, long_leaves(found.spans)) == (name, [])
        assert (name, found.findings) == (name, ())


def test_damaged_reference_messages_are_explained(reference: Path) -> None:
    random = Random(11)
    messages = list(reference_messages.octets(reference).values())
    for _ in range(600):
        octets = damaged(random, random.choice(messages))
        found = explain(octets)
        assert_covered(found.spans, len(octets))
        assert bool(found.findings) or not refused(octets)
