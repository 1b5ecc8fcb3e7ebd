"""The ways home of a sortie as legs, for maps: what is flown when the flight is broken off."""

from __future__ import annotations

import dataclasses
import functools
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
    columns = (lat, lon, lat_end, lon_end, *(np.asarray(c)[first] for c in (
        returns.points.leg, returns.up_amsl_m, returns.over_amsl_m, returns.seconds, returns.left_pct,
    )))  # fmt: skip
    made: list[Leg] = []
    for lat0, lon0, lat1, lon1, which, up_m, over_m, seconds, left in zip(*(c.tolist() for c in columns), strict=True):
        leg, up, over = legs[which], round(up_m, 2), round(over_m, 2)
        way = functools.partial(
            Leg, kind=LegKind.FAILSAFE, lat_start_deg=lat0, lon_start_deg=lon0, t_start_s=leg.t_start_s,
            t_end_s=round(leg.t_start_s + seconds, 3), speed_mps=leg.speed_mps, battery_end_pct=round(left, 3),
            gimbal_yaw_deg=leg.gimbal_yaw_deg, gimbal_pitch_deg=leg.gimbal_pitch_deg,
        )  # fmt: skip
        if up > leg.alt_amsl_start_m:
            climb = {"alt_amsl_start_m": leg.alt_amsl_start_m, "alt_amsl_end_m": up}
            made.append(way(seq=len(legs) + len(made), lat_end_deg=lat0, lon_end_deg=lon0, **climb))
        over_there = {"alt_amsl_start_m": up, "alt_amsl_end_m": over}
        made.append(way(seq=len(legs) + len(made), lat_end_deg=lat1, lon_end_deg=lon1, **over_there))
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
