"""An operation made for reviewing: tracks with hits, pictures and events, and single hits as many as asked for."""

from __future__ import annotations

import dataclasses
import io
import time
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks._made_hits import finished_run, many_hits, recording, walks_of
from detection.events import CROSSING, STANDING, Event
from detection.labels import Labels
from operations.case_file import Draft
from operations.columns import chips_table, events_table, hits_table, tracks_table
from operations.log.leaves import LeafKind
from operations.store import OperationStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from detection.ground_hits import GroundHits
    from detection.ground_tracks import GroundTracks

POINTS = 20
STEP_NS = 500_000_000
T0_NS = 1_767_225_600_000_000_000


def operation_with(
    path: Path,
    *,
    tracks: int,
    singles: int = 0,
    name: str = "Night 1",
    classes: Sequence[str] = ("person", "vehicle"),
    recordings: Sequence[str] = ("flight 1.ts",),
) -> Path:
    """Write an operation with walks of twenty points near longitude 8.05; a third of them did something."""
    made = OperationStore.create(path, name=name, actor="ana", clock=time.time_ns)
    with made as store:
        add_walks(store, tracks=tracks, singles=singles, classes=classes, recordings=recordings)
    return path


def add_walks(
    store: OperationStore,
    *,
    tracks: int,
    singles: int = 0,
    classes: Sequence[str] = ("person", "vehicle"),
    recordings: Sequence[str] = ("flight 1.ts",),
) -> None:
    """Add a run of such walks to an operation."""
    hits, walks = _walks(tracks, singles, classes, recordings)
    films = [recording(k, text) for k, text in enumerate(recordings)]
    run = finished_run(tracks, films)
    pictures = [_picture(shade) for shade in range(16)]
    chips = {one.decode(): pictures[k % 16] for k, one in enumerate(hits.hit_id[: tracks * POINTS : POINTS].tolist())}
    with store.begin_run(run) as writer:
        writer.add("hits", hits_table(hits, run_id=run.run_id))
        writer.add("tracks", tracks_table(walks, run_id=run.run_id))
        writer.add("events", events_table(_events(walks), run_id=run.run_id))
        writer.add("chips", chips_table(chips))
        writer.finish(run, before=[Draft(kind=LeafKind.MEDIA, subject=one.id, body=one.body()) for one in films])


def _walks(
    tracks: int, singles: int, classes: Sequence[str], recordings: Sequence[str]
) -> tuple[GroundHits, GroundTracks]:
    rng = np.random.default_rng(7)
    steps = np.cumsum(rng.normal(0.0, 8e-6, (2, tracks, POINTS)), axis=2)
    lat = (50.0 + rng.random(tracks)[:, None] * 0.1 + steps[0]).ravel()
    lon = (8.04 + rng.random(tracks)[:, None] * 0.02 + steps[1]).ravel()
    begin = T0_NS + np.sort(rng.integers(0, 3_600, tracks)) * 1_000_000_000
    times = (begin[:, None] + np.arange(POINTS) * STEP_NS).ravel()
    points = tracks * POINTS
    count = points + singles
    of_track = np.repeat(np.arange(tracks), POINTS).astype(np.int32)
    kinds = np.concatenate([of_track % len(classes), rng.integers(0, len(classes), singles)]).astype(np.int32)
    score = rng.random(count).astype(np.float32)
    score[:points:POINTS] = 1.0  # the first hit of each is its best, and the one with a picture
    hits = dataclasses.replace(
        many_hits(
            np.concatenate([lat, 50.0 + rng.random(singles) * 0.1]),
            np.concatenate([lon, 8.04 + rng.random(singles) * 0.02]),
        ),
        hit_id=np.char.add("r", np.char.mod("%08x", np.arange(count))).astype("S20"),
        media=Labels(
            names=tuple(f"{k:064x}" for k in range(len(recordings))),
            codes=np.concatenate([of_track % len(recordings), np.zeros(singles, np.int32)]).astype(np.int32),
        ),
        t_utc_ns=np.concatenate([times, T0_NS + rng.integers(0, 3_600, singles) * 1_000_000_000]),
        class_name=Labels(names=tuple(classes), codes=kinds),
        score=score,
        track=Labels(
            names=tuple(f"T{k}" for k in range(tracks)),
            codes=np.concatenate([of_track, np.full(singles, -1, np.int32)]),
        ),
    )
    names = [f"T{k}" for k in range(tracks)]
    return hits, walks_of(hits.take(slice(0, points)), names, rng.uniform(0.3, 1.0, tracks))


def _events(walks: GroundTracks) -> list[Event]:
    found = []
    for k in range(0, len(walks.track_id), 3):
        at = int(walks.offsets[k])
        found.append(
            Event(
                event_id=f"E-{k}",
                kind=CROSSING if k % 2 else STANDING,
                t_utc_ns=int(walks.t_utc_ns[at]),
                t_to_utc_ns=int(walks.t_utc_ns[at]),
                track_ids=(walks.track_id[k],),
                probability=0.9,
                lat_deg=float(walks.lat_deg[at]),
                lon_deg=float(walks.lon_deg[at]),
                ce90_m=12.0,
                details={},
            )
        )
    return found


def _picture(shade: int) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(shade).integers(40, 90, (96, 96, 3), dtype=np.uint8)
    noise[30:70, 40:56] = 150 + shade * 6
    Image.fromarray(noise).save(stream, "JPEG")
    return stream.getvalue()
