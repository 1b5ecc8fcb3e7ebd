"""How well things were followed: HOTA, IDF1, switches, and false tracks for each hour flown.

HOTA (Luiten et al. 2021), the identity scores (Ristani et al. 2016) and the CLEAR scores are worked out by
`trackeval`, the evaluator of the MOT challenges. All have a ceiling given by the detections: what a tracker
would reach that were told which box is which thing.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import gammaincinv

from detection.boxes import overlap
from detection.errors import ModelError
from detection.labels import NONE
from detection.scoring import InView, count_id_switches, match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.ground_hits import GroundHits
    from detection.ground_tracks import GroundTracks
    from detection.scoring import Matches
    from detection.truth import FilmTruth

VISIT_GAP_NS: Final = 60_000_000_000
"""A thing that comes back after a minute is a new visit, to be found again."""
LOOKS_MIN: Final = 3
"""Visits of fewer pictures are not asked for."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """What trackeval says of boxes with identities; shares 0..1."""

    hota: float
    detection_accuracy: float
    association_accuracy: float
    idf1: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrackScore:
    """How well one film's things were followed."""

    things: int
    tracks: int
    reached: Association
    ceiling: Association
    """With the same boxes and every identity known."""
    id_switches: int
    labelled_share: float
    """Share of the boxes on things that belong to a track."""
    visits: int
    """How often a person was there to be found: in three pictures or more."""
    visits_found: int
    false_tracks: int
    """Person tracks of which most boxes are on nothing."""
    hours: float

    @property
    def switches_per_thing(self) -> float:
        """Id switches over things."""
        return self.id_switches / self.things if self.things else math.nan

    @property
    def visit_recall(self) -> float:
        """Share of the visits that a track is on."""
        return self.visits_found / self.visits if self.visits else math.nan

    @property
    def false_per_hour(self) -> float:
        """False person tracks an hour flown."""
        return self.false_tracks / self.hours if self.hours else math.nan

    @property
    def false_per_hour_bound(self) -> float:
        """Upper end of the one-sided 95 % interval of the rate, for a Poisson count (Garwood 1936)."""
        return poisson_bound(self.false_tracks) / self.hours if self.hours else math.nan


def poisson_bound(count: int, confidence: float = 0.95) -> float:
    """Return the largest mean of a Poisson number that still gives `count` or fewer in 5 % of cases.

    Half the quantile of a chi-squared distribution of twice as many degrees and two more (Garwood 1936).
    """
    return float(gammaincinv(count + 1, confidence))


def score_tracks(hits: GroundHits, tracks: GroundTracks, truth: FilmTruth, *, hours: float) -> TrackScore:
    """Score hits with their tracks against a film's truth, both classes together; visits and false tracks of persons.

    Raises
    ------
    ModelError
        When trackeval is not installed.
    """
    found = match(hits, truth, view=InView())
    ids = hits.track.codes[found.hit_row].astype(np.int64)
    things = truth.object_id[found.truth_row]
    labelled = hits.take(hits.track.codes != NONE)
    told = _told(hits, truth, found)
    visits, visits_found = _visits(hits, truth, found)
    return TrackScore(
        things=len(np.unique(things)),
        tracks=len(tracks),
        reached=associate(labelled, labelled.track.codes.astype(np.int64), truth),
        ceiling=associate(hits.take(told >= 0), told[told >= 0], truth),
        id_switches=count_id_switches(things, truth.frame_t_utc_ns[truth.thing_frame[found.truth_row]], _texts(ids)),
        labelled_share=float((ids != NONE).mean()) if len(ids) else math.nan,
        visits=visits,
        visits_found=visits_found,
        false_tracks=_false_tracks(hits, tracks, found),
        hours=hours,
    )


def _texts(ids: NDArray[np.int64]) -> list[str]:
    return [str(one) if one != NONE else "" for one in ids.tolist()]


def _told(hits: GroundHits, truth: FilmTruth, found: Matches) -> NDArray[np.int64]:
    """Identity of each hit were everything known: its thing's, or none."""
    told = np.full(len(hits), NONE, dtype=np.int64)
    told[found.hit_row] = truth.object_id[found.truth_row]
    return told


def associate(hits: GroundHits, identity: NDArray[np.int64], truth: FilmTruth) -> Association:
    """Let trackeval compare boxes that carry identities with the truths that count; boxes on others are left out."""
    view = InView()
    rows = np.flatnonzero(view.counts(truth))
    ignored = np.zeros(len(hits), dtype=bool)
    ignored[match(hits, truth, view=view).ignored_hits] = True
    kept = hits.take(~ignored)
    times = truth.frame_t_utc_ns
    place = np.clip(np.searchsorted(times, kept.t_utc_ns), 0, max(len(times) - 1, 0))
    before = np.maximum(place - 1, 0)
    true = Boxes(
        frame=truth.thing_frame[rows],
        identity=truth.object_id[rows],
        boxes_px=truth.boxes_px[rows],
        class_names=np.array(truth.class_names)[truth.class_number[rows]],
    )
    given = Boxes(
        frame=np.where(np.abs(times[before] - kept.t_utc_ns) < np.abs(times[place] - kept.t_utc_ns), before, place),
        identity=identity[~ignored],
        boxes_px=kept.box_px.astype(np.float64),
        class_names=kept.class_name.texts(),
    )
    return compare(true, given, overlap_max=LOCALISATION_MAX)


