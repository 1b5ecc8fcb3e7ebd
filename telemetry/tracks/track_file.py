"""Write a pose track as CSV, Parquet, GeoJSON, KML or GPX, and read the CSV back."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from xml.sax.saxutils import XMLGenerator

import numpy as np

from geo.errors import InputError
from geo.foreign_text import visible
from geo.values import GimbalFrame, read_only
from telemetry.logs.csv_table import read_csv_table
from telemetry.tracks.pose_track import PoseTrack
from telemetry.tracks.track_cleaning import Samples, fewer, with_fix, without_jumps
from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NUMBERS: Final = (
    "lat_deg", "lon_deg", "alt_hae_m", "alt_amsl_m", "yaw_deg", "pitch_deg", "roll_deg",
    "gimbal_yaw_deg", "gimbal_pitch_deg", "gimbal_roll_deg", "hfov_deg", "vfov_deg", "sigma_h_m", "sigma_v_m",
)  # fmt: skip
"""Number columns in the order they are written; the gimbal's frame follows as text."""
COLUMNS: Final = ("t_utc_ns", *NUMBERS, "gimbal_frame")
_MOST_DEG: Final = {"lat_deg": 90.0, "lon_deg": 360.0}
"""Longitudes may be written from 0 to 360."""


def write_track(track: PoseTrack, path: str | Path) -> None:
    """Write a track in the format that the file's ending names; either whole or not at all.

    Raises
    ------
    InputError
        The ending is none of .csv, .parquet, .geojson, .kml, .gpx, or the file cannot be written.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        known = ", ".join(WRITERS)
        raise InputError(f"{path}: tracks are written as {known}, not as {path.suffix or 'a file without ending'!r}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; make it first", path=str(path))
    try:
        _write_whole(track, path, writer)
    except OSError as error:
        raise InputError(f"{path}: could not be written ({error.strerror or error})", path=str(path)) from error


def _write_whole(track: PoseTrack, path: Path, writer: Callable[[PoseTrack, IO[bytes]], None]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            writer(track, file)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_csv(track: PoseTrack, file: IO[bytes]) -> None:
    """Write numbers and the frame's own name: no cell's text comes from the source, so none can be a formula."""
    columns = [getattr(track, name).tolist() for name in NUMBERS]
    frame = str(track.gimbal_frame)
    lines = [",".join(COLUMNS)]
    for stamp, *row in zip(track.t_utc_ns.tolist(), *columns, strict=True):
        cells = ["" if math.isnan(value) else repr(value) for value in row]
        lines.append(f"{stamp},{','.join(cells)},{frame}")
    file.write("\n".join([*lines, ""]).encode())


def _write_parquet(track: PoseTrack, file: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {"t_utc_ns": pa.array(track.t_utc_ns)}
    columns |= {name: pa.array(getattr(track, name)) for name in NUMBERS}
    columns["gimbal_frame"] = pa.array([str(track.gimbal_frame)] * len(track)).dictionary_encode()
    metadata = {"source": track.source, "problems": json.dumps([problem.message for problem in track.problems])}
    pq.write_table(pa.table(columns, metadata=metadata), file)


def _write_geojson(track: PoseTrack, file: IO[bytes]) -> None:
    """Write RFC 7946: one point a row, heights over the ellipsoid as its section 3.1.1 wants them."""
    features = [
        {
            "type": "Feature",
            "geometry": {
                "type": "Point",
                "coordinates": _coordinates(row["lon_deg"], row["lat_deg"], row["alt_hae_m"]),
            },
            "properties": {name: value for name, value in row.items() if name not in ("lat_deg", "lon_deg")},
        }
        for row in _rows(track)
    ]
    file.write(json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":")).encode())


def _coordinates(lon: float, lat: float, height: float | None) -> list[float]:
    return [lon, lat] if height is None else [lon, lat, round(height, 4)]


def _rows(track: PoseTrack) -> Iterable[dict[str, Any]]:
    """Give each row as JSON holds it: null for what is not known."""
    columns = [getattr(track, name).tolist() for name in NUMBERS]
    for stamp, *values in zip(track.t_utc_ns.tolist(), *columns, strict=True):
        row: dict[str, Any] = {"t_utc_ns": stamp}
        row |= {name: None if math.isnan(value) else value for name, value in zip(NUMBERS, values, strict=True)}
        yield row | {"gimbal_frame": str(track.gimbal_frame)}


def _iso(t_utc_ns: int) -> str:
    seconds, rest = divmod(t_utc_ns, 1_000_000_000)
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"


def _write_kml(track: PoseTrack, file: IO[bytes]) -> None:
    """Write a KML 2.2 ``gx:Track``; its absolute heights are over EGM96 mean sea level."""
    xml = XMLGenerator(file, "utf-8", short_empty_elements=True)
    xml.startDocument()
    spaces = {"xmlns": "http://www.opengis.net/kml/2.2", "xmlns:gx": "http://www.google.com/kml/ext/2.2"}
    for name, attributes in (("kml", spaces), ("Document", {}), ("Placemark", {})):
        xml.startElement(name, attributes)  # type: ignore[arg-type]
    _element(xml, "name", track.source)
    xml.startElement("gx:Track", {})  # type: ignore[arg-type]
    known = bool(np.isfinite(track.alt_amsl_m).all())
    _element(xml, "altitudeMode", "absolute" if known else "clampToGround")
    for stamp in track.t_utc_ns.tolist():
        _element(xml, "when", _iso(stamp))
    for lon, lat, height in zip(track.lon_deg.tolist(), track.lat_deg.tolist(), track.alt_amsl_m.tolist(), strict=True):
        _element(xml, "gx:coord", f"{lon!r} {lat!r} {height if math.isfinite(height) else 0.0:.3f}")
    for yaw, pitch, roll in zip(track.yaw_deg.tolist(), track.pitch_deg.tolist(), track.roll_deg.tolist(), strict=True):
        _element(xml, "gx:angles", f"{yaw:.4f} {pitch:.4f} {roll:.4f}" if math.isfinite(yaw) else "")
    for name in ("gx:Track", "Placemark", "Document", "kml"):
        xml.endElement(name)
    xml.endDocument()


def _write_gpx(track: PoseTrack, file: IO[bytes]) -> None:
    """Write GPX 1.1; its ``ele`` is over mean sea level and is left out where that is not known."""
    xml = XMLGenerator(file, "utf-8", short_empty_elements=True)
    xml.startDocument()
    xml.startElement("gpx", {"xmlns": "http://www.topografix.com/GPX/1/1", "version": "1.1", "creator": "vedette"})  # type: ignore[arg-type]
    xml.startElement("trk", {})  # type: ignore[arg-type]
    _element(xml, "name", track.source)
    xml.startElement("trkseg", {})  # type: ignore[arg-type]
    columns = (track.t_utc_ns.tolist(), track.lat_deg.tolist(), track.lon_deg.tolist(), track.alt_amsl_m.tolist())
    for stamp, lat, lon, height in zip(*columns, strict=True):
        xml.startElement("trkpt", {"lat": repr(lat), "lon": repr(lon)})  # type: ignore[arg-type]
        if math.isfinite(height):
            _element(xml, "ele", f"{height:.3f}")
        _element(xml, "time", _iso(stamp))
        xml.endElement("trkpt")
    for name in ("trkseg", "trk", "gpx"):
        xml.endElement(name)
    xml.endDocument()


def _element(xml: XMLGenerator, name: str, text: str) -> None:
    xml.startElement(name, {})  # type: ignore[arg-type]
    xml.characters(visible(text))
    xml.endElement(name)


WRITERS: Final[dict[str, Callable[[PoseTrack, IO[bytes]], None]]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".geojson": _write_geojson,
    ".kml": _write_kml,
    ".gpx": _write_gpx,
}
"""Ending -> writer."""


def read_track_csv(path: str | Path) -> PoseTrack:
    """Read a track that `write_track` wrote as CSV, or another program in the same columns.

    Rows at 0, 0 and rows that no aircraft can have flown to are left out and named.

    Raises
    ------
    SourceError
        A column is missing, a time is no number, times do not rise, or a row has no place on the globe.
    """
    path = Path(path)
    table = read_csv_table(path, NUMBERS, ("t_utc_ns", "gimbal_frame"))
    missing = [name for name in COLUMNS if name not in table.values and name not in table.texts]
    if missing:
        raise SourceError(f"{path}: no column {missing[0]!r}, which every pose track has", path=str(path))
    try:
        t_ns = np.array([int(cell) for cell in table.texts["t_utc_ns"]], dtype=np.int64)
        frame = GimbalFrame(table.texts["gimbal_frame"][0]) if table.rows else GimbalFrame.BODY
    except (ValueError, OverflowError) as error:
        raise SourceError(f"{path}: {error}", path=str(path)) from error
    if not len(t_ns) or (t_ns[1:] <= t_ns[:-1]).any():
        raise SourceError(f"{path}: t_utc_ns has to rise from row to row, and there has to be a row", path=str(path))
    columns = {name: table.numbers(name) for name in NUMBERS}
    placed = np.logical_and.reduce([np.abs(columns[name]) <= most for name, most in _MOST_DEG.items()])
    if not placed.all():
        row = int(np.argmin(placed))
        place = f"{columns['lat_deg'][row]:g}, {columns['lon_deg'][row]:g}"
        raise SourceError(
            f"{path}: row {row + 1} has no place on the globe ({place}); mend or remove it", path=str(path)
        )
    columns["lon_deg"] = columns["lon_deg"] - 360.0 * np.round(columns["lon_deg"] / 360.0)
    rows, problems = Samples(t_ns=t_ns, columns=columns), []
    for step in (with_fix, without_jumps):
        rows, found = step(rows)
        problems += found
    if not len(rows):
        raise SourceError(f"{path}: no row has a place: all are at 0, 0", path=str(path))
    kept = {name: read_only(values) for name, values in rows.columns.items()}
    told = fewer(problems)
    t_utc_ns = read_only(rows.t_ns, np.int64)
    return PoseTrack(t_utc_ns=t_utc_ns, gimbal_frame=frame, source=path.name, problems=told, **kept)  # type: ignore[arg-type]
