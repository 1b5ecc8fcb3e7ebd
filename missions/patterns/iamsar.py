"""The search patterns of the IAMSAR manual, volume II, chapter 5, about a datum or over a rectangle.

Directions are degrees clockwise from north; paths are (n, 2) metres east and
north of the plane's origin.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

MAX_LEGS: Final = 5_000


def heading(direction_deg: float) -> FloatArray:
    """Return the unit vector (east, north) of a direction clockwise from north."""
    angle = math.radians(direction_deg)
    return np.array([math.sin(angle), math.cos(angle)])


def _positive(value: float, name: str) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise InputError(f"{name} must be above 0, found {value:g}", actual=value)


def _legs(count: int) -> None:
    if not 1 <= count <= MAX_LEGS:
        raise InputError(f"a pattern has 1 to {MAX_LEGS} legs, found {count}", actual=count)


def expanding_square(datum_xy: FloatArray, *, spacing_m: float, legs: int, direction_deg: float = 0.0) -> FloatArray:
    """Fly out from the datum in a square spiral: legs of S, S, 2S, 2S, 3S, 3S, ..., turning right."""
    _positive(spacing_m, "the track spacing in metres")
    _legs(legs)
    points = [np.asarray(datum_xy, dtype=np.float64)]
    for leg in range(legs):
        length_m = spacing_m * (leg // 2 + 1)
        points.append(points[-1] + length_m * heading(direction_deg + 90.0 * leg))
    return np.array(points)


def sector_search(datum_xy: FloatArray, *, radius_m: float, direction_deg: float = 0.0, rounds: int = 1) -> FloatArray:
    """Cross the datum three times a round along radii 60 degrees apart, all turns 120 degrees to the right.

    A round is nine legs of one radius each; the second round starts 30 degrees to the right of the first.
    """
    _positive(radius_m, "the search radius in metres")
    if rounds not in (1, 2):
        raise InputError(f"a sector search has 1 or 2 rounds, found {rounds}", actual=rounds)
    datum = np.asarray(datum_xy, dtype=np.float64)
    points = [datum]
    for turn in range(rounds):
        course = direction_deg + 30.0 * turn
        for _ in range(3):
            points.append(datum + radius_m * heading(course))
            points.append(datum + radius_m * heading(course + 60.0))
            points.append(datum)
            course += 240.0
    return np.array(points)


def parallel_track(
    centre_xy: FloatArray,
    *,
    length_m: float,
    width_m: float,
    spacing_m: float,
    direction_deg: float = 0.0,
    creeping: bool = False,
) -> FloatArray:
    """Sweep a rectangle in parallel tracks.

    Parameters
    ----------
    centre_xy
        Middle of the rectangle.
    length_m, width_m
        Its sides; `length_m` lies along `direction_deg`.
    spacing_m
        Track spacing. The first track is half a spacing inside the rectangle and
        tracks end half a spacing before its edge (commence search point).
    creeping
        Fly the tracks across the length instead (creeping line).
    """
    for value, name in ((length_m, "length"), (width_m, "width"), (spacing_m, "track spacing")):
        _positive(value, f"the {name} in metres")
    along, across = heading(direction_deg), heading(direction_deg + 90.0)
    if creeping:
        along, across, length_m, width_m = across, along, width_m, length_m
    count = max(1, math.ceil(width_m / spacing_m - 1e-9))
    _legs(count)
    step_m = width_m / count
    reach_m = max(length_m / 2.0 - step_m / 2.0, 0.0)
    points = []
    for index in range(count):
        aside = (-width_m / 2.0 + (index + 0.5) * step_m) * across
        ends = [aside - reach_m * along, aside + reach_m * along]
        points += ends if index % 2 == 0 else ends[::-1]
    return np.asarray(centre_xy, dtype=np.float64) + np.array(points)


def coverage_factor(*, sweep_width_m: float, length_m: float, area_m2: float) -> float:
    """Return C = W L / A: the area effectively swept over the area searched (IAMSAR II, 4.6)."""
    _positive(area_m2, "the searched area in square metres")
    return sweep_width_m * length_m / area_m2


def probability_of_detection(coverage: float) -> float:
    """Return POD = 1 - exp(-C), the random search formula (Koopman 1946; IAMSAR II, appendix N)."""
    return 1.0 - math.exp(-coverage)


def cumulative_pod(pods: Sequence[float]) -> float:
    """Return the probability that one of several independent searches of one area finds what is there.

    IAMSAR II, 4.6 and appendix N: searches that each miss it with 1 - POD miss it together with the product.

    Raises
    ------
    InputError
        For a probability that is none.
    """
    for pod in pods:
        if not 0.0 <= pod <= 1.0:
            raise InputError(
                f"a probability of detection lies between 0 and 100 %, found {100.0 * pod:g} %", actual=pod
            )
    return 1.0 - math.prod(1.0 - pod for pod in pods)
