"""Litchi mission CSV: read into mission items, written from those it can hold.

Columns and codes as Litchi Mission Hub exports them: actions 0 stay (ms), 1
photo, 2 start and 3 stop recording, 4 turn aircraft (deg), 5 tilt camera (deg);
altitude mode 0 above take-off, 1 above ground; gimbal mode 0 off, 1 focus POI,
2 interpolate. At most 99 waypoints and 15 actions each. Heights may be in feet and
speeds in miles an hour, as the columns say.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from geo.vertical import FOOT_M
from missions.documents.places import check_place
from missions.documents.whole_file import write_whole
from missions.failsafes.return_path import flown_items
from missions.plan import MissionItem
from missions.plan_files.item_limits import checked_item
from missions.plan_files.losses import together
from missions.plan_files.plan_document import PlanDocument

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_WAYPOINTS: Final = 99
MAX_ACTIONS: Final = 15
_FRAME: Final = {0.0: 3, 1.0: 10}
_STAY, _PHOTO, _RECORD, _STOP, _TURN, _TILT = range(6)
_HEAD: Final = ("latitude", "longitude", "altitude(m)", "heading(deg)", "curvesize(m)", "rotationdir", "gimbalmode")
_TAIL: Final = (
    "altitudemode",
    "speed(m/s)",
    "poi_latitude",
    "poi_longitude",
    "poi_altitude(m)",
    "poi_altitudemode",
    "photo_timeinterval",
    "photo_distinterval",
)
_UNITS: Final = {
    "(ft)": ("(m)", FOOT_M),
    "(mph)": ("(m/s)", 0.44704),
    "(kph)": ("(m/s)", 1 / 3.6),
    "(km/h)": ("(m/s)", 1 / 3.6),
}
"""Units a column may name instead of the metric one, and its size: feet, miles and kilometres an hour (ISO 80000-3)."""
_ACTIONS: Final = tuple(f"action{part}{n}" for n in range(1, MAX_ACTIONS + 1) for part in ("type", "param"))
COLUMNS: Final = (*_HEAD, "gimbalpitchangle", *_ACTIONS, *_TAIL)


def parse_litchi(text: str, *, where: str) -> PlanDocument:
    """Read Litchi CSV text; `where` names it in errors.

    Raises
    ------
    InputError
        Naming the file, the line and the column.
    """
    first = text.split("\n", 1)[0]
    apart = ";" if ";" in first and "," not in first else ","  # spreadsheets of half of Europe
    reader = csv.DictReader(io.StringIO(text), delimiter=apart)
    names = {_metric(name)[0] for name in reader.fieldnames or ()}
    _refuse_units(names, where)
    missing = [name for name in ("latitude", "longitude", "altitude(m)") if name not in names]
    if missing:
        raise InputError(f"{where}: line 1 lacks the column {missing[0]!r}; this is not a Litchi mission")
    items: list[MissionItem] = []
    speed_mps = 0.0
    try:
        for row in reader:
            line = f"{where}: line {reader.line_num}"
            cells = _metric_cells(row, line, point="," if apart == ";" else ".")
            added, speed_mps = _waypoint(cells, line, speed_mps)
            items += [checked_item(item, line) for item in added]
    except csv.Error as error:
        raise InputError(f"{where}: line {reader.line_num} is not CSV ({error})") from error
    if not items:
        raise InputError(f"{where}: holds no waypoint")
    numbered = tuple(dataclasses.replace(item, seq=seq) for seq, item in enumerate(items))
    return PlanDocument(source_format="Litchi CSV", dialect=None, home=None, items=numbered)


def _metric(column: str | None) -> tuple[str, float]:
    """Return a column's metric name, and how many of its unit one of the file's is."""
    name, bracket, rest = (column or "").strip().lower().partition("(")
    metric, factor = _UNITS.get(bracket + rest, (bracket + rest, 1.0))
    return name.strip() + metric, factor


def _refuse_units(names: set[str], where: str) -> None:
    """Refuse a column that counts in a unit nobody knows: it would be left out, and heights and speeds be others."""
    known = {column.partition("(")[0]: column for column in COLUMNS if "(" in column}
    for name in sorted(names):
        plain = name.partition("(")[0]
        if "(" in name and plain in known and name != known[plain]:
            raise InputError(
                f"{where}: line 1, column {name[:40]!r} counts in a unit that is not known; {known[plain]} and "
                f"{', '.join(plain + unit for unit, (of, _) in _UNITS.items() if known[plain].endswith(of))} are"
            )


def _metric_cells(row: Mapping[str | None, object], where: str, point: str) -> dict[str, str]:
    """Return a row by the metric names of its columns, in their units; `point` is the decimal point it has."""
    cells = {}
    for column, value in row.items():
        if not isinstance(value, str):
            continue
        value = value.replace(point, ".")  # noqa: PLW2901
        name, factor = _metric(column)
        if factor != 1.0 and value.strip():
            value = repr(factor * _number({name: value}, name, where))  # noqa: PLW2901
        cells[name] = value
    return cells


def _number(cells: dict[str, str], name: str, where: str, default: float = 0.0) -> float:
    text = cells.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}, column {name!r}: {text[:20]!r} is not a number")
    return value


def _required(cells: dict[str, str], name: str, where: str) -> float:
    if not cells.get(name, "").strip():
        raise InputError(f"{where}, column {name!r}: is empty; a waypoint has a height")
    return _number(cells, name, where)


def _frame(cells: dict[str, str], name: str, where: str) -> int:
    mode = _number(cells, name, where)
    if mode not in _FRAME:
        raise InputError(f"{where}, column {name!r}: {mode:g} is not known; 0 counts from take-off, 1 from the ground")
    return _FRAME[int(mode)]


def _waypoint(cells: dict[str, str], where: str, speed_mps: float) -> tuple[list[MissionItem], float]:
    lat_deg, lon_deg = (_number(cells, name, where, math.nan) for name in ("latitude", "longitude"))
    check_place(lat_deg, lon_deg, where)
    items: list[MissionItem] = []
    asked_mps = abs(_number(cells, "speed(m/s)", where))  # backwards below 0
    if asked_mps > 0.0 and asked_mps != speed_mps:
        items.append(_command(178, 1.0, asked_mps, -1.0))
        speed_mps = asked_mps
    items.append(
        MissionItem(
            seq=0,
            command=16,
            frame=_frame(cells, "altitudemode", where),
            p4=_number(cells, "heading(deg)", where),
            lat_deg=lat_deg,
            lon_deg=lon_deg,
            alt_m=_required(cells, "altitude(m)", where),
        )
    )
    mode = int(_number(cells, "gimbalmode", where))
    if mode == 1:
        items.append(_region(cells, where))
    elif mode == 2:
        items.append(_command(1000, _number(cells, "gimbalpitchangle", where), 0.0))
    for number in range(1, MAX_ACTIONS + 1):
        kind = int(_number(cells, f"actiontype{number}", where, -1.0))
        if kind >= 0:
            items.append(_action(kind, _number(cells, f"actionparam{number}", where), where))
    return items, speed_mps


def _region(cells: dict[str, str], where: str) -> MissionItem:
    lat_deg, lon_deg = (_number(cells, name, where) for name in ("poi_latitude", "poi_longitude"))
    check_place(lat_deg, lon_deg, where)
    frame = _frame(cells, "poi_altitudemode", where)
    alt_m = _number(cells, "poi_altitude(m)", where)
    return MissionItem(seq=0, command=195, frame=frame, lat_deg=lat_deg, lon_deg=lon_deg, alt_m=alt_m)


def _command(command: int, *params: float) -> MissionItem:
    p1, p2, p3, p4 = (*params, 0.0, 0.0, 0.0, 0.0)[:4]
    return MissionItem(seq=0, command=command, frame=2, p1=p1, p2=p2, p3=p3, p4=p4)


def _action(kind: int, value: float, where: str) -> MissionItem:
    if kind == _STAY:
        return _command(93, value / 1000.0, -1.0, -1.0, -1.0)
    if kind == _PHOTO:
        return _command(2000, 0.0, 0.0, 1.0)
    if kind == _RECORD:
        return _command(2500)
    if kind == _STOP:
        return _command(2501)
    if kind == _TURN:
        return _command(115, value)
    if kind == _TILT:
        return _command(1000, value, 0.0)
    raise InputError(f"{where}: action type {kind:.6g} is not known (0 to 5 are)")


def write_litchi(document: PlanDocument, path: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write a mission as Litchi CSV, each file whole or not at all; over 99 waypoints as several files.

    Every file after the first begins with the last waypoint of the one before, so that they join.

    Returns
    -------
    (files, sentences)
        What was written, and what Litchi cannot hold and was left out, one sentence an item.

    Raises
    ------
    InputError
        When there are no waypoints.
    """
    rows, left_out = _rows(document)
    parts = [rows[k : k + MAX_WAYPOINTS] for k in range(0, max(len(rows) - 1, 1), MAX_WAYPOINTS - 1)]
    paths = [path] if len(parts) == 1 else [path.with_stem(f"{path.stem}-{n}") for n in range(1, len(parts) + 1)]
    for number, (part, to) in enumerate(zip(parts, paths, strict=True)):
        write_whole(to, _text(part if number == 0 else [_joined(part[0]), *part[1:]]))
    if len(parts) > 1:
        names = ", ".join(p.name for p in paths)
        said = f"{len(rows)} waypoints are more than the {MAX_WAYPOINTS} of one Litchi mission: written as {names}"
        left_out = (said, *left_out)
    return tuple(paths), left_out


