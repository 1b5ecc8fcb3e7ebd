"""A pose track from MAVLink messages, recorded or live; field meanings after the MAVLink common message set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.values import GimbalFrame
from telemetry.mavlink.clock import vehicle_clock
from telemetry.mavlink.frames import MAGIC_V2, MessageTable, layout, message_ids
from telemetry.mavlink.gimbal import gimbal_of, quaternion_angles
from telemetry.mavlink.shared_number import one_vehicle
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.mavlink.clock import VehicleClock
    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

AUTOPILOT_MESSAGES: Final = (
    "GLOBAL_POSITION_INT",
    "ATTITUDE",
    "ATTITUDE_QUATERNION",
    "GPS_RAW_INT",
    "GPS2_RAW",
    "SYSTEM_TIME",
)
"""Messages that gimbals and companions also send, about themselves."""
POSE_MESSAGES: Final = (
    *AUTOPILOT_MESSAGES,
    "GIMBAL_DEVICE_ATTITUDE_STATUS",
    "MOUNT_ORIENTATION",
    "MOUNT_STATUS",
    "CAMERA_FOV_STATUS",
)
"""Every message that bears on where the camera is and looks."""

GEOID_TOLERANCE_M: Final = 5.0
"""A receiver's own geoid and EGM96 differ by less; more means that the receiver does not fill the field."""
_UNKNOWN_ACCURACY: Final = (0, 2**32 - 1)


def track_from_messages(
    tables: Mapping[str, MessageTable],
    *,
    source: str,
    undulation: Undulation = egm96,
    problems: tuple[Problem, ...] = (),
) -> PoseTrack:
    """Build the pose track of the vehicle that sent most positions.

    Parameters
    ----------
    tables
        Message name -> messages, in order of reception; names beyond `POSE_MESSAGES` are ignored.
    source
        What the track is called.
    undulation
        Geoid of the vehicle's mean-sea-level heights, where the vehicle does not state its own.
    problems
        What the reader has found so far.

    Raises
    ------
    SourceError
        There is no usable position.
    """
    found = list(problems)
    system, autopilot = _vehicle(tables, source, found)
    own = one_vehicle(_own(tables, system, autopilot), autopilot, found)
    clock = vehicle_clock(own, autopilot, found)
    position = _position(own, clock, found)
    attitude = _attitude(own, clock)
    gimbal, frame = gimbal_of(own, clock.utc, attitude)
    return assemble(
        Sampled(
            position=position,
            attitude=attitude,
            gimbal=gimbal,
            gimbal_frame=frame if gimbal is not None else GimbalFrame.BODY,
            view=_view(own, clock),
            accuracy=_accuracy(own, clock),
            beside=_beside(own, clock),
        ),
        undulation=_receiver_geoid(own, undulation, found),
        source=source,
        problems=found,
    )


def _vehicle(tables: Mapping[str, MessageTable], source: str, problems: list[Problem]) -> tuple[int, int]:
    """Return the system that sent most positions, and its component that did: the autopilot."""
    for name in ("GLOBAL_POSITION_INT", "GPS_RAW_INT"):
        if name not in tables or not len(tables[name]):
            continue
        senders = tables[name].system.astype(np.int64) * 256 + tables[name].component
        found, counts = np.unique(senders, return_counts=True)
        chosen = int(found[np.argmax(counts)])
        others = [
            f"{s // 256} ({c} positions)" for s, c in zip(found, counts, strict=True) if s // 256 != chosen // 256
        ]
        if others:
            text = f"system {chosen // 256} was followed; other systems also sent positions: {', '.join(others)}"
            problems.append(Problem(kind="other_vehicles", message=text))
        return chosen // 256, chosen % 256
    raise SourceError(f"{source}: no GLOBAL_POSITION_INT and no GPS_RAW_INT message, so there is no position in it")


def _own(tables: Mapping[str, MessageTable], system: int, autopilot: int) -> dict[str, MessageTable]:
    """Return the vehicle's messages: flight state of its autopilot alone, cameras' and gimbals' of the busiest one."""
    own = {}
    for name, table in tables.items():
        if name not in POSE_MESSAGES:
            continue
        of_vehicle = table.of_system(system)
        if not len(of_vehicle):
            continue
        components, counts = np.unique(of_vehicle.component, return_counts=True)
        busiest = int(components[np.argmax(counts)])
        chosen = of_vehicle.of_component(autopilot if name in AUTOPILOT_MESSAGES else busiest)
        if len(chosen):
            own[name] = chosen
    return own


def _position(tables: Mapping[str, MessageTable], clock: VehicleClock, problems: list[Problem]) -> Samples:
    table = tables.get("GLOBAL_POSITION_INT")
    if table is None:
        table = tables["GPS_RAW_INT"]
        problems.append(Problem(kind="raw_gps_only", message="no fused position was sent; raw GPS fixes were used"))
    fields = table.fields
    lat, lon = fields["lat"] * 1e-7, fields["lon"] * 1e-7
    if "fix_type" in (fields.dtype.names or ()):
        lat = np.where(fields["fix_type"] >= 2, lat, np.nan)
    return Samples(t_ns=clock.utc(table), columns={"lat_deg": lat, "lon_deg": lon, "alt_amsl_m": fields["alt"] * 1e-3})


def _attitude(tables: Mapping[str, MessageTable], clock: VehicleClock) -> Samples | None:
    if "ATTITUDE" in tables:
        table = tables["ATTITUDE"]
        angles = {f"{name}_deg": np.degrees(table.column(name)) for name in ("yaw", "pitch", "roll")}
    elif "ATTITUDE_QUATERNION" in tables:
        table = tables["ATTITUDE_QUATERNION"]
        quaternion = np.stack([table.column(f"q{i}") for i in (1, 2, 3, 4)], axis=1)
        angles = quaternion_angles(quaternion)
    else:
        return None
    return Samples(t_ns=clock.utc(table), columns=angles)


