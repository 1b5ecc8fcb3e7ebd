"""A folder of still pictures, read as frames: each with the pose its own tags tell."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from telemetry.errors import MediaError
from telemetry.picture_file import read_picture
from telemetry.pose_track import Problem
from telemetry.track_errors import SourceError
from telemetry.video import NO_TIME, Frame, VideoLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geo.values import CameraModel
    from telemetry.picture_metadata import PictureMetadata

PICTURE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One still: its file, its frame, and the camera its tags describe (None when they do not)."""

    path: Path
    frame: Frame
    camera: CameraModel | None


class PictureFolder:
    """The pictures of a folder in order of name; unreadable ones become problems and are passed over."""

    def __init__(self, folder: Path, paths: list[Path], limits: VideoLimits) -> None:
        self.folder = folder
        self.paths = tuple(paths)
        self._limits = limits
        self._problems: list[Problem] = []

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong with the pictures read up to now."""
        return tuple(self._problems)

    def pictures(self) -> Iterator[Picture]:
        """Read one picture after another; `Frame.index` counts the files of the folder."""
        for index, path in enumerate(self.paths):
            try:
                image = self._pixels(path)
                metadata = read_picture(path)
            except (OSError, ValueError, SyntaxError, SourceError, Image.DecompressionBombError) as error:
                message = f"{path.name} cannot be read as a picture ({error}); it is passed over"
                self._problems.append(Problem(kind="picture", message=message))
                continue
            self._problems += metadata.problems
            yield Picture(path=path, frame=_frame(index, image, metadata), camera=metadata.camera)

    def _pixels(self, path: Path) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
        """Decode pixels as stored: the tags' camera and attitude describe the stored raster."""
        with Image.open(path) as opened:
            if opened.width * opened.height > self._limits.max_pixels:
                raise ValueError(f"{opened.width} x {opened.height} px is over the limit of {self._limits.max_pixels}")
            image: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]] = np.array(opened.convert("RGB"))
        image.setflags(write=False)
        return image


def _frame(index: int, image: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]], metadata: PictureMetadata) -> Frame:
    pose = metadata.pose
    return Frame(
        index=index,
        pts_s=Fraction(0),
        t_utc_ns=NO_TIME if pose is None else pose.t_utc_ns,
        image=image,
        pose=pose,
        pose_reason="" if pose is not None else "the picture's tags state no pose",
    )


def read_pictures(folder: str | Path, *, limits: VideoLimits | None = None) -> PictureFolder:
    """List the pictures of a folder, sub-folders included, in order of path.

    Raises
    ------
    MediaError
        The folder does not exist or holds no picture.
    """
    root = Path(folder)
    if not root.is_dir():
        raise MediaError(f"{root} is not a folder", path=str(root))
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file())
    if not paths:
        known = ", ".join(sorted(PICTURE_SUFFIXES))
        raise MediaError(f"{root} holds no picture ({known})", path=str(root))
    return PictureFolder(root, paths, limits or VideoLimits())
