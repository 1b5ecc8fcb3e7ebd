"""Pictures of a plan: what is drawn is what the plan holds, and the same plan gives the same bytes."""

from __future__ import annotations

import dataclasses
import io
import math

import numpy as np
import pyproj
import pytest
from PIL import Image

from missions.airspace.terrain_profile import PlaneGround
from missions.pictures.flight_profile import finding_marks, flight_profile
from missions.pictures.oblique_view import Painting
from missions.pictures.plan_pictures_file import MAX_IN_VIEW, MAX_PROFILES, plan_pictures, profiled, together
from missions.pictures.profile_picture_file import profile_figure, profile_png
from missions.pictures.schedule_picture_file import _counted
from missions.pictures.style import LEG_COLOUR
from missions.pictures.terrain_picture_file import seen_from_own_side, terrain_figure
from missions.pictures.terrain_scene import ground_grid, paint_ground
from missions.plan import Finding, Severity
from missions.tasks.plan_door import plan_brief

GEOD = pyproj.Geod(ellps="WGS84")


class Hills:
    """Ground that waves to the east, with a hole of unknown height when asked."""

    def __init__(self, unknown_east_deg=math.inf):
        self.unknown_east_deg = unknown_east_deg

    def amsl_m(self, lat_deg, lon_deg):
        height = 300.0 + 20.0 * np.sin(np.radians(lon_deg * 36_000.0)) + 0.0 * lat_deg
        return np.where(lon_deg > self.unknown_east_deg, np.nan, height)


@pytest.fixture(scope="module")
def drawn(make_brief_module):
    brief = make_brief_module(
        [[48.0, 9.0], [48.0, 9.06]],
        border={"own_side": "right"},
        flight={"ceiling_amsl_m": 460.0},
        zone=[
            {"name": "low", "centre": [47.9965, 9.03], "radius_m": 300.0, "ceiling_amsl_m": 330.0},
            {"name": "high", "centre": [47.9965, 9.045], "radius_m": 250.0, "floor_amsl_m": 440.0},
        ],
        terrain={"flat_amsl_m": 300.0},
        launch=[{"name": "camp", "lat_deg": 47.99, "lon_deg": 9.02}],
    )
    made = plan_brief(brief)
    return made.plan, over(made.situation)


@pytest.fixture(scope="module")
def make_brief_module():
    from missions.briefs.brief_file import build_brief

    def make(points, **changes):
        raw = {
            "name": "pictures", "border": {"coordinates": points}, "standoff": {"asked_m": 200},
            "corridor": {"depth_m": 500}, "aircraft": {"type": "quad-survey", "count": 2},
        }  # fmt: skip
        for key, value in changes.items():
            raw[key] = raw[key] | value if isinstance(value, dict) and key in raw else value
        return build_brief(raw, None)

    return make


def over(situation, heights=None):
    ground = PlaneGround(frame=situation.frame, heights=heights or Hills())
    return dataclasses.replace(situation, ground=ground)


def test_profile_holds_both_ends_of_every_leg_as_the_plan_has_them(drawn):
    plan, situation = drawn
    sortie = plan.sorties[0]
    profile = flight_profile(sortie, situation)
    for k, leg in enumerate(sortie.legs):
        mine = np.flatnonzero(profile.leg == k)
        first, last = mine[0], mine[-1]
        assert profile.alt_amsl_m[first] == leg.alt_amsl_start_m
        assert profile.alt_amsl_m[last] == pytest.approx(leg.alt_amsl_end_m, abs=1e-9)
        assert profile.minutes[first] * 60.0 == pytest.approx(leg.t_start_s - sortie.legs[0].t_start_s)
        assert profile.minutes[last] * 60.0 == pytest.approx(leg.t_end_s - sortie.legs[0].t_start_s)
        assert profile.battery_pct[last] == pytest.approx(leg.battery_end_pct)
    assert np.all(np.diff(profile.minutes) >= -1e-12)


def test_distance_and_ground_are_those_of_an_independent_geodesic(drawn):
    plan, situation = drawn
    corridor = situation.corridor
    sortie = plan.sorties[0]
    profile = flight_profile(sortie, situation)
    flown = sum(GEOD.inv(g.lon_start_deg, g.lat_start_deg, g.lon_end_deg, g.lat_end_deg)[2] for g in sortie.legs)
    assert profile.along_m[-1] == pytest.approx(flown, rel=1e-4)
    middle = len(profile.leg) // 2
    lat, lon = corridor.frame.to_degrees(profile.xy_m[middle : middle + 1])
    assert profile.ground_amsl_m[middle] == pytest.approx(float(Hills().amsl_m(lat, lon)[0]))
    spacing = np.hypot(*np.diff(profile.xy_m, axis=0).T)
    assert spacing.max() <= 20.0 + 1e-6


