"""The ways home of a sortie as legs, for maps: what is flown when the flight is broken off."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from missions.plan import Leg, LegKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.judging.subject import Subject


def failsafe_legs(subject: Subject, legs: Sequence[Leg]) -> tuple[Leg, ...]:
    """Return the way home from where each leg begins as legs of its own: the climb where there is one, then the way.

    Where returns retrace the path these are its legs in reverse, each from where it ended.
    """
    if not len(subject.landings_m) or not len(subject.returns.place):
        return ()
    return _reversed(subject, legs) if subject.return_rules.retrace else _straight(subject, legs)


def _straight(subject: Subject, legs: Sequence[Leg]) -> tuple[Leg, ...]:
    returns = subject.returns
    first = np.flatnonzero(np.diff(returns.points.leg, prepend=-1) != 0)
    lat, lon = subject.corridor.frame.to_degrees(returns.points.xy_m[first])
    lat_end, lon_end = subject.corridor.frame.to_degrees(returns.target_m[first])
    made: list[Leg] = []
    for n, k in enumerate(first.tolist()):
        leg = legs[int(returns.points.leg[k])]
        here, goal = (float(lat[n]), float(lon[n])), (float(lat_end[n]), float(lon_end[n]))
        up, over = round(float(returns.up_amsl_m[k]), 2), round(float(returns.over_amsl_m[k]), 2)
        climbs = up > leg.alt_amsl_start_m
        way = dataclasses.replace(
            leg, seq=len(legs) + len(made) + climbs, kind=LegKind.FAILSAFE,
            lat_start_deg=here[0], lon_start_deg=here[1], lat_end_deg=goal[0], lon_end_deg=goal[1],
            alt_amsl_start_m=up, alt_amsl_end_m=over,
            t_end_s=round(leg.t_start_s + float(returns.seconds[k]), 3),
            battery_end_pct=round(float(returns.left_pct[k]), 3),
        )  # fmt: skip
        if climbs:
            made.append(
                dataclasses.replace(
                    way, seq=way.seq - 1, lat_end_deg=here[0], lon_end_deg=here[1],
                    alt_amsl_start_m=leg.alt_amsl_start_m, alt_amsl_end_m=up,
                )
            )  # fmt: skip
        made.append(way)
    return tuple(made)


def _reversed(subject: Subject, legs: Sequence[Leg]) -> tuple[Leg, ...]:
    left = subject.returns.left_pct
    last = {int(leg): k for k, leg in enumerate(subject.returns.points.leg.tolist())}
    return tuple(
        dataclasses.replace(
            leg, seq=len(legs) + n, kind=LegKind.FAILSAFE,
            lat_start_deg=leg.lat_end_deg, lon_start_deg=leg.lon_end_deg, alt_amsl_start_m=leg.alt_amsl_end_m,
            lat_end_deg=leg.lat_start_deg, lon_end_deg=leg.lon_start_deg, alt_amsl_end_m=leg.alt_amsl_start_m,
            battery_end_pct=round(float(left[last[k]]), 3),
        )
        for n, (k, leg) in enumerate((k, legs[k]) for k in sorted(last, reverse=True))
    )  # fmt: skip