def _joined(row: dict[str, float]) -> dict[str, float]:
    """Return the waypoint two missions share without its actions, which the first has done."""
    return row | {f"actiontype{n}": -1.0 for n in range(1, MAX_ACTIONS + 1)}


def _rows(document: PlanDocument) -> tuple[list[dict[str, float]], tuple[str, ...]]:
    """Return the waypoints of a mission as rows, and what was left out of them.

    Raises
    ------
    InputError
        When there are none.
    """
    rows: list[dict[str, float]] = []
    left_out: list[tuple[int, str]] = []
    speed_mps = 0.0
    for item in flown_items(document.items):
        if item.command == 178:
            speed_mps = item.p2
        elif item.command in (16, 22) and not math.isnan(item.lat_deg):
            if item.frame not in (3, 6, 10, 11):
                left_out.append((item.seq + 1, "heights above sea level are not known to Litchi; left out"))
                continue
            rows.append(_row(item, speed_mps))
            left_out += _changed(item, rows[-1])
        elif not rows or not _append(rows[-1], item):
            left_out.append((item.seq + 1, f"Litchi has no place for command {item.command}; left out"))
    if not rows:
        raise InputError("the plan has no waypoint that Litchi can hold; there is nothing to write")
    return rows, tuple(together("item", left_out))


