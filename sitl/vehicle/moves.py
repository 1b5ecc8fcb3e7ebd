"""Makes the behaviours of an airframe: what holding, climbing, flying a leg and landing are to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sitl.vehicle.behaviours import Climb, Descend, FlyLeg, Hold
from sitl.vehicle.wing_behaviours import ClimbOut, FollowLine, GlideDown, Orbit, OrbitToHeight

if TYPE_CHECKING:
    from sitl.dynamics import BodyState
    from sitl.dynamics_wing import FixedWing
    from sitl.vehicle.behaviours import Behaviour, Limits, Place

Leg = FlyLeg | FollowLine
"""A straight leg of either airframe."""


class Moves(Protocol):
    """One airframe's behaviours."""

    glides: bool
    """Whether it lands on a glide rather than on the spot."""

    def hold(self, place: Place | None = None, radius_m: float = 0.0) -> Behaviour:
        """Stay at a place, or where the vehicle is."""
        ...

    def climb(self, state: BodyState, alt_amsl_m: float) -> Behaviour:
        """Rise to a height."""
        ...

    def spiral(self, start: Place, place: Place, radius_m: float, after: Place | None) -> Behaviour:
        """Go to a place and its height, and leave it for `after`."""
        ...

    def leg(self, start: Place, end: Place, after: Place | None = None) -> Leg:
        """Fly a straight leg, on to `after` if there is one."""
        ...

    def down(self, state: BodyState, place: Place | None) -> Behaviour:
        """Land."""
        ...


class MultirotorMoves:
    """The behaviours of a multirotor."""

    glides = False

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def hold(self, place: Place | None = None, radius_m: float = 0.0) -> Behaviour:  # noqa: ARG002 - it hovers
        """Hover."""
        return Hold(self._limits, place)

    def climb(self, state: BodyState, alt_amsl_m: float) -> Behaviour:
        """Rise straight up."""
        return Climb(self._limits, state, alt_amsl_m)

    def spiral(self, start: Place, place: Place, radius_m: float, after: Place | None) -> Behaviour:  # noqa: ARG002
        """Fly there; it needs no circle to climb or sink."""
        return FlyLeg(self._limits, start, place)

    def leg(self, start: Place, end: Place, after: Place | None = None) -> Leg:
        """Fly a straight leg."""
        return FlyLeg(self._limits, start, end, after=after)

    def down(self, state: BodyState, place: Place | None) -> Behaviour:  # noqa: ARG002 - it sinks from anywhere
        """Sink onto a place."""
        return Descend(self._limits, place)


class WingMoves:
    """The behaviours of a fixed wing."""

    glides = True

    def __init__(self, limits: Limits, wing: FixedWing, loiter_radius_m: float) -> None:
        self._limits = limits
        self._wing = wing
        self._radius_m = loiter_radius_m

    def hold(self, place: Place | None = None, radius_m: float = 0.0) -> Behaviour:
        """Circle."""
        return Orbit(self._limits, self._wing, place, radius_m or self._radius_m)

    def climb(self, state: BodyState, alt_amsl_m: float) -> Behaviour:
        """Climb out straight ahead."""
        return ClimbOut(self._limits, state, alt_amsl_m)

    def spiral(self, start: Place, place: Place, radius_m: float, after: Place | None) -> Behaviour:  # noqa: ARG002
        """Circle there until at its height."""
        return OrbitToHeight(self._limits, self._wing, place, radius_m or self._radius_m, after)

    def leg(self, start: Place, end: Place, after: Place | None = None) -> Leg:
        """Follow a line."""
        return FollowLine(self._limits, self._wing, start, end, after)

    def down(self, state: BodyState, place: Place | None) -> Behaviour:
        """Land on a glide."""
        return GlideDown(self._limits, self._wing, state, place)
