from __future__ import annotations

import base64
import dataclasses
import gzip

import numpy as np

from detection.ground_hits import GroundHits
from geo.values import Unplaced
from maps.layers import pack_hits


def test_packed_columns_hold_what_the_hits_said(hits):
    packed = pack_hits(hits, {})
    raw = gzip.decompress(base64.b64decode(packed.columns))
    n = len(hits)
    lat = np.frombuffer(raw, "<i4", n) * 1e-7
    ce90 = np.frombuffer(raw, "<f4", n, offset=12 * n)
    kind = np.frombuffer(raw, "u1", n, offset=28 * n)
    score = np.frombuffer(raw, "u1", n, offset=29 * n) / 255
    assert np.allclose(lat, [h.lat_deg for h in hits], atol=5e-8)
    assert np.allclose(ce90, 11.5)
    assert [packed.classes[k] for k in kind] == [h.class_name for h in hits]
    assert np.allclose(score, 0.8, atol=1 / 510)
    assert packed.epoch_ms == 1_767_225_600_000


def test_an_unplaced_hit_is_not_drawn(hits):
    lost = dataclasses.replace(hits[0], reason=Unplaced.ABOVE_HORIZON, lat_deg=float("nan"))
    assert pack_hits(GroundHits.concat([GroundHits.of([lost]), hits.take(slice(1, None))]), {}).count == len(hits) - 1


def test_no_hits_at_all_pack_to_an_empty_layer():
    packed = pack_hits(GroundHits.of([]), {})
    assert packed.count == 0
    assert gzip.decompress(base64.b64decode(packed.columns)) == b""


def test_hits_without_a_track_carry_none(hits):
    loose = GroundHits.of([dataclasses.replace(hits[0], track_id=""), hits[1]])
    packed = pack_hits(loose, {})
    raw = gzip.decompress(base64.b64decode(packed.columns))
    track = np.frombuffer(raw, "<i4", 2, offset=24 * 2)
    assert track[0] == -1
    assert packed.tracks[track[1]] == "T1"
