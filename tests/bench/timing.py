"""Timing two ways of doing the same, by turns, so that both see the same machine."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

Round = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Seconds a round: the median, and the middle half of the rounds as a share of it."""

    seconds: float
    noise: float


@dataclass(frozen=True)
class Ratio:
    """Bare time by our time, 1.0 is no overhead: the median over pairs of rounds, and its noise."""

    value: float
    noise: float
    bare: Timing
    ours: Timing


def measure(work: Round, rounds: int) -> Timing:
    """Time rounds of one thing after a warm-up."""
    work()
    return _timing([_once(work) for _ in range(rounds)])


def compare(bare: Round, ours: Round, rounds: int) -> Ratio:
    """Time two things by turns (A B B A, so that neither is always the later one) after a warm-up."""
    bare()
    ours()
    left: list[float] = []
    right: list[float] = []
    for number in range(rounds):
        order = ((bare, left), (ours, right))
        for work, times in order if number % 2 else reversed(order):
            times.append(_once(work))
    ratios = _timing([a / b for a, b in zip(left, right, strict=True)])
    return Ratio(ratios.seconds, ratios.noise, _timing(left), _timing(right))


def _once(work: Round) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    finally:
        gc.enable()


def _timing(samples: list[float]) -> Timing:
    middle = median(samples)
    if len(samples) < 2:
        return Timing(middle, 0.0)
    low, _, high = quantiles(samples, n=4)
    return Timing(middle, (high - low) / middle)
