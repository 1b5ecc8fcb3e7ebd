"""The replay map of a scenario: border, zones, fence, route, the true path in its modes, and what was missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from maps.layers import GeometryLayer, area, line, spot
from maps.offline_map import MapContent
from sitl.scenarios.scenario_verdict import airborne

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sitl.scenarios.scenario import EastNorth, Scenario
    from sitl.scenarios.scenario_verdict import Flown, ScenarioResult

MODE_COLOURS: Final = {"AUTO": "#1e66d0", "RTL": "#f9a825", "SMART_RTL": "#f9a825", "LAND": "#d81b60"}
"""Colour of the path by what the autopilot was doing; anything else is grey."""
EVERY: Final = 5
"""Truth rows per point of the path (two points a second)."""


def replay_map(scenario: Scenario, result: ScenarioResult) -> MapContent:
    """Collect the layers of a flown scenario, from the ground up."""
    missed = [verdict.sentence for verdict in result.verdicts if not (verdict.met or verdict.unmeasured)]
    return MapContent(
        title=scenario.name,
        subtitle=f"{scenario.about} {'Met.' if result.met else 'MISSED.'}".strip(),
        layers=[*_areas(scenario), _routes(result.flown), *_paths(result.flown), _ends(result.flown)],
        notes=missed or [f"All {len(result.verdicts)} expectations met."],
    )


def _lon_lat(scenario: Scenario, points: Sequence[EastNorth]) -> list[tuple[float, float]]:
    return [(lon, lat) for lat, lon in (scenario.origin.lat_lon(point) for point in points)]


def _ring(scenario: Scenario, points: Sequence[EastNorth]) -> list[tuple[float, float]]:
    ring = _lon_lat(scenario, points)
    return [*ring, ring[0]]


def _areas(scenario: Scenario) -> list[GeometryLayer]:
    layers = []
    fences = [vehicle for vehicle in scenario.vehicle if vehicle.fence_m]
    if fences:
        features = [area(_ring(scenario, v.fence_m), title=f"Fence of {v.name}") for v in fences]
        style = {"color": "#2e7d32", "fillColor": "#2e7d32", "fillOpacity": 0.05, "weight": 1}
        layers.append(GeometryLayer(name="Fences", features=features, style=style, shape="area", legend="fence"))
    if scenario.zone:
        features = [
            area(_ring(scenario, zone.ring_m), title=zone.name, rows=[["appears after", f"{zone.appears_s:.0f} s"]])
            for zone in scenario.zone
        ]
        style = {"color": "#b71c1c", "fillColor": "#b71c1c", "fillOpacity": 0.25, "weight": 1}
        layers.append(GeometryLayer(name="Zones", features=features, style=style, shape="area", legend="no-fly zone"))
    if scenario.border is not None:
        features = [line(_lon_lat(scenario, scenario.border.line_m), title="Border")]
        layers.append(
            GeometryLayer(name="Border", features=features, style={"color": "#000", "weight": 3}, legend="border")
        )
    return layers


def _routes(flown: Sequence[Flown]) -> GeometryLayer:
    features = [
        line(
            [(leg.lon_start_deg, leg.lat_start_deg) for leg in one.sortie.legs]
            + [(leg.lon_end_deg, leg.lat_end_deg) for leg in one.sortie.legs[-1:]],
            title=f"Route of {one.vehicle.name}",
        )
        for one in flown
    ]
    style = {"color": "#90a4ae", "weight": 4, "opacity": 0.7}
    return GeometryLayer(name="Routes", features=features, style=style, legend="route as planned")


def _paths(flown: Sequence[Flown]) -> list[GeometryLayer]:
    """Return one layer a mode: the path cut where the mode changes."""
    pieces: dict[str, list[dict[str, object]]] = {}
    for one in flown:
        air = airborne(one)
        mode = np.asarray(air["mode"])[::EVERY]
        lon, lat = (np.asarray(air[name], dtype=np.float64)[::EVERY] for name in ("lon_deg", "lat_deg"))
        cuts = [0, *(np.flatnonzero(mode[1:] != mode[:-1]) + 1).tolist(), len(mode)]
        for start, stop in zip(cuts, cuts[1:], strict=False):
            points = list(zip(lon[start : stop + 1].tolist(), lat[start : stop + 1].tolist(), strict=True))
            if len(points) > 1:
                pieces.setdefault(str(mode[start]), []).append(line(points, title=f"{one.vehicle.name}: {mode[start]}"))
    return [
        GeometryLayer(
            name=f"Flown in {mode}",
            features=features,
            style={"color": MODE_COLOURS.get(mode, "#616161"), "weight": 2},
            legend=f"true path, {mode}",
        )
        for mode, features in pieces.items()
    ]


def _ends(flown: Sequence[Flown]) -> GeometryLayer:
    features = []
    for one in flown:
        last = {name: float(one.truth[name][-1]) for name in ("lat_deg", "lon_deg", "battery_pct")}
        rows = [["battery", f"{last['battery_pct']:.0f} %"], *(["said", text] for text in one.texts[-6:])]
        features.append(spot(last["lon_deg"], last["lat_deg"], title=f"{one.vehicle.name} ends here", rows=rows))
    style = {"color": "#fff", "fillColor": "#000"}
    return GeometryLayer(name="Ends", features=features, style=style, shape="dot", legend="end of the flight")
