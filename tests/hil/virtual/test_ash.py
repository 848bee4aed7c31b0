"""ASH on the side of the co-processor: against bellows' frames, and against a host over a bad line."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gbcs.errors import BuildError
from hil.virtual import ash
from hil.virtual.ash import AshNcp, AshSettings, HostReset, ResetCode, frame, randomise, unstuffed

SECOND = 1_000_000
RST = bytes([ash.CANCEL]) * 32 + frame(ash.RST)
RSTACK = frame(ash.RSTACK, bytes((2, ResetCode.SOFTWARE)))
COMMAND = bytes.fromhex("0000010500")


def contents(octets: bytes) -> list[tuple[int, bytes]]:
    """Control and data of each frame, with its CRC checked by the table of binascii."""
    found = []
    for part in octets.split(bytes([ash.FLAG]))[:-1]:
        plain = unstuffed(part)
        assert plain is not None
        assert frame(plain[0], plain[1:-2])[:-1] == part
        found.append((plain[0], plain[1:-2]))
    return found


def data(number: int, octets: bytes, acknowledging: int = 0, repeated: bool = False) -> bytes:
    return frame(number << 4 | repeated << 3 | acknowledging, randomise(octets))


def started(**choices: int) -> AshNcp:
    ncp = AshNcp(AshSettings(**choices))
    assert ncp.receive(RST, 0) == [HostReset()]
    ncp.reset(ResetCode.SOFTWARE)
    assert ncp.output(0) == RSTACK
    return ncp


def test_a_known_frame() -> None:
    # The examples of UG101
    assert bytes([ash.CANCEL]) + frame(ash.RST) == bytes.fromhex("1AC038BC7E")
    assert frame(ash.RSTACK, bytes((2, ResetCode.SOFTWARE))) == bytes.fromhex("C1020B0A527E")
    assert data(2, bytes.fromhex("00000002"), 5) == bytes.fromhex("254221A856A6097E")


@pytest.mark.parametrize("length", [0, 1, 3, 128, 256])
def test_bellows_reads_and_writes_the_same_frames(length: int) -> None:
    theirs = pytest.importorskip("bellows.ash", reason="the radio extra is not installed")
    octets = random.Random(length).randbytes(length)
    frames = {
        data(5, octets, 3, True): theirs.DataFrame(5, True, 3, octets),
        frame(ash.ACK | 6): theirs.AckFrame(0, 0, 6),
        frame(ash.NAK | ash.NOT_READY | 1): theirs.NakFrame(0, 1, 1),
        frame(ash.RST): theirs.RstFrame(),
        RSTACK: theirs.RStackFrame(2, 0x0B),
        frame(ash.ERROR, b"\x02\x51"): theirs.ErrorFrame(2, 0x51),
    }
    for ours, their in frames.items():
        assert theirs.AshProtocol._stuff_bytes(their.to_bytes()) + b"\x7e" == ours
        assert theirs.parse_frame(theirs.AshProtocol._unstuff_bytes(ours[:-1])) == their


def test_the_sequence_restarts_for_each_frame_and_is_its_own_inverse() -> None:
    assert randomise(bytes(8)) == bytes.fromhex("4221A8542A15B2 59".replace(" ", ""))
    assert randomise(randomise(b"anything")) == b"anything"
    with pytest.raises(BuildError):
        randomise(bytes(257))


@pytest.mark.parametrize("window", [0, 8])
def test_a_window_that_numbers_cannot_tell_apart(window: int) -> None:
    with pytest.raises(BuildError):
        AshSettings(window=window)


def test_an_answer_carries_the_acknowledgement() -> None:
    ncp = started()
    assert ncp.receive(data(0, COMMAND), 0) == [COMMAND]
    assert ncp.send(b"answer")
    assert contents(ncp.output(0)) == [(0x01, randomise(b"answer"))]
    assert ncp.receive(frame(ash.ACK | 1), 0) == []
    assert ncp.next_deadline is None


def test_without_an_answer_an_acknowledgement_follows_after_its_delay() -> None:
    ncp = started()
    ncp.receive(data(0, COMMAND), 1000)
    assert ncp.output(1000) == b""
    assert ncp.next_deadline == 21_000
    assert contents(ncp.output(21_000)) == [(ash.ACK | 1, b"")]
    assert ncp.next_deadline is None


def test_frames_beyond_the_window_wait() -> None:
    ncp = started(window=3)
    for number in range(5):
        ncp.send(bytes([number]) * 3)
    assert [control >> 4 for control, _ in contents(ncp.output(0))] == [0, 1, 2]
    ncp.receive(frame(ash.ACK | 2), 0)
    assert [control >> 4 for control, _ in contents(ncp.output(0))] == [3, 4]


def test_a_host_may_have_several_frames_outstanding() -> None:
    ncp = started()
    sent = [bytes([n]) * 5 for n in range(7)]
    assert ncp.receive(b"".join(data(n, octets) for n, octets in enumerate(sent)), 0) == sent
    assert contents(ncp.output(SECOND)) == [(ash.ACK | 7, b"")]


def test_a_frame_with_a_bad_crc_is_asked_for_once() -> None:
    ncp = started()
    broken = bytearray(data(0, COMMAND))
    broken[2] ^= 1
    assert ncp.receive(bytes(broken), 0) == []
    assert contents(ncp.output(0)) == [(ash.NAK | 0, b"")]
    assert ncp.receive(bytes(broken) + data(1, b"next"), 0) == []
    assert ncp.output(0) == b""  # still in the reject condition
    assert ncp.receive(data(0, COMMAND, repeated=True) + data(1, b"next", repeated=True), 0) == [
        COMMAND,
        b"next",
    ]
    assert ncp.counters.bad_crc == 2
    assert ncp.counters.naks_out == 1


def test_a_repeated_frame_that_is_there_already_is_only_acknowledged() -> None:
    ncp = started()
    ncp.receive(data(0, COMMAND), 0)
    ncp.output(SECOND)
    assert ncp.receive(data(0, COMMAND, repeated=True), SECOND) == []
    assert contents(ncp.output(SECOND)) == [(ash.ACK | 1, b"")]


def test_a_gap_is_rejected() -> None:
    ncp = started()
    assert ncp.receive(data(1, COMMAND), 0) == []
    assert contents(ncp.output(0)) == [(ash.NAK | 0, b"")]
    assert ncp.counters.out_of_sequence == 1


def test_a_wrong_acknowledgement_is_no_acknowledgement() -> None:
    ncp = started()
    ncp.send(b"one")
    ncp.output(0)
    ncp.receive(frame(ash.ACK | 5), 0)
    assert ncp.counters.bad_acknowledgements == 1
    assert contents(ncp.output(2 * SECOND)) == [(0x08, randomise(b"one"))]


def test_a_nak_brings_everything_again() -> None:
    ncp = started()
    for octets in (b"one", b"two", b"three"):
        ncp.send(octets)
    ncp.output(0)
    ncp.receive(frame(ash.NAK | 1), 10)
    assert contents(ncp.output(10)) == [(0x18, randomise(b"two")), (0x28, randomise(b"three"))]


def test_waiting_doubles_and_the_link_fails_in_the_end() -> None:
    ncp = started()
    ncp.send(b"one")
    ncp.output(0)
    waits, now = [], 0
    while not ncp.failed:
        deadline = ncp.next_deadline
        assert deadline is not None
        waits.append(deadline - now)
        now = deadline
        sent = contents(ncp.output(now))
    assert waits == [1_600_000, 3_200_000, 3_200_000, 3_200_000]
    assert sent == [(ash.ERROR, bytes((2, ResetCode.ACK_TIMEOUTS)))]
    assert ncp.next_deadline is None
    assert not ncp.send(b"two")
    # whatever comes but RST is answered so
    ncp.receive(data(0, COMMAND), now)
    assert contents(ncp.output(now)) == [(ash.ERROR, bytes((2, ResetCode.ACK_TIMEOUTS)))]
    assert ncp.receive(RST, now) == [HostReset()]
    ncp.reset(ResetCode.SOFTWARE)
    assert ncp.output(now) == RSTACK
    assert ncp.receive(data(0, COMMAND), now) == [COMMAND]


def test_the_wait_follows_the_answers_of_the_host() -> None:
    ncp = started()
    for number in range(40):
        ncp.send(b"one")
        ncp.output(number * SECOND)
        ncp.receive(frame(ash.ACK | (number + 1) % 8), number * SECOND + 1000)
    ncp.send(b"one")
    ncp.output(50 * SECOND)
    assert ncp.next_deadline == 50 * SECOND + 400_000


def test_a_link_that_never_fails_by_waiting() -> None:
    ncp = started(ack_timeouts=0)
    ncp.send(b"one")
    now = 0
    for _ in range(50):
        ncp.output(now)
        now = ncp.next_deadline or 0
    assert not ncp.failed


def test_callbacks_wait_for_a_host_that_is_not_ready() -> None:
    ncp = started()
    ncp.receive(frame(ash.ACK | ash.NOT_READY), 0)
    ncp.send(b"callback", callback=True)
    ncp.send(b"answer")
    assert contents(ncp.output(0)) == [(0x00, randomise(b"answer"))]
    ncp.receive(frame(ash.ACK | ash.NOT_READY | 1), 10)
    assert ncp.next_deadline == 10 + SECOND
    assert contents(ncp.output(10 + SECOND)) == [(0x10, randomise(b"callback"))]


def test_a_host_that_is_ready_again_gets_them_at_once() -> None:
    ncp = started()
    ncp.receive(frame(ash.ACK | ash.NOT_READY), 0)
    ncp.send(b"callback", callback=True)
    assert ncp.output(0) == b""
    ncp.receive(frame(ash.ACK), 10)
    assert contents(ncp.output(10)) == [(0x00, randomise(b"callback"))]


def test_callbacks_beyond_the_queue_are_lost_and_answers_are_not() -> None:
    ncp = started(queue=4)
    assert [ncp.send(b"callback", callback=True) for _ in range(6)] == [True] * 4 + [False] * 2
    assert ncp.send(b"answer")
    assert ncp.counters.overflows == 2


def test_a_host_that_reads_no_answers_is_not_served_without_end() -> None:
    ncp = started(queue=4)
    taken = 0
    for _ in range(100):
        if ncp.receive(data(taken % 8, COMMAND), 0):
            taken += 1
            ncp.send(b"answer")
    assert taken == 4 + 8


def test_cancel_and_substitute() -> None:
    ncp = started()
    whole = data(0, COMMAND)
    assert ncp.receive(whole[:4] + bytes([ash.CANCEL]) + whole, 0) == [COMMAND]
    spoilt = data(1, b"spoilt")
    assert ncp.receive(spoilt[:4] + bytes([ash.SUBSTITUTE]) + spoilt[4:] + data(1, b"whole"), 0) == [b"whole"]
    assert (ncp.counters.cancelled, ncp.counters.substituted) == (1, 1)


def test_flow_octets_are_no_part_of_a_frame() -> None:
    ncp = started()
    octets = data(0, COMMAND)
    mixed = bytes(o for octet in octets for o in (ash.XON, octet, ash.XOFF))
    assert ncp.receive(mixed, 0) == [COMMAND]
    ncp.send(b"goes out")
    assert ncp.output(0)


def test_software_flow_control_where_it_is_wanted() -> None:
    ncp = AshNcp(AshSettings(software_flow=True))
    ncp.receive(RST, 0)
    ncp.reset(ResetCode.SOFTWARE)
    ncp.output(0)
    ncp.receive(bytes([ash.XOFF]), 0)
    ncp.send(b"one")
    assert ncp.output(0) == b""
    ncp.receive(bytes([ash.XON]), 0)
    assert contents(ncp.output(0)) == [(0x00, randomise(b"one"))]


def test_a_reset_forgets_everything_but_the_counters() -> None:
    ncp = started()
    ncp.receive(data(0, COMMAND), 0)
    ncp.send(b"one")
    ncp.output(0)
    ncp.send(b"two")
    ncp.reset(ResetCode.WATCHDOG)
    assert contents(ncp.output(0)) == [(ash.RSTACK, bytes((2, ResetCode.WATCHDOG)))]
    assert ncp.next_deadline is None
    assert ncp.receive(data(0, COMMAND), 0) == [COMMAND]
    assert ncp.counters.as_dict()["resets"] == 2


@given(st.binary(max_size=600))
def test_nothing_a_line_brings_does_any_harm(octets: bytes) -> None:
    ncp = started()
    ncp.receive(octets, 0)
    ncp.output(SECOND)
    ncp.receive(bytes([ash.FLAG]) + RST, SECOND)
    ncp.reset(ResetCode.SOFTWARE)
    assert ncp.output(SECOND).endswith(RSTACK)
    assert ncp.receive(data(0, COMMAND), SECOND) == [COMMAND]


@given(st.lists(st.binary(min_size=3, max_size=130), max_size=12), st.data())
def test_pieces_of_any_size(sent: list[bytes], draw: st.DataObject) -> None:
    ncp = started()
    stream = b"".join(data(n % 8, octets) for n, octets in enumerate(sent))
    got, start = [], 0
    while start < len(stream):
        size = draw.draw(st.integers(1, 40))
        got += ncp.receive(stream[start : start + size], 0)
        start += size
    assert got == sent


@dataclass
class Host:
    """The host's end, written from UG101: a window of its own, repeats, rejects."""

    window: int
    wait: int = 200_000
    expected: int = 0
    number: int = 0
    rejecting: bool = False
    waiting: list[bytes] = field(default_factory=list)
    outstanding: list[tuple[int, bytes]] = field(default_factory=list)
    got: list[bytes] = field(default_factory=list)
    sent_at: int = 0
    buffer: bytes = b""

    def receive(self, octets: bytes, now: int) -> bytes:
        answers = b""
        *parts, self.buffer = (self.buffer + octets).split(bytes([ash.FLAG]))
        for part in parts:
            plain = unstuffed(part) if part else None
            if plain is None or len(plain) < 3 or frame(plain[0], plain[1:-2])[:-1] != part:
                answers += self.reject() if part and part[0] < 0x80 else b""
                continue
            control, content = plain[0], plain[1:-2]
            if control >= 0xC0:
                raise AssertionError(f"the dongle gave up: {plain.hex()}")
            while self.outstanding and self.outstanding[0][0] != control & 7:
                if (control & 7) not in {(n + 1) % 8 for n, _ in self.outstanding}:
                    break
                self.outstanding.pop(0)
                self.sent_at = now
            if control < 0x80:
                answers += self.data(control, content)
            elif control & 0xE0 == ash.NAK:
                answers += self.repeat(now)
        return answers

    def data(self, control: int, content: bytes) -> bytes:
        number = control >> 4
        if number == self.expected:
            self.expected = (number + 1) % 8
            self.rejecting = False
            self.got.append(randomise(content))
            return frame(ash.ACK | self.expected)
        return frame(ash.ACK | self.expected) if control & 8 else self.reject()

    def reject(self) -> bytes:
        if self.rejecting:
            return b""
        self.rejecting = True
        return frame(ash.NAK | self.expected)

    def repeat(self, now: int) -> bytes:
        self.sent_at = now
        return b"".join(data(n, octets, self.expected, True) for n, octets in self.outstanding)

    def tick(self, now: int) -> bytes:
        octets = b""
        if self.outstanding and now - self.sent_at >= self.wait:
            octets += self.repeat(now)
        while self.waiting and len(self.outstanding) < self.window:
            content = self.waiting.pop(0)
            octets += data(self.number, content, self.expected)
            self.outstanding.append((self.number, content))
            self.number = (self.number + 1) % 8
            self.sent_at = now
        return octets


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.05, 0.25]),
    noise=st.sampled_from([0.0, 0.002, 0.02]),
    window=st.integers(1, 5),
    host_window=st.integers(1, 5),
    octet_by_octet=st.booleans(),
)
def test_a_bad_line_loses_doubles_and_reorders_nothing(
    seed: int, loss: float, noise: float, window: int, host_window: int, octet_by_octet: bool
) -> None:
    from hil.virtual.line import Impaired

    chance = random.Random(seed)
    down, up = Impaired(loss, noise, chance), Impaired(loss, noise, chance)
    ncp = started(window=window, ack_timeouts=0)
    host = Host(host_window)
    commands = [b"command %02d" % n for n in range(20)]
    answers = [b"answers %02d" % n for n in range(20)]
    host.waiting += commands
    for answer in answers:
        ncp.send(answer, callback=True)
    heard: list[bytes] = []
    now = 0
    for _ in range(20_000):
        now += 10_000
        to_ncp = down.pass_on(host.tick(now))
        for piece in [to_ncp[i : i + 1] for i in range(len(to_ncp))] if octet_by_octet else [to_ncp]:
            heard += [e for e in ncp.receive(piece, now) if isinstance(e, bytes)]
        to_ncp = down.pass_on(host.receive(up.pass_on(ncp.output(now)), now))
        heard += [e for e in ncp.receive(to_ncp, now) if isinstance(e, bytes)]
        if len(heard) >= 20 and len(host.got) >= 20 and not host.outstanding:
            break
    assert (heard, host.got) == (commands, answers)
