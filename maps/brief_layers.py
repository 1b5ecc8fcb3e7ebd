"""A brief as map layers: the border, the standoff line, zones, where to stay, what to avoid, the ways out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.geodesy import forward
from maps.layers import GeometryLayer, area, feature, line, spot
from missions.airspace.corridor_frame import LocalFrame

if TYPE_CHECKING:
    from missions.briefs.brief import Brief
    from missions.briefs.places import Area, Avoid, GeoLine, KeepIn, Zone

_FINE_M: Final = 1.0
"""Detail of the standoff line that no screen shows."""


def _lon_lat(geo_line: GeoLine) -> list[tuple[float, float]]:
    return list(zip(geo_line.lon_deg.tolist(), geo_line.lat_deg.tolist(), strict=True))


def _zone_features(zone: Zone) -> list[dict[str, Any]]:
    floor = _either(zone.floor_amsl_m, zone.floor_agl_m) or "ground"
    ceiling = _either(zone.ceiling_amsl_m, zone.ceiling_agl_m) or "no ceiling"
    text = {
        "title": f"No-fly zone {zone.name}",
        "rows": [["from", floor], ["to", ceiling], ["clearance", f"{zone.clearance_m:.0f} m"]],
        "label": zone.name,
    }
    return [*_outlines(zone, text), *_thin(zone, zone.half_width_m, text)]


def _either(amsl_m: float | None, agl_m: float | None) -> str:
    """Return a limit as text, both readings of it where it is not known what it counts from."""
    told = [f"{m:.0f} m {word}" for m, word in ((amsl_m, "AMSL"), (agl_m, "above ground")) if m is not None]
    return " or ".join(told)


def _outlines(drawn: Area, text: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the circle or polygons of an area."""
    if drawn.centre is not None and drawn.radius_m is not None:
        lat, lon = forward(drawn.centre[0], drawn.centre[1], np.linspace(0.0, 360.0, 65), drawn.radius_m)
        return [area(list(zip(lon.tolist(), lat.tolist(), strict=True)), **text)]
    return [
        feature({"type": "Polygon", "coordinates": [[list(p) for p in _lon_lat(ring)] for ring in rings]}, **text)
        for rings in drawn.polygons
    ]


def _keep_in_features(keep_in: KeepIn) -> list[dict[str, Any]]:
    return _outlines(keep_in, {"title": "Keep-in area", "rows": [["clearance", f"{keep_in.clearance_m:.0f} m"]]})


def _avoid_features(avoid: Avoid) -> list[dict[str, Any]]:
    """Return ground to avoid: areas as areas, roads as lines, single places as circles of their clearance."""
    text = {
        "title": f"Avoid overflying {avoid.name}",
        "rows": [["clearance", f"{avoid.clearance_m:.0f} m"]],
        "label": avoid.name,
    }
    return [*_outlines(avoid, text), *_thin(avoid, avoid.clearance_m, text)]


def _thin(drawn: Avoid | Zone, reach_m: float, text: dict[str, Any]) -> list[dict[str, Any]]:
    """Return lines as lines and single places as circles of so many metres."""
    features = []
    for thin in drawn.lines:
        if len(thin.lat_deg) > 1:
            features.append(line(_lon_lat(thin), **text))
            continue
        round_it = np.linspace(0.0, 360.0, 33)
        lat, lon = forward(float(thin.lat_deg[0]), float(thin.lon_deg[0]), round_it, reach_m)
        features.append(area(list(zip(lon.tolist(), lat.tolist(), strict=True)), **text))
    return features


def _asked_layers(brief: Brief) -> list[GeometryLayer]:
    """Return the keep-in area and the ground to avoid, where the brief has them."""
    layers = []
    if brief.keep_in is not None:
        layers.append(
            GeometryLayer(
                name="Keep-in area",
                features=_keep_in_features(brief.keep_in),
                style={"color": "#1b5e20", "weight": 2, "dashArray": "8 5", "fill": False},
                shape="line",
                legend="keep-in area, left by no path",
            )
        )
    if brief.avoid:
        layers.append(
            GeometryLayer(
                name="Ground to avoid",
                features=[f for avoid in brief.avoid for f in _avoid_features(avoid)],
                style={"color": "#e65100", "weight": 2, "fillColor": "#fb8c00", "fillOpacity": 0.25},
                shape="area",
                legend="ground to avoid overflying",
            )
        )
    return layers


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
    """Return standoff strip, border, zones, keep-in area, ground to avoid and rally points."""
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
        *_asked_layers(brief),
        GeometryLayer(
            name="Rally points",
            features=[spot(p.lon_deg, p.lat_deg, title=f"Rally point {p.name}", label=p.name) for p in brief.rally],
            style={"color": "#01579b", "fillColor": "#4fc3f7"},
            shape="dot",
            legend="rally point",
        ),
    ]
