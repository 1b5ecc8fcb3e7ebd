"""Centre rays of real pictures on real terrain, against a march written apart from ours.

The oracle reads the metadata with regular expressions, the terrain with
rasterio, the geoid from its source file, turns with scipy and converts with
PROJ; it shares nothing with the package.
"""

import math
import re

import numpy as np
import pyproj
import pytest
import rasterio
from scipy.spatial.transform import Rotation

from geo.geodesy import inverse
from geo.geoid import amsl_to_hae_m, hae_to_amsl_m
from geo.locate import locate
from geo.terrain import FlatTerrain
from geo.terrain_file import read_terrain
from geo.values import CameraModel, GimbalFrame, Pose, PoseSigmas

CAMERA = CameraModel.from_fov(hfov_deg=60.0, width_px=1000, height_px=750)
CENTRE = [[500.0, 375.0]]
TO_ECEF = pyproj.Transformer.from_crs(4979, 4978, always_xy=True)
TO_GEODETIC = pyproj.Transformer.from_crs(4978, 4979, always_xy=True)


class Oracle:
    """One ray, marched by 0.25 m over a raster of heights above mean sea level."""

    def __init__(self, shared_data, dem, *, post_offset=0.5):
        with rasterio.open(shared_data / dem) as raster:
            self.band, self.transform, self.post_offset = raster.read(1).astype(float), raster.transform, post_offset
        raw = (shared_data / "terrain/egm96.dat").read_bytes()
        self.geoid = np.frombuffer(raw[24:], ">f4").reshape(721, 1441)

    def undulation(self, lat, lon):
        row, column = (90.0 - lat) * 4.0, (lon % 360.0) * 4.0
        i, j = int(row), int(column)
        dy, dx = row - i, column - j
        top = self.geoid[i, j] * (1 - dx) + self.geoid[i, j + 1] * dx
        return float(top * (1 - dy) + (self.geoid[i + 1, j] * (1 - dx) + self.geoid[i + 1, j + 1] * dx) * dy)

    def height_amsl(self, lat, lon):
        column, row = (lon - self.transform.c) / self.transform.a, (lat - self.transform.f) / self.transform.e
        row, column = row - self.post_offset, column - self.post_offset
        i, j = int(row), int(column)
        dy, dx = row - i, column - j
        top = self.band[i, j] * (1 - dx) + self.band[i, j + 1] * dx
        return top * (1 - dy) + (self.band[i + 1, j] * (1 - dx) + self.band[i + 1, j + 1] * dx) * dy

    def march(self, lat, lon, alt_amsl, yaw, pitch, step=0.25):
        geoid = self.undulation(lat, lon)
        origin = np.array(TO_ECEF.transform(lon, lat, alt_amsl + geoid))
        north, east, down = Rotation.from_euler("ZYX", [yaw, pitch, 0.0], degrees=True).apply([1.0, 0.0, 0.0])
        ahead = np.array(TO_ECEF.transform(lon, lat + 1e-6, 0.0)) - TO_ECEF.transform(lon, lat, 0.0)
        right = np.array(TO_ECEF.transform(lon + 1e-6, lat, 0.0)) - TO_ECEF.transform(lon, lat, 0.0)
        over = np.array(TO_ECEF.transform(lon, lat, 1.0)) - TO_ECEF.transform(lon, lat, 0.0)
        ray = north * ahead / np.linalg.norm(ahead) + east * right / np.linalg.norm(right) - down * over
        distance = 0.0
        while True:
            distance += step
            at_lon, at_lat, at_alt = TO_GEODETIC.transform(*(origin + distance * ray))
            if at_alt - geoid <= self.height_amsl(at_lat, at_lon):
                return at_lat, at_lon, at_alt - geoid, distance


def ours(place, terrain):
    lat, lon, alt_amsl, yaw, pitch = place
    pose = Pose(
        t_utc_ns=0, lat_deg=lat, lon_deg=lon, alt_hae_m=float(amsl_to_hae_m(lat, lon, alt_amsl)), yaw_deg=0.0,
        pitch_deg=0.0, roll_deg=0.0, gimbal_yaw_deg=yaw, gimbal_pitch_deg=pitch, gimbal_frame=GimbalFrame.EARTH,
    )  # fmt: skip
    return locate(poses=pose, camera=CAMERA, uv_px=CENTRE, terrain=terrain, sigmas=PoseSigmas())[0]


