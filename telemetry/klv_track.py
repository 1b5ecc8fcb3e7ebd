"""A decoded KLV stream as a pose track: which tags win, which datum, which clock.

Clock. Tag 2 counts microseconds since 1970. MISB ST 0603 says it is MISP time,
which has no leap seconds; tag 136, where present, is "added to convert to UTC".
Producers that send no tag 136 fill tag 2 from a system clock, which is UTC
already, so without tag 136 tag 2 is taken as UTC unless a number of leap
seconds is given.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import wrap_longitude_deg
from geo.values import GimbalFrame, read_only
from telemetry.datums import Undulation, egm96
from telemetry.pose_track import PoseTrack, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.klv import KlvStream

MISP_EARLIEST_US: Final = 0
MISP_LATEST_US: Final = 9_000_000_000_000_000
"""Year 2255; larger values are damage, and would not fit nanoseconds in 64 bits."""

HOLD_SLOW_ITEMS_S: Final = 30.0
"""How long a field of view stays true when later packets leave it out (ST 0601 report-on-change)."""


def track_from_klv(
    stream: KlvStream, *, leap_seconds: int | None = None, undulation: Undulation = egm96, source: str = ""
) -> PoseTrack:
    """Build the pose track of an ST 0601 stream.

    Parameters
    ----------
    stream
        Decoded packets.
    leap_seconds
        Seconds to add to tag 2 to get UTC, for streams known to carry MISP time
        without tag 136 (-29 from 2017 on); None trusts tag 136, then the system clock.
    undulation
        Geoid of the stream's heights over mean sea level.
    source
        What the track is called in messages.

    Returns
    -------
    PoseTrack
        Rising times; the gimbal frame is the airframe. Height is tag 104, else
        75 (ellipsoid), else 15 (mean sea level) with the undulation added.
        Pitch and roll are tags 90 and 91, else 6 and 7.
    """
    times_ns, rows, problems = _times(stream, leap_seconds)
    lat, lon = stream.numbers(13)[rows], stream.numbers(14)[rows]
    placed = np.isfinite(lat) & np.isfinite(lon) & ~((lat == 0.0) & (lon == 0.0))
    _tell(problems, "position", len(lat) - int(placed.sum()), "packets have no position, or (0, 0); they are left out")
    times_ns, rows, lat, lon = times_ns[placed], rows[placed], lat[placed], lon[placed]
    alt_hae, alt_amsl = _heights(stream, rows, lat, lon, undulation)
    gimbal_roll = stream.numbers(20)[rows]
    if len(rows) and not np.isfinite(gimbal_roll).any():
        gimbal_roll = np.zeros(len(rows))
        _tell(problems, "gimbal", 1, "no packet has a sensor roll (tag 20); 0 is assumed")
    columns: dict[str, FloatArray] = {
        "lat_deg": lat,
        "lon_deg": lon,
        "alt_hae_m": alt_hae,
        "alt_amsl_m": alt_amsl,
        "yaw_deg": wrap_longitude_deg(stream.numbers(5)[rows]),
        "pitch_deg": _first(stream.numbers(90), stream.numbers(6))[rows],
        "roll_deg": _first(stream.numbers(91), stream.numbers(7))[rows],
        "gimbal_yaw_deg": wrap_longitude_deg(stream.numbers(18)[rows]),
        "gimbal_pitch_deg": stream.numbers(19)[rows],
        "gimbal_roll_deg": wrap_longitude_deg(gimbal_roll),
        "hfov_deg": _held(stream.numbers(16)[rows], times_ns),
        "vfov_deg": _held(stream.numbers(17)[rows], times_ns),
        "sigma_h_m": np.full(len(rows), np.nan),
        "sigma_v_m": np.full(len(rows), np.nan),
    }
    return _assemble(times_ns, columns, (*stream.problems, *problems), source)


def _assemble(
    times_ns: NDArray[np.int64], columns: dict[str, FloatArray], problems: tuple[Problem, ...], source: str
) -> PoseTrack:
    sealed = {name: read_only(values) for name, values in columns.items()}
    times = read_only(times_ns, np.int64)
    track = PoseTrack(t_utc_ns=times, gimbal_frame=GimbalFrame.BODY, source=source, **sealed)  # type: ignore[arg-type]
    return dataclasses.replace(track, problems=problems)


def utc_ns(stream: KlvStream, leap_seconds: int | None = None) -> NDArray[np.int64]:
    """Return the UTC nanoseconds of every packet, shape (n,), -1 where it has no usable time."""
    micros = stream.times_us()
    usable = (micros > MISP_EARLIEST_US) & (micros < MISP_LATEST_US)
    if leap_seconds is None:
        shift = np.nan_to_num(_filled(stream.numbers(136))).astype(np.int64)
    else:
        shift = np.full(len(micros), leap_seconds, dtype=np.int64)
    return np.where(usable, np.where(usable, micros, 0) * 1000 + shift * 1_000_000_000, -1)


def _times(stream: KlvStream, leap_seconds: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Problem]]:
    """Return rising times, the packet of each, and what had to be left out."""
    problems: list[Problem] = []
    times = utc_ns(stream, leap_seconds)
    rows = np.flatnonzero(times >= 0)
    dropped = len(times) - len(rows) - int(np.count_nonzero(~stream.checksum_good & (times < 0)))
    _tell(problems, "time", dropped, "packets have no usable time stamp (tag 2); they are left out")
    steps_back = int(np.count_nonzero(np.diff(times[rows]) < 0))
    _tell(problems, "clock", steps_back, "times the clock stepped back; packets are sorted by time")
    rows = rows[np.argsort(times[rows], kind="stable")]
    fresh = np.ones(len(rows), dtype=np.bool_)
    fresh[1:] = np.diff(times[rows]) > 0
    _tell(problems, "duplicate", int(np.count_nonzero(~fresh)), "packets repeat a time stamp; the first is kept")
    rows = rows[fresh]
    return times[rows], rows, problems


def _tell(problems: list[Problem], kind: str, count: int, text: str) -> None:
    if count > 0:
        problems.append(Problem(kind=kind, message=text if kind == "gimbal" else f"{count} {text}"))


def _heights(
    stream: KlvStream, rows: NDArray[np.int64], lat: FloatArray, lon: FloatArray, undulation: Undulation
) -> tuple[FloatArray, FloatArray]:
    """Return ellipsoid and mean-sea-level heights; whichever is absent comes from the geoid."""
    amsl = stream.numbers(15)[rows]
    ellipsoid = _first(stream.numbers(104), stream.numbers(75))[rows]
    geoid = undulation(lat, lon)
    return _first(ellipsoid, amsl + geoid), _first(amsl, ellipsoid - geoid)


def _first(preferred: FloatArray, fallback: FloatArray) -> FloatArray:
    chosen: FloatArray = np.where(np.isfinite(preferred), preferred, fallback)
    return chosen


def _filled(values: FloatArray) -> FloatArray:
    """Carry the last finite value forward, and the first one back to the beginning."""
    finite = np.flatnonzero(np.isfinite(values))
    if not len(finite):
        return values
    last = np.maximum(np.searchsorted(finite, np.arange(len(values)), side="right") - 1, 0)
    return values[finite[last]]


def _held(values: FloatArray, times_ns: NDArray[np.int64]) -> FloatArray:
    """Carry a slow item forward over the packets that leave it out, for at most `HOLD_SLOW_ITEMS_S`."""
    finite = np.flatnonzero(np.isfinite(values))
    if len(finite) in {0, len(values)}:
        return values
    last = np.searchsorted(finite, np.arange(len(values)), side="right") - 1
    source = finite[np.maximum(last, 0)]
    fresh = (last >= 0) & ((times_ns - times_ns[source]) * 1e-9 <= HOLD_SLOW_ITEMS_S)
    return np.where(fresh, values[source], np.nan)
