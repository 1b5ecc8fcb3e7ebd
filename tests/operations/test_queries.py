from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks._made_hits import many_hits
from detection.ground_hits import GroundHit, GroundHits
from detection.labels import Labels
from geo.values import Unplaced
from operations.columns import hits_of, hits_table
from operations.errors import DamagedError
from operations.parts_file import write_part
from operations.queries import HitSearch, HitSelection
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
        score = hit.score_raw if np.isnan(hit.score) else hit.score
        good = not selection.classes or hit.class_name in selection.classes
        good &= selection.from_utc_ns is None or hit.t_utc_ns >= selection.from_utc_ns
        good &= selection.to_utc_ns is None or hit.t_utc_ns <= selection.to_utc_ns
        good &= selection.score_min is None or score >= np.float32(selection.score_min)
        if selection.box_deg is not None:
            south, west, north, east = selection.box_deg
            inside = west <= hit.lon_deg <= east if west <= east else (hit.lon_deg >= west or hit.lon_deg <= east)
            good &= hit.reason is None and south <= hit.lat_deg <= north and inside
        if good:
            found.add(hit.hit_id.encode())
    return found


@pytest.mark.parametrize("across", [False, True])
def test_every_question_has_the_answer_of_a_hit_by_hit_search(tmp_path, rng, across):
    nights = [make_hits(rng, 700, night=night, across=across) for night in range(4)]
    vault = PlainVault()
    parts = [write(hits, tmp_path, night, vault) for night, hits in enumerate(nights)]
    everything = GroundHits.concat(nights)
    with HitSearch(threads=1) as search:
        for _ in range(24):
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
                score_min=None if rng.random() < 0.5 else 0.5,
            )
            table = search.hits(tmp_path, parts, selection, vault=vault)
            assert {name.encode() for name in table["hit_id"].to_pylist()} == brute(everything, selection), selection
            assert table["t_utc_ns"].to_pylist() == sorted(table["t_utc_ns"].to_pylist())
            assert len(hits_of(table)) == table.num_rows


def test_parts_that_cannot_hold_an_answer_are_never_opened(tmp_path, rng):
    vault = PlainVault()
    parts = [write(make_hits(rng, 50, night=night), tmp_path, night, vault) for night in range(3)]
    (tmp_path / parts[0].file).unlink()
    (tmp_path / parts[2].file).write_bytes(b"no Parquet")
    only_one = HitSelection(from_utc_ns=10**18 + 24 * HOUR_NS, to_utc_ns=10**18 + 33 * HOUR_NS)
    with HitSearch(threads=1) as search:
        assert search.hits(tmp_path, parts, only_one, vault=vault).num_rows == 50
        assert search.hits(tmp_path, parts, HitSelection(classes=("boat",)), vault=vault).num_rows == 0
        with pytest.raises(DamagedError, match=r"parts/r0/hits-0000.parquet is missing"):
            search.hits(tmp_path, parts, HitSelection(), vault=vault)
        with pytest.raises(DamagedError, match=r"parts/r2/hits-0000.parquet cannot be read"):
            search.hits(tmp_path, parts[1:], HitSelection(), vault=vault)


def test_a_class_name_is_never_sql(tmp_path, rng):
    vault = PlainVault()
    parts = [write(make_hits(rng, 20, night=0), tmp_path, 0, vault)]
    evil = "person') OR true; COPY (SELECT 1) TO 'pwned.csv'; --"
    told = dataclasses.replace(parts[0], classes=(evil,))
    with HitSearch(threads=1) as search:
        assert search.hits(tmp_path, [told], HitSelection(classes=(evil,)), vault=vault).num_rows == 0
    assert not list(tmp_path.rglob("*.csv"))


def test_a_box_finds_no_hit_without_a_place(tmp_path):
    vault = PlainVault()
    common = {"media_id": "m", "t_utc_ns": 5, "class_name": "person", "score_raw": 0.5, "box_px": (0.0, 0.0, 1.0, 1.0)}
    rows = [
        GroundHit(hit_id="a", frame_index=0, lat_deg=50.0, lon_deg=8.0, **common),
        GroundHit(hit_id="b", frame_index=1, reason=Unplaced.OCCLUDED, **common),
    ]
    part = write(GroundHits.of(rows), tmp_path, 0, vault)
    with HitSearch(threads=1) as search:
        world = search.hits(tmp_path, [part], HitSelection(box_deg=(-90.0, -180.0, 90.0, 180.0)), vault=vault)
        assert [hit.hit_id for hit in hits_of(world)] == ["a"]
        assert search.hits(tmp_path, [part], HitSelection(), vault=vault, columns=["hit_id"]).num_rows == 2
