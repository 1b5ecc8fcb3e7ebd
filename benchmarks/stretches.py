"""Sixteen real stretches of border, each watched from one site near it: which are feasible, and what they ask for.

    python -m benchmarks.stretches

Each is the first quarter of a degree of the longest part of a border, watched by four small quads from one site that
is 500 m inside of its middle, with no rally point laid by hand; for both autopilots.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from shapely.ops import substring

from geo.errors import VedetteError
from missions.airspace.corridor_frame import LocalFrame
from missions.airspace.ground_file import open_situation
from missions.briefs.brief_file import build_brief
from missions.briefs.change import Change
from missions.plan import Severity
from missions.tasks.plan_door import PATROL, answered, plan_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from missions.briefs.brief import Brief
    from missions.plan import Plan

SHARED: Final = Path(__file__).resolve().parents[2] / "shared" / "data" / "borders"
OSM: Final = ("border_BEL_NLD", "border_NOR_RUS", "border_POL_BLR", "border_USA_MEX")
RINGS: Final = ("country_AND", "country_BEL", "country_LUX", "country_NLD")
PAIRS: Final = (
    ("Bangladesh", "India"), ("Cameroon", "Nigeria"), ("Switzerland", "Italy"), ("France", "Italy"),
    ("Germany", "Poland"), ("Democratic Republic of the Congo", "Republic of the Congo"), ("Russia", "Finland"),
    ("Algeria", "Niger"),
)  # fmt: skip
"""Of Natural Earth's land boundaries, as they name both sides: rivers, ridges and ruled lines."""
LAND: Final = "ne_10m_admin_0_boundary_lines_land.json"
LENGTH_DEG: Final = 0.25
INSIDE_M: Final = 500.0
STANDOFF_M, DEPTH_M, AIRCRAFT = 150, 400, 4


def stretches(shared: Path = SHARED) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and lines, (n, 2) longitude and latitude."""
    for name in (*OSM, *RINGS):
        drawn = shapely.from_geojson((shared / "osm_geo-maps_10m" / f"{name}.geojson").read_text(encoding="utf-8"))
        yield name, _first(drawn)
    parts: dict[tuple[str, str], list[Any]] = {}
    land = json.loads((shared / "natural_earth" / LAND).read_text(encoding="utf-8"))
    for feature in land["features"]:
        sides = feature["properties"]["adm0_left"], feature["properties"]["adm0_right"]
        if sides in PAIRS and feature["geometry"] is not None:
            parts.setdefault(sides, []).append(shapely.geometry.shape(feature["geometry"]))
    for sides in PAIRS:
        yield " and ".join(sides), _first(shapely.geometrycollections(parts[sides]))


def _first(drawn: shapely.Geometry) -> np.ndarray:
    """Return the first quarter of a degree of the longest part."""
    flat = shapely.get_parts(shapely.get_parts(drawn))
    lines = [part.exterior if part.geom_type == "Polygon" else part for part in flat]
    longest = max(lines, key=lambda one: one.length)
    return shapely.get_coordinates(substring(shapely.LineString(longest.coords), 0.0, LENGTH_DEG))


def brief(name: str, lonlat: np.ndarray, dialect: str) -> Brief:
    """Return what is asked: the left side is ours, and one launch site abreast of the middle."""
    frame = LocalFrame.about(lonlat[:, 1], lonlat[:, 0])
    line = shapely.LineString(frame.to_plane(lonlat[:, 1], lonlat[:, 0]))
    x, y = _site(line)
    lat, lon = (float(v[0]) for v in frame.to_degrees(np.array([[x, y]])))
    table: dict[str, Any] = {
        "name": name, "dialect": dialect, "border": {"coordinates": lonlat[:, ::-1].tolist(),
        "own_side": "left"}, "standoff": {"asked_m": STANDOFF_M}, "corridor": {"depth_m": DEPTH_M},
        "aircraft": {"type": "quad-survey", "count": AIRCRAFT},
        "launch": [{"name": "site", "lat_deg": lat, "lon_deg": lon}], "terrain": {"flat_amsl_m": 100.0},
    }  # fmt: skip
    return build_brief(table, Path())


def _site(line: shapely.LineString) -> tuple[float, float]:
    """Return the place 500 m left of the line that is nearest to its middle."""
    middle = line.length / 2.0
    for off in sorted(np.arange(-0.4, 0.4, 0.01) * line.length, key=abs):
        here, ahead = line.interpolate(middle + off), line.interpolate(middle + off + 20.0)
        along = math.atan2(ahead.y - here.y, ahead.x - here.x) + math.pi / 2.0
        place = shapely.Point(here.x + INSIDE_M * math.cos(along), here.y + INSIDE_M * math.sin(along))
        if line.distance(place) > 0.98 * INSIDE_M:
            return place.x, place.y
    raise ValueError("no place so far from the line")


def verdict(asked: Brief, *, tried: bool) -> dict[str, Any]:
    """Plan and say what came of it; `tried`: with changes of the brief that may mend what is found."""
    start = time.process_time()
    situation = open_situation(asked)
    try:
        made: Plan = (answered(situation) if tried else plan_in(situation, PATROL)).plan
    except VedetteError as error:
        return {"feasible": False, "why": [f"refused: {error.message}"], "cpu_s": time.process_time() - start}
    errors = [f for f in made.findings if f.severity is Severity.ERROR]
    return {
        "feasible": made.feasible, "sorties": len(made.sorties), "covered_pct": round(made.covered_pct, 1),
        "revisit_min": round(made.worst_revisit_s / 60.0, 1), "cpu_s": round(time.process_time() - start, 1),
        "returns": next((f.message for f in made.findings if f.rule == "returns"), "straight"),
        "why": [f"{f.rule}: {f.message}" for f in errors],
        "relaxations": sorted({f.relaxation for f in errors}) if tried else [],
    }  # fmt: skip


def mended(asked: Brief, offers: Sequence[str]) -> dict[str, Any]:
    """Return what becomes of a stretch with each change that is offered for it, done exactly; None for a text."""
    changes = {offer: Change.of(offer) for offer in offers}
    return {
        offer: None if change is None else verdict(change.applied(asked), tried=False)
        for offer, change in changes.items()
    }


def main() -> None:
    """Print a row for each stretch; what a file of rows has already is not planned again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of a name")
    parser.add_argument("--dialects", default="ardupilot,px4")
    parser.add_argument(
        "--tried", action="store_true", help="also try what may mend the infeasible, and do what is offered"
    )
    parser.add_argument("--out", type=Path, help="file of rows, a JSON object on each line")
    asked = parser.parse_args()
    lines = asked.out.read_text(encoding="utf-8").splitlines() if asked.out and asked.out.exists() else []
    done = [json.loads(one) for one in lines]
    wanted = [(*one, dialect) for one in stretches() for dialect in asked.dialects.split(",") if asked.only in one[0]]
    for name, lonlat, dialect in wanted:
        if any((one["name"], one["dialect"]) == (name, dialect) for one in done):
            continue
        named = {"name": name, "dialect": dialect}
        stretch = brief(name, lonlat, dialect)
        found = named | verdict(stretch, tried=asked.tried)
        row = json.dumps(found | {"mended": mended(stretch, found.get("relaxations", []))})
        print(row, flush=True)
        if asked.out:
            with asked.out.open("a", encoding="utf-8") as rows:
                rows.write(row + "\n")


if __name__ == "__main__":
    main()
