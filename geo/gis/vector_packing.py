"""What vector bytes become before OGR sees them: archives opened, links and views refused, XML made plain.

Runs in the child; see `geo.gis.gis_child`.
"""

from __future__ import annotations

import io
import json
import re
import sqlite3
import zipfile
from typing import TYPE_CHECKING, Any, Final

import defusedxml.ElementTree as SafeXml
from defusedxml.common import DefusedXmlException

from geo.gis.drawings import drawn_among, is_kml, why_none_is_meant
from geo.gis.errors import RefusalError
from geo.gis.formats import HEAD_BYTES, is_mac_note, vector_kind
from geo.text_encoding import UNMARKED, encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

MAX_UNPACKED_BYTES: Final = 200_000_000
MAX_MEMBERS: Final = 1000
_MAX_DEPTH: Final = 100
_KML: Final = "http://www.opengis.net/kml/2.2"
_GX: Final = "http://www.google.com/kml/ext/2.2"
_SHAPE_PARTS: Final = ("shp", "shx", "prj", "cpg")
"""Attributes (.dbf) are not needed, so they are not read."""
_WITHOUT_GEOMETRY: Final = frozenset(
    {"Style", "StyleMap", "styleUrl", "GroundOverlay", "ScreenOverlay", "PhotoOverlay", "Model", "Region", "Schema",
     "ExtendedData", "description", "Snippet", "LookAt", "Camera", "Tour", "NetworkLinkControl", "Update"}
)  # fmt: skip
_CRS_KEY: Final = re.compile(rb'"(?:c|\\u0063)(?:r|\\u0072)(?:s|\\u0073)"\s*:\s*(?=\{)')
_CRS_NAME: Final = re.compile(
    r"^(urn:(x-)?ogc:def:crs:[\w.:,-]+|EPSG:\d+|(OGC:)?CRS\d+\w?|https?://www\.opengis\.net/def/crs/[\w./-]+)$",
    re.IGNORECASE,
)
_MAX_CRS_TEXT: Final = 8192


