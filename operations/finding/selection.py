"""Which things are wanted, and the search for them: bounds first, exact where it matters."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.ground_hits import UNKNOWN_NS
from operations.finding.errors import QuestionError
from operations.queries import HitSelection

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detection.labels import Labels
    from operations.finding.archive import Archive
    from operations.finding.border import BorderLine
    from operations.finding.ground import Ground
    from operations.finding.thing_index import ThingIndex
    from operations.finding.things import Things
    from operations.finding.verdict_marks import Marks
    from operations.values import PartRecord

_BLOCK_POINTS: Final = 1_000_000
NOBODY: Final = "none"
"""Stands for things about which nobody has decided yet."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ThingSelection:
    """Which things are wanted; what is left open does not choose.

    A thing is wanted when, at one of its moments between `from_utc_ns` and `to_utc_ns`, it was in the area, and when
    at one such moment it was near the border.
    """

    classes: tuple[str, ...] = ()
    from_utc_ns: int | None = None
    to_utc_ns: int | None = None
    score_min: float | None = None
    """Least best score: calibrated, or the detector's own where the model has no calibration."""
    verdicts: tuple[str, ...] = ()
    """Decisions, `CONFLICT`, or `NOBODY`."""
    thing_ids: tuple[str, ...] = ()
    area: Ground | None = None
    border: BorderLine | None = None
    near_border_m: float | None = None
    singles: bool = False
    """Whether hits that belong to no track are wanted as well."""

    def __post_init__(self) -> None:
        if self.near_border_m is not None and self.border is None:
            raise QuestionError("--near-border-m needs a border: give --brief FILE or --border FILE")
        if self.from_utc_ns is not None and self.to_utc_ns is not None and self.from_utc_ns > self.to_utc_ns:
            raise QuestionError("--from is later than --to: exchange them")

    def boxes_deg(self) -> list[tuple[float, float, float, float]]:
        """Return boxes of ground (south, west, north, east), each of which holds what is wanted."""
        boxes = [] if self.area is None else [self.area.box_deg]
        if self.border is not None and self.near_border_m is not None:
            boxes.append(self.border.box_deg(self.near_border_m))
        return boxes

    def by_record(self) -> Callable[[PartRecord], bool]:
        """Return what tells, by a part's record alone, whether its hits or tracks can be of a wanted thing."""
        boxes: list[tuple[float, float, float, float] | None] = [*self.boxes_deg()] or [None]
        asked = [
            HitSelection(classes=self.classes, box_deg=box, from_utc_ns=self.from_utc_ns, to_utc_ns=self.to_utc_ns)
            for box in boxes
        ]
        return lambda part: all(one.may_be_in(part) for one in asked)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """The answer: things, newest first, and what stands beside it."""

    things: Things
    total: int
    """How many there are, also those beyond the limit."""
    singles_left: int
    """Single hits that would be wanted, too, but were not asked for."""


def find(archive: Archive, index: ThingIndex, selection: ThingSelection, *, limit: int | None = None) -> Found:
    """Return the wanted things of an archive, newest first.

    Raises
    ------
    DamagedError
        When a part that may hold an answer is missing or cannot be read.
    """
    archive.refresh()
    boxes = selection.boxes_deg()
    index.load(selection.by_record())
    things = index.things
    marks = index.decisions()
    rows = np.flatnonzero(_by_columns(index, selection, boxes, marks))
    chosen = [_by_points(index, block, selection) for block in _blocks(things, rows)]
    rows, last = (np.concatenate(columns) for columns in zip(*chosen, strict=True))
    wanted = np.ones(len(rows), np.bool_) if selection.singles else ~things.number["single"][rows]
    left = int(len(rows) - wanted.sum())
    rows, last = rows[wanted], last[wanted]
    order = things.ids["thing_id"].take(rows).order(-things.point_t_utc_ns[last])[:limit]
    shown = _placed(things.take(rows[order]), things, last[order], marks.take(rows[order]))
    return Found(things=_with_border(shown, selection), total=len(rows), singles_left=left)


def _by_columns(
    index: ThingIndex, selection: ThingSelection, boxes: list[tuple[float, float, float, float]], marks: Marks
) -> NDArray[np.bool_]:
    things, number = index.things, index.things.number
    chosen = np.ones(len(things), np.bool_)
    if selection.classes:
        chosen &= _named(things.text["class_name"], selection.classes)
    if selection.thing_ids:
        chosen &= things.ids["thing_id"].among(selection.thing_ids)
    if selection.from_utc_ns is not None:
        chosen &= number["last_utc_ns"] >= selection.from_utc_ns
    if selection.to_utc_ns is not None:
        chosen &= number["first_utc_ns"] <= selection.to_utc_ns
    if selection.score_min is not None:
        chosen &= number["score"] >= np.float32(selection.score_min)
    if selection.verdicts:
        decided = marks.decision
        undecided = (decided.codes < 0) if NOBODY in selection.verdicts else np.zeros(len(things), np.bool_)
        chosen &= _named(decided, selection.verdicts) | undecided
    for south, west, north, east in boxes:
        box = index.box_deg
        chosen &= (box[:, 2] >= south) & (box[:, 0] <= north)
        if west <= east:  # a thing that spans the antimeridian has its west above its east, and is looked at closely
            chosen &= ((box[:, 3] >= west) & (box[:, 1] <= east)) | (box[:, 1] > box[:, 3])
        else:
            chosen &= (box[:, 3] >= west) | (box[:, 1] <= east) | (box[:, 1] > box[:, 3])
    return chosen


