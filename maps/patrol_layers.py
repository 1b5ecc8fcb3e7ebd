"""Plans, flights, footprints and tracks as map layers."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.geodesy import forward
from maps.finding_layers import finding_layers
from maps.layers import GeometryLayer, line, spot
from maps.leg_layers import failsafe_layer, sortie_layers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from maps.leg_layers import LegLayer
    from missions.airspace.terrain_profile import GroundHeights
    from missions.plan import MissionItem, Plan, ProposedRally

FENCE_STYLE: Final = {"color": "#009E73", "weight": 2, "dashArray": "10 4", "fill": False}


def _clock(t_utc_ns: int) -> str:
    return datetime.datetime.fromtimestamp(t_utc_ns / 1e9, tz=datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def plan_layers(plan: Plan, ground: GroundHeights | None = None) -> list[GeometryLayer | LegLayer]:
    """Return fence and failsafe ways (hidden), the sorties, the launch sites, and the findings as markers."""
    sites = {sortie.site: (sortie.home_lon_deg, sortie.home_lat_deg) for sortie in plan.sorties}
    return [
        fence_layer([sortie.fence for sortie in plan.sorties], show=False),
        failsafe_layer(plan),
        *sortie_layers(plan, ground),
        GeometryLayer(
            name="Launch sites",
            features=[spot(lon, lat, title=f"Launch site {name}", label=name) for name, (lon, lat) in sites.items()],
            style={"color": "#1b5e20", "fillColor": "#43a047"},
            shape="dot",
            legend="launch site",
        ),
        GeometryLayer(
            name="Proposed rally points",
            features=[_proposed(point) for point in plan.proposed_rally],
            style={"color": "#01579b", "fillColor": "#ffffff", "dashArray": "3 3"},
            shape="dot",
            legend="rally point that would mend a return",
        ),
        *finding_layers(plan.findings),
    ]


def _proposed(point: ProposedRally) -> dict[str, Any]:
    rows = [
        ["position", f"{point.lat_deg:.6f}, {point.lon_deg:.6f}"],
        ["height", f"{point.alt_above_home_m:.0f} m above home"],
        ["mends returns of", ", ".join(point.sorties)],
    ]
    return spot(point.lon_deg, point.lat_deg, title="Proposed rally point", rows=rows, note="Look at the ground first.")


def fence_layer(fences: Sequence[tuple[MissionItem, ...]], *, show: bool) -> GeometryLayer:
    """Return the outlines of geofences as the vehicle gets them, each once."""
    drawn = {ring: None for items in fences for ring in _fence_rings(items)}
    return GeometryLayer(
        name="Geofence",
        features=[line(ring, title=f"Geofence: {what}") for what, ring in drawn],
        style=FENCE_STYLE,
        legend="geofence sent to the aircraft",
        show=show,
    )


def _fence_rings(items: tuple[MissionItem, ...]) -> Iterator[tuple[str, tuple[tuple[float, float], ...]]]:
    """Yield what each polygon and circle of a fence does, and its closed outline (longitude, latitude).

    A polygon is as many items in a row as its first says, a circle one (MAVLink, MAV_CMD_NAV_FENCE_*).
    """
    place = 0
    while place < len(items):
        item = items[place]
        doing = "stay out" if item.command in (5002, 5004) else "stay in"
        if item.command in (5003, 5004):
            lat, lon = forward(item.lat_deg, item.lon_deg, np.linspace(0.0, 360.0, 65), item.p1)
            yield doing, tuple(zip(lon.tolist(), lat.tolist(), strict=True))
            place += 1
            continue
        count = max(int(item.p1), 1) if item.command in (5001, 5002) else 1
        corners = [(i.lon_deg, i.lat_deg) for i in items[place : place + count]]
        if len(corners) > 2:
            yield doing, (*corners, corners[0])
        place += count


def flown_layer(flights: Iterable[tuple[str, Sequence[tuple[float, float]]]]) -> GeometryLayer:
    """Return the tracks as flown: a name and longitude, latitude pairs for each aircraft."""
    return GeometryLayer(
        name="Flown",
        features=[line(points, title=f"Flown by {name}") for name, points in flights if len(points) > 1],
        style={"color": "#ffd54f", "weight": 1.5, "opacity": 1.0},
        legend="track as flown",
    )
