"""An explanation: the spans of a message and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import LocalError, ParseError
from ..message import Message, parse_message
from ..security.verify import Verdicts, Verifier
from .context import Context
from .envelope import Frame, explain_octets, use_case_of
from .faults import findings_of, verdict_findings
from .rules import RULES
from .spans import Finding, Span, Unseal, mark


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the octets of one message say.

    `spans` follow each other without a gap and cover the octets exactly. `findings` are in
    the order of their offsets. `verdicts` is None without keys or where there is no message.
    """

    octets: bytes
    spans: tuple[Span, ...]
    findings: tuple[Finding, ...]
    message_code: int | None
    use_case: str | None
    kind: str | None
    verdicts: Verdicts | None = None

    def fields(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "octets": len(self.octets),
            "use_case": self.use_case,
            "message_code": None if self.message_code is None else f"{self.message_code:04X}",
            "kind": self.kind,
            "signature": None if self.verdicts is None else self.verdicts.signature.value,
            "mac": None if self.verdicts is None else self.verdicts.mac.value,
            "spans": [span_fields(span) for span in self.spans],
            "findings": [finding_fields(finding) for finding in self.findings],
        }


def span_fields(span: Span) -> dict[str, Any]:
    """The JSON form of a span."""
    fields: dict[str, Any] = {
        "start": span.start,
        "end": span.end,
        "path": span.path,
        "type": span.type,
        "value": span.value,
        "rule": {"document": span.rule.document, "section": span.rule.section},
    }
    if span.plaintext is not None:
        fields["plaintext"] = [span_fields(inner) for inner in span.plaintext]
    if span.failed:
        fields["failed"] = True
    return fields


def finding_fields(finding: Finding) -> dict[str, Any]:
    """The JSON form of a finding."""
    rule = finding.rule
    return {
        "check": finding.check,
        "offset": finding.offset,
        "path": finding.path,
        "reason": finding.reason,
        "expected": finding.expected,
        "rule": {"document": rule.document, "section": rule.section, "text": rule.text},
    }


def explain(octets: bytes, verifier: Verifier | None = None) -> Explanation:
    """Explain the octets of what should be one message. Any octets give an explanation."""
    message: Message | None = None
    refused: ParseError | None = None
    try:
        message = parse_message(octets)
    except ParseError as error:
        refused = error
    pen, frame = explain_octets(octets, _unseal(verifier, message))
    findings = list(pen.findings)
    verdicts = None
    if message is not None:
        context = Context.of(message, pen.spans)
        if context.refused is not None and not findings:
            findings.append(_refusal(context.refused, message.payload_offset))
        if context.refused is None:
            findings += findings_of(context)
        if verifier is not None:
            verdicts = verifier.verify(message)
            findings += verdict_findings(context, verdicts)
    elif refused is not None and not findings:
        findings.append(_refusal(refused, 0))
    findings.sort(key=lambda finding: finding.offset)
    return _explanation(octets, frame, mark(pen.spans, findings), tuple(findings), verdicts)


def _refusal(error: ParseError, base: int) -> Finding:
    """What the parser refuses and the walk did not."""
    return Finding("layout", base + error.offset, error.path, error.reason, None, RULES["envelope"])


def _explanation(
    octets: bytes,
    frame: Frame,
    spans: tuple[Span, ...],
    findings: tuple[Finding, ...],
    verdicts: Verdicts | None,
) -> Explanation:
    row = use_case_of(frame)
    return Explanation(
        octets,
        spans,
        findings,
        frame.code if frame.code >= 0 else None,
        None if row is None else row.name,
        None if frame.cra is None else frame.kind.value,
        verdicts,
    )


def _unseal(verifier: Verifier | None, message: Message | None) -> Unseal | None:
    """How protected values of a message are opened; raises PeerError for one that is not right."""
    if verifier is None or message is None:
        return None

    def unseal(octets: bytes) -> bytes | None:
        try:
            return verifier.unseal(message, octets)
        except LocalError:
            return None

    return unseal
