"""The two envelopes of a GBCS message, octets to fields and back.

Form A  Grouping Header, payload                               pre-command
Form B  Grouping Header, payload, signature length, signature
Form C  MAC Header, Grouping Header, payload, signature length, signature, MAC

Source: GBCS 7.2 (general-ciphering and general-signing of the DLMS Green Book). A
message is parsed once; signature and MAC are taken over slices of its octets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields

from .errors import BuildError, ParseError
from .ids import Cra, EntityId, Kind
from .layout import Layout, const, const8, octets, u8, u16, u64
from .lengths import length_octets, read_length

TAG_GENERAL_CIPHERING = 0xDD
TAG_GENERAL_SIGNING = 0xDF
MAC_LENGTH = 12
SIGNATURE_LENGTH = 64
MAX_MESSAGE = 262_144  # ours: above a whole profile data log, 19,056 entries of 8 octets

MAC_HEADER = Layout("mac header", const("empty fields", bytes.fromhex("DD000000000000")))
MAC_SECURITY = Layout("mac header", const8("security control", 0x11), const("invocation counter", bytes(4)))
GROUPING_HEADER = Layout(
    "grouping header",
    const8("general-signing", TAG_GENERAL_SIGNING),
    const8("transaction-id length", 9),
    u8("cra flag"),
    u64("originator counter"),
    const8("originator-system-title length", 8),
    octets("business originator id", 8),
    const8("recipient-system-title length", 8),
    octets("business target id", 8),
    u8("date-time length"),
)
_CODE = Layout("other-information", u16("message code"))
_PARTY = Layout("other-information", u16("message code"), octets("supplementary remote party id", 8))
_PARTY_COUNTER = Layout(
    "other-information",
    u16("message code"),
    octets("supplementary remote party id", 8),
    u64("supplementary remote party counter"),
)
_AAD_START = bytes.fromhex("110000000000")
_MAC_START, _MAC_SECURITY = MAC_HEADER.pack(), MAC_SECURITY.pack()
_SIGNATURE_LENGTH_OCTET = bytes((SIGNATURE_LENGTH,))
_CRAS = {int(cra): cra for cra in Cra}


@dataclass(frozen=True, slots=True)
class OtherInformation:
    """other-information: the Message Code and the supplementary fields (GBCS 7.2.7).

    Legal combinations: code; code and party; code, party and its counter; the same with
    the device's Supplementary Originator Counter or with the party's key agreement
    certificate (DER).
    """

    code: int
    party: EntityId | None = None
    party_counter: int | None = None
    originator_counter: int | None = None
    certificate: bytes | None = None

    def octets(self) -> bytes:
        """The octets without their length. Raises BuildError for a mix GBCS does not have."""
        if self.party is None:
            rest = (self.party_counter, self.originator_counter, self.certificate)
            if rest != (None, None, None):
                raise BuildError("needs the supplementary remote party", "supplementary")
            return _CODE.pack(self.code)
        if self.party_counter is None:
            if (self.originator_counter, self.certificate) != (None, None):
                raise BuildError("needs the supplementary counter", "supplementary")
            return _PARTY.pack(self.code, self.party)
        head = _PARTY_COUNTER.pack(self.code, self.party, self.party_counter)
        if self.originator_counter is not None:
            if self.certificate is not None:
                raise BuildError("an originator counter or a certificate, not both", "supplementary")
            return head + self.originator_counter.to_bytes(8, "big")
        if self.certificate is not None:
            if len(self.certificate) <= 8:
                raise BuildError("too short for a certificate", "supplementary.certificate")
            return head + self.certificate
        return head

    @classmethod
    def parse(cls, buffer: bytes, start: int, end: int) -> OtherInformation:
        """Read the octets of a message between two offsets. Raises ParseError."""
        size = end - start
        if size == 2:
            return cls(buffer[start] << 8 | buffer[start + 1])
        if size == 10:
            code, party = _PARTY.unpack(buffer, start)
            return cls(code, EntityId(party))
        if size == 18 or size >= 26:
            code, party, counter = _PARTY_COUNTER.unpack(buffer, start)
            rest = buffer[start + 18 : end]
            if size == 18:
                return cls(code, EntityId(party), counter)
            if size == 26:
                return cls(code, EntityId(party), counter, int.from_bytes(rest, "big"))
            return cls(code, EntityId(party), counter, None, rest)
        raise ParseError(f"{size} octets is no form of it", start, "other-information")


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its fields, and the octets they came from or were built into.

    `signature` and `mac` are None where absent. `has_signature_length` is False only
    for form A. `length_forms` holds (name, octets) of lengths that are longer than they
    need be. Offsets are from the start of `octets`.
    """

    cra: Cra
    counter: int
    originator: EntityId
    recipient: EntityId
    other: OtherInformation
    payload: bytes
    date_time: bytes | None = None
    mac_header: bool = False
    has_signature_length: bool = False
    signature: bytes | None = None
    mac: bytes | None = None
    length_forms: tuple[tuple[str, int], ...] = ()
    octets: bytes = field(default=b"", repr=False, compare=False)
    header_offset: int = field(default=0, repr=False, compare=False)
    payload_offset: int = field(default=0, repr=False, compare=False)
    # The Grouping Header as it was built; `replace` does not copy it, so it is never out of date.
    _built_head: bytes = field(default=b"", init=False, repr=False, compare=False)

    @property
    def code(self) -> int:
        """The Message Code."""
        return self.other.code

    @property
    def kind(self) -> Kind:
        """Pre-command, command, response or alert."""
        if self.cra is Cra.COMMAND:
            bare = self.signature is None and not self.mac_header
            return Kind.PRECOMMAND if bare else Kind.COMMAND
        return Kind.RESPONSE if self.cra is Cra.RESPONSE else Kind.ALERT

    @property
    def identity(self) -> tuple[EntityId, EntityId, Cra, int]:
        """What makes a message unique (GBCS 7.2.7)."""
        return self.originator, self.recipient, self.cra, self.counter

    @property
    def signed_octets(self) -> bytes:
        """What a signature covers: the Grouping Header after its tag, and the payload."""
        return self.octets[self.header_offset + 1 : self.payload_offset + len(self.payload)]

    @property
    def maced_octets(self) -> bytes:
        """The additional authenticated data of the message MAC."""
        end = len(self.octets) - MAC_LENGTH if self.mac_header else len(self.octets)
        return _AAD_START + self.octets[self.header_offset : end]

    def encoded(self) -> Message:
        """The same message with `octets` built from the fields. Raises BuildError."""
        return _assemble(self, self._head(), self.signature, self.mac_header, self.mac)

    def signed(self, sign: Callable[[bytes], bytes]) -> Message:
        """The message with the signature that `sign` makes of the octets it covers. Raises BuildError."""
        head = self._head()
        return _assemble(self, head, sign(head[1:] + self.payload), self.mac_header, self.mac)

    def maced(self, mac: Callable[[bytes], bytes]) -> Message:
        """The message in the MAC Header, with the MAC that `mac` makes of the octets it covers.

        Raises BuildError.
        """
        head = self._head()
        covered = b"".join((_AAD_START, head, self.payload, _tail(self, self.signature, True)))
        return _assemble(self, head, self.signature, True, mac(covered))

    @staticmethod
    def plain(
        cra: Cra,
        counter: int,
        originator: EntityId,
        recipient: EntityId,
        other: OtherInformation,
        payload: bytes,
    ) -> Message:
        """An encoded message without date-time, signature and MAC (form A). Raises BuildError."""
        head = _grouping_header(cra, counter, originator, recipient, other, None, len(payload))
        return _Draft(
            cra,
            counter,
            originator,
            recipient,
            other,
            payload,
            None,
            False,
            False,
            None,
            None,
            (),
            head + payload,
            0,
            len(head),
            head,
        ).finished()

    def _head(self) -> bytes:
        """The Grouping Header, up to and with the length of the payload."""
        return self._built_head or _grouping_header(
            self.cra,
            self.counter,
            self.originator,
            self.recipient,
            self.other,
            self.date_time,
            len(self.payload),
            self.length_forms,
        )


