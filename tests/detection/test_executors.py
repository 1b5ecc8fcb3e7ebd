"""Pictures looked at in several processes: the same result, also when one of them dies."""

from __future__ import annotations

import dataclasses
import os
import signal
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.errors import ModelError
from detection.executors import LocalPool
from detection.looking import InProcess, Looker, Picture, Planner, Stretch, looked_at
from detection.model_file import Reopened, load_detector
from detection.sheets import Tile
from detection.values import Detections
from geo.values import CameraModel
from operations.analysis import IngestSettings, analyse
from sitl.films.patrol_flight import PatrolFlight, PatrolShape
from sitl.films.render import render
from sitl.films.render_look import THERMAL
from sitl.films.world import Kind
from telemetry.videos.frame import Frame
from telemetry.videos.grey import in_three_channels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = PatrolShape(seconds=8.0, fps=Fraction(3, 2), line_m=300.0, groups_per_km=60.0)
TILES = tuple(Tile(left_px=x, top_px=0, width_px=60, height_px=64) for x in (0, 36))


@pytest.fixture(scope="module")
def flown() -> tuple[PatrolFlight, list[Frame]]:
    flight = PatrolFlight.flown(3, SHAPE, SHAPE.chance(3))
    frames = []
    for row, (true, told) in enumerate(zip(flight.true, flight.measured, strict=True)):
        image, _ = render(flight.world, true, SHAPE.camera, true.t_utc_ns, THERMAL)
        image = in_three_channels(np.ascontiguousarray(image[..., 0])) if row % 2 else image
        posed = dataclasses.replace(told, hfov_deg=SHAPE.hfov_deg)
        frames.append(Frame(index=row, pts_s=Fraction(row), t_utc_ns=true.t_utc_ns, image=image, pose=posed))
    return flight, frames


def test_several_processes_find_what_one_finds_bit_for_bit(flown: tuple[PatrolFlight, list[Frame]]) -> None:
    """With another number of threads each, too: hits, places, tracks, comparisons of the ground, small pictures."""
    flight, frames = flown
    detector, described = load_detector(threads=2)
    settings = IngestSettings(terrain=flight.told_ground)
    reader = SimpleNamespace(problems=(), klv_packets=0, klv_bad_checksum=0, frames=lambda: iter(frames))
    alone = analyse(reader, detector, settings, media_id="m")
    with LocalPool(2, Reopened(path=None, described=described, threads=1)) as pool:
        shared = analyse(reader, detector, dataclasses.replace(settings, executor=pool), media_id="m")
    assert len(alone.hits) > 8
    assert np.isfinite(alone.hits.contrast).all()
    assert alone.corrections == shared.corrections
    assert alone.counts == shared.counts
    wanted, found = alone.tables("run"), shared.tables("run")
    assert all(wanted[name].equals(found[name]) for name in wanted)


def test_large_pictures_are_glanced_at_alike_in_this_process_and_in_another() -> None:
    """What was seen is looked at again there: the same boxes to the bit, and more of the drawn people than without."""
    shape = dataclasses.replace(SHAPE, hfov_deg=50.0, fps=Fraction(1, 4))
    flight = PatrolFlight.flown(3, shape, shape.chance(3))
    lens = CameraModel.from_fov(hfov_deg=50.0, width_px=1920, height_px=1080)
    frames, people = [], 0
    for row, (true, told) in enumerate(zip(flight.true[:3], flight.measured[:3], strict=True)):
        image, truth = render(flight.world, true, lens, true.t_utc_ns, THERMAL)
        people += int((truth.kind == Kind.PERSON).sum())
        frames.append(
            Frame(index=row, pts_s=Fraction(row), t_utc_ns=true.t_utc_ns, image=image, pose=told, camera=lens)
        )
    detector, described = load_detector(threads=2)
    planned = list(map(Planner(detector, flight.told_ground).plan, frames))
    assert all(tile.closer is not None for one in planned for tile in one.picture.tiles)
    alone = [seen.detections for _, seen in looked_at(planned, InProcess(detector))]
    with LocalPool(1, Reopened(path=None, described=described, threads=1)) as pool:
        there = [seen.detections for _, seen in looked_at(planned, pool)]
    for one, other in zip(alone, there, strict=True):
        assert one.boxes_px.tobytes() == other.boxes_px.tobytes()
        assert one.scores.tobytes() == other.scores.tobytes()
        assert one.calibrated().tobytes() == other.calibrated().tobytes()
        assert one.contrasts().tobytes() == other.contrasts().tobytes()
        assert np.isfinite(one.contrasts()).all()
    assert sum(int((one.classes == 0).sum()) for one in alone) >= 0.7 * people > 3


def test_a_stretch_goes_on_from_the_picture_before_it(flown: tuple[PatrolFlight, list[Frame]]) -> None:
    """However long stretches are, and planned singly or together, each picture is compared with the one before."""
    flight, frames = flown

    class Blind:
        class_names = ("person",)

        def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
            return [_one_box(0.0)] * len(images)

    found = []
    for length in (1, 4, 100):
        planner = Planner(Blind(), flight.told_ground)
        executor = InProcess(Blind(), length)
        found.append([seen.shift for _, seen in looked_at(map(planner.plan, frames), executor)])
    together = Planner(Blind(), flight.told_ground).plan_all(frames)
    found.append([seen.shift for _, seen in looked_at(together, InProcess(Blind()))])
    assert sum(shift is not None for shift in found[0]) > 8
    assert found[0] == found[1] == found[2] == found[3]


def _one_box(score: float) -> Detections:
    return Detections(
        boxes_px=np.array([[300, 250, 306, 262]], np.float32), classes=np.zeros(1, np.int64),
        scores=np.array([score], np.float32),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Dies:
    """Opens a detector that kills its process the first `times` times it is asked, by marks in a folder."""

    folder: Path
    times: int

    class_names = ("person",)

    def __call__(self) -> Dies:
        return self

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        for number in range(self.times):
            try:
                (self.folder / str(number)).touch(exist_ok=False)
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        return [_one_box(float(image.mean())) for image in images]


def pictures(count: int) -> list[Stretch]:
    made = [
        Picture(image=np.full((64, 96, 3), k, np.uint8), tiles=TILES, compared=False, ground=None) for k in range(count)
    ]
    return [Stretch(before=None, pictures=(one,)) for one in made]


def test_what_a_process_was_at_when_it_was_killed_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with LocalPool(1, Dies(tmp_path, 1)) as pool:
        waiting = [pool.begin(stretch) for stretch in pictures(9)]
        found = [answers() for answers in waiting]
    wanted = [Looker(Dies(tmp_path / "none", 0)).look(stretch) for stretch in pictures(9)]
    assert [seen[0].detections.scores.tolist() for seen in found] == [s[0].detections.scores.tolist() for s in wanted]


@pytest.mark.slow
def test_pictures_that_kill_every_process_are_said(tmp_path: Path) -> None:
    with LocalPool(1, Dies(tmp_path, 99)) as pool, pytest.raises(ModelError, match="died 3 times over the same 1 pict"):
        pool.begin(pictures(1)[0])()


def test_a_model_that_was_changed_meanwhile_is_not_used() -> None:
    with pytest.raises(ModelError, match="the model was changed while it was used"):
        Reopened(path=None, described="vedette-small.onnx sha256:0", threads=1)()
