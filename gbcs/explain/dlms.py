"""The octets of a DLMS payload, leaf by leaf.

Names and types come from the object table and from the rows of the alerts: each datum is read
along the wire type of its member.
"""

from __future__ import annotations

from functools import cache

from ..dlms import notation as N
from ..dlms import protection_rows
from ..dlms.alert_rows import alert_structure
from ..dlms.apdu import TAG_ACCESS_REQUEST, TAG_ACCESS_RESPONSE, TAG_DATA_NOTIFICATION, Choice, result_name
from ..dlms.axdr import Tag
from ..dlms.objects import Member, MemberKind, member
from ..dlms.templates import Component, templates
from ..dlms.types import Structure, WireType, parse_type
from ..ids import Cra
from .axdr import A_XDR, DataWalk
from .rules import RULES, Rule, class_rule, use_case_rule
from .spans import Pen
from .values import DATE_TIME

_CHOICES = {int(choice): choice.name.lower().replace("_", "-") for choice in Choice}
_APDUS = {
    TAG_ACCESS_REQUEST: "access-request",
    TAG_ACCESS_RESPONSE: "access-response",
    TAG_DATA_NOTIFICATION: "data-notification",
}
_TAGS = {
    Cra.COMMAND: TAG_ACCESS_REQUEST,
    Cra.RESPONSE: TAG_ACCESS_RESPONSE,
    Cra.ALERT: TAG_DATA_NOTIFICATION,
}
# what every alert begins with, also one whose use case is not known
_BODY = parse_type("struct(AlertCode:u16@event,Time:oct(12)@date-time)")


