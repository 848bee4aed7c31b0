"""What there is to say about a use case: its row, how its messages are protected, their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gbcs.ids import Kind, Payload
from gbcs.usecases import UseCase

from .text import ROLE_NAMES

VERSION = 1
BASES = {
    "table": "read in the published tables",
    "expert": "expert knowledge, not in the published tables",
    "analogy": "by analogy with other use cases",
}

OUTCOMES = frozenset(("Fault", "Components", "Items"))
"""Values that say what became of a command, in place of what was read (`gbcs.named.describe.OUTCOME`)."""


class Protection(NamedTuple):
    """Who signs and who MACs a message, None for nobody; `text` says it in a sentence."""

    signature: str | None
    mac: str | None
    text: str


class Form(NamedTuple):
    """One form of a kind of message: its variant or '', its values, an example of them.

    `example` is None where there is no example that builds; `values` are trees (`Part`).
    """

    variant: str
    values: tuple[Any, ...]
    example: dict[str, Any] | None


def code_text(row: UseCase) -> str:
    """The Message Code, or - for a use case without a message."""
    return "-" if row.code is None else f"{row.code:04X}"


def senders(row: UseCase) -> list[str]:
    """Who may send the command."""
    return [ROLE_NAMES[role] for role in row.roles] + (["ppmid"] if row.from_ppmid else [])


def facts(row: UseCase) -> dict[str, Any]:
    """The columns of a row as a JSON object."""
    return {
        "v": VERSION,
        "use_case": row.name,
        "message_code": None if row.code is None else code_text(row),
        "title": row.title,
        "service_references": list(row.service_references),
        "devices": [d.value for d in row.devices],
        "devices_inferred": row.devices_inferred,
        "payload": row.payload.value,
        "payload_by_device": row.payload_by_device,
        "roles": senders(row),
        "kinds": [kind.value for kind in row.kinds],
        "critical": row.critical,
        "command_signed": row.command_signed,
        "command_maced": row.command_maced,
        "replay_protected": row.replay_protected,
        "replay_basis": row.replay_basis,
        "future_datable": row.future_datable,
        "response_has_date_time": row.response_has_date_time,
        "response_encrypted": row.response_encrypted,
        "superseded": row.superseded,
    }


def headings(row: UseCase) -> list[tuple[str, str]]:
    """The columns of a row for the reader: what and its value."""
    devices = " ".join(d.value for d in row.devices) or "any"
    found = [
        ("message code", code_text(row)),
        ("service references", " ".join(row.service_references) or "-"),
        ("devices", devices + (" (partly inferred)" if row.devices_inferred else "")),
        ("payload", row.payload.value + (", by the device that sends it" if row.payload_by_device else "")),
        ("critical", "yes" if row.critical else "no"),
    ]
    if not row.kinds:
        return [*found, ("messages", "none, it only has a number")]
    if Kind.COMMAND in row.kinds or Kind.RESPONSE in row.kinds:
        replay = "yes" if row.replay_protected else "no"
        found += [
            ("sent by", ", ".join(senders(row)) or "-"),
            ("replay protection", f"{replay} ({BASES[row.replay_basis]})"),
            ("future dating", "yes" if row.future_datable else "no"),
            ("response content", _response(row)),
        ]
    elif row.response_encrypted:
        found.append(("alert content", "some of it is encrypted"))
    found += [("remark", text) for flag, text in _REMARKS.items() if flag in row.flags]
    return found


_REMARKS = {
    "superseded": "superseded; smets build wants --legacy for it",
    "behalf": "the broker may ask for it on behalf of another party",
    "behalf-certificate": "the broker may ask for it on behalf of another party, with its certificate",
    "tap-off": "a gas meter passes the content on to the gas proxy (tap off)",
    "gsme-supplier-only": "a gas meter answers its supplier only, the gas proxy all who may send it",
    "dual-band": "only for a dual-band hub",
}


def _response(row: UseCase) -> str:
    encrypted = "some of it is encrypted" if row.response_encrypted else "nothing in it is encrypted"
    return f"{'with' if row.response_has_date_time else 'no'} date-time in its header, {encrypted}"


def protection(row: UseCase, kind: Kind) -> Protection:
    """How a kind of message is protected (gbcs-messages 4)."""
    broker = "ppmid" if row.from_ppmid else "broker"
    if kind is Kind.PRECOMMAND:
        return Protection(None, None, "neither signature nor MAC: for the originator to sign")
    if kind is Kind.COMMAND:
        if row.signed_or_maced:
            text = "signature of the originator or MAC of the broker, as the authorising cell in it says"
            return Protection("originator", broker, text)
        return _command(row, broker)
    if kind is Kind.RESPONSE and row.signed_or_maced:
        return Protection("device", "device", "signature or MAC of the device, as the command had it")
    if row.critical:
        return Protection("device", None, "signature of the device, no MAC")
    reader = "the recipient" if kind is Kind.ALERT else "the originator of the command"
    return Protection(None, "device", f"no signature, MAC of the device for {reader}")


def _command(row: UseCase, broker: str) -> Protection:
    signature = "originator" if row.command_signed else None
    mac = broker if row.command_maced else None
    signed = f"signature of the {signature}" if signature else "no signature"
    if signature and "behalf" in row.flags:
        signed += " (of the broker, for a party that may not sign)"
    if "mac-only" in row.flags:
        signed = "no signature, except to a hub"
    return Protection(signature, mac, f"{signed}, {f'MAC of the {mac}' if mac else 'no MAC'}")


def forms(row: UseCase, kind: Kind) -> list[Form]:
    """The forms of a kind of message: one, or one a variant."""
    from gbcs.named.describe import describe, variants
    from gbcs.named.parts import example_values

    found = []
    for variant in variants(row, kind):
        values = _limited(row, kind, variant, describe(row, kind, variant))
        example = example_values([part for part in values if part.name not in OUTCOMES])
        found.append(Form(variant, values, example if _builds(row, kind, example) else None))
    return found


def _limited(row: UseCase, kind: Kind, variant: str, values: Sequence[Any]) -> tuple[Any, ...]:
    """The values of a command to a meter, with the limits of its items."""
    if row.payload is not Payload.DLMS or kind not in (Kind.PRECOMMAND, Kind.COMMAND):
        return tuple(values)
    from gbcs.dlms.templates import templates
    from gbcs.named.dlms_plan import plan

    from .item_limits import meter_part

    assert row.code is not None
    template = next(one for one in templates(row.code) if one.variant == variant)
    steps = {step.name: step for step in plan(template)}
    return tuple(meter_part(steps[part.name], part) if part.name in steps else part for part in values)


def _builds(row: UseCase, kind: Kind, values: dict[str, Any]) -> bool:
    """Whether values make a payload; what has to be encrypted counts as encrypted."""
    from gbcs.errors import BuildError
    from gbcs.ids import Cra, EntityId
    from gbcs.message import Message, OtherInformation
    from gbcs.named.common import Place
    from gbcs.named.payload import family_of, payload_of

    assert row.code is not None
    cra = {Kind.RESPONSE: Cra.RESPONSE, Kind.ALERT: Cra.ALERT}.get(kind, Cra.COMMAND)
    somebody = EntityId(bytes(8))
    message = Message(cra, 1, somebody, somebody, OtherInformation(row.code), b"")
    try:
        payload_of(
            Place(message, None, lambda plain: bytes(5) + plain + bytes(12)),
            values,
            family_of(row.code, kind),
        )
    except BuildError:
        return False
    return True


def build_options(row: UseCase, kind: Kind) -> str:
    """What `smets build` needs beside values: the kind, consent to old use cases or assumptions."""
    from gbcs.building import ASSUMED
    from gbcs.named.parts import MOMENT_EXAMPLE

    found = [] if kind is Kind.COMMAND else [f"--kind {kind.value}"]
    if kind is Kind.RESPONSE and row.response_has_date_time:
        found.append(f"--date-time {MOMENT_EXAMPLE}")
    if row.superseded:
        found.append("--legacy")
    if row.code in ASSUMED:
        found.append(f"--assume {ASSUMED[row.code].value}")
    return " ".join(("", *found))


def same_forms(row: UseCase, kinds: Sequence[Kind]) -> list[tuple[tuple[Kind, ...], list[Form]]]:
    """The kinds with their forms; a pre-command goes with its command, whose values it has."""
    groups: list[tuple[tuple[Kind, ...], list[Form]]] = []
    for kind in kinds:
        if kind is Kind.COMMAND and groups and groups[-1][0] == (Kind.PRECOMMAND,):
            groups[-1] = ((Kind.PRECOMMAND, kind), groups[-1][1])
        else:
            groups.append(((kind,), forms(row, kind)))
    return groups


def part_fields(part: Any) -> dict[str, Any]:
    """A tree of values as a JSON object, without what is empty."""
    from gbcs.named.parts import MANY, Shape

    found: dict[str, Any] = {"name": part.name, "shape": part.shape.value, "required": part.required}
    for key in ("about", "unit", "source", "note"):
        if getattr(part, key):
            found[key] = getattr(part, key)
    if part.shape is Shape.LIST:
        found |= {"least": part.lo, "most": None if part.hi >= MANY else part.hi}
    if part.limits:
        found["limits"] = list(part.limits)
    if part.parts:
        found["parts"] = [part_fields(below) for below in part.parts]
    return found


def messages(row: UseCase, kinds: Sequence[Kind]) -> list[dict[str, Any]]:
    """The kinds of message as JSON objects."""
    found = []
    for group, values in same_forms(row, kinds):
        for kind in group:
            guard = protection(row, kind)
            found.append(
                {
                    "kind": kind.value,
                    "protection": guard._asdict(),
                    "forms": [
                        {
                            "variant": form.variant or None,
                            "fields": [part_fields(part) for part in form.values],
                            "example": form.example,
                        }
                        for form in values
                    ],
                }
            )
    return found


def with_limits(part: Any) -> str:
    """What a node takes, with the tighter limits."""
    limits = "; ".join(part.limits)
    return f"{part.summary} [{limits}]" if limits else str(part.summary)
