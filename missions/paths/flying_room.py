"""What the paths of one type of aircraft are made in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from missions.performance.wind import ground_radius_m

if TYPE_CHECKING:
    from missions.airspace.routing import Router
    from missions.airspace.situation import Situation
    from missions.performance.performance import Performance


class FlyingRoom:
    """A situation, the aircraft that flies in it, and the ways through its air."""

    def __init__(self, situation: Situation, flown: Performance, router: Router) -> None:
        self.situation = situation
        self.flown = flown
        self.router = router
        self.aircraft = flown.aircraft
        self.wind = situation.wind
        self.radius_m = ground_radius_m(self.aircraft, self.wind.strongest_mps)