LOCALISATION_MAX: Final = 0.5
"""HOTA of films is averaged over overlaps up to this: a pixel of jitter is a quarter of a person's width."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """Boxes with identities, as columns of shape (n,), boxes (n, 4) as x0, y0, x1, y1."""

    frame: NDArray[np.int64]
    identity: NDArray[np.int64]
    boxes_px: NDArray[np.float64]
    class_names: NDArray[np.str_]


def compare(true: Boxes, given: Boxes, *, overlap_max: float = 0.95, overlap_min: float = 0.3) -> Association:
    """Let trackeval compare two sets of boxes.

    Parameters
    ----------
    true, given
        What was there, and what was followed.
    overlap_max
        HOTA is averaged over overlaps from 0.05 to this, in steps of 0.05; the standard is 0.95.
    overlap_min
        Overlap from which on IDF1 counts a box as found; the standard of the MOT challenges is 0.5.

    Raises
    ------
    ModelError
        When trackeval is not installed.
    """
    try:
        from trackeval.metrics import HOTA, Identity
    except ImportError as error:
        raise ModelError("tracks are scored by trackeval, which is not installed: pip install trackeval") from error
    data = _sequence(true, given)
    hota = HOTA().eval_sequence(data)
    identities = Identity({"PRINT_CONFIG": False, "THRESHOLD": overlap_min}).eval_sequence(data)
    steps = [k for k, alpha in enumerate(np.arange(0.05, 0.99, 0.05)) if alpha <= overlap_max + 1e-9]
    return Association(
        hota=float(np.mean(hota["HOTA"][steps])),
        detection_accuracy=float(np.mean(hota["DetA"][steps])),
        association_accuracy=float(np.mean(hota["AssA"][steps])),
        idf1=float(identities["IDF1"]),
    )


def _sequence(true: Boxes, given: Boxes) -> dict[str, Any]:
    """Arrange boxes as trackeval takes them: lists by frame, identities counted from 0."""
    _, true_id = np.unique(true.identity, return_inverse=True)
    _, given_id = np.unique(given.identity, return_inverse=True)
    frames = np.union1d(true.frame, given.frame)
    by_truth, by_hit = _by_frame(true.frame, frames), _by_frame(given.frame, frames)
    similarity = []
    for there, found in zip(by_truth, by_hit, strict=True):
        shared = overlap(true.boxes_px[there], given.boxes_px[found])
        shared[true.class_names[there][:, None] != given.class_names[found][None]] = 0.0
        similarity.append(shared)
    return {
        "num_timesteps": len(frames),
        "num_gt_ids": int(true_id.max(initial=-1)) + 1,
        "num_tracker_ids": int(given_id.max(initial=-1)) + 1,
        "num_gt_dets": len(true_id),
        "num_tracker_dets": len(given_id),
        "gt_ids": [true_id[one] for one in by_truth],
        "tracker_ids": [given_id[one] for one in by_hit],
        "similarity_scores": similarity,
    }


def _by_frame(frame: NDArray[np.int64], frames: NDArray[np.int64]) -> Sequence[NDArray[np.int64]]:
    order = np.argsort(frame, kind="stable")
    return np.split(order, np.searchsorted(frame[order], frames)[1:])


def _visits(hits: GroundHits, truth: FilmTruth, found: Matches) -> tuple[int, int]:
    """Visits of persons that last some pictures, and how many have a box with a track."""
    persons = np.array([name == "person" for name in truth.class_names])[truth.class_number]
    rows = np.flatnonzero(persons & InView().counts(truth))
    if not len(rows):
        return 0, 0
    when = truth.frame_t_utc_ns[truth.thing_frame[rows]]
    order = np.lexsort([when, truth.object_id[rows]])
    thing, when = truth.object_id[rows[order]], when[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(thing) != 0) | (np.diff(when) > VISIT_GAP_NS)
    visit = np.cumsum(new) - 1
    tracked = np.zeros(len(truth.object_id), dtype=bool)
    tracked[found.truth_row[hits.track.codes[found.hit_row] != NONE]] = True
    looks = np.bincount(visit)
    hit = np.bincount(visit, weights=tracked[rows[order]]) > 0
    asked = looks >= LOOKS_MIN
    return int(asked.sum()), int((asked & hit).sum())


def _false_tracks(hits: GroundHits, tracks: GroundTracks, found: Matches) -> int:
    """Person tracks of which most boxes are on nothing."""
    if not len(tracks):
        return 0
    codes = hits.track.codes
    wrong = np.zeros(len(hits), dtype=bool)
    wrong[found.false_hits] = True
    member = codes != NONE
    total = np.bincount(codes[member], minlength=len(tracks))
    bad = np.bincount(codes[member & wrong], minlength=len(tracks))
    person = tracks.class_name.texts() == "person"
    return int((person & (2 * bad > total)).sum())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """What is found and what is false if only tracks of at least this existence are shown."""

    existence_min: float
    visits: int
    visits_found: int
    false_tracks: int


EXISTENCE_LIMITS: Final = (0.02, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99)


def operating_points(
    hits: GroundHits, tracks: GroundTracks, truth: FilmTruth, limits: Sequence[float] = EXISTENCE_LIMITS
) -> tuple[OperatingPoint, ...]:
    """Return visits found and false person tracks for every limit; give tracks of any existence."""
    found = match(hits, truth, view=InView())
    points = []
    for limit in limits:
        shown = np.append(tracks.existence >= limit, False)
        codes = np.where(shown[hits.track.codes], hits.track.codes, NONE).astype(np.int32)
        kept = dataclasses.replace(hits, track=dataclasses.replace(hits.track, codes=codes))
        visits, right = _visits(kept, truth, found)
        wrong = _false_tracks(kept, tracks, found)
        points.append(OperatingPoint(existence_min=limit, visits=visits, visits_found=right, false_tracks=wrong))
    return tuple(points)
