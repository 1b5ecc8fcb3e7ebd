"""Read a pose track from any source a drone leaves behind; the format is found by content, never by name."""

from __future__ import annotations

import dataclasses
import enum
import time
from collections.abc import Callable  # noqa: TC003 - an annotation of a field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.text_encoding import decoded
from telemetry.tracks.datums import Undulation, egm96
from telemetry.tracks.pose_track import Problem
from telemetry.tracks.time_bases import ahead_of_now
from telemetry.tracks.track_errors import SourceError
from telemetry.videos.containers import is_container

if TYPE_CHECKING:
    from telemetry.klv import KlvStream
    from telemetry.tracks.pose_track import PoseTrack

HEAD_BYTES: Final = 64 * 1024
"""So many first bytes tell a format."""
_FMT_OF_FMT: Final = b"\xa3\x95\x80\x80\x59FMT\x00BBnNZ"
_FRAMES_ENOUGH: Final = 3
_NOT_READ: Final = {
    b"ULogEnc": "an encrypted PX4 log; decrypt it first with the key of its vehicle",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it first",
    b"ftyphei": "a HEIC picture; convert it to JPEG with its metadata",
    b"ftypmif1": "a HEIF picture; convert it to JPEG with its metadata",
}
"""First bytes (or, in ISO media files, those after the size) of what people try, and what to do with it."""


class SourceFormat(enum.StrEnum):
    """A kind of file that holds positions."""

    TLOG = "MAVLink telemetry log (.tlog)"
    DATAFLASH = "ArduPilot DataFlash log (.bin)"
    ULOG = "PX4 log (.ulg)"
    PICTURE = "picture with EXIF and XMP"
    KLV = "MISB ST 0601 KLV, raw or in a video"
    SUBTITLES = "DJI or Autel subtitles (.SRT, .ASS)"
    GPX = "GPX track (.gpx)"
    NMEA = "NMEA 0183 sentences"
    FLIGHT_READER = "Flight Reader export (.csv)"
    AIRDATA = "Airdata export (.csv)"
    MISB_CSV = "table of ST 0601 items (.csv)"
    TRACK = "pose track of this program (.csv)"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """What some sources do not say and a person may know.

    Attributes
    ----------
    utc_offset_s
        Zone of the camera's clock, seconds east of UTC (subtitles, pictures).
    home_alt_amsl_m
        Height of the take-off point over mean sea level (sources that write only heights over it).
    start_utc_ns
        When the recording began (subtitles and NMEA logs without a date).
    undulation
        Geoid of the heights over mean sea level.
    clock
        Gives this computer's UTC nanoseconds, which no recording's time lies after.
    """

    utc_offset_s: float | None = None
    home_alt_amsl_m: float | None = None
    start_utc_ns: int | None = None
    undulation: Undulation = egm96
    clock: Callable[[], int] = time.time_ns


def sniff(head: bytes) -> SourceFormat | None:
    """Tell a source's format from its first `HEAD_BYTES` bytes; None where it is none that is known."""
    if head.startswith(b"ULog\x01\x12\x35"):
        return SourceFormat.ULOG
    if head.startswith(b"\xa3\x95"):
        return SourceFormat.DATAFLASH
    if len(head) > 20 and head[8] in (0xFE, 0xFD) and _is_date(int.from_bytes(head[:8], "big")):
        return SourceFormat.TLOG
    if head.startswith((b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"\x89PNG\r\n")) or head[8:12] == b"WEBP":
        return SourceFormat.PICTURE
    text = _text_format(head)
    if text is not None:
        return text
    if is_container(head) or _is_raw_klv(head):
        return SourceFormat.KLV
    return _damaged_log(head)


def _is_raw_klv(head: bytes) -> bool:
    from telemetry.klv.klv_file import is_raw_klv

    return is_raw_klv(head)


