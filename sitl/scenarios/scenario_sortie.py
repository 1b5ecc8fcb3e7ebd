"""From a scenario's route to the sortie that `missions.flight` flies."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from missions.judging.return_rules import RALLY_ASKED, asked_actions
from missions.plan import Leg, LegKind, MissionItem, Sortie, VehicleParameter
from missions.plan_files.dialect import Dialect
from sitl.dynamics import offset_m
from sitl.vehicle.config import Airframe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sitl.scenarios.scenario import EastNorth, Scenario, VehicleTable

RELATIVE: Final = 3
FENCE_FRAME: Final = 0
"""MAV_FRAME_GLOBAL: the corners of a fence have no height, and PX4 keeps them in no other frame."""
_WITH_YAW: Final = frozenset({16, 21, 22})
APPROACH_M: Final = 400.0
APPROACH_HEIGHT_M: Final = 35.0
"""Where a fixed wing turns onto its final approach: a glide of five degrees."""
CLIMB_MPS: Final = 2.5
MEAN_POWER_W: Final = 300.0
"""What the planned battery is counted with: cruise power of the default airframe and a margin."""


PLANNED_V: Final = 22.2
"""Volts of the default airframe's pack (six cells)."""


def sortie_of(scenario: Scenario, vehicle: VehicleTable) -> Sortie:
    """Return take-off, the route at its speed, and the return, with fence and rally points."""
    lat, lon = scenario.origin.lat_lon(vehicle.home_m)
    items = _items(scenario, vehicle)
    return Sortie(
        name=vehicle.name,
        aircraft=vehicle.airframe,
        site="launch",
        home_lat_deg=lat,
        home_lon_deg=lon,
        home_alt_amsl_m=scenario.origin.alt_amsl_m,
        t_start_s=0.0,
        legs=_legs(scenario, vehicle, lat, lon),
        items=items,
        fence=fence_items(scenario, vehicle.fence_m, [z.ring_m for z in scenario.zone if z.appears_s == 0.0]),
        rally=tuple(
            _at(scenario, point[:2], seq=i, command=5100, alt_m=point[2]) for i, point in enumerate(vehicle.rally_m)
        ),
        vehicle_parameters=asked_parameters(vehicle),
    )


def _items(scenario: Scenario, vehicle: VehicleTable) -> tuple[MissionItem, ...]:
    first = vehicle.route_m[0]
    items = [_at(scenario, vehicle.home_m, seq=0, command=22, alt_m=first[2])]
    kind = 0.0 if vehicle.airframe == "plane" else 1.0  # airspeed, or speed over ground
    items.append(MissionItem(seq=1, command=178, frame=2, p1=kind, p2=vehicle.speed_mps, p3=-1.0))
    pitch, yaw = vehicle.gimbal
    items.append(MissionItem(seq=2, command=1000, frame=2, p1=pitch, p2=yaw, p3=math.nan, p4=math.nan))
    items += [_at(scenario, p[:2], seq=i, command=16, alt_m=p[2]) for i, p in enumerate(vehicle.route_m, start=3)]
    items += (
        _landing(scenario, vehicle, len(items)) if kind == 0.0 else [MissionItem(seq=len(items), command=20, frame=2)]
    )
    return tuple(items)


def _landing(scenario: Scenario, vehicle: VehicleTable, seq: int) -> list[MissionItem]:
    """Return a fixed wing's landing: the sequence's mark, an approach against the wind, and the landing at home."""
    toward = math.radians(scenario.weather.from_deg + 180.0)
    east, north = vehicle.home_m
    approach = (east + APPROACH_M * math.sin(toward), north + APPROACH_M * math.cos(toward))
    return [
        _at(scenario, approach, seq=seq, command=189, alt_m=APPROACH_HEIGHT_M),
        _at(scenario, approach, seq=seq + 1, command=16, alt_m=APPROACH_HEIGHT_M),
        _at(scenario, vehicle.home_m, seq=seq + 2, command=21, alt_m=0.0),
    ]


def _at(
    scenario: Scenario, place_m: EastNorth, *, seq: int, command: int, alt_m: float, p1: float = 0.0
) -> MissionItem:
    lat, lon = scenario.origin.lat_lon(place_m)
    yaw = math.nan if command in _WITH_YAW else 0.0  # unset, the nose follows the course; PX4 takes 0 for north
    return MissionItem(seq=seq, command=command, frame=RELATIVE, p1=p1, p4=yaw, lat_deg=lat, lon_deg=lon, alt_m=alt_m)