def prepared(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield kind and bytes of each document OGR is to read.

    Parameters
    ----------
    files
        "shp" for the file that was named; beside a shapefile also its "shx", "prj" and "cpg".

    Raises
    ------
    RefusalError
        Of anything that is no geometry, or points outside itself.
    """
    data = _utf8(files["shp"])
    kind = vector_kind(data[:HEAD_BYTES])
    if kind == "zip":
        yield from _members(data)
    elif kind == "shapefile":
        yield kind, _shapefile(files)
    else:
        yield kind, _plain(kind, data)


def _utf8(data: bytes) -> bytes:
    """Return JSON that Windows editors saved as UTF-16 in the encoding that OGR reads; other bytes as they are."""
    encoding = encoding_of(data)
    if encoding == UNMARKED:
        return data
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise RefusalError(f"is no text at byte {error.start}; save it as UTF-8") from None
    return text.encode() if text.lstrip()[:1] in ("{", "[") else data


def _plain(kind: str, data: bytes) -> bytes:
    if kind == "kml":
        return plain_kml(data)
    if kind == "gpkg":
        return _plain_geopackage(data)
    if kind in ("json", "jsonseq"):
        _refuse_linked_crs(data)
    return data


def _shapefile(files: Mapping[str, bytes]) -> bytes:
    """Return a shapefile's parts as one stored archive, the form in which OGR takes several files from memory."""
    if "shx" not in files:
        raise RefusalError("has no index beside it; add the .shx file of the same name")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for part in _SHAPE_PARTS:
            if part in files:
                archive.writestr(f"shape.{part}", files[part])
    return packed.getvalue()


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the document of an archive: its only drawing, its shapefile, or its only file of another kind."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = _unpacked(archive)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise RefusalError(f"is not a readable archive ({error})") from None
    kml = {name: member for name, member in found.items() if is_kml(name)}
    shapes = [name for name in found if name.lower().endswith(".shp")]
    if kml:
        yield "kml", _only_drawing(kml)
    elif len(shapes) == 1:
        stem = shapes[0][:-4].lower()
        parts = {name.lower()[-3:]: member for name, member in found.items() if name.lower()[:-4] == stem}
        if not parts["shp"].startswith(b"\x00\x00\x27\x0a"):
            raise RefusalError("holds a .shp that is no shapefile")
        yield "shapefile", _shapefile(parts)
    elif len(found) == 1:
        (member,) = found.values()
        kind = vector_kind(member[:HEAD_BYTES])
        if kind in ("zip", "shapefile"):
            raise RefusalError("holds an archive in an archive, or a shapefile without its name; unpack it first")
        yield kind, _plain(kind, member)
    else:
        raise RefusalError(
            f"holds {len(found)} files ({', '.join(sorted(found)[:5])}), {len(shapes)} of them shapefiles; pack one"
        )


def _only_drawing(kml: Mapping[str, bytes]) -> bytes:
    """Return the only document that draws something: of several any may be the border that is meant."""
    drawn = drawn_among(kml, lambda name: _parsed(kml[name]))
    refusal = why_none_is_meant(drawn)
    if refusal:
        raise RefusalError(refusal)
    return plain_kml(kml[drawn[0]])


def _unpacked(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """Return the files of an archive by name; never written anywhere, whatever the names say."""
    members = [m for m in archive.infolist() if not m.is_dir() and not is_mac_note(m.filename)]
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED_BYTES or len(members) > MAX_MEMBERS:
        raise RefusalError(
            f"unpacks to {total} bytes in {len(members)} files, over the limit of {MAX_UNPACKED_BYTES} bytes and "
            f"{MAX_MEMBERS} files"
        )
    for member in members:
        if ".." in member.filename.replace("\\", "/").split("/") or member.filename[:1] in ("/", "\\"):
            raise RefusalError(f"holds a file that names a place outside it ({member.filename[:60]})")
    return {member.filename: archive.read(member) for member in members if not _is_picture(member.filename)}


def _is_picture(name: str) -> bool:
    return name.lower().rsplit(".", 1)[-1] in ("png", "jpg", "jpeg", "gif", "dae", "wpml", "dbf", "sbn", "sbx", "xml")


def plain_kml(data: bytes) -> bytes:
    """Return a KML's drawing alone: no links, styles or overlays, and a Document, which OGR wants.

    Raises
    ------
    RefusalError
        When it is no XML, declares entities, nests too deep, or links to another file.
    """
    root = _parsed(data)
    level = [root]
    for _ in range(_MAX_DEPTH):
        level = [child for element in level for child in element]
    if level:
        raise RefusalError(f"nests elements deeper than {_MAX_DEPTH}; this is no drawing")
    for element in root.iter():
        element.tag = _plain_tag(element)
    link = next(root.iter("NetworkLink"), None)
    if link is not None:
        href = next((child.text or "" for child in link.iter("href")), "")
        raise RefusalError(
            f"links to another file (NetworkLink to {href.strip()[:80] or 'nowhere'}), which is not followed; "
            "save what it shows into the file itself"
        )
    _drop_decoration(root)
    if root.tag != "kml" or not any(child.tag in ("Document", "Folder") for child in root):
        document = root.makeelement("Document", {})
        document.extend(list(root) if root.tag == "kml" else [root])
        root = root.makeelement("kml", {})
        root.append(document)
    root.attrib.clear()
    root.set("xmlns", _KML)
    root.set("xmlns:gx", _GX)
    return bytes(SafeXml.tostring(root))


def _parsed(data: bytes) -> Element:
    try:
        root: Element = SafeXml.fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise RefusalError("declares XML entities, which are refused") from None
    except (SafeXml.ParseError, ValueError, LookupError) as error:
        raise RefusalError(f"is not well-formed XML ({error})") from None
    return root


def _plain_tag(element: Element) -> str:
    """Return a tag without its namespace, as OGR knows no prefix but the default and gx."""
    space, _, local = element.tag.rpartition("}")
    return f"gx:{local}" if space.lstrip("{") == _GX else local


def _drop_decoration(root: Element) -> None:
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in _WITHOUT_GEOMETRY]:
            parent.remove(child)


def _plain_geopackage(data: bytes) -> bytes:
    """Refuse views and virtual tables, which compute what they show; take the write-ahead mark off.

    Triggers stay: they act on writing, and nothing is written.
    """
    plain = data[:18] + b"\x01\x01" + data[20:]
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(plain)
        connection.execute("PRAGMA trusted_schema = OFF")
        rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        raise RefusalError(f"is not a readable GeoPackage ({error})") from None
    finally:
        connection.close()
    for kind, name, sql in rows:
        virtual = re.match(r"\s*CREATE\s+VIRTUAL\s+TABLE", str(sql), re.IGNORECASE)
        if kind == "view" or (virtual and not re.search(r"\busing\s+rtree\b", str(sql), re.IGNORECASE)):
            raise RefusalError(
                f"holds a view or virtual table ({str(name)[:60]}), which is not run; save the layer to a "
                "file of its own"
            )
    return plain


def _refuse_linked_crs(data: bytes) -> None:
    """Refuse a coordinate system that is to be fetched, or named in a way that could make a library look for files."""
    for place in _CRS_KEY.finditer(data):
        text = data[place.end() : place.end() + _MAX_CRS_TEXT].decode("utf-8", "replace")
        try:
            crs: Any = json.JSONDecoder().raw_decode(text)[0]
        except (ValueError, RecursionError):
            continue
        properties = crs.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        if str(crs.get("type")).lower() in ("link", "url", "ogc") or "href" in properties or "url" in properties:
            raise RefusalError(
                "links to its coordinate system (crs.link), which is not fetched; save it in WGS 84 degrees"
            )
        name = properties.get("name")
        if str(crs.get("type")).lower() == "name" and not (isinstance(name, str) and _CRS_NAME.match(name)):
            raise RefusalError(f"names an unknown coordinate system ({str(name)[:60]}); save it in WGS 84 degrees")
