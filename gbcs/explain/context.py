"""What the checks look at: the message, its payload as the families read it, and where things stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..asn1.codec import Element, decode
from ..asn1.codec import plain as plain_asn1
from ..asn1.payloads import payload_type
from ..dlms.apdu import Apdu, parse_apdu
from ..errors import ParseError
from ..ids import Payload
from ..message import Message
from ..usecases import UseCase, by_code
from ..zcl.gbz import Gbz, parse_gbz
from .envelope import family
from .rules import Rule
from .spans import Finding, Span


@dataclass
class Context:
    """A message that follows the layouts, for the checks of what the layouts do not say."""

    message: Message
    spans: list[Span]
    use_case: UseCase | None = None
    apdu: Apdu | None = None
    gbz: Gbz | None = None
    element: Element | None = None
    refused: ParseError | None = None
    _places: dict[str, list[Span]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, message: Message, spans: list[Span]) -> Context:
        """The context of a parsed message; `refused` says why its payload could not be read."""
        found = cls(message, spans, by_code(message.code))
        for span in spans:
            found._places.setdefault(span.path, []).append(span)
        kind = family(message.code, message.payload)
        try:
            if kind is Payload.DLMS:
                found.apdu = parse_apdu(message.payload)
            elif kind is Payload.GBZ:
                found.gbz = parse_gbz(message.payload, message.cra, message.code)
            else:
                declared = payload_type(message.code, message.kind) if kind is Payload.ASN1 else None
                found.element = None if declared is None else decode(declared, message.payload)
        except ParseError as error:
            found.refused = error
        return found

    @property
    def values(self) -> object:
        """The plain values of an ASN.1 payload, None where it is none."""
        return None if self.element is None else plain_asn1(self.element)

    def at(self, path: str) -> int:
        """The offset of the first octet of a path; of the message where it has none."""
        found = self._places.get(path)
        if found:
            return found[0].start
        return next((span.start for span in self.spans if span.path.startswith(path)), 0)

    def value_span(self, path: str) -> Span | None:
        """The leaf that holds the value of a path."""
        found = [span for span in self._places.get(path, ()) if span.type not in ("tag", "length", "type")]
        return found[-1] if found else None

    def octets(self, span: Span) -> bytes:
        """The octets of a leaf."""
        return self.message.octets[span.start : span.end]

    def leaves(self, name: str) -> Iterator[Span]:
        """The leaves with values whose path ends with a name."""
        for path in self._places:
            if path.endswith(name):
                span = self.value_span(path)
                if span is not None:
                    yield span

    def finding(self, check: str, path: str, reason: str, rule: Rule, expected: str | None = None) -> Finding:
        """A finding at the first octet of a path."""
        return Finding(check, self.at(path), path, reason, expected, rule)

    def wrong(self, check: str, span: Span, reason: str, rule: Rule, expected: str | None = None) -> Finding:
        """A finding at a leaf."""
        return Finding(check, span.start, span.path, reason, expected, rule)
