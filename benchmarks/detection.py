"""Speed of the detector, of merging tiles, and of placing and following boxes."""

from __future__ import annotations

import math
import time
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import Absent, Row, beside, best_of
from detection.boxes import Overlap, suppress
from detection.georeference import Surroundings, place_all
from detection.ground_tiling import PERSON_MIN_PX, plan_tiles
from detection.ground_tracker import track
from detection.model_manifest_file import default_model
from detection.onnx_detector import OnnxDetector
from detection.sheets import laid_out
from detection.values import Detections
from geo.rays import pixel_directions
from geo.terrain import FlatTerrain
from geo.values import CameraModel, GimbalFrame, Pose
from sitl.films.downlink_file import frame_times, interpolate_vehicle, pose_of
from sitl.films.render import render
from sitl.films.render_look import THERMAL
from sitl.films.world import Crowd, World, make_world
from telemetry.videos.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

T0 = 1_750_000_000_000_000_000
GROUND = FlatTerrain(height_m=180.0)
CAMERA = CameraModel.from_fov(hfov_deg=35.0, width_px=640, height_px=512)


def _world(seed: int) -> World:
    return make_world(
        corridor_lat_lon=np.array([[52.0, 23.5], [52.0, 23.56]]),
        terrain=GROUND,
        seed=seed,
        epoch_utc_ns=T0,
        crowd=Crowd(groups_per_km=12.0, vehicles_per_km=5.0),
    )


def _flight(depression_deg: float, seconds: float = 100.0) -> dict[str, np.ndarray]:
    """Straight east at 12 m/s and 100 m, the camera looking north."""
    count = int(seconds * 10) + 1
    rows = np.arange(count)
    return {
        "t_utc_ns": T0 + rows * 100_000_000,
        "lat_deg": np.full(count, 52.0 - 100.0 / np.tan(np.radians(depression_deg)) / 111_260.0),
        "lon_deg": 23.5 + 1.2 * rows / 68_600.0,
        "alt_hae_m": np.full(count, 280.0),
        "yaw_deg": 90.0 + 2.0 * np.sin(rows / 30.0),
        "pitch_deg": np.full(count, -3.0),
        "roll_deg": 2.0 * np.sin(rows / 17.0),
        "gimbal_yaw_deg": np.zeros(count),
        "gimbal_pitch_deg": np.full(count, -depression_deg),
    }


def _speed() -> list[Row | Absent]:
    vehicle = _flight(45.0)
    times = frame_times(vehicle, Fraction(1), None, None)
    true = interpolate_vehicle(vehicle, times)
    world = _world(1)
    pictures = [render(world, pose_of(true, k, int(times[k])), CAMERA, int(times[k]), THERMAL)[0] for k in range(8)]
    detector = OnnxDetector(default_model())
    detector.detect(pictures[:1])
    ours = best_of(lambda: [detector.detect([picture]) for picture in pictures]) / len(pictures) * 1e3
    drawn = best_of(lambda: render(world, pose_of(true, 9, int(times[9])), CAMERA, int(times[9]), THERMAL)) * 1e3
    rows = [Row(what="draw a 640 x 512 infrared picture", ours=drawn, rival=20.0, rival_name="budget", unit="ms")]
    rows.append(Row(what="detect, 640 x 512", ours=ours, rival=60.0, rival_name="limit", unit="ms"))
    return [*rows, *beside("ultralytics", lambda: [_by_ultralytics(pictures, ours)])]


def _by_ultralytics(pictures: list[NDArray[np.uint8]], ours: float) -> Row:
    """Look at the same pictures with the same model by ultralytics."""
    from ultralytics import YOLO

    model = YOLO(str(default_model()), task="detect")
    swapped = [np.ascontiguousarray(picture[..., ::-1]) for picture in pictures]
    model.predict(swapped[0], imgsz=(512, 640), verbose=False)
    rival = best_of(lambda: [model.predict(p, imgsz=(512, 640), verbose=False) for p in swapped]) / len(pictures) * 1e3
    return Row(what="detect, 640 x 512", ours=ours, rival=rival, rival_name="ultralytics", unit="ms")


def _merging() -> list[Row | Absent]:
    """100 000 boxes of four overlapping tiles of a large picture."""
    rng = np.random.default_rng(4)
    corner = np.repeat(rng.uniform((0, 0), (3800, 2100), (25_000, 2)), 4, axis=0) + rng.normal(0.0, 1.0, (100_000, 2))
    boxes = np.hstack([corner, corner + rng.uniform(10, 16, (100_000, 2))])
    scores, classes = rng.random(100_000), np.zeros(100_000, np.int64)
    ours = best_of(lambda: suppress(boxes, scores, classes, threshold=0.6, by=Overlap.SMALLER, most=10**6))
    rows = [Row(what="merge 100 000 boxes", ours=ours, rival=0.2, rival_name="budget", unit="s")]
    few = slice(0, 5000)

    def by_supervision() -> Row:
        import supervision

        held = np.hstack([boxes[few], scores[few, None]])
        rival = best_of(lambda: supervision.box_non_max_suppression(held, 0.6), 1)
        mine = best_of(lambda: suppress(boxes[few], scores[few], classes[few], threshold=0.6, most=10**6))
        return Row(what="merge 5000 boxes", ours=mine, rival=rival, rival_name="supervision NMS", unit="s")

    return [*rows, *beside("supervision", lambda: [by_supervision()])]


