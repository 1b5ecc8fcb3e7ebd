from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.ground_hits import GroundHit, GroundHits
from detection.ground_tracks import CONTRAST, SIZES, GroundTrack, GroundTracks
from detection.labels import Labels
from geo.values import Unplaced
from operations import columns, schema
from operations.frames import FrameRecord, Frames


def through_a_file(table: pa.Table) -> pa.Table:
    """What another tool would read."""
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return pq.read_table(io.BytesIO(stream.getvalue()))


def hit(hit_id: str, **changes: object) -> GroundHit:
    values: dict[str, object] = {
        "hit_id": hit_id,
        "media_id": "ab" * 32,
        "frame_index": 3,
        "t_utc_ns": 10**18,
        "class_name": "person",
        "score_raw": 0.5,
        "box_px": (1.0, 2.0, 3.0, 4.5),
    }
    return GroundHit(**(values | changes))  # type: ignore[arg-type]


def test_hits_come_back_as_written_and_an_unplaced_one_keeps_its_reason():
    rows = [
        hit(
            "a", lat_deg=50.0, lon_deg=8.0, ce90_m=9.0, track_id="T-1", media_t_ns=7, score=0.25, stream=2, contrast=1.5
        ),
        hit("0123456789abcdef0123", reason=Unplaced.ABOVE_HORIZON, class_name="vehicle"),
        hit("b", reason=Unplaced.OUTSIDE_LENS, media_id="cd"),
    ]
    table = through_a_file(columns.hits_table(GroundHits.of(rows), run_id="r1"))
    assert table.column("lat_deg").null_count == 2
    assert table.column("media_t_ns").null_count == 2
    assert table.column("score").to_pylist() == [0.25, None, None]
    assert table.column("contrast").to_pylist() == [1.5, None, None]
    assert table.column("reason").to_pylist() == [None, "above horizon", "outside the lens model"]
    assert set(table.column("run_id").to_pylist()) == {"r1"}
    assert [repr(one) for one in columns.hits_of(table)] == [repr(one) for one in rows]


def test_tracks_frames_and_chips_come_back_as_written():
    track = GroundTrack(
        track_id="T1",
        class_name="person",
        t_utc_ns=(1, 2),
        lat_deg=(50.0, 50.1),
        lon_deg=(8.0, 8.1),
        ce90_m=(9.0, 9.5),
        speed_mps=1.25,
        heading_deg=90.0,
        hit_ids=("a", "bc"),
        existence=0.5,
        height_ln=0.125,
        height_ln_var=0.0625,
        width_ln=-0.25,
        width_ln_var=0.5,
        contrast=1.25,
        contrast_var=0.03125,
    )
    lone = GroundTrack(
        **{f: getattr(track, f) for f in track.__slots__}
        | {"hit_ids": ("d",), "t_utc_ns": (3,)}
        | {"lat_deg": (1.0,), "lon_deg": (2.0,), "ce90_m": (3.0,), "existence": float("nan")}
        | dict.fromkeys((*SIZES, *CONTRAST), float("nan"))
    )
    tracks = through_a_file(columns.tracks_table(GroundTracks.of([track, lone]), run_id="r"))
    assert [repr(one) for one in columns.tracks_of(tracks)] == [repr(track), repr(lone)]
    seen = [
        FrameRecord(
            media_id="m",
            frame_index=0,
            t_utc_ns=5,
            lat_deg=50.0,
            lon_deg=8.0,
            alt_hae_m=200.0,
            footprint_lon_lat=((8.0, 50.0), (8.1, 50.0), (8.1, 50.1)),
            seen_from_ns=4,
            seen_to_ns=6,
        ),
        FrameRecord(media_id="m", frame_index=1, t_utc_ns=9, pose_reason="no telemetry"),
    ]
    frames = columns.frames_of(through_a_file(columns.frames_table(Frames.of(seen), run_id="r")))
    assert [repr(one) for one in frames] == [repr(one) for one in seen]
    assert frames.with_footprint.tolist() == [0]
    assert frames.posed.tolist() == [True, False]
    chips = columns.chips_of(through_a_file(columns.chips_table({"a": b"\xff\xd8"})))
    assert chips == {"a": b"\xff\xd8"}


