from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks._made_hits import many_hits
from detection.ground_hits import GroundHit, GroundHits
from detection.labels import Labels
from geo.values import Unplaced
from operations.columns import hits_table
from operations.parts_file import write_part
from operations.queries import HitSelection
from operations.values import PartRecord
from operations.vault.vault import PlainVault

HOUR_NS = 3_600_000_000_000


def make_hits(rng: np.random.Generator, count: int, *, night: int, across: bool = False) -> GroundHits:
    """Hits of three classes over a square of half a degree and eight hours; some without a place, some calibrated."""
    lat, lon = 50 + rng.random(count) * 0.5, (179.75 if across else 8.0) + rng.random(count) * 0.5
    made = many_hits(lat, np.where(lon > 180.0, lon - 360.0, lon))
    lost = rng.random(count) < 0.1
    score = rng.random(count).astype(np.float32)
    return dataclasses.replace(
        made,
        hit_id=np.array([f"{night:02d}{i:06x}".encode() for i in range(count)], dtype="S20"),
        t_utc_ns=10**18 + night * 24 * HOUR_NS + rng.integers(0, 8 * HOUR_NS, count),
        class_name=Labels(names=("person", "vehicle", "animal"), codes=rng.integers(0, 3, count).astype(np.int32)),
        score_raw=score,
        score=np.where(rng.random(count) < 0.5, score**2, np.nan).astype(np.float32),
        lat_deg=np.where(lost, np.nan, made.lat_deg),
        lon_deg=np.where(lost, np.nan, made.lon_deg),
        reason_code=lost.astype(np.int8),
    )


def write(hits: GroundHits, folder, night: int, vault) -> PartRecord:
    name = f"parts/r{night}/hits-0000.parquet"
    path = folder / name
    path.parent.mkdir(parents=True)
    record = PartRecord(run_id=f"r{night}", table="hits", file=name, size_bytes=0, sha256="", rows=0)
    return write_part(hits_table(hits, run_id=f"r{night}"), path, final=path, vault=vault, record=record)


def brute(hits: GroundHits, selection: HitSelection) -> set[bytes]:
    """The same question, asked hit by hit."""
    found = set()
    for hit in hits:
        good = not selection.classes or hit.class_name in selection.classes
        good &= selection.from_utc_ns is None or hit.t_utc_ns >= selection.from_utc_ns
        good &= selection.to_utc_ns is None or hit.t_utc_ns <= selection.to_utc_ns
        if selection.box_deg is not None:
            south, west, north, east = selection.box_deg
            inside = west <= hit.lon_deg <= east if west <= east else (hit.lon_deg >= west or hit.lon_deg <= east)
            good &= hit.reason is None and south <= hit.lat_deg <= north and inside
        if good:
            found.add(hit.hit_id.encode())
    return found


@pytest.mark.parametrize("across", [False, True])
def test_no_part_that_holds_an_answer_is_passed_over(tmp_path, rng, across):
    nights = [make_hits(rng, 12, night=night, across=across) for night in range(4)]
    parts = [write(hits, tmp_path, night, PlainVault()) for night, hits in enumerate(nights)]
    passed_over = 0
    for _ in range(200):
        south, west = 50 + rng.random() * 0.4, (179.75 if across else 8.0) + rng.random() * 0.4
        east = west + 0.2
        night = int(rng.integers(0, 4))
        selection = HitSelection(
            classes=tuple(rng.permutation(["person", "vehicle", "animal", "boat"])[: rng.integers(0, 3)]),
            box_deg=None
            if rng.random() < 0.3
            else (south, west if west <= 180 else west - 360, south + 0.2, east if east <= 180 else east - 360),
            from_utc_ns=None if rng.random() < 0.3 else 10**18 + night * 24 * HOUR_NS + HOUR_NS,
            to_utc_ns=None if rng.random() < 0.3 else 10**18 + night * 24 * HOUR_NS + 6 * HOUR_NS,
        )
        for part, hits in zip(parts, nights, strict=True):
            assert selection.may_be_in(part) or not brute(hits, selection), selection
            passed_over += not selection.may_be_in(part)
    assert passed_over > 200


def test_a_part_without_places_is_not_asked_for_a_box(tmp_path):
    common = {"media_id": "m", "t_utc_ns": 5, "class_name": "person", "score_raw": 0.5, "box_px": (0.0, 0.0, 1.0, 1.0)}
    part = write(
        GroundHits.of([GroundHit(hit_id="b", frame_index=1, reason=Unplaced.OCCLUDED, **common)]),
        tmp_path, 0, PlainVault(),
    )  # fmt: skip
    assert not HitSelection(box_deg=(-90.0, -180.0, 90.0, 180.0)).may_be_in(part)
    assert HitSelection().may_be_in(part)
    assert not HitSelection(classes=("boat",)).may_be_in(part)