def _named(labels: Labels, names: tuple[str, ...]) -> NDArray[np.bool_]:
    table = np.array([*(name in names for name in labels.names), False], np.bool_)
    return np.asarray(table[labels.codes])


def _blocks(things: Things, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Divide things so that all points of a block can be looked at together in little memory."""
    total = np.cumsum(np.diff(things.offsets)[rows])
    ends = np.searchsorted(total, np.arange(_BLOCK_POINTS, total[-1] if len(rows) else 0, _BLOCK_POINTS))
    return np.split(rows, ends)


def _by_points(
    index: ThingIndex, rows: NDArray[np.int64], selection: ThingSelection
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keep the things that have a wanted point and came near the border; return them with the last of those points."""
    rows, last = _last_wanted(index.things, rows, selection)
    near = _near(index, rows, selection)
    return rows[near], last[near]


def _last_wanted(
    things: Things, rows: NDArray[np.int64], selection: ThingSelection
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    of_thing, points = things.points_of(rows)
    good = _in_time(things.point_t_utc_ns[points], selection)
    if selection.area is not None:
        places = np.flatnonzero(good)
        lat, lon = things.point_lat_deg[points[places]], things.point_lon_deg[points[places]]
        good[places] = selection.area.holds(lat, lon)
    kept = np.flatnonzero(good)
    last = np.full(len(rows), -1, np.int64)
    np.maximum.at(last, of_thing[kept], points[kept])
    found = last >= 0
    return rows[found], last[found]


def _in_time(t_utc_ns: NDArray[np.int64], selection: ThingSelection) -> NDArray[np.bool_]:
    good = np.ones(len(t_utc_ns), np.bool_)
    if selection.from_utc_ns is not None:
        good &= t_utc_ns >= selection.from_utc_ns
    if selection.to_utc_ns is not None:
        good &= t_utc_ns <= selection.to_utc_ns
    return good


def _timely(
    things: Things, rows: NDArray[np.int64], selection: ThingSelection
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the placed points of things in the time asked for: which of `rows` each is of, and where it stands."""
    of_thing, points = things.points_of(rows)
    good = _in_time(things.point_t_utc_ns[points], selection) & np.isfinite(things.point_lat_deg[points])
    return of_thing[good], points[good]


def _near(index: ThingIndex, rows: NDArray[np.int64], selection: ThingSelection) -> NDArray[np.bool_]:
    """Tell which things came near the border: most are settled by bounds, the rest by the exact distance."""
    border, near_m, things = selection.border, selection.near_border_m, index.things
    if border is None or near_m is None or not len(rows):
        return np.ones(len(rows), np.bool_)
    of_thing, points = _timely(things, rows, selection)
    sure, first = np.zeros(len(rows), np.bool_), np.unique(of_thing, return_index=True)
    lead, lead_points = first[0], points[first[1]]
    least, most = border.bounds_m(things.point_lat_deg[lead_points], things.point_lon_deg[lead_points])
    sure[lead[most <= near_m]] = True
    open_question = np.zeros(len(rows), np.bool_)
    open_question[lead[(least - index.reach_m(rows[lead]) <= near_m) & (most > near_m)]] = True
    points, of_thing = points[open_question[of_thing]], of_thing[open_question[of_thing]]
    least, most = border.bounds_m(things.point_lat_deg[points], things.point_lon_deg[points])
    sure[of_thing[most <= near_m]] = True
    doubtful = np.flatnonzero((least <= near_m) & ~sure[of_thing])
    exact = border.exact(things.point_lat_deg[points[doubtful]], things.point_lon_deg[points[doubtful]])
    sure[of_thing[doubtful[exact.distance_m <= near_m]]] = True
    return sure


def _placed(chosen: Things, things: Things, last: NDArray[np.int64], marks: Marks) -> Things:
    """Say of each thing where it was at the last wanted moment, and what was decided."""
    placed = chosen.with_numbers(
        t_utc_ns=things.point_t_utc_ns[last],
        lat_deg=things.point_lat_deg[last],
        lon_deg=things.point_lon_deg[last],
        ce90_m=things.point_ce90_m[last],
    )
    said = {"decision": marks.decision, "decided_by": marks.decided_by, "joined_with": marks.joined_with}
    return dataclasses.replace(placed, text=placed.text | said)


def _with_border(things: Things, selection: ThingSelection) -> Things:
    """Add distance and bearing to the border, and how near each came at all."""
    border = selection.border
    if border is None or not len(things):
        return things
    known = np.flatnonzero(np.isfinite(things.number["lat_deg"]))
    now = border.exact(things.number["lat_deg"][known], things.number["lon_deg"][known])
    columns: dict[str, NDArray[Any]] = {
        name: np.full(len(things), np.nan) for name in ("border_m", "border_bearing_deg", "closest_m")
    }
    columns["border_m"][known], columns["border_bearing_deg"][known] = now.distance_m, now.bearing_deg
    columns["closest_utc_ns"] = np.full(len(things), UNKNOWN_NS)
    of_thing, points = _timely(things, np.arange(len(things)), selection)
    least, most = border.bounds_m(things.point_lat_deg[points], things.point_lon_deg[points])
    bound = np.full(len(things), np.inf)
    np.minimum.at(bound, of_thing, most)
    near = np.flatnonzero(least <= bound[of_thing])
    exact = border.exact(things.point_lat_deg[points[near]], things.point_lon_deg[points[near]]).distance_m
    order = np.lexsort([-exact, of_thing[near]])  # of each thing the nearest point comes last, and so stays
    columns["closest_m"][of_thing[near][order]] = exact[order]
    columns["closest_utc_ns"][of_thing[near][order]] = things.point_t_utc_ns[points[near]][order]
    return things.with_numbers(**columns)
