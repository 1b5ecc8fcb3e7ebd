"""How many items, fence corners and rally points a flight controller has room for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Room for the three lists of a mission."""

    items: int
    """Mission items without home that every board in use holds; a plan of ours never asks for more."""
    items_most: int
    """What the largest boards without a card hold; more than that is refused."""
    rally: int
    fence: int
    """Room for fences, counted as `fence_used` does."""
    fence_head: int = 0
    polygon_head: int = 0
    corner: int = 1
    circle: int = 1

    def fence_used(self, polygons: Iterable[int], circles: int = 0) -> int:
        """Return what polygons with so many corners each, and circles, take of `fence`."""
        counts = tuple(polygons)
        taken = len(counts) * self.polygon_head + sum(counts) * self.corner + circles * self.circle
        return self.fence_head + taken if taken else 0

    def corners_left(self, polygons: Iterable[int]) -> int:
        """Return how many corners one more polygon may have beside others."""
        taken = self.fence_head + sum(self.polygon_head + count * self.corner for count in polygons)
        return (self.fence - taken - self.polygon_head) // self.corner


_BYTES: Final = {"fence_head": 5, "polygon_head": 2, "corner": 8, "circle": 13}
"""ArduPilot's `AC_PolyFence_loader`: a mark of 4 bytes and an end of 1; type and count; latitude and longitude."""
COPTER: Final = Capacity(items=649, items_most=717, rally=46, fence=560, **_BYTES)
PLANE: Final = Capacity(items=654, items_most=723, rally=50, fence=672, **_BYTES)
"""ArduPilot's `StorageManager::layout` of 16 kB boards (15 bytes an item, home among them, and as much a rally point):
Copter 9758 bytes of mission in present firmware, 10 782 before part of it went to CAN; Plane 9842 and 10 866."""
PX4: Final = Capacity(items=500, items_most=2000, rally=32, fence=64)
"""PX4's `dataman.h`: 64 fence points and 32 safe points; `NUM_MISSION_ITMES_SUPPORTED` is 500 on small boards."""


def capacity_of(dialect: str, *, fixed_wing: bool) -> Capacity:
    """Return the room that a vehicle of ``"ardupilot"`` or ``"px4"`` has."""
    if dialect == "px4":
        return PX4
    return PLANE if fixed_wing else COPTER
