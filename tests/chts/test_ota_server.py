"""What a hub answers devices that ask for images, which it offers to whom, and where its bounds are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chts.ota_server import Ended, Full, OtaServer, OtaServerSettings, Progress
from gbcs.errors import BuildError, ParseError
from gbcs.ids import EntityId
from gbcs.ota import HardwareRange
from smets.han.endpoints import BASIC, OTA
from smets.han.ota_frames import (
    ImageBlock,
    ImageBlockRequest,
    ImageNotify,
    NoBlock,
    OtaCommand,
    QueryNextImageRequest,
    QueryNextImageResponse,
    UpgradeEndRequest,
    UpgradeEndResponse,
    WaitForData,
    ota_command,
    ota_frame,
)
from smets.han.ota_image import ImageId
from smets.han.zcl import ApsMessage, parse_zcl
from tests.smets.han.ota_hand import DEVICE, HUB, NOW, OTHER, image_id, make_file

CURRENT = ImageId(0x1234, 0x0005, 1)
FILE = make_file(200)
NEW = image_id(FILE)


def server(*files: bytes, **settings: Any) -> OtaServer:
    made = OtaServer(HUB.endpoint, OtaServerSettings(**settings))
    for octets in files:
        made.offer(octets)
    return made


def message(octets: bytes, encrypted: bool = True, endpoint: int = HUB.endpoint) -> ApsMessage:
    return ApsMessage(OTA, DEVICE.endpoint, endpoint, octets, encrypted)


def ask(hub: OtaServer, command: OtaCommand, station: EntityId = DEVICE.station, at: int = 0) -> OtaCommand:
    """The one answer, which has the request's number and goes back where it came from."""
    sent = message(ota_frame(command, 77, hub.settings.wire, default_response=True).octets())
    (answer,) = hub.receive(station, sent, NOW.plus(at))
    assert (answer.cluster, answer.encrypted) == (OTA, True)
    assert (answer.source_endpoint, answer.destination_endpoint) == (HUB.endpoint, DEVICE.endpoint)
    assert answer.payload[1] == 77
    read = ota_command(answer.payload, hub.settings.wire)
    assert read is not None, answer.payload.hex()
    return read


def default(hub: OtaServer, octets: bytes, station: EntityId = DEVICE.station) -> int:
    """The status of the Default Response that is the one answer."""
    (answer,) = hub.receive(station, message(octets), NOW)
    values = parse_zcl(OTA, answer.payload).values
    assert values["CommandId"] == octets[2]
    return int(values["Status"])


def octets_of(command: OtaCommand) -> bytes:
    return ota_frame(command, 1, default_response=True).octets()


# -- which image ----------------------------------------------------------------------------


def offered(hub: OtaServer, current: ImageId = CURRENT, hardware: int | None = 0x0102) -> ImageId | None:
    answer = ask(hub, QueryNextImageRequest(current, hardware))
    assert isinstance(answer, QueryNextImageResponse)
    assert answer.status == (0x98 if answer.image is None else 0)
    return answer.image


def test_an_image_that_matches() -> None:
    assert ask(server(FILE), QueryNextImageRequest(CURRENT)) == QueryNextImageResponse(0, NEW, len(FILE))


@pytest.mark.parametrize(
    "octets",
    [
        make_file(manufacturer=0x1235),
        make_file(image_type=6),
        make_file(version=1),
        make_file(version=0),
        make_file(hardware=HardwareRange(0x0103, 0xFFFF)),
        make_file(hardware=HardwareRange(0, 0x0101)),
        make_file(destination=OTHER.station),
    ],
    ids=["manufacturer", "type", "the same", "older", "later hardware", "earlier hardware", "destination"],
)
def test_an_image_that_does_not(octets: bytes) -> None:
    assert offered(server(octets)) is None


@pytest.mark.parametrize(
    "octets",
    [make_file(hardware=HardwareRange(0x0102, 0x0102)), make_file(destination=DEVICE.station)],
    ids=["hardware", "destination"],
)
def test_an_image_for_this_device(octets: bytes) -> None:
    assert offered(server(octets)) == NEW


def test_the_latest_of_several() -> None:
    files = [make_file(version=version) for version in (3, 9, 5)]
    assert offered(server(*files)) == NEW._replace(file_version=9)
    assert offered(server()) is None


def test_readings_that_are_settings() -> None:
    older, ranged = make_file(version=0), make_file(hardware=HardwareRange(0, 0xFFFF))
    assert offered(server(older, only_newer=False)) == image_id(older)
    assert offered(server(make_file(version=1), only_newer=False)) is None
    assert offered(server(ranged), hardware=None) is None
    assert offered(server(ranged, serves_unstated=True), hardware=None) == NEW


