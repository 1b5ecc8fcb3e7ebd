from __future__ import annotations

import re

import pytest

from maps.errors import NothingToShowError
from maps.hillshade import hillshade
from maps.layers import GeometryLayer, area, line, spot
from maps.offline_map import MapContent, write_map


class Slope:
    """Ground that rises to the east by one metre in a hundred."""

    def height_hae_m(self, lat_deg, lon_deg):
        return lon_deg * 1113.2 + 0 * lat_deg


@pytest.fixture
def content(evil):
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
        hillshade=hillshade(Slope(), south_deg=49.99, west_deg=7.97, north_deg=50.02, east_deg=8.04, size_px=64),
        notes=[evil],
    )


def open_page(browser, path, *, width, height):
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(180_000)
    seen = {"requests": [], "errors": []}
    page.on("request", lambda r: seen["requests"].append(r.url))
    page.on("pageerror", lambda e: seen["errors"].append(str(e)))
    page.on("console", lambda m: seen["errors"].append(m.text) if m.type == "error" else None)
    page.goto(f"file://{path}")
    page.wait_for_selector("body[data-ready='1']", state="attached")
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
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.browser
def test_switching_a_layer_off_removes_it(browser, content, tmp_path):
    write_map(content, tmp_path / "map.html")
    page, _ = open_page(browser, tmp_path / "map.html", width=1280, height=800)
    assert page.locator("path.leaflet-interactive").count() == 0, "drawn on a canvas"
    zones = """() => { let n = 0;
      window[document.querySelector(".folium-map").id].eachLayer((l) => { if (l instanceof L.Polygon) n++; });
      return n; }"""
    assert page.evaluate(zones) == 1
    page.hover(".leaflet-control-layers")
    page.locator("section").get_by_text("Zone").click()
    assert page.evaluate(zones) == 0
    page.close()
