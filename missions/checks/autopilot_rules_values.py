"""What an autopilot's own checks need to know of the vehicle, and the shape of what they find."""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import TYPE_CHECKING, Final

from missions.capacity import capacity_of
from missions.performance.handling import PX4 as PX4_HANDLING
from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from missions.capacity import Capacity
    from missions.failsafes.landing_choice import LandingChoice
    from missions.failsafes.ways import Outcome
    from missions.plan import MissionItem

PX4_ACCEPTANCE_M: Final = 10.0
"""NAV_ACC_RAD of all but multicopters, whose start script (`rc.mc_defaults`) sets less."""
RELATIVE_FRAMES: Final = (3, 6, 10, 11)
TERRAIN_FRAMES: Final = (10, 11)


class VehicleClass(enum.StrEnum):
    """What kind of aircraft the autopilot believes it is."""

    MULTIROTOR = "multirotor"
    FIXED_WING = "fixed_wing"
    VTOL = "vtol"


_VTOL_TYPES: Final = range(19, 26)


def vehicle_class(mav_type: int) -> VehicleClass:
    """Turn a MAV_TYPE number into a class; everything that is no wing and no VTOL counts as multirotor."""
    if mav_type == 1:
        return VehicleClass.FIXED_WING
    return VehicleClass.VTOL if mav_type in _VTOL_TYPES else VehicleClass.MULTIROTOR


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VehicleSettings:
    """The parameters the checks depend on; defaults are the autopilots' own.

    PX4: MIS_DIST_1WP 10000 m, MIS_TKO_LAND_REQ 0, FW_LND_ANG 5 deg. ArduPilot: 15 jumps, 255 corners a fence polygon.
    """

    vehicle: VehicleClass = VehicleClass.MULTIROTOR
    vehicle_told: bool = True
    """False where neither the file nor a person said what flies it: rules of one kind of vehicle then only warn."""
    landed: bool = True
    mis_dist_1wp_m: float = 10_000.0
    nav_acc_rad_m: float = math.nan
    """PX4's NAV_ACC_RAD; NaN where nothing tells (`acceptance_m`)."""
    mis_tko_land_req: int = 0
    fw_lnd_ang_deg: float = 5.0
    return_alt_m: float | None = None
    """Height above home of the return: RTL_RETURN_ALT (PX4) or RTL_ALT (ArduPilot); None for the default."""
    circling_m: float = 0.0
    """Radius of a fixed wing's circles where it returns: RTL_RADIUS, or WP_LOITER_RAD; RTL_LOITER_RAD and
    NAV_LOITER_RAD (PX4); 0 where it is not known."""
    failsafes: tuple[Outcome, ...] = ()
    """What each trigger leads to; empty where nothing tells."""
    landing: LandingChoice | None = None
    """Which of home and the rally points a return leads to; None where nothing tells."""
    from_vehicle: bool = False
    """Whether these are a vehicle's own parameters, or what a plan asks of it."""
    fence_max_distance_m: float = math.nan
    """From home: GF_MAX_HOR_DIST (PX4), FENCE_RADIUS (ArduPilot); NaN where the vehicle has none."""
    fence_max_height_m: float = math.nan
    """Above home: GF_MAX_VER_DIST, FENCE_ALT_MAX."""
    fence_min_height_m: float = math.nan
    """Above home: FENCE_ALT_MIN."""
    fence_union: bool = False
    """Whether any one of several inclusion areas is enough: bit 1 of ArduPilot's FENCE_OPTIONS (PX4 takes any)."""
    waypoint_radius_m: float = math.nan
    """How near a waypoint counts as reached: NAV_ACC_RAD, WPNAV_RADIUS, WP_RADIUS; NaN where it is not known."""
    required_items: int = 0
    """ArduPilot's ARMING_MIS_ITEMS: what a mission must hold before the vehicle arms."""
    terrain_enabled: bool = True
    """ArduPilot's TERRAIN_ENABLE."""
    room: Capacity | None = None
    """What the vehicle can store; None for what vehicles of its kind can (`missions.capacity`)."""
    ardupilot_max_jumps: int = 15

    @property
    def acceptance_m(self) -> float:
        """PX4's NAV_ACC_RAD: as told, else what it is on a vehicle of this kind that nobody changed."""
        if math.isfinite(self.nav_acc_rad_m):
            return self.nav_acc_rad_m
        multirotor = self.vehicle is VehicleClass.MULTIROTOR and self.vehicle_told
        return PX4_HANDLING.corner_lead_m if multirotor else PX4_ACCEPTANCE_M

    def capacity(self, dialect: str) -> Capacity:
        """Return what the vehicle can store."""
        return self.room or capacity_of(dialect, fixed_wing=self.vehicle is not VehicleClass.MULTIROTOR)


def settings_for(mav_type: int) -> VehicleSettings:
    """Return the default settings of a MAV_TYPE number; 0 when it is not known."""
    return VehicleSettings(vehicle=vehicle_class(mav_type), vehicle_told=mav_type != 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Beyond:
    """What was measured, and the limit it is beyond."""

    measured: float = math.nan
    limit: float = math.nan
    unit: str = ""


NOTHING_MEASURED: Final = Beyond()


def item_finding(
    rule: str,
    item: MissionItem,
    message: str,
    beyond: Beyond = NOTHING_MEASURED,
    *,
    severity: Severity = Severity.ERROR,
) -> Finding:
    """Build a finding about one item; people count items from 1."""
    return Finding(
        rule=rule,
        severity=severity,
        message=f"item {item.seq + 1}: {message}",
        lat_deg=item.lat_deg,
        lon_deg=item.lon_deg,
        seq=item.seq,
        measured=beyond.measured,
        limit=beyond.limit,
        unit=beyond.unit,
    )


def plan_finding(
    rule: str,
    message: str,
    *,
    severity: Severity = Severity.ERROR,
    measured: float = math.nan,
    limit: float = math.nan,
) -> Finding:
    """Build a finding about the whole mission."""
    return Finding(rule=rule, severity=severity, message=message, measured=measured, limit=limit)
