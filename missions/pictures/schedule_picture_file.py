"""The schedule as a PNG: a row per aircraft, a bar per flight."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Final

from missions.pictures.style import INK, new_figure, plain_text, png_of, sortie_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from missions.plan import Plan

WIDTH_PX: Final = 1100
ROW_PX: Final = 34
LABEL_SHARE: Final = 0.028
"""A bar narrower than this share of the picture has no room for its sortie's name."""
CHARACTER_PX: Final = 8.5
"""Width of a character of an aircraft's name; long names get the room they need."""
MAX_ROWS: Final = 60
TICKS_MIN: Final = (5, 10, 15, 30, 60, 120, 240, 720, 1440)
MAX_TICKS: Final = 13


def schedule_png(plan: Plan) -> bytes:
    """Draw who flies when, on the clock; the first `MAX_ROWS` aircraft of many."""
    rows = sorted({f.aircraft for f in plan.flights}, key=_counted)
    shown = rows[:MAX_ROWS]
    height_px = 110 + ROW_PX * max(len(shown), 1)
    figure = new_figure(WIDTH_PX, height_px)
    left = min(max((24 + CHARACTER_PX * max(map(len, shown), default=0)) / WIDTH_PX, 0.13), 0.4)
    axes = figure.add_axes((left, 58 / height_px, 0.98 - left, 1.0 - 104 / height_px))
    end_min = max((f.t_landing_s for f in plan.flights), default=60.0) / 60.0
    _bars(axes, plan, shown, end_min)
    axes.set_xlim(0.0, end_min)
    axes.set_xlabel(_clock_axis(axes, plan.start_utc, end_min), fontsize=11)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks(range(len(shown)), [plain_text(name) for name in shown], fontsize=10)
    axes.grid(axis="x", color="#00000022")
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    more = "" if len(shown) == len(rows) else f", the first {MAX_ROWS} shown"
    title = f"{plan.name}: {len(plan.flights)} flights by {len(rows)} aircraft{more}"
    figure.text(left, 1.0 - 22 / height_px, plain_text(title), fontsize=13, fontweight="bold", va="center")
    return png_of(figure)


def _counted(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts the numbers in names by value: site 2 before site 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _clock_axis(axes: Axes, start_utc: str, end_min: float) -> str:
    """Mark the time axis at round times, and return what it shows: UTC where the patrol has a start, else its clock."""
    step = next((s for s in TICKS_MIN if end_min / s <= MAX_TICKS), TICKS_MIN[-1])
    start = dt.datetime.fromisoformat(start_utc) if start_utc else dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    first = (-(start.hour * 60 + start.minute + start.second / 60.0)) % step
    ticks = [first + k * step for k in range(int((end_min - first) // step) + 1)]
    axes.set_xticks(ticks, [f"{start + dt.timedelta(minutes=t):%H:%M}" for t in ticks], fontsize=10)
    return f"UTC, from {start:%Y-%m-%d %H:%M}" if start_utc else "hours and minutes from the start of the patrol"


def _bars(axes: Axes, plan: Plan, rows: list[str], end_min: float) -> None:
    place = {name: k for k, name in enumerate(rows)}
    colour = {sortie.name: sortie_colour(k) for k, sortie in enumerate(plan.sorties)}
    flights = [f for f in plan.flights if f.aircraft in place]
    starts = [f.t_takeoff_s / 60.0 for f in flights]
    widths = [(f.t_landing_s - f.t_takeoff_s) / 60.0 for f in flights]
    lanes = [place[f.aircraft] for f in flights]
    axes.barh(
        lanes, widths, left=starts, height=0.72, color=[colour.get(f.sortie, "#888") for f in flights],
        edgecolor="white", linewidth=0.8,
    )  # fmt: skip
    for flight, start, width, lane in zip(flights, starts, widths, lanes, strict=True):
        if width >= LABEL_SHARE * end_min:
            axes.text(
                start + width / 2.0, lane, plain_text(flight.sortie), ha="center", va="center", fontsize=9, color=INK,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
            )  # fmt: skip
