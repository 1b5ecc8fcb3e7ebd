"""What turns and directions cost an aircraft of a brief, so that a search's lanes are laid for the least time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from missions.patterns.area import LaneCost
from missions.performance.energy import path_cost
from missions.performance.wind import WindProfile, leg_speeds

if TYPE_CHECKING:
    from missions.airspace.situation import Situation
    from missions.performance.performance import Performance

LONG_M = 2000.0
"""Lanes long enough that a turn between them is flown the same however long they are."""
NEVER = 1000.0
"""Slowness of a direction in which the wind is not overcome."""


def lane_cost(situation: Situation, flown: Performance, *, swath_m: float, radius_m: float) -> LaneCost:
    """Return the cost of a corner between lanes and of each direction, for an aircraft in its wind and height.

    A multirotor's corners cost what its flight time says of them. A fixed wing turns on a half circle of its
    radius between lanes two radii apart, which takes pi radii where straight across would take one swath.
    """
    aircraft, speed_mps = flown.aircraft, flown.speed_mps
    if radius_m > 0.0:
        turn_m = max(math.pi * radius_m - swath_m, 0.0) / 2.0
    else:
        across = np.array([0.0, 0.0, swath_m, swath_m])
        along = np.array([0.0, LONG_M, LONG_M, 0.0])
        there_and_back, straight = (
            float(
                path_cost(
                    aircraft, WindProfile.uniform(), np.column_stack([x, y]), alt_amsl_m=np.zeros(len(x)),
                    speed_mps=speed_mps, handling=flown.handling,
                ).seconds.sum()
            )
            for x, y in ((across, along), (np.zeros(2), np.array([0.0, 2.0 * LONG_M + swath_m])))
        )  # fmt: skip
        turn_m = max(there_and_back - straight, 0.0) * speed_mps / 2.0
    height = situation.ground.at(situation.corridor.sites[:1])
    air = flown.wind.at(np.nan_to_num(height) + situation.brief.flight.alt_agl_m)

    def slowness(direction_rad: float) -> float:
        course = 90.0 - math.degrees(direction_rad)
        ground_mps = leg_speeds(aircraft, air, np.array([course, course + 180.0]), speed_mps).ground_mps
        slow = float(np.mean(speed_mps / ground_mps))
        return slow if math.isfinite(slow) else NEVER

    return LaneCost(turn_m=turn_m, slowness=slowness)
