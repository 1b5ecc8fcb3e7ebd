"""The demo's first half: plan the bundled patrol and fly every sortie at once on simulated aircraft."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import shapely

from geo.values import PoseSigmas
from missions.flight import fly
from missions.flight.values import FlightOptions, FlightPhase
from missions.links.link import open_link
from missions.links.tlog_file import TlogRecorder
from sitl.planned import asked_of, planned_vehicle
from sitl.vehicle import SensorNoise, start_vehicle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import Progress

    from missions.briefs.brief import Brief
    from missions.flight.values import FlightReport, FlightStatus
    from missions.plan import Plan, Sortie
    from sitl.vehicle import VehicleConfig

T0_UTC_NS: Final = 1_767_229_200_000_000_000
"""2026-01-01 01:00 UTC: the simulated night begins at a fixed time, so that a run can be made again."""
NOISE: Final = SensorNoise(gps_h_m=1.0, gps_v_m=1.5, yaw_deg=1.0, tilt_deg=0.3)
"""What the simulated autopilot's own estimates are off by: a GNSS receiver with SBAS and a magnetometer."""

TELEMETRY_SIGMAS: Final = PoseSigmas(
    position_h_m=NOISE.gps_h_m,
    position_v_m=NOISE.gps_v_m,
    yaw_deg=NOISE.yaw_deg,
    pitch_deg=0.0,
    roll_deg=0.0,
    terrain_m=0.5,
)
"""The same as an error budget, for those who place by this telemetry. The camera's gimbal keeps the horizon, whatever
the autopilot takes its own tilt for; the bundled ground has no error of its own, but posts 30 m apart."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SortieFlight:
    """One sortie as flown: the report, and the files the flight left."""

    sortie: Sortie
    report: FlightReport
    truth_path: Path
    tlog_path: Path


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The seed of all noise, and simulated seconds per second in the air."""

    seed: int
    speedup: float


def _config(brief: Brief, sortie: Sortie, *, sysid: int, pace: Pace) -> VehicleConfig:
    start_ns = T0_UTC_NS + round(sortie.t_start_s * 1e9)
    return planned_vehicle(
        brief, sortie, sysid=sysid, seed=pace.seed + sysid, speedup=pace.speedup, t0_utc_ns=start_ns, noise=NOISE
    )


def border_line(brief: Brief) -> shapely.MultiLineString:
    """Return the border of a brief, longitude and latitude."""
    return shapely.MultiLineString(
        [list(zip(part.lon_deg.tolist(), part.lat_deg.tolist(), strict=True)) for part in brief.border.lines]
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Flown:
    """One sortie on its way: its vehicle, where its files go, and whether it is to be broken off."""

    sortie: Sortie
    config: VehicleConfig
    folder: Path
    stop: threading.Event
    told_path: Path | None


def _fly_one(brief: Brief, plan: Plan, flown: _Flown, bars: Progress) -> SortieFlight:
    sortie, config, stop = flown.sortie, flown.config, flown.stop
    truth_path, tlog_path = (flown.folder / f"{sortie.name}.{ending}" for ending in ("truth.npz", "tlog"))
    task = bars.add_task(f"fly {sortie.name}", total=len(sortie.legs))

    def show(status: FlightStatus) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        flying = status.phase is FlightPhase.FLYING
        what = f"leg {max(status.leg, 0) + 1}, {status.battery_pct:.0f} %" if flying else str(status.phase)
        bars.update(task, completed=max(status.leg, 0), description=f"fly {sortie.name}: {what}")

    options = FlightOptions(
        system=config.sysid, border=border_line(brief), required_standoff_m=plan.required_standoff_m, upload_window=4
    )
    vehicle_process = start_vehicle(config, truth_path=truth_path, told_path=flown.told_path)
    with vehicle_process as vehicle, contextlib.ExitStack() as opened:
        recorder = TlogRecorder(tlog_path)
        opened.callback(recorder.close)
        link = open_link(vehicle.link_url, recorder=recorder)
        opened.callback(link.close)
        report = fly(link, sortie, options=options, on_status=show)
    bars.update(task, completed=len(sortie.legs), description=f"fly {sortie.name}: landed")
    return SortieFlight(sortie=sortie, report=report, truth_path=truth_path, tlog_path=tlog_path)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Onlooker:
    """Who looks on while a sortie flies: where its truth is told, and whom its telemetry is sent to as well."""

    told_path: Path
    udp_out: tuple[str, ...] = ()


def fly_plan(
    brief: Brief,
    plan: Plan,
    folder: Path,
    pace: Pace,
    bars: Progress,
    onlookers: Mapping[str, Onlooker] | None = None,
) -> list[SortieFlight]:
    """Fly every sortie of a plan side by side, each on its own simulated aircraft and link.

    Uploads mission and fence and reads both back, arms, flies AUTO, and records
    a `.tlog` and the truth of each flight in `folder`, and what was set on the
    vehicles as the plan asks. Whatever happens, no vehicle process outlives the
    call.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    jobs = []
    for number, sortie in enumerate(plan.sorties, start=1):
        looking = (onlookers or {}).get(sortie.name)
        config = _config(brief, sortie, sysid=number, pace=pace)
        if looking is not None:
            config = dataclasses.replace(config, udp_out=looking.udp_out)
        told_path = None if looking is None else looking.told_path
        jobs.append(_Flown(sortie=sortie, config=config, folder=folder, stop=stop, told_path=told_path))
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(plan.sorties)) as pool:
        flights = [pool.submit(_fly_one, brief, plan, job, bars) for job in jobs]
        try:
            flown = [flight.result() for flight in flights]
        except BaseException:
            stop.set()
            raise
    set_on = {sortie.name: asked_of(sortie) for sortie in plan.sorties}
    (folder / "parameters_set.json").write_text(json.dumps(set_on, indent=1) + "\n", encoding="utf-8")
    reports = {f.sortie.name: f.report.as_json() for f in flown}
    (folder / "flights.json").write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")
    return flown
