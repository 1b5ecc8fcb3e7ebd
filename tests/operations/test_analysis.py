"""A detector that goes wrong: silent, flooding, giving what is no number. The run says so, and keeps what was found."""

from __future__ import annotations

import dataclasses
import io
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import shapely
from PIL import Image

from detection.looking import SILENT_MAX, InProcess, Planner, looked_at
from detection.values import Detections
from geo.terrain import FlatTerrain
from geo.terrain_plane import UnknownGround
from geo.values import GimbalFrame, Pose, PoseSigmas
from operations.analysis import PROBLEMS_MAX, FrameAnalysis, IngestSettings, analyse
from operations.chips import cut_chip
from telemetry.videos.frame import Frame

NOTHING = {
    "boxes_px": np.zeros((0, 4), np.float32),
    "classes": np.zeros(0, np.int64),
    "scores": np.zeros(0, np.float32),
}


class Says:
    """Gives the answers in turn, then the last one for ever."""

    class_names = ("person",)

    def __init__(self, *answers: Detections) -> None:
        self.answers, self.asked = answers, 0

    def detect(self, images: list[np.ndarray]) -> list[Detections]:
        self.asked += 1
        return [self.answers[min(self.asked, len(self.answers)) - 1]] * len(images)


def reader(count: int) -> SimpleNamespace:
    image = np.zeros((64, 96, 3), np.uint8)
    frames = [Frame(index=k, pts_s=Fraction(k), t_utc_ns=k * 10**9, image=image, pose=None) for k in range(count)]
    return SimpleNamespace(problems=(), klv_packets=0, klv_bad_checksum=0, frames=lambda: iter(frames))


def analysed(detector: Says, count: int):
    return analyse(reader(count), detector, IngestSettings(terrain=FlatTerrain(height_m=0.0)), media_id="m")


SILENT = Detections(**NOTHING, problems=("the detector gave no answer within 30 s",), answered=False)
FINE = Detections(
    boxes_px=np.array([[1, 2, 9, 20]], np.float32), classes=np.zeros(1, np.int64), scores=np.array([0.9], np.float32)
)


def test_a_detector_that_hangs_is_given_up_and_what_was_found_is_kept() -> None:
    detector = Says(FINE, FINE, SILENT)
    found = analysed(detector, 100)
    assert detector.asked == 2 + SILENT_MAX
    assert (found.partial, found.counts["frames"], len(found.hits)) == (True, 2 + SILENT_MAX, 2)
    assert (
        found.problems[-1] == f"the detector gave no answer to {SILENT_MAX} frames in a row: the rest was not looked at"
    )


def test_one_frame_without_an_answer_ends_nothing() -> None:
    found = analysed(Says(FINE, SILENT, FINE, SILENT, FINE), 10)
    assert (found.partial, found.counts["frames"]) == (False, 10)
    assert len(found.problems) == 2


@pytest.mark.parametrize("count", [10, 10 * PROBLEMS_MAX])
def test_problems_of_every_frame_are_told_up_to_a_limit(count: int) -> None:
    found = analysed(
        Says(Detections(**NOTHING, problems=("2 boxes with numbers that are not finite were dropped",))), count
    )
    assert len(found.problems) == min(count, PROBLEMS_MAX + 1)
    assert found.counts["frames"] == count
    if count > PROBLEMS_MAX:
        assert found.problems[-1] == f"and {count - PROBLEMS_MAX} more problems of frames"


def test_what_is_placed_kilometres_away_lies_in_a_footprint() -> None:
    """From 3 km up, 25 degrees down: 7.1 km of slant to the middle of the picture."""
    pose = Pose(t_utc_ns=10**18, lat_deg=50.0, lon_deg=8.0, alt_hae_m=3000.0, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0,
                gimbal_pitch_deg=-25.0, gimbal_frame=GimbalFrame.EARTH, hfov_deg=20.0, vfov_deg=15.0)  # fmt: skip
    image = np.zeros((64, 96, 3), np.uint8)
    far = SimpleNamespace(**vars(reader(0)))
    far.frames = lambda: iter([Frame(index=0, pts_s=Fraction(0), t_utc_ns=10**18, image=image, pose=pose)])
    steady = PoseSigmas(yaw_deg=0.1, pitch_deg=0.1, roll_deg=0.1)
    settings = IngestSettings(terrain=FlatTerrain(height_m=0.0), sigmas=steady)
    found = analyse(far, Says(FINE), settings, media_id="m")
    (placed,) = found.hits.ce90_m
    assert np.isfinite(placed)
    shown = shapely.Polygon(found.frames.ring_lon_lat)
    assert shown.contains(shapely.Point(found.hits.lon_deg[0], found.hits.lat_deg[0]))
    assert (shown.bounds[3] - 50.0) * 111_250.0 > 8_000.0


