"""May this vehicle fly this sortie now? Facts in, findings out.

Every rule compares what the vehicle says of itself with the plan; nothing
here sends or waits. What could not be learnt is a finding too.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.geodesy import inverse
from missions.failsafes.reading import RENAMED, names_of, value_of
from missions.flight.preflight_ways import FENCE_SWITCH, way_findings
from missions.plan import Finding, Severity
from missions.plan_files.dialect import Dialect, has_position

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from missions.plan import Sortie

_EKF_NEEDED: Final = 1 | 2 | 16
"""ESTIMATOR_ATTITUDE, _VELOCITY_HORIZ, _POS_HORIZ_ABS (MAVLink common.xml)."""
_EKF_CONST_POS: Final = 128
_FENCE_ALT, _FENCE_CIRCLE, _FENCE_POLYGON = 1, 2, 4
_FIX_3D: Final = 3
_RETURN: Final = 20
_LANDINGS: Final = frozenset({21, 85, 189})
"""Land, VTOL land, and the start of a landing sequence (which ArduPlane's RTL_AUTOLAND goes to)."""
_FIXED_WING: Final = frozenset({1})
_ARDUPILOT: Final = (
    "BATT_LOW_VOLT", "BATT_CRT_VOLT", "BATT_LOW_MAH", "BATT_CRT_MAH", "FENCE_ENABLE", "FENCE_TYPE", "FENCE_ALT_MAX",
    "FENCE_RADIUS", "RALLY_LIMIT_KM", "RALLY_INCL_HOME",
)  # fmt: skip
_PX4: Final = (
    "BAT_LOW_THR", "BAT_CRIT_THR", "BAT_EMERGEN_THR", "GF_MAX_HOR_DIST", "GF_MAX_VER_DIST", "RTL_RETURN_ALT",
)  # fmt: skip
"""What is asked of each autopilot besides what decides its ways home."""
_RENAMED_SINCE: Final = (4, 7)


def parameter_names(dialect: Dialect, *, fixed_wing: bool, version: tuple[int, int] | None = None) -> tuple[str, ...]:
    """Return the parameters that decide what the vehicle does when something fails."""
    deciding = names_of(dialect, fixed_wing=fixed_wing)
    if dialect is Dialect.PX4:
        return (*deciding, *_PX4)
    newer = tuple(new for new, _ in RENAMED.values()) if version is not None and version >= _RENAMED_SINCE else ()
    return (*deciding, *_ARDUPILOT, *(("RTL_ALTITUDE",) if fixed_wing else ("RTL_ALT", *newer)))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PreflightLimits:
    """How much may be off; sources beside each number."""

    home_m: float = 30.0
    """A launch site is a place a crew stands at, and the plan's standoff was computed from it."""
    home_height_m: float = 25.0
    """Twice the vertical 95 % of a GNSS fix without correction, plus the geoid model."""
    reserve_pct: float = 15.0
    """Battery left at landing; under it most airframes' first failsafe stage has begun."""
    satellites: int = 6
    hdop: float = 2.0
    """ArduPilot's own arming checks: six satellites (AP_GPS) and GPS_HDOP_GOOD 1.4, with some slack."""
    clock_s: float = 2.0
    """At 15 m/s a second of clock is fifteen metres of ground."""
    oldest_firmware: Mapping[str, tuple[int, int]] = dataclasses.field(
        default_factory=lambda: {"ardupilot": (4, 0), "px4": (1, 11)}
    )
    """ArduPilot 4.0 and PX4 1.11 are the first with fence and rally over the mission protocol on all boards."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PreflightFacts:
    """What a vehicle has said of itself; None or NaN where it has not."""

    dialect: Dialect
    autopilot: int
    mav_type: int
    version: int | None = None
    lat_deg: float = math.nan
    lon_deg: float = math.nan
    home: tuple[float, float, float] | None = None
    battery_pct: float = math.nan
    gps_fix: int = -1
    satellites: int = -1
    hdop: float = math.nan
    ekf_flags: int = -1
    armed: bool = False
    clock_offset_s: float = math.nan
    fence_uploaded: bool = False
    parameters: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def fixed_wing(self) -> bool:
        """Whether it is a fixed wing."""
        return self.mav_type in _FIXED_WING

    @property
    def firmware(self) -> tuple[int, int] | None:
        """Major and minor version of its firmware, None where it does not say."""
        return firmware_of(self.version)


def firmware_of(version: int | None) -> tuple[int, int] | None:
    """Return (major, minor) of AUTOPILOT_VERSION's `flight_sw_version`, None where it is not told."""
    return (version >> 24 & 0xFF, version >> 16 & 0xFF) if version else None


def preflight(facts: PreflightFacts, sortie: Sortie, limits: PreflightLimits | None = None) -> tuple[Finding, ...]:
    """Return every reason not to fly (errors) or to look twice (warnings).

    Parameters
    ----------
    facts
        What the vehicle says.
    sortie
        What it shall fly.
    limits
        How much may be off.
    """
    used = limits or PreflightLimits()
    found: list[Finding] = []
    for rule in (_identity, _home, _battery, _position, _clock, _fence, _landing, _failsafes):
        found += [dataclasses.replace(f, sortie=sortie.name) for f in rule(facts, sortie, used)]
    return tuple(found)


def _error(rule: str, message: str, **numbers: Any) -> Finding:
    return Finding(rule=f"preflight.{rule}", severity=Severity.ERROR, message=message, **numbers)


def _warning(rule: str, message: str, **numbers: Any) -> Finding:
    return Finding(rule=f"preflight.{rule}", severity=Severity.WARNING, message=message, **numbers)


def _identity(facts: PreflightFacts, _: Sortie, limits: PreflightLimits) -> Iterator[Finding]:
    if facts.autopilot not in (3, 12):
        yield _error("firmware", f"autopilot {facts.autopilot} is neither ArduPilot (3) nor PX4 (12)")
    if facts.armed:
        yield _error("armed", "the vehicle is armed already; disarm it first")
    version = facts.firmware
    if version is None:
        yield _warning("firmware", "the vehicle does not say its firmware version")
        return
    oldest = limits.oldest_firmware[str(facts.dialect)]
    if version < oldest:
        text = f"firmware {version[0]}.{version[1]} is older than {oldest[0]}.{oldest[1]}, the oldest this is made for"
        yield _error("firmware", text)


def _home(facts: PreflightFacts, sortie: Sortie, limits: PreflightLimits) -> Iterator[Finding]:
    lat_deg, lon_deg = facts.home[:2] if facts.home else (facts.lat_deg, facts.lon_deg)
    if math.isnan(lat_deg) or (lat_deg == 0.0 and lon_deg == 0.0):
        yield _error("home", "the vehicle does not know where it is")
        return
    away_m = float(inverse(sortie.home_lat_deg, sortie.home_lon_deg, lat_deg, lon_deg)[0])
    if away_m > limits.home_m:
        text = f"home is {away_m:.0f} m from the plan's launch site {sortie.site!r} (at most {limits.home_m:.0f} m)"
        yield _error("home", text, measured=away_m, limit=limits.home_m, unit="m", lat_deg=lat_deg, lon_deg=lon_deg)
    if facts.home is None:
        return
    off_m = abs(facts.home[2] - sortie.home_alt_amsl_m)
    if off_m > limits.home_height_m:
        text = f"home is {facts.home[2]:.0f} m above mean sea level, the plan says {sortie.home_alt_amsl_m:.0f} m"
        yield _error("home_height", text, measured=off_m, limit=limits.home_height_m, unit="m")


def _battery(facts: PreflightFacts, sortie: Sortie, limits: PreflightLimits) -> Iterator[Finding]:
    if math.isnan(facts.battery_pct):
        yield _error("battery", "the vehicle does not report its battery; set up its battery monitor")
        return
    needed = 100.0 - sortie.legs[-1].battery_end_pct if sortie.legs else 0.0
    left = facts.battery_pct - needed
    if left < limits.reserve_pct:
        text = (
            f"the battery is at {facts.battery_pct:.0f} %, the sortie takes {needed:.0f} %: {left:.0f} % would be left "
            f"at landing, {limits.reserve_pct:.0f} % must be"
        )
        yield _error("battery", text, measured=left, limit=limits.reserve_pct, unit="%")


def _position(facts: PreflightFacts, _: Sortie, limits: PreflightLimits) -> Iterator[Finding]:
    if facts.gps_fix < _FIX_3D:
        yield _error("gps", f"no 3D GPS fix (fix type {facts.gps_fix}); wait under open sky")
    elif facts.satellites not in (-1, 255) and facts.satellites < limits.satellites:
        text = f"{facts.satellites} satellites, {limits.satellites} are needed"
        yield _error("gps", text, measured=facts.satellites, limit=limits.satellites)
    if facts.hdop > limits.hdop:
        text = f"HDOP {facts.hdop:.1f}, at most {limits.hdop:.1f}"
        yield _error("gps_hdop", text, measured=facts.hdop, limit=limits.hdop)
    if facts.ekf_flags < 0:
        yield _warning("ekf", "the vehicle does not report the state of its position estimate")
    elif not ekf_ready(facts.ekf_flags, facts.dialect):
        yield _error("ekf", f"the position estimate is not ready (flags {facts.ekf_flags:#x}); wait")


def ekf_ready(flags: int, dialect: Dialect) -> bool:
    """Whether the estimator of a vehicle at rest knows attitude, horizontal speed and absolute position.

    ArduPilot's (EKF_STATUS_REPORT) says constant position while nothing aids it; PX4's (ESTIMATOR_STATUS) from 1.16
    on says it of every vehicle at rest.
    """
    unaided = dialect is Dialect.ARDUPILOT and bool(flags & _EKF_CONST_POS)
    return flags & _EKF_NEEDED == _EKF_NEEDED and not unaided


def _clock(facts: PreflightFacts, _: Sortie, limits: PreflightLimits) -> Iterator[Finding]:
    if math.isnan(facts.clock_offset_s):
        yield _warning("clock", "the vehicle does not say its time; its log can be matched by position only")
    elif abs(facts.clock_offset_s) > limits.clock_s:
        way = "behind" if facts.clock_offset_s < 0 else "ahead of"
        text = f"the vehicle's clock is {_span(abs(facts.clock_offset_s))} {way} this computer's"
        yield _warning("clock", text, measured=abs(facts.clock_offset_s), limit=limits.clock_s, unit="s")


def _span(seconds: float) -> str:
    """Return a length of time in the unit a person would choose."""
    for unit, length_s in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2.0 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.1f} s"


