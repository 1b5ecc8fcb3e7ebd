"""The age of what was seen, against a look at every cell by itself."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from maps.coverage_age import BETWEEN, SEEN, UNSEEN, coverage_age
from maps.mercator import WORLD_M, latitude_of, northing_of
from operations.columns import frames_table
from operations.finding.archive import Archive
from operations.frames import FrameRecord, Frames
from operations.store import OperationStore
from tests.operations.finding.conftest import T0_NS, add_run, made_night

S_NS = 1_000_000_000


def strip(number, west, *, south=50.0, side=0.002):
    east, north = west + side, south + side
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return FrameRecord(
        media_id=f"{0:064x}",
        frame_index=number,
        t_utc_ns=T0_NS + number * 4 * S_NS,
        lat_deg=50.0,
        lon_deg=8.0,
        alt_hae_m=300.0,
        footprint_lon_lat=ring,
    )


@pytest.fixture
def archive(tmp_path, rng):
    """Return frames that fly east and leave 0.001 degrees between footprints, then jump after a minute."""
    hits, tracks = made_night(rng, 0, 1, 0)
    rows = [strip(k, 8.0 + k * 0.003) for k in range(5)] + [strip(20, 8.02)]
    with OperationStore.create(tmp_path / "op", name="op", actor="ana", clock=lambda: T0_NS) as store:
        add_run(store, 0, hits, tracks, frames=frames_table(Frames.of(rows), run_id=f"{0:016x}"))
        with Archive([store]) as opened:
            yield opened, rows


def test_each_cell_is_as_old_as_its_last_footprint_and_between_is_told_apart(archive):
    opened, rows = archive
    age = coverage_age(opened)
    (south, west), (north, east) = age.bounds
    high, low = northing_of(np.array(north)), northing_of(np.array(south))
    lines, columns = age.kind.shape
    side = (high - low) / lines
    assert (east - west) / 360 * WORLD_M / columns == pytest.approx(side, rel=1e-6)
    boxes = [shapely.Polygon(row.footprint_lon_lat) for row in rows]
    hulls = [shapely.union(boxes[k], boxes[k + 1]).convex_hull for k in range(4)]
    wrong = 0
    for i in range(lines):
        for j in range(columns):
            place = shapely.Point(west + (j + 0.5) / columns * (east - west), latitude_of(high - (i + 0.5) * side))
            seen = [k for k, box in enumerate(boxes) if box.contains(place)]
            kind = SEEN if seen else BETWEEN if any(hull.contains(place) for hull in hulls) else UNSEEN
            wrong += kind != age.kind[i, j]
            if seen and kind == age.kind[i, j]:
                assert age.age_s[i, j] == 80 - 4 * (seen[-1] if seen[-1] < 5 else 20)
    assert wrong <= 0.04 * lines * columns, "only cells on an edge may fall to the other side"
    assert {UNSEEN, SEEN, BETWEEN} == set(np.unique(age.kind).tolist())
    assert np.isnan(age.age_s[age.kind == UNSEEN]).all()
    assert age.seen_m2 == pytest.approx(6 * 0.002**2 * 111_229 * 71_700, rel=0.06)
    told = age.data()
    assert told["oldest_s"] == 80.0
    assert told["footprints"] == 6


def test_nothing_seen_is_no_grid(tmp_path):
    store = OperationStore.create(tmp_path / "op", name="op", actor="ana", clock=lambda: T0_NS)
    with store, Archive([store]) as opened:
        assert coverage_age(opened) is None
