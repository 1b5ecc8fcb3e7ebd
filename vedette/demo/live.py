"""The demo as it happens: every sortie flies in real time, its camera sends, and a watch beside it reads."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import multiprocessing
import os
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.truth_file import truth_beside, write_film_truth
from geo.errors import VedetteError
from geo.terrain_file import read_terrain
from geo.values import CameraModel
from missions.plan import LegKind
from sitl.films.live_film import DatagramSink, Shot, film_live
from sitl.films.render_look import THERMAL
from sitl.films.world import Crowd, make_world
from sitl.vehicle.truth_file import TruthFollower
from vedette.commands.screen import utc_now_ns
from vedette.demo.film import FPS, SENSOR_SIGMAS, WORLD_HALF_WIDTH_M
from vedette.demo.flight import T0_UTC_NS, TELEMETRY_SIGMAS, Onlooker, Pace, fly_plan
from vedette.interruption import deaf_children

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess
    from multiprocessing.queues import SimpleQueue
    from multiprocessing.synchronize import Event

    from rich.progress import Progress

    from missions.briefs.brief import Brief
    from missions.plan import Plan, Sortie
    from vedette.demo.flight import SortieFlight

_SPAWN: Final = multiprocessing.get_context("spawn")
LEAST_SHARE: Final = 0.8
MOST_SHARE: Final = 1.5
"""Shares of the planned time of the work after which a film may end, and at which it ends at the latest."""
READY_S: Final = 300.0
FILM_S: Final = 60.0
"""What a film may still take when the vehicle has landed: its last picture, and the truth of all of them."""
DRAIN_S: Final = 3.0
"""What was sent last is read and committed within this time."""
STALE_S: Final = 20.0
"""Silence after which a stream is opened again: the simulated camera shares its processor with everything else."""
SETTLE_S: Final = 900.0
"""How long the run over a recording may take, on a machine that does much else."""
LOOK_S: Final = 0.05
CAMERA_LATE_S: Final = 0.5
"""A real camera encodes in a part of its own: its pictures do not age because the computer that receives them is busy.
A simulated one that is later leaves them out; see `telemetry.live.link_clock` for what is expected of a link."""


class Poses(enum.StrEnum):
    """What poses the pictures: the stream's own KLV, or the vehicle's MAVLink telemetry beside a stream without any."""

    KLV = "klv"
    MAVLINK = "mavlink"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LiveTask:
    """What the camera and the watch of one sortie need, as plain values and paths."""

    name: str
    number: int
    seed: int
    told: Path
    truth: Path
    operation: Path
    terrain: Path
    model: Path | None
    port: int
    link_port: int
    poses: Poses
    border_lat_lon: tuple[tuple[float, float], ...]
    camera: CameraModel
    hfov_deg: float
    begins_at: tuple[float, float]
    ends_at: tuple[float, float]
    work_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Signals:
    """What the processes of one sortie tell each other: the watch listens, the film is over, the vehicle has landed."""

    ready: Event
    over: Event
    landed: Event


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One sortie as watched: what the watch reports, the truth of its film, and how late its pictures were sent."""

    name: str
    truth: Path
    late_s: float
    report: dict[str, Any]


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _task(brief: Brief, sortie: Sortie, number: int, out: Path, pace: Pace, **more: Any) -> LiveTask:
    work = [leg for leg in sortie.legs if leg.kind is LegKind.WORK]
    border = brief.border.lines[0]
    return LiveTask(
        name=sortie.name,
        number=number,
        seed=pace.seed,
        told=out / "flight" / f"{sortie.name}.truth.jsonl",
        truth=truth_beside(out / "downlink" / f"{sortie.name}.ts"),
        operation=out / "operation",
        port=_free_port(),
        link_port=_free_port(),
        border_lat_lon=tuple(zip(border.lat_deg.tolist(), border.lon_deg.tolist(), strict=True)),
        camera=CameraModel.from_fov(
            hfov_deg=brief.camera.hfov_deg, width_px=brief.camera.width_px, height_px=brief.camera.height_px
        ),
        hfov_deg=brief.camera.hfov_deg,
        begins_at=(work[0].lat_start_deg, work[0].lon_start_deg),
        ends_at=(work[-1].lat_end_deg, work[-1].lon_end_deg),
        work_s=work[-1].t_end_s - work[0].t_start_s,
        **more,
    )


