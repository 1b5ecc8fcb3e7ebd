from __future__ import annotations

import dataclasses
import io
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from geo.locate import project
from sitl.films.render import render
from sitl.films.render_look import THERMAL
from sitl.films.render_shapes import lot_of
from sitl.films.training_set_file import (
    counts_as_label,
    h264_key_frame,
    training_picture,
    write_training_set,
    yolo_labels,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from geo.values import CameraModel, Pose
    from sitl.films.world import World

T0 = 1_750_000_000_000_000_000


def test_a_set_is_written_with_labels_and_the_same_seed_writes_the_same(tmp_path: Path) -> None:
    told: list[int] = []
    data = write_training_set(tmp_path / "a", count=3, seed=5, size_px=160, report=told.append)
    write_training_set(tmp_path / "b", count=3, seed=5, size_px=160)
    assert told == [1, 2, 3]
    assert "0: person" in data.read_text()
    assert "1: vehicle" in data.read_text()
    names = sorted(str(path.relative_to(tmp_path / "a")) for path in (tmp_path / "a").rglob("*.*g"))
    assert names == [f"images/train/{n:05d}.jpg" for n in range(3)]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    write_training_set(tmp_path / "c", count=1, seed=6, size_px=160)
    assert (tmp_path / "a" / names[0]).read_bytes() != (tmp_path / "c" / names[0]).read_bytes()


def test_an_interrupted_set_goes_on(tmp_path: Path) -> None:
    """What is there stays; a picture without its label was being written when the run ended, and is drawn again."""
    write_training_set(tmp_path, count=3, seed=5, size_px=160)
    images, labels = tmp_path / "images" / "train", tmp_path / "labels" / "train"
    whole = (images / "00001.jpg").read_bytes()
    (images / "00000.jpg").write_bytes(b"kept")
    (images / "00001.jpg").write_bytes(whole[:40])
    (labels / "00001.txt").unlink()
    write_training_set(tmp_path, count=3, seed=5, size_px=160)
    assert (images / "00000.jpg").read_bytes() == b"kept"
    assert (images / "00001.jpg").read_bytes() == whole
    assert (labels / "00001.txt").is_file()


def test_labels_are_shares_of_the_picture_around_the_true_boxes() -> None:
    kinds = set()
    for seed in range(12):
        picture, truth = training_picture(np.random.default_rng(seed), 160, 160)
        assert Image.open(io.BytesIO(picture)).size == (160, 160)
        lines = [line.split() for line in yolo_labels(truth, 160).splitlines()]
        table = np.array(lines, dtype=np.float64).reshape(-1, 5)
        kept = truth.boxes_px[counts_as_label(truth)]
        centre, size = table[:, 1:3] * 160, table[:, 3:5] * 160
        assert np.allclose(np.hstack([centre - size / 2, centre + size / 2]), kept, atol=1e-3)
        assert ((table[:, 1:] >= 0) & (table[:, 1:] <= 1)).all()
        kinds |= set(table[:, 0].tolist())
    assert kinds == {0.0, 1.0}


def test_a_key_frame_is_like_the_picture_but_not_the_same(rng: np.random.Generator) -> None:
    smooth = np.asarray(Image.fromarray(rng.integers(0, 256, (8, 10, 3), dtype=np.uint8)).resize((160, 128)))
    spoilt = h264_key_frame(smooth, crf=30)
    assert spoilt.shape == smooth.shape
    assert 0.2 < np.abs(spoilt.astype(int) - smooth.astype(int)).mean() < 12.0


@pytest.mark.parametrize("name", ["animal", "hut", "rock"])
def test_what_is_planted_is_drawn_at_its_place_and_carries_no_label(
    name: str, lone_world: Callable[..., World], camera: CameraModel, looking_at: Callable[..., Pose]
) -> None:
    bare = lone_world([(20.0, 5.0)])
    planted = dataclasses.replace(bare, planted=((8.0, -6.0, lot_of(name, np.random.default_rng(4))),))
    pose = looking_at(bare, 10.0, 0.0, depression_deg=88.0)
    look = dataclasses.replace(THERMAL, noise=0.0, blur_px=0.0)
    (without, truth), (with_it, after) = (render(one, pose, camera, T0, look) for one in (bare, planted))
    assert np.array_equal(truth.boxes_px, after.boxes_px)
    rows, columns = np.nonzero(np.any(without != with_it, axis=2))
    lat, lon = bare.to_geodetic(np.array([8.0]), np.array([-6.0]))
    place = project(poses=pose, camera=camera, lat_deg=lat, lon_deg=lon, alt_hae_m=np.array([180.5]))[0]
    metre_px = camera.fx_px / 80.0
    assert abs(columns.mean() - place[0]) < 0.7 * metre_px
    assert abs(rows.mean() - place[1]) < 0.7 * metre_px
    wide_m = {"animal": (0.7, 3.5), "hut": (3.0, 10.0), "rock": (0.2, 3.5)}[name]
    assert wide_m[0] * metre_px < np.ptp(columns) + 1 < wide_m[1] * metre_px


def test_training_pictures_are_strewn_with_what_is_taken_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """An animal stands in every second picture; in a world as it is there is one in eighty."""
    from sitl.films import training_set_file

    seen: list[str] = []
    monkeypatch.setattr(training_set_file, "lot_of", lambda name, rng: seen.append(str(name)) or lot_of(name, rng))
    for seed in range(16):
        training_picture(np.random.default_rng([8, seed]), 64, 64)
    assert 3 <= seen.count("animal") <= 16  # 16 pictures x 1.5 x 0.35 = 8, a Poisson count
    assert {"hut", "tree", "rock"} <= set(seen)


def test_memory_does_not_grow_with_the_number_of_pictures() -> None:
    """Each picture is a world of its own: what is kept of the last ones must not be kept of all."""
    tracemalloc.start()
    try:
        held_mb = []
        for seed in range(16):
            training_picture(np.random.default_rng([9, seed]), 64, 64)
            held_mb.append(tracemalloc.get_traced_memory()[0] / 1e6)
    finally:
        tracemalloc.stop()
    assert held_mb[15] - held_mb[7] < 10.0  # the texture of one world is 4 MB
