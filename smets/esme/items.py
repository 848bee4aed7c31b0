"""The ESME's data items: type, default, limits, log sizes; one row for every COSEM attribute.

Defaults. SMETS as read for this project publishes none, so all of them are ours (gap: smets-esme 6 and
16.10). A device made with other items in its store has those; `EsmeOptions` has no setting for them:
credit mode, prices, balances and money thresholds 0, calendars empty, supply enabled,
load limiting off (no power exceeds the threshold), tamper and load limit state Unchanged,
WAN alerts and alarms off, HAN alerts and logging on, typical voltage limits (264, 200, 287,
180, 216 and 253 V; 30 s, averages over 1800 s), block thresholds unused, dates never set
2000-01-01, activation times never. Identity, model, firmware and the randomised offset number
belong to the device and are overwritten when it is made. The cap period of 604,800 s is SMETS's.

Rules for items without a row: a passive value starts as the active one and has its limits,
an activation time is never, a constant is what the object table says, a log is empty and
holds as many entries as its wire type counts, a mask-and-action string changes nothing.
Limits: reference smets-esme 6 and 7, dlms-payloads 7; those it only infers are added by `refusals`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from gbcs.dlms.activation import Way, activated_by
from gbcs.dlms.objects import Member, MemberKind, by_item, model
from gbcs.dlms.types import WireType, parse_type
from gbcs.errors import BuildError
from gbcs.ids import DeviceType
from gbcs.time import ACTIVATE_NEVER

from ..values import Value
from .limits import Limit
from .refusals import DEFAULT_REFUSALS, RefusalSettings, inferred

VARIANTS = ("single", "twin", "polyphase")
_ABSENT = {
    "single": frozenset({"twin", "polyphase"}),
    "twin": frozenset({"polyphase"}),
    "polyphase": frozenset({"twin"}),
}


def absent_flags(variant: str) -> frozenset[str]:
    """Flags of the object table that a variant does not have. Raises BuildError."""
    if variant not in VARIANTS:
        raise BuildError(f"no ESME variant is called {variant!r}")
    return _ABSENT[variant]


@dataclass(frozen=True, slots=True)
class Item:
    """One data item of a variant.

    `type` is its wire notation, `member` the COSEM attribute it stands behind (None for
    an internal item), `capacity` the size of a log or 0, `section` that of SMETS2.
    """

    name: str
    type: str
    default: Value
    limits: tuple[Limit, ...]
    section: str
    capacity: int
    member: Member | None

    @property
    def wire(self) -> WireType:
        """The wire type."""
        return parse_type(self.type)

    @property
    def settable(self) -> bool:
        """Whether a command may write it."""
        return self.member is not None and "set" in self.member.access

    def refusal(self, value: Value) -> str:
        """Why the item does not take a value; '' if it does."""
        if not self.wire.fits(value):
            return f"not of type {self.type}"
        for limit in self.limits:
            if reason := limit.refusal(value):
                return reason
        return ""


@cache
def items(
    variant: str, without: frozenset[str] = frozenset(), settings: RefusalSettings = DEFAULT_REFUSALS
) -> tuple[Item, ...]:
    """The items of a meter variant (`VARIANTS`), less those that bear one of the flags.

    Flags as in the object table: aux, apc, boost, legacy. Raises BuildError for another variant.
    """
    more = inferred(settings)
    absent = absent_flags(variant) | without
    from .item_rows import INTERNAL  # noqa: PLC0415  (kept out of importing this module)

    attributes = tuple(
        _item(member, variant, more)
        for member in model(DeviceType.ESME, absent).members
        if member.kind is MemberKind.ATTRIBUTE
    )
    internal = tuple(
        Item(name, type_text, parse_type(type_text).default(), (), section, 0, None)
        for name, variants, type_text, section in INTERNAL
        if not variants or variant in variants.split()
    )
    return attributes + internal


@cache
def _by_name(variant: str) -> dict[str, Item]:
    return {item.name: item for item in items(variant)}


def item(variant: str, name: str) -> Item:
    """One item of a variant. Raises BuildError for a name it does not have."""
    found = _by_name(variant).get(name)
    if found is None:
        raise BuildError(f"a {variant} ESME has no item {name!r}")
    return found


@cache
def _rows(variant: str) -> dict[str, tuple[Value, tuple[Limit, ...], str]]:
    from .item_rows import ROWS  # noqa: PLC0415  (kept out of importing this module)

    found: dict[str, tuple[Value, tuple[Limit, ...], str]] = {}
    for name, variants, default, limits, section in ROWS:
        if not variants or variant in variants.split():
            found[name] = (default, limits, section)
    return found


def _item(member: Member, variant: str, more: Mapping[str, tuple[Limit, ...]]) -> Item:
    default, limits, section = _content(member, variant)
    limits += more.get(member.item.removesuffix(".Passive"), ())
    wire = member.wire(variant == "twin")
    return Item(member.item, wire.text, default, limits, section, member.entries, member)


def _content(member: Member, variant: str) -> tuple[Value, tuple[Limit, ...], str]:
    """Default, limits and section: from the item's own row, or by the rules above."""
    row = _rows(variant).get(member.item)
    if row is not None:
        return row
    if member.constant is not None:
        return member.constant, (), ""
    if member.entries:
        from .item_rows import LOG_SECTIONS  # noqa: PLC0415

        return (), (), LOG_SECTIONS[member.item]
    if member.item.endswith(".ActivationTime"):
        return ACTIVATE_NEVER, (), ""
    if member.item.endswith(".MaskAndActions"):
        setting = by_item(member.item.removesuffix(".MaskAndActions"))
        return member.wire().default(), (), _content(setting, variant)[2]
    return _passive(member, variant)


def _passive(member: Member, variant: str) -> tuple[Value, tuple[Limit, ...], str]:
    row = activated_by(member)
    if row is None:
        raise BuildError(f"no row for the item {member.item}")
    pair = next(pair for pair in row.pairs if pair.passive is member)
    default, limits, section = _content(pair.active, variant)
    if pair.way is Way.WRAP and isinstance(default, tuple):
        default = default[0]
    return default, limits, section
