"""Home or a rally point, against `AP_Rally` written down again case by case."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.failsafes.landing_choice import LandingChoice, landing_choice


def as_in_the_source(home_m, rally_m, limit_m, home_too):
    """`find_nearest_rally_point` and `calc_best_rally_or_home_location`, one aircraft at a time."""
    best = None
    for k, away in enumerate(rally_m):
        if best is None or away < rally_m[best]:
            best = k
    if best is None or (limit_m > 0 and rally_m[best] > limit_m):
        return 0
    if not home_too or rally_m[best] < home_m:
        return best + 1
    return 0


metres = st.floats(0.0, 20_000.0)


@given(
    home=metres, rally=st.lists(metres, max_size=4), limit_km=st.sampled_from([0.0, 0.3, 1.0, 5.0]), incl=st.booleans()
)
def test_the_choice_is_ardupilots(home, rally, limit_km, incl):
    choice = landing_choice({"RALLY_LIMIT_KM": limit_km, "RALLY_INCL_HOME": float(incl)}, "ardupilot")
    assert choice.of(np.array([[home, *rally]]))[0] == as_in_the_source(home, rally, limit_km * 1000.0, incl)


@pytest.mark.parametrize(
    ("values", "away", "place"),
    [
        ({"RALLY_LIMIT_KM": 0.3, "RALLY_INCL_HOME": 1}, [900.0, 310.0], 0),  # too far: home, however far that is
        ({"RALLY_LIMIT_KM": 0.3, "RALLY_INCL_HOME": 1}, [900.0, 290.0], 1),
        ({"RALLY_LIMIT_KM": 5.0, "RALLY_INCL_HOME": 0}, [100.0, 4900.0], 1),  # a plane passes home by
        ({"RALLY_LIMIT_KM": 0.0, "RALLY_INCL_HOME": 1}, [9000.0, 8000.0], 1),
    ],
)
def test_where_the_real_defaults_lead(values, away, place):
    assert landing_choice(values, "ardupilot").of(np.array([away]))[0] == place


def test_px4_takes_the_nearest_and_type_5_never_home():
    away = np.array([[100.0, 300.0, 200.0]])
    assert landing_choice({"RTL_TYPE": 0.0}, "px4").of(away)[0] == 0
    assert landing_choice({"RTL_TYPE": 5.0}, "px4").of(away)[0] == 2
    assert LandingChoice(home_too=False).of(np.array([[100.0]]))[0] == 0


def test_what_is_not_told_is_no_choice():
    assert landing_choice({"RALLY_LIMIT_KM": 0.3}, "ardupilot") is None
    assert landing_choice({"RALLY_INCL_HOME": 1.0}, "ardupilot") is None
    assert landing_choice({}, "px4") is None
    assert LandingChoice().limit_m == math.inf
