"""Poses between the samples of a track: slerp for attitude, a straight ECEF line for position.

A gap that is too wide is not bridged: the pose is refused, never guessed.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from geo.geodesy import ecef_to_geodetic, geodetic_to_ecef
from geo.rotation import matrix_to_yaw_pitch_roll
from geo.values import GimbalFrame, Poses

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geo.values import FloatArray

Array = TypeVar("Array", "NDArray[np.int64]", "NDArray[np.float64]")

MAX_ATTITUDE_GAP_S: Final = 0.5
"""Widest gap attitude is interpolated over, seconds."""

MAX_POSITION_GAP_S: Final = 1.0
"""Widest gap position is interpolated over, seconds."""

HOLD_S: Final = 0.1
"""A sample this near stands for a moment that lies in a gap or outside the track, seconds."""

_NEARLY_PARALLEL: Final = 0.9995
"""Cosine of the half angle above which slerp and normalised lerp agree to 1e-6 degrees."""


@dataclasses.dataclass(frozen=True, slots=True)
class Brackets:
    """The two samples around each moment, the share of the second, and what may be used."""

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    share: FloatArray
    position_good: NDArray[np.bool_]
    attitude_good: NDArray[np.bool_]


def whole(poses: Poses) -> NDArray[np.bool_]:
    """Tell which poses have a position and the angles that turn a ray in their gimbal frame."""
    needed = [poses.lat_deg, poses.lon_deg, poses.alt_hae_m, poses.gimbal_yaw_deg, poses.gimbal_pitch_deg]
    if poses.gimbal_frame is not GimbalFrame.EARTH:
        needed.append(poses.yaw_deg)
    if poses.gimbal_frame is GimbalFrame.BODY:
        needed += [poses.pitch_deg, poses.roll_deg]
    return np.asarray(np.logical_and.reduce(np.isfinite(np.stack(needed)), axis=0))


def sealed(values: Array) -> Array:
    """Return an array nobody writes to any more."""
    values.setflags(write=False)
    return values


def nothing(moments: NDArray[np.int64], frame: GimbalFrame) -> tuple[Poses, NDArray[np.bool_]]:
    """Return the answer of a track without samples."""
    nan = np.full(len(moments), np.nan)
    names = [field.name for field in dataclasses.fields(Poses) if field.name not in {"t_utc_ns", "gimbal_frame"}]
    columns: dict[str, FloatArray] = dict.fromkeys(names, sealed(nan))
    return Poses(t_utc_ns=sealed(moments), gimbal_frame=frame, **columns), np.zeros(len(moments), dtype=np.bool_)


def bracket(
    times: NDArray[np.int64], moments: NDArray[np.int64], attitude_gap_s: float, position_gap_s: float, hold_s: float
) -> Brackets:
    """Find the samples around each moment, and which gaps between them may be bridged."""
    last = len(times) - 1
    before = np.clip(np.searchsorted(times, moments, side="right") - 1, 0, last)
    after = np.minimum(before + 1, last)
    gap = (times[after] - times[before]).astype(np.float64)
    since = (moments - times[before]).astype(np.float64)
    share = np.clip(np.divide(since, gap, out=np.zeros_like(gap), where=gap > 0), 0.0, 1.0)
    distance_s = np.minimum(np.abs(since), np.abs((times[after] - moments).astype(np.float64))) * 1e-9
    inside = (moments >= times[0]) & (moments <= times[last])
    held = distance_s <= hold_s
    position_smooth = inside & (gap * 1e-9 <= position_gap_s)
    attitude_smooth = inside & (gap * 1e-9 <= attitude_gap_s)
    share = np.where(attitude_smooth | (position_smooth & ~held), share, np.rint(share))
    return Brackets(before, after, share, position_smooth | held, attitude_smooth | held)


def positions(
    lat_deg: FloatArray, lon_deg: FloatArray, alt_hae_m: FloatArray, at: Brackets
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return latitude, longitude and height on the straight line between two samples; NaN over a gap."""
    ecef = _at_both_ends(geodetic_to_ecef, (lat_deg, lon_deg, alt_hae_m), at)
    share = np.where(at.position_good, at.share, np.nan)[:, None]
    return ecef_to_geodetic(ecef[0] * (1.0 - share) + ecef[1] * share)


