"""Drawings as plans: every line at the heights it has, and what is joined, left out or not known is said."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from geo.errors import InputError
from missions.plan_files.plan_file import parse_plan

PLACES = ((23.575, 52.085), (23.580, 52.086))


def read(text, where="drawing"):
    return parse_plan(text.encode(), where=where)


def kml_line(mode, height):
    told = f"<altitudeMode>{mode}</altitudeMode>" if mode else ""
    places = " ".join(f"{lon},{lat}" + ("" if height is None else f",{height}") for lon, lat in PLACES)
    return f"<Placemark><LineString>{told}<coordinates>{places}</coordinates></LineString></Placemark>"


def test_every_line_of_a_kml_has_its_own_heights():
    text = "".join([kml_line("absolute", 230), kml_line("relativeToGround", 80), kml_line("clampToGround", 5)])
    plan = read(f"<kml><Document>{text}</Document></kml>")
    assert [(i.seq, i.frame, i.alt_m) for i in plan.items] == [
        (0, 0, 230.0), (1, 0, 230.0), (2, 10, 80.0), (3, 10, 80.0), (4, 3, 5.0), (5, 3, 5.0)
    ]  # fmt: skip
    assert plan.problems == (
        "the line lies on the ground; its heights are 0 m",
        "its 3 lines are joined to one path, in the order they are drawn in",
    )


LINE = {"type": "LineString", "coordinates": [[*place, 230.0] for place in PLACES]}
FIELD = [[[23.57, 52.08], [23.6, 52.08], [23.6, 52.09], [23.57, 52.08]]]


@pytest.mark.parametrize(
    ("geometry", "points", "corners", "says"),
    [
        (LINE, 2, 0, ""),
        ({"type": "MultiLineString", "coordinates": [LINE["coordinates"]] * 3}, 6, 0, "3 lines are joined"),
        ({"type": "MultiPolygon", "coordinates": [FIELD, FIELD]}, 0, 6, ""),
        ({"type": "GeometryCollection", "geometries": [LINE, {"type": "Polygon", "coordinates": FIELD}]}, 2, 3, ""),
        ({"type": "GeometryCollection", "geometries": [LINE, {"type": "Point", "coordinates": [23.6, 52.0]}]}, 2, 0,
         "a Point is neither path nor fence; left out"),
        ({"type": "LineString", "coordinates": [list(place) for place in PLACES]}, 2, 0, "has no heights"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_geometry_of_geojson_is_read_or_left_out_by_name(geometry, points, corners, says, wrapped):
    features = [{"type": "Feature", "properties": None, "geometry": g} for g in (geometry, None)]
    plan = read(json.dumps({"type": "FeatureCollection", "features": features} if wrapped else geometry))
    assert (len(plan.items), len(plan.fence)) == (points, corners)
    assert says in " ".join(plan.problems)
    assert bool(says) is bool(plan.problems)


def test_a_geojson_without_path_or_fence_says_so():
    with pytest.raises(InputError, match="holds no LineString and no Polygon"):
        read(json.dumps({"type": "MultiPoint", "coordinates": [list(place) for place in PLACES]}))


def gpx(*parts):
    return f'<gpx version="1.1">{"".join(parts)}</gpx>'


def point(kind, ele="<ele>230</ele>"):
    return f'<{kind} lat="52.085" lon="23.575">{ele}</{kind}>'


def test_what_a_gpx_joins_and_leaves_out_is_said():
    route, track = f"<rte>{point('rtept')}</rte>", f"<trk><trkseg>{point('trkpt')}</trkseg></trk>"
    assert read(gpx(route)).problems == ()
    told = " ".join(read(gpx(point("wpt"), route, route, track)).problems)
    assert all(part in told for part in ("2 routes are joined", "1 track beside the route", "1 waypoint beside"))
    assert read(gpx(track, track)).problems == ("its 2 tracks are joined to one path, in the order they stand in",)
    (bare,) = read(gpx(f"<rte>{point('rtept', '')}</rte>")).problems
    assert bare == "points without a height (ele) are taken at 0 m above sea level"
    with pytest.raises(InputError, match="point 1 has a height .ele. that is no number"):
        read(gpx(f"<rte>{point('rtept', '<ele>inf</ele>')}</rte>"))


HEAD = "latitude,longitude,altitude(m),heading(deg),gimbalmode,altitudemode,speed(m/s),actiontype1,actionparam1"
ROW = "52.085,23.575,80,0,0,0,10,-1,0"


def litchi(head=HEAD, row=ROW):
    return read(f"{head}\n{row}\n")


@pytest.mark.parametrize(
    ("head", "row"),
    [
        (HEAD.replace(",", ";"), "52,085;23,575;80,0;0;0;0;10;-1;0"),
        (HEAD.replace("speed(m/s)", "speed(km/h)"), ROW.replace(",10,", ",36,")),
        (HEAD, ROW.replace(",10,", ",-10,")),  # backwards
    ],
)
def test_litchi_of_other_countries_and_backwards_is_the_same_flight(head, row):
    as_is, other = litchi(), litchi(head, row)
    assert [(i.command, i.lat_deg, i.alt_m, i.frame) for i in other.items] == [
        (i.command, i.lat_deg, i.alt_m, i.frame) for i in as_is.items
    ]
    assert other.items[0].p2 == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("head", "row", "says"),
    [
        (HEAD, ROW.replace(",80,", ",,"), "line 2, column 'altitude.m.': is empty"),
        (HEAD, "52.085,23.575", "line 2, column 'altitude.m.': is empty"),
        (HEAD, ROW.replace("0,0,0,10", "0,0,7,10"), "column 'altitudemode': 7 is not known"),
        (HEAD.replace("speed(m/s)", "speed(kts)"), ROW, r"column 'speed\(kts\)' counts in a unit that is not known"),
        (HEAD.replace("altitude(m)", "altitude(yd)"), ROW, r"column 'altitude\(yd\)' counts in a unit that is not"),
        (HEAD, ROW.replace(",-1,0", ",1e300,0"), r"action type 1e\+300 is not known"),
    ],
)
def test_litchi_with_what_nobody_knows_is_refused_by_column(head, row, says):
    with pytest.raises(InputError, match=says):
        litchi(head, row)


FENCE = [(5001, 4, 52.08, 23.57), (5001, 4, 52.08, 23.6), (5001, 4, 52.09, 23.6), (5001, 4, 52.09, 23.57)]


def fence_text(rows):
    lines = [f"{k} 0 0 {command} {count} 0 0 0 {lat} {lon} 0 1" for k, (command, count, lat, lon) in enumerate(rows)]
    return "\n".join(["QGC WPL 110", *lines]) + "\n"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (FENCE[:3], "fence polygon 1 says it has 4 corners, and 3 follow"),
        ([*FENCE, *FENCE[:3]], "fence polygon 2 says it has 4 corners, and 3 follow"),
        ([*FENCE[:3], (5001, 3, 52.09, 23.57)], "fence polygon 1 says it has 4 corners, and 3 follow"),
        ([*FENCE[:3], (5002, 4, 52.09, 23.57)], "fence polygon 2 has 1 corners"),
        ([(command, "nan", lat, lon) for command, _, lat, lon in FENCE], "says it has nan corners, and 0 follow"),
    ],
)
def test_a_fence_that_miscounts_its_corners_is_refused_as_vehicles_do(rows, says):
    assert len(read(fence_text([*FENCE, *FENCE])).fence) == 8
    with pytest.raises(InputError, match=says):
        read(fence_text(rows))


@pytest.mark.parametrize("member", ["wpmz/waylines.wpml", "wpmz\\waylines.wpml", "WPMZ/Waylines.WPML"])
def test_a_wayline_is_found_however_its_archive_was_packed(member):
    wayline = (
        '<kml xmlns:wpml="w"><Document><wpml:missionConfig><wpml:finishAction>goHome</wpml:finishAction>'
        "</wpml:missionConfig><Folder><wpml:executeHeightMode>relativeToStartPoint</wpml:executeHeightMode><Placemark>"
        "<Point><coordinates>23.575,52.085</coordinates></Point><wpml:index>0</wpml:index>"
        "<wpml:executeHeight>72</wpml:executeHeight></Placemark></Folder></Document></kml>"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo(member), wayline)
    plan = parse_plan(packed.getvalue(), where="w.kmz")
    assert [(i.lat_deg, i.alt_m) for i in plan.items if i.command == 16] == [(52.085, 72.0)]
