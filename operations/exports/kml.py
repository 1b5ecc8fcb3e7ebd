"""Things as KML and KMZ (OGC 07-147r2): a folder and a style for each class, with pictures."""

from __future__ import annotations

import base64
import html
import io
import json
import zipfile
from typing import TYPE_CHECKING, Final

from geo.foreign_text import visible, xml_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operations.exports.handed import Handed

_COLOURS: Final = ("ff601bd8", "ffd0661e", "ff25a8f9", "ff7b8900", "ff414c6d", "ffaa248e")
"""aabbggrr, distinct in hue and lightness."""
_STILL: Final = (1980, 1, 1, 0, 0, 0)
"""Time of the archive's members: the same things give the same bytes (ZIP begins in 1980)."""


def kml(handed: Handed) -> bytes:
    """Return KML with the pictures inside."""
    pictures = {
        row: f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" for row, jpeg in handed.chips().items()
    }
    return _document(handed, pictures)


def kmz(handed: Handed) -> bytes:
    """Return KMZ: `doc.kml` and the pictures as files beside it."""
    chips = handed.chips()
    names = {row: f"files/{number:05d}.jpg" for number, row in enumerate(sorted(chips))}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("doc.kml", _STILL), _document(handed, names), zipfile.ZIP_DEFLATED)
        for row, name in names.items():
            archive.writestr(zipfile.ZipInfo(name, _STILL), chips[row])
    return target.getvalue()


def _document(handed: Handed, pictures: Mapping[int, str]) -> bytes:
    classes = list(dict.fromkeys(told["assessed_class"] for told in handed.rows))
    names = [store.name for store in handed.archive.stores]
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>',
        f"<name>{_text('Things found: ' + ', '.join(names))}</name>",
        f"<description>{_text(html.escape(json.dumps(handed.origin, ensure_ascii=False)))}</description>",
        *(_style(number) for number in range(len(classes))),
    ]
    for number, name in enumerate(classes):
        rows = [row for row, told in enumerate(handed.rows) if told["assessed_class"] == name]
        marks = "".join(_placemarks(handed, row, number, pictures.get(row)) for row in rows)
        parts.append(f"<Folder><name>{_text(f'assessed as {name} ({len(rows)})')}</name>{marks}</Folder>")
    return "\n".join([*parts, "</Document></kml>\n"]).encode()


def _style(number: int) -> str:
    colour = _COLOURS[number % len(_COLOURS)]
    return (
        f'<Style id="class{number}"><IconStyle><color>{colour}</color></IconStyle>'
        f"<LineStyle><color>{colour}</color><width>2</width></LineStyle></Style>"
    )


def _placemarks(handed: Handed, row: int, style: int, picture: str | None) -> str:
    """Return a mark where the thing was last, and one for its path."""
    told = handed.rows[row]
    name, use = f"<name>{_text(handed.title(row))}</name>", f"<styleUrl>#class{style}</styleUrl>"
    when = f"<TimeStamp><when>{told['utc']}</when></TimeStamp>" if told["utc"] else ""
    data = "".join(
        f'<Data name="{key}"><value>{_text(str(value))}</value></Data>'
        for key, value in told.items()
        if value is not None
    )
    at = ""
    if told["lat_deg"] is not None:
        at = f"<Point><coordinates>{told['lon_deg']},{told['lat_deg']}</coordinates></Point>"
    mark = (
        f"<Placemark>{name}<description>{_text(_balloon(told, picture))}</description>{when}{use}"
        f"<ExtendedData>{data}</ExtendedData>{at}</Placemark>"
    )
    path = handed.path_of(row)
    if len(path) < 2:  # noqa: PLR2004
        return mark
    places = " ".join(f"{lon:.7f},{lat:.7f}" for lon, lat, _ in path)
    line = f"<LineString><tessellate>1</tessellate><coordinates>{places}</coordinates></LineString>"
    return mark + f"<Placemark><name>{_text('path of ' + told['id'])}</name>{use}{line}</Placemark>"


def _balloon(told: Mapping[str, object], picture: str | None) -> str:
    """Return HTML in which foreign text is text."""
    shown = {key: value for key, value in told.items() if value is not None}
    lines = [f"{html.escape(key)}: {html.escape(visible(str(value)))}" for key, value in shown.items()]
    return (f'<img src="{picture}"/><br/>' if picture else "") + "<br/>".join(lines)


def _text(text: str) -> str:
    return xml_text(visible(text))
