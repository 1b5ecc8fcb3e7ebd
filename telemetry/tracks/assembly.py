"""Lay position, attitude, gimbal and view samples, each with its own times, into one pose track."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.rotation import matrix_to_yaw_pitch_roll
from geo.values import GimbalFrame, read_only
from telemetry.tracks.pose_track import PoseTrack
from telemetry.tracks.track_cleaning import (
    GAP_NS,
    Samples,
    dropouts,
    in_order,
    in_their_places,
    with_fix,
    without_jumps,
)
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import Problem

    Ints = NDArray[np.int64]

ATTITUDE_GAP_NS: Final = 500_000_000
"""Attitude is not carried further than this (the interpolation's own limit)."""
BESIDE_GAP_S: Final = 1.1
"""Values the pose is held against are not interpolated over wider gaps; a receiver at 1 Hz is just inside."""
HOLD_NS: Final = 5_000_000_000
"""A stated accuracy or field of view holds this long after it was stated."""
_ANGLES: Final = ("yaw_deg", "pitch_deg", "roll_deg")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What a source sampled, each at its own times.

    Attributes
    ----------
    position
        ``lat_deg``, ``lon_deg`` and ``alt_amsl_m`` or ``alt_hae_m`` (either may be NaN).
    attitude, gimbal
        ``yaw_deg``, ``pitch_deg``, ``roll_deg``; rows further than 0.5 s apart are not bridged.
    view, accuracy
        ``hfov_deg``, ``vfov_deg``; ``sigma_h_m``, ``sigma_v_m``: held for 5 s.
    beside
        What the pose can be held against (see `PoseTrack.beside`): interpolated over at most a second.
    """

    position: Samples
    attitude: Samples | None = None
    gimbal: Samples | None = None
    gimbal_frame: GimbalFrame = GimbalFrame.BODY
    view: Samples | None = None
    accuracy: Samples | None = None
    beside: Samples | None = None


def assemble(sampled: Sampled, *, undulation: Undulation, source: str, problems: list[Problem]) -> PoseTrack:
    """Build a pose track on the union of position and attitude times.

    Parameters
    ----------
    sampled
        What the source gives.
    undulation
        Geoid that turns one altitude into the other.
    source
        What the track is called.
    problems
        What the reader has found so far; what is found here is added to the track's.

    Raises
    ------
    SourceError
        No row has a position.
    """
    position, attitude, gimbal = sampled.position, sampled.attitude, sampled.gimbal
    found = list(problems)
    rows = len(position)
    for step in (in_their_places, with_fix, in_order, without_jumps):
        position, more = step(position)
        found += more
    if not len(position):
        raise SourceError(_no_position(source, rows, found), problems=found)
    found += dropouts(position.t_ns)
    if attitude is not None:
        attitude, more = in_order(_finite(attitude), what="attitude")
        found += more
    if gimbal is not None:
        gimbal, more = in_order(_finite(gimbal), what="gimbal")
        found += more
    t_ns = _base_times(position, attitude)
    columns = _positions(position, t_ns, undulation)
    for prefix, samples in (("", attitude), ("gimbal_", gimbal)):
        for name, values in _angles(samples, t_ns).items():
            columns[prefix + name] = values
    columns |= _held(sampled.view, t_ns, ("hfov_deg", "vfov_deg"))
    columns |= _held(sampled.accuracy, t_ns, ("sigma_h_m", "sigma_v_m"))
    return PoseTrack(
        t_utc_ns=read_only(t_ns, np.int64),  # type: ignore[arg-type]
        gimbal_frame=sampled.gimbal_frame,
        source=source,
        problems=tuple(found),
        beside=_beside(sampled.beside, t_ns),
        **{name: read_only(values) for name, values in columns.items()},  # type: ignore[arg-type]
    )


def _no_position(source: str, rows: int, found: list[Problem]) -> str:
    why = "; ".join(problem.message for problem in found[-3:])
    if not rows:
        return f"{source}: the source holds no positions" + (f": {why}" if why else "")
    return f"{source}: none of its {rows} positions is usable: {why}"


def _finite(samples: Samples) -> Samples:
    """Keep whole angles; where a source has none at all, its yaw alone: a compass without an attitude."""
    yaw = np.isfinite(samples.columns["yaw_deg"])
    whole = yaw & np.isfinite(samples.columns["pitch_deg"])
    good = whole if whole.any() else yaw
    return samples if good.all() else samples.rows(good)


def _base_times(position: Samples, attitude: Samples | None) -> Ints:
    """Return position times, and the attitude times between positions that are not too far apart."""
    if attitude is None or not len(attitude) or len(position) < 2:
        return position.t_ns
    after = np.searchsorted(position.t_ns, attitude.t_ns)
    between = (after > 0) & (after < len(position))
    gap = position.t_ns[np.clip(after, 1, len(position) - 1)] - position.t_ns[np.clip(after, 1, len(position) - 1) - 1]
    return np.union1d(position.t_ns, attitude.t_ns[between & (gap <= GAP_NS + GAP_NS // 10)])


def _positions(position: Samples, t_ns: Ints, undulation: Undulation) -> dict[str, FloatArray]:
    """Interpolate positions linearly (over a second, degrees are straight to the millimetre)."""
    seconds, at = _seconds(position.t_ns, t_ns)
    lat = np.interp(at, seconds, position.columns["lat_deg"])
    lon = np.interp(at, seconds, np.unwrap(position.columns["lon_deg"], period=360.0))
    lon = np.mod(lon + 180.0, 360.0) - 180.0
    exact = np.searchsorted(t_ns, position.t_ns)
    lon[exact] = position.columns["lon_deg"]
    offset = undulation(lat, lon)
    missing = np.full(len(position), np.nan)
    amsl = np.interp(at, seconds, position.columns.get("alt_amsl_m", missing))
    hae = np.interp(at, seconds, position.columns.get("alt_hae_m", missing))
    return {
        "lat_deg": lat,
        "lon_deg": lon,
        "alt_hae_m": np.where(np.isfinite(hae), hae, amsl + offset),
        "alt_amsl_m": np.where(np.isfinite(amsl), amsl, hae - offset),
    }


def _beside(samples: Samples | None, t_ns: Ints) -> dict[str, FloatArray]:
    """Interpolate linearly between finite samples up to a second apart; NaN elsewhere, and no column without any."""
    if samples is None:
        return {}
    result: dict[str, FloatArray] = {}
    samples, _ = in_order(samples)
    for name, values in samples.columns.items():
        known = samples.rows(np.isfinite(values))
        if not len(known):
            continue
        seconds, at = _seconds(known.t_ns, t_ns)
        after = np.clip(np.searchsorted(seconds, at), 0, len(seconds) - 1)
        before = np.maximum(after - 1, 0)
        gap = np.maximum(np.abs(seconds[after] - at), np.abs(at - seconds[before]))
        exact = seconds[after] == at
        inside = exact | ((seconds[after] - seconds[before] <= BESIDE_GAP_S) & (gap <= BESIDE_GAP_S))
        result[name] = np.where(inside, np.interp(at, seconds, known.columns[name]), np.nan)
        result[name].setflags(write=False)
    return result


def _seconds(own: Ints, wanted: Ints) -> tuple[FloatArray, FloatArray]:
    """Return both times in seconds since the first, where doubles hold nanoseconds."""
    start = own[0]
    return (own - start) / 1e9, (wanted - start) / 1e9


def _angles(samples: Samples | None, t_ns: Ints) -> dict[str, FloatArray]:
    """Turn angles to the wanted times on the shortest arc, yaw within +-180; NaN where samples are too far apart."""
    if samples is None or not len(samples):
        return {name: np.full(len(t_ns), np.nan) for name in _ANGLES}
    last = len(samples) - 1
    before = np.clip(np.searchsorted(samples.t_ns, t_ns, side="right") - 1, 0, last)
    after = np.minimum(np.where(samples.t_ns[before] < t_ns, before + 1, before), last)
    since, until = np.abs(t_ns - samples.t_ns[before]), np.abs(samples.t_ns[after] - t_ns)
    bridged = (samples.t_ns[after] - samples.t_ns[before] <= ATTITUDE_GAP_NS) & (since <= ATTITUDE_GAP_NS)
    bridged &= until <= ATTITUDE_GAP_NS
    result = {name: samples.columns[name][before] for name in _ANGLES}
    turning = np.flatnonzero(bridged & (since > 0) & (before < after))
    if len(turning):
        for name, values in _slerp(samples, t_ns[turning]).items():
            result[name][turning] = np.where(np.isfinite(result[name][turning]), values, np.nan)
    yaw = result["yaw_deg"]
    with np.errstate(invalid="ignore"):
        result["yaw_deg"] = np.where(np.abs(yaw) > 180.0, np.mod(yaw + 180.0, 360.0) - 180.0, yaw)
    return {name: np.where(bridged, values, np.nan) for name, values in result.items()}


def _slerp(samples: Samples, t_ns: Ints) -> dict[str, FloatArray]:
    """Turn along the shortest arc (Shoemake, SIGGRAPH 1985), which also holds where a gimbal looks straight down."""
    from scipy.spatial.transform import Rotation, Slerp

    seconds, at = _seconds(samples.t_ns, t_ns)
    attitude = Rotation.from_euler(
        "ZYX", np.stack([np.nan_to_num(samples.columns[n]) for n in _ANGLES], axis=1), degrees=True
    )
    turned = matrix_to_yaw_pitch_roll(Slerp(seconds, attitude)(at).as_matrix())
    return dict(zip(_ANGLES, turned, strict=True))


def _held(samples: Samples | None, t_ns: Ints, names: tuple[str, ...]) -> dict[str, FloatArray]:
    if samples is None or not len(samples):
        return {name: np.full(len(t_ns), np.nan) for name in names}
    samples, _ = in_order(samples)
    last = np.searchsorted(samples.t_ns, t_ns, side="right") - 1
    valid = (last >= 0) & (t_ns - samples.t_ns[np.maximum(last, 0)] <= HOLD_NS)
    return {name: np.where(valid, samples.columns[name][np.maximum(last, 0)], np.nan) for name in names}