def _text(rows: list[dict[str, float]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="0", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{value:.10g}" for name, value in row.items()} for row in rows)
    return out.getvalue()


def _changed(item: MissionItem, row: dict[str, float]) -> list[tuple[int, str]]:
    """Say what of a waypoint Litchi cannot hold, and put its hold into an action."""
    said = []
    if item.command == 22:
        said.append("becomes a waypoint; Litchi takes off by itself")
    elif item.p1 > 0.0:
        row |= {"actiontype1": float(_STAY), "actionparam1": item.p1 * 1000.0}
    if math.isnan(item.p4):
        said.append("the heading is not set and becomes 0 (north); Litchi has no unset heading")
    said += [
        f"parameter {n} ({value:g}) has no place with Litchi; left out"
        for n, value in ((2, item.p2), (3, item.p3))
        if value != 0.0 and not math.isnan(value)
    ]
    return [(item.seq + 1, sentence) for sentence in said]


def _row(item: MissionItem, speed_mps: float) -> dict[str, float]:
    row = {f"actiontype{n}": -1.0 for n in range(1, MAX_ACTIONS + 1)}
    return row | {
        "latitude": item.lat_deg,
        "longitude": item.lon_deg,
        "altitude(m)": item.alt_m,
        "heading(deg)": 0.0 if math.isnan(item.p4) else item.p4,
        "altitudemode": float(item.frame in (10, 11)),
        "speed(m/s)": speed_mps,
        "photo_timeinterval": -1.0,
        "photo_distinterval": -1.0,
    }


def _append(row: dict[str, float], item: MissionItem) -> bool:
    """Put a command into the row of the waypoint before it; False where Litchi has no such thing."""
    used = sum(row[f"actiontype{n}"] >= 0 for n in range(1, MAX_ACTIONS + 1))
    if item.command == 195:
        row |= {"gimbalmode": 1.0, "poi_latitude": item.lat_deg, "poi_longitude": item.lon_deg}
        row |= {"poi_altitude(m)": item.alt_m, "poi_altitudemode": float(item.frame in (10, 11))}
        return True
    if item.command == 1000 and "gimbalmode" not in row and not used:
        row |= {"gimbalmode": 2.0, "gimbalpitchangle": item.p1}
        return True
    action = {
        93: (_STAY, item.p1 * 1000.0),
        2000: (_PHOTO, 0.0),
        2500: (_RECORD, 0.0),
        2501: (_STOP, 0.0),
        115: (_TURN, item.p1),
        1000: (_TILT, item.p1),
    }.get(item.command)
    if action is None or used >= MAX_ACTIONS:
        return False
    row[f"actiontype{used + 1}"], row[f"actionparam{used + 1}"] = map(float, action)
    return True
