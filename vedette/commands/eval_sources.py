"""What a detector is judged on: labelled pictures, films with their truth, and frames of a simulated patrol."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from detection.errors import TruthError
from detection.evaluation import OVERLAP_MIN, Labels
from detection.training.pictures_file import IGNORED, read_pictures
from detection.training.recipe import CLASS_NAMES
from detection.training.splits_file import HIT_UAV_RUNS, read_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from detection.truth import FilmTruth
    from telemetry.videos.frame import Frame

FILM_OVERLAP_MIN: Final = 0.3
"""Least overlap in films (`detection.scoring.OVERLAP_MIN`): a person there may be 4 pixels wide."""
VISIBLE_MIN: Final = 0.5
HEIGHT_MIN_PX: Final = 6.0
PIXELS_MAX: Final = 64_000_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFrame:
    """One picture, what is in it, and what its own set calls each thing."""

    image: NDArray[np.uint8]
    labels: Labels
    names: tuple[str, ...]
    frame: Frame | None = None
    """The picture with its pose, where there is one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One set to be judged on."""

    name: str
    count: int
    overlap_min: float
    frames: Callable[[], Iterator[LabelledFrame]]
    truth: FilmTruth | None = None
    """What was there, with places: of films."""
    group: str = ""
    """The runs or the file it is of: sources of the same group are held out together."""


def picture_source(path: Path, runs: str = "") -> Source:
    """Read a COCO or YOLO set; `runs` such as "2,4" keeps only these runs of HIT-UAV."""
    wanted = read_runs(HIT_UAV_RUNS, runs.split(",")) if runs else None
    pictures = read_pictures(path, None if wanted is None else lambda name: name in wanted)

    def frames() -> Iterator[LabelledFrame]:
        for one in pictures:
            labels = Labels(
                boxes_px=one.boxes_px.astype(np.float64),
                classes=np.where(one.classes == IGNORED, 0, one.classes),
                counts=one.classes != IGNORED,
            )
            yield LabelledFrame(image=_picture(one.path), labels=labels, names=one.names)

    name = f"{path.parent.parent.name}/{path.stem}" + (f", runs {runs}" if runs else "")
    return Source(name=name, count=len(pictures), overlap_min=OVERLAP_MIN, frames=frames, group=runs or str(path))


def _picture(path: Path) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.width * image.height > PIXELS_MAX:
                raise TruthError(f"{path}: has {image.width} x {image.height} pixels, more than a picture here may")
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise TruthError(f"{path}: cannot be read as a picture ({type(error).__name__})", path=str(path)) from error


def film_source(clip: Path) -> Source:
    """Take a simulated film with the truth that the simulator wrote beside it."""
    from detection.truth_file import read_film_truth, truth_beside

    truth = read_film_truth(truth_beside(clip))

    def frames() -> Iterator[LabelledFrame]:
        from telemetry.videos.video_file import read_video

        height = truth.boxes_px[:, 3] - truth.boxes_px[:, 1]
        counts = (height >= HEIGHT_MIN_PX) & (truth.visible >= VISIBLE_MIN)
        with read_video(clip) as reader:
            for frame in reader.frames():
                nearest = int(np.abs(truth.frame_t_utc_ns - (frame.t_utc_ns or 0)).argmin())
                mine = truth.thing_frame == nearest
                classes = np.array([_number(truth.class_names[n]) for n in truth.class_number[mine]], dtype=np.int64)
                labels = Labels(boxes_px=truth.boxes_px[mine], classes=classes, counts=counts[mine])
                names = tuple(CLASS_NAMES[n] for n in classes)
                yield LabelledFrame(image=frame.image, labels=labels, names=names, frame=frame)

    count = len(truth.frame_t_utc_ns)
    return Source(name=f"film {clip.name}", count=count, overlap_min=FILM_OVERLAP_MIN, frames=frames, truth=truth)


def _number(name: str) -> int:
    if name not in CLASS_NAMES:
        raise TruthError(f"the film's truth knows the class {name[:40]!r}, expected one of {', '.join(CLASS_NAMES)}")
    return CLASS_NAMES.index(name)


def patrol_source(seed: int, count: int) -> Source:
    """Draw `count` frames of a simulated patrol over world `seed`."""

    def frames() -> Iterator[LabelledFrame]:
        from sitl.films.patrol_frames import patrol_frame

        for number in range(count):
            image, truth = patrol_frame(seed, number)
            height = truth.boxes_px[:, 3] - truth.boxes_px[:, 1]
            labels = Labels(
                boxes_px=truth.boxes_px,
                classes=truth.kind,
                counts=(height >= HEIGHT_MIN_PX) & (truth.visible >= VISIBLE_MIN),
            )
            yield LabelledFrame(image=image, labels=labels, names=tuple(CLASS_NAMES[int(kind)] for kind in truth.kind))

    return Source(name=f"patrol, seed {seed}", count=count, overlap_min=FILM_OVERLAP_MIN, frames=frames)