def test_targets() -> None:
    hub = server()
    hub.offer(FILE, frozenset((OTHER.station,)))
    assert offered(hub) is None
    assert ask(hub, ImageBlockRequest(NEW, 0, 10)) == NoBlock(0x95)
    assert isinstance(ask(hub, ImageBlockRequest(NEW, 0, 10), OTHER.station), ImageBlock)
    hub.offer(FILE, frozenset((DEVICE.station,)))  # once more, for others
    assert offered(hub) == NEW
    assert [offer.targets for offer in hub.offers] == [frozenset((DEVICE.station,))]


# -- blocks ---------------------------------------------------------------------------------


def test_blocks_make_the_file() -> None:
    hub = server(FILE)
    came = b""
    while len(came) < len(FILE):
        block = ask(hub, ImageBlockRequest(NEW, len(came), 48))
        assert isinstance(block, ImageBlock)
        assert (block.image, block.offset) == (NEW, len(came))
        assert 0 < len(block.data) <= 48
        came += block.data
        assert hub.progress(DEVICE.station) == Progress(NEW, len(came), len(FILE))
        assert hub.fetching(DEVICE.station)
    assert came == FILE


def test_a_block_has_a_most() -> None:
    block = ask(server(FILE, most_data=20), ImageBlockRequest(NEW, 0, 255))
    assert block == ImageBlock(NEW, 0, FILE[:20])
    last = ask(server(FILE), ImageBlockRequest(NEW, len(FILE) - 1, 48, OTHER.station, 100))
    assert last == ImageBlock(NEW, len(FILE) - 1, FILE[-1:])


def test_blocks_that_are_not_there() -> None:
    hub = server(FILE)
    assert ask(hub, ImageBlockRequest(NEW._replace(file_version=3), 0, 10)) == NoBlock(0x95)
    for wrong in (ImageBlockRequest(NEW, len(FILE), 10), ImageBlockRequest(NEW, 0, 0)):
        assert default(hub, octets_of(wrong)) == 0x80
    assert hub.progress(DEVICE.station) is None
    assert not hub.fetching(DEVICE.station)
    other = make_file(destination=OTHER.station)
    assert ask(server(other), ImageBlockRequest(image_id(other), 0, 10)) == NoBlock(0x95)


def test_an_image_that_is_withdrawn() -> None:
    hub = server(FILE)
    ask(hub, ImageBlockRequest(NEW, 0, 10))
    assert hub.withdraw(NEW)
    assert not hub.withdraw(NEW)
    assert ask(hub, ImageBlockRequest(NEW, 10, 10)) == NoBlock(0x95)
    # it was fetching, and may say how it ended
    ask_end = UpgradeEndRequest(0x95, NEW)
    assert default(hub, octets_of(ask_end)) == 0
    assert hub.take_ended() == (Ended(DEVICE.station, NEW, 0x95),)


def test_a_device_that_has_to_wait() -> None:
    hub = server(FILE, period=250)
    hub.waits_until = NOW.plus(30)
    asked = ImageBlockRequest(NEW, 0, 10)
    assert ask(hub, asked) == WaitForData(NOW.seconds, NOW.seconds + 30, 250)
    assert isinstance(ask(hub, asked, at=30), ImageBlock)
    hub.waits_until = NOW.plus(us=1)
    assert ask(hub, asked) == WaitForData(NOW.seconds, NOW.seconds + 1, 250)


# -- the end --------------------------------------------------------------------------------


def test_the_image_is_never_to_be_run_because_of_it() -> None:
    hub = server(FILE)
    ask(hub, ImageBlockRequest(NEW, 0, 10))
    for _ in range(2):  # an answer may be lost
        assert ask(hub, UpgradeEndRequest(0, NEW)) == UpgradeEndResponse(NEW, NOW.seconds, 0xFFFF_FFFF)
    assert hub.take_ended() == (Ended(DEVICE.station, NEW, 0),)
    assert hub.take_ended() == ()
    assert hub.progress(DEVICE.station) == Progress(NEW, 10, len(FILE), 0)
    assert not hub.fetching(DEVICE.station)


def test_a_late_copy_is_no_new_beginning() -> None:
    hub = server(FILE)
    ask(hub, UpgradeEndRequest(0, NEW))
    ask(hub, ImageBlockRequest(NEW, 10, 10))
    assert not hub.fetching(DEVICE.station)
    ask(hub, ImageBlockRequest(NEW, 0, 10))
    assert hub.fetching(DEVICE.station)


@pytest.mark.parametrize("status", [0x95, 0x96, 0x99, 0x01])
def test_an_image_that_was_not_taken(status: int) -> None:
    hub = server(FILE)
    assert default(hub, octets_of(UpgradeEndRequest(status, NEW))) == 0
    assert hub.progress(DEVICE.station) == Progress(NEW, 0, len(FILE), status)
    assert hub.take_ended() == (Ended(DEVICE.station, NEW, status),)
    assert default(hub, octets_of(UpgradeEndRequest(0, NEW._replace(file_version=7)))) == 0x8B
    assert hub.take_ended() == ()


# -- bounds ---------------------------------------------------------------------------------


