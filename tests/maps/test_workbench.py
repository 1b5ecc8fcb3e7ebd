"""The page an analyst works on, in a real browser with real keys and clicks, offline."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyproj
import pytest
from PIL import Image

from geo.grid_reference import mgrs_of
from maps.offline_map import write_map
from maps.operation_map import Surroundings, operation_map
from missions.briefs.places import GeoLine
from operations.finding.archive import Archive
from operations.finding.border import BorderLine
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.store import OperationStore
from tests.operations.finding.conftest import T0_NS, made_operation

pytestmark = pytest.mark.browser
BORDER = GeoLine(lat_deg=np.array([50.05, 50.05]), lon_deg=np.array([7.9, 8.2]))
SCREEN = {"viewport": {"width": 1280, "height": 800}}
AXE = next(iter(Path(__file__).parents[4].glob("peers/axe/node_modules/axe-core/axe.min.js")), None)
"""axe-core (MPL 2.0), where npm put it beside the checkouts (npm i axe-core in peers/axe)."""

VIOLATIONS = """async () => (await axe.run(document, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }))
  .violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html.slice(0, 120)).slice(0, 3).join(" | "))"""
OFF_SCREEN = """() => [...document.querySelectorAll("button, input, select, h1, h2, dd, img, video, [role=option]")]
  .filter((node) => {
    if (!node.checkVisibility() || node.closest(".sliders, .leaflet-pane")) return false;
    const box = node.getBoundingClientRect();
    return box.width && (box.left < -1 || box.right > innerWidth + 1);
  }).map((node) => node.outerHTML.slice(0, 90))"""


@dataclasses.dataclass
class Night:
    """A page, and what a second way of asking says of the same operation."""

    page: str
    store: OperationStore

    def found(self, **asked):
        with Archive([self.store]) as archive:
            return find(archive, ThingIndex(archive), ThingSelection(border=BorderLine([BORDER]), **asked))


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    with OperationStore.open(made_operation(folder / "op"), actor="ana", clock=lambda: T0_NS) as store:
        with Archive([store]) as archive:
            content = operation_map(archive, Surroundings(border=[BORDER], zone=dt.timezone(dt.timedelta(hours=1))))
        write_map(content, folder / "page.html")
        yield Night(page=(folder / "page.html").as_uri(), store=store)


@contextlib.contextmanager
def opened(browser, address, form=None, before=""):
    """Open a page offline; fail when it asked for anything, or said anything in the console."""
    context = browser.new_context(offline=True, **(form or SCREEN))
    page = context.new_page()
    page.add_init_script(before or ";")
    page.set_default_timeout(180_000)
    page.set_default_navigation_timeout(180_000)
    seen = []
    page.on("request", lambda r: seen.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None)
    page.on("pageerror", lambda e: seen.append(f"error {e}"))
    page.on("console", lambda m: seen.append(f"console {m.text}"))
    page.goto(address)
    page.wait_for_selector("body[data-ready='1']", state="attached")
    yield page
    assert seen == []
    context.close()


def until(page, told):
    """Wait until an expression is true; the page's policy lets nobody poll it from inside."""
    for _ in range(200):
        if page.evaluate(told):
            return
        page.wait_for_timeout(50)
    raise AssertionError(told)


def counts(page):
    """Return what the header says, as numbers by word."""
    text = page.inner_text(".counts")
    return {
        word: int(number) for number, word in re.findall(r"(\d+) (track|hit|single|event|without|improbable)", text)
    }


def ids_listed(page):
    return page.evaluate("Array.from(vedette.desk_.shown.keys, (k) => vedette.desk_.op.item(k).id)")


