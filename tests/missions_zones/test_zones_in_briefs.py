"""Zones of files in a brief, and how legs and ways home are held to them at their heights above sea and ground."""

from __future__ import annotations

import json

import numpy as np
import pyproj
import pytest
import shapely

from missions.airspace.corridor import build_corridor
from missions.airspace.situation import Situation
from missions.briefs.brief_file import build_brief
from missions.errors import BriefError
from missions.judging.feasibility import flight_findings
from missions.judging.flown_path import Landing
from missions.judging.rules_place import zones
from missions.judging.rules_return_place import failsafe_zone
from missions.judging.subject import Subject
from missions.plan import Leg, LegKind

BOX = [[9.005, 47.985], [9.015, 47.985], [9.015, 47.992], [9.005, 47.992], [9.005, 47.985]]
CAMP = (47.988, 9.0)


class Slope:
    """Ground that rises to the east and has waves, metres above sea level."""

    flat = False

    def amsl_m(self, lat_deg, lon_deg):
        lat, lon = np.asarray(lat_deg), np.asarray(lon_deg)
        return 300.0 + 8000.0 * (lon - 9.0) + 15.0 * np.sin((lat - 47.98) * 2000.0)


class Plain:
    """Ground at 300 m."""

    flat = True

    def amsl_m(self, lat_deg, lon_deg):
        return np.full(np.shape(lat_deg), 300.0)


def feature(name, ring=BOX, kind="Polygon", **told):
    return {"type": "Feature", "properties": {"name": name, **told},
            "geometry": {"type": kind, "coordinates": [ring] if kind == "Polygon" else ring}}  # fmt: skip


