"""Read a table of ST 0601 values under their item names, as spreadsheets of KLV streams are made (CSV)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.values import GimbalFrame
from telemetry.logs.csv_table import CsvTable, read_csv_table
from telemetry.logs.wall_clock import read_column
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

MARKS: Final = ("sensor latitude", "sensor longitude")
"""Columns by which the format is known."""
_TIMES: Final = ("unix time stamp", "precision time stamp", "unic time stamp")
_ANGLES: Final = {
    "": ("platform heading angle", "platform pitch angle", "platform roll angle"),
    "gimbal_": ("sensor relative azimuth angle", "sensor relative elevation angle", "sensor relative roll angle"),
}
_VIEW: Final = ("sensor horizontal field of view", "sensor vertical field of view")
_EARLIEST_US: Final = 1e14
_LATEST_US: Final = 9_000_000_000_000_000
"""Year 2255; larger values are damage, and would not fit nanoseconds in 64 bits."""


def read_misb_csv(path: str | Path, *, undulation: Undulation = egm96) -> PoseTrack:
    """Read the pose track of a table of ST 0601 items; sensor angles are against the airframe.

    Raises
    ------
    SourceError
        The table has no time stamps, or no usable position.
    """
    path = Path(path)
    names = [*MARKS, *_TIMES, "sensor true altitude", *_VIEW, *(name for names in _ANGLES.values() for name in names)]
    table = read_csv_table(path, names, _TIMES)
    if table.find(*_TIMES) is None:
        raise SourceError(f"{path}: no column of time stamps ({', '.join(_TIMES)})", path=str(path))
    t_ns, timed = _times(table)
    problems: list[Problem] = []
    if not timed.all():
        text = f"{int((~timed).sum())} of {table.rows} rows have no usable time stamp and were left out"
        problems.append(Problem(kind="time", message=text))
    position = {
        "lat_deg": table.numbers(MARKS[0]),
        "lon_deg": table.numbers(MARKS[1]),
        "alt_amsl_m": table.numbers("sensor true altitude"),
    }
    view = {"hfov_deg": table.numbers(_VIEW[0]), "vfov_deg": table.numbers(_VIEW[1])}
    return assemble(
        Sampled(
            position=Samples(t_ns=t_ns, columns=position).rows(timed),
            attitude=_angles(table, t_ns, timed, ""),
            gimbal=_angles(table, t_ns, timed, "gimbal_"),
            gimbal_frame=GimbalFrame.BODY,
            view=Samples(t_ns=t_ns, columns=view).rows(timed),
        ),
        undulation=undulation,
        source=path.name,
        problems=problems,
    )


def _times(table: CsvTable) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return UTC, and which rows have one; a stamp is a date, or counts what makes it a year from 1973 to 2255."""
    stamp = table.numbers(*_TIMES)
    with np.errstate(invalid="ignore", over="ignore"):
        counted = [stamp * unit_us for unit_us in (1e6, 1e3, 1.0, 1e-3)]
        timed = [(stamp_us >= _EARLIEST_US) & (stamp_us < _LATEST_US) for stamp_us in counted]
    best = int(np.argmax([rows.sum() for rows in timed]))
    if timed[best].any():
        return np.where(timed[best], counted[best], 0.0).astype(np.int64) * 1000, timed[best]
    cells = next(table.texts[name] for name in _TIMES if name in table.texts)
    t_ns = np.array(read_column(cells, day_first=False, utc_offset_s=0.0).t_utc_ns, dtype=np.int64)
    return t_ns, t_ns >= 0


def _angles(table: CsvTable, t_ns: NDArray[np.int64], timed: NDArray[np.bool_], prefix: str) -> Samples | None:
    columns = dict(zip(("yaw_deg", "pitch_deg", "roll_deg"), map(table.numbers, _ANGLES[prefix]), strict=True))
    if not np.isfinite(columns["yaw_deg"]).any():
        return None
    columns["roll_deg"] = np.nan_to_num(columns["roll_deg"])
    return Samples(t_ns=t_ns, columns=columns).rows(timed)
