"""Zones and obstacles of every format: names, limits, hours, and what is refused by name."""

from __future__ import annotations

import json
import zipfile

import geopandas
import numpy as np
import pyproj
import pytest
import shapely

from geo.errors import VedetteError
from missions.zone_files.zone_file import read_zone_file

SQUARE = [[23.55, 52.088], [23.56, 52.088], [23.56, 52.095], [23.55, 52.095], [23.55, 52.088]]
GEOD = pyproj.Geod(ellps="WGS84")


def save(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def ed269(**changes):
    volume = {
        "uomDimensions": "M", "lowerLimit": 0, "lowerVerticalReference": "AGL", "upperLimit": 120,
        "upperVerticalReference": "AGL", "horizontalProjection": {"type": "Polygon", "coordinates": [SQUARE]},
    }  # fmt: skip
    zone = {
        "identifier": "XXR01", "country": "POL", "name": "PRISON", "type": "COMMON", "restriction": "PROHIBITED",
        "applicability": [{"permanent": "YES"}], "geometry": [volume | changes.pop("volume", {})],
    }  # fmt: skip
    return json.dumps({"title": "zones", "features": [zone | changes]})


def test_an_ed269_zone_has_its_name_and_layer(tmp_path):
    (shape,) = read_zone_file(save(tmp_path, "z.json", ed269())).shapes
    assert shape.name == "XXR01 PRISON"
    assert shape.layer.floor_agl_m is None
    assert shape.layer.ceiling_agl_m == 120.0
    assert shape.polygons[0][0][:2].tolist() == SQUARE[:2]


def test_an_ed269_circle_in_feet_above_the_sea(tmp_path):
    circle = {"type": "Circle", "center": [23.62, 52.092], "radius": 400}
    volume = {"uomDimensions": "FT", "lowerLimit": 1000, "lowerVerticalReference": "AMSL", "upperLimit": 2000,
              "upperVerticalReference": "AMSL", "horizontalProjection": circle}  # fmt: skip
    (shape,) = read_zone_file(save(tmp_path, "z.json", ed269(volume=volume))).shapes
    assert shape.circle == (52.092, 23.62, 400.0)
    assert (shape.layer.floor_amsl_m, shape.layer.ceiling_amsl_m) == pytest.approx((304.8, 609.6))


def test_an_ed318_zone_with_a_layer_a_circle_and_hours(tmp_path):
    layer = {"upper": 400, "upperReference": "AGL", "lower": 0, "lowerReference": "AGL", "uom": "ft"}
    point = {"type": "Point", "coordinates": [23.62, 52.092], "extent": {"subType": "Circle", "radius": 250}}
    hours = [{"startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00+04:00",
              "schedule": [{"day": ["MON"], "startTime": "08:00:00+04:00", "endTime": "18:00:00+04:00"}]}]  # fmt: skip
    zone = {
        "type": "Feature",
        "geometry": {"type": "GeometryCollection", "geometries": [point | {"layer": layer}]},
        "properties": {"identifier": "A1", "name": [{"text": "Depot", "lang": "en-GB"}], "type": "PROHIBITED",
                       "variant": "COMMON", "limitedApplicability": hours},
    }  # fmt: skip
    text = json.dumps({"type": "FeatureCollection", "features": [zone]})
    (shape,) = read_zone_file(save(tmp_path, "z.json", text)).shapes
    assert shape.name == "A1 Depot"
    assert shape.circle == (52.092, 23.62, 250.0)
    assert shape.layer.ceiling_agl_m == pytest.approx(121.92)
    assert shape.periods[0].end_utc.isoformat() == "2026-12-31T20:00:00+00:00"
    assert shape.periods[0].hours[0].start.total_seconds() == 4 * 3600


def test_zones_that_restrict_nothing_are_left_out_by_name(tmp_path):
    held = read_zone_file(save(tmp_path, "z.json", ed269(restriction="NO_RESTRICTION")))
    assert held.shapes == ()
    assert held.left_out == ("'XXR01 PRISON' restricts nothing",)


def test_a_bare_list_of_zones_is_read_and_messages_of_open_ones_are_told(tmp_path):
    zones = (
        json.loads(ed269())["features"]
        + json.loads(ed269(restriction="NO_RESTRICTION", message="danger area\nactivated"))["features"]
    )
    held = read_zone_file(save(tmp_path, "z.json", json.dumps(zones)))
    assert [shape.name for shape in held.shapes] == ["XXR01 PRISON"]
    assert held.left_out == ("'XXR01 PRISON' restricts nothing (danger area activated)",)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"geometry": [{"horizontalProjection": {"type": "Line"}}]}, r"'XXR01 PRISON' is a line"),
        ({"volume": {"horizontalProjection": {"type": "Circle", "center": [23, 52], "radius": -1}}}, "radius of -1"),
        ({"applicability": [{"startDateTime": "soon"}]}, "'XXR01 PRISON' cannot be used: 'soon' is no date"),
    ],
)
def test_broken_zones_are_refused_by_name(tmp_path, changes, says):
    with pytest.raises(VedetteError, match=says):
        read_zone_file(save(tmp_path, "z.json", ed269(**changes)))


