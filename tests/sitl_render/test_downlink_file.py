from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.truth_file import read_film_truth, truth_beside
from geo.locate import project
from geo.rotation import camera_to_ned
from geo.values import CameraModel, GimbalFrame, Pose, Poses, PoseSigmas
from sitl.errors import SitlError
from sitl.films.downlink_file import Take, film, frame_times, interpolate_vehicle
from sitl.films.render_look import THERMAL
from sitl.films.sensor_errors import SensorErrors
from telemetry.videos.video_file import read_video

if TYPE_CHECKING:
    from pathlib import Path

    from sitl.films.world import World

T0 = 1_750_000_000_000_000_000
EXACT = PoseSigmas(position_h_m=0, position_v_m=0, yaw_deg=0, pitch_deg=0, roll_deg=0, focal_rel=0)


def test_a_film_carries_its_pictures_poses_and_truth(
    world: World, camera: CameraModel, flight: dict[str, np.ndarray], tmp_path: Path
) -> None:
    clip = tmp_path / "a.ts"
    told: list[tuple[int, int]] = []
    made = film(
        flight,
        world,
        camera,
        clip,
        Take(fps=Fraction(2), sigmas=EXACT, seed=1, look=THERMAL, stop_utc_ns=T0 + 4 * 10**9),
        report=lambda done, total: told.append((done, total)),
    )
    truth = read_film_truth(truth_beside(clip))
    assert made.frames == 9 == len(truth.frame_t_utc_ns)
    assert told[-1] == (9, 9)
    with read_video(clip) as video:
        frames = list(video.frames())
    assert [frame.t_utc_ns for frame in frames] == truth.frame_t_utc_ns.tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.truth.npz", "a.ts"]
    for row, frame in enumerate(frames):
        assert frame.pose is not None, frame.pose_reason
        assert frame.image.shape == (256, 320, 3)
        true = Pose(
            t_utc_ns=frame.t_utc_ns,
            lat_deg=float(truth.camera_lat_deg[row]),
            lon_deg=float(truth.camera_lon_deg[row]),
            alt_hae_m=float(truth.camera_alt_hae_m[row]),
            yaw_deg=0.0,
            pitch_deg=0.0,
            roll_deg=0.0,
            gimbal_yaw_deg=float(truth.camera_yaw_deg[row]),
            gimbal_pitch_deg=float(truth.camera_pitch_deg[row]),
            gimbal_frame=GimbalFrame.EARTH,
        )
        turned = camera_to_ned(Poses.of(frame.pose))[0].T @ camera_to_ned(Poses.of(true))[0]
        angle = np.degrees(np.arccos(np.clip((np.trace(turned) - 1.0) / 2.0, -1.0, 1.0)))
        assert angle < 0.02  # ST 0601 quantises heading to 0.006 degrees
        assert abs(frame.pose.alt_hae_m - true.alt_hae_m) < 0.4
        assert frame.pose.hfov_deg == pytest.approx(30.0, abs=0.01)


def test_boxes_in_the_truth_lie_where_the_things_are(
    world: World, camera: CameraModel, flight: dict[str, np.ndarray], tmp_path: Path
) -> None:
    film(flight, world, camera, tmp_path / "a.ts", Take(fps=Fraction(1), sigmas=EXACT, seed=1))
    truth = read_film_truth(tmp_path / "a.truth.npz")
    whole = np.flatnonzero(truth.visible > 0.99)
    assert len(whole) >= 4
    for row in whole:
        frame = truth.thing_frame[row]
        pose = Pose(
            t_utc_ns=0,
            lat_deg=float(truth.camera_lat_deg[frame]),
            lon_deg=float(truth.camera_lon_deg[frame]),
            alt_hae_m=float(truth.camera_alt_hae_m[frame]),
            yaw_deg=float(truth.camera_yaw_deg[frame]),
            pitch_deg=float(truth.camera_pitch_deg[frame]),
            roll_deg=0.0,
        )
        (foot,) = project(
            poses=pose,
            camera=camera,
            lat_deg=truth.lat_deg[row],
            lon_deg=truth.lon_deg[row],
            alt_hae_m=truth.alt_hae_m[row],
        )
        x0, y0, x1, y1 = truth.boxes_px[row]
        assert x0 - 1 < foot[0] < x1 + 1
        assert y0 < foot[1] < y1 + 1


def test_telemetry_is_as_wrong_as_asked_and_errors_last(rng: np.random.Generator) -> None:
    times = T0 + 100_000_000 * np.arange(300)
    sigmas = PoseSigmas(position_h_m=1.5, yaw_deg=2.0)
    flights = [SensorErrors.draw(times, sigmas, rng) for _ in range(400)]
    yaw = np.array([one.yaw_deg for one in flights])
    east = np.array([one.east_m for one in flights])
    assert yaw.std() == pytest.approx(2.0, rel=0.1)
    assert east.std() == pytest.approx(1.5, rel=0.1)
    assert abs(np.corrcoef(yaw[:, 0], east[:, 0])[0, 1]) < 0.15
    after_a_second, after_all = (np.corrcoef(yaw[:, 0], yaw[:, k])[0, 1] for k in (10, 299))
    assert after_a_second > 0.9
    assert 0.4 < after_all < 0.8


def test_angles_are_interpolated_the_short_way_round(flight: dict[str, np.ndarray]) -> None:
    between = interpolate_vehicle(flight, np.array([T0 + 6_050_000_000]))
    assert between["yaw_deg"][0] % 360.0 == pytest.approx(0.083, abs=0.02)


def test_picture_times_are_whole_microseconds_at_the_rate(flight: dict[str, np.ndarray]) -> None:
    times = frame_times(flight, Fraction(3), None, None)
    assert len(times) == 37
    assert (times % 1000 == 0).all()
    assert np.abs(times - (T0 + np.arange(37) * 1e9 / 3)).max() < 1500


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: {k: v for k, v in f.items() if k != "gimbal_pitch_deg"}, "lacks gimbal_pitch_deg"),
        (lambda f: {k: v[:1] for k, v in f.items()}, "1 rows: there is no flight"),
    ],
)
def test_a_flight_that_cannot_be_filmed_is_refused(flight: dict[str, np.ndarray], change: object, message: str) -> None:
    with pytest.raises(SitlError, match=message):
        frame_times(change(flight), Fraction(3), None, None)  # type: ignore[operator]


def test_an_empty_part_is_refused_and_nothing_is_left(
    world: World, camera: CameraModel, flight: dict[str, np.ndarray], tmp_path: Path
) -> None:
    take = Take(fps=Fraction(1), sigmas=EXACT, seed=1, start_utc_ns=T0 + 10**13)
    with pytest.raises(SitlError, match="its end is not after its start"):
        film(flight, world, camera, tmp_path / "a.ts", take)
    assert list(tmp_path.iterdir()) == []
