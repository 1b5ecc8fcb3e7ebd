"""Inputs that cannot be meant are named at every door: swapped degrees, another country, km/h for m/s."""

from __future__ import annotations

import numpy as np
import pytest

from geo.errors import InputError
from missions.airspace.far_places import far_place
from missions.airspace.ground_file import open_situation
from missions.checks.check import check_document
from missions.patterns.values import PatternKind, PatternRequest
from missions.plan import MissionItem, Severity
from missions.plan_files.plan_document import Home, PlanDocument
from missions.tasks.plan_door import plan_brief
from missions.tasks.response import respond
from missions.tasks.search import Search

HERE = (50.012, 8.02)


def search_at(lat, lon):
    return Search(request=PatternRequest(kind=PatternKind.POINT, datum=(lon, lat), radius_m=60.0, swath_m=60.0))


def mission_at(lat, lon):
    home = Home(lat_deg=lat, lon_deg=lon, alt_amsl_m=0.0)
    places = [(22, lat, lon), (16, lat, lon + 0.002), (16, lat + 0.001, lon), (21, lat, lon)]
    items = tuple(
        MissionItem(seq=k, command=command, frame=3, lat_deg=at, lon_deg=on, alt_m=0.0 if command == 21 else 80.0)
        for k, (command, at, on) in enumerate(places)
    )
    return PlanDocument(source_format="test", items=items, home=home, dialect=None, vehicle_type=2)


def checked(brief, lat, lon):
    return {f.rule: f for f in check_document(mission_at(lat, lon), name="far", brief=brief).findings}


def test_a_search_with_its_degrees_swapped_is_refused(make_brief, straight):
    with pytest.raises(InputError, match=r"8\.02000, 50\.01200 lies \d+ km .*latitude and longitude are swapped"):
        plan_brief(make_brief(straight), search_at(*HERE[::-1]))
    with pytest.raises(InputError, match="is it the right place, and the right brief"):
        plan_brief(make_brief(straight), search_at(47.0, 8.0))


def test_an_alarm_with_its_degrees_swapped_is_refused(make_brief, straight):
    situation = open_situation(make_brief(straight))
    with pytest.raises(InputError, match="the alarm at 8.*latitude and longitude are swapped"):
        respond(plan_brief(situation.brief).plan, situation, lat_deg=HERE[1], lon_deg=HERE[0], at_s=60.0)


def test_a_plan_of_another_country_is_found_by_its_distance(make_brief, straight):
    brief = make_brief(straight)
    found = checked(brief, *HERE[::-1])
    assert found["plan.far-off"].severity is Severity.ERROR
    assert "swapped" in found["plan.far-off"].message
    assert "standoff" not in found
    assert "plan.far-off" not in checked(brief, *HERE)


def test_kilometres_an_hour_are_named_at_search_and_check(make_brief, straight):
    brief = make_brief(straight, flight={"speed_mps": 54})
    searched = {f.rule: f for f in plan_brief(brief, search_at(*HERE)).plan.findings}
    for found in (searched, checked(brief, *HERE)):
        assert found["speed"].severity is Severity.ERROR
        assert "flight.speed_mps = 15 (if 54 km/h were meant)" in found["speed"].advice


def test_only_what_is_beyond_all_corridors_is_far(make_brief, straight):
    brief = make_brief(straight)
    near = np.array([50.01, 50.85, np.nan]), np.array([8.02, 8.02, np.nan])
    assert far_place(brief, *near) is None
    told = far_place(brief, np.append(near[0], 51.0), np.append(near[1], 8.02))
    assert (told.number, round(told.away_m, -3)) == (3, 110_000.0)
