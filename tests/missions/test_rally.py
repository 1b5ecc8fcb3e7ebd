"""Proposed rally points: put into the brief and planned again, the finding is gone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InputError
from missions.airspace.ground_file import open_situation
from missions.judging.rally import without_idle
from missions.judging.relaxation import Trial
from missions.plan import Finding, ProposedRally, Severity
from missions.plan_files.plan_folder_file import read_plan_folder, write_plan_folder
from missions.tasks.plan_door import answered, plan_brief
from missions.tasks.rally_tried import rally_tried
from vedette.commands.brief_options import quick_brief

BULGE = [[50.0, 8.0], [50.0, 8.02], [50.012, 8.025], [50.0, 8.03], [50.0, 8.05]]
TWO = [
    [50.0, 8.0], [50.0, 8.02], [50.014, 8.025], [50.0, 8.03], [50.0, 8.06], [50.014, 8.065], [50.0, 8.07], [50.0, 8.09],
]  # fmt: skip
CAMP = [{"name": "a", "lat_deg": 50.005, "lon_deg": 8.01}]
STRAIGHT = {"way": "straight"}
NOTCHED = {
    "polygon": [
        [50.001, 7.995],
        [50.001, 8.055],
        [50.008, 8.055],
        [50.008, 8.03],
        [50.004, 8.03],
        [50.004, 8.02],
        [50.008, 8.02],
        [50.008, 7.995],
    ]
}
"""From above the middle of the corridor people live down to 450 m from the border."""
CASES = {
    "one bulge": {"points": BULGE, "launch": CAMP, "failsafe": STRAIGHT},
    "two bulges": {"points": TWO, "launch": CAMP, "failsafe": STRAIGHT, "aircraft": {"type": "quad-heavy"}},
    "px4": {"points": BULGE, "launch": CAMP, "failsafe": STRAIGHT, "dialect": "px4"},
    "keep-in": {"points": [[50.0, 8.0], [50.0, 8.05]], "launch": CAMP, "failsafe": STRAIGHT, "keep_in": NOTCHED},
    "antimeridian": {"points": [[lat, (lon + 351.97) % 360.0 - 180.0] for lat, lon in BULGE], "failsafe": STRAIGHT,
                     "launch": [{"name": "a", "lat_deg": 50.005, "lon_deg": 179.98}]},
}  # fmt: skip


def forbidden(plan):
    """Return what no way home may do; near to the edge of the keep-in area is a warning, and no part of it."""
    out = [f for f in plan.findings if f.rule == "failsafe keep-in" and f.severity is Severity.ERROR]
    return out + [f for f in plan.findings if f.rule in ("failsafe standoff", "failsafe zone")]


def with_rally(plan):
    return [
        {"name": f"r{k}", "lat_deg": p.lat_deg, "lon_deg": p.lon_deg, "alt_agl_m": p.alt_above_home_m}
        for k, p in enumerate(plan.proposed_rally)
    ]


@pytest.fixture(scope="module")
def planned():
    """Return what plans a case, each of them once."""
    plans = {}

    def plan(case, make_brief):
        if case not in plans:
            asked = dict(CASES[case])
            plans[case] = plan_brief(make_brief(asked.pop("points"), **asked))
        return plans[case].plan

    return plan


@pytest.mark.parametrize("case", CASES)
def test_the_proposal_put_into_the_brief_mends_every_return(make_brief, planned, case):
    asked = dict(CASES[case])
    points = asked.pop("points")
    plan = planned(case, make_brief)
    assert forbidden(plan)
    assert plan.proposed_rally
    for finding in forbidden(plan):
        mine = [p for p in plan.proposed_rally if finding.sortie in p.sorties]
        assert mine
        assert all(f"{p.lat_deg:.5f}, {p.lon_deg:.5f}" in finding.relaxation for p in mine)
    mended = plan_brief(make_brief(points, **asked, rally=with_rally(plan))).plan
    assert forbidden(mended) == []
    assert mended.proposed_rally == ()


def test_proposals_are_offered_once_they_were_flown_to(make_brief):
    """For straight returns as they are asked for, and beside a plan for returns along the path."""
    for way, rules in (("straight", {"failsafe standoff"}), ("auto", {"returns"})):
        made = answered(open_situation(make_brief(BULGE, launch=CAMP, failsafe={"way": way})))
        told = [f for f in made.plan.findings if f.rule in rules]
        assert told
        assert all("rally point" in f.relaxation for f in told)
        assert not any("tried in vain: rally" in (f.advice or "") for f in told)


@pytest.mark.parametrize("wrong", ["a fence too large", "still forbidden", "refused"])
def test_proposals_that_were_flown_to_in_vain_are_not_offered(make_brief, planned, wrong):
    brief = make_brief(BULGE, launch=CAMP, failsafe=STRAIGHT)
    plan = planned("one bulge", make_brief)
    asked = []

    def again(told, in_vain):
        asked.append(told)
        assert not in_vain(plan.findings)
        if wrong == "refused":
            raise InputError("no")
        if wrong == "still forbidden":
            return Trial(findings=plan.findings)
        return Trial(findings=(Finding(rule="px4.capacity", severity=Severity.ERROR, message="too large"),))

    found = [f for f in rally_tried(plan, brief, again) if f.rule == "failsafe standoff"]
    assert len(asked) == 1
    assert len(asked[0].rally) == len(plan.proposed_rally)
    assert found
    assert all(f.relaxation == "" and "tried in vain: rally point" in f.advice for f in found)


def test_where_no_few_points_mend_it_the_finding_says_so(make_brief):
    site = [{"name": "a", "lat_deg": 50.008, "lon_deg": 8.005}]
    town = [{"name": "town", "centre": [50.0068, 8.03], "radius_m": 300}]
    asked = {"launch": site, "corridor": {"depth_m": 900}, "zone": town, "failsafe": STRAIGHT}
    plan = plan_brief(make_brief([[50.0, 8.0], [50.0, 8.06]], **asked)).plan
    (finding,) = forbidden(plan)
    assert plan.proposed_rally == ()
    assert finding.advice == 'failsafe.way = "mission" (no 5 rally points or fewer were found that mend it)'


def test_no_proposed_point_is_idle(make_brief, planned):
    asked = dict(CASES["two bulges"])
    points = asked.pop("points")
    plan = planned("two bulges", make_brief)
    all_of_them = with_rally(plan)
    for left_out in range(len(all_of_them)):
        fewer = all_of_them[:left_out] + all_of_them[left_out + 1 :]
        assert forbidden(plan_brief(make_brief(points, **asked, rally=fewer)).plan)


@given(st.lists(st.sets(st.integers(0, 6)), min_size=1, max_size=6))
def test_places_that_are_not_needed_are_left_out(mended):
    """Each place mends some returns: what is kept mends as many as all did, and with any fewer it would not."""
    places = [ProposedRally(lat_deg=float(k), lon_deg=8.0, alt_above_home_m=30.0) for k in range(len(mended))]

    def union(some):
        return set().union(*(mended[round(one.lat_deg)] for one in some))

    wanted = union(places)
    kept = without_idle(places, lambda some: union(some) == wanted)
    assert kept
    assert union(kept) == wanted
    assert all(union([one for one in kept if one is not place]) != wanted for place in kept if len(kept) > 1)


def test_nothing_is_proposed_where_nothing_is_forbidden(make_brief, straight):
    assert plan_brief(make_brief(straight)).plan.proposed_rally == ()


def test_proposals_are_kept_in_the_plan_folder(make_brief, tmp_path):
    brief = make_brief(BULGE, launch=CAMP)
    made = plan_brief(brief)
    plan = made.plan
    write_plan_folder(made, tmp_path)
    assert read_plan_folder(tmp_path) == plan
    assert plan.proposed_rally
    assert plan.sorties[0].vehicle_parameters


def test_the_command_takes_rally_points_and_the_way_back(tmp_path):
    options = dict.fromkeys(("zone", "keep_in", "avoid", "terrain", "wind", "revisit_min", "lanes")) | {
        "border": tmp_path / "b.geojson", "own_side": "left", "standoff_m": 200.0, "depth_m": 500.0,
        "launch": ["50.01,8.02"], "aircraft": ["quad-survey"], "count": 1, "dialect": "ardupilot",
        "rally": ["50.008,8.045"], "returns": "retrace",
    }  # fmt: skip
    tables = quick_brief(options)
    assert tables["rally"] == [{"name": "rally 1", "lat_deg": 50.008, "lon_deg": 8.045}]
    assert tables["failsafe"] == {"way": "retrace"}
    with pytest.raises(InputError, match="--rally 'there' is not LAT,LON"):
        quick_brief(options | {"rally": ["there"]})
