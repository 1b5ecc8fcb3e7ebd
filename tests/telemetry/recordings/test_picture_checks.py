"""A picture whose tags contradict each other is named, widened, or not placed; a clean one is none of these."""

from __future__ import annotations

import numpy as np
import pytest

from geo.geodesy import ecef_to_geodetic, geodetic_to_ecef, ned_to_ecef_matrix
from geo.geoid import undulation_m
from geo.terrain import FlatTerrain
from telemetry.pictures.picture_file import read_picture
from telemetry.pictures.picture_ground import held_against_ground
from telemetry.recordings.checks import CHECKS

USUAL = {"time_zone_unknown", "camera_estimated"}
GEOID = float(undulation_m(48.0, 11.0))


def kinds(found):
    return {problem.kind for problem in found.problems} - USUAL


@pytest.fixture
def shoot(cards, tmp_path):
    def take(changes=None, without=(), **how):
        tags = {name: value for name, value in cards.GOOD.items() if name not in without} | (changes or {})
        return read_picture(cards.write_jpeg(tmp_path / "a.jpg", tags, **how))

    return take


def laser(range_m, *, yaw=90.0, pitch=-45.0, stated=None):
    """Put a laser's target along a direction, by rotation and ECEF alone."""
    sy, cy, sp, cp = (f(np.radians(a)) for a in (yaw, pitch) for f in (np.sin, np.cos))
    ned = np.array([cy * cp, sy * cp, -sp]) * range_m
    place = geodetic_to_ecef(48.0, 11.0, 600.0 + GEOID) + ned_to_ecef_matrix(48.0, 11.0) @ ned
    lat, lon, hae = (float(np.ravel(part)[0]) for part in ecef_to_geodetic(place))
    return {
        "drone-dji:LRFStatus": "Normal",
        "drone-dji:LRFTargetLat": f"{lat:.8f}",
        "drone-dji:LRFTargetLon": f"{lon:.8f}",
        "drone-dji:LRFTargetAbsAlt": f"{hae - GEOID:.3f}",
        "drone-dji:LRFTargetDistance": f"{stated or range_m:.1f}",
    }


def test_a_clean_picture_is_not_named(shoot):
    found = shoot()
    assert not kinds(found)
    assert found.pose.gimbal_pitch_deg == -45.0
    clean = shoot(laser(141.4))
    assert not kinds(clean)
    assert clean.laser.range_m == 141.4


def test_all_zero_angles_are_no_angles(shoot):
    zero = {f"drone-dji:Gimbal{name}Degree": "+0.0" for name in ("Yaw", "Pitch", "Roll")}
    found = shoot(zero)
    assert found.pose is None
    assert "all zero" in found.refusal
    assert "zero_angles" in kinds(found)
    assert shoot({**zero, "drone-dji:GimbalPitchDegree": "-0.1", "drone-dji:FlightYawDegree": "1"}).pose is not None


def test_an_unfilled_altitude_is_refused_until_home_is_stated(shoot, cards, tmp_path):
    found = shoot(without=("drone-dji:AbsoluteAltitude",), exif_altitude=0.0)
    assert found.pose is None
    assert "take-off point" in found.refusal
    placed = read_picture(tmp_path / "a.jpg", home_alt_amsl_m=500.0)
    assert placed.alt_amsl_m == 600.0
    assert placed.pose.alt_hae_m == pytest.approx(600.0 + GEOID)


def test_exif_and_xmp_that_disagree_widen(shoot):
    found = shoot({"drone-dji:GpsLatitude": "48.001", "drone-dji:GpsLongitude": "11.0"})
    assert kinds(found) == {"places_disagree"}
    assert found.sigmas.position_h_m == pytest.approx(111.3, abs=0.5)
    found = shoot(exif_altitude=630.0)
    assert kinds(found) == {"altitudes_disagree"}
    assert found.sigmas.position_v_m == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("changes", "hae", "named"),
    [
        ({"drone-dji:RtkFlag": "50", "drone-dji:AltitudeType": "RtkAlt"}, 600.0, set()),
        ({"drone-dji:RtkFlag": "50"}, 600.0, {"rtk_datum"}),
        ({"drone-dji:RtkFlag": "50", "drone-dji:AltitudeType": "GpsFusionAlt"}, 600.0 + GEOID, {"rtk_datum"}),
        ({"drone-dji:RtkFlag": "0", "drone-dji:AltitudeType": "GpsFusionAlt"}, 600.0 + GEOID, set()),
    ],
)
def test_rtk_heights_and_their_datum(shoot, changes, hae, named):
    found = shoot(changes)
    assert found.pose.alt_hae_m == pytest.approx(hae)
    assert kinds(found) == named
    if "GpsFusionAlt" in changes.values() and named:
        assert found.sigmas.position_v_m == pytest.approx(GEOID), "which of the two is true is not known"


