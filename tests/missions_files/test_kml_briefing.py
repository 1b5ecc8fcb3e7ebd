"""Plans as KML for a briefing, read by GDAL and by hand: folders, altitude modes, a tour of the right length."""

from __future__ import annotations

import pyogrio
import pyproj
import pytest
import shapely

from missions.documents.xml_file import inside, local_name, parse_xml, text_of
from missions.plan_files.plan_document import Home, PlanDocument, document_from_sortie
from missions.plan_files.plan_file import read_plan_file, write_plan_file

KML = "{http://www.opengis.net/kml/2.2}"


def tree(path):
    return parse_xml(path.read_bytes(), "t")


def test_folders_styles_and_shapes_as_another_reader_sees_them(tmp_path, sortie):
    path = tmp_path / "s.kml"
    assert write_plan_file(document_from_sortie(sortie, "ardupilot"), path) == ()
    assert [name for name, _ in pyogrio.list_layers(path)] == ["flight", "items", "home", "fence", "rally"]
    assert pyogrio.read_info(path, layer="flight")["driver"] in ("LIBKML", "KML")
    flight = pyogrio.raw.read(path, layer="flight")[2]
    line = shapely.from_wkb(flight[0])
    assert shapely.get_coordinates(line, include_z=True)[:, 2].tolist()[:2] == [272.0, 272.0]
    fence = shapely.from_wkb(pyogrio.raw.read(path, layer="fence")[2])
    assert sum(g is not None and g.geom_type == "Polygon" for g in fence) >= 1
    styles = {s.get("id") for s in inside(tree(path), "Style")}
    used = {e.text.removeprefix("#") for e in tree(path).iter(f"{KML}styleUrl")}
    assert used <= styles


def test_one_altitude_mode_a_run(tmp_path, make_item):
    frames = (3, 3, 10, 10, 0, 0)
    items = tuple(
        make_item(k, 16, lat=50.0 + k * 1e-3, lon=8.0, alt=60.0 + k, frame=frame) for k, frame in enumerate(frames)
    )
    home = Home(lat_deg=50.0, lon_deg=8.0, alt_amsl_m=200.0)
    path = tmp_path / "m.kml"
    assert write_plan_file(PlanDocument(source_format="t", dialect=None, home=home, items=items), path) == ()
    lines = list(inside(tree(path), "LineString"))
    assert [text_of(line, "altitudeMode") for line in lines] == ["absolute", "relativeToGround", "absolute"]
    heights = [[float(c.split(",")[2]) for c in text_of(line, "coordinates").split()] for line in lines]
    assert heights == [[260.0, 261.0], [62.0, 63.0], [64.0, 65.0]]
    assert read_plan_file(path).items == items
    said = write_plan_file(PlanDocument(source_format="t", dialect=None, home=None, items=items), tmp_path / "n.kml")
    assert said == ("items 1-2: its height counts from a home that is not known; it is drawn above the ground",)


def test_the_tour_takes_as_long_as_the_flight(tmp_path, make_item):
    items = (
        make_item(0, 178, p1=1.0, p2=8.0),
        make_item(1, 16, lat=50.0, lon=8.0, alt=60.0),
        make_item(2, 16, lat=50.01, lon=8.0, alt=60.0),
        make_item(3, 178, p1=1.0, p2=4.0),
        make_item(4, 16, lat=50.01, lon=8.01, alt=60.0, p1=30.0),
        make_item(5, 93, p1=12.0),
    )
    home = Home(lat_deg=50.0, lon_deg=8.0, alt_amsl_m=200.0)
    path = tmp_path / "t.kml"
    write_plan_file(PlanDocument(source_format="t", dialect=None, home=home, items=items), path)
    (tour,) = inside(tree(path), "Tour")
    (playlist,) = inside(tour, "Playlist")
    steps = [(local_name(step), float(text_of(step, "duration"))) for step in playlist]
    geod = pyproj.Geod(ellps="WGS84")
    first = geod.inv(8.0, 50.0, 8.0, 50.01)[2] / 8.0
    second = geod.inv(8.0, 50.01, 8.01, 50.01)[2] / 4.0
    assert [name for name, _ in steps] == ["FlyTo", "FlyTo", "FlyTo", "Wait"]
    assert [s for _, s in steps[1:]] == pytest.approx([first, second, 42.0], abs=0.06)
    headings = [float(text_of(camera, "heading")) for camera in inside(tour, "Camera")]
    assert headings == pytest.approx([0.0, 90.0, 90.0], abs=0.2)
