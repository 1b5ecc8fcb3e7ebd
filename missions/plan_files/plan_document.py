"""What any plan file holds, whoever wrote it: items, fence, rally points, and what only that format knows."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from missions.plan import LegKind, MissionItem
from missions.plan_files.dialect import Dialect, as_dialect, filled

if TYPE_CHECKING:
    from missions.plan import Sortie, VehicleParameter

MAV_TYPE_FIXED_WING: Final = 1
MAV_TYPE_QUADROTOR: Final = 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where the altitudes of relative items count from: degrees, metres above mean sea level."""

    lat_deg: float
    lon_deg: float
    alt_amsl_m: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ComplexItem:
    """A pattern of a ground station, with the run of flattened items it stands for.

    `geometry_lonlat` is the polygon (ring not closed) or line it was drawn
    with, as (lon, lat) degrees; `settings` holds its numbers by their own names.
    """

    kind: str
    version: int
    first_item: int
    item_count: int
    geometry_lonlat: tuple[tuple[float, float], ...]
    settings: tuple[tuple[str, float], ...] = ()
    carried: str = "{}"
    """The pattern as it stood in the file (JSON), so that what we do not use is written back."""

    def setting(self, name: str) -> float:
        """Return one number by its own name, NaN where the file has none."""
        return dict(self.settings).get(name, math.nan)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanDocument:
    """One plan file, read. Items count from 0 without home; jumps point at those numbers."""

    source_format: str
    dialect: Dialect | None
    home: Home | None
    items: tuple[MissionItem, ...]
    fence: tuple[MissionItem, ...] = ()
    rally: tuple[MissionItem, ...] = ()
    vehicle_type: int = 0
    """MAV_TYPE number; 0 when the file does not say."""
    cruise_speed_mps: float = math.nan
    hover_speed_mps: float = math.nan
    complexes: tuple[ComplexItem, ...] = ()
    jump_ids: tuple[int, ...] = ()
    """The file's own item numbers, where it has them."""
    item_extras: tuple[str, ...] = ()
    """For each item, the keys only the file knows (JSON), so that they are written back."""
    carried: str = "{}"
    """The file's other keys (JSON), so that they are written back."""
    aircraft: str = ""
    """Which of a brief's aircraft flies it, where a plan folder says so."""
    vehicle_parameters: tuple[VehicleParameter, ...] = ()
    """What a plan folder asks to be set on the vehicle; no plan file can hold it."""
    problems: tuple[str, ...] = ()


def document_from_sortie(sortie: Sortie, dialect: str, *, vehicle_type: int = MAV_TYPE_QUADROTOR) -> PlanDocument:
    """Turn a sortie into the content of a plan file.

    Parameters
    ----------
    sortie
        The flight; its items exclude home.
    dialect
        ``"ardupilot"`` or ``"px4"``.
    vehicle_type
        MAV_TYPE number written into the file (1 fixed wing, 2 quadrotor).
    """
    speeds = [leg.speed_mps for leg in sortie.legs if leg.kind is LegKind.WORK and leg.speed_mps > 0.0]
    speed = speeds[0] if speeds else math.nan
    return PlanDocument(
        source_format="sortie",
        dialect=as_dialect(dialect),
        home=Home(lat_deg=sortie.home_lat_deg, lon_deg=sortie.home_lon_deg, alt_amsl_m=sortie.home_alt_amsl_m),
        items=filled(sortie.items, dialect),
        fence=sortie.fence,
        rally=sortie.rally,
        vehicle_type=vehicle_type,
        aircraft=sortie.aircraft,
        vehicle_parameters=sortie.vehicle_parameters,
        cruise_speed_mps=speed,
        hover_speed_mps=speed,
    )
