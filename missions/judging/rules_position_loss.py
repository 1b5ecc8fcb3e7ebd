"""Where an aircraft that no longer knows its place comes down: it levels, sinks, and the wind carries it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.judging.breaches import Breaches, worst_points
from missions.performance.handling import vertical_s
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.judging.subject import Subject

    FloatArray = NDArray[np.float64]

NAME: Final = "position loss"
PAUSE_S: Final = 4.0
"""How long ArduCopter waits before it sinks (`LAND_WITH_DELAY_MS`); PX4 sinks at once."""
TILT_DEG: Final = 35.0
"""Tilt at a multirotor's top airspeed (PX4's MPC_TILTMAX_AIR is 45, ArduCopter's ANGLE_MAX 30)."""
GRAVITY_MPS2: Final = 9.80665


def drift_m(subject: Subject) -> FloatArray:
    """Return how far the wind and its own way carry a multirotor that loses its position, (n, 2) metres, from `points`.

    It holds itself level and sinks as its autopilot lands: the wind at its height carries it all the way down (lower it
    is weaker, so this is too much rather than too little), and its own speed dies away with the time that drag takes,
    top airspeed over ``g tan(tilt)``.
    """
    points, legs = subject.points, subject.legs
    above = np.maximum(points.alt_amsl_m - subject.ground_amsl_m, 0.0)
    seconds = PAUSE_S + vertical_s(subject.flown.handling, subject.aircraft, -np.nan_to_num(above))
    air = subject.flown.wind.at(np.nan_to_num(points.alt_amsl_m))
    slows_s = subject.aircraft.max_airspeed_mps / (GRAVITY_MPS2 * math.tan(math.radians(TILT_DEG)))
    along = (legs.end_m - legs.start_m) / np.maximum(legs.length_m, 1e-9)[:, None]
    own = np.where(legs.moving, subject.flown.speed_mps, 0.0)[:, None] * along
    blown = np.column_stack([air.east_mps, air.north_mps]) * seconds[:, None]
    return np.asarray(np.where(above[:, None] > 0.0, blown + slows_s * own[points.leg], 0.0))


def position_loss(subject: Subject) -> Iterator[Breaches]:
    """Find legs from which a multirotor without a position comes down beyond the border.

    Fixed wings fly on by dead reckoning: how far that leads nobody can say, and the table of failsafes says so.
    """
    if subject.flown.wing:
        return
    points, drift = subject.points, drift_m(subject)
    down = points.xy_m + drift
    own = subject.corridor.own
    shapely.prepare(own)
    bad = ~shapely.intersects_xy(own, down)
    bad[bad] = shapely.intersects_xy(own, points.xy_m[bad])
    beyond = np.zeros(len(down))
    beyond[bad] = np.maximum(subject.corridor.standoff_m(np.asarray(shapely.points(down[bad]))), 0.0)
    row = worst_points(points.leg, beyond, bad)
    kept = subject.brief.failsafe.position_loss == "kept"
    yield Breaches(
        rule=NAME, leg=points.leg[row], measured=beyond[row], limit=0.0, xy_m=points.xy_m[row],
        wanted=np.hypot(*drift[row].T),
        text="drifts {wanted:.0f} m in this wind if its position is lost there, and comes down {measured:.0f} m beyond "
        "the border" + ("" if kept else "; who approves the plan accepts that by name"),
        advice="a lower flight.alt_agl_m, less wind, or a larger standoff.asked_m",
        severity=Severity.ERROR if kept else Severity.WARNING,
        share_pct=100.0 * float(bad.mean()),
    )  # fmt: skip
