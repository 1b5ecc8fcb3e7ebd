"""The path a mission makes an aircraft fly, expanded in time: legs, turns, waits and ways home, not only waypoints."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import forward, inverse
from missions.execution import commands as cmd
from missions.execution.circles import CORNERS, Circle
from missions.execution.order import Remark, held_back, in_order, unfollowed_remark
from missions.execution.splines import spline
from missions.failsafes.return_path import RETURN_PATH_START, flown_items, return_path_of
from missions.plan import Leg, LegKind, Severity
from missions.plan_files.dialect import MAV_FRAME_MISSION, PATH_COMMANDS, has_position
from missions.plan_files.item_fields import alt_amsl_m
from missions.plan_files.plan_document import Home

if TYPE_CHECKING:
    from missions.airspace.terrain_profile import GroundHeights
    from missions.judging.return_rules import ReturnRules
    from missions.plan import MissionItem
    from missions.plan_files.plan_document import PlanDocument

TERRAIN_FRAMES: Final = (10, 11)
MAX_LEGS: Final = 200_000
_CLIMB_OUT: Final = 0.1
"""The least slope a fixed wing leaves the ground on, and climbs or sinks on where its type is not known; our own type
climbs 1 in 6 in still air."""
_TERRAIN_STEP_M: Final = 100.0
"""How often the height of a leg that follows the terrain is taken: half the spacing of coarse elevation data."""
_RADIUS: Final = {cmd.LOITER_UNLIMITED: "p3", cmd.LOITER_TURNS: "p3", cmd.LOITER_TIME: "p3", cmd.LOITER_TO_ALT: "p2"}
_SPEED_KINDS: Final = (0.0, 1.0)
"""DO_CHANGE_SPEED of airspeed and of ground speed; 2 and 3 are climb and descent."""
_CIRCLE_RADIUS_M: Final = 10.0
"""ArduCopter's CIRCLE_RADIUS, where NAV_LOITER_TURNS gives none."""
_LOITER_RADIUS_M: Final = 80.0
"""PX4's NAV_LOITER_RAD; ArduPlane's WP_LOITER_RAD is 60 m."""
_USUAL_ACCEPTANCE_M: Final = 90.0
"""ArduPlane's WP_RADIUS: a waypoint that counts as reached from farther away than that has its corner cut."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What decides a mission's path beside its items."""

    wing: bool = False
    returns: ReturnRules | None = None
    """How a return to launch is flown; None flies it at the height where it begins."""
    ground: GroundHeights | None = None
    px4: bool = False
    """Whether PX4 carries it out, and not ArduPilot."""
    climbs: float = _CLIMB_OUT
    sinks: float = _CLIMB_OUT
    """How steeply a fixed wing changes its height on a circle, metres up or down for each that it flies."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A mission carried out: legs in the order flown, and the home that holds on each.

    `Leg.seq` is the number (from 0) of the item flown to. A leg's times are known where an item makes the
    aircraft wait (the leg's end less its start), its speed where an item set one; else they are NaN.
    """

    legs: tuple[Leg, ...]
    homes: tuple[Home, ...]
    """Every home there was, in order; the first is the one the mission began with."""
    home_of_leg: tuple[int, ...]
    remarks: tuple[Remark, ...]


@dataclasses.dataclass(slots=True)
class _At:
    """Where the aircraft is while its mission is carried out."""

    lat_deg: float = math.nan
    lon_deg: float = math.nan
    alt_m: float = math.nan
    follows: bool = False
    """Whether its height counts from the terrain."""

    circling: Circle | None = None
    """The circle a fixed wing is on, and leaves on its tangent for where it goes next."""

    @property
    def known(self) -> bool:
        return not math.isnan(self.lat_deg)

    @property
    def place(self) -> tuple[float, float]:
        return self.lat_deg, self.lon_deg


def execute(document: PlanDocument, conduct: Conduct) -> Execution:
    """Carry out a mission.

    Home to the first item, straight between items (along the ground where both ends count from the terrain),
    circles and waits where the mission loiters, holds or delays, jumps as often as they repeat, and home again
    on return to launch: up to the return height, over, down. A fixed wing glides straight to where it lands.
    Heights are above mean sea level, NaN where home or terrain is not known.
    """
    walk = _Walk(document, conduct)
    walk.remarks += held_back(document.items)
    for item in in_order(flown_items(document.items), walk.remarks.append):
        walk.carry_out(item)
        if len(walk.legs) > MAX_LEGS:
            text = f"is reached after {MAX_LEGS} legs; nothing beyond that is judged"
            walk.say(item, "execution.order", text)
            break
    return Execution(
        legs=tuple(walk.legs),
        homes=tuple(walk.homes),
        home_of_leg=tuple(walk.home_of_leg),
        remarks=tuple(dict.fromkeys(walk.remarks)),
    )


