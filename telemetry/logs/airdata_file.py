"""Read a flight log as Airdata UAV exports it (CSV)."""

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

MARKS: Final = ("time(millisecond)", "latitude", "longitude")
"""Columns by which the format is known."""
_ALTITUDES: Final = ("altitude_above_sealevel", "altitude")
_ANGLES: Final = {
    "": ("compass_heading(degrees)", "pitch(degrees)", "roll(degrees)"),
    "gimbal_": ("gimbal_heading(degrees)", "gimbal_pitch(degrees)", "gimbal_roll(degrees)"),
}
_UTC: Final = "datetime(utc)"
_LOCAL: Final = "datetime(local)"
_UNITS: Final = {"feet": FOOT_M, "ft": FOOT_M, "meters": 1.0, "metres": 1.0, "m": 1.0}


def _wanted() -> list[str]:
    heights = [f"{name}({unit})" for name in (*_ALTITUDES, "height_above_takeoff") for unit in _UNITS]
    return [*MARKS, *heights, *(name for names in _ANGLES.values() for name in names)]


def read_airdata(
    path: str | Path,
    *,
    utc_offset_s: float | None = None,
    home_alt_amsl_m: float | None = None,
    undulation: Undulation = egm96,
) -> PoseTrack:
    """Read the pose track of an Airdata export; feet or metres, as its column names say.

    Gimbal angles are absolute (DJI's own convention): `GimbalFrame.EARTH`.

    Parameters
    ----------
    path
        The file.
    utc_offset_s
        Zone of its clock, seconds east of UTC; used where that is local.
    home_alt_amsl_m
        Height of the take-off point; then heights over it are used instead of the
        stated altitude.
    undulation
        Geoid of the heights over mean sea level.

    Raises
    ------
    SourceError
        The table lacks time, latitude or longitude, or holds no usable position.
    """
    path = Path(path)
    table = read_csv_table(path, _wanted(), (_UTC, _LOCAL))
    missing = [name for name in MARKS if name not in table.values]
    if missing:
        raise SourceError(f"{path}: no column {missing[0]!r}, which every Airdata export has", path=str(path))
    problems: list[Problem] = []
    t_ns = _times(table, utc_offset_s, problems)
    timed = np.isfinite(table.numbers("time(millisecond)"))
    position = {
        "lat_deg": table.numbers("latitude"),
        "lon_deg": table.numbers("longitude"),
        "alt_amsl_m": _heights(table, home_alt_amsl_m, problems),
    }
    return assemble(
        Sampled(
            position=Samples(t_ns=t_ns, columns=position).rows(timed),
            attitude=_angles(table, t_ns, ""),
            gimbal=_angles(table, t_ns, "gimbal_"),
            gimbal_frame=GimbalFrame.EARTH,
            beside=Samples(t_ns=t_ns, columns={"alt_rel_home_m": _metres(table, "height_above_takeoff")}).rows(timed),
        ),
        undulation=undulation,
        source=path.name,
        problems=problems,
    )


def _times(table: CsvTable, utc_offset_s: float | None, problems: list[Problem]) -> NDArray[np.int64]:
    """Return UTC: milliseconds since the start, moved so that the whole-second clock fits."""
    since_ms = np.nan_to_num(table.numbers("time(millisecond)"))
    since_ns = (np.clip(since_ms, -1e12, 1e12) * 1e6).astype(np.int64)
    cells = table.texts.get(_UTC, table.texts.get(_LOCAL, []))
    zone_s = 0.0 if _UTC in table.texts else utc_offset_s
    clock = read_column(cells, day_first=table.with_semicolons, utc_offset_s=zone_s)
    lags = [stamp - own_ns for stamp, own_ns in zip(clock.t_utc_ns, since_ns.tolist(), strict=False) if stamp >= 0]
    if not lags:
        text = "the table has no UTC clock; times count from its first row as if it were 1970-01-01"
        problems.append(Problem(kind="no_date", message=text))
        return since_ns
    problems += clock.problems
    # the clock is cut to whole seconds, so the largest lags are cut least; the very largest may be damage
    return np.asarray(since_ns + sorted(lags)[-1 - len(lags) // 50], dtype=np.int64)


def _metres(table: CsvTable, *names: str) -> FloatArray:
    for name in names:
        for unit, factor in _UNITS.items():
            if f"{name}({unit})" in table.values:
                return np.asarray(table.numbers(f"{name}({unit})") * factor)
    return np.full(table.rows, np.nan)


def _heights(table: CsvTable, home_alt_amsl_m: float | None, problems: list[Problem]) -> FloatArray:
    if home_alt_amsl_m is not None:
        return _metres(table, "height_above_takeoff") + home_alt_amsl_m
    stated = _metres(table, *_ALTITUDES)
    if not np.isfinite(stated).any():
        text = "the table states no altitude over sea level; state the height of the take-off point to get altitudes"
        problems.append(Problem(kind="altitude_relative_only", message=text))
    return stated


def _angles(table: CsvTable, t_ns: NDArray[np.int64], prefix: str) -> Samples | None:
    columns = dict(zip(("yaw_deg", "pitch_deg", "roll_deg"), map(table.numbers, _ANGLES[prefix]), strict=True))
    if not np.isfinite(columns["yaw_deg"]).any():
        return None
    columns["roll_deg"] = np.nan_to_num(columns["roll_deg"])
    return Samples(t_ns=t_ns, columns=columns)
