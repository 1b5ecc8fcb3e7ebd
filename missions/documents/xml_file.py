"""XML from strangers: parsed without entities or document types, KMZ archives without surprises."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Final

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from geo.errors import InputError
from geo.gis.drawings import drawn_among, is_kml, why_none_is_meant
from missions.documents.whole_file import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
MAX_MEMBERS: Final = 1_000
MAX_DEPTH: Final = 100


def parse_xml(data: bytes, where: str) -> Any:
    """Parse XML bytes; `where` names them in errors.

    Raises
    ------
    InputError
        For entities, document types, endless nesting, and text that is not XML.
    """
    try:
        root = defusedxml.ElementTree.fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(
            f"{where}: refused, because it declares {_what(error)}; plans need none, export it again without",
            reason=type(error).__name__,
        ) from error
    except (defusedxml.ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{where}: is not well-formed XML ({error})") from error
    _check_depth(root, where)
    return root


def _what(error: DefusedXmlException) -> str:
    return {"DTDForbidden": "a document type", "EntitiesForbidden": "entities"}.get(
        type(error).__name__, "an external reference"
    )


def _check_depth(root: Any, where: str) -> None:
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return
    raise InputError(f"{where}: elements are nested deeper than {MAX_DEPTH}; this is no plan")


def kmz_documents(data: bytes, where: str) -> dict[str, bytes]:
    """Return the KML documents of a KMZ archive that draw something, `doc.kml` first; nothing is extracted by name.

    Raises
    ------
    InputError
        As `archive_members` and `parse_xml`; for an archive without a document.
    """
    found = archive_members(data, where, is_kml)
    if not found:
        raise InputError(f"{where}: the archive holds no .kml document")
    return {name: found[name] for name in drawn_among(found, lambda name: parse_xml(found[name], f"{where}: {name}"))}


def kmz_document(data: bytes, where: str) -> bytes:
    """Return the only KML document of a KMZ archive that draws something.

    Raises
    ------
    InputError
        As `kmz_documents`; for several, any of which may be meant.
    """
    documents = kmz_documents(data, where)
    refusal = why_none_is_meant(list(documents))
    if refusal:
        raise InputError(f"{where}: {refusal}")
    return next(iter(documents.values()))


def archive_members(data: bytes, where: str, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the documents of an archive whose names are wanted.

    Raises
    ------
    InputError
        For an archive that is damaged or locked, holds too much, or names places outside itself.
    """
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(members, where)
            for member in [m for m in members if wanted(m.filename)]:
                with archive.open(member) as stream:
                    found[member.filename] = stream.read(MAX_BYTES + 1)
                if sum(map(len, found.values())) > MAX_BYTES:
                    raise InputError(
                        f"{where}: the document unpacks to more than {MAX_BYTES} bytes; refused", expected=MAX_BYTES
                    )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, zlib.error) as error:
        raise InputError(f"{where}: the archive is damaged or locked ({error})") from error
    return found


def _check_members(members: list[zipfile.ZipInfo], where: str) -> None:
    if len(members) > MAX_MEMBERS:
        raise InputError(f"{where}: {len(members)} files in the archive; at most {MAX_MEMBERS} are read")
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        if ".." in parts or member.filename.startswith(("/", "\\")):
            raise InputError(f"{where}: member {member.filename!r} points outside the archive; refused")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(f"{where}: member {member.filename!r} is a link; refused")


def local_name(element: Any) -> str:
    """Return an element's name without its namespace."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def inside(element: Any, name: str) -> Iterator[Any]:
    """Go over all descendants with a local name, in document order."""
    return (child for child in element.iter() if local_name(child) == name)


def text_of(element: Any, name: str) -> str:
    """Return the text of the first child with a local name, or nothing."""
    found = next((child for child in element if local_name(child) == name), None)
    return "" if found is None or found.text is None else found.text.strip()
