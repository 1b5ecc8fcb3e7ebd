"""Asking an archive of 1 000 flights: things near a border, and when a place was seen; against geopandas in memory.

The archive (10 operations of 100 flights, 10⁶ hits in 20 000 tracks, 10⁶ footprints) is made once a run. *Cold* is the
first question of a process that has opened the operations; *warm* every later one. Memory is the peak of a process
that asked both, over 10⁷ hits where `VEDETTE_BENCH_HITS` asks for them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from benchmarks import Row
from benchmarks._made_hits import finished_run, many_hits, recording, walks_of
from detection.labels import Labels
from missions.briefs.places import GeoLine
from operations.case_file import Draft
from operations.columns import frames_table, hits_table, tracks_table
from operations.finding.archive import Archive
from operations.finding.border import BorderLine
from operations.finding.ground import Ground
from operations.finding.seen import FootprintIndex, seen
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.frames import Frames
from operations.log.leaves import LeafKind
from operations.store import OperationStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FLIGHTS, OPERATIONS = 1_000, 10
TRACK_POINTS = 50
LOOKS = 1_000
HOUR_NS = 3_600_000_000_000
T0 = 1_700_000_000_000_000_000
ASKED = 20
NEAR_M = 300.0
BORDER = GeoLine.of(50.0 + 0.01 * np.sin(np.linspace(0.0, 9.0, 200)), np.linspace(8.0, 8.2, 200))
"""Some 14 km."""


def run() -> list[Row]:
    hits = int(os.environ.get("VEDETTE_BENCH_HITS", "1000000"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_archive(folder, hits // FLIGHTS)
        rows = _questions(folder, hits)
        said = subprocess.run(
            [sys.executable, "-m", "benchmarks.finding", str(folder)], check=True, capture_output=True, text=True
        )
        peak_gb = float(said.stdout.split()[-1])
        rows.append(
            Row(what=f"peak memory of both, {hits:.0e} hits", ours=peak_gb, rival=2.0, rival_name="limit", unit="GB")
        )
    return rows


def make_archive(folder: Path, hits: int) -> None:
    """Write the operations."""
    for number in range(OPERATIONS):
        with OperationStore.create(folder / f"op{number}", name=f"op{number}", actor="x", clock=lambda: T0) as store:
            for night in range(number, FLIGHTS, OPERATIONS):
                _flight(store, night, hits)


def _flight(store: OperationStore, night: int, count: int) -> None:
    rng = np.random.default_rng(night)
    walks = count // TRACK_POINTS
    steps = np.cumsum(rng.normal(0.0, 8e-6, (2, walks, TRACK_POINTS)), axis=2)
    lat = (49.98 + rng.random(walks)[:, None] * 0.04 + steps[0]).ravel()
    lon = (8.0 + rng.random(walks)[:, None] * 0.2 + steps[1]).ravel()
    begin = T0 + night * 24 * HOUR_NS + np.sort(rng.integers(0, 4 * HOUR_NS, walks))
    times = (begin[:, None] + np.arange(TRACK_POINTS) * 333_000_000).ravel()
    kinds = np.repeat(rng.integers(0, 3, walks), TRACK_POINTS).astype(np.int32)
    names = tuple(f"T{night}-{i}" for i in range(walks))
    ids = np.char.add(f"{night:04x}", np.char.mod("%06x", np.arange(count))).astype("S20")
    hits = dataclasses.replace(
        many_hits(lat, lon),
        hit_id=ids,
        media=Labels.repeated(f"{night:064x}", count),
        t_utc_ns=times,
        class_name=Labels(names=("person", "vehicle", "animal"), codes=kinds),
        score=rng.random(count).astype(np.float32),
        track=Labels(names=names, codes=np.repeat(np.arange(walks), TRACK_POINTS).astype(np.int32)),
    )
    tracks = walks_of(hits, names, rng.random(walks))
    film = recording(night, f"flight {night}.ts")
    run = finished_run(night, [film])
    with store.begin_run(run) as writer:
        writer.add("hits", hits_table(hits, run_id=run.run_id))
        writer.add("tracks", tracks_table(tracks, run_id=run.run_id))
        writer.add("frames", frames_table(_frames(night, rng), run_id=run.run_id))
        writer.finish(run, before=[Draft(kind=LeafKind.MEDIA, subject=film.id, body=film.body())])


def _frames(night: int, rng: np.random.Generator) -> Frames:
    """A patrol up and down the border: footprints of 33 points, 4 s apart."""
    along = np.abs((np.arange(LOOKS) / 250.0 + rng.random()) % 2.0 - 1.0)
    lon, lat = 8.0 + along * 0.2, np.interp(along, np.linspace(0, 1, 200), BORDER.lat_deg) - 0.003
    angle = np.linspace(0.0, 2.0 * np.pi, 33)
    rings = np.stack([lon[:, None] + 0.003 * np.cos(angle), lat[:, None] + 0.002 * np.sin(angle)], axis=2).reshape(
        -1, 2
    )
    rings[32::33] = rings[::33]
    return Frames(
        media=Labels.repeated(f"{night:064x}", LOOKS),
        stream=np.zeros(LOOKS, np.int16),
        frame_index=np.arange(LOOKS) * 12,
        media_t_ns=np.arange(LOOKS) * 4_000_000_000,
        t_utc_ns=T0 + night * 24 * HOUR_NS + np.arange(LOOKS) * 4_000_000_000,
        lat_deg=lat,
        lon_deg=lon,
        alt_hae_m=np.full(LOOKS, 300.0),
        pose_reason=Labels.repeated("", LOOKS),
        seen_from_ns=np.full(LOOKS, np.iinfo(np.int64).min),
        seen_to_ns=np.full(LOOKS, np.iinfo(np.int64).min),
        ring_offsets=np.arange(LOOKS + 1) * 33,
        ring_lon_lat=rings,
    )


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Archive]:
    """Open the archive."""
    with contextlib.ExitStack() as stack:
        stores = [
            stack.enter_context(OperationStore.open(path, actor="x", clock=lambda: T0, read_only=True))
            for path in sorted(folder.iterdir())
        ]
        yield stack.enter_context(Archive(stores))


def _questions(folder: Path, hits: int) -> list[Row]:
    border, rng = BorderLine([BORDER]), np.random.default_rng(1)
    start = time.perf_counter()
    with opened(folder) as archive:
        opening_s = time.perf_counter() - start
        things, looks = ThingIndex(archive), FootprintIndex(archive)
        near = ThingSelection(classes=("person",), border=border, near_border_m=NEAR_M)
        weeks = [_week(rng, border) for _ in range(ASKED)]
        places = [Ground.point(49.995 + rng.random() * 0.01, 8.0 + rng.random() * 0.2) for _ in range(ASKED)]
        narrow_s = _clocked(lambda: find(archive, things, weeks[0], limit=200))
        cold_s = _clocked(lambda: find(archive, things, near, limit=200))
        cold_seen_s = _clocked(lambda: seen(archive, looks, places[0]))
        week_s = _median(lambda one: find(archive, things, one, limit=200), weeks)
        all_s = _median(lambda _: find(archive, things, near, limit=200), range(5))
        seen_s = _median(lambda one: seen(archive, looks, one), places)
        rivals = _rivals(things, looks, weeks, places)
    return [
        Row(
            what=f"opening 10 operations of 100 flights, {hits:.0e} hits",
            ours=opening_s * 1e3,
            rival=0,
            rival_name="",
            unit="ms",
        ),
        _row("find, a week: class, border, score; warm", week_s, rivals[0]),
        _row("find, all flights: class, border; warm", all_s, rivals[1]),
        _row("seen, a place; warm", seen_s, rivals[2]),
        _row("find, a week; cold", narrow_s, rivals[0]),
        _row("find, all flights; cold", cold_s, rivals[3]),
        _row("seen, a place; cold", cold_seen_s, rivals[4]),
    ]


def _row(what: str, ours_s: float, rival_s: float) -> Row:
    return Row(what=what, ours=ours_s * 1e3, rival=rival_s * 1e3, rival_name="geopandas", unit="ms", goal="200")


def _week(rng: np.random.Generator, border: BorderLine) -> ThingSelection:
    start = T0 + int(rng.integers(0, FLIGHTS - 7)) * 24 * HOUR_NS
    return ThingSelection(
        classes=("person",), border=border, near_border_m=NEAR_M, score_min=0.5,
        from_utc_ns=start, to_utc_ns=start + 7 * 24 * HOUR_NS,
    )  # fmt: skip


def _rivals(
    things: ThingIndex, looks: FootprintIndex, weeks: Sequence[ThingSelection], places: Sequence[Ground]
) -> tuple[float, ...]:
    """What a user would do: points and polygons in GeoDataFrames, asked through their spatial index."""
    found = things.things
    of_thing = np.repeat(np.arange(len(found)), np.diff(found.offsets))
    start = time.perf_counter()
    points = gpd.GeoDataFrame(
        {
            "t": found.point_t_utc_ns,
            "thing": of_thing,
            "kind": found.text["class_name"].texts()[of_thing],
            "score": found.number["score"][of_thing],
        },
        geometry=gpd.points_from_xy(found.point_lon_deg, found.point_lat_deg),
        crs="EPSG:4326",
    ).to_crs("EPSG:32632")
    _ = points.sindex
    points_s = time.perf_counter() - start
    line = gpd.GeoSeries([shapely.LineString(np.stack([BORDER.lon_deg, BORDER.lat_deg], 1))], crs="EPSG:4326")
    band = line.to_crs("EPSG:32632").buffer(NEAR_M).iloc[0]

    def near(selection: ThingSelection) -> object:
        some = points.iloc[points.sindex.query(band, predicate="contains")]
        some = some[(some["kind"] == "person") & (some["score"] >= (selection.score_min or 0.0))]
        if selection.from_utc_ns is not None:
            some = some[(some["t"] >= selection.from_utc_ns) & (some["t"] <= selection.to_utc_ns)]
        return some["thing"].unique()

    start = time.perf_counter()
    rings = looks.rings(np.arange(len(looks)))
    polygons = gpd.GeoDataFrame({"t": looks.column["from_ns"]}, geometry=rings, crs="EPSG:4326")
    _ = polygons.sindex
    polygons_s = time.perf_counter() - start
    everything = dataclasses.replace(weeks[0], from_utc_ns=None, to_utc_ns=None)
    return (
        _median(near, weeks[:5]),
        _median(lambda _: near(everything), range(3)),
        _median(lambda one: polygons.iloc[polygons.sindex.query(one.shape, predicate="intersects")]["t"].max(), places),
        points_s,
        polygons_s,
    )


def _median(ask: Callable[[object], object], questions: Sequence[object]) -> float:
    return float(np.median([_clocked(lambda one=one: ask(one)) for one in questions]))


def _clocked(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main(folder: Path) -> None:
    """Ask both questions in a process of its own and print its peak memory, GB."""
    border = BorderLine([BORDER])
    with opened(folder) as archive:
        find(archive, ThingIndex(archive), ThingSelection(border=border, near_border_m=NEAR_M), limit=200)
        seen(archive, FootprintIndex(archive), Ground.point(50.0, 8.1))
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_kb = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    sys.stdout.write(f"{int(peak_kb) / 1e6:.3f}\n")  # not getrusage: a child's begins at its parent's


if __name__ == "__main__":
    main(Path(sys.argv[1]))
