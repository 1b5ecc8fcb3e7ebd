"""Follow things on the ground, at a few frames a second, from a camera that moves.

Each thing has a constant-velocity Kalman filter in metres east and north. What is special is the noise:
nearly all of a hit's error is the pose's, which is the same for all hits of a
frame and drifts slowly. A filter that took it for fresh noise would open gates
of ten metres and swap neighbours who walk two metres apart. So a hit's
covariance is split into a small own part and a common part that drifts, and
each frame is first aligned with the predictions as a whole (`detection.frame_alignment`).
Where pictures were compared with the ones before (`detection.ground_registration`), things are followed in
places from which that drift is taken out: a step of one person and a shift of the whole frame are then two things.

Nothing is counted: a thing is let go when pictures that should show it do not, or after a while outside
all pictures, and what was followed is a track when its evidence says so (`detection.existence`).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.existence import Evidence, weigh
from detection.followers import Followers, motions_of
from detection.frame_alignment import FrameHits, Predicted, align
from detection.ground_drift import GroundDrift
from detection.ground_tracks import GroundTracks
from detection.labels import NONE, Labels
from detection.looks import seen_pixels
from detection.paths import ENDINGS, LOST, OUT_OF_VIEW, STILL_FOLLOWED, Paths
from detection.placed_hits import Placed
from detection.tail_exchange import exchange_tails
from detection.track_contrast import measured_contrast
from detection.track_sizes import measured_sizes
from detection.track_stitching import STITCH_GAP_S, stitch
from geo.geodesy import enu_to_geodetic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.ground_hits import GroundHits
    from detection.looks import Looks

    FloatArray = NDArray[np.float64]

MISSED_NATS: Final = 1.2
"""Evidence of one missed look: -ln 0.3, for a detector that finds a thing in view in seven of ten independent looks."""
LOOK_TIME_S: Final = 0.6
"""Looks closer in time than this tell little that is new: what hid a thing still hides it."""
EDGE_PX: Final = 12.0
"""A thing this near to the picture's edge may be cut, and missing it says nothing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSettings:
    """How hits become tracks."""

    own_sigma_m: float = 0.35
    """Error of a hit relative to the others in its frame: box jitter and gait."""
    own_share: float = 0.004
    """Share of a hit's variance that is its own: differences of the pose error across one picture."""
    drift_time_s: float = 20.0
    """Correlation time of the pose error."""
    white_share: float = 0.03
    """Share of the pose's variance that is new in every frame."""
    lost_nats: float = 5.0
    """Evidence at which a thing that is not seen where it should be is let go (odds of 150 to 1)."""
    coast_s: float = 4.0
    """A thing outside all pictures for this long is let go."""
    existence_min: float = 0.25
    """What is less likely to exist is no track; its hits stay. Who looks through tracks sorts them by it."""
    stitch_gap_s: float = STITCH_GAP_S
    """Tracks of one thing may be joined over a gap this long at most; 0 joins none."""


def track(
    hits: GroundHits, settings: TrackerSettings | None = None, looks: Looks | None = None
) -> tuple[GroundHits, GroundTracks]:
    """Link hits into tracks; the same hits in any order give the same tracks.

    Parameters
    ----------
    hits
        Hits of one sensor; those without a position pass through without a track.
    settings
        Noise, gates and gaps.
    looks
        Where every picture looked, those without a hit too. Without it a picture is taken
        to show everything, and only pictures with hits are known of.

    Returns
    -------
    hits
        All hits in the order given, with their track where they belong to one.
    tracks
        Tracks by the time of their first hit.
    """
    settings = settings or TrackerSettings()
    placed = Placed.of(hits)
    if not len(placed):
        return hits, GroundTracks.of([])
    drift = GroundDrift.of(looks)
    paths = follow(placed, settings, looks, drift)
    evidence = weigh(paths, placed, looks, drift)
    kept = np.flatnonzero((evidence.existence >= settings.existence_min) & (paths.lengths > 1))
    if settings.existence_min <= 0.0:
        kept = np.arange(len(paths))
    kept = kept[np.lexsort([paths.rows[paths.first[kept]], paths.t_ns[paths.first[kept]]])]
    paths, evidence = paths.chosen([[int(one)] for one in kept]), evidence.take(kept)
    seen = measured_sizes(paths, placed, looks, evidence.class_code) | measured_contrast(paths, placed.hits.contrast)
    tracks = _shown(paths, evidence, placed, drift, seen)
    codes = np.full(len(hits), NONE, dtype=np.int32)
    codes[placed.index[paths.rows]] = paths.path_of_point
    return dataclasses.replace(hits, track=Labels(names=tracks.track_id, codes=codes)), tracks