OPENAIR = """* a comment
AC R
AN EP R1 ISLAND
AL 500 ft AGL
AH FL 95
AA 2026-07-01T08:00Z/2026-07-01T18:00Z
V X=52:05:00 N 023:33:00 E
DC 2
AC P
AN WEDGE
AL SFC
AH 1000 ft
V D=-
V X=52.0833 N 23.55 E
DP 52:05:00 N 023:33:00 E
DA 3,90,0
"""


def test_openair_circles_arcs_and_limits(tmp_path):
    circle, wedge = read_zone_file(save(tmp_path, "air.txt", OPENAIR)).shapes
    assert circle.name == "EP R1 ISLAND"
    assert circle.circle == pytest.approx((52.0 + 5.0 / 60.0, 23.55, 2 * 1852.0))
    assert circle.layer.floor_agl_m == pytest.approx(152.4)
    assert circle.periods[0].start_utc.hour == 8
    assert wedge.layer.ceiling_amsl_m == pytest.approx(304.8)
    ring = wedge.polygons[0][0]
    away = GEOD.inv(np.full(len(ring), 23.55), np.full(len(ring), 52.0833), *ring.T)[2]
    assert away[1:].min() == pytest.approx(3 * 1852.0, abs=1.0)  # the arc, its chords outside
    assert away.max() <= 3 * 1852.0 * 1.0002
    east = GEOD.inv(23.55, 52.0833, *ring[1])[0]
    north = GEOD.inv(23.55, 52.0833, *ring[-1])[0]
    assert (east, north) == pytest.approx((90.0, 0.0), abs=0.01)
    quarter = shapely.Polygon(ring)
    assert abs(GEOD.geometry_area_perimeter(quarter)[0]) == pytest.approx(np.pi * (3 * 1852.0) ** 2 / 4, rel=0.01)


def test_openair_in_an_old_encoding_and_with_a_limit_that_is_none(tmp_path):
    text = OPENAIR.replace("WEDGE", "GÖRLITZ").replace("AH 1000 ft", "AH ask the tower")
    _, wedge = read_zone_file(save(tmp_path, "air.txt", text.encode("cp1252"))).shapes
    assert wedge.name == "GÖRLITZ"
    assert wedge.layer.ceiling_amsl_m is None
    assert "'ask the tower'" in wedge.remarks[0].lower()


def test_openair_names_the_line(tmp_path):
    with pytest.raises(
        VedetteError, match="air.txt: line 15 of 'WEDGE': '99:05:00 N 023:33:00 E' is no place on Earth"
    ):
        read_zone_file(save(tmp_path, "air.txt", OPENAIR.replace("DP 52:05", "DP 99:05")))


def kml(body):
    return f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{body}</Document></kml>'


def polygon(height, extra=""):
    ring = " ".join(f"{x},{y},{height}" for x, y in SQUARE)
    return (f"<Polygon>{extra}<outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing>"
            "</outerBoundaryIs></Polygon>")  # fmt: skip