def xmp_number(text, name):
    return float(re.search(name + r"[=\"'>]+([-+]?[\d.]+)", text).group(1))


def skydio_place(path):
    text = path.read_bytes().decode("latin-1")
    camera = text[text.index("CameraOrientationNED") :]
    return (
        xmp_number(text, "drone-skydio:Latitude"),
        xmp_number(text, "drone-skydio:Longitude"),
        xmp_number(text, "drone-skydio:AbsoluteAltitude"),
        xmp_number(camera, "drone-skydio:Yaw"),
        xmp_number(camera, "drone-skydio:Pitch"),
    )


@pytest.mark.parametrize(
    ("picture", "dem"),
    [
        ("photos/openathena/skydio-catilina.jpg", "photos/openathena/skydio-catilina-dem.tiff"),
        ("photos/openathena/S1008521.JPG", "photos/openathena/S1008521.tiff"),
    ],
)
def test_centre_ray_of_skydio_pictures(picture, dem, shared_data):
    place = skydio_place(shared_data / picture)
    lat, lon, alt_amsl, distance = Oracle(shared_data, dem).march(*place)
    found = ours(place, read_terrain(shared_data / dem))
    apart, _ = inverse(lat, lon, found.lat_deg, found.lon_deg)
    print(f"{picture}: {float(apart):.2f} m apart, slant {found.slant_m:.1f} m, CE90 {found.ce90_m:.1f} m")
    assert apart < 0.5
    assert found.slant_m == pytest.approx(distance, abs=0.6)
    assert float(hae_to_amsl_m(found.lat_deg, found.lon_deg, found.alt_hae_m)) == pytest.approx(alt_amsl, abs=0.3)


def test_what_openathena_showed_for_its_example(shared_data):
    """Numbers read off the screenshot oa-calculate.png: input, distance and target of DJI_0419 on cobb.tiff.

    OpenAthena's terrain height there is what bilinear interpolation gives when posts
    lie on the corners of pixels; this raster's lie in their middles (PixelIsArea).
    The oracle with posts on corners lands on its answer, and on ours without.
    """
    place = (33.837189, -84.53877, 416.99, 172.4, -36.0)
    shown = (33.835459, -84.538492)
    dem = "photos/openathena/cobb.tiff"
    found = ours(place, read_terrain(shared_data / dem))
    assert inverse(*shown, found.lat_deg, found.lon_deg)[0] < 4.0
    assert found.slant_m == pytest.approx(240.164, abs=4.0)
    lat, lon, _, distance = Oracle(shared_data, dem, post_offset=0.0).march(*place)
    assert inverse(*shown, lat, lon)[0] < 2.5
    assert distance == pytest.approx(240.164, abs=2.0)
    lat, lon, _, distance = Oracle(shared_data, dem).march(*place)
    assert inverse(lat, lon, found.lat_deg, found.lon_deg)[0] < 0.3
    assert found.slant_m == pytest.approx(distance, abs=0.3)


def test_nadir_picture_of_brighton_beach_lands_under_the_aircraft(shared_data):
    """No terrain model comes with it: the ground is where its own barometer has the take-off point."""
    text = (shared_data / "photos/brighton_beach/images/DJI_0018.JPG").read_bytes().decode("latin-1")
    lat, lon = 46 + 50 / 60 + 33.3855 / 3600, -(91 + 59 / 60 + 40.4156 / 3600)  # EXIF GPS of the picture
    altitude, relative = xmp_number(text, "AbsoluteAltitude"), xmp_number(text, "RelativeAltitude")
    yaw, pitch = xmp_number(text, "GimbalYawDegree"), xmp_number(text, "GimbalPitchDegree")
    ground_hae_m = float(amsl_to_hae_m(lat, lon, altitude - relative))
    found = ours((lat, lon, altitude, yaw, pitch), FlatTerrain(height_m=ground_hae_m))
    apart, azimuth = inverse(lat, lon, found.lat_deg, found.lon_deg)
    assert apart[()] == pytest.approx(relative / math.tan(math.radians(-pitch)), abs=0.02)
    assert azimuth[()] == pytest.approx(yaw, abs=5.0)
    assert found.slant_m == pytest.approx(relative, abs=0.01)
