"""`vedette eval` as a person runs it, on pictures, on films with truth, on simulated patrols; and its page."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from PIL import Image

from vedette.commands.eval import films_ground
from vedette.commands.eval_report import page
from vedette.commands.eval_scores import Curves, Row, SetScore
from vedette.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Done:
    """What a command left: its status and what it said."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str) -> Done:
    """Run a command in this process, which has waited for scikit-learn and the evaluators once."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = main(arguments)
    return Done(status, out.getvalue(), err.getvalue())


def run_apart(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a person does, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "vedette", *arguments], capture_output=True, text=True, timeout=280, check=False
    )


@pytest.fixture
def a_set(tmp_path: Path) -> Path:
    """Two pictures of 96 x 64: a car and a truck of 24 x 32 pixels, at one and the same place."""
    (tmp_path / "val").mkdir()
    for name in ("1.png", "2.png"):
        Image.fromarray(np.zeros((64, 96, 3), dtype=np.uint8)).save(tmp_path / "val" / name)
    held = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 96, "height": 64} for n in (1, 2)],
        "categories": [{"id": 0, "name": "car"}, {"id": 1, "name": "<b>truck</b>"}, {"id": 2, "name": "truck"}],
        "annotations": [
            {"image_id": 1, "category_id": 0, "bbox": [24, 16, 24, 32]},
            {"image_id": 2, "category_id": 2, "bbox": [24, 16, 24, 32]},
        ],
    }
    path = tmp_path / "val.json"
    path.write_text(json.dumps(held))
    return path


@pytest.fixture
def a_model(constant_model: Callable[..., Path]) -> Path:
    """Always finds one vehicle of score 0.9 where both are, and one of score 0.6 where none is."""
    rows = np.array([[[24, 16, 48, 48, 0.9, 1], [60, 10, 80, 30, 0.6, 1]]], dtype=np.float32)
    return constant_model(rows, name="m.onnx", metadata={"names": "{0: 'person', 1: 'car'}", "task": "detect"})


def rows_of(result: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["name"], row["band"]): row for row in result["sets"][0]["rows"]}


def test_a_hand_worked_score_from_the_command_line(a_set: Path, a_model: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    done = run_apart("eval", "--model", str(a_model), "--pictures", str(a_set), "--json", "--report", str(report))
    assert done.returncode == 0, done.stderr
    rows = rows_of(json.loads(done.stdout))
    vehicle = rows["vehicle", "all"]
    assert (vehicle["truths"], vehicle["precision"], vehicle["recall"]) == (2, 0.5, 1.0)
    assert vehicle["ap50"] == pytest.approx(1.0)
    assert rows["vehicle", "over 20 px"]["truths"] == 2
    assert rows["vehicle: car alone", "all"]["truths"] == 1
    text = report.read_text()
    assert "<script" not in text
    assert "default-src 'none'" in text


def test_a_score_limit_and_calibration(a_set: Path, a_model: Path) -> None:
    strict = run("eval", "--model", str(a_model), "--pictures", str(a_set), "--json", "--score", "0.7")
    assert rows_of(json.loads(strict.stdout))["vehicle", "all"]["precision"] == 1.0
    learned = run("eval", "--model", str(a_model), "--pictures", str(a_set), "--json", "--calibrate")
    assert learned.returncode == 0, learned.stderr
    held = json.loads(a_model.with_suffix(".calibration.json").read_text())
    assert set(held["curves"]) == {"vehicle"}
    assert "probabilities of vehicle (4 boxes); other classes keep their scores" in " ".join(learned.stderr.split())
    used = rows_of(json.loads(run("eval", "--model", str(a_model), "--pictures", str(a_set), "--json").stdout))
    assert used["vehicle", "all"]["calibration_error"] == pytest.approx(0.0, abs=1e-4)


def test_a_model_that_finds_nothing_is_not_calibrated(a_set: Path, constant_model: Callable[..., Path]) -> None:
    """A curve of no box is 0 everywhere: with it beside the model, everybody it found later would have had chance 0."""
    nothing = np.array([[[24, 16, 48, 48, 0.0, 1]]], dtype=np.float32)
    model = constant_model(nothing, name="n.onnx", metadata={"names": "{0: 'person', 1: 'car'}", "task": "detect"})
    done = run("eval", "--model", str(model), "--pictures", str(a_set), "--calibrate")
    assert done.returncode == 2
    assert "nothing can be learned for probabilities" in " ".join(done.stderr.split())
    assert not model.with_suffix(".calibration.json").exists()


def test_probabilities_are_judged_by_what_other_sets_taught(a_set: Path, a_model: Path) -> None:
    """No vehicle is in the second set: one box of two is right in the first, none in the second.

    A curve of the first alone says 1 for the score of 0.9 and 0 for 0.6; one of the second says 0 for both. Either is
    wrong of half of the four boxes of 0.9, and right of the four of 0.6.
    """
    person = {"image_id": 1, "category_id": 0, "bbox": [0, 0, 8, 8]}
    held = json.loads(a_set.read_text()) | {"annotations": [person], "categories": [{"id": 0, "name": "person"}]}
    other = a_set.parent / "val" / "val.json"
    other.write_text(json.dumps(held))
    both = ("--pictures", str(a_set), "--pictures", str(other))
    done = run("eval", "--model", str(a_model), *both, "--score", "0.5", "--hold-out", "--json")
    assert done.returncode == 0, done.stderr
    vehicle = next(one for one in json.loads(done.stdout)["held_out"] if one["name"] == "vehicle")
    assert vehicle["boxes"] == 8
    assert vehicle["brier"] == pytest.approx(0.5)
    assert vehicle["counts"] == [6, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert vehicle["happened"][0] == pytest.approx(2 / 6)
    told = run("eval", "--model", str(a_model), *both, "--hold-out").stdout
    assert "other runs" in told
    assert "\\n" not in told, "a line break that was written out"
    alone = run("eval", "--model", str(a_model), "--pictures", str(a_set), "--hold-out")
    assert alone.returncode == 2
    assert "--hold-out takes at least two runs or sources" in alone.stderr


def test_scores_side_by_side(a_set: Path, a_model: Path, tmp_path: Path) -> None:
    for name, limit in (("a.json", "0.4"), ("b.json", "0.7")):
        done = run("eval", "--model", str(a_model), "--pictures", str(a_set), "--json", "--score", limit)
        (tmp_path / name).write_text(done.stdout)
    done = run("models", "compare", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--json")
    found = {(d["name"], d["band"], d["share"]): d for d in json.loads(done.stdout)["differences"]}
    change = found["vehicle", "all", "precision"]
    assert (change["before"], change["after"]) == (0.5, 1.0)
    wrong = run("models", "compare", str(a_set), str(tmp_path / "b.json"))
    assert wrong.returncode == 2
    assert "is not what 'vedette eval --json' prints" in wrong.stderr


def test_the_simulated_patrol_and_the_card(a_model: Path) -> None:
    done = run("eval", "--model", str(a_model), "--patrol", "3", "--frames", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sets"][0]["name"] == "patrol, seed 3"
    card = run("models", "card")
    assert card.returncode == 0
    assert "HIT-UAV" in card.stdout
    assert "sha256" in card.stdout
    assert run("models", "card", "../../etc/passwd").returncode == 2


def test_a_filmed_patrol_is_followed(a_model: Path) -> None:
    """The model says the same of every picture: one track of a vehicle or none, and no person."""
    done = run("eval", "--model", str(a_model), "--filmed", "0.1", "--json")
    assert done.returncode == 0, done.stderr
    (follow,) = json.loads(done.stdout)["follow"]
    assert follow["name"] == "0.1 min of a filmed patrol"
    assert follow["false_tracks"] == 0
    assert follow["hours"] == pytest.approx(0.1 / 60.0)


def test_what_cannot_be_scored_is_one_sentence(tmp_path: Path, a_model: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    for arguments, said in (
        (("--pictures", str(tmp_path / "x.json")), "cannot be read as COCO annotations"),
        (("--film", str(tmp_path / "clip.ts")), "cannot be read as the truth of a film"),
        (("--pictures", str(tmp_path / "x.csv")), "labelled pictures come as COCO"),
        (("--terrain-datum", "hae"), "--terrain-datum says what the heights of --terrain count from"),
    ):
        done = run("eval", "--model", str(a_model), *arguments)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_the_ground_of_films_counts_from_what_is_stated(tmp_path: Path) -> None:
    """100 m at 0 N 0 E: above the ellipsoid as they are, above sea level 17.16 m more (NGA's EGM96 program)."""
    path = tmp_path / "dem.tif"
    place = rasterio.transform.from_origin(-0.005, 0.005, 0.001, 0.001)
    posts = np.full((10, 10), 100.0, dtype=np.float32)
    with rasterio.open(
        path, "w", driver="GTiff", width=10, height=10, count=1, dtype="float32", crs="EPSG:4326", transform=place
    ) as file:
        file.write(posts, 1)
    heights = [float(np.asarray(films_ground(path, datum).height_hae_m(0.0, 0.0))) for datum in ("hae", "egm96", None)]
    assert heights == pytest.approx([100.0, 117.16, 117.16], abs=0.02)
    assert films_ground(None, None) is None


def test_no_foreign_text_is_code_on_the_page() -> None:
    evil = "<script>window.pwned=1</script>{{7*7}}${x}`'\""
    nan = float("nan")
    row = Row(name=evil, band=evil, truths=1, ap50=nan, ap=0.5, precision=0.5, recall=0.5)
    curve = Curves(name=evil, recall=(0.0, 1.0), precision=(1.0, 0.5), scores=(0.9, 0.1), bin_counts=(3, 0),
                   bin_said=(0.1, nan), bin_happened=(0.2, nan))  # fmt: skip
    one = SetScore(name=evil, pictures=1, overlap_min=0.5, evaluator=evil, rows=(row,), curves=(curve,))
    text = page(evil, 0.4, [one])
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 5
    assert "nan" not in text.lower().replace("&lt;", "")


@pytest.mark.browser
def test_the_page_runs_nothing_and_asks_for_nothing(browser: Any, tmp_path: Path) -> None:
    evil = "</title><script>window.pwned=1</script><img src=http://example.invalid/x>"
    row = Row(name=evil, band="all", truths=1, ap50=0.5, ap=0.5, precision=0.5, recall=0.5)
    one = SetScore(name=evil, pictures=1, overlap_min=0.5, evaluator=evil, rows=(row,), curves=())
    (tmp_path / "r.html").write_text(page(evil, 0.4, [one]))
    tab = browser.new_page()
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"file://{tmp_path / 'r.html'}")
    assert tab.evaluate("window.pwned") is None
    assert len(asked) == 1
    assert evil in tab.inner_text("h2")
    tab.close()
