"""DER octets to a typed tree and back, octet for octet, by the declarations of `schema`.

DER is read strictly, with one exception: a length may take more octets than it need, as in
answers of the reference set (gbcs-messages 8.0); each element keeps how many it took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import BuildError, ParseError
from ..lengths import length_octets, read_length
from .schema import Asn1Type, Choice, Fault, Field, Leaf, Opaque, Sequence, SequenceOf

ROOT = "value"  # what a path begins with
WIDE_FORM = 3  # octets of 82 00 nn
WIDE_FROM = 128  # octets of contents from which a length has a wide form


class Element(NamedTuple):
    """One element of a tree.

    `value` is the plain value of a leaf, the elements of a SEQUENCE OF, or (name, element)
    pairs: of the components present in a SEQUENCE, of the one taken in a CHOICE. `form` is
    0 for a minimal length, else the octets it took (`lengths`).
    """

    type: Asn1Type
    value: Any
    form: int = 0


class Span(NamedTuple):
    """Where an element stands: `offset` of its tag, `start` and `end` of its contents."""

    path: str
    offset: int
    start: int
    end: int
    element: Element


def decode(declared: Asn1Type, octets: bytes) -> Element:
    """The tree of octets that are one element of a type. Raises ParseError with offset and path."""
    try:
        element, end = _read(declared, declared.tags, octets, 0, len(octets))
        if end != len(octets):
            raise Fault(f"{len(octets) - end} octets left over", end)
    except Fault as fault:
        raise ParseError(fault.reason, fault.offset, fault.path(ROOT)) from None
    return element


def encode(element: Element, wide: bool = False) -> bytes:
    """The octets of a tree. `wide` gives each SEQUENCE of 128 to 255 octets the length 82 00 nn.

    Raises BuildError with the path of a value or form that does not fit.
    """
    try:
        return _write(element, element.type.tags[0], wide)
    except Fault as fault:
        raise BuildError(fault.reason, fault.path(ROOT)) from None


def plain(element: Element) -> Any:
    """The values of a tree: a dict a SEQUENCE or CHOICE, a list a SEQUENCE OF, plain values of leaves."""
    return render(element, lambda _, value: value)


def element_of(declared: Asn1Type, values: Any) -> Element:
    """The tree of values as `plain` gives them. Raises BuildError with the path."""
    return assemble(declared, values, lambda leaf, value: leaf.read(leaf.write(value)), {})


def render(element: Element, leaf: Callable[[Leaf, Any], Any]) -> Any:
    """Nested dicts and lists of a tree; `leaf` turns the plain value of a leaf into what is wanted."""
    declared = element.type
    if isinstance(declared, Leaf):
        return leaf(declared, element.value)
    if isinstance(declared, SequenceOf):
        return [render(item, leaf) for item in element.value]
    return {name: render(below, leaf) for name, below in element.value}


def assemble(
    declared: Asn1Type, given: Any, leaf: Callable[[Leaf, Any], Any], forms: dict[str, int], root: str = ROOT
) -> Element:
    """The tree of nested mappings and sequences; `leaf` gives plain values.

    `forms` holds length forms by path, each taken out when used. Raises BuildError with
    the path, beginning with `root`.
    """
    try:
        return _assemble(declared, given, leaf, forms, ROOT)
    except Fault as fault:
        raise BuildError(fault.reason, fault.path(root)) from None


def any_form(element: Element) -> bool:
    """Whether any length of a tree took more octets than it need."""
    if element.form:
        return True
    if isinstance(element.type, Leaf):
        return False
    if isinstance(element.type, SequenceOf):
        return any(map(any_form, element.value))
    return any(any_form(below) for _, below in element.value)


def spans(element: Element, offset: int = 0) -> Iterator[Span]:
    """Where each element of a tree stands in its octets, a parent before its parts."""
    yield from _spans(element, element.type.tags[0], offset, ROOT)


def _read(
    declared: Asn1Type, tags: tuple[int, ...], octets: bytes, offset: int, end: int
) -> tuple[Element, int]:
    if offset >= end:
        raise Fault(f"{declared.name} is missing", offset)
    if octets[offset] not in tags:
        expected = " or ".join(f"{tag:02X}" for tag in tags)
        raise Fault(f"tag {expected} ({declared.name}) expected, {octets[offset]:02X} given", offset)
    if isinstance(declared, Choice):
        taken = next(row for row in declared.alternatives if octets[offset] in row.tags)
        below, stop = _read_named(taken, octets, offset, end)
        return Element(declared, ((taken.name, below),)), stop
    try:
        length, start, form = read_length(octets, offset + 1)
    except ParseError as error:
        raise Fault(error.reason, error.offset) from None
    stop = start + length
    if stop > end:
        raise Fault(f"{length} octets run past the end", offset)
    if isinstance(declared, Sequence):
        return Element(declared, _components(declared, octets, start, stop), form), stop
    if isinstance(declared, SequenceOf):
        return Element(declared, _items(declared, octets, start, stop), form), stop
    assert isinstance(declared, Leaf)
    if isinstance(declared, Opaque):
        return Element(declared, octets[offset:stop]), stop
    try:
        return Element(declared, declared.read(octets[start:stop]), form), stop
    except Fault as fault:
        fault.offset = start
        raise


def _read_named(row: Field, octets: bytes, offset: int, end: int) -> tuple[Element, int]:
    try:
        return _read(row.type, row.tags, octets, offset, end)
    except Fault as fault:
        fault.parts.append(f".{row.name}")
        raise


def _components(declared: Sequence, octets: bytes, offset: int, end: int) -> tuple[tuple[str, Element], ...]:
    found = []
    for row in declared.fields:
        if row.optional and (offset >= end or octets[offset] not in row.tags):
            continue
        element, offset = _read_named(row, octets, offset, end)
        found.append((row.name, element))
    if offset != end:
        raise Fault(f"{end - offset} octets left over in {declared.name}", offset)
    return tuple(found)


def _items(declared: SequenceOf, octets: bytes, offset: int, end: int) -> tuple[Element, ...]:
    item, found = declared.item, list[Element]()
    tags = item.tags
    while offset < end:
        try:
            element, offset = _read(item, tags, octets, offset, end)
        except Fault as fault:
            fault.parts.append(f"[{len(found)}]")
            raise
        found.append(element)
    return tuple(found)


def _write(element: Element, tag: int, wide: bool) -> bytes:
    declared = element.type
    if isinstance(declared, Opaque):
        return declared.write(element.value)
    if isinstance(declared, Leaf):
        return bytes((tag,)) + _length(element.form, contents := declared.write(element.value)) + contents
    parts = [_write_part(below, below_tag, part, wide) for below, below_tag, part in _below(element)]
    contents = b"".join(parts)
    if isinstance(declared, Choice):
        return contents
    form = element.form or (WIDE_FORM if wide and WIDE_FROM <= len(contents) <= 255 else 0)
    return bytes((tag,)) + _length(form, contents) + contents


def _write_part(element: Element, tag: int, part: str, wide: bool) -> bytes:
    try:
        return _write(element, tag, wide)
    except Fault as fault:
        fault.parts.append(part)
        raise


def _length(form: int, contents: bytes) -> bytes:
    try:
        return length_octets(len(contents), form)
    except BuildError as error:
        raise Fault(str(error)) from None


def _below(element: Element) -> Iterator[tuple[Element, int, str]]:
    """The parts of an element that is no leaf: each with its tag and its piece of the path."""
    declared = element.type
    if isinstance(declared, SequenceOf):
        for index, item in enumerate(element.value):
            yield item, item.type.tags[0], f"[{index}]"
        return
    assert isinstance(declared, Sequence | Choice)
    rows = {row.name: row for row in _rows(declared)}
    for name, below in element.value:
        yield below, rows[name].tags[0], f".{name}"


def _rows(declared: Sequence | Choice) -> tuple[Field, ...]:
    return declared.fields if isinstance(declared, Sequence) else declared.alternatives


def _assemble(
    declared: Asn1Type, given: Any, leaf: Callable[[Leaf, Any], Any], forms: dict[str, int], path: str
) -> Element:
    form = 0 if isinstance(declared, Opaque | Choice) else forms.pop(path, 0)
    if isinstance(declared, Leaf):
        return Element(declared, leaf(declared, given), form)
    if isinstance(declared, SequenceOf):
        if not isinstance(given, list | tuple):
            raise Fault("a list is needed")
        items = [
            _assemble_part(declared.item, item, leaf, forms, path, f"[{index}]")
            for index, item in enumerate(given)
        ]
        return Element(declared, tuple(items), form)
    assert isinstance(declared, Sequence | Choice)
    return Element(declared, _assemble_named(declared, given, leaf, forms, path), form)


def _assemble_named(
    declared: Sequence | Choice,
    given: Any,
    leaf: Callable[[Leaf, Any], Any],
    forms: dict[str, int],
    path: str,
) -> tuple[tuple[str, Element], ...]:
    if not isinstance(given, Mapping):
        raise Fault("an object is needed")
    rows = _rows(declared)
    unknown = given.keys() - {row.name for row in rows}
    if unknown:
        raise Fault(f"{declared.name} has nothing called {min(map(str, unknown))!r}")
    if isinstance(declared, Choice) and len(given) != 1:
        raise Fault("one of " + ", ".join(row.name for row in rows) + " is needed")
    found = []
    for row in rows:
        # null stands for an absent component, except where it is the value
        if row.name in given and (given[row.name] is not None or not row.optional):
            part = f".{row.name}"
            found.append((row.name, _assemble_part(row.type, given[row.name], leaf, forms, path, part)))
        elif isinstance(declared, Sequence) and not row.optional:
            fault = Fault("missing")
            fault.parts.append(f".{row.name}")
            raise fault
    return tuple(found)


def _assemble_part(
    declared: Asn1Type,
    given: Any,
    leaf: Callable[[Leaf, Any], Any],
    forms: dict[str, int],
    path: str,
    part: str,
) -> Element:
    try:
        return _assemble(declared, given, leaf, forms, path + part)
    except Fault as fault:
        fault.parts.append(part)
        raise


def _spans(element: Element, tag: int, offset: int, path: str) -> Iterator[Span]:
    size = len(_write(element, tag, False))
    if isinstance(element.type, Choice):
        start = offset
    elif isinstance(element.type, Opaque):
        _, start, _ = read_length(element.value, 1)
        start += offset
    else:
        header = element.form or next(n for n in range(1, 7) if len(length_octets(size - 1 - n)) == n)
        start = offset + 1 + header
    yield Span(path, offset, start, offset + size, element)
    if isinstance(element.type, Leaf):
        return
    for below, below_tag, part in _below(element):
        last = offset
        for span in _spans(below, below_tag, start, path + part):
            last = max(last, span.end)
            yield span
        start = last