def fence_items(
    scenario: Scenario, inside: Sequence[EastNorth], outside: Sequence[Sequence[EastNorth]]
) -> tuple[MissionItem, ...]:
    """Return the fence: one inclusion ring (may be empty) and the exclusion rings."""
    rings = [(5001, inside)] if inside else []
    rings += [(5002, ring) for ring in outside]
    corners = [(command, len(ring), point) for command, ring in rings for point in ring]
    made = (
        _at(scenario, point, seq=i, command=command, alt_m=0.0, p1=float(count))
        for i, (command, count, point) in enumerate(corners)
    )
    return tuple(dataclasses.replace(corner, frame=FENCE_FRAME) for corner in made)


def _legs(scenario: Scenario, vehicle: VehicleTable, lat: float, lon: float) -> tuple[Leg, ...]:
    ground = scenario.origin.alt_amsl_m
    stops = [(*scenario.origin.lat_lon(p[:2]), ground + p[2]) for p in vehicle.route_m]
    points = [(lat, lon, ground + vehicle.route_m[0][2]), *stops, (lat, lon, ground + vehicle.route_m[-1][2])]
    clock = vehicle.route_m[0][2] / CLIMB_MPS
    legs = []
    for seq, (start, end) in enumerate(zip(points, points[1:], strict=False)):
        seconds = math.hypot(*offset_m(start[0], start[1], end[0], end[1])) / vehicle.speed_mps
        used_wh = MEAN_POWER_W * (clock + seconds) / 3600.0
        kind = LegKind.TRANSIT if seq == 0 else LegKind.RETURN if seq == len(points) - 2 else LegKind.WORK
        legs.append(
            Leg(
                seq=seq,
                kind=kind,
                lat_start_deg=start[0],
                lon_start_deg=start[1],
                alt_amsl_start_m=start[2],
                lat_end_deg=end[0],
                lon_end_deg=end[1],
                alt_amsl_end_m=end[2],
                t_start_s=clock,
                t_end_s=clock + seconds,
                speed_mps=vehicle.speed_mps,
                battery_end_pct=vehicle.battery_pct - 100.0 * used_wh / vehicle.battery_wh,
            )
        )
        clock += seconds
    return tuple(legs)


def asked_parameters(vehicle: VehicleTable) -> tuple[VehicleParameter, ...]:
    """Return what the sortie asks of the vehicle: to return straight whatever fails, but for what the table has."""
    wing = vehicle.airframe == Airframe.PLANE
    actions = asked_actions(vehicle.dialect, fixed_wing=wing, way="straight")
    if vehicle.rally_m and vehicle.dialect is Dialect.ARDUPILOT:
        actions += RALLY_ASKED
    if wing and vehicle.dialect is Dialect.ARDUPILOT:
        land = VehicleParameter(name="RTL_AUTOLAND", value=1.0, why="lands by the mission's own landing", action=True)
        actions = (land, *actions)
    return tuple(dataclasses.replace(a, value=vehicle.parameters.get(a.name, a.value)) for a in actions)


def default_parameters(vehicle: VehicleTable) -> tuple[tuple[str, float], ...]:
    """Return what a careful unit sets: what the sortie asks, two battery stages, the fence; the table's own win."""
    held = {asked.name: asked.value for asked in asked_parameters(vehicle)}
    if vehicle.dialect is Dialect.PX4:
        # it only warns of a low battery (COM_LOW_BAT_ACT 3): its critical stage is the one that returns
        held |= {"BAT_LOW_THR": 0.3, "BAT_CRIT_THR": 0.25, "BAT_EMERGEN_THR": 0.12}
    else:
        capacity_mah = 1000.0 * vehicle.battery_wh / PLANNED_V
        held |= {"BATT_LOW_MAH": 0.25 * capacity_mah, "BATT_CRT_MAH": 0.12 * capacity_mah, "FENCE_TYPE": 4.0}
        held["FENCE_ENABLE"] = 1.0 if vehicle.fence_m else 0.0
        if vehicle.airframe == Airframe.PLANE:
            held["RTL_ALTITUDE"] = vehicle.route_m[-1][2]
        else:
            held["RTL_ALT"] = 100.0 * vehicle.route_m[-1][2]
    return tuple({**held, **vehicle.parameters}.items())
