"""The border line that a plan folder carries, to be held against while the plan is flown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import shapely

from geo.errors import InputError
from missions.documents.whole_file import read_object

if TYPE_CHECKING:
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry


def read_plan_border(folder: Path) -> BaseGeometry | None:
    """Return the border line of a plan folder, longitude/latitude; None where the folder has none.

    Raises
    ------
    InputError
        When the file that holds it is damaged.
    """
    path = folder / "area.geojson"
    if not path.is_file():
        return None
    try:
        features = [f for f in read_object(path)["features"] if f["properties"].get("kind") == "border"]
        lines = [shapely.from_geojson(json.dumps(f["geometry"])) for f in features]
    except (KeyError, TypeError, AttributeError, shapely.errors.GEOSException) as error:
        raise InputError(f"{path} is damaged ({type(error).__name__}: {error}); plan the brief again") from None
    return shapely.union_all(lines) if lines else None
