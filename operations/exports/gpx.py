"""Things as GPX 1.1: a waypoint for each place, a track for each path."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from geo.foreign_text import visible, xml_text
from operations.finding.described import utc_text

if TYPE_CHECKING:
    from operations.exports.handed import Handed


def gpx(handed: Handed) -> bytes:
    """Return GPX; things without a place are left out, as GPX has no room for them (their number is in `desc`)."""
    placed = [row for row, told in enumerate(handed.rows) if told["lat_deg"] is not None]
    about = handed.origin | {"left_out_without_a_place": len(handed.rows) - len(placed)}
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1" creator="Vedette">',
        f"<metadata><name>Things found</name><desc>{_text(json.dumps(about, ensure_ascii=False))}</desc>"
        f"<time>{utc_text(handed.now_utc_ns)}</time></metadata>",
    ]
    parts += [_waypoint(handed, row) for row in placed]
    parts += [_track(handed, row) for row in placed if len(handed.path_of(row)) > 1]
    return "\n".join([*parts, "</gpx>\n"]).encode()


def _waypoint(handed: Handed, row: int) -> str:
    told = handed.rows[row]
    said = "; ".join(f"{key} {value}" for key, value in told.items() if value is not None)
    when = f"<time>{told['utc']}</time>" if told["utc"] else ""
    return (
        f'<wpt lat="{told["lat_deg"]}" lon="{told["lon_deg"]}">{when}<name>{_text(handed.title(row))}</name>'
        f"<desc>{_text(said)}</desc><type>{_text(told['assessed_class'])}</type></wpt>"
    )


def _track(handed: Handed, row: int) -> str:
    points = "".join(
        f'<trkpt lat="{lat:.7f}" lon="{lon:.7f}"><time>{utc_text(t_ns)}</time></trkpt>'
        for lon, lat, t_ns in handed.path_of(row)
    )
    told = handed.rows[row]
    return (
        f"<trk><name>{_text(told['id'])}</name><desc>{_text(told['assessment'])}</desc><trkseg>{points}</trkseg></trk>"
    )


def _text(text: str) -> str:
    return xml_text(visible(text))
