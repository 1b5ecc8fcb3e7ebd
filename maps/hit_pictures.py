"""Pictures of hits for a page: small ones of all, and from the originals, larger ones and whole frames, in a budget."""

from __future__ import annotations

import base64
import dataclasses
import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from geo.errors import VedetteError
from operations.exports.recordings import Recording
from telemetry.videos.posing import klv_posing
from telemetry.videos.video_file import StreamChoice, open_video

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from maps.gathering import Gathered
    from operations.finding.archive import Archive
    from telemetry.videos.posing import Posing
    from telemetry.videos.video_file import StreamFacts
    from telemetry.videos.video_scan import ClipTelemetry

CHIPS_MB: Final = 12.0
"""Most that the small pictures take of a page: some ten thousand of them."""


def chips_by_hit(archive: Archive, gathered: Gathered, *, budget_mb: float = CHIPS_MB) -> tuple[dict[str, str], int]:
    """Return base64 JPEGs by row of hit, those of each track's best hit first, and how many did not fit.

    Raises
    ------
    DamagedError
        When a part is missing or cannot be read.
    """
    hits, kept_chips = gathered.hits, {name: jpeg for store in archive.stores for name, jpeg in store.chips().items()}
    if not len(hits) or not kept_chips:
        return {}, 0
    order = np.argsort(hits.hit_id)
    ids = hits.hit_id[order]
    best = np.isin(hits.hit_id, np.char.encode(gathered.things.ids["best_hit_id"].texts(), "ascii"))
    found: dict[int, bytes] = {}
    for name, jpeg in kept_chips.items():
        place = int(np.searchsorted(ids, name.encode("ascii")))
        if place < len(ids) and ids[place] == name.encode("ascii"):
            found[int(order[place])] = jpeg
    left, kept = budget_mb * 1e6 * 3 / 4, {}
    for row in sorted(found, key=lambda row: (not best[row], -float(hits.best_score[row]), row)):
        left -= len(found[row])
        if left < 0:
            break
        kept[str(row)] = base64.b64encode(found[row]).decode("ascii")
    return kept, len(found) - len(kept)


FRAME_KB: Final = 90.0
"""What a whole frame and the window around its hit take, about: how many are asked of a budget."""
_WINDOW_PX: Final = 112
"""Side of the window around a hit, at the sensor's resolution; larger where the hit is."""
_WHOLE_PX: Final = 1280
"""Longest side of a whole frame in a page."""
_QUALITY: Final = 70


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Pictures from originals, by row of hit, and what could not be had."""

    by_hit: dict[str, dict[str, Any]]
    """``close`` and ``whole`` (base64 JPEG), and ``box``: left, top, right, bottom as shares of the whole frame."""
    problems: tuple[str, ...]
    left_out: int
    """Tracks whose frame did not fit the budget, or could not be had."""

    def told(self) -> list[str]:
        """Say what is missing."""
        said = (
            [f"{self.left_out} tracks are without their whole frame (--frames, or no original)."]
            if self.left_out
            else []
        )
        return [*said, *self.problems]


def frames_by_hit(archive: Archive, gathered: Gathered, *, budget_mb: float) -> Frames:
    """Return whole frames of tracks' best hits, the most probable tracks first, within a budget of the page.

    Clips are decoded anew in a process of their own, each once and only as far as needed; what has no original any
    more, or is no clip, is said and left out.
    """
    wanted = _best_rows(gathered)
    few = wanted[: int(budget_mb * 1000.0 / FRAME_KB)]
    left, found, problems = budget_mb * 1e6 * 3 / 4, dict[str, dict[str, Any]](), []
    for number, (source, run_id, media_id) in enumerate(gathered.recordings):
        rows = [row for row in few if gathered.recording[row] == number]
        if not rows:
            continue
        try:
            with Recording.of(archive.stores[source], media_id).lent() as path:
                settings = archive.runs(source)[run_id].settings
                for row, image in _images(gathered, rows, str(path), settings.get("every_s")):
                    told, size = _pictured(image, gathered.hits.box_px[row])
                    if size <= left:
                        found[str(row)] = told
                        left -= size
        except VedetteError as error:
            problems.append(f"no whole frames of {archive.media_name(source, media_id)}: {error}")
    return Frames(by_hit=found, problems=tuple(problems), left_out=len(wanted) - len(found))


def _best_rows(gathered: Gathered) -> list[int]:
    """Return the row of each track's best hit, the most probable track first."""
    things, hits = gathered.things, gathered.hits
    ids = np.char.encode(things.ids["best_hit_id"].texts(), "ascii")
    order = np.argsort(hits.hit_id)
    if not len(order):
        return []
    place = order[np.minimum(np.searchsorted(hits.hit_id[order], ids), len(order) - 1)]
    sure = np.nan_to_num(things.number["existence"], nan=0.5)
    rank = np.lexsort([-things.number["score"], -sure])
    return [int(place[k]) for k in rank.tolist() if hits.hit_id[place[k]] == ids[k]]


def _images(
    gathered: Gathered, rows: Sequence[int], path: str, every_s: float | None
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the pictures in which hits were seen, stream by stream, in the order of the clip."""
    hits = gathered.hits
    for stream in sorted({int(hits.stream[row]) for row in rows}):
        missing: dict[int, list[int]] = {}
        for row in rows:
            if hits.stream[row] == stream:
                missing.setdefault(int(hits.frame_index[row]), []).append(row)
        choice = StreamChoice(stream=stream, every_s=every_s)
        with open_video(path, pose_by=_own_clock, choice=choice) as reader:
            for frame in reader.frames():
                for row in missing.pop(frame.index, ()):
                    yield row, frame.image
                if not missing:
                    break


def _own_clock(clip: ClipTelemetry, facts: StreamFacts, shown: str, /) -> Posing:  # noqa: ARG001 - `PoseBy`
    """Take what poses a clip from the clip alone: of its pictures only the number counts here."""
    return klv_posing(clip, source=shown)


def _pictured(image: NDArray[np.uint8], box_px: NDArray[np.float32]) -> tuple[dict[str, Any], int]:
    high, wide = image.shape[:2]
    x0, y0, x1, y1 = (float(edge) for edge in box_px)
    side = min(max(_WINDOW_PX, 2.0 * (x1 - x0), 2.0 * (y1 - y0)), wide, high)
    left = int(np.clip((x0 + x1 - side) / 2.0, 0, wide - side))
    top = int(np.clip((y0 + y1 - side) / 2.0, 0, high - side))
    whole = Image.fromarray(image).convert("RGB")
    close = _jpeg(whole.crop((left, top, int(left + side), int(top + side))))
    whole.thumbnail((_WHOLE_PX, _WHOLE_PX))
    frame = _jpeg(whole)
    box = [round(edge, 4) for edge in (x0 / wide, y0 / high, x1 / wide, y1 / high)]
    told = {"box": box, "close": base64.b64encode(close).decode(), "whole": base64.b64encode(frame).decode()}
    return told, len(close) + len(frame)


def _jpeg(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
