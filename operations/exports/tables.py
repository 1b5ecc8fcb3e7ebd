"""Things as tables: GeoJSON, GeoPackage, GeoParquet, and CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

from geo.foreign_text import csv_text
from operations.finding.described import COLUMNS, utc_text

if TYPE_CHECKING:
    import geopandas as gpd

    from operations.exports.handed import Handed

_WGS84: Final = "EPSG:4326"
_PLACES: Final = "things"
_PATHS: Final = "paths"


def geojson(handed: Handed) -> bytes:
    """Return a feature collection (RFC 7946): a point for each thing, a line for each track; `vedette` says whence.

    A thing without a place has no geometry.
    """
    features = []
    for row, told in enumerate(handed.rows):
        at = None if told["lat_deg"] is None else {"type": "Point", "coordinates": [told["lon_deg"], told["lat_deg"]]}
        features.append({"type": "Feature", "id": told["id"], "geometry": at, "properties": {"is": "place", **told}})
        path = handed.path_of(row)
        if len(path) > 1:
            line = {"type": "LineString", "coordinates": [[lon, lat] for lon, lat, _ in path]}
            short = {"is": "path", "id": told["id"], "assessed_class": told["assessed_class"]}
            times = {"times_utc": [utc_text(t_ns) for *_, t_ns in path], "assessment": told["assessment"]}
            features.append({"type": "Feature", "geometry": line, "properties": short | times})
    whole = {"type": "FeatureCollection", "vedette": handed.origin, "features": features}
    return (json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n").encode()


def spreadsheet(handed: Handed) -> bytes:
    """Return CSV (RFC 4180, UTF-8 with its mark): one row a thing, its origin in the last columns of each."""
    text = io.StringIO()
    names = [*COLUMNS, "case"]
    writer = csv.writer(text)
    writer.writerow(names)
    for told in handed.rows:
        values = {**told, "case": handed.case}
        writer.writerow([csv_text(v) if isinstance(v, str) else v for v in (values[name] for name in names)])
    return text.getvalue().encode("utf-8-sig")


def geopackage(handed: Handed) -> bytes:
    """Return a GeoPackage (OGC 12-128r18): layers `things` and `paths`, origin in the metadata of both."""
    import pyogrio

    target = io.BytesIO()
    about = json.dumps(handed.origin, ensure_ascii=False)
    pyogrio.write_dataframe(_places(handed), target, driver="GPKG", layer=_PLACES, layer_metadata={"vedette": about})
    paths = _paths(handed)
    if not len(paths):
        return target.getvalue()
    return _with_layer(target.getvalue(), paths, about)


def geoparquet(handed: Handed) -> bytes:
    """Return GeoParquet 1.1 of the places; `vedette` in the file's own metadata says whence."""
    import pyarrow.parquet as pq

    target = io.BytesIO()
    _places(handed).to_parquet(target, index=False, schema_version="1.1.0")
    table = pq.read_table(io.BytesIO(target.getvalue()))
    about = json.dumps(handed.origin, ensure_ascii=False)
    told = table.replace_schema_metadata({**(table.schema.metadata or {}), b"vedette": about.encode()})
    again = io.BytesIO()
    pq.write_table(told, again)
    return again.getvalue()


def _places(handed: Handed) -> gpd.GeoDataFrame:
    import geopandas as gpd
    import shapely

    at = [None if t["lat_deg"] is None else shapely.Point(t["lon_deg"], t["lat_deg"]) for t in handed.rows]
    columns: dict[str, Any] = {name: [told[name] for told in handed.rows] for name in COLUMNS}
    return gpd.GeoDataFrame({"case_number": [handed.case] * len(at), **columns}, geometry=at, crs=_WGS84)


def _paths(handed: Handed) -> gpd.GeoDataFrame:
    import geopandas as gpd
    import shapely

    lines = {row: handed.path_of(row) for row in range(len(handed.rows))}
    rows = [row for row, path in lines.items() if len(path) > 1]
    names = ("id", "assessed_class", "assessment", "first_utc", "last_utc", "operation_id", "run")
    columns = {name: [handed.rows[row][name] for row in rows] for name in names}
    shapes = [shapely.LineString([(lon, lat) for lon, lat, _ in lines[row]]) for row in rows]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=_WGS84)


def _with_layer(data: bytes, paths: gpd.GeoDataFrame, about: str) -> bytes:
    """Add a layer; a GeoPackage is a data base and grows only where it lies, so in a folder of our own."""
    import tempfile
    from pathlib import Path

    import pyogrio

    with tempfile.TemporaryDirectory(prefix="vedette-") as folder:
        file = Path(folder) / "things.gpkg"
        file.write_bytes(data)
        pyogrio.write_dataframe(
            paths, file, driver="GPKG", layer=_PATHS, append=True, layer_metadata={"vedette": about}
        )
        return file.read_bytes()
