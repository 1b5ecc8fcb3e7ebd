"""Flights broken off on a real ArduPilot, judged by the simulator's true position: the side and the judged distance."""

from __future__ import annotations

import pytest

from benchmarks.break_offs.ardupilot import fly
from benchmarks.break_offs.cases import cases
from benchmarks.break_offs.flown import WITHIN_M
from sitl.ardupilot import find_ardupilot
from sitl.errors import SitlError
from sitl.vehicle import Airframe

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(2400)]
EACH = 12
CASES = [(plan, k) for plan in ("straight", "retrace", "rally", "search", "demo", "wing") for k in range(EACH)]
DEFAULTS = {"FS_THR_ENABLE": 1.0, "FS_GCS_ENABLE": 0.0, "FS_OPTIONS": 0.0, "BATT_FS_LOW_ACT": 0.0, "FENCE_TYPE": 7.0}


@pytest.fixture(autouse=True)
def binary():
    for airframe in Airframe:
        try:
            find_ardupilot(airframe)
        except SitlError as error:
            pytest.skip(error.message)


@pytest.mark.parametrize(("plan", "k"), CASES)
def test_a_break_off_keeps_the_side_and_the_judged_distance(tmp_path, plan, k):
    flown = fly(cases(plan, EACH)[k], tmp_path / "run")
    print(flown.line())
    assert not flown.problem
    assert flown.broken_at >= 0
    assert not flown.crossed
    assert flown.nearest_m >= flown.judged_m - WITHIN_M


@pytest.mark.parametrize("plan", ["retrace", "rally"])
def test_with_its_defaults_the_real_autopilot_is_refused(tmp_path, plan):
    flown = fly(cases(plan, 2)[1], tmp_path / "run", **DEFAULTS)
    assert "preflight" in flown.problem
    assert flown.broken_at < 0
