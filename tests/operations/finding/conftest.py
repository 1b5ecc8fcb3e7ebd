"""Operations with nights of things made for asking: walks over a square of ground, each a track with its hits."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from benchmarks._made_hits import many_hits
from detection.ground_tracks import GroundTrack, GroundTracks
from detection.labels import Labels
from operations.case_file import Draft
from operations.columns import hits_table, tracks_table
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.values import MediaKind, MediaRecord, Member, RunKind, RunRecord, RunState

if TYPE_CHECKING:
    from detection.ground_hits import GroundHits

HOUR_NS = 3_600_000_000_000
T0_NS = 1_767_225_600_000_000_000
LENGTH = 6
"""Points a walk."""


def media_of(night: int) -> MediaRecord:
    """Return the record of a recording that nobody has to keep."""
    name = f"{night:064x}"
    return MediaRecord(
        id=name,
        name=f"flight {night}.ts",
        kind=MediaKind.VIDEO,
        size_bytes=1,
        members=(Member(path=f"flight {night}.ts", size_bytes=1, sha256=name, suffix=".ts"),),
    )


def made_night(rng: np.random.Generator, night: int, walks: int, singles: int, west: float = 8.0):
    """Return hits and tracks: walks of six points over a tenth of a degree, and single hits, some without a place."""
    start_lat, start_lon = 50.0 + rng.random(walks) * 0.1, west + rng.random(walks) * 0.1
    steps = np.cumsum(rng.normal(0.0, 2e-4, (2, walks, LENGTH)), axis=2)
    lat = np.concatenate([(start_lat[:, None] + steps[0]).ravel(), 50.0 + rng.random(singles) * 0.1])
    lon = np.concatenate([(start_lon[:, None] + steps[1]).ravel(), west + rng.random(singles) * 0.1])
    count = len(lat)
    lost = np.arange(count) >= count - singles // 2
    begin = T0_NS + night * 24 * HOUR_NS + np.sort(rng.integers(0, 8 * HOUR_NS, walks))
    times = (begin[:, None] + np.arange(LENGTH) * 1_000_000_000).ravel()
    score = rng.random(count).astype(np.float32)
    hits = dataclasses.replace(
        many_hits(lat, (lon + 180.0) % 360.0 - 180.0),
        hit_id=np.array([f"{night:02d}{i:06x}".encode() for i in range(count)], dtype="S20"),
        media=Labels.repeated(f"{night:064x}", count),
        t_utc_ns=np.concatenate([times, T0_NS + night * 24 * HOUR_NS + rng.integers(0, 8 * HOUR_NS, singles)]),
        class_name=Labels(
            names=("person", "vehicle"),
            codes=np.concatenate([np.repeat(rng.integers(0, 2, walks), LENGTH), rng.integers(0, 2, singles)]).astype(
                np.int32
            ),
        ),
        score_raw=score,
        score=np.where(np.arange(count) % 2 == 0, score**2, np.nan).astype(np.float32),
        reason_code=lost.astype(np.int8),
        track=Labels(
            names=tuple(f"T{night}-{i}" for i in range(walks)),
            codes=np.concatenate([np.repeat(np.arange(walks), LENGTH), np.full(singles, -1)]).astype(np.int32),
        ),
    )
    placed = np.where(lost, np.nan, hits.lat_deg), np.where(lost, np.nan, hits.lon_deg)
    hits = dataclasses.replace(hits, lat_deg=placed[0], lon_deg=placed[1])
    tracks = GroundTracks.of(
        [
            GroundTrack(
                track_id=f"T{night}-{i}",
                class_name=hits.class_name[i * LENGTH],
                t_utc_ns=tuple(hits.t_utc_ns[rows].tolist()),
                lat_deg=tuple(hits.lat_deg[rows].tolist()),
                lon_deg=tuple(hits.lon_deg[rows].tolist()),
                ce90_m=(12.0,) * LENGTH,
                speed_mps=1.2,
                heading_deg=90.0,
                hit_ids=tuple(name.decode() for name in hits.hit_id[rows].tolist()),
                existence=0.8 if i % 3 else float("nan"),
            )
            for i in range(walks)
            for rows in [slice(i * LENGTH, (i + 1) * LENGTH)]
        ]
    )
    return hits, tracks


def add_run(store: OperationStore, night: int, hits: GroundHits, tracks: GroundTracks, **tables) -> RunRecord:
    """Put a night into an operation as a finished run."""
    run = RunRecord(
        run_id=f"{night:016x}",
        media_ids=(f"{night:064x}",),
        kind=RunKind.RECORD,
        state=RunState.FINISHED,
        settings={"model": "made model 00ff", "terrain": "none"},
    )
    media = media_of(night)
    with store.begin_run(run) as writer:
        writer.add("hits", hits_table(hits, run_id=run.run_id))
        writer.add("tracks", tracks_table(tracks, run_id=run.run_id))
        for name, table in tables.items():
            writer.add(name, table)
        writer.finish(run, before=[Draft(kind=LeafKind.MEDIA, subject=media.id, body=media.body())])
    return run


@pytest.fixture
def make_operation(tmp_path, clock):
    """Return a function that makes an operation of some nights; it is closed at the end."""
    with contextlib.ExitStack() as opened:

        def make(name, nights, **options):
            store = OperationStore.create(tmp_path / name, name=name, actor="ana", clock=clock, **options)
            opened.enter_context(store)
            for night, (hits, tracks) in nights.items():
                add_run(store, night, hits, tracks)
            return store

        yield make


def made_operation(path, *, nights=2):
    """Write an operation with nights of twelve walks, chips of every other hit, and flights that look at the middle."""
    from operations.columns import chips_table, frames_table
    from operations.frames import FrameRecord, Frames

    ring = ((8.04, 50.04), (8.06, 50.04), (8.06, 50.06), (8.04, 50.06), (8.04, 50.04))
    clock = itertools.count(T0_NS, 1_000_000_000)
    with OperationStore.create(path, name="Night 1", actor="ana", clock=lambda: next(clock)) as store:
        for night in range(nights):
            hits, tracks = made_night(np.random.default_rng(night), night, 12, 4)
            rows = [
                FrameRecord(
                    media_id=f"{night:064x}",
                    frame_index=k * 2,
                    t_utc_ns=T0_NS + night * 24 * HOUR_NS + k * 4_000_000_000,
                    media_t_ns=k * 4_000_000_000,
                    lat_deg=50.04,
                    lon_deg=8.05,
                    alt_hae_m=300.0,
                    footprint_lon_lat=ring,
                )
                for k in range(10)
            ]
            chips = {name.decode(): CHIP for name in hits.hit_id[::2].tolist()}
            frames = frames_table(Frames.of(rows), run_id=f"{night:016x}")
            add_run(store, night, hits, tracks, frames=frames, chips=chips_table(chips))
    return path


def _chip() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (96, 96), (200, 30, 30)).save(stream, "JPEG")
    return stream.getvalue()


CHIP = _chip()
