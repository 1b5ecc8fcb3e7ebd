"""KML, KMZ, GPX, GeoJSON, Litchi, fence and rally text: round trips, real files, and abuse."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink import mavwp

from geo.errors import InputError
from missions.plan import MissionItem
from missions.plan_files.fence_rally_file import parse_fence_rally, write_fence_rally
from missions.plan_files.geojson_plan_file import parse_geojson_plan, write_geojson_plan
from missions.plan_files.gpx_file import parse_gpx, write_gpx
from missions.plan_files.kml_file import parse_kml
from missions.plan_files.kml_written_file import write_kml
from missions.plan_files.litchi_file import parse_litchi, write_litchi
from missions.plan_files.plan_document import document_from_sortie
from missions.plan_files.plan_file import read_plan_file, write_plan_file
from missions.plan_files.waypoints_file import write_waypoints


@pytest.fixture
def document(sortie):
    return document_from_sortie(sortie, "px4")


def lists(document):
    return repr((document.items, document.fence, document.rally))


@pytest.mark.parametrize(
    ("write", "read", "name"), [(write_kml, read_plan_file, "p.kml"), (write_geojson_plan, read_plan_file, "p.geojson")]
)
def test_a_plan_comes_back_whole(document, tmp_path, write, read, name):
    write(document, tmp_path / name)
    again = read(tmp_path / name)
    assert lists(again) == lists(document)
    assert again.home == document.home


def test_a_gpx_route_brings_the_mission_back(document, tmp_path):
    write_gpx(document, tmp_path / "p.gpx")
    assert repr(read_plan_file(tmp_path / "p.gpx").items) == repr(document.items)


def test_the_drawn_line_is_the_path_above_sea_level(document, tmp_path):
    write_kml(document, tmp_path / "p.kml")
    text = (tmp_path / "p.kml").read_text()
    assert "<altitudeMode>absolute</altitudeMode><coordinates>8.0,50.0,272.0 8.0,50.001,272.0" in text
    write_geojson_plan(document, tmp_path / "p.geojson")
    assert '"flight path"' in (tmp_path / "p.geojson").read_text()


def test_names_are_text_and_nothing_else(document, tmp_path):
    write_kml(document, tmp_path / "p.kml", name="<script>&\"'")
    assert "<script>" not in (tmp_path / "p.kml").read_text()
    assert lists(read_plan_file(tmp_path / "p.kml")) == lists(document)


def test_kmz_is_read_by_content(document, tmp_path):
    write_kml(document, tmp_path / "doc.kml")
    with zipfile.ZipFile(tmp_path / "p.bin", "w") as archive:
        archive.writestr("files/other.kml", "<kml/>")
        archive.write(tmp_path / "doc.kml", "doc.kml")
    assert lists(read_plan_file(tmp_path / "p.bin")) == lists(document)


def test_of_two_drawings_in_one_kmz_no_plan_is_guessed(document, tmp_path):
    write_kml(document, tmp_path / "doc.kml")
    with zipfile.ZipFile(tmp_path / "p.kmz", "w") as archive:
        for name in ("doc.kml", "old/doc.kml"):
            archive.write(tmp_path / "doc.kml", name)
    with pytest.raises(InputError, match=r"p\.kmz: holds 2 drawings \(doc\.kml, old/doc\.kml\); pack the one"):
        read_plan_file(tmp_path / "p.kmz")


QGC_KML = {
    "PolygonGood.kml": 4,
    "PolygonAreaTest.kml": 4,
}


@pytest.mark.parametrize("name", ["PolygonGood.kml", "PolygonAreaTest.kml"])
def test_a_real_drawn_polygon_is_read(shared_data, name):
    document = read_plan_file(shared_data / "missions/qgc/MissionManager" / name)
    assert len(document.fence) == 4
    assert all(item.command == 5001 and item.p1 == 4.0 for item in document.fence)
    assert abs(document.fence[0].lat_deg - 47.66) < 0.01


@pytest.mark.parametrize("name", ["Utilities/Geo/polygon.kml", "Utilities/Geo/polyline.kml"])
def test_real_drawings_of_the_other_folder_are_read(shared_data, name):
    document = read_plan_file(shared_data / "missions/qgc" / name)
    assert document.items or document.fence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("PolygonBadXml.kml", "not well-formed XML"),
        ("PolygonBadCoordinatesNode.kml", "not well-formed XML"),
        ("PolygonMissingNode.kml", "holds no line and no polygon"),
    ],
)
def test_bad_kml_is_refused_in_one_sentence(shared_data, name, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read_plan_file(shared_data / "missions/qgc/MissionManager" / name)
    assert "\n" not in str(caught.value)


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]>
<kml><Document><name>&lol2;</name></Document></kml>"""
XXE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><kml><name>&e;</name></kml>'


