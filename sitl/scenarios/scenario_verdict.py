"""What came out of a scenario, measured on the truth, against what was expected."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

from missions.flight.deviation import LocalPlane
from missions.plan_files.dialect import Dialect
from sitl.scenarios.scenario import FILM_METRICS, Metric
from sitl.scenarios.scenario_sortie import PLANNED_V, default_parameters
from sitl.vehicle.failsafe import HOMEWARD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from detection.scoring import Score
    from missions.flight.values import FlightReport
    from missions.plan import Sortie
    from sitl.scenarios.scenario import EastNorth, Expectation, Scenario, VehicleTable

    Columns = Mapping[str, NDArray[np.generic]]

UNFILMED = "nothing was filmed"
"""How a remark ends that says why there is no film."""
ROW_S = 0.1
"""Seconds between rows of a truth file."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flown:
    """One vehicle's flight: its own report, the truth, and what was said."""

    vehicle: VehicleTable
    sortie: Sortie
    truth: Columns
    report: FlightReport | None
    texts: tuple[str, ...] = ()
    problem: str = ""
    """Why there is no report."""
    remarks: tuple[str, ...] = ()
    """What of the scenario it was flown without."""
    zone_from_utc_ns: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """When each late zone had been put into the vehicle's fence."""
    film: Score | None = None
    """How well the film of the work was read."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One expectation, measured."""

    what: str
    measured: float
    limit: str
    met: bool
    sentence: str
    unmeasured: str = ""
    """Why the simulator that flew it cannot have what is measured; "" where it has."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """A scenario's verdicts and how long it took."""

    name: str
    verdicts: tuple[Verdict, ...]
    flown: tuple[Flown, ...]
    wall_s: float

    @property
    def met(self) -> bool:
        """Whether every expectation was met that the simulator can have."""
        return all(verdict.met or verdict.unmeasured for verdict in self.verdicts)


def judge(scenario: Scenario, flown: Sequence[Flown]) -> tuple[Verdict, ...]:
    """Measure every expectation; where it names no vehicle, the worst vehicle counts."""
    return tuple(_verdict(scenario, expected, flown) for expected in scenario.expect)


def _verdict(scenario: Scenario, expected: Expectation, flown: Sequence[Flown]) -> Verdict:
    chosen = [one for one in flown if expected.vehicle in ("", one.vehicle.name)]
    values = [measure(scenario, expected, one, flown) for one in chosen]
    low, high = (1.0, math.inf) if expected.text else (expected.min, expected.max)
    good = [low <= value <= high for value in values]
    at = good.index(False) if False in good else int(np.argmin([min(v - low, high - v) for v in values]))
    worst = values[at]
    who = expected.vehicle or chosen[at].vehicle.name
    name = f"{expected.metric} {expected.text!r}" if expected.text else str(expected.metric)
    limit = _limit(expected)
    sentence = f"{name} of {who} is {worst:.4g}; expected {limit}"
    reasons = [one.problem for one in chosen if one.problem] + [text for one in chosen for text in one.remarks]
    if reasons:
        sentence += f" ({reasons[0]})"
    unfilmed = next((text for one in chosen for text in one.remarks if text.endswith(UNFILMED)), "")
    return Verdict(
        what=f"{name} ({who})", measured=worst, limit=limit, met=all(good), sentence=sentence,
        unmeasured=unfilmed if expected.metric in FILM_METRICS and all(one.film is None for one in chosen) else "",
    )  # fmt: skip


def _limit(expected: Expectation) -> str:
    if expected.text:
        return "yes"
    parts = []
    if math.isfinite(expected.min):
        parts.append(f"at least {expected.min:g}")
    if math.isfinite(expected.max):
        parts.append(f"at most {expected.max:g}")
    return " and ".join(parts)


def measure(scenario: Scenario, expected: Expectation, one: Flown, all_flown: Sequence[Flown]) -> float:
    """Return a metric of one flight; NaN (which meets no limit) where it cannot be measured."""
    metric = expected.metric
    if metric is Metric.SAID:
        return float(any(expected.text in text for text in one.texts))
    if metric is Metric.FOUND:
        found = [*one.report.findings, *one.report.preflight] if one.report else []
        return float(any(expected.text in finding.rule for finding in found))
    if metric is Metric.MIN_SEPARATION_M:
        return min((separation_m(one, other) for other in all_flown if other is not one), default=math.nan)
    if metric is Metric.HANDOVER_S:
        return _handover_s(one, all_flown)
    if metric in FILM_METRICS:
        return _of_film(metric, one.film)
    if metric in _OF_REPORT:
        return float(getattr(one.report, metric.value)) if one.report else math.nan
    return _of_truth(scenario, metric, one)


