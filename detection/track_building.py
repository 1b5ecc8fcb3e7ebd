"""Hits as columns in local metres, and finished paths as tracks."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.ground_tracks import GroundTrack
from geo.geodesy import enu_to_geodetic, geodetic_to_enu
from geo.values import Geodetic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detection.ground_hits import GroundHits

    FloatArray = NDArray[np.float64]

SPEED_WINDOW_S: Final = 12.0
"""A track's speed and heading are those of its last seconds."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Hits that have a position, as columns ordered by time, then id; metres east and north of `origin`."""

    origin: Geodetic
    hits: GroundHits
    index: NDArray[np.int64]
    """Where each row stood among the hits as they came in."""
    place_m: FloatArray
    cov_m2: FloatArray
    """Covariances, shape (n, 2, 2)."""
    class_names: NDArray[np.str_]

    @classmethod
    def of(cls, hits: GroundHits) -> Placed:
        """Gather the hits that have a position and a finite covariance."""
        numbers = np.stack([hits.lat_deg, hits.lon_deg, hits.var_e_m2, hits.var_n_m2])
        usable = np.flatnonzero(hits.placed & np.isfinite(numbers).all(axis=0))
        index = usable[np.lexsort([hits.hit_id[usable], hits.t_utc_ns[usable]])]
        kept = hits.take(index)
        alt = np.nan_to_num(kept.alt_hae_m.astype(np.float64))
        first = (kept.lat_deg[0], kept.lon_deg[0], alt[0]) if len(kept) else (0.0, 0.0, 0.0)
        origin = Geodetic(lat_deg=float(first[0]), lon_deg=float(first[1]), alt_hae_m=float(first[2]))
        enu = geodetic_to_enu(kept.lat_deg, kept.lon_deg, alt, origin) if len(kept) else np.zeros((0, 3))
        cov = np.stack([kept.var_e_m2, kept.cov_en_m2, kept.cov_en_m2, kept.var_n_m2], axis=-1).astype(np.float64)
        return cls(
            origin=origin,
            hits=kept,
            index=index,
            place_m=enu[:, :2],
            cov_m2=cov.reshape(-1, 2, 2),
            class_names=kept.class_name.texts(),
        )

    @property
    def t_ns(self) -> NDArray[np.int64]:
        """UTC of each row."""
        return self.hits.t_utc_ns

    def __len__(self) -> int:
        return len(self.hits)

    def frames(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Rows of each moment, in order of time."""
        times, first = np.unique(self.t_ns, return_index=True)
        last = np.append(first[1:], len(self.t_ns))
        for t_ns, start, stop in zip(times.tolist(), first.tolist(), last.tolist(), strict=True):
            yield t_ns, np.arange(start, stop)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A followed thing: the rows of its hits, and its filtered state (east, north, rates) at each."""

    rows: tuple[int, ...]
    t_ns: NDArray[np.int64]
    states: FloatArray
    class_name: str

    def joined(self, later: Path) -> Path:
        """Return this path and one that goes on after it as one."""
        return Path(
            rows=self.rows + later.rows,
            t_ns=np.concatenate([self.t_ns, later.t_ns]),
            states=np.concatenate([self.states, later.states]),
            class_name=self.class_name,
        )

    def velocity_mps(self) -> FloatArray:
        """Velocity east and north over the last seconds: the slope of a straight line through the places."""
        recent = self.t_ns >= self.t_ns[-1] - int(SPEED_WINDOW_S * 1e9)
        t_s = (self.t_ns[recent] - self.t_ns[-1]) / 1e9
        if t_s[-1] - t_s[0] < 1.0:
            return np.asarray(self.states[-1, 2:])
        centred = t_s - t_s.mean()
        return np.asarray(centred @ self.states[recent, :2] / (centred @ centred))

    def as_track(self, placed: Placed) -> GroundTrack:
        """Return the track a person sees: filtered places, each with the CE90 of its hit.

        Filtering does not shrink CE90: the pose's error is common to all hits and does not average out.
        """
        enu = np.column_stack([self.states[:, :2], np.zeros(len(self.rows))])
        lat, lon, _ = enu_to_geodetic(enu, placed.origin)
        east, north = self.velocity_mps()
        return GroundTrack(
            track_id=self.track_id(placed),
            class_name=self.class_name,
            t_utc_ns=tuple(self.t_ns.tolist()),
            lat_deg=tuple(lat.tolist()),
            lon_deg=tuple(lon.tolist()),
            ce90_m=tuple(placed.hits.ce90_m[list(self.rows)].tolist()),
            speed_mps=float(np.hypot(east, north)),
            heading_deg=float(np.degrees(np.arctan2(east, north)) % 360.0),
            hit_ids=tuple(name.decode() for name in placed.hits.hit_id[list(self.rows)].tolist()),
        )

    def track_id(self, placed: Placed) -> str:
        """Stable id: from the first hit's."""
        return f"T-{bytes(placed.hits.hit_id[self.rows[0]]).decode()[:10]}"
