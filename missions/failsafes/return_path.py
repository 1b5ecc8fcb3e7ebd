"""The way back that a mission holds itself: ArduCopter's return path, to the place and back along it.

Where a failsafe asks for it (FS_THR_ENABLE, FS_GCS_ENABLE or BATT_FS_LOW_ACT 6), ArduCopter 4.6 and later looks for the
nearest leg after any DO_RETURN_PATH_START, flies to that leg's end and on from there to the landing
(`AP_Mission::jump_to_closest_mission_leg`); past one of these items it simply goes on. So a mission that turns round
half-way is written as::

    out | DO_RETURN_PATH_START | onward | LAND | DO_RETURN_PATH_START | out, backwards | LAND

Broken off on the way out, the nearest leg is the one being flown, backwards; later it is the one being flown. What
follows the first LAND is reached in no other way: ArduCopter disarms when it has landed (`ModeAuto::verify_land`).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from missions.plan import LegKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from missions.plan import Leg, MissionItem

RETURN_PATH_START: Final = 188
"""MAV_CMD_DO_RETURN_PATH_START."""
FIRST_VERSION: Final = (4, 6)
"""Of ArduCopter ("AutoRTL mode supports DO_RETURN_PATH_START", release notes of 4.6.0-beta1)."""
_WAYPOINT: Final = 16
_LAND: Final = 21
_WAIT: Final = 19
_PLACED: Final = frozenset({_WAYPOINT, 22, _WAIT})
_ELSEWHERE: Final = frozenset({17, 18, 20, 31, 82, 177, 179, 189, 601})
"""Items with which there is more to a mission than out and back: circles, splines, jumps, other homes."""
_SAME_DEG: Final = 1e-6
_SAME_M: Final = 0.05
"""What plan files and the wire round places to."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReturnPath:
    """Where in a mission its way back begins, as indices of its items."""

    turn: int
    """The DO_RETURN_PATH_START after which it goes on to the landing."""
    end: int
    """One past the landing: what follows is the way out, backwards."""
    legs_out: int
    """How many legs lie before `turn`."""


def turn_leg(legs: Sequence[Leg]) -> int:
    """Return the leg from which on flying on is shorter than flying back: the one in the middle of the time."""
    half_s = (legs[0].t_start_s + legs[-1].t_end_s) / 2.0
    first = next((k for k, leg in enumerate(legs) if leg.t_end_s >= half_s), len(legs) - 1)
    return min(max(first, 1), len(legs) - 1)


def with_return_path(items: Sequence[MissionItem], legs: Sequence[Leg]) -> tuple[MissionItem, ...]:
    """Give a multirotor's mission the way back along the first half of its legs.

    Parameters
    ----------
    items, legs
        The mission without such a way, and what it flies: an item with a place for each leg that is no wait.
    """
    placed = [k for k, item in enumerate(items) if item.command in _PLACED]
    out = [items[k] for k in placed[: sum(leg.kind is not LegKind.HOLD for leg in legs[: turn_leg(legs)])]]
    start = dataclasses.replace(out[-1], command=RETURN_PATH_START, p1=0.0, p2=0.0, p3=0.0, p4=0.0, current=False)
    back = [dataclasses.replace(item, command=_WAYPOINT, current=False) for item in out[-2::-1]]
    at = placed[len(out) - 1] + 1
    made = [*items[:at], start, *items[at:], start, *back, items[-1]]
    return tuple(dataclasses.replace(item, seq=seq) for seq, item in enumerate(made))


def return_path_of(items: Sequence[MissionItem]) -> ReturnPath | None:
    """Return the way back that a mission holds, None where it has none or another than the one described above."""
    starts = [k for k, item in enumerate(items) if item.command == RETURN_PATH_START]
    lands = [k for k, item in enumerate(items) if item.command == _LAND]
    if len(starts) != 2 or len(lands) != 2 or any(item.command in _ELSEWHERE for item in items):
        return None
    turn, end = starts[0], lands[0] + 1
    out = [item for item in items[:turn] if item.command in _PLACED]
    back = items[end + 1 : -1]
    whole = starts[1] == end and lands[1] == len(items) - 1 and bool(out)
    if not whole or any(item.command != _WAYPOINT for item in back) or len(back) != len(out) - 1:
        return None
    pairs = [(items[turn], out[-1]), (items[end], out[-1]), (items[-1], items[end - 1])]
    pairs += zip(back, out[-2::-1], strict=True)
    if not all(_same(a, b) for a, b in pairs):
        return None
    waits = sum(item.command == _WAIT for item in out)
    return ReturnPath(turn=turn, end=end, legs_out=len(out) + waits)


def without_return_path(items: Sequence[MissionItem]) -> tuple[MissionItem, ...]:
    """Return the items of a mission without the way back that it holds."""
    path = return_path_of(items)
    return tuple(items) if path is None else (*items[: path.turn], *items[path.turn + 1 : path.end])


def flown_items(items: Sequence[MissionItem]) -> Sequence[MissionItem]:
    """Return the items of a mission up to its landing, without a way back that it holds after that."""
    path = return_path_of(items)
    return items if path is None else items[: path.end]


def _same(a: MissionItem, b: MissionItem) -> bool:
    return (
        a.frame == b.frame
        and math.isclose(a.lat_deg, b.lat_deg, rel_tol=0.0, abs_tol=_SAME_DEG)
        and math.isclose(a.lon_deg, b.lon_deg, rel_tol=0.0, abs_tol=_SAME_DEG)
        and abs(a.alt_m - b.alt_m) <= _SAME_M
    )
