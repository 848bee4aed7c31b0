"""Executes DLMS commands from the tables: read, set, invoke, item by item, until one fails.

Reading and setting data items needs nothing but the object table; behaviours add computed
reads, reactions to writes, and methods. The first failing item answers with its code, every
later one with other-reason and nothing done (reference: dlms-payloads 3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gbcs.dlms.activation import Activation, activation
from gbcs.dlms.apdu import AccessRequest, AccessResponse, Choice, RequestItem, ResponseItem, parse_apdu
from gbcs.dlms.axdr import NULL, Data, data_octets, octet_string, structure
from gbcs.dlms.objects import READ_WRITE_DENIED, MemberKind, ObjectModel
from gbcs.dlms.objects import Member as CosemMember
from gbcs.dlms.protection import answer_parameters, protected_value
from gbcs.dlms.protection_rows import ProtectedRead, protected_read
from gbcs.dlms.selective import Range, read_selection
from gbcs.dlms.templates import match, templates
from gbcs.dlms.types import TypeMismatch
from gbcs.errors import BuildError, Check, SecurityError
from gbcs.message import Message
from gbcs.security.content import answer_draft
from gbcs.time import Utc
from gbcs.usecases import UseCase

from .arrival import Arrival
from .fault import armed_fault
from .profile import OTHER_REASON, Hooks, Refusal
from .protection import read_request
from .values import Value
from .work import Work

HARDWARE_FAULT = 1
TYPE_UNMATCHED = 12
END_OF_TIME = 0xFFFF_FFFF

Activate = Callable[[Work, Activation, Value, Message, UseCase], None]
Acceptable = Callable[[str, Value], bool]


class Served(NamedTuple):
    """A conforming command: its request and, for each item, the only parameter it may have."""

    request: AccessRequest
    fixed: tuple[int | None, ...]


class DlmsServer:
    """The DLMS side of a device: object model, and what its behaviours bind to it.

    `acceptable` says whether a value is in the range of its data item; `activate`
    is told when an activation time is written.
    """

    def __init__(
        self,
        model: ObjectModel,
        hooks: Hooks,
        acceptable: Acceptable,
        activate: Activate,
        twin: bool = False,
        withheld: frozenset[int] = frozenset(),
    ) -> None:
        self.model = model
        self._twin = twin
        self._acceptable = acceptable
        self._activate = activate
        self._withheld = withheld
        self._hooks = hooks
        self._supported: dict[int, bool] = {}

    # -- the payload server contract --------------------------------------------------

    def supports(self, use_case: UseCase) -> bool:
        """Whether there is a template, and every method in it is one this device carries out."""
        code = use_case.code
        if code is None or code in self._withheld:
            return False
        known = self._supported.get(code)
        if known is None:
            known = self._supported[code] = any(
                all(self._can_invoke(c.choice, c.class_id, c.ln, c.member) for c in template.components)
                for template in templates(code)
            )
        return known

    def conform(self, arrival: Arrival) -> Served:
        """The request, if its items follow the use case's template. Raises ParseError or SecurityError."""
        request = parse_apdu(arrival.message.payload)
        if not isinstance(request, AccessRequest):
            raise SecurityError(Check.TEMPLATE, "the payload is no access-request")
        components = [item[:4] for item in request.items]
        template = match(arrival.message.code, components)
        if template is None:
            name = arrival.known_use_case.name
            raise SecurityError(Check.TEMPLATE, f"the items are not those of {name}, in its order")
        positions = template.positions(components) or ()
        return Served(request, tuple(template.fixed_at(p) for p in positions))

    def execute(self, work: Work, arrival: Arrival) -> bytes:
        """Carry out a conforming command; the octets of the access-response."""
        served: Served = arrival.request
        fault = armed_fault(work)
        answers: list[ResponseItem] = []
        failed = False
        for index, item in enumerate(served.request.items):
            choice = Choice.GET if item.choice == Choice.GET_WITH_SELECTION else item.choice
            if failed:
                answers.append(ResponseItem(choice, OTHER_REASON, NULL))
                continue
            try:
                if fault is not None and fault[0] == index:
                    raise Refusal(fault[1])
                with work.all_or_nothing():
                    data = self._item(work, arrival, item, served.fixed[index])
                answers.append(ResponseItem(choice, 0, data))
            except Refusal as refusal:
                answers.append(ResponseItem(choice, refusal.code, NULL))
                failed = True
                if refusal.remains is not None:
                    refusal.remains(work)
        return AccessResponse(served.request.invoke_id, tuple(answers)).octets()

    # -- items ------------------------------------------------------------------------

    def read(self, work: Work, member: CosemMember, within: Range | None = None) -> Value:
        """The value of an attribute, of a buffer only the entries within a range."""
        if member.entries:
            return self._buffer(work, member, within)
        if member.constant is not None:
            return member.constant
        return self._hooks.read(work, member.item)

    def _item(self, work: Work, arrival: Arrival, item: RequestItem, fixed: int | None) -> Data:
        found = self.model.find(item.choice, item.class_id, item.logical_name, item.member)
        if isinstance(found, int):
            raise Refusal(found)
        try:
            if item.choice == Choice.GET:
                return self._encode(found, self.read(work, found))
            if item.choice == Choice.GET_WITH_SELECTION:
                within = read_selection(item.selector, item.selection)
                return self._encode(found, self.read(work, found, within))
            protected = protected_read(found.logical_name) if item.choice == Choice.ACTION else None
            if protected is not None:
                return self._protected(work, arrival, item.data, protected)
            value = found.wire(self._twin).decode(item.data)
            if fixed is not None and value != fixed:
                raise Refusal(OTHER_REASON, f"only {fixed} is allowed here")
            if item.choice == Choice.SET:
                self._set(work, arrival, found, value)
                return NULL
            method, command = self._hooks.methods.get(found.item), self._hooks.commands.get(found.item)
            if command is not None:
                result = command(work, value, arrival)
            elif method is not None:
                result = method(work, value)
            else:
                raise Refusal(READ_WRITE_DENIED, f"{found.item} is not carried out here")
            if found.result_type in ("", "null"):
                return NULL
            return found.result_wire().encode(result)
        except TypeMismatch as mismatch:
            raise Refusal(TYPE_UNMATCHED, str(mismatch)) from None

    def _set(self, work: Work, arrival: Arrival, member: CosemMember, value: Value) -> None:
        if not self._acceptable(member.item, value):
            raise Refusal(OTHER_REASON, f"{member.item} may not be that")
        self._hooks.write(work, member.item, value)
        row = activation(member)
        if row is not None and row.dated:
            self._activate(work, row, value, arrival.message, arrival.known_use_case)

    def _encode(self, member: CosemMember, value: Value) -> Data:
        try:
            return member.wire(self._twin).encode(value)
        except BuildError as error:
            raise Refusal(HARDWARE_FAULT, str(error)) from None

    def _buffer(self, work: Work, member: CosemMember, within: Range | None) -> Value:
        wanted = within or Range(0, END_OF_TIME)
        return tuple(entry for entry in work.log_entries(member.item) if entry and entry[0] in wanted)

    def _can_invoke(self, choice: int, class_id: int, ln: bytes, number: int) -> bool:
        if choice != Choice.ACTION:
            return True
        member = self.model.member(class_id, ln, MemberKind.METHOD, number)
        if member is None:
            return True  # answered with object-undefined, as for any object the device lacks
        hooks = self._hooks
        carried_out = member.item in hooks.methods or member.item in hooks.commands
        return carried_out or protected_read(ln) is not None

    # -- protected reads --------------------------------------------------------------

    def _protected(self, work: Work, arrival: Arrival, data: Data, row: ProtectedRead) -> Data:
        message = arrival.message
        within = read_request(data, row, message)
        values = []
        for member in row.contents:
            held = self.model.member(member.class_id, member.logical_name, member.kind, member.number)
            if held is None:
                raise Refusal(OTHER_REASON)
            values.append(self._encode(held, self.read(work, held, within)))
        plaintext = data_octets(structure(*values))
        sealed = arrival.seal(plaintext, work.settings.supplementary_originator_counter)
        if sealed is None:
            raise Refusal(OTHER_REASON, "the reader's key agreement key is not known")
        return protected_value(answer_parameters(answer_draft(message)), sealed)


def alert_payload(counter: int, code: int, time: Utc, content: tuple[Any, ...]) -> bytes:
    """The data-notification of an alert: code, time, content (reference: dlms-payloads 8).

    Content is octets, which become an octet-string, or Data nodes.
    """
    from gbcs.dlms.apdu import DataNotification, invoke_id
    from gbcs.dlms.axdr import Tag, number

    nodes = [c if isinstance(c, Data) else octet_string(c) for c in content]
    body = structure(number(Tag.LONG_UNSIGNED, code), octet_string(time.to_cosem()), *nodes)
    return DataNotification(invoke_id(counter), body).octets()
