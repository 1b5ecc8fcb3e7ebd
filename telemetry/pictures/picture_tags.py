"""What a picture file says, before anything is concluded."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PictureTags:
    """What the file says, before anything is concluded: EXIF by tag number, XMP by prefixed name."""

    width_px: int
    height_px: int
    tiff: Mapping[int, object]
    exif: Mapping[int, object]
    gps: Mapping[int, object]
    xmp: Mapping[str, str]
