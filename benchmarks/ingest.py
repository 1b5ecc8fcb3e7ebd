"""A filmed patrol read in: what all but the network costs, and what a second core gives.

The film has 1000 pictures of 640 x 512 over the demo's ground, three a second; drawing it takes a minute or more and is
kept where ``VEDETTE_BENCH_FILM=FOLDER`` says. Shares are told by processor time of all processes, the start of the
command left out; pictures a second by the wall clock, one thread of ONNX Runtime a process: two cores have to be free
for that. All that reads the film in alone, its decoding process too, is kept on one of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import Row
from detection.executors import LocalPool
from detection.model_file import Reopened, load_detector
from detection.model_manifest_file import default_model
from detection.onnx_detector import OnnxDetector
from geo.geodesy import metres_per_degree
from geo.terrain_file import read_terrain
from geo.values import CameraModel
from operations.arrow_alone import leave_pandas_out
from operations.ingest import IngestJob, IngestSettings, ingest
from operations.store import OperationStore
from sitl.films.downlink_file import Take, film
from sitl.films.render_look import THERMAL
from sitl.films.world import Crowd, make_world
from vedette.demo.film import SENSOR_SIGMAS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detection.looking import Executor

TERRAIN = Path(__file__).parents[1] / "examples" / "demo" / "terrain.tif"
KEPT_IN = "VEDETTE_BENCH_FILM"
PICTURES, FPS = 1000, Fraction(3)
LINE = ((47.38, 112.56), (47.38, 112.62))
"""Latitude and longitude of the ends of the line that is flown along."""
HEIGHT_M, DOWN_DEG, SPEED_MPS = 100.0, 40.0, 12.0
CAMERA = CameraModel.from_fov(hfov_deg=32.0, width_px=640, height_px=512)
T0 = 1_750_000_000_000_000_000


def _vehicle() -> dict[str, np.ndarray]:
    """East along the line at a steady height over the ground it looks at, the camera to the north."""
    terrain = read_terrain(TERRAIN)
    t_s = np.arange(0.0, float(PICTURES / FPS) + 1.0, 0.1)
    per_north, per_east = (float(v) for v in metres_per_degree(LINE[0][0]))
    lon = LINE[0][1] + SPEED_MPS * t_s / per_east
    ground = terrain.height_hae_m(np.full(len(t_s), LINE[0][0]), lon)
    smooth = np.convolve(np.pad(ground, 50, mode="edge"), np.full(101, 1.0 / 101.0), "valid")
    return {
        "t_utc_ns": T0 + np.rint(t_s * 1e9).astype(np.int64),
        "lat_deg": np.full(len(t_s), LINE[0][0] - HEIGHT_M / np.tan(np.radians(DOWN_DEG)) / per_north),
        "lon_deg": lon,
        "alt_hae_m": smooth + HEIGHT_M,
        "yaw_deg": 90.0 + 2.0 * np.sin(t_s / 3.0),
        "pitch_deg": np.full(len(t_s), -3.0),
        "roll_deg": 2.0 * np.sin(t_s / 1.7),
        "gimbal_yaw_deg": np.zeros(len(t_s)),
        "gimbal_pitch_deg": np.full(len(t_s), -DOWN_DEG),
    }


def filmed(folder: Path) -> Path:
    """Film the patrol, or return the film that is kept."""
    clip = folder / f"patrol-{PICTURES}.ts"
    if not clip.is_file():
        world = make_world(
            corridor_lat_lon=np.array(LINE),
            terrain=read_terrain(TERRAIN),
            seed=21,
            epoch_utc_ns=T0,
            crowd=Crowd(half_width_m=110.0),
        )
        stop = T0 + int((PICTURES - 1) * 1_000_000_000 / FPS) + 1000
        take = Take(fps=FPS, sigmas=SENSOR_SIGMAS, seed=21, look=THERMAL, stop_utc_ns=stop)
        half = folder / f"half-{clip.name}"
        film(_vehicle(), world, CAMERA, half, take)
        half.rename(clip)
    return clip


class _Timed(OnnxDetector):
    """The bundled detector, with the processor time of its network."""

    network_s = 0.0

    def _run(self, tensor: np.ndarray) -> Any:
        start = time.process_time()
        output = super()._run(tensor)
        self.network_s += time.process_time() - start
        return output


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What reading a film in took."""

    wall_s: float
    processor_s: float
    pictures: int
    hits: int


def _processor_s() -> float:
    """Return the processor time of this process and of all those of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    """Keep this process, and those that it starts, on one of its cores, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(every)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


def taken(clip: Path, detector: OnnxDetector, described: str, workers: int) -> Took:
    """Read a film into a new operation: in this process, or with so many that look at its pictures."""
    pool: contextlib.AbstractContextManager[Executor | None] = contextlib.nullcontext()
    if workers > 1:
        pool = LocalPool(workers, Reopened(path=default_model(), described=described, threads=1))
    start, before = time.perf_counter(), _processor_s()
    with (
        tempfile.TemporaryDirectory() as folder,
        OperationStore.create(Path(folder) / "op", name="bench", actor="bench", clock=time.time_ns) as store,
        pool as executor,
    ):
        settings = IngestSettings(terrain=read_terrain(TERRAIN), sigmas=SENSOR_SIGMAS, executor=executor)
        done = ingest(clip, IngestJob(store=store, detector=detector, model=described, settings=settings))
    counts = done.run.counts
    return Took(
        wall_s=time.perf_counter() - start,
        processor_s=_processor_s() - before,
        pictures=counts["frames"],
        hits=counts["hits"],
    )


def run() -> list[Row]:
    """Return the table's rows."""
    leave_pandas_out()  # as the command does
    with contextlib.ExitStack() as held:
        kept_in = os.environ.get(KEPT_IN)
        folder = Path(kept_in or held.enter_context(tempfile.TemporaryDirectory()))
        clip = filmed(folder)
        opened, described = load_detector(default_model(), threads=1)
        if not isinstance(opened, OnnxDetector):
            raise TypeError("the bundled detector is an ONNX model")
        timed = _Timed(opened.path, threads=1)
        timed.calibration = opened.calibration
        with _on_one_core():
            one = taken(clip, timed, described, 1)
        two = taken(clip, timed, described, 2)
    share = one.processor_s / timed.network_s - 1.0
    many = f"{one.pictures} pictures"
    return [
        Row(what=f"all but the network, {many}, of it", ours=share, rival=0.15, rival_name="goal", unit="share"),
        Row(
            what=f"read in by two processes on two cores, {many}", ours=two.pictures / two.wall_s,
            rival=one.pictures / one.wall_s, rival_name="one core", unit="pictures/s", goal="1.8",
            higher_is_better=True,
        ),
        Row(
            what=f"the same of two, {many}", ours=two.processor_s, rival=one.processor_s, rival_name="one", unit="CPU-s"
        ),
    ]  # fmt: skip
