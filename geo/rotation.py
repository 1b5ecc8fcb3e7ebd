"""Rotations: yaw-pitch-roll (Z-Y-X), gimbal frames, and how a camera sits on its gimbal.

Camera axes: x along the optical axis, y to the right of the picture, z down it;
so a camera at yaw, pitch and roll zero looks north with a level horizon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.values import GimbalFrame

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from geo.values import FloatArray, Poses


def yaw_pitch_roll_matrix(yaw_deg: ArrayLike, pitch_deg: ArrayLike, roll_deg: ArrayLike) -> FloatArray:
    """Return R = Rz(yaw) Ry(pitch) Rx(roll), turned frame to reference frame, shape (..., 3, 3).

    MISB ST 0601 and the aerospace convention (Stevens and Lewis, Aircraft
    Control and Simulation, 1.3): positive pitch lifts the x axis.
    """
    yaw, pitch, roll = np.broadcast_arrays(np.radians(yaw_deg), np.radians(pitch_deg), np.radians(roll_deg))
    sy, cy, sp, cp, sr, cr = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch), np.sin(roll), np.cos(roll)
    rows = (
        (cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr),
        (sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr),
        (-sp, cp * sr, cp * cr),
    )
    turned = np.empty((*yaw.shape, 3, 3))
    for i, row in enumerate(rows):
        for j, number in enumerate(row):
            turned[..., i, j] = number
    return turned


def matrix_to_yaw_pitch_roll(matrix: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return yaw, pitch and roll (degrees) of rotations of shape (..., 3, 3); roll is 0 at pitch +-90."""
    sin_pitch = np.clip(-matrix[..., 2, 0], -1.0, 1.0)
    cos_pitch = np.hypot(matrix[..., 2, 1], matrix[..., 2, 2])
    vertical = cos_pitch < 1e-9
    yaw = np.where(
        vertical,
        np.arctan2(-matrix[..., 0, 1], matrix[..., 1, 1]),
        np.arctan2(matrix[..., 1, 0], matrix[..., 0, 0]),
    )
    roll = np.where(vertical, 0.0, np.arctan2(matrix[..., 2, 1], matrix[..., 2, 2]))
    return np.degrees(yaw), np.degrees(np.arctan2(sin_pitch, cos_pitch)), np.degrees(roll)


def platform_to_ned(poses: Poses) -> FloatArray:
    """Return the rotation under the gimbal, shape (n, 3, 3): body, heading only, or none."""
    first, run = runs_of(poses)
    return np.asarray(_platform_to_ned(poses.take(first))[run])


def _platform_to_ned(poses: Poses) -> FloatArray:
    if poses.gimbal_frame is GimbalFrame.BODY:
        return yaw_pitch_roll_matrix(poses.yaw_deg, poses.pitch_deg, poses.roll_deg)
    zero = np.zeros_like(poses.yaw_deg)
    yaw = poses.yaw_deg if poses.gimbal_frame is GimbalFrame.VEHICLE_YAW else zero
    return yaw_pitch_roll_matrix(yaw, zero, zero)


def camera_to_ned(poses: Poses) -> FloatArray:
    """Return the rotation from camera axes to north-east-down for each pose, shape (n, 3, 3)."""
    first, run = runs_of(poses)
    some = poses if len(first) == len(poses) else poses.take(first)
    gimbal = yaw_pitch_roll_matrix(some.gimbal_yaw_deg, some.gimbal_pitch_deg, some.gimbal_roll_deg)
    return np.asarray((_platform_to_ned(some) @ gimbal)[run])


def runs_of(poses: Poses) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first of each run of equal attitudes, and which run each pose is of: a picture's boxes share one."""
    new = np.ones(len(poses), dtype=bool)
    angles = (getattr(poses, f"{part}{name}_deg") for part in ("", "gimbal_") for name in ("yaw", "pitch", "roll"))
    if len(poses) > 1:
        new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in angles])
    return np.flatnonzero(new), np.cumsum(new) - 1


def euler_axes(yaw_deg: ArrayLike, pitch_deg: ArrayLike) -> FloatArray:
    """Return the axes that yaw, pitch and roll turn about, in the reference frame, shape (..., 3, 3).

    Row 0 is the yaw axis, row 1 the pitch axis, row 2 the roll axis: a small
    change of angle i moves a turned vector d by (axis i) x d.
    """
    yaw, pitch = np.broadcast_arrays(np.radians(yaw_deg), np.radians(pitch_deg))
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)
    yaw_axis = np.stack([zero, zero, one], axis=-1)
    pitch_axis = np.stack([-np.sin(yaw), np.cos(yaw), zero], axis=-1)
    roll_axis = np.stack([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), -np.sin(pitch)], axis=-1)
    return np.stack([yaw_axis, pitch_axis, roll_axis], axis=-2)
