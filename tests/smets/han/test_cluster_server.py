"""What a node answers for its clusters, what of it a reader makes, and what it drops."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId
from gbcs.time import Utc
from gbcs.zcl.clusters import Attribute, Command, attribute_by_name, attributes_of, command_by_name
from gbcs.zcl.types import BY_NAME
from smets.han.attribute_client import MAX_WAITING, AttributeClient, Readings, read_attributes, readings
from smets.han.cluster_commands import Answer
from smets.han.cluster_server import ALL_ENDPOINTS, ClusterServer, ClusterSettings
from smets.han.endpoints import (
    BASIC,
    DEVICE_MANAGEMENT,
    KEEP_ALIVE,
    KEY_ESTABLISHMENT,
    METER,
    PREPAYMENT,
    TIME,
    TUNNELING,
    Endpoint,
    endpoints_of,
)
from smets.han.link import Address
from smets.han.zcl import ApsMessage, general_frame, parse_zcl, wants_default_response

NOW = Utc.of(2026, 1, 1)
PEER = Address(EntityId(bytes(7) + b"\1"), 2)
HERE = 9
ENDPOINT = Endpoint(2, 0x0501, (BASIC, TIME, METER, TUNNELING, KEY_ESTABLISHMENT), (TIME, PREPAYMENT))
VALUES: Mapping[tuple[int, str], Any] = {
    (BASIC, "ZCLVersion"): 2,
    (BASIC, "ManufacturerName"): b"0000",
    (TIME, "Time"): None,  # see Held
    (METER, "CurrentSummationDelivered"): 12345,
    (METER, "UnitOfMeasure"): 0,
    (METER, "InstantaneousDemand"): 1 << 23,  # more than the attribute can say
    (KEY_ESTABLISHMENT, "KeyEstablishmentSuite"): 2,
}


class Held:
    """Values as given, and the time."""

    def __init__(self, values: Mapping[tuple[int, str], Any] = VALUES) -> None:
        self._values = values

    def read(self, attribute: Attribute, endpoint: Endpoint, now: Utc) -> Any:
        if (attribute.cluster, attribute.name) == (TIME, "Time"):
            return now.seconds
        return self._values.get((attribute.cluster, attribute.name))

    def takes(self, command: Command) -> bool:
        return False

    def answer(
        self,
        command: Command,
        values: Mapping[str, Any],
        endpoint: Endpoint,
        now: Utc,
        room: int,
        requester: EntityId | None,
    ) -> Answer:
        raise AssertionError("not taken")


def server(settings: ClusterSettings | None = None) -> ClusterServer:
    endpoints = Endpoint(1, 0x0508, (BASIC,)), ENDPOINT
    return ClusterServer(endpoints, Held(), settings or ClusterSettings())


def request(cluster: int, octets: str, endpoint: int = 2, encrypted: bool = True) -> ApsMessage:
    return ApsMessage(cluster, HERE, endpoint, bytes.fromhex(octets), encrypted)


# -- octets -------------------------------------------------------------------------------

# cluster, request, answer ("" for none)
EXCHANGES = {
    "read one": (BASIC, "00 21 00 0000", "18 21 01 0000 00 20 02"),
    "read text": (BASIC, "10 21 00 0400", "18 21 01 0400 00 42 04 30303030"),
    "read the time": (
        TIME,
        "00 22 00 0000",
        f"18 22 01 0000 00 E2 {NOW.seconds.to_bytes(4, 'little').hex()}",
    ),
    "read several": (
        METER,
        "00 01 00 0003 0000 ADDE 0002",
        "18 01 01 0003 00 30 00 0000 00 25 393000000000 ADDE 86 0002 86",
    ),
    "read more than the attribute can say": (METER, "00 01 00 0004", "18 01 01 0004 01"),
    "read nothing": (METER, "00 01 00", "18 01 01"),
    "read suites": (KEY_ESTABLISHMENT, "00 01 00 0000", "18 01 01 0000 00 31 0200"),
    "read a client's side": (TIME, "08 01 00 0000", "10 01 01 0000 86"),
    "half an identifier": (METER, "00 01 00 0003 00", "18 01 0B 00 80"),
    "half an identifier, no default response": (METER, "10 01 00 0003 00", ""),
    "discover all": (BASIC, "00 05 0C 0000 FF", "18 05 0D 01 0000 20 0400 42"),
    "discover from": (BASIC, "00 05 0C 0100 FF", "18 05 0D 01 0400 42"),
    "discover one": (BASIC, "00 05 0C 0000 01", "18 05 0D 00 0000 20"),
    "discover none": (BASIC, "00 05 0C 0000 00", "18 05 0D 00"),
    "discover on a client's side": (TIME, "08 05 0C 0000 FF", "10 05 0D 01"),
    "discover, cut short": (BASIC, "00 05 0C 0000", "18 05 0B 0C 80"),
    "write": (METER, "00 07 02 0003 30 01", "18 07 0B 02 82"),
    "write, no default response": (METER, "10 07 02 0003 30 01", ""),
    "write without an answer": (METER, "00 07 05 0003 30 01", "18 07 0B 05 82"),
    "report": (TIME, "08 07 0A 0000 E2 00000000", "10 07 0B 0A 82"),
    "a general command nobody knows": (METER, "00 07 3F", "18 07 0B 3F 82"),
    "command of the cluster": (METER, "01 08 0C 02", "18 08 0B 0C 81"),
    "command 0B of the cluster": (METER, "01 08 0B", "18 08 0B 0B 81"),
    "command of the cluster, no default response": (METER, "11 08 0C 02", ""),
    "command of a client's side": (TIME, "09 08 00", "10 08 0B 00 81"),
    "cluster not there": (KEEP_ALIVE, "00 09 00 0000", "18 09 0B 00 C3"),
    "client's side not there": (METER, "08 09 00 0000", "10 09 0B 00 C3"),
    "server's side not there": (PREPAYMENT, "01 09 04", "18 09 0B 04 C3"),
    "an answer is taken": (TIME, "08 0A 01 0000 86", "10 0A 0B 01 00"),
    "an answer that asks for none": (TIME, "18 0A 01 0000 86", ""),
    "a default response": (METER, "00 0B 0B 06 00", ""),
    "a default response where the cluster is not": (KEEP_ALIVE, "00 0B 0B 06 00", ""),
    "tunnelling has a server of its own": (TUNNELING, "01 0C 02 0100 00", ""),
    "tunnelling does not know": (TUNNELING, "01 0C 55", "18 0C 0B 55 81"),
    "key establishment has its own": (KEY_ESTABLISHMENT, "01 0C 03 05 00 0200", ""),
    "a frame type nobody knows": (METER, "02 0D 00", ""),
    "a manufacturer's frame": (METER, "04 3412 0D 00 0000", ""),
    "too short": (METER, "00 0D", ""),
    "no octets": (METER, "", ""),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_exchanges(name: str) -> None:
    cluster, asked, answered = EXCHANGES[name]
    found = server().receive(request(cluster, asked), NOW)
    assert [answer.payload.hex() for answer in found] == [bytes.fromhex(answered).hex()] * bool(answered)
    for answer in found:
        assert (answer.source_endpoint, answer.destination_endpoint) == (2, HERE)
        assert (answer.cluster, answer.encrypted, answer.profile) == (cluster, True, 0x0109)


@pytest.mark.parametrize("encrypted", [True, False])
def test_the_answer_is_protected_as_the_request(encrypted: bool) -> None:
    (answer,) = server().receive(request(BASIC, "00 21 00 0000", encrypted=encrypted), NOW)
    assert answer.encrypted is encrypted


def test_a_broadcast_gets_values_but_no_default_response() -> None:
    assert server().receive(request(KEEP_ALIVE, "00 09 00 0000"), NOW, broadcast=True) == ()
    assert server().receive(request(METER, "01 09 0C"), NOW, broadcast=True) == ()
    assert len(server().receive(request(BASIC, "00 09 00 0000"), NOW, broadcast=True)) == 1


def test_endpoints() -> None:
    asked = "00 21 00 0000"
    assert server().receive(request(BASIC, asked, endpoint=3), NOW) == ()
    everyone = server().receive(request(BASIC, asked, endpoint=ALL_ENDPOINTS), NOW)
    assert [answer.source_endpoint for answer in everyone] == [1, 2]
    only = server().receive(request(METER, asked, endpoint=ALL_ENDPOINTS), NOW)
    assert [answer.source_endpoint for answer in only] == [2]
    assert server().receive(request(KEEP_ALIVE, asked, endpoint=ALL_ENDPOINTS), NOW) == ()
    other = ApsMessage(BASIC, HERE, 2, bytes.fromhex(asked), profile=0x0104)
    assert server().receive(other, NOW) == ()


def test_settings() -> None:
    settings = ClusterSettings(unsupported_general=0x01, unsupported_cluster=0x86, answers_errors=True)
    loud = server(settings)
    for cluster, asked, status in (
        (METER, "10 07 02 0003 30 01", "18070b0201"),
        (METER, "11 08 0C 02", "18080b0c81"),
        (KEEP_ALIVE, "10 09 00 0000", "18090b0086"),
    ):
        assert [a.payload.hex() for a in loud.receive(request(cluster, asked), NOW)] == [status]
        assert loud.receive(request(cluster, asked), NOW, broadcast=True) == ()
    assert loud.receive(request(METER, "10 0B 0B 06 01"), NOW) == ()
    assert loud.receive(request(TIME, "18 0A 01 0000 86"), NOW) == ()
    for wrong in ({"unsupported_general": 256}, {"unsupported_cluster": -1}, {"max_octets": 8}):
        with pytest.raises(BuildError):
            ClusterSettings(**wrong)  # type: ignore[arg-type]


def test_an_answer_has_an_end() -> None:
    asked = "00 01 00" + "0000" * 200
    (answer,) = server(ClusterSettings(max_octets=64)).receive(request(METER, asked), NOW)
    assert len(answer.payload) == 3 + 64 // 10 * 10
    (whole,) = server(ClusterSettings(max_octets=2000)).receive(request(METER, asked), NOW)
    assert len(whole.payload) == 3 + 2000


@given(st.sampled_from((*ENDPOINT.servers, PREPAYMENT, 0xFC00)), st.binary(max_size=40), st.booleans())
def test_arbitrary_payloads(cluster: int, payload: bytes, broadcast: bool) -> None:
    message = ApsMessage(cluster, HERE, 2, payload)
    for answer in server().receive(message, NOW, broadcast):
        frame = parse_zcl(cluster, answer.payload)
        assert frame.is_general
        assert frame.sequence == payload[1]
        assert not wants_default_response(frame)
        assert frame.to_client is not bool(payload[0] & 0x08)
        assert server().receive(answer, NOW) == ()


# -- the reader ---------------------------------------------------------------------------


def ask(client: AttributeClient, cluster: int, *names: str) -> tuple[int, ApsMessage]:
    return client.request(PEER, cluster, names, HERE)


def test_read_by_name() -> None:
    client = AttributeClient()
    number, sent = ask(client, METER, "CurrentSummationDelivered", "UnitOfMeasure", "Status")
    assert (sent.source_endpoint, sent.destination_endpoint, sent.encrypted) == (HERE, 2, True)
    (answer,) = server().receive(sent, NOW)
    assert client.receive(PEER.station, answer) == (
        number,
        Readings({"CurrentSummationDelivered": 12345, "UnitOfMeasure": 0}, {"Status": 0x86}),
    )
    assert client.receive(PEER.station, answer) is None  # once


def test_what_the_values_mean() -> None:
    client = AttributeClient()
    (answer,) = server().receive(ask(client, TIME, "Time")[1], NOW)
    found = client.receive(PEER.station, answer)
    assert found is not None
    assert str(found[1].values["Time"]) == str(NOW)
    (answer,) = server().receive(ask(client, METER, "UnitOfMeasure")[1], NOW)
    found = client.receive(PEER.station, answer)
    assert found is not None
    assert str(found[1].values["UnitOfMeasure"]) == "kWh"


def test_protection_is_that_of_the_cluster() -> None:
    client = AttributeClient()
    assert not ask(client, BASIC, "ZCLVersion")[1].encrypted
    assert not client.request(PEER, TIME, ["Time"], HERE, encrypted=False)[1].encrypted


def test_a_default_response_fails_the_request() -> None:
    client = AttributeClient()
    number, _ = ask(client, TIME, "Time")
    refused = ApsMessage(TIME, 2, HERE, bytes((0x18, number, 0x0B, 0x00, 0x01)))
    assert client.receive(PEER.station, refused) == (number, Readings({}, {}, 0x01))
    other = ApsMessage(TIME, 2, HERE, bytes((0x18, number, 0x0B, 0x06, 0x01)))
    assert client.receive(PEER.station, other) is None


def test_what_answers_nothing() -> None:
    client = AttributeClient()
    _, sent = ask(client, TIME, "Time")
    (answer,) = server().receive(sent, NOW)
    stranger = EntityId(bytes(8))
    assert client.receive(stranger, answer) is None
    moved = ApsMessage(TIME, 3, HERE, answer.payload)
    assert client.receive(PEER.station, moved) is None
    bare = ApsMessage(TIME, 2, HERE, answer.payload, encrypted=False)
    assert client.receive(PEER.station, bare) is None
    assert client.receive(PEER.station, ApsMessage(METER, 2, HERE, answer.payload)) is None
    assert client.receive(PEER.station, sent) is None
    client.forget(PEER.station, TIME, sent.payload[1])
    assert client.receive(PEER.station, answer) is None


def test_requests_that_wait_have_an_end() -> None:
    client = AttributeClient()
    sent = [ask(client, BASIC, "ZCLVersion")[1] for _ in range(MAX_WAITING + 1)]
    answers = [server().receive(one, NOW)[0] for one in sent]
    taken = [client.receive(PEER.station, answer) is not None for answer in answers]
    assert taken == [False] + [True] * MAX_WAITING


def test_names_that_are_none() -> None:
    for cluster, names in ((TIME, ["Tide"]), (TIME, []), (0xFC00, ["Time"])):
        with pytest.raises(BuildError):
            read_attributes(cluster, names, 1)


@given(st.binary(max_size=40))
def test_arbitrary_answers(payload: bytes) -> None:
    client = AttributeClient()
    number, _ = ask(client, METER, "Status")
    found = client.receive(PEER.station, ApsMessage(METER, 2, HERE, bytes((0x18, number)) + payload))
    assert found is None or found[0] == number
    try:
        readings(parse_zcl(METER, b"\x18\x01" + payload))
    except ParseError:
        return


def test_values_of_unknown_attributes_and_types() -> None:
    frame = parse_zcl(METER, bytes.fromhex("18 01 01 EDFE 00 21 0100 0003 00 21 0500"))
    assert readings(frame).values == {"FEED": 1, "UnitOfMeasure": 5}
    with pytest.raises(ParseError):
        readings(parse_zcl(METER, bytes.fromhex("18 01 01 EDFE 00 3F 0100")))


# -- tables -------------------------------------------------------------------------------


def test_every_attribute_can_be_read() -> None:
    """A value of each type goes out and comes back as the same number or octets."""
    samples = {"string": b"12", "text": b"ab"}
    endpoint = Endpoint(2, 0x0501, (*range(0x0700, 0x070A), BASIC, TIME, KEEP_ALIVE))
    for cluster in endpoint.servers:
        for known in attributes_of(cluster):
            form = next(t.form for t in BY_NAME.values() if t.id == known.type)
            value = samples.get(form, 1)
            node = ClusterServer((endpoint,), Held({(cluster, known.name): value}))
            client = AttributeClient()
            (answer,) = node.receive(ask(client, cluster, known.name)[1], NOW)
            found = client.receive(PEER.station, answer)
            assert found is not None
            if known.name == "Time":
                value = NOW.seconds
            told = found[1].values[known.name]
            assert (told.encode() if isinstance(told, str) else told) == value, known


def test_lookups() -> None:
    assert attribute_by_name(METER, "CurrentSummationReceived").id == 0x0001
    assert [a.name for a in attributes_of(KEEP_ALIVE)] == ["TCKeepAliveBase", "TCKeepAliveJitter"]
    assert attributes_of(DEVICE_MANAGEMENT) == ()
    frame = general_frame(METER, command_by_name("ReadAttributes").id, 1, ())
    assert frame.octets() == bytes((0x10, 1, 0))


@pytest.mark.parametrize("device", ["hub", "ESME"])
def test_every_cluster_of_a_device_is_answered(device: str) -> None:
    node = ClusterServer(endpoints_of(device), Held({}))
    for endpoint in endpoints_of(device):
        for cluster in endpoint.servers:
            asked = ApsMessage(cluster, HERE, endpoint.number, bytes.fromhex("00 01 00 FEFF"))
            (answer,) = node.receive(asked, NOW)
            assert answer.payload.hex() == "180101feff86"
