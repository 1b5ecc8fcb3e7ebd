"""Stretches of films made for browsers, judged by FFmpeg's own reader."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from telemetry.errors import MediaError
from telemetry.videos.browser_file import playable

KWIVER = Path(__file__).parents[4] / "shared" / "data" / "klv" / "kwiver" / "videos"


def pictures(data, tmp_path):
    """Return the time and the mean brightness of each picture, as another reader has them."""
    path = tmp_path / "stretch.mp4"
    path.write_bytes(data)
    with av.open(str(path)) as film:
        return [(float(one.pts * one.time_base), one.to_ndarray(format="gray")) for one in film.decode(video=0)]


def test_a_stretch_begins_at_a_picture_that_decodes_alone_and_times_are_the_films(long_clip, tmp_path):
    film = playable(long_clip.path, 12.0, 17.0)
    assert film.copied
    assert (film.width_px, film.height_px, film.codec) == (160, 120, "h264")
    with av.open(str(long_clip.path)) as whole:
        known = {float(one.pts * one.time_base): one.to_ndarray(format="gray") for one in whole.decode(video=0)}
    start = float(film.start_s)
    assert 9.0 < start <= 12.0
    shown = pictures(film.data, tmp_path)
    assert shown[0][0] == pytest.approx(0.0, abs=1e-3)
    for at, image in shown:
        theirs = min(known, key=lambda pts: abs(pts - start - at))
        assert abs(theirs - start - at) < 2e-3
        assert np.array_equal(known[theirs], image)
    assert start + shown[-1][0] == pytest.approx(17.0, abs=0.3)


@pytest.mark.parametrize("name", ["h265_klv.ts", "mpeg2_klv.ts"])
def test_what_browsers_do_not_play_is_encoded_anew(name, tmp_path):
    path = KWIVER / name
    if not path.exists():
        pytest.skip("the public clips are not here")
    with av.open(str(path)) as whole:
        theirs = [float(one.pts * one.time_base) for one in whole.decode(video=0)]
    film = playable(path, theirs[0], theirs[0] + 5.0)
    assert not film.copied
    assert float(film.start_s) == pytest.approx(theirs[0])
    shown = [float(film.start_s) + at for at, _ in pictures(film.data, tmp_path)]
    assert len(shown) == len(theirs)
    assert np.allclose(shown, theirs, atol=2e-3)
    probe = shutil.which("ffprobe")
    if probe is not None:
        asked = [probe, "-v", "error", "-show_entries", "stream=codec_name,pix_fmt", "-of", "json"]
        told = subprocess.run([*asked, tmp_path / "stretch.mp4"], capture_output=True, check=True, timeout=60)
        assert json.loads(told.stdout)["streams"] == [{"codec_name": "h264", "pix_fmt": "yuv420p"}]


def test_what_cannot_be_played_is_one_sentence(tmp_path, long_clip):
    noise = tmp_path / "noise.ts"
    noise.write_bytes(bytes(range(256)) * 400)
    with pytest.raises(MediaError, match=r"noise\.ts cannot be played there"):
        playable(noise, 0.0, 10.0)
    with pytest.raises(MediaError, match="cannot be played there"):
        playable(long_clip.path, 5000.0, 5010.0)
    with pytest.raises(MediaError, match="up to 60 s"):
        playable(long_clip.path, 0.0, 1000.0)
    with pytest.raises(MediaError, match="streams of pictures"):
        playable(long_clip.path, 0.0, 10.0, stream=3)
