"""The parameters of one vehicle, as a ground station saves them.

Mission Planner and MAVProxy write `NAME,VALUE` or `NAME VALUE` a line;
QGroundControl writes `vehicle component NAME VALUE type`, tab-separated, under
a comment that names the autopilot (`# Stack: PX4 Pro`). `#` starts a comment in both.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from geo.errors import InputError
from missions.documents.whole_file import read_text
from missions.plan_files.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES: Final = 4 * 2**20
"""A vehicle has 1 000 to 2 000 parameters, 40 to 100 kB of text."""
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,15}")
"""MAVLink PARAM_VALUE: at most 16 characters."""
_VERSION: Final = re.compile(r"Version:\s*(\d{1,3})\.(\d{1,3})")
_QGC_FIELDS: Final = 5
AUTOPILOT: Final = 1
"""MAV_COMP_ID_AUTOPILOT1 (MAVLink common.xml)."""
_OF_PX4: Final = ("SYS_AUTOSTART", "MAV_SYS_ID", "MIS_TKO_LAND_REQ", "COM_ARM_WO_GPS")
_OF_ARDUPILOT: Final = ("SYSID_THISMAV", "ARMING_CHECK", "ARMING_SKIPCHK", "FRAME_CLASS", "WPNAV_SPEED", "WP_RADIUS")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a parameter file holds."""

    where: str
    values: Mapping[str, float]
    dialect: Dialect | None
    """Whose parameters these are, None when nothing in the file tells."""
    version: tuple[int, int] | None = None
    """Major and minor version of the firmware, where QGroundControl wrote it (`# Version: 1.15.4`)."""


def read_parameters(path: Path) -> Parameters:
    """Read a parameter file of Mission Planner, MAVProxy or QGroundControl.

    Raises
    ------
    InputError
        Naming the file and the line that is no parameter.
    """
    return parse_parameters(read_text(path, max_bytes=MAX_BYTES), where=str(path))


def parse_parameters(text: str, *, where: str) -> Parameters:
    """Read the text of a parameter file; `where` names it in errors.

    Of a file that lists several components of a vehicle (a gimbal, a camera) the autopilot's parameters are taken.

    Raises
    ------
    InputError
        A line is no parameter, there are two vehicles, or one parameter has two values.
    """
    rows: list[_Row] = []
    stack = ""
    version: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        body, _, comment = line.partition("#")
        if comment.strip().startswith("Stack:"):
            stack = comment.partition(":")[2].strip().lower()
        said = _VERSION.match(comment.strip())
        if said:
            version = (int(said[1]), int(said[2]))
        if body.strip():
            rows.append(_parameter(body, number, where))
    values = _of_one(rows, where)
    return Parameters(where=where, values=values, dialect=_dialect(stack, values), version=version)


class _Row(NamedTuple):
    """A parameter as one line states it; vehicle and component where the file names them."""

    line: int
    name: str
    value: float
    vehicle: int | None = None
    component: int | None = None


def _of_one(rows: list[_Row], where: str) -> dict[str, float]:
    """Return the values of one vehicle's autopilot."""
    if not rows:
        raise InputError(f"{where}: holds no parameter; save the vehicle's parameters to a file again")
    vehicles = sorted({row.vehicle for row in rows if row.vehicle is not None})
    if len(vehicles) > 1:
        raise InputError(
            f"{where}: holds the parameters of vehicles {vehicles[0]} and {vehicles[1]}; keep the lines of the "
            "one that flies"
        )
    own = [row for row in rows if row.component in (None, AUTOPILOT)] or rows
    first: dict[str, _Row] = {}
    for row in own:
        before = first.setdefault(row.name, row)
        if before.value != row.value:
            raise InputError(
                f"{where}: {row.name} is {before.value:g} in line {before.line} and {row.value:g} in line {row.line}; "
                "keep the line that holds"
            )
    return {name: row.value for name, row in first.items()}


def _parameter(body: str, line: int, file: str) -> _Row:
    where = f"{file}: line {line}"
    fields = body.replace(",", " ").replace("=", " ").split()
    vehicle = component = None
    if len(fields) == _QGC_FIELDS and fields[0].isdecimal() and fields[1].isdecimal():
        vehicle, component = int(fields[0][:9]), int(fields[1][:9])
        fields = fields[2:4]
    if len(fields) < 2 or not _NAME.fullmatch(fields[0]):
        raise InputError(
            f"{where}: {body.strip()[:40]!r} is no parameter; expected NAME,VALUE (Mission Planner) or "
            "vehicle, component, NAME, VALUE, type (QGroundControl)"
        )
    try:
        value = float(fields[1])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: the value {fields[1][:20]!r} of {fields[0]} is not a number")
    return _Row(line, fields[0], value, vehicle, component)


def _dialect(stack: str, values: Mapping[str, float]) -> Dialect | None:
    if "px4" in stack or any(name in values for name in _OF_PX4):
        return Dialect.PX4
    if "ardupilot" in stack or any(name in values for name in _OF_ARDUPILOT):
        return Dialect.ARDUPILOT
    return None
