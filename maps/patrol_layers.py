"""Plans, flights, footprints and tracks as map layers."""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from maps.layers import GeometryLayer, area, line, spot
from missions.plan import LegKind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from detection.values import GroundTrack
    from missions.plan import Leg, Plan, Sortie
    from operations.values import FrameRecord

SORTIE_COLOURS: Final = ("#0b57d0", "#00796b", "#6a1b9a", "#b26a00", "#37474f", "#2e7d32")
_LEG_STYLE: Final[dict[LegKind, dict[str, Any]]] = {
    LegKind.WORK: {"weight": 4},
    LegKind.TURN: {"weight": 2, "dashArray": "2 4"},
    LegKind.TRANSIT: {"weight": 2, "dashArray": "6 5"},
    LegKind.RETURN: {"weight": 2, "dashArray": "6 5"},
    LegKind.FAILSAFE: {"color": "#ef6c00", "weight": 2, "dashArray": "3 5"},
}
_SEVERITY_COLOUR: Final = {Severity.ERROR: "#c62828", Severity.WARNING: "#f9a825"}


def _clock(t_utc_ns: int) -> str:
    return datetime.datetime.fromtimestamp(t_utc_ns / 1e9, tz=datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _leg_feature(sortie: Sortie, leg: Leg) -> dict[str, Any]:
    rows = [
        ["altitude", f"{leg.alt_amsl_start_m:.0f} to {leg.alt_amsl_end_m:.0f} m AMSL"],
        ["time", f"{leg.t_start_s:.0f} to {leg.t_end_s:.0f} s"],
        ["speed", f"{leg.speed_mps:.1f} m/s"],
        ["battery after", f"{leg.battery_end_pct:.0f} %"],
    ]
    ends = [(leg.lon_start_deg, leg.lat_start_deg), (leg.lon_end_deg, leg.lat_end_deg)]
    return line(ends, title=f"{sortie.name}: {leg.kind} leg {leg.seq}", rows=rows, style=_LEG_STYLE[leg.kind])


def plan_layers(plan: Plan) -> list[GeometryLayer]:
    """Return one layer per sortie, the launch sites, and the findings as markers."""
    layers = [
        GeometryLayer(
            name=f"Plan: {sortie.name}",
            features=[_leg_feature(sortie, leg) for leg in sortie.legs if leg.kind is not LegKind.FAILSAFE],
            style={"color": SORTIE_COLOURS[number % len(SORTIE_COLOURS)], "weight": 4},
            legend=f"planned legs, {sortie.name}",
        )
        for number, sortie in enumerate(plan.sorties)
    ]
    sites = {sortie.site: (sortie.home_lon_deg, sortie.home_lat_deg) for sortie in plan.sorties}
    layers.append(
        GeometryLayer(
            name="Launch sites",
            features=[spot(lon, lat, title=f"Launch site {name}", label=name) for name, (lon, lat) in sites.items()],
            style={"color": "#1b5e20", "fillColor": "#43a047"},
            shape="dot",
            legend="launch site",
        )
    )
    findings = [f for f in plan.findings if f.lat_deg == f.lat_deg]
    layers.append(
        GeometryLayer(
            name="Findings",
            features=[
                spot(
                    f.lon_deg,
                    f.lat_deg,
                    title=f"{f.severity}: {f.rule}",
                    rows=[["what", f.message], ["where", f.sortie], ["relaxation", f.relaxation or "none"]],
                    style={"fillColor": _SEVERITY_COLOUR[f.severity], "color": "#000"},
                )
                for f in findings
            ],
            style={"fillColor": "#f9a825", "color": "#000"},
            shape="dot",
            legend="finding",
        )
    )
    return layers


def flown_layer(flights: Iterable[tuple[str, Sequence[tuple[float, float]]]]) -> GeometryLayer:
    """Return the tracks as flown: a name and longitude, latitude pairs for each aircraft."""
    return GeometryLayer(
        name="Flown",
        features=[line(points, title=f"Flown by {name}") for name, points in flights if len(points) > 1],
        style={"color": "#ffd54f", "weight": 1.5, "opacity": 1.0},
        legend="track as flown",
    )


def footprint_layer(frames: Iterable[FrameRecord], *, every: int = 1) -> GeometryLayer:
    """Return what the camera saw of the ground, one outline for every `every` frames with a footprint."""
    seen = [frame for frame in frames if frame.footprint_lon_lat]
    return GeometryLayer(
        name="Camera footprints",
        features=[area(f.footprint_lon_lat) for f in seen[::every]],
        style={
            "color": "#00838f",
            "weight": 1,
            "opacity": 0.45,
            "fillColor": "#00acc1",
            "fillOpacity": 0.05,
            "interactive": False,
        },
        shape="area",
        legend="ground the camera saw",
    )


def ground_track_layer(tracks: Sequence[GroundTrack]) -> GeometryLayer:
    """Return ground tracks with two or more hits as lines."""
    by_class: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for t in tracks:
        if len(t.hit_ids) < 2:
            continue
        rows = [
            ["class", t.class_name],
            ["hits", str(len(t.hit_ids))],
            ["from", _clock(t.t_utc_ns[0])],
            ["to", _clock(t.t_utc_ns[-1])],
            ["speed", f"{t.speed_mps:.1f} m/s"],
            ["heading", f"{t.heading_deg:.0f}°"],
        ]
        points = list(zip(t.lon_deg, t.lat_deg, strict=True))
        by_class[t.class_name].append(
            line(points, title=f"Ground track {t.track_id}", rows=rows, note="Machine assessment, not confirmed.")
        )
    return GeometryLayer(
        name=f"Ground tracks ({sum(map(len, by_class.values()))})",
        features=[f for features in by_class.values() for f in features],
        style={"color": "#212121", "weight": 2},
        legend="ground track",
    )
