"""Where the lanes of a patrol lie and how each holds its camera, so that the strips seen close the corridor."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from missions.briefs.camera import GRAZING_DEG
from missions.sight.optics import near_far_m, pixels_m
from missions.sight.pointing import Facing, LaneView, Pointing
from missions.sight.resolution import pixel_asked_m

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from missions.briefs.brief import Brief
    from missions.briefs.camera import Camera

    FloatArray = NDArray[np.float64]

MAX_LANES: Final = 50
"""As many lanes as a brief may ask for."""
CLOSED_M: Final = 1.0
"""Ground narrower than this at the corridor's inner edge is not worth a lane."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Holds:
    """The depressions a camera may be held at, flattest first, and the strip each sees: arrays of one shape."""

    depression_deg: FloatArray
    near_m: FloatArray
    far_m: FloatArray
    lap_m: FloatArray
    """How much of the strip lies over ground already seen."""

    def __len__(self) -> int:
        return len(self.depression_deg)

    def __getitem__(self, part: slice) -> _Holds:
        return _Holds(**{f.name: getattr(self, f.name)[part] for f in dataclasses.fields(self)})


def lane_views(brief: Brief, nearest_m: float, stretch: float) -> tuple[LaneView, ...]:
    """Choose lane distances, sides and depressions so that the strips seen close the corridor.

    With `camera.depression_deg` given every lane holds it. Without, the fewest lanes are taken that
    close the corridor (or `corridor.lanes` of them), and then the steepest common depression with
    which that many still do, each lane held flatter only as far as it must to reach the ground left.
    A steeper camera shows more pixels on a target. Where it costs no lane, the first strip overlaps the
    corridor's outer edge as well: ground that stands higher is seen less far.

    Parameters
    ----------
    nearest_m
        How near to the border a lane may lie, in the plane.
    stretch
        Plane metres a true metre may be.
    """
    depth = brief.corridor.depth_m * stretch
    count = brief.corridor.lanes
    if brief.camera.depression_deg is not None:
        holds = _held(brief, np.array([brief.camera.depression_deg]))
        if count is not None:
            return _spread(holds, nearest_m, depth, count)
        return _walk(holds, brief.corridor.from_m, nearest_m, depth)[0]
    holds = _held(brief, allowed_deg(brief, brief.flight.alt_agl_m, nearest_m - brief.corridor.from_m))
    if count is not None and len(_walk(holds[-1:], brief.corridor.from_m, nearest_m, depth)[0]) < count:
        return _spread(holds[-1:], nearest_m, depth, count)
    fewest = _walk(holds[:1], brief.corridor.from_m, nearest_m, depth)[0][:count]
    most = count or len(fewest)
    for first_lap, steepest in itertools.product((1.0, 0.0), range(len(holds), 0, -1)):
        views, closed = _walk(holds[:steepest], brief.corridor.from_m, nearest_m, depth, first_lap, most)
        if closed:
            return views
    return fewest


def allowed_deg(brief: Brief, alt_agl_m: float, wanted_m: float) -> FloatArray:
    """Return the depressions the planner may choose from, flattest first: never empty, always within the gimbal.

    Whole degrees, because ArduPilot stores no finer gimbal pitch in a mission. No ray of theirs is
    grazing, and at the far edge they show what `resolution` asks. Where it asks nothing, a person
    must be detectable (2 pixels), unless that hides ground `wanted_m` away that a flatter hold sees.
    A resolution no hold can give is left to the finding about it.
    """
    camera = brief.camera
    able = _within_gimbal(camera)
    _, far_px = pixels_m(camera, able, alt_agl_m)
    fine = able[far_px <= pixel_asked_m(brief.resolution)]
    if len(fine) == 0:
        return able
    if brief.resolution is None and near_far_m(camera, fine[0], alt_agl_m)[1] < wanted_m:
        return able
    return fine


def _within_gimbal(camera: Camera) -> FloatArray:
    """Return whole degrees the gimbal can hold without a grazing ray, or the steepest it can where none is whole."""
    low = max(GRAZING_DEG + camera.full_vfov_deg / 2.0, -camera.gimbal_pitch_max_deg)
    high = min(90.0, -camera.gimbal_pitch_min_deg)
    whole = np.arange(math.ceil(low), math.floor(high) + 1, dtype=np.float64)
    return whole if len(whole) else np.array([high])


def _held(brief: Brief, depression_deg: FloatArray) -> _Holds:
    near, far = near_far_m(brief.camera, depression_deg, brief.flight.alt_agl_m)
    lap = (far - near) * brief.corridor.overlap_pct / 100.0
    return _Holds(depression_deg=depression_deg, near_m=near, far_m=far, lap_m=lap)


def _spread(holds: _Holds, nearest_m: float, depth_m: float, count: int) -> tuple[LaneView, ...]:
    """Spread lanes evenly over the corridor, all looking out."""
    pointing = Pointing(facing=Facing.OUT, depression_deg=float(holds.depression_deg[0]))
    step = (depth_m - nearest_m) / max(count - 1, 1)
    return tuple(LaneView(offset_m=nearest_m + k * step, pointing=pointing) for k in range(count))


def _walk(
    holds: _Holds, from_m: float, nearest_m: float, depth_m: float, first_lap: float = 0.0, most: int = MAX_LANES
) -> tuple[tuple[LaneView, ...], bool]:
    """Put each lane where its strip just meets the ground already seen; tell whether so many close the corridor.

    Each is held as steeply as `holds` goes, or flatter where only that reaches the ground already
    seen: looking out while that lane lies in the corridor, else looking in from a lane nearer to the
    border, else looking out from just behind the corridor. The first strip reaches beyond the corridor's
    outer edge by `first_lap` times the overlap, where that can be: the ground there may be higher.
    """
    seen, lanes = from_m, list[LaneView]()
    while seen < depth_m - CLOSED_M and len(lanes) < most:
        lap = holds.lap_m if lanes else first_lap * holds.lap_m
        outward, inward = seen + holds.far_m - lap, seen - holds.near_m - lap
        meets = np.flatnonzero((outward >= nearest_m) | (inward >= nearest_m))
        k = int(meets[-1]) if len(meets) else 0
        near, far, depression = (float(v[k]) for v in (holds.near_m, holds.far_m, holds.depression_deg))
        out, inside = max(nearest_m, float(outward[k])), float(inward[k])
        if out > depth_m and inside >= nearest_m:
            lanes.append(LaneView(offset_m=inside, pointing=Pointing(facing=Facing.IN, depression_deg=depression)))
            seen = inside + far
            continue
        behind = max(depth_m + near, nearest_m)
        pointing = Pointing(facing=Facing.OUT, depression_deg=depression)
        lanes.append(LaneView(offset_m=min(out, behind), pointing=pointing))
        seen = lanes[-1].offset_m - near
        if out >= behind:
            return tuple(lanes), True
    return tuple(lanes), seen >= depth_m - CLOSED_M
