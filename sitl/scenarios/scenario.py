"""What a scenario is: a place, weather, vehicles with their routes and faults, and what must come out.

Places are metres east and north of `origin`, so that a scenario can be read and
drawn on paper; heights of routes are metres above the launch place.
"""

from __future__ import annotations

import enum
import math
from typing import Annotated, Literal

import pydantic

from geo.geodesy import metres_per_degree
from missions.flight.values import PilotCommand
from missions.plan_files.dialect import Dialect
from sitl.faults import Fault, fault_from_table
from sitl.vehicle.config import Airframe

BackendName = Literal["embedded", "ardupilot", "px4"]
EastNorth = tuple[float, float]
EastNorthHeight = tuple[float, float, float]


class Metric(enum.StrEnum):
    """What an expectation may be about."""

    READBACK_EQUAL = "readback_equal"
    COMPLETED = "completed"
    COVERAGE_PCT = "coverage_pct"
    MAX_CROSS_TRACK_M = "max_cross_track_m"
    MIN_STANDOFF_M = "min_standoff_m"
    CROSSED_BORDER = "crossed_border"
    OUTSIDE_FENCE_S = "outside_fence_s"
    IN_ZONE_S = "in_zone_s"
    LANDED = "landed"
    LANDED_OFF_HOME_M = "landed_off_home_m"
    LANDED_OFF_RALLY_M = "landed_off_rally_m"
    BATTERY_AT_LANDING_PCT = "battery_at_landing_pct"
    RETURNED_ON_BATTERY = "returned_on_battery"
    MAX_POSITION_ERROR_M = "max_position_error_m"
    GIMBAL_OFF_DEG = "gimbal_off_deg"
    LINK_LOSSES = "link_losses"
    FLIGHT_S = "flight_s"
    HANDOVER_S = "handover_s"
    MIN_SEPARATION_M = "min_separation_m"
    RECALL_PCT = "recall_pct"
    PRECISION_PCT = "precision_pct"
    GROUND_ERROR_M = "ground_error_m"
    INSIDE_CE90_PCT = "inside_ce90_pct"
    SAID = "said"
    FOUND = "found"


FILM_METRICS = frozenset({Metric.RECALL_PCT, Metric.PRECISION_PCT, Metric.GROUND_ERROR_M, Metric.INSIDE_CE90_PCT})
"""What needs a `[film]`."""


class _Table(pydantic.BaseModel):
    """A TOML table that refuses unknown keys and numbers that are not finite."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Origin(_Table):
    """Where the scenario lies."""

    lat_deg: float = pydantic.Field(ge=-85.0, le=85.0)
    lon_deg: float = pydantic.Field(ge=-180.0, le=180.0)
    alt_amsl_m: float = 0.0

    def lat_lon(self, east_north_m: EastNorth) -> tuple[float, float]:
        """Return the place of a point so many metres east and north, on the local tangent plane."""
        per_lat, per_lon = (float(v) for v in metres_per_degree(self.lat_deg))
        return self.lat_deg + east_north_m[1] / per_lat, self.lon_deg + east_north_m[0] / per_lon


class Weather(_Table):
    """Mean wind and turbulence."""

    wind_mps: float = pydantic.Field(default=0.0, ge=0.0, le=40.0)
    from_deg: float = 0.0
    gust_mps: float = pydantic.Field(default=0.0, ge=0.0, le=15.0)


class Border(_Table):
    """The line that is watched and must not be crossed."""

    line_m: tuple[EastNorth, ...] = pydantic.Field(min_length=2)
    standoff_m: float = pydantic.Field(ge=0.0)


class Zone(_Table):
    """A no-fly zone; one that appears later makes the operator act."""

    name: str
    ring_m: tuple[EastNorth, ...] = pydantic.Field(min_length=3)
    appears_s: float = pydantic.Field(default=0.0, ge=0.0)


class PilotOrder(_Table):
    """What a person at the ground station does in flight."""

    at_s: float = pydantic.Field(ge=0.0)
    command: PilotCommand


class SecondStation(_Table):
    """Another ground station that comes up on the vehicle's link and meddles."""

    at_s: float = pydantic.Field(ge=0.0)
    system: int = pydantic.Field(default=254, ge=1, le=255)
    clears_mission: bool = False


