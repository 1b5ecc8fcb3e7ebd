"""`QGC WPL 110` text: the waypoints of Mission Planner, MAVProxy and QGroundControl.

One line an item, twelve fields: index, current, frame, command, four
parameters, latitude, longitude, altitude, autocontinue. ArduPilot tools keep
home in row 0. The format has no fence and no rally points; pymavlink writes
those with the same twelve fields and their own commands, so they are read too.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from missions.documents.places import check_place
from missions.documents.whole_file import write_whole
from missions.plan import MissionItem
from missions.plan_files.dialect import (
    JUMP_COMMANDS,
    MAV_FRAME_GLOBAL,
    POSITION_COMMANDS,
    Dialect,
    as_dialect,
    items_from_wire,
    wire_items,
)
from missions.plan_files.item_fields import number_or_nan
from missions.plan_files.item_limits import checked_fence, checked_item
from missions.plan_files.plan_document import Home, PlanDocument

if TYPE_CHECKING:
    from pathlib import Path

    from missions.plan import Sortie

HEADER: Final = "QGC WPL 110"
MAX_ROWS: Final = 65_536
_FENCE: Final = range(5000, 5005)
_RALLY: Final = 5100
_FIELDS: Final = 12


def write_waypoints(sortie: Sortie, dialect: str, path: Path) -> None:
    """Write a sortie's mission as WPL 110, whole or not at all; home is row 0 for ArduPilot only."""
    write_whole(path, waypoint_text(wire_items(sortie, dialect)))


def waypoint_text(rows: tuple[MissionItem, ...]) -> str:
    """Return the text of rows as they go over the wire (home included where the dialect has it)."""
    lines = [HEADER]
    for row in rows:
        lat_deg, lon_deg = (0.0 if math.isnan(v) else v for v in (row.lat_deg, row.lon_deg))
        numbers = (row.p1, row.p2, row.p3, row.p4)
        fields = [
            f"{row.seq}\t{int(row.current)}\t{row.frame}\t{row.command}",
            *(f"{value:.8f}" for value in numbers),
            f"{lat_deg:.8f}\t{lon_deg:.8f}\t{row.alt_m:.6f}\t{int(row.autocontinue)}",
        ]
        lines.append("\t".join(fields))
    return "\n".join(lines) + "\n"


def parse_waypoints(text: str, *, where: str, dialect: str | None = None) -> PlanDocument:
    """Read WPL 110 text; `where` names it in errors."""
    lines = text.splitlines()
    if not lines or lines[0].split() != HEADER.split():
        found = lines[0][:40] if lines else "nothing"
        raise InputError(f"{where}: the first line must be {HEADER!r}, found {found!r}", expected=HEADER, actual=found)
    rows = [
        _row(line, f"{where}: line {number}")
        for number, line in enumerate(lines[1:], start=2)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(rows) > MAX_ROWS:
        raise InputError(f"{where}: {len(rows)} rows; a vehicle can hold at most {MAX_ROWS}", actual=len(rows))
    fence = tuple(row for row in rows if row.command in _FENCE)
    rally = tuple(row for row in rows if row.command == _RALLY)
    flown = tuple(row for row in rows if row.command not in _FENCE and row.command != _RALLY)
    numbered = tuple(dataclasses.replace(row, seq=index) for index, row in enumerate(flown))
    home, items, told = _split_home(numbered, None if dialect is None else as_dialect(dialect))
    return PlanDocument(
        source_format=HEADER,
        dialect=told,
        home=home,
        items=items,
        fence=checked_fence(fence, where),
        rally=rally,
        problems=tuple(_numbering_problems(flown)),
    )


def _row(line: str, where: str) -> MissionItem:
    fields = line.split()
    if len(fields) != _FIELDS:
        raise InputError(
            f"{where} has {len(fields)} fields; {_FIELDS} are needed", expected=_FIELDS, actual=len(fields)
        )
    seq, current, frame, command, autocontinue = (_whole(fields[i], i, where) for i in (0, 1, 2, 3, 11))
    p1, p2, p3, p4, lat_deg, lon_deg, alt_m = (_number(fields[i], i, where) for i in range(4, 11))
    if command not in POSITION_COMMANDS and command != 0:
        lat_deg, lon_deg = (v if v else math.nan for v in (lat_deg, lon_deg))
    item = MissionItem(
        seq=seq,
        command=command,
        frame=frame,
        p1=p1,
        p2=p2,
        p3=p3,
        p4=p4,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        alt_m=alt_m,
        current=bool(current),
        autocontinue=bool(autocontinue),
    )
    if command == 0:
        check_place(lat_deg, lon_deg, where)
    return checked_item(item, where)


def _number(text: str, index: int, where: str) -> float:
    return number_or_nan(text, f"{where}, field {index + 1}")


def _whole(text: str, index: int, where: str) -> int:
    value = _number(text, index, where)
    if not value.is_integer() or not 0 <= value <= 65_535:
        raise InputError(f"{where}, field {index + 1}: {text[:20]!r} must be a whole number from 0 to 65535")
    return int(value)


def _split_home(
    rows: tuple[MissionItem, ...], dialect: Dialect | None
) -> tuple[Home | None, tuple[MissionItem, ...], Dialect | None]:
    looks_like_home = bool(rows) and rows[0].command in (0, 16) and rows[0].frame == MAV_FRAME_GLOBAL
    if dialect is Dialect.PX4 or not looks_like_home:
        return None, rows, dialect
    first, items = items_from_wire(rows, Dialect.ARDUPILOT)
    if first is None or (first.lat_deg == 0.0 and first.lon_deg == 0.0):
        return None, items, Dialect.ARDUPILOT
    return Home(lat_deg=first.lat_deg, lon_deg=first.lon_deg, alt_amsl_m=first.alt_m), items, Dialect.ARDUPILOT


def _numbering_problems(rows: tuple[MissionItem, ...]) -> list[str]:
    """Say where rows are out of order; tools fly them in the order of the lines, whatever their numbers."""
    wrong = [row for index, row in enumerate(rows) if row.seq != index]
    problems = [f"rows are not numbered from 0 in order (first at {wrong[0].seq}); line order counts"] if wrong else []
    problems += [
        f"item {index} jumps to item {row.p1:g}, which does not exist"
        for index, row in enumerate(rows)
        if row.command in JUMP_COMMANDS and row.p1 not in range(len(rows))
    ]
    return problems
