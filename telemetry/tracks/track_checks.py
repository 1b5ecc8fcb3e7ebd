"""A pose track held against what else its source says, against other sources, and against the ground."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.geodesy import wrap_longitude_deg
from geo.values import GimbalFrame
from telemetry.tracks.contradictions import Check, Contradiction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.values import FloatArray, Terrain
    from telemetry.tracks.pose_track import PoseTrack

LOWEST_AMSL_M: Final = -550.0
HIGHEST_AMSL_M: Final = 25_000.0
"""The shore of the Dead Sea (-440 m) less the largest undulation (107 m); and over the highest senders of ST 0601."""
MANY: Final = 2000
"""Samples looked at: more of them tell nothing new."""
NEAR_HOME_M: Final = 1000.0
"""How far from the first position the take-off point may lie, when only heights over it are known."""
_M_PER_DEG: Final = 111_319.5
_TURN_DEG: Final = 40.0
"""Turning that two yaws have to show before their senses are compared."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrackEvidence:
    """A track, other tracks of the same flight, and the ground (None: not known)."""

    track: PoseTrack
    others: tuple[PoseTrack, ...] = ()
    terrain: Terrain | None = None

    def rows(self) -> NDArray[np.int64]:
        """Return the numbers of evenly chosen samples."""
        count = len(self.track)
        return (
            np.unique(np.linspace(0, count - 1, min(count, MANY)).astype(np.int64))
            if count
            else np.empty(0, dtype=np.int64)
        )


def _apart_m(track: PoseTrack, lat: FloatArray, lon: FloatArray) -> FloatArray:
    east = wrap_longitude_deg(lon - track.lon_deg) * _M_PER_DEG * np.cos(np.radians(track.lat_deg))
    return np.hypot((lat - track.lat_deg) * _M_PER_DEG, east)


def altitude_possible(evidence: TrackEvidence, tolerance: float) -> Contradiction | None:
    """Refuse heights where no aircraft flies."""
    alt = evidence.track.alt_amsl_m
    alt = alt[np.isfinite(alt)]
    if not len(alt):
        return None
    middle = float(np.median(alt))
    if LOWEST_AMSL_M - tolerance <= middle <= HIGHEST_AMSL_M + tolerance:
        return None
    text = f"the heights lie at {middle:.0f} m over mean sea level, where no such aircraft flies"
    return Contradiction(kind="altitude_impossible", message=text, unplaced=text)


def heights_agree(evidence: TrackEvidence, tolerance: float) -> Contradiction | None:
    """Compare absolute and relative heights: the take-off point that they imply does not move."""
    home = _home_amsl_m(evidence.track)
    if len(home) < 2:  # noqa: PLR2004
        return None
    low, high = np.percentile(home, [5, 95])
    spread = float(high - low)
    if spread <= tolerance:
        return None
    text = (
        f"absolute and relative heights disagree: the take-off point they imply moves by {spread:.0f} m "
        f"({low:.0f} to {high:.0f} m)"
    )
    return Contradiction(kind="heights_disagree", message=text, at_least={"position_v_m": spread / 2.0})


def _home_amsl_m(track: PoseTrack) -> FloatArray:
    relative = track.beside.get("alt_rel_home_m")
    if relative is None:
        return np.empty(0)
    home = track.alt_amsl_m - relative
    return home[np.isfinite(home)]


def home_on_ground(evidence: TrackEvidence, tolerance: float) -> Contradiction | None:
    """Look for the take-off point that the heights imply on the ground near by."""
    home = _home_amsl_m(evidence.track)
    if not len(home) or evidence.terrain is None:
        return None
    track = evidence.track
    lat, lon = float(track.lat_deg[0]), float(track.lon_deg[0])
    undulation = float(np.nanmedian(track.alt_hae_m - track.alt_amsl_m))
    found = ground_near(evidence.terrain, lat, lon)
    return off_ground(float(np.median(home)) + undulation, found, tolerance)


def ground_near(terrain: Terrain, lat_deg: float, lon_deg: float) -> FloatArray:
    """Return ground heights over the ellipsoid on a grid within `NEAR_HOME_M`, NaN where unknown."""
    steps = np.linspace(-NEAR_HOME_M, NEAR_HOME_M, 21)
    north, east = np.meshgrid(steps, steps)
    lat = lat_deg + north.ravel() / _M_PER_DEG
    lon = lon_deg + east.ravel() / (_M_PER_DEG * max(np.cos(np.radians(lat_deg)), 1e-3))
    return np.asarray(terrain.height_hae_m(np.clip(lat, -90.0, 90.0), wrap_longitude_deg(lon)))


