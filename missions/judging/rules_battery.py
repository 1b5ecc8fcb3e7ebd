"""Whether one battery flies the path itself and keeps its reserve; break-offs are judged apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from missions.judging.breaches import Breaches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from missions.judging.subject import Subject

SLACK_PCT: Final = 0.01
"""Battery is rounded to a thousandth of a per cent in a plan, and worked out anew from places on a grid of 1 cm."""


def whose(subject: Subject) -> str:
    """Return whose key of the brief is meant, where it has several types of aircraft."""
    return f" of {subject.flown.label}" if len(subject.brief.fleets) > 1 else ""


def endurance(subject: Subject) -> Iterator[Breaches]:
    """Find the first leg that goes into the reserve, and legs the wind makes impossible."""
    legs, aircraft = subject.legs, subject.aircraft
    stuck = np.flatnonzero(~np.isfinite(subject.energy_wh))
    yield Breaches(
        rule="endurance", leg=stuck, measured=np.full(len(stuck), np.nan), limit=aircraft.reserve_pct, unit="%",
        xy_m=legs.start_m[stuck], text="cannot be flown: the wind is stronger than the aircraft",
        advice="wait for less wind, or take a faster aircraft",
    )  # fmt: skip
    left = subject.battery_pct[1:]
    spent = np.flatnonzero(left < aircraft.reserve_pct - SLACK_PCT)[:1]
    along = subject.return_rules.retrace
    kept_pct = subject.flown.kept_pct(along_path=along)  # else a break-off near the end takes the reserve
    enough_wh = aircraft.battery_wh * (100.0 - left.min(initial=100.0)) / (100.0 - kept_pct)
    yield Breaches(
        rule="endurance", leg=spent, measured=left[spent], limit=aircraft.reserve_pct, unit="%",
        xy_m=legs.end_m[spent], text="leaves {measured:.1f} % of the battery; the reserve is {limit:g} %",
        wanted=np.ceil(np.full(len(spent), enough_wh)),
        advice="aircraft.battery_wh = {wanted:.0f}" + whose(subject) + ", or a shorter flight",
    )  # fmt: skip
