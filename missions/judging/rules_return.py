"""What breaking off anywhere costs: heights climbed to, ground under the way home, battery left at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from missions.airspace.zone_layers import ROUNDING_M
from missions.judging.breaches import Breaches, worst_points
from missions.judging.rules_battery import SLACK_PCT, whose
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.judging.subject import Subject

    FloatArray = NDArray[np.float64]


def failsafe_height(subject: Subject) -> Iterator[Breaches]:
    """Find legs from which the climb to the return height goes above what is allowed."""
    rules, returns = subject.brief.flight, subject.returns
    points, late = returns.points, subject.return_rules.on_the_way
    top_amsl_m = returns.over_amsl_m if late else returns.up_amsl_m
    climbs = top_amsl_m > points.alt_amsl_m + ROUNDING_M
    if not climbs.any():
        return
    above = top_amsl_m - subject.ground.at(returns.target_m if late else points.xy_m)
    bad = climbs & (above > rules.max_agl_m + ROUNDING_M)
    at = worst_points(points.leg, above, bad)
    lower = np.floor((top_amsl_m - subject.landings_amsl_m[0] - above)[at] + rules.max_agl_m)
    low_enough = bool((lower > 0.0).all())
    yield Breaches(
        rule="failsafe height", leg=points.leg[at], measured=above[at], limit=rules.max_agl_m, xy_m=points.xy_m[at],
        text="broken off near {lat}, {lon} climbs to {measured:.0f} m above the ground; {limit:g} m are allowed",
        wanted=lower if low_enough else np.ceil(above[at]),
        advice=RETURN_ALT if low_enough else "flight.max_agl_m = {wanted:.0f}",
        share_pct=100.0 * float(bad.mean()),
    )  # fmt: skip
    if rules.ceiling_amsl_m is None:
        return
    bad = climbs & (top_amsl_m > rules.ceiling_amsl_m + ROUNDING_M)
    at = worst_points(points.leg, top_amsl_m, bad)
    yield Breaches(
        rule="failsafe height", leg=points.leg[at], measured=top_amsl_m[at], limit=rules.ceiling_amsl_m,
        xy_m=points.xy_m[at],
        text="broken off near {lat}, {lon} climbs to {measured:.0f} m above sea level; the ceiling is {limit:g} m",
        wanted=np.floor(np.full(len(at), rules.ceiling_amsl_m - subject.landings_amsl_m[0])),
        advice=RETURN_ALT, share_pct=100.0 * float(bad.mean()),
    )  # fmt: skip


RETURN_ALT: Final = "failsafe.return_alt_m = {wanted:.0f}"


HIGHER: Final = "flight.alt_agl_m = {wanted:.0f}"


def failsafe_terrain(subject: Subject) -> Iterator[Breaches]:
    """Find legs with a way home into the ground (an error) or nearer to it than asked (a warning)."""
    returns = subject.returns
    points, flight = returns.points, subject.brief.flight
    least = flight.min_agl_m
    if subject.return_rules.retrace:
        return
    room, over_m = subject.room
    low_already = points.alt_amsl_m - subject.ground.at(points.xy_m) < least - ROUNDING_M
    room = np.where(low_already, np.inf, room)
    foot = subject.landings_amsl_m[returns.place if subject.return_rules.above_destination else 0]
    wanted = np.ceil(over_m - foot)
    for low, high, severity in ((-np.inf, 0.0, Severity.ERROR), (0.0, least - ROUNDING_M, Severity.WARNING)):
        bad = (room >= low) & (room < high)
        at = worst_points(points.leg, -room, bad)
        into = severity is Severity.ERROR
        mends = bool(np.isfinite(wanted[bad]).all())
        higher_m = np.max(wanted[bad] if mends else np.ceil(flight.alt_agl_m + least - room[bad]), initial=0.0)
        yield Breaches(
            rule="failsafe terrain", leg=points.leg[at], measured=room[at], limit=least, xy_m=points.xy_m[at],
            text="broken off near {lat}, {lon} "
            + ("returns into higher ground" if into else "clears the ground by {measured:.0f} m on its way home")
            + "; {limit:g} m are asked",
            wanted=np.full(len(at), higher_m),
            advice=RETURN_ALT if mends else HIGHER, severity=severity, share_pct=100.0 * float(bad.mean()),
        )  # fmt: skip


def failsafe_endurance(subject: Subject) -> Iterator[Breaches]:
    """Find legs from which the way home goes into the battery's reserve."""
    returns, aircraft = subject.returns, subject.aircraft
    points, left = returns.points, returns.left_pct
    with np.errstate(invalid="ignore"):  # nothing is known of a leg whose energy is not: it is named elsewhere
        flown = np.isfinite(subject.energy_wh)[points.leg] & (left + returns.needed_pct >= aircraft.reserve_pct)
    bad = flown & (left < aircraft.reserve_pct - SLACK_PCT)
    at = worst_points(points.leg, -left, bad)
    enough = aircraft.battery_wh * (100.0 - left[at]) / (100.0 - aircraft.reserve_pct)
    yield Breaches(
        rule="failsafe endurance", leg=points.leg[at], measured=left[at], limit=aircraft.reserve_pct, unit="%",
        xy_m=points.xy_m[at], wanted=np.ceil(enough),
        text="broken off near {lat}, {lon} lands with {measured:.1f} % of the battery; the reserve is {limit:g} %",
        advice=f"aircraft.battery_wh = {{wanted:.0f}}{whose(subject)}, or "
        + ('failsafe.way = "straight"' if subject.return_rules.retrace else "a rally point nearer to it"),
        share_pct=100.0 * float(bad.mean()) if len(bad) else 0.0,
    )  # fmt: skip
