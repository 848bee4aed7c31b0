"""The rules that fix the octets of a message: which document says it, where, and what.

A rule names the published document; what stands in brackets is where the project's reference
has it. Sections are those the reference or the rooms of `gbcs` give, and no others.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from ..dlms.objects import CLASS_NAMES
from ..usecases import by_code
from ..zcl.clusters import cluster_name
from .rule_rows import ROWS


class Rule(NamedTuple):
    """One rule: its name here, the document, the section and what it says."""

    id: str
    document: str
    section: str
    text: str


RULES: dict[str, Rule] = {row[0]: Rule(*row) for row in ROWS}


@cache
def use_case_rule(code: int) -> Rule:
    """The mapping table of a use case: what items its messages have."""
    found = by_code(code)
    if found is None:
        return RULES["unknown"]
    text = f"{found.name} {found.title}: its components, in their order."
    return Rule("use-case", "GBCS", f"use case {found.name}", text)


@cache
def class_rule(class_id: int, name: str) -> Rule:
    """What a COSEM class says of a member."""
    section = f"class {class_id} {CLASS_NAMES.get(class_id, '')}".rstrip()
    # classes of GBCS itself are in no Blue Book
    document = "DLMS Blue Book" if class_id < 9000 else "GBCS"
    return Rule("class", document, f"{section}, {name}", "The type and the meaning of a member.")


@cache
def cluster_rule(cluster: int, command: str) -> Rule:
    """What a cluster says of the fields of a command."""
    name = cluster_name(cluster) or f"cluster {cluster:04X}"
    document = "ZigBee Smart Energy" if cluster >= 0x0700 else "ZigBee Cluster Library"
    return Rule("cluster", document, f"{name} cluster, {command}", "The fields of a command, in their order.")
