from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from detection.errors import ModelError
from detection.training.checkpoint_file import Checkpoint, read_checkpoint, write_checkpoint
from detection.training.recipe import Recipe


def test_the_rate_warms_up_stays_and_settles() -> None:
    recipe = Recipe(steps=1000, learning_rate=1e-3, final_rate=1e-5, warmup_steps=10, settle_share=0.4)
    rates = [recipe.rate(step) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-4)
    assert set(rates[10:600]) == {1e-3}
    assert rates[800] == pytest.approx(0.5 * (1e-3 + 1e-5), rel=1e-6)
    assert rates[-1] == pytest.approx(1e-5, rel=0.01)
    assert all(later <= earlier for earlier, later in zip(rates[10:], rates[11:], strict=False))
    longer = Recipe(steps=2000, learning_rate=1e-3, final_rate=1e-5, warmup_steps=10, settle_share=0.4)
    assert [longer.rate(step) for step in range(600)] == rates[:600]  # a run can be made longer while it stays


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"size_px": 100}])
def test_a_recipe_that_cannot_be_run_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ModelError, match="a training needs at least"):
        Recipe(**wrong)


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    arrays = {"network/a": np.arange(6, dtype=np.float32).reshape(2, 3), "first/a": np.zeros(1, np.float32)}
    held = Checkpoint(step=7, recipe=Recipe(steps=9), sources={"real": 3}, arrays=arrays)
    write_checkpoint(held, tmp_path / "checkpoint.npz")
    back = read_checkpoint(tmp_path / "checkpoint.npz")
    assert (back.step, back.recipe, back.sources) == (7, Recipe(steps=9), {"real": 3})
    assert np.array_equal(back.arrays["network/a"], arrays["network/a"])
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_a_planted_checkpoint_runs_nothing(tmp_path: Path) -> None:
    """Neither a pickle under a checkpoint's name, nor one inside an npz, is opened."""
    trace, path = tmp_path / "it-ran", tmp_path / "checkpoint.npz"
    path.write_bytes(pickle.dumps(Touch(trace)))
    with pytest.raises(ModelError, match="cannot be read as a training's checkpoint"):
        read_checkpoint(path)
    with path.open("wb") as stream:
        np.savez(stream, about=np.array([Touch(trace)], dtype=object))
    with pytest.raises(ModelError, match="cannot be read as a training's checkpoint"):
        read_checkpoint(path)
    assert not trace.exists()


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    held = Checkpoint(step=7, recipe=Recipe(), sources={}, arrays={"network/a": np.zeros(1000, np.float32)})
    write_checkpoint(held, path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ModelError, match=r"checkpoint\.npz: cannot be read"):
        read_checkpoint(path)
