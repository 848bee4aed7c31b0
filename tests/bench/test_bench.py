"""That the bench runs and measures what it says; how fast is not judged here."""

import struct

import pytest

from hil.meter_profiles import generated as household
from hil.meter_run import MeterRun
from smets.store import MemoryStore
from tests.bench import __main__ as bench
from tests.bench import plain, timing
from tests.bench.corpus import generated
from tests.bench.measures import decode, execute, verify
from tests.bench.meter import START, Life, held, in_memory, on_disk
from tests.bench.timing import Round, compare, measure

try:
    import bellows  # noqa: F401

    RADIOS = ["read on the air", "message and back", "join"]
except ImportError:
    RADIOS = ["radios"]


def test_every_measure_prints_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--rounds", "2", "--size", "12"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "verify",
        "seal",
        "decode",
        "decode to fields",
        "decode to values",
        "build by name",
        "execute",
        "cbke",
        "meter in memory",
        "on disk, NORMAL",
        "on disk, FULL",
        "held, single",
        "held, polyphase",
        *RADIOS,
    ]
    assert lines[0].startswith("12 ")


def test_messages_made_here_have_the_mix_of_the_reference() -> None:
    made = generated(100)
    assert len(made.octets) == 100
    messages = made.messages
    assert 55 <= sum(m.mac is not None for m in messages) <= 75
    assert 30 <= sum(m.signature is not None for m in messages) <= 50
    assert verify(made, 1).value > 0
    assert decode(made, 1, fields=False)[0] == 100
    assert execute(4, 1)[0] == 4


def test_a_year_and_its_growth_follow_from_the_days() -> None:
    life = Life([1.0] * 30 + [1.5] * 60 + [2.0] * 30)
    assert life.year == 365 * 1.5
    assert life.growth == 2.0
    assert Life([1.0] * 119).growth is None  # too few to say
    lived = in_memory(2, times=3)
    assert (len(lived.days), len(lived.years)) == (2, 3)
    assert lived.year <= min(lived.years)
    assert on_disk(2, "FULL").octets > 50_000


def test_what_a_meter_holds_grows_with_its_days() -> None:
    """Store and device are there: more than the octets of the store alone."""
    octets = [held(days, "single") for days in (1, 3)]
    assert 50_000 < octets[0] < octets[1]
    store = MemoryStore()
    MeterRun(store, "single", "bench", START).run(household("household", "bench", "single"), 3)
    assert octets[1] > sum(len(key) + len(value) for key, value in store.snapshot().items())


def test_the_plain_decoder_takes_every_octet() -> None:
    """It is a fair yardstick only if it does the work: an octet changed anywhere is seen."""
    for octets in generated(12).octets:
        whole = plain.decode(octets)
        for at in (len(octets) - 1, len(octets) // 2):
            changed = octets[:at] + bytes((octets[at] ^ 0x01,)) + octets[at + 1 :]
            try:
                assert plain.decode(changed) != whole
            except (IndexError, KeyError, struct.error):
                continue


class Clock:
    """A clock that only the work moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def works(self, *seconds: float) -> Round:
        left = iter(seconds)

        def work() -> None:
            self.now += next(left)

        return work


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: made.now)
    return made


def test_the_ratio_is_bare_by_ours(clock: Clock) -> None:
    ratio = compare(clock.works(9, 2, 2, 3), clock.works(9, 4, 5, 4), 3)
    assert ratio.value == 0.5  # the median of 2/4, 2/5 and 3/4, without the warm-up
    assert (ratio.bare.seconds, ratio.ours.seconds) == (2, 4)
    assert ratio.noise > 0


def test_a_rate_is_the_median_round(clock: Clock) -> None:
    assert measure(clock.works(9, 1, 8, 2), 3).seconds == 2
    assert measure(clock.works(9, 1), 1) == timing.Timing(1, 0.0)
