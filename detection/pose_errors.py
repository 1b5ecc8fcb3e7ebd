"""What a flight's poses were wrong by, told by the ground: it rests, and every picture shows it.

Pictures that were compared with the ones before (`detection.ground_registration`) say how far each pose puts the same
ground off where the pose before put it. What lasts for a flight (a compass, a gimbal's zero, a datum) moves the ground
the further the aircraft flies on; what drifts moves it from one picture to the next. Both are found at once, by least
squares with the stated errors as prior: what the pictures cannot tell apart keeps its uncertainty, and what they do not
show at all, such as a constant shift of the whole flight, keeps all of it.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import ndimage

from detection.looks import Looks
from detection.pose_smoothing import Compared, smooth
from geo.accuracy import ce90_m
from geo.geodesy import geodetic_to_enu, metres_per_degree
from geo.jacobian import error_sources
from geo.values import Geodetic, Poses, PoseSigmas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from detection.ground_hits import GroundHits
    from detection.looks import Look
    from geo.values import Terrain

    FloatArray = NDArray[np.float64]

COMPARED_MIN: Final = 30
"""Fewer comparisons than this are no flight that anything could be learned from."""
STEEP_MIN: Final = 0.15
"""Places seen less steeply than this (the sine of 9 degrees) are left alone: they do not follow the angles linearly."""
STEADY_S: Final = 3.0
"""Sigma of the average over which a flight's change of geometry is taken."""
METRES: Final = 3
"""Errors of the position: east, north, and height over the ground."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PoseErrors:
    """Errors of each picture's pose in units of their stated one-sigma errors: of the position, then of each angle.

    An error moves what the pose says: the truth is the pose less the error.
    """

    t_utc_ns: NDArray[np.int64]
    mean: FloatArray
    """Shape (n, k)."""
    cov: FloatArray
    """Shape (n, k, k); the identity where nothing was learned."""
    sigma_m: FloatArray
    """One-sigma errors of the position, shape (n, 3)."""
    turn_rad: FloatArray
    """What one sigma of each angle turns the camera by: rotation vectors east-north-up, shape (n, k - 3, 3)."""
    eye_m: FloatArray
    """Each camera, east-north-up of `origin`, shape (n, 3)."""
    origin: Geodetic
    explained_m: FloatArray
    """How much of each picture's shift off the one before these errors are, east and north, shape (n, 2)."""
    misfit: float
    """Chi-square of the comparisons over their number: 1 where the stated errors are right; more widens `cov`."""

    def __len__(self) -> int:
        return len(self.t_utc_ns)

    def moves_m(self, rows: NDArray[np.int64], place_m: FloatArray) -> FloatArray:
        """Metres east and north by which one sigma of each error moves a place seen in a picture, shape (p, 2, k)."""
        return _moves_m(place_m - self.eye_m[rows], self.sigma_m[rows], self.turn_rad[rows])

    def taken_off(self, hits: GroundHits) -> GroundHits:
        """Return hits at their places less what is known of the errors, with the covariance that is left.

        More is left than was stated only where the comparisons contradict the stated errors (`misfit` above 1). Hits of
        other pictures, and those seen too flat, stay as they are.
        """
        row = np.minimum(np.searchsorted(self.t_utc_ns, hits.t_utc_ns), len(self) - 1)
        mine = np.flatnonzero(hits.placed & (self.t_utc_ns[row] == hits.t_utc_ns))
        place = np.asarray(
            geodetic_to_enu(hits.lat_deg[mine], hits.lon_deg[mine], hits.alt_hae_m[mine].astype(float), self.origin)
        ).reshape(-1, 3)
        offset = place - self.eye_m[row[mine]]
        steep = -offset[:, 2] >= STEEP_MIN * np.linalg.norm(offset, axis=1)
        mine, place = mine[steep], place[steep]
        rows = row[mine]
        moves = self.moves_m(rows, place)
        moved = np.einsum("pik,pk->pi", moves, self.mean[rows])
        gained = np.einsum("pik,pkl,pjl->pij", moves, np.eye(self.mean.shape[1]) - self.cov[rows], moves)
        north, east = metres_per_degree(hits.lat_deg[mine])
        columns = {name: getattr(hits, name).copy() for name in _PLACE_COLUMNS}
        columns["lon_deg"][mine] -= moved[:, 0] / east
        columns["lat_deg"][mine] -= moved[:, 1] / north
        var_e, var_n, cov = (
            columns[name][mine].astype(np.float64) - gained[:, i, j] for name, (i, j) in _COVARIANCES.items()
        )
        sound = (np.minimum(var_e, var_n) > 0.0) & (var_e * var_n > cov**2)
        kept = mine[sound]
        for name, values in zip(_COVARIANCES, (var_e, var_n, cov), strict=True):
            columns[name][kept] = values[sound]
        columns["ce90_m"][kept] = ce90_m(var_e[sound], var_n[sound], cov[sound])
        return dataclasses.replace(hits, **columns)

    def corrected(self, looks: Looks) -> Looks:
        """Return the same looks from poses less the errors, with the shifts that are then left."""
        turn = np.einsum("nk,nkj->nj", self.mean[:, METRES:], self.turn_rad)
        shift = self.mean[:, :METRES] * self.sigma_m
        north, east = metres_per_degree(looks.lat_deg)
        return dataclasses.replace(
            looks,
            lat_deg=looks.lat_deg - shift[:, 1] / north,
            lon_deg=looks.lon_deg - shift[:, 0] / east,
            alt_hae_m=looks.alt_hae_m - shift[:, 2],
            to_camera=looks.to_camera - np.cross(turn[:, None], looks.to_camera),
            shift_m=looks.shift_m - self.explained_m,
        )

    def record(self) -> dict[str, float]:
        """Return what was found, for the record of the run: means and one-sigma errors over the flight."""
        sigma = np.sqrt(np.einsum("nkk->nk", self.cov))
        turned = np.degrees(np.linalg.norm(self.turn_rad, axis=2)).mean(axis=0)
        scale = [*self.sigma_m.mean(axis=0).tolist(), *turned.tolist()]
        units = ["east_m", "north_m", "height_m", *(f"angle_{k + 1}_deg" for k in range(len(turned)))]
        told: dict[str, float] = {"pictures": float(len(self)), "misfit": round(self.misfit, 3)}
        for column, (name, one) in enumerate(zip(units, scale, strict=True)):
            told[name] = round(one * float(self.mean[:, column].mean()), 3)
            told[f"sigma_{name}"] = round(one * float(sigma[:, column].mean()), 3)
        return told