def test_the_page_opens_with_everything_and_asks_for_nothing(browser, night):
    with opened(browser, night.page) as page:
        hits = night.store.hits()
        told = counts(page)
        assert told["track"] == night.found().total == 24
        assert told["hit"] == len(hits)
        assert told["single"] == sum(not h.track_id for h in hits)
        assert told["without"] == sum(h.reason is not None for h in hits)
        assert page.locator("[role=option]").count() < 24, "rows are made for what is on the screen"
        assert "2026-01-01" in page.inner_text(".vedette-head")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_what_the_first_picture_does_not_need_comes_after_it(browser, night):
    page = Path(night.page.removeprefix("file://")).read_text(encoding="utf-8")
    opens = page.index("vedette.openPage();</script>")
    assert page.index('id="vedette-first-3"') < opens < page.index('id="vedette-later-1"')
    with opened(browser, night.page) as tab:
        assert tab.evaluate("performance.getEntriesByName('painted').length") == 1
        assert tab.evaluate("document.querySelectorAll('[id^=vedette-first-], [id^=vedette-later-]').length") == 0


def test_very_many_ids_reach_the_card_by_their_bytes(browser, night, tmp_path, monkeypatch):
    monkeypatch.setattr("maps.packed_columns._WRITTEN_OUT", 1)
    with Archive([night.store]) as archive:
        content = operation_map(archive, Surroundings(border=[BORDER]))
    assert content.found["hit_ids"]["hex"] == 8
    write_map(content, tmp_path / "page.html")
    with opened(browser, (tmp_path / "page.html").as_uri()) as page:
        told = page.evaluate("""(() => { const { op } = vedette.desk_, rows = Array.from(op.hits.thing.keys());
            const alone = rows.filter((i) => op.hits.thing[i] < 0);
            return alone.map((i) => [op.data.epoch_ms + op.hits.t[i], op.idOfHit(i)]); })()""")
    assert sorted(map(tuple, told)) == sorted(
        (h.t_utc_ns // 1_000_000, h.hit_id) for h in night.store.hits() if not h.track_id
    )


def test_a_lean_page_says_of_hits_only_what_it_holds(browser, night, tmp_path):
    with Archive([night.store]) as archive:
        content = operation_map(archive, Surroundings(border=[BORDER], lean=True))
    assert not {"details", "hit_ids", "chips"} & set(content.found)
    write_map(content, tmp_path / "page.html")
    with opened(browser, (tmp_path / "page.html").as_uri()) as page:
        assert counts(page)["hit"] == len(night.store.hits())
        page.evaluate("vedette.desk_.select(Array.from(vedette.desk_.shown.keys).at(-1))")
        card = page.inner_text(".vedette-card-panel")
        assert "single hit" in card
        assert "CE90" in card
        assert "frame" not in card.replace("Whole frame", "")
        assert "written lean" in page.evaluate("document.querySelector('#vedette-panel-layers').textContent")


def test_keys_walk_the_list_and_the_card_says_what_the_store_says(browser, night):
    things = {t.thing_id: t for t in night.found().things}
    with opened(browser, night.page) as page:
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        page.keyboard.press("j")
        shown = page.evaluate("vedette.desk_.op.item(vedette.desk_.selected).id")
        assert shown == ids_listed(page)[1]
        card, thing = page.inner_text(".vedette-card-panel"), things[shown]
        grid = mgrs_of(thing.lat_deg, thing.lon_deg)
        assert f"{grid[:-12]} {grid[-12:-10]} {grid[-10:-5]} {grid[-5:]}" in card
        assert f"{thing.ce90_m:.1f} m" in card
        assert "Machine assessment" in card
        assert "nobody has yet" in card
        assert dt.datetime.fromtimestamp(thing.shown_utc_ns / 1e9, tz=dt.UTC).strftime("%Y-%m-%d %H:%M:%S") in card
        assert f"flight {int(thing.media_id, 16)}.ts" in card
        box = page.locator(".vedette-card-panel img").bounding_box()
        assert min(box["width"], box["height"]) >= 160
        page.keyboard.press("Escape")
        assert page.locator(".vedette-card-panel").is_hidden()


def test_one_filter_acts_on_list_counts_hits_and_address_and_the_address_brings_it_back(browser, night):
    with opened(browser, night.page) as page:
        page.keyboard.press("f")
        page.get_by_role("checkbox", name="vehicle").uncheck()
        page.get_by_role("slider", name="Best score").fill("0.5")
        wanted = {t.thing_id for t in night.found(classes=("person",), score_min=0.5).things}
        assert {i for i in ids_listed(page) if i.startswith("T")} == wanted
        hits = [h for h in night.store.hits() if h.class_name == "person"]
        best = [h for h in hits if (h.score if h.score == h.score else h.score_raw) >= 0.5]
        assert counts(page)["hit"] == sum(not h.track_id or h.track_id in wanted for h in best)
        until(page, "location.hash.includes('score=0.5')")
        address, told = page.url, page.inner_text(".counts")
    with opened(browser, address) as page:
        assert page.inner_text(".counts") == told
        page.keyboard.press("r")
        assert counts(page)["track"] == 24


def test_the_window_of_time_and_the_border_choose_as_find_does(browser, night):
    with opened(browser, night.page) as page:
        data = page.evaluate("({ epoch: vedette.desk_.op.data.epoch_ms, end: vedette.desk_.op.data.end_ms })")
        middle = (data["epoch"] + data["end"]) // 2
        page.evaluate(f"vedette.desk_.set({{ from: {middle - data['epoch']}, to: {data['end'] - data['epoch']} }})")
        late = {t.thing_id for t in night.found(from_utc_ns=middle * 1_000_000).things}
        assert {i for i in ids_listed(page) if i.startswith("T")} == late
        page.evaluate("vedette.desk_.set({ near: 1000 })")
        near = {t.thing_id for t in night.found(from_utc_ns=middle * 1_000_000, near_border_m=1000.0).things}
        near |= {t.thing_id for t in night.found(from_utc_ns=middle * 1_000_000).things if t.closest_m <= 1000.0}
        assert {i for i in ids_listed(page) if i.startswith("T")} == near


def test_improbable_tracks_are_hidden_counted_and_one_click_away(browser, night):
    with opened(browser, night.page) as page:
        page.evaluate("vedette.desk_.op.things.existence.fill(0.3, 0, 5); vedette.desk_.set({})")
        assert counts(page)["track"] == 19
        assert counts(page)["improbable"] == 5
        page.get_by_label("Show what improbable tracks are hidden").click()
        assert counts(page)["track"] == 24
        page.evaluate("vedette.desk_.op.things.decision[0] = 1; vedette.desk_.reset()")
        assert counts(page)["track"] == 20, "what a person decided about is never hidden as improbable"


def test_places_and_distances_are_those_of_other_libraries(browser, night, rng):
    lat, lon = rng.uniform(-79.9, 83.9, 400), rng.uniform(-180, 180, 400)
    lat[:3], lon[:3] = (60.0, 75.0, -0.001), (5.0, 20.0, 179.999)
    other_lat, other_lon = lat + rng.uniform(-1, 1, 400), lon + rng.uniform(-2, 2, 400)
    with opened(browser, night.page) as page:
        said = page.evaluate("(ps) => ps.map(([a, b]) => vedette.mgrs(a, b))", np.stack([lat, lon], 1).tolist())
        ways = np.stack([lat, lon, other_lat, other_lon], 1).tolist()
        lines = page.evaluate(
            "(ps) => ps.map((p) => { const g = vedette.geodesic(...p); return [g.metres, g.bearing]; })", ways
        )
    wanted = [mgrs_of(*at) for at in zip(lat.tolist(), lon.tolist(), strict=True)]
    assert [s[:-10] for s in said] == [w[:-10] for w in wanted]
    apart = [
        abs(int(s[k : k + 5 or None]) - int(w[k : k + 5 or None]))
        for s, w in zip(said, wanted, strict=True)
        for k in (-10, -5)
    ]
    assert max(apart) <= 1
    bearing, _, metres = pyproj.Geod(ellps="WGS84").inv(lon, lat, other_lon, other_lat)
    measured = np.array(lines)
    assert np.abs(measured[:, 0] - metres).max() < 0.001
    assert np.abs((measured[:, 1] - bearing + 180) % 360 - 180).max() < 1e-6


def test_an_area_drawn_by_clicks_chooses_what_lies_in_it(browser, night):
    with opened(browser, night.page) as page:
        page.keyboard.press("d")
        box = page.locator(".folium-map").bounding_box()
        x, y, w, h = box["x"], box["y"], box["width"], box["height"]
        for fx, fy in ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)):
            page.mouse.click(x + w * fx, y + h * fy)
            page.wait_for_timeout(350)
        page.keyboard.press("Enter")
        area = page.evaluate("vedette.desk_.filters.area")
        assert len(area) == 4
        (north, west), (south, east) = area[0], area[2]
        things = night.found().things
        held = set()
        for row in range(len(things)):
            points = slice(int(things.offsets[row]), int(things.offsets[row + 1]))
            lat, lon = things.point_lat_deg[points], things.point_lon_deg[points]
            if ((lat > south) & (lat < north) & (lon > west) & (lon < east)).any():
                held.add(things.ids["thing_id"][row])
        assert 0 < len(held) < 24
        assert {i for i in ids_listed(page) if i.startswith("T")} == held


