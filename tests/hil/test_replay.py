"""Replaying pairs made here: what matches, what does not and what the reason names."""

from dataclasses import replace

import pytest

from gbcs.asn1.der import der_octets, parse_der
from gbcs.dlms.apdu import AccessResponse, ResponseItem, parse_apdu
from gbcs.dlms.axdr import BitString, Data, Tag, TypeDescription, data_octets, read_data
from gbcs.ids import Cra, DeviceType, EntityId, KeyUsage, Payload, Role
from gbcs.message import Message, OtherInformation
from gbcs.security.encryption import ContentKey, seal
from gbcs.security.keys import SharedSecrets
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.verify import Verifier
from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW
from hil.replay.pairs import collect
from hil.replay.run import Replayer
from hil.replay.verdicts import Figure, Tally, Verdict
from tests.hil.replay_home import (
    BROKER,
    LATER,
    METER,
    OPERATOR,
    SUPPLIER,
    Alter,
    Home,
    credentials,
    data,
    header,
    item,
    load_limit,
    log_read,
    one,
    protected,
    within,
)

ECS52, ECS35A, ECS26J, ECS26F, ECS25R1, ECS24B = 0x0059, 0x0048, 0x00BE, 0x0040, 0x00EE, 0x00BD
ECS17B, ECS43, ECS28A, ECS26A, CS02A = 0x0027, 0x0050, 0x0043, 0x003B, 0x0008
COLLECTION = protected(ECS17B, "ImportRegisterCollection.read")


# -- what matches -----------------------------------------------------------------------


def test_an_emulated_meter_answers_as_another_with_other_keys_did() -> None:
    home = Home()
    home.pair("READ", ECS52)
    home.pair("LOG", ECS35A, log_read(ECS35A))
    home.pair("ARRAYS", ECS26A)
    home.pair("SEALED", ECS17B, COLLECTION)
    home.pair("SIGNED", ECS43)
    home.pair("NOW", ECS28A, load_limit(ACTIVATE_NOW))
    home.pair("DER", CS02A, credentials())
    outcomes = home.replay()
    assert {o.case: (o.verdict, o.why, o.device) for o in outcomes} == {
        f"{case}_X": (Verdict.MATCH, "", "ESME single")
        for case in ("READ", "LOG", "ARRAYS", "SEALED", "SIGNED", "NOW", "DER")
    }
    assert [o.case for o in outcomes] == sorted(o.case for o in outcomes)


def test_the_variant_that_matches_is_named() -> None:
    outcome = one(ECS24B, variant="twin")
    assert (outcome.verdict, outcome.device) == (Verdict.MATCH, "ESME twin")


def test_values_and_counts_of_arrays_may_differ() -> None:
    firmware = data(0, lambda node: node._replace(value=b"else"))
    assert one(ECS52, alter=firmware).verdict is Verdict.MATCH
    longer = data(0, lambda node: node._replace(value=node.value * 2))
    assert one(ECS26F, alter=longer).verdict is Verdict.MATCH
    shorter = data(0, lambda node: node._replace(value=()))
    assert one(ECS26F, alter=shorter).verdict is Verdict.MATCH


def test_the_supplementary_originator_counter_may_differ() -> None:
    home = Home()
    home.pair("CASE", ECS52)
    asked = OtherInformation(ECS52, OPERATOR, 7)
    home.messages = {
        name: replace(
            message,
            originator=BROKER if message.cra is Cra.COMMAND else METER,
            recipient=METER if message.cra is Cra.COMMAND else BROKER,
            other=replace(asked, originator_counter=None if message.cra is Cra.COMMAND else 9),
        ).encoded()
        for name, message in home.messages.items()
    }
    (outcome,) = home.replay()
    assert outcome.verdict is Verdict.MATCH, outcome.why


# -- "equal means", respect by respect --------------------------------------------------

OTHER = EntityId.parse("00-00-5E-00-53-00-00-FF")


def unsigned(message: Message) -> Message:
    return replace(message, signature=None).encoded()


def bare(message: Message) -> Message:
    return replace(message, mac_header=False, mac=None).encoded()