def test_yaws_that_a_gimbal_cannot_reach(shoot):
    assert shoot({"drone-dji:FlightYawDegree": "-90.0"}).pose is None
    assert shoot({"drone-dji:FlightYawDegree": "-90.0"}, model="M30T").pose is not None, "this gimbal pans all round"
    down = {"drone-dji:FlightYawDegree": "-90.0", "drone-dji:GimbalPitchDegree": "-90.0"}
    assert shoot(down).pose is not None, "straight down, yaw is whatever the picture's top is"


def test_heights_off_the_globe(shoot):
    found = shoot({"drone-dji:AbsoluteAltitude": "-6000"}, exif_altitude=0.0)
    assert found.pose is None
    assert "altitude_impossible" in kinds(found)


def test_a_laser_that_disagrees_with_range_or_direction(shoot):
    found = shoot(laser(141.4, stated=200.0))
    assert kinds(found) == {"laser_range"}
    assert found.sigmas.position_h_m == pytest.approx(58.6, abs=0.1)
    found = shoot(laser(141.4, yaw=102.0))
    assert kinds(found) == {"laser_ray"}
    assert found.sigmas.gimbal_yaw_deg == pytest.approx(8.5, abs=0.2)
    assert shoot({**laser(141.4, yaw=200.0), "drone-dji:LRFStatus": "NoSignal"}).laser is None


def test_heights_that_leave_the_ground(shoot):
    found = shoot()
    home = found.pose.alt_hae_m - 100.0
    assert held_against_ground(found, FlatTerrain(height_m=home)) is found
    assert held_against_ground(found, FlatTerrain(height_m=home - 14.0)) is found
    wrong = held_against_ground(found, FlatTerrain(height_m=home - 26.0))
    assert kinds(wrong) == {"height_off_ground"}
    assert wrong.sigmas.position_v_m == pytest.approx(26.0)


@pytest.mark.parametrize(
    ("tags", "pitch", "named"),
    [
        ({"exif:CameraYaw": "9000/100", "exif:CameraPitch": "-3000/100", "exif:CameraRoll": "0/1"}, -30.0, set()),
        ({"drone:GimbalYawDegree": "90", "drone:GimbalPitchDegree": "-30"}, -30.0, set()),
        ({"drone:GimbalYawDegree": "90", "drone:GimbalPitchDegree": "60"}, -30.0, {"pitch_convention"}),
        ({"camera:Yaw": "90", "camera:Pitch": "60"}, -30.0, set()),
        ({"camera:Yaw": "90", "camera:Pitch": "-30"}, -30.0, {"pitch_convention"}),
    ],
)
def test_makers_conventions_are_settled_by_what_is_possible(shoot, tags, pitch, named):
    angles = [f"drone-dji:Gimbal{name}Degree" for name in ("Yaw", "Pitch", "Roll")]
    found = shoot(tags, without=angles)
    assert found.pose.gimbal_pitch_deg == pytest.approx(pitch)
    assert found.pose.gimbal_yaw_deg == 90.0
    assert kinds(found) == named


def test_a_stated_field_of_view_is_a_camera(shoot):
    found = shoot({"exif:CameraHorizontalFOV": "6000/100"}, model="Teal 2")
    assert found.camera.fx_px == pytest.approx(200 / np.tan(np.radians(30)))


def test_dji_is_never_reread(shoot):
    assert shoot({"drone-dji:GimbalPitchDegree": "75"}).pose is None, "DJI has one convention; 75 up is no direction"


@pytest.mark.parametrize(("pitch", "roll"), [("45", "0"), ("70", "0"), ("-30", "90"), ("-30", "-40")])
def test_newer_gimbals_of_dji_look_up_and_roll(shoot, pitch, roll):
    """As far as a Mavic 4 Pro turns by its specifications: 70 up, and upright pictures by rolling."""
    found = shoot({"drone-dji:GimbalPitchDegree": pitch, "drone-dji:GimbalRollDegree": roll})
    assert (found.pose.gimbal_pitch_deg, found.pose.gimbal_roll_deg) == (float(pitch), float(roll))
    assert kinds(found) == set()


def test_every_check_states_tolerance_and_source():
    for check in CHECKS:
        assert check.source
        assert check.compares
        assert check.unit
        assert check.tolerance >= 0.0
    assert len({check.name for check in CHECKS}) >= 17
