"""How near two aircraft come, against a look every two milliseconds; and flights that two-second looks let pass."""

from __future__ import annotations

import numpy as np
import pytest

from missions.fleet.closest_approach import APART_M, APART_UP_M, first_conflict
from missions.fleet.phases import PHASE_S, Meetings

LOOK_S = 0.002


def looked(one, other, delay_s, step_s=LOOK_S):
    """Return the first look at which two aircraft are too close, and the nearest of that meeting, by brute force."""
    times = np.arange(max(0.0, delay_s), min(one[-1, 0], other[-1, 0] + delay_s), step_s)
    places = [
        np.stack([np.interp(t, track[:, 0], track[:, c]) for c in (1, 2, 3)])
        for t, track in ((times, one), (times - delay_s, other))
    ]
    apart = places[0] - places[1]
    across = np.hypot(apart[0], apart[1])
    close = (across < APART_M) & (np.abs(apart[2]) < APART_UP_M)
    return (float(times[np.argmax(close)]), across, close) if close.any() else None


def random_track(rng, *, corners=6, room_m=400.0):
    """A path with climbs on the spot."""
    xy = rng.uniform(-room_m, room_m, size=(corners, 2))
    alt = rng.uniform(60.0, 120.0, size=corners)
    still = rng.integers(1, corners, size=2)
    xy[still] = xy[still - 1]
    far = np.hypot(*np.diff(xy, axis=0).T)
    took = far / rng.uniform(8.0, 20.0) + np.where(far > 0.0, 0.0, 7.3)
    return np.column_stack([np.r_[0.0, np.cumsum(took)], xy, alt])


@pytest.mark.parametrize("seed", range(60))
def test_the_first_conflict_is_the_one_brute_force_finds(seed):
    rng = np.random.default_rng(seed)
    one, other, delay_s = random_track(rng), random_track(rng), float(rng.uniform(-40.0, 40.0))
    found, expected = first_conflict(one, other, delay_s), looked(one, other, delay_s)
    if expected is None:
        assert found is None or found[1] > APART_M - 0.5, "only what falls between two looks"
        return
    at_s, across, close = expected
    assert found is not None
    assert found[0] == pytest.approx(at_s, abs=2.0 * LOOK_S)
    assert across[close].min() - 0.1 <= found[1] <= APART_M


def crossing(gap_m):
    """Two aircraft cross at right angles at 20 m/s, the second so late that a gap is left at the nearest."""
    late_s = gap_m * np.sqrt(2.0) / 20.0
    one = np.array([[0.0, -401.0, 0.0, 80.0], [40.1, 401.0, 0.0, 80.0]])
    other = np.array([[0.0, 0.0, -401.0, 80.0], [40.1, 0.0, 401.0, 80.0]])
    return one, other, late_s


@pytest.mark.parametrize(("gap_m", "meet"), [(49.7, True), (50.3, False)])
def test_a_meeting_between_two_looks_is_seen(gap_m, meet):
    """49.7 m apart for a third of a second: looks every two seconds see 54 m."""
    one, other, late_s = crossing(gap_m)
    found = first_conflict(one, other, late_s)
    assert (found is not None) is meet
    if meet:
        assert found[1] == pytest.approx(gap_m)
        assert looked(one, other, late_s, step_s=2.0) is None


def test_aircraft_over_one_another_are_apart_by_height_alone():
    one, other, _ = crossing(0.0)
    higher = other + np.array([0.0, 0.0, 0.0, APART_UP_M])
    assert first_conflict(one, higher, 0.0) is None
    assert first_conflict(one, higher - np.array([0.0, 0.0, 0.0, 0.1]), 0.0) is not None
    assert first_conflict(one, other, 41.0) is None, "one has landed before the other takes off"


@pytest.mark.parametrize("seed", range(6))
def test_a_common_rhythm_knows_every_bad_delay(seed):
    rng = np.random.default_rng(100 + seed)
    one, other = random_track(rng, room_m=900.0), random_track(rng, room_m=900.0)
    bad = set(Meetings({"a": one, "b": other}, frozenset({("a", "b")})).bad_s("a", "b").tolist())
    reach = range(-(int(other[-1, 0]) // PHASE_S) * PHASE_S, int(one[-1, 0]) + 1, PHASE_S)
    assert bad
    assert bad == {delay for delay in reach if first_conflict(one, other, float(delay)) is not None}