def _fence(facts: PreflightFacts, sortie: Sortie, _: PreflightLimits) -> Iterator[Finding]:
    if not sortie.fence:
        yield _warning("fence", "the sortie has no fence")
    elif not facts.fence_uploaded:
        yield _error("fence", "the sortie's fence is not on the vehicle")
    values = facts.parameters
    if facts.dialect is Dialect.PX4:
        return
    if sortie.fence and not int(values.get("FENCE_TYPE", _FENCE_POLYGON)) & _FENCE_POLYGON:
        yield _error("fence_type", f"FENCE_TYPE is {values['FENCE_TYPE']:.0f}: polygon fences are ignored; add 4")
    switches = any(item.command == FENCE_SWITCH and item.p1 == 1 for item in sortie.items)
    if sortie.fence and values.get("FENCE_ENABLE") == 0 and not switches:
        yield _warning("fence_enable", "FENCE_ENABLE is 0 and the mission does not switch the fence on")


def _landing(facts: PreflightFacts, sortie: Sortie, _: PreflightLimits) -> Iterator[Finding]:
    commands = {item.command for item in sortie.items}
    if facts.fixed_wing and _RETURN in commands and not commands & _LANDINGS:
        text = "the mission ends with a return and no landing: a plane circles over home until somebody lands it"
        yield _warning("landing", text)


