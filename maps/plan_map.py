"""The map of a plan before it is flown: sorties, what they see and miss, zones, findings, wind, and the numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from maps.brief_layers import brief_layers
from maps.coverage_layers import coverage_layers
from maps.finding_layers import unplaced_lines
from maps.hillshade import shade
from maps.layers import GeometryLayer, spot
from maps.leg_layers import MAX_KEYS, LegLayer
from maps.offline_map import LegendKey, MapContent, PlanPanel, bounds_of
from maps.patrol_layers import plan_layers
from missions.airspace.ground_file import TerrainGround
from missions.pictures.style import SORTIE_COLOURS
from missions.plan import Severity
from missions.plan_files.plan_folder_file import coverage_geojson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.briefs.brief import Brief, Wind
    from missions.plan import Finding, Plan
    from missions.planned import Planned

LEG_KEYS = (
    LegendKey(text="work leg", colour="#37474f"),
    LegendKey(text="way out, way home, turn", colour="#37474f", dashed=True),
)
EACH_ITS_COLOUR = LegendKey(text="planned legs, a colour a sortie", colour=SORTIE_COLOURS[0])


def plan_map(planned: Planned) -> MapContent:
    """Collect the layers of a plan, from the ground up."""
    plan, brief, heights = planned.plan, planned.situation.brief, planned.situation.ground.heights
    terrain = heights.terrain if isinstance(heights, TerrainGround) else None
    seen = coverage_layers(coverage_geojson(planned))
    layers = [*seen, *brief_layers(brief), _spare_sites(plan, brief), *plan_layers(plan, heights)]
    flown = [layer for layer in layers if isinstance(layer, LegLayer)]
    return MapContent(
        title=plan.name,
        layers=layers,
        hillshade=shade(terrain, bounds_of(layers)) if terrain is not None else None,
        notes=[wind_note(brief.wind)],
        keys=(EACH_ITS_COLOUR, *LEG_KEYS) if len(plan.sorties) > MAX_KEYS else LEG_KEYS,
        frame=bounds_of(flown),
        panel=PlanPanel(
            verdict=verdict(plan.findings),
            good=plan.feasible,
            rows=_rows(plan, brief),
            remarks=unplaced_lines(plan.findings),
            winds=winds(brief.wind),
        ),
    )


def _spare_sites(plan: Plan, brief: Brief) -> GeometryLayer:
    """Return the launch sites of the brief that no sortie starts from."""
    flown = {sortie.site for sortie in plan.sorties}
    spare = [site for site in brief.launch if site.name not in flown]
    return GeometryLayer(
        name="Launch sites not used",
        features=[spot(s.lon_deg, s.lat_deg, title=f"Launch site {s.name}, not used", label=s.name) for s in spare],
        style={"color": "#1b5e20", "fillColor": "#ffffff"},
        shape="dot",
        legend="launch site, not used",
    )


def verdict(findings: Sequence[Finding]) -> str:
    """Say in a few words whether a plan may fly."""
    errors = sum(f.severity is Severity.ERROR for f in findings)
    warnings = len(findings) - errors
    told = [f"{n} {word}{'s' if n > 1 else ''}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
    unseen = any(f.rule == "terrain" for f in findings)
    kept = "keeps the rules that could be judged without terrain" if unseen else "keeps every rule"
    return ", ".join(["not fit to fly" if errors else kept, *told])


def _rows(plan: Plan, brief: Brief) -> list[tuple[str, str]]:
    rows = [("standoff", f"{plan.min_standoff_m:.0f} m kept, {plan.required_standoff_m:g} m asked")]
    if math.isfinite(plan.worst_revisit_s):
        asked = f", {brief.revisit.max_min:g} min asked" if brief.revisit else ""
        rows.append(("revisit", f"{plan.worst_revisit_s / 60.0:.1f} min at worst{asked}"))
    if math.isfinite(plan.covered_pct):
        rows.append(("in view", f"{plan.covered_pct:.1f} % of the ground asked for"))
    rows.append(("sorties", _sorties(plan)))
    if plan.flights:
        aircraft = len({f.aircraft for f in plan.flights})
        rows.append(("flights", f"{len(plan.flights)} by {aircraft} aircraft, a battery each"))
    least = min(plan.sorties, key=lambda s: s.legs[-1].battery_end_pct)
    rows.append(("battery", f"{least.legs[-1].battery_end_pct:.0f} % at least on landing ({least.name})"))
    return rows


def _sorties(plan: Plan) -> str:
    minutes = [(s.legs[-1].t_end_s - s.legs[0].t_start_s) / 60.0 for s in plan.sorties]
    if len(minutes) == 1:
        return f"1, {minutes[0]:.0f} min"
    return f"{len(minutes)}, {min(minutes):.0f} to {max(minutes):.0f} min each"


def winds(wind: Wind) -> list[dict[str, float | str]]:
    """Return the arrows of a wind: one, or one a layer from the lowest up."""
    layers = sorted(wind.layer, key=lambda layer: layer.alt_amsl_m)
    told = [(w.speed_mps, w.from_deg, f" at {w.alt_amsl_m:.0f} m AMSL") for w in layers]
    return [
        {
            "speed_mps": speed,
            "from_deg": bearing,
            "text": f"{speed:.0f} m/s from {bearing:.0f}°{height}" if speed > 0.0 else f"calm{height}",
        }
        for speed, bearing, height in told or [(wind.speed_mps, wind.from_deg, "")]
    ]


def wind_note(wind: Wind) -> str:
    """Say the wind in one line: at every height, or layer by layer from the lowest up."""
    gusts = f"gusts {wind.strongest_in(wind.profile):.0f} m/s"
    layers = [
        f"{layer.speed_mps:.0f} m/s from {layer.from_deg:.0f}° at {layer.alt_amsl_m:.0f} m AMSL"
        for layer in sorted(wind.layer, key=lambda layer: layer.alt_amsl_m)
    ]
    return f"Wind {', '.join(layers) or f'{wind.speed_mps:.0f} m/s from {wind.from_deg:.0f}°'}, {gusts}."
