"""The map of plans that were checked: what each makes an aircraft fly, and every finding at its place."""

from __future__ import annotations

import dataclasses
import math
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from maps.brief_layers import brief_layers
from maps.finding_layers import finding_layers, unplaced_lines
from maps.hillshade import shade
from maps.layers import GeometryLayer, spot
from maps.leg_layers import MAX_KEYS, LegLayer, Track, heights_above
from maps.offline_map import MapContent, PlanPanel, bounds_of
from maps.patrol_layers import fence_layer
from maps.plan_map import LEG_KEYS, verdict, wind_note, winds
from missions.airspace.ground_file import read_ground
from missions.pictures.style import sortie_colour
from missions.plan import Severity
from missions.plan_files.dialect import has_position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.values import Terrain
    from missions.briefs.brief import Brief
    from missions.checks.check import Judgement
    from missions.plan import Finding, MissionItem
    from missions.plan_files.plan_document import PlanDocument

MAX_ITEMS: Final = 500
"""Plans with more items than this are drawn without a dot for each."""


def check_map(
    judged: Sequence[tuple[PlanDocument, Judgement]], brief: Brief | None = None, *, terrain: Terrain | None = None
) -> MapContent:
    """Collect plans and what was found in them, on the border and zones of a brief where one is given.

    Raises
    ------
    NothingToShowError
        When the page is built, if no plan has a place and there is no brief.
    """
    documents = [document for document, _ in judged]
    findings = [f for document, judgement in judged for f in at_items(document.items, judgement.findings)]
    layers: list[GeometryLayer | LegLayer] = [
        *(brief_layers(brief) if brief else []),
        fence_layer([document.fence for document in documents], show=True),
        *_flights(judged, brief),
        _items(documents),
        _landings(documents),
        *finding_layers(findings),
    ]
    return MapContent(
        title=_short(judged[0][1]) if len(judged) == 1 else f"{len(judged)} plans checked",
        layers=layers,
        hillshade=shade(terrain, bounds_of(layers)) if terrain is not None else None,
        notes=[wind_note(brief.wind)] if brief else [],
        keys=LEG_KEYS,
        panel=PlanPanel(
            verdict=verdict(findings),
            good=all(f.severity is not Severity.ERROR for f in findings),
            rows=[_row(judgement) for _, judgement in judged],
            remarks=unplaced_lines(findings),
            winds=winds(brief.wind) if brief else (),
        ),
    )


def at_items(items: Sequence[MissionItem], findings: Sequence[Finding]) -> list[Finding]:
    """Give findings without a place that of the item they are about, where it has one."""
    place = {item.seq: (item.lat_deg, item.lon_deg) for item in items if has_position(item)}
    return [
        dataclasses.replace(f, lat_deg=place[f.seq][0], lon_deg=place[f.seq][1])
        if math.isnan(f.lat_deg) and f.seq in place
        else f
        for f in findings
    ]


def _short(judgement: Judgement) -> str:
    """Return a plan's name without the folders it lies in."""
    return PurePath(judgement.name).name


def _row(judgement: Judgement) -> tuple[str, str]:
    kind = f"{judgement.dialect} {judgement.vehicle}"
    told = f"{judgement.source_format}, {judgement.items} items, {judgement.length_m / 1000.0:.2f} km, for {kind}"
    return _short(judgement), told


def _flights(judged: Sequence[tuple[PlanDocument, Judgement]], brief: Brief | None) -> list[LegLayer]:
    ground = None if brief is None else read_ground(brief.terrain)
    return [
        LegLayer(
            name=f"Plan {_short(judgement)}",
            tracks=[
                Track(
                    name=_short(judgement), colour=sortie_colour(number), legs=judgement.legs,
                    agl_m=heights_above(judgement.legs, ground), by_item=True,
                )
            ],
            legend=f"as it would be flown, {_short(judgement)}",
            in_legend=number < MAX_KEYS,
        )
        for number, (_, judgement) in enumerate(judged)
        if judgement.legs
    ]  # fmt: skip


def _items(documents: Sequence[PlanDocument]) -> GeometryLayer:
    placed = [item for document in documents for item in document.items if has_position(item)]
    dots: list[dict[str, Any]] = [
        spot(
            i.lon_deg,
            i.lat_deg,
            label=f"item {i.seq + 1}",
            title=f"Item {i.seq + 1}",
            rows=[["command", str(i.command)]],
        )
        for i in placed
    ]
    return GeometryLayer(
        name="Items",
        features=dots if len(dots) <= MAX_ITEMS else [],
        style={"radius": 4, "weight": 1, "color": "#1b1f24", "fillColor": "#ffffff"},
        shape="dot",
        legend="item of the plan",
    )


def _landings(documents: Sequence[PlanDocument]) -> GeometryLayer:
    places = [
        spot(home.lon_deg, home.lat_deg, title="Home", label="home")
        for home in dict.fromkeys(document.home for document in documents)
        if home is not None
    ]
    places += [
        spot(lon, lat, title="Rally point", label="rally point")
        for lat, lon in dict.fromkeys((i.lat_deg, i.lon_deg) for document in documents for i in document.rally)
    ]
    return GeometryLayer(
        name="Home and rally points",
        features=places,
        style={"color": "#1b5e20", "fillColor": "#43a047"},
        shape="dot",
        legend="home, rally point",
    )