def test_a_zone_flown_over_is_in_the_profile_where_the_path_is_inside_its_outline(drawn):
    plan, situation = drawn
    brief, corridor = situation.brief, situation.corridor
    crossed = {}
    for sortie in plan.sorties:
        profile = flight_profile(sortie, situation)
        inside = {z.name: np.zeros(len(profile.minutes), bool) for z in brief.zone}
        lat, lon = corridor.frame.to_degrees(profile.xy_m)
        for zone in brief.zone:
            far = GEOD.inv(lon, lat, np.full_like(lon, zone.centre[1]), np.full_like(lat, zone.centre[0]))[2]
            inside[zone.name] = far < zone.radius_m - 1.0
        for c in profile.crossings:
            crossed[c.name] = c
            within = (profile.minutes > c.start_min) & (profile.minutes < c.end_min)
            assert inside[c.name][within].mean() > 0.9
    assert crossed["low"].ceiling_amsl_m == 330.0
    assert math.isnan(crossed["low"].floor_amsl_m)


def test_the_drawn_line_is_the_legs_in_the_colour_of_their_kind(drawn):
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_hex

    plan, situation = drawn
    sortie = plan.sorties[0]
    axes = profile_figure(plan, sortie, situation).axes[0]
    shown = {}
    for collection in axes.collections:
        if isinstance(collection, LineCollection) and str(collection.get_label()).endswith(" leg"):
            shown[to_hex(collection.get_color()[0]).upper()] = collection.get_segments()
    kinds = {leg.kind for leg in sortie.legs}
    assert set(shown) == {LEG_COLOUR[kind] for kind in kinds}
    for kind in kinds:
        legs = [leg for leg in sortie.legs if leg.kind is kind]
        assert len(shown[LEG_COLOUR[kind]]) == len(legs)
        for leg, line in zip(legs, shown[LEG_COLOUR[kind]], strict=True):
            assert line[0][1] == pytest.approx(leg.alt_amsl_start_m)
            assert line[-1][1] == pytest.approx(leg.alt_amsl_end_m)
    low, high = axes.get_ylim()
    assert low < 300.0
    assert high > max(leg.alt_amsl_end_m for leg in sortie.legs)


def test_findings_are_marked_on_the_leg_and_place_they_name(drawn):
    plan, situation = drawn
    corridor = situation.corridor
    sortie = plan.sorties[0]
    profile = flight_profile(sortie, situation)
    leg = sortie.legs[3]
    common = {"rule": "r", "severity": Severity.ERROR, "message": "m", "sortie": sortie.name}
    placed = Finding(**common, seq=leg.seq, lat_deg=leg.lat_end_deg, lon_deg=leg.lon_end_deg)
    findings = [placed, Finding(**common, seq=leg.seq), Finding(**common), dataclasses.replace(placed, sortie="other")]
    marks = finding_marks(findings, sortie, profile, corridor)
    assert len(marks) == 2
    start_s, end_s = (t - sortie.legs[0].t_start_s for t in (leg.t_start_s, leg.t_end_s))
    assert marks[0].minutes * 60.0 == pytest.approx(end_s)
    assert start_s <= marks[1].minutes * 60.0 <= end_s


def test_the_same_plan_gives_the_same_bytes_and_a_picture_with_something_on_it(drawn):
    plan, situation = drawn
    first = dict(plan_pictures(plan, situation))
    again = dict(plan_pictures(plan, situation))
    assert first == again
    assert {"schedule.png", "S01-profile.png", "terrain-3d.png"} <= set(first)
    for png in first.values():
        picture = Image.open(io.BytesIO(png))
        assert picture.width in (1100, 1200)
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20
        assert not {"Creation Time", "Software", "date:create"} & set(picture.info)


def test_unknown_ground_is_said_and_never_drawn_as_a_height(drawn):
    plan, situation = drawn
    sortie = plan.sorties[0]
    half = Hills(unknown_east_deg=float(np.mean([leg.lon_end_deg for leg in sortie.legs])))
    figure = profile_figure(plan, sortie, over(situation, half))
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert "ground not known" in labels
    nowhere = over(situation, Hills(unknown_east_deg=-180.0))
    assert profile_png(plan, sortie, nowhere).startswith(b"\x89PNG")


def test_of_many_sorties_those_with_findings_and_little_battery_are_drawn(drawn):
    plan, _ = drawn
    sortie = plan.sorties[0]
    many = tuple(
        dataclasses.replace(
            sortie, name=f"S{k:02d}", legs=(*sortie.legs[:-1], dataclasses.replace(sortie.legs[-1], battery_end_pct=k))
        )
        for k in range(1, 31)
    )
    finding = Finding(rule="r", severity=Severity.WARNING, message="m", sortie="S30")
    names = [s.name for s in profiled(dataclasses.replace(plan, sorties=many, findings=(finding,)))]
    assert names == [f"S{k:02d}" for k in range(1, MAX_PROFILES)] + ["S30"]


def test_a_view_of_very_many_sorties_is_of_the_most_telling_one_and_its_neighbours(drawn):
    plan, _ = drawn
    sortie = plan.sorties[0]

    def moved(leg, k):
        return dataclasses.replace(leg, lon_end_deg=leg.lon_end_deg + k)

    many = tuple(
        dataclasses.replace(sortie, name=f"S{k:02d}", legs=tuple(moved(leg, k) for leg in sortie.legs))
        for k in range(1, 41)
    )
    finding = Finding(rule="r", severity=Severity.ERROR, message="m", sortie="S20")
    names = [s.name for s in together(dataclasses.replace(plan, sorties=many, findings=(finding,)))]
    assert len(names) == MAX_IN_VIEW
    assert {f"S{k}" for k in range(15, 26)} <= set(names)
    assert len(together(plan)) == len(plan.sorties)


