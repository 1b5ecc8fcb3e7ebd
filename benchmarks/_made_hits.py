"""Hits, tracks and recordings made for benchmarks, as columns and records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detection.ground_hits import GroundHits
from detection.ground_tracks import CONTRAST, SIZES, GroundTracks
from detection.labels import Labels
from operations.values import MediaKind, MediaRecord, Member, RunKind, RunRecord, RunState

if TYPE_CHECKING:
    from collections.abc import Sequence


def many_hits(lat_deg: np.ndarray, lon_deg: np.ndarray) -> GroundHits:
    """Hits of one class and no track, a millisecond apart from 2001 on, four a frame."""
    n = len(lat_deg)
    unknown = np.full(n, np.nan, np.float32)
    return GroundHits(
        hit_id=np.char.mod("%012x", np.arange(n)).astype("S20"),
        media=Labels.repeated("0" * 64, n),
        stream=np.zeros(n, np.int16),
        frame_index=np.arange(n) // 4,
        media_t_ns=np.arange(n) * 1_000_000,
        t_utc_ns=np.arange(n) * 1_000_000 + 10**18,
        class_name=Labels.repeated("person", n),
        score_raw=np.full(n, 0.5, np.float32),
        score=unknown,
        box_px=np.tile(np.array([10.0, 10.0, 14.0, 20.0], np.float32), (n, 1)),
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        alt_hae_m=np.full(n, 120.0, np.float32),
        var_e_m2=np.full(n, 30.0, np.float32),
        var_n_m2=np.full(n, 30.0, np.float32),
        cov_en_m2=np.zeros(n, np.float32),
        ce90_m=np.full(n, 12.0, np.float32),
        slant_m=np.full(n, 180.0, np.float32),
        contrast=np.full(n, np.nan, np.float32),
        reason_code=np.zeros(n, np.int8),
        track=Labels.repeated("", n),
    )


def walks_of(hits: GroundHits, names: Sequence[str], existence: np.ndarray) -> GroundTracks:
    """Tracks of equally many hits each, one after another from the first hit on, with a CE90 of 12 m all along."""
    count = len(names)
    points = len(hits) // count if count else 0
    return GroundTracks(
        track_id=tuple(names),
        class_name=Labels(names=hits.class_name.names, codes=hits.class_name.codes[: count * points : points or 1]),
        existence=existence.astype(np.float32),
        posterior_classes=(),
        posterior=np.zeros((count, 0), np.float32),
        ended=Labels.repeated("", count),
        speed_mps=np.full(count, 1.2, np.float32),
        heading_deg=np.full(count, 90.0, np.float32),
        **dict.fromkeys((*SIZES, *CONTRAST), np.full(count, np.nan, np.float32)),
        offsets=np.arange(count + 1, dtype=np.int64) * points,
        t_utc_ns=hits.t_utc_ns,
        lat_deg=hits.lat_deg,
        lon_deg=hits.lon_deg,
        ce90_m=np.full(len(hits), 12.0, np.float32),
        hit_id=hits.hit_id,
    )


def recording(number: int, name: str) -> MediaRecord:
    """Return the record of a film that nobody has to keep."""
    sha256 = f"{number:064x}"
    member = Member(path=name, size_bytes=1, sha256=sha256, suffix=".ts")
    return MediaRecord(id=sha256, name=name, kind=MediaKind.VIDEO, size_bytes=1, members=(member,))


def finished_run(number: int, recordings: Sequence[MediaRecord]) -> RunRecord:
    """Return the record of a run that is over."""
    return RunRecord(
        run_id=f"{number:016x}",
        media_ids=tuple(one.id for one in recordings),
        kind=RunKind.RECORD,
        state=RunState.FINISHED,
        settings={"model": "made model 00ff", "terrain": "none"},
    )