@pytest.mark.parametrize(("pitch_deg", "least_px", "looks"), [(20.0, None, 0), (20.0, 0.0, 3), (-60.0, None, 3)])
def test_pictures_of_sky_alone_are_not_looked_at_and_that_is_said(pitch_deg, least_px, looks) -> None:
    """Where the told pitch is wrong, nobody may think that the ground was looked at."""
    flight = flown([0, 10, 20], [8.0] * 3)
    frames = [
        dataclasses.replace(
            frame,
            image=np.zeros((1024, 1280, 3), np.uint8),
            pose=dataclasses.replace(frame.pose, gimbal_pitch_deg=pitch_deg),
        )
        for frame in flight.frames()
    ]
    flight.frames = lambda: iter(frames)
    settings = IngestSettings(terrain=FlatTerrain(height_m=0.0), person_min_px=least_px)
    detector = Says(Detections(**NOTHING))
    found = analyse(flight, detector, settings, media_id="m")
    assert detector.asked == looks
    said = [text for text in found.problems if text.startswith("3 of 3 frames were not looked at: by their poses")]
    assert len(said) == (1 if looks == 0 else 0)


class Eastern:
    """Terrain east of a meridian, and none west of it."""

    def height_hae_m(self, lat_deg: np.ndarray, lon_deg: np.ndarray) -> np.ndarray:
        return np.where(np.asarray(lon_deg) > 8.0, 0.0, np.nan) + 0.0 * np.asarray(lat_deg)


def flown(at_s: list[float], lon_deg: list[float]) -> SimpleNamespace:
    """Return pictures from 100 m, looking 60 degrees down, at these seconds over these meridians."""
    image = np.zeros((64, 96, 3), np.uint8)

    def frame(index: int, seconds: float, lon: float) -> Frame:
        t_ns = 10**18 + round(seconds * 1e9)
        pose = Pose(t_utc_ns=t_ns, lat_deg=50.0, lon_deg=lon, alt_hae_m=100.0, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0,
                    gimbal_pitch_deg=-60.0, gimbal_frame=GimbalFrame.EARTH, hfov_deg=20.0, vfov_deg=15.0)  # fmt: skip
        return Frame(index=index, pts_s=Fraction(index), t_utc_ns=t_ns, image=image, pose=pose)

    frames = [frame(k, *row) for k, row in enumerate(zip(at_s, lon_deg, strict=True))]
    return SimpleNamespace(problems=(), klv_packets=0, klv_bad_checksum=0, frames=lambda: iter(frames))


@pytest.mark.parametrize(("ground", "off"), [(Eastern(), 2), (FlatTerrain(height_m=0.0), 0), (UnknownGround(), 0)])
def test_terrain_that_ends_under_the_flight_is_said_though_nothing_was_found(ground, off) -> None:
    flight = flown([0, 10, 20, 30, 40], [7.99, 7.995, 8.01, 8.02, 8.03])
    found = analyse(flight, Says(Detections(**NOTHING)), IngestSettings(terrain=ground), media_id="m")
    assert found.counts.get("off_terrain", 0) == off
    assert [f"{off} of the 5 places" in text for text in found.problems] == ([True] if off else [])


def test_pictures_of_an_earlier_flight_later_in_the_folder_show_their_ground_too() -> None:
    flight = flown([100, 101, 110, 0, 1, 10], [8.0] * 6)
    settings = IngestSettings(terrain=FlatTerrain(height_m=0.0), footprint_every_s=4.0)
    found = analyse(flight, Says(Detections(**NOTHING)), settings, media_id="m")
    assert found.frames.with_footprint.tolist() == [0, 2, 3, 5]


@pytest.mark.parametrize("box", [(200.0, 10.0, 220.0, 40.0), (-90.0, -80.0, -50.0, -40.0), (10.0, 500.0, 30.0, 540.0)])
def test_a_box_outside_the_picture_gives_the_nearest_edge(box) -> None:
    chip = Image.open(io.BytesIO(cut_chip(np.full((64, 96, 3), 77, np.uint8), box)))
    assert min(chip.size) >= 1
    assert abs(int(np.asarray(chip).mean()) - 77) <= 2


def test_hits_beyond_the_first_pictures_are_said_and_a_live_run_begins_anew_with_each_commit() -> None:
    settings = IngestSettings(terrain=FlatTerrain(height_m=0.0), max_chips=3)
    found = analyse(reader(5), Says(FINE), settings, media_id="m")
    assert len(found.chips) == 3
    assert found.problems[-1].startswith("2 hits beyond the first 3 have no picture of their own")
    live = FrameAnalysis(media_id="m", settings=settings, class_names=Says(FINE).class_names)
    planner = Planner(Says(FINE), settings.terrain, settings.person_min_px)
    cut = 0
    for planned, seen in looked_at(map(planner.plan, reader(5).frames()), InProcess(Says(FINE))):
        live.take(planned, seen)
        cut += len(live.drain("run")["chips"])
    assert (cut, live.told()) == (5, [])
