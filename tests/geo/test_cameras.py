"""The table of cameras against another table, calibrations in real pictures, and its own rules."""

import json
import re

import numpy as np
import pytest

from geo.camera import hfov_deg
from geo.cameras import FOCAL_REL, UNCHECKED_FOCAL_REL, find_camera, published_cameras
from geo.errors import InputError


def test_every_camera_is_whole_and_named_once():
    cameras = published_cameras()
    for field in ("name", "exif_model"):
        assert len({getattr(camera, field).casefold() for camera in cameras}) == len(cameras)
    for camera in cameras:
        assert 15.0 < hfov_deg(camera.model()) < 85.0
        assert camera.source.count(":") == 1


def test_thermal_fields_of_view_that_makers_publish_as_well():
    """Horizontal fields of view from the same specifications, not used to make the table."""
    published = {
        "FLIR Vue Pro R 640 13 mm": 45.0,
        "FLIR Vue Pro R 640 19 mm": 32.0,
        "Autel EVO II Dual 640T thermal": 33.0,
        "DJI Zenmuse XT2 25 mm thermal": 25.0,
    }
    for name, degrees in published.items():
        assert hfov_deg(find_camera(name).model()) == pytest.approx(degrees, abs=0.6), name


def test_calibrated_focal_length_of_a_real_skydio(shared_data):
    text = (shared_data / "photos/openathena/skydio-catilina.jpg").read_bytes().decode("latin-1")
    calibrated = float(re.search(r'CalibratedFocalLength drone-skydio:X="([\d.]+)"', text).group(1))
    assert find_camera("skydio 2").focal_px == pytest.approx(calibrated, rel=FOCAL_REL)


def test_agrees_with_sensor_sizes_of_another_project(shared_data):
    """Pixel pitches written down by others, with the focal lengths stamped into pictures of those models."""
    entries = json.loads((shared_data / "photos/openathena/droneModels.json").read_text())["droneCCDParams"]
    pitch = {}
    for entry in entries:
        size, pixels = entry["ccdWidthMMPerPixel"].split("/")
        pitch[entry["makeModel"].casefold()] = float(size) / float(pixels)
    stamped_mm = {"FC330": 3.61, "FC300S": 3.61, "FC6310": 8.8, "FC220": 4.73, "L1D-20c": 10.26, "FC6510": 8.8}
    for model, focal_mm in stamped_mm.items():
        camera = find_camera(model)
        assert camera.checked
        assert camera.focal_px == pytest.approx(focal_mm / pitch[f"dji{model}".casefold()], rel=0.05), model


def test_a_wide_crop_keeps_the_scale():
    full, crop = find_camera("FC6310").model(), find_camera("FC6310").model(3840, 2160)
    assert hfov_deg(crop) == pytest.approx(hfov_deg(full))
    assert crop.cy_px == 1080.0


def test_diagonal_field_of_view_is_the_published_one():
    camera = find_camera("DJI Mavic 3").model()
    corner = np.hypot(camera.cx_px, camera.cy_px) / camera.fx_px
    assert 2 * np.degrees(np.arctan(corner)) == pytest.approx(84.0)


def test_unknown_names_get_the_nearest():
    with pytest.raises(InputError, match="nearest: .*DJI Mavic 3"):
        find_camera("mavic 3")


def test_a_line_nobody_checked_counts_with_a_wider_error():
    assert find_camera("FC6310").focal_rel == FOCAL_REL
    assert not find_camera("DJI Mini 2").checked
    assert find_camera("DJI Mini 2").focal_rel == UNCHECKED_FOCAL_REL
