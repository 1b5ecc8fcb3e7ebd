"""Scores of everything behind the detector: placing, following, judging; on films with truth and on hours of patrol."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.event_scoring import EventScore, added, score_events, things_of_tracks
from detection.events import Watched, find_events
from detection.georeference import Surroundings, camera_of, place
from detection.ground_hits import GroundHits
from detection.ground_registration import GroundRegistration
from detection.ground_tracker import TrackerSettings, track
from detection.looks import Look
from detection.pose_errors import settled
from detection.scoring import InView, ground_errors, match
from detection.track_scoring import OperatingPoint, TrackScore, operating_points, poisson_bound, score_tracks
from detection.training.recipe import CLASS_NAMES
from geo.geodesy import metres_per_degree
from geo.terrain import FlatTerrain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detection.looks import Looks
    from detection.truth import FilmTruth
    from detection.values import Detections, Detector
    from geo.values import Terrain
    from vedette.commands.eval_sources import LabelledFrame, Source

PATROL_S: Final = 1800.0
"""Length of one simulated patrol; each has a world and sensor errors of its own."""
ANY: Final = TrackerSettings(existence_min=0.01)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """One recording's hits, what was there, and where its pictures looked."""

    hits: GroundHits
    truth: FilmTruth
    looks: Looks
    hours: float
    watched: Watched = dataclasses.field(default_factory=Watched)
    """Lines and zones that events are told of."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What is found and what is false among tracks of at least this existence."""

    existence_min: float
    visit_recall: float
    false_per_hour: float
    false_per_hour_bound: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FollowScore:
    """Following over one or more recordings; shares 0..1, NaN where nothing could be measured."""

    name: str
    hours: float
    things: int
    tracks: int
    hota: float
    hota_ceiling: float
    idf1: float
    idf1_ceiling: float
    switches_per_thing: float
    labelled_share: float
    visits: int
    visit_recall: float
    false_tracks: int
    false_per_hour: float
    false_per_hour_bound: float
    """Upper end of the one-sided 95 % interval."""
    ground_error_median_m: float
    ground_error_p90_m: float
    inside_ce90_share: float
    limits: tuple[Limit, ...]
    events: tuple[EventScore, ...] = ()
    """What tracks were told to have done, against what their things did."""


def score_followed(name: str, recordings: Sequence[Followed]) -> FollowScore:
    """Follow the hits of each recording and add everything up; shares are weighed by boxes."""
    scores: list[TrackScore] = []
    points: list[tuple[OperatingPoint, ...]] = []
    errors: list[np.ndarray] = []
    inside: list[np.ndarray] = []
    events: list[tuple[EventScore, ...]] = []
    for one in recordings:
        hits, tracks = track(one.hits, None, one.looks)
        things = things_of_tracks(hits, tracks, one.truth)
        events.append(score_events(find_events(tracks, one.watched, one.looks), things, one.truth, one.watched))
        scores.append(score_tracks(hits, tracks, one.truth, hours=one.hours))
        points.append(operating_points(*track(one.hits, ANY, one.looks), one.truth))
        distance, within = ground_errors(hits, one.truth, match(hits, one.truth, view=InView()))
        errors.append(distance)
        inside.append(within)
    together = _together(
        name, scores, points, np.concatenate([np.zeros(0), *errors]), np.concatenate([np.zeros(0), *inside])
    )
    return dataclasses.replace(together, events=added(events))


def _together(
    name: str,
    scores: Sequence[TrackScore],
    points: Sequence[tuple[OperatingPoint, ...]],
    errors: np.ndarray,
    inside: np.ndarray,
) -> FollowScore:
    hours = sum(one.hours for one in scores)
    things, visits = sum(one.things for one in scores), sum(one.visits for one in scores)
    false = sum(one.false_tracks for one in scores)
    weights = np.array([max(one.things, 0) for one in scores], dtype=np.float64)

    def mean(values: list[float]) -> float:
        known = np.isfinite(values) & (weights > 0)
        return float(np.average(np.array(values)[known], weights=weights[known])) if known.any() else math.nan

    return FollowScore(
        name=name,
        hours=hours,
        things=things,
        tracks=sum(one.tracks for one in scores),
        hota=mean([one.reached.hota for one in scores]),
        hota_ceiling=mean([one.ceiling.hota for one in scores]),
        idf1=mean([one.reached.idf1 for one in scores]),
        idf1_ceiling=mean([one.ceiling.idf1 for one in scores]),
        switches_per_thing=_share(sum(one.id_switches for one in scores), things),
        labelled_share=mean([one.labelled_share for one in scores]),
        visits=visits,
        visit_recall=_share(sum(one.visits_found for one in scores), visits),
        false_tracks=false,
        false_per_hour=_share(false, hours),
        false_per_hour_bound=_share(poisson_bound(false), hours),
        ground_error_median_m=float(np.median(errors)) if len(errors) else math.nan,
        ground_error_p90_m=float(np.percentile(errors, 90)) if len(errors) else math.nan,
        inside_ce90_share=float(np.mean(inside)) if len(inside) else math.nan,
        limits=tuple(_limit(rows, hours) for rows in zip(*points, strict=True)),
    )


