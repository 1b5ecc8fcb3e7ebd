"""Order, duplicates, jumps and gaps, made by hand; clocks against a calendar."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.time_bases import LEAP_SECONDS, gps_to_utc_ns, local_to_utc_ns, undo_rollover
from telemetry.tracks.track_cleaning import Samples, dropouts, in_order, with_fix, without_jumps


def line(n=100, *, lat=47.0, lon=8.0, step_ns=200_000_000):
    t_ns = 1_700_000_000_000_000_000 + step_ns * np.arange(n)
    columns = {"lat_deg": lat + 1e-6 * np.arange(n), "lon_deg": np.full(n, lon), "alt_amsl_m": np.full(n, 500.0)}
    return Samples(t_ns=t_ns, columns=columns)


def changed(samples, rows, **values):
    columns = {name: np.array(column) for name, column in samples.columns.items()}
    for name, value in values.items():
        columns[name][rows] = value
    return Samples(t_ns=samples.t_ns, columns=columns)


def test_reordered_and_repeated_rows_are_sorted_counted_and_dropped():
    samples = line(6)
    mixed = samples.rows(np.array([0, 2, 1, 3, 3, 4, 5]))
    clean, problems = in_order(mixed)
    np.testing.assert_array_equal(clean.t_ns, samples.t_ns)
    assert [problem.kind for problem in problems] == ["time_backwards", "duplicate_time"]
    assert "step back once, by up to 0.200 s" in problems[0].message
    assert problems[0].t_utc_ns == samples.t_ns[2]


@pytest.mark.parametrize("wild", [0, 2**62, -(2**62), 2**63 - 1])
def test_a_damaged_time_costs_its_row_and_no_more(wild):
    samples = line(20)
    t_ns = np.array(samples.t_ns)
    t_ns[7] = wild
    zero = {name: np.zeros(20) for name in ("yaw_deg", "pitch_deg", "roll_deg")}
    track = assemble(
        Sampled(
            position=Samples(t_ns=t_ns, columns=samples.columns),
            attitude=Samples(t_ns=np.where(np.arange(20) == 3, wild, samples.t_ns + 1), columns=zero),
        ),
        undulation=egm96,
        source="x",
        problems=[],
    )
    assert len(set(track.t_utc_ns.tolist()) & set(samples.t_ns.tolist())) == 19
    assert [problem.kind for problem in track.problems] == ["implausible_time", "implausible_time"]


@pytest.mark.parametrize("bad", [np.nan, 95.0, -90.001])
def test_rows_off_the_globe_are_dropped(bad):
    clean, (problem,) = with_fix(changed(line(10), [4], lat_deg=bad))
    assert len(clean) == 9
    assert problem.kind == "no_fix"


def test_a_jump_of_three_kilometres_is_taken_out_and_the_rest_stays():
    clean, (problem,) = without_jumps(changed(line(), slice(40, 45), lat_deg=47.027))
    assert len(clean) == 95
    assert problem.kind == "position_jump"
    assert "5 positions" in problem.message


def test_a_jump_at_the_start_does_not_cost_the_flight():
    clean, _ = without_jumps(changed(line(), slice(0, 10), lat_deg=10.0))
    assert len(clean) == 90
    np.testing.assert_allclose(clean.columns["lat_deg"][0], 47.00001)


def test_an_aircraft_that_was_away_long_enough_did_not_jump():
    first, second = line(50), line(50, lat=47.027)
    t_ns = np.concatenate([first.t_ns, second.t_ns + 60_000_000_000])
    joined = Samples(
        t_ns=t_ns, columns={k: np.concatenate([first.columns[k], second.columns[k]]) for k in first.columns}
    )
    clean, problems = without_jumps(joined)
    assert len(clean) == 100
    assert problems == []
    assert [problem.kind for problem in dropouts(clean.t_ns)] == ["dropout"]


def test_crossing_the_antimeridian_is_no_jump():
    n = 50
    lon = np.mod(179.9999 + 1e-5 * np.arange(n) + 180, 360) - 180
    samples = line(n)
    samples = Samples(t_ns=samples.t_ns, columns={**samples.columns, "lon_deg": lon})
    clean, problems = without_jumps(samples)
    assert len(clean) == n
    assert problems == []
    t_ns = samples.t_ns[:-1] + 100_000_000
    zero = np.zeros(n - 1)
    attitude = Samples(t_ns=t_ns, columns={"yaw_deg": zero, "pitch_deg": zero, "roll_deg": zero})
    track = assemble(Sampled(position=samples, attitude=attitude), undulation=egm96, source="x", problems=[])
    assert len(track) == 2 * n - 1
    assert np.abs(np.mod(np.diff(track.lon_deg) + 180, 360) - 180).max() < 1e-5


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.floats(-95, 95), st.floats(-200, 200)), min_size=1, max_size=40))
def test_cleaning_always_leaves_a_reachable_rising_track(rows):
    t_ns = np.array([row[0] for row in rows], dtype=np.int64) * 100_000_000
    columns = {
        "lat_deg": np.array([row[1] for row in rows]),
        "lon_deg": np.array([row[2] for row in rows]),
        "alt_amsl_m": np.zeros(len(rows)),
    }
    samples = Samples(t_ns=t_ns, columns=columns)
    for step in (with_fix, in_order, without_jumps):
        samples, _ = step(samples)
    assert (np.diff(samples.t_ns) > 0).all()
    lat, lon = samples.columns["lat_deg"], samples.columns["lon_deg"]
    north = 111_319.5 * np.abs(np.diff(lat))
    assert (north <= 50.0 + 200.0 * np.diff(samples.t_ns) / 1e9 + 1e-6).all()
    assert (np.abs(lon) <= 180).all()


def test_attitude_is_not_carried_over_half_a_second():
    position = line(30, step_ns=100_000_000)
    t_ns = np.concatenate([position.t_ns[:10], position.t_ns[20:]])
    angles = {name: np.zeros(len(t_ns)) for name in ("yaw_deg", "pitch_deg", "roll_deg")}
    track = assemble(
        Sampled(position=position, attitude=Samples(t_ns=t_ns, columns=angles)),
        undulation=egm96,
        source="x",
        problems=[],
    )
    known = np.isfinite(track.yaw_deg)
    assert known[:10].all()
    assert known[20:].all()
    assert not known[10:20].any()


def test_yaw_turns_the_short_way_and_a_gimbal_turns_through_nadir():
    position = line(3, step_ns=200_000_000)
    between = position.t_ns[:2] + 100_000_000
    attitude = Samples(
        t_ns=between, columns={"yaw_deg": np.array([350.0, 10.0]), "pitch_deg": np.zeros(2), "roll_deg": np.zeros(2)}
    )
    gimbal = Samples(
        t_ns=between,
        columns={
            "yaw_deg": np.array([0.0, 180.0]),
            "pitch_deg": np.array([-89.0, -89.0]),
            "roll_deg": np.array([0.0, 180.0]),
        },
    )
    track = assemble(
        Sampled(position=position, attitude=attitude, gimbal=gimbal), undulation=egm96, source="x", problems=[]
    )
    middle = int(np.flatnonzero(track.t_utc_ns == position.t_ns[1])[0])
    assert abs(track.yaw_deg[middle]) < 1e-9
    assert track.gimbal_pitch_deg[middle] < -89.999, "half way between both lies straight down, not yaw 90"


def test_heights_are_exchanged_through_the_geoid_both_ways():
    amsl = assemble(Sampled(position=line(5)), undulation=egm96, source="x", problems=[])
    columns = dict(line(5).columns)
    columns["alt_hae_m"] = np.array(amsl.alt_hae_m)
    del columns["alt_amsl_m"]
    hae = assemble(
        Sampled(position=Samples(t_ns=line(5).t_ns, columns=columns)), undulation=egm96, source="x", problems=[]
    )
    np.testing.assert_allclose(hae.alt_amsl_m, 500.0, atol=1e-9)
    assert 45 < amsl.alt_hae_m[0] - 500.0 < 52


@pytest.mark.parametrize(
    ("utc", "week", "ms"),
    [
        # GPS - UTC was 0 s at the epoch, 13 s in 1999-2005, 17 s in 2016, 18 s since 2017 (IERS Bulletin C)
        ("1980-01-06T00:00:00", 0, 0),
        ("1999-08-21T23:59:47", 1024, 0),
        ("2016-12-31T23:59:42", 1929, 6 * 86400_000 + 86399_000),
        ("2017-01-01T00:00:00", 1930, 18_000),
        ("2024-02-03T23:59:42", 2300, 0),
    ],
)
def test_gps_weeks_to_utc(utc, week, ms):
    expected = dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC)
    got = gps_to_utc_ns(np.array([week]), np.array([ms]))[0]
    assert got == round(expected.timestamp()) * 1_000_000_000


def test_each_leap_second_is_inserted_at_the_end_of_june_or_december():
    for gps_s, total in LEAP_SECONDS:
        moment = dt.datetime(1980, 1, 6, tzinfo=dt.UTC) + dt.timedelta(seconds=gps_s + 1 - total)
        assert (moment.month, moment.day, moment.hour, moment.minute, moment.second) in {
            (1, 1, 0, 0, 0),
            (7, 1, 0, 0, 0),
        }, gps_s


@given(
    st.datetimes(dt.datetime(1971, 1, 2), dt.datetime(2200, 1, 1)),  # noqa: DTZ001
    st.sampled_from([-5.5, 0.0, 2.0, 12.75]),
)
def test_local_time_to_utc_against_the_standard_library(local, hours):
    zone = dt.timezone(dt.timedelta(hours=hours))
    delta = local.replace(tzinfo=zone) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert local_to_utc_ns(local, hours * 3600) == delta // dt.timedelta(microseconds=1) * 1000


def test_a_rollover_is_undone_only_where_a_second_clock_shows_it():
    week_ns = 7 * 86_400 * 1_000_000_000
    now = 1_700_000_000_000_000_000
    assert undo_rollover(now - 1024 * week_ns, now)[0] == now
    assert undo_rollover(now - 2048 * week_ns, now + 3_600_000_000_000)[0] == now
    assert undo_rollover(now - 500 * week_ns, now) == (now - 500 * week_ns, [])
