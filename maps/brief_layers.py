"""A brief as map layers: the border, the standoff line, the zones, the ways out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.geodesy import forward
from maps.layers import GeometryLayer, area, feature, line, spot
from missions.airspace.corridor_frame import LocalFrame

if TYPE_CHECKING:
    from missions.briefs.brief import Brief
    from missions.briefs.places import GeoLine, Zone

_FINE_M: Final = 1.0
"""Detail of the standoff line that no screen shows."""


def _lon_lat(geo_line: GeoLine) -> list[tuple[float, float]]:
    return list(zip(geo_line.lon_deg.tolist(), geo_line.lat_deg.tolist(), strict=True))


def _zone_features(zone: Zone) -> list[dict[str, Any]]:
    floor = "ground" if zone.floor_amsl_m is None else f"{zone.floor_amsl_m:.0f} m AMSL"
    ceiling = "no ceiling" if zone.ceiling_amsl_m is None else f"{zone.ceiling_amsl_m:.0f} m AMSL"
    text = {
        "title": f"No-fly zone {zone.name}",
        "rows": [["from", floor], ["to", ceiling], ["clearance", f"{zone.clearance_m:.0f} m"]],
        "label": zone.name,
    }
    if zone.centre is not None and zone.radius_m is not None:
        lat, lon = forward(zone.centre[0], zone.centre[1], np.linspace(0.0, 360.0, 65), zone.radius_m)
        return [area(list(zip(lon.tolist(), lat.tolist(), strict=True)), **text)]
    return [
        feature({"type": "Polygon", "coordinates": [[list(p) for p in _lon_lat(ring)] for ring in rings]}, **text)
        for rings in zone.polygons
    ]


def _standoff_features(brief: Brief) -> list[dict[str, Any]]:
    """Return the strips no aircraft enters, drawn in a plane about the whole border."""
    lat, lon = (np.concatenate([getattr(part, key) for part in brief.border.lines]) for key in ("lat_deg", "lon_deg"))
    frame = LocalFrame.about(lat, lon)
    lines = [frame.line_to_plane(part.lat_deg, part.lon_deg) for part in brief.border.lines]
    strip = shapely.buffer(shapely.MultiLineString([xy.tolist() for xy in lines]), brief.standoff.asked_m)
    features = []
    for polygon in shapely.get_parts(shapely.simplify(strip, _FINE_M)):
        rings = [frame.to_degrees(shapely.get_coordinates(ring)) for ring in shapely.get_rings(polygon)]
        drawn = [np.stack([lon, lat], axis=1).tolist() for lat, lon in rings]
        features.append(feature({"type": "Polygon", "coordinates": drawn}))
    return features


def brief_layers(brief: Brief) -> list[GeometryLayer]:
    """Return standoff strip, border, zones and rally points."""
    standoff_text = f"standoff, {brief.standoff.asked_m:.0f} m either side of the border"
    border_rows = [["standoff", f"{brief.standoff.asked_m:.0f} m"], ["source", brief.border.source or "brief"]]
    return [
        GeometryLayer(
            name="Standoff",
            features=_standoff_features(brief),
            style={
                "color": "#e57373",
                "weight": 1,
                "dashArray": "4 4",
                "fillColor": "#e57373",
                "fillOpacity": 0.14,
                "interactive": False,
            },
            shape="area",
            legend=standoff_text,
        ),
        GeometryLayer(
            name="Border",
            features=[line(_lon_lat(part), title="Border", rows=border_rows) for part in brief.border.lines],
            style={"color": "#b71c1c", "weight": 4},
            legend="border",
        ),
        GeometryLayer(
            name="No-fly zones",
            features=[f for zone in brief.zone for f in _zone_features(zone)],
            style={"color": "#4a148c", "weight": 2, "fillColor": "#7b1fa2", "fillOpacity": 0.25},
            shape="area",
            legend="no-fly zone",
        ),
        GeometryLayer(
            name="Rally points",
            features=[spot(p.lon_deg, p.lat_deg, title=f"Rally point {p.name}", label=p.name) for p in brief.rally],
            style={"color": "#01579b", "fillColor": "#4fc3f7"},
            shape="dot",
            legend="rally point",
        ),
    ]
