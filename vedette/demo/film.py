"""The demo's camera: every flight filmed over one seeded world, each film in a process of its own."""

from __future__ import annotations

import dataclasses
import multiprocessing
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.truth_file import truth_beside
from geo.errors import VedetteError
from geo.terrain_file import read_terrain
from geo.values import CameraModel, PoseSigmas
from missions.plan import LegKind
from sitl.films.downlink_file import Take, film, frame_times
from sitl.films.render_look import THERMAL
from sitl.films.world import Crowd, make_world
from sitl.vehicle.truth_file import read_truth
from vedette.demo.flight import T0_UTC_NS
from vedette.interruption import deaf_children

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue
    from pathlib import Path

    from rich.progress import Progress

    from missions.briefs.brief import Brief
    from missions.plan import Sortie
    from vedette.demo.flight import SortieFlight

FPS: Final = Fraction(3, 2)
QUICK_FPS: Final = Fraction(1, 2)
"""Pictures a second of a film, and of one for a first look: still three of each place at the speed of the patrol."""
SENSOR_SIGMAS: Final = PoseSigmas(
    position_h_m=1.5, position_v_m=2.0, yaw_deg=1.0, pitch_deg=0.5, roll_deg=0.5, terrain_m=1.0, focal_rel=0.005
)
"""How wrong the simulated downlink's telemetry is: a survey-class autopilot, and what the ingest is told to expect.

The metre of terrain error is what a survey's model of the ground has. The demo's own ground is the one that its films
were drawn over, without error, so its ellipses are wider than its hits need by that metre.
"""
WORLD_HALF_WIDTH_M: Final = 110.0
_SPAWN: Final = multiprocessing.get_context("spawn")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """One clip, its truth beside it, and how many frames it has."""

    clip: Path
    truth: Path
    frames: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shooting:
    """What all films of a demo have in common."""

    terrain: Path
    folder: Path
    seed: int
    fps: Fraction = FPS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FilmTask:
    """Everything a filming process needs, as plain values and paths."""

    name: str
    number: int
    flight_truth: Path
    terrain: Path
    clip: Path
    border_lat_lon: tuple[tuple[float, float], ...]
    camera: CameraModel
    seed: int
    take: Take

    def frames(self) -> int:
        """Return how many pictures the clip will have."""
        vehicle = read_truth(self.flight_truth)
        return len(frame_times(vehicle, self.take.fps, self.take.start_utc_ns, self.take.stop_utc_ns))


def _work_times(sortie: Sortie, flight_truth: Path) -> tuple[int, int]:
    """Return when the aircraft flew its work legs, from mission item numbers in the truth."""
    truth = read_truth(flight_truth)
    work = [leg for leg in sortie.legs if leg.kind is LegKind.WORK]
    near_start = _nearest(truth, work[0].lat_start_deg, work[0].lon_start_deg, last=False)
    near_end = _nearest(truth, work[-1].lat_end_deg, work[-1].lon_end_deg, last=True)
    return int(truth["t_utc_ns"][near_start]), int(truth["t_utc_ns"][near_end])


def _nearest(truth: dict[str, np.ndarray], lat_deg: float, lon_deg: float, *, last: bool) -> int:
    """Return the first or last row within 15 m of the closest approach to a place."""
    north = (truth["lat_deg"] - lat_deg) * 111_320.0
    east = (truth["lon_deg"] - lon_deg) * 111_320.0 * np.cos(np.radians(lat_deg))
    distance = np.hypot(north, east)
    rows = np.flatnonzero(distance <= distance.min() + 15.0)
    return int(rows[-1] if last else rows[0])


def _task(brief: Brief, flight: SortieFlight, number: int, shooting: Shooting) -> FilmTask:
    start, stop = _work_times(flight.sortie, flight.truth_path)
    border = brief.border.lines[0]
    return FilmTask(
        name=flight.sortie.name,
        number=number,
        flight_truth=flight.truth_path,
        terrain=shooting.terrain,
        clip=shooting.folder / f"{flight.sortie.name}.ts",
        border_lat_lon=tuple(zip(border.lat_deg.tolist(), border.lon_deg.tolist(), strict=True)),
        camera=CameraModel.from_fov(
            hfov_deg=brief.camera.hfov_deg, width_px=brief.camera.width_px, height_px=brief.camera.height_px
        ),
        seed=shooting.seed,
        take=Take(
            fps=shooting.fps,
            sigmas=SENSOR_SIGMAS,
            seed=(shooting.seed, number),
            look=THERMAL,
            start_utc_ns=start,
            stop_utc_ns=stop,
        ),
    )


def film_task(task: FilmTask, told: SimpleQueue[tuple[str, int, str]]) -> None:
    """Film one flight, telling the parent how far it is; runs in a process of its own."""
    try:
        world = make_world(
            corridor_lat_lon=np.array(task.border_lat_lon),
            terrain=read_terrain(task.terrain),
            seed=task.seed,
            epoch_utc_ns=T0_UTC_NS,
            crowd=Crowd(half_width_m=WORLD_HALF_WIDTH_M),
        )
        film(
            read_truth(task.flight_truth),
            world,
            task.camera,
            task.clip,
            task.take,
            report=lambda done, _total: told.put((task.name, done, "")),
        )
        told.put((task.name, -1, ""))
    except Exception as error:  # noqa: BLE001 - the parent turns it into its one sentence
        told.put((task.name, -1, f"{type(error).__name__}: {error}"))


def film_flights(brief: Brief, flights: list[SortieFlight], shooting: Shooting, bars: Progress) -> list[Film]:
    """Film the work legs of every flight; films run side by side, and none outlives this call."""
    shooting.folder.mkdir(parents=True)
    tasks = [_task(brief, flight, n, shooting) for n, flight in enumerate(flights)]
    films = [Film(clip=task.clip, truth=truth_beside(task.clip), frames=task.frames()) for task in tasks]
    shown = {
        task.name: bars.add_task(f"film {task.name}", total=f.frames) for task, f in zip(tasks, films, strict=True)
    }
    told: SimpleQueue[tuple[str, int, str]] = _SPAWN.SimpleQueue()
    processes = [_SPAWN.Process(target=film_task, args=(task, told), daemon=True) for task in tasks]
    with deaf_children():
        for process in processes:
            process.start()
    try:
        running = {task.name for task in tasks}
        while running:
            name, done, failure = told.get()
            if failure:
                raise VedetteError(f"filming sortie {name} failed: {failure}", sortie=name)
            if done < 0:
                running.discard(name)
            else:
                bars.update(shown[name], completed=done)
    finally:
        for process in processes:
            process.terminate() if process.is_alive() and running else process.join()
            process.join()
    return films