def film_task(task: LiveTask, signals: _Signals, told: SimpleQueue[tuple[str, dict[str, Any], str]]) -> None:
    """Film one flight while it is flown, and say when the film is over; runs in a process of its own."""
    try:
        world = make_world(
            corridor_lat_lon=np.array(task.border_lat_lon),
            terrain=read_terrain(task.terrain),
            seed=task.seed,
            epoch_utc_ns=T0_UTC_NS,
            crowd=Crowd(half_width_m=WORLD_HALF_WIDTH_M),
        )
        shot = Shot(
            world=world,
            camera=task.camera,
            fps=FPS,
            look=THERMAL,
            sigmas=SENSOR_SIGMAS,
            begins_at=task.begins_at,
            ends_at=task.ends_at,
            least_s=LEAST_SHARE * task.work_s,
            most_s=MOST_SHARE * task.work_s,
            with_klv=task.poses is Poses.KLV,
            late_s=CAMERA_LATE_S,
        )
        rng = np.random.default_rng([task.seed, task.number])
        with contextlib.closing(DatagramSink("127.0.0.1", task.port)) as sink:
            film = film_live(TruthFollower(task.told), shot, sink, rng=rng, landed=signals.landed.is_set)
        signals.over.set()
        if film is None:
            raise VedetteError("no picture was drawn in time, or the vehicle never came to where its work begins")
        write_film_truth(film.truth, task.truth)
        told.put((task.name, {"late_s": film.late_s}, ""))
    except Exception as error:  # noqa: BLE001 - the parent turns it into its one sentence
        told.put((task.name, {}, f"{type(error).__name__}: {error}"))


