"""The planning map: what a patrol unit sees of a plan, offline, on a screen and on a phone."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from maps.coverage_layers import coverage_layers
from maps.leg_layers import MAX_SWITCHES, LegLayer, packed, sortie_layers
from maps.offline_map import bounds_of, external_references, write_map
from maps.patrol_layers import fence_layer
from maps.plan_map import plan_map, verdict, winds
from missions.briefs.brief_file import build_brief
from missions.plan import Finding, LegKind, MissionItem, Severity
from missions.plan_files.plan_folder_file import write_plan_folder
from missions.tasks.plan_door import plan_brief

ERROR = {"rule": "standoff", "severity": Severity.ERROR, "message": "leg 3 comes within 90 m", "sortie": "S01"}


def brief_at(lon, **changes):
    def east(step):
        return (lon + step + 180.0) % 360.0 - 180.0

    raw = {
        "name": "line", "border": {"coordinates": [[48.0, east(0.0)], [48.0, east(0.06)]], "own_side": "right"},
        "standoff": {"asked_m": 200}, "corridor": {"depth_m": 500}, "aircraft": {"type": "quad-survey", "count": 2},
        "launch": [{"name": "camp", "lat_deg": 47.99, "lon_deg": east(0.02)}],
        "zone": [{"name": "mast", "centre": [47.994, east(0.04)], "radius_m": 150.0}],
        "wind": {"speed_mps": 4.0, "from_deg": 270.0}, "revisit": {"max_min": 30},
    }  # fmt: skip
    return build_brief(raw | changes, None)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    brief = brief_at(9.0)
    made = plan_brief(brief)
    finding = Finding(
        **ERROR, lat_deg=47.997, lon_deg=9.03, measured=90.0, limit=200.0, unit="m", relaxation="standoff.asked_m = 90"
    )
    made = with_plan(made, findings=(*made.plan.findings, finding))
    out = tmp_path_factory.mktemp("plan")
    write_plan_folder(made, out)
    return made


def with_plan(made, **changes):
    return dataclasses.replace(made, plan=dataclasses.replace(made.plan, **changes))


@pytest.fixture(scope="module")
def written(planned, tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "map.html"
    write_map(plan_map(planned), path)
    return path


def unpack(chain):
    return np.cumsum(chain["lat"]) * 1e-6, np.cumsum(chain["lon"]) * 1e-6


def test_packed_legs_are_the_plans_legs(planned):
    plan = planned.plan
    for sortie, layer in zip(plan.sorties, sortie_layers(plan), strict=True):
        (track,) = packed(layer, seam=False)["tracks"]
        assert track["name"] == sortie.name
        assert sum(len(chain["speed"]) for chain in track["chains"]) == len(sortie.legs) == track["count"]
        for chain in track["chains"]:
            legs = sortie.legs[chain["first"] : chain["first"] + len(chain["speed"])]
            lat, lon = unpack(chain)
            assert {leg.kind.value for leg in legs} == {chain["kind"]}
            assert lat[1:] == pytest.approx([leg.lat_end_deg for leg in legs], abs=6e-7)
            assert lon[:-1] == pytest.approx([leg.lon_start_deg for leg in legs], abs=6e-7)
            assert chain["alt"][1::2] == [round(leg.alt_amsl_end_m) for leg in legs]
            assert chain["battery"] == [round(leg.battery_end_pct) for leg in legs]


def test_take_offs_are_said_in_utc_where_the_start_is_known(planned):
    plan = planned.plan
    first = min(f.t_takeoff_s for f in plan.flights if f.sortie == plan.sorties[0].name)
    for start, told in (("", "00:"), ("2026-01-15T22:50:00Z", "22:5" if first < 600 else "23:")):
        layer = sortie_layers(dataclasses.replace(plan, start_utc=start))[0]
        assert dict(layer.tracks[0].rows)["take-offs at"].startswith(told)


def test_very_many_sorties_are_switched_by_launch_site(planned):
    plan = planned.plan
    sortie = plan.sorties[0]
    many = [
        dataclasses.replace(sortie, name=f"S{k:03d}", site="north" if k % 3 else "south")
        for k in range(MAX_SWITCHES + 1)
    ]
    layers = sortie_layers(dataclasses.replace(plan, sorties=tuple(many)))
    assert [layer.name for layer in layers] == ["Sorties from south (14)", "Sorties from north (27)"]
    assert sum(len(layer.tracks) for layer in layers) == len(many)


def test_a_plan_across_the_antimeridian_is_one_piece():
    brief = brief_at(179.97)
    content = plan_map(plan_brief(brief))
    (south, west), (north, east) = bounds_of(content.layers)
    assert 179.0 < west < 180.0 < east < 181.0
    assert 47.9 < south < north < 48.1
    for layer in content.layers:
        if isinstance(layer, LegLayer):
            for track in packed(layer, seam=True)["tracks"]:
                lons = np.concatenate([unpack(chain)[1] for chain in track["chains"]])
                assert lons.min() > 179.0
                assert lons.max() < 181.0


def test_gaps_say_why_where_the_coverage_knows():
    square = {"type": "Polygon", "coordinates": [[[9, 48], [9.01, 48], [9.01, 48.01], [9, 48]]]}
    told = {"kind": "gap", "reason": "behind the ridge", "area_m2": 12_345.0, "relaxation": "a lane at 300 m"}
    empty = {"type": "Polygon", "coordinates": []}
    document = {
        "features": [
            {"type": "Feature", "geometry": square, "properties": {"kind": "seen", "sortie": "S01"}},
            {"type": "Feature", "geometry": square, "properties": told},
            {"type": "Feature", "geometry": square, "properties": {"kind": "gap", "covered_pct": 98.0}},
            {"type": "Feature", "geometry": empty, "properties": {"kind": "gap"}},
            {"type": "Feature", "geometry": None, "properties": {"kind": "gap"}},
        ]
    }
    seen, gaps = coverage_layers(document)
    assert len(seen.features) == 1
    assert [f["properties"]["rows"] for f in gaps.features] == [
        [["why", "behind the ridge"], ["area", "1.23 ha"], ["would do", "a lane at 300 m"]],
        [],
    ]


def test_the_panel_says_the_numbers_of_the_plan(planned):
    plan, panel = planned.plan, plan_map(planned).panel
    rows = dict(panel.rows)
    assert rows["standoff"] == f"{plan.min_standoff_m:.0f} m kept, 200 m asked"
    assert "30 min asked" in rows["revisit"]
    assert f"{plan.worst_revisit_s / 60:.1f} min" in rows["revisit"]
    assert rows["sorties"].startswith(str(len(plan.sorties)))
    assert not panel.good
    errors = sum(f.severity is Severity.ERROR for f in plan.findings)
    assert panel.verdict.startswith(f"not fit to fly, {errors} error")
    assert verdict(()) == "keeps every rule"


def test_a_launch_site_nobody_starts_from_is_shown_as_such(planned):
    brief = planned.situation.brief
    spare = brief.launch[0].model_copy(update={"name": "spare", "lat_deg": 47.98})
    more = dataclasses.replace(planned.situation, brief=brief.model_copy(update={"launch": (*brief.launch, spare)}))
    content = plan_map(dataclasses.replace(planned, situation=more))
    by_name = {layer.name: layer for layer in content.layers}
    assert [f["properties"]["label"] for f in by_name["Launch sites not used"].features] == ["spare"]
    assert [f["properties"]["label"] for f in by_name["Launch sites"].features] == ["camp"]


def test_the_map_begins_at_the_flights_not_at_a_whole_border(planned):
    plan = planned.plan
    brief = brief_at(9.0, border={"coordinates": [[48.0, 8.0], [48.0, 10.0]], "own_side": "right"})
    content = plan_map(dataclasses.replace(planned, situation=dataclasses.replace(planned.situation, brief=brief)))
    (south, west), (north, east) = content.frame
    legs = [leg for s in plan.sorties for leg in (*s.legs, *s.failsafe)]
    assert west == min(min(g.lon_start_deg, g.lon_end_deg) for g in legs)
    assert (south, north) == (min(g.lat_end_deg for g in legs), max(g.lat_end_deg for g in legs))
    assert east - west < 0.1


def test_each_layer_of_the_wind_has_its_arrow():
    layered = brief_at(9.0, wind={"layer": [
        {"alt_amsl_m": 500.0, "speed_mps": 9.0, "from_deg": 280.0},
        {"alt_amsl_m": 100.0, "speed_mps": 0.0, "from_deg": 0.0},
    ]})  # fmt: skip
    assert [(w["speed_mps"], w["text"]) for w in winds(layered.wind)] == [
        (0.0, "calm at 100 m AMSL"), (9.0, "9 m/s from 280° at 500 m AMSL"),
    ]  # fmt: skip


def test_a_fence_is_drawn_as_the_vehicle_reads_it():
    def item(command, lat, lon, p1):
        return MissionItem(seq=0, command=command, frame=0, p1=p1, lat_deg=lat, lon_deg=lon)

    square = [(48.0, 9.0), (48.0, 9.1), (48.1, 9.1), (48.1, 9.0)]
    items = tuple(item(5001, *c, 4.0) for c in square) + (item(5004, 48.05, 9.05, 500.0),)
    layer = fence_layer([items, items], show=True)
    keep_in, keep_out = layer.features
    assert keep_in["geometry"]["coordinates"] == [[9.0, 48.0], [9.1, 48.0], [9.1, 48.1], [9.0, 48.1], [9.0, 48.0]]
    assert keep_out["properties"]["title"] == "Geofence: stay out"
    assert max(lat for _, lat in keep_out["geometry"]["coordinates"]) == pytest.approx(48.05 + 500 / 111_200, abs=2e-5)


def test_the_page_asks_the_network_for_nothing_and_holds_no_markup_of_a_name(planned, evil, tmp_path):
    plan = planned.plan
    sorties = tuple(dataclasses.replace(s, name=evil, site=evil, aircraft=evil) for s in plan.sorties)
    named = with_plan(
        planned, name=evil, sorties=sorties,
        findings=(Finding(**(ERROR | {"rule": evil, "message": evil, "sortie": evil}), lat_deg=48.0, lon_deg=9.0),),
    )  # fmt: skip
    write_map(plan_map(named), tmp_path / "map.html")
    text = (tmp_path / "map.html").read_text()
    assert external_references(text) == 0
    assert evil not in text
    assert not re.search(r"<img[^>]+pwned", text)


def open_page(browser, path, width=1280, height=800):
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(180_000)
    seen = {"requests": [], "errors": []}
    page.on("request", lambda r: seen["requests"].append(r.url))
    page.on("pageerror", lambda e: seen["errors"].append(str(e)))
    page.on("console", lambda m: seen["errors"].append(m.text) if m.type == "error" else None)
    page.goto(f"file://{path}")
    page.wait_for_timeout(200)
    return page, seen


FIND_MAP = "() => { window.theMap = Object.values(window).find((v) => v && v instanceof L.Map); }"


def point_of(page, lat, lon):
    page.evaluate(FIND_MAP)
    x, y = page.evaluate(f"() => {{ const p = theMap.latLngToContainerPoint([{lat}, {lon}]); return [p.x, p.y]; }}")
    return x, y


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_it_opens_on_a_screen_and_a_phone(browser, planned, written, width, height):
    plan = planned.plan
    page, seen = open_page(browser, written, width, height)
    assert seen["errors"] == []
    assert [u for u in seen["requests"] if not u.startswith(("file://", "data:", "blob:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.inner_text(".verdict").startswith("not fit to fly")
    folded = page.locator(".vedette-panel dl").first.is_hidden()
    assert folded == (width < 640)
    if folded:
        page.click(".vedette-title")
    shown = page.inner_text(".vedette-panel dl >> nth=0")
    assert f"{plan.min_standoff_m:.0f} m kept" in shown
    box = page.locator(".vedette-panel").first.bounding_box()
    assert box["x"] + box["width"] <= width
    assert page.locator(".vedette-compass svg").count() == 2
    assert "4 m/s from 270°" in page.inner_text(".vedette-compass")
    turned = page.locator(".vedette-compass .wind g").get_attribute("transform")
    assert turned == "rotate(90)"
    page.close()


@pytest.mark.browser
def test_a_click_on_a_leg_tells_of_that_leg(browser, planned, written):
    plan, brief = planned.plan, planned.situation.brief
    sortie = plan.sorties[0]
    number, leg = max(
        ((k, g) for k, g in enumerate(sortie.legs) if g.kind is LegKind.WORK),
        key=lambda pair: pair[1].t_end_s - pair[1].t_start_s,
    )
    page, seen = open_page(browser, written)
    share = 0.31
    lat = leg.lat_start_deg + share * (leg.lat_end_deg - leg.lat_start_deg)
    lon = leg.lon_start_deg + share * (leg.lon_end_deg - leg.lon_start_deg)
    page.mouse.click(*point_of(page, lat, lon))
    page.wait_for_selector(".vedette-card")
    card = page.inner_text(".leaflet-popup")
    assert sortie.name in card
    assert f"{number + 1} of {len(sortie.legs)}, work" in card
    assert f"{leg.alt_amsl_start_m:.0f}" in card
    assert f"{leg.speed_mps:.1f} m/s" in card
    assert f"{leg.battery_end_pct:.0f} %" in card
    assert f"{round(leg.alt_amsl_start_m - (brief.terrain.flat_amsl_m or 0.0))}" in card
    assert "after take-off" in card
    assert "camp" in card
    assert seen["errors"] == []
    page.close()


@pytest.mark.browser
def test_a_click_on_a_finding_says_rule_measured_limit_and_remedy(browser, written):
    page, _ = open_page(browser, written)
    page.mouse.click(*point_of(page, 47.997, 9.03))
    page.wait_for_selector(".vedette-card")
    card = page.inner_text(".leaflet-popup")
    for told in ("error: standoff", "leg 3 comes within 90 m", "90 m", "200 m", "standoff.asked_m = 90", "S01"):
        assert told in card
    page.close()


@pytest.mark.browser
def test_sorties_switch_off_and_failsafe_ways_switch_on(browser, planned, written):
    plan = planned.plan
    page, _ = open_page(browser, written)
    page.evaluate(FIND_MAP)
    lines = "l instanceof L.Polyline && !(l instanceof L.Polygon)"
    count = f"() => {{ let n = 0; theMap.eachLayer((l) => {{ if ({lines}) n++; }}); return n; }}"
    before = page.evaluate(count)
    page.hover(".leaflet-control-layers")
    page.get_by_text(f"Sortie {plan.sorties[0].name}").click()
    without = page.evaluate(count)
    assert without < before
    page.get_by_text("Failsafe ways").click()
    assert page.evaluate(count) > without
    page.close()


@pytest.mark.browser
def test_on_paper_nothing_is_cut_and_no_control_is_left(browser, planned, written):
    page, seen = open_page(browser, written, 390, 844)
    rows = page.locator(".vedette-panel .row").all_text_contents()
    before = page.evaluate("document.querySelector('.folium-map').offsetWidth")
    page.emulate_media(media="print")
    page.wait_for_selector("body.vedette-printing", state="attached")
    sheet = page.locator(".vedette-paper")
    assert sheet.locator(".row").all_text_contents() == rows
    assert sheet.locator("details").get_attribute("open") is not None
    assert planned.plan.name in sheet.inner_text()
    for gone in (".leaflet-control-zoom", ".leaflet-control-layers", ".vedette-panel:not(.vedette-compass)"):
        assert page.locator(gone).first.is_hidden(), gone
    drawn = page.evaluate(
        "[document.querySelector('.folium-map'), document.querySelector('.vedette-paper')].map((n) => n.offsetWidth)"
    )
    assert max(drawn) <= 1000, "an A4 sheet is 1047 pixels wide between its margins"
    page.emulate_media(media="screen")
    page.wait_for_selector("body:not(.vedette-printing)", state="attached")
    assert page.evaluate("document.querySelector('.folium-map').offsetWidth") == before
    assert seen["errors"] == []
    page.close()


@pytest.mark.browser
def test_nothing_in_a_name_runs(browser, planned, evil, tmp_path):
    plan = planned.plan
    sorties = tuple(dataclasses.replace(s, name=evil, site=evil, aircraft=evil) for s in plan.sorties)
    flights = tuple(dataclasses.replace(f, sortie=evil, aircraft=evil, site=evil) for f in plan.flights)
    finding = Finding(**(ERROR | {"rule": evil, "message": evil, "sortie": evil}), lat_deg=48.0, lon_deg=9.03)
    named = with_plan(
        planned,
        name=evil,
        sorties=sorties,
        flights=flights,
        findings=(finding, dataclasses.replace(finding, lat_deg=float("nan"))),
    )
    write_map(plan_map(named), tmp_path / "map.html")
    page, seen = open_page(browser, tmp_path / "map.html")
    page.click(".vedette-sign.error")
    page.wait_for_selector(".vedette-card")
    page.hover(".leaflet-control-layers")
    leg = plan.sorties[0].legs[4]
    page.mouse.click(*point_of(page, leg.lat_end_deg, leg.lon_end_deg))
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None
    assert page.locator("img[src=x]").count() == 0
    assert seen["errors"] == []
    page.close()
