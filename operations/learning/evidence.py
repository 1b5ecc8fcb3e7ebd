"""Looks and finds of operations by night and stretch of border: what was erased or superseded is not among them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import metres_per_degree
from operations.finding.ground import Ground
from operations.finding.seen import FootprintIndex, seen
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.finding.verdict_marks import reported
from operations.learning.stretch_rates import NightlyLooks
from operations.standing import CONFLICT
from operations.values import Decision, Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from operations.finding.archive import Archive

    FloatArray = NDArray[np.float64]

DAY_NS: Final = 86_400_000_000_000
READER_RIGHT: Final = (9.0, 1.0)
"""Beta prior of a confirmed thing having been a person or vehicle where no patrol went to look: nine in ten."""
TOO_LATE: Final = 0.5
"""Weight that a confirmed thing keeps where a patrol found nothing: whoever was there may have gone."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What operations say of a border."""

    nights: NightlyLooks
    confirmed: int
    dismissed: int
    undecided: int
    """Things near the border that nobody has decided about: they count as nothing found."""
    in_conflict: int
    """Things about which people decided differently: they count as nothing found until somebody settles it."""
    reported: int
    """Things of which a patrol brought an outcome."""
    empty_looks: int
    """Looks that found nothing."""
    undated: int
    """Things and passes whose time is not known: they are left out."""
    reader_right: float
    """Share of confirmed things that patrols found to be right, with its prior."""

    def told(self) -> str:
        """Return it in a sentence."""
        looks = int(self.nights.looks.sum())
        return (
            f"{looks} looks at stretches in {len(self.nights.night)} nights, {self.empty_looks} of them empty; "
            f"{self.confirmed} things confirmed, {self.dismissed} dismissed, {self.undecided} not decided about, "
            f"{self.in_conflict} in conflict, "
            f"{self.reported} reported on by patrols; {self.undated} undated left out"
        )


def evidence(archive: Archive, places_deg: NDArray[np.float64], *, reach_m: float, stay_s: float = 0.0) -> Evidence:
    """Count looks and finds by night and stretch.

    Parameters
    ----------
    archive
        The operations to learn from.
    places_deg
        (n, 2) latitude and longitude of a place on each stretch: a look is a pass that held it in view.
    reach_m
        A thing belongs to the nearest place, if it was no farther than this from it.
    stay_s
        How long somebody who crosses is within the watched ground: a pass sooner than this after the one before
        sees only who came since, and is that share of a look.
    """
    things = find(archive, ThingIndex(archive), ThingSelection()).things
    number = things.number
    decision, outcome = things.text["decision"].texts(), reported(archive, things).texts()
    stretch = _nearest(places_deg, number["lat_deg"], number["lon_deg"], reach_m)
    near, dated = stretch >= 0, number["t_utc_ns"] >= 0
    rows = np.flatnonzero(near & dated)
    right = _reader_right(decision[rows], outcome[rows])
    weight = _weights(decision[rows], outcome[rows], right)
    zone_ns = _local_ns(places_deg)
    passes = _passes(archive, places_deg)
    known = passes[passes[:, 1] >= 0]
    share = shares_of_looks(known, stay_s)
    look_night = (known[:, 1] + zone_ns) // DAY_NS
    thing_night = (number["t_utc_ns"][rows] + zone_ns) // DAY_NS
    nights = _tabled((look_night, known[:, 0], share), (thing_night, stretch[rows], weight), len(places_deg))
    return Evidence(
        nights=nights,
        confirmed=int((decision[rows] == Decision.CONFIRMED).sum()),
        dismissed=int((decision[rows] == Decision.DISMISSED).sum()),
        undecided=int(np.isin(decision[rows], ["", str(Decision.UNDECIDED)]).sum()),
        in_conflict=int((decision[rows] == CONFLICT).sum()),
        reported=int((outcome[rows] != "").sum()),
        empty_looks=int(np.maximum(nights.looks - np.ceil(nights.found), 0.0).sum()),
        undated=int((near & ~dated).sum() + len(passes) - len(known)),
        reader_right=right,
    )


