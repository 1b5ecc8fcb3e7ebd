"""Flatten an XMP packet (ISO 16684-1) into names and texts, with the vendors' usual prefixes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, ParseError  # noqa: S405 - only the names; defusedxml does the parsing

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from telemetry.tracks.track_errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_XMP_BYTES: Final = 4 << 20
"""Longest packet that is parsed; real ones are under 20 kB, extended ones under 2 MB."""

PREFIXES: Final[dict[str, str]] = {
    "http://www.dji.com/drone-dji/1.0/": "drone-dji",
    "https://www.skydio.com/drone-skydio/1.0/": "drone-skydio",
    "http://www.parrot.com/drone-parrot/1.0/": "drone-parrot",
    "http://pix4d.com/camera/1.0/": "camera",
    "http://pix4d.com/camera/1.0": "camera",
    "http://ns.sensefly.com/Camera/1.0/": "camera",
    "http://ns.flir.com/xmp/1.0/": "flir",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://cipa.jp/exif/1.0/": "exif",
}
"""Namespace -> prefix; any other namespace keeps its last path element (Autel's is ``drone``)."""

_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def parse_xmp(packet: bytes) -> dict[str, str]:
    """Flatten a packet to ``prefix:Name`` -> text; members of a structure become ``prefix:Name/Member``.

    Raises
    ------
    SourceError
        The packet is over `MAX_XMP_BYTES`, is not XML, or uses entities (FAULTS 26).
    """
    if len(packet) > MAX_XMP_BYTES:
        raise SourceError(f"the XMP packet has {len(packet)} bytes; at most {MAX_XMP_BYTES} are read", size=len(packet))
    try:
        root = fromstring(packet.rstrip(b"\x00 \r\n\t"), forbid_dtd=True)
    except DefusedXmlException as error:
        raise SourceError(
            "the XMP packet declares entities or a DTD and is refused", cause=type(error).__name__
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise SourceError(f"the XMP packet is not well-formed XML ({error})") from error
    found: dict[str, str] = {}
    for description in root.iter(f"{_RDF}Description"):
        for name, text in _properties(description):
            found.setdefault(name, text)
    return found


def _properties(element: Element) -> Iterator[tuple[str, str]]:
    for key, value in element.attrib.items():
        if not key.startswith(_RDF):
            yield _prefixed(key), value.strip()
    for child in element:
        name = _prefixed(child.tag)
        if child.text and child.text.strip():
            yield name, child.text.strip()
        for key, value in child.attrib.items():
            if not key.startswith(_RDF):
                yield f"{name}/{_local(key)}", value.strip()
        for member in child:
            if member.text and member.text.strip():
                yield f"{name}/{_local(member.tag)}", member.text.strip()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _prefixed(tag: str) -> str:
    if not tag.startswith("{"):
        return tag
    namespace, _, local = tag[1:].partition("}")
    prefix = PREFIXES.get(namespace)
    if prefix is None:
        words = [word for word in namespace.rstrip("/#").split("/") if word and not word[0].isdigit()]
        prefix = words[-1].lower() if words else "other"
    return f"{prefix}:{local}"
