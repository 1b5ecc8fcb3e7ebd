"""The command as its user runs it: numbers, refusals, exit statuses."""

import json

import numpy as np
import pytest

from geo.terrain_file import read_terrain
from vedette.main import main

POSE = "50,8,320,75,-30,0"
CAMERA = "62,1920,1080"


def run(capsys, *arguments):
    status = main(["locate", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_json_of_a_pose_on_an_accepted_plane(capsys):
    status, out, _ = run(capsys, "--pose", POSE, "--camera", CAMERA, "--flat-alt-amsl-m", "100", "--json")
    row = json.loads(out)
    assert status == 0
    assert row["ground"] == "flat plane"
    assert row["slant_m"] == pytest.approx(440.0, abs=0.1)
    assert row["alt_amsl_m"] == pytest.approx(100.0, abs=0.1)
    assert row["alt_hae_m"] == pytest.approx(148.5, abs=0.2)
    assert row["mgrs"] == "32UMA2870239203"
    assert row["reason"] is None
    assert row["le90_m"] == pytest.approx(3.29, abs=0.01)
    assert row["ce90_m"] > 30.0


def test_several_pixels_and_the_sky(capsys):
    status, out, _ = run(capsys, "--pose", "50,8,320,75,0,0", "--camera", CAMERA, "--flat-alt-amsl-m", "100", "--json",
                         "--pixel", "960,1000", "--pixel", "960,10")  # fmt: skip
    ground, sky = (json.loads(line) for line in out.splitlines())
    assert status == 1
    assert ground["reason"] is None
    assert sky["reason"] == "above horizon"
    assert sky["lat_deg"] is None
    assert sky["mgrs"] is None


def test_a_known_bias_is_taken_off_and_recorded(capsys):
    common = ("--camera", CAMERA, "--flat-alt-amsl-m", "100", "--json")
    _, plain, _ = run(capsys, "--pose", POSE, *common)
    _, mended, _ = run(capsys, "--pose", "50,8,320,78,-29,0", "--yaw-bias-deg", "3", "--pitch-bias-deg", "1", *common)
    one, other = json.loads(plain), json.loads(mended)
    assert (one["lat_deg"], one["lon_deg"]) == (pytest.approx(other["lat_deg"]), pytest.approx(other["lon_deg"]))
    assert (other["yaw_bias_deg"], other["pitch_bias_deg"]) == (3.0, 1.0)


def test_flat_ground_says_so_to_a_person(capsys):
    _, out, _ = run(capsys, "--pose", POSE, "--camera", "DJI Mavic 3", "--flat-alt-amsl-m", "100")
    assert "assumed flat plane" in out
    assert "CE90" in out


@pytest.mark.parametrize(
    ("picture", "dem", "pixel"),
    [("skydio-catilina.jpg", "skydio-catilina-dem.tiff", "750,422"), ("S1008521.JPG", "S1008521.tiff", "320,256")],
)
def test_real_pictures(picture, dem, pixel, shared_data, capsys):
    folder = shared_data / "photos/openathena"
    status, out, _ = run(capsys, str(folder / picture), "--terrain", str(folder / dem), "--pixel", pixel, "--json")
    row = json.loads(out)
    assert status == 0
    ground = read_terrain(folder / dem).height_hae_m(np.array([row["lat_deg"]]), np.array([row["lon_deg"]]))[0]
    assert row["alt_hae_m"] == pytest.approx(ground, abs=0.01)
    assert row["ground"] == "terrain"
    assert row["ce90_m"] > 1.0


def test_off_centre_pixel_of_a_picture_of_unknown_field_of_view_is_refused(shared_data, capsys):
    folder = shared_data / "photos/openathena"
    common = (str(folder / "S1008521.JPG"), "--terrain", str(folder / "S1008521.tiff"), "--pixel", "10,10")
    status, _, err = run(capsys, *common)
    assert status == 2
    assert "only its centre 320,256 can be placed" in " ".join(err.split())
    status, _, _ = run(capsys, *common, "--camera", "36,640,512")
    assert status == 0


def test_the_wrong_terrain_says_what_it_covers(shared_data, capsys):
    folder = shared_data / "photos/openathena"
    status, out, err = run(capsys, str(folder / "skydio-catilina.jpg"), "--terrain", str(folder / "S1008521.tiff"))
    assert status == 1
    assert "no terrain" in out
    assert "the terrain covers 29.7" in err


def test_a_picture_turned_by_a_viewer_is_a_finding(shared_data, capsys):
    path = shared_data / "photos/brighton_beach/images/DJI_0024.JPG"
    status, out, err = run(capsys, str(path), "--flat-alt-amsl-m", "158", "--json")
    assert status == 1
    assert "Photo Viewer" in err
    assert any("turned" in problem for problem in json.loads(out)["problems"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "give either a picture or --pose"),
        (["--pose", POSE, "--flat-alt-amsl-m", "0"], "--pose needs --camera"),
        (["--pose", "50,8,320", "--camera", CAMERA, "--flat-alt-amsl-m", "0"], "--pose needs 6 numbers"),
        (["--pose", "8,500,320,0,0,0", "--camera", CAMERA, "--flat-alt-amsl-m", "0"], "is no place on Earth"),
        (["--pose", "50,8,320,0,-120,0", "--camera", CAMERA, "--flat-alt-amsl-m", "0"], "between -90"),
        (["--pose", POSE, "--camera", "fc9999", "--flat-alt-amsl-m", "0"], "no camera is named 'fc9999'"),
        (["--pose", POSE, "--camera", "190,100,100", "--flat-alt-amsl-m", "0"], "between 0 and 180"),
        (["--pose", POSE, "--camera", CAMERA], "give the ground"),
        (["--pose", POSE, "--camera", CAMERA, "--terrain", "a", "--flat-alt-amsl-m", "0"], "give the ground"),
        (["--pose", POSE, "--camera", CAMERA, "--terrain", "gone.tif"], "gone.tif does not exist"),
        (["--pose", POSE, "--camera", CAMERA, "--terrain", "a", "--terrain-datum", "msl"], "is neither egm96 nor hae"),
        (["--pose", POSE, "--camera", CAMERA, "--flat-alt-amsl-m", "0", "--pixel", "a,b"], "--pixel needs 2 numbers"),
        (["--pose", POSE, "--camera", CAMERA, "--flat-alt-amsl-m", "0", "--pixel", "9999,0"], "outside the picture"),
        (["--pose", POSE, "--camera", CAMERA, "--flat-alt-amsl-m", "nan"], "needs a height in metres"),
        (["gone.jpg", "--flat-alt-amsl-m", "0"], "no such file"),
    ],
)
def test_bad_input_is_one_sentence(arguments, sentence, capsys):
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert not out
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err
