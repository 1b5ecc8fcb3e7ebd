"""Compare hits with the truth of a film: what was found, how well it was placed, whether ids held."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from scipy.optimize import linear_sum_assignment

from detection.boxes import overlap
from geo.geodesy import inverse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from detection.ground_hits import GroundHits
    from detection.truth import FilmTruth

OVERLAP_MIN: Final = 0.3
"""Least intersection over union of a hit and a truth; low, because a person may be 4 pixels wide."""
TIME_TOLERANCE_NS: Final = 20_000_000
"""A hit belongs to the truth frame at most this far in time: half a frame of 25 pictures a second."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InView:
    """Which truths count; hits on the others are neither right nor wrong."""

    height_min_px: float = 6.0
    visible_min: float = 0.5

    def counts(self, truth: FilmTruth) -> NDArray[np.bool_]:
        """Tell of each truth, (n,), whether it is high enough in its picture, and enough of it is seen."""
        height = truth.boxes_px[:, 3] - truth.boxes_px[:, 1]
        return np.asarray((height >= self.height_min_px) & (truth.visible >= self.visible_min))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """Pairs of hits and truth rows, and who stayed alone."""

    hit_row: NDArray[np.int64]
    truth_row: NDArray[np.int64]
    false_hits: NDArray[np.int64]
    """Hits on nothing."""
    ignored_hits: NDArray[np.int64]
    """Hits on a truth that does not count, or in a frame that has no truth."""
    missed_truths: NDArray[np.int64]
    counted_truths: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How well a film was read; shares are 0..1, NaN where nothing could be measured."""

    truths_in_view: int
    hits: int
    precision: float
    recall: float
    placed: int
    median_error_m: float
    p90_error_m: float
    inside_ce90_pct: float
    track_truths: int
    tracks: int
    id_switches: int

    def as_json(self) -> dict[str, dict[str, float | int]]:
        """Return the `detection`, `ground` and `tracks` objects of the demo's score."""
        return {
            "detection": {
                "truths_in_view": self.truths_in_view,
                "hits": self.hits,
                "precision": round(self.precision, 4),
                "recall": round(self.recall, 4),
            },
            "ground": {
                "median_error_m": round(self.median_error_m, 3),
                "p90_error_m": round(self.p90_error_m, 3),
                "inside_ce90_pct": round(self.inside_ce90_pct, 2),
            },
            "tracks": {"truths": self.track_truths, "tracks": self.tracks, "id_switches": self.id_switches},
        }


def score(
    hits: GroundHits, truth: FilmTruth, *, frames_seen: Iterable[int] | None = None, view: InView | None = None
) -> Score:
    """Score hits against a film's truth.

    Parameters
    ----------
    hits
        All hits of the film, with track ids where tracking ran.
    truth
        What the simulator knows.
    frames_seen
        Times (`t_utc_ns`) of the frames the detector was given; None for all. Truths
        in other frames do not count as missed.
    view
        Which truths count.
    """
    found = match(hits, truth, frames_seen=frames_seen, view=view or InView())
    error_m, inside = ground_errors(hits, truth, found)
    right, wrong = len(found.hit_row), len(found.false_hits)
    ids = hits.track.take(found.hit_row).texts().tolist()
    return Score(
        truths_in_view=found.counted_truths,
        hits=len(hits),
        precision=right / (right + wrong) if right + wrong else float("nan"),
        recall=right / found.counted_truths if found.counted_truths else float("nan"),
        placed=len(error_m),
        median_error_m=float(np.median(error_m)) if len(error_m) else float("nan"),
        p90_error_m=float(np.percentile(error_m, 90)) if len(error_m) else float("nan"),
        inside_ce90_pct=100.0 * float(np.mean(inside)) if len(inside) else float("nan"),
        track_truths=len(np.unique(truth.object_id[found.truth_row])),
        tracks=len(hits.track.counts()),
        id_switches=count_id_switches(
            truth.object_id[found.truth_row], truth.frame_t_utc_ns[truth.thing_frame[found.truth_row]], ids
        ),
    )


