"""Where legs may be: distance from the border, own side, zones in three dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.terrain_profile import SAMPLE_M
from missions.airspace.zone_layers import ROUNDING_M, HeightSpan, counts_from_ground, reaches
from missions.judging.breaches import Breaches
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.briefs.places import Zone
    from missions.judging.legs import FlownLegs
    from missions.judging.subject import Subject

    FloatArray = NDArray[np.float64]

ARC_SLACK: Final = 1.01
"""A buffer's chords lie up to half a per cent inside its arc; what is near enough must meet it."""


def standoff(subject: Subject) -> Iterator[Breaches]:
    """Compare every leg with the standoff asked, and with the margin its errors need on top."""
    asked, margin = subject.brief.standoff.asked_m, subject.corridor.margin.total_m
    kept = subject.kept_m
    for rule, bad, limit in (
        ("standoff", kept < asked, asked),
        ("standoff margin", (kept >= asked) & (kept < asked + margin), asked + margin),
    ):
        leg = np.flatnonzero(bad)
        broken = rule == "standoff"
        yield Breaches(
            rule=rule, leg=leg, measured=kept[leg], limit=limit,
            xy_m=subject.corridor.guarded.nearest_part(subject.legs.lines[leg]),
            text="comes within {measured:.1f} m of the border; {limit:g} m are asked"
            if broken
            else f"keeps {{measured:.1f}} m; GNSS error, gusts and turns need {{limit:.1f}} m to hold {asked:g} m",
            wanted=np.floor(np.maximum(kept[leg] - (0.0 if broken else margin), 0.0)),
            advice="standoff.asked_m = {wanted:.0f}" + (", or a path farther from the border" if broken else ""),
            severity=Severity.ERROR if broken else Severity.WARNING,
        )  # fmt: skip


def side(subject: Subject) -> Iterator[Breaches]:
    """Find legs that are partly on the other side of the border."""
    own = subject.corridor.own
    shapely.prepare(own)
    leg = np.flatnonzero(~shapely.covers(own, subject.legs.lines))
    beyond = shapely.difference(subject.legs.lines[leg], own)
    length = np.asarray(shapely.length(beyond))
    yield Breaches(
        rule="side", leg=leg, measured=length, limit=0.0, xy_m=first_points(beyond, subject.legs.start_m[leg]),
        text="flies {measured:.0f} m on the other side of the border",
        advice="a path on our side, or another border.own_side if the sides are mixed up",
    )  # fmt: skip


def zones(subject: Subject) -> Iterator[Breaches]:
    """Find legs inside a zone or its clearance, at the height they have there."""
    legs = subject.legs
    for zone, shape in zip(subject.brief.zone, subject.corridor.zones, strict=True):
        near = np.flatnonzero(shapely.dwithin(legs.lines, shape, max(zone.clearance_m - ROUNDING_M, 0.0)))
        if not len(near):
            continue
        inside = shapely.intersection(legs.lines[near], shapely.buffer(shape, ARC_SLACK * zone.clearance_m + 0.1))
        held = reaches(zone, _flown_inside(subject, zone, near, inside))
        leg = near[held]
        distance = np.asarray(shapely.distance(legs.lines[leg], shape))
        place = first_points(inside[held], legs.start_m[leg])
        for into in (True, False):
            which = (distance == 0.0) == into
            yield Breaches(
                rule="zones", leg=leg[which], measured=distance[which], limit=zone.clearance_m, xy_m=place[which],
                text=(f"crosses zone {zone.name!r}" if into else f"passes {{measured:.1f}} m from zone {zone.name!r}")
                + "; {limit:g} m of clearance are asked",
                advice="a smaller zone or clearance, or another flight height",
            )  # fmt: skip


def _flown_inside(subject: Subject, zone: Zone, index: NDArray[np.int64], inside: NDArray[np.object_]) -> HeightSpan:
    """Return how high legs are on the part of them that is inside a zone; above the ground only where it is asked."""
    legs = subject.legs
    low, high = heights_inside(legs, index, inside)
    low_agl, high_agl = np.full(len(index), np.nan), np.full(len(index), np.nan)
    if counts_from_ground(zone):
        xy, row = shapely.get_coordinates(shapely.segmentize(inside, SAMPLE_M), return_index=True)
        share = legs.share_at(index[row], xy)
        start, end = legs.alt_start_amsl_m[index][row], legs.alt_end_amsl_m[index][row]
        still = ~legs.moving[index][row]
        ground = subject.ground.at(xy)
        heights = np.stack([np.where(still, a, start + share * (end - start)) - ground for a in (start, end)])
        low_agl, high_agl = np.full(len(index), np.inf), np.full(len(index), -np.inf)
        np.minimum.at(low_agl, row, heights.min(axis=0))
        np.maximum.at(high_agl, row, heights.max(axis=0))
        upright = np.isinf(low_agl)  # a line of one place meets nothing
        ends = np.stack([legs.alt_start_amsl_m, legs.alt_end_amsl_m])[:, index[upright]]
        ends = ends - subject.ground.at(legs.start_m[index[upright]])
        low_agl[upright], high_agl[upright] = ends.min(axis=0), ends.max(axis=0)
    return HeightSpan(low_amsl_m=low, high_amsl_m=high, low_agl_m=low_agl, high_agl_m=high_agl)


def heights_inside(
    legs: FlownLegs, index: NDArray[np.int64], inside: NDArray[np.object_]
) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest a leg is on the part of it that is inside something."""
    xy, row = shapely.get_coordinates(inside, return_index=True)
    share = legs.share_at(index[row], xy)
    first, last = np.ones(len(index)), np.zeros(len(index))
    np.minimum.at(first, row, share)
    np.maximum.at(last, row, share)
    whole = (first > last) | ~legs.moving[index]
    ends = np.stack([np.where(whole, 0.0, first), np.where(whole, 1.0, last)])
    start, rise = legs.alt_start_amsl_m[index], (legs.alt_end_amsl_m - legs.alt_start_amsl_m)[index]
    heights = start + ends * rise
    return heights.min(axis=0), heights.max(axis=0)


def first_points(shapes: NDArray[np.object_] | BaseGeometry, otherwise_m: FloatArray) -> FloatArray:
    """Return the first point of each shape, or the place given where a shape is empty."""
    xy, row = shapely.get_coordinates(np.atleast_1d(np.asarray(shapes, dtype=object)), return_index=True)
    place = np.array(otherwise_m, dtype=float)
    place[row[::-1]] = xy[::-1]
    return place