_COVARIANCES: Final = {"var_e_m2": (0, 0), "var_n_m2": (1, 1), "cov_en_m2": (0, 1)}
_PLACE_COLUMNS: Final = ("lat_deg", "lon_deg", "ce90_m", *_COVARIANCES)


def find_pose_errors(looks: Sequence[Look], terrain: Terrain, sigmas: PoseSigmas) -> PoseErrors | None:
    """Find what each pose was wrong by; None where too few pictures were compared, or nothing is known of the ground.

    Parameters
    ----------
    looks
        Where each picture looked, and its shift off the one before.
    terrain
        Ground that the pictures show.
    sigmas
        Errors of the poses whose source states none.
    """
    taken = sorted(looks, key=lambda look: look.pose.t_utc_ns)
    table = Looks.of(taken)
    if len(table) < COMPARED_MIN or len({one.pose.gimbal_frame for one in taken}) > 1:
        return None
    stated = [look.sigmas or sigmas for look in taken]
    turns = _turns_rad(taken, stated)
    origin = Geodetic(lat_deg=float(table.lat_deg[0]), lon_deg=float(table.lon_deg[0]), alt_hae_m=0.0)
    if turns is None or not turns.shape[1]:
        return None
    count = METRES + turns.shape[1]
    nothing = PoseErrors(
        t_utc_ns=table.t_utc_ns,
        mean=np.zeros((len(taken), count)),
        cov=np.tile(np.eye(count), (len(taken), 1, 1)),
        sigma_m=np.array([_position_m(one) for one in stated]),
        turn_rad=turns,
        eye_m=np.asarray(geodetic_to_enu(table.lat_deg, table.lon_deg, table.alt_hae_m, origin)).reshape(-1, 3),
        origin=origin,
        explained_m=np.zeros((len(taken), 2)),
        misfit=1.0,
    )
    return _learned(nothing, table, terrain)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Hits and looks of a whole flight, less what it says of its poses' errors, and what that was."""

    hits: GroundHits
    looks: Looks
    record: Mapping[str, float]


def settled(hits: GroundHits, looks: Sequence[Look], terrain: Terrain, sigmas: PoseSigmas) -> Settled:
    """Take off hits and looks what the flight says of its poses' errors; as they are where it says nothing."""
    errors, table = find_pose_errors(looks, terrain, sigmas), Looks.of(looks)
    if errors is None:
        return Settled(hits=hits, looks=table, record={})
    return Settled(hits=errors.taken_off(hits), looks=errors.corrected(table), record=errors.record())


def _position_m(sigmas: PoseSigmas) -> tuple[float, float, float]:
    """One-sigma errors east, north and in height over the ground; a terrain too low acts as a camera too high."""
    east, north = (math.hypot(sigmas.position_h_m, along) for along in (sigmas.along_e_m, sigmas.along_n_m))
    return east, north, math.hypot(sigmas.position_v_m, sigmas.along_d_m, sigmas.terrain_m)


