"""Verdicts and outcomes on an earlier run, proposed anew on the one that replaces it: by overlap, never silently.

A track of the new run stands for one of the old run when enough of the old one's
points meet it: as the same box in the same frame, or at the same time at the same
place. The first holds whatever ground, clock or mount was changed; the second
where other frames were looked at. The proposal is not confirmed until a person says so.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from geo.geodesy import metres_per_degree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.ground_hits import GroundHits
    from detection.ground_tracks import GroundTracks
    from operations.values import PatrolOutcome, Verdict

SHARE_MIN: Final = 0.5
"""More than half: two new tracks can then never both stand for one old track."""
IOU_MIN: Final = 0.5
"""What counts as one box in two runs: the usual threshold of detection (Everingham et al. 2010, PASCAL VOC)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunRows:
    """The hits and tracks of one run."""

    hits: GroundHits
    tracks: GroundTracks


Said = TypeVar("Said", "Verdict", "PatrolOutcome")


def carry_over(said: Sequence[Said], old: RunRows, new: RunRows, *, run_id: str) -> list[Said]:
    """Return the proposals on the new run; a verdict or outcome without a counterpart there gives none."""
    same = _same_hits(old.hits, new.hits)
    proposals = []
    for one in said:
        track_id = _track_of(one.track_id, same, old, new) if one.track_id else ""
        hit_ids = tuple(same[hit_id] for hit_id in one.hit_ids if hit_id in same)
        if track_id or hit_ids:
            name = hashlib.sha256(f"{one.record_id}|{run_id}".encode()).hexdigest()[:16]
            carried = {"track_id": track_id, "hit_ids": hit_ids, "carried_from": one.record_id}
            proposals.append(
                dataclasses.replace(one, run_id=run_id, confirmed=False, **carried).renamed(name)  # type: ignore[arg-type]
            )
    return proposals


def _same_hits(old: GroundHits, new: GroundHits) -> dict[str, str]:
    """Return the new hit that is the same box in the same frame, for every old hit that has one."""
    rows_of: dict[tuple[str, int, int], list[int]] = collections.defaultdict(list)
    one_medium = len(old.media.names) == len(new.media.names) == 1
    for row, key in enumerate(_frames_of(new, one_medium=one_medium)):
        rows_of[key].append(row)
    same: dict[str, str] = {}
    for row, key in enumerate(_frames_of(old, one_medium=one_medium)):
        rows = rows_of.get(key)
        if not rows:
            continue
        overlap = _iou(old.box_px[row], new.box_px[rows])
        best = int(np.argmax(overlap))
        if overlap[best] >= IOU_MIN:
            same[old.hit_id[row].decode("ascii")] = new.hit_id[rows[best]].decode("ascii")
    return same


def _frames_of(hits: GroundHits, *, one_medium: bool) -> list[tuple[str, int, int]]:
    """Return what tells the frames of hits apart; a live run and its recording go by two names for one medium."""
    media = [""] * len(hits) if one_medium else hits.media.texts().tolist()
    return list(zip(media, hits.stream.tolist(), hits.frame_index.tolist(), strict=True))


def _iou(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=1, dtype=np.float64)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1, dtype=np.float64) + float(np.prod(box[2:] - box[:2]))
    return np.asarray(shared / np.maximum(areas - shared, 1e-9))


def _track_of(track_id: str, same: dict[str, str], old: RunRows, new: RunRows) -> str:
    """Return the new track that more than half of an old track's points meet, or nothing."""
    if track_id not in old.tracks.track_id:
        return ""
    row = old.tracks.track_id.index(track_id)
    points = slice(int(old.tracks.offsets[row]), int(old.tracks.offsets[row + 1]))
    count = points.stop - points.start
    owner = {
        hit_id.decode("ascii"): number for number, hit_id in zip(_owners(new.tracks), new.tracks.hit_id, strict=True)
    }
    met = collections.Counter(
        owner[same[hit_id.decode("ascii")]]
        for hit_id in old.tracks.hit_id[points]
        if same.get(hit_id.decode("ascii")) in owner
    )
    for number in range(len(new.tracks)):
        met[number] = max(met[number], _met_on_the_ground(old.tracks, points, new.tracks, number))
    if not met:
        return ""
    best, most = max(met.items(), key=lambda item: (item[1], -item[0]))
    return new.tracks.track_id[best] if most > SHARE_MIN * count else ""


def _owners(tracks: GroundTracks) -> list[int]:
    return np.repeat(np.arange(len(tracks)), np.diff(tracks.offsets)).tolist()


def _met_on_the_ground(old: GroundTracks, points: slice, new: GroundTracks, number: int) -> int:
    """Return how many of an old track's points lie where a new track was at that time, as far as CE90 can tell."""
    span = slice(int(new.offsets[number]), int(new.offsets[number + 1]))
    t_ns, when = old.t_utc_ns[points], new.t_utc_ns[span]
    if not len(when) or t_ns[-1] < when[0] or t_ns[0] > when[-1]:
        return 0
    start = int(when[0])
    at, known = (t_ns - start) / 1e9, (when - start) / 1e9
    north_m, east_m = (float(v) for v in metres_per_degree(float(old.lat_deg[points][0])))
    north = (np.interp(at, known, new.lat_deg[span]) - old.lat_deg[points]) * north_m
    east = ((np.interp(at, known, new.lon_deg[span]) - old.lon_deg[points] + 180.0) % 360.0 - 180.0) * east_m
    gate = np.hypot(old.ce90_m[points], np.interp(at, known, new.ce90_m[span]))
    inside = (at >= 0.0) & (at <= known[-1])
    return int((inside & (np.hypot(north, east) <= gate)).sum())
