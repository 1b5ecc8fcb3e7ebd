"""The planner on real border lines against the per-lane buffer most planners would write; time, memory, revisit."""

from __future__ import annotations

import dataclasses
import resource
import time
from pathlib import Path

import numpy as np
import pyproj
import shapely
from shapely.ops import substring

from benchmarks import Row
from missions.airspace.corridor import build_corridor
from missions.airspace.corridor_chain import chain_parts
from missions.airspace.corridor_frame import LocalFrame
from missions.airspace.ground_file import read_ground
from missions.airspace.situation import Situation
from missions.airspace.terrain_profile import PlaneGround
from missions.briefs.brief import Ground
from missions.briefs.brief_file import build_brief
from missions.briefs.brief_geometry_file import read_lines
from missions.paths.lanes import build_lanes
from missions.sight.coverage import cover
from missions.tasks.plan_door import plan_brief
from vedette.commands.imported import keep_what_is_imported

BORDERS = Path(__file__).resolve().parents[2] / "shared" / "data" / "borders" / "osm_geo-maps_10m"
TERRAIN = BORDERS.parents[1] / "terrain" / "cobb.tif"
STANDOFF_M, DEPTH_M, LANES = 300.0, 800.0, 3
SITE_EVERY_M = 15_000.0
SKIP_KM = 1100.0
"""Start of the stretch on the longest chain: meanders of the Rio Grande, the hardest part of the data."""


