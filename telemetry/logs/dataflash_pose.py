"""A pose track from DataFlash records; field meanings after ArduPilot's log message documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.values import GimbalFrame
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.time_bases import BootClock, fit_offset, gps_to_utc_ns, run_begins
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from telemetry.logs.dataflash_records import RecordTable
    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

    Ints = NDArray[np.int64]

NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "POS": ("Lat", "Lng", "Alt"),
    "GPS": ("Status", "Lat", "Lng", "Alt"),
    "GPS2": ("Status", "Lat", "Lng", "Alt"),
    "GPA": ("HAcc", "VAcc"),
    "ATT": ("Yaw", "Pitch", "Roll"),
    "MNT": ("Pitch", "Roll"),
}
"""Columns without which a record is of no use (some are younger than their record)."""
POSE_RECORDS: Final = tuple(NEEDED)
"""Every record that bears on where the camera is and looks."""
FIX_3D: Final = 3


def track_from_records(
    tables: Mapping[str, RecordTable], *, source: str, undulation: Undulation, problems: tuple[Problem, ...]
) -> PoseTrack:
    """Build a pose track from records: ``POS`` (the fused position), else ``GPS``; ``ATT``; ``MNT``; ``GPA``.

    Raises
    ------
    SourceError
        There is no usable position.
    """
    found = list(problems)
    own = {name: _first_instance(table) for name, table in tables.items() if _is_usable(name, table)}
    receivers = _receivers(tables)
    if receivers:
        own["GPS"] = receivers[0]
        own |= _of_receiver(receivers[0], "GPA", tables)
    if not {"POS", "GPS"} & set(own):
        raise SourceError(f"{source}: the log holds no POS and no GPS records, so there is no position in it")
    clock = _clock(own, found)
    gimbal, frame = _gimbal(own, clock)
    return assemble(
        Sampled(
            position=_position(own, clock, found),
            attitude=_attitude(own, clock),
            gimbal=gimbal,
            gimbal_frame=frame,
            accuracy=_accuracy(own, clock),
            beside=_receiver(receivers[-1], clock) if receivers and "POS" in own else None,
        ),
        undulation=undulation,
        source=source,
        problems=found,
    )


def _first_instance(table: RecordTable) -> RecordTable:
    """Keep the first receiver or mount where one record name serves several (column ``I``)."""
    return table.rows(table.whole("I") == table.whole("I")[0]) if "I" in table else table


def _receivers(tables: Mapping[str, RecordTable]) -> list[RecordTable]:
    """Return the fixes of the best receiver, and of the next best where there is one: the one with most fixes first.

    Two share ``GPS`` with a number each since 2020 (column ``I``); before, the second one has ``GPS2``. A receiver that
    is not there is logged, too, without a fix.
    """
    found = []
    for name in ("GPS", "GPS2"):
        table = tables.get(name)
        if table is None or not _is_usable("GPS", table):
            continue
        numbers = np.unique(table.whole("I")).tolist() if "I" in table else [None]
        found += [table if one is None else table.rows(table.whole("I") == one) for one in numbers]
    fixes = [int((table.whole("Status") >= FIX_3D).sum()) for table in found]
    order = sorted(range(len(found)), key=lambda at: -fixes[at])
    return [found[at] for at in order if at == order[0] or fixes[at]][:2]


def _of_receiver(receiver: RecordTable, name: str, tables: Mapping[str, RecordTable]) -> dict[str, RecordTable]:
    """Return the records of one name that are of a receiver, where both say which."""
    table = tables.get(name)
    if table is None or not _is_usable(name, table) or "I" not in table or "I" not in receiver:
        return {}
    return {name: table.rows(table.whole("I") == receiver.whole("I")[0])}


def _is_usable(name: str, table: RecordTable) -> bool:
    timed = any(column in table for column in ("TimeUS", "TimeMS", "T"))
    if name == "GPS":
        timed &= table.has("GWk", "GMS") or table.has("Week", "TimeMS")
    return len(table) > 0 and timed and table.has(*NEEDED[name])


def _boot_ns(table: RecordTable) -> Ints:
    """Return boot time; before 2015 logs count milliseconds, and in ``GPS`` call them T beside the GPS TimeMS."""
    if "TimeUS" in table:
        return table.whole("TimeUS") * 1000
    return table.whole("T" if "T" in table else "TimeMS") * 1_000_000


def _clock(tables: Mapping[str, RecordTable], problems: list[Problem]) -> BootClock:
    offsets = np.concatenate([table.offset for table in tables.values()])
    boot = np.concatenate([_boot_ns(table) for table in tables.values()])
    order = np.argsort(offsets, kind="stable")
    begins = np.unique(np.concatenate([[0], run_begins(boot[order], offsets[order])]))
    gps = tables.get("GPS")
    if gps is None:
        problems.append(_no_utc())
        return BootClock(begins=begins, offset_ns=np.zeros(len(begins), dtype=np.int64))
    week = gps.whole("GWk" if "GWk" in gps else "Week")
    utc = gps_to_utc_ns(week, gps.whole("GMS" if "GMS" in gps else "TimeMS"))
    good = (gps.whole("Status") >= FIX_3D) & (week > 1024)
    ends = [*begins[1:].tolist(), np.iinfo(np.int64).max]
    result: list[int] = []
    for begin, end in zip(begins.tolist(), ends, strict=True):
        rows = good & (gps.offset >= begin) & (gps.offset < end)
        if not rows.any():
            problems.append(_no_utc())
            result.append(result[-1] if result else 0)
            continue
        offset, stepped = fit_offset(utc[rows], _boot_ns(gps)[rows], what="the GPS clock")
        problems += stepped
        result.append(offset)
    return BootClock(begins=begins, offset_ns=np.array(result, dtype=np.int64))


def _no_utc() -> Problem:
    text = "the log never had GPS time; its times count from boot, as if the vehicle had booted at 1970-01-01"
    return Problem(kind="no_vehicle_clock", message=text)


def _times(table: RecordTable, clock: BootClock) -> Ints:
    return clock.utc_ns(_boot_ns(table), table.offset)


def _position(tables: Mapping[str, RecordTable], clock: BootClock, problems: list[Problem]) -> Samples:
    table = tables.get("POS")
    if table is None:
        table = tables["GPS"]
        problems.append(Problem(kind="raw_gps_only", message="the log holds no POS records; raw GPS fixes were used"))
        table = table.rows(table.whole("Status") >= FIX_3D)
    columns = {"lat_deg": table.column("Lat"), "lon_deg": table.column("Lng"), "alt_amsl_m": table.column("Alt")}
    return Samples(t_ns=_times(table, clock), columns=columns)


def _attitude(tables: Mapping[str, RecordTable], clock: BootClock) -> Samples | None:
    table = tables.get("ATT")
    if table is None:
        return None
    columns = {f"{name.lower()}_deg": table.column(name) for name in ("Yaw", "Pitch", "Roll")}
    return Samples(t_ns=_times(table, clock), columns=columns)


def _gimbal(tables: Mapping[str, RecordTable], clock: BootClock) -> tuple[Samples | None, GimbalFrame]:
    """Read ``MNT``: roll and pitch against the horizon, yaw against north (YawE), else against the heading (YawB)."""
    table = tables.get("MNT")
    if table is None:
        return None, GimbalFrame.BODY
    earth = "YawE" in table and bool(np.isfinite(table.column("YawE")).any())
    yaw = "YawE" if earth else "YawB" if "YawB" in table else "Yaw"
    if yaw not in table:
        return None, GimbalFrame.BODY
    columns = {
        "yaw_deg": table.column(yaw),
        "pitch_deg": table.column("Pitch"),
        "roll_deg": np.nan_to_num(table.column("Roll")),
    }
    return Samples(t_ns=_times(table, clock), columns=columns), GimbalFrame.EARTH if earth else GimbalFrame.VEHICLE_YAW


def _receiver(table: RecordTable, clock: BootClock) -> Samples:
    """Read a receiver's own fixes beside the fused position."""
    table = table.rows(table.whole("Status") >= FIX_3D)
    columns = {
        "gps_lat_deg": table.column("Lat"),
        "gps_lon_deg": table.column("Lng"),
        "gps_alt_amsl_m": table.column("Alt"),
    }
    return Samples(t_ns=_times(table, clock), columns=columns)


def _accuracy(tables: Mapping[str, RecordTable], clock: BootClock) -> Samples | None:
    table = tables.get("GPA")
    if table is None:
        return None
    columns = {}
    for name, column in (("sigma_h_m", "HAcc"), ("sigma_v_m", "VAcc")):
        value = table.column(column)
        columns[name] = np.where(value > 0.0, value, np.nan)
    return Samples(t_ns=_times(table, clock), columns=columns)
