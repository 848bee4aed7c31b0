"""The table of checks: rules that a message can break although its octets follow the layouts.

Each check takes a `Context` and yields findings. What the layouts themselves say (constants,
lengths, counts, tags, types) is found by the walks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..ids import Cra, Kind
from ..security.verify import Verdict, Verdicts
from .context import Context
from .faults_asn1 import (
    check_authorising_cell,
    check_join_method,
    check_mode,
    check_repeated_counter,
    check_response_outcome,
)
from .faults_dlms import (
    MANY_CODES,
    check_activation_times,
    check_alert_executed,
    check_apdu_kind,
    check_constants,
    check_invoke_id,
    check_protection_parameters,
    check_results,
    check_selection,
    check_template,
    fitting_use_cases,
)
from .faults_zcl import (
    check_component_times,
    check_frame_counters,
    check_gbz_extras,
    check_gbz_failures,
    check_gbz_template,
    check_sequence,
)
from .rules import RULES, Rule
from .spans import Finding

# first and last alert code of the use case of an alert (reference: gbcs-messages 6.3, 7.2, 8.7)
ALERT_CODES: dict[int, tuple[int, int]] = {
    0x0018: (0x8F12, 0x8F12),
    0x0061: (0x8F0A, 0x8F0A),
    0x0067: (0x8F35, 0x8F3C),
    0x008B: (0x8F0A, 0x8F0A),
    0x00B2: (0x8071, 0x8071),
    0x00CA: (0x8F66, 0x8F67),
    0x00CB: (0x8F66, 0x8F67),
    0x00CC: (0x8F66, 0x8F67),
    0x00CD: (0x8F66, 0x8F67),
    0x00D5: (0x8F84, 0x8F84),
    0x00F0: (0x81A0, 0x81A0),
    0x00F2: (0x81A0, 0x81A0),
    0x0111: (0x8F26, 0x8F26),
    0x0112: (0x8F28, 0x8F28),
    0x0113: (0x8F2A, 0x8F2A),
    0x0114: (0x8F2C, 0x8F2C),
    0x0115: (0x8F2D, 0x8F2D),
    0x0120: (0x8F85, 0x8F85),
    0x0121: (0x8F86, 0x8F86),
    0x0122: (0x8F87, 0x8F87),
    0x0123: (0x8F88, 0x8F88),
    0x0124: (0x8F66, 0x8F67),
    0x0128: (0x8F89, 0x8F8A),
    0x012B: (0x8F8B, 0x8F8B),
    0x1000: (0x8F00, 0x8FFF),
    0x1001: (0x8000, 0x81FF),
}
_STAMP = {"day_of_week": "FF", "hundredths": "00", "deviation": "8000"}
TOP_UPS = (0x0007, 0x0097)


def check_message_code(context: Context) -> Iterator[Finding]:
    """The Message Code is one of the table, and its use case has this kind of message."""
    code, rule = context.message.code, RULES["use-case-table"]
    if context.use_case is None:
        reason = f"no use case has the Message Code {code:04X}"
        fitting = fitting_use_cases(context)
        codes = " or ".join(f"{code:04X}" for code in fitting) if len(fitting) <= MANY_CODES else ""
        yield context.finding("message code", "header.message_code", reason, rule, codes or None)
        return
    kinds, kind = context.use_case.kinds, context.message.kind
    # a command of which only the response has a sample is one all the same
    if kind not in kinds and not (kind is Kind.COMMAND and Kind.RESPONSE in kinds):
        names = ", ".join(k.value for k in kinds) or "no message"
        reason = f"{context.use_case.name} has no {kind.value}: {names}"
        cras = {Kind.RESPONSE: "02", Kind.ALERT: "03"}
        expected = " or ".join(dict.fromkeys(cras.get(k, "01") for k in kinds)) or None
        yield context.finding("kind", "header.cra_flag", reason, rule, expected)


def check_protection(context: Context) -> Iterator[Finding]:
    """Signature and MAC are there, or not, as the row of the use case says."""
    message, row = context.message, context.use_case
    if row is None or message.kind is Kind.PRECOMMAND:
        return
    signed, maced = message.signature is not None, message.mac_header
    if row.signed_or_maced:
        yield from _one_of_both(context, signed, maced)
        return
    if message.cra is Cra.COMMAND:
        wants_mac = row.command_maced
        # ACB by ACB on a CHF is signed as well (reference: gbcs-messages 4.3)
        wants_signature = signed if "mac-only" in row.flags else row.command_signed
        if _by_other_party(context):
            wants_signature = signed
    else:
        wants_signature, wants_mac = row.critical, not row.critical
    word = "critical" if row.critical else "non-critical"
    rule = RULES["protection"]
    what = f"a {word} {message.kind.value}"
    if signed is not wants_signature:
        reason = f"{what} has {'a' if wants_signature else 'no'} signature"
        yield context.finding(
            "signature presence", "signature", reason, rule, "40" if wants_signature else "00"
        )
    if maced is not wants_mac:
        reason = f"{what} has {'a' if wants_mac else 'no'} MAC Header and MAC"
        expected = "DD 000000000000" if wants_mac else "DF"
        yield Finding("MAC presence", 0, "mac_header", reason, expected, rule)


def _by_other_party(context: Context) -> bool:
    """Whether the broker asks for a party that may not sign (reference: gbcs-messages 4.1)."""
    return context.message.other.party_counter is not None


def _one_of_both(context: Context, signed: bool, maced: bool) -> Iterator[Finding]:
    """The cell named in the command decides: MAC, or signature, both ways (CS02a, CS02f)."""
    rule = RULES["protection"]
    if signed is maced:
        reason = "a signature or a MAC, one of both and not " + ("both" if signed else "none")
        yield context.finding("signature presence", "signature", reason, rule, "00" if signed else "40")
        return
    values = context.values
    cell = values.get("authorisingRemotePartyTACellIdentifier") if isinstance(values, dict) else None
    if cell is not None and (0 in cell["trustAnchorCellKeyUsage"]) is not signed:
        path = "payload.authorisingRemotePartyTACellIdentifier.trustAnchorCellKeyUsage"
        span = context.value_span(path)
        if span is not None:
            reason = f"the message has {'a signature' if signed else 'a MAC'}, the cell is of the other kind"
            yield context.wrong("authorising cell", span, reason, rule, "80" if signed else "08")


def check_header_date_time(context: Context) -> Iterator[Finding]:
    """Only responses of the use cases of the table carry a date-time, and always."""
    message, row, rule = context.message, context.use_case, RULES["header-date-time"]
    wanted = message.cra is Cra.RESPONSE and (row is None or row.response_has_date_time)
    given = message.date_time is not None
    if given is not wanted and not (row is None and message.cra is Cra.RESPONSE):
        name = row.name if row is not None else "an unknown use case"
        reason = f"a {message.kind.value} of {name} has {'a' if wanted else 'no'} date-time"
        yield context.finding("header date-time", "header.date_time", reason, rule, "0C" if wanted else "00")
    if given:
        yield from _stamp(context, "header.date_time")


def check_time_stamp(context: Context) -> Iterator[Finding]:
    """The time stamp of a DLMS alert is UTC without wildcards."""
    if context.message.cra is Cra.ALERT and context.apdu is not None:
        yield from _stamp(context, "payload.body.Time")


def _stamp(context: Context, path: str) -> Iterator[Finding]:
    for name, wanted in _STAMP.items():
        span = context.value_span(f"{path}.{name}")
        if span is not None and context.octets(span).hex().upper() != wanted:
            reason = f"{name.replace('_', ' ')} is {context.octets(span).hex().upper()}"
            yield context.wrong("date-time", span, reason, RULES["header-date-time"], wanted)


def check_other_information(context: Context) -> Iterator[Finding]:
    """Supplementary fields stand where their kind of message has them."""
    message, other, rule = context.message, context.message.other, RULES["other-information"]
    path = "header.other_information"
    if other.certificate is not None and message.cra is not Cra.COMMAND:
        reason = "a key agreement certificate belongs in a command"
        yield context.finding("supplementary", "header.supplementary.certificate", reason, rule)
    if other.originator_counter is not None and message.cra is not Cra.RESPONSE:
        reason = "a Supplementary Originator Counter belongs in a response"
        yield context.finding("supplementary", "header.supplementary.originator_counter", reason, rule)
    if other.party is not None and other.party_counter is None and message.code != 0x0123:
        reason = "only ECS200 names a party without its counter"
        yield context.finding("supplementary", path, reason, rule, "02 or 12")
    if message.cra is Cra.ALERT and other.party_counter is not None and message.code != 0x0120:
        reason = "only the alert ECS100 names a party with its counter"
        yield context.finding("supplementary", path, reason, rule, "02")


def check_top_up_counter(context: Context) -> Iterator[Finding]:
    """CS01a and CS01b are numbered by the token: the low 32 bits of the counter are zero."""
    message = context.message
    if message.code in TOP_UPS and message.cra is not Cra.ALERT and message.counter & 0xFFFFFFFF:
        expected = f"{message.counter >> 32 << 32:016X}"
        reason = "the low 32 bits of a token counter are zero"
        yield context.finding(
            "token counter", "header.originator_counter", reason, RULES["counters"], expected
        )


def check_alert_code(context: Context) -> Iterator[Finding]:
    """The alert code is one of those the use case of the alert has."""
    allowed = ALERT_CODES.get(context.message.code)
    if allowed is None or context.message.cra is not Cra.ALERT:
        return
    for path in ("payload.body.AlertCode", "payload.alert_code", "payload.alertCode"):
        span = context.value_span(path)
        if span is None:
            continue
        code = int.from_bytes(context.octets(span), "big")
        low, high = allowed
        if not low <= code <= high:
            expected = f"{low:04X}" if low == high else f"{low:04X} to {high:04X}"
            reason = f"alert code {code:04X} does not belong to this use case"
            yield context.wrong("alert code", span, reason, RULES["alert"], expected)


class Check(NamedTuple):
    """One check: its name, the rule it is about, the function."""

    name: str
    rule: Rule
    run: Callable[[Context], Iterator[Finding]]


CHECKS: tuple[Check, ...] = (
    Check("message code and kind", RULES["use-case-table"], check_message_code),
    Check("signature and MAC presence", RULES["protection"], check_protection),
    Check("header date-time", RULES["header-date-time"], check_header_date_time),
    Check("supplementary fields", RULES["other-information"], check_other_information),
    Check("token counter", RULES["counters"], check_top_up_counter),
    Check("alert code", RULES["alert"], check_alert_code),
    Check("time stamp of an alert", RULES["date-time"], check_time_stamp),
    Check("APDU of the kind", RULES["apdu"], check_apdu_kind),
    Check("invoke id", RULES["invoke-id"], check_invoke_id),
    Check("DLMS template", RULES["component"], check_template),
    Check("fixed and constant parameters", RULES["component"], check_constants),
    Check("selection", RULES["selective-access"], check_selection),
    Check("results", RULES["access-response"], check_results),
    Check("protection parameters", RULES["data-protection"], check_protection_parameters),
    Check("activation times", RULES["future-dating"], check_activation_times),
    Check("what an alert says was executed", RULES["future-dating"], check_alert_executed),
    Check("GBZ template", RULES["component"], check_gbz_template),
    Check("sequence numbers", RULES["zcl-header"], check_sequence),
    Check("frame counters", RULES["additional-header"], check_frame_counters),
    Check("where headers may be", RULES["extended-header"], check_gbz_extras),
    Check("GBZ start times", RULES["future-dating"], check_component_times),
    Check("GBZ failures", RULES["zcl-general"], check_gbz_failures),
    Check("repeated counter", RULES["counters"], check_repeated_counter),
    Check("replacement mode", RULES["credentials-mode"], check_mode),
    Check("authorising cell", RULES["credentials-mode"], check_authorising_cell),
    Check("join method", RULES["join-method"], check_join_method),
    Check("outcome of a response", RULES["asn1"], check_response_outcome),
)


def findings_of(context: Context) -> Iterator[Finding]:
    """What every check finds, in the order of the table."""
    for check in CHECKS:
        yield from check.run(context)


def verdict_findings(context: Context, verdicts: Verdicts) -> Iterator[Finding]:
    """A signature or MAC that is not right: what it covers, and whose keys it should be of."""
    message = context.message
    end = message.payload_offset + len(message.payload)
    if verdicts.signature is Verdict.INVALID:
        span = context.value_span("signature")
        covered = f"octets {message.header_offset + 1} to {end - 1}"
        reason = f"not the signature over {covered} by the digital signature key of {message.originator}"
        if span is not None:
            yield context.wrong("signature", span, reason, RULES["signature"])
    if verdicts.mac is Verdict.INVALID:
        span = context.value_span("mac")
        last = len(message.octets) - 13
        pair = f"{message.originator} and {message.recipient}"
        if message.cra is Cra.COMMAND:
            pair = f"the Access Control Broker and {message.recipient}"
        reason = (
            f"not the MAC over octets {message.header_offset} to {last} by the key agreement keys of {pair}"
        )
        if span is not None:
            yield context.wrong("MAC", span, reason, RULES["mac"])
