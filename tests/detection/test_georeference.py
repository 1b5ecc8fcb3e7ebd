from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.georeference import FrameBoxes, Surroundings, camera_of, place, place_all, standing_pixels
from detection.ground_hits import GroundHits
from geo.geodesy import enu_to_geodetic, geodetic_to_enu, inverse
from geo.locate import locate, project
from geo.terrain import FlatTerrain
from geo.values import CameraModel, Geodetic, Pose, Poses, PoseSigmas, Unplaced

if TYPE_CHECKING:
    from collections.abc import Callable

    from detection.values import Detections
    from telemetry.videos.frame import Frame

GROUND = FlatTerrain(height_m=180.0)
AROUND = Surroundings(terrain=GROUND)
NAMES = ("person", "vehicle")


def box_of_upright_thing(
    pose: Pose, camera: CameraModel, lat: float, lon: float, heights: tuple[float, float], radius: float
) -> tuple[float, float, float, float]:
    """Bounding box of an upright cylinder, by projecting many of its points one by one."""
    foot = Geodetic(lat_deg=lat, lon_deg=lon, alt_hae_m=180.0)
    turn = np.linspace(0.0, 2.0 * np.pi, 60)
    ring = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    enu = np.vstack([np.column_stack([ring, np.full(60, h)]) for h in heights])
    la, lo, al = enu_to_geodetic(enu, foot)
    uv = project(poses=pose, camera=camera, lat_deg=la, lon_deg=lo, alt_hae_m=al)
    return (*uv.min(axis=0), *uv.max(axis=0))  # type: ignore[return-value]


@pytest.mark.parametrize("depression", [20.0, 45.0, 70.0, 90.0])
@pytest.mark.parametrize(("number", "height", "radius"), [(0, 1.7, 0.25), (1, 1.6, 1.5)])
def test_an_upright_thing_is_placed_where_it_stands(
    make_pose: Callable[..., Pose],
    make_frame: Callable[..., Frame],
    make_detections: Callable[..., Detections],
    depression: float,
    number: int,
    height: float,
    radius: float,
) -> None:
    pose = make_pose(gimbal_pitch_deg=-depression)
    camera = camera_of(pose, 640, 512)
    assert camera is not None
    centre = locate(poses=pose, camera=camera, uv_px=[[300.0, 280.0]], terrain=GROUND, sigmas=PoseSigmas())[0]
    box = box_of_upright_thing(pose, camera, centre.lat_deg, centre.lon_deg, (0.0, height), radius)
    (hit,) = place(make_frame(pose), make_detections(box, classes=[number]), AROUND, class_names=NAMES)
    distance, _ = inverse(hit.lat_deg, hit.lon_deg, centre.lat_deg, centre.lon_deg)
    assert float(distance) < 0.35 + 0.12 * radius
    assert hit.reason is None


def test_the_lower_edge_alone_would_be_wrong_for_a_vehicle_seen_from_above() -> None:
    vehicle = np.array([[1.6, 3.0]])
    pixels = standing_pixels(np.array([1.0]), np.array([[300.0, 236.0, 340.0, 276.0]]), vehicle)
    assert np.allclose(pixels, [[320.0, 256.0]], atol=0.1)
    level = np.sin(np.radians([1.0]))
    low = standing_pixels(level, np.array([[310.0, 236.0, 330.0, 276.0]]), vehicle)
    assert low[0, 1] > 275.0


def test_pictures_through_many_lenses_are_placed_together_as_each_alone(
    make_pose: Callable[..., Pose], make_frame: Callable[..., Frame], make_detections: Callable[..., Detections]
) -> None:
    """A zoom that turns, and turns back; to the millimetre, to which a place is looked for."""
    boxes = [(100.0, 90.0, 108.0, 110.0), (500.0, 400.0, 520.0, 420.0)]
    fovs = (32.0, 32.0, 20.0, 41.5, 32.0, 20.0)
    seen = [
        (make_frame(make_pose(hfov_deg=fov, gimbal_yaw_deg=30.0 + k), index=k), make_detections(*boxes, classes=[0, 1]))
        for k, fov in enumerate(fovs)
    ]
    together = place_all(seen, AROUND, class_names=NAMES)
    for k, (frame, found) in enumerate(seen):
        alone = place(frame, found, AROUND, class_names=NAMES)
        for row in range(2):
            one, other = together[2 * k + row], alone[row]
            assert inverse(one.lat_deg, one.lon_deg, other.lat_deg, other.lon_deg)[0] < 1e-3
            assert (one.ce90_m, one.var_e_m2) == pytest.approx((other.ce90_m, other.var_e_m2), rel=1e-4)
            camera = CameraModel.from_fov(hfov_deg=fovs[k], width_px=640, height_px=512)
            assert frame.pose is not None
            back = project(
                poses=frame.pose, camera=camera, lat_deg=one.lat_deg, lon_deg=one.lon_deg, alt_hae_m=one.alt_hae_m
            )[0]
            left, top, right, bottom = boxes[row]
            assert back[0] == pytest.approx((left + right) / 2.0, abs=0.01)
            assert (top + bottom) / 2.0 < back[1] < bottom