@pytest.mark.parametrize("data", [LAUGHS, XXE])
@pytest.mark.parametrize("parse", [parse_kml, parse_gpx])
def test_entities_are_refused(parse, data):
    with pytest.raises(InputError, match="refused, because it declares"):
        parse(data, "x")


def kmz(members, links=()):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o120777 if name in links else 0o100644) << 16
            archive.writestr(info, data)
    return buffer.getvalue()


ARCHIVES = [
    (lambda: kmz({"doc.kml": b" " * (65 * 2**20)}), "unpacks to more than"),
    (lambda: kmz({"../../evil.kml": b"<kml/>"}), "points outside the archive"),
    (lambda: kmz({"/etc/doc.kml": b"<kml/>"}), "points outside the archive"),
    (lambda: kmz({"doc.kml": b"/etc/passwd"}, links={"doc.kml"}), "is a link"),
    (lambda: kmz({f"{n}.png": b"" for n in range(1001)}), "at most 1000 are read"),
    (lambda: kmz({"a.png": b""}), "holds no .kml"),
    (lambda: kmz({"doc.kml": b"<kml/>"})[:-10], "damaged or locked"),
]


@pytest.mark.parametrize(("archive", "sentence"), ARCHIVES)
def test_hostile_archives_are_refused(tmp_path, archive, sentence):
    (tmp_path / "p.kmz").write_bytes(archive())
    with pytest.raises(InputError, match=sentence):
        read_plan_file(tmp_path / "p.kmz")


def test_a_drawing_without_coordinates_is_refused():
    with pytest.raises(InputError, match="a <LineString> has no <coordinates>"):
        parse_kml(b"<kml><Placemark><LineString/></Placemark></kml>", "x")


def test_a_drawing_of_too_many_vertices_is_refused(monkeypatch):
    monkeypatch.setattr("missions.documents.places.MAX_POINTS", 1000)
    line = b"<kml><LineString><coordinates>" + b"8,50 " * 1001 + b"</coordinates></LineString></kml>"
    with pytest.raises(InputError, match="more than 1000 vertices"):
        parse_kml(line, "x")


def test_a_fence_of_too_many_corners_is_refused():
    ring = b" ".join(b"8.%05d,50.%05d" % (n, (n * n) % 90_000) for n in range(10_001))
    polygon = b"<kml><Polygon><outerBoundaryIs><LinearRing><coordinates>" + ring
    polygon += b"</coordinates></LinearRing></outerBoundaryIs></Polygon></kml>"
    with pytest.raises(InputError, match="a polygon has 10001 corners; 3 to 10000 make a fence"):
        parse_kml(polygon, "x")


def test_elements_nested_without_end_are_refused():
    with pytest.raises(InputError, match="nested deeper"):
        parse_kml(b"<kml>" + b"<a>" * 200 + b"</a>" * 200 + b"</kml>", "x")


@pytest.mark.parametrize(
    "name", ["pymavlink/fence.txt", "ardupilot/ArduCopter_Tests/AC_Avoidance_Fence/copter-avoidance-fence.txt"]
)
def test_an_old_fence_is_read_as_pymavlink_reads_it(shared_data, name):
    path = shared_data / "missions" / name
    loader = mavwp.MAVFenceLoader()
    count = loader.load(str(path))
    fence = read_plan_file(path).fence
    assert len(fence) == count - 1
    assert fence[-1].command == 5000
    for ours, index in zip(fence[:-1], range(1, count - 1), strict=True):
        assert (ours.lat_deg, ours.lon_deg) == pytest.approx(
            (loader.point(index).lat, loader.point(index).lng), abs=1e-5
        )
    assert (fence[-1].lat_deg, fence[-1].lon_deg) == pytest.approx((loader.point(0).lat, loader.point(0).lng), abs=1e-5)


def test_an_old_rally_file_is_read_as_pymavlink_reads_it(shared_data):
    path = shared_data / "missions/pymavlink/rally.txt"
    loader = mavwp.MAVRallyLoader()
    loader.load(str(path))
    rally = read_plan_file(path).rally
    assert len(rally) == loader.rally_count()
    for ours, index in zip(rally, range(1, 3), strict=True):
        theirs = loader.rally_point(index - 1)
        assert (ours.lat_deg, ours.p1) == (pytest.approx(theirs.lat / 1e7), theirs.break_alt)