def test_kml_extrusions_plates_walls_lines_and_points(tmp_path):
    up = "<extrude>1</extrude><altitudeMode>relativeToGround</altitudeMode>"
    wall = polygon(50).replace("52.095", "52.088")
    text = kml(
        f"<Placemark><name>yard</name><MultiGeometry>{polygon(80, up)}{wall}</MultiGeometry></Placemark>"
        f"<Placemark><name>plate</name>{polygon(500, '<altitudeMode>absolute</altitudeMode>')}</Placemark>"
        "<Folder><name>lines</name><Placemark><name>220 kV</name><LineString><altitudeMode>relativeToGround"
        "</altitudeMode><coordinates>23.57,52.08,45 23.575,52.099,40</coordinates></LineString></Placemark>"
        "<Placemark><Point><coordinates>23.62,52.094,80</coordinates></Point></Placemark></Folder>"
    )
    held = read_zone_file(save(tmp_path, "z.kml", text))
    yard, plate, line, mast = held.shapes
    assert (yard.name, yard.layer.ceiling_agl_m) == ("yard", 80.0)
    assert held.left_out == ("a part of 'yard' that covers no ground (a wall, or an empty outline)",)
    assert plate.layer.ceiling_amsl_m is None
    assert "plate in the air" in plate.remarks[0]
    assert (line.name, line.layer.ceiling_agl_m) == ("220 kV", 45.0)
    assert mast.name == "lines 4"
    assert "no top" in mast.remarks[0]


def test_kml_data_count_before_the_drawing_and_a_kmz_is_the_same(tmp_path):
    data = "".join(
        f'<Data name="{k}"><value>{v}</value></Data>'
        for k, v in (("lower", "1000 ft AMSL"), ("upper", "FL65"), ("valid_to", "2026-01-01T00:00:00Z"))
    )
    text = kml(f"<Placemark><name>TRA</name><ExtendedData>{data}</ExtendedData>{polygon(0)}</Placemark>")
    plain = read_zone_file(save(tmp_path, "z.kml", text)).shapes[0]
    with zipfile.ZipFile(tmp_path / "z.kmz", "w") as archive:
        archive.writestr("doc.kml", text)
    packed = read_zone_file(tmp_path / "z.kmz").shapes[0]
    for shape in (plain, packed):
        assert shape.layer.floor_amsl_m == pytest.approx(304.8)
        assert shape.layer.ceiling_amsl_m > 65 * 30.48
        assert shape.periods[0].end_utc.year == 2026


def test_every_drawing_of_a_kmz_is_read_and_what_draws_nothing_is_not_missed(tmp_path):
    """A zone that stands in the second document keeps the aircraft out as well as one of the first."""
    with zipfile.ZipFile(tmp_path / "z.kmz", "w") as archive:
        archive.writestr("files/b.kml", kml(f"<Placemark><name>second</name>{polygon(0)}</Placemark>"))
        archive.writestr("doc.kml", kml(f"<Placemark><name>first</name>{polygon(0)}</Placemark>"))
        archive.writestr("files/styles.kml", kml("<Style id='s'/>"))
        archive.writestr("files/._b.kml", b"\x00\x05\x16\x07Mac OS X")
    assert [shape.name for shape in read_zone_file(tmp_path / "z.kmz").shapes] == ["first", "second"]


def test_a_note_of_a_mac_makes_no_kmz_of_a_packed_map(tmp_path):
    ring = {"type": "Polygon", "coordinates": [SQUARE]}
    shape = {"type": "Feature", "properties": {"name": "mast"}, "geometry": ring}
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("zones.geojson", json.dumps({"type": "FeatureCollection", "features": [shape]}))
        archive.writestr("__MACOSX/._doc.kml", b"\x00\x05\x16\x07")
    assert [one.name for one in read_zone_file(tmp_path / "z.zip").shapes] == ["mast"]