def _failsafes(facts: PreflightFacts, sortie: Sortie, _: PreflightLimits) -> Iterator[Finding]:
    yield from way_findings(
        facts.parameters, sortie, facts.dialect, fixed_wing=facts.fixed_wing, version=facts.firmware
    )  # fmt: skip
    rules = _px4_failsafes if facts.dialect is Dialect.PX4 else _ardupilot_failsafes
    for severity, rule, message in rules(facts.parameters, _highest_m(sortie), _farthest_m(sortie)):
        yield Finding(rule=f"preflight.{rule}", severity=severity, message=message)


def _ardupilot_failsafes(
    values: Mapping[str, float], highest_m: float, farthest_m: float
) -> Iterator[tuple[Severity, str, str]]:
    if values.get("BATT_FS_LOW_ACT") == 0 and values.get("BATT_FS_CRT_ACT") == 0:
        yield Severity.ERROR, "failsafe_battery", "BATT_FS_LOW_ACT and BATT_FS_CRT_ACT are 0: no battery failsafe"
    for unit in ("VOLT", "MAH"):
        low, critical = values.get(f"BATT_LOW_{unit}", 0.0), values.get(f"BATT_CRT_{unit}", 0.0)
        if 0.0 < low <= critical:
            text = f"BATT_CRT_{unit} {critical:g} is not below BATT_LOW_{unit} {low:g}: the last stage would come first"
            yield Severity.ERROR, "failsafe_contradiction", text
    kinds, ceiling_m = int(values.get("FENCE_TYPE", 0)), values.get("FENCE_ALT_MAX", math.inf)
    if kinds & _FENCE_ALT and values.get("FENCE_ENABLE") and highest_m > ceiling_m:
        text = f"FENCE_ALT_MAX {ceiling_m:g} m is below the mission's {highest_m:.0f} m above home"
        yield Severity.ERROR, "failsafe_contradiction", text
    if kinds & _FENCE_CIRCLE and values.get("FENCE_ENABLE") and farthest_m > values.get("FENCE_RADIUS", math.inf):
        text = f"FENCE_RADIUS {values['FENCE_RADIUS']:g} m does not reach the farthest item, {farthest_m:.0f} m away"
        yield Severity.ERROR, "failsafe_contradiction", text
    return_m = values.get("RTL_ALTITUDE", (value_of(values, "RTL_ALT") or 0.0) / 100.0)
    if kinds & _FENCE_ALT and return_m > ceiling_m:
        text = f"the return height of {return_m:g} m is above FENCE_ALT_MAX {ceiling_m:g} m: it would breach the fence"
        yield Severity.ERROR, "failsafe_contradiction", text


