"""Fence and rally files: the text of the first MAVProxy and Mission Planner, and their WPL 110 successors.

Old fence: `latitude longitude` lines, the first the return point, then a ring
that ends where it began. Old rally: `RALLY lat lon alt break_alt land_dir
flags` (pymavlink `mavwp.MAVFenceLoader`, `MAVRallyLoader`). New: WPL 110 rows
with the commands of the fence (5000-5004) and rally (5100) lists.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from missions.documents.places import check_place
from missions.documents.whole_file import write_whole
from missions.plan import MissionItem
from missions.plan_files.dialect import MAV_FRAME_GLOBAL_RELATIVE_ALT
from missions.plan_files.item_fields import finite_number
from missions.plan_files.item_limits import checked_item
from missions.plan_files.plan_document import PlanDocument
from missions.plan_files.qgc_fence import BREACH_RETURN, RALLY_POINT, polygon_items
from missions.plan_files.waypoints_file import HEADER, parse_waypoints, waypoint_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_LINES: Final = 10_000
_RALLY_WORD: Final = "RALLY"


def parse_fence_rally(text: str, *, where: str) -> PlanDocument:
    """Read fence or rally text of either generation; `where` names it in errors.

    Raises
    ------
    InputError
        Naming `where` and the line.
    """
    if text.startswith(HEADER):
        return parse_waypoints(text, where=where)
    lines = [(n, line.split()) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    rows = [(n, fields) for n, fields in lines if not fields[0].startswith("#")]
    if not rows:
        raise InputError(f"{where}: the file is empty")
    if len(rows) > MAX_LINES:
        raise InputError(f"{where}: {len(rows)} lines; at most {MAX_LINES} are read")
    if rows[0][1][0] == _RALLY_WORD:
        return PlanDocument(
            source_format="rally text",
            dialect=None,
            home=None,
            items=(),
            rally=tuple(_rally_point(fields, seq, f"{where}: line {n}") for seq, (n, fields) in enumerate(rows)),
        )
    return PlanDocument(source_format="fence text", dialect=None, home=None, items=(), fence=_old_fence(rows, where))


def _old_fence(rows: list[tuple[int, list[str]]], where: str) -> tuple[MissionItem, ...]:
    points = [_numbers(fields, 2, f"{where}: line {n}") for n, fields in rows]
    for (n, _), (lat_deg, lon_deg) in zip(rows, points, strict=True):
        check_place(lat_deg, lon_deg, f"{where}: line {n}")
    ring = [(lat, lon) for lat, lon in points[1:]]
    if len(ring) > 1 and ring[0] == ring[-1]:
        ring.pop()
    if len(ring) < 3:
        raise InputError(
            f"{where}: a fence needs its return point and a ring of three corners or more, found {len(ring)} corners"
        )
    items = polygon_items(ring, inclusion=True, first=0)
    home = MissionItem(
        seq=len(items),
        command=BREACH_RETURN,
        frame=MAV_FRAME_GLOBAL_RELATIVE_ALT,
        lat_deg=points[0][0],
        lon_deg=points[0][1],
    )
    return (*items, home)


def _rally_point(fields: list[str], seq: int, where: str) -> MissionItem:
    if fields[0] != _RALLY_WORD:
        raise InputError(f"{where} must begin with {_RALLY_WORD}, found {fields[0][:20]!r}")
    lat_deg, lon_deg, alt_m, break_alt_m, land_dir_deg, flags = _numbers(fields[1:], 6, where)
    check_place(lat_deg, lon_deg, where)
    point = MissionItem(
        seq=seq,
        command=RALLY_POINT,
        frame=MAV_FRAME_GLOBAL_RELATIVE_ALT,
        p1=break_alt_m,
        p2=land_dir_deg,
        p3=flags,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        alt_m=alt_m,
    )
    return checked_item(point, where)


def _numbers(fields: list[str], count: int, where: str) -> list[float]:
    if len(fields) != count:
        raise InputError(f"{where} has {len(fields)} numbers; {count} are needed", expected=count, actual=len(fields))
    return [finite_number(field, where) for field in fields]


def write_fence_rally(items: Iterable[MissionItem], path: Path) -> None:
    """Write fence or rally items as WPL 110 rows, numbered from 0, whole or not at all."""
    rows = tuple(dataclasses.replace(item, seq=seq) for seq, item in enumerate(items))
    write_whole(path, waypoint_text(rows))
