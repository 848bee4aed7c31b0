"""Voltage quality: averages, sags, swells, extremes, beside a model that steps through every second."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.errors import BuildError
from smets.behaviours.clock import set_clock
from smets.behaviours.voltage import AVERAGES, CONDITIONS, MEASURED, TURNING, VoltageSettings
from smets.device import Device
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import Effect, Metrology, PowerLost, PowerRestored, TimerDue
from smets.sensing import PhaseSupply
from smets.store import StoreError
from smets.values import Value, pack
from tests.smets.homes import ENTITIES, Home, Role, alerts_in

ALL_ON: dict[str, Value] = {"NetworkOperatorWANAlerts": "1" * 256}
PERIOD = 30
SAG, SWELL, OVER, UNDER = 0x802C, 0x8024, 0x8020, 0x8028


def metered(
    variant: str = "single", settings: VoltageSettings | None = None, items: Mapping[str, Value] | None = None
) -> Home:
    home = Home.new(variant, items={**ALL_ON, **(items or {})})
    if settings is not None:
        profile = esme_profile(EsmeOptions(variant, voltage=settings))
        home.device = Device(profile, home.store, home.now)
    return home


def after(home: Home, seconds: int, *volts: int) -> list[int]:
    """Let time pass, then perhaps measure voltages; the codes that were alerted."""
    home.wait(seconds)
    return codes(home.handle(Metrology(voltage_v=volts) if volts else TimerDue()))


def codes(effects: tuple[Effect, ...]) -> list[int]:
    return [a.code for a in alerts_in(effects)]


def log(home: Home, phase: int = 1) -> list[Value]:
    return [e[1] for e in home.work.log_entries(f"AverageRMSVoltageProfileDataLog.Phase{phase}")]


def power_log(home: Home) -> list[tuple[Value, ...]]:
    return list(home.work.log_entries("PowerEventLog"))


# -- conditions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("volts", "begins", "ends"),
    [
        (254, [SWELL], [0x8091]),
        (288, [OVER, SWELL], [0x808D, 0x8091]),
        (215, [SAG], [0x8099]),
        (179, [UNDER, SAG], [0x8095, 0x8099]),
    ],
)
def test_a_condition_begins_and_ends_when_it_has_lasted_longer_than_its_period(
    volts: int, begins: list[int], ends: list[int]
) -> None:
    home = metered()
    assert not after(home, 0, 240)
    assert not after(home, 1, volts)
    assert not after(home, PERIOD)  # as long as the period, not longer
    assert after(home, 1) == begins
    assert not after(home, 600, 240)
    assert not after(home, PERIOD)
    assert after(home, 1) == ends
    assert [e[1] for e in power_log(home)] == begins + ends


@pytest.mark.parametrize("volts", [253, 216])
def test_at_a_threshold_nothing_is_beyond_it(volts: int) -> None:
    home = metered()
    assert not after(home, 0, volts)
    assert not after(home, 10 * PERIOD)


def test_what_comes_and_goes_begins_and_ends_nothing() -> None:
    home = metered()
    for _ in range(10):
        assert not after(home, PERIOD, 210)
        assert not after(home, PERIOD, 240)
    after(home, 0, 210)
    assert after(home, PERIOD + 1) == [SAG]
    for _ in range(10):
        assert not after(home, PERIOD, 240)
        assert not after(home, PERIOD, 210)
    assert not after(home, 10 * PERIOD)


def test_the_period_goes_on_while_the_voltage_stays_beyond() -> None:
    home = metered()
    after(home, 0, 210)
    after(home, 20, 190)
    assert after(home, 11) == [SAG]
    assert after(home, 1, 170) == []
    assert after(home, 31) == [UNDER]
    # from extreme back to a mere sag: only the extreme ends
    after(home, 10, 200)
    assert after(home, 31) == [0x8095]


def test_events_are_stamped_when_the_period_was_over_even_if_nobody_looked() -> None:
    home = metered()
    after(home, 0, 210)
    began = home.now
    assert after(home, 500) == [SAG]
    assert power_log(home) == [(began.plus(PERIOD).seconds, SAG, 0)]


def test_alerts_go_to_the_network_operator_alone() -> None:
    home = metered()
    after(home, 0, 300)
    home.wait(60)
    alerts = alerts_in(home.handle(TimerDue()))
    assert {a.message.recipient for a in alerts} == {ENTITIES[Role.NETWORK_OPERATOR]}
    assert {a.message.code for a in alerts} == {0x1001}


def test_phases_have_codes_of_their_own() -> None:
    home = metered("polyphase")
    after(home, 0, 240, 240, 240)
    after(home, 1, 300, 210, 240)
    assert after(home, 31) == [0x8021, 0x8025, 0x802E]
    after(home, 1, 240, 240, 170)
    assert sorted(after(home, 31)) == [0x802B, 0x802F, 0x808E, 0x8092, 0x809B]


@pytest.mark.parametrize("name", ["ECS29a", "ECS29c"])
def test_thresholds_and_periods_of_a_command_hold_at_once(name: str) -> None:
    home = metered()
    after(home, 0, 240)
    conditions: list[Value] = [300, 10, 100, 10, 241, 5, 290, 10]
    averages: list[Value] = [230, 100]
    values = [900, *conditions, *averages] if name == "ECS29a" else [100, 230, 900, *conditions]
    assert not any(home.run(name, values).results)
    assert after(home, 6) == [SAG]
    home.now = home.now.floor(900).plus(900)
    assert codes(home.handle(TimerDue())) == [0x8002]


def test_power_that_is_cut_ends_no_condition_and_begins_none() -> None:
    home = metered()
    after(home, 0, 210)
    after(home, PERIOD + 1, 300)
    home.wait(PERIOD - 5)
    home.handle(PowerLost())
    home.restart()
    home.wait(3600)
    home.handle(PowerRestored())
    assert not after(home, 60)  # the extreme had not lasted long enough, the sag goes on
    after(home, 0, 240)
    assert after(home, 31) == [0x8099]


# -- averages -----------------------------------------------------------------------------


def test_a_mean_is_that_of_the_time_it_was_measured_in() -> None:
    home = metered()  # it is 00:10
    after(home, 0, 240)
    after(home, 600, 250)
    after(home, 300, 230)
    assert not after(home, 300)
    ((stamp, mean),) = home.work.log_entries("AverageRMSVoltageProfileDataLog.Phase1")
    assert stamp == home.now.seconds
    assert home.now == home.now.floor(1800)
    assert mean == 240
    after(home, 1800)
    assert log(home) == [240, 230]


def test_halves_are_rounded_up() -> None:
    home = metered()
    home.now = home.now.floor(1800).plus(1800)
    after(home, 0, 240)
    after(home, 900, 241)
    after(home, 900)
    assert log(home) == [241]


def test_crossings_are_events_and_every_mean_beyond_counts() -> None:
    home = metered(items={"AverageRMSOverVoltageThreshold.Phase1": 250, "RMSVoltageSwellThreshold": 400})
    home.now = home.now.floor(1800).plus(1800)
    after(home, 0, 251)
    assert after(home, 1800) == [0x8002]
    assert after(home, 1800) == []
    assert home.item("AverageRMSOverVoltageCounter.Phase1") == 2
    after(home, 0, 250)
    assert after(home, 1800) == [0x8085]
    assert home.item("AverageRMSOverVoltageCounter.Phase1") == 2
    after(home, 0, 199)
    after(home, 1700)
    assert 0x8006 in after(home, 100)
    after(home, 0, 216)
    assert after(home, 1800)[-1:] == [0x8089]
    assert home.item("AverageRMSUnderVoltageCounter.Phase1") == 1
    assert home.run("ECS29e").results == [0, 0]
    assert home.item("AverageRMSUnderVoltageCounter.Phase1") == 0


def test_phases_may_have_periods_of_their_own() -> None:
    home = metered("polyphase", items={"AverageRMSVoltageMeasurementPeriod.Phase2": 600})
    after(home, 0, 240, 241, 242)
    after(home, 1200)
    assert [log(home, n) for n in (1, 2, 3)] == [[240], [241, 241], [242]]
    assert after(home, 3600, 240, 241, 190) == []
    after(home, 1800)
    assert home.item("AverageRMSUnderVoltageCounter.Phase3") == 1
    assert [e[1] for e in power_log(home)] == [0x802F, 0x8009]


def test_the_log_holds_4320_means() -> None:
    home = metered(items={"AverageRMSVoltageMeasurementPeriod.Phase1": 1})
    for n in range(5):
        after(home, 1000, 230 + n)
    assert len(log(home)) == 4000
    after(home, 1000)
    assert len(log(home)) == 4320
    assert log(home)[-1000:] == [234] * 1000


def test_without_a_voltage_there_is_no_entry_and_no_deadline() -> None:
    home = metered()
    home.handle(Metrology(import_wh=5, power_w=100))
    after(home, 7200)
    assert log(home) == []
    assert home.work.value(MEASURED) is None


def test_an_offset_moves_the_ends_of_periods() -> None:
    home = metered(settings=VoltageSettings(period_offset=100))
    after(home, 0, 240)
    after(home, 7200)
    stamps = [e[0] for e in home.work.log_entries("AverageRMSVoltageProfileDataLog.Phase1")]
    assert len(stamps) == 4
    assert {stamp % 1800 for stamp in stamps if isinstance(stamp, int)} == {100}


def test_an_offset_is_not_negative() -> None:
    with pytest.raises(BuildError):
        VoltageSettings(period_offset=-1)


def test_setting_the_clock_makes_a_period_longer_or_shorter_but_loses_nothing() -> None:
    home = metered()
    after(home, 0, 240)
    for seconds in (-86_400 * 3, 86_400 * 5, 7, -1234):
        work = home.work
        set_clock(work, work.time.plus(seconds))
        work.commit()
        home.restart()
        after(home, 3600)
    assert len(log(home)) == 8
    assert set(log(home)) == {240}


# -- a phase that is lost -----------------------------------------------------------------


def test_a_lost_phase_is_not_measured() -> None:
    home = metered("polyphase")
    after(home, 0, 240, 240, 240)
    after(home, 400)
    home.handle(PhaseSupply(2, False))
    assert not after(home, 60, 240, 0, 241)
    home.handle(PhaseSupply(2, True))
    assert not after(home, 60, 240, 242, 240)
    home.now = home.now.floor(1800).plus(1800)
    home.handle(TimerDue())
    assert log(home, 2) == [242]  # what was measured before the loss is forgotten
    home.handle(PhaseSupply(2, False))
    after(home, 3600)
    assert log(home, 2) == [242]
    assert log(home, 1) == [240] * 3


def test_or_it_is_as_0_v_where_that_is_the_setting() -> None:
    home = metered("polyphase", VoltageSettings(lost_phase_is_zero=True))
    after(home, 0, 240, 240, 240)
    home.handle(PhaseSupply(2, False))
    assert after(home, 31) == [0x802A, 0x802E]


@pytest.mark.parametrize(
    ("key", "held"),
    [
        (MEASURED, 7),
        (MEASURED, (1, 2)),
        (MEASURED, (0, 240, None, 0)),
        (MEASURED, (0, *(240, 0, 0) * 3)),  # of three phases
        (TURNING, ((0x8101, 5),)),
    ],
)
def test_what_nobody_wrote_is_a_damaged_store(key: str, held: Value) -> None:
    raw = {MEASURED: pack((0, 240, 0, 0)), key: pack(held)}
    with pytest.raises(StoreError):
        Home.new(raw=raw)


# -- a model ------------------------------------------------------------------------------

STRETCHES = st.lists(
    st.tuples(st.sampled_from([150, 190, 210, 240, 260, 300]), st.integers(1, 90)), min_size=1, max_size=25
)
LIMITS = {
    "RMSExtremeOverVoltageMeasurementPeriod": 20,
    "RMSVoltageSwellMeasurementPeriod": 0,
    "RMSVoltageSagMeasurementPeriod": 45,
    "AverageRMSVoltageMeasurementPeriod.Phase1": 60,
}


@given(STRETCHES, st.booleans())
def test_a_model_of_every_second_sees_the_same(stretches: list[tuple[int, int]], restarts: bool) -> None:
    """What a stretch of voltages begins, ends and counts depends on its seconds, not on how it is told."""
    home = metered(items=LIMITS)
    seen: list[int] = []
    samples: list[int] = []
    for volts, seconds in stretches:
        seen += codes(home.handle(Metrology(voltage_v=(volts,))))
        if restarts:
            home.restart()
        home.wait(seconds)
        samples += [volts] * seconds
        # what is due up to the last microsecond of the stretch
        seen += codes(home.device.handle(TimerDue(), home.now.plus(us=-1)))
    start = home.now.plus(-len(samples))
    expected: list[tuple[int, int]] = []
    for condition in CONDITIONS:
        period, active, run = int(home.item(condition.other)), False, 0  # type: ignore[arg-type, call-overload]
        limit = int(home.item(condition.threshold))  # type: ignore[arg-type, call-overload]
        for second, volts in enumerate(samples):
            met = volts > limit if condition.above else volts < limit
            run = run + 1 if met is not active else 0
            if run == period + 1:  # it lasted into a second beyond the period
                active, run = not active, 0
                expected.append((second, condition.begins if active else condition.ends))
    means, window = [], []
    for second, volts in enumerate(samples):
        if second and start.plus(second).seconds % 60 == 0:
            means.append((2 * sum(window) + len(window)) // (2 * len(window)))
            window = []
        window.append(volts)
    assert log(home) == means
    over, under = (int(home.item(f"{a.threshold}.Phase1")) for a in AVERAGES)  # type: ignore[arg-type, call-overload]
    assert home.item("AverageRMSOverVoltageCounter.Phase1") == sum(m > over for m in means)
    assert home.item("AverageRMSUnderVoltageCounter.Phase1") == sum(m < under for m in means)
    crossings = {0x8002, 0x8006, 0x8085, 0x8089}
    assert sorted(c for c in seen if c not in crossings) == sorted(code for _, code in expected)
    stamps = [e[0] for e in power_log(home) if e[1] not in crossings]
    assert sorted(stamps) == sorted(start.plus(second).seconds for second, _ in expected)[-100:]  # type: ignore[type-var]
