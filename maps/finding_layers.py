"""Findings as markers: rule, what was measured against which limit, what would do and what may help."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from maps.layers import GeometryLayer, spot
from missions.pictures.style import SEVERITY_COLOUR
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.plan import Finding

MAX_SIGNS: Final = 300
"""More findings than this are plain dots: a page keeps quick with so many signs, not with thousands."""
_SIGN: Final = {Severity.ERROR: "✕", Severity.WARNING: "!"}


def finding_layers(findings: Sequence[Finding]) -> list[GeometryLayer]:
    """Return the findings that have a place, errors and warnings apart, the errors on top."""
    layers = []
    for severity, plural in ((Severity.WARNING, "Warnings"), (Severity.ERROR, "Errors")):
        placed = [f for f in findings if f.severity is severity and not math.isnan(f.lat_deg)]
        signs = len(placed) <= MAX_SIGNS
        layers.append(
            GeometryLayer(
                name=f"{plural} ({len(placed)})",
                features=[_marker(finding, signs=signs) for finding in placed],
                style={"fillColor": SEVERITY_COLOUR[severity], "color": "#1b1f24"},
                shape="dot",
                legend=f"{severity.value} (click it)",
            )
        )
    return layers


def _marker(finding: Finding, *, signs: bool) -> dict[str, Any]:
    rows = [["what", finding.message]]
    if finding.sortie:
        rows.append(["sortie", finding.sortie])
    for name, value in (("measured", finding.measured), ("limit", finding.limit)):
        if not math.isnan(value):
            rows.append([name, f"{value:g} {finding.unit}".strip()])
    if finding.relaxation:
        rows.append(["would do", finding.relaxation])
    if finding.advice:
        rows.append(["advice", finding.advice])
    sign = {"sign": _SIGN[finding.severity], "kind": finding.severity.value} if signs else {}
    return spot(finding.lon_deg, finding.lat_deg, title=f"{finding.severity}: {finding.rule}", rows=rows, **sign)


def unplaced_lines(findings: Sequence[Finding]) -> list[str]:
    """Return the findings no marker can show, in words."""
    return [f"{f.severity}: {f.rule}: {f.message}" for f in findings if math.isnan(f.lat_deg)]