@pytest.mark.parametrize(
    ("alter", "reason"),
    [
        (bare, "header mac_header"),
        (header(other=OtherInformation(0x005A)), "header code"),
        (header(cra=Cra.ALERT), "header cra"),
        (header(counter=1), "header counter"),
        (header(originator=OTHER), "header originator"),
        (header(recipient=OTHER), "header recipient"),
        (header(other=OtherInformation(ECS52, SUPPLIER)), "other-information party"),
        (header(other=OtherInformation(ECS52, SUPPLIER, 5)), "other-information party_counter"),
        (header(other=OtherInformation(ECS52, SUPPLIER, 5, None, b"certificate")), "certificate"),
        (header(date_time=LATER.to_cosem()), "header date_time: one expected, none given"),
    ],
)
def test_another_header_is_a_mismatch(alter: Alter, reason: str) -> None:
    outcome = one(ECS52, alter=alter)
    assert outcome.verdict is Verdict.MISMATCH
    assert reason in outcome.why


def test_a_missing_date_time_and_a_missing_signature_are_mismatches() -> None:
    outcome = one(ECS28A, load_limit(ACTIVATE_NOW), alter=header(date_time=None))
    assert outcome.why == "header date_time: none expected, one given"
    outcome = one(ECS43, alter=unsigned)
    assert outcome.why == "header signature: none expected, one given"
    assert outcome.verdict is Verdict.MISMATCH


def number(value: int, tag: Tag = Tag.DOUBLE_LONG_UNSIGNED) -> Data:
    return Data(int(tag), value)


def retagged(node: Data) -> Data:
    return node._replace(tag=int(Tag.DOUBLE_LONG))


def longer(node: Data) -> Data:
    return node._replace(value=(*node.value, number(1)))


def other_description(node: Data) -> Data:
    description = TypeDescription(int(Tag.STRUCTURE), 0, (TypeDescription(int(Tag.UNSIGNED)),))
    return node._replace(value=node.value._replace(description=description, entries=()))


ALTERED_DLMS = [
    (ECS52, item(0, lambda i: i._replace(choice=3)), "items[0] choice: 3 expected, 1 given"),
    (ECS52, data(0, lambda n: number(1)), "items[0]: double-long-unsigned expected, octet-string given"),
    (ECS52, data(0, lambda n: n._replace(value=b"abc")), "4 octets declared, 3 found"),
    (ECS26J, data(0, longer), "items[0]: 3 elements expected, 2 given"),
    (ECS26J, data(0, within([0], lambda n: n._replace(tag=int(Tag.UNSIGNED)))), "items[0][0]: unsigned"),
    (
        ECS25R1,
        data(2, lambda n: n._replace(value=BitString(248, bytes(31)))),
        "items[2]: 248 bits expected, 256 given",
    ),
    (ECS26F, data(0, within([1], retagged)), "reference items[0][1]: double-long-unsigned expected"),
    (
        ECS26F,
        data(0, lambda n: n._replace(value=(retagged(n.value[0]),))),
        "items[0][]: double-long expected",
    ),
    # nothing of ours to compare with: what the object table declares decides
    (ECS26A, data(1, lambda n: n._replace(value=(number(1),))), "reference items[1][0]: structure declared"),
]


@pytest.mark.parametrize(("code", "alter", "reason"), ALTERED_DLMS)
def test_another_type_tree_is_a_mismatch(code: int, alter: Alter, reason: str) -> None:
    outcome = one(code, alter=alter)
    assert outcome.verdict is Verdict.MISMATCH
    assert reason in outcome.why


def test_another_compact_array_description_is_a_mismatch() -> None:
    outcome = one(ECS35A, log_read(ECS35A), alter=data(0, other_description))
    assert outcome.verdict is Verdict.MISMATCH
    assert "items[0]: another compact-array type description" in outcome.why


def test_fewer_items_and_another_apdu_are_mismatches() -> None:
    def shortened(message: Message) -> Message:
        apdu = parse_apdu(message.payload)
        assert isinstance(apdu, AccessResponse)
        return replace(message, payload=replace(apdu, items=apdu.items[:1]).octets()).encoded()

    assert "1 items expected, 4 given" in one(ECS25R1, alter=shortened).why

    def asked(message: Message) -> Message:
        return replace(message, payload=Home().command(ECS52).payload).encoded()

    assert one(ECS52, alter=asked).why == "no access-response"


