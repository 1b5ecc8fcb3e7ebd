"""How high legs may be, and how steep: ground under them, ceilings, climb and descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.vertical import FOOT_M
from missions.airspace.zone_layers import ROUNDING_M
from missions.judging.breaches import Breaches, worst_points
from missions.performance.wind import leg_speeds
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.judging.subject import Subject

    FloatArray = NDArray[np.float64]

NEAR_LANDING_M: Final = 30.0
"""Take-off and landing go through the lowest air; the height rule begins this far from the ends of the path."""
IN_FEET: Final = 1.5
"""Heights this many times over the limit, and within it as feet, are asked about."""
RATE_SLACK: Final = 1.02
"""How much steeper than the type climbs a leg may be drawn: heights are rounded, legs are short."""


def terrain(subject: Subject) -> Iterator[Breaches]:
    """Find legs over ground whose height is not known."""
    points = subject.points
    unknown = ~np.isfinite(subject.ground_amsl_m)
    if not unknown.any():
        return
    total = np.bincount(points.leg, minlength=len(subject.legs))
    hidden = np.bincount(points.leg, weights=unknown, minlength=len(subject.legs))
    leg = np.flatnonzero(hidden)
    yield Breaches(
        rule="terrain", leg=leg, measured=100.0 * hidden[leg] / total[leg], limit=0.0, unit="%",
        xy_m=points.xy_m[worst_points(points.leg, np.zeros(len(points.leg)), unknown)],
        text="has no ground height under {measured:.0f} % of it; give terrain that reaches there",
        advice="a terrain file that covers the whole patrol", share_pct=100.0 * float(unknown.mean()),
    )  # fmt: skip


def known_height(subject: Subject) -> Iterator[Breaches]:
    """Find legs whose own height is not known: no rule of height can be asked of them, nor of a way home from them."""
    legs = subject.legs
    leg = np.flatnonzero(~np.isfinite(legs.alt_start_amsl_m + legs.alt_end_amsl_m))
    yield Breaches(
        rule="height", leg=leg, measured=np.full(len(leg), np.nan), limit=np.nan, xy_m=legs.end_m[leg],
        text="is flown at a height that is not known, and so is each way home from it",
        advice="a frame that counts from home, the sea or known ground",
    )  # fmt: skip


def ground_clearance(subject: Subject) -> Iterator[Breaches]:
    """Find legs too near to the ground, but for the landing place."""
    rules, points = subject.brief.flight, subject.points
    above = points.alt_amsl_m - subject.ground_amsl_m
    short = rules.min_agl_m - above
    first, last = points.leg == 0, points.leg == len(subject.legs) - 1
    low = (short > ROUNDING_M) & ~(subject.legs.climbs_out & first) & ~(subject.legs.glides & last)
    low[low] &= away_from_landing(subject, points.xy_m[low])
    at = worst_points(points.leg, short, low)
    yield Breaches(
        rule="ground clearance", leg=points.leg[at], measured=above[at], limit=rules.min_agl_m, xy_m=points.xy_m[at],
        text="is {measured:.0f} m above the ground; at least {limit:g} m are asked",
        wanted=np.ceil(rules.alt_agl_m + short[at]), advice="flight.alt_agl_m = {wanted:.0f}",
        share_pct=100.0 * float(low.mean()),
    )  # fmt: skip


def away_from_landing(subject: Subject, xy_m: FloatArray) -> NDArray[np.bool_]:
    """Tell which points are farther from take-off and landing than an aircraft needs to come down to them."""
    room = NEAR_LANDING_M + 2.0 * subject.aircraft.turn_radius_m
    away = np.hypot(*(xy_m[:, None, :] - subject.ends_m[None, :, :]).transpose(2, 0, 1)).min(axis=1)
    return np.asarray(away > room)


def height_limit(subject: Subject) -> Iterator[Breaches]:
    """Find legs too high above the ground."""
    most, points = subject.brief.flight.max_agl_m, subject.points
    above = points.alt_amsl_m - subject.ground_amsl_m
    high = above - most > ROUNDING_M
    at = worst_points(points.leg, above, high)
    highest = float(above[at].max(initial=0.0))
    feet = highest > IN_FEET * most and highest * FOOT_M <= most
    yield Breaches(
        rule="height limit", leg=points.leg[at], measured=above[at], limit=most, xy_m=points.xy_m[at],
        text="is {measured:.0f} m above the ground; at most {limit:g} m are allowed"
        + (f"; were feet given for metres ({highest:.0f} feet are {highest * FOOT_M:.0f} m)?" if feet else ""),
        wanted=np.ceil(above[at]),
        advice="a lower flight.speed_mps or flight.alt_agl_m, or flight.max_agl_m = {wanted:.0f}",
        share_pct=100.0 * float(high.mean()),
    )  # fmt: skip


def ceiling(subject: Subject) -> Iterator[Breaches]:
    """Find legs above the ceiling over sea level."""
    rules, legs = subject.brief.flight, subject.legs
    if rules.ceiling_amsl_m is None:
        return
    top = np.fmax(legs.alt_start_amsl_m, legs.alt_end_amsl_m)
    leg = np.flatnonzero(top > rules.ceiling_amsl_m + ROUNDING_M)
    higher_end = (legs.alt_end_amsl_m >= legs.alt_start_amsl_m)[leg, None]
    yield Breaches(
        rule="ceiling", leg=leg, measured=top[leg], limit=rules.ceiling_amsl_m,
        xy_m=np.where(higher_end, legs.end_m[leg], legs.start_m[leg]),
        text="reaches {measured:.0f} m above sea level; the ceiling is {limit:g} m",
        wanted=np.floor(rules.alt_agl_m - (top[leg] - rules.ceiling_amsl_m)),
        advice="flight.alt_agl_m = {wanted:.0f}",
    )  # fmt: skip


def climb(subject: Subject) -> Iterator[Breaches]:
    """Find legs steeper than the aircraft flies at its speed: a wing cannot, a multirotor slows down for it.

    Legs on within one item (of a file) are a circle, which is flown as often as the climb takes.
    """
    legs, aircraft = subject.legs, subject.aircraft
    step = legs.end_m - legs.start_m
    middle = (legs.alt_start_amsl_m + legs.alt_end_amsl_m) / 2.0
    air = subject.flown.wind.at(np.nan_to_num(middle))
    speeds = leg_speeds(aircraft, air, np.degrees(np.arctan2(*step.T)), subject.flown.speed_mps)
    rise = legs.alt_end_amsl_m - legs.alt_start_amsl_m
    judged = legs.moving & (np.diff(legs.seq, prepend=-1) != 0)
    seconds = np.divide(legs.length_m, speeds.ground_mps, out=np.full(len(legs), np.inf), where=judged)
    wing = subject.flown.wing
    for rule, sign, most in (("climb rate", 1.0, aircraft.climb_mps), ("descent rate", -1.0, aircraft.descent_mps)):
        needed = sign * rise / seconds
        leg = np.flatnonzero((needed > most * RATE_SLACK) & (sign * rise > most * seconds + 1.0))
        yield Breaches(
            rule=rule, leg=leg, measured=needed[leg], limit=most, xy_m=legs.start_m[leg], unit="m/s",
            text=("climbs" if sign > 0.0 else "descends") + " {measured:.1f} m/s at the planned speed; "
            + f"{aircraft.name} does {{limit:g}} m/s" + ("" if wing else " and flies it slower"),
            wanted=np.floor(10.0 * subject.flown.speed_mps * most / needed[leg]) / 10.0,
            advice="a longer leg, or flight.speed_mps = {wanted:g}",
            severity=Severity.ERROR if wing else Severity.WARNING,
        )  # fmt: skip