def _of_film(metric: Metric, film: Score | None) -> float:
    if film is None:
        return math.nan
    return {
        Metric.RECALL_PCT: 100.0 * film.recall,
        Metric.PRECISION_PCT: 100.0 * film.precision,
        Metric.GROUND_ERROR_M: film.median_error_m,
        Metric.INSIDE_CE90_PCT: film.inside_ce90_pct,
    }[metric]


_OF_REPORT = frozenset({Metric.READBACK_EQUAL, Metric.COMPLETED, Metric.LINK_LOSSES, Metric.FLIGHT_S})


def _of_truth(scenario: Scenario, metric: Metric, one: Flown) -> float:
    air = airborne(one)
    if not len(air["t_utc_ns"]):
        return math.nan
    plane = LocalPlane(scenario.origin.lat_deg, scenario.origin.lon_deg)
    xy = plane.xy(_column(air, "lat_deg"), _column(air, "lon_deg"))
    path = shapely.LineString(xy)
    if metric in (Metric.MIN_STANDOFF_M, Metric.CROSSED_BORDER) and scenario.border is not None:
        line = shapely.linestrings(_xy(scenario, plane, scenario.border.line_m))
        away = float(shapely.distance(path, line))
        return away if metric is Metric.MIN_STANDOFF_M else float(away == 0.0)
    if metric is Metric.COVERAGE_PCT:
        return _coverage_pct(one, plane, path)
    if metric is Metric.MAX_CROSS_TRACK_M:
        return _cross_track_m(one, plane, xy, _column(air, "mission_seq"))
    if metric is Metric.OUTSIDE_FENCE_S:
        ring = shapely.polygons(_xy(scenario, plane, one.vehicle.fence_m)) if one.vehicle.fence_m else None
        return ROW_S * float((~shapely.contains_xy(ring, xy)).sum()) if ring is not None else math.nan
    if metric is Metric.IN_ZONE_S:
        return sum(_in_zone_s(scenario, plane, one, air, xy, name) for name in (z.name for z in scenario.zone))
    return _of_state(scenario, metric, one, plane, air)


def _of_state(scenario: Scenario, metric: Metric, one: Flown, plane: LocalPlane, air: Columns) -> float:
    truth = one.truth
    down = not bool(truth["armed"][-1]) and float(truth["alt_amsl_m"][-1]) < scenario.origin.alt_amsl_m + 0.5
    last = plane.xy(float(truth["lat_deg"][-1]), float(truth["lon_deg"][-1]))[0]
    if metric is Metric.LANDED:
        return float(down)
    if metric is Metric.BATTERY_AT_LANDING_PCT:
        return float(air["battery_pct"][-1]) if down else math.nan  # a simulated pack is full again once disarmed
    if metric is Metric.RETURNED_ON_BATTERY:
        return float(_returned_on_battery(one, air))
    if metric is Metric.LANDED_OFF_HOME_M:
        return float(np.hypot(*(last - _xy(scenario, plane, [one.vehicle.home_m])[0]))) if down else math.nan
    if metric is Metric.LANDED_OFF_RALLY_M:
        rally = _xy(scenario, plane, [point[:2] for point in one.vehicle.rally_m])
        return float(np.hypot(*(rally - last).T).min()) if down and len(rally) else math.nan
    if metric is Metric.GIMBAL_OFF_DEG:
        wanted = one.vehicle.gimbal[0]
        return float(np.median(np.abs(_column(air, "gimbal_pitch_deg") - wanted)))
    if metric is Metric.MAX_POSITION_ERROR_M:
        return float(_column(air, "position_error_m").max())
    return math.nan


def _returned_on_battery(one: Flown, air: Columns) -> bool:
    """Return whether the first turn for home came below the charge at which the vehicle is set to return.

    What autopilots say of it differs; what they do does not. PX4 holds for `COM_FAIL_ACT_T` before it turns.
    """
    held, vehicle = dict(default_parameters(one.vehicle)), one.vehicle
    if vehicle.dialect is Dialect.PX4:
        stage_pct = 100.0 * held["BAT_CRIT_THR"]
    else:
        stage_pct = 100.0 * held["BATT_LOW_MAH"] * PLANNED_V / (1000.0 * vehicle.battery_wh)
    homeward = np.flatnonzero(np.isin(air["mode"], [str(mode) for mode in HOMEWARD]))
    return bool(len(homeward)) and bool(_column(air, "battery_pct")[homeward[0]] <= stage_pct)


def airborne(one: Flown) -> dict[str, NDArray[np.generic]]:
    """Return the rows flown: above the ground by half a metre."""
    above = _column(one.truth, "alt_amsl_m") > one.sortie.home_alt_amsl_m + 0.5
    return {name: column[above] for name, column in one.truth.items()}


def _column(columns: Columns, name: str) -> NDArray[np.float64]:
    return np.asarray(columns[name], dtype=np.float64)