def resealed(change: Data, home: Home) -> Alter:
    """The protected plaintext replaced, sealed again under the same key."""

    def alter(message: Message) -> Message:
        key = ContentKey.of(message)
        secrets = SharedSecrets(home.store)
        ours, theirs = (home.store.find(e, KeyUsage.KEY_AGREEMENT) for e in (key.originator, key.recipient))
        assert ours is not None
        assert theirs is not None
        octets = seal(data_octets(change), key.derive(secrets.between(ours, theirs)), key.originator)

        def sealed(i: ResponseItem) -> ResponseItem:
            parameters, _ = i.data.value
            return i._replace(data=i.data._replace(value=(parameters, Data(int(Tag.OCTET_STRING), octets))))

        return item(0, sealed)(message)

    return alter


def test_types_are_compared_after_decryption() -> None:
    home = Home()
    home.pair("SEALED", ECS17B, COLLECTION)
    response = home.messages["SEALED_RESPONSE_X.HEX"]
    apdu = parse_apdu(response.payload)
    assert isinstance(apdu, AccessResponse)
    plain, _ = read_data(Verifier(home.store).unseal(response, apdu.items[0].data.value[1].value))

    def outcome(node: Data) -> tuple[Verdict, str]:
        return (found := one(ECS17B, COLLECTION, alter=resealed(node, home))).verdict, found.why

    assert outcome(within([0, 0], lambda n: n._replace(value=99))(plain)) == (Verdict.MATCH, "")
    verdict, why = outcome(within([0, 0], retagged)(plain))
    assert verdict is Verdict.MISMATCH
    assert "plaintext[0][0]: double-long expected, double-long-unsigned given" in why
    verdict, why = outcome(within([0], lambda n: n._replace(value=n.value[1:]))(plain))
    assert verdict is Verdict.MISMATCH
    assert "plaintext[0]: 3 elements expected, 4 given" in why


def test_content_that_cannot_be_decrypted_or_is_not_protected_is_a_mismatch() -> None:
    broken = data(0, within([1], lambda n: n._replace(value=n.value[:-1] + bytes((n.value[-1] ^ 1,)))))
    outcome = one(ECS17B, COLLECTION, alter=broken)
    assert outcome.verdict is Verdict.MISMATCH
    assert "decryption" in outcome.why
    clear = data(0, lambda n: Data(int(Tag.STRUCTURE), (number(1), number(2))))
    outcome = one(ECS17B, COLLECTION, alter=clear)
    assert outcome.why == "items[0]: protected in one only"


def der(change: tuple[int, int, str]) -> Alter:
    """One element of the second role's entry changed: position, tag or contents, or dropped."""
    position, tag, contents = change

    def alter(message: Message) -> Message:
        root = parse_der(message.payload)
        entry = list(root.children[1].children)
        if tag < 0:
            del entry[position]
        else:
            entry[position] = entry[position]._replace(tag=tag, contents=bytes.fromhex(contents))
        second = root.children[1]._replace(children=tuple(entry))
        payload = der_octets(root._replace(children=(root.children[0], second)))
        return replace(message, payload=payload).encoded()

    return alter


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((2, 0x04, "01"), "payload[1][2]: tag 04 expected, 02 given"),
        ((3, -1, ""), "payload[1]: 3 elements expected, 4 given"),
    ],
)
def test_der_answers_are_compared_by_tags_and_optionals(change: tuple[int, int, str], reason: str) -> None:
    outcome = one(CS02A, credentials(), alter=der(change))
    assert (outcome.verdict, outcome.why) == (Verdict.MISMATCH, reason)


def test_a_der_status_no_device_has_reason_for_needs_a_fault() -> None:
    failed = der((1, 0x0A, "7F"))
    assert one(CS02A, credentials(), alter=failed).verdict is Verdict.NEEDS_FAULT
    outcome = one(CS02A, credentials(), alter=failed, inject=True)
    assert outcome.verdict is Verdict.MISMATCH  # the counter and cells are still there
    assert outcome.why == "payload[1]: 4 elements expected, 2 given"


def test_a_der_status_the_device_gives_of_itself_is_a_match() -> None:
    outcome = one(CS02A, credentials((Role.SUPPLIER, Role.RECOVERY)))
    assert (outcome.verdict, outcome.fails) == (Verdict.MATCH, True)


# -- error pairs ------------------------------------------------------------------------


def test_a_failed_item_needs_a_fault_and_matches_with_it() -> None:
    outcome = one(ECS25R1, fault=(2, 1))
    assert (outcome.verdict, outcome.why) == (Verdict.NEEDS_FAULT, "item 2 fails with 1")
    outcome = one(ECS25R1, fault=(2, 1), inject=True)
    assert (outcome.verdict, outcome.why) == (Verdict.MATCH_INJECTED, "item 2 fails with 1")


