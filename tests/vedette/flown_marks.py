"""A flight over known marks, filmed by a camera that is mounted aside by known angles."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from geo.calibration import boresight_matrix
from geo.locate import project
from geo.rotation import matrix_to_yaw_pitch_roll, yaw_pitch_roll_matrix
from geo.values import CameraModel, GimbalFrame, Pose
from telemetry.klv import encode
from telemetry.videos.stream_writer_file import StreamWriter

if TYPE_CHECKING:
    from pathlib import Path

T0_NS = 1_767_225_600_000_000_000
MARKS = ((50.0, 8.0), (50.0007, 8.0002), (50.0003, 8.0012), (49.9995, 8.0009), (50.0010, 8.0010))
TRUE = (1.5, -0.7, 0.4)
LENS = CameraModel.from_fov(hfov_deg=45.0, width_px=640, height_px=360)


def pose(yaw, pitch, roll, lat, lon, alt):
    angles = {"gimbal_yaw_deg": yaw, "gimbal_pitch_deg": pitch, "gimbal_roll_deg": roll}
    flat = {"yaw_deg": 0.0, "pitch_deg": 0.0, "roll_deg": 0.0, "gimbal_frame": GimbalFrame.EARTH}
    return Pose(t_utc_ns=0, lat_deg=lat, lon_deg=lon, alt_hae_m=alt, **angles, **flat)


def write_flight_over_marks(clip: Path, marks: Path) -> None:
    """Write a clip that circles five marks, and the table of where they are seen."""
    rows = ["media_s,u_px,v_px,lat_deg,lon_deg,alt_hae_m"]
    rng = np.random.default_rng(3)
    with StreamWriter(clip, width_px=640, height_px=360, fps=Fraction(5)) as writer:
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
    marks.write_text("\n".join(rows) + "\n")
