"""Which of the events that tracks were told to have had really happened, and which were missed.

What happened is worked out from the true places of a film's things, visit by visit: from one picture that shows a thing
to the last before it is gone for a minute. An event counts as told from a probability of one half on.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from detection.events import (
    CROSSING,
    ENTERING,
    LEAVING,
    STANDING,
    STILL_MPS,
    TOGETHER,
    TOGETHER_M,
    TOGETHER_MIN,
    TURN_COS,
    TURN_WINDOW_S,
    TURNING,
    WALKING_MPS,
)
from detection.labels import NONE
from detection.scoring import InView, match
from detection.track_scoring import VISIT_GAP_NS
from geo.geodesy import metres_per_degree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from detection.events import Event, Watched
    from detection.ground_hits import GroundHits
    from detection.ground_tracks import GroundTracks
    from detection.truth import FilmTruth

    FloatArray = NDArray[np.float64]

SCORED: Final = (CROSSING, ENTERING, LEAVING, STANDING, TURNING, TOGETHER)
TOLD_MIN: Final = 0.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EventScore:
    """One kind of event over one or more films."""

    kind: str
    happened: int
    found: int
    """How many of these were told."""
    told: int
    right: int
    """How many of the told ones happened."""
    expected: float
    """Sum of the probabilities of all events of the kind that were written down, told or not, …"""
    came_true: int
    """… and how many of them happened."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Happened:
    kind: str
    what: str
    """Direction or zone, where the kind has one."""
    things: frozenset[int]
    from_ns: int
    to_ns: int


def score_events(
    events: Sequence[Event], thing_of_track: Mapping[str, int], truth: FilmTruth, watched: Watched
) -> tuple[EventScore, ...]:
    """Hold events against what happened in a film; `thing_of_track` says which thing each track is of."""
    happened = [*_visits_did(truth, watched), *_were_together(truth)]
    told_of: list[list[int]] = []
    for event in events:
        things = frozenset(thing_of_track[name] for name in event.track_ids if name in thing_of_track)
        told_of.append([k for k, one in enumerate(happened) if _is(event, things, one)])
    scores = []
    for kind in SCORED:
        mine = [row for row, event in enumerate(events) if event.kind == kind]
        told = [row for row in mine if events[row].probability >= TOLD_MIN]
        scores.append(
            EventScore(
                kind=kind,
                happened=sum(one.kind == kind for one in happened),
                found=len({k for row in told for k in told_of[row]}),
                told=len(told),
                right=sum(bool(told_of[row]) for row in told),
                expected=sum(events[row].probability for row in mine),
                came_true=sum(bool(told_of[row]) for row in mine),
            )
        )
    return tuple(scores)


def added(parts: Sequence[Sequence[EventScore]]) -> tuple[EventScore, ...]:
    """Add scores of several films up, kind by kind."""
    columns = [field.name for field in dataclasses.fields(EventScore)[1:]]
    return tuple(
        EventScore(kind=of_kind[0].kind, **{name: sum(getattr(one, name) for one in of_kind) for name in columns})
        for of_kind in zip(*parts, strict=True)
    )


def things_of_tracks(hits: GroundHits, tracks: GroundTracks, truth: FilmTruth) -> dict[str, int]:
    """Return the thing that most boxes of each track are of; tracks mostly on nothing are left out."""
    found = match(hits, truth, view=InView())
    thing = np.full(len(hits), -1, dtype=np.int64)
    thing[found.hit_row] = truth.object_id[found.truth_row]
    codes = hits.track.codes
    mine: dict[str, int] = {}
    for code, name in enumerate(hits.track.names):
        of_track = thing[codes == code] if code != NONE else thing[:0]
        known = of_track[of_track >= 0]
        if name in tracks.track_id and 2 * len(known) > len(of_track):
            mine[name] = int(np.bincount(known).argmax())
    return mine


def _is(event: Event, things: frozenset[int], one: _Happened) -> bool:
    if event.kind != one.kind or event.t_to_utc_ns < one.from_ns or event.t_utc_ns > one.to_ns:
        return False
    if event.kind == TOGETHER:
        return len(things & one.things) >= TOGETHER_MIN
    what = str(event.details.get("direction", event.details.get("zone", "")))
    return bool(things & one.things) and what == one.what


