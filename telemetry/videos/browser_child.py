"""The process that makes a stretch of a film playable in a browser: H.264 is copied, all else is encoded anew."""

from __future__ import annotations

import io
import json
import sys
from fractions import Fraction
from typing import IO, Any, Final

import av

from geo.children.messages import send
from geo.children.seal import deny_core_dumps, deny_writing, limit_memory

_LEAD_S: Final = 15
"""How far back a picture that decodes alone is looked for; downlinks send one each second or two."""
_ROUNDED_S: Final = 1e-6
"""Times come as decimal numbers; those of pictures are fractions."""
_ENCODER: Final = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23", "bf": "0"}
_OUT: Final = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


class _TooLarge(Exception):  # noqa: N818 - it ends a stretch early and is no error
    """The stretch is as large as it may be."""


class _Bounded(io.BytesIO):
    """Memory for the film, up to what was allowed."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, data: Any) -> int:
        """Take bytes."""
        if self.tell() + len(data) > self._most:
            raise _TooLarge
        return super().write(data)


def _stretch(job: dict[str, Any], out: IO[bytes]) -> None:
    begin, end = float(job["from_s"]) - _ROUNDED_S, float(job["to_s"]) + _ROUNDED_S
    with av.open(job["source"], mode="r", options=job["options"], metadata_errors="replace") as source:
        videos = list(source.streams.video)
        if int(job["stream"]) >= len(videos):
            raise ValueError(f"it holds {len(videos)} streams of pictures")
        video = videos[int(job["stream"])]
        video.codec_context.options = {"max_pixels": str(job["max_pixels"])}
        if begin - _LEAD_S > float((video.start_time or 0) * video.time_base):
            source.seek(round((begin - _LEAD_S) / video.time_base), stream=video)
        copied = video.codec_context.name == "h264"
        film = _Bounded(int(job["max_bytes"]))
        first = (_copy if copied else _encode)(source, video, (begin, end), film)
        codec = video.codec_context
        about = {"type": "film", "start": _pair(first), "copied": copied, "codec": codec.name}
        about |= {"rate": float(video.average_rate or 0), "w": codec.width, "h": codec.height}
        send(out, about, film.getvalue())


def _copy(source: Any, video: Any, span: tuple[float, float], film: _Bounded) -> Fraction:
    """Copy packets from the last picture that decodes alone at or before the beginning; returns its time."""
    packets: list[Any] = []
    begun = False
    for packet in source.demux(video):
        if packet.pts is None or packet.dts is None:
            continue
        at = float(packet.pts * packet.time_base)
        if packet.is_keyframe and at <= span[0] + 2.0 * _ROUNDED_S:
            packets = []
        begun |= bool(packet.is_keyframe)
        if at > span[1]:
            break
        if begun:
            packets.append(packet)
    if not packets:
        raise ValueError("no picture is there")
    base, low = Fraction(video.time_base), packets[0].dts
    first = packets[0].pts
    with av.open(film, "w", format="mp4", options=_OUT) as target:
        stream = target.add_stream_from_template(video)
        last = -1
        for packet in packets:
            packet.pts, packet.dts = packet.pts - low, max(packet.dts - low, last + 1)
            last = packet.dts
            packet.stream = stream
            target.mux(packet)
    return Fraction(first * base)


def _encode(source: Any, video: Any, span: tuple[float, float], film: _Bounded) -> Fraction:
    """Encode pictures from the beginning on; returns the time of the first."""
    first: Fraction | None = None
    with av.open(film, "w", format="mp4", options=_OUT) as target:
        stream: Any = None
        for picture in source.decode(video):
            if picture.pts is None:
                continue
            at = picture.pts * Fraction(picture.time_base)
            if at < span[0]:
                continue
            if at > span[1]:
                break
            if first is None:
                first = at
                stream = target.add_stream("libx264", rate=video.average_rate or 30, options=_ENCODER)
                stream.width, stream.height = picture.width // 2 * 2, picture.height // 2 * 2
                stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 90_000)
            plain = picture.reformat(width=stream.width, height=stream.height, format="yuv420p")
            plain.pts, plain.time_base = round((at - first) * 90_000), Fraction(1, 90_000)
            target.mux(stream.encode(plain))
        if first is None:
            raise ValueError("no picture is there")
        target.mux(stream.encode(None))
    return first


def _pair(value: Fraction) -> list[int]:
    return [value.numerator, value.denominator]


def main() -> None:
    """Run one job read from standard input and answer with one message: the film, or why there is none."""
    job = json.loads(sys.stdin.readline())
    out = sys.stdout.buffer
    limit_memory(int(job["max_memory_bytes"]))
    deny_core_dumps()
    deny_writing()
    av.logging.set_level(None)
    try:
        _stretch(job, out)
    except _TooLarge:
        send(out, {"type": "error", "message": "the stretch is too large: ask for a shorter one"})
    except (av.error.FFmpegError, ValueError) as error:
        send(out, {"type": "error", "message": getattr(error, "strerror", None) or str(error)})
    except MemoryError:
        send(out, {"type": "error", "message": "the memory limit of the process was reached"})


if __name__ == "__main__":
    main()
