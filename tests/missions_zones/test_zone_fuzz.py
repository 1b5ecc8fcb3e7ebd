"""Broken bytes in every reader of zones and waylines: read, or refused in one sentence; nothing else is ever raised."""

from __future__ import annotations

import functools
import io
import json
import random
import zipfile

import geopandas
import pytest
import shapely

from geo.errors import VedetteError
from missions.plan_files.plan_file import parse_plan
from missions.zone_files.zone_file import read_zone_file

SQUARE = [[23.55, 52.088], [23.56, 52.088], [23.56, 52.095], [23.55, 52.095], [23.55, 52.088]]
VOLUME = {"uomDimensions": "M", "lowerLimit": 0, "lowerVerticalReference": "AGL", "upperLimit": 120,
          "upperVerticalReference": "AMSL",
          "horizontalProjection": {"type": "Polygon", "coordinates": [SQUARE]}}  # fmt: skip
CIRCLE = VOLUME | {"horizontalProjection": {"type": "Circle", "center": [23.6, 52.1], "radius": 300}}
HOURS = [{"permanent": "NO", "startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2026-12-01T00:00:00Z",
          "schedule": [{"day": ["MON"], "startTime": "08:00Z", "endTime": "18:00Z"}]}]  # fmt: skip
ED269 = json.dumps(
    {"features": [{"identifier": "R1", "name": "A", "restriction": "PROHIBITED", "applicability": HOURS,
                   "geometry": [VOLUME, CIRCLE]}]}
).encode()  # fmt: skip
LAYER = {"lower": 0, "lowerReference": "AGL", "upper": 400, "upperReference": "WGS84", "uom": "ft"}
ED318 = json.dumps(
    {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"identifier": "R1", "name": [{"text": "A", "lang": "en"}],
                                           "type": "PROHIBITED", "limitedApplicability": HOURS},
         "geometry": {"type": "GeometryCollection", "geometries": [
             {"type": "Polygon", "coordinates": [SQUARE], "layer": LAYER},
             {"type": "Point", "coordinates": [23.6, 52.1], "extent": {"subType": "Circle", "radius": 9}}]}}]}
).encode()  # fmt: skip
OPENAIR = b"""AC R
AN R1
AL 500 ft AGL
AH FL 95
AA 2026-07-01T08:00Z/2026-07-01T18:00Z
V X=52:05:00 N 023:33:00 E
V D=-
DC 2
DP 52:05:17 N 023:33:00 E
DA 3,90,0
DB 52:06:00 N 023:33:00 E, 52:05:00 N 023:36:00 E
"""
KML = b"""<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>f</name>
<Placemark><name>a</name><ExtendedData><Data name="lower"><value>FL 65</value></Data></ExtendedData><MultiGeometry>
<Polygon><extrude>1</extrude><altitudeMode>absolute</altitudeMode><outerBoundaryIs><LinearRing><coordinates>
23.55,52.09,80 23.56,52.09,80 23.56,52.1,80 23.55,52.09,80</coordinates></LinearRing></outerBoundaryIs></Polygon>
<Point><coordinates>23.6,52.1,30</coordinates></Point></MultiGeometry></Placemark></Folder></Document></kml>"""
POLY = b"#saved\n52.08 23.56\n52.08 23.57\n52.09 23.57\n"
WPML = b"""<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2" xmlns:wpml="http://www.dji.com/wpmz/1.0.2">
<Document><wpml:missionConfig><wpml:finishAction>autoLand</wpml:finishAction><wpml:globalRTHHeight>90
</wpml:globalRTHHeight><wpml:takeOffSecurityHeight>30</wpml:takeOffSecurityHeight></wpml:missionConfig><Folder>
<wpml:executeHeightMode>WGS84</wpml:executeHeightMode><wpml:autoFlightSpeed>9</wpml:autoFlightSpeed><Placemark><Point>
<coordinates>8,50</coordinates></Point><wpml:executeHeight>72.5</wpml:executeHeight><wpml:waypointHeadingParam>
<wpml:waypointHeadingMode>towardPOI</wpml:waypointHeadingMode><wpml:waypointPoiPoint>50,8,3</wpml:waypointPoiPoint>
</wpml:waypointHeadingParam><wpml:actionGroup><wpml:actionGroupEndIndex>0</wpml:actionGroupEndIndex>
<wpml:actionTrigger><wpml:actionTriggerType>multipleTiming</wpml:actionTriggerType><wpml:actionTriggerParam>2
</wpml:actionTriggerParam></wpml:actionTrigger><wpml:action><wpml:actionActuatorFunc>takePhoto</wpml:actionActuatorFunc>
</wpml:action></wpml:actionGroup></Placemark></Folder></Document></kml>"""
LITCHI = (
    b"latitude,longitude,altitude(ft),heading(deg),gimbalmode,actiontype1,actionparam1,altitudemode,speed(mph)\n"
    b"52.085,23.57,330,90,2,1,5000,0,20\n52.086,23.57,330,90,0,0,0,1,20\n"
)
BITS = (b"", b"0", b"-", b"1e999", b"nan", b'"', b"<", b">", b"/", b"{", b"[", b"null", b"\x00", b"\xff", b" ", b"\n",
        b",", b"99999999999", b"0.0000001", b"true", b"&x;", b":")  # fmt: skip


