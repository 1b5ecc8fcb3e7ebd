"""Boxes to places on the ground: which pixel stands on it, and how sure that is."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.values import Detections, GroundHit
from geo.accuracy import ce90_m
from geo.geodesy import metres_per_degree
from geo.locate import MAX_RANGE_M, locate
from geo.rays import pixel_directions
from geo.rotation import camera_to_ned
from geo.values import CameraModel, GroundPoints, Pose, Poses, PoseSigmas, Terrain, Unplaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from telemetry.videos.frame import Frame

    FloatArray = NDArray[np.float64]

EDGE_SHARE: Final = 0.08
"""One-sigma error of a box edge as a share of the box's height: an assumption of ours (a pixel and a half on a box of
twenty), held up only by the share of hits inside CE90 that simulated films give."""

SIZES_M: Final = {"person": (1.7, 0.5), "vehicle": (1.6, 3.0), "car": (1.6, 3.0), "truck": (2.8, 5.0)}
"""Height, and extent along the ground, by class; the second is the mean of length and width."""
OTHER_SIZE_M: Final = (1.5, 1.5)


def place(
    frame: Frame,
    detections: Detections,
    camera: CameraModel | None,
    terrain: Terrain,
    sigmas: PoseSigmas,
    *,
    class_names: Sequence[str],
    media_sha256: str = "",
    max_range_m: float = MAX_RANGE_M,
) -> list[GroundHit]:
    """Place every box of one frame on the ground.

    The pixel used is where the thing stands (see `standing_pixels`); its error
    grows with the box. A box that cannot be placed is kept with its reason.

    Parameters
    ----------
    frame
        The picture with its pose.
    detections
        Boxes in pixels of that picture.
    camera
        Lens model; None builds a pinhole from the pose's field of view.
    terrain
        Ground heights above the ellipsoid.
    sigmas
        One-sigma errors of the pose.
    class_names
        Names that `detections.classes` index.
    media_sha256
        Hash of the original the frame came from; part of every hit's id.
    max_range_m
        Rays longer than this place nothing.
    """
    height_px, width_px = frame.image.shape[:2]
    camera = camera or camera_of(frame.pose, width_px, height_px)
    names = [class_names[int(number)] for number in detections.classes]
    if frame.pose is None or camera is None:
        reason = Unplaced.NO_POSE if frame.pose is None else Unplaced.NO_CAMERA
        return [_hit(frame, detections, row, names[row], media_sha256, reason) for row in range(len(names))]
    if not names:
        return []
    points, cov_en = _ground(frame.pose, camera, detections, names, terrain, sigmas, max_range_m)
    radius = ce90_m(cov_en[:, 0, 0], cov_en[:, 1, 1], cov_en[:, 0, 1])
    hits = []
    for row, name in enumerate(names):
        hit = _hit(frame, detections, row, name, media_sha256, points.reason(row))
        if hit.reason is None:
            hit = dataclasses.replace(
                hit,
                lat_deg=float(points.lat_deg[row]),
                lon_deg=float(points.lon_deg[row]),
                alt_hae_m=float(points.alt_hae_m[row]),
                slant_m=float(points.slant_m[row]),
                ce90_m=float(radius[row]),
                var_e_m2=float(cov_en[row, 0, 0]),
                var_n_m2=float(cov_en[row, 1, 1]),
                cov_en_m2=float(cov_en[row, 0, 1]),
            )
        hits.append(hit)
    return hits


def camera_of(pose: Pose | None, width_px: int, height_px: int) -> CameraModel | None:
    """Build a pinhole from a pose's field of view, or None when it gives none that a pinhole can have."""
    if pose is None or pose.hfov_deg is None or not 0.0 < pose.hfov_deg < 179.0:
        return None
    vfov = pose.vfov_deg if pose.vfov_deg is not None and 0.0 < pose.vfov_deg < 179.0 else None
    return CameraModel.from_fov(hfov_deg=pose.hfov_deg, vfov_deg=vfov, width_px=width_px, height_px=height_px)


def standing_pixels(
    pose: Pose, camera: CameraModel, boxes_px: NDArray[np.floating], names: Sequence[str]
) -> FloatArray:
    """Pixel of each box, shape (n, 2), under which its middle stands on the ground.

    A box around an upright thing of height h and ground extent w, seen at
    depression d, is (h cos d + w sin d) high in units of the picture, and the
    middle of its foot lies (w/2) sin d above the lower edge. So the pixel is
    at the share (w/2) sin d / (h cos d + w sin d) of the box's height: the lower
    edge for a level look, the centre for one straight down. The lower edge
    alone would place a vehicle seen from above half its length too near.
    """
    boxes = np.asarray(boxes_px, dtype=np.float64)
    sizes = np.array([SIZES_M.get(name, OTHER_SIZE_M) for name in names]).reshape(-1, 2)
    u = (boxes[:, 0] + boxes[:, 2]) / 2.0
    centres = np.stack([u, (boxes[:, 1] + boxes[:, 3]) / 2.0], axis=1)
    down = (camera_to_ned(Poses.of(pose))[0] @ pixel_directions(camera, centres))[2]
    sin_d = np.clip(np.nan_to_num(down), 0.0, 1.0)
    extent = sizes[:, 1] * sin_d
    share = 0.5 * extent / (sizes[:, 0] * np.sqrt(1.0 - sin_d**2) + extent)
    return np.stack([u, boxes[:, 3] - share * (boxes[:, 3] - boxes[:, 1])], axis=1)


def _ground(
    pose: Pose,
    camera: CameraModel,
    detections: Detections,
    names: Sequence[str],
    terrain: Terrain,
    sigmas: PoseSigmas,
    max_range_m: float,
) -> tuple[GroundPoints, FloatArray]:
    """Ground points, and covariances east-north (n, 2, 2) with each box's own pixel error added."""
    uv = standing_pixels(pose, camera, detections.boxes_px, names)
    steps = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    points = locate(
        poses=pose,
        camera=camera,
        uv_px=(uv[None] + steps[:, None]).reshape(-1, 2),
        terrain=terrain,
        sigmas=dataclasses.replace(sigmas, pixel_px=0.0),
        max_range_m=max_range_m,
    )
    count = len(uv)
    north, east = (float(v) for v in metres_per_degree(pose.lat_deg))
    place_m = np.stack([points.lon_deg * east, points.lat_deg * north], axis=1).reshape(3, count, 2)
    moved = np.nan_to_num(place_m[1:] - place_m[:1])
    heights = (detections.boxes_px[:, 3] - detections.boxes_px[:, 1]).astype(np.float64)
    variance = sigmas.pixel_px**2 + (EDGE_SHARE * heights) ** 2
    own = np.einsum("kni,knj->nij", moved, moved) * variance[:, None, None]
    return points, points.cov_enu_m2[:count, :2, :2] + own


def _hit(
    frame: Frame, detections: Detections, row: int, name: str, media_sha256: str, reason: Unplaced | None
) -> GroundHit:
    x0, y0, x1, y1 = (round(float(v), 2) for v in detections.boxes_px[row])
    score = round(float(detections.scores[row]), 4)
    key = f"{media_sha256}|{frame.index}|{frame.t_utc_ns}|{name}|{x0}|{y0}|{x1}|{y1}|{row}"
    return GroundHit(
        hit_id=hashlib.sha256(key.encode()).hexdigest()[:20],
        media_sha256=media_sha256,
        frame_index=frame.index,
        t_utc_ns=frame.t_utc_ns,
        class_name=name,
        score=score if math.isfinite(score) else 0.0,
        box_px=(x0, y0, x1, y1),
        reason=reason,
    )
