"""A folder of still pictures, read as frames: each with the pose its own tags tell."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from PIL import Image

from telemetry.errors import MediaError
from telemetry.pictures.picture_file import read_picture
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.track_errors import SourceError
from telemetry.videos.frame import NO_TIME, Frame, VideoLimits
from telemetry.videos.grey import in_three_channels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from telemetry.pictures.picture_metadata import PictureMetadata

PICTURE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})


class PictureReader:
    """The pictures of a folder in order of path, with the interface of a clip's reader.

    Unreadable ones become problems and are passed over.
    """

    klv_packets = 0
    klv_bad_checksum = 0

    def __init__(
        self,
        paths: Sequence[Path],
        limits: VideoLimits,
        every_s: float | None,
        read: Callable[[Path], PictureMetadata] = read_picture,
    ) -> None:
        self.paths = tuple(paths)
        self.partial = False
        self._limits = limits
        self._read = read
        self._every_ns = None if every_s is None else round(every_s * 1e9)
        self._problems: list[Problem] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong with the pictures read up to now."""
        return tuple(self._problems)

    def frames(self) -> Iterator[Frame]:
        """Read one picture after another; `Frame.index` counts the files of the folder.

        Pictures less than `every_s` after the one before are passed over where both tell their time.
        """
        last_ns = NO_TIME
        for index, path in enumerate(self.paths):
            try:
                metadata = self._read(path)
                moment = NO_TIME if metadata.pose is None else metadata.pose.t_utc_ns
                if self._every_ns is not None and last_ns <= moment < last_ns + self._every_ns and last_ns > 0:
                    continue
                image = self._pixels(path)
            except (OSError, ValueError, SyntaxError, SourceError, Image.DecompressionBombError) as error:
                message = f"{path.name} cannot be read as a picture ({error}); it is passed over"
                self._problems.append(Problem(kind="picture", message=message))
                self.partial = True
                continue
            last_ns = moment
            self._problems += [
                dataclasses.replace(problem, message=f"{path.name}: {problem.message}") for problem in metadata.problems
            ]
            yield _frame(index, image, metadata)

    def _pixels(self, path: Path) -> NDArray[np.uint8]:
        """Decode pixels as stored: the tags' camera and attitude describe the stored raster."""
        with Image.open(path) as opened:
            if opened.width * opened.height > self._limits.max_pixels:
                raise ValueError(f"{opened.width} x {opened.height} px is over the limit of {self._limits.max_pixels}")
            if opened.mode == "L":
                return in_three_channels(np.array(opened))
            image: NDArray[np.uint8] = np.array(opened.convert("RGB"))
        image.setflags(write=False)
        return image


def _frame(index: int, image: NDArray[np.uint8], metadata: PictureMetadata) -> Frame:
    pose, camera = metadata.pose, metadata.camera
    if pose is not None and camera is not None and pose.hfov_deg is None:
        hfov = math.degrees(2.0 * math.atan(camera.width_px / 2.0 / camera.fx_px))
        vfov = math.degrees(2.0 * math.atan(camera.height_px / 2.0 / camera.fy_px))
        pose = dataclasses.replace(pose, hfov_deg=hfov, vfov_deg=vfov)
    return Frame(
        index=index,
        pts_s=Fraction(0),
        t_utc_ns=NO_TIME if pose is None else pose.t_utc_ns,
        image=image,
        pose=pose,
        pose_reason="" if pose is not None else why_no_pose(metadata),
        camera=camera,
        sigmas=None if pose is None else metadata.sigmas,
    )


def why_no_pose(metadata: PictureMetadata) -> str:
    """Say why a picture has no pose: the contradiction that took it away, or what its tags lack."""
    lacking = {"no_position", "no_altitude", "no_camera_angles"}
    reasons = [problem.message for problem in metadata.problems if problem.kind in lacking]
    return metadata.refusal or "; ".join(reasons) or "the picture's tags state no pose"


def read_pictures(
    folder: str | Path, *, every_s: float | None = None, limits: VideoLimits | None = None
) -> PictureReader:
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
    return PictureReader(paths, limits or VideoLimits(), every_s)
