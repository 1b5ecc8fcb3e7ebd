"""Rules judged along every leg, not at its ends: ground clearance, ceilings, zones in height, link and radio sight."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from missions.airspace.terrain_profile import sample_path
from missions.judging.feasibility import glides, leg_lines
from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.brief import Brief
    from missions.plan import Sortie

    FloatArray = NDArray[np.float64]

EFFECTIVE_RADIUS_M: Final = 4.0 / 3.0 * 6_371_008.8
"""Earth radius for radio paths in a standard atmosphere (ITU-R P.310: k = 4/3)."""
SIGHT_STEPS: Final = 40
ROUNDING_M: Final = 0.05
"""Heights are rounded to centimetres in a plan."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """Points every 20 m or less along a sortie: places, heights, ground and legs."""

    xy_m: FloatArray
    alt_amsl_m: FloatArray
    ground_amsl_m: FloatArray
    seq: NDArray[np.int64]
    landing: NDArray[np.bool_]
    """On the last leg, where that is a glide to the ground."""


def sample_sortie(corridor: Corridor, ground: PlaneGround, sortie: Sortie) -> Samples:
    """Sample a sortie between its vertical take-off and landing."""
    legs = [g for g in sortie.legs if (g.lat_start_deg, g.lon_start_deg) != (g.lat_end_deg, g.lon_end_deg)]
    corners = corridor.frame.to_plane(
        np.array([g.lat_start_deg for g in legs] + [legs[-1].lat_end_deg]),
        np.array([g.lon_start_deg for g in legs] + [legs[-1].lon_end_deg]),
    )
    xy, leg, _ = sample_path(corners)
    share = np.hypot(*(xy - corners[leg]).T) / np.maximum(np.hypot(*np.diff(corners, axis=0)[leg].T), 1e-9)
    start = np.array([g.alt_amsl_start_m for g in legs])[leg]
    end = np.array([g.alt_amsl_end_m for g in legs])[leg]
    return Samples(
        xy_m=xy, alt_amsl_m=start + share * (end - start), ground_amsl_m=ground.at(xy),
        seq=np.array([g.seq for g in legs])[leg], landing=(leg == len(legs) - 1) & glides(sortie.legs),
    )  # fmt: skip


class AlongTheLeg:
    """Judges sorties of one brief along their legs."""

    def __init__(self, brief: Brief, corridor: Corridor, ground: PlaneGround) -> None:
        self.brief = brief
        self.corridor = corridor
        self.ground = ground

    def judge(self, sortie: Sortie) -> list[Finding]:
        """Return everything wrong with a sortie's heights and links, worst place of each rule."""
        s = sample_sortie(self.corridor, self.ground, sortie)
        return [*self._heights(sortie, s), *self._zones(sortie), *self._link(sortie, s), *self._radio(sortie, s)]

    def _finding(self, sortie: Sortie, s: Samples, k: int, rule: str, message: str, **more: object) -> Finding:
        lat, lon = self.corridor.frame.to_degrees(s.xy_m[k : k + 1])
        known: dict[str, object] = {"severity": Severity.ERROR, "unit": "m"} | more
        return Finding(
            rule=rule, sortie=sortie.name, seq=int(s.seq[k]), lat_deg=float(lat[0]), lon_deg=float(lon[0]),
            message=f"{sortie.name} near {lat[0]:.5f}, {lon[0]:.5f} {message}", **known,  # type: ignore[arg-type]
        )  # fmt: skip

    def _heights(self, sortie: Sortie, s: Samples) -> list[Finding]:
        rules, found = self.brief.flight, []
        unknown = ~np.isfinite(s.ground_amsl_m)
        agl = np.where(unknown, np.nan, s.alt_amsl_m - s.ground_amsl_m)
        if unknown.any():
            found.append(
                self._finding(
                    sortie, s, int(np.argmax(unknown)), "terrain",
                    f"is outside the terrain model (so is {100.0 * unknown.mean():.0f} % of the path)",
                    relaxation="a terrain file that covers the whole patrol",
                )
            )  # fmt: skip
        if unknown.all():
            return found
        low = int(np.nanargmin(np.where(s.landing, np.inf, agl)))
        high, top = int(np.nanargmax(agl)), int(np.argmax(s.alt_amsl_m))
        if agl[low] < rules.min_agl_m - ROUNDING_M:
            found.append(
                self._finding(
                    sortie, s, low, "ground clearance",
                    f"is {agl[low]:.0f} m above ground; {rules.min_agl_m:g} m are the least",
                    measured=round(float(agl[low]), 1), limit=rules.min_agl_m,
                    relaxation=f"flight.alt_agl_m = {np.ceil(rules.alt_agl_m + rules.min_agl_m - agl[low]):.0f}",
                )
            )  # fmt: skip
        if agl[high] > rules.max_agl_m + ROUNDING_M:
            found.append(
                self._finding(
                    sortie, s, high, "height limit",
                    f"is {agl[high]:.0f} m above ground; {rules.max_agl_m:g} m are allowed (the ground falls away "
                    "faster than the aircraft descends)",
                    measured=round(float(agl[high]), 1), limit=rules.max_agl_m,
                    relaxation="a lower flight.speed_mps or flight.alt_agl_m, "
                    f"or flight.max_agl_m = {np.ceil(agl[high]):.0f}",
                )
            )  # fmt: skip
        if rules.ceiling_amsl_m is not None and s.alt_amsl_m[top] > rules.ceiling_amsl_m + ROUNDING_M:
            over = float(s.alt_amsl_m[top] - rules.ceiling_amsl_m)
            found.append(
                self._finding(
                    sortie, s, top, "ceiling",
                    f"is at {s.alt_amsl_m[top]:.0f} m AMSL; the ceiling is {rules.ceiling_amsl_m:g} m",
                    measured=round(float(s.alt_amsl_m[top]), 1), limit=rules.ceiling_amsl_m,
                    relaxation=f"flight.alt_agl_m = {np.floor(rules.alt_agl_m - over):.0f}",
                )
            )  # fmt: skip
        return found

    def _zones(self, sortie: Sortie) -> list[Finding]:
        """Check the legs that pass over or under a zone against its floor and ceiling."""
        found = []
        lines = leg_lines(self.corridor, sortie.legs)
        for zone, shape in zip(self.brief.zone, self.corridor.zones, strict=True):
            near = np.flatnonzero(shapely.dwithin(lines, shape, max(zone.clearance_m - ROUNDING_M, 0.0)))
            for k in near.tolist():
                leg = sortie.legs[k]
                low, high = sorted((leg.alt_amsl_start_m, leg.alt_amsl_end_m))
                under = zone.floor_amsl_m is not None and high <= zone.floor_amsl_m - zone.clearance_m
                over = zone.ceiling_amsl_m is not None and low >= zone.ceiling_amsl_m + zone.clearance_m
                if not under and not over:
                    found.append(
                        Finding(
                            rule="zones", severity=Severity.ERROR, sortie=sortie.name, seq=leg.seq,
                            lat_deg=leg.lat_start_deg, lon_deg=leg.lon_start_deg,
                            message=f"{sortie.name} leg {leg.seq} enters zone {zone.name!r} or its clearance",
                            relaxation="a smaller zone or clearance, or another flight height",
                        )
                    )  # fmt: skip
                    break
        return found

    def _link(self, sortie: Sortie, s: Samples) -> list[Finding]:
        most = self.brief.flight.max_link_m
        if most is None:
            return []
        away = np.hypot(*(s.xy_m - self._station(sortie)[0]).T)
        k = int(np.argmax(away))
        if away[k] <= most:
            return []
        return [
            self._finding(
                sortie, s, k, "link", f"is {away[k]:.0f} m from its ground station; the link carries {most:g} m",
                measured=round(float(away[k]), 1), limit=most, relaxation=f"flight.max_link_m = {np.ceil(away[k]):.0f}",
            )
        ]  # fmt: skip

    def _station(self, sortie: Sortie) -> tuple[FloatArray, float]:
        """Return the ground station's place and antenna height above sea level: the brief's, else the launch site's."""
        station = self.brief.station
        lat, lon = (station.lat_deg, station.lon_deg) if station else (sortie.home_lat_deg, sortie.home_lon_deg)
        xy = self.corridor.frame.to_plane(np.array([lat]), np.array([lon]))
        mast = station.antenna_m if station else 2.0
        return xy[0], float(self.ground.at(xy)[0]) + mast

    def _radio(self, sortie: Sortie, s: Samples) -> list[Finding]:
        """Report the share of the path hidden from a given station by terrain, over a 4/3 Earth."""
        if self.brief.station is None:
            return []
        xy, antenna = self._station(sortie)
        share = (np.arange(1, SIGHT_STEPS) / SIGHT_STEPS)[None, :, None]
        between = s.xy_m[:, None, :] + share * (xy - s.xy_m)[:, None, :]
        heights = self.ground.at(between.reshape(-1, 2)).reshape(len(s.xy_m), -1)
        length = np.hypot(*(s.xy_m - xy).T)[:, None]
        part = share[:, :, 0]
        bulge = part * (1.0 - part) * length**2 / (2.0 * EFFECTIVE_RADIUS_M)
        ray = s.alt_amsl_m[:, None] + part * (antenna - s.alt_amsl_m)[:, None]
        into = np.nanmax(heights + bulge - ray, axis=1)
        hidden = into > 0.0
        if not hidden.any():
            return []
        k = int(np.nanargmax(into))
        return [
            self._finding(
                sortie, s, k, "radio", f"is hidden from the station by {into[k]:.0f} m of ground (so is "
                f"{100.0 * hidden.mean():.0f} % of the path)",
                severity=Severity.WARNING, measured=round(float(into[k]), 1), limit=0.0,
                relaxation="a station on higher ground, a taller mast, or a greater flight.alt_agl_m",
            )
        ]  # fmt: skip