def _at_both_ends(
    convert: Callable[[FloatArray, FloatArray, FloatArray], FloatArray],
    columns: tuple[FloatArray, FloatArray, FloatArray],
    at: Brackets,
) -> tuple[FloatArray, FloatArray]:
    """Convert the samples around each moment: the few that are needed, or all once, whichever is less work."""
    if len(at.before) < len(columns[0]):
        first, second = (convert(*(column[ends] for column in columns)) for ends in (at.before, at.after))
        return first, second
    converted = convert(*columns)
    return converted[at.before], converted[at.after]


def angles(
    yaw_deg: FloatArray, pitch_deg: FloatArray, roll_deg: FloatArray, at: Brackets
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Turn along the shortest arc between two attitudes (Shoemake, SIGGRAPH 1985)."""
    first, second = _at_both_ends(_to_quaternions, (yaw_deg, pitch_deg, roll_deg), at)
    angles = matrix_to_yaw_pitch_roll(_to_matrices(_slerp(first, second, at.share)))
    for angle, column in zip(angles, (yaw_deg, pitch_deg, roll_deg), strict=True):
        np.copyto(angle, column[at.before], where=at.share == 0.0)
        np.copyto(angle, column[at.after], where=at.share == 1.0)
        angle[~at.attitude_good] = np.nan
    return angles


def _slerp(first: FloatArray, second: FloatArray, share: FloatArray) -> FloatArray:
    cosine = np.einsum("ij,ij->i", first, second)
    second = np.where(cosine[:, None] < 0.0, -second, second)
    cosine = np.minimum(np.abs(cosine), 1.0)
    angle = np.arccos(cosine)
    sine = np.sin(angle)
    straight = cosine > _NEARLY_PARALLEL
    safe = np.where(straight, 1.0, sine)
    weight_first = np.where(straight, 1.0 - share, np.sin((1.0 - share) * angle) / safe)
    weight_second = np.where(straight, share, np.sin(share * angle) / safe)
    blend = weight_first[:, None] * first + weight_second[:, None] * second
    unit: FloatArray = blend / np.linalg.norm(blend, axis=1, keepdims=True)
    return unit


def _to_quaternions(yaw_deg: FloatArray, pitch_deg: FloatArray, roll_deg: FloatArray) -> FloatArray:
    """Z-Y-X angles to unit quaternions (w, x, y, z) (Stevens and Lewis, 1.8)."""
    half_yaw, half_pitch, half_roll = (np.radians(angle) / 2.0 for angle in (yaw_deg, pitch_deg, roll_deg))
    cy, sy, cp, sp = np.cos(half_yaw), np.sin(half_yaw), np.cos(half_pitch), np.sin(half_pitch)
    cr, sr = np.cos(half_roll), np.sin(half_roll)
    return np.stack(
        [
            cy * cp * cr + sy * sp * sr,
            cy * cp * sr - sy * sp * cr,
            cy * sp * cr + sy * cp * sr,
            sy * cp * cr - cy * sp * sr,
        ],
        axis=-1,
    )


def _to_matrices(quaternions: FloatArray) -> FloatArray:
    w, x, y, z = quaternions.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def field_of_view(column: FloatArray, at: Brackets) -> FloatArray:
    """Take the nearer sample where the other has none, and blend where both have one."""
    before, after = column[at.before], column[at.after]
    blend = before * (1.0 - at.share) + after * at.share
    nearer = np.where(at.share < 0.5, before, after)  # noqa: PLR2004
    value: FloatArray = np.where(np.isfinite(blend), blend, nearer)
    return np.where(at.attitude_good | at.position_good, value, np.nan)
