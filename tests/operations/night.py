"""One small night's operation, made with the real parts: recordings, runs, verdicts. Also a program of its own.

As a program it works in a folder given to it, says ``ack NAME`` on standard error after each
thing that was acknowledged, and so can be traced, killed and starved by tests of faults.
"""

from __future__ import annotations

import itertools
import os
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from detection.values import Detections
from geo.terrain import FlatTerrain
from operations.errors import NotAnOperationError
from operations.ingest import IngestJob, IngestSettings, ingest
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.values import Decision, Verdict
from operations.vault.key_ring import Secret

T0_NS = 1_767_225_600_000_000_000
MODEL = "centre box 00ff"
KEY = Secret(value=bytes(range(32)), from_key_file=True)


class CentreBox:
    """A detector that finds one person in the middle of every picture, or of those with certain numbers alone."""

    class_names = ("person", "vehicle")

    def __init__(self, pictures=None):
        self._pictures, self._seen = pictures, itertools.count()

    def detect(self, images):
        found = []
        for image in images:
            number = next(self._seen)
            seen = 1 if self._pictures is None or number in self._pictures else 0
            height, width = image.shape[:2]
            box = [width / 2 - 4, height / 2 - 10, width / 2 + 4, height / 2 + 10]
            found.append(
                Detections(
                    boxes_px=np.array([box] * seen, np.float32).reshape(seen, 4),
                    classes=np.zeros(seen, np.int64),
                    scores=np.full(seen, 0.9, np.float32),
                )
            )
        return found


def clock():
    """Return a clock that ticks one second a reading."""
    ticks = itertools.count(T0_NS, 1_000_000_000)
    return lambda: next(ticks)


def make_card(folder: Path, seeds: tuple[int, ...] = (1, 2)) -> Path:
    """Write a folder of small pictures."""
    folder.mkdir(parents=True)
    for seed in seeds:
        noise = np.random.default_rng(seed).integers(0, 255, (64, 80, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"P{seed}.jpg")
    return folder


def make_clip(path: Path, frames: int = 6, seed: int = 1, *, walker: bool = False) -> Path:
    """Write a transport stream with telemetry, flown east at 200 m over flat ground.

    With a walker, the middle of the picture follows one at a walking pace, and is as large as one.
    """
    from telemetry.klv import encode
    from telemetry.videos.stream_writer_file import StreamWriter

    rng = np.random.default_rng(seed)
    with StreamWriter(path, width_px=320, height_px=256, fps=Fraction(2)) as writer:
        for row in range(frames):
            moment = T0_NS + row * 500_000_000
            tags = {2: moment // 1000, 5: 90.0, 90: 0.0, 91: 0.0, 13: 50.0, 75: 300.0, 18: 0.0, 19: -45.0, 20: 0.0}
            tags[65] = 19
            tags |= {14: 8.0 + row * (1e-5 if walker else 1e-4)}
            tags |= {16: 5.0, 17: 4.0} if walker else {16: 32.0, 17: 25.8}
            writer.write(rng.integers(0, 255, (256, 320, 3), dtype=np.uint8), moment, encode(tags))
    return path


def settings(height_m: float = 100.0) -> IngestSettings:
    """Return how the night's recordings are read."""
    return IngestSettings(terrain=FlatTerrain(height_m=height_m), terrain_identity=f"flat {height_m:g}")


def read_in(store: OperationStore, source: Path, *, height_m: float = 100.0, redo: bool = False, detector=None):
    """Ingest one recording."""
    found_by = detector or CentreBox()
    job = IngestJob(store=store, detector=found_by, model=MODEL, settings=settings(height_m))
    return ingest(source, job, redo=redo)


def give_verdict(store: OperationStore, number: int, *, run_id: str, hit_id: str, note: str = ""):
    """Record what a person decided about one hit."""
    verdict = Verdict(
        verdict_id=f"v{number}",
        run_id=run_id,
        decision=Decision.CONFIRMED,
        hit_ids=(hit_id,),
        note=note,
    )
    return store.append(LeafKind.VERDICT, verdict.verdict_id, verdict.body())


def state(store: OperationStore):
    """Return everything a reader, a query or a page could be shown."""
    tables = {name: store.table(name, runs=[run.run_id for run in store.runs(superseded=True)]) for name in TABLES}
    shown = {name: store.table(name) for name in TABLES}
    return {
        "name": store.name,
        "id": store.id,
        "media": store.media(),
        "runs": store.runs(superseded=True),
        "current": [run.run_id for run in store.runs()],
        "parts": store.parts(runs=[run.run_id for run in store.runs(superseded=True)]),
        "verdicts": store.verdicts(),
        "leaves": list(store.leaves()),
        "newest": {kind: store.newest(kind) for kind in LeafKind},
        "head": store.head(),
        "tables": {name: table.to_pylist() for name, table in tables.items()},
        "shown": {name: table.to_pylist() for name, table in shown.items()},
    }


TABLES = ("hits", "tracks", "frames", "chips")


def undisturbed(store: OperationStore):
    """Return what two runs of the same night have in common: everything but moments and salts."""
    timeless = {"started_t_utc_ns", "finished_t_utc_ns"}
    runs = store.runs(superseded=True)
    every = [run.run_id for run in runs]
    return {
        "media": store.media(),
        "runs": [{k: v for k, v in run.body().items() if k not in timeless} for run in runs],
        "current": [run.run_id for run in store.runs()],
        "parts": sorted(store.parts(runs=every), key=lambda part: part.file),
        "verdicts": sorted(store.verdicts(), key=lambda verdict: verdict.verdict_id),
        "notes": [leaf.body for leaf in store.newest(LeafKind.NOTE)],
        "tables": {name: store.table(name, runs=every).to_pylist() for name in TABLES},
    }


def say(text: str, store: OperationStore) -> None:
    """Acknowledge, with the number of records there are."""
    os.write(2, f"ack {store.head().size} {text}\n".encode())


def main(work: Path, cards: Path, secret: Secret | None = None, *, name: str = "op") -> None:
    """Make a night, or go on with one that was interrupted: `cards` holds folders a and b."""
    path = work / name
    try:
        store = OperationStore.open(path, actor="ana", clock=clock(), secret=secret)
    except NotAnOperationError:
        store = OperationStore.create(path, name="Night 1", actor="ana", clock=clock(), secret=secret)
    with store:
        say("created", store)
    with OperationStore.open(path, actor="ana", clock=clock(), secret=secret) as store:
        first = read_in(store, cards / "a") if not _done(store, "redone") else None
        say("ingested a", store)
        if not store.newest(LeafKind.VERDICT):
            hit = str(store.table("hits", runs=[first.run.run_id])["hit_id"][0])
            give_verdict(store, 1, run_id=first.run.run_id, hit_id=hit)
        say("verdict", store)
        read_in(store, cards / "b")
        say("ingested b", store)
    with OperationStore.open(path, actor="ben", clock=clock(), secret=secret) as store:
        read_in(store, cards / "a", height_m=120.0, redo=not _done(store, "redone"))
        say("redone a", store)
        if not _done(store, "note"):
            store.append(LeafKind.NOTE, "weather", {"text": "fog from four"})
        say("note", store)


def _done(store: OperationStore, what: str) -> bool:
    return bool(store.newest(LeafKind.NOTE)) if what == "note" else any(run.supersedes for run in store.runs())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), KEY if sys.argv[3:] == ["encrypted"] else None)
