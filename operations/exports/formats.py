"""The formats things can leave in, by the name a person gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from operations.exports.coco import coco
from operations.exports.cot import cot
from operations.exports.gpx import gpx
from operations.exports.kml import kml, kmz
from operations.exports.score_table import score_table
from operations.exports.tables import geojson, geopackage, geoparquet, spreadsheet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from operations.exports.handed import Handed

FORMATS: Final[Mapping[str, Callable[[Handed], bytes]]] = {
    "cot": cot,
    "geojson": geojson,
    "kml": kml,
    "kmz": kmz,
    "gpkg": geopackage,
    "geoparquet": geoparquet,
    "csv": spreadsheet,
    "gpx": gpx,
    "coco": coco,
    "scores": score_table,
}
"""Each is a whole file's bytes. ST 0903 targets (`vmti`) go into a copy of a clip and stand apart (`vmti_targets`)."""
