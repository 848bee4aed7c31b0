"""What a remote party does: build commands, sign them, MAC them as the broker, check the answers.

Source: GBCS cryptographic protection I and II (reference: gbcs-messages 4, 5 and 11.2). A
party holds a key store; it never needs a device's private key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .dlms.apdu import AccessRequest, Choice, RequestItem, invoke_id
from .dlms.axdr import NULL, Data
from .dlms.objects import MemberKind, member
from .dlms.selective import SELECTOR, Range, selection
from .dlms.templates import Template, templates
from .dlms.types import Value
from .errors import BuildError, Check, KeyUnavailable, SecurityError
from .ids import Cra, EntityId, KeyUsage
from .message import Message, OtherInformation, parse_message
from .security.encryption import ContentKey, unseal
from .security.keys import SharedSecrets
from .security.mac import check_mac, with_mac
from .security.signature import check_signature, with_signature
from .security.store import Credential, KeyStore
from .usecases import UseCase


@dataclass(frozen=True, slots=True)
class Supplementary:
    """For whom the broker asks: party, its counter, and its certificate where content is encrypted."""

    party: EntityId
    counter: int
    certificate: bytes | None = None


class RemoteParty:
    """A supplier, network operator or other party with keys in a store."""

    __slots__ = ("_secrets", "_store", "entity")

    def __init__(self, entity: EntityId, store: KeyStore) -> None:
        self.entity = entity
        self._store = store
        self._secrets = SharedSecrets(store)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.entity})"

    def precommand(
        self,
        use_case: UseCase,
        device: EntityId,
        counter: int,
        payload: bytes,
        supplementary: Supplementary | None = None,
    ) -> Message:
        """A command without signature and MAC (form A). Raises BuildError."""
        if use_case.code is None:
            raise BuildError(f"{use_case.name} has no message", "use_case")
        other = OtherInformation(use_case.code)
        if supplementary is not None:
            other = OtherInformation(
                use_case.code, supplementary.party, supplementary.counter, None, supplementary.certificate
            )
        return Message.plain(Cra.COMMAND, counter, self.entity, device, other, payload)

    def sign(self, message: Message) -> Message:
        """The message with this party's signature (form B). Raises KeyUnavailable."""
        credential = _need(self._store, self.entity, KeyUsage.DIGITAL_SIGNATURE)
        private = self._store.private_key(credential)
        if private is None:
            raise KeyUnavailable(f"no digital signature key of {self.entity}")
        return with_signature(message, private)

    def check_answer(self, command: Message, octets: bytes, use_case: UseCase) -> Message:
        """The response to a command, every octet parsed and its protection checked.

        Raises ParseError or SecurityError (what was checked and why it failed).
        """
        answer = parse_message(octets)
        _check_header(command, answer, use_case)
        self.check_protection(answer, use_case.response_signed, bool(use_case.signed_or_maced))
        return answer

    def check_protection(self, message: Message, signed: bool, either: bool = False) -> None:
        """Check the signature or the MAC of a message from a device. Raises SecurityError."""
        if either:
            signed = not message.mac_header
        if signed:
            if message.mac_header:
                raise SecurityError(Check.MAC, "a signed message carries no MAC")
            signer = _need(self._store, message.originator, KeyUsage.DIGITAL_SIGNATURE)
            check_signature(message, signer.public_key)
            return
        if message.signature is not None:
            raise SecurityError(Check.SIGNATURE, "a MACed message carries no signature")
        check_mac(message, self._secret_with(message.originator))

    def unseal(self, message: Message, octets: bytes) -> bytes:
        """Decrypt protected content of a response or alert. Raises SecurityError."""
        key = ContentKey.of(message)
        own = RemoteParty(key.recipient, self._store) if key.recipient != self.entity else self
        return unseal(octets, key.derive(own._secret_with(key.originator)), key.originator)

    def _secret_with(self, other: EntityId) -> bytes:
        return self._secrets.between(
            _need(self._store, self.entity, KeyUsage.KEY_AGREEMENT),
            _need(self._store, other, KeyUsage.KEY_AGREEMENT),
        )


