"""What was found in pictures, kept by what it depends on, so that an analysis that was cut short goes on from there.

A picture's answer is a function of its pixels, of which tiles of them are looked at, of the picture it is compared
with, and of the detector (`detection.looking.look`). The hash of all these is its key: settings that decide nothing of
it may be others the second time, and what decides it cannot be. So what is kept is what looking again would give.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from detection.looking import Seen
from detection.looks import Shift
from detection.values import Detections
from telemetry.videos.grey import stored_channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from detection.looking import Executor, Picture, Stretch


class Answers(Protocol):
    """Where answers are kept."""

    def known(self, key: str) -> Seen | None:
        """Return what is kept under a key."""
        ...

    def keep(self, found: Mapping[str, Seen]) -> None:
        """Keep the answers of some pictures."""
        ...


class Remembering:
    """An executor that asks another one only for stretches of which not all is known.

    Parameters
    ----------
    executor
        Looks at pictures.
    answers
        What was found before, and what is found now.
    detector
        All that tells the detector from another one that might answer otherwise: model, and versions of what runs it.
    """

    def __init__(self, executor: Executor, answers: Answers, detector: Mapping[str, object]) -> None:
        self.stretch_pictures, self.ahead = executor.stretch_pictures, executor.ahead
        self.taken_over = 0
        """Pictures that were not looked at again."""
        self._executor, self._answers = executor, answers
        self._detector = hashlib.sha256(json.dumps(detector, sort_keys=True).encode()).digest()
        self._last: tuple[Picture, bytes] | None = None

    def begin(self, stretch: Stretch) -> Callable[[], list[Seen]]:
        """Take a stretch; what is returned waits for its answers."""
        keys = self._keys(stretch)
        before = [self._answers.known(key) for key in keys]
        known = [one for one in before if one is not None]
        if len(known) == len(keys):
            self.taken_over += len(known)
            return lambda: known
        waits = self._executor.begin(stretch)

        def answers() -> list[Seen]:
            found = waits()
            if len(found) == len(keys) and all(seen.detections.answered for seen in found):
                self._answers.keep(dict(zip(keys, found, strict=True)))
            return found

        return answers

    def _keys(self, stretch: Stretch) -> list[str]:
        """Return the key of each picture of a stretch."""
        before = None if stretch.before is None else self._digest(stretch.before)
        keys = []
        for picture in stretch.pictures:
            own = self._digest(picture)
            other = before if picture.compared and before is not None else b""
            keys.append(hashlib.sha256(self._detector + own + other).hexdigest())
            before = own if picture.compared else before
        return keys

    def _digest(self, picture: Picture) -> bytes:
        """Return the hash of a picture and of what is done with it; the last one's is asked for twice."""
        if self._last is None or self._last[0] is not picture:
            channel = stored_channel(picture.image)
            pixels = np.ascontiguousarray(picture.image if channel is None else channel)
            digest = hashlib.sha256(repr((picture.tiles, picture.compared, pixels.shape)).encode())
            digest.update(b"".join(_parts(picture.ground)))
            digest.update(pixels.data)
            self._last = picture, digest.digest()
        return self._last[1]


def _parts(value: object) -> Iterator[bytes]:
    """Yield the bytes of a value to the last bit: of the fields of dataclasses, of arrays, and of what prints whole."""
    if isinstance(value, np.ndarray):
        yield f"{value.dtype.str}{value.shape}".encode()
        yield value.tobytes()
    elif dataclasses.is_dataclass(value):
        for name in value.__dataclass_fields__:
            yield from _parts(getattr(value, name))
    else:
        yield f"{value!r};".encode()


def as_row(seen: Seen) -> dict[str, Any]:
    """Return an answer as JSON takes it, to the last bit; only one that the detector gave."""
    found, shift = seen.detections, seen.shift
    return {
        "boxes_px": found.boxes_px.tolist(),
        "classes": found.classes.tolist(),
        "scores": found.scores.tolist(),
        "probabilities": None if found.probabilities is None else found.probabilities.tolist(),
        "contrast": None if found.contrast is None else found.contrast.tolist(),
        "problems": list(found.problems),
        "shift": None if shift is None else dataclasses.astuple(shift),
    }


def from_row(row: Mapping[str, Any]) -> Seen:
    """Read an answer back.

    Raises
    ------
    ValueError, TypeError, KeyError
        When it is none.
    """
    scores = _numbers(row["scores"])
    chances, contrast = row["probabilities"], row["contrast"]
    boxes = np.array(row["boxes_px"], dtype=np.float32).reshape(-1, 4)
    classes = np.array(row["classes"], dtype=np.int64).reshape(-1)
    found = Detections(
        boxes_px=boxes,
        classes=classes,
        scores=scores,
        problems=tuple(str(one) for one in row["problems"]),
        probabilities=None if chances is None else _numbers(chances),
        contrast=None if contrast is None else _numbers(contrast),
    )
    counts = {len(boxes), len(classes), len(scores), len(found.calibrated()), len(found.contrasts())}
    if len(counts) > 1:
        raise ValueError("boxes and what is told of them are not equally many")
    shift = row["shift"]
    return Seen(detections=found, shift=None if shift is None else Shift(*(float(v) for v in shift)))


def _numbers(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32).reshape(-1)
