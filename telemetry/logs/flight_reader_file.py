"""Read a flight log as Flight Reader and similar programs export DJI's records (CSV)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.values import GimbalFrame
from geo.vertical import FOOT_M
from telemetry.logs.csv_table import CsvTable, read_csv_table
from telemetry.logs.wall_clock import read_column
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

MARKS: Final = ("osd.latitude", "osd.longitude")
"""Columns by which the format is known."""
_DATES: Final = ("custom.date [utc]", "custom.date [local]")
_CLOCKS: Final = ("custom.updatetime [utc]", "custom.updatetime [local]")
_SINCE: Final = "osd.flytime [s]"
_ANGLES: Final = {
    "": ("osd.yaw", "osd.pitch", "osd.roll"),
    "gimbal_": ("gimbal.yaw", "gimbal.pitch", "gimbal.roll"),
}
_UNITS: Final = {"ft": FOOT_M, "m": 1.0}
_HEIGHTS: Final = ("osd.altitude", "osd.height")


def read_flight_reader(
    path: str | Path,
    *,
    utc_offset_s: float | None = None,
    home_alt_amsl_m: float | None = None,
    undulation: Undulation = egm96,
) -> PoseTrack:
    """Read the pose track of a Flight Reader export; feet or metres, as its column names say.

    ``OSD.altitude`` is over mean sea level, ``OSD.height`` over the take-off point; gimbal angles
    are absolute (DJI's own convention): `GimbalFrame.EARTH`.

    Parameters
    ----------
    path
        The file.
    utc_offset_s
        Zone of its local clock, seconds east of UTC; used where the clock is local.
    home_alt_amsl_m
        Height of the take-off point; then heights over it are used instead of the stated altitude.
    undulation
        Geoid of the heights over mean sea level.

    Raises
    ------
    SourceError
        The table lacks a clock, or holds no usable position.
    """
    path = Path(path)
    heights = [f"{name} [{unit}]" for name in _HEIGHTS for unit in _UNITS]
    angles = [name for names in _ANGLES.values() for name in (*names, *(f"{one} [360]" for one in names))]
    table = read_csv_table(path, [*MARKS, *heights, *angles, _SINCE], (*_DATES, *_CLOCKS))
    problems: list[Problem] = []
    t_ns, timed = _times(table, utc_offset_s, problems)
    over_home = _metres(table, "osd.height")
    amsl = _metres(table, "osd.altitude") if home_alt_amsl_m is None else over_home + home_alt_amsl_m
    if not np.isfinite(amsl).any():
        text = "the table states no altitude over sea level; state the height of the take-off point to get altitudes"
        problems.append(Problem(kind="altitude_relative_only", message=text))
    position = {"lat_deg": table.numbers(MARKS[0]), "lon_deg": table.numbers(MARKS[1]), "alt_amsl_m": amsl}
    return assemble(
        Sampled(
            position=Samples(t_ns=t_ns, columns=position).rows(timed),
            attitude=_angles(table, t_ns, timed, ""),
            gimbal=_angles(table, t_ns, timed, "gimbal_"),
            gimbal_frame=GimbalFrame.EARTH,
            beside=Samples(t_ns=t_ns, columns={"alt_rel_home_m": over_home}).rows(timed),
        ),
        undulation=undulation,
        source=path.name,
        problems=problems,
    )


def _times(
    table: CsvTable, utc_offset_s: float | None, problems: list[Problem]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return UTC of each row and which rows have one: the wall clock, else the flight time from its first row."""
    dates = next((table.texts[name] for name in _DATES if name in table.texts), None)
    clocks = next((table.texts[name] for name in _CLOCKS if name in table.texts), None)
    t_ns = np.full(table.rows, -1, dtype=np.int64)
    if dates is not None and clocks is not None:
        zone_s = 0.0 if _CLOCKS[0] in table.texts else utc_offset_s
        cells = [f"{date} {time}" for date, time in zip(dates, clocks, strict=True)]
        clock = read_column(cells, day_first=table.with_semicolons, utc_offset_s=zone_s)
        t_ns[:] = clock.t_utc_ns
        problems += clock.problems
    if (t_ns >= 0).any():
        return t_ns, t_ns >= 0
    since_s = table.numbers(_SINCE)
    if not np.isfinite(since_s).any():
        raise SourceError(
            f"{table.path}: no row has a date and time, and there is no flight time", path=str(table.path)
        )
    text = "the table has no date; times count from its first row as if it were 1970-01-01"
    problems.append(Problem(kind="no_date", message=text))
    timed = np.isfinite(since_s) & (np.abs(np.nan_to_num(since_s)) < 1e6)  # noqa: PLR2004 - a flight of eleven days
    return (np.where(timed, since_s, 0.0) * 1e9).astype(np.int64), timed


def _metres(table: CsvTable, name: str) -> FloatArray:
    for unit, factor in _UNITS.items():
        if f"{name} [{unit}]" in table.values:
            return np.asarray(table.numbers(f"{name} [{unit}]") * factor)
    return np.full(table.rows, np.nan)


def _angles(table: CsvTable, t_ns: NDArray[np.int64], timed: NDArray[np.bool_], prefix: str) -> Samples | None:
    names = _ANGLES[prefix]
    columns = {
        f"{angle}_deg": table.numbers(name, f"{name} [360]")
        for angle, name in zip(("yaw", "pitch", "roll"), names, strict=True)
    }
    if not np.isfinite(columns["yaw_deg"]).any():
        return None
    columns["roll_deg"] = np.nan_to_num(columns["roll_deg"])
    return Samples(t_ns=t_ns, columns=columns).rows(timed)
