"""Speed of the detector against ultralytics, and identities held at 3 frames a second against image-plane trackers."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks import Row, best_of
from detection.boxes import overlap
from detection.georeference import Surroundings, place
from detection.ground_hits import GroundHits
from detection.ground_tracker import TrackerSettings, track
from detection.model_manifest_file import default_model
from detection.onnx_detector import OnnxDetector
from detection.scoring import InView, count_id_switches, match
from detection.values import Detections
from geo.terrain import FlatTerrain
from geo.values import CameraModel, GimbalFrame, Pose, PoseSigmas
from sitl.films.downlink_file import film_truth, frame_times, interpolate_vehicle, klv_values, pose_of
from sitl.films.render import in_sight, render
from sitl.films.render_look import THERMAL
from sitl.films.sensor_errors import SensorErrors
from sitl.films.world import World, make_world
from telemetry.videos.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from detection.truth import FilmTruth

T0 = 1_750_000_000_000_000_000
GROUND = FlatTerrain(height_m=180.0)
CAMERA = CameraModel.from_fov(hfov_deg=35.0, width_px=640, height_px=512)
FLIGHTS = ((1, 45.0, 3), (2, 35.0, 3), (3, 60.0, 3), (4, 45.0, 1), (6, 30.0, 2))
"""World seed, depression in degrees, frames a second."""


def _world(seed: int) -> World:
    return make_world(
        corridor_lat_lon=np.array([[52.0, 23.5], [52.0, 23.56]]),
        terrain=GROUND,
        seed=seed,
        epoch_utc_ns=T0,
        groups_per_km=12.0,
        vehicles_per_km=5.0,
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


def _measured(klv: dict[int, object], t_utc_ns: int) -> Pose:
    value = {tag: float(number) for tag, number in klv.items() if isinstance(number, int | float)}
    return Pose(
        t_utc_ns=t_utc_ns,
        lat_deg=value[13],
        lon_deg=value[14],
        alt_hae_m=value[75],
        yaw_deg=value[5],
        pitch_deg=value[90],
        roll_deg=value[91],
        gimbal_yaw_deg=value[18],
        gimbal_pitch_deg=value[19],
        gimbal_roll_deg=value[20],
        gimbal_frame=GimbalFrame.BODY,
        hfov_deg=value[16],
        vfov_deg=value[17],
    )


def hits_of_flight(seed: int, depression_deg: float, fps: int) -> tuple[GroundHits, FilmTruth]:
    """Make hits as a fair detector would: 12 % missed, 0.7 px of jitter, 0.3 false a frame."""
    rng = np.random.default_rng(seed)
    world, vehicle = _world(seed), _flight(depression_deg)
    times = frame_times(vehicle, Fraction(fps), None, None)
    true = interpolate_vehicle(vehicle, times)
    errors = SensorErrors.draw(times, PoseSigmas(), rng)
    image = np.broadcast_to(np.zeros(1, np.uint8), (512, 640, 3))
    boxes, hits = [], []
    for row, t_utc_ns in enumerate(times.tolist()):
        seen = in_sight(world, pose_of(true, row, t_utc_ns), CAMERA, t_utc_ns)
        boxes.append(seen)
        kept = np.flatnonzero((seen.visible > 0.5) & (rng.random(len(seen)) > 0.12))
        false = rng.uniform((0, 0), (640, 512), (rng.poisson(0.3), 2))
        found = Detections(
            boxes_px=np.vstack(
                [
                    seen.boxes_px[kept] + rng.normal(0.0, 0.7, (len(kept), 4)),
                    np.hstack([false - (2, 5), false + (2, 5)]),
                ]
            ).astype(np.float32),
            classes=np.concatenate([seen.kind[kept], np.zeros(len(false), np.int64)]),
            scores=np.full(len(kept) + len(false), 0.9, np.float32),
        )
        pose = _measured(klv_values(true, errors, row, t_utc_ns, CAMERA), t_utc_ns)
        frame = Frame(index=row, pts_s=Fraction(0), t_utc_ns=t_utc_ns, image=image, pose=pose)
        hits.append(place(frame, found, Surroundings(terrain=GROUND), class_names=("person", "vehicle")))
    return GroundHits.concat(hits), film_truth(times, true, CAMERA, boxes)


def _by_overlap(predicted: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shared = overlap(predicted, boxes)
    return -shared, shared > 0.1


def _by_distance(predicted: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centres = [(b[:, :2] + b[:, 2:]) / 2.0 for b in (predicted, boxes)]
    gap = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=-1)
    return gap, gap < 60.0


def image_plane(hits: GroundHits, cost: Callable[..., tuple[np.ndarray, np.ndarray]]) -> GroundHits:
    """Track boxes in the picture: Hungarian assignment to boxes moved on by their last step (Bewley et al. 2016)."""
    marked, live, born = [], [], 0
    for t_utc_ns in np.unique(hits.t_utc_ns).tolist():
        now = list(hits.take(hits.t_utc_ns == t_utc_ns))
        live = [one for one in live if t_utc_ns - one[2] < 3_000_000_000]
        boxes = np.array([hit.box_px for hit in now])
        names = [""] * len(now)
        if live:
            predicted = np.array([one[0] + one[1] for one in live])
            price, allowed = cost(predicted, boxes)
            allowed &= np.array([[one[4] == hit.class_name for hit in now] for one in live])
            for k, j in zip(*linear_sum_assignment(np.where(allowed, price, 1e6)), strict=True):
                if allowed[k, j]:
                    names[j] = live[k][3]
                    live[k] = (boxes[j], boxes[j] - live[k][0], t_utc_ns, live[k][3], live[k][4])
        for j, hit in enumerate(now):
            if not names[j]:
                born += 1
                names[j] = f"I-{born}"
                live.append((boxes[j], np.zeros(4), t_utc_ns, names[j], hit.class_name))
            marked.append(dataclasses.replace(hit, track_id=names[j]))
    return GroundHits.of(marked)


def _switches(hits: GroundHits, truth: FilmTruth) -> int:
    found = match(hits, truth, view=InView())
    ids = hits.track.take(found.hit_row).texts().tolist()
    return count_id_switches(truth.object_id[found.truth_row], truth.thing_frame[found.truth_row], ids)


def _tracking() -> list[Row]:
    every = TrackerSettings(existence_min=0.0, stitch_gap_s=0.0)
    flights = [hits_of_flight(*flight) for flight in FLIGHTS]
    ours = sum(_switches(track(hits, every)[0], truth) for hits, truth in flights)
    naive = dataclasses.replace(every, own_share=1.0, white_share=1e-9, drift_time_s=1e9)
    rivals = {
        "SORT-like, box overlap": sum(_switches(image_plane(hits, _by_overlap), truth) for hits, truth in flights),
        "image plane, 60 px distance": sum(
            _switches(image_plane(hits, _by_distance), truth) for hits, truth in flights
        ),
        "ground, pose error taken for noise": sum(_switches(track(hits, naive)[0], truth) for hits, truth in flights),
    }
    what = f"id switches, {len(FLIGHTS)} flights of 100 s at 1-3 frames/s"
    return [Row(what=what, ours=ours, rival=n, rival_name=name, unit="switches") for name, n in rivals.items()]


def _speed() -> list[Row]:
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
    try:
        from ultralytics import YOLO
    except ImportError:
        return [*rows, Row(what="detect, 640 x 512", ours=ours, rival=35.0, rival_name="budget", unit="ms")]
    model = YOLO(str(default_model()), task="detect")
    swapped = [np.ascontiguousarray(picture[..., ::-1]) for picture in pictures]
    model.predict(swapped[0], imgsz=(512, 640), verbose=False)
    rival = best_of(lambda: [model.predict(p, imgsz=(512, 640), verbose=False) for p in swapped]) / len(pictures) * 1e3
    return [
        *rows,
        Row(what="detect, 640 x 512", ours=ours, rival=rival, rival_name="ultralytics on ONNX", unit="ms"),
    ]


def run() -> list[Row]:
    """Return the table's rows."""
    return _speed() + _tracking()
