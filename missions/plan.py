"""The planner's answer: plan > sortie > leg, and the vehicle's mission items.

A plan is data: frozen, hashable by content, and the same brief gives
the same plan byte for byte. Altitudes are above mean sea level unless the name
says otherwise; longitude and latitude are always named.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import math
from typing import Any, Final

from missions.emphasis import ExtraEffort  # noqa: TC001 - read by what checks plan files

UNHASHED_WHEN_NONE: Final = "unhashed when None"
"""Marks a field that plans did not always have: without it they hash as they did."""


class LegKind(enum.StrEnum):
    """What the aircraft does on a leg."""

    TRANSIT = "transit"
    WORK = "work"
    TURN = "turn"
    RETURN = "return"
    HOLD = "hold"
    """Waiting in one place (a fixed wing circles there)."""
    FAILSAFE = "failsafe"


class Severity(enum.StrEnum):
    """How much a finding weighs: an error forbids the flight, a warning needs a look."""

    ERROR = "error"
    WARNING = "warning"


SHORTFALLS: Final = frozenset({"unflown", "coverage", "revisit", "resolution", "border in view", "batteries"})
"""Rules about what is not seen, not as well or not as often as asked. A named person may let these pass; a broken rule
of place, height or energy nobody may."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One feasibility result: which rule, where, what was measured against which limit."""

    rule: str
    severity: Severity
    message: str
    lat_deg: float = math.nan
    lon_deg: float = math.nan
    sortie: str = ""
    seq: int = -1
    measured: float = math.nan
    limit: float = math.nan
    unit: str = ""
    relaxation: str = ""
    """What does: it was tried (`missions.judging.relaxation`), or is what the judgement rests on."""
    advice: str | None = dataclasses.field(default=None, metadata={UNHASHED_WHEN_NONE: True})
    """What may help and was not tried, and what was tried in vain."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MissionItem:
    """One MAVLink mission item (`MISSION_ITEM_INT` before scaling).

    `lat_deg`/`lon_deg` are NaN and `alt_m` 0 for commands without a position;
    `frame` is the MAV_FRAME number that says what `alt_m` is measured from.
    NaN parameters mean "unset" as MAVLink defines it.
    """

    seq: int
    command: int
    frame: int
    p1: float = 0.0
    p2: float = 0.0
    p3: float = 0.0
    p4: float = 0.0
    lat_deg: float = math.nan
    lon_deg: float = math.nan
    alt_m: float = 0.0
    current: bool = False
    autocontinue: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One straight piece (or flattened turn piece) of the path as flown."""

    seq: int
    kind: LegKind
    lat_start_deg: float
    lon_start_deg: float
    alt_amsl_start_m: float
    lat_end_deg: float
    lon_end_deg: float
    alt_amsl_end_m: float
    t_start_s: float
    t_end_s: float
    speed_mps: float
    battery_end_pct: float
    gimbal_yaw_deg: float = 0.0
    """Earth frame, clockwise from north: where the camera looks on this leg."""
    gimbal_pitch_deg: float = -90.0

    def later(self, seconds: float) -> Leg:
        """Return the leg flown so much later; written out, for plans have tens of thousands of legs."""
        return Leg(
            seq=self.seq, kind=self.kind, lat_start_deg=self.lat_start_deg, lon_start_deg=self.lon_start_deg,
            alt_amsl_start_m=self.alt_amsl_start_m, lat_end_deg=self.lat_end_deg, lon_end_deg=self.lon_end_deg,
            alt_amsl_end_m=self.alt_amsl_end_m, t_start_s=round(self.t_start_s + seconds, 3),
            t_end_s=round(self.t_end_s + seconds, 3), speed_mps=self.speed_mps, battery_end_pct=self.battery_end_pct,
            gimbal_yaw_deg=self.gimbal_yaw_deg, gimbal_pitch_deg=self.gimbal_pitch_deg,
        )  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VehicleParameter:
    """A parameter of the vehicle, and the value under which it does what was judged when a flight is broken off."""

    name: str
    value: float
    why: str
    at_least: bool = False
    """More does as well."""
    height: bool = False
    """Changes how high the return is flown, not where to."""
    wide: bool = False
    """Changes how far from its path or its end a return reaches: less does as well, to either hand."""
    action: bool = False
    """Decides what a trigger leads to (`missions.failsafes.table`)."""
    place: bool = False
    """Decides which of home and the rally points a return leads to (`missions.failsafes.landing_choice`)."""
    pace: bool = False
    """Changes how long the flight takes, and what of the battery, not where it goes."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sortie:
    """One flight of one aircraft on one battery, from launch to landing."""

    name: str
    aircraft: str
    site: str
    home_lat_deg: float
    home_lon_deg: float
    home_alt_amsl_m: float
    t_start_s: float
    legs: tuple[Leg, ...]
    items: tuple[MissionItem, ...]
    fence: tuple[MissionItem, ...] = ()
    rally: tuple[MissionItem, ...] = ()
    failsafe: tuple[Leg, ...] = ()
    """The ways home as flown, from each point where the path bends: a climb where there is one, then the way."""
    vehicle_parameters: tuple[VehicleParameter, ...] = ()

    def starting_at(self, t_start_s: float) -> Sortie:
        """Return the sortie taking off at another time."""
        later = t_start_s - self.t_start_s
        legs = tuple(leg.later(later) for leg in self.legs) if later else self.legs
        return dataclasses.replace(self, t_start_s=t_start_s, legs=legs)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """One take-off in the schedule: which aircraft flies which sortie, from when to when."""

    sortie: str
    aircraft: str
    site: str
    t_takeoff_s: float
    t_landing_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One aircraft's part: the sorties it flies in order, over and over, from a first take-off on."""

    aircraft: str
    base: int
    """Turns of one base repeat the same sorties in the same time; their clocks are one clock."""
    sorties: tuple[str, ...]
    gaps_s: tuple[float, ...]
    """After each sortie: battery swap, carrying to the next site, waiting."""
    start_s: float
    cycle_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FleetOption:
    """One answer to "which aircraft from which sites, and how often is everything flown then".

    `sites`, `types` and `per_site` go together: so many aircraft of a type at a site (or carried
    between sites, joined by " + ").
    """

    aircraft: int
    sites: tuple[str, ...]
    types: tuple[str, ...]
    per_site: tuple[int, ...]
    period_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProposedRally:
    """A place that would mend forbidden returns, were the ground there fit to land on: nothing flies to it yet."""

    lat_deg: float
    lon_deg: float
    alt_above_home_m: float
    sorties: tuple[str, ...] = ()
    """Whose returns it mends, together with the others proposed for them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LaneSight:
    """How one lane's camera is held, and the strip it sees over flat ground at the height flown.

    `near_m` and `far_m` are from the ground track, negative where the strip begins behind it; `gsd_near_m`
    and `gsd_far_m` are what one pixel covers there across the line of sight.
    """

    lane: int
    offset_m: float
    """From the border."""
    facing: str
    depression_deg: float
    near_m: float
    far_m: float
    gsd_near_m: float
    gsd_far_m: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UnseenGround:
    """Ground of the corridor no camera sees for one reason, and a place in the largest gap of it."""

    reason: str
    area_m2: float
    gaps: int
    largest_m2: float
    lat_deg: float
    lon_deg: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SightReport:
    """What the cameras of a patrol see, and how well."""

    lanes: tuple[LaneSight, ...]
    resolution_m: float
    """Side of the cells unseen ground is measured by."""
    unseen: tuple[UnseenGround, ...]
    """Largest first."""
    dwell_s: float
    """Shortest time any ground that is seen stays in the picture in its best pass; NaN where none is seen."""
    stations: int
    """Places along the border, 50 m apart, the revisit proof is made at."""
    stations_partly_unseen: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole answer to a brief: sorties, findings, and the numbers a unit asks for."""

    name: str
    dialect: str
    sorties: tuple[Sortie, ...]
    findings: tuple[Finding, ...]
    required_standoff_m: float
    min_standoff_m: float
    worst_revisit_s: float
    corridor_m2: float
    covered_pct: float
    flights: tuple[Flight, ...] = ()
    """The schedule: seconds from the start of the patrol."""
    start_utc: str = ""
    """When the patrol starts (ISO 8601), empty where the brief does not say."""
    turns: tuple[Turn, ...] = ()
    """Who repeats what; empty where no revisit is promised."""
    fleet_options: tuple[FleetOption, ...] = ()
    proposed_rally: tuple[ProposedRally, ...] = ()
    sight: SightReport | None = None
    """None for searches, which are judged by their own coverage."""
    extra: ExtraEffort | None = dataclasses.field(default=None, metadata={UNHASHED_WHEN_NONE: True})
    """What was flown beyond the guaranteed revisit, where something was learned."""

    @property
    def feasible(self) -> bool:
        """True when no finding is an error."""
        return all(f.severity is not Severity.ERROR for f in self.findings)

    @property
    def sha256(self) -> str:
        """Content hash a person approves and the flight checks against; 4 and 4.0 are one number in it."""
        text = json.dumps(_plain(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any, *, real: bool = False) -> Any:
    """Return a value of this module as JSON has it; where a field holds floats, a whole number is one, too."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        held = [f for f in fields if not (f.metadata.get(UNHASHED_WHEN_NONE) and getattr(value, f.name) is None)]
        return {f.name: _plain(getattr(value, f.name), real="float" in str(f.type)) for f in held}
    if isinstance(value, (tuple, list)):
        return [_plain(one, real=real) for one in value]
    return float(value) if real and type(value) is int else value
