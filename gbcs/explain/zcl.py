"""The octets of a GBZ payload, leaf by leaf: the headers, then fields by the table of commands."""

from __future__ import annotations

from ..errors import ParseError
from ..ids import Cra
from ..zcl.clusters import (
    CLUSTER_SPECIFIC,
    MANUFACTURER_SPECIFIC,
    NO_DEFAULT_RESPONSE,
    TO_CLIENT,
    Attribute,
    Command,
    attribute,
    cluster_name,
    command,
)
from ..zcl.fieldlist import Field, FieldList, Guard, Repeat
from ..zcl.gbz import ALERT_CONTENTS, DATED, ENCRYPTED, LAST, PROFILE, Components, parse_gbz
from ..zcl.meanings import meaning
from ..zcl.templates import template
from ..zcl.types import ATTRIBUTE_ID, MAX_DEPTH, TYPED, TYPES, UTC, ZclType
from .rules import RULES, Rule, cluster_rule, use_case_rule
from .sealed import sealed
from .spans import Pen
from .values import alert_code_text, string_text, utc_text

_TYPE = RULES["zcl-type"]
_INTEGRITY = RULES["gbz-alert"]
_SEALED_LEAST = 17
_HEADER = 5  # octets of the extended header
MAX_SEARCH = 1024


