"""Wind by height: against fine brute force, and from a brief's keys to what a plan costs."""

from __future__ import annotations

import collections
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import interp1d

from maps.plan_map import plan_map
from missions.airspace.ground_file import FlatGround
from missions.airspace.situation import Situation
from missions.briefs.standoff import standoff_margin
from missions.errors import BriefError
from missions.performance.aircraft import find_aircraft
from missions.performance.energy import least_wh, path_cost, power_w
from missions.performance.wind import WindProfile, leg_speeds
from missions.plan import Severity
from missions.tasks.plan_door import plan_brief
from sitl.dynamics_power import Wind, WindSpec
from vedette.commands.brief_options import quick_brief

VEERING = [(100.0, 3.0, 350.0), (600.0, 9.0, 40.0), (300.0, 5.0, 10.0)]
layer = st.tuples(st.floats(0, 3000), st.floats(0, 20), st.floats(0, 360))
profiles = st.lists(layer, min_size=1, max_size=5, unique_by=lambda x: round(x[0])).map(WindProfile.of)


def by_hand(layers, heights):
    """Components by scipy: linear between layers, constant beyond."""
    alt, speed, angle = np.array(sorted(layers)).T
    parts = np.stack([-speed * np.sin(np.radians(angle)), -speed * np.cos(np.radians(angle))])
    return interp1d(alt, parts, bounds_error=False, fill_value=(parts[:, 0], parts[:, -1]))(heights)


def test_components_are_linear_between_layers_and_constant_beyond():
    heights = np.array([-50.0, 100.0, 212.0, 300.0, 480.0, 600.0, 2000.0])
    air = WindProfile.of(VEERING).at(heights)
    assert np.stack([air.east_mps, air.north_mps]) == pytest.approx(by_hand(VEERING, heights))


def test_a_wind_between_350_and_10_degrees_blows_from_the_north_not_from_the_south():
    air = WindProfile.of([(0.0, 6.0, 350.0), (100.0, 6.0, 10.0)]).at([50.0])
    assert air.north_mps == pytest.approx([-6.0 * np.cos(np.radians(10.0))])
    assert air.east_mps == pytest.approx([0.0], abs=1e-12)


@settings(max_examples=80, deadline=None)
@given(profiles, st.floats(0, 3000), st.floats(1, 2000))
def test_strongest_and_weakest_of_a_part_match_brute_force(wind, low, thick):
    flown = wind.between(low, low + thick)
    heights = np.unique(
        np.append(np.linspace(low, low + thick, 10_001), [h for h in wind.alt_amsl_m if low < h < low + thick])
    )
    there = wind.at(heights)
    assert flown.at(heights).east_mps == pytest.approx(there.east_mps, abs=1e-9)
    assert flown.strongest_mps == pytest.approx(there.speed_mps.max(), abs=1e-6)
    assert flown.weakest_mps <= there.speed_mps.min() + 1e-9
    step_m = thick / 10_000  # in a layer a metre thick the wind turns by all it has: brute force sees it in steps
    shear = np.abs(np.diff(wind.east_mps)) + np.abs(np.diff(wind.north_mps))
    steepest = float((shear / np.diff(wind.alt_amsl_m)).max()) if len(wind.alt_amsl_m) > 1 else 0.0
    assert flown.weakest_mps == pytest.approx(there.speed_mps.min(), abs=0.01 + step_m * steepest)


