"""Where a training stands, as one npz file of plain arrays: opening it runs nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from detection.errors import ModelError
from detection.training.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """State after `step` steps; arrays by name, prefixed with `network/`, `average/`, `first/` and `second/`."""

    step: int
    recipe: Recipe
    sources: dict[str, Any]
    """What it learns from: set names, picture counts, hash of the start weights."""
    arrays: dict[str, NDArray[Any]]

    def averaged(self) -> dict[str, NDArray[Any]]:
        """Return the running average of the weights, which is what is exported and started from, by name."""
        prefix = "average/"
        return {name.removeprefix(prefix): a for name, a in self.arrays.items() if name.startswith(prefix)}


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write under a temporary name, sync, then put it in place: a killed run keeps the one before."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    about = {"step": checkpoint.step, "recipe": dataclasses.asdict(checkpoint.recipe), "sources": checkpoint.sources}
    try:
        with part.open("wb") as stream:
            np.savez(stream, **checkpoint.arrays, about=np.array(json.dumps(about)))  # type: ignore[arg-type]
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    ModelError
        When the file is damaged or something else; pickled objects are never opened.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        about = json.loads(str(arrays.pop("about")))
        return Checkpoint(
            step=int(about["step"]),
            recipe=Recipe(**about["recipe"]),
            sources=dict(about["sources"]),
            arrays=arrays,
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path}: cannot be read as a training's checkpoint ({type(error).__name__}); "
            "move it away to start the training again",
            path=str(path),
        ) from error
