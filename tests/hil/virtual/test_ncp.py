"""The EZSP side of a dongle by itself: what any host may ask, in the octets of the protocol."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import ParseError
from hil.virtual.dongle import COMMANDS
from hil.virtual.ezsp_rows import VERSIONS, frames
from hil.virtual.ezsp_status_rows import FrameError, Refusal
from hil.virtual.ncp import DongleSettings
from hil.virtual.node_api import StackStatus, Status
from tests.hil.virtual.ezsp_host import Host, lone_dongle


@pytest.fixture
def host() -> Host:
    return Host.started()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_command_of_a_version_is_answered(version: int) -> None:
    commands = {f.name for f in frames(version).by_name.values() if f.request is not None}
    assert commands - set(COMMANDS) == {"callback"}
    everywhere = {f.name for v in VERSIONS for f in frames(v).by_name.values() if f.request is not None}
    assert set(COMMANDS) <= everywhere


@pytest.mark.parametrize("version", VERSIONS)
def test_every_command_answers_arguments_of_any_value(version: int) -> None:
    """In each state: nothing but a whole answer of its own comes back, whatever is asked."""
    host = Host.started(version=version)
    chance = random.Random(version)
    for _ in range(3):
        for frame in frames(version).by_name.values():
            if frame.request is None or frame.name in ("version", "resetNode", "callback"):
                continue
            octets = chance.randbytes(300)
            try:
                _, end = frame.request.read(octets[:240], 0)
            except ParseError:  # a length in it asks for more
                continue
            answer = host.exchange(frame.id, octets[:end])
            assert answer.frame_id == frame.id, frame.name
            values, rest = frame.response.read(answer.body)
            assert rest == len(answer.body)
            assert list(values) == [f.name for f in frame.response.fields]


@pytest.mark.parametrize("version", VERSIONS)
def test_version_as_a_host_asks_for_it(version: int) -> None:
    host = Host(lone_dongle(version=version))
    host.reset()
    # a host that thinks of version 4, in the legacy format
    answer = host.exchange_octets(bytes((7, 0, 0, 4)))
    assert answer[:5] == bytes((7, 0x80, 0, version, 2))
    assert len(answer) == 7
    # it is told ours, and may do nothing else yet
    refused = host.exchange_octets(bytes((8, 0, 1, 5, 0)))
    assert refused[:5] == bytes((8, 0x80, 1, 0x58, 0))
    expected = bytes((FrameError.VERSION_NOT_SET,)) if version < 14 else bytes.fromhex("1E0C0000")
    assert refused[5:] == expected
    # it asks again, in the extended format
    answer = host.exchange_octets(bytes((9, 0, 1, 0, 0, version)))
    assert answer[:7] == bytes((9, 0x80, 1, 0, 0, version, 2))
    assert host.exchange_octets(bytes((10, 0, 1, 5, 0))) == bytes((10, 0x80, 1, 5, 0))


def test_a_host_may_name_the_right_version_at_once() -> None:
    host = Host(lone_dongle(version=13))
    host.reset()
    assert host.exchange_octets(bytes((0, 0, 0, 13)))[3] == 13
    assert host.exchange_octets(bytes((1, 0, 1, 5, 0))) == bytes((1, 0x80, 1, 5, 0))


def test_a_host_of_versions_5_to_7_is_told_in_its_format() -> None:
    host = Host(lone_dongle())
    host.reset()
    answer = host.exchange_octets(bytes((0, 0, 0xFF, 0, 0, 7)))
    assert answer[:7] == bytes((0, 0x80, 0xFF, 0, 0, 14, 2))
    refused = host.exchange_octets(bytes((1, 0, 0xFF, 0, 0x05)))
    assert refused[:5] == bytes((1, 0x80, 0xFF, 0, 0x58))


def test_asking_for_another_version_ends_the_conversation(host: Host) -> None:
    host.command("nop")
    host.command("version", desired_version=8)
    assert host.exchange(0x0005, b"").frame_id == 0x0058


@pytest.mark.parametrize(
    ("octets", "error"),
    [
        (bytes.fromhex("0000 01 3412"), FrameError.INVALID_FRAME_ID),
        (bytes.fromhex("0000 01 4500"), FrameError.INVALID_FRAME_ID),  # a callback is no command
        (bytes.fromhex("0080 01 0500"), FrameError.WRONG_DIRECTION),
        (bytes.fromhex("0000 81 0500"), FrameError.UNSUPPORTED_CONTROL),
        (bytes.fromhex("0000 01 5300 01"), FrameError.INVALID_VALUE),
        (bytes.fromhex("0000 05"), FrameError.UNSUPPORTED_CONTROL),
    ],
)
@pytest.mark.parametrize("version", [13, 14])
def test_a_frame_that_is_no_command(version: int, octets: bytes, error: FrameError) -> None:
    host = Host.started(version=version)
    answer = host.exchange_octets(octets)
    assert answer[1] == 0x80
    body = answer[3:] if len(octets) == 3 else answer[5:]
    assert body == (bytes((error,)) if version == 13 else (0x0C1E).to_bytes(4, "little"))
    host.command("nop")


def test_a_frame_too_short_to_answer_is_dropped(host: Host) -> None:
    assert host.send_octets(b"\x00\x00") == []
    host.command("nop")


def test_the_network_index_comes_back(host: Host) -> None:
    assert host.exchange_octets(bytes((3, 0x60, 1, 5, 0))) == bytes((3, 0xE0, 1, 5, 0))


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_octets_for_a_frame(sent: list[bytes]) -> None:
    host = Host.started()
    for octets in sent:
        host.send_octets(octets)
    host.reset()
    host.say_version()
    host.command("nop")


def test_nop_and_echo(host: Host) -> None:
    assert host.command("nop") == {}
    assert host.command("echo", data=b"\x7e\x7d\x11") == {"echo": b"\x7e\x7d\x11"}
    assert host.command("echo", data=b"") == {"echo": b""}


def test_values(host: Host) -> None:
    assert host.command("getValue", value_id=0x11)["value"] == bytes((0, 0, 8, 0, 3, 0, 0xAA))
    assert host.command("getValue", value_id=0x3A) == {"status": Status.OK, "value": b"\x00"}
    assert host.command("setValue", value_id=0x3A, value=b"\x01")["status"] is Status.OK
    assert host.command("getValue", value_id=0x3A)["value"] == b"\x01"
    assert host.command("setValue", value_id=0x3A, value=b"\x01\x02")["status"] is Status.INVALID_PARAMETER
    assert host.command("setValue", value_id=0x11, value=b"\x01")["status"] is Status.INVALID_PARAMETER
    assert host.command("getValue", value_id=0xEE) == {"status": Status.INVALID_PARAMETER, "value": b""}
    host.restart()
    assert host.command("getValue", value_id=0x3A)["value"] == b"\x00"


def test_every_configuration_id_has_a_number(host: Host) -> None:
    for config_id in range(0x100):
        assert host.command("getConfigurationValue", config_id=config_id)["status"] is Status.OK


def test_configuration_policies_and_endpoints_do_not_survive_a_reset(host: Host) -> None:
    before = host.command("getConfigurationValue", config_id=0x05)["value"]
    host.command("setConfigurationValue", config_id=0x05, value=before + 9)
    host.command("setPolicy", policy_id=0, decision=0x11)
    endpoint: dict[str, Any] = {
        "endpoint": 1, "profile": 0x109, "device_id": 0x500, "device_version": 0, "input_count": 1,
        "output_count": 0, "input_clusters": [0x0800], "output_clusters": [],
    }  # fmt: skip
    assert host.command("addEndpoint", **endpoint)["status"] is Status.OK
    assert host.command("addEndpoint", **endpoint)["status"] is Status.INVALID_PARAMETER
    assert host.command("getExtendedValue", value_id=0, characteristics=1)["value"] == b"\x01\x00"
    assert host.command("getConfigurationValue", config_id=0x05)["value"] == before + 9
    assert host.command("getPolicy", policy_id=0)["decision"] == 0x11
    host.restart()
    assert host.command("getConfigurationValue", config_id=0x05)["value"] == before
    assert host.command("getPolicy", policy_id=0)["decision"] != 0x11
    assert host.command("addEndpoint", **endpoint)["status"] is Status.OK


def test_tokens_survive_a_reset(host: Host) -> None:
    assert host.command("getMfgToken", token_id=2)["data"] == b"virtual dongle".ljust(16, b"\xff")
    assert host.command("getMfgToken", token_id=0xEE)["data"] == b""
    assert host.command("setMfgToken", token_id=0x0D, data=b"\x34\x12")["status"] is Status.OK
    assert host.command("setToken", token_id=3, data=b"12345678")["status"] is Status.OK
    host.restart()
    assert host.command("getMfgToken", token_id=0x0D)["data"] == b"\x34\x12"
    assert host.command("setMfgToken", token_id=0x0D, data=b"\x00\x00")["status"] is Status.INVALID_STATE
    assert host.command("getToken", token_id=3)["data"] == b"12345678"
    assert host.command("getToken", token_id=9)["status"] is Status.INVALID_PARAMETER


def test_a_restored_eui64_comes_with_the_next_reset_and_can_be_taken_back(host: Host) -> None:
    token, own, other = 0x0000E12A, host.command("getEui64")["eui64"], 0x0011223344556677
    assert host.command("getTokenData", token=token, index=0)["data"] == b"\xff" * 8
    host.command("setTokenData", token=token, index=0, data=other.to_bytes(8, "little"))
    assert host.command("getEui64")["eui64"] == own
    host.restart()
    assert host.command("getEui64")["eui64"] == other
    host.command("setTokenData", token=token, index=0, data=b"\xff" * 8)
    host.restart()
    assert host.command("getEui64")["eui64"] == own


def test_tokens_are_listed(host: Host) -> None:
    count = host.command("getTokenCount")["count"]
    infos = [host.command("getTokenInfo", index=i) for i in range(count + 1)]
    assert [i["status"] for i in infos] == [Status.OK] * count + [Status.INVALID_INDEX]
    assert host.command("getTokenData", token=0x1234, index=0)["status"] is Status.NOT_FOUND


def test_key_establishment_is_not_in_the_firmware(host: Host) -> None:
    assert host.command("generateCbkeKeys283k1")["status"] is Refusal.LIBRARY_NOT_PRESENT
    assert host.command("getLibraryStatus", library_id=0x0E)["status"] == 0
    assert host.command("getLibraryStatus", library_id=0x0B)["status"] == 0x80


def test_aes_mmo_hash_in_parts(host: Host) -> None:
    from smets.han.mmo import mmo

    message = bytes(range(37))
    context = {"result": bytes(16), "length": 0}
    for start in (0, 16):
        done = host.command("aesMmoHash", context=context, finalize=False, data=message[start : start + 16])
        assert done["status"] is Status.OK
        context = done["context"]
    done = host.command("aesMmoHash", context=context, finalize=True, data=message[32:])
    assert done["context"]["result"] == mmo(message)
    assert (
        host.command("aesMmoHash", context=context, finalize=False, data=b"1")["status"]
        is Status.INVALID_PARAMETER
    )


def test_aes(host: Host) -> None:
    # FIPS 197, appendix C.1
    plain = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    done = host.command("aesEncrypt", plaintext=plain, key=bytes(range(16)))
    assert done["ciphertext"] == bytes.fromhex("69C4E0D86A7B0430D8CDB78070B4C55A")


def test_nothing_comes_by_itself_before_version(host: Host) -> None:
    host.reset()
    host.dongle._listen(StackStatus(Status.NETWORK_UP))
    assert host.take_frames() == []
    host.say_version()
    host.dongle._listen(StackStatus(Status.NETWORK_UP))
    assert [f.frame_id for f in host.take_frames()] == [0x0019]


def test_a_callback_has_the_sequence_number_of_the_last_answer(host: Host) -> None:
    host.sequence = 0x42
    host.command("nop")
    host.dongle._listen(StackStatus(Status.NETWORK_UP))
    (frame,) = host.take_frames()
    assert (frame.sequence, frame.control) == (0x42, 0x90)


def test_callbacks_on_request(host: Host) -> None:
    assert host.command("setValue", value_id=0x04, value=b"\x01")["status"] is Status.OK
    assert host.command("getValue", value_id=0x04)["value"] == b"\x01"
    assert host.exchange(0x0006, b"").frame_id == 0x0007
    for status in (Status.NETWORK_UP, Status.NETWORK_DOWN):
        host.dongle._listen(StackStatus(status))
    assert host.take_frames() == []
    answer = host.exchange(0x0005, b"")
    assert answer.control == 0x84  # callbacks are pending
    first, second, none = (host.exchange(0x0006, b"") for _ in range(3))
    assert (first.frame_id, first.control, second.control) == (0x0019, 0x8C, 0x88)
    assert (none.frame_id, none.control) == (0x0007, 0x80)


def test_lost_callbacks_are_told(host: Host) -> None:
    host.command("setValue", value_id=0x04, value=b"\x01")
    for _ in range(70):
        host.dongle._listen(StackStatus(Status.NETWORK_UP))
    assert host.exchange(0x0005, b"").control & 0x01
    assert not host.exchange(0x0005, b"").control & 0x01


def test_timers_of_the_host(host: Host) -> None:
    assert host.command("setTimer", timer_id=0, time=500, units=1, repeat=True)["status"] is Status.OK
    assert host.command("setTimer", timer_id=1, time=1, units=2, repeat=False)["status"] is Status.OK
    assert (
        host.command("setTimer", timer_id=9, time=1, units=1, repeat=False)["status"]
        is Status.INVALID_PARAMETER
    )
    assert host.command("getTimer", timer_id=0) == {"time": 500, "units": 1, "repeat": True}
    host.pass_time(300_000)
    assert [(f.frame_id, f.body) for f in host.take_frames()] == [(0x000F, b"\x01")]
    host.pass_time(300_000)
    assert [(f.frame_id, f.body) for f in host.take_frames()] == [(0x000F, b"\x00")]
    host.command("setTimer", timer_id=0, time=0, units=0, repeat=False)
    host.pass_time(2_000_000)
    assert host.take_frames() == []


def test_reset_node_answers_and_resets(host: Host) -> None:
    assert host.send_octets(host.octets_of("resetNode")) == [bytes((host.sequence, 0x80, 1, 4, 1)), "reset"]
    host.forget()
    host.say_version()
    host.command("nop")


def test_custom_frames_only_where_they_are_wanted() -> None:
    question = bytes.fromhex("000000")
    assert Host.started().command("customFrame", payload=question) == {
        "status": Refusal.LIBRARY_NOT_PRESENT,
        "reply": b"",
    }
    host = Host.started(settings=DongleSettings(xncp=True))
    done = host.command("customFrame", payload=question)
    assert (done["status"], done["reply"][:3]) == (Status.OK, bytes.fromhex("008000"))
    assert int.from_bytes(done["reply"][3:], "little") & 1 << 8
    assert host.command("customFrame", payload=bytes.fromhex("2A0000"))["reply"] == bytes.fromhex("FFFF00")
    assert host.command("customFrame", payload=bytes.fromhex("090000"))["reply"] == bytes.fromhex("098002")


def test_counters(host: Host) -> None:
    assert len(host.command("readCounters")["values"]) == 41
    host.dongle.ncp.node.counters[3] = 9
    assert host.command("readAndClearCounters")["values"][3] == 9
    assert host.command("readCounters")["values"] == [0] * 41
    host.dongle.ncp.node.counters[3] = 9
    host.command("setValue", value_id=0x19, value=b"")
    assert host.command("readCounters")["values"] == [0] * 41
