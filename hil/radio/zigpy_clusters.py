"""The Smart Energy clusters as zigpy's own classes, made from the one set of cluster tables.

zigpy has names and ids of most of them and no more (radio-stack 9). What it does define stays: a
cluster's class here is a subclass of zigpy's with the attributes and commands that are missing, found
by their ids, and takes its place in zigpy's registry, as subclasses of `zigpy.zcl.Cluster` do. Names
are those of the tables in zigpy's spelling. Commands without known fields are left out.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import zigpy.types as t
from zigpy.zcl import Cluster
from zigpy.zcl.foundation import (
    CommandSchema,
    DataType,
    DataTypeId,
    ZCLAttributeDef,
    ZCLCommandDef,
)

from gbcs.zcl.clusters import CLUSTER_NAMES, Attribute, Command, attributes_of, commands
from gbcs.zcl.fieldlist import FieldList, Guard, Repeat
from smets.han.protection import Protection, protection_of

# Octets without a length behind the declared fields, which zigpy has to name, too (chts-hub 7.1,
# se-security 7)
REST = {
    "TransferData": "data",
    "TransferDataToClient": "data",
    "EphemeralDataRequest": "ephemeral_data",
    "EphemeralDataResponse": "ephemeral_data",
    "ConfirmKeyDataRequest": "secure_message_authentication_code",
    "ConfirmKeyDataResponse": "secure_message_authentication_code",
}
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+")


def spelled(name: str) -> str:
    """A name of the tables as zigpy spells names: `GetSiteID` is `get_site_id`."""
    return "_".join(word.lower() for word in _WORD.findall(name))


@cache
def register() -> dict[int, type[Any]]:
    """Put the classes into zigpy's registry, once, whoever asks; those made, by cluster."""
    made = {}
    for number in CLUSTER_NAMES:
        cluster = _cluster(number)
        if cluster is not None:
            made[number] = cluster
    return made


def _cluster(number: int) -> type[Any] | None:
    """A class for a cluster; None where zigpy lacks nothing the tables have."""
    base = Cluster._registry.get(number)
    if base is None:  # Sub-GHz, of which the tables have no more than a name
        return None
    own = [known for known in commands() if known.cluster == number and known.fields is not None]
    attributes = {
        spelled(known.name): _attribute(known)
        for known in attributes_of(number)
        if known.id not in base.attributes
    }
    to_server = _missing(own, False, base.server_commands)
    to_client = _missing(own, True, base.client_commands)
    if not (attributes or to_server or to_client):
        return None
    body: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": f"The {CLUSTER_NAMES[number]} cluster.",
        "cluster_id": number,
        "AttributeDefs": _with(base.AttributeDefs, attributes),
        "ServerCommandDefs": _with(base.ServerCommandDefs, to_server),
        "ClientCommandDefs": _with(base.ClientCommandDefs, to_client),
    }
    if not base.attributes and protection_of(number) is Protection.LINK_KEY:
        body["aps_encryption"] = True  # no cluster of home automation, which does without
    return type(base.__name__, (base,), body)


def _missing(own: Iterable[Command], to_client: bool, there: Iterable[int]) -> dict[str, Any]:
    return {
        spelled(known.name): _command(known)
        for known in own
        if known.to_client is to_client and known.id not in there
    }


def _with(there: type[Any], more: dict[str, Any]) -> type[Any]:
    """Definitions that are there, and more."""
    return types.new_class(there.__name__, (there,), {}, lambda body: body.update(more))


def _attribute(known: Attribute) -> Any:
    kind = _kind(known.type)
    return ZCLAttributeDef(id=known.id, type=kind, zcl_type=DataTypeId(known.type), access="r")


def _command(known: Command) -> Any:
    assert known.fields is not None
    fields = _fields(known.fields)
    if known.name in REST:
        fields[REST[known.name]] = t.StructField(type=t.Bytes)
    return ZCLCommandDef(id=known.id, schema=_structure(spelled(known.name), CommandSchema, fields))


def _structure(name: str, base: type[Any], fields: dict[str, Any]) -> type[Any]:
    body = {"__module__": __name__, "__annotations__": dict.fromkeys(fields, "None"), **fields}
    return type(name, (base,), body)


def _fields(layout: FieldList) -> dict[str, Any]:
    """The fields of a command or an entry, in order, with what they depend on."""
    found: dict[str, Any] = {}
    conditions: tuple[Callable[[Any], bool], ...] = ()
    for element in layout.elements:
        if isinstance(element, Guard):
            conditions = (*conditions, _condition(element))
            continue
        more: dict[str, Any] = {"requires": _all(conditions)} if conditions else {}
        if isinstance(element, Repeat):
            if element.count:
                more["length"] = _count(element)
            found[spelled(element.name)] = t.StructField(type=t.List[_entry(element)], **more)
        else:
            kind = _kind(element.type)
            found[spelled(element.name)] = t.StructField(type=kind, optional=element.optional, **more)
    return found


def _kind(number: int) -> type[Any]:
    """zigpy's class for a ZCL type."""
    found: type[Any] = DataType.from_type_id(DataTypeId(number)).python_type
    return found


def _entry(repeat: Repeat) -> type[Any]:
    fields = _fields(repeat.items)
    if repeat.single:
        (only,) = fields.values()
        kind: type[Any] = only.type
        return kind
    return _structure(f"{repeat.name}Entry", t.Struct, fields)


def _condition(guard: Guard) -> Callable[[Any], bool]:
    name = spelled(guard.field)
    return lambda frame: (getattr(frame, name) == guard.value) is guard.equal


def _all(conditions: tuple[Callable[[Any], bool], ...]) -> Callable[[Any], bool]:
    return lambda frame: all(condition(frame) for condition in conditions)


def _count(repeat: Repeat) -> Callable[[Any], int]:
    """Before the count is known there are none, as in a frame that a guard has cut short."""
    name = spelled(repeat.count)
    return lambda frame: (getattr(frame, name) or 0) & repeat.mask
