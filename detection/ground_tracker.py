"""Follow things on the ground, at a few frames a second, from a camera that moves.

Each thing has a constant-velocity Kalman filter in metres east and north
(Bar-Shalom, Li, Kirubarajan 2001, section 6.2). What is special is the noise:
nearly all of a hit's error is the pose's, which is the same for all hits of a
frame and drifts slowly. A filter that took it for fresh noise would open gates
of ten metres and swap neighbours who walk two metres apart. So a hit's
covariance is split into a small own part and a common part that drifts, and
each frame is first aligned with the predictions as a whole: one shift for all,
chosen so that most things fall on one another. Then the gates can be tight.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from detection.ground_tracks import GroundTracks
from detection.labels import NONE, Labels
from detection.track_building import Path, Placed
from detection.track_stitching import stitch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.ground_hits import GroundHits

    FloatArray = NDArray[np.float64]

GATE_D2: Final = 13.8
"""Gate on the squared Mahalanobis distance: 99.9 % of two-dimensional normal residuals (chi-square, 2 degrees)."""
FORBIDDEN: Final = 1e6
HYPOTHESES_MAX: Final = 300
"""Most shifts tried for one frame."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How a class of thing moves."""

    accel_mps2: float
    """White-noise acceleration, one sigma."""
    speed_sigma_mps: float
    """Spread of speeds before anything is known."""


MOTIONS: Final = {"person": Motion(accel_mps2=0.2, speed_sigma_mps=1.2)}
OTHER_MOTION: Final = Motion(accel_mps2=1.5, speed_sigma_mps=7.0)


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
    coast_s: float = 3.0
    """A track not seen for this long ends."""
    hits_min: int = 3
    """What is seen fewer times is no track."""
    stitch_gap_s: float = 180.0
    """Tracks of one thing may be joined over a gap this long at most; 0 joins none."""


@dataclasses.dataclass(slots=True, kw_only=True)
class _Follower:
    """One thing being followed: east, north and their rates, as the hits' drifting positions have it."""

    state: FloatArray
    cov: FloatArray
    t_ns: int
    seen_ns: int
    class_name: str
    rows: list[int]
    states: list[FloatArray]

    def predict(self, t_ns: int) -> None:
        """Move to `t_ns`: constant velocity with white-noise acceleration."""
        dt = (t_ns - self.t_ns) / 1e9
        move = np.eye(4)
        move[0, 2] = move[1, 3] = dt
        accel = MOTIONS.get(self.class_name, OTHER_MOTION).accel_mps2
        block = np.array([[dt**4 / 4.0, dt**3 / 2.0], [dt**3 / 2.0, dt**2]]) * accel**2
        self.state = move @ self.state
        self.cov = move @ self.cov @ move.T + np.kron(block, np.eye(2))
        self.t_ns = t_ns

    def update(self, row: int, place_m: FloatArray, noise_m2: FloatArray) -> None:
        """Take a hit (Joseph form)."""
        gain = self.cov[:, :2] @ np.linalg.inv(self.cov[:2, :2] + noise_m2)
        self.state = self.state + gain @ (place_m - self.state[:2])
        keep = np.eye(4)
        keep[:, :2] -= gain
        self.cov = keep @ self.cov @ keep.T + gain @ noise_m2 @ gain.T
        self.seen_ns = self.t_ns
        self.rows.append(row)
        self.states.append(self.state)


def track(hits: GroundHits, settings: TrackerSettings | None = None) -> tuple[GroundHits, GroundTracks]:
    """Link hits into tracks; the same hits in any order give the same tracks.

    Parameters
    ----------
    hits
        Hits of one sensor; those without a position pass through without a track.
    settings
        Noise, gates and gaps.

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
    paths = [
        Path(
            rows=tuple(one.rows),
            t_ns=placed.t_ns[one.rows],
            states=np.array(one.states),
            class_name=one.class_name,
        )
        for one in _follow(placed, settings)
        if len(one.rows) >= settings.hits_min
    ]
    if settings.stitch_gap_s > 0.0:
        paths = stitch(paths, placed, settings.stitch_gap_s)
    paths.sort(key=lambda path: (int(path.t_ns[0]), path.rows[0]))
    tracks = [path.as_track(placed) for path in paths]
    codes = np.full(len(hits), NONE, dtype=np.int32)
    for number, path in enumerate(paths):
        codes[placed.index[list(path.rows)]] = number
    marked = dataclasses.replace(hits, track=Labels(names=tuple(one.track_id for one in tracks), codes=codes))
    return marked, GroundTracks.of(tracks)


def _follow(placed: Placed, settings: TrackerSettings) -> list[_Follower]:
    """Run frame after frame; everything that was ever followed."""
    live: list[_Follower] = []
    done: list[_Follower] = []
    last_ns = int(placed.t_ns[0])
    for t_ns, rows in placed.frames():
        limit_ns = int(settings.coast_s * 1e9)
        done += [one for one in live if t_ns - one.seen_ns > limit_ns]
        live = [one for one in live if t_ns - one.seen_ns <= limit_ns]
        live += _step(live, placed, rows, t_ns, (t_ns - last_ns) / 1e9, settings)
        last_ns = t_ns
    return done + live


def _step(
    live: list[_Follower],
    placed: Placed,
    rows: NDArray[np.int64],
    t_ns: int,
    dt_s: float,
    settings: TrackerSettings,
) -> list[_Follower]:
    """Match one frame's hits to `live` and update it; returns the followers born of the hits left over."""
    total, places = placed.cov_m2[rows], placed.place_m[rows]
    own = settings.own_sigma_m**2 * np.eye(2) + settings.own_share * total
    fresh = settings.white_share + 2.0 * (1.0 - np.exp(-dt_s / settings.drift_time_s))
    drift = fresh * total.mean(axis=0)
    for one in live:
        one.predict(t_ns)
    shift, left_over = common_shift(live, placed.class_names[rows], places, own, drift)
    for one in live:
        one.state = one.state + np.concatenate([shift, np.zeros(2)])
    noise = own + left_over
    taken = set()
    for k, j in _assign(live, placed.class_names[rows], places, noise):
        live[k].update(int(rows[j]), places[j], noise[j])
        taken.add(j)
    return [_born(placed, int(rows[j]), own[j], t_ns) for j in range(len(rows)) if j not in taken]