def test_aircraft_are_in_the_order_of_their_numbers():
    assert sorted(["site 10 1", "site 2 1", "10", "a"], key=_counted) == ["10", "a", "site 2 1", "site 10 1"]


def profiles_of(plan, situation):
    return [flight_profile(s, situation) for s in plan.sorties]


def test_the_border_lies_along_the_picture_behind_the_flights(drawn):
    plan, situation = drawn
    brief, corridor = situation.brief, situation.corridor
    profiles = profiles_of(plan, situation)
    view, top = seen_from_own_side(plan.sorties, profiles, brief, corridor)
    border = view.coordinates(np.array([line.coords for line in corridor.border.geoms])[0])
    assert np.ptp(border[:, 1]) < 0.05 * np.ptp(border[:, 0])
    assert max(view.coordinates(p.xy_m)[:, 1].max() for p in profiles) < border[:, 1].min()
    assert top > max(p.alt_amsl_m.max() for p in profiles)
    north = view.coordinates(np.array([[0.0, 1.0]]))[0]
    assert north[1] > 0.99  # own side is the south: the viewer looks north, east is on the right
    assert view.coordinates(np.array([[1.0, 0.0]]))[0][0] > 0.99


def test_every_leg_is_in_the_picture_at_its_projected_height(drawn):
    plan, situation = drawn
    brief, corridor = situation.brief, situation.corridor
    profiles = profiles_of(plan, situation)
    view, _ = seen_from_own_side(plan.sorties, profiles, brief, corridor)
    painted = terrain_figure(plan, situation, sorties=plan.sorties).axes[0].collections[0]
    vertices = np.concatenate([path.vertices for path in painted.get_paths()])
    from scipy.spatial import cKDTree

    known = cKDTree(vertices)
    for sortie in plan.sorties:
        for leg in sortie.legs:
            xy = corridor.frame.to_plane(np.array([leg.lat_end_deg]), np.array([leg.lon_end_deg]))
            right, away = view.coordinates(xy)[0] - view.low
            up = leg.alt_amsl_end_m - view.base_amsl_m
            page = np.array([right, away, up]) * view.scale_px_per_m
            assert known.query([page[0], page[1] + page[2]])[0] < 0.01
    figure_px = terrain_figure(plan, situation, sorties=plan.sorties).get_size_inches() * 100
    assert vertices.min() > -300.0
    assert (vertices < figure_px).all()


def test_a_flight_drawn_at_the_standoff_never_seems_to_lie_over_the_border(drawn):
    plan, situation = drawn
    brief, corridor = situation.brief, situation.corridor
    view, _ = seen_from_own_side(plan.sorties, profiles_of(plan, situation), brief, corridor)
    _, across, up = view.scale_px_per_m
    assert up * brief.flight.alt_agl_m <= across * corridor.kept_m


def test_nearer_ground_is_painted_after_what_it_may_hide(drawn):
    plan, situation = drawn
    brief, corridor = situation.brief, situation.corridor
    view, _ = seen_from_own_side(plan.sorties, profiles_of(plan, situation), brief, corridor)
    posts, heights = ground_grid(view, situation.ground)
    painting = Painting()
    behind = np.array([(view.low[1] + view.high[1]) / 2.0])
    painting.add([np.full((2, 2), -1.0)], behind, width_px=1.0)
    paint_ground(painting, view, posts, heights, corridor, brief.standoff.asked_m)
    shapes, *_ = painting.ordered()
    place = next(k for k, shape in enumerate(shapes) if len(shape) == 2)
    first_row = view.project(posts[0], heights[0])
    assert shapes[-1][:2] == pytest.approx(first_row[-2:])
    assert 0.4 < place / len(shapes) < 0.6


def test_a_plan_across_the_antimeridian_is_drawn_like_the_same_one_elsewhere(make_brief_module):
    def figure(shift):
        def east(lon):
            return (lon + shift + 180.0) % 360.0 - 180.0

        brief = make_brief_module(
            [[48.0, east(9.0)], [48.0, east(9.06)]], border={"own_side": "right"}, terrain={"flat_amsl_m": 300.0},
            launch=[{"name": "camp", "lat_deg": 47.99, "lon_deg": east(9.02)}],
        )  # fmt: skip
        planned = plan_brief(brief)
        made = terrain_figure(planned.plan, over(planned.situation), sorties=planned.plan.sorties)
        return made.axes[0].collections[0].get_paths(), made.get_size_inches()

    (here, size), (there, other) = figure(0.0), figure(170.97)
    assert size == pytest.approx(other)
    boxes = [np.array([np.ptp(np.concatenate([p.vertices for p in paths]), axis=0)]) for paths in (here, there)]
    assert boxes[0] == pytest.approx(boxes[1], rel=0.02)
