"""A film's truth as one npz file."""

from __future__ import annotations

import dataclasses
import os
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from detection.errors import TruthError
from detection.truth import FilmTruth

if TYPE_CHECKING:
    from pathlib import Path


def truth_beside(clip: Path) -> Path:
    """Return where the truth of a simulated clip's frames lies: beside it, ending `.truth.npz`."""
    return clip.with_name(f"{clip.stem}.truth.npz")


def write_film_truth(truth: FilmTruth, path: Path) -> None:
    """Write the truth under a temporary name, then put it in place."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            np.savez_compressed(stream, **truth.columns())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_film_truth(path: Path) -> FilmTruth:
    """Read a truth file.

    Raises
    ------
    TruthError
        When the file is missing, damaged or no truth of a film.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            columns = {name: held[name] for name in held.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise TruthError(f"{path}: cannot be read as the truth of a film ({error})", path=str(path)) from error
    missing = {field.name for field in dataclasses.fields(FilmTruth)} - set(columns)
    if missing:
        raise TruthError(
            f"{path}: is not the truth of a film, it lacks {', '.join(sorted(missing))}; give the file that "
            "the simulator wrote beside the film",
            path=str(path),
        )
    arrays = {name: columns[name] for name in (f.name for f in dataclasses.fields(FilmTruth))}
    arrays["width_px"], arrays["height_px"] = int(columns["width_px"]), int(columns["height_px"])
    arrays["class_names"] = tuple(str(name) for name in columns["class_names"])
    return FilmTruth(**arrays)
