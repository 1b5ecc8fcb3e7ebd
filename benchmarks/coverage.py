"""Area search: path length over its lower bound, beside a plain boustrophedon, in one run.

The lower bound is area over swath. The rivals fly straight lanes a swath apart
over everything between the two ends of the area, from one side to the other:
along its longest edge, or north and south.

Fields: the two parcels of the Fields2Cover test data where the shared data
folder is beside the checkout. Polygons: seeded; 100 convex, 50 concave, 50
convex with one to three holes; 20 L shapes; the swath is a fortieth of the area's square root.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import shapely
import shapely.affinity

from benchmarks import Row
from missions.patterns.area import plan_area
from missions.patterns.lanes import lane_rows, strips_of
from missions.patterns.parts import plan_area_in_parts
from missions.patterns.plane import frame_about, to_xy

FIELDS = Path(__file__).resolve().parents[2] / "shared" / "data" / "fields" / "fields2cover"
LANES_ACROSS = 40
SEED = 20260101


def plain_boustrophedon_m(polygon, swath_m):
    """Length of the rival's path: one serpentine over the whole width, turns straight across."""
    corners = shapely.get_coordinates(polygon.exterior)
    steps = np.diff(corners, axis=0)
    longest = steps[int(np.argmax(np.hypot(*steps.T)))]
    strips = strips_of(polygon, direction_rad=math.atan2(longest[1], longest[0]), swath_m=swath_m)
    return _serpentine_m(lane_rows(strips, bridge_m=math.inf))


def north_south_m(polygon, swath_m):
    """Length of one serpentine of north-south lanes over the whole width: a grid dropped on the map."""
    return _serpentine_m(lane_rows(strips_of(polygon, direction_rad=math.pi / 2, swath_m=swath_m), bridge_m=math.inf))


def _serpentine_m(rows):
    total, before = 0.0, None
    for index, (y, ((x0, x1),)) in enumerate(zip(rows.heights_m, rows.pieces, strict=True)):
        start, end = ((x0, y), (x1, y)) if index % 2 == 0 else ((x1, y), (x0, y))
        total += x1 - x0 + (0.0 if before is None else math.dist(before, start))
        before = end
    return total


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


def ells(rng):
    """An L of two arms, turned at random."""
    a, b, w, v = rng.uniform(500, 1000), rng.uniform(500, 1000), rng.uniform(90, 200), rng.uniform(90, 200)
    ell = shapely.Polygon([(0, 0), (a, 0), (a, w), (v, w), (v, b), (0, b)])
    return shapely.affinity.rotate(ell, float(rng.uniform(0, 180)), origin=(0, 0))


def ratios(polygons):
    ours, rival, north = [], [], []
    for polygon in polygons:
        swath_m = math.sqrt(polygon.area) / LANES_ACROSS
        bound_m = polygon.area / swath_m
        ours.append(plan_area_in_parts(polygon, swath_m=swath_m).length_m / bound_m)
        rival.append(plain_boustrophedon_m(polygon, swath_m) / bound_m)
        north.append(north_south_m(polygon, swath_m) / bound_m)
    return np.array(ours), np.array(rival), np.array(north)


def never_worse_than_brute_force(polygons):
    worst = -math.inf
    for polygon in polygons:
        swath_m = math.sqrt(polygon.area) / 12
        ours = plan_area(polygon, swath_m=swath_m).length_m
        brute = min(plan_area(polygon, swath_m=swath_m, directions_rad=[math.radians(d)]).length_m for d in range(180))
        worst = max(worst, ours / brute)
    return worst


def run() -> list[Row]:
    """Return the ratios to the lower bound: largest and mean, and the rival's mean."""
    rng = np.random.default_rng(SEED)
    sets = {
        "convex polygons (100)": ([convex(rng) for _ in range(100)], "<= 1.10"),
        "concave polygons (50)": ([concave(rng) for _ in range(50)], "<= 1.25"),
        "polygons with holes (50)": ([with_holes(rng) for _ in range(50)], "<= 1.25"),
        "L shapes (20)": ([ells(rng) for _ in range(20)], "<= 1.25"),
    }
    rows = []
    for name, polygon in field_polygons().items():
        ours, rival, _ = ratios([polygon])
        holed = len(polygon.interiors) or polygon.area < 0.99 * shapely.convex_hull(polygon).area
        goal = "<= 1.25" if holed else "<= 1.10"
        rows.append(_row(f"field {name}: path over bound", ours[0], rival[0], goal))
    for name, (polygons, goal) in sets.items():
        ours, rival, north = ratios(polygons)
        rows.append(_row(f"{name}: mean path over bound", ours.mean(), rival.mean(), goal))
        rows.append(_row(f"{name}: mean path over bound", ours.mean(), north.mean(), goal, "north-south lanes"))
        rows.append(_row(f"{name}: largest path over bound", ours.max(), rival.max(), goal))
    some = [*(convex(rng) for _ in range(3)), concave(rng), with_holes(rng)]
    brute = never_worse_than_brute_force(some)
    rows.append(
        Row(
            what="path over the best whole degree",
            ours=brute,
            rival=1.0,
            rival_name="1 deg brute force",
            unit="x",
            goal="<= 1",
        )
    )
    return rows


def _row(what, ours, rival, goal, rival_name="lanes along the longest edge"):
    return Row(what=what, ours=float(ours), rival=float(rival), rival_name=rival_name, unit="x bound", goal=goal)


if __name__ == "__main__":
    for row in run():
        print(
            f"{row.what:58s} {row.ours:7.4f} {row.rival_name} {row.rival:7.4f} ratio {row.ratio:5.3f} goal {row.goal}"
        )