def test_the_images_have_an_end() -> None:
    hub = server(most_images=2, most_octets=2 * len(FILE))
    hub.offer(FILE)
    hub.offer(FILE)  # the same
    with pytest.raises(Full, match="octets"):
        hub.offer(make_file(201, version=3))
    hub.offer(make_file(199, version=4))
    with pytest.raises(Full, match="images"):
        hub.offer(make_file(0, version=5))
    with pytest.raises(BuildError):
        hub.offer(make_file(200, seed=1))  # other octets under the same name
    assert len(hub.offers) == 2
    for wrong in (b"", FILE[:-1], FILE + b"\0", bytes(100)):
        with pytest.raises(ParseError):
            hub.offer(wrong)


def test_a_hub_that_is_full_to_the_octet() -> None:
    hub = server(most_octets=len(FILE), most_images=1)
    assert hub.offer(FILE) == NEW


def test_who_was_heard_of_last_is_remembered() -> None:
    hub = server(FILE, most_stations=2)
    first, second, third = (EntityId(bytes(7) + bytes((n,))) for n in range(3))
    for station in (first, second, first, third):
        ask(hub, ImageBlockRequest(NEW, 0, 10), station)
    assert [hub.progress(station) is not None for station in (first, second, third)] == [True, False, True]


def test_what_is_remembered_of_devices_has_an_end() -> None:
    hub = server(FILE, most_stations=3)
    stations = [EntityId(bytes(7) + bytes((n,))) for n in range(5)]
    for station in stations:
        ask(hub, ImageBlockRequest(NEW, 0, 10), station)
        ask(hub, UpgradeEndRequest(0, NEW), station)
    assert [hub.progress(station) is not None for station in stations] == [False, False, True, True, True]
    assert [ended.station for ended in hub.take_ended()] == stations[2:]


def test_settings_at_their_bounds() -> None:
    OtaServerSettings(1, 1, 1, 0, 1, 1, unknown_image=1, wrong_offset=1)
    OtaServerSettings(most_data=254, period=0xFFFF, jitter=100, unknown_image=0xFF, wrong_offset=0xFF)


@pytest.mark.parametrize(
    "wrong",
    [
        {"most_images": 0},
        {"most_octets": 0},
        {"most_data": 0},
        {"most_data": 255},
        {"period": 0x10000},
        {"most_stations": 0},
        {"jitter": 0},
        {"jitter": 101},
        {"unknown_image": 0},
        {"wrong_offset": 256},
    ],
    ids=str,
)
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(BuildError):
        OtaServerSettings(**wrong)


# -- other messages -------------------------------------------------------------------------


def test_a_notice_for_all() -> None:
    hub = server(FILE, jitter=30)
    notices = [hub.notify(NEW) for _ in range(2)]
    for notice in notices:
        assert (notice.destination_endpoint, notice.source_endpoint, notice.encrypted) == (0xFF, 2, False)
        assert ota_command(notice.payload) == ImageNotify(30, *NEW)
    assert notices[0].payload[1] != notices[1].payload[1]


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        ("01 07 03 00", 0x80),
        ("01 07 04 00 3412 0500 02000000 00000000 30 0001 0000", 0x81),
        ("01 07 08", 0x81),
        ("01 07 33", 0x81),
    ],
)
def test_what_is_not_answered_otherwise(octets: str, status: int) -> None:
    hub = server(FILE)
    assert default(hub, bytes.fromhex(octets)) == status
    quiet = bytes((0x11,)) + bytes.fromhex(octets)[1:]
    assert hub.receive(DEVICE.station, message(quiet), NOW) == ()


def test_what_is_left_alone() -> None:
    hub = server(FILE)
    query = octets_of(QueryNextImageRequest(CURRENT))
    for other in (
        message(query, encrypted=False),
        message(query, endpoint=HUB.endpoint + 1),
        ApsMessage(BASIC, DEVICE.endpoint, HUB.endpoint, query),
        message(bytes.fromhex("00 07 00 0000")),  # Read Attributes has a server of its own
        message(octets_of(ImageNotify(100))),
        message(b""),
        message(bytes.fromhex("05 3412 07 01")),
    ):
        assert hub.receive(DEVICE.station, other, NOW) == ()
    assert hub.receive(DEVICE.station, message(query), NOW, broadcast=True) == ()


@given(st.binary(max_size=40), st.booleans(), st.sampled_from((HUB.endpoint, 0xFF)))
def test_any_octets(octets: bytes, encrypted: bool, endpoint: int) -> None:
    hub = server(FILE)
    for answer in hub.receive(DEVICE.station, message(octets, encrypted, endpoint), NOW):
        assert parse_zcl(OTA, answer.payload).sequence == octets[1]


@given(st.integers(0, 9), st.binary(max_size=30))
def test_any_body_of_a_command(number: int, body: bytes) -> None:
    hub = server(FILE)
    (answer,) = hub.receive(DEVICE.station, message(bytes((0x01, 9, number)) + body), NOW)
    assert parse_zcl(OTA, answer.payload).sequence == 9
