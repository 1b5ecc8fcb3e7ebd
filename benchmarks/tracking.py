"""Identities held on five simulated flights, from the same boxes, against trackers a user would pick instead.

ByteTrack, OC-SORT and BoT-SORT with camera-motion compensation are those of `trackers`, which is not among our
dependencies: pip install trackers to have them. BoT-SORT is given the pictures, drawn as the simulator's thermal camera
has them; drawing is not counted as its time. UCMCTrack's way on the ground is `benchmarks._ground_kalman`. HOTA and
IDF1 are trackeval's, beside what the same boxes allow.

All of it is half an hour's work. ``python -m benchmarks.tracking FOLDER --most 1`` measures the next piece, one flight
at one rate, and keeps it in a folder; with ``VEDETTE_BENCH_PIECES=FOLDER`` the table is made of what is kept there.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import Absent, Row, beside
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

    Follow = Callable[["_Flown"], tuple[GroundHits, float]]

FLIGHTS = ((1, 45.0), (2, 35.0), (3, 60.0), (4, 45.0), (6, 40.0))
"""World seed, and depression in degrees."""
RATES = ((Fraction(3), 60.0), (Fraction(3, 2), 60.0), (Fraction(6), 60.0), (Fraction(30), 12.0))
"""Frames a second, that of patrols first, and seconds of each flight."""
KEPT_IN = "VEDETTE_BENCH_PIECES"
OURS = "ours"
USUAL, PERFECT_BOXES = "usual", "perfect"
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


def _rivals() -> dict[str, Follow]:
    from trackers import BoTSORTTracker, ByteTrackTracker, OCSORTTracker

    low = 0.3
    common = {"track_activation_threshold": low, "high_conf_det_threshold": low, "minimum_consecutive_frames": 1}
    return {
        "UCMCTrack's way": _on_ground,
        "BoT-SORT with CMC of trackers": lambda one: _in_the_picture(BoTSORTTracker(**common), one, pictures=True),
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
class Piece:
    """One flight at one rate."""

    fps: Fraction
    seconds: float
    seed: int
    depression_deg: float
    boxes: str

    @property
    def name(self) -> str:
        """Name of the file that what was measured is kept in."""
        return f"{self.boxes}-{float(self.fps):g}-{self.seed}.json"

    def measured(self) -> dict[str, dict[str, float]]:
        """Follow the flight's boxes with every tracker; numbers by the tracker's name."""
        shape = PatrolShape(seconds=self.seconds, fps=self.fps, depression_deg=self.depression_deg)
        one = _Flown.over(self.seed, shape, PERFECT if self.boxes == PERFECT_BOXES else None)
        return {name: _numbers(follow, one) for name, follow in {OURS: _ours, **_rivals()}.items()}


PIECES = [
    Piece(fps=fps, seconds=seconds, seed=seed, depression_deg=down, boxes=boxes)
    for boxes, rates in ((USUAL, RATES), (PERFECT_BOXES, RATES[:1]))
    for fps, seconds in rates
    for seed, down in FLIGHTS
]


def _numbers(follow: Follow, one: _Flown) -> dict[str, float]:
    marked, spent_s = follow(one)
    score = score_tracks(marked, GroundTracks.of([]), one.seen.truth, hours=one.seen.seconds / 3600.0)
    found = {
        "things": score.things, "id_switches": score.id_switches, "labelled": score.labelled_share,
        "spent_s": spent_s, "frames": len(one.seen.looks),
    }  # fmt: skip
    for which in ("reached", "ceiling"):
        found |= {f"{name}_{which}": getattr(getattr(score, which), name) for name in ("hota", "idf1")}
    return found


def _kept(piece: Piece, folder: Path | None) -> dict[str, dict[str, float]]:
    """Return what was measured of a piece, now or before."""
    place = None if folder is None else folder / piece.name
    if place is not None and place.is_file():
        return json.loads(place.read_text(encoding="utf-8"))
    found = piece.measured()
    if place is not None:
        place.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class _Reached:
    """What one tracker made of the flights, a row each."""

    flights: list[dict[str, float]]

    def mean(self, name: str) -> float:
        """Return the mean over all things."""
        weights = [one["things"] for one in self.flights]
        return float(np.average([one[name] for one in self.flights], weights=weights))

    def ratio(self, name: str, over: str) -> float:
        """Return the sum of one number over that of another."""
        return sum(one[name] for one in self.flights) / sum(one[over] for one in self.flights)

    @property
    def labelled(self) -> float:
        return float(np.nanmean([one["labelled"] for one in self.flights]))


def _rows(pieces: list[Piece], folder: Path | None) -> list[Row]:
    found = [_kept(piece, folder) for piece in pieces]
    reached = {name: _Reached([one[name] for one in found]) for name in found[0]}
    mine = reached.pop(OURS)
    where = f"of {pieces[0].boxes} boxes, {float(pieces[0].fps):g} frames/s"

    def row(what: str, ours: float, rival: float, name: str, unit: str = "", *, more: bool = True) -> Row:
        return Row(what=f"{what} {where}", ours=ours, rival=rival, rival_name=name, unit=unit, higher_is_better=more)

    def scores(them: _Reached, which: str, name: str) -> list[Row]:
        return [row(n.upper(), mine.mean(f"{n}_reached"), them.mean(f"{n}_{which}"), name) for n in ("hota", "idf1")]

    rows = scores(mine, "ceiling", "every identity known")
    for name, them in reached.items():
        switches = [one.ratio("id_switches", "things") for one in (mine, them)]
        ms = [1e3 * one.ratio("spent_s", "frames") for one in (mine, them)]
        rows += [
            *scores(them, "reached", name),
            row("id switches a thing", *switches, name, more=False),
            row("boxes with an identity", mine.labelled, them.labelled, name),
            row("time", *ms, name, "ms/frame", more=False),
        ]
    return rows


def run() -> list[Row | Absent]:
    """Return the table's rows."""
    kept_in = os.environ.get(KEPT_IN)
    folder = None if kept_in is None else Path(kept_in)
    alike = itertools.groupby(PIECES, key=lambda piece: (piece.boxes, piece.fps))
    return beside("trackers", lambda: [row for _, pieces in alike for row in _rows(list(pieces), folder)])


def main() -> None:
    """Measure the next pieces that a folder lacks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=len(PIECES), help="how many at most")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    left = [piece for piece in PIECES if not (asked.folder / piece.name).is_file()]
    for piece in left[: asked.most]:
        start = time.process_time()
        _kept(piece, asked.folder)
        print(f"{piece.name}: {time.process_time() - start:.0f} s of processor time", flush=True)
    print(f"{max(0, len(left) - asked.most)} pieces are left", flush=True)


if __name__ == "__main__":
    main()
