"""What a child answers about a vector file is doubted: good columns packed by hand, then each one spoiled."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from geo.gis.vector_values import VectorShapes

GOOD = {
    "xy": [8.0, 50.0, 8.1, 50.1, 9.0, 51.0, 9.1, 51.0, 9.1, 51.1, 9.0, 51.0],
    "ring_start": [0, 1, 2],
    "point_start": [0, 2, 6],
    "kind": [1, 2],
}
"""A line of two points and a polygon of one ring of four."""


def read(*, counts=(2, 2, 6), more=b"", **changes):
    told = GOOD | changes
    data = struct.pack(f"<{len(told['xy'])}d", *told["xy"])
    data += struct.pack(f"<{len(told['ring_start'])}q", *told["ring_start"])
    data += struct.pack(f"<{len(told['point_start'])}q", *told["point_start"])
    return VectorShapes.of_bytes(*counts, data + struct.pack(f"<{len(told['kind'])}b", *told["kind"]) + more)


def test_good_columns_are_taken_as_they_are():
    shapes = read()
    assert (shapes.kind.tolist(), shapes.ring_start.tolist()) == ([1, 2], [0, 1, 2])
    assert shapes.point_start.tolist() == [0, 2, 6]
    np.testing.assert_array_equal(shapes.lon_lat_deg.reshape(-1), GOOD["xy"])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ring_start": [1, 1, 2]}, "follow one another"),
        ({"ring_start": [0, 1, 1]}, "follow one another"),
        ({"ring_start": [0, 3, 2]}, "follow one another"),
        ({"point_start": [1, 2, 6]}, "follow one another"),
        ({"point_start": [0, 2, 5]}, "follow one another"),
        ({"point_start": [0, 7, 6]}, "follow one another"),
        ({"point_start": [0, 2, 2**62]}, "follow one another"),
        ({"ring_start": [0, 2, 2]}, "is empty"),
        ({"ring_start": [0, 0, 2]}, "is empty"),
        ({"point_start": [0, 6, 6]}, "is empty"),
        ({"kind": [1, 3]}, "no place on Earth"),
        ({"kind": [-1, 2]}, "no place on Earth"),
        ({"xy": [*GOOD["xy"][:-1], 90.1]}, "no place on Earth"),
        ({"xy": [360.1, *GOOD["xy"][1:]]}, "no place on Earth"),
        ({"xy": [float("nan"), *GOOD["xy"][1:]]}, "no place on Earth"),
        ({"counts": (2, 2, 5)}, "bytes do not hold"),
        ({"counts": (3, 2, 6)}, "bytes do not hold"),
        ({"counts": (-1, 2, 6)}, "bytes do not hold"),
        ({"counts": (2, -1, 6)}, "bytes do not hold"),
        ({"counts": (2, 2, -6)}, "bytes do not hold"),
        ({"more": b"\0"}, "bytes do not hold"),
    ],
    ids=str,
)
def test_each_column_is_doubted_by_itself(changes, why):
    with pytest.raises(ValueError, match=why):
        read(**changes)


def test_the_edges_of_the_earth_are_on_it():
    assert len(read(xy=[360.0, 90.0, -360.0, -90.0, *GOOD["xy"][4:]]).kind) == 2
