"""What is looked at of each picture, and what is found there: the part of an analysis that may be done anywhere.

Pictures are planned in order, by where they were taken: which tiles are worth a look, and which ground is compared with
the picture before. The looking itself needs nothing but the pictures and the detector, so that it gives the same
wherever it is done (`detection.executors`).
"""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from detection.colour_detector import COLOUR_PERSON_MIN_PX, ColourDetector, in_colour
from detection.contrast import with_contrast
from detection.georeference import camera_of
from detection.ground_registration import GroundRegistration, SeenGround, Taken, shift_between
from detection.ground_tiling import PERSON_MIN_PX, GroundTiler
from detection.tiling import detect_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from detection.ground_tiling import TilePlan
    from detection.looks import Shift
    from detection.sheets import Tile
    from detection.values import Detections, Detector
    from geo.values import CameraModel, Pose, Terrain
    from telemetry.videos.frame import Frame

Each = TypeVar("Each")

SILENT_MAX: Final = 3
"""Pictures in a row without an answer after which a detector is given up: each costs its deadline."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture, and what is to be done with it."""

    image: NDArray[np.uint8]
    tiles: tuple[Tile, ...]
    compared: bool
    """Whether it is compared with the last picture before it that was, too."""
    ground: SeenGround | None
    """What it shows of the ground, where that is known."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Consecutive pictures that are looked at in one go, and the last one before them that is compared."""

    before: Picture | None
    pictures: tuple[Picture, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one picture showed."""

    detections: Detections
    shift: Shift | None


class Looker:
    """Looks at stretches of pictures with one detector."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._last: tuple[Picture, Taken | None] | None = None

    def look(self, stretch: Stretch) -> list[Seen]:
        """Look at the pictures of a stretch; fewer answers than pictures where the detector fell silent."""
        pictures = stretch.pictures
        before = None if stretch.before is None else self._taken(stretch.before)
        taken = [self._taken(one) if one.compared else None for one in pictures]  # first: a look leaves no cache
        found = self._found(pictures)
        seen: list[Seen] = []
        for picture, now, detections in zip(pictures, taken, found, strict=False):
            shift = shift_between(before, now) if picture.compared else None
            before = now if picture.compared else before
            seen.append(Seen(detections=detections, shift=shift))
        return seen

    def _found(self, pictures: Sequence[Picture]) -> list[Detections]:
        found: list[Detections] = []
        silent = 0
        while len(found) < len(pictures) and silent < SILENT_MAX:
            group = pictures[len(found) :][: SILENT_MAX - silent]
            answers = detect_each(self._detector, [(picture.image, picture.tiles) for picture in group])
            for picture, detections in zip(group, answers, strict=True):
                found.append(with_contrast(picture.image, detections))
                silent = 0 if detections.answered else silent + 1
        return found

    def _taken(self, picture: Picture) -> Taken | None:
        """Return what of a picture is compared; the last one's is asked for twice."""
        if self._last is None or self._last[0] is not picture:
            ground = picture.ground
            self._last = picture, None if ground is None else Taken.of(picture.image, ground)
        return self._last[1]


class Executor(Protocol):
    """Where stretches of pictures are looked at."""

    @property
    def stretch_pictures(self) -> int:
        """How many pictures it takes in one go."""
        ...

    @property
    def ahead(self) -> int:
        """How many stretches it takes before the first of them has to be fetched."""
        ...

    def begin(self, stretch: Stretch) -> Callable[[], list[Seen]]:
        """Take a stretch; what is returned waits for its answers."""
        ...


TOGETHER: Final = 8
"""Pictures looked at in one go where nobody waits for each: the network leaves nothing of ours in the processor's
cache, so that what is done between looks takes less when it is done for several at a time."""


class InProcess:
    """Looks at pictures at once, in this process.

    Parameters
    ----------
    detector
        What looks.
    stretch_pictures
        How many pictures are taken in one go.
    """

    ahead = 1

    def __init__(self, detector: Detector, stretch_pictures: int = TOGETHER) -> None:
        self.stretch_pictures = stretch_pictures
        self._looker = Looker(detector)

    def begin(self, stretch: Stretch) -> Callable[[], list[Seen]]:
        """Look, and return what gives the answers."""
        found = self._looker.look(stretch)
        return lambda: found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A frame and what of it is looked at."""

    frame: Frame
    camera: CameraModel | None
    plan: TilePlan | None
    """None where some of its ground is passed over."""
    pose: Pose | None
    """With the moment of the frame; None where nothing is told by not finding a thing in it."""
    picture: Picture
    before: Picture | None
    """The last one before it that is compared."""


class Planner:
    """Plans pictures in the order in which they were taken.

    Parameters
    ----------
    detector
        What will look; nothing is detected here.
    terrain
        Ground.
    person_min_px
        Least height of a person in the model's input; 0 looks at whole pictures only, None takes what the model for
        such a picture needs.
    """

    def __init__(self, detector: Detector, terrain: Terrain, person_min_px: float | None = None) -> None:
        self._tiler = GroundTiler(detector, terrain)
        self._person_min_px, self._detector = person_min_px, detector
        self._registration = GroundRegistration(terrain)
        self._before: Picture | None = None

    def plan(self, frame: Frame) -> Planned:
        """Return what of a frame is looked at."""
        return self._planned([frame])[0]

    def plan_all(self, frames: Iterable[Frame]) -> Iterator[Planned]:
        """Yield the same of frames; some are asked for before the first of them is told."""
        for group in _grouped(frames, TOGETHER, lambda frame: frame.image):
            yield from self._planned(group)

    def _planned(self, frames: Sequence[Frame]) -> list[Planned]:
        """Plan pictures in order; the ground that they show is asked for at once."""
        tiled = [self._tiled(frame) for frame in frames]
        posed = [(one.frame.image.shape, one.pose, one.camera) for one in tiled if one.pose and one.camera]
        grounds = iter(self._registration.grounds(posed))
        return [self._placed(one, next(grounds) if one.pose else None) for one in tiled]

    def _tiled(self, frame: Frame) -> Planned:
        """Choose the tiles of a frame."""
        shape = frame.image.shape
        camera = frame.camera or camera_of(frame.pose, shape[1], shape[0])
        by_colour = isinstance(self._detector, ColourDetector) and in_colour(frame.image)
        least_px = self._person_min_px
        if least_px is None:
            least_px = COLOUR_PERSON_MIN_PX if by_colour else PERSON_MIN_PX
        tiles, plan = self._tiler.plan(shape, frame.pose, camera, least_px, glance=not by_colour)
        pose = None
        if frame.pose is not None and camera is not None and plan is not None:
            pose = dataclasses.replace(frame.pose, t_utc_ns=frame.t_utc_ns)
        picture = Picture(image=frame.image, tiles=tiles, compared=False, ground=None)
        return Planned(frame=frame, camera=camera, plan=plan, pose=pose, picture=picture, before=None)

    def _placed(self, one: Planned, ground: SeenGround | None) -> Planned:
        """Add what a picture shows of the ground, and which it is compared with."""
        before = self._before
        picture = dataclasses.replace(one.picture, compared=one.pose is not None, ground=ground)
        if picture.compared:
            self._before = picture
        return dataclasses.replace(one, picture=picture, before=before)


STRETCH_BYTES: Final = 64_000_000
"""A stretch of large pictures is shorter: they wait in memory."""


def looked_at(planned: Iterable[Planned], executor: Executor) -> Iterator[tuple[Planned, Seen]]:
    """Yield each picture with what was found in it, in order; some are left out where the detector fell silent."""
    waiting: collections.deque[tuple[list[Planned], Callable[[], list[Seen]]]] = collections.deque()
    for group in _grouped(planned, executor.stretch_pictures, lambda one: one.picture.image):
        stretch = Stretch(before=group[0].before, pictures=tuple(one.picture for one in group))
        waiting.append((group, executor.begin(stretch)))
        if len(waiting) >= executor.ahead:
            first, answers = waiting.popleft()
            yield from _paired(first, answers())
    for first, answers in waiting:
        yield from _paired(first, answers())


def _paired(group: Sequence[Planned], seen: Sequence[Seen]) -> Iterator[tuple[Planned, Seen]]:
    return zip(group, seen, strict=False)  # who hears of silence stops asking


def _grouped(several: Iterable[Each], most: int, image_of: Callable[[Each], NDArray[np.uint8]]) -> Iterator[list[Each]]:
    group: list[Each] = []
    for one in several:
        group.append(one)
        if len(group) >= most or sum(image_of(each).nbytes for each in group) >= STRETCH_BYTES:
            yield group
            group = []
    if group:
        yield group
