"""How soon an alarm has a judged sortie: 100 alarms, at random places and moments of four plans."""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np

from benchmarks import Row
from geo.errors import RefusedError
from missions.briefs.brief_file import build_brief, read_brief
from missions.tasks.plan_door import plan_brief
from missions.tasks.response import respond

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "demo" / "brief.toml"
ALARMS = 25
"""For each of four plans."""
GOAL_S = 5.0
NEAR_DEG = 0.004


def briefs() -> list:
    """Return the demo, a straight border, a bent one with zones and wind, and one for PX4 and three aircraft."""
    straight = {
        "name": "straight", "border": {"coordinates": [[50.0, 8.0], [50.0, 8.06]], "own_side": "left"},
        "standoff": {"asked_m": 200}, "corridor": {"depth_m": 500}, "aircraft": {"type": "quad-survey", "count": 2},
        "launch": [{"name": "a", "lat_deg": 50.01, "lon_deg": 8.02}], "terrain": {"flat_amsl_m": 0.0},
    }  # fmt: skip
    bent = straight | {
        "name": "bent", "border": {"coordinates": [[50.0, 8.0], [50.004, 8.03], [49.998, 8.06]], "own_side": "left"},
        "zone": [{"name": "farm", "centre": [50.009, 8.035], "radius_m": 120.0}],
        "wind": {"speed_mps": 5, "from_deg": 300, "gust_mps": 8},
    }  # fmt: skip
    three = straight | {
        "name": "three", "dialect": "px4", "aircraft": {"type": "quad-heavy", "count": 3},
        "border": {"coordinates": [[50.0, 8.0], [50.0, 8.15]], "own_side": "left"},
    }  # fmt: skip
    return [read_brief(EXAMPLE), *(build_brief(tables, EXAMPLE.parent) for tables in (straight, bent, three))]


def run() -> list[Row]:
    """Answer the alarms; return the time that 95 of 100 take at most, and how many were answered."""
    seconds, answered = [], 0
    for brief in briefs():
        planned = plan_brief(brief)
        legs = [leg for sortie in planned.plan.sorties for leg in sortie.legs]
        end_s = max(flight.t_landing_s for flight in planned.plan.flights)
        rng = random.Random(7)  # noqa: S311 - places, not secrets
        for _ in range(ALARMS):
            leg = rng.choice(legs)
            place = {
                "lat_deg": leg.lat_end_deg + rng.uniform(-NEAR_DEG, NEAR_DEG),
                "lon_deg": leg.lon_end_deg + rng.uniform(-NEAR_DEG, NEAR_DEG),
            }
            begun = time.perf_counter()
            try:
                respond(planned.plan, planned.situation, **place, at_s=rng.uniform(0.0, end_s))
                answered += 1
            except RefusedError:
                pass
            seconds.append(time.perf_counter() - begun)
    return [
        Row(
            what=f"alarm to a judged sortie, p95 of {len(seconds)} on four plans",
            ours=float(np.percentile(seconds, 95)), rival=GOAL_S, rival_name="goal", unit="s", goal="<= 5 s",
        ),
        Row(
            what="alarms answered, the others refused with each aircraft's reason", ours=float(answered),
            rival=float(len(seconds)), rival_name="alarms", unit="", higher_is_better=True,
        ),
    ]  # fmt: skip
