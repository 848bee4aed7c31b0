"""Texts of dates, times and names stand for exactly the octets they were made of."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import pytest

from gbcs.time import ACTIVATE_NEVER, ACTIVATE_NOW
from gbcs.values import Date, DateTime, LogicalName, Time, ZclDate, json_form

YEARS = (b"\0\0", b"\0\1", b"\x07\x6c", b"\x07\xe8", b"\x27\x0f", b"\x27\x10", b"\xff\xfe", b"\xff\xff")
MONTHS = (0, 1, 2, 4, 12, 13, 0xFD, 0xFE, 0xFF)
DAYS = (0, 1, 28, 29, 30, 31, 32, 0xFD, 0xFE, 0xFF)
WEEKDAYS = (0, 1, 7, 8, 0xFE, 0xFF)
CLOCK = ((0, 23, 24, 0xFF), (0, 59, 60, 0xFF), (0, 59, 60, 0xFF))
HUNDREDTHS = (0, 1, 99, 100, 0xFF)
TAILS = ("008000FF", "00800000", "00800004", "008000FE", "018000FF", "FF8000FF", "000000FF", "00003C80")

dates = [y + bytes(rest) for y, *rest in product(YEARS, MONTHS, DAYS, WEEKDAYS)]
times = [bytes(parts) for parts in product(*CLOCK, HUNDREDTHS)]
some = Random(0)
OCTETS: list[tuple[Any, list[bytes]]] = [
    (Date, dates),
    (Time, times),
    (ZclDate, [bytes(parts) for parts in product((0, 1, 124, 254, 255), MONTHS, DAYS, WEEKDAYS)]),
    (LogicalName, [bytes(6), b"\xff" * 6, bytes((1, 0, 1, 8, 0, 255))]),
    (
        DateTime,
        [
            ACTIVATE_NOW,
            ACTIVATE_NEVER,
            *(
                some.choice(dates)[:4]
                + some.choice(b"\xff\xff\xff\x00\x01").to_bytes(1, "big")
                + some.choice(times)[:3]
                + bytes.fromhex(some.choice(TAILS))
                for _ in range(20_000)
            ),
            *(date + bytes(3) + bytes.fromhex(TAILS[0]) for date in dates),
        ],
    ),
]


@pytest.mark.parametrize(("kind", "octets"), OCTETS, ids=lambda part: getattr(part, "__name__", ""))
def test_a_text_stands_for_its_octets(kind: Any, octets: list[bytes]) -> None:
    for one in octets:
        value = kind(one)
        assert kind.of(json_form(value)) == one, (one.hex(), json_form(value))
        assert kind.of(str(value)) == one


@pytest.mark.parametrize(("kind", "octets"), OCTETS, ids=lambda part: getattr(part, "__name__", ""))
def test_the_usual_ones_are_no_hex_digits(kind: Any, octets: list[bytes]) -> None:
    texts = [kind(one).text for one in octets]
    assert sum(text is not None for text in texts) > len(texts) / 50
    assert len({text for text in texts if text}) == len(
        {one for one, text in zip(octets, texts, strict=True) if text}
    )