@pytest.mark.parametrize("name", ["quad-survey", "wing-2m"])
@pytest.mark.parametrize("course_deg", [0.0, 45.0, 90.0, 200.0])
def test_a_leg_through_a_gradient_costs_what_a_thousand_level_pieces_do(name, course_deg):
    """Oracle: the climb cut into 1 000 pieces, each at the wind of its own height. Never cheaper by 0.2 %."""
    aircraft = find_aircraft(name)
    wind = WindProfile.of([(0.0, 2.0, 30.0), (800.0, 13.0, 50.0)])
    length = 6000.0
    step = np.array([np.sin(np.radians(course_deg)), np.cos(np.radians(course_deg))]) * length
    leg = {"xy_m": np.array([[0.0, 0.0], step]), "alt_amsl_m": np.array([50.0, 750.0])}
    cost = path_cost(aircraft, wind, **leg, speed_mps=aircraft.speed_mps)
    middle = 50.0 + 700.0 * (np.arange(1000) + 0.5) / 1000.0
    speeds = leg_speeds(aircraft, wind.at(middle), np.full(1000, course_deg), aircraft.speed_mps)
    seconds = length / 1000.0 / speeds.ground_mps
    energy = power_w(aircraft, speeds.air_mps, 0.7 / seconds) * seconds / 3600.0
    assert cost.seconds.sum() == pytest.approx(seconds.sum(), rel=0.005)
    assert cost.seconds.sum() >= seconds.sum() * 0.998
    assert cost.total_wh == pytest.approx(energy.sum(), rel=0.02)


@settings(max_examples=60, deadline=None)
@given(profiles, st.floats(0, 3000), st.integers(0, 2**31))
def test_the_estimate_is_never_over_the_path_at_one_height(wind, height, seed):
    aircraft = find_aircraft("wing-2m")
    east, north = np.random.default_rng(seed).normal(scale=2000.0, size=(2, 6))
    nearest = min((*wind.alt_amsl_m, *(np.array(wind.alt_amsl_m)[:-1] + np.diff(wind.alt_amsl_m) / 2)),
                  key=lambda h: abs(h - height))  # fmt: skip
    real = path_cost(
        aircraft, wind, np.column_stack([east, north]), alt_amsl_m=np.full(6, nearest), speed_mps=18.0
    ).total_wh
    least = least_wh(aircraft, wind, east_m=east, north_m=north, speed_mps=18.0)
    assert np.isnan(real) or least <= real * (1.0 + 1e-9)


def test_the_simulated_wind_is_the_brief_s():
    layers = tuple(sorted(VEERING))
    wind = Wind(WindSpec(layers=layers), np.random.default_rng(0))
    for height in (20.0, 100.0, 250.0, 599.0, 1500.0):
        air = WindProfile.of(VEERING).at(height)
        assert wind.at(0.0, 0.02, height) == pytest.approx((float(air.north_mps), float(air.east_mps)))


def layers_of(*rows):
    return {"layer": [dict(zip(("alt_amsl_m", "speed_mps", "from_deg"), row, strict=True)) for row in rows]}


def test_one_wind_and_the_same_wind_in_layers_give_the_same_plan(make_brief, straight):
    plain = plan_brief(make_brief(straight, wind={"speed_mps": 5, "from_deg": 250, "gust_mps": 8})).plan
    layered = plan_brief(
        make_brief(straight, wind={"gust_mps": 8} | layers_of((0, 5, 250), (150, 5, 250), (900, 5, 250)))
    ).plan
    seconds = [[leg.t_end_s for leg in s.legs] for s in layered.sorties]
    for got, want in zip(seconds, [[leg.t_end_s for leg in s.legs] for s in plain.sorties], strict=True):
        assert got == pytest.approx(want, abs=0.01)
    assert layered.min_standoff_m == pytest.approx(plain.min_standoff_m)


def test_a_storm_far_above_costs_nothing_and_one_at_the_height_flown_does(make_brief, straight):
    calm, storm = (0, 4, 0), (2000, 30, 0)
    above = make_brief(straight, wind=layers_of(calm, (1000, 4, 0), storm))
    assert not [f for f in plan_brief(above).plan.findings if f.rule.startswith("wind")]
    higher = make_brief(straight, wind=layers_of(calm, (1000, 4, 0), storm), terrain={"flat_amsl_m": 1700})
    with pytest.raises(Exception, match="wind"):
        plan_brief(higher)


