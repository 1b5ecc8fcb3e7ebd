"""A tracker on the ground as UCMCTrack has it, for comparison (Yi et al. 2024, UCMCTrack, AAAI; no registry has it).

Boxes' foot points on the ground, with the error of the box alone (a share of its size, through the lens); one Kalman
filter a thing with constant velocity; the cost of a pair is the squared Mahalanobis distance and the logarithm of the
determinant; boxes of high score are assigned first, then the others. Poses are taken as they are.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from detection.labels import Labels
from geo.geodesy import geodetic_to_enu
from geo.values import Geodetic

if TYPE_CHECKING:
    from detection.ground_hits import GroundHits
    from detection.looks import Looks

SIZE_SHARE = 0.05
"""Error of a foot point as a share of the box's width and height: the paper's."""
FLOOR_M = 1.0
"""Error of each place beside that: poses err by metres, which the paper's cameras do not. Of 0.05, 0.3, 0.6, 1 and 2 m
it did best with this on the very flights of `benchmarks.tracking`, and of gates 9 and 14 with the second."""
GATE = 14.0
HIGH_SCORE = 0.5
KEPT_S = 4.0
"""How long a thing is kept without a box: as long as ours."""
ACCEL_MPS2 = (0.5, 3.0)
"""Of persons and of other things."""


def follow_on_ground(hits: GroundHits, looks: Looks) -> GroundHits:
    """Return the hits with identities."""
    rows = np.flatnonzero(hits.placed)
    rows = rows[np.argsort(hits.t_utc_ns[rows], kind="stable")]
    placed = hits.take(rows)
    names = np.full(len(hits), "", dtype=object)
    if not len(rows):
        return dataclasses.replace(hits, track=Labels.of(names.tolist()))
    origin = Geodetic(lat_deg=float(placed.lat_deg[0]), lon_deg=float(placed.lon_deg[0]), alt_hae_m=0.0)
    place = geodetic_to_enu(placed.lat_deg, placed.lon_deg, np.zeros(len(placed)), origin)[:, :2]
    noise, person = _noise_m2(placed, looks), placed.class_name.texts() == "person"
    things: list[_Thing] = []
    born = 0
    for t_ns in np.unique(placed.t_utc_ns).tolist():
        here = np.flatnonzero(placed.t_utc_ns == t_ns)
        things = [one for one in things if t_ns - one.seen_ns <= KEPT_S * 1e9]
        for one in things:
            one.predict(t_ns)
        left, waiting = list(range(len(things))), list(here)
        for group in (placed.best_score[here] >= HIGH_SCORE, placed.best_score[here] < HIGH_SCORE):
            asked = [row for row in here[group] if row in waiting]
            for thing, row in _assigned([things[k] for k in left], asked, place, noise):
                thing.update(place[row], noise[row], t_ns)
                names[rows[row]] = f"U-{thing.number}"
                waiting.remove(row)
                left.remove(next(k for k in left if things[k] is thing))
        for row in waiting:
            things.append(_Thing.begun(born, place[row], noise[row], t_ns, person=bool(person[row])))
            names[rows[row]] = f"U-{born}"
            born += 1
    return dataclasses.replace(hits, track=Labels.of(names.tolist()))


@dataclasses.dataclass(slots=True)
class _Thing:
    number: int
    state: np.ndarray
    cov: np.ndarray
    accel_mps2: float
    seen_ns: int
    at_ns: int

    @classmethod
    def begun(cls, number: int, place: np.ndarray, noise: np.ndarray, t_ns: int, *, person: bool) -> _Thing:
        cov = np.zeros((4, 4))
        cov[:2, :2], cov[2, 2], cov[3, 3] = noise, *((1.5**2,) * 2 if person else (8.0**2,) * 2)
        return cls(number, np.r_[place, 0.0, 0.0], cov, ACCEL_MPS2[0 if person else 1], t_ns, t_ns)

    def predict(self, t_ns: int) -> None:
        dt = (t_ns - self.at_ns) / 1e9
        step = np.eye(4)
        step[0, 2] = step[1, 3] = dt
        push = np.kron(np.array([[dt**4 / 4.0, dt**3 / 2.0], [dt**3 / 2.0, dt**2]]), np.eye(2))
        self.state, self.at_ns = step @ self.state, t_ns
        self.cov = step @ self.cov @ step.T + self.accel_mps2**2 * push

    def update(self, place: np.ndarray, noise: np.ndarray, t_ns: int) -> None:
        gain = self.cov[:, :2] @ np.linalg.inv(self.cov[:2, :2] + noise)
        self.state = self.state + gain @ (place - self.state[:2])
        self.cov = self.cov - gain @ self.cov[:2]
        self.seen_ns = t_ns


def _noise_m2(placed: GroundHits, looks: Looks) -> np.ndarray:
    """Covariance of each foot point (n, 2, 2) from a share of the box, across and along the line of sight."""
    look = np.clip(np.searchsorted(looks.t_utc_ns, placed.t_utc_ns), 0, len(looks) - 1)
    size = (placed.box_px[:, 2:] - placed.box_px[:, :2]).astype(float)
    metre = placed.slant_m / looks.focal_px[look, 0]
    sin_down = np.clip((looks.alt_hae_m[look] - placed.alt_hae_m) / placed.slant_m, 0.05, 1.0)
    across, along = SIZE_SHARE * size[:, 0] * metre, SIZE_SHARE * size[:, 1] * metre / sin_down
    forward = looks.to_camera[look, 0, :2]
    forward /= np.maximum(np.linalg.norm(forward, axis=1), 1e-9)[:, None]
    side = np.stack([-forward[:, 1], forward[:, 0]], axis=1)
    noise = along[:, None, None] ** 2 * forward[:, :, None] * forward[:, None]
    return noise + across[:, None, None] ** 2 * side[:, :, None] * side[:, None] + FLOOR_M**2 * np.eye(2)


def _assigned(things: list[_Thing], rows: list[int], place: np.ndarray, noise: np.ndarray) -> list[tuple[_Thing, int]]:
    if not things or not rows:
        return []
    cost = np.full((len(things), len(rows)), 1e3)
    for k, one in enumerate(things):
        for j, row in enumerate(rows):
            spread = one.cov[:2, :2] + noise[row]
            off = place[row] - one.state[:2]
            cost[k, j] = min(float(off @ np.linalg.solve(spread, off)) + float(np.log(np.linalg.det(spread))), 1e3)
    return [(things[k], rows[j]) for k, j in zip(*linear_sum_assignment(cost), strict=True) if cost[k, j] < GATE]
