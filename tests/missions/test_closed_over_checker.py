"""What the planner calls fit, `check` calls fit: random briefs of both dialects and kinds of aircraft, in wind."""

from __future__ import annotations

import random

import pytest

from geo.errors import RefusedError
from missions.briefs.brief_file import build_brief
from missions.checks.check import check_document
from missions.plan import Severity
from missions.plan_files.plan_folder_file import write_plan_folder
from missions.plan_files.plan_sources_file import plan_sources, read_plans
from missions.tasks.plan_door import plan_brief

LEAVES_ITS_FENCE = 1015
"""A fixed wing whose way leaves the fence it is given, for 459 m; its path alone keeps every rule."""


def random_brief(seed, folder):
    rng = random.Random(seed)
    wing = rng.random() < 0.35
    points = [[rng.uniform(30, 60), rng.uniform(5, 25)]]
    for _ in range(rng.randint(1, 4)):
        points.append([points[-1][0] + rng.uniform(-0.004, 0.004), points[-1][1] + rng.uniform(0.01, 0.025)])
    asked_m = rng.choice([100, 200, 300])
    depth_m = asked_m + rng.choice([300, 500, 900])
    middle = points[len(points) // 2]
    site_lat = middle[0] - (depth_m + 400 + 600 * wing) / 111_000
    return build_brief(
        {
            "name": f"r{seed}",
            "dialect": rng.choice(["px4", "ardupilot"]),
            "border": {"coordinates": points, "own_side": "right"},
            "standoff": {"asked_m": asked_m},
            "corridor": {"depth_m": depth_m + (600 if wing else 0)},
            "aircraft": {
                "type": "wing-2m" if wing else rng.choice(["quad-survey", "quad-heavy"]),
                "count": rng.randint(1, 3),
            },
            "launch": [{"name": "a", "lat_deg": site_lat, "lon_deg": middle[1]}],
            "terrain": {"flat_amsl_m": rng.choice([0.0, 300.0, 1200.0])},
            "wind": {"speed_mps": rng.uniform(0, 7), "from_deg": rng.uniform(0, 359)},
        },
        folder,
    )


def holds(seed, folder):
    """Plan; where the plan is fit, read its written folder and judge each sortie against the brief."""
    brief = random_brief(seed, folder)
    try:
        made = plan_brief(brief)
    except RefusedError:
        return None
    if not made.plan.feasible:
        return False
    write_plan_folder(made, folder / "plan")
    for source in plan_sources(folder / "plan"):
        for name, document in read_plans(source):
            findings = check_document(document, name=name, brief=brief).findings
            wrong = [f"{one.rule}: {one.message}" for one in findings if one.severity is Severity.ERROR]
            assert not wrong, (seed, name, wrong)
    return True


def test_plans_that_are_called_fit_pass_the_check(tmp_path):
    told = [holds(seed, tmp_path / str(seed)) for seed in range(12)]
    assert told.count(True) >= 6


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 500, 20))
def test_five_hundred_briefs(first, tmp_path):
    told = [holds(seed, tmp_path / str(seed)) for seed in range(1000 + first, 1020 + first)]
    assert told.count(True) >= 10


def test_a_way_out_of_its_own_fence_is_an_error_of_the_plan(tmp_path):
    (found,) = [
        one for one in plan_brief(random_brief(LEAVES_ITS_FENCE, tmp_path)).plan.findings if one.rule == "fence.leg"
    ]
    assert found.severity is Severity.ERROR
    assert found.sortie == "S01"
