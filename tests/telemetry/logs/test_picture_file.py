"""Pictures of five makers: real ones where there are any, made ones for the rest."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from geo.errors import VedetteError
from geo.geoid import undulation_m
from geo.values import GimbalFrame
from telemetry.pictures.picture_camera import camera_of
from telemetry.pictures.picture_file import read_picture
from telemetry.pictures.picture_tags import PictureTags
from telemetry.pictures.xmp import parse_xmp
from telemetry.tracks.track_errors import SourceError


@pytest.fixture(scope="session")
def photos(shared_data):
    return shared_data / "photos"


def kinds(metadata):
    return {problem.kind for problem in metadata.problems}


def test_dji_picture_gives_absolute_gimbal_angles(photos):
    found = read_picture(photos / "brighton_beach/images/DJI_0018.JPG")
    assert (found.make, found.model) == ("DJI", "FC300S")
    pose = found.pose
    assert pose.gimbal_frame is GimbalFrame.EARTH
    assert (pose.gimbal_yaw_deg, pose.gimbal_pitch_deg, pose.gimbal_roll_deg) == (45.0, -89.9, 0.0)
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == (46.0, 1.8, 3.0)
    assert pose.lat_deg == pytest.approx(46 + 50 / 60 + 33.3855 / 3600, abs=1e-12)
    assert pose.lon_deg == pytest.approx(-(91 + 59 / 60 + 40.4156 / 3600), abs=1e-12)
    assert found.alt_amsl_m == 198.31
    assert found.alt_rel_home_m == 39.8
    # the geoid lies below the ellipsoid over the Great Lakes, so the ellipsoid height is the smaller number
    assert pose.alt_hae_m - found.alt_amsl_m == pytest.approx(float(undulation_m(pose.lat_deg, pose.lon_deg)))
    assert pose.alt_hae_m < found.alt_amsl_m - 20
    assert "rotated_by_viewer" not in kinds(found)
    assert "time_zone_unknown" in kinds(found)


def test_fov_of_the_dji_picture_is_that_of_its_sensor(photos):
    camera = read_picture(photos / "brighton_beach/images/DJI_0018.JPG").camera
    # FC300S: 3.61 mm over a 6.3175 mm wide sensor of 4000 pixels
    assert camera.fx_px == pytest.approx(3.61 / 6.3175 * 4000, rel=0.02)
    assert (camera.width_px, camera.height_px) == (4000, 2250)


def test_a_picture_turned_by_a_viewer_is_a_named_problem(photos):
    found = read_picture(photos / "brighton_beach/images/DJI_0024.JPG")
    (problem,) = [p for p in found.problems if p.kind == "rotated_by_viewer"]
    assert "Windows Photo Viewer" in problem.message
    assert found.pose.gimbal_yaw_deg == -140.0


def test_skydio_picture_scaled_by_an_editor_keeps_its_calibration(photos):
    found = read_picture(photos / "openathena/skydio-catilina.jpg")
    assert found.pose.gimbal_pitch_deg == -7.468572
    assert found.pose.gimbal_yaw_deg == 127.444323
    assert found.pose.yaw_deg == 126.820102
    assert found.camera.fx_px == pytest.approx(2378.525221 * 1500 / 4056)
    assert found.camera.cx_px == pytest.approx(2029.169394 * 1500 / 4056)
    # the picture is the middle 2282 of 3040 rows
    assert found.camera.cy_px == pytest.approx((1520.272790 - (3040 - 2282) / 2) * 1500 / 4056, abs=0.5)
    assert found.sigmas.position_h_m == 0.384
    assert found.pose.t_utc_ns == 1_611_788_991_000_000_000  # 23:09:51+00:00


def test_thermal_picture_refuses_the_visible_cameras_calibration(photos):
    found = read_picture(photos / "openathena/S1008521.JPG")
    assert found.camera is None
    assert "calibration_of_other_camera" in kinds(found)
    assert found.pose.gimbal_pitch_deg == -59.679573
    assert found.pose.t_utc_ns == 1_702_757_985_000_000_000  # 2023-12-16T20:19:45Z


def made(tmp_path, attributes: str, *, namespaces: str = "", exif: dict | None = None, gps: dict | None = None):
    """Write a small picture with EXIF and XMP as a drone would."""
    image = Image.new("RGB", (400, 300))
    tags = image.getexif()
    for number, value in (exif or {}).items():
        if number >= 0x8000 and number not in (0x8769, 0x8825):
            tags.get_ifd(0x8769)[number] = value
        else:
            tags[number] = value
    for number, value in (gps or {}).items():
        tags.get_ifd(0x8825)[number] = value
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {namespaces} {attributes}/></rdf:RDF></x:xmpmeta>'
    )
    path = tmp_path / "picture.jpg"
    image.save(path, exif=tags, xmp=packet.encode())
    return path


GPS_TAGS = {1: "N", 2: (47.0, 30.0, 0.0), 3: "W", 4: (8.0, 15.0, 0.0), 5: b"\x00", 6: 500.0}
MAKERS = {
    "parrot": (
        'xmlns:drone-parrot="http://www.parrot.com/drone-parrot/1.0/"',
        'drone-parrot:CameraYawDegree="176.31" drone-parrot:CameraPitchDegree="-78.36" '
        'drone-parrot:CameraRollDegree="-0.32"',
        (176.31, -78.36, -0.32),
    ),
    "autel, newer": (
        'xmlns:drone="http://www.autelrobotics.com/drone/1.0/"',
        'drone:GimbalYawDegree="12.5" drone:GimbalPitchDegree="-30.0" drone:GimbalRollDegree="0.0"',
        (12.5, -30.0, 0.0),
    ),
    "autel, older: pitch from nadir": (
        'xmlns:Camera="http://pix4d.com/camera/1.0/"',
        'Camera:Yaw="2.420000" Camera:Pitch="66.040000" Camera:Roll="0.000000"',
        (2.42, -23.96, 0.0),
    ),
    "teal: fractions": (
        'xmlns:Camera="http://pix4d.com/camera/1.0/"',
        'Camera:Yaw="9000/100" Camera:Pitch="4500/100" Camera:Roll="0/100"',
        (90.0, -45.0, 0.0),
    ),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_every_maker_gives_a_pose_in_the_earth_frame(tmp_path, maker):
    namespaces, attributes, (yaw, pitch, roll) = MAKERS[maker]
    found = read_picture(made(tmp_path, attributes, namespaces=namespaces, gps=GPS_TAGS))
    pose = found.pose
    assert (pose.gimbal_yaw_deg, pose.gimbal_roll_deg) == (yaw, roll)
    assert pose.gimbal_pitch_deg == pytest.approx(pitch)
    assert (pose.lat_deg, pose.lon_deg) == (47.5, -8.25)
    assert pose.gimbal_frame is GimbalFrame.EARTH


DJI = 'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"'
ANGLES = 'drone-dji:GimbalYawDegree="10" drone-dji:GimbalPitchDegree="-45" drone-dji:GimbalRollDegree="0"'


def test_the_misspelt_longitude_of_older_dji_firmware_is_read(tmp_path):
    text = f'{ANGLES} drone-dji:GpsLatitude="47.1" drone-dji:GpsLongtitude="8.2" drone-dji:AbsoluteAltitude="+500"'
    pose = read_picture(made(tmp_path, text, namespaces=DJI)).pose
    assert (pose.lat_deg, pose.lon_deg) == (47.1, 8.2)


def test_an_rtk_altitude_is_already_over_the_ellipsoid(tmp_path):
    text = f'{ANGLES} drone-dji:GpsLatitude="47.1" drone-dji:GpsLongitude="8.2" drone-dji:AbsoluteAltitude="+500"'
    above_sea = read_picture(made(tmp_path, text, namespaces=DJI))
    rtk = read_picture(made(tmp_path, text + ' drone-dji:AltitudeType="RtkAlt"', namespaces=DJI))
    assert rtk.pose.alt_hae_m == 500.0
    assert above_sea.alt_amsl_m == 500.0
    assert above_sea.pose.alt_hae_m - 500.0 == pytest.approx(500.0 - rtk.alt_amsl_m)
    assert above_sea.pose.alt_hae_m - 500.0 == pytest.approx(47.5, abs=2.0)  # EGM96 over Switzerland


def test_dewarp_data_becomes_the_camera(tmp_path):
    values = "2022-06-08;3666.66,3654.10,-7.77,5.12,-0.113,0.0068,0.0004,-0.0002,-0.019"
    text = f'{ANGLES} drone-dji:DewarpData="{values}"'
    camera = read_picture(made(tmp_path, text, namespaces=DJI)).camera
    assert (camera.fx_px, camera.fy_px) == (3666.66, 3654.10)
    assert (camera.cx_px, camera.cy_px) == pytest.approx((200 - 7.77, 150 + 5.12))
    assert (camera.k1, camera.k2, camera.p1, camera.p2, camera.k3) == (-0.113, 0.0068, 0.0004, -0.0002, -0.019)


def test_a_stated_zone_and_a_given_zone(tmp_path):
    taken = {0x9003: "2024:07:01 12:00:00"}
    noon_utc_ns = 1_719_835_200_000_000_000
    plain = made(tmp_path, ANGLES, namespaces=DJI, exif=taken, gps=GPS_TAGS)
    assert read_picture(plain).pose.t_utc_ns == noon_utc_ns
    assert read_picture(plain, utc_offset_s=7200.0).pose.t_utc_ns == noon_utc_ns - 7_200_000_000_000
    zoned = made(tmp_path, ANGLES, namespaces=DJI, exif=taken | {0x9011: "-05:00"}, gps=GPS_TAGS)
    found = read_picture(zoned, utc_offset_s=7200.0)
    assert found.pose.t_utc_ns == noon_utc_ns + 18_000_000_000_000
    assert "time_zone_unknown" not in kinds(found)


@pytest.mark.parametrize(
    ("fraction", "after_ns"), [("5", 500_000_000), ("050", 50_000_000), ("123456", 123_456_000), ("", 0), ("x", 0)]
)
def test_a_burst_is_told_apart_by_fractions_of_a_second(tmp_path, fraction, after_ns):
    taken = {0x9003: "2024:07:01 12:00:00", 0x9291: fraction, 0x9011: "+00:00"}
    found = read_picture(made(tmp_path, ANGLES, namespaces=DJI, exif=taken, gps=GPS_TAGS))
    assert found.pose.t_utc_ns == 1_719_835_200_000_000_000 + after_ns


@pytest.mark.parametrize(("wide", "high", "named"), [(4000, 3000, False), (3000, 4000, True), (4000, 2250, True)])
def test_a_shape_that_the_camera_did_not_write_is_named(tmp_path, wide, high, named):
    path = made(tmp_path, ANGLES, namespaces=DJI, gps=GPS_TAGS, exif={0xA002: wide, 0xA003: high})
    assert ("cropped_or_turned" in kinds(read_picture(path))) is named


@pytest.mark.parametrize(("orientation", "named"), [(1, False), (3, True), (6, True)])
def test_an_orientation_other_than_upright_is_named(tmp_path, orientation, named):
    path = made(tmp_path, ANGLES, namespaces=DJI, gps=GPS_TAGS, exif={0x0112: orientation})
    assert ("orientation" in kinds(read_picture(path))) is named


def test_a_year_that_cannot_be_is_no_time(tmp_path):
    found = read_picture(made(tmp_path, ANGLES, namespaces=DJI, gps=GPS_TAGS, exif={0x9003: "9999:07:01 12:00:00"}))
    assert found.pose.t_utc_ns == -1
    assert "no_time" in kinds(found)


@pytest.mark.parametrize(("hour", "good"), [(12.0, True), (4_000_000_000.0, False)])
def test_gps_time_wins_unless_it_is_no_time(tmp_path, hour, good):
    gps = GPS_TAGS | {7: (hour, 30.0, 0.5), 29: "2024:07:01"}
    found = read_picture(made(tmp_path, ANGLES, namespaces=DJI, gps=gps, exif={0x9003: "2024:07:01 14:30:00"}))
    expected = 1_719_837_000_500_000_000 if good else 1_719_844_200_000_000_000
    assert found.pose.t_utc_ns == expected


def test_what_is_missing_is_named(tmp_path):
    path = tmp_path / "plain.png"
    Image.new("RGB", (40, 30)).save(path)
    found = read_picture(path)
    assert found.pose is None
    assert found.camera is None
    assert kinds(found) == {"no_position", "no_camera_angles", "no_time", "no_camera"}


def test_null_island_is_no_position(tmp_path):
    text = f'{ANGLES} drone-dji:GpsLatitude="0.0" drone-dji:GpsLongitude="0.0" drone-dji:AbsoluteAltitude="+500"'
    found = read_picture(made(tmp_path, text, namespaces=DJI))
    assert found.pose is None
    assert "no_position" in kinds(found)


WHOLE = ((48, 1), (30, 1), (0, 1))


def with_place(path, *, lat=WHOLE, sides=("S", "W"), xmp=""):
    """Write a picture whose EXIF states 48.5 degrees of latitude and 11.25 of longitude in rationals."""
    tags = Image.Exif()
    gps = {2: lat, 4: ((11, 1), (15, 1), (0, 1)), 5: b"\x00", 6: (600, 1)}
    for number, side in zip((1, 3), sides, strict=True):
        if side is not None:
            gps[number] = side
    rationals = {number: tuple(IFDRational(*part) for part in gps[number]) for number in (2, 4)}
    tags.get_ifd(0x8825).update({**gps, **rationals, 6: IFDRational(*gps[6])})
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"<rdf:Description {DJI} {ANGLES} {xmp}/></rdf:RDF></x:xmpmeta>"
    )
    Image.new("RGB", (40, 30)).save(path, exif=tags, xmp=packet.encode())
    return path


@pytest.mark.parametrize(
    ("lat", "found_deg"),
    [
        (WHOLE, -48.5),
        (((485, 10), (0, 1), (0, 1)), -48.5),
        (((48, 1), (3075, 100), (0, 0)), -48.5125),
        (((48, 1), (30, 1), (0, 0)), None),
        (((48, 1), (30, 0), (0, 1)), None),
        (((48, 0), (30, 1), (0, 1)), None),
    ],
    ids=["whole", "degrees", "minutes", "no seconds", "no minutes", "no degrees"],
)
def test_rationals_over_zero_are_undefined_and_only_seconds_after_a_fraction_may_be(tmp_path, lat, found_deg):
    found = read_picture(with_place(tmp_path / "a.jpg", lat=lat))
    if found_deg is None:
        assert found.pose is None
        assert "no_position" in kinds(found)
    else:
        assert (found.pose.lat_deg, found.pose.lon_deg) == pytest.approx((found_deg, -11.25))


@pytest.mark.parametrize("sides", [(None, None), ("N", None), (None, "E")])
def test_degrees_without_their_side_of_the_globe_are_not_used_and_that_is_said(tmp_path, sides):
    found = read_picture(with_place(tmp_path / "a.jpg", sides=sides))
    assert found.pose is None
    assert "no_hemisphere" in kinds(found)


def test_a_place_off_the_globe_in_one_of_two_is_named_and_the_other_used(tmp_path):
    xmp = 'drone-dji:GpsLatitude="116.5" drone-dji:GpsLongitude="39.25"'
    found = read_picture(with_place(tmp_path / "a.jpg", xmp=xmp))
    assert (found.pose.lat_deg, found.pose.lon_deg) == (-48.5, -11.25)
    assert [problem.kind for problem in found.problems].count("places_disagree") == 1


def test_decimal_commas_in_xmp(tmp_path):
    xmp = 'drone-dji:GpsLatitude="-48,5" drone-dji:GpsLongitude="-11,25" drone-dji:AbsoluteAltitude="+600,50"'
    found = read_picture(with_place(tmp_path / "a.jpg", xmp=xmp))
    assert (found.pose.lat_deg, found.alt_amsl_m) == (-48.5, 600.5)
    assert "places_disagree" not in kinds(found)


def test_entities_in_xmp_are_refused_and_named():
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&a;</x:xmpmeta>'
    with pytest.raises(SourceError, match="refused"):
        parse_xmp(bomb)


def test_no_picture_at_all(tmp_path):
    path = tmp_path / "text.jpg"
    path.write_text("hello")
    with pytest.raises(SourceError, match=r"text\.jpg: not a picture"):
        read_picture(path)
    with pytest.raises(SourceError, match="no such file"):
        read_picture(tmp_path / "none.jpg")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_ends_in_our_own_error_or_values(tmp_path_factory, photos, data):
    raw = bytearray((photos / "openathena/S1008521.JPG").read_bytes()[:12_000])
    for _ in range(data.draw(st.integers(1, 40))):
        raw[data.draw(st.integers(0, 8_000))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / "picture.jpg"
    path.write_bytes(bytes(raw[: data.draw(st.integers(200, len(raw)))]))
    try:
        found = read_picture(path)
    except VedetteError:
        return
    if found.pose is not None:
        assert abs(found.pose.lat_deg) <= 90
        assert math.isfinite(found.pose.alt_hae_m)
    if found.camera is not None:
        assert np.isfinite(found.camera.fx_px)


@pytest.mark.parametrize(
    ("reference", "amsl", "over_ellipsoid"),
    [(0, 400.0, False), (1, -400.0, False), (2, 400.0, True), (3, -400.0, True)],
)
def test_exif_says_what_its_altitude_counts_from(tmp_path, reference, amsl, over_ellipsoid):
    gps = GPS_TAGS | {5: bytes([reference]), 6: 400.0}
    found = read_picture(made(tmp_path, ANGLES, namespaces=DJI, gps=gps))
    stated = found.pose.alt_hae_m if over_ellipsoid else found.alt_amsl_m
    assert stated == amsl
    geoid_m = float(undulation_m(47.5, -8.25))
    assert found.pose.alt_hae_m - found.alt_amsl_m == pytest.approx(geoid_m)


def tags_of(width, height, *, model="", **exif):
    names = {
        "focal_mm": 0x920A,
        "pixels_per_unit": 0xA20E,
        "unit": 0xA210,
        "mm35": 0xA405,
        "zoom": 0xA404,
        "native": 0xA002,
    }
    tiff = {0x0110: model} if model else {}
    return PictureTags(
        width_px=width,
        height_px=height,
        tiff=tiff,
        exif={names[key]: value for key, value in exif.items()},
        gps={},
        xmp={},
    )


DIAGONAL_35MM = math.hypot(36, 24)
FOCAL_CASES = {
    "4:3, equivalent over its own diagonal": (tags_of(4000, 3000, mm35=20), 20 * 5000 / DIAGONAL_35MM),
    "16:9 is the middle of a 4:3 sensor": (tags_of(4000, 2250, mm35=20), 20 * 5000 / DIAGONAL_35MM),
    "3:2 is a whole sensor": (tags_of(5472, 3648, mm35=24), 24 * math.hypot(5472, 3648) / DIAGONAL_35MM),
    "pixel pitch in inches": (tags_of(4000, 3000, focal_mm=8.8, pixels_per_unit=8000.0, unit=2), 8.8 * 8000 / 25.4),
    "pixel pitch in centimetres": (tags_of(4000, 3000, focal_mm=8.8, pixels_per_unit=3150.0, unit=3), 8.8 * 315),
    "pixel pitch of the unshrunk picture": (
        tags_of(2000, 1500, focal_mm=8.8, pixels_per_unit=3150.0, unit=3, native=4000),
        8.8 * 315 / 2,
    ),
    "an editor's 72 dpi is no pixel pitch": (
        tags_of(4000, 3000, focal_mm=3.61, pixels_per_unit=72.0, unit=2, mm35=20),
        20 * 5000 / DIAGONAL_35MM,
    ),
    "published: 84 degrees on the diagonal": (
        tags_of(5472, 3648, model="FC6310", mm35=99),
        math.hypot(5472, 3648) / 2 / math.tan(math.radians(42)),
    ),
    "published, with digital zoom": (
        tags_of(5472, 3648, model="fc6310", zoom=2.0),
        math.hypot(5472, 3648) / math.tan(math.radians(42)),
    ),
}


@pytest.mark.parametrize("name", FOCAL_CASES)
def test_focal_length_in_pixels_from_each_kind_of_evidence(name):
    tags, focal_px = FOCAL_CASES[name]
    camera = camera_of(tags, [])
    assert camera.fx_px == pytest.approx(focal_px, rel=1e-9)
    assert (camera.cx_px, camera.cy_px) == (tags.width_px / 2, tags.height_px / 2)
