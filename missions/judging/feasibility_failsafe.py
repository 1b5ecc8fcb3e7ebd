"""What happens when the flight is broken off: the way to the landing place, from everywhere, as the autopilot flies it.

A return-to-launch is flown straight to the nearest of home and the rally points (ArduPilot
``RALLY_INCL_HOME`` and PX4 ``RTL_TYPE`` 3 choose so), not higher than the aircraft already is.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.terrain_profile import sample_path
from missions.performance.energy import level_power_w
from missions.performance.wind import leg_speeds
from missions.plan import Finding, Leg, LegKind, Severity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.routing import Router
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.brief import Brief
    from missions.plan import Sortie

    FloatArray = NDArray[np.float64]

EVERY_M: Final = 100.0
"""Spacing of the points a break-off is judged from."""
RETURNS: Final = 60
"""Straight returns of a sortie whose ground clearance is looked at."""
RETURN_STEPS: Final = 64
"""Ground heights looked up along each."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Path:
    """A sortie's path at judged points: places, heights, legs, clock and battery there."""

    xy_m: FloatArray
    alt_amsl_m: FloatArray
    leg: NDArray[np.int64]
    battery_pct: FloatArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ways:
    """The straight way home from each judged point."""

    place: NDArray[np.int64]
    target_m: FloatArray
    clear: NDArray[np.bool_]
    needed_pct: FloatArray
    seconds: FloatArray


