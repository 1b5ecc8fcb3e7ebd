"""What a patrol unit asks for: border, own side, rules, aircraft, camera, weather.

A brief holds geometry already read (see ``missions.briefs.brief_file``); every number
carries its unit in its key and its allowed range in its field.
"""

from __future__ import annotations

import dataclasses
import datetime as dt  # noqa: TC003 - pydantic reads the annotation
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from geo.near_words import did_you_mean
from geo.vertical import FOOT_M
from missions.briefs.camera import Camera, Resolution
from missions.briefs.places import (
    Altitude,
    Avoid,
    Border,
    KeepIn,
    LaunchSite,
    Metres,
    Name,
    RallyPoint,
    Section,
    Station,
    Zone,
)
from missions.errors import BriefError
from missions.performance.aircraft import Aircraft, AircraftKind, find_aircraft
from missions.performance.performance import Performance
from missions.performance.wind import WindProfile


class Standoff(Section):
    """How far the aircraft stays from the border, and the errors that must not eat into it."""

    asked_m: Annotated[float, Field(gt=0.0, le=50_000.0, allow_inf_nan=False)]
    gnss_sigma_m: Annotated[float, Field(ge=0.0, le=100.0)] = 1.5
    tracking_error_m: Annotated[float, Field(ge=0.0, le=500.0)] = 3.0


class Corridor(Section):
    """The strip of ground on our side to watch, measured from the border line."""

    depth_m: Annotated[float, Field(gt=0.0, le=100_000.0, allow_inf_nan=False)]
    from_m: Metres = 0.0
    lanes: Annotated[int, Field(ge=1, le=50)] | None = None
    overlap_pct: Annotated[float, Field(ge=0.0, le=80.0)] = 15.0


