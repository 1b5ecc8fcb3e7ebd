"""Hits made for benchmarks, as columns."""

from __future__ import annotations

import numpy as np

from detection.ground_hits import GroundHits
from detection.labels import Labels


def many_hits(lat_deg: np.ndarray, lon_deg: np.ndarray) -> GroundHits:
    """Hits of one class and no track, a millisecond apart from 2001 on, four a frame."""
    n = len(lat_deg)
    unknown = np.full(n, np.nan, np.float32)
    return GroundHits(
        hit_id=np.char.mod("%012x", np.arange(n)).astype("S20"),
        media=Labels.repeated("0" * 64, n),
        stream=np.zeros(n, np.int16),
        frame_index=np.arange(n) // 4,
        media_t_ns=np.arange(n) * 1_000_000,
        t_utc_ns=np.arange(n) * 1_000_000 + 10**18,
        class_name=Labels.repeated("person", n),
        score_raw=np.full(n, 0.5, np.float32),
        score=unknown,
        box_px=np.tile(np.array([10.0, 10.0, 14.0, 20.0], np.float32), (n, 1)),
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        alt_hae_m=np.full(n, 120.0, np.float32),
        var_e_m2=np.full(n, 30.0, np.float32),
        var_n_m2=np.full(n, 30.0, np.float32),
        cov_en_m2=np.zeros(n, np.float32),
        ce90_m=np.full(n, 12.0, np.float32),
        slant_m=np.full(n, 180.0, np.float32),
        reason_code=np.zeros(n, np.int8),
        track=Labels.repeated("", n),
    )