def match(hits: GroundHits, truth: FilmTruth, *, frames_seen: Iterable[int] | None = None, view: InView) -> Matches:
    """Pair hits with truths frame by frame: most shared area in sum, same class, at least `OVERLAP_MIN`."""
    frame_of_hit = _nearest_frames(hits.t_utc_ns, truth.frame_t_utc_ns)
    seen = np.ones(len(truth.frame_t_utc_ns), dtype=bool)
    if frames_seen is not None:
        rows = _nearest_frames(np.array(sorted(frames_seen), dtype=np.int64), truth.frame_t_utc_ns)
        seen[:] = False
        seen[rows[rows >= 0]] = True
    counts = view.counts(truth) & seen[truth.thing_frame]
    pairs: list[tuple[int, int]] = []
    lost: list[int] = np.flatnonzero(frame_of_hit < 0).tolist()
    order = np.argsort(truth.thing_frame, kind="stable")
    bounds = np.searchsorted(truth.thing_frame[order], np.arange(len(seen) + 1))
    for frame in np.unique(frame_of_hit[frame_of_hit >= 0]):
        hit_rows = np.flatnonzero(frame_of_hit == frame)
        pairs += _match_frame(hits, truth, hit_rows, order[bounds[frame] : bounds[frame + 1]])
    pair = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    counted = counts[pair[:, 1]] if len(pair) else np.zeros(0, dtype=bool)
    alone = np.setdiff1d(np.arange(len(hits)), np.concatenate([pair[:, 0], np.array(lost, dtype=np.int64)]))
    return Matches(
        hit_row=pair[counted, 0],
        truth_row=pair[counted, 1],
        false_hits=alone,
        ignored_hits=np.concatenate([pair[~counted, 0], np.array(lost, dtype=np.int64)]),
        missed_truths=np.setdiff1d(np.flatnonzero(counts), pair[:, 1]),
        counted_truths=int(counts.sum()),
    )


def _nearest_frames(t_utc_ns: NDArray[np.int64], frames_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row of the frame nearest in time, -1 beyond the tolerance."""
    if not len(frames_ns) or not len(t_utc_ns):
        return np.full(len(t_utc_ns), -1, dtype=np.int64)
    after = np.clip(np.searchsorted(frames_ns, t_utc_ns), 1, max(len(frames_ns) - 1, 1))
    rows = np.stack([after - 1, np.minimum(after, len(frames_ns) - 1)])
    gaps = np.abs(frames_ns[rows] - t_utc_ns)
    best = np.where(gaps[0] <= gaps[1], rows[0], rows[1])
    return np.where(gaps.min(axis=0) <= TIME_TOLERANCE_NS, best, -1)


def _match_frame(
    hits: GroundHits, truth: FilmTruth, hit_rows: NDArray[np.int64], truth_rows: NDArray[np.int64]
) -> list[tuple[int, int]]:
    shared = overlap(hits.box_px[hit_rows].astype(np.float64), truth.boxes_px[truth_rows])
    names = np.array(truth.class_names)[truth.class_number[truth_rows]]
    shared[hits.class_name.take(hit_rows).texts()[:, None] != names[None]] = 0.0
    shared[shared < OVERLAP_MIN] = 0.0
    left, right = linear_sum_assignment(-shared)
    return [(int(hit_rows[i]), int(truth_rows[j])) for i, j in zip(left, right, strict=True) if shared[i, j] > 0.0]


def ground_errors(hits: GroundHits, truth: FilmTruth, found: Matches) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Distance between hit and truth in metres for each placed pair, and whether it is inside the hit's CE90."""
    rows = np.flatnonzero(hits.placed[found.hit_row])
    placed = hits.take(found.hit_row[rows])
    true = found.truth_row[rows]
    distance, _ = inverse(placed.lat_deg, placed.lon_deg, truth.lat_deg[true], truth.lon_deg[true])
    distance = np.asarray(distance, dtype=np.float64)
    return distance, distance <= placed.ce90_m


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """Each time a thing was found again, as columns: after how long, and whether it still had its name."""

    gap_s: NDArray[np.float64]
    renamed: NDArray[np.bool_]

    @classmethod
    def of(cls, object_id: NDArray[np.int64], t_utc_ns: NDArray[np.int64], names: Sequence[str]) -> Self:
        """Gather them from hits on things, each with the name of its track; hits without one are passed over."""
        name, named = np.asarray(names, dtype=np.str_), np.asarray(names, dtype=np.str_) != ""
        order = np.lexsort([t_utc_ns[named], object_id[named]])
        thing, t_ns, name = object_id[named][order], t_utc_ns[named][order], name[named][order]
        again = thing[1:] == thing[:-1]
        return cls(gap_s=np.diff(t_ns)[again] / 1e9, renamed=(name[1:] != name[:-1])[again])


def count_id_switches(object_id: NDArray[np.int64], t_utc_ns: NDArray[np.int64], track_ids: Sequence[str]) -> int:
    """How often a thing's track id differs from the one it had before (IDSW of Bernardin and Stiefelhagen 2008).

    Hits without a track are passed over.
    """
    return int(Sightings.of(object_id, t_utc_ns, track_ids).renamed.sum())
