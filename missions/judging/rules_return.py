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

    from missions.judging.returns import Returns
    from missions.judging.subject import Subject

    FloatArray = NDArray[np.float64]

COARSE_M: Final = 120.0
FINE_M: Final = 20.0
"""Ground under a way home is looked up every 120 m, and every 20 m where that comes near to it."""
RELIEF_M: Final = 60.0
"""What may rise unseen between two coarse samples: a slope of 45 degrees up and down again."""


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
    room, over_m = room_on_the_way(subject, returns)
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


def room_on_the_way(subject: Subject, returns: Returns) -> tuple[FloatArray, FloatArray]:
    """Return the least height above ground of each way home, and the height over its end that gives what is asked.

    Unknown ground is passed. The height is infinite where the ground rises sooner than the aircraft climbs.
    """
    least = subject.brief.flight.min_agl_m
    if subject.ground.flat:
        ground = subject.ground.at(returns.target_m[:1])
        room = np.minimum(returns.up_amsl_m, returns.over_amsl_m) - ground
        return np.asarray(room), np.broadcast_to(ground + least, room.shape)
    about = _highest_about(subject, returns)
    arriving = np.minimum(returns.over_amsl_m, _climbed(returns, np.hypot(*(returns.target_m - returns.points.xy_m).T)))
    room, over_m = _room(subject, returns, np.arange(len(returns.place)), COARSE_M)
    room, over_m = np.minimum(room, arriving - about), np.maximum(over_m, about + least)
    close = np.flatnonzero(room < least + RELIEF_M)
    fine = _room(subject, returns, close, FINE_M)
    room[close], over_m[close] = np.minimum(room[close], fine[0]), np.maximum(over_m[close], fine[1])
    return room, over_m


def _climbed(returns: Returns, along_m: FloatArray, which: NDArray[np.int64] | slice = slice(None)) -> FloatArray:
    """Return how high returns can be so far along; infinite where the climb comes first."""
    if np.isinf(returns.climb_slope):
        return np.full(along_m.shape, np.inf)
    return np.asarray(returns.up_amsl_m[which] + returns.climb_slope * along_m)


def _highest_about(subject: Subject, returns: Returns) -> FloatArray:
    """Return the highest known ground under the circle over the landing place of each return; none where it hovers."""
    circle_m = subject.return_rules.circle_m
    if circle_m == 0.0:
        return np.full(len(returns.place), -np.inf)
    angle = np.linspace(0.0, 2.0 * np.pi, 73)[:-1, None]
    ring = circle_m * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    around = subject.landings_m[:, None, :] + ring[None, :, :]
    ground = subject.ground.at(around.reshape(-1, 2)).reshape(len(around), -1)
    return np.asarray(np.nan_to_num(ground, nan=-np.inf).max(axis=1)[returns.place])


def _room(
    subject: Subject, returns: Returns, which: NDArray[np.int64], spacing_m: float
) -> tuple[FloatArray, FloatArray]:
    start, end = returns.points.xy_m[which], returns.target_m[which]
    length_m = np.hypot(*(end - start).T)
    count = np.maximum(np.ceil(length_m / spacing_m).astype(np.int64), 1) + 1
    row = np.repeat(np.arange(len(which)), count)
    share = (np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)) / (count - 1)[row]
    ground = np.nan_to_num(subject.ground.at(start[row] + share[:, None] * (end - start)[row]), nan=-np.inf)
    up, over = returns.up_amsl_m[which][row], returns.over_amsl_m[which][row]
    climbed = _climbed(returns, share * length_m[row], which[row])
    flown = np.where(over > up, np.minimum(over, climbed), up + share * (over - up))
    asked = ground + subject.brief.flight.min_agl_m - ROUNDING_M
    gliding = up - (up - asked) / np.maximum(share, 1e-9)
    wanted = np.where(asked <= up, gliding, np.where(asked <= climbed, asked, np.inf))
    room, over_m = np.full(len(which), np.inf), np.full(len(which), -np.inf)
    np.minimum.at(room, row, flown - ground)
    np.maximum.at(over_m, row, wanted)
    return room, over_m


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
