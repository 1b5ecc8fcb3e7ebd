"""What a person states of recordings, in the words of the command line."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry.recordings.reading_options import ReadingOptions


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a person states of recordings where they do not say it themselves.

    Attributes
    ----------
    offset
        Seconds by which a log's clock, or a subtitle file's, is ahead of the clip's; ``auto`` has it estimated.
    start
        UTC of the first picture of a clip without a date, as ``2024-05-01T10:00:00Z``.
    utc_offset
        Zone of the cameras' clocks, as ``+02:00``.
    home_alt_amsl_m
        Height of the take-off point over mean sea level.
    mount
        ``YAW,PITCH,ROLL[,level]`` of a camera whose log says nothing of where it looks.
    camera
        A camera's name, its horizontal field of view in degrees, or a camera file of ``vedette calibrate``.
    stream
        Which of several streams of pictures.
    overlap
        Largest share (0 to 1) of common ground between pictures that are analysed.
    """

    offset: str = "auto"
    start: str | None = None
    utc_offset: str | None = None
    home_alt_amsl_m: float | None = None
    mount: str | None = None
    camera: str | None = None
    stream: int = 0
    overlap: float | None = None

    def options(self) -> ReadingOptions:
        """Return it as readers take it.

        Raises
        ------
        InputError
            One of them is not what it has to be; the message names its option.
        """
        from telemetry.recordings.mounts import parse_mount
        from telemetry.recordings.reading_options import ReadingOptions, parse_stated_camera
        from telemetry.tracks.stated_times import parse_offset, parse_start, parse_utc_offset

        return ReadingOptions(
            max_overlap=self.overlap,
            offset_s=parse_offset(self.offset),
            start_utc_ns=parse_start(self.start),
            utc_offset_s=parse_utc_offset(self.utc_offset),
            home_alt_amsl_m=self.home_alt_amsl_m,
            mount=None if self.mount is None else parse_mount(self.mount),
            camera=None if self.camera is None else parse_stated_camera(self.camera),
            stream=self.stream,
        )
