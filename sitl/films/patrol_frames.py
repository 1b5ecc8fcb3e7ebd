"""Single frames of a simulated patrol, as many as asked for: mostly empty ground, as on real patrols."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.terrain import FlatTerrain
from geo.values import CameraModel, GimbalFrame, Pose
from sitl.films.render import TruthBoxes, render
from sitl.films.render_look import THERMAL, Look
from sitl.films.training_set_file import h264_key_frame
from sitl.films.world import Crowd, World, make_world

if TYPE_CHECKING:
    from numpy.typing import NDArray

CORRIDOR_LAT_LON: Final = ((47.38, 112.56), (47.38, 112.64))
"""Six kilometres of steppe, as in the demo."""
GROUND_HAE_M: Final = 1200.0
HALF_WIDTH_M: Final = 110.0
QUALITY_CRF: Final = 26
_EPOCH_UTC_NS: Final = 1_750_000_000_000_000_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatrolCamera:
    """How the patrol looks at the ground; the defaults are the demo's."""

    width_px: int = 640
    height_px: int = 512
    hfov_deg: float = 32.0
    alt_agl_m: float = 100.0
    depression_deg: float = 40.0
    look: Look = THERMAL


@functools.lru_cache(maxsize=8)
def _world(seed: int) -> World:
    return make_world(
        corridor_lat_lon=np.array(CORRIDOR_LAT_LON),
        terrain=FlatTerrain(height_m=GROUND_HAE_M),
        seed=seed,
        epoch_utc_ns=_EPOCH_UTC_NS,
        crowd=Crowd(half_width_m=HALF_WIDTH_M),
    )


def patrol_frame(seed: int, number: int, camera: PatrolCamera | None = None) -> tuple[NDArray[np.uint8], TruthBoxes]:
    """One frame, through an H.264 key frame, and its truth.

    The aircraft flies south of the corridor and looks across it; frame `number` of world `seed` is
    always the same, at its own place and time, with two degrees of spread in every angle.
    """
    chosen = camera or PatrolCamera()
    rng = np.random.default_rng([seed, number, 77])
    (lat, west), (_, east) = CORRIDOR_LAT_LON
    back_m = chosen.alt_agl_m / np.tan(np.radians(chosen.depression_deg))
    t_utc_ns = _EPOCH_UTC_NS + int(rng.integers(600)) * 1_000_000_000
    pose = Pose(
        t_utc_ns=t_utc_ns,
        lat_deg=lat + (float(rng.uniform(-0.7, 0.7)) * HALF_WIDTH_M - back_m) / 111_180.0,
        lon_deg=float(rng.uniform(west, east)),
        alt_hae_m=GROUND_HAE_M + chosen.alt_agl_m + float(rng.normal(0.0, 3.0)),
        yaw_deg=float(rng.normal(0.0, 2.0)),
        pitch_deg=0.0,
        roll_deg=0.0,
        gimbal_pitch_deg=-chosen.depression_deg + float(rng.normal(0.0, 2.0)),
        gimbal_roll_deg=float(rng.normal(0.0, 2.0)),
        gimbal_frame=GimbalFrame.EARTH,
    )
    model = CameraModel.from_fov(hfov_deg=chosen.hfov_deg, width_px=chosen.width_px, height_px=chosen.height_px)
    image, truth = render(_world(seed), pose, model, t_utc_ns, chosen.look)
    return h264_key_frame(image, crf=QUALITY_CRF), truth
