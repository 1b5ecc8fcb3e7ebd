"""Whether a change of the planner changed a plan: the SHA-256 of each file of many plans' folders, before and after.

`python -m benchmarks.same_plans FILE [FIRST:END]` compares with those that FILE holds (exit status 1 where any
differs), adds those that it does not hold yet, and names the seconds of processor time of each. All take some minutes;
part of them is named by numbers in their order.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.planning import BORDERS, TERRAIN, brief
from geo.errors import RefusedError
from missions.airspace.ground_file import open_situation
from missions.briefs.brief_file import build_brief, read_brief
from missions.plan_files.plan_folder_file import write_plan_folder
from missions.tasks.plan_door import answered
from tests.missions.test_closed_over_checker import random_brief

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.briefs.brief import Brief

ROOT = Path(__file__).resolve().parents[1]
RANDOM = range(3000, 3040)
REAL = {
    "norway": ("NOR_RUS", {"lat_deg": 69.72, "lon_deg": 30.2}, [(69.70, 30.70), (69.45, 29.7)]),
    "poland": ("POL_BLR", {"lat_deg": 52.9, "lon_deg": 23.5}, [(52.72, 23.85), (51.73, 23.48)]),
    "enclaves": ("BEL_NLD", "country_NLD.geojson", [(51.46, 4.95), (51.53, 4.65)]),
}


def briefs(folder: Path) -> Iterator[tuple[str, Brief]]:
    """Go over the demo, random briefs over three kinds of ground, real hills and real borders with enclaves."""
    yield "demo", read_brief(ROOT / "examples" / "demo" / "brief.toml")
    for seed in RANDOM:
        yield f"random {seed}", random_brief(seed, folder / str(seed))
    if BORDERS.is_dir() and TERRAIN.is_file():
        yield "hills", hills()
        yield "meanders", brief(100.0)
        yield "long", brief(300.0, 1500.0)
        for name, (border, side, sites) in REAL.items():
            yield name, real(border, side, sites)


def hills() -> Brief:
    """Return a patrol of real hills from two sites, with wind and a revisit to be kept."""
    return build_brief(
        {
            "name": "hills", "border": {"coordinates": [[33.93, -84.68], [33.94, -84.6], [33.92, -84.5]],
                                        "own_side": "right"},
            "standoff": {"asked_m": 200}, "corridor": {"depth_m": 600},
            "aircraft": {"type": "quad-heavy", "count": 3}, "revisit": {"max_min": 45},
            "launch": [
                {"name": "a", "lat_deg": 33.918, "lon_deg": -84.63},
                {"name": "b", "lat_deg": 33.913, "lon_deg": -84.55},
            ],
            "terrain": {"file": str(TERRAIN)}, "wind": {"speed_mps": 4, "from_deg": 230},
        },
        Path(),
    )  # fmt: skip


def real(border: str, side: object, sites: list[tuple[float, float]]) -> Brief:
    """Return a patrol of a whole real border from two sites."""
    return build_brief(
        {
            "name": "real", "border": {"file": f"border_{border}.geojson", "own_side": side},
            "standoff": {"asked_m": 300},
            "corridor": {"depth_m": 800, "lanes": 3}, "aircraft": {"type": "quad-heavy", "count": 2},
            "launch": [{"name": f"s{k}", "lat_deg": lat, "lon_deg": lon} for k, (lat, lon) in enumerate(sites)],
        },
        BORDERS,
    )  # fmt: skip


def digests(made_of: Brief, folder: Path) -> dict[str, str]:
    """Plan as the command does, and return the SHA-256 of each file of the folder, or of the refusal."""
    try:
        write_plan_folder(answered(open_situation(made_of)), folder)
    except RefusedError as error:
        return {"refused": str(error)}
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def main(kept: Path, part: slice) -> int:
    """Compare with the digests written before, and write those that were not."""
    before = json.loads(kept.read_text()) if kept.exists() else {}
    compared = differ = 0
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for name, made_of in list(briefs(Path(folder)))[part]:
            start = time.process_time()
            found = digests(made_of, Path(folder) / f"{name} plan")
            took_s = time.process_time() - start
            known = before.setdefault(name, found)
            names = {n for n in (*found, *known) if found.get(n) != known.get(n)}
            compared += known is not found
            differ += bool(names)
            told = f"differs in {', '.join(sorted(names))}" if names else f"{len(found)} files"
            print(f"{name}: {took_s:.2f} s, {told}{', new' if known is found else ''}", flush=True)
            kept.write_text(json.dumps(before, indent=1))
    print(f"{compared} folders compared, {differ} differ; {time.process_time() - begun:.1f} s")
    return int(differ > 0)


if __name__ == "__main__":
    ends = [int(end) for end in sys.argv[2].split(":")] if len(sys.argv) > 2 else [None]
    sys.exit(main(Path(sys.argv[1]), slice(*ends)))