def _px4_failsafes(
    values: Mapping[str, float], highest_m: float, farthest_m: float
) -> Iterator[tuple[Severity, str, str]]:
    if values.get("COM_LOW_BAT_ACT") == 0:
        yield Severity.ERROR, "failsafe_battery", "COM_LOW_BAT_ACT is 0: the vehicle only warns of a low battery"
    stages = [(n, values[n]) for n in ("BAT_LOW_THR", "BAT_CRIT_THR", "BAT_EMERGEN_THR") if n in values]
    for (upper, high), (lower, low) in zip(stages, stages[1:], strict=False):
        if low >= high:
            text = f"{lower} {low:g} is not below {upper} {high:g}: the last stage would come first"
            yield Severity.ERROR, "failsafe_contradiction", text
    if 0 < values.get("GF_MAX_HOR_DIST", 0.0) < farthest_m:
        text = (
            f"GF_MAX_HOR_DIST {values['GF_MAX_HOR_DIST']:g} m does not reach the farthest item, {farthest_m:.0f} m away"
        )
        yield Severity.ERROR, "failsafe_contradiction", text
    ceiling_m = values.get("GF_MAX_VER_DIST", 0.0)
    if 0 < ceiling_m < max(highest_m, values.get("RTL_RETURN_ALT", 0.0)):
        text = f"GF_MAX_VER_DIST {ceiling_m:g} m is below the mission's {highest_m:.0f} m or the return height"
        yield Severity.ERROR, "failsafe_contradiction", text


def _highest_m(sortie: Sortie) -> float:
    """Metres above home of the highest item."""
    heights = [
        item.alt_m if item.frame in (3, 6) else item.alt_m - sortie.home_alt_amsl_m
        for item in sortie.items
        if has_position(item) and item.frame in (0, 3, 5, 6)
    ]
    return max(heights, default=0.0)


def _farthest_m(sortie: Sortie) -> float:
    """Metres from home to the farthest item."""
    places = [(item.lat_deg, item.lon_deg) for item in sortie.items if has_position(item)]
    away_m, _ = inverse(sortie.home_lat_deg, sortie.home_lon_deg, *np.array(places).reshape(-1, 2).T)
    return float(away_m.max(initial=0.0))