@pytest.mark.parametrize("device", ["Pixel 7", "iPhone 13"])
def test_on_a_phone_nothing_is_off_the_screen(browser, night, device):
    width, height = {"Pixel 7": (412, 839), "iPhone 13": (390, 664)}[device]
    form = {
        "viewport": {"width": width, "height": height},
        "device_scale_factor": 2.625,
        "is_mobile": True,
        "has_touch": True,
    }
    with opened(browser, night.page, form) as page:
        for tab in ("List", "Pictures", "Filters", "Legend", "Map"):
            page.get_by_role("tab", name=tab).tap()
            assert page.evaluate(OFF_SCREEN) == [], tab
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("tab", name="List").tap()
        page.locator("[role=option]").nth(1).tap()
        card = page.locator(".vedette-card-panel").bounding_box()
        assert card["x"] >= 0
        assert card["x"] + card["width"] <= width
        assert card["y"] + card["height"] <= height
        assert page.evaluate(OFF_SCREEN) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_against_wcag_in_any_panel(browser, night, scheme):
    if AXE is None:
        pytest.skip("axe-core is not in peers/axe beside the checkouts (npm i axe-core there)")
    with opened(browser, night.page, {**SCREEN, "color_scheme": scheme}) as page:
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for key in ("l", "j", "g", "f", "y"):
            page.keyboard.press(key)
            assert page.evaluate(VIOLATIONS) == [], key


