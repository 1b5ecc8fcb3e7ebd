"""Identities held on five simulated flights, from the same boxes, against trackers a user would pick instead.

ByteTrack, OC-SORT and BoT-SORT with camera-motion compensation are those of `trackers`, which is not among our
dependencies: pip install trackers to have them. BoT-SORT is given the pictures, drawn as the simulator's thermal camera
has them, at the rates of patrols (up to three a second); drawing is not counted as its time. UCMCTrack's way on the
ground is `benchmarks._ground_kalman`. HOTA and IDF1 are trackeval's, beside what the same boxes allow.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import Row
from benchmarks._ground_kalman import follow_on_ground
from detection.ground_tracker import TrackerSettings, track
from detection.ground_tracks import GroundTracks
from detection.labels import Labels
from detection.pose_errors import settled
from detection.track_scoring import score_tracks
from sitl.films.patrol_flight import PatrolFlight, PatrolShape, SeenPatrol
from sitl.films.render import render
from sitl.films.render_look import THERMAL
from sitl.films.seen_patrol import DetectorErrors, seen_patrol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from detection.ground_hits import GroundHits
    from detection.track_scoring import TrackScore

    Follow = Callable[["_Flown"], tuple[GroundHits, float]]

FLIGHTS = ((1, 45.0), (2, 35.0), (3, 60.0), (4, 45.0), (6, 40.0))
"""World seed, and depression in degrees."""
RATES = ((Fraction(30), 12.0), (Fraction(6), 60.0), (Fraction(3), 60.0), (Fraction(3, 2), 60.0))
"""Frames a second, and seconds of each flight."""
DRAWN_FPS = Fraction(3)
PERFECT = DetectorErrors(
    recall=1.0, half_height_px=-50.0, hidden_share=0.0, jitter_px=(0.0, 0.0), jitter_share=0.0,
    lasting_px=(0.0, 0.0), flickers_per_frame=0.0, clutter_per_km2=0.0,
)  # fmt: skip
EVERY = TrackerSettings(existence_min=0.0)


@dataclasses.dataclass(frozen=True, slots=True)
class _Flown:
    """A flight, and how it was flown."""

    seed: int
    shape: PatrolShape
    seen: SeenPatrol

    @classmethod
    def over(cls, seed: int, shape: PatrolShape, errors: DetectorErrors | None) -> _Flown:
        return cls(seed, shape, seen_patrol(seed, shape, errors))

    def pictures(self) -> Iterator[np.ndarray]:
        """Draw what the camera saw."""
        flight = PatrolFlight.flown(self.seed, self.shape, self.shape.chance(self.seed))
        for pose in flight.true:
            yield render(flight.world, pose, self.shape.camera, pose.t_utc_ns, THERMAL)[0]


def _ours(one: _Flown) -> tuple[GroundHits, float]:
    seen, start = one.seen, time.process_time()
    flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
    return track(flown.hits, EVERY, flown.looks)[0], time.process_time() - start


def _on_ground(one: _Flown) -> tuple[GroundHits, float]:
    start = time.process_time()
    return follow_on_ground(one.seen.hits, one.seen.looks), time.process_time() - start


def _rivals(fps: Fraction) -> dict[str, Follow]:
    found: dict[str, Follow] = {"UCMCTrack's way": _on_ground}
    try:
        from trackers import BoTSORTTracker, ByteTrackTracker, OCSORTTracker
    except ImportError:
        return found
    low = 0.3
    common = {"track_activation_threshold": low, "high_conf_det_threshold": low, "minimum_consecutive_frames": 1}
    if fps <= DRAWN_FPS:
        found["BoT-SORT with CMC of trackers"] = lambda one: _in_the_picture(
            BoTSORTTracker(**common), one, pictures=True
        )
    return found | {
        "ByteTrack of trackers": lambda one: _in_the_picture(ByteTrackTracker(**common), one),
        "OC-SORT of trackers": lambda one: _in_the_picture(
            OCSORTTracker(high_conf_det_threshold=low, minimum_iou_threshold=0.1, minimum_consecutive_frames=1), one
        ),
    }


def _in_the_picture(tracker: Any, one: _Flown, *, pictures: bool = False) -> tuple[GroundHits, float]:
    """Give a tracker every frame's boxes with its time; identities come back on the hits, with seconds spent."""
    import supervision

    seen, spent = one.seen, 0.0
    hits, names = seen.hits, np.full(len(seen.hits), "", dtype=object)
    times = seen.truth.frame_t_utc_ns
    images = one.pictures() if pictures else itertools.repeat(None)
    for t_utc_ns, image in zip(times.tolist(), images, strict=False):
        rows = np.flatnonzero(hits.t_utc_ns == t_utc_ns)
        given = supervision.Detections(
            xyxy=hits.box_px[rows].astype(float).reshape(-1, 4),
            confidence=hits.score_raw[rows],
            class_id=hits.class_name.codes[rows].astype(int),
            data={"row": rows},
        )
        start = time.process_time()
        found = tracker.update(given, frame=image, timestamp=(t_utc_ns - int(times[0])) / 1e9)
        spent += time.process_time() - start
        if len(found):
            for row, name in zip(found.data["row"], found.tracker_id, strict=True):
                names[row] = f"I-{name}" if name >= 0 else ""
    return dataclasses.replace(hits, track=Labels.of(names.tolist())), spent


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    """Scores of one tracker over the flights."""

    scores: list[TrackScore]
    ms_per_frame: float

    @classmethod
    def by(cls, follow: Follow, flights: list[_Flown]) -> _Reached:
        scores, spent = [], 0.0
        for one in flights:
            marked, seconds = follow(one)
            spent += seconds
            hours = one.seen.seconds / 3600.0
            scores.append(score_tracks(marked, GroundTracks.of([]), one.seen.truth, hours=hours))
        return cls(scores=scores, ms_per_frame=1e3 * spent / sum(len(one.seen.looks) for one in flights))

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
    flights = [_Flown.over(seed, dataclasses.replace(shape, depression_deg=down), errors) for seed, down in FLIGHTS]
    mine = _Reached.by(_ours, flights)
    where = f"{label}, {float(fps):g} frames/s"

    def row(what: str, ours: float, rival: float, name: str, unit: str = "", *, more: bool = True) -> Row:
        return Row(what=f"{what} {where}", ours=ours, rival=rival, rival_name=name, unit=unit, higher_is_better=more)

    rows = [row(n.upper(), mine.mean(n), mine.mean(n, "ceiling"), "every identity known") for n in ("hota", "idf1")]
    for name, follow in _rivals(fps).items():
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
