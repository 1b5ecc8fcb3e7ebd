"""A whole plan in three dimensions as a PNG: ground, border, zones and every sortie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from missions.pictures.flight_profile import finding_marks, flight_profile
from missions.pictures.oblique_view import Painting, view_of
from missions.pictures.style import (
    AVOID_COLOUR,
    BORDER_COLOUR,
    INK,
    KEEP_IN_COLOUR,
    SEVERITY_COLOUR,
    ZONE_COLOUR,
    new_figure,
    plain_text,
    png_of,
    sortie_colour,
)
from missions.pictures.terrain_scene import (
    ground_grid,
    paint_flight,
    paint_ground,
    paint_limits,
    paint_walls,
    paint_zones,
)
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from missions.airspace.corridor import Corridor
    from missions.airspace.situation import Situation
    from missions.airspace.terrain_profile import PlaneGround
    from missions.briefs.brief import Brief
    from missions.pictures.flight_profile import FlightProfile
    from missions.pictures.oblique_view import ObliqueView
    from missions.plan import Plan, Sortie

    FloatArray = NDArray[np.float64]

WIDTH_PX: Final = 1200
_SIDE_PX: Final = 46
_ABOVE_PX: Final = 46
_BELOW_PX: Final = 84
_OVER: Final = 0.12
"""The walls rise this share of the relief above the highest flight."""


def terrain_png(plan: Plan, situation: Situation, *, sorties: Sequence[Sortie]) -> bytes:
    """Draw some sorties of a plan as seen from their own side, the border along the picture."""
    return png_of(terrain_figure(plan, situation, sorties=sorties))


def terrain_figure(plan: Plan, situation: Situation, *, sorties: Sequence[Sortie]) -> Figure:
    """Return the figure of `terrain_png`; its first collection holds everything painted."""
    from matplotlib.collections import PolyCollection

    brief, corridor, ground = situation.brief, situation.corridor, situation.ground
    profiles = [flight_profile(sortie, situation) for sortie in sorties]
    view, top = seen_from_own_side(sorties, profiles, brief, corridor)
    painting = Painting()
    posts, heights = ground_grid(view, ground)
    paint_ground(painting, view, posts, heights, corridor, brief.standoff.asked_m)
    paint_walls(painting, view, ground, corridor.border, top)
    paint_limits(painting, view, ground, corridor, brief.standoff.asked_m)
    zones = paint_zones(painting, view, ground, brief, corridor, top)
    for number, (sortie, profile) in enumerate(zip(sorties, profiles, strict=True)):
        paint_flight(painting, view, sortie, profile, number)
    figure, axes = _page(view, heights, top)
    shapes, faces, edges, widths = painting.ordered()
    painted: Any = PolyCollection(shapes, closed=False, facecolors=faces, edgecolors=edges, linewidths=widths)
    axes.add_collection(painted, autolim=False)
    _write_places(axes, view, brief, corridor, ground, zones)
    _write_findings(axes, view, plan, sorties, profiles, corridor)
    _write_scales(axes, view)
    _write_legend(figure, sorties, brief, border=view.box().intersects(corridor.border), zones=bool(zones))
    _write_title(figure, plan, len(sorties), view)
    return figure


def seen_from_own_side(
    sorties: Sequence[Sortie], profiles: Sequence[FlightProfile], brief: Brief, corridor: Corridor
) -> tuple[ObliqueView, float]:
    """Return the view, and the height its walls reach."""
    path = np.concatenate([p.xy_m for p in profiles])
    rally = np.array([(r.lat_deg, r.lon_deg) for r in brief.rally]).reshape(-1, 2)
    flown = {sortie.site for sortie in sorties}
    sites = corridor.sites[[site.name in flown for site in brief.launch]]
    used = np.concatenate([sites, corridor.frame.to_plane(*rally.T)])
    heights = np.concatenate([np.concatenate([p.alt_amsl_m, p.ground_amsl_m]) for p in profiles])
    heights = heights[np.isfinite(heights)]
    top = float(heights.max()) + _OVER * max(float(np.ptp(heights)), 20.0)
    near = shapely.distance(shapely.points(used), shapely.MultiPoint(path)) < 0.5 * np.hypot(*np.ptp(path, axis=0))
    width_px = WIDTH_PX - 2 * _SIDE_PX
    shown = np.append(heights, top)
    agl_m = brief.flight.alt_agl_m
    return view_of(corridor, path, used[near], shown, alt_agl_m=agl_m, width_px=width_px), top


def _page(view: ObliqueView, heights: FloatArray, top: float) -> tuple[Figure, Axes]:
    """Return a figure as high as what is drawn, and its one axes in pixels."""
    posts = np.array([view.low, view.high])
    lowest = min(float(np.nanmin(heights, initial=view.base_amsl_m)), view.base_amsl_m)
    highest = max(float(np.nanmax(heights, initial=top)), top)
    page = view.project(posts, np.array([lowest, highest]))
    bottom, peak = float(page[0, 1]), float(page[1, 1])
    height_px = round(peak - bottom) + _ABOVE_PX + _BELOW_PX
    figure = new_figure(WIDTH_PX, height_px)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    spare = WIDTH_PX - float(page[1, 0])
    axes.set_xlim(-spare / 2.0, WIDTH_PX - spare / 2.0)
    axes.set_ylim(bottom - _BELOW_PX, peak + _ABOVE_PX)
    axes.set_axis_off()
    return figure, axes


def _on_ground(view: ObliqueView, ground: PlaneGround, xy: FloatArray) -> FloatArray:
    below = np.nan_to_num(np.asarray(ground.at(xy)), nan=view.base_amsl_m)
    return view.project(view.coordinates(xy), below)


def _write_places(
    axes: Axes, view: ObliqueView, brief: Brief, corridor: Corridor, ground: PlaneGround,
    zones: list[tuple[str, FloatArray]],
) -> None:  # fmt: skip
    box = {"boxstyle": "round,pad=0.15", "facecolor": "#ffffffcc", "edgecolor": "none"}
    points = [(s, "#1B5E20", "s") for s in brief.launch] + [(r, "#01579B", "D") for r in brief.rally]
    for place, colour, marker in points:
        xy = corridor.frame.to_plane(np.array([place.lat_deg]), np.array([place.lon_deg]))
        if not view.box().covers(shapely.Point(xy[0])):
            continue
        right, up = _on_ground(view, ground, xy)[0].tolist()
        axes.plot(right, up, marker=marker, color=colour, markersize=8, markeredgecolor="white")
        axes.annotate(
            plain_text(place.name), (right, up), xytext=(0, -9), textcoords="offset points", ha="center", va="top",
            fontsize=10, color=colour, fontweight="bold", bbox=box,
        )  # fmt: skip
    for name, page in zones:
        axes.annotate(
            plain_text(name), (float(page[0]), float(page[1])),
            xytext=(0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=10,
            color=ZONE_COLOUR, fontweight="bold", bbox=box,
        )  # fmt: skip


def _write_findings(
    axes: Axes, view: ObliqueView, plan: Plan, sorties: Sequence[Sortie], profiles: list[FlightProfile],
    corridor: Corridor,
) -> None:  # fmt: skip
    for sortie, profile in zip(sorties, profiles, strict=True):
        for mark in finding_marks(plan.findings, sortie, profile, corridor):
            place = int(np.argmin(np.abs(profile.minutes - mark.minutes)))
            at = view.project(view.coordinates(profile.xy_m[place]), np.asarray(mark.alt_amsl_m))
            axes.plot(
                *at, marker="X" if mark.severity is Severity.ERROR else "^", color=SEVERITY_COLOUR[mark.severity],
                markeredgecolor=INK, markersize=9,
            )  # fmt: skip


def _write_scales(axes: Axes, view: ObliqueView) -> None:
    """Draw a length, a height and the way north at the foot of the picture."""
    left, bottom = axes.get_xlim()[0] + _SIDE_PX, axes.get_ylim()[0] + 40.0
    length_m = _round_length(130.0 / view.scale_px_per_m[0])
    height_m = _round_length(34.0 / view.scale_px_per_m[2])
    right, up = length_m * view.scale_px_per_m[0], height_m * view.scale_px_per_m[2]
    axes.plot([left, left, left + right], [bottom + up, bottom, bottom], color=INK, linewidth=2.0)
    text = f"{length_m / 1000.0:g} km" if length_m >= 1000.0 else f"{length_m:g} m"
    axes.text(left + right + 6, bottom, text, fontsize=10, va="center")
    axes.text(left + 5, bottom + up, f"{height_m:g} m up", fontsize=10, va="center")
    north = np.array([view.along[1], view.across[1]]) * view.scale_px_per_m[:2]
    step = 30.0 * north / max(float(np.hypot(*north)), 1e-9)
    root = np.array([left + right + 120.0, bottom + 14.0])
    tip, tail, letter = ((float(p[0]), float(p[1])) for p in (root + step, root - step, root + 1.35 * step))
    axes.annotate("", tip, tail, arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.6}, zorder=9)
    axes.text(*letter, "N", fontsize=11, fontweight="bold", ha="center", va="center")


def _round_length(metres: float) -> float:
    power = 10.0 ** np.floor(np.log10(metres))
    return float(max(step for step in (1.0, 2.0, 5.0) if step * power <= metres) * power)


def _write_legend(figure: Figure, sorties: Sequence[Sortie], brief: Brief, *, border: bool, zones: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=sortie_colour(k), linewidth=2.8, label=plain_text(s.name)) for k, s in enumerate(sorties)
    ]
    if border:
        handles += [
            Patch(facecolor=BORDER_COLOUR + "55", edgecolor=BORDER_COLOUR, label="border"),
            Patch(facecolor="#E08C80", label=f"standoff {brief.standoff.asked_m:g} m"),
        ]
    if zones:
        handles.append(Patch(facecolor=ZONE_COLOUR + "55", edgecolor=ZONE_COLOUR, label="zone"))
    if brief.avoid:
        handles.append(Patch(facecolor=AVOID_COLOUR + "AA", label="to avoid"))
    if brief.keep_in is not None:
        handles.append(Line2D([], [], color=KEEP_IN_COLOUR, linestyle="--", label="keep-in area"))
    figure.legend(
        handles=handles, loc="lower right", ncols=min(len(handles), 7), frameon=False, fontsize=10, handlelength=1.6,
        columnspacing=1.1, bbox_to_anchor=(0.99, 0.0),
    )  # fmt: skip


def _write_title(figure: Figure, plan: Plan, shown: int, view: ObliqueView) -> None:
    height_px = float(figure.get_figheight() * figure.dpi)
    top = 1.0 - 22.0 / height_px
    facing = float(np.degrees(np.arctan2(view.across[0], view.across[1]))) % 360.0
    drawn = [f"heights drawn ×{view.height_times:g}"] if view.height_times > 1.0 else []
    drawn += [f"depth ×{view.depth_times:g}"] if view.depth_times > 1.0 else []
    part = "" if shown == len(plan.sorties) else f": {shown} of {len(plan.sorties)} sorties"
    figure.text(_SIDE_PX / WIDTH_PX, top, plain_text(plan.name + part), fontsize=14, fontweight="bold", va="center")
    figure.text(
        1.0 - _SIDE_PX / WIDTH_PX, top, ", ".join([f"seen from our side towards {facing:.0f}°", *drawn]), fontsize=11,
        ha="right", va="center",
    )  # fmt: skip
