"""Whether the vehicle would go home only by ways that were judged, whatever fails and wherever it does.

What a trigger leads to is read from the vehicle's parameters and compared with what the plan asks of it. These rules
have no override: past an unjudged way home the plan's promise about the border is worth nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import inverse
from missions.failsafes.landing_choice import landing_choice
from missions.failsafes.reading import NEWEST, others, outcomes, value_of
from missions.failsafes.return_path import return_path_of
from missions.failsafes.ways import RETRACING, RETURNING, Outcome, Trigger, Way
from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from missions.failsafes.landing_choice import LandingChoice
    from missions.plan import Sortie, VehicleParameter

WAY_HOME: Final = "way_home"
ALWAYS_JUDGED: Final = frozenset({WAY_HOME, "home"})
"""Preflight rules that nobody may let pass: a way home that was not judged, or one that ends elsewhere."""
_SETTABLE: Final = ("preflight.way_home", "preflight.failsafe_")
"""Rules that the parameters decide which a plan asks for."""
FENCE_SWITCH: Final = 207
"""MAV_CMD_DO_FENCE_ENABLE."""
EVERY_M: Final = 25.0
"""Spacing of the places at which it is decided where a return leads to."""
_TERRAIN_FRAMES: Final = frozenset({10, 11})
"""MAV_FRAME_GLOBAL_TERRAIN_ALT, and its INT twin."""
_STAGES: Final = frozenset({Trigger.CRITICAL_BATTERY, Trigger.EMERGENCY_BATTERY})
"""Where landing is as good an answer as returning: little may be left to return with."""


def refusal(stopping: Sequence[Finding]) -> str:
    """Return the sentence that refuses a flight: the first finding, how many more there are, and what to do."""
    more = f" (and {len(stopping) - 1} more)" if len(stopping) > 1 else ""
    decided = any(one.rule.startswith(_SETTABLE) for one in stopping)
    todo = "; 'vedette fly --set-parameters' puts what the plan asks" if decided else ""
    return f"preflight: {stopping[0].message}{more}{todo}"


def way_findings(
    values: Mapping[str, float], sortie: Sortie, dialect: str, *, fixed_wing: bool, version: tuple[int, int] | None
) -> Iterator[Finding]:
    """Compare what each trigger leads to on the vehicle with what the plan asks of it.

    Parameters
    ----------
    values
        What the vehicle has said of its parameters, by name.
    version
        (major, minor) of its firmware, None where it does not say.
    """
    asked = {v.name: v.value for v in sortie.vehicle_parameters}
    wanted = {
        each.trigger: frozenset(each.ways)
        for each in outcomes(_enabled(asked), dialect, fixed_wing=fixed_wing, version=NEWEST)
    }
    judged = frozenset().union(*wanted.values()) & RETURNING
    found = outcomes(_with_mission(values, sortie), dialect, fixed_wing=fixed_wing, version=version)
    for each in found:
        if ("FENCE_ENABLE", 0.0) in each.parameters:
            continue  # no fence, no breach; that it is off is said by another rule
        yield from _trigger(each, wanted.get(each.trigger, frozenset()), judged)
    flown = {way for each in found for way in each.ways}
    if Way.RETURN_PATH in flown & judged and return_path_of(sortie.items) is None:
        yield _error(WAY_HOME, f"the plan counts on it that the vehicle {Way.RETURN_PATH}, and holds none; plan again")
    yield from _asked(values, sortie, retraces=bool(flown & RETRACING))
    if Way.STRAIGHT in flown & judged:
        yield from _places(sortie, landing_choice(asked, dialect), landing_choice(values, dialect), dialect)
    for each in others(values, dialect, fixed_wing=fixed_wing, version=version):
        yield from _other(each, sortie, judged)


def _enabled(asked: Mapping[str, float]) -> dict[str, float]:
    """Return what a plan asks, with its fence on: whether it is on is asked elsewhere."""
    return {"FENCE_ENABLE": 1.0, **asked}


def _with_mission(values: Mapping[str, float], sortie: Sortie) -> Mapping[str, float]:
    """Return the vehicle's parameters with the fence on where the mission switches it on."""
    switches = any(item.command == FENCE_SWITCH and item.p1 == 1 for item in sortie.items)
    return {**values, "FENCE_ENABLE": 1.0} if switches and "FENCE_ENABLE" in values else values


def _error(rule: str, message: str, relaxation: str = "") -> Finding:
    return Finding(rule=f"preflight.{rule}", severity=Severity.ERROR, message=message, relaxation=relaxation)


def _trigger(found: Outcome, wanted: frozenset[Way], judged: frozenset[Way]) -> Iterator[Finding]:
    what = str(found.trigger)
    if found.unknown:
        yield _error(WAY_HOME, f"{what}: {found.unknown}, so it is not known what the vehicle does then")
        return
    outside = found.outside(judged)
    if outside:
        text = f"{what}: the vehicle {_or(outside)} ({found.decided_by}), which was not judged"
        yield _error(WAY_HOME, text if judged else f"{text}: the plan asks for no way home; plan again")
        return
    asked = wanted & RETURNING
    if not asked or judged.intersection(found.ways) or (found.trigger in _STAGES and Way.LAND in found.ways):
        return
    text = f"{what}: the vehicle {_or(found.ways)} ({found.decided_by}); the plan asks that it {_or(tuple(asked))}"
    yield _error("failsafe_action", text)


