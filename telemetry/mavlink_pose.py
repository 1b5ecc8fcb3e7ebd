"""A pose track from MAVLink messages, recorded or live; field meanings after the MAVLink common message set."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.values import GimbalFrame
from telemetry.assembly import assemble
from telemetry.datums import egm96
from telemetry.mavlink_frames import MessageTable, layout, message_ids
from telemetry.mavlink_gimbal import gimbal_of, quaternion_angles
from telemetry.pose_track import Problem
from telemetry.time_bases import (
    CLOCK_TOLERANCE_NS,
    EARLIEST_UTC_S,
    GPS_EPOCH_S,
    BootClock,
    fit_offset,
    run_begins,
    undo_rollover,
)
from telemetry.track_cleaning import Samples
from telemetry.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from telemetry.datums import Undulation
    from telemetry.pose_track import PoseTrack

    Ints = NDArray[np.int64]

POSE_MESSAGES: Final = (
    "GLOBAL_POSITION_INT",
    "ATTITUDE",
    "ATTITUDE_QUATERNION",
    "GPS_RAW_INT",
    "SYSTEM_TIME",
    "GIMBAL_DEVICE_ATTITUDE_STATUS",
    "MOUNT_ORIENTATION",
    "MOUNT_STATUS",
    "CAMERA_FOV_STATUS",
)
"""Every message that bears on where the camera is and looks."""

GEOID_TOLERANCE_M: Final = 5.0
"""A receiver's own geoid and EGM96 differ by less; more means that the receiver does not fill the field."""
_UNKNOWN_ACCURACY: Final = (0, 2**32 - 1)


@dataclasses.dataclass(frozen=True, slots=True)
class _Clock:
    """Reception time and boot time to UTC, for one vehicle."""

    boot: BootClock
    begins: Ints
    reception_offset_ns: Ints

    def utc(self, table: MessageTable) -> Ints:
        """Return UTC of every message: by its boot time where it carries one, else by its reception."""
        names = table.fields.dtype.names or ()
        received_ns = table.received_us * 1000
        if "time_boot_ms" in names:
            return self.boot.utc_ns(table.fields["time_boot_ms"].astype(np.int64) * 1_000_000, received_ns)
        run = np.clip(np.searchsorted(self.begins, received_ns, side="right") - 1, 0, len(self.begins) - 1)
        return np.asarray(received_ns + self.reception_offset_ns[run], dtype=np.int64)


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
    system = _vehicle(tables, source, found)
    own = {name: table.of_system(system) for name, table in tables.items() if name in POSE_MESSAGES}
    own = {name: table for name, table in own.items() if len(table)}
    clock = _clock(own, found)
    position = _position(own, clock, found)
    attitude = _attitude(own, clock)
    gimbal, frame = gimbal_of(own, clock.utc, attitude)
    return assemble(
        position=position,
        attitude=attitude,
        gimbal=gimbal,
        gimbal_frame=frame if gimbal is not None else GimbalFrame.BODY,
        view=_view(own, clock),
        accuracy=_accuracy(own, clock),
        undulation=_receiver_geoid(own, undulation, found),
        source=source,
        problems=found,
    )


def _vehicle(tables: Mapping[str, MessageTable], source: str, problems: list[Problem]) -> int:
    for name in ("GLOBAL_POSITION_INT", "GPS_RAW_INT"):
        if name not in tables or not len(tables[name]):
            continue
        systems, counts = np.unique(tables[name].system, return_counts=True)
        chosen = int(systems[np.argmax(counts)])
        others = [f"{s} ({c} positions)" for s, c in zip(systems, counts, strict=True) if s != chosen]
        if others:
            text = f"system {chosen} was followed; other systems also sent positions: {', '.join(others)}"
            problems.append(Problem(kind="other_vehicles", message=text))
        return chosen
    raise SourceError(f"{source}: no GLOBAL_POSITION_INT and no GPS_RAW_INT message, so there is no position in it")


def _clock(tables: Mapping[str, MessageTable], problems: list[Problem]) -> _Clock:
    timed = [table for table in tables.values() if "time_boot_ms" in (table.fields.dtype.names or ())]
    received = np.concatenate([table.received_us for table in timed] or [np.zeros(0, np.int64)]) * 1000
    boot = np.concatenate([table.fields["time_boot_ms"] for table in timed] or [np.zeros(0, np.uint32)]).astype(
        np.int64
    )
    boot *= 1_000_000
    order = np.argsort(received, kind="stable")
    received, boot = received[order], boot[order]
    start = received[:1] if len(received) else np.zeros(1, np.int64)
    begins = np.unique(np.concatenate([start, run_begins(boot, received)]))
    problems += [
        Problem(kind="vehicle_restart", message="the vehicle's boot clock started again here", t_utc_ns=int(begin))
        for begin in begins[1:]
    ]
    offsets, shifts = [], []
    ends = [*begins[1:].tolist(), np.iinfo(np.int64).max]
    for begin, end in zip(begins.tolist(), ends, strict=True):
        rows = (received >= begin) & (received < end)
        to_utc, shift = _run_offset(tables.get("SYSTEM_TIME"), received[rows], boot[rows], (begin, end), problems)
        offsets.append(to_utc)
        shifts.append(shift)
    boot_clock = BootClock(begins=begins, offset_ns=np.array(offsets, dtype=np.int64))
    return _Clock(boot_clock, begins, np.array(shifts, dtype=np.int64))