def test_a_drawing_of_a_kmz_that_is_broken_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.kmz", "w") as archive:
        archive.writestr("doc.kml", kml(f"<Placemark><name>first</name>{polygon(0)}</Placemark>"))
        archive.writestr("b.kml", "<kml><Placemark>")
    with pytest.raises(VedetteError, match=r"z\.kmz: b\.kml: is not well-formed XML"):
        read_zone_file(tmp_path / "z.kmz")


def test_a_kml_that_links_elsewhere_is_refused(tmp_path):
    link = "<NetworkLink><Link><href>http://127.0.0.1:9/x.kml</href></Link></NetworkLink>"
    with pytest.raises(VedetteError, match="NetworkLink"):
        read_zone_file(save(tmp_path, "z.kml", kml(link)))


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "fgb"])
def test_maps_with_limits_and_obstacles_by_their_tags(tmp_path, suffix):
    rows = [
        ({"name": "TRA", "lowerMeters": 3000, "upperMeters": 9000}, shapely.Polygon(SQUARE)),
        ({"name": "depot", "floor_amsl_m": 100, "ceiling_agl_m": 60}, shapely.Polygon(SQUARE)),
        ({"name": "site", "lower": "500 ft", "upper": "UNL", "lowerReference": "AGL"}, shapely.Polygon(SQUARE)),
        ({"power": "line", "height": "45 m"}, shapely.LineString(SQUARE[:2])),
        ({"generator:source": "wind", "height:hub": "119", "rotor:diameter": "136"}, shapely.Point(23.6, 52.09)),
        ({"man_made": "mast", "height": "400 ft"}, shapely.Point(23.61, 52.09)),
    ]
    path = tmp_path / f"z.{suffix}"
    geopandas.GeoDataFrame([r[0] for r in rows], geometry=[r[1] for r in rows], crs="EPSG:4326").to_file(
        path, engine="pyogrio", driver={"geojson": "GeoJSON", "gpkg": "GPKG", "fgb": "FlatGeobuf"}[suffix],
        layer_options={"SPATIAL_INDEX": "NO"} if suffix == "fgb" else {},
    )  # fmt: skip
    tra, depot, site, line, turbine, mast = read_zone_file(path).shapes
    assert (tra.layer.floor_amsl_m, tra.layer.floor_agl_m) == (3000.0, 3000.0)
    assert (depot.layer.floor_amsl_m, depot.layer.ceiling_agl_m) == (100.0, 60.0)
    assert site.layer.floor_agl_m == pytest.approx(152.4)
    assert site.layer.ceiling_amsl_m is None
    assert (line.layer.ceiling_agl_m, line.remarks) == (45.0, ())
    assert "line" in line.name
    assert (turbine.layer.ceiling_agl_m, turbine.half_width_m) == (187.0, 68.0)
    assert mast.layer.ceiling_agl_m == pytest.approx(121.92)


def test_a_polygon_of_a_ground_station(tmp_path):
    text = "#saved by a ground station\n52.080 23.560\n52.080 23.575\n52.090 23.575\n52.080 23.560\n"
    (shape,) = read_zone_file(save(tmp_path, "yard.poly", text)).shapes
    assert shape.name == "yard"
    assert shape.polygons[0][0][1].tolist() == [23.575, 52.08]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.bin", b"\x00\x01"), ("a.txt", "hello"), ("a.zip", b"PK\x03\x04"), ("a.poly", "1 2\n3 4\n"), ("a.json", "{}")],
)
def test_other_files_are_refused_in_one_sentence(tmp_path, name, content):
    with pytest.raises(VedetteError, match=name):
        read_zone_file(save(tmp_path, name, content))


def one_map(name="z", ring=SQUARE):
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"name": name}, "geometry": geometry}]}, ensure_ascii=False)  # fmt: skip


