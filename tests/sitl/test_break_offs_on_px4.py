"""Flights broken off on a real PX4 (simulation in hardware), judged by the simulator's true position."""

from __future__ import annotations

import pytest

from benchmarks.break_offs.cases import Cause, cases
from benchmarks.break_offs.flown import WITHIN_M
from benchmarks.break_offs.px4 import fly
from sitl.errors import SitlError
from sitl.px4 import find_etc, find_px4

pytestmark = [pytest.mark.px4, pytest.mark.timeout(2400)]
EACH = 7
PLANS = ("px4-straight", "px4-retrace", "px4-rally", "px4-search", "px4-wing")
CASES = [(plan, k) for plan in PLANS for k in range(EACH)]
DEFAULTS = {"NAV_DLL_ACT": 0.0, "GF_ACTION": 2.0, "COM_LOW_BAT_ACT": 0.0, "RTL_TYPE": 0.0}


@pytest.fixture(autouse=True)
def binary():
    try:
        find_etc(find_px4())
    except SitlError as error:
        pytest.skip(error.message)


@pytest.mark.parametrize(("plan", "k"), CASES)
def test_a_break_off_keeps_the_side_and_the_judged_distance(tmp_path, plan, k):
    case = cases(plan, EACH)[k]
    if case.cause is Cause.LOW:
        pytest.skip("PX4 only warns of a low battery that is not critical yet: as the plan asks")
    flown = fly(case, tmp_path / "run")
    print(flown.line())
    assert not flown.problem
    assert flown.broken_at >= 0
    assert len(flown.modes) > 1
    assert not flown.crossed
    assert flown.nearest_m >= flown.judged_m - WITHIN_M


@pytest.mark.parametrize("plan", ["px4-retrace", "px4-rally"])
def test_with_its_defaults_the_real_autopilot_is_refused(tmp_path, plan):
    flown = fly(cases(plan, 2)[1], tmp_path / "run", **DEFAULTS)
    assert "preflight" in flown.problem
    assert flown.broken_at < 0