def off_ground(home_hae_m: float, ground_hae_m: FloatArray, tolerance: float) -> Contradiction | None:
    """Say how far an implied take-off point is from any ground near by."""
    known = ground_hae_m[np.isfinite(ground_hae_m)]
    if len(known) < len(ground_hae_m) // 2 or not np.isfinite(home_hae_m):
        return None
    low, high = float(known.min()), float(known.max())
    off = max(low - home_hae_m, home_hae_m - high)
    if off <= tolerance:
        return None
    where = "below" if home_hae_m < low else "above"
    text = (
        f"absolute and relative heights put the take-off point {off:.0f} m {where} all ground within "
        f"{NEAR_HOME_M:.0f} m; one of the heights, their datum, or the terrain's is wrong"
    )
    return Contradiction(kind="height_off_ground", message=text, at_least={"position_v_m": off})


def above_ground(evidence: TrackEvidence, tolerance: float) -> Contradiction | None:
    """Compare heights with the ground under the aircraft."""
    if evidence.terrain is None:
        return None
    rows = evidence.rows()
    track = evidence.track
    ground = np.asarray(evidence.terrain.height_hae_m(track.lat_deg[rows], track.lon_deg[rows]))
    over = track.alt_hae_m[rows] - ground
    over = over[np.isfinite(over)]
    if len(over) < max(1, len(rows) // 2):
        return None
    under = -float(np.percentile(over, 10))
    if under <= tolerance:
        return None
    text = f"a tenth of the track lies {under:.0f} m and more under the ground; its heights or their datum are wrong"
    return Contradiction(kind="below_ground", message=text, at_least={"position_v_m": under})


def agl_agrees(evidence: TrackEvidence, tolerance: float) -> Contradiction | None:
    """Compare a stated height over the ground with absolute height and terrain."""
    stated = evidence.track.beside.get("agl_m")
    if stated is None or evidence.terrain is None:
        return None
    rows = evidence.rows()
    track = evidence.track
    ground = np.asarray(evidence.terrain.height_hae_m(track.lat_deg[rows], track.lon_deg[rows]))
    off = track.alt_hae_m[rows] - ground - stated[rows]
    off = off[np.isfinite(off)]
    if not len(off) or abs(float(np.median(off))) <= tolerance:
        return None
    middle = float(np.median(off))
    text = f"the stated height over the ground is {-middle:+.0f} m from absolute height and terrain"
    return Contradiction(kind="agl_disagrees", message=text, at_least={"position_v_m": abs(middle)})


def receivers_agree(evidence: TrackEvidence, tolerance: float) -> Contradiction | None:
    """Compare the position that flies the aircraft with a receiver's own or a second receiver's."""
    track = evidence.track
    lat, lon = track.beside.get("gps_lat_deg"), track.beside.get("gps_lon_deg")
    if lat is None or lon is None:
        return None
    apart = _apart_m(track, lat, lon)
    return _positions_apart(apart[np.isfinite(apart)], tolerance, "a GPS receiver's own fixes", "gps_disagree")


def sources_agree(evidence: TrackEvidence, tolerance: float) -> Contradiction | None:
    """Compare two sources of one flight where they overlap in time."""
    for other in evidence.others:
        poses, _ = other.at(evidence.track.t_utc_ns[evidence.rows()])
        here, _ = evidence.track.at(evidence.track.t_utc_ns[evidence.rows()])
        east = wrap_longitude_deg(poses.lon_deg - here.lon_deg) * _M_PER_DEG * np.cos(np.radians(here.lat_deg))
        apart = np.hypot((poses.lat_deg - here.lat_deg) * _M_PER_DEG, east)
        found = _positions_apart(apart[np.isfinite(apart)], tolerance, other.source, "sources_disagree")
        if found is not None:
            return found
    return None


def _positions_apart(apart: FloatArray, tolerance: float, what: str, kind: str) -> Contradiction | None:
    if len(apart) < 3 or float(np.median(apart)) <= tolerance:  # noqa: PLR2004
        return None
    middle = float(np.median(apart))
    text = f"the track lies {middle:.0f} m (median) from {what}; which of them is right is not known"
    return Contradiction(kind=kind, message=text, at_least={"position_h_m": middle})


def angles_stated(evidence: TrackEvidence, tolerance: float) -> Contradiction | None:
    """Refuse camera angles that are all zero: a camera is never level and due north to the last digit."""
    track = evidence.track
    if track.gimbal_frame is not GimbalFrame.EARTH or len(track) < 2:  # noqa: PLR2004
        return None
    angles = np.stack([track.gimbal_yaw_deg, track.gimbal_pitch_deg, track.gimbal_roll_deg])
    known = np.isfinite(angles).all(axis=0)
    if not known.any() or float(np.abs(angles[:, known]).max()) > tolerance:
        return None
    text = "the camera's angles are zero in every sample: the aircraft does not state them"
    return Contradiction(kind="zero_angles", message=text, unplaced=text)


def yaws_agree(evidence: TrackEvidence, tolerance: float) -> Contradiction | None:
    """Compare how camera and airframe turn: another sense of yaw shows as turning against each other."""
    track = evidence.track
    if track.gimbal_frame is not GimbalFrame.EARTH:
        return None
    known = np.isfinite(track.yaw_deg) & np.isfinite(track.gimbal_yaw_deg)
    if int(known.sum()) < 20:  # noqa: PLR2004
        return None
    body = np.unwrap(track.yaw_deg[known], period=360.0)
    camera = np.unwrap(track.gimbal_yaw_deg[known], period=360.0)
    if min(float(np.ptp(body)), float(np.ptp(camera))) < _TURN_DEG:
        return None
    agreement = float(np.corrcoef(body, camera)[0, 1])
    if agreement >= -tolerance:
        return None
    text = (
        f"the camera's yaw turns against the airframe's (correlation {agreement:.2f}): one of them counts the other way"
    )
    return Contradiction(kind="yaw_sense", message=text, unplaced=text)


TRACK_CHECKS: Final[tuple[Check[TrackEvidence], ...]] = (
    Check(
        name="altitude_impossible",
        compares="height over mean sea level and where aircraft fly",
        tolerance=0.0,
        unit="m",
        source="shore of the Dead Sea and the farthest geoid; the highest senders of ST 0601",
        run=altitude_possible,
    ),
    Check(
        name="heights_disagree",
        compares="absolute height and height over the take-off point",
        tolerance=15.0,
        unit="m",
        source="barometric drift over a flight (4 hPa an hour is 30 m an hour; a clip is minutes) and GPS height noise",
        run=heights_agree,
    ),
    Check(
        name="height_off_ground",
        compares="absolute less relative height, and the ground near the take-off point",
        tolerance=15.0,
        unit="m",
        source="GPS height 3 sigma (3 m each), terrain 2 sigma (4 m), a launch from a roof",
        run=home_on_ground,
    ),
    Check(
        name="below_ground",
        compares="absolute height and terrain",
        tolerance=10.0,
        unit="m",
        source="GPS height and terrain, 3 sigma together (SRTM: 16 m at 90 %, NASA)",
        run=above_ground,
    ),
    Check(
        name="agl_disagrees",
        compares="stated height over the ground, and absolute height and terrain",
        tolerance=20.0,
        unit="m",
        source="as for heights off the ground, with vegetation",
        run=agl_agrees,
    ),
    Check(
        name="gps_disagree",
        compares="fused position and a receiver's own, or a second receiver's",
        tolerance=15.0,
        unit="m",
        source="two receivers at 2.5 m CEP each, 3 sigma, and their antennas' distance",
        run=receivers_agree,
    ),
    Check(
        name="sources_disagree",
        compares="positions of two sources of one flight at one time",
        tolerance=30.0,
        unit="m",
        source="two receivers, and a second of flight at 15 m/s",
        run=sources_agree,
    ),
    Check(
        name="zero_angles",
        compares="camera angles and zero",
        tolerance=0.0,
        unit="deg",
        source="a gimbal's own noise is 0.01 degrees",
        run=angles_stated,
    ),
    Check(
        name="yaw_sense",
        compares="yaw of airframe and camera while turning",
        tolerance=0.8,
        unit="correlation",
        source="a camera that follows turns with correlation near 1; one that pans freely, near 0",
        run=yaws_agree,
    ),
)
"""Checks of a whole track, in the order they are run."""
