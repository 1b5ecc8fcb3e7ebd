"""The height profile of a sortie as a PNG: what a pilot holds beside the ground station."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from missions.pictures.flight_profile import finding_marks, flight_profile
from missions.pictures.style import (
    BORDER_COLOUR,
    GROUND_COLOUR,
    GROUND_EDGE,
    INK,
    LEG_COLOUR,
    SEVERITY_COLOUR,
    ZONE_COLOUR,
    new_figure,
    plain_text,
    png_of,
)
from missions.plan import LegKind, Severity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from missions.airspace.situation import Situation
    from missions.briefs.brief import Brief
    from missions.pictures.flight_profile import FindingMark, FlightProfile
    from missions.plan import Plan, Sortie

WIDTH_PX: Final = 1100
AXES_PX: Final = 350
_ABOVE_PX: Final = 95
_BELOW_PX: Final = 92
_ROW_PX: Final = 22
"""Height of a row of the list of findings, and how many stand in a row."""
_FINDINGS_A_ROW: Final = 3
_TOP_TICKS: Final = 7
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def profile_png(plan: Plan, sortie: Sortie, situation: Situation) -> bytes:
    """Draw a sortie's height against the clock, over the ground and the band it may fly in."""
    return png_of(profile_figure(plan, sortie, situation))


def profile_figure(plan: Plan, sortie: Sortie, situation: Situation) -> Figure:
    """Return the figure of `profile_png`, with everything drawn into its first axes."""
    brief, corridor = situation.brief, situation.corridor
    profile = flight_profile(sortie, situation)
    marks = finding_marks(plan.findings, sortie, profile, corridor)
    rules = _rules(marks)
    below_px = _BELOW_PX + _ROW_PX * math.ceil(len(rules) / _FINDINGS_A_ROW)
    height_px = _ABOVE_PX + AXES_PX + below_px
    figure = new_figure(WIDTH_PX, height_px)
    axes = figure.add_axes((0.068, below_px / height_px, 0.915, AXES_PX / height_px))
    low, high = _span(profile, brief)
    axes.set_ylim(low, high)
    axes.set_xlim(0.0, max(float(profile.minutes[-1]), 1e-3))
    _draw_zones(axes, profile, low, high)
    _draw_ground(axes, profile, brief, low)
    _draw_ceiling(axes, brief, high)
    _draw_legs(axes, sortie, profile)
    _legend(figure, axes, bottom=(below_px - 54) / height_px)
    _draw_marks(axes, marks, rules)
    _findings_legend(figure, axes, len(rules), bottom=4 / height_px)
    _battery_axis(axes, profile)
    _titles(figure, axes, sortie, profile, top=1.0 - 24 / height_px)
    return figure


def _legend(figure: Figure, axes: Axes, *, bottom: float) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="upper center", bbox_to_anchor=(0.5, bottom), ncols=len(labels), frameon=False,
        fontsize=10, columnspacing=1.0, handlelength=1.6,
    )  # fmt: skip


def _findings_legend(figure: Figure, axes: Axes, count: int, *, bottom: float) -> None:
    if count:
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles[-count:], labels[-count:], loc="lower left", bbox_to_anchor=(0.06, bottom),
            ncols=min(count, _FINDINGS_A_ROW), frameon=False, fontsize=10, handletextpad=0.2,
        )  # fmt: skip


def _span(profile: FlightProfile, brief: Brief) -> tuple[float, float]:
    """Return the lowest and highest height shown: ground, band and flight, with room for marks above."""
    top = [profile.alt_amsl_m, profile.ground_amsl_m + brief.flight.max_agl_m]
    heights = np.concatenate([profile.alt_amsl_m, profile.ground_amsl_m, *top])
    heights = heights[np.isfinite(heights)]
    low, high = float(heights.min()), float(heights.max())
    room = max(high - low, 20.0)
    ceiling = brief.flight.ceiling_amsl_m
    if ceiling is not None and high < ceiling < high + 0.5 * room:
        high = ceiling
    return low - 0.12 * room, high + 0.16 * room


