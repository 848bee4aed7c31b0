"""ASN.1 payloads as JSON-able fields, and back by building from the fields.

`asn1` names the declaration and `value` holds what its fields are called there: DER carries
tags only, so the names decide. A number with a name is that name, any other the number;
counters and alert codes are hex digits; bits are their names joined by `+`; an absent
component has no key. Lengths longer than they need be stand in `length_forms`, by path.
`subject` of a certificate is a remark and not read back.
"""

from __future__ import annotations

from typing import Any

from ..errors import BuildError
from ..jsonvalue import maybe, want
from ..lengths import MAX_FORM
from .codec import ROOT, Element, any_form, assemble, encode, render, spans
from .payloads import named_type
from .schema import Leaf

Fields = dict[str, Any]


def payload_fields(element: Element) -> Fields:
    """The fields of a decoded payload."""
    fields: Fields = {"asn1": element.type.name, ROOT: render(element, _shown)}
    if any_form(element):
        fields["length_forms"] = {s.path: s.element.form for s in spans(element) if s.element.form}
    return fields


def build_payload(fields: Any, path: str = "payload") -> bytes:
    """The octets of fields. Raises BuildError with the path of what is wrong."""
    name = want(fields, "asn1", str, path)
    try:
        declared = named_type(name)
    except BuildError as error:
        raise BuildError(str(error), f"{path}.asn1") from None
    if ROOT not in fields:
        raise BuildError("missing", f"{path}.{ROOT}")
    where = f"{path}.length_forms"
    forms = {}
    for key in maybe(fields, "length_forms", dict, path) or {}:
        form = want(fields["length_forms"], key, int, where)
        if not 2 <= form <= MAX_FORM:
            raise BuildError(f"a number from 2 to {MAX_FORM} is needed", f"{where}.{key}")
        forms[key] = form
    element = assemble(declared, fields[ROOT], _given, forms, f"{path}.{ROOT}")
    if forms:
        raise BuildError(f"no length is called {min(forms)!r}", where)
    try:
        return encode(element)
    except BuildError as error:
        reason = str(error).removeprefix(f"{error.path}: ")
        raise BuildError(reason, f"{path}.{error.path}") from None


def _shown(leaf: Leaf, value: Any) -> Any:
    return leaf.shown(value)


def _given(leaf: Leaf, shown: Any) -> Any:
    return leaf.given(shown)
