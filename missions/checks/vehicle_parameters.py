"""From a vehicle's parameters to the settings its autopilot judges a mission by."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from missions.checks.autopilot_rules_values import VehicleClass, VehicleSettings, vehicle_class
from missions.failsafes.landing_choice import landing_choice
from missions.failsafes.reading import outcomes
from missions.plan_files.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from missions.checks.parameter_file import Parameters

FENCE_ALT_MAX: Final = 1
FENCE_CIRCLE: Final = 2
FENCE_ALT_MIN: Final = 8
"""Bits of ArduPilot's FENCE_TYPE (`AC_FENCE_TYPE_*`)."""
FENCE_UNION: Final = 2
"""Bit 1 of ArduPilot's FENCE_OPTIONS (`AC_Fence::OPTIONS::INCLUSION_UNION`)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """One setting and the parameters it may come from: (name, what one unit of it is in the setting's)."""

    field: str
    names: tuple[tuple[str, float], ...]
    low: float
    high: float


_METRE, _CENTIMETRE = 1.0, 0.01
_PX4: Final = (
    _Use(field="mis_dist_1wp_m", names=(("MIS_DIST_1WP", _METRE),), low=-1.0, high=100_000.0),
    _Use(field="mis_tko_land_req", names=(("MIS_TKO_LAND_REQ", 1.0),), low=0, high=6),
    _Use(field="nav_acc_rad_m", names=(("NAV_ACC_RAD", _METRE),), low=0.05, high=1000.0),
    _Use(field="fw_lnd_ang_deg", names=(("FW_LND_ANG", 1.0),), low=0.0, high=90.0),
    _Use(field="return_alt_m", names=(("RTL_RETURN_ALT", _METRE),), low=0.0, high=5000.0),
    _Use(field="fence_max_distance_m", names=(("GF_MAX_HOR_DIST", _METRE),), low=0.0, high=1e6),
    _Use(field="fence_max_height_m", names=(("GF_MAX_VER_DIST", _METRE),), low=0.0, high=1e5),
)
_COPTER: Final = (
    _Use(field="return_alt_m", names=(("RTL_ALT_M", _METRE), ("RTL_ALT", _CENTIMETRE)), low=0.0, high=5000.0),
    _Use(
        field="waypoint_radius_m",
        names=(("WP_RADIUS_M", _METRE), ("WPNAV_RADIUS", _CENTIMETRE)),
        low=0.05,
        high=1000.0,
    ),
)
_PLANE: Final = (
    _Use(field="return_alt_m", names=(("RTL_ALTITUDE", _METRE), ("ALT_HOLD_RTL", _CENTIMETRE)), low=-1.0, high=5000.0),
    _Use(field="waypoint_radius_m", names=(("WP_RADIUS", _METRE),), low=1.0, high=32_767.0),
)
_PX4_OPTIONAL: Final = ("GF_MAX_HOR_DIST", "GF_MAX_VER_DIST")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FromParameters:
    """The settings, and which parameters the rules wanted and the file lacks."""

    settings: VehicleSettings
    missing: tuple[str, ...]


def kind_of(parameters: Parameters) -> VehicleClass | None:
    """Return what kind of vehicle has these parameters, None when they do not tell."""
    values = parameters.values
    if "MAV_TYPE" in values and values["MAV_TYPE"] > 0:
        return vehicle_class(int(values["MAV_TYPE"]))
    if values.get("Q_ENABLE", 0) > 0:
        return VehicleClass.VTOL
    if any(name in values for name in ("TECS_CLMB_MAX", "ARSPD_FBW_MIN", "AIRSPEED_MIN", "RTL_ALTITUDE")):
        return VehicleClass.FIXED_WING
    return VehicleClass.MULTIROTOR if any(n in values for n in ("FRAME_CLASS", "WPNAV_SPEED", "RTL_ALT")) else None


def with_parameters(settings: VehicleSettings, parameters: Parameters, dialect: Dialect) -> FromParameters:
    """Put the vehicle's own limits in place of the defaults.

    Raises
    ------
    InputError
        Naming the file and a parameter whose value its autopilot would not take.
    """
    uses = _uses(settings.vehicle, dialect)
    failsafes = outcomes(
        parameters.values, dialect, fixed_wing=settings.vehicle is not VehicleClass.MULTIROTOR,
        version=parameters.version,
    )  # fmt: skip
    changes: dict[str, object] = {
        "failsafes": failsafes, "landing": landing_choice(parameters.values, dialect), "from_vehicle": True,
    }  # fmt: skip
    missing: list[str] = []
    for use in uses:
        name, unit = next(((n, u) for n, u in use.names if n in parameters.values), ("", 0.0))
        if not name:
            missing.append(use.names[0][0])
            continue
        changes[use.field] = _checked(parameters, name, parameters.values[name] * unit, use)
    if dialect is Dialect.PX4:
        changes |= {f: math.nan for f in ("fence_max_distance_m", "fence_max_height_m") if changes.get(f) == 0.0}
        changes["waypoint_radius_m"] = changes.get("nav_acc_rad_m", settings.acceptance_m)
        changes["mis_tko_land_req"] = int(parameters.values.get("MIS_TKO_LAND_REQ", settings.mis_tko_land_req))
    else:
        changes |= _ardupilot_fence(parameters.values)
        changes["fence_union"] = bool(int(parameters.values.get("FENCE_OPTIONS", 0.0)) & FENCE_UNION)
        changes["required_items"] = int(parameters.values.get("ARMING_MIS_ITEMS", 0.0))
        changes["terrain_enabled"] = bool(parameters.values.get("TERRAIN_ENABLE", 1.0))
    changes["circling_m"] = _circling_m(parameters.values, dialect)
    known = dataclasses.replace(settings, **changes)  # type: ignore[arg-type]
    return FromParameters(settings=known, missing=tuple(n for n in missing if n not in _PX4_OPTIONAL))


def _circling_m(values: Mapping[str, float], dialect: Dialect) -> float:
    """Return the radius of the circles where a fixed wing returns; a negative one is flown to the left."""
    if dialect is Dialect.PX4:
        return max(abs(values.get(name, 0.0)) for name in ("RTL_LOITER_RAD", "NAV_LOITER_RAD"))
    return abs(values.get("RTL_RADIUS", 0.0) or values.get("WP_LOITER_RAD", 0.0))


def _uses(vehicle: VehicleClass, dialect: Dialect) -> tuple[_Use, ...]:
    if dialect is Dialect.PX4:
        return _PX4 if vehicle is not VehicleClass.MULTIROTOR else tuple(u for u in _PX4 if u.field != "fw_lnd_ang_deg")
    return _COPTER if vehicle is VehicleClass.MULTIROTOR else _PLANE


def _checked(parameters: Parameters, name: str, value: float, use: _Use) -> float:
    if not use.low <= value <= use.high:
        raise InputError(
            f"{parameters.where}: {name} = {parameters.values[name]:g} is out of its range; the vehicle cannot have it",
            actual=parameters.values[name],
        )
    return value


def _ardupilot_fence(values: Mapping[str, float]) -> dict[str, float]:
    """Return the fence of FENCE_*: only what FENCE_ENABLE (or automatic enabling) and FENCE_TYPE switch on."""
    if not (values.get("FENCE_ENABLE", 0.0) or values.get("FENCE_AUTOENABLE", 0.0)):
        return {}
    kinds = int(values.get("FENCE_TYPE", 0.0))
    limits = {
        "fence_max_height_m": ("FENCE_ALT_MAX", FENCE_ALT_MAX),
        "fence_max_distance_m": ("FENCE_RADIUS", FENCE_CIRCLE),
        "fence_min_height_m": ("FENCE_ALT_MIN", FENCE_ALT_MIN),
    }
    return {field: values[name] for field, (name, bit) in limits.items() if kinds & bit and name in values}
