"""Geometry of a brief from any format, layer and coordinate system; files that are broken, hostile or mistaken."""

from __future__ import annotations

import json
import os
import zipfile

import geopandas
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.errors import VedetteError
from missions.briefs.brief_geometry_file import read_lines, read_polygons
from missions.documents.xml_file import kmz_document
from missions.errors import BriefError

LINE = shapely.LineString([(9.0, 48.0), (9.1, 48.05), (9.2, 48.0)])
SHAPES = {".geojson": "GeoJSON", ".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".fgb": "FlatGeobuf", ".kml": "KML"}


def save(path, geometry=LINE, crs="EPSG:4326", **more):
    frame = geopandas.GeoDataFrame({"name": ["a"]}, geometry=[geometry], crs="EPSG:4326").to_crs(crs)
    frame.to_file(path, driver=SHAPES[path.suffix], engine="pyogrio", **more)
    return path


def degrees(lines):
    return [
        (round(float(x), 5), round(float(y), 5))
        for line in lines
        for x, y in zip(line.lon_deg, line.lat_deg, strict=True)
    ]


@pytest.mark.parametrize("suffix", SHAPES)
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632", "EPSG:3857", "EPSG:2056"])
def test_every_format_in_every_coordinate_system_gives_the_same_degrees(tmp_path, suffix, crs):
    if suffix in (".kml", ".geojson") and crs != "EPSG:4326":
        pytest.skip("the format knows WGS 84 alone")
    assert degrees(read_lines(save(tmp_path / f"line{suffix}", crs=crs), "k")) == [
        (9.0, 48.0),
        (9.1, 48.05),
        (9.2, 48.0),
    ]


def test_a_shapefile_without_its_projection_is_refused_by_name(tmp_path):
    path = save(tmp_path / "line.shp", crs="EPSG:32632")
    (tmp_path / "line.prj").unlink()
    with pytest.raises(BriefError, match=r"k: line\.shp does not say its coordinate system; add the \.prj file"):
        read_lines(path, "k")


def test_a_shapefile_whose_projection_is_another_is_refused_where_it_leaves_the_earth(tmp_path):
    path = save(tmp_path / "line.shp", crs="EPSG:32632")
    wgs84 = save(tmp_path / "other.shp").with_suffix(".prj").read_text()
    (tmp_path / "line.prj").write_text(wgs84)
    with pytest.raises(BriefError, match="vertex 0 is at longitude 500000.*probably projected"):
        read_lines(path, "k")


def test_swapped_axes_are_named(tmp_path):
    swapped = {"type": "LineString", "coordinates": [[48.0, 100.0], [48.1, 100.1]]}
    (tmp_path / "x.geojson").write_text(json.dumps(swapped))
    with pytest.raises(BriefError, match="latitude and longitude look swapped: GeoJSON wants longitude first"):
        read_lines(tmp_path / "x.geojson", "k")


def placemark(name, *corners):
    text = " ".join(f"{x},{y}" for x, y in corners)
    return f"<Placemark><name>{name}</name><LineString><coordinates>{text}</coordinates></LineString></Placemark>"


NORTH, SOUTH = ((9.0, 48.0), (9.1, 48.0)), ((9.1, 48.0), (9.2, 47.9))
KML = '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2">{}</kml>'


def test_all_folders_of_a_kml_are_read(tmp_path):
    body = f"<Document><Folder><name>n</name>{placemark('a', *NORTH)}</Folder>"
    body += f"<Folder><name>s</name>{placemark('b', *SOUTH)}</Folder></Document>"
    (tmp_path / "x.kml").write_text(KML.format(body))
    assert len(read_lines(tmp_path / "x.kml", "k")) == 2
    with zipfile.ZipFile(tmp_path / "x.kmz", "w") as archive:
        archive.write(tmp_path / "x.kml", "doc.kml")
    assert len(read_lines(tmp_path / "x.kmz", "k")) == 2


@pytest.mark.parametrize("names", [("doc.kml", "more.kml"), ("n.kml", "s.kml")])
def test_of_two_drawings_in_one_kmz_no_border_is_guessed(tmp_path, names):
    with zipfile.ZipFile(tmp_path / "x.kmz", "w") as archive:
        for name, corners in zip(names, (NORTH, SOUTH), strict=True):
            archive.writestr(name, KML.format(placemark(name, *corners)))
    with pytest.raises(BriefError, match=rf"x\.kmz holds 2 drawings \({names[0]}, {names[1]}\); pack the one that"):
        read_lines(tmp_path / "x.kmz", "k")


def test_what_draws_nothing_in_a_kmz_does_not_count(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.kmz", "w") as archive:
        archive.writestr("doc.kml", KML.format("<Document><Style id='s'/></Document>"))
        archive.writestr("files/line.kml", KML.format(placemark("a", *NORTH)))
        archive.writestr("files/._line.kml", b"\x00\x05\x16\x07Mac OS X")
    assert degrees(read_lines(tmp_path / "x.kmz", "k")) == list(NORTH)


@pytest.mark.parametrize(
    ("body", "drawn"),
    [
        ("<Document><Style id='s'/></Document>", False),
        ("<PhotoOverlay><Point><coordinates>1,2</coordinates></Point></PhotoOverlay>", False),
        ("<Folder><Placemark><Point><coordinates>1,2</coordinates></Point></Placemark></Folder>", True),
        ("<NetworkLink><Link><href>else.kml</href></Link></NetworkLink>", True),
    ],
)
def test_borders_and_plans_agree_on_what_a_drawing_is(body, drawn, tmp_path):
    """One file, read as a border in the sealed process and as a plan here: one sentence, or one drawing."""
    with zipfile.ZipFile(tmp_path / "x.kmz", "w") as archive:
        archive.writestr("a/line.kml", KML.format(placemark("a", *NORTH)))
        archive.writestr("b/other.kml", KML.format(body))
    told = r"holds 2 drawings \(a/line\.kml, b/other\.kml\); pack the one that is meant"
    path = tmp_path / "x.kmz"
    for read in (lambda: read_lines(path, "k"), lambda: kmz_document(path.read_bytes(), "x")):
        if drawn:
            with pytest.raises(VedetteError, match=told):
                read()
        else:
            read()


def test_a_kml_without_a_document_is_read(tmp_path):
    (tmp_path / "x.kml").write_text(KML.format(placemark("a", *NORTH)))
    assert degrees(read_lines(tmp_path / "x.kml", "k")) == list(NORTH)


@pytest.mark.parametrize("beside", ["README", "files/icon.PNG", "files/", "notes.txt", ".hidden", "a.b.jpeg"])
def test_what_lies_beside_the_drawing_in_an_archive_is_not_in_the_way(tmp_path, beside):
    with zipfile.ZipFile(tmp_path / "x.kmz", "w") as archive:
        archive.writestr(beside, b"")
        archive.writestr("doc.kml", KML.format(placemark("a", *NORTH)))
    assert degrees(read_lines(tmp_path / "x.kmz", "k")) == list(NORTH)


def test_several_layers_of_a_geopackage_are_refused_with_their_names(tmp_path):
    save(tmp_path / "x.gpkg", layer="border")
    save(tmp_path / "x.gpkg", layer="roads", mode="a")
    with pytest.raises(BriefError, match=r"k: x\.gpkg holds 2 layers \(border, roads\); save the one that is meant"):
        read_lines(tmp_path / "x.gpkg", "k")


def test_a_layer_without_a_feature_is_not_in_the_way(tmp_path):
    save(tmp_path / "x.gpkg", layer="border")
    nothing = geopandas.GeoDataFrame({"name": []}, geometry=[], crs="EPSG:4326")
    nothing.to_file(tmp_path / "x.gpkg", layer="draft", mode="a", engine="pyogrio", geometry_type="LineString")
    assert degrees(read_lines(tmp_path / "x.gpkg", "k")) == [(9.0, 48.0), (9.1, 48.05), (9.2, 48.0)]


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".kml"])
def test_a_border_beside_an_area_is_not_guessed_at_and_beside_a_place_is_the_line(tmp_path, suffix):
    field = shapely.Polygon([(9.0, 48.1), (9.1, 48.1), (9.1, 48.2)])
    for name, beside in (("area", field), ("place", shapely.Point(9.0, 48.1))):
        frame = geopandas.GeoDataFrame({"name": ["a", "b"]}, geometry=[LINE, beside], crs="EPSG:4326")
        frame.to_file(tmp_path / f"{name}{suffix}", driver=SHAPES[suffix], engine="pyogrio")
    with pytest.raises(BriefError, match=r"k: area\.\w+ holds lines \(1\) and polygons \(1\).*file of their own"):
        read_lines(tmp_path / f"area{suffix}", "k")
    assert degrees(read_lines(tmp_path / f"place{suffix}", "k")) == [(9.0, 48.0), (9.1, 48.05), (9.2, 48.0)]


