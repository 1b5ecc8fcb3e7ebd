"""MOT files, scored as trackeval's own reading of the same files scores them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.errors import TruthError
from detection.mot_file import read_mot
from detection.track_scoring import compare

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, rows: list[tuple[float, ...]]) -> Path:
    path.write_text("".join(",".join(f"{v:g}" for v in row) + "\n" for row in rows), encoding="ascii")
    return path


def test_the_rows_that_count_are_read(tmp_path: Path) -> None:
    rows = [(1, 7, 10, 20, 5, 12, 1, 1, 1.0), (1, 8, 0, 0, 5, 5, 0, 1, 1.0), (2, 9, 0, 0, 5, 5, 1, 3, 1.0)]
    boxes = read_mot(write(tmp_path / "gt.txt", rows), truth=True)
    assert boxes.identity.tolist() == [7]
    assert boxes.boxes_px.tolist() == [[10, 20, 15, 32]]
    assert len(read_mot(tmp_path / "gt.txt", truth=False).frame) == 3


def test_scores_are_those_of_trackevals_own_reader(tmp_path: Path) -> None:
    """The same two files through trackeval's MotChallenge2DBox data set: HOTA and IDF1 agree."""
    trackeval = pytest.importorskip("trackeval")
    rng = np.random.default_rng(6)
    gt, found = [], []
    for frame in range(1, 31):
        for thing in range(1, 5):
            left, top = 40.0 * thing + 2.0 * frame, 50.0 + thing
            gt.append((frame, thing, left, top, 20, 40, 1, 1, 1.0))
            if rng.random() > 0.15:
                name = thing if frame < 15 or thing > 2 else 3 - thing
                found.append((frame, name, left + rng.normal(0, 2), top + rng.normal(0, 2), 20, 40, 0.9, -1, -1, -1))
    folder = tmp_path / "gt" / "S"
    (folder / "gt").mkdir(parents=True)
    (tmp_path / "trackers" / "T" / "data").mkdir(parents=True)
    truth = write(folder / "gt" / "gt.txt", gt)
    result = write(tmp_path / "trackers" / "T" / "data" / "S.txt", found)
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(tmp_path / "gt"), "TRACKERS_FOLDER": str(tmp_path / "trackers"), "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": {"S": 30}, "DO_PREPROC": False, "PRINT_CONFIG": False, "TRACKERS_TO_EVAL": ["T"],
        }
    )  # fmt: skip
    data = dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data("T", "S"), "pedestrian")
    hota = float(np.mean(trackeval.metrics.HOTA().eval_sequence(data)["HOTA"]))
    idf1 = float(trackeval.metrics.Identity({"PRINT_CONFIG": False}).eval_sequence(data)["IDF1"])
    ours = compare(read_mot(truth, truth=True), read_mot(result, truth=False), overlap_min=0.5)
    assert (ours.hota, ours.idf1) == pytest.approx((hota, idf1), abs=1e-9)
    assert 0.3 < ours.hota < 0.95


@pytest.mark.parametrize("text", ["1,2,3\n", "frame,id\n", "1,1,0,0,-5,5\n", "1,1,nan,0,5,5\n"])
def test_other_files_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.txt").write_text(text)
    with pytest.raises(TruthError, match="MOT"):
        read_mot(tmp_path / "bad.txt", truth=True)
