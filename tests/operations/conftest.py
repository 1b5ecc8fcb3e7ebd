"""A fresh operation, a clip to read into it, and a detector that always finds the same."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from detection.ground_hits import GroundHit, GroundHits
from detection.values import Detections
from geo.terrain import FlatTerrain
from geo.values import Unplaced
from operations.columns import hits_table
from operations.ingest import IngestJob, IngestSettings, ingest
from operations.store import OperationStore
from operations.values import RunKind, RunRecord, RunState, run_id_of
from telemetry.klv import encode
from telemetry.videos.stream_writer_file import StreamWriter

T0_NS = 1_767_225_600_000_000_000
FRAMES = 8
MEDIA_ID = "ab" * 32


def _load(name):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def night():
    """Return the maker of a small night's operation."""
    return _load("night")


@pytest.fixture(scope="session")
def nights(night, tmp_path_factory):
    """Return a folder with a clip, a card, and the operation of both: `op`, and encrypted `closed`. Copy what you use.

    Recordings are what costs time: they are read once for all tests of evidence, law and tampering.
    """
    folder = tmp_path_factory.mktemp("nights")
    night.make_clip(folder / "clip.ts")
    night.make_card(folder / "card", (1, 2))
    for name, secret in (("op", None), ("closed", night.KEY)):
        opened = night.OperationStore.create(
            folder / name, name="Night 1 \u0141", actor="ana", clock=night.clock(), secret=secret
        )
        with opened as store:
            night.read_in(store, folder / "clip.ts")
            night.read_in(store, folder / "card")
    return folder


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """Return a time authority with an RSA key."""
    return _load("time_authority").TimeAuthority.make(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def clock():
    """Return a clock that ticks one second a reading."""
    ticks = itertools.count(T0_NS, 1_000_000_000)
    return lambda: next(ticks)


@pytest.fixture
def store(tmp_path, clock):
    """Return a new operation."""
    with OperationStore.create(tmp_path / "op", name="Night 1", actor="analyst", clock=clock) as opened:
        yield opened


@pytest.fixture
def run_record():
    """Return a live run about to begin."""
    settings = {"model": "centre box", "terrain": "plane"}
    return RunRecord(
        run_id=run_id_of([MEDIA_ID], settings, 0),
        media_ids=(MEDIA_ID,),
        kind=RunKind.LIVE,
        state=RunState.RUNNING,
        settings=settings,
    )


@pytest.fixture
def hits():
    """Return a placed and an unplaced hit."""
    common = {"media_id": MEDIA_ID, "t_utc_ns": 5, "class_name": "person", "score_raw": 0.5}
    return GroundHits.of(
        [
            GroundHit(
                hit_id="a", frame_index=0, box_px=(1.0, 2.0, 3.0, 4.0), lat_deg=50.0, lon_deg=8.0, ce90_m=9.0, **common
            ),
            GroundHit(hit_id="b", frame_index=1, box_px=(0.0, 0.0, 1.0, 1.0), reason=Unplaced.ABOVE_HORIZON, **common),
        ]
    )


@pytest.fixture
def hit_rows(hits, run_record):
    """Return those hits as rows of a run."""
    return hits_table(hits, run_id=run_record.run_id)


class CentreBox:
    """A detector that finds one person in the middle of every picture; may fail at a given picture, or call back."""

    class_names = ("person",)

    def __init__(self, dies_at=None, at_each=None, shift_px=0):
        self.seen, self.dies_at, self.at_each, self.shift_px = 0, dies_at, at_each, shift_px

    def detect(self, images):
        self.seen += 1
        if self.seen == self.dies_at:
            raise OSError(28, "No space left on device", "hits.parquet")
        if self.at_each:
            self.at_each(self.seen)
        height, width = images[0].shape[:2]
        box = [width / 2 - 4 + self.shift_px, height / 2 - 10, width / 2 + 4 + self.shift_px, height / 2 + 10]
        return [
            Detections(
                boxes_px=np.array([box], np.float32), classes=np.zeros(1, np.int64), scores=np.array([0.9], np.float32)
            )
        ]


def klv(row):
    """Return the telemetry of one frame: 200 m above flat ground, looking down at 45 degrees, walking east."""
    return encode(
        {
            2: (T0_NS + row * 500_000_000) // 1000,
            5: 90.0,
            90: 0.0,
            91: 0.0,
            13: 50.0,
            14: 8.0 + row * 1e-4,
            75: 300.0,
            16: 5.0,
            17: 4.0,
            18: 0.0,
            19: -45.0,
            20: 0.0,
            65: 19,
        }
    )


def write_clip(path, rng, frames=FRAMES):
    """Write a clip of noise with telemetry."""
    with StreamWriter(path, width_px=320, height_px=256, fps=Fraction(2)) as writer:
        for row in range(frames):
            image = rng.integers(0, 255, (256, 320, 3), dtype=np.uint8)
            writer.write(image, T0_NS + row * 500_000_000, klv(row))
    return path


@pytest.fixture
def make_clip(tmp_path, rng):
    """Return a function that writes another clip."""
    return lambda name, frames=FRAMES: write_clip(tmp_path / name, rng, frames)


@pytest.fixture
def clip(make_clip):
    """Return a clip of eight frames."""
    return make_clip("clip.ts")


@pytest.fixture
def settings():
    """Return how to read it: on flat ground."""
    return IngestSettings(terrain=FlatTerrain(height_m=100.0), terrain_identity="flat at 100 m")


@pytest.fixture
def centre_box():
    """Return the detector's class."""
    return CentreBox


@pytest.fixture
def read_in(settings):
    """Return a function that ingests with defaults."""

    def run(store, source, *, detector=None, settings=settings, model="centre box", redo=False):
        job = IngestJob(store=store, detector=detector or CentreBox(), model=model, settings=settings)
        return ingest(source, job, redo=redo)

    return run