def test_covariance_is_what_a_monte_carlo_over_box_and_pose_gives(
    make_pose: Callable[..., Pose],
    make_frame: Callable[..., Frame],
    make_detections: Callable[..., Detections],
    rng: np.random.Generator,
) -> None:
    pose, sigmas = make_pose(), PoseSigmas(terrain_m=0.0)
    frame, box = make_frame(pose), (300.0, 240.0, 310.0, 290.0)
    (hit,) = place(frame, make_detections(box), Surroundings(terrain=GROUND, sigmas=sigmas), class_names=NAMES)
    camera = camera_of(pose, 640, 512)
    assert camera is not None
    below_middle = np.arctan((265.0 - 256.0) / camera.fy_px)
    depression = np.arcsin(np.sin(np.radians(45.0) + below_middle) * np.cos(np.arctan(15.0 / camera.fx_px)))
    pixel = standing_pixels(np.sin([depression]), np.array([box]), np.array([[1.7, 0.5]]))[0]
    origin = Geodetic(lat_deg=hit.lat_deg, lon_deg=hit.lon_deg, alt_hae_m=hit.alt_hae_m)
    eye = Geodetic(lat_deg=pose.lat_deg, lon_deg=pose.lon_deg, alt_hae_m=pose.alt_hae_m)
    edge = np.hypot(sigmas.pixel_px, 0.08 * 50.0)
    count = 4000
    lat, lon, alt = enu_to_geodetic(rng.normal(0.0, [[1.5, 1.5, 3.0]], (count, 3)), eye)
    shaken = dataclasses.replace(
        Poses.of(*[pose] * count),
        lat_deg=lat,
        lon_deg=lon,
        alt_hae_m=alt,
        gimbal_yaw_deg=pose.gimbal_yaw_deg + rng.normal(0.0, 2.0, count),
        gimbal_pitch_deg=pose.gimbal_pitch_deg + rng.normal(0.0, 1.0, count),
        gimbal_roll_deg=rng.normal(0.0, 1.0, count),
    )
    uv = pixel + rng.normal(0.0, edge, (count, 2))
    drawn = locate(poses=shaken, camera=camera, uv_px=uv, terrain=GROUND, sigmas=sigmas)
    enu = geodetic_to_enu(drawn.lat_deg, drawn.lon_deg, drawn.alt_hae_m, origin)
    spread = np.cov(enu[:, :2].T)
    stated = np.array([[hit.var_e_m2, hit.cov_en_m2], [hit.cov_en_m2, hit.var_n_m2]])
    assert np.allclose(stated, spread, atol=0.15 * np.trace(spread))
    inside = float(np.mean(np.hypot(enu[:, 0], enu[:, 1]) <= hit.ce90_m))
    assert 0.85 < inside < 0.95


def test_a_larger_box_is_less_sure(
    make_frame: Callable[..., Frame], make_detections: Callable[..., Detections]
) -> None:
    small, large = (
        place(make_frame(), make_detections(box), AROUND, class_names=NAMES)[0]
        for box in ((300.0, 280.0, 304.0, 290.0), (250.0, 90.0, 354.0, 290.0))
    )
    assert large.ce90_m > small.ce90_m


def test_hits_without_a_place_keep_their_reason(
    make_pose: Callable[..., Pose], make_frame: Callable[..., Frame], make_detections: Callable[..., Detections]
) -> None:
    found = make_detections((1.0, 1.0, 9.0, 9.0), (50.0, 50.0, 60.0, 70.0))
    cases = {
        Unplaced.NO_POSE: make_frame(None),
        Unplaced.NO_CAMERA: make_frame(make_pose(hfov_deg=None)),
        Unplaced.ABOVE_HORIZON: make_frame(make_pose(gimbal_pitch_deg=40.0)),
    }
    for reason, frame in cases.items():
        hits = place(frame, found, AROUND, class_names=NAMES)
        assert [hit.reason for hit in hits] == [reason, reason]
        assert all(np.isnan([hit.lat_deg, hit.lon_deg, hit.ce90_m, hit.var_e_m2]).all() for hit in hits)
        assert all(hit.score_raw == pytest.approx(0.8) for hit in hits)


