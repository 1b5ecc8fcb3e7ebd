"""Boxes to places on the ground: which pixel stands on it, and how sure that is."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import operator
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.ground_hits import HIT_ID, NUMBERS, GroundHits
from detection.labels import Labels
from geo.accuracy import ce90_m
from geo.jacobian import pixel_steps, slopes
from geo.locate import MAX_RANGE_M, locate_directions
from geo.rays import pixel_directions
from geo.rotation import camera_to_ned
from geo.values import REASONS, CameraModel, Poses, PoseSigmas, Unplaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detection.values import Detections
    from geo.values import GimbalFrame, GroundPoints, Pose, Terrain
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
    """Place every box of one frame on the ground: `place_all` for a single picture."""
    return place_all([(frame, detections)], surroundings, class_names=class_names, media_id=media_id)


def place_all(
    seen: Sequence[tuple[Frame, Detections]],
    surroundings: Surroundings,
    *,
    class_names: Sequence[str],
    media_id: str = "",
) -> GroundHits:
    """Place every box of some frames on the ground, all at once.

    The pixel used is where the thing stands (see `standing_pixels`); its error
    grows with the box. A box that cannot be placed is kept with its reason.

    Parameters
    ----------
    seen
        Pictures with their poses, and their lens where they state one; and boxes in pixels of each.
    surroundings
        Ground, errors of the pose (a frame's own, where its source states any, take their place), and how
        far a ray may go.
    class_names
        Names that the boxes' classes index.
    media_id
        The recording the frames came from; part of every hit's id.
    """
    return place_boxes([FrameBoxes.of(frame, found, class_names, media_id) for frame, found in seen], surroundings)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FrameBoxes:
    """The boxes of one picture, and all that placing them needs of it: a picture's pixels need not wait for that."""

    hit_id: NDArray[np.bytes_]
    boxes_px: FloatArray
    """Shape (n, 4), to a hundredth of a pixel."""
    class_name: Labels
    detections: Detections
    media_id: str
    frame_index: int
    media_t_ns: int
    t_utc_ns: int
    pose: Pose | None
    lens: CameraModel | None
    sigmas: PoseSigmas | None
    """Errors of the pose, where its source states any."""

    @classmethod
    def of(cls, frame: Frame, detections: Detections, class_names: Sequence[str], media_id: str) -> FrameBoxes:
        """Give each box of a frame its id."""
        height_px, width_px = frame.image.shape[:2]
        class_name = Labels(names=tuple(class_names), codes=detections.classes.astype(np.int32))
        boxes_px: FloatArray = detections.boxes_px.astype(np.float64).round(2)
        return cls(
            hit_id=_ids(frame, class_name, boxes_px, media_id),
            boxes_px=boxes_px,
            class_name=class_name,
            detections=detections,
            media_id=media_id,
            frame_index=frame.index,
            media_t_ns=round(frame.pts_s * 1_000_000_000),
            t_utc_ns=frame.t_utc_ns,
            pose=frame.pose,
            lens=frame.camera or camera_of(frame.pose, width_px, height_px),
            sigmas=frame.sigmas,
        )

    def __len__(self) -> int:
        return len(self.hit_id)

    @property
    def reason(self) -> Unplaced:
        """Why the boxes have no place, unless they get one."""
        return Unplaced.NO_CAMERA if self.pose is not None and self.lens is None else Unplaced.NO_POSE


def place_boxes(seen: Sequence[FrameBoxes], surroundings: Surroundings) -> GroundHits:
    """Place the boxes of some pictures on the ground, all at once: `place_all` without the pictures."""
    seen = [one for one in seen if len(one)]
    if not seen:
        return GroundHits.of([])
    counts = np.array([len(one) for one in seen], dtype=np.int64)
    hits = _unplaced(seen, counts)
    first = np.cumsum(counts) - counts
    alike: dict[tuple[PoseSigmas, GimbalFrame], list[int]] = {}
    for number, one in enumerate(seen):
        if one.pose is not None and one.lens is not None:
            alike.setdefault((one.sigmas or surroundings.sigmas, one.pose.gimbal_frame), []).append(number)
    for (sigmas, _), numbers in alike.items():
        rows = np.concatenate([np.arange(first[k], first[k] + counts[k]) for k in numbers])
        poses = Poses.of(*(pose for k in numbers if (pose := seen[k].pose) is not None))
        poses = poses.take(np.repeat(np.arange(len(numbers)), counts[numbers]))
        lenses = [(lens, int(counts[k])) for k in numbers if (lens := seen[k].lens) is not None]
        _fill(hits, rows, _Sight(poses=poses, lenses=lenses), dataclasses.replace(surroundings, sigmas=sigmas))
    return hits


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """Where some boxes were seen from, a pose each, and through which lenses: each of so many boxes, one after another.

    A zoom turns while it flies, so that every picture may have a lens of its own; their boxes are placed together.
    """

    poses: Poses
    lenses: Sequence[tuple[CameraModel, int]]

    def directions(self, uv_px: FloatArray) -> FloatArray:
        """Return unit rays in camera axes, shape (3, n)."""
        parts, first = [], 0
        for lens, same in itertools.groupby(self.lenses, key=operator.itemgetter(0)):
            last = first + sum(count for _, count in same)
            parts.append(pixel_directions(lens, uv_px[first:last]))
            first = last
        return np.concatenate(parts, axis=1)

    def focal_px(self) -> FloatArray:
        """Return each box's focal lengths across and down, shape (n, 2)."""
        focal = np.array([(lens.fx_px, lens.fy_px) for lens, _ in self.lenses])
        return np.repeat(focal, [count for _, count in self.lenses], axis=0)


def _fill(hits: GroundHits, rows: NDArray[np.int64], sight: _Sight, surroundings: Surroundings) -> None:
    """Put some hits on the ground, those of one kind of errors."""
    boxes_px = hits.box_px[rows].astype(np.float64)
    points, cov_en = _ground(sight, boxes_px, _sizes_m(hits.class_name.take(rows)), surroundings)
    hits.reason_code[rows] = points.reason_code
    kept = points.reason_code == 0
    rows, cov_en = rows[kept], cov_en[kept]
    for name in ("lat_deg", "lon_deg", "alt_hae_m", "slant_m"):
        getattr(hits, name)[rows] = getattr(points, name)[kept]
    var_e, var_n, cov = cov_en[:, 0, 0], cov_en[:, 1, 1], cov_en[:, 0, 1]
    hits.var_e_m2[rows], hits.var_n_m2[rows], hits.cov_en_m2[rows] = var_e, var_n, cov
    hits.ce90_m[rows] = ce90_m(var_e, var_n, cov)


def _sizes_m(class_name: Labels) -> FloatArray:
    """Return height and extent along the ground of each row's class, shape (n, 2)."""
    table = [*(SIZES_M.get(name, OTHER_SIZE_M) for name in class_name.names), OTHER_SIZE_M]
    return np.array(table)[class_name.codes]


def camera_of(pose: Pose | None, width_px: int, height_px: int) -> CameraModel | None:
    """Build a pinhole from a pose's field of view, or None when it gives none that a pinhole can have."""
    if pose is None or pose.hfov_deg is None or not 0.0 < pose.hfov_deg < 179.0:
        return None
    vfov = pose.vfov_deg if pose.vfov_deg is not None and 0.0 < pose.vfov_deg < 179.0 else None
    return CameraModel.from_fov(hfov_deg=pose.hfov_deg, vfov_deg=vfov, width_px=width_px, height_px=height_px)


def standing_pixels(down: FloatArray, boxes_px: FloatArray, sizes_m: FloatArray) -> FloatArray:
    """Pixel of each box, shape (n, 2), under which its middle stands on the ground.

    A box around an upright thing of height h and ground extent w, seen at
    depression d, is (h cos d + w sin d) high in units of the picture, and the
    middle of its foot lies (w/2) sin d above the lower edge. So the pixel is
    at the share (w/2) sin d / (h cos d + w sin d) of the box's height: the lower
    edge for a level look, the centre for one straight down. The lower edge
    alone would place a vehicle seen from above half its length too near.

    Parameters
    ----------
    down
        Sine of the depression at which the middle of each box is seen, shape (n,).
    boxes_px
        Shape (n, 4).
    sizes_m
        Height, and extent along the ground, shape (n, 2).
    """
    sin_d = np.clip(np.nan_to_num(down), 0.0, 1.0)
    extent = sizes_m[:, 1] * sin_d
    share = 0.5 * extent / (sizes_m[:, 0] * np.sqrt(1.0 - sin_d**2) + extent)
    u = (boxes_px[:, 0] + boxes_px[:, 2]) / 2.0
    return np.stack([u, boxes_px[:, 3] - share * (boxes_px[:, 3] - boxes_px[:, 1])], axis=1)


def _ground(
    sight: _Sight, boxes_px: FloatArray, sizes_m: FloatArray, surroundings: Surroundings
) -> tuple[GroundPoints, FloatArray]:
    """Ground points, and covariances east-north (n, 2, 2) with each box's own pixel error added."""
    sigmas, terrain, reach_m = surroundings.sigmas, surroundings.terrain, surroundings.max_range_m
    poses = sight.poses
    centres = (boxes_px[:, :2] + boxes_px[:, 2:]) / 2.0
    down = np.einsum("ni,in->n", camera_to_ned(poses)[:, 2], sight.directions(centres))
    uv = standing_pixels(down, boxes_px, sizes_m)
    rays = sight.directions(uv)
    points = locate_directions(
        poses=poses,
        directions=rays,
        terrain=terrain,
        sigmas=dataclasses.replace(sigmas, pixel_px=0.0),
        max_range_m=reach_m,
    )
    steps = pixel_steps(poses, rays, points.slant_m, slopes(terrain, points.lat_deg, points.lon_deg))
    moved = np.nan_to_num(steps / sight.focal_px().T[:, :, None])
    variance = sigmas.pixel_px**2 + (EDGE_SHARE * (boxes_px[:, 3] - boxes_px[:, 1])) ** 2
    own = np.einsum("kni,knj->nij", moved, moved) * variance[:, None, None]
    return points, points.cov_enu_m2[:, :2, :2] + own


def _unplaced(seen: Sequence[FrameBoxes], counts: NDArray[np.int64]) -> GroundHits:
    """Boxes of some frames, each with as many as `counts` says, as hits without a place."""
    scores = np.concatenate([one.detections.scores for one in seen]).astype(np.float64)
    chances = np.concatenate([one.detections.calibrated() for one in seen])
    whole: dict[str, NDArray[np.generic]] = {
        name: np.repeat(np.array(values, dtype=kind), counts)
        for name, values, kind in (
            ("frame_index", [one.frame_index for one in seen], np.int64),
            ("media_t_ns", [one.media_t_ns for one in seen], np.int64),
            ("t_utc_ns", [one.t_utc_ns for one in seen], np.int64),
            ("reason_code", [REASONS.index(one.reason) for one in seen], np.int8),
        )
    }
    count = len(scores)
    unknown: dict[str, NDArray[np.generic]] = {
        name: np.full(count, np.nan, dtype=NUMBERS[name])
        for name in (
            "lat_deg", "lon_deg", "alt_hae_m", "var_e_m2", "var_n_m2", "cov_en_m2", "ce90_m", "slant_m",
        )
    }  # fmt: skip
    return GroundHits(
        hit_id=np.concatenate([one.hit_id for one in seen]),
        media=Labels.of(one.media_id for one in seen).take(np.repeat(np.arange(len(seen)), counts)),
        stream=np.zeros(count, dtype=np.int16),
        class_name=Labels.concat([one.class_name for one in seen]),
        score_raw=np.nan_to_num(np.round(scores, 4), nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32),
        score=np.round(chances, 4),
        contrast=np.concatenate([one.detections.contrasts() for one in seen]),
        box_px=np.concatenate([one.boxes_px for one in seen]).astype(np.float32),
        track=Labels.repeated("", count),
        **whole,  # type: ignore[arg-type]
        **unknown,  # type: ignore[arg-type]
    )


def _ids(frame: Frame, class_name: Labels, boxes_px: FloatArray, media_id: str) -> NDArray[np.bytes_]:
    """Ids that are the same whenever the same picture gives the same box: a hash of what is seen where and when."""
    if not len(class_name):
        return np.zeros(0, dtype=HIT_ID)
    begun = hashlib.sha256(f"{media_id}|{frame.index}|{frame.t_utc_ns}|".encode())
    edge = iter(_texts(boxes_px))
    digests = []
    for row, (name, x0, y0, x1, y1) in enumerate(zip(class_name.texts().tolist(), edge, edge, edge, edge, strict=True)):
        one = begun.copy()
        one.update(f"{name}|{x0}|{y0}|{x1}|{y1}|{row}".encode())
        digests.append(one.digest()[:10])
    return np.frombuffer(b"".join(digests).hex().encode("ascii"), dtype=HIT_ID)


def _texts(hundredths: FloatArray) -> list[str]:
    """Return the shortest text of each number of an array, one row after another; all are whole hundredths.

    What a picture's pixels can be is looked up, whole part and hundredths apart: a third of the time of writing it.
    """
    if np.signbit(hundredths).any() or not (hundredths < len(_WHOLE)).all():
        return list(map(repr, hundredths.ravel().tolist()))
    whole, part = np.divmod(np.rint(hundredths.ravel() * 100.0).astype(np.int64), 100)
    return [_WHOLE[w] + _PART[p] for w, p in zip(whole.tolist(), part.tolist(), strict=True)]


_WHOLE: Final = tuple(map(str, range(8193)))
_PART: Final = tuple(repr(part / 100.0)[1:] for part in range(100))