class Walk:
    """One payload: its pen, its Message Code and what kind of message carries it."""

    def __init__(self, pen: Pen, code: int, cra: Cra | None) -> None:
        self.pen = pen
        self.code = code
        self.cra = cra
        self.rule: Rule = _TYPE  # of the values that are read
        self.cluster = 0
        self._searched = False
        self.attribute: Attribute | None = None

    def payload(self) -> None:
        """Read the whole payload."""
        pen, rule = self.pen, RULES["gbz"]
        if pen.left < 3:
            pen.stop("cut short", "payload", f"3 octets needed, {pen.left} left", rule)
        profile = int.from_bytes(pen.octets[pen.at : pen.at + 2], "big")
        if profile != PROFILE:
            reason = f"{PROFILE:04X} expected, {profile:04X} found"
            pen.stop("constant", "payload.profile", reason, rule, f"{PROFILE:04X}")
        pen.take(2, "payload.profile", "constant", rule)
        at = pen.at
        count = pen.number(1, "payload.components", "count", rule)
        if self.cra is Cra.ALERT:
            self._alert(count, at)
        else:
            self._components(count, at)

    def _components(self, count: int, at: int) -> None:
        pen = self.pen
        found = 0
        while pen.left and found < 256:
            end = self._end()
            if found >= count and end < pen.end:
                break
            self._component(f"payload.components[{found}]", end)
            found += 1
        if found != count:
            reason = f"{count} announced, {found} are there"
            pen.find("count", at, "payload.components", reason, RULES["gbz"], f"{found:02X}")

    def _end(self) -> int:
        """Where the component at hand ends: as its length says or, if that cannot be, as its fields do."""
        pen, start = self.pen, self.pen.at + _HEADER
        end = start + int.from_bytes(pen.octets[pen.at + 3 : start], "big")
        if self._searched or (self._begins(end) and self._reads(end)):
            return end
        self._searched = True  # once a payload: what follows a wrong length is seldom right
        # ours: how far the right end is looked for
        last = pen.octets[pen.at] & LAST if pen.left else 0
        places = [pen.end] if last else range(start + 3, min(pen.end, start + MAX_SEARCH))
        fitting = [place for place in places if self._begins(place) and self._reads(place)]
        return fitting[0] if len(fitting) == 1 else end

    def _begins(self, at: int) -> bool:
        """Whether another component may begin there, or the payload ends."""
        pen = self.pen
        if at + _HEADER + 3 > pen.end:
            return at == pen.end
        cluster = int.from_bytes(pen.octets[at + 1 : at + 3], "big")
        return not pen.octets[at] & ~(LAST | ENCRYPTED | DATED) and cluster_name(cluster) is not None

    def _reads(self, end: int) -> bool:
        """Whether the component at hand can be read up to there."""
        pen = self.pen
        trial = Walk(Pen(pen.octets, strict=True), self.code, self.cra)
        trial.pen.at = pen.at + _HEADER
        control, cluster = pen.octets[pen.at], int.from_bytes(pen.octets[pen.at + 1 : pen.at + 3], "big")
        return trial.pen.guarded(end, "component", lambda: trial._inside("component", control, cluster))

    def _alert(self, count: int, count_at: int) -> None:
        pen, rule = self.pen, RULES["gbz-alert"]
        pen.take(2, "payload.alert_code", "alert-code", rule)
        pen.take(4, "payload.time", "utc", rule)
        wanted = int(pen.left > 0)
        if count != wanted:
            what = "there is content" if wanted else "there is no content"
            reason = f"{count} components, but {what}"
            pen.find("count", count_at, "payload.components", reason, rule, f"{wanted:02X}")
        kind = ALERT_CONTENTS.get(self.code, "")
        if kind == "executed":
            self._executed()
        elif kind == "hash":
            pen.constant(b"\x09", "payload.image_hash.tag", rule, "octet-string")
            pen.constant(b"\x20", "payload.image_hash.length", rule, "32")
            pen.take(32, "payload.image_hash", "hash", rule)
        elif kind == "reason":
            number = int.from_bytes(pen.octets[pen.at : pen.at + 2], "big")
            said = meaning(0x31, number, "integrity")
            pen.take(2, "payload.reason", "enum", rule, f"{number} ({said or 'unknown'})")
        elif kind == "component":
            self._component("payload.component", pen.end)
        elif not kind:
            pen.rest("payload.content", RULES["unknown"], "octet-string")

    def _executed(self) -> None:
        pen, path, rule = self.pen, "payload.executed", RULES["gbz-alert"]
        pen.constant(b"\x0e", f"{path}.length", rule, "14")
        pen.take(2, f"{path}.message_code", "message-code", rule)
        pen.take(8, f"{path}.counter", "counter", rule)
        cluster = int.from_bytes(pen.octets[pen.at : pen.at + 2], "big")
        pen.take(2, f"{path}.cluster", "cluster", rule, _cluster_text(cluster))
        frame_control = pen.peek(f"{path}.frame_control", rule)
        pen.take(1, f"{path}.frame_control", "frame-control", rule, _frame_text(frame_control))
        number = pen.peek(f"{path}.command", rule)
        known = command(cluster, frame_control, number)
        pen.take(1, f"{path}.command", "command", rule, _command_text(number, known))

    def _component(self, path: str, end: int) -> None:
        pen, rule, last = self.pen, RULES["extended-header"], end >= self.pen.end
        if pen.left < 5:
            pen.stop("cut short", f"{path}.control", f"5 octets needed, {pen.left} left", rule)
        at = pen.at
        control = pen.peek(path, rule)
        names = [
            n for m, n in ((LAST, "last"), (ENCRYPTED, "encrypted"), (DATED, "From Date Time")) if control & m
        ]
        pen.take(1, f"{path}.control", "control", rule, f"{control:02X} ({', '.join(names) or 'plain'})")
        right = control & (LAST | ENCRYPTED | DATED)
        if control != right:
            reason = f"unknown bits in {control:02X}"
            pen.find("control", at, f"{path}.control", reason, rule, f"{right:02X}")
        if control & ENCRYPTED and control & DATED:
            reason = "encrypted and with a From Date Time"
            pen.stop("control", f"{path}.control", reason, rule, None, at)
        if bool(control & LAST) is not last and end <= pen.end:
            what = "the last component is not marked" if last else "marked as last, but others follow"
            pen.find("last component", at, f"{path}.control", what, rule, f"{right ^ LAST:02X}")
        cluster = int.from_bytes(pen.octets[pen.at : pen.at + 2], "big")
        pen.take(2, f"{path}.cluster", "cluster", use_case_rule(self.code), _cluster_text(cluster))
        at = pen.at
        length = pen.number(2, f"{path}.length", "length", rule)
        if pen.at + length != end:
            reason = f"{length} octets, but the fields take {end - pen.at}"
            pen.find("length", at, f"{path}.length", reason, rule, f"{end - pen.at:04X}")
        elif end > pen.end:
            # only for the last component the octets tell what is right
            fitting = f"{pen.left:04X}" if control & LAST else None
            pen.stop("length", f"{path}.length", "runs past the end of the payload", rule, fitting, at)
        with pen.part(end):
            self._inside(path, control, cluster)
            if pen.left:
                pen.rest(path, RULES["unknown"])

    def _inside(self, path: str, control: int, cluster: int) -> None:
        pen, rule = self.pen, RULES["zcl-header"]
        if control & ENCRYPTED:
            extra = RULES["additional-header"]
            pen.constant(b"\0", f"{path}.additional_control", extra)
            pen.take(1, f"{path}.frame_counter", "u8", extra)
        elif control & DATED:
            pen.take(4, f"{path}.from_date_time", "utc", RULES["from-date-time"])
        if pen.left < 3:
            pen.stop("cut short", f"{path}.frame_control", f"3 octets needed, {pen.left} left", rule)
        frame_control = pen.peek(path, rule)
        pen.take(1, f"{path}.frame_control", "frame-control", rule, _frame_text(frame_control))
        if frame_control & MANUFACTURER_SPECIFIC:
            pen.take(2, f"{path}.manufacturer", "u16", rule, _little(pen, 2))
        pen.take(1, f"{path}.sequence", "u8", rule)
        number = pen.peek(path, rule)
        known = command(cluster, frame_control, number)
        pen.take(1, f"{path}.command", "command", use_case_rule(self.code), _command_text(number, known))
        self.cluster = cluster
        if not control & ENCRYPTED:
            self._body(known, path)
            return
        at = pen.at
        length = pen.number(2, f"{path}.ciphered_length", "length", RULES["additional-header"])
        if length != pen.left:
            reason = f"{length} octets, but {pen.left} are there"
            pen.find(
                "length", at, f"{path}.ciphered_length", reason, RULES["additional-header"], f"{pen.left:04X}"
            )
        if pen.left < _SEALED_LEAST:
            reason = f"{_SEALED_LEAST} octets needed, {pen.left} left"
            pen.stop("cut short", f"{path}.protected", reason, RULES["encryption"])
        sealed(pen, pen.left, f"{path}.protected", lambda inner: self._opened(inner, known))

    def _opened(self, inner: Pen, known: Command | None) -> None:
        walk = Walk(inner, self.code, self.cra)
        walk.cluster = self.cluster
        walk._body(known, "plaintext")

    def _body(self, known: Command | None, path: str) -> None:
        pen = self.pen
        if known is None:
            pen.rest(f"{path}.payload", RULES["unknown"], "octet-string")
            return
        self.rule = RULES["zcl-general"] if known.cluster is None else cluster_rule(self.cluster, known.name)
        if known.fields is None:
            pen.rest(f"{path}.payload", self.rule, "octet-string")
            return
        self._fields(known.fields, path)
        if pen.strict and pen.left:
            pen.stop("left over", path, f"{pen.left} octets left over", self.rule)
        pen.rest(f"{path}.more", self.rule, "octet-string")

    def _fields(self, fields: FieldList, path: str) -> None:
        values: dict[str, int] = {}
        pen = self.pen
        for element in fields.elements:
            if isinstance(element, Guard):
                if (values.get(element.field) == element.value) is not element.equal:
                    return
            elif isinstance(element, Repeat):
                wanted = values[element.count] & element.mask if element.count else None
                index = 0
                while pen.left if wanted is None else index < wanted:
                    where = f"{path}.{element.name}[{index}]"
                    if element.single:
                        self._field(element.items.elements[0], where, named=False)
                    else:
                        self._fields(element.items, where)
                    index += 1
            else:
                if element.optional and not pen.left:
                    return
                number = self._field(element, path)
                if number is not None:
                    values[element.name] = number

    def _field(self, element: Field | Repeat | Guard, path: str, named: bool = True) -> int | None:
        assert isinstance(element, Field)
        where = f"{path}.{element.name}" if named else path
        if element.type == TYPED:
            self._typed(where)
            return None
        return self._value(element.type, where, element.meaning)

    def _typed(self, path: str) -> None:
        pen = self.pen
        kind = pen.peek(path, _TYPE, "the type is missing")
        if kind not in TYPES:
            pen.rest(path, RULES["unknown"], "octet-string")
            return
        known = self.attribute
        if known is not None and kind != known.type:
            reason = f"{TYPES[known.type].name} expected, {TYPES[kind].name} given"
            pen.find(
                "type", pen.at, path, reason, cluster_rule(self.cluster, known.name), f"{known.type:02X}"
            )
        pen.take(1, path, "type", _TYPE, TYPES[kind].name)
        self._value(kind, path, known.meaning if known is not None else "")

    def _value(self, kind: int, path: str, names: str = "", depth: int = 0) -> int | None:
        """A value of a type; its number where it is one."""
        pen, known = self.pen, TYPES[kind]
        form = known.form
        if form == "nothing":
            return None
        if known.is_number:
            return self._number(known, path, names)
        if form == "octets":
            octets = pen.octets[pen.at : pen.at + known.size]
            said = meaning(kind, octets)
            leaf = "key" if known.name == "key-128" else known.name
            pen.take(known.size, path, leaf, self.rule, said or octets.hex().upper())
            return None
        if form in ("string", "text"):
            self._string(known, path)
            return None
        if depth >= MAX_DEPTH:
            pen.stop("depth", path, f"nested deeper than {MAX_DEPTH} levels", _TYPE)
        of = -1
        if form == "elements":
            if pen.left < 3:
                pen.stop("cut short", path, f"{known.name} is cut short", _TYPE)
            of = pen.peek(path, _TYPE)
            if of not in TYPES:
                pen.rest(path, RULES["unknown"], "octet-string")
                return None
            if TYPES[of].form == "nothing":
                pen.stop("type", path, "elements without octets", _TYPE)
            pen.take(1, path, "type", _TYPE, TYPES[of].name)
        text = _little(pen, 2)
        pen.take(2, path, "count", _TYPE, text)
        count = int(text)
        for index in range(0 if count == 0xFFFF else count):
            where = f"{path}[{index}]"
            if form == "elements":
                self._value(of, where, "", depth + 1)
                continue
            inner = pen.peek(where, _TYPE, f"{known.name} of {count} elements is cut short")
            if inner not in TYPES:
                pen.rest(where, RULES["unknown"], "octet-string")
                return None
            pen.take(1, where, "type", _TYPE, TYPES[inner].name)
            self._value(inner, where, "", depth + 1)
        return None

    def _number(self, known: ZclType, path: str, names: str) -> int:
        pen = self.pen
        octets = pen.octets[pen.at : pen.at + known.size]
        number = int.from_bytes(octets, "little", signed=known.form == "signed")
        said = meaning(known.id, number, names)
        if known.id == ATTRIBUTE_ID:
            self.attribute = attribute(self.cluster, number)
            said = self.attribute.name if self.attribute is not None else None
        if known.id == UTC:
            text = utc_text(number)
        elif path.endswith(".EventId") or ".EventIds[" in path:
            text = alert_code_text(number)
        else:
            text = f"{number:0{2 * known.size}X}" if known.form == "code" else str(number)
            text += f" ({said})" if said else self._unit(path)
        if pen.left < known.size:
            pen.stop("cut short", path, f"{known.name} is cut short", self.rule)
        pen.take(known.size, path, known.name, self.rule, text)
        return number

    def _unit(self, path: str) -> str:
        known = self.attribute
        return f" ({known.unit})" if known is not None and known.unit and path.endswith(".Value") else ""

    def _string(self, known: ZclType, path: str) -> None:
        pen = self.pen
        if pen.left < known.size:
            pen.stop("cut short", path, f"{known.name} is cut short", self.rule)
        text = _little(pen, known.size)
        length = int(text)
        invalid = length == (1 << 8 * known.size) - 1
        at = pen.at
        pen.take(known.size, path, "length", _TYPE, "invalid" if invalid else text)
        if invalid:
            return
        if length > pen.left:
            reason = f"{known.name} of {length} octets is cut short"
            pen.stop("length", path, reason, self.rule, f"{pen.left:02X} at most", at)
        octets = pen.octets[pen.at : pen.at + length]
        kind = "char-string" if known.form == "text" else "octet-string"
        pen.take(length, path, kind, self.rule, string_text(octets))