@pytest.fixture
def make(tmp_path):
    def build(*features, zone=None, **tables):
        (tmp_path / "z.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
        raw = {
            "name": "test",
            "border": {"coordinates": [[48.0, 8.95], [48.0, 9.05]], "own_side": "right"},
            "standoff": {"asked_m": 200.0},
            "corridor": {"depth_m": 800.0},
            "aircraft": {"type": "quad-survey"},
            "launch": [{"name": "camp", "lat_deg": CAMP[0], "lon_deg": CAMP[1]}],
            "terrain": {"flat_amsl_m": 300.0},
            "zone": [{"file": "z.geojson"} | (zone or {})],
        }
        return build_brief(raw | tables, tmp_path)

    return build


def test_every_shape_of_a_file_is_a_zone_by_its_own_name(make):
    brief = make(
        feature("R1 (Prison/Yard)", upper="120 m AGL"),
        feature("220 kV", BOX[:2], "LineString", height="45 m"),
        feature("far", [[20.0, 50.0], [20.1, 50.0], [20.1, 50.1], [20.0, 50.0]]),
        feature("old", valid_to="2020-01-01T00:00:00Z"),
        feature("open", restriction="NO_RESTRICTION"),
        time={"start_utc": "2026-07-01T20:00:00Z", "end_utc": "2026-07-02T04:00:00Z"},
    )
    assert [(z.name, z.ceiling_agl_m) for z in brief.zone] == [("R1 Prison Yard", 120.0), ("220 kV", 45.0)]
    assert [len(z.lines) for z in brief.zone] == [0, 1]
    notes = " ".join(brief.zone_notes)
    assert "'old' is not in force" in notes
    assert "'open' restricts nothing" in notes
    assert "1 of 4 zones lie farther away" in notes
    assert "swapped" not in notes


def test_a_file_whose_zones_all_lie_elsewhere_may_have_its_degrees_swapped(make):
    brief = make(feature("R1", [[y, x] for x, y in BOX]))
    assert brief.zone == ()
    assert brief.zone_notes[0].endswith("flies; are latitude and longitude swapped in their file?")


def test_what_the_table_says_holds_where_the_shape_says_nothing(make):
    brief = make(
        feature("mast", BOX[0], "Point"), feature("tall", BOX[1], "Point", height="200"),
        zone={"ceiling_agl_m": 80.0, "clearance_m": 12.0, "name": "masts"},
    )  # fmt: skip
    assert [(z.name, z.ceiling_agl_m, z.clearance_m) for z in brief.zone] == [
        ("masts mast", 80.0, 12.0), ("masts tall", 200.0, 12.0)
    ]  # fmt: skip
    assert brief.zone[0].remarks == ()


def test_a_zone_that_may_be_entered_is_named_and_a_slip_is_refused(make):
    brief = make(feature("PAD"), feature("R1"), zone={"permitted": ["PAD"]})
    assert [z.name for z in brief.zone] == ["R1"]
    assert brief.zone_notes == ("zone 'PAD' is not kept out of: the brief says it is permitted",)
    with pytest.raises(BriefError, match=r"zone\[0\].permitted: the file holds no zone 'PADS'"):
        make(feature("PAD"), zone={"permitted": ["PADS"]})


def test_open_heights_are_a_finding(make):
    brief = make(feature("TRA", lowerMeters=3000, upperMeters=9000), feature("mast", BOX[0], "Point"))
    found = [f for f in flight_findings(Situation.of(brief, Plain()), []) if f.rule == "zone heights"]
    assert "'TRA' (its limits name no reference" in found[0].message
    assert "'mast' (its height is not said" in found[0].message
    assert "more" not in found[0].message


@pytest.mark.parametrize(("count", "rest"), [(3, ""), (4, ", and 1 more"), (6, ", and 3 more")])
def test_three_zones_are_named_and_the_others_counted(make, count, rest):
    brief = make(*[feature(f"mast {number}", BOX[0], "Point") for number in range(count)])
    (found,) = [f for f in flight_findings(Situation.of(brief, Plain()), []) if f.rule == "zone heights"]
    assert found.message.count("'mast ") == 3
    assert found.message.endswith(")" + rest)
    assert found.measured == count


@pytest.mark.parametrize(
    ("told", "barred"),
    [
        ({"lowerMeters": 3000, "upperMeters": 9000}, False),
        ({"lower": "FL 195"}, False),
        ({"lower": "FL 20"}, True),
        ({"upper": "40 m AGL"}, False),
        ({"upper": "70 m AGL"}, True),
        ({"lower": "150 m AGL"}, False),
        ({"lower": "130 m AGL"}, True),
        ({"lower": "430 m AMSL", "upper": "500 m AMSL"}, True),
        ({}, True),
    ],
)
def test_a_zone_bars_only_the_heights_it_holds(make, told, barred):
    brief = make(feature("zone", **told), zone={"clearance_m": 20.0})  # 100 m above ground at 300 m, 15 m either way
    assert build_corridor(brief, Plain()).barred == (barred,)


def leg(a, b, height_a, height_b):
    return Leg(
        seq=0, kind=LegKind.WORK, lat_start_deg=a[0], lon_start_deg=a[1], alt_amsl_start_m=height_a, lat_end_deg=b[0],
        lon_end_deg=b[1], alt_amsl_end_m=height_b, t_start_s=0.0, t_end_s=60.0, speed_mps=12.0, battery_end_pct=90.0,
    )  # fmt: skip


def subject_of(brief, ground, legs):
    landing = Landing(lat_deg=CAMP[0], lon_deg=CAMP[1], alt_amsl_m=300.0)
    return Subject(Situation.of(brief, ground), brief.performances[0], legs, [landing])


@pytest.mark.parametrize(
    "told",
    [{"lower": "60 m AGL", "upper": "110 m AGL"}, {"upper": "90 m AGL"}, {"lower": "95 m AGL"},
     {"lowerMeters": 120, "upperMeters": 420}],
)  # fmt: skip
def test_legs_in_zones_above_the_ground_against_walking_them_metre_by_metre(make, told):
    brief = make(feature("zone", **told), zone={"clearance_m": 10.0})
    rng = np.random.default_rng(7)
    plane = pyproj.Transformer.from_crs("EPSG:4326", "+proj=tmerc +lat_0=47.988 +lon_0=9.01", always_xy=True)
    ring = np.stack(plane.transform(*np.array(BOX).T), axis=1)
    near = shapely.Polygon(ring).buffer(10.0)
    spec = brief.zone[0]
    checked = {True: 0, False: 0}
    legs, truths = [], []
    for _ in range(120):
        places = rng.uniform([47.982, 9.0], [47.995, 9.02], (2, 2))
        heights = Slope().amsl_m(*places.T) + rng.uniform(30.0, 160.0, 2)
        if rng.random() < 0.1:
            places[1] = places[0]
        legs.append(leg(*places, *heights))
        share = np.linspace(0.0, 1.0, 2000)[:, None]
        walk = places[0] + share * (places[1] - places[0])
        height = (heights[0] + share * (heights[1] - heights[0]))[:, 0]
        inside = shapely.contains_xy(near, *plane.transform(walk[:, 1], walk[:, 0]))
        agl = height - Slope().amsl_m(*walk.T)
        low = [a - 10.0 for a in (spec.floor_agl_m, spec.floor_amsl_m) if a is not None]
        short = [
            h <= limit
            for h, limit in zip(
                [h for h, a in ((agl, spec.floor_agl_m), (height, spec.floor_amsl_m)) if a is not None],
                low,
                strict=True,
            )
        ]
        high = [a + 10.0 for a in (spec.ceiling_agl_m, spec.ceiling_amsl_m) if a is not None]
        over = [
            h >= limit
            for h, limit in zip(
                [h for h, a in ((agl, spec.ceiling_agl_m), (height, spec.ceiling_amsl_m)) if a is not None],
                high,
                strict=True,
            )
        ]
        below = np.logical_and.reduce(short) if short else np.zeros(len(agl), dtype=bool)
        above = np.logical_and.reduce(over) if over else np.zeros(len(agl), dtype=bool)
        truths.append(bool((inside & ~below & ~above).any()))
    subject = subject_of(brief, Slope(), legs)
    found = {int(k) for breach in zones(subject) for k in breach.leg}
    for k, truth in enumerate(truths):
        checked[truth] += 1
        assert truth <= (k in found), f"leg {k} is in the zone and nothing is said"
    false_alarms = sum(k in found and not truth for k, truth in enumerate(truths))
    assert min(checked.values()) > 10
    assert false_alarms <= 6  # pieces whose lowest and highest lie on both sides of a layer


def test_returns_are_held_to_heights_above_the_ground_as_to_those_above_the_sea(make):
    legs = [leg((47.99, 9.03), (47.99, 9.035), 400.0, 400.0)]
    for low, high in ((50, 150), (200, 400), (0, 20), (80, 99)):
        ground = make(feature("zone", lower=f"{low} m AGL", upper=f"{high} m AGL"))
        sea = make(feature("zone", lower=f"{300 + low} m AMSL", upper=f"{300 + high} m AMSL"))
        told = [
            [(b.leg.tolist(), b.share_pct) for b in failsafe_zone(subject_of(brief, Plain(), legs)) if len(b.leg)]
            for brief in (ground, sea)
        ]
        assert told[0] == told[1]
        assert bool(told[0]) == (low < 130 and high > 70)
