"""Reading the trust anchor cells (CS02a, CS02f), and content encrypted for who asked."""

from __future__ import annotations

import pytest

from gbcs.asn1.credentials import (
    CellContents,
    CellIdentifier,
    CredentialsCommand,
    RoleDetails,
    StatusCode,
    command_octets,
    read_response,
)
from gbcs.dlms.axdr import Tag
from gbcs.errors import Check, GbcsError
from gbcs.ids import CellUsage, KeyUsage, Role
from gbcs.message import OtherInformation
from gbcs.party import RemoteParty, Supplementary
from gbcs.usecases import by_code, by_name
from smets.settings import DeviceSettings
from smets.values import Value
from tests.smets.homes import (
    ANCHORS,
    BROKER,
    ENTITIES,
    KEYS,
    METER,
    READER,
    READER_CERTIFICATES,
    SUPPLIER,
    Home,
    Reply,
    credentials_request,
    dlms_use_cases,
    plaintext,
    protected_parameters,
    remade,
)

TRANSCOS = ENTITIES[Role.TRANSITIONAL_COS]
READER_AGREEMENT = next(c for c in READER_CERTIFICATES if c.usage is KeyUsage.KEY_AGREEMENT)
BEHALF = Supplementary(READER, 321, READER_AGREEMENT.der)


def details(reply: Reply) -> tuple[RoleDetails, ...]:
    assert reply.response is not None, reply.effects
    return read_response(reply.response.payload)


@pytest.mark.parametrize("by", [BROKER, TRANSCOS])
@pytest.mark.parametrize("code", [0x0008, 0x011B])
def test_the_cells_of_every_role_are_told(by: bytes, code: int) -> None:
    home = Home.new()
    home.run("ECS43", counter=77)
    use_case = by_code(code)
    assert use_case is not None
    roles = (*range(9), 127, 3)
    if by not in [ENTITIES[role] for role in use_case.roles if role in ENTITIES]:
        pytest.fail("the table lets both ask")
    reply = home.run(use_case, by=by, payload=credentials_request(by, roles))  # type: ignore[arg-type]
    assert reply.response is not None
    assert reply.response.mac_header == (by == BROKER)
    found = details(reply)
    assert [row.role for row in found] == list(roles)
    for row in found:
        anchors = sorted(
            (a for a in ANCHORS if a.role == row.role), key=lambda a: (a.usage.value, a.cell_usage)
        )
        cells = tuple(CellContents(a.usage, a.cell_usage, a.entity, a.key_id) for a in anchors)
        if cells:
            counter = 77 if row.role == Role.SUPPLIER else 0
            assert row == RoleDetails(row.role, StatusCode.SUCCESS, counter, cells)
        else:
            missing = StatusCode.TRUST_ANCHOR_NOT_FOUND if code == 0x0008 else StatusCode.OTHER
            assert row == RoleDetails(row.role, missing)


def test_the_status_of_a_missing_role_is_a_setting() -> None:
    home = Home.new(settings=DeviceSettings(missing_role_status=StatusCode.OTHER))
    assert details(home.run("CS02a", payload=credentials_request(BROKER, (6,)))) == (RoleDetails(6, 127),)


@pytest.mark.parametrize(
    ("by", "cell"),
    [
        (BROKER, CellIdentifier(Role.ACCESS_CONTROL_BROKER, KeyUsage.DIGITAL_SIGNATURE)),
        (BROKER, CellIdentifier(Role.SUPPLIER, KeyUsage.KEY_AGREEMENT)),
        (TRANSCOS, CellIdentifier(Role.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)),
        (TRANSCOS, CellIdentifier(Role.SUPPLIER, KeyUsage.DIGITAL_SIGNATURE)),
        (TRANSCOS, CellIdentifier(Role.TRANSITIONAL_COS, KeyUsage.KEY_AGREEMENT)),
    ],
)
def test_the_authorising_cell_has_to_protect_the_command(by: bytes, cell: CellIdentifier) -> None:
    home = Home.new()
    payload = command_octets(CredentialsCommand(cell, (2,)))
    reply = home.run("CS02a", by=by, payload=payload)  # type: ignore[arg-type]
    assert reply.response is None
    assert reply.happened.check is Check.TEMPLATE


def test_a_supplier_may_not_ask() -> None:
    home = Home.new()
    reply = home.run("CS02a", by=SUPPLIER, payload=credentials_request(SUPPLIER))
    assert reply.happened.check is Check.AUTHORITY


