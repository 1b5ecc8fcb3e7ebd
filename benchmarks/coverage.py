"""Area search: path length over its lower bound, and flight time, beside what a user would fly instead, in one run.

The lower bound of a length is area over swath. The rivals:

* QGroundControl's Survey as it comes (`SurveyComplexItem::_rebuildTransectsPhase1WorkerSinglePolygon`): transects at
  angle 0 (north-south) from half the bounding square west of its middle in steps of the spacing, from the first
  crossing of the outline to the last (holes and bays are flown over), extended by the 10 m turnaround of a multirotor.
  Its spacing is ours; it may leave up to half a swath unseen at either side.
* One serpentine along the longest edge; and along random directions (the mean of eight).

Times are those of the planner (`path_cost` with ArduPilot's handling) for a quad-survey at its 15 m/s, from the first
lane to the last; there our lanes end where the camera already sees ahead, as `vedette search` plans them.

Published: Baehnemann et al., "Revisiting boustrophedon coverage path planning as a generalized traveling salesman
problem" (2019) report 14 % lower path cost than a conventional planner. Their cost is flight time with a stop at every
corner (3 m/s, 1 m/s^2), their areas have obstacles that may not be overflown, and the conventional planner sweeps
all cells in one direction. "holes flown around" is that case: all paths go round the holes; the rivals are such a
planner (cells along the longest edge, the nearest next) and one serpentine that goes round what it crosses. Theirs have
up to a dozen obstacles; "obstacles flown around" are rectangles with three, six and ten.

Fields: the two parcels of the Fields2Cover test data where the shared data
folder is beside the checkout. Polygons: seeded; 100 convex, 50 concave, 50
convex with one to three holes; 20 L shapes. For lengths the swath is a fortieth of the area's square root; for
times it is the 49 m of the default camera at 100 m (a twelfth of the square root on the parcels).
"""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import shapely
import shapely.affinity

from benchmarks import Row
from missions.airspace.routing import Router
from missions.patterns.area import LaneCost, Sweep, plan_area
from missions.patterns.cells import cells_of
from missions.patterns.lanes import lane_rows, strips_of, turned
from missions.patterns.parts import plan_area_in_parts
from missions.patterns.plane import frame_about, to_xy
from missions.performance.aircraft import find_aircraft
from missions.performance.energy import path_cost
from missions.performance.handling import HANDLING
from missions.performance.wind import WindProfile

FIELDS = Path(__file__).resolve().parents[2] / "shared" / "data" / "fields" / "fields2cover"
LANES_ACROSS = 40
SEED = 20260101
QUAD = find_aircraft("quad-survey")
SWATH_M = 49.0
QGC_TURNAROUND_M = 10.0
EDGE = "lanes along the longest edge"


def serpentine(polygon, swath_m, direction_rad):
    """One serpentine over the whole width, turns straight across, holes and bays flown over."""
    rows = lane_rows(strips_of(polygon, direction_rad=direction_rad, swath_m=swath_m), bridge_m=math.inf)
    points = []
    for index, (y, ((x0, x1),)) in enumerate(zip(rows.heights_m, rows.pieces, strict=True)):
        points += [(x0, y), (x1, y)] if index % 2 == 0 else [(x1, y), (x0, y)]
    return turned(np.array(points), direction_rad)


def along_longest_edge(polygon, swath_m):
    corners = shapely.get_coordinates(polygon.exterior)
    steps = np.diff(corners, axis=0)
    longest = steps[int(np.argmax(np.hypot(*steps.T)))]
    return serpentine(polygon, swath_m, math.atan2(longest[1], longest[0]))


def qgc_survey(polygon, spacing_m):
    """QGroundControl's default survey: see the top of this module."""
    left, low, right, high = polygon.bounds
    half = (max(right - left, high - low) + 2000.0) / 2.0
    outline = shapely.get_exterior_ring(polygon)
    points = []
    for x in np.arange((left + right) / 2.0 - half, (left + right) / 2.0 + half, spacing_m):
        if not left < x < right:
            continue
        line = shapely.LineString([(x, low - 1.0), (x, high + 1.0)])
        ys = shapely.get_coordinates(shapely.intersection(outline, line))[:, 1]
        transect = [(x, ys.max() + QGC_TURNAROUND_M), (x, ys.min() - QGC_TURNAROUND_M)]
        points += transect if len(points) // 2 % 2 == 0 else transect[::-1]
    return np.array(points)


def conventional(polygon, swath_m):
    """Boustrophedon cells in one direction (the longest edge's), each from its first lane, the nearest cell next."""
    corners = shapely.get_coordinates(polygon.exterior)
    steps = np.diff(corners, axis=0)
    longest = steps[int(np.argmax(np.hypot(*steps.T)))]
    direction = math.atan2(longest[1], longest[0])
    left = [c.flown(0) for c in cells_of(lane_rows(strips_of(polygon, direction_rad=direction, swath_m=swath_m)))]
    points = left.pop(0)
    while left:
        points = points + left.pop(int(np.argmin([math.dist(points[-1], cell[0]) for cell in left])))
    return turned(np.array(points), direction)


