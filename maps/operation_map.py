"""The map of an operation: what was planned, flown, seen and found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maps.brief_layers import brief_layers
from maps.hillshade import hillshade
from maps.layers import pack_hits
from maps.offline_map import MapContent, bounds_of
from maps.patrol_layers import flown_layer, footprint_layer, ground_track_layer, plan_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detection.ground_hits import GroundHits
    from geo.values import Terrain
    from maps.hillshade import Hillshade
    from missions.briefs.brief import Brief
    from missions.plan import Plan
    from operations.frames import Frames
    from operations.store import OperationStore


def unplaced_note(hits: GroundHits) -> str:
    """Say how many hits are not on the map, and why."""
    reasons = hits.reasons()
    if not reasons:
        return ""
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"{sum(reasons.values())} hits have no place on the ground: {listed}."


def operation_map(
    store: OperationStore,
    *,
    brief: Brief | None = None,
    plan: Plan | None = None,
    flights: Sequence[tuple[str, Sequence[tuple[float, float]]]] = (),
    terrain: Terrain | None = None,
) -> MapContent:
    """Collect the layers of an operation, from the ground up.

    `flights` are names with longitude, latitude pairs of the tracks as flown;
    without them the camera positions of the analysed frames stand in.
    """
    frames, hits = store.frames(), store.hits()
    flown = flights or _camera_paths(store, frames)
    layers = [
        *(brief_layers(brief) if brief else []),
        footprint_layer(frames),
        *(plan_layers(plan) if plan else []),
        flown_layer(flown),
        ground_track_layer(store.tracks()),
    ]
    placed = pack_hits(hits, store.chips())
    note = unplaced_note(hits)
    return MapContent(
        title=store.name,
        subtitle=f"{placed.count} placed hits from {len(store.media())} recordings",
        layers=layers,
        hits=placed,
        hillshade=shade(terrain, bounds_of(layers)) if terrain is not None else None,
        notes=[
            n
            for n in (
                note,
                "Dashed legs are transits, turns and returns. Hits are machine assessments; a person decides.",
            )
            if n
        ],
    )


def _camera_paths(store: OperationStore, frames: Frames) -> list[tuple[str, list[tuple[float, float]]]]:
    posed = frames.posed
    paths = []
    for record in store.media():
        rows = posed & (frames.media.texts() == record.id)
        pairs = zip(frames.lon_deg[rows].tolist(), frames.lat_deg[rows].tolist(), strict=True)
        paths.append((record.name, list(pairs)))
    return paths


def shade(terrain: Terrain, bounds: list[list[float]]) -> Hillshade | None:
    """Shade the terrain in and a little around a box of south-west and north-east corners."""
    (south, west), (north, east) = bounds
    margin = 0.4 * max(north - south, east - west)
    return hillshade(
        terrain,
        south_deg=south - margin,
        west_deg=west - margin,
        north_deg=north + margin,
        east_deg=east + margin,
    )
