"""A drawn edge is straight in degrees: the standoff is measured from it, not from a chord of some plane."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from missions.airspace.corridor_frame import DRAWN_EDGE_M, LocalFrame, cut_edges


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        ([48.0, 48.0], [8.5, 9.5]),
        ([69.5, 69.9], [28.0, 31.0]),
        ([-54.0, -54.0], [179.6, -179.6]),
        ([0.0, 0.0], [10.0, 12.0]),
    ],
)
def test_the_plane_line_follows_the_drawn_edge(lat, lon):
    lat, lon = np.array(lat), np.array(lon)
    frame = LocalFrame.about(lat, lon)
    drawn = shapely.LineString(frame.line_to_plane(lat, lon))
    share = np.linspace(0.0, 1.0, 2001)
    d_lon = (lon[1] - lon[0] + 180.0) % 360.0 - 180.0
    points = frame.to_plane(lat[0] + share * (lat[1] - lat[0]), lon[0] + share * d_lon)
    assert shapely.distance(shapely.points(points), drawn).max() <= 2.0 * DRAWN_EDGE_M


def test_a_leg_under_a_long_parallel_is_as_near_as_it_really_is():
    """50 m south of 48 N at the middle of a one-degree edge; the geodesic chord bulges 171 m away from it."""
    frame = LocalFrame.about(np.array([48.0]), np.array([9.0]))
    border = shapely.LineString(frame.line_to_plane(np.array([48.0, 48.0]), np.array([8.5, 9.5])))
    geod = pyproj.Geod(ellps="WGS84")
    lon, lat, _ = geod.fwd(9.0, 48.0, 180.0, 50.0)
    point = shapely.Point(frame.to_plane(np.array([lat]), np.array([lon]))[0])
    assert point.distance(border) == pytest.approx(50.0, abs=2 * DRAWN_EDGE_M)


def test_short_edges_are_left_as_drawn():
    lat, lon = np.array([47.38, 47.39, 47.385]), np.array([112.55, 112.57, 112.6])
    cut = cut_edges(lat, lon)
    assert cut[0] is lat
    assert cut[1] is lon


def test_every_drawn_vertex_is_kept():
    lat, lon = np.array([48.0, 48.2, 48.0]), np.array([8.0, 9.0, 10.0])
    got = set(zip(*(np.round(c, 9).tolist() for c in cut_edges(lat, lon)), strict=True))
    assert set(zip(lat.tolist(), lon.tolist(), strict=True)) <= got
