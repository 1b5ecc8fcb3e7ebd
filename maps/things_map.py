"""The map of an answer: things where they were, how they moved, and the border they were measured from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from maps.layers import CLASS_COLOURS, GeometryLayer, line, spot
from maps.offline_map import MapContent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operations.finding.things import Things

_ROWS: Final = (
    ("assessed_class", "assessed as"),
    ("probability", "probability"),
    ("score", "score"),
    ("local", "local time"),
    ("utc", "UTC"),
    ("mgrs", "MGRS"),
    ("ce90_m", "CE90, m"),
    ("border_m", "border, m"),
    ("border_bearing_deg", "bearing of the border, deg"),
    ("closest_to_border_m", "closest to it, m"),
    ("recording", "recording"),
    ("media_time", "time in it"),
    ("decision", "decision"),
    ("operation", "operation"),
)


def things_map(
    title: str,
    things: Things,
    rows: Sequence[Mapping[str, Any]],
    *,
    border: Sequence[Sequence[tuple[float, float]]] = (),
) -> MapContent:
    """Return a map of things.

    Parameters
    ----------
    title
        What the page is called.
    things
        What was found.
    rows
        The same, as `described`.
    border
        Lines of longitude, latitude pairs.
    """
    classes = list(dict.fromkeys(row["assessed_class"] for row in rows))
    layers = [_border_layer(border)] if border else []
    for number, name in enumerate(classes):
        colour = CLASS_COLOURS[number % len(CLASS_COLOURS)]
        features = [
            feature
            for row in range(len(things))
            if rows[row]["assessed_class"] == name and rows[row]["lat_deg"] is not None
            for feature in _features(things, row, rows[row])
        ]
        if features:
            style = {"color": colour, "weight": 2, "fillColor": colour, "fillOpacity": 0.8, "radius": 6}
            layers.append(GeometryLayer(name=f"Assessed as {name}", features=features, style=style, shape="dot"))
    lost = sum(row["lat_deg"] is None for row in rows)
    notes = [f"{lost} things have no place on the ground."] if lost else []
    return MapContent(
        title=title,
        subtitle=f"{len(rows) - lost} things where they were last",
        layers=layers,
        notes=[*notes, "Machine assessments; a person decides."],
    )


def _features(things: Things, row: int, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    table = [[label, str(told[key])] for key, label in _ROWS if told[key] is not None]
    common = {"title": told["id"], "rows": table, "note": "Machine assessment; a person decides."}
    points = slice(int(things.offsets[row]), int(things.offsets[row + 1]))
    path = list(zip(things.point_lon_deg[points].tolist(), things.point_lat_deg[points].tolist(), strict=True))
    walked = [line(path, **common)] if len(path) > 1 else []
    return [*walked, spot(told["lon_deg"], told["lat_deg"], **common)]


def _border_layer(border: Sequence[Sequence[tuple[float, float]]]) -> GeometryLayer:
    features = [line(points, title="Border") for points in border]
    return GeometryLayer(name="Border", features=features, style={"color": "#c62828", "weight": 3}, legend="border")
