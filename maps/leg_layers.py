"""Flights as map layers: legs packed as columns, hundreds of sorties open at once and each leg tells of itself."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from missions.pictures.style import sortie_colour
from missions.plan import LegKind
from missions.plan_files.schedule_file import utc_after

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.airspace.terrain_profile import GroundHeights
    from missions.plan import Leg, Plan, Sortie

LEG_STYLE: Final[dict[LegKind, dict[str, Any]]] = {
    LegKind.WORK: {"weight": 4},
    LegKind.TURN: {"weight": 2, "dashArray": "2 4"},
    LegKind.TRANSIT: {"weight": 2, "dashArray": "7 5"},
    LegKind.RETURN: {"weight": 2, "dashArray": "7 5"},
    LegKind.HOLD: {"weight": 4},
    LegKind.FAILSAFE: {"weight": 1.5, "dashArray": "3 5", "opacity": 0.75},
}
FAILSAFE_COLOUR: Final = "#D55E00"
MAX_SWITCHES: Final = 40
"""Plans with more sorties than this have one switch for each launch site."""
MAX_KEYS: Final = 8
"""With more sorties than this, none has an entry of its own in the legend."""
_SHOWN_TAKEOFFS: Final = 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The legs of one flight in order, with what a click on any of them says of the whole."""

    name: str
    colour: str
    legs: tuple[Leg, ...]
    start_s: float = 0.0
    """When the flight's clock starts, in the time of its legs."""
    rows: tuple[tuple[str, str], ...] = ()
    agl_m: tuple[tuple[float, float], ...] = ()
    """Height above ground at the start and end of each leg; empty where the ground is not known."""
    by_item: bool = False
    """Whether a leg's number is that of the plan item it leads to."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LegLayer:
    """Flights that are switched on and off together."""

    name: str
    tracks: Sequence[Track]
    legend: str = ""
    show: bool = True
    in_legend: bool = True
    shape: str = "line"

    @property
    def style(self) -> dict[str, Any]:
        """The style of the legend's key: what a flight is for, or the way home of a break-off."""
        kinds = {leg.kind for track in self.tracks for leg in track.legs}
        return dict(LEG_STYLE[LegKind.FAILSAFE if kinds == {LegKind.FAILSAFE} else LegKind.WORK])

    @property
    def colour(self) -> str:
        """The colour of the legend's key."""
        return self.tracks[0].colour if self.tracks else FAILSAFE_COLOUR

    @property
    def features(self) -> Sequence[Track]:
        """What there is to show; empty when nothing is."""
        return self.tracks

    def positions(self) -> list[tuple[float, float]]:
        """Return longitude, latitude of every end of every leg."""
        legs = [leg for track in self.tracks for leg in track.legs]
        starts = [(leg.lon_start_deg, leg.lat_start_deg) for leg in legs]
        return starts + [(leg.lon_end_deg, leg.lat_end_deg) for leg in legs]


def sortie_layers(plan: Plan, ground: GroundHeights | None = None) -> list[LegLayer]:
    """Return the planned flights: a layer per sortie, or per launch site when there are very many."""
    tracks = {s.name: _track(s, k, plan, ground) for k, s in enumerate(plan.sorties)}
    if len(plan.sorties) <= MAX_SWITCHES:
        return [
            LegLayer(
                name=f"Sortie {s.name}", tracks=[tracks[s.name]], legend=f"planned legs, {s.name}",
                in_legend=len(plan.sorties) <= MAX_KEYS,
            )
            for s in plan.sorties
        ]  # fmt: skip
    return [
        LegLayer(
            name=f"Sorties from {site} ({sum(s.site == site for s in plan.sorties)})",
            tracks=[tracks[s.name] for s in plan.sorties if s.site == site],
            in_legend=False,
        )
        for site in dict.fromkeys(s.site for s in plan.sorties)
    ]


def failsafe_layer(plan: Plan) -> LegLayer:
    """Return the ways an autopilot would take on a break-off, hidden until asked for."""
    return LegLayer(
        name="Failsafe ways",
        tracks=[
            Track(name=s.name, colour=FAILSAFE_COLOUR, legs=s.failsafe, start_s=s.legs[0].t_start_s)
            for s in plan.sorties
            if s.failsafe
        ],
        legend="failsafe way, if broken off there",
        show=False,
    )