def _tiles() -> list[Row]:
    """Looks of the network at a 3840 x 2160 picture from 100 m, against a grid of 640 x 512 with a fifth of overlap.

    A glance, and one closer look at all that was seen.
    """
    camera = CameraModel.from_fov(hfov_deg=50.0, width_px=3840, height_px=2160)
    grid = math.ceil((3840 - 640) / 512 + 1) * math.ceil((2160 - 512) / 409.6 + 1)
    rows = []
    for down in (60.0, 45.0, 25.0, 15.0):
        pose = Pose(
            t_utc_ns=0, lat_deg=52.0, lon_deg=23.5, alt_hae_m=280.0, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0,
            gimbal_pitch_deg=-down, gimbal_frame=GimbalFrame.EARTH,
        )  # fmt: skip
        plan = plan_tiles(pose, camera, GROUND, input_px=(640, 512), person_min_px=PERSON_MIN_PX, glance=True)
        looks = len(laid_out(plan.tiles, (640, 512))) + 1
        what = f"looks at a 4K picture, {down:g} degrees down"
        rows.append(Row(what=what, ours=looks, rival=grid, rival_name="full-scale grid (SAHI)", unit="looks"))
    return rows


def _wandering(many: int, frames: int) -> list[tuple[Frame, Detections]]:
    """Return pictures with many boxes that wander about."""
    rng = np.random.default_rng(8)
    middle, speed = rng.uniform((40, 40), (600, 470), (many, 2)), rng.normal(0.0, 1.5, (many, 2))
    pose = Pose(
        t_utc_ns=T0, lat_deg=52.0, lon_deg=23.5, alt_hae_m=280.0, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0,
        gimbal_pitch_deg=-45.0, gimbal_frame=GimbalFrame.EARTH, hfov_deg=35.0,
    )  # fmt: skip
    image = np.broadcast_to(np.zeros(1, np.uint8), (512, 640, 3))
    taken = []
    for k in range(frames):
        at = middle + speed * k + rng.normal(0.0, 0.5, (many, 2))
        boxes = np.hstack([at - (2, 5), at + (2, 5)]).astype(np.float32)
        found = Detections(boxes_px=boxes, classes=np.zeros(many, np.int64), scores=np.full(many, 0.8, np.float32))
        t_utc_ns = T0 + k * 333_333_333
        taken.append((Frame(index=k, pts_s=Fraction(k, 3), t_utc_ns=t_utc_ns, image=image, pose=pose), found))

    return taken


def _following(many: int, frames: int) -> list[Row | Absent]:
    """Hits a second of processor time: placed with covariances over terrain, followed, and both."""
    taken, around = _wandering(many, frames), Surroundings(terrain=GROUND)
    hits = place_all(taken, around, class_names=("person",))

    def rate(function: Callable[[], object], repeats: int = 7) -> float:
        return many * frames / best_of(function, repeats, time.process_time)

    def row(what: str, ours: float, rival: float, name: str) -> Row:
        told = f"{what}, {many} boxes a picture"
        return Row(what=told, ours=ours, rival=rival, rival_name=name, unit="hits/CPU-s", higher_is_better=True)

    placing = rate(lambda: place_all(taken, around, class_names=("person",)))
    following = rate(lambda: track(hits))
    both = 1.0 / (1.0 / placing + 1.0 / following)
    rows = [row("place", placing, 1e5, "goal"), row("follow", following, 1e5, "goal")]
    rows.append(row("place and follow", both, 1e5, "goal"))
    on_ellipsoid = "pymap3d, one call a picture, no terrain, no covariance, no ids"

    def by_pymap3d() -> Row:
        return row("place", placing, rate(lambda: _on_the_ellipsoid(taken)), on_ellipsoid)

    def by_trackers() -> Row:
        return row("follow", following, rate(lambda: _in_the_picture(taken), 2), "ByteTrack of trackers")

    return [*rows, *beside("pymap3d", lambda: [by_pymap3d()]), *beside("trackers", lambda: [by_trackers()])]


def _on_the_ellipsoid(taken: list[tuple[Frame, Detections]]) -> None:
    """Place the boxes' feet as pymap3d does: a line of sight meets the ellipsoid."""
    from pymap3d.los import lookAtSpheroid

    for frame, found in taken:
        u = (found.boxes_px[:, 0] + found.boxes_px[:, 2]) / 2.0
        forward, right, down = pixel_directions(CAMERA, np.stack([u, found.boxes_px[:, 3]], axis=1).astype(float))
        pose = frame.pose
        pitch = np.radians(-pose.gimbal_pitch_deg)
        level, sink = forward * np.cos(pitch) - down * np.sin(pitch), forward * np.sin(pitch) + down * np.cos(pitch)
        azimuth = np.degrees(np.arctan2(right, level)) % 360.0
        tilt = np.degrees(np.arctan2(np.hypot(level, right), sink))
        lookAtSpheroid(pose.lat_deg, pose.lon_deg, pose.alt_hae_m - 180.0, azimuth, tilt)


def _in_the_picture(taken: list[tuple[Frame, Detections]]) -> None:
    """Follow the boxes with ByteTrack."""
    import supervision
    from trackers import ByteTrackTracker

    tracker = ByteTrackTracker(track_activation_threshold=0.3, minimum_consecutive_frames=1)
    for frame, found in taken:
        given = supervision.Detections(
            xyxy=found.boxes_px.astype(float), confidence=found.scores, class_id=found.classes.astype(int)
        )
        tracker.update(given, timestamp=float(frame.pts_s))


def run() -> list[Row | Absent]:
    """Return the table's rows."""
    return _speed() + _merging() + _tiles() + _following(200, 30) + _following(10, 300)
