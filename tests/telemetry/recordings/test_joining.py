"""A clip and a log of one flight are joined by motion: offset, rate, and what the frames get of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage
from scipy.interpolate import CubicSpline

from geo.values import GimbalFrame, PoseSigmas
from telemetry.recordings.joining import join_by_motion, joint_of
from telemetry.recordings.mounts import Mount, mounted
from telemetry.recordings.reading_options import ReadingOptions
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.track_cleaning import Samples
from telemetry.tracks.track_file import write_track
from telemetry.videos.clock_map import SIGMA_S, ClockBasis
from telemetry.videos.clock_offset import Motion, track_motion

PX_PER_DEG = 6.0
SECONDS, FPS = 100, 10
LOG_NS = 1_714_557_600_000_000_000
"""The log's UTC at the clip's first picture."""


KNOTS_S = np.arange(-40.0, 341.0, 0.8)
WAY = CubicSpline(KNOTS_S, np.random.default_rng(3).normal(0.0, 1.0, (len(KNOTS_S), 2)) * (6.0, 3.0))


def look(t):
    """Pan and tilt of a hand-flown camera, degrees: smooth, and never the same again."""
    return WAY(t)[..., 0], WAY(t)[..., 1]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Return a clip without any clock, filmed by a camera that turns over a scene."""
    return filmed(tmp_path_factory.mktemp("film") / "film.mp4", SECONDS)


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    """Return five minutes of it."""
    return filmed(tmp_path_factory.mktemp("film") / "long.mp4", 300)


def filmed(path, seconds):
    import av

    scene = ndimage.gaussian_filter(np.random.default_rng(11).uniform(0, 255, (500, 700)), 2.0)
    with av.open(str(path), "w") as target:
        video = target.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "20"})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        for index in range(seconds * FPS):
            pan, tilt = look(index / FPS)
            offset = (190 - tilt * PX_PER_DEG, 270 + pan * PX_PER_DEG)
            view = ndimage.affine_transform(scene, np.eye(2), offset=offset, output_shape=(120, 160), order=1)
            spread = np.clip((view - 100) * 4, 0, 255).astype(np.uint8)
            target.mux(video.encode(av.VideoFrame.from_ndarray(np.repeat(spread[:, :, None], 3, 2), format="rgb24")))
        target.mux(video.encode(None))
    return path


def log(*, rate_ppm=0.0, gimbal=True, attitude=False, seconds=SECONDS):
    """Return the log of that flight: a clock of its own, from 30 s before to 30 s after, flying north at 10 m/s."""
    t = np.arange(-30.0, seconds + 30.0, 0.05)
    pan, tilt = look(t)
    stamps = LOG_NS + np.rint(t * (1 + rate_ppm * 1e-6) * 1e9).astype(np.int64)
    zero = np.zeros(len(t))
    angles = {"yaw_deg": pan, "pitch_deg": tilt - 40.0, "roll_deg": zero}
    lat = 48.0 + t * 10.0 / 111_000
    return assemble(
        Sampled(
            position=Samples(t_ns=stamps, columns={"lat_deg": lat, "lon_deg": zero + 11.0, "alt_amsl_m": zero + 600.0}),
            gimbal=Samples(t_ns=stamps, columns=angles) if gimbal else None,
            attitude=Samples(t_ns=stamps, columns={**angles, "pitch_deg": tilt}) if attitude else None,
            gimbal_frame=GimbalFrame.EARTH if gimbal else GimbalFrame.BODY,
        ),
        undulation=egm96,
        source="log",
        problems=[],
    )


def seen_over(seconds, noise):
    """Return the motion that a camera sees, downwards positive, with noise of two degrees a second."""
    t = np.arange(0.0, seconds, 1 / FPS)
    edges = np.stack([look(t - 0.5 / FPS), look(t + 0.5 / FPS)])
    pan, tilt = (edges[1] - edges[0]) * FPS * PX_PER_DEG / 160
    rough = noise.normal(0, 2.0 * PX_PER_DEG / 160, (2, len(t)))
    return Motion(t_s=t, pan=pan + rough[0], tilt=-tilt + rough[1])


@pytest.mark.parametrize("rate_ppm", [0.0, 200.0, -200.0])
def test_a_rate_of_200_ppm_is_found_over_five_minutes(rate_ppm):
    turning = track_motion(log(rate_ppm=rate_ppm, seconds=300.0))
    seen = seen_over(300.0, np.random.default_rng(8))
    joint = joint_of(seen, turning, by_pts=True, near_s=LOG_NS * 1e-9, reach_s=5.0)
    assert joint.offset.reason == ""
    expected = LOG_NS + joint.middle_s * (1 + rate_ppm * 1e-6) * 1e9
    assert joint.log_time_ns(joint.middle_s) == pytest.approx(expected, abs=30_000_000)
    assert joint.rate_sigma_ppm < 40.0
    assert joint.rate_ppm == pytest.approx(rate_ppm, abs=4 * joint.rate_sigma_ppm)
    assert (joint.rate_ppm == 0.0) is (rate_ppm == 0.0), "said where there is one, and only there"
    assert joint.sigma_s(300.0) < 0.03


