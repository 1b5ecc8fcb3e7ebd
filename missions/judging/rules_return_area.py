"""Ways home and the areas a brief draws: out of the keep-in area, over ground to avoid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.zone_layers import ROUNDING_M
from missions.judging.breaches import Breaches, worst_points
from missions.judging.rules_area import beyond
from missions.judging.rules_return_place import mend, share_of
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.judging.subject import Subject

    FloatArray = NDArray[np.float64]

BETWEEN: Final = np.linspace(0.0, 1.0, 6)
"""Where between two judged points, 100 m apart, ways home are measured from."""


def failsafe_keep_in(subject: Subject) -> Iterator[Breaches]:
    """Find legs with a way home outside the keep-in area (an error) or in its clearance (a warning)."""
    area, asked = subject.corridor.keep_in, subject.brief.keep_in
    if area is None or asked is None:
        return
    swept, points = subject.swept, subject.returns.points
    shapely.prepare(area)
    own = ~shapely.covers(area, subject.legs.lines)
    out_m, inside_m = beyond(swept.shape, area, asked.clearance_m)
    for bad, measured, limit, severity, text in (
        (out_m > ROUNDING_M, out_m, 0.0, Severity.ERROR, "returns over {measured:.0f} m outside the keep-in area"),
        (
            (out_m <= ROUNDING_M) & (inside_m < asked.clearance_m - ROUNDING_M), inside_m, asked.clearance_m,
            Severity.WARNING, "returns within {measured:.0f} m of the keep-in area's edge; {limit:g} m are asked",
        ),
    ):  # fmt: skip
        held = bad & ~own[swept.leg]
        at = worst_points(swept.leg, np.abs(measured - limit), held)
        yield Breaches(
            rule="failsafe keep-in", leg=swept.leg[at], measured=measured[at], limit=limit, severity=severity,
            xy_m=points.xy_m[swept.first[at]], text="broken off near {lat}, {lon} " + text,
            advice=mend(subject), share_pct=share_of(subject, np.flatnonzero(held)),
        )  # fmt: skip


def failsafe_overflight(subject: Subject) -> Iterator[Breaches]:
    """Warn of legs with a way home over ground to avoid that neither they nor the landing place lie over."""
    swept, returns = subject.swept, subject.returns
    bad = np.zeros(len(swept.leg), dtype=bool)
    names = []
    for avoid, shape in zip(subject.brief.avoid, subject.corridor.avoided, strict=True):
        shapely.prepare(shape)
        flown = shapely.intersects(shape, subject.legs.lines)[swept.leg]
        home = shapely.intersects(shape, shapely.points(returns.target_m[swept.first]))
        over = shapely.intersects(shape, swept.shape) & ~flown & ~home
        names += [repr(avoid.name)] if over.any() else []
        bad |= over
    if not names:
        return
    metres = np.zeros(len(bad))
    metres[bad] = _longest_over(subject, swept.first[bad])
    at = worst_points(swept.leg, metres, bad)
    yield Breaches(
        rule="failsafe overflight", leg=swept.leg[at], measured=metres[at], limit=0.0, severity=Severity.WARNING,
        xy_m=returns.points.xy_m[swept.first[at]],
        text=f"broken off near {{lat}}, {{lon}} returns home over {' and '.join(names)} ({{measured:.0f}} m of it)",
        advice=mend(subject), share_pct=share_of(subject, np.flatnonzero(bad)),
    )  # fmt: skip


def _longest_over(subject: Subject, first: NDArray[np.int64]) -> FloatArray:
    """Return how far the ways home from each judged point, and from between it and the next, lead over such ground."""
    points, goal = subject.returns.points, subject.returns.target_m[first]
    after = np.minimum(first + 1, len(points.leg) - 1)
    after = np.where(points.leg[after] == points.leg[first], after, first)
    start = points.xy_m[first] + BETWEEN[:, None, None] * (points.xy_m[after] - points.xy_m[first])
    ways = shapely.linestrings(np.stack([start, np.broadcast_to(goal, start.shape)], axis=2))
    over = shapely.intersection(ways, shapely.union_all(subject.corridor.avoided))
    return np.asarray(shapely.length(over).max(axis=0))
