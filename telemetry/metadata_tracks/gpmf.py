"""GoPro's ``gpmd`` track: GPMF, nested key-length-value (GoPro's published gpmf-parser)."""

from __future__ import annotations

import datetime as dt
import math
import struct
from typing import TYPE_CHECKING, Final

from telemetry.metadata_tracks.fix import NAN, Fix
from telemetry.tracks.time_bases import local_to_utc_ns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FORMATS: Final = {"l": "i", "L": "I", "s": "h", "S": "H", "b": "b", "B": "B", "f": "f", "d": "d", "j": "q", "J": "Q"}
_MAX_DEPTH: Final = 6
_MAX_ITEMS: Final = 20_000
_EPOCH_2000: Final = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - UTC by definition (GPS9)


def read_gpmf(samples: Iterable[tuple[float, bytes]]) -> list[Fix]:
    """Read the GPS streams of a track; a payload's fixes are spread over the time to the next one.

    Heights are over the WGS 84 ellipsoid, or over mean sea level where ``GPSA`` says ``MSLV``.
    """
    known = list(samples)
    found: list[Fix] = []
    for row, (pts_s, payload) in enumerate(known):
        until = known[row + 1][0] if row + 1 < len(known) else pts_s + 1.0
        rows = [fix for stream in _streams(payload, 0) for fix in _fixes(stream)]
        step = (until - pts_s) / max(len(rows), 1)
        for index, (lat, lon, alt, amsl, utc) in enumerate(rows):
            height = {"alt_amsl_m" if amsl else "alt_hae_m": alt}
            found.append(Fix(pts_s=pts_s + index * step, lat_deg=lat, lon_deg=lon, t_utc_ns=utc, **height))
    return found


def _items(data: bytes) -> Iterator[tuple[bytes, str, int, int, bytes]]:
    """Yield (key, type, size, repeat, value); ends where the data are damaged."""
    place = 0
    for _ in range(_MAX_ITEMS):
        if place + 8 > len(data):
            return
        key, kind, size, repeat = struct.unpack_from(">4scBH", data, place)
        length = size * repeat
        body = data[place + 8 : place + 8 + length]
        if len(body) < length:
            return
        yield key, kind.decode("latin-1"), size, repeat, body
        place += 8 + (length + 3) // 4 * 4


def _streams(data: bytes, depth: int) -> Iterator[dict[bytes, tuple[str, int, int, bytes]]]:
    """Yield each innermost nest as its items by key."""
    own: dict[bytes, tuple[str, int, int, bytes]] = {}
    for key, kind, size, repeat, body in _items(data):
        if kind == "\x00" and depth < _MAX_DEPTH:
            yield from _streams(body, depth + 1)
        else:
            own[key] = kind, size, repeat, body
    if own:
        yield own


def _numbers(item: tuple[str, int, int, bytes]) -> list[tuple[float, ...]]:
    kind, size, repeat, body = item
    code = _FORMATS.get(kind)
    if code is None:
        return []
    each = struct.calcsize(">" + code)
    if not size or size % each:
        return []
    return [struct.unpack_from(f">{size // each}{code}", body, row * size) for row in range(repeat)]


def _fixes(stream: dict[bytes, tuple[str, int, int, bytes]]) -> list[tuple[float, float, float, bool, int]]:
    amsl = stream.get(b"GPSA", ("", 0, 0, b""))[3][:4] == b"MSLV"
    scale = [row[0] for row in _numbers(stream[b"SCAL"])] if b"SCAL" in stream else []
    if b"GPS5" in stream:
        locked = _numbers(stream[b"GPSF"]) if b"GPSF" in stream else [(3.0,)]
        utc = _moment(stream[b"GPSU"][3]) if b"GPSU" in stream else -1
        rows = [_scaled(row, scale) for row in _numbers(stream[b"GPS5"])] if locked and locked[0][0] >= 2 else []  # noqa: PLR2004
        # GPSU dates the payload's first fix; the others have no date of their own
        return [(row[0], row[1], row[2], amsl, utc if index == 0 else -1) for index, row in enumerate(rows)]
    if b"GPS9" in stream:
        return [fix for row in _gps9(stream[b"GPS9"]) if (fix := _dated(_scaled(row, scale), amsl)) is not None]
    return []


def _scaled(row: tuple[float, ...], scale: list[float]) -> list[float]:
    factors = scale if len(scale) > 1 else (scale or [1.0]) * len(row)
    values = [value / factor if factor else NAN for value, factor in zip(row, factors, strict=False)]
    return values + [NAN] * (9 - len(values))


def _gps9(item: tuple[str, int, int, bytes]) -> list[tuple[float, ...]]:
    """Read the structure ``lllllllSS``: seven 32-bit and two 16-bit numbers."""
    _, size, repeat, body = item
    layout = struct.Struct(">7i2H")
    if size != layout.size:
        return []
    return [layout.unpack_from(body, row * size) for row in range(repeat)]


def _dated(row: list[float], amsl: bool) -> tuple[float, float, float, bool, int] | None:
    days, seconds, fix = row[5], row[6], row[8]
    if not fix >= 2:  # noqa: PLR2004
        return None
    utc = -1
    if math.isfinite(days) and math.isfinite(seconds) and 0 <= days < 40_000 and 0 <= seconds < 90_000:  # noqa: PLR2004
        utc = local_to_utc_ns(_EPOCH_2000 + dt.timedelta(days=days), 0.0) + round(seconds * 1e9)
    return row[0], row[1], row[2], amsl, utc


def _moment(body: bytes) -> int:
    """Read ``yymmddhhmmss.sss``."""
    text = body.decode("latin-1")[:16]
    try:
        moment = dt.datetime.strptime(text[:12], "%y%m%d%H%M%S")  # noqa: DTZ007 - UTC by definition
        return local_to_utc_ns(moment, 0.0) + round(float(text[12:] or 0.0) * 1e9)
    except (ValueError, OverflowError):
        return -1
