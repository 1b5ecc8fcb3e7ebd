"""Points, lines and polygons of a file, as columns."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from numpy.typing import NDArray


class ShapeKind(enum.IntEnum):
    """What a part is."""

    POINT = 0
    LINE = 1
    POLYGON = 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorShapes:
    """The parts of a vector file on WGS 84: multi-geometries and collections are taken apart, heights left out."""

    kind: NDArray[np.int8]
    """(parts,) a `ShapeKind` each."""
    ring_start: NDArray[np.int64]
    """(parts + 1,): part k has rings `ring_start[k]` to `ring_start[k + 1]`; a point or a line has one."""
    point_start: NDArray[np.int64]
    """(rings + 1,): likewise the points of a ring. A polygon's first ring is its outer one."""
    lon_lat_deg: NDArray[np.float64]
    """(points, 2)."""

    @classmethod
    def of_bytes(cls, parts: int, rings: int, points: int, data: bytes) -> Self:
        """Take the columns from a child's answer, believing nothing of it.

        Raises
        ------
        ValueError
            When sizes, starts or coordinates do not fit together.
        """
        counts = (parts, rings, points)
        if min(counts) < 0 or len(data) != parts + 8 * (parts + 1 + rings + 1) + 16 * points:
            raise ValueError(f"{len(data)} bytes do not hold {parts} parts, {rings} rings and {points} points")
        xy = np.frombuffer(data, "<f8", 2 * points).reshape(points, 2)
        ring_start = np.frombuffer(data, "<i8", parts + 1, 16 * points)
        point_start = np.frombuffer(data, "<i8", rings + 1, 16 * points + 8 * (parts + 1))
        kind = np.frombuffer(data, "<i1", parts, len(data) - parts)
        for start, end in ((ring_start, rings), (point_start, points)):
            if start[0] != 0 or start[-1] != end or (np.diff(start) < 0).any():
                raise ValueError("its parts do not follow one another")
        if (np.diff(ring_start) < 1).any() or (np.diff(point_start) < 1).any():
            raise ValueError("a part of it is empty")
        if not np.isin(kind, list(ShapeKind)).all() or not (np.abs(xy) <= [360.0, 90.0]).all():
            raise ValueError("it holds what is no place on Earth")
        return cls(kind=kind, ring_start=ring_start, point_start=point_start, lon_lat_deg=xy)

    def __len__(self) -> int:
        return len(self.kind)

    def rings(self, part: int) -> Iterator[NDArray[np.float64]]:
        """Yield the rings of a part, (n, 2) longitude and latitude each."""
        for ring in range(self.ring_start[part], self.ring_start[part + 1]):
            yield self.lon_lat_deg[self.point_start[ring] : self.point_start[ring + 1]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorFeatures:
    """The parts of a vector file and what it says of the feature each is of."""

    shapes: VectorShapes
    feature: NDArray[np.int64]
    """(parts,) index into `attributes`."""
    attributes: tuple[dict[str, Any], ...]

    @classmethod
    def of_bytes(cls, header: Mapping[str, Any], data: bytes) -> Self:
        """Take them from a child's answer, believing nothing of it.

        Raises
        ------
        ValueError
            When sizes do not fit together or the attributes are none.
        """
        parts, length = int(header["parts"]), int(header["attributes"])
        if length < 0 or length + 8 * parts > len(data):
            raise ValueError("its attributes do not fit")
        packed = len(data) - length - 8 * parts
        shapes = VectorShapes.of_bytes(parts, int(header["rings"]), int(header["points"]), data[:packed])
        feature = np.frombuffer(data, "<i8", parts, packed)
        told = json.loads(data[len(data) - length :])
        if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
            raise ValueError("its attributes are no list of features")
        if parts and not (feature.min() >= 0 and feature.max() < len(told)):
            raise ValueError("a part of it is of no feature")
        return cls(shapes=shapes, feature=feature, attributes=tuple(told))
