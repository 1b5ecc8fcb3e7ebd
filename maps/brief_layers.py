"""A brief as map layers: the border, the standoff line, the zones, the ways out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.geodesy import enu_to_geodetic, forward, geodetic_to_enu
from geo.values import Geodetic
from maps.layers import GeometryLayer, area, feature, line, spot

if TYPE_CHECKING:
    from missions.briefs.brief import Brief
    from missions.briefs.places import GeoLine, Zone


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
    """Return both edges of the strip no aircraft enters, drawn in a local east-north plane."""
    features = []
    for border in brief.border.lines:
        origin = Geodetic(lat_deg=float(border.lat_deg[0]), lon_deg=float(border.lon_deg[0]), alt_hae_m=0.0)
        enu = geodetic_to_enu(border.lat_deg, border.lon_deg, 0.0, origin)
        strip = shapely.LineString(enu[:, :2]).buffer(brief.standoff.asked_m, quad_segs=8)
        for polygon in shapely.get_parts(strip):
            edge = np.asarray(polygon.exterior.coords)
            lat, lon, _ = enu_to_geodetic(np.column_stack([edge, np.zeros(len(edge))]), origin)
            features.append(area(list(zip(lon.tolist(), lat.tolist(), strict=True))))
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
