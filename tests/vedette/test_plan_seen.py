"""The share of people a model would find in each lane, against people projected one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detection.calibration import Calibration, recall_by_band
from detection.calibration_file import read_calibration, write_calibration
from detection.evaluation import Verdicts
from geo.geodesy import metres_per_degree
from geo.locate import project
from geo.values import CameraModel, GimbalFrame, Pose, Poses
from missions.briefs.camera import Camera
from missions.plan import LaneSight, SightReport
from missions.sight.optics import near_far_m, pixels_m
from vedette.commands.plan_seen import bundled_calibration, lanes_seen

ALT_M = 100.0


def sight(depression_deg: float) -> tuple[SightReport, Camera]:
    camera = Camera()
    near, far = near_far_m(camera, depression_deg, ALT_M)
    fine, coarse = pixels_m(camera, depression_deg, ALT_M)
    lane = LaneSight(
        lane=1, offset_m=0.0, facing="left", depression_deg=depression_deg, near_m=float(near), far_m=float(far),
        gsd_near_m=float(fine), gsd_far_m=float(coarse),
    )  # fmt: skip
    report = SightReport(lanes=(lane,), resolution_m=1.0, unseen=(), dwell_s=1.0, stations=1, stations_partly_unseen=0)
    return report, camera


def known(*recall: float) -> Calibration:
    return Calibration(model_sha256="a" * 64, learned_from="made", curves={}, recall={"person": recall})


def test_heights_agree_with_people_projected_into_the_picture() -> None:
    """An upright 1.7 m under the camera's own pinhole; the body's half a metre of depth is added by hand."""
    report, camera = sight(45.0)
    (seen,) = lanes_seen(report, ALT_M, known(0.1, 0.2, 0.3, 0.4))
    model = CameraModel.from_fov(hfov_deg=camera.hfov_deg, width_px=camera.width_px, height_px=camera.height_px)
    pose = Pose(
        t_utc_ns=0, lat_deg=52.0, lon_deg=23.0, alt_hae_m=ALT_M, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0,
        gimbal_pitch_deg=-45.0, gimbal_frame=GimbalFrame.EARTH,
    )  # fmt: skip
    north = float(metres_per_degree(52.0)[0])
    for away, said in ((report.lanes[0].near_m, seen.person_near_px), (report.lanes[0].far_m, seen.person_far_px)):
        lat = np.full(2, 52.0 + away / north)
        uv = project(
            poses=Poses.of(pose, pose),
            camera=model,
            lat_deg=lat,
            lon_deg=np.full(2, 23.0),
            alt_hae_m=np.array([0.0, 1.7]),
        )
        slant = math.hypot(away, ALT_M)
        depth = model.fy_px * 0.5 * ALT_M / slant / slant
        assert said == pytest.approx(abs(uv[0, 1] - uv[1, 1]) + depth, rel=0.12)


def test_the_share_is_the_mean_over_the_swath_and_what_was_not_measured_counts_as_missed() -> None:
    report, _ = sight(45.0)
    assert lanes_seen(report, ALT_M, known(0.7, 0.7, 0.7, 0.7))[0].share == pytest.approx(0.7)
    (partly,) = lanes_seen(report, ALT_M, known(math.nan, math.nan, math.nan, 0.8))
    assert partly.share == pytest.approx(0.8 * (1.0 - partly.unmeasured), abs=2e-3)
    low = lanes_seen(report, 3.0 * ALT_M, known(0.0, 0.1, 0.5, 0.9))[0]
    assert 0.0 <= low.share <= 0.9
    assert lanes_seen(report, ALT_M, Calibration(model_sha256="a", learned_from="", curves={})) == []


def test_recall_is_learned_by_band_and_kept_in_the_file(tmp_path) -> None:
    heights = np.repeat([6.0, 10.0, 15.0, 30.0], [5, 40, 40, 40])
    scores = np.concatenate([np.ones(5), np.tile([0.9, 0.1], 20), np.full(40, 0.41), np.zeros(40)])
    none = np.zeros(0)
    verdicts = Verdicts(
        scores=none, right=none.astype(bool), height_px=none, truth_height_px=heights, truth_score=scores
    )
    shares = recall_by_band(verdicts, 0.4)
    assert math.isnan(shares[0])
    assert shares[1:] == (0.5, 1.0, 0.0)
    held = Calibration(model_sha256="b" * 64, learned_from="made", curves={}, recall={"person": shares})
    write_calibration(held, tmp_path / "m.calibration.json")
    again = read_calibration(tmp_path / "m.calibration.json", "b" * 64)
    assert again.recall["person"][1:] == shares[1:]
    assert again.recall_at("person", np.array([9.0, 15.0])).tolist() == [0.5, 1.0]
    assert np.isnan(again.recall_at("boat", np.array([9.0]))).all()


def test_the_bundled_model_says_what_it_finds() -> None:
    bundled = bundled_calibration()
    assert bundled is not None
    shares = bundled.recall["person"]
    assert shares[1] < shares[2] < shares[3]