class VehicleTable(_Table):
    """One aircraft, its route and what goes wrong with it."""

    name: str = pydantic.Field(max_length=64, pattern=r"^\w[\w .\-]*$")
    """Its files are named after it."""
    home_m: EastNorth
    heading_deg: float = 0.0
    """Which way it stands at launch: a fixed wing climbs out that way."""
    route_m: tuple[EastNorthHeight, ...] = pydantic.Field(min_length=1)
    speed_mps: float = pydantic.Field(default=12.0, gt=0.0, le=40.0)
    gimbal: tuple[float, float] = (-45.0, 0.0)
    """Pitch against the horizon, and yaw against the heading, degrees."""
    dialect: Dialect = Dialect.ARDUPILOT
    airframe: Airframe = Airframe.COPTER
    battery_wh: float = pydantic.Field(default=180.0, gt=0.0)
    battery_pct: float = pydantic.Field(default=100.0, gt=0.0, le=100.0)
    noise: bool = True
    fence_m: tuple[EastNorth, ...] = ()
    rally_m: tuple[EastNorthHeight, ...] = ()
    after: str = ""
    """Start when this other vehicle turns home (a relay)."""
    parameters: dict[str, float] = pydantic.Field(default_factory=dict)
    fault: tuple[Fault, ...] = ()
    pilot: tuple[PilotOrder, ...] = ()
    second_station: tuple[SecondStation, ...] = ()

    @pydantic.field_validator("fault", mode="before")
    @classmethod
    def _faults(cls, tables: list[dict[str, object]]) -> tuple[Fault, ...]:
        return tuple(fault_from_table(table) for table in tables)


class FilmTable(_Table):
    """The camera, and the world it films along a line; every vehicle's work is filmed and read back."""

    world_m: tuple[EastNorth, ...] = pydantic.Field(min_length=2)
    world_half_width_m: float = pydantic.Field(default=40.0, gt=0.0)
    groups_per_km: float = pydantic.Field(default=12.0, ge=0.0, le=200.0)
    vehicles_per_km: float = pydantic.Field(default=4.0, ge=0.0, le=200.0)
    look: Literal["day", "thermal"] = "thermal"
    width_px: int = pydantic.Field(default=640, ge=64, le=4096)
    height_px: int = pydantic.Field(default=512, ge=64, le=4096)
    hfov_deg: float = pydantic.Field(default=32.0, gt=1.0, lt=150.0)
    fps: float = pydantic.Field(default=1.5, gt=0.0, le=60.0)
    seconds: float = pydantic.Field(default=30.0, gt=0.0, le=600.0)
    after_s: float = pydantic.Field(default=10.0, ge=0.0)
    """The film starts so long after the second route point is being flown to, and lasts `seconds`."""


class Expectation(_Table):
    """One line of the verdict: a metric of one vehicle (or of all, the worst counts) within limits."""

    metric: Metric
    vehicle: str = ""
    min: float = -math.inf
    max: float = math.inf
    text: str = ""
    """For `said`, a piece of a STATUSTEXT; for `found`, a finding's rule."""
    backend: tuple[BackendName, ...] = ()
    """Expected of these alone: `"embedded"`, `"ardupilot"`, `"px4"`; of all unless given."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True)

    @pydantic.model_validator(mode="after")
    def _limited(self) -> Expectation:
        texts = self.metric in (Metric.SAID, Metric.FOUND)
        if texts != bool(self.text):
            raise ValueError("said and found need a text, the other metrics must have none")
        if not texts and math.isinf(self.min) and math.isinf(self.max):
            raise ValueError("give min or max (1 and 0 stand for yes and no)")
        return self


class Scenario(_Table):
    """A whole scenario."""

    name: str
    about: str = ""
    seed: int = 0
    speedup: float = pydantic.Field(default=30.0, ge=0.0, le=1000.0)
    backend: BackendName = "embedded"
    origin: Origin
    weather: Weather = Weather()
    border: Border | None = None
    zone: tuple[Zone, ...] = ()
    film: FilmTable | None = None
    vehicle: tuple[VehicleTable, ...] = pydantic.Field(min_length=1)
    expect: Annotated[tuple[Expectation, ...], pydantic.Field(min_length=1)]

    @pydantic.model_validator(mode="after")
    def _names(self) -> Scenario:
        names = [vehicle.name for vehicle in self.vehicle]
        if len(set(names)) != len(names):
            raise ValueError("two vehicles have the same name")
        for vehicle in self.vehicle:
            if vehicle.after and (vehicle.after not in names or vehicle.after == vehicle.name):
                raise ValueError(f"vehicle {vehicle.name!r} starts after {vehicle.after!r}, which is no other vehicle")
        for expected in self.expect:
            if expected.vehicle and expected.vehicle not in names:
                raise ValueError(f"an expectation names vehicle {expected.vehicle!r}, which is not there")
            if expected.metric in (Metric.MIN_STANDOFF_M, Metric.CROSSED_BORDER) and self.border is None:
                raise ValueError(f"{expected.metric} is expected, but there is no [border]")
            if expected.metric in FILM_METRICS and self.film is None:
                raise ValueError(f"{expected.metric} is expected, but there is no [film]")
        return self