def _run_offset(
    system_time: MessageTable | None, received: Ints, boot: Ints, span: tuple[int, int], problems: list[Problem]
) -> tuple[int, int]:
    """Return UTC - boot and UTC - reception for one run of the vehicle, by its GPS time where it has one."""
    if not len(received):
        return 0, 0
    to_reception, reception_stepped = fit_offset(received, boot, what="the receiving computer's clock")
    middle = int(np.median(boot))
    to_utc, found = _vehicle_offset(system_time, span, middle, to_reception)
    problems += found
    if middle + to_utc < EARLIEST_UTC_S * 1_000_000_000:
        text = "the vehicle never had GPS time; reception times were used"
        problems += [Problem(kind="no_vehicle_clock", message=text), *reception_stepped]
        return to_reception, 0
    lag = received - boot - to_utc
    if np.abs(lag).max() > CLOCK_TOLERANCE_NS:
        text = (
            f"the receiving computer's clock is {lag[0] / 1e9:+.3f} s from the vehicle's GPS time at the start and "
            f"{lag[-1] / 1e9:+.3f} s at the end; the vehicle's was used"
        )
        problems.append(Problem(kind="clocks_differ", message=text, t_utc_ns=int(boot[0]) + to_utc))
    return to_utc, to_utc - to_reception


def _vehicle_offset(
    system_time: MessageTable | None, span: tuple[int, int], middle: int, to_reception: int
) -> tuple[int, list[Problem]]:
    """Return UTC - boot by the vehicle's ``SYSTEM_TIME`` within a run, 0 where it has none."""
    if system_time is None:
        return 0, []
    received = system_time.received_us * 1000
    unix_us = system_time.fields["time_unix_usec"].astype(np.int64)
    rows = (received >= span[0]) & (received < span[1]) & (unix_us > GPS_EPOCH_S * 1_000_000)
    rows &= unix_us < 2**63 // 1000
    if not rows.any():
        return 0, []
    boot = system_time.fields["time_boot_ms"][rows].astype(np.int64) * 1_000_000
    to_utc, stepped = fit_offset(unix_us[rows] * 1000, boot, what="the vehicle's clock")
    corrected, rolled = undo_rollover(middle + to_utc, middle + to_reception)
    return corrected - middle, [*stepped, *rolled]


def _position(tables: Mapping[str, MessageTable], clock: _Clock, problems: list[Problem]) -> Samples:
    table = tables.get("GLOBAL_POSITION_INT")
    if table is None:
        table = tables["GPS_RAW_INT"]
        problems.append(Problem(kind="raw_gps_only", message="no fused position was sent; raw GPS fixes were used"))
    fields = table.fields
    lat, lon = fields["lat"] * 1e-7, fields["lon"] * 1e-7
    if "fix_type" in (fields.dtype.names or ()):
        lat = np.where(fields["fix_type"] >= 2, lat, np.nan)
    return Samples(t_ns=clock.utc(table), columns={"lat_deg": lat, "lon_deg": lon, "alt_amsl_m": fields["alt"] * 1e-3})


def _attitude(tables: Mapping[str, MessageTable], clock: _Clock) -> Samples | None:
    if "ATTITUDE" in tables:
        table = tables["ATTITUDE"]
        angles = {f"{name}_deg": np.degrees(table.fields[name].astype(np.float64)) for name in ("yaw", "pitch", "roll")}
    elif "ATTITUDE_QUATERNION" in tables:
        table = tables["ATTITUDE_QUATERNION"]
        quaternion = np.stack([table.fields[f"q{i}"].astype(np.float64) for i in (1, 2, 3, 4)], axis=1)
        angles = quaternion_angles(quaternion)
    else:
        return None
    return Samples(t_ns=clock.utc(table), columns=angles)


def _view(tables: Mapping[str, MessageTable], clock: _Clock) -> Samples | None:
    table = tables.get("CAMERA_FOV_STATUS")
    if table is None:
        return None
    columns = {}
    for name in ("hfov", "vfov"):
        value = table.fields[name].astype(np.float64)
        with np.errstate(invalid="ignore"):
            columns[f"{name}_deg"] = np.where((value > 0.0) & (value < 180.0), value, np.nan)
    return Samples(t_ns=clock.utc(table), columns=columns)


def _accuracy(tables: Mapping[str, MessageTable], clock: _Clock) -> Samples | None:
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
        Only the last so many seconds are kept, so that memory stays flat.
    """

    def __init__(self, *, source: str, undulation: Undulation = egm96, keep_s: float = 600.0) -> None:
        self._source = source
        self._undulation = undulation
        self._keep_us = int(keep_s * 1e6)
        self._ids = {name: number for number, name in message_ids(POSE_MESSAGES).items()}
        self._rows: dict[str, list[tuple[int, int, int, tuple[Any, ...]]]] = {name: [] for name in POSE_MESSAGES}

    def feed(self, message: Any, *, received_us: int) -> bool:
        """Take one decoded message, received at UTC microseconds; return whether it bears on the pose."""
        name = message.get_type()
        rows = self._rows.get(name)
        if rows is None:
            return False
        kind = layout(self._ids[name])
        values = tuple(
            tuple(value) if isinstance(value := getattr(message, field), list | tuple) else value
            for field in kind.names or ()
        )
        rows.append((received_us, message.get_srcSystem(), message.get_srcComponent(), values))
        if rows[0][0] < received_us - 2 * self._keep_us:
            rows[:] = [row for row in rows if row[0] >= received_us - self._keep_us]
        return True

    def track(self) -> PoseTrack:
        """Return the pose track of what was fed so far (SourceError while there is no position)."""
        tables = {}
        for name, rows in self._rows.items():
            if rows:
                tables[name] = MessageTable(
                    received_us=np.array([row[0] for row in rows], dtype=np.int64),
                    system=np.array([row[1] for row in rows], dtype=np.uint8),
                    component=np.array([row[2] for row in rows], dtype=np.uint8),
                    fields=np.array([row[3] for row in rows], dtype=layout(self._ids[name])),
                )
        return track_from_messages(tables, source=self._source, undulation=self._undulation)
