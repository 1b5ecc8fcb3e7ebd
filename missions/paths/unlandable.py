"""Why a fixed wing cannot leave a launch site, or land at it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from missions.errors import PlanRefusedError
from missions.paths.departure import CALM_MPS, climb_out_m, find_departure, least_height_m, wind_at
from missions.paths.landing import GLIDE_DEG

if TYPE_CHECKING:
    from missions.paths.path_maker import PathMaker


def no_approach(maker: PathMaker, site: int) -> PlanRefusedError | None:
    """Return why a fixed wing cannot land at (or leave) a launch site, or None where the aircraft can."""
    place, name = maker.situation.corridor.sites[site], maker.situation.brief.launch[site].name
    if maker.radius_m <= 0.0 or maker.approach(place) is not None:
        return None
    height_m = least_height_m(maker)
    if find_departure(maker, place) is None:
        return _no_departure(maker, name, height_m)
    long_m = height_m / math.tan(math.radians(GLIDE_DEG)) + maker.radius_m
    side = "any side" if wind_at(maker, place)[1] < CALM_MPS else "any side that is not down the wind"
    return PlanRefusedError(
        f"launch site {name!r} has no free approach of {long_m:.0f} m for {maker.flown.label} to land "
        f"from {side}: it descends from {height_m:g} m at {GLIDE_DEG:g} degrees and needs a circle of "
        f"{maker.radius_m:.0f} m radius before that; move the site further from the border, the zones and rising "
        "ground, or lower flight.min_agl_m",
        rule="landing", site=name, limit=long_m,
    )  # fmt: skip


def _no_departure(maker: PathMaker, name: str, height_m: float) -> PlanRefusedError:
    long_m = climb_out_m(maker, height_m) + maker.radius_m
    return PlanRefusedError(
        f"launch site {name!r} has no free {long_m:.0f} m for {maker.flown.label} to climb straight ahead to "
        f"{height_m:g} m and circle there with a radius of {maker.radius_m:.0f} m, in any direction that is not down "
        "the wind; move the site further from the border, the zones and rising ground, or lower flight.min_agl_m",
        rule="take-off", site=name, limit=long_m,
    )  # fmt: skip
