"""Broken rules as columns, and as the findings a person reads: the worst of each rule, or every leg."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from missions.plan import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from missions.airspace.corridor_frame import LocalFrame
    from missions.judging.legs import FlownLegs

    FloatArray = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Breaches:
    """The legs that break one rule: (k,) or (k, 2) columns, one row a leg.

    `text` says what a leg does wrong, after its name; `advice` what may help. Both may name
    `{measured}`, `{limit}`, `{wanted}` (the figure the advice asks for) and `{lat}`, `{lon}` of the place.
    """

    rule: str
    leg: NDArray[np.int64]
    measured: FloatArray
    limit: float
    xy_m: FloatArray
    text: str
    advice: str = ""
    wanted: FloatArray | None = None
    unit: str = "m"
    severity: Severity = Severity.ERROR
    share_pct: float = float("nan")
    """How much of the path breaks the rule, where points of it were counted; else legs are."""
    whole: bool = False
    """Whether `text` is said of the whole flight; its row is then the worst place."""

    def finding(self, k: int, frame: LocalFrame, legs: FlownLegs, label: str, suffix: str = "") -> Finding:
        """Return one row as a finding; `label` names the leg."""
        lat, lon = (float(v[0]) for v in frame.to_degrees(self.xy_m[k : k + 1]))
        measured = float(self.measured[k])
        wanted = float("nan") if self.wanted is None else float(self.wanted[k])
        figures = {
            "measured": measured, "limit": self.limit, "wanted": wanted,
            "lat": f"{lat:.5f}", "lon": f"{lon:.5f}",
        }  # fmt: skip
        return Finding(
            rule=self.rule, severity=self.severity, message=f"{label} {self.text.format(**figures)}{suffix}",
            lat_deg=lat, lon_deg=lon, seq=int(legs.seq[self.leg[k]]), measured=round(measured, 2),
            limit=round(self.limit, 2), unit=self.unit, advice=self.advice.format(**figures) or None,
        )  # fmt: skip

    def only(self, legs: NDArray[np.bool_]) -> Breaches:
        """Return the rows about some of the legs, (n,) True for each that counts."""
        keep = legs[self.leg]
        if keep.all():
            return self
        wanted = None if self.wanted is None else self.wanted[keep]
        return dataclasses.replace(
            self, leg=self.leg[keep], measured=self.measured[keep], xy_m=self.xy_m[keep], wanted=wanted
        )

    def subject(self, k: int) -> int | None:
        """Return the leg a row is about, or None where it is about the whole flight."""
        return None if self.whole else int(self.leg[k])

    @property
    def excess(self) -> FloatArray:
        """How far beyond the limit each row is."""
        return np.nan_to_num(np.abs(self.measured - self.limit), nan=np.inf)


def worst_points(leg: NDArray[np.int64], excess: FloatArray, bad: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return, for each leg with bad points, the index of the worst: the greatest excess, the first of equals."""
    index = np.flatnonzero(bad)
    order = index[np.lexsort((index, -excess[index], leg[index]))]
    first = np.diff(leg[order], prepend=-1) != 0
    return np.asarray(order[first])


def every_leg(
    found: Iterable[Breaches], frame: LocalFrame, legs: FlownLegs, label: Callable[[int | None], str]
) -> Iterator[Finding]:
    """Return a finding for every leg and rule it breaks."""
    for breaches in found:
        for k in range(len(breaches.leg)):
            yield breaches.finding(k, frame, legs, label(breaches.subject(k)))


def worst_of_each(
    found: Iterable[Breaches], frame: LocalFrame, legs: FlownLegs, label: Callable[[int | None], str]
) -> Iterator[Finding]:
    """Return one finding for each rule: errors before warnings, then the leg farthest beyond the limit."""
    worst: dict[str, Breaches] = {}
    for breaches in found:
        known = worst.get(breaches.rule)
        if len(breaches.leg) and (known is None or _weight(breaches) > _weight(known)):
            worst[breaches.rule] = breaches
    for breaches in worst.values():
        k = int(np.argmax(breaches.excess))
        yield breaches.finding(k, frame, legs, label(breaches.subject(k)), _so_on(breaches, legs))


def _weight(breaches: Breaches) -> tuple[bool, float]:
    return breaches.severity is Severity.ERROR, float(breaches.excess.max())


def _so_on(breaches: Breaches, legs: FlownLegs) -> str:
    if np.isfinite(breaches.share_pct):
        return f" (so on {breaches.share_pct:.0f} % of the path)"
    return f" (so on {len(breaches.leg)} of {len(legs)} legs)" if len(breaches.leg) > 1 else ""