def _xy(scenario: Scenario, plane: LocalPlane, points: Sequence[EastNorth]) -> NDArray[np.float64]:
    places = np.array([scenario.origin.lat_lon(point) for point in points]).reshape(-1, 2)
    return plane.xy(places[:, 0], places[:, 1])


def _coverage_pct(one: Flown, plane: LocalPlane, path: shapely.LineString) -> float:
    """Return the share of the work legs' length within 25 m of the true path."""
    legs = [leg for leg in one.sortie.legs if leg.kind == "work"]
    if not legs:
        return math.nan
    ends = [
        plane.xy(np.array([leg.lat_start_deg, leg.lat_end_deg]), np.array([leg.lon_start_deg, leg.lon_end_deg]))
        for leg in legs
    ]
    lines = shapely.union_all([shapely.LineString(pair) for pair in ends])
    seen = shapely.intersection(lines, shapely.buffer(path, 25.0))
    return 100.0 * float(seen.length / lines.length)


def _cross_track_m(one: Flown, plane: LocalPlane, xy: NDArray[np.float64], seq: NDArray[np.float64]) -> float:
    """Return the largest distance from the planned path while route items were being flown to."""
    legs = one.sortie.legs[:-1]
    if not legs:
        return math.nan
    points = [plane.xy(legs[0].lat_start_deg, legs[0].lon_start_deg)[0]]
    points += [plane.xy(leg.lat_end_deg, leg.lon_end_deg)[0] for leg in legs]
    path = shapely.linestrings(points)
    first = next(item.seq for item in one.sortie.items if item.command == 16)
    offset = 0 if one.vehicle.dialect == "px4" else 1
    flying = (seq >= first + offset) & (seq < first + offset + len(legs))
    auto = one.truth["mode"][np.asarray(_above(one))] == "AUTO"
    chosen = xy[flying & auto]
    return float(shapely.distance(shapely.points(chosen), path).max()) if len(chosen) else math.nan


def _above(one: Flown) -> NDArray[np.bool_]:
    return _column(one.truth, "alt_amsl_m") > one.sortie.home_alt_amsl_m + 0.5


def _in_zone_s(
    scenario: Scenario, plane: LocalPlane, one: Flown, air: Columns, xy: NDArray[np.float64], name: str
) -> float:
    """Return seconds inside a zone since the vehicle knew of it."""
    zone = next(z for z in scenario.zone if z.name == name)
    ring = shapely.polygons(_xy(scenario, plane, zone.ring_m))
    known = _column(air, "t_utc_ns") >= one.zone_from_utc_ns.get(name, 0)
    return ROW_S * float((shapely.contains_xy(ring, xy) & known).sum())


def separation_m(one: Flown, other: Flown) -> float:
    """Return the smallest distance while both were in the air, at equal times of the simulated clock."""
    a, b = airborne(one), airborne(other)
    start = max(int(a["t_utc_ns"][0]), int(b["t_utc_ns"][0]))
    stop = min(int(a["t_utc_ns"][-1]), int(b["t_utc_ns"][-1]))
    if stop <= start:
        return math.inf
    times = np.arange(start, stop, 200_000_000, dtype=np.float64)
    plane = LocalPlane(float(a["lat_deg"][0]), float(a["lon_deg"][0]))

    def at(columns: Columns) -> NDArray[np.float64]:
        clock = _column(columns, "t_utc_ns")
        flat = plane.xy(
            np.interp(times, clock, _column(columns, "lat_deg")), np.interp(times, clock, _column(columns, "lon_deg"))
        )
        return np.column_stack([flat, np.interp(times, clock, _column(columns, "alt_amsl_m"))])

    return float(np.linalg.norm(at(a) - at(b), axis=1).min())


def _handover_s(one: Flown, all_flown: Sequence[Flown]) -> float:
    """Return how long nobody was on the line: from the predecessor's last work to this one's first, seconds."""
    before = next((other for other in all_flown if other.vehicle.name == one.vehicle.after), None)
    if before is None:
        return 0.0  # the first of a relay takes over from nobody
    ended, began = work_times(before), work_times(one)
    if not len(ended) or not len(began):
        return math.nan
    return float(began[0] - ended[-1]) / 1e9


def work_times(one: Flown) -> NDArray[np.int64]:
    """Return the times at which route items after the first were flown to."""
    first = next(item.seq for item in one.sortie.items if item.command == 16)
    offset = 0 if one.vehicle.dialect == "px4" else 1
    seq, last = _column(one.truth, "mission_seq"), first + offset + len(one.vehicle.route_m) - 1
    working = (seq > first + offset) & (seq <= last) & _above(one) & (one.truth["mode"] == "AUTO")
    times: NDArray[np.int64] = np.asarray(one.truth["t_utc_ns"], dtype=np.int64)[working]
    return times
