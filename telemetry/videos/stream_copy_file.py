"""A clip's packets copied as they are into a new MPEG transport stream, with KLV beside them."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Self

from telemetry.errors import MediaError
from telemetry.videos.containers import MAY_CARRY_KLV
from telemetry.videos.video_scan import plan_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

TIME_BASE: Final = Fraction(1, 90_000)
"""Clock of MPEG transport streams (ISO/IEC 13818-1, 2.4.3.7)."""


class StreamCopy:
    """A copy under construction; a context manager that gives it its name only when everything went well.

    Presentation times stay those of the source, so that a moment of the copy is the same moment of the original.

    Parameters
    ----------
    source, out
        The clip, and where the copy goes (MPEG-TS, written beside its name first).
    """

    def __init__(self, source: Path, out: Path) -> None:
        self._source, self._out = source, out
        self._partial = out.with_name(f".{out.name}.{os.getpid()}.part")

    def __enter__(self) -> Self:
        import av

        plan = plan_source(self._source)
        try:
            self._reader = av.open(plan.url, options=plan.options, metadata_errors="replace")
        except av.error.FFmpegError as error:
            raise self._failed(error) from error
        self._writer = av.open(str(self._partial), "w", format="mpegts", options={"mpegts_copyts": "1"})
        carried = [stream for stream in self._reader.streams if stream.type in {"video", "audio"}]
        self._carried: dict[int, Any] = {s.index: self._writer.add_stream_from_template(s) for s in carried}
        self._klv: dict[int, Any] = {}
        self._last: dict[int, int] = {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import av

        try:
            self._reader.close()
            if kind is None:
                self._writer.close()
                os.replace(self._partial, self._out)
            elif error is not None and isinstance(error, av.error.FFmpegError):
                raise self._failed(error) from error
        except av.error.FFmpegError as failure:
            raise self._failed(failure) from failure
        finally:
            self._partial.unlink(missing_ok=True)

    def _failed(self, error: Exception) -> MediaError:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return MediaError(f"{self._source} cannot be copied: {reason}", path=str(self._source))

    @property
    def left_out(self) -> list[str]:
        """Streams that a transport stream of ours does not carry, such as subtitles."""
        return [
            f"{stream.type} stream {stream.index}"
            for stream in self._reader.streams
            if stream.type not in MAY_CARRY_KLV | {"video", "audio"}
        ]

    def add_klv(self, number: int = 0) -> None:
        """Make room for a stream of KLV; has to come before the first packet is copied."""
        data = self._writer.add_data_stream("klv")
        data.time_base = TIME_BASE
        self._klv[number] = data

    def data_streams(self) -> list[int]:
        """Return the numbers of the source's data streams."""
        return [stream.index for stream in self._reader.streams if stream.type in MAY_CARRY_KLV]

    def packets(self) -> Iterator[Any]:
        """Yield the packets of pictures, sound and data in the order of the source."""
        chosen = [s for s in self._reader.streams if s.index in self._carried or s.type in MAY_CARRY_KLV]
        for packet in self._reader.demux(*chosen):
            if packet.size:
                yield packet

    def is_carried(self, packet: Any) -> bool:
        """Tell whether a packet is one of pictures or sound."""
        return packet.stream.index in self._carried

    def copy(self, packet: Any) -> None:
        """Write a packet of pictures or sound as it is; one without a decoding time is passed over."""
        if packet.dts is not None:
            packet.stream = self._carried[packet.stream.index]
            self._writer.mux(packet)

    def put_klv(self, payload: bytes, ticks: int, number: int = 0) -> None:
        """Write a KLV payload at a presentation time (90 kHz), which is kept from falling."""
        import av

        ticks = max(ticks, self._last.get(number, 0), 0)
        self._last[number] = ticks
        carrier = av.Packet(payload)
        carrier.stream, carrier.time_base, carrier.pts, carrier.dts = self._klv[number], TIME_BASE, ticks, ticks
        self._writer.mux(carrier)


def ticks_of(packet: Any) -> int | None:
    """Return a packet's presentation time in units of 90 kHz, None where it states none."""
    if packet.pts is None or packet.time_base is None:
        return None
    return round(int(packet.pts) * Fraction(packet.time_base) / TIME_BASE)