def test_the_offset_of_a_real_clip_is_found(film):
    joint = join_by_motion(film, log(), seconds=60.0)
    assert joint.offset.reason == ""
    assert joint.by_pts
    assert joint.log_time_ns(joint.middle_s) == pytest.approx(LOG_NS + joint.middle_s * 1e9, abs=20_000_000)


def test_a_clip_is_posed_by_a_stated_log_through_its_motion(cards, film, tmp_path):
    table = tmp_path / "flight.csv"
    write_track(log(rate_ppm=600.0), table)
    ((recording, frames, problems),), _ = cards.read_all(film, ReadingOptions(every_s=5.0), track=table)
    assert "clock_rate" in problems
    segment = recording.clock.segments[0]
    assert segment.basis is ClockBasis.LOG_OFFSET
    assert segment.rate_ppm == pytest.approx(600.0, abs=300.0)
    assert "motion" in recording.clock.describe()
    for frame in frames:
        seconds = float(frame.pts_s) * (1 + 600e-6)
        assert frame.t_utc_ns == pytest.approx(LOG_NS + seconds * 1e9, abs=30_000_000)
        assert frame.pose.gimbal_yaw_deg == pytest.approx(look(float(frame.pts_s))[0], abs=2.0)


@pytest.mark.slow
@pytest.mark.parametrize("rate_ppm", [0.0, 200.0, -200.0])
def test_a_rate_of_200_ppm_planted_in_a_log_is_named_and_taken_off_every_frame(cards, long_film, tmp_path, rate_ppm):
    table = tmp_path / "flight.csv"
    write_track(log(rate_ppm=rate_ppm, seconds=300.0), table)
    ((recording, frames, problems),), _ = cards.read_all(long_film, ReadingOptions(every_s=10.0), track=table)
    segment = recording.clock.segments[0]
    assert segment.basis is ClockBasis.LOG_OFFSET
    assert ("clock_rate" in problems) is (rate_ppm != 0.0)
    assert segment.rate_ppm == pytest.approx(rate_ppm, abs=60.0)
    assert len(frames) >= 30
    for frame in frames:
        seconds = float(frame.pts_s) * (1 + rate_ppm * 1e-6)
        assert frame.t_utc_ns == pytest.approx(LOG_NS + seconds * 1e9, abs=25_000_000), "unmended, 30 ms at the ends"


def test_a_stated_offset_is_used_as_it_is(cards, film, tmp_path):
    table = tmp_path / "flight.csv"
    write_track(log(), table)
    options = ReadingOptions(every_s=20.0, offset_s=LOG_NS * 1e-9)
    ((recording, frames, _),), _ = cards.read_all(film, options, track=table)
    assert recording.clock.segments[0].basis is ClockBasis.STATED_OFFSET
    assert frames[1].t_utc_ns == pytest.approx(LOG_NS + 20 * 10**9, abs=10**6)
    sigmas = frames[1].sigmas
    assert np.hypot(sigmas.along_n_m, sigmas.along_e_m) == pytest.approx(1.0, abs=0.05), "0.1 s at 10 m/s"
    assert sigmas.position_h_m == 1.5, "a clock's error moves nothing across the way flown"


def test_a_stated_start_joins_a_log_as_well_as_a_start_is_known(cards, tmp_path):
    table = tmp_path / "flight.csv"
    write_track(log(), table)
    cards.write_mp4(tmp_path / "clip" / "still.mp4", 30)
    ((recording, frames, problems),), _ = cards.read_all(
        tmp_path / "clip", ReadingOptions(start_utc_ns=LOG_NS), track=table
    )
    assert "clock_not_checked" in problems
    assert recording.clock.segments[0].sigma_s == SIGMA_S[ClockBasis.STATED_START]
    assert frames[10].sigmas.along_n_m == pytest.approx(5.0, abs=0.1), "half a second at 10 m/s to the north"


def test_a_log_without_gimbal_messages_gives_the_true_reason(film):
    joint = join_by_motion(film, log(gimbal=False, attitude=True), seconds=10.0)
    assert "no gimbal messages" in joint.offset.reason
    assert "--mount" in joint.offset.reason
    joint = join_by_motion(film, log(gimbal=False), seconds=10.0)
    assert "no angles at all" in joint.offset.reason


def test_a_fixed_camera_joins_once_its_mount_is_stated(film):
    fixed = log(gimbal=False, attitude=True)
    turned, _, _ = mounted(fixed, Mount(yaw_deg=0.0, pitch_deg=-40.0, roll_deg=0.0), PoseSigmas())
    joint = join_by_motion(film, turned, seconds=60.0)
    assert joint.offset.reason == ""
    assert joint.log_time_ns(joint.middle_s) == pytest.approx(LOG_NS + joint.middle_s * 1e9, abs=50_000_000)


def test_another_flights_log_is_not_joined(film):
    other = log()
    turned = dataclasses.replace(other, gimbal_yaw_deg=other.gimbal_yaw_deg[::-1].copy())
    assert join_by_motion(film, turned, seconds=60.0).offset.reason