def _reader_right(decision: NDArray[np.str_], outcome: NDArray[np.str_]) -> float:
    """Return how often readers are right where a patrol said what was there; "nothing" says neither."""
    told = (decision == Decision.CONFIRMED) & np.isin(outcome, [Outcome.FOUND, Outcome.ANIMAL, Outcome.OTHER])
    right = told & (outcome == Outcome.FOUND)
    return float((READER_RIGHT[0] + right.sum()) / (sum(READER_RIGHT) + told.sum()))


def _weights(decision: NDArray[np.str_], outcome: NDArray[np.str_], right: float) -> FloatArray:
    """Return how many people each thing counts as: a patrol's word over a reader's, and both over none."""
    weight = np.where(decision == Decision.CONFIRMED, right, 0.0)
    weight = np.where(outcome == Outcome.NOTHING, TOO_LATE * weight, weight)
    weight = np.where(np.isin(outcome, [Outcome.ANIMAL, Outcome.OTHER]), 0.0, weight)
    return np.where(outcome == Outcome.FOUND, 1.0, weight)


def _nearest(places_deg: FloatArray, lat_deg: FloatArray, lon_deg: FloatArray, reach_m: float) -> NDArray[np.int64]:
    """Return the nearest place of each thing, -1 where none is in reach or the thing has no place."""
    if not len(lat_deg):
        return np.zeros(0, np.int64)
    north_m, east_m = (float(v) for v in metres_per_degree(float(places_deg[:, 0].mean())))
    north = (lat_deg[:, None] - places_deg[:, 0]) * north_m
    east = ((lon_deg[:, None] - places_deg[:, 1] + 180.0) % 360.0 - 180.0) * east_m
    away = np.where(np.isfinite(lat_deg)[:, None], np.hypot(north, east), np.inf)
    best = away.argmin(axis=1)
    return np.where(away[np.arange(len(best)), best] <= reach_m, best, -1)


def _local_ns(places_deg: FloatArray) -> int:
    """Return what makes a day begin at local noon: a night is one whole then."""
    return round((float(places_deg[0, 1]) / 360.0 - 0.5) * DAY_NS)


def _passes(archive: Archive, places_deg: FloatArray) -> NDArray[np.int64]:
    """Return (n, 2): the stretch and the time of every pass that held its place in view."""
    index = FootprintIndex(archive)
    found = [
        (number, one.to_utc_ns)
        for number, (lat, lon) in enumerate(places_deg.tolist())
        for one in seen(archive, index, Ground.point(lat, lon)).passes
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def shares_of_looks(passes: NDArray[np.int64], stay_s: float) -> FloatArray:
    """Return what share of a look each pass of a stretch is, by how long after the one before it came."""
    share = np.ones(len(passes))
    order = np.lexsort((passes[:, 1], passes[:, 0]))
    again = passes[order[1:], 0] == passes[order[:-1], 0]
    since_s = np.diff(passes[order, 1])[again] / 1e9
    share[order[1:][again]] = np.minimum(1.0, since_s / stay_s) if stay_s > 0.0 else 1.0
    return share


def _tabled(
    looks: tuple[NDArray[np.int64], NDArray[np.int64], FloatArray],
    found: tuple[NDArray[np.int64], NDArray[np.int64], FloatArray],
    stretches: int,
) -> NightlyLooks:
    """Lay looks and finds out by night; a stretch where something was found was looked at."""
    night = np.unique(np.concatenate([looks[0], found[0]]))
    table = np.zeros((2, len(night), stretches))
    np.add.at(table[0], (np.searchsorted(night, looks[0]), looks[1]), looks[2])
    np.add.at(table[1], (np.searchsorted(night, found[0]), found[1]), found[2])
    table[0] = np.maximum(table[0], table[1] > 0.0)
    return NightlyLooks(night=night, looks=table[0], found=table[1])