def _track(sortie: Sortie, number: int, plan: Plan, ground: GroundHeights | None) -> Track:
    rows = [("from", sortie.site), ("aircraft", sortie.aircraft)]
    takeoffs = [flight.t_takeoff_s for flight in plan.flights if flight.sortie == sortie.name]
    if takeoffs:
        shown = ", ".join(_clock(plan.start_utc, t) for t in takeoffs[:_SHOWN_TAKEOFFS])
        more = len(takeoffs) - _SHOWN_TAKEOFFS
        rows.append(("take-offs at", shown + (f" and {more} more" if more > 0 else "")))
    return Track(
        name=sortie.name, colour=sortie_colour(number), legs=sortie.legs, start_s=sortie.legs[0].t_start_s,
        rows=tuple(rows), agl_m=heights_above(sortie.legs, ground),
    )  # fmt: skip


def _clock(start_utc: str, seconds: float) -> str:
    """Return the time of day (UTC) where the start is known, else hours and minutes since it."""
    if start_utc:
        return f"{utc_after(start_utc, seconds)[11:16]}Z"
    return f"{int(seconds // 3600):02d}:{int(seconds % 3600 // 60):02d}"


def heights_above(legs: Sequence[Leg], ground: GroundHeights | None) -> tuple[tuple[float, float], ...]:
    """Return the height above ground at both ends of each leg; nothing without ground."""
    if ground is None or not legs:
        return ()
    lat = np.array([(leg.lat_start_deg, leg.lat_end_deg) for leg in legs])
    lon = np.array([(leg.lon_start_deg, leg.lon_end_deg) for leg in legs])
    alt = np.array([(leg.alt_amsl_start_m, leg.alt_amsl_end_m) for leg in legs])
    below = np.asarray(ground.amsl_m(lat.ravel(), lon.ravel()), dtype=float).reshape(alt.shape)
    return tuple((float(a), float(b)) for a, b in alt - below)


def packed(layer: LegLayer, *, seam: bool) -> dict[str, Any]:
    """Return what the page draws a layer from.

    Parameters
    ----------
    seam
        Whether the map crosses the antimeridian: western longitudes are then drawn east of 180.
    """
    return {
        "styles": {kind.value: LEG_STYLE[kind] for kind in LegKind},
        "tracks": [
            {
                "name": track.name,
                "colour": track.colour,
                "rows": [list(row) for row in track.rows],
                "count": len(track.legs),
                "chains": [_chain(track, first, after, seam) for first, after in _chains(track.legs)],
            }
            for track in layer.tracks
        ],
    }


def _chains(legs: Sequence[Leg]) -> list[tuple[int, int]]:
    """Return the runs of legs that each start where the one before ended and are of its kind."""
    starts = [0] + [
        k
        for k in range(1, len(legs))
        if (legs[k].lat_start_deg, legs[k].lon_start_deg) != (legs[k - 1].lat_end_deg, legs[k - 1].lon_end_deg)
        or legs[k].kind is not legs[k - 1].kind
    ]
    return list(zip(starts, [*starts[1:], len(legs)], strict=True)) if legs else []


def _chain(track: Track, first: int, after: int, seam: bool) -> dict[str, Any]:
    """Return a run of legs as columns: places in 1e-6 degree, heights and times of both ends of each leg.

    A column of which nothing is known is left out.
    """
    legs = track.legs[first:after]
    agl = track.agl_m[first:after]
    lat = [legs[0].lat_start_deg, *(leg.lat_end_deg for leg in legs)]
    lon = [legs[0].lon_start_deg, *(leg.lon_end_deg for leg in legs)]
    lon = [x + 360.0 if seam and x < 0.0 else x for x in lon]
    columns: dict[str, list[float | int | None]] = {
        "alt": [_number(h) for leg in legs for h in (leg.alt_amsl_start_m, leg.alt_amsl_end_m)],
        "agl": [_number(h) for pair in agl for h in pair],
        "time": [_number(t - track.start_s) for leg in legs for t in (leg.t_start_s, leg.t_end_s)],
        "speed": [_number(leg.speed_mps, 1) for leg in legs],
        "battery": [_number(leg.battery_end_pct) for leg in legs],
        "item": [leg.seq + 1 for leg in legs] if track.by_item else [],
    }
    known = {name: column for name, column in columns.items() if any(value is not None for value in column)}
    return {"kind": legs[0].kind.value, "first": first, "lat": _steps(lat), "lon": _steps(lon)} | known


def _steps(degrees: Sequence[float]) -> list[int]:
    """Return the first value and then the steps from each to the next, in 1e-6 degree (about 0.1 m)."""
    whole = np.rint(np.asarray(degrees) * 1e6).astype(np.int64)
    return [int(whole[0]), *np.diff(whole).tolist()]


def _number(value: float, digits: int = 0) -> float | int | None:
    if not math.isfinite(value):
        return None
    return round(value, digits) if digits else round(value)