def test_the_margin_takes_the_strongest_wind_flown_over_the_weakest(make_brief, straight):
    """quad-survey counters a gust in 0.8 s: (9 - 2) m/s between 0 and 250 m (the limits of the flat brief) is 5.6 m."""
    brief = make_brief(straight, wind=layers_of((-100, 2, 0), (250, 9, 0), (3000, 25, 0)))
    situation = Situation.of(brief, FlatGround(height_amsl_m=0.0))
    assert standoff_margin(brief, situation.wind).wind_drift_m == pytest.approx(5.6)
    gusty = make_brief(straight, wind={"gust_mps": 12} | layers_of((-100, 2, 0), (250, 9, 0), (3000, 25, 0)))
    assert Situation.of(gusty, FlatGround(height_amsl_m=0.0)).corridor.margin.wind_drift_m == pytest.approx(8.0)


def test_more_wind_at_the_height_flown_than_the_type_takes_is_an_error_with_numbers(make_brief, straight):
    plan = plan_brief(make_brief(straight, wind=layers_of((0, 5, 0), (100, 14, 0)))).plan
    found = next(f for f in plan.findings if f.rule == "wind limit")
    assert (found.severity, found.measured, found.limit) == (Severity.ERROR, 14.0, 12.0)


def test_flying_above_the_highest_layer_is_said(make_brief, straight):
    plan = plan_brief(make_brief(straight, wind=layers_of((10, 3, 0), (50, 4, 0)), terrain={"flat_amsl_m": 200})).plan
    found = next(f for f in plan.findings if f.rule == "wind layers")
    assert found.severity is Severity.WARNING
    assert "300 m AMSL" in found.message


def test_the_map_says_the_wind_layer_by_layer(make_brief, straight):
    brief = make_brief(straight, wind=layers_of((200, 6, 290), (0, 3, 270)))
    note = plan_map(plan_brief(brief)).notes[0]
    assert note.index("3 m/s from 270° at 0 m AMSL") < note.index("6 m/s from 290° at 200 m AMSL")


@pytest.mark.parametrize(("wind", "what"), [
    ({"speed_mps": 5} | layers_of((0, 3, 0)), "speed_mps and wind.layer both say the wind; keep"),
    ({"from_deg": 5} | layers_of((0, 3, 0)), "from_deg and wind.layer both"),
    (layers_of((100, 3, 0), (100, 4, 0)), "two layers are at 100 m AMSL"),
    ({"layer": [{"speed_mps": 3, "from_deg": 0}]}, r"wind.layer\[0\].alt_amsl_m is missing"),
    ({"layer": [{"speed_mps": 3, "from_deg": 0, "alt_m": 3}]}, "did you mean alt_amsl_m"),
    (layers_of((100, 70, 0)), r"wind.layer\[0\].speed_mps = 70"),
])  # fmt: skip
def test_wrong_winds_are_refused_with_the_key(make_brief, straight, wind, what):
    with pytest.raises(BriefError, match=what):
        make_brief(straight, wind=wind)


def quick(*winds):
    given = {"border": Path("a.geojson"), "own_side": "left", "standoff_m": 300, "depth_m": 800,
             "launch": ["47.38,112.58"], "aircraft": ["quad-survey:1"], "wind": list(winds)}  # fmt: skip
    options = collections.defaultdict(lambda: None, given)
    return quick_brief(options)["wind"]


def test_the_wind_option_may_be_repeated_by_height():
    assert quick("6@290") == {"speed_mps": 6.0, "from_deg": 290.0}
    assert quick("6@290@100", "9@310@500") == layers_of((100.0, 6.0, 290.0), (500.0, 9.0, 310.0))


@pytest.mark.parametrize(("winds", "what"), [
    (("6@290", "7@300@50"), "says no height"), (("6@290", "7@300"), "says no height"), (("6",), "is not SPEED_MPS"),
    (("6@x",), "is not SPEED_MPS"), (("1@2@3@4",), "is not SPEED_MPS"),
])  # fmt: skip
def test_wrong_wind_options_say_what_is_right(winds, what):
    with pytest.raises(Exception, match=what):
        quick(*winds)
