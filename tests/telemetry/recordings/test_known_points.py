"""Sightings of known points: what is no table of them is refused by line and column, however long it is."""

from __future__ import annotations

import pytest

from geo.errors import InputError
from telemetry.recordings import known_points_file
from telemetry.recordings.known_points_file import read_known_points
from telemetry.tracks.datums import egm96
from vedette.main import main

HEAD = "media_s,u_px,v_px,lat_deg,lon_deg,alt_hae_m\n"
ROW = "1.0,320.5,180.5,50.0,8.0,120.0\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD, "holds no rows"),
        (HEAD + ROW * 4, "holds more than 3 rows"),
        (HEAD + ROW + ROW.replace("50.0", "north"), "line 3: lat_deg is no number"),
        (HEAD.replace("u_px", "x") + ROW, "no column u_px"),
    ],
)
def test_what_is_no_table_of_sightings_is_refused_by_name(tmp_path, monkeypatch, text, words):
    monkeypatch.setattr(known_points_file, "MOST_ROWS", 3)
    path = tmp_path / "points.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_known_points(path, egm96)


def test_a_clip_whose_subtitles_tell_one_field_of_view_warns_of_nothing(tmp_path, cards, capsys):
    """What numpy has to say of a column without numbers is nothing for a person; here every warning fails."""
    cards.write_mp4(tmp_path / "a.mp4", 12)
    cards.write_srt(tmp_path / "a.srt", 12)
    rows = [f"{k / 10},{20 + k},{30 + k},{48.0 + k % 5 * 1e-5},11.0,500.0" for k in range(12)]
    (tmp_path / "marks.csv").write_text("\n".join(["media_s,u_px,v_px,lat_deg,lon_deg,alt_amsl_m", *rows]) + "\n")
    assert (
        main(["calibrate", str(tmp_path / "a.mp4"), str(tmp_path / "marks.csv"), "--out", str(tmp_path / "c.toml")])
        == 2
    )
    assert capsys.readouterr().err.startswith("error: the points lie 61 degrees from where the camera looked")