def _damaged_log(head: bytes) -> SourceFormat | None:
    """Recognise a log whose first bytes are lost by the whole records after them."""
    from telemetry.mavlink.frames import find_frames

    if _FMT_OF_FMT in head:
        return SourceFormat.DATAFLASH
    frames, _ = find_frames(np.frombuffer(head, dtype=np.uint8), stamped=True)
    dated = [stamp for stamp in frames.received_us.tolist() if _is_date(stamp)]
    return SourceFormat.TLOG if len(dated) >= _FRAMES_ENOUGH else None


def _is_date(stamp_us: int) -> bool:
    """Return whether microseconds since 1970 lie between the years 2000 and 2100."""
    return 946_684_800_000_000 < stamp_us < 4_102_444_800_000_000


GPX_MARK: Final = "<gpx"


def _text_format(head: bytes) -> SourceFormat | None:
    text = decoded(head)
    if "\x00" in text:
        return None
    from telemetry.logs import airdata_file, flight_reader_file, misb_csv_file
    from telemetry.logs.csv_table import column_names
    from telemetry.logs.nmea_file import SENTENCE
    from telemetry.logs.subtitle_cues import is_subtitles
    from telemetry.tracks import track_file

    if is_subtitles(text):
        return SourceFormat.SUBTITLES
    if GPX_MARK in text:
        return SourceFormat.GPX
    if SENTENCE.search(text):
        return SourceFormat.NMEA
    names = set(column_names(text))
    for kind, marks in (
        (SourceFormat.TRACK, track_file.COLUMNS),
        (SourceFormat.AIRDATA, airdata_file.MARKS),
        (SourceFormat.FLIGHT_READER, flight_reader_file.MARKS),
        (SourceFormat.MISB_CSV, misb_csv_file.MARKS),
    ):
        if names.issuperset(marks):
            return kind
    return None


