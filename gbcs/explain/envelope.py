"""The octets of a message, leaf by leaf: the two headers, the payload by its family, the tail.

Follows `gbcs.message`, but does not give up where the right value is known: a constant, a
length or a CRA Flag that is wrong is a finding, and the walk goes on as if it were right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..dlms.apdu import TAG_ACCESS_REQUEST, TAG_ACCESS_RESPONSE, TAG_DATA_NOTIFICATION
from ..errors import ParseError
from ..ids import Cra, Kind, Payload
from ..lengths import length_octets, read_length
from ..message import MAC_LENGTH, MAX_MESSAGE, SIGNATURE_LENGTH, TAG_GENERAL_CIPHERING
from ..usecases import UseCase, by_code
from . import asn1, dlms, zcl
from .rules import RULES
from .spans import Pen, Unseal
from .values import DATE_TIME, date_time_text

_EMPTY = (
    "transaction-id length",
    "originator-system-title length",
    "recipient-system-title length",
    "date-time length",
    "other-information length",
    "key-info presence",
)
_APDUS = {
    TAG_ACCESS_REQUEST: Cra.COMMAND,
    TAG_ACCESS_RESPONSE: Cra.RESPONSE,
    TAG_DATA_NOTIFICATION: Cra.ALERT,
}
_CRAS = {int(cra): cra for cra in Cra}
_KINDS = {
    Kind.PRECOMMAND: Cra.COMMAND,
    Kind.COMMAND: Cra.COMMAND,
    Kind.RESPONSE: Cra.RESPONSE,
    Kind.ALERT: Cra.ALERT,
}
_FORMS = (2, 10, 18, 26)  # octets of other-information; longer with a certificate
_FIXED_PART = 30  # octets of the Grouping Header up to and with the length of the date-time
_SECURITY = 5  # octets of security control and invocation counter


@dataclass
class Frame:
    """What the envelope said, as far as it was read."""

    maced: bool = False
    mac_at: int = 0
    cra: Cra | None = None
    code: int = -1
    payload: tuple[int, int] = (0, 0)
    sound: bool = False  # the payload was read to its end
    signed: bool = False

    @property
    def kind(self) -> Kind:
        """Pre-command, command, response or alert."""
        if self.cra is Cra.RESPONSE:
            return Kind.RESPONSE
        if self.cra is Cra.ALERT:
            return Kind.ALERT
        return Kind.COMMAND if self.maced or self.signed else Kind.PRECOMMAND


def family(code: int, payload: bytes) -> Payload:
    """The payload family of a Message Code or, where that leaves it open, of the first octets."""
    found = by_code(code)
    if found is not None and not found.payload_by_device and found.payload is not Payload.NONE:
        return found.payload
    if payload[:1] in (b"\xd9", b"\xda", b"\x0f"):
        return Payload.DLMS
    return Payload.GBZ if payload.startswith(b"\x01\x09") else Payload.NONE


def walk(pen: Pen, frame: Frame) -> None:
    """Write the spans of a message. Raises Broken where it cannot go on."""
    if len(pen.octets) > MAX_MESSAGE:
        reason = f"longer than {MAX_MESSAGE} octets"
        pen.stop("too long", "message", reason, RULES["envelope"], None, MAX_MESSAGE)
    frame.maced = _is_maced(pen.octets)
    if frame.maced:
        _mac_header(pen, frame)
    end = frame.mac_at if frame.maced else pen.end
    if end < pen.at:
        end = pen.end
    with pen.part(end):
        _grouping_header(pen, frame)
        _tail(pen, frame)
    if frame.maced and pen.left < MAC_LENGTH and frame.mac_at + MAC_LENGTH > len(pen.octets):
        pen.rest("mac", RULES["mac"])  # that it is cut short has been said
    elif frame.maced:
        pen.take(MAC_LENGTH, "mac", "mac", RULES["mac"])
        pen.end = len(pen.octets)
        pen.rest("message", RULES["envelope"])


def _is_maced(octets: bytes) -> bool:
    """Whether a message begins with a MAC Header: its tag says so, or all that follows the tag."""
    if octets[:1] == bytes((TAG_GENERAL_CIPHERING,)):
        # with the tag of the Grouping Header it would be a message without a MAC
        size = octets[_FIXED_PART - 1] if len(octets) >= _FIXED_PART else 0
        start = _FIXED_PART + (size if size in (0, 12) else 0)
        return octets[1:2] != b"\x09" or not _rest_fits(octets, start, len(octets), False)
    return octets[:1] != b"\xdf" and octets[1:7] == bytes(6)


def _mac_header(pen: Pen, frame: Frame) -> None:
    rule = RULES["mac-header"]
    pen.constant(bytes((TAG_GENERAL_CIPHERING,)), "mac_header.tag", rule, "general-ciphering")
    if pen.octets[1:2] == b"\x09":
        reason = "a General Block Transfer fragment, not a whole message"
        pen.stop("block transfer", "mac_header", reason, RULES["block-transfer"])
    for name in _EMPTY:
        pen.constant(b"\0", f"mac_header.{name.replace(' ', '_').replace('-', '_')}", rule, "empty")
    at = pen.at
    path = "mac_header.ciphered_service_length"
    length = pen.length(path)
    frame.mac_at = pen.end - MAC_LENGTH
    if length != pen.left:
        _wrong_size(pen, frame, at, length)
    pen.constant(b"\x11", "mac_header.security_control", rule, "11 (authentication only, suite 1)")
    pen.constant(bytes(4), "mac_header.invocation_counter", rule)


def _wrong_size(pen: Pen, frame: Frame, at: int, length: int) -> None:
    """The length and the octets that follow differ: say which of both is wrong, as the headers tell."""
    path, left = "mac_header.ciphered_service_length", pen.left
    reason = f"the length says {length} octets follow, {left} do"
    header, octets, announced = pen.at + _SECURITY, pen.octets, pen.at + length - MAC_LENGTH
    as_announced = announced <= pen.end and _header_fits(octets, header, announced)
    if length < left and as_announced:
        pen.end, frame.mac_at = pen.at + length, announced
        reason = f"{left - length} octets left over"
        pen.find("left over", pen.end, "message", reason, RULES["envelope"], "nothing")
    elif length > left and (as_announced or not _header_fits(octets, header, pen.end - MAC_LENGTH)):
        missing = f"{reason}: {length - left} are missing"
        pen.find("cut short", len(octets), "message", missing, RULES["envelope"])
        if as_announced:
            frame.mac_at = announced
    else:
        size = pen.at - at
        # the length of the length belongs to what follows where it changes
        right = length_octets(left)
        if len(right) != size:
            right = length_octets(left + size - len(right))
        pen.find("length", at, path, reason, RULES["length"], right.hex().upper())


def _grouping_header(pen: Pen, frame: Frame) -> None:
    rule, path = RULES["grouping-header"], "header"
    if pen.left < 30:
        pen.stop("cut short", path, f"30 octets needed, {max(pen.left, 0)} left", rule)
    pen.constant(b"\xdf", f"{path}.tag", rule, "general-signing")
    pen.constant(b"\x09", f"{path}.transaction_id_length", rule, "9")
    cra_at = pen.at
    cra = pen.octets[cra_at]
    frame.cra = _CRAS.get(cra)
    name = frame.cra.name.lower() if frame.cra is not None else "unknown"
    pen.take(1, f"{path}.cra_flag", "cra-flag", RULES["identity"], f"{cra:02X} {name}")
    if frame.cra is None:
        reason, expected = f"{cra:02X} is no CRA Flag", "01, 02 or 03"
        pen.find("cra flag", cra_at, f"{path}.cra_flag", reason, RULES["identity"], expected)
    pen.take(8, f"{path}.originator_counter", "counter", RULES["identity"])
    pen.constant(b"\x08", f"{path}.originator_system_title_length", rule, "8")
    pen.take(8, f"{path}.business_originator_id", "eui-64", RULES["identity"])
    pen.constant(b"\x08", f"{path}.recipient_system_title_length", rule, "8")
    pen.take(8, f"{path}.business_target_id", "eui-64", RULES["identity"])
    _date_time(pen, frame)
    _other_information(pen, frame)
    if frame.cra is None:
        _wrong_cra(pen, frame, cra_at)
    _content(pen, frame)


def _date_time(pen: Pen, frame: Frame) -> None:
    rule, path = RULES["header-date-time"], "header.date_time"
    at = pen.at
    given = length = pen.number(1, path, "length", rule)
    if given not in (0, 12) or not _rest_fits(pen.octets, pen.at + given, pen.end, frame.maced):
        fitting = [size for size in (0, 12) if _rest_fits(pen.octets, pen.at + size, pen.end, frame.maced)]
        length = fitting[0] if len(fitting) == 1 else given
    if length not in (0, 12):
        pen.stop("length", path, f"a date-time of {length} octets", rule, "00 or 0C", at)
    if given != length:
        pen.find("length", at, path, f"a date-time of {given} octets", rule, f"{length:02X}")
    if length:
        if pen.left < length:
            pen.stop("cut short", path, "cut short", rule)
        text = f"{given}: {date_time_text(pen.octets[pen.at : pen.at + length])}"
        pen.spans[-1] = pen.spans[-1]._replace(value=text)
        pen.parts(DATE_TIME, path, rule, {})


def _other_information(pen: Pen, frame: Frame) -> None:
    rule, path = RULES["other-information"], "header.other_information"
    at = pen.at
    given = length = pen.length(path)
    form = given in _FORMS or given > _FORMS[-1]
    frame.code = int.from_bytes(pen.octets[pen.at : pen.at + 2], "big")
    consistent = form and _content_fits(pen.octets, pen.at + given, pen.end, frame.maced)
    if not consistent and not (form and _content_can_be_read(pen, frame, pen.at + given)):
        fitting = [
            n
            for n in _FORMS
            if _content_fits(pen.octets, pen.at + n, pen.end, frame.maced)
            and _content_can_be_read(pen, frame, pen.at + n)
        ]
        length = fitting[0] if len(fitting) == 1 else given
    end = pen.at + length
    if end > pen.end:
        pen.stop("length", path, "runs past the end of the message", rule, None, pen.at)
    if given != length or not form:
        expected = f"{length:02X}" if given != length else "02, 0A, 12, 1A or more"
        pen.find("length", at, path, f"{given} octets is not the length of it", rule, expected)
    with pen.part(end):
        frame.code = pen.number(2, "header.message_code", "message-code", rule)
        supplementary = "header.supplementary"
        if length >= 10:
            pen.take(8, f"{supplementary}.remote_party_id", "eui-64", rule)
        if length >= 18:
            pen.take(8, f"{supplementary}.remote_party_counter", "counter", rule)
        if length == 26:
            pen.take(8, f"{supplementary}.originator_counter", "counter", rule)
        elif length > 26:
            value = asn1.certificate_text(pen.octets[pen.at : pen.end])
            pen.take(pen.left, f"{supplementary}.certificate", "certificate", RULES["certificate"], value)
        pen.rest(path, rule)


def _wrong_cra(pen: Pen, frame: Frame, at: int) -> None:
    """Say what the CRA Flag should be, where the payload or the use case tells."""
    first = pen.octets[pen.at + 1 : pen.at + 2]
    told = _APDUS.get(first[0]) if first else None
    found = by_code(frame.code)
    if told is None and found is not None and found.kinds == (Kind.ALERT,):
        told = Cra.ALERT
    frame.cra = told
    for index, finding in enumerate(pen.findings):
        if told is not None and finding.offset == at and finding.check == "cra flag":
            pen.findings[index] = finding._replace(expected=f"{int(told):02X}")


def _content(pen: Pen, frame: Frame) -> None:
    """The payload. Where its length cannot be right, the one that leaves a sound tail is taken."""
    at = pen.at
    length = pen.length("payload")
    start, right = pen.at, length
    if not _tail_fits(pen.octets, start + length, pen.end, frame.maced):
        right = _right_length(pen, frame, start, length)
        if right != length:
            rest = pen.end - start
            reason = "runs past the end of the message" if length > rest else "what follows is no signature"
            expected = length_octets(right).hex().upper()
            pen.find("content length", at, "payload", f"{length} octets: {reason}", RULES["length"], expected)
        elif start + length > pen.end:
            pen.stop("content length", "payload", "runs past the end of the message", RULES["length"])
    frame.payload = (start, start + right)
    # the tail is needed to know the kind
    tail = pen.octets[start + right : start + right + 1]
    frame.signed = tail == bytes((SIGNATURE_LENGTH,))
    if family(frame.code, pen.octets[start : start + right]) is not Payload.DLMS:
        _check_cra(pen, frame)
    frame.sound = pen.guarded(start + right, "payload", _reader(pen, frame))


def _check_cra(pen: Pen, frame: Frame) -> None:
    """Whether the payload is one of another kind of message of the use case than the flag says."""
    given, found, (start, end) = frame.cra, by_code(frame.code), frame.payload
    if found is None or (given is not None and _readable(pen, frame, start, end)):
        return
    for kind in found.kinds:
        frame.cra = _KINDS[kind]
        if frame.cra is given or not _readable(pen, frame, start, end):
            continue
        if zcl.belongs(pen.octets[start:end], frame.code, frame.cra):
            path, expected = "header.cra_flag", f"{int(frame.cra):02X}"
            at = next(span.start for span in pen.spans if span.path == path)
            reason = f"the payload is that of a {kind.value}"
            pen.findings = [f for f in pen.findings if (f.check, f.offset) != ("cra flag", at)]
            pen.find("cra flag", at, path, reason, RULES["identity"], expected)
            return
    frame.cra = given


def _tail_fits(octets: bytes, at: int, end: int, maced: bool) -> bool:
    """Whether a signature length, and a signature, stand there and nothing else."""
    left = end - at
    if left <= 0:
        return left == 0 and not maced
    if octets[at] == 0:
        return left == 1
    return octets[at] == SIGNATURE_LENGTH and left == 1 + SIGNATURE_LENGTH


def _content_fits(octets: bytes, at: int, end: int, maced: bool) -> bool:
    """Whether a content length stands there that leaves a sound tail."""
    try:
        length, start, _ = read_length(octets[:end], at)
    except ParseError:
        return False
    return _tail_fits(octets, start + length, end, maced)


def _rest_fits(octets: bytes, at: int, end: int, maced: bool) -> bool:
    """Whether other-information and content stand there and leave a sound tail."""
    try:
        length, start, _ = read_length(octets[:end], at)
    except ParseError:
        return False
    return length >= _FORMS[0] and _content_fits(octets, start + length, end, maced)


def _header_fits(octets: bytes, at: int, end: int) -> bool:
    """Whether the Grouping Header there and its content end before a MAC."""
    if end - at < _FIXED_PART:
        return False
    size = octets[at + _FIXED_PART - 1]
    return _rest_fits(octets, at + _FIXED_PART + (size if size in (0, 12) else 0), end, True)


def _content_can_be_read(pen: Pen, frame: Frame, at: int) -> bool:
    """Whether a content stands there that can be read, although its length may be another."""
    try:
        length, start, _ = read_length(pen.octets[: pen.end], at)
    except ParseError:
        return False
    sizes = {length, *(pen.end - start - tail for tail in (0, 1, 1 + SIGNATURE_LENGTH))}
    return any(0 <= n <= pen.end - start and _readable(pen, frame, start, start + n) for n in sizes)


def _right_length(pen: Pen, frame: Frame, start: int, length: int) -> int:
    """The length of a payload that can be read and leaves a sound tail; the given one where none does."""
    sizes = [0] if not frame.maced else []
    candidates = [pen.end - start - tail for tail in (1 + SIGNATURE_LENGTH, 1, *sizes)]
    if 0 <= length <= pen.end - start and _readable(pen, frame, start, start + length):
        return length  # the length is right and the tail is not
    for size in candidates:
        fits = size >= 0 and _tail_fits(pen.octets, start + size, pen.end, frame.maced)
        if fits and _readable(pen, frame, start, start + size):
            return size
    return length


def _readable(pen: Pen, frame: Frame, start: int, end: int) -> bool:
    """Whether the octets between are a payload of their Message Code."""
    trial = Pen(pen.octets, strict=True)
    trial.at = start
    return trial.guarded(end, "payload", _reader(trial, frame))


def _reader(pen: Pen, frame: Frame) -> Callable[[], None]:
    def read() -> None:
        octets = pen.octets[pen.at : pen.end]
        kind = family(frame.code, octets)
        if kind is Payload.DLMS:
            dlms.walk(pen, frame.code, frame.cra)
        elif kind is Payload.GBZ:
            zcl.walk(pen, frame.code, frame.cra)
        else:
            asn1.walk(pen, frame.code, frame.kind)

    return read


def _tail(pen: Pen, frame: Frame) -> None:
    rule = RULES["signature"]
    if pen.left <= 0:
        if frame.maced:
            reason = "the signature length is missing"
            pen.stop("signature length", "signature", reason, rule, "00 or 40")
        return
    at = pen.at
    length = pen.octets[at]
    if length == 0 and pen.left == 1 + SIGNATURE_LENGTH:
        reason = f"no signature, but {SIGNATURE_LENGTH} octets follow"
        pen.find("signature length", at, "signature", reason, rule, "40")
        length = SIGNATURE_LENGTH
    elif length not in (0, SIGNATURE_LENGTH):
        right = {1: "00", 1 + SIGNATURE_LENGTH: "40"}.get(pen.left, "00 or 40")
        reason = f"a signature of {length} octets"
        if right == "00 or 40":
            pen.stop("signature length", "signature", reason, rule, right)
        pen.find("signature length", at, "signature", reason, rule, right)
        length = int(right, 16)
    pen.take(1, "signature", "length", rule, str(length))
    frame.signed = bool(length)
    if length > pen.left:
        pen.stop("cut short", "signature", "the signature is cut short", rule, None, pen.end)
    pen.take(length, "signature", "signature", rule)
    if pen.left:
        reason = f"{pen.left} octets left over"
        pen.find("left over", pen.at, "message", reason, RULES["envelope"], "nothing")
        pen.rest("message", RULES["envelope"])


def explain_octets(octets: bytes, unseal: Unseal | None) -> tuple[Pen, Frame]:
    """The spans and the findings of the walk."""
    pen, frame = Pen(octets, unseal), Frame()
    pen.guarded(len(octets), "message", lambda: walk(pen, frame))
    return pen, frame


def use_case_of(frame: Frame) -> UseCase | None:
    """The row of the Message Code."""
    return by_code(frame.code)