def test_empty_columns_make_tables_of_the_schema():
    assert columns.hits_table(GroundHits.of([]), run_id="r").schema == schema.HITS
    assert len(columns.tracks_of(columns.tracks_table(GroundTracks.of([]), run_id="r"))) == 0
    assert len(columns.frames_of(columns.frames_table(Frames.of([]), run_id="r"))) == 0
    assert len(GroundHits.concat([])) == len(GroundTracks.concat([])) == len(Frames.concat([])) == 0


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=12), st.lists(st.text(max_size=2), max_size=12))
def test_labels_say_what_the_texts_said(first, second):
    one, two = Labels.of(first), Labels.of(second)
    told = [text or "" for text in first]
    assert one.texts().tolist() == [text.rstrip("\0") for text in told] or "\0" in "".join(told)
    joined = Labels.concat([one, two])
    assert [joined[i] for i in range(len(joined))] == told + second
    backwards = np.arange(len(joined))[::-1]
    assert [joined.take(backwards)[i] for i in range(len(joined))] == (told + second)[::-1]
    assert joined.counts() == {text: (told + second).count(text) for text in dict.fromkeys(told + second) if text}


def test_a_slice_of_a_table_gives_the_slice_of_the_hits():
    rows = [hit(f"{i:x}" * (1 + i % 4), frame_index=i) for i in range(9)]
    table = columns.hits_table(GroundHits.of(rows), run_id="r").slice(2, 4)
    assert [one.hit_id for one in columns.hits_of(table)] == [one.hit_id for one in rows[2:6]]


def test_every_field_says_what_it_means():
    for table in schema.TABLES.values():
        assert all(field.metadata[b"meaning"] for field in table)


@pytest.mark.parametrize("name", ["hits", "tracks", "frames"])
def test_names_that_others_wrote_as_plain_strings_are_read(name):
    made = {
        "hits": lambda: columns.hits_table(GroundHits.of([hit("a")]), run_id="r"),
        "tracks": lambda: columns.tracks_table(GroundTracks.of([]), run_id="r"),
        "frames": lambda: columns.frames_table(
            Frames.of([FrameRecord(media_id="m", frame_index=0, t_utc_ns=1)]), run_id="r"
        ),
    }[name]()
    plain = pa.table(
        [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in made.columns], names=made.column_names
    )
    read = {"hits": columns.hits_of, "tracks": columns.tracks_of, "frames": columns.frames_of}[name]
    assert len(read(plain)) == made.num_rows


def nothing_known():
    """Return rows of each table about which as little is known as there can be."""
    track = GroundTrack(
        track_id="T", class_name="person", t_utc_ns=(1,), lat_deg=(50.0,), lon_deg=(8.0,), ce90_m=(9.0,),
        speed_mps=0.0, heading_deg=0.0, hit_ids=("a",),
    )  # fmt: skip
    frame = FrameRecord(media_id="m", frame_index=0, t_utc_ns=5)
    return {
        "hits": columns.hits_table(GroundHits.of([hit("a")]), run_id="r"),
        "tracks": columns.tracks_table(GroundTracks.of([track]), run_id="r"),
        "frames": columns.frames_table(Frames.of([frame]), run_id="r"),
        "chips": columns.chips_table({"a": b"\xff\xd8"}),
    }


@pytest.mark.parametrize("name", ["hits", "tracks", "frames", "chips"])
def test_what_may_be_unknown_is_null_in_the_file_and_nothing_else_may_be(name):
    """A row about which nothing is known: pyarrow writes no null into a column that allows none."""
    read = through_a_file(nothing_known()[name])
    null = {column for column in read.column_names if read[column].null_count}
    assert null <= {field.name for field in schema.TABLES[name] if field.nullable}
    always = {"hits": {"reason", "slant_m"}, "frames": {"pose_reason"}}.get(name, set())
    assert {field.name for field in schema.TABLES[name] if field.nullable} - null <= always
    assert [field.name for field in read.schema if not field.nullable] == [
        field.name for field in schema.TABLES[name] if not field.nullable
    ]
