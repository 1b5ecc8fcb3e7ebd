from __future__ import annotations

import re

import pytest

from benchmarks._made_hits import many_hits
from maps.errors import NothingToShowError
from maps.hillshade import hillshade
from maps.layers import GeometryLayer, area, line, pack_hits, spot
from maps.offline_map import MapContent, write_map


class Slope:
    """Ground that rises to the east by one metre in a hundred."""

    def height_hae_m(self, lat_deg, lon_deg):
        return lon_deg * 1113.2 + 0 * lat_deg


@pytest.fixture
def content(hits, chip, evil):
    border = [(7.98, 50.0), (8.0, 50.005), (8.03, 50.0)]
    return MapContent(
        title=evil,
        subtitle="two sorties",
        layers=[
            GeometryLayer(name="Border", features=[line(border, title=evil, label=evil)], style={"color": "#b71c1c"}),
            GeometryLayer(
                name="Zone",
                features=[
                    area([(7.99, 50.0), (8.0, 50.0), (8.0, 50.01), (7.99, 50.0)], rows=[[evil, evil]], title="z")
                ],
                style={"fillColor": "#f00"},
                shape="area",
            ),
            GeometryLayer(name=evil, features=[spot(8.0, 50.0, title=evil)], style={"color": "#000"}, shape="dot"),
        ],
        hits=pack_hits(hits, {"h0": chip}),
        hillshade=hillshade(Slope(), south_deg=49.99, west_deg=7.97, north_deg=50.02, east_deg=8.04, size_px=64),
        notes=[evil],
    )


def open_page(browser, path, *, width, height):
    page = browser.new_page(viewport={"width": width, "height": height})
    seen = {"requests": [], "errors": []}
    page.on("request", lambda r: seen["requests"].append(r.url))
    page.on("pageerror", lambda e: seen["errors"].append(str(e)))
    page.on("console", lambda m: seen["errors"].append(m.text) if m.type == "error" else None)
    page.goto(f"file://{path}")
    page.wait_for_function("vedette.shown === undefined || vedette.shown.x !== undefined")
    page.wait_for_timeout(200)
    return page, seen


def test_the_page_names_no_address_to_fetch_from(content, tmp_path):
    report = write_map(content, tmp_path / "map.html")
    text = (tmp_path / "map.html").read_text()
    assert report.bytes == len(text.encode())
    assert not re.findall(
        r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", text.replace('href="https://leafletjs.com"', "")
    )
    assert "@import" not in text
    assert not list(tmp_path.glob("*.part"))


def test_a_map_of_nothing_is_refused():
    with pytest.raises(NothingToShowError, match="nothing to show"):
        write_map(MapContent(title="empty"), None)


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_it_draws_offline_and_runs_nothing_from_a_label(browser, content, tmp_path, width, height):
    write_map(content, tmp_path / "map.html")
    page, seen = open_page(browser, tmp_path / "map.html", width=width, height=height)
    assert [u for u in seen["requests"] if not u.startswith(("file://", "data:", "blob:"))] == []
    assert seen["errors"] == []
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("vedette.shown.drawn") == 10
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.browser
def test_a_click_on_a_hit_shows_its_card_with_chip_class_score_time_and_ce90(browser, content, tmp_path):
    write_map(content, tmp_path / "map.html")
    page, seen = open_page(browser, tmp_path / "map.html", width=1280, height=800)
    x, y = page.evaluate(
        """() => { const h = vedette.shown, m = h._map;
        const p = m.latLngToContainerPoint([h.lat[0] * 1e-7, h.lon[0] * 1e-7]); return [p.x, p.y]; }"""
    )
    page.mouse.click(x, y)
    page.wait_for_selector(".vedette-card")
    card = page.inner_text(".leaflet-popup")
    assert "person" in card
    assert "0.80" in card
    assert "2026-01-01 00:00:00.0 UTC" in card
    assert "11.5 m" in card
    assert "not confirmed" in card
    assert page.evaluate("document.querySelector('.vedette-card img').naturalWidth") == 32
    assert seen["errors"] == []
    page.close()


@pytest.mark.browser
def test_switching_a_layer_off_removes_it_and_the_slider_hides_low_scores(browser, content, tmp_path):
    write_map(content, tmp_path / "map.html")
    page, _ = open_page(browser, tmp_path / "map.html", width=1280, height=800)
    before = page.evaluate("document.querySelectorAll('.vedette-panel').length")
    assert before == 2
    page.hover(".leaflet-control-layers")
    page.get_by_text("Hits (10)").click()
    assert page.evaluate("vedette.shown._canvas.isConnected") is False
    page.get_by_text("Hits (10)").click()
    page.eval_on_selector("input[type=range]", "e => { e.value = 90; e.dispatchEvent(new Event('input')); }")
    assert page.evaluate("vedette.shown.drawn") == 0
    page.close()


@pytest.mark.browser
@pytest.mark.slow
def test_a_million_hits_draw_in_seconds_and_ten_megabytes(browser, tmp_path, rng):
    n = 1_000_000
    packed = pack_hits(many_hits(50 + rng.normal(size=n) * 0.05, 8 + rng.normal(size=n) * 0.1), {})
    border = GeometryLayer(name="Border", features=[line([(7.5, 50.0), (8.5, 50.0)])], style={"color": "#b71c1c"})
    report = write_map(MapContent(title="million", layers=[border], hits=packed), tmp_path / "map.html")
    page, seen = open_page(browser, tmp_path / "map.html", width=1280, height=800)
    assert report.bytes < 16e6
    assert page.evaluate("vedette.shown.drawn") > 900_000
    assert (
        page.evaluate("(() => { const t = performance.now(); vedette.shown._draw(); return performance.now() - t; })()")
        < 3000
    )
    assert seen["errors"] == []
    page.close()
