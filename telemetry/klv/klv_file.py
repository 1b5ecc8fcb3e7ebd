"""Read the KLV of any file that carries it: a raw stream of packets, or a container with a data stream."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from telemetry.errors import MediaError
from telemetry.klv import ChecksumMode, KlvStream, decode
from telemetry.klv.packets import UAS_KEY
from telemetry.videos.containers import is_container
from telemetry.videos.frame import VideoLimits

if TYPE_CHECKING:
    from telemetry.videos.video_scan import ClipTelemetry

HEAD_BYTES: Final = 64 * 1024


def is_raw_klv(head: bytes) -> bool:
    """Tell from a file's first bytes whether it is KLV packets one after another (a cut first key included)."""
    if is_container(head):
        return False
    return UAS_KEY[5:] in head or UAS_KEY[:5] in head[:256]


def read_klv(
    path: str | Path, *, checksum: ChecksumMode = ChecksumMode.STRICT, limits: VideoLimits | None = None
) -> KlvStream:
    """Decode the KLV of a file; the kind of file is found by content.

    Raises
    ------
    MediaError
        The file is missing, is no KLV and no container, or is larger than the limits.
    """
    limits = limits or VideoLimits()
    place = Path(path)
    try:
        with place.open("rb") as file:
            head = file.read(HEAD_BYTES)
            if is_raw_klv(head):
                rest = file.read(limits.max_klv_bytes + 1)
                if len(rest) > limits.max_klv_bytes:
                    raise MediaError(
                        f"{place} holds more than {limits.max_klv_bytes} bytes of telemetry", path=str(path)
                    )
                return decode(head + rest, checksum=checksum)
    except OSError as error:
        raise MediaError(f"{place}: {(error.strerror or str(error)).lower()}", path=str(place)) from error
    return read_clip_telemetry(place, checksum=checksum, limits=limits).klv


def read_clip_telemetry(path: Path, *, checksum: ChecksumMode, limits: VideoLimits) -> ClipTelemetry:
    """Read the KLV of a container and the clock it gives its pictures, without decoding any."""
    from telemetry.videos.video_process import DecoderProcess, Work
    from telemetry.videos.video_scan import plan_source, read_scan, wait_for

    plan = plan_source(path)
    with DecoderProcess(plan.url, plan.options, limits, Work(decode=False)) as process:
        facts, _ = wait_for(process, "open", plan)
        scan, payload = wait_for(process, "scan", plan)
    return read_scan(scan, payload, facts, checksum)