def length_m(points):
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def seconds(points):
    return float(
        path_cost(
            QUAD, WindProfile.uniform(), points, alt_amsl_m=np.zeros(len(points)),
            speed_mps=QUAD.speed_mps, handling=HANDLING["ardupilot"],
        ).seconds.sum()
    )  # fmt: skip


def around(points, holes):
    """The same path with every way that crosses a hole flown round it."""
    free = shapely.box(-5e3, -5e3, 5e3, 5e3).difference(shapely.union_all(holes))
    router = Router(free)
    ends = shapely.get_coordinates(shapely.shortest_line(shapely.points(points), free.buffer(-0.5)))[1::2]
    legs = [router.route(a, b) for a, b in itertools.pairwise(ends)]
    return np.concatenate([legs[0][:1], *(leg[1:] for leg in legs)])


def real_fields():
    rings = {}
    if not FIELDS.is_dir():
        return rings
    gml = re.search(r"<gml:coordinates>([^<]+)", (FIELDS / "Envelope.xml").read_text())
    rings["parcel 91a790bd"] = [tuple(map(float, pair.split(",")[:2])) for pair in gml.group(1).split()]
    features = json.loads((FIELDS / "test.json").read_text())["features"]
    for index, feature in enumerate(features):
        rings[f"test parcel {index}"] = [tuple(point[:2]) for point in feature["geometry"]["coordinates"][0]]
    return rings


def field_polygons():
    polygons = {}
    for name, ring in real_fields().items():
        polygon = shapely.Polygon(to_xy(frame_about(ring), ring))
        polygons[name] = polygon
        holes = [shapely.Point(c).buffer(0.09 * math.sqrt(polygon.area)) for c in (polygon.centroid.coords[0],)]
        holed = polygon.difference(shapely.union_all(holes))
        if holed.geom_type == "Polygon" and len(holed.interiors):
            polygons[f"{name} with a hole"] = holed
    return polygons


def convex(rng):
    return shapely.convex_hull(shapely.MultiPoint(rng.normal(size=(12, 2)) * [600.0, 400.0]))


def concave(rng):
    while True:
        angles = np.sort(rng.uniform(0, 2 * np.pi, 14))
        radii = rng.uniform(250, 700, 14)
        polygon = shapely.Polygon(np.c_[radii * np.cos(angles), radii * np.sin(angles)])
        if polygon.is_valid and polygon.area < 0.95 * shapely.convex_hull(polygon).area:
            return polygon


def with_holes(rng):
    polygon = convex(rng)
    while not len(polygon.interiors):
        for _ in range(int(rng.integers(1, 4))):
            cut = polygon.difference(
                shapely.Point(*(rng.normal(size=2) * 150)).buffer(rng.uniform(40, 120), quad_segs=3)
            )
            polygon = cut if cut.geom_type == "Polygon" else polygon
    return polygon


def obstacle_field(rng, count):
    """A rectangle of 63 ha with so many convex obstacles in it or at its edge."""
    polygon = shapely.box(0.0, 0.0, 900.0, 700.0)
    while len(polygon.interiors) < count:
        angles = np.sort(rng.uniform(0.0, 2.0 * np.pi, int(rng.integers(4, 8))))
        corners = (
            rng.uniform([0.0, 0.0], [900.0, 700.0]) + rng.uniform(20.0, 90.0) * np.c_[np.cos(angles), np.sin(angles)]
        )
        cut = polygon.difference(shapely.convex_hull(shapely.MultiPoint(corners)))
        if cut.geom_type == "Polygon" and cut.area > 0.5 * 900.0 * 700.0:
            polygon = cut
    return polygon


def ells(rng):
    """An L of two arms, turned at random."""
    a, b, w, v = rng.uniform(500, 1000), rng.uniform(500, 1000), rng.uniform(90, 200), rng.uniform(90, 200)
    ell = shapely.Polygon([(0, 0), (a, 0), (a, w), (v, w), (v, b), (0, b)])
    return shapely.affinity.rotate(ell, float(rng.uniform(0, 180)), origin=(0, 0))


def rivals(polygon, swath_m, rng):
    directions = rng.uniform(0.0, math.pi, 8)
    return {
        "QGC survey as it comes": [qgc_survey(polygon, swath_m)],
        "lanes along the longest edge": [along_longest_edge(polygon, swath_m)],
        "lanes in a random direction": [serpentine(polygon, swath_m, d) for d in directions],
    }


def lengths(polygons, rng):
    """Length over bound, ours and each rival's, one value a polygon."""
    found = {}
    for polygon in polygons:
        swath_m = math.sqrt(polygon.area) / LANES_ACROSS
        bound_m = polygon.area / swath_m
        found.setdefault("ours", []).append(plan_area_in_parts(polygon, Sweep(swath_m=swath_m)).length_m / bound_m)
        for name, paths in rivals(polygon, swath_m, rng).items():
            found.setdefault(name, []).append(np.mean([length_m(p) for p in paths]) / bound_m)
    return {name: np.array(values) for name, values in found.items()}