class _Draft:
    """A message while it is made: the slots of Message, but set like those of any object.

    A frozen dataclass sets each field by a call of its own; with sixteen fields that was a
    third of the time of parsing, of signing and of MACing.
    """

    __slots__ = tuple(f.name for f in fields(Message))

    def __init__(
        self,
        cra: Cra,
        counter: int,
        originator: EntityId,
        recipient: EntityId,
        other: OtherInformation,
        payload: bytes,
        date_time: bytes | None,
        mac_header: bool,
        has_signature_length: bool,
        signature: bytes | None,
        mac: bytes | None,
        length_forms: tuple[tuple[str, int], ...],
        octets: bytes,
        header_offset: int,
        payload_offset: int,
        built_head: bytes,
    ) -> None:
        self.cra = cra
        self.counter = counter
        self.originator = originator
        self.recipient = recipient
        self.other = other
        self.payload = payload
        self.date_time = date_time
        self.mac_header = mac_header
        self.has_signature_length = has_signature_length
        self.signature = signature
        self.mac = mac
        self.length_forms = length_forms
        self.octets = octets
        self.header_offset = header_offset
        self.payload_offset = payload_offset
        self._built_head = built_head

    def finished(self) -> Message:
        """The message; the draft is no more."""
        self.__class__ = Message  # type: ignore[assignment]
        return self  # type: ignore[return-value]


