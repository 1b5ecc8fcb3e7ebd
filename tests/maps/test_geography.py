"""The bundled borders against a public border of another source."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

from maps.geography import between, outline, outline_layers, places

NORTH = np.array([np.cos(np.radians(69.4)), 1.0])


@pytest.mark.parametrize(
    ("lat", "lon", "countries"),
    [(52.08, 23.65, {"Poland", "Belarus"}), (69.4, 30.8, {"Norway", "Russia"}), (31.78, -106.5, {"Mexico"})],
)
def test_a_place_near_a_border_is_between_two_countries(lat, lon, countries):
    assert countries <= set(between(lat, lon).split(" and "))


def test_far_from_any_border_nothing_is_said():
    assert between(0.0, -30.0) == ""


def test_lines_are_drawn_around_the_map_and_say_what_they_are():
    layer = next(one for one in outline_layers([[52.0, 23.5], [52.2, 23.8]]) if "border" in one.name)
    told = {f["properties"]["label"] for f in layer.features}
    assert any({"Poland", "Belarus"} == set(label.split(" / ")) for label in told)
    points = np.array(layer.positions())
    assert points[:, 0].min() >= 23.5 - 1.9
    assert points[:, 1].max() <= 52.2 + 1.9
    assert "coarse" in layer.legend


def test_rivers_and_towns_of_the_area_are_drawn_with_their_names():
    layers = {layer.name: layer for layer in outline_layers([[52.0, 23.5], [52.2, 23.8]])}
    rivers = {f["properties"]["label"] for f in layers["Rivers, coarse"].features}
    assert any("Bug" in name for name in rivers)
    towns = {f["properties"]["name"]: f["geometry"]["coordinates"] for f in layers["Towns"].features}
    assert towns["Brest"] == pytest.approx([23.7, 52.1], abs=0.05)
    assert "Paris" not in towns


def test_the_bundle_of_places_is_small_and_whole():
    known = places()
    assert len(known.town_names) == len(known.towns_lon_lat) > 7_000
    assert len(known.river_names) == len(known.rivers)
    assert np.abs(known.towns_lon_lat).max(axis=0).tolist() <= [180.0, 90.0]


def test_the_line_lies_where_another_source_has_it(shared_data):
    document = json.loads((shared_data / "borders/osm_geo-maps_10m/border_NOR_RUS.geojson").read_text())
    shapes = [
        shapely.from_geojson(json.dumps(f["geometry"])) for f in document.get("features", [{"geometry": document}])
    ]
    points = shapely.points(shapely.get_coordinates(shapes)[::20] * NORTH)
    known = outline()
    rows = [k for k in range(len(known.left)) if {known.left[k], known.right[k]} == {"Norway", "Russia"}]
    away = shapely.distance(points, shapely.transform(shapely.union_all(known.lines[rows]), lambda at: at * NORTH))
    assert np.quantile(away, 0.9) * 111_000 < 3_500, "a map of the world at 1 : 10 million"
