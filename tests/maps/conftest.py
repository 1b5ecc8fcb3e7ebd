"""Hits, labels that try to escape, and chips."""

from __future__ import annotations

import dataclasses
import io

import pytest
from PIL import Image

from detection.ground_hits import GroundHit, GroundHits

EVIL = "</script><script>window.pwned=1</script>${window.pwned=1}`<img src=x onerror='window.pwned=1'>"


@pytest.fixture
def evil() -> str:
    """Return a label that tries every way out of text."""
    return EVIL


@pytest.fixture
def hit() -> GroundHit:
    """Return one placed hit."""
    return GroundHit(
        hit_id="h0",
        media_id="0" * 64,
        frame_index=12,
        t_utc_ns=1_767_225_600_000_000_000,
        class_name="person",
        score_raw=0.8,
        box_px=(10.0, 10.0, 20.0, 30.0),
        lat_deg=50.0,
        lon_deg=8.0,
        alt_hae_m=120.0,
        ce90_m=11.5,
        slant_m=180.0,
        track_id="T1",
    )


@pytest.fixture
def hits(hit: GroundHit) -> GroundHits:
    """Return a row of hits, alternating in class."""
    rows = [
        dataclasses.replace(
            hit, hit_id=f"h{i}", lat_deg=50 + i * 1e-3, frame_index=i, class_name=("person", "vehicle")[i % 2]
        )
        for i in range(10)
    ]
    return GroundHits.of(rows)


@pytest.fixture
def chip() -> bytes:
    """Return a small JPEG."""
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (90, 60, 30)).save(stream, "JPEG")
    return stream.getvalue()
