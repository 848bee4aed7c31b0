"""Monikers and the options of the memory link."""

import pytest

from hil.memory_link import LinkOptions, MemoryLink
from hil.monikers import Moniker, MonikerError


def options(text: str) -> LinkOptions:
    return LinkOptions.of(Moniker.parse(text))


def test_memory() -> None:
    assert Moniker.parse("memory:") == Moniker("memory")
    assert options("memory:") == LinkOptions(0.0, 0.0, 20.0, 0.0)
    assert options("memory:?loss=0.1&duplicate=1&delay_ms=0&jitter_ms=5") == LinkOptions(0.1, 1.0, 0.0, 5.0)


@pytest.mark.parametrize("text", ["virtual:loss=0.2&delay_ms=5", "virtual:?loss=0.2&delay_ms=5"])
def test_the_air_of_virtual_dongles(text: str) -> None:
    assert Moniker.parse(text) == Moniker("virtual", "loss=0.2&delay_ms=5")


def test_sticks() -> None:
    serial = Moniker.parse("serial:/dev/ttyUSB0?baud=460800&flow=hardware")
    assert (serial.path, serial.option("baud"), serial.option("flow")) == (
        "/dev/ttyUSB0",
        "460800",
        "hardware",
    )
    assert Moniker.parse("tcp:bench.local:6638").path == "tcp://bench.local:6638"
    assert Moniker.parse("serial:COM3").option("flow", "none") == "none"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no link, known are memory:, virtual:, serial:, tcp:, replay:"),
        ("memory", "is no link"),
        ("bluetooth:", "is no link"),
        ("Memory:", "is no link"),
        ("memory:here", "takes no place, not 'here'"),
        ("serial:", "serial: takes the path of a port"),
        ("serial:/dev/ttyUSB0?baud=fast", "baud has to be a number, not 'fast'"),
        ("serial:/dev/ttyUSB0?flow=some", "flow is none, hardware or software, not 'some'"),
        ("serial:/dev/ttyUSB0?speed=5", "serial: has no option 'speed'"),
        ("tcp:localhost", "tcp: takes a host and a port, not 'localhost'"),
        ("tcp:localhost:http", "tcp: takes a host and a port"),
        ("tcp:localhost:70000", "tcp: takes a host and a port"),
        ("tcp:localhost:6638?baud=5", "tcp: has no option 'baud'"),
        ("replay:old.jsonl", "replay: is not built yet"),
    ],
)
def test_errors(text: str, reason: str) -> None:
    with pytest.raises(MonikerError, match=reason.replace("?", r"\?")) as caught:
        Moniker.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("memory:?lost=1", "no option 'lost', only loss, duplicate, delay_ms, jitter_ms"),
        ("memory:?loss=much", "loss has to be a number, not 'much'"),
        ("memory:?loss", "loss has to be a number, not ''"),
        ("memory:?loss=1.1", "loss is out of range: 1.1"),
        ("memory:?duplicate=-0.1", "duplicate is out of range"),
        ("memory:?delay_ms=nan", "delay_ms is out of range"),
        ("memory:?jitter_ms=inf", "jitter_ms is out of range"),
        ("memory:?loss=0.1&loss=0.2", "loss twice"),
    ],
)
def test_option_errors(text: str, reason: str) -> None:
    with pytest.raises(MonikerError, match=reason):
        options(text)


def arrivals(text: str, seed: str = "s", count: int = 10_000) -> list[tuple[int, ...]]:
    link = MemoryLink(options(text), seed)
    return [link.arrivals() for _ in range(count)]


def test_a_good_link_delivers_each_frame_once_in_time() -> None:
    assert set(arrivals("memory:", count=100)) == {(20_000,)}
    assert set(arrivals("memory:?delay_ms=0", count=100)) == {(0,)}


def test_faults_have_their_shares() -> None:
    found = arrivals("memory:?loss=0.2&duplicate=0.1&delay_ms=10&jitter_ms=30")
    lost = sum(1 for copies in found if not copies)
    doubled = sum(1 for copies in found if len(copies) == 2)
    assert 0.18 < lost / len(found) < 0.22
    assert 0.07 < doubled / len(found) < 0.09  # of those that were not lost
    delays = [delay for copies in found for delay in copies]
    assert min(delays) >= 10_000
    assert max(delays) <= 40_000
    assert max(delays) - min(delays) > 29_000
    assert set(map(len, arrivals("memory:?loss=1", count=50))) == {0}
    assert set(map(len, arrivals("memory:?duplicate=1", count=50))) == {2}


def test_the_same_seed_has_the_same_faults() -> None:
    text = "memory:?loss=0.2&duplicate=0.2&jitter_ms=10"
    assert arrivals(text, "a", 500) == arrivals(text, "a", 500)
    assert arrivals(text, "a", 500) != arrivals(text, "b", 500)
