"""Gimbal angles from the three messages that carry them, in one named frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.values import GimbalFrame
from telemetry.tracks.track_cleaning import Samples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.mavlink.frames import MessageTable

    Clock = Callable[[MessageTable], NDArray[np.int64]]

YAW_LOCK: Final = 16
YAW_IN_VEHICLE_FRAME: Final = 32
YAW_IN_EARTH_FRAME: Final = 64
"""GIMBAL_DEVICE_FLAGS (MAVLink common): without either frame flag, YAW_LOCK means the earth frame."""


def quaternion_angles(wxyz: FloatArray) -> dict[str, FloatArray]:
    """Return yaw, pitch and roll in degrees of quaternions (w, x, y, z), shape (n, 4); NaN where all are zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        w, x, y, z = (wxyz / np.linalg.norm(wxyz, axis=1, keepdims=True)).T
        return {
            "yaw_deg": np.degrees(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))),
            "pitch_deg": np.degrees(np.arcsin(np.clip(2 * (w * y - z * x), -1.0, 1.0))),
            "roll_deg": np.degrees(np.arctan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))),
        }


def gimbal_of(
    tables: Mapping[str, MessageTable], clock: Clock, platform: Samples | None
) -> tuple[Samples | None, GimbalFrame]:
    """Return gimbal angles and their frame from the best message there is.

    ``GIMBAL_DEVICE_ATTITUDE_STATUS`` over ``MOUNT_ORIENTATION`` over
    ``MOUNT_STATUS``. Where the frame changes during a flight, everything is
    turned into the earth frame with the platform's yaw.
    """
    if "GIMBAL_DEVICE_ATTITUDE_STATUS" in tables:
        return _device(tables["GIMBAL_DEVICE_ATTITUDE_STATUS"], clock, platform)
    if "MOUNT_ORIENTATION" in tables:
        return _mount_orientation(tables["MOUNT_ORIENTATION"], clock)
    if "MOUNT_STATUS" in tables:
        return _mount_status(tables["MOUNT_STATUS"], clock)
    return None, GimbalFrame.BODY


def _device(table: MessageTable, clock: Clock, platform: Samples | None) -> tuple[Samples, GimbalFrame]:
    angles = quaternion_angles(table.column("q"))
    flags = table.fields["flags"]
    framed = (flags & (YAW_IN_VEHICLE_FRAME | YAW_IN_EARTH_FRAME)) != 0
    earth = np.where(framed, (flags & YAW_IN_EARTH_FRAME) != 0, (flags & YAW_LOCK) != 0)
    t_ns = clock(table)
    if earth.all() or not earth.any():
        frame = GimbalFrame.EARTH if earth.all() else GimbalFrame.VEHICLE_YAW
        return Samples(t_ns=t_ns, columns=angles), frame
    angles["yaw_deg"] = np.where(earth, angles["yaw_deg"], _wrap(angles["yaw_deg"] + _yaw_at(platform, t_ns)))
    return Samples(t_ns=t_ns, columns=angles), GimbalFrame.EARTH


def _yaw_at(platform: Samples | None, t_ns: NDArray[np.int64]) -> FloatArray:
    platform = None if platform is None else platform.rows(np.isfinite(platform.columns["yaw_deg"]))
    if platform is None or not len(platform):
        return np.full(len(t_ns), np.nan)
    order = np.argsort(platform.t_ns, kind="stable")
    own = platform.t_ns[order]
    yaw = np.unwrap(platform.columns["yaw_deg"][order], period=360.0)
    return np.asarray(np.interp((t_ns - own[0]) / 1e9, (own - own[0]) / 1e9, yaw))


def _wrap(angle_deg: FloatArray) -> FloatArray:
    return np.asarray(np.mod(angle_deg + 180.0, 360.0) - 180.0)


def _mount_orientation(table: MessageTable, clock: Clock) -> tuple[Samples, GimbalFrame]:
    """Read pitch and roll against the horizon, yaw against north where it is stated, else against the heading."""
    absolute = table.column("yaw_absolute")
    stated = bool(np.isfinite(absolute).all() and np.any(absolute != 0.0))
    yaw = absolute if stated else table.column("yaw")
    columns = {
        "yaw_deg": yaw,
        "pitch_deg": table.column("pitch"),
        "roll_deg": np.nan_to_num(table.column("roll")),
    }
    return Samples(t_ns=clock(table), columns=columns), GimbalFrame.EARTH if stated else GimbalFrame.VEHICLE_YAW


def _mount_status(table: MessageTable, clock: Clock) -> tuple[Samples, GimbalFrame]:
    """Read centidegrees: a is pitch, b roll, c yaw against the heading."""
    columns = {
        f"{name}_deg": table.fields[f"pointing_{letter}"] * 1e-2
        for name, letter in (("pitch", "a"), ("roll", "b"), ("yaw", "c"))
    }
    return Samples(t_ns=clock(table), columns=columns), GimbalFrame.VEHICLE_YAW
