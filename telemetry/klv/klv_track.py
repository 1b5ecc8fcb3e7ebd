"""A decoded KLV stream as a pose track: which tags win, which datum, which clock.

Clock. Tag 2 counts microseconds since 1970. MISB ST 0603 says it is MISP time,
which has no leap seconds; tag 136, where present, is "added to convert to UTC".
Producers that send no tag 136 commonly fill tag 2 from a system clock, which
is UTC already, so without tag 136 tag 2 is taken as UTC unless a number of leap
seconds is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.geodesy import wrap_longitude_deg
from geo.values import GimbalFrame, read_only
from telemetry.tracks.datums import Undulation, egm96
from telemetry.tracks.pose_track import PoseTrack, Problem
from telemetry.tracks.time_bases import middle_of
from telemetry.tracks.track_cleaning import Samples, dropouts, in_order, with_fix, without_jumps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.klv import KlvStream

MISP_EARLIEST_US: Final = 0
MISP_LATEST_US: Final = 9_000_000_000_000_000
"""Year 2255; larger values are damage, and would not fit nanoseconds in 64 bits."""

HOLD_SLOW_ITEMS_S: Final = 30.0
"""How long a field of view stays true when later packets leave it out (ST 0601 report-on-change)."""


EARLIEST_S: Final = 946_684_800
LATEST_S: Final = 4_102_444_800
"""2000-01-01 and 2100-01-01 in POSIX seconds: between them lies every downlink, whatever unit its sender counts in."""

UNITS_NS: Final[dict[str, int]] = {"seconds": 1_000_000_000, "milliseconds": 1_000_000, "nanoseconds": 1}
"""Units that senders put into tag 2 in place of microseconds, each in nanoseconds."""


def track_from_klv(
    stream: KlvStream,
    *,
    leap_seconds: int | None = None,
    undulation: Undulation = egm96,
    source: str = "",
    times_ns: NDArray[np.int64] | None = None,
    rows: NDArray[np.bool_] | None = None,
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
    times_ns
        UTC of every packet, -1 for none, where a container's presentation times tell it better than tag 2.
    rows
        Which packets belong to the track; all unless given.

    Returns
    -------
    PoseTrack
        Rising times; the gimbal frame is the airframe. Height is tag 104, else
        75 (ellipsoid), else 15 (mean sea level) with the undulation added.
        Pitch and roll are tags 90 and 91, else 6 and 7.
    """
    if times_ns is None:
        times_ns = utc_ns(stream, leap_seconds)
    samples, problems = _placed(stream, times_ns if rows is None else np.where(rows, times_ns, -2))
    return _track(stream, samples, problems, undulation, source)


def _track(
    stream: KlvStream, samples: Samples, problems: list[Problem], undulation: Undulation, source: str
) -> PoseTrack:
    times_ns, rows = samples.t_ns, samples.columns["packet"].astype(np.int64)
    lat, lon = samples.columns["lat_deg"], samples.columns["lon_deg"]
    alt_hae, alt_amsl = _heights(stream, rows, lat, lon, undulation)
    gimbal_roll = stream.numbers(20)[rows]
    if len(rows) and not np.isfinite(gimbal_roll).any():
        gimbal_roll = np.zeros(len(rows))
        problems.append(Problem(kind="gimbal", message="no packet has a sensor roll (tag 20); 0 is assumed"))
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
    stated = 113 in stream.columns and np.isfinite(agl := stream.numbers(113)[rows]).any()
    beside = {"agl_m": agl} if stated else {}
    return _assemble(times_ns, columns, beside, (*stream.problems, *problems), source)


def _assemble(
    times_ns: NDArray[np.int64],
    columns: dict[str, FloatArray],
    beside: dict[str, FloatArray],
    problems: tuple[Problem, ...],
    source: str,
) -> PoseTrack:
    sealed: dict[str, Any] = {name: read_only(values) for name, values in columns.items()}
    witnesses: dict[str, Any] = {name: read_only(values) for name, values in beside.items()}
    return PoseTrack(
        t_utc_ns=times_ns,
        gimbal_frame=GimbalFrame.BODY,
        source=source,
        problems=problems,
        beside=witnesses,
        **sealed,
    )


def utc_ns(stream: KlvStream, leap_seconds: int | None = None) -> NDArray[np.int64]:
    """Return the UTC nanoseconds of every packet, shape (n,), -1 where it has no usable time.

    Stamps that are dates only when read in another unit are read so (see `stamp_unit`).
    """
    counts = stream.times_us()
    unit_ns = stamp_unit(counts)[1]
    usable = (counts > MISP_EARLIEST_US * 1000 // unit_ns) & (counts < MISP_LATEST_US * 1000 // unit_ns)
    if leap_seconds is None:
        shift = np.nan_to_num(_filled(stream.numbers(136))).astype(np.int64)
    else:
        shift = np.full(len(counts), leap_seconds, dtype=np.int64)
    return np.where(usable, np.where(usable, counts, 0) * unit_ns + shift * 1_000_000_000, -1)


def stamp_unit(stamps: NDArray[np.int64]) -> tuple[str, int]:
    """Return the unit that tag 2 of packets (-1 for none) counts in, and its nanoseconds; microseconds by default.

    ST 0603 counts microseconds. A stream whose middle stamp is a date between 2000 and 2100 only
    in another unit comes from a sender that counts in it.
    """
    stamps = stamps[stamps > 0]
    if len(stamps):
        middle = middle_of(stamps)
        for name, unit_ns in UNITS_NS.items():
            if EARLIEST_S <= middle * unit_ns // 1_000_000_000 < LATEST_S:
                return name, unit_ns
    return "microseconds", 1000


def stamp_problems(stream: KlvStream) -> list[Problem]:
    """Name what is wrong with a stream's stamps as a whole: another unit than the standard's, or all zero."""
    stamps = stream.times_us()
    name, unit_ns = stamp_unit(stamps)
    if unit_ns != 1000:  # noqa: PLR2004 - nanoseconds of a microsecond
        text = f"tag 2 counts {name}, not the microseconds of ST 0603; it was read so"
        return [Problem(kind="clock_unit", message=text)]
    if len(stamps) and bool((stamps == 0).any()) and not bool((stamps > 0).any()):
        return [Problem(kind="clock_zero", message=f"tag 2 is 0 in all {len(stamps)} packets: the sender has no clock")]
    return []


def leap_seconds_of(stream: KlvStream) -> tuple[int, ...]:
    """Return the shifts that turn the stream's own time stamps into UTC: each tag 136 it states, else 0."""
    stated = stream.numbers(136)
    return tuple(np.unique(stated[np.isfinite(stated)]).astype(np.int64).tolist()) or (0,)


def _placed(stream: KlvStream, times: NDArray[np.int64]) -> tuple[Samples, list[Problem]]:
    """Return the packets that have a time and a possible place, in order, and what was wrong with the others.

    Times of -2 mark packets that belong to another track.
    """
    timed = np.flatnonzero(times >= 0)
    problems, lat = stamp_problems(stream), stream.numbers(13)
    untimed = int(np.count_nonzero((times == -1) & np.isfinite(lat)))
    if untimed:
        message = f"{untimed} packets have no usable time stamp (tag 2) and were left out"
        problems.append(Problem(kind="time", message=message))
    columns = {"lat_deg": lat, "lon_deg": stream.numbers(14), "packet": np.arange(float(len(times)))}
    samples = Samples(t_ns=times, columns=columns).rows(timed)
    for step in (with_fix, in_order, without_jumps):
        samples, found = step(samples)
        problems += found
    return samples, problems + dropouts(samples.t_ns)


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