def _little(pen: Pen, size: int) -> str:
    return str(int.from_bytes(pen.octets[pen.at : pen.at + size], "little"))


def _cluster_text(cluster: int) -> str:
    return f"{cluster:04X} {cluster_name(cluster) or 'unknown'}"


def _command_text(number: int, known: Command | None) -> str:
    return f"{number:02X} {known.name if known is not None else 'unknown'}"


def _frame_text(control: int) -> str:
    parts = ["cluster command" if control & 0x03 == CLUSTER_SPECIFIC else "general command"]
    parts.append("to the client" if control & TO_CLIENT else "to the server")
    if control & MANUFACTURER_SPECIFIC:
        parts.append("manufacturer specific")
    if control & NO_DEFAULT_RESPONSE:
        parts.append("no default response")
    return f"{control:02X} ({', '.join(parts)})"


def belongs(payload: bytes, code: int, cra: Cra) -> bool:
    """Whether a payload follows the template of its use case; True where there is none to follow."""
    found = template(code)
    if found is None or cra is Cra.ALERT:
        return True
    try:
        gbz = parse_gbz(payload, cra, code)
    except ParseError:
        return False
    components = gbz.components if isinstance(gbz, Components) else ()
    places = found.positions(components) if cra is Cra.COMMAND else found.answer_positions(components)
    return places is not None


def walk(pen: Pen, code: int, cra: Cra | None) -> None:
    """Write the spans of a payload. Raises Broken."""
    Walk(pen, code, cra).payload()
