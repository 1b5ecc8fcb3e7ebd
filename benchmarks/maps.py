"""Time and size of a page of a million hits against folium's FastMarkerCluster, and how soon a browser shows ours."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folium
import numpy as np
from folium.plugins import FastMarkerCluster

from benchmarks import Row
from benchmarks._made_hits import finished_run, many_hits, recording
from detection.labels import Labels
from geo.accuracy import ce90_m
from maps.offline_map import write_map
from maps.operation_map import Surroundings, operation_map
from operations.case_file import Draft
from operations.columns import hits_table
from operations.finding.archive import Archive
from operations.log.leaves import LeafKind
from operations.store import OperationStore

if TYPE_CHECKING:
    from detection.ground_hits import GroundHits
    from operations.finding.archive import Archive as OpenArchive

COUNT = 1_000_000
NAME = "folium FastMarkerCluster"
PAINTED = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"
)
READY = "body[data-ready='1']"
MAP = "window[document.querySelector('.folium-map').id]"
LIMITS_S = {"first paint": 2.0, "zoom": 0.2, "filter": 0.2}
BUILD_S, FULL_MB, LEAN_MB = 3.0, 25.0, 11.0


def as_in_life(hits: GroundHits, rng: np.random.Generator) -> GroundHits:
    """Return hits with what differs from one to the next: ids as they are hashed, scores, sizes of errors, ranges."""
    n = len(hits)
    digits = np.frombuffer(rng.bytes(10 * n).hex().encode(), "S20")
    east, north = (rng.gamma(4.0, 8.0, n).astype(np.float32) for _ in range(2))
    covariance = (rng.uniform(-0.8, 0.8, n) * np.sqrt(east * north)).astype(np.float32)
    return dataclasses.replace(
        hits,
        hit_id=digits,
        score_raw=rng.beta(4.0, 3.0, n).astype(np.float32),
        var_e_m2=east,
        var_n_m2=north,
        cov_en_m2=covariance,
        ce90_m=ce90_m(east, north, covariance).astype(np.float32),
        slant_m=rng.uniform(90.0, 400.0, n).astype(np.float32),
        contrast=rng.normal(1.7, 0.4, n).astype(np.float32),
        class_name=Labels(names=("person", "vehicle", "animal"), codes=rng.integers(0, 3, n).astype(np.int32)),
        frame_index=np.arange(n) // 4,
        media_t_ns=np.arange(n) // 4 * 40_000_000,
        t_utc_ns=np.arange(n) // 4 * 40_000_000 + 10**18,
    )


def filled(folder: Path, lat: np.ndarray, lon: np.ndarray) -> OperationStore:
    """Return an operation whose only run found these hits."""
    clock = itertools.count(10**18)
    store = OperationStore.create(folder, name="a million", actor="benchmark", clock=lambda: next(clock))
    film = recording(0, "flight.ts")
    run = finished_run(0, [film])
    with store.begin_run(run) as writer:
        hits = as_in_life(many_hits(lat, lon), np.random.default_rng(8))
        writer.add("hits", hits_table(hits, run_id=run.run_id))
        writer.finish(run, before=[Draft(kind=LeafKind.MEDIA, subject=film.id, body=film.body())])
    return store


def ours_s(archive: OpenArchive, page: Path, *, lean: bool) -> float:
    """Return processor seconds in which our page is written."""
    start = time.process_time()
    write_map(operation_map(archive, Surroundings(zone=dt.UTC, lean=lean)), page)
    return time.process_time() - start


def theirs_s(lat: np.ndarray, lon: np.ndarray, page: Path) -> float:
    start = time.process_time()
    drawn = folium.Map()
    FastMarkerCluster(np.column_stack([lat, lon]).tolist()).add_to(drawn)
    drawn.save(page)
    return time.process_time() - start


def seen_in_browser(page: Path) -> dict[str, float]:
    """Return milliseconds until our page is painted, and until a zoom and a filter are, in Chromium without a GPU."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        tab: Any = browser.new_context(offline=True, viewport={"width": 1280, "height": 800}).new_page()
        tab.set_default_timeout(300_000)
        tab.goto(page.as_uri())
        tab.wait_for_selector(READY, state="attached")
        told = {"first paint": tab.evaluate("performance.getEntriesByName('painted')[0].startTime")}
        for what, act in (
            ("zoom", f"{MAP}.setZoom(14, {{ animate: false }})"),
            ("filter", "vedette.desk_.set({ score: 0.2 })"),
        ):
            told[what] = tab.evaluate(
                f"async () => {{ const t = performance.now(); {act}; return await ({PAINTED})() - t; }}"
            )
        browser.close()
    return told


def run() -> list[Row]:
    rng = np.random.default_rng(7)
    lat, lon = 50 + rng.normal(size=COUNT) * 0.05, 8 + rng.normal(size=COUNT) * 0.1
    with tempfile.TemporaryDirectory() as name:
        ours, theirs, lean = (Path(name, f"{page}.html") for page in ("ours", "theirs", "lean"))
        with filled(Path(name, "op"), lat, lon) as store, Archive([store]) as archive:
            wrote_s = ours_s(archive, ours, lean=False)
            ours_s(archive, lean, lean=True)
        rival_s = theirs_s(lat, lon, theirs)
        whole_mb, lean_mb, rival_mb = (page.stat().st_size / 1e6 for page in (ours, lean, theirs))
        many = f"{COUNT:,} hits"
        rows = [
            Row(what=f"write a page of {many}: CPU", ours=wrote_s, rival=rival_s, rival_name=NAME, unit="s"),
            Row(what=f"write a page of {many}: CPU", ours=wrote_s, rival=BUILD_S, rival_name="limit", unit="s"),
            Row(what=f"size of a page of {many}", ours=whole_mb, rival=rival_mb, rival_name=NAME, unit="MB"),
            Row(what=f"size of a page of {many}", ours=whole_mb, rival=FULL_MB, rival_name="limit", unit="MB"),
            Row(what=f"size of a lean page of {many}", ours=lean_mb, rival=LEAN_MB, rival_name="limit", unit="MB"),
        ]
        rows += [
            Row(what=f"{what} of {many}", ours=ms / 1000.0, rival=LIMITS_S[what], rival_name="limit", unit="s")
            for what, ms in seen_in_browser(ours).items()
        ]
    return rows