def test_everything_but_the_failed_item_has_to_match() -> None:
    later = item(3, lambda i: i._replace(result=4))
    outcome = one(ECS25R1, fault=(2, 1), alter=later, inject=True)
    assert (outcome.verdict, outcome.why) == (Verdict.MISMATCH, "items[3] result: 4 expected, 250 given")
    earlier = data(1, lambda n: number(0))
    outcome = one(ECS25R1, fault=(2, 1), alter=earlier, inject=True)
    assert outcome.verdict is Verdict.MISMATCH
    assert "items[1]: double-long-unsigned expected, bit-string given" in outcome.why


# -- future-dated commands --------------------------------------------------------------


def future_dated() -> Home:
    home = Home()
    home.pair("DATED", ECS28A, load_limit(LATER.to_cosem()), alerts=True)
    assert sum("ALERT" in name for name in home.messages) == 4
    return home


def test_a_future_dated_command_gives_the_alerts_of_the_reference() -> None:
    (outcome,) = future_dated().replay()
    assert (outcome.verdict, outcome.why) == (Verdict.MATCH, "")


def test_an_alert_more_or_fewer_is_a_mismatch() -> None:
    home = future_dated()
    gone = home.messages.pop("DATED_2_ALERT_X.HEX")
    (outcome,) = home.replay()
    assert outcome.verdict is Verdict.MISMATCH
    assert "alert 8F66 for 0043" in outcome.why
    assert outcome.why.endswith("not expected")

    # the same alert about an attribute that no command activates
    octets = bytearray(gone.payload)
    octets[-1] ^= 0x40
    home.messages["DATED_2_ALERT_X.HEX"] = gone
    home.messages["DATED_9_ALERT_X.HEX"] = replace(gone, payload=bytes(octets)).encoded()
    (outcome,) = home.replay()
    assert outcome.verdict is Verdict.MISMATCH
    assert outcome.why.endswith(" expected")
    assert "not" not in outcome.why


def test_a_failure_alert_is_not_a_success_alert() -> None:
    home = future_dated()
    alert = home.messages["DATED_0_ALERT_X.HEX"]
    assert alert.payload.count(b"\x8f\x66") == 1
    failed = replace(alert, payload=alert.payload.replace(b"\x8f\x66", b"\x8f\x67")).encoded()
    home.messages["DATED_0_ALERT_X.HEX"] = failed
    (outcome,) = home.replay()
    assert outcome.verdict is Verdict.MISMATCH
    assert "alert 8F67" in outcome.why
    assert "alert 8F66" in outcome.why


def test_a_cancellation_yields_no_alert_even_with_the_counter_of_another_command() -> None:
    home = future_dated()
    home.counter -= 1
    home.device = Home().device
    home.pair("CANCEL", ECS28A, load_limit(ACTIVATE_NEVER))
    cancelled, dated = home.replay()
    assert (cancelled.case, cancelled.verdict, cancelled.why) == ("CANCEL_X", Verdict.MATCH, "")
    assert dated.verdict is Verdict.MATCH


# -- what cannot be replayed ------------------------------------------------------------


def replayed_with(home: Home, keep: MemoryKeyStore) -> tuple[Verdict, str]:
    (outcome,) = Replayer(keep, home.collection())
    return outcome.verdict, outcome.why


def without(
    store: MemoryKeyStore, entity: EntityId, usage: KeyUsage | None, keys_only: bool
) -> MemoryKeyStore:
    def gone(c: object) -> bool:
        return c.entity == entity and usage in (None, c.usage)  # type: ignore[attr-defined]

    private = [k for c in store.all() if not gone(c) and (k := store.private_key(c)) is not None]
    return MemoryKeyStore([c for c in store.all() if keys_only or not gone(c)], private)


@pytest.mark.parametrize(
    ("code", "entity", "usage", "keys_only", "reason"),
    [
        (ECS52, BROKER, None, False, "no certificate of an Access Control Broker"),
        (ECS52, BROKER, None, True, f"no private key of {BROKER} or {METER}"),
        (ECS52, SUPPLIER, None, False, f"no key agreement certificate of {SUPPLIER}"),
        (ECS52, SUPPLIER, None, True, f"no private key of {SUPPLIER} or {METER}"),
        (ECS43, SUPPLIER, None, False, f"no digital signature certificate of {SUPPLIER}"),
    ],
)
def test_a_key_nobody_has_is_named(
    code: int, entity: EntityId, usage: KeyUsage | None, keys_only: bool, reason: str
) -> None:
    home = Home()
    home.pair("CASE", code)
    assert replayed_with(home, without(home.store, entity, usage, keys_only)) == (
        Verdict.NEEDS_FOREIGN_KEY,
        reason,
    )


