"""A stretch of a film as bytes that a browser plays: MP4 with H.264, made on the fly, nothing of it on a disk."""

from __future__ import annotations

import dataclasses
import json
import os
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from geo.children.messages import MessageReader
from geo.children.process import ChildProcess
from telemetry.errors import MediaError
from telemetry.videos.frame import VideoLimits
from telemetry.videos.video_scan import plan_source

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_S: Final = 60.0
"""A stretch at once; what follows is asked for while it plays."""
MOST_BYTES: Final = 200_000_000
"""A minute at 25 Mbit/s."""
_PATIENCE_S: Final = 120.0
"""A minute of 1080p H.265 takes half that on two busy cores."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Playable:
    """A stretch of a film: MP4 bytes whose time zero is `start_s` of the film's own presentation time."""

    data: bytes
    start_s: Fraction
    width_px: int
    height_px: int
    codec: str
    """What the film itself is coded as."""
    copied: bool
    """Whether its pictures are the film's own bytes, or were encoded anew."""
    rate_hz: float
    """Pictures a second on average, as the container tells; 0 where it does not."""


def playable(
    path: Path, from_s: float, to_s: float, *, stream: int = 0, shown: str = "", limits: VideoLimits | None = None
) -> Playable:
    """Make a stretch of a film playable.

    Parameters
    ----------
    path
        The film.
    from_s, to_s
        Presentation times; it begins with the last picture before them that decodes alone, where pictures are copied.
    stream
        Which of several streams of pictures.
    shown
        What to call the film in messages.

    Raises
    ------
    MediaError
        When no picture of it can be had, or the stretch is too long.
    """
    limits, shown = limits or VideoLimits(), shown or path.name
    if not 0.0 < to_s - from_s <= LONGEST_S:
        raise MediaError(f"{shown}: a stretch lasts up to {LONGEST_S:.0f} s, not {to_s - from_s:g} s")
    plan = plan_source(path)
    job = {
        "source": plan.url,
        "options": plan.options,
        "from_s": from_s,
        "to_s": to_s,
        "stream": stream,
        "max_pixels": limits.max_pixels,
        "max_bytes": MOST_BYTES,
        "max_memory_bytes": limits.max_memory_bytes,
    }
    child = ChildProcess("telemetry.videos.browser_child", [], environment=os.environ)
    try:
        child.input.write(json.dumps(job).encode() + b"\n")
        message = MessageReader(child.output.fileno(), MOST_BYTES).next_message(_PATIENCE_S)
    except TimeoutError:
        message = None
    finally:
        child.close()
    if message is None or message[0]["type"] != "film":
        why = "the process that read it ended, or took too long" if message is None else message[0]["message"]
        raise MediaError(f"{shown} cannot be played there: {why}", path=str(path))
    about, data = message
    return Playable(
        data=data,
        start_s=Fraction(*about["start"]),
        width_px=about["w"],
        height_px=about["h"],
        codec=about["codec"],
        copied=about["copied"],
        rate_hz=about["rate"],
    )