def _draw_ground(axes: Axes, profile: FlightProfile, brief: Brief, low: float) -> None:
    minutes, ground = profile.minutes, profile.ground_amsl_m
    floor, top = ground + brief.flight.min_agl_m, ground + brief.flight.max_agl_m
    label = f"{brief.flight.min_agl_m:g} to {brief.flight.max_agl_m:g} m above ground"
    axes.fill_between(minutes, floor, top, color="#56B4E9", alpha=0.2, linewidth=0, label=label)
    for edge in (floor, top):
        axes.plot(minutes, edge, color="#56B4E9", linewidth=0.8)
    axes.fill_between(minutes, low, ground, color=GROUND_COLOUR, linewidth=0, label="ground")
    axes.plot(minutes, ground, color=GROUND_EDGE, linewidth=1.5)
    if np.isnan(ground).any():
        unknown = np.isnan(ground)
        axes.fill_between(
            minutes, 0.0, 1.0, where=unknown.tolist(), transform=axes.get_xaxis_transform(), hatch="..", color="none",
            edgecolor=GROUND_EDGE, label="ground not known",
        )  # fmt: skip


def _draw_ceiling(axes: Axes, brief: Brief, high: float) -> None:
    ceiling = brief.flight.ceiling_amsl_m
    if ceiling is None:
        return
    if ceiling <= high:
        axes.axhline(ceiling, color=BORDER_COLOUR, linestyle=(0, (6, 3)), linewidth=1.5, label="ceiling")
    place = min(ceiling, high)
    text = f"ceiling {ceiling:g} m AMSL" + ("" if ceiling <= high else f", {ceiling - high:.0f} m above this picture")
    axes.annotate(
        text, (0.0, place), xycoords=("axes fraction", "data"), xytext=(6, 3 if ceiling <= high else -4),
        textcoords="offset points", ha="left", va="bottom" if ceiling <= high else "top",
        color=BORDER_COLOUR, fontsize=10, zorder=5,
        bbox={"boxstyle": "round,pad=0.1", "facecolor": "#ffffffcc", "edgecolor": "none"},
    )  # fmt: skip


def _draw_zones(axes: Axes, profile: FlightProfile, low: float, high: float) -> None:
    from matplotlib.patches import Rectangle

    for number, zone in enumerate(profile.crossings):
        floor = low if math.isnan(zone.floor_amsl_m) else zone.floor_amsl_m
        ceiling = high if math.isnan(zone.ceiling_amsl_m) else zone.ceiling_amsl_m
        axes.add_patch(
            Rectangle(
                (zone.start_min, floor), zone.end_min - zone.start_min, ceiling - floor, facecolor=ZONE_COLOUR + "22",
                edgecolor=ZONE_COLOUR, hatch="///", linewidth=1.2, label="" if number else "zone",
            )
        )  # fmt: skip
        over = ceiling < high - 0.06 * (high - low)
        middle = (zone.start_min + zone.end_min) / 2.0
        axes.annotate(
            plain_text(zone.name), (middle, min(ceiling, high)), xytext=(0, 3 if over else -3),
            textcoords="offset points", color=ZONE_COLOUR, fontsize=10, ha="center", va="bottom" if over else "top",
            zorder=5, bbox={"boxstyle": "round,pad=0.1", "facecolor": "#ffffffcc", "edgecolor": "none"},
        )  # fmt: skip


def _draw_legs(axes: Axes, sortie: Sortie, profile: FlightProfile) -> None:
    from matplotlib.collections import LineCollection

    kinds = np.array([leg.kind.value for leg in sortie.legs])[profile.leg]
    points = np.column_stack([profile.minutes, profile.alt_amsl_m])
    for kind in (kind for kind in LegKind if (kinds == kind.value).any()):
        lines = [points[profile.leg == k] for k in np.unique(profile.leg[kinds == kind.value])]
        drawn = LineCollection(
            lines, colors=LEG_COLOUR[kind], linewidths=3.4 if kind is LegKind.WORK else 2.4, capstyle="round", zorder=4
        )
        drawn.set_label(f"{kind.value} leg")
        axes.add_collection(drawn, autolim=False)