def _limit(rows: Sequence[OperatingPoint], hours: float) -> Limit:
    false = sum(one.false_tracks for one in rows)
    return Limit(
        existence_min=rows[0].existence_min,
        visit_recall=_share(sum(one.visits_found for one in rows), sum(one.visits for one in rows)),
        false_per_hour=_share(false, hours),
        false_per_hour_bound=_share(poisson_bound(false), hours),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def simulated(hours: float, seed: int, passes: int = 1) -> Iterator[Followed]:
    """Fly patrols of half an hour each, with the faults of `DetectorErrors`; to and fro where there are passes."""
    from sitl.films.patrol_flight import PatrolShape
    from sitl.films.seen_patrol import seen_patrol

    count = max(1, math.ceil(hours * 3600.0 / PATROL_S - 1e-9))
    seconds = hours * 3600.0 / count
    line_m = 12.0 * seconds / passes + (100.0 if passes == 1 else 50.0)
    shape = PatrolShape(seconds=seconds, fps=Fraction(3, 2), line_m=line_m, groups_per_km=2.0, vehicles_per_km=1.0)
    for number in range(count):
        seen = seen_patrol(seed + number, shape)
        flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
        hours, watched = seconds / 3600.0, _along(shape.line_m)
        yield Followed(hits=flown.hits, truth=seen.truth, looks=flown.looks, hours=hours, watched=watched)


def _along(line_m: float) -> Watched:
    """Watch the line that a simulated patrol looks across, our side to the north, and a zone over half of it."""
    from sitl.films.patrol_flight import START_LAT_LON

    (lat, west), (north, east) = START_LAT_LON, (float(v) for v in metres_per_degree(START_LAT_LON[0]))
    middle, end, high = west + line_m / 2.0 / east, west + line_m / east, lat + 25.0 / north
    zone = ((lat, west), (lat, middle), (high, middle), (high, west))
    return Watched(lines=(((lat, west), (lat, end)),), zones={"near the line": zone}, standing_s=5.0)


def filmed_patrols(minutes: float, seed: int, detector: Detector) -> list[Followed]:
    """Fly one patrol, draw every picture and look at it: what `simulated`'s detector is held to."""
    from sitl.films.filmed_patrol import filmed_patrol
    from sitl.films.patrol_flight import PatrolShape

    seconds = 60.0 * minutes
    shape = PatrolShape(
        seconds=seconds, fps=Fraction(3, 2), line_m=12.0 * seconds + 100.0, groups_per_km=6.0, vehicles_per_km=3.0
    )
    seen = filmed_patrol(seed, detector, shape).seen
    flown = settled(seen.hits, seen.taken, seen.ground, seen.sigmas)
    return [Followed(hits=flown.hits, truth=seen.truth, looks=flown.looks, hours=minutes / 60.0)]


def followed_film(
    source: Source,
    found: Sequence[Detections],
    frames: Sequence[LabelledFrame],
    limit: float,
    ground: Terrain | None,
) -> Followed | None:
    """Place a film's boxes of at least the score limit, on `ground` or on a level at the things' mean height.

    None for sources without poses or places.
    """
    truth = source.truth
    if truth is None or len(truth.frame_t_utc_ns) < 2:
        return None
    ground = ground or FlatTerrain(height_m=float(np.mean(truth.alt_hae_m)) if len(truth.alt_hae_m) else 0.0)
    around = Surroundings(terrain=ground)
    taken, hits, registration = [], [], GroundRegistration(ground)
    for one, boxes in zip(frames, found, strict=True):
        frame = one.frame
        if frame is None or frame.pose is None:
            continue
        camera = frame.camera or camera_of(frame.pose, truth.width_px, truth.height_px)
        if camera is not None:
            pose = dataclasses.replace(frame.pose, t_utc_ns=frame.t_utc_ns)
            shift = registration.shift(frame.image, pose, camera)
            taken.append(Look(pose, camera, shift=shift, sigmas=frame.sigmas))
        kept = boxes.take((boxes.scores >= limit) & (boxes.classes >= 0))
        hits.append(place(frame, kept, around, class_names=CLASS_NAMES))
    span_h = float(truth.frame_t_utc_ns[-1] - truth.frame_t_utc_ns[0]) / 3.6e12
    flown = settled(GroundHits.concat(hits), taken, ground, around.sigmas)
    return Followed(hits=flown.hits, truth=truth, looks=flown.looks, hours=span_h)
