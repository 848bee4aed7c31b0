"""Plots of a meter's life as SVG: load, registers, balance and supply over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hil.meter_run import Sample

WIDTH, HEIGHT = 1000, 160  # of a panel
LEFT, TOP, GAP = 90, 30, 40
MOST_SAMPLES = 1500
WRAP = 1 << 32  # registers do
POUND = 100_000  # millipence
STATES = {"enabled": 2, "armed": 1, "disabled": 0}


class Panel(NamedTuple):
    """One plot: title, and its curves by name and colour."""

    title: str
    curves: tuple[tuple[str, str, Sequence[float]], ...]


def svg(samples: Sequence[Sample], title: str) -> str:
    """The four plots of samples in order of time; at least two samples."""
    times = [sample.time.seconds for sample in samples]
    panels = _panels(samples)
    height = TOP + len(panels) * (HEIGHT + GAP) + TOP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>',
    ]
    for n, panel in enumerate(panels):
        lines += _drawn(panel, TOP + 10 + n * (HEIGHT + GAP), times)
    bottom = height - 12
    lines.append(f'<text x="{LEFT}" y="{bottom}">{samples[0].time}</text>')
    lines.append(f'<text x="{LEFT + WIDTH}" y="{bottom}" text-anchor="end">{samples[-1].time}</text>')
    return "\n".join((*lines, "</svg>")) + "\n"


def _panels(samples: Sequence[Sample]) -> tuple[Panel, ...]:
    return (
        Panel(
            "mean power (W)",
            (
                ("import", "#c03020", _power(samples, lambda sample: sample.import_wh)),
                ("export", "#208040", _power(samples, lambda sample: sample.export_wh)),
            ),
        ),
        Panel(
            "registers (kWh)",
            (
                ("import", "#c03020", [sample.import_wh / 1000 for sample in samples]),
                ("export", "#208040", [sample.export_wh / 1000 for sample in samples]),
            ),
        ),
        Panel("meter balance", (("", "#2050a0", [sample.balance / POUND for sample in samples]),)),
        Panel(
            "supply (0 disabled, 1 armed, 2 enabled)",
            (("", "#604080", [STATES[sample.supply.name.lower()] for sample in samples]),),
        ),
    )


def _power(samples: Sequence[Sample], register: Callable[[Sample], int]) -> list[float]:
    """Watts between each sample and the one before it."""
    found = []
    for before, after in pairwise(samples):
        counted = (register(after) - register(before)) % WRAP
        found.append(counted * 3600 / max(after.time.seconds - before.time.seconds, 1))
    return [*found[:1], *found]


def _drawn(panel: Panel, top: int, times: Sequence[int]) -> list[str]:
    values = [value for _, _, curve in panel.curves for value in curve]
    low, high = min(0.0, *values), max(*values, 0.0)
    span = high - low or 1.0
    length = max(times[-1] - times[0], 1)

    def y(value: float) -> float:
        return top + HEIGHT - (value - low) / span * HEIGHT

    lines = [
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>',
        f'<text x="{LEFT}" y="{top - 5}">{escape(panel.title)}</text>',
    ]
    for value in dict.fromkeys((low, 0.0, high)):
        lines.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,.5g}</text>')
    for n, (name, colour, curve) in enumerate(panel.curves):
        points = " ".join(
            f"{LEFT + (time - times[0]) / length * WIDTH:.1f},{y(value):.1f}"
            for time, value in zip(times, curve, strict=True)
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        if name:
            x = LEFT + WIDTH - 70 * (len(panel.curves) - n)
            lines.append(f'<text x="{x}" y="{top - 5}" fill="{colour}">{escape(name)}</text>')
    return lines