def border(km: float, skip_km: float = SKIP_KM) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return a real stretch of border and launch sites every 15 km, 1.2 to 2.5 km inside its left."""
    lines = read_lines(BORDERS / "border_USA_MEX.geojson", "border")
    frame = LocalFrame.about(np.concatenate([g.lat_deg for g in lines]), np.concatenate([g.lon_deg for g in lines]))
    parts = [shapely.LineString(frame.to_plane(g.lat_deg, g.lon_deg)) for g in lines]
    chain = max(chain_parts(parts, bridge_m=2000.0)[0], key=lambda c: c.length)
    line = substring(chain, skip_km * 1000.0, (skip_km + km) * 1000.0)
    left = line.buffer(2500.0, single_sided=True).buffer(5.0)
    turns = np.radians(np.arange(0.0, 360.0, 5.0))
    sites = []
    for k in range(max(int(line.length // SITE_EVERY_M), 1)):
        foot = line.interpolate((k + 0.5) * line.length / max(int(line.length // SITE_EVERY_M), 1))
        ring = shapely.points(foot.x + 2500.0 * np.cos(turns), foot.y + 2500.0 * np.sin(turns))
        ring = ring[shapely.contains(left, ring)]
        if len(ring) and shapely.distance(ring, line).max() > 1200.0:
            sites.append(ring[int(np.argmax(shapely.distance(ring, line)))])
    lat, lon = frame.to_degrees(shapely.get_coordinates(line))
    site_lat, site_lon = frame.to_degrees(shapely.get_coordinates(np.array(sites)))
    return list(zip(lat.tolist(), lon.tolist(), strict=True)), list(
        zip(site_lat.tolist(), site_lon.tolist(), strict=True)
    )


def brief(km: float, skip_km: float = SKIP_KM):
    line, sites = border(km, skip_km)
    return build_brief(
        {
            "name": "bench", "border": {"coordinates": line, "own_side": "left"}, "standoff": {"asked_m": STANDOFF_M},
            "corridor": {"depth_m": DEPTH_M, "lanes": LANES}, "aircraft": {"type": "quad-heavy", "count": len(sites)},
            "launch": [{"name": f"site {k}", "lat_deg": a, "lon_deg": b} for k, (a, b) in enumerate(sites)],
        },
        Path(),
    )  # fmt: skip


def naive_lanes(line: shapely.LineString) -> list[shapely.LineString]:
    """Offset each lane on its own and check it leg by leg against the border, as one writes it first."""
    kept = []
    for offset in np.linspace(STANDOFF_M + 16.0, DEPTH_M, LANES):
        curve = line.parallel_offset(offset, "left", join_style=2)
        for part in getattr(curve, "geoms", [curve]):
            xy = shapely.get_coordinates(part)
            legs = shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1)) if len(xy) > 1 else []
            kept += [leg for leg in legs if line.distance(leg) >= STANDOFF_M]
    return kept


def seconds(function) -> tuple[float, object]:
    start = time.process_time()
    made = function()
    return time.process_time() - start, made


def lane_rows() -> list[Row]:
    asked = brief(100.0, 1500.0)
    rival = "parallel_offset + leg checks"
    ours_s, ours = seconds(lambda: build_lanes(asked, build_corridor(asked)))
    corridor = build_corridor(asked)
    drawn = asked.border.lines[0]
    naive_s, naive = seconds(
        lambda: naive_lanes(shapely.LineString(corridor.frame.to_plane(drawn.lat_deg, drawn.lon_deg)))
    )
    flown = shapely.multilinestrings([shapely.LineString(p.xy_m) for lane in ours for p in lane.pieces])
    first = shapely.multilinestrings(naive)
    allowed = corridor.own.buffer(1.0)
    return [
        Row(what="lanes along 100 km: CPU", ours=ours_s, rival=naive_s, rival_name=rival, unit="s"),
        Row(what="lanes along 100 km: length across the border", ours=flown.difference(allowed).length,
            rival=first.difference(allowed).length, rival_name=rival, unit="m", goal="0"),
        Row(what="lanes along 100 km: pieces to fly", ours=float(sum(len(lane.pieces) for lane in ours)),
            rival=float(len(shapely.get_parts(shapely.line_merge(first)))), rival_name=rival, unit="pieces"),
    ]  # fmt: skip


def plan_rows() -> list[Row]:
    tens = [brief(10.0, SKIP_KM + 100.0 * k) for k in range(10)]
    ten_s = float(np.mean([seconds(lambda asked=asked: plan_brief(asked))[0] for asked in tens]))
    asked = brief(1000.0)
    whole_s, made = seconds(lambda: plan_brief(asked).plan)
    drawn = asked.border.lines[0]
    nearest = nearest_m(made, shapely.LineString(np.c_[drawn.lon_deg, drawn.lat_deg]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return [
        Row(what=f"whole plan, 1000 km, 3 lanes, {len(made.sorties)} sorties: CPU", ours=whole_s, rival=10.0,
            rival_name="limit", unit="s", goal="≤ 10"),
        Row(what="cost per km, 1000 km over the mean of ten 10 km pieces of it", ours=whole_s / 1000.0 / (ten_s / 10.0),
            rival=1.2, rival_name="limit", unit="ratio", goal="≤ 1.2"),
        Row(what="whole plan, 1000 km: peak memory", ours=peak, rival=1024.0, rival_name="limit", unit="MB",
            goal="≤ 1024"),
        Row(what="whole plan, 1000 km: nearest leg by Gauss-Krueger", ours=nearest, rival=STANDOFF_M,
            rival_name="standoff asked", unit="m", goal="≥ 300", higher_is_better=True),
    ]  # fmt: skip


def nearest_m(plan, border_lonlat: shapely.LineString) -> float:
    worst = np.inf
    for sortie in plan.sorties:
        plane = pyproj.Transformer.from_crs(
            "EPSG:4326", f"+proj=tmerc +lat_0={sortie.home_lat_deg} +lon_0={sortie.home_lon_deg} +datum=WGS84",
            always_xy=True,
        )  # fmt: skip
        near = shapely.clip_by_rect(border_lonlat, sortie.home_lon_deg - 0.4, sortie.home_lat_deg - 0.3,
                                    sortie.home_lon_deg + 0.4, sortie.home_lat_deg + 0.3)  # fmt: skip
        if near.is_empty:
            continue
        local = shapely.transform(near, lambda c, plane=plane: np.c_[plane.transform(c[:, 0], c[:, 1])])
        path = np.c_[plane.transform([g.lon_end_deg for g in sortie.legs], [g.lat_end_deg for g in sortie.legs])]
        worst = min(worst, float(local.distance(shapely.LineString(path))))
    return worst


def terrain_rows() -> list[Row]:
    """Plan 110 km to and fro over hills: what true coverage costs, and what flat ground would have said."""
    lon = np.linspace(-84.70, -84.40, 120)
    rows = np.linspace(33.78, 34.04, 4)
    points = [
        (y + 0.003 * np.sin(k / 3.0), x)
        for n, y in enumerate(rows)
        for k, x in enumerate(lon if n % 2 == 0 else lon[::-1])
    ]
    sites = [(y + (0.012 if n % 2 == 0 else -0.012), x) for n, y in enumerate(rows) for x in (-84.63, -84.47)]
    asked = build_brief(
        {
            "name": "hills", "border": {"coordinates": points, "own_side": "left"}, "standoff": {"asked_m": 200},
            "corridor": {"depth_m": 600}, "aircraft": {"type": "quad-heavy", "count": 8},
            "launch": [{"name": f"s{k}", "lat_deg": a, "lon_deg": b} for k, (a, b) in enumerate(sites)],
            "terrain": {"file": str(TERRAIN)},
        },
        Path(),
    )  # fmt: skip
    whole_s, made = seconds(lambda: plan_brief(asked).plan)
    heights = read_ground(asked.terrain)
    situation = Situation.of(asked, heights)
    cover_s, _ = seconds(lambda: cover(situation, situation.corridor.watched, made.sorties))
    level = PlaneGround(frame=situation.frame, heights=read_ground(Ground()))
    flat = cover(dataclasses.replace(situation, ground=level), situation.corridor.watched, made.sorties)
    return [
        Row(what=f"whole plan, 110 km on 30 m terrain, {len(made.sorties)} sorties: CPU", ours=whole_s, rival=10.0,
            rival_name="limit of 1000 km", unit="s", goal="≤ 10"),
        Row(what=f"  of it coverage at {made.sight.resolution_m:g} m, lines of sight included: CPU", ours=cover_s,
            rival=whole_s, rival_name="whole plan", unit="s"),
        Row(what="  corridor seen", ours=made.covered_pct, rival=flat.covered_pct, rival_name="as on flat ground",
            unit="%", higher_is_better=True),
    ]  # fmt: skip


def revisit_rows() -> list[Row]:
    rows = []
    for k in (1, 2, 3):
        asked = build_brief(
            {
                "name": "straight", "border": {"coordinates": [[50.0, 8.0], [50.0, 8.21]], "own_side": "left"},
                "standoff": {"asked_m": 200}, "corridor": {"depth_m": 350, "lanes": 1},
                "camera": {"depression_deg": 25},
                "aircraft": {"type": "quad-heavy", "count": k},
                "launch": [{"name": "a", "lat_deg": 50.0045, "lon_deg": 8.105}],
            },
            Path(),
        )  # fmt: skip
        made = plan_brief(asked).plan
        length = pyproj.Geod(ellps="WGS84").line_length([8.0, 8.21], [50.0, 50.0])
        fly = made.sorties[0].legs[-1].t_end_s - made.sorties[0].legs[0].t_start_s
        swap = asked.fleets[0].aircraft.swap_s
        bound = 2.0 * length / (k * asked.performances[0].speed_mps) * (fly + swap) / fly
        rows.append(Row(what=f"revisit of a straight 15 km border, {k} aircraft", ours=made.worst_revisit_s / bound,
                        rival=1.05, rival_name="limit over 2L/(k v)", unit="ratio", goal="≤ 1.05"))  # fmt: skip
    return rows


def run() -> list[Row]:
    """Return all rows; what is imported is kept from the garbage collector, as `vedette plan` does."""
    keep_what_is_imported()
    rows = revisit_rows()
    if BORDERS.is_dir():
        rows += [*lane_rows(), *plan_rows()]
    if TERRAIN.is_file():
        rows += terrain_rows()
    return rows
