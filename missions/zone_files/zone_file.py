"""Any file of zones and obstacles, told by its content: ED-269, ED-318, OpenAir, KML, KMZ, `.poly`, and maps."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import InputError
from geo.gis.drawings import is_kml
from geo.text_encoding import UNMARKED, encoding_of
from missions.documents.json_place import parse_json
from missions.documents.places import begins_with_two_numbers, check_place
from missions.documents.whole_file import as_text, read_bytes
from missions.documents.xml_file import kmz_documents
from missions.zone_files.ed269_file import edition_of, read_zones
from missions.zone_files.kml_zone_file import read_kml_zones
from missions.zone_files.limits import Layer
from missions.zone_files.map_file import read_map
from missions.zone_files.openair_file import is_openair, read_openair
from missions.zone_files.values import ZoneFile, ZoneShape, name_of

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED_LIMIT_BYTES: Final = 64 * 2**20
_ZIP: Final = b"PK\x03\x04"
_TEXT: Final = 4096


def read_zone_file(path: Path) -> ZoneFile:
    """Read every zone and obstacle of a file, whatever its name.

    Raises
    ------
    InputError, GisFileError
        One sentence naming the file, the shape and what is wrong with it.
    """
    with path.open("rb") as stream:
        head = stream.read(_TEXT)
    if head.startswith(_ZIP):
        return _archive(path)
    encoding = encoding_of(head)
    wide = encoding != UNMARKED
    start = head.decode(encoding, "ignore").lstrip()[:1].encode() if wide else head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"{", b"[")):
        return _json(path)
    if start.startswith(b"<"):
        return read_kml_zones(read_bytes(path), path.name)
    if b"\x00" in head and not wide:
        return read_map(path)
    text = _decoded(read_bytes(path), path.name)
    if is_openair(text):
        return read_openair(text, where=path.name)
    if begins_with_two_numbers(text):
        return _poly(text, path.stem, path.name)
    return read_map(path)  # which names what else it may be


def _archive(path: Path) -> ZoneFile:
    """Read all drawings of a KMZ; an archive of anything else goes to the library that reads maps."""
    try:
        with zipfile.ZipFile(path) as archive:
            drawn = any(map(is_kml, archive.namelist()))
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise InputError(f"{path.name}: the archive is damaged ({error})") from error
    if not drawn:
        return read_map(path)
    documents = kmz_documents(read_bytes(path), path.name)
    alone = len(documents) == 1
    read = [read_kml_zones(data, path.name if alone else f"{path.name}: {name}") for name, data in documents.items()]
    return ZoneFile(
        shapes=tuple(shape for one in read for shape in one.shapes),
        left_out=tuple(said for one in read for said in one.left_out),
    )


def _json(path: Path) -> ZoneFile:
    """Read the zones of a state; other JSON is a map."""
    if path.stat().st_size > PUBLISHED_LIMIT_BYTES:
        return read_map(path)
    text = as_text(read_bytes(path), path.name)
    if '"horizontalProjection"' not in text and '"layer"' not in text and '"extent"' not in text:
        return read_map(path)
    top = parse_json(text, where=f"{path.name}:")
    edition = edition_of(top)
    return read_map(path) if edition is None else read_zones(top, edition)


def _decoded(data: bytes, where: str) -> str:
    """Decode airspace text: UTF-8, or the Windows encoding that older programs write."""
    try:
        return as_text(data, where)
    except InputError:
        return data.decode("cp1252", errors="replace")


def _poly(text: str, name: str, where: str) -> ZoneFile:
    """Read the polygon a ground station saves: a latitude and a longitude on each line."""
    corners: list[tuple[float, float]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            lat_deg, lon_deg = (float(part) for part in re.split(r"[\s,]+", line.strip())[:2])
        except ValueError:
            raise InputError(f"{where}: line {number} is not a latitude and a longitude") from None
        check_place(lat_deg, lon_deg, f"{where}: line {number}")
        corners.append((lon_deg, lat_deg))
    if len(set(corners)) < 3:
        raise InputError(f"{where}: holds {len(set(corners))} corners; a zone has three or more")
    shape = ZoneShape(name=name_of(name), layer=Layer(), polygons=((np.array(corners),),))
    return ZoneFile(shapes=(shape,))