POLY = "#saved by a ground station\n5.2088E+01 23.55\n52.088 23.56\n52.095 2.356e1\n"
AREA = "AC D\nAN Ostrów\nAL GND\nAH 300 m AGL\nV X=52:05:00 N 023:33:00 E\nDC 2\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("name", "text", "called"),
    [
        ("z.geojson", one_map("Łąka"), "Łąka"),
        ("z.json", ed269(name="Łąka"), "XXR01 Łąka"),
        ("z.kml", kml(f"<Placemark><name>Łąka</name>{polygon(0)}</Placemark>"), "Łąka"),
        ("z.txt", AREA, "Ostrów"),
        ("z.poly", POLY, "z"),
    ],
)
def test_every_kind_of_text_in_every_encoding_and_with_every_line_end(tmp_path, encoding, end, name, text, called):
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    data = (mark + text.replace("\n", end)).encode(encoding)
    (shape,) = read_zone_file(save(tmp_path, name, data)).shapes
    assert shape.name == called


def test_what_a_kml_draws_in_another_way_is_left_out_by_name(tmp_path):
    track = "<Placemark><name>convoy</name><Track><coord>23.6 52.09 100</coord></Track></Placemark>"
    text = kml(
        f"<Placemark><name>yard</name>{polygon(0)}</Placemark><Placemark><name>note</name></Placemark>{track}"
        "<Placemark><name>tower</name><Model><Location><longitude>23.6</longitude></Location></Model></Placemark>"
        "<GroundOverlay><name>map sheet</name></GroundOverlay>"
    )
    held = read_zone_file(save(tmp_path, "z.kml", text))
    assert [shape.name for shape in held.shapes] == ["yard"]
    told = " ".join(held.left_out)
    assert all(f"'{name}'" in told for name in ("convoy", "tower", "map sheet", "note"))
    with pytest.raises(VedetteError, match="no polygon, line or point .'convoy' is a Track"):
        read_zone_file(save(tmp_path, "t.kml", kml(track)))


def test_kml_booleans_are_words_too_and_heights_are_numbers(tmp_path):
    up = "<extrude>true</extrude><altitudeMode>relativeToGround</altitudeMode>"
    (shape,) = read_zone_file(save(tmp_path, "z.kml", kml(f"<Placemark>{polygon(90, up)}</Placemark>"))).shapes
    assert shape.layer.ceiling_agl_m == 90.0
    with pytest.raises(VedetteError, match="vertex 1 '23.55,52.088,inf' has a height that is no number"):
        read_zone_file(save(tmp_path, "z.kml", kml(f"<Placemark>{polygon('inf', up)}</Placemark>")))


def test_an_open_ring_of_a_map_is_closed_and_a_broken_shape_is_never_dropped(tmp_path):
    (shape,) = read_zone_file(save(tmp_path, "z.geojson", one_map(ring=SQUARE[:-1]))).shapes
    assert shape.polygons[0][0].tolist() == SQUARE
    good, bad = (json.loads(one_map(ring=r))["features"][0] for r in (SQUARE, [[23.5, 52.0], *SQUARE[1:3]]))
    text = json.dumps({"type": "FeatureCollection", "features": [good, bad]}).replace("[23.5, 52.0]", "[NaN, 52.0]")
    with pytest.raises(VedetteError, match="z.geojson feature 2 has a shape that cannot be used"):
        read_zone_file(save(tmp_path, "z.geojson", text))


def test_openair_minutes_below_sixty_and_activations_without_times(tmp_path):
    with pytest.raises(VedetteError, match="line 5 of 'Ostrów': '52:75:00 N 023:33:00 E' has 60 minutes"):
        read_zone_file(save(tmp_path, "a.txt", AREA.replace("52:05", "52:75")))
    (shape,) = read_zone_file(save(tmp_path, "a.txt", AREA.replace("AL GND", "AA NONE\nAL GND"))).shapes
    assert shape.periods == ()


def test_what_no_reader_knows_is_named_without_our_own_names_for_it(tmp_path):
    with pytest.raises(VedetteError, match=r"z.json .*save the geometry itself as GeoJSON") as refused:
        read_zone_file(save(tmp_path, "z.json", '{"UASZoneList": [{"identifier": "A"}]}'))
    assert "vsimem" not in refused.value.message