def _other(found: Outcome, sortie: Sortie, judged: frozenset[Way]) -> Iterator[Finding]:
    """Judge what has no way home; a fixed wing cannot be told to do else than fly on blind, so that is a warning."""
    what = str(found.trigger)
    if found.trigger is Trigger.POSITION:
        if found.unknown:
            yield _error("position_loss", f"{what}: {found.unknown}, so it is not known what the vehicle does then")
        elif Way.BLIND in found.ways:
            text = f"{what}: the vehicle {Way.BLIND} ({found.decided_by or 'no parameter changes that'})"
            severity = Severity.ERROR if found.parameters else Severity.WARNING
            yield Finding(
                rule="preflight.position_loss", severity=severity,
                message=f"{text}; how far from its path nobody can say",
            )  # fmt: skip
    elif found.trigger is Trigger.TERRAIN and any(item.frame in _TERRAIN_FRAMES for item in sortie.items):
        outside = found.outside(judged)
        if outside:
            yield _error(WAY_HOME, f"{what}: the vehicle {_or(outside)}, which was not judged; plan without them")


def _or(ways: tuple[Way, ...]) -> str:
    return " or ".join(str(way) for way in ways)


def _asked(values: Mapping[str, float], sortie: Sortie, *, retraces: bool) -> Iterator[Finding]:
    """Compare the parameters that shape a return, and those the flight's time counts on."""
    for wanted in sortie.vehicle_parameters:
        if wanted.action or wanted.place:
            continue
        has = value_of(values, wanted.name)
        if has is not None and _does(has, wanted):
            continue
        bound = "at least " if wanted.at_least else "at most " if wanted.wide else ""
        asked = f"{bound}{wanted.value:g}"
        said = f"the vehicle does not answer for {wanted.name}" if has is None else f"{wanted.name} is {has:g}"
        minor = wanted.height or wanted.pace
        rule = WAY_HOME if wanted.wide or (retraces and wanted.at_least and not minor) else "return"
        yield Finding(
            rule=f"preflight.{rule}", severity=Severity.WARNING if minor else Severity.ERROR,
            measured=math.nan if has is None else has, limit=wanted.value,
            message=f"{said}; {'the flight is planned' if wanted.pace else 'break-offs were judged'} with {asked} "
            f"({wanted.why})",
            relaxation=f"{wanted.name} = {wanted.value:g}",
        )  # fmt: skip


def _does(has: float, wanted: VehicleParameter) -> bool:
    if wanted.wide:  # a radius of 0 is another parameter's (RTL_RADIUS: WP_LOITER_RAD's)
        return 0.0 < abs(has) <= wanted.value
    return has >= wanted.value if wanted.at_least else math.isclose(has, wanted.value, rel_tol=1e-4, abs_tol=1e-6)


def _places(
    sortie: Sortie, judged: LandingChoice | None, held: LandingChoice | None, dialect: str
) -> Iterator[Finding]:
    """Find where the vehicle would return to another place than was judged."""
    if not sortie.rally or not sortie.legs:
        return
    names = "RTL_TYPE" if dialect == "px4" else "RALLY_LIMIT_KM and RALLY_INCL_HOME"
    if held is None or judged is None:
        who = "the vehicle does not answer for" if held is None else "the plan does not ask for"
        yield _error(WAY_HOME, f"{who} {names}, which decide whether a rally point or home is flown to")
        return
    lat, lon, leg = _along(sortie)
    away = _away_m(sortie, lat, lon)
    other = np.flatnonzero(judged.of(away) != held.of(away))
    if len(other) == 0:
        return
    k = int(other[0])
    place = int(held.of(away)[k])
    goes = "home" if place == 0 else f"rally point {place}"
    nearest = float(away[k, 1:].min())
    yield Finding(
        rule=f"preflight.{WAY_HOME}", severity=Severity.ERROR, lat_deg=float(lat[k]), lon_deg=float(lon[k]),
        seq=int(leg[k]), measured=nearest, limit=held.limit_m if math.isfinite(held.limit_m) else math.nan, unit="m",
        message=f"broken off near {lat[k]:.5f}, {lon[k]:.5f} the vehicle returns to {goes}, which was not judged from "
        f"there: the nearest rally point is {nearest:.0f} m away and its {names} decide otherwise than the plan's "
        f"(so on {100.0 * len(other) / len(lat):.0f} % of the path)",
        relaxation="RTL_TYPE = 0" if dialect == "px4" else "RALLY_LIMIT_KM = 0, RALLY_INCL_HOME = 1",
    )  # fmt: skip


def _along(sortie: Sortie) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return places all along the flight, degrees, and the leg each lies on."""
    start = np.array([(g.lat_start_deg, g.lon_start_deg) for g in sortie.legs])
    end = np.array([(g.lat_end_deg, g.lon_end_deg) for g in sortie.legs])
    length_m, _ = inverse(*start.T, *end.T)
    count = np.maximum(np.ceil(length_m / EVERY_M).astype(np.int64), 1) + 1
    leg = np.repeat(np.arange(len(count)), count)
    share = (np.arange(len(leg)) - np.repeat(np.cumsum(count) - count, count)) / (count - 1)[leg]
    lon_step = (end[:, 1] - start[:, 1] + 180.0) % 360.0 - 180.0
    return start[leg, 0] + share * (end - start)[leg, 0], start[leg, 1] + share * lon_step[leg], leg


def _away_m(sortie: Sortie, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return metres from each place to home and each rally point, (n, 1 + k)."""
    places = [(sortie.home_lat_deg, sortie.home_lon_deg), *((r.lat_deg, r.lon_deg) for r in sortie.rally)]
    return inverse(lat[:, None], lon[:, None], *np.array(places).T)[0]
