"""When a single action schedule comes next, against a search day by day."""

from __future__ import annotations

import datetime as _dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.tariff.calendar import matches
from gbcs.time import Utc
from gbcs.values import Date
from smets.behaviours.execution_times import ExecutionTimes
from smets.values import Value

ANY = "FFFFFFFFFF"
DAY_US = 86_400_000_000

CASES = [
    # date, time, moment, next time
    (ANY, "00000000", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
    (ANY, "00000000", "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"),
    ("FFFFFF01FF", "00000000", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
    ("FFFFFF1CFF", "061E0000", "2026-02-28T06:29:59Z", "2026-02-28T06:30:00Z"),
    ("FFFFFFFF01", "00000000", "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z"),  # a Monday
    ("FFFF0401FF", "00000000", "2026-04-01T00:00:00Z", "2027-04-01T00:00:00Z"),
    ("07EA0401FF", "00000000", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
    ("07EA0401FF", "00000000", "2026-04-01T00:00:00Z", None),
    ("0834FFFFFF", "00000000", "2026-04-01T00:00:00Z", "2100-01-01T00:00:00Z"),
    ("FFFFFFFEFF", "00000000", "2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z"),  # the last of the month
    ("FFFF021DFF", "00000000", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
    ("FFFF021D01", "00000000", "2096-03-01T00:00:00Z", "2112-02-29T00:00:00Z"),  # 2100 has none
    ("FFFF021EFF", "00000000", "2026-01-01T00:00:00Z", None),
    ("FFFFFE01FF", "00000000", "2026-01-01T00:00:00Z", None),  # a daylight saving change has no month
    (ANY, "FFFFFFFF", "2026-01-01T12:00:00Z", "2026-01-02T00:00:00Z"),
    (ANY, "18000000", "2026-01-01T12:00:00Z", None),  # no time of a day
]


def entry(date: str, time: str) -> Value:
    return (bytes.fromhex(time), bytes.fromhex(date))


@pytest.mark.parametrize(("date", "time", "moment", "expected"), CASES)
def test_the_next_time(date: str, time: str, moment: str, expected: str | None) -> None:
    found = ExecutionTimes((entry(date, time),)).after(Utc.parse(moment).us)
    assert found == (None if expected is None else Utc.parse(expected).us)


def test_the_first_of_several_entries() -> None:
    quarters = tuple(entry(f"FFFF{month:02X}01FF", "00000000") for month in (1, 4, 7, 10))
    times = ExecutionTimes(quarters)
    found, us = [], Utc.of(2026, 1, 1).us
    for _ in range(4):
        us = times.after(us) or 0
        found.append(str(Utc(us))[:10])
    assert found == ["2026-04-01", "2026-07-01", "2026-10-01", "2027-01-01"]


def test_no_entries() -> None:
    times = ExecutionTimes(())
    assert not times
    assert times.after(0) is None


ENTRIES = st.lists(
    st.tuples(
        st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 99)),
        st.builds(
            lambda year, *rest: year.to_bytes(2, "big") + bytes(rest),
            st.integers(2024, 2028) | st.just(0xFFFF),
            st.integers(1, 12) | st.just(0xFF),
            st.integers(1, 31) | st.sampled_from([0xFF, 0xFE, 0xFD]),
            st.integers(1, 7) | st.just(0xFF),
        ),
    ),
    min_size=1,
    max_size=4,
)


@given(ENTRIES, st.lists(st.integers(Utc.of(2025, 1, 1).us, Utc.of(2027, 1, 1).us), min_size=1, max_size=4))
def test_like_a_search_day_by_day(entries: list[tuple[tuple[int, ...], bytes]], moments: list[int]) -> None:
    times = ExecutionTimes(tuple((bytes(time), date) for time, date in entries))
    for us in moments:
        found = times.after(us)
        candidates = []
        for number in range(us // DAY_US, us // DAY_US + 800):
            day = _dt.date(2000, 1, 1) + _dt.timedelta(days=number)
            for (h, m, s, hundredths), date in entries:
                at = number * DAY_US + ((h * 60 + m) * 60 + s) * 1_000_000 + hundredths * 10_000
                if at > us and matches(Date(date), day):
                    candidates.append(at)
            if candidates:
                break
        if candidates:
            assert found == min(candidates)
        else:
            assert found is None or found > us + 799 * DAY_US


@given(
    st.lists(st.tuples(st.binary(min_size=4, max_size=4), st.binary(min_size=5, max_size=5)), max_size=4),
    st.integers(-(2**70), 2**70),
)
def test_arbitrary_octets_raise_nothing(entries: list[tuple[bytes, bytes]], us: int) -> None:
    found = ExecutionTimes(tuple(entries)).after(us)
    assert found is None or found > us
