"""Read a pose track from any source a drone leaves behind; the format is found by content, never by name."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from telemetry.datums import egm96
from telemetry.track_errors import SourceError

if TYPE_CHECKING:
    from telemetry.datums import Undulation
    from telemetry.pose_track import PoseTrack

HEAD_BYTES: Final = 64 * 1024


class SourceFormat(enum.StrEnum):
    """A kind of file that holds positions."""

    TLOG = "MAVLink telemetry log (.tlog)"
    DATAFLASH = "ArduPilot DataFlash log (.bin)"


def sniff(head: bytes) -> SourceFormat | None:
    """Tell a source's format from its first bytes; None where it is none that is known."""
    if len(head) > 20 and head[8] in (0xFE, 0xFD) and _is_date(int.from_bytes(head[:8], "big")):
        return SourceFormat.TLOG
    if head[:2] == b"\xa3\x95":
        return SourceFormat.DATAFLASH
    return None


def _is_date(stamp_us: int) -> bool:
    return 946_684_800_000_000 < stamp_us < 4_102_444_800_000_000


def read_track(path: str | Path, *, undulation: Undulation = egm96) -> PoseTrack:
    """Read the pose track of a file of any known format.

    Parameters
    ----------
    path
        The file.
    undulation
        Geoid of heights over mean sea level.

    Raises
    ------
    SourceError
        The format is not known, or the file holds no usable position.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", path=str(path)) from error
    kind = sniff(head)
    if kind is SourceFormat.TLOG:
        from telemetry.tlog_file import read_tlog

        return read_tlog(path, undulation=undulation)
    if kind is SourceFormat.DATAFLASH:
        from telemetry.dataflash_file import read_dataflash

        return read_dataflash(path, undulation=undulation)
    raise SourceError(f"{path}: not a format that is known here ({len(head)} bytes looked at)", path=str(path))
