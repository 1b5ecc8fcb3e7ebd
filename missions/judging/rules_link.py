"""Whether the ground station still reaches the aircraft: distance, and sight over the terrain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.line_of_sight import stands_above_m
from missions.judging.breaches import Breaches, worst_points
from missions.plan import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geo.values import FloatArray
    from missions.judging.subject import Subject

EFFECTIVE_RADIUS_M: Final = 4.0 / 3.0 * 6_371_008.8
"""Earth radius for radio paths in a standard atmosphere (ITU-R P.310: k = 4/3)."""
SIGHT_STEPS: Final = 40
"""The ground is looked at after each of so many parts of the way to the station, but for the last."""


def link(subject: Subject) -> Iterator[Breaches]:
    """Find legs farther from the ground station than the link carries."""
    most = subject.brief.flight.max_link_m
    if most is None or not subject.has_station:
        return
    legs = subject.legs
    ends = np.stack([legs.start_m, legs.end_m])
    away = np.hypot(*(ends - subject.station[0]).transpose(2, 0, 1))
    leg = np.flatnonzero(away.max(axis=0) > most)
    farther = away[:, leg].argmax(axis=0)
    yield Breaches(
        rule="link", leg=leg, measured=away[farther, leg], limit=most, xy_m=ends[farther, leg],
        text="is {measured:.0f} m from its ground station; the link reaches {limit:g} m",
        wanted=np.ceil(away[farther, leg]), advice="flight.max_link_m = {wanted:.0f}",
    )  # fmt: skip


def radio(subject: Subject) -> Iterator[Breaches]:
    """Find legs hidden by terrain from a station the brief names, over a 4/3 Earth."""
    if subject.brief.station is None:
        return
    points = subject.points
    xy, antenna = subject.station
    curve_m = np.hypot(*(points.xy_m - xy).T) ** 2 / (2.0 * EFFECTIVE_RADIUS_M)

    def above(x_m: FloatArray, y_m: FloatArray, amsl_m: FloatArray, share: FloatArray) -> FloatArray:
        ground = subject.ground.at(np.stack([x_m, y_m], axis=-1).reshape(-1, 2)).reshape(x_m.shape)
        return np.asarray(ground + share * (1.0 - share) * curve_m - amsl_m)

    into = stands_above_m(
        above, (*points.xy_m.T, points.alt_amsl_m), (*xy, np.asarray(antenna)),
        count=SIGHT_STEPS - 1, part=(0.5 / SIGHT_STEPS, 1.0 - 0.5 / SIGHT_STEPS),
    )  # fmt: skip
    into[~subject.legs.moving[points.leg]] = -np.inf
    hidden = into > 0.0
    at = worst_points(points.leg, into, hidden)
    yield Breaches(
        rule="radio", leg=points.leg[at], measured=into[at], limit=0.0, xy_m=points.xy_m[at],
        text="is hidden from the station by {measured:.0f} m of ground", severity=Severity.WARNING,
        advice="a station on higher ground, a taller mast, or a greater flight.alt_agl_m",
        share_pct=100.0 * float(hidden.mean()),
    )  # fmt: skip