@pytest.mark.parametrize("name", ["fence-110.txt", "rally-110.txt"])
def test_new_fence_and_rally_files_survive_writing(shared_data, tmp_path, name):
    document = read_plan_file(shared_data / "missions/pymavlink" / name)
    held = document.fence or document.rally
    write_fence_rally(held, tmp_path / name)
    again = read_plan_file(tmp_path / name)
    assert (again.fence or again.rally) == held


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        ("1 2\n3 4\n5 6\n", "found 2 corners"),
        ("1 2\n3 4 5\n", "line 2 has 3 numbers; 2 are needed"),
        ("1 2\n3 x\n", "line 2: 'x' is not a number"),
        ("1 2\n99 4\n3 4\n5 6\n", "line 2 is no place on Earth"),
        ("RALLY 1 2 3\n", "line 1 has 3 numbers; 6 are needed"),
        ("RALLY 1 2 3 4 5 0\nRILLY 1 2 3 4 5 0\n", "line 2 must begin with RALLY"),
    ],
)
def test_broken_fence_and_rally_text_is_refused_with_its_line(text, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_fence_rally(text, where="x")


def test_litchi_keeps_what_it_can_hold(make_item, tmp_path):
    items = (
        make_item(0, 178, p1=1.0, p2=8.0, p3=-1.0),
        make_item(1, 16, lat=50.0, lon=8.0, alt=40.0, p4=90.0),
        make_item(2, 1000, p1=-45.0),
        make_item(3, 93, p1=2.5, p2=-1.0, p3=-1.0, p4=-1.0),
        make_item(4, 2500),
        make_item(5, 16, lat=50.001, lon=8.001, alt=30.0, frame=10),
        make_item(6, 195, lat=50.002, lon=8.002, alt=5.0),
        make_item(7, 2501),
        make_item(8, 115, p1=180.0),
    )
    write_litchi(_document(items), tmp_path / "p.csv")
    document = parse_litchi((tmp_path / "p.csv").read_text(), where="x")
    assert repr(document.items) == repr(items)


def _document(items):
    from missions.plan_files.plan_document import PlanDocument

    return PlanDocument(source_format="test", dialect=None, home=None, items=items)


def test_litchi_says_what_it_cannot_hold(sortie, tmp_path):
    _, left_out = write_litchi(document_from_sortie(sortie, "px4"), tmp_path / "p.csv")
    assert [text.split(":")[0] for text in left_out] == ["item 1", "item 3", "item 5", "item 6"]
    assert len(read_plan_file(tmp_path / "p.csv").items) == 4


def test_litchi_over_99_waypoints_becomes_missions_that_join(make_item, tmp_path):
    many = [make_item(k, 16, lat=50.0 + k * 1e-4, lon=8.0, alt=50.0) for k in range(230)]
    said = write_plan_file(_document(many), tmp_path / "p.csv")
    assert "230 waypoints are more than the 99 of one Litchi mission: written as p-1.csv, p-2.csv, p-3.csv" in said
    parts = [parse_litchi((tmp_path / f"p-{n}.csv").read_text(), where="x").items for n in (1, 2, 3)]
    assert [len(p) for p in parts] == [99, 99, 34]
    assert not (tmp_path / "p.csv").exists()
    flown = [i.lat_deg for i in parts[0]] + [i.lat_deg for p in parts[1:] for i in p[1:]]
    assert flown == pytest.approx([i.lat_deg for i in many])
    assert [p[0].lat_deg for p in parts[1:]] == pytest.approx([parts[0][-1].lat_deg, parts[1][-1].lat_deg])


def test_litchi_in_feet_and_miles_is_read_in_metres():
    text = (
        "latitude,longitude,altitude(ft),heading(deg),curvesize(ft),gimbalmode,actiontype1,actionparam1,altitudemode,"
        "speed(mph),poi_latitude,poi_longitude,poi_altitude(ft),poi_altitudemode\n"
        "52.085,23.57,330,90,10,1,0,5000,0,20,52.08,23.5,100,0\n"
    )
    speed, way, region, wait = parse_litchi(text, where="x").items
    assert speed.p2 == pytest.approx(20 * 1609.344 / 3600.0)
    assert way.alt_m == pytest.approx(330 * 0.3048)
    assert region.alt_m == pytest.approx(30.48)
    assert (wait.command, wait.p1) == (93, 5.0)
    with pytest.raises(InputError, match=r"line 2, column 'altitude\(m\)': 'high' is not a number"):
        parse_litchi(text.replace(",330,", ",high,"), where="x")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("latitude,altitude(m)\n1,2\n", "lacks the column 'longitude'"),
        ("latitude,longitude,altitude(m)\n", "holds no waypoint"),
        ("latitude,longitude,altitude(m)\n=HYPERLINK(1),2,3\n", "line 2, column 'latitude': '=HYPERLINK"),
        ("latitude,longitude,altitude(m)\nnan,2,3\n", "line 2, column 'latitude'"),
        ("latitude,longitude,altitude(m)\n1,2,3\n1,222,3\n", "line 3 is no place on Earth"),
        ("latitude,longitude,altitude(m),actiontype1\n1,2,3,9\n", "action type 9 is not known"),
    ],
)
def test_broken_litchi_text_is_refused_with_its_line(text, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_litchi(text, where="x")


def test_a_plain_gpx_track_becomes_a_path():
    points = b'<trkpt lat="50" lon="8"><ele>300</ele></trkpt><trkpt lat="50.1" lon="8.1"/>'
    text = b'<gpx version="1.1"><trk><trkseg>' + points + b"</trkseg></trk></gpx>"
    document = parse_gpx(text, "x")
    assert [(i.lat_deg, i.lon_deg, i.alt_m, i.frame) for i in document.items] == [(50, 8, 300, 0), (50.1, 8.1, 0, 0)]


def test_a_drawn_geojson_line_and_polygon_become_path_and_fence():
    text = """{"type": "FeatureCollection", "features": [
      {"type": "Feature", "properties": null,
       "geometry": {"type": "LineString", "coordinates": [[8, 50, 90], [8.1, 50, 80]]}},
      {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon",
       "coordinates": [[[7, 49], [9, 49], [9, 51], [7, 49]], [[7.9, 49.5], [8, 49.5], [8, 49.6], [7.9, 49.5]]]}}]}"""
    document = parse_geojson_plan(text, where="x")
    assert [i.alt_m for i in document.items] == [90, 80]
    assert [i.command for i in document.fence] == [5001] * 3 + [5002] * 3


FILES = {
    "a.plan": "mavsdk/qgroundcontrol_sample.plan",
    "b": "qgc/MissionManager/OldFileFormat.mission",
    "c": "qgc/MissionManager/MissionPlanner.waypoints",
    "d": "pymavlink/rally.txt",
    "e": "pymavlink/fence-110.txt",
    "f": "qgc/MissionManager/PolygonGood.kml",
}


@pytest.mark.parametrize("name", FILES)
def test_files_are_known_by_content_whatever_their_name(shared_data, tmp_path, name):
    (tmp_path / name).write_bytes((shared_data / "missions" / FILES[name]).read_bytes())
    document = read_plan_file(tmp_path / name)
    assert document.items or document.fence or document.rally


def test_every_mission_file_of_the_data_folder_is_read_or_refused_in_one_sentence(shared_data):
    root = shared_data / "missions"
    files = sorted(p for p in root.glob("**/*") if p.is_file() and p.suffix not in (".shp", ".shx", ".dbf", ".prj"))
    refused = []
    for path in files:
        try:
            document = read_plan_file(path)
        except InputError as error:
            refused.append((path, str(error)))
        else:
            assert document.items or document.fence or document.rally, path
    assert len(refused) == 8
    assert all(str(path) in sentence and "\n" not in sentence for path, sentence in refused)


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01\x02", b"hello", b"PK\x03\x04", b"<html></html>", b"\xff\xfe", b"7 8 9"]
)
def test_what_is_no_plan_is_refused_by_name(tmp_path, data):
    (tmp_path / "x.bin").write_bytes(data)
    with pytest.raises(InputError, match=r"x\.bin"):
        read_plan_file(tmp_path / "x.bin")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.plan", tmp_path):
        with pytest.raises(InputError, match="cannot be read|is a folder"):
            read_plan_file(path)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(data)
    with contextlib.suppress(InputError):
        read_plan_file(path)