class _Walk:
    """The state of a mission while it is carried out."""

    def __init__(self, document: PlanDocument, conduct: Conduct) -> None:
        home = document.home
        self.items = document.items
        self.holds_return = return_path_of(document.items) is not None
        self.conduct = conduct
        self.homes: list[Home] = [] if home is None else [home]
        self.at = _At() if home is None else _At(home.lat_deg, home.lon_deg, home.alt_amsl_m)
        self.speed_mps = math.nan
        self.legs: list[Leg] = []
        self.home_of_leg: list[int] = []
        self.remarks: list[Remark] = []

    @property
    def home(self) -> Home | None:
        return self.homes[-1] if self.homes else None

    def say(self, item: MissionItem, rule: str, text: str, severity: Severity = Severity.ERROR) -> None:
        self.remarks.append(Remark(rule=rule, seq=item.seq, severity=severity, text=text))

    def carry_out(self, item: MissionItem) -> None:
        """Do what one item says."""
        remark = None if item.command == RETURN_PATH_START and self.holds_return else unfollowed_remark(item)
        if remark is not None:
            self.remarks.append(remark)
        if item.command in PATH_COMMANDS:
            if self.at.known or has_position(item):
                self._fly_item(item)
        elif item.command == cmd.RETURN:
            self._return(item)
        elif item.command == cmd.DELAY:
            self._delay(item)
        elif item.command == cmd.CHANGE_SPEED:
            self._change_speed(item)
        elif item.command == cmd.SET_HOME:
            self._set_home(item)
        elif item.command == cmd.FENCE_ENABLE and item.p1 != 1.0:
            what = "the fence's floor" if item.p1 == 2.0 else "the fence"
            text = f"turns {what} off: what lies beyond it is not kept"
            self.say(item, "execution.fence-off", text, Severity.WARNING)

    def _fly_item(self, item: MissionItem) -> None:
        if self.at.circling is not None:
            self._leave_circle(self.at.circling, self._place(item))
        if item.command in cmd.TAKEOFFS:
            self._take_off(item)
        elif item.command in cmd.LANDINGS:
            self._land(item)
        elif item.command in _RADIUS:
            self._loiter(item)
        else:
            self._pass(item)

    def _pass(self, item: MissionItem) -> None:
        """Fly to a waypoint: past it where it says so, along a curve to a spline, and wait there."""
        place, height_m = self._place(item), self._height_m(item)
        own_plane = self.conduct.wing and not self.conduct.px4
        if item.command == cmd.SPLINE and self.at.known:
            for *corner, height in spline(self.items, item, (*self.at.place, self.at.alt_m), (*place, height_m)):
                self._to(item, (corner[0], corner[1]), height, LegKind.WORK)
        elif item.command == cmd.WAYPOINT and own_plane and 0.0 < item.p3 < math.inf and self.at.known:
            course = float(inverse(*self.at.place, *place)[1])
            lat, lon = forward(*place, course, item.p3)
            place = (float(lat), float(lon))
        self._to(item, place, height_m, LegKind.WORK, follows=item.frame in TERRAIN_FRAMES)
        if item.command != cmd.WAYPOINT:
            return
        if item.p2 > _USUAL_ACCEPTANCE_M and (own_plane or self.conduct.px4):
            text = f"counts as reached {item.p2:g} m away; the corner that is cut there is not judged"
            self.say(item, "execution.unfollowed", text)
        if not own_plane:
            self._wait(item, item.p1)

    def _change_speed(self, item: MissionItem) -> None:
        if item.p1 not in _SPEED_KINDS:
            text = f"(DO_CHANGE_SPEED) sets how fast it climbs or descends (type {item.p1:g}), which is not modelled"
            self.say(item, "execution.unfollowed", text)
        elif item.p2 > 0.0 or item.p2 == -2.0:
            self.speed_mps = item.p2 if item.p2 > 0.0 else math.nan
        if item.p3 > 0.0:
            text = f"(DO_CHANGE_SPEED) sets the throttle to {item.p3:g} %; how fast that flies is not modelled"
            self.say(item, "execution.unfollowed", text)

    def _take_off(self, item: MissionItem) -> None:
        place, height_m = self._place(item), self._height_m(item)
        if self.at.known:
            self._to(item, self._climbs_to(place, height_m), height_m, LegKind.TRANSIT)
        self._to(item, place, height_m, LegKind.TRANSIT)

    def _climbs_to(self, place: tuple[float, float], height_m: float) -> tuple[float, float]:
        """Return where a take-off has climbed to its height: above the ground it left, or on its way for a wing."""
        rise_m = height_m - self.at.alt_m
        if not (self.conduct.wing and rise_m > 0.0):
            return self.at.place
        away_m, course_deg = (float(v) for v in inverse(*self.at.place, *place))
        if away_m <= rise_m / _CLIMB_OUT:
            return place
        lat, lon = forward(*self.at.place, course_deg, rise_m / _CLIMB_OUT)
        return float(lat), float(lon)

    def _land(self, item: MissionItem) -> None:
        where, height_m = self._place(item), self._height_m(item)
        if not (self.conduct.wing and self.at.known):
            self._to(item, where, self.at.alt_m, LegKind.WORK)
        self._to(item, where, height_m, LegKind.RETURN)

    def _loiter(self, item: MissionItem) -> None:
        where, height_m = self._place(item), self._height_m(item)
        to_alt = item.command == cmd.LOITER_TO_ALT and self.at.known
        radius_m = self._radius_m(item) if self.conduct.wing or not to_alt else 0.0
        if not to_alt:
            self._to(item, where, height_m, LegKind.WORK)
        if 0.0 < radius_m < math.inf and self.at.known:
            self._circle(item, where, radius_m, height_m, turning_from=self.at.place if to_alt else None)
        elif to_alt:
            self._to(item, where, height_m, LegKind.WORK)
        if item.command == cmd.LOITER_TIME:
            self._wait(item, item.p1)
        elif item.command == cmd.LOITER_TURNS and item.p1 > 1.0:
            self._circles(item, radius_m, item.p1 - 1.0)
        elif item.command == cmd.LOITER_UNLIMITED:
            self.say(item, "execution.endless", "loiters until somebody ends it: the mission never goes on by itself")

    def _radius_m(self, item: MissionItem) -> float:
        """Return the radius of an item's circle: its own, or the vehicle's where it has none."""
        radius_m = abs(float(getattr(item, _RADIUS[item.command])))
        if 0.0 < radius_m < math.inf:
            return radius_m
        if self.conduct.wing:
            return _LOITER_RADIUS_M
        return _CIRCLE_RADIUS_M if item.command == cmd.LOITER_TURNS else 0.0

    def _circle(
        self,
        item: MissionItem,
        centre: tuple[float, float],
        radius_m: float,
        height_m: float,
        *,
        turning_from: tuple[float, float] | None,
    ) -> None:
        """Fly one turn; one that is entered from the side goes on as long as its change of height takes.

        So ArduPlane does (`ModeAuto::verify_loiter_to_alt`): it leaves once the height is reached and it heads for the
        next place; so does PX4's navigator.
        """
        clockwise = not (self.conduct.wing and getattr(item, _RADIUS[item.command]) < 0.0)
        circle = Circle(item=item, centre=centre, radius_m=radius_m, clockwise=clockwise)
        begin_m = height_m if turning_from is None else self.at.alt_m
        first = circle.at(0.0 if turning_from is None else circle.azimuth_deg(turning_from))
        self._to(item, first, begin_m, LegKind.TURN)
        corners = circle.arc(first, 360.0 if turning_from is None else self._turning_deg(radius_m, height_m - begin_m))
        for number, corner in enumerate(corners, start=1):
            self._to(item, corner, begin_m + (height_m - begin_m) * number / len(corners), LegKind.TURN)
        if self.conduct.wing:
            self.at.circling = circle

    def _turning_deg(self, radius_m: float, rise_m: float) -> float:
        """Return how far round a circle a change of height takes; once round where the height is not known."""
        if math.isnan(rise_m):
            return 360.0
        slope = self.conduct.climbs if rise_m > 0.0 else self.conduct.sinks
        return min(math.degrees(abs(rise_m) / slope / radius_m), 360.0 * MAX_LEGS / CORNERS)

    def _leave_circle(self, circle: Circle, goal: tuple[float, float]) -> None:
        """Go on round the circle the aircraft is on to the tangent that leads to a goal."""
        height_m = self.at.alt_m
        turned_deg = circle.turned_to_deg(self.at.place, goal)
        for corner in circle.arc(self.at.place, turned_deg) if turned_deg else ():
            self._to(circle.item, corner, height_m, LegKind.TURN)

    def _circles(self, item: MissionItem, radius_m: float, more: float) -> None:
        """Repeat the turn just flown; past what any battery flies it is a wait without end."""
        turn = [leg for leg in self.legs[-CORNERS:] if leg.kind is LegKind.TURN]
        for _ in range(min(math.ceil(more), MAX_LEGS // max(len(turn), 1))):
            for leg in turn:
                self._add(leg)

    def _wait(self, item: MissionItem, seconds: float) -> None:
        """Stay where the aircraft is for a time; a fixed wing circles there."""
        if not 0.0 < seconds < math.inf or not self.at.known:
            return
        leg = self._leg(item, LegKind.HOLD, self.at.place, self.at.alt_m)
        self._add(dataclasses.replace(leg, t_start_s=0.0, t_end_s=float(seconds)))

    def _delay(self, item: MissionItem) -> None:
        if item.p1 >= 0.0:
            self._wait(item, item.p1)
            return
        text = f"waits until {item.p2:02.0f}:{item.p3:02.0f}:{max(item.p4, 0.0):02.0f} UTC, however long that is"
        self.say(item, "execution.endless", text)

    def _set_home(self, item: MissionItem) -> None:
        """Move home: to where the aircraft is, or to the place given."""
        if item.p1 == 1.0:
            if self.at.known:
                self.homes.append(Home(lat_deg=self.at.lat_deg, lon_deg=self.at.lon_deg, alt_amsl_m=self.at.alt_m))
            return
        if math.isnan(item.lat_deg) or math.isnan(item.lon_deg):
            return
        bare = item.frame == MAV_FRAME_MISSION  # its height counts from the sea, as DO_SET_HOME's own does
        height_m = item.alt_m if bare else self._height_m(item)
        self.homes.append(Home(lat_deg=item.lat_deg, lon_deg=item.lon_deg, alt_amsl_m=height_m))

    def _return(self, item: MissionItem) -> None:
        """Fly home as the autopilot's own return does: up to its height, over, and down (a fixed wing circles)."""
        home = self.home
        if home is None or not self.at.known:
            return
        goal = (home.lat_deg, home.lon_deg)
        up = over = self.at.alt_m
        if self.conduct.returns is not None and not math.isnan(self.at.alt_m):
            away_m = float(inverse(*self.at.place, *goal)[0])
            here, foot = np.array([self.at.alt_m]), np.array([home.alt_amsl_m])
            heights = self.conduct.returns.heights(here, home.alt_amsl_m, foot, np.array([away_m]))
            up, over = (float(h[0]) for h in heights)
        self._to(item, self.at.place, up, LegKind.RETURN)
        self._to(item, goal, over, LegKind.RETURN)
        if not self.conduct.wing:
            self._to(item, goal, home.alt_amsl_m, LegKind.RETURN)

    def _place(self, item: MissionItem) -> tuple[float, float]:
        return (item.lat_deg, item.lon_deg) if has_position(item) else self.at.place

    def _height_m(self, item: MissionItem) -> float:
        if item.frame in TERRAIN_FRAMES and self.conduct.ground is not None:
            lat, lon = self._place(item)
            return float(self.conduct.ground.amsl_m(np.array([lat]), np.array([lon]))[0]) + item.alt_m
        return alt_amsl_m(item, self.home)

    def _to(
        self, item: MissionItem, to: tuple[float, float], height_m: float, kind: LegKind, *, follows: bool = False
    ) -> None:
        """Fly straight to a place, following the ground between two that count from it."""
        still = self.at.place == to and (self.at.alt_m == height_m or math.isnan(self.at.alt_m + height_m))
        if self.at.known and not still:
            if follows and self.at.follows and self.conduct.ground is not None:
                self._over_terrain(item, to, height_m, kind)
            self._add(self._leg(item, kind, to, height_m))
        self.at = _At(to[0], to[1], height_m, follows=follows)

    def _over_terrain(self, item: MissionItem, to: tuple[float, float], height_m: float, kind: LegKind) -> None:
        ground = self.conduct.ground
        distance_m, azimuth = inverse(*self.at.place, *to)
        count = int(float(distance_m) // _TERRAIN_STEP_M)
        if count < 1 or ground is None:
            return
        shares = np.arange(1, count + 1) / (count + 1)
        lat, lon = forward(*self.at.place, np.full(count, float(azimuth)), shares * float(distance_m))
        ends = ground.amsl_m(np.array([self.at.lat_deg, to[0]]), np.array([self.at.lon_deg, to[1]]))
        above = (self.at.alt_m - ends[0]) + shares * ((height_m - ends[1]) - (self.at.alt_m - ends[0]))
        heights = ground.amsl_m(lat, lon) + above
        for *place, height in zip(lat.tolist(), lon.tolist(), heights.tolist(), strict=True):
            self._add(self._leg(item, kind, (place[0], place[1]), height))
            self.at = _At(place[0], place[1], height, follows=True)

    def _add(self, leg: Leg) -> None:
        self.legs.append(leg)
        self.home_of_leg.append(max(len(self.homes) - 1, 0))

    def _leg(self, item: MissionItem, kind: LegKind, to: tuple[float, float], height_m: float) -> Leg:
        return Leg(
            seq=item.seq,
            kind=kind,
            lat_start_deg=self.at.lat_deg,
            lon_start_deg=self.at.lon_deg,
            alt_amsl_start_m=self.at.alt_m,
            lat_end_deg=to[0],
            lon_end_deg=to[1],
            alt_amsl_end_m=height_m,
            t_start_s=math.nan,
            t_end_s=math.nan,
            speed_mps=self.speed_mps,
            battery_end_pct=math.nan,
        )