def times(polygons, rng, swath_of):
    """Flight time in seconds, ours and each rival's, one value a polygon."""
    found = {}
    for polygon in polygons:
        swath_m = swath_of(polygon)
        cost = LaneCost(turn_m=corner_m(swath_m))
        ours = plan_area_in_parts(polygon, Sweep(swath_m=swath_m, reach_m=0.4 * swath_m, cost=cost))
        found.setdefault("ours", []).append(seconds(ours.points_xy))
        for name, paths in rivals(polygon, swath_m, rng).items():
            found.setdefault(name, []).append(np.mean([seconds(p) for p in paths]))
    return {name: np.array(values) for name, values in found.items()}


def corner_m(swath_m):
    """What a corner costs the quad-survey, as `vedette search` works it out."""
    lane = np.array([(0.0, 0.0), (0.0, 2000.0), (swath_m, 2000.0), (swath_m, 0.0)])
    straight = np.array([(0.0, 0.0), (0.0, 4000.0 + swath_m)])
    return (seconds(lane) - seconds(straight)) * QUAD.speed_mps / 2.0


def times_around_holes(polygons):
    ours, edge, cells = [], [], []
    for polygon in polygons:
        holes = [shapely.Polygon(ring) for ring in polygon.interiors]
        path = plan_area_in_parts(
            polygon, Sweep(swath_m=SWATH_M, cost=LaneCost(turn_m=corner_m(SWATH_M)), over_holes=False)
        )
        ours.append(seconds(around(path.points_xy, holes)))
        edge.append(seconds(around(along_longest_edge(polygon, SWATH_M), holes)))
        cells.append(seconds(around(conventional(polygon, SWATH_M), holes)))
    return {"ours": np.array(ours), EDGE: np.array(edge), "cells in one direction": np.array(cells)}


def never_worse_than_brute_force(polygons):
    worst = -math.inf
    for polygon in polygons:
        swath_m = math.sqrt(polygon.area) / 12
        ours = plan_area(polygon, Sweep(swath_m=swath_m)).length_m
        brute = min(
            plan_area(polygon, Sweep(swath_m=swath_m), directions_rad=[math.radians(d)]).length_m for d in range(180)
        )
        worst = max(worst, ours / brute)
    return worst


def run() -> list[Row]:
    """Return lengths over the bound (mean and largest) and mean flight times, ours and every rival's."""
    return list(rows())


def rows():
    """Go over the rows as they are worked out."""
    rng = np.random.default_rng(SEED)
    sets = {
        "convex polygons (100)": ([convex(rng) for _ in range(100)], "<= 1.10"),
        "concave polygons (50)": ([concave(rng) for _ in range(50)], "<= 1.25"),
        "polygons with holes (50)": ([with_holes(rng) for _ in range(50)], "<= 1.25"),
        "L shapes (20)": ([ells(rng) for _ in range(20)], "<= 1.25"),
    }
    fields = field_polygons()
    some = [*(convex(rng) for _ in range(3)), concave(rng), with_holes(rng)]
    for name, polygon in fields.items():
        holed = len(polygon.interiors) or polygon.area < 0.99 * shapely.convex_hull(polygon).area
        yield from _rows(f"field {name}: path over bound", lengths([polygon], rng), "<= 1.25" if holed else "<= 1.10")
    for name, (polygons, goal) in sets.items():
        found = lengths(polygons, rng)
        yield from _rows(f"{name}: mean path over bound", found, goal)
        yield _row(f"{name}: largest path over bound", found["ours"].max(), found[EDGE].max(), goal, EDGE)
    for name, (polygons, _) in sets.items():
        yield from _rows(f"{name}: mean flight time, s", times(polygons, rng, lambda _: SWATH_M), "", "s")
    for name, polygon in fields.items():
        found = times([polygon], rng, lambda p: math.sqrt(p.area) / 12.0)
        yield from _rows(f"field {name}: flight time, s", found, "", "s")
    found = times_around_holes(sets["polygons with holes (50)"][0])
    yield from _rows("holes flown around (50): mean flight time, s", found, "14 %", "s")
    found = times_around_holes([obstacle_field(rng, count) for count in (3, 6, 10) for _ in range(6)])
    yield from _rows("3 to 10 obstacles flown around (18): mean flight time, s", found, "14 %", "s")
    brute = never_worse_than_brute_force(some)
    yield _row("path over the best whole degree", brute, 1.0, "<= 1", "1 deg brute force", "x")


def _rows(what, found, goal, unit="x bound"):
    ours = found["ours"].mean()
    return [_row(what, ours, values.mean(), goal, name, unit) for name, values in found.items() if name != "ours"]


def _row(what, ours, rival, goal, rival_name, unit="x bound"):
    return Row(what=what, ours=float(ours), rival=float(rival), rival_name=rival_name, unit=unit, goal=goal)


if __name__ == "__main__":
    for row in rows():
        print(
            f"{row.what:58s} {row.ours:8.4g} {row.rival_name:30s} {row.rival:8.4g} "
            f"ours {100 * (1 - row.ours / row.rival):5.1f} % less, goal {row.goal}",
            flush=True,
        )
