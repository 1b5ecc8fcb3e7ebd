"""Draw the example's border, zone and terrain again: ``python examples/demo/make_demo.py``.

The border is no real one: it is drawn for this example across open steppe.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

HERE = Path(__file__).parent
WEST_DEG, NORTH_DEG = 112.55, 47.40
METRES_PER_LAT_DEG = 111_180.0
METRES_PER_LON_DEG = 75_600.0
BORDER_M = [
    (740, -1450), (1000, -1420), (1500, -1480), (1900, -1700), (2300, -1780), (2800, -1620), (3200, -1500),
    (3700, -1560), (4200, -1820), (4700, -1900), (5200, -1760), (5700, -1600), (6100, -1640), (6600, -1700),
]  # fmt: skip
STRETCH_M = BORDER_M[4:9]
"""The part of it that is flown in real time."""
ZONE_M = [(3320, -2080), (3650, -2070), (3680, -2230), (3350, -2250)]
POSTS = 120
"""Terrain posts east-west; 75 of them north-south, 60 m apart."""


def degrees(points: list[tuple[float, float]]) -> list[list[float]]:
    """Return [longitude, latitude] of metres east and north of the sheet's north-west corner."""
    lon = [round(WEST_DEG + east / METRES_PER_LON_DEG, 6) for east, _ in points]
    lat = [round(NORTH_DEG + north / METRES_PER_LAT_DEG, 6) for _, north in points]
    return [[x, y] for x, y in zip(lon, lat, strict=True)]


def write_geojson(name: str, kind: str, coordinates: list, properties: dict[str, str]) -> None:
    """Write one feature."""
    feature = {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}
    text = json.dumps({"type": "FeatureCollection", "features": [feature]}, indent=1)
    (HERE / name).write_text(text + "\n", encoding="utf-8")


def write_terrain() -> None:
    """Write rolling steppe: three long waves and a knoll, 1040 to 1110 m above mean sea level; the file says so."""
    row, column = np.mgrid[0:75, 0:POSTS]
    east, south = column * 60.0, row * 60.0
    height = 1070.0 + 14.0 * np.sin(east / 900.0) + 9.0 * np.cos(south / 700.0 + east / 2100.0)
    height += 6.0 * np.sin((east + south) / 410.0)
    height += 25.0 * np.exp(-(((east - 4600.0) / 500.0) ** 2 + ((south - 2100.0) / 400.0) ** 2))
    transform = from_origin(WEST_DEG, NORTH_DEG, 60.0 / METRES_PER_LON_DEG, 60.0 / METRES_PER_LAT_DEG)
    with rasterio.open(
        HERE / "terrain.tif", "w", driver="GTiff", width=POSTS, height=75, count=1, dtype="float32",
        crs="EPSG:4326+5773", transform=transform, compress="deflate", predictor=3,
    ) as out:  # fmt: skip
        out.write(np.round(height, 1).astype("float32"), 1)


if __name__ == "__main__":
    write_geojson("border.geojson", "LineString", degrees(BORDER_M), {"name": "drawn for the example"})
    write_geojson("stretch.geojson", "LineString", degrees(STRETCH_M), {"name": "drawn for the example"})
    write_geojson("village.geojson", "Polygon", [degrees([*ZONE_M, ZONE_M[0]])], {"name": "village"})
    write_terrain()