def packed(name, text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, text)
    return out.getvalue()


def mutated(data, rng):
    for _ in range(rng.randint(1, 4)):
        at, size = rng.randrange(len(data) + 1), rng.choice((0, 1, 1, 2, 5, 30))
        put = rng.choice(BITS) if rng.random() < 0.8 else data[(b := rng.randrange(len(data) or 1)) : b + 40]
        data = data[:at] + put + data[at + size :]
    return data


def refusal(read):
    """Return what a reader refuses with, nothing where it reads; anything but a refusal is raised."""
    try:
        read()
    except VedetteError as error:
        return error.message
    return ""


def broken_zones(tmp_path, seed, count, rng):
    path = tmp_path / "z"
    for _ in range(count):
        path.write_bytes(mutated(seed, rng))
        assert "\n" not in refusal(lambda: read_zone_file(path))


def broken_plans(seed, count, rng, pack):
    for _ in range(count):
        broken = mutated(seed, rng)
        data = packed("wpmz/waylines.wpml", broken) if pack else broken
        assert "\n" not in refusal(functools.partial(parse_plan, data, where="f.csv"))


ZONES = {"ed269": ED269, "ed318": ED318, "openair": OPENAIR, "kml": KML, "kmz": packed("doc.kml", KML), "poly": POLY}
PLANS = {"wpml": (WPML, True), "kmz": (packed("wpmz/waylines.wpml", WPML), False), "litchi": (LITCHI, False)}


@pytest.mark.parametrize("name", ZONES)
def test_a_thousand_broken_zone_files_of_a_kind(tmp_path, name):
    broken_zones(tmp_path, ZONES[name], 1000, random.Random(name))


@pytest.mark.parametrize("name", PLANS)
def test_a_thousand_broken_plans_of_a_kind(name):
    broken_plans(PLANS[name][0], 1000, random.Random(name), PLANS[name][1])


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("g") / "z.gpkg"
    rows = {"name": ["a"], "lower": ["FL 65"], "upperMeters": [900.0]}
    geopandas.GeoDataFrame(rows, geometry=[shapely.Polygon(SQUARE)], crs=4326).to_file(path, engine="pyogrio")
    return path.read_bytes()


def test_broken_geopackages_with_attributes(tmp_path, package):
    broken_zones(tmp_path, package, 60, random.Random(1))


@pytest.mark.slow
@pytest.mark.parametrize("name", ZONES)
def test_ten_thousand_broken_zone_files_of_a_kind(tmp_path, name):
    broken_zones(tmp_path, ZONES[name], 10_000, random.Random(f"{name} many"))


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANS)
def test_ten_thousand_broken_plans_of_a_kind(name):
    broken_plans(PLANS[name][0], 10_000, random.Random(f"{name} many"), PLANS[name][1])