COORDINATE = st.floats(-80, 80).map(lambda v: round(v, 7))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([16, 22, 19, 178, 20, 206, 177]), COORDINATE, COORDINATE, st.floats(-99, 999)),
        min_size=1,
        max_size=6,
    )
)
def test_any_mission_survives_every_lossless_format(tmp_path_factory, rows):
    folder = tmp_path_factory.getbasetemp()
    items = tuple(
        MissionItem(seq=n, command=command, frame=3, lat_deg=lat, lon_deg=lon, alt_m=alt, p1=float(n % 3))
        if command in (16, 22, 19)
        else MissionItem(seq=n, command=command, frame=2)
        for n, (command, lat, lon, alt) in enumerate(rows)
    )
    document = dataclasses.replace(_document(items), home=None)
    for write, read in ((write_kml, read_plan_file), (write_geojson_plan, read_plan_file), (write_gpx, read_plan_file)):
        write(document, folder / "any.plan")
        assert repr(read(folder / "any.plan").items) == repr(items)
    from missions.plan_files.qgc_plan_file import write_qgc_document

    write_qgc_document(document, folder / "any.plan")
    assert repr(read_plan_file(folder / "any.plan").items) == repr(items)


def test_a_sorties_waypoint_file_is_known_by_content(sortie, tmp_path):
    write_waypoints(sortie, "ardupilot", tmp_path / "x")
    assert len(read_plan_file(tmp_path / "x").items) == len(sortie.items)