def test_the_lengths_of_the_answer_are_a_setting() -> None:
    wide = Home.new().run("CS02a", payload=credentials_request(BROKER, (2, 3))).response
    narrow = Home.new(settings=DeviceSettings(wide_der_lengths=False))
    short = narrow.run("CS02a", payload=credentials_request(BROKER, (2, 3))).response
    assert wide is not None
    assert short is not None
    assert read_response(wide.payload) == read_response(short.payload)
    assert len(wide.payload) > len(short.payload)


# -- encrypted content --------------------------------------------------------------------

PROTECTED = [u for u in dlms_use_cases() if protected_parameters(u, 1, SUPPLIER)]


def test_there_are_ten_protected_reads() -> None:
    assert len(PROTECTED) == 10


@pytest.mark.parametrize("name", [u.name for u in PROTECTED])
def test_content_is_for_the_party_that_asked_and_no_other(name: str) -> None:
    home = Home.new()
    reply = home.run(name)
    assert plaintext(reply).tag == Tag.STRUCTURE
    assert reply.response is not None
    octets = reply.apdu.items[0].data.value[1].value
    other = BROKER if reply.command.originator != BROKER else SUPPLIER
    sealed_for = RemoteParty(other, KEYS)
    with pytest.raises(GbcsError):
        sealed_for.unseal(remade(reply.response, recipient=other), octets)


BEHALVES = [u.name for u in PROTECTED if u.flags & {"behalf-certificate", "behalf"}]


@pytest.mark.parametrize("own_counter", [True, False])
@pytest.mark.parametrize("name", BEHALVES)
def test_an_unknown_party_opens_what_the_broker_asked_for_him(name: str, own_counter: bool) -> None:
    home = Home.new(settings=DeviceSettings(supplementary_originator_counter=own_counter))
    for named in (BROKER, READER):  # the originator the request names: header's or supplementary
        home.counter += 1
        parameters = protected_parameters(by_name(name), home.counter, named)
        before = home.work.number("counter/own")
        reply = home.run(name, parameters, counter=home.counter, supplementary=BEHALF)
        assert reply.response is not None
        counter = home.work.number("counter/own")
        assert counter == before + own_counter
        code = reply.command.code
        assert reply.response.other == OtherInformation(code, READER, 321, counter if own_counter else None)
        assert plaintext(reply, READER).tag == Tag.STRUCTURE
        octets = reply.apdu.items[0].data.value[1].value
        for_broker = remade(reply.response, other=OtherInformation(code))
        with pytest.raises(GbcsError):
            RemoteParty(BROKER, KEYS).unseal(for_broker, octets)


def test_a_party_in_a_cell_needs_no_certificate() -> None:
    """The broker asks for the supplier, whose key agreement certificate the meter holds."""
    home = Home.new()
    parameters = protected_parameters(by_name("ECS21b"), 3000, BROKER)
    reply = home.run("ECS21b", parameters, counter=3000, supplementary=Supplementary(SUPPLIER, 9))
    assert plaintext(reply, SUPPLIER).tag == Tag.STRUCTURE


@pytest.mark.parametrize("spoil", ["counter", "originator", "recipient"])
def test_parameters_of_another_message_answer_12(spoil: str) -> None:
    home = Home.new()
    originator = BROKER if spoil == "originator" else SUPPLIER
    parameters = protected_parameters(by_name("ECS17b"), 4000 + (spoil == "counter"), originator)
    if spoil == "recipient":
        from gbcs.dlms.protection import protected_request
        from gbcs.dlms.protection_rows import protected_read
        from gbcs.dlms.templates import templates

        row = protected_read(templates(by_name("ECS17b").code or 0)[0].components[0].ln)
        assert row is not None
        parameters = [protected_request(row, 4000, SUPPLIER, BROKER)]
    assert home.run("ECS17b", parameters, counter=4000, by=SUPPLIER).results == [12]


def test_the_values_inside_are_those_of_the_meter() -> None:
    home = Home.new(items={"ActiveImportRegister": 123_456})
    (collection,) = plaintext(home.run("ECS17b")).value
    first: Value = collection.value[0].value
    assert first == 123_456
    assert home.run("ECS17b").response is not None
    assert home.device.entity == METER


def test_each_tells_the_other_cell_usages_apart() -> None:
    home = Home.new()
    (row,) = details(home.run("CS02a", payload=credentials_request(BROKER, (2,))))
    assert [cell.cell_usage for cell in row.cells] == [
        CellUsage.MANAGEMENT,
        CellUsage.MANAGEMENT,
        CellUsage.PREPAYMENT_TOP_UP,
    ]
