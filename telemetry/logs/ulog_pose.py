"""A pose track from PX4 topics; field meanings after the uORB message reference of the PX4 guide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.values import GimbalFrame
from telemetry.mavlink.gimbal import YAW_IN_EARTH_FRAME, YAW_IN_VEHICLE_FRAME, YAW_LOCK, quaternion_angles
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.time_bases import EARLIEST_UTC_S, fit_offset
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.logs.ulog_messages import TopicTable
    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

POSE_TOPICS: Final = (
    "vehicle_global_position",
    "vehicle_gps_position",
    "sensor_gps",
    "vehicle_attitude",
    "gimbal_device_attitude_status",
    "mount_orientation",
)
"""Every topic that bears on where the camera is and looks."""
GPS_TOPICS: Final = ("vehicle_gps_position", "sensor_gps")
FIX_3D: Final = 3


def track_from_topics(
    tables: Mapping[tuple[str, int], TopicTable],
    *,
    source: str,
    undulation: Undulation,
    problems: tuple[Problem, ...],
) -> PoseTrack:
    """Build a pose track from topics: the fused position, else raw GPS; attitude; gimbal.

    Raises
    ------
    SourceError
        There is no usable position.
    """
    found = list(problems)
    own: dict[str, TopicTable] = {}
    for (name, _), table in sorted(tables.items(), key=lambda item: item[0]):
        if len(table) and "timestamp" in table:
            own.setdefault(name, table)
    offset_ns = _utc_offset(own, found)
    fused = own.get("vehicle_global_position")
    if fused is not None and all(column in fused for column in ("lat", "lon", "alt")):
        position, accuracy = _fused(fused, offset_ns)
    else:
        position, accuracy = _raw_gps(own, offset_ns, source, found)
    gimbal, frame = _gimbal(own, offset_ns)
    return assemble(
        Sampled(
            position=position, attitude=_attitude(own, offset_ns), gimbal=gimbal, gimbal_frame=frame, accuracy=accuracy
        ),
        undulation=undulation,
        source=source,
        problems=found,
    )


def _times(table: TopicTable, offset_ns: int) -> NDArray[np.int64]:
    return table.whole("timestamp") * 1000 + offset_ns


def _utc_offset(tables: Mapping[str, TopicTable], problems: list[Problem]) -> int:
    """Return UTC - log time in nanoseconds, from the receivers' UTC."""
    for name in GPS_TOPICS:
        table = tables.get(name)
        if table is None or "time_utc_usec" not in table:
            continue
        utc_us = table.whole("time_utc_usec")
        good = (utc_us > EARLIEST_UTC_S * 1_000_000) & (utc_us < 2**63 // 1000)
        if good.any():
            boot_us = table.whole("timestamp")
            offset, stepped = fit_offset(utc_us[good] * 1000, boot_us[good] * 1000, what="the GPS clock")
            problems += stepped
            return offset
    text = "the log never had GPS time; its times count from boot, as if the vehicle had booted at 1970-01-01"
    problems.append(Problem(kind="no_vehicle_clock", message=text))
    return 0


def _fused(table: TopicTable, offset_ns: int) -> tuple[Samples, Samples | None]:
    lat, lon = table.column("lat"), table.column("lon")
    if "lat_lon_valid" in table:
        lat = np.where(table.whole("lat_lon_valid") != 0, lat, np.nan)
    t_ns = _times(table, offset_ns)
    columns = {"lat_deg": lat, "lon_deg": lon, "alt_amsl_m": table.column("alt")}
    return Samples(t_ns=t_ns, columns=columns), _accuracy(table, t_ns)


def _accuracy(table: TopicTable, t_ns: NDArray[np.int64]) -> Samples | None:
    if "eph" not in table or "epv" not in table:
        return None
    return Samples(t_ns=t_ns, columns={"sigma_h_m": table.column("eph"), "sigma_v_m": table.column("epv")})


def _raw_gps(
    tables: Mapping[str, TopicTable], offset_ns: int, source: str, problems: list[Problem]
) -> tuple[Samples, Samples | None]:
    """Read raw fixes: integers in 1e-7 degrees and millimetres, since PX4 1.15 doubles in degrees and metres."""
    for name in GPS_TOPICS:
        table = tables.get(name)
        if table is None or "fix_type" not in table:
            continue
        for lat_name, lon_name, alt_name, to_deg, to_m in (
            ("latitude_deg", "longitude_deg", "altitude_msl_m", 1.0, 1.0),
            ("lat", "lon", "alt", 1e-7, 1e-3),
        ):
            if lat_name in table and lon_name in table and alt_name in table:
                text = "the log holds no fused position; raw GPS fixes were used"
                problems.append(Problem(kind="raw_gps_only", message=text))
                lat = np.where(table.whole("fix_type") >= FIX_3D, table.column(lat_name) * to_deg, np.nan)
                columns = {
                    "lat_deg": lat,
                    "lon_deg": table.column(lon_name) * to_deg,
                    "alt_amsl_m": table.column(alt_name) * to_m,
                }
                t_ns = _times(table, offset_ns)
                return Samples(t_ns=t_ns, columns=columns), _accuracy(table, t_ns)
    raise SourceError(
        f"{source}: the log holds no vehicle_global_position and no GPS topic, so there is no position in it"
    )


def _quaternion(table: TopicTable) -> FloatArray | None:
    if "q" not in table or table.fields["q"].shape[1:] != (4,):
        return None
    return table.column("q")


def _attitude(tables: Mapping[str, TopicTable], offset_ns: int) -> Samples | None:
    table = tables.get("vehicle_attitude")
    quaternion = _quaternion(table) if table is not None else None
    if table is None or quaternion is None:
        return None
    return Samples(t_ns=_times(table, offset_ns), columns=quaternion_angles(quaternion))


def _gimbal(tables: Mapping[str, TopicTable], offset_ns: int) -> tuple[Samples | None, GimbalFrame]:
    """Read the gimbal device (flags name the frame), else the mount (roll, pitch, yaw; yaw against the heading)."""
    device = tables.get("gimbal_device_attitude_status")
    if device is not None and "device_flags" in device and (quaternion := _quaternion(device)) is not None:
        flags = device.whole("device_flags")
        framed = (flags & (YAW_IN_VEHICLE_FRAME | YAW_IN_EARTH_FRAME)) != 0
        earth = np.where(framed, (flags & YAW_IN_EARTH_FRAME) != 0, (flags & YAW_LOCK) != 0)
        frame = GimbalFrame.EARTH if earth.mean() >= 0.5 else GimbalFrame.VEHICLE_YAW
        rows = earth == (frame is GimbalFrame.EARTH)
        angles = {name: values[rows] for name, values in quaternion_angles(quaternion).items()}
        return Samples(t_ns=_times(device, offset_ns)[rows], columns=angles), frame
    mount = tables.get("mount_orientation")
    if mount is not None and "attitude_euler_angle" in mount and mount.fields["attitude_euler_angle"].shape[1:] == (3,):
        degrees = np.degrees(mount.column("attitude_euler_angle"))
        columns = {"roll_deg": degrees[:, 0], "pitch_deg": degrees[:, 1], "yaw_deg": degrees[:, 2]}
        return Samples(t_ns=_times(mount, offset_ns), columns=columns), GimbalFrame.VEHICLE_YAW
    return None, GimbalFrame.BODY
