from __future__ import annotations

import math

from operations import columns_file


def test_hits_come_back_as_written_and_an_unplaced_one_keeps_its_reason(tmp_path, hits):
    columns_file.write_hits(hits, tmp_path / "hits.parquet")
    placed, lost = columns_file.read_hits(tmp_path / "hits.parquet")
    assert placed.lat_deg == 50.0
    assert placed.box_px == (1.0, 2.0, 3.0, 4.0)
    assert placed.reason is None
    assert lost.reason is hits[1].reason
    assert math.isnan(lost.lat_deg)


def test_tracks_frames_and_chips_come_back_as_written(tmp_path, track, frame):
    columns_file.write_tracks([track], tmp_path / "t.parquet")
    columns_file.write_frames([frame], tmp_path / "f.parquet")
    columns_file.write_chips({"a": b"\xff\xd8"}, tmp_path / "c.parquet")
    assert columns_file.read_tracks(tmp_path / "t.parquet") == [track]
    assert columns_file.read_frames(tmp_path / "f.parquet") == [frame]
    assert columns_file.read_chips(tmp_path / "c.parquet") == {"a": b"\xff\xd8"}


def test_empty_tables_can_be_written_and_read(tmp_path):
    columns_file.write_hits([], tmp_path / "hits.parquet")
    assert columns_file.read_hits(tmp_path / "hits.parquet") == []
    assert not list(tmp_path.glob("*.part"))
