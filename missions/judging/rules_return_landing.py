"""The ground under ArduPlane's way on to the mission's landing, once it has returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from missions.airspace.terrain_profile import SAMPLE_M
from missions.judging.breaches import Breaches
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from missions.judging.flown_path import PlaneLandingStart
    from missions.judging.subject import Subject

    FloatArray = NDArray[np.float64]

ADVICE: Final = "a rally point from which the landing is in sight, or none"


def landing_terrain(subject: Subject) -> Iterator[Breaches]:
    """Find places to return to from which the way on to the landing, down on a straight slope, meets the ground."""
    returns = subject.returns
    places, first = np.unique(returns.place, return_index=True)
    for place, k in zip(places.tolist(), first.tolist(), strict=True):
        over_m = float(returns.over_amsl_m[returns.place == place].min())
        for start in subject.landing_starts:
            room = _room_m(subject, subject.landings_m[place], over_m, start)
            low = np.flatnonzero([room < 0.0])
            yield Breaches(
                rule="failsafe terrain", leg=returns.points.leg[[k]][low], measured=np.array([room])[low],
                limit=subject.brief.flight.min_agl_m, xy_m=subject.landings_m[[place]][low],
                text="a return that ends near {lat}, {lon} goes on to the mission's landing into higher ground; "
                "{limit:g} m are asked",
                advice=ADVICE, severity=Severity.ERROR,
            )  # fmt: skip


def _room_m(subject: Subject, from_m: FloatArray, over_amsl_m: float, start: PlaneLandingStart) -> float:
    """Return the least height above known ground between a place that is circled over and where the landing begins."""
    way = start.xy_m - from_m
    share = np.linspace(0.0, 1.0, max(int(np.ceil(np.hypot(*way) / SAMPLE_M)), 1) + 1)
    ground = subject.ground.at(from_m + share[:, None] * way)
    return float(np.nanmin(over_amsl_m + share * (start.alt_amsl_m - over_amsl_m) - ground, initial=np.inf))
