"""Read a GPX 1.0 or 1.1 track: positions over time, and no angles."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import ParseError  # noqa: S405 - only the name; defusedxml does the parsing

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from telemetry.logs.csv_table import MAX_ROWS
from telemetry.logs.wall_clock import read_wall_clock, utc_ns
from telemetry.pictures.picture_numbers import number
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.track_cleaning import LISTED, Samples
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from telemetry.tracks.datums import Undulation
    from telemetry.tracks.pose_track import PoseTrack

MAX_BYTES: Final = 512 << 20
"""A day at 10 points a second takes a quarter of this."""


def read_gpx(path: str | Path, *, undulation: Undulation = egm96) -> PoseTrack:
    """Read the track points of a GPX file; ``ele`` is over mean sea level (GPX 1.1), ``time`` is UTC.

    Raises
    ------
    SourceError
        The file is no GPX, is too large, or has no point with a time.
    """
    path = Path(path)
    times, rows, tracks = array("q"), array("d"), array("q")
    untimed = 0
    problems: list[Problem] = []
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SourceError(f"{path}: over {MAX_BYTES >> 20} MB, which is no track of one flight", path=str(path))
        for number_of_track, point in _points(path):
            stamp = _stamp(point)
            if stamp is None:
                untimed += 1
                continue
            times.append(stamp)
            tracks.append(number_of_track)
            rows.extend((number(point.get("lat")), number(point.get("lon")), number(_child(point, "ele"))))
            if len(times) > MAX_ROWS:
                raise SourceError(f"{path}: more than {MAX_ROWS} points", path=str(path))
    except ParseError as error:
        problems.append(
            Problem(kind="cut_short", message=f"the file is no whole XML ({error}); what came before is read")
        )
    except DefusedXmlException as error:
        raise SourceError(f"{path}: declares entities or a DTD and is refused", path=str(path)) from error
    except (OSError, ValueError, LookupError) as error:
        raise SourceError(f"{path}: cannot be read as GPX ({error})", path=str(path)) from error
    if untimed:
        why = "planned routes have none, unset clocks 1970"
        text = f"{untimed} points state no time of a flight ({why}) and were left out"
        problems.append(Problem(kind="time", message=text))
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    t_ns = np.array(times, dtype=np.int64)
    kept, others = _one_at_a_time(t_ns, np.array(tracks, dtype=np.int64))
    problems += others
    table, t_ns = table[kept], t_ns[kept]
    if len(table) and not np.isfinite(table[:, 2]).any():
        problems.append(Problem(kind="no_height", message="no point states a height (ele)"))
    columns = {"lat_deg": table[:, 0], "lon_deg": table[:, 1], "alt_amsl_m": table[:, 2]}
    position = Samples(t_ns=t_ns, columns=columns)
    return assemble(Sampled(position=position), undulation=undulation, source=path.name, problems=problems)


def _one_at_a_time(t_ns: NDArray[np.int64], tracks: NDArray[np.int64]) -> tuple[NDArray[np.bool_], list[Problem]]:
    """Leave out tracks of times that a longer one covers too: another receiver, or the same flight once more."""
    kept = np.zeros(len(t_ns), dtype=np.bool_)
    numbers, counts = np.unique(tracks, return_counts=True)
    spans: list[tuple[int, int]] = []
    left_out = []
    for at in np.argsort(-counts, kind="stable").tolist():
        rows = tracks == numbers[at]
        first, last = int(t_ns[rows].min()), int(t_ns[rows].max())
        if any(first < end and last > begin for begin, end in spans):
            left_out.append(f"track {numbers[at]} ({counts[at]} points)")
            continue
        spans.append((first, last))
        kept |= rows
    if not left_out:
        return kept, []
    text = f"of tracks of the same time the one with most points was taken; left out: {', '.join(left_out[:LISTED])}"
    return kept, [Problem(kind="other_tracks", message=text)]


def _points(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield track and route points one after another with the number of their track, each forgotten afterwards."""
    count = 0
    with path.open("rb") as file:
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
            name = str(element.tag).rpartition("}")[2]
            if event == "start":
                count += name in ("trk", "rte")
                continue
            if name in ("trkpt", "rtept"):
                yield count, element
            if name in ("trkpt", "rtept", "wpt", "trkseg", "trk", "extensions"):
                element.clear()


def _child(point: Any, name: str) -> str:
    return next((str(child.text or "") for child in point if str(child.tag).rpartition("}")[2] == name), "")


def _stamp(point: Any) -> int | None:
    moment = read_wall_clock(_child(point, "time"))
    return None if moment is None else utc_ns(moment, 0.0)