def _visits_did(truth: FilmTruth, watched: Watched) -> Iterator[_Happened]:
    """Yield what single things did between the first and the last picture of each visit."""
    if not len(truth.object_id):
        return
    origin = _origin(truth)
    lines = [shapely.LineString(_metres(np.array(line), origin)) for line in watched.lines if len(line) > 1]
    zones = {name: shapely.Polygon(_metres(np.array(ring), origin)) for name, ring in watched.zones.items()}
    for thing, t_ns, place in _visits(truth, origin):
        ends = [shapely.Point(*place[row].tolist()) for row in (0, -1)]

        def did(kind: str, what: str = "", own: int = thing, times: NDArray[np.int64] = t_ns) -> _Happened:
            return _Happened(kind, what, frozenset([own]), int(times[0]), int(times[-1]))

        for line in lines:
            first, last = (_is_left(line, point) for point in ends)
            if first != last:
                yield did(CROSSING, "outward" if first else "inward")
        for name, zone in zones.items():
            first, last = (bool(zone.contains(point)) for point in ends)
            if first != last:
                yield did(LEAVING if first else ENTERING, name)
        if _stood(t_ns, place, watched.standing_s):
            yield did(STANDING)
        if _turned(t_ns, place):
            yield did(TURNING)


def _origin(truth: FilmTruth) -> tuple[float, float]:
    return float(truth.lat_deg.min()), float(truth.lon_deg.min())


def _places(truth: FilmTruth, origin: tuple[float, float]) -> FloatArray:
    return _metres(np.stack([truth.lat_deg, truth.lon_deg], axis=1), origin)


def _metres(lat_lon: FloatArray, origin: tuple[float, float]) -> FloatArray:
    north, east = (float(v) for v in metres_per_degree(origin[0]))
    return np.stack([(lat_lon[:, 1] - origin[1]) * east, (lat_lon[:, 0] - origin[0]) * north], axis=1)


def _is_left(line: shapely.LineString, point: shapely.Point) -> bool:
    """Tell whether a point lies to the left of a line, by the side of a narrow buffer of the line it is nearer to."""
    left, right = (line.buffer(sign * 1e4, single_sided=True) for sign in (1.0, -1.0))
    return bool(left.distance(point) < right.distance(point))


def _visits(truth: FilmTruth, origin: tuple[float, float]) -> Iterator[tuple[int, NDArray[np.int64], FloatArray]]:
    rows = np.flatnonzero(InView().counts(truth))
    when = truth.frame_t_utc_ns[truth.thing_frame]
    rows = rows[np.lexsort([when[rows], truth.object_id[rows]])]
    place = _places(truth, origin)
    new = (np.diff(truth.object_id[rows]) != 0) | (np.diff(when[rows]) > VISIT_GAP_NS)
    for part in np.split(rows, np.flatnonzero(new) + 1):
        if len(part) > 1:
            yield int(truth.object_id[part[0]]), when[part], place[part]


def _stood(t_ns: NDArray[np.int64], place_m: FloatArray, standing_s: float) -> bool:
    """Tell whether a thing stayed for so long as near to a place as walking too slowly to be walking would have led."""
    later = np.searchsorted(t_ns, t_ns + round(standing_s * 1e9))
    for start in np.flatnonzero(later < len(t_ns)).tolist():
        stretch = place_m[start : later[start] + 1] - place_m[start]
        if np.hypot(*stretch.T).max() < STILL_MPS * float(t_ns[later[start]] - t_ns[start]) / 1e9:
            return True
    return False


def _turned(t_ns: NDArray[np.int64], place_m: FloatArray) -> bool:
    window = round(TURN_WINDOW_S * 1e9)
    if t_ns[-1] - t_ns[0] < 2 * window:
        return False
    early, late = np.searchsorted(t_ns, t_ns[0] + window), np.searchsorted(t_ns, t_ns[-1] - window)
    before = (place_m[early] - place_m[0]) / ((t_ns[early] - t_ns[0]) / 1e9)
    after = (place_m[-1] - place_m[late]) / max((t_ns[-1] - t_ns[late]) / 1e9, 1e-3)
    speeds = float(np.hypot(*before)), float(np.hypot(*after))
    return min(speeds) > WALKING_MPS and float(before @ after) < TURN_COS * speeds[0] * speeds[1]


def _were_together(truth: FilmTruth) -> Iterator[_Happened]:
    """Yield the largest sets of three or more things within steps of twelve metres in one picture, with their times."""
    if not len(truth.object_id):
        return
    place = _places(truth, _origin(truth))
    seen = InView().counts(truth)
    times: dict[frozenset[int], list[int]] = {}
    for frame in np.unique(truth.thing_frame):
        rows = np.flatnonzero((truth.thing_frame == frame) & seen)
        if len(rows) >= TOGETHER_MIN:
            discs = shapely.buffer(shapely.points(place[rows]), TOGETHER_M / 2.0)
            for whole in shapely.get_parts(shapely.union_all(discs)):
                things = frozenset(
                    truth.object_id[rows[shapely.intersects(whole, shapely.points(place[rows]))]].tolist()
                )
                if len(things) >= TOGETHER_MIN:
                    times.setdefault(things, []).append(int(truth.frame_t_utc_ns[frame]))
    for things, when in times.items():
        if not any(things < other for other in times):
            yield _Happened(TOGETHER, "", things, min(when), max(when))
