"""A score as one HTML page: no script, no request, every foreign text escaped, every curve drawn from numbers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from geo.foreign_text import xml_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vedette.commands.eval_follow import FollowScore
    from vedette.commands.eval_scores import Curves, Row, SetScore

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b2330; max-width: 1080px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem } code { word-break: break-all }
table { border-collapse: collapse; margin: .8rem 0 } th, td { padding: .2rem .7rem; text-align: right }
th { border-bottom: 1px solid #8a94a3; font-weight: 600 } td:first-child, th:first-child { text-align: left }
td:nth-child(2), th:nth-child(2) { text-align: left } tr.part td { color: #5a6575 }
figure { display: inline-block; margin: .5rem 1.2rem .5rem 0 } figcaption { font-size: .85rem; color: #5a6575 }
"""
_SIDE: Final = 240.0
_PAD: Final = 34.0


def write_report(
    path: Path, described: str, limit: float, scores: Sequence[SetScore], follows: Sequence[FollowScore] = ()
) -> None:
    """Write the page under a temporary name, then put it in place."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(page(described, limit, scores, follows), encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def page(described: str, limit: float, scores: Sequence[SetScore], follows: Sequence[FollowScore] = ()) -> str:
    """Return the whole page."""
    sections = "".join(_section(one, limit) for one in scores) + "".join(_followed(one) for one in follows)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        f'content="{_POLICY}"><meta name="viewport" content="width=device-width"><title>Detector scores</title>'
        f"<style>{_STYLE}</style><h1>Detector scores</h1><p><code>{xml_text(described)}</code></p>"
        f"<p>Precision and recall are at a score limit of {limit:g}. What the detector says is an assessment; "
        f"these numbers say how often it was right on these pictures, and promise nothing about others.</p>{sections}"
    )


def _section(one: SetScore, limit: float) -> str:
    rows = "".join(_row(row) for row in one.rows)
    figures = "".join(_precision_figure(c) + _reliability_figure(c) for c in one.curves)
    return (
        f"<h2>{xml_text(one.name)}</h2><p>{one.pictures} pictures; a box is right at an overlap of "
        f"{one.overlap_min:g} or more; average precision by {xml_text(one.evaluator)}.</p><table><tr><th>class"
        f"<th>pixel height<th>things<th>AP50<th>AP50:95<th>precision at {limit:g}<th>recall at {limit:g}"
        f"<th>calibration error<th>Brier</tr>{rows}</table>{figures}"
    )


def _followed(one: FollowScore) -> str:
    """Return the section on tracks: what was reached of what these boxes allow, and false tracks against recall."""
    facts = (
        ("HOTA", f"{one.hota:.3f}", f"{one.hota_ceiling:.3f}"),
        ("IDF1", f"{one.idf1:.3f}", f"{one.idf1_ceiling:.3f}"),
        ("id switches a thing", f"{one.switches_per_thing:.2f}", "0"),
        ("boxes on a track", f"{one.labelled_share:.3f}", "1"),
        ("ground error, median, m", f"{one.ground_error_median_m:.1f}", ""),
        ("ground error, 90 %, m", f"{one.ground_error_p90_m:.1f}", ""),
        ("share inside CE90", f"{one.inside_ce90_share:.3f}", "0.9"),
    )
    rows = "".join(f"<tr><td>{name}<td>{value}<td>{best}</tr>" for name, value, best in facts)
    limits = "".join(
        f"<tr><td>{row.existence_min:g}<td>{row.visit_recall:.3f}<td>{row.false_per_hour:.2f}"
        f"<td>{row.false_per_hour_bound:.2f}</tr>"
        for row in one.limits
    )
    events = "".join(
        f"<tr><td>{event.kind}<td>{event.happened}<td>{event.found}<td>{event.told}<td>{event.right}"
        f"<td>{event.expected:.1f}<td>{event.came_true}</tr>"
        for event in one.events
        if event.happened or event.told
    )
    return (
        f"<h2>Followed: {xml_text(one.name)}</h2><p>{one.hours:.2f} hours, {one.things} things, {one.tracks} tracks, "
        f"{one.visits} visits of persons. The ceiling is what a tracker would reach that knew which box is which thing."
        f"</p><table><tr><th>measure<th>reached<th>ceiling or aim</tr>{rows}</table><table><tr><th>tracks of existence"
        f"<th>visits found<th>false person tracks an hour<th>upper 95 % bound (Poisson)</tr>{limits}</table>"
        f"{_operating_figure(one)}<table><tr><th>event<th>happened<th>of these told (probability 0.5)<th>told"
        f"<th>of these right<th>sum of all probabilities<th>came true</tr>{events}</table>"
    )


def _operating_figure(one: FollowScore) -> str:
    """Draw the share of visits found over false person tracks an hour, 0 to 10."""
    known = [row for row in one.limits if row.visit_recall == row.visit_recall]
    places = [_place(min(row.false_per_hour / 10.0, 1.0), row.visit_recall) for row in known]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    line = f'<polyline points="{points}" fill="none" stroke="#0b62a4" stroke-width="2"/>'
    text = "share of visits found (up) over false person tracks an hour, in tens"
    return _frame(one.name, "false person tracks an hour / 10", "visits found", line, text)


def _row(row: Row) -> str:
    shares = (row.ap50, row.ap, row.precision, row.recall, row.calibration_error, row.brier)
    cells = "".join(f"<td>{'' if v != v else f'{v:.3f}'}" for v in shares)
    kind = "" if row.band == "all" else ' class="part"'
    return f"<tr{kind}><td>{xml_text(row.name)}<td>{xml_text(row.band)}<td>{row.truths}{cells}</tr>"


def _place(x: float, y: float) -> tuple[float, float]:
    return _PAD + x * _SIDE, 8.0 + (1.0 - y) * _SIDE


def _frame(name: str, across: str, up: str, inner: str, caption: str) -> str:
    (x0, y1), (x1, y0) = _place(0.0, 0.0), _place(1.0, 1.0)
    ticks = "".join(
        f'<text x="{_place(v, 0)[0]:.0f}" y="{y1 + 13:.0f}" text-anchor="middle">{v:g}</text>'
        f'<text x="{x0 - 5:.0f}" y="{_place(0, v)[1] + 4:.0f}" text-anchor="end">{v:g}</text>'
        for v in (0.0, 0.5, 1.0)
    )
    return (
        f'<figure><svg width="{_SIDE + _PAD + 12:.0f}" height="{_SIDE + 44:.0f}" role="img" font-size="11" '
        f'font-family="system-ui" aria-label="{xml_text(name)}: {up} over {across}"><rect x="{x0}" y="{y0}" '
        f'width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#8a94a3"/>{ticks}<text x="{(x0 + x1) / 2:.0f}" '
        f'y="{y1 + 29:.0f}" text-anchor="middle">{across}</text>{inner}</svg><figcaption>{xml_text(name)}: '
        f"{caption}</figcaption></figure>"
    )


def _precision_figure(curve: Curves) -> str:
    points = " ".join(
        f"{x:.1f},{y:.1f}" for x, y in (_place(r, p) for r, p in zip(curve.recall, curve.precision, strict=True))
    )
    line = f'<polyline points="{points}" fill="none" stroke="#0b62a4" stroke-width="2"/>'
    return _frame(curve.name, "recall", "precision", line, "precision (up) over recall")


def _reliability_figure(curve: Curves) -> str:
    if not curve.bin_counts:
        return ""
    (ax, ay), (bx, by) = _place(0.0, 0.0), _place(1.0, 1.0)
    inner = f'<line x1="{ax}" y1="{ay}" x2="{bx}" y2="{by}" stroke="#8a94a3" stroke-dasharray="4 4"/>'
    for count, said, happened in zip(curve.bin_counts, curve.bin_said, curve.bin_happened, strict=True):
        if count:
            x, y = _place(said, happened)
            inner += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#b3541e"/>'
            inner += f'<text x="{x + 6:.1f}" y="{y + 4:.1f}" fill="#5a6575">{count}</text>'
    return _frame(
        curve.name, "probability said", "share right", inner, "share right (up) over probability, with counts"
    )
