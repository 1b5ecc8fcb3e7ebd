"""Where tracks begin and end, and how they move there: what of them is compared over recordings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.ground_hits import GroundHits
from detection.ground_tracks import GroundTracks
from detection.out_of_sight import LAWS, OTHER_LAW, velocity_density
from detection.paths import SPEED_WINDOW_S
from geo.geodesy import geodetic_to_enu
from geo.values import Geodetic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

DRIFTS_MPS: Final = (0.1, 0.15, 0.2, 0.3, 0.45)
"""What velocities of a recording may be wrong by on an axis, as its pose drifts: from little, where pictures were
compared with the ones before, to what 2 m over the eight seconds are for which a pass shows a place, and more."""
DRIFTS_CHANCE: Final = (0.2, 0.15, 0.15, 0.4, 0.1)
"""How likely each is before a track was seen: an assumption; what stands soon says which it is."""
PLACE_M: Final = 0.5
"""Error of a place relative to the next, over a track's seconds: what a short track's velocity is wrong by."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Ends of tracks as columns, in metres east and north of one place and metres a second; one row a track."""

    run: NDArray[np.int64]
    """Which recording each is of."""
    begin_ns: NDArray[np.int64]
    end_ns: NDArray[np.int64]
    begin_m: FloatArray
    end_m: FloatArray
    begin_mps: FloatArray
    end_mps: FloatArray
    begin_cov_m2: FloatArray
    """Of the place, the pose's error included: shape (n, 2, 2)."""
    end_cov_m2: FloatArray
    velocity_m2ps2: FloatArray
    """Variance of either velocity on an axis, shape (n,)."""
    size_ln: FloatArray
    """Shape (n, 2): logarithm of height and width over what the class is expected to show; NaN where not known."""
    size_ln_var: FloatArray
    """Variance of their measurement."""
    contrast: FloatArray
    """Shape (n,): how much brighter each is than the ground around it; NaN where not known."""
    contrast_var: FloatArray
    posterior: FloatArray
    """Shape (n, classes)."""
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.run)

    @classmethod
    def of(cls, recordings: Sequence[tuple[GroundHits, GroundTracks]]) -> Traces:
        """Gather the tracks of recordings, each with the hits that its tracks are of.

        Velocities are slopes over the first and the last seconds. What a pose drifts by meanwhile is in them, too.
        """
        tracks = GroundTracks.concat([some for _, some in recordings])
        hits = GroundHits.concat([some for some, _ in recordings])
        names = tuple(sorted({*tracks.posterior_classes, *tracks.class_name.counts()}))
        first, last = tracks.offsets[:-1], tracks.offsets[1:] - 1
        order = np.argsort(hits.hit_id, kind="stable")
        ends = np.concatenate([first, last])
        row = order[np.minimum(np.searchsorted(hits.hit_id[order], tracks.hit_id[ends]), max(len(order) - 1, 0))]
        cov = np.stack([hits.var_e_m2, hits.cov_en_m2, hits.cov_en_m2, hits.var_n_m2], axis=-1)[row].astype(np.float64)
        cov = cov.reshape(2, len(tracks), 2, 2)
        place = _places_m(tracks)
        begin, end, span_s = _lines(tracks, place)
        own = np.array([names.index(name) for name in tracks.class_name.texts().tolist()], dtype=np.int64)
        told = tracks.chances_of(names).astype(np.float64)
        run = np.repeat(np.arange(len(recordings)), [len(some) for _, some in recordings])
        short_m2ps2 = (PLACE_M / np.maximum(span_s, 0.3)) ** 2
        drift_m2ps2 = _drift_m2ps2(run, end[1], short_m2ps2, [names[code] for code in own.tolist()])
        return cls(
            run=run,
            begin_ns=tracks.t_utc_ns[first],
            end_ns=tracks.t_utc_ns[last],
            begin_m=begin[0],
            end_m=end[0],
            begin_mps=begin[1],
            end_mps=end[1],
            begin_cov_m2=cov[0],
            end_cov_m2=cov[1],
            velocity_m2ps2=drift_m2ps2 + short_m2ps2,
            size_ln=np.stack([tracks.height_ln, tracks.width_ln], axis=1).astype(np.float64),
            size_ln_var=np.stack([tracks.height_ln_var, tracks.width_ln_var], axis=1).astype(np.float64),
            contrast=tracks.contrast.astype(np.float64),
            contrast_var=tracks.contrast_var.astype(np.float64),
            posterior=np.where(np.isnan(told).any(axis=1, keepdims=True), np.eye(len(names))[own], told),
            class_names=names,
        )