def _draw_marks(axes: Axes, marks: list[FindingMark], rules: list[tuple[str, Severity]]) -> None:
    """Mark each finding on the flight, a letter for each rule."""
    height = float(np.ptp(axes.get_ylim()))
    for letter, (rule, severity) in zip(_LETTERS, rules, strict=False):
        held = [mark for mark in marks if (mark.rule, mark.severity) == (rule, severity)]
        axes.scatter(
            [m.minutes for m in held], [m.alt_amsl_m for m in held], s=46, color=SEVERITY_COLOUR[severity],
            edgecolors=INK, linewidths=0.8, zorder=6, marker="X" if severity is Severity.ERROR else "^",
            label=f"{letter}: {severity.value}, {rule} ({len(held)})",
        )  # fmt: skip
        last = -math.inf
        for mark in sorted(held, key=lambda m: m.minutes):
            if mark.minutes - last < 0.02 * axes.get_xlim()[1]:
                continue
            axes.text(
                mark.minutes, mark.alt_amsl_m + 0.035 * height, letter, ha="center", va="bottom", fontsize=10,
                fontweight="bold", color=INK, zorder=7,
            )  # fmt: skip
            last = mark.minutes


def _rules(marks: list[FindingMark]) -> list[tuple[str, Severity]]:
    found = sorted({(m.rule, m.severity) for m in marks}, key=lambda pair: (pair[1] is not Severity.ERROR, pair[0]))
    return found[: len(_LETTERS)]


def _battery_axis(axes: Axes, profile: FlightProfile) -> None:
    """Write battery and distance along the top, at even times."""
    top: Any = axes.secondary_xaxis("top")
    at = np.linspace(0.0, float(profile.minutes[-1]), _TOP_TICKS)
    battery = np.interp(at, profile.minutes, profile.battery_pct)
    along = np.interp(at, profile.minutes, profile.along_m) / 1000.0
    labels = [f"{b:.0f} %\n{d:.1f} km" for b, d in zip(battery, along, strict=True)]
    top.set_xticks(at, labels, fontsize=10)
    for text, side in ((top.get_xticklabels()[0], "left"), (top.get_xticklabels()[-1], "right")):
        text.set_ha(side)
    axes.vlines(at[1:-1], 0.0, 1.0, transform=axes.get_xaxis_transform(), color="#00000018", linewidth=0.8)


def _titles(figure: Figure, axes: Axes, sortie: Sortie, profile: FlightProfile, *, top: float) -> None:
    from matplotlib.ticker import MaxNLocator

    figure.text(
        0.068, top, plain_text(f"{sortie.name} · {sortie.aircraft} from {sortie.site}"), fontsize=14,
        fontweight="bold", va="center",
    )  # fmt: skip
    working = np.array([leg.kind is LegKind.WORK for leg in sortie.legs])[profile.leg]
    agl = profile.agl_m[working & np.isfinite(profile.agl_m)]
    low, high = (f"{agl.min():.0f}", f"{agl.max():.0f}") if len(agl) else ("", "")
    span = low if low == high else f"{low} to {high}"
    height = f"work legs {span} m above ground, " if span else ""
    figure.text(
        0.983, top, plain_text(
            f"{height}{profile.along_m[-1] / 1000.0:.1f} km, {profile.minutes[-1]:.1f} min, "
            f"lands with {profile.battery_pct[-1]:.0f} % battery"
        ), fontsize=11, ha="right", va="center",
    )  # fmt: skip
    axes.set_xlabel("minutes from take-off", fontsize=11)
    axes.set_ylabel("height above mean sea level, m", fontsize=11)
    axes.tick_params(labelsize=10)
    axes.spines["right"].set_visible(False)
    axes.grid(axis="y", color="#00000018")
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=14, steps=[1, 2, 5, 10]))