class FailsafeJudge:
    """Judges break-offs for one brief."""

    def __init__(self, brief: Brief, corridor: Corridor, router: Router, ground: PlaneGround) -> None:
        self.brief = brief
        self.corridor = corridor
        self.router = router
        self.ground = ground
        rally = brief.rally
        self._rally_m = corridor.frame.to_plane(
            np.array([r.lat_deg for r in rally], dtype=float), np.array([r.lon_deg for r in rally], dtype=float)
        )

    def judge(self, sortie: Sortie) -> tuple[tuple[Leg, ...], list[Finding]]:
        """Return the failsafe legs of a sortie and what is wrong with them."""
        path = self._path(sortie)
        home = self.corridor.frame.to_plane(np.array([sortie.home_lat_deg]), np.array([sortie.home_lon_deg]))
        ways = self._ways(path, np.concatenate([home, self._rally_m]))
        findings = [
            *self._forbidden(sortie, path, ways),
            *self._endurance(sortie, path, ways),
            *self._terrain(sortie, path, ways),
        ]
        return self._legs(sortie, path, ways), findings

    def _path(self, sortie: Sortie) -> _Path:
        legs = [g for g in sortie.legs if (g.lat_start_deg, g.lon_start_deg) != (g.lat_end_deg, g.lon_end_deg)]
        corners = self.corridor.frame.to_plane(
            np.array([g.lat_start_deg for g in legs] + [legs[-1].lat_end_deg]),
            np.array([g.lon_start_deg for g in legs] + [legs[-1].lon_end_deg]),
        )
        xy, leg, _ = sample_path(corners, EVERY_M)
        start, span = corners[leg], corners[leg + 1] - corners[leg]
        share = np.hypot(*(xy - start).T) / np.hypot(*span.T)
        before = [sortie.legs[0].battery_end_pct, *(g.battery_end_pct for g in legs)]
        battery, alt0 = np.array(before), np.array([g.alt_amsl_start_m for g in legs])
        alt1 = np.array([g.alt_amsl_end_m for g in legs])
        return _Path(
            xy_m=xy,
            alt_amsl_m=alt0[leg] + share * (alt1 - alt0)[leg],
            leg=np.array([g.seq for g in legs])[leg],
            battery_pct=battery[leg] + share * np.diff(battery)[leg],
        )

    def _ways(self, path: _Path, places: FloatArray) -> _Ways:
        gap = np.hypot(*(path.xy_m[:, None, :] - places[None, :, :]).transpose(2, 0, 1))
        place = np.argmin(gap, axis=1)
        target = places[place]
        step = target - path.xy_m
        length = gap[np.arange(len(place)), place]
        aircraft, air = self.brief.aircraft.aircraft, self.brief.wind.profile.at(path.alt_amsl_m)
        course = np.degrees(np.arctan2(*step.T))
        speeds = leg_speeds(aircraft, air, course, self.brief.speed_mps)
        height = np.maximum(path.alt_amsl_m - self.ground.at(target), 0.0)
        seconds = length / speeds.ground_mps + height / aircraft.descent_mps
        needed = level_power_w(aircraft, speeds.air_mps) * seconds / 3600.0 / aircraft.battery_wh * 100.0
        return _Ways(
            place=place, target_m=target, clear=self.router.clear(path.xy_m, target),
            needed_pct=np.where(np.isfinite(needed), needed, np.inf), seconds=seconds,
        )  # fmt: skip

    def _place_of(self, path: _Path, k: int) -> tuple[float, float]:
        lat, lon = self.corridor.frame.to_degrees(path.xy_m[k : k + 1])
        return float(lat[0]), float(lon[0])

    def _forbidden(self, sortie: Sortie, path: _Path, ways: _Ways) -> list[Finding]:
        """Report, once a sortie, break-offs whose straight way leaves the free air, and what mends it."""
        bad = np.flatnonzero(~ways.clear)
        if len(bad) == 0:
            return []
        lines = np.asarray(shapely.linestrings(np.stack([path.xy_m[bad], ways.target_m[bad]], axis=1)))
        near = self.corridor.guarded.distance_m(lines) / self.corridor.stretch
        worst = int(np.argmin(near))
        lat, lon = self._place_of(path, int(bad[worst]))
        standoff = bool(near[worst] < self.corridor.kept_m / self.corridor.stretch)
        in_margin = standoff and bool(near[worst] >= self.brief.standoff.asked_m) and bool(self._no_zone(lines).all())
        rule = "failsafe standoff" if standoff else "failsafe zone"
        share = 100.0 * len(bad) / len(ways.clear)
        where = f"from {lat:.5f}, {lon:.5f}"
        what = f"passes {near[worst]:.0f} m from the border" if standoff else "enters a zone"
        return [
            Finding(
                rule=rule, severity=Severity.WARNING if in_margin else Severity.ERROR, sortie=sortie.name,
                seq=int(path.leg[bad[worst]]),
                lat_deg=lat, lon_deg=lon, unit="m" if standoff else "",
                measured=round(float(near[worst]), 1), limit=self.brief.standoff.asked_m,
                message=f"{sortie.name}: a return to launch {where} {what} (so on {share:.0f} % of the flight)",
                relaxation=self._rally_advice(path, ways, int(bad[worst])),
            )
        ]  # fmt: skip

    def _no_zone(self, lines: NDArray[np.object_]) -> NDArray[np.bool_]:
        barred = [z for z, bar in zip(self.corridor.zones, self.corridor.barred, strict=True) if bar]
        return ~np.asarray(shapely.intersects(lines, shapely.union_all(barred) if barred else shapely.Polygon()))

    def _rally_advice(self, path: _Path, ways: _Ways, k: int) -> str:
        way = self.router.route(path.xy_m[k], ways.target_m[k])
        if way is None or len(way) < 3:
            return "a rally point in sight of the path, or a return that follows the path back (SmartRTL)"
        lat, lon = self.corridor.frame.to_degrees(way[1:2])
        return f"a rally point at {lat[0]:.5f}, {lon[0]:.5f}, or a return that follows the path back (SmartRTL)"

    def _endurance(self, sortie: Sortie, path: _Path, ways: _Ways) -> list[Finding]:
        reserve = self.brief.aircraft.aircraft.reserve_pct
        left = path.battery_pct - ways.needed_pct
        worst = int(np.argmin(left))
        if left[worst] >= reserve - 0.01:
            return []
        lat, lon = self._place_of(path, worst)
        short_wh = (reserve - left[worst]) / 100.0 * self.brief.aircraft.aircraft.battery_wh
        more = self.brief.aircraft.aircraft.battery_wh + (short_wh if np.isfinite(short_wh) else 0.0)
        return [
            Finding(
                rule="failsafe endurance", severity=Severity.ERROR, sortie=sortie.name, seq=int(path.leg[worst]),
                lat_deg=lat, lon_deg=lon, measured=round(float(left[worst]), 2), limit=reserve, unit="%",
                message=f"{sortie.name}: breaking off at {lat:.5f}, {lon:.5f} leaves {left[worst]:.1f} % of battery at "
                f"the landing place; the reserve is {reserve:g} %",
                relaxation=f"aircraft.battery_wh = {np.ceil(more):.0f}, or a rally point nearer to it",
            )
        ]  # fmt: skip

    def _terrain(self, sortie: Sortie, path: _Path, ways: _Ways) -> list[Finding]:
        """Warn when a straight return at the height flown comes too near to the ground; say what height would do."""
        judged = np.arange(0, len(path.xy_m), max(len(path.xy_m) // RETURNS, 1))
        away = np.hypot(*(ways.target_m - path.xy_m)[judged].T)
        judged = judged[away >= EVERY_M]
        if len(judged) == 0:
            return []
        share = np.linspace(0.0, 1.0, RETURN_STEPS)[None, :, None]
        start, end = path.xy_m[judged][:, None, :], ways.target_m[judged][:, None, :]
        below = self.ground.at((start + share * (end - start)).reshape(-1, 2)).reshape(len(judged), -1)
        room = path.alt_amsl_m[judged] - np.nan_to_num(below, nan=-np.inf).max(axis=1)
        lowest, at = float(room.min()), int(judged[int(np.argmin(room))])
        if lowest >= self.brief.flight.min_agl_m - 1e-6:
            return []
        lat, lon = self._place_of(path, at)
        above_home = path.alt_amsl_m[at] + self.brief.flight.min_agl_m - lowest - sortie.home_alt_amsl_m
        return [
            Finding(
                rule="failsafe terrain", severity=Severity.WARNING, sortie=sortie.name, seq=int(path.leg[at]),
                lat_deg=lat, lon_deg=lon, measured=round(lowest, 1), limit=self.brief.flight.min_agl_m, unit="m",
                message=f"{sortie.name}: a straight return from {lat:.5f}, {lon:.5f} at the height flown clears the "
                f"ground by {lowest:.0f} m",
                relaxation=f"a return height (RTL_ALT) of at least {np.ceil(above_home):.0f} m above home",
            )
        ]  # fmt: skip

    def _legs(self, sortie: Sortie, path: _Path, ways: _Ways) -> tuple[Leg, ...]:
        first = np.flatnonzero(np.diff(path.leg, prepend=-1) != 0)
        lat, lon = self.corridor.frame.to_degrees(path.xy_m[first])
        lat1, lon1 = self.corridor.frame.to_degrees(ways.target_m[first])
        by_seq = {leg.seq: leg for leg in sortie.legs}
        legs = []
        for n, k in enumerate(first.tolist()):
            leg = by_seq[int(path.leg[k])]
            seconds = float(ways.seconds[k])
            legs.append(
                dataclasses.replace(
                    leg, seq=len(sortie.legs) + n, kind=LegKind.FAILSAFE,
                    lat_end_deg=float(lat1[n]), lon_end_deg=float(lon1[n]), alt_amsl_end_m=leg.alt_amsl_start_m,
                    t_end_s=round(leg.t_start_s + seconds, 3),
                    battery_end_pct=round(float(path.battery_pct[k] - ways.needed_pct[k]), 3),
                )
            )  # fmt: skip
        return tuple(legs)
