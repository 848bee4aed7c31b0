"""Sealing the content of a response or alert, as the device does that sends it.

One key serves one message, and every protected value of the message: there the key and the IV
are the same (reference: gbcs-crypto 8). Source: GBCS 5.5 (reference: gbcs-messages 2.4, 5.3, 6.4 and
7.1; gbcs-crypto 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..dlms.axdr import Data, data_octets, structure
from ..dlms.protection import (
    answer_parameters,
    protected_elements,
    protected_value,
)
from ..errors import BuildError
from ..ids import Cra, EntityId
from ..message import Message, OtherInformation
from ..zcl.gbz import Alert, Component, Components
from ..zcl.protection import seal_components, sealed_component, sealed_kinds
from .encryption import ContentKey, seal, unseal


def answer_information(command: Message, own_counter: int | None = None) -> OtherInformation:
    """other-information of the response to a command.

    The supplementary fields are copied, the certificate is not. `own_counter` is the device's
    Supplementary Originator Counter, which makes the 26-octet form. Raises BuildError where the command
    has no supplementary party for it.
    """
    other = command.other
    if own_counter is not None and other.party_counter is None:
        raise BuildError("needs a command on behalf of another party", "supplementary")
    return OtherInformation(other.code, other.party, other.party_counter, own_counter)


def takes_own_counter(command: Message, setting: bool = True) -> bool:
    """Whether encrypted content is answered in the 26-octet form: for a reader whose certificate came.

    `setting` False chooses the 18-octet form. Gap: both occur (gbcs-messages 2.4, gbcs-crypto 8.3).
    """
    return setting and command.other.certificate is not None


def answer_key(command: Message, own_counter: int | None = None) -> ContentKey:
    """Whose key protects the content of the response to a command."""
    return ContentKey.of(answer_draft(command, own_counter))


def answer_draft(command: Message, own_counter: int | None = None) -> Message:
    """The response to a command before its payload: header and other-information (form A).

    Raises BuildError for something else than a command.
    """
    if command.cra is not Cra.COMMAND:
        raise BuildError(f"a {command.kind.value} is not answered", "message")
    other = answer_information(command, own_counter)
    return Message.plain(Cra.RESPONSE, command.counter, command.recipient, command.originator, other, b"")


def alert_draft(originator: EntityId, recipient: EntityId, counter: int, other: OtherInformation) -> Message:
    """An alert of a device before its payload (form A)."""
    return Message.plain(Cra.ALERT, counter, originator, recipient, other, b"")


@dataclass(frozen=True, slots=True)
class ContentSealer:
    """Seals what goes into one response or alert. `draft` is its header; the payload is not looked at."""

    draft: Message = field(repr=False)
    content: ContentKey
    _key: bytes = field(repr=False)

    @classmethod
    def of(cls, draft: Message, secret: bytes) -> ContentSealer:
        """From the header of what is sent, and the secret the device shares with the reader.

        The reader is the supplementary remote party, if there is one, else the recipient; never
        the broker on behalf of somebody. Raises BuildError for a command, in which nothing is sealed.
        """
        if draft.cra is Cra.COMMAND:
            raise BuildError("nothing is encrypted in a command", "message")
        content = ContentKey.of(draft)
        return cls(draft, content, content.derive(secret))

    def seal(self, plaintext: bytes) -> bytes:
        """The protected value of a plaintext."""
        return seal(plaintext, self._key, self.content.originator)

    def unseal(self, octets: bytes) -> bytes:
        """The plaintext of a protected value of this message. Raises ParseError or SecurityError."""
        return unseal(octets, self._key, self.content.originator)

    def dlms_value(self, values: Sequence[Data]) -> Data:
        """The datum that answers a protected read: parameters, and the sealed structure of the values."""
        return protected_value(answer_parameters(self.draft), self._sealed(values))

    def dlms_elements(self, values: Sequence[Data]) -> tuple[Data, Data]:
        """The same as the two elements of an alert's body (ECS68)."""
        return protected_elements(answer_parameters(self.draft), self._sealed(values))

    def gbz_response(self, components: Sequence[Component]) -> Components:
        """The components of a response, encrypted where its Message Code has them so. Raises BuildError."""
        return Components(seal_components(components, sealed_kinds(self.draft.code), self.seal))

    def gbz_alert(self, code: int, seconds: int, component: Component) -> Alert:
        """The payload of an alert with one encrypted component (GCS53). Raises BuildError."""
        return Alert(code, seconds, sealed_component(component, 0, self.seal))

    def _sealed(self, values: Sequence[Data]) -> bytes:
        return self.seal(data_octets(structure(*values)))
