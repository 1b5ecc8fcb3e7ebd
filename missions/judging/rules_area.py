"""Areas a brief draws about people and permission: inside the keep-in area, and not over avoided ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from missions.airspace.zone_layers import ROUNDING_M
from missions.judging.breaches import Breaches
from missions.judging.rules_place import first_points
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.judging.subject import Subject

    FloatArray = NDArray[np.float64]


def keep_in(subject: Subject) -> Iterator[Breaches]:
    """Find legs that leave the keep-in area or come nearer to its edge than the clearance."""
    area, asked = subject.corridor.keep_in, subject.brief.keep_in
    if area is None or asked is None:
        return
    legs = subject.legs
    out_m, inside_m = beyond(legs.lines, area, asked.clearance_m * subject.corridor.stretch)
    leg = np.flatnonzero(out_m > ROUNDING_M)
    outside = shapely.difference(legs.lines[leg], area)
    yield Breaches(
        rule="keep-in", leg=leg, measured=out_m[leg], limit=0.0, xy_m=first_points(outside, legs.start_m[leg]),
        text="flies {measured:.0f} m outside the keep-in area", advice="a path inside it, or a larger area",
    )  # fmt: skip
    inside_m = inside_m / subject.corridor.stretch
    leg = np.flatnonzero((out_m <= ROUNDING_M) & (inside_m < asked.clearance_m - ROUNDING_M))
    edge = shapely.shortest_line(legs.lines[leg], shapely.boundary(area))
    yield Breaches(
        rule="keep-in", leg=leg, measured=inside_m[leg], limit=asked.clearance_m,
        xy_m=first_points(edge, legs.start_m[leg]),
        text="comes within {measured:.1f} m of the keep-in area's edge; {limit:g} m are asked",
        wanted=np.floor(inside_m[leg]), advice="keep_in.clearance_m = {wanted:.0f}",
    )  # fmt: skip


def beyond(shapes: NDArray[np.object_], area: BaseGeometry, near_m: float) -> tuple[FloatArray, FloatArray]:
    """Return how much of shapes lies outside an area, and how near to its edge within `near_m` (else infinite).

    Of a line it is the length outside, of a swept area half the outline of what is outside (about the
    longest way through it), of a single place its distance.
    """
    shapely.prepare(area)
    out_m = np.zeros(len(shapes))
    bad = np.flatnonzero(~shapely.covers(area, shapes))
    wide = shapely.area(shapes[bad]) > 0.0
    out_m[bad] = shapely.length(shapely.difference(shapes[bad], area)) / np.where(wide, 2.0, 1.0)
    still = bad[~wide & (shapely.length(shapes[bad]) == 0.0)]
    out_m[still] = shapely.distance(shapes[still], area)
    inside_m = np.full(len(shapes), np.inf)
    edge = shapely.boundary(area)
    shapely.prepare(edge)
    near = np.flatnonzero(shapely.dwithin(shapes, edge, near_m))
    inside_m[near] = shapely.distance(shapes[near], edge)
    return out_m, inside_m


def overflight(subject: Subject) -> Iterator[Breaches]:
    """Add up what a flight passes over ground to avoid, area by area; one row, at the leg longest over it."""
    legs, seconds = subject.legs, _seconds(subject)
    over_m, said = np.zeros(len(legs)), []
    for avoid, shape in zip(subject.brief.avoid, subject.corridor.avoided, strict=True):
        shapely.prepare(shape)
        metres = np.zeros(len(legs))
        touched = np.flatnonzero(shapely.intersects(shape, legs.lines))
        metres[touched] = shapely.length(shapely.intersection(legs.lines[touched], shape))
        share = np.divide(metres, legs.length_m, out=np.zeros(len(legs)), where=legs.moving)
        share[touched] = np.where(legs.moving[touched], share[touched], 1.0)
        total = float(seconds @ share)
        if metres.sum() > ROUNDING_M or (share[~legs.moving] > 0.0).any():
            said.append(f"{avoid.name!r} for {metres.sum():.0f} m ({total:.0f} s)")
            over_m += metres + ROUNDING_M * share
    if not said:
        return
    leg = np.array([int(np.argmax(over_m))])
    inside = shapely.intersection(legs.lines[leg], shapely.union_all(subject.corridor.avoided))
    yield Breaches(
        rule="overflight", leg=leg, measured=np.array([over_m.sum()]), limit=0.0, severity=Severity.WARNING,
        xy_m=first_points(inside, legs.start_m[leg]), whole=True,
        text=f"flies over {' and '.join(said)}", advice=_spare(subject, over_m, int(leg[0])),
    )  # fmt: skip


def _seconds(subject: Subject) -> FloatArray:
    """Return how long each leg takes: as said, or at the planned speed."""
    level = subject.legs.length_m / subject.flown.speed_mps
    return np.where(np.isfinite(subject.legs.seconds), subject.legs.seconds, level)


def _spare(subject: Subject, over_m: FloatArray, worst: int) -> str:
    """Say what would spare the ground: another site, a path round it where there is one, or less of it."""
    legs, preferred = subject.legs, subject.corridor.preferred
    if over_m[0] > 0.0 or over_m[-1] > 0.0:
        return "a launch site outside it"
    before = worst - int(np.argmin(over_m[worst::-1] > 0.0))
    after = worst + int(np.argmin(over_m[worst:] > 0.0))
    ends = shapely.points(np.stack([legs.start_m[before], legs.end_m[after]]))
    around = any(shapely.covers(part, ends).all() for part in shapely.get_parts(preferred))
    if around:
        return "a path round it: there is one"
    return "no other way leads there: a launch site on that side of it, or a smaller clearance_m"