class Walk(DataWalk):
    """One payload: its pen, its Message Code, and what its items are."""

    def __init__(self, pen: Pen, code: int, cra: Cra | None = None) -> None:
        super().__init__(pen)
        self.code = code
        self.cra = cra

    def payload(self) -> None:
        """Read the whole APDU."""
        pen, path = self.pen, "payload"
        tag = pen.peek(path, RULES["apdu"])
        if tag not in _APDUS or not self._meant(tag):
            wanted = None if self.cra is None else _TAGS[self.cra]
            expected = "D9, DA or 0F" if wanted is None else f"{wanted:02X}"
            reason = (
                f"{tag:02X} is no APDU of GBCS" if tag not in _APDUS else f"{tag:02X} does not belong here"
            )
            if wanted is None:
                pen.stop("tag", path, reason, RULES["apdu"], expected)
            pen.find("tag", pen.at, f"{path}.apdu", reason, RULES["apdu"], expected)
            tag = wanted
        pen.take(1, f"{path}.apdu", "tag", RULES["apdu"], _APDUS[tag])
        self._after_tag(tag)

    def _meant(self, tag: int) -> bool:
        """Whether the payload is to be read as its tag says, although the CRA Flag may differ."""
        if self.cra is None or tag == _TAGS[self.cra]:
            return True
        return self._sound(tag) or not self._sound(_TAGS[self.cra])

    def _sound(self, tag: int) -> bool:
        """Whether the payload can be read whole as this APDU."""
        trial = Walk(Pen(self.pen.octets), self.code)
        trial.pen.at = self.pen.at + 1
        return trial.pen.guarded(self.pen.end, "payload", lambda: trial._after_tag(tag))

    def _after_tag(self, tag: int) -> None:
        pen, path = self.pen, "payload"
        pen.take(4, f"{path}.invoke_id", "invoke-id", RULES["invoke-id"])
        at = pen.at
        length = pen.number(1, f"{path}.date_time", "length", RULES["apdu"])
        if length == 12:
            pen.parts(DATE_TIME, f"{path}.date_time", RULES["date-time"], {})
        elif length:
            reason = f"a date-time of {length} octets"
            pen.stop("length", f"{path}.date_time", reason, RULES["apdu"], "00", at)
        if tag == TAG_ACCESS_REQUEST:
            self._request()
        elif tag == TAG_ACCESS_RESPONSE:
            self._response()
        else:
            self._notification()

    def _request(self) -> None:
        pen, rule, table = self.pen, RULES["access-request"], use_case_rule(self.code)
        at = pen.at
        count = pen.length("payload.items", rule, "count")
        if count * 11 > pen.left:
            most = f"{pen.left // 11:02X} at most"
            pen.stop("count", "payload.items", f"{count} items cannot be here", rule, most, at)
        members: list[Member | None] = []
        choices: list[int] = []
        for index in range(count):
            path = f"payload.items[{index}]"
            choice = pen.peek(f"{path}.choice", rule)
            if not 1 <= choice <= 5:
                right = _choice_at(self.code, count, index) or "01 to 05"
                pen.stop("choice", f"{path}.choice", f"{choice:02X} is no choice", rule, right)
            pen.take(1, f"{path}.choice", "choice", rule, _CHOICES[choice])
            class_id = pen.number(2, f"{path}.class_id", "u16", table)
            name = pen.take(6, f"{path}.logical_name", "logical-name", table)
            kind = MemberKind.METHOD if choice == Choice.ACTION else MemberKind.ATTRIBUTE
            octet = pen.peek(f"{path}.member", rule)
            known = member(class_id, name, kind, octet)
            what = f"{octet} {known.name}, {known.item}" if known else f"{octet} (not in the table)"
            pen.take(1, f"{path}.member", kind.value, table, what)
            choices.append(choice)
            members.append(known)
            if choice >= Choice.GET_WITH_SELECTION:
                pen.take(1, f"{path}.selector", "u8", RULES["selective-access"])
                self.rule = RULES["selective-access"]
                wire = parse_type(N.SELECTION) if choice == Choice.GET_WITH_SELECTION else None
                self.data(wire, f"{path}.selection")
        self._same_count(count, "payload.data", rule)
        for index, (choice, known) in enumerate(zip(choices, members, strict=True)):
            self._rule_of(known)
            if choice in (Choice.GET, Choice.GET_WITH_SELECTION):
                wire = parse_type("null")
            else:
                wire = known.any_wire() if known is not None and choice != Choice.SET_WITH_SELECTION else None
            self.data(wire, f"payload.items[{index}].data", 0, known)

    def _response(self) -> None:
        pen, rule = self.pen, RULES["access-response"]
        given = pen.peek("payload.specification", rule)
        if given:
            pen.stop("constant", "payload.specification", "00 expected (no specification)", rule, "00")
        pen.take(1, "payload.specification", "constant", rule, "absent")
        at = pen.at
        count = pen.length("payload.data", rule, "count")
        if count * 3 > pen.left:
            most = f"{pen.left // 3:02X} at most"
            pen.stop("count", "payload.data", f"{count} items cannot be here", rule, most, at)
        answered = _answered(self.code, count)
        for index in range(count):
            choice, known = answered[index] if answered else (0, None)
            self._rule_of(known)
            wire: WireType | None = None
            if choice == Choice.SET:
                wire = parse_type("null")
            elif known is not None and pen.left and pen.octets[pen.at]:  # null where there is nothing to say
                wire = known.result_wire() if choice == Choice.ACTION else known.any_wire()
            self.data(wire, f"payload.items[{index}].data", 0, known)
        self._same_count(count, "payload.results", rule)
        for index in range(count):
            path = f"payload.items[{index}]"
            choice = pen.peek(f"{path}.choice", rule)
            if not 1 <= choice <= 3:
                right = _choice_at(self.code, count, index).replace("04", "01") or "01 to 03"
                pen.stop("choice", f"{path}.choice", f"{choice:02X} is no choice", rule, right)
            pen.take(1, f"{path}.choice", "choice", rule, _CHOICES[choice])
            result = pen.peek(f"{path}.result", rule)
            name = result_name(choice, result) or "no known result"
            pen.take(1, f"{path}.result", "result", rule, f"{result} {name}")

    def _same_count(self, count: int, path: str, rule: Rule) -> None:
        pen, at = self.pen, self.pen.at
        again = pen.length(path, rule, "count")
        if again != count:
            expected = f"{count:02X}" if count < 0x80 else str(count)
            pen.stop("count", path, f"{count} in the one list, {again} in the other", rule, expected, at)

    def _notification(self) -> None:
        pen, path = self.pen, "payload.body"
        self.rule = RULES["alert"]
        wire = alert_structure(self.code)
        if wire is not None or pen.peek(path, RULES["data-notification"]) != Tag.STRUCTURE:
            self.data(wire, path)
            return
        pen.take(1, path, "tag", A_XDR, "structure")
        self.sequence(None, path, 0, _BODY)

    def _rule_of(self, known: Member | None) -> None:
        self.rule = A_XDR if known is None else class_rule(known.class_id, known.name)

    def plaintext(self, inner: Pen) -> None:
        """Read a decrypted value: one structure of the contents of the use case."""
        walk = Walk(inner, self.code)
        walk.rule = RULES["data-protection"]
        walk.data(_contents(self.code), "plaintext")


@cache
def _answered(code: int, count: int) -> tuple[tuple[int, Member | None], ...]:
    """Choice and member of each item: of the templates with so many, where they agree."""
    fitting = [t.components for t in templates(code) if len(t.components) == count]
    columns = [[(c.choice, _member(c)) for c in components] for components in fitting]
    return tuple(column[0] if len(set(column)) == 1 else (0, None) for column in zip(*columns, strict=True))


def _choice_at(code: int, count: int, index: int) -> str:
    """The choice of an item, where the templates of a use case agree on it."""
    answered = _answered(code, count)
    choice = answered[index][0] if index < len(answered) else 0
    return f"{choice:02X}" if choice else ""


def _member(component: Component) -> Member | None:
    kind = MemberKind.METHOD if component.choice == Choice.ACTION else MemberKind.ATTRIBUTE
    return member(component.class_id, component.ln, kind, component.member)


@cache
def _contents(code: int) -> WireType | None:
    """The type of a plaintext: a structure of the contents of the use case."""
    row = next((row for row in protection_rows.table() if row.code == code), None)
    if row is None:
        return None
    return Structure(
        items=tuple(content.any_wire() for content in row.contents),
        names=tuple(content.item.replace(".", "_") for content in row.contents),
    )


def walk(pen: Pen, code: int, cra: Cra | None) -> None:
    """Write the spans of a payload. Raises Broken."""
    Walk(pen, code, cra).payload()