def _drift_m2ps2(
    run: NDArray[np.int64], mps: FloatArray, short_m2ps2: FloatArray, class_name: Sequence[str]
) -> FloatArray:
    """Variance of velocities on an axis by what each track's recording drifts: the mean of what its tracks say.

    What stands seems to move as fast as the pose drifts, and what moves has the speeds of its class.
    """
    log = np.zeros((len(run), len(DRIFTS_MPS)))
    for name in sorted(set(class_name)):
        mine, law = np.array(class_name) == name, LAWS.get(name, OTHER_LAW)
        for column, drift in enumerate(DRIFTS_MPS):
            log[mine, column] = np.log(velocity_density(mps[mine], short_m2ps2[mine] + drift**2, law))
    found = np.zeros(len(run))
    for one in np.unique(run).tolist():
        told = log[run == one].sum(axis=0) + np.log(DRIFTS_CHANCE)
        chance = np.exp(told - told.max())
        found[run == one] = chance @ np.square(DRIFTS_MPS) / chance.sum()
    return found


def _places_m(tracks: GroundTracks) -> FloatArray:
    """Places of all points in metres east and north of the first."""
    placed = np.flatnonzero(np.isfinite(tracks.lat_deg) & np.isfinite(tracks.lon_deg))
    if not len(placed):
        return np.full((len(tracks.lat_deg), 2), np.nan)
    lat, lon = float(tracks.lat_deg[placed[0]]), float(tracks.lon_deg[placed[0]])
    origin = Geodetic(lat_deg=lat, lon_deg=lon, alt_hae_m=0.0)
    enu = geodetic_to_enu(tracks.lat_deg, tracks.lon_deg, np.zeros(len(tracks.lat_deg)), origin)
    return np.asarray(enu).reshape(-1, 3)[:, :2]


def _lines(
    tracks: GroundTracks, place_m: FloatArray
) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray], FloatArray]:
    """Place and slope, at its first and at its last point, of lines through each track's first and last seconds.

    A point has no slope. Also over how many seconds both are known: one point alone errs by more than a step.
    """
    of_point = np.repeat(np.arange(len(tracks)), tracks.lengths)
    lines, spans = [], []
    for end in (tracks.offsets[:-1], tracks.offsets[1:] - 1):
        t_s = (tracks.t_utc_ns - tracks.t_utc_ns[end][of_point]) / 1e9
        near = (np.abs(t_s) <= SPEED_WINDOW_S).astype(np.float64)

        def total(values: FloatArray) -> FloatArray:
            return np.asarray(np.bincount(of_point, values, len(tracks)), dtype=np.float64)

        count = total(near)
        mean_s = total(near * t_s) / count
        centred = near * (t_s - mean_s[of_point])
        spread = np.maximum(total(centred * t_s), 1e-9)
        slope = np.stack([total(centred * place_m[:, axis]) / spread for axis in (0, 1)], axis=1)
        mean = np.stack([total(near * place_m[:, axis]) / count for axis in (0, 1)], axis=1)
        lines.append((mean - slope * mean_s[:, None], slope))
        spans.append(np.sqrt(12.0 * spread / count))
    return lines[0], lines[1], np.minimum(*spans)
