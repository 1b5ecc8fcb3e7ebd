"""Which flight is broken off where, by what."""

from __future__ import annotations

import dataclasses
import enum
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.break_offs.plans import patrol

if TYPE_CHECKING:
    from benchmarks.break_offs.plans import Patrol


class Cause(enum.StrEnum):
    """What breaks a flight off."""

    LINK = "link"
    RADIO = "radio"
    CEILING = "ceiling"
    CIRCLE = "circle"
    POLYGON = "polygon"
    LOW = "low-battery"
    CRITICAL = "critical-battery"


CAUSES: Final = tuple(Cause)
APART_M: Final = 150.0
"""How far the worst moments of one flight lie from each other."""
EARLIEST_S: Final = 30.0
"""A flight is broken off after its take-off."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BreakOff:
    """One flight that is broken off."""

    plan: str
    cause: Cause
    leg: int
    share: float
    worst: bool
    """Whether the judge called the moment one of the worst; else it is a random one."""

    @property
    def name(self) -> str:
        """What it is called in tables and files."""
        return f"{self.plan} {self.cause} {self.leg}+{self.share:.2f}{' worst' if self.worst else ''}"

    def place(self) -> tuple[float, float, float]:
        """Return where that is, degrees, and the planned seconds since take-off."""
        leg = patrol(self.plan).sortie.legs[self.leg]
        lat = leg.lat_start_deg + self.share * (leg.lat_end_deg - leg.lat_start_deg)
        lon = leg.lon_start_deg + self.share * (leg.lon_end_deg - leg.lon_start_deg)
        start_s = patrol(self.plan).sortie.t_start_s
        return lat, lon, leg.t_start_s + self.share * (leg.t_end_s - leg.t_start_s) - start_s

    def ahead(self, metres: float) -> tuple[float, float]:
        """Return the place so far on along the path, degrees."""
        lengths, legs = patrol(self.plan).subject.legs.length_m, patrol(self.plan).sortie.legs
        at, share = self.leg, self.share
        left = metres
        while left > (1.0 - share) * lengths[at] and at < len(legs) - 1:
            left -= (1.0 - share) * lengths[at]
            at, share = at + 1, 0.0
        share = min(share + left / max(float(lengths[at]), 1e-9), 1.0)
        return dataclasses.replace(self, leg=at, share=share).place()[:2]


def cases(plan: str, count: int, seed: int = 1) -> list[BreakOff]:
    """Return so many break-offs of a plan: every cause in turn, half at the worst moments and half at random ones."""
    flight = patrol(plan)
    rng = np.random.default_rng([seed, len(plan), sum(map(ord, plan))])
    worst = _worst(flight)
    made = []
    for k, cause in zip(range(count), itertools.cycle(CAUSES), strict=False):
        # with an odd number of causes both halves have each of them
        leg, share = worst[(k // 2) % len(worst)] if k % 2 == 0 else _random(flight, rng)
        made.append(BreakOff(plan=plan, cause=cause, leg=leg, share=round(share, 2), worst=k % 2 == 0))
    return made


def _usable(flight: Patrol) -> np.ndarray:
    """Tell which judged points can be broken off at: in flight, and not on the way down."""
    points = flight.subject.returns.points
    legs = flight.sortie.legs
    starts = np.array([g.t_start_s for g in legs])[points.leg] - flight.sortie.t_start_s
    last = len(legs) - 1
    return (starts >= EARLIEST_S) & (points.leg < last)


def _worst(flight: Patrol) -> list[tuple[int, float]]:
    """Return the moments from which a way home comes nearest to the line, spread along the flight."""
    points = flight.subject.returns.points
    near = np.full(len(points.leg), np.inf)
    swept = flight.subject.swept
    np.minimum.at(near, swept.first, flight.swept_m)
    near = np.minimum(near, flight.flown_m[points.leg])
    near[~_usable(flight)] = np.inf
    chosen: list[int] = []
    # of moments as bad as each other the later ones leave more to fly back
    for k in np.lexsort((-np.arange(len(near)), np.round(near))):
        if not np.isfinite(near[k]) or len(chosen) >= 12:
            break
        if all(np.hypot(*(points.xy_m[k] - points.xy_m[c])) >= APART_M for c in chosen):
            chosen.append(int(k))
    return [(int(points.leg[k]), float(np.clip(points.share[k], 0.03, 0.97))) for k in chosen]


def _random(flight: Patrol, rng: np.random.Generator) -> tuple[int, float]:
    """Return a moment taken evenly along the way."""
    length = flight.subject.legs.length_m.copy()
    starts = np.array([g.t_start_s for g in flight.sortie.legs]) - flight.sortie.t_start_s
    length[(starts < EARLIEST_S) | (np.arange(len(length)) >= len(length) - 1)] = 0.0
    leg = int(rng.choice(len(length), p=length / length.sum()))
    return leg, float(rng.uniform(0.05, 0.95))