def test_a_root_nobody_has_is_needed_where_it_is_asked_for() -> None:
    home = Home()
    home.pair("ROOT", CS02A, credentials((Role.ROOT,)))
    # a reference device that knew its root
    home.memory.commit({"cell/000/5/0": home.pki.organisation_root.der})
    home.device = home.device.reopened(LATER)
    home.pair("ROOT", CS02A, credentials((Role.ROOT,)))
    assert [o.verdict for o in home.replay()] == [Verdict.MATCH]
    rootless = MemoryKeyStore(
        [c for c in home.store.all() if c.usage is not KeyUsage.KEY_CERT_SIGN],
        [k for c in home.store.all() if (k := home.store.private_key(c)) is not None and c.role is not None],
    )
    verdict, why = replayed_with(home, rootless)
    assert (verdict, why) == (Verdict.NEEDS_ROOT, "no certificate of the key store can stand in as root")
    issuing = rootless.with_added([home.pki.organisation_issuing])
    assert replayed_with(home, issuing) == (Verdict.MATCH, "")


def test_what_is_not_built_says_so() -> None:
    home = Home()
    home.pair("READ", ECS52)
    for name in list(home.messages):
        message = home.messages.pop(name)
        other = replace(message, other=OtherInformation(0xFFFF)).encoded()
        home.messages[name.replace("READ", "FFFF")] = other
    found = {o.case: (o.verdict, o.why) for o in home.replay()}
    assert found["FFFF_X"] == (Verdict.UNSUPPORTED, "no such use case")


def test_a_signature_of_somebody_else_is_a_mismatch() -> None:
    home = Home()
    home.pair("SIGNED", ECS43)
    command = home.messages["SIGNED_COMMAND_X.HEX"]
    assert command.signature is not None
    wrong = bytes((command.signature[0] ^ 1,)) + command.signature[1:]
    home.messages["SIGNED_COMMAND_X.HEX"] = replace(command, signature=wrong).encoded()
    (outcome,) = home.replay()
    assert outcome.verdict is Verdict.MISMATCH
    assert outcome.why.startswith("no response; signature")


# -- pairs and figures ------------------------------------------------------------------


def test_names_pair_commands_with_responses_of_the_same_folder() -> None:
    home = Home()
    home.pair("A", ECS52)
    command, response = home.messages.values()
    found = collect(
        [
            ("./one/A_COMMAND_X.HEX", command),
            ("one/A_RESPONSE_X.HEX", response),
            ("one/A_PRECOMMAND_X.HEX", command),
            ("two/B_COMMAND_.HEX", command),
            ("three/B_RESPONSE_.HEX", response),
        ]
    )
    assert [(pair.case, pair.command, pair.response) for pair in found.pairs] == [("A_X", command, response)]
    assert found.unpaired == ("three/B_RESPONSE_.HEX", "two/B_COMMAND_.HEX")
    assert DeviceType.ESME in found.device_types[METER]


def test_pairs_that_succeed_and_pairs_that_fail_are_counted_apart() -> None:
    home = Home()
    home.pair("A", ECS52)
    home.pair("B", ECS26J, alter=header(counter=1))
    home.pair("C", ECS25R1, fault=(0, 1))
    home.pair("D", CS02A, credentials())
    tally = Tally(home.replay())
    assert tally.figure(DeviceType.ESME, Payload.DLMS, False) == Figure(1, 2)
    assert tally.figure(DeviceType.ESME, Payload.DLMS, True) == Figure(0, 1)
    injected = Tally(home.replay(inject=True))
    assert injected.figure(DeviceType.ESME, Payload.DLMS, False) == Figure(1, 2)
    assert injected.figure(DeviceType.ESME, Payload.DLMS, True) == Figure(1, 1)
    assert injected.figure(DeviceType.ESME, Payload.ASN1, False) == Figure(1, 1)
    assert injected.verdicts[Verdict.MATCH] == 2