def follow(placed: Placed, settings: TrackerSettings, looks: Looks | None, drift: GroundDrift) -> Paths:
    """Return everything that was ever followed, whether or not there was such a thing."""
    paths = exchange_tails(_Follow(placed, settings, looks, drift).paths(), placed, drift)
    return stitch(paths, placed, settings.stitch_gap_s, drift) if settings.stitch_gap_s > 0.0 else paths


def _shown(
    paths: Paths, evidence: Evidence, placed: Placed, drift: GroundDrift, seen: dict[str, NDArray[np.float32]]
) -> GroundTracks:
    """Return the tracks a person sees: filtered places as each picture's pose has them, each with the CE90 of its hit.

    Filtering does not shrink CE90: the pose's error is common to all hits and does not average out.
    """
    enu = np.column_stack([paths.states[:, :2] + drift.at(paths.t_ns), placed.place_m[paths.rows, 2]])
    lat, lon, _ = enu_to_geodetic(enu, placed.origin)
    east, north = paths.velocities_mps().T
    names = [bytes(name).decode() for name in placed.hits.hit_id[paths.rows[paths.first]]]
    return GroundTracks(
        track_id=tuple(f"T-{name[:10]}" for name in names),
        class_name=Labels(names=placed.class_names, codes=evidence.class_code.astype(np.int32)),
        existence=evidence.existence.astype(np.float32),
        posterior_classes=placed.class_names,
        posterior=evidence.posterior.astype(np.float32),
        ended=Labels(names=ENDINGS, codes=paths.ending.astype(np.int32)),
        speed_mps=np.hypot(east, north).astype(np.float32),
        heading_deg=(np.degrees(np.arctan2(east, north)) % 360.0).astype(np.float32),
        **seen,
        offsets=paths.offsets,
        t_utc_ns=paths.t_ns,
        lat_deg=np.asarray(lat, dtype=np.float64),
        lon_deg=np.asarray(lon, dtype=np.float64),
        ce90_m=placed.hits.ce90_m[paths.rows],
        hit_id=placed.hits.hit_id[paths.rows],
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Moment:
    """One picture, or several at the same time."""

    t_ns: int
    hits: slice
    """Its rows among the placed hits."""
    look: int
    """Which look it is, or -1."""
    drift: int
    """Which row of the ground's drift tells of it; -1 where no look does."""
    dt_s: float
    """Since the moment before."""
    weight: float
    """How much of an independent look it is."""
    fresh: float
    """Share of the pose's variance that is new since the moment before."""
    cov_m2: FloatArray
    """Mean covariance of its hits."""


class _Follow:
    """One pass over the frames."""

    def __init__(self, placed: Placed, settings: TrackerSettings, looks: Looks | None, drift: GroundDrift) -> None:
        self._placed, self._settings, self._looks = placed, settings, looks
        self._matrices = None if looks is None else looks.matrices(placed.origin)
        self._drift = drift
        self._place_m = placed.place_m[:, :2] - drift.at(placed.t_ns)
        self._aligned = -1
        """Row of the ground's drift at the frame that was aligned last, or -1."""
        self._motions = motions_of(placed.class_names)
        self._own = settings.own_sigma_m**2 * np.eye(2) + settings.own_share * placed.cov_m2
        self._live = Followers.none(len(placed.class_names))
        self._points: list[tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]] = []
        self._born = 0
        most = len(placed)
        self._looked, self._found = np.zeros(most), np.zeros(most)
        self._ending = np.full(most, STILL_FOLLOWED, dtype=np.int64)
        self._votes = np.zeros((most, len(placed.class_names)))

    def paths(self) -> Paths:
        """Run frame after frame; everything that was ever followed."""
        moments = self._moments()
        self._aligned, last_ns = moments[0].drift, moments[0].t_ns
        for moment in moments:
            live = self._live
            self._drop(moment.t_ns - live.in_view_ns > int(self._settings.coast_s * 1e9), last_ns)
            self._step(moment)
            last_ns = moment.t_ns
        self._drop(np.ones(len(self._live), dtype=bool), last_ns)
        number, rows, states = (np.concatenate([point[k] for point in self._points]) for k in range(3))
        per_path: dict[str, NDArray[Any]] = {
            name: getattr(self, f"_{name}")[: self._born] for name in ("looked", "found", "ending")
        }
        code = self._votes[: self._born].argmax(axis=1)
        return Paths.gather(number, rows, self._placed.t_ns[rows], states, class_code=code, **per_path)

    def _moments(self) -> list[_Moment]:
        """Return the moments of hits and of looks, in order."""
        t_ns, settings = self._placed.t_ns, self._settings
        known = np.zeros(0, np.int64) if self._looks is None else self._looks.t_utc_ns
        known = known[(known >= t_ns[0]) & (known <= t_ns[-1] + int(settings.coast_s * 1e9))]
        times = np.unique(np.concatenate([t_ns, known]))
        first, last = np.searchsorted(t_ns, times), np.searchsorted(t_ns, times, side="right")
        look = np.full(len(times), -1)
        if self._looks is not None and len(self._looks):
            place = np.minimum(np.searchsorted(self._looks.t_utc_ns, times), len(self._looks) - 1)
            look = np.where(self._looks.t_utc_ns[place] == times, place, -1)
        dt_s = np.diff(times, prepend=times[:1]) / 1e9
        mean_m2 = np.zeros((len(times), 2, 2))
        hit = last > first
        mean_m2[hit] = np.add.reduceat(self._placed.cov_m2, first[hit]) / (last - first)[hit, None, None]
        fresh = settings.white_share + 2.0 * (1.0 - np.exp(-dt_s / settings.drift_time_s))
        weight = 1.0 - np.exp(-dt_s / LOOK_TIME_S)
        drift = np.where(look >= 0, self._drift.rows_at(times), -1)
        columns = (look, drift, dt_s, weight, fresh)
        hits = map(slice, first.tolist(), last.tolist())
        return list(map(_Moment, times.tolist(), hits, *(column.tolist() for column in columns), mean_m2))

    def _step(self, moment: _Moment) -> None:
        """Move everything to one moment, align its hits, and take, miss, drop and begin."""
        live, hits = self._live, moment.hits
        left = np.ones(hits.stop - hits.start, dtype=bool)
        if len(live):
            code = live.class_code
            live.predict(moment.dt_s, self._motions[code, 0])
            if len(left):
                left[self._take(moment, code)] = False
            self._miss(moment)
        if left.any():
            self._begin(moment.t_ns, left.nonzero()[0] + hits.start)

    def _off_m2(self, moment: _Moment) -> FloatArray:
        """Covariance (2, 2) of what a frame as a whole may lie off the one that was aligned before it."""
        if min(moment.drift, self._aligned) >= 0:
            registered = float(self._drift.spread_between_m2(self._aligned, moment.drift))
            if math.isfinite(registered):
                return np.array([[registered, 0.0], [0.0, registered]])
        return np.asarray(moment.fresh * moment.cov_m2)

    def _take(self, moment: _Moment, code: NDArray[np.int64]) -> NDArray[np.int64]:
        """Align a frame's hits with the predictions and update; returns the places of the hits that were taken."""
        live, placed = self._live, self._placed
        own, place, hit_code = self._own[moment.hits], self._place_m[moment.hits], placed.class_code[moment.hits]
        found = align(
            Predicted(place_m=live.state[:, :2], cov_m2=live.cov[:, :2, :2], class_code=code),
            FrameHits(place_m=place, own_m2=own, class_code=hit_code),
            self._off_m2(moment),
        )
        self._aligned = moment.drift
        live.state[:, :2] += found.shift_m
        thing, hit = found.thing, found.hit
        if len(thing):
            live.update(thing, place[hit], own[hit] + found.left_m2)
            rows = hit + moment.hits.start
            live.up_m[thing] = placed.place_m[rows, 2]
            live.seen_ns[thing] = moment.t_ns
            live.lost_nats[thing] = 0.0
            live.votes[thing, hit_code[hit]] += 1.0
            self._points.append((live.number[thing], rows, live.state[thing]))
        return hit

    def _miss(self, moment: _Moment) -> None:
        """Count looks, and let go of what should have been seen."""
        live, weight = self._live, moment.weight
        hit = live.seen_ns == moment.t_ns
        inside = self._inside(moment.look) | hit
        live.pending += weight * inside
        live.looked += live.pending * hit
        live.pending *= ~hit
        live.found += weight * hit
        live.lost_nats += MISSED_NATS * weight * (inside & ~hit)
        live.in_view_ns[inside] = moment.t_ns
        self._drop(live.lost_nats > self._settings.lost_nats, moment.t_ns, LOST)

    def _drop(self, gone: NDArray[np.bool_], last_ns: int, ending: int = STILL_FOLLOWED) -> None:
        """Follow some no further; what the last moment did not show went out of view before that."""
        if not gone.any():
            return
        live = self._live
        number = live.number[gone]
        self._looked[number], self._found[number] = live.looked[gone], live.found[gone]
        self._votes[number] = live.votes[gone]
        self._ending[number] = np.where(live.in_view_ns[gone] == last_ns, ending, OUT_OF_VIEW)
        live.keep(~gone)

    def _inside(self, look: int) -> NDArray[np.bool_]:
        """Tell which things lie well inside the picture."""
        live = self._live
        if self._matrices is None or self._looks is None:
            return np.ones(len(live), dtype=bool)
        if look < 0:
            return np.zeros(len(live), dtype=bool)
        wandered = self._drift.shift_m[look + 1]
        where = np.column_stack([live.state[:, :2] + wandered, live.up_m])
        pixels, depth = seen_pixels(self._matrices[look], where)
        with np.errstate(invalid="ignore"):
            inner = (pixels > EDGE_PX) & (pixels < self._looks.size_px[look] - EDGE_PX)
            inner[:, 1] &= pixels[:, 1] > self._looks.first_row_px[look] + EDGE_PX
        return np.asarray(inner.all(axis=1) & (depth > 0.0))

    def _begin(self, t_ns: int, rows: NDArray[np.int64]) -> None:
        """Begin to follow hits that belong to nothing known."""
        count, placed = len(rows), self._placed
        code = placed.class_code[rows]
        number = np.arange(self._born, self._born + count)
        self._born += count
        state = np.concatenate([self._place_m[rows], np.zeros((count, 2))], axis=1)
        cov = np.zeros((count, 4, 4))
        cov[:, :2, :2] = self._own[rows]
        cov[:, 2, 2] = cov[:, 3, 3] = self._motions[code, 1] ** 2
        votes = np.zeros((count, len(placed.class_names)))
        votes[np.arange(count), code] = 1.0
        moment = np.full(count, t_ns, dtype=np.int64)
        self._points.append((number, rows, state))
        self._live.add(
            Followers(
                state=state.copy(), cov=cov, up_m=placed.place_m[rows, 2], seen_ns=moment, in_view_ns=moment.copy(),
                votes=votes, number=number, lost_nats=np.zeros(count), pending=np.zeros(count),
                looked=np.ones(count), found=np.ones(count),
            )
        )  # fmt: skip
