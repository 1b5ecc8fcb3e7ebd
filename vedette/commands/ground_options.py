"""The options that say what ground there is, and what its heights count from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TerrainFile = Annotated[Path | None, typer.Option("--terrain", help="Terrain: GeoTIFF, .hgt, or a folder of tiles.")]
TerrainDatum = Annotated[
    str | None,
    typer.Option(
        "--terrain-datum",
        help="What the terrain's heights count from where it does not say: egm96 (assumed), hae, or a geoid grid file.",
    ),
]
