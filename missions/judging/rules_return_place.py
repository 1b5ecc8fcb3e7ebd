"""Where ways home lead: near the border, into zones; and from which places they are forbidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from missions.airspace.terrain_profile import SAMPLE_M
from missions.airspace.zone_layers import ROUNDING_M, HeightSpan, counts_from_ground, reaches
from missions.judging.breaches import Breaches, worst_points
from missions.judging.return_rules import can_retrace, has_return_path
from missions.judging.rules_area import beyond
from missions.judging.rules_place import ARC_SLACK
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.briefs.places import Zone
    from missions.judging.subject import Subject
    from missions.performance.performance import Performance

    FloatArray = NDArray[np.float64]


def along_the_path(flown: Performance) -> str | None:
    """Return the change of a brief with which returns follow the path, None where the aircraft cannot."""
    if not can_retrace(flown):
        return None
    return f'failsafe.way = "{"mission" if has_return_path(flown) else "retrace"}"'


def mend(subject: Subject) -> str:
    """Return what mends ways home that lead where they must not."""
    along = along_the_path(subject.flown)
    return "a rally point in sight of the path" + (f", or {along}" if along else "")


def near_border(subject: Subject) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the swept rows that leave the free air though their leg keeps the standoff, and how near they come."""
    swept, free = subject.swept, subject.corridor.free
    shapely.prepare(free)
    kept = subject.kept_m[swept.leg] >= subject.brief.standoff.asked_m
    doubtful = np.flatnonzero(~shapely.covers(free, swept.shape) & kept)
    return doubtful, subject.corridor.standoff_m(swept.shape[doubtful])


def in_zone(subject: Subject, zone: Zone, shape: shapely.Geometry) -> NDArray[np.int64]:
    """Return the swept rows in a zone or its clearance at its heights, but for legs that are in it themselves."""
    swept, legs = subject.swept, subject.legs
    rows = _met(subject, zone, shape, (swept.shape, swept.low_amsl_m, swept.high_amsl_m))
    if len(rows):
        flown = np.stack([legs.alt_start_amsl_m, legs.alt_end_amsl_m])
        in_it = _met(subject, zone, shape, (legs.lines, flown.min(axis=0), flown.max(axis=0)))
        rows = rows[~np.isin(swept.leg[rows], in_it)]
    return rows


def _met(
    subject: Subject, zone: Zone, shape: shapely.Geometry, air: tuple[NDArray[np.object_], FloatArray, FloatArray]
) -> NDArray[np.int64]:
    """Return which pieces of air (shape, lowest and highest above the sea) meet a zone or its clearance."""
    pieces, low, high = air
    unknown = np.full(len(pieces), np.nan)
    rows = np.flatnonzero(
        reaches(zone, HeightSpan(low_amsl_m=low, high_amsl_m=high, low_agl_m=unknown, high_agl_m=unknown))
    )
    rows = rows[shapely.dwithin(pieces[rows], shape, max(zone.clearance_m - ROUNDING_M, 0.0))]
    if not len(rows) or not counts_from_ground(zone):
        return rows
    met = shapely.intersection(pieces[rows], shapely.buffer(shape, ARC_SLACK * zone.clearance_m + 0.1))
    lowest, highest = _ground_under(subject, met)
    span = HeightSpan(
        low_amsl_m=low[rows], high_amsl_m=high[rows], low_agl_m=low[rows] - highest, high_agl_m=high[rows] - lowest
    )
    return rows[reaches(zone, span)]


def _ground_under(subject: Subject, pieces: NDArray[np.object_]) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest ground along the edges of shapes; NaN where any of it is not known."""
    xy, row = shapely.get_coordinates(shapely.segmentize(pieces, SAMPLE_M), return_index=True)
    ground = subject.ground.at(xy)
    lowest, highest = np.full(len(pieces), np.inf), np.full(len(pieces), -np.inf)
    np.minimum.at(lowest, row, ground)
    np.maximum.at(highest, row, ground)
    nowhere = np.isinf(lowest) | np.isinf(highest)
    lowest[nowhere] = highest[nowhere] = np.nan
    return lowest, highest


def forbidden_points(subject: Subject) -> NDArray[np.bool_]:
    """Tell from which judged points the way home is too near to the border, out of the keep-in area or in a zone."""
    swept = subject.swept
    rows, near = near_border(subject)
    wanted = subject.brief.standoff.asked_m + subject.corridor.margin.total_m
    bad = [rows[near < wanted]]
    bad += [in_zone(subject, z, g) for z, g in zip(subject.brief.zone, subject.corridor.zones, strict=True)]
    if subject.corridor.keep_in is not None:
        bad.append(np.flatnonzero(beyond(swept.shape, subject.corridor.keep_in, 0.0)[0] > ROUNDING_M))
    first = swept.first[np.concatenate(bad)]
    forbidden = np.zeros(len(subject.returns.place) + 1, dtype=bool)
    forbidden[first] = forbidden[first + 1] = True
    return forbidden[:-1]


def failsafe_standoff(subject: Subject) -> Iterator[Breaches]:
    """Find legs with a way home nearer to the border than asked (an error) or than its margin (a warning)."""
    swept = subject.swept
    doubtful, near = near_border(subject)
    asked = subject.brief.standoff.asked_m
    enough = asked + subject.corridor.margin.total_m
    for low, high, severity in ((-np.inf, asked, Severity.ERROR), (asked, enough, Severity.WARNING)):
        bad = (near >= low) & (near < high)
        at = worst_points(swept.leg[doubtful], -near, bad)
        row = doubtful[at]
        yield Breaches(
            rule="failsafe standoff", leg=swept.leg[row], measured=near[at], limit=high,
            xy_m=subject.returns.points.xy_m[swept.first[row]],
            text="broken off near {lat}, {lon} returns within {measured:.0f} m of the border; {limit:.0f} m are asked",
            advice=mend(subject), severity=severity, share_pct=share_of(subject, doubtful[bad]),
        )  # fmt: skip


def share_of(subject: Subject, rows: NDArray[np.int64]) -> float:
    """Return how much of the judged path some swept rows begin from, per cent."""
    first = subject.swept.first
    return 100.0 * len(np.unique(first[rows])) / max(len(np.unique(first)), 1)


def failsafe_zone(subject: Subject) -> Iterator[Breaches]:
    """Find legs with a way home, or the climb or descent at its ends, through a zone or its clearance."""
    swept, points = subject.swept, subject.returns.points
    for zone, shape in zip(subject.brief.zone, subject.corridor.zones, strict=True):
        rows = in_zone(subject, zone, shape)
        at = rows[worst_points(swept.leg[rows], np.zeros(len(rows)), np.ones(len(rows), dtype=bool))]
        yield Breaches(
            rule="failsafe zone", leg=swept.leg[at], measured=np.zeros(len(at)), limit=zone.clearance_m,
            xy_m=points.xy_m[swept.first[at]],
            text=f"broken off near {{lat}}, {{lon}} may return home through zone {zone.name!r} or its clearance",
            advice=mend(subject), share_pct=share_of(subject, rows),
        )  # fmt: skip