def read_track(path: str | Path, options: SourceOptions | None = None) -> PoseTrack:
    """Read the pose track of a file of any known format.

    Parameters
    ----------
    path
        The file.
    options
        What the source does not say.

    Raises
    ------
    SourceError
        The format is not known, or the file holds no usable position; the message says which.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}", path=str(path)) from error
    kind = sniff(head)
    if kind is None:
        raise SourceError(f"{path}: {why_unknown(head)}", path=str(path))
    options = options or SourceOptions()
    track = _READERS[kind](path, options)
    problems = (*_heights_without_geoid(track), *ahead_of_now(int(track.t_utc_ns[-1]), options.clock()))
    return dataclasses.replace(track, problems=tuple(dict.fromkeys((*track.problems, *problems))))


def _heights_without_geoid(track: PoseTrack) -> list[Problem]:
    """Name rows with a height over one surface alone: a geoid by file may end before the flight does."""
    alone = np.flatnonzero(np.isfinite(track.alt_amsl_m) != np.isfinite(track.alt_hae_m))
    if not len(alone):
        return []
    place = f"{track.lat_deg[alone[0]]:.4f}, {track.lon_deg[alone[0]]:.4f}"
    text = (
        f"the geoid says nothing at {len(alone)} of {len(track)} positions (the first at {place}), where heights over "
        "sea level and over the ellipsoid cannot be exchanged; give one that covers the flight"
    )
    return [Problem(kind="geoid_ends", message=text, t_utc_ns=int(track.t_utc_ns[alone[0]]))]


def why_unknown(head: bytes) -> str:
    """Say why a file whose format is not known is of no use, by its first bytes."""
    if not head:
        return "the file is empty"
    if head.strip().isdigit():
        return "holds only a cue number; a subtitle file that was cut short"
    for mark, advice in _NOT_READ.items():
        if head.startswith(mark) or head[4:12].startswith(mark):
            return advice
    return f"no format of positions that is known here; known are: {', '.join(SourceFormat)}"


def _tlog(path: Path, options: SourceOptions) -> PoseTrack:
    from telemetry.logs.tlog_file import read_tlog

    return read_tlog(path, undulation=options.undulation)


def _dataflash(path: Path, options: SourceOptions) -> PoseTrack:
    from telemetry.logs.dataflash_file import read_dataflash

    return read_dataflash(path, undulation=options.undulation)


def _ulog(path: Path, options: SourceOptions) -> PoseTrack:
    from telemetry.logs.ulog_file import read_ulog

    return read_ulog(path, undulation=options.undulation)


def _subtitles(path: Path, options: SourceOptions) -> PoseTrack:
    from telemetry.logs.subtitle_file import read_subtitles

    return read_subtitles(
        path,
        utc_offset_s=options.utc_offset_s,
        home_alt_amsl_m=options.home_alt_amsl_m,
        start_utc_ns=options.start_utc_ns,
        undulation=options.undulation,
    )


def _picture(path: Path, options: SourceOptions) -> PoseTrack:
    from telemetry.pictures.picture_track import read_picture_track

    return read_picture_track(
        path, utc_offset_s=options.utc_offset_s, undulation=options.undulation, clock=options.clock
    )


def _klv(path: Path, options: SourceOptions) -> PoseTrack:
    from telemetry.klv.klv_file import read_klv
    from telemetry.klv.klv_track import track_from_klv

    stream = read_klv(path)
    track = track_from_klv(stream, undulation=options.undulation, source=path.name)
    if not len(track):
        raise SourceError(_no_klv_position(path, stream, track), path=str(path))
    return track


def _no_klv_position(path: Path, stream: KlvStream, track: PoseTrack) -> str:
    if track.problems:
        return f"{path}: no position in its telemetry: {'; '.join(problem.message for problem in track.problems[:3])}"
    if len(stream):
        return f"{path}: none of its {len(stream)} ST 0601 packets has a position and a time"
    if stream.others:
        keys = ", ".join(sorted({other.key.hex() for other in stream.others})[:3])
        return f"{path}: its {len(stream.others)} KLV sets are not of ST 0601 but of other standards (keys {keys})"
    return f"{path}: no KLV packet in it"


def _airdata(path: Path, options: SourceOptions) -> PoseTrack:
    from telemetry.logs.airdata_file import read_airdata

    return read_airdata(
        path,
        utc_offset_s=options.utc_offset_s,
        home_alt_amsl_m=options.home_alt_amsl_m,
        undulation=options.undulation,
    )


def _flight_reader(path: Path, options: SourceOptions) -> PoseTrack:
    from telemetry.logs.flight_reader_file import read_flight_reader

    return read_flight_reader(
        path,
        utc_offset_s=options.utc_offset_s,
        home_alt_amsl_m=options.home_alt_amsl_m,
        undulation=options.undulation,
    )


def _gpx(path: Path, options: SourceOptions) -> PoseTrack:
    from telemetry.logs.gpx_file import read_gpx

    return read_gpx(path, undulation=options.undulation)


def _nmea(path: Path, options: SourceOptions) -> PoseTrack:
    from telemetry.logs.nmea_file import read_nmea

    return read_nmea(path, start_utc_ns=options.start_utc_ns, undulation=options.undulation)


def _misb_csv(path: Path, options: SourceOptions) -> PoseTrack:
    from telemetry.logs.misb_csv_file import read_misb_csv

    return read_misb_csv(path, undulation=options.undulation)


def _track(path: Path, options: SourceOptions) -> PoseTrack:  # noqa: ARG001 - a track states everything itself
    from telemetry.tracks.track_file import read_track_csv

    return read_track_csv(path)


_READERS: Final[dict[SourceFormat, Callable[[Path, SourceOptions], PoseTrack]]] = {
    SourceFormat.TLOG: _tlog,
    SourceFormat.DATAFLASH: _dataflash,
    SourceFormat.ULOG: _ulog,
    SourceFormat.PICTURE: _picture,
    SourceFormat.KLV: _klv,
    SourceFormat.SUBTITLES: _subtitles,
    SourceFormat.GPX: _gpx,
    SourceFormat.NMEA: _nmea,
    SourceFormat.FLIGHT_READER: _flight_reader,
    SourceFormat.AIRDATA: _airdata,
    SourceFormat.MISB_CSV: _misb_csv,
    SourceFormat.TRACK: _track,
}