def parse_message(buffer: bytes) -> Message:
    """Read one whole message; every octet must belong to it. Raises ParseError."""
    size = len(buffer)
    if size > MAX_MESSAGE:
        raise ParseError(f"longer than {MAX_MESSAGE} octets", MAX_MESSAGE, "message")
    forms: tuple[tuple[str, int], ...] = ()
    offset, end = 0, size
    mac_header = size > 0 and buffer[0] == TAG_GENERAL_CIPHERING
    if mac_header:
        if buffer[1:2] == b"\x09":
            raise ParseError("a General Block Transfer fragment, not a whole message", 1, "mac header")
        MAC_HEADER.unpack(buffer, 0)
        length, offset, form = read_length(buffer, 7, "mac header.ciphered-service length")
        if form:
            forms = (("ciphered_service", form),)
        if length != size - offset:
            raise ParseError(
                f"the length says {length} octets follow, {size - offset} do",
                7,
                "mac header.ciphered-service length",
            )
        MAC_SECURITY.unpack(buffer, offset)
        offset += 5
        end = size - MAC_LENGTH
    header = offset
    cra, counter, originator, recipient, dt_length = GROUPING_HEADER.unpack(buffer, header)
    if cra not in _CRAS:
        raise ParseError(f"{cra:02X} is no CRA Flag", header + 2, "grouping header.cra flag")
    offset += 30
    date_time = None
    if dt_length == 12:
        if offset + 12 > end:
            raise ParseError("cut short", offset, "date-time")
        date_time = buffer[offset : offset + 12]
        offset += 12
    elif dt_length:
        raise ParseError(f"a date-time of {dt_length} octets", offset - 1, "date-time")
    length, offset, form = read_length(buffer, offset, "other-information length")
    if form:
        forms += (("other_information", form),)
    if offset + length > end:
        raise ParseError("runs past the end of the message", offset, "other-information")
    other = OtherInformation.parse(buffer, offset, offset + length)
    length, payload_offset, form = read_length(buffer, offset + length, "content length")
    if form:
        forms += (("content", form),)
    offset = payload_offset + length
    if offset > end:
        raise ParseError("runs past the end of the message", payload_offset, "content")
    signature: bytes | None = None
    has_length = offset < end
    if has_length:
        signature_length = buffer[offset]
        offset += 1
        if signature_length == SIGNATURE_LENGTH:
            signature = buffer[offset : offset + SIGNATURE_LENGTH]
            offset += SIGNATURE_LENGTH
        elif signature_length:
            raise ParseError(f"a signature of {signature_length} octets", offset - 1, "signature length")
    elif mac_header:
        raise ParseError("the signature length is missing", offset, "signature length")
    if offset != end:
        raise ParseError(
            "the signature is cut short" if offset > end else f"{end - offset} octets left over",
            min(offset, end),
            "signature" if offset > end else "message",
        )
    return _Draft(
        _CRAS[cra],
        counter,
        EntityId(originator),
        EntityId(recipient),
        other,
        buffer[payload_offset : payload_offset + length],
        date_time,
        mac_header,
        has_length,
        signature,
        buffer[end:] if mac_header else None,
        forms,
        buffer,
        header,
        payload_offset,
        b"",
    ).finished()


def _grouping_header(
    cra: Cra,
    counter: int,
    originator: EntityId,
    recipient: EntityId,
    other: OtherInformation,
    date_time: bytes | None,
    content: int,
    length_forms: tuple[tuple[str, int], ...] = (),
) -> bytes:
    """A Grouping Header up to and with the length of its content."""
    if date_time is None:
        date_time = b""
    elif len(date_time) != 12:
        raise BuildError("12 octets needed", "date_time")
    about = other.octets()
    forms = dict(length_forms)
    return b"".join(
        (
            GROUPING_HEADER.pack(cra, counter, originator, recipient, len(date_time)),
            date_time,
            length_octets(len(about), forms.get("other_information", 0), "length_forms.other_information"),
            about,
            length_octets(content, forms.get("content", 0), "length_forms.content"),
        )
    )


def _tail(message: Message, signature: bytes | None, mac_header: bool) -> bytes:
    """What follows the payload before the MAC: nothing, a length of zero, or the signature."""
    if signature is None:
        return b"\x00" if message.has_signature_length or mac_header else b""
    if len(signature) != SIGNATURE_LENGTH:
        raise BuildError(f"{SIGNATURE_LENGTH} octets needed", "signature")
    return _SIGNATURE_LENGTH_OCTET + signature


def _assemble(
    message: Message, head: bytes, signature: bytes | None, mac_header: bool, mac: bytes | None
) -> Message:
    """The message around its Grouping Header, with this protection."""
    tail = _tail(message, signature, mac_header)
    start = b""
    if mac_header:
        mac = bytes(MAC_LENGTH) if mac is None else mac
        if len(mac) != MAC_LENGTH:
            raise BuildError(f"{MAC_LENGTH} octets needed", "mac")
        length = MAC_SECURITY.size + len(head) + len(message.payload) + len(tail) + MAC_LENGTH
        form = dict(message.length_forms).get("ciphered_service", 0) if message.length_forms else 0
        start = _MAC_START + length_octets(length, form, "length_forms.ciphered_service") + _MAC_SECURITY
    elif mac is not None:
        raise BuildError("a MAC needs the MAC header", "mac")
    return _Draft(
        message.cra,
        message.counter,
        message.originator,
        message.recipient,
        message.other,
        message.payload,
        message.date_time,
        mac_header,
        bool(tail),
        signature,
        mac,
        message.length_forms,
        b"".join((start, head, message.payload, tail, mac or b"")),
        len(start),
        len(start) + len(head),
        head,
    ).finished()
