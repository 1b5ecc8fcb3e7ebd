"""``vedette calibrate`` over a clip whose telemetry is wrong by a known boresight, and what the file then mends."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from geo.calibration import boresight_matrix
from geo.locate import project
from geo.rotation import matrix_to_yaw_pitch_roll, yaw_pitch_roll_matrix
from geo.values import CameraModel, GimbalFrame, Pose
from telemetry.klv import encode
from telemetry.recordings.open_recordings import open_recordings
from telemetry.recordings.reading import read
from telemetry.recordings.reading_options import ReadingOptions, parse_stated_camera
from telemetry.videos.stream_writer_file import StreamWriter
from vedette.main import main

T0_NS = 1_767_225_600_000_000_000
MARKS = ((50.0, 8.0), (50.0007, 8.0002), (50.0003, 8.0012), (49.9995, 8.0009), (50.0010, 8.0010))
TRUE = (1.5, -0.7, 0.4)
LENS = CameraModel.from_fov(hfov_deg=45.0, width_px=640, height_px=360)


def pose(yaw, pitch, roll, lat, lon, alt):
    angles = {"gimbal_yaw_deg": yaw, "gimbal_pitch_deg": pitch, "gimbal_roll_deg": roll}
    flat = {"yaw_deg": 0.0, "pitch_deg": 0.0, "roll_deg": 0.0, "gimbal_frame": GimbalFrame.EARTH}
    return Pose(t_utc_ns=0, lat_deg=lat, lon_deg=lon, alt_hae_m=alt, **angles, **flat)


@pytest.fixture(scope="module")
def flown(tmp_path_factory):
    """Return a clip that circles five marks, and the table of where they are seen."""
    folder, rows = tmp_path_factory.mktemp("flown"), ["media_s,u_px,v_px,lat_deg,lon_deg,alt_hae_m"]
    rng = np.random.default_rng(3)
    with StreamWriter(folder / "flight.ts", width_px=640, height_px=360, fps=Fraction(5)) as writer:
        for step in range(60):
            turn = step / 60 * 2 * np.pi
            lat, lon, alt = 50.0003 + 0.0022 * np.cos(turn), 8.0006 + 0.0034 * np.sin(turn), 280.0 + step
            mark = MARKS[step % 5]
            north, east = (mark[0] - lat) * 111_229.0, (mark[1] - lon) * 71_697.0
            yaw = float(np.degrees(np.arctan2(east, north)) % 360.0) + float(rng.uniform(-9, 9))
            pitch = -float(np.degrees(np.arctan2(alt - 120.0, np.hypot(north, east)))) + float(rng.uniform(-5, 5))
            moment = T0_NS + step * 200_000_000
            values = {
                2: moment // 1000,
                5: 0.0,
                90: 0.0,
                91: 0.0,
                13: lat,
                14: lon,
                75: alt,
                16: 45.0,
                17: 26.2,
                65: 19,
            }
            klv = encode({**values, 18: yaw % 360.0, 19: pitch, 20: 0.0, 65: 19})
            writer.write(np.full((360, 640, 3), 90, dtype=np.uint8), moment, klv)
            real = yaw_pitch_roll_matrix(yaw, pitch, 0.0) @ boresight_matrix(*TRUE)
            camera = pose(*(float(one) for one in matrix_to_yaw_pitch_roll(real)), lat, lon, alt)
            (u, v), *_ = project(poses=camera, camera=LENS, lat_deg=mark[0], lon_deg=mark[1], alt_hae_m=120.0)
            rows.append(f"{1.0 + step / 5:.4f},{u:.2f},{v:.2f},{mark[0]},{mark[1]},120.0")
    (folder / "marks.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_a_boresight_is_found_kept_and_applied(flown, tmp_path, capsys):
    out = tmp_path / "camera.toml"
    arguments = ["calibrate", str(flown / "flight.ts"), str(flown / "marks.csv"), "--out", str(out)]
    assert main([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [said[name] for name in ("yaw_deg", "pitch_deg", "roll_deg")] == pytest.approx(TRUE, abs=0.1)
    assert said["ce90_after_m"] < said["ce90_before_m"] / 3
    assert main(arguments) == 2
    assert "exists already" in capsys.readouterr().err
    stated = parse_stated_camera(str(out))
    recording = open_recordings(flown / "flight.ts").recordings[0]
    with read(recording) as plain, read(recording, ReadingOptions(camera=stated)) as mended:
        before, after = next(plain.frames()), next(mended.frames())
    assert after.camera.fx_px == pytest.approx(LENS.fx_px, rel=0.01)
    (u, v), *_ = project(poses=after.pose, camera=after.camera, lat_deg=50.0, lon_deg=8.0, alt_hae_m=120.0)
    line = (flown / "marks.csv").read_text().splitlines()[1].split(",")
    assert (u, v) == pytest.approx((float(line[1]), float(line[2])), abs=4.0)
    assert before.pose.gimbal_yaw_deg != pytest.approx(after.pose.gimbal_yaw_deg, abs=0.5)
    assert after.sigmas.gimbal_yaw_deg > 0.0


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ("media_s,u_px,v_px,lat_deg\n1,2,3,4\n", "lon_deg, alt_amsl_m"),
        ("media_s,u_px,v_px,lat_deg,lon_deg,alt_amsl_m\n1,2,3,400,5,6\n", "line 2: lat_deg"),
        ("media_s,u_px,v_px,lat_deg,lon_deg,alt_amsl_m\n", "0 rows"),
        ("media_s,u_px,v_px,lat_deg,lon_deg,alt_amsl_m\n2,300,200,50,8,120\n", "4 different known points"),
    ],
)
def test_what_cannot_be_used_is_named(flown, tmp_path, capsys, table, word):
    (tmp_path / "marks.csv").write_text(table)
    arguments = ["calibrate", str(flown / "flight.ts"), str(tmp_path / "marks.csv"), "--out", str(tmp_path / "c.toml")]
    assert main(arguments) == 2
    assert word in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "c.toml").exists()


@pytest.mark.parametrize(
    "text",
    [
        *("", "a = ", "[lens]\nfx_px = 1\n", "[lens]\n[boresight]\n[covariance]\nmatrix = [[1]]\n"),
        f"[lens]\n[boresight]\n[covariance]\nmatrix = [[1{'0' * 400}]]\n",
    ],
)
def test_what_is_no_camera_file_is_named(tmp_path, text):
    from geo.errors import InputError

    (tmp_path / "camera.toml").write_text(text)
    with pytest.raises(InputError, match=r"camera\.toml"):
        parse_stated_camera(str(tmp_path / "camera.toml"))