@pytest.mark.skipif(shutil.which("gs") is None, reason="Ghostscript is not installed (apt-get install ghostscript)")
def test_on_paper_the_ground_lies_beneath_what_is_drawn(browser, night, tmp_path):
    with opened(browser, night.page) as page:
        page.pdf(path=tmp_path / "page.pdf", format="A4", landscape=True, print_background=True)
        colour = page.evaluate("getComputedStyle(document.querySelector('.folium-map')).backgroundColor")
    shown = ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=png16m", "-r60", "-dLastPage=1"]
    subprocess.run([*shown, f"-sOutputFile={tmp_path / 'sheet.png'}", tmp_path / "page.pdf"], check=True, timeout=120)
    ground = tuple(int(value) for value in re.findall(r"\d+", colour)[:3])
    colours = {told: count for count, told in Image.open(tmp_path / "sheet.png").convert("RGB").getcolors(1 << 20)}
    nearly = sum(n for told, n in colours.items() if max(abs(a - b) for a, b in zip(told, ground, strict=True)) <= 2)
    assert nearly > 0.15 * sum(colours.values()), "a canvas that covers it is white"


def test_paper_has_title_map_legend_and_a_table_and_no_controls(browser, night, tmp_path):
    with opened(browser, night.page) as page:
        page.emulate_media(media="print")
        until(page, "document.body.classList.contains('vedette-printing')")
        text = page.inner_text("body")
        assert "Night 1" in text
        assert "2026-01-01" in text
        assert page.locator(".vedette-paper tr").count() == 1 + len(ids_listed(page))
        for gone in (".tools", ".vedette-tabs", ".vedette-side", ".vedette-time", ".leaflet-control-zoom"):
            assert page.locator(gone).first.is_hidden(), gone
        wide = page.locator(".folium-map").bounding_box()
        assert wide["x"] + wide["width"] <= 1280
        page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
        page.emulate_media(media="screen")
        until(page, "!document.body.classList.contains('vedette-printing')")
        assert page.locator(".vedette-side").is_visible()
    assert (tmp_path / "page.pdf").read_bytes()[:4] == b"%PDF"
