"""``vedette calibrate`` over a clip whose telemetry is wrong by a known boresight, and what the file then mends."""

from __future__ import annotations

import json

import pytest

from geo.locate import project
from telemetry.recordings.open_recordings import open_recordings
from telemetry.recordings.reading import read
from telemetry.recordings.reading_options import ReadingOptions, parse_stated_camera
from tests.vedette.flown_marks import LENS, TRUE, write_flight_over_marks
from vedette.main import main


@pytest.fixture(scope="module")
def flown(tmp_path_factory):
    """Return a clip that circles five marks, and the table of where they are seen."""
    folder = tmp_path_factory.mktemp("flown")
    write_flight_over_marks(folder / "flight.ts", folder / "marks.csv")
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


def test_what_is_doubtful_of_the_clip_is_said(tmp_path, capsys, monkeypatch):
    """A clip of 2090 was dated by a wrong clock, or this computer's is wrong."""
    monkeypatch.setattr("tests.vedette.flown_marks.T0_NS", 3_786_912_000_000_000_000)
    clip, marks = tmp_path / "late.ts", tmp_path / "marks.csv"
    write_flight_over_marks(clip, marks)
    assert main(["calibrate", str(clip), str(marks), "--out", str(tmp_path / "a.toml")]) == 0
    assert "its times reach to 2090-01-01T00:00:11 UTC" in capsys.readouterr().err
    assert main(["calibrate", str(clip), str(marks), "--out", str(tmp_path / "b.toml"), "--json"]) == 0
    assert any("its times reach to 2090" in one for one in json.loads(capsys.readouterr().out)["problems"])
    offset = ["klv", "offset", str(clip), str(clip)]
    assert main(offset) == 1  # its pictures are one grey: there is nothing that moves
    assert "its times reach to 2090-01-01T00:00:11 UTC" in capsys.readouterr().err
    assert main([*offset, "--json"]) == 1
    assert any(one["kind"] == "clock_ahead" for one in json.loads(capsys.readouterr().out)["log_problems"])


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ("media_s,u_px,v_px,lat_deg\n1,2,3,4\n", "lon_deg, alt_amsl_m"),
        ("media_s,u_px,v_px,lat_deg,lon_deg,alt_amsl_m\n1,2,3,400,5,6\n", "line 2: lat_deg"),
        ("media_s,u_px,v_px,lat_deg,lon_deg,alt_amsl_m\n", "holds no rows"),
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
