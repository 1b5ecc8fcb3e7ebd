"""Sorties to fly in the tests, and vehicles to fly them on."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import TYPE_CHECKING

import pyproj
import pytest

from missions.judging.return_rules import RALLY_ASKED, asked_actions
from missions.plan import Leg, LegKind, MissionItem, Plan, Sortie, VehicleParameter

HOME_LAT, HOME_LON, HOME_ALT = 51.44, 4.92, 20.0
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

GEOD = pyproj.Geod(ellps="WGS84")


def at(north_m: float, east_m: float) -> tuple[float, float]:
    """Return latitude and longitude at metres north and east of home."""
    azimuth = math.degrees(math.atan2(east_m, north_m))
    lon, lat, _ = GEOD.fwd(HOME_LON, HOME_LAT, azimuth, math.hypot(north_m, east_m))
    return lat, lon


def asked(dialect: str = "ardupilot") -> tuple[VehicleParameter, ...]:
    """What a plan with straight returns to the nearest of home and rally points asks of a multirotor."""
    own = (
        RALLY_ASKED
        if dialect == "ardupilot"
        else (VehicleParameter(name="MPC_XY_CRUISE", value=10.0, why="planned", pace=True),)
    )
    return (*own, *asked_actions(dialect, fixed_wing=False, way="straight"))


def make_sortie(places: list[tuple[float, float]], *, name: str = "s1", alt_m: float = 60.0) -> Sortie:
    """Take off, fly over the places (metres north, east of home), return to launch."""
    items = [MissionItem(seq=0, command=22, frame=3, lat_deg=HOME_LAT, lon_deg=HOME_LON, alt_m=alt_m)]
    legs = []
    before, t = (0.0, 0.0), 0.0
    for place in places:
        lat, lon = at(*place)
        items.append(MissionItem(seq=len(items), command=16, frame=3, lat_deg=lat, lon_deg=lon, alt_m=alt_m))
        a, b = at(*before), (lat, lon)
        duration = math.hypot(place[0] - before[0], place[1] - before[1]) / 10.0
        legs.append(
            Leg(
                seq=len(legs),
                kind=LegKind.WORK if legs else LegKind.TRANSIT,
                lat_start_deg=a[0],
                lon_start_deg=a[1],
                alt_amsl_start_m=HOME_ALT + alt_m,
                lat_end_deg=b[0],
                lon_end_deg=b[1],
                alt_amsl_end_m=HOME_ALT + alt_m,
                t_start_s=t,
                t_end_s=t + duration,
                speed_mps=10.0,
                battery_end_pct=100.0 - 0.05 * (t + duration),
            )
        )
        before, t = place, t + duration
    items.append(MissionItem(seq=len(items), command=20, frame=2))
    fence = tuple(
        MissionItem(seq=i, command=5001, frame=0, p1=4, lat_deg=at(*p)[0], lon_deg=at(*p)[1])
        for i, p in enumerate([(-800.0, -800.0), (-800.0, 1500.0), (1500.0, 1500.0), (1500.0, -800.0)])
    )
    lat, lon = at(50.0, -50.0)
    rally = (MissionItem(seq=0, command=5100, frame=3, lat_deg=lat, lon_deg=lon, alt_m=50.0),)
    return Sortie(
        name=name,
        aircraft="quad",
        site="home",
        home_lat_deg=HOME_LAT,
        home_lon_deg=HOME_LON,
        home_alt_amsl_m=HOME_ALT,
        t_start_s=0.0,
        legs=tuple(legs),
        items=tuple(items),
        fence=fence,
        rally=rally,
        vehicle_parameters=asked(),
    )


@pytest.fixture
def square_sortie() -> Sortie:
    """A sortie round a square of 400 m."""
    return make_sortie([(200.0, 0.0), (200.0, 400.0), (600.0, 400.0), (600.0, 0.0)])


@pytest.fixture
def square_plan(square_sortie: Sortie) -> Plan:
    """A plan with that sortie alone."""
    return Plan(
        name="square",
        dialect="ardupilot",
        sorties=(square_sortie,),
        findings=(),
        required_standoff_m=150.0,
        min_standoff_m=200.0,
        worst_revisit_s=0.0,
        corridor_m2=0.0,
        covered_pct=0.0,
    )


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"missions_flight_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def model() -> ModuleType:
    """The independent vehicle servers and the lossy channel, on a simulated clock."""
    return _load("model_vehicle")


@pytest.fixture(scope="session")
def sortie_of() -> Callable[..., Sortie]:
    """A factory of sorties from places in metres north and east of home."""
    return make_sortie


@pytest.fixture(scope="session")
def place() -> Callable[[float, float], tuple[float, float]]:
    """Latitude and longitude at metres north and east of home."""
    return at


@pytest.fixture(scope="session")
def asked_of() -> Callable[..., tuple[VehicleParameter, ...]]:
    """What a plan for a dialect asks of its vehicle."""
    return asked