def _learned(nothing: PoseErrors, table: Looks, terrain: Terrain) -> PoseErrors | None:
    """Put the comparisons of pictures as equations of the errors, and solve them."""
    now, before = _shared_moves_m(nothing, table, terrain)
    known = np.isfinite(table.shift_sigma_m) & np.isfinite(now).all(axis=(1, 2)) & np.isfinite(before).all(axis=(1, 2))
    if known.sum() < COMPARED_MIN:
        return None
    mean, change = (now + before) / 2.0, np.where(known[:, None, None], now - before, 0.0) / 2.0
    change[known] = _steadied(change[known], table.t_utc_ns[known])
    now, before = mean + change, mean - change
    compared = Compared(
        t_s=(table.t_utc_ns - table.t_utc_ns[0]) / 1e9,
        known=known,
        shift_m=np.where(known[:, None], table.shift_m, 0.0),
        sigma_m=np.where(known, table.shift_sigma_m, 1.0),
        now_m=np.where(known[:, None, None], now, 0.0),
        before_m=np.where(known[:, None, None], before, 0.0),
    )
    found = smooth(compared)
    explained, cov = compared.explained_m(found.mean), found.cov * max(found.misfit, 1.0)
    return dataclasses.replace(nothing, mean=found.mean, cov=cov, explained_m=explained, misfit=found.misfit)


def _shared_moves_m(errors: PoseErrors, table: Looks, terrain: Terrain) -> tuple[FloatArray, FloatArray]:
    """How errors move the ground between the middles of two pictures, for the later and for the earlier one."""
    middles = _middles_m(errors, table, terrain)
    shared = middles.copy()
    shared[1:] = (middles[1:] + middles[:-1]) / 2.0
    rows = np.arange(len(table))
    return errors.moves_m(rows, shared), errors.moves_m(np.maximum(rows - 1, 0), shared)


def _steadied(change: FloatArray, t_utc_ns: NDArray[np.int64]) -> FloatArray:
    """Average over some seconds: what jitters in the poses jitters in the shifts, too, and must not explain them."""
    step_s = float(np.median(np.diff(t_utc_ns))) / 1e9
    return np.asarray(ndimage.gaussian_filter1d(change, STEADY_S / max(step_s, 1e-3), axis=0, mode="nearest"))


def _moves_m(offset_m: FloatArray, sigma_m: FloatArray, turn_rad: FloatArray) -> FloatArray:
    """Return moves (p, 2, k) of level ground that lies `offset_m` (p, 3) off the camera, east-north-up.

    A ray r from the camera that is moved by w before it meets the ground again moves the place by w - r w_up / r_up.
    """
    own = sigma_m[:, None, :] * np.eye(METRES)
    w = np.concatenate([own, np.cross(turn_rad, offset_m[:, None, :])], axis=1)
    moved = w - offset_m[:, None, :] * (w[..., 2:] / offset_m[:, None, 2:])
    return np.asarray(np.moveaxis(moved[..., :2], 2, 1))


def _middles_m(errors: PoseErrors, table: Looks, terrain: Terrain) -> FloatArray:
    """Ground in the middle of each picture, east-north-up (n, 3); NaN for sky and for unknown ground."""
    ray = np.column_stack([np.ones(len(table)), (table.size_px / 2.0 - table.centre_px) / table.focal_px])
    ray = np.einsum("nij,ni->nj", table.to_camera, ray)
    down = np.where(ray[:, 2] < -STEEP_MIN, -ray[:, 2], np.nan)
    north, east = metres_per_degree(table.lat_deg)
    lat, lon = table.lat_deg, table.lon_deg
    for _ in range(3):
        height = np.asarray(terrain.height_hae_m(lat, lon), dtype=np.float64)
        reach = np.where(table.alt_hae_m - height > 1.0, table.alt_hae_m - height, np.nan) / down
        lat, lon = table.lat_deg + reach * ray[:, 1] / north, table.lon_deg + reach * ray[:, 0] / east
    return np.asarray(errors.eye_m + reach[:, None] * ray)


def _turns_rad(taken: Sequence[Look], stated: Sequence[PoseSigmas]) -> FloatArray | None:
    """Rotation vectors (n, angles, 3) of one sigma of each angle; None where pictures have different angles."""
    if len(set(stated)) == 1:
        runs = [(list(taken), stated[0])]
    else:
        runs = [([look], one) for look, one in zip(taken, stated, strict=True)]
    parts = []
    for some, one in runs:
        sources = error_sources(Poses.of(*(look.pose for look in some)), some[0].camera, one)
        axes = [np.broadcast_to(axis, (3, len(some))) for axis in sources.axes]
        parts.append(np.array([[a[1], a[0], -a[2]] for a in axes]).reshape(len(axes), 3, len(some)).transpose(2, 0, 1))
    return np.concatenate(parts) if len({part.shape[1] for part in parts}) == 1 else None
