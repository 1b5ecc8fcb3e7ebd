"""Boxes to places on the ground: which pixel stands on it, and how sure that is."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.ground_hits import HIT_ID, GroundHits
from detection.labels import Labels
from geo.accuracy import ce90_m
from geo.geodesy import metres_per_degree
from geo.locate import MAX_RANGE_M, locate
from geo.rays import pixel_directions
from geo.rotation import camera_to_ned
from geo.values import REASONS, CameraModel, Poses, PoseSigmas, Unplaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.values import Detections
    from geo.values import GroundPoints, Pose, Terrain
    from telemetry.videos.frame import Frame

    FloatArray = NDArray[np.float64]

EDGE_SHARE: Final = 0.08
"""One-sigma error of a box edge as a share of the box's height: an assumption of ours (a pixel and a half on a box of
twenty), held up only by the share of hits inside CE90 that simulated films give."""

SIZES_M: Final = {"person": (1.7, 0.5), "vehicle": (1.6, 3.0), "car": (1.6, 3.0), "truck": (2.8, 5.0)}
"""Height, and extent along the ground, by class; the second is the mean of length and width."""
OTHER_SIZE_M: Final = (1.5, 1.5)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What turns pixels into places beside the pose: ground, errors, and how far a ray may go."""

    terrain: Terrain
    sigmas: PoseSigmas = dataclasses.field(default_factory=PoseSigmas)
    max_range_m: float = MAX_RANGE_M
    """Rays longer than this place nothing."""


def place(
    frame: Frame,
    detections: Detections,
    surroundings: Surroundings,
    *,
    class_names: Sequence[str],
    media_id: str = "",
) -> GroundHits:
    """Place every box of one frame on the ground.

    The pixel used is where the thing stands (see `standing_pixels`); its error
    grows with the box. A box that cannot be placed is kept with its reason.

    Parameters
    ----------
    frame
        The picture with its pose, and its lens where the picture states one.
    detections
        Boxes in pixels of that picture.
    surroundings
        Ground, errors of the pose (the frame's own, where its source states any, take their place), and how
        far a ray may go.
    class_names
        Names that `detections.classes` index.
    media_id
        The recording the frame came from; part of every hit's id.
    """
    height_px, width_px = frame.image.shape[:2]
    camera = frame.camera or camera_of(frame.pose, width_px, height_px)
    hits = _unplaced(frame, detections, class_names, media_id, Unplaced.NO_POSE)
    if frame.pose is None or not len(hits):
        return hits
    if camera is None:
        return _unplaced(frame, detections, class_names, media_id, Unplaced.NO_CAMERA)
    if frame.sigmas is not None:
        surroundings = dataclasses.replace(surroundings, sigmas=frame.sigmas)
    points, cov_en = _ground(frame.pose, camera, detections, hits.class_name.texts().tolist(), surroundings)
    count = len(hits)
    placed = points.reason_code[:count] == 0

    var_e, var_n, cov = cov_en[:, 0, 0], cov_en[:, 1, 1], cov_en[:, 0, 1]

    def where(values: FloatArray) -> NDArray[np.float32]:
        return np.where(placed, values[:count], np.nan).astype(np.float32)

    return dataclasses.replace(
        hits,
        reason_code=points.reason_code[:count].astype(np.int8),
        lat_deg=np.where(placed, points.lat_deg[:count], np.nan),
        lon_deg=np.where(placed, points.lon_deg[:count], np.nan),
        alt_hae_m=where(points.alt_hae_m),
        slant_m=where(points.slant_m),
        var_e_m2=where(var_e),
        var_n_m2=where(var_n),
        cov_en_m2=where(cov),
        ce90_m=where(ce90_m(var_e, var_n, cov)),
    )


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
    pose: Pose, camera: CameraModel, detections: Detections, names: Sequence[str], surroundings: Surroundings
) -> tuple[GroundPoints, FloatArray]:
    """Ground points, and covariances east-north (n, 2, 2) with each box's own pixel error added."""
    sigmas = surroundings.sigmas
    uv = standing_pixels(pose, camera, detections.boxes_px, names)
    steps = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    points = locate(
        poses=pose,
        camera=camera,
        uv_px=(uv[None] + steps[:, None]).reshape(-1, 2),
        terrain=surroundings.terrain,
        sigmas=dataclasses.replace(sigmas, pixel_px=0.0),
        max_range_m=surroundings.max_range_m,
    )
    count = len(uv)
    north, east = (float(v) for v in metres_per_degree(pose.lat_deg))
    place_m = np.stack([points.lon_deg * east, points.lat_deg * north], axis=1).reshape(3, count, 2)
    moved = np.nan_to_num(place_m[1:] - place_m[:1])
    heights = (detections.boxes_px[:, 3] - detections.boxes_px[:, 1]).astype(np.float64)
    variance = sigmas.pixel_px**2 + (EDGE_SHARE * heights) ** 2
    own = np.einsum("kni,knj->nij", moved, moved) * variance[:, None, None]
    return points, points.cov_enu_m2[:count, :2, :2] + own


def _unplaced(
    frame: Frame, detections: Detections, class_names: Sequence[str], media_id: str, reason: Unplaced
) -> GroundHits:
    """Boxes of a frame as hits without a place."""
    count = len(detections)
    class_name = Labels(names=tuple(class_names), codes=detections.classes.astype(np.int32))
    boxes: FloatArray = detections.boxes_px.astype(np.float64).round(2)
    scores = np.nan_to_num(np.round(detections.scores.astype(np.float64), 4), nan=0.0, posinf=0.0, neginf=0.0)
    unknown = np.full(count, np.nan, dtype=np.float32)
    return GroundHits(
        hit_id=_ids(frame, class_name, boxes, media_id),
        media=Labels.repeated(media_id, count),
        stream=np.zeros(count, dtype=np.int16),
        frame_index=np.full(count, frame.index, dtype=np.int64),
        media_t_ns=np.full(count, round(frame.pts_s * 1_000_000_000), dtype=np.int64),
        t_utc_ns=np.full(count, frame.t_utc_ns, dtype=np.int64),
        class_name=class_name,
        score_raw=scores.astype(np.float32),
        score=np.round(detections.calibrated(), 4),
        box_px=boxes.astype(np.float32),
        lat_deg=np.full(count, np.nan),
        lon_deg=np.full(count, np.nan),
        alt_hae_m=unknown,
        var_e_m2=unknown,
        var_n_m2=unknown,
        cov_en_m2=unknown,
        ce90_m=unknown,
        slant_m=unknown,
        reason_code=np.full(count, REASONS.index(reason), dtype=np.int8),
        track=Labels.repeated("", count),
    )


def _ids(frame: Frame, class_name: Labels, boxes_px: FloatArray, media_id: str) -> NDArray[np.bytes_]:
    """Ids that are the same whenever the same picture gives the same box: a hash of what is seen where and when."""
    keys = (
        f"{media_id}|{frame.index}|{frame.t_utc_ns}|{class_name[row]}|{x0}|{y0}|{x1}|{y1}|{row}"
        for row, (x0, y0, x1, y1) in enumerate(boxes_px.tolist())
    )
    return np.array([hashlib.sha256(key.encode()).hexdigest()[:20].encode() for key in keys], dtype=HIT_ID)