def test_ids_are_the_same_every_time_and_differ_by_original_frame_and_box(
    make_frame: Callable[..., Frame], make_detections: Callable[..., Detections]
) -> None:
    twice = make_detections((1.0, 1.0, 9.0, 9.0), (1.0, 1.0, 9.0, 9.0))

    def ids(frame: Frame, sha: str) -> list[str]:
        hits = place(frame, twice, AROUND, class_names=NAMES, media_id=sha)
        return [hit.hit_id for hit in hits]

    assert ids(make_frame(), "a") == ids(make_frame(), "a")
    everything = ids(make_frame(), "a") + ids(make_frame(), "b") + ids(make_frame(index=1), "a")
    assert len(set(everything)) == 6


def test_an_id_is_the_hash_of_what_is_seen_where_and_when(
    make_frame: Callable[..., Frame], make_detections: Callable[..., Detections], rng: np.random.Generator
) -> None:
    """What was recorded goes by these ids, so that they are spelled out here as Python writes numbers."""
    within = [(0.0, 12.05, 100.5, 8192.99), (0.01, 0.1, 99.99, 8192.0), *rng.uniform(0.0, 700.0, (50, 4)).tolist()]
    odd = [(-3.25, -0.0, 9.5, 12.0), (1.0, 2.0, 8193.0, 123_456.78), (1.0, 2.0, np.nan, np.inf)]
    frame = make_frame(index=7)
    for boxes in (within, *([box] for box in odd), [*within, *odd]):
        found = make_detections(*boxes, classes=[k % 2 for k in range(len(boxes))])
        told = [
            "|".join([f"m|7|{frame.t_utc_ns}", NAMES[k % 2], *(repr(round(float(edge), 2)) for edge in box), str(k)])
            for k, box in enumerate(found.boxes_px)
        ]
        ids = FrameBoxes.of(frame, found, NAMES, "m").hit_id.tolist()
        assert ids == [hashlib.sha256(one.encode()).hexdigest()[:20].encode() for one in told]


def test_no_boxes_give_no_hits(make_frame: Callable[..., Frame], make_detections: Callable[..., Detections]) -> None:
    assert place(make_frame(), make_detections(), AROUND, class_names=NAMES).hit_id.tolist() == []


@pytest.mark.parametrize("hfov", [0.0, -3.0, 180.0, float("nan")])
def test_a_field_of_view_no_pinhole_has_is_no_camera(make_pose: Callable[..., Pose], hfov: float) -> None:
    assert camera_of(make_pose(hfov_deg=hfov), 640, 512) is None


def test_pictures_placed_together_are_placed_as_one_by_one(
    make_pose: Callable[..., Pose], make_frame: Callable[..., Frame], make_detections: Callable[..., Detections]
) -> None:
    poses = [
        *(make_pose(gimbal_pitch_deg=-40.0 - k, yaw_deg=3.0 * k, hfov_deg=20.0 + 10.0 * (k % 2)) for k in range(5)),
        make_pose(hfov_deg=None),
        None,
        make_pose(gimbal_pitch_deg=40.0),
    ]
    boxes = [(100.0 + 30 * k, 200.0, 110.0 + 30 * k, 230.0 + k) for k in range(6)]
    seen = [
        (make_frame(pose, index=k), make_detections(*boxes[: k % 4], classes=[j % 2 for j in range(k % 4)]))
        for k, pose in enumerate(poses)
    ]
    together = place_all(seen, AROUND, class_names=NAMES, media_id="a")
    alone = GroundHits.concat([place(*one, AROUND, class_names=NAMES, media_id="a") for one in seen])
    assert together.hit_id.tolist() == alone.hit_id.tolist()
    assert together.reason_code.tolist() == alone.reason_code.tolist()
    assert together.placed.sum() == 6
    for name in ("lat_deg", "lon_deg", "alt_hae_m", "var_e_m2", "var_n_m2", "cov_en_m2", "ce90_m", "slant_m"):
        np.testing.assert_allclose(getattr(together, name), getattr(alone, name), rtol=1e-9, err_msg=name)
