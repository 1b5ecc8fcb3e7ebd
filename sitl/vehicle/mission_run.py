"""AUTO: walks the stored mission, flies its navigation items and does what stands between them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl.dynamics import offset_m
from sitl.vehicle.behaviours import Place
from sitl.vehicle.moves import Leg
from sitl.vehicle.wire import ABSOLUTE_FRAMES, WireItem, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sitl.dynamics import BodyState, VelocityDemand
    from sitl.vehicle.behaviours import Behaviour
    from sitl.vehicle.moves import Moves

NAVIGATION: Final = frozenset({16, 17, 18, 19, 20, 21, 22, 31, 82, 92, 93})
"""Items that take time; everything else happens on the way."""
_LEG_ENDS: Final = frozenset({16, 17, 19, 31, 82})
_PASSED: Final = frozenset({16, 17, 18, 19, 22, 31})
_MOST_DO_ITEMS: Final = 1000
_RETURN_LEGS: Final = frozenset({16, 17, 18, 19, 21, 22, 31, 82, 188})
"""Items whose places a way back leads over (`AP_Mission::stored_in_location`)."""


class MissionRun:
    """Progress through a mission.

    Parameters
    ----------
    items
        The stored list, read anew at each step (an upload may change it in flight).
    first
        Number of the first item that is flown (1 where item 0 is home).
    home_alt
        Returns home's height above mean sea level in metres.
    moves
        Returns the airframe's behaviours.
    do
        Called with each item that is not navigation.
    reached
        Called with the number of each navigation item that is complete.
    """

    def __init__(
        self,
        items: Callable[[], Sequence[WireItem]],
        *,
        first: int,
        home_alt: Callable[[], float],
        moves: Callable[[], Moves],
        do: Callable[[WireItem], None],
        reached: Callable[[int], None],
    ) -> None:
        self.current = first
        self.finished = False
        self.returning = False
        self._items = items
        self._first = first
        self._home_alt = home_alt
        self._moves = moves
        self._do = do
        self._reached = reached
        self._behaviour: Behaviour | None = None
        self._from: Place | None = None
        self._wait_s = 0.0
        self._delay_s = 0.0
        self._late: list[tuple[float, WireItem]] = []
        self._jumps: dict[int, int] = {}
        self._on_return_path = self._down = False

    def start(self, state: BodyState, *, restart: bool) -> None:
        """Begin, or go on where the mission was left."""
        if restart or self.finished or self.current >= len(self._items()):
            self.current = self._first
            self._jumps.clear()
        self.finished = self._down = False
        self.returning = False
        self._behaviour = None
        self._from = _place_of(state)

    def rewind(self) -> None:
        """Forget the progress: a new mission starts at its first item."""
        self.current = self._first
        self.finished = self._down = False
        self._behaviour = None
        self._jumps.clear()

    def set_current(self, seq: int, state: BodyState) -> bool:
        """Jump to an item, as DO_SET_MISSION_CURRENT asks; False when there is none."""
        if not 0 <= seq < len(self._items()):
            return False
        self.current = max(seq, self._first)
        self._on_return_path = self._down = False
        self._behaviour = None
        self.finished = False
        self._from = _place_of(state)
        return True

    def join_return_path(self, state: BodyState, *, running: bool) -> bool:
        """Go on at the end of the nearest leg after a DO_RETURN_PATH_START; False where the mission has none.

        As `AP_Mission::jump_to_closest_mission_leg`: one that is flown already is gone on with; of legs as near as
        each other the last counts.
        """
        if running and self._on_return_path:
            return True
        items = self._items()
        found: list[tuple[float, int]] = []
        for first in (k for k, item in enumerate(items) if item.command == mavlink.MAV_CMD_DO_RETURN_PATH_START):
            nearest = self._nearest_leg(items[first:], state)
            if nearest and (not found or nearest[0] <= found[0][0]):
                found = [nearest]
        if not found or not self.set_current(found[0][1], state):
            return False
        self._on_return_path = True
        return True

    def _nearest_leg(self, items: Sequence[WireItem], state: BodyState) -> tuple[float, int] | None:
        """Return how near the nearest of the legs between some items comes, and the item it ends at."""
        best: tuple[float, int] | None = None
        before: tuple[float, float, float] | None = None
        for item in items:
            if item.command in _RETURN_LEGS and item.has_place:
                place = self._place(item)
                at = (
                    *offset_m(state.lat_deg, state.lon_deg, place.lat_deg, place.lon_deg),
                    place.alt_amsl_m - state.alt_amsl_m,
                )
                away = _origin_to_segment_m(before or at, at)
                if best is None or away < best[0]:
                    best = (away, item.seq)
                before = at
            if item.command == mavlink.MAV_CMD_NAV_LAND:
                break
        return best

    def landing_start(self) -> int | None:
        """Return the number of the DO_LAND_START item, None without one."""
        return next((item.seq for item in self._items() if item.command == mavlink.MAV_CMD_DO_LAND_START), None)

    def places(self) -> tuple[list[Place], int]:
        """Return the places flown through, in order, and how many of them lie before the present item."""
        legs = [item for item in self._items()[self._first :] if item.command in _PASSED and item.has_place]
        return [self._place(item) for item in legs], sum(item.seq < self.current for item in legs)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to fly."""
        return len(self._items()) <= self._first

    @property
    def leg(self) -> Leg | None:
        """The leg being flown, if one is."""
        return self._behaviour if isinstance(self._behaviour, Leg) else None

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand | None:
        """Return the demand of the present item, or None when the mission is over (or hands over to RTL)."""
        if self._late:
            self._do_late(dt_s)
        if self._behaviour is None and (self._down or not self._begin(state)):
            return None
        behaviour = self._behaviour
        if behaviour is None:
            return None
        wanted = behaviour.demand(state, dt_s)
        if behaviour.done:
            self._wait_s -= dt_s
            if self._wait_s <= 0.0:
                self._complete(state)
        return wanted

    def _do_late(self, dt_s: float) -> None:
        """Carry out what a CONDITION_DELAY held back, while the leg is flown."""
        waiting = [(left - dt_s, item) for left, item in self._late]
        self._late = [(left, item) for left, item in waiting if left > 0.0]
        for left, item in waiting:
            if left <= 0.0:
                self._do(item)

    def _complete(self, state: BodyState) -> None:
        item = self._items()[self.current] if self.current < len(self._items()) else None
        self._reached(self.current)
        self._late, self._delay_s = [], 0.0  # a condition ends with the leg it was set for
        end = self._place(item) if item is not None and item.has_place else None
        self._from = end if end and isinstance(self._behaviour, Leg) else _place_of(state)
        self._behaviour = None
        if item is not None and item.command == mavlink.MAV_CMD_NAV_LAND and not self._takes_off_next():
            self._down = self.finished = True  # both disarm and go no further (`ModeAuto::verify_land`)
            return
        self.current += 1

    def _takes_off_next(self) -> bool:
        """Tell whether the next item that takes time is a take-off."""
        later = (item for item in self._items()[self.current + 1 :] if item.command in NAVIGATION)
        following = next(later, None)
        return following is not None and following.command == mavlink.MAV_CMD_NAV_TAKEOFF

    def _begin(self, state: BodyState) -> bool:
        """Run items up to the next one that takes time and start it; False at the end of the mission."""
        for _ in range(_MOST_DO_ITEMS):
            items = self._items()
            if self.current >= len(items):
                self.finished = True
                return False
            item = items[self.current]
            if item.command in NAVIGATION:
                return self._navigate(item, state)
            if item.command == mavlink.MAV_CMD_DO_JUMP:
                self._jump(item)
                continue
            if item.command == mavlink.MAV_CMD_CONDITION_DELAY:
                self._delay_s = max(0.0, item.p1)
            elif self._delay_s > 0.0:
                self._late.append((self._delay_s, item))
            else:
                self._on_return_path |= item.command == mavlink.MAV_CMD_DO_RETURN_PATH_START
                self._do(item)
            self.current += 1
        self.finished = True
        return False

    def _jump(self, item: WireItem) -> None:
        done = self._jumps.get(self.current, 0)
        if item.p2 < 0 or done < item.p2:
            self._jumps[self.current] = done + 1
            self.current = max(self._first, whole(item.p1))
        else:
            self.current += 1

    def _navigate(self, item: WireItem, state: BodyState) -> bool:
        self._wait_s = 0.0
        if item.command == mavlink.MAV_CMD_NAV_TAKEOFF:
            self._on_return_path = False
        if item.command == mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
            self.returning = True
            return False
        if item.command == mavlink.MAV_CMD_NAV_TAKEOFF:
            self._behaviour = self._moves().climb(state, self._alt(item))
        elif item.command == mavlink.MAV_CMD_NAV_LAND:
            self._land(item, state)
        elif item.command == mavlink.MAV_CMD_NAV_LOITER_UNLIM:
            self._behaviour = self._moves().hold(self._place(item, state), item.p3)
        elif item.command == mavlink.MAV_CMD_NAV_DELAY:
            self._behaviour = self._moves().hold()
            self._behaviour.done = True
            self._wait_s = item.p1
        elif item.command == mavlink.MAV_CMD_NAV_LOITER_TO_ALT:
            start, place = self._from or _place_of(state), self._place(item, state)
            radius_m = item.p2 if math.isfinite(item.p2) else 0.0
            after = self._next_place(self.current + 1, _LEG_ENDS | {mavlink.MAV_CMD_NAV_LAND})
            self._behaviour = self._moves().spiral(start, place, radius_m, after)
        else:
            self._fly(item, state)
        return True

    def _land(self, item: WireItem, state: BodyState) -> None:
        if not item.has_place:
            self._behaviour = self._moves().down(state, None)
            return
        spot = Place(lat_deg=item.lat_deg, lon_deg=item.lon_deg, alt_amsl_m=state.alt_amsl_m)
        if self._moves().glides:
            self._behaviour = self._moves().down(state, spot)
            return
        self._behaviour = _FlyAndLand(self._moves(), self._from or spot, spot, state)

    def _fly(self, item: WireItem, state: BodyState) -> None:
        stops = item.command == mavlink.MAV_CMD_NAV_LOITER_TIME
        hold_s = item.p1 if item.command in (16, 19, 82) else 0.0
        after = None if stops or hold_s > 0.0 else self._next_place(self.current + 1)
        start = self._from or _place_of(state)
        self._behaviour = self._moves().leg(start, self._place(item, state), after)
        self._wait_s = hold_s

    def _next_place(self, seq: int, ends: frozenset[int] = _LEG_ENDS) -> Place | None:
        """Return where the next navigation item is, if it is a place to fly through to."""
        items = self._items()
        for _ in range(_MOST_DO_ITEMS):
            if seq >= len(items):
                return None
            item = items[seq]
            if item.command in NAVIGATION:
                return self._place(item) if item.command in ends and item.has_place else None
            if item.command == mavlink.MAV_CMD_DO_JUMP and (item.p2 < 0 or self._jumps.get(seq, 0) < item.p2):
                seq = max(self._first, whole(item.p1))
            else:
                seq += 1
        return None

    def _place(self, item: WireItem, state: BodyState | None = None) -> Place:
        if not item.has_place and state is not None:
            alt = self._alt(item) if item.z else state.alt_amsl_m
            return Place(lat_deg=state.lat_deg, lon_deg=state.lon_deg, alt_amsl_m=alt)
        return Place(lat_deg=item.lat_deg, lon_deg=item.lon_deg, alt_amsl_m=self._alt(item))

    def _alt(self, item: WireItem) -> float:
        """Return an item's height above mean sea level (terrain frames: over flat ground at home's height)."""
        height = item.z if math.isfinite(item.z) else 0.0
        return height if item.frame in ABSOLUTE_FRAMES else height + self._home_alt()


class _FlyAndLand:
    """Go to the landing place, then down."""

    def __init__(self, moves: Moves, start: Place, spot: Place, state: BodyState) -> None:
        self.done = False
        self._leg: Behaviour | None = moves.leg(start, spot)
        self._down = moves.down(state, spot)

    def demand(self, state: BodyState, dt_s: float) -> VelocityDemand:
        """Fly the leg until it ends, then descend; done on the ground."""
        if self._leg is not None:
            wanted = self._leg.demand(state, dt_s)
            if self._leg.done:
                self._leg = None
            return wanted
        wanted = self._down.demand(state, dt_s)
        self.done = self._down.done
        return wanted


def _origin_to_segment_m(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Return the distance from the origin to a segment in space."""
    along = [q - p for p, q in zip(a, b, strict=True)]
    length2 = sum(v * v for v in along)
    share = 0.0 if length2 == 0.0 else min(max(-sum(p * v for p, v in zip(a, along, strict=True)) / length2, 0.0), 1.0)
    return math.hypot(*(p + share * v for p, v in zip(a, along, strict=True)))


def _place_of(state: BodyState) -> Place:
    return Place(lat_deg=state.lat_deg, lon_deg=state.lon_deg, alt_amsl_m=state.alt_amsl_m)
