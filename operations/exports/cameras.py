"""From where things were seen: the camera's place at their best picture, and which way it looked."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow.compute as pc

from geo.geodesy import inverse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operations.exports.handed import Handed

_QUERY: Final = """
SELECT media_id, stream, frame_index, lat_deg, lon_deg, alt_hae_m, footprint FROM {frames}
WHERE lat_deg IS NOT NULL AND run_id = $run ORDER BY media_id, stream, frame_index"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A camera's place (degrees, metres above the ellipsoid), and its line of sight to a thing."""

    source: int
    media_id: str
    lat_deg: float
    lon_deg: float
    alt_hae_m: float
    azimuth_deg: float
    """From true north."""
    elevation_deg: float
    """Above the horizontal; the ground lies below."""
    range_m: float
    fov_deg: float
    """Angle in which the last footprint lies, seen from the camera; NaN where none is known."""


def sightings(handed: Handed) -> dict[int, Sighting]:
    """Return the sighting of each thing by row, of those whose camera had a pose at the best picture."""
    things = handed.things
    run_ids, found = things.text["run_id"].texts(), {}
    for source in np.unique(things.number["source"]).tolist():
        of_source = things.number["source"] == source
        for run_id in np.unique(run_ids[of_source]).tolist():
            parts = [p.part for p in handed.archive.parts("frames") if p.key[0] == source and p.part.run_id == run_id]
            if any(part.rows for part in parts):
                frames = _Frames(handed, source, run_id)
                for row in np.flatnonzero(of_source & (run_ids == run_id)).tolist():
                    seen = frames.sighting(row)
                    if seen is not None:
                        found[row] = seen
    return found


class _Frames:
    """The posed frames of one run."""

    def __init__(self, handed: Handed, source: int, run_id: str) -> None:
        parts = [p.part for p in handed.archive.parts("frames") if p.key[0] == source and p.part.run_id == run_id]
        table = handed.archive.read(source, _QUERY, {"frames": parts}, run=run_id)
        self._handed, self._source = handed, source
        keys = zip(*(table[name].to_pylist() for name in ("media_id", "stream", "frame_index")), strict=True)
        self._row: Mapping[tuple[str, int, int], int] = {key: row for row, key in enumerate(keys)}
        self._place = np.stack([table[name].to_numpy() for name in ("lat_deg", "lon_deg", "alt_hae_m")], axis=1)
        self._rings = table["footprint"]
        self._looks = np.flatnonzero(pc.is_valid(table["footprint"]).to_numpy())

    def sighting(self, row: int) -> Sighting | None:
        things, told = self._handed.things, self._handed.rows[row]
        media = things.text["media_id"][row]
        key = media, int(things.number["stream"][row]), int(things.number["frame_index"][row])
        place = self._row.get(key)
        if place is None or told["lat_deg"] is None:
            return None
        lat, lon, alt = self._place[place].tolist()
        distance, azimuth = (float(v) for v in inverse(lat, lon, told["lat_deg"], told["lon_deg"]))
        down = alt - (told["alt_hae_m"] if told["alt_hae_m"] is not None else math.nan)
        return Sighting(
            source=self._source,
            media_id=media,
            lat_deg=lat,
            lon_deg=lon,
            alt_hae_m=alt,
            azimuth_deg=azimuth,
            elevation_deg=-math.degrees(math.atan2(down, distance)),
            range_m=math.hypot(down, distance),
            fov_deg=self._fov_deg(place, azimuth),
        )

    def _fov_deg(self, place: int, azimuth_deg: float) -> float:
        """Return the angle of the last footprint before a frame, seen from its camera, when the thing lies in it."""
        before = self._looks[self._looks <= place]
        if not len(before):
            return math.nan
        ring = np.array(self._rings[int(before[-1])].as_py()).reshape(-1, 2)
        lat, lon = self._place[int(before[-1])][:2]
        edges = (inverse(lat, lon, ring[:, 1], ring[:, 0])[1] - azimuth_deg + 180.0) % 360.0 - 180.0
        spread = float(edges.max() - edges.min())
        return spread if edges.min() < 0.0 < edges.max() and spread < 180.0 else math.nan  # noqa: PLR2004