def _born(placed: Placed, row: int, own_m2: FloatArray, t_ns: int) -> _Follower:
    name = str(placed.class_names[row])
    cov = np.zeros((4, 4))
    cov[:2, :2] = own_m2
    cov[2:, 2:] = MOTIONS.get(name, OTHER_MOTION).speed_sigma_mps ** 2 * np.eye(2)
    state = np.concatenate([placed.place_m[row], np.zeros(2)])
    return _Follower(state=state, cov=cov, t_ns=t_ns, seen_ns=t_ns, class_name=name, rows=[row], states=[state])


def common_shift(
    live: Sequence[_Follower],
    names: NDArray[np.str_],
    places_m: FloatArray,
    own_m2: FloatArray,
    drift_m2: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """How far the whole frame lies off the predictions, and what of the drift's covariance stays unknown.

    Every pairing of a prediction with a hit of its class proposes a shift. The
    one taken has the least sum of squared distances, each cut off at the gate,
    plus its own squared distance under `drift_m2`. It is then refined by the
    mean of what falls together, weighed against the drift (a Kalman update of
    the shift).
    """
    none = np.zeros(2), drift_m2
    if not live:
        return none
    predicted = np.array([one.state[:2] for one in live])
    same = np.array([one.class_name for one in live])[:, None] == names[None]
    spread = np.array([np.trace(one.cov[:2, :2]) for one in live])[:, None] + np.trace(own_m2, axis1=1, axis2=2)[None]
    spread = spread / 2.0
    residual = np.where(same[..., None], places_m[None] - predicted[:, None], np.inf)
    inverse = np.linalg.inv(drift_m2)
    proposals = residual[same]
    if not len(proposals):
        return none
    price = np.einsum("hi,ij,hj->h", proposals, inverse, proposals)
    order = np.argsort(price, kind="stable")[:HYPOTHESES_MAX]
    proposals = np.vstack([np.zeros((1, 2)), proposals[order]])
    price = np.concatenate([[0.0], price[order]])
    gaps = ((residual[None] - proposals[:, None, None]) ** 2).sum(axis=-1) / spread
    cost = np.minimum(gaps.min(axis=2), GATE_D2).sum(axis=1) + np.minimum(gaps.min(axis=1), GATE_D2).sum(axis=1) + price
    best = int(np.argmin(cost))
    hit = gaps[best].argmin(axis=1)
    fits = np.flatnonzero(gaps[best].min(axis=1) < GATE_D2)
    if not len(fits):
        return none
    mean = residual[fits, hit[fits]].mean(axis=0)
    gain = drift_m2 @ np.linalg.inv(drift_m2 + spread[fits, hit[fits]].mean() / len(fits) * np.eye(2))
    return gain @ mean, drift_m2 - gain @ drift_m2


def _assign(
    live: Sequence[_Follower], names: NDArray[np.str_], places_m: FloatArray, noise_m2: FloatArray
) -> list[tuple[int, int]]:
    """Pairs of follower and hit, of one class and inside the gate, of least total cost (Munkres 1957)."""
    if not live:
        return []
    predicted = np.array([one.state[:2] for one in live])
    spread = np.array([one.cov[:2, :2] for one in live])[:, None] + noise_m2[None]
    residual = places_m[None] - predicted[:, None]
    d2 = np.einsum("kji,kjil,kjl->kj", residual, np.linalg.inv(spread), residual)
    cost = d2 + np.log(np.linalg.det(spread))
    same = np.array([one.class_name for one in live])[:, None] == names[None]
    open_gate = same & (d2 < GATE_D2)
    left, right = linear_sum_assignment(np.where(open_gate, cost, FORBIDDEN))
    return [(int(k), int(j)) for k, j in zip(left, right, strict=True) if open_gate[k, j]]
