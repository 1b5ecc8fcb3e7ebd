"""What is offered was tried and works; what was tried in vain does not. The oracle puts the words in by hand."""

from __future__ import annotations

import math
import re
import tomllib

import pytest

from geo.errors import VedetteError
from missions.airspace.ground_file import open_situation
from missions.briefs.change import Change
from missions.checks.check import check_document
from missions.checks.check_tried import MOST_TRIED, Tries
from missions.errors import BriefError, TriedInVainError
from missions.judging.relaxation import Trial, offered
from missions.plan import Finding, MissionItem, Severity
from missions.plan_files.plan_document import Home, PlanDocument
from missions.tasks.plan_door import PATROL, answered, plan_brief, plan_in

SHORT = {
    "revisit that more aircraft do not keep": {"revisit": {"max_min": 5}},
    "resolution": {"resolution": {"target": "person", "task": "recognise"}},
    "one lane for a deep corridor": {"corridor": {"depth_m": 700, "lanes": 1}},
    "kilometres an hour": {"flight": {"speed_mps": 54}},
    "standoff beyond the far edge": {
        "standoff": {"asked_m": 900}, "corridor": {"depth_m": 1500}, "flight": {"alt_agl_m": 60, "max_agl_m": 140},
        "launch": [{"name": "a", "lat_deg": 50.03, "lon_deg": 8.02}],
    },
    "ceiling": {"terrain": {"flat_amsl_m": 500.0}, "flight": {"ceiling_amsl_m": 580}},
    "two types": {
        "aircraft": [{"type": "quad-survey", "batteries": 1}, {"type": "quad-heavy", "batteries": 1}],
        "revisit": {"max_min": 20},
        "time": {"start_utc": "2026-01-15T16:00:00Z", "end_utc": "2026-01-15T20:00:00Z"},
    },
}  # fmt: skip
WORDS = re.compile(r"(?:leave out (?P<left>[a-z_.]+)|(?P<key>[a-z_.]+) = (?P<value>[^\s,]+))(?: of (?P<whose>[\w-]+))?")


def by_hand(asked, words):
    """Return the tables of a brief with the changes that some words name, put in as a person would."""
    changed = {key: dict(value) if isinstance(value, dict) else value for key, value in asked.items()}
    for word in WORDS.finditer(words):
        table, name = (word["left"] or word["key"]).split(".")
        if isinstance(changed.get(table), list):
            changed[table] = [dict(row) for row in changed[table]]
            rows = [row for row in changed[table] if row["type"] == word["whose"]]
        else:
            rows = [changed.setdefault(table, {})]
        for row in rows:
            if word["left"]:
                row.pop(name)
            else:
                row |= {name: tomllib.loads(f"v = {word['value']}")["v"]}
    return changed


def rules_of(plan, severity=None):
    return {f.rule for f in plan.findings if severity in (None, f.severity)}


def mended(make_brief, straight, asked, finding, words, before):
    """Tell whether a change, put in by hand, leaves nothing of the finding and brings no new error."""
    try:
        after = plan_brief(make_brief(straight, **by_hand(asked, words))).plan
    except VedetteError:
        return False
    left = rules_of(after, None if finding.severity is Severity.WARNING else Severity.ERROR)
    return finding.rule not in left and rules_of(after, Severity.ERROR) <= rules_of(before, Severity.ERROR)


SLOW = ("resolution", "standoff beyond the far edge", "two types")


@pytest.mark.parametrize("case", [pytest.param(c, marks=pytest.mark.slow) if c in SLOW else c for c in SHORT])
def test_what_is_offered_does_and_what_was_tried_in_vain_does_not(make_brief, straight, case):
    asked = SHORT[case]
    plan = answered(open_situation(make_brief(straight, **asked))).plan
    assert plan.findings
    tried = 0
    for finding in plan.findings:
        for words in filter(WORDS.search, finding.relaxation.split(", or ")):
            assert mended(make_brief, straight, asked, finding, words, plan), (finding.rule, words)
            tried += 1
        for words in (finding.advice or "").partition("tried in vain: ")[2].split("), "):
            for one in filter(WORDS.search, words.split(", ")):
                assert not mended(make_brief, straight, asked, finding, one, plan), (finding.rule, one)
                tried += 1
    assert tried


def test_an_obvious_change_that_does_not_do_is_not_offered(make_brief, straight):
    """Three aircraft would keep five minutes, were they not kept apart in the air: the schedule shows it."""
    made = answered(open_situation(make_brief(straight, revisit={"max_min": 5})))
    (finding,) = [f for f in made.plan.findings if f.rule == "revisit"]
    assert "aircraft.count = 3" in plan_brief(make_brief(straight, revisit={"max_min": 5})).plan.findings[0].advice
    assert finding.relaxation == "revisit.max_min = 8"
    assert "tried in vain: aircraft.count = 3" in finding.advice


def test_nothing_is_offered_that_was_not_tried(make_brief, straight):
    untried = plan_brief(make_brief(straight, **SHORT["kilometres an hour"])).plan.findings
    assert [f.relaxation for f in untried if f.relaxation] == []


def finding(rule, advice, severity=Severity.ERROR):
    return Finding(rule=rule, severity=severity, message=rule, advice=advice)


def test_so_many_changes_are_tried_and_the_farthest_of_one_kind(make_brief, straight):
    brief, asked = make_brief(straight), []

    def again(changed, in_vain):
        asked.append(changed)
        return Trial(findings=())

    found = tuple(finding("ground", f"flight.alt_agl_m = {h}, or a lower standoff") for h in (101, 140, 120))
    found += (finding("link", "flight.max_link_m = 4000, or flight.max_link_m = 5000"),)
    told = offered(Trial(findings=found), brief, again, most=2)
    assert [b.flight.alt_agl_m for b in asked if b.flight.alt_agl_m != 100.0] == [140.0]
    assert len(asked) == 2
    assert {f.relaxation for f in told[:3]} == {"flight.alt_agl_m = 140"}
    assert {f.advice for f in told[:3]} == {"a lower standoff"}
    assert (told[3].relaxation, told[3].advice) == ("flight.max_link_m = 4000", "not tried: flight.max_link_m = 5000")


