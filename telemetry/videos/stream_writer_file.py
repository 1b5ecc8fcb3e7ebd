"""Write a downlink: H.264 pictures and their KLV packets in one MPEG transport stream.

The KLV travels as private data with the registration "KLVA" (SMPTE RP 217,
asynchronous carriage), and each packet also carries the presentation time of
its picture, so that any reader can pair the two without guessing.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from telemetry.errors import MediaError

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

TIME_BASE: Final = Fraction(1, 90_000)
"""Clock of MPEG transport streams (ISO/IEC 13818-1, 2.4.3.7)."""

START_TICKS: Final = 90_000
"""Presentation time of the first picture: one second, so that no decoding time is negative."""


class Sink(Protocol):
    """Takes a stream's bytes as they are made."""

    def write(self, data: bytes, /) -> int:
        """Take bytes."""
        ...


class StreamWriter:
    """A transport stream under construction; complete only after `close`.

    Until then it lies beside its final name, which `close` gives it in one step.
    As a context manager it closes on success and leaves nothing after an error.

    Parameters
    ----------
    path
        Where the finished stream goes; or something with a `write`, which gets the bytes as they are made.
    width_px, height_px
        Size of every picture; both even (4:2:0 chroma).
    fps
        Nominal rate, for the encoder's rate control; picture times are taken as written.
    with_klv
        Whether it has a stream of KLV at all.
    """

    def __init__(
        self, path: str | Path | Sink, *, width_px: int, height_px: int, fps: Fraction, with_klv: bool = True
    ) -> None:
        import av

        if width_px % 2 or height_px % 2:
            raise MediaError(f"H.264 needs even picture sizes, not {width_px} x {height_px}", path=str(path))
        self._path = Path(path) if isinstance(path, (str, Path)) else None
        self._partial = None if self._path is None else self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        self._shape = (height_px, width_px, 3)
        self._start_utc_ns: int | None = None
        self._last_ticks = -1
        target: Any = path if self._partial is None else str(self._partial)
        # a packet that states its length is whole at once; else a reader knows that only when the next picture begins
        live = {} if self._partial is not None else {"flush_packets": "1", "omit_video_pes_length": "0"}
        self._container = av.open(target, mode="w", format="mpegts", options=live)
        options = {"preset": "veryfast", "crf": "23", "bf": "0", "tune": "zerolatency"}
        self._video = self._container.add_stream("libx264", rate=fps, options=options)
        self._video.width, self._video.height, self._video.pix_fmt = width_px, height_px, "yuv420p"
        self._video.codec_context.time_base = TIME_BASE
        self._video.codec_context.gop_size = max(10, round(2 * fps))
        self._klv = self._container.add_data_stream("klv") if with_klv else None
        if self._klv is not None:
            self._klv.time_base = TIME_BASE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def write(self, image_rgb: NDArray[np.uint8], t_utc_ns: int, klv: bytes) -> None:
        """Add one picture, its moment and its KLV packet.

        Raises
        ------
        MediaError
            The picture has another size, or its moment is not after the one before.
        """
        import av

        if image_rgb.shape != self._shape:
            message = f"a picture of shape {self._shape} is expected, not {image_rgb.shape}"
            raise MediaError(message, expected=self._shape, actual=image_rgb.shape)
        if self._start_utc_ns is None:
            self._start_utc_ns = t_utc_ns
        ticks = START_TICKS + round(Fraction(t_utc_ns - self._start_utc_ns, 1_000_000_000) / TIME_BASE)
        if ticks <= self._last_ticks:
            raise MediaError(f"the picture at {t_utc_ns} ns is not after the one before it", t_utc_ns=t_utc_ns)
        self._last_ticks = ticks
        frame = av.VideoFrame.from_ndarray(image_rgb, format="rgb24")
        frame.pts, frame.time_base = ticks, TIME_BASE
        packets = self._video.encode(frame)
        if self._klv is not None:
            packet = av.Packet(klv)
            packet.stream, packet.time_base, packet.pts, packet.dts = self._klv, TIME_BASE, ticks, ticks
            packets.append(packet)
        self._container.mux(packets)

    def close(self) -> None:
        """Finish the stream and give it its name."""
        self._container.mux(self._video.encode(None))
        self._container.close()
        if self._partial is not None and self._path is not None:
            os.replace(self._partial, self._path)

    def abandon(self) -> None:
        """Give up: nothing is left behind."""
        self._container.close()
        if self._partial is not None:
            self._partial.unlink(missing_ok=True)