class FlightRules(Section):
    """Heights and speed of the patrol, above ground unless the key says otherwise."""

    alt_agl_m: Annotated[float, Field(ge=10.0, le=5000.0)] = 100.0
    min_agl_m: Annotated[float, Field(ge=5.0, le=5000.0)] = 50.0
    max_agl_m: Annotated[float, Field(ge=10.0, le=6000.0)] = 150.0
    ceiling_amsl_m: Altitude | None = None
    speed_mps: Annotated[float, Field(gt=1.0, le=80.0)] | None = None
    max_link_m: Annotated[float, Field(gt=0.0, le=500_000.0)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.min_agl_m <= self.alt_agl_m <= self.max_agl_m:
            in_feet_m = self.alt_agl_m * FOOT_M
            fits = self.min_agl_m <= in_feet_m <= self.max_agl_m
            raise ValueError(
                f"alt_agl_m {self.alt_agl_m:g} must lie between min_agl_m {self.min_agl_m:g} "
                f"and max_agl_m {self.max_agl_m:g}"
                + (f"; if {self.alt_agl_m:g} feet were meant, write alt_agl_m = {in_feet_m:.0f}" if fits else "")
            )
        return self


WindSpeed = Annotated[float, Field(ge=0.0, le=60.0)]
Bearing = Annotated[float, Field(ge=0.0, le=360.0)]


class WindLayer(Section):
    """The wind at one height, as winds aloft are reported."""

    alt_amsl_m: Altitude
    speed_mps: WindSpeed
    from_deg: Bearing


class Failsafe(Section):
    """What the aircraft does when a flight is broken off."""

    way: Literal["auto", "straight", "retrace", "mission"] = "auto"
    """Straight to the nearest of home and the rally points; back along the path flown; or by a way back that the
    mission holds itself (ArduCopter 4.6 and later; elsewhere as `retrace`). `auto`: straight wherever that keeps the
    rules of place, else the patrol is planned for returns along its path."""
    return_alt_m: Annotated[float, Field(ge=0.0, le=5000.0)] | None = None
    """Height above home it climbs to before it returns; by default the autopilot's own setting."""
    position_loss: Literal["accepted", "kept"] = "accepted"
    """Whether a multirotor that loses its position may drift over the border while it lands: accepted by name with the
    plan, or a broken rule."""


class Wind(Section):
    """The wind to plan for: one for all heights or layers of it, and the strongest gust at any height."""

    speed_mps: WindSpeed = 0.0
    from_deg: Bearing = 0.0
    gust_mps: Annotated[float, Field(ge=0.0, le=80.0)] | None = None
    layer: Annotated[tuple[WindLayer, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        plain = [key for key in ("speed_mps", "from_deg") if key in self.model_fields_set]
        if self.layer and plain:
            raise ValueError(
                f"{' and '.join(plain)} and wind.layer both say the wind; keep {' and '.join(plain)} for a wind that "
                "is the same at every height, or the layers for one that changes with height"
            )
        heights = [layer.alt_amsl_m for layer in self.layer]
        twice = sorted({h for h in heights if heights.count(h) > 1})
        if twice:
            raise ValueError(f"two layers are at {twice[0]:g} m AMSL; give each wind.layer a height of its own")
        return self

    @property
    def profile(self) -> WindProfile:
        """The mean wind by height."""
        layers = [(layer.alt_amsl_m, layer.speed_mps, layer.from_deg) for layer in self.layer]
        return WindProfile.of(layers or [(0.0, self.speed_mps, self.from_deg)])

    def strongest_in(self, flown: WindProfile) -> float:
        """Return the gust, or the strongest mean wind of the heights flown where that is more or no gust is given."""
        return max(self.gust_mps or 0.0, flown.strongest_mps)


class Ground(Section):
    """Terrain file, or one height for flat ground."""

    file: str | None = None
    datum: str | None = None
    """What the file's heights count from where it does not say: egm96, hae or a geoid's grid file, as
    `geo.terrain_file.read_terrain` takes it; mean sea level (EGM96) is assumed without it."""
    flat_amsl_m: Altitude | None = None

    @property
    def known(self) -> bool:
        """Whether anything is said of the ground; else it is taken for a plain, and nothing is promised of heights."""
        return self.file is not None or self.flat_amsl_m is not None


class Fleet(Section):
    """Aircraft of one type: how many, and departures from the bundled figures."""

    type: str
    name: Name | None = None
    """What sorties, sites and messages call it; the type where none is given."""
    count: Annotated[int, Field(ge=1, le=200)] = 1
    batteries: Annotated[int, Field(ge=1, le=10_000)] | None = None
    kind: AircraftKind | None = None
    mass_kg: Annotated[float, Field(gt=0.05, le=1000.0)] | None = None
    speed_mps: Annotated[float, Field(gt=1.0, le=80.0)] | None = None
    max_airspeed_mps: Annotated[float, Field(gt=1.0, le=120.0)] | None = None
    climb_mps: Annotated[float, Field(gt=0.1, le=30.0)] | None = None
    descent_mps: Annotated[float, Field(gt=0.1, le=30.0)] | None = None
    turn_radius_m: Metres | None = None
    hover_power_w: Annotated[float, Field(gt=1.0, le=200_000.0)] | None = None
    cruise_power_w: Annotated[float, Field(gt=1.0, le=200_000.0)] | None = None
    battery_wh: Annotated[float, Field(gt=0.5, le=100_000.0)] | None = None
    reserve_pct: Annotated[float, Field(ge=0.0, le=90.0)] | None = None
    max_wind_mps: Annotated[float, Field(gt=0.0, le=60.0)] | None = None
    swap_s: Annotated[float, Field(ge=0.0, le=86_400.0)] | None = None
    carry_min: Annotated[float, Field(ge=0.0, le=1440.0)] | None = None
    """Minutes to carry an aircraft from one launch site to the next, besides the battery swap; not carried without."""

    @property
    def label(self) -> str:
        """Its own name, or its type."""
        return self.name or self.type

    @property
    def aircraft(self) -> Aircraft:
        """The bundled type with the brief's own figures put in."""
        base = find_aircraft(self.type)
        names = {f.name for f in dataclasses.fields(Aircraft)}
        own = {k: v for k, v in self.model_dump().items() if k in names - {"name"} and v is not None}
        return dataclasses.replace(base, **own)


class Revisit(Section):
    """How often every metre is to be seen, and for how long the patrol goes on."""

    max_min: Annotated[float, Field(gt=0.0, le=10_080.0)]


class TimeWindow(Section):
    """When the patrol runs (UTC)."""

    start_utc: dt.datetime | None = None
    end_utc: dt.datetime | None = None
    night_only: bool = False

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.start_utc is not None and self.end_utc is not None:
            if (self.start_utc.tzinfo is None) != (self.end_utc.tzinfo is None):
                raise ValueError("start_utc and end_utc must both say their time zone; write 2026-01-15T16:00:00Z")
            if self.end_utc <= self.start_utc:
                raise ValueError(f"end_utc {self.end_utc} must be after start_utc {self.start_utc}")
        return self


def _listed(value: object) -> object:
    """Return one table as a list of one: a brief may give `[aircraft]` once or `[[aircraft]]` several times."""
    return (value,) if isinstance(value, dict | Fleet) else value


class Brief(Section):
    """Everything the planner needs, validated; build one with ``missions.briefs.brief_file.read_brief``."""

    name: Name
    dialect: Literal["ardupilot", "px4"] = "ardupilot"
    border: Border
    standoff: Standoff
    corridor: Corridor
    fleets: Annotated[tuple[Fleet, ...], BeforeValidator(_listed), Field(alias="aircraft", min_length=1, max_length=20)]
    launch: Annotated[tuple[LaunchSite, ...], Field(min_length=1, max_length=500)]
    camera: Camera = Camera()
    flight: FlightRules = FlightRules()
    failsafe: Failsafe = Failsafe()
    wind: Wind = Wind()
    terrain: Ground = Ground()
    station: Station | None = None
    rally: tuple[RallyPoint, ...] = ()
    zone: tuple[Zone, ...] = ()
    keep_in: KeepIn | None = None
    avoid: tuple[Avoid, ...] = ()
    revisit: Revisit | None = None
    resolution: Resolution | None = None
    time: TimeWindow = TimeWindow()
    zone_notes: tuple[str, ...] = ()
    """What of the files of zones was left out, and why."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [s.name for s in self.launch]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"launch sites need names of their own; {', '.join(twice)} is used twice")
        return self

    @model_validator(mode="after")
    def _distinct_fleets(self) -> Self:
        labels = [f.label for f in self.fleets]
        twice = sorted({n for n in labels if labels.count(n) > 1})
        if twice:
            raise ValueError(f"aircraft of the same type need names of their own; {', '.join(twice)} is there twice")
        limited = {n for s in self.launch for n in s.aircraft if n}
        if limited - set(labels):
            unknown = sorted(limited - set(labels))
            raise ValueError(
                f"launch.aircraft names {', '.join(unknown)}{did_you_mean(unknown[0], labels)}, and the aircraft are "
                f"{', '.join(labels)}"
            )
        return self

    def fleet(self, label: str) -> Fleet:
        """Return the aircraft of one label (`Sortie.aircraft`).

        Raises
        ------
        BriefError
            When the brief has no such aircraft; the message lists those it has.
        """
        mine = next((f for f in self.fleets if f.label == label), None)
        if mine is None:
            labels = ", ".join(f.label for f in self.fleets)
            near = did_you_mean(label, [f.label for f in self.fleets])
            raise BriefError(f"the brief has no aircraft {label!r}{near}; it has {labels}", aircraft=label)
        return mine

    def performance(self, label: str) -> Performance:
        """Return how the aircraft of one label fly, at the brief's speed or else their own."""
        aircraft = self.fleet(label).aircraft
        return Performance(
            label=label, aircraft=aircraft, dialect=self.dialect, wind=self.wind.profile,
            speed_mps=self.flight.speed_mps or aircraft.speed_mps,
        )  # fmt: skip

    @property
    def performances(self) -> tuple[Performance, ...]:
        """How each of its types of aircraft flies."""
        return tuple(self.performance(f.label) for f in self.fleets)

    def only(self, label: str) -> Brief:
        """Return the same brief asked of one of its types of aircraft alone.

        Raises
        ------
        BriefError
            As `fleet`.
        """
        mine = self.fleet(label)
        return self if len(self.fleets) == 1 else self.model_copy(update={"fleets": (mine,)})

    def returning(self, **told: object) -> Brief:
        """Return the brief with some of how a broken-off flight returns settled (keys of `Failsafe`)."""
        return self.model_copy(update={"failsafe": self.failsafe.model_copy(update=told)})
