"""Hits that have a place, ordered by time, in local metres."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from geo.geodesy import geodetic_to_enu
from geo.values import Geodetic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detection.ground_hits import GroundHits

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Hits that have a position, as columns ordered by time, then id; metres east and north of `origin`."""

    origin: Geodetic
    hits: GroundHits
    index: NDArray[np.int64]
    """Where each row stood among the hits as they came in."""
    place_m: FloatArray
    """Shape (n, 3): east, north, up."""
    cov_m2: FloatArray
    """Covariances, shape (n, 2, 2)."""
    class_code: NDArray[np.int64]
    """Place of each row's class in `class_names`."""
    class_names: tuple[str, ...]
    """Classes that occur, by name."""

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
        names = tuple(sorted(kept.class_name.counts()))
        to_code = np.array([names.index(n) if n in names else 0 for n in kept.class_name.names] or [0], dtype=np.int64)
        return cls(
            origin=origin,
            hits=kept,
            index=index,
            place_m=enu,
            cov_m2=cov.reshape(-1, 2, 2),
            class_code=to_code[kept.class_name.codes],
            class_names=names,
        )

    @property
    def t_ns(self) -> NDArray[np.int64]:
        """UTC of each row."""
        return self.hits.t_utc_ns

    def __len__(self) -> int:
        return len(self.hits)

    def chances(self) -> FloatArray:
        """Chance that each hit is right: calibrated where known, else the detector's own number; within 2 to 98 %.

        No single box is believed beyond that: a curve of a few hundred boxes cannot tell 0.99 from 1.
        """
        return np.clip(self.hits.best_score.astype(np.float64), 0.02, 0.98)
