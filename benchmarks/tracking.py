"""Identities held on five simulated flights, from the same boxes, against ByteTrack and OC-SORT of `trackers`.

The package is not among our dependencies: pip install trackers to have the rivals. HOTA and IDF1 are trackeval's,
beside what the same boxes allow. Not run: BoT-SORT with camera-motion compensation, which needs the pictures that these
flights do not have, and UCMCTrack, which no registry has as a package.
"""

from __future__ import annotations

import dataclasses
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import Row
from detection.ground_tracker import TrackerSettings, track
from detection.ground_tracks import GroundTracks
from detection.labels import Labels
from detection.pose_errors import settled
from detection.track_scoring import score_tracks
from sitl.films.patrol_flight import PatrolShape, SeenPatrol
from sitl.films.seen_patrol import DetectorErrors, seen_patrol

if TYPE_CHECKING:
    from collections.abc import Callable

    from detection.ground_hits import GroundHits
    from detection.track_scoring import TrackScore

FLIGHTS = ((1, 45.0), (2, 35.0), (3, 60.0), (4, 45.0), (6, 40.0))
"""World seed, and depression in degrees."""
RATES = ((Fraction(30), 12.0), (Fraction(6), 60.0), (Fraction(3), 60.0), (Fraction(3, 2), 60.0))
"""Frames a second, and seconds of each flight."""
PERFECT = DetectorErrors(
    recall=1.0, half_height_px=-50.0, hidden_share=0.0, jitter_px=(0.0, 0.0), jitter_share=0.0,
    lasting_px=(0.0, 0.0), flickers_per_frame=0.0, clutter_per_km2=0.0,
)  # fmt: skip
EVERY = TrackerSettings(existence_min=0.0)


def _ours(seen: SeenPatrol) -> GroundHits:
    flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
    return track(flown.hits, EVERY, flown.looks)[0]


def _rivals() -> dict[str, Callable[[SeenPatrol], GroundHits]]:
    try:
        from trackers import ByteTrackTracker, OCSORTTracker
    except ImportError:
        return {}
    low = 0.3
    return {
        "ByteTrack": lambda seen: _in_the_picture(
            ByteTrackTracker(track_activation_threshold=low, high_conf_det_threshold=low, minimum_consecutive_frames=1),
            seen,
        ),
        "OC-SORT": lambda seen: _in_the_picture(
            OCSORTTracker(high_conf_det_threshold=low, minimum_iou_threshold=0.1, minimum_consecutive_frames=1), seen
        ),
    }


def _in_the_picture(tracker: Any, seen: SeenPatrol) -> GroundHits:
    """Give a tracker every frame's boxes with its time; identities come back on the hits."""
    import supervision

    hits, names = seen.hits, np.full(len(seen.hits), "", dtype=object)
    start_ns = int(seen.truth.frame_t_utc_ns[0])
    for t_utc_ns in seen.truth.frame_t_utc_ns.tolist():
        rows = np.flatnonzero(hits.t_utc_ns == t_utc_ns)
        given = supervision.Detections(
            xyxy=hits.box_px[rows].astype(float).reshape(-1, 4),
            confidence=hits.score_raw[rows],
            class_id=hits.class_name.codes[rows].astype(int),
            data={"row": rows},
        )
        found = tracker.update(given, timestamp=(t_utc_ns - start_ns) / 1e9)
        if len(found):
            for row, name in zip(found.data["row"], found.tracker_id, strict=True):
                names[row] = f"I-{name}" if name >= 0 else ""
    return dataclasses.replace(hits, track=Labels.of(names.tolist()))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    """Scores of one tracker over the flights."""

    scores: list[TrackScore]
    ms_per_frame: float

    @classmethod
    def by(cls, follow: Callable[[SeenPatrol], GroundHits], flights: list[SeenPatrol]) -> _Reached:
        scores, spent = [], 0.0
        for seen in flights:
            start = time.process_time()
            marked = follow(seen)
            spent += time.process_time() - start
            scores.append(score_tracks(marked, GroundTracks.of([]), seen.truth, hours=seen.seconds / 3600.0))
        return cls(scores=scores, ms_per_frame=1e3 * spent / sum(len(seen.looks) for seen in flights))

    def mean(self, name: str, which: str = "reached") -> float:
        weights = [one.things for one in self.scores]
        return float(np.average([getattr(getattr(one, which), name) for one in self.scores], weights=weights))

    @property
    def switches(self) -> float:
        return sum(one.id_switches for one in self.scores) / sum(one.things for one in self.scores)

    @property
    def labelled(self) -> float:
        return float(np.nanmean([one.labelled_share for one in self.scores]))


def _rows(fps: Fraction, seconds: float, errors: DetectorErrors | None, label: str) -> list[Row]:
    shape = PatrolShape(seconds=seconds, fps=fps)
    flights = [seen_patrol(seed, dataclasses.replace(shape, depression_deg=down), errors) for seed, down in FLIGHTS]
    mine = _Reached.by(_ours, flights)
    where = f"{label}, {float(fps):g} frames/s"

    def row(what: str, ours: float, rival: float, name: str, unit: str = "", *, more: bool = True) -> Row:
        return Row(what=f"{what} {where}", ours=ours, rival=rival, rival_name=name, unit=unit, higher_is_better=more)

    rows = [row(n.upper(), mine.mean(n), mine.mean(n, "ceiling"), "every identity known") for n in ("hota", "idf1")]
    for name, follow in _rivals().items():
        theirs = _Reached.by(follow, flights)
        rows += [row(n.upper(), mine.mean(n), theirs.mean(n), name) for n in ("hota", "idf1")]
        rows += [
            row("id switches a thing", mine.switches, theirs.switches, name, more=False),
            row("boxes with an identity", mine.labelled, theirs.labelled, name),
            row("time", mine.ms_per_frame, theirs.ms_per_frame, name, "ms/frame", more=False),
        ]
    return rows


def run() -> list[Row]:
    """Return the table's rows."""
    rows = [row for fps, seconds in RATES for row in _rows(fps, seconds, None, "of usual boxes")]
    return rows + _rows(Fraction(3), 60.0, PERFECT, "of perfect boxes")