@pytest.mark.parametrize("crs", ["EPSG:4978", 'LOCAL_CS["site",UNIT["metre",1]]'])
def test_metres_of_no_map_are_refused(tmp_path, crs):
    frame = geopandas.GeoDataFrame({"name": ["a"]}, geometry=[LINE], crs="EPSG:4326").to_crs("EPSG:32632")
    frame.set_crs(crs, allow_override=True).to_file(tmp_path / "x.gpkg", engine="pyogrio")
    with pytest.raises(BriefError, match=r"k: x\.gpkg is in '.*' \(\w+ CRS\), which has neither degrees nor a map's"):
        read_lines(tmp_path / "x.gpkg", "k")


def test_a_geopackage_without_coordinate_system_is_not_told_to_bring_a_shapefiles_part(tmp_path):
    frame = geopandas.GeoDataFrame({"name": ["a"]}, geometry=[LINE], crs=None)
    with pytest.warns(UserWarning, match="'crs' was not provided"):
        frame.to_file(tmp_path / "x.gpkg", engine="pyogrio")
    with pytest.raises(BriefError, match=r"k: x\.gpkg does not say its coordinate system; save it with it, or") as told:
        read_lines(tmp_path / "x.gpkg", "k")
    assert ".prj" not in told.value.message


HOSTILE = {
    "deep.kml": b"<kml>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</kml>",
    "entity.kml": b'<!DOCTYPE k [<!ENTITY a "b">]><kml>&a;</kml>',
    "text.kml": b"no xml",
    "deep.geojson": b'{"type":"LineString","coordinates":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "nan.geojson": b'{"type":"LineString","coordinates":[[NaN,48],[9,48]]}',
    "empty.geojson": b"",
    "list.json": b"[1,2,3]",
    "empty.shp": b"",
    "text.gpkg": b"SQLite format 3\x00" + b"x" * 200,
    "text.fgb": b"fgb" + b"\xff" * 100,
    "text.zip": b"PK\x03\x04garbage",
    "x.exe": b"MZ",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_and_broken_files_are_refused_in_one_sentence(tmp_path, name):
    (tmp_path / name).write_bytes(HOSTILE[name])
    for read in (read_lines, read_polygons):
        with pytest.raises(BriefError, match=f"k: {name} ") as error:
            read(tmp_path / name, "k")
        assert len(error.value.message.splitlines()) == 1
        assert str(tmp_path) not in error.value.message


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.kml")
    for path in (tmp_path, tmp_path / "none.kml", tmp_path / "pipe.kml", tmp_path / ("x" * 300 + ".kml")):
        with pytest.raises(BriefError, match="k: there is no file"):
            read_lines(path, "k")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from([".geojson", ".kml", ".fgb"]),
    cut=st.floats(0.0, 1.0),
    flips=st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(0, 7)), max_size=4),
)
def test_damaged_files_are_read_or_refused(tmp_path, suffix, cut, flips):
    whole = tmp_path / f"whole{suffix}"
    data = bytearray((whole if whole.exists() else save(whole)).read_bytes())
    for place, bit in flips:
        data[int(place * (len(data) - 1))] ^= 1 << bit
    path = tmp_path / f"x{suffix}"
    path.write_bytes(data[: int(len(data) * max(cut, 0.2))])
    said = "k: "
    try:
        read_lines(path, "k")
    except BriefError as error:
        said = error.message
    assert said.startswith("k: ")
