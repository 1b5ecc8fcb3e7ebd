"""Every format that things leave in is read back by a reader of another maker."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
import math
import zipfile

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
from PIL import Image
from pyproj import Geod

from detection.ground_hits import GroundHit, GroundHits
from geo.values import Unplaced
from operations.exports.cameras import sightings
from operations.exports.coco import coco
from operations.exports.cot import CotOptions, cot, events
from operations.exports.gpx import gpx
from operations.exports.handed import Handed
from operations.exports.kml import kml, kmz
from operations.exports.tables import geojson, geopackage, geoparquet, spreadsheet
from operations.exports.vmti_targets import frame_targets
from operations.finding.archive import Archive
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.store import OperationStore
from tests.operations.finding.conftest import T0_NS, made_operation

NOW_NS = T0_NS + 48 * 3_600_000_000_000
EVIL = '=HYPERLINK("http://x")<script>&\x1b[31m'


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    """Return things, single hits and one without a place among them, as they would leave."""
    path = made_operation(tmp_path_factory.mktemp("exports") / "op")
    with OperationStore.open(path, actor="ana", clock=lambda: NOW_NS) as store, Archive([store]) as archive:
        found = find(archive, ThingIndex(archive), ThingSelection(singles=True))
        yield Handed.of(archive, found.things, now_utc_ns=NOW_NS, case=EVIL)


@pytest.fixture(scope="module")
def placed(handed):
    """Return the rows that have a place, by id."""
    return {told["id"]: told for told in handed.rows if told["lat_deg"] is not None}


def test_gdal_reads_geojson_with_every_thing_and_path(handed, placed):
    data = geojson(handed)
    frame = pyogrio.read_dataframe(io.BytesIO(data))
    points = frame[frame["is"] == "place"]
    assert len(points) == len(handed.rows) == 32
    assert points.geometry.isna().sum() == len(handed.rows) - len(placed) == 4
    for _, row in points[~points.geometry.isna()].iterrows():
        told = placed[row["id"]]
        assert (row.geometry.x, row.geometry.y) == (told["lon_deg"], told["lat_deg"])
        assert row["ce90_m"] == told["ce90_m"]
        assert row["assessment"] == "machine assessment; a person decides"
    assert (frame["is"] == "path").sum() == 24
    whole = json.loads(data)["vedette"]
    assert whole["case"] == EVIL
    head = handed.archive.stores[0].head()
    assert whole["operations"][0]["log_head"] == f"{head.size} {head.root.hex()}"
    assert {row["model"] for row in handed.rows} == {"made model 00ff"}


def test_gdal_reads_the_geopackage_and_pyarrow_the_geoparquet(handed, placed, tmp_path):
    (tmp_path / "things.gpkg").write_bytes(geopackage(handed))
    assert sorted(pyogrio.list_layers(tmp_path / "things.gpkg")[:, 0].tolist()) == ["paths", "things"]
    things = pyogrio.read_dataframe(tmp_path / "things.gpkg", layer="things")
    paths = pyogrio.read_dataframe(tmp_path / "things.gpkg", layer="paths")
    assert (len(things), len(paths)) == (32, 24)
    assert things.crs.to_epsg() == 4326
    about = pyogrio.read_info(tmp_path / "things.gpkg", layer="things")["layer_metadata"]["vedette"]
    assert json.loads(about)["things"] == 32
    (tmp_path / "things.parquet").write_bytes(geoparquet(handed))
    again = gpd.read_parquet(tmp_path / "things.parquet")
    for frame in (things, again):
        known = frame[~frame.geometry.isna()].set_index("id")
        assert {name: (p.x, p.y) for name, p in known.geometry.items()} == {
            name: (told["lon_deg"], told["lat_deg"]) for name, told in placed.items()
        }


def test_no_cell_of_the_spreadsheet_is_a_formula(handed):
    rows = list(csv.DictReader(io.StringIO(spreadsheet(handed).decode("utf-8-sig"))))
    assert [row["id"] for row in rows] == [told["id"] for told in handed.rows]
    for row, told in zip(rows, handed.rows, strict=True):
        assert row["case"] == "'" + EVIL.replace("\x1b", "\\x1b")
        assert float(row["lat_deg"] or "nan") == pytest.approx(told["lat_deg"] or float("nan"), nan_ok=True)
        texts = [value for name, value in row.items() if isinstance(told.get(name), str)]
        assert not any(text.startswith(("=", "+", "-", "@", "\t", "\r")) for text in texts)


def test_fastkml_and_gdal_read_kml_with_folders_styles_and_pictures(handed, placed, tmp_path):
    from fastkml import KML

    data = kml(handed)
    document = next(iter(KML.from_string(data.decode().split("\n", 1)[1]).features))
    folders = {folder.name: list(folder.features) for folder in document.features}
    classes = {told["assessed_class"] for told in handed.rows}
    assert {name.rsplit(" (", 1)[0] for name in folders} == {f"assessed as {name}" for name in classes}
    assert len(list(document.styles)) == len(classes)
    marks = [mark for listed in folders.values() for mark in listed if not mark.name.startswith("path of ")]
    assert len(marks) == 32
    by_id = {next(d.value for d in mark.extended_data.elements if d.name == "id"): mark for mark in marks}
    for name, told in placed.items():
        assert (by_id[name].geometry.x, by_id[name].geometry.y) == (told["lon_deg"], told["lat_deg"])
    assert any("data:image/jpeg;base64," in mark.description for mark in marks)
    assert "<script>" not in document.description
    (tmp_path / "things.kmz").write_bytes(kmz(handed))
    with zipfile.ZipFile(tmp_path / "things.kmz") as archive:
        pictures = [name for name in archive.namelist() if name != "doc.kml"]
        assert pictures
        for name in pictures:
            with Image.open(io.BytesIO(archive.read(name))) as picture:
                red = np.asarray(picture)[:, :, 0] > 170
            assert red.any(), "the hit itself is not to be seen"
            assert not red[[0, 0, -1, -1], [0, -1, 0, -1]].any(), "what is around the hit leaves with it"
        inside = archive.read("doc.kml").decode()
        assert all(name in inside for name in pictures)
    layers = pyogrio.list_layers(tmp_path / "things.kmz")[:, 0].tolist()
    assert sum(len(pyogrio.read_dataframe(tmp_path / "things.kmz", layer=name)) for name in layers) == 32 + 24


def test_gpxpy_reads_waypoints_and_tracks(handed, placed):
    import gpxpy

    read = gpxpy.parse(gpx(handed).decode())
    assert len(read.waypoints) == len(placed)
    assert len(read.tracks) == 24
    track = next(t for t in read.tracks if t.name == "T0-3")
    path = handed.path_of(next(row for row, told in enumerate(handed.rows) if told["id"] == "T0-3"))
    assert [(p.longitude, p.latitude) for p in track.segments[0].points] == [
        (pytest.approx(lon, abs=1e-7), pytest.approx(lat, abs=1e-7)) for lon, lat, _ in path
    ]
    assert json.loads(read.description)["left_out_without_a_place"] == 4


def test_pycocotools_reads_boxes_and_faster_coco_eval_scores_them(handed, tmp_path):
    from faster_coco_eval import COCO, COCOeval_faster

    (tmp_path / "boxes.json").write_bytes(coco(handed))
    truth = COCO(str(tmp_path / "boxes.json"))
    assert len(truth.anns) == 24 * 6 + 8
    for annotation in truth.anns.values():
        assert annotation["bbox"] == [10.0, 10.0, 4.0, 10.0]
        assert truth.imgs[annotation["image_id"]]["recording"].startswith("flight ")
    found = [{key: a[key] for key in ("image_id", "category_id", "bbox", "score")} for a in truth.anns.values()]
    scored = COCOeval_faster(truth, truth.loadRes(found), "bbox")
    scored.evaluate()
    scored.accumulate()
    scored.summarize()
    assert scored.stats[1] == pytest.approx(1.0)


def test_takproto_reads_every_event(handed, placed):
    import takproto
    from defusedxml.ElementTree import fromstring

    listed = events(handed, CotOptions())
    read = {}
    for text in listed:
        message = takproto.parse_proto(b'<?xml version="1.0"?>' + text.encode())
        read[message.cotEvent.uid] = (message.cotEvent, fromstring(text))
    whole = fromstring(cot(handed))
    assert len(whole) == len(listed) == len(placed) + 2 * 2
    operation = handed.archive.stores[0].id[:16]
    for name, told in placed.items():
        event, element = read[f"vedette-{operation}-{name}"]
        assert (event.lat, event.lon) == pytest.approx((told["lat_deg"], told["lon_deg"]), abs=1e-7)
        assert (event.type, event.how, event.le) == ("a-u-G", "m-f", 9_999_999.0)
        assert event.ce == pytest.approx(told["ce90_m"])
        assert "a person decides" in element.find("detail/remarks").text
        assert element.get("stale") > element.get("time") > element.get("start")
    cameras = [element for uid, (_, element) in read.items() if "-camera-" in uid and not uid.endswith("-spi")]
    assert len(cameras) == 2
    for camera in cameras:
        sensor, spi = camera.find("detail/sensor"), read[camera.get("uid") + "-spi"][1]
        assert spi.get("type") == "b-m-p-s-p-i"
        assert spi.find("detail/link").get("uid") == camera.get("uid")
        assert 0.0 <= float(sensor.get("azimuth")) < 360.0
        assert float(sensor.get("elevation")) < 0.0
        assert float(sensor.get("range")) > 0.0


def test_where_a_camera_looked_and_how_wide_its_ground_lies_is_that_of_the_geodesic(handed):
    """Every camera of the made nights stands in the middle of the south edge of what it sees."""
    found = sightings(handed)
    assert found
    geod, camera = Geod(ellps="WGS84"), (50.04, 8.05)
    corners = [(50.04, 8.04), (50.04, 8.06), (50.06, 8.06), (50.06, 8.04)]
    for row, seen in found.items():
        told = handed.rows[row]
        azimuth, _, ground_m = geod.inv(camera[1], camera[0], told["lon_deg"], told["lat_deg"])
        assert (seen.azimuth_deg - azimuth) % 360.0 == pytest.approx(0.0, abs=1e-6)
        assert seen.range_m == pytest.approx(math.hypot(ground_m, 300.0 - told["alt_hae_m"]))
        off = [(geod.inv(camera[1], camera[0], lon, lat)[0] - azimuth + 180.0) % 360.0 - 180.0 for lat, lon in corners]
        if min(off) < 0.0 < max(off) and max(off) - min(off) < 180.0:
            assert seen.fov_deg == pytest.approx(max(off) - min(off), abs=1e-6)
        else:
            assert math.isnan(seen.fov_deg)
    assert any(not math.isnan(seen.fov_deg) for seen in found.values())


def test_a_thing_keeps_its_uid_and_one_sigma_is_asked_for(handed):
    first, again = (events(handed, CotOptions(one_sigma=sigma)) for sigma in (False, True))
    uids = [text.split('uid="')[1].split('"')[0] for text in first]
    assert uids == [text.split('uid="')[1].split('"')[0] for text in again]
    assert len(set(uids)) == len(uids)
    assert 'ce="12.0"' in first[0]
    assert 'ce="5.6"' in again[0]


def test_boxes_become_pixels_by_their_numbers_in_vmti():
    """ST 0903: pixels are numbered from 1 along the rows; corners and middle of a box, and its share in per cent."""
    box = {"box_px": (10.6, 20.0, 31.0, 47.9), "media_id": "m", "class_name": "person", "frame_index": 0}
    rows = [
        GroundHit(hit_id="a", t_utc_ns=20, score_raw=0.4, score=0.876, track_id="T-b", **box),
        GroundHit(hit_id="b", t_utc_ns=10, score_raw=0.4, track_id="T-a", **box),
        GroundHit(
            hit_id="c", t_utc_ns=20, score_raw=0.4, lat_deg=50.0, lon_deg=8.0, alt_hae_m=7.0, var_e_m2=9.0,
            var_n_m2=16.0, cov_en_m2=0.0, ce90_m=9.0, **(box | {"box_px": (-3.0, -4.0, 5.0, 6.0)}),
        ),
    ]  # fmt: skip
    unplaced = [dataclasses.replace(row, reason=Unplaced.ABOVE_HORIZON) for row in rows[:2]]
    first, second = frame_targets(GroundHits.of([*unplaced, rows[2]]), 640)
    assert (first.t_utc_ns, second.t_utc_ns) == (10, 20)
    (one,), (two, three) = first.targets, second.targets
    assert (one.number, two.number) == (1, 2)
    assert three.number not in (1, 2)
    assert (two.top_left, two.bottom_right) == (20 * 640 + 10 + 1, 47 * 640 + 31 + 1)
    assert two.centroid == 33 * 640 + 20 + 1
    assert (two.confidence_pct, one.confidence_pct) == (88, 40)
    assert (two.location, three.top_left, three.bottom_right) == (None, 1, 6 * 640 + 5 + 1)
    assert (three.location.lat_deg, three.location.lon_deg, three.location.alt_hae_m) == (50.0, 8.0, 7.0)
    assert (three.location.sigma_east_m, three.location.sigma_north_m) == (3.0, 4.0)


def test_a_file_of_boxes_says_where_it_comes_from(handed):
    info = json.loads(coco(handed))["info"]
    assert info["description"] == handed.origin["what"]
    assert {name: info.get(name) for name in handed.origin if name != "what"} == {
        name: value for name, value in handed.origin.items() if name != "what"
    }
    assert len(info) > 2


@pytest.mark.parametrize("stale_s", [60.0, 90.5, 86_400.0])
def test_events_go_stale_so_long_after_they_were_written(handed, stale_s):
    for text in events(handed, CotOptions(stale_s=stale_s)):
        written, stale = (
            dt.datetime.fromisoformat(text.split(f' {name}="')[1].split('"')[0]) for name in ("time", "stale")
        )
        assert written.timestamp() == pytest.approx(NOW_NS / 1e9, abs=1e-3)
        assert (stale - written).total_seconds() == pytest.approx(stale_s, abs=1e-6)
