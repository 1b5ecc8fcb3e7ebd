"""Real borders, with enclaves, meanders and gaps: no leg nearer than the standoff, in another projection."""

from __future__ import annotations

import time

import pytest

from missions.briefs.brief_file import build_brief
from missions.tasks.plan_door import plan_brief

ENCLAVES = "netherlands, with Belgian enclaves"
CASES = {
    "belgium": ("BEL_NLD", "country_BEL.geojson", [(51.36, 4.87), (51.22, 5.3)]),
    ENCLAVES: ("BEL_NLD", "country_NLD.geojson", [(51.46, 4.95), (51.53, 4.65)]),
    "norway": ("NOR_RUS", {"lat_deg": 69.72, "lon_deg": 30.2}, [(69.70, 30.70), (69.45, 29.7)]),
    "poland": ("POL_BLR", {"lat_deg": 52.9, "lon_deg": 23.5}, [(52.72, 23.85), (51.73, 23.48)]),
    "united states": ("USA_MEX", {"lat_deg": 32.2, "lon_deg": -109.0}, [(31.36, -109.5), (31.82, -106.55)]),
}


QUICK = [("norway", {"depth_m": 800, "lanes": 3}), (ENCLAVES, {"depth_m": 500, "lanes": 1})]
WHOLE = [pytest.param(case, {"depth_m": 800, "lanes": 3}, marks=pytest.mark.slow) for case in CASES if case != "norway"]


@pytest.mark.parametrize(("case", "corridor"), [*QUICK, *WHOLE])
def test_no_leg_nearer_than_the_standoff(case, corridor, shared_data, oracle, border_line):
    name, side, sites = CASES[case]
    brief = build_brief(
        {
            "name": "real", "border": {"file": f"border_{name}.geojson", "own_side": side},
            "standoff": {"asked_m": 300},
            "corridor": corridor, "aircraft": {"type": "quad-heavy", "count": 2},
            "launch": [{"name": f"s{k}", "lat_deg": lat, "lon_deg": lon} for k, (lat, lon) in enumerate(sites)],
        },
        shared_data / "borders" / "osm_geo-maps_10m",
    )  # fmt: skip
    start = time.process_time()
    plan = plan_brief(brief).plan
    print(case, "cpu", time.process_time() - start, "sorties", len(plan.sorties), "kept", plan.min_standoff_m)
    assert len(plan.sorties) >= 2
    assert not [f for f in plan.findings if f.rule == "standoff"]
    assert oracle(plan, border_line(brief)) >= 300.0
