"""Heights nobody means: above every aircraft, below every shore, or counted from the sea where the ground was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.vertical import FOOT_M
from missions.checks.autopilot_rules_values import RELATIVE_FRAMES, TERRAIN_FRAMES
from missions.plan import Finding, Severity
from missions.plan_files.dialect import PATH_COMMANDS, has_position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.airspace.terrain_profile import GroundHeights
    from missions.plan import MissionItem
    from missions.plan_files.plan_document import Home, PlanDocument

HIGHEST_GROUND_M: Final = 8_849.0
"""Mount Everest (Nepal and China, 2020)."""
LOWEST_GROUND_M: Final = -440.0
"""The shore of the Dead Sea, and some."""
MOST_ABOVE_HOME_M: Final = 6_000.0
"""As high as a brief may ask."""
OFF_THE_GROUND_M: Final = 30.0
"""Roofs, and twice what a terrain model may be wrong by (SRTM: 16 m, 90 %)."""
_TAKEOFFS: Final = (22, 84)
_ABSOLUTE: Final = (0, 5)


def height_findings(document: PlanDocument) -> Iterator[Finding]:
    """Find a home that is nowhere on Earth's surface, and items below home whose height counts from the sea."""
    home = document.home
    if home is None:
        return
    if home.alt_amsl_m < LOWEST_GROUND_M or home.alt_amsl_m > HIGHEST_GROUND_M:  # not where it is not known
        yield Finding(
            rule="plan.height",
            severity=Severity.ERROR,
            message=f"home is at {home.alt_amsl_m:.0f} m above sea level, where no ground is; were feet or "
            "millimetres meant?",
            lat_deg=home.lat_deg,
            lon_deg=home.lon_deg,
            measured=home.alt_amsl_m,
            limit=HIGHEST_GROUND_M,
            unit="m",
        )
        return
    for item in document.items:
        if item.command not in PATH_COMMANDS:
            continue
        if item.frame not in _ABSOLUTE:
            yield from _far_above(item)
            continue
        above_m = item.alt_m - home.alt_amsl_m
        low = above_m < 0.0 and (has_position(item) or item.command in _TAKEOFFS) and item.command not in (21, 85)
        if not low and above_m <= MOST_ABOVE_HOME_M:
            continue
        taking_off = item.command in _TAKEOFFS
        what = f"{-above_m:.0f} m below home" if low else f"{above_m:.0f} m above home"
        yield Finding(
            rule="plan.height",
            severity=Severity.ERROR if taking_off or not low else Severity.WARNING,
            message=f"item {item.seq + 1} goes to {item.alt_m:.0f} m above sea level (frame {item.frame}), {what}; "
            "was a height above home meant (frame 3)?",
            lat_deg=item.lat_deg,
            lon_deg=item.lon_deg,
            seq=item.seq,
            measured=above_m,
            limit=0.0 if low else MOST_ABOVE_HOME_M,
            unit="m",
        )


def _far_above(item: MissionItem) -> Iterator[Finding]:
    """Find a height over home or the ground that no brief may ask, nor any aircraft here reaches."""
    if item.frame in RELATIVE_FRAMES and item.alt_m > MOST_ABOVE_HOME_M:
        yield Finding(
            rule="plan.height",
            severity=Severity.ERROR,
            message=f"item {item.seq + 1} goes to {item.alt_m:.0f} m above "
            f"{'the ground' if item.frame in TERRAIN_FRAMES else 'home'}; were feet or millimetres meant?",
            lat_deg=item.lat_deg,
            lon_deg=item.lon_deg,
            seq=item.seq,
            measured=item.alt_m,
            limit=MOST_ABOVE_HOME_M,
            unit="m",
        )


def home_on_ground(home: Home | None, ground: GroundHeights) -> Iterator[Finding]:
    """Warn of a home that lies where the terrain is not: every height over home is then judged from a wrong one."""
    if home is None:
        return
    ground_m = float(ground.amsl_m(np.array([home.lat_deg]), np.array([home.lon_deg]))[0])
    apart_m = home.alt_amsl_m - ground_m
    if not abs(apart_m) > OFF_THE_GROUND_M or not LOWEST_GROUND_M <= home.alt_amsl_m <= HIGHEST_GROUND_M:
        return
    in_feet = abs(home.alt_amsl_m * FOOT_M - ground_m) <= OFF_THE_GROUND_M
    meant = f"; {home.alt_amsl_m:.0f} feet are {home.alt_amsl_m * FOOT_M:.0f} m" if in_feet else ""
    yield Finding(
        rule="plan.height",
        severity=Severity.WARNING,
        message=f"home is given at {home.alt_amsl_m:.0f} m above sea level, and the terrain there is at "
        f"{ground_m:.0f} m"
        f"{meant}; heights over home are judged from the one given: set it to the ground's",
        lat_deg=home.lat_deg,
        lon_deg=home.lon_deg,
        measured=round(apart_m, 1),
        limit=OFF_THE_GROUND_M,
        unit="m",
    )
