"""What tracks did, as probabilities: crossing the line, entering a zone, standing, gathering, turning back, going.

Nearly all of a track's error is the pose's and shifts the whole track, so a track three metres on the far side
of the line may never have crossed it: each event is weighed with that shift, not with each point's own
error. Every probability contains that of the track's existence. An event is a machine's assessment.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from scipy.special import chndtr

from detection.ground_drift import GroundDrift
from detection.normal_distribution import both_below
from geo.geodesy import metres_per_degree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from detection.ground_tracks import GroundTrack, GroundTracks
    from detection.looks import Looks

    FloatArray = NDArray[np.float64]

CROSSING, ENTERING, LEAVING = "crossing the line", "entering a zone", "leaving a zone"
STANDING, TOGETHER, TURNING = "standing", "several together", "turning back"
LEFT_VIEW, LOST_IN_VIEW = "left the view", "lost in view"
KINDS: Final = (CROSSING, ENTERING, LEAVING, STANDING, TOGETHER, TURNING, LEFT_VIEW, LOST_IN_VIEW)
REPORTED_MIN: Final = 0.1
"""Less likely events are not written down."""
CE90_SIGMAS: Final = 2.146
"""CE90 over the one-sigma error of a circular normal distribution."""
DRIFT_TIME_S: Final = 20.0
"""Correlation time of the pose's error (`detection.ground_tracker`)."""
DRIFTING_SHARE: Final = 0.5
"""Share of the pose's variance that drifts; the rest stays for a flight (a compass, a gimbal's zero)."""
OWN_SIGMA_M: Final = 0.5
"""Error of a filtered point beside the pose's."""
STEADY_SIGMA_M: Final = 0.35
"""The same on the registered ground: a hit's own error, as `detection.ground_tracker` has it."""
STILL_MPS: Final = 0.25
"""Slower than this is standing."""
WALKING_MPS: Final = 0.5
TURN_COS: Final = -0.5
"""Headings more than 120 degrees apart: turned back."""
TURN_WINDOW_S: Final = 8.0
DRAWS: Final = 256
TOGETHER_M: Final = 12.0
TOGETHER_MIN: Final = 3
TOGETHER_S: Final = 5.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is watched: lines and zones, in latitude and longitude, shape (n, 2); and how long standing is standing."""

    lines: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Our side is to the left, going along them."""
    zones: Mapping[str, tuple[tuple[float, float], ...]] = dataclasses.field(default_factory=dict)
    standing_s: float = 60.0

    def stated(self) -> dict[str, object]:
        """Return all of it as JSON."""
        return {
            "lines": [[list(point) for point in line] for line in self.lines],
            "zones": {name: [list(point) for point in ring] for name, ring in self.zones.items()},
            "standing_s": self.standing_s,
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that tracks did, perhaps."""

    event_id: str
    kind: str
    t_utc_ns: int
    t_to_utc_ns: int
    track_ids: tuple[str, ...]
    probability: float
    lat_deg: float
    lon_deg: float
    ce90_m: float
    details: Mapping[str, str | float]


@dataclasses.dataclass(frozen=True, slots=True)
class _Walk:
    """One track in metres east and north of the south-western corner of all tracks."""

    track: GroundTrack
    t_s: FloatArray
    place_m: FloatArray
    sigma_m: float
    existence: float
    drift: GroundDrift

    def step(self, start: int, stop: int) -> tuple[FloatArray, float]:
        """Displacement from one point to a later one, (2,), and its one-sigma error on an axis.

        It is that on the registered ground where that is known better than the poses.
        """
        step, posed = self.place_m[stop] - self.place_m[start], _drift_sigma_m(self, self.t_s[stop] - self.t_s[start])
        t_ns = np.array([self.track.t_utc_ns[start], self.track.t_utc_ns[stop]])
        registered = float(np.sqrt(self.drift.spread_m2(t_ns[:1], t_ns[1:])[0] + 2.0 * STEADY_SIGMA_M**2))
        if registered >= posed:
            return np.asarray(step), posed
        return np.asarray(step - np.diff(self.drift.at(t_ns), axis=0)[0]), registered

    def event(
        self, kind: str, row: int, chance: float, details: Mapping[str, str | float], to: int | None = None
    ) -> Event:
        """Write an event down at one of the track's points."""
        track, last = self.track, row if to is None else to
        name = hashlib.sha256(f"{kind}|{track.track_id}|{track.t_utc_ns[row]}|{sorted(details.items())}".encode())
        return Event(
            event_id=f"E-{name.hexdigest()[:12]}", kind=kind, t_utc_ns=track.t_utc_ns[row],
            t_to_utc_ns=track.t_utc_ns[last], track_ids=(track.track_id,), probability=round(chance, 4),
            lat_deg=track.lat_deg[row], lon_deg=track.lon_deg[row], ce90_m=track.ce90_m[row], details=details,
        )  # fmt: skip

    def changes_side(self, signed_m: FloatArray, *, down: bool) -> tuple[float, int]:
        """Chance of going from the positive to the negative side (`down`) or back, from first to last, and where.

        The first and the last signed distance share the pose's lasting error; what drifts is shared the less the
        more time lies between.
        """
        if not down:
            signed_m = -signed_m
        gap_s = float(self.t_s[-1] - self.t_s[0])
        variance = self.sigma_m**2 + OWN_SIGMA_M**2
        shared = self.sigma_m**2 * (1.0 - DRIFTING_SHARE + DRIFTING_SHARE * np.exp(-gap_s / DRIFT_TIME_S))
        first, last = (float(far) / float(np.sqrt(variance)) for far in (signed_m[0], signed_m[-1]))
        chance = both_below(first, -last, -float(shared / variance))
        below = np.flatnonzero(signed_m < 0.0)
        row = int(below[0]) if len(below) and signed_m[0] > 0.0 else int(np.argmin(np.abs(signed_m)))
        return chance * self.existence, row


def find_events(tracks: GroundTracks, watched: Watched, looks: Looks | None = None) -> list[Event]:
    """Return what the tracks did, by time; the same tracks give the same events.

    Parameters
    ----------
    tracks
        What was followed.
    watched
        Lines, zones, and how long standing is standing.
    looks
        Where the pictures looked: where they were compared with each other, a thing that stands is told from one that
        walks within seconds; by the poses alone it takes twenty or more.
    """
    walks = _walks(tracks, GroundDrift.of(looks))
    found: list[Event] = []
    scene = _Scene.of(watched, tracks)
    for walk in walks:
        found += scene.crossings(walk)
        found += scene.zones_changed(walk)
        found += _standing(walk, watched.standing_s)
        found += _turning(walk)
        found += _gone(walk)
    found += _gatherings(walks)
    return sorted(
        (one for one in found if one.probability >= REPORTED_MIN), key=lambda one: (one.t_utc_ns, one.event_id)
    )


def _walks(tracks: GroundTracks, drift: GroundDrift) -> list[_Walk]:
    if not len(tracks):
        return []
    north, east = (float(v) for v in metres_per_degree(float(tracks.lat_deg.min())))
    t0, lat0, lon0 = int(tracks.t_utc_ns.min()), float(tracks.lat_deg.min()), float(tracks.lon_deg.min())
    walks = []
    for row in sorted(range(len(tracks)), key=lambda k: tracks.track_id[k]):
        where = tracks.points_of(row)
        place = np.stack([(tracks.lon_deg[where] - lon0) * east, (tracks.lat_deg[where] - lat0) * north], axis=1)
        existence = float(tracks.existence[row])
        walks.append(
            _Walk(
                track=tracks[row],
                t_s=(tracks.t_utc_ns[where] - t0) / 1e9,
                place_m=place,
                sigma_m=float(np.median(tracks.ce90_m[where])) / CE90_SIGMAS,
                existence=1.0 if np.isnan(existence) else existence,
                drift=drift,
            )
        )
    return walks


@dataclasses.dataclass(frozen=True, slots=True)
class _Scene:
    """Lines and zones in the walks' metres."""

    lines: tuple[FloatArray, ...]
    zones: Mapping[str, shapely.Polygon]

    @classmethod
    def of(cls, watched: Watched, tracks: GroundTracks) -> _Scene:
        """Turn degrees into the walks' metres."""
        if not len(tracks):
            return cls((), {})
        lat0, lon0 = float(tracks.lat_deg.min()), float(tracks.lon_deg.min())
        north, east = (float(v) for v in metres_per_degree(lat0))

        def metres(points: Sequence[tuple[float, float]]) -> FloatArray:
            table = np.asarray(points, dtype=np.float64)
            return np.stack([(table[:, 1] - lon0) * east, (table[:, 0] - lat0) * north], axis=1)

        zones = {name: shapely.Polygon(metres(ring)) for name, ring in watched.zones.items() if len(ring) > 2}
        lines = tuple(metres(line) for line in watched.lines if len(line) > 1)
        return cls(lines, zones)

    def crossings(self, walk: _Walk) -> Iterator[Event]:
        """Yield crossings of the line, out of our side or into it."""
        for line in self.lines:
            signed = _left_of(line, walk.place_m)
            if np.abs(signed).min() > 4.0 * walk.sigma_m + 5.0:
                continue
            for down, direction in ((True, "outward"), (False, "inward")):
                chance, row = walk.changes_side(signed, down=down)
                if chance >= REPORTED_MIN:
                    yield walk.event(CROSSING, row, chance, {"direction": direction})

    def zones_changed(self, walk: _Walk) -> Iterator[Event]:
        """Yield entering and leaving of zones."""
        points = shapely.points(walk.place_m)
        for name, zone in self.zones.items():
            away = shapely.distance(shapely.boundary(zone), points)
            if away.min() > 4.0 * walk.sigma_m + 5.0:
                continue
            signed = np.where(shapely.contains(zone, points), away, -away)
            for down, kind in ((False, ENTERING), (True, LEAVING)):
                chance, row = walk.changes_side(signed, down=down)
                if chance >= REPORTED_MIN:
                    yield walk.event(kind, row, chance, {"zone": name})


def _left_of(line: FloatArray, points: FloatArray) -> FloatArray:
    """Signed distance of points from a polyline whose ends go on straight: positive to its left."""
    ends = line.copy()
    for end, inner in ((0, 1), (-1, -2)):
        step = line[end] - line[inner]
        ends[end] = line[end] + step / max(float(np.hypot(*step)), 1e-9) * 1e5
    start, step = ends[:-1], np.diff(ends, axis=0)
    off = points[:, None] - start[None]
    along = np.clip((off * step).sum(axis=-1) / np.maximum((step**2).sum(axis=-1), 1e-9), 0.0, 1.0)
    away = np.linalg.norm(off - along[..., None] * step, axis=-1)
    nearest = away.argmin(axis=1)
    row = np.arange(len(points))
    side = step[nearest, 0] * off[row, nearest, 1] - step[nearest, 1] * off[row, nearest, 0]
    return np.asarray(np.where(side >= 0.0, away[row, nearest], -away[row, nearest]))


def _drift_sigma_m(walk: _Walk, gap_s: float) -> float:
    """One-sigma error of a displacement over `gap_s`."""
    fresh = 2.0 * DRIFTING_SHARE * (1.0 - np.exp(-gap_s / DRIFT_TIME_S))
    return float(np.sqrt(fresh * walk.sigma_m**2 + 2.0 * OWN_SIGMA_M**2))


def _standing(walk: _Walk, standing_s: float) -> Iterator[Event]:
    """Yield the longest stretch without a step worth the name, if it is long enough."""
    best: tuple[float, int, int] | None = None
    stops = np.searchsorted(walk.t_s, walk.t_s + standing_s)
    for start, stop in enumerate(stops.tolist()):
        if stop >= len(walk.t_s):
            break
        gap = float(walk.t_s[stop] - walk.t_s[start])
        step, sigma_m = walk.step(start, stop)
        speed, sigma = float(np.hypot(*step)) / gap, sigma_m / gap
        chance = float(chndtr((STILL_MPS / sigma) ** 2, 2, (speed / sigma) ** 2)) * walk.existence
        if best is None or chance > best[0] + 1e-9:
            best = chance, start, stop
    if best is not None and best[0] >= REPORTED_MIN:
        seconds = round(float(walk.t_s[best[2]] - walk.t_s[best[1]]), 1)
        yield walk.event(STANDING, best[1], best[0], {"seconds": seconds}, best[2])


def _turning(walk: _Walk) -> Iterator[Event]:
    """Yield a turn of more than 120 degrees between the first and the last seconds."""
    if walk.t_s[-1] - walk.t_s[0] < 2.0 * TURN_WINDOW_S:
        return
    early, late = walk.t_s <= walk.t_s[0] + TURN_WINDOW_S, walk.t_s >= walk.t_s[-1] - TURN_WINDOW_S
    if early.sum() < 3 or late.sum() < 3:
        return
    sigma = _drift_sigma_m(walk, TURN_WINDOW_S) / TURN_WINDOW_S
    noise = np.random.default_rng(20).normal(0.0, sigma, (2, DRAWS, 2))
    before, after = (_slope(walk.t_s[part], walk.place_m[part]) + noise[k] for k, part in enumerate((early, late)))
    speeds = np.hypot(*before.T), np.hypot(*after.T)
    cosine = (before * after).sum(axis=1) / np.maximum(speeds[0] * speeds[1], 1e-9)
    turned = (cosine < TURN_COS) & (speeds[0] > WALKING_MPS) & (speeds[1] > WALKING_MPS)
    chance = float(turned.mean()) * walk.existence
    if chance >= REPORTED_MIN:
        far = int(np.argmax(np.hypot(*(walk.place_m - walk.place_m[0]).T)))
        yield walk.event(TURNING, far, chance, {})


def _slope(t_s: FloatArray, place_m: FloatArray) -> FloatArray:
    centred = t_s - t_s.mean()
    return np.asarray(centred @ place_m / max(float(centred @ centred), 1e-9))


def _gone(walk: _Walk) -> Iterator[Event]:
    """Yield how following ended, where it did before the recording."""
    kind = {"out of view": LEFT_VIEW, "lost": LOST_IN_VIEW}.get(walk.track.ended)
    if kind is not None:
        yield walk.event(kind, len(walk.t_s) - 1, walk.existence, {})


def _gatherings(walks: Sequence[_Walk]) -> Iterator[Event]:
    """Yield groups of three or more within twelve metres of one another, the largest of each set of tracks."""
    largest: dict[frozenset[int], tuple[int, float, list[tuple[int, int]]]] = {}
    if not walks:
        return
    stops = np.arange(min(w.t_s[0] for w in walks), max(w.t_s[-1] for w in walks) + TOGETHER_S, TOGETHER_S)
    for t_s in stops.tolist():
        there = [(k, int(np.searchsorted(w.t_s, t_s))) for k, w in enumerate(walks) if w.t_s[0] <= t_s <= w.t_s[-1]]
        if len(there) < TOGETHER_MIN:
            continue
        places = np.array([walks[k].place_m[row] for k, row in there])
        for group in _clusters(places):
            members = [there[k] for k in group]
            key = frozenset(k for k, _ in members)
            if len(members) >= TOGETHER_MIN and key not in largest:
                largest[key] = len(members), _at_least([walks[k].existence for k, _ in members], TOGETHER_MIN), members
    for key, (count, chance, members) in largest.items():
        if any(key < other for other in largest):
            continue
        first, row = members[0]
        event = walks[first].event(TOGETHER, row, chance, {"tracks": float(count)})
        yield dataclasses.replace(event, track_ids=tuple(walks[k].track.track_id for k, _ in members))


def _clusters(places_m: FloatArray) -> list[list[int]]:
    """Rows that hang together by steps of at most `TOGETHER_M`."""
    from scipy.sparse.csgraph import connected_components

    near = np.hypot(*np.moveaxis(places_m[:, None] - places_m[None], -1, 0)) <= TOGETHER_M
    _, label = connected_components(near, directed=False)
    return [np.flatnonzero(label == one).tolist() for one in np.unique(label)]


def _at_least(chances: Sequence[float], count: int) -> float:
    """Chance that so many or more of independent events happen."""
    totals = np.zeros(len(chances) + 1)
    totals[0] = 1.0
    for chance in chances:
        totals[1:] = totals[1:] * (1.0 - chance) + totals[:-1] * chance
        totals[0] *= 1.0 - chance
    return float(totals[count:].sum())
