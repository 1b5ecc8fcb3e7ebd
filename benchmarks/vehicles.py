"""Simulated seconds per wall second for 1, 5 and 20 vehicles, and the processor share of one at real time.

ArduPilot SITL's 29x for one copter is its published figure, not measured here.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path

from benchmarks import Row
from missions.flight.run import Flight
from missions.flight.values import FlightOptions
from missions.links.link import Link, open_link
from missions.plan import MissionItem, Sortie
from sitl.dynamics import metres_per_degree
from sitl.dynamics_power import BatterySpec
from sitl.vehicle import VehicleConfig, VehicleProcess, start_vehicle
from sitl.vehicle.truth_file import read_truth

HOME = (54.05, 23.10, 140.0)
MEASURE_S = 4.0
PUBLISHED_ARDUPILOT = 29.0


def long_sortie() -> Sortie:
    """Return a shuttle of 3 km flown many times: hours of flight."""
    north, _ = metres_per_degree(HOME[0])
    ends = [
        MissionItem(seq=i, command=16, frame=3, lat_deg=HOME[0] + 3000.0 * (i % 2) / north, lon_deg=HOME[1], alt_m=60.0)
        for i in range(2, 4)
    ]
    items = (
        MissionItem(seq=0, command=22, frame=3, lat_deg=HOME[0], lon_deg=HOME[1], alt_m=60.0),
        MissionItem(seq=1, command=178, frame=2, p1=1.0, p2=15.0, p3=-1.0),
        *ends,
        MissionItem(seq=4, command=177, frame=2, p1=2.0, p2=-1.0),
    )
    return Sortie(
        name="shuttle", aircraft="quad", site="s", home_lat_deg=HOME[0], home_lon_deg=HOME[1],
        home_alt_amsl_m=HOME[2], t_start_s=0.0, legs=(), items=items,
    )  # fmt: skip


def take_off(
    stack: contextlib.ExitStack, sysid: int, speedup: float, folder: Path | None = None
) -> tuple[VehicleProcess, Link]:
    """Start a vehicle and have it shuttle in AUTO."""
    config = VehicleConfig(
        home_lat_deg=HOME[0], home_lon_deg=HOME[1], home_alt_amsl_m=HOME[2], sysid=sysid, speedup=1.0,
        battery=BatterySpec(capacity_wh=1e6),
    )  # fmt: skip
    vehicle = stack.enter_context(start_vehicle(config, truth_path=folder / f"{sysid}.npz" if folder else None))
    link = stack.enter_context(open_link(vehicle.link_url))
    flight = Flight(link, long_sortie(), FlightOptions(system=sysid, preflight=None, telemetry_hz=4.0))
    flight.connect()
    flight.upload()
    flight.take_off()
    vehicle.set_speedup(speedup)
    return vehicle, link


def rate(count: int) -> float:
    """Return simulated seconds per wall second and vehicle, with `count` of them flying.

    Read off the truth files: what was simulated after the order to run as fast as it goes.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        flying, started = [], []
        for sysid in range(1, count + 1):
            started.append(time.perf_counter())
            flying.append(take_off(stack, sysid, 1.0, Path(folder)))
        for vehicle, _ in flying:
            vehicle.set_speedup(0.0)
        began = time.perf_counter()
        time.sleep(MEASURE_S)
        for vehicle, _ in flying:
            vehicle.set_speedup(1.0)
        wall = time.perf_counter() - began
        time.sleep(0.5)
        for vehicle, _ in flying:
            vehicle.stop()
        clocks = [read_truth(vehicle.truth_path)["t_utc_ns"] for vehicle, _ in flying]
    fast = [(clock[-1] - clock[0]) / 1e9 - (began - start) for clock, start in zip(clocks, started, strict=True)]
    return sum(fast) / count / wall  # what ran before `began` ran at real time


def cpu_share() -> float:
    """Return the share of one core, per cent, that a vehicle takes at real time with 4 Hz telemetry."""

    def used(pid: int) -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    with contextlib.ExitStack() as stack:
        vehicle, _ = take_off(stack, 1, 1.0)
        time.sleep(1.0)
        before, began = used(vehicle.pid), time.perf_counter()
        time.sleep(2.0 * MEASURE_S)
        return 100.0 * (used(vehicle.pid) - before) / (time.perf_counter() - began)


def run() -> list[Row]:
    """Measure everything."""
    rows = [
        Row(
            what=f"simulated seconds per second, each of {count} vehicles",
            ours=rate(count),
            rival=PUBLISHED_ARDUPILOT,
            rival_name="ArduPilot SITL, one copter (published)",
            unit="x",
            higher_is_better=True,
        )
        for count in (1, 5, 20)
    ]
    share = cpu_share()
    rows.append(
        Row(
            what="processor share of one vehicle at real time",
            ours=share,
            rival=100.0,
            rival_name="one core",
            unit="%",
            goal="20 vehicles on two cores: under 10 %",
        )
    )
    return rows
