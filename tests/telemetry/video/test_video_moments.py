"""Moments of frames: what was worked out for all of a clip at once is what the clock says of each."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from telemetry.videos.frame import NO_TIME
from telemetry.videos.video_file import read_video
from telemetry.videos.video_moments import FrameMoments


def test_moments_worked_out_together_are_those_of_the_clock_and_so_are_those_of_no_known_picture(clip) -> None:
    with read_video(clip.path) as reader:
        posing, known = reader.posing, reader.clip.picture_pts_s
    moments = FrameMoments(posing, known[::2], np.zeros(len(known[::2]), np.int64))
    none_known = FrameMoments(posing, np.array([np.nan]), np.zeros(1, np.int64))
    asked = [*(Fraction(pts) for pts in known), Fraction(known[0]) - 1, Fraction(known[-1]) + Fraction(1, 3)]
    wanted = posing.clock.utc_ns(np.array([float(pts) for pts in asked]))
    assert len(known) == len(clip.times_ns) == 24
    assert np.abs(wanted[:24] - np.array(clip.times_ns)).max() < 20_000
    for made in (moments, none_known):
        assert [made.moment(pts, 0, []) for pts in asked] == wanted.tolist()
        assert made.moment(asked[0], 1, []) == NO_TIME
