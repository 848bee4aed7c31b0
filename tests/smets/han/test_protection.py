"""Which clusters need the link key, and the endpoints that show them."""

import csv
from pathlib import Path

import pytest

from gbcs.errors import BuildError
from smets.han.endpoints import (
    KEY_ESTABLISHMENT,
    METER,
    OTA,
    ROWS,
    SUB_GHZ,
    TIME,
    TUNNELING,
    Endpoint,
    endpoints_of,
    serving,
)
from smets.han.protection import Protection, ProtectionSettings, is_acceptable, protection_of, refusal
from smets.han.zcl import ApsMessage, frame_of, parse_zcl

SNAPSHOT = {"EarliestStartTime": 0, "LatestEndTime": 0, "SnapshotOffset": 0, "SnapshotCause": 0}
DEVICES = {"CHF": "hub", "GPF": "hub", "IHD/CAD": "IHD"}
KINDS = {"any": None, "ZDO": None, "-": None, "inter-PAN": None, "inside Remote Party Messages": None}


def message(cluster: int, encrypted: bool = False, payload: bytes = b"", profile: int = 0x0109) -> ApsMessage:
    return ApsMessage(cluster, 1, 2, payload, encrypted, profile)


def rows(reference: Path) -> list[dict[str, str]]:
    with (reference / "reference" / "han-clusters.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_protection_is_that_of_the_reference(reference: Path) -> None:
    for row in rows(reference):
        if not row["cluster_id"].startswith("0x07") and not row["cluster_id"].startswith("0x00"):
            continue
        for cluster in row["cluster_id"].split():
            needs = protection_of(int(cluster, 16)) is Protection.LINK_KEY
            if row["security"].startswith("APS link key") and "reports" not in row["security"]:
                assert needs, row
            elif row["security"] == "network key":
                assert not needs, row


def test_endpoints_are_those_of_the_reference(reference: Path) -> None:
    """Every cluster of a device type is on an endpoint of that device id, on the side it says."""
    for row in rows(reference):
        device = DEVICES.get(row["device"], row["device"])
        kind = row["endpoint_device_id"].split()[0]
        side = row["side"]
        if not kind.startswith("0x") or side in ("-", "none", "none required") or row["cluster_id"] == "-":
            continue
        cluster = int(row["cluster_id"], 16)
        if cluster == SUB_GHZ:  # of dual band devices
            continue
        at = [endpoint for endpoint in endpoints_of(device) if endpoint.device_id == int(kind, 16)]
        assert at, row
        if "server" in side:
            assert any(cluster in endpoint.servers for endpoint in at), row
        if "client" in side:
            assert any(cluster in endpoint.clients for endpoint in at), row


@pytest.mark.parametrize("device", ROWS)
def test_every_endpoint_has_what_all_have(device: str) -> None:
    for number, endpoint in enumerate(endpoints_of(device), 1):
        assert endpoint.number == number
        assert {0x0000, KEY_ESTABLISHMENT} <= set(endpoint.servers)
        assert KEY_ESTABLISHMENT in endpoint.clients
        assert len(set(endpoint.servers)) == len(endpoint.servers)
        assert len(set(endpoint.clients)) == len(endpoint.clients)


def test_numbers_can_be_chosen() -> None:
    numbers = [endpoint.number for endpoint in endpoints_of("PPMID", (9, 3))]
    assert numbers == [9, 3]
    assert [endpoint.number for endpoint in serving(endpoints_of("PPMID", (9, 3)), TUNNELING)] == [9]
    for wrong in ((1,), (1, 1), (0, 1), (1, 241)):
        with pytest.raises(BuildError):
            endpoints_of("PPMID", wrong)
    with pytest.raises(BuildError):
        endpoints_of("toaster")
    with pytest.raises(BuildError):
        Endpoint(1, 0x10000)


def test_what_is_acceptable() -> None:
    assert is_acceptable(message(METER, encrypted=True))
    assert not is_acceptable(message(METER))
    assert is_acceptable(message(KEY_ESTABLISHMENT))
    assert not is_acceptable(message(0xFC00))  # a manufacturer's own
    assert is_acceptable(message(METER, profile=0x0104))
    assert not is_acceptable(message(OTA))
    assert is_acceptable(message(OTA), broadcast=True)
    assert not is_acceptable(message(METER), broadcast=True)
    assert not is_acceptable(message(TIME))
    assert is_acceptable(message(TIME), settings=ProtectionSettings(either=frozenset({TIME})))


def test_the_refusal_is_a_default_response() -> None:
    frame = frame_of("GetSnapshot", 9, SNAPSHOT, default_response=True)
    answer = refusal(message(METER, payload=frame.octets()))
    assert answer is not None
    assert (answer.source_endpoint, answer.destination_endpoint, answer.encrypted) == (2, 1, False)
    told = parse_zcl(METER, answer.payload)
    assert (told.sequence, told.command) == (9, 0x0B)
    assert answer.payload[3:] == bytes((frame.command, 0x01))
    assert refusal(answer) is None
    assert is_acceptable(answer)
    assert not is_acceptable(answer, settings=ProtectionSettings(takes_refusals=False))
    for octets in ("18 09 0B 06 00", "18 09 0B 06", "18 09 0B 06 01 00", "19 09 0B 06 01", "18 09 01 06 01"):
        assert not is_acceptable(message(METER, payload=bytes.fromhex(octets))), octets
    assert refusal(message(METER, payload=frame_of("GetSnapshot", 9, SNAPSHOT).octets())) is None
    assert refusal(message(METER, payload=b"\x01")) is None
