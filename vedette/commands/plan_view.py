"""A plan on the screen: its sorties as a table, then the numbers a unit asks for, then what was found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from vedette.commands.findings_view import print_findings, print_wrapped, tally
from vedette.commands.screen import Screen, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from missions.plan import FleetOption, Plan, SightReport
    from missions.planned import Planned
    from vedette.commands.plan_seen import LaneSeen

SHOWN_SORTIES: Final = 20
LEAST_WIDTH: Final = 76
"""Characters that the table of sorties takes: a narrower terminal breaks its lines, but no figure is cut."""
_SHOWN_FLEETS: Final = 6


def show_plan(console: Screen, planned: Planned, out: Path, *, seen: Sequence[LaneSeen] = (), every: bool) -> None:
    """Print the plan as tables a unit reads at a glance; of very many sorties the first, unless `every`."""
    from missions.plan_files.plan_folder_file import summary

    made, asked = planned.plan, planned.situation.brief
    verdict = ("keeps every rule", "green") if made.feasible else ("not fit to fly", "bold red")
    if made.feasible and not asked.terrain.known:
        verdict = ("keeps the rules that could be judged without terrain", "yellow")
    console.print(line((made.name, "bold"), ": ", verdict))
    _print_sorties(console, made, every=every)
    for title, text in (*_facts(made, summary(planned)), *_seen(seen)):
        print_wrapped(console, text, first=f"  {title:9} ", later=" " * 12)
    if made.findings:
        console.print()
        print_findings(console, made.findings, every=every)
        console.print(f"  {tally(made.findings)}")
    console.print()
    where = f"written to {out}: look at map.html first, then terrain-3d.png and the profiles"
    print_wrapped(console, where, first="  ", later="  ")


def _print_sorties(console: Screen, made: Plan, *, every: bool) -> None:
    from missions.plan_files.plan_folder_file import sortie_length_m

    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="dim")
    table.add_column("  sortie", overflow="fold")
    table.add_column("site", overflow="fold")
    table.add_column("aircraft", overflow="fold")
    for title in ("legs", "km", "min", "battery left"):
        table.add_column(title, justify="right")
    shown = made.sorties if every else made.sorties[:SHOWN_SORTIES]
    for sortie in shown:
        last = sortie.legs[-1]
        minutes = (last.t_end_s - sortie.t_start_s) / 60.0
        table.add_row(
            f"  {sortie.name}", sortie.site, sortie.aircraft, str(len(sortie.legs)),
            f"{sortie_length_m(sortie) / 1000.0:.2f}", f"{minutes:.1f}", f"{last.battery_end_pct:.0f} %",
        )  # fmt: skip
    wide = console if console.width >= LEAST_WIDTH else Screen(width=LEAST_WIDTH, file=console.file)
    wide.print(table, soft_wrap=False)
    if len(shown) < len(made.sorties):
        console.print(f"  and {len(made.sorties) - len(shown)} more (--all shows them)")
    console.print()


def _facts(made: Plan, numbers: dict[str, Any]) -> Iterator[tuple[str, str]]:
    standoff = numbers["standoff"]
    reasons = ", ".join(f"{_cause(key)} {value:.1f}" for key, value in standoff["margin"].items() if value > 0.0)
    yield "standoff", f"{standoff['kept_m']:.0f} m kept, {standoff['asked_m']:g} m asked"
    yield "", f"margin planned for: {standoff['margin_m']:.1f} m ({reasons})"
    if math.isfinite(made.worst_revisit_s):
        limit_s = numbers["revisit_asked_s"]
        limit = f", {limit_s / 60.0:g} min asked" if math.isfinite(limit_s) else ""
        yield "revisit", f"{made.worst_revisit_s / 60.0:.1f} min at worst{limit}"
    if math.isfinite(made.covered_pct):
        yield "in view", f"{made.covered_pct:.1f} % of the ground asked for"
    if made.sight is not None:
        yield "camera", _camera(made.sight)
    if made.flights:
        aircraft = len({flight.aircraft for flight in made.flights})
        yield "flights", f"{len(made.flights)} by {aircraft} aircraft, one battery each"
    yield from _learned(made)
    for place, option in enumerate(made.fleet_options[:_SHOWN_FLEETS]):
        yield "" if place else "fleet", _fleet(option)
    if len(made.fleet_options) > _SHOWN_FLEETS:
        yield "", f"and {len(made.fleet_options) - _SHOWN_FLEETS} more answers in plan.json"


def _cause(key: str) -> str:
    return {"gnss_m": "GNSS", "wind_drift_m": "gusts", "turn_overshoot_m": "turns", "tracking_m": "tracking"}.get(
        key, key.removesuffix("_m").replace("_", " ")
    )


def _camera(sight: SightReport) -> str:
    """Say how the lanes look, how fine, and how long a person stays in view."""
    from missions.sight.resolution import person_pixels

    held = sorted({lane.depression_deg for lane in sight.lanes})
    down = f"{held[0]:g}" if len(held) == 1 else f"{held[0]:g} to {held[-1]:g}"
    near, far = min(lane.gsd_near_m for lane in sight.lanes), max(lane.gsd_far_m for lane in sight.lanes)
    lanes = "1 lane" if len(sight.lanes) == 1 else f"{len(sight.lanes)} lanes"
    dwell = f", {sight.dwell_s:.1f} s in view at least" if math.isfinite(sight.dwell_s) else ""
    return (
        f"{lanes}, {down}° down; {near:.2f} m a pixel near, {far:.2f} m far (a person {person_pixels(far):.1f} pixels, "
        f"Johnson 1958){dwell}"
    )


def _learned(made: Plan) -> Iterator[tuple[str, str]]:
    """Say what was flown beyond the guarantee, and why there."""
    extra = made.extra
    if extra is None:
        return
    chance = f", {extra.random_share:.0%} of their time placed by chance" if extra.flights else ""
    yield "learned", f"{len(extra.flights)} flights beyond the guarantee by {extra.spare_aircraft} aircraft{chance}"
    for sentence in extra.emphasis.sources:
        yield "", sentence
    best = sorted(extra.emphasis.rates, key=lambda rate: -rate.per_look)[:3]
    for rate in best:
        where = f"km {rate.stretch.start_m / 1000.0:.1f} to {rate.stretch.end_m / 1000.0:.1f}"
        sure = f"{rate.low:.3f} to {rate.high:.3f} in 8 of 10 cases"
        yield "", f"{where}: {rate.per_look:.3f} found a look ({sure}), from {rate.looks:.0f} looks"


def _seen(lanes: Sequence[LaneSeen]) -> Iterator[tuple[str, str]]:
    """Say what share of the people in view the bundled model for infrared would find in one look."""
    if not lanes:
        return
    shares = sorted(lane.share for lane in lanes)
    span = f"{shares[0]:.0%}" if shares[0] == shares[-1] else f"{shares[0]:.0%} to {shares[-1]:.0%}, by lane,"
    near, far = max(lane.person_near_px for lane in lanes), min(lane.person_far_px for lane in lanes)
    unmeasured = max(lane.unmeasured for lane in lanes)
    missing = f"; at up to {unmeasured:.0%} of a swath people are lower than it was measured at" if unmeasured else ""
    text = f"{span} of the people in infrared are found in one look (they are {near:.0f} to {far:.0f} pixels high; by "
    yield "detector", f"{text}the bundled model's recall by height, 'vedette models card'){missing}"


def _fleet(option: FleetOption) -> str:
    rows = zip(option.per_site, option.types, option.sites, strict=True)
    places = ", ".join(f"{n} {kind} from {site}" for n, kind, site in rows)
    return f"{option.aircraft} aircraft: everything flown every {option.period_s / 60.0:.1f} min ({places})"
