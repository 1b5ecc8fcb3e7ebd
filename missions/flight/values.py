"""What a flight is asked, what it shows while it goes on, and what it reports when it ends."""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import TYPE_CHECKING, Any, Protocol

from missions.flight.position_doubt import UNSEEN
from missions.flight.preflight import PreflightLimits
from missions.transfer.values import Timers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from missions.plan import Finding, Sortie


class FlightPhase(enum.StrEnum):
    """Where a flight stands."""

    CONNECTING = "connecting"
    CHECKING = "checking"
    UPLOADING = "uploading"
    ARMING = "arming"
    FLYING = "flying"
    LANDED = "landed"
    ENDED = "ended"


class LinkState(enum.StrEnum):
    """How fresh the vehicle's telemetry is: stale after 2 s, lost after 3.5 s without a message."""

    LIVE = "live"
    STALE = "stale"
    LOST = "lost"
    RECOVERED = "recovered"


class PilotCommand(enum.StrEnum):
    """What a person may ask of a flying aircraft."""

    PAUSE = "pause"
    RESUME = "resume"
    RETURN = "return"
    LAND = "land"
    RESTORE = "restore"
    """Put the mission back on the vehicle, and go on with it."""
    QUIT = "quit"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlownTrack:
    """Where the aircraft was while armed, as columns of equal length.

    Time is the vehicle's own since boot, seconds (simulated time in a
    simulator); altitudes are above mean sea level.
    """

    t_boot_s: NDArray[np.float64]
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    alt_amsl_m: NDArray[np.float64]
    mission_seq: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.t_boot_s)


class Coverage(Protocol):
    """Say how much of its task a flown track has done, per cent."""

    def __call__(self, track: FlownTrack, sortie: Sortie) -> float:
        """Return 0..100."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlightStatus:
    """One line of the live view; NaN where not known yet."""

    system: int = 0
    sortie: str = ""
    phase: FlightPhase = FlightPhase.CONNECTING
    mode: str = ""
    armed: bool = False
    seq: int = -1
    items: int = 0
    leg: int = -1
    legs: int = 0
    lat_deg: float = math.nan
    lon_deg: float = math.nan
    alt_amsl_m: float = math.nan
    battery_pct: float = math.nan
    planned_battery_pct: float = math.nan
    time_to_go_s: float = math.nan
    flight_s: float = 0.0
    cross_track_m: float = math.nan
    standoff_m: float = math.nan
    link: LinkState = LinkState.LIVE
    note: str = ""
    findings: tuple[Finding, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlightOptions:
    """Limits and waits of one flight.

    Waits are wall-clock seconds, so they mean the same for an aircraft and for
    a simulator at thirty times real time; flight time is the vehicle's own.
    """

    system: int | None = None
    """The vehicle's system id; None takes the first that speaks."""
    dialect: str = ""
    """The autopilot the plan is made for; empty flies it on either."""
    border: BaseGeometry | None = None
    """The line to stand off from, longitude/latitude."""
    required_standoff_m: float = 0.0
    cross_track_limit_m: float = 30.0
    height_limit_m: float = 15.0
    battery_below_plan_pct: float = 10.0
    """How far below the plan the battery may be before it is an alarm."""
    stale_after_s: float = 2.0
    lost_after_s: float = 3.5
    give_up_after_s: float = 120.0
    """A link lost this long ends the watch (the aircraft's own failsafe flies it home)."""
    connect_timeout_s: float = 30.0
    ready_timeout_s: float = 120.0
    command_timeout_s: float = 10.0
    max_flight_s: float = math.inf
    """Flight time, on the vehicle's clock, after which the watch ends (a plane may circle over home for ever)."""
    reserve_pct: float = 15.0
    """Battery under which the flight has a finding, wherever it is."""
    takeoff_timeout_s: float = 120.0
    preflight: PreflightLimits | None = PreflightLimits()
    """Limits of the checks before take-off; None skips them."""
    overrides: frozenset[str] = frozenset()
    """Preflight rules that a named person let pass (see `missions.flight.approval_file`)."""
    enable_fence: bool = False
    """Switch ArduPilot's fence on before arming."""
    resume_seq: int = -1
    """Item of the sortie (counted without home) to go to after take-off; -1 flies it from the start."""
    timers: Timers = Timers()
    upload_window: int = 4
    upload_fence: bool = True
    upload_rally: bool = True
    telemetry_hz: float = 10.0
    status_every_s: float = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlightReport:
    """How a flight went. NaN where nothing could be measured."""

    sortie: str
    system: int
    uploaded_items: int
    readback_equal: bool
    completed: bool
    coverage_pct: float
    max_cross_track_m: float
    max_height_error_m: float
    min_standoff_m: float
    min_battery_pct: float
    flight_s: float
    link_losses: int
    last_seq: int
    findings: tuple[Finding, ...]
    track: FlownTrack
    resume_seq: int = -1
    """The item (counted without home) to fly next after a flight that was cut short; -1 when there is none."""
    preflight: tuple[Finding, ...] = ()
    """What the checks before take-off found; warnings, and errors that a named person let pass."""
    standoff_doubt_m: float = 0.0
    """By how much `min_standoff_m` may be wrong, where the vehicle's position contradicted itself; 0 for not at all."""

    def as_json(self) -> dict[str, Any]:
        """Return the object `vedette fly --json` ends with; unknown numbers are null."""
        numbers = {
            "coverage_pct": self.coverage_pct,
            "max_cross_track_m": self.max_cross_track_m,
            "min_standoff_m": self.min_standoff_m,
            "standoff_doubt_m": self.standoff_doubt_m,
            "min_battery_pct": self.min_battery_pct,
            "flight_s": self.flight_s,
        }
        return {
            "sortie": self.sortie,
            "system": self.system,
            "uploaded_items": self.uploaded_items,
            "readback_equal": self.readback_equal,
            "completed": self.completed,
            **{name: round(value, 3) if math.isfinite(value) else None for name, value in numbers.items()},
            "link_losses": self.link_losses,
            "position_unseen": UNSEEN,
            "findings": [finding_json(f) for f in self.findings],
        }


def finding_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON values, without what is not known."""
    values = dataclasses.asdict(finding)
    return {k: v for k, v in values.items() if v not in ("", -1) and not (isinstance(v, float) and math.isnan(v))}
