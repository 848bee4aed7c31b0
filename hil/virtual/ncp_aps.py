"""EmberApsFrame between EZSP and the stack."""

from __future__ import annotations

from .ezsp_types import Values
from .node_types import ApsFrame, ApsOption


def aps_of(values: Values) -> ApsFrame:
    """The APS frame of a command."""
    return ApsFrame(
        values["profile"],
        values["cluster"],
        values["source_endpoint"],
        values["destination_endpoint"],
        ApsOption(values["options"]),
        values["group_id"],
        values["sequence"],
    )


def aps_values(aps: ApsFrame) -> Values:
    """The APS frame of a callback."""
    return {
        "profile": aps.profile,
        "cluster": aps.cluster,
        "source_endpoint": aps.source_endpoint,
        "destination_endpoint": aps.destination_endpoint,
        "options": int(aps.options),
        "group_id": aps.group_id,
        "sequence": aps.sequence,
    }
