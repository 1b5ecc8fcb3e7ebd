"""Shortest paths between poses for an aircraft that turns with a radius (Dubins 1957), for many pairs at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

WORDS: Final = ("LSL", "RSR", "LSR", "RSL", "RLR", "LRL")
ARC_STEP: Final = math.radians(15.0)
"""Turn between the points an arc is flown by; the chord is then 0.9 % of the radius inside the arc."""
_FULL: Final = 2.0 * math.pi
_NOTHING: Final = 1e-9
"""Turns nearer than this to a full one are none: rounding would make circles of them, radians."""


def dubins_words(start: FloatArray, end: FloatArray, radius_m: float) -> FloatArray:
    """Return the three segments of each of the six words between pairs of poses.

    Formulas of Shkel and Lumelsky, "Classification of the Dubins set" (2001), section 3.

    Parameters
    ----------
    start, end
        (n, 3) or (3,) poses: east and north in metres, heading counter-clockwise from east, radians.

    Returns
    -------
    (n, 6, 3) segments in the order of `WORDS`: turns in radians, straights in radii; infinite where a
    word does not exist.
    """
    start, end = np.broadcast_arrays(np.atleast_2d(start), np.atleast_2d(end))
    step = (end[:, :2] - start[:, :2]) / radius_m
    d, theta = np.hypot(*step.T), np.arctan2(step[:, 1], step[:, 0])
    a, b = (start[:, 2] - theta) % _FULL, (end[:, 2] - theta) % _FULL
    sa, sb, ca, cb, cab = np.sin(a), np.sin(b), np.cos(a), np.cos(b), np.cos(a - b)
    with np.errstate(invalid="ignore"):
        words = (
            _same(np.sqrt(2.0 + d**2 - 2.0 * cab + 2.0 * d * (sa - sb)), np.arctan2(cb - ca, d + sa - sb), -a, b),
            _same(np.sqrt(2.0 + d**2 - 2.0 * cab + 2.0 * d * (sb - sa)), -np.arctan2(ca - cb, d - sa + sb), a, -b),
            _across(np.sqrt(-2.0 + d**2 + 2.0 * cab + 2.0 * d * (sa + sb)), -ca - cb, d + sa + sb, -1.0, a, b),
            _across(np.sqrt(-2.0 + d**2 + 2.0 * cab - 2.0 * d * (sa + sb)), ca + cb, d - sa - sb, 1.0, a, b),
            _round(a, b, d, cab, sa - sb, ca - cb),
            _round(-a, -b, d, cab, sb - sa, ca - cb),
        )
    found = np.stack([np.stack(word, axis=-1) for word in words], axis=1)
    turns = np.array([[letter != "S" for letter in word] for word in WORDS])
    found[(found > _FULL - _NOTHING) & turns] = 0.0
    return np.where(np.isfinite(found).all(axis=2, keepdims=True), found, np.inf)


def _same(p: FloatArray, turn: FloatArray, first: FloatArray, last: FloatArray) -> tuple[FloatArray, ...]:
    """Turn one way, go straight, turn the same way."""
    return (first + turn) % _FULL, p, (last - turn) % _FULL


def _across(
    p: FloatArray, y: FloatArray, x: FloatArray, sense: float, a: FloatArray, b: FloatArray
) -> tuple[FloatArray, ...]:
    """Turn one way, go straight, turn the other way; `sense` is -1 for left first."""
    turn = np.arctan2(y, x) - np.arctan2(2.0 * sense, p)
    return (sense * (a - turn)) % _FULL, p, (sense * (b - turn)) % _FULL


def _round(
    a: FloatArray, b: FloatArray, d: FloatArray, cab: FloatArray, sines: FloatArray, cosines: FloatArray
) -> tuple[FloatArray, ...]:
    """Turn three times; mirrored angles give the mirrored word."""
    p = (_FULL - np.arccos((6.0 - d**2 + 2.0 * cab + 2.0 * d * sines) / 8.0)) % _FULL
    t = (a - np.arctan2(cosines, d - sines) + p / 2.0) % _FULL
    return t, p, (a - b - t + p) % _FULL


def dubins_lengths(start: FloatArray, end: FloatArray, radius_m: float) -> FloatArray:
    """Return the length of the shortest word between each pair of poses, metres."""
    return np.asarray(radius_m * dubins_words(start, end, radius_m).sum(axis=2).min(axis=1))


def dubins_curves(start: FloatArray, end: FloatArray, radius_m: float) -> Iterator[FloatArray]:
    """Go over the paths between two poses, (k, 2) points each, the shortest first."""
    words = dubins_words(start, end, radius_m)[0]
    lengths = words.sum(axis=1)
    for k in np.argsort(lengths, kind="stable").tolist():
        if math.isfinite(lengths[k]):
            yield flattened(start, end, WORDS[k], words[k], radius_m)


def flattened(start: FloatArray, end: FloatArray, word: str, segments: FloatArray, radius_m: float) -> FloatArray:
    """Return the points a word is flown by, (k, 2)."""
    points, here, heading = [start[:2]], start[:2], float(start[2])
    for letter, length in zip(word, segments.tolist(), strict=True):
        if letter == "S":
            here = here + radius_m * length * np.array([math.cos(heading), math.sin(heading)])
            points.append(here)
            continue
        bend = length if letter == "L" else -length
        if abs(bend) > 1e-9:
            points += list(arc(here, heading, bend, radius_m))
            here, heading = points[-1], heading + bend
    return np.array([*points[:-1], end[:2]]) if len(points) > 1 else np.array([start[:2], end[:2]])


def arc(start_m: FloatArray, heading: float, bend: float, radius_m: float) -> Iterator[FloatArray]:
    """Go over points on an arc from a start and heading (counter-clockwise from east), turning by `bend`, radians."""
    sign = math.copysign(1.0, bend)
    centre = start_m + sign * radius_m * np.array([-math.sin(heading), math.cos(heading)])
    for share in np.linspace(0.0, 1.0, max(math.ceil(abs(bend) / ARC_STEP), 1) + 1)[1:]:
        angle = heading + bend * float(share) - sign * math.pi / 2.0
        yield centre + radius_m * np.array([math.cos(angle), math.sin(angle)])
