"""Tracks written and read back by other libraries; half-written files do not exist."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from defusedxml.ElementTree import fromstring

from geo.errors import InputError
from geo.values import GimbalFrame
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.sources import read_track
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_errors import SourceError
from telemetry.tracks.track_file import COLUMNS, NUMBERS, WRITERS, write_track

T0 = 1_700_000_000_000_000_000


@pytest.fixture
def track():
    n = 25
    t_ns = T0 + 200_000_000 * np.arange(n)
    angles = {"yaw_deg": np.linspace(-179, 179, n), "pitch_deg": np.linspace(-5, 5, n), "roll_deg": np.full(n, 1 / 3)}
    return assemble(
        Sampled(
            position=Samples(
                t_ns=t_ns,
                columns={
                    "lat_deg": 47 + np.arange(n) / 3e6,
                    "lon_deg": 8 - np.arange(n) / 7e6,
                    "alt_amsl_m": 500 + np.arange(n) / 3,
                },
            ),
            attitude=Samples(t_ns=t_ns, columns=angles),
            gimbal=Samples(t_ns=t_ns, columns=angles),
            gimbal_frame=GimbalFrame.EARTH,
        ),
        undulation=egm96,
        source="<script>&.tlog",
        problems=[],
    )


def test_csv_is_read_back_bit_for_bit(track, tmp_path):
    path = tmp_path / "t.csv"
    write_track(track, path)
    again = read_track(path)
    np.testing.assert_array_equal(again.t_utc_ns, track.t_utc_ns)
    for name in NUMBERS:
        np.testing.assert_array_equal(getattr(again, name), getattr(track, name), err_msg=name)
    assert again.gimbal_frame is GimbalFrame.EARTH


def test_no_csv_cell_is_a_formula(track, tmp_path):
    path = tmp_path / "t.csv"
    write_track(track, path)
    header, *lines = path.read_text().splitlines()
    assert header == ",".join(COLUMNS)
    for line in lines:
        *numbers, frame = line.split(",")
        assert frame == "earth"
        assert all(cell == "" or np.isfinite(float(cell)) for cell in numbers)


@pytest.mark.parametrize("cell", ["1e5", "-90.001", "nan", ""])
def test_a_row_without_a_place_on_the_globe_is_named(track, tmp_path, cell):
    path = tmp_path / "t.csv"
    write_track(track, path)
    header, first, second, *rest = path.read_text().splitlines()
    stamp, _, *more = second.split(",")
    path.write_text("\n".join([header, first, ",".join([stamp, cell, *more]), *rest]))
    with pytest.raises(SourceError, match="row 2 has no place on the globe"):
        read_track(path)


@pytest.mark.parametrize(("lat", "lon", "kind"), [("0", "0", "no_fix"), ("47.03", "8", "position_jump")])
def test_a_row_at_0_0_or_three_kilometres_off_is_left_out_and_named(track, tmp_path, lat, lon, kind):
    """A table in our columns may come from another program, or from a hand."""
    write_track(track, tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    for k in (10, 11):
        cells = lines[k + 1].split(",")
        cells[COLUMNS.index("lat_deg")], cells[COLUMNS.index("lon_deg")] = lat, lon
        lines[k + 1] = ",".join(cells)
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    back = read_track(tmp_path / "t.csv")
    assert back.t_utc_ns.tolist() == [t for k, t in enumerate(track.t_utc_ns.tolist()) if k not in (10, 11)]
    assert [problem.kind for problem in back.problems] == [kind]
    assert np.abs(back.lat_deg - 47.0).max() < 0.01


def test_a_table_with_longitudes_to_360_says_the_same_place(track, tmp_path):
    west = dataclasses.replace(track, lon_deg=track.lon_deg - 180.0)
    write_track(dataclasses.replace(west, lon_deg=west.lon_deg + 360.0), tmp_path / "t.csv")
    assert read_track(tmp_path / "t.csv").lon_deg == pytest.approx(west.lon_deg, abs=1e-9)


def test_parquet_is_read_back_by_pyarrow(track, tmp_path):
    path = tmp_path / "t.parquet"
    write_track(track, path)
    table = pq.read_table(path)
    assert table.column_names == list(COLUMNS)
    for name in ("t_utc_ns", *NUMBERS):
        np.testing.assert_array_equal(table[name].to_numpy(), getattr(track, name))
    assert table.schema.metadata[b"source"] == b"<script>&.tlog"


def test_geojson_is_lon_lat_with_ellipsoid_height(track, tmp_path):
    path = tmp_path / "t.geojson"
    write_track(track, path)
    features = json.loads(path.read_text())["features"]
    assert len(features) == len(track)
    assert features[3]["geometry"]["coordinates"] == [track.lon_deg[3], track.lat_deg[3], round(track.alt_hae_m[3], 4)]
    assert features[3]["properties"]["alt_amsl_m"] == track.alt_amsl_m[3]
    assert features[3]["properties"]["hfov_deg"] is None
    assert features[3]["properties"]["t_utc_ns"] == track.t_utc_ns[3]


def test_kml_and_gpx_hold_every_row(track, tmp_path):
    for suffix, row, text in ((".kml", "{http://www.google.com/kml/ext/2.2}coord", None), (".gpx", None, "trkpt")):
        path = tmp_path / f"t{suffix}"
        write_track(track, path)
        root = fromstring(path.read_bytes())
        name = row or "{http://www.topografix.com/GPX/1/1}" + text
        assert len(root.findall(f".//{name}")) == len(track)
        names = [element.text for element in root.iter() if element.tag.endswith("}name")]
        assert names == ["<script>&.tlog"], "a hostile source name stays text"
    gpx = fromstring((tmp_path / "t.gpx").read_bytes())
    point = gpx.find(".//{http://www.topografix.com/GPX/1/1}trkpt")
    assert (float(point.get("lat")), float(point.get("lon"))) == (track.lat_deg[0], track.lon_deg[0])
    assert point.find("{http://www.topografix.com/GPX/1/1}time").text == "2023-11-14T22:13:20.000Z"
    assert float(point.find("{http://www.topografix.com/GPX/1/1}ele").text) == pytest.approx(500.0)


def test_a_failed_write_leaves_what_was_there(track, tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("old")

    def fails(_track, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(WRITERS, ".csv", fails)
    with pytest.raises(InputError, match=r"t\.csv: could not be written \(No space left on device\)"):
        write_track(track, path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.csv"]


def test_a_folder_that_is_not_there_is_named(track, tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist; make it first"):
        write_track(track, tmp_path / "nowhere" / "t.csv")


def test_an_unknown_ending_names_the_known_ones(track, tmp_path):
    with pytest.raises(InputError, match=r"\.csv, \.parquet, \.geojson, \.kml, \.gpx, not as '\.doc'"):
        write_track(track, tmp_path / "t.doc")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("earth", "sideways"), "sideways"),
        (lambda text: text.replace(str(T0), "soon", 1), "soon"),
        (lambda text: "\n".join(text.splitlines()[::-1][:-1] + text.splitlines()[1:2]), "known are"),
        (lambda text: "\n".join([text.splitlines()[0], *text.splitlines()[:0:-1]]), "has to rise"),
    ],
)
def test_a_track_that_was_edited_by_hand_is_refused_by_name(track, tmp_path, change, words):
    path = tmp_path / "t.csv"
    write_track(track, path)
    path.write_text(change(path.read_text()))
    with pytest.raises(SourceError, match=words):
        read_track(path)