def watch_task(task: LiveTask, signals: _Signals, told: SimpleQueue[tuple[str, dict[str, Any], str]]) -> None:
    """Watch one flight's downlink until its film is over, and settle its recording; runs in a process of its own."""
    from rich.console import Console
    from rich.progress import Progress

    from detection.model_file import load_detector
    from detection.model_manifest_file import sha256_of
    from operations.ingest import IngestSettings
    from operations.store import OperationStore
    from operations.watching import WatchJob
    from telemetry.live.live_reader import LiveReader
    from telemetry.live.open_link import LinkOptions
    from telemetry.recordings.reading_options import ReadingOptions, parse_stated_camera
    from vedette.commands.watch_session import WatchSession

    def opened(reader: LiveReader) -> None:
        def end() -> None:
            signals.over.wait()
            time.sleep(DRAIN_S)
            reader.stop()

        signals.ready.set()
        threading.Thread(target=end, daemon=True).start()

    try:
        detector, described = load_detector(task.model)
        settings = IngestSettings(
            terrain=read_terrain(task.terrain),
            terrain_identity=f"terrain.tif sha256:{sha256_of(task.terrain)}",
            sigmas=SENSOR_SIGMAS if task.poses is Poses.KLV else TELEMETRY_SIGMAS,
            stated=ReadingOptions(camera=None if task.poses is Poses.KLV else parse_stated_camera(f"{task.hfov_deg}")),
        )
        with (
            OperationStore.open(task.operation, actor="demo", clock=utc_now_ns) as store,
            open(os.devnull, "w", encoding="utf-8") as nowhere,
            Progress(console=Console(file=nowhere)) as bars,
        ):
            session = WatchSession(
                address=f"udp://127.0.0.1:{task.port}",
                link=LinkOptions(stale_s=STALE_S),
                job=WatchJob(store=store, detector=detector, model=described, settings=settings),
                track=f"udp:127.0.0.1:{task.link_port}" if task.poses is Poses.MAVLINK else None,
                on_open=opened,
            )
            told.put((task.name, session.run(bars, record=True, catch_up=True, seconds=None), ""))
    except Exception as error:  # noqa: BLE001 - the parent turns it into its one sentence
        signals.ready.set()
        told.put((task.name, {}, f"{type(error).__name__}: {error}"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LivePlan:
    """A plan to be flown live: what it is flown over, read by, and how fast."""

    brief: Brief
    plan: Plan
    terrain: Path
    model: Path | None
    pace: Pace
    poses: Poses


def fly_and_watch(job: LivePlan, out: Path, bars: Progress) -> tuple[list[SortieFlight], list[Watched]]:
    """Fly every sortie side by side, each with a camera that sends and a watch that reads; none outlives this call.

    The operation in `out` has to be there. Returns flights and watches in the order of the plan's sorties.
    """
    for name in ("flight", "downlink"):
        (out / name).mkdir(parents=True)
    common = {"terrain": job.terrain, "model": job.model, "poses": job.poses}
    tasks = [
        _task(job.brief, sortie, number, out, job.pace, **common) for number, sortie in enumerate(job.plan.sorties)
    ]
    landed = _SPAWN.Event()
    signals = [_Signals(ready=_SPAWN.Event(), over=_SPAWN.Event(), landed=landed) for _ in tasks]
    filmed: SimpleQueue[tuple[str, dict[str, Any], str]] = _SPAWN.SimpleQueue()
    reported: SimpleQueue[tuple[str, dict[str, Any], str]] = _SPAWN.SimpleQueue()
    pairs = list(zip(tasks, signals, strict=True))
    watches = [_SPAWN.Process(target=watch_task, args=(*pair, reported), daemon=False) for pair in pairs]
    cameras = [_SPAWN.Process(target=film_task, args=(*pair, filmed), daemon=True) for pair in pairs]
    names = [task.name for task in tasks]
    onlookers = {
        task.name: Onlooker(
            told_path=task.told, udp_out=(f"127.0.0.1:{task.link_port}",) if job.poses is Poses.MAVLINK else ()
        )
        for task in tasks
    }
    with _ended([*watches, *cameras]):
        with deaf_children():
            for process in (*watches, *cameras):
                process.start()
        for one in signals:
            if not one.ready.wait(READY_S):
                raise VedetteError(f"a watch did not begin within {READY_S:.0f} s")
        try:
            flights = fly_plan(job.brief, job.plan, out / "flight", job.pace, bars, onlookers)
        finally:
            landed.set()
        films = _answers(filmed, dict(zip(names, cameras, strict=True)), "filming", FILM_S)
        shown = bars.add_task("settle what was recorded", total=None)
        reports = _answers(reported, dict(zip(names, watches, strict=True)), "watching", SETTLE_S)
        bars.update(shown, total=1, completed=1)
    watched = [
        Watched(name=name, truth=task.truth, late_s=films[name]["late_s"], report=reports[name])
        for name, task in zip(names, tasks, strict=True)
    ]
    return flights, watched


def _answers(
    told: SimpleQueue[tuple[str, dict[str, Any], str]], processes: dict[str, BaseProcess], doing: str, patience_s: float
) -> dict[str, dict[str, Any]]:
    """Return one answer of each sortie's process by name; whoever ends without one fails at once."""
    until_s = time.monotonic() + patience_s
    answers: dict[str, dict[str, Any]] = {}
    while len(answers) < len(processes):
        dead = [name for name, one in processes.items() if name not in answers and one.exitcode is not None]
        if not told.empty():
            name, answer, failure = told.get()
            if failure:
                raise VedetteError(f"{doing} sortie {name} failed: {failure}", sortie=name)
            answers[name] = answer
        elif dead:
            raise VedetteError(f"{doing} sortie {dead[0]} ended without a word (status {processes[dead[0]].exitcode})")
        elif time.monotonic() > until_s:
            raise VedetteError(f"{doing} did not end within {patience_s:.0f} s")
        else:
            time.sleep(LOOK_S)
    return answers


@contextlib.contextmanager
def _ended(processes: list[Any]) -> Iterator[None]:
    """Let no process outlive the block: each may end by itself, and is ended where something failed."""
    try:
        yield
    except BaseException:
        for process in processes:
            if process.is_alive():
                process.terminate()
        raise
    finally:
        for process in processes:
            if process.pid is not None:
                process.join(10.0)
                if process.is_alive():
                    process.kill()
                    process.join(10.0)
