"""The map of a plan before it is flown: legs by sortie, zones, findings, wind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maps.brief_layers import brief_layers
from maps.offline_map import MapContent, bounds_of
from maps.operation_map import shade
from maps.patrol_layers import plan_layers

if TYPE_CHECKING:
    from geo.values import Terrain
    from missions.briefs.brief import Brief, Wind
    from missions.plan import Plan


def plan_map(plan: Plan, brief: Brief, *, terrain: Terrain | None = None) -> MapContent:
    """Collect the layers of a plan, from the ground up."""
    layers = [*brief_layers(brief), *plan_layers(plan)]
    verdict = "feasible" if plan.feasible else "NOT feasible"
    return MapContent(
        title=plan.name,
        subtitle=(
            f"{len(plan.sorties)} sorties, {verdict}; standoff asked {plan.required_standoff_m:.0f} m, "
            f"kept {plan.min_standoff_m:.0f} m; {plan.covered_pct:.0f} % of the corridor in view"
        ),
        layers=layers,
        hillshade=shade(terrain, bounds_of(layers)) if terrain is not None else None,
        notes=[wind_note(brief.wind)],
    )


def wind_note(wind: Wind) -> str:
    """Say the wind in one line: at every height, or layer by layer from the lowest up."""
    gusts = f"gusts {wind.strongest_in(wind.profile):.0f} m/s"
    layers = [
        f"{layer.speed_mps:.0f} m/s from {layer.from_deg:.0f}° at {layer.alt_amsl_m:.0f} m AMSL"
        for layer in sorted(wind.layer, key=lambda layer: layer.alt_amsl_m)
    ]
    return f"Wind {', '.join(layers) or f'{wind.speed_mps:.0f} m/s from {wind.from_deg:.0f}°'}, {gusts}."
