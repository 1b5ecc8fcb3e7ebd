"""Order, duplicates, missing fixes and jumps in a column of positions: found, named, taken out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from telemetry.tracks.pose_track import Problem, times
from telemetry.tracks.time_bases import middle_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geo.values import FloatArray

FASTEST_MPS: Final = 200.0
"""No small unmanned aircraft flies faster over the ground; a position that would need it is a jump."""
JUMP_SLACK_M: Final = 50.0
"""Distance within which a position is never called a jump: quantised and re-converging fixes move this far."""
DAY_NS: Final = 86_400_000_000_000
LONGEST_NS: Final = 30 * DAY_NS
"""No recording of one flight is longer; within it, doubles hold seconds to the nanosecond."""
GAP_NS: Final = 1_000_000_000
"""Positions further apart than this are a dropout (the interpolation refuses them too)."""
LISTED: Final = 20
"""Single places listed per kind of problem; the rest are counted."""
_M_PER_DEG: Final = 111_319.5
"""WGS 84 equatorial radius times pi / 180; only used to tell metres from kilometres."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Columns with their own times (UTC nanoseconds), shape (n,) each."""

    t_ns: NDArray[np.int64]
    columns: Mapping[str, FloatArray]

    def __len__(self) -> int:
        return len(self.t_ns)

    def rows(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Samples:
        """Return chosen rows."""
        return Samples(t_ns=self.t_ns[chosen], columns={name: values[chosen] for name, values in self.columns.items()})


def in_order(samples: Samples, *, what: str = "position") -> tuple[Samples, list[Problem]]:
    """Sort by time and keep the first of rows with the same time; say how often either was needed.

    Rows further than `LONGEST_NS` from the middle one have a damaged time and are left out.
    """
    samples, problems = _plausible(samples, what)
    back = np.flatnonzero(np.diff(samples.t_ns) < 0)
    if len(back):
        worst_s = -float(np.diff(samples.t_ns)[back].min()) / 1e9
        problems.append(
            Problem(
                kind="time_backwards",
                message=f"{what} times step back {times(len(back))}, by up to {worst_s:.3f} s; the rows were sorted",
                t_utc_ns=int(samples.t_ns[back[0]]),
            )
        )
        samples = samples.rows(np.argsort(samples.t_ns, kind="stable"))
    repeated = np.diff(samples.t_ns, prepend=samples.t_ns[:1] - 1) == 0
    if repeated.any():
        first = int(samples.t_ns[np.argmax(repeated)])
        text = f"{int(repeated.sum())} {what} rows repeat the time of the row before and were left out"
        problems.append(Problem(kind="duplicate_time", message=text, t_utc_ns=first))
        samples = samples.rows(~repeated)
    return samples, problems


def _plausible(samples: Samples, what: str) -> tuple[Samples, list[Problem]]:
    if not len(samples):
        return samples, []
    middle = middle_of(samples.t_ns)
    near = np.abs(samples.t_ns.astype(np.float64) - float(middle)) <= LONGEST_NS
    if near.all():
        return samples, []
    text = f"{int((~near).sum())} {what} rows lie more than {LONGEST_NS // DAY_NS} days from the rest and were left out"
    return samples.rows(near), [Problem(kind="implausible_time", message=text)]


def stand_exchanged(lat: FloatArray, lon: FloatArray) -> bool:
    """Tell whether latitudes and longitudes of a whole source stand in each other's place: a latitude over 90 shows it.

    Most of what is there has to show it, and no longitude may be one that is no latitude; damage is not taken for it.
    """
    there = np.isfinite(lat) & np.isfinite(lon) & (np.abs(lat) <= 180.0)
    over = np.abs(lat[there]) > 90.0
    return bool(2 * over.sum() > over.size and (np.abs(lon[there]) <= 90.0).all())


def in_their_places(position: Samples) -> tuple[Samples, list[Problem]]:
    """Exchange latitude and longitude where they stand in each other's place."""
    lat, lon = position.columns["lat_deg"], position.columns["lon_deg"]
    if not stand_exchanged(lat, lon):
        return position, []
    text = f"latitudes such as {np.nanmedian(lat):.4f} are longitudes; latitude and longitude were exchanged"
    exchanged = {**position.columns, "lat_deg": lon, "lon_deg": lat}
    return Samples(t_ns=position.t_ns, columns=exchanged), [Problem(kind="exchanged", message=text)]


def with_fix(position: Samples) -> tuple[Samples, list[Problem]]:
    """Leave out rows without a fix: not finite, off the globe, or at 0, 0."""
    lat, lon = position.columns["lat_deg"], position.columns["lon_deg"]
    with np.errstate(invalid="ignore"):
        null_island = (np.abs(lat) < 1e-6) & (np.abs(lon) < 1e-6)
        good = (np.abs(lat) <= 90.0) & (np.abs(lon) <= 180.0) & ~null_island
    if good.all():
        return position, []
    first = int(position.t_ns[np.argmin(good)])
    text = f"{int((~good).sum())} of {len(good)} position rows have no fix (none stated, 0, 0, off the globe); left out"
    return position.rows(good), [Problem(kind="no_fix", message=text, t_utc_ns=first)]


def without_jumps(position: Samples) -> tuple[Samples, list[Problem]]:
    """Leave out stretches that no aircraft could have reached from the longest consistent one.

    The track is cut where the speed over ground between neighbours exceeds
    `FASTEST_MPS`; from the longest piece outward, a piece stays when it can be
    reached from the last one that stayed.
    """
    cuts = np.flatnonzero(_unreachable(position, np.arange(len(position) - 1), np.arange(1, len(position)))) + 1
    if not len(cuts):
        return position, []
    begins = np.concatenate([[0], cuts])
    ends = np.concatenate([cuts, [len(position)]])
    main = int(np.argmax(ends - begins))
    good = np.zeros(len(position), dtype=np.bool_)
    good[begins[main] : ends[main]] = True
    last = int(ends[main]) - 1
    for begin, end in zip(begins[main + 1 :], ends[main + 1 :], strict=True):
        if not _unreachable(position, np.array([last]), np.array([begin]))[0]:
            good[begin:end] = True
            last = int(end) - 1
    first = int(begins[main])
    for begin, end in zip(begins[:main][::-1], ends[:main][::-1], strict=True):
        if not _unreachable(position, np.array([end - 1]), np.array([first]))[0]:
            good[begin:end] = True
            first = int(begin)
    return position.rows(good), _jump_problems(position, good)


def _jump_problems(position: Samples, good: NDArray[np.bool_]) -> list[Problem]:
    bad = np.flatnonzero(~good)
    if not len(bad):
        return []
    pieces = np.split(bad, np.flatnonzero(np.diff(bad) > 1) + 1)
    problems = [
        Problem(
            kind="position_jump",
            message=f"{len(piece)} positions are further from the track than {FASTEST_MPS:.0f} m/s allows; left out",
            t_utc_ns=int(position.t_ns[piece[0]]),
        )
        for piece in pieces[:LISTED]
    ]
    if len(pieces) > LISTED:
        problems.append(Problem(kind="position_jump", message=f"{len(pieces) - LISTED} more position jumps left out"))
    return problems


def _unreachable(position: Samples, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
    lat, lon = position.columns["lat_deg"], position.columns["lon_deg"]
    d_lon = np.mod(lon[b] - lon[a] + 180.0, 360.0) - 180.0
    distance = _M_PER_DEG * np.hypot(lat[b] - lat[a], d_lon * np.cos(np.radians(lat[a])))
    seconds = np.abs(position.t_ns[b] - position.t_ns[a]) / 1e9
    return np.asarray(distance > JUMP_SLACK_M + FASTEST_MPS * seconds)


def dropouts(t_ns: NDArray[np.int64], *, what: str = "positions") -> list[Problem]:
    """Name the gaps longer than a second, longest first up to `LISTED`, in order of time."""
    gaps = np.diff(t_ns)
    long = np.flatnonzero(gaps > GAP_NS + GAP_NS // 10)
    shown = np.sort(long[np.argsort(-gaps[long], kind="stable")[:LISTED]])
    problems = [
        Problem(kind="dropout", message=f"no {what} for {gaps[i] / 1e9:.2f} s", t_utc_ns=int(t_ns[i])) for i in shown
    ]
    if len(long) > LISTED:
        rest_s = (gaps[long].sum() - gaps[shown].sum()) / 1e9
        text = f"{len(long) - LISTED} more gaps without {what}, {rest_s:.1f} s together"
        problems.append(Problem(kind="dropout", message=text))
    return problems


def skipped_bytes(where: int, count: int) -> Problem:
    """Name a damaged place of a file."""
    text = f"{count} bytes at offset {where} belong to nothing that can be read and were skipped"
    return Problem(kind="damaged_bytes", message=text, offset=where)


def damage(gaps: NDArray[np.int64], where: NDArray[np.int64], offset: int) -> list[Problem]:
    """Name the gaps (bytes, at `where` in a block that begins at `offset`) that are not empty; a few, then a sum."""
    places = np.flatnonzero(gaps > 0)
    named = [skipped_bytes(offset + int(where[i]), int(gaps[i])) for i in places[:LISTED]]
    if len(places) > LISTED:
        rest = places[LISTED:]
        text = f"{int(gaps[rest].sum())} bytes at {len(rest)} more places from offset {offset + int(where[rest[0]])}"
        more = Problem(kind="damaged_bytes", message=f"{text} were skipped", offset=offset + int(where[rest[0]]))
        named.append(more)
    return named


def fewer(problems: list[Problem]) -> tuple[Problem, ...]:
    """Keep the first `LISTED` damaged places and count the rest, so that a ruined log does not list a million."""
    places = [problem for problem in problems if problem.kind == "damaged_bytes"]
    kept = set(map(id, places[:LISTED]))
    result = [problem for problem in problems if problem.kind != "damaged_bytes" or id(problem) in kept]
    if len(places) > LISTED:
        text = f"{len(places) - LISTED} more damaged places were skipped"
        result.append(Problem(kind="damaged_bytes", message=text))
    return tuple(result)
