"""GBZ payloads as JSON-able fields, and back by building from the fields.

Every value names its ZCL type, which with the value is enough to write it again; numbers
of more than six octets, and bitmaps and identifiers of any size, are hex digits. `name`,
`meaning` and `plaintext` are remarks for the reader; they are not read back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import BuildError, ParseError
from ..ids import Cra
from ..jsonvalue import hex_text, maybe, unhex, want
from .clusters import Command, attribute, cluster_name
from .fieldlist import Field, FieldList, Repeat
from .gbz import (
    SECURITY_HEADER_LENGTH,
    TAG_LENGTH,
    Alert,
    AlertContent,
    Component,
    Components,
    Executed,
    Gbz,
    ImageHash,
    Integrity,
    Sealed,
    parse_alert,
    parse_gbz,
)
from .meanings import meaning, moment
from .templates import executed_name
from .types import (
    ATTRIBUTE_ID,
    BY_NAME,
    ENTRY,
    LIST,
    MAX_DEPTH,
    OPAQUE,
    TYPED,
    TYPES,
    Elements,
    Node,
    ZclType,
)

Fields = dict[str, Any]
Unseal = Callable[[bytes], "bytes | None"]
_DECIMAL_OCTETS = 6  # greater numbers do not fit the numbers of every JSON reader
_OWN = {"list": LIST, "entry": ENTRY, "typed": TYPED, "opaque": OPAQUE}
_OWN_NAMES = {kind: name for name, kind in _OWN.items()}
_ANY = FieldList(())


class Renderer:
    """Turns payloads into fields; counts encrypted components met and opened.

    `unseal` gives the plaintext of a protected value, or None without the key. `broken`
    says that a plaintext did not follow the layout of its command.
    """

    def __init__(self, unseal: Unseal | None = None) -> None:
        self._unseal = unseal
        self.protected = 0
        self.opened = 0
        self.broken = False

    def gbz(self, gbz: Gbz) -> Fields:
        """The fields of a payload."""
        if isinstance(gbz, Components):
            return {"gbz": "components", "components": [self.component(c) for c in gbz.components]}
        fields: Fields = {"gbz": "alert", "alert_code": f"{gbz.code:04X}", "time": _time(gbz.seconds)}
        content = gbz.content
        if isinstance(content, Executed):
            fields["executed"] = _executed(content)
        elif isinstance(content, ImageHash):
            fields["image_hash"] = hex_text(content.hash)
        elif isinstance(content, Integrity):
            fields["reason"] = _with(meaning(0, content.reason, "integrity"), value=content.reason)
        elif isinstance(content, Component):
            fields["component"] = self.component(content)
        elif content is not None:
            fields["opaque"] = hex_text(content)
        return fields

    def component(self, component: Component) -> Fields:
        """The fields of a component."""
        known = component.declared
        fields: Fields = {"cluster": f"{component.cluster:04X}"}
        if known is not None:
            fields["name"] = f"{cluster_name(component.cluster) or 'unknown cluster'}: {known.name}"
        fields["frame_control"] = f"{component.frame_control:02X}"
        if component.manufacturer is not None:
            fields["manufacturer"] = f"{component.manufacturer:04X}"
        fields["sequence"] = component.sequence
        fields["command"] = f"{component.command:02X}"
        if component.from_date_time is not None:
            named = {"name": known.from_date_time} if known is not None and known.from_date_time else {}
            fields["from_date_time"] = named | _time(component.from_date_time)
        if isinstance(component.body, Sealed):
            fields["protected"] = self._sealed(component, component.body, known)
        else:
            fields["fields"] = _body(known, component.body, component.cluster)
        return fields

    def _sealed(self, component: Component, sealed: Sealed, known: Command | None) -> Fields:
        self.protected += 1
        plaintext = self._unseal(sealed.octets) if self._unseal is not None else None
        nodes: tuple[Node, ...] | None = None
        if plaintext is not None:
            try:
                nodes = component.opened(plaintext)
                self.opened += 1
            except ParseError:
                self.broken = True
        return {
            "frame_counter": sealed.frame_counter,
            "security_header": hex_text(sealed.header),
            "ciphertext": hex_text(sealed.ciphertext),
            "tag": hex_text(sealed.tag),
            "plaintext": None if nodes is None else _body(known, nodes, component.cluster),
        }


def _with(remark: str | None, **fields: Any) -> Fields:
    if remark is not None:
        fields["meaning"] = remark
    return fields


def _time(seconds: int) -> Fields:
    return _with(moment(seconds), value=seconds)


def _executed(executed: Executed) -> Fields:
    fields: Fields = {
        "message_code": f"{executed.message_code:04X}",
        "counter": f"{executed.counter:016X}",
        "cluster": f"{executed.cluster:04X}",
        "frame_control": f"{executed.frame_control:02X}",
        "command": f"{executed.command:02X}",
    }
    name = executed_name(executed)
    if name is not None:
        fields["name"] = name
    return fields


def _body(known: Command | None, nodes: tuple[Node, ...], cluster: int) -> list[Fields]:
    return _nodes((known and known.fields) or _ANY, nodes, cluster)


def _nodes(fields: FieldList, nodes: tuple[Node, ...], cluster: int) -> list[Fields]:
    """The fields of nodes; those behind the declared ones have no name."""
    found: list[Fields] = []
    for member, node in zip(fields.members, nodes, strict=False):
        kind, value = node
        if isinstance(member, Repeat):
            entries = [_entry(member, inner, cluster) for inner in value]
            found.append({"name": member.name, "type": "list", "value": entries})
            continue
        shown: Fields = {"name": member.name, **_node(kind, value)}
        remark = _remark(member, kind, value, cluster)
        if remark is not None:
            shown["meaning"] = remark
        found.append(shown)
    for kind, value in nodes[len(fields.members) :] if len(nodes) > len(found) else ():
        found.append(_node(kind, value))
    return found


def _remark(field: Field, kind: int, value: Any, cluster: int) -> str | None:
    if kind == ATTRIBUTE_ID:
        known = attribute(cluster, value)
        return known.name if known is not None else None
    return meaning(kind, value, field.meaning)


def _entry(repeat: Repeat, node: Node, cluster: int) -> Fields:
    if node.type != ENTRY:
        member = repeat.items.members[0]
        shown = _node(node.type, node.value)
        remark = None if isinstance(member, Repeat) else _remark(member, node.type, node.value, cluster)
        return shown if remark is None else {**shown, "meaning": remark}
    inner = _nodes(repeat.items, node.value, cluster)
    fields: Fields = {"type": "entry", "value": inner}
    number = next((n.value for n in node.value if n.type == ATTRIBUTE_ID), None)
    known = None if number is None else attribute(cluster, number)
    if known is not None:
        fields["name"] = known.name
        if inner[-1]["type"] == "typed":
            value = node.value[-1].value
            remark = meaning(value.type, value.value, known.meaning)
            if remark is not None:
                inner[-1]["value"]["meaning"] = remark
    return fields


def _node(kind: int, value: Any) -> Fields:
    """The fields of a node without remarks."""
    known = TYPES.get(kind)
    if known is None:
        if kind == TYPED:
            return {"type": "typed", "value": _node(value.type, value.value)}
        if kind == OPAQUE:
            return {"type": "opaque", "value": hex_text(value)}
        return {"type": _OWN_NAMES[kind], "value": [_node(*inner) for inner in value]}
    name, form = known.name, known.form
    if form in ("unsigned", "signed") and known.size <= _DECIMAL_OCTETS:
        return {"type": name, "value": value}
    if known.is_number:
        if form == "boolean":
            return {"type": name, "value": bool(value)} if value <= 1 else {"type": name, "octet": value}
        digits = value & ((1 << 8 * known.size) - 1)
        return {"type": name, "value": f"{digits:0{2 * known.size}X}"}
    if form == "nothing":
        return {"type": name}
    if form == "elements":
        inner = None if value.nodes is None else [_node(*node) for node in value.nodes]
        return {"type": name, "of": TYPES[value.type].name, "value": inner}
    if value is None:
        return {"type": name, "value": None}
    if form == "structure":
        return {"type": name, "value": [_node(*node) for node in value]}
    if form == "text":
        try:
            return {"type": name, "value": value.decode("utf-8")}
        except UnicodeDecodeError:
            return {"type": name, "hex": hex_text(value)}
    return {"type": name, "value": hex_text(value)}


def build_gbz(fields: Any, path: str = "payload") -> Gbz:
    """The payload of fields. Raises BuildError with the path of what is wrong.

    What is built must also be read as what was given: a command of the table needs its
    fields, and counts must be those of the entries.
    """
    kind = want(fields, "gbz", str, path)
    if kind == "components":
        given = want(fields, "components", list, path)
        built: Gbz = Components(
            tuple(_build_component(item, f"{path}.components[{i}]") for i, item in enumerate(given))
        )
        _check_reading(built, "", path)
    elif kind == "alert":
        content, kind = _build_content(fields, path)
        code, time = _code(fields, "alert_code", 2, path), want(fields, "time", dict, path)
        built = Alert(code, _ranged(time, "value", 0xFFFF_FFFF, f"{path}.time"), content)
        _check_reading(built, kind, path)
    else:
        raise BuildError(f"no payload is called {kind!r}", f"{path}.gbz")
    return built


def _check_reading(built: Gbz, kind: str, path: str) -> None:
    """Raise BuildError where reading the octets does not give what they were made of."""
    octets = _octets(built, path)
    try:
        if isinstance(built, Components):
            again: Gbz = parse_gbz(octets, Cra.COMMAND)
        else:
            again = parse_alert(octets, kind)
    except ParseError as error:
        raise BuildError(error.reason, f"{path}.{error.path}") from None
    if again == built:
        return
    if isinstance(built, Components) and isinstance(again, Components):
        pairs = zip(built.components, again.components, strict=True)
        for index, (given, found) in enumerate(pairs):
            if given != found:
                _differ(given, found, f"{path}.components[{index}]")
    elif isinstance(built, Alert) and isinstance(again, Alert):
        one, other = built.content, again.content
        if isinstance(one, Component) and isinstance(other, Component):
            _differ(one, other, f"{path}.component")
    raise BuildError("this would not be read back as it is", path)


def _octets(gbz: Gbz, path: str) -> bytes:
    """The octets of a payload. Raises BuildError with the path put before its own."""
    try:
        return gbz.octets()
    except BuildError as error:
        raise BuildError(str(error).removeprefix(f"{error.path}: "), f"{path}.{error.path}") from None


def _differ(one: Component, other: Component, path: str) -> None:
    """Raise BuildError for the first node that is read as something else."""
    if isinstance(one.body, Sealed) or isinstance(other.body, Sealed):
        return
    _differ_nodes(one.body, other.body, f"{path}.fields")


def _differ_nodes(ones: tuple[Node, ...], others: tuple[Node, ...], path: str) -> None:
    for index, (one, other) in enumerate(zip(ones, others, strict=False)):
        where = f"{path}[{index}]"
        if one == other:
            continue
        if one.type == other.type and one.type in (LIST, ENTRY):
            _differ_nodes(one.value, other.value, f"{where}.value")
        name = _name(other.type)
        raise BuildError(f"{name} is read here, {_name(one.type)} given", f"{where}.type")
    raise BuildError(f"{len(others)} are read here, {len(ones)} given", path)


def _name(kind: int) -> str:
    known = TYPES.get(kind)
    return known.name if known is not None else _OWN_NAMES[kind]


def _build_component(fields: Any, path: str) -> Component:
    sealed = maybe(fields, "protected", dict, path)
    from_date_time = maybe(fields, "from_date_time", dict, path)
    manufacturer = maybe(fields, "manufacturer", str, path)
    body: tuple[Node, ...] | Sealed
    if sealed is None:
        body = _build_nodes(want(fields, "fields", list, path), f"{path}.fields", 0)
    elif maybe(fields, "fields", list, path) is not None:
        raise BuildError("an encrypted component has no plain fields", f"{path}.fields")
    else:
        body = _build_sealed(sealed, f"{path}.protected")
    return Component(
        _code(fields, "cluster", 2, path),
        _code(fields, "frame_control", 1, path),
        _ranged(fields, "sequence", 0xFF, path),
        _code(fields, "command", 1, path),
        body,
        None
        if from_date_time is None
        else _ranged(from_date_time, "value", 0xFFFF_FFFF, f"{path}.from_date_time"),
        None if manufacturer is None else _code(fields, "manufacturer", 2, path),
    )


def _build_sealed(fields: Any, path: str) -> Sealed:
    return Sealed(
        _ranged(fields, "frame_counter", 0xFF, path),
        unhex(want(fields, "security_header", str, path), f"{path}.security_header", SECURITY_HEADER_LENGTH),
        unhex(want(fields, "ciphertext", str, path), f"{path}.ciphertext"),
        unhex(want(fields, "tag", str, path), f"{path}.tag", TAG_LENGTH),
    )


def _build_content(fields: Any, path: str) -> tuple[AlertContent, str]:
    """What an alert reports, and its kind as in `ALERT_CONTENTS`."""
    given = [name for name in _CONTENTS if fields.get(name) is not None]
    if len(given) > 1:
        raise BuildError(f"only one of {', '.join(given)} may be here", path)
    if not given:
        return None, "nothing"
    name, where = given[0], f"{path}.{given[0]}"
    if name == "image_hash":
        return ImageHash(unhex(want(fields, name, str, path), where, 32)), "hash"
    if name == "opaque":
        return unhex(want(fields, name, str, path), where), ""
    inner: Any = want(fields, name, dict, path)
    if name == "reason":
        return Integrity(_ranged(inner, "value", 0xFFFF, where)), name
    if name == "component":
        return _build_component(inner, where), name
    return Executed(
        _code(inner, "message_code", 2, where),
        _code(inner, "counter", 8, where),
        _code(inner, "cluster", 2, where),
        _code(inner, "frame_control", 1, where),
        _code(inner, "command", 1, where),
    ), name


_CONTENTS = ("executed", "image_hash", "reason", "component", "opaque")


def _build_nodes(given: list[Any], path: str, depth: int) -> tuple[Node, ...]:
    if depth > _MAX_DEPTH:
        raise BuildError(f"nested deeper than {_MAX_DEPTH} levels", path)
    return tuple(_build_node(fields, f"{path}[{index}]", depth) for index, fields in enumerate(given))


def _build_node(fields: Any, path: str, depth: int) -> Node:
    name = want(fields, "type", str, path)
    own = _OWN.get(name)
    if own is None:
        known = BY_NAME.get(name)
        if known is None:
            raise BuildError(f"no type is called {name!r}", f"{path}.type")
        return Node(known.id, _build_value(known, fields, path, depth))
    if own == OPAQUE:
        return Node(OPAQUE, unhex(want(fields, "value", str, path), f"{path}.value"))
    if own == TYPED:
        return Node(TYPED, _build_node(want(fields, "value", dict, path), f"{path}.value", depth + 1))
    return Node(own, _build_nodes(want(fields, "value", list, path), f"{path}.value", depth + 1))


def _build_value(known: ZclType, fields: Any, path: str, depth: int) -> Any:
    form, where = known.form, f"{path}.value"
    if form == "nothing":
        return None
    if form == "boolean":
        if maybe(fields, "octet", int, path) is not None:
            octet = _ranged(fields, "octet", 0xFF, path)
            if octet <= 1:
                raise BuildError("this octet is true or false", f"{path}.octet")
            return octet
        return int(want(fields, "value", bool, path))
    if form in ("unsigned", "signed") and known.size <= _DECIMAL_OCTETS:
        low, high = known.limits
        value = want(fields, "value", int, path)
        if not low <= value <= high:
            raise BuildError(f"{known.name} goes from {low} to {high}", where)
        return value
    if known.is_number:
        digits = unhex(want(fields, "value", str, path), where, known.size)
        return int.from_bytes(digits, "big", signed=form == "signed")
    if form == "octets":
        return unhex(want(fields, "value", str, path), where, known.size)
    if form == "elements":
        of = BY_NAME.get(want(fields, "of", str, path))
        if of is None:
            raise BuildError(f"no type is called {fields['of']!r}", f"{path}.of")
        items = maybe(fields, "value", list, path)
        return Elements(of.id, None if items is None else _build_nodes(items, where, depth + 1))
    if form == "structure":
        items = maybe(fields, "value", list, path)
        return None if items is None else _build_nodes(items, where, depth + 1)
    if form == "text":
        octets = maybe(fields, "hex", str, path)
        if octets is not None:
            return unhex(octets, f"{path}.hex")
    text = maybe(fields, "value", str, path)
    if text is None or form != "text":
        return None if text is None else unhex(text, where)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise BuildError("a character that cannot stand here", where) from None


_MAX_DEPTH = MAX_DEPTH + 4  # list, entry, typed and the value itself


def _code(fields: Any, key: str, octets: int, path: str) -> int:
    """A number of so many octets in hex digits."""
    return int.from_bytes(unhex(want(fields, key, str, path), f"{path}.{key}", octets), "big")


def _ranged(fields: Any, key: str, high: int, path: str) -> int:
    value = want(fields, key, int, path)
    if not 0 <= value <= high:
        raise BuildError(f"a number from 0 to {high} is needed", f"{path}.{key}")
    return value
