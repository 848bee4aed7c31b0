"""Replacements, new key pairs, failing commits and power cuts in any order leave a device that answers."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gbcs.asn1.credentials import CellIdentifier
from gbcs.asn1.own_credentials import (
    UpdateCode,
    issue_command_octets,
    read_issue_response,
    read_update_response,
    update_command_octets,
)
from gbcs.asn1.replacement import Replacement
from gbcs.ids import KeyUsage, Role
from gbcs.security.anchors import cells_of
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.requests import read_request
from gbcs.security.store import Credential
from smets.store import StoreError
from tests.gbcs.trust import ENTITIES, FIRST, PKI, private, row_of
from tests.smets.failing import Failing
from tests.smets.trusted import DEVICE, ESME, OWN, Rig

DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
PARTIES = {
    2: Role.SUPPLIER,
    3: Role.NETWORK_OPERATOR,
    4: Role.ACCESS_CONTROL_BROKER,
    6: Role.TRANSITIONAL_COS,
}
USAGES = {"ds": DS, "ka": KA}
STEPS = st.sampled_from(
    [
        *(f"{what} {usage}" for what in ("issue", "update") for usage in USAGES),
        *(f"replace {mode}" for mode in PARTIES),
        "cut",
    ]
)


class Model:
    """Which certificates count: those of the parties by role, and the device's by usage."""

    def __init__(self) -> None:
        self.generations = dict.fromkeys(PARTIES.values(), 0)
        self.own: dict[KeyUsage, Credential] = {c.usage: c for c in OWN}
        self.requested: dict[KeyUsage, Credential] = {}

    def party(self, role: Role, generation: int) -> tuple[Credential, ...]:
        return PKI.organisation(role, ENTITIES[role], generation=generation)

    def keys(self) -> MemoryKeyStore:
        others = [c for cell, c in FIRST.items() if cell.role not in self.generations]
        parties = [c for role, n in self.generations.items() for c in self.party(role, n)]
        private_keys = [private(c) for c in (*others, *parties)]
        return MemoryKeyStore([*others, *parties, *self.own.values()], private_keys)


def do(rig: Rig, model: Model, step: str) -> None:
    """One step, and what it changes in the model once it is carried out."""
    what, _, which = step.partition(" ")
    if what == "issue":
        usage = USAGES[which]
        answer = read_issue_response(rig.signed("CS02c", issue_command_octets(usage)).payload)
        assert isinstance(answer, bytes)
        request = read_request(answer)
        model.requested[usage] = PKI.certify_device(DEVICE, usage, request.public_key)
    elif what == "update":
        usage = USAGES[which]
        offered = model.requested.get(usage, model.own[usage])
        keys = model.keys()
        if usage in model.requested:
            after = Model()
            after.generations, after.own = model.generations, {**model.own, usage: offered}
            keys = after.keys()
        answer = rig.signed("CS02d", update_command_octets(offered.der), keys=keys)
        code = read_update_response(answer.payload)
        if usage in model.requested:
            assert code == UpdateCode.SUCCESS
            model.own[usage] = model.requested.pop(usage)
        else:
            assert code == UpdateCode.NO_CORRESPONDING_KEY_PAIR_GENERATED
    elif what == "replace":
        role = PARTIES[int(which)]
        generation = model.generations[role] + 1
        wanted = [
            Replacement(c.der, cell)
            for c in model.party(role, generation)
            if (cell := CellIdentifier(role, c.usage, c.cell_usage)) in cells_of(ESME)
        ]
        assert set(rig.run(row_of(int(which), ESME), replacements=tuple(wanted)).statuses) == {0}
        model.generations[role] = generation
    else:
        rig.cut_power(60)


@settings(max_examples=25)
@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=10))
def test_the_device_answers_with_the_keys_that_count(steps: list[tuple[str, bool]]) -> None:
    """After each step, also one whose first commit failed, the keys that count open what it sends."""
    store = Failing()
    rig, model = Rig(store=store), Model()
    for step, fails in steps:
        rig.keys = model.keys()
        if fails and step != "cut":
            before = store.snapshot()
            store.fails = True
            try:
                do(rig, model, step)
            except StoreError:
                pass
            else:
                raise AssertionError("every step is committed")
            store.fails = False
            assert store.snapshot() == before
            rig.restart()
        do(rig, model, step)
        rig.keys = model.keys()
        assert rig.read("ECS52").response is not None  # MACs of broker, supplier and device
        assert rig.read("ECS52", ENTITIES[Role.NETWORK_OPERATOR]).response is not None
