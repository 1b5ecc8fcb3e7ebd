"""Which format some bytes are, told by the bytes; which may be opened, and what to say of the others.

Suffixes decide nothing, with one exception: an SRTM `.hgt` tile has no mark at all, only a name and a size.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from geo.gis.errors import RefusalError

HEAD_BYTES: Final = 1 << 16
"""How much of a file is looked at."""
SHAPEFILE: Final = b"\x00\x00\x27\x0a"
"""File code 9994 (ESRI Shapefile Technical Description, 1998, table 1)."""
ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
SQLITE: Final = b"SQLite format 3\x00"
_GPKG_IDS: Final = (b"GPKG", b"GP10", b"GP11")
"""Application ids at byte 68 (OGC 12-128r18, requirement 2)."""
_TIFF: Final = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
"""TIFF 6.0 and BigTIFF."""
_DTED: Final = b"UHL1"
"""First record of a cell (MIL-PRF-89020B, 3.11); tapes put 80-byte VOL and HDR records before it."""
_HGT_NAME: Final = re.compile(r"^[NS]\d\d[EW]\d\d\d", re.IGNORECASE)
_HGT_BYTES: Final = {2 * rows * columns for rows, columns in ((1201, 1201), (3601, 3601), (3601, 1801), (1201, 601))}
_ASCII_GRID: Final = re.compile(rb"\s*(ncols|nrows|xllcorner|xllcenter)\s+\S", re.IGNORECASE)
_ROOT: Final = re.compile(rb"<\s*(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
_NOT_ROOT: Final = re.compile(rb"<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)

VECTOR_DRIVERS: Final = ("GeoJSON", "GeoJSONSeq", "GPKG", "ESRI Shapefile", "FlatGeobuf", "LIBKML", "KML")
RASTER_DRIVERS: Final = ("GTiff", "DTED", "SRTMHGT", "AAIGrid", "GTX")
VECTOR_ADVICE: Final = "save the geometry itself as GeoJSON, GeoPackage, Shapefile, FlatGeobuf or KML"
RASTER_ADVICE: Final = "give the heights themselves as GeoTIFF, SRTM .hgt, DTED or ASCII grid, or a folder of them"

_XML_KINDS: Final = {
    "OGRVRTDataSource": "an OGR virtual file (VRT), which only points at other data",
    "VRTDataset": "a GDAL virtual file (VRT), which only points at other data",
    "GDALTileIndexDataset": "a GDAL tile index, which only points at other data",
    "OGRWFSDataSource": "the address of a web feature service (WFS)",
    "WFS_Capabilities": "the description of a web feature service (WFS)",
    "GDAL_WMS": "the address of a web map service (WMS, TMS)",
    "WMS_Capabilities": "the description of a web map service (WMS)",
    "WMT_MS_Capabilities": "the description of a web map service (WMS)",
    "WMS_Tile_Service": "the description of a tiled web map service",
    "TileMap": "the description of a tile map service (TMS)",
    "TileMapService": "the description of a tile map service (TMS)",
    "GDAL_WMTS": "the address of a web map tile service (WMTS)",
    "Capabilities": "the description of a web service",
    "WCS_GDAL": "the address of a web coverage service (WCS)",
    "WCS_Capabilities": "the description of a web coverage service (WCS)",
    "Capabilities_csw": "the description of a catalogue service",
    "FeatureCollection": "GML, whose schema lies elsewhere",
    "gpx": "GPX, a track or route",
    "osm": "an OpenStreetMap extract",
    "rss": "GeoRSS",
    "feed": "GeoRSS",
    "html": "a web page",
    "PAMDataset": "notes of GDAL on another file",
}
_JSON_KINDS: Final = (
    (re.compile(rb'"type"\s*:\s*"Topology"'), "TopoJSON"),
    (re.compile(rb'"(?:geometryType|type)"\s*:\s*"esri', re.IGNORECASE), "ESRI JSON"),
    (re.compile(rb'"type"\s*:\s*"gdal_streamed_alg"'), "a GDAL pipeline"),
    (re.compile(rb'"stac_(?:version|extensions)"'), "a STAC catalogue, which only points at other data"),
    (re.compile(rb'"(?:tilejson|tiles|tileMatrixSet\w*)"\s*:'), "a list of map tiles"),
    (re.compile(rb'"zarr_format"'), "a Zarr array"),
)
_BINARY_KINDS: Final = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x89HDF", "HDF5 or netCDF"),
    (b"CDF", "netCDF"),
    (b"GRIB", "GRIB"),
    (b"NITF", "NITF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
)
_PREFIXED: Final = re.compile(rb"^[A-Z][A-Z0-9_]{1,15}:\S")
"""A connection string of a GDAL driver (WFS:, STACTA:, ZARR:, TILEDB:, ...)."""


def vector_kind(head: bytes) -> str:
    """Return "shapefile", "gpkg", "fgb", "zip", "kml", "json" or "jsonseq" for the first bytes of a vector file.

    Raises
    ------
    RefusalError
        Of any other kind, which is named where it is known.
    """
    for mark, kind in ((SHAPEFILE, "shapefile"), (b"fgb\x03fgb", "fgb"), *((mark, "zip") for mark in ZIP)):
        if head.startswith(mark):
            return kind
    if head.startswith(SQLITE):
        if head[68:72] in _GPKG_IDS:
            return "gpkg"
        raise _refused(f"an SQLite database that is no GeoPackage; {VECTOR_ADVICE}")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e")
    if text[:1] in (b"{", b"["):
        _refuse_json(text)
        return "jsonseq" if head[:1] == b"\x1e" else "json"
    if _is_xml(head):
        root = xml_root(head)
        if root.lower() == "kml" or root in ("Document", "Folder", "Placemark"):
            return "kml"
        raise _refused(f"{_xml_kind(root)}; {VECTOR_ADVICE}")
    raise _refused(f"{_other_kind(head, text)}; {VECTOR_ADVICE}")


def raster_driver(head: bytes, name: str, size: int) -> str:
    """Return the GDAL driver that reads a terrain file of so many bytes, told by its first bytes.

    Raises
    ------
    RefusalError
        Of any kind that is no terrain format we read.
    """
    if head.startswith(_TIFF):
        return "GTiff"
    if any(head[at : at + 4] == _DTED for at in (0, 80, 160)):
        return "DTED"
    if _HGT_NAME.match(name) and size in _HGT_BYTES:
        return "SRTMHGT"
    if _ASCII_GRID.match(head):
        return "AAIGrid"
    if _is_gtx(head, size):
        return "GTX"
    if _is_xml(head):
        raise _refused(f"{_xml_kind(xml_root(head))}; {RASTER_ADVICE}")
    text = head.lstrip(b" \t\r\n")
    if text[:1] in (b"{", b"["):
        _refuse_json(text, RASTER_ADVICE)
    raise RefusalError(
        f"cannot be read as a raster: it is {_other_kind(head, text)} and no terrain format; {RASTER_ADVICE}"
    )


def _is_gtx(head: bytes, size: int) -> bool:
    """Tell a geoid grid of NOAA VDatum: corner, steps, counts, then big-endian 32-bit heights."""
    if len(head) < 40:
        return False
    south, west, lat_step, lon_step, rows, columns = struct.unpack(">4d2i", head[:40])
    on_earth = -90.5 <= south <= 90.5 and -360.5 <= west <= 360.5 and 0.0 < lat_step < 10.0 and 0.0 < lon_step < 10.0
    return bool(on_earth and rows > 0 and columns > 0 and size == 40 + 4 * rows * columns)


def _is_xml(head: bytes) -> bool:
    """Whether bytes are XML in an encoding that keeps ASCII, or in UTF-16."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    return text[:1] == b"<" or head[:4] in (b"\xff\xfe<\x00", b"\xfe\xff\x00<") or head[:3] in (b"<\x00?", b"\x00<\x00")


def xml_root(head: bytes) -> str:
    """Return the local name of an XML document's first element, "" where the bytes show none."""
    if b"\x00" in head[:4]:
        head = head.replace(b"\x00", b"")
    found = _ROOT.search(_NOT_ROOT.sub(b"", head))
    return found.group(1).decode("ascii", "replace") if found else ""


def _xml_kind(root: str) -> str:
    return _XML_KINDS.get(root, f"XML of an unknown kind ({root[:40]})" if root else "XML without an element")


def _refuse_json(text: bytes, advice: str = VECTOR_ADVICE) -> None:
    start = text[:HEAD_BYTES]
    for pattern, kind in _JSON_KINDS:
        if pattern.search(start):
            raise _refused(f"{kind}; {advice}")


def _other_kind(head: bytes, text: bytes) -> str:
    for mark, kind in _BINARY_KINDS:
        if head.startswith(mark):
            return kind
    if _PREFIXED.match(text):
        return "an address for another program"
    return "of an unknown kind" if head else "empty"


def _refused(what: str) -> RefusalError:
    return RefusalError(f"is {what}")


def is_mac_note(name: str) -> bool:
    """Whether a member of an archive is one of the notes that a Mac puts beside every file."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._")