def test_a_change_that_breaks_another_rule_is_not_offered(make_brief, straight):
    found = (finding("ground", "flight.alt_agl_m = 140"),)
    worse = Trial(findings=(finding("sky", ""),))
    told = offered(Trial(findings=found), make_brief(straight), lambda changed, in_vain: worse, most=1)
    assert (told[0].relaxation, told[0].advice) == ("", "tried in vain: flight.alt_agl_m = 140")


def test_a_trial_ends_as_soon_as_it_is_known_to_be_in_vain(make_brief, straight):
    """What is left of the finding, or a new error, tells; a finding that went, or another that stays, does not."""
    found = (finding("ground", "flight.alt_agl_m = 140"), finding("link", "a mast"))
    said = []

    def again(changed, in_vain):
        said.extend(in_vain(so_far) for so_far in ([], found[1:], found[:1], [finding("sky", "")]))

    offered(Trial(findings=found), make_brief(straight), again, most=1)
    assert said == [False, False, True, True]


def test_a_trial_that_is_free_in_its_way_home_is_not_given_up_for_straight_returns(make_brief, straight):
    """Returns along the path may yet reach what straight ones do not."""
    free = plan_in(open_situation(make_brief(straight)), PATROL, lambda found: True)
    assert free.plan.feasible
    with pytest.raises(TriedInVainError):
        plan_in(open_situation(make_brief(straight, failsafe={"way": "straight"})), PATROL, lambda found: True)


@pytest.mark.parametrize("words", ["flight.alt_agl_m = 160", "standoff.asked_m = 0", "aircraft.count = 0"])
def test_a_value_that_the_brief_refuses_is_neither_tried_nor_said(make_brief, straight, words):
    found = (finding("ground", f"{words}, or flight.max_link_m = 4000"), finding("side", words))
    told = offered(Trial(findings=found), make_brief(straight), lambda changed, in_vain: Trial(findings=()), most=1)
    assert [(f.relaxation, f.advice) for f in told] == [("flight.max_link_m = 4000", None), ("", None)]


@pytest.mark.parametrize(
    "words",
    ["a larger battery", "flight = 3", "flight.alt_agl_m = high", "flight.a.b = 3", "more flight.alt_agl_m = 3", ""],
)
def test_words_that_are_no_change_are_advice(words):
    assert Change.of(words) is None


def test_a_change_is_applied_as_the_brief_would_read_it(make_brief, straight):
    two = make_brief(straight, aircraft=[{"type": "quad-survey"}, {"type": "quad-heavy"}])
    change = Change.of('aircraft.count = 3 of quad-heavy and failsafe.way = "retrace" (both)')
    changed = change.applied(two)
    assert [f.count for f in changed.fleets] == [1, 3]
    assert changed.failsafe.way == "retrace"
    assert change.distance(two) == pytest.approx(2.0)
    held = make_brief(straight, camera={"depression_deg": 40})
    assert Change.of("leave out camera.depression_deg").applied(held).camera.depression_deg is None
    for words in ("aircraft.count = 3", "revisit.max_min = 5", "flight.height = 5"):
        with pytest.raises(BriefError):
            Change.of(words).applied(two)


def low_mission():
    """A mission 40 m up where 50 are asked, and 160 m where 150 are allowed."""
    home = Home(lat_deg=50.01, lon_deg=8.02, alt_amsl_m=0.0)
    places = [(50.01, 8.021, 40.0), (50.01, 8.026, 40.0), (50.01, 8.027, 160.0), (50.01, 8.02, 60.0)]
    items = [MissionItem(seq=0, command=22, frame=3, lat_deg=50.01, lon_deg=8.02, alt_m=60.0)]
    items += [
        MissionItem(seq=k, command=16, frame=3, lat_deg=lat, lon_deg=lon, alt_m=alt)
        for k, (lat, lon, alt) in enumerate(places, start=1)
    ]
    items.append(MissionItem(seq=len(items), command=20, frame=2))
    return PlanDocument(source_format="test", items=tuple(items), home=home, dialect=None, vehicle_type=2)


def test_a_check_offers_what_changes_its_verdict_alone(make_brief, straight):
    """Another height in the brief moves no leg of a file that is there; another limit does change what is found."""
    situation, document = open_situation(make_brief(straight)), low_mission()

    def judge(**told):
        return check_document(document, name="low", **told)

    found = {f.rule: f for f in Tries(situation).judged(document, judge).findings}
    assert found["ground clearance"].relaxation == ""
    assert "tried in vain: flight.alt_agl_m = 110" in found["ground clearance"].advice
    assert found["height limit"].relaxation == "flight.max_agl_m = 160"
    assert (
        check_document(document, name="low", brief=make_brief(straight, flight={"max_agl_m": 160})).findings
        != Tries(None).judged(document, judge).findings
    )


def test_many_plans_together_try_a_bounded_number_of_changes(make_brief, straight):
    judged = []
    document = low_mission()

    def judge(**told):
        judged.append(told)
        return check_document(document, name="low", **told)

    tries = Tries(open_situation(make_brief(straight)))
    for _ in range(8):
        tries.judged(document, judge)
    assert len(judged) == 8 + MOST_TRIED
    assert math.isnan(Trial(findings=()).seen_pct)