class AccessControlBroker(RemoteParty):
    """The broker: adds its MAC to commands, and sends commands of its own and for others."""

    __slots__ = ()

    def mac(self, message: Message) -> Message:
        """The command in the MAC Header, with this broker's MAC (form C). Raises KeyUnavailable."""
        return with_mac(message, self._secret_with(message.recipient))


def _need(store: KeyStore, entity: EntityId, usage: KeyUsage) -> Credential:
    credential = store.find(entity, usage)
    if credential is None:
        raise KeyUnavailable(f"no {usage.name.lower().replace('_', ' ')} certificate of {entity}")
    return credential


def _check_header(command: Message, answer: Message, use_case: UseCase) -> None:
    """Raise SecurityError unless the header of an answer belongs to the command."""
    if answer.cra is not Cra.RESPONSE:
        raise SecurityError(Check.FRAMING, f"a response expected, not a {answer.kind.value}")
    if (answer.originator, answer.recipient) != (command.recipient, command.originator):
        raise SecurityError(
            Check.TARGET, f"from {answer.originator} to {answer.recipient}: not the command's parties"
        )
    if answer.counter != command.counter:
        raise SecurityError(
            Check.COUNTER, f"{answer.counter:016X} answers another command than {command.counter:016X}"
        )
    if answer.code != command.code:
        raise SecurityError(Check.MESSAGE_CODE, f"{answer.code:04X} does not answer {command.code:04X}")
    asked, given = command.other, answer.other
    if (asked.party, asked.party_counter) != (given.party, given.party_counter):
        raise SecurityError(Check.FRAMING, "the supplementary fields are not those of the command")
    if use_case.response_has_date_time != (answer.date_time is not None):
        wanted = "needs" if use_case.response_has_date_time else "has no"
        raise SecurityError(Check.FRAMING, f"the response of {use_case.name} {wanted} date-time")


def compose(
    code: int,
    counter: int,
    values: Sequence[Value | Data] = (),
    variant: str = "",
    within: Range | None = None,
) -> bytes:
    """The payload of a DLMS command from its template.

    `values` are those of the set and action items in order; where a method's or an
    attribute's datum is fixed or nothing but zero, it may be left out by giving none at
    all. `within` restricts selective reads. Raises BuildError.
    """
    template = _template(code, variant)
    given = iter(values)
    items: list[RequestItem] = []
    for position, component in enumerate(template.components):
        path = f"items[{position}]"
        if component.choice == Choice.GET:
            items.append(RequestItem(*component, NULL))
        elif component.choice == Choice.GET_WITH_SELECTION:
            chosen = selection(within or Range(0, 0xFFFF_FFFF))
            items.append(RequestItem(*component, NULL, SELECTOR, chosen))
        else:
            kind = MemberKind.METHOD if component.choice == Choice.ACTION else MemberKind.ATTRIBUTE
            row = member(component.class_id, component.ln, kind, component.member)
            if row is None:
                raise BuildError("no such member", path)
            fixed = template.fixed_at(position)
            known = row.constant if fixed is None else fixed
            value = next(given, _MISSING) if known is None else known
            if value is _MISSING:
                raise BuildError(f"a value for {row.item} is missing", path)
            data = value if isinstance(value, Data) else row.any_wire().encode(value)  # type: ignore[arg-type]
            items.append(RequestItem(*component, data))
    if next(given, _MISSING) is not _MISSING:
        raise BuildError("more values than items that take one", "values")
    return AccessRequest(invoke_id(counter), tuple(items)).octets()


_MISSING = object()


def _template(code: int, variant: str) -> Template:
    found = [t for t in templates(code) if t.variant == variant or not variant]
    if not found:
        raise BuildError(f"{code:04X} has no DLMS template {variant}".rstrip(), "use_case")
    return found[0]
