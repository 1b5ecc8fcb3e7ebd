"""A fresh operation and values to put into it."""

from __future__ import annotations

import itertools

import pytest

from detection.values import GroundHit, GroundTrack
from geo.values import Unplaced
from operations.store import OperationStore
from operations.values import FrameRecord, MediaRecord


@pytest.fixture
def clock():
    """Return a clock that ticks one second a reading."""
    ticks = itertools.count(1_767_225_600_000_000_000, 1_000_000_000)
    return lambda: next(ticks)


@pytest.fixture
def store(tmp_path, clock):
    """Return a new operation."""
    with OperationStore.create(tmp_path / "op", name="Night 1", actor="analyst", clock=clock) as opened:
        yield opened


@pytest.fixture
def media_record():
    """Return the record of an original."""
    return MediaRecord(
        sha256="ab" * 32,
        name="clip.ts",
        kind="video",
        size_bytes=3,
        ingested_t_utc_ns=1,
        frames=2,
        frames_with_pose=1,
        klv_packets=2,
        klv_bad_checksum=0,
        hits=2,
        partial=False,
        problems=("one",),
        model="vedette-sim 00ff",
    )


@pytest.fixture
def hits():
    """Return a placed and an unplaced hit."""
    common = {"media_sha256": "ab" * 32, "t_utc_ns": 5, "class_name": "person", "score": 0.5}
    return [
        GroundHit(
            hit_id="a", frame_index=0, box_px=(1.0, 2.0, 3.0, 4.0), lat_deg=50.0, lon_deg=8.0, ce90_m=9.0, **common
        ),
        GroundHit(hit_id="b", frame_index=1, box_px=(0.0, 0.0, 1.0, 1.0), reason=Unplaced.ABOVE_HORIZON, **common),
    ]


@pytest.fixture
def track():
    """Return a ground track."""
    return GroundTrack(
        track_id="T1",
        class_name="person",
        t_utc_ns=(1, 2),
        lat_deg=(50.0, 50.1),
        lon_deg=(8.0, 8.1),
        ce90_m=(9.0, 9.0),
        speed_mps=1.2,
        heading_deg=90.0,
        hit_ids=("a", "b"),
    )


@pytest.fixture
def frame():
    """Return a frame with a footprint."""
    return FrameRecord(
        media_sha256="ab" * 32,
        frame_index=0,
        t_utc_ns=5,
        lat_deg=50.0,
        lon_deg=8.0,
        alt_hae_m=200.0,
        footprint_lon_lat=((8.0, 50.0), (8.1, 50.0), (8.1, 50.1)),
    )
