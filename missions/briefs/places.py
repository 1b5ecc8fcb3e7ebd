"""Places in a brief: the border, sites, rally points, the station, zones, where to stay and what to avoid."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray  # noqa: TC002 - pydantic reads the annotation
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Latitude = Annotated[float, Field(ge=-90.0, le=90.0, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180.0, le=180.0, allow_inf_nan=False)]
Metres = Annotated[float, Field(ge=0.0, le=100_000.0, allow_inf_nan=False)]
Altitude = Annotated[float, Field(ge=-500.0, le=20_000.0, allow_inf_nan=False)]
Few = Annotated[int, Field(ge=0, le=100)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w .\-]+$")]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeoLine:
    """A line or ring on WGS 84: (n,) degrees each, read-only."""

    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]

    @classmethod
    def of(cls, lat_deg: object, lon_deg: object) -> GeoLine:
        """Build from anything array-like and lock the arrays."""
        lat = np.array(lat_deg, dtype=float)
        lon = np.array(lon_deg, dtype=float)
        lat.flags.writeable = lon.flags.writeable = False
        return cls(lat_deg=lat, lon_deg=lon)


class Section(BaseModel):
    """A table of a brief: frozen, with no keys but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, strict=False)


class OwnSide(Section):
    """Which side of the border is ours: a hand, a point on it, or polygons of it (rings, holes included)."""

    hand: Literal["left", "right"] | None = None
    lat_deg: Latitude | None = None
    lon_deg: Longitude | None = None
    polygons: tuple[tuple[GeoLine, ...], ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.hand is not None, self.lat_deg is not None and self.lon_deg is not None, bool(self.polygons)]
        if sum(ways) != 1:
            raise ValueError("say it in one way: left, right, a point, or a polygon file")
        return self


class Border(Section):
    """The line nobody crosses. `lines` keep the direction they were drawn in."""

    lines: tuple[GeoLine, ...]
    own_side: OwnSide
    source: str = ""
    bridge_gaps_m: Metres = 2000.0
    """Gaps between parts up to this long are flown along as border; longer ones are only guarded."""


def _of_all(value: object) -> object:
    """Return a plain number of aircraft as the number of all types together."""
    return value if isinstance(value, dict) else {"": value}


class LaunchSite(Section):
    """Where aircraft take off and land."""

    name: Name
    lat_deg: Latitude
    lon_deg: Longitude
    aircraft: Annotated[dict[str, Few], BeforeValidator(_of_all)] = {}
    """Most aircraft it takes of each type by its name, and of all together under the name ""."""

    def room(self, label: str, count: int) -> int:
        """Return how many of so many aircraft of a type it takes."""
        return min(count, self.aircraft.get(label, count), self.aircraft.get("", count))


class RallyPoint(Section):
    """Somewhere else to go when going home is not possible."""

    name: Name
    lat_deg: Latitude
    lon_deg: Longitude
    alt_agl_m: Annotated[float, Field(ge=5.0, le=5000.0)] = 60.0


class Station(Section):
    """The ground station the radio link goes to."""

    lat_deg: Latitude
    lon_deg: Longitude
    antenna_m: Annotated[float, Field(ge=0.0, le=500.0)] = 3.0


class Area(Section):
    """Ground with an outline: polygons (outer ring, then holes) or a circle, and a distance kept from its edge."""

    polygons: tuple[tuple[GeoLine, ...], ...] = ()
    centre: tuple[Latitude, Longitude] | None = None
    radius_m: Annotated[float, Field(gt=0.0, le=200_000.0)] | None = None
    clearance_m: Metres = 30.0

    @property
    def drawn(self) -> bool:
        """Whether it was drawn, rather than given as a circle."""
        return bool(self.polygons)

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        circle = self.centre is not None and self.radius_m is not None
        if circle == self.drawn:
            raise ValueError("needs a polygon, or a centre and radius_m, and not both")
        return self


AboveGround = Annotated[float, Field(ge=0.0, le=20_000.0, allow_inf_nan=False)]


class Zone(Area):
    """Air nobody enters, with its floor, ceiling and the clearance kept from its edge; or an obstacle.

    A floor or ceiling counts from the sea, the ground, or from both where it is not known which: then the lower floor
    and the higher ceiling hold. `lines` are power lines, masts and turbines (lines of one point).
    """

    name: Name
    floor_amsl_m: Altitude | None = None
    ceiling_amsl_m: Altitude | None = None
    floor_agl_m: AboveGround | None = None
    ceiling_agl_m: AboveGround | None = None
    lines: tuple[GeoLine, ...] = ()
    half_width_m: Annotated[float, Field(gt=0.0, le=1000.0)] = 5.0
    """How far lines and points reach to each side."""
    remarks: tuple[str, ...] = ()
    """What had to be assumed of it, where a file left it open."""

    @property
    def drawn(self) -> bool:
        """Whether it was drawn, rather than given as a circle."""
        return bool(self.polygons) or bool(self.lines)

    @model_validator(mode="after")
    def _layer(self) -> Self:
        for word in ("amsl", "agl"):
            low, high = getattr(self, f"floor_{word}_m"), getattr(self, f"ceiling_{word}_m")
            if low is not None and high is not None and low >= high:
                raise ValueError(f"floor_{word}_m {low:g} must be below ceiling_{word}_m {high:g}")
        return self


class KeepIn(Area):
    """Ground no path leaves; `clearance_m` is kept inside its edge and about its holes."""


ROAD_CLEARANCE_M: Final = 30.0
"""Kept from roads and single places to avoid where the brief does not say: they have no width of their own."""


class Avoid(Area):
    """Ground whose people are not overflown while another way exists: villages, roads, schools.

    `lines` are roads and single places (lines of one point); with them `clearance_m` says how wide they are.
    """

    name: Name
    lines: tuple[GeoLine, ...] = ()
    clearance_m: Metres = 0.0

    @property
    def drawn(self) -> bool:
        """Whether it was drawn, rather than given as a circle."""
        return bool(self.polygons) or bool(self.lines)

    @model_validator(mode="after")
    def _wide(self) -> Self:
        if self.lines and self.clearance_m == 0.0:
            raise ValueError("lines and points cover no ground; say how far from them not to fly with clearance_m")
        return self
