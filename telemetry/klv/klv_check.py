"""Does a stream agree with itself: our ray through the picture's centre against its own frame centre."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import geodetic_to_ecef
from geo.march import first_hits
from geo.rays import cast
from geo.terrain import FlatTerrain
from telemetry.klv.klv_track import track_from_klv, utc_ns
from telemetry.tracks.contradictions import Check, Contradiction
from telemetry.tracks.datums import Undulation, egm96

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray
    from telemetry.klv import KlvStream

MAX_HEIGHTS: Final = 4000
"""Frame centres compared: each height is a plane of its own, and more of them tell nothing new."""

LOOKED_AT: Final = 300
"""Frame centres compared when a clip is opened: a wrong convention shows in each of them."""

MAX_RANGE_M: Final = 200_000.0
"""Longest ray compared: the horizon from 3 km."""

OPTICAL_AXIS: Final = np.array([[1.0], [0.0], [0.0]])
"""Where the picture's centre looks, in camera axes."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CentreCheck:
    """How far the two centres lie apart.

    `n` packets were compared; metres on the ground, degrees as seen from the sensor.
    `unplaced` packets state a frame centre that our ray does not reach.
    """

    n: int
    unplaced: int
    median_m: float
    p95_m: float
    median_deg: float


def check_centre(stream: KlvStream, *, undulation: Undulation = egm96, most: int = MAX_HEIGHTS) -> CentreCheck:
    """Compare ray and frame centre of every packet that has both, or of `most` of them, evenly chosen.

    The ground is a plane at the stream's own height of the frame centre: tag 78
    (ellipsoid), else tag 25 (mean sea level) with the undulation added.
    """
    track = track_from_klv(stream, undulation=undulation)
    times = utc_ns(stream)
    lat, lon, height = _stated_centres(stream, undulation)
    rows = np.flatnonzero(np.isfinite(lat) & np.isfinite(lon) & np.isfinite(height) & (times >= 0))
    rows = rows[np.isin(times[rows], track.t_utc_ns)]
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
    poses, whole = track.at(times[rows])
    rows, chosen = rows[whole], np.flatnonzero(whole)
    rays = cast(poses, OPTICAL_AXIS).part(chosen)
    reached = np.full((len(rows), 3), np.nan)
    for plane in np.unique(height[rows]).tolist():
        here = np.flatnonzero(height[rows] == plane)
        hits = first_hits(rays.part(here), FlatTerrain(height_m=plane), MAX_RANGE_M)
        reached[here] = geodetic_to_ecef(hits.lat_deg, hits.lon_deg, hits.alt_hae_m)
    stated = geodetic_to_ecef(lat[rows], lon[rows], height[rows])
    sensor = geodetic_to_ecef(poses.lat_deg[chosen], poses.lon_deg[chosen], poses.alt_hae_m[chosen])
    return _summary(reached, stated, sensor)


def _stated_centres(stream: KlvStream, undulation: Undulation) -> tuple[FloatArray, FloatArray, FloatArray]:
    lat, lon = stream.numbers(23), stream.numbers(24)
    ellipsoid, amsl = stream.numbers(78), stream.numbers(25)
    height: FloatArray = np.where(np.isfinite(ellipsoid), ellipsoid, amsl + undulation(lat, lon))
    return lat, lon, height


def _summary(reached: FloatArray, stated: FloatArray, sensor: FloatArray) -> CentreCheck:
    placed: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(reached), axis=1)
    if not placed.any():
        nan = float("nan")
        return CentreCheck(n=0, unplaced=len(placed), median_m=nan, p95_m=nan, median_deg=nan)
    apart_m = np.linalg.norm(reached - stated, axis=1)[placed]
    ours, theirs = (reached - sensor)[placed], (stated - sensor)[placed]
    cross = np.linalg.norm(np.cross(ours, theirs), axis=1)
    angle = np.degrees(np.arctan2(cross, np.einsum("ij,ij->i", ours, theirs)))
    return CentreCheck(
        n=int(placed.sum()),
        unplaced=int((~placed).sum()),
        median_m=float(np.median(apart_m)),
        p95_m=float(np.percentile(apart_m, 95)),
        median_deg=float(np.median(angle)),
    )


def centres_agree(stream: KlvStream, tolerance: float) -> Contradiction | None:
    """Compare the sender's own frame centres with our rays, as seen from the sensor."""
    if not np.isfinite(stream.numbers(23)).any():
        return None
    found = check_centre(stream, most=LOOKED_AT)
    if not found.n or found.median_deg <= tolerance:
        return None
    message = (
        f"the stream's own frame centre lies {found.median_deg:.1f} degrees (median of {found.n}) from the ray of its "
        "angles; which of them is right is not known"
    )
    wider = {"gimbal_yaw_deg": found.median_deg, "gimbal_pitch_deg": found.median_deg}
    return Contradiction(kind="centre_disagrees", message=message, at_least=wider)


STREAM_CHECKS: Final[tuple[Check[KlvStream], ...]] = (
    Check(
        name="centre_disagrees",
        compares="frame centre that a stream states and the ray of its angles",
        tolerance=2.0,
        unit="deg",
        source="a sender's terrain (30 m at 1.5 km slant is 1.1 degrees) and its own interpolation; real ones keep 0.1",
        run=centres_agree,
    ),
)
"""Checks of a KLV stream."""