def _view(tables: Mapping[str, MessageTable], clock: VehicleClock) -> Samples | None:
    table = tables.get("CAMERA_FOV_STATUS")
    if table is None:
        return None
    columns = {}
    for name in ("hfov", "vfov"):
        value = table.column(name)
        with np.errstate(invalid="ignore"):
            columns[f"{name}_deg"] = np.where((value > 0.0) & (value < 180.0), value, np.nan)
    return Samples(t_ns=clock.utc(table), columns=columns)


def _beside(tables: Mapping[str, MessageTable], clock: VehicleClock) -> Samples | None:
    """Read what the fused position can be held against: a receiver's own fixes, the second's where there is one."""
    table = tables.get("GPS2_RAW", tables.get("GPS_RAW_INT"))
    if table is None or "GLOBAL_POSITION_INT" not in tables:
        return None
    fields = table.fields
    fixed = fields["fix_type"] >= 3  # noqa: PLR2004 - GPS_FIX_TYPE_3D_FIX
    columns = {
        "gps_lat_deg": np.where(fixed, fields["lat"] * 1e-7, np.nan),
        "gps_lon_deg": np.where(fixed, fields["lon"] * 1e-7, np.nan),
        "gps_alt_amsl_m": np.where(fixed, fields["alt"] * 1e-3, np.nan),
    }
    return Samples(t_ns=clock.utc(table), columns=columns)


def _accuracy(tables: Mapping[str, MessageTable], clock: VehicleClock) -> Samples | None:
    table = tables.get("GPS_RAW_INT")
    if table is None:
        return None
    columns = {}
    for name, field in (("sigma_h_m", "h_acc"), ("sigma_v_m", "v_acc")):
        value = table.fields[field]
        columns[name] = np.where(np.isin(value, _UNKNOWN_ACCURACY), np.nan, value * 1e-3)
    return Samples(t_ns=clock.utc(table), columns=columns)


def _receiver_geoid(tables: Mapping[str, MessageTable], undulation: Undulation, problems: list[Problem]) -> Undulation:
    """Return the geoid to use; a receiver that states its own differs from it by decimetres, or is wrong."""
    table = tables.get("GPS_RAW_INT")
    if table is None:
        return undulation
    fields = table.fields[(table.fields["alt_ellipsoid"] != 0) & (table.fields["fix_type"] >= 3)]
    if not len(fields):
        return undulation
    stated_m = float(np.median((fields["alt_ellipsoid"].astype(np.int64) - fields["alt"]) * 1e-3))
    lat, lon = float(np.median(fields["lat"] * 1e-7)), float(np.median(fields["lon"] * 1e-7))
    model_m = float(undulation(np.array([lat]), np.array([lon]))[0])
    if abs(stated_m - model_m) > GEOID_TOLERANCE_M:
        text = (
            f"the GPS receiver puts the geoid {stated_m:.1f} m over the ellipsoid, the geoid model {model_m:.1f} m; "
            "the model was used"
        )
        problems.append(Problem(kind="geoid_disagrees", message=text))
    return undulation


class PoseTrackBuilder:
    """Collects live pymavlink messages and gives the track so far; ask it as often as frames come.

    Parameters
    ----------
    source
        What the track is called.
    undulation
        Geoid of the vehicle's heights.
    keep_s
        Only the last so many seconds are kept (and at most `MOST_ROWS` of a message),
        so that memory and the cost of a track stay flat.
    """

    MOST_ROWS: Final = 50_000

    def __init__(self, *, source: str, undulation: Undulation = egm96, keep_s: float = 60.0) -> None:
        self._source = source
        self._undulation = undulation
        self._keep_us = int(keep_s * 1e6)
        self._ids = {name: number for number, name in message_ids(POSE_MESSAGES).items()}
        self._rows: dict[str, list[tuple[int, int, int, int, bytes]]] = {name: [] for name in POSE_MESSAGES}
        self._fed = 0

    def feed(self, message: Any, *, received_us: int) -> bool:
        """Take one message off the wire, received at UTC microseconds; return whether it bears on the pose."""
        name = message.get_type()
        rows = self._rows.get(name)
        if rows is None:
            return False
        frame = message.get_msgbuf()  # get_payload() of pymavlink 2.4.50 is off by four bytes in MAVLink 2
        begin = 10 if frame[0] == MAGIC_V2 else 6
        size = layout(self._ids[name]).itemsize
        payload = bytes(frame[begin : begin + frame[1]])[:size].ljust(size, b"\x00")
        self._fed += 1
        rows.append((received_us, self._fed, message.get_srcSystem(), message.get_srcComponent(), payload))
        if rows[0][0] < received_us - 2 * self._keep_us:
            rows[:] = [row for row in rows if row[0] >= received_us - self._keep_us]
        if len(rows) > self.MOST_ROWS:
            del rows[: self.MOST_ROWS // 2]
        return True

    def track(self) -> PoseTrack:
        """Return the pose track of what was fed so far (SourceError while there is no position)."""
        tables = {}
        for name, rows in self._rows.items():
            if rows:
                received, sequence, system, component, payload = zip(*rows, strict=True)
                tables[name] = MessageTable(
                    received_us=np.array(received, dtype=np.int64),
                    sequence=np.array(sequence, dtype=np.int64),
                    system=np.array(system, dtype=np.uint8),
                    component=np.array(component, dtype=np.uint8),
                    fields=np.frombuffer(b"".join(payload), dtype=layout(self._ids[name])),
                )
        return track_from_messages(tables, source=self._source, undulation=self._undulation)
